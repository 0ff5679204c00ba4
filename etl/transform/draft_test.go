package transform_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/etl/transform"
	"github.com/ticketetl/ticketetl/internal/schema"
)

func TestDraft(t *testing.T) {
	t.Parallel()
	in := transform.DraftInput{
		File: "chamados.csv",
		Header: etl.NewHeader([]string{"Número do chamado", "Assunto", "Descrição", "Situação", "Prioridade", "Responsável",
			"Criado em", "Fechado em", "Due date", "Price", "E-mail do solicitante", "Domínio", "Tags", "Código interno", ""}),
		Samples: [][]string{
			{"CH-1", "Impressora", "Não liga", "Novo", "Alta", "ana@example.com", "31/01/2024 10:00", "01/02/2024", "2024-01-31", "1.234,50", "eva@example.com", "example.com", "Billing issue, Product issue", "7", "x"},
			{"CH-2", "Rede", "Lenta", "Em andamento", "Normal", "Zoe", "01/02/2024 11:00", "02/03/2024", "2024-02-01", "10,00", "rui@example.com", "example.org", "", "8", ""},
		},
		Schema: account(),
		Source: transform.Source{Encoding: "windows-1252", Delimiter: ";"},
	}
	var out bytes.Buffer
	require.NoError(t, transform.Draft(&out, in))
	golden(t, "chamados.yaml", out.Bytes())

	m, err := transform.Parse("draft.yaml", out.Bytes())
	require.NoError(t, err)
	_, err = transform.Compile(m, in.Schema, in.Header, transform.CompileOptions{})
	require.NoError(t, err)
}

// Without anything that fits, the draft says what is needed.
func TestDraftOfStrangeColumns(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, transform.Draft(&out, transform.DraftInput{
		File: "a.xlsx", Header: etl.NewHeader([]string{"Foo", ""}), Samples: [][]string{{"1", "long text"}}, Schema: account(),
		Source: transform.Source{Sheet: "Export", Header: 3, Dates: []string{"iso", "dmy"}},
	}))
	golden(t, "strange.yaml", out.Bytes())
}

