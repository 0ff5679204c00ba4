package hubspot

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// A Quota is what is left of the account's requests of the day, which all its
// private apps share.
type Quota struct {
	Limit     int64     // -1 unknown, as for OAuth apps, which have none
	Used      int64     // -1 unknown
	Remaining int64     // -1 unknown
	ResetsAt  time.Time // zero: unknown
	Source    string    // "headers", "usage" (may be some minutes behind), "refusal" or, if nothing is known, ""
}

// Quota finds out what is left of the day's requests, with one request: the
// headers of the answers tell it, or else the usage of the account's private
// apps. That the token may not see the usage is no error, nor that the limit is
// reached; it does not wait for another day.
func (c *Client) Quota(ctx context.Context) (Quota, error) {
	usage, err := c.dailyUsage(ctx, true)
	reached := IsDailyLimit(err)
	if err != nil && !reached && !isOutOfReach(err) {
		return Quota{Limit: -1, Used: -1, Remaining: -1}, err
	}
	q := quotaOf(usage)
	limit, remaining, at := c.daily.seen()
	if limit >= 0 && remaining >= 0 && (q.Source == "" || time.Since(at) < freshFor) {
		q.Limit, q.Used, q.Remaining, q.Source = limit, max(0, limit-remaining), remaining, "headers"
	}
	if reached {
		q.Used, q.Remaining, q.Source = q.Limit, 0, "refusal"
	}
	if q.ResetsAt.IsZero() {
		q.ResetsAt = c.daily.midnight(time.Now())
	}
	return q, nil
}

// freshFor is how long headers are better than the usage, which HubSpot caches.
const freshFor = 5 * time.Minute

// quotaOf adds up what the private apps have used of the limit they share.
func quotaOf(usage []DailyUsage) Quota {
	q := Quota{Limit: -1, Used: -1, Remaining: -1}
	for _, u := range usage {
		if u.Limit <= 0 || u.FetchStatus != "" && u.FetchStatus != "SUCCESS" && u.FetchStatus != "CACHED" {
			continue
		}
		q.Limit = max(q.Limit, u.Limit)
		q.Used = max(q.Used, 0) + u.Used
		q.Source = "usage"
		if u.ResetsAt.After(q.ResetsAt) {
			q.ResetsAt = u.ResetsAt
		}
	}
	if q.Source != "" {
		q.Remaining = max(0, q.Limit-q.Used)
	}
	return q
}

// daily is what is known of the account's daily limit. It holds all calls while
// they wait for the next day, and lets no more be under way than the day has left.
type daily struct {
	mu               sync.Mutex
	limit, remaining int64 // -1 unknown
	at               time.Time
	zone             *time.Location // of the account; nil: unknown
	until            time.Time      // calls wait until then
	flying           int            // attempts under way
	landed           chan struct{}  // closed when one of them has ended; nil: nobody waits for that
}

// Waiting for the next day.
const (
	afterMidnight = time.Minute      // and up to as much again
	askAgain      = 15 * time.Minute // when the limit has not been lifted by then
	longestDay    = 26 * time.Hour   // of waiting of one call, after which the refusal stands
)

// learn takes in the headers of an answer to an attempt that was sent at a moment.
func (d *daily) learn(sent time.Time, h http.Header) {
	limit, known := headerInt(h, "X-HubSpot-RateLimit-Daily")
	remaining, left := headerInt(h, "X-HubSpot-RateLimit-Daily-Remaining")
	if !known && !left {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if known {
		d.limit = limit
	}
	if left {
		// Answers overtake each other: one that was on its way when a lower
		// number came is the older of the two.
		if d.remaining >= 0 && !sent.After(d.at) {
			remaining = min(remaining, d.remaining)
		}
		d.remaining, d.at = remaining, time.Now()
	}
}

// enter returns when the day has a request left for one more attempt, as far as
// is known; leave has to follow. When nothing seems to be left, one attempt at a
// time hears the refusal, or that another day has begun.
func (d *daily) enter(ctx context.Context, w *waiting) error {
	for {
		d.mu.Lock()
		if d.remaining < 0 || d.flying == 0 || int64(d.flying) < d.remaining {
			d.flying++
			d.mu.Unlock()
			return nil
		}
		if d.landed == nil {
			d.landed = make(chan struct{})
		}
		landed := d.landed
		d.mu.Unlock()
		if err := w.wait(ctx, min(time.Second, w.most-w.sum+1), landed); err != nil {
			return err
		}
	}
}

// leave ends an attempt; what it heard has to be known before.
func (d *daily) leave() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.flying--
	if d.landed != nil {
		close(d.landed)
		d.landed = nil
	}
}

