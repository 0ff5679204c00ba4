package load_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/etl/load"
	"github.com/ticketetl/ticketetl/internal/hubspot"
	"github.com/ticketetl/ticketetl/internal/sandbox"
	"github.com/ticketetl/ticketetl/internal/schema"
)

// A clock goes on only when somebody waits.
type clock struct {
	now    time.Time
	waited []time.Duration
}

func newClock() *clock { return &clock{now: time.Now()} }

func (c *clock) Now() time.Time { return c.now }

func (c *clock) Wait(ctx context.Context, d time.Duration) error {
	c.now = c.now.Add(d)
	c.waited = append(c.waited, d)
	return ctx.Err()
}

// A ledger is the tickets that a run's records have.
type ledger map[string]bool

func (l ledger) Claimed(_ context.Context, ids []string) (map[string]bool, error) {
	out := map[string]bool{}
	for _, id := range ids {
		if l[id] {
			out[id] = true
		}
	}
	return out, nil
}

// settling is an account on the clock of the test, and how a create goes about
// lost answers.
type settling struct {
	*account
	clock *clock
	opts  load.ImportOptions
}

func newSettling(t *testing.T, keyed bool, opts sandbox.Options) *settling {
	t.Helper()
	c := newClock()
	opts.Now = c.Now
	s := &settling{account: newAccount(t, opts), clock: c}
	s.opts = load.ImportOptions{Operation: etl.Create, Schema: s.schema, Ledger: ledger{}, Now: c.Now, Wait: c.Wait}
	if keyed {
		s.opts.KeyProperty = "external_id"
	}
	return s
}

// importer is a new process of the run.
func (s *settling) importer() *checked {
	s.seq++
	s.opts.Run = fmt.Sprintf("run%d", s.seq)
	return &checked{load.NewImporter(s.client, s.opts)}
}

// row is a record; without a key, its values are its own all the same.
func (s *settling) row(name string) *etl.Record {
	rec := s.ticket(name)
	if s.opts.KeyProperty == "" {
		rec.Key = ""
		rec.Properties = slices.DeleteFunc(rec.Properties, func(p etl.Property) bool { return p.Name == "external_id" })
	}
	return rec
}

// store stores a ticket of somebody else.
func (s *settling) store(t *testing.T, subject string) string {
	t.Helper()
	o, err := s.client.Create(t.Context(), "tickets", hubspot.CreateInput{Properties: []hubspot.Property{
		{Name: "subject", Value: subject}, {Name: "hs_pipeline", Value: "0"}, {Name: "hs_pipeline_stage", Value: "1"},
	}})
	require.NoError(t, err)
	return o.ID
}

func ids(outcomes []etl.Outcome) []string {
	var out []string
	for _, o := range outcomes {
		if o.ID != "" {
			out = append(out, o.ID)
		}
	}
	return out
}

// faults that a create may meet, and whether it is stored then.
var lostAnswers = map[sandbox.Kind]bool{
	sandbox.ResetAfterCommit: true, sandbox.Truncate: true, sandbox.Status524: true, sandbox.EmptyResults: true,
	sandbox.NeverAnswer: true, sandbox.ResetBefore: false, sandbox.NeverAnswerBefore: false,
}

// TestLostAnswers: whatever happens to the answer of a create, in this process
// or in one before it, no row becomes two tickets, and each row is told as it is.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	for kind, stored := range lostAnswers {
		for _, keyed := range []bool{true, false} {
			for _, died := range []bool{false, true} {
				name := fmt.Sprintf("%s, key %t, earlier process %t", kind, keyed, died)
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						checkLostAnswer(t, sandbox.Fault{Match: "POST batch/create", Kind: kind, Nth: 2}, stored, keyed, died)
					})
				})
			}
		}
	}
}