// A draft goes by what the cells hold where the name of a column says little.
func TestDraftByContent(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, header string
		cells        []string
		want, never  string
	}{
		{name: "a part of a label, with cells that fit", header: "Hours", cells: []string{"1,5", "2"}, want: `  time_spent:  # "Hours worked": ? part of its label, and the cells fit`},
		{name: "a part of a label, with cells that do not fit", header: "Hours", cells: []string{"many", "2"}, never: "  time_spent:"},
		{name: "options of one property", header: "X1", cells: []string{"Low", "Urgent", "high"}, want: `  hs_ticket_priority:  # "Priority": ? its cells are options of it`},
		{name: "one cell tells nothing", header: "X1", cells: []string{"Low", "Low"}, never: "  hs_ticket_priority:"},
		{name: "yes and no tell nothing", header: "X1", cells: []string{"yes", "no"}, never: "? its cells are"},
		{name: "the only addresses", header: "X1", cells: []string{"a@example.com", "b@example.com"}, want: `{to: contacts, column: "X1", match: email`},
		{name: "no cells, no domains", header: "Company", cells: []string{"", ""}, never: "match: domain"},
		{name: "several domains in a cell", header: "Company domains", cells: []string{"a.example,b.example", "c.example"}, want: `match: domain, missing: skip, split: ","}`},
		{name: "ids of a HubSpot export", header: "Associated Contact IDs", cells: []string{"12;13", ""}, want: `{to: contacts, column: "Associated Contact IDs", match: id, split: ";"}`},
		{name: "capitals part words", header: "createdAt", cells: []string{"2026-01-31", ""}, want: "  createdate:"},
		{name: "numbers in front only sort", header: "Priority", cells: []string{"1 - Critical", "4 - Low"}, want: `"1 - Critical": "Urgent"  # ?`},
		{name: "a number that stands twice is no key", header: "Ticket ID", cells: []string{"7", "7"}, never: "key:"},
		{name: "a date that does not exist among ISO dates", header: "Create date", cells: []string{"2024-02-29 23:59:59", "2024-03-01 08:00:00", "2024-02-30 08:00:00"}, want: `    dates: "iso"  # ? but "2024-02-30 08:00:00" is none of this form`},
		{name: "a date in another form than the others", header: "Create date", cells: []string{"12.03.2024 08:15", "31.03.2024 02:30", "5. März 2024 09:00"}, want: `    dates: "dmy"  # ? but "5. März 2024 09:00" is none of this form`},
		{name: "a month in letters with one odd cell: two patterns read it alike", header: "Created Time", cells: []string{"Jan 03, 2024 03:13 PM", "Feb 12, 2024 11:00 AM", "30"}, want: `    dates: "MMM d, yyyy h:mm a"  # ? but "30" is none of this form`},
		{name: "a day before the month, with AM and PM", header: "Created Time (Ticket)", cells: []string{"03 Jan 2024 06:05 PM", "12 Feb 2024 11:00 AM"}, want: `    dates: "d MMM yyyy h:mm a"`},
		{name: "what a name has in brackets", header: "Status (Ticket)", cells: []string{"Open", "Closed"}, want: "  hs_pipeline_stage:"},
		{name: "addresses of owners are no customers", header: "Handled by", cells: []string{"ana@example.com", "bob@example.com"}, want: "  hubspot_owner_id:", never: "associations:"},
		{name: "a row of totals below is left out", header: "Status", cells: []string{"Open", "Closed", "FOOTER"}, want: "\nwhere: 'row[\"Filler\"] != \"Total:\"'  # ? leaves rows out that are no tickets\n", never: `"": `},
		{name: "a row of totals has no number", header: "Request ID", cells: []string{"1", "2", "TOTALS"}, want: `key: {property: external_id, column: "Request ID"}`},
		{name: "dates of two orders", header: "Create date", cells: []string{"13/01/2024", "01/13/2024", "02/02/2024"}, want: `    # dates: "dd/MM/yyyy HH:mm"  # ? say how`},
		{name: "years of two digits, as Jira writes them", header: "Create date", cells: []string{"12/Mar/24 9:05 AM", "01/Dec/23 12:30 PM"}, want: `    dates: "d/MMM/yy h:mm a"`},
		{name: "names of months in Polish, one of which is another month in Croatian", header: "Create date", cells: []string{"13 lis 2024", "2 sty 2025"}, want: `    dates: "pl: d MMM yyyy"` + "\n"},
		{name: "a name of a month that tells no language", header: "Create date", cells: []string{"13 lis 2024"}, want: `    dates: "pl: d MMM yyyy"  # ? or "hr: d MMM yyyy"`},
		{name: "dates in German words", header: "Create date", cells: []string{"5. März 2024", "12. Dez. 2024"}, want: `    dates: "d. MMM yyyy"`},
		{name: "dates in Japanese", header: "Create date", cells: []string{"2024年3月13日 9:05", "2024年12月1日 10:00"}, want: `    dates: "yyyy年M月d日 H:mm"`},
		{name: "dates in Spanish words", header: "Create date", cells: []string{"5 de marzo de 2024"}, want: `    dates: "d 'de' MMM 'de' yyyy"`},
		{name: "cells of which none is an option", header: "Category", cells: []string{"Zebra", "Giraffe"}, want: "  # ? Column \"Category\" may be hs_ticket_category", never: "  hs_ticket_category:"},
		{name: "a cell of which nothing is known, beside one that is a stage", header: "Status", cells: []string{"New", "Zebra"}, want: "    values:\n      \"New\": \"New\"\n      # \"Zebra\": \"?\"  # ? one of"},
		{name: "an owner by an address whose name another one has too", header: "Assignee", cells: []string{"bob2@example.com", "Zoe"}, want: `"bob2@example.com": "Bob Stone (`},
		{name: "nobody is an owner", header: "Assignee", cells: []string{"ana@example.com", "No Agent"}, want: `"No Agent": ""  # ? nothing`},
		{name: "a dash is no priority", header: "Priority", cells: []string{"high", "-"}, want: `"-": ""  # ? nothing`},
		{name: "one guess among many tags is too little", header: "Tags", cells: []string{"vip,bug", "x,y,z"}, want: "  # ? Column \"Tags\" may be hs_ticket_category", never: "  hs_ticket_category:"},
		{name: "a title in Russian", header: "Тема", cells: []string{"a", "b"}, want: "  subject:"},
		{name: "a title in Arabic, behind a mark of direction", header: "\u200fالموضوع", cells: []string{"a", "b"}, want: "  subject:"},
		{name: "a date in Chinese", header: "创建时间", cells: []string{"2024-03-05 09:05:00"}, want: "  createdate:"},
		{name: "a number in French", header: "N° du ticket", cells: []string{"17", "18"}, want: "key: {property: external_id, column: \"N° du ticket\"}"},
		{name: "channels as help-desks call them", header: "Source", cells: []string{"Phone call (incoming)", "Feedback Widget"}, want: `"Phone call (incoming)": "Phone"  # ?`},
		{name: "most numbers have a decimal comma", header: "Price", cells: []string{"1,5", "2,25", "3,0", "4..5"}, want: `    decimal: ","  # ? but "4..5" is no such number`},
		{name: "points that may part thousands", header: "Price", cells: []string{"1.234", "12.500", "7"}, want: `    # decimal: ","  # ? if 12.500 is more than a thousand here`},
		{name: "points that part a fraction", header: "Price", cells: []string{"1.234", "12.5"}, never: "    # decimal"},
		{name: "most numbers need no sign", header: "Price", cells: []string{"1.5", "2", "n/a"}, want: `    # ? not all cells are numbers, e.g. "n/a"`},
		{name: "years of two digits, in an order that the cells prove", header: "Create date", cells: []string{"13.01.24", "02.02.24"}, want: `    dates: "d.M.yy"` + "\n"},
		{name: "years of two digits, and a time of twelve hours", header: "Create date", cells: []string{"1/13/24 8:15 AM", "2/2/24 12:00 PM"}, want: `    dates: "M/d/yy h:mm a"` + "\n"},
		{name: "years of two digits, in an order that nothing proves", header: "Create date", cells: []string{"01.02.24"}, want: `    # dates: "d.M.yy"  # ? or "M.d.yy": its rows do not tell`},
		{name: "years of two digits whose day is the month", header: "Create date", cells: []string{"02.02.24"}, want: `    dates: "d.M.yy"` + "\n"},
		{name: "times with points", header: "Create date", cells: []string{"13.1.2024 8.15", "2.2.2024 17.00"}, want: `    dates: "d.M.yyyy H.mm"` + "\n"},
		{name: "times in German", header: "Create date", cells: []string{"13.01.2024 um 8:15 Uhr", "02.02.2024 um 17:00 Uhr"}, want: `    dates: "d.M.yyyy 'um' H:mm 'Uhr'"` + "\n"},
		{name: "times in French", header: "Create date", cells: []string{"13/01/2024 à 8h15"}, want: `    dates: "d/M/yyyy 'à' H'h'mm"` + "\n"},
		{name: "as Unix writes dates", header: "Create date", cells: []string{"Wed Mar 13 08:15:00 UTC 2024"}, want: `    dates: "EEE MMM d HH:mm:ss X yyyy"` + "\n"},
		{name: "keys with a fraction of nothing", header: "Ticket ID", cells: []string{"84200.0", "84201.0"}, want: `# ? it looks like the number of the ticket, but a program has put .0 behind it`},
		{name: "the header again", header: "Create date", cells: []string{"2024-01-31", "AGAIN"}, want: "\nwhere: 'row[\"Create date\"] != \"Create date\"'", never: "    dates:"},
		{name: "titles in Portuguese", header: "Nome do ticket", cells: []string{"a", "b"}, want: "  subject:"},
		{name: "titles in French", header: "Titre", cells: []string{"a", "b"}, want: "  subject:"},
		{name: "a title in Japanese", header: "件名", cells: []string{"a", "b"}, want: "  subject:"},
		{name: "hyphens between, and a time", header: "Create date", cells: []string{"11-03-2024 23:05", "25-03-2024 07:10"}, want: "    dates: dmy\n"},
		{name: "hyphens between, in an order that nothing proves", header: "Create date", cells: []string{"11-03-2024 23:05"}, want: "# dates: dmy  # ? or mdy: its rows do not tell the day from the month"},
		{name: "a hash sign numbers tickets", header: "#", cells: []string{"17", "18"}, want: `key: {property: external_id, column: "#"}`},
		{name: "a short word numbers tickets", header: "Nr.", cells: []string{"17", "18"}, want: `key: {property: external_id, column: "Nr."}`},
		{name: "a Japanese word numbers tickets", header: "受付番号", cells: []string{"17", "18"}, want: `key: {property: external_id, column: "受付番号"}`},
		{name: "a hash sign that stands twice is no key", header: "#", cells: []string{"17", "17"}, never: "key:"},
		{name: "a queue whose cells name no pipeline", header: "Queue", cells: []string{"Raw", "Misc"}, never: "  hs_pipeline:"},
		{name: "a queue whose cells name a pipeline", header: "Queue", cells: []string{"Suporte", "Misc"}, want: "  hs_pipeline:"},
		{name: "a priority in German, with its number", header: "Priorität", cells: []string{"5 sehr hoch", "1 sehr niedrig"}, want: `"5 sehr hoch": "Urgent"  # ?`},
		{name: "a priority in French", header: "Priorité", cells: []string{"Très haute", "Basse"}, want: `"Très haute": "Urgent"  # ?`},
		{name: "a stage in French, with more in brackets", header: "Statut", cells: []string{"En cours (Attribué)", "Clos"}, want: `"En cours (Attribué)": "Waiting on us"  # ?`},
		{name: "a stage in Japanese", header: "状態", cells: []string{"対応中", "完了"}, want: `"対応中": "Waiting on us"  # ?`},
		{name: "one generic stage chooses no pipeline", header: "Status", cells: []string{"Open", "In progress", "Fertig"}, want: `hs_pipeline: {value: "Support Pipeline"}`},
		{name: "most stages choose a pipeline", header: "Status", cells: []string{"Novo", "Aguardando contato", "Open"}, want: `hs_pipeline: {value: "Suporte"}`},
		{name: "an order that nothing proves", header: "Create date", cells: []string{"01/02/2026", "03/04/2026"}, want: "# dates: dmy  # ? or mdy: its rows do not tell the day from the month"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			acc := account()
			acc.Pipelines = append(acc.Pipelines, schema.Pipeline{ID: "99", Label: "Werk", DisplayOrder: 3, Stages: []schema.Stage{{ID: "901", Label: "Fertig"}}})
			acc.Properties = append(acc.Properties, schema.Property{Name: "source_type", Label: "Source", Type: "enumeration", FieldType: "radio",
				Options: []schema.Option{{Value: "PHONE", Label: "Phone"}, {Value: "FORM", Label: "Form"}}})
			acc.Properties = append(acc.Properties, schema.Property{Name: "time_spent", Label: "Hours worked", Type: "number", FieldType: "number"})
			in := transform.DraftInput{File: "x.csv", Header: etl.NewHeader([]string{tt.header, "Filler"}), Schema: acc, Whole: true}
			for _, cell := range tt.cells {
				row := []string{cell, "x"}
				if cell == "AGAIN" {
					row = []string{tt.header, "Filler"}
				}
				if cell == "TOTALS" || cell == "FOOTER" {
					row = []string{"", "Total:"}
				}
				in.Samples = append(in.Samples, row)
			}
			var out bytes.Buffer
			require.NoError(t, transform.Draft(&out, in))
			require.Contains(t, out.String(), tt.want)
			if tt.never != "" {
				require.NotContains(t, out.String(), "\n"+tt.never)
				require.NotContains(t, strings.ReplaceAll(out.String(), "# key:", ""), tt.never)
			}
		})
	}
}

