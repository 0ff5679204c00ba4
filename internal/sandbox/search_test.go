package sandbox_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/internal/sandbox"
)

func TestSearch(t *testing.T) {
	t.Parallel()
	a := open(t, nil)
	names := map[string]string{}
	for name, properties := range map[string]string{
		"low":   `"subject":"Printer on fire","hs_pipeline_stage":"1","hs_ticket_priority":"LOW","effort":"9","createdate":"2024-01-01T00:00:00Z","hs_ticket_category":"A;B"`,
		"high":  `"subject":"Printer cold","hs_pipeline_stage":"1","hs_ticket_priority":"HIGH","effort":"10","createdate":"2024-02-01T00:00:00Z","due":"2024-05-01"`,
		"other": `"subject":"Screen","hs_pipeline_stage":"4","createdate":"2024-03-01T00:00:00Z"`,
	} {
		names[a.create(properties)] = name
	}
	for id, name := range names {
		if name == "high" {
			a.want(201, "POST", v4+"tickets/contacts/batch/create", inputs(linked(id, "101", ofHubspot(16))))
		}
	}
	filter := func(text string) string { return `"filterGroups":[{"filters":[{` + text + `}]}]` }
	tests := []struct{ name, body, want string }{
		{"everything, oldest first", ``, "low high other"},
		{"EQ", filter(`"propertyName":"hs_ticket_priority","operator":"EQ","value":"HIGH"`), "high"},
		{"EQ of an option in another case", filter(`"propertyName":"hs_ticket_priority","operator":"EQ","value":"high"`), ""},
		{"EQ of text in another case", filter(`"propertyName":"subject","operator":"EQ","value":"SCREEN"`), "other"},
		{"EQ of a multiple option", filter(`"propertyName":"hs_ticket_category","operator":"EQ","value":"B"`), "low"},
		{"NEQ", filter(`"propertyName":"hs_ticket_priority","operator":"NEQ","value":"HIGH"`), "low"},
		{"GT of numbers", filter(`"propertyName":"effort","operator":"GT","value":"9"`), "high"},
		{"LTE of numbers", filter(`"propertyName":"effort","operator":"LTE","value":"9.0"`), "low"},
		{"GTE of dates in milliseconds", filter(`"propertyName":"due","operator":"GTE","value":"1714521600000"`), "high"},
		{"BETWEEN", filter(`"propertyName":"createdate","operator":"BETWEEN","value":"1704067200000","highValue":"1706745600000"`), "low high"},
		{"IN", filter(`"propertyName":"hs_ticket_priority","operator":"IN","values":["LOW","HIGH"]`), "low high"},
		{"NOT_IN", filter(`"propertyName":"hs_ticket_priority","operator":"NOT_IN","values":["LOW"]`), "high"},
		{"HAS_PROPERTY", filter(`"propertyName":"effort","operator":"HAS_PROPERTY"`), "low high"},
		{"NOT_HAS_PROPERTY", filter(`"propertyName":"effort","operator":"NOT_HAS_PROPERTY"`), "other"},
		{"CONTAINS_TOKEN", filter(`"propertyName":"subject","operator":"CONTAINS_TOKEN","value":"printer"`), "low high"},
		{"CONTAINS_TOKEN with a star", filter(`"propertyName":"subject","operator":"CONTAINS_TOKEN","value":"scr*"`), "other"},
		{"NOT_CONTAINS_TOKEN", filter(`"propertyName":"subject","operator":"NOT_CONTAINS_TOKEN","value":"printer"`), "other"},
		{"an association", filter(`"propertyName":"associations.contact","operator":"EQ","value":"101"`), "high"},
		{"groups are alternatives", `"filterGroups":[{"filters":[{"propertyName":"effort","operator":"EQ","value":"9"}]},{"filters":[{"propertyName":"hs_pipeline_stage","operator":"EQ","value":"4"}]}]`, "low other"},
		{"filters of a group all hold", `"filterGroups":[{"filters":[{"propertyName":"effort","operator":"HAS_PROPERTY"},{"propertyName":"effort","operator":"LT","value":"10"}]}]`, "low"},
		{"filters at the top", `"filters":[{"propertyName":"effort","operator":"EQ","value":"9"}]`, "low"},
		{"a query", `"query":"printer fire"`, "low"},
		{"sorted down by an object", `"sorts":[{"propertyName":"effort","direction":"DESCENDING"}]`, "high low other"},
		{"sorted by a text", `"sorts":["subject"]`, "high low other"},
		{"sorted down by a text", `"sorts":["-createdate"]`, "other high low"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			res := a.want(200, "POST", objects+"/search", `{`+tt.body+`}`)
			var got []string
			for i := range res.len("results") {
				got = append(got, names[res.at("results", i, "id").(string)])
			}
			require.Equal(t, tt.want, strings.Join(got, " "))
			require.Equal(t, float64(len(got)), res.at("total"))
			require.Empty(t, res.header.Get("X-Hubspot-Ratelimit-Max"), "searches have no rate headers")
		})
	}
	require.Empty(t, a.Violations())
}

