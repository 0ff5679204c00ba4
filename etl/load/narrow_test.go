package load_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/etl/load"
	"github.com/ticketetl/ticketetl/internal/hubspot"
	"github.com/ticketetl/ticketetl/internal/raced"
	"github.com/ticketetl/ticketetl/internal/sandbox"
	"github.com/ticketetl/ticketetl/internal/schema"
)

// A strict server refuses a batch whole when one of its inputs is bad, and tells
// as much of it as hint says.
type strict struct {
	t    rapid.TB
	hint string // none, values, first, wrong
	code int    // of the refusal: 400 or 409
	mu   sync.Mutex
	sent map[string]bool // the batches that were refused, by their inputs
	seen int             // write calls
	done map[string]int  // how often each good input was carried out
}

// input is one of a batch, in whatever form its endpoint has it.
type input struct {
	ID         string            `json:"id"`
	Trace      string            `json:"objectWriteTraceId"`
	Properties map[string]string `json:"properties"`
	From       struct{ ID string }
	To         any
}

// name is what a test calls the input.
func (in *input) name() string {
	switch {
	case in.Properties["subject"] != "":
		return in.Properties["subject"]
	case in.From.ID != "":
		return in.From.ID
	}
	return in.ID
}

func isBad(name string) bool { return strings.HasPrefix(name, "6") }

func (s *strict) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-HubSpot-RateLimit-Max", "1000000")
	w.Header().Set("X-HubSpot-RateLimit-Remaining", "1000000")
	w.Header().Set("X-HubSpot-RateLimit-Interval-Milliseconds", "10000")
	var body struct{ Inputs []input }
	data, err := io.ReadAll(r.Body)
	require.NoError(s.t, err)
	require.NoError(s.t, json.Unmarshal(data, &body))
	if strings.HasSuffix(r.URL.Path, "batch/read") {
		s.read(w, r.URL.Path, body.Inputs)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen++
	var bad []string
	for _, in := range body.Inputs {
		if isBad(in.name()) {
			bad = append(bad, in.name())
		}
	}
	if len(bad) > 0 {
		var names []string
		for _, in := range body.Inputs {
			names = append(names, in.name())
		}
		slices.Sort(names)
		batch := strings.Join(names, " ")
		require.False(s.t, s.sent[batch], "a batch that was refused is sent again: %s", batch)
		s.sent[batch] = true
		s.refuse(w, bad, body.Inputs)
		return
	}
	for _, in := range body.Inputs {
		s.done[in.name()]++
	}
	if strings.HasSuffix(r.URL.Path, "archive") {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	fmt.Fprint(w, `{"status":"COMPLETE","results":[`)
	for i, in := range body.Inputs {
		fmt.Fprintf(w, `%s{"id":"%d","objectWriteTraceId":%q,"from":{"id":%q},"to":{"id":"9"},"properties":{}}`,
			map[bool]string{true: ",", false: ""}[i > 0], 1000+i, in.Trace, in.From.ID)
	}
	fmt.Fprint(w, `]}`)
}

// read answers that every ticket is there, and none has associations.
func (s *strict) read(w http.ResponseWriter, path string, inputs []input) {
	var results, errs []string
	for _, in := range inputs {
		results = append(results, fmt.Sprintf(`{"id":%q,"properties":{"hs_object_id":%q}}`, in.ID, in.ID))
		errs = append(errs, fmt.Sprintf(`{"category":"OBJECT_NOT_FOUND","context":{"fromObjectId":[%q]}}`, in.ID))
	}
	if strings.Contains(path, "associations") {
		results = nil
	} else {
		errs = nil
	}
	fmt.Fprintf(w, `{"status":"COMPLETE","results":[%s],"errors":[%s]}`, strings.Join(results, ","), strings.Join(errs, ","))
}

func (s *strict) refuse(w http.ResponseWriter, bad []string, all []input) {
	e := map[string]any{"status": "error", "category": map[int]string{400: "VALIDATION_ERROR", 409: "CONFLICT"}[s.code], "message": "no"}
	named := bad
	switch s.hint {
	case "first":
		named = bad[:1]
		fallthrough
	case "values":
		var faults []string
		for _, b := range named {
			faults = append(faults, fmt.Sprintf(`{"isValid":false,"message":"bad","error":"INVALID_OPTION","name":"subject","propertyValue":%q}`, b))
		}
		e["message"] = "Property values were not valid: [" + strings.Join(faults, ",") + "]"
		e["context"] = map[string]any{"ids": named}
	case "wrong":
		good := slices.IndexFunc(all, func(in input) bool { return !isBad(in.name()) })
		if good >= 0 {
			e["context"] = map[string]any{"ids": []string{all[good].name()}, "objectWriteTraceId": []string{all[good].Trace}}
		}
	}
	w.WriteHeader(s.code)
	if err := json.NewEncoder(w).Encode(e); err != nil {
		s.t.Error(err)
	}
}

// operations have records of a given name, good ones and bad ones.
var narrowed = map[etl.Operation]func(i int, name string) *etl.Record{
	etl.Create: func(i int, name string) *etl.Record {
		return &etl.Record{Seq: int64(i + 1), Properties: []etl.Property{{Name: "subject", Value: name}}}
	},
	etl.Update: func(i int, name string) *etl.Record {
		return &etl.Record{Seq: int64(i + 1), Key: name, Properties: []etl.Property{{Name: "subject", Value: name}}}
	},
	etl.Delete: func(i int, name string) *etl.Record { return &etl.Record{Seq: int64(i + 1), Key: name} },
	etl.Associate: func(i int, name string) *etl.Record {
		return &etl.Record{Seq: int64(i + 1), Key: name, References: []etl.Reference{{To: "contacts", ID: "9"}}}
	},
}

var writtenAs = map[etl.Operation]etl.Status{
	etl.Create: etl.Created, etl.Update: etl.Updated, etl.Delete: etl.Deleted, etl.Associate: etl.Associated,
}

// TestNarrowing: whatever rows are bad and whatever a refusal says, each good
// row is written once, each bad one fails, and the further calls are bounded.
func TestNarrowing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		op := rapid.SampledFrom([]etl.Operation{etl.Create, etl.Update, etl.Delete, etl.Associate}).Draw(rt, "operation")
		hint := rapid.SampledFrom([]string{"none", "values", "first", "wrong"}).Draw(rt, "hint")
		rows := rapid.SampledFrom([]int{1, 2, 3, 37, 99, 100}).Draw(rt, "rows")
		bad := rapid.SliceOfNDistinct(rapid.IntRange(0, rows-1), 0, min(rows, 20), rapid.ID[int]).Draw(rt, "bad")
		checkNarrowing(rt, op, hint, rapid.SampledFrom([]int{400, 409}).Draw(rt, "status"), rows, bad)
	})
}

