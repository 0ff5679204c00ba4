package hubspot_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ticketetl/ticketetl/internal/hubspot"
)

// verdict words a Result for a table: an id, "refused: message", "doubt", or
// "doubt: message" where HubSpot said something that may be about it.
func verdict(r hubspot.Result) string {
	var e *hubspot.Error
	refused := errors.As(r.Err, &e)
	switch {
	case errors.Is(r.Err, hubspot.ErrInDoubt) && refused:
		return "doubt: " + e.Message
	case errors.Is(r.Err, hubspot.ErrInDoubt):
		return "doubt"
	case refused:
		return "refused: " + e.Message
	case r.Err != nil:
		return "error: " + r.Err.Error()
	case r.New:
		return r.ID + " new"
	}
	return r.ID
}

func verdicts(results []hubspot.Result) []string {
	list := make([]string, len(results))
	for i, r := range results {
		list[i] = verdict(r)
	}
	return list
}

func TestPairCreates(t *testing.T) {
	t.Parallel()
	in := []hubspot.CreateInput{
		{TraceID: "a", Properties: []hubspot.Property{{Name: "subject", Value: "same"}, {Name: "key", Value: "K1"}}},
		{TraceID: "b", Properties: []hubspot.Property{{Name: "subject", Value: "same"}, {Name: "key", Value: "K2"}}},
		{TraceID: "c", Properties: []hubspot.Property{{Name: "subject", Value: "same"}, {Name: "key", Value: "K3"}}},
	}
	tests := []struct {
		name, body string
		want       []string
		wantErr    string
	}{
		{
			name: "trace ids, in another order",
			body: `{"results":[{"id":"3","objectWriteTraceId":"c"},{"id":"1","objectWriteTraceId":"a"},{"id":"2","objectWriteTraceId":"b"}]}`,
			want: []string{"1", "2", "3"},
		},
		{
			name: "ids as numbers keep their digits",
			body: `{"results":[{"id":123456789012345678,"objectWriteTraceId":"a"},{"id":9007199254740993,"objectWriteTraceId":"b"},{"id":"3","objectWriteTraceId":"c"}]}`,
			want: []string{"123456789012345678", "9007199254740993", "3"},
		},
		{
			name: "a refused row is named by its trace id",
			body: `{"results":[{"id":"1","objectWriteTraceId":"a"},{"id":"3","objectWriteTraceId":"c"}],"numErrors":1,"errors":[{"status":"error","category":"VALIDATION_ERROR","message":"bad","context":{"objectWriteTraceId":["b"]}}]}`,
			want: []string{"1", "refused: bad", "3"},
		},
		{
			name: "one error for several rows",
			body: `{"results":[{"id":"1","objectWriteTraceId":"a"}],"errors":[{"message":"bad","context":{"objectWriteTraceId":["b","c"]}}]}`,
			want: []string{"1", "refused: bad", "refused: bad"},
		},
		{
			name: "a row that nothing mentions",
			body: `{"results":[{"id":"1","objectWriteTraceId":"a"},{"id":"3","objectWriteTraceId":"c"}]}`,
			want: []string{"1", "doubt", "3"},
		},
		{
			name: "a nameless error belongs to the only row left",
			body: `{"results":[{"id":"1","objectWriteTraceId":"a"},{"id":"3","objectWriteTraceId":"c"}],"errors":[{"message":"bad"}]}`,
			want: []string{"1", "refused: bad", "3"},
		},
		{
			name: "as many nameless errors as rows left",
			body: `{"results":[{"id":"1","objectWriteTraceId":"a"}],"errors":[{"message":"bad"},{"message":"worse"}]}`,
			want: []string{"1", "refused: bad", "refused: worse"},
		},
		{
			name: "fewer nameless errors than rows left",
			body: `{"results":[{"id":"1","objectWriteTraceId":"a"}],"errors":[{"message":"bad"}]}`,
			want: []string{"1", "doubt: bad", "doubt: bad"},
		},
		{
			name: "nothing but a nameless error",
			body: `{"results":[],"errors":[{"message":"bad"}]}`,
			want: []string{"doubt: bad", "doubt: bad", "doubt: bad"},
		},
		{
			name: "no trace ids: paired by the property that differs",
			body: `{"results":[{"id":"2","properties":{"subject":"same","key":"K2","hs_object_id":"2"}},{"id":"1","properties":{"subject":"same","key":"K1"}},{"id":"3","properties":{"subject":"same","key":"K3"}}]}`,
			want: []string{"1", "2", "3"},
		},
		{
			name: "no trace ids, no property echoed",
			body: `{"results":[{"id":"2"},{"id":"1"},{"id":"3"}]}`, wantErr: "it mentions no input",
		},
		{
			name: "a stored row stays stored, whatever else is said of it",
			body: `{"results":[{"id":"1","objectWriteTraceId":"a"},{"id":"2","objectWriteTraceId":"b"},{"id":"3","objectWriteTraceId":"c"}],"errors":[{"message":"bad","context":{"objectWriteTraceId":["a"]}}]}`,
			want: []string{"1", "2", "3"},
		},
		{
			name: "a trace id that comes twice settles one row only",
			body: `{"results":[{"id":"1","objectWriteTraceId":"a"},{"id":"2","objectWriteTraceId":"a"},{"id":"3","objectWriteTraceId":"c"}]}`,
			want: []string{"1", "doubt", "3"},
		},
		{
			name: "a result without id says nothing",
			body: `{"results":[{"objectWriteTraceId":"a"},{"id":"2","objectWriteTraceId":"b"},{"id":null,"objectWriteTraceId":"c"}]}`,
			want: []string{"doubt", "2", "doubt"},
		},
		{name: "empty object", body: `{}`, wantErr: "it mentions no input"},
		{name: "empty results", body: `{"status":"COMPLETE","results":[]}`, wantErr: "it mentions no input"},
		{name: "cut off", body: `{"results":[{"id":"1"`, wantErr: "unexpected end of JSON input"},
		{name: "empty body", body: ``, wantErr: "unexpected end of JSON input"},
		{name: "HTML", body: `<html>`, wantErr: "invalid character '<' looking for beginning of value"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := hubspot.PairCreates(in, []byte(tt.body))
			if tt.wantErr != "" {
				require.EqualError(t, err, tt.wantErr)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tt.want, verdicts(got))
		})
	}
}

