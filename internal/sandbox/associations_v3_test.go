package sandbox_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/internal/sandbox"
	"github.com/ticketetl/ticketetl/internal/schema"
)

const v3 = "/crm/v3/associations/"

func namedLink(from, to, kind string) string {
	return fmt.Sprintf(`{"from":{"id":%q},"to":{"id":%q},"type":%q}`, from, to, kind)
}

func TestAssociationsOfV3(t *testing.T) {
	t.Parallel()
	a := open(t, nil)
	id := a.create("")
	made := a.want(201, "POST", v3+"tickets/contacts/batch/create", inputs(namedLink(id, "101", "ticket_to_contact"), namedLink(id, "101", "reporter")))
	require.Equal(t, "reporter", made.at("results", 1, "type"))
	require.Equal(t, []int{1, 16}, a.Tickets(false)[0].Associations["contacts"][0].TypeIDs, "the second one is added to the first")

	a.want(201, "POST", v3+"0-5/0-2/batch/create", inputs(namedLink(id, "201", "ticket_to_company_unlabeled"), namedLink(id, "202", "ticket_to_company")))
	read := a.want(200, "POST", v3+"tickets/companies/batch/read", inputs(`{"id":"`+id+`"}`))
	require.Equal(t, []any{map[string]any{"id": "202", "type": "ticket_to_company"}}, read.at("results", 0, "to"), "of companies only the primary one")
	back := a.want(200, "POST", v3+"contacts/tickets/batch/read", inputs(`{"id":"101"}`))
	require.Equal(t, 2, back.len("results", 0, "to"))
	none := a.want(207, "POST", v3+"tickets/deals/batch/read", inputs(`{"id":"`+id+`"}`))
	require.Equal(t, "crm.associations.NO_ASSOCIATIONS_FOUND", none.at("errors", 0, "subCategory"))

	a.want(204, "POST", v3+"tickets/contacts/batch/archive", inputs(namedLink(id, "101", "reporter")))
	require.Equal(t, []int{16}, a.Tickets(false)[0].Associations["contacts"][0].TypeIDs)
	a.want(204, "POST", v3+"tickets/contacts/batch/archive", inputs(namedLink(id, "101", "16")))
	require.Empty(t, a.Tickets(false)[0].Associations["contacts"])
	types := a.want(200, "GET", v3+"tickets/companies/types", "")
	require.Equal(t, []string{"ticket_to_company_unlabeled", "ticket_to_company"}, types.names("name"))
	require.Empty(t, a.Violations())
}

func TestAssociationsOfV3ThatAreRefused(t *testing.T) {
	t.Parallel()
	a := open(t, nil)
	id := a.create("")
	a.want(400, "POST", v3+"tickets/contacts/batch/create", inputs(namedLink(id, "101", "contact_to_ticket")))
	a.want(400, "POST", v3+"tickets/contacts/batch/create", inputs(namedLink(id, "999", "ticket_to_contact")))
	a.want(400, "POST", v3+"tickets/contacts/batch/archive", inputs(namedLink(id, "101", "nope")))
	mixed := a.want(207, "POST", v3+"tickets/contacts/batch/create", inputs(namedLink(id, "101", "ticket_to_contact"), namedLink(id, "999", "ticket_to_contact")))
	require.Equal(t, []any{"999"}, mixed.at("errors", 0, "context", "toObjectId"))

	one := objects + "/" + id + "/associations/contacts/"
	put := a.want(200, "PUT", one+"102/reporter", "")
	require.Equal(t, id, put.at("id"))
	a.want(200, "PUT", one+"102/16", "")
	require.Equal(t, []int{1, 16}, a.Tickets(false)[0].Associations["contacts"][1].TypeIDs)
	a.want(404, "PUT", one+"999/16", "")
	a.want(400, "PUT", one+"102/15", "")
	a.want(204, "DELETE", one+"102/16", "")
	require.Len(t, a.Tickets(false)[0].Associations["contacts"], 1)
}

func TestPairedLabels(t *testing.T) {
	t.Parallel()
	a := open(t, nil)
	labels := "/crm/associations/v4/tickets/contacts/labels"
	made := a.want(200, "POST", labels, `{"name":"resp","label":"Responsável","inverseLabel":"É responsável por"}`)
	forward, backward := made.at("results", 0, "typeId"), made.at("results", 1, "typeId")
	require.NotEqual(t, forward, backward)
	require.Equal(t, "É responsável por", made.at("results", 1, "label"))
	a.want(400, "POST", labels, `{"name":"again","label":"responsável"}`)

	back := a.want(200, "GET", "/crm/associations/2026-03/contacts/tickets/labels", "")
	found := false
	for i := range back.len("results") {
		if back.at("results", i, "typeId") == backward {
			found = true
			require.Equal(t, "É responsável por", back.at("results", i, "label"))
			require.Equal(t, "0-1", back.at("results", i, "fromObjectTypeId"))
			require.Equal(t, "0-5", back.at("results", i, "toObjectTypeId"))
		}
	}
	require.True(t, found)
	id := a.create("")
	a.want(201, "POST", v4+"contacts/tickets/batch/create", inputs(linked("101", id, fmt.Sprintf(`{"associationCategory":"USER_DEFINED","associationTypeId":%v}`, backward))))
	seen := a.want(200, "GET", "/crm/v4/objects/tickets/"+id+"/associations/contacts", "")
	require.Contains(t, seen.raw, `"label":"Responsável"`)
	a.want(204, "PUT", labels, fmt.Sprintf(`{"associationTypeId":%v,"label":"Dono","inverseLabel":"É dono de"}`, forward))
	require.Contains(t, a.want(200, "GET", labels, "").raw, `"Dono"`)
	require.Contains(t, a.want(200, "GET", "/crm/v4/associations/contacts/tickets/labels", "").raw, `"É dono de"`)
}

