package sandbox

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ticketetl/ticketetl/internal/schema"
)

// Options are how an account behaves. The zero value is an account with the
// default world, HubSpot's limits of a free account, any token, and no faults.
type Options struct {
	World  *World   // nil: DefaultWorld()
	Token  string   // the only bearer token accepted; "": any that is not empty
	Scopes []string // what the token may do; nil: everything
	OAuth  OAuth    // what the token endpoint accepts; zero: anything
	Data   string   // file in which the state is kept; "": memory only

	Limits   Limits
	Faults   Faults
	Seed     int64            // of everything that is shuffled, delayed or broken
	Now      func() time.Time // nil: time.Now
	IndexLag time.Duration    // how late searches see a write; 0: 2 s, negative: none
	Latency  Range            // how long each answer takes at least
	CountAt  Moment           // when within it a request counts

	Switches Switches // where HubSpot's answer is not known for certain
}

// A Range is a span of durations.
type Range struct{ Min, Max time.Duration }

// Bounds on what is read from outside.
const (
	maxBody       = 32 << 20 // bytes of a request body
	maxURL        = 8_000    // characters, as HubSpot's gateway seems to count
	maxViolations = 1_000    // kept; the rest is counted
)

// A Server is an account at work. It is an http.Handler; Listen serves it on a
// socket, Transport without one. All methods may be called from any goroutine.
type Server struct {
	opts   Options
	now    func() time.Time
	lag    time.Duration
	zone   *time.Location
	mux    *http.ServeMux
	gate   *gate
	faults *faultPlan
	tokens tokenStore
	closed chan struct{}
	once   sync.Once
	serial atomic.Uint64 // of correlation ids

	mu         sync.RWMutex // guards everything below
	account    schema.Account
	born       map[string]lifetime // of pipelines and stages, by id
	required   []string
	conditions []Condition
	objects    [numObjects]*object
	pipelines  []schema.Pipeline
	owners     map[string]schema.Owner
	types      associationTypes

	rngMu sync.Mutex
	rng   *rand.Rand

	watchMu    sync.Mutex
	counts     map[string]int
	violations []string
	overflow   int // violations that were not kept
}

