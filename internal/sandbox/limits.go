package sandbox

import (
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Limits are how many requests the account takes. In each field 0 is what
// HubSpot gives a free account, and -1 is no limit.
type Limits struct {
	PerTenSeconds   int // 0: 100; search and batch associations do not count
	SearchPerSecond int // 0: 5
	Daily           int // 0: 250,000; -1 also leaves the daily headers out, as for OAuth apps

	Fixed  bool    // each ten seconds of the clock are a window, instead of the last ten
	Others float64 // requests a second that other apps spend of the ten-second window, at random
}

// A Moment is when, within its latency, a request counts against the limits.
type Moment string

// The moments. The zero value is AtAnswer.
const (
	AtArrival Moment = "arrival"
	AtRandom  Moment = "random" // anywhere, another place for each request
	AtAnswer  Moment = "answer"
)

// Unlimited is an account without limits. Its headers tell of a million
// requests in ten seconds, so that a client that paces itself does not wait.
var Unlimited = Limits{PerTenSeconds: -1, SearchPerSecond: -1, Daily: -1}

const (
	window       = 10 * time.Second
	unlimitedMax = 1_000_000 // what the headers say where there is no limit
)

// A gate counts requests against the limits.
type gate struct {
	limits Limits
	zone   *time.Location

	mu     sync.Mutex
	ten    meter
	search rolling
	day    string
	used   int
	rng    *rand.Rand
	other  time.Time // when the next request of others comes
}

func newGate(l Limits, zone *time.Location, seed int64) *gate {
	l.PerTenSeconds = orDefault(l.PerTenSeconds, 100)
	l.SearchPerSecond = orDefault(l.SearchPerSecond, 5)
	l.Daily = orDefault(l.Daily, 250_000)
	return &gate{limits: l, zone: zone, rng: rand.New(rand.NewPCG(uint64(seed), 0x6f7468657273)),
		ten: l.newMeter(), search: newRolling(l.SearchPerSecond, time.Second)}
}

// A meter counts requests of a limit. Times never go back.
type meter interface {
	take(now time.Time) (ok bool, wait time.Duration)
	remaining(now time.Time) int
}

func (l Limits) newMeter() meter {
	if l.Fixed && l.PerTenSeconds > 0 {
		return &clocked{span: window, limit: l.PerTenSeconds}
	}
	r := newRolling(l.PerTenSeconds, window)
	return &r
}

// clocked is a window that starts anew at each multiple of its span.
type clocked struct {
	span  time.Duration
	limit int
	began time.Time
	used  int
}

func (w *clocked) take(now time.Time) (ok bool, wait time.Duration) {
	if w.remaining(now) <= 0 {
		return false, w.began.Add(w.span).Sub(now)
	}
	w.used++
	return true, 0
}

func (w *clocked) remaining(now time.Time) int {
	if began := now.Truncate(w.span); began.After(w.began) {
		w.began, w.used = began, 0
	}
	return w.limit - w.used
}

func orDefault(n, usual int) int {
	if n == 0 {
		return usual
	}
	return n
}

// rolling is a window over the last requests: a ring of when they came.
type rolling struct {
	span time.Duration
	ring []time.Time // empty: no limit
	at   int
}

func newRolling(limit int, span time.Duration) rolling {
	return rolling{span: span, ring: make([]time.Time, max(limit, 0))}
}

// take counts a request unless the window is full; wait is then how long it
// takes until a place is free.
func (w *rolling) take(now time.Time) (ok bool, wait time.Duration) {
	if len(w.ring) == 0 {
		return true, 0
	}
	oldest := w.ring[w.at]
	if !oldest.IsZero() && now.Sub(oldest) < w.span {
		return false, w.span - now.Sub(oldest)
	}
	w.ring[w.at] = now
	w.at = (w.at + 1) % len(w.ring)
	return true, 0
}

func (w *rolling) remaining(now time.Time) int {
	free := 0
	for _, t := range w.ring {
		if t.IsZero() || now.Sub(t) >= w.span {
			free++
		}
	}
	return free
}

// A quota is what the headers of one answer tell.
type quota struct {
	show                bool // false for search
	limit, remaining    int
	daily, dailyLeft    int // daily -1: no daily headers
	secondly, secondRem int
	wait                time.Duration
}

// enter counts the call, or says which limit it hits.
func (g *gate) enter(c *call, now time.Time) (quota, *failure) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if today := now.In(g.zone).Format(time.DateOnly); today != g.day {
		g.day, g.used = today, 0
	}
	if g.limits.Daily >= 0 && g.used >= g.limits.Daily {
		return g.quota(c, now), limitFailure(c, "DAILY")
	}
	g.letOthersIn(now)
	policy, bucket := "TEN_SECONDLY_ROLLING", g.ten
	if c.search {
		policy, bucket = "SECONDLY", &g.search
	}
	if c.search || c.limited {
		if ok, wait := bucket.take(now); !ok {
			q := g.quota(c, now)
			q.wait = wait
			return q, limitFailure(c, policy)
		}
	}
	g.used++
	return g.quota(c, now), nil
}

