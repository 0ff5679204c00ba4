package devrun

import (
	"bytes"
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
	e := read(r)
	defer exchanges.Put(e)
	e.find(`"objectWriteTraceId":"`, 'W')
	id, full := h.take(len(e.found))
	if full {
		r.Body = io.NopCloser(&e.body) // the account behind reads it again
		h.Server.ServeHTTP(w, r)
		return
	}
	status, more := http.StatusCreated, `"}`
	if upsert {
		status, more = http.StatusOK, `","new":true}`
	}
	e.answer = append(e.answer[:0], `{"status":"COMPLETE","results":[`...)
	for i, trace := range e.found {
		if i > 0 {
			e.answer = append(e.answer, ',')
		}
		e.answer = strconv.AppendInt(append(e.answer, `{"id":"`...), id+int64(i), 10)
		e.answer = append(append(e.answer, `","properties":{},`+times+`,"objectWriteTraceId":"`...), trace...)
		e.answer = append(e.answer, more...)
	}
	e.send(w, status, "],")
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

// missing says of each ticket that is asked for that there is none. No key of the
// files that are sent here holds a quote.
func (h *hollow) missing(w http.ResponseWriter, r *http.Request) {
	e := read(r)
	defer exchanges.Put(e)
	e.find(`{"id":"`, '{')
	e.answer = append(e.answer[:0], `{"status":"COMPLETE","results":[],"numErrors":1,"errors":[{"status":"error","category":"OBJECT_NOT_FOUND",`+
		`"message":"Could not get some TICKET objects, they may be deleted or not exist. Check that ids are valid.","context":{"ids":[`...)
	for i, id := range e.found {
		if i > 0 {
			e.answer = append(e.answer, ',')
		}
		e.answer = append(append(append(e.answer, '"'), id...), '"')
	}
	e.send(w, http.StatusMultiStatus, "]}}],")
}

// An exchange is a request and its answer. They are used again: the account runs
// beside the program that is measured, and is to leave it the processors.
type exchange struct {
	body   bytes.Buffer
	found  [][]byte // parts of body
	answer []byte
}

var exchanges = sync.Pool{New: func() any { return new(exchange) }}

// read takes the body of a request in; a sender that has died is not answered.
func read(r *http.Request) *exchange {
	e := exchanges.Get().(*exchange)
	e.body.Reset()
	if _, err := e.body.ReadFrom(r.Body); err != nil {
		panic(http.ErrAbortHandler)
	}
	return e
}

// find finds what stands between each begin and the quote that follows it. rare is a
// letter of begin that hardly stands elsewhere, so that looking for it goes quickly.
func (e *exchange) find(begin string, rare byte) {
	e.found = e.found[:0]
	before := strings.IndexByte(begin, rare)
	for rest := e.body.Bytes(); ; {
		i := bytes.IndexByte(rest, rare)
		if i < 0 {
			return
		}
		if i < before || !bytes.HasPrefix(rest[i-before:], []byte(begin)) {
			rest = rest[i+1:]
			continue
		}
		text, after, _ := bytes.Cut(rest[i-before+len(begin):], []byte{'"'})
		e.found, rest = append(e.found, text), after
	}
}

// send ends the answer and sends it.
func (e *exchange) send(w http.ResponseWriter, status int, end string) {
	e.answer = append(append(e.answer, end...), `"startedAt":"2026-01-02T03:04:05Z","completedAt":"2026-01-02T03:04:05Z"}`...)
	w.Header().Set("Content-Type", "application/json;charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(e.answer))) // else it would go in chunks
	w.WriteHeader(status)
	_, _ = w.Write(e.answer) // nobody is there to be told
}
