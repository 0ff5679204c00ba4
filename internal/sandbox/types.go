package sandbox

import (
	"slices"
	"strconv"
	"strings"

	"github.com/ticketetl/ticketetl/internal/schema"
)

// A knownType is an object type that a ticket can be linked to.
// forward is the unlabeled type from ticket to it, backward the other way;
// the limits are of a live account.
type knownType struct {
	plural, singular, id string
	forward, backward    int
	perTicket, perOther  int
}

var knownTypes = []knownType{
	{"tickets", "ticket", "0-5", 452, 452, 10_000, 10_000},
	{"contacts", "contact", "0-1", 16, 15, 10_000, 10_000},
	{"companies", "company", "0-2", 339, 340, 10_000, 10_000},
	{"deals", "deal", "0-3", 28, 27, 10_000, 1_000},
	{"calls", "call", "0-48", 219, 220, 10_000, 1_000},
	{"emails", "email", "0-49", 223, 224, 10_000, 1_000},
	{"meetings", "meeting", "0-47", 225, 226, 10_000, 1_000},
	{"notes", "note", "0-46", 227, 228, 10_000, 1_000},
	{"tasks", "task", "0-27", 229, 230, 10_000, 1_000},
	{"communications", "communication", "0-18", 84, 83, 10_000, 10_000},
	{"postal_mail", "postal_mail", "0-116", 456, 455, 10_000, 1_000},
	{"feedback_submissions", "feedback_submission", "0-19", 99, 100, 10_000, 1},
	{"orders", "order", "0-123", 526, 525, 10_000, 10_000},
	{"carts", "cart", "0-142", 595, 594, 10_000, 10_000},
	{"invoices", "invoice", "0-53", 987, 986, 10_000, 10_000},
	{"subscriptions", "subscription", "0-69", 1122, 1121, 10_000, 10_000},
	{"services", "service", "0-162", 797, 796, 10_000, 10_000},
	{"courses", "course", "0-410", 941, 940, 10_000, 10_000},
	{"listings", "listing", "0-420", 943, 942, 10_000, 10_000},
	{"appointments", "appointment", "0-421", 947, 946, 10_000, 10_000},
	{"projects", "project", "0-970", 1241, 1240, 10_000, 10_000},
	{"engagements", "engagement", "0-4", 17, 18, 10_000, 1_000},
	{"conversations", "conversation", "0-11", 32, 31, 10_000, 10_000},
	{"conversation_sessions", "conversation_session", "0-51", 221, 222, 10_000, 1_000},
	{"form_submissions", "form_submission", "0-15", 79, 80, 10_000, 1},
	{"task_templates", "task_template", "0-43", 148, 147, 10_000, 10_000},
	{"campaigns", "campaign", "0-35", 1084, 1083, 1, 10_000},
	{"abandoned_carts", "abandoned_cart", "0-137", 575, 574, 10_000, 10_000},
	{"commerce_payments", "commerce_payment", "0-101", 1355, 1354, 10_000, 10_000},
	{"partner_clients", "partner_client", "0-145", 1278, 1277, 10_000, 10_000},
	{"salesforce_sync_errors", "salesforce_sync_error", "0-21", 489, 490, 10_000, 1},
	{"service_quality_assessments", "service_quality_assessment", "0-1221", 1314, 1315, 10_000, 1},
}

// The two types of a ticket's primary company, one in each direction.
const (
	primaryForward  = 26
	primaryBackward = 25
)

func knownByName(plural string) *knownType {
	i := slices.IndexFunc(knownTypes, func(k knownType) bool { return k.plural == plural })
	if i < 0 {
		return nil
	}
	return &knownTypes[i]
}

// An associationType is one kind of link between tickets and another object,
// with an id for either direction.
type associationType struct {
	other             string // plural
	category, label   string
	inverse           string // label as seen from the other object; "" if it is the same
	forward, backward int
	unlabeled         bool
	most              [2]int // links of it that an administrator allows; 0: no limit; see side
	primary           bool
}

// id is the type's id as seen from one side.
func (t *associationType) id(fromTicket bool) int {
	if fromTicket {
		return t.forward
	}
	return t.backward
}

// labelFrom is the type's label as seen from one side, nil if it has none.
func (t *associationType) labelFrom(fromTicket bool) *string {
	label := t.label
	if !fromTicket && t.inverse != "" {
		label = t.inverse
	}
	if label == "" {
		return nil
	}
	return &label
}

// name is what lists call the type: ticket_to_company_unlabeled.
func (t *associationType) name(fromTicket bool) string {
	k := knownByName(t.other)
	from, to := "ticket", k.singular
	if !fromTicket {
		from, to = to, from
	}
	switch {
	case t.category == "USER_DEFINED":
		return strings.ToLower(strings.ReplaceAll(*t.labelFrom(fromTicket), " ", "_"))
	case t.unlabeled && t.other == "companies":
		return from + "_to_" + to + "_unlabeled"
	}
	return from + "_to_" + to
}

