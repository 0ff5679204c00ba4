package load

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/xuri/excelize/v2"

	"github.com/ticketetl/ticketetl/etl"
)

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
		file: excelize.NewFile(excelize.Options{TmpDir: os.TempDir()}).SetZipWriter(newHeldParts),
	}
	for _, kind := range slices.Sorted(maps.Keys(numberFormats)) { // in one order, so that equal exports are equal files
		code := numberFormats[kind]
		id, err := b.file.NewStyle(&excelize.Style{CustomNumFmt: &code})
		if err != nil {
			return nil, err
		}
		b.styles[kind] = id
	}
	if opts.Edit == nil {
		return newSheets(b)
	}
	if err := b.begin(); err != nil {
		return nil, err
	}
	return newEditable(b)
}

// numberFormats show the kinds of cells that have one of their own.
var numberFormats = map[etl.Kind]string{
	etl.Date: "yyyy-mm-dd", etl.DateTime: "yyyy-mm-dd hh:mm:ss", etl.Text: "@",
}

// begin starts the next sheet with its header.
func (b *workbook) begin() error {
	name, err := b.addSheet()
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

// addSheet adds an empty sheet.
func (b *workbook) addSheet() (name string, err error) {
	b.sheet++
	name = cmp.Or(b.opts.Sheet, TicketsSheet)
	if b.sheet == 1 {
		return name, b.file.SetSheetName("Sheet1", name)
	}
	name = fmt.Sprintf("%s %d", name, b.sheet)
	_, err = b.file.NewSheet(name)
	return name, err
}

// layout freezes the header and sets widths that show most values.
func (b *workbook) layout() error {
	for i, c := range b.opts.Columns {
		if err := b.stream.SetColWidth(i+1, i+1, columnWidth(c)); err != nil {
			return err
		}
	}
	return b.stream.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"})
}

// columnWidth is in characters.
func columnWidth(c Column) float64 {
	if c.Name == "subject" || c.Name == "content" {
		return 50
	}
	return 20
}

// setCells sets the cells of the next row.
func (b *workbook) setCells(values []etl.Property) error {
	for i := range values {
		cell, err := b.cell(b.opts.Columns[i].Kind, values[i].Value)
		if err != nil {
			return fmt.Errorf("column %s: %w", b.opts.Columns[i].Name, err)
		}
		b.cells[i] = cell
	}
	return nil
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
	if text = held(text); tooLong(text) {
		return nil, fmt.Errorf("a text of %d characters does not fit a workbook's cell, which holds %d; export to .csv instead", len([]rune(text)), maxCellText)
	}
	return excelize.Cell{StyleID: b.styles[etl.Text], Value: text}, nil
}

// exactNumber is text as a number if a workbook, which keeps 15 digits, shows
// the same digits again.
func exactNumber(text string) (float64, bool) {
	digits := 0
	for _, c := range []byte(text) {
		switch {
		case '1' <= c && c <= '9', c == '+', c == '0' && digits > 0:
			digits++
		case c == '0', c == '-', c == '.':
		default:
			return 0, false
		}
	}
	if digits > 15 {
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
