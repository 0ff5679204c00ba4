package hubspot_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/internal/hubspot"
)

// broken is a HubSpot that fails from one moment to another.
type broken struct {
	from, to time.Duration // since began
	fault    func() (*http.Response, error)
	spared   func(*http.Request) bool // nil: nothing is

	began time.Time
	mu    sync.Mutex
	sent  int // while broken, probes apart
	probe []time.Time
}

func (b *broken) RoundTrip(r *http.Request) (*http.Response, error) {
	select {
	case <-time.After(100 * time.Millisecond):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	since := time.Since(b.began)
	if since < b.from || since >= b.to {
		return good(r)
	}
	b.mu.Lock()
	if isProbe(r) {
		b.probe = append(b.probe, time.Now())
	} else {
		b.sent++
	}
	b.mu.Unlock()
	if b.spared != nil && b.spared(r) {
		return good(r)
	}
	return b.fault()
}

var (
	refusedDial = fails(&net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")})
	reset       = fails(&net.OpError{Op: "read", Net: "tcp", Err: errors.New("connection reset by peer")})
)

// notes gathers events.
type notes struct {
	mu   sync.Mutex
	list []hubspot.Event
}

func (n *notes) add(e hubspot.Event) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.list = append(n.list, e)
}

func (n *notes) of(kind string) []hubspot.Event {
	n.mu.Lock()
	defer n.mu.Unlock()
	var list []hubspot.Event
	for _, e := range n.list {
		if e.Kind == kind {
			list = append(list, e)
		}
	}
	return list
}

// TestOutage: one circuit holds all workers back, probes one at a time, and goes
// on by itself. Creates end in doubt only if they were under way when it began.
func TestOutage(t *testing.T) {
	t.Parallel()
	const workers = 16
	tests := []struct {
		name    string
		fault   func() (*http.Response, error)
		inDoubt bool
		lasts   time.Duration
		probes  int // at most
	}{
		{"connection refused, three minutes", refusedDial, false, 3 * time.Minute, 12},
		{"connection reset, three minutes", reset, true, 3 * time.Minute, 12},
		{"503, ten seconds", says(503, "<html>"), true, 10 * time.Second, 5},
		{"502, nine minutes", says(502, ""), true, 9 * time.Minute, 24},
		{"521", says(521, ""), true, time.Minute, 7},
		{"503 with Retry-After", says(503, "", "Retry-After: 20"), true, time.Minute, 4},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := &broken{from: 5 * time.Second, to: 5*time.Second + tt.lasts, fault: tt.fault, began: time.Now()}
				var events notes
				c := newClient(t, b, func(o *hubspot.Options) { o.Notify = events.add })
				var doubts, done atomic.Int32
				var wg sync.WaitGroup
				for worker := range workers {
					name := "create batch"
					if worker%2 == 1 {
						name = "update batch"
					}
					wg.Go(func() {
						for time.Since(b.began) < tt.lasts+time.Minute {
							switch err := operations[name](t.Context(), c); {
							case err == nil:
								done.Add(1)
							case errors.Is(err, hubspot.ErrInDoubt) && name == "create batch" && !errors.Is(err, hubspot.ErrNotSent):
								doubts.Add(1)
							default:
								t.Error(err)
							}
							time.Sleep(500 * time.Millisecond)
						}
					})
				}
				wg.Wait()
				require.LessOrEqual(t, b.sent, workers+5, "besides the probes, only what was under way")
				require.NotEmpty(t, b.probe)
				require.LessOrEqual(t, len(b.probe), tt.probes)
				require.Equal(t, tt.inDoubt, doubts.Load() > 0)
				require.LessOrEqual(t, doubts.Load(), int32(workers))
				require.Greater(t, done.Load(), int32(workers*20))
				for i := 1; i < len(b.probe); i++ {
					require.Greater(t, b.probe[i].Sub(b.probe[i-1]), time.Second)
				}
				require.Len(t, events.of("outage-over"), 1)
				outages := events.of("outage")
				require.Len(t, outages, len(b.probe)+1)
				for _, e := range outages {
					require.GreaterOrEqual(t, e.Wait, time.Second)
					require.LessOrEqual(t, e.Wait, 36*time.Second)
					require.NotEmpty(t, e.Reason)
				}
			})
		})
	}
}

