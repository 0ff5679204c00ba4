package extract

import (
	"strings"
	"time"

	"github.com/ticketetl/ticketetl/etl"
)

// hasForm says whether text has the form that etl.Kind documents for kind.
func hasForm(kind etl.Kind, text string) bool {
	switch kind {
	case etl.Number:
		return isDecimal(text)
	case etl.Date:
		_, err := time.Parse(time.DateOnly, text)
		return err == nil
	case etl.DateTime:
		_, err := time.Parse("2006-01-02T15:04:05", text)
		return err == nil
	case etl.Duration:
		return isDuration(text)
	case etl.Bool:
		return text == "true" || text == "false"
	case etl.CellError:
		return errorTexts[text] || strings.HasSuffix(text, notNumber) || strings.HasSuffix(text, notDate) || strings.HasSuffix(text, notStored) || strings.HasSuffix(text, notBool)
	}
	return true
}

// What a CellError says of a cell that shows no error itself, after its value.
const (
	notNumber = " is not a number"
	notDate   = " is not a date"
	notStored = etl.NotStored
	notBool   = " is neither true nor false"
)

// errorTexts are the errors that a cell shows.
var errorTexts = map[string]bool{
	"#NULL!": true, "#DIV/0!": true, "#VALUE!": true, "#REF!": true, "#NAME?": true, "#NUM!": true, "#N/A": true,
	"#GETTING_DATA": true, "#SPILL!": true, "#CONNECT!": true, "#BLOCKED!": true, "#UNKNOWN!": true, "#FIELD!": true, "#CALC!": true,
}

// isDecimal: digits, optional '-' and '.', as etl.Number has them.
func isDecimal(s string) bool {
	whole, fraction, dotted := strings.Cut(strings.TrimPrefix(s, "-"), ".")
	return isDigits(whole) && (!dotted || isDigits(fraction))
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

func isDuration(s string) bool {
	hours, rest, ok := strings.Cut(s, ":")
	if !ok || !isDigits(hours) || len(hours) < 2 {
		return false
	}
	_, err := time.Parse("04:05", rest)
	return err == nil
}
