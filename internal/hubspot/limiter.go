package hubspot

import (
	"context"
	"math"
	"math/bits"
	"strings"
	"sync"
	"time"
)

// A limiter bounds how many attempts are under way: by what the caller asked
// for, and by what HubSpot can do. While the answers of one kind take more than
// twice as long as they usually do, or HubSpot says that it is overloaded, the
// bound shrinks by a fifth for each round of answers; with answers as usual it
// grows by one for each round in which somebody waits. Once half as many are
// under way, it shows whether that was right: if as much gets done as before,
// there were too many; if only half as much, then HubSpot is slower for another
// reason, and what it takes now is the usual from then on.
type limiter struct {
	turn chan struct{} // held by the first of those who wait
	wake chan struct{} // holds something when an attempt has ended

	mu     sync.Mutex
	most   float64 // asked for
	bound  float64 // in force
	flying int
	full   bool    // somebody had to wait since the last answer
	settle int     // answers until the last cut has shown
	before int     // under way when slow answers began; 0: they are not slow
	rate   float64 // of answers a second, then
	usual  map[kind]*latency
}

// A kind of attempts takes about the same time.
type kind struct {
	method, path string
	size         int // of the body, as a power of four
}

// A latency is how long attempts of one kind take, in seconds.
type latency struct {
	n    int
	late float64 // mean of the last few
	long float64 // mean of the last few hundred that were nearly as usual
}

const (
	tolerated  = 2.0 // how many times the usual latency is not a sign of overload
	normal     = 1.4 // how many times the usual latency may become the usual one
	knownAfter = 24  // answers of one kind
	shortMean  = 10
	longMean   = 250
	cut        = 0.8
	held       = 0.75 // share of the rate, above which it has not suffered
)

// newLimiter takes 0 for no bound of its own.
func newLimiter(most int) *limiter {
	l := &limiter{turn: make(chan struct{}, 1), wake: make(chan struct{}, 1), most: math.Inf(1), usual: map[kind]*latency{}}
	if most > 0 {
		l.most = float64(most)
	}
	l.bound = l.most
	return l
}

// enter returns when one more attempt may be under way; leave has to follow.
func (l *limiter) enter(ctx context.Context, w *waiting) error {
	if err := w.send(ctx, l.turn); err != nil {
		return err
	}
	defer func() { <-l.turn }()
	for {
		l.mu.Lock()
		free := float64(l.flying)+1 <= max(1, l.bound)
		if free {
			l.flying++
		} else {
			l.full = true
		}
		l.mu.Unlock()
		if free {
			return nil
		}
		if err := w.wait(ctx, min(time.Second, w.most-w.sum+1), l.wake); err != nil {
			return err
		}
	}
}

// leave ends an attempt of which nothing is to be learned.
func (l *limiter) leave() {
	l.mu.Lock()
	l.flying--
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// learn takes in how an attempt went; leave has to follow.
func (l *limiter) learn(k kind, took time.Duration, overloaded bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.settle--
	slow, known := overloaded, true
	if !overloaded {
		t := l.latencyOf(k)
		if slow = t.add(took.Seconds()); slow {
			slow, known = l.judge(t)
		}
	}
	switch {
	case slow && known && l.settle <= 0:
		l.bound = max(1, cut*l.bound)
		if math.IsInf(l.bound, 1) {
			l.bound = max(1, cut*float64(l.flying))
		}
		l.settle = l.flying + shortMean
	case !slow:
		l.before = 0
		if l.full {
			l.bound, l.full = min(l.most, l.bound+1/l.bound), false
		}
	}
}

// judge says whether slow answers come from too many attempts. If not, they are
// taken for usual. It is not known before the means have settled.
func (l *limiter) judge(t *latency) (tooMany, known bool) {
	if l.before == 0 {
		l.before, l.rate, l.settle = l.flying, 0, l.flying+shortMean
		return true, false
	}
	if l.settle > 0 {
		return true, false
	}
	rate := float64(l.flying) / t.late
	switch {
	case l.rate == 0:
		l.before, l.rate = l.flying, rate
	case 2*l.flying <= l.before:
		if rate < held*l.rate {
			t.long = t.late
			return false, true
		}
		l.before, l.rate = l.flying, rate
	}
	return true, true
}

func (l *limiter) latencyOf(k kind) *latency {
	if l.usual[k] == nil {
		l.usual[k] = &latency{}
	}
	return l.usual[k]
}

// add says whether answers of this kind are slow now.
func (t *latency) add(seconds float64) bool {
	t.n++
	t.late += (seconds - t.late) / float64(min(t.n, shortMean))
	if t.n <= knownAfter || t.late < normal*t.long {
		t.long += (seconds - t.long) / float64(min(t.n, longMean))
	}
	return t.n > knownAfter && t.late > tolerated*t.long
}

// kind of the call: of paths that may hold ids only the method counts.
func (k *call) kind() kind {
	name := kind{method: k.method, size: bits.Len(uint(len(k.body))) / 2}
	if strings.Contains(k.path, "/batch/") || strings.HasSuffix(k.path, "/search") {
		name.path = k.path
	}
	return name
}
