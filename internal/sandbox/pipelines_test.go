package sandbox_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/internal/sandbox"
)

const (
	pipelines = "/crm/v3/pipelines/tickets"
	returns   = `{"label":"Returns","displayOrder":5,"stages":[{"label":"In","displayOrder":0,"metadata":{"ticketState":"OPEN"}},{"label":"Out","displayOrder":1,"metadata":{"ticketState":"CLOSED"}}]}`
)

func TestPipelineLife(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "account.json")
	reopen := func() *account { return open(t, func(o *sandbox.Options) { o.Data = path }) }
	a := reopen()
	made := a.want(201, "POST", pipelines, returns)
	id, in, out := made.at("id").(string), made.at("stages", 0, "id").(string), made.at("stages", 1, "id").(string)
	require.Equal(t, "2026-11-02T15:00:00Z", made.at("createdAt"))
	require.Equal(t, "true", made.at("stages", 1, "metadata", "isClosed"))
	ticket := a.create(fmt.Sprintf(`"hs_pipeline":%q,"hs_pipeline_stage":%q`, id, out))
	require.NotEmpty(t, a.Tickets(false)[0].Properties["closed_date"])
	require.NotEmpty(t, a.Tickets(false)[0].Properties["hs_v2_date_entered_"+out])

	require.Equal(t, "Rücknahmen", a.want(200, "PATCH", pipelines+"/"+id, `{"label":"Rücknahmen"}`).at("label"))
	stage := a.want(201, "POST", pipelines+"/"+id+"/stages", `{"label":"Check","displayOrder":2,"stageId":"check"}`)
	require.Equal(t, "check", stage.at("id"))
	require.Equal(t, "Checked", a.want(200, "PATCH", pipelines+"/"+id+"/stages/check", `{"label":"Checked"}`).at("label"))
	require.Equal(t, 3, a.want(200, "GET", pipelines+"/"+id+"/stages", "").len("results"))
	require.NoError(t, a.Close())

	a = reopen()
	require.Equal(t, []string{"0", "77", id}, a.want(200, "GET", pipelines, "").names("id"))
	a.want(204, "DELETE", pipelines+"/"+id+"/stages/"+in+"?validateReferencesBeforeDelete=true", "")
	a.want(404, "GET", pipelines+"/"+id+"/stages/"+in, "")
	refusal := a.want(400, "DELETE", pipelines+"/"+id+"?validateReferencesBeforeDelete=true", "")
	require.Equal(t, "PipelineError.STAGE_ID_IN_USE", refusal.at("subCategory"))
	require.Equal(t, []any{out}, refusal.at("context", "stageIds"))
	require.Equal(t, []any{ticket}, refusal.at("context", "objectIds"))
	a.want(400, "DELETE", "/crm/pipelines/2026-09/tickets/"+id, "")
	a.want(204, "DELETE", pipelines+"/"+id, "")
	a.want(404, "GET", pipelines+"/"+id, "")
	a.want(400, "PATCH", objects+"/"+a.create(""), fmt.Sprintf(`{"properties":{"hs_pipeline":%q,"hs_pipeline_stage":%q}}`, id, out))
	require.Empty(t, a.Violations())
}

func TestPipelinesThatAreRefused(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		method, path, body string
		status             int
	}{
		"a label that is taken":             {"POST", "", strings.Replace(returns, "Returns", "Support", 1), 409},
		"a blank label":                     {"POST", "", strings.Replace(returns, "Returns", " ", 1), 400},
		"no stages":                         {"POST", "", `{"label":"X","displayOrder":1}`, 400},
		"two stages of one label":           {"POST", "", strings.Replace(returns, "Out", "In", 1), 409},
		"a state that is none":              {"POST", "", strings.Replace(returns, "CLOSED", "SHUT", 1), 400},
		"an id that is taken":               {"POST", "", strings.Replace(returns, `{"label"`, `{"pipelineId":"77","label"`, 1), 409},
		"a stage whose id is taken":         {"POST", "/77/stages", `{"label":"X","displayOrder":1,"stageId":"771"}`, 409},
		"a stage without order":             {"POST", "/77/stages", `{"label":"X"}`, 400},
		"a stage renamed to another":        {"PATCH", "/77/stages/771", `{"label":"Stage 772"}`, 409},
		"a stage of another pipeline":       {"PATCH", "/77/stages/1", `{"label":"X"}`, 404},
		"a pipeline that is not there":      {"PATCH", "/78", `{"label":"X"}`, 404},
		"a pipeline renamed to another one": {"PUT", "/77", `{"label":"Support"}`, 409},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := open(t, nil)
			before := a.want(200, "GET", pipelines, "").raw
			a.want(tt.status, tt.method, pipelines+tt.path, tt.body)
			require.Equal(t, before, a.want(200, "GET", pipelines, "").raw)
		})
	}
}

func TestPropertyGroups(t *testing.T) {
	t.Parallel()
	a := open(t, nil)
	groups := properties + "/groups"
	a.want(201, "POST", groups, `{"name":"fiscal","label":"Fiscal","displayOrder":3}`)
	require.Equal(t, "OBJECT_ALREADY_EXISTS", a.want(409, "POST", groups, `{"name":"fiscal","label":"X"}`).at("category"))
	a.want(400, "POST", groups, `{"name":"Fiscal!","label":"X"}`)
	require.Equal(t, "Imposto", a.want(200, "PATCH", groups+"/fiscal", `{"label":"Imposto"}`).at("label"))
	require.Equal(t, float64(3), a.want(200, "GET", groups+"/fiscal", "").at("displayOrder"))
	a.want(400, "PATCH", groups+"/fiscal", `{"label":""}`)
	a.want(201, "POST", properties, `{"name":"icms","label":"ICMS","type":"number","fieldType":"number","groupName":"fiscal"}`)
	a.want(400, "DELETE", groups+"/fiscal", "")
	a.want(204, "DELETE", properties+"/icms", "")
	a.want(204, "DELETE", groups+"/fiscal", "")
	a.want(404, "GET", "/crm/properties/2026-03/tickets/groups/fiscal", "")
	a.want(404, "DELETE", groups+"/fiscal", "")
}
