package transform_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/etl/transform"
)

// backwards turns a mapping round and writes one ticket with it.
func backwards(t require.TestingT, mapping string, opts transform.BackwardsOptions, stored map[string]string, links ...string) (map[string]string, *transform.Export, *transform.Backwards) {
	m, err := transform.Parse("desk.yaml", []byte(mapping))
	require.NoError(t, err)
	b, err := transform.NewBackwards(m, account(), opts)
	require.NoError(t, err)
	names := []string{"hs_object_id"}
	row := []string{"77"}
	for _, p := range b.Properties() {
		names, row = append(names, p), append(row, stored[p])
	}
	var columns []string
	for i := range b.Links() {
		columns = append(columns, fmt.Sprint("link", i))
	}
	e := b.Export(etl.NewHeader(append(names, columns...)), columns)
	rec := &etl.Record{Key: "77", Fields: append(row, links...)}
	skip, problems := e.Apply(rec)
	require.False(t, skip)
	require.Empty(t, problems)
	cells := map[string]string{}
	for _, p := range rec.Properties {
		cells[p.Name] = p.Value
	}
	return cells, e, b
}

func TestBackwards(t *testing.T) {
	t.Parallel()
	const head = "version: 1\noperation: update\nkey: {property: hs_object_id, column: Id}\n"
	tests := []struct {
		name, mapping string
		stored        map[string]string
		links         []string
		want          map[string]string
		unlike        string // what is counted; empty: nothing
		typed         bool
	}{
		{name: "the key is the id", mapping: "properties: {subject: S}", stored: map[string]string{"subject": "x"}, want: map[string]string{"Id": "77", "S": "x"}},
		{name: "a label", mapping: "properties: {hs_ticket_priority: P}", stored: map[string]string{"hs_ticket_priority": "HIGH"}, want: map[string]string{"P": "High"}},
		{name: "labels that differ only in case", mapping: "properties: {product: P}", stored: map[string]string{"product": "p2"}, want: map[string]string{"P": "alpha"}},
		{name: "a label that is another one's value", mapping: "properties: {crossed: P}", stored: map[string]string{"crossed": "1"}, want: map[string]string{"P": "2 (1)"}},
		{name: "a table", mapping: "properties: {hs_ticket_priority: {column: P, values: {P1: High, P2: LOW}}}", stored: map[string]string{"hs_ticket_priority": "LOW"}, want: map[string]string{"P": "P2"}},
		{name: "a value that the table lacks", mapping: "properties: {hs_ticket_priority: {column: P, values: {P1: High}}}", stored: map[string]string{"hs_ticket_priority": "LOW"},
			want: map[string]string{"P": "Low"}, unlike: `column "P" (hs_ticket_priority): an import would reject the row (NOT_IN_TABLE)`},
		{name: "kept as it is", mapping: "properties: {hs_ticket_priority: {column: P, values: {P1: High}, otherwise: keep}}", stored: map[string]string{"hs_ticket_priority": "LOW"}, want: map[string]string{"P": "Low"}},
		{name: "a text of the table that is another label", mapping: "properties: {hs_ticket_priority: {column: P, values: {Low: High}, otherwise: keep}}", stored: map[string]string{"hs_ticket_priority": "LOW"},
			want: map[string]string{"P": "Low"}, unlike: "hs_ticket_priority: an import would write another value than the ticket has"},
		{name: "a default for what is empty", mapping: "properties: {hs_ticket_priority: {column: P, default: LOW}}", want: map[string]string{"P": ""},
			unlike: "hs_ticket_priority: an import would write another value than the ticket has"},
		{name: "several options", mapping: `properties: {hs_ticket_category: {column: C, split: "|", values: {Bug: PRODUCT_ISSUE}, otherwise: keep}}`,
			stored: map[string]string{"hs_ticket_category": "PRODUCT_ISSUE;BILLING_ISSUE"}, want: map[string]string{"C": "Bug|Billing issue"}},
		{name: "a label with the sign between options", mapping: "properties: {joined: {column: C}}", stored: map[string]string{"joined": "a_b;c"}, want: map[string]string{"C": "a_b;c"}},
		{name: "the same with another sign", mapping: "properties: {joined: {column: C, split: '|'}}", stored: map[string]string{"joined": "a_b;c"}, want: map[string]string{"C": "A;B|C;D"}},
		{name: "a stage of the row's pipeline", mapping: "properties: {hs_pipeline: P, hs_pipeline_stage: S}", stored: map[string]string{"hs_pipeline": "0", "hs_pipeline_stage": "1"}, want: map[string]string{"S": "New"}},
		{name: "an expression", mapping: "properties: {subject: S, content: {expr: 'join(\" \", S, More)'}}", stored: map[string]string{"subject": "a", "content": "b"},
			want: map[string]string{"S": "a", "More": ""}, unlike: "content: an import would write another value than the ticket has"},
		{name: "rows that where leaves out", mapping: "where: 'S != \"Spam\"'\nproperties: {subject: S}", stored: map[string]string{"subject": "Spam"}, want: map[string]string{"S": "Spam"}, unlike: "where leaves the row out"},
		{name: "associations", mapping: "associations: [{to: contacts, column: C, match: email, split: \",\"}]", links: []string{"a@b.example\x1fc@d.example\x1fa@b.example"}, want: map[string]string{"C": "a@b.example,c@d.example"}},
		{name: "one association of several", mapping: "associations: [{to: contacts, column: C, match: email}]", links: []string{"a@b.example\x1fc@d.example"}, want: map[string]string{"C": "a@b.example"},
			unlike: `column "C": there are several associated contacts, and the mapping reads one; it is the first of them`},
		{name: "a contact without an address", mapping: "associations: [{to: contacts, column: C, match: email}]", links: []string{"\x1fc@d.example"}, want: map[string]string{"C": "c@d.example"},
			unlike: `column "C": some of the associated contacts have no email`},
		{name: "a typed date-time", typed: true, mapping: "properties: {createdate: {column: D, dates: dmy, timezone: Europe/Berlin}}", stored: map[string]string{"createdate": "2026-01-31T23:30:00Z"}, want: map[string]string{"D": "2026-02-01T00:30:00"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cells, e, _ := backwards(t, head+tt.mapping, transform.BackwardsOptions{Typed: tt.typed}, tt.stored, tt.links...)
			for name, want := range tt.want {
				require.Equal(t, want, cells[name], name)
			}
			var unlike []string
			for _, u := range e.Unlike() {
				require.Equal(t, transform.Unlike{What: u.What, Tickets: 1, First: "77"}, u)
				unlike = append(unlike, u.What)
			}
			require.Equal(t, tt.unlike, strings.Join(unlike, "\n"))
		})
	}
}

