package hubspot_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/internal/hubspot"
)

const (
	ticket      = `{"id":"7","properties":{}}`
	oneStored   = `{"results":[{"id":"7","objectWriteTraceId":"a"}]}`
	tenSecondly = `{"message":"You have reached your ten_secondly_rolling limit.","policyName":"TEN_SECONDLY_ROLLING","category":"RATE_LIMITS"}`
	secondly    = `{"message":"You have reached your secondly limit.","policyName":"SECONDLY"}`
	daily       = `{"message":"You have reached your daily limit.","policyName":"DAILY","errorType":"RATE_LIMIT"}`
)

var (
	oneCreate = []hubspot.CreateInput{{TraceID: "a", Properties: []hubspot.Property{{Name: "subject", Value: "x"}}}}
	oneUpdate = []hubspot.UpdateInput{{TraceID: "a", ID: "7", Properties: []hubspot.Property{{Name: "subject", Value: "x"}}}}
)

// The calls that differ in what may be repeated.
var operations = map[string]func(context.Context, *hubspot.Client) error{
	"create batch": func(ctx context.Context, c *hubspot.Client) error {
		_, err := c.CreateBatch(ctx, "tickets", oneCreate)
		return err
	},
	"create": func(ctx context.Context, c *hubspot.Client) error {
		_, err := c.Create(ctx, "tickets", oneCreate[0])
		return err
	},
	"merge": func(ctx context.Context, c *hubspot.Client) error {
		_, err := c.Merge(ctx, "tickets", "1", "2")
		return err
	},
	"update batch": func(ctx context.Context, c *hubspot.Client) error {
		_, err := c.UpdateBatch(ctx, "tickets", oneUpdate)
		return err
	},
	"upsert batch": func(ctx context.Context, c *hubspot.Client) error {
		_, err := c.UpsertBatch(ctx, "tickets", []hubspot.UpsertInput{{TraceID: "a", ID: "K", IDProperty: "key"}})
		return err
	},
	"update": func(ctx context.Context, c *hubspot.Client) error {
		_, err := c.Update(ctx, "tickets", "7", "", nil)
		return err
	},
	"archive batch": func(ctx context.Context, c *hubspot.Client) error {
		return c.ArchiveBatch(ctx, "tickets", []string{"7"})
	},
	"archive": func(ctx context.Context, c *hubspot.Client) error { return c.Archive(ctx, "tickets", "7") },
	"associate": func(ctx context.Context, c *hubspot.Client) error {
		_, err := c.AssociateDefaultBatch(ctx, "tickets", "contacts", []hubspot.AssociationWrite{{FromID: "7", ToID: "8"}})
		return err
	},
	"read": func(ctx context.Context, c *hubspot.Client) error {
		_, err := c.Get(ctx, "tickets", "7", hubspot.GetQuery{})
		return err
	},
	"read batch": func(ctx context.Context, c *hubspot.Client) error {
		_, _, err := c.ReadBatch(ctx, "tickets", hubspot.BatchRead{IDs: []string{"7"}})
		return err
	},
	"search": func(ctx context.Context, c *hubspot.Client) error {
		_, err := c.Search(ctx, "tickets", hubspot.SearchRequest{})
		return err
	},
}

// good answers every operation of the table, by its path.
func good(r *http.Request) (*http.Response, error) {
	switch {
	case r.Method == http.MethodDelete || strings.HasSuffix(r.URL.Path, "/batch/archive"):
		return answer(204, ""), nil
	case strings.HasSuffix(r.URL.Path, "/associate/default"):
		return answer(200, `{"results":[{"from":{"id":"7"},"to":{"id":"8"}}]}`), nil
	case strings.Contains(r.URL.Path, "/batch/"), strings.HasSuffix(r.URL.Path, "/search"):
		return answer(200, oneStored), nil
	}
	return answer(200, ticket), nil
}

// isProbe tells the requests by which the client finds out whether an outage is over.
func isProbe(r *http.Request) bool {
	return r.Method == http.MethodGet && r.URL.Path == "/crm/v3/objects/tickets" && r.URL.RawQuery == "limit=1"
}