// TestNarrowingBound: one to ten bad rows of a hundred, anywhere.
func TestNarrowingBound(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	for k := 1; k <= 10; k++ {
		for _, hint := range []string{"none", "values", "first", "wrong"} {
			for _, code := range []int{400, 409} {
				for range 5 / raced.OneIn(5) {
					checkNarrowing(t, etl.Create, hint, code, 100, rng.Perm(100)[:k])
				}
			}
		}
	}
}

func TestNarrowingWhenAllAreBad(t *testing.T) {
	t.Parallel()
	all := make([]int, 100)
	for i := range all {
		all[i] = i
	}
	for _, hint := range []string{"none", "values", "first", "wrong"} {
		checkNarrowing(t, etl.Create, hint, 400, 100, all)
	}
}

func checkNarrowing(t rapid.TB, op etl.Operation, hint string, code, rows int, bad []int) {
	s := &strict{t: t, hint: hint, code: code, sent: map[string]bool{}, done: map[string]int{}}
	client := clientOf(t, s)
	recs := make([]*etl.Record, rows)
	for i := range recs {
		name := fmt.Sprint(100 + i)
		if slices.Contains(bad, i) {
			name = fmt.Sprint(600 + i)
		}
		recs[i] = narrowed[op](i, name)
	}
	key := load.RecordID
	if op == etl.Create {
		key = ""
	}
	imp := load.NewImporter(client, load.ImportOptions{Operation: op, KeyProperty: key, Schema: &schema.Schema{}, Run: "r"})
	out, err := imp.Write(context.Background(), recs)
	require.NoError(t, err)
	for i, o := range out {
		want := writtenAs[op]
		if slices.Contains(bad, i) {
			want = etl.Failed
		}
		require.Equal(t, want, o.Status, "row %d", i)
	}
	require.Len(t, s.done, rows-len(bad))
	for name, n := range s.done {
		require.Equal(t, 1, n, "%s was written more than once", name)
	}
	bound := 2 * float64(len(bad)) * math.Log2(100)
	require.LessOrEqual(t, float64(s.seen-1), bound, "further calls")
}

// clientOf is a client of a handler, without a socket.
func clientOf(t rapid.TB, h http.Handler) *hubspot.Client {
	client, err := hubspot.New(hubspot.Options{BaseURL: "http://127.0.0.1", Tokens: hubspot.StaticToken("x"), Transport: inProcess{h}})
	require.NoError(t, err)
	return client
}

type inProcess struct{ http.Handler }

func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	rec := httptest.NewRecorder()
	p.ServeHTTP(rec, r)
	return rec.Result(), nil
}

// TestNarrowingWorstCase tries each position of a single bad row.
func TestNarrowingWorstCase(t *testing.T) {
	t.Parallel()
	for _, hint := range []string{"none", "wrong"} {
		for at := range 100 {
			checkNarrowing(t, etl.Create, hint, 409, 100, []int{at})
		}
	}
}

// TestNarrowingAgainstTheSandbox: the account refuses whole batches of updates,
// and tells the values.
func TestNarrowingAgainstTheSandbox(t *testing.T) {
	t.Parallel()
	positions := rapid.SliceOfNDistinct(rapid.IntRange(0, 99), 1, 9, rapid.ID[int])
	for seed := range 10 {
		a := newAccount(t, sandbox.Options{Switches: sandbox.Switches{UpdateWholeBatch400: true}})
		bad := positions.Example(seed)
		var before, after []*etl.Record
		for i := range 100 {
			key, more := fmt.Sprintf("T-%03d", i), "subject=New"
			before = append(before, a.ticket(key))
			if slices.Contains(bad, i) {
				more = fmt.Sprintf("hs_ticket_priority=BAD%d", i%(1+seed)) // some of them alike
			}
			after = append(after, a.ticket(key, more))
		}
		a.write(t, etl.Create, before...)
		out := a.write(t, etl.Update, after...)
		for i, o := range out {
			require.Equal(t, slices.Contains(bad, i), o.Status == etl.Failed, "row %d is %s", i, o.Status)
		}
		calls := a.server.Requests()["POST /crm/v3/objects/{type}/batch/update"]
		require.LessOrEqual(t, float64(calls-1), 2*float64(len(bad))*math.Log2(100))
		require.Empty(t, a.server.Violations())
	}
}
