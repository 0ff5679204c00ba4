package hubspot

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A call is one request, whatever number of attempts it takes.
type call struct {
	method, path string
	query        url.Values
	body         []byte
	bucket       bucket
	once         bool               // must not be repeated if it may have been stored
	reads        bool               // changes nothing, so that it cannot be in doubt
	decode       func([]byte) error // of a 2xx answer; an error means that it is unusable; must not keep the bytes
	hurried      bool               // does not wait for another day's quota
	waiting      waiting
	sent         time.Time     // the last attempt
	tries        int           // attempts that failed, limits apart
	slept        time.Duration // of waiting for the daily quota
	lost         bool          // an attempt may have been stored
	renewed      int           // how often the token was
}

// Bounds on what is read and sent.
const (
	maxAnswer      = 64 << 20 // bytes; definitions may be large
	maxErrorAnswer = 8 << 20
	maxURI         = 8000 // bytes of path and query; HubSpot answers 414 somewhere above
)

// Bounds on trying again. The waits between make about two minutes; those of
// limits and locks are bounded by Options.MaxWait alone.
const (
	maxTries        = 10
	maxFirstTries   = 4 // while nothing was ever answered: the address may be wrong
	maxUselessTries = 3 // of answers that were read to the end and are of no use
	maxBackoff      = 30 * time.Second
	maxRenewals     = 8 // of the token, within one call
)

// do carries out a call. Its error is an *Error when HubSpot refused, or says
// why no answer came; it is ErrInDoubt when the request may have been stored,
// and ErrNotSent when for certain none of it was looked at.
func (c *Client) do(ctx context.Context, k *call) error {
	ctx, release := c.bounded(ctx)
	defer release()
	if uri := len(k.path) + 1 + len(k.query.Encode()); uri > maxURI {
		return k.verdict(fmt.Errorf("the address would be %d characters long, HubSpot takes about %d: ask for fewer properties, or read in batches", uri, maxURI))
	}
	k.waiting.most = c.opts.MaxWait
	k.body = repaired(k.body)
	token, err := c.patiently(ctx, k, c.opts.Tokens.Token)
	if err != nil {
		return k.verdict(fmt.Errorf("access token: %w", err))
	}
	for {
		p, err := c.admit(ctx, k)
		if err != nil {
			return k.verdict(err)
		}
		err = c.attempt(ctx, k, token, p)
		if err == nil || k.done(err) {
			return nil
		}
		if k.mayBeStored(err) {
			k.lost = true
			if k.once {
				return k.verdict(err)
			}
		}
		if isExpired(err) {
			if token, err = c.renew(ctx, k, token, err); err != nil {
				return k.verdict(err)
			}
			continue
		}
		if err := c.pause(ctx, k, err); err != nil {
			return k.verdict(err)
		}
	}
}

