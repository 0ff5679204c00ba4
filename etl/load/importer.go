// Package load delivers records: to HubSpot in an import, to a file in an
// export. Batch answers become outcomes here.
//
// An Importer is the Sink of an import. For each record of a batch it keeps an
// item: what the account holds already, what is to be sent, how it ended.
package load

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/internal/hubspot"
	"github.com/ticketetl/ticketetl/internal/schema"
)

const tickets = "tickets"

// RecordID is the key property that stands for the ticket's own id.
const RecordID = "hs_object_id"

// ImportOptions say what an Importer does with each record.
type ImportOptions struct {
	Operation   etl.Operation
	KeyProperty string         // unique property, or RecordID; empty only for Create
	Schema      *schema.Schema // to tell when writing a value would change nothing
	Run         string         // run id, the first part of every trace id
	DryRun      bool           // look up and judge, but write nothing

	// Creates whose answer was lost; see settle.go.
	Ledger     Ledger        // nil: no other record of the run has a ticket yet
	InDoubt    string        // DoubtSettle, DoubtResend or DoubtLeave
	Floor      string        // id of a ticket known to be there before the run; "" if not known
	SettleWait time.Duration // how long a search may lag behind a write; 30 s if zero

	// Brakes; see brakes.go.
	MaxCreates int64 // tickets that the run may create; 0 for no bound
	MaxDeletes int64 // tickets that the run may delete; 0 for no bound
	Canary     int   // records that are read back and compared before the others go; 0 for none

	Now  func() time.Time                                 // time.Now if nil
	Wait func(ctx context.Context, d time.Duration) error // sleeps; for tests
}

// What to do with creates whose answer was lost.
const (
	DoubtSettle = ""       // settle what is unambiguous, leave the rest in doubt
	DoubtResend = "resend" // also send again what settling finds no trace of
	DoubtLeave  = "leave"  // look nothing up, leave all of it in doubt
)

// A Ledger knows the tickets that records of this run were given.
type Ledger interface {
	// Claimed says which of these ticket ids belong to a record of the run.
	Claimed(ctx context.Context, ids []string) (map[string]bool, error)
}

// RowKeyProperty is the unique property that `ticketetl setup row-key` creates,
// for rows that have no key of their own.
const RowKeyProperty = "ticketetl_row_key"

// An Importer writes records to an account's tickets. It is an etl.Sink.
//
// A record that needs a key is looked up first, so that only what changes is
// sent, and a ticket that must be there and is not is known beforehand.
type Importer struct {
	client     *hubspot.Client
	opts       ImportOptions
	properties map[string]*schema.Property
	doubts     doubtBrake
}

// NewImporter returns the Sink that writes through client.
func NewImporter(client *hubspot.Client, opts ImportOptions) *Importer {
	imp := &Importer{client: client, opts: opts, properties: map[string]*schema.Property{}}
	for i := range opts.Schema.Properties {
		p := &opts.Schema.Properties[i]
		imp.properties[p.Name] = p
	}
	return imp
}

// An item is one record of a batch on its way through the Importer.
type item struct {
	rec    *etl.Record
	id     string            // ticket id, once known
	stored map[string]string // what the account holds; nil when there is no such ticket
	out    etl.Outcome
	judged bool
}

func (it *item) judge(status etl.Status, problems ...etl.Problem) {
	it.out = etl.Outcome{Status: status, ID: it.id, Problems: problems}
	it.judged = true
}

// Write delivers batch; see etl.Sink.
func (imp *Importer) Write(ctx context.Context, batch []*etl.Record) ([]etl.Outcome, error) {
	items := make([]*item, len(batch))
	for i, rec := range batch {
		items[i] = &item{rec: rec}
	}
	err := imp.steps(ctx, items)
	outcomes := make([]etl.Outcome, len(items))
	for i, it := range items {
		if !it.judged {
			it.judge(etl.Unsent)
		}
		outcomes[i] = it.out
	}
	return outcomes, errors.Join(err, imp.doubts.note(outcomes))
}

func (imp *Importer) steps(ctx context.Context, items []*item) error {
	switch imp.opts.Operation {
	case etl.Create:
		return imp.create(ctx, items)
	case etl.Update:
		return imp.update(ctx, items)
	case etl.Upsert:
		return imp.upsert(ctx, items)
	case etl.Delete:
		return imp.remove(ctx, items)
	case etl.Associate:
		return imp.change(ctx, items, imp.associate)
	case etl.Dissociate:
		return imp.change(ctx, items, imp.dissociate)
	}
	return fmt.Errorf("operation %q is not one of create, update, upsert, delete, associate, dissociate", imp.opts.Operation)
}