// TestDraftInLanguageOfAccount: stages are understood in the account's language, and
// the cells in their own.
func TestDraftInLanguageOfAccount(t *testing.T) {
	t.Parallel()
	acc := account()
	acc.Pipelines = []schema.Pipeline{{ID: "0", Label: "Support-Pipeline", Stages: []schema.Stage{
		{ID: "1", Label: "Neu"}, {ID: "2", Label: "Warten auf Kontakt"}, {ID: "3", Label: "Warten auf uns"}, {ID: "4", Label: "Geschlossen"},
	}}}
	in := transform.DraftInput{
		File: "x.csv", Header: etl.NewHeader([]string{"Sujet", "Statut"}), Schema: acc, Whole: true,
		Samples: [][]string{{"a", "Nouveau"}, {"b", "En attente du client"}, {"c", "En cours"}, {"d", "Résolu"}, {"e", "geschlossen"}},
	}
	var out bytes.Buffer
	require.NoError(t, transform.Draft(&out, in))
	m, err := transform.Parse("draft.yaml", out.Bytes())
	require.NoError(t, err)
	mapper, err := transform.Compile(m, acc, in.Header, transform.CompileOptions{})
	require.NoError(t, err)
	var stages []string
	for _, fields := range in.Samples {
		rec := &etl.Record{Header: in.Header, Fields: fields}
		_, problems := mapper.Apply(rec)
		require.Empty(t, problems)
		stage, _ := rec.Property("hs_pipeline_stage")
		stages = append(stages, stage)
	}
	require.Equal(t, []string{"1", "2", "3", "4", "4"}, stages)
}

