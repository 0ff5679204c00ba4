package transform_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/etl/transform"
)

func TestParse(t *testing.T) {
	t.Parallel()
	m, err := transform.Parse("design.yaml", []byte(design))
	require.NoError(t, err)
	require.Equal(t, etl.Upsert, m.Operation)
	require.Equal(t, transform.Source{Sheet: "Export", Header: 1, Encoding: "windows-1252", Delimiter: ";",
		Timezone: "America/Sao_Paulo", Dates: []string{"dmy"}, Decimal: ",", Blank: "ignore"}, m.Source)
	require.Equal(t, &transform.Key{Property: "external_id", Column: "Ticket ID"}, m.Key)
	require.Len(t, m.Properties, 9)
	require.Equal(t, "Subject", m.Properties[0].Column)
	require.Equal(t, []transform.ValuePair{{"Open", "Novo"}, {"Pending", "Aguardando contato"}, {"Solved", "Closed"}}, m.Properties[3].Values)
	require.Len(t, m.Associations, 2)
}

func TestParseFaults(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, text, want string }{
		{"empty", "", "m.yaml: the mapping is empty"},
		{"no object", "- a", "m.yaml:1:1: the mapping must be an object of keys and values, not a list"},
		{"no YAML", "a: b: c", `m.yaml:1:4: not YAML: mapping value is not allowed in this context; put quotes around a text that holds a colon and a blank`},
		{"tabs", "operation: create\nproperties:\n\tsubject: S", `m.yaml:3:1: not YAML: found character '	' that cannot start any token; indent with blanks, not with tabs; put quotes around a text that begins with @, ` + "`" + ` or %`},
		{"not UTF-8", "operation: cr\xffeate", "m.yaml: the mapping is not UTF-8; save it as UTF-8"},
		{"two documents", "operation: create\n---\noperation: create", "m.yaml:3:10: a second document begins here; keep one mapping in a file"},
		{"no operation", "version: 1", "m.yaml:1:1: operation is missing; it is one of create, update, upsert, delete, associate, dissociate"},
		{"misspelt word", "operation: upsrt", `m.yaml:1:12: "operation" cannot be "upsrt"; nearest is "upsert"`},
		{"another version", "version: 2\noperation: create", `m.yaml:1:10: "version" cannot be "2"; it is one of 1`},
		{"all faults at once, in order", "operaton: create\nproperties:\n  subject: {colum: S}\n  subject: T\n  content: [a]\n", `m.yaml:1:1: unknown key "operaton"; nearest is "operation"
m.yaml:1:1: operation is missing; it is one of create, update, upsert, delete, associate, dissociate
m.yaml:3:3: property "subject" needs exactly one of column, value, expr
m.yaml:3:13: unknown key "colum"; nearest is "column"
m.yaml:4:3: repeated key "subject"; it stands in line 3 already
m.yaml:5:12: "content" must be a text, not a list`},
		{"source", "operation: create\nsource:\n  header: 0\n  encoding: klingon\n  delimiter: ab\n  timezone: Mars/Base\n  dates: [iso, dd/MM/YY, foo]\n  decimal: x\n  blank: maybe\n", `m.yaml:3:11: "0" is not the number of a row; a number from 1 to 1048576, counted as a spreadsheet program does
m.yaml:4:13: unknown encoding "klingon"; usual ones are utf-8, utf-16, windows-1252, iso-8859-1, iso-8859-15, windows-1250, shift_jis
m.yaml:5:14: delimiter "ab" is not one character; write ";", ",", "|" or tab
m.yaml:6:13: unknown time zone "Mars/Base"; write a name such as America/Sao_Paulo, Europe/Berlin or UTC
m.yaml:7:16: date pattern "dd/MM/YY": Y is the year of a week; write yyyy or yy
m.yaml:7:26: date pattern "foo": unknown letter "f"; known are yyyy yy M MM MMM MMMM d dd EEE EEEE H HH h hh m mm s ss S SSS a X XXX Z; other letters stand in 'quotes'
m.yaml:8:12: "decimal" cannot be "x"; it is one of ,, .
m.yaml:9:10: "blank" cannot be "maybe"; it is one of ignore, clear`},
		{"properties", "operation: create\nproperties:\n  a:\n  b: {column: x, value: y}\n  c: {value: y, default: z}\n  d: {column: x, otherwise: skip}\n  e: {column: x, values: {a: b}, otherwise: usse b}\n  f: {column: x, values: {}}\n", `m.yaml:3:3: "a" has no value
m.yaml:4:3: property "b" needs exactly one of column, value, expr
m.yaml:5:26: "default" means nothing beside "value"; leave it out
m.yaml:6:29: "otherwise" means nothing without "values"; add the table, or leave it out
m.yaml:7:45: "otherwise" cannot be "usse b"; it is reject, skip, keep, or "use" and a text
m.yaml:8:26: the table of values is empty`},
		{"associations", "operation: create\nassociations:\n  - {to: contacts}\n  - x\n  - {to: contacts, match: id, column: a, value: b, label: l, type: 1}\n  - to: contacts\n    match: id\n    column: a\n    type: sometimes\n    missing: maybe\n", `m.yaml:3:5: an association needs "match"; it is id, email, domain or a unique property
m.yaml:3:5: an association needs exactly one of column, value
m.yaml:4:5: an association must be an object of keys and values, not a text
m.yaml:5:5: an association needs exactly one of column, value
m.yaml:5:5: an association has a label or a type, not both
m.yaml:9:11: association type "sometimes" is neither primary nor the number of a type; a label is written as label: NAME
m.yaml:10:14: "missing" cannot be "maybe"; it is one of reject, skip`},
		{"key", "operation: update\nkey: {property: x}", `m.yaml:2:6: "key" needs "column"`},
		{"anchors", "operation: &a create", `m.yaml:1:12: "operation" must be a text, not an anchor or alias`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := transform.Parse("m.yaml", []byte(tt.text))
			require.EqualError(t, err, tt.want)
			var faults transform.Faults
			require.ErrorAs(t, err, &faults)
		})
	}
}

