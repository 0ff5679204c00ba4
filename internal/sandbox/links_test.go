package sandbox_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/internal/sandbox"
)

const v4 = "/crm/v4/associations/"

// linked is one input of an association batch.
func linked(from, to string, types ...string) string {
	return fmt.Sprintf(`{"from":{"id":%q},"to":{"id":%q},"types":[%s]}`, from, to, strings.Join(types, ","))
}

func ofHubspot(id int) string {
	return fmt.Sprintf(`{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":%d}`, id)
}

const reporter = `{"associationCategory":"USER_DEFINED","associationTypeId":1}`

func TestAssociations(t *testing.T) {
	t.Parallel()
	type step struct {
		path, body string
		status     int
		message    string
	}
	tests := []struct {
		name  string
		steps []step // %[1]s is the ticket
		want  map[string][]sandbox.Association
	}{
		{
			name:  "a label brings the unlabeled type along",
			steps: []step{{path: "tickets/contacts/batch/create", body: linked("%[1]s", "101", reporter), status: 201}},
			want:  map[string][]sandbox.Association{"contacts": {{ID: "101", TypeIDs: []int{1, 16}}}},
		},
		{
			name: "labels are replaced",
			steps: []step{
				{path: "tickets/contacts/batch/create", body: linked("%[1]s", "101", reporter), status: 201},
				{path: "tickets/contacts/batch/create", body: linked("%[1]s", "101", ofHubspot(16)), status: 201},
			},
			want: map[string][]sandbox.Association{"contacts": {{ID: "101", TypeIDs: []int{16}}}},
		},
		{
			name: "a default link leaves labels alone",
			steps: []step{
				{path: "tickets/contacts/batch/create", body: linked("%[1]s", "101", reporter), status: 201},
				{path: "tickets/contacts/batch/associate/default", body: `{"from":{"id":"%[1]s"},"to":{"id":"101"}}`, status: 200},
			},
			want: map[string][]sandbox.Association{"contacts": {{ID: "101", TypeIDs: []int{1, 16}}}},
		},
		{
			name: "a new primary company takes the flag from the old one",
			steps: []step{
				{path: "tickets/companies/batch/create", body: linked("%[1]s", "201", ofHubspot(26)), status: 201},
				{path: "tickets/companies/batch/create", body: linked("%[1]s", "202", ofHubspot(26)), status: 201},
			},
			want: map[string][]sandbox.Association{"companies": {{ID: "201", TypeIDs: []int{339}}, {ID: "202", TypeIDs: []int{26, 339}}}},
		},
		{
			name:  "from the other side",
			steps: []step{{path: "contacts/tickets/batch/create", body: linked("101", "%[1]s", ofHubspot(15)), status: 201}},
			want:  map[string][]sandbox.Association{"contacts": {{ID: "101", TypeIDs: []int{16}}}},
		},
		{
			name: "the type of the other direction",
			steps: []step{{path: "tickets/contacts/batch/create", body: linked("%[1]s", "101", ofHubspot(15)), status: 400,
				message: "invalid from object type 0-5 for associations to be created. expected: 0-1"}},
			want: map[string][]sandbox.Association{},
		},
		{
			name: "one of two targets is missing",
			steps: []step{{path: "tickets/contacts/batch/create",
				body: linked("%[1]s", "101", ofHubspot(16)) + "," + linked("%[1]s", "999", ofHubspot(16)), status: 207}},
			want: map[string][]sandbox.Association{"contacts": {{ID: "101", TypeIDs: []int{16}}}},
		},
		{
			name: "a label is removed",
			steps: []step{
				{path: "tickets/contacts/batch/create", body: linked("%[1]s", "101", reporter), status: 201},
				{path: "tickets/contacts/batch/labels/archive", body: linked("%[1]s", "101", reporter), status: 204},
			},
			want: map[string][]sandbox.Association{"contacts": {{ID: "101", TypeIDs: []int{16}}}},
		},
		{
			name: "removing the unlabeled type drops every label",
			steps: []step{
				{path: "tickets/contacts/batch/create", body: linked("%[1]s", "101", reporter), status: 201},
				{path: "tickets/contacts/batch/labels/archive", body: linked("%[1]s", "101", ofHubspot(16)), status: 204},
			},
			want: map[string][]sandbox.Association{},
		},
		{
			name: "a batch archive removes all types of the pairs",
			steps: []step{
				{path: "tickets/contacts/batch/create", body: linked("%[1]s", "101", reporter) + "," + linked("%[1]s", "102", ofHubspot(16)), status: 201},
				{path: "tickets/contacts/batch/archive", body: `{"from":{"id":"%[1]s"},"to":[{"id":"101"}]}`, status: 204},
			},
			want: map[string][]sandbox.Association{"contacts": {{ID: "102", TypeIDs: []int{16}}}},
		},
		{
			name:  "an object type that nobody knows",
			steps: []step{{path: "tickets/ships/batch/create", body: linked("%[1]s", "1", ofHubspot(16)), status: 400, message: "Unable to infer object type from: ships"}},
			want:  map[string][]sandbox.Association{},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := open(t, nil)
			id := a.create("")
			for _, s := range tt.steps {
				res := a.want(s.status, "POST", v4+s.path, `{"inputs":[`+strings.ReplaceAll(s.body, "%[1]s", id)+`]}`)
				if s.message != "" {
					require.Equal(t, s.message, res.at("message"))
				}
			}
			require.Equal(t, tt.want, a.Tickets(false)[0].Associations)
		})
	}
}

