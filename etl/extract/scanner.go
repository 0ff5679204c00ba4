package extract

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"strings"

	"github.com/ticketetl/ticketetl/etl"
)

// A scanner splits delimited text, UTF-8 by now, into rows of cells.
//
// It is our own because encoding/csv leaves blank lines out of its count, turns
// \r\n inside quotes into \n, takes a file with \r line ends for one row, and
// bounds nothing. Where both read a text, they agree (a fuzz test says so).
//
// Quotes: a cell that begins with a quote ends at the next single one; two
// stand for one. A quote later in a cell that began without is literal text,
// as every spreadsheet program and CSV library takes it. Two forms have no
// such common reading, and their rows are faulty: text after the closing quote,
// and blanks before an opening one. With an escape character, that stands before
// quotes in the text and before itself, and doubled quotes have no meaning.
type scanner struct {
	r       io.Reader
	delim   byte
	quote   byte // around cells; 0 where there is none
	escape  byte // before quotes in the text; 0 where they are doubled
	term    byte // '\n', with any '\r' before it; or '\r'
	charset charset
	ownFile bool // written by us
	limits  Limits
	delims  uint64 // delim in each byte
	quotes  uint64 // and quote

	blocks chan block   // to be filled again
	owned  bool         // buf does not change any more, so that texts may be parts of it
	block  block        // whose text buf is, where it is owned
	quoted []quotedCell // those of block that were not come to yet
	sifted bool         // clean is set
	clean  bool         // nothing in buf is a fault by itself: see checkText

	buf    []byte
	pos    int // of the next row in buf
	end    int // of what was read into buf
	err    error
	row    int // number of the row last scanned
	line   int // line of the file in which it begins
	nextLn int

	// The row last scanned. It is valid until the next call of scan.
	raw     []byte // without its line end
	cells   []cell
	doubled bool // some cell has doubled or escaped quotes
	text    []byte
	fault   *etl.Problem

	// Where quickRow has split it, in place of cells:
	texts   []string
	doubles []double
}

// A cell is a part of the row: its text, without outer quotes.
type cell struct {
	from, to int
	doubled  bool // quotes in it are doubled or escaped
}

func newScanner(r io.Reader, d dialect, limits Limits) *scanner {
	return &scanner{
		delims: uint64(d.delim) * ones, quotes: uint64(d.quote) * ones,
		r: r, delim: d.delim, quote: d.quote, escape: d.escape, term: d.term, charset: d.charset, ownFile: d.own, limits: limits,
		buf: make([]byte, min(64<<10, limits.block)), nextLn: 1, blocks: make(chan block, spareBlocks),
	}
}

// scan reads the next row, a blank one too. The error is io.EOF at the end;
// any other means that nothing after this can be read.
func (s *scanner) scan() error {
	s.cells, s.doubled, s.fault = s.cells[:0], false, nil
	s.texts, s.doubles = s.texts[:0], s.doubles[:0]
	if s.owned && !s.sifted {
		s.sift()
	}
	if s.clean && s.quickRow() {
		return nil
	}
	s.row++
	s.line = s.nextLn
	lineEnd, err := s.index(0, s.term)
	if err != nil {
		return err
	}
	if lineEnd < 0 && s.pos == s.end {
		s.row--
		return io.EOF
	}
	size := lineEnd
	if lineEnd < 0 {
		size = s.end - s.pos
	}
	if s.quote == 0 || bytes.IndexByte(s.buf[s.pos:s.pos+size], s.quote) < 0 {
		s.nextLn++
		err = s.plainRow(s.buf[s.pos : s.pos+size])
	} else {
		size, err = s.quotedRow(size)
	}
	if err != nil {
		return err
	}
	if size > s.limits.MaxRow {
		return s.tooLong(s.row, s.line)
	}
	s.pos = min(s.pos+size+1, s.end)
	s.checkText()
	return nil
}

