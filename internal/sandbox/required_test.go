package sandbox_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/internal/sandbox"
)

// required is an account whose administrator wants a category of every new
// ticket, and an effort and an owner of every one of high priority.
func required(t *testing.T) *account {
	return open(t, func(o *sandbox.Options) {
		o.World.Required = []string{"hs_ticket_category"}
		o.World.Conditions = []sandbox.Condition{{Property: "hs_ticket_priority", Value: "HIGH", Require: []string{"effort", "hubspot_owner_id"}}}
	})
}

const (
	dated    = "/crm/objects/2026-09/tickets"
	complete = `"subject":"S","hs_pipeline":"0","hs_pipeline_stage":"1","hs_ticket_category":"A"`
)

func TestRequiredProperties(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, path, properties string
		missing                []any // names; none means that it is stored
		code                   string
	}{
		{"v3 knows no rules of administrators", objects, good + `,"hs_ticket_priority":"HIGH"`, nil, ""},
		{"nor does 2026-03", "/crm/objects/2026-03/tickets", good + `,"hs_ticket_priority":"HIGH"`, nil, ""},
		{"2026-09 wants what is required of a create", dated, good + `,"hs_pipeline":"0"`, []any{"hs_ticket_category"}, "MISSING_REQUIRED_PROPERTY"},
		{"an empty text is no value", dated, `"subject":"","hs_pipeline":"0","hs_pipeline_stage":"1","hs_ticket_category":""`, []any{"subject", "hs_ticket_category"}, "MISSING_REQUIRED_PROPERTY"},
		{"and what a value makes required", dated, complete + `,"hs_ticket_priority":"HIGH"`, []any{"effort", "hubspot_owner_id"}, "MISSING_CONDITIONAL_REQUIRED_PROPERTY"},
		{"one of the two is there", dated, complete + `,"hs_ticket_priority":"HIGH","effort":"1"`, []any{"hubspot_owner_id"}, "MISSING_CONDITIONAL_REQUIRED_PROPERTY"},
		{"both are there", dated, complete + `,"hs_ticket_priority":"HIGH","effort":"1","hubspot_owner_id":"501"`, nil, ""},
		{"another value makes nothing required", dated, complete + `,"hs_ticket_priority":"LOW"`, nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := required(t)
			res := a.do("POST", tt.path, `{"properties":{`+tt.properties+`}}`)
			if tt.missing == nil {
				require.Equal(t, 201, res.status, res.raw)
				return
			}
			require.Equal(t, 400, res.status, res.raw)
			require.Equal(t, "VALIDATION_ERROR", res.at("category"))
			require.Equal(t, "The provided property values are invalid", res.at("message"))
			for i, name := range tt.missing {
				require.Equal(t, tt.code, res.at("errors", i, "code"))
				require.Equal(t, []any{name}, res.at("errors", i, "context", "propertyName"))
			}
			require.Equal(t, len(tt.missing), res.len("errors"))
			require.Empty(t, a.Tickets(false))
		})
	}
}

func TestConditionsOfUpdates(t *testing.T) {
	t.Parallel()
	a := required(t)
	id := a.want(201, "POST", dated, `{"properties":{`+complete+`}}`).at("id").(string)
	one := dated + "/" + id
	res := a.want(400, "PATCH", one, `{"properties":{"hs_ticket_priority":"HIGH","effort":"2"}}`)
	require.Equal(t, "MISSING_CONDITIONAL_REQUIRED_PROPERTY", res.at("errors", 0, "code"))
	require.Equal(t, []any{"hubspot_owner_id"}, res.at("errors", 0, "context", "propertyName"))
	a.want(200, "PATCH", one, `{"properties":{"hubspot_owner_id":"501","effort":"2"}}`)
	a.want(200, "PATCH", one, `{"properties":{"hs_ticket_priority":"HIGH"}}`)
	a.want(400, "PATCH", one, `{"properties":{"effort":""}}`)
	a.want(200, "PATCH", one, `{"properties":{"content":"not of the condition's business"}}`)
	a.want(200, "PATCH", objects+"/"+id, `{"properties":{"effort":""}}`)

	mixed := a.want(200, "POST", dated+"/batch/update", inputs(
		`{"id":"`+id+`","objectWriteTraceId":"x","properties":{"hs_ticket_priority":"HIGH"}}`))
	require.Equal(t, 0, mixed.len("results"))
	require.Equal(t, "MISSING_CONDITIONAL_REQUIRED_PROPERTY", mixed.at("errors", 0, "errors", 0, "code"))
	require.Equal(t, []any{"x"}, mixed.at("errors", 0, "context", "objectWriteTraceId"))
}

// What the rules speak of is in use, so that it cannot be archived.
func TestRequiredPropertiesStay(t *testing.T) {
	t.Parallel()
	a := open(t, func(o *sandbox.Options) { o.World.Required = []string{"note"} })
	def := `{"name":"color","label":"Color","type":"string","fieldType":"text","groupName":"ticketinformation"}`
	a.want(201, "POST", properties, def)
	a.want(204, "DELETE", properties+"/color", "")
	res := a.want(400, "DELETE", properties+"/note", "")
	require.Equal(t, "PropertyValidationError.CANNOT_DELETE_PROPERTY_IN_USE", res.at("subCategory"))
}

func TestDatesAreNormalizedFrom2026_09(t *testing.T) {
	t.Parallel()
	tests := []struct{ property, sent, want string }{
		{"due", "1709164800001", "2024-02-29"},
		{"due", "2024-02-29T10:00:00Z", "2024-02-29"},
		{"due", "1709164800", "2024-02-29"},
		{"seen_at", "1709164800", "2024-02-29T00:00:00Z"},
	}
	for _, tt := range tests {
		t.Run(tt.property+" "+tt.sent, func(t *testing.T) {
			t.Parallel()
			a := open(t, nil)
			res := a.want(201, "POST", dated, `{"properties":{`+complete+`,"`+tt.property+`":"`+tt.sent+`"}}`)
			require.Equal(t, tt.want, res.at("properties", tt.property))
			require.Equal(t, "PROPERTY_VALUE_NORMALIZED", res.at("warnings", 0, "category"))
			require.Equal(t, map[string]any{"propertyName": tt.property, "rawValue": tt.sent, "normalizedValue": tt.want}, res.at("warnings", 0, "context"))
		})
	}
	a := open(t, nil)
	require.Nil(t, a.want(201, "POST", dated, `{"properties":{`+complete+`,"due":"1709164800000"}}`).at("warnings"))
}

func TestEditAssociationsPermission(t *testing.T) {
	t.Parallel()
	a := open(t, func(o *sandbox.Options) { o.Switches.NoEditAssociations = true })
	body := `{"properties":{` + complete + `},"associations":[{"to":{"id":"101"},"types":[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":16}]}]}`
	require.Equal(t, "Missing 'Edit Associations' permission.", a.want(400, "POST", dated, body).at("message"))
	a.want(201, "POST", objects, body)
}
