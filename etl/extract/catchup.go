package extract

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
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
	seen    map[string]string // tickets read again, with the time of the change
	check   Check

	mu    sync.Mutex
	churn int64 // tickets found to be created or archived in this round
}

// run looks until what was gathered and what the account counts agree. They are
// taken to agree when they differ by no more than what came and went between two
// looks, a few seconds apart, since nothing counts both at one moment.
func (c *catchUp) run(ctx context.Context) (Check, error) {
	if c.start.Reason != "" {
		return c.unsearchable(c.start.Reason)
	}
	waited := time.Duration(0)
	for round := 0; ; round++ {
		newest, err := c.look(ctx)
		if hopeless(ctx, err) || isStoreError(err) {
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
	newest, c.check.Total, err = c.tickets.newest(ctx)
	if err != nil {
		return newest, err
	}
	if err := c.count(); err != nil {
		return newest, err
	}
	if newest.Equal(c.start.Newest) && c.check.Counted == c.check.Total {
		return newest, nil
	}
	if err := c.readChanged(ctx); err != nil {
		return newest, err
	}
	if newest, c.check.Total, err = c.tickets.newest(ctx); err != nil {
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
		c.check.Reason = "the account counts as many, and nothing has changed meanwhile"
	case apart == 0:
		c.check.Reason = "the account counts as many, after what has changed meanwhile was read again"
	case round > 0 && max(apart, -apart) <= c.churn:
		c.check.Reason = fmt.Sprintf("the account counts %d, and %d came or went while they were counted", c.check.Total, c.churn)
	default:
		c.check.Reason = fmt.Sprintf("the account counts %d tickets, and %d were read", c.check.Total, c.check.Counted)
		return false
	}
	c.check.Complete = true
	return true
}

// readChanged reads the tickets that a search finds to be changed since the
// start, by windows of ids, so that their number does not matter.
func (c *catchUp) readChanged(ctx context.Context) error {
	last := uint64(0)
	var open []hubspot.Object
	for {
		page, err := c.tickets.client.Search(ctx, "tickets", c.since(last))
		if err != nil {
			return err
		}
		for _, o := range page.Results {
			if c.seen[o.ID] != o.Properties[modified] {
				open = append(open, o)
			}
		}
		ends := page.After == "" || len(page.Results) == 0
		for len(open) >= hubspot.MaxBatch || ends && len(open) > 0 {
			n := min(len(open), hubspot.MaxBatch)
			if err := c.readAgain(ctx, open[:n]); err != nil {
				return err
			}
			open = open[n:]
		}
		if ends {
			return nil
		}
		ids, err := idsOf(page.Results)
		if err != nil {
			return err
		}
		if slices.Max(ids) <= last {
			return errors.New("the search for what has changed does not go on")
		}
		last = slices.Max(ids)
	}
}

func (c *catchUp) since(last uint64) hubspot.SearchRequest {
	filters := []hubspot.Filter{{Property: IDColumn, Operator: "GT", Value: fmt.Sprint(last)}}
	if !c.start.Newest.IsZero() {
		filters = append(filters, hubspot.Filter{Property: modified, Operator: "GTE", Value: milliseconds(c.start.Newest.Add(-skew))})
	}
	return hubspot.SearchRequest{
		FilterGroups: []hubspot.FilterGroup{{Filters: filters}},
		Sorts:        []hubspot.Sort{{Property: IDColumn}}, Properties: []string{modified},
	}
}

// readAgain reads a batch of tickets anew.
func (c *catchUp) readAgain(ctx context.Context, hits []hubspot.Object) error {
	ids := make([]string, len(hits))
	for i := range hits {
		ids[i] = hits[i].ID
	}
	objects, err := c.tickets.readByID(ctx, ids)
	if err != nil {
		return err
	}
	page := pages.Page{}
	if page.Records, err = c.tickets.records(objects); err != nil {
		return err
	}
	found := map[string]bool{}
	for _, o := range objects {
		found[o.ID] = true
		if c.seen[o.ID] == "" && o.CreatedAt.After(c.start.Newest) {
			c.churn++
		}
	}
	gone := slices.DeleteFunc(slices.Clone(hits), func(o hubspot.Object) bool { return found[o.ID] })
	for _, o := range hits {
		if c.seen[o.ID] = o.Properties[modified]; !found[o.ID] {
			delete(c.seen, o.ID)
		}
	}
	c.check.Changed += int64(len(objects))
	return c.store(page, gone)
}

// store adds a page, and those that are gone to it.
func (c *catchUp) store(page pages.Page, gone []hubspot.Object) error {
	ids, err := idsOf(gone)
	if err != nil {
		return err
	}
	for _, id := range ids {
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
	for _, to := range t.opts.Associations {
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
	err := c.tickets.eachArchived(ctx, func(_ context.Context, p listed) error {
		gone := slices.DeleteFunc(slices.Clone(p.objects), func(o hubspot.Object) bool {
			return !o.ArchivedAt.IsZero() && o.ArchivedAt.Before(c.start.Newest.Add(-skew))
		})
		if len(gone) == 0 {
			return nil
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, o := range gone {
			delete(c.seen, o.ID)
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
