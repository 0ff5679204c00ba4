package extract

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/ticketetl/ticketetl/internal/hubspot"
	"github.com/ticketetl/ticketetl/internal/pages"
)

// A Start is what the account was like when an export began. An export that
// carries on with another one's pages needs that one's.
type Start struct {
	At     time.Time `json:"at"`
	Newest time.Time `json:"newest"` // when the account's newest change was made, by HubSpot's clock; zero if there was none
	Total  int64     `json:"total"`  // tickets, as a search counts them; -1 if it does not answer
	Reason string    `json:"reason"` // why a search does not answer
}

// A Check says whether what was gathered is all that there is.
type Check struct {
	Complete bool
	Reason   string // for people: what was compared, or why completeness is not shown
	Counted  int64  // tickets that were gathered
	Total    int64  // that the account says it has; -1 if it does not
	Ranges   bool   // ranges of ids were read side by side
	Changed  int64  // tickets read again or for the first time after the listing
	Gone     int64  // tickets that were archived or merged meanwhile
}

// Begin asks what the account is like now.
func (t *Tickets) Begin(ctx context.Context) (Start, error) {
	start := Start{At: time.Now().UTC(), Total: -1}
	if t.opts.Archived {
		start.Reason = "HubSpot's search does not know the recycle bin"
		return start, nil
	}
	newest, total, err := t.newest(ctx)
	switch {
	case hopeless(ctx, err):
		return start, err
	case err != nil:
		start.Reason = err.Error()
	default:
		start.Newest, start.Total = newest, total
	}
	return start, nil
}

// hopeless says that err ends an export, and not only the use of searches.
func hopeless(ctx context.Context, err error) bool {
	return err != nil && (ctx.Err() != nil || hubspot.IsAuth(err) || hubspot.IsDailyLimit(err) || errors.Is(err, hubspot.ErrGaveUp))
}

// modified is the property that tells when a ticket was changed.
const modified = "hs_lastmodifieddate"

// newest asks by a search how many tickets there are, and when the newest change
// was made.
func (t *Tickets) newest(ctx context.Context) (time.Time, int64, error) {
	page, err := t.client.Search(ctx, "tickets", hubspot.SearchRequest{
		Sorts: []hubspot.Sort{{Property: modified, Descending: true}}, Properties: []string{modified}, Limit: 1,
	})
	if err != nil || len(page.Results) == 0 {
		return time.Time{}, 0, err
	}
	at, err := time.Parse(time.RFC3339Nano, page.Results[0].Properties[modified])
	if err != nil {
		return time.Time{}, 0, fmt.Errorf("search tickets: %s of ticket %s is no time", modified, page.Results[0].ID)
	}
	return at, int64(page.Total), nil
}

// Gather reads all tickets into the store, what is there already excepted, and
// then what was created, changed or archived since start. An error leaves the
// store so that Gather can go on from there. Without one the store has every
// ticket that HubSpot lists; the Check says whether that is shown to be all.
func (t *Tickets) Gather(ctx context.Context, start Start) (Check, error) {
	if t.opts.Archived {
		return t.gatherArchived(ctx)
	}
	if err := t.list(ctx, start.Total); err != nil {
		return Check{}, fmt.Errorf("list tickets: %w", err)
	}
	c := catchUp{tickets: t, start: start, seen: map[string]string{}}
	check, err := c.run(ctx)
	if err != nil {
		return check, fmt.Errorf("look for what has changed meanwhile: %w", err)
	}
	check.Ranges = t.ranges
	return check, nil
}

// few is a number of tickets that is not worth a proof.
const few = 4 * pageSize

// list reads what the store has not.
func (t *Tickets) list(ctx context.Context, expected int64) error {
	left := t.store.Missing()
	if len(left) == 0 {
		return nil
	}
	inRanges := !t.store.Empty() && (len(left) > 1 || left[0] != pages.Span{To: pages.End})
	if expected < 0 || expected > few || inRanges {
		var err error
		if t.ranges, err = prove(ctx, t.askIDs(t.opts.Archived)); err != nil {
			return err
		}
	}
	if t.ranges != inRanges && !t.store.Empty() {
		if err := t.store.Reset(); err != nil {
			return err
		}
		left = t.store.Missing()
	}
	if t.ranges {
		err := t.listRanges(ctx, left, expected)
		if !errors.Is(err, errDisorder) {
			return err
		}
		t.ranges = false
		if err := t.store.Reset(); err != nil {
			return err
		}
	}
	return oneByOne(ctx, t.store.Cursor(), t.ask, t.keep)
}

