package hubspot_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/internal/hubspot"
	"github.com/ticketetl/ticketetl/internal/sandbox"
	"github.com/ticketetl/ticketetl/internal/schema"
)

// definitions answers like an account, but for the addresses in changed, given
// as path and query. Addresses it does not know are errors of the test.
func definitions(t *testing.T, changed map[string]string) carrier {
	answers := map[string]string{
		"/account-info/v3/details":                                                  `{"portalId":123456789,"accountType":"STANDARD","timeZone":"America/Sao_Paulo","companyCurrency":"BRL","uiDomain":"app.hubspot.com","utcOffset":"-03:00"}`,
		"/crm/v3/properties/tickets":                                                `{"results":[{"name":"subject","label":"Ticket name","type":"string","fieldType":"text","options":[]},{"name":"key","label":"Key","type":"string","fieldType":"text","hasUniqueValue":true}]}`,
		"/crm/v3/properties/tickets?dataSensitivity=sensitive":                      `{"results":[{"name":"diagnosis","type":"string","fieldType":"text","dataSensitivity":"sensitive"}]}`,
		"/crm/v3/properties/tickets?dataSensitivity=highly_sensitive":               `403`,
		"/crm/v3/properties/tickets?archived=true":                                  `{"results":[{"name":"old","type":"string","fieldType":"text"},{"name":"subject","type":"string","fieldType":"text"}]}`,
		"/crm/v3/properties/tickets?archived=true&dataSensitivity=sensitive":        `{"results":[]}`,
		"/crm/v3/properties/tickets?archived=true&dataSensitivity=highly_sensitive": `403`,
		"/crm/v3/pipelines/tickets":                                                 `{"results":[{"id":"0","label":"Suporte","displayOrder":1,"stages":[{"id":"1","label":"Novo","metadata":{"ticketState":"OPEN","isClosed":"false"}},{"id":4,"label":"Fechado","metadata":{"ticketState":"CLOSED","isClosed":true,"note":null}}]}]}`,
		"/crm/v3/owners?archived=false&limit=100":                                   `{"results":[{"id":"1","email":"a@x.org","type":"PERSON","firstName":"Ana","userId":11,"teams":[{"id":"5","name":"T","primary":true}]}],"paging":{"next":{"after":"n"}}}`,
		"/crm/v3/owners?after=n&archived=false&limit=100":                           `{"results":[{"id":"2","type":"QUEUE","userId":null}]}`,
		"/crm/v3/owners?archived=true&limit=100":                                    `{"results":[{"id":"3","email":"gone@x.org"}]}`,
		"/crm/v3/property-validations/0-5":                                          `{"results":[{"propertyName":"subject","propertyValidationRules":[{"ruleType":"MAX_LENGTH","ruleArguments":["100"],"shouldApplyNormalization":true}]}]}`,
		"/crm/v4/associations/tickets/contacts/labels":                              `{"results":[{"category":"HUBSPOT_DEFINED","typeId":16,"label":null},{"category":"USER_DEFINED","typeId":901,"label":"Reporter"}]}`,
		"/crm/v4/associations/tickets/companies/labels":                             `{"results":[{"category":"HUBSPOT_DEFINED","typeId":26,"label":"Primary"}]}`,
		"/crm/v4/associations/tickets/deals/labels":                                 `{"results":[]}`,
		"/crm/v4/associations/tickets/tickets/labels":                               `{"results":[{"category":"HUBSPOT_DEFINED","typeId":452,"label":null}]}`,
		"/crm/v3/properties/contacts":                                               `{"results":[{"name":"email"},{"name":"customer_no","hasUniqueValue":true}]}`,
		"/crm/v3/properties/companies":                                              `{"results":[{"name":"domain"}]}`,
		"/crm/v3/properties/deals":                                                  `403`,
	}
	for address, body := range changed {
		answers[address] = body
	}
	return func(r *http.Request) (*http.Response, error) {
		body, ok := answers[r.URL.RequestURI()]
		switch {
		case !ok:
			t.Errorf("%s %s was not expected", r.Method, r.URL.RequestURI())
			return answer(404, "{}"), nil
		case body == "403":
			return answer(403, `{"category":"MISSING_SCOPES","message":"no"}`), nil
		case body == "404":
			return answer(404, "<html>"), nil
		case body == "401":
			return answer(401, `{"category":"INVALID_AUTHENTICATION","message":"no"}`), nil
		}
		return answer(200, body, "X-HubSpot-RateLimit-Max: 100000"), nil
	}
}

// TestEmptyDefinitions: an answer without a single property or pipeline is not
// believed. The next one may be right; if none is, that is said.
func TestEmptyDefinitions(t *testing.T) {
	t.Parallel()
	for path, what := range map[string]string{"properties/tickets": "property", "pipelines/tickets": "pipeline"} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			want := hubspot.Want{Properties: []string{"subject"}}
			_, c := account(t, sandbox.Options{Limits: sandbox.Unlimited, Faults: sandbox.Faults{{Match: path, Kind: sandbox.EmptyResults, Nth: 1}}})
			s, err := c.SchemaFor(t.Context(), time.Now(), want)
			require.NoError(t, err)
			require.NotEmpty(t, s.Properties)
			require.NotEmpty(t, s.Pipelines)

			_, c = account(t, sandbox.Options{Limits: sandbox.Unlimited, Faults: sandbox.Faults{{Match: path, Kind: sandbox.EmptyResults}}})
			_, err = c.SchemaFor(t.Context(), time.Now(), want)
			require.EqualError(t, err, "HubSpot answered 3 times that tickets have not one "+what+", which cannot be")
			require.ErrorIs(t, err, hubspot.ErrGaveUp)
		})
	}
}