// A stored moment comes back from whatever form has room for it, in any zone.
func TestDatesAreWrittenAsTheyAreRead(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		form := rapid.SampledFrom([]string{"iso", "dmy", "mdy", "epoch-ms", "[iso, dmy]", `"dd/MM/yyyy HH:mm:ss.SSS XXX"`, `"EEE, d. MMM yyyy HH:mm:ss.SSS Z"`,
			`"h:mm:ss.SSS a 'on' MMMM d, yyyy X"`, `"pl: d MMM yyyy HH:mm:ss.SSS XXX"`, `"de: EEEE, d. MMMM yyyy HH:mm:ss.SSS XXX"`, `"MM/dd/yyyy hh:mm:ss.SSS a Z"`}).Draw(t, "form")
		zone := rapid.SampledFrom([]string{"UTC", "America/Sao_Paulo", "Europe/Berlin", "Asia/Kathmandu", "Pacific/Apia", "Australia/Lord_Howe"}).Draw(t, "zone")
		at := time.UnixMilli(rapid.Int64Range(100_000_000_000, 4_000_000_000_000).Draw(t, "ms")).UTC()
		stored := at.Format("2006-01-02T15:04:05.000Z")
		mapping := fmt.Sprintf("version: 1\noperation: update\nsource: {timezone: %s, dates: %s}\nkey: {property: hs_object_id, column: Id}\nproperties: {createdate: D, due: E}", zone, form)
		day := at.Format(time.DateOnly)
		cells, e, _ := backwards(t, mapping, transform.BackwardsOptions{}, map[string]string{"createdate": stored})
		require.Empty(t, e.Unlike(), "%s as %s in %s", stored, cells["D"], zone)
		require.NotEmpty(t, cells["D"])
		if !strings.ContainsAny(form, "XZ") && form != "epoch-ms" {
			cells, e, _ = backwards(t, mapping, transform.BackwardsOptions{}, map[string]string{"due": day})
			require.Empty(t, e.Unlike(), "%s as %s", day, cells["E"])
		}
	})
}

