package sandbox

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// A Ticket is what the account holds, for tests to look at.
type Ticket struct {
	ID           string
	Properties   map[string]string        // all that have a value, computed ones too
	Associations map[string][]Association // by object type ("contacts"), by id
	Archived     bool
	ArchivedAt   time.Time // in UTC; zero for a live one
}

// An Association is one record that a ticket is linked to.
type Association struct {
	ID      string
	TypeIDs []int // as seen from the ticket, ascending
}

// Tickets are all tickets by id: the archived ones or the others. Those that
// were merged away are neither.
func (s *Server) Tickets(archived bool) []Ticket {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var out []Ticket
	s.objects[tickets].from(0, func(r *record) bool {
		if r.mergedTo == nil && archived == (r.archivedAt > 0) {
			out = append(out, r.inspect())
		}
		return true
	})
	return out
}

func (r *record) inspect() Ticket {
	t := Ticket{ID: r.id, Properties: map[string]string{}, Associations: map[string][]Association{}, Archived: r.archivedAt > 0}
	if t.Archived {
		t.ArchivedAt = time.UnixMilli(r.archivedAt).UTC()
	}
	for _, p := range r.kind.ordered {
		if text, ok := r.value(r, p); ok && text != "" {
			t.Properties[p.Name] = text
		}
	}
	for _, l := range r.links {
		a := Association{ID: l.far(r).id}
		for _, kind := range l.types {
			a.TypeIDs = append(a.TypeIDs, kind.id(l.fromTicket(r)))
		}
		slices.Sort(a.TypeIDs)
		name := l.far(r).kind.name
		t.Associations[name] = append(t.Associations[name], a)
	}
	for _, list := range t.Associations {
		slices.SortFunc(list, func(a, b Association) int { return compareIDs(a.ID, b.ID) })
	}
	return t
}

func compareIDs(a, b string) int {
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	if a < b {
		return -1
	}
	return 1
}

// Requests counts the requests by method and path pattern of v3 and v4, such
// as "POST /crm/v3/objects/{type}/batch/create"; "/" counts unknown paths.
// Requests that a limit, a token or an early fault stopped are not in it.
func (s *Server) Requests() map[string]int {
	s.watchMu.Lock()
	defer s.watchMu.Unlock()
	return maps.Clone(s.counts)
}

// Violations are the requests, so far, that a careful client would not have
// sent: unknown paths and fields, more inputs than are allowed, missing or
// repeated trace ids, repeated ids, nulls, values in a form that HubSpot takes
// without promising to, and the like.
func (s *Server) Violations() []string {
	s.watchMu.Lock()
	defer s.watchMu.Unlock()
	out := slices.Clone(s.violations)
	if s.overflow > 0 {
		out = append(out, fmt.Sprintf("and %d more", s.overflow))
	}
	return out
}

// Restore takes a ticket out of the recycle bin, as people do in the app. It
// says whether there was one of this id.
func (s *Server) Restore(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.objects[tickets].find(id)
	if r == nil || r.archivedAt == 0 {
		return false
	}
	now := millis(s.now())
	s.remember(r, now, false)
	r.archivedAt, r.updated = 0, now
	return true
}
