package extract

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/ticketetl/ticketetl/internal/hubspot"
	"github.com/ticketetl/ticketetl/internal/pages"
)

// skew is how far the clocks of HubSpot's machines may be apart.
const skew = 2 * time.Second

// settle is how long, in all and if nobody says otherwise, a disagreement with the account's count is given to
// go away: HubSpot's searches see a write up to tens of seconds late.
const settle = 60 * time.Second

// A catchUp reads what was created, changed or archived since an export began,
// until the tickets are as many as the account counts.
type catchUp struct {
	tickets *Tickets
	start   Start
	check   Check
	walked  bool // what a search finds was read

	mu      sync.Mutex
	seen    map[uint64]int64 // tickets read again, with the time of the change in milliseconds
	pending []hit            // tickets that are still to be read again
	churn   int64            // tickets found to be created or archived in this round
}

// since is from when on changes are looked for; zero: all of them.
func (c *catchUp) since() time.Time {
	switch {
	case !c.tickets.opts.Since.IsZero() && !c.tickets.whole:
		return c.tickets.opts.Since
	case c.start.Newest.IsZero():
		return time.Time{}
	}
	return c.start.Newest.Add(-skew)
}

// run looks until what was gathered and what the account counts agree. They are
// taken to agree when they differ by no more than what came and went between two
// looks, a few seconds apart, since nothing counts both at one moment.
func (c *catchUp) run(ctx context.Context) (Check, error) {
	switch {
	case c.start.Reason == "":
	case c.tickets.partly():
		return c.check, fmt.Errorf("HubSpot's search does not answer, and only it tells what has changed: %s", c.start.Reason)
	default:
		return c.unsearchable(c.start.Reason)
	}
	waited := time.Duration(0)
	for round := 0; ; round++ {
		newest, err := c.look(ctx)
		if hopeless(ctx, err) || isStoreError(err) || err != nil && c.tickets.partly() {
			return c.check, err
		}
		if err != nil {
			return c.unsearchable(err.Error())
		}
		if c.judge(round, newest) || waited >= c.tickets.opts.Settle {
			return c.check, nil
		}
		wait := min(time.Second<<round, 16*time.Second)
		if err := pause(ctx, wait); err != nil {
			return c.check, err
		}
		waited += wait
	}
}

func isStoreError(err error) bool {
	var e *StoreError
	return errors.As(err, &e)
}

func isEOF(err error) bool { return errors.Is(err, io.EOF) }

// unsearchable ends without a comparison.
func (c *catchUp) unsearchable(reason string) (Check, error) {
	n, err := c.tickets.store.Count()
	c.check.Counted, c.check.Total, c.check.Complete = n, -1, false
	c.check.Reason = "HubSpot's search does not answer, so that neither the number of tickets nor what has changed meanwhile is known: " + reason
	return c.check, err
}

// look reads what has changed since the start, unless nothing has, and counts.
func (c *catchUp) look(ctx context.Context) (newest time.Time, err error) {
	c.churn = 0
	newest, c.check.Total, err = c.tickets.counts(ctx)
	if err != nil {
		return newest, err
	}
	if err := c.count(); err != nil {
		return newest, err
	}
	listed := c.tickets.opts.Since.IsZero() || c.tickets.whole
	if newest.Equal(c.start.Newest) && c.check.Counted == c.check.Total && (listed || c.walked) {
		return newest, nil
	}
	if err := c.readChanged(ctx); err != nil {
		return newest, err
	}
	c.walked = true
	if newest, c.check.Total, err = c.tickets.counts(ctx); err != nil {
		return newest, err
	}
	if err := c.count(); err != nil || c.check.Counted == c.check.Total {
		return newest, err
	}
	if err := c.readArchived(ctx); err != nil {
		return newest, err
	}
	return newest, c.count()
}

func (c *catchUp) count() (err error) {
	if c.check.Counted, err = c.tickets.store.Count(); err != nil {
		return storeError(err)
	}
	return nil
}

