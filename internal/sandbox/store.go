package sandbox

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A record is one ticket, contact, company or deal. The store's lock guards it.
type record struct {
	num   uint64
	id    string
	kind  *object
	state          // as it is now
	past  []state  // what search still sees, oldest first
	old   []change // values that were replaced, oldest first

	entered  int64 // when it was stored, ms
	links    []*link
	linked   [numObjects]int // links to each kind of object
	mergedTo *record
	merged   []string // ids merged into this one
}

// A state is what an update replaces. Cells are never changed in place.
type state struct {
	cells      []cell
	created    int64 // createdate, ms
	updated    int64 // ms
	archivedAt int64 // ms; 0 unless archived
	until      int64 // in past: when it was replaced, ms
	absent     bool  // in past: the record did not exist
}

// A cell is the value of one property; a property without one is unset.
type cell struct {
	prop *property
	text string
	at   int64 // ms
}

// A change is a value that a property once had.
type change cell

func (st *state) get(p *property) (string, bool) {
	for i := range st.cells {
		if st.cells[i].prop == p {
			return st.cells[i].text, true
		}
	}
	return "", false
}

// value is what a read of p answers; false means null.
func (st *state) value(r *record, p *property) (string, bool) {
	if p.virtual != nil {
		return p.virtual(r, st)
	}
	return st.get(p)
}

// at is the record as it was at a moment, nil if it did not exist.
func (r *record) at(ms int64) *state {
	for i := range r.past {
		if r.past[i].until > ms {
			if r.past[i].absent {
				return nil
			}
			return &r.past[i]
		}
	}
	return &r.state
}

// The kinds of object that have records.
const (
	tickets = iota
	contacts
	companies
	deals
	numObjects
)

// An object is one kind of record with its definitions and its records.
type object struct {
	index    int
	name     string // as in paths: tickets
	singular string // as in association names: ticket
	typeID   string // 0-5

	props    map[string]*property
	ordered  []*property // active and archived, in order of definition
	names    map[string]string
	defaults []*property // what a read without "properties" answers
	always   []*property // what any read answers
	echoed   []*property // what else the answer to a create holds
	touched  string      // name of the last-modified property
	folded   bool        // unique values are compared without case
	groups   []propertyGroup

	records map[uint64]*record
	further map[string]*record // by lower-case e-mail addresses besides the first
	order   [2][]*record       // by id: those of up to 16 digits, then the longer ones
	next    [2]uint64
}

// longID is where ids that a float64 cannot hold begin.
const longID = 10_000_000_000_000_000

// newID gives out ascending ids of 11 digits, and one in 97 of 17.
func (o *object) newID() uint64 {
	which := 0
	if len(o.records)%97 == 96 {
		which = 1
	}
	id := o.next[which]
	o.next[which] += 2 + id%3
	return id
}

func (o *object) add(r *record) {
	o.records[r.num] = r
	which := 0
	if r.num >= longID {
		which = 1
	}
	o.order[which] = append(o.order[which], r)
	o.next[which] = max(o.next[which], r.num+1)
}

// sorted brings seeds, which come in any order, into the order of ids.
func (o *object) sort() {
	for i := range o.order {
		slices.SortFunc(o.order[i], func(a, b *record) int {
			if a.num < b.num {
				return -1
			}
			return 1
		})
	}
}

// from calls each with the records whose id is num or more, by id, until it
// answers false.
func (o *object) from(num uint64, each func(*record) bool) {
	for i := range o.order {
		part := o.order[i]
		start, _ := slices.BinarySearchFunc(part, num, func(r *record, n uint64) int {
			if r.num < n {
				return -1
			}
			return 1
		})
		for _, r := range part[start:] {
			if !each(r) {
				return
			}
		}
	}
}

// find returns the record with this decimal id, archived or not; one that was
// merged away is the one it was merged into.
func (o *object) find(id string) *record {
	num, err := strconv.ParseUint(id, 10, 64)
	if err != nil {
		return nil
	}
	r := o.records[num]
	for r != nil && r.mergedTo != nil {
		r = r.mergedTo
	}
	return r
}

// findBy looks up by a unique property; nil stands for the id.
func (o *object) findBy(p *property, key string) *record {
	if p == nil {
		return o.find(key)
	}
	if r := p.unique[p.uniqueKey(key)]; r != nil {
		return r
	}
	if p.Name == "email" {
		return o.further[strings.ToLower(key)]
	}
	return nil
}

// unused is a refusal of an id that is taken, for seeds.
func (o *object) unused(num uint64) error {
	if o.records[num] != nil {
		return fmt.Errorf("%s: id %d is there twice", o.name, num)
	}
	return nil
}

// remember keeps the present state for searches that lag behind.
func (s *Server) remember(r *record, now int64, absent bool) {
	lag := s.lag.Milliseconds()
	if lag == 0 {
		return
	}
	keep := 0
	for keep < len(r.past) && r.past[keep].until <= now-lag {
		keep++
	}
	old := r.state
	old.until, old.absent = now, absent
	r.past = append(r.past[keep:], old)
}

// assign writes values, which are in stored form, over those of r.
func (s *Server) assign(r *record, values []cell, now int64) {
	cells := make([]cell, len(r.cells), len(r.cells)+len(values))
	copy(cells, r.cells)
	for _, v := range values {
		i := slices.IndexFunc(cells, func(c cell) bool { return c.prop == v.prop })
		if i < 0 {
			cells = append(cells, v)
		} else {
			r.old = append(r.old, change(cells[i]))
			r.release(cells[i])
			cells[i] = v
		}
		r.claim(v)
	}
	r.cells, r.updated = cells, now
}

// claim marks a unique value as taken by r. A contact is also found by its
// further e-mail addresses.
func (r *record) claim(c cell) {
	if c.prop.Name == "hs_additional_emails" {
		for _, address := range strings.Split(strings.ToLower(c.text), ";") {
			r.kind.further[strings.TrimSpace(address)] = r
		}
	}
	if c.prop.unique != nil && c.text != "" {
		c.prop.unique[c.prop.uniqueKey(c.text)] = r
	}
}

func (r *record) release(c cell) {
	if c.prop.unique == nil {
		return
	}
	if key := c.prop.uniqueKey(c.text); c.prop.unique[key] == r {
		delete(c.prop.unique, key)
	}
}

func millis(t time.Time) int64 { return t.UnixMilli() }

// stamp is a time as HubSpot writes it: UTC, milliseconds only when there are any.
func stamp(ms int64) string {
	return string(appendStamp(nil, ms))
}

func appendStamp(b []byte, ms int64) []byte {
	t := time.UnixMilli(ms).UTC()
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	b = append(appendDigits(b, year, 4), '-')
	b = append(appendDigits(b, int(month), 2), '-')
	b = append(appendDigits(b, day, 2), 'T')
	b = append(appendDigits(b, hour, 2), ':')
	b = append(appendDigits(b, minute, 2), ':')
	b = appendDigits(b, second, 2)
	if part := int((ms%1000 + 1000) % 1000); part != 0 {
		b = appendDigits(append(b, '.'), part, 3)
	}
	return append(b, 'Z')
}

// appendDigits appends n, which is not negative, with width digits.
func appendDigits(b []byte, n, width int) []byte {
	for width--; width >= 0; width-- {
		b = append(b, '0')
	}
	for i := len(b) - 1; n > 0; i-- {
		b[i] = byte('0' + n%10)
		n /= 10
	}
	return b
}

func shuffle[T any](rng *rand.Rand, items []T) {
	rng.Shuffle(len(items), func(i, j int) { items[i], items[j] = items[j], items[i] })
}
