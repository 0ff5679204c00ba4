package sandbox

import (
	"net/http"
)

// A configuration is how many records one record may be linked to by a type, as
// an administrator has set it. Source: the guide to limiting associations.
type configuration struct {
	Category string  `json:"category"`
	TypeID   int     `json:"typeId"`
	From     string  `json:"fromObjectTypeId,omitempty"`
	To       string  `json:"toObjectTypeId,omitempty"`
	Most     int     `json:"userEnforcedMaxToObjectIds"`
	Label    *string `json:"label"`
}

// side is the position in associationType.most of links that lead from tickets
// or to them.
func side(fromTicket bool) int {
	if fromTicket {
		return 0
	}
	return 1
}

func (p pair) configuration(t *associationType) configuration {
	return configuration{Category: t.category, TypeID: t.id(p.ticket), From: typeIDOf(p.from), To: typeIDOf(p.to),
		Most: t.bound(p.ticket), Label: t.labelFrom(p.ticket)}
}

// bound is the limit that is set, 0 for none. Of primary companies a ticket has
// one; another one takes its place.
func (t *associationType) bound(fromTicket bool) int {
	if t.primary && fromTicket {
		return 1
	}
	return t.most[side(fromTicket)]
}

// getConfigurations tells the limits that are set between two objects.
func (c *call) getConfigurations(pr pair) (*reply, *failure) {
	results := []configuration{}
	for _, t := range c.s.types.of(pr.other) {
		if t.bound(pr.ticket) > 0 {
			results = append(results, pr.configuration(t))
		}
	}
	return ok(http.StatusOK, map[string]any{"results": results}), nil
}

// allConfigurations tells the limits between any two objects.
func (c *call) allConfigurations() (*reply, *failure) {
	results := []configuration{}
	for _, t := range c.s.types {
		for _, pr := range []pair{{from: "tickets", to: t.other, ticket: true}, {from: t.other, to: "tickets"}} {
			if t.bound(pr.ticket) > 0 {
				results = append(results, pr.configuration(t))
			}
		}
	}
	return ok(http.StatusOK, map[string]any{"results": results}), nil
}

// A configurationBatch is the body of a write of limits.
type configurationBatch struct {
	Inputs []struct {
		Category string `json:"category"`
		TypeID   int    `json:"typeId"`
		Most     int    `json:"maxToObjectIds"`
	} `json:"inputs"`
}

// configure sets limits, which must be at least one; purging sets none.
func (c *call) configure(pr pair, purge bool) ([]configuration, *failure) {
	var in configurationBatch
	if f := c.decode(&in); f != nil {
		return nil, f
	}
	if f := c.checkSize(len(in.Inputs), maxInputs); f != nil {
		return nil, f
	}
	types := make([]*associationType, len(in.Inputs))
	for i, input := range in.Inputs {
		spec := typeSpec{input.Category, input.TypeID}
		if types[i] = c.s.types.find(pr.other, pr.ticket, input.Category, input.TypeID); types[i] == nil {
			return nil, c.wrongPairType(pr, spec)
		}
		if !purge && input.Most < 1 {
			c.wrong("maxToObjectIds %d", input.Most)
			return nil, invalid("Invalid input: maxToObjectIds of %s must be at least 1", spec)
		}
	}
	results := []configuration{}
	for i, t := range types {
		t.most[side(pr.ticket)] = in.Inputs[i].Most
		if purge {
			t.most[side(pr.ticket)] = 0
		}
		results = append(results, pr.configuration(t))
	}
	return results, nil
}

func (c *call) createConfigurations(pr pair) (*reply, *failure) {
	results, f := c.configure(pr, false)
	if f != nil {
		return nil, f
	}
	return c.listEnvelope(http.StatusCreated, results, nil), nil
}

func (c *call) updateConfigurations(pr pair) (*reply, *failure) {
	results, f := c.configure(pr, false)
	if f != nil {
		return nil, f
	}
	return c.listEnvelope(http.StatusOK, results, nil), nil
}

func (c *call) purgeConfigurations(pr pair) (*reply, *failure) {
	if _, f := c.configure(pr, true); f != nil {
		return nil, f
	}
	return noContent(), nil
}

// checkConfigured says whether a record may have one more link of these types.
func (s *Server) checkConfigured(near *record, planned plannedLink) *failure {
	for _, t := range planned.types {
		most := t.most[side(near.kind.index == tickets)]
		if most == 0 {
			continue
		}
		n := 0
		for _, l := range near.linksTo(planned.far.kind.name) {
			if l.has(t) && l.far(near) != planned.far {
				n++
			}
		}
		if n >= most {
			return invalid("%s %s has reached the limit of %d associations of type %s that is set for this account",
				near.kind.upper(), near.id, most, typeSpec{t.category, t.id(near.kind.index == tickets)}).
				with("ASSOCIATION_LIMIT_EXCEEDED", near.id)
		}
	}
	return nil
}
