package sandbox_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/internal/sandbox"
)

const (
	objects = "/crm/v3/objects/tickets"
	good    = `"subject":"S","hs_pipeline_stage":"1"`
)

// trace is one input of a batch with a trace id.
func trace(id, properties string) string {
	return fmt.Sprintf(`{"objectWriteTraceId":%q,"properties":{%s}}`, id, properties)
}

func inputs(list ...string) string { return `{"inputs":[` + strings.Join(list, ",") + `]}` }

func TestValues(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ã", 65_536)
	tests := []struct {
		name, property, sent string
		want                 string // as read back
		code, message        string // of the refusal; "" means none
	}{
		{name: "text is stored as it is", property: "subject", sent: `" a\tb\u00e9 "`, want: " a\tbé "},
		{name: "text of 65,536 characters", property: "content", sent: `"` + long + `"`, want: long},
		{name: "text of one more", property: "content", sent: `"` + long + `x"`, code: "INVALID_STRING_LENGTH", message: "The value is too long: 65537 characters, at most 65536 are allowed."},
		{name: "option by value", property: "hs_ticket_priority", sent: `"HIGH"`, want: "HIGH"},
		{name: "option in another case", property: "hs_ticket_priority", sent: `"high"`, code: "INVALID_OPTION", message: "high was not one of the allowed options: [label: \"Label LOW\"\nvalue: \"LOW\"\ndisplay_order: 0\nhidden: false\nread_only: false\n, label: \"Label HIGH\"\nvalue: \"HIGH\"\ndisplay_order: 1\nhidden: false\nread_only: false\n]"},
		{name: "several options", property: "hs_ticket_category", sent: `"A;C"`, want: "A;C"},
		{name: "one unknown of several options", property: "hs_ticket_category", sent: `"A;X"`, code: "INVALID_OPTION"},
		{name: "owner", property: "hubspot_owner_id", sent: `"501"`, want: "501"},
		{name: "user id of an owner", property: "hubspot_owner_id", sent: `"9001"`, code: "INVALID_OPTION"},
		{name: "number", property: "effort", sent: `"12.50"`, want: "12.50"},
		{name: "JSON number", property: "effort", sent: `3`, want: "3"},
		{name: "number with comma", property: "effort", sent: `"1,5"`, code: "INVALID_INTEGER", message: "1,5 was not a valid number"},
		{name: "number with exponent", property: "effort", sent: `"1e3"`, code: "INVALID_INTEGER"},
		{name: "number against a rule", property: "effort", sent: `"-1"`, code: "INVALID_CUSTOM_PROPERTY_VALIDATION", message: "must be at least 0"},
		{name: "text that matches a rule", property: "code", sent: `"AB"`, want: "AB"},
		{name: "text against a rule", property: "code", sent: `"ab"`, code: "INVALID_CUSTOM_PROPERTY_VALIDATION", message: "two capitals"},
		{name: "boolean", property: "vip", sent: `true`, want: "true"},
		{name: "word for a boolean", property: "vip", sent: `"yes"`, code: "INVALID_OPTION"},
		{name: "date", property: "due", sent: `"2024-02-29"`, want: "2024-02-29"},
		{name: "date at midnight", property: "due", sent: `"1709164800000"`, want: "2024-02-29"},
		{name: "date not at midnight", property: "due", sent: `"1709164800001"`, code: "INVALID_DATE"},
		{name: "date in another form", property: "due", sent: `"29/02/2024"`, code: "INVALID_LONG", message: "29/02/2024 was not a valid long."},
		{name: "day that does not exist", property: "due", sent: `"2023-02-29"`, code: "INVALID_LONG"},
		{name: "date-time with offset", property: "seen_at", sent: `"2024-02-29T10:00:00.250-03:00"`, want: "2024-02-29T13:00:00.250Z"},
		{name: "date-time in milliseconds", property: "seen_at", sent: `"1709164800000"`, want: "2024-02-29T00:00:00Z"},
		{name: "date-time before 1970", property: "seen_at", sent: `"1969-12-31T23:59:59.999Z"`, want: "1969-12-31T23:59:59.999Z"},
		{name: "date-time without offset", property: "seen_at", sent: `"2024-02-29T10:00:00"`, code: "INVALID_LONG"},
		{name: "phone", property: "phone", sent: `"+55 11 5550-0001"`, want: "+55 11 5550-0001"},
		{name: "no phone", property: "phone", sent: `"none"`, code: "INVALID_PHONE_NUMBER"},
		{name: "unknown property", property: "nope", sent: `"x"`, code: "PROPERTY_DOESNT_EXIST", message: `Property "nope" does not exist`},
		{name: "archived property", property: "gone", sent: `"x"`, code: "PROPERTY_DOESNT_EXIST"},
		{name: "read-only property", property: "hs_object_id", sent: `"1"`, code: "READ_ONLY_VALUE", message: `"hs_object_id" is a read only property; its value cannot be set.`},
		{name: "calculated property", property: "hs_ticket_id", sent: `"1"`, code: "READ_ONLY_VALUE", message: `"hs_ticket_id" is a calculated property; its value cannot be set.`},
		{name: "stage of another pipeline", property: "hs_pipeline_stage", sent: `"771"`, code: "INVALID_OPTION"},
		{name: "unknown pipeline", property: "hs_pipeline", sent: `"9"`, code: "INVALID_OPTION"},
		{name: "pipeline without its stage", property: "hs_pipeline", sent: `"77"`, code: "INVALID_OPTION"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := open(t, nil)
			id := a.create("")
			res := a.do("PATCH", objects+"/"+id, `{"properties":{"`+tt.property+`":`+tt.sent+`}}`)
			if tt.code == "" {
				require.Equal(t, 200, res.status, res.raw)
				require.Equal(t, tt.want, a.want(200, "GET", objects+"/"+id+"?properties="+tt.property, "").at("properties", tt.property))
				return
			}
			require.Equal(t, 400, res.status, res.raw)
			require.Equal(t, "VALIDATION_ERROR", res.at("category"))
			require.Equal(t, tt.code, res.at("errors", 0, "code"))
			require.True(t, strings.HasPrefix(res.at("message").(string), `Property values were not valid: [{"isValid":false,`))
			if tt.message != "" {
				require.Equal(t, tt.message, res.at("errors", 0, "message"))
			}
		})
	}
}

