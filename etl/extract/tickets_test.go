package extract_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/etl/extract"
	"github.com/ticketetl/ticketetl/internal/hubspot"
	"github.com/ticketetl/ticketetl/internal/pages"
	"github.com/ticketetl/ticketetl/internal/sandbox"
)

// An estate is an account with tickets, whose ids are of 11 and of 17 digits,
// some of them archived.
type estate struct {
	server *sandbox.Server
	client *hubspot.Client
	writes *hubspot.Client // that no fault strikes
	ids    []string        // of those that are live

	flying, most atomic.Int64 // requests of client: now, and at most
}

// RoundTrip counts the requests under way.
func (e *estate) RoundTrip(r *http.Request) (*http.Response, error) {
	now := e.flying.Add(1)
	defer e.flying.Add(-1)
	for most := e.most.Load(); now > most && !e.most.CompareAndSwap(most, now); most = e.most.Load() {
	}
	return e.server.Transport().RoundTrip(r)
}

// undisturbed carries requests that no fault strikes.
type undisturbed struct{ next http.RoundTripper }

func (u undisturbed) RoundTrip(r *http.Request) (*http.Response, error) {
	return u.next.RoundTrip(sandbox.Undisturbed(r))
}

func newEstate(t require.TestingT, ctx context.Context, tickets int, opts sandbox.Options) *estate {
	opts.Limits = sandbox.Unlimited
	server, err := sandbox.New(opts)
	require.NoError(t, err)
	e := &estate{server: server}
	asks := hubspot.Options{BaseURL: "http://127.0.0.1", Transport: e, Tokens: hubspot.StaticToken("x"), Timeout: 2 * time.Second}
	e.client, err = hubspot.New(asks)
	require.NoError(t, err)
	writes := asks // of which each is answered, on a busy machine later
	writes.Transport, writes.Timeout = undisturbed{server.Transport()}, time.Minute
	e.writes, err = hubspot.New(writes)
	require.NoError(t, err)
	for at := 0; at < tickets; at += 100 {
		e.create(t, ctx, at, min(100, tickets-at))
	}
	e.gaps(t, ctx)
	return e
}

func (e *estate) create(t require.TestingT, ctx context.Context, at, n int) {
	in := make([]hubspot.CreateInput, n)
	for i := range in {
		in[i].Properties = []hubspot.Property{
			{Name: "subject", Value: fmt.Sprint("Ticket ", at+i)}, {Name: "hs_pipeline", Value: "0"}, {Name: "hs_pipeline_stage", Value: "1"},
		}
	}
	results, err := e.writes.CreateBatch(ctx, "tickets", in)
	require.NoError(t, err)
	for _, r := range results {
		require.NoError(t, r.Err)
		e.ids = append(e.ids, r.ID)
	}
}

// gaps archives a long stretch of tickets in the middle, and single ones.
func (e *estate) gaps(t require.TestingT, ctx context.Context) {
	var gone, left []string
	for i, id := range e.ids {
		if i%13 == 7 || i > len(e.ids)/3 && i < len(e.ids)/2 {
			gone = append(gone, id)
		} else {
			left = append(left, id)
		}
	}
	for part := range slices.Chunk(gone, 100) {
		require.NoError(t, e.writes.ArchiveBatch(ctx, "tickets", part))
	}
	e.ids = left
}

func openStore(t require.TestingT, path string) *pages.Store {
	store, err := pages.Open(path, []byte("test"))
	require.NoError(t, err)
	return store
}

var plainOptions = extract.TicketOptions{Properties: []string{"subject", "hs_lastmodifieddate"}, Associations: []string{"contacts"}, Workers: 8}

// gathered reads all of an account.
func gathered(t require.TestingT, ctx context.Context, client *hubspot.Client, path string, opts extract.TicketOptions) (extract.Check, [][]string) {
	store := openStore(t, path)
	defer store.Close()
	source := extract.NewTickets(client, store, opts)
	start, err := source.Begin(ctx)
	require.NoError(t, err)
	check, err := source.Gather(ctx, start)
	require.NoError(t, err)
	return check, all(t, ctx, source)
}