// create stores every item as a new ticket, its associations in the same call.
func (imp *Importer) create(ctx context.Context, items []*item) error {
	if imp.opts.DryRun {
		judgeAll(items, etl.Created)
		return nil
	}
	return imp.deliver(ctx, items, etl.Created, func(part []*item) ([]hubspot.Result, error) {
		in := make([]hubspot.CreateInput, len(part))
		for i, it := range part {
			in[i] = hubspot.CreateInput{
				TraceID:      imp.trace(it),
				Properties:   wire(it.rec.Properties),
				Associations: inline(it.rec.References),
			}
		}
		return imp.client.CreateBatch(ctx, tickets, in)
	})
}

// update changes the tickets that are there and differ.
func (imp *Importer) update(ctx context.Context, items []*item) error {
	if err := imp.lookUp(ctx, items); err != nil {
		return err
	}
	there := imp.rejectMissing(items)
	changed := imp.changed(there)
	if !imp.opts.DryRun {
		err := imp.deliver(ctx, changed, etl.Updated, func(part []*item) ([]hubspot.Result, error) {
			in := make([]hubspot.UpdateInput, len(part))
			for i, it := range part {
				in[i] = hubspot.UpdateInput{TraceID: imp.trace(it), ID: it.id, Properties: wire(imp.differing(it))}
			}
			return imp.client.UpdateBatch(ctx, tickets, in)
		})
		if err != nil {
			return err
		}
	}
	judgeAll(unjudged(changed), etl.Updated)
	return imp.finish(ctx, there)
}

// upsert changes the tickets that are there and differ, and creates the rest.
func (imp *Importer) upsert(ctx context.Context, items []*item) error {
	if err := imp.lookUp(ctx, items); err != nil {
		return err
	}
	changed := imp.changed(items)
	if imp.opts.DryRun {
		for _, it := range changed {
			it.judge(presence(it))
		}
		return imp.finish(ctx, items)
	}
	err := imp.deliver(ctx, changed, etl.Updated, func(part []*item) ([]hubspot.Result, error) {
		in := make([]hubspot.UpsertInput, len(part))
		for i, it := range part {
			in[i] = hubspot.UpsertInput{
				TraceID: imp.trace(it), ID: it.rec.Key, IDProperty: imp.opts.KeyProperty,
				Properties: wire(imp.differing(it)),
			}
		}
		return imp.client.UpsertBatch(ctx, tickets, in)
	})
	if err != nil {
		return err
	}
	return imp.finish(ctx, items)
}

func presence(it *item) etl.Status {
	if it.stored == nil {
		return etl.Created
	}
	return etl.Updated
}

// finish does the second step of update and upsert: the associations of tickets
// that are stored by now. What needed neither step is Unchanged.
func (imp *Importer) finish(ctx context.Context, items []*item) error {
	stored := make([]*item, 0, len(items))
	for _, it := range items {
		if !it.judged {
			it.judge(etl.Unchanged)
		}
		switch it.out.Status {
		case etl.Created, etl.Updated, etl.Unchanged:
			stored = append(stored, it)
		}
	}
	return imp.associate(ctx, stored)
}

// remove archives the tickets that are there.
func (imp *Importer) remove(ctx context.Context, items []*item) error {
	if err := imp.lookUp(ctx, items); err != nil {
		return err
	}
	there := imp.rejectMissing(items)
	if imp.opts.DryRun {
		judgeAll(there, etl.Deleted)
		return nil
	}
	return imp.deliver(ctx, there, etl.Deleted, func(part []*item) ([]hubspot.Result, error) {
		ids := ticketIDs(part)
		if err := imp.client.ArchiveBatch(ctx, tickets, ids); err != nil {
			return nil, err
		}
		results := make([]hubspot.Result, len(part))
		for i, it := range part {
			results[i].ID = it.id
		}
		return results, nil
	})
}

// change looks the tickets up and adds or removes their associations.
func (imp *Importer) change(ctx context.Context, items []*item, step func(context.Context, []*item) error) error {
	if err := imp.lookUp(ctx, items); err != nil {
		return err
	}
	there := imp.rejectMissing(items)
	judgeAll(there, etl.Unchanged)
	return step(ctx, there)
}

func (imp *Importer) trace(it *item) string { return fmt.Sprintf("%s-%d", imp.opts.Run, it.rec.Seq) }

func wire(properties []etl.Property) []hubspot.Property {
	out := make([]hubspot.Property, len(properties))
	for i, p := range properties {
		out[i] = hubspot.Property(p)
	}
	return out
}

func judgeAll(items []*item, status etl.Status) {
	for _, it := range items {
		it.judge(status)
	}
}

func unjudged(items []*item) []*item {
	var open []*item
	for _, it := range items {
		if !it.judged {
			open = append(open, it)
		}
	}
	return open
}

// ticketIDs are the distinct ids of items, in order.
func ticketIDs(items []*item) []string {
	seen := make(map[string]bool, len(items))
	ids := make([]string, 0, len(items))
	for _, it := range items {
		if it.id != "" && !seen[it.id] {
			seen[it.id] = true
			ids = append(ids, it.id)
		}
	}
	return ids
}
