package sandbox

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// maxLabels is how many labels of their own users may give a pair of objects.
const maxLabels = 10

// A labelAnswer is one association type as the labels endpoint tells it.
type labelAnswer struct {
	Category string  `json:"category"`
	TypeID   int     `json:"typeId"`
	Label    *string `json:"label"`
	From     string  `json:"fromObjectTypeId,omitempty"` // under date versions
	To       string  `json:"toObjectTypeId,omitempty"`
}

// labelAnswer tells a type as seen from one side of a pair.
func (c *call) labelAnswer(pr pair, t *associationType, forward bool) labelAnswer {
	a := labelAnswer{Category: t.category, TypeID: t.id(forward), Label: t.labelFrom(forward)}
	if c.version != "" {
		a.From, a.To = typeIDOf(pr.from), typeIDOf(pr.to)
		if forward != pr.ticket {
			a.From, a.To = a.To, a.From
		}
	}
	return a
}

func (c *call) getLabels(pr pair) (*reply, *failure) {
	results := []labelAnswer{}
	for _, t := range c.s.types.of(pr.other) {
		results = append(results, c.labelAnswer(pr, t, pr.ticket))
	}
	return ok(http.StatusOK, map[string]any{"results": results}), nil
}

func (all associationTypes) customCount(other string) int {
	n := 0
	for _, t := range all.of(other) {
		if t.category == "USER_DEFINED" {
			n++
		}
	}
	return n
}

// setLabels names a type as seen from one side, and from the other if that differs.
func (t *associationType) setLabels(fromTicket bool, label, inverse string) {
	t.label, t.inverse = label, inverse
	if !fromTicket && inverse != "" {
		t.label, t.inverse = inverse, label
	}
}

func (all associationTypes) labelled(other, label string) bool {
	return slices.ContainsFunc(all.of(other), func(t *associationType) bool {
		return strings.EqualFold(t.label, label) || t.inverse != "" && strings.EqualFold(t.inverse, label)
	})
}

// createLabel makes a type with an id for either direction.
func (c *call) createLabel(pr pair) (*reply, *failure) {
	var in struct{ Label, Name, InverseLabel string }
	if f := c.decode(&in); f != nil {
		return nil, f
	}
	switch {
	case in.Label == "" || in.Name == "":
		c.wrong("a label without label or name")
		return nil, invalid("label and name are required")
	case c.s.types.labelled(pr.other, in.Label):
		return nil, invalid("A label %q exists already", in.Label)
	case c.s.types.customCount(pr.other) >= maxLabels:
		return nil, invalid("at most %d labels are allowed between two object types", maxLabels)
	}
	if pr.other == "tickets" && in.InverseLabel != "" && in.InverseLabel != in.Label {
		return nil, invalid("the sandbox keeps no paired labels between tickets")
	}
	t := &associationType{other: pr.other, category: "USER_DEFINED"}
	t.setLabels(pr.ticket, in.Label, in.InverseLabel)
	t.forward = c.s.types.free(1)
	t.backward = c.s.types.free(t.forward + 1)
	switch {
	case pr.other == "tickets":
		t.backward = t.forward
	case !pr.ticket:
		t.forward, t.backward = t.backward, t.forward
	}
	c.s.types = append(c.s.types, t)
	return ok(http.StatusOK, map[string]any{"results": []labelAnswer{
		c.labelAnswer(pr, t, pr.ticket), c.labelAnswer(pr, t, !pr.ticket),
	}}), nil
}

func (c *call) renameLabel(pr pair) (*reply, *failure) {
	var in struct {
		TypeID  int    `json:"associationTypeId"`
		Label   string `json:"label"`
		Inverse string `json:"inverseLabel"`
	}
	if f := c.decode(&in); f != nil {
		return nil, f
	}
	t := c.s.types.find(pr.other, pr.ticket, "USER_DEFINED", in.TypeID)
	if t == nil || in.Label == "" {
		return nil, invalid("label %d does not exist, or its new name is empty", in.TypeID)
	}
	t.setLabels(pr.ticket, in.Label, in.Inverse)
	return noContent(), nil
}

// deleteLabel also takes the label from all links that have it.
func (c *call) deleteLabel(pr pair) (*reply, *failure) {
	id, err := strconv.Atoi(c.r.PathValue("typeID"))
	t := c.s.types.find(pr.other, pr.ticket, "USER_DEFINED", id)
	if err != nil || t == nil {
		return nil, notFound()
	}
	c.s.types = slices.DeleteFunc(c.s.types, func(old *associationType) bool { return old == t })
	for _, r := range c.s.objects[tickets].records {
		for _, l := range r.links {
			l.types = slices.DeleteFunc(l.types, func(old *associationType) bool { return old == t })
		}
	}
	return noContent(), nil
}

// highUsageReport would mail a report; only the answer is made.
func (c *call) highUsageReport() (*reply, *failure) {
	if c.r.PathValue("from") != "usage" || c.r.PathValue("to") != "high-usage-report" {
		return c.unknownPath()
	}
	return ok(http.StatusOK, map[string]any{"enqueueTime": stamp(c.now), "userId": c.r.PathValue("userID"), "userEmail": "user@example.com"}), nil
}
