package transform_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/etl/transform"
)

const updateHead = "operation: update\nkey: {property: external_id, column: Ticket ID}\n"

func TestFaultsShowTheirLine(t *testing.T) {
	t.Parallel()
	_, err := transform.Parse("desk.yaml", []byte("operation: create\r\nproperties:\r\n  subject: {colum: Subject}\r\n\tcontent: x\n"))
	var faults transform.Faults
	require.ErrorAs(t, err, &faults)

	m, err := transform.Parse("desk.yaml", []byte("operation: update\r\nkey: {property: external_id, column: Ticket ID}\r\nproperties:\r\n  content: Descripton\r\n  hs_ticket_prioritty: Priority\r\n"))
	require.NoError(t, err)
	_, err = transform.Compile(m, account(), etl.NewHeader(deskHeader), transform.CompileOptions{})
	require.ErrorAs(t, err, &faults)
	require.Equal(t, `desk.yaml:4:12: there is no column "Descripton"; nearest is "Description"
  4 |   content: Descripton
    |            ^
desk.yaml:5:3: property "hs_ticket_prioritty" does not exist in this account; nearest is "hs_ticket_priority"
  5 |   hs_ticket_prioritty: Priority
    |   ^`, faults.Explain())
}

func TestExcerptOfALongLine(t *testing.T) {
	t.Parallel()
	f := transform.Fault{Line: 12, Column: 121, Text: string(make([]byte, 119)) + "éx\x1b[31m"}
	require.Regexp(t, `^  12 \| ·{49}éx·\[31m\n     \| {51}\^$`, f.Excerpt())
	require.Empty(t, (&transform.Fault{Message: "no place"}).Excerpt())
}

func TestTablesInFiles(t *testing.T) {
	t.Parallel()
	write := func(t *testing.T, table string) (*transform.Mapping, error) {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, "states.csv"), []byte(table), 0o600))
		path := filepath.Join(dir, "m.yaml")
		require.NoError(t, os.WriteFile(path, []byte(updateHead+"properties:\n  hs_ticket_priority: {column: X, values: states.csv}\n"), 0o600))
		return transform.Load(path)
	}
	for name, table := range map[string]string{
		"commas":                         "from,to\nP1,Urgent\n\"P2, P3\",High\nn/a,\n",
		"semicolons, BOM and more":       "\ufeffnote;FROM;To\r\nthe worst;P1;Urgent\r\n;P2, P3;High\r\n;n/a;\r\n",
		"tabs, columns in another order": "to\tfrom\nUrgent\tP1\nHigh\tP2, P3\n\tn/a\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, err := write(t, table)
			require.NoError(t, err)
			require.Len(t, m.Files(), 1)
			mapper, err := transform.Compile(m, account(), etl.NewHeader(deskHeader), transform.CompileOptions{})
			require.NoError(t, err)
			for cell, want := range map[string][]string{"p1": {"hs_ticket_priority=URGENT"}, "P2, P3": {"hs_ticket_priority=HIGH"}, "n/a": {}} {
				rec := row("Ticket ID", "1", "X", cell)
				_, problems := mapper.Apply(rec)
				require.Empty(t, problems)
				require.Equal(t, want, written(rec))
			}
		})
	}
	for name, tt := range map[string]struct{ table, want string }{
		"no header": {"P1,Urgent\n", "states.csv: the first line does not name the columns from and to; it is a CSV file"},
		"empty":     {"", "does not name the columns from and to"},
		"no rows":   {"from,to\n", "states.csv: it has no rows"},
		"blank":     {"from,to\nP1,Low\n ,High\n", "states.csv: line 3 has no text to translate"},
		"short":     {"from,to\nP1\n", "line 2 has no text to translate, or nothing to translate it to"},
		"quotes":    {"from,to\n\"P1,Low\n", "states.csv: line 2: extraneous or missing"},
		"bytes":     {"from,to\nP\xff,Low\n", "it is not UTF-8"},
		"unknown":   {"from,to\nP1,Low\nP2,Lowest\n", `"Lowest" is not one of`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, err := write(t, tt.table)
			if err == nil {
				_, err = transform.Compile(m, account(), etl.NewHeader(deskHeader), transform.CompileOptions{})
			}
			require.ErrorContains(t, err, tt.want)
			require.ErrorContains(t, err, "m.yaml:4:")
		})
	}
	_, err := transform.Parse("m.yaml", []byte(updateHead+"properties:\n  hs_ticket_priority: {column: X, values: nowhere.csv}\n"))
	require.ErrorContains(t, err, "table nowhere.csv: there is no such file")
	_, err = transform.Parse("m.yaml", []byte(updateHead+"properties:\n  hs_ticket_priority: {column: X, values: /dev}\n"))
	require.ErrorContains(t, err, "it is not a plain file")
}