// TestDraftOfThousands: a comma that is a decimal one in another column speaks for the
// points of this one.
func TestDraftOfThousands(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, transform.Draft(&out, transform.DraftInput{
		File: "x.csv", Header: etl.NewHeader([]string{"Price", "Rate"}), Schema: account(), Whole: true, Samples: [][]string{{"1.234", "0,5"}, {"12.500", "1,25"}},
	}))
	require.Contains(t, out.String(), `    decimal: ","  # ? as column "Rate" has it; 12.500 is then more than a thousand`)
}

// TestDraftOfMixedDates: cells that are real dates need no form, the texts beside
// them do.
func TestDraftOfMixedDates(t *testing.T) {
	t.Parallel()
	in := transform.DraftInput{
		File: "x.xlsx", Header: etl.NewHeader([]string{"Create date", "Price", "Subject", "Status"}), Schema: account(), Whole: true,
		Samples: [][]string{{"2024-03-11T23:05:00", "1.5", "One", "New"}, {"31.03.2024 08:15", "2,50", "Two", "Closed"}},
		Kinds:   [][]etl.Kind{{etl.DateTime, etl.Number}, nil},
	}
	var out bytes.Buffer
	require.NoError(t, transform.Draft(&out, in))
	require.Contains(t, out.String(), "    dates: dmy\n")
	require.Contains(t, out.String(), `    decimal: ","`+"\n")
	m, err := transform.Parse("draft.yaml", out.Bytes())
	require.NoError(t, err)
	mapper, err := transform.Compile(m, in.Schema, in.Header, transform.CompileOptions{})
	require.NoError(t, err)
	for i := range in.Samples {
		_, problems := mapper.Apply(&etl.Record{Header: in.Header, Fields: in.Samples[i], Kinds: in.Kinds[i]})
		require.Empty(t, problems)
	}
}

