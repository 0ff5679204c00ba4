package extract

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/ticketetl/ticketetl/internal/offheap"
)

const (
	sharedFirst = 8 << 20    // bytes of the first texts, which stay in memory: sharedStrings.keep
	sharedLast  = 256 << 10  // bytes of the last texts, which are in memory too
	sharedBlock = 64 << 10   // bytes of texts that are read together
	sharedMost  = 10_000_000 // texts; a sheet has room for more cells, but not with a text of its own each
	sharedGroup = 32         // texts that share an entry of the index
	sharedSizes = 1 << 20    // bytes of the index that are reserved together
)

// sharedStrings are the texts that a workbook's cells refer to by number.
//
// Programs number texts as they come, so that a sheet mostly refers to the next one,
// or to one of the first ones, again and again. The part is therefore read only a
// little further than the sheet has come, beside it. Any other order is right as well, but slower: what is
// neither among the first nor the last texts is read from a file. The file has no
// name as soon as it is there, so that nothing is left of it whatever happens.
type sharedStrings struct {
	part  *xmlStream // what is still to be read; nil at its end
	ahead *ahead[textBlock]

	count  int
	size   int64         // of all texts
	groups []sharedEntry // of each sharedGroup texts
	sizes  [][]byte      // of each text, as uvarint; outside Go's heap
	next   sharedCursor
	found  [foundTexts]foundText // by the last digits of their numbers

	keep   int    // bytes of the first texts that stay in memory
	first  []byte // the texts from 0 on; outside Go's heap
	last   []byte // the texts up to size; those beyond first that are not yet in file, and some that are
	filed  int64  // where the texts that are not in file begin
	file   *os.File
	named  bool // the file could not be removed while it is open
	recent []recentText
}

// A sharedEntry says where the first text of a group begins, and where their sizes stand.
type sharedEntry struct {
	at    int64
	sizes uint32
}

// A foundText is where a text stands that was looked for out of order. Most such texts
// are the few that stand in many cells: names of stages, owners and the like.
type foundText struct {
	behind int // its number and 1; 0 for none
	at     int64
	size   int
}

const foundTexts = 1024

// A recentText was read from the file; its place is by its number.
type recentText struct {
	number int
	text   []byte
}

const (
	recentTexts = 4096
	recentSize  = 128 // most bytes of one
)

// A textBlock is some texts of the part, in their order.
type textBlock struct {
	texts []byte
	sizes []int
}

// openSharedStrings opens the named part; "" is a workbook without one.
func openSharedStrings(p parts, name string, limits Limits) (*sharedStrings, error) {
	s := &sharedStrings{keep: sharedFirst}
	if name == "" {
		return s, nil
	}
	part, err := p.stream(name, limits.MaxUnzipped)
	if err != nil {
		return nil, err
	}
	s.part = part
	s.ahead = newAhead(func(b textBlock) (textBlock, error) {
		b.texts, b.sizes = b.texts[:0], b.sizes[:0]
		return b, b.read(part, limits.MaxField)
	})
	return s, nil
}

// read takes the next texts of the part, of which none has more than most bytes;
// io.EOF is its end.
func (b *textBlock) read(part *xmlStream, most int) error {
	for len(b.texts) < sharedBlock && len(b.sizes) < sharedBlock/16 {
		before := len(b.texts)
		var taken bool
		if b.texts, taken = part.takeItem(b.texts, most); taken {
			b.sizes = append(b.sizes, len(b.texts)-before)
			continue
		}
		kind, err := part.token()
		if err != nil {
			return err
		}
		if kind != xmlStart || string(part.name) != "si" {
			continue
		}
		if b.texts, err = part.appendRichText(b.texts, "si", most); err != nil {
			b.texts = b.texts[:before]
			return err
		}
		b.sizes = append(b.sizes, len(b.texts)-before)
	}
	return nil
}

