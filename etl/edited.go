package etl

import (
	"fmt"
	"strconv"
	"strings"
)

// An editable workbook is an export that can be edited and imported again. Beside
// its tickets it has these hidden sheets.
const (
	EditedSheet   = "ticketetl"          // what the workbook is: names in column A, values in B; its mapping, line by line
	ChoicesSheet  = "ticketetl_choices"  // what drop-downs offer
	BaselineSheet = "ticketetl_baseline" // a WasCell for each cell, as it was when it was exported
)

// The names in column A of EditedSheet. The values of EditedMapping begin with
// '|', which keeps their indentation.
const (
	EditedFormat   = "format"
	EditedAccount  = "account"
	EditedExported = "exported" // RFC 3339
	EditedMapping  = "mapping"

	// EditedVersion is the value of EditedFormat.
	EditedVersion = "ticketetl editable workbook 1"
)

// A WasCell is a cell of an editable workbook when it was exported.
type WasCell struct {
	Stored string // what HubSpot had
	Shown  string // the text that was written, as a Source reads it
	Cut    bool   // Shown is not the whole value: it cannot be edited
}

// Encode is the text of the cell in the baseline. It begins with '"' or '!', holds
// no control characters, and survives every program that saves workbooks. Of a
// value that was cut only Shown is kept.
func (w WasCell) Encode() string {
	switch {
	case w.Cut:
		return "!" + quoteCell(w.Shown)
	case w.Stored == "" && w.Shown == "":
		return ""
	case w.Stored == w.Shown:
		return quoteCell(w.Stored)
	}
	return quoteCell(w.Stored) + " " + quoteCell(w.Shown)
}

// quoteCell is strconv.Quote without "_x", with which workbooks write characters.
func quoteCell(text string) string { return strings.ReplaceAll(strconv.Quote(text), "_x", `\u005fx`) }

// DecodeWasCell is the inverse of Encode.
func DecodeWasCell(text string) (WasCell, error) {
	var w WasCell
	if text == "" {
		return w, nil
	}
	text, w.Cut = strings.CutPrefix(text, "!")
	first, rest, err := unquoteCell(text)
	if err != nil {
		return w, err
	}
	w.Shown = first
	if !w.Cut {
		w.Stored = first
	}
	if rest != "" {
		w.Shown, rest, err = unquoteCell(strings.TrimPrefix(rest, " "))
	}
	if err != nil || rest != "" {
		return w, fmt.Errorf("%q is not a cell of a baseline", text)
	}
	return w, nil
}

func unquoteCell(text string) (value, rest string, err error) {
	quoted, err := strconv.QuotedPrefix(text)
	if err == nil {
		value, err = strconv.Unquote(quoted)
	}
	if err != nil {
		return "", "", fmt.Errorf("%q is not a cell of a baseline", text)
	}
	return value, text[len(quoted):], nil
}
