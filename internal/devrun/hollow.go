package devrun

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/ticketetl/ticketetl/internal/sandbox"
)

// Hollow serves an account that takes every new ticket and keeps none, so that ten
// million need no memory, and hardly any time, until stop. All else is answered by a
// sandbox account. After limit tickets, if that is not 0, one create is refused
// because the daily limit is reached.
func Hollow(limit int64) (url string, stop func(), err error) {
	server, err := sandbox.New(sandbox.Options{
		Limits: sandbox.Unlimited, IndexLag: -1, Faults: sandbox.Faults{{Kind: sandbox.DailyLimit, Match: "batch/create"}},
	})
	if err != nil {
		return "", nil, err
	}
	return serve(&hollow{Server: server, limit: limit})
}

// serve serves an account on a port of its own, until stop.
func serve(account http.Handler) (url string, stop func(), err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	h := &http.Server{Handler: account, ReadHeaderTimeout: time.Minute}
	go func() { _ = h.Serve(listener) }() // ends with stop
	return "http://" + listener.Addr().String(), func() { _ = h.Close() }, nil
}

type hollow struct {
	*sandbox.Server // its creates answer that the daily limit is reached

	mu    sync.Mutex
	taken int64 // tickets
	limit int64 // tickets after which one create is refused; 0: no more
}

const firstID = 40_000_000_000

func (h *hollow) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch path := r.URL.Path; {
	case strings.HasSuffix(path, "/tickets/batch/create"), strings.HasSuffix(path, "/tickets/batch/upsert"):
		h.create(w, r, strings.HasSuffix(path, "upsert"))
	case strings.HasSuffix(path, "/tickets/batch/read"):
		h.missing(w, r)
	default:
		h.Server.ServeHTTP(w, r)
	}
}

const times = `"createdAt":"2026-01-02T03:04:05Z","updatedAt":"2026-01-02T03:04:05Z","archived":false`

// create gives each input an id. No value of the files that are sent here holds the
// name of the trace id, so that the body need not be parsed.
func (h *hollow) create(w http.ResponseWriter, r *http.Request, upsert bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.limit > 0 && h.taken >= h.limit {
		h.limit = 0
		h.Server.ServeHTTP(w, r)
		return
	}
	status, more := http.StatusCreated, ""
	if upsert {
		status, more = http.StatusOK, `,"new":true`
	}
	var results bytes.Buffer
	buf := bodies.Get().(*bytes.Buffer)
	defer bodies.Put(buf)
	for body := read(r, buf); ; {
		_, rest, found := bytes.Cut(body, []byte(`"objectWriteTraceId":"`))
		if !found {
			break
		}
		trace, after, _ := bytes.Cut(rest, []byte(`"`))
		if results.Len() > 0 {
			results.WriteByte(',')
		}
		fmt.Fprintf(&results, `{"id":"%d","properties":{},%s,"objectWriteTraceId":"%s"%s}`, firstID+h.taken, times, trace, more)
		h.taken++
		body = after
	}
	answer(w, status, results.Bytes(), nil)
}

// missing says of each ticket that is asked for that there is none.
func (h *hollow) missing(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		Inputs []struct{ ID string }
	}
	buf := bodies.Get().(*bytes.Buffer)
	defer bodies.Put(buf)
	if err := json.Unmarshal(read(r, buf), &asked); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	ids := make([]string, len(asked.Inputs))
	for i, in := range asked.Inputs {
		ids[i] = in.ID
	}
	list, _ := json.Marshal(ids) // strings never fail
	answer(w, http.StatusMultiStatus, nil, list)
}

var bodies = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// read is the body of a request, in buf; of a sender that has died, nothing is
// answered.
func read(r *http.Request, buf *bytes.Buffer) []byte {
	buf.Reset()
	if _, err := buf.ReadFrom(r.Body); err != nil {
		panic(http.ErrAbortHandler)
	}
	return buf.Bytes()
}

func answer(w http.ResponseWriter, status int, results, missing []byte) {
	w.Header().Set("Content-Type", "application/json;charset=utf-8")
	w.WriteHeader(status)
	errors := ""
	if missing != nil {
		errors = `"numErrors":1,"errors":[{"status":"error","category":"OBJECT_NOT_FOUND","message":"Could not get some TICKET objects, they may be deleted or not exist. Check that ids are valid.","context":{"ids":` + string(missing) + `}}],`
	}
	_, _ = fmt.Fprintf(w, `{"status":"COMPLETE","results":[%s],%s"startedAt":"2026-01-02T03:04:05Z","completedAt":"2026-01-02T03:04:05Z"}`, results, errors)
}
