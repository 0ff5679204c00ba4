package transform_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/etl/transform"
)

// design is the example of the design document, for the columns of deskHeader.
const design = `version: 1
operation: upsert
source:
  sheet: Export
  header: 1
  encoding: windows-1252
  delimiter: ";"
  timezone: America/Sao_Paulo
  dates: dmy
  decimal: ","
  blank: ignore
where: 'Status != "Spam"'
key: {property: external_id, column: "Ticket ID"}
properties:
  subject: Subject
  content: {column: Description}
  hs_pipeline: {value: Suporte}
  hs_pipeline_stage:
    column: Status
    values: {Open: Novo, Pending: "Aguardando contato", Solved: Closed}
    otherwise: reject
  hs_ticket_priority: {column: Priority, default: MEDIUM}
  hubspot_owner_id: {column: Assignee}
  createdate: {column: "Created", dates: "yyyy-MM-dd HH:mm:ss"}
  hs_ticket_category: {column: Tags, split: "|"}
  effort: {expr: 'number(row["Hours"]) * 60'}
associations:
  - {to: contacts,  column: "E-mail", match: email, label: Reporter, missing: reject}
  - {to: companies, column: "Domain", match: domain, type: primary, missing: skip, split: ";"}
`

// TestTotals: a row of totals is one problem that says how to leave such rows out;
// a row that only looks a little like one is told so, and a ticket is a ticket.
func TestTotals(t *testing.T) {
	t.Parallel()
	const keyless = "operation: create\nproperties:\n  subject: Subject\n  hs_pipeline_stage: {value: Novo}\n"
	tests := []struct {
		name, mapping string
		cells         []string
		want          string // code; empty: a ticket
		hint          string
	}{
		{"in the column of the key", design, []string{"Ticket ID", "Total", "Hours", "17"}, "TOTALS_ROW", `leave such rows out: add this to where in the mapping: && row["Ticket ID"] != "Total"`},
		{"beside a blank key", design, []string{"Status", "SUMME:", "Hours", "17,5"}, "TOTALS_ROW", `row["Status"] != "SUMME:"`},
		{"with its number in the cell", design, []string{"Status", "Total: 57"}, "TOTALS_ROW", `row["Status"] != "Total: 57"`},
		{"no key is mapped", keyless, []string{"Subject", "Gesamt", "Hours", "1.234,50 €", "Priority", "3 %"}, "TOTALS_ROW", `in the mapping with where: 'row["Subject"] != "Gesamt"'; if it is a ticket, write more into the cell`},
		{"in Japanese", keyless, []string{"Subject", "合計", "Hours", "10:30"}, "TOTALS_ROW", `!= "合計"`},
		{"in Polish", keyless, []string{"Subject", "Łącznie", "Hours", "(3)"}, "TOTALS_ROW", "Łącznie"},
		{"in French", keyless, []string{"Subject", "Sous-total", "Hours", "R$ 5"}, "TOTALS_ROW", "Sous-total"},
		{"in Russian, numbers of a workbook", keyless, []string{"Subject", "Общий итог", "Hours:n", "5"}, "TOTALS_ROW", "Общий итог"},
		{"a formula without a value", keyless, []string{"Subject", "Summe", "Hours:e", "=SUM(A1:A3)"}, "TOTALS_ROW", "Summe"},
		{"nothing else", keyless, []string{"Subject", "Total"}, "TOTALS_ROW", ""},
		{"a ticket of that name with a key", design, []string{"Ticket ID", "17", "Subject", "Total", "Status", "Open"}, "", ""},
		{"a number and a word, and the number is the key", "operation: create\nkey: {property: external_id, column: Ticket ID}\n" + keyless[len("operation: create\n"):],
			[]string{"Ticket ID", "17", "Subject", "Total"}, "", ""},
		{"a name beside it", keyless, []string{"Subject", "Total", "Assignee", "Zoe"}, "", ""},
		{"a name with a number beside it", keyless, []string{"Subject", "Total", "Assignee", "P1"}, "", ""},
		{"a date beside it", keyless, []string{"Subject", "Total", "Created", "31.01.2024"}, "", ""},
		{"a word that only begins so", keyless, []string{"Subject", "Totally broken", "Hours", "17"}, "", ""},
		{"another text in the row, and no key", design, []string{"Status", "Total", "Subject", "x", "Hours", "17"}, "MISSING_KEY", `if it is a row of totals, as "Total" in column `},
		{"no word", design, []string{"Subject", "Totally broken", "Status", "open"}, "MISSING_KEY", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			skip, problems := compile(t, tt.mapping).Apply(row(tt.cells...))
			require.False(t, skip)
			if tt.want == "" {
				require.Empty(t, told(problems))
				return
			}
			require.Equal(t, tt.want, problems[0].Code)
			require.Contains(t, problems[0].Hint, tt.hint)
			require.Equal(t, tt.hint == "" && tt.want == "MISSING_KEY", !strings.Contains(problems[0].Hint, "leave such rows out"), problems[0].Hint)
			if tt.want == "TOTALS_ROW" {
				require.Len(t, problems, 1)
				require.Equal(t, tt.cells[1], problems[0].Value)
			}
		})
	}
}

