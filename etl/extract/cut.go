package extract

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"math/bits"
	"unicode/utf8"
	"unsafe"

	"github.com/ticketetl/ticketetl/etl"
)

// blockSize is about how many bytes of text are cut off at a time: enough for
// hundreds of rows, and so few that a dozen of them under way take little memory.
const blockSize = 128 << 10

// aheadRows is how many rows of a worksheet are read before they are handed on.
const aheadRows = 32

// Chunk implements etl.Chunker.
func (f *File) Chunk(ctx context.Context) (etl.Stretch, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if t, ok := f.rows.(*textRows); ok {
		return t.chunk(ctx)
	}
	return etl.ReadAhead(ctx, f, aheadRows)
}

// chunk cuts whole rows off the text, to be scanned by another goroutine. Where
// that cannot be done, it reads one row.
func (t *textRows) chunk(ctx context.Context) (etl.Stretch, error) {
	if block := t.scan.cut(); block != nil {
		part := *t
		part.scan, part.slab = block, slab{}
		return &part, nil
	}
	return etl.ReadAhead(ctx, t, 1)
}

// cut takes the rows that stand whole in the next block of text, for a scanner of
// their own; nil if there is none, or if where rows end could only be told by
// scanning them.
func (s *scanner) cut() *scanner {
	if s.term != '\n' || s.quote != 0 && (s.delim == s.quote || s.delim == s.escape) {
		return nil
	}
	block := s.block(max(s.limits.block, 2*(s.end-s.pos)))
	n := copy(block, s.buf[s.pos:s.end])
	for n < len(block) && s.err == nil {
		n += s.read(block[n:])
	}
	block = block[:n]
	end, rows := s.wholeRows(block)
	if s.err == io.EOF {
		end = n // the last row may lack its line end
	}
	if end == 0 {
		s.buf, s.pos, s.end = block, 0, n
		return nil
	}
	s.keep(block[end:])
	part := *s
	part.take(block[:end])
	s.row += rows
	s.nextLn += bytes.Count(block[:end], []byte{'\n'})
	return &part
}

// spareBlocks is how many blocks wait to be filled again at most: about as many as are
// under way.
const spareBlocks = 8

// block is one of at least size bytes, to be filled.
func (s *scanner) block(size int) []byte {
	select {
	case b := <-s.blocks:
		if cap(b) >= size {
			return b[:cap(b)]
		}
	default:
	}
	return make([]byte, size)
}

// release gives the block of a scanner back that took it for its own.
func (s *scanner) release() {
	select {
	case s.blocks <- s.buf:
	default:
	}
	s.buf = nil
}

// keep makes rest what is to be scanned or cut next, in a buffer of its own.
func (s *scanner) keep(rest []byte) {
	if len(s.buf) < len(rest) {
		s.buf = make([]byte, 2*len(rest))
	}
	s.pos, s.end = 0, copy(s.buf, rest)
}

// take makes block, to which nobody else writes, all that s has to scan. Texts of
// cells are parts of it then.
func (s *scanner) take(block []byte) {
	s.buf, s.pos, s.end, s.err = block, 0, len(block), io.EOF
	s.cells, s.text = nil, nil
	s.owned = true
}

// sift looks in all of a block at once for what every row would be searched for.
func (s *scanner) sift() {
	s.sifted = true
	if s.charset.dec == nil {
		s.clean = cleanUTF8(s.buf)
		return
	}
	s.clean = controlByte(s.buf) < 0 && s.charset.undecodable(s.buf) < 0
}

// cleanUTF8 says whether b is UTF-8 and holds no control characters but tabs and
// line ends. It is controlByte and utf8.Valid in one pass, eight bytes at a time,
// which takes a fifth of the time in texts with line breaks and accents.
func cleanUTF8(b []byte) bool {
	at := 0
	for len(b)-at >= 8 {
		word := binary.LittleEndian.Uint64(b[at:])
		n := bits.TrailingZeros64(word&tops) / 8 // bytes of ASCII; 8 if all are
		if (word-0x20*ones)&^word&tops != 0 && !cleanASCII(b[at:at+n]) {
			return false
		}
		for at += n; n < 8 && at < len(b) && b[at] >= utf8.RuneSelf; {
			if c := b[at]; c >= 0xC2 && c <= 0xDF && at+1 < len(b) && b[at+1]&0xC0 == 0x80 {
				at += 2
				continue
			}
			size := letterSize(b[at:])
			if size == 0 {
				return false
			}
			at += size
		}
	}
	return controlByte(b[at:]) < 0 && utf8.Valid(b[at:])
}

// letterSize is how many bytes the letter beyond ASCII takes with which b begins; 0 if
// it is not valid. It does most of what utf8.DecodeRune does, in less than half the time.
func letterSize(b []byte) int {
	switch c := b[0]; {
	case c >= 0xC2 && c <= 0xDF && len(b) > 1 && b[1]&0xC0 == 0x80:
		return 2
	case c > 0xE0 && c <= 0xEF && c != 0xED && len(b) > 2 && b[1]&0xC0 == 0x80 && b[2]&0xC0 == 0x80:
		return 3
	}
	if r, size := utf8.DecodeRune(b); r != utf8.RuneError || size > 1 {
		return size
	}
	return 0
}

const ones, tops = 0x0101010101010101, 0x8080808080808080

func cleanASCII(b []byte) bool {
	for _, c := range b {
		if isControl(c) {
			return false
		}
	}
	return true
}

// wholeRows finds the end of the last row that stands whole in b, and how many
// rows there are up to it. It sees the rows that scan does.
func (s *scanner) wholeRows(b []byte) (end, rows int) {
	lineEnd := -1
	for at := 0; ; {
		if lineEnd < at {
			i := bytes.IndexByte(b[at:], '\n')
			if i < 0 {
				return end, rows
			}
			lineEnd = at + i
		}
		quote := -1
		if s.quote != 0 {
			quote = bytes.IndexByte(b[at:lineEnd], s.quote)
		}
		switch {
		case quote < 0:
			end, rows = lineEnd+1, rows+1
			at = end
		case at+quote > end && b[at+quote-1] != s.delim:
			at += quote + 1 // in the midst of a cell that began without one
		default:
			closing := s.closing(b, at+quote+1)
			if closing < 0 {
				return end, rows
			}
			at = closing + 1
		}
	}
}

// closing finds the quote that closes a cell whose text begins at from; -1 if it
// does not stand in b, or if that cannot be told yet.
func (s *scanner) closing(b []byte, from int) int {
	for at := from; ; {
		i := bytes.IndexByte(b[at:], s.quote)
		if i < 0 {
			return -1
		}
		i += at
		switch {
		case s.escape != 0 && !escapedAt(b, from, i, s.escape):
			return i
		case s.escape != 0:
			at = i + 1
		case i+1 == len(b):
			return -1
		case b[i+1] != s.quote:
			return i
		default:
			at = i + 2
		}
	}
}

// stringOf is b as a string. Nobody may write to b any more.
func stringOf(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
