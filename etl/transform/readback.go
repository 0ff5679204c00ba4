package transform

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/internal/schema"
)

// A readBack reads each row of an export with the mapping that drives it, as an
// import would, and counts what an import would not leave as it is.
type readBack struct {
	b      *Backwards
	wanted []storedProperty // of all that the mapping writes
	links  []int            // columns of the source, by link

	mu   sync.Mutex
	seen []Unlike
}

// A storedProperty is a column of the source.
type storedProperty struct {
	def *schema.Property
	at  int
}

// An Unlike is one way in which tickets do not come back as they are.
type Unlike struct {
	What    string // for people, without values of tickets
	Tickets int64
	First   string // id of the first one
}

func newReadBack(b *Backwards, h *etl.Header, links []string) *readBack {
	r := &readBack{b: b}
	for k := range b.mapper.steps {
		name := b.mapper.steps[k].name
		at, _ := h.Column(name)
		r.wanted = append(r.wanted, storedProperty{def: b.s.Property(name), at: at})
	}
	for _, name := range links {
		at, _ := h.Column(name)
		r.links = append(r.links, at)
	}
	return r
}

// Unlike lists what an import of the rows so far would change or refuse; nothing for
// an export that no mapping drives.
func (e *Export) Unlike() []Unlike {
	r := e.check
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.seen)
}

func (r *readBack) count(id, format string, args ...any) {
	what := fmt.Sprintf(format, args...)
	r.mu.Lock()
	defer r.mu.Unlock()
	i := slices.IndexFunc(r.seen, func(u Unlike) bool { return u.What == what })
	if i < 0 {
		i = len(r.seen)
		r.seen = append(r.seen, Unlike{What: what, First: id})
	}
	r.seen[i].Tickets++
}

// check reads a row. stored is the row of the source, cells that of the output.
func (r *readBack) check(id string, stored []string, cells []etl.Property) {
	row := etl.Record{Header: r.b.mapper.header, Fields: make([]string, len(cells)), Kinds: make([]etl.Kind, len(cells))}
	for i := range cells {
		row.Fields[i], row.Kinds[i] = cells[i].Value, r.b.columns[i].kindOf(cells[i].Value)
	}
	skip, problems := r.b.mapper.Apply(&row)
	if skip {
		r.count(id, "where leaves the row out")
		return
	}
	refused := map[string]bool{}
	for _, p := range problems {
		if p.Warning {
			continue
		}
		refused[p.Property] = true
		if p.Property == stageProperty {
			refused[pipelineProperty] = true // goes with the stage
		}
		r.count(id, "%s: an import would reject the row (%s)", r.place(p), p.Code)
	}
	for _, w := range r.wanted {
		if !refused[w.def.Name] {
			r.compare(id, w.def, stored[w.at], row.Properties)
		}
	}
	r.checkLinks(id, stored)
}

// place names the column of a problem.
func (r *readBack) place(p etl.Problem) string {
	switch {
	case p.Column >= 0 && p.Property != "":
		return fmt.Sprintf("column %q (%s)", r.b.mapper.header.Name(p.Column), p.Property)
	case p.Column >= 0:
		return fmt.Sprintf("column %q", r.b.mapper.header.Name(p.Column))
	}
	return p.Property
}

func (r *readBack) compare(id string, def *schema.Property, stored string, read []etl.Property) {
	i := slices.IndexFunc(read, func(p etl.Property) bool { return p.Name == def.Name })
	switch {
	case i < 0 && stored == "", i >= 0 && def.Same(stored, read[i].Value):
	case i < 0:
		r.count(id, "%s: the ticket has a value that the row does not say; an import would leave it alone", def.Name)
	default:
		r.count(id, "%s: an import would write another value than the ticket has", def.Name)
	}
}

func (r *readBack) checkLinks(id string, stored []string) {
	for _, c := range r.b.columns {
		if c.link < 0 {
			continue
		}
		joined := stored[r.links[c.link]]
		if joined == "" {
			continue
		}
		all := strings.Split(joined, LinkSign)
		to, by := r.b.links[c.link].To, r.b.links[c.link].Property
		if slices.Contains(all, "") {
			r.count(id, "column %q: some of the associated %s have no %s", c.name, to, by)
		}
		if c.sign == "" && len(linkNames(joined)) > 1 {
			r.count(id, "column %q: there are several associated %s, and the mapping reads one; it is the first of them", c.name, to)
		}
	}
}

// kindOf is the kind of a cell of the output.
func (c *backColumn) kindOf(text string) etl.Kind {
	if text == "" || c.kind == etl.Number && !exactly(text) {
		return etl.Text
	}
	return c.kind
}