// TestHeaderAgain: a row that repeats the header is no ticket.
func TestHeaderAgain(t *testing.T) {
	t.Parallel()
	const mapping = "operation: create\nproperties:\n  subject: Subject\n  hs_pipeline_stage: {value: Novo}\n"
	again := row()
	for i := range again.Fields {
		again.Fields[i] = deskHeader[i]
	}
	again.Fields[1] = " Subject "
	_, problems := compile(t, mapping).Apply(again)
	require.Equal(t, []string{"A HEADER_AGAIN"}, codes(problems))
	require.Contains(t, problems[0].Hint, `remove the row, or leave such rows out in the mapping with where: 'row["Ticket ID"] != "Ticket ID"'`)
	_, problems = compile(t, mapping).Apply(row("Subject", "Subject"))
	require.Empty(t, problems, "one cell tells nothing")
	_, problems = compile(t, mapping).Apply(row("Subject", "Subject", "Status", "Novo"))
	require.Empty(t, problems)
}

// TestTotalsRemedy: the expression that the hint names leaves the row out, and no
// other one.
func TestTotalsRemedy(t *testing.T) {
	t.Parallel()
	const mapping = "operation: create\nproperties:\n  subject: Subject\n  hs_pipeline_stage: {value: Novo}\n"
	total := row("Subject", `Total "général"`, "Hours", "17")
	total.Fields[1] = "Total général"
	_, problems := compile(t, mapping).Apply(total)
	_, where, _ := strings.Cut(problems[0].Hint, "with ")
	where, _, _ = strings.Cut(where, "; if")
	m := compile(t, mapping+where+"\n")
	skip, problems := m.Apply(total)
	require.True(t, skip)
	require.Empty(t, problems)
	skip, problems = m.Apply(row("Subject", "Anything", "Hours", "17"))
	require.False(t, skip)
	require.Empty(t, problems)
}

// TestInvisible: what only has characters that cannot be seen counts as blank, and
// that is told.
func TestInvisible(t *testing.T) {
	t.Parallel()
	m := compile(t, "operation: create\nkey: {property: external_id, column: Ticket ID}\nproperties:\n  subject: Subject\n  content: Description\n  hs_pipeline_stage: Status\n"+
		"  hs_ticket_priority: {column: Priority, default: LOW}\n  effort: Hours\nassociations: [{to: contacts, column: E-mail, match: email}]\n")
	good := []string{"Ticket ID", "T-1", "Subject", "One", "Status", "Novo"}
	const unseen = "the cell has only characters that cannot be seen (U+200B), and counts as blank"
	tests := []struct {
		column, text string
		want         string // of what is told; empty: nothing
	}{
		{"Subject", "\u200b", "B MISSING_VALUE: subject is blank, and HubSpot needs it in a new ticket; " + unseen},
		{"Subject", " \u200b\ufeff\u00a0", "B MISSING_VALUE: subject is blank, and HubSpot needs it in a new ticket; " + unseen},
		{"Subject", "\u00ad\u2060\u200e\u3164\ufe0f", "B MISSING_VALUE: subject is blank, and HubSpot needs it in a new ticket; " + strings.Replace(unseen, "200B", "00AD", 1)},
		{"Subject", "a\u200b", ""},
		{"Subject", "\u0600", ""}, // an Arabic sign that is seen, though of the same kind
		{"Description", "\u200b", "warning C INVISIBLE_TEXT: " + unseen},
		{"Priority", "\u200b", "warning E INVISIBLE_TEXT: " + unseen},
		{"E-mail", "\u200b", "warning K INVISIBLE_TEXT: " + unseen},
		{"Ticket ID", "\u200b", "A MISSING_KEY: the key is blank; " + unseen},
		{"Ticket ID", "T-1\u200e", `A INVALID_KEY: key "T-1\u200e" begins or ends with a character that cannot be seen (U+200E)`},
		{"Hours", "\u200e1\u200e2", ""}, // marks of direction are no part of a number
		{"Hours", "\u200etwelve", `INVALID_NUMBER: "\u200etwelve" is not a number; only digits are numbers here; the cell has a character that cannot be seen (U+200E)`},
		{"Status", "\u200eNovo", `INVALID_STAGE`},
	}
	for _, tt := range tests {
		rec := row(append(slices.Clone(good), tt.column, tt.text)...)
		_, problems := m.Apply(rec)
		if tt.want == "" {
			require.Empty(t, told(problems))
			continue
		}
		require.Len(t, problems, 1)
		require.Contains(t, told(problems)[0], tt.want)
		if tt.column == "Priority" {
			require.Contains(t, written(rec), "hs_ticket_priority=LOW", "the default of a blank cell")
		}
	}
}