// append appends text number n to b.
func (s *sharedStrings) append(b []byte, n int) ([]byte, error) {
	for n >= s.count && s.part != nil {
		if err := s.read(); err != nil {
			return b, err
		}
	}
	if n < 0 || n >= s.count {
		return b, errNoText
	}
	at, size := s.find(n)
	switch from := s.size - int64(len(s.last)); {
	case at+int64(size) <= int64(len(s.first)):
		return append(b, s.first[at:][:size]...), nil
	case at >= from:
		return append(b, s.last[at-from:][:size]...), nil
	}
	return s.appendFiled(b, n, at, size)
}

var errNoText = errors.New("no such text")

// appendFiled appends a text that is in the file.
func (s *sharedStrings) appendFiled(b []byte, n int, at int64, size int) ([]byte, error) {
	if size > recentSize {
		return s.readFile(b, at, size)
	}
	if s.recent == nil {
		s.recent = make([]recentText, recentTexts)
	}
	r := &s.recent[n%recentTexts]
	if r.number != n || r.text == nil {
		text, err := s.readFile(r.text[:0], at, size)
		if err != nil {
			return b, err
		}
		*r = recentText{n, text}
	}
	return append(b, r.text...), nil
}

func (s *sharedStrings) readFile(b []byte, at int64, size int) ([]byte, error) {
	start := len(b)
	b = append(b, make([]byte, size)...)
	if _, err := s.file.ReadAt(b[start:], at-int64(len(s.first))); err != nil {
		return b[:start], fileFault(err)
	}
	return b, nil
}

func fileFault(err error) error {
	return fmt.Errorf("the workbook's texts are kept in a file in %s: %w; make room there, or set TMPDIR to another folder", os.TempDir(), cause(err))
}

// A sharedCursor is where a text stands, and its size and those of the next.
type sharedCursor struct {
	number int
	at     int64
	sizes  []byte
}

// find says where text number n begins and how many bytes it has. The one after the
// last that was found is found at once.
func (s *sharedStrings) find(n int) (at int64, size int) {
	if n == s.next.number && n%sharedGroup != 0 {
		at = s.next.at
		size = s.next.skip()
		s.next.number++
		return at, size
	}
	f := &s.found[n%foundTexts]
	if f.behind == n+1 {
		return f.at, f.size
	}
	entry := s.groups[n/sharedGroup]
	c := sharedCursor{n, entry.at, s.sizes[entry.sizes/sharedSizes][entry.sizes%sharedSizes:]}
	for range n % sharedGroup {
		c.skip()
	}
	at = c.at
	size = c.skip()
	if n >= s.next.number {
		s.next = sharedCursor{n + 1, c.at, c.sizes}
	}
	*f = foundText{n + 1, at, size}
	return at, size
}

// skip goes on to the next text, and returns the size of this one.
func (c *sharedCursor) skip() int {
	size, used := binary.Uvarint(c.sizes[:cap(c.sizes)]) // the next may have been added since
	c.at += int64(size)
	c.sizes = c.sizes[used:cap(c.sizes)]
	return int(size)
}

// read takes the next texts of the part, or closes it at its end.
func (s *sharedStrings) read() error {
	b, err := s.ahead.next()
	if errors.Is(err, io.EOF) {
		return s.closePart()
	}
	if err != nil {
		return err
	}
	if s.count+len(b.sizes) > sharedMost {
		return fmt.Errorf("the workbook has more than %d different texts", sharedMost)
	}
	for _, size := range b.sizes {
		s.note(size)
	}
	if s.file == nil && len(s.last) == 0 && len(s.first)+len(b.texts) <= s.keep {
		if s.first == nil {
			s.first = offheap.Reserve(s.keep)[:0]
		}
		s.first = append(s.first, b.texts...)
		s.filed = s.size
		return nil
	}
	s.last = append(s.last, b.texts...)
	if len(s.last) > 2*sharedLast {
		return s.put()
	}
	return nil
}

