package sandbox

import (
	"fmt"
	"slices"
	"strings"
)

// A link joins a ticket to another record, with one or more types. Both
// records hold the same link.
type link struct {
	ticket, other *record
	types         []*associationType
}

// far is the record at the other end.
func (l *link) far(near *record) *record {
	if l.ticket == near {
		return l.other
	}
	return l.ticket
}

func (l *link) has(t *associationType) bool { return slices.Contains(l.types, t) }

// A plannedLink is a link that has been judged.
type plannedLink struct {
	far   *record
	types []*associationType
}

// planLinks judges the associations of a record that is about to be stored.
func (c *call) planLinks(o *object, inputs []linkInput) ([]plannedLink, *failure) {
	if len(inputs) > 0 && c.newRules() && c.s.opts.Switches.NoEditAssociations {
		return nil, invalid("Missing 'Edit Associations' permission.")
	}
	planned := make([]plannedLink, 0, len(inputs))
	for _, in := range inputs {
		far, types, f := c.planLink(o, in)
		if f != nil {
			return nil, f
		}
		planned = join(planned, plannedLink{far, types})
	}
	return planned, nil
}

// join adds a link; several inputs for the same record are one link.
func join(planned []plannedLink, more plannedLink) []plannedLink {
	for i := range planned {
		if planned[i].far == more.far {
			planned[i].types = append(planned[i].types, more.types...)
			return planned
		}
	}
	return append(planned, more)
}

// planLink finds the other end by the type, since the input does not name it.
func (c *call) planLink(o *object, in linkInput) (*record, []*associationType, *failure) {
	if len(in.types) == 0 {
		c.wrong("an association without types")
		return nil, nil, invalid("One or more associations are invalid: types must not be empty")
	}
	var types []*associationType
	other := ""
	for _, spec := range in.types {
		t := c.s.types.fromObject(o, spec)
		if t == nil || other != "" && t.other != other {
			return nil, nil, c.wrongType(o, spec)
		}
		other = t.other
		types = append(types, t)
	}
	target := other
	if o.index != tickets {
		target = "tickets"
	}
	far := c.s.recordOf(target, in.to)
	if far == nil {
		return nil, nil, invalidTargets(in.to)
	}
	if f := c.s.checkLinkLimit(far, o.index); f != nil {
		return nil, nil, f
	}
	if f := c.s.checkConfigured(far, plannedLink{far: &record{kind: o}, types: types}); f != nil {
		return nil, nil, f
	}
	return far, types, nil
}

func invalidTargets(ids ...string) *failure {
	return invalid("One or more associations are invalid").with("INVALID_OBJECT_IDS", ids...)
}

// fromObject finds a type by its id as seen from one kind of object.
func (all associationTypes) fromObject(o *object, spec typeSpec) *associationType {
	for _, t := range all {
		near := o.index == tickets || t.other == o.name
		if near && t.category == spec.Category && t.id(o.index == tickets) == spec.ID {
			return t
		}
	}
	return nil
}

// wrongType is the answer to a type that does not begin at this object.
func (c *call) wrongType(o *object, spec typeSpec) *failure {
	c.wrong("association type %s does not begin at %s", spec, o.name)
	for _, t := range c.s.types {
		if t.category != spec.Category || o.index == tickets && t.backward != spec.ID || o.index != tickets && t.forward != spec.ID {
			continue
		}
		expected := "0-5"
		if o.index == tickets {
			expected = knownByName(t.other).id
		}
		return invalid("invalid from object type %s for associations to be created. expected: %s", o.typeID, expected)
	}
	return invalid("One or more association types are invalid: %s does not exist for %s", spec, o.typeID)
}

// recordOf finds a record that is not archived; nil also for kinds of object
// of which the sandbox keeps none.
func (s *Server) recordOf(plural, id string) *record {
	for _, o := range s.objects {
		if o.name == plural {
			if r := o.find(id); r != nil && r.archivedAt == 0 {
				return r
			}
		}
	}
	return nil
}

// checkLinkLimit says whether near can take one more link to a kind of object.
func (s *Server) checkLinkLimit(near *record, toIndex int) *failure {
	limit := linkLimit(near.kind, s.objects[toIndex])
	if near.linked[toIndex] < limit {
		return nil
	}
	return invalid("%s %s has reached the limit of %d associations to %s", near.kind.upper(), near.id, limit, s.objects[toIndex].upper()).
		with("ASSOCIATION_LIMIT_EXCEEDED", near.id)
}

func linkLimit(from, to *object) int {
	if from.index == tickets {
		return knownByName(to.name).perTicket
	}
	return knownByName(from.name).perOther
}

// between finds the link of two records, searching the one with fewer links.
func between(a, b *record) *link {
	if len(b.links) < len(a.links) {
		a, b = b, a
	}
	for _, l := range a.links {
		if l.far(a) == b {
			return l
		}
	}
	return nil
}