func TestApply(t *testing.T) {
	t.Parallel()
	m := compile(t, design)
	rec := row("Ticket ID", "T-1", "Subject", " Olá ", "Status", "open", "Created", "2024-01-31 10:00:00", "Hours", "1,1",
		"Tags", "Billing issue", "E-mail", "Ana@Example.com", "Domain", "a.example; A.example;")
	skip, problems := m.Apply(rec)
	require.False(t, skip)
	require.Empty(t, told(problems))
	require.Equal(t, "T-1", rec.Key)
	require.Equal(t, 0, rec.KeyColumn)
	require.Equal(t, []string{
		"external_id=T-1", "subject= Olá ", "hs_pipeline=77", "hs_pipeline_stage=701", "hs_ticket_priority=MEDIUM",
		"createdate=2024-01-31T13:00:00Z", "hs_ticket_category=BILLING_ISSUE", "effort=66",
	}, written(rec))
	require.Equal(t, []etl.Reference{
		{To: "contacts", Match: "email", Value: "ana@example.com", Column: 10, Category: "USER_DEFINED", TypeID: 61, Missing: "reject", Several: "reject"},
		{To: "companies", Match: "domain", Value: "a.example", Column: 11, Category: "HUBSPOT_DEFINED", TypeID: 26, Missing: "skip", Several: "reject"},
	}, rec.References)

	skip, problems = m.Apply(row("Status", "Spam"))
	require.True(t, skip)
	require.Empty(t, problems)
}