// note takes the size of the next text into the index.
func (s *sharedStrings) note(size int) {
	last := len(s.sizes) - 1
	if s.count%sharedGroup == 0 {
		if last < 0 || len(s.sizes[last])+sharedGroup*binary.MaxVarintLen64 > sharedSizes {
			s.sizes = append(s.sizes, offheap.Reserve(sharedSizes)[:0])
			last++
		}
		s.groups = append(s.groups, sharedEntry{s.size, uint32(last*sharedSizes + len(s.sizes[last]))})
	}
	s.sizes[last] = binary.AppendUvarint(s.sizes[last], uint64(size))
	s.size += int64(size)
	s.count++
}

// put writes the texts that are not yet in the file, and keeps the last ones.
func (s *sharedStrings) put() error {
	if s.file == nil {
		file, err := os.CreateTemp("", "ticketetl-*") // CreateTemp makes it 0600
		if err != nil {
			return fileFault(err)
		}
		s.file, s.named = file, os.Remove(file.Name()) != nil
	}
	fresh := s.last[int64(len(s.last))-(s.size-s.filed):]
	if _, err := s.file.Write(fresh); err != nil {
		return fileFault(err)
	}
	s.filed = s.size
	kept := copy(s.last, s.last[max(0, len(s.last)-sharedLast):])
	s.last = s.last[:kept]
	return nil
}

// drain reads what no cell referred to, so that a fault in it is found.
func (s *sharedStrings) drain() error {
	for s.part != nil {
		_, err := s.ahead.next()
		if errors.Is(err, io.EOF) {
			return s.closePart()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *sharedStrings) closePart() error {
	s.ahead.close()
	part := s.part
	s.part = nil
	return part.close()
}

func (s *sharedStrings) close() error {
	var errs []error
	if s.part != nil {
		errs = append(errs, s.closePart())
	}
	if s.file != nil {
		errs = append(errs, s.file.Close())
	}
	if s.named {
		errs = append(errs, os.Remove(s.file.Name()))
	}
	offheap.Release(s.first[:cap(s.first)])
	for _, sizes := range s.sizes {
		offheap.Release(sizes[:cap(sizes)])
	}
	*s = sharedStrings{}
	return errors.Join(errs...)
}

// unescape decodes _x000D_ and the like in place, with which workbooks write
// characters that XML cannot hold.
//
// Source: ECMA-376 part 1, 22.9.2.19 (ST_Xstring).
func unescape(b []byte) []byte {
	i := bytes.Index(b, []byte("_x"))
	if i < 0 {
		return b
	}
	text := b[:i] // what is written never overtakes what is read
	for rest := b[i:]; len(rest) > 0; {
		r, size := escaped(rest)
		if size > 0 {
			text = utf8.AppendRune(text, r)
			rest = rest[size:]
			continue
		}
		size = len(rest)
		if next := bytes.Index(rest[1:], []byte("_x")); next >= 0 {
			size = next + 1
		}
		text = append(text, rest[:size]...)
		rest = rest[size:]
	}
	return text
}

// escaped reads the escape, or the two of one character beyond the first 65,536,
// with which b begins; size 0 means that there is none.
func escaped(b []byte) (r rune, size int) {
	first, ok := escapeUnit(b)
	switch {
	case !ok:
		return 0, 0
	case !utf16.IsSurrogate(first):
		return first, escapeSize
	}
	second, ok := escapeUnit(b[escapeSize:])
	if r = utf16.DecodeRune(first, second); !ok || r == utf8.RuneError {
		return 0, 0
	}
	return r, 2 * escapeSize
}

const escapeSize = len("_x0000_")

func escapeUnit(b []byte) (rune, bool) {
	if len(b) < escapeSize || b[0] != '_' || b[1] != 'x' || b[escapeSize-1] != '_' {
		return 0, false
	}
	code, err := strconv.ParseUint(string(b[2:escapeSize-1]), 16, 16)
	return rune(code), err == nil
}
