package extract

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/ticketetl/ticketetl/etl"
)

// A dialect is how a text file is written.
type dialect struct {
	charset charset
	delim   byte
	quote   byte // around cells; 0 where there is none
	escape  byte // before a quote that is text; 0 where such a quote is doubled
	term    byte // '\n', with or without '\r' before it; or '\r'
	own     bool // a file of failed rows that we wrote
}

const (
	dialectRows = 100 // looked at for the delimiter
	headerRows  = 50  // looked at for the header
)

// delimiters are those that are detected, in the order that settles a tie.
var delimiters = []byte{',', ';', '\t', '|'}

// statedDelimiter reads Options.Delimiter.
func statedDelimiter(s string) (byte, error) {
	switch strings.ToLower(s) {
	case "tab", `\t`:
		return '\t', nil
	case "comma":
		return ',', nil
	case "semicolon":
		return ';', nil
	case "pipe":
		return '|', nil
	}
	if len(s) != 1 || s[0] >= 0x80 || strings.Contains("\"\r\n\x00", s) {
		return 0, fmt.Errorf(`%q cannot be the delimiter; it is one character, such as "," or ";", or "tab"`, s)
	}
	return s[0], nil
}

// lineEnd tells whether rows end with \n (or \r\n) or with \r alone.
func lineEnd(text []byte, d dialect) byte {
	quoted, returns, escaped := false, false, false
	for i, b := range text {
		switch {
		case escaped:
			escaped = false
		case quoted && d.escape != 0 && b == d.escape:
			escaped = true
		case b == d.quote && d.quote != 0:
			quoted = !quoted
		case quoted:
		case b == '\n':
			return '\n'
		case b == '\r' && i+1 < len(text) && text[i+1] != '\n':
			returns = true
		}
	}
	if returns {
		return '\r'
	}
	return '\n'
}

// statedQuote reads Options.Quote.
func statedQuote(s string) (byte, error) {
	switch s {
	case "double":
		return '"', nil
	case "single":
		return '\'', nil
	case "none":
		return 0, nil
	}
	return 0, fmt.Errorf(`%q cannot be the quote around cells; it is "double", "single" or "none"`, s)
}

// statedEscape reads Options.Escape.
func statedEscape(s string) (byte, error) {
	switch s {
	case "backslash":
		return '\\', nil
	case "double":
		return 0, nil
	}
	return 0, fmt.Errorf(`%q cannot be how a quote inside a cell is written; it is "double" for "" or "backslash" for \"`, s)
}

// guessEscape finds backslashes before the quotes inside cells: where the rows of
// text are faulty as long as such quotes end cells, and none is with them.
// whole says that text does not end amid a row.
func guessEscape(text []byte, d dialect, delimiter string, limits Limits, whole bool) byte {
	if d.quote == 0 || !bytes.Contains(text, []byte{'\\', d.quote}) {
		return 0
	}
	if faultless(text, d, delimiter, limits, whole) {
		return 0
	}
	d.escape = '\\'
	if faultless(text, d, delimiter, limits, whole) {
		return d.escape
	}
	return 0
}

// faultless says whether text can be split into rows of the same number of cells.
func faultless(text []byte, d dialect, delimiter string, limits Limits, whole bool) bool {
	d.term = lineEnd(text, d)
	if c, err := statedDelimiter(delimiter); err == nil {
		d.delim = c
	} else {
		d.delim, _ = guessDelimiter(text, d, limits)
	}
	width := 0
	s := newScanner(bytes.NewReader(text), d, limits)
	for {
		if err := s.scan(); err != nil {
			return errors.Is(err, io.EOF) || !whole
		}
		switch {
		case s.blank():
		case s.fault != nil, width > 0 && len(s.cells) != width:
			return false
		default:
			width = len(s.cells)
		}
	}
}

// guessQuote finds single quotes where most cells of the first lines begin with
// them and none has double ones; they are apostrophes anywhere else.
func guessQuote(text []byte) byte {
	ends := func(c byte) bool { return bytes.IndexByte([]byte(",;\t|\r\n"), c) >= 0 }
	opening, cells := 0, 0
	head := text[:min(len(text), 64<<10)]
	for i, c := range head {
		if i > 0 && !ends(head[i-1]) || ends(c) {
			continue
		}
		cells++
		switch c {
		case '"':
			return '"'
		case '\'':
			opening++
		}
	}
	line, _, _ := bytes.Cut(head, []byte("\n"))
	line = bytes.TrimRight(line, "\r")
	whole := bytes.HasPrefix(line, []byte("'")) && bytes.HasSuffix(line, []byte("'"))
	if opening < 4 || opening*3 < cells*2 || !whole {
		return '"'
	}
	return '\''
}

