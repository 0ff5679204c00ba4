package hubspot

import (
	"context"
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// A bucket names one of the limits that HubSpot counts apart.
type bucket uint8

const (
	general bucket = iota
	search         // few a second for all apps of the account; answers carry no headers
	exempt         // batch associations: not counted in the ten-second window
)

// What holds until HubSpot's headers say otherwise: the smallest subscription.
const (
	firstMax      = 100
	firstInterval = 10 * time.Second
	searchRate    = 4 // a second; HubSpot allows 5 for all apps together
)

// headerless is how many answers without limit headers show that the server
// does not count requests: a local stand-in.
const headerless = 3

// pace holds attempts back so that the account's limits are kept.
type pace struct {
	gates [3]gate
	wake  chan struct{} // holds something when the window has changed

	mu     sync.Mutex
	window window
	known  bool // the limit comes from a header
	silent int  // answers without headers in a row, while not known
	row    int  // refusals in a row
}

func newPace(reserve float64) *pace {
	p := &pace{wake: make(chan struct{}, 1)}
	p.window = window{max: firstMax, interval: firstInterval, reserve: reserve}
	for b := range p.gates {
		p.gates[b] = gate{turn: make(chan struct{}, 1), limiter: rate.NewLimiter(rate.Inf, 1)}
	}
	p.gates[search].limiter.SetLimit(searchRate)
	return p
}

// An attempt is what the pace knows of one that it admitted.
type attempt struct {
	bucket bucket
	sent   time.Time
}

// enter returns when an attempt may be sent; send, then answer, or else leave
// have to follow. The attempts of a bucket come in the order of their calls.
func (p *pace) enter(ctx context.Context, b bucket, w *waiting) error {
	g := &p.gates[b]
	if err := w.send(ctx, g.turn); err != nil {
		return err
	}
	defer func() { <-g.turn }()
	for {
		if err := g.waitOpen(ctx, w); err != nil {
			return err
		}
		if b != general {
			return g.waitToken(ctx, w)
		}
		p.mu.Lock()
		d := p.window.admit(time.Now())
		p.mu.Unlock()
		if d <= 0 {
			return nil
		}
		if err := w.wait(ctx, d, p.wake); err != nil {
			return err
		}
	}
}

// leave gives an admission back.
func (p *pace) leave(b bucket) {
	if b == general {
		p.mu.Lock()
		p.window.leave()
		p.mu.Unlock()
		p.changed()
	}
}

// send notes that an admitted attempt goes out now.
func (p *pace) send(b bucket) attempt {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := attempt{b, time.Now()}
	if b == general {
		p.window.send(a.sent)
	}
	return a
}

// lost notes that an attempt ended without an answer.
func (p *pace) lost(a attempt) {
	p.mu.Lock()
	if a.bucket == general {
		p.window.answer(a.sent, time.Now(), false)
	}
	p.mu.Unlock()
	p.changed()
}

// answer takes in what an answer says about the general limit. What others say
// is about limits of their own.
func (p *pace) answer(a attempt, status int, header http.Header) {
	if a.bucket != general {
		return
	}
	p.mu.Lock()
	defer p.changed()
	defer p.mu.Unlock()
	now := time.Now()
	p.window.answer(a.sent, now, true)
	if status != http.StatusTooManyRequests {
		p.row = 0
	}
	told, ok := headerInt(header, "X-HubSpot-RateLimit-Max")
	if !ok || told <= 0 {
		p.learnSilence(a.sent, status)
		return
	}
	p.known = true
	limit := int(min(told, math.MaxInt32))
	p.window.limit(a.sent, limit, intervalOf(header))
	if left, ok := headerInt(header, "X-HubSpot-RateLimit-Remaining"); ok && left >= 0 {
		p.window.learn(a.sent, now, limit, int(min(left, int64(limit))))
	}
}

func intervalOf(h http.Header) time.Duration {
	const day = 24 * 60 * 60 * 1000
	if ms, ok := headerInt(h, "X-HubSpot-RateLimit-Interval-Milliseconds"); ok && ms > 0 && ms <= day {
		return time.Duration(ms) * time.Millisecond
	}
	return firstInterval
}

// learnSilence lifts the general limit once the server has shown that it has
// none. The limit of searches stays: their answers never carry headers.
func (p *pace) learnSilence(sent time.Time, status int) {
	if p.known || status < 200 || status > 299 {
		return
	}
	if p.silent++; p.silent < headerless {
		return
	}
	p.window.limit(sent, 0, 0)
}

// refused holds the bucket after an answer of 429, and brings back the limits
// of a server that did not seem to have any.
func (p *pace) refused(b bucket, sent time.Time, wait time.Duration) {
	p.mu.Lock()
	if !p.known && p.window.max == 0 {
		p.silent = -1 << 30 // it does count, headers or not
		p.window.limit(sent, firstMax, firstInterval)
	}
	if b == general && p.window.refuse(sent, time.Now()) {
		p.row++
	}
	p.mu.Unlock()
	p.gates[b].hold(wait)
}

// afterRefusal is how long to wait after a refusal that does not say it: a whole
// interval, unless headers have kept us informed so that a place is near. It
// doubles with each refusal in a row.
func (p *pace) afterRefusal() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := &p.window
	if w.interval <= 0 {
		return firstInterval
	}
	if g := w.guess(); g.n < 2 || time.Since(g.at) > w.interval {
		return w.interval
	}
	return min(w.interval, w.interval/40<<min(p.row, 10))
}

// changed wakes who waits for the window.
func (p *pace) changed() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// A gate is what the attempts of one bucket pass, one after another.
type gate struct {
	turn    chan struct{} // held by the first of those who wait
	limiter *rate.Limiter // of the buckets that are not the general one

	mu    sync.Mutex
	until time.Time // closed until then
}

func (g *gate) hold(d time.Duration) {
	until := time.Now().Add(d)
	g.mu.Lock()
	defer g.mu.Unlock()
	if until.After(g.until) {
		g.until = until
	}
}

func (g *gate) waitOpen(ctx context.Context, w *waiting) error {
	for d := g.closed(); d > 0; d = g.closed() {
		if err := w.wait(ctx, d, nil); err != nil {
			return err
		}
	}
	return nil
}

func (g *gate) closed() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return time.Until(g.until)
}

// liftedWithin is how soon who waits learns that a limit was lifted.
const liftedWithin = 25 * time.Millisecond

// waitToken takes a token. The gate may have closed while it was awaited, so
// that is asked again.
func (g *gate) waitToken(ctx context.Context, w *waiting) error {
	r := g.limiter.Reserve()
	for d := r.Delay(); d > 0 && g.limiter.Limit() != rate.Inf; d -= liftedWithin {
		if err := w.wait(ctx, min(d, liftedWithin), nil); err != nil {
			r.Cancel()
			return err
		}
	}
	return g.waitOpen(ctx, w)
}

func headerInt(h http.Header, name string) (int64, bool) {
	v := h.Get(name)
	if v == "" {
		return 0, false
	}
	n, err := strconv.ParseInt(v, 10, 64)
	return n, err == nil
}
