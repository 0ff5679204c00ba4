package sandbox

import (
	"fmt"
	"net/http"
)

// The associations of v3, which name types instead of numbering them. Writing
// one adds a type and leaves the others.

// v3Link finds what the paths of v3 name: two records and a type.
func (c *call) v3Link() (pr pair, near, far *record, t *associationType, f *failure) {
	c.r.SetPathValue("from", c.r.PathValue("type"))
	pr, near, far, f = c.endpoints()
	if f == nil && far == nil {
		f = notFound()
	}
	if f == nil {
		t, f = c.typeNamed(pr, c.r.PathValue("associationType"))
	}
	return pr, near, far, t, f
}

// typeNamed finds a type by its name or, as paths may have it, by its id.
func (c *call) typeNamed(pr pair, name string) (*associationType, *failure) {
	t := c.s.types.typeByName(pr.other, pr.ticket, name)
	if t == nil {
		c.wrong("unknown association type %q from %s to %s", name, pr.from, pr.to)
		return nil, invalid("association type %q does not exist from %s to %s", name, pr.from, pr.to)
	}
	return t, nil
}

func (c *call) removeAssociation() (*reply, *failure) {
	pr, near, far, t, f := c.v3Link()
	if f != nil {
		return nil, f
	}
	c.removeBetween(pr, near.id, far.id, t)
	return noContent(), nil
}

func (c *call) putAssociation() (*reply, *failure) {
	pr, near, far, t, f := c.v3Link()
	if f == nil {
		f = c.addType(pr, near.id, far.id, t)
	}
	if f != nil {
		return nil, f
	}
	return c.one(http.StatusOK, near, &view{fields: near.kind.defaults, links: []string{pr.to}}), nil
}

// addType adds a type to those between two records.
func (c *call) addType(pr pair, fromID, toID string, t *associationType) *failure {
	specs := []typeSpec{{t.category, t.id(pr.ticket)}}
	near, far := c.s.recordOf(pr.from, fromID), c.s.recordOf(pr.to, toID)
	if near != nil && far != nil {
		if l := between(near, far); l != nil {
			for _, old := range l.types {
				specs = append(specs, typeSpec{old.category, old.id(pr.ticket)})
			}
		}
	}
	_, f := c.setLink(pr, fromID, toID, specs)
	return f
}

// A namedLink is an association as v3 writes it.
type namedLink struct {
	From ref    `json:"from"`
	To   ref    `json:"to"`
	Type string `json:"type"`
}

type ref struct {
	ID string `json:"id"`
}

type typedRef struct {
	ID   string `json:"id"`
	Type string `json:"type"`
}

func (c *call) createNamedLinks(pr pair, inputs []linkInput) (*reply, *failure) {
	results := []namedLink{}
	var errs []*failure
	for _, in := range inputs {
		t, f := c.typeNamed(pr, in.typeName)
		if f == nil {
			f = c.addType(pr, in.from, in.to, t)
		}
		if f != nil {
			errs = append(errs, asItem(f, in))
			continue
		}
		results = append(results, namedLink{ref{in.from}, ref{in.to}, t.name(pr.ticket)})
	}
	if len(results) == 0 && len(errs) == 1 {
		return nil, errs[0]
	}
	return c.listEnvelope(http.StatusCreated, results, errs), nil
}

// readNamedLinks answers of companies only the primary one, and has no pages.
func (c *call) readNamedLinks(pr pair, inputs []linkInput) (*reply, *failure) {
	type answer struct {
		From ref        `json:"from"`
		To   []typedRef `json:"to"`
	}
	results := []answer{}
	var errs []*failure
	for _, in := range inputs {
		r := c.s.recordOf(pr.from, in.from)
		to := []typedRef{}
		if r != nil {
			to = r.namedLinks(pr.to)
		}
		if len(to) == 0 {
			errs = append(errs, pr.noneFound(in.from))
			continue
		}
		results = append(results, answer{ref{r.id}, to})
	}
	return c.listEnvelope(http.StatusOK, results, errs), nil
}

func (r *record) namedLinks(plural string) []typedRef {
	out := []typedRef{}
	for _, l := range r.linksTo(plural) {
		for _, t := range l.types {
			if plural != "companies" || t.primary {
				out = append(out, typedRef{l.far(r).id, t.name(l.fromTicket(r))})
			}
		}
	}
	return out
}

func (c *call) archiveNamedLinks(pr pair, inputs []linkInput) (*reply, *failure) {
	for _, in := range inputs {
		t, f := c.typeNamed(pr, in.typeName)
		if f != nil {
			return nil, f
		}
		c.removeBetween(pr, in.from, in.to, t)
	}
	return noContent(), nil
}

func (c *call) listTypes(pr pair) (*reply, *failure) {
	type named struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	}
	results := []named{}
	for _, t := range c.s.types.of(pr.other) {
		results = append(results, named{fmt.Sprint(t.id(pr.ticket)), t.name(pr.ticket)})
	}
	return ok(http.StatusOK, map[string]any{"results": results}), nil
}
