package extract

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/ticketetl/ticketetl/internal/hubspot"
	"github.com/ticketetl/ticketetl/internal/pages"
)

// listings is how often the recycle bin is listed until two listings agree.
const listings = 3

// gatherArchived reads the recycle bin, of which nothing tells how much is in it
// or what has changed: it is complete when it is listed twice with the same
// tickets in it.
func (t *Tickets) gatherArchived(ctx context.Context) (Check, error) {
	check := Check{Total: -1}
	for round := range listings {
		if round > 0 {
			if err := t.store.Reset(); err != nil {
				return check, storeError(err)
			}
		}
		if err := t.list(ctx, -1); err != nil {
			return check, fmt.Errorf("list the recycle bin: %w", err)
		}
		first, err := t.stored()
		if err != nil {
			return check, storeError(err)
		}
		second, err := t.listBin(ctx, t.askIDs(true), func(context.Context, []hubspot.Object) error { return nil })
		if err != nil {
			return check, fmt.Errorf("list the recycle bin again: %w", err)
		}
		check.Counted, check.Archived, check.Ranges = first.n, first.n, t.ranges
		if check.Complete, check.Reason = compareBins(first, second); check.Complete {
			check.Total = second.n
			return check, nil
		}
	}
	return check, nil
}

// addArchived reads the recycle bin into the store that has the live tickets.
func (t *Tickets) addArchived(ctx context.Context, check *Check) error {
	var complete bool
	var reason string
	for range listings {
		first, err := t.listBin(ctx, t.ask(true), t.keepArchived)
		if err != nil {
			return fmt.Errorf("list the recycle bin: %w", err)
		}
		second, err := t.listBin(ctx, t.askIDs(true), func(context.Context, []hubspot.Object) error { return nil })
		if err != nil {
			return fmt.Errorf("list the recycle bin again: %w", err)
		}
		check.Archived = first.n
		if complete, reason = compareBins(first, second); complete {
			break
		}
	}
	check.Complete = check.Complete && complete
	check.Reason += "; " + reason
	var err error
	if check.Counted, err = t.store.Count(); err != nil {
		return storeError(err)
	}
	return nil
}

func compareBins(first, second census) (same bool, reason string) {
	if first == second {
		return true, "the recycle bin was listed twice, with the same tickets in it"
	}
	return false, fmt.Sprintf("the recycle bin changes while it is listed: %d tickets, then %d", first.n, second.n)
}

// keepArchived completes archived tickets and stores them.
func (t *Tickets) keepArchived(ctx context.Context, objects []hubspot.Object) error {
	objects, err := t.complete(ctx, objects, true)
	if err != nil {
		return err
	}
	var page pages.Page
	if page.Records, err = t.records(ctx, objects); err != nil {
		return err
	}
	if err := t.store.Add(page); err != nil {
		return storeError(err)
	}
	t.opts.Watch(int64(len(objects)))
	return nil
}

// A census is equal for equal sets of ids, whatever their order.
type census struct {
	n   int64
	sum uint64
}

func (c *census) add(id uint64) {
	c.n++
	id = (id ^ id>>30) * 0xbf58476d1ce4e5b9
	id = (id ^ id>>27) * 0x94d049bb133111eb
	c.sum += id ^ id>>31
}

func (t *Tickets) stored() (census, error) {
	var all census
	for r := t.store.Read(); ; {
		id, err := r.NextID()
		if isEOF(err) {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		all.add(id)
	}
}

// listBin lists what the options want of the recycle bin and gives each page to keep,
// which several goroutines call.
func (t *Tickets) listBin(ctx context.Context, ask func(context.Context, string) (*hubspot.Page, error), keep func(context.Context, []hubspot.Object) error) (census, error) {
	var mu sync.Mutex
	var all census
	err := t.eachArchived(ctx, ask, func(ctx context.Context, p listed) error {
		objects := t.recent(p.objects)
		ids, err := idsOf(objects)
		if err != nil {
			return err
		}
		mu.Lock()
		for _, id := range ids {
			all.add(id)
		}
		mu.Unlock()
		return keep(ctx, objects)
	})
	return all, err
}

// recent are those of archived tickets that were archived since TicketOptions.Since.
func (t *Tickets) recent(objects []hubspot.Object) []hubspot.Object {
	if t.opts.Since.IsZero() {
		return objects
	}
	return slices.DeleteFunc(slices.Clone(objects), func(o hubspot.Object) bool {
		return !o.ArchivedAt.IsZero() && o.ArchivedAt.Before(t.opts.Since)
	})
}

// eachArchived lists the recycle bin. Each may be called by several goroutines; where
// the listing turns out not to be in order, it gets pages again.
func (t *Tickets) eachArchived(ctx context.Context, ask func(context.Context, string) (*hubspot.Page, error), each func(context.Context, listed) error) error {
	if t.opts.Since.IsZero() || t.ranges { // what has changed is read without a listing, and so without a proof
		return t.eachPage(ctx, ask, each)
	}
	var err error
	if t.ranges, err = prove(ctx, t.askIDs(true)); err != nil {
		return err
	}
	return t.eachPage(ctx, ask, each)
}

func (t *Tickets) eachPage(ctx context.Context, ask func(context.Context, string) (*hubspot.Page, error), each func(context.Context, listed) error) error {
	if t.ranges {
		l := newListing([]pages.Span{{To: pages.End}}, 0, 0)
		l.ask, l.keep = ask, each
		if err := l.run(ctx, t.opts.Workers); !errors.Is(err, errDisorder) {
			return err
		}
		t.ranges = false
	}
	return oneByOne(ctx, "", ask, each)
}