func checkLostAnswer(t *testing.T, fault sandbox.Fault, stored, keyed, died bool) {
	s := newSettling(t, keyed, sandbox.Options{Faults: sandbox.Faults{fault}})
	s.timeout(t, 150*time.Millisecond)
	s.store(t, "Ticket T-1")
	imp := s.importer()
	floor, err := imp.Floor(t.Context())
	require.NoError(t, err)
	s.opts.Floor = floor
	imp = s.importer()
	first, err := imp.Write(t.Context(), []*etl.Record{s.row("T-0")})
	require.NoError(t, err)
	require.Equal(t, "created", statuses(first))

	rows := []*etl.Record{s.row("T-1"), s.row("T-2"), s.row("T-3")}
	if died {
		s.opts.InDoubt = load.DoubtLeave
		out, err := s.importer().Write(t.Context(), rows)
		require.NoError(t, err)
		require.Equal(t, "in-doubt in-doubt in-doubt", statuses(out), "as a process that died leaves it")
		s.opts.InDoubt = load.DoubtSettle
		s.opts.Ledger = ledger{first[0].ID: true}
		for _, rec := range rows {
			rec.Doubt = &etl.Doubt{Begun: s.clock.now, Floor: first[0].ID}
		}
		imp = s.importer()
	}
	out, err := imp.Write(t.Context(), rows)
	require.NoError(t, err)
	want := "created created created"
	if !stored && !keyed {
		want = "in-doubt in-doubt in-doubt"
		require.Contains(t, out[0].Problems[0].Message, "no ticket that has come since has its values")
	}
	require.Equal(t, want, statuses(out))
	s.checkTruth(t, rows, out)
	settled := stored || keyed && died
	if settled && stored {
		require.Equal(t, "SETTLED", out[0].Problems[0].Code)
		require.True(t, out[0].Problems[0].Warning)
	}
	require.Empty(t, s.server.Violations())
}

// timeout replaces the client by one that waits only so long for an answer.
func (s *settling) timeout(t *testing.T, d time.Duration) {
	t.Helper()
	client, err := hubspot.New(hubspot.Options{
		BaseURL: "http://127.0.0.1", Transport: s.server.Transport(), Tokens: hubspot.StaticToken("x"), Timeout: d,
	})
	require.NoError(t, err)
	s.client = client
}

// checkTruth holds outcomes against the account: each created row has a ticket
// of its own with its values.
func (s *settling) checkTruth(t *testing.T, rows []*etl.Record, out []etl.Outcome) {
	byID := map[string]sandbox.Ticket{}
	for _, ticket := range s.server.Tickets(false) {
		byID[ticket.ID] = ticket
	}
	taken := map[string]bool{}
	for i, o := range out {
		if o.Status != etl.Created {
			require.Empty(t, o.ID)
			continue
		}
		require.False(t, taken[o.ID], "ticket %s has two rows", o.ID)
		taken[o.ID] = true
		for _, p := range rows[i].Properties {
			require.Equal(t, p.Value, byID[o.ID].Properties[p.Name], "%s of ticket %s", p.Name, o.ID)
		}
	}
}

func TestSettleResend(t *testing.T) {
	t.Parallel()
	for _, resend := range []string{load.DoubtSettle, load.DoubtResend, load.DoubtLeave} {
		s := newSettling(t, false, sandbox.Options{Faults: sandbox.Faults{{Match: "POST batch/create", Kind: sandbox.ResetBefore, Nth: 1}}})
		s.opts.Floor = s.store(t, "there before")
		s.opts.InDoubt = resend
		out, err := s.importer().Write(t.Context(), []*etl.Record{s.row("T-1"), s.row("T-2")})
		require.NoError(t, err)
		want, stored, waits := "in-doubt in-doubt", 1, 1
		if resend == load.DoubtResend {
			want, stored = "created created", 3
		}
		if resend == load.DoubtLeave {
			waits = 0
		}
		require.Equal(t, want, statuses(out), resend)
		require.Len(t, s.server.Tickets(false), stored)
		require.Len(t, s.clock.waited, waits)
	}
}

// TestFloorOfAnAccountThatLooksEmpty: a search may not see the tickets yet, or its
// answer may have lost its content, as that of the list may.
func TestFloorOfAnAccountThatLooksEmpty(t *testing.T) {
	t.Parallel()
	tests := map[string]sandbox.Options{
		"searches lag":               {IndexLag: time.Hour},
		"an empty search":            {IndexLag: -1, Faults: sandbox.Faults{{Match: "POST search", Kind: sandbox.EmptyResults, Nth: 1}}},
		"an empty search, twice":     {IndexLag: -1, Faults: sandbox.Faults{{Match: "POST search", Kind: sandbox.EmptyResults, Times: 2}}},
		"both empty":                 {IndexLag: time.Hour, Faults: sandbox.Faults{{Match: "GET tickets", Kind: sandbox.EmptyResults, Nth: 1}}},
		"neither lags, nor is empty": {IndexLag: -1},
	}
	for name, opts := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSettling(t, false, opts)
			empty, err := newSettling(t, false, opts).importer().Floor(t.Context())
			require.NoError(t, err)
			require.Equal(t, "0", empty)
			s.store(t, "there before")
			id := s.store(t, "there before")
			floor, err := s.importer().Floor(t.Context())
			require.NoError(t, err)
			require.Equal(t, id, floor)
		})
	}
}