func TestAppendAndOverwrite(t *testing.T) {
	t.Parallel()
	text := "operation: upsert\nkey: {property: external_id, column: Ticket ID}\nsource: {overwrite: if-empty}\nproperties:\n" +
		"  subject: {column: Subject, overwrite: always}\n  hs_pipeline_stage: {column: Status, overwrite: never}\n" +
		"  content: Description\n  hs_ticket_category: {column: Tags, append: true, overwrite: always}\n"
	m, err := transform.Parse("m.yaml", []byte(text))
	require.NoError(t, err)
	require.Equal(t, map[string]string{"content": "if-empty", "hs_pipeline_stage": "never", "hs_pipeline": "never"}, m.Overwrite())
	mapper := compile(t, text)
	rec := row("Ticket ID", "1", "Subject", "s", "Status", "New", "Tags", "Product issue; Billing issue")
	_, problems := mapper.Apply(rec)
	require.Empty(t, problems)
	require.Contains(t, written(rec), "hs_ticket_category=;PRODUCT_ISSUE;BILLING_ISSUE")
	conversions := map[string]string{}
	for _, c := range mapper.Columns() {
		conversions[c.Property] = c.Conversion
	}
	require.Equal(t, "text, as it is, only where the ticket has none", conversions["content"])
	require.Equal(t, "stage, by label or id, only in new tickets", conversions["hs_pipeline_stage"])
	require.Equal(t, `options, parted by ";", by label or value, added to those that are there`, conversions["hs_ticket_category"])

	rec = row("Ticket ID", "1", "Subject", "s", "Status", "New")
	_, _ = mapper.Apply(rec)
	require.NotContains(t, written(rec), "hs_ticket_category=;", "a blank cell adds nothing")
}

func TestContradictions(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		updateHead + "properties: {content: {column: X, append: true}}":                                                               `property "content" holds one value, nothing can be added to it`,
		"operation: create\nproperties: {subject: Subject, hs_pipeline_stage: Status, hs_ticket_category: {column: X, append: true}}": "a new ticket has nothing to add to",
		"operation: create\nproperties: {subject: {column: Subject, overwrite: never}, hs_pipeline_stage: Status}":                    "a new ticket has nothing to overwrite",
		updateHead + "properties: {content: {column: X, overwrite: never}}":                                                           `an update that never overwrites "content" never writes it`,
		updateHead + "properties: {content: {column: X, overwrite: if-empty, blank: clear}}":                                          `"blank: clear" and "overwrite: if-empty" contradict each other`,
		updateHead + "properties: {hs_ticket_category: {column: X, overwrite: if-empty, append: true}}":                               `"append" and "overwrite: if-empty" contradict each other`,
		updateHead + "properties: {hs_pipeline: {value: Suporte, overwrite: always}, hs_pipeline_stage: Status}":                      "hs_pipeline follows its stage",
		updateHead + "properties: {content: {column: X, append: perhaps}}":                                                            `"append" cannot be "perhaps"`,
		updateHead + "properties: {effort: {column: X, signs: [\"R$\", \"5\"]}}":                                                      `"5" is no sign that can stand beside a number`,
		updateHead + "properties: {effort: {value: 5, signs: \"$\"}}":                                                                 `"signs" means nothing beside "value"`,
	} {
		m, err := transform.Parse("m.yaml", []byte(text))
		if err == nil {
			_, err = transform.Compile(m, account(), etl.NewHeader(deskHeader), transform.CompileOptions{})
		}
		require.ErrorContains(t, err, want)
	}
}

