package hubspot_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/internal/hubspot"
)

// TestStatuses goes through every status that HubSpot's error handling guide
// names: whether it is tried again, after how long at least, and what a create
// that got it may have done.
func TestStatuses(t *testing.T) {
	t.Parallel()
	const never = 0
	tests := []struct {
		status  int
		body    string
		headers []string
		wait    time.Duration // before the next attempt, at least; never: there is none
		inDoubt bool          // a create may be stored, and is not repeated
		notSent bool          // if that is the end of it: it was turned away
	}{
		{status: 400, body: `{"category":"VALIDATION_ERROR"}`},
		{status: 401, body: `{"category":"INVALID_AUTHENTICATION"}`, notSent: true},
		{status: 403, body: `{"category":"MISSING_SCOPES"}`, notSent: true},
		{status: 404},
		{status: 405},
		{status: 409, body: `{"category":"CONFLICT"}`},
		{status: 413},
		{status: 414},
		{status: 415},
		{status: 422},
		{status: 423, wait: 2 * time.Second, notSent: true},
		{status: 423, headers: []string{"Retry-After: 5"}, wait: 5 * time.Second, notSent: true},
		{status: 429, body: tenSecondly, wait: 10 * time.Second, notSent: true},
		{status: 429, body: tenSecondly, headers: []string{"Retry-After: 3"}, wait: 3 * time.Second, notSent: true},
		{status: 429, body: secondly, wait: time.Second, notSent: true},
		{status: 429, body: secondly, headers: []string{"Retry-After: 4"}, wait: 4 * time.Second, notSent: true},
		{status: 429, wait: 10 * time.Second, notSent: true},
		{status: 429, body: daily, wait: never, notSent: true},
		{status: 429, body: daily, headers: []string{"Retry-After: 1"}, wait: never, notSent: true},
		{status: 477, wait: 10 * time.Second, notSent: true},
		{status: 477, headers: []string{"Retry-After: 86400"}, wait: 24 * time.Hour, notSent: true},
		{status: 500, wait: 500 * time.Millisecond, inDoubt: true},
		{status: 501, inDoubt: true},
		{status: 502, body: "<html>", wait: 500 * time.Millisecond, inDoubt: true},
		{status: 503, wait: 500 * time.Millisecond, inDoubt: true},
		{status: 503, headers: []string{"Retry-After: 7"}, wait: 7 * time.Second, inDoubt: true},
		{status: 504, wait: 500 * time.Millisecond, inDoubt: true},
		{status: 521, wait: 500 * time.Millisecond, inDoubt: true},
		{status: 522, wait: 500 * time.Millisecond, inDoubt: true},
		{status: 523, wait: 500 * time.Millisecond, inDoubt: true},
		{status: 524, wait: 500 * time.Millisecond, inDoubt: true},
		{status: 525, inDoubt: true},
		{status: 526, inDoubt: true},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.status, tt.body, tt.headers), func(t *testing.T) {
			t.Parallel()
			retried := tt.wait != never
			refusal := says(tt.status, tt.body, tt.headers...)
			synctest.Test(t, func(t *testing.T) { // of an update, which may be repeated
				s := scripted(refusal, says(200, oneStored))
				err := operations["update batch"](t.Context(), newClient(t, s, func(o *hubspot.Options) { o.MaxWait = 30 * time.Hour }))
				require.Equal(t, retried, err == nil)
				if !retried {
					require.Equal(t, 1, s.calls())
					require.Equal(t, tt.notSent, errors.Is(err, hubspot.ErrNotSent))
					return
				}
				waits := s.waits()
				require.Len(t, waits, 1)
				require.GreaterOrEqual(t, waits[0], tt.wait)
				require.LessOrEqual(t, waits[0], tt.wait*6/5)
			})
			synctest.Test(t, func(t *testing.T) { // of a create
				s := scripted(refusal, says(200, oneStored))
				err := operations["create batch"](t.Context(), newClient(t, s, func(o *hubspot.Options) { o.MaxWait = 30 * time.Hour }))
				require.Equal(t, tt.inDoubt, errors.Is(err, hubspot.ErrInDoubt))
				if tt.inDoubt {
					require.Equal(t, 1, s.calls())
					require.NotErrorIs(t, err, hubspot.ErrNotSent)
				}
			})
			if tt.notSent { // and does not end
				synctest.Test(t, func(t *testing.T) {
					err := operations["create batch"](t.Context(), newClient(t, scripted(refusal), func(o *hubspot.Options) { o.MaxWait = time.Minute }))
					var e *hubspot.Error
					require.ErrorAs(t, err, &e)
					require.Equal(t, tt.status, e.Status)
					require.ErrorIs(t, err, hubspot.ErrNotSent)
					require.NotErrorIs(t, err, hubspot.ErrInDoubt)
					require.Equal(t, retried, errors.Is(err, hubspot.ErrGaveUp))
					if retried {
						require.ErrorContains(t, err, "can be resumed")
					}
				})
			}
		})
	}
}

// TestNotSent: what never left this machine is told from what may have.
func TestNotSent(t *testing.T) {
	t.Parallel()
	short := func(base string) func(*hubspot.Options) {
		return func(o *hubspot.Options) { o.BaseURL = base; o.MaxWait = time.Millisecond }
	}
	untrusted := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("something was sent") }))
	untrusted.Config.ErrorLog = log.New(io.Discard, "", 0) // the failed handshake is what is wanted
	untrusted.StartTLS()
	t.Cleanup(untrusted.Close)
	nobody := func() string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		require.NoError(t, l.Close())
		return "http://" + l.Addr().String()
	}()
	silent := listen(t, func(_ int, conn net.Conn) {
		_ = conn.SetDeadline(time.Now().Add(4 * time.Second)) // after the client has given up
		_, _ = io.Copy(io.Discard, conn)
	})
	noTLS := listen(t, func(_ int, conn net.Conn) { _ = conn.Close() })
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	tests := []struct {
		name   string
		base   string
		ctx    context.Context
		change func(*hubspot.Options)
		sent   bool
	}{
		{name: "nobody listens", base: nobody, ctx: t.Context()},
		{name: "no such host", base: "https://ticketetl.invalid", ctx: t.Context()},
		{name: "certificate not trusted", base: untrusted.URL, ctx: t.Context()},
		{name: "closed before TLS", base: "https" + noTLS[len("http"):], ctx: t.Context()},
		{name: "TLS takes too long", base: "https" + silent[len("http"):], ctx: t.Context(), change: func(o *hubspot.Options) { o.Timeout = 50 * time.Millisecond }},
		{name: "cancelled before", base: silent, ctx: ended},
		{name: "no token", base: silent, ctx: t.Context(), change: func(o *hubspot.Options) { o.Tokens = hubspot.StaticToken("") }},
		// time enough for a busy machine to connect
		{name: "no answer", base: silent, ctx: t.Context(), change: func(o *hubspot.Options) { o.Timeout = 3 * time.Second }, sent: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			change := tt.change
			if change == nil {
				change = func(*hubspot.Options) {}
			}
			err := operations["create batch"](tt.ctx, newClient(t, nil, short(tt.base), change))
			require.Equal(t, !tt.sent, errors.Is(err, hubspot.ErrNotSent), "%v", err)
			require.Equal(t, tt.sent, errors.Is(err, hubspot.ErrInDoubt), "%v", err)
		})
	}
}
