package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ticketetl/ticketetl/internal/sandbox"
	"github.com/ticketetl/ticketetl/internal/schema"
)

// An account is a sandbox account that outlives the processes that talk to it,
// behind a door at which they can be killed.
type account struct {
	*sandbox.Server
	url    string
	before map[string]sandbox.Ticket // what was there before the first attempt, and what others stored since, by id
	ids    []string                  // in the order in which it was stored

	server  *http.Server
	closed  chan error
	trap    atomic.Pointer[trap]
	conns   atomic.Int64 // open connections
	outage  outage
	onWrite atomic.Pointer[func()] // called at each request that writes, before it is answered; may be nil
	wrote   atomic.Int64           // requests that write, so far
	back    atomic.Int64           // when the outage is over, as UnixMilli; 0 before it begins

	others  []other
	rows    []row
	mu      sync.Mutex     // guards before and stored once attempts go on
	stored  map[string]int // the row whose key a ticket of others has, by id
	revoked int            // the how manieth request for a token is refused
	tokens  atomic.Int64   // requests for one
	refused atomic.Int64   // of them, refused
}

// newAccount opens the account of a plan with the given tickets in it.
func newAccount(p plan, tickets []seed, dir string) (*account, error) {
	world := sandbox.DefaultWorld()
	if p.variant.rowKey {
		world.Schema.Properties = append(world.Schema.Properties, rowKeyProperty())
	}
	data := dir + "/account.json"
	a := &account{
		before: map[string]sandbox.Ticket{}, closed: make(chan error, 1), outage: p.outage,
		others: p.others, stored: map[string]int{}, revoked: p.revoked,
	}
	if err := a.fill(world, tickets, data, p.seed); err != nil {
		return nil, err
	}
	var err error
	a.Server, err = sandbox.New(sandbox.Options{
		World: world, Data: data, Limits: sandbox.Unlimited, IndexLag: 20 * time.Millisecond,
		Faults: p.faults, Seed: int64(p.seed), Latency: p.latency,
	})
	if err != nil {
		return nil, err
	}
	for _, t := range a.Tickets(false) {
		a.before[t.ID] = t
	}
	return a, errors.Join(os.Remove(data), a.listen())
}

func rowKeyProperty() schema.Property {
	return schema.Property{
		Name: rowKeyName, Label: "ticketetl row key", Type: "string", FieldType: "text", GroupName: "ticketinformation",
		HasUniqueValue: true, Modification: &schema.Modification{Archivable: true},
	}
}

// ages are how long ago a ticket was stored, the oldest first.
var ages = []time.Duration{48 * time.Hour, time.Hour, 6 * time.Minute, 4 * time.Minute, time.Minute, 5 * time.Second, time.Second, 0}

// fill stores tickets, of any age, through an account without faults, and leaves
// its state in the file data.
func (a *account) fill(world *sandbox.World, tickets []seed, data string, random uint64) error {
	rng := rand.New(rand.NewPCG(random, 0x61676573))
	at := time.Now()
	quiet, err := sandbox.New(sandbox.Options{World: world, Data: data, Limits: sandbox.Unlimited, Now: func() time.Time { return at }})
	if err != nil {
		return err
	}
	now, age := at, 0
	for part := range slices.Chunk(tickets, 1+rng.IntN(60)) {
		age = min(age+rng.IntN(3), len(ages)-1)
		at = now.Add(-ages[age])
		ids, err := store(quiet, part)
		if err != nil {
			return err
		}
		if slices.Contains(ids, "") {
			return errors.New("one of the first tickets is refused")
		}
		a.ids = append(a.ids, ids...)
	}
	return quiet.Close()
}

// store creates tickets and returns their ids, in order; "" for those whose key
// is taken.
func store(h http.Handler, tickets []seed) ([]string, error) {
	type input struct {
		Properties   map[string]string `json:"properties"`
		Associations []json.RawMessage `json:"associations,omitempty"`
		Trace        string            `json:"objectWriteTraceId"`
	}
	var body struct {
		Inputs []input `json:"inputs"`
	}
	for i, t := range tickets {
		in := input{Properties: t.properties, Trace: strconv.Itoa(i)}
		for _, id := range t.contacts {
			in.Associations = append(in.Associations, json.RawMessage(
				`{"to":{"id":"`+id+`"},"types":[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":16}]}`))
		}
		body.Inputs = append(body.Inputs, in)
	}
	data, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	r := httptest.NewRequest(http.MethodPost, "/crm/v3/objects/tickets/batch/create", bytes.NewReader(data))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer x")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, sandbox.Undisturbed(r))
	if w.Code != http.StatusCreated && w.Code != http.StatusMultiStatus {
		return nil, fmt.Errorf("storing the first tickets: %d %s", w.Code, w.Body)
	}
	return traced(w.Body.Bytes(), len(tickets))
}

func traced(answer []byte, n int) ([]string, error) {
	var got struct {
		Results []struct{ ID, ObjectWriteTraceID string }
	}
	if err := json.Unmarshal(answer, &got); err != nil {
		return nil, err
	}
	ids := make([]string, n)
	for _, r := range got.Results {
		i, err := strconv.Atoi(r.ObjectWriteTraceID)
		if err != nil {
			return nil, err
		}
		ids[i] = r.ID
	}
	return ids, nil
}