func TestReadAssociations(t *testing.T) {
	t.Parallel()
	a := open(t, nil)
	id, lonely := a.create(""), a.create("")
	a.want(201, "POST", v4+"tickets/contacts/batch/create", `{"inputs":[`+linked(id, "101", reporter)+`]}`)

	res := a.want(207, "POST", v4+"tickets/contacts/batch/read", inputs(`{"id":"`+id+`"}`, `{"id":"`+lonely+`"}`))
	require.Equal(t, 1, res.len("results"))
	require.Equal(t, id, res.at("results", 0, "from", "id"))
	require.Equal(t, float64(101), res.at("results", 0, "to", 0, "toObjectId"), "the id is a number")
	require.Equal(t, []any{
		map[string]any{"category": "HUBSPOT_DEFINED", "typeId": float64(16), "label": nil},
		map[string]any{"category": "USER_DEFINED", "typeId": float64(1), "label": "Reporter"},
	}, res.at("results", 0, "to", 0, "associationTypes"))
	require.Equal(t, "crm.associations.NO_ASSOCIATIONS_FOUND", res.at("errors", 0, "subCategory"))
	require.Equal(t, "No contact is associated with ticket "+lonely+".", res.at("errors", 0, "message"))
	require.Equal(t, []any{lonely}, res.at("errors", 0, "context", "fromObjectId"))

	back := a.want(200, "GET", "/crm/v4/objects/contacts/101/associations/tickets", "")
	require.Equal(t, 1, back.len("results"))
	require.Equal(t, float64(15), back.at("results", 0, "associationTypes", 0, "typeId"))
	require.Equal(t, float64(2), back.at("results", 0, "associationTypes", 1, "typeId"), "a label has an id of its own for the way back")

	got := a.want(200, "GET", objects+"/"+id+"?associations=contacts", "")
	require.Equal(t, []any{
		map[string]any{"id": "101", "type": "ticket_to_contact"}, map[string]any{"id": "101", "type": "reporter"},
	}, got.at("associations", "contacts", "results"))
	require.Empty(t, a.Violations())
}

func TestSingleAssociations(t *testing.T) {
	t.Parallel()
	a := open(t, nil)
	id := a.create("")
	one := "/crm/v4/objects/tickets/" + id + "/associations/"
	res := a.want(201, "PUT", one+"contacts/101", `[`+reporter+`]`)
	require.Equal(t, []any{"Reporter"}, res.at("labels"))
	a.want(200, "PUT", one+"default/companies/201", "")
	require.Equal(t, map[string][]sandbox.Association{
		"contacts": {{ID: "101", TypeIDs: []int{1, 16}}}, "companies": {{ID: "201", TypeIDs: []int{339}}},
	}, a.Tickets(false)[0].Associations)

	a.want(204, "DELETE", objects+"/"+id+"/associations/contacts/101/1", "")
	require.Equal(t, []int{16}, a.Tickets(false)[0].Associations["contacts"][0].TypeIDs)
	a.want(204, "DELETE", objects+"/"+id+"/associations/companies/201/ticket_to_company_unlabeled", "")
	a.want(204, "DELETE", one+"contacts/101", "")
	require.Empty(t, a.Tickets(false)[0].Associations)
	a.want(404, "PUT", "/crm/v4/objects/tickets/999/associations/contacts/101", `[`+reporter+`]`)
}

