package transform

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/ticketetl/ticketetl/internal/schema"
)

// An item is something that a cell may name: an option, an owner, a pipeline.
type item struct {
	id     string   // what HubSpot stores
	label  string   // what people see
	others []string // further names, e.g. an owner's e-mail
	warn   *flaw    // told when it is chosen; nil mostly
}

// A lookup finds items by their id, label or both ("Label (id)") exactly, then
// by any name without case and blanks, then without accents as well.
type lookup struct {
	items  []item
	exact  map[string][]int
	folded map[string][]int
	bare   map[string][]int
}

func newLookup(items []item) *lookup {
	l := &lookup{items: items, exact: map[string][]int{}, folded: map[string][]int{}, bare: map[string][]int{}}
	for i, it := range items {
		names := []string{it.id, it.label, it.exactName()}
		for _, name := range names {
			addIndex(l.exact, name, i)
		}
		for _, name := range append(names, it.others...) {
			addIndex(l.folded, schema.Fold(name), i)
			addIndex(l.bare, schema.Bare(name), i)
		}
	}
	return l
}

func addIndex(to map[string][]int, name string, i int) {
	if found := to[name]; name != "" && !slices.Contains(found, i) {
		to[name] = append(found, i)
	}
}

// find returns the indices of the items that text names: two where it is the id
// of one and the label of another.
func (l *lookup) find(text string) []int {
	if found := l.exact[text]; len(found) > 0 {
		return found
	}
	return l.loosely(text)
}

// loosely finds items by texts that differ in case, blanks and maybe accents.
func (l *lookup) loosely(text string) []int {
	if found := l.folded[schema.Fold(text)]; len(found) > 0 {
		return found
	}
	return l.bare[schema.Bare(text)]
}

// one returns the only item that text names, or how many there are.
func (l *lookup) one(text string) (it *item, n int) {
	found := l.find(text)
	if len(found) != 1 {
		return nil, len(found)
	}
	return &l.items[found[0]], 1
}

// writeAsListed is what to do about a text that names several items.
const writeAsListed = "write it as it is listed, with the value in brackets"

// maxListed bounds how many choices a message lists.
const maxListed = 12

func (l *lookup) list(of []int) string {
	names := make([]string, 0, maxListed)
	for _, i := range of[:min(len(of), maxListed)] {
		names = append(names, l.items[i].name())
	}
	if more := len(of) - len(names); more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(names, ", ")
}

func (l *lookup) all() []int {
	all := make([]int, len(l.items))
	for i := range all {
		all[i] = i
	}
	return all
}

// name is how messages call an item.
func (it *item) name() string {
	if it.label == "" || it.label == it.id {
		return it.id
	}
	return it.label
}

// clearName is the name of an item, if no other one has it too.
func (l *lookup) clearName(i int) string {
	if name := l.items[i].name(); len(l.find(name)) == 1 {
		return name
	}
	return l.items[i].exactName()
}

// exactName tells items apart that people see under one label.
func (it *item) exactName() string {
	if it.label == "" || it.label == it.id {
		return it.id
	}
	return it.label + " (" + it.id + ")"
}

func (l *lookup) candidates(of []int) string {
	names := make([]string, 0, maxListed)
	for _, i := range of[:min(len(of), maxListed)] {
		names = append(names, l.items[i].exactName())
	}
	if more := len(of) - len(names); more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(names, ", ")
}

func (l *lookup) names() []string {
	var names []string
	for i := range l.items {
		names = append(names, l.items[i].name())
	}
	for i := range l.items {
		names = append(names, l.items[i].id)
		names = append(names, l.items[i].others...)
	}
	return names
}

// A choice is a converter to one item of a lookup.
type choice struct {
	*lookup
	kind      string // "option", "owner" ...
	unknown   string // code of a text that names none
	ambiguous string // code of a text that names several
	flaws     memo
}

func newChoice(l *lookup, kind, unknown, ambiguous string) *choice {
	return &choice{lookup: l, kind: kind, unknown: unknown, ambiguous: ambiguous}
}

func (c *choice) words() string { return c.kind + ", by label or value" }

func (c *choice) convert(in cell) (string, *flaw) { return c.pick(strings.TrimSpace(in.text)) }

func (c *choice) pick(text string) (string, *flaw) {
	it, _ := c.one(text)
	if it != nil {
		return it.id, it.warn
	}
	return "", c.flaws.of(text, c.refuse)
}

func (c *choice) refuse(text string) *flaw {
	if found := c.find(text); len(found) > 1 {
		return flawOf(c.ambiguous, writeAsListed,
			"%s names several %ss: %s", quote(text), c.kind, c.candidates(found))
	}
	if len(c.items) == 0 {
		return flawOf(c.unknown, "", "%s: there is no %s to choose from", quote(text), c.kind)
	}
	return flawOf(c.unknown, nearest(text, c.names(), "correct the cell, or translate it with a table of values in the mapping"),
		"%s is not one of %s", quote(text), c.list(c.all()))
}

// A multiChoice is a converter to several items, parted by ';' as HubSpot
// stores them.
type multiChoice struct {
	*choice
	split string // what parts them in the cell
}

func (m *multiChoice) words() string {
	return fmt.Sprintf("%ss, parted by %q, by label or value", m.kind, m.split)
}