func TestNullClearAndAppend(t *testing.T) {
	t.Parallel()
	a := open(t, nil)
	id := a.create(`"content":"kept","hs_ticket_category":"A"`)
	for _, step := range []struct{ name, sent, property, want string }{
		{"null changes nothing", `"content":null`, "content", "kept"},
		{"a leading semicolon appends", `"hs_ticket_category":";B;A"`, "hs_ticket_category", "A;B"},
		{"without it the value is replaced", `"hs_ticket_category":"C"`, "hs_ticket_category", "C"},
		{"the empty text clears", `"content":""`, "content", ""},
	} {
		a.want(200, "PATCH", objects+"/"+id, `{"properties":{`+step.sent+`}}`)
		require.Equal(t, step.want, a.want(200, "GET", objects+"/"+id+"?properties="+step.property, "").at("properties", step.property), step.name)
	}
}

func TestRequiredOnCreate(t *testing.T) {
	t.Parallel()
	a := open(t, nil)
	res := a.want(400, "POST", objects, `{"properties":{"subject":"S"}}`)
	require.Equal(t, "MISSING_REQUIRED_PROPERTY", res.at("errors", 0, "code"))
	require.Equal(t, []any{"hs_pipeline_stage"}, res.at("context", "properties"))

	a.want(201, "POST", objects, `{"properties":{"hs_pipeline_stage":"1"}}`)
	res = a.want(400, "POST", "/crm/objects/2026-09/tickets", `{"properties":{"hs_pipeline_stage":"1"}}`)
	require.Equal(t, []any{"subject", "hs_pipeline"}, res.at("context", "properties"))
}

