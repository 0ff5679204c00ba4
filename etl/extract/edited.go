package extract

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/internal/seen"
)

// An Editable is what an editable workbook says of itself.
type Editable struct {
	Account  string    // id of the account from which it was exported
	Exported time.Time // when
	Mapping  []byte    // how it is imported, as YAML
}

// IsEditable says whether the file at path is a workbook that `export --editable`
// wrote. One that cannot be read is not.
func IsEditable(path string) bool {
	f, err := Open(path, Options{})
	if err != nil {
		return false
	}
	defer f.Close()
	return slices.ContainsFunc(f.Info().Sheets, func(s SheetInfo) bool { return s.Name == etl.EditedSheet })
}

// ReadEditable reads what the workbook at path says of itself.
func ReadEditable(path string) (*Editable, error) {
	facts := map[string][]string{}
	err := eachRow(path, Options{Sheet: etl.EditedSheet, Header: 1}, func(rec *etl.Record, _ int64) error {
		if len(rec.Fields) > 1 {
			facts[rec.Fields[0]] = append(facts[rec.Fields[0]], rec.Fields[1])
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	e := &Editable{}
	for _, line := range facts[etl.EditedMapping] {
		e.Mapping = append(e.Mapping, strings.TrimPrefix(line, "|")+"\n"...)
	}
	first := func(name string) string { return append(facts[name], "")[0] }
	e.Account = first(etl.EditedAccount)
	e.Exported, err = time.Parse(time.RFC3339, first(etl.EditedExported))
	switch format := first(etl.EditedFormat); {
	case err != nil || len(e.Mapping) == 0 || e.Account == "":
		return nil, fmt.Errorf("%s: its hidden sheet %q was changed; export the tickets again, and edit that", path, etl.EditedSheet)
	case format != etl.EditedVersion:
		return nil, fmt.Errorf("%s: it is a %q, and this program reads a %q; export the tickets again", path, format, etl.EditedVersion)
	}
	return e, nil
}

// eachRow calls do for each row of a sheet, with its number among the rows from 1.
func eachRow(path string, opts Options, do func(rec *etl.Record, n int64) error) (err error) {
	f, err := Open(path, opts)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	for n := int64(1); ; n++ {
		rec, err := f.Next(context.Background())
		var row *etl.RowError
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil && !errors.As(err, &row):
			return err
		}
		if err := do(rec, n); err != nil {
			return err
		}
	}
}

// A Baseline is an editable workbook as it was exported. The cells are in a file;
// a ticket takes about twenty bytes of memory.
type Baseline struct {
	columns []string
	file    *os.File
	size    int64
	places  seen.Set // of ids: where the row begins in file, counted from 1
	doubles map[string][]int
}

// OpenBaseline reads the baseline of the workbook at path, and looks which ids stand
// twice in the sheet that opts name. It keeps a file in the folder dir until Close.
func OpenBaseline(path, dir string, opts Options) (b *Baseline, err error) {
	b = &Baseline{}
	if b.file, err = os.CreateTemp(dir, "baseline-*"); err != nil {
		return nil, err
	}
	if err := errors.Join(b.fill(path), b.findDoubles(path, opts)); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

func (b *Baseline) fill(path string) error {
	w := bufio.NewWriterSize(b.file, 1<<16)
	err := eachRow(path, Options{Sheet: etl.BaselineSheet, Header: 1}, func(rec *etl.Record, _ int64) error {
		if b.columns == nil {
			b.columns = rec.Header.Names()
		}
		line, err := json.Marshal(rec.Fields)
		if err != nil {
			return err
		}
		b.places.Put(rec.Fields[0], uint64(b.size)+1, true)
		n, err := w.Write(append(line, '\n'))
		b.size += int64(n)
		return err
	})
	if err != nil {
		return fmt.Errorf("%s: what it was when it was exported can't be read; export the tickets again, and edit that: %w", path, err)
	}
	return w.Flush()
}

// findDoubles notes the ids that stand in several rows.
func (b *Baseline) findDoubles(path string, opts Options) error {
	b.doubles = map[string][]int{}
	var rows seen.Set
	defer rows.Free()
	id := -1
	return eachRow(path, opts, func(rec *etl.Record, _ int64) error {
		if id < 0 {
			var ok bool
			if id, ok = rec.Header.Column(IDColumn); !ok {
				return fmt.Errorf("%s: the column %s is missing, which says which ticket each row is; put it back", path, IDColumn)
			}
		}
		if id >= len(rec.Fields) || rec.Fields[id] == "" {
			return nil
		}
		text := rec.Fields[id]
		if first, taken := rows.Put(text, uint64(rec.Pos.Row), false); taken {
			if b.doubles[text] == nil {
				b.doubles[text] = []int{int(first)}
			}
			b.doubles[text] = append(b.doubles[text], rec.Pos.Row)
		}
		return nil
	})
}

// Columns are the headers of the columns that were exported, the id first.
func (b *Baseline) Columns() []string { return b.columns }

// Rows are the rows in which the id stands, if there are several.
func (b *Baseline) Rows(id string) []int { return b.doubles[id] }

// Was returns the cells of the ticket with that id, one for each column.
func (b *Baseline) Was(id string) (cells []etl.WasCell, known bool, err error) {
	place, found := b.places.Find(id)
	if !found {
		return nil, false, nil
	}
	at := int64(place) - 1
	line, err := bufio.NewReader(io.NewSectionReader(b.file, at, b.size-at)).ReadBytes('\n')
	if err != nil {
		return nil, false, err
	}
	var fields []string
	if err := json.Unmarshal(line, &fields); err != nil {
		return nil, false, err
	}
	if fields[0] != id {
		return nil, false, nil
	}
	cells = make([]etl.WasCell, len(b.columns))
	cells[0] = etl.WasCell{Stored: id, Shown: id}
	for i := 1; i < min(len(fields), len(cells)); i++ {
		if cells[i], err = etl.DecodeWasCell(fields[i]); err != nil {
			return nil, false, err
		}
	}
	return cells, true, nil
}

// Close removes the file.
func (b *Baseline) Close() error {
	b.places.Free()
	return errors.Join(b.file.Close(), os.Remove(b.file.Name()))
}
