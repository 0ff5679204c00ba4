package report

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"strconv"
)

// MaxListed is how many problems a document for programs lists at most, one by
// one; the others are counted. errors.csv has all.
const MaxListed = 5_000

// A Document is what --format json writes of a run: its summary, and what was
// wrong.
type Document struct {
	*Summary
	Problems       []ProblemGroup `json:"problems"`         // by column and kind
	Details        []ErrorRow     `json:"details"`          // one by one, as in errors.csv: the first MaxListed
	DetailsLeftOut int64          `json:"details_left_out"` // problems that are not in Details
}

// WriteJSON writes s as one JSON object (a Document), with the groups as
// "problems" and the first lines of the errors.csv at path as "details". There
// may be no such file.
func WriteJSON(w io.Writer, s *Summary, groups []ProblemGroup, path string) error {
	d := Document{Summary: s, Problems: groups, Details: []ErrorRow{}}
	if d.Problems == nil {
		d.Problems = []ProblemGroup{}
	}
	err := eachError(path, func(r ErrorRow) {
		if len(d.Details) < MaxListed {
			r.Value = shortValue(r.Value)
			d.Details = append(d.Details, r)
		} else {
			d.DetailsLeftOut++
		}
	})
	if err != nil {
		return err
	}
	return writeIndented(w, d)
}

func writeIndented(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// eachError reads the errors.csv at path, if there is one.
func eachError(path string, see func(ErrorRow)) error {
	err := ReadErrors(path, func(r ErrorRow) error { see(r); return nil })
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// where names the cell of a problem within its file: Export!D14, D14, row 14.
func (r *ErrorRow) where() string {
	text := r.Column + strconv.Itoa(r.Row)
	if r.Column == "" {
		text = "row " + strconv.Itoa(r.Row)
	}
	if r.Sheet != "" {
		return r.Sheet + "!" + text
	}
	return text
}

// sentence is a problem as one text: its column, what is wrong, what to do.
func (r *ErrorRow) sentence() string {
	text := r.Message
	if r.Header != "" {
		text = `column "` + r.Header + `": ` + text
	} else if r.Column != "" {
		text = "column " + r.Column + ": " + text
	}
	if r.Hint != "" {
		text += " (fix: " + r.Hint + ")"
	}
	return text
}