// index finds c at or after from, which counts from the start of the row; -1
// means that the text ends before.
func (s *scanner) index(from int, c byte) (int, error) {
	for {
		if i := bytes.IndexByte(s.buf[s.pos+from:s.end], c); i >= 0 {
			return from + i, nil
		}
		from = s.end - s.pos
		if from > s.limits.MaxRow {
			return 0, s.tooLong(s.row, s.line)
		}
		if err := s.fill(); err == io.EOF {
			return -1, nil
		} else if err != nil {
			return 0, err
		}
	}
}

func (s *scanner) tooLong(row, line int) error {
	return fmt.Errorf("row %d (line %d) has more than %d bytes; a quote that is never closed, or another delimiter or line end than %q and %q, may be the reason; if the row is right, raise --max-row",
		row, line, s.limits.MaxRow, s.delim, s.term)
}

// fill reads more behind what the buffer has of the row.
func (s *scanner) fill() error {
	if s.err != nil {
		return s.err
	}
	if s.pos > 0 {
		copy(s.buf, s.buf[s.pos:s.end])
		s.pos, s.end = 0, s.end-s.pos
	}
	if s.end == len(s.buf) {
		s.buf = append(s.buf, make([]byte, len(s.buf))...)
	}
	n := s.read(s.buf[s.end:])
	s.end += n
	if n > 0 {
		return nil
	}
	return s.err
}

// read reads into p. If nothing was read, s.err says why.
func (s *scanner) read(p []byte) (n int) {
	for range 100 {
		if n, s.err = s.r.Read(p); n > 0 || s.err != nil {
			return n
		}
	}
	s.err = io.ErrNoProgress
	return 0
}

// plainRow splits a row without quotes.
func (s *scanner) plainRow(row []byte) error {
	s.raw = trimReturns(row)
	from := 0
	for {
		i := bytes.IndexByte(s.raw[from:], s.delim)
		if i < 0 {
			return s.add(cell{from: from, to: len(s.raw)})
		}
		if err := s.add(cell{from: from, to: from + i}); err != nil {
			return err
		}
		from += i + 1
	}
}

// trimReturns cuts every \r before the \n: some programs write two.
func trimReturns(row []byte) []byte {
	for len(row) > 0 && row[len(row)-1] == '\r' {
		row = row[:len(row)-1]
	}
	return row
}

// quotedRow splits a row that has quotes and may go on over several lines.
// lineEnd is the first line end; it returns the one that ends the row.
func (s *scanner) quotedRow(lineEnd int) (int, error) {
	from := 0
	for {
		var c cell
		var err error
		next := from
		if at := s.pos + from; at < s.end && s.buf[at] == s.quote {
			if c, next, err = s.quotedCell(from); err != nil {
				return 0, err
			}
		}
		if next > lineEnd {
			if lineEnd, err = s.lineEnd(next); err != nil {
				return 0, err
			}
		}
		rest := trimReturns(s.buf[s.pos+next : s.pos+lineEnd])
		size := bytes.IndexByte(rest, s.delim)
		last := size < 0
		if last {
			size = len(rest)
		}
		switch {
		case next == from:
			c = cell{from: from, to: from + size}
			s.checkBare(rest[:size])
		case size > 0:
			c = cell{from: from, to: next + size} // the quotes stay, as the cell is faulty
			s.report("TEXT_AFTER_QUOTE", string(clip(rest[:size])),
				fmt.Sprintf("text follows the closing quote of a cell that begins with %s", quote(s.buf[s.pos+from:s.pos+next])),
				s.quotesHint())
		}
		if err := s.add(c); err != nil {
			return 0, err
		}
		if last {
			s.finishQuoted(lineEnd)
			return lineEnd, nil
		}
		from = next + size + 1
	}
}

func (s *scanner) lineEnd(from int) (int, error) {
	i, err := s.index(from, s.term)
	if i < 0 {
		i = s.end - s.pos
	}
	return i, err
}

