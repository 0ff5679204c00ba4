package extract

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// quickRow splits the next row of a block if it is one of the usual kind: with line
// ends in quotes only, quotes around whole cells and doubled inside them, and no longer
// than it may be. Of any other it says false and leaves everything to scan, which takes
// twice as long: it looks for each sign from the start of the row.
func (s *scanner) quickRow() bool {
	if s.term != '\n' || s.quote == 0 || s.escape != 0 || s.pos == s.end {
		return false
	}
	b := s.buf[s.pos:s.end]
	for at := 0; ; at++ {
		c, next := s.quickCell(b, at)
		if next < 0 || c.to-c.from > s.limits.MaxField || len(s.cells) == s.limits.MaxColumns {
			break
		}
		s.cells = append(s.cells, c)
		if end := lineEndAt(b, next); end >= 0 && next <= s.limits.MaxRow-len("\r\n") {
			s.endQuickly(b[:next], end)
			return true
		} else if end >= 0 || b[next] != s.delim {
			break
		}
		at = next
	}
	s.cells, s.doubled, s.pairs = s.cells[:0], false, s.pairs[:0]
	return false
}

// endQuickly takes raw, which is a row without its line end, as the row that was
// scanned. The next one begins at end.
func (s *scanner) endQuickly(raw []byte, end int) {
	s.row++
	s.line = s.nextLn
	s.nextLn += 1 + bytes.Count(raw, []byte{'\n'})
	s.raw = raw
	s.pos += end
}

// quickCell reads the cell that begins at from; next stands behind it, and is -1 where
// it cannot be told quickly.
func (s *scanner) quickCell(b []byte, from int) (c cell, next int) {
	if from == len(b) || b[from] != s.quote {
		next = s.bareEnd(b, from)
		return cell{from: from, to: next}, next
	}
	return s.quickQuoted(b, from)
}

// quickQuoted reads a cell that begins with a quote at from; next stands behind the
// closing one, and is -1 if there is none.
func (s *scanner) quickQuoted(b []byte, from int) (c cell, next int) {
	c.from = from + 1
	for at := c.from; ; {
		i := bytes.IndexByte(b[at:], s.quote)
		if i < 0 {
			return c, -1
		}
		at += i + 1
		if at == len(b) || b[at] != s.quote {
			c.to = at - 1
			return c, at
		}
		c.doubled, s.doubled = true, true
		s.pairs = append(s.pairs, at)
		at++
	}
}

// single takes the second one of each pair of quotes out of cell c of the row, where
// it stands. Of pairs, its own come first; it returns those of the cells behind it.
func (s *scanner) single(c cell, pairs []int) (text []byte, rest []int) {
	to := pairs[0]
	for len(pairs) > 0 && pairs[0] < c.to {
		from, until := pairs[0]+1, c.to
		if pairs = pairs[1:]; len(pairs) > 0 {
			until = min(until, pairs[0])
		}
		to += copy(s.raw[to:], s.raw[from:until])
	}
	return s.raw[c.from:to], pairs
}

// bareEnd is where a cell without quotes ends that begins at from; -1 if there is a
// quote in it, or a line break of another kind.
func (s *scanner) bareEnd(b []byte, from int) int {
	for at := s.nearStop(b, from); at < len(b); at++ {
		if !s.stops[b[at]] {
			continue
		}
		switch c := b[at]; {
		case c == s.delim || c == '\n':
			return at
		case c == s.quote || lineEndAt(b, at) < 0:
			return -1
		}
		return at
	}
	return len(b)
}

// nearStop goes from the start of a cell on, eight bytes at a time, and stops at the
// first of s.stops or before it.
func (s *scanner) nearStop(b []byte, at int) int {
	delims, quotes := uint64(s.delim)*ones, uint64(s.quote)*ones
	for ; len(b)-at >= 8; at += 8 {
		word := binary.LittleEndian.Uint64(b[at:])
		delim, quote := word^delims, word^quotes
		// The lowest bit of each is right: what is borrowed goes upwards.
		if found := ((delim-ones)&^delim | (quote-ones)&^quote | (word-('\r'+1)*ones)&^word) & tops; found != 0 {
			return at + bits.TrailingZeros64(found)/8
		}
	}
	return at
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