// TestSettleByAssociations: without a key, a ticket is a row's only if it has the
// associations that were sent with it, too. They tell rows with the same values apart.
func TestSettleByAssociations(t *testing.T) {
	t.Parallel()
	contacts := sandbox.DefaultWorld().Contacts
	to := func(n int) []etl.Reference { return []etl.Reference{{To: "contacts", ID: contacts[n].ID}} }
	t.Run("of rows with the same values", func(t *testing.T) {
		t.Parallel()
		s := newSettling(t, false, sandbox.Options{Faults: sandbox.Faults{{Match: "POST batch/create", Kind: sandbox.ResetAfterCommit, Nth: 1}}})
		s.opts.Floor = s.store(t, "there before")
		rows := []*etl.Record{s.row("T-1"), s.row("T-1"), s.row("T-1")}
		rows[0].References, rows[1].References, rows[2].References = to(0), to(1), to(1)
		out, err := s.importer().Write(t.Context(), rows)
		require.NoError(t, err)
		require.Equal(t, "created created created", statuses(out))
		require.Contains(t, out[0].Problems[0].Message, "it was found by its values and associations")
		for i, ticket := range s.linked(t, out) {
			require.Equal(t, rows[i].References[0].ID, ticket)
		}
		require.Len(t, s.server.Tickets(false), 4)
	})
	t.Run("a row without any fits each", func(t *testing.T) {
		t.Parallel()
		s := newSettling(t, false, sandbox.Options{Faults: sandbox.Faults{{Match: "POST batch/create", Kind: sandbox.ResetAfterCommit, Nth: 1}}})
		s.opts.Floor = s.store(t, "there before")
		rows := []*etl.Record{s.row("T-1"), s.row("T-1")}
		rows[0].References = to(0)
		out, err := s.importer().Write(t.Context(), rows)
		require.NoError(t, err)
		require.Equal(t, "in-doubt in-doubt", statuses(out))
	})
	for _, resend := range []string{load.DoubtSettle, load.DoubtResend} {
		t.Run("somebody else's ticket without them, "+resend, func(t *testing.T) {
			t.Parallel()
			s := newSettling(t, false, sandbox.Options{Faults: sandbox.Faults{{Match: "POST batch/create", Kind: sandbox.ResetBefore, Nth: 1}}})
			s.opts.Floor, s.opts.InDoubt = s.store(t, "there before"), resend
			row := s.row("T-1")
			others := s.store(t, "Ticket T-1")
			row.References = to(0)
			out, err := s.importer().Write(t.Context(), []*etl.Record{row})
			require.NoError(t, err)
			require.Equal(t, "in-doubt", statuses(out))
			require.Contains(t, out[0].Problems[0].Message,
				"ticket "+others+" has its values, but not the association with contacts "+contacts[0].ID+" that was sent with it")
			require.Len(t, s.server.Tickets(false), 2)
		})
	}
}

// linked are the contacts of the tickets that rows became.
func (s *settling) linked(t *testing.T, out []etl.Outcome) []string {
	t.Helper()
	byTicket := map[string]string{}
	for _, ticket := range s.server.Tickets(false) {
		for _, a := range ticket.Associations["contacts"] {
			byTicket[ticket.ID] = a.ID
		}
	}
	contacts := make([]string, len(out))
	for i := range out {
		contacts[i] = byTicket[out[i].ID]
	}
	return contacts
}

func TestSettleByKeyOfATicketThatWasThere(t *testing.T) {
	t.Parallel()
	s := newSettling(t, true, sandbox.Options{Faults: sandbox.Faults{{Match: "POST batch/create", Kind: sandbox.ResetAfterCommit, Nth: 3}}})
	a := s.importer()
	for _, name := range []string{"T-1", "T-0"} {
		out, err := a.Write(t.Context(), []*etl.Record{s.row(name)})
		require.NoError(t, err)
		require.Equal(t, "created", statuses(out))
	}
	out, err := a.Write(t.Context(), []*etl.Record{s.row("T-1"), s.row("T-2")})
	require.NoError(t, err)
	require.Equal(t, "rejected created", statuses(out), "the first was there before")
	require.Equal(t, "TICKET_EXISTS", out[0].Problems[0].Code)
	require.Len(t, s.server.Tickets(false), 3)
}

