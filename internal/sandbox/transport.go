package sandbox

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"syscall"
	"time"
)

// ServeHTTP answers one request of HubSpot's API.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rep, f := s.answer(r)
	if f != nil && f.cuts() {
		s.cut(w, r, f, rep)
		return
	}
	rep.send(w)
}

func (rep *reply) send(w http.ResponseWriter) {
	h := w.Header()
	for name, values := range rep.header {
		h[name] = values
	}
	if rep.body != nil {
		h.Set("Content-Length", strconv.Itoa(len(rep.body)))
	}
	w.WriteHeader(rep.status)
	// A client that has gone away is no fault of the account.
	_, _ = w.Write(rep.body)
}

// cut ends, or slows, a connection in the way of the fault.
func (s *Server) cut(w http.ResponseWriter, r *http.Request, f *fault, rep *reply) {
	switch f.Kind {
	case NeverAnswer, NeverAnswerBefore:
		s.hang(r)
	case SlowBody:
		rest := rep.sendHalf(w)
		if s.wait(r, s.delay(f.Delay)) {
			_, _ = w.Write(rest)
			return
		}
	case Truncate:
		rep.sendHalf(w)
	default:
		reset(w)
	}
	panic(http.ErrAbortHandler)
}

// sendHalf promises the whole body, sends half of it and returns the rest.
func (rep *reply) sendHalf(w http.ResponseWriter) (rest []byte) {
	half := len(rep.body) / 2
	for name, values := range rep.header {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(rep.body)))
	w.WriteHeader(rep.status)
	_, _ = w.Write(rep.body[:half])
	if flusher, can := w.(http.Flusher); can {
		flusher.Flush()
	}
	return rep.body[half:]
}

// reset closes the connection so that the client sees a reset, where the
// connection is one of TCP.
func reset(w http.ResponseWriter) {
	hijacker, can := w.(http.Hijacker)
	if !can {
		return
	}
	conn, _, err := hijacker.Hijack()
	if err != nil {
		return
	}
	if tcp, isTCP := conn.(*net.TCPConn); isTCP {
		_ = tcp.SetLinger(0) // the connection is thrown away whether or not this works
	}
	_ = conn.Close()
}

// hang waits until the client gives up or the server closes.
func (s *Server) hang(r *http.Request) {
	select {
	case <-r.Context().Done():
	case <-s.closed:
	}
}

// Transport returns a transport that leads to this account without a socket,
// whatever the host of the URL.
func (s *Server) Transport() http.RoundTripper { return inProcess{s} }

type inProcess struct{ s *Server }

func (t inProcess) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		defer req.Body.Close()
	}
	ctx := req.Context()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	rep, f := t.s.answer(req.Clone(ctx))
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case f == nil || !f.cuts():
		return rep.response(req, bytes.NewReader(rep.body)), nil
	case f.Kind == Truncate:
		half := io.MultiReader(bytes.NewReader(rep.body[:len(rep.body)/2]), brokenOff{})
		return rep.response(req, half), nil
	case f.Kind == SlowBody:
		half := len(rep.body) / 2
		late := &lateReader{s: t.s, req: req, delay: t.s.delay(f.Delay), rest: bytes.NewReader(rep.body[half:])}
		return rep.response(req, io.MultiReader(bytes.NewReader(rep.body[:half]), late)), nil
	case f.Kind == NeverAnswer || f.Kind == NeverAnswerBefore:
		t.s.hang(req)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("in-process account: %w", &net.OpError{Op: "read", Net: "sandbox", Err: syscall.ECONNRESET})
}

func (rep *reply) response(req *http.Request, body io.Reader) *http.Response {
	return &http.Response{
		Status:     fmt.Sprintf("%d %s", rep.status, http.StatusText(rep.status)),
		StatusCode: rep.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: rep.header, Body: io.NopCloser(body), ContentLength: int64(len(rep.body)), Request: req,
	}
}

// brokenOff is the end of a body that stops too early.
type brokenOff struct{}

func (brokenOff) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// A lateReader waits before it begins.
type lateReader struct {
	s     *Server
	req   *http.Request
	delay time.Duration
	rest  *bytes.Reader
}

func (l *lateReader) Read(p []byte) (int, error) {
	if !l.s.wait(l.req, l.delay) {
		if err := l.req.Context().Err(); err != nil {
			return 0, err
		}
		return 0, io.ErrUnexpectedEOF
	}
	l.delay = 0
	return l.rest.Read(p)
}
