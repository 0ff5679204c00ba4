package sandbox_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ticketetl/ticketetl/internal/sandbox"
)

// A modelTicket is what a ticket must be like after a series of requests.
type modelTicket struct {
	content  string
	contacts []string
	archived bool
}

// Whatever is sent in whatever order, the account holds what a plain map would,
// a list finds all of it at any page size, and a state file brings it back.
func TestAccountAgainstAModel(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	runs := 0
	rapid.Check(t, func(rt *rapid.T) {
		runs++
		path := filepath.Join(dir, fmt.Sprint(runs))
		a := open(t, func(o *sandbox.Options) { o.Data = path })
		model := map[string]*modelTicket{}
		var ids []string
		for range rapid.IntRange(1, 25).Draw(rt, "requests") {
			if len(ids) == 0 || rapid.IntRange(0, 3).Draw(rt, "new") == 0 {
				id := a.create("")
				ids, model[id] = append(ids, id), &modelTicket{}
				continue
			}
			id := rapid.SampledFrom(ids).Draw(rt, "id")
			change(rt, a, id, model[id])
		}
		requireModel(t, a, model)
		requireAllListed(rt, t, a, model)
		require.NoError(t, a.Close())
		requireModel(t, open(t, func(o *sandbox.Options) { o.Data = path }), model)
	})
}

// change does something to one ticket, in the account and in the model.
func change(rt *rapid.T, a *account, id string, m *modelTicket) {
	contact := rapid.SampledFrom([]string{"101", "102"}).Draw(rt, "contact")
	switch rapid.SampledFrom([]string{"update", "archive", "restore", "link", "unlink"}).Draw(rt, "change") {
	case "update":
		text := rapid.SampledFrom([]string{"", "a", "é\n\"", "x y"}).Draw(rt, "content")
		status := 200
		if m.archived {
			status = 404
		} else {
			m.content = text
		}
		a.want(status, "PATCH", objects+"/"+id, fmt.Sprintf(`{"properties":{"content":%q}}`, text))
	case "archive":
		a.want(204, "DELETE", objects+"/"+id, "")
		m.archived = true
	case "restore":
		require.Equal(a.t, m.archived, a.Restore(id))
		m.archived = false
	case "link":
		if !m.archived {
			a.want(201, "POST", v4+"contacts/tickets/batch/create", inputs(linked(contact, id, ofHubspot(15))))
			if !slices.Contains(m.contacts, contact) {
				m.contacts = append(m.contacts, contact)
			}
		}
	case "unlink":
		if !m.archived {
			a.want(204, "POST", v4+"tickets/contacts/batch/archive", `{"inputs":[{"from":{"id":"`+id+`"},"to":[{"id":"`+contact+`"}]}]}`)
			m.contacts = slices.DeleteFunc(m.contacts, func(c string) bool { return c == contact })
		}
	}
}

func requireModel(t *testing.T, a *account, model map[string]*modelTicket) {
	t.Helper()
	all := append(a.Tickets(false), a.Tickets(true)...)
	require.Len(t, all, len(model))
	for _, ticket := range all {
		m := model[ticket.ID]
		require.Equal(t, m.content, ticket.Properties["content"])
		require.Equal(t, m.archived, ticket.Archived)
		var contacts []string
		for _, c := range ticket.Associations["contacts"] {
			contacts = append(contacts, c.ID)
		}
		require.ElementsMatch(t, m.contacts, contacts)
	}
}

func requireAllListed(rt *rapid.T, t *testing.T, a *account, model map[string]*modelTicket) {
	t.Helper()
	for _, archived := range []bool{false, true} {
		limit := rapid.IntRange(1, 10).Draw(rt, "limit")
		var want, got []string
		for id, m := range model {
			if m.archived == archived {
				want = append(want, id)
			}
		}
		for after := ""; ; {
			page := a.want(200, "GET", fmt.Sprintf("%s?limit=%d&archived=%t&after=%s", objects, limit, archived, after), "")
			got = append(got, page.names("id")...)
			next, more := page.at("paging", "next", "after").(string)
			if !more {
				break
			}
			after = next
		}
		require.ElementsMatch(t, want, got)
		require.True(t, slices.IsSorted(got))
	}
}