// TestSettleByKeyOfAnEarlierTicket: the answer that was lost was a refusal.
func TestSettleByKeyOfAnEarlierTicket(t *testing.T) {
	t.Parallel()
	s := newSettling(t, true, sandbox.Options{})
	out, err := s.importer().Write(t.Context(), []*etl.Record{s.row("T-1"), s.row("T-2")})
	require.NoError(t, err)
	lost := s.row("T-1")
	lost.Doubt = &etl.Doubt{Begun: s.clock.now, Floor: out[1].ID}
	again, err := s.importer().Write(t.Context(), []*etl.Record{lost})
	require.NoError(t, err)
	require.Equal(t, "failed", statuses(again))
	require.Equal(t, "CONFLICT", again[0].Problems[0].Code)
	require.Equal(t, "ticket "+out[0].ID+` has external_id "T-1" already`, again[0].Problems[0].Message)
}

// A tardy carrier loses the first create, which the account carries out only
// when the second one comes.
type tardy struct {
	http.RoundTripper
	creates int
	first   *http.Request
}

func (c *tardy) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.HasSuffix(r.URL.Path, "batch/create") {
		return c.RoundTripper.RoundTrip(r)
	}
	if c.creates++; c.creates == 1 {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		c.first = r.Clone(context.Background())
		c.first.Body = io.NopCloser(bytes.NewReader(body))
		return nil, errors.New("connection reset")
	}
	if c.first != nil {
		resp, err := c.RoundTripper.RoundTrip(c.first)
		if err != nil {
			return nil, err
		}
		c.first = nil
		if err := resp.Body.Close(); err != nil {
			return nil, err
		}
	}
	return c.RoundTripper.RoundTrip(r)
}

// carried replaces the client by one with another carrier.
func (s *settling) carried(t *testing.T, c http.RoundTripper) {
	t.Helper()
	client, err := hubspot.New(hubspot.Options{BaseURL: "http://127.0.0.1", Transport: c, Tokens: hubspot.StaticToken("x")})
	require.NoError(t, err)
	s.client = client
}

// TestSettleFindsWhatWasStoredLate: a request that HubSpot carries out only after
// it was looked for makes the second one a conflict, and that is no failure.
func TestSettleFindsWhatWasStoredLate(t *testing.T) {
	t.Parallel()
	s := newSettling(t, true, sandbox.Options{})
	late := &tardy{RoundTripper: s.server.Transport()}
	s.carried(t, late)
	rows := []*etl.Record{s.row("T-1"), s.row("T-2")}
	out, err := s.importer().Write(t.Context(), rows)
	require.NoError(t, err)
	require.Equal(t, "created created", statuses(out))
	require.Equal(t, 2, late.creates)
	require.Len(t, s.server.Tickets(false), 2)
	s.checkTruth(t, rows, out)
}

// TestSettleBelievesNoSilence: answers that say nothing of what was looked for
// do not make a ticket missing, however many there are.
func TestSettleBelievesNoSilence(t *testing.T) {
	t.Parallel()
	s := newSettling(t, true, sandbox.Options{Faults: sandbox.Faults{
		{Match: "POST batch/create", Kind: sandbox.ResetAfterCommit, Nth: 1},
		{Match: "POST batch/read", Kind: sandbox.EmptyResults, Nth: 2}, // the first asks which keys are taken
		{Match: "POST batch/read", Kind: sandbox.EmptyResults, Nth: 3},
		{Match: "POST batch/read", Kind: sandbox.EmptyResults, Nth: 4},
	}})
	rows := []*etl.Record{s.row("T-1"), s.row("T-2")}
	out, err := s.importer().Write(t.Context(), rows)
	require.NoError(t, err)
	require.Equal(t, "created created", statuses(out))
	require.Equal(t, 1, s.server.Requests()["POST /crm/v3/objects/{type}/batch/create"], "they were there")
	s.checkTruth(t, rows, out)
}

