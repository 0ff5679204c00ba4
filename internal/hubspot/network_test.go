package hubspot_test

import (
	"bufio"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/internal/hubspot"
)

// listen accepts connections and lets handle do with each what it wants; n is
// the number of the connection, from 0.
func listen(t *testing.T, handle func(n int, conn net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var wg sync.WaitGroup
	t.Cleanup(func() { _ = l.Close(); wg.Wait() })
	wg.Go(func() {
		for n := 0; ; n++ {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer conn.Close()
				_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
				handle(n, conn)
			})
		}
	})
	return "http://" + l.Addr().String()
}

// readRequest reads one whole request off a connection.
func readRequest(r *bufio.Reader) error {
	req, err := http.ReadRequest(r)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, req.Body)
	return err
}

const goodCreate = "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 55\r\n\r\n" +
	`{"results":[{"id":"7","objectWriteTraceId":"a"}]}` + "      "

// TestBrokenConnections covers what only a real connection can do. A create is
// received once, whatever happens after it was read.
func TestBrokenConnections(t *testing.T) {
	t.Parallel()
	reset := func(conn net.Conn) { _ = conn.(*net.TCPConn).SetLinger(0) }
	tests := []struct {
		name   string
		answer func(conn net.Conn)
	}{
		{"reset before any answer", reset},
		{"closed before any answer", func(net.Conn) {}},
		{"closed in the header", func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 201 Cre") }},
		{"closed in the body", func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 201 Created\r\nContent-Length: 500\r\n\r\n{\"results\":[")
		}},
		{"body ends early without a length", func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 201 Created\r\nConnection: close\r\n\r\n{\"results\":[")
		}},
		{"no HTTP at all", func(c net.Conn) { _, _ = io.WriteString(c, "220 mail ready\r\n") }},
		{"HTML with status 200", func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>")
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var received atomic.Int32
			url := listen(t, func(_ int, conn net.Conn) {
				if readRequest(bufio.NewReader(conn)) != nil {
					return
				}
				received.Add(1)
				tt.answer(conn)
			})
			c := newClient(t, nil, func(o *hubspot.Options) { o.BaseURL = url })
			_, err := c.CreateBatch(t.Context(), "tickets", oneCreate)
			require.ErrorIs(t, err, hubspot.ErrInDoubt)
			require.Equal(t, int32(1), received.Load())
		})
	}
}

// TestReusedConnectionDies: on a connection that served before, net/http repeats
// requests by itself. It must not do so with a create that was read, and may do
// so with one of which no byte was written.
func TestReusedConnectionDies(t *testing.T) {
	t.Parallel()
	t.Run("after the create was read", func(t *testing.T) {
		t.Parallel()
		var received atomic.Int32
		url := listen(t, func(n int, conn net.Conn) {
			r := bufio.NewReader(conn)
			if readRequest(r) != nil {
				return
			}
			received.Add(1)
			_, _ = io.WriteString(conn, goodCreate)
			if n == 0 && readRequest(r) == nil { // the second one, on the same connection
				received.Add(1)
			}
		})
		c := newClient(t, nil, func(o *hubspot.Options) { o.BaseURL = url })
		_, err := c.CreateBatch(t.Context(), "tickets", oneCreate)
		require.NoError(t, err)
		_, err = c.CreateBatch(t.Context(), "tickets", oneCreate)
		require.ErrorIs(t, err, hubspot.ErrInDoubt)
		require.Equal(t, int32(2), received.Load())
	})
	t.Run("before the create was sent", func(t *testing.T) {
		t.Parallel()
		var received atomic.Int32
		closed := make(chan struct{})
		url := listen(t, func(n int, conn net.Conn) {
			if readRequest(bufio.NewReader(conn)) != nil {
				return
			}
			received.Add(1)
			_, _ = io.WriteString(conn, goodCreate)
			if n == 0 {
				_ = conn.Close()
				close(closed)
			}
		})
		c := newClient(t, nil, func(o *hubspot.Options) { o.BaseURL = url })
		_, err := c.CreateBatch(t.Context(), "tickets", oneCreate)
		require.NoError(t, err)
		<-closed
		// Either net/http has noticed by now, and dials, or it writes into the
		// void, and the create is in doubt: never is it received twice.
		_, err = c.CreateBatch(t.Context(), "tickets", oneCreate)
		if err != nil {
			require.ErrorIs(t, err, hubspot.ErrInDoubt)
			require.Equal(t, int32(1), received.Load())
			return
		}
		require.Equal(t, int32(2), received.Load())
	})
}