func (a *account) listen() error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	a.url = "http://" + listener.Addr().String()
	a.server = &http.Server{Handler: a, ReadHeaderTimeout: 10 * time.Second, ConnState: a.count}
	go func() { a.closed <- a.server.Serve(listener) }()
	return nil
}

func (a *account) count(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		a.conns.Add(1)
	case http.StateClosed, http.StateHijacked:
		a.conns.Add(-1)
	}
}

// settle waits until what a dead process had sent is done, so that the next
// attempt sees all of it.
func (a *account) settle() error {
	for range 20_000 {
		if a.conns.Load() == 0 {
			return nil
		}
		time.Sleep(500 * time.Microsecond)
	}
	return errors.New("the account's connections do not end")
}

func (a *account) close() error {
	err := errors.Join(a.Server.Close(), a.server.Close())
	if served := <-a.closed; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// ServeHTTP is the door. The body is read first, so that a request that has
// come counts as received whatever becomes of its sender.
func (a *account) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 64<<20))
	if err != nil {
		panic(http.ErrAbortHandler) // the sender died half way
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if writes(r) {
		if do := a.onWrite.Load(); do != nil {
			(*do)()
		}
		a.letIn(int(a.wrote.Add(1)))
	}
	if a.out() {
		panic(http.ErrAbortHandler)
	}
	if a.revokes(r) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"status":"BAD_REFRESH_TOKEN","message":"missing or invalid refresh token","error":"invalid_grant"}`) // the sender may be dead
		return
	}
	if t := a.trap.Load(); t != nil && t.counts(r) {
		t.serve(w, r, a.Server)
		return
	}
	a.Server.ServeHTTP(w, r)
}

// letIn does what comes before the nth request that writes: an outage begins,
// and others store tickets.
func (a *account) letIn(n int) {
	if n == a.outage.at {
		a.back.Store(time.Now().UnixMilli() + a.outage.span.Milliseconds())
	}
	var tickets []map[string]string
	var rows []int
	for _, o := range a.others {
		r := &a.rows[o.row]
		if o.at != n || r.before != absent || r.bad || r.double {
			continue
		}
		p := r.payload()
		p[externalID], p["hs_pipeline"], p["hs_pipeline_stage"] = r.key, "0", "1"
		if !o.same {
			p["subject"] = "of somebody else"
		}
		tickets, rows = append(tickets, p), append(rows, o.row)
	}
	for i, p := range tickets {
		ids, err := store(a.Server, []seed{{properties: p}})
		if err != nil {
			panic(err) // which no account does
		}
		if ids[0] != "" {
			a.note(ids[0], rows[i], p)
		}
	}
}

// note remembers a ticket that others stored.
func (a *account) note(id string, row int, p map[string]string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.stored[id] = row
	a.before[id] = sandbox.Ticket{ID: id, Properties: p}
}

// out says whether the outage goes on.
func (a *account) out() bool { return time.Now().UnixMilli() < a.back.Load() }

// revokes says whether r is the request for a token that is refused.
func (a *account) revokes(r *http.Request) bool {
	if !strings.HasPrefix(r.URL.Path, "/oauth/") || a.tokens.Add(1) != int64(a.revoked) {
		return false
	}
	a.refused.Add(1)
	return true
}

// A trap kills a process at the nth request of an attempt.
type trap struct {
	moment moment
	kill   func() // returns when the process is gone
	seen   atomic.Int64
}

// counts says whether r is the request that springs the trap.
func (t *trap) counts(r *http.Request) bool {
	if t.moment.kind != callAnswered && !writes(r) {
		return false
	}
	return t.seen.Add(1) == int64(t.moment.n)
}

// writes says whether a request changes the account.
func writes(r *http.Request) bool {
	path := r.URL.Path
	return r.Method != http.MethodGet && strings.HasPrefix(path, "/crm/") && !strings.HasSuffix(path, "/search") && !strings.HasSuffix(path, "/read")
}

// serve answers the request that springs the trap.
func (t *trap) serve(w http.ResponseWriter, r *http.Request, account http.Handler) {
	switch t.moment.kind {
	case requestDropped:
		t.kill()
		panic(http.ErrAbortHandler)
	case requestBefore:
		t.kill()
		// The account does not know that nobody waits for it any more.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), 250*time.Millisecond)
		defer cancel()
		account.ServeHTTP(w, r.WithContext(ctx))
	case requestDone, interruptedAt:
		account.ServeHTTP(&lastMoment{ResponseWriter: w, kill: sync.OnceFunc(t.kill)}, r)
	default:
		defer func() { go func() { time.Sleep(t.moment.delay); t.kill() }() }()
		account.ServeHTTP(w, r)
	}
}

// A lastMoment kills before the first byte of the answer is written.
type lastMoment struct {
	http.ResponseWriter
	kill func()
}

func (l *lastMoment) WriteHeader(status int) {
	l.kill()
	l.ResponseWriter.WriteHeader(status)
}

func (l *lastMoment) Write(data []byte) (int, error) {
	l.kill()
	return l.ResponseWriter.Write(data)
}

func (l *lastMoment) Flush() { _ = http.NewResponseController(l.ResponseWriter).Flush() } // nobody reads it

func (l *lastMoment) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	l.kill()
	return http.NewResponseController(l.ResponseWriter).Hijack()
}
