package devrun

import (
	"net/http"
	"strings"
	"sync"
	"time"
)

// Recorded serves an account on a port of its own, until stop, and notes its requests.
func Recorded(account http.Handler) (r *Recorder, url string, stop func(), err error) {
	r = &Recorder{account: account}
	url, stop, err = serve(r)
	return r, url, stop, err
}

// Span is that of the limit.
const Span = 10 * time.Second

// A Recorder notes when requests come in that count in the ten-second window.
type Recorder struct {
	account http.Handler

	mu      sync.Mutex
	taken   []time.Time // of those that were not refused
	refused int
	last    time.Time // end of the last answer
}

func (r *Recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	came := time.Now()
	seen := &statusWriter{ResponseWriter: w}
	r.account.ServeHTTP(seen, req)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last = time.Now()
	if strings.HasSuffix(req.URL.Path, "/search") || strings.HasPrefix(req.URL.Path, "/crm/v4/") {
		return
	}
	if seen.status == http.StatusTooManyRequests {
		r.refused++
		return
	}
	r.taken = append(r.taken, came)
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// A Paced is how a run kept its pace; docs/limits.md has the definitions.
type Paced struct {
	Calls   int
	Took    time.Duration // from the first request to the last answer
	Use     float64       // once the first window is over, of what is allowed
	Least   float64       // the least time in which so many are allowed, of the time that it took
	Refused float64       // share of 429
	Seconds []int         // calls that came in in each of them
}

// Sum says how the run kept its pace that is over. Of its requests allowed may count
// within any ten seconds.
func (r *Recorder) Sum(allowed float64) Paced {
	first := r.taken[0]
	for _, t := range r.taken {
		if t.Before(first) {
			first = t
		}
	}
	s := Paced{Calls: len(r.taken) + r.refused, Took: r.last.Sub(first)}
	var ours, room float64
	s.Seconds = make([]int, int(s.Took/time.Second)+1)
	for _, t := range r.taken {
		ours += weight(t.Sub(first), s.Took)
		s.Seconds[int(t.Sub(first)/time.Second)]++
	}
	const step = 10 * time.Millisecond
	for t := time.Duration(0); t < s.Took; t += step {
		room += weight(t, s.Took) * allowed * step.Seconds() / Span.Seconds()
	}
	s.Use = ours / room
	s.Least = float64(int(float64(len(r.taken)-1)/allowed)) * Span.Seconds() / s.Took.Seconds()
	s.Refused = float64(r.refused) / float64(s.Calls)
	return s
}

// weight leaves the first span out and lets the next and the last one count by and
// by, so that it does not matter at which moment a burst is cut off.
func weight(since, took time.Duration) float64 {
	return max(0, min(1, (since-Span).Seconds()/Span.Seconds(), (took-since).Seconds()/Span.Seconds()))
}