// Each function of expressions, with the row Subject "Ana;  Bo", X "ab-12-c",
// Hours "1.255" and a blank Domain.
func TestHelpers(t *testing.T) {
	t.Parallel()
	for expr, want := range map[string]string{
		`extract(X, "[0-9]+")`:                            "12",
		`extract(X, "([a-z])-")`:                          "b",
		`extract(X, "zz")`:                                "",
		`replaceMatches(X, "([a-z]+)-([0-9]+)", "$2 $1")`: "12 ab-c",
		`replaceMatches(X, "q*", "_")`:                    "_a_b_-_1_2_-_c_",
		`part(Subject, ";", 2)`:                           "Bo",
		`part(Subject, ";", -1)`:                          "Bo",
		`part(Subject, ";", 3)`:                           "",
		`coalesce(Domain, " ", X)`:                        "ab-12-c",
		`coalesce(Domain)`:                                "",
		`join(" / ", X, Domain, "z")`:                     "ab-12-c / z",
		`blank(Domain) ? "none" : "some"`:                 "none",
		`text(round(number(Hours), 1))`:                   "1.3",
		`text(round(number(Hours)))`:                      "1",
		`text(round(2))`:                                  "2",
		`X matches "^ab" ? "yes" : "no"`:                  "yes",
		`replace(X, "-", "")`:                             "ab12c",
	} {
		m := compile(t, updateHead+"properties:\n  content: {expr: '"+expr+"'}\n")
		rec := row("Ticket ID", "1", "Subject", "Ana;  Bo", "X", "ab-12-c", "Hours", "1.255")
		_, problems := m.Apply(rec)
		require.Empty(t, told(problems), expr)
		got, _ := rec.Property("content")
		require.Equal(t, want, got, expr)
	}
}

func TestHelperFaults(t *testing.T) {
	t.Parallel()
	for expr, want := range map[string]string{
		`extract(X, "(")`:              `"(" is no regular expression: missing closing ): (; the syntax is that of RE2`,
		`extract(X, Subject)`:          "the regular expression of extract must be a text in quotes",
		`replaceMatches(X, "a**", "")`: "is no regular expression: invalid nested repetition operator: **",
		`text(date(X, "dd/MM/YY"))`:    `date pattern "dd/MM/YY": Y is the year of a week; write yyyy or yy`,
		`day(X, "maybe")`:              `date pattern "maybe"`,
	} {
		m, err := transform.Parse("m.yaml", []byte(updateHead+"properties:\n  content: {expr: '"+expr+"'}\n"))
		require.NoError(t, err)
		_, err = transform.Compile(m, account(), etl.NewHeader(deskHeader), transform.CompileOptions{})
		require.ErrorContains(t, err, want)
	}
}

// An expression over several cells says which of them is to blame, or names
// them all.
func TestExpressionsNameTheirCells(t *testing.T) {
	t.Parallel()
	m := compile(t, updateHead+"properties:\n  effort: {expr: 'number(Hours) * number(X)'}\n  product: {expr: 'Subject + Status'}\n")
	_, problems := m.Apply(row("Ticket ID", "1", "Hours", "2", "X", "two", "Subject", "Gam", "Status", "ma"))
	require.Equal(t, []string{
		`M EXPRESSION_FAILED: expression "number(Hours) * number(X)": "two" is not a number; correct the cells that it reads, or the expression`,
		`warning  HIDDEN_OPTION: option "Gamma" is hidden in HubSpot (made of B "Gam", D "ma"); it is stored all the same; nobody can choose it in the app`,
	}, told(problems))
	_, problems = m.Apply(row("Ticket ID", "1", "Hours", "2", "X", "2", "Subject", "x", "Status", "y"))
	require.Len(t, problems, 1)
	require.Contains(t, problems[0].Message, `"xy" is not one of Alpha, alpha, Gamma (made of B "x", D "y")`)
}