func all(t require.TestingT, ctx context.Context, source *extract.Tickets) (rows [][]string) {
	last := uint64(0)
	for {
		rec, err := source.Next(ctx)
		if errors.Is(err, io.EOF) {
			return rows
		}
		require.NoError(t, err)
		id, err := strconv.ParseUint(rec.Fields[0], 10, 64)
		require.NoError(t, err)
		require.Greater(t, id, last, "the order is that of ids")
		last = id
		rows = append(rows, rec.Fields)
	}
}

// dump is what the account itself says it has.
func (e *estate) dump(archived bool) (rows [][]string) {
	for _, ticket := range e.server.Tickets(archived) {
		var contacts []string
		for _, a := range ticket.Associations["contacts"] {
			contacts = append(contacts, a.ID)
		}
		row := []string{ticket.ID, ticket.Properties["subject"], ticket.Properties["hs_lastmodifieddate"], strings.Join(contacts, ";")}
		if archived {
			row = append(row, ticket.ArchivedAt.Format("2006-01-02T15:04:05.999Z"))
		}
		rows = append(rows, row)
	}
	return rows
}

// Whatever the concurrency, and whatever the cursor is, an export is what the
// account has, in the order of ids.
func TestTicketsAreTheAccounts(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		switches sandbox.Switches
		tickets  int
		ranges   bool
	}{
		"no tickets":               {tickets: 0},
		"one page":                 {tickets: 60},
		"cursors are ids":          {tickets: 3000, ranges: true},
		"cursors are the last ids": {tickets: 3000, ranges: true, switches: sandbox.Switches{LastCursor: true}},
		"cursors are not ids":      {tickets: 3000, switches: sandbox.Switches{TokenCursor: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEstate(t, t.Context(), tt.tickets, sandbox.Options{IndexLag: -1, Switches: tt.switches})
			for _, archived := range []bool{false, true} {
				want := e.dump(archived)
				for _, workers := range []int{1, 5, 16} {
					opts := plainOptions
					opts.Workers = workers
					if archived {
						opts.Archived = extract.ArchivedOnly
					}
					check, rows := gathered(t, t.Context(), e.client, filepath.Join(t.TempDir(), "pages"), opts)
					require.Equal(t, want, rows)
					require.True(t, check.Complete, check.Reason)
					require.Equal(t, int64(len(want)), check.Counted)
					require.Equal(t, int64(len(want)), check.Total)
					if !archived || tt.tickets > 1000 {
						require.Equal(t, tt.ranges, check.Ranges)
					}
				}
			}
		})
	}
}

// Ranges cost few pages more than one cursor does.
func TestTicketsAskForFewPages(t *testing.T) {
	t.Parallel()
	e := newEstate(t, t.Context(), 20_000, sandbox.Options{IndexLag: -1, Latency: sandbox.Range{Min: 5 * time.Millisecond, Max: 10 * time.Millisecond}})
	before := e.server.Requests()["GET /crm/v3/objects/{type}"]
	check, _ := gathered(t, t.Context(), e.client, filepath.Join(t.TempDir(), "pages"), plainOptions)
	require.True(t, check.Ranges)
	pages := e.server.Requests()["GET /crm/v3/objects/{type}"] - before
	require.GreaterOrEqual(t, e.most.Load(), int64(6), "ranges are read side by side")
	require.LessOrEqual(t, pages, len(e.ids)/100*13/10+20, "%d tickets", len(e.ids))
	require.Empty(t, e.server.Violations())
}

// More properties than an address holds are read by batch.
func TestTicketsWithManyProperties(t *testing.T) {
	t.Parallel()
	e := newEstate(t, t.Context(), 700, sandbox.Options{IndexLag: -1})
	opts := plainOptions
	opts.Properties = slices.Clone(opts.Properties)
	for i := range 300 {
		opts.Properties = append(opts.Properties, fmt.Sprintf("property_without_definition_%d", i))
	}
	check, rows := gathered(t, t.Context(), e.client, filepath.Join(t.TempDir(), "pages"), opts)
	require.True(t, check.Complete, check.Reason)
	for i, want := range e.dump(false) {
		require.Equal(t, want[:3], rows[i][:3])
	}
	require.Len(t, rows, len(e.ids))
	require.Empty(t, e.server.Violations())
}