func TestComputedProperties(t *testing.T) {
	t.Parallel()
	a := open(t, nil)
	id := a.create(`"createdate":"2026-11-01T15:00:00Z"`)
	a.now = moment.Add(1500 * 1e6)
	a.want(200, "PATCH", objects+"/"+id, `{"properties":{"hs_pipeline_stage":"4"}}`)
	got := a.Tickets(false)[0].Properties
	require.Equal(t, map[string]string{
		"subject": "S", "hs_pipeline": "0", "hs_pipeline_stage": "4", "hs_object_id": id, "hs_ticket_id": id,
		"createdate": "2026-11-01T15:00:00Z", "hs_createdate": "2026-11-02T15:00:00Z",
		"hs_lastmodifieddate": "2026-11-02T15:00:01.500Z", "closed_date": "2026-11-02T15:00:01.500Z",
		"time_to_close": "86401500", "hs_v2_date_entered_1": "2026-11-02T15:00:00Z", "hs_v2_date_entered_4": "2026-11-02T15:00:01.500Z",
	}, got)

	historic := a.create(`"subject":"S","hs_pipeline_stage":"4","closed_date":"2020-01-01T00:00:00Z"`)
	require.Equal(t, "2020-01-01T00:00:00Z", a.want(200, "GET", objects+"/"+historic+"?properties=closed_date", "").at("properties", "closed_date"))
}

func TestIDs(t *testing.T) {
	t.Parallel()
	a := open(t, nil)
	for range 3 {
		var list []string
		for n := range 100 {
			list = append(list, trace(strconv.Itoa(n), good))
		}
		a.want(201, "POST", objects+"/batch/create", inputs(list...))
	}
	lengths := map[int]int{}
	for _, ticket := range a.Tickets(false) {
		lengths[len(ticket.ID)]++
	}
	require.Equal(t, map[int]int{11: 297, 17: 3}, lengths)
}

func TestListPages(t *testing.T) {
	t.Parallel()
	a := open(t, nil)
	var list []string
	for n := range 99 {
		list = append(list, trace(strconv.Itoa(n), good))
	}
	a.want(201, "POST", objects+"/batch/create", inputs(list...))
	a.want(204, "DELETE", objects+"/"+a.Tickets(false)[5].ID, "")

	var ids []string
	after := ""
	for {
		page := a.want(200, "GET", objects+"?limit=40&properties=subject"+after, "")
		for i := range page.len("results") {
			ids = append(ids, page.at("results", i, "id").(string))
		}
		next, more := page.at("paging", "next", "after").(string)
		if !more {
			break
		}
		require.Contains(t, page.at("paging", "next", "link"), "limit=40")
		after = "&after=" + next
	}
	require.Len(t, ids, 98)
	for i, ticket := range a.Tickets(false) {
		require.Equal(t, ticket.ID, ids[i])
	}
	archived := a.want(200, "GET", objects+"?archived=true", "")
	require.Equal(t, 1, archived.len("results"))
	require.Equal(t, "2026-11-02T15:00:00Z", archived.at("results", 0, "archivedAt"))
	require.Empty(t, a.Violations())
}