// TestDraftAsks: what a person answers stands in the draft, without a doubt.
func TestDraftAsks(t *testing.T) {
	t.Parallel()
	answers := map[string]string{
		"Which column numbers the tickets?":                 `B "Nr"`,
		`Column C "State" becomes …`:                        "Ticket status (hs_pipeline_stage)",
		`Column D "Zzz" becomes …`:                          "Due date (due)",
		"Which pipeline do the tickets go to?":              "Suporte",
		`A cell with "Zu" means …`:                          "Closed",
		`A cell with "Wat" means …`:                         "I do not know: such rows are rejected until the mapping says it",
		`Dates in column D "Zzz" begin with …`:              "the month",
		"When the account has no contact with an address …": "import the ticket without the contact",
	}
	asked := map[string]bool{}
	in := transform.DraftInput{
		File: "x.csv", Schema: account(), Whole: true,
		Header:  etl.NewHeader([]string{"Subject", "Nr", "State", "Zzz", "E-mail"}),
		Samples: [][]string{{"One", "T-1", "Zu", "01/02/2026", "a@example.com"}, {"Two", "T-2", "Wat", "03/04/2026", "b@example.com"}},
		Ask: func(q transform.Question) (int, error) {
			asked[q.Text] = true
			if want, known := answers[q.Text]; known {
				require.Contains(t, q.Choices, want)
				return slices.Index(q.Choices, want), nil
			}
			return q.Default, nil
		},
	}
	var out bytes.Buffer
	require.NoError(t, transform.Draft(&out, in))
	for question := range answers {
		require.True(t, asked[question], "%s was not asked, but %v", question, asked)
	}
	m, err := transform.Parse("draft.yaml", out.Bytes())
	require.NoError(t, err, out.String())
	require.Equal(t, &transform.Key{Property: "external_id", Column: "Nr"}, m.Key)
	for _, line := range []string{
		`key: {property: external_id, column: "Nr"}` + "\n", `  hs_pipeline: {value: "Suporte"}` + "\n", `      "Zu": "Closed"` + "\n", `      # "Wat": "?"  # ? one of`,
		`    dates: mdy` + "\n", `match: email, missing: skip}` + "\n",
	} {
		require.Contains(t, out.String(), line)
	}

	stopped := errors.New("stopped")
	in.Ask = func(transform.Question) (int, error) { return 0, stopped }
	require.ErrorIs(t, transform.Draft(&out, in), stopped)
}

// golden compares got with a file of testdata/draft.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	want, err := os.ReadFile(filepath.Join("testdata", "draft", name))
	require.NoError(t, err)
	require.Equal(t, string(want), string(got))
}