// bounded is ctx, ended by Options.Until as well.
func (c *Client) bounded(ctx context.Context) (_ context.Context, release func()) {
	until := c.opts.Until
	if until == nil {
		return ctx, func() {}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	if until.Err() != nil {
		cancel(context.Cause(until)) // AfterFunc does so a little later, when a quick answer may be there
	}
	stop := context.AfterFunc(until, func() { cancel(context.Cause(until)) })
	return ctx, func() { stop(); cancel(nil) }
}

// admit returns when an attempt may go out: HubSpot is not known to be out of
// reach, the account's limits leave a place, and not too much is under way.
func (c *Client) admit(ctx context.Context, k *call) (pass, error) {
	for {
		if err := c.daily.wait(ctx, k); err != nil {
			return pass{}, err
		}
		p, err := c.circuit.enter(ctx, &k.waiting)
		if err != nil {
			return pass{}, err
		}
		if err := c.queue(ctx, k); err != nil {
			c.circuit.back(p)
			return pass{}, err
		}
		switch refusal := c.spent.refusal(k); {
		case refusal != nil:
			c.circuit.back(p)
			c.unqueue(k)
			return pass{}, refusal
		case !k.hurried && c.daily.held():
			c.circuit.back(p)
		case c.circuit.holds(p):
			return p, nil
		}
		c.unqueue(k)
	}
}

// queue takes a place of the account's limit, one of those under way, and one of
// the day.
func (c *Client) queue(ctx context.Context, k *call) error {
	if err := c.spent.refusal(k); err != nil {
		return err
	}
	if err := c.pace.enter(ctx, k.bucket, &k.waiting); err != nil {
		return err
	}
	if err := c.limiter.enter(ctx, &k.waiting); err != nil {
		c.pace.leave(k.bucket)
		return err
	}
	if err := c.daily.enter(ctx, &k.waiting); err != nil {
		c.limiter.leave()
		c.pace.leave(k.bucket)
		return err
	}
	return nil
}

// unqueue gives the places back of an attempt that is not sent.
func (c *Client) unqueue(k *call) {
	c.daily.leave()
	c.limiter.leave()
	c.pace.leave(k.bucket)
}

// renew asks for a new token; where there is no way to one, the refusal stands. A
// new token may be called expired as well, by a server whose clock or cache is
// behind, so that the next one is asked for after a while.
func (c *Client) renew(ctx context.Context, k *call, refused string, refusal error) (string, error) {
	if k.renewed > 0 {
		wait := jitter(exponential(k.renewed - 1))
		if k.renewed >= maxRenewals || k.waiting.sum+wait > k.waiting.most {
			return "", k.gaveUp(refusal)
		}
		c.notify(Event{Kind: "retry", Wait: wait, Reason: reason(refusal)})
		if err := k.waiting.wait(ctx, wait, nil); err != nil {
			return "", err
		}
	}
	k.renewed++
	token, err := c.patiently(ctx, k, func(ctx context.Context) (string, error) { return c.opts.Tokens.Refresh(ctx, refused) })
	if err != nil {
		return "", fmt.Errorf("%w; %w", refusal, err)
	}
	return token, nil
}

// patiently gets a token through an outage, too.
func (c *Client) patiently(ctx context.Context, k *call, get func(context.Context) (string, error)) (string, error) {
	for try := 0; ; try++ {
		token, err := get(ctx)
		if err == nil || ctx.Err() != nil || !Retryable(err) || !c.answered.Load() {
			return token, err
		}
		wait := jitter(exponential(try))
		if k.waiting.sum+wait > k.waiting.most {
			return "", k.gaveUp(err)
		}
		c.notify(Event{Kind: "retry", Wait: wait, Reason: reason(err)})
		if err := k.waiting.wait(ctx, wait, nil); err != nil {
			return "", err
		}
	}
}

// pause waits before the next attempt. Its error ends the call: err itself, if
// there is no use in another attempt.
func (c *Client) pause(ctx context.Context, k *call, err error) error {
	if IsDailyLimit(err) {
		if c.waitsForQuota(k) {
			return nil
		}
		return err
	}
	if ctx.Err() != nil || !Retryable(err) {
		return err
	}
	wait, limit := c.backoff(k, err)
	if !limit {
		k.tries++
		if k.tries >= c.triesFor(err) {
			return err
		}
	}
	if k.waiting.sum+wait > k.waiting.most {
		return k.gaveUp(err)
	}
	c.retries.Add(1)
	if isRateLimit(err) { // every attempt of the bucket waits, at its gate
		c.notify(Event{Kind: "rate-limit", Wait: wait, Reason: reason(err)})
		c.pace.refused(k.bucket, k.sent, wait)
		return nil
	}
	c.notify(Event{Kind: "retry", Wait: wait, Reason: reason(err)})
	return k.waiting.wait(ctx, wait, nil)
}

func (k *call) gaveUp(err error) error {
	return mark(fmt.Errorf("gave up after %s of waiting, and can be resumed later: %w", k.waiting.sum.Round(time.Second), err), ErrGaveUp)
}

// triesFor is how many attempts may end like err: few where time does not heal.
func (c *Client) triesFor(err error) int {
	var lost *lostError
	switch {
	case !c.answered.Load():
		return maxFirstTries
	case errors.As(err, &lost) && lost.read:
		return maxUselessTries
	}
	return maxTries
}

// backoff is how long to wait after err, and whether that is about a limit, a
// lock or a move of the account, none of which says that anything is broken.
func (c *Client) backoff(k *call, err error) (wait time.Duration, limit bool) {
	var refusal *Error
	if !errors.As(err, &refusal) {
		return jitter(exponential(k.tries)), false
	}
	switch {
	case refusal.Status == http.StatusTooManyRequests:
		return jitter(c.limitWait(refusal)), true
	case refusal.Status == http.StatusLocked:
		return jitter(max(refusal.Wait, 2*time.Second)), true
	case refusal.Status == statusMigrating:
		return jitter(max(refusal.Wait, 10*time.Second)), true
	}
	return jitter(max(refusal.Wait, exponential(k.tries))), false
}

func (c *Client) limitWait(e *Error) time.Duration {
	switch {
	case e.Wait > 0:
		return e.Wait
	case limitKind(e) == limitSecondly:
		return time.Second
	}
	return c.pace.afterRefusal()
}

func exponential(tries int) time.Duration {
	return min(maxBackoff, 500*time.Millisecond<<min(tries, 10))
}

// jitter lengthens d by up to a fifth, so that workers do not return all at once.
func jitter(d time.Duration) time.Duration {
	return d + time.Duration(rand.Int64N(int64(d)/5+1))
}

// attempt sends an admitted request once and takes in its answer.
func (c *Client) attempt(ctx context.Context, k *call, token string, p pass) error {
	defer c.limiter.leave()
	defer c.daily.leave()
	sent := c.pace.send(k.bucket)
	k.sent = sent.sent
	answered := false
	err := c.exchange(ctx, k, token, func(resp *http.Response) {
		answered = true
		c.answered.Store(true)
		c.pace.answer(sent, resp.StatusCode, resp.Header)
		c.daily.learn(sent.sent, resp.Header)
	})
	if !answered {
		c.pace.lost(sent)
	}
	if IsDailyLimit(err) {
		c.dayIsSpent(k, err)
	}
	if ctx.Err() != nil || !c.answered.Load() { // it says nothing of HubSpot
		c.circuit.back(p)
		return err
	}
	c.circuit.note(p, err)
	c.limiter.learn(k.kind(), time.Since(sent.sent), isOverload(err))
	return err
}

// exchange sends the request and reads the answer.
func (c *Client) exchange(ctx context.Context, k *call, token string, learn func(*http.Response)) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, c.opts.Timeout)
	defer cancel()
	var conn connTrace
	req, err := c.request(httptrace.WithClientTrace(ctx, conn.trace()), k, token)
	if err != nil {
		return err
	}
	carrier := c.many
	if k.once {
		carrier = c.once
	}
	c.calls.Add(1)
	resp, err := carrier.RoundTrip(req)
	if err != nil {
		return c.lostError(ctx, &conn, err)
	}
	defer resp.Body.Close()
	learn(resp)
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return c.refusal(k, resp, token)
	}
	return k.accept(resp)
}