func TestApplyProblems(t *testing.T) {
	t.Parallel()
	const create = "operation: create\nproperties:\n  subject: Subject\n  hs_pipeline: X\n  hs_pipeline_stage: Status\n"
	const update = "operation: update\nkey: {property: hs_object_id, column: Ticket ID}\nproperties:\n  "
	const stage = "operation: create\nproperties: {subject: Subject, hs_pipeline_stage: Status}\n"
	tests := []struct {
		name, mapping string
		cells         []string
		want          []string // properties
		problems      []string
	}{
		{name: "a stage implies its pipeline", mapping: stage, cells: []string{"Subject", "a", "Status", "novo"},
			want: []string{"subject=a", "hs_pipeline=77", "hs_pipeline_stage=701"}},
		{name: "a stage of two pipelines is not guessed", mapping: stage, cells: []string{"Subject", "a", "Status", "closed"},
			want:     []string{"subject=a"},
			problems: []string{`D AMBIGUOUS_STAGE: "closed" is a stage of several pipelines: Support Pipeline / Closed, Suporte / Closed; map hs_pipeline too, or write the stage as pipeline / stage`}},
		{name: "a stage with its pipeline in front", mapping: stage, cells: []string{"Subject", "a", "Status", "Suporte / Closed"},
			want: []string{"subject=a", "hs_pipeline=77", "hs_pipeline_stage=703"}},
		{name: "stages of archived pipelines do not count", mapping: stage, cells: []string{"Subject", "a", "Status", "Gone"},
			want:     []string{"subject=a"},
			problems: []string{`D INVALID_STAGE: "Gone" is not a stage of any pipeline; those are Support Pipeline / New, Support Pipeline / Waiting on us, Support Pipeline / Closed, Suporte / Novo, Suporte / Aguardando contato, Suporte / Closed; correct the cell, or translate it with a table of values in the mapping`}},
		{name: "a stage within the row's pipeline", mapping: create, cells: []string{"Subject", "a", "X", "suporte", "Status", "Closed"},
			want: []string{"subject=a", "hs_pipeline=77", "hs_pipeline_stage=703"}},
		{name: "a stage of another pipeline", mapping: create, cells: []string{"Subject", "a", "X", "Suporte", "Status", "New"},
			want:     []string{"subject=a"},
			problems: []string{`D INVALID_STAGE: "New" is not a stage of pipeline "Suporte"; those are Novo, Aguardando contato, Closed; correct the cell, or translate it with a table of values in the mapping`}},
		{name: "a wrong pipeline leaves the stage unjudged", mapping: create, cells: []string{"Subject", "a", "X", "Suport", "Status", "New"},
			want:     []string{"subject=a"},
			problems: []string{`M INVALID_PIPELINE: "Suport" is not one of Support Pipeline, Suporte; nearest is "Suporte"`}},
		{name: "a stage as HubSpot exports it", mapping: create, cells: []string{"Subject", "a", "Status", "closed (Suporte)"},
			want: []string{"subject=a", "hs_pipeline=77", "hs_pipeline_stage=703"}},
		{name: "a stage as HubSpot exports it, within its pipeline", mapping: create, cells: []string{"Subject", "a", "X", "Suporte", "Status", "Closed (Suporte)"},
			want: []string{"subject=a", "hs_pipeline=77", "hs_pipeline_stage=703"}},
		{name: "without a pipeline the stage decides", mapping: create, cells: []string{"Subject", "a", "Status", "New"},
			want: []string{"subject=a", "hs_pipeline=0", "hs_pipeline_stage=1"}},
		{name: "all that is missing is told", mapping: create, want: []string{},
			problems: []string{
				"B MISSING_VALUE: subject is blank, and HubSpot needs it in a new ticket; fill the cell in, or give the property a default in the mapping",
				"D MISSING_VALUE: hs_pipeline_stage is blank, and HubSpot needs it in a new ticket; fill the cell in, or give the property a default in the mapping",
			}},
		{name: "an update leaves the pipeline alone", mapping: update + "hs_pipeline_stage: Status", cells: []string{"Ticket ID", "5", "Status", "Novo"},
			want: []string{"hs_pipeline_stage=701"}},
		{name: "a blank cell changes nothing", mapping: update + "content: Description", cells: []string{"Ticket ID", "5"}, want: []string{}},
		{name: "a blank cell clears", mapping: update + "content: {column: Description, blank: clear}", cells: []string{"Ticket ID", "5"}, want: []string{"content="}},
		{name: "a blank cell clears where the source says so", mapping: "source: {blank: clear}\n" + update + "due: Due", cells: []string{"Ticket ID", "5"}, want: []string{"due="}},
		{name: "ids are digits", mapping: update + "content: Description", cells: []string{"Ticket ID", "T5"}, want: []string{},
			problems: []string{`A INVALID_KEY: "T5" is not the id of a ticket; ticket ids are digits`}},
		{name: "no key", mapping: update + "content: Description", cells: []string{"Description", "x"}, want: []string{"content=x"},
			problems: []string{"A MISSING_KEY: the key is blank; fill the cell in; hs_object_id tells which ticket the row is"}},
		{name: "a key with blanks", mapping: update + "content: Description", cells: []string{"Ticket ID", "5 "}, want: []string{},
			problems: []string{`A INVALID_KEY: key "5 " has outer blanks; remove the blanks around it; keys are compared as they are`}},
		{name: "one cell, one problem", mapping: update + "code: X\n  effort: X", cells: []string{"Ticket ID", "5", "X", "abc"}, want: []string{},
			problems: []string{`M RULE_BROKEN: "abc" must match "^[A-Z]{3}$": three letters; the account has this rule for code`}},
		{name: "a text that the table lacks", mapping: update + "code: {column: X, values: {a: AAA, b: BBB}}", cells: []string{"Ticket ID", "5", "X", "c"}, want: []string{},
			problems: []string{`M NOT_IN_TABLE: "c" is not in the mapping's table of values; that has "a", "b"; add it to values in the mapping, or say what to do otherwise`}},
		{name: "a text that the table lacks is skipped", mapping: update + "code: {column: X, values: {a: AAA}, otherwise: skip}", cells: []string{"Ticket ID", "5", "X", "c"}, want: []string{},
			problems: []string{`warning M LEFT_OUT: "c" is not in the mapping's table of values, it is left out; as the mapping says (otherwise: skip)`}},
		{name: "a text that the table lacks is kept", mapping: update + "code: {column: X, values: {a: AAA}, otherwise: keep}", cells: []string{"Ticket ID", "5", "X", "CCC"}, want: []string{"code=CCC"}},
		{name: "a text that the table lacks becomes another", mapping: update + "code: {column: X, values: {a: AAA}, otherwise: use ZZZ}", cells: []string{"Ticket ID", "5", "X", "c"}, want: []string{"code=ZZZ"}},
		{name: "a table may make a cell blank", mapping: update + "code: {column: X, values: {n/a: '', a: AAA}, default: DDD}", cells: []string{"Ticket ID", "5", "X", "N/A"}, want: []string{"code=DDD"}},
		{name: "a table translates each of several options", mapping: update + "hs_ticket_category: {column: Tags, split: ',', values: {bug: Product issue, money: 'BILLING_ISSUE;PRODUCT_ISSUE', wontfix: ''}, otherwise: skip}",
			cells: []string{"Ticket ID", "5", "Tags", "Bug, wontfix, odd, money"}, want: []string{"hs_ticket_category=PRODUCT_ISSUE;BILLING_ISSUE"},
			problems: []string{`warning J LEFT_OUT: "odd" is not in the mapping's table of values, it is left out; as the mapping says (otherwise: skip)`}},
		{name: "options of which the table lacks two are one problem", mapping: update + "hs_ticket_category: {column: Tags, split: ',', values: {bug: Product issue}}",
			cells: []string{"Ticket ID", "5", "Tags", "a,bug,b"}, want: []string{},
			problems: []string{`J NOT_IN_TABLE: "a" is not in the mapping's table of values; that has "bug"; "b" is not in the mapping's table of values; that has "bug"; add it to values in the mapping, or say what to do otherwise`}},
		{name: "options of which the table keeps one", mapping: update + "hs_ticket_category: {column: Tags, split: ',', values: {bug: Product issue}, otherwise: keep}",
			cells: []string{"Ticket ID", "5", "Tags", "billing issue,bug"}, want: []string{"hs_ticket_category=BILLING_ISSUE;PRODUCT_ISSUE"}},
		{name: "only separators are no options, with a table as without", mapping: update + "hs_ticket_category: {column: Tags, split: ',', values: {bug: Product issue}, default: BILLING_ISSUE}",
			cells: []string{"Ticket ID", "5", "Tags", " , ,"}, want: []string{},
			problems: []string{`J INVALID_OPTION: " , ," names no option`}},
		{name: "two primary companies in two cells", mapping: update + "content: Description\nassociations:\n  - {to: companies, column: Domain, match: domain, type: primary}\n  - {to: companies, column: X, match: id, label: Primary}\n",
			cells: []string{"Ticket ID", "5", "Domain", "a.example", "X", "77"}, want: []string{},
			problems: []string{`M INVALID_REFERENCE: "a.example" (column L) and "77" (column M) are both to be the primary company, and a ticket has one; leave one of them, or give the others another label or type in the mapping`}},
		{name: "two primary companies in one cell", mapping: update + "content: Description\nassociations:\n  - {to: companies, column: Domain, match: domain, type: primary, split: ';'}\n",
			cells: []string{"Ticket ID", "5", "Domain", "a.example;b.example"}, want: []string{},
			problems: []string{`L INVALID_REFERENCE: "a.example" (column L) and "b.example" (column L) are both to be the primary company, and a ticket has one; leave one of them, or give the others another label or type in the mapping`}},
		{name: "a primary company and another", mapping: update + "content: Description\nassociations:\n  - {to: companies, column: Domain, match: domain, type: primary}\n  - {to: companies, column: X, match: id}\n",
			cells: []string{"Ticket ID", "5", "Domain", "a.example", "X", "77"}, want: []string{}},
		{name: "a column named like a literal is read by row", mapping: update + `code: {expr: 'row["nil"] + row["in"]'}`, cells: []string{"Ticket ID", "5", "nil", "A", "in", "BC"}, want: []string{"code=ABC"}},
		{name: "an expression of a blank cell is blank", mapping: update + "effort: {expr: number(Hours) * 60}", cells: []string{"Ticket ID", "5"}, want: []string{}},
		{name: "an expression keeps decimals", mapping: update + "effort: {expr: number(Hours) * 3}", cells: []string{"Ticket ID", "5", "Hours:n", "0.1"}, want: []string{"effort=0.3"}},
		{name: "an expression reads typed numbers whatever is declared", mapping: "source: {decimal: ','}\n" + update + "effort: {expr: number(Hours) * 2}", cells: []string{"Ticket ID", "5", "Hours:n", "1.234"}, want: []string{"effort=2.468"}},
		{name: "an expression reads typed dates whatever is declared", mapping: "source: {dates: dmy}\n" + update + "due: {expr: day(Created)}", cells: []string{"Ticket ID", "5", "Created:t", "2024-01-31T10:00:00"}, want: []string{"due=2024-01-31"}},
		{name: "an expression makes a moment", mapping: "source: {dates: dmy}\n" + update + `createdate: {expr: 'date(Created) + duration("24h")'}`, cells: []string{"Ticket ID", "5", "Created", "31/01/2024"}, want: []string{"createdate=2024-02-01T03:00:00Z"}},
		{name: "an expression of an error cell", mapping: update + "effort: {expr: number(Hours) * 60}", cells: []string{"Ticket ID", "5", "Hours:e", "#N/A"}, want: []string{},
			problems: []string{`I CELL_ERROR: the cell has the error "#N/A"; correct the formula of the cell, or empty it`}},
		{name: "an expression that fails", mapping: update + "effort: {expr: number(Hours) * 60}", cells: []string{"Ticket ID", "5", "Hours", "abc"}, want: []string{},
			problems: []string{`I EXPRESSION_FAILED: expression "number(Hours) * 60": "abc" is not a number; correct the cells that it reads, or the expression`}},
		{name: "where that fails", mapping: "where: number(Hours) > 1\n" + update + "content: Description", cells: []string{"Ticket ID", "5"}, want: []string{},
			problems: []string{`I EXPRESSION_FAILED: expression "number(Hours) > 1": a cell that it reads as a number or a date is blank; test for it first, e.g. Hours != "" && number(Hours) > 1`}},
		{name: "references are checked", mapping: update + "content: Description\nassociations:\n  - {to: contacts, column: E-mail, match: email, split: ','}\n  - {to: companies, column: Domain, match: domain}\n  - {to: tickets, column: X, match: id}\n",
			cells: []string{"Ticket ID", "5", "E-mail", "a@b.example, Ana <ana@example>", "Domain", "https://example.com", "X", "abc"}, want: []string{},
			problems: []string{
				`K INVALID_EMAIL: "Ana <ana@example>" is not an e-mail address; write only the address, such as ana@example.com`,
				`L INVALID_DOMAIN: "https://example.com" is not a domain; write only the domain, such as example.com, without https:// and path`,
				`M INVALID_ID: "abc" is not a record id; record ids are digits`,
			}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			rec := row(tt.cells...)
			_, problems := compile(t, tt.mapping).Apply(rec)
			require.Equal(t, tt.problems, told(problems))
			require.Equal(t, tt.want, written(rec))
		})
	}
}