// held says whether calls wait for the next day.
func (d *daily) held() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return time.Now().Before(d.until)
}

func (d *daily) seen() (limit, remaining int64, at time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.limit, d.remaining, d.at
}

// learnZone takes the zone that the account names, unless one was given.
func (d *daily) learnZone(name string) {
	zone, err := time.LoadLocation(name)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.zone == nil && err == nil && name != "" {
		d.zone = zone
	}
}

// midnight is when the next day begins in the account's zone; zero if unknown.
func (d *daily) midnight(now time.Time) time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.zone == nil {
		return time.Time{}
	}
	y, m, day := now.In(d.zone).Date()
	return time.Date(y, m, day+1, 0, 0, 0, 0, d.zone)
}

// hold makes all calls wait for the next day. It returns until when, and whether
// they did not wait already.
func (d *daily) hold(now time.Time) (until time.Time, first bool) {
	until = d.midnight(now)
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.until.After(now):
		return d.until, false
	case !d.until.IsZero() && now.Sub(d.until) < time.Hour: // it was not lifted: a clock is wrong, or the zone
		until = now.Add(askAgain)
	case until.IsZero(): // some zone's midnight is at every hour
		until = now.Truncate(time.Hour).Add(time.Hour)
	}
	d.until = until.Add(afterMidnight + rand.N(afterMidnight))
	return d.until, true
}

// wait lasts while calls are held.
func (d *daily) wait(ctx context.Context, k *call) error {
	for {
		d.mu.Lock()
		wait := time.Until(d.until)
		d.mu.Unlock()
		if wait <= 0 || k.hurried {
			return nil
		}
		k.slept += wait
		if err := sleepContext(ctx, wait); err != nil {
			return err
		}
	}
}

// waitsForQuota says whether k outlasts the end of the day.
func (c *Client) waitsForQuota(k *call) bool {
	return c.opts.WaitForQuota && !k.hurried && k.slept <= longestDay
}

// dayIsSpent takes in the refusal that k heard: other calls are refused without
// being sent, or wait for the next day like k.
func (c *Client) dayIsSpent(k *call, refusal error) {
	if !c.waitsForQuota(k) {
		c.spent.note(refusal)
		c.notify(Event{Kind: "daily-limit", Reason: "the account's daily limit of requests is reached"})
		return
	}
	now := time.Now()
	until, first := c.daily.hold(now)
	c.retries.Add(1)
	if first {
		c.notify(Event{Kind: "daily-limit", Wait: until.Sub(now), Reason: fmt.Sprintf(
			"the account's daily limit of requests is reached; waiting until %s", until.Format("2006-01-02 15:04 -07:00"))})
	}
}

// A spentDay remembers the refusal of the daily limit, so that calls of other
// workers are not sent after it.
type spentDay struct{ last atomic.Pointer[spentAt] }

type spentAt struct {
	refusal error
	at      time.Time
}

// spentFor is how long a refusal is taken for granted. A day may end meanwhile.
const spentFor = time.Minute

func (s *spentDay) note(refusal error) { s.last.Store(&spentAt{refusal, time.Now()}) }

// refusal is that of the day, if k need not be sent to hear it.
func (s *spentDay) refusal(k *call) error {
	last := s.last.Load()
	if last == nil || k.hurried || time.Since(last.at) > spentFor {
		return nil
	}
	return last.refusal
}
