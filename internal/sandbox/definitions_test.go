package sandbox_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/internal/sandbox"
)

const properties = "/crm/v3/properties/tickets"

// names are the texts of one field of all results.
func (r answer) names(field string) []string {
	var out []string
	for i := range r.len("results") {
		out = append(out, r.at("results", i, field).(string))
	}
	return out
}

func TestProperties(t *testing.T) {
	t.Parallel()
	a := open(t, nil)
	usual := a.want(200, "GET", properties, "").names("name")
	require.Contains(t, usual, "subject")
	require.NotContains(t, usual, "gone")
	require.NotContains(t, usual, "secret")
	require.Equal(t, []string{"gone"}, a.want(200, "GET", properties+"?archived=true", "").names("name"))
	require.Equal(t, []string{"secret"}, a.want(200, "GET", properties+"?dataSensitivity=sensitive", "").names("name"))
	require.Equal(t, "enumeration", a.want(200, "GET", properties+"/hs_ticket_priority", "").at("type"))
	a.want(404, "GET", properties+"/nope", "")
	require.Contains(t, a.want(200, "GET", properties+"/groups", "").names("name"), "ticketinformation")

	rules := a.want(200, "GET", "/crm/v3/property-validations/0-5", "")
	require.Equal(t, []string{"effort", "code"}, rules.names("propertyName"))
	require.Equal(t, "MIN_NUMBER", rules.at("results", 0, "propertyValidationRules", 0, "ruleType"))
	require.Equal(t, []any{"0"}, a.want(200, "GET", "/crm/v3/property-validations/0-5/effort/rule-type/MIN_NUMBER", "").at("ruleArguments"))

	contacts := a.want(200, "GET", "/crm/v3/properties/contacts", "")
	for i, name := range contacts.names("name") {
		require.Equal(t, name == "email", contacts.at("results", i, "hasUniqueValue"), name)
	}
}

func TestPropertyLife(t *testing.T) {
	t.Parallel()
	a := open(t, nil)
	const def = `{"name":"color","label":"Color","type":"enumeration","fieldType":"select","groupName":"ticketinformation","options":[{"label":"Red","value":"red"}]}`
	a.want(201, "POST", properties, def)
	conflict := a.want(409, "POST", properties, def)
	require.Equal(t, "Properties.PROPERTY_WITH_NAME_EXISTS", conflict.at("subCategory"))
	id := a.create(`"color":"red"`)
	a.want(200, "PATCH", properties+"/color", `{"options":[{"label":"Blue","value":"blue"}]}`)
	a.want(400, "PATCH", objects+"/"+id, `{"properties":{"color":"red"}}`)
	a.want(400, "PATCH", properties+"/color", `{"hasUniqueValue":true}`)
	a.want(400, "PATCH", properties+"/color", `{"type":"string"}`)
	a.want(204, "DELETE", properties+"/color", "")
	a.want(400, "PATCH", objects+"/"+id, `{"properties":{"color":"blue"}}`)
	a.want(201, "POST", properties, def)
	a.want(200, "PATCH", objects+"/"+id, `{"properties":{"color":"red"}}`)

	require.Empty(t, a.Violations())
	a.want(201, "POST", properties, strings.Replace(def, `"color"`, `"tint","colour":"x"`, 1))
	require.Contains(t, a.Violations()[0], "a field that HubSpot does not define")

	for name, wrong := range map[string]string{
		"name":      strings.Replace(def, `"color"`, `"Color"`, 1),
		"fieldType": strings.Replace(def, `"select"`, `"date"`, 1),
		"group":     strings.Replace(def, "ticketinformation", "nope", 1),
	} {
		require.Equal(t, 400, a.do("POST", properties, wrong).status, name)
	}
	batch := a.want(207, "POST", properties+"/batch/create", `{"inputs":[`+def+`,`+strings.Replace(def, `"color"`, `"shade"`, 1)+`]}`)
	require.Equal(t, 1, batch.len("results"))
	require.Equal(t, 1, a.want(207, "POST", properties+"/batch/read", `{"inputs":[{"name":"shade"},{"name":"nope"}],"archived":false}`).len("results"))
	a.want(204, "POST", properties+"/batch/archive", `{"inputs":[{"name":"shade"}]}`)
	a.want(404, "GET", properties+"/shade", "")

	a.want(204, "PUT", "/crm/v3/property-validations/0-5/content/rule-type/MAX_LENGTH", `{"ruleArguments":["3"]}`)
	a.want(400, "PATCH", objects+"/"+id, `{"properties":{"content":"four"}}`)
	a.want(400, "PUT", "/crm/v3/property-validations/0-5/content/rule-type/NOPE", `{"ruleArguments":[]}`)
}

