package load

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/internal/hubspot"
)

// A BrakeError stops a run that is to be looked at before it goes on. What was
// not sent is Unsent, and the run can be resumed.
type BrakeError struct {
	Text   string
	Hidden string // Text without the values of cells; "" where Text holds none
}

func (e *BrakeError) Error() string { return e.Text }

// ErrTooManyDoubts stops a run in which answers get lost one after another.
var ErrTooManyDoubts error = &BrakeError{Text: "the answers to several batches in a row were lost; stopped before more rows are in doubt"}

// maxDoubts is the number of batches in a row whose answers were lost after
// which the run stops: something is wrong with the connection, and every
// further batch would only add rows to look after.
const maxDoubts = 5

type doubtBrake struct{ inARow atomic.Int32 }

// note counts the batches in a row that this process left in doubt. Doubts of
// an earlier process say nothing about the connection.
func (b *doubtBrake) note(items []*item) error {
	fresh := slices.ContainsFunc(items, func(it *item) bool { return it.rec.Doubt == nil })
	doubt := slices.ContainsFunc(items, func(it *item) bool { return it.out.Status == etl.InDoubt && it.rec.Doubt == nil })
	switch {
	case !fresh:
		return nil
	case !doubt:
		b.inARow.Store(0)
		return nil
	case b.inARow.Add(1) < maxDoubts:
		return nil
	}
	return ErrTooManyDoubts
}

// A quota is how many more tickets may be created, or deleted. Each is reserved
// before it is sent, so that no two batches take the last one.
type quota struct {
	what string // for people: "created (--max-creates)"
	most int64  // 0: no bound
	mu   sync.Mutex
	used int64
}

// take reserves one for each of items that has none yet and wants one. It
// returns those that may be sent, and a BrakeError if these are not all.
func (q *quota) take(items []*item, wants func(*item) bool) (allowed []*item, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	allowed = make([]*item, 0, len(items))
	for _, it := range items {
		switch {
		case q.most == 0 || it.reserved || !wants(it):
		case q.used >= q.most:
			err = &BrakeError{Text: fmt.Sprintf("stopped: %d tickets are %s, and the next one would be more", q.most, q.what)}
			continue
		default:
			q.used++
			it.reserved = true
		}
		allowed = append(allowed, it)
	}
	return allowed, err
}

// settle gives back what was reserved for items that took nothing.
func (q *quota) settle(items []*item) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, it := range items {
		if it.reserved && !it.took() {
			it.reserved = false
			q.used--
		}
	}
}

// count counts an item that was found to be stored.
func (q *quota) count(it *item) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !it.reserved {
		it.reserved = true
		q.used++
	}
}

// took says that a ticket was created or deleted for the item, or may have been.
func (it *item) took() bool {
	switch it.out.Status {
	case etl.Created, etl.Deleted, etl.InDoubt:
		return it.judged
	}
	return false
}

// A canary lets one batch through at a time, and compares what it wrote with
// what the account holds then, until enough records have come through well.
type canary struct {
	open atomic.Bool   // the way is free
	turn chan struct{} // held by the batch whose turn it is
	left int           // records still to be compared
	err  error         // why no more batches go
}

func newCanary(records int) *canary {
	c := &canary{turn: make(chan struct{}, 1), left: records}
	c.open.Store(records <= 0)
	return c
}

// enter waits for the batch's turn. leave must be called in any case.
func (c *canary) enter(ctx context.Context) (leave func(), err error) {
	if c.open.Load() {
		return func() {}, nil
	}
	select {
	case c.turn <- struct{}{}:
		return func() { <-c.turn }, c.err
	case <-ctx.Done():
		return func() {}, ctx.Err()
	}
}

// watch looks at the batch that was just written. The caller has its turn.
func (c *canary) watch(ctx context.Context, imp *Importer, items []*item) error {
	if c.open.Load() {
		return nil
	}
	written := writtenOf(items)
	if len(written) == 0 {
		return nil
	}
	if c.err = imp.compare(ctx, written); c.err != nil {
		return c.err
	}
	if c.left -= len(written); c.left <= 0 {
		c.open.Store(true)
	}
	return nil
}

func writtenOf(items []*item) []*item {
	return slices.DeleteFunc(slices.Clone(items), func(it *item) bool {
		switch it.out.Status {
		case etl.Created, etl.Updated, etl.Deleted, etl.Associated:
			return it.id == ""
		}
		return true
	})
}

// compare reads tickets back and holds them against what was sent.
func (imp *Importer) compare(ctx context.Context, items []*item) error {
	found, err := imp.read(ctx, ticketIDs(items), imp.names(items))
	if err != nil {
		return fmt.Errorf("canary: read back what was written: %w", err)
	}
	for _, it := range items {
		o := found[it.id]
		deleted := it.out.Status == etl.Deleted
		if deleted != (o == nil) {
			state := map[bool]string{true: "was deleted, but is still there", false: "was written, but cannot be read"}[deleted]
			return &BrakeError{Text: fmt.Sprintf("canary: ticket %s of %s %s; stopped before more is sent", it.id, it.rec.Pos, state)}
		}
		if deleted {
			continue
		}
		if err := imp.compareOne(it, o); err != nil {
			return err
		}
	}
	return nil
}

func (imp *Importer) compareOne(it *item, o *hubspot.Object) error {
	for _, p := range imp.writable(it) {
		if stored := o.Properties[p.Name]; !imp.properties[p.Name].Same(stored, p.Value) {
			where := fmt.Sprintf("canary: ticket %s of %s: %s", it.id, it.rec.Pos, p.Name)
			return &BrakeError{
				Text:   fmt.Sprintf("%s was sent as %q and is stored as %q; stopped before more is sent", where, p.Value, stored),
				Hidden: where + " is stored otherwise than it was sent; stopped before more is sent",
			}
		}
	}
	return nil
}

// read reads tickets by id, any number of them; those that are not there are
// missing from the answer.
func (imp *Importer) read(ctx context.Context, ids, properties []string) (map[string]*hubspot.Object, error) {
	all := make(map[string]*hubspot.Object, len(ids))
	for part := range slices.Chunk(ids, hubspot.MaxBatch) {
		found, _, err := imp.client.ReadBatch(ctx, tickets, hubspot.BatchRead{IDs: part, Properties: properties})
		if err != nil {
			return nil, err
		}
		for i := range found {
			all[found[i].ID] = &found[i]
		}
	}
	return all, nil
}
