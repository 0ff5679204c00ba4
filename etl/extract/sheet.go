package extract

import (
	"bytes"
	"context"
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
	info.Sheet, info.HeaderTop, info.HeaderRow = s.sheet, s.cells.headerTop, s.cells.headerRow
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
	if b.strings, err = openSharedStrings(b.parts, texts, b.limits); err != nil {
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
	if err := s.readAhead(want); err != nil {
		return err
	}
	switch {
	case len(s.ahead) == 0 && want > 0:
		return fmt.Errorf("the header should stand in row %d, but no cell is filled from there on", want)
	case len(s.ahead) == 0:
		return errors.New("no cell of the sheet is filled; if the tickets are in another one, name it (source.sheet)")
	case want > 0 && s.ahead[0].row != want:
		return fmt.Errorf("row %d, which should be the header, is blank", want)
	case want > 0:
		s.takeHeader(s.statedHeader(note), nil)
		return nil
	}
	block, merged, err := s.detectHeader(note)
	if err != nil {
		return err
	}
	s.takeHeader(block, merged)
	return nil
}

// readAhead reads the rows among which the header is, or the one that is stated and
// the next.
func (s *sheetRows) readAhead(want int) error {
	most := headerRows
	if want > 0 {
		most = 2
	}
	for len(s.ahead) < most {
		r, err := s.cells.nextRow()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if r.row >= want {
			s.ahead = append(s.ahead, r)
		}
	}
	return nil
}

// statedHeader is the row that is stated, alone even if its cells are merged.
func (s *sheetRows) statedHeader(note func(string, ...any)) headerBlock {
	stated := s.ahead[0].row
	alone := headerBlock{top: stated, bottom: stated}
	if mayBeMerged(s.ahead, 0) {
		b := alone
		if b.takeTall(s.merged(stated)); b.bottom > stated {
			note("header: row %d alone, as stated, though %s; row %d is read as a ticket", stated, b.because(), stated+1)
		}
	}
	return alone
}

// detectHeader finds the header among the rows that were read.
func (s *sheetRows) detectHeader(note func(string, ...any)) (headerBlock, []mergedRange, error) {
	rows := make([]headerRow, len(s.ahead))
	for i, r := range s.ahead {
		rows[i] = headerRow{row: r.row, cells: r.fields}
	}
	why := ""
	chosen := chooseHeader(rows, func(format string, args ...any) { why = fmt.Sprintf(format, args...) })
	at := slices.IndexFunc(rows, func(r headerRow) bool { return r.row == chosen.row })
	block := headerBlock{top: chosen.row, bottom: chosen.row}
	var merged []mergedRange
	if mayBeMerged(s.ahead, at) {
		var err error
		merged = s.merged(chosen.row)
		if block, err = mergedHeader(s.ahead, at, merged); err != nil {
			return block, nil, err
		}
	}
	switch {
	case block.top < block.bottom:
		why = fmt.Sprintf("header: rows %d to %d, because %s; if that is wrong, state the header (source.header)", block.top, block.bottom, block.because())
	case block.top != chosen.row:
		why = fmt.Sprintf("header: row %d; above it stands a title over all columns; if that is wrong, state the header (source.header)", block.top)
	}
	if why != "" {
		note("%s", why)
	}
	return block, merged, nil
}

// merged are the merged cells that begin at row last or above it.
func (s *sheetRows) merged(last int) []mergedRange {
	parts := s.book.parts
	merged := parts.mergedCells(s.cells.part, s.book.limits.MaxUnzipped, last)
	s.read.done.Add(-int64(parts[s.cells.part].CompressedSize64)) // it will be read once more
	return merged
}

func (s *sheetRows) takeHeader(b headerBlock, merged []mergedRange) {
	s.header = etl.NewHeader(b.names(s.ahead, merged))
	s.cells.headerTop, s.cells.headerRow, s.cells.width = b.top, b.bottom, s.header.Len()
	for len(s.ahead) > 0 && s.ahead[0].row <= b.bottom {
		s.ahead = s.ahead[1:]
	}
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
	r, err := s.cells.nextRow()
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
	headerTop, headerRow  int  // the first and last row of the header
	width                 int  // of the header, once it is known

	// Of the row that is being read, or was last; used again for the next.
	texts  []byte // of all its cells
	spans  []cellSpan
	beyond cellSpan // the first filled cell beyond the header's last, at column from
	at     int      // the column of beyond
	raw    rawCell
	ref    []byte // of the cell last read
	style  []byte
	fields []string
	kinds  []etl.Kind
	given  int64 // bytes of text in all rows
}

// A cellSpan says where the text of a cell stands.
type cellSpan struct {
	from, to int
	kind     etl.Kind
}

// nextRow returns the next row that has a filled cell; io.EOF is the end.
func (c *cellStream) nextRow() (sheetRow, error) {
	for !c.done {
		kind, err := c.must()
		if err != nil {
			return sheetRow{}, err
		}
		switch name := string(c.name); {
		case kind == xmlStart && name == "row" && c.inData:
			r, err := c.readRow()
			if err != nil {
				return r, fmt.Errorf("row %d: %w", c.row, err)
			}
			switch filled := len(r.fields) > 0 || r.beyond.text != ""; {
			case filled && r.hidden && c.skipHidden:
				c.skipRow(r.row)
			case filled:
				return r, nil
			}
		case kind == xmlStart:
			c.outside()
		case kind == xmlEnd && (name == "sheetData" || name == "worksheet"):
			c.done = true
			if err := errors.Join(c.drain(), c.book.strings.drain()); err != nil {
				return sheetRow{}, err
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

// outside takes note of an element outside rows.
func (c *cellStream) outside() {
	switch string(c.name) {
	case "sheetData":
		c.inData = true
	case "col":
		from, _ := strconv.Atoi(string(c.attr("min")))
		to, _ := strconv.Atoi(string(c.attr("max")))
		if !isTrue(string(c.attr("hidden"))) || from < 1 || from > to || to > 16384 {
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
func (c *cellStream) readRow() (sheetRow, error) {
	if err := c.number(c.attr("r")); err != nil {
		return sheetRow{}, err
	}
	r := sheetRow{row: c.row, hidden: isTrue(string(c.attr("hidden")))}
	c.texts, c.spans, c.beyond = c.texts[:0], c.spans[:0], cellSpan{}
	column := -1
	for {
		if c.takeNumber() {
			var err error
			if column, err = c.takeCell(column); err != nil {
				return r, err
			}
			continue
		}
		kind, err := c.must()
		if err != nil {
			return r, err
		}
		switch name := string(c.name); {
		case kind == xmlStart && name == "c":
			if column, err = c.readCell(column); err != nil {
				return r, err
			}
		case kind == xmlEnd && name == "row":
			return r, c.finish(&r)
		}
	}
}

// finish makes the cells of r, whose texts stand in one string. A row read before the
// header was known is kept; the cells of any other are the next one's as well.
func (c *cellStream) finish(r *sheetRow) error {
	if c.given += int64(len(c.texts)); c.given > c.book.limits.MaxUnzipped {
		return fmt.Errorf("the texts of the cells have more than %d bytes in all, which is not what tickets do; if you trust the workbook, raise --max-unpacked", c.book.limits.MaxUnzipped)
	}
	if c.width > 0 {
		r.fields, r.kinds = c.fields[:0], c.kinds[:0]
	}
	text := string(c.texts)
	for _, s := range c.spans {
		r.fields = append(r.fields, text[s.from:s.to])
		r.kinds = append(r.kinds, s.kind)
	}
	if c.beyond.to > 0 {
		r.beyond = cellValue{c.at, text[c.beyond.from:c.beyond.to], c.beyond.kind}
	}
	if c.width > 0 {
		c.fields, c.kinds = r.fields, r.kinds
	}
	return nil
}

// number sets the number of the row that begins; r may be missing.
func (c *cellStream) number(r []byte) error {
	next := c.row + 1
	if len(r) > 0 {
		n, ok := wholeNumber(r)
		switch {
		case !ok || n < 1 || n > maxSheetRows:
			return fmt.Errorf("the row after it has the number %q, which no row can have; the workbook is damaged: open it in a spreadsheet program and save it again", clip(r))
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

// wholeNumber is strconv.Atoi, of bytes and quick where there are only a few digits.
func wholeNumber(b []byte) (n int, ok bool) {
	if len(b) == 0 || len(b) > 9 {
		n, err := strconv.Atoi(string(b))
		return n, err == nil
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			n, err := strconv.Atoi(string(b))
			return n, err == nil
		}
		n = 10*n + int(c-'0')
	}
	return n, true
}

// A cellValue is one cell as it is to be used.
type cellValue struct {
	column int
	text   string
	kind   etl.Kind
}

// put takes the cell in column whose text stands at the end of c.texts, from its
// byte from on, into the row.
func (c *cellStream) put(column, from int, kind etl.Kind) error {
	limits := &c.book.limits
	size := len(c.texts) - from
	if size == 0 || c.skipHidden && c.leftOut(column) {
		c.texts = c.texts[:from]
		return nil
	}
	switch {
	case column >= limits.MaxColumns:
		return fmt.Errorf("cell %s%d stands beyond the %d columns that may be (--max-columns)", etl.ColumnLetter(column), c.row, limits.MaxColumns)
	case size > limits.MaxField:
		return fmt.Errorf("cell %s%d has more than %d bytes; if that is right, raise --max-cell", etl.ColumnLetter(column), c.row, limits.MaxField)
	case len(c.texts) > limits.MaxRow:
		return fmt.Errorf("the row has more than %d bytes; if that is right, raise --max-row", limits.MaxRow)
	case column < len(c.spans) && c.spans[column].to > 0:
		return fmt.Errorf("cell %s%d is there twice; the workbook is damaged: open it in a spreadsheet program and save it again", etl.ColumnLetter(column), c.row)
	}
	span := cellSpan{from, len(c.texts), kind}
	if c.width > 0 && column >= c.width {
		c.putBeyond(column, span)
		return nil
	}
	if more := column - len(c.spans); more > 0 {
		c.spans = append(c.spans, make([]cellSpan, more)...)
	}
	if column == len(c.spans) {
		c.spans = append(c.spans, span)
	} else {
		c.spans[column] = span
	}
	return nil
}

// putBeyond keeps the first cell beyond the header's last.
func (c *cellStream) putBeyond(column int, span cellSpan) {
	if c.beyond.to == 0 || column < c.at {
		c.beyond, c.at = span, column
		return
	}
	c.texts = c.texts[:span.from]
}

// A rawCell is a cell as the workbook has it.
type rawCell struct {
	kind    string // attribute t
	value   []byte // valid as long as what the scanner stands at, or kept in store
	store   []byte
	formula []byte
	inline  []byte

	hasValue, hasFormula, hasInline bool
}

// readCell reads a cell, up to its end. last is the column of the one before.
func (c *cellStream) readCell(last int) (column int, err error) {
	c.ref, c.style = append(c.ref[:0], c.attr("r")...), append(c.style[:0], c.attr("s")...)
	if err := c.readRaw(cellType(c.attr("t"))); err != nil {
		return last + 1, err
	}
	return c.takeCell(last)
}

// takeCell takes the cell that was read into the row.
func (c *cellStream) takeCell(last int) (column int, err error) {
	if column, err = columnOf(c.ref, last); err != nil {
		return column, err
	}
	from := len(c.texts)
	text, kind, err := c.book.appendValue(c.texts, &c.raw, c.book.format(c.style))
	if err != nil {
		return column, fmt.Errorf("cell %s%d: %w", etl.ColumnLetter(column), c.row, err)
	}
	c.texts = text
	return column, c.put(column, from, kind)
}

// takeNumber reads the cell that comes next if it is written as nearly all cells are
// that hold a number, or the number of a text, by all programs:
//
//	<c r="B12" s="3" t="s"><v>45</v></c>
//
// with or without s and t. Else it takes nothing, and the cell is read tag by tag, which
// gives the same. That way takes a third more of the time for a whole workbook.
func (c *cellStream) takeNumber() bool {
	b := c.buf[c.pos:]
	at := 0
	literal := func(s string) bool {
		if len(b)-at < len(s) || string(b[at:at+len(s)]) != s {
			return false
		}
		at += len(s)
		return true
	}
	run := func(is *[256]bool) []byte {
		from := at
		for at < len(b) && is[b[at]] {
			at++
		}
		return b[from:at]
	}
	if c.empty || !literal(`<c r="`) {
		return false
	}
	ref := run(&inRef)
	var style []byte
	if !literal(`"`) {
		return false
	}
	if literal(` s="`) {
		if style = run(&inRef); !literal(`"`) {
			return false
		}
	}
	kind := ""
	if literal(` t="s"`) {
		kind = "s"
	}
	if !literal("><v>") {
		return false
	}
	value := run(&inNumber)
	if !literal("</v></c>") {
		return false
	}
	c.ref, c.style = append(c.ref[:0], ref...), append(c.style[:0], style...)
	c.raw = rawCell{kind: kind, value: value, hasValue: true, store: c.raw.store, formula: c.raw.formula[:0], inline: c.raw.inline[:0]}
	c.pos += at
	return true
}

// The bytes of references to cells, and of numbers.
var inRef, inNumber = func() (ref, number [256]bool) {
	for c := range ref {
		digit := c >= '0' && c <= '9'
		ref[c] = digit || c >= 'A' && c <= 'Z'
		number[c] = digit || c == '.' || c == '-' || c == 'E'
	}
	return ref, number
}()

// columnOf is the column of the cell with the reference ref, such as B12. A cell
// without one stands behind the last.
func columnOf(ref []byte, last int) (column int, err error) {
	if len(ref) == 0 {
		return last + 1, nil
	}
	letters := ref
	for len(letters) > 0 && letters[len(letters)-1] <= '9' && letters[len(letters)-1] >= '0' {
		letters = letters[:len(letters)-1]
	}
	if len(letters) == 1 && letters[0] >= 'A' && letters[0] <= 'Z' {
		return int(letters[0] - 'A'), nil
	}
	column, ok := etl.LetterColumn(string(letters))
	if !ok || column >= 16384 {
		return last + 1, fmt.Errorf("a cell has the reference %q; the workbook is damaged: open it in a spreadsheet program and save it again", clip(ref))
	}
	return column, nil
}

// cellType is attribute t; one that is not known is a number, as is none.
func cellType(t []byte) string {
	for _, known := range []string{"s", "inlineStr", "str", "b", "e", "d"} {
		if string(t) == known {
			return known
		}
	}
	return ""
}

// readRaw reads the elements of a cell.
func (c *cellStream) readRaw(kind string) error {
	raw := &c.raw
	*raw = rawCell{kind: kind, store: raw.store[:0], formula: raw.formula[:0], inline: raw.inline[:0]}
	for {
		kind, err := c.must()
		switch {
		case err != nil:
			return err
		case kind == xmlEnd && string(c.name) == "c":
			return nil
		case kind != xmlStart:
			continue
		}
		switch string(c.name) {
		case "v":
			raw.hasValue = true
			raw.store, err = c.appendText(raw.store[:0], "v")
			raw.value = raw.store
		case "f":
			raw.hasFormula = true
			raw.formula, err = c.appendText(raw.formula[:0], "f")
		case "is":
			raw.hasInline = true
			raw.inline, err = c.appendRichText(raw.inline[:0], "is", c.book.limits.MaxField)
		default:
			err = c.skip()
		}
		if err != nil {
			return err
		}
	}
}

// appendValue appends what a cell means to text.
func (b *workbook) appendValue(text []byte, raw *rawCell, f *format) ([]byte, etl.Kind, error) {
	if raw.hasFormula && len(raw.value) == 0 && !(raw.kind == "str" && raw.hasValue) {
		return append(text, unstored(raw.formula)...), etl.CellError, nil
	}
	switch raw.kind {
	case "s":
		if !raw.hasValue {
			return text, etl.Text, nil
		}
		text, err := b.appendShared(text, bytes.TrimSpace(raw.value))
		return text, etl.Text, err
	case "inlineStr":
		return append(text, raw.inline...), etl.Text, nil
	case "str":
		return append(text, unescape(raw.value)...), etl.Text, nil
	case "":
		if raw.hasInline && len(raw.value) == 0 {
			return append(text, raw.inline...), etl.Text, nil
		}
		text, kind := b.appendNumber(text, raw.value, f)
		return text, kind, nil
	}
	meant, kind := typedCell(raw.kind, string(raw.value), f)
	return append(text, meant...), kind, nil
}

func (b *workbook) appendShared(text, number []byte) ([]byte, error) {
	n, ok := wholeNumber(number)
	if !ok {
		n = -1
	}
	text, err := b.strings.append(text, n)
	if errors.Is(err, errNoText) {
		return text, fmt.Errorf("shared text %q is not there; the workbook is damaged: open it in a spreadsheet program and save it again", clip(number))
	}
	return text, err
}

// typedCell is what a cell of type b, e or d means.
func typedCell(kind, value string, f *format) (string, etl.Kind) {
	switch {
	case kind == "b":
		return boolCell(value)
	case kind == "d" && value == "":
		return "", etl.Text
	case kind == "d":
		return isoCell(value, *f)
	case strings.TrimSpace(value) == "":
		return "an error" + notStored, etl.CellError
	}
	return value, etl.CellError
}

func unstored(formula []byte) string {
	if len(formula) == 0 {
		return "a formula" + notStored
	}
	return "=" + string(clip(formula)) + notStored
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

// appendNumber appends what a number means under its format.
func (b *workbook) appendNumber(text, raw []byte, f *format) ([]byte, etl.Kind) {
	switch {
	case len(bytes.TrimSpace(raw)) == 0:
		return text, etl.Text
	case !f.dated() && f.mask == "" && isPlainNumber(raw):
		return append(text, raw...), etl.Number
	}
	meant, kind := b.number(string(raw), f)
	return append(text, meant...), kind
}

// number is what a number means under its format.
func (b *workbook) number(raw string, f *format) (text string, kind etl.Kind) {
	text, value, ok := numberCell(raw)
	switch {
	case !ok:
		return string(clip([]byte(raw))) + notNumber, etl.CellError
	case f.dated():
		return dateCell(strings.TrimSpace(raw), value, *f, b.date1904)
	case f.mask != "" && isDigits(text) && value < surest:
		return fillMask(f.maskFor(value), text), etl.Text
	}
	return text, etl.Number
}