// TestNobodyListens: a create that found nobody is not in doubt.
func TestNobodyListens(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := l.Addr().String()
	require.NoError(t, l.Close())
	c := newClient(t, nil, func(o *hubspot.Options) { o.BaseURL = "http://" + address; o.MaxWait = time.Millisecond })
	_, err = c.CreateBatch(t.Context(), "tickets", oneCreate)
	require.ErrorContains(t, err, "no answer from "+address)
	require.NotErrorIs(t, err, hubspot.ErrInDoubt)
	require.True(t, hubspot.Retryable(err))
}

// TestUntrustedServer: a certificate that is not trusted ends the call at once,
// and nothing was sent.
func TestUntrustedServer(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("something was sent") }))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // the failed handshake is what is wanted
	server.StartTLS()
	t.Cleanup(server.Close)
	c := newClient(t, nil, func(o *hubspot.Options) { o.BaseURL = server.URL })
	_, err := c.CreateBatch(t.Context(), "tickets", oneCreate)
	require.ErrorContains(t, err, "certificate")
	require.NotErrorIs(t, err, hubspot.ErrInDoubt)
	require.False(t, hubspot.Retryable(err))
	require.Equal(t, int64(1), c.Stats().Calls)
}

// TestProtocols: what must not be repeated goes over HTTP/1.1, where net/http
// never does so on its own once a byte is written.
func TestProtocols(t *testing.T) {
	t.Parallel()
	many, once := hubspot.Transports()
	seen := map[string]string{}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen[r.Method] = r.Proto
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	pool := server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	for method, transport := range map[string]*http.Transport{http.MethodGet: many, http.MethodPost: once} {
		transport.TLSClientConfig.RootCAs = pool
		t.Cleanup(transport.CloseIdleConnections)
		req, err := http.NewRequestWithContext(t.Context(), method, server.URL, nil)
		require.NoError(t, err)
		resp, err := transport.RoundTrip(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
	}
	require.Equal(t, map[string]string{http.MethodGet: "HTTP/2.0", http.MethodPost: "HTTP/1.1"}, seen)
}

// TestGivenTransport: a transport of the caller, which may speak HTTP/2, gets
// creates without the means to repeat them.
func TestGivenTransport(t *testing.T) {
	t.Parallel()
	for name, call := range operations {
		s := scripted(says(400, "{}"))
		require.Error(t, call(t.Context(), newClient(t, s)), name)
		r := s.seen[0]
		require.Equal(t, r.Body != nil && !isCreate(name), r.GetBody != nil, name)
	}
}

// TestRedirectIsNotFollowed: the token goes to the base URL and nowhere else.
func TestRedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("%s came here", r.Header.Get("Authorization"))
	}))
	t.Cleanup(other.Close)
	for _, status := range []int{301, 302, 303, 307, 308} {
		c := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, status) })
		_, err := c.Get(t.Context(), "tickets", "7", hubspot.GetQuery{})
		require.ErrorContains(t, err, "it points to another address, which is not followed; check the base URL")
	}
}

// TestAnswerIsBounded: an answer without end is not read without end.
func TestAnswerIsBounded(t *testing.T) {
	t.Parallel()
	blanks := strings.Repeat(" ", 1<<20)
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		for range 70 {
			if _, err := io.WriteString(w, blanks); err != nil {
				return
			}
		}
	})
	_, err := c.Get(t.Context(), "tickets", "7", hubspot.GetQuery{})
	require.EqualError(t, err, "read one of tickets: the answer is longer than 64 MiB")
	require.Equal(t, int64(1), c.Stats().Calls)
}

// TestSecretsStayOut: no error holds the token, nor what a query holds.
func TestSecretsStayOut(t *testing.T) {
	t.Parallel()
	echo := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"message":"got `+r.Header.Get("Authorization")+`"}`)
	})
	_, err := echo.Get(t.Context(), "tickets", "7", hubspot.GetQuery{})
	require.EqualError(t, err, "read one of tickets: HubSpot answered 400: got Bearer ***")

	url := listen(t, func(int, net.Conn) {})
	c := newClient(t, nil, func(o *hubspot.Options) { o.BaseURL = url; o.MaxWait = time.Nanosecond })
	_, err = c.Get(t.Context(), "contacts", "ana@example.com", hubspot.GetQuery{IDProperty: "email"})
	require.Error(t, err)
	require.NotContains(t, err.Error(), "ana")
	require.NotContains(t, err.Error(), "email")
	require.NotContains(t, err.Error(), "secret-token")
}
