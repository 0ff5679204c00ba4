package extract

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/text/transform"

	"github.com/ticketetl/ticketetl/etl"
)

// textRows reads delimited text.
type textRows struct {
	file   *os.File
	name   string
	scan   *scanner
	header *etl.Header
	slab   slab
	width  int  // cells that each row must have
	own    *own // of a failed-rows file; else nil
}

// own is what the columns of a failed-rows file are.
type own struct {
	columns []int // of the original columns
	kinds   int   // of ColumnKinds
	errors  int   // of the messages, -1 where they are gone
}

func openText(file *os.File, read *meter, gz bool, opts Options, info *Info) (rowReader, error) {
	t := &textRows{file: file, name: opts.Name}
	if err := t.open(read, gz, opts, info); err != nil {
		return nil, fmt.Errorf("%s: %w", opts.Name, err)
	}
	return t, nil
}

func (t *textRows) open(read *meter, gz bool, opts Options, info *Info) error {
	seen, err := sampleOf(t.file, gz, opts.Limits)
	if err != nil {
		return err
	}
	note := func(format string, args ...any) { info.Notes = append(info.Notes, fmt.Sprintf(format, args...)) }
	d, skip, err := detect(seen, &opts, note)
	if err != nil {
		return err
	}
	text := decode(seen, d.charset)[skip:]
	header, err := textHeader(text, d, opts, note)
	if err != nil {
		return err
	}
	r, err := unpack(read.reader(t.file), gz, opts.Limits)
	if err != nil {
		return err
	}
	t.scan = newScanner(decoded(r, d.charset), d, opts.Limits)
	if err := t.skip(skip, header); err != nil {
		return err
	}
	info.Encoding, info.Delimiter, info.HeaderRow = d.charset.name, string(d.delim), header
	if d.quote != 0 {
		info.Quote = string(d.quote)
	}
	noteNameless(t.header, note)
	return nil
}

// sampleOf reads the beginning of file and goes back to its start.
func sampleOf(file *os.File, gz bool, limits Limits) (*sample, error) {
	r, err := unpack(file, gz, limits)
	if err != nil {
		return nil, err
	}
	seen, err := takeSample(r)
	if err != nil {
		return nil, cause(err)
	}
	if gz && bytes.HasPrefix(seen.head, []byte("PK")) {
		return nil, errors.New("inside the gzip stands a workbook or another archive; unpack it first")
	}
	if gz {
		if why := refuse(seen.head[:min(len(seen.head), 4096)]); why != "" {
			return nil, errors.New(why)
		}
	}
	_, err = file.Seek(0, io.SeekStart)
	return seen, err
}

// detect settles what opts leaves open. skip is the size of a "sep=" line.
func detect(seen *sample, opts *Options, note func(string, ...any)) (d dialect, skip int, err error) {
	if ownFile(seen.head, opts.Limits) {
		note("this is a file of failed rows that ticketetl wrote: utf-8, comma, header in row 1; its %s columns are left out", ColumnPrefix)
		opts.Header = 1
		d = ownDialect
		marked, _ := markedCharset(seen.head)
		d.charset.bom = marked.bom
		return d, 0, nil
	}
	if opts.Encoding != "" {
		d.charset, err = statedCharset(opts.Encoding, seen.head)
	} else {
		var why string
		d.charset, why, err = guessCharset(seen)
		note("%s", why)
	}
	if err != nil {
		return d, 0, err
	}
	text := decode(seen, d.charset)
	if notText(text) {
		return d, 0, errNotText
	}
	separator, skip := separatorLine(text)
	text = text[skip:]
	if d.quote, err = quoteOf(text, opts.Quote, note); err != nil {
		return d, 0, err
	}
	if d.escape, err = escapeOf(text, d, *opts, seen.whole, note); err != nil {
		return d, 0, err
	}
	d.term = lineEnd(text, d)
	if d.term == '\r' {
		note("line ends: CR alone, as old Macs write them")
	}
	switch {
	case opts.Delimiter != "":
		d.delim, err = statedDelimiter(opts.Delimiter)
	case skip > 0:
		d.delim = separator
		note("delimiter %q, as its first line says", separator)
	default:
		var why string
		d.delim, why = guessDelimiter(text, d, opts.Limits)
		note("%s", why)
	}
	return d, skip, err
}

// escapeOf is the escape character that is stated, or else the one that text has.
func escapeOf(text []byte, d dialect, opts Options, whole bool, note func(string, ...any)) (byte, error) {
	if opts.Escape != "" {
		return statedEscape(opts.Escape)
	}
	escape := guessEscape(text, d, opts.Delimiter, opts.Limits, whole)
	if escape != 0 {
		note(`quotes inside cells have a backslash before them (\"), and \\ stands for one backslash; if that is wrong, state it (source.escape: double)`)
	}
	return escape, nil
}