func TestValidationRules(t *testing.T) {
	t.Parallel()
	tests := []struct {
		property, rule, arguments string
		good, bad                 []string
	}{
		{"content", "ALPHANUMERIC", `"NUMERIC_ONLY"`, []string{"12"}, []string{"1a", "1.2"}},
		{"content", "ALPHANUMERIC", `"ALPHA_ONLY"`, []string{"ação"}, []string{"a1"}},
		{"content", "SPECIAL_CHARACTERS", `"NOT_ALLOWED"`, []string{"ação 1"}, []string{"a!"}},
		{"content", "FORMAT", `"UPPER"`, []string{"AB"}, []string{"Ab"}},
		{"content", "FORMAT", `"LOWER"`, []string{"ab"}, []string{"Ab"}},
		{"content", "FORMAT", `"CAPITALIZATION"`, []string{"Ana Maria"}, []string{"Ana maria"}},
		{"content", "REGEX", `"^a+$","only a"`, []string{"aa"}, []string{"ab", strings.Repeat("a", 1001)}},
		{"content", "MIN_LENGTH", `"2"`, []string{"ãã"}, []string{"ã"}},
		{"tel", "MAX_LENGTH", `"3"`, []string{"123"}, []string{"1234"}},
		{"note", "WHITESPACE", `"TRIM"`, []string{"a b"}, []string{" a"}},
		{"note", "WHITESPACE", ``, []string{"ab"}, []string{"a b"}},
		{"note", "DOMAIN", ``, []string{"a.example"}, []string{"a", "http://a.example"}},
		{"note", "EMAIL", ``, []string{"a@b.example"}, []string{"a", "A <a@b.example>"}},
		{"note", "URL", ``, []string{"https://a.example/x"}, []string{"a.example"}},
		{"note", "EMAIL_ALLOWED_DOMAINS", `"b.example"`, []string{"a@B.example"}, []string{"a@c.example"}},
		{"note", "EMAIL_BLOCKED_DOMAINS", `"b.example"`, []string{"a@c.example"}, []string{"a@B.example"}},
		{"note", "URL_ALLOWED_DOMAINS", `"b.example"`, []string{"https://b.example/x"}, []string{"https://c.example"}},
		{"note", "URL_BLOCKED_DOMAINS", `"b.example"`, []string{"https://c.example"}, []string{"https://b.example"}},
		{"tel", "PHONE_NUMBER_WITH_EXPLICIT_COUNTRY_CODE", ``, []string{"+55 11 5550-0001"}, []string{"11 5550-0001"}},
		{"effort", "MIN_NUMBER", `"2.5"`, []string{"2.50"}, []string{"2.49"}},
		{"effort", "MAX_NUMBER", `"2.5"`, []string{"2.50"}, []string{"2.51", "100000000000000000000"}},
		{"effort", "DECIMAL", `"1"`, []string{"1.5", "2"}, []string{"1.25"}},
		{"due", "START_DATE", `"1709164800000"`, []string{"2024-02-29"}, []string{"2024-02-28"}},
		{"due", "END_DATE", `"1709164800000"`, []string{"2024-02-29"}, []string{"2024-03-01"}},
		{"due", "AFTER_DURATION", `"P1W"`, []string{"2026-11-09"}, []string{"2026-11-08"}},
		{"due", "BEFORE_DURATION", `"P1M"`, []string{"2026-12-02"}, []string{"2026-12-03"}},
		{"seen_at", "START_DATETIME", `"1709164800000"`, []string{"2024-02-29T00:00:00Z"}, []string{"2024-02-28T23:59:59.999Z"}},
		{"seen_at", "END_DATETIME", `"1709164800000"`, []string{"2024-02-29T00:00:00Z"}, []string{"2024-02-29T00:00:00.001Z"}},
		{"seen_at", "AFTER_DATETIME_DURATION", `"-P1D"`, []string{"2026-11-01T03:00:00Z"}, []string{"2026-11-01T02:59:59Z"}},
		{"seen_at", "BEFORE_DATETIME_DURATION", `"P1Y"`, []string{"2027-11-03T02:59:59Z"}, []string{"2027-11-03T03:00:00Z"}},
		{"due", "DAYS_OF_WEEK", `"MONDAY","SUNDAY"`, []string{"2026-11-01"}, []string{"2026-11-03"}},
		{"seen_at", "DAYS_OF_WEEK", `"MONDAY"`, []string{"2026-11-02T10:00:00Z"}, []string{"2026-11-03T10:00:00Z"}},
	}
	for _, tt := range tests {
		t.Run(tt.rule+" "+tt.arguments, func(t *testing.T) {
			t.Parallel()
			a := open(t, nil)
			id := a.create("")
			a.want(204, "PUT", "/crm/v3/property-validations/0-5/"+tt.property+"/rule-type/"+tt.rule, `{"ruleArguments":[`+tt.arguments+`]}`)
			for _, value := range tt.good {
				a.want(200, "PATCH", objects+"/"+id, `{"properties":{"`+tt.property+`":"`+value+`"}}`)
			}
			for _, value := range tt.bad {
				res := a.want(400, "PATCH", objects+"/"+id, `{"properties":{"`+tt.property+`":"`+value+`"}}`)
				require.Equal(t, "INVALID_CUSTOM_PROPERTY_VALIDATION", res.at("errors", 0, "code"), value)
			}
		})
	}
}

