package sandbox_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/internal/sandbox"
)

func switched(t *testing.T, names string) *account {
	t.Helper()
	s, err := sandbox.ParseSwitches(names)
	require.NoError(t, err)
	return open(t, func(o *sandbox.Options) { o.Switches = s })
}

func TestParseSwitches(t *testing.T) {
	t.Parallel()
	s, err := sandbox.ParseSwitches(" retry-after, 2026-09,")
	require.NoError(t, err)
	require.Equal(t, sandbox.Switches{RetryAfter: true, Version2026_09: true}, s)
	seen := map[sandbox.Switches]string{}
	for _, name := range sandbox.SwitchNames() {
		s, err := sandbox.ParseSwitches(name)
		require.NoError(t, err)
		require.Empty(t, seen[s], "%s and %s are one switch", name, seen[s])
		seen[s] = name
	}
	require.Len(t, seen, 18)
	_, err = sandbox.ParseSwitches("retry-after,nope")
	require.ErrorContains(t, err, `switch "nope" is not one of 2026-09, update-whole-batch,`)
}

// Each case goes through an account without the switch and one with it.
func TestSwitches(t *testing.T) {
	t.Parallel()
	tests := map[string]func(t *testing.T, a *account, on bool){
		"token-cursor": func(t *testing.T, a *account, on bool) {
			first, second := a.create(`"subject":"a"`), a.create(`"subject":"b"`)
			cursor := a.do("GET", objects+"?limit=1", "").at("paging", "next", "after").(string)
			require.Equal(t, on, cursor != second, cursor)
			require.Equal(t, second, a.do("GET", objects+"?limit=1&after="+cursor, "").at("results", 0, "id"))
			require.Equal(t, pick(on, 400, 200), a.do("GET", objects+"?after="+first, "").status)
		},
		"last-cursor": func(t *testing.T, a *account, on bool) {
			first, second := a.create(`"subject":"a"`), a.create(`"subject":"b"`)
			cursor := a.do("GET", objects+"?limit=1", "").at("paging", "next", "after").(string)
			require.Equal(t, pick(on, first, second), cursor)
			require.Equal(t, second, a.do("GET", objects+"?limit=1&after="+cursor, "").at("results", 0, "id"))
		},
		"archive-unknown-404": func(t *testing.T, a *account, on bool) {
			require.Equal(t, pick(on, 404, 204), a.do("DELETE", objects+"/123", "").status)
			id := a.create("")
			res := a.do("POST", objects+"/batch/archive", inputs(`{"id":"`+id+`"}`, `{"id":"123"}`))
			require.Equal(t, pick(on, 207, 204), res.status)
			if on {
				require.Equal(t, []any{"123"}, res.at("errors", 0, "context", "ids"))
			}
			require.Len(t, a.Tickets(true), 1)
		},
		"archived-frees-unique": func(t *testing.T, a *account, on bool) {
			a.want(204, "DELETE", objects+"/"+a.create(`"external_id":"k"`), "")
			require.Equal(t, pick(on, 201, 409), a.do("POST", objects, `{"properties":{`+good+`,"external_id":"k"}}`).status)
		},
		"unique-folded": func(t *testing.T, a *account, on bool) {
			a.create(`"external_id":"k"`)
			require.Equal(t, pick(on, 409, 201), a.do("POST", objects, `{"properties":{`+good+`,"external_id":" K"}}`).status)
		},
		"no-upsert-key": func(t *testing.T, a *account, on bool) {
			a.want(200, "POST", objects+"/batch/upsert", inputs(`{"id":"k","idProperty":"external_id","objectWriteTraceId":"t","properties":{`+good+`}}`))
			require.Equal(t, pick(on, "", "k"), a.Tickets(false)[0].Properties["external_id"])
		},
		"collapse-reads": func(t *testing.T, a *account, on bool) {
			id := a.create("")
			res := a.do("POST", objects+"/batch/read", `{"properties":[],"propertiesWithHistory":[],"inputs":[{"id":"`+id+`"},{"id":"`+id+`"}]}`)
			require.Equal(t, pick(on, 200, 400), res.status)
			require.Equal(t, pick(on, 1, 0), res.len("results"))
		},
		"refuse-archived-owner": func(t *testing.T, a *account, on bool) {
			require.Equal(t, pick(on, 400, 201), a.do("POST", objects, `{"properties":{`+good+`,"hubspot_owner_id":"503"}}`).status)
		},
		"closed-now": func(t *testing.T, a *account, on bool) {
			a.create(`"hs_pipeline_stage":"4","closed_date":"2024-01-01T00:00:00Z"`)
			require.Equal(t, pick(on, "2026-11-02T15:00:00Z", "2024-01-01T00:00:00Z"), a.Tickets(false)[0].Properties["closed_date"])
		},
		"reopen-clears-closed": func(t *testing.T, a *account, on bool) {
			id := a.create(`"hs_pipeline_stage":"4"`)
			a.want(200, "PATCH", objects+"/"+id, `{"properties":{"hs_pipeline_stage":"1"}}`)
			require.Equal(t, pick(on, "", "2026-11-02T15:00:00Z"), a.Tickets(false)[0].Properties["closed_date"])
			require.Equal(t, "2026-11-02T15:00:00Z", a.Tickets(false)[0].Properties["hs_ticket_reopened_at"])
		},
		"cleared-is-null": func(t *testing.T, a *account, on bool) {
			id := a.create(`"content":"x"`)
			a.want(200, "PATCH", objects+"/"+id, `{"properties":{"content":""}}`)
			got := a.want(200, "GET", objects+"/"+id+"?properties=content", "").at("properties", "content")
			require.Equal(t, pick[any](on, nil, ""), got)
		},
		"string-ids": func(t *testing.T, a *account, on bool) {
			id := a.create("")
			a.want(201, "POST", v4+"tickets/contacts/batch/create", inputs(linked(id, "101", reporter)))
			got := a.want(200, "GET", "/crm/v4/objects/tickets/"+id+"/associations/contacts", "").at("results", 0, "toObjectId")
			require.Equal(t, pick[any](on, "101", float64(101)), got)
		},
		"auto-company": func(t *testing.T, a *account, on bool) {
			id := a.create("")
			a.want(201, "POST", v4+"tickets/contacts/batch/create", inputs(linked(id, "101", reporter)))
			require.Len(t, a.Tickets(false)[0].Associations["companies"], pick(on, 1, 0))
		},
	}
	for name, check := range tests {
		for _, on := range []bool{false, true} {
			t.Run(name+pick(on, " on", " off"), func(t *testing.T) {
				t.Parallel()
				check(t, switched(t, pick(on, name, "")), on)
			})
		}
	}
}

func pick[T any](on bool, with, without T) T {
	if on {
		return with
	}
	return without
}
