// Package seen remembers at which place each of very many texts stood first, in
// about twenty bytes for each, whatever the length of the texts.
//
// Of a text it keeps 88 bits of a salted SHA-256, and no more: that two of ten
// million different texts count as the same has a probability of 2e-13.
package seen

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
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
	return s.segments[h.high>>56].put(h, place, replace)
}

// Hasher makes the hashes of s.
func (s *Set) Hasher() *Hasher {
	if s.hasher == nil {
		s.hasher = &Hasher{}
		_, _ = rand.Read(s.hasher.salt[:]) // never fails
	}
	return s.hasher
}

// Find returns the place that is known for text.
func (s *Set) Find(text string) (known uint64, found bool) {
	h := s.Hasher().Hash(text)
	g := &s.segments[h.high>>56]
	if len(g.slots) == 0 {
		return 0, false
	}
	known = binary.LittleEndian.Uint64(g.find(h)[8:]) & MaxPlace
	return known, known != 0
}

// Free gives the memory back. The Set is then empty.
func (s *Set) Free() {
	for i := range s.segments {
		offheap.Release(s.segments[i].slots)
	}
	*s = Set{}
}

// A Hash is what is kept of a text: 64 bits and, in the upper bits of low, 24 more.
type Hash struct{ high, low uint64 }

// A Hasher makes Hashes for one Set. Several goroutines may use it.
type Hasher struct{ salt [16]byte }

// Hash is the Hash of the text that parts are, one after the other.
func (h *Hasher) Hash(parts ...string) Hash {
	var room [128]byte // for nearly all keys
	text := append(room[:0], h.salt[:]...)
	for _, part := range parts {
		text = append(text, part...)
	}
	sum := sha256.Sum256(text)
	return Hash{
		high: binary.LittleEndian.Uint64(sum[:]),
		low:  binary.LittleEndian.Uint64(sum[8:]) &^ MaxPlace,
	}
}

// A segment is the table of one 256th of all texts, with open addressing. All
// grow by small steps, each on its own, so that growing takes little more memory
// than there is.
type segment struct {
	slots []byte
	used  int
}

// Memory is taken in multiples of step; a segment grows by a fifth when it is
// seven eighths full, so that an entry takes 18 to 22 bytes.
const step = 4096

func (g *segment) put(h Hash, place uint64, replace bool) (known uint64, taken bool) {
	if n := g.size(); g.used >= n-n/8 {
		g.grow()
	}
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

func (g *segment) size() int { return len(g.slots) / entrySize }

// find is the slot of h, or the free one that it belongs into.
func (g *segment) find(h Hash) []byte {
	n := g.size()
	// The segment's number was taken from the uppermost bits.
	i, _ := bits.Mul64(h.high<<8, uint64(n))
	for {
		at := g.slots[i*entrySize:][:entrySize]
		low := binary.LittleEndian.Uint64(at[8:])
		if low == 0 || low&^MaxPlace == h.low && binary.LittleEndian.Uint64(at) == h.high {
			return at
		}
		if i++; i == uint64(n) {
			i = 0
		}
	}
}

func (h Hash) store(at []byte, place uint64) {
	binary.LittleEndian.PutUint64(at, h.high)
	binary.LittleEndian.PutUint64(at[8:], h.low|place)
}

func (g *segment) grow() {
	old := g.slots
	defer offheap.Release(old)
	size := max(len(old)+len(old)/5, len(old)+step)
	g.slots = offheap.Reserve((size + step - 1) / step * step)
	for ; len(old) > 0; old = old[entrySize:] {
		low := binary.LittleEndian.Uint64(old[8:])
		if place := low & MaxPlace; place != 0 {
			h := Hash{high: binary.LittleEndian.Uint64(old), low: low &^ MaxPlace}
			h.store(g.find(h), place)
		}
	}
}