// guessDelimiter takes the delimiter that gives the rows of text the same
// number of cells, and many of them. note is the evidence.
func guessDelimiter(text []byte, d dialect, limits Limits) (delim byte, note string) {
	best := 0.0
	delim, note = ',', "delimiter: none was seen, the file has one column"
	for _, c := range delimiters {
		d.delim = c
		rows, alike, width := consistency(text, d, limits)
		if rows == 0 || width < 2 {
			continue
		}
		share := float64(alike) / float64(rows)
		if score := share * share * share * (1 + math.Log2(float64(width))); score > best {
			best, delim = score, c
			note = fmt.Sprintf("delimiter %q: %d of the first %d rows have %d cells with it", c, alike, rows, width)
		}
	}
	return delim, note
}

// consistency counts the first rows of text and those of them that have the
// most frequent number of cells, width.
func consistency(text []byte, d dialect, limits Limits) (rows, alike, width int) {
	counts := map[int]int{}
	s := newScanner(bytes.NewReader(text), d, limits)
	for rows < dialectRows && s.scan() == nil {
		if s.blank() {
			continue
		}
		rows++
		if s.fault == nil {
			counts[len(s.cells)]++
		}
	}
	for w, n := range counts {
		if n > alike || n == alike && w > width {
			alike, width = n, w
		}
	}
	return rows, alike, width
}

// separatorLine reads the line "sep=;" with which a file may tell spreadsheet
// programs its delimiter. size is that of the line; they do not count it as a
// row.
func separatorLine(text []byte) (delim byte, size int) {
	const mark = "sep="
	if len(text) < len(mark)+2 || !strings.EqualFold(string(text[:len(mark)]), mark) {
		return 0, 0
	}
	end := bytes.IndexAny(text[len(mark)+1:], "\r\n")
	if end != 0 {
		return 0, 0
	}
	size = len(mark) + 2
	if bytes.HasPrefix(text[size-1:], []byte("\r\n")) {
		size++
	}
	return text[len(mark)], size
}

// A headerRow is a row that could be the header.
type headerRow struct {
	row   int
	cells []string
}

func (h headerRow) filled() int {
	n := 0
	for _, c := range h.cells {
		if strings.TrimSpace(c) != "" {
			n++
		}
	}
	return n
}

// chooseHeader finds the header among the first rows that are not blank, of
// which there is at least one. Usually it is the first. Above some tables
// stands a title or two: rows with hardly a cell, over a table with many.
func chooseHeader(rows []headerRow, note func(string, ...any)) headerRow {
	width := commonWidth(rows)
	for i, h := range rows {
		if width < 3 || h.filled()*2 > width {
			if i == 0 {
				note("header: row %d, the first that is not blank", h.row)
			} else {
				note("header: row %d; above it stand only rows with hardly a cell; if that is wrong, state the header (source.header)", h.row)
			}
			return h
		}
	}
	return rows[0]
}

// commonWidth is the median of the rows' filled cells.
func commonWidth(rows []headerRow) int {
	widths := make([]int, len(rows))
	for i, h := range rows {
		widths[i] = h.filled()
	}
	slices.Sort(widths)
	return widths[len(widths)/2]
}

// textHeader finds the header row of text.
func textHeader(text []byte, d dialect, opts Options, note func(string, ...any)) (int, error) {
	if opts.Header > 0 {
		return opts.Header, nil
	}
	var rows []headerRow
	s := newScanner(bytes.NewReader(text), d, opts.Limits)
	for len(rows) < headerRows {
		if err := s.scan(); errors.Is(err, io.EOF) {
			break
		} else if err != nil && len(rows) == 0 {
			return 0, err
		} else if err != nil {
			break // the reading of the file itself will come to it
		}
		if !s.blank() {
			rows = append(rows, headerRow{row: s.row, cells: s.appendText(nil)})
		}
	}
	if len(rows) == 0 {
		return 0, errors.New("the file has no rows")
	}
	return chooseHeader(rows, note).row, nil
}

// Columns of the failed-rows file that a run writes, so that it can be mended
// and imported as it is.
const (
	ColumnKinds  = "ticketetl_kinds" // a letter of etl.Kind for each of the original columns
	ColumnPrefix = "ticketetl_"      // begins the names of all columns that a run added
)

// ownFile says whether text is a failed-rows file: in UTF-8, its first line,
// split at commas, has a column ColumnKinds.
func ownFile(head []byte, limits Limits) bool {
	head = bytes.TrimPrefix(head, []byte("\xef\xbb\xbf"))
	if !bytes.Contains(head, []byte(ColumnKinds)) {
		return false
	}
	s := newScanner(bytes.NewReader(head), ownDialect, limits)
	if s.scan() != nil || s.fault != nil {
		return false
	}
	for _, name := range s.appendText(nil) {
		if name == ColumnKinds {
			return true
		}
	}
	return false
}

var ownDialect = dialect{charset: charset{name: "utf-8"}, delim: ',', quote: '"', term: '\n', own: true}

// keepKind is the kind that a field of a failed-rows file had, provided that
// its text, which a person may have mended, still has that kind's form.
func keepKind(kind etl.Kind, text string) etl.Kind {
	if kind != etl.Text && text != "" && hasForm(kind, text) {
		return kind
	}
	return etl.Text
}