func isCreate(name string) bool { return name == "create" || name == "create batch" || name == "merge" }

func isRead(name string) bool { return strings.HasPrefix(name, "read") || name == "search" }

// TestRepeating goes through what can happen to an attempt, for each kind of
// call: what proves that nothing was stored is tried again, what proves nothing
// is repeated only if that is safe.
func TestRepeating(t *testing.T) {
	t.Parallel()
	dial := &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	read := &net.OpError{Op: "read", Net: "tcp", Err: errors.New("connection reset by peer")}
	faults := []struct {
		name        string
		first       func() (*http.Response, error)
		mayBeStored bool
		refused     bool // not worth another attempt
	}{
		{name: "400", first: says(400, `{"category":"VALIDATION_ERROR"}`), refused: true},
		{name: "401", first: says(401, `{"category":"INVALID_AUTHENTICATION"}`), refused: true},
		{name: "403", first: says(403, `{}`), refused: true},
		{name: "409", first: says(409, `{"category":"CONFLICT"}`), refused: true},
		{name: "302", first: says(302, ``, "Location: https://elsewhere.example/"), refused: true},
		{name: "423", first: says(423, `{}`)},
		{name: "429 ten seconds", first: says(429, tenSecondly)},
		{name: "429 second", first: says(429, secondly)},
		{name: "429 daily", first: says(429, daily), refused: true},
		{name: "477", first: says(477, ``, "Retry-After: 30")},
		{name: "500", first: says(500, `{}`), mayBeStored: true},
		{name: "502 HTML", first: says(502, `<html>`), mayBeStored: true},
		{name: "503", first: says(503, ``), mayBeStored: true},
		{name: "504", first: says(504, ``), mayBeStored: true},
		{name: "524", first: says(524, ``), mayBeStored: true},
		{name: "never connected", first: fails(dial)},
		{name: "connection reset", first: fails(read), mayBeStored: true},
		{name: "end of file", first: fails(errors.New("EOF")), mayBeStored: true},
	}
	for _, f := range faults {
		for name, call := range operations {
			t.Run(name+" after "+f.name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					s := scripted(f.first)
					c := newClient(t, carrier(func(r *http.Request) (*http.Response, error) {
						if s.calls() == 0 {
							return s.RoundTrip(r)
						}
						_, err := s.RoundTrip(r)
						_ = err // only the count matters from here on
						return good(r)
					}))
					err := call(t.Context(), c)
					switch {
					case f.refused:
						require.Error(t, err)
						require.NotErrorIs(t, err, hubspot.ErrInDoubt)
						require.Equal(t, 1, s.calls())
					case f.mayBeStored && isCreate(name):
						require.ErrorIs(t, err, hubspot.ErrInDoubt)
						require.False(t, hubspot.Retryable(err))
						require.Equal(t, 1, s.calls(), "a create is not sent twice")
					default:
						require.NoError(t, err)
						require.Equal(t, 2, s.calls())
					}
				})
			})
		}
	}
}