func (t *Tickets) listRanges(ctx context.Context, left []pages.Span, expected int64) error {
	read, err := t.store.Count()
	if err != nil {
		return err
	}
	l := newListing(left, max(expected, 0), read)
	l.ask, l.keep = t.ask, t.keep
	return l.run(ctx, t.opts.Workers)
}

// ask reads one page as the options want it.
func (t *Tickets) ask(ctx context.Context, after string) (*hubspot.Page, error) {
	q := hubspot.ListQuery{Limit: pageSize, After: after, Archived: t.opts.Archived, Associations: t.opts.Associations}
	if !t.long() {
		q.Properties = t.opts.Properties
	}
	return t.client.List(ctx, "tickets", q)
}

// askIDs returns a function that reads one page, for the ids in it.
func (t *Tickets) askIDs(archived bool) func(context.Context, string) (*hubspot.Page, error) {
	return func(ctx context.Context, after string) (*hubspot.Page, error) {
		return t.client.List(ctx, "tickets", hubspot.ListQuery{Limit: pageSize, After: after, Archived: archived, Properties: []string{modified}})
	}
}

// keep completes a page and stores it.
func (t *Tickets) keep(ctx context.Context, p listed) error {
	objects, err := t.complete(ctx, p.objects)
	if err != nil {
		return err
	}
	stored := pages.Page{From: p.from, To: p.to, Cursor: p.cursor}
	if stored.Records, err = t.records(objects); err != nil {
		return err
	}
	if err := t.store.Add(stored); err != nil {
		return storeError(err)
	}
	t.opts.Watch(int64(len(objects)))
	return nil
}

// A StoreError says that what was read cannot be kept on this machine.
type StoreError struct{ Err error }

func (e *StoreError) Error() string { return "keep what was read: " + e.Err.Error() }

func (e *StoreError) Unwrap() error { return e.Err }

func storeError(err error) error { return &StoreError{err} }

func (t *Tickets) records(objects []hubspot.Object) ([]pages.Record, error) {
	ids, err := idsOf(objects)
	if err != nil {
		return nil, err
	}
	records := make([]pages.Record, len(objects))
	for i := range objects {
		records[i] = pages.Record{ID: ids[i], Data: packFields(t.fields(&objects[i]))}
	}
	return records, nil
}

// listings is how often the recycle bin is listed until two listings agree.
const listings = 4

// gatherArchived reads the recycle bin, of which nothing tells how much is in it
// or what has changed: it is complete when it is listed twice with the same
// tickets in it.
func (t *Tickets) gatherArchived(ctx context.Context) (Check, error) {
	check := Check{Total: -1}
	for range listings - 1 {
		if err := t.list(ctx, -1); err != nil {
			return check, fmt.Errorf("list the recycle bin: %w", err)
		}
		first, err := t.stored()
		if err != nil {
			return check, storeError(err)
		}
		second, err := t.listAgain(ctx)
		if err != nil {
			return check, fmt.Errorf("list the recycle bin again: %w", err)
		}
		check.Counted, check.Ranges = first.n, t.ranges
		if first == second {
			check.Complete, check.Total = true, second.n
			check.Reason = "the recycle bin was listed twice, with the same tickets in it"
			return check, nil
		}
		check.Reason = fmt.Sprintf("the recycle bin changes while it is listed: %d tickets, then %d", first.n, second.n)
		if err := t.store.Reset(); err != nil {
			return check, storeError(err)
		}
	}
	return check, t.list(ctx, -1)
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

func (t *Tickets) listAgain(ctx context.Context) (census, error) {
	var n atomic.Int64
	var sum atomic.Uint64
	err := t.eachArchived(ctx, func(_ context.Context, p listed) error {
		ids, err := idsOf(p.objects)
		var part census
		for _, id := range ids {
			part.add(id)
		}
		n.Add(part.n)
		sum.Add(part.sum)
		return err
	})
	return census{n.Load(), sum.Load()}, err
}

// eachArchived lists the recycle bin, without properties. Each may be called by
// several goroutines.
func (t *Tickets) eachArchived(ctx context.Context, each func(context.Context, listed) error) error {
	ask := t.askIDs(true)
	if !t.ranges {
		return oneByOne(ctx, "", ask, each)
	}
	l := newListing([]pages.Span{{To: pages.End}}, 0, 0)
	l.ask, l.keep = ask, each
	return l.run(ctx, t.opts.Workers)
}

// milliseconds is a time as HubSpot's filters want it.
func milliseconds(at time.Time) string { return strconv.FormatInt(at.UnixMilli(), 10) }
