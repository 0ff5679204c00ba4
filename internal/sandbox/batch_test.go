package sandbox_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/internal/sandbox"
)

const bad = `"subject":"S","hs_pipeline_stage":"1","effort":"x"`

func plainInput(properties string) string { return `{"properties":{` + properties + `}}` }

func upsert(id, key, properties string) string {
	return fmt.Sprintf(`{"id":%q,"idProperty":"external_id","objectWriteTraceId":%q,"properties":{%s}}`, key, id, properties)
}

func TestBatchCreate(t *testing.T) {
	t.Parallel()
	taken := good + `,"external_id":"taken"`
	tests := []struct {
		name, body string
		status     int
		stored     int
		traces     []string // of the errors of a 207
		category   string   // of the error
	}{
		{name: "all good", body: inputs(trace("a", good), trace("b", good)), status: 201, stored: 2},
		{name: "one bad with trace ids", body: inputs(trace("a", good), trace("b", bad)), status: 207, stored: 1, traces: []string{"b"}, category: "VALIDATION_ERROR"},
		{name: "one bad without trace ids", body: inputs(plainInput(good), plainInput(bad)), status: 400, category: "VALIDATION_ERROR"},
		{name: "one bad, one of two without trace id", body: inputs(trace("a", bad), plainInput(good)), status: 400, category: "VALIDATION_ERROR"},
		{name: "one bad with a repeated trace id", body: inputs(trace("a", bad), trace("a", good)), status: 400, category: "VALIDATION_ERROR"},
		{name: "a value that is taken, with trace ids", body: inputs(trace("a", taken), trace("b", good)), status: 207, stored: 1, traces: []string{"a"}, category: "CONFLICT"},
		{name: "a value that is taken, without", body: inputs(plainInput(taken), plainInput(good)), status: 409, category: "CONFLICT"},
		{name: "the same unique value twice in a batch", body: inputs(trace("a", good+`,"external_id":"n"`), trace("b", good+`,"external_id":"n"`)), status: 207, stored: 1, traces: []string{"b"}, category: "CONFLICT"},
		{name: "no stage", body: inputs(trace("a", `"subject":"S"`), trace("b", good)), status: 207, stored: 1, traces: []string{"a"}, category: "VALIDATION_ERROR"},
		{name: "a missing target, with trace ids", body: inputs(trace("a", good)[:len(trace("a", good))-1]+`,"associations":[{"to":{"id":"999"},"types":[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":16}]}]}`, trace("b", good)), status: 207, stored: 1, traces: []string{"a"}, category: "VALIDATION_ERROR"},
		{name: "a bare array is an empty batch", body: `[` + trace("a", good) + `]`, status: 201},
		{name: "a wrong key is an empty batch", body: `{"input":[` + trace("a", good) + `]}`, status: 201},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := open(t, nil)
			a.create(`"external_id":"taken"`)
			res := a.want(tt.status, "POST", objects+"/batch/create", tt.body)
			require.Len(t, a.Tickets(false), tt.stored+1)
			if tt.status < 300 {
				require.Equal(t, tt.stored, res.len("results"))
				require.Equal(t, "COMPLETE", res.at("status"))
			}
			for i, want := range tt.traces {
				require.Equal(t, []any{want}, res.at("errors", i, "context", "objectWriteTraceId"))
				require.Equal(t, tt.category, res.at("errors", i, "category"))
			}
			require.Equal(t, len(tt.traces), res.len("errors")*boolToInt(tt.status == 207))
			if tt.status >= 400 {
				require.Equal(t, tt.category, res.at("category"))
			}
		})
	}
}

func boolToInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestWholeBatchErrorsHaveNoRow(t *testing.T) {
	t.Parallel()
	a := open(t, nil)
	res := a.want(400, "POST", objects+"/batch/create", inputs(plainInput(bad), plainInput(good), plainInput(good+`,"vip":"maybe"`)))
	require.Equal(t, 2, res.len("errors"))
	require.Equal(t, []any{"vip"}, res.at("errors", 1, "context", "propertyName"))
	require.Contains(t, res.at("message"), `"error":"INVALID_INTEGER","name":"effort"`)
	require.Contains(t, res.at("message"), `"portalId":4711`)
}

func TestBatchUpdate(t *testing.T) {
	t.Parallel()
	a := open(t, nil)
	one, two := a.create(`"external_id":"k1"`), a.create(`"external_id":"k2"`)
	update := func(id, traceID, properties string) string {
		return fmt.Sprintf(`{"id":%q,"objectWriteTraceId":%q,"properties":{%s}}`, id, traceID, properties)
	}
	res := a.want(207, "POST", objects+"/batch/update", inputs(update(one, "a", `"content":"x"`), update("404404", "b", `"content":"x"`), update("505", "c", `"content":"x"`)))
	require.Equal(t, 1, res.len("results"))
	require.Equal(t, "a", res.at("results", 0, "objectWriteTraceId"))
	require.Equal(t, []any{"404404", "505"}, res.at("errors", 0, "context", "ids"))
	require.Equal(t, float64(1), res.at("numErrors"))

	res = a.want(207, "POST", objects+"/batch/update", inputs(update(one, "a", `"content":"y"`), update(two, "b", `"effort":"y"`)))
	require.Equal(t, []any{"b"}, res.at("errors", 0, "context", "objectWriteTraceId"))

	res = a.want(400, "POST", objects+"/batch/update", inputs(update(one, "a", `"content":"z"`), update(one, "b", `"content":"z"`)))
	require.Equal(t, []any{one}, res.at("context", "ids"))
	require.Contains(t, res.at("message"), "Duplicate IDs found in batch input")

	res = a.want(200, "POST", objects+"/batch/update", inputs(`{"id":"k2","idProperty":"external_id","objectWriteTraceId":"a","properties":{"content":"by key"}}`))
	require.Equal(t, two, res.at("results", 0, "id"))
	a.want(409, "PATCH", objects+"/"+one, `{"properties":{"external_id":"k2"}}`)
}

func TestUpdateOfAWholeBatch(t *testing.T) {
	t.Parallel()
	a := open(t, func(o *sandbox.Options) { o.Switches.UpdateWholeBatch400 = true })
	one, two := a.create(""), a.create("")
	a.want(400, "POST", objects+"/batch/update", inputs(
		`{"id":"`+one+`","objectWriteTraceId":"a","properties":{"content":"x"}}`, `{"id":"`+two+`","objectWriteTraceId":"b","properties":{"effort":"x"}}`))
	require.NotContains(t, a.Tickets(false)[0].Properties, "content")
}

func TestBatchUpsert(t *testing.T) {
	t.Parallel()
	a := open(t, nil)
	id := a.create(`"external_id":"k1"`)
	var list []string
	for n := range 20 {
		key := fmt.Sprintf("k%d", n)
		list = append(list, upsert(key, key, good+`,"external_id":"`+key+`"`))
	}
	res := a.want(200, "POST", objects+"/batch/upsert", inputs(list...))
	inOrder := true
	for i := range 20 {
		trace := res.at("results", i, "objectWriteTraceId")
		inOrder = inOrder && trace == fmt.Sprintf("k%d", i)
		require.Equal(t, trace != "k1", res.at("results", i, "new"))
		if trace == "k1" {
			require.Equal(t, id, res.at("results", i, "id"))
		}
	}
	require.False(t, inOrder, "results come shuffled")
	require.Empty(t, a.Violations())

	a.want(400, "POST", objects+"/batch/upsert", inputs(upsert("a", "k1", good), upsert("b", "k1", good)))
	res = a.want(207, "POST", objects+"/batch/upsert", inputs(upsert("a", "k1", `"effort":"x"`), upsert("b", "new", `"subject":"no stage"`), upsert("c", "k2", `"content":"x"`)))
	require.Equal(t, 2, res.len("errors"))
	a.want(400, "POST", objects+"/batch/upsert", inputs(`{"id":"1","idProperty":"subject","properties":{}}`))
	a.want(400, "POST", objects+"/batch/upsert", inputs(`{"id":"1","properties":{}}`))
}

