package sandbox_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/internal/sandbox"
	"github.com/ticketetl/ticketetl/internal/schema"
)

// moment is the time in an account under test, unless the test moves it.
var moment = time.Date(2026, time.November, 2, 15, 0, 0, 0, time.UTC)

// An account is a Server under test with a clock that the test moves.
type account struct {
	*sandbox.Server
	t   *testing.T
	now time.Time
}

func open(t *testing.T, change func(*sandbox.Options)) *account {
	t.Helper()
	a := &account{t: t, now: moment}
	opts := sandbox.Options{World: smallWorld(), Limits: sandbox.Unlimited, IndexLag: -1, Seed: 1,
		Now: func() time.Time { return a.now }}
	if change != nil {
		change(&opts)
	}
	s, err := sandbox.New(opts)
	require.NoError(t, err)
	a.Server = s
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return a
}

// An answer is what came back, its JSON decoded.
type answer struct {
	status int
	header http.Header
	body   map[string]any
	raw    string
}

// do sends one request; body "" sends none.
func (a *account) do(method, path, body string) answer {
	a.t.Helper()
	req, err := http.NewRequestWithContext(a.t.Context(), method, "http://sandbox"+path, strings.NewReader(body))
	require.NoError(a.t, err)
	req.Header.Set("Authorization", "Bearer pat-test")
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	return a.send(req)
}

func (a *account) send(req *http.Request) answer {
	a.t.Helper()
	res, err := a.Transport().RoundTrip(req)
	require.NoError(a.t, err)
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	require.NoError(a.t, err)
	out := answer{status: res.StatusCode, header: res.Header, raw: string(raw)}
	if strings.HasPrefix(res.Header.Get("Content-Type"), "application/json") {
		require.NoError(a.t, json.Unmarshal(raw, &out.body), out.raw)
	}
	return out
}

// want sends a request and requires a status.
func (a *account) want(status int, method, path, body string) answer {
	a.t.Helper()
	res := a.do(method, path, body)
	require.Equal(a.t, status, res.status, "%s %s: %s", method, path, res.raw)
	return res
}

// at walks into decoded JSON: keys, and indexes of arrays.
func (r answer) at(path ...any) any {
	var v any = r.body
	for _, step := range path {
		switch key := step.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[key]
		case int:
			list, _ := v.([]any)
			if key >= len(list) {
				return nil
			}
			v = list[key]
		}
	}
	return v
}

func (r answer) len(path ...any) int {
	list, _ := r.at(path...).([]any)
	return len(list)
}

// create stores a ticket of a few properties and returns its id.
func (a *account) create(properties string) string {
	a.t.Helper()
	if !strings.Contains(properties, `"hs_pipeline_stage"`) {
		properties = `"subject":"S","hs_pipeline_stage":"1",` + properties
	}
	body := `{"properties":{` + strings.TrimSuffix(properties, ",") + `}}`
	return a.want(201, "POST", "/crm/v3/objects/tickets", body).at("id").(string)
}