func TestAssociationsOfOneRecordArePaged(t *testing.T) {
	t.Parallel()
	const many = 700
	world := smallWorld()
	for n := range many {
		world.Contacts = append(world.Contacts, sandbox.Seed{ID: fmt.Sprint(1000 + n)})
	}
	a := open(t, func(o *sandbox.Options) { o.World = world })
	id := a.create("")
	var list []string
	for n := range many {
		list = append(list, linked(id, fmt.Sprint(1000+n), ofHubspot(16)))
	}
	a.want(201, "POST", v4+"tickets/contacts/batch/create", inputs(list...))

	seen := map[float64]bool{}
	after := ""
	for pages := 1; ; pages++ {
		res := a.want(200, "POST", v4+"tickets/contacts/batch/read", inputs(`{"id":"`+id+`"`+after+`}`))
		for i := range res.len("results", 0, "to") {
			seen[res.at("results", 0, "to", i, "toObjectId").(float64)] = true
		}
		next, more := res.at("results", 0, "paging", "next", "after").(string)
		if !more {
			require.Equal(t, 2, pages)
			break
		}
		after = `,"after":"` + next + `"`
	}
	require.Len(t, seen, many)

	got := a.want(200, "GET", objects+"/"+id+"?associations=contacts", "")
	next := got.at("associations", "contacts", "paging", "next", "after").(string)
	rest := a.want(200, "GET", "/crm/v4/objects/tickets/"+id+"/associations/contacts?after="+next, "")
	require.Equal(t, many, got.len("associations", "contacts", "results")+rest.len("results"))
	require.Empty(t, a.Violations())
}

func TestAssociationLimits(t *testing.T) {
	t.Parallel()
	a := open(t, nil)
	id := a.create("")
	many := func(n int, input string) string {
		return inputs(strings.TrimSuffix(strings.Repeat(input+"|", n), "|"))
	}
	split := func(body string) string { return strings.ReplaceAll(body, "|", ",") }
	a.want(400, "POST", v4+"tickets/contacts/batch/create", split(many(2001, linked(id, "101", ofHubspot(16)))))
	a.want(400, "POST", v4+"tickets/contacts/batch/read", split(many(1001, `{"id":"1"}`)))
}

func TestManyTicketsOfOneDeal(t *testing.T) {
	t.Parallel()
	world := smallWorld()
	world.Deals = []sandbox.Seed{{ID: "301", Properties: map[string]string{"dealname": "Big"}}}
	a := open(t, func(o *sandbox.Options) { o.World = world })
	input := strings.TrimSuffix(trace("t", good), "}") + `,"associations":[{"to":{"id":"301"},"types":[` + ofHubspot(28) + `]}]}`
	for range 10 {
		var list []string
		for n := range 100 {
			list = append(list, strings.Replace(input, `"t"`, fmt.Sprintf(`"t%d"`, n), 1))
		}
		a.want(201, "POST", objects+"/batch/create", inputs(list...))
	}
	res := a.want(207, "POST", objects+"/batch/create", inputs(input))
	require.Contains(t, res.at("errors", 0, "message"), "limit of 1000 associations")
}

