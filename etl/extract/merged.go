package extract

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ticketetl/ticketetl/etl"
)

const (
	maxHeader = 5      // rows that a header may take
	maxMerged = 20_000 // merged ranges that are looked at
	maxName   = 80     // letters of a column's name
)

// A mergedRange is a range of merged cells, of which the first has the text. Rows
// are counted from 1 and columns from 0; the last ones belong to it.
type mergedRange struct{ top, bottom, left, right int }

func (m mergedRange) String() string {
	return fmt.Sprintf("%s%d:%s%d", etl.ColumnLetter(m.left), m.top, etl.ColumnLetter(m.right), m.bottom)
}

func (m mergedRange) wide() bool            { return m.right > m.left }
func (m mergedRange) holds(column int) bool { return m.left <= column && column <= m.right }

// filledIn counts the filled cells of r that stand in the columns of m.
func (m mergedRange) filledIn(r sheetRow) int {
	n := 0
	for i, text := range r.fields {
		if text != "" && m.holds(i) {
			n++
		}
	}
	return n
}

// parseRange reads A1:B2.
func parseRange(ref string) (m mergedRange, ok bool) {
	from, to, ok := strings.Cut(ref, ":")
	if !ok {
		return m, false
	}
	var oks [2]bool
	m.left, m.top, oks[0] = parseRef(from)
	m.right, m.bottom, oks[1] = parseRef(to)
	return m, oks[0] && oks[1] && m.left <= m.right && m.top <= m.bottom
}

func parseRef(ref string) (column, row int, ok bool) {
	letters := strings.TrimRight(ref, "0123456789")
	column, ok = etl.LetterColumn(letters)
	row, isNumber := wholeNumber([]byte(ref[len(letters):]))
	return column, row, ok && isNumber && row > 0 && row <= maxSheetRows
}

// mergedCells finds the merged ranges of a worksheet that begin at row last or above
// it. They are listed behind the rows, so this unpacks the part up to there. A fault
// is not told; the reading of the rows comes to it.
func (p parts) mergedCells(name string, limit int64, last int) []mergedRange {
	packed, err := p.open(name, limit)
	if err != nil {
		return nil
	}
	defer packed.Close()
	text, err := utf8XML(packed)
	if err != nil {
		return nil
	}
	rest, prefix := behindRows(text)
	if rest == nil {
		return nil
	}
	var merged []mergedRange
	x := newXMLScanner(io.MultiReader(strings.NewReader("<"+prefix+"worksheet>"), rest), scanBuffer)
	for len(merged) < maxMerged {
		kind, err := x.next()
		if err != nil || kind == xmlEnd && string(x.name) == "mergeCells" {
			break
		}
		if kind != xmlStart || string(x.name) != "mergeCell" {
			continue
		}
		if m, ok := parseRange(string(x.attr("ref"))); ok && m.top <= last {
			merged = append(merged, m)
		}
	}
	return merged
}