func TestDamagedKeys(t *testing.T) {
	t.Parallel()
	const mapping = updateHead + "properties: {content: Description}\n"
	for key, want := range map[string]string{
		"4,50E+11":   `key "4,50E+11" is a number that a spreadsheet program has cut short`,
		"1.2346E+17": `key "1.2346E+17" is a number that a spreadsheet program has cut short`,
		`="00123"`:   `key "=\"00123\"" is written as a formula`,
		"E+11":       "",
		"4E+11":      "",
		"A4,50E+11":  "",
		"4.5E+1x":    "",
		`=""`:        "",
	} {
		_, problems := compile(t, mapping).Apply(row("Ticket ID", key, "Description", "x"))
		if want == "" {
			require.Empty(t, problems, key)
			continue
		}
		require.Len(t, problems, 1, key)
		require.Equal(t, want, problems[0].Message)
	}
}

func TestAddressesWithNames(t *testing.T) {
	t.Parallel()
	const mapping = updateHead + "properties: {content: Description}\nassociations:\n  - {to: contacts, column: E-mail, match: email}\n"
	for cell, want := range map[string]string{
		"Ana@Example.com":                    "ana@example.com",
		"<ana@example.com>":                  "ana@example.com",
		`"Silva, Ana" <Ana@example.com>`:     "ana@example.com",
		"Ana Silva < ana@example.com >":      "ana@example.com",
		"ana@old.example <ana@example.com>":  "",
		"Ana <ana@example.com>, <b@example>": "",
		"Ana <a@b.example> <c@d.example>":    "",
		"Ana <>":                             "",
		"Ana <ana@example.com":               "",
	} {
		rec := row("Ticket ID", "5", "E-mail", cell)
		_, problems := compile(t, mapping).Apply(rec)
		if want == "" {
			require.Len(t, problems, 1, cell)
			require.Contains(t, problems[0].Message, "is not an e-mail address", cell)
			continue
		}
		require.Empty(t, problems, cell)
		require.Equal(t, want, rec.References[0].Value, cell)
	}
}