// TestUselessAnswers covers 2xx that says nothing: it may well be stored.
func TestUselessAnswers(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", "{}", `{"results":[]}`, `{"results":[{"id":"7","object`, "<html>ok</html>"} {
		for _, name := range []string{"create", "create batch", "merge", "update batch", "upsert batch", "update"} {
			t.Run(name+" answered "+body, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					s := scripted(says(201, body))
					err := operations[name](t.Context(), newClient(t, s))
					require.ErrorIs(t, err, hubspot.ErrInDoubt)
					want := 3
					if isCreate(name) {
						want = 1
					}
					require.Equal(t, want, s.calls())
				})
			})
		}
	}
}

// TestGivesUp covers a call that always fails while HubSpot answers others:
// bounded attempts, and at the end writes are in doubt, reads are not.
func TestGivesUp(t *testing.T) {
	t.Parallel()
	for name, call := range operations {
		if isCreate(name) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := scripted(says(503, ""))
				began := time.Now()
				err := call(t.Context(), newClient(t, carrier(func(r *http.Request) (*http.Response, error) {
					if isProbe(r) {
						return good(r)
					}
					return s.RoundTrip(r)
				})))
				var refusal *hubspot.Error
				require.ErrorAs(t, err, &refusal)
				require.Equal(t, 503, refusal.Status)
				require.Equal(t, isRead(name), !errors.Is(err, hubspot.ErrInDoubt))
				require.Equal(t, 10, s.calls())
				require.Less(t, time.Since(began), 4*time.Minute)
			})
		})
	}
}

// TestRefusalAfterLostAnswer: the refusal of the same content shows that the
// attempt before it stored nothing either.
func TestRefusalAfterLostAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := scripted(says(504, ""), says(400, `{"category":"VALIDATION_ERROR"}`))
		_, err := newClient(t, s).UpdateBatch(t.Context(), "tickets", oneUpdate)
		require.NotErrorIs(t, err, hubspot.ErrInDoubt)
		require.EqualError(t, err, "update 1 tickets: HubSpot answered 400 VALIDATION_ERROR: bad request")
	})
	synctest.Test(t, func(t *testing.T) {
		s := scripted(says(504, ""), says(429, daily))
		_, err := newClient(t, s).UpdateBatch(t.Context(), "tickets", oneUpdate)
		require.ErrorIs(t, err, hubspot.ErrInDoubt, "a limit says nothing of the attempt before")
		require.True(t, hubspot.IsDailyLimit(err))
	})
}

// TestArchiveFindsItDone: a repeated DELETE that finds nothing is done.
func TestArchiveFindsItDone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		require.NoError(t, newClient(t, scripted(says(504, ""), says(404, "{}"))).Archive(t.Context(), "tickets", "7"))
	})
	synctest.Test(t, func(t *testing.T) {
		require.Error(t, newClient(t, scripted(says(404, "{}"))).Archive(t.Context(), "tickets", "7"))
	})
}

func TestWaits(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		answers  []func() (*http.Response, error)
		min, max time.Duration // of the wait before the second attempt
		kind     string
	}{
		{"ten-second limit waits for the window", []func() (*http.Response, error){says(429, tenSecondly, "X-HubSpot-RateLimit-Max: 100", "X-HubSpot-RateLimit-Interval-Milliseconds: 10000")}, 10 * time.Second, 12 * time.Second, "rate-limit"},
		{"a limit without words waits ten seconds", []func() (*http.Response, error){says(429, "")}, 10 * time.Second, 12 * time.Second, "rate-limit"},
		{"the window is the account's", []func() (*http.Response, error){says(429, tenSecondly, "X-HubSpot-RateLimit-Max: 100", "X-HubSpot-RateLimit-Interval-Milliseconds: 4000")}, 4 * time.Second, 5 * time.Second, "rate-limit"},
		{"one-second limit", []func() (*http.Response, error){says(429, secondly)}, time.Second, 1500 * time.Millisecond, "rate-limit"},
		{"Retry-After of a limit", []func() (*http.Response, error){says(429, tenSecondly, "Retry-After: 3")}, 3 * time.Second, 4 * time.Second, "rate-limit"},
		{"a lock lasts two seconds", []func() (*http.Response, error){says(423, "")}, 2 * time.Second, 3 * time.Second, "retry"},
		{"account being moved", []func() (*http.Response, error){says(477, "", "Retry-After: 60")}, time.Minute, 72 * time.Second, "retry"},
		{"outage", []func() (*http.Response, error){says(502, "")}, 500 * time.Millisecond, 600 * time.Millisecond, "retry"},
		{"outage with Retry-After", []func() (*http.Response, error){says(503, "", "Retry-After: 7")}, 7 * time.Second, 9 * time.Second, "retry"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := scripted(append(tt.answers, says(200, ticket))...)
				var events []hubspot.Event
				c := newClient(t, s, func(o *hubspot.Options) { o.Notify = func(e hubspot.Event) { events = append(events, e) } })
				_, err := c.Get(t.Context(), "tickets", "7", hubspot.GetQuery{})
				require.NoError(t, err)
				waits := s.waits()
				require.Len(t, waits, 1)
				require.GreaterOrEqual(t, waits[0], tt.min)
				require.LessOrEqual(t, waits[0], tt.max)
				require.Len(t, events, 1)
				require.Equal(t, tt.kind, events[0].Kind)
				require.GreaterOrEqual(t, events[0].Wait, tt.min)
				require.NotEmpty(t, events[0].Reason)
				require.Equal(t, int64(1), c.Stats().Retries)
				require.Equal(t, int64(2), c.Stats().Calls)
			})
		})
	}
}

// TestMaxWait: a wait that would pass the bound is not begun, and the refusal
// tells how long it would have been.
func TestMaxWait(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		answer func() (*http.Response, error)
		status int
		calls  int
		longer time.Duration
	}{
		{"move of a day", says(477, "", "Retry-After: 86400"), 477, 1, 0},
		{"limit that does not end", says(429, tenSecondly), 429, 30, 3 * time.Minute},
		{"lock that does not end", says(423, ""), 423, 200, 3 * time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := scripted(tt.answer)
				c := newClient(t, s, func(o *hubspot.Options) { o.MaxWait = 5 * time.Minute })
				began := time.Now()
				_, err := c.CreateBatch(t.Context(), "tickets", oneCreate)
				var refusal *hubspot.Error
				require.ErrorAs(t, err, &refusal)
				require.NotErrorIs(t, err, hubspot.ErrInDoubt)
				require.Equal(t, tt.status, refusal.Status)
				require.LessOrEqual(t, s.calls(), tt.calls)
				require.LessOrEqual(t, time.Since(began), 5*time.Minute)
				require.GreaterOrEqual(t, time.Since(began), tt.longer)
			})
		})
	}
}

func TestDailyLimitIsTold(t *testing.T) {
	t.Parallel()
	var events []hubspot.Event
	s := scripted(says(429, daily, "X-HubSpot-RateLimit-Daily: 250000", "X-HubSpot-RateLimit-Daily-Remaining: 0"))
	c := newClient(t, s, func(o *hubspot.Options) { o.Notify = func(e hubspot.Event) { events = append(events, e) } })
	require.Equal(t, hubspot.Stats{DailyLimit: -1, DailyRemaining: -1}, c.Stats())
	_, err := c.CreateBatch(t.Context(), "tickets", oneCreate)
	require.True(t, hubspot.IsDailyLimit(err))
	require.Equal(t, hubspot.Stats{Calls: 1, RateLimited: 1, DailyLimit: 250000}, c.Stats())
	require.Len(t, events, 1)
	require.Equal(t, "daily-limit", events[0].Kind)
}

// TestCancel: a wait ends with its context, and what was sent before is in doubt.
func TestCancel(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		answer  func() (*http.Response, error)
		call    string
		inDoubt bool
	}{
		{"create that waits for a limit", says(429, tenSecondly), "create batch", false},
		{"update that waits after an outage", says(503, ""), "update batch", true},
		{"read that waits after an outage", says(503, ""), "read", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
				defer cancel()
				began := time.Now()
				err := operations[tt.call](ctx, newClient(t, scripted(tt.answer)))
				require.ErrorIs(t, err, context.DeadlineExceeded)
				require.Equal(t, 100*time.Millisecond, time.Since(began))
				require.Equal(t, tt.inDoubt, errors.Is(err, hubspot.ErrInDoubt))
			})
		})
	}
}

// TestAttemptTimeout: an answer that never comes ends the attempt, not the call.
func TestAttemptTimeout(t *testing.T) {
	t.Parallel()
	hang := func(sent *int) carrier {
		return func(r *http.Request) (*http.Response, error) {
			if *sent++; *sent > 1 {
				return good(r)
			}
			<-r.Context().Done()
			return nil, r.Context().Err()
		}
	}
	for _, name := range []string{"create batch", "update batch", "read"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				sent := 0
				began := time.Now()
				err := operations[name](t.Context(), newClient(t, hang(&sent), func(o *hubspot.Options) { o.Timeout = 20 * time.Second }))
				require.GreaterOrEqual(t, time.Since(began), 20*time.Second)
				if isCreate(name) {
					require.ErrorIs(t, err, hubspot.ErrInDoubt)
					require.ErrorContains(t, err, "within 20s")
					require.Equal(t, 1, sent)
					return
				}
				require.NoError(t, err)
				require.Equal(t, 2, sent)
			})
		})
	}
}

// fire makes n calls and returns when each was sent: one, whose answer tells the limit,
// as the definitions do in a run, and the others from several goroutines.
func fire(t *testing.T, n, workers int, response func() (*http.Response, error), call string, c func(http.RoundTripper) *hubspot.Client) []time.Time {
	t.Helper()
	s := scripted(response)
	client := c(s)
	require.NoError(t, operations[call](t.Context(), client))
	var left atomic.Int64
	left.Store(int64(n - 1))
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if err := operations[call](t.Context(), client); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	require.Len(t, s.at, n)
	return s.at
}

// most is the largest number of times within any window.
func most(at []time.Time, window time.Duration) int {
	best, from := 0, 0
	for i := range at {
		for at[i].Sub(at[from]) >= window {
			from++
		}
		best = max(best, i-from+1)
	}
	return best
}

func TestPace(t *testing.T) {
	t.Parallel()
	headers := func(max, interval, remaining string) []string {
		return []string{"X-HubSpot-RateLimit-Max: " + max, "X-HubSpot-RateLimit-Interval-Milliseconds: " + interval, "X-HubSpot-RateLimit-Remaining: " + remaining}
	}
	remote := func(o *hubspot.Options) { o.BaseURL = "https://hubspot.example" }
	found := `{"total":0,"results":[]}`
	tests := []struct {
		name     string
		response func() (*http.Response, error)
		call     string
		n        int
		window   time.Duration
		atMost   int           // in any window
		fastest  time.Duration // for all
		slowest  time.Duration
		change   func(*hubspot.Options)
	}{
		{name: "190 per ten seconds", response: says(200, ticket, headers("190", "10000", "150")...), call: "read",
			n: 600, window: 10 * time.Second, atMost: 190, fastest: 30 * time.Second, slowest: 31 * time.Second},
		{name: "100 per ten seconds", response: says(200, ticket, headers("100", "10000", "90")...), call: "read",
			n: 400, window: 10 * time.Second, atMost: 100, fastest: 30 * time.Second, slowest: 31 * time.Second},
		{name: "another interval", response: says(200, ticket, headers("50", "1000", "40")...), call: "read",
			n: 400, window: time.Second, atMost: 50, fastest: 7 * time.Second, slowest: 8 * time.Second},
		{name: "a large limit slows nothing", response: says(200, ticket, headers("100000", "10000", "99990")...), call: "read",
			n: 4000, window: 10 * time.Second, atMost: 100000, slowest: time.Second},
		{name: "a limit of one", response: says(200, ticket, headers("1", "1000", "1")...), call: "read",
			n: 8, window: time.Second, atMost: 1, fastest: 7 * time.Second, slowest: 8 * time.Second},
		{name: "a local server without headers", response: says(200, ticket), call: "read",
			n: 4000, window: time.Second, atMost: 4000, slowest: 50 * time.Millisecond},
		{name: "a remote server without headers", response: says(200, ticket), call: "read", change: remote,
			n: 4000, window: time.Second, atMost: 4000, slowest: 50 * time.Millisecond},
		{name: "search, whatever the headers", response: says(200, found, headers("190", "10000", "150")...), call: "search",
			n: 40, window: time.Second, atMost: 5, fastest: 9 * time.Second, slowest: 11 * time.Second},
		{name: "associations are exempt", response: says(200, `{"results":[{"from":{"id":"7"},"to":{"id":"8"}}]}`, headers("100", "10000", "90")...),
			call: "associate", n: 400, window: time.Second, atMost: 400, slowest: 10 * time.Millisecond},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				at := fire(t, tt.n, 8, tt.response, tt.call, func(s http.RoundTripper) *hubspot.Client {
					if tt.change == nil {
						return newClient(t, s)
					}
					return newClient(t, s, tt.change)
				})
				took := time.Since(began)
				require.LessOrEqual(t, most(at, tt.window), tt.atMost)
				require.GreaterOrEqual(t, took, tt.fastest)
				require.LessOrEqual(t, took, tt.slowest)
			})
		})
	}
}

// TestSearchKeepsItsLimit: answers without headers lift the general limit, not
// that of searches, whose answers never have any.
func TestSearchKeepsItsLimit(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, base string
		fastest    time.Duration
		slowest    time.Duration
	}{
		{"local", "http://localhost:8080", 2 * time.Second, 4 * time.Second},
		{"remote", "https://hubspot.example", 2 * time.Second, 4 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := newClient(t, carrier(good), func(o *hubspot.Options) { o.BaseURL = tt.base })
				for range 3 {
					require.NoError(t, operations["read"](t.Context(), c))
				}
				began := time.Now()
				for range 12 {
					require.NoError(t, operations["search"](t.Context(), c))
				}
				require.GreaterOrEqual(t, time.Since(began), tt.fastest)
				require.LessOrEqual(t, time.Since(began), tt.slowest)
			})
		})
	}
}

// TestOthersSpendTheBudget: when HubSpot says that little is left, although we
// keep our share, attempts slow down.
func TestOthersSpendTheBudget(t *testing.T) {
	t.Parallel()
	run := func(remaining string) time.Duration {
		var took time.Duration
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			fire(t, 200, 8, says(200, ticket, "X-HubSpot-RateLimit-Max: 100", "X-HubSpot-RateLimit-Remaining: "+remaining), "read",
				func(s http.RoundTripper) *hubspot.Client { return newClient(t, s) })
			took = time.Since(began)
		})
		return took
	}
	require.Greater(t, run("0"), 3*run("80"))
}

// TestLimitHoldsEverybody: an answer of 429 makes the whole bucket wait, not
// only the call that got it.
func TestLimitHoldsEverybody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := scripted(says(429, tenSecondly), says(200, ticket))
		c := newClient(t, s)
		var wg sync.WaitGroup
		for i := range 5 {
			wg.Go(func() {
				time.Sleep(time.Duration(i) * time.Millisecond)
				if _, err := c.Get(t.Context(), "tickets", "7", hubspot.GetQuery{}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		require.Len(t, s.at, 6)
		require.GreaterOrEqual(t, s.at[1].Sub(s.at[0]), 10*time.Second)
	})
}

// TestLimitOfASilentServer: a server without headers that answers 429 does have
// a limit, which is kept from then on.
func TestLimitOfASilentServer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := scripted(says(200, ticket), says(200, ticket), says(200, ticket), says(429, tenSecondly), says(200, ticket))
		c := newClient(t, s)
		for range 300 {
			require.NoError(t, operations["read"](t.Context(), c))
		}
		require.LessOrEqual(t, most(s.at[5:], 10*time.Second), 100)
	})
}

// TestExpiredToken: a token that expired is renewed, also when the new one is
// called expired; what cannot be renewed, or was never good, ends the call.
func TestExpiredToken(t *testing.T) {
	t.Parallel()
	expired := says(401, `{"category":"EXPIRED_AUTHENTICATION","message":"expired"}`)
	unreachable := says(503, "")
	for _, tt := range []struct {
		name      string
		answers   []func() (*http.Response, error)
		tokens    *tokens
		want      string // error
		gaveUp    bool   // it passes; otherwise the token is no good
		refreshed int
	}{
		{"renewed and repeated", []func() (*http.Response, error){expired, says(201, oneStored)}, &tokens{}, "", false, 1},
		{"the new one has expired, too", []func() (*http.Response, error){expired, expired, expired, says(201, oneStored)}, &tokens{}, "", false, 3},
		{"other failures in between", []func() (*http.Response, error){expired, says(429, secondly), expired, says(423, ""), expired, says(201, oneStored)}, &tokens{}, "", false, 3},
		{"each one has expired", []func() (*http.Response, error){expired}, &tokens{},
			"create 1 tickets: gave up after [0-9ms]+ of waiting, and can be resumed later: HubSpot answered 401 EXPIRED_AUTHENTICATION: expired", true, 8},
		{"cannot be renewed", []func() (*http.Response, error){expired}, &tokens{err: errNoWay},
			"create 1 tickets: HubSpot answered 401 EXPIRED_AUTHENTICATION: expired; no way", false, 1},
		{"cannot be renewed the second time", []func() (*http.Response, error){expired, expired}, &tokens{err: errNoWay, good: 1},
			"create 1 tickets: HubSpot answered 401 EXPIRED_AUTHENTICATION: expired; no way", false, 2},
		{"wrong token is not renewed", []func() (*http.Response, error){says(401, `{"category":"INVALID_AUTHENTICATION","message":"bad or expired"}`)}, &tokens{},
			"create 1 tickets: HubSpot answered 401 INVALID_AUTHENTICATION: bad or expired", false, 0},
		{"the new one is wrong", []func() (*http.Response, error){expired, says(401, `{"category":"INVALID_AUTHENTICATION","message":"bad"}`)}, &tokens{},
			"create 1 tickets: HubSpot answered 401 INVALID_AUTHENTICATION: bad", false, 1},
		{"the new one meets a failure", []func() (*http.Response, error){expired, unreachable}, &tokens{},
			"create 1 tickets: in doubt whether it is stored: HubSpot answered 503: service unavailable", true, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := scripted(tt.answers...)
				c := newClient(t, s, func(o *hubspot.Options) { o.Tokens = tt.tokens })
				_, err := c.CreateBatch(t.Context(), "tickets", oneCreate)
				if tt.want == "" {
					require.NoError(t, err)
				} else {
					require.Regexp(t, "^"+tt.want+"$", err.Error())
					require.Equal(t, !tt.gaveUp, hubspot.IsAuth(err))
				}
				used := -1
				for _, r := range s.seen { // no token is used again once it was refused
					var n int
					_, scanErr := fmt.Sscanf(r.Header.Get("Authorization"), "Bearer t%d", &n)
					require.NoError(t, scanErr)
					require.GreaterOrEqual(t, n, used)
					used = n
				}
				require.Equal(t, tt.refreshed, tt.tokens.n)
			})
		})
	}
}

// TestExpiredTokenInAnOutage: a token endpoint that is out of reach is an outage,
// which passes, and not a token that is no good.
func TestExpiredTokenInAnOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{fails: []*http.Response{answer(200, `{"access_token":"access0","expires_in":1800}`)}}
		for range 200 {
			i.fails = append(i.fails, answer(503, ""))
		}
		c := newClient(t, scripted(says(401, `{"category":"EXPIRED_AUTHENTICATION","message":"expired"}`)), func(o *hubspot.Options) {
			o.Tokens, o.MaxWait = oauth(i), 5*time.Minute
		})
		_, err := c.CreateBatch(t.Context(), "tickets", oneCreate)
		require.ErrorIs(t, err, hubspot.ErrGaveUp)
		require.ErrorIs(t, err, hubspot.ErrNotSent)
		require.False(t, hubspot.IsAuth(err), "%v", err)
	})
}

var errNoWay = errors.New("no way")

// tokens numbers its tokens and counts how often it was renewed.
type tokens struct {
	n    int
	err  error
	good int // renewals before err
}

func (k *tokens) Token(context.Context) (string, error) { return "t0", nil }

func (k *tokens) Refresh(context.Context, string) (string, error) {
	k.n++
	if k.n > k.good && k.err != nil {
		return "", k.err
	}
	return fmt.Sprintf("t%d", k.n), nil
}

// TestNothingIsSentAfterUntil: not even a request that would be answered at once.
func TestNothingIsSentAfterUntil(t *testing.T) {
	t.Parallel()
	until, stop := context.WithCancelCause(t.Context())
	stop(errors.New("the program was interrupted"))
	for range 200 {
		s := scripted(says(200, `{"id":"7"}`))
		c := newClient(t, s, func(o *hubspot.Options) { o.Until = until })
		_, err := c.Get(t.Context(), "tickets", "7", hubspot.GetQuery{})
		require.ErrorContains(t, err, "the program was interrupted")
		require.Zero(t, s.calls())
	}
}
