package hubspot_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ticketetl/ticketetl/internal/hubspot"
)

// A taciturn account has records by a unique key, and does not always say what
// it knows.
type taciturn struct {
	t       rapid.TB
	there   map[string]string // ids by key
	names   bool              // it names what is missing
	empties func(n int) bool  // whether the nth answer to a batch read loses its content
	batches int               // answers to batch reads
	single  int               // answers about one record
}

func (s *taciturn) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodGet {
		s.single++
		key, err := url.PathUnescape(r.URL.EscapedPath()[strings.LastIndex(r.URL.EscapedPath(), "/")+1:])
		require.NoError(s.t, err)
		require.Equal(s.t, "external_id", r.URL.Query().Get("idProperty"))
		if s.there[key] == "" {
			return answer(404, `{"status":"error","message":"resource not found"}`), nil
		}
		return answer(200, s.record(key)), nil
	}
	var body struct{ Inputs []struct{ ID string } }
	require.NoError(s.t, json.NewDecoder(r.Body).Decode(&body))
	require.LessOrEqual(s.t, len(body.Inputs), hubspot.MaxBatch)
	if s.batches++; s.empties(s.batches) {
		return answer(200, `{"status":"COMPLETE","results":[]}`), nil
	}
	var results, missing []string
	seen := map[string]bool{}
	for _, in := range body.Inputs {
		require.False(s.t, seen[in.ID], "%s is asked for twice in one call", in.ID)
		seen[in.ID] = true
		if s.there[in.ID] == "" {
			missing = append(missing, fmt.Sprintf("%q", in.ID))
		} else {
			results = append(results, s.record(in.ID))
		}
	}
	text := `{"status":"COMPLETE","results":[` + strings.Join(results, ",") + `]`
	if s.names && len(missing) > 0 {
		text += `,"numErrors":1,"errors":[{"category":"OBJECT_NOT_FOUND","context":{"ids":[` + strings.Join(missing, ",") + `]}}]`
	}
	return answer(200, text+`}`), nil
}

func (s *taciturn) record(key string) string {
	return fmt.Sprintf(`{"id":%q,"properties":{"external_id":%q}}`, s.there[key], key)
}

// read asks for keys, and holds the answer against what is there.
func (s *taciturn) read(c *hubspot.Client, keys []string) error {
	found, missing, err := c.ReadBatch(context.Background(), "tickets", hubspot.BatchRead{IDs: keys, IDProperty: "external_id"})
	if err != nil {
		require.ErrorIs(s.t, err, hubspot.ErrGaveUp)
		return err
	}
	var want, gone, got []string
	for _, key := range keys {
		if id := s.there[key]; id != "" {
			want = append(want, id)
		} else {
			gone = append(gone, key)
		}
	}
	for _, o := range found {
		got = append(got, o.ID)
	}
	require.ElementsMatch(s.t, want, got)
	require.ElementsMatch(s.t, gone, missing)
	return nil
}

func keysOf(n int) []string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = fmt.Sprintf("K/%d", i)
	}
	return keys
}

// TestSilentReads: no number of answers that say nothing makes a record missing,
// nor does it make one that is missing a mystery.
func TestSilentReads(t *testing.T) {
	t.Parallel()
	never := func(int) bool { return false }
	always := func(int) bool { return true }
	first := func(most int) func(int) bool { return func(n int) bool { return n <= most } }
	tests := []struct {
		name    string
		s       taciturn
		keys    int
		batches int
		single  int
		gaveUp  bool
	}{
		{"all is named", taciturn{names: true, empties: never}, 100, 1, 0, false},
		{"all is there", taciturn{there: map[string]string{"K/0": "7", "K/1": "8"}, empties: never}, 2, 1, 0, false},
		{"one empty answer", taciturn{there: map[string]string{"K/0": "7"}, names: true, empties: first(1)}, 2, 2, 0, false},
		{"two in a row", taciturn{there: map[string]string{"K/0": "7"}, names: true, empties: first(2)}, 2, 3, 0, false},
		{"three in a row", taciturn{there: map[string]string{"K/0": "7"}, names: true, empties: first(3)}, 2, 4, 2, false},
		{"all of them, nothing is there", taciturn{empties: always}, 3, 3, 3, false},
		{"all of them", taciturn{there: map[string]string{"K/0": "7"}, empties: always}, 2, 5, 2, true},
		{"what is missing is not named", taciturn{there: map[string]string{"K/0": "7"}, empties: never}, 100, 2, 0, false},
		{"nothing is there, which is not named", taciturn{empties: never}, 100, 5, 100, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := tt.s
				s.t = t
				err := s.read(newClient(t, &s), keysOf(tt.keys))
				require.Equal(t, tt.gaveUp, err != nil)
				require.Equal(t, tt.batches, s.batches, "calls for many")
				require.Equal(t, tt.single, s.single, "calls for one")
			})
		})
	}
}

// TestSilentReadsKnowAWitness: where an account never names what is missing, a
// record that is known to be there shows that an answer is whole.
func TestSilentReadsKnowAWitness(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &taciturn{t: t, there: map[string]string{"there": "7"}, empties: func(int) bool { return false }}
		c := newClient(t, s)
		require.NoError(t, s.read(c, []string{"there"}))
		require.NoError(t, s.read(c, keysOf(100)))
		require.Equal(t, []int{4, 0}, []int{s.batches, s.single}, "one of all, and two with the witness")

		delete(s.there, "there") // a witness that is gone proves nothing
		require.NoError(t, s.read(c, keysOf(3)))
		require.Equal(t, []int{7, 3}, []int{s.batches, s.single})
	})
}