// associationTypes are all types between tickets and other objects.
type associationTypes []*associationType

// loadTypes takes the labels of the world, adds the unlabeled types that
// HubSpot always has, and gives each label of a user its id for the way back:
// the next one that is free, as HubSpot does for pairs.
func loadTypes(labels map[string][]schema.Label) associationTypes {
	var all associationTypes
	for i := range knownTypes {
		k := &knownTypes[i]
		all = append(all, &associationType{other: k.plural, category: "HUBSPOT_DEFINED",
			forward: k.forward, backward: k.backward, unlabeled: true})
	}
	all = append(all, &associationType{other: "companies", category: "HUBSPOT_DEFINED", label: "Primary",
		forward: primaryForward, backward: primaryBackward, primary: true})
	for i := range knownTypes {
		for _, l := range labels[knownTypes[i].plural] {
			all = all.withLabel(knownTypes[i].plural, l)
		}
	}
	for _, t := range all {
		switch {
		case t.backward != 0:
		case t.other == "tickets":
			t.backward = t.forward // one label, whichever ticket is asked
		default:
			t.backward = all.free(t.forward + 1)
		}
	}
	return all
}

func (all associationTypes) withLabel(other string, l schema.Label) associationTypes {
	if t := all.find(other, true, l.Category, l.TypeID); t != nil {
		if l.Label != "" {
			t.label = l.Label
		}
		return all
	}
	return append(all, &associationType{other: other, category: l.Category, label: l.Label, forward: l.TypeID})
}

// free is the first id from n that no label of a user has.
func (all associationTypes) free(n int) int {
	for slices.ContainsFunc(all, func(t *associationType) bool {
		return t.category != "HUBSPOT_DEFINED" && (t.forward == n || t.backward == n)
	}) {
		n++
	}
	return n
}

func (all associationTypes) find(other string, fromTicket bool, category string, id int) *associationType {
	for _, t := range all {
		if t.other == other && t.category == category && t.id(fromTicket) == id {
			return t
		}
	}
	return nil
}

func (all associationTypes) unlabeled(other string) *associationType {
	for _, t := range all {
		if t.other == other && t.unlabeled {
			return t
		}
	}
	return nil
}

// of are the types between tickets and another object.
func (all associationTypes) of(other string) associationTypes {
	var out associationTypes
	for _, t := range all {
		if t.other == other {
			out = append(out, t)
		}
	}
	return out
}

// A typeSpec names an association type in a request.
type typeSpec struct {
	Category string `json:"associationCategory"`
	ID       int    `json:"associationTypeId"`
}

// A linkInput is an association in a request.
type linkInput struct {
	from, to string
	many     []string // of a batch archive
	types    []typeSpec
	typeName string // v3
	after    string
}

// linkInputs reads the associations of a create.
func (p *parser) linkInputs() ([]linkInput, error) {
	var out []linkInput
	err := p.array(func() error {
		in, err := p.linkInput()
		out = append(out, in)
		return err
	})
	return out, err
}

// linkInput reads an association in any of the forms that endpoints take.
func (p *parser) linkInput() (linkInput, error) {
	var in linkInput
	err := p.object(func(key []byte) (err error) {
		switch string(key) {
		case "from":
			in.from, err = p.reference()
		case "to":
			if p.peek() == '[' {
				err = p.array(func() error {
					id, err := p.reference()
					in.many = append(in.many, id)
					return err
				})
				return err
			}
			in.to, err = p.reference()
		case "types":
			in.types, err = p.typeSpecs()
		case "type":
			in.typeName, err = p.text()
		case "id":
			in.from, err = p.text()
		case "after":
			in.after, err = p.text()
		default:
			err = p.skip(key)
		}
		return err
	})
	return in, err
}

// reference reads {"id": "1"}.
func (p *parser) reference() (id string, err error) {
	err = p.object(func(key []byte) (err error) {
		if string(key) == "id" {
			id, err = p.text()
			return err
		}
		return p.skip(key)
	})
	return id, err
}

func (p *parser) typeSpecs() ([]typeSpec, error) {
	var out []typeSpec
	err := p.array(func() error {
		var spec typeSpec
		err := p.object(func(key []byte) (err error) {
			switch string(key) {
			case "associationCategory":
				spec.Category, err = p.text()
			case "associationTypeId":
				spec.ID, err = p.integer()
			default:
				err = p.skip(key)
			}
			return err
		})
		out = append(out, spec)
		return err
	})
	return out, err
}

func (s typeSpec) String() string { return s.Category + " " + strconv.Itoa(s.ID) }
