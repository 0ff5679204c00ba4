package load_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/etl/load"
	"github.com/ticketetl/ticketetl/internal/hubspot"
	"github.com/ticketetl/ticketetl/internal/raced"
	"github.com/ticketetl/ticketetl/internal/sandbox"
)

func init() { raced.FewerChecks() }

// others stores a ticket of somebody else with the key and the subject.
func (s *settling) others(t *testing.T, key, subject string) string {
	t.Helper()
	o, err := s.client.Create(t.Context(), "tickets", hubspot.CreateInput{Properties: []hubspot.Property{
		{Name: "external_id", Value: key}, {Name: "subject", Value: subject}, {Name: "hs_pipeline", Value: "0"}, {Name: "hs_pipeline_stage", Value: "1"},
	}})
	require.NoError(t, err)
	return o.ID
}

// doubted is a row that a process was about to send when it died.
func (s *settling) doubted(name string) *etl.Record {
	rec := s.row(name)
	rec.Doubt = &etl.Doubt{Begun: s.clock.now, Floor: "0"}
	return rec
}

// noHistory is an account that does not tell what properties have held.
type noHistory struct {
	http.RoundTripper
	body string
}

func (c noHistory) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.HasSuffix(r.URL.Path, "batch/read") {
		return c.RoundTripper.RoundTrip(r)
	}
	return rewritten(c.RoundTripper, r, `"propertiesWithHistory":["`, c.body)
}

// TestKeyOfSomebodyElse: a ticket that has the key of a row whose answer was lost
// is the row's only if it has, or was created with, what the row sent.
func TestKeyOfSomebodyElse(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		arrange func(t *testing.T, s *settling, row *etl.Record) string // returns the id of the ticket with the key
		want    string
		code    string
		text    string // of the first problem; %s is the id
	}{
		{name: "created with other values, a minute before", want: "failed", code: "CONFLICT",
			arrange: func(t *testing.T, s *settling, row *etl.Record) string {
				id := s.others(t, "T-1", "Another")
				s.clock.now = s.clock.now.Add(time.Minute)
				row.Doubt.Begun = s.clock.now
				return id
			},
			text: `ticket %s has external_id "T-1" already, and was created with other values: subject`},
		{name: "created with other values, after it was to be sent", want: "failed", code: "CONFLICT",
			arrange: func(t *testing.T, s *settling, _ *etl.Record) string {
				s.clock.now = s.clock.now.Add(time.Minute)
				return s.others(t, "T-1", "Another")
			},
			text: `ticket %s has external_id "T-1" already, and was created with other values: subject`},
		{name: "created with what was sent, and changed since", want: "created", code: "SETTLED",
			arrange: func(t *testing.T, s *settling, _ *etl.Record) string {
				id := s.others(t, "T-1", "Ticket T-1")
				for i := range 5 {
					s.clock.now = s.clock.now.Add(time.Minute)
					_, err := s.client.Update(t.Context(), "tickets", id, "", []hubspot.Property{{Name: "subject", Value: fmt.Sprintf("By a workflow %d", i)}})
					require.NoError(t, err)
				}
				return id
			},
			text: "the answer to it was lost; it was found by its external_id, and something has changed since: subject"},
		{name: "was given the key and another subject later", want: "failed", code: "CONFLICT",
			arrange: func(t *testing.T, s *settling, _ *etl.Record) string {
				id := s.store(t, "Another")
				s.clock.now = s.clock.now.Add(time.Hour)
				_, err := s.client.Update(t.Context(), "tickets", id, "", []hubspot.Property{{Name: "external_id", Value: "T-1"}})
				require.NoError(t, err)
				return id
			},
			text: `ticket %s has external_id "T-1" already, and was created with other values: subject`},
		{name: "there before the floor", want: "failed", code: "CONFLICT",
			arrange: func(t *testing.T, s *settling, row *etl.Record) string {
				id := s.others(t, "T-1", "Ticket T-1")
				row.Doubt.Floor = s.store(t, "another")
				return id
			},
			text: `ticket %s has external_id "T-1" already`},
		{name: "the clock of this machine is ahead", want: "created", code: "SETTLED",
			arrange: func(t *testing.T, s *settling, row *etl.Record) string {
				row.Doubt.Begun = s.clock.now.Add(10 * time.Minute)
				return s.others(t, "T-1", "Ticket T-1")
			},
			text: "the answer to it was lost; it was found by its external_id"},
		{name: "other values, and no history", want: "in-doubt", code: "NO_ANSWER",
			arrange: func(t *testing.T, s *settling, _ *etl.Record) string {
				id := s.others(t, "T-1", "Another")
				s.carried(t, noHistory{s.server.Transport(), `"propertiesWithHistory":[],"x":["`})
				return id
			},
			text: `it was sent, and no answer came, so HubSpot may have stored it or not: ticket %s has external_id "T-1", but not what was sent, and its history does not tell what it was created with: subject`},
		{name: "other values, and history is refused", want: "in-doubt", code: "NO_ANSWER",
			arrange: func(t *testing.T, s *settling, _ *etl.Record) string {
				id := s.others(t, "T-1", "Another")
				s.carried(t, noHistory{s.server.Transport(), `no json"`})
				return id
			},
			text: `it was sent, and no answer came, so HubSpot may have stored it or not: ticket %s has external_id "T-1", but not what was sent, and its history does not tell what it was created with: subject`},
		{name: "what was sent, but not its association", want: "in-doubt", code: "NO_ANSWER",
			arrange: func(t *testing.T, s *settling, row *etl.Record) string {
				row.References = []etl.Reference{{To: "contacts", ID: sandbox.DefaultWorld().Contacts[0].ID}}
				return s.others(t, "T-1", "Ticket T-1")
			},
			text: `it was sent, and no answer came, so HubSpot may have stored it or not: ticket %s has external_id "T-1", but not the association with contacts ` + sandbox.DefaultWorld().Contacts[0].ID + ` that was sent with it`},
		{name: "a key of the run's own making", want: "created", code: "SETTLED",
			arrange: func(t *testing.T, s *settling, row *etl.Record) string {
				s.opts.KeyProperty = load.RowKeyProperty
				row.Key, row.Properties[0] = "run/1", etl.Property{Name: load.RowKeyProperty, Value: "run/1"}
				o, err := s.client.Create(t.Context(), "tickets", hubspot.CreateInput{Properties: []hubspot.Property{
					{Name: load.RowKeyProperty, Value: "run/1"}, {Name: "subject", Value: "By a workflow"}, {Name: "hs_pipeline_stage", Value: "1"},
				}})
				require.NoError(t, err)
				return o.ID
			},
			text: "the answer to it was lost; it was found by its ticketetl_row_key, and something has changed since: subject"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSettling(t, true, sandbox.Options{World: worldWithRowKey()})
			row := s.doubted("T-1")
			id := tt.arrange(t, s, row)
			before := len(s.server.Tickets(false))
			out, err := s.importer().Write(t.Context(), []*etl.Record{row})
			require.NoError(t, err)
			require.Equal(t, tt.want, statuses(out))
			require.Equal(t, tt.code, out[0].Problems[0].Code)
			if strings.Contains(tt.text, "%s") {
				tt.text = fmt.Sprintf(tt.text, id)
			}
			require.Equal(t, tt.text, out[0].Problems[0].Message)
			if tt.want == "created" {
				require.Equal(t, id, out[0].ID)
			} else {
				require.Empty(t, out[0].ID, "the ticket is not the row's")
			}
			require.Len(t, s.server.Tickets(false), before)
		})
	}
}