func TestPipelinesOwnersAccount(t *testing.T) {
	t.Parallel()
	a := open(t, nil)
	pipelines := a.want(200, "GET", "/crm/v3/pipelines/tickets", "")
	require.Equal(t, []string{"0", "77"}, pipelines.names("id"))
	require.Equal(t, "CLOSED", pipelines.at("results", 0, "stages", 1, "metadata", "ticketState"))
	require.Equal(t, "Stage 771", a.want(200, "GET", "/crm/v3/pipelines/0-5/77/stages/771", "").at("label"))
	a.want(404, "GET", "/crm/v3/pipelines/tickets/9", "")

	page := a.want(200, "GET", "/crm/v3/owners?limit=1", "")
	require.Equal(t, []string{"501"}, page.names("id"))
	require.Equal(t, []string{"502"}, a.want(200, "GET", "/crm/v3/owners?limit=1&after="+page.at("paging", "next", "after").(string), "").names("id"))
	require.Equal(t, []string{"502"}, a.want(200, "GET", "/crm/v3/owners?email=B@example.com", "").names("id"))
	archived := a.want(200, "GET", "/crm/v3/owners?archived=true", "")
	require.Equal(t, []string{"503"}, archived.names("id"))
	require.Nil(t, archived.at("results", 0, "userId"))
	require.Equal(t, "501", a.want(200, "GET", "/crm/v3/owners/9001?idProperty=userId", "").at("id"))
	a.want(404, "GET", "/crm/v3/owners/9001", "")

	details := a.want(200, "GET", "/account-info/v3/details", "")
	require.Equal(t, float64(4711), details.at("portalId"))
	require.Equal(t, "-03:00", details.at("utcOffset"))
	require.Nil(t, details.at("portalName"))
	require.Equal(t, "Sandbox", a.want(200, "GET", "/account-info/2026-09/details", "").at("portalName"))
}

func TestContactsCompaniesDeals(t *testing.T) {
	t.Parallel()
	a := open(t, nil)
	found := a.want(200, "POST", "/crm/v3/objects/companies/search", `{"filterGroups":[{"filters":[{"propertyName":"domain","operator":"IN","values":["one.example","none.example"]}]}],"properties":["domain"]}`)
	require.Equal(t, []string{"201"}, found.names("id"))
	made := a.want(201, "POST", "/crm/v3/objects/contacts", `{"properties":{"email":"novo@example.com"}}`)
	require.Equal(t, "novo@example.com", made.at("properties", "email"))
	a.want(409, "POST", "/crm/v3/objects/contacts", `{"properties":{"email":"NOVO@example.com"}}`)
	a.want(201, "POST", "/crm/v3/objects/deals/batch/create", inputs(trace("a", `"dealname":"D"`)))
}

func TestDataFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "account.json")
	reopen := func() *account { return open(t, func(o *sandbox.Options) { o.Data = path }) }
	a := reopen()
	id, other := a.create(`"content":"old","external_id":"k"`), a.create("")
	a.want(200, "PATCH", objects+"/"+id, `{"properties":{"content":"new"}}`)
	a.want(201, "POST", v4+"tickets/contacts/batch/create", inputs(linked(id, "101", reporter)))
	a.want(201, "POST", v4+"tickets/tickets/batch/create", inputs(linked(id, other, ofHubspot(452))))
	a.want(201, "POST", properties, `{"name":"color","label":"Color","type":"string","fieldType":"text","groupName":"ticketinformation"}`)
	third := a.create(`"color":"red"`)
	a.want(204, "DELETE", objects+"/"+third, "")
	require.NoError(t, a.Close())

	b := reopen()
	require.Equal(t, a.Tickets(false), b.Tickets(false))
	require.Equal(t, a.Tickets(true), b.Tickets(true))
	require.Equal(t, 2, b.want(200, "GET", objects+"/"+id+"?propertiesWithHistory=content", "").len("propertiesWithHistory", "content"))
	b.want(409, "POST", objects, `{"properties":{`+good+`,"external_id":"k"}}`)
	require.NotContains(t, []string{id, other, third}, b.create(""))
	require.NoError(t, b.Close())
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}

