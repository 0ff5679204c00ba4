package extract

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/ticketetl/ticketetl/internal/hubspot"
	"github.com/ticketetl/ticketetl/internal/pages"
)

// A listing reads all tickets, several ranges of ids side by side. A worker
// without a range takes the upper part of that which has most left, so that
// neither gaps nor crowds of ids leave any of them idle for long. What is read
// goes to keep as it comes; no more than one page for each worker is held.
//
// It relies on what prove has shown: that any number is a cursor, and leads to
// the tickets from that id, or the one after it, in ascending order. Every page
// is checked for it again.
type listing struct {
	ask  func(ctx context.Context, after string) (*hubspot.Page, error)
	keep func(ctx context.Context, p listed) error
	page int // tickets of a full one

	mu       sync.Mutex
	changed  *sync.Cond
	open     []*span // that are read or wait to be
	expected int64   // about how many tickets there are; 0 = unknown
	read     int64
	over     bool
}

// listed are the tickets of one page, and the range that it covers.
type listed struct {
	from, to uint64
	cursor   string
	objects  []hubspot.Object
}

// A span is a range of ids that is still to be read.
type span struct {
	from, to uint64  // to: not part of it
	cursor   string  // where HubSpot said that it goes on; "" for a range that begins
	density  float64 // tickets for each id, where it was read last; 0 = it was not read yet
	taken    bool
}

// worthwhile is how many full pages a range must have left to be split.
const worthwhile = 4

// errDisorder says that a listing does not keep to the order that was proven.
var errDisorder = errors.New("HubSpot does not list tickets in the order of their ids")

func newListing(spans []pages.Span, expected, read int64) *listing {
	l := &listing{page: pageSize, expected: expected, read: read}
	l.changed = sync.NewCond(&l.mu)
	for _, s := range spans {
		l.open = append(l.open, &span{from: s.From, to: s.To})
	}
	return l
}

// run reads all ranges; it returns the first error.
func (l *listing) run(ctx context.Context, workers int) error {
	group, inner := errgroup.WithContext(ctx)
	stop := context.AfterFunc(inner, l.end)
	defer stop()
	for range max(workers, 1) {
		group.Go(func() error {
			for sp := l.next(); sp != nil; sp = l.next() {
				if err := l.readSpan(inner, sp); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return ctx.Err()
}

// expect says about how many tickets there are.
func (l *listing) expect(n int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.expected = n
}

func (l *listing) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = true
	l.changed.Broadcast()
}

// next waits for a range to read; nil means that there is nothing left to do.
func (l *listing) next() *span {
	l.mu.Lock()
	defer l.mu.Unlock()
	for !l.over && len(l.open) > 0 {
		for _, sp := range l.open {
			if !sp.taken {
				sp.taken = true
				return sp
			}
		}
		if sp := l.split(); sp != nil {
			return sp
		}
		l.changed.Wait()
	}
	return nil
}

// split takes the upper half of what the range with most left seems to have. A
// range that was not read yet is not split: it may be a gap, and one after another
// would be looked for in it.
func (l *listing) split() *span {
	var best *span
	most := float64(worthwhile * l.page)
	for _, sp := range l.open {
		if n := l.left(sp); n > most {
			best, most = sp, n
		}
	}
	if best == nil {
		return nil
	}
	ahead := most / 2 / best.density
	if ahead < 1 || ahead >= float64(best.to-best.from) {
		return nil
	}
	upper := &span{from: best.from + uint64(ahead), to: best.to, taken: true}
	best.to = upper.from
	l.open = append(l.open, upper)
	return upper
}

// left is about how many tickets of a range are still to be read: as many as it
// had where it was read last, but no more than are left at all. A range without
// an end is taken to be as wide as what is below it.
func (l *listing) left(sp *span) float64 {
	width := float64(sp.to - sp.from)
	if sp.to == pages.End && l.expected == 0 {
		width = float64(sp.from)
	}
	n := width * sp.density
	if l.expected > 0 {
		n = min(n, float64(l.expected-l.read))
	}
	return n
}

// readSpan reads a range to its end, wherever that has moved meanwhile.
func (l *listing) readSpan(ctx context.Context, sp *span) error {
	for {
		after := sp.cursor
		if after == "" && sp.from > 0 {
			after = strconv.FormatUint(sp.from-1, 10)
		}
		page, err := l.ask(ctx, after)
		if err != nil {
			return err
		}
		part, done, err := l.take(sp, page)
		if err == nil {
			err = l.keep(ctx, part)
		}
		if err != nil {
			return err
		}
		if done {
			l.finish(sp)
			return nil
		}
	}
}

// take cuts a page to its range and moves the range on.
func (l *listing) take(sp *span, page *hubspot.Page) (part listed, done bool, err error) {
	ids, err := idsOf(page.Results)
	if err != nil {
		return part, false, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !slices.IsSortedFunc(ids, ascending) || len(ids) > 0 && ids[0]+1 < sp.from {
		return part, false, errDisorder
	}
	low, _ := slices.BinarySearch(ids, sp.from)
	high, _ := slices.BinarySearch(ids, sp.to)
	part = listed{from: sp.from, to: sp.to, objects: page.Results[low:high]}
	done = page.After == "" || high < len(ids)
	if n := len(ids); !done {
		if n == 0 {
			return part, false, errDisorder
		}
		if part.to = max(ids[n-1]+1, sp.from); part.to == sp.to {
			done = true
		}
		sp.density = float64(n) / float64(ids[n-1]-ids[0]+1)
	}
	sp.from, sp.cursor = part.to, page.After
	l.read += int64(high - low)
	l.changed.Broadcast() // who has nothing to read may find a range to split
	return part, done, nil
}

// ascending orders ids so that a repeated one is out of order.
func ascending(a, b uint64) int {
	if a > b {
		return 1
	}
	return -1
}

func (l *listing) finish(sp *span) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open = slices.DeleteFunc(l.open, func(s *span) bool { return s == sp })
	l.changed.Broadcast()
}

// idsOf are the ids as numbers.
func idsOf(objects []hubspot.Object) ([]uint64, error) {
	ids := make([]uint64, len(objects))
	for i := range objects {
		id, err := strconv.ParseUint(objects[i].ID, 10, 64)
		if err != nil || id >= math.MaxInt64 {
			return nil, fmt.Errorf("HubSpot lists a ticket whose id %.40q is no number", objects[i].ID)
		}
		ids[i] = id
	}
	return ids, nil
}

// lastOfEach leaves a ticket that is in a page twice there once.
func lastOfEach(objects []hubspot.Object) []hubspot.Object {
	last := make(map[string]int, len(objects))
	for i := range objects {
		last[objects[i].ID] = i
	}
	if len(last) == len(objects) {
		return objects
	}
	var once []hubspot.Object
	for i := range objects {
		if last[objects[i].ID] == i {
			once = append(once, objects[i])
		}
	}
	return once
}

// oneByOne reads all tickets with one cursor, whatever it is, from where it
// stands.
func oneByOne(ctx context.Context, after string, ask func(context.Context, string) (*hubspot.Page, error), keep func(context.Context, listed) error) error {
	for {
		page, err := ask(ctx, after)
		if err != nil {
			return err
		}
		p := listed{cursor: page.After, objects: lastOfEach(page.Results)}
		if page.After == "" {
			p.to = pages.End
		} else if page.After == after {
			return errors.New("HubSpot's listing does not go on: it gives the same cursor again")
		}
		if err := keep(ctx, p); err != nil || page.After == "" {
			return err
		}
		after = page.After
	}
}
