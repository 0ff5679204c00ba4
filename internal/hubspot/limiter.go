package hubspot

import (
	"context"
	"math"
	"math/bits"
	"strings"
	"sync"
	"time"
)

// A limiter bounds how many attempts are under way. The bound is what the
// caller asked for; it shrinks by a fifth when the answers of one kind take
// twice as long as they usually do, or HubSpot says that it is overloaded, at
// most once for the attempts then under way, and grows by a quarter of an
// attempt for each answer that comes as usual while somebody waits. What is
// usual is learned slowly: a HubSpot that stays slow gets fewer attempts for
// some hundred answers, in case it was too many that made it slow, and then as
// many again as were asked for.
type limiter struct {
	turn chan struct{} // held by the first of those who wait
	wake chan struct{} // holds something when an attempt has ended

	mu     sync.Mutex
	most   float64 // asked for
	bound  float64 // in force
	flying int
	full   bool // somebody had to wait since the last answer
	settle int  // answers still to come of attempts sent before the last cut
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
	long float64 // mean of the last few hundred
}

const (
	tolerated  = 2.0 // how many times the usual latency is not a sign of overload
	knownAfter = 24  // answers of one kind
	shortMean  = 10
	longMean   = 250
	cut        = 0.8
	growth     = 0.25
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
	slow := overloaded
	if !overloaded {
		slow = l.latencyOf(k).add(took.Seconds())
	}
	l.settle--
	switch {
	case slow && l.settle <= 0:
		l.bound = max(1, cut*l.bound)
		if math.IsInf(l.bound, 1) {
			l.bound = max(1, cut*float64(l.flying))
		}
		l.settle = l.flying
	case !slow && l.full:
		l.bound = min(l.most, l.bound+growth)
		l.full = false
	}
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
	t.long += (seconds - t.long) / float64(min(t.n, longMean))
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
