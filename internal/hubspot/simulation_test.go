package hubspot_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/internal/hubspot"
)

// A meter counts requests as a server may do it.
type meter interface {
	take(now time.Time, max int) (ok bool)
	left(now time.Time, max int) int
}

const meterSpan = 10 * time.Second

// rollingMeter looks back over the last ten seconds.
type rollingMeter struct{ at []time.Time }

func (m *rollingMeter) left(now time.Time, max int) int {
	for len(m.at) > 0 && now.Sub(m.at[0]) >= meterSpan {
		m.at = m.at[1:]
	}
	return max - len(m.at)
}

func (m *rollingMeter) take(now time.Time, max int) bool {
	if m.left(now, max) <= 0 {
		return false
	}
	m.at = append(m.at, now)
	return true
}

// fixedMeter starts anew every ten seconds.
type fixedMeter struct {
	began time.Time
	n     int
}

func (m *fixedMeter) left(now time.Time, max int) int {
	if now.Sub(m.began) >= meterSpan {
		m.began, m.n = now.Truncate(meterSpan).Add(3*time.Second), 0
		if m.began.After(now) {
			m.began = m.began.Add(-meterSpan)
		}
	}
	return max - m.n
}

func (m *fixedMeter) take(now time.Time, max int) bool {
	if m.left(now, max) <= 0 {
		return false
	}
	m.n++
	return true
}

// A world is a server with its limit and whoever calls it.
type world struct {
	name    string
	fixed   bool
	workers int
	counted float64                           // where within the latency: 0 as it comes in, 1 as it is answered, -1 anywhere
	latency [2]time.Duration                  // 0: 50 to 400 ms
	limit   func(since time.Duration) int     // nil: 190
	others  func(since time.Duration) float64 // requests a second of others, at random
	mute    float64                           // share of answers without headers
	reserve float64
	lasts   time.Duration // 0: five minutes
	use     float64       // at least, of what the limit allows
	refused float64       // at most, of all calls
}

// A tally is what happened after the first window, which is a special one.
type tally struct {
	mu                sync.Mutex
	meter             meter
	calls, refused    int // of the client, first window included
	ours, theirs      int
	theirsRefused     int
	allowed           float64
	busy              time.Duration // of the workers
	least             int           // lowest Remaining
	began             time.Time
	first, last, last2 time.Duration
}

func (w *world) max(since time.Duration) int {
	if w.limit == nil {
		return 190
	}
	return w.limit(since)
}

func (w *world) serve(c *tally, rnd *rand.Rand) carrier {
	return func(*http.Request) (*http.Response, error) {
		c.mu.Lock()
		low, high := w.latency[0], w.latency[1]
		if high == 0 {
			low, high = 50*time.Millisecond, 400*time.Millisecond
		}
		latency := low + time.Duration(rnd.Int64N(int64(high-low)+1))
		part := w.counted
		if part < 0 {
			part = rnd.Float64()
		}
		mute := rnd.Float64() < w.mute
		c.mu.Unlock()
		front := time.Duration(part * float64(latency))
		time.Sleep(front)
		c.mu.Lock()
		now := time.Now()
		since := now.Sub(c.began)
		max := w.max(since)
		ok := c.meter.take(now, max)
		left := c.meter.left(now, max)
		c.calls++
		if !ok {
			c.refused++
		} else if since >= meterSpan && since < w.lasts {
			c.ours++
		}
		c.mu.Unlock()
		time.Sleep(latency - front)
		var headers []string
		if !mute {
			headers = []string{"X-HubSpot-RateLimit-Max: " + strconv.Itoa(max), "X-HubSpot-RateLimit-Interval-Milliseconds: 10000",
				"X-HubSpot-RateLimit-Remaining: " + strconv.Itoa(left)}
		}
		if !ok {
			return answer(429, tenSecondly, headers...), nil
		}
		return answer(200, ticket, headers...), nil
	}
}

// otherApps spend a part of the budget, at random times.
func (w *world) otherApps(c *tally, rnd *rand.Rand) {
	if w.others == nil {
		return
	}
	for since := time.Duration(0); since < w.lasts; since = time.Since(c.began) {
		time.Sleep(time.Duration(rnd.ExpFloat64() / w.others(since) * float64(time.Second)))
		c.mu.Lock()
		since = time.Since(c.began)
		switch ok := c.meter.take(time.Now(), w.max(since)); {
		case !ok:
			c.theirsRefused++
		case since >= meterSpan && since < w.lasts:
			c.theirs++
		}
		c.mu.Unlock()
	}
}