func TestPairUpserts(t *testing.T) {
	t.Parallel()
	in := []hubspot.UpsertInput{
		{TraceID: "a", ID: "K1", IDProperty: "key"},
		{TraceID: "b", ID: "k1", IDProperty: "key"}, // differs in case only
		{TraceID: "c", ID: "Ana@Example.com", IDProperty: "email"},
	}
	updates := []hubspot.UpsertInput{{TraceID: "a", ID: "11"}, {TraceID: "b", ID: "12"}}
	tests := []struct {
		name string
		in   []hubspot.UpsertInput
		body string
		want []string
	}{
		{
			name: "no trace ids: paired by the key, shuffled", in: in,
			body: `{"results":[{"id":"3","new":true,"properties":{"email":"ana@example.com"}},{"id":"2","new":false,"properties":{"key":"k1"}},{"id":"1","new":true,"properties":{"key":"K1"}}]}`,
			want: []string{"1 new", "2", "3 new"},
		},
		{
			name: "a key that fits two rows pairs none", in: in,
			body: `{"results":[{"id":"1","properties":{"key":" K1 "}},{"id":"3","properties":{"email":"ANA@example.com"}}]}`,
			want: []string{"doubt", "doubt", "3"},
		},
		{
			name: "a key of another property pairs nothing", in: in,
			body: `{"results":[{"id":"1","properties":{"email":"K1"}},{"id":"2","objectWriteTraceId":"b"}]}`,
			want: []string{"doubt", "2", "doubt"},
		},
		{
			name: "errors name keys", in: in,
			body: `{"results":[{"id":"1","objectWriteTraceId":"a"}],"errors":[{"message":"bad","context":{"ids":["k1"]}},{"message":"worse","context":{"ids":["ana@example.com"]}}]}`,
			want: []string{"1", "refused: bad", "refused: worse"},
		},
		{
			name: "updates are paired by id", in: updates,
			body: `{"results":[{"id":"12"},{"id":"11"}]}`, want: []string{"11", "12"},
		},
		{
			name: "unknown ids are named by the context", in: updates,
			body: `{"results":[{"id":"12"}],"numErrors":1,"errors":[{"category":"OBJECT_NOT_FOUND","message":"Could not get some TICKET objects","context":{"ids":["11"]}}]}`,
			want: []string{"refused: Could not get some TICKET objects", "12"},
		},
		{
			name: "all unknown", in: updates,
			body: `{"results":[],"errors":[{"category":"OBJECT_NOT_FOUND","message":"gone","context":{"ids":["11","12"]}}]}`,
			want: []string{"refused: gone", "refused: gone"},
		},
		{
			name: "one input and one result without a name", in: updates[:1],
			body: `{"results":[{"id":"99"}]}`, want: []string{"99"},
		},
		{
			name: "a result for somebody else", in: updates,
			body: `{"results":[{"id":"99","objectWriteTraceId":"zz"},{"id":"11"}]}`, want: []string{"11", "doubt"},
		},
		{
			name: "errors of another form name nobody", in: updates,
			body: `{"results":[{"id":"12"}],"errors":{"a":1}}`, want: []string{"doubt", "12"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := hubspot.PairUpserts(tt.in, []byte(tt.body))
			require.NoError(t, err)
			require.Equal(t, tt.want, verdicts(got))
		})
	}
}