// link sets the types between near and another record to exactly those given,
// and the unlabeled one that always comes along.
func (s *Server) link(near *record, planned plannedLink) *link {
	ticket, other := near, planned.far
	if near.kind.index != tickets {
		ticket, other = planned.far, near
	}
	l := between(ticket, other)
	if l == nil {
		l = &link{ticket: ticket, other: other}
		ticket.join(l)
		if other != ticket {
			other.join(l)
		}
		s.linkCompanyOf(ticket, other)
	}
	companion := s.types.unlabeled(other.kind.name)
	l.types = append(l.types[:0], companion)
	for _, t := range planned.types {
		if !l.has(t) {
			l.types = append(l.types, t)
		}
	}
	s.keepOnePrimary(l)
	return l
}

// linkCompanyOf associates the primary company of a contact as well, in accounts
// that have it so.
func (s *Server) linkCompanyOf(ticket, contact *record) {
	p := contact.kind.props["associatedcompanyid"]
	if !s.opts.Switches.AutoCompany || contact.kind.index != contacts || p == nil {
		return
	}
	id, _ := contact.get(p)
	if company := s.recordOf("companies", id); company != nil && between(ticket, company) == nil {
		s.link(ticket, plannedLink{far: company})
	}
}

// keepOnePrimary takes the flag from the company that was a ticket's primary one.
func (s *Server) keepOnePrimary(l *link) {
	if !slices.ContainsFunc(l.types, func(t *associationType) bool { return t.primary }) {
		return
	}
	for _, sibling := range l.ticket.links {
		if sibling != l {
			sibling.types = slices.DeleteFunc(sibling.types, func(t *associationType) bool { return t.primary })
		}
	}
}

func (r *record) join(l *link) {
	r.links = append(r.links, l)
	r.linked[l.far(r).kind.index]++
}

func (r *record) leave(l *link) {
	if i := slices.Index(r.links, l); i >= 0 {
		r.links = slices.Delete(r.links, i, i+1)
		r.linked[l.far(r).kind.index]--
	}
}

// unlink removes all types between two records.
func unlink(a, b *record) {
	if l := between(a, b); l != nil {
		a.leave(l)
		if a != b {
			b.leave(l)
		}
	}
}

// removeTypes takes types from a link; without the unlabeled one none is left.
func removeTypes(l *link, types []*associationType) {
	if slices.ContainsFunc(types, func(t *associationType) bool { return t.unlabeled }) {
		unlink(l.ticket, l.other)
		return
	}
	l.types = slices.DeleteFunc(l.types, func(t *associationType) bool { return slices.Contains(types, t) })
}

// moveLinks gives the links of a merged record to the new one.
func (s *Server) moveLinks(from, to *record) {
	for _, l := range slices.Clone(from.links) {
		far := l.far(from)
		unlink(from, far)
		if far != to {
			s.link(to, plannedLink{far: far, types: l.types})
		}
	}
}

// linksTo are the links of r to live records of one kind of object.
func (r *record) linksTo(plural string) []*link {
	var out []*link
	for _, l := range r.links {
		if far := l.far(r); far.kind.name == plural && far.archivedAt == 0 {
			out = append(out, l)
		}
	}
	return out
}

// primaryCompany is a value of the ticket's primary company.
func (r *record) primaryCompany(name string) (string, bool) {
	for _, l := range r.linksTo("companies") {
		if slices.ContainsFunc(l.types, func(t *associationType) bool { return t.primary }) {
			far := l.far(r)
			return far.value(far, far.kind.props[name])
		}
	}
	return "", false
}

// fromTicket says on which side of a link r stands. In a link of two tickets
// it is the one that was written first.
func (l *link) fromTicket(r *record) bool { return l.ticket == r }

// linkPage is how many associated records one answer holds for one record.
const linkPage = 500

// appendLinks appends the associations of a list or read.
func (c *call) appendLinks(b []byte, r *record, names []string) []byte {
	start := len(b)
	b = append(appendName(b, "associations"), '{')
	empty := len(b)
	for _, name := range names {
		links := r.linksTo(name)
		if len(links) == 0 {
			continue
		}
		b = append(appendName(b, name), `{"results":[`...)
		for i, l := range links[:min(len(links), linkPage)] {
			for j, t := range l.types {
				if i+j > 0 {
					b = append(b, ',')
				}
				b = appendField(append(b, '{'), "id", l.far(r).id)
				b = append(appendField(b, "type", t.name(l.fromTicket(r))), '}')
			}
		}
		b = c.appendLinkPaging(append(b, ']'), r, name, links)
		b = append(b, '}')
	}
	if len(b) == empty {
		return b[:start]
	}
	return append(b, '}')
}

func (c *call) appendLinkPaging(b []byte, r *record, name string, links []*link) []byte {
	if len(links) <= linkPage {
		return b
	}
	after := links[linkPage].far(r).id
	b = append(appendName(b, "paging"), `{"next":{`...)
	b = appendField(b, "after", after)
	b = appendField(b, "link", fmt.Sprintf("https://api.hubapi.com/crm/v4/objects/%s/%s/associations/%s?after=%s",
		r.kind.name, r.id, name, after))
	return append(b, "}}"...)
}

// typeByName finds a type by its id or by its name, as v3 paths give it.
func (all associationTypes) typeByName(other string, fromTicket bool, text string) *associationType {
	for _, t := range all.of(other) {
		if fmt.Sprint(t.id(fromTicket)) == text || strings.EqualFold(t.name(fromTicket), text) {
			return t
		}
	}
	return nil
}
