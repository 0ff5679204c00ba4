package load

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/internal/hubspot"
)

// Check rejects the records whose key a ticket has already, before the journal
// hears of them and HubSpot refuses whole batches because of them; see
// etl.Checker. So of a record that the journal calls about to be sent, it is
// known that nobody had its key then. Keys of a run's own making are new.
func (imp *Importer) Check(ctx context.Context, batch []*etl.Record) (map[int]etl.Outcome, error) {
	if imp.opts.Operation != etl.Create || imp.opts.KeyProperty == "" || imp.opts.KeyProperty == RowKeyProperty {
		return nil, nil
	}
	var items []*item
	at := map[*item]int{}
	for i, rec := range batch {
		if rec.Doubt == nil {
			it := &item{rec: rec}
			items, at[it] = append(items, it), i
		}
	}
	if len(items) == 0 {
		return nil, nil
	}
	if err := imp.lookUp(ctx, items); err != nil {
		return nil, err
	}
	rejected := map[int]etl.Outcome{}
	for _, it := range items {
		if it.stored != nil {
			it.judge(etl.Rejected, etl.Problem{
				Column: it.rec.KeyColumn, Property: imp.opts.KeyProperty, Value: it.rec.Key, Code: "TICKET_EXISTS",
				Message: fmt.Sprintf("ticket %s has %s %q already", it.id, imp.opts.KeyProperty, it.rec.Key),
				Hint:    "use operation: upsert to change that ticket, or correct the key",
			})
			rejected[at[it]] = it.out
		}
	}
	return rejected, nil
}

// settleByKey looks items up by their unique key, and sends those that are not
// there once more: HubSpot refuses the second of two tickets with one key. So
// what is refused then, or lost again, is looked up again.
func (imp *Importer) settleByKey(ctx context.Context, items []*item) error {
	missing, err := imp.findByKey(ctx, items)
	if err != nil || len(missing) == 0 {
		return err
	}
	err = imp.send(ctx, missing)
	var open []*item
	for _, it := range missing {
		if it.out.Status == etl.InDoubt || it.out.Status == etl.Failed {
			open = append(open, it)
		}
	}
	if err == nil {
		_, err = imp.findByKey(ctx, open)
	}
	return err
}

// findByKey judges the items whose key a ticket has and returns the others as
// they were.
func (imp *Importer) findByKey(ctx context.Context, items []*item) (missing []*item, err error) {
	if len(items) == 0 {
		return nil, nil
	}
	q := hubspot.BatchRead{IDs: keys(items), IDProperty: imp.opts.KeyProperty, Properties: append(imp.names(items), createdName)}
	found, _, err := imp.client.ReadBatch(ctx, tickets, q)
	if err != nil {
		return nil, fmt.Errorf("look up by %s what became of tickets: %w", imp.opts.KeyProperty, err)
	}
	byKey := make(map[string]*hubspot.Object, len(found))
	for i := range found {
		byKey[imp.keyOf(&found[i])] = &found[i]
	}
	var claims []*claim
	for _, it := range items {
		if o := byKey[foldKey(it.rec.Key)]; o != nil {
			claims = append(claims, &claim{it: it, o: o})
		} else {
			missing = append(missing, it)
		}
	}
	return missing, imp.settleClaims(ctx, claims)
}

// A claim is an item whose answer was lost, and the ticket that has its key,
// which it may have become. It may also be somebody else's, made after the key
// was looked up and before the item came to be sent, or after that, if it never
// arrived.
type claim struct {
	it *item
	o  *hubspot.Object
}

// settleClaims judges claims. A ticket is the item's if it has all that was sent,
// or was created with it; it is not if it was created with anything else. What
// tells neither stays in doubt. Clocks play no part.
func (imp *Importer) settleClaims(ctx context.Context, claims []*claim) error {
	var good, unlike []*claim
	for _, c := range claims {
		switch {
		case imp.known.isGiven(c.o.ID), isBefore(c.o.ID, c.it.doubt.Floor):
			imp.refuseClaim(c, "")
		case imp.opts.KeyProperty == RowKeyProperty, len(imp.unlike(c.it, c.o.Properties)) == 0:
			good = append(good, c)
		default:
			unlike = append(unlike, c)
		}
	}
	more, err := imp.judgeByHistory(ctx, unlike)
	if err != nil {
		return err
	}
	good, err = imp.dropUnlinked(ctx, append(good, more...))
	if err != nil {
		return err
	}
	for _, c := range good {
		imp.found(c.it, c.o, "its "+imp.opts.KeyProperty)
	}
	return nil
}

// refuseClaim judges an item whose key somebody else's ticket has.
func (imp *Importer) refuseClaim(c *claim, why string) {
	text := fmt.Sprintf("ticket %s has %s %q already", c.o.ID, imp.opts.KeyProperty, c.it.rec.Key)
	c.it.judge(etl.Failed, rowProblem("CONFLICT", text+why))
	imp.creates.settle([]*item{c.it})
}