// TestKeyedModel: rows with keys go out in batches of which some answers are lost
// and some processes die, while other people store tickets with the same keys, at
// any time. No key has two tickets, and what is called created is there with
// what was sent, or was created with it.
func TestKeyedModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		m := keyedModel{
			fate:    rapid.SampledFrom([]string{"answered", "lost before", "lost after", "dies before", "dies after"}).Draw(rt, "fate"),
			silent:  rapid.SliceOfN(rapid.Bool(), 12, 12).Draw(rt, "answers that say nothing"),
			changed: rapid.Bool().Draw(rt, "a workflow changes what is created"),
		}
		for i := range 4 {
			m.strangers = append(m.strangers, stranger{
				when: rapid.SampledFrom([]string{"never", "never", "before", "checked", "sent"}).Draw(rt, fmt.Sprintf("stranger %d", i)),
				same: rapid.Bool().Draw(rt, fmt.Sprintf("the same %d", i)),
			})
		}
		synctest.Test(t, m.check)
		if t.Failed() {
			rt.FailNow()
		}
	})
}

// A stranger stores a ticket with the key of a row: before it is looked up, when
// that is done, or when it has been sent.
type stranger struct {
	when string
	same bool // with the row's values, too
}

type keyedModel struct {
	fate      string
	strangers []stranger // one for each row
	silent    []bool
	changed   bool
}

// RoundTrip of a keyedCarrier lets strangers in around the first create.
type keyedCarrier struct {
	http.RoundTripper
	m       *keyedModel
	reads   int
	creates int
	enter   func(when string)
}

func (c *keyedCarrier) RoundTrip(r *http.Request) (*http.Response, error) {
	switch {
	case strings.HasSuffix(r.URL.Path, "batch/read"):
		if c.reads++; c.m.silent[c.reads%len(c.m.silent)] {
			return says(r, http.StatusOK, `{"status":"COMPLETE","results":[]}`), nil
		}
	case strings.HasSuffix(r.URL.Path, "batch/create"):
		if c.creates++; c.creates == 1 {
			return c.first(r)
		}
	}
	return c.RoundTripper.RoundTrip(r)
}