func TestDataFileOfSomethingElse(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"hello":                      "not the state of a sandbox account",
		`{"version":9}`:              "version 9 of the state is not 1",
		`{"version":1,"portalId":5}`: "the state is that of account 5, not of 4711; use another file",
	} {
		path := filepath.Join(t.TempDir(), "x.json")
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		_, err := sandbox.New(sandbox.Options{World: smallWorld(), Data: path})
		require.ErrorContains(t, err, want)
	}
}

func TestWorldsThatContradictThemselves(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*sandbox.World){
		`property "subject" is defined twice`:                     func(w *sandbox.World) { w.Schema.Properties = append(w.Schema.Properties, w.Schema.Properties[0]) },
		`id of one of the contacts: "x" is not a decimal number`:  func(w *sandbox.World) { w.Contacts[0].ID = "x" },
		"contacts: id 102 is there twice":                         func(w *sandbox.World) { w.Contacts[0].ID = "102" },
		`validation rules for unknown property "nope"`:            func(w *sandbox.World) { w.Schema.Rules["nope"] = w.Schema.Rules["code"] },
		`unknown property "nope" is required, or requires others`: func(w *sandbox.World) { w.Required = []string{"nope"} },
		"time zone of the account":                                func(w *sandbox.World) { w.Schema.Account.TimeZone = "Mars/Base" },
	} {
		world := smallWorld()
		change(world)
		_, err := sandbox.New(sandbox.Options{World: world})
		require.ErrorContains(t, err, want)
	}
}

func TestDefaultWorldOpens(t *testing.T) {
	t.Parallel()
	s, err := sandbox.New(sandbox.Options{})
	require.NoError(t, err)
	require.NoError(t, s.Close())
}

// Whatever the body, there is an answer, and nothing is stored of a bad one.
func FuzzBatchCreate(f *testing.F) {
	for _, seed := range []string{inputs(trace("a", good)), inputs(plainInput(bad)), `[]`, `{"inputs":null}`, `{"inputs":[{"properties":{"subject":"\ud800"}}]}`, "{\"inputs\":[{\"properties\":{\"subject\":\"\xff\"}}]}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		a := open(t, nil)
		if body == "" {
			return
		}
		res := a.do("POST", objects+"/batch/create", body)
		require.Contains(t, []int{201, 207, 400, 409}, res.status, res.raw)
		require.Len(t, a.Tickets(false), res.len("results"))
	})
}

func TestLimitsOfTheAccount(t *testing.T) {
	t.Parallel()
	a := open(t, nil)
	a.create("")
	for path, want := range map[string]float64{"records": 1, "custom-properties": 17, "calculated-properties": 1} {
		res := a.want(200, "GET", "/crm/v3/limits/"+path, "")
		require.Equal(t, "0-5", res.at("results", 0, "objectTypeId"))
		require.Equal(t, want, res.at("results", 0, "usage"), path)
	}
	require.Equal(t, float64(2), a.want(200, "GET", "/crm/v3/limits/pipelines", "").at("results", 0, "usage"))
	a.want(200, "GET", "/crm/v3/limits/custom-object-types", "")
}

func TestDataFileKeepsRulesAndMerges(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "account.json")
	reopen := func() *account { return open(t, func(o *sandbox.Options) { o.Data = path }) }
	a := reopen()
	one, two := a.create(`"external_id":"k"`), a.create("")
	merged := a.want(200, "POST", objects+"/merge", `{"primaryObjectId":"`+one+`","objectIdToMerge":"`+two+`"}`).at("id")
	a.want(204, "PUT", "/crm/v3/property-validations/0-5/content/rule-type/MAX_LENGTH", `{"ruleArguments":["3"]}`)
	require.NoError(t, a.Close())

	b := reopen()
	require.Equal(t, merged, b.want(200, "GET", objects+"/"+two, "").at("id"))
	require.Equal(t, merged, b.want(200, "GET", objects+"/k?idProperty=external_id", "").at("id"))
	b.want(400, "POST", objects, `{"properties":{`+good+`,"content":"four"}}`)
}
