package hubspot

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"time"
)

// DefaultBaseURL serves the accounts of every region.
const DefaultBaseURL = "https://api.hubapi.com"

// Limits of one call, as HubSpot documents them.
const (
	MaxBatch        = 100    // inputs of one object batch call
	MaxHistoryBatch = 50     // the same, when property history is asked for
	MaxPage         = 100    // records of one listed page
	MaxSearchPage   = 200    // records of one page of search results
	MaxSearchDepth  = 10_000 // records that one query can reach
	MaxAssociations = 2000   // inputs of one batch call that changes associations
	MaxAssociated   = 1000   // records whose associations one call reads
)

// Options say how a Client reaches HubSpot. Only Tokens is required.
type Options struct {
	BaseURL    string            // "" = DefaultBaseURL; https, unless the host is loopback
	Tokens     TokenSource       // where the access token comes from
	UserAgent  string            // e.g. "ticketetl/1.0"
	Transport  http.RoundTripper // nil: a tuned default
	Timeout    time.Duration     // of one attempt; 0 = 60 s
	MaxWait    time.Duration     // sum of all waiting within one call, that for the daily quota apart; 0 = 10 min
	APIVersion string            // "" = v3 and v4 paths; "2026-03" and the like = date-versioned paths
	Notify     func(Event)       // told when calls wait; may be nil; must not block, nor call the Client

	// Until ends all calls when it is done, those that are under way too: one that
	// may have been stored by then is in doubt. Their errors hold its cause. nil: never.
	Until context.Context

	// Reserve is the share, 0 to 0.9, of each window of the account's general limit
	// that is left to its other integrations. What they spend beyond it is left to
	// them as well, as far as HubSpot's headers tell.
	Reserve float64

	// Concurrency bounds the requests under way at once; 0 is no bound. There may
	// be fewer while HubSpot is slower than usual, never fewer than one.
	Concurrency int

	// WaitForQuota makes calls wait for the next day when the daily limit is
	// reached, instead of failing. The day ends at midnight in Zone; nil is the
	// zone that Account has told.
	WaitForQuota bool
	Zone         *time.Location
}

// An Event tells that calls wait, or wait no more. Kinds:
//
//	"rate-limit"   an answer of 429; all calls of its kind wait
//	"retry"        one call waits before it is tried again
//	"outage"       HubSpot is out of reach: all calls wait, at least until a probe after Wait
//	"outage-over"  they go on; Wait is 0
//	"daily-limit"  the day's requests are spent; Wait is 0 unless Options.WaitForQuota
type Event struct {
	Kind   string
	Wait   time.Duration
	Reason string // for people; holds no customers' data
}

// Stats counts what a Client did since it was made.
type Stats struct {
	Calls          int64 // attempts sent, retries included
	Retries        int64
	RateLimited    int64 // answers of status 429
	DailyLimit     int64 // of the account; -1 while unknown
	DailyRemaining int64 // -1 while unknown
}

// A Client calls HubSpot. Its methods may be called from several goroutines.
type Client struct {
	base  string // without a trailing slash
	paths paths
	opts  Options
	many  http.RoundTripper // for requests that may be repeated
	once  http.RoundTripper // for requests that must not be

	pace    *pace
	limiter *limiter
	circuit *circuit
	daily   daily

	witnesses witnesses

	spent                   spentDay
	calls, retries, limited atomic.Int64
	answered                atomic.Bool // HubSpot has answered anything yet
}

// New makes a Client. It sends nothing.
func New(opts Options) (*Client, error) {
	if opts.Tokens == nil {
		return nil, errors.New("no access token source given")
	}
	base, err := checkBaseURL(opts.BaseURL)
	if err != nil {
		return nil, err
	}
	if opts.APIVersion != "" && !dateVersion.MatchString(opts.APIVersion) {
		return nil, fmt.Errorf("API version %q: want a date version such as 2026-03, or nothing for v3", opts.APIVersion)
	}
	if !(opts.Reserve >= 0 && opts.Reserve <= 0.9) {
		return nil, fmt.Errorf("reserve %g: want a share from 0 to 0.9", opts.Reserve)
	}
	if opts.Concurrency < 0 {
		return nil, fmt.Errorf("concurrency %d: want 1 or more, or 0 for no bound", opts.Concurrency)
	}
	if opts.Timeout <= 0 {
		opts.Timeout = 60 * time.Second
	}
	if opts.MaxWait <= 0 {
		opts.MaxWait = 10 * time.Minute
	}
	c := &Client{base: base, paths: paths{opts.APIVersion}, opts: opts, pace: newPace(opts.Reserve), limiter: newLimiter(opts.Concurrency)}
	c.many, c.once = transports(opts.Transport)
	c.circuit = &circuit{probe: c.probe, notify: c.notify, changed: make(chan struct{})}
	c.daily = daily{limit: -1, remaining: -1, zone: opts.Zone}
	return c, nil
}

var dateVersion = regexp.MustCompile(`^20[0-9]{2}-[0-9]{2}(-beta)?$`)

// Stats returns the counts so far.
func (c *Client) Stats() Stats {
	s := Stats{Calls: c.calls.Load(), Retries: c.retries.Load(), RateLimited: c.limited.Load()}
	s.DailyLimit, s.DailyRemaining, _ = c.daily.seen()
	return s
}

// Wait sleeps for d, unless ctx or Options.Until ends before.
func (c *Client) Wait(ctx context.Context, d time.Duration) error {
	ctx, release := c.bounded(ctx)
	defer release()
	return sleepContext(ctx, d)
}

func (c *Client) notify(e Event) {
	if c.opts.Notify != nil {
		c.opts.Notify(e)
	}
}

// checkBaseURL returns the base without trailing slash. A token must not travel
// in clear text, so every host but this machine has to be https.
func checkBaseURL(raw string) (string, error) {
	if raw == "" {
		return DefaultBaseURL, nil
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Host == "" || u.Hostname() == "":
		return "", errors.New("base URL: not an address such as " + DefaultBaseURL)
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return "", fmt.Errorf("base URL of host %s: must not hold a user, a query or a fragment", u.Host)
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())) {
		return "", fmt.Errorf("base URL %s://%s: must be https, since the access token goes there", u.Scheme, u.Host)
	}
	return strings.TrimRight(u.String(), "/"), nil
}

func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// transports returns what carries repeatable requests and what carries the
// others. A transport given by the caller carries both; of what must not be
// repeated it gets no second copy.
//
// net/http repeats requests by itself, on a reused connection that turns out to
// be dead. Over HTTP/1.1 it does so for a POST (without an Idempotency-Key
// header) only if not one byte of it was written, which is safe. Over HTTP/2 it
// repeats whatever has a GetBody also after a stream reset by the server that
// proves nothing. So what must not be repeated goes over HTTP/1.1.
func transports(given http.RoundTripper) (many, once http.RoundTripper) {
	if given != nil {
		return given, given
	}
	return newTransport(true), newTransport(false)
}

func newTransport(http2 bool) *http.Transport {
	t := &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: 15 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout: 15 * time.Second,
		MaxIdleConns:        64,
		MaxIdleConnsPerHost: 64,
		IdleConnTimeout:     60 * time.Second,
		WriteBufferSize:     128 << 10, // a batch of usual tickets, in one write
		ReadBufferSize:      64 << 10,
		Protocols:           new(http.Protocols),
	}
	t.Protocols.SetHTTP1(true)
	t.Protocols.SetHTTP2(http2)
	return t
}