// quoteOf is the quote that is stated, or else the one that text has.
func quoteOf(text []byte, stated string, note func(string, ...any)) (byte, error) {
	if stated != "" {
		return statedQuote(stated)
	}
	quote := guessQuote(text)
	if quote == '\'' {
		note("quote ': nearly all cells begin with it; state another (--quote) if it is an apostrophe")
	}
	return quote, nil
}

// decode returns the sample's text in UTF-8, up to its last whole line.
func decode(seen *sample, c charset) []byte {
	text := seen.head[c.bom:]
	if c.dec != nil {
		// A decoder puts U+FFFD where it fails, and never errs.
		text, _ = io.ReadAll(decoded(bytes.NewReader(seen.head), c))
	}
	if !seen.whole {
		if i := bytes.LastIndexAny(text, "\r\n"); i >= 0 {
			return text[:i+1]
		}
	}
	return text
}

// decoded gives r as UTF-8, without its byte order mark.
func decoded(r io.Reader, c charset) io.Reader {
	if c.bom > 0 {
		r = &skipReader{r, c.bom}
	}
	if c.dec == nil {
		return r
	}
	return transform.NewReader(r, c.dec.NewDecoder())
}

// A skipReader leaves out the first bytes of r.
type skipReader struct {
	r    io.Reader
	skip int
}

func (r *skipReader) Read(p []byte) (int, error) {
	if r.skip > 0 {
		if _, err := io.CopyN(io.Discard, r.r, int64(r.skip)); err != nil {
			return 0, err
		}
		r.skip = 0
	}
	return r.r.Read(p)
}

// unpack reads through gzip if gz is set.
func unpack(r io.Reader, gz bool, limits Limits) (io.Reader, error) {
	if !gz {
		return r, nil
	}
	z, err := gzip.NewReader(r)
	if err != nil {
		return nil, fmt.Errorf("the gzip data is damaged: %w", err)
	}
	return &boundedReader{r: z, left: limits.MaxUnzipped, limit: limits.MaxUnzipped}, nil
}

// A boundedReader fails once it gave limit bytes: an archive may unpack to
// thousands of times its size.
type boundedReader struct {
	r           io.Reader
	left, limit int64
}

func (b *boundedReader) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	b.left -= int64(n)
	switch {
	case b.left < 0:
		return 0, fmt.Errorf("the file unpacks to more than %d bytes, which is not what tickets do; if you trust it, raise --max-unpacked", b.limit)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return n, errors.New("the compressed data ends too early; the file was not copied or downloaded whole")
	case err != nil && !errors.Is(err, io.EOF):
		return n, fmt.Errorf("the compressed data is damaged: %w", err)
	}
	return n, err
}

// skip reads up to the header row and takes it.
func (t *textRows) skip(separator, header int) error {
	if separator > 0 {
		if _, err := t.scan.has(separator); err != nil {
			return err
		}
		t.scan.pos += separator
		t.scan.nextLn++
	}
	for t.scan.row < header {
		err := t.scan.scan()
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("the header should stand in row %d, but the file has only %d rows", header, t.scan.row)
		}
		if err != nil {
			return err
		}
	}
	switch {
	case t.scan.fault != nil:
		return fmt.Errorf("row %d, the header: %s; %s", header, t.scan.fault.Message, t.scan.fault.Hint)
	case t.scan.blank():
		return fmt.Errorf("row %d, which should be the header, is blank", header)
	}
	t.setHeader(t.scan.appendText(nil))
	return nil
}

func (t *textRows) setHeader(names []string) {
	t.width = len(names)
	own := &own{kinds: -1, errors: -1}
	var visible []string
	for i, name := range names {
		switch {
		case name == ColumnKinds:
			own.kinds = i
		case name == ColumnPrefix+"errors":
			own.errors = i
		case !strings.HasPrefix(name, ColumnPrefix):
			own.columns = append(own.columns, i)
			visible = append(visible, etl.UnguardCell(name))
		}
	}
	if own.kinds >= 0 && t.scan.row == 1 {
		t.own, names = own, visible
	}
	t.header = etl.NewHeader(names)
}

func (t *textRows) Header() *etl.Header { return t.header }

func (t *textRows) Close() error { return t.file.Close() }

func (t *textRows) Next(context.Context) (*etl.Record, error) {
	for {
		err := t.scan.scan()
		if errors.Is(err, io.EOF) {
			return nil, io.EOF
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", t.name, cause(err))
		}
		if !t.scan.blank() {
			return t.record()
		}
	}
}

// record makes a Record of the row last scanned.
func (t *textRows) record() (*etl.Record, error) {
	rec, cells := t.slab.take(max(t.width, t.scan.width()))
	rec.Pos = etl.Position{File: t.name, Row: t.scan.row, Line: t.scan.line}
	rec.Header, rec.Valid = t.header, t.scan.fault == nil // checkText looks for both
	cells = t.scan.appendText(cells)
	problem := t.problem(cells)
	for len(cells) < t.width {
		cells = append(cells, "")
	}
	cells = cells[:t.width:t.width]
	if t.own != nil {
		if t.own.fill(rec, cells) && problem == nil {
			problem = notMended()
		}
	} else {
		rec.Fields = cells
	}
	if problem != nil {
		return rec, &etl.RowError{Pos: rec.Pos, Problem: *problem}
	}
	return rec, nil
}