// finishQuoted sets what is known once the whole row was seen.
func (s *scanner) finishQuoted(lineEnd int) {
	s.raw = s.buf[s.pos : s.pos+lineEnd]
	s.nextLn += 1 + bytes.Count(s.raw, []byte{'\n'})
	if s.term == '\r' {
		s.nextLn += bytes.Count(s.raw, []byte{'\r'}) - bytes.Count(s.raw, []byte("\r\n"))
		return
	}
	s.raw = trimReturns(s.raw)
}

// quotedCell reads a cell that begins with a quote at from; next stands behind
// the closing one.
func (s *scanner) quotedCell(from int) (c cell, next int, err error) {
	c.from = from + 1
	at := c.from
	for {
		i, err := s.index(at, s.quote)
		switch {
		case err != nil:
			return c, 0, err
		case i < 0:
			return c, 0, s.unclosed(from, "to the end of the file")
		case i-c.from > s.limits.MaxField:
			return c, 0, s.unclosed(from, fmt.Sprintf("within %d bytes, the most that a cell may have", s.limits.MaxField))
		}
		if escapedAt(s.buf[s.pos:], c.from, i, s.escape) {
			c.doubled = true
			at = i + 1
			continue
		}
		if more, err := s.has(i + 1); err != nil {
			return c, 0, err
		} else if !more || s.escape != 0 || s.buf[s.pos+i+1] != s.quote {
			c.to = i
			s.checkEscapes(&c)
			s.doubled = s.doubled || c.doubled
			return c, i + 1, nil
		}
		c.doubled = true
		at = i + 2
	}
}

// escapedAt says whether an odd number of escape characters, if there are any,
// stands before b[i], back to from.
func escapedAt(b []byte, from, i int, escape byte) bool {
	n := 0
	for escape != 0 && i-n > from && b[i-n-1] == escape {
		n++
	}
	return n%2 == 1
}

// checkEscapes looks at the escape characters of a cell. Programs that double
// them leave no single one; where a cell has both, it can't be told whether two
// stand for one.
func (s *scanner) checkEscapes(c *cell) {
	if s.escape == 0 {
		return
	}
	text := s.buf[s.pos+c.from : s.pos+c.to]
	pairs, single := false, false
	for i := 0; i < len(text); i++ {
		if text[i] != s.escape {
			continue
		}
		i++
		pairs = pairs || i < len(text) && text[i] == s.escape
		single = single || i < len(text) && text[i] != s.escape && text[i] != s.quote
	}
	c.doubled = c.doubled || pairs
	if pairs && single {
		s.report("AMBIGUOUS_ESCAPE", string(clip(text)), "two backslashes in a row may stand for one or for themselves, as the cell has single ones too",
			"write every backslash twice in this cell, or once where it is one")
	}
}

func (s *scanner) quotesHint() string {
	if s.escape != 0 {
		return `put the whole cell in quotes and a backslash before the quotes inside it (\")`
	}
	return `put the whole cell in quotes and double the quotes inside it (""); if the file has a backslash before them (\"), say so (source.escape: backslash)`
}

// has makes sure that the byte at i, counted from the start of the row, was read.
func (s *scanner) has(i int) (bool, error) {
	for s.pos+i >= s.end {
		if err := s.fill(); err == io.EOF {
			return false, nil
		} else if err != nil {
			return false, err
		}
	}
	return true, nil
}

func (s *scanner) unclosed(from int, where string) error {
	line := s.line + bytes.Count(s.buf[s.pos:s.pos+from], []byte{s.term})
	return fmt.Errorf("row %d, column %s: the quote that opens in line %d (%s) is not closed %s; close it, or double it if it is part of the text; if the file has no quotes around cells, say so (--quote none)",
		s.row, etl.ColumnLetter(len(s.cells)), line, quote(s.buf[s.pos+from:min(s.end, s.pos+from+200)]), where)
}