// smallWorld has one property of each kind that rules differ for.
func smallWorld() *sandbox.World {
	prop := func(name, kind, field string, change ...func(*schema.Property)) schema.Property {
		p := schema.Property{Name: name, Label: name, Type: kind, FieldType: field, GroupName: "ticketinformation"}
		for _, c := range change {
			c(&p)
		}
		return p
	}
	options := func(values ...string) func(*schema.Property) {
		return func(p *schema.Property) {
			for i, v := range values {
				p.Options = append(p.Options, schema.Option{Label: "Label " + v, Value: v, DisplayOrder: i})
			}
		}
	}
	stage := func(id, state string) schema.Stage {
		return schema.Stage{ID: id, Label: "Stage " + id, Metadata: map[string]string{"ticketState": state}}
	}
	return &sandbox.World{
		Schema: &schema.Schema{
			Account: schema.Account{ID: 4711, Type: "SANDBOX", TimeZone: "America/Sao_Paulo", Currency: "BRL", UIDomain: "app.hubspot.com"},
			Properties: []schema.Property{
				prop("subject", "string", "text"),
				prop("content", "string", "textarea"),
				prop("hs_ticket_priority", "enumeration", "select", options("LOW", "HIGH")),
				prop("hs_ticket_category", "enumeration", "checkbox", options("A", "B", "C")),
				prop("hubspot_owner_id", "enumeration", "select", func(p *schema.Property) {
					p.ExternalOptions, p.ReferencedObjectType = true, "OWNER"
				}),
				prop("external_id", "string", "text", func(p *schema.Property) { p.HasUniqueValue = true }),
				prop("effort", "number", "number"),
				prop("vip", "bool", "booleancheckbox", options("true", "false")),
				prop("due", "date", "date"),
				prop("seen_at", "datetime", "date"),
				prop("phone", "phone_number", "phonenumber"),
				prop("code", "string", "text"),
				prop("note", "string", "text"),
				prop("tel", "string", "phonenumber"),
				prop("rich", "string", "html"),
				prop("hs_pinned_engagement_id", "number", "number", func(p *schema.Property) { p.HubspotDefined = true }),
				prop("hs_ticket_reopened_at", "datetime", "date", func(p *schema.Property) {
					p.HubspotDefined, p.Modification = true, &schema.Modification{ReadOnlyValue: true, ReadOnlyDefinition: true}
				}),
				prop("hs_ticket_id", "number", "calculation_equation", func(p *schema.Property) { p.Calculated = true }),
				prop("secret", "string", "text", func(p *schema.Property) { p.DataSensitivity = "sensitive" }),
				prop("gone", "string", "text", func(p *schema.Property) { p.Archived = true }),
			},
			Pipelines: []schema.Pipeline{
				{ID: "0", Label: "Support", Stages: []schema.Stage{stage("1", "OPEN"), stage("4", "CLOSED")}},
				{ID: "77", Label: "Other", DisplayOrder: 1, Stages: []schema.Stage{stage("771", "OPEN"), stage("772", "CLOSED")}},
			},
			Owners: []schema.Owner{
				{ID: "501", Email: "a@example.com", Type: "PERSON", UserID: 9001},
				{ID: "502", Email: "b@example.com", Type: "PERSON", UserID: 9002},
				{ID: "503", Email: "c@example.com", Type: "PERSON", UserID: 9003, Archived: true},
			},
			Labels: map[string][]schema.Label{
				"contacts": {{Category: "HUBSPOT_DEFINED", TypeID: 16}, {Category: "USER_DEFINED", TypeID: 1, Label: "Reporter"}},
				"companies": {
					{Category: "HUBSPOT_DEFINED", TypeID: 339},
					{Category: "HUBSPOT_DEFINED", TypeID: 26, Label: "Primary"},
				},
			},
			Unique: map[string][]string{"contacts": {"email"}},
			Rules: map[string][]schema.Rule{
				"code":   {{Type: "REGEX", Arguments: []string{"^[A-Z]{2}$", "two capitals"}}},
				"effort": {{Type: "MIN_NUMBER", Arguments: []string{"0"}}},
			},
		},
		Contacts: []sandbox.Seed{
			{ID: "101", Properties: map[string]string{"email": "ana@example.com", "firstname": "Ana", "associatedcompanyid": "201"}},
			{ID: "102", Properties: map[string]string{"email": "rui@example.com", "firstname": "Rui"}},
		},
		Companies: []sandbox.Seed{
			{ID: "201", Properties: map[string]string{"name": "One", "domain": "one.example"}},
			{ID: "202", Properties: map[string]string{"name": "Two", "domain": "two.example"}},
		},
	}
}

func TestCreateAndRead(t *testing.T) {
	t.Parallel()
	a := open(t, nil)
	made := a.want(201, "POST", "/crm/v3/objects/tickets", `{"properties":{"subject":"Olá \"mundo\"\n","hs_pipeline_stage":"1","createdate":"2024-03-01T10:00:00-03:00"},"associations":[{"to":{"id":"101"},"types":[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":16}]}]}`)
	id := made.at("id").(string)
	require.Len(t, id, 11)
	require.Equal(t, "https://api.hubapi.com/crm/v3/objects/tickets/"+id, made.header.Get("Location"))

	got := a.want(200, "GET", "/crm/v3/objects/tickets/"+id+"?properties=subject,effort,nonsense&associations=contacts", "")
	require.Equal(t, map[string]any{
		"subject": "Olá \"mundo\"\n", "effort": nil, "hs_object_id": id,
		"createdate": "2024-03-01T13:00:00Z", "hs_lastmodifieddate": "2026-11-02T15:00:00Z",
	}, got.at("properties"))
	require.Equal(t, "2024-03-01T13:00:00Z", got.at("createdAt"))
	require.Equal(t, "https://app.hubspot.com/contacts/4711/record/0-5/"+id, got.at("url"))
	require.Equal(t, map[string]any{"contacts": map[string]any{"results": []any{map[string]any{"id": "101", "type": "ticket_to_contact"}}}}, got.at("associations"))
	require.Empty(t, a.Violations())
}
