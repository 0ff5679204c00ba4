package extract

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// quickRow splits the next row of a block without faults if it is one of the usual kind:
// with line ends in quotes only, quotes around whole cells and doubled inside them, and no
// longer than a cell may be. What stands in its cells is in s.texts then. Of any other it
// says false and leaves everything to scan, which takes three times as long: it looks for
// each sign from the start of the row, and finds all cells before it takes their texts.
func (s *scanner) quickRow() bool {
	if s.term != '\n' || s.quote == 0 || s.escape != 0 || s.pos == s.end {
		return false
	}
	b := s.buf
	for at := s.pos; len(s.texts) < s.limits.MaxColumns; at++ {
		text, next := s.quickCell(b, at)
		if next < 0 {
			break
		}
		s.texts = append(s.texts, stringOf(text))
		if next < len(b) && b[next] == s.delim {
			at = next
			continue
		}
		end, size := lineEndAt(b, next), next-s.pos
		if end < 0 || size > s.limits.MaxField || size > s.limits.MaxRow-len("\r\n") {
			break
		}
		s.endQuickly(next, end)
		return true
	}
	s.texts, s.doubles = s.texts[:0], s.doubles[:0]
	return false
}

// endQuickly takes the row that goes up to next as the one that was scanned; the next
// one begins at end.
func (s *scanner) endQuickly(next, end int) {
	s.row++
	s.line = s.nextLn
	s.raw = s.buf[s.pos:next]
	s.nextLn += 1 + bytes.Count(s.raw, []byte{'\n'})
	s.pos = end
	for _, d := range s.doubles {
		s.texts[d.cell] = stringOf(single(s.buf, d.from, s.block.pairs[d.first:d.last]))
	}
}

// quickCell reads the cell that begins at from; next stands behind it, and is -1 where
// it cannot be told quickly.
func (s *scanner) quickCell(b []byte, from int) (text []byte, next int) {
	if from == len(b) || b[from] != s.quote {
		if next = s.bareEnd(b, from); next < 0 {
			return nil, -1
		}
		return b[from:next], next
	}
	return s.quickQuoted(b, from+1)
}

// A double is a cell with doubled quotes, by its number in the row.
type double struct {
	cell int
	quotedCell
}

// quickQuoted reads a cell behind the quote that it begins with, by what was seen of it
// when the block was cut off; next stands behind the closing quote.
func (s *scanner) quickQuoted(b []byte, from int) (text []byte, next int) {
	for len(s.quoted) > 0 && s.quoted[0].from < from {
		s.quoted = s.quoted[1:] // of a row that was left to scan
	}
	if len(s.quoted) == 0 || s.quoted[0].from != from {
		return nil, -1
	}
	c := s.quoted[0]
	if c.last-c.first > 1 {
		s.doubles = append(s.doubles, double{len(s.texts), c})
	}
	to := s.block.pairs[c.last-1]
	return b[from:to], to + 1
}

// single takes the second one of each pair of quotes out of a text in b, where it
// stands: the text only gets shorter.
func single(b []byte, from int, pairs []int) []byte {
	to := pairs[0]
	for i, pair := range pairs[:len(pairs)-1] {
		to += copy(b[to:], b[pair+1:pairs[i+1]])
	}
	return b[from:to]
}

// bareEnd is where a cell without quotes ends that begins at from; -1 if there is a
// quote in it, or a line break of another kind. Eight bytes are looked at at a time.
func (s *scanner) bareEnd(b []byte, from int) int {
	at := from
	for rest := b[from:]; len(rest) >= 8; rest = rest[8:] {
		if found := s.stopsIn(binary.LittleEndian.Uint64(rest)); found != 0 {
			if at += bits.TrailingZeros64(found) / 8; b[at] == s.delim {
				return at
			}
			break
		}
		at += 8
	}
	return s.slowBareEnd(b, at)
}

// stopsIn marks the first of the eight bytes of word that is the delimiter, a quote or
// a line break by its uppermost bit, and maybe others: another control character, and
// bytes behind it, since what is borrowed goes upwards.
func (s *scanner) stopsIn(word uint64) uint64 {
	delim, quote := word^s.delims, word^s.quotes
	return ((delim-ones)&^delim | (quote-ones)&^quote | (word-('\r'+1)*ones)&^word) & tops
}

func (s *scanner) slowBareEnd(b []byte, from int) int {
	for at := from; at < len(b); at++ {
		switch c := b[at]; {
		case c == s.delim || c == '\n':
			return at
		case c == s.quote || c == '\r' && lineEndAt(b, at) < 0:
			return -1
		case c == '\r':
			return at
		}
	}
	return len(b)
}

// lineEndAt is where the next row begins if b[at] is at the end of one, \n or \r\n or
// the end of the text; else -1.
func lineEndAt(b []byte, at int) int {
	switch {
	case at == len(b):
		return at
	case b[at] == '\n':
		return at + 1
	case b[at] == '\r' && at+1 < len(b) && b[at+1] == '\n':
		return at + 2
	}
	return -1
}