func TestSettleTellsWhatHasChanged(t *testing.T) {
	t.Parallel()
	s := newSettling(t, true, sandbox.Options{})
	out, err := s.importer().Write(t.Context(), []*etl.Record{s.row("T-1")})
	require.NoError(t, err)
	_, err = s.client.Update(t.Context(), "tickets", out[0].ID, "", []hubspot.Property{{Name: "hs_ticket_priority", Value: "HIGH"}, {Name: "subject", Value: "By a workflow"}})
	require.NoError(t, err)
	again := s.row("T-1")
	again.Doubt = &etl.Doubt{Begun: s.clock.now, Floor: "0"}
	out, err = s.importer().Write(t.Context(), []*etl.Record{again})
	require.NoError(t, err)
	require.Equal(t, "created", statuses(out))
	require.Equal(t, "the answer to it was lost; it was found by its external_id, and something has changed since: subject", out[0].Problems[0].Message)
}

// TestSettleIsNotFooledByAList: where lists do not begin at the id that
// was asked for, or end too early, they count for nothing.
func TestSettleIsNotFooledByAList(t *testing.T) {
	t.Parallel()
	s := newSettling(t, false, sandbox.Options{Faults: sandbox.Faults{
		{Match: "POST batch/create", Kind: sandbox.ResetAfterCommit, Nth: 1},
		{Match: "GET objects/tickets", Kind: sandbox.EmptyResults},
	}})
	s.opts.Floor = s.store(t, "there before")
	out, err := s.importer().Write(t.Context(), []*etl.Record{s.row("T-1")})
	require.NoError(t, err)
	require.Equal(t, "created", statuses(out), "the search found it")
	require.Equal(t, []time.Duration{30 * time.Second}, s.clock.waited)
	require.Len(t, s.server.Tickets(false), 2)

	blind := newSettling(t, false, sandbox.Options{Faults: sandbox.Faults{
		{Match: "POST batch/create", Kind: sandbox.ResetAfterCommit, Nth: 1},
		{Match: "GET objects/tickets", Kind: sandbox.EmptyResults},
		{Match: "search", Kind: sandbox.EmptyResults},
	}})
	blind.opts.Floor, blind.opts.InDoubt = blind.store(t, "there before"), load.DoubtResend
	out, err = blind.importer().Write(t.Context(), []*etl.Record{blind.row("T-1")})
	require.NoError(t, err)
	require.Equal(t, "in-doubt", statuses(out), "what nobody could look for is not sent again")
	require.Contains(t, out[0].Problems[0].Message, "not all of them could be read")
	require.Len(t, blind.server.Tickets(false), 2)
}

// TestSettleModel: random batches with repeated values, some stored and some
// not, with other people's tickets coming in between.
func TestSettleModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		m := model{
			faults: rapid.SliceOfN(rapid.SampledFrom(append(slices.Sorted(maps.Keys(lostAnswers)), "")), 1, 6).Draw(rt, "batches"),
			lag:    time.Duration(rapid.IntRange(0, 40).Draw(rt, "index lag, s")) * time.Second,
			before: rapid.SampledFrom([]int{0, 1, 1, 2, 2, 94}).Draw(rt, "tickets before"),
		}
		names := rapid.SampledFrom([]string{"A", "B", "C", "D", "E"})
		for range m.faults {
			m.batches = append(m.batches, rapid.SliceOfN(names, 1, 5).Draw(rt, "rows"))
			m.fresh = append(m.fresh, rapid.Bool().Draw(rt, "another process"))
			m.others = append(m.others, rapid.SampledFrom([]string{"", "", "A", "B"}).Draw(rt, "others store"))
		}
		synctest.Test(t, m.check) // in which the pace of searches takes no time
		if t.Failed() {
			rt.FailNow()
		}
	})
}

// A model is a run of the settle step: what each batch holds, what becomes of
// its answer, and what other people store before it.
type model struct {
	faults  []sandbox.Kind // "": none
	batches [][]string
	fresh   []bool // another process begins
	others  []string
	lag     time.Duration
	before  int // tickets that were there
}

func (m *model) rules() (faults sandbox.Faults) {
	for i, kind := range m.faults {
		if kind != "" {
			faults = append(faults, sandbox.Fault{Match: "POST batch/create", Kind: kind, Nth: i + 1})
		}
	}
	return faults
}