func (m *multiChoice) convert(in cell) (string, *flaw) {
	text := strings.TrimSpace(in.text)
	if found := m.find(text); len(found) > 0 {
		if m.separable(text) {
			return "", flawOf(m.ambiguous, "write the one that is meant with its value in brackets, or change what parts them (split)",
				"%s is one %s, %s, and several parted by %q", quote(in.text), m.kind, m.candidates(found), m.split)
		}
		return m.pickOne(text)
	}
	var ids []string
	var bad []*flaw
	var warn *flaw
	for _, part := range strings.Split(text, m.split) {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		id, f := m.pickOne(part)
		switch {
		case f != nil && !f.warning:
			bad = append(bad, f)
		case !slices.Contains(ids, id):
			ids = append(ids, id)
		}
		if f != nil && f.warning {
			warn = f
		}
	}
	if len(ids) == 0 && len(bad) == 0 {
		bad = append(bad, flawOf(m.unknown, "", "%s names no %s", quote(in.text), m.kind))
	}
	if len(bad) > 0 {
		return "", joinFlaws(bad)
	}
	return strings.Join(ids, ";"), warn
}

// pickOne is pick, but refuses an option whose value holds the sign that parts
// options where they are stored.
func (m *multiChoice) pickOne(text string) (string, *flaw) {
	id, f := m.pick(text)
	if strings.Contains(id, ";") {
		return "", flawOf(m.unknown, "give the option another value in HubSpot",
			"%s cannot be written: the value %s of the option holds the sign that parts options", quote(text), quote(id))
	}
	return id, f
}

// separable says whether text has several parts that each name an item.
func (m *multiChoice) separable(text string) bool {
	if !strings.Contains(text, m.split) {
		return false
	}
	n := 0
	for _, part := range strings.Split(text, m.split) {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		if n++; len(m.find(part)) == 0 {
			return false
		}
	}
	return n > 1
}

// joinFlaws makes one of several, for one cell has one problem.
func joinFlaws(flaws []*flaw) *flaw {
	if len(flaws) == 1 {
		return flaws[0]
	}
	joined := *flaws[0]
	var messages []string
	for _, f := range flaws[:min(len(flaws), maxListed)] {
		messages = append(messages, f.message)
	}
	joined.message = strings.Join(messages, "; ")
	return &joined
}

// A memo keeps what is costly to say, so that a million wrong cells with the
// same text cost no more than one. It stops growing at maxMemo texts.
type memo struct {
	kept sync.Map
	n    atomic.Int32
}

const maxMemo = 4096

func (m *memo) of(text string, make func(string) *flaw) *flaw {
	if f, ok := m.kept.Load(text); ok {
		return f.(*flaw)
	}
	f := make(text)
	if m.n.Load() < maxMemo && len(text) < 1024 {
		if _, loaded := m.kept.LoadOrStore(strings.Clone(text), f); !loaded {
			m.n.Add(1)
		}
	}
	return f
}

// optionItems are the options of p, each with a warning if HubSpot hides it.
func optionItems(p *schema.Property) []item {
	items := make([]item, len(p.Options))
	for i, o := range p.Options {
		items[i] = item{id: o.Value, label: o.Label}
		if o.Hidden {
			items[i].warn = &flaw{code: CodeHiddenOption, warning: true,
				message: fmt.Sprintf("option %q is hidden in HubSpot", items[i].name()),
				hint:    "it is stored all the same; nobody can choose it in the app"}
		}
	}
	return items
}

// ownerItems are the owners. An archived one counts only where no active owner
// has that name.
func ownerItems(s *schema.Schema) []item {
	taken := map[string]bool{}
	for i := range s.Owners {
		if o := &s.Owners[i]; !o.Archived {
			taken[schema.Fold(o.Email)] = true
			taken[schema.Fold(o.Name())] = true
		}
	}
	items := make([]item, 0, len(s.Owners))
	for i := range s.Owners {
		o := &s.Owners[i]
		it := item{id: o.ID, label: o.Name(), others: []string{o.Email}}
		if o.Archived {
			it.warn = &flaw{code: CodeArchivedOwner, warning: true,
				message: fmt.Sprintf("owner %q is deactivated", it.name()), hint: "HubSpot may refuse to assign the ticket"}
			if taken[schema.Fold(it.label)] {
				it.label = it.id
			}
			if taken[schema.Fold(o.Email)] {
				it.others = nil
			}
		}
		items = append(items, it)
	}
	return items
}

// teamItems are the teams that the owners are in; HubSpot lists them nowhere
// else.
func teamItems(s *schema.Schema) []item {
	var items []item
	seen := map[string]bool{}
	for i := range s.Owners {
		for _, t := range s.Owners[i].Teams {
			if !seen[t.ID] {
				seen[t.ID] = true
				items = append(items, item{id: t.ID, label: t.Name})
			}
		}
	}
	return items
}

func pipelineItems(s *schema.Schema) []item {
	var items []item
	for i := range s.Pipelines {
		if p := &s.Pipelines[i]; !p.Archived {
			items = append(items, item{id: p.ID, label: p.Label})
		}
	}
	return items
}

// opaque passes values of options that only HubSpot knows, such as brands.
type opaque struct{ split string }

func (opaque) words() string { return "value, as it is" }

func (o opaque) convert(in cell) (string, *flaw) {
	text := strings.TrimSpace(in.text)
	if f := textFlaw(text); f != nil || o.split == "" {
		return text, f
	}
	var parts []string
	for _, part := range strings.Split(text, o.split) {
		if part = strings.TrimSpace(part); part != "" && !slices.Contains(parts, part) {
			parts = append(parts, part)
		}
	}
	if len(parts) == 0 {
		return "", flawOf(CodeInvalidOption, "", "%s names no option", quote(in.text))
	}
	return strings.Join(parts, ";"), nil
}