func TestNoTraceEcho(t *testing.T) {
	t.Parallel()
	a := open(t, func(o *sandbox.Options) { o.Switches.NoTraceEcho = true })
	res := a.want(201, "POST", objects+"/batch/create", inputs(trace("a", good)))
	require.Nil(t, res.at("results", 0, "objectWriteTraceId"))
}

func TestBatchRead(t *testing.T) {
	t.Parallel()
	a := open(t, nil)
	id := a.create(`"external_id":"k1"`)
	res := a.want(207, "POST", objects+"/batch/read", `{"inputs":[{"id":"k1"},{"id":"k2"},{"id":"k3"}],"idProperty":"external_id","properties":["effort"],"propertiesWithHistory":[]}`)
	require.Equal(t, id, res.at("results", 0, "id"))
	require.Nil(t, res.at("results", 0, "properties", "effort"))
	require.Equal(t, []any{"k2", "k3"}, res.at("errors", 0, "context", "ids"))
	require.Equal(t, "Could not get some TICKET objects, they may be deleted or not exist. Check that ids are valid.", res.at("errors", 0, "message"))

	res = a.want(200, "POST", "/crm/v3/objects/contacts/batch/read", `{"inputs":[{"id":"ANA@example.com"}],"idProperty":"email","properties":["email"],"propertiesWithHistory":[]}`)
	require.Equal(t, "101", res.at("results", 0, "id"))
	require.Empty(t, a.Violations())
}

// What the sandbox would take, and what a careful client still does not send.
func TestViolations(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, path, body, want string }{
		{"no trace id", "/batch/create", inputs(plainInput(good)), "no objectWriteTraceId"},
		{"a repeated trace id", "/batch/create", inputs(trace("a", good), trace("a", good)), `"a" is there twice`},
		{"an unknown field", "/batch/create", `{"inputs":[` + trace("a", good) + `],"dryRun":true}`, `unknown field "dryRun"`},
		{"null", "/batch/create", inputs(trace("a", good+`,"content":null`)), "is null"},
		{"a JSON number", "/batch/create", inputs(trace("a", good+`,"effort":1`)), "not written as a string"},
		{"seconds", "/batch/create", inputs(trace("a", good+`,"seen_at":"1709164800"`)), "looks like seconds"},
		{"a repeated option", "/batch/create", inputs(trace("a", good+`,"hs_ticket_category":"A;A"`)), "repeated option"},
		{"an archived owner", "/batch/create", inputs(trace("a", good+`,"hubspot_owner_id":"503"`)), "is archived"},
		{"no subject", "/batch/create", inputs(trace("a", `"hs_pipeline_stage":"1"`)), "without subject"},
		{"an upsert whose key is not in the properties", "/batch/upsert", inputs(upsert("a", "k", good)), "does not repeat its key"},
		{"an empty batch", "/batch/create", `{"inputs":[]}`, "without inputs"},
		{"an id twice in an archive", "/batch/archive", inputs(`{"id":"1"}`, `{"id":"1"}`), "twice"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := open(t, nil)
			res := a.do("POST", objects+tt.path, tt.body)
			require.Less(t, res.status, 300, res.raw)
			require.Contains(t, strings.Join(a.Violations(), "\n"), tt.want)
		})
	}
}

func TestRequests(t *testing.T) {
	t.Parallel()
	a := open(t, nil)
	a.create("")
	a.create("")
	a.do("GET", "/nowhere", "")
	require.Equal(t, map[string]int{"POST /crm/v3/objects/{type}": 2, "/": 1}, a.Requests())
}
