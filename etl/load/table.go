package load

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/google/renameio/v2"
	"github.com/xuri/excelize/v2"

	"github.com/ticketetl/ticketetl/etl"
)

// A Column is one column of an output file.
type Column struct {
	Name string
	Kind etl.Kind // what the values are, for formats with typed cells
}

// TableOptions shape an output file.
type TableOptions struct {
	Columns []Column
	Guard   bool // CSV: make formula-like text safe to open in a spreadsheet program
}

// A Table writes records to a CSV or XLSX file. It is an etl.Sink for one
// writer. The file is written beside its target and takes the target's place in
// Commit, so that an export that dies leaves what was there before.
type Table struct {
	opts   TableOptions
	pend   *renameio.PendingFile
	format format
	rows   int64
}

// A format writes rows of values in one file format.
type format interface {
	row(values []etl.Property) error
	finish() error // writes what is left; the file is complete after it
}

// CreateTable begins the file at path; its ending, .csv or .xlsx, says which
// format. The file is readable by its owner only, since it holds customers'
// data.
func CreateTable(path string, opts TableOptions) (*Table, error) {
	begin, err := formatOf(path)
	if err != nil {
		return nil, err
	}
	pend, err := renameio.NewPendingFile(path, renameio.WithPermissions(0o600), renameio.WithTempDir(filepath.Dir(path)))
	if err != nil {
		return nil, err
	}
	t := &Table{opts: opts, pend: pend}
	if t.format, err = begin(pend, opts); err != nil {
		return nil, t.abandon(err)
	}
	return t, nil
}

// CheckTable says what is wrong with path as the place of an output file, before
// anything is written there.
func CheckTable(path string) error {
	if _, err := formatOf(path); err != nil {
		return err
	}
	dir := filepath.Dir(path)
	info, err := os.Stat(dir)
	switch {
	case err != nil:
		return fmt.Errorf("%s: there is no folder %s; make it first", path, dir)
	case !info.IsDir():
		return fmt.Errorf("%s: %s is not a folder", path, dir)
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return fmt.Errorf("%s is a folder; name a file", path)
	}
	return nil
}

func formatOf(path string) (func(io.Writer, TableOptions) (format, error), error) {
	switch ext := strings.ToLower(filepath.Ext(path)); ext {
	case ".csv":
		return newCSV, nil
	case ".xlsx":
		return newWorkbook, nil
	default:
		return nil, fmt.Errorf("%s: an export is written to .csv or .xlsx, and %q is neither", path, ext)
	}
}

// Write adds batch, in order.
func (t *Table) Write(_ context.Context, batch []*etl.Record) ([]etl.Outcome, error) {
	outcomes := make([]etl.Outcome, len(batch))
	for i := range outcomes {
		outcomes[i].Status = etl.Unsent
	}
	for i, rec := range batch {
		if err := t.format.row(rec.Properties); err != nil {
			return outcomes, fmt.Errorf("write row %d: %w", t.rows+2, err)
		}
		t.rows++
		outcomes[i] = etl.Outcome{Status: etl.Exported, ID: rec.Key}
	}
	return outcomes, nil
}

// Commit completes the file and puts it in its place, durably.
func (t *Table) Commit() error {
	if err := t.format.finish(); err != nil {
		return t.abandon(err)
	}
	return t.pend.CloseAtomicallyReplace()
}

// Abort removes what was written; what stood at the target stays.
func (t *Table) Abort() error { return t.pend.Cleanup() }

func (t *Table) abandon(err error) error {
	_ = t.pend.Cleanup()
	return err
}

type csvFormat struct {
	w     *csv.Writer
	cells []string
	guard bool
}

func newCSV(w io.Writer, opts TableOptions) (format, error) {
	f := &csvFormat{w: csv.NewWriter(w), cells: make([]string, len(opts.Columns)), guard: opts.Guard}
	for i, c := range opts.Columns {
		f.cells[i] = c.Name
	}
	return f, f.w.Write(f.cells)
}

