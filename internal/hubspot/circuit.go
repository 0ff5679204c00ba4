package hubspot

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// A circuit is what all calls of a Client pass before an attempt. It is closed
// while HubSpot answers. When attempts fail one after another it opens: then
// nothing is sent but probes, one at a time, which read one ticket, at growing
// intervals. After a probe that is answered one call goes through, and when
// that is answered too, all of them.
type circuit struct {
	probe  func(context.Context) error
	notify func(Event)

	mu      sync.Mutex
	state   circuitState
	changed chan struct{} // closed when the state changes
	row     int           // failures one after another
	since   time.Time     // of the first of them
	probes  int           // and trials that failed, since it opened
	next    time.Time     // of the next probe
	cause   error         // the last failure
}

type circuitState uint8

const (
	closed  circuitState = iota
	open                 // nobody passes; whoever waits probes at the time
	probing              // somebody does
	ready                // one may pass, on trial
	onTrial              // one has passed
)

const (
	opensAfter   = 5 // failures one after another
	firstProbe   = time.Second
	longestProbe = 30 * time.Second
)

// A pass is what lets one attempt through the circuit.
type pass struct{ trial bool }

// isOutage says that an attempt shows HubSpot to be out of reach, or broken.
func isOutage(err error) bool {
	var lost *lostError
	if errors.As(err, &lost) {
		return !lost.final && !lost.read
	}
	var e *Error
	return errors.As(err, &e) && e.Status >= 500 && Retryable(e)
}

// enter returns when an attempt may pass. Its error ends the call.
func (c *circuit) enter(ctx context.Context, w *waiting) (pass, error) {
	for {
		c.mu.Lock()
		if c.state == closed {
			c.mu.Unlock()
			return pass{}, nil
		}
		if c.state == ready {
			c.state = onTrial
			c.mu.Unlock()
			return pass{trial: true}, nil
		}
		now := time.Now()
		if c.state == open && !now.Before(c.next) {
			c.state = probing
			c.mu.Unlock()
			err := c.ask(ctx)
			w.sum += time.Since(now)
			if err != nil {
				return pass{}, err
			}
			continue
		}
		wait, changed := w.most-w.sum, c.changed
		if c.state == open {
			wait = min(wait, c.next.Sub(now))
		}
		cause, since := c.cause, c.since
		c.mu.Unlock()
		if wait <= 0 {
			return pass{}, gaveUpOutage(w, cause, since)
		}
		if err := w.wait(ctx, wait, changed); err != nil {
			return pass{}, err
		}
	}
}

// gaveUpOutage says how long it was tried.
func gaveUpOutage(w *waiting, cause error, since time.Time) error {
	return mark(fmt.Errorf("HubSpot has been out of reach for %s; gave up after %s of waiting, and can be resumed later: %w",
		time.Since(since).Round(time.Second), w.sum.Round(time.Second), cause), ErrGaveUp)
}

// holds says that an attempt with this pass may go out now, which may have
// changed since the pass was given.
func (c *circuit) holds(p pass) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return p.trial || c.state == closed
}

// ask probes. Its error is that of ctx.
func (c *circuit) ask(ctx context.Context) error {
	err := c.probe(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case ctx.Err() != nil: // somebody else may ask
		c.become(open)
		return ctx.Err()
	case isOutage(err):
		c.fail(err)
	default:
		c.become(ready)
	}
	return nil
}

// note takes in how an attempt with this pass ended; err is nil for an answer
// of any kind.
func (c *circuit) note(p pass, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	failed := isOutage(err)
	switch {
	case p.trial && failed:
		c.fail(err)
	case p.trial:
		c.notify(Event{Kind: "outage-over", Reason: fmt.Sprintf("HubSpot answers again, after %s", time.Since(c.since).Round(time.Second))})
		c.row = 0
		c.become(closed)
	case c.state != closed:
		// It was sent before the circuit opened.
	case !failed:
		c.row = 0
	default:
		c.count(err)
	}
}

func (c *circuit) count(err error) {
	if c.row == 0 {
		c.since = time.Now()
	}
	if c.row++; c.row >= opensAfter {
		c.probes = 0
		c.fail(err)
	}
}

// back returns a pass that was not used, or whose attempt shows nothing.
func (c *circuit) back(p pass) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p.trial {
		c.become(ready)
	}
}

// fail opens the circuit, for longer each time.
func (c *circuit) fail(err error) {
	wait := min(longestProbe, firstProbe<<min(c.probes, 10))
	var refusal *Error
	if errors.As(err, &refusal) {
		wait = max(wait, min(refusal.Wait, 10*time.Minute))
	}
	wait = jitter(wait)
	c.probes++
	c.cause, c.next = err, time.Now().Add(wait)
	c.become(open)
	c.notify(Event{Kind: "outage", Wait: wait, Reason: reason(err)})
}

func (c *circuit) become(s circuitState) {
	c.state = s
	close(c.changed)
	c.changed = make(chan struct{})
}

// probeTimeout bounds a probe, which asks for little.
const probeTimeout = 20 * time.Second

// probe asks HubSpot for one ticket, which changes nothing: no call whose answer
// may get lost is risked on it.
func (c *Client) probe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	token, err := c.opts.Tokens.Token(ctx)
	if err != nil {
		return err
	}
	k := &call{method: http.MethodGet, path: c.paths.object("tickets"), query: url.Values{"limit": {"1"}}, reads: true}
	k.waiting.most = c.opts.MaxWait
	if err := c.pace.enter(ctx, k.bucket, &k.waiting); err != nil {
		return err
	}
	if err := c.limiter.enter(ctx, &k.waiting); err != nil {
		c.pace.leave(k.bucket)
		return err
	}
	return c.attempt(ctx, k, token, pass{})
}