// Every kind of fault is survived, or ends the export with an error; nothing is
// lost and nothing is taken for complete that is not.
func TestTicketsThroughFaults(t *testing.T) {
	t.Parallel()
	for _, rule := range []string{
		"429:tickets:p=0.05", "423:tickets:p=0.02", "477:tickets:n=3", "500:tickets:p=0.05", "502:tickets:p=0.05", "503:tickets:p=0.05", "504:tickets:p=0.05",
		"524-after-commit:tickets:p=0.05", "reset-before:tickets:p=0.05", "reset-after-commit:tickets:p=0.05", "truncate:tickets:p=0.05",
		"slow-body:tickets:p=0.05:delay=50ms", "empty-results:GET /crm/v3/objects/tickets:p=0.1", "never-answer:tickets:n=9", "delay:tickets:p=0.2:delay=30ms",
	} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			faults, err := sandbox.ParseFaults(rule)
			require.NoError(t, err)
			e := newEstate(t, t.Context(), 1500, sandbox.Options{IndexLag: -1, Faults: faults, Seed: 7})
			want := e.dump(false)
			check, rows := gathered(t, t.Context(), e.client, filepath.Join(t.TempDir(), "pages"), plainOptions)
			require.True(t, check.Complete, check.Reason)
			require.Equal(t, want, rows)
		})
	}
}

// An export that is stopped anywhere goes on from there, and asks for no page
// again that it has.
func TestTicketsCarryOn(t *testing.T) {
	t.Parallel()
	for _, switches := range []sandbox.Switches{{}, {TokenCursor: true}} {
		e := newEstate(t, t.Context(), 4000, sandbox.Options{IndexLag: -1, Switches: switches})
		want := e.dump(false)
		path := filepath.Join(t.TempDir(), "pages")
		var start extract.Start
		calls, stops := 0, 0
		for stops = 0; ; stops++ {
			before := e.server.Requests()["GET /crm/v3/objects/{type}"]
			ctx, cancel := context.WithCancel(t.Context())
			opts := plainOptions
			var mu sync.Mutex
			left := 900 // tickets until it is stopped
			opts.Watch = func(n int64) {
				mu.Lock()
				defer mu.Unlock()
				if left -= int(n); left <= 0 {
					cancel()
				}
			}
			store := openStore(t, path)
			source := extract.NewTickets(e.client, store, opts)
			if stops == 0 {
				var err error
				start, err = source.Begin(ctx)
				require.NoError(t, err)
			}
			check, err := source.Gather(ctx, start)
			stopped := ctx.Err() != nil
			cancel()
			calls += e.server.Requests()["GET /crm/v3/objects/{type}"] - before
			if err == nil {
				require.True(t, check.Complete, check.Reason)
				require.Equal(t, want, all(t, t.Context(), source))
				require.NoError(t, store.Close())
				break
			}
			require.True(t, stopped, "%v", err)
			require.NoError(t, store.Close())
		}
		require.GreaterOrEqual(t, stops, 2)
		require.LessOrEqual(t, calls, len(want)/100+12*(stops+1)+20, "pages are not read again")
	}
}

// What the account counts, and what was read, differ: it is said.
func TestTicketsThatAreNotComplete(t *testing.T) {
	t.Parallel()
	faults, err := sandbox.ParseFaults("empty-results:search")
	require.NoError(t, err)
	e := newEstate(t, t.Context(), 300, sandbox.Options{IndexLag: -1, Faults: faults})
	opts := plainOptions
	opts.Settle = time.Millisecond
	check, rows := gathered(t, t.Context(), e.client, filepath.Join(t.TempDir(), "pages"), opts)
	require.False(t, check.Complete)
	require.Len(t, rows, len(e.ids), "what is listed is there")
	require.Equal(t, "the account counts 0 tickets, and 231 were read", check.Reason)
}

// While others write: each ticket is there once, with values that it had within
// the run; what was there all the time is there, and what was gone by the end and
// not written since is not.
func TestTicketsWhileOthersWrite(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			e := newEstate(t, t.Context(), 1200, sandbox.Options{IndexLag: 40 * time.Millisecond, Latency: sandbox.Range{Min: time.Millisecond, Max: 6 * time.Millisecond}})
			opts := plainOptions
			opts.Workers, opts.Settle = int(seed)+1, 2*time.Second
			w, stop := startWriter(t, e, seed)
			_, rows := gathered(t, t.Context(), e.client, filepath.Join(t.TempDir(), "pages"), opts)
			stop()
			w.judge(t, rows)
		})
	}
}