func (f *csvFormat) row(values []etl.Property) error {
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

// maxSheetRows is what one sheet of a workbook holds, the header included.
const maxSheetRows = 1_048_576

// maxCellText is the longest text that a workbook's cell holds, in UTF-16 units.
const maxCellText = 32_767

type workbook struct {
	out    io.Writer
	file   *excelize.File
	stream *excelize.StreamWriter
	opts   TableOptions
	styles map[etl.Kind]int
	cells  []any
	sheet  int
	next   int // row of the sheet to write next
}

func newWorkbook(w io.Writer, opts TableOptions) (format, error) {
	b := &workbook{
		out: w, opts: opts, styles: map[etl.Kind]int{}, cells: make([]any, len(opts.Columns)),
		file: excelize.NewFile(excelize.Options{TmpDir: os.TempDir()}),
	}
	for kind, code := range map[etl.Kind]string{
		etl.Date: "yyyy-mm-dd", etl.DateTime: "yyyy-mm-dd hh:mm:ss", etl.Text: "@",
	} {
		id, err := b.file.NewStyle(&excelize.Style{CustomNumFmt: &code})
		if err != nil {
			return nil, err
		}
		b.styles[kind] = id
	}
	return b, b.begin()
}

// begin starts the next sheet with its header.
func (b *workbook) begin() error {
	b.sheet++
	name := "Tickets"
	if b.sheet > 1 {
		name = fmt.Sprintf("Tickets %d", b.sheet)
	}
	var err error
	if b.sheet == 1 {
		err = b.file.SetSheetName("Sheet1", name)
	} else {
		_, err = b.file.NewSheet(name)
	}
	if err != nil {
		return err
	}
	if b.stream, err = b.file.NewStreamWriter(name); err != nil {
		return err
	}
	if err := b.layout(); err != nil {
		return err
	}
	for i, c := range b.opts.Columns {
		b.cells[i] = c.Name
	}
	b.next = 2
	return b.stream.SetRow("A1", b.cells)
}

// layout freezes the header and sets widths that show most values.
func (b *workbook) layout() error {
	for i, c := range b.opts.Columns {
		width := 20.0
		if c.Name == "subject" || c.Name == "content" {
			width = 50
		}
		if err := b.stream.SetColWidth(i+1, i+1, width); err != nil {
			return err
		}
	}
	return b.stream.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"})
}

func (b *workbook) row(values []etl.Property) error {
	if b.next > maxSheetRows {
		if err := b.stream.Flush(); err != nil {
			return err
		}
		if err := b.begin(); err != nil {
			return err
		}
	}
	for i := range values {
		cell, err := b.cell(b.opts.Columns[i].Kind, values[i].Value)
		if err != nil {
			return fmt.Errorf("column %s: %w", b.opts.Columns[i].Name, err)
		}
		b.cells[i] = cell
	}
	err := b.stream.SetRow("A"+strconv.Itoa(b.next), b.cells)
	b.next++
	return err
}

// cell is the value of one cell: typed where the text has the form of its kind
// and the workbook can hold it without loss, text otherwise.
func (b *workbook) cell(kind etl.Kind, text string) (any, error) {
	if text == "" {
		return nil, nil
	}
	switch kind {
	case etl.Number:
		if n, ok := exactNumber(text); ok {
			return n, nil
		}
	case etl.Date:
		if t, err := time.Parse(time.DateOnly, text); err == nil && t.Year() >= 1900 {
			return excelize.Cell{StyleID: b.styles[etl.Date], Value: t}, nil
		}
	case etl.DateTime:
		if t, err := time.Parse("2006-01-02T15:04:05.999", text); err == nil && t.Year() >= 1900 {
			return excelize.Cell{StyleID: b.styles[etl.DateTime], Value: t}, nil
		}
	case etl.Bool:
		if v, err := strconv.ParseBool(text); err == nil {
			return v, nil
		}
	}
	if tooLong(text) {
		return nil, fmt.Errorf("a text of %d characters does not fit a workbook's cell, which holds %d; export to .csv instead", len([]rune(text)), maxCellText)
	}
	return excelize.Cell{StyleID: b.styles[etl.Text], Value: text}, nil
}

// exactNumber is text as a number if a workbook, which keeps 15 digits, shows
// the same digits again.
func exactNumber(text string) (float64, bool) {
	digits := strings.TrimLeft(strings.NewReplacer("-", "", ".", "").Replace(text), "0")
	if len(digits) > 15 || strings.ContainsAny(text, "eExXpP_nN") {
		return 0, false
	}
	n, err := strconv.ParseFloat(text, 64)
	return n, err == nil
}

func tooLong(text string) bool {
	if len(text) <= maxCellText {
		return false
	}
	units := 0
	for _, r := range text {
		units++
		if r > 0xFFFF {
			units++
		}
	}
	return units > maxCellText
}

func (b *workbook) finish() error {
	defer b.file.Close()
	if err := b.stream.Flush(); err != nil {
		return err
	}
	return b.file.Write(b.out)
}
