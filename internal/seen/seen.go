// Package seen remembers at which place each of very many texts stood first, in
// about twenty bytes for each, whatever the length of the texts.
//
// Of a text it keeps 88 bits of two hashes with random seeds, and no more: that two of
// ten million different texts count as the same has a probability of 2e-13. They are
// those of Go's own maps, which take a tenth of the time of a salted SHA-256: nobody
// who writes a file can know the seeds.
package seen

import (
	"encoding/binary"
	"hash/maphash"
	"math/bits"

	"github.com/ticketetl/ticketetl/internal/offheap"
)

// An entry is 16 bytes: 88 bits of the hash and a place. A place is never 0, so
// that memory full of zeros is a table without entries.
const (
	entrySize = 16
	placeBits = 40

	// MaxPlace is the greatest place that can be remembered.
	MaxPlace = 1<<placeBits - 1
)

// A Set remembers texts. The zero value is empty and ready. One goroutine uses
// it; Free gives its memory back.
type Set struct {
	hasher   *Hasher
	segments [256]segment
	blocks   [][]byte // all memory, of blockSize each
	free     []byte   // what is left of the last block
	moved    []byte   // room for the entries of a segment that grows
	touched  byte
}

// Put notes that text stands at place, from 1 to MaxPlace. If it has been noted
// before, it returns the place that is known for it, and takes the new one in
// its stead only if replace is set.
func (s *Set) Put(text string, place uint64, replace bool) (known uint64, taken bool) {
	return s.PutHash(s.Hasher().Hash(text), place, replace)
}

// PutHash is Put of the text that h was made of, by the Hasher of s.
func (s *Set) PutHash(h Hash, place uint64, replace bool) (known uint64, taken bool) {
	if place == 0 || place > MaxPlace {
		panic("seen: no such place") // the caller counts rows: no file has a million million
	}
	g := s.segment(h)
	if n := g.size(); g.used >= n-n/8 {
		s.grow(g)
	}
	return g.put(h, place, replace)
}

// Touch brings the place of h nearer to the processor. Who has many hashes to put
// touches them all first: then the memory that they wait for comes at once, and not
// for one after the other, which is most of what putting one takes.
func (s *Set) Touch(h Hash) {
	if g := s.segment(h); len(g.pages) > 0 {
		s.touched += g.slot(g.home(h))[0] // so that it is not left out
	}
}

func (s *Set) segment(h Hash) *segment { return &s.segments[h.high>>56] }

// Hasher makes the hashes of s.
func (s *Set) Hasher() *Hasher {
	if s.hasher == nil {
		s.hasher = &Hasher{high: maphash.MakeSeed(), low: maphash.MakeSeed()}
	}
	return s.hasher
}

// Find returns the place that is known for text.
func (s *Set) Find(text string) (known uint64, found bool) {
	h := s.Hasher().Hash(text)
	g := s.segment(h)
	if len(g.pages) == 0 {
		return 0, false
	}
	known = binary.LittleEndian.Uint64(g.find(h)[8:]) & MaxPlace
	return known, known != 0
}

// Free gives the memory back. The Set is then empty.
func (s *Set) Free() {
	for _, block := range s.blocks {
		offheap.Release(block)
	}
	*s = Set{}
}

// A Hash is what is kept of a text: 64 bits and, in the upper bits of low, 24 more.
type Hash struct{ high, low uint64 }

// A Hasher makes Hashes for one Set. Several goroutines may use it.
type Hasher struct{ high, low maphash.Seed }

// Hash is the Hash of the text that parts are, one after the other.
func (h *Hasher) Hash(parts ...string) Hash {
	var room [128]byte // for nearly all keys
	text := room[:0]
	for _, part := range parts {
		text = append(text, part...)
	}
	return Hash{high: maphash.Bytes(h.high, text), low: maphash.Bytes(h.low, text) &^ MaxPlace}
}

// A segment is the table of one 256th of all texts, with open addressing. All
// grow by small steps, each on its own, by pages that are added to what they have:
// so growing takes no more memory than there is in the end, and none is taken from
// the system twice.
type segment struct {
	pages []*page
	used  int
}

// Memory is taken in blocks, for pages of any segment; a segment grows by a fifth
// when it is seven eighths full, so that an entry takes 18 to 22 bytes.
const (
	pageSize    = 4096
	pageEntries = pageSize / entrySize
	blockSize   = 64 * pageSize
)

type page [pageSize]byte

func (g *segment) put(h Hash, place uint64, replace bool) (known uint64, taken bool) {
	at := g.find(h)
	if known := binary.LittleEndian.Uint64(at[8:]) & MaxPlace; known != 0 {
		if replace {
			h.store(at, place)
		}
		return known, true
	}
	h.store(at, place)
	g.used++
	return 0, false
}

func (g *segment) size() int { return len(g.pages) * pageEntries }

func (g *segment) slot(i uint64) []byte {
	return g.pages[i/pageEntries][i%pageEntries*entrySize:][:entrySize]
}

// home is the number of the slot from which on h is looked for.
func (g *segment) home(h Hash) uint64 {
	// The segment's number was taken from the uppermost bits.
	i, _ := bits.Mul64(h.high<<8, uint64(g.size()))
	return i
}

// find is the slot of h, or the free one that it belongs into.
func (g *segment) find(h Hash) []byte {
	n := uint64(g.size())
	for i := g.home(h); ; {
		at := g.slot(i)
		low := binary.LittleEndian.Uint64(at[8:])
		if low == 0 || low&^MaxPlace == h.low && binary.LittleEndian.Uint64(at) == h.high {
			return at
		}
		if i++; i == n {
			i = 0
		}
	}
}

// vacant is the free slot that h belongs into, which is not there yet.
func (g *segment) vacant(h Hash) []byte {
	n := uint64(g.size())
	for i := g.home(h); ; {
		at := g.slot(i)
		if binary.LittleEndian.Uint64(at[8:]) == 0 {
			return at
		}
		if i++; i == n {
			i = 0
		}
	}
}

func (h Hash) store(at []byte, place uint64) {
	binary.LittleEndian.PutUint64(at, h.high)
	binary.LittleEndian.PutUint64(at[8:], h.low|place)
}

// grow adds pages to g, and puts its entries into all of them.
func (s *Set) grow(g *segment) {
	old := s.moved[:0]
	for _, p := range g.pages {
		old = append(old, p[:]...)
		clear(p[:])
	}
	s.moved = old
	for range max(len(g.pages)/5, 1) {
		g.pages = append(g.pages, s.page())
	}
	for ; len(old) > 0; old = old[entrySize:] {
		low := binary.LittleEndian.Uint64(old[8:])
		if place := low & MaxPlace; place != 0 {
			h := Hash{high: binary.LittleEndian.Uint64(old), low: low &^ MaxPlace}
			h.store(g.vacant(h), place)
		}
	}
}

// page is one of zeros that nobody has.
func (s *Set) page() *page {
	if len(s.free) == 0 {
		s.free = offheap.Reserve(blockSize)
		s.blocks = append(s.blocks, s.free)
	}
	p := (*page)(s.free)
	s.free = s.free[pageSize:]
	return p
}