// judge says whether the numbers agree.
func (c *catchUp) judge(round int, newest time.Time) bool {
	apart := c.check.Counted - c.check.Total
	switch {
	case apart == 0 && newest.Equal(c.start.Newest):
		c.check.Reason = "the account counts as many" + c.ofWhat() + ", and nothing has changed meanwhile"
	case apart == 0:
		c.check.Reason = "the account counts as many" + c.ofWhat() + ", after what has changed meanwhile was read again"
	case round > 0 && max(apart, -apart) <= c.churn:
		c.check.Reason = fmt.Sprintf("the account counts %d, and %d came or went while they were counted", c.check.Total, c.churn)
	default:
		c.check.Reason = fmt.Sprintf("the account counts %d tickets%s, and %d were read", c.check.Total, c.ofWhat(), c.check.Counted)
		return false
	}
	c.check.Complete = true
	return true
}

// ofWhat says which tickets are counted, if not all.
func (c *catchUp) ofWhat() string {
	if !c.tickets.partly() {
		return ""
	}
	return " changed since " + c.tickets.opts.Since.UTC().Format(time.RFC3339)
}

// A hit is a ticket that a search finds to be changed.
type hit struct {
	id     uint64
	at     int64    // of the change, in milliseconds; 0: it does not say it
	merged []uint64 // tickets that were merged into it, and are not there any more
}

// readChanged reads the tickets that a search finds to be changed. A search shows its
// first 10,000 results only; so they are found as a listing reads tickets, by ranges
// of ids and pages that begin behind the last one's ids. Of the searches that HubSpot
// takes in a second, so none is left out while another one is under way.
func (c *catchUp) readChanged(ctx context.Context) error {
	l := newListing([]pages.Span{{To: pages.End}}, 0, 0)
	l.page = hubspot.MaxSearchPage
	l.ask = func(ctx context.Context, after string) (*hubspot.Page, error) { return c.askChanged(ctx, l, after) }
	l.keep = c.keepChanged
	if err := l.run(ctx, c.tickets.opts.Workers); err != nil {
		return err
	}
	hits := c.pending
	c.pending = nil
	return c.readAll(ctx, hits)
}

// askChanged searches for the changed tickets behind an id, or for the first ones.
func (c *catchUp) askChanged(ctx context.Context, l *listing, after string) (*hubspot.Page, error) {
	found, err := c.tickets.client.Search(ctx, "tickets", c.search(cmp.Or(after, "0")))
	if err != nil {
		return nil, err
	}
	page := &hubspot.Page{Results: found.Results}
	if n := len(found.Results); n > 0 && found.After != "" {
		page.After = found.Results[n-1].ID
	}
	if after == "" {
		l.expect(int64(found.Total))
	}
	return page, nil
}

// keepChanged reads those found that were not read since, as many as fill a batch.
func (c *catchUp) keepChanged(ctx context.Context, p listed) error {
	hits, err := hitsOf(p.objects)
	if err != nil {
		return err
	}
	return c.readAll(ctx, c.full(hits))
}

// full gives as many of the tickets to be read as fill whole batches; the others wait
// for more.
func (c *catchUp) full(hits []hit) []hit {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, h := range hits {
		if h.at == 0 || c.seen[h.id] != h.at {
			c.pending = append(c.pending, h)
		}
	}
	n := len(c.pending) / hubspot.MaxBatch * hubspot.MaxBatch
	full := slices.Clone(c.pending[:n])
	c.pending = slices.Delete(c.pending, 0, n)
	return full
}

func (c *catchUp) readAll(ctx context.Context, hits []hit) error {
	for part := range slices.Chunk(hits, hubspot.MaxBatch) {
		if err := c.readAgain(ctx, part); err != nil {
			return err
		}
	}
	return nil
}

func hitsOf(objects []hubspot.Object) ([]hit, error) {
	ids, err := idsOf(objects)
	hits := make([]hit, len(ids))
	for i, id := range ids {
		hits[i].id = id
		if at, err := time.Parse(time.RFC3339Nano, objects[i].Properties[modified]); err == nil {
			hits[i].at = at.UnixMilli()
		}
		for text := range strings.SplitSeq(objects[i].Properties[mergedIDs], ";") {
			if other, err := strconv.ParseUint(text, 10, 63); err == nil && other != id {
				hits[i].merged = append(hits[i].merged, other)
			}
		}
	}
	return hits, err
}