// Refill implements etl.Refiller, for a part of the text.
func (t *textRows) Refill(spare []*etl.Record) { t.slab.spare = spare }

// Release implements etl.Refiller.
func (t *textRows) Release() { t.scan.release() }

// A slab allocates Records and their fields many at a time, as batches hold
// on to about as many.
type slab struct {
	spare   []*etl.Record // to be filled again
	records []etl.Record
	fields  []string
}

const slabRecords = 32

// take returns a Record and room for the text of n fields.
func (s *slab) take(n int) (*etl.Record, []string) {
	if last := len(s.spare) - 1; last >= 0 {
		rec := s.spare[last]
		s.spare = s.spare[:last]
		rec.Reset()
		if cap(rec.Fields) >= n {
			return rec, rec.Fields
		}
	}
	if len(s.records) == 0 {
		s.records = make([]etl.Record, slabRecords)
	}
	if len(s.fields) < n {
		s.fields = make([]string, n*slabRecords)
	}
	rec, fields := &s.records[0], s.fields[:0:n]
	s.records, s.fields = s.records[1:], s.fields[n:]
	return rec, fields
}

// fill takes the original columns out of a row of a failed-rows file. It says
// whether the row is one that was read only in part and is marked so still.
func (o *own) fill(rec *etl.Record, cells []string) (partial bool) {
	letters := cells[o.kinds]
	rec.Fields = make([]string, len(o.columns))
	for i, column := range o.columns {
		rec.Fields[i] = etl.UnguardCell(cells[column])
		if i >= len(letters) {
			continue
		}
		kind := keepKind(etl.KindOf(letters[i]), rec.Fields[i])
		if kind == etl.Number && o.mended(cells, rec.Fields[i]) {
			kind = etl.Text
		}
		if kind != etl.Text {
			if rec.Kinds == nil {
				rec.Kinds = make([]etl.Kind, len(o.columns))
			}
			rec.Kinds[i] = kind
		}
	}
	return letters == etl.PartialKinds
}

// mended says that a number of more digits than a workbook keeps was entered anew:
// the text of the errors does not speak of it.
func (o *own) mended(cells []string, number string) bool {
	return len(number) > 15 && o.errors >= 0 && !strings.Contains(cells[o.errors], number)
}

func notMended() *etl.Problem {
	return &etl.Problem{
		Column: -1, Code: "NOT_MENDED",
		Message: "the row could not be read whole the first time (" + ColumnPrefix + "errors says why), so its cells may be wrong",
		Hint:    "correct its cells, then empty its cell in the column " + ColumnKinds,
	}
}

// problem is what is wrong with the row as a whole, or nil.
func (t *textRows) problem(cells []string) *etl.Problem {
	switch n := len(cells); {
	case t.scan.fault != nil:
		p := *t.scan.fault
		p.Column = t.visible(p.Column)
		return &p
	case n > t.width && strings.Join(cells[t.width:], "") != "":
		return t.tooManyCells(cells)
	case n < t.width:
		return &etl.Problem{
			Column:  t.visible(n),
			Code:    "TOO_FEW_CELLS",
			Message: fmt.Sprintf("the row has %s, the header has %d", count(n, "cell"), t.width),
			Hint:    "add the missing cells, empty ones too; if a cell has a line break in it, put it in quotes",
		}
	}
	return nil
}

// visible turns the number of a cell into that of its column in the header.
func (t *textRows) visible(cell int) int {
	if cell >= t.width {
		return -1
	}
	if t.own == nil {
		return cell
	}
	for i, column := range t.own.columns {
		if column == cell {
			return i
		}
	}
	return -1
}

// tooManyCells tells of the first cell beyond the header. In a failed-rows file
// its letter would be that of one of our own columns.
func (t *textRows) tooManyCells(cells []string) *etl.Problem {
	beyond := cells[t.width:]
	shown := make([]string, 0, 3)
	for _, cell := range beyond[:min(len(beyond), 3)] {
		shown = append(shown, quote([]byte(cell)))
	}
	if len(beyond) > 3 {
		shown = append(shown, "...")
	}
	column := t.width
	if t.own != nil {
		column = -1
	}
	return &etl.Problem{
		Column:  column,
		Value:   strings.Join(beyond[:min(len(beyond), 3)], " "),
		Code:    "TOO_MANY_CELLS",
		Message: fmt.Sprintf("the row has %s, the header has %d; beyond it stands %s", count(len(cells), "cell"), t.width, strings.Join(shown, ", ")),
		Hint:    "give the column a header; or, if the delimiter is part of a cell's text, put that cell in quotes",
	}
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
