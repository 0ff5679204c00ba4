package load

import (
	"cmp"
	"io"
	"unicode/utf8"

	"github.com/ticketetl/ticketetl/etl"
)

type csvFormat struct {
	w     io.Writer
	lines []byte // not written yet
	guard bool

	delimiter rune
}

func newCSV(w io.Writer, opts TableOptions) (format, error) {
	f := &csvFormat{w: w, guard: opts.Guard, delimiter: cmp.Or(opts.Delimiter, ',')}
	if opts.BOM {
		f.lines = append(f.lines, "\ufeff"...)
	}
	for i, c := range opts.Columns {
		f.cell(i, c.Name)
	}
	return f, f.endLine()
}

func (f *csvFormat) row(rec *etl.Record) error {
	for i := range rec.Properties {
		text := rec.Properties[i].Value
		if f.guard {
			text = etl.GuardCell(text)
		}
		f.cell(i, text)
	}
	return f.endLine()
}

func (f *csvFormat) cell(i int, text string) {
	if i > 0 {
		f.lines = utf8.AppendRune(f.lines, f.delimiter)
	}
	f.lines = etl.AppendCell(f.lines, text, f.delimiter)
}

// maxLines is how many bytes of lines are written at once.
const maxLines = 64 << 10

func (f *csvFormat) endLine() error {
	f.lines = append(f.lines, '\n')
	if len(f.lines) < maxLines {
		return nil
	}
	return f.finish()
}

func (f *csvFormat) finish() error {
	_, err := f.w.Write(f.lines)
	f.lines = f.lines[:0]
	return err
}