// New opens an account. The error tells of a world that contradicts itself or
// of a Data file that cannot be read.
func New(opts Options) (*Server, error) {
	if opts.World == nil {
		opts.World = DefaultWorld()
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	zone, err := time.LoadLocation(opts.World.Schema.Account.TimeZone)
	if err != nil {
		return nil, fmt.Errorf("world: time zone of the account: %w", err)
	}
	s := &Server{
		opts: opts, now: opts.Now, zone: zone, lag: indexLag(opts.IndexLag),
		objects: objectKinds(), closed: make(chan struct{}), counts: map[string]int{},
		rng: rand.New(rand.NewPCG(uint64(opts.Seed), 0x7469636b)),
	}
	for _, o := range s.objects {
		o.folded = opts.Switches.UniqueFolded
	}
	s.gate = newGate(opts.Limits, zone, opts.Seed)
	s.faults = newFaultPlan(opts.Faults, opts.Seed)
	s.routes()
	if err := s.load(opts.World); err != nil {
		return nil, err
	}
	return s, s.restore()
}

func indexLag(d time.Duration) time.Duration {
	switch {
	case d < 0:
		return 0
	case d == 0:
		return 2 * time.Second
	}
	return d
}

// load fills the account from its world.
func (s *Server) load(w *World) error {
	s.account = w.Schema.Account
	s.pipelines, s.born = deepCopy(w.Schema.Pipelines), map[string]lifetime{}
	s.owners = make(map[string]schema.Owner, len(w.Schema.Owners))
	for _, o := range w.Schema.Owners {
		s.owners[o.ID] = o
	}
	if err := s.loadDefinitions(w); err != nil {
		return err
	}
	if err := s.loadRequired(w); err != nil {
		return err
	}
	s.types = loadTypes(w.Schema.Labels)
	return errors.Join(s.plant(contacts, w.Contacts), s.plant(companies, w.Companies), s.plant(deals, w.Deals))
}

// plant stores the seeds of one kind of object.
func (s *Server) plant(index int, seeds []Seed) error {
	o := s.objects[index]
	born := millis(time.Date(2024, time.January, 2, 9, 0, 0, 0, time.UTC))
	for _, seed := range seeds {
		num, err := strconv.ParseUint(seed.ID, 10, 63)
		if err != nil {
			return fmt.Errorf("world: id of one of the %s: %q is not a decimal number", o.name, seed.ID)
		}
		if err := o.unused(num); err != nil {
			return fmt.Errorf("world: %w", err)
		}
		r := &record{num: num, id: seed.ID, kind: o, entered: born, state: state{created: born, updated: born}}
		for name, text := range seed.Properties {
			if p := o.props[name]; p != nil && p.virtual == nil {
				r.cells = append(r.cells, cell{prop: p, text: text, at: born})
				r.claim(r.cells[len(r.cells)-1])
			}
		}
		o.add(r)
	}
	o.sort()
	return nil
}

// Close ends answers that never come and saves the state to Options.Data.
func (s *Server) Close() error {
	var err error
	s.once.Do(func() {
		close(s.closed)
		err = s.save()
	})
	return err
}

// Listen serves the account on addr ("127.0.0.1:0" if empty) and returns its
// base URL. stop ends it at once; answers under way are cut off.
func (s *Server) Listen(addr string) (url string, stop func() error, err error) {
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	stop = func() error {
		err := server.Close()
		if served := <-done; !errors.Is(served, http.ErrServerClosed) {
			err = errors.Join(err, served)
		}
		return err
	}
	return "http://" + listener.Addr().String(), stop, nil
}

// A call is one request on its way through the account.
type call struct {
	s       *Server
	r       *http.Request
	body    []byte
	now     int64 // ms
	id      string
	version string // date version of the path; "" for v3 and v4
	limited bool   // counts in the ten-second window
	search  bool
	quota   quota
}

// wrong notes a request that HubSpot would take, or refuse, but that a careful
// client does not send.
func (c *call) wrong(format string, args ...any) {
	c.s.violate(c.r.Method + " " + c.r.URL.Path + ": " + fmt.Sprintf(format, args...))
}

func (s *Server) violate(text string) {
	s.watchMu.Lock()
	defer s.watchMu.Unlock()
	if len(s.violations) >= maxViolations {
		s.overflow++
		return
	}
	s.violations = append(s.violations, text)
}

// newRules says whether the rules of 2026-09 hold.
func (c *call) newRules() bool { return c.s.opts.Switches.Version2026_09 || c.version >= "2026-09" }

// answer does the work of one request. It is what both the handler and the
// in-process transport call.
func (s *Server) answer(r *http.Request) (*reply, *fault) {
	c := &call{s: s, r: r, now: millis(s.now()), id: s.correlationID()}
	f := s.faults.pick(r)
	latency := s.delay(s.opts.Latency)
	counted := s.counted(latency)
	if !s.wait(r, counted) || f != nil && !s.wait(r, s.delay(f.before())) {
		return nil, hangUp
	}
	rep := c.admit()
	if !s.wait(r, latency-counted) {
		return nil, hangUp
	}
	if rep == nil {
		rep = c.work(f)
	}
	if rep != nil {
		c.finish(rep)
	}
	return rep, f
}

// counted is after how much of its latency a request counts.
func (s *Server) counted(latency time.Duration) time.Duration {
	switch s.opts.CountAt {
	case AtArrival:
		return 0
	case AtRandom:
		return s.delay(Range{Max: latency})
	}
	return latency
}

// work answers, unless a fault comes before the request is looked at.
func (c *call) work(f *fault) *reply {
	if f != nil {
		if rep, early := c.early(f); early {
			return rep
		}
	}
	rep := c.route()
	if f != nil {
		rep = c.late(f, rep)
	}
	return rep
}

// admit checks what a gateway checks: length, token, limits, size.
func (c *call) admit() *reply {
	if len(c.r.URL.RequestURI()) > maxURL {
		c.wrong("%d characters of URL", len(c.r.URL.RequestURI()))
		return &reply{status: http.StatusRequestURITooLong, html: true, body: gatewayPage("414 Request-URI Too Large")}
	}
	c.version, c.r = canonical(c.r)
	if !strings.HasPrefix(c.r.URL.Path, "/oauth/") {
		if f := c.authenticate(); f != nil {
			return f.reply(c.id)
		}
	}
	c.classify()
	quota, f := c.s.gate.enter(c, c.s.now())
	c.quota = quota
	if f != nil {
		rep := f.reply(c.id)
		if c.s.opts.Switches.RetryAfter {
			rep.header = http.Header{"Retry-After": {quota.retryAfter()}}
		}
		return rep
	}
	return c.readBody()
}

func (c *call) readBody() *reply {
	if c.r.Body == nil {
		return nil
	}
	body, err := readAll(c.r.Body, c.r.ContentLength)
	switch {
	case err != nil:
		return (&failure{code: http.StatusBadRequest, Message: "The request body could not be read"}).reply(c.id)
	case len(body) > maxBody:
		c.wrong("a body of more than %d bytes", maxBody)
		return (&failure{code: http.StatusRequestEntityTooLarge, Message: "Request Entity Too Large"}).reply(c.id)
	}
	c.body = body
	return c.checkContentType()
}

// readAll reads up to one byte more than is allowed.
func readAll(r io.Reader, length int64) ([]byte, error) {
	if length < 0 || length > maxBody {
		return io.ReadAll(io.LimitReader(r, maxBody+1))
	}
	body := make([]byte, length)
	_, err := io.ReadFull(r, body)
	return body, err
}

func (c *call) checkContentType() *reply {
	kind, _, _ := strings.Cut(c.r.Header.Get("Content-Type"), ";")
	switch {
	case len(c.body) == 0 || strings.EqualFold(kind, "application/json"):
		return nil
	case strings.HasPrefix(c.r.URL.Path, "/oauth/") && strings.EqualFold(kind, "application/x-www-form-urlencoded"):
		return nil
	}
	c.wrong("content type %q", kind)
	f := &failure{code: http.StatusUnsupportedMediaType, Message: "Unsupported Media Type"}
	return f.reply(c.id)
}

// route hands the request to the handler of its path.
func (c *call) route() *reply {
	out := &capture{call: c}
	c.s.mux.ServeHTTP(out, c.r)
	c.s.count(c.r)
	if out.reply == nil { // the mux itself answered, to mend a path
		return notFound().reply(c.id)
	}
	return out.reply
}

// capture carries the call to its handler, and the reply back.
type capture struct {
	call  *call
	reply *reply
	head  http.Header
}

func (w *capture) Header() http.Header {
	if w.head == nil {
		w.head = http.Header{}
	}
	return w.head
}

func (w *capture) Write(b []byte) (int, error) { return len(b), nil }
func (w *capture) WriteHeader(int)             {}

// handle registers what answers a pattern. A nil reply with a failure is the
// failure's answer.
func (s *Server) handle(pattern string, do func(*call) (*reply, *failure)) {
	s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		out := w.(*capture)
		out.call.r = r
		rep, f := do(out.call)
		if f != nil {
			rep = f.reply(out.call.id)
		}
		out.reply = rep
	})
}