func TestLoad(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "m.yaml")
	require.NoError(t, os.WriteFile(path, []byte("\ufeff"+design), 0o600))
	m, err := transform.Load(path)
	require.NoError(t, err)
	require.Equal(t, path, m.Path)

	require.NoError(t, os.WriteFile(path, []byte(strings.Repeat("# a\n", 70_000)), 0o600))
	_, err = transform.Load(path)
	require.EqualError(t, err, path+": a mapping may have 262144 bytes")

	_, err = transform.Load(path + ".missing")
	require.ErrorContains(t, err, "there is no such file; 'ticketetl init FILE")
}

func TestCompileFaults(t *testing.T) {
	t.Parallel()
	const key = "key: {property: external_id, column: Ticket ID}\n"
	tests := []struct{ name, text, want string }{
		{"unknown things are told with the nearest", "operation: update\n" + key + "properties:\n  hs_ticket_prioritty: Priority\n  content: Descripton\n  Priority: X\n",
			`m.yaml:4:3: property "hs_ticket_prioritty" does not exist in this account; nearest is "hs_ticket_priority"
m.yaml:5:12: there is no column "Descripton"; nearest is "Description"
m.yaml:6:3: property "Priority" does not exist in this account; "Priority" is the label of "hs_ticket_priority"`},
		{"what cannot be written", "operation: update\n" + key + "properties: {hs_createdate: Created, time_to_close: X, old_code: X, geo: X}\n",
			`m.yaml:3:14: property "hs_createdate" cannot be written: it is read only; leave it out
m.yaml:3:38: property "time_to_close" cannot be written: HubSpot calculates it; leave it out
m.yaml:3:56: property "old_code" cannot be written: it is archived; leave it out
m.yaml:3:69: property "geo" has the type json, which cannot be imported; leave it out`},
		{"constants are converted", "operation: update\n" + key + "properties:\n  hs_ticket_priority: {column: Priority, default: Hihg, values: {a: Lwo}, otherwise: use Nothing}\n  effort: {value: abc}\n  due: {column: Due, default: 2024-02-30}\n",
			`m.yaml:4:51: "Hihg" is not one of Low, Medium, High, Urgent; nearest is "High"
m.yaml:4:69: "Lwo" is not one of Low, Medium, High, Urgent; nearest is "Low"
m.yaml:4:86: "Nothing" is not one of Low, Medium, High, Urgent; correct the cell, or translate it with a table of values in the mapping
m.yaml:5:19: "abc" is not a number; only digits are numbers here
m.yaml:6:31: "2024-02-30" is no date: February 2024 has no day 30; dates are read as year-month-day`},
		{"stages belong to their pipeline", "operation: create\nproperties: {subject: Subject, hs_pipeline: {value: Suporte}, hs_pipeline_stage: {value: New}}\n",
			`m.yaml:2:90: "New" is not a stage of pipeline "Suporte"; those are Novo, Aguardando contato, Closed; correct the cell, or translate it with a table of values in the mapping`},
		{"a stage of two pipelines", "operation: create\nproperties: {subject: Subject, hs_pipeline_stage: {value: Closed}}\n",
			`m.yaml:2:59: "Closed" is a stage of several pipelines: Support Pipeline / Closed, Suporte / Closed; map hs_pipeline too, or write the stage as pipeline / stage`},
		{"a pipeline without stage", "operation: update\n" + key + "properties: {hs_pipeline: {value: Suporte}}\n",
			`m.yaml:3:14: a pipeline cannot be written without a stage of it; map hs_pipeline_stage too`},
		{"a stage whose column is missing is there all the same", "operation: update\n" + key + "properties: {hs_pipeline: {value: Suporte}, hs_pipeline_stage: Stage}\n",
			`m.yaml:3:64: there is no column "Stage"; columns are "Ticket ID", "Subject", "Description", "Status", "Priority", "Assignee", "Created", "Due", "Hours", "Tags", "E-mail", "Domain", and 3 more`},
		{"literals that are columns", "operation: update\n" + key + "where: nil != \"a\"\nproperties:\n  content: {expr: 'true ? Subject : in'}\n  code: {expr: 'Status in [\"a\"] ? Subject : Status'}\n",
			`m.yaml:3:8: expression "nil != \"a\"": nil is a word of the language here, not the column "nil"; write row["nil"]
m.yaml:5:19: expression "true ? Subject : in": unexpected token Operator("in") (at character 18); if the column "In" is meant, write row["In"]`},
		{"what new tickets need", "operation: create\nproperties: {content: Description}\n",
			`m.yaml:2:13: operation create needs "subject": HubSpot refuses a new ticket without it; add it to properties
m.yaml:2:13: operation create needs "hs_pipeline_stage": HubSpot refuses a new ticket without it; add it to properties`},
		{"no key", "operation: update\nproperties: {content: Description}\n",
			`m.yaml:1:12: operation update needs a key; e.g. key: {property: hs_object_id, column: Ticket ID}`},
		{"a key that is not unique", "operation: update\nkey: {property: subject, column: Tiket ID}\nproperties: {content: Description}\n",
			`m.yaml:2:17: property "subject" cannot be a key: its values are not unique; properties with unique values are "external_id", "case_number"
m.yaml:2:34: there is no column "Tiket ID"; nearest is "Ticket ID"`},
		{"ids are no key of an upsert", "operation: upsert\nkey: {property: hs_object_id, column: Ticket ID}\nproperties: {subject: Subject, hs_pipeline_stage: Status}\n",
			`m.yaml:2:17: hs_object_id cannot be the key of operation upsert: HubSpot gives ids itself; use a property with unique values, or operation: update`},
		{"operations write what they write", "operation: delete\n" + key + "properties: {content: Description}\nassociations: [{to: contacts, column: E-mail, match: email}]\n",
			`m.yaml:3:13: operation delete writes no properties; leave them out
m.yaml:4:15: operation delete changes no associations; leave them out`},
		{"nothing to associate", "operation: associate\n" + key, `m.yaml:1:12: operation associate needs associations`},
		{"associations", "operation: associate\n" + key + "associations:\n  - {to: contacs, column: E-mail, match: email}\n  - {to: contacts, column: E-mail, match: domain}\n  - {to: contacts, column: E-mail, match: member_no, label: Reportr}\n  - {to: contacts, column: E-mail, match: id, type: primary}\n  - {to: companies, value: 'x y', match: domain, type: 99}\n",
			`m.yaml:4:10: tickets have no associations to "contacs"; nearest is "contacts"
m.yaml:5:43: contacts cannot be found by "domain"; they can be found by "id", "email", "member_no"
m.yaml:6:61: tickets and contacts have no association label "Reportr"; nearest is "Reporter"
m.yaml:7:53: contacts have no primary association to tickets
m.yaml:8:28: "x y" is not a domain; write only the domain, such as example.com, without https:// and path
m.yaml:8:56: tickets and companies have no association type 99`},
		{"expressions", "operation: update\n" + key + "where: 'Statuss == \"a\" && row[\"Hour\"] != \"\"'\nproperties:\n  effort: {expr: 'number(Hours) +'}\n  content: {expr: 'let x = Status; x'}\n  code: {expr: 'row[Status]'}\n",
			`m.yaml:3:8: expression "Statuss == \"a\" && row[\"Hour\"] != \"\"": there is no column "Statuss"; nearest is "Status"
m.yaml:3:8: expression "Statuss == \"a\" && row[\"Hour\"] != \"\"": there is no column "Hour"; nearest is "Hours"
m.yaml:5:18: expression "number(Hours) +": unexpected token EOF (at character 15)
m.yaml:6:19: expression "let x = Status; x": variables are not allowed
m.yaml:7:16: expression "row[Status]": row needs the name of a column; write the name in quotes, e.g. row["Status"]`},
		{"where must be true or false", "operation: update\n" + key + "where: Status\nproperties: {content: Description}\n",
			`m.yaml:3:8: expression "Status": expected bool, but got string`},
		{"what cannot be split or cleared", "operation: update\n" + key + "properties: {subject: {column: Subject, split: x}, hs_pipeline_stage: {column: Status, blank: clear}}\n",
			`m.yaml:3:48: property "subject" holds one value, its cells cannot be split; leave it out
m.yaml:3:95: hs_pipeline_stage cannot be cleared: every ticket has one; leave it out`},
		{"the key twice", "operation: upsert\n" + key + "properties: {external_id: X, subject: Subject, hs_pipeline_stage: Status}\n",
			`m.yaml:3:14: property "external_id" is the key already; leave it out`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m, err := transform.Parse("m.yaml", []byte(tt.text))
			require.NoError(t, err)
			_, err = transform.Compile(m, account(), etl.NewHeader(deskHeader), transform.CompileOptions{})
			require.EqualError(t, err, tt.want)
		})
	}
}

func TestCompileZones(t *testing.T) {
	t.Parallel()
	m, err := transform.Parse("m.yaml", []byte("operation: update\nkey: {property: external_id, column: Ticket ID}\nproperties: {createdate: Created}\n"))
	require.NoError(t, err)
	s := account()
	mapper, err := transform.Compile(m, s, etl.NewHeader(deskHeader), transform.CompileOptions{Timezone: "Europe/Berlin"})
	require.NoError(t, err)
	rec := row("Ticket ID", "1", "Created", "2024-01-31 10:00")
	_, problems := mapper.Apply(rec)
	require.Empty(t, problems)
	require.Equal(t, []string{"createdate=2024-01-31T09:00:00Z"}, written(rec))

	s.Account.TimeZone = ""
	_, err = transform.Compile(m, s, etl.NewHeader(deskHeader), transform.CompileOptions{})
	require.EqualError(t, err, `m.yaml:3:14: the account's time zone is not known, and "createdate" holds date-times; say it: source.timezone`)
	_, err = transform.Compile(m, s, etl.NewHeader(deskHeader), transform.CompileOptions{Timezone: "Nowhere"})
	require.ErrorContains(t, err, `unknown time zone "Nowhere"`)
}