// What a form has no room for is left out of the cell and counted.
func TestDatesThatDoNotFit(t *testing.T) {
	t.Parallel()
	mapping := "version: 1\noperation: update\nsource: {timezone: UTC, dates: \"dd/MM/yy HH:mm\"}\nkey: {property: hs_object_id, column: Id}\nproperties: {createdate: D}"
	cells, e, _ := backwards(t, mapping, transform.BackwardsOptions{}, map[string]string{"createdate": "2026-01-31T23:30:15Z"})
	require.Equal(t, "31/01/26 23:30", cells["D"])
	require.Equal(t, []transform.Unlike{{What: "createdate: an import would write another value than the ticket has", Tickets: 1, First: "77"}}, e.Unlike())
}

// Numbers and texts come back whatever the signs of the mapping are.
func TestNumbersAreWrittenAsTheyAreRead(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.StringMatching(`-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,6})?`).Draw(t, "number")
		decimal := rapid.SampledFrom([]string{"", `, decimal: ","`, `, decimal: "."`, `, decimal: ",", signs: ["R$", "%"]`}).Draw(t, "decimal")
		text := rapid.StringMatching(`[=+@'"a-z][ -~\n]{0,20}[!-~]`).Draw(t, "text")
		mapping := "version: 1\noperation: update\nsource: {dates: iso" + decimal + "}\nkey: {property: hs_object_id, column: Id}\nproperties: {effort: N, subject: S}"
		typed := rapid.Bool().Draw(t, "typed")
		cells, e, _ := backwards(t, mapping, transform.BackwardsOptions{Typed: typed}, map[string]string{"effort": number, "subject": text})
		require.Empty(t, e.Unlike(), "%s as %s", number, cells["N"])
		require.Equal(t, text, cells["S"])
	})
}

func TestBackwardsRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, mapping, want string }{
		{"several texts for one option", "operation: update\nkey: {property: hs_object_id, column: Id}\nproperties:\n  hs_ticket_priority: {column: P, values: {P1: High, P2: HIGH, P3: Low, p1: High}}",
			`desk.yaml:5:58: "P1", "P2" stand for the same hs_ticket_priority, so that it is not clear which one an export is to write`},
		{"a mapping that deletes", "operation: delete\nkey: {property: hs_object_id, column: Id}", "desk.yaml:2:12: an export is driven by a mapping that creates or updates tickets: imported again, its rows would delete all of them"},
		{"a property that is not there", "operation: update\nkey: {property: hs_object_id, column: Id}\nproperties: {nowhere: X}", `desk.yaml:4:14: property "nowhere" does not exist in this account`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, err := transform.Parse("desk.yaml", []byte("version: 1\n"+tt.mapping))
			require.NoError(t, err)
			_, err = transform.NewBackwards(m, account(), transform.BackwardsOptions{})
			require.ErrorContains(t, err, tt.want)
		})
	}
}
