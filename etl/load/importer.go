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
	"slices"
	"strconv"
	"sync"
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

	// Overwrite says of properties, by name, what becomes of the value that an
	// existing ticket has: KeepFilled or KeepAll. Others are written over.
	Overwrite map[string]string

	// OnConflict says what becomes of a value that was changed in the account since
	// it was exported: ConflictReport, ConflictTheirs or ConflictMine. It is for
	// updates of records that have Was.
	OnConflict string

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

// Policies of ImportOptions.Overwrite.
const (
	KeepFilled = "if-empty" // written only where the ticket has no value
	KeepAll    = "never"    // written only into new tickets
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
	started    time.Time
	known      known
	doubts     doubtBrake
	creates    quota
	deletes    quota
	canary     *canary

	// sending is held for reading while a create is under way. What a lost one
	// has left behind is looked for only while none is: a ticket that another
	// batch has just created would be taken for one of the lost.
	sending sync.RWMutex
}

// NewImporter returns the Sink that writes through client.
func NewImporter(client *hubspot.Client, opts ImportOptions) *Importer {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Wait == nil {
		opts.Wait = client.Wait
	}
	if opts.SettleWait == 0 {
		opts.SettleWait = 30 * time.Second
	}
	if opts.DryRun {
		opts.Canary = 0
	}
	imp := &Importer{
		client: client, opts: opts, properties: map[string]*schema.Property{}, started: opts.Now(),
		known:   known{given: map[string]bool{}},
		creates: quota{what: "created (--max-creates)", most: opts.MaxCreates},
		deletes: quota{what: "deleted (--max-deletes)", most: opts.MaxDeletes},
		canary:  newCanary(opts.Canary),
	}
	imp.known.raise(opts.Floor)
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

	doubt    *etl.Doubt // what was known before it was first sent; nil until then
	reserved bool       // counted in a quota

	withheld map[string]bool // properties that are not written, because of a conflict
	notes    []etl.Problem   // conflicts to be told with the outcome
}

func (it *item) judge(status etl.Status, problems ...etl.Problem) {
	it.out = etl.Outcome{Status: status, ID: it.id, Problems: problems}
	it.judged = true
}

