package load

import (
	"encoding/csv"
	"io"

	"github.com/ticketetl/ticketetl/etl"
)

type csvFormat struct {
	w     *csv.Writer
	cells []string
	guard bool
}

func newCSV(w io.Writer, opts TableOptions) (format, error) {
	f := &csvFormat{w: csv.NewWriter(w), cells: make([]string, len(opts.Columns)), guard: opts.Guard}
	if opts.Delimiter != 0 {
		f.w.Comma = opts.Delimiter
	}
	for i, c := range opts.Columns {
		f.cells[i] = c.Name
	}
	return f, f.w.Write(f.cells)
}

func (f *csvFormat) row(rec *etl.Record) error {
	values := rec.Properties
	for i := range values {
		f.cells[i] = values[i].Value
		if f.guard {
			f.cells[i] = etl.GuardCell(f.cells[i])
		}
	}
	return f.w.Write(f.cells)
}

func (f *csvFormat) finish() error {
	f.w.Flush()
	return f.w.Error()
}
