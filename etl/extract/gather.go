package extract

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/ticketetl/ticketetl/internal/hubspot"
	"github.com/ticketetl/ticketetl/internal/pages"
)

// A Start is what the account was like when an export began. An export that
// carries on with another one's pages needs that one's.
type Start struct {
	At     time.Time `json:"at"`
	Newest time.Time `json:"newest"` // when the account's newest change was made, by HubSpot's clock; zero if there was none
	Total  int64     `json:"total"`  // tickets that the export should have, as a search counts them; -1 if it does not answer
	Reason string    `json:"reason"` // why a search does not answer
}

// A Check says whether what was gathered is all that there is.
type Check struct {
	Complete bool
	Reason   string // for people: what was compared, or why completeness is not shown
	Counted  int64  // tickets that were gathered
	Total    int64  // that the account says it has of them; -1 if it does not
	Ranges   bool   // ranges of ids were read side by side
	Changed  int64  // tickets read again or for the first time after the listing
	Gone     int64  // tickets that were archived or merged meanwhile
	Archived int64  // of those gathered, tickets in the recycle bin
	Relinked int64  // tickets of the earlier export whose associations were others
	Whole    bool   // the earlier export could not be brought up to date, and everything was read
}

// Begin asks what the account is like now.
func (t *Tickets) Begin(ctx context.Context) (Start, error) {
	start := Start{At: time.Now().UTC(), Total: -1}
	newest, total, err := t.counts(ctx)
	switch {
	case hopeless(ctx, err):
		return start, err
	case t.opts.Archived == ArchivedOnly:
		start.Newest, start.Reason = newest, "HubSpot's search does not know the recycle bin"
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

// partly says that the export is to have only what was changed.
func (t *Tickets) partly() bool { return !t.opts.Since.IsZero() && t.opts.Earlier == nil }

// counts asks when the newest change of the account was made, and how many live
// tickets the export should have.
func (t *Tickets) counts(ctx context.Context) (newest time.Time, total int64, err error) {
	newest, total, err = t.newest(ctx)
	if err == nil && t.partly() {
		_, total, err = t.newest(ctx, hubspot.FilterGroup{Filters: []hubspot.Filter{changedSince(t.opts.Since)}})
	}
	return newest, total, err
}

func changedSince(at time.Time) hubspot.Filter {
	return hubspot.Filter{Property: modified, Operator: "GTE", Value: milliseconds(at)}
}

// newest asks by a search how many tickets there are, and when the newest change
// was made.
func (t *Tickets) newest(ctx context.Context, filters ...hubspot.FilterGroup) (time.Time, int64, error) {
	page, err := t.client.Search(ctx, "tickets", hubspot.SearchRequest{
		FilterGroups: filters, Sorts: []hubspot.Sort{{Property: modified, Descending: true}}, Properties: []string{modified}, Limit: 1,
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

// Gather reads the tickets that the options want into the store, what is there
// already excepted, and then what was created, changed or archived since start. An
// error leaves the store so that Gather can go on from there. Without one the store
// has every ticket that HubSpot lists; the Check says whether that is shown to be all.
func (t *Tickets) Gather(ctx context.Context, start Start) (Check, error) {
	if t.opts.Archived == ArchivedOnly {
		return t.gatherArchived(ctx)
	}
	check, err := t.gatherLive(ctx, start)
	if err == nil && t.opts.Archived == ArchivedToo {
		err = t.addArchived(ctx, &check)
	}
	check.Ranges = t.ranges
	return check, err
}

func (t *Tickets) gatherLive(ctx context.Context, start Start) (Check, error) {
	switch {
	case t.partly():
		return t.catchUp(ctx, start)
	case t.opts.Earlier != nil:
		if check, err := t.apply(ctx, start); err != nil || check.Complete {
			return check, err
		}
		t.whole = true
		if err := t.store.Reset(); err != nil {
			return Check{}, storeError(err)
		}
	}
	check, err := t.listAll(ctx, start)
	if err != nil || check.Complete || !t.ranges || check.Total-check.Counted < pageSize {
		return check, err
	}
	t.oneCursor = true // so much is missing that the ranges may have missed it
	if err := t.store.Reset(); err != nil {
		return Check{}, storeError(err)
	}
	return t.listAll(ctx, start)
}

// listAll reads all live tickets, and what has changed meanwhile.
func (t *Tickets) listAll(ctx context.Context, start Start) (Check, error) {
	if err := t.list(ctx, start.Total); err != nil {
		return Check{}, fmt.Errorf("list tickets: %w", err)
	}
	return t.catchUp(ctx, start)
}

func (t *Tickets) catchUp(ctx context.Context, start Start) (Check, error) {
	c := catchUp{tickets: t, start: start, seen: map[uint64]int64{}, check: Check{Whole: t.whole}}
	check, err := c.run(ctx)
	if err != nil {
		return check, fmt.Errorf("look for what has changed: %w", err)
	}
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
	t.ranges = false
	if !t.oneCursor && (expected < 0 || expected > few || inRanges) {
		var err error
		if t.ranges, err = prove(ctx, t.askIDs(t.opts.Archived == ArchivedOnly)); err != nil {
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
	return oneByOne(ctx, t.store.Cursor(), t.ask(t.opts.Archived == ArchivedOnly), t.keep)
}

func (t *Tickets) listRanges(ctx context.Context, left []pages.Span, expected int64) error {
	read, err := t.store.Count()
	if err != nil {
		return err
	}
	l := newListing(left, max(expected, 0), read)
	l.ask, l.keep = t.ask(t.opts.Archived == ArchivedOnly), t.keep
	return l.run(ctx, t.opts.Workers)
}

// ask returns a function that reads one page as the options want it.
func (t *Tickets) ask(archived bool) func(context.Context, string) (*hubspot.Page, error) {
	q := hubspot.ListQuery{Limit: pageSize, Archived: archived, Associations: t.to}
	if !t.long() {
		q.Properties, q.InOrder = t.opts.Properties, true
	}
	return t.asking(q)
}

// askIDs returns a function that reads one page, for the ids in it.
func (t *Tickets) askIDs(archived bool) func(context.Context, string) (*hubspot.Page, error) {
	return t.asking(hubspot.ListQuery{Limit: pageSize, Archived: archived, Properties: []string{modified}})
}

// maxEmpty is how often an empty page that ends a listing is asked for again:
// answers with nothing in them have been seen with nothing wrong.
const maxEmpty = 3

func (t *Tickets) asking(q hubspot.ListQuery) func(context.Context, string) (*hubspot.Page, error) {
	return func(ctx context.Context, after string) (*hubspot.Page, error) {
		q := q
		q.After = after
		for round := 0; ; round++ {
			page, err := t.client.List(ctx, "tickets", q)
			if err != nil || len(page.Results) > 0 || page.After != "" || round == maxEmpty {
				return page, err
			}
		}
	}
}

// keep completes a page and stores it.
func (t *Tickets) keep(ctx context.Context, p listed) error {
	archived := t.opts.Archived == ArchivedOnly
	if archived {
		p.objects = t.recent(p.objects)
	}
	objects, err := t.complete(ctx, p.objects, archived)
	if err != nil {
		return err
	}
	stored := pages.Page{From: p.from, To: p.to, Cursor: p.cursor}
	if stored.Records, err = t.records(ctx, objects); err != nil {
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

// records are tickets as they are stored, with the properties of what they are
// associated with.
func (t *Tickets) records(ctx context.Context, objects []hubspot.Object) ([]pages.Record, error) {
	ids, err := idsOf(objects)
	if err != nil {
		return nil, err
	}
	if err := t.readHistory(ctx, objects); err != nil {
		return nil, err
	}
	found, err := t.readLinked(ctx, objects)
	if err != nil {
		return nil, err
	}
	records := make([]pages.Record, len(objects))
	var fields []string
	for i := range objects {
		fields = t.appendFields(fields[:0], &objects[i], found)
		texts := fields[1:]
		if len(t.opts.History) > 0 {
			texts = append(texts, t.packHistory(&objects[i]))
		}
		records[i] = pages.Record{ID: ids[i], Data: packTexts(asStored, texts)}
	}
	return records, nil
}

// milliseconds is a time as HubSpot's filters want it.
func milliseconds(at time.Time) string { return strconv.FormatInt(at.UnixMilli(), 10) }