func (s *scanner) add(c cell) error {
	switch {
	case c.to-c.from > s.limits.MaxField:
		return fmt.Errorf("row %d (line %d), column %s: the cell has more than %d bytes; if that is right, raise --max-cell", s.row, s.line, etl.ColumnLetter(len(s.cells)), s.limits.MaxField)
	case len(s.cells) == s.limits.MaxColumns:
		return fmt.Errorf("row %d (line %d) has more than %d cells; if that is right, raise --max-columns", s.row, s.line, s.limits.MaxColumns)
	}
	s.cells = append(s.cells, c)
	return nil
}

// report notes the first thing wrong with the row, about the cell to be added.
func (s *scanner) report(code, value, message, hint string) {
	if s.fault == nil {
		s.fault = &etl.Problem{Column: len(s.cells), Value: value, Code: code, Message: message, Hint: hint}
	}
}

// checkBare judges a cell without outer quotes, in a row that has some.
func (s *scanner) checkBare(text []byte) {
	if q := bytes.IndexByte(text, s.quote); q > 0 && len(bytes.TrimLeft(text[:q], " \t")) == 0 {
		s.report("BLANK_BEFORE_QUOTE", string(clip(text)), "blanks stand before an opening quote, so it cannot be told where the cell ends",
			"remove the blanks between the delimiter and the quote")
	}
}

// checkText looks for what no text may hold, anywhere in the row.
func (s *scanner) checkText() {
	if !s.clean {
		s.checkBytes()
	}
	if i := s.strayBreak(); i >= 0 {
		s.faultAt(i, "STRAY_LINE_BREAK", "a line break of another kind stands outside quotes, so it cannot be told where the row ends",
			"save the file with the same line ends throughout, or put the cell in quotes")
	}
}

// checkBytes looks for what is a fault wherever it stands.
func (s *scanner) checkBytes() {
	if i := controlByte(s.raw); i >= 0 {
		s.checkControl(i)
	}
	if i := s.charset.undecodable(s.raw); i >= 0 {
		s.faultAt(i, "INVALID_ENCODING", s.whyUndecodable(i), "state the file's encoding (source.encoding), or save it as UTF-8")
	}
}

// checkControl reports the control character at i. A file that we wrote ourselves
// has it from a workbook or from HubSpot, where it stood as it is.
func (s *scanner) checkControl(i int) {
	switch c := s.raw[i]; {
	case bytes.IndexByte(s.raw, 0) >= 0:
		s.faultAt(bytes.IndexByte(s.raw, 0), "NUL_BYTE", "the row holds a zero byte, which no text has",
			"the file may be damaged, or in UTF-16 without a mark: state the encoding (source.encoding)")
	case s.ownFile:
	case c == 0x1B:
		s.faultAt(i, "INVALID_ENCODING", "the row holds an escape character (0x1B), as texts in iso-2022-jp do",
			"state the file's encoding (source.encoding), or remove the character")
	default:
		s.faultAt(i, "INVALID_ENCODING", fmt.Sprintf("the row holds the control character 0x%02X, which no text has", c),
			"remove it; if there are many, the file has another encoding: state it (source.encoding)")
	}
}

// controlByte finds a control character other than tab, LF and CR in b, or -1.
func controlByte(b []byte) int {
	i := 0
	for ; len(b)-i >= 32; i += 32 {
		if below(b[i:])|below(b[i+8:])|below(b[i+16:])|below(b[i+24:]) == 0 {
			continue
		}
		for n, c := range b[i : i+32] {
			if isControl(c) {
				return i + n
			}
		}
	}
	for ; i < len(b); i++ {
		if isControl(b[i]) {
			return i
		}
	}
	return -1
}

// below is not 0 if one of the first eight bytes of b is below a blank.
func below(b []byte) uint64 {
	word := binary.LittleEndian.Uint64(b)
	return (word - 0x20*ones) &^ word & tops
}

func isControl(c byte) bool { return c < ' ' && c != '\t' && c != '\n' && c != '\r' }

func (s *scanner) whyUndecodable(i int) string {
	if s.charset.dec == nil {
		return fmt.Sprintf("byte 0x%02X is not UTF-8", s.raw[i])
	}
	return "a byte cannot be read as " + s.charset.name
}

