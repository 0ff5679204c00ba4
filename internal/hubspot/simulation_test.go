package hubspot_test

import (
	"flag"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/internal/hubspot"
	"github.com/ticketetl/ticketetl/internal/raced"
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
	short   float64 // of the ideal, at most; 0: it does not matter
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

	told       map[int]bool // limits that an answer has told
	unforeseen int          // refused, of what was sent before an answer told of the limit
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

// draw says how long an answer takes, and after how long the request is counted.
func (w *world) draw(rnd *rand.Rand) (latency, counted time.Duration) {
	low, high := w.latency[0], w.latency[1]
	if high == 0 {
		low, high = 50*time.Millisecond, 400*time.Millisecond
	}
	latency = low + time.Duration(rnd.Int64N(int64(high-low)+1))
	part := w.counted
	if part < 0 {
		part = rnd.Float64()
	}
	return latency, time.Duration(part * float64(latency))
}

func (w *world) newMeter() meter {
	if w.fixed {
		return &fixedMeter{}
	}
	return &rollingMeter{}
}

// epoch is when a simulation begins.
var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func (w *world) serve(c *tally, rnd *rand.Rand) carrier {
	return func(*http.Request) (*http.Response, error) {
		c.mu.Lock()
		latency, front := w.draw(rnd)
		before := maps.Clone(c.told)
		mute := rnd.Float64() < w.mute
		c.mu.Unlock()
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
			if !before[max] {
				c.unforeseen++
			}
		} else {
			c.ours += w.weigh(since)
		}
		c.mu.Unlock()
		time.Sleep(latency - front)
		var headers []string
		if !mute {
			c.mu.Lock()
			c.told[max] = true
			c.mu.Unlock()
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
//
// What was sent before an answer told of a new limit, and was refused for it,
// can't be helped: it counts as used, not as refused.
func (w world) run(t *testing.T, seed uint64) (use, refused float64, c *tally) {
	c = &tally{meter: w.newMeter(), told: map[int]bool{}}
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
	c.refused -= c.unforeseen
	return w.used(c.ours+float64(c.unforeseen), c.theirs, c.took/time.Duration(c.calls)), float64(c.refused) / float64(c.calls), c
}

// used is which share was used of what the limit, others and the workers allow,
// when an answer takes so long on average.
func (w *world) used(ours, theirs float64, mean time.Duration) float64 {
	var allowed, able float64 // by the limit; by the workers
	for since := time.Duration(0); since < w.lasts; since += time.Second {
		allowed += w.weigh(since) * float64(w.max(since)) / meterSpan.Seconds()
		able += w.weigh(since) * float64(w.workers) / mean.Seconds()
	}
	return ours / min(allowed*(1-w.reserve), allowed-theirs, able)
}

func constant(n float64) func(time.Duration) float64 {
	return func(time.Duration) float64 { return n }
}

// seeds is how many times each world runs, each time by other chances:
//
//	go test ./internal/hubspot -run TestSimulations -v -seeds 20
var seeds = flag.Int("seeds", 3, "simulate each world with this many seeds")

// A summary is of the runs of one world.
type summary struct {
	use, least    float64 // mean, and least
	refused, most float64 // mean, and most
	unforeseen    int     // most
	calls         int
	others        float64 // share of those of others that was refused
}

func (w world) runs(t *testing.T) summary {
	s := summary{least: math.Inf(1)}
	n, othersRefused, others := float64(*seeds), 0, 0
	for seed := range *seeds {
		use, refused, c := w.run(t, uint64(seed))
		s.use += use / n
		s.refused += refused / n
		s.least, s.most = min(s.least, use), max(s.most, refused)
		s.unforeseen = max(s.unforeseen, c.unforeseen)
		s.calls += c.calls
		others += c.others
		othersRefused += c.othersRefused
	}
	s.others = float64(othersRefused) / max(1, float64(others))
	return s
}

func (w *world) title() string {
	name := map[bool]string{true: "fixed, counted ", false: "rolling, counted "}[w.fixed] +
		map[float64]string{0: "first", 1: "last", -1: "anywhere"}[w.counted] + fmt.Sprintf(", %d workers", w.workers)
	if w.name != "" {
		name += ", " + w.name
	}
	return name
}

// TestSimulations holds the pace against servers that count in different ways:
// how much of the limit is used once the first window is over, and how many
// calls are refused. What the workers could do at all bounds the limit.
//
// Where nobody else spends, each run must use 97 % and have one call in a
// thousand refused at most. Where others spend, at random, so must the mean of
// the runs, of which chance is allowed three standard errors. In rolling windows
// not even the ideal uses 97 % then (see ideal), and the pace must come near to it.
//
// The race detector sees a few of the worlds; make test runs all of them without it.
func TestSimulations(t *testing.T) {
	t.Parallel()
	for i, w := range worlds() {
		if raced.On && (i%5 != 0 || w.others != nil) {
			continue
		}
		t.Run(w.title(), func(t *testing.T) {
			t.Parallel()
			s := w.runs(t)
			t.Logf("%-74s use %5.1f %% (least %5.1f %%), refused %.3f %% (most %.3f %%); others refused %.1f %%; unforeseen %d",
				w.title(), 100*s.use, 100*s.least, 100*s.refused, 100*s.most, 100*s.others, s.unforeseen)
			require.LessOrEqual(t, s.unforeseen, w.workers)
			if w.others == nil {
				require.GreaterOrEqual(t, s.least, w.use)
				require.LessOrEqual(t, s.most, w.refused)
				return
			}
			use := w.use
			if w.short > 0 {
				ideal, refused := w.ideal()
				t.Logf("%-74s use %5.1f %%, refused %.3f %%: the ideal", w.title(), 100*ideal, 100*refused)
				use = min(use, ideal-w.short)
			}
			require.GreaterOrEqual(t, s.use, use)
			require.LessOrEqual(t, s.refused, w.refused+3*math.Sqrt(w.refused/float64(s.calls)))
		})
	}
}

func worlds() []world {
	come := func(d time.Duration) float64 { return []float64{2, 9}[int(d.Seconds())/30%2] }
	steps := func(d time.Duration) int { return []int{100, 190, 110}[min(2, int(d.Seconds())/40)] }
	slow := [2]time.Duration{300 * time.Millisecond, 3 * time.Second}
	special := []world{
		{name: "half of the headers missing", workers: 8, mute: 0.5},
		{name: "a limit of 100, 190, then 110", workers: 8, limit: steps, use: 0.96}, // the eight refused keep their places for an interval
		{name: "answers of 0.3 to 3 s", workers: 30, latency: slow, use: 0.89},       // a place is held for 1.4 s too long: 87 % of what the limit allows, which is 95 % of what the workers can do
		{name: "others spend a quarter", workers: 8, others: constant(4.75)},
		{name: "others come and go", workers: 8, others: come},
		{name: "reserve of a fifth, others spend less", workers: 8, reserve: 0.2, others: constant(2)},
		{name: "reserve of a fifth, others spend it", workers: 8, reserve: 0.2, others: constant(3.5)}, // and more, at times
	}
	var worlds []world
	add := func(w world) {
		w.lasts = 2 * time.Minute
		if w.use == 0 {
			w.use = 0.97
		}
		if w.refused == 0 {
			w.refused = 0.001
		}
		if w.others != nil && !w.fixed && w.name != "reserve of a fifth, others spend less" {
			w.short = 0.02
			if w.counted < 0 && w.reserve == 0 { // the ideal knows when each is counted
				w.short = 0.04
			}
		}
		worlds = append(worlds, w)
	}
	for _, fixed := range []bool{false, true} {
		for _, counted := range []float64{0, 1, -1} {
			for _, workers := range []int{1, 4, 6, 8, 16, 40} {
				add(world{fixed: fixed, counted: counted, workers: workers})
			}
			for _, w := range special {
				w.fixed, w.counted = fixed, counted
				add(w)
			}
		}
	}
	return worlds
}