// Write delivers batch; see etl.Sink.
func (imp *Importer) Write(ctx context.Context, batch []*etl.Record) ([]etl.Outcome, error) {
	all, items := make([]item, len(batch)), make([]*item, len(batch))
	for i, rec := range batch {
		all[i].rec, items[i] = rec, &all[i]
	}
	leave, err := imp.canary.enter(ctx)
	defer leave()
	if err == nil {
		err = imp.steps(ctx, items)
		err = errors.Join(err, imp.canary.watch(ctx, imp, items), imp.doubts.note(items))
	} else if imp.opts.Operation == etl.Create {
		judgeDoubts(items)
	}
	outcomes := make([]etl.Outcome, len(items))
	for i, it := range items {
		if !it.judged {
			it.judge(etl.Unsent)
		}
		outcomes[i] = it.out
		outcomes[i].Problems = append(slices.Clip(it.notes), it.out.Problems...)
	}
	return outcomes, err
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
// Those that were sent before, and whose answer was lost, are settled first.
func (imp *Importer) create(ctx context.Context, items []*item) error {
	lost := judgeDoubts(items)
	fresh := unjudged(items)
	if imp.opts.DryRun {
		judgeAll(fresh, etl.Created)
		return nil
	}
	if err := imp.settle(ctx, lost); err != nil {
		return err
	}
	err := imp.send(ctx, fresh)
	return errors.Join(err, imp.settle(ctx, inDoubt(fresh)))
}

// send creates items, as many of them as may be created.
func (imp *Importer) send(ctx context.Context, items []*item) error {
	if len(items) == 0 {
		return nil
	}
	imp.sending.RLock()
	defer imp.sending.RUnlock()
	before := imp.known.doubt(imp.opts.Now())
	for _, it := range items {
		if it.doubt == nil {
			it.doubt = before
		}
	}
	allowed, brake := imp.creates.take(items, func(*item) bool { return true })
	err := imp.deliver(allowed, etl.Created, func(part []*item) ([]hubspot.Result, error) {
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
	imp.creates.settle(allowed)
	imp.known.remember(ticketIDs(allowed))
	return errors.Join(err, brake)
}

// update changes the tickets that are there and differ.
func (imp *Importer) update(ctx context.Context, items []*item) error {
	if err := imp.lookUp(ctx, items); err != nil {
		return err
	}
	there := imp.rejectStray(imp.withhold(imp.rejectMissing(items)))
	changed := imp.changed(there)
	if !imp.opts.DryRun {
		err := imp.deliver(changed, etl.Updated, func(part []*item) ([]hubspot.Result, error) {
			in := make([]hubspot.UpdateInput, len(part))
			for i, it := range part {
				in[i] = hubspot.UpdateInput{TraceID: imp.trace(it), ID: it.id, Properties: imp.differing(it)}
			}
			return imp.client.UpdateBatch(ctx, tickets, in)
		})
		if err == nil {
			err = imp.confirm(ctx, inDoubt(changed))
		}
		if err != nil {
			return imp.unlinked(there, err)
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
	items = imp.rejectStray(items)
	changed := imp.changed(items)
	if imp.opts.DryRun {
		for _, it := range changed {
			it.judge(presence(it))
		}
		return imp.finish(ctx, items)
	}
	allowed, brake := imp.creates.take(changed, func(it *item) bool { return it.stored == nil })
	err := imp.deliver(allowed, etl.Updated, func(part []*item) ([]hubspot.Result, error) {
		in := make([]hubspot.UpsertInput, len(part))
		for i, it := range part {
			in[i] = hubspot.UpsertInput{
				TraceID: imp.trace(it), ID: it.rec.Key, IDProperty: imp.opts.KeyProperty,
				Properties: imp.differing(it),
			}
		}
		return imp.client.UpsertBatch(ctx, tickets, in)
	})
	if err == nil {
		err = imp.confirm(ctx, inDoubt(allowed))
	}
	imp.creates.settle(allowed)
	judgeAll(unjudged(changed), etl.Unsent)
	if err != nil {
		return errors.Join(imp.unlinked(items, err), brake)
	}
	return errors.Join(imp.finish(ctx, items), brake)
}

// confirm looks up what became of updates and upserts whose answers were lost
// each time: those that the account holds as sent are stored.
func (imp *Importer) confirm(ctx context.Context, items []*item) error {
	if len(items) == 0 || imp.opts.InDoubt == DoubtLeave {
		return nil
	}
	again := make([]*item, len(items))
	for i, it := range items {
		again[i] = &item{rec: it.rec, withheld: it.withheld}
	}
	if err := imp.lookUp(ctx, again); err != nil {
		return err
	}
	for i, it := range items {
		if now := again[i]; now.stored != nil && len(imp.differing(now)) == 0 {
			it.id = now.id
			it.judge(presence(it), settledProblem("the answer to it was lost; it was found by its "+imp.opts.KeyProperty))
		}
	}
	return nil
}

// unlinked takes back the outcome of items whose associations were not looked
// at, because of err: the second step is done when the run goes on.
func (imp *Importer) unlinked(items []*item, err error) error {
	for _, it := range items {
		switch it.out.Status {
		case etl.Created, etl.Updated, etl.Unchanged, etl.Associated:
			if it.judged && slices.ContainsFunc(it.rec.References, func(r etl.Reference) bool { return r.ID != "" }) {
				it.judge(etl.Unsent, etl.Problem{
					Column: -1, Code: "NOT_ASSOCIATED", Warning: true,
					Message: fmt.Sprintf("the ticket is there as %s, but the run stopped before its associations were seen to", it.id),
					Hint:    "carry on with the run; the associations are added then",
				})
			}
		}
	}
	return err
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
	if err := imp.associate(ctx, stored); err != nil {
		return imp.unlinked(stored, err)
	}
	return nil
}

// goneAlready judges the items that an earlier attempt sent and whose tickets
// are in the recycle bin: it was that attempt that deleted them.
func (imp *Importer) goneAlready(ctx context.Context, items []*item) error {
	var gone []*item
	for _, it := range items {
		if it.rec.Doubt != nil && it.stored == nil {
			gone = append(gone, it)
		}
	}
	if len(gone) == 0 {
		return nil
	}
	if err := imp.readKeys(ctx, gone, hubspot.BatchRead{IDs: keys(gone), Archived: true}); err != nil {
		return err
	}
	for _, it := range gone {
		if it.stored != nil {
			it.judge(etl.Deleted)
		}
	}
	return nil
}

// remove archives the tickets that are there.
func (imp *Importer) remove(ctx context.Context, items []*item) error {
	if err := imp.lookUp(ctx, items); err != nil {
		return err
	}
	if err := imp.goneAlready(ctx, items); err != nil {
		return err
	}
	there := imp.rejectMissing(unjudged(items))
	if imp.opts.DryRun {
		judgeAll(there, etl.Deleted)
		return nil
	}
	allowed, brake := imp.deletes.take(there, func(*item) bool { return true })
	err := imp.deliver(allowed, etl.Deleted, func(part []*item) ([]hubspot.Result, error) {
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
	imp.deletes.settle(allowed)
	return errors.Join(err, brake)
}

// change looks the tickets up and adds or removes their associations.
func (imp *Importer) change(ctx context.Context, items []*item, step func(context.Context, []*item) error) error {
	if err := imp.lookUp(ctx, items); err != nil {
		return err
	}
	there := imp.rejectMissing(items)
	judgeAll(there, etl.Unchanged)
	if err := step(ctx, there); err != nil {
		return imp.unlinked(there, err)
	}
	return nil
}

func (imp *Importer) trace(it *item) string {
	return imp.opts.Run + "-" + strconv.FormatInt(it.rec.Seq, 10)
}

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

func inDoubt(items []*item) []*item {
	return slices.DeleteFunc(slices.Clone(items), func(it *item) bool { return it.out.Status != etl.InDoubt || !it.judged })
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
