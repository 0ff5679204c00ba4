package sandbox_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/internal/sandbox"
)

// inDefaultWorld is an account that has all of HubSpot's own properties.
func inDefaultWorld(t *testing.T) *account {
	return open(t, func(o *sandbox.Options) { o.World = sandbox.DefaultWorld() })
}

func TestAnswerToACreateHoldsWhatHubSpotComputes(t *testing.T) {
	t.Parallel()
	a := inDefaultWorld(t)
	made := a.want(201, "POST", objects, `{"properties":{`+good+`}}`)
	id := made.at("id")
	for name, want := range map[string]any{
		"hs_ticket_id": id, "hs_object_id": id, "hs_object_source": "INTEGRATION", "hs_object_source_label": "INTEGRATION",
		"hs_last_message_from_visitor": "false", "hs_helpdesk_sort_timestamp": "2026-11-02T15:00:00Z",
		"createdate": "2026-11-02T15:00:00Z", "hs_lastmodifieddate": "2026-11-02T15:00:00Z", "hs_pipeline": "0", "subject": "S",
	} {
		require.Equal(t, want, made.at("properties", name), name)
	}
}

func TestStageDates(t *testing.T) {
	t.Parallel()
	a := inDefaultWorld(t)
	id := a.create("")
	a.now = a.now.Add(time.Hour)
	a.want(200, "PATCH", objects+"/"+id, `{"properties":{"hs_pipeline_stage":"4"}}`)
	a.now = a.now.Add(time.Hour)
	a.want(200, "PATCH", objects+"/"+id, `{"properties":{"hs_pipeline_stage":"2"}}`)
	got := a.Tickets(false)[0].Properties
	for name, want := range map[string]string{
		"hs_v2_date_entered_1": "2026-11-02T15:00:00Z", "hs_v2_date_exited_1": "2026-11-02T16:00:00Z",
		"hs_v2_date_entered_4": "2026-11-02T16:00:00Z", "hs_v2_date_exited_4": "2026-11-02T17:00:00Z",
		"hs_v2_date_entered_2": "2026-11-02T17:00:00Z", "hs_v2_date_exited_2": "",
		"closed_date": "2026-11-02T16:00:00Z", "hs_last_closed_date": "2026-11-02T16:00:00Z",
		"time_to_close": "3600000", "hs_ticket_reopened_at": "2026-11-02T17:00:00Z",
	} {
		require.Equal(t, want, got[name], name)
	}
}

func TestPrimaryCompanyIsRolledUp(t *testing.T) {
	t.Parallel()
	a := inDefaultWorld(t)
	world := sandbox.DefaultWorld()
	id := a.create("")
	a.want(201, "POST", v4+"tickets/companies/batch/create", inputs(
		linked(id, world.Companies[0].ID, ofHubspot(339)), linked(id, world.Companies[1].ID, ofHubspot(26))))
	got := a.Tickets(false)[0].Properties
	require.Equal(t, "2", got["hs_num_associated_companies"])
	require.Equal(t, world.Companies[1].ID, got["hs_primary_company_id"])
	require.Equal(t, world.Companies[1].Properties["name"], got["hs_primary_company_name"])
}

func TestHistorySaysWhoWroteIt(t *testing.T) {
	t.Parallel()
	a := open(t, nil)
	id := a.create(`"content":"old"`)
	a.want(200, "PATCH", objects+"/"+id, `{"properties":{"content":"new"}}`)
	got := a.want(200, "GET", objects+"/"+id+"?propertiesWithHistory=content", "")
	require.Equal(t, "new", got.at("propertiesWithHistory", "content", 0, "value"), "the newest first")
	require.Equal(t, map[string]any{"value": "old", "timestamp": "2026-11-02T15:00:00Z", "sourceType": "INTEGRATION",
		"sourceId": "sandbox", "sourceLabel": "Sandbox", "updatedByUserId": nil}, got.at("propertiesWithHistory", "content", 1))
}

func TestRichTextIsSanitized(t *testing.T) {
	t.Parallel()
	a := open(t, nil)
	for sent, want := range map[string]string{
		"<p>Olá <b>você</b></p>":                       "<p>Olá <b>você</b></p>",
		"<p>a</p><script>alert(1)</script><p>b</p>":    "<p>a</p><p>b</p>",
		"<STYLE>p{}</STYLE>x<iframe src='y'></iframe>": "x",
		"<img src='a' onerror='alert(1)'>":             "<img src='a'>",
		"a <script> that never ends":                   "a ",
		"1 < 2, only = 3 and more > less":              "1 < 2, only = 3 and more > less",
	} {
		made := a.want(201, "POST", objects, `{"properties":{`+good+`,"rich":"`+sent+`"}}`)
		require.Equal(t, want, made.at("properties", "rich"))
	}
}

// One row that is bad in the way of the row before it adds nothing to errors[].
func TestErrorsOfABatchMayBeShorterThanItsMessage(t *testing.T) {
	t.Parallel()
	a := open(t, nil)
	row := plainInput(good + `,"effort":"x"`)
	res := a.want(400, "POST", objects+"/batch/create", inputs(row, row, plainInput(good+`,"effort":"y"`)))
	require.Equal(t, 3, strings.Count(res.at("message").(string), `"error":"INVALID_INTEGER"`))
	require.Equal(t, 2, res.len("errors"))
}

func TestPropertiesThatAreAskedFor(t *testing.T) {
	t.Parallel()
	a := open(t, nil)
	require.Equal(t, []string{"content", "effort"}, a.want(200, "GET", properties+"?properties=effort,content,nope", "").names("name"))
	made := a.want(201, "POST", properties, `{"name":"color","label":"Color","type":"string","fieldType":"text","groupName":"ticketinformation"}`)
	require.Equal(t, "2026-11-02T15:00:00Z", made.at("createdAt"))
	a.now = a.now.Add(time.Minute)
	changed := a.want(200, "PATCH", properties+"/color", `{"displayOrder":4,"formField":true,"textDisplayHint":"multi_line"}`)
	require.Equal(t, []any{"2026-11-02T15:01:00Z", float64(4), "multi_line"}, []any{changed.at("updatedAt"), changed.at("displayOrder"), changed.at("textDisplayHint")})
	require.Equal(t, 1, a.want(200, "POST", properties+"/batch/read", `{"inputs":[{"name":"secret"}],"archived":false,"dataSensitivity":"sensitive"}`).len("results"))
	require.Empty(t, a.Violations())
}

func TestOAuthCodesAndTokens(t *testing.T) {
	t.Parallel()
	a := open(t, nil)
	grant := func(form url.Values) answer {
		req, err := http.NewRequestWithContext(t.Context(), "POST", "http://sandbox/oauth/2026-03/token", strings.NewReader(form.Encode()))
		require.NoError(t, err)
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		return a.send(req)
	}
	form := url.Values{"grant_type": {"authorization_code"}, "client_id": {"c"}, "client_secret": {"s"}, "code": {"x"}}
	require.Equal(t, "MISSING_REDIRECT_URI", grant(form).at("status"))
	form.Set("redirect_uri", "https://example.org/back")
	got := grant(form)
	require.Equal(t, 200, got.status, got.raw)
	token := got.at("access_token").(string)
	require.NotEmpty(t, got.at("refresh_token"))
	a.now = a.now.Add(10 * time.Minute)
	require.Equal(t, float64(1200), a.want(200, "GET", "/oauth/v1/access-tokens/"+token, "").at("expires_in"))
	a.now = a.now.Add(time.Hour)
	a.want(404, "GET", "/oauth/v1/access-tokens/"+token, "")
}