func (c *keyedCarrier) first(r *http.Request) (*http.Response, error) {
	c.enter("checked")
	if strings.HasSuffix(c.m.fate, "before") {
		c.enter("sent")
		return nil, errReset
	}
	resp, err := c.RoundTripper.RoundTrip(r)
	c.enter("sent")
	if err == nil && strings.HasSuffix(c.m.fate, "after") {
		return nil, errReset
	}
	return resp, err
}

func (m *keyedModel) check(t *testing.T) {
	s := newSettling(t, true, sandbox.Options{})
	direct := s.client
	var rows []*etl.Record
	for i := range m.strangers {
		rows = append(rows, s.row(fmt.Sprintf("T-%d", i)))
	}
	enter := func(when string) {
		for i, other := range m.strangers {
			if other.when != when {
				continue
			}
			subject := "Another"
			if other.same {
				subject = fmt.Sprintf("Ticket T-%d", i)
			}
			// Where the row's own ticket has the key already, this is refused.
			_, _ = direct.Create(t.Context(), "tickets", hubspot.CreateInput{Properties: []hubspot.Property{
				{Name: "external_id", Value: fmt.Sprintf("T-%d", i)}, {Name: "subject", Value: subject}, {Name: "hs_pipeline_stage", Value: "1"}, {Name: "hs_pipeline", Value: "0"},
			}})
		}
		if when == "sent" && m.changed {
			for _, ticket := range s.server.Tickets(false) {
				_, err := direct.Update(t.Context(), "tickets", ticket.ID, "", []hubspot.Property{{Name: "subject", Value: "By a workflow"}})
				require.NoError(t, err)
			}
		}
	}
	enter("before")
	carrier := &keyedCarrier{RoundTripper: s.server.Transport(), m: m, enter: enter}
	s.carried(t, carrier)
	died := strings.HasPrefix(m.fate, "dies")
	if died {
		s.opts.InDoubt = load.DoubtLeave
	}
	floor, err := s.importer().Floor(t.Context())
	require.NoError(t, err)
	begun := s.clock.now
	out, err := s.importer().Write(t.Context(), rows)
	if err != nil {
		require.ErrorIs(t, err, hubspot.ErrGaveUp)
	}
	for round := 0; round < 3 && (err != nil || died); round++ { // as the command is given again
		died, s.opts.InDoubt = false, load.DoubtSettle
		var open []*etl.Record
		var at []int
		for i, o := range out {
			if o.Status == etl.InDoubt {
				rows[i].Doubt = &etl.Doubt{Begun: begun, Floor: floor}
			}
			if o.Status == etl.InDoubt || o.Status == etl.Unsent {
				open, at = append(open, rows[i]), append(at, i)
			}
		}
		if len(open) == 0 {
			break
		}
		var more []etl.Outcome
		more, err = s.importer().Write(t.Context(), open)
		for k, o := range more {
			out[at[k]] = o
		}
	}
	m.judge(t, s, rows, out, err != nil)
}

// judge holds the outcomes against the account; unread says that it told nothing
// to the last.
func (m *keyedModel) judge(t *testing.T, s *settling, rows []*etl.Record, out []etl.Outcome, unread bool) {
	byKey := map[string]sandbox.Ticket{}
	for _, ticket := range s.server.Tickets(false) {
		key := ticket.Properties["external_id"]
		require.Empty(t, byKey[key].ID, "%s is there twice", key)
		byKey[key] = ticket
	}
	for i, o := range out {
		ticket, other := byKey[rows[i].Key], m.strangers[i]
		before := other.when == "before"
		switch o.Status {
		case etl.Created:
			require.Equal(t, ticket.ID, o.ID)
			require.False(t, before, "row %d: the ticket was there before", i)
			first, err := s.client.Get(t.Context(), "tickets", o.ID, hubspot.GetQuery{PropertiesWithHistory: []string{"subject"}})
			require.NoError(t, err)
			history := first.PropertiesWithHistory["subject"]
			require.Equal(t, "Ticket "+rows[i].Key, history[len(history)-1].Value, "row %d was created with something else", i)
		case etl.Rejected:
			require.True(t, before, "row %d", i)
		case etl.Failed:
			require.NotEqual(t, "never", other.when, "row %d: nobody else had its key", i)
			require.False(t, before, "row %d: it is known beforehand", i)
			require.False(t, other.same && m.fate != "answered", "row %d: the ticket is as it was sent", i)
		case etl.InDoubt, etl.Unsent:
			require.True(t, unread, "row %d is %s, and the account tells what became of it: %v", i, o.Status, o.Problems)
		}
	}
}
