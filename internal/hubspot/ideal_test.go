package hubspot_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// An ideal is a pace that knows what no client can: how the server counts, how
// long each answer will take and when the request will be counted, how many
// requests others send on average, and of theirs each one that was counted before
// the newest answer. What others have sent since then it cannot know either, nor
// will it before the next answer; it is spread by chance (Poisson). The ideal
// sends evenly, so that answers keep coming, and as soon as the chance that others
// have taken the last place is not more than risk.
type ideal struct {
	world *world
	risk  float64
	rnd   *rand.Rand
	meter meter

	others  []time.Duration // to come
	flying  []flight
	ours    []time.Duration // counted, or to be
	theirs  []time.Duration // counted
	seen    time.Duration   // what others have sent until then is known
	even    time.Duration   // nothing is sent before
	took    time.Duration   // the answers, together
	weighed [2]float64      // ours, theirs
	calls   int
	refused int
}

// A flight is one of our requests.
type flight struct {
	counted, answered time.Duration
	done              bool // counted, or refused
}

const tick = time.Millisecond

// ideal is the use that the ideal makes when one call in a thousand is refused,
// by the means of some runs.
func (w *world) ideal() (use, refused float64) {
	low, high := 0.0, 0.1 // risk
	for range 5 {
		use, refused = 0, 0
		for seed := range *seeds {
			u, r := w.runIdeal((low+high)/2, uint64(seed))
			use, refused = use+u/float64(*seeds), refused+r/float64(*seeds)
		}
		if refused > 0.001 {
			high = (low + high) / 2
		} else {
			low = (low + high) / 2
		}
	}
	return use, refused
}

func (w *world) runIdeal(risk float64, seed uint64) (use, refused float64) {
	c := &ideal{world: w, risk: risk, rnd: rand.New(rand.NewPCG(seed, 9)), meter: w.newMeter()}
	for at := time.Duration(0); at < w.lasts; {
		at += time.Duration(c.rnd.ExpFloat64() / w.others(at) * float64(time.Second))
		c.others = append(c.others, at)
	}
	latency, counted := w.draw(c.rnd)
	for now := time.Duration(0); now < w.lasts; now += tick {
		c.count(now)
		c.answer(now)
		for len(c.flying) < w.workers && now >= c.even && c.fits(now+counted) {
			c.send(now, latency, counted)
			c.count(now)
			latency, counted = w.draw(c.rnd)
		}
	}
	return w.used(c.weighed[0], c.weighed[1], c.took/time.Duration(c.calls)), float64(c.refused) / float64(c.calls)
}

func (c *ideal) send(now, latency, counted time.Duration) {
	c.flying = append(c.flying, flight{counted: now + counted, answered: now + latency})
	c.ours = append(c.ours, now+counted)
	c.took += latency
	c.calls++
	rate := float64(c.world.max(now))/meterSpan.Seconds() - c.world.others(now)
	c.even = now + time.Duration(0.9/rate*float64(time.Second))
}

// count lets the server count what has come by now, in order.
func (c *ideal) count(now time.Duration) {
	for {
		first := -1
		for i, f := range c.flying {
			if !f.done && f.counted <= now && (first < 0 || f.counted < c.flying[first].counted) {
				first = i
			}
		}
		if len(c.others) > 0 && c.others[0] <= now && (first < 0 || c.others[0] < c.flying[first].counted) {
			t := c.others[0]
			c.others = c.others[1:]
			if c.meter.take(epoch.Add(t), c.world.max(t)) {
				c.theirs = append(c.theirs, t)
				c.weighed[1] += c.world.weigh(t)
			}
			continue
		}
		if first < 0 {
			return
		}
		f := &c.flying[first]
		f.done = true
		if c.meter.take(epoch.Add(f.counted), c.world.max(f.counted)) {
			c.weighed[0] += c.world.weigh(f.counted)
			continue
		}
		c.refused++
		at := slices.Index(c.ours, f.counted)
		c.ours = slices.Delete(c.ours, at, at+1)
	}
}

func (c *ideal) answer(now time.Duration) {
	c.flying = slices.DeleteFunc(c.flying, func(f flight) bool {
		if f.answered > now {
			return false
		}
		c.seen = max(c.seen, f.counted)
		return true
	})
	old := func(t time.Duration) bool { return now-t > meterSpan+5*time.Second }
	if len(c.ours) > 0 && old(c.ours[0]) {
		c.ours = slices.DeleteFunc(c.ours, old)
		c.theirs = slices.DeleteFunc(c.theirs, old)
	}
}

// fits says whether one more may be counted at t, and whether those that are
// counted later still may.
func (c *ideal) fits(t time.Duration) bool {
	if !c.fitsAt(t) {
		return false
	}
	for _, f := range c.flying {
		if f.counted > t && !c.fitsAt(f.counted) {
			return false
		}
	}
	return true
}

// fitsAt says whether there is room for one more in a rolling window that ends at t.
func (c *ideal) fitsAt(t time.Duration) bool {
	ours, used := 1, 1
	for _, at := range c.ours {
		if at > t-meterSpan && at <= t {
			ours, used = ours+1, used+1
		}
	}
	for _, at := range c.theirs {
		if at > t-meterSpan && at <= c.seen {
			used++
		}
	}
	limit := c.world.max(t)
	return float64(ours) <= float64(limit)*(1-c.world.reserve) && used <= limit &&
		poissonOver(c.world.others(t)*(t-c.seen).Seconds(), limit-used) <= c.risk
}

// poissonOver is the chance of more than n.
func poissonOver(mean float64, n int) float64 {
	p, sum := math.Exp(-mean), 0.0
	for k := 0; k <= n; k++ {
		sum += p
		p *= mean / float64(k+1)
	}
	return max(0, 1-sum)
}