func (s *Server) count(r *http.Request) {
	s.watchMu.Lock()
	defer s.watchMu.Unlock()
	s.counts[r.Pattern]++
}

// finish sets the headers that each answer has.
func (c *call) finish(rep *reply) {
	if rep.header == nil {
		rep.header = http.Header{}
	}
	if rep.html {
		rep.header.Set("Content-Type", "text/html; charset=UTF-8")
		return
	}
	rep.header.Set("X-Hubspot-Correlation-Id", c.id)
	if rep.body != nil {
		rep.header.Set("Content-Type", "application/json;charset=utf-8")
	}
	c.quota.headers(rep.header)
}

// correlationID is a UUID that counts.
func (s *Server) correlationID() string {
	n := s.serial.Add(1)
	return fmt.Sprintf("%08x-7e57-4000-8000-%012x", uint32(s.opts.Seed), n)
}

// delay draws a duration.
func (s *Server) delay(d Range) time.Duration {
	if d.Max <= d.Min {
		return d.Min
	}
	s.rngMu.Lock()
	defer s.rngMu.Unlock()
	return d.Min + time.Duration(s.rng.Int64N(int64(d.Max-d.Min)))
}

// wait says whether the client was still there after d.
func (s *Server) wait(r *http.Request, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
		return false
	case <-s.closed:
		return false
	}
}

func gatewayPage(title string) []byte {
	return []byte("<html>\r\n<head><title>" + title + "</title></head>\r\n<body>\r\n<center><h1>" + title +
		"</h1></center>\r\n<hr><center>cloudflare</center>\r\n</body>\r\n</html>\r\n")
}