func TestRefusedRequests(t *testing.T) {
	t.Parallel()
	hundredAndOne := inputs(strings.TrimSuffix(strings.Repeat(`{"id":"1"},`, 101), ","))
	fiftyOne := inputs(strings.TrimSuffix(strings.Repeat(`{"id":"1"},`, 51), ","))
	tests := []struct {
		name, method, path, body string
		status                   int
		message                  string // a part of it
	}{
		{"page of 101", "GET", objects + "?limit=101", "", 400, "limit"},
		{"page of 51 with history", "GET", objects + "?limit=51&propertiesWithHistory=subject", "", 400, "maximum number of records that can be requested with propertiesWithHistory is 50"},
		{"batch read of 51 with history", "POST", objects + "/batch/read", strings.TrimSuffix(fiftyOne, "}") + `,"propertiesWithHistory":["subject"]}`, 400, "is 50"},
		{"search cursor in a list", "GET", objects + "?after=abc", "", 400, "Cannot deserialize value of type"},
		{"101 inputs", "POST", objects + "/batch/read", hundredAndOne, 400, "maximum number of inputs"},
		{"unknown id", "GET", objects + "/123", "", 404, "resource not found"},
		{"id that is no number", "GET", objects + "/abc", "", 404, "Object not found.  objectId are usually numeric."},
		{"unknown object type", "GET", "/crm/v3/objects/ships", "", 400, "Unable to infer object type from: ships"},
		{"malformed JSON", "POST", objects, "{\n\"properties\":{\"subject\":}}", 400, "Invalid input JSON on line 2, column 25: "},
		{"an object for a value", "POST", objects, `{"properties":{"subject":{}}}`, 400, "Cannot deserialize value of type `java.lang.String` from Object value"},
		{"something after the body", "POST", objects, `{"properties":{}} x`, 400, "Unexpected content"},
		{"too deep", "POST", objects, `{"x":` + strings.Repeat("[", 70) + strings.Repeat("]", 70) + `}`, 400, "too deep"},
		{"unknown path", "GET", "/crm/v9/tickets", "", 404, "resource not found"},
		{"wrong method", "PUT", objects, "{}", 405, "Method Not Allowed"},
		{"not a unique property", "GET", objects + "/1?idProperty=subject", "", 400, "non-unique 0-5 property subject in portal ID 4711"},
		{"hs_object_id as idProperty", "POST", objects + "/batch/read", `{"inputs":[{"id":"1"}],"idProperty":"hs_object_id"}`, 400, "non-unique 0-5 property hs_object_id"},
		{"the same id twice", "POST", objects + "/batch/read", inputs(`{"id":"1"}`, `{"id":"1"}`), 400, "Duplicate IDs found in batch input"},
		{"long URL", "GET", objects + "?properties=" + strings.Repeat("x", 8000), "", 414, ""},
		{"v1 path", "GET", "/crm-objects/v1/objects/tickets/paged", "", 404, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := open(t, nil)
			res := a.want(tt.status, tt.method, tt.path, tt.body)
			if tt.message != "" {
				require.Contains(t, res.at("message"), tt.message)
				require.Equal(t, res.header.Get("X-Hubspot-Correlation-Id"), res.at("correlationId"))
			}
			if !strings.HasPrefix(tt.name, "unknown id") {
				require.NotEmpty(t, a.Violations())
			}
		})
	}
}

func TestContentTypeAndBodySize(t *testing.T) {
	t.Parallel()
	a := open(t, nil)
	req, err := http.NewRequestWithContext(t.Context(), "POST", "http://sandbox"+objects, strings.NewReader(`{}`))
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer x")
	req.Header.Set("Content-Type", "text/plain")
	require.Equal(t, 415, a.send(req).status)
	a.want(413, "POST", objects, strings.Repeat(" ", 32<<20+1))
}

func TestMerge(t *testing.T) {
	t.Parallel()
	a := open(t, nil)
	one, two := a.create(`"content":"one","external_id":"x1"`), a.create(`"effort":"2"`)
	res := a.want(200, "POST", objects+"/merge", `{"primaryObjectId":"`+one+`","objectIdToMerge":"`+two+`"}`)
	id := res.at("id").(string)
	require.NotContains(t, []string{one, two}, id)
	got := a.Tickets(false)
	require.Len(t, got, 1)
	require.Equal(t, id, a.want(200, "GET", objects+"/"+two, "").at("id"), "an id that was merged away leads to the new record")
	require.Equal(t, "2", got[0].Properties["effort"])
	require.Equal(t, "one", got[0].Properties["content"])
}

