package resolve

import (
	"cmp"
	"context"
	"hash/maphash"
	"slices"
	"sync"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/internal/hubspot"
)

// A Tally is what one kind of look-up came to: records of one object type, by
// one way to match.
type Tally struct {
	To      string `json:"to"`
	Match   string `json:"match"`
	Values  int    `json:"values"`  // different values
	Found   int    `json:"found"`   // values that one record has
	Missing int    `json:"missing"` // values that no record has
	Several int    `json:"several"` // values that several records have
	Calls   int    `json:"calls"`   // requests; of a Survey, those that it would take
}

// Tallies says what has been looked up so far, in order of object type and match.
// A value that had to leave the cache and was asked again counts twice.
func (r *Resolver) Tallies() []Tally {
	r.mu.Lock()
	defer r.mu.Unlock()
	return sorted(r.tallies)
}

func (r *Resolver) tally(look lookup) *Tally {
	t := r.tallies[look]
	if t == nil {
		t = &Tally{To: look.to, Match: look.match}
		r.tallies[look] = t
	}
	return t
}

func (t *Tally) add(ids []string) {
	t.Values++
	switch len(ids) {
	case 0:
		t.Missing++
	case 1:
		t.Found++
	default:
		t.Several++
	}
}

func sorted(tallies map[lookup]*Tally) []Tally {
	out := make([]Tally, 0, len(tallies))
	for _, t := range tallies {
		out = append(out, *t)
	}
	slices.SortFunc(out, func(a, b Tally) int { return cmp.Or(cmp.Compare(a.To, b.To), cmp.Compare(a.Match, b.Match)) })
	return out
}

// maxSurveyed bounds the different values that a Survey remembers, over all
// look-ups, at some 20 bytes each.
const maxSurveyed = 1_000_000

// A Survey takes the place of a Resolver where there is no account: it counts
// what would have to be looked up, and finds nothing wrong. It is an
// etl.Resolver and safe for several goroutines.
type Survey struct {
	seed    maphash.Seed
	mu      sync.Mutex
	seen    map[uint64]struct{}
	tallies map[lookup]*Tally
	full    bool
}

// NewSurvey returns a Survey that has counted nothing yet.
func NewSurvey() *Survey {
	return &Survey{seed: maphash.MakeSeed(), seen: map[uint64]struct{}{}, tallies: map[lookup]*Tally{}}
}

// Resolve counts the references of batch.
func (s *Survey) Resolve(_ context.Context, batch []*etl.Record) ([][]etl.Problem, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, rec := range batch {
		for i := range rec.References {
			s.count(questionOf(&rec.References[i]))
		}
	}
	return make([][]etl.Problem, len(batch)), nil
}

func (s *Survey) count(q question) {
	hash := maphash.Comparable(s.seed, q)
	if _, known := s.seen[hash]; known {
		return
	}
	if s.full = len(s.seen) >= maxSurveyed; s.full {
		return
	}
	s.seen[hash] = struct{}{}
	t := s.tallies[q.lookup]
	if t == nil {
		t = &Tally{To: q.to, Match: q.match}
		s.tallies[q.lookup] = t
	}
	t.Values++
	t.Calls = (t.Values + hubspot.MaxBatch - 1) / hubspot.MaxBatch
}

// Tallies are the different values of each look-up, and the requests that they
// take at least; more says that there are more values than were counted.
func (s *Survey) Tallies() (tallies []Tally, more bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return sorted(s.tallies), s.full
}
