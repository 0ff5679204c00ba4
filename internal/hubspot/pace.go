package hubspot

import (
	"context"
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
	local bool // the server is on this machine
	gates [3]gate

	mu       sync.Mutex
	max      int           // in force; 0: none
	interval time.Duration // in force
	known    bool          // max comes from a header
	silent   int           // answers without headers in a row, while not known
}

func newPace(local bool) *pace {
	p := &pace{local: local, max: firstMax, interval: firstInterval}
	p.gates[general].limiter = rate.NewLimiter(share(firstMax, firstInterval))
	p.gates[search].limiter = rate.NewLimiter(searchRate, 1)
	p.gates[exempt].limiter = rate.NewLimiter(rate.Inf, 1)
	return p
}

// share allows at most 95 % of max within any interval: a burst of a tenth, and
// what flows in while the interval lasts.
func share(max int, interval time.Duration) (rate.Limit, int) {
	burst := 1 + (max-1)/10
	flow := 0.95*float64(max) - float64(burst)
	if flow <= 0 { // a limit of one
		flow = 0.95
	}
	return rate.Limit(flow / interval.Seconds()), burst
}

// setMax puts a limit in force; a max of 0 lifts it.
func (p *pace) setMax(max int, interval time.Duration) {
	if max == p.max && interval == p.interval {
		return
	}
	p.max, p.interval = max, interval
	if max == 0 {
		p.gates[general].limit(rate.Inf, 1)
		return
	}
	p.gates[general].limit(share(max, interval))
}

// wait returns when an attempt may be sent. It calls sleep for each wait, which
// may refuse it.
func (p *pace) wait(b bucket, sleep func(time.Duration) error) error {
	return p.gates[b].wait(sleep)
}

// learn takes in what an answer says about limits.
func (p *pace) learn(b bucket, status int, header http.Header) {
	max, ok := headerInt(header, "X-HubSpot-RateLimit-Max")
	p.mu.Lock()
	defer p.mu.Unlock()
	if !ok || max <= 0 {
		p.learnSilence(b, status)
		return
	}
	interval := firstInterval
	if ms, ok := headerInt(header, "X-HubSpot-RateLimit-Interval-Milliseconds"); ok && ms > 0 {
		interval = time.Duration(ms) * time.Millisecond
	}
	if !p.known {
		p.known = true
		p.gates[search].limit(searchRate, 1)
	}
	p.setMax(int(max), interval)
	if left, ok := headerInt(header, "X-HubSpot-RateLimit-Remaining"); ok && left >= 0 {
		p.learnRemaining(int(left))
	}
}

// learnSilence lifts the limits once the server has shown that it has none. The
// search limit goes with it only on this machine, since HubSpot's own search
// answers never carry headers.
func (p *pace) learnSilence(b bucket, status int) {
	if p.known || b != general || status < 200 || status > 299 {
		return
	}
	if p.silent++; p.silent < headerless {
		return
	}
	p.setMax(0, 0)
	if p.local {
		p.gates[search].limit(rate.Inf, 1)
	}
}

// learnRemaining takes account of others who spend the same budget. Our own
// attempts leave at least 5 %, so less than that is the work of others.
func (p *pace) learnRemaining(left int) {
	low := float64(p.max) * 0.05
	if float64(left) < low {
		missing := (low - float64(left)) / low
		p.gates[general].hold(time.Duration(missing * float64(p.interval) / 4))
	}
	p.gates[general].drain(left)
}

// refused holds the bucket after an answer of 429, and brings back the limits
// of a server that did not seem to have any.
func (p *pace) refused(b bucket, wait time.Duration) {
	p.mu.Lock()
	if !p.known && p.max == 0 {
		p.silent = -1 << 30 // it does count, headers or not
		p.setMax(firstMax, firstInterval)
		p.gates[search].limit(searchRate, 1)
	}
	p.mu.Unlock()
	p.gates[b].hold(wait)
}

// window is how long the general limit's interval is.
func (p *pace) window() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.interval <= 0 {
		return firstInterval
	}
	return p.interval
}

// A gate is what the attempts of one bucket pass.
type gate struct {
	limiter *rate.Limiter
	mu      sync.Mutex
	until   time.Time // closed until then
}

func (g *gate) limit(r rate.Limit, burst int) {
	g.limiter.SetLimit(r)
	g.limiter.SetBurst(burst)
}

func (g *gate) hold(d time.Duration) {
	until := time.Now().Add(d)
	g.mu.Lock()
	defer g.mu.Unlock()
	if until.After(g.until) {
		g.until = until
	}
}

// drain takes tokens away until no more than left are there.
func (g *gate) drain(left int) {
	if g.limiter.Limit() == rate.Inf {
		return
	}
	if excess := int(g.limiter.Tokens()) - left; excess > 0 {
		g.limiter.AllowN(time.Now(), excess)
	}
}

// wait takes a token once the gate is open. The gate may have closed while the
// token was awaited, so it is asked again.
func (g *gate) wait(sleep func(time.Duration) error) error {
	for {
		if err := g.waitOpen(sleep); err != nil {
			return err
		}
		r := g.limiter.Reserve()
		if err := g.waitToken(r.Delay(), sleep); err != nil {
			r.Cancel()
			return err
		}
		if g.closed() <= 0 {
			return nil
		}
	}
}

// liftedWithin is how soon those who wait learn that a limit was lifted.
const liftedWithin = 25 * time.Millisecond

func (g *gate) waitToken(d time.Duration, sleep func(time.Duration) error) error {
	for d > 0 && g.limiter.Limit() != rate.Inf {
		step := min(d, liftedWithin)
		if err := sleep(step); err != nil {
			return err
		}
		d -= step
	}
	return nil
}

func (g *gate) waitOpen(sleep func(time.Duration) error) error {
	for d := g.closed(); d > 0; d = g.closed() {
		if err := sleep(d); err != nil {
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

func headerInt(h http.Header, name string) (int64, bool) {
	v := h.Get(name)
	if v == "" {
		return 0, false
	}
	n, err := strconv.ParseInt(v, 10, 64)
	return n, err == nil
}

// sleepContext waits for d or for the end of ctx.
func sleepContext(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