// behindRows is what stands in a worksheet behind </sheetData>, nil if there is
// none; prefix is that of the tag's name.
func behindRows(r io.Reader) (rest io.Reader, prefix string) {
	const name, most = "sheetData", 64 // most bytes of the tag
	buf := make([]byte, 0, scanBuffer)
	for {
		n, err := fill(r, buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		for at := 0; ; {
			found := bytes.Index(buf[at:], []byte(name))
			if found < 0 {
				break
			}
			at += found + len(name)
			begin := bytes.LastIndexByte(buf[:at], '<')
			if begin >= 0 && bytes.HasPrefix(buf[begin:], []byte("</")) && at-begin < most {
				prefix = string(buf[begin+2 : at-len(name)])
				tail := bytes.TrimPrefix(bytes.TrimLeft(buf[at:], " \t\r\n"), []byte(">"))
				return io.MultiReader(bytes.NewReader(bytes.Clone(tail)), r), prefix
			}
		}
		if err != nil {
			return nil, ""
		}
		kept := copy(buf, buf[max(0, len(buf)-most):])
		buf = buf[:kept]
	}
}

// A headerBlock is the rows that the header takes: one, or several where its cells are
// merged.
type headerBlock struct {
	top, bottom int
	merged      []mergedRange // why it is not one row
}

func (b *headerBlock) because() string {
	shown := make([]string, 0, 3)
	for _, m := range b.merged[:min(3, len(b.merged))] {
		shown = append(shown, m.String())
	}
	verb := "is"
	if len(b.merged) > 1 {
		verb = "are"
	}
	if len(b.merged) > 3 {
		shown = append(shown, fmt.Sprintf("%d more", len(b.merged)-3))
	}
	return strings.Join(shown, ", ") + " " + verb + " merged"
}

// mayBeMerged says whether merged cells could make the header more than the row
// rows[at]: beside it is a row in which other cells are filled, and which could be names.
func mayBeMerged(rows []sheetRow, at int) bool {
	if at > 0 && rows[at-1].row == rows[at].row-1 {
		return true
	}
	if at+1 == len(rows) || rows[at+1].row != rows[at].row+1 || isSurelyTicket(rows[at+1]) {
		return false
	}
	a, b := rows[at].fields, rows[at+1].fields
	for i := range max(len(a), len(b)) {
		if (i < len(a) && a[i] != "") != (i < len(b) && b[i] != "") {
			return true
		}
	}
	return false
}

// mergedHeader finds the rows of the header, of which rows[at] is one. The error says
// that they cannot be told.
func mergedHeader(rows []sheetRow, at int, merged []mergedRange) (headerBlock, error) {
	b := headerBlock{top: rows[at].row, bottom: rows[at].row}
	b.takeTall(merged)
	if len(b.merged) == 0 && at > 0 {
		b.takeAbove(rows[at-1], rows[at], merged)
	}
	if len(b.merged) == 0 && at+1 < len(rows) {
		if err := b.takeBelow(rows[at], rows[at+1], merged); err != nil {
			return b, err
		}
	}
	return b, b.check(rows)
}

// takeTall takes the rows over which a cell of the header is merged.
func (b *headerBlock) takeTall(merged []mergedRange) {
	for grown := true; grown; {
		grown = false
		for _, m := range merged {
			if m.bottom > m.top && m.top <= b.bottom && m.bottom >= b.top && (m.top < b.top || m.bottom > b.bottom) {
				b.top, b.bottom = min(b.top, m.top), max(b.bottom, m.bottom)
				b.merged = append(b.merged, m)
				grown = true
			}
		}
	}
}

// takeAbove takes the row above the header if it has names over several columns
// each. One over all columns is a title.
func (b *headerBlock) takeAbove(above, header sheetRow, merged []mergedRange) {
	if above.row != header.row-1 {
		return
	}
	for _, m := range merged {
		if n := m.filledIn(header); m.wide() && m.bottom == above.row && n > 1 && n < filledCells(header) {
			b.top, b.merged = m.top, append(b.merged, m)
		}
	}
}

// takeBelow takes the row below the header if the header's names are over several
// columns each, and that row has theirs.
func (b *headerBlock) takeBelow(header, below sheetRow, merged []mergedRange) error {
	if below.row != header.row+1 || !hasOnlyNames(below) {
		return nil
	}
	under := 0
	var wide []mergedRange
	for _, m := range merged {
		if n := m.filledIn(below); m.wide() && m.bottom == header.row && n > 1 {
			under += n
			wide = append(wide, m)
		}
	}
	switch {
	case len(wide) == 0:
		return nil
	case len(wide) == 1 && filledCells(header) == 1: // a title
		b.top, b.bottom = below.row, below.row
		return nil
	case under < filledCells(below):
		b.merged = wide
		return fmt.Errorf("%s, and row %d may be the names of its columns or a ticket; say which with --header (source.header): %d if the header is row %d alone, %d if it is row %d; or merge the header's other cells over both rows",
			b.because(), below.row, header.row, header.row, below.row, below.row)
	}
	b.bottom, b.merged = below.row, wide
	return nil
}

// check refuses a header that would take tickets along.
func (b *headerBlock) check(rows []sheetRow) error {
	wrong := b.bottom-b.top >= maxHeader
	for _, r := range rows {
		if r.row >= b.top && r.row <= b.bottom && b.top < b.bottom && !hasOnlyNames(r) {
			wrong = true
		}
	}
	if wrong {
		return fmt.Errorf("%s, so that the header would be rows %d to %d, which hold more than names; say with --header (source.header) which row it is", b.because(), b.top, b.bottom)
	}
	return nil
}

// names are those of the columns: what stands above each other in the header, parted
// by blanks. A name over several columns goes to those that have one of their own.
func (b *headerBlock) names(rows []sheetRow, merged []mergedRange) []string {
	var names []string
	for i := len(rows) - 1; i >= 0; i-- {
		r := rows[i]
		if r.row < b.top || r.row > b.bottom {
			continue
		}
		if more := len(r.fields) - len(names); more > 0 {
			names = append(names, make([]string, more)...)
		}
		for column := range names {
			if text := textOver(r, column, names[column] != "", merged); text != "" {
				names[column] = strings.TrimSpace(text + " " + names[column])
			}
		}
	}
	return names
}

// textOver is the text of r in column, or that of the merged cell that reaches there.
func textOver(r sheetRow, column int, named bool, merged []mergedRange) string {
	if column < len(r.fields) && r.fields[column] != "" {
		return strings.TrimSpace(r.fields[column])
	}
	for _, m := range merged {
		if named && m.top == r.row && m.holds(column) && m.left < len(r.fields) {
			return strings.TrimSpace(r.fields[m.left])
		}
	}
	return ""
}

func filledCells(r sheetRow) int { return headerRow{cells: r.fields}.filled() }

// hasOnlyNames says whether all cells of r could be names of columns.
func hasOnlyNames(r sheetRow) bool {
	for i, text := range r.fields {
		if text != "" && (r.kinds[i] != etl.Text || !isName(text)) {
			return false
		}
	}
	return true
}

// isSurelyTicket says whether r holds what no name of a column is, not even a year.
func isSurelyTicket(r sheetRow) bool {
	const year = 4
	for i, text := range r.fields {
		switch kind := r.kinds[i]; {
		case kind != etl.Text && kind != etl.Number && kind != etl.CellError:
			return true
		case isDecimal(text) && (len(text) > year || strings.Contains(text, ".")):
			return true
		case kind == etl.Text && (utf8.RuneCountInString(text) > maxName || strings.ContainsAny(text, "@")):
			return true
		}
	}
	return false
}

func isName(text string) bool {
	worded := strings.IndexFunc(text, unicode.IsLetter) >= 0 || strings.IndexFunc(text, unicode.IsDigit) < 0
	return worded && utf8.RuneCountInString(text) <= maxName && !strings.Contains(text, "@") && !strings.Contains(text, "://")
}
