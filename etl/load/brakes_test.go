package load_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/etl/load"
	"github.com/ticketetl/ticketetl/internal/hubspot"
	"github.com/ticketetl/ticketetl/internal/sandbox"
)

func brake(t *testing.T, err error) *load.BrakeError {
	t.Helper()
	var b *load.BrakeError
	require.ErrorAs(t, err, &b)
	return b
}

// braked is an importer with bounds.
func (a *account) braked(op etl.Operation, change func(*load.ImportOptions)) *checked {
	a.seq++
	opts := load.ImportOptions{Operation: op, KeyProperty: "external_id", Schema: a.schema, Run: fmt.Sprintf("run%d", a.seq)}
	change(&opts)
	return &checked{load.NewImporter(a.client, opts)}
}

func TestMaxCreates(t *testing.T) {
	t.Parallel()
	tests := []struct {
		op    etl.Operation
		most  int64
		first string // the batch of three rows, of which the first is there (upsert) or bad (create)
		left  int    // tickets then
	}{
		{etl.Upsert, 1, "updated created unsent", 2},
		{etl.Upsert, 2, "updated created created", 3},
		{etl.Upsert, 0, "updated created created", 3},
		{etl.Create, 1, "failed unsent unsent", 1},
		{etl.Create, 2, "failed created unsent", 2},
		{etl.Create, 3, "failed created created", 3},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.op, tt.most), func(t *testing.T) {
			t.Parallel()
			a := newAccount(t, sandbox.Options{})
			a.write(t, etl.Create, a.ticket("T-1"))
			imp := a.braked(tt.op, func(o *load.ImportOptions) { o.MaxCreates = tt.most })
			first := a.ticket("T-1", "subject=New")
			if tt.op == etl.Create {
				first = a.ticket("T-0", "hs_ticket_priority=NOPE")
			}
			out, err := imp.Write(t.Context(), []*etl.Record{first, a.ticket("T-2"), a.ticket("T-3")})
			require.Equal(t, tt.first, statuses(out))
			require.Len(t, a.server.Tickets(false), tt.left)
			if stops := out[2].Status == etl.Unsent; !stops {
				require.NoError(t, err)
				return
			}
			require.Equal(t, fmt.Sprintf("stopped: %d tickets are created (--max-creates), and the next one would be more", tt.most), brake(t, err).Text)
		})
	}
}

func TestMaxCreatesOfSeveralWriters(t *testing.T) {
	t.Parallel()
	a := newAccount(t, sandbox.Options{})
	imp := a.braked(etl.Create, func(o *load.ImportOptions) { o.MaxCreates = 42 })
	var batches [][]*etl.Record
	for i := range 10 {
		var batch []*etl.Record
		for j := range 10 {
			batch = append(batch, a.ticket(fmt.Sprintf("T-%d-%d", i, j)))
		}
		batches = append(batches, batch)
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	created, stopped := 0, 0
	for _, batch := range batches {
		all.Go(func() {
			out, err := imp.Write(t.Context(), batch)
			mu.Lock()
			defer mu.Unlock()
			created += len(ids(out))
			if errors.As(err, new(*load.BrakeError)) {
				stopped++
			}
		})
	}
	all.Wait()
	require.Equal(t, 42, created)
	require.Len(t, a.server.Tickets(false), 42)
	require.Equal(t, 6, stopped, "all batches but those that fit")
}

func TestMaxDeletes(t *testing.T) {
	t.Parallel()
	a := newAccount(t, sandbox.Options{})
	a.write(t, etl.Create, a.ticket("T-1"), a.ticket("T-2"), a.ticket("T-3"))
	imp := a.braked(etl.Delete, func(o *load.ImportOptions) { o.MaxDeletes = 2 })
	out, err := imp.Write(t.Context(), []*etl.Record{a.ticket("T-9"), a.ticket("T-1"), a.ticket("T-2"), a.ticket("T-3")})
	require.Equal(t, "rejected deleted deleted unsent", statuses(out))
	require.Equal(t, "stopped: 2 tickets are deleted (--max-deletes), and the next one would be more", brake(t, err).Text)
	require.Len(t, a.server.Tickets(false), 1)
}

func TestCanary(t *testing.T) {
	t.Parallel()
	for _, op := range []etl.Operation{etl.Create, etl.Upsert} {
		a := newAccount(t, sandbox.Options{})
		imp := a.braked(op, func(o *load.ImportOptions) { o.Canary = 2 })
		for i := range 3 {
			before := a.server.Requests()["POST /crm/v3/objects/{type}/batch/read"]
			out, err := imp.Write(t.Context(), []*etl.Record{a.ticket(fmt.Sprintf("T-%d", i), "horas_trabalhadas=1.50")})
			require.NoError(t, err)
			require.Equal(t, "created", statuses(out))
			want := 1 // to look up by key
			if i < 2 {
				want++ // to read back
			}
			require.Equal(t, want, a.server.Requests()["POST /crm/v3/objects/{type}/batch/read"]-before, "batch %d of %s", i, op)
		}
	}
}

// workflow is an account in which a workflow sets the priority of each ticket as
// soon as it is created.
type workflow struct {
	http.RoundTripper
	priority string
}

func (w workflow) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, "batch/create") {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		r = r.Clone(r.Context())
		body = bytes.ReplaceAll(body, []byte(`"LOW"`), []byte(`"`+w.priority+`"`))
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	}
	return w.RoundTripper.RoundTrip(r)
}

// TestCanaryDies: the account stores another value than was sent; nothing goes
// after that, from no writer.
func TestCanaryDies(t *testing.T) {
	t.Parallel()
	a := newAccount(t, sandbox.Options{})
	client, err := hubspot.New(hubspot.Options{
		BaseURL: "http://127.0.0.1", Transport: workflow{a.server.Transport(), "HIGH"}, Tokens: hubspot.StaticToken("x"),
	})
	require.NoError(t, err)
	a.client = client
	imp := a.braked(etl.Create, func(o *load.ImportOptions) { o.Canary = 5 })
	rec := a.ticket("T-1", "hs_ticket_priority=LOW")
	rec.Pos = etl.Position{File: "desk.csv", Row: 2}
	out, err := imp.Write(t.Context(), []*etl.Record{rec})
	require.Equal(t, "created", statuses(out), "it is stored all the same")
	b := brake(t, err)
	where := "canary: ticket " + out[0].ID + " of desk.csv row 2: hs_ticket_priority "
	require.Equal(t, where+`was sent as "LOW" and is stored as "HIGH"; stopped before more is sent`, b.Text)
	require.Equal(t, where+`is stored otherwise than it was sent; stopped before more is sent`, b.Hidden)

	out, err = imp.Write(t.Context(), []*etl.Record{a.ticket("T-2")})
	require.Equal(t, "unsent", statuses(out))
	require.Same(t, b, brake(t, err))
	require.Len(t, a.server.Tickets(false), 1)
}

func TestCanaryOfDeletes(t *testing.T) {
	t.Parallel()
	a := newAccount(t, sandbox.Options{})
	a.write(t, etl.Create, a.ticket("T-1"))
	imp := a.braked(etl.Delete, func(o *load.ImportOptions) { o.Canary = 1 })
	out, err := imp.Write(t.Context(), []*etl.Record{a.ticket("T-1")})
	require.NoError(t, err)
	require.Equal(t, "deleted", statuses(out))
}