func TestAssociationLimitReport(t *testing.T) {
	t.Parallel()
	a := open(t, func(o *sandbox.Options) {
		o.World.Schema.Labels["companies"] = append(o.World.Schema.Labels["companies"], schema.Label{Category: "USER_DEFINED", TypeID: 9, Label: "Reseller"})
	})
	for range 3 {
		a.want(201, "POST", v4+"deals/tickets/batch/create", inputs(linked(a.deal(), a.create(""), ofHubspot(27))))
	}
	report := a.want(200, "GET", "/crm/v3/limits/associations/records/0-3/0-5", "")
	require.Equal(t, float64(1000), report.at("limit"))
	require.Equal(t, float64(0), report.at("totalRecordsAtLimit"))

	deal := a.deal()
	var many []string
	for i := range 1000 {
		many = append(many, linked(deal, a.create(""), ofHubspot(27)))
		if i == 799 {
			a.want(201, "POST", v4+"deals/tickets/batch/create", inputs(many...))
			many = nil
			report = a.want(200, "GET", "/crm/limits/2026-03/associations/records/0-3/0-5", "")
			require.Equal(t, []any{float64(1), []any{deal}}, []any{report.at("totalRecordsNearLimit"), report.at("samples")})
		}
	}
	a.want(201, "POST", v4+"deals/tickets/batch/create", inputs(many...))
	require.Equal(t, float64(1), a.want(200, "GET", "/crm/v3/limits/associations/records/deals/tickets", "").at("totalRecordsAtLimit"))
	full := a.want(400, "POST", v4+"deals/tickets/batch/create", inputs(linked(deal, a.create(""), ofHubspot(27))))
	require.Equal(t, []any{deal}, full.at("context", "ASSOCIATION_LIMIT_EXCEEDED"))
}

// deal stores a deal and returns its id.
func (a *account) deal() string {
	return a.want(201, "POST", "/crm/v3/objects/deals", `{"properties":{"dealname":"D"}}`).at("id").(string)
}

func TestLimitsThatAnAdministratorSets(t *testing.T) {
	t.Parallel()
	a := open(t, nil)
	limits := "/crm/associations/v4/definitions/configurations/"
	require.Equal(t, 0, a.want(200, "GET", limits+"tickets/contacts", "").len("results"))
	made := a.want(201, "POST", limits+"tickets/contacts/batch/create", inputs(`{"category":"USER_DEFINED","typeId":1,"maxToObjectIds":1}`))
	require.Equal(t, float64(1), made.at("results", 0, "userEnforcedMaxToObjectIds"))
	a.want(400, "POST", limits+"tickets/contacts/batch/update", inputs(`{"category":"USER_DEFINED","typeId":1,"maxToObjectIds":0}`))
	a.want(400, "POST", limits+"tickets/contacts/batch/update", inputs(`{"category":"USER_DEFINED","typeId":77,"maxToObjectIds":1}`))

	id := a.create("")
	create := func(status int, from, to, kind string) {
		t.Helper()
		a.want(status, "POST", v4+"tickets/contacts/batch/create", inputs(linked(from, to, kind)))
	}
	create(201, id, "101", reporter)
	create(201, id, "101", reporter)
	create(400, id, "102", reporter)
	create(201, id, "102", ofHubspot(16))
	create(201, a.create(""), "102", reporter)

	a.want(200, "POST", limits+"contacts/tickets/batch/update", inputs(`{"category":"USER_DEFINED","typeId":2,"maxToObjectIds":1}`))
	create(400, a.create(""), "102", reporter)
	body := `{"properties":{` + good + `},"associations":[{"to":{"id":"102"},"types":[` + reporter + `]}]}`
	a.want(400, "POST", objects, body)
	require.Equal(t, 3, a.want(200, "GET", limits+"all", "").len("results"), "two, and one primary company")
	a.want(204, "POST", limits+"contacts/tickets/batch/purge", inputs(`{"category":"USER_DEFINED","typeId":2}`))
	a.want(201, "POST", objects, body)
	require.Equal(t, 1, a.want(200, "GET", "/crm/associations/2026-03/definitions/configurations/tickets/contacts", "").len("results"))
}
