package devrun

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sort"
	"strconv"
	"strings"
	"sync"

	"github.com/ticketetl/ticketetl/internal/sandbox"
)

// Still serves a sandbox account whose tickets are rendered once, when they are
// first listed, and whose searches are answered once, so that reading it costs
// hardly more than sending it. What is written after that is not seen.
func Still() (url string, stop func(), err error) {
	server, err := sandbox.New(sandbox.Options{Limits: sandbox.Unlimited, IndexLag: -1})
	if err != nil {
		return "", nil, err
	}
	return serve(&still{Server: server, listings: map[string]*rendering{}, searches: map[string]*httptest.ResponseRecorder{}})
}

type still struct {
	*sandbox.Server

	mu       sync.Mutex
	listings map[string]*rendering // by what is asked for, apart from the place
	searches map[string]*httptest.ResponseRecorder
}

// A rendering is all tickets of a listing, in the order of their ids.
type rendering struct {
	ids     []uint64
	tickets [][]byte
}

func (s *still) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method == http.MethodPost && r.URL.Path == ticketsPath+"/search":
		s.search(w, r)
	case r.Method == http.MethodGet && r.URL.Path == ticketsPath:
		s.list(w, r)
	default:
		s.Server.ServeHTTP(w, r)
	}
}

func (s *still) search(w http.ResponseWriter, r *http.Request) {
	e := read(r)
	body := e.body.String()
	exchanges.Put(e)
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.searches[body]
	if known == nil {
		known = httptest.NewRecorder()
		r.Body = io.NopCloser(strings.NewReader(body))
		s.Server.ServeHTTP(known, r)
		s.searches[body] = known
	}
	w.Header().Set("Content-Type", known.Header().Get("Content-Type"))
	w.WriteHeader(known.Code)
	_, _ = w.Write(known.Body.Bytes()) // nobody is there to be told
}

func (s *still) list(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	after, _ := strconv.ParseUint(query.Get("after"), 10, 64) // 0 for none
	limit, err := strconv.Atoi(query.Get("limit"))
	if err != nil || limit < 1 || limit > mostListed {
		s.Server.ServeHTTP(w, r)
		return
	}
	query.Del("after")
	query.Del("limit")
	all, err := s.listing(query, r.Header)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	all.page(w, after, limit)
}

const (
	ticketsPath = "/crm/v3/objects/tickets"
	mostListed  = 100 // tickets in a page
)

// page writes the tickets from the id after, or those behind it; see the sandbox.
func (l *rendering) page(w http.ResponseWriter, after uint64, limit int) {
	from := sort.Search(len(l.ids), func(i int) bool { return l.ids[i] >= after })
	to := min(from+limit, len(l.ids))
	var b bytes.Buffer
	b.WriteString(`{"results":[`)
	b.Write(bytes.Join(l.tickets[from:to], []byte(",")))
	b.WriteString(`]`)
	if to < len(l.ids) {
		fmt.Fprintf(&b, `,"paging":{"next":{"after":"%d"}}`, l.ids[to])
	}
	b.WriteString("}")
	w.Header().Set("Content-Type", "application/json;charset=utf-8")
	_, _ = w.Write(b.Bytes()) // nobody is there to be told
}

// listing renders what is asked for, unless that was done.
func (s *still) listing(query url.Values, header http.Header) (*rendering, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.listings[query.Encode()]; known != nil {
		return known, nil
	}
	var all rendering
	key := query.Encode()
	query.Set("limit", strconv.Itoa(mostListed))
	for {
		r := httptest.NewRequest(http.MethodGet, ticketsPath+"?"+query.Encode(), nil)
		r.Header = header
		answer := httptest.NewRecorder()
		s.Server.ServeHTTP(answer, r)
		after, err := all.add(answer.Body.Bytes())
		if err != nil {
			return nil, err
		}
		if after == "" {
			s.listings[key] = &all
			return &all, nil
		}
		query.Set("after", after)
	}
}

// add takes a page in and returns the cursor of the next one.
func (l *rendering) add(page []byte) (after string, err error) {
	var p struct {
		Results []json.RawMessage
		Paging  struct{ Next struct{ After string } }
	}
	if err := json.Unmarshal(page, &p); err != nil {
		return "", err
	}
	for _, ticket := range p.Results {
		var one struct{ ID string }
		if err := json.Unmarshal(ticket, &one); err != nil {
			return "", err
		}
		id, err := strconv.ParseUint(one.ID, 10, 64)
		if err != nil {
			return "", err
		}
		l.ids, l.tickets = append(l.ids, id), append(l.tickets, ticket)
	}
	return p.Paging.Next.After, nil
}
