package devrun

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
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
	buf := bodies.Get().(*bytes.Buffer)
	defer bodies.Put(buf)
	traces := texts(read(r, buf), `"objectWriteTraceId":"`)
	id, full := h.take(len(traces))
	if full {
		r.Body = io.NopCloser(buf) // the account behind reads it again
		h.Server.ServeHTTP(w, r)
		return
	}
	status, more := http.StatusCreated, `"}`
	if upsert {
		status, more = http.StatusOK, `","new":true}`
	}
	var results []byte
	for i, trace := range traces {
		if i > 0 {
			results = append(results, ',')
		}
		results = strconv.AppendInt(append(results, `{"id":"`...), id+int64(i), 10)
		results = append(append(results, `","properties":{},`+times+`,"objectWriteTraceId":"`...), trace...)
		results = append(results, more...)
	}
	answer(w, status, results, nil)
}

// take counts n tickets and returns the id of the first one; full says that this
// request is the one that is refused.
func (h *hollow) take(n int) (id int64, full bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.limit > 0 && h.taken >= h.limit {
		h.limit = 0
		return 0, true
	}
	id = firstID + h.taken
	h.taken += int64(n)
	return id, false
}

// texts are what stands between each begin and the quote that follows it.
func texts(body []byte, begin string) [][]byte {
	var all [][]byte
	for {
		i := bytes.Index(body, []byte(begin))
		if i < 0 {
			return all
		}
		text, rest, _ := bytes.Cut(body[i+len(begin):], []byte(`"`))
		all, body = append(all, text), rest
	}
}

// missing says of each ticket that is asked for that there is none. No key of the
// files that are sent here holds a quote.
func (h *hollow) missing(w http.ResponseWriter, r *http.Request) {
	buf := bodies.Get().(*bytes.Buffer)
	defer bodies.Put(buf)
	list := []byte{'['}
	for i, id := range texts(read(r, buf), `{"id":"`) {
		if i > 0 {
			list = append(list, ',')
		}
		list = append(append(append(list, '"'), id...), '"')
	}
	answer(w, http.StatusMultiStatus, nil, append(list, ']'))
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