// Once others have stopped to write, before the listing ends, the export is what
// the account is in the end: what was created, changed and archived meanwhile is
// in it.
func TestTicketsAfterOthersHaveWritten(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			e := newEstate(t, t.Context(), 1500, sandbox.Options{IndexLag: -1, Latency: sandbox.Range{Min: 10 * time.Millisecond, Max: 30 * time.Millisecond}})
			opts := plainOptions
			opts.Workers = int(seed) + 1
			w, stop := startWriter(t, e, seed)
			var read atomic.Int64
			opts.Watch = func(n int64) {
				if read.Add(n) > 500 {
					stop()
				}
			}
			check, rows := gathered(t, t.Context(), e.client, filepath.Join(t.TempDir(), "pages"), opts)
			require.True(t, check.Complete, check.Reason)
			require.Equal(t, e.dump(false), rows)
			require.NotEmpty(t, w.created)
			require.NotEmpty(t, w.gone)
			w.judge(t, rows)
		})
	}
}

func startWriter(t *testing.T, e *estate, seed uint64) (w *writer, stop func()) {
	w = newWriter(e, seed)
	done := make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() { w.run(t.Context(), done) })
	return w, sync.OnceFunc(func() {
		close(done)
		group.Wait()
		assert.NoError(t, w.err)
	})
}

// A writer changes an account and keeps every value that a ticket had.
type writer struct {
	e       *estate
	rng     *rand.Rand
	values  map[string]map[string]bool // id -> subjects
	created map[string]bool
	gone    map[string]bool
	err     error
}

func newWriter(e *estate, seed uint64) *writer {
	w := &writer{e: e, rng: rand.New(rand.NewPCG(seed, 1)), values: map[string]map[string]bool{}, created: map[string]bool{}, gone: map[string]bool{}}
	for _, row := range e.dump(false) {
		w.values[row[0]] = map[string]bool{row[1]: true}
	}
	return w
}

func (w *writer) run(ctx context.Context, done chan struct{}) {
	for n := 0; w.err == nil; n++ {
		select {
		case <-done:
			return
		case <-time.After(3 * time.Millisecond):
		}
		switch n % 5 {
		case 0:
			o, err := w.e.writes.Create(ctx, "tickets", hubspot.CreateInput{Properties: []hubspot.Property{
				{Name: "subject", Value: fmt.Sprint("New ", n)}, {Name: "hs_pipeline", Value: "0"}, {Name: "hs_pipeline_stage", Value: "1"},
			}})
			if w.err = err; err == nil {
				w.values[o.ID], w.created[o.ID] = map[string]bool{fmt.Sprint("New ", n): true}, true
			}
		case 1:
			id := w.any()
			w.values[id][fmt.Sprint("Changed ", n)] = true
			_, w.err = w.e.writes.Update(ctx, "tickets", id, "", []hubspot.Property{{Name: "subject", Value: fmt.Sprint("Changed ", n)}})
		case 2:
			id := w.any()
			w.gone[id] = true
			w.err = w.e.writes.Archive(ctx, "tickets", id)
		case 3: // somebody takes it out of the recycle bin, if it is still there
			for id := range w.gone {
				if w.e.server.Restore(id) {
					break
				}
			}
		case 4: // of two tickets a third one is made
			a, b := w.any(), w.any()
			if a == b {
				continue
			}
			w.gone[a], w.gone[b] = true, true
			var o *hubspot.Object
			if o, w.err = w.e.writes.Merge(ctx, "tickets", a, b); w.err == nil {
				w.values[o.ID], w.created[o.ID] = maps.Clone(w.values[a]), true
				maps.Copy(w.values[o.ID], w.values[b])
			}
		}
	}
}

// any is a ticket that is live.
func (w *writer) any() string {
	for {
		ids := slices.Sorted(maps.Keys(w.values))
		if id := ids[w.rng.IntN(len(ids))]; !w.gone[id] {
			return id
		}
	}
}

func (w *writer) judge(t require.TestingT, rows [][]string) {
	seen := map[string]bool{}
	for _, row := range rows {
		require.True(t, w.values[row[0]][row[1]], "ticket %s never was %q, but %v", row[0], row[1], w.values[row[0]])
		seen[row[0]] = true
	}
	for id := range w.values {
		if !w.created[id] && !w.gone[id] {
			require.True(t, seen[id], "ticket %s was there all the time", id)
		}
	}
}
