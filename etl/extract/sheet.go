package extract

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/ticketetl/ticketetl/etl"
)

// maxSheetRows is the number of the last row that a worksheet can have.
const maxSheetRows = 1_048_576

// sheetRows reads one worksheet.
type sheetRows struct {
	file   *os.File
	name   string
	sheet  string
	read   *meter
	book   *workbook
	cells  *cellStream
	header *etl.Header
	ahead  []sheetRow // rows that were read to find the header

	hiddenRows, firstHidden int // rows that were read though they are hidden
}

// A sheetRow is one row that is not blank, up to its last cell that is not empty.
type sheetRow struct {
	row    int
	fields []string
	kinds  []etl.Kind // as long as fields
	beyond cellValue  // the first filled cell beyond the header's last; its text is empty if there is none
	hidden bool
}

func (s *sheetRows) open(opts Options, info *Info) error {
	note := func(format string, args ...any) { info.Notes = append(info.Notes, fmt.Sprintf(format, args...)) }
	if err := s.openSheet(opts, info, note); err != nil {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	if err := s.findHeader(opts.Header, note); err != nil {
		return fmt.Errorf("%s [%s]: %w", s.name, s.sheet, err)
	}
	info.Sheet, info.HeaderRow = s.sheet, s.cells.headerRow
	if hidden := s.cells.hidden; len(hidden) > 0 {
		note("hidden columns are %s: %s", s.readOrLeft(), strings.Join(hidden, ", "))
	}
	noteNameless(s.header, note)
	return nil
}

func (s *sheetRows) openSheet(opts Options, info *Info, note func(string, ...any)) error {
	b := s.book
	rels, name, err := b.open(s.read.readerAt(s.file), info.Size)
	if err != nil {
		return err
	}
	for _, sheet := range b.sheets {
		info.Sheets = append(info.Sheets, sheet.SheetInfo)
	}
	sheet, err := b.choose(opts.Sheet, note)
	if err != nil {
		return err
	}
	s.sheet = sheet.Name
	texts := rels.find(name, "sharedStrings")
	if b.parts[texts] == nil {
		texts = ""
	}
	s.read.expect(b.parts, texts, sheet.part)
	if b.strings, err = readSharedStrings(b.parts, texts, b.limits); err != nil {
		return err
	}
	x, err := b.parts.stream(sheet.part, b.limits.MaxUnzipped)
	if err != nil {
		return err
	}
	s.cells = &cellStream{xmlStream: x, book: b, skipHidden: opts.Hidden == "skip"}
	return nil
}

func (s *sheetRows) readOrLeft() string {
	if s.cells.skipHidden {
		return "left out"
	}
	return "read as well; leave them out with --hidden skip"
}

// noteNameless tells of columns that have no name, inside merged cells for one.
func noteNameless(h *etl.Header, note func(string, ...any)) {
	var letters []string
	for i, name := range h.Names() {
		if name == "" {
			letters = append(letters, etl.ColumnLetter(i))
		}
	}
	if n := len(letters); n > 0 {
		note("columns without a name go by their letter: %s", strings.Join(letters[:min(n, 20)], ", "))
	}
}

// expect sets what is going to be read: two parts of the workbook.
func (m *meter) expect(p parts, names ...string) {
	m.total = 0
	for _, name := range names {
		if f := p[name]; f != nil {
			m.total += int64(f.CompressedSize64)
		}
	}
	m.done.Store(0)
}

// notes tell what showed while the rows were read.
func (s *sheetRows) notes() []string {
	rows, first := s.hiddenRows, s.firstHidden
	if s.cells.skipHidden {
		rows, first = s.cells.skipped, s.cells.firstSkipped
	}
	if rows == 0 {
		return nil
	}
	return []string{fmt.Sprintf("hidden rows are %s: %d of them, the first is row %d", s.readOrLeft(), rows, first)}
}

// findHeader reads up to the header; what it reads beyond is kept.
func (s *sheetRows) findHeader(want int, note func(string, ...any)) error {
	var rows []headerRow
	for len(s.ahead) < headerRows {
		r, err := s.cells.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if r.row < want {
			continue
		}
		s.ahead = append(s.ahead, r)
		rows = append(rows, headerRow{row: r.row, cells: r.fields})
		if want > 0 {
			break
		}
	}
	switch {
	case len(rows) == 0 && want > 0:
		return fmt.Errorf("the header should stand in row %d, but no cell is filled from there on", want)
	case len(rows) == 0:
		return errors.New("no cell of the sheet is filled; if the tickets are in another one, name it (source.sheet)")
	case want > 0 && rows[0].row != want:
		return fmt.Errorf("row %d, which should be the header, is blank", want)
	}
	chosen := rows[0]
	if want == 0 {
		chosen = chooseHeader(rows, note)
	}
	for s.ahead[0].row < chosen.row {
		s.ahead = s.ahead[1:]
	}
	return s.takeHeader()
}

func (s *sheetRows) takeHeader() error {
	r := s.ahead[0]
	s.header = etl.NewHeader(r.fields)
	s.cells.headerRow, s.cells.width = r.row, s.header.Len()
	s.ahead = s.ahead[1:]
	return nil
}

func (s *sheetRows) Header() *etl.Header { return s.header }

func (s *sheetRows) Close() error {
	return errors.Join(s.release(), s.file.Close())
}

// release gives back all but the file itself.
func (s *sheetRows) release() error {
	var errs []error
	if s.cells != nil {
		errs = append(errs, s.cells.close())
	}
	if s.book.strings != nil {
		errs = append(errs, s.book.strings.close())
	}
	return errors.Join(errs...)
}

func (s *sheetRows) Next(context.Context) (*etl.Record, error) {
	if len(s.ahead) > 0 {
		r := s.ahead[0]
		s.ahead = s.ahead[1:]
		return s.record(r)
	}
	r, err := s.cells.next()
	if errors.Is(err, io.EOF) {
		s.read.done.Store(s.read.total)
		return nil, io.EOF
	}
	if err != nil {
		return nil, fmt.Errorf("%s [%s]: %w", s.name, s.sheet, err)
	}
	return s.record(r)
}

// record makes a Record of r. Workbooks leave out empty cells, so a short row
// is filled up.
func (s *sheetRows) record(r sheetRow) (*etl.Record, error) {
	if r.hidden {
		s.hiddenRows++
		if s.firstHidden == 0 {
			s.firstHidden = r.row
		}
	}
	rec := &etl.Record{
		Pos:    etl.Position{File: s.name, Sheet: s.sheet, Row: r.row},
		Header: s.header,
		Fields: make([]string, s.header.Len()),
	}
	n := copy(rec.Fields, r.fields)
	for i, kind := range r.kinds[:n] {
		if kind != etl.Text && rec.Kinds == nil {
			rec.Kinds = make([]etl.Kind, len(rec.Fields))
		}
		if kind != etl.Text {
			rec.Kinds[i] = kind
		}
	}
	for i := n; i < len(r.fields) && r.beyond.text == ""; i++ { // a row read before the header was known
		r.beyond = cellValue{column: i, text: r.fields[i]}
	}
	if r.beyond.text != "" {
		return rec, &etl.RowError{Pos: rec.Pos, Problem: beyondHeader(r, len(rec.Fields))}
	}
	return rec, nil
}

// beyondHeader names the first filled cell of r that has no column.
func beyondHeader(r sheetRow, width int) etl.Problem {
	i, text := r.beyond.column, r.beyond.text
	return etl.Problem{
		Column:  i,
		Value:   text,
		Code:    "TOO_MANY_CELLS",
		Message: fmt.Sprintf("cell %s%d holds %s, beyond the last column of the header (%s)", etl.ColumnLetter(i), r.row, quote([]byte(text)), etl.ColumnLetter(width-1)),
		Hint:    "give the column a header, or clear the cell",
	}
}

// A cellStream reads the rows of a worksheet's part.
type cellStream struct {
	*xmlStream
	book     *workbook
	inData   bool
	done     bool
	row      int
	hidden   []string // letters of hidden columns
	hiddenAt [][2]int // the same, from and to, counted from 0

	skipHidden            bool // leave hidden rows and columns out
	skipped, firstSkipped int  // rows that were left out
	headerRow             int
	width                 int // of the header, once it is known

	fields []string // of the row last read, once the width is known: a Record has its own
	kinds  []etl.Kind
}

// next returns the next row that has a filled cell; io.EOF is the end.
func (c *cellStream) next() (sheetRow, error) {
	for !c.done {
		t, err := c.must()
		if err != nil {
			return sheetRow{}, err
		}
		switch t := t.(type) {
		case xml.StartElement:
			if t.Name.Local != "row" || !c.inData {
				c.enter(t)
				continue
			}
			r, err := c.readRow(t)
			if err != nil {
				return r, fmt.Errorf("row %d: %w", c.row, err)
			}
			switch filled := len(r.fields) > 0 || r.beyond.text != ""; {
			case filled && r.hidden && c.skipHidden:
				c.skipRow(r.row)
			case filled:
				return r, nil
			}
		case xml.EndElement:
			if t.Name.Local == "sheetData" || t.Name.Local == "worksheet" {
				c.done = true
				if err := c.drain(); err != nil {
					return sheetRow{}, err
				}
			}
		}
	}
	return sheetRow{}, io.EOF
}

// skipRow counts a row that is left out.
func (c *cellStream) skipRow(row int) {
	c.skipped++
	if c.firstSkipped == 0 {
		c.firstSkipped = row
	}
}

// leftOut says whether a column is hidden and hidden ones are left out.
func (c *cellStream) leftOut(column int) bool {
	return c.skipHidden && slices.ContainsFunc(c.hiddenAt, func(at [2]int) bool { return at[0] <= column && column <= at[1] })
}

// enter takes note of an element outside rows.
func (c *cellStream) enter(e xml.StartElement) {
	switch e.Name.Local {
	case "sheetData":
		c.inData = true
	case "col":
		from, _ := strconv.Atoi(attr(e, "min"))
		to, _ := strconv.Atoi(attr(e, "max"))
		if !isTrue(attr(e, "hidden")) || from < 1 || from > to || to > 16384 {
			return
		}
		name := etl.ColumnLetter(from - 1)
		if to > from {
			name += ":" + etl.ColumnLetter(to-1)
		}
		c.hidden = append(c.hidden, name)
		c.hiddenAt = append(c.hiddenAt, [2]int{from - 1, to - 1})
	}
}

// readRow reads a row, up to its end.
func (c *cellStream) readRow(e xml.StartElement) (sheetRow, error) {
	if err := c.number(attr(e, "r")); err != nil {
		return sheetRow{}, err
	}
	r := sheetRow{row: c.row, hidden: isTrue(attr(e, "hidden"))}
	if c.width > 0 {
		r.fields, r.kinds = c.fields[:0], c.kinds[:0]
		defer func() { c.fields, c.kinds = r.fields, r.kinds }()
	}
	column, size := -1, 0
	for {
		t, err := c.must()
		if err != nil {
			return r, err
		}
		switch t := t.(type) {
		case xml.StartElement:
			if t.Name.Local != "c" {
				continue
			}
			cell, err := c.readCell(t, column)
			if err != nil {
				return r, err
			}
			column = cell.column
			size += len(cell.text)
			if err := c.put(&r, cell, size); err != nil {
				return r, err
			}
		case xml.EndElement:
			if t.Name.Local == "row" {
				return r, nil
			}
		}
	}
}

// number sets the number of the row that begins; r may be missing.
func (c *cellStream) number(r string) error {
	next := c.row + 1
	if r != "" {
		n, err := strconv.Atoi(r)
		switch {
		case err != nil || n < 1 || n > maxSheetRows:
			return fmt.Errorf("the row after it has the number %q, which no row can have; the workbook is damaged: open it in a spreadsheet program and save it again", clip([]byte(r)))
		case n < next:
			return fmt.Errorf("row %d stands after it; the workbook is damaged: open it in a spreadsheet program and save it again", n)
		}
		next = n
	}
	if next > maxSheetRows {
		return fmt.Errorf("there are more rows than a worksheet can have, %d", maxSheetRows)
	}
	c.row = next
	return nil
}

// A cellValue is one cell as it is to be used.
type cellValue struct {
	column int
	text   string
	kind   etl.Kind
}

// put adds a cell to r, unless it is empty.
func (c *cellStream) put(r *sheetRow, cell cellValue, size int) error {
	limits := c.book.limits
	if cell.text == "" || c.leftOut(cell.column) {
		return nil
	}
	at := etl.ColumnLetter(cell.column)
	switch {
	case cell.column >= limits.MaxColumns:
		return fmt.Errorf("cell %s%d stands beyond the %d columns that may be (--max-columns)", at, c.row, limits.MaxColumns)
	case len(cell.text) > limits.MaxField:
		return fmt.Errorf("cell %s%d has more than %d bytes; if that is right, raise --max-cell", at, c.row, limits.MaxField)
	case size > limits.MaxRow:
		return fmt.Errorf("the row has more than %d bytes; if that is right, raise --max-row", limits.MaxRow)
	case cell.column < len(r.fields) && r.fields[cell.column] != "":
		return fmt.Errorf("cell %s%d is there twice; the workbook is damaged: open it in a spreadsheet program and save it again", at, c.row)
	case c.width > 0 && cell.column >= c.width:
		if r.beyond.text == "" || cell.column < r.beyond.column {
			r.beyond = cell
		}
		return nil
	}
	if more := cell.column + 1 - len(r.fields); more > 0 {
		r.fields = append(r.fields, make([]string, more)...)
		r.kinds = append(r.kinds, make([]etl.Kind, more)...)
	}
	r.fields[cell.column], r.kinds[cell.column] = cell.text, cell.kind
	return nil
}

// A rawCell is a cell as the workbook has it.
type rawCell struct {
	kind    string // attribute t
	value   string
	formula string
	inline  string

	hasValue, hasFormula, hasInline bool
}

// readCell reads a cell, up to its end. last is the column of the one before.
func (c *cellStream) readCell(e xml.StartElement, last int) (cellValue, error) {
	cell := cellValue{column: last + 1}
	if ref := attr(e, "r"); ref != "" {
		column, ok := etl.LetterColumn(strings.TrimRight(ref, "0123456789"))
		if !ok || column >= 16384 {
			return cell, fmt.Errorf("a cell has the reference %q; the workbook is damaged: open it in a spreadsheet program and save it again", clip([]byte(ref)))
		}
		cell.column = column
	}
	raw, err := c.readRaw(attr(e, "t"))
	if err != nil {
		return cell, err
	}
	cell.text, cell.kind, err = c.book.value(raw, c.book.format(attr(e, "s")))
	if err != nil {
		err = fmt.Errorf("cell %s%d: %w", etl.ColumnLetter(cell.column), c.row, err)
	}
	return cell, err
}

func (c *cellStream) readRaw(kind string) (rawCell, error) {
	raw := rawCell{kind: kind}
	for {
		t, err := c.must()
		if err != nil {
			return raw, err
		}
		switch t := t.(type) {
		case xml.StartElement:
			switch t.Name.Local {
			case "v":
				raw.hasValue = true
				raw.value, err = c.text("v")
			case "f":
				raw.hasFormula = true
				raw.formula, err = c.text("f")
			case "is":
				raw.hasInline = true
				raw.inline, err = c.richText("is", c.book.limits.MaxField)
			default:
				err = c.skip(t.Name.Local)
			}
			if err != nil {
				return raw, err
			}
		case xml.EndElement:
			if t.Name.Local == "c" {
				return raw, nil
			}
		}
	}
}

// value is what a cell means.
func (b *workbook) value(raw rawCell, f format) (text string, kind etl.Kind, err error) {
	if raw.hasFormula && raw.value == "" && !(raw.kind == "str" && raw.hasValue) {
		return unstored(raw.formula), etl.CellError, nil
	}
	switch raw.kind {
	case "s":
		if !raw.hasValue {
			return "", etl.Text, nil
		}
		text, err = b.strings.get(raw.value)
		return text, etl.Text, err
	case "inlineStr":
		return raw.inline, etl.Text, nil
	case "str":
		return unescape(raw.value), etl.Text, nil
	case "b":
		text, kind = boolCell(raw.value)
		return text, kind, nil
	case "e":
		if strings.TrimSpace(raw.value) == "" {
			return "an error" + notStored, etl.CellError, nil
		}
		return raw.value, etl.CellError, nil
	case "d":
		if raw.value == "" {
			return "", etl.Text, nil
		}
		text, kind = isoCell(raw.value, f)
		return text, kind, nil
	}
	if raw.hasInline && raw.value == "" {
		return raw.inline, etl.Text, nil
	}
	text, kind = b.number(raw.value, f)
	return text, kind, nil
}

func unstored(formula string) string {
	if formula == "" {
		return "a formula" + notStored
	}
	return "=" + string(clip([]byte(formula))) + notStored
}

func boolCell(value string) (text string, kind etl.Kind) {
	switch strings.TrimSpace(value) {
	case "":
		return "", etl.Text
	case "1", "true":
		return "true", etl.Bool
	case "0", "false":
		return "false", etl.Bool
	}
	return string(clip([]byte(value))) + notBool, etl.CellError
}

// number is what a number means under its format.
func (b *workbook) number(raw string, f format) (text string, kind etl.Kind) {
	if strings.TrimSpace(raw) == "" {
		return "", etl.Text
	}
	text, value, ok := numberCell(raw)
	switch {
	case !ok:
		return string(clip([]byte(raw))) + notNumber, etl.CellError
	case f.dated():
		return dateCell(strings.TrimSpace(raw), value, f, b.date1904)
	case f.mask != "" && isDigits(text) && value < surest:
		return fillMask(f.maskFor(value), text), etl.Text
	}
	return text, etl.Number
}
