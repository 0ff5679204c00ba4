package etl

import (
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// A Header holds the column names of a source.
type Header struct {
	names []string
	index map[string]int
	fold  map[string]int // -1 where several names differ only in case or blanks
}

// NewHeader makes a Header of the cells of a header row. Outer blanks are cut, with
// marks of direction and other characters that cannot be seen;
// a name that stood before becomes "Name (2)", "Name (3)" and so on, whichever
// of these no other column has; an empty name stays empty and its column is
// reached by its letter.
func NewHeader(cells []string) *Header {
	h := &Header{
		names: make([]string, len(cells)),
		index: make(map[string]int, len(cells)),
		fold:  make(map[string]int, len(cells)),
	}
	var again []int
	for i, cell := range cells {
		name := trimName(cell)
		h.names[i] = name
		if _, taken := h.index[name]; taken {
			again = append(again, i)
		} else if name != "" {
			h.index[name] = i
		}
	}
	next := map[string]int{}
	for _, i := range again {
		h.names[i] = h.distinct(h.names[i], next)
		h.index[h.names[i]] = i
	}
	for i, name := range h.names {
		if _, taken := h.fold[foldName(name)]; taken {
			i = -1
		}
		h.fold[foldName(name)] = i
	}
	return h
}

// distinct numbers a repeated name; next remembers where the numbers stand.
func (h *Header) distinct(name string, next map[string]int) string {
	for n := max(next[name], 2); ; n++ {
		numbered := name + " (" + strconv.Itoa(n) + ")"
		if _, taken := h.index[numbered]; !taken {
			next[name] = n + 1
			return numbered
		}
	}
}

// trimName cuts what cannot be seen off the ends of a name.
func trimName(name string) string {
	return strings.TrimFunc(name, func(r rune) bool { return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) })
}

// foldName makes names equal that differ in case, repeated blanks and in how accents
// are encoded, which some programs write as characters of their own.
func foldName(name string) string {
	return norm.NFC.String(strings.ToLower(strings.Join(strings.Fields(name), " ")))
}

// Names are the column names, in order. The caller must not change them.
func (h *Header) Names() []string { return h.names }

// Len is the number of columns.
func (h *Header) Len() int { return len(h.names) }

// Name is the name of column i, or "" beyond the header.
func (h *Header) Name(i int) string {
	if i < 0 || i >= len(h.names) {
		return ""
	}
	return h.names[i]
}

// Column finds a column by its name: exactly, then without case and repeated
// blanks if only one column is named so, then by its letter if that column has
// no name.
func (h *Header) Column(name string) (int, bool) {
	name = trimName(name)
	if i, ok := h.index[name]; ok {
		return i, true
	}
	if i, ok := h.fold[foldName(name)]; ok && i >= 0 && name != "" {
		return i, true
	}
	if i, ok := LetterColumn(name); ok && i < len(h.names) && h.names[i] == "" {
		return i, true
	}
	return 0, false
}

// ColumnLetter is the spreadsheet's letter of column i: 0 is A, 26 is AA.
func ColumnLetter(i int) string {
	if i < 0 {
		return ""
	}
	var b []byte
	for i++; i > 0; i = (i - 1) / 26 {
		b = append([]byte{byte('A' + (i-1)%26)}, b...)
	}
	return string(b)
}

// LetterColumn is the inverse of ColumnLetter, for A to XFD.
func LetterColumn(letters string) (int, bool) {
	if letters == "" || len(letters) > 3 {
		return 0, false
	}
	n := 0
	for _, c := range []byte(letters) {
		if c < 'A' || c > 'Z' {
			return 0, false
		}
		n = n*26 + int(c-'A') + 1
	}
	return n - 1, true
}
