package samplegen_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/etl/extract"
	"github.com/ticketetl/ticketetl/etl/transform"
	"github.com/ticketetl/ticketetl/internal/sandbox"
)

const mappings = "../../mappings"

// A verdict is what a mapping makes of one row.
type verdict struct {
	record   *etl.Record
	skipped  bool
	problems []etl.Problem // that reject the row
}

// judge applies a mapping to a file of samples.
func judge(t *testing.T, mapping, sample string) []verdict {
	t.Helper()
	m, err := transform.Load(filepath.Join(mappings, mapping))
	require.NoError(t, err)
	file, err := extract.Open(filepath.Join(samples, sample), extract.Options{
		Sheet: m.Source.Sheet, Header: m.Source.Header, Encoding: m.Source.Encoding, Delimiter: m.Source.Delimiter,
	})
	require.NoError(t, err)
	defer file.Close()
	mapper, err := transform.Compile(m, sandbox.DefaultWorld().Schema, file.Header(), transform.CompileOptions{})
	require.NoError(t, err)

	var verdicts []verdict
	for {
		rec, err := file.Next(context.Background())
		var bad *etl.RowError
		switch {
		case err == io.EOF:
			return verdicts
		case errors.As(err, &bad):
			verdicts = append(verdicts, verdict{record: rec, problems: []etl.Problem{bad.Problem}})
			continue
		}
		require.NoError(t, err)
		v := verdict{record: rec}
		v.skipped, v.problems = mapper.Apply(rec)
		v.problems = slices.DeleteFunc(v.problems, func(p etl.Problem) bool { return p.Warning })
		verdicts = append(verdicts, v)
	}
}

func TestEachMappingReadsItsSample(t *testing.T) {
	t.Parallel()
	tests := []struct {
		mapping, sample string
		rows            int
		firstKey        string
		firstStage      string
	}{
		{"chamados.yaml", "chamados.csv", 1000, "CH-004200", "421830004"},
		{"chamados.yaml", "chamados.xlsx", 1000, "CH-004200", "421830004"},
		{"zendesk.yaml", "zendesk.csv", 20, "84200", "3"},
		{"jira.yaml", "jira.csv", 20, "SUP-4200", "3"},
		{"freshdesk.yaml", "freshdesk.csv", 20, "4200", "1"},
		{"servicenow.yaml", "servicenow.csv", 20, "INC1004200", "3"},
		{"github-issues.yaml", "github-issues.csv", 15, "https://git.example/desk/app/issues/4200", "1"},
		{"workbook.yaml", "workbook.csv", 12, "4200", "3"},
		{"hubspot-export.yaml", "hubspot-export.csv", 15, "19000004200", "3"},
	}
	for _, tt := range tests {
		t.Run(tt.mapping+" "+tt.sample, func(t *testing.T) {
			t.Parallel()
			verdicts := judge(t, tt.mapping, tt.sample)
			require.Len(t, verdicts, tt.rows)
			for _, v := range verdicts {
				require.Empty(t, v.problems, v.record.Pos.String())
				require.False(t, v.skipped, v.record.Pos.String())
			}
			first := verdicts[0].record
			require.Equal(t, tt.firstKey, first.Key)
			require.Equal(t, tt.firstStage, valueOf(first, "hs_pipeline_stage"))
		})
	}
}

func TestEachMappingHasATest(t *testing.T) {
	t.Parallel()
	entries, err := os.ReadDir(mappings)
	require.NoError(t, err)
	var names []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".yaml") {
			names = append(names, e.Name())
		}
	}
	require.Equal(t, []string{
		"chamados.yaml", "freshdesk.yaml", "github-issues.yaml", "hubspot-export.yaml", "jira.yaml", "servicenow.yaml", "workbook.yaml", "zendesk.yaml",
	}, names, "add a new mapping to TestEachMappingReadsItsSample")
}

func TestTextAndWorkbookGiveTheSameTickets(t *testing.T) {
	t.Parallel()
	text, book := judge(t, "chamados.yaml", "chamados.csv"), judge(t, "chamados.yaml", "chamados.xlsx")
	require.Len(t, book, len(text))
	for i := range text {
		a, b := text[i].record, book[i].record
		require.Equal(t, a.Key, b.Key)
		require.Equal(t, a.References, b.References, a.Key)
		for _, p := range a.Properties {
			require.Equal(t, numeric(p.Name, p.Value), numeric(p.Name, valueOf(b, p.Name)), "%s %s", a.Key, p.Name)
		}
		require.Len(t, b.Properties, len(a.Properties), a.Key)
	}
}

// numeric brings a number to one spelling: a text cell keeps the zero of
// "120,50" that a number cell does not have.
func numeric(property, value string) string {
	if property != "valor_cobrado" || value == "" {
		return value
	}
	f, err := strconv.ParseFloat(value, 64)
	if err != nil {
		return value
	}
	return strconv.FormatFloat(f, 'f', -1, 64)
}

