package resolve

import (
	"context"
	"fmt"
	"strings"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/internal/hubspot"
)

// tickets is the object type of tickets.
const tickets = "tickets"

// recordID is the property that holds a record's id.
const recordID = "hs_object_id"

// Taken finds values of unique properties that another ticket of the account has,
// so that a check can say what HubSpot would refuse. It is an etl.Resolver, and
// asks Next first.
type Taken struct {
	Client     *hubspot.Client
	Next       etl.Resolver // may be nil
	Key        string       // the key property; empty for none
	Creates    bool         // rows become new tickets: their keys must be free too
	Properties []string     // the unique properties that are written, without the key
}

// Resolve returns what Next says of batch, and a problem for each value that is
// taken. It takes one request for each property.
func (t *Taken) Resolve(ctx context.Context, batch []*etl.Record) ([][]etl.Problem, error) {
	problems := make([][]etl.Problem, len(batch))
	if t.Next != nil {
		var err error
		if problems, err = t.Next.Resolve(ctx, batch); err != nil {
			return nil, err
		}
	}
	if t.Creates && t.Key != "" && t.Key != recordID {
		if err := t.check(ctx, batch, t.Key, problems); err != nil {
			return nil, err
		}
	}
	for _, name := range t.Properties {
		if err := t.check(ctx, batch, name, problems); err != nil {
			return nil, err
		}
	}
	return problems, nil
}

// check looks the values of one property up.
func (t *Taken) check(ctx context.Context, batch []*etl.Record, name string, problems [][]etl.Problem) error {
	var values []string
	for _, rec := range batch {
		if v := t.value(rec, name); v != "" {
			values = append(values, v)
		}
	}
	if len(values) == 0 {
		return nil
	}
	q := hubspot.BatchRead{IDs: values, IDProperty: name, Properties: []string{name}}
	if t.Key != "" && t.Key != name {
		q.Properties = append(q.Properties, t.Key)
	}
	found, _, err := t.Client.ReadBatch(ctx, tickets, q)
	if err != nil {
		return fmt.Errorf("look up tickets by %s: %w", name, err)
	}
	owners := make(map[string]*hubspot.Object, len(found))
	for i := range found {
		owners[alike(found[i].Properties[name])] = &found[i]
	}
	for i, rec := range batch {
		value := t.value(rec, name)
		if o := owners[alike(value)]; value != "" && o != nil && !t.same(rec, o) {
			problems[i] = append(problems[i], takenProblem(rec, t.Key, name, value, o.ID))
		}
	}
	return nil
}

func (t *Taken) value(rec *etl.Record, name string) string {
	if name == t.Key {
		return rec.Key
	}
	v, _ := rec.Property(name)
	return v
}

// same says whether o is the ticket that rec is about.
func (t *Taken) same(rec *etl.Record, o *hubspot.Object) bool {
	switch {
	case t.Creates || t.Key == "":
		return false
	case t.Key == recordID:
		return o.ID == rec.Key
	}
	return alike(o.Properties[t.Key]) == alike(rec.Key)
}

// alike is the form in which unique values are compared: HubSpot does not say
// whether case and outer blanks count.
func alike(value string) string { return strings.ToLower(strings.TrimSpace(value)) }

func takenProblem(rec *etl.Record, key, name, value, id string) etl.Problem {
	p := etl.Problem{
		Column: -1, Property: name, Value: value, Code: "VALUE_TAKEN",
		Message: fmt.Sprintf("ticket %s has %s %q already, and its values are unique", id, name, value),
		Hint:    "correct the cell, or the ticket that has the value",
	}
	if name == key {
		p.Column, p.Code = rec.KeyColumn, "TICKET_EXISTS"
		p.Message = fmt.Sprintf("ticket %s has %s %q already", id, name, value)
		p.Hint = "use operation: upsert to change that ticket, or correct the key"
	}
	return p
}