// TestSilentReadsAfterCreates: a record that was created is a witness, too.
func TestSilentReadsAfterCreates(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &taciturn{t: t, there: map[string]string{"mine": "7"}, empties: func(int) bool { return false }}
		c := newClient(t, carrier(func(r *http.Request) (*http.Response, error) {
			if strings.HasSuffix(r.URL.Path, "create") {
				return answer(201, `{"results":[{"id":"7","objectWriteTraceId":"a"}]}`), nil
			}
			return s.RoundTrip(r)
		}))
		_, err := c.CreateBatch(t.Context(), "tickets", []hubspot.CreateInput{{TraceID: "a", Properties: []hubspot.Property{{Name: "external_id", Value: "mine"}}}})
		require.NoError(t, err)
		require.NoError(t, s.read(c, keysOf(99)))
		require.Equal(t, []int{2, 0}, []int{s.batches, s.single})
	})
}

// TestSilentReadsModel: whatever is there and whatever answers are lost, what is
// told is right, and the calls are bounded.
func TestSilentReadsModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		lost := rapid.SliceOfN(rapid.Bool(), 40, 40).Draw(rt, "lost")
		s := &taciturn{t: rt, there: map[string]string{}, names: rapid.Bool().Draw(rt, "names"), empties: func(n int) bool { return lost[n%len(lost)] }}
		keys := keysOf(rapid.SampledFrom([]int{1, 2, 50, 99, 100}).Draw(rt, "keys"))
		for _, i := range rapid.SliceOfDistinct(rapid.IntRange(0, len(keys)-1), rapid.ID).Draw(rt, "there") {
			s.there[keys[i]] = fmt.Sprint(1000 + i)
		}
		synctest.Test(t, func(t *testing.T) {
			c := newClient(t, s)
			for range 3 {
				b, one := s.batches, s.single
				_ = s.read(c, keys) // that it gave up is one of its ends
				require.LessOrEqual(t, s.batches-b, 9)
				require.LessOrEqual(t, s.single-one, len(keys))
				keys = slices.Clone(keys[len(keys)/2:])
			}
		})
	})
}

// TestSilentSearch: a search that found nothing says so.
func TestSilentSearch(t *testing.T) {
	t.Parallel()
	empty := says(200, `{"status":"COMPLETE","results":[]}`)
	for _, tt := range []struct {
		answers []func() (*http.Response, error)
		found   int
	}{
		{[]func() (*http.Response, error){says(200, `{"total":0,"results":[]}`), empty}, 0},
		{[]func() (*http.Response, error){empty, empty, says(200, `{"total":1,"results":[{"id":"7"}]}`)}, 1},
		{[]func() (*http.Response, error){empty, empty, empty}, 0}, // that is how this server says it
	} {
		synctest.Test(t, func(t *testing.T) {
			s := scripted(append(tt.answers, fails(errors.New("asked too often")))...)
			page, err := newClient(t, s).Search(t.Context(), "tickets", hubspot.SearchRequest{})
			require.NoError(t, err)
			require.Len(t, page.Results, tt.found)
		})
	}
}

// TestSilentAssociations: that nothing is said of a record does not mean that it
// has no associations, whose labels would be overwritten then.
func TestSilentAssociations(t *testing.T) {
	t.Parallel()
	const (
		empty   = `{"status":"COMPLETE","results":[]}`
		one     = `{"from":{"id":"1"},"to":[{"toObjectId":8,"associationTypes":[]}]}`
		two     = `{"from":{"id":"2"},"to":[{"toObjectId":9,"associationTypes":[]}]}`
		without = `{"id":"2","properties":{}}`
		with    = `{"id":"1","properties":{},"associations":{"contacts":{"results":[{"id":"8","type":"ticket_to_contact"}]}}}`
	)
	results := func(list ...string) string { return `{"results":[` + strings.Join(list, ",") + `]}` }
	tests := []struct {
		name   string
		says   []string // in turn
		want   []string // ids with associations
		gaveUp bool
	}{
		{"both", []string{results(one, two)}, []string{"1", "2"}, false},
		{"after one silent answer", []string{empty, results(two, one)}, []string{"1", "2"}, false},
		{"one after the other", []string{results(two), empty, results(one)}, []string{"1", "2"}, false},
		{"none, which is not named", []string{empty, empty, empty, without, without}, nil, false},
		{"one without, which is not named", []string{results(one), empty, empty, empty, without}, []string{"1"}, false},
		{"one with them after all", []string{empty, empty, empty, with, without, empty, results(one)}, []string{"1"}, false},
		{"a page in between is lost", []string{
			results(`{"from":{"id":"1"},"to":[{"toObjectId":8,"associationTypes":[]}],"paging":{"next":{"after":"x"}}}`, two), empty,
			results(`{"from":{"id":"1"},"to":[{"toObjectId":9,"associationTypes":[]}]}`),
		}, []string{"1 1", "2"}, false},
		{"nothing is ever said of them", []string{empty, empty, empty, with, without, empty, empty, empty}, nil, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &script{}
				for _, body := range tt.says {
					s.answers = append(s.answers, says(200, body))
				}
				s.answers = append(s.answers, fails(errors.New("asked too often")))
				got, err := newClient(t, s).ReadAssociations(t.Context(), "tickets", "contacts", []string{"1", "2"})
				require.Equal(t, len(tt.says), s.calls())
				if tt.gaveUp {
					require.ErrorIs(t, err, hubspot.ErrGaveUp)
					return
				}
				require.NoError(t, err)
				var have []string
				for _, id := range slices.Sorted(maps.Keys(got)) {
					have = append(have, strings.Repeat(" "+id, len(got[id]))[1:])
				}
				require.Equal(t, tt.want, have)
			})
		})
	}
}
