package transform

import (
	"hash/maphash"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/ticketetl/ticketetl/etl"
)

// A recall keeps what texts of cells were converted to, for columns in which the
// same ones come again and again: options, owners, days. Finding one takes a tenth
// of converting it. It is read without a lock, as all goroutines that map rows use
// it, and stops growing at maxRecalled texts.
type recall struct {
	known atomic.Pointer[recallTable]
	mu    sync.Mutex // of who adds
}

// recalled is a result of a converter: a value, maybe with a warning.
type recalled struct {
	text  string
	value string
	warn  *flaw
}

const (
	maxRecalled     = 2048
	maxRecalledText = 128 // bytes
	fewestSlots     = 64
)

// A recallTable is a table with open addressing, of which half is free at least. A
// slot is filled once. That takes a third of the time of a map, which 10 of 13 cells
// of a row may be looked up in.
type recallTable struct {
	slots []atomic.Pointer[recalled] // their number is a power of two
	used  int
}

var recallSeed = maphash.MakeSeed()

// look finds text. Where it is not there, found is nil and slot the one that it
// belongs into.
func (t *recallTable) look(text string) (found *recalled, slot *atomic.Pointer[recalled]) {
	for at := maphash.String(recallSeed, text); ; at++ {
		slot = &t.slots[at&uint64(len(t.slots)-1)]
		if found = slot.Load(); found == nil || found.text == text {
			return found, slot
		}
	}
}

// find is what is known of text; nil if that is nothing.
func (r *recall) find(text string) *recalled {
	known := r.known.Load()
	if known == nil {
		return nil
	}
	found, _ := known.look(text)
	return found
}

func (r *recall) keep(text, value string, warn *flaw) {
	if len(text) > maxRecalledText {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	known := r.known.Load()
	switch {
	case known == nil:
		known = &recallTable{slots: make([]atomic.Pointer[recalled], fewestSlots)}
	case known.used == maxRecalled:
		return
	case 2*known.used == len(known.slots):
		known = known.larger()
	}
	if found, slot := known.look(text); found == nil {
		known.used++
		slot.Store(&recalled{strings.Clone(text), strings.Clone(value), warn}) // texts may be parts of those of many rows
	}
	r.known.Store(known)
}

// larger is a table with what t holds, and twice the room.
func (t *recallTable) larger() *recallTable {
	next := &recallTable{slots: make([]atomic.Pointer[recalled], 2*len(t.slots)), used: t.used}
	for i := range t.slots {
		if r := t.slots[i].Load(); r != nil {
			_, slot := next.look(r.text)
			slot.Store(r)
		}
	}
	return next
}

// repeats says whether the cells of a column with this converter are usually few
// different texts, each of which takes a while to convert.
func repeats(c converter) bool {
	switch c := c.(type) {
	case *choice, *multiChoice:
		return true
	case *dateConverter:
		return c.day
	}
	return false
}

// convertOften is convert for a text that was there before, or may come again.
func (s *step) convertOften(c cell) (string, bool, *flaw) {
	if s.recall == nil || c.kind != etl.Text {
		return s.convert(c)
	}
	if found := s.recall.find(c.text); found != nil {
		return found.value, true, found.warn
	}
	value, ok, f := s.convert(c)
	if ok {
		s.recall.keep(c.text, value, f)
	}
	return value, ok, f
}