// letOthersIn counts what others have sent by now. Of what is longer ago than a
// window nothing is left.
func (g *gate) letOthersIn(now time.Time) {
	if g.limits.Others <= 0 {
		return
	}
	if oldest := now.Add(-window); g.other.Before(oldest) {
		g.other = oldest
	}
	for !g.other.After(now) {
		g.ten.take(g.other) // refused or not is their business
		g.other = g.other.Add(time.Duration(g.rng.ExpFloat64() / g.limits.Others * float64(time.Second)))
	}
}

func (g *gate) quota(c *call, now time.Time) quota {
	q := quota{show: !c.search, limit: g.limits.PerTenSeconds, daily: g.limits.Daily, dailyLeft: g.limits.Daily - g.used}
	q.remaining = g.ten.remaining(now)
	if q.limit < 0 {
		q.limit, q.remaining = unlimitedMax, unlimitedMax-1
	}
	q.secondly = max(1, q.limit/10)
	q.secondRem = max(0, q.secondly-1)
	return q
}

func (q quota) headers(h http.Header) {
	if !q.show {
		return
	}
	set := func(name string, n int) { h["X-Hubspot-Ratelimit-"+name] = []string{strconv.Itoa(n)} }
	if q.daily >= 0 {
		set("Daily", q.daily)
		set("Daily-Remaining", max(0, q.dailyLeft))
	}
	set("Interval-Milliseconds", int(window.Milliseconds()))
	set("Max", q.limit)
	set("Remaining", q.remaining)
	set("Secondly", q.secondly)
	set("Secondly-Remaining", q.secondRem)
}

// retryAfter is in whole seconds, at least one.
func (q quota) retryAfter() string {
	return strconv.Itoa(max(1, int((q.wait + time.Second - 1).Seconds())))
}

var limitMessages = map[string]string{
	"DAILY":                "You have reached your daily limit.",
	"TEN_SECONDLY_ROLLING": "You have reached your ten_secondly_rolling limit.",
	"SECONDLY":             "You have reached your secondly limit.",
}

func limitFailure(c *call, policy string) *failure {
	f := &failure{code: http.StatusTooManyRequests, Message: limitMessages[policy], ErrorType: "RATE_LIMIT", PolicyName: policy}
	switch policy {
	case "DAILY":
		f.RequestID = c.id
	case "TEN_SECONDLY_ROLLING":
		f.Category = "RATE_LIMITS"
		f.GroupName = "publicapi:private-apps-sandbox"
	default:
		f.Category = "RATE_LIMITS"
	}
	return f
}

// classify finds out which of the limits the request counts against.
func (c *call) classify() {
	path := c.r.URL.Path
	c.search = strings.HasPrefix(path, "/crm/v3/objects/") && strings.HasSuffix(path, "/search")
	exempt := strings.HasPrefix(path, "/crm/v4/associations/") || strings.HasPrefix(path, "/oauth/")
	c.limited = !c.search && !exempt
}