func TestColumns(t *testing.T) {
	t.Parallel()
	m := compile(t, design)
	require.Equal(t, []string{"Due", "X", "nil", "In"}, m.Unused())
	plans := m.Columns()
	require.Len(t, plans, 12)
	require.Equal(t, transform.ColumnPlan{Column: 0, Header: "Ticket ID", Property: "external_id", Label: "External ID", Type: "string", Conversion: "key, as it is"}, plans[0])
	require.Equal(t, transform.ColumnPlan{Column: 6, Header: "Created", Property: "createdate", Label: "Create date", Type: "datetime",
		Conversion: "date and time, yyyy-MM-dd HH:mm:ss, America/Sao_Paulo → UTC"}, plans[7])
	require.Equal(t, transform.ColumnPlan{Column: 11, Header: "Domain", Label: "companies", Type: "association",
		Conversion: `companies by domain, type primary, parted by ";"`}, plans[11])
	column, ok := m.ColumnOf("createdate")
	require.True(t, ok)
	require.Equal(t, 6, column)
}

// A stage may have as its label what is the id of another one.
func TestStageOfCrossedNames(t *testing.T) {
	t.Parallel()
	s := account()
	s.Pipelines[0].Stages[0].Label = "2"
	s.Pipelines[1].Stages[0].Label = "4"
	const mapping = "operation: update\nkey: {property: hs_object_id, column: Ticket ID}\nproperties: {hs_pipeline: X, hs_pipeline_stage: Status}\n"
	tests := []struct {
		name, pipeline, stage string
		want                  []string
		problem               string
	}{
		{name: "within a pipeline", pipeline: "0", stage: "2", want: []string{},
			problem: `D AMBIGUOUS_STAGE: "2" names several stages: 2 (1), Waiting on us (2); write it as it is listed, with the value in brackets`},
		{name: "as listed", pipeline: "0", stage: "2 (1)", want: []string{"hs_pipeline=0", "hs_pipeline_stage=1"}},
		{name: "over all pipelines", stage: "4", want: []string{},
			problem: `D AMBIGUOUS_STAGE: "4" is a stage of several pipelines: Support Pipeline / Closed, Suporte / 4; map hs_pipeline too, or write the stage as pipeline / stage`},
		{name: "over all pipelines, as listed", stage: "4 (701)", want: []string{"hs_pipeline_stage=701"}},
		{name: "a pipeline as listed", pipeline: "Suporte (77)", stage: "702", want: []string{"hs_pipeline=77", "hs_pipeline_stage=702"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			parsed, err := transform.Parse("m.yaml", []byte(mapping))
			require.NoError(t, err)
			m, err := transform.Compile(parsed, s, etl.NewHeader(deskHeader), transform.CompileOptions{})
			require.NoError(t, err)
			rec := row("Ticket ID", "5", "X", tt.pipeline, "Status", tt.stage)
			_, problems := m.Apply(rec)
			require.Equal(t, tt.want, written(rec))
			if tt.problem == "" {
				require.Empty(t, told(problems))
				return
			}
			require.Equal(t, []string{tt.problem}, told(problems))
		})
	}
}