// TestPairingIsTrue makes up answers that tell the truth, shuffled, with some
// inputs refused and some left out, by every way to name an input: each input
// gets its own verdict, and one that was left out is in doubt.
func TestPairingIsTrue(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 30).Draw(rt, "inputs")
		echo := rapid.Bool().Draw(rt, "echo trace ids")
		in := make([]hubspot.UpsertInput, n)
		want := make([]string, n)
		type item = map[string]any
		var results, refusals []item
		for i := range in {
			key := "K" + strconv.Itoa(i)
			in[i] = hubspot.UpsertInput{TraceID: "t" + strconv.Itoa(i), ID: key, IDProperty: "key"}
			id := strconv.Itoa(1000 + i)
			switch rapid.SampledFrom([]string{"stored", "stored", "refused", "left out"}).Draw(rt, "fate") {
			case "stored":
				r := item{"id": id, "properties": item{"key": key, "other": "same"}}
				if echo {
					r["objectWriteTraceId"] = in[i].TraceID
					delete(r, "properties")
				}
				results, want[i] = append(results, r), id
			case "refused":
				context := item{"ids": []string{key}}
				if echo {
					context = item{"objectWriteTraceId": []string{in[i].TraceID}}
				}
				refusals, want[i] = append(refusals, item{"message": key, "context": context}), "refused: "+key
			default:
				want[i] = "doubt"
			}
		}
		body, err := json.Marshal(item{
			"status":  "COMPLETE",
			"results": rapid.Permutation(results).Draw(rt, "results"),
			"errors":  rapid.Permutation(refusals).Draw(rt, "errors"),
		})
		require.NoError(rt, err)
		got, err := hubspot.PairUpserts(in, body)
		if len(results)+len(refusals) == 0 {
			require.Error(rt, err)
			return
		}
		require.NoError(rt, err)
		require.Equal(rt, want, verdicts(got))
	})
}

