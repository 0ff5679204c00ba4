package hubspot_test

import (
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/internal/hubspot"
)

// A tired server takes longer when more is asked of it at once than it can do.
type tired struct {
	able   func(since time.Duration) int
	slow   func(since time.Duration) int // times as long, whatever is asked; nil: 1
	began  time.Time
	mu     sync.Mutex
	flying int
	most   map[int]int // under way at once, in each minute
	done   map[int]int
}

func (s *tired) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	since := time.Since(s.began)
	s.flying++
	minute := int(since.Minutes())
	if since.Seconds() > float64(minute*60+30) { // it has had time to adapt
		s.most[minute] = max(s.most[minute], s.flying)
	}
	s.done[minute]++
	latency := 200 * time.Millisecond * time.Duration(max(s.able(since), s.flying)) / time.Duration(s.able(since))
	if s.slow != nil {
		latency *= time.Duration(s.slow(since))
	}
	s.mu.Unlock()
	time.Sleep(latency)
	s.mu.Lock()
	s.flying--
	s.mu.Unlock()
	return good(r)
}

// TestConcurrency: a server that can do less than before is asked for less at
// once and does as much as it can; when it recovers, it is asked for as much as
// before. One that is slower for no fault of ours is asked for as much as before
// after a while.
func TestConcurrency(t *testing.T) {
	t.Parallel()
	run := func(s *tired) {
		s.most, s.done = map[int]int{}, map[int]int{}
		synctest.Test(t, func(t *testing.T) {
			s.began = time.Now()
			c := newClient(t, s, func(o *hubspot.Options) { o.Concurrency = 16 })
			var wg sync.WaitGroup
			for range 40 {
				wg.Go(func() {
					for time.Since(s.began) < 4*time.Minute {
						if err := operations["update batch"](t.Context(), c); err != nil {
							t.Error(err)
						}
					}
				})
			}
			wg.Wait()
		})
		t.Logf("under way at most %v, done %v, by minute", s.most, s.done)
	}
	minute := func(list ...int) func(time.Duration) int {
		return func(since time.Duration) int { return list[min(len(list)-1, int(since.Minutes()))] }
	}
	able := &tired{able: minute(16, 3, 16)}
	run(able)
	require.Equal(t, 16, able.most[0])
	require.LessOrEqual(t, able.most[1], 8)
	require.Equal(t, 16, able.most[2])
	require.InDelta(t, 3*5*60, able.done[1], 60, "three at once, five times a second, is all that it can do")
	require.Greater(t, able.done[3], able.done[0]*99/100)

	slower := &tired{able: minute(16), slow: minute(1, 4)}
	run(slower)
	require.Equal(t, 16, slower.most[3])
	require.Greater(t, slower.done[3], slower.done[0]/4*90/100)
}

// TestConcurrencyBound: never more than asked for, whatever the call, and never
// fewer than one.
func TestConcurrencyBound(t *testing.T) {
	t.Parallel()
	for _, bound := range []int{0, 1, 3} {
		synctest.Test(t, func(t *testing.T) {
			var mu sync.Mutex
			flying, most := 0, 0
			c := newClient(t, carrier(func(r *http.Request) (*http.Response, error) {
				mu.Lock()
				flying++
				most = max(most, flying)
				mu.Unlock()
				time.Sleep(time.Second)
				mu.Lock()
				flying--
				mu.Unlock()
				return good(r)
			}), func(o *hubspot.Options) { o.Concurrency = bound })
			began := time.Now()
			var wg sync.WaitGroup
			for name, call := range operations {
				for range 2 {
					wg.Go(func() {
						if err := call(t.Context(), c); err != nil {
							t.Error(name, err)
						}
					})
				}
			}
			wg.Wait()
			n := 2 * len(operations)
			if bound == 0 {
				require.Less(t, time.Since(began), 4*time.Second)
				return
			}
			require.Equal(t, bound, most)
			require.InDelta(t, float64(n/bound), time.Since(began).Seconds(), 2)
		})
	}
}

func TestOptionsOfThePace(t *testing.T) {
	t.Parallel()
	for _, opts := range []hubspot.Options{{Reserve: -0.1}, {Reserve: 0.95}, {Concurrency: -1}} {
		opts.Tokens = hubspot.StaticToken("secret-token")
		_, err := hubspot.New(opts)
		require.Error(t, err)
	}
}
