package extract

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"unsafe"

	"github.com/segmentio/asm/utf8"

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

// A block is text that is cut off at a time, with what was seen of it meanwhile.
type block struct {
	text   []byte
	quoted []quotedCell // in order
	pairs  []int        // of all of them
}

// A quotedCell is a cell in quotes, whose text begins at from. Of the pairs of its
// block, those from first to last are its own: where the second one of each two quotes
// stands, and behind them where the text ends.
type quotedCell struct{ from, first, last int }

// cut takes the rows that stand whole in the next block of text, for a scanner of
// their own; nil if there is none, or if where rows end could only be told by
// scanning them.
func (s *scanner) cut() *scanner {
	if s.term != '\n' || s.quote != 0 && (s.delim == s.quote || s.delim == s.escape) {
		return nil
	}
	b := s.newBlock(max(s.limits.block, 2*(s.end-s.pos)))
	n := copy(b.text, s.buf[s.pos:s.end])
	for n < len(b.text) && s.err == nil {
		n += s.read(b.text[n:])
	}
	b.text = b.text[:n]
	end, rows := s.wholeRows(&b)
	if s.err == io.EOF {
		end = n // the last row may lack its line end
	}
	if end == 0 {
		s.buf, s.pos, s.end = b.text, 0, n
		return nil
	}
	s.keep(b.text[end:])
	part := *s
	b.text = b.text[:end]
	part.take(b)
	s.row += rows
	s.nextLn += bytes.Count(b.text, []byte{'\n'})
	return &part
}

// spareBlocks is how many blocks wait to be filled again at most: about as many as are
// under way.
const spareBlocks = 8

// newBlock has room for at least size bytes, to be filled.
func (s *scanner) newBlock(size int) block {
	select {
	case b := <-s.blocks:
		if cap(b.text) >= size {
			return block{b.text[:cap(b.text)], b.quoted[:0], b.pairs[:0]}
		}
	default:
	}
	return block{text: make([]byte, size)}
}

// release gives the block of a scanner back that took it for its own.
func (s *scanner) release() {
	select {
	case s.blocks <- s.block:
	default:
	}
	s.buf, s.block = nil, block{}
}

// keep makes rest what is to be scanned or cut next, in a buffer of its own.
func (s *scanner) keep(rest []byte) {
	if len(s.buf) < len(rest) {
		s.buf = make([]byte, 2*len(rest))
	}
	s.pos, s.end = 0, copy(s.buf, rest)
}

// take makes b, to which nobody else writes, all that s has to scan. Texts of
// cells are parts of it then.
func (s *scanner) take(b block) {
	s.block, s.quoted = b, b.quoted
	s.buf, s.pos, s.end, s.err = b.text, 0, len(b.text), io.EOF
	s.cells, s.texts, s.doubles, s.text = nil, nil, nil, nil
	s.owned = true
}

// sift looks in all of a block at once for what would be a fault wherever it stands.
func (s *scanner) sift() {
	s.sifted = true
	if s.charset.dec == nil {
		s.clean = cleanUTF8(s.buf)
		return
	}
	s.clean = controlByte(s.buf) < 0 && s.charset.undecodable(s.buf) < 0
}

// cleanUTF8 says whether b is UTF-8 and holds no control characters but tabs and
// line ends: what controlByte and utf8.Valid say. With the library's instructions for
// 32 bytes at a time it takes a quarter of the time of the two.
func cleanUTF8(b []byte) bool { return !hasControl(b) && utf8.Valid(b) }

const ones, tops = 0x0101010101010101, 0x8080808080808080

// hasControl says whether controlByte finds something in b, which has line breaks
// every so often: then it is twice as quick, as it does not branch.
func hasControl(b []byte) bool {
	all := ^uint64(0)
	for ; len(b) >= 32; b = b[32:] {
		all &= text(binary.LittleEndian.Uint64(b)) & text(binary.LittleEndian.Uint64(b[8:])) &
			text(binary.LittleEndian.Uint64(b[16:])) & text(binary.LittleEndian.Uint64(b[24:]))
	}
	return all&tops != tops || controlByte(b) >= 0
}

// text has the uppermost bit set of each of the eight bytes of word that is no control
// character, or tab (9), LF (10) or CR (13). That bit is set in a sum when the byte is
// at least so much; in four of them it is set an odd number of times for these three.
func text(word uint64) uint64 {
	low := word &^ tops
	from20, from9, from11, from13, from14 := low+0x60*ones, low+0x77*ones, low+0x75*ones, low+0x73*ones, low+0x72*ones
	return word | from20 | (from9 ^ from11 ^ from13 ^ from14)
}

// wholeRows finds the end of the last row that stands whole in a block, and how many
// rows there are up to it. It sees the rows that scan does, and notes the cells in
// quotes.
func (s *scanner) wholeRows(blk *block) (end, rows int) {
	b, lineEnd := blk.text, -1
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
			closing := s.closing(blk, at+quote+1)
			if closing < 0 {
				return end, rows
			}
			at = closing + 1
		}
	}
}

// closing finds the quote that closes a cell whose text begins at from; -1 if it
// does not stand in the block, or if that cannot be told yet.
func (s *scanner) closing(blk *block, from int) int {
	b, first := blk.text, len(blk.pairs)
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
			blk.pairs = append(blk.pairs, i)
			blk.quoted = append(blk.quoted, quotedCell{from, first, len(blk.pairs)})
			return i
		default:
			blk.pairs = append(blk.pairs, i+1)
			at = i + 2
		}
	}
}

// stringOf is b as a string. Nobody may write to b any more.
func stringOf(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