// run lets the workers read as fast as the client lets them.
func (w world) run(t *testing.T, seed uint64) (use, refused float64, c *tally) {
	c = &tally{meter: &rollingMeter{}}
	if w.fixed {
		c.meter = &fixedMeter{}
	}
	rnd := rand.New(rand.NewPCG(seed, 7))
	synctest.Test(t, func(t *testing.T) {
		c.began = time.Now()
		client := newClient(t, w.serve(c, rnd), func(o *hubspot.Options) { o.Reserve, o.Concurrency = w.reserve, w.workers })
		var wg sync.WaitGroup
		wg.Go(func() { w.otherApps(c, rand.New(rand.NewPCG(seed, 8))) })
		for range w.workers {
			wg.Go(func() {
				for time.Since(c.began) < w.lasts {
					if err := operations["read"](t.Context(), client); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
	})
	var allowed float64
	for s := meterSpan; s < w.lasts; s += time.Second {
		allowed += float64(w.max(s)) / meterSpan.Seconds()
	}
	allowed -= float64(c.theirs)
	mean := (50 + 400) / 2 * time.Millisecond
	if w.latency[1] > 0 {
		mean = (w.latency[0] + w.latency[1]) / 2
	}
	able := float64(w.workers) * float64(w.lasts-meterSpan) / float64(mean)
	return float64(c.ours) / min(allowed, able), float64(c.refused) / float64(c.calls), c
}

func constant(n float64) func(time.Duration) float64 {
	return func(time.Duration) float64 { return n }
}

// TestSimulations holds the pace against servers that count in different ways:
// how much of the limit is used once the first window is over, and how many
// calls are refused. What the workers could do at all bounds the limit.
func TestSimulations(t *testing.T) {
	t.Parallel()
	var worlds []world
	for _, fixed := range []bool{false, true} {
		for _, counted := range []float64{0, 0.5, 1, -1} {
			for _, workers := range []int{1, 4, 6, 16} {
				worlds = append(worlds, world{fixed: fixed, counted: counted, workers: workers, use: 0.97, refused: 0.001})
			}
			add := func(w world) {
				w.fixed, w.counted, w.workers = fixed, counted, 8
				worlds = append(worlds, w)
			}
			add(world{name: "headers missing half of the time", mute: 0.5, use: 0.97, refused: 0.001})
			add(world{name: "others spend a quarter", others: constant(4.75), use: 0.97, refused: 0.001})
			add(world{name: "others come and go", others: func(d time.Duration) float64 {
				if int(d.Seconds())/40%2 == 0 {
					return 2
				}
				return 9
			}, use: 0.97, refused: 0.001})
			add(world{name: "limit of 100, then 190, then 110", limit: func(d time.Duration) int {
				return []int{100, 190, 110}[min(2, int(d.Seconds())/100)]
			}, use: 0.97, refused: 0.001})
			add(world{name: "slow answers", latency: [2]time.Duration{300 * time.Millisecond, 3 * time.Second}, use: 0.9, refused: 0.001})
			add(world{name: "a reserve of a fifth, others spend it", reserve: 0.2, others: constant(3.5), use: 0.9, refused: 0.001})
		}
	}
	for seed, w := range worlds {
		if w.lasts == 0 {
			w.lasts = 5 * time.Minute
		}
		name := map[bool]string{true: "fixed", false: "rolling"}[w.fixed] + map[float64]string{0: " counted first", 0.5: " counted in between", 1: " counted last", -1: " counted anywhere"}[w.counted]
		name += fmt.Sprintf(", %d workers", w.workers)
		if w.name != "" {
			name += ", " + w.name
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			use, refused, c := w.run(t, uint64(seed))
			t.Logf("%-80s use %5.1f %%, refused %.3f %% of %d calls; others refused %d of %d", name, 100*use, 100*refused, c.calls, c.theirsRefused, c.theirs+c.theirsRefused)
			require.GreaterOrEqual(t, use, w.use)
			require.LessOrEqual(t, refused, w.refused)
		})
	}
}