func (m *model) check(t *testing.T) {
	lag := m.lag
	if lag == 0 {
		lag = -1
	}
	s := newSettling(t, false, sandbox.Options{Faults: m.rules(), IndexLag: lag})
	taken, most := ledger{}, map[string]int{}
	s.opts.Ledger = taken
	for range m.before {
		s.store(t, "there before")
	}
	floor, err := s.importer().Floor(t.Context())
	require.NoError(t, err)
	s.opts.Floor = floor
	imp := s.importer()
	var rows []*etl.Record
	var outs []etl.Outcome
	for i, names := range m.batches {
		if m.fresh[i] {
			imp = s.importer()
		}
		if m.others[i] != "" {
			s.store(t, "Ticket "+m.others[i])
			most["Ticket "+m.others[i]]++
		}
		var batch []*etl.Record
		for _, name := range names {
			batch = append(batch, s.row(name))
			most["Ticket "+name]++
		}
		out, err := imp.Write(t.Context(), batch)
		if err != nil {
			require.ErrorIs(t, err, load.ErrTooManyDoubts, "batch %d", i)
		}
		for _, id := range ids(out) {
			require.False(t, taken[id], "ticket %s has two rows", id)
			taken[id] = true
		}
		rows, outs = append(rows, batch...), append(outs, out...)
	}
	s.checkTruth(t, rows, outs)
	stored := map[string]int{"there before": -m.before}
	for _, ticket := range s.server.Tickets(false) {
		stored[ticket.Properties["subject"]]++
	}
	for name, n := range stored {
		require.LessOrEqual(t, n, most[name], "more tickets than rows: %s", name)
	}
}

// heldBack carries creates to an account: the first one is carried out, but its
// answer waits; the second one never arrives.
type heldBack struct {
	http.RoundTripper
	creates atomic.Int32
	stored  chan struct{} // closed when the first is carried out
	release chan struct{} // closed when its answer may come
}

func (h *heldBack) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.HasSuffix(r.URL.Path, "batch/create") {
		return h.RoundTripper.RoundTrip(r)
	}
	if h.creates.Add(1) > 1 {
		time.AfterFunc(50*time.Millisecond, func() { close(h.release) })
		return nil, errors.New("connection reset")
	}
	resp, err := h.RoundTripper.RoundTrip(r)
	close(h.stored)
	<-h.release
	return resp, err
}

// TestSettleWhileOthersWrite: a row whose create was lost is not taken for the
// ticket that another writer has created from a row of the same values, and
// whose answer is still on its way.
func TestSettleWhileOthersWrite(t *testing.T) {
	t.Parallel()
	s := newSettling(t, false, sandbox.Options{IndexLag: -1})
	s.opts.Floor = s.store(t, "there before")
	held := &heldBack{RoundTripper: s.server.Transport(), stored: make(chan struct{}), release: make(chan struct{})}
	client, err := hubspot.New(hubspot.Options{BaseURL: "http://127.0.0.1", Transport: held, Tokens: hubspot.StaticToken("x")})
	require.NoError(t, err)
	s.client = client
	imp := s.importer()
	first, second := s.row("A"), s.row("A")
	var writers sync.WaitGroup
	var stored, lost []etl.Outcome
	writers.Go(func() { stored, _ = imp.Write(t.Context(), []*etl.Record{first}) })
	<-held.stored
	writers.Go(func() { lost, _ = imp.Write(t.Context(), []*etl.Record{second}) })
	writers.Wait()
	require.Equal(t, "created in-doubt", statuses(append(stored, lost...)))
	require.Len(t, s.server.Tickets(false), 2)
}

var errReset = errors.New("connection reset")

// says is an answer to r.
func says(r *http.Request, status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}
}

// rewritten carries r with another text in its body.
func rewritten(to http.RoundTripper, r *http.Request, old, text string) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	body = bytes.ReplaceAll(body, []byte(old), []byte(text))
	r = r.Clone(r.Context())
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return to.RoundTrip(r)
}

// worldWithRowKey is the default one with the property for row keys.
func worldWithRowKey() *sandbox.World {
	world := sandbox.DefaultWorld()
	world.Schema.Properties = append(world.Schema.Properties, schema.Property{
		Name: load.RowKeyProperty, Label: "Row key", Type: "string", FieldType: "text", GroupName: "ticketinformation",
		HasUniqueValue: true, Modification: &schema.Modification{Archivable: true},
	})
	return world
}