// TestOutageWithoutEnd: Options.MaxWait bounds the waiting; what was not sent is
// told from what is in doubt.
func TestOutageWithoutEnd(t *testing.T) {
	t.Parallel()
	for name, call := range operations {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := &broken{from: time.Second, to: time.Hour, fault: says(503, ""), began: time.Now()}
				c := newClient(t, b, func(o *hubspot.Options) { o.MaxWait = 5 * time.Minute })
				require.NoError(t, operations["read"](t.Context(), c))
				time.Sleep(time.Second)
				for range 5 { // opens the circuit
					_ = operations["create"](t.Context(), c)
				}
				sent := b.sent
				require.Equal(t, 5, sent)
				began := time.Now()
				err := call(t.Context(), c)
				require.ErrorIs(t, err, hubspot.ErrGaveUp)
				require.ErrorIs(t, err, hubspot.ErrNotSent)
				require.NotErrorIs(t, err, hubspot.ErrInDoubt)
				require.ErrorContains(t, err, "HubSpot has been out of reach for 5m")
				require.ErrorContains(t, err, "can be resumed")
				require.ErrorContains(t, err, "HubSpot answered 503")
				require.Equal(t, sent, b.sent)
				require.InDelta(t, 5*time.Minute, time.Since(began), float64(time.Second))
			})
		})
	}
}

// TestOutageOfWrites: probes are answered and writes are not. The writes go out
// one at a time, so that not many of them end in doubt.
func TestOutageOfWrites(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &broken{from: 0, to: time.Minute, fault: says(503, ""), spared: isProbe, began: time.Now()}
		c := newClient(t, b)
		var doubts atomic.Int32
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for time.Since(b.began) < 90*time.Second {
					if err := operations["create batch"](t.Context(), c); err != nil {
						require.ErrorIs(t, err, hubspot.ErrInDoubt)
						doubts.Add(1)
					}
				}
			})
		}
		wg.Wait()
		require.LessOrEqual(t, doubts.Load(), int32(8+7), "those of the beginning, and one for each probe of a minute")
	})
}

// TestNoOutage: failures among answers do not open the circuit, nor does an
// address at which nobody ever answered.
func TestNoOutage(t *testing.T) {
	t.Parallel()
	t.Run("four failures in a row", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			var n int
			var events notes
			c := newClient(t, carrier(func(r *http.Request) (*http.Response, error) {
				if n++; n%5 != 0 {
					return answer(503, ""), nil
				}
				return good(r)
			}), func(o *hubspot.Options) { o.Notify = events.add })
			for range 20 {
				require.NoError(t, operations["read"](t.Context(), c))
			}
			require.Empty(t, events.of("outage"))
			require.Equal(t, 100, n)
		})
	})
	t.Run("nobody ever answered", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			var events notes
			began := time.Now()
			c := newClient(t, scripted(refusedDial), func(o *hubspot.Options) { o.Notify = events.add })
			var wg sync.WaitGroup
			for range 8 {
				wg.Go(func() {
					err := operations["create"](t.Context(), c)
					require.ErrorIs(t, err, hubspot.ErrNotSent)
					require.ErrorContains(t, err, "connection refused")
				})
			}
			wg.Wait()
			require.Empty(t, events.of("outage"))
			require.Less(t, time.Since(began), 10*time.Second)
		})
	})
	t.Run("a request that HubSpot always fails at", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			var other atomic.Int32
			c := newClient(t, carrier(func(r *http.Request) (*http.Response, error) {
				time.Sleep(50 * time.Millisecond)
				if r.Method == http.MethodPost {
					return answer(500, "{}"), nil
				}
				other.Add(1)
				return good(r)
			}))
			ctx, cancel := context.WithCancel(t.Context())
			var wg sync.WaitGroup
			wg.Go(func() {
				for ctx.Err() == nil {
					_ = operations["read"](ctx, c)
				}
			})
			err := operations["update batch"](t.Context(), c)
			cancel()
			wg.Wait()
			var refusal *hubspot.Error
			require.ErrorAs(t, err, &refusal)
			require.Greater(t, other.Load(), int32(1000), "the others go on")
		})
	})
}

// TestCancelInAnOutage: who waits leaves at once, and if it was its turn to
// probe, the next one does.
func TestCancelInAnOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &broken{from: time.Second, to: 40 * time.Second, fault: reset, began: time.Now()}
		c := newClient(t, b)
		require.NoError(t, operations["read"](t.Context(), c))
		time.Sleep(time.Second)
		for range 5 {
			require.ErrorIs(t, operations["create"](t.Context(), c), hubspot.ErrInDoubt)
		}
		var wg sync.WaitGroup
		for i := range 60 {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*317*time.Millisecond)
				defer cancel()
				began := time.Now()
				err := operations["create"](ctx, c)
				require.ErrorIs(t, err, context.DeadlineExceeded)
				require.ErrorIs(t, err, hubspot.ErrNotSent)
				require.Equal(t, time.Duration(i)*317*time.Millisecond, time.Since(began))
			})
		}
		wg.Go(func() { require.NoError(t, operations["create"](t.Context(), c)) })
		wg.Wait()
	})
}
