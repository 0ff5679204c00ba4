package transform

import (
	"maps"
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
	known atomic.Pointer[map[string]recalled]
	mu    sync.Mutex
	fresh map[string]recalled // comes into a new known when there is enough of it
}

// recalled is a result of a converter: a value, maybe with a warning.
type recalled struct {
	value string
	warn  *flaw
}

const (
	maxRecalled     = 2048
	maxRecalledText = 128 // bytes
)

func (r *recall) find(text string) (recalled, bool) {
	known := r.known.Load()
	if known == nil {
		return recalled{}, false
	}
	found, ok := (*known)[text]
	return found, ok
}

func (r *recall) keep(text string, result recalled) {
	if len(text) > maxRecalledText {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	known := map[string]recalled{}
	if k := r.known.Load(); k != nil {
		known = *k
	}
	if r.fresh == nil {
		r.fresh = map[string]recalled{}
	}
	if len(known)+len(r.fresh) >= maxRecalled {
		return
	}
	result.value = strings.Clone(result.value) // texts may be parts of those of many rows
	r.fresh[strings.Clone(text)] = result
	if len(r.fresh) <= len(known)/8 {
		return
	}
	next := maps.Clone(known)
	maps.Copy(next, r.fresh)
	r.known.Store(&next)
	clear(r.fresh)
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
	if found, ok := s.recall.find(c.text); ok {
		return found.value, true, found.warn
	}
	value, ok, f := s.convert(c)
	if ok {
		s.recall.keep(c.text, recalled{value, f})
	}
	return value, ok, f
}