func TestSchema(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 10, 0, 0, 0, time.FixedZone("", -3*3600))
	got, err := newClient(t, definitions(t, nil)).Schema(t.Context(), now)
	require.NoError(t, err)
	require.Equal(t, &schema.Schema{
		Version: schema.FormatVersion, TakenAt: now.UTC(),
		Account: schema.Account{ID: 123456789, Type: "STANDARD", TimeZone: "America/Sao_Paulo", Currency: "BRL", UIDomain: "app.hubspot.com"},
		Properties: []schema.Property{
			{Name: "subject", Label: "Ticket name", Type: "string", FieldType: "text", Options: []schema.Option{}},
			{Name: "key", Label: "Key", Type: "string", FieldType: "text", HasUniqueValue: true},
			{Name: "diagnosis", Type: "string", FieldType: "text", DataSensitivity: "sensitive"},
			{Name: "old", Type: "string", FieldType: "text", Archived: true},
		},
		Pipelines: []schema.Pipeline{{ID: "0", Label: "Suporte", DisplayOrder: 1, Stages: []schema.Stage{
			{ID: "1", Label: "Novo", Metadata: map[string]string{"ticketState": "OPEN", "isClosed": "false"}},
			{ID: "4", Label: "Fechado", Metadata: map[string]string{"ticketState": "CLOSED", "isClosed": "true"}},
		}}},
		Owners: []schema.Owner{
			{ID: "1", Email: "a@x.org", Type: "PERSON", FirstName: "Ana", UserID: 11, Teams: []schema.Team{{ID: "5", Name: "T", Primary: true}}},
			{ID: "2", Type: "QUEUE"},
			{ID: "3", Email: "gone@x.org", Archived: true},
		},
		Labels: map[string][]schema.Label{
			"contacts":  {{Category: "HUBSPOT_DEFINED", TypeID: 16}, {Category: "USER_DEFINED", TypeID: 901, Label: "Reporter"}},
			"companies": {{Category: "HUBSPOT_DEFINED", TypeID: 26, Label: "Primary"}},
			"tickets":   {{Category: "HUBSPOT_DEFINED", TypeID: 452}},
		},
		Unique: map[string][]string{"contacts": {"email", "customer_no"}},
		Rules:  map[string][]schema.Rule{"subject": {{Type: "MAX_LENGTH", Arguments: []string{"100"}, Normalize: true}}},
	}, got)
}

func TestSchemaOutOfReach(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		changed map[string]string
		wantErr string
	}{
		{name: "rules, labels, other properties are left out", changed: map[string]string{
			"/crm/v3/property-validations/0-5": "404", "/crm/v4/associations/tickets/contacts/labels": "403", "/crm/v3/properties/contacts": "403"}},
		{name: "no scope for tickets", changed: map[string]string{"/crm/v3/pipelines/tickets": "403"},
			wantErr: "read the pipelines of tickets: HubSpot answered 403 MISSING_SCOPES: no; the token needs the scope tickets"},
		{name: "no scope for owners", changed: map[string]string{"/crm/v3/owners?archived=false&limit=100": "403"},
			wantErr: "read the owners: HubSpot answered 403 MISSING_SCOPES: no; the token needs the scope crm.objects.owners.read"},
		{name: "wrong token", changed: map[string]string{"/account-info/v3/details": "401"},
			wantErr: "read the account: HubSpot answered 401 INVALID_AUTHENTICATION: no"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, err := newClient(t, definitions(t, tt.changed)).Schema(t.Context(), time.Now())
			if tt.wantErr != "" {
				require.EqualError(t, err, tt.wantErr)
				require.True(t, hubspot.IsAuth(err))
				return
			}
			require.NoError(t, err)
			require.Nil(t, s.Rules)
			require.Empty(t, s.Unique)
			require.NotContains(t, s.Labels, "contacts")
			require.Contains(t, s.Labels, "companies")
		})
	}
}

func TestDailyUsage(t *testing.T) {
	t.Parallel()
	c := newClient(t, scripted(says(200, `{"results":[{"name":"private apps","usageLimit":250000,"currentUsage":1200,"collectedAt":"2026-11-23T10:00:00Z","fetchStatus":"SUCCESS","resetsAt":"2026-11-24T03:00:00Z"}]}`)))
	usage, err := c.DailyUsage(t.Context())
	require.NoError(t, err)
	require.Equal(t, []hubspot.DailyUsage{{Name: "private apps", Limit: 250000, Used: 1200, FetchStatus: "SUCCESS",
		CollectedAt: time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC), ResetsAt: time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)}}, usage)
}

// TestOwnersEnd: a cursor that does not move ends the paging.
func TestOwnersEnd(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var asked []string
	c := newClient(t, carrier(func(r *http.Request) (*http.Response, error) {
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, r.URL.Query().Get("after"))
		return answer(200, `{"results":[{"id":"1"}],"paging":{"next":{"after":"same"}}}`), nil
	}))
	_, err := c.Owners(t.Context(), false)
	require.ErrorContains(t, err, "does not move")
	require.Equal(t, ",same", strings.Join(asked, ","))
}