// mergedIDs is the property that names the tickets that were merged into one,
// parted by ';'.
const mergedIDs = "hs_merged_object_ids"

func (c *catchUp) search(after string) hubspot.SearchRequest {
	filters := []hubspot.Filter{{Property: IDColumn, Operator: "GT", Value: after}}
	if at := c.since(); !at.IsZero() {
		filters = append(filters, changedSince(at))
	}
	return hubspot.SearchRequest{
		FilterGroups: []hubspot.FilterGroup{{Filters: filters}},
		Sorts:        []hubspot.Sort{{Property: IDColumn}}, Properties: []string{modified, mergedIDs},
	}
}

// readAgain reads a batch of tickets anew.
func (c *catchUp) readAgain(ctx context.Context, hits []hit) error {
	ids := make([]string, len(hits))
	for i := range hits {
		ids[i] = strconv.FormatUint(hits[i].id, 10)
	}
	objects, err := c.tickets.readByID(ctx, ids)
	if err != nil {
		return err
	}
	page := pages.Page{}
	if page.Records, err = c.tickets.records(ctx, objects); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	found := map[uint64]bool{}
	for i, o := range objects {
		id := page.Records[i].ID
		found[id] = true
		if c.seen[id] == 0 && o.CreatedAt.After(c.start.Newest) {
			c.churn++
		}
	}
	var gone []uint64
	for _, h := range hits {
		if c.seen[h.id] = h.at; !found[h.id] {
			delete(c.seen, h.id)
			gone = append(gone, h.id)
		}
		for _, id := range h.merged {
			if !found[id] {
				gone = append(gone, id)
			}
		}
	}
	slices.Sort(gone)
	gone = slices.Compact(gone) // one that was merged away may still be found as well
	c.check.Changed += int64(len(objects))
	if c.tickets.partly() {
		c.tickets.opts.Watch(int64(len(objects)))
	}
	return c.store(page, gone)
}

// store adds a page, and those that are gone to it.
func (c *catchUp) store(page pages.Page, gone []uint64) error {
	for _, id := range gone {
		page.Records = append(page.Records, pages.Record{ID: id, Gone: true})
	}
	if err := c.tickets.store.Add(page); err != nil {
		return storeError(err)
	}
	return nil
}

// readByID reads tickets with all that the options want of them. Those that are
// not there are left out.
func (t *Tickets) readByID(ctx context.Context, ids []string) ([]hubspot.Object, error) {
	found, _, err := t.client.ReadBatch(ctx, "tickets", hubspot.BatchRead{IDs: ids, Properties: t.opts.Properties})
	if err != nil {
		return nil, err
	}
	found = slices.DeleteFunc(found, func(o hubspot.Object) bool { return !slices.Contains(ids, o.ID) })
	objects := make(map[string]*hubspot.Object, len(found))
	there := make([]string, len(found))
	for i := range found {
		objects[found[i].ID], there[i] = &found[i], found[i].ID
	}
	for _, to := range t.to {
		if len(there) == 0 {
			break
		}
		if err := t.readAssociations(ctx, to, there, objects); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// readArchived takes out what stands in the recycle bin by now.
func (c *catchUp) readArchived(ctx context.Context) error {
	before := c.check.Counted
	err := c.tickets.eachArchived(ctx, c.tickets.askIDs(true), func(_ context.Context, p listed) error {
		gone, err := idsOf(slices.DeleteFunc(slices.Clone(p.objects), func(o hubspot.Object) bool {
			return !o.ArchivedAt.IsZero() && o.ArchivedAt.Before(c.since())
		}))
		if err != nil || len(gone) == 0 {
			return err
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, id := range gone {
			delete(c.seen, id)
		}
		return c.store(pages.Page{}, gone)
	})
	if err != nil {
		return err
	}
	err = c.count()
	c.check.Gone += before - c.check.Counted
	c.churn += before - c.check.Counted
	return err
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