// FuzzBatchAnswer feeds answers of any kind: there is a verdict for each input,
// each stored one has an id, and no id goes to two inputs unless it came twice.
func FuzzBatchAnswer(f *testing.F) {
	f.Add([]byte(`{"results":[{"id":"1","objectWriteTraceId":"a"}],"errors":[{"context":{"ids":["K2"]}}]}`))
	f.Add([]byte(`{"results":[{"id":1,"properties":{"key":"K1"}}],"errors":null}`))
	f.Add([]byte(`{"results":[{},{"id":null}],"errors":[{}]}`))
	f.Add([]byte(`{"errors":[{"subCategory":{}}]}`))
	f.Add([]byte(`[]`))
	in := []hubspot.UpsertInput{{TraceID: "a", ID: "K1", IDProperty: "key"}, {TraceID: "b", ID: "K2", IDProperty: "key"}, {TraceID: "c", ID: "7"}}
	f.Fuzz(func(t *testing.T, data []byte) {
		results, err := hubspot.PairUpserts(in, data)
		if err != nil {
			return
		}
		require.Len(t, results, len(in))
		for i, r := range results {
			require.Equal(t, r.ID == "", r.Err != nil, fmt.Sprintf("input %d: stored, or an error", i))
		}
	})
}

// FuzzDecodeWritten holds the scanner against encoding/json: what is JSON reads
// the same with both, and what is cut off is refused.
func FuzzDecodeWritten(f *testing.F) {
	for _, s := range []string{
		`{"status":"COMPLETE","results":[{"id":"1","properties":{"a":"x\\","b":"\"}]","c":null},"new":true,"objectWriteTraceId":"t"}],"numErrors":0}`,
		`{"results":[{"id":12345678901234567,"new":false}, {"id":null}],"errors":[{"message":"m"}]}`,
		`{"results":[{"ID":"1"}],"RESULTS":[]}`, `{"results":[{"id":"1","id":"2"}]}`, `{"results":null,"errors":null}`,
		`{"results":[],"results":[{"id":"1"}]}`, `{"results":[{"id":"\u0031"}]}`, ` { } `, `{"results":[]} x`, `[]`, `null`, `{"a":nope,"results":[]}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, traces, errs, err := hubspot.DecodeWritten(data)
		if !json.Valid(data) {
			// Only what is skipped may be other than JSON.
			if err == nil {
				require.Contains(t, string(data), "results")
			}
			return
		}
		var w struct {
			Results []struct {
				ID    json.RawMessage `json:"id"`
				Trace string          `json:"objectWriteTraceId"`
				New   bool            `json:"new"`
			} `json:"results"`
			Errors json.RawMessage `json:"errors"`
		}
		if json.Unmarshal(data, &w) != nil {
			require.Error(t, err)
			return
		}
		if err != nil {
			return // an id that is none
		}
		require.Len(t, got, len(w.Results))
		require.Equal(t, string(w.Errors), errs)
		for i, r := range w.Results {
			require.Equal(t, r.Trace, traces[i])
			require.Equal(t, r.New, got[i].New)
			var id string
			if len(r.ID) > 0 && r.ID[0] == '"' {
				require.NoError(t, json.Unmarshal(r.ID, &id))
				require.Equal(t, id, got[i].ID)
			}
		}
	})
}

// TestCutAnswerIsRefused cuts an answer at every byte.
func TestCutAnswerIsRefused(t *testing.T) {
	t.Parallel()
	whole := []byte(`{"status":"COMPLETE","results":[{"id":"1","properties":{"a":"x","b":null},"new":true,"objectWriteTraceId":"t"}],"errors":[{"message":"m"}],"n":1}`)
	for i := range whole {
		_, _, _, err := hubspot.DecodeWritten(whole[:i])
		require.Error(t, err, "cut after %d bytes", i)
	}
	_, _, _, err := hubspot.DecodeWritten(whole)
	require.NoError(t, err)
}
