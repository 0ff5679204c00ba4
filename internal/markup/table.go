package markup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/klauspost/compress/flate"
	"github.com/xuri/excelize/v2"

	"github.com/ticketetl/ticketetl/etl"
)

// TableOptions shape a new workbook.
type TableOptions struct {
	Name      string // of the sheet; what a sheet's name cannot hold is replaced
	HeaderRow int    // where the header stands; the cells stand where they stand in the input
	OnlyBad   bool   // only rows that have a problem, one below the other
	Folder    string // for files that are needed meanwhile
}

// MaxBadRows is how many rows a workbook has at most that holds only rows with
// problems.
const MaxBadRows = 50_000

// Table writes to out a new workbook with the rows of source and the cells of
// problems marked. All cells are texts, as they were read; the header is frozen.
func Table(ctx context.Context, source etl.Source, out io.Writer, problems Problems, opts TableOptions) (Result, error) {
	if opts.HeaderRow < 1 || opts.OnlyBad {
		opts.HeaderRow = 1
	}
	file, err := os.CreateTemp(opts.Folder, "table-*.xlsx") // 0600
	if err != nil {
		return Result{}, err
	}
	defer os.Remove(file.Name())
	t := &table{ctx: ctx, source: source, opts: opts, sheet: sheetName(opts.Name)}
	if err := errors.Join(t.write(file, problems), file.Close()); err != nil {
		return Result{}, err
	}
	result, err := Copy(ctx, file.Name(), out, t.placed(problems))
	result.Cut, result.LeftOut = t.cut, t.left
	return result, err
}

// A table is a workbook on its way to a file.
type table struct {
	ctx    context.Context
	source etl.Source
	opts   TableOptions
	sheet  string
	out    *excelize.StreamWriter
	style  int
	cut    int64 // texts
	left   int64 // rows with problems that were left out
	row    int   // written last
	bad    []Problem
	next   func() (Problem, error, bool)
	ahead  Problem
	more   bool
}

// placed are the problems where they stand in the new workbook.
func (t *table) placed(problems Problems) Problems {
	return func(yield func(Problem, error) bool) {
		row, last := 1, 0
		for p, err := range problems {
			p.Sheet = t.sheet
			if t.opts.OnlyBad {
				if p.Row != last {
					last = p.Row
					row++
				}
				p.Source, p.Row = p.Row, row
			}
			if t.opts.OnlyBad && p.Row > MaxBadRows+1 {
				return
			}
			if !yield(p, err) {
				return
			}
		}
	}
}

// sheetName is name as a worksheet may be called.
func sheetName(name string) string {
	name = strings.Map(func(r rune) rune {
		if strings.ContainsRune(`[]:*?/\`, r) || r < ' ' {
			return '_'
		}
		return r
	}, strings.Trim(strings.TrimSpace(name), "'"))
	if units := utf16.Encode([]rune(name)); len(units) > 31 {
		name = strings.TrimSpace(name[:lastFit(name, 31)])
	}
	if name == "" || strings.EqualFold(name, "History") { // Excel keeps that one to itself
		return "Rows"
	}
	return name
}

func (t *table) write(w io.Writer, problems Problems) (err error) {
	f := excelize.NewFile(excelize.Options{TmpDir: t.opts.Folder})
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := f.SetSheetName("Sheet1", t.sheet); err != nil {
		return err
	}
	if t.style, err = f.NewStyle(&excelize.Style{NumFmt: 49, Alignment: &excelize.Alignment{Vertical: "top"}}); err != nil {
		return err
	}
	if t.out, err = f.NewStreamWriter(t.sheet); err != nil {
		return err
	}
	next, stop := iter.Pull2(iter.Seq2[Problem, error](problems))
	defer stop()
	t.next = next
	if err := t.begin(f); err != nil {
		return err
	}
	if err := t.rows(); err != nil {
		return err
	}
	if err := t.out.Flush(); err != nil {
		return err
	}
	// Not into the buffer in which excelize would hold the whole file. It is read once
	// more and thrown away: there is no gain in packing it well.
	f.SetZipWriter(func(io.Writer) excelize.ZipWriter { return packer(w, flate.BestSpeed) })
	return f.Write(io.Discard)
}

// begin writes the header.
func (t *table) begin(f *excelize.File) error {
	bold, err := f.NewStyle(&excelize.Style{NumFmt: 49, Font: &excelize.Font{Bold: true}, Fill: excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{headColor}}})
	if err != nil {
		return err
	}
	header := t.source.Header().Names()
	if t.opts.OnlyBad {
		header = append(header[:len(header):len(header)], "(row in the file)")
	}
	if err := t.out.SetColWidth(1, max(len(header), 1), 18); err != nil {
		return err
	}
	top := strconv.Itoa(t.opts.HeaderRow + 1)
	if err := t.out.SetPanes(&excelize.Panes{Freeze: true, YSplit: t.opts.HeaderRow, TopLeftCell: "A" + top, ActivePane: "bottomLeft"}); err != nil {
		return err
	}
	t.row = t.opts.HeaderRow
	return t.put(t.row, header, bold)
}

// rows writes the rows, all or the bad ones.
func (t *table) rows() error {
	if err := t.advance(); err != nil {
		return err
	}
	for {
		rec, err := t.source.Next(t.ctx)
		var partial *etl.RowError
		switch {
		case errors.Is(err, io.EOF):
			return t.done()
		case err != nil && !(errors.As(err, &partial) && rec != nil):
			return err
		}
		if err := t.take(rec.Pos.Row); err != nil {
			return err
		}
		if err := t.record(rec); err != nil {
			return err
		}
	}
}

func (t *table) record(rec *etl.Record) error {
	cells := rec.Fields
	for _, p := range t.bad {
		if p.Column >= len(cells) && p.Column < maxColumns { // it stands beyond the header
			cells = append(cells[:len(cells):len(cells)], make([]string, p.Column+1-len(cells))...)
			cells[p.Column] = p.Value
		}
	}
	if !t.opts.OnlyBad {
		t.row = rec.Pos.Row
		return t.put(t.row, cells, t.style)
	}
	if len(t.bad) == 0 {
		return nil
	}
	if t.row > MaxBadRows {
		t.left++
		return nil
	}
	t.row++
	if width := t.source.Header().Len(); len(cells) <= width {
		cells = append(cells[:len(cells):len(cells)], make([]string, width+1-len(cells))...)
		cells[width] = strconv.Itoa(rec.Pos.Row)
	}
	return t.put(t.row, cells, t.style)
}

const maxColumns = 16_384

// take gathers the problems of a row.
func (t *table) take(row int) error {
	t.bad = t.bad[:0]
	for t.more && t.ahead.Row <= row {
		if t.ahead.Row < row {
			return fmt.Errorf("row %d is not there any more", t.ahead.Row)
		}
		t.bad = append(t.bad, t.ahead)
		if err := t.advance(); err != nil {
			return err
		}
	}
	return nil
}

func (t *table) advance() (err error) {
	t.ahead, err, t.more = t.next()
	return err
}

func (t *table) done() error {
	if t.more {
		return fmt.Errorf("row %d is not there any more", t.ahead.Row)
	}
	return nil
}

// put writes a row of texts; empty ones are left out.
func (t *table) put(row int, texts []string, style int) error {
	cells := make([]any, len(texts))
	for i, text := range texts {
		if text == "" {
			continue
		}
		fit := cutText(text, maxCell)
		if fit != text {
			t.cut++
		}
		cells[i] = excelize.Cell{StyleID: style, Value: fit}
	}
	return t.out.SetRow("A"+strconv.Itoa(row), cells)
}