func TestSearchLimits(t *testing.T) {
	t.Parallel()
	one := `{"propertyName":"subject","operator":"EQ","value":"x"}`
	group := func(n int) string { return `{"filters":[` + strings.TrimSuffix(strings.Repeat(one+",", n), ",") + `]}` }
	groups := func(list ...string) string { return `{"filterGroups":[` + strings.Join(list, ",") + `]}` }
	tests := []struct {
		name, body string
		status     int
	}{
		{"200 a page", `{"limit":200}`, 200},
		{"201 a page", `{"limit":201}`, 400},
		{"up to 10,000", `{"limit":200,"after":"9800"}`, 200},
		{"beyond 10,000", `{"limit":200,"after":"9801"}`, 400},
		{"cursor of a list", `{"after":"x1"}`, 400},
		{"5 groups", groups(group(1), group(1), group(1), group(1), group(1)), 200},
		{"6 groups", groups(group(1), group(1), group(1), group(1), group(1), group(1)), 400},
		{"6 filters", groups(group(6)), 200},
		{"7 filters", groups(group(7)), 400},
		{"18 filters", groups(group(6), group(6), group(6)), 200},
		{"19 filters", groups(group(6), group(6), group(6), group(1)), 400},
		{"two sorts", `{"sorts":["subject","content"]}`, 400},
		{"a sort by nothing known", `{"sorts":["nope"]}`, 400},
		{"an unknown property", `{"filters":[{"propertyName":"nope","operator":"EQ","value":"x"}]}`, 400},
		{"an unknown operator", `{"filters":[{"propertyName":"subject","operator":"LIKE","value":"x"}]}`, 400},
		{"no value", `{"filters":[{"propertyName":"subject","operator":"EQ"}]}`, 400},
		{"half of BETWEEN", `{"filters":[{"propertyName":"effort","operator":"BETWEEN","value":"1"}]}`, 400},
		{"IN without values", `{"filters":[{"propertyName":"subject","operator":"IN","value":"x"}]}`, 400},
		{"3,001 characters", `{"query":"` + strings.Repeat("x", 3001) + `"}`, 400},
		{"a date-time of exactly 0", `{"filters":[{"propertyName":"createdate","operator":"GT","value":"0"}]}`, 500},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			open(t, nil).want(tt.status, "POST", objects+"/search", tt.body)
		})
	}
}

func TestSearchPagesByOffset(t *testing.T) {
	t.Parallel()
	a := open(t, nil)
	for range 5 {
		a.create("")
	}
	first := a.want(200, "POST", objects+"/search", `{"limit":2}`)
	require.Equal(t, "2", first.at("paging", "next", "after"))
	last := a.want(200, "POST", objects+"/search", `{"limit":2,"after":"4"}`)
	require.Equal(t, 1, last.len("results"))
	require.Nil(t, last.at("paging"))
}

func TestSearchLagsBehind(t *testing.T) {
	t.Parallel()
	a := open(t, func(o *sandbox.Options) { o.IndexLag = 30 * time.Second })
	total := func(value string) float64 {
		return a.want(200, "POST", objects+"/search", fmt.Sprintf(`{"filters":[{"propertyName":"content","operator":"EQ","value":%q}]}`, value)).at("total").(float64)
	}
	id := a.create(`"content":"one"`)
	require.Zero(t, total("one"))
	a.now = a.now.Add(20 * time.Second)
	a.want(200, "PATCH", objects+"/"+id, `{"properties":{"content":"two"}}`)
	a.now = a.now.Add(10 * time.Second)
	require.Equal(t, float64(1), total("one"))
	require.Zero(t, total("two"))
	a.now = a.now.Add(20 * time.Second)
	require.Zero(t, total("one"))
	require.Equal(t, float64(1), total("two"))
	a.want(204, "DELETE", objects+"/"+id, "")
	require.Equal(t, float64(1), total("two"))
	a.now = a.now.Add(30 * time.Second)
	require.Zero(t, total("two"))
}