// leaveClaim leaves an item in doubt, naming the ticket that it may be.
func (imp *Importer) leaveClaim(c *claim, why string) {
	text := fmt.Sprintf("ticket %s has %s %q, but %s", c.o.ID, imp.opts.KeyProperty, c.it.rec.Key, why)
	c.it.judge(etl.InDoubt, doubtProblem(errors.New(text)))
}

// judgeByHistory judges claims of tickets whose values are not those that were
// sent, by the values that they were created with. It returns the good ones.
func (imp *Importer) judgeByHistory(ctx context.Context, claims []*claim) (good []*claim, err error) {
	for part := range slices.Chunk(claims, hubspot.MaxHistoryBatch) {
		histories, err := imp.histories(ctx, part)
		if err != nil {
			return nil, err
		}
		for _, c := range part {
			differ, unknown := imp.createdUnlike(c, histories[c.o.ID])
			switch {
			case len(differ) > 0:
				imp.refuseClaim(c, ", and was created with other values: "+strings.Join(differ, ", "))
			case len(unknown) > 0:
				imp.leaveClaim(c, "not what was sent, and its history does not tell what it was created with: "+strings.Join(unknown, ", "))
			default:
				good = append(good, c)
			}
		}
	}
	return good, nil
}

// histories reads what tickets have held; nothing where HubSpot refuses to tell.
func (imp *Importer) histories(ctx context.Context, claims []*claim) (map[string]map[string][]hubspot.HistoryValue, error) {
	items := make([]*item, len(claims))
	q := hubspot.BatchRead{Properties: []string{RecordID}}
	for i, c := range claims {
		items[i] = c.it
		q.IDs = append(q.IDs, c.o.ID)
	}
	q.PropertiesWithHistory = imp.names(items)
	found, _, err := imp.client.ReadBatch(ctx, tickets, q)
	if refused(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the history of tickets whose answer was lost: %w", err)
	}
	out := make(map[string]map[string][]hubspot.HistoryValue, len(found))
	for i := range found {
		out[found[i].ID] = found[i].PropertiesWithHistory
	}
	return out, nil
}

// createdUnlike are the properties with which the ticket was created otherwise
// than it was sent, and those of which that is not known. Values that HubSpot
// rewrites as it stores them tell nothing.
func (imp *Importer) createdUnlike(c *claim, history map[string][]hubspot.HistoryValue) (differ, unknown []string) {
	created, _ := time.Parse(time.RFC3339, c.o.Properties[createdName]) // zero where it is not told
	for _, name := range imp.unlike(c.it, c.o.Properties) {
		p := imp.properties[name]
		sent, _ := c.it.rec.Property(name)
		first, known := createdWith(history[name], created)
		switch {
		case p != nil && (p.FieldType == "html" || p.FieldType == "phonenumber"):
		case !known:
			unknown = append(unknown, name)
		case !p.Same(first, sent):
			differ = append(differ, name)
		}
	}
	return differ, unknown
}

// Bounds on what a history tells. HubSpot keeps the last 20 values of a property.
const (
	maxHistory = 20
	atCreation = time.Minute // within which a ticket gets the values it is created with
)

// createdWith is the value that a property had when its ticket was created: the
// oldest one, or none if that came later.
func createdWith(values []hubspot.HistoryValue, created time.Time) (value string, known bool) {
	if len(values) == 0 {
		return "", false
	}
	oldest := values[0]
	for _, v := range values[1:] {
		if !v.Timestamp.After(oldest.Timestamp) {
			oldest = v
		}
	}
	switch {
	case created.IsZero() || oldest.Timestamp.Before(created.Add(atCreation)):
		return oldest.Value, true
	case len(values) < maxHistory:
		return "", true
	}
	return "", false
}

// dropUnlinked leaves claims in doubt whose tickets lack an association that was
// sent along, and returns the others.
func (imp *Importer) dropUnlinked(ctx context.Context, claims []*claim) ([]*claim, error) {
	asks := make([]*item, len(claims))
	for i, c := range claims {
		asks[i] = &item{rec: c.it.rec, id: c.o.ID, stored: c.o.Properties}
	}
	lacking, err := imp.lacking(ctx, asks)
	if err != nil {
		return nil, err
	}
	var good []*claim
	for i, c := range claims {
		if l, ok := lacking[asks[i]]; ok {
			imp.leaveClaim(c, "not the association with "+l+" that was sent with it")
			continue
		}
		good = append(good, c)
	}
	return good, nil
}

// lacking finds the items whose tickets lack an association that they ask for,
// and names one.
func (imp *Importer) lacking(ctx context.Context, items []*item) (map[*item]string, error) {
	out := map[*item]string{}
	for to, links := range wanted(items) {
		have, err := imp.existing(ctx, to, links)
		if err != nil {
			return nil, err
		}
		for _, l := range links {
			if !slices.ContainsFunc(have[l.it.id], func(a hubspot.Associated) bool { return a.ToID == l.toID }) {
				out[l.it] = to + " " + l.toID
			}
		}
	}
	return out, nil
}
