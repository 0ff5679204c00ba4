package hubspot_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/internal/hubspot"
)

// A carrier answers requests in process, so that a test can run on fake time.
type carrier func(*http.Request) (*http.Response, error)

func (c carrier) RoundTrip(r *http.Request) (*http.Response, error) { return c(r) }

// answer makes a response; headers are given as "Name: value".
func answer(status int, body string, headers ...string) *http.Response {
	h := http.Header{}
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		h.Add(name, value)
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body))}
}

// script answers each request with the next of its answers, the last one from
// then on, and notes when it was asked.
type script struct {
	mu      sync.Mutex
	answers []func() (*http.Response, error)
	at      []time.Time
	seen    []*http.Request
	bodies  []string
}

func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	body := ""
	if r.Body != nil {
		data, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		body = string(data)
	}
	s.mu.Lock()
	next := s.answers[min(len(s.at), len(s.answers)-1)]
	s.at = append(s.at, time.Now())
	s.seen = append(s.seen, r)
	s.bodies = append(s.bodies, body)
	s.mu.Unlock()
	return next()
}

func (s *script) calls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.at)
}

// waits are the times between the attempts.
func (s *script) waits() []time.Duration {
	var list []time.Duration
	for i := 1; i < len(s.at); i++ {
		list = append(list, s.at[i].Sub(s.at[i-1]))
	}
	return list
}

func says(status int, body string, headers ...string) func() (*http.Response, error) {
	return func() (*http.Response, error) { return answer(status, body, headers...), nil }
}

func fails(err error) func() (*http.Response, error) {
	return func() (*http.Response, error) { return nil, err }
}

func scripted(answers ...func() (*http.Response, error)) *script { return &script{answers: answers} }

// newClient makes a client of a local address, with a token named "secret-token".
func newClient(t testing.TB, transport http.RoundTripper, change ...func(*hubspot.Options)) *hubspot.Client {
	t.Helper()
	opts := hubspot.Options{
		BaseURL: "http://127.0.0.1:9", Tokens: hubspot.StaticToken("secret-token"),
		UserAgent: "ticketetl/test", Transport: transport,
	}
	for _, f := range change {
		f(&opts)
	}
	c, err := hubspot.New(opts)
	require.NoError(t, err)
	return c
}

// serve starts a server and a client of it with the default transport.
func serve(t testing.TB, h http.HandlerFunc, change ...func(*hubspot.Options)) *hubspot.Client {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return newClient(t, nil, append([]func(*hubspot.Options){func(o *hubspot.Options) { o.BaseURL = server.URL }}, change...)...)
}