// The second ticket, cell by cell, worked out by hand.
func TestOneChamadoCellByCell(t *testing.T) {
	t.Parallel()
	second := judge(t, "chamados.yaml", "chamados.csv")[1].record
	want := map[string]string{
		"external_id":        "CH-004201",
		"subject":            "Férias calculadas em dobro (escritório Florianópolis)",
		"hs_pipeline":        "210455301",
		"hs_pipeline_stage":  "421830006",
		"hs_ticket_priority": "MEDIUM",
		"categoria":          "cat_trn",
		"sistema_origem":     "chamados",
		"produto":            "prod_02",
		"regiao":             "BR-NE",
		"canal_entrada":      "loja",
		"createdate":         "2025-08-04T17:59:00Z",
		"closed_date":        "2025-08-10T03:13:00Z",
		"data_vencimento":    "2025-08-22",
		"horas_trabalhadas":  "11.75",
		"effort":             "705",
		"valor_cobrado":      "185.04",
		"urgente":            "true",
		"nota_satisfacao":    "5.5",
		"cep":                "39851847",
		"protocolo":          "202602007001000003",
	}
	for name, value := range want {
		require.Equal(t, value, valueOf(second, name), name)
	}
	require.Contains(t, valueOf(second, "content"), "\nO colega disse: \"ontem funcionava\".\n")
}

// Everything that the samples refer to is there, so that an import into the
// sandbox ends without an error.
func TestReferencesOfTheSamplesExist(t *testing.T) {
	t.Parallel()
	w := sandbox.DefaultWorld()
	known := map[string]map[string]int{
		"contacts email":   count(w.Contacts, func(s sandbox.Seed) string { return s.Properties["email"] }),
		"contacts id":      count(w.Contacts, func(s sandbox.Seed) string { return s.ID }),
		"companies domain": count(w.Companies, func(s sandbox.Seed) string { return s.Properties["domain"] }),
		"companies id":     count(w.Companies, func(s sandbox.Seed) string { return s.ID }),
	}
	files := map[string]string{
		"chamados.csv": "chamados.yaml", "zendesk.csv": "zendesk.yaml", "freshdesk.csv": "freshdesk.yaml",
		"workbook.csv": "workbook.yaml", "hubspot-export.csv": "hubspot-export.yaml",
	}
	for sample, mapping := range files {
		found := 0
		for _, v := range judge(t, mapping, sample) {
			for _, ref := range v.record.References {
				n := known[ref.To+" "+ref.Match][strings.ToLower(ref.Value)]
				found += n
				require.LessOrEqual(t, n, 1, "%s %s is ambiguous", ref.To, ref.Value)
				require.True(t, n == 1 || ref.Missing == "skip", "%s: no %s %s", v.record.Pos, ref.To, ref.Value)
			}
		}
		require.Greater(t, found, 10, sample)
	}
}

// The mapper finds the mistakes that a row shows by itself; a contact that does
// not exist, an ambiguous domain and a key that is there twice come to light
// later in a run.
func TestMistakesAreFoundWhereTheyAre(t *testing.T) {
	t.Parallel()
	later := []string{"REFERENCE_NOT_FOUND", "REFERENCE_AMBIGUOUS", "DUPLICATE_KEY"}
	expected := map[int][]string{}
	for _, row := range commas(t, filepath.Join(samples, "erros.expected.csv"))[1:] {
		n, err := strconv.Atoi(row[0])
		require.NoError(t, err)
		expected[n] = row
	}
	verdicts := judge(t, "chamados.yaml", "erros.csv")
	skipped := 0
	for _, v := range verdicts {
		want, mistaken := expected[v.record.Pos.Row]
		if v.skipped {
			skipped++
		}
		if !mistaken || slices.Contains(later, want[5]) {
			require.Empty(t, v.problems, v.record.Pos.String())
			continue
		}
		require.Len(t, v.problems, 1, "%s: %s", v.record.Pos, want[6])
		p := v.problems[0]
		require.Equal(t, want[5], p.Code, want[6])
		require.Equal(t, want[1], strconv.Itoa(v.record.Pos.Line), want[6])
		require.Equal(t, want[2], etl.ColumnLetter(p.Column), want[6])
		require.True(t, strings.HasPrefix(p.Value, want[4]), "%s: value %q", want[6], p.Value)
		require.NotEmpty(t, p.Hint, want[6])
	}
	require.Equal(t, 1, skipped)
	require.Len(t, verdicts, 32)
}

func valueOf(rec *etl.Record, property string) string {
	value, _ := rec.Property(property)
	return value
}

func count(seeds []sandbox.Seed, of func(sandbox.Seed) string) map[string]int {
	n := map[string]int{}
	for _, s := range seeds {
		n[of(s)]++
	}
	return n
}