func TestLabels(t *testing.T) {
	t.Parallel()
	a := open(t, nil)
	type label struct {
		Category string  `json:"category"`
		TypeID   int     `json:"typeId"`
		Label    *string `json:"label"`
	}
	read := func(path string) []label {
		var out struct{ Results []label }
		require.NoError(t, json.Unmarshal([]byte(a.want(200, "GET", path, "").raw), &out))
		return out.Results
	}
	name := func(s string) *string { return &s }
	require.Equal(t, []label{{"HUBSPOT_DEFINED", 16, nil}, {"USER_DEFINED", 1, name("Reporter")}}, read(v4+"tickets/contacts/labels"))
	require.Equal(t, []label{{"HUBSPOT_DEFINED", 15, nil}, {"USER_DEFINED", 2, name("Reporter")}}, read(v4+"contacts/tickets/labels"))

	res := a.want(200, "POST", v4+"tickets/contacts/labels", `{"label":"Boss","name":"boss"}`)
	require.Equal(t, float64(3), res.at("results", 0, "typeId"))
	require.Equal(t, float64(4), res.at("results", 1, "typeId"))
	a.want(204, "PUT", v4+"tickets/contacts/labels", `{"associationTypeId":3,"label":"Chief"}`)
	require.Equal(t, label{"USER_DEFINED", 3, name("Chief")}, read(v4 + "tickets/contacts/labels")[2])
	a.want(204, "DELETE", v4+"tickets/contacts/labels/3", "")
	require.Len(t, read(v4+"tickets/contacts/labels"), 2)
	a.want(404, "DELETE", v4+"tickets/contacts/labels/3", "")
}

func TestInlineAssociations(t *testing.T) {
	t.Parallel()
	a := open(t, nil)
	to := func(id string, types ...string) string {
		return `{"to":{"id":"` + id + `"},"types":[` + strings.Join(types, ",") + `]}`
	}
	create := func(status int, list ...string) answer {
		return a.want(status, "POST", objects, `{"properties":{`+good+`},"associations":[`+strings.Join(list, ",")+`]}`)
	}
	create(201, to("101", reporter), to("101", ofHubspot(16)), to("201", ofHubspot(26)), to("202", ofHubspot(339)))
	require.Equal(t, map[string][]sandbox.Association{
		"contacts":  {{ID: "101", TypeIDs: []int{1, 16}}},
		"companies": {{ID: "201", TypeIDs: []int{26, 339}}, {ID: "202", TypeIDs: []int{339}}},
	}, a.Tickets(false)[0].Associations)

	require.Contains(t, create(400, to("101", ofHubspot(15))).at("message"), "expected: 0-1")
	require.Equal(t, []any{"999"}, create(400, to("999", ofHubspot(16))).at("context", "INVALID_OBJECT_IDS"))
	create(400, to("101"))
	create(400, to("101", ofHubspot(4040)))
	create(400, to("55", ofHubspot(227))) // a note: the type is known, the record is not
	require.Len(t, a.Tickets(false), 1)
}

func TestTicketsLinkedToEachOther(t *testing.T) {
	t.Parallel()
	a := open(t, nil)
	one, two := a.create(""), a.create("")
	a.want(201, "POST", v4+"tickets/tickets/batch/create", inputs(linked(one, two, ofHubspot(452))))
	for near, far := range map[string]string{one: two, two: one} {
		got := a.want(200, "GET", objects+"/"+near+"?associations=tickets", "")
		require.Equal(t, []any{map[string]any{"id": far, "type": "ticket_to_ticket"}}, got.at("associations", "tickets", "results"))
	}
	a.want(204, "DELETE", objects+"/"+two, "")
	require.Nil(t, a.want(200, "GET", objects+"/"+one+"?associations=tickets", "").at("associations"), "archiving hides links")
	require.True(t, a.Restore(two))
	require.NotNil(t, a.want(200, "GET", objects+"/"+one+"?associations=tickets", "").at("associations"))
}

func TestAssociationReports(t *testing.T) {
	t.Parallel()
	a := open(t, nil)
	res := a.want(200, "GET", v4+"definitions/configurations/tickets/companies", "")
	require.Equal(t, float64(26), res.at("results", 0, "typeId"))
	require.Equal(t, float64(1), res.at("results", 0, "userEnforcedMaxToObjectIds"))
	a.want(200, "POST", v4+"usage/high-usage-report/1", "")
	a.want(404, "POST", v4+"usage/other/1", "")
	require.Equal(t, float64(10000), a.want(200, "GET", "/crm/v3/limits/associations/records/0-5/0-1", "").at("limit"))
	labels := a.want(200, "GET", "/crm/v3/limits/associations/labels", "")
	require.Equal(t, float64(1), labels.at("results", 1, "usage"), "contacts have one label")
}