func (c *Client) request(ctx context.Context, k *call, token string) (*http.Request, error) {
	address := c.base + k.path
	if len(k.query) > 0 {
		address += "?" + k.query.Encode()
	}
	var body io.Reader
	if k.body != nil {
		body = bytes.NewReader(k.body)
	}
	req, err := http.NewRequestWithContext(ctx, k.method, address, body)
	if err != nil {
		return nil, errors.New("the request makes no valid address")
	}
	if k.once && c.opts.Transport != nil {
		req.GetBody = nil // so that an unknown transport cannot repeat it
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Accept", "application/json")
	if k.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.opts.UserAgent != "" {
		req.Header.Set("User-Agent", c.opts.UserAgent)
	}
	return req, nil
}

// buffers hold answers while they are decoded.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// accept reads and decodes a 2xx answer.
func (k *call) accept(resp *http.Response) error {
	buf := buffers.Get().(*bytes.Buffer)
	defer func() {
		if buf.Cap() <= 4<<20 {
			buf.Reset()
			buffers.Put(buf)
		}
	}()
	n, err := buf.ReadFrom(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return &lostError{what: fmt.Sprintf("the answer of status %d broke off", resp.StatusCode), cause: plain(err), sent: true}
	case n > maxAnswer:
		return &lostError{what: fmt.Sprintf("the answer is longer than %d MiB", maxAnswer>>20), sent: true, final: true}
	case k.decode == nil:
		return nil
	}
	if err := k.decode(buf.Bytes()); err != nil {
		if refusal := (*Error)(nil); errors.As(err, &refusal) { // 207: nothing of it was done
			refusal.Method, refusal.Path = k.method, k.path
			return refusal
		}
		return &lostError{what: fmt.Sprintf("the answer of status %d cannot be used", resp.StatusCode), cause: err, sent: true, read: true}
	}
	return nil
}

// refusal reads an answer that is not 2xx.
func (c *Client) refusal(k *call, resp *http.Response, token string) error {
	// What of the body cannot be read is missing from the message, no more.
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorAnswer))
	e := parseError(resp.StatusCode, resp.Header, body)
	e.Method, e.Path = k.method, k.path
	e.Message = mask(e.Message, token)
	if e.Status == http.StatusTooManyRequests {
		c.limited.Add(1)
	}
	return e
}