// strayBreak finds the other kind of line end in a cell without quotes.
func (s *scanner) strayBreak() int {
	other := byte('\r' + '\n' - s.term)
	if bytes.IndexByte(s.raw, other) < 0 {
		return -1
	}
	for _, c := range s.cells {
		if c.from > 0 && s.quote != 0 && s.raw[c.from-1] == s.quote {
			continue
		}
		if i := bytes.IndexByte(s.raw[c.from:c.to], other); i >= 0 {
			return c.from + i
		}
	}
	return -1
}

// faultAt reports a fault of the cell that holds the byte at i.
func (s *scanner) faultAt(i int, code, message, hint string) {
	if s.fault != nil {
		return
	}
	p := etl.Problem{Column: -1, Code: code, Message: message, Hint: hint}
	for n, c := range s.cells {
		if c.from <= i && i < c.to {
			p.Column = n
			p.Value = strings.ToValidUTF8(string(clip(s.raw[c.from:c.to])), "\uFFFD")
		}
	}
	s.fault = &p
}

// blank says whether every cell of the row is empty.
func (s *scanner) blank() bool {
	for _, text := range s.texts {
		if text != "" {
			return false
		}
	}
	for _, c := range s.cells {
		if c.from < c.to {
			return false
		}
	}
	return true
}

// width is how many cells the row has.
func (s *scanner) width() int { return len(s.cells) + len(s.texts) }

// appendText appends the cells' text to fields. All share one string. It may be
// called once for a row.
func (s *scanner) appendText(fields []string) []string {
	switch {
	case len(s.texts) > 0:
		return append(fields, s.texts...)
	case s.owned:
		return s.appendOwned(fields)
	}
	if !s.doubled {
		text := string(s.raw)
		for _, c := range s.cells {
			fields = append(fields, text[c.from:c.to])
		}
		return fields
	}
	s.text = s.text[:0]
	for i, c := range s.cells {
		s.appendCell(c)
		s.cells[i].to = len(s.text) // the cell is not needed any more
	}
	text, from := string(s.text), 0
	for _, c := range s.cells {
		fields = append(fields, text[from:c.to])
		from = c.to
	}
	return fields
}

// appendOwned appends the cells' text to fields without copying it. Doubled quotes
// are taken out where they stand: a text only gets shorter.
func (s *scanner) appendOwned(fields []string) []string {
	for _, c := range s.cells {
		text := s.raw[c.from:c.to]
		if c.doubled {
			s.text = text[:0]
			s.appendCell(c)
			text = s.text
		}
		fields = append(fields, stringOf(text))
	}
	return fields
}

func (s *scanner) appendCell(c cell) {
	text := s.raw[c.from:c.to]
	for c.doubled && s.escape != 0 {
		i := bytes.IndexByte(text, s.escape)
		if i < 0 || i+1 == len(text) {
			break
		}
		s.text = append(s.text, text[:i]...)
		if next := text[i+1]; next != s.quote && next != s.escape {
			s.text = append(s.text, s.escape)
		}
		s.text = append(s.text, text[i+1])
		text = text[i+2:]
	}
	for c.doubled && s.escape == 0 {
		i := bytes.IndexByte(text, s.quote)
		if i < 0 {
			break
		}
		s.text = append(s.text, text[:i+1]...)
		text = text[i+2:]
	}
	s.text = append(s.text, text...)
}

// clip shortens text that is shown in a message.
func clip(b []byte) []byte {
	const most = 80
	if len(b) <= most {
		return b
	}
	return append(bytes.ToValidUTF8(b[:most], nil), "..."...)
}

// quote shows the beginning of text in a message.
func quote(b []byte) string {
	if i := bytes.IndexAny(b, "\r\n"); i >= 0 {
		b = append(b[:i:i], "..."...)
	}
	return fmt.Sprintf("%q", clip(b))
}
