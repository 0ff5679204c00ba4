package main

import (
	"encoding/csv"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/internal/hubspot"
	"github.com/ticketetl/ticketetl/internal/sandbox"
)

// Properties of associated records are columns: a value for each, in the order of
// the ids, each record read once.
func TestExportOfAssociatedProperties(t *testing.T) {
	t.Parallel()
	for name, latency := range map[string]sandbox.Range{"listed": {}, "found by searches": {Min: 20 * time.Millisecond, Max: 30 * time.Millisecond}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t, 21, sandbox.Options{IndexLag: -1, Latency: latency})
			ids := o.create(t, 450)
			values := o.linkAll(t, ids)
			before := o.server.Requests()["POST /crm/v3/objects/{type}/batch/read"]
			more := []string{}
			if name != "listed" {
				more = []string{"--since", "2026-01-01"}
			}
			o.export(t, "out.csv", append(more, "--properties", "contacts.email,companies.name,contacts.firstname", "--associations", "contacts")...)
			require.Contains(t, o.err.String(), "take a further request for up to 100 contacts, and for up to 100 companies.")
			if name == "listed" {
				require.LessOrEqual(t, o.server.Requests()["POST /crm/v3/objects/{type}/batch/read"]-before, 10, "a contact is read once")
			}
			data, err := os.ReadFile(o.path("out.csv"))
			require.NoError(t, err)
			rows, err := csv.NewReader(strings.NewReader(string(data))).ReadAll()
			require.NoError(t, err)
			require.Equal(t, []string{"associations.contacts", "contacts.email", "companies.name", "contacts.firstname"}, rows[0][7:])
			require.Len(t, rows, 451)
			for _, row := range rows[1:] {
				require.Equal(t, values[row[0]], []string{row[7], row[8], row[10]}, row[0])
			}
			require.Equal(t, []string{"contacts.email", "companies.name", "contacts.firstname"}, o.manifest(t, "out.csv").Linked)
			require.Empty(t, o.server.Violations())
		})
	}
}

// linkAll associates the i-th ticket with i%3 contacts, and returns the ids, addresses
// and first names that its columns must have.
func (o *office) linkAll(t *testing.T, tickets []string) map[string][]string {
	t.Helper()
	people, err := o.client.List(t.Context(), "contacts", hubspot.ListQuery{Limit: 40, Properties: []string{"email", "firstname"}})
	require.NoError(t, err)
	values := map[string][]string{}
	var links []hubspot.AssociationWrite
	for i, ticket := range tickets {
		ids, emails, names := []string{}, []string{}, []string{}
		for k := range i % 3 {
			p := people.Results[(i+k*7)%len(people.Results)]
			links = append(links, hubspot.AssociationWrite{FromID: ticket, ToID: p.ID})
			at, _ := slices.BinarySearchFunc(ids, p.ID, strings.Compare)
			ids, emails, names = slices.Insert(ids, at, p.ID), slices.Insert(emails, at, p.Properties["email"]), slices.Insert(names, at, p.Properties["firstname"])
		}
		values[ticket] = []string{strings.Join(ids, ";"), strings.Join(emails, ";"), strings.Join(names, ";")}
	}
	for part := range slices.Chunk(links, 100) {
		_, err = o.client.AssociateDefaultBatch(t.Context(), "tickets", "contacts", part)
		require.NoError(t, err)
	}
	return values
}

func TestExportOfAssociatedPropertiesRefuses(t *testing.T) {
	t.Parallel()
	o := newOffice(t, 22, sandbox.Options{IndexLag: -1})
	for args, want := range map[string]string{
		"--properties contacts.emial":          `contacts have no property "emial" in this account; nearest is "email"`,
		"--properties contact.email":           `"contact" is not one of contacts, companies, deals; nearest is "contacts"`,
		"--properties contacts.email --merge":  "--merge does not see when an associated record has changed",
		"--properties deals.amount --editable": "properties of associated records cannot be imported",
	} {
		o.err.Reset()
		code := o.run(t.Context(), "x", append([]string{"export", "--progress", "none", "-o", o.path("out.xlsx")}, strings.Fields(args)...)...)
		require.Equal(t, exitCannotRun, code, args)
		require.Contains(t, o.err.String(), want)
	}
}