func TestArchiveAndRestore(t *testing.T) {
	t.Parallel()
	a := open(t, nil)
	id, other := a.create(`"external_id":"k"`), a.create("")
	a.want(204, "DELETE", objects+"/"+id, "")
	a.want(204, "DELETE", objects+"/"+id, "")
	a.want(204, "POST", objects+"/batch/archive", inputs(`{"id":"`+other+`"}`, `{"id":"999"}`))
	a.want(404, "GET", objects+"/"+id, "")
	a.want(200, "GET", objects+"/"+id+"?archived=true", "")
	a.want(409, "POST", objects, `{"properties":{`+good+`,"external_id":"k"}}`)
	require.Len(t, a.Tickets(true), 2)

	require.True(t, a.Restore(id))
	require.False(t, a.Restore(id))
	a.want(200, "GET", objects+"/"+id, "")
}

func TestHistory(t *testing.T) {
	t.Parallel()
	a := open(t, nil)
	id := a.create(`"content":"old"`)
	a.now = moment.Add(1e9)
	a.want(200, "PATCH", objects+"/"+id, `{"properties":{"content":"new"}}`)
	res := a.want(200, "GET", objects+"/"+id+"?propertiesWithHistory=content", "")
	require.Equal(t, 2, res.len("propertiesWithHistory", "content"))
	require.Equal(t, "new", res.at("propertiesWithHistory", "content", 0, "value"))
	require.Equal(t, "2026-11-02T15:00:00Z", res.at("propertiesWithHistory", "content", 1, "timestamp"))
}

func TestDateVersions(t *testing.T) {
	t.Parallel()
	a := open(t, nil)
	id := a.want(201, "POST", "/crm/objects/2026-03/tickets", `{"properties":{`+good+`}}`).at("id").(string)
	for _, path := range []string{
		"/crm/objects/2026-03/0-5/" + id, "/crm/objects/2026-09-beta/tickets?limit=1", "/crm/properties/2026-03/tickets",
		"/crm/property-validations/2026-03/0-5", "/crm/pipelines/2026-03/tickets", "/crm/owners/2026-03", "/crm/v3/owners/",
		"/account-info/2026-03/details", "/crm/limits/2026-03/records", "/crm/associations/2026-03/tickets/contacts/labels",
		"/crm/associations/v4/tickets/contacts/labels", "/crm/objects/2026-03/tickets/" + id + "/associations/contacts",
	} {
		a.want(200, "GET", path, "")
	}
	create := inputs(trace("1", good), trace("2", `"subject":"S","hs_pipeline_stage":"x"`))
	require.Equal(t, 200, a.do("POST", "/crm/objects/2025-09/tickets/batch/create", create).status)
	require.Equal(t, 207, a.do("POST", "/crm/objects/2026-03/tickets/batch/create", create).status)
	require.Equal(t, 201, a.do("POST", "/crm/objects/2026-09/tickets/batch/create", create).status)
}

func TestNormalizedDates(t *testing.T) {
	t.Parallel()
	a := open(t, func(o *sandbox.Options) { o.Switches.Version2026_09 = true })
	res := a.want(201, "POST", objects, `{"properties":{"hs_pipeline":"0",`+good+`,"due":"2024-02-29T10:00:00Z","seen_at":"1709164800"}}`)
	require.Equal(t, "2024-02-29", res.at("properties", "due"))
	require.Equal(t, "2024-02-29T00:00:00Z", res.at("properties", "seen_at"))
	require.Equal(t, 2, res.len("warnings"))
	require.Equal(t, "PROPERTY_VALUE_NORMALIZED", res.at("warnings", 0, "category"))
	require.Equal(t, map[string]any{"propertyName": "due", "rawValue": "2024-02-29T10:00:00Z", "normalizedValue": "2024-02-29"}, res.at("warnings", 0, "context"))
}
