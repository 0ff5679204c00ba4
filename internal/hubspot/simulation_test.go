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

const (
	meterSpan = 10 * time.Second
	phase     = 3 * time.Second // of fixed windows
)

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
		m.began, m.n = now.Truncate(meterSpan).Add(phase), 0
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
	lasts   time.Duration
	use     float64 // at least, of what the limit allows
	refused float64 // at most, of all calls
}

// A tally is what happened.
type tally struct {
	mu            sync.Mutex
	meter         meter
	began         time.Time
	calls         int // of the client
	refused       int
	took          time.Duration // the answers, together
	ours, theirs  float64       // weighed
	others        int
	othersRefused int
}

// weigh leaves the first window out and lets the next and the last one count by
// and by, so that it does not matter at which moment a burst is cut off.
func (w *world) weigh(since time.Duration) float64 {
	return max(0, min(1, (since-meterSpan).Seconds()/meterSpan.Seconds(), (w.lasts-since).Seconds()/meterSpan.Seconds()))
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
		c.took += latency
		if !ok {
			c.refused++
		} else {
			c.ours += w.weigh(since)
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
		c.others++
		if c.meter.take(time.Now(), w.max(since)) {
			c.theirs += w.weigh(since)
		} else {
			c.othersRefused++
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
	mean := c.took / time.Duration(c.calls)
	var allowed, able float64 // by the limit; by the workers
	for since := time.Duration(0); since < w.lasts; since += time.Second {
		allowed += w.weigh(since) * float64(w.max(since)) / meterSpan.Seconds()
		if drop := w.max(since-time.Second) - w.max(since); since > 0 && drop > 0 {
			allowed -= float64(drop) // those of the old limit still count
		}
		able += w.weigh(since) * float64(w.workers) / mean.Seconds()
	}
	return c.ours / min(allowed*(1-w.reserve), allowed-c.theirs, able), float64(c.refused) / float64(c.calls), c
}

func constant(n float64) func(time.Duration) float64 {
	return func(time.Duration) float64 { return n }
}

// TestSimulations holds the pace against servers that count in different ways:
// how much of the limit is used once the first window is over, and how many
// calls are refused. What the workers could do at all bounds the limit.
func TestSimulations(t *testing.T) {
	t.Parallel()
	come := func(d time.Duration) float64 { return []float64{2, 9}[int(d.Seconds())/30%2] }
	steps := func(d time.Duration) int { return []int{100, 190, 110}[min(2, int(d.Seconds())/40)] }
	slow := [2]time.Duration{300 * time.Millisecond, 3 * time.Second}
	special := []world{
		{name: "half of the headers missing", workers: 8, mute: 0.5, use: 0.97, refused: 0.001},
		{name: "a limit of 100, 190, then 110", workers: 8, limit: steps, use: 0.94, refused: 0.001 + 8.0/1500}, // the eight calls under way when it falls
		{name: "answers of 0.3 to 3 s", workers: 30, latency: slow, use: 0.90, refused: 0.001},
		{name: "others spend a quarter", workers: 8, others: constant(4.75), use: 0.91, refused: 0.008},
		{name: "others come and go", workers: 8, others: come, use: 0.91, refused: 0.008},
		{name: "reserve of a fifth, others spend it", workers: 8, reserve: 0.2, others: constant(3.5), use: 0.93, refused: 0.005},
	}
	var worlds []world
	for _, fixed := range []bool{false, true} {
		for _, counted := range []float64{0, 1, -1} {
			for _, workers := range []int{1, 4, 6, 16} {
				if counted < 0 && workers < 6 {
					continue
				}
				w := world{fixed: fixed, counted: counted, workers: workers, use: 0.97, refused: 0.001}
				if counted < 0 { // no bound on what is counted when: a refusal now and then
					w.use, w.refused = 0.955, 0.002
				}
				worlds = append(worlds, w)
			}
		}
		for _, w := range special {
			for _, w.counted = range []float64{0, 1} {
				w.fixed = fixed
				worlds = append(worlds, w)
			}
		}
	}
	for seed, w := range worlds {
		w.lasts = 2 * time.Minute
		name := map[bool]string{true: "fixed, counted ", false: "rolling, counted "}[w.fixed] +
			map[float64]string{0: "first", 1: "last", -1: "anywhere"}[w.counted] + fmt.Sprintf(", %d workers", w.workers)
		if w.name != "" {
			name += ", " + w.name
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			use, refused, c := w.run(t, uint64(seed))
			t.Logf("%-72s use %5.1f %%, refused %.3f %% of %d calls; others refused %d of %d", name, 100*use, 100*refused, c.calls, c.othersRefused, c.others)
			require.GreaterOrEqual(t, use, w.use)
			require.LessOrEqual(t, refused, w.refused)
		})
	}
}