// mask keeps secrets out of texts that a server made.
func mask(text string, secrets ...string) string {
	for _, s := range secrets {
		if len(s) >= 6 {
			text = strings.ReplaceAll(text, s, "***")
		}
	}
	return text
}

// mayBeStored says whether an attempt that ended in err may have taken effect.
func (k *call) mayBeStored(err error) bool {
	var lost *lostError
	if errors.As(err, &lost) {
		return lost.sent
	}
	var refusal *Error
	return errors.As(err, &refusal) && refusal.Status >= 500
}

// verdict is the error that the whole call ends with.
func (k *call) verdict(err error) error {
	switch {
	case k.lost && !k.reads && !refused(err):
		return fmt.Errorf("%w: %w", ErrInDoubt, err)
	case !k.lost && turnedAway(err):
		return mark(err, ErrNotSent)
	}
	return err
}

// turnedAway says that no attempt was looked at, given that none was lost: what
// ended the call is not HubSpot's word on its content.
func turnedAway(err error) bool {
	var e *Error
	return !errors.As(err, &e) || Retryable(e) || IsAuth(e) || IsDailyLimit(e)
}

// refused says that HubSpot judged the request itself, so that an earlier
// attempt with the same content was refused as well.
func refused(err error) bool {
	var e *Error
	if !errors.As(err, &e) || e.Status < 400 || e.Status > 499 {
		return false
	}
	return !Retryable(e) && !IsAuth(e) && !IsDailyLimit(e)
}

// done says that a repeated DELETE found nothing left to delete, because an
// attempt before it, whose answer was lost, had done it.
func (k *call) done(err error) bool {
	var refusal *Error
	return k.method == http.MethodDelete && k.lost &&
		errors.As(err, &refusal) && refusal.Status == http.StatusNotFound
}

// A lostError is an attempt without a usable answer.
type lostError struct {
	what  string
	cause error
	sent  bool // the request may have reached HubSpot
	read  bool // an answer came, whole, but is of no use
	final bool // another attempt would end the same way
}

func (e *lostError) Error() string {
	if e.cause == nil {
		return e.what
	}
	return e.what + ": " + e.cause.Error()
}

func (e *lostError) Unwrap() error { return e.cause }

// lostError judges an error of the transport.
func (c *Client) lostError(ctx context.Context, conn *connTrace, err error) error {
	e := &lostError{what: "no answer from " + host(c.base), cause: plain(err), sent: !neverSent(conn, err), final: isHopeless(err)}
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		e.what += fmt.Sprintf(" within %s", c.opts.Timeout)
	case ctx.Err() != nil:
		e.cause = context.Cause(ctx)
	}
	return e
}

// connTrace watches whether an attempt got as far as a connection.
type connTrace struct{ asked, got atomic.Bool }

func (t *connTrace) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn: func(string) { t.asked.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { t.got.Store(true) },
	}
}

// neverSent says that no byte of the request left: there was no connection to
// send it on, because of an error, or because the attempt was cancelled while it
// waited for one. Every other failure proves nothing.
func neverSent(conn *connTrace, err error) bool {
	if conn.got.Load() {
		return false
	}
	var op *net.OpError
	return conn.asked.Load() || errors.As(err, &op) && (op.Op == "dial" || op.Op == "proxyconnect")
}

// isHopeless says that the other side is not the one we want to talk to.
func isHopeless(err error) bool {
	var (
		cert    *tls.CertificateVerificationError
		unknown x509.UnknownAuthorityError
		name    x509.HostnameError
		record  tls.RecordHeaderError
	)
	return errors.As(err, &cert) || errors.As(err, &unknown) || errors.As(err, &name) || errors.As(err, &record)
}

// plain takes the address off an error of net/http, since a query may hold what
// belongs in no message.
func plain(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

func host(base string) string {
	if u, err := url.Parse(base); err == nil {
		return u.Host
	}
	return "HubSpot"
}
