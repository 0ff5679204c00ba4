package transform_test

import (
	"bytes"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/etl/transform"
)

// layouts are forms of dates with the layout of the standard library that
// writes them.
var layouts = map[string]string{
	"iso": "2006-01-02T15:04:05.000Z07:00", "dmy": "2/1/2006 15:04:05.000", "mdy": "01-02-2006 3:04:05.000 PM",
	"dd/MM/yyyy HH:mm:ss.SSS":       "02/01/2006 15:04:05.000",
	"d.M.yyyy, h:mm:ss,SSS a":       "2.1.2006, 3:04:05,000 PM",
	"MMMM d, yyyy HH:mm:ss.SSS XXX": "January 2, 2006 15:04:05.000 -07:00",
	"yyyyMMdd'T'HHmmss.SSSZ":        "20060102T150405.000-0700",
	"d-MMM-yyyy H:mm:ss.SSS":        "2-Jan-2006 15:04:05.000",
}

// A moment written in any form reads back to itself, in any zone.
func TestDatesReadBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		form := rapid.SampledFrom([]string{"iso", "dmy", "mdy", "dd/MM/yyyy HH:mm:ss.SSS", "d.M.yyyy, h:mm:ss,SSS a",
			"MMMM d, yyyy HH:mm:ss.SSS XXX", "yyyyMMdd'T'HHmmss.SSSZ", "d-MMM-yyyy H:mm:ss.SSS"}).Draw(t, "form")
		zone := rapid.SampledFrom([]string{"UTC", "America/Sao_Paulo", "Europe/Berlin", "Asia/Kathmandu", "Pacific/Apia", "Australia/Lord_Howe"}).Draw(t, "zone")
		loc, err := time.LoadLocation(zone)
		require.NoError(t, err)
		at := time.UnixMilli(rapid.Int64Range(-2_000_000_000_000, 6_000_000_000_000).Draw(t, "ms")).In(loc)
		if _, offset := at.Zone(); offset%60 != 0 {
			return // an offset with seconds, as before standard time, has no text form
		}
		text := at.Format(layouts[form])
		got, ok := transform.ReadDate(text, form, zone, false, etl.Text)
		if !ok {
			require.True(t, occursTwice(at), "%s as %s in %s", text, form, zone)
			return
		}
		read, err := time.Parse(time.RFC3339, got)
		require.NoError(t, err)
		require.True(t, read.Equal(at), "%s as %s in %s became %s", text, form, zone, got)
	})
}

// occursTwice says whether clocks of at's zone show at's time a second time.
func occursTwice(at time.Time) bool {
	const form = "2006-01-02T15:04:05.000"
	for d := 10 * time.Minute; d <= 25*time.Hour; d += 10 * time.Minute {
		if at.Add(d).Format(form) == at.Format(form) || at.Add(-d).Format(form) == at.Format(form) {
			return true
		}
	}
	return false
}

// Numbers keep their exact value, however they are grouped, and what is written
// reads to itself.
func TestNumbersKeepTheirValue(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		whole := rapid.StringMatching(`[1-9][0-9]{0,20}`).Draw(t, "whole")
		fraction := rapid.StringMatching(`([0-9]{1,8})?`).Draw(t, "fraction")
		sign := rapid.SampledFrom([]string{"", "-"}).Draw(t, "sign")
		group := rapid.SampledFrom([]string{"", ".", " ", "'", "\u00a0"}).Draw(t, "group")
		plain, text := sign+whole, sign+grouped(whole, group)
		if fraction != "" {
			plain, text = plain+"."+fraction, text+","+fraction
		}
		got, ok := transform.ReadNumber(text, ',')
		require.True(t, ok, text)
		require.Equal(t, plain, got)
		again, ok := transform.ReadNumber(got, 0)
		require.True(t, ok)
		require.Equal(t, got, again)
	})
}

func grouped(digits, sign string) string {
	var parts []string
	for len(digits) > 3 {
		parts = append([]string{digits[len(digits)-3:]}, parts...)
		digits = digits[:len(digits)-3]
	}
	return strings.Join(append([]string{digits}, parts...), sign)
}

// Every option is found by its value and its label, in any case.
func TestOptionsMapBack(t *testing.T) {
	t.Parallel()
	m := compile(t, "operation: update\nkey: {property: external_id, column: Ticket ID}\nproperties: {hs_ticket_priority: X}\n")
	for _, o := range account().Property("hs_ticket_priority").Options {
		for _, text := range []string{o.Value, o.Label, strings.ToUpper(o.Label), "  " + strings.ToLower(o.Label) + "\u00a0"} {
			rec := row("Ticket ID", "1", "X", text)
			_, problems := m.Apply(rec)
			require.Empty(t, problems)
			require.Equal(t, []string{"hs_ticket_priority=" + o.Value}, written(rec))
		}
	}
}

// A drafted mapping can be read, whatever the columns are called and hold.
func TestDraftsParse(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		header := etl.NewHeader(rapid.SliceOfN(rapid.OneOf(rapid.String(), rapid.SampledFrom(deskHeader)), 1, 8).Draw(t, "header"))
		samples := rapid.SliceOfN(rapid.SliceOfN(rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"1/2/2024", "1,5", "open", "High"})), header.Len(), header.Len()), 0, 3).Draw(t, "samples")
		var out bytes.Buffer
		require.NoError(t, transform.Draft(&out, transform.DraftInput{File: "a\nb.csv", Header: header, Samples: samples, Schema: account()}))
		m, err := transform.Parse("draft.yaml", out.Bytes())
		require.NoError(t, err, out.String())
		for _, p := range m.Properties {
			if p.Name == "hs_pipeline" && p.Column == "" {
				continue // the pipeline whose stages the cells name
			}
			_, ok := header.Column(p.Column)
			require.True(t, ok, "%q\n%s", p.Column, out.String())
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{design, "", "- a", "a: [", "operation: create\nproperties: {a: {values: {1: 2}}}", "? a\n: b", "a: &x 1\nb: *x",
		"operation: create\nassociations:\n- to: contacts\n", "a: |\n  b\n c", "%YAML 1.2\n---\na: 1", "<<: {a: 1}", "'\"", "properties: {\"\": x}"} {
		f.Add([]byte(seed))
	}
	header := etl.NewHeader(deskHeader)
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := transform.Parse("f.yaml", data)
		if err != nil {
			require.NotEmpty(t, err.Error())
			return
		}
		mapper, err := transform.Compile(m, account(), header, transform.CompileOptions{})
		if err == nil {
			mapper.Apply(row("Ticket ID", "1", "Subject", "a", "Status", "New", "Hours", "1", "X", "x"))
		}
	})
}

func FuzzNumber(f *testing.F) {
	for _, seed := range []string{"1", "-0.0", "1.234,5", "+5", "1e5", "١٢", "1 234", ".5", "5.", "--1", "−1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, decimal := range []byte{0, ',', '.'} {
			got, ok := transform.ReadNumber(text, decimal)
			if !ok {
				continue
			}
			_, isNumber := new(big.Rat).SetString(got)
			require.True(t, isNumber, "%q became %q", text, got)
			again, ok := transform.ReadNumber(got, 0)
			require.True(t, ok)
			require.Equal(t, got, again)
		}
	})
}

func FuzzDate(f *testing.F) {
	for _, form := range []string{"iso", "dmy", "mdy", "epoch", "epoch-ms", "dd/MM/yyyy HH:mm", "d MMM yyyy h:mm a XXX", "yyyyMMddHHmmssSSS", "''yyyy''MM dd", "pl: d MMM yyyy", "EEE d MMM yyyy", "yyyy年M月d日(EEE)"} {
		for _, text := range []string{"2024-01-31T10:00:00Z", "31/01/2024 10:00 pm", "1700000000", "3 mar. 2024 1:00 AM +02:00", "2024-02-30", "13 lis 2024", "śr. 13 mar 2024", "2024年3月13日(水)", "5 ส.ค. 2567", "0000-01-01"} {
			f.Add(text, form)
		}
	}
	f.Fuzz(func(t *testing.T, text, form string) {
		for _, day := range []bool{true, false} {
			got, ok := transform.ReadDate(text, form, "America/Sao_Paulo", day, etl.Text)
			if !ok {
				continue
			}
			again, ok := transform.ReadDate(got, "iso", "Europe/Berlin", day, etl.Text)
			require.True(t, ok, "%q became %q", text, got)
			require.Equal(t, got, again)
		}
	})
}

// An expression of any text is a fault, or gives each row a value or a problem.
func FuzzExpression(f *testing.F) {
	for _, seed := range []string{`Subject`, `row["Hours"] + 1`, `number(Hours) * 60`, `join("-", Subject, X)`, `day(Created)`, `date(Due, "d MMM yyyy")`, `extract(X, "(a+)+$")`,
		`replaceMatches(X, "a", "$0$0")`, `part(X, ",", -1)`, `Subject[0:3]`, `round(1/0)`, `text(date(Created)) + upper(X)`, `X matches "("`, `coalesce("", X) ?? nil`, `1..9`, `blank(X) ? "a" : Hours`} {
		f.Add(seed, "1,5")
	}
	header := etl.NewHeader(deskHeader)
	f.Fuzz(func(t *testing.T, text, cell string) {
		if !utf8.ValidString(text) || !utf8.ValidString(cell) || strings.ContainsFunc(text, unicode.IsControl) {
			return // no mapping and no row has these
		}
		m, err := transform.Parse("f.yaml", []byte("operation: create\nproperties:\n  subject: Subject\n  hs_pipeline_stage: {value: Novo}\n  content: {expr: '"+strings.ReplaceAll(text, "'", "''")+"'}\n"))
		if err != nil {
			return
		}
		mapper, err := transform.Compile(m, account(), header, transform.CompileOptions{})
		if err != nil {
			require.NotEmpty(t, err.Error())
			return
		}
		rec := row("Subject", cell, "Hours", cell, "X", cell, "Created", "2024-01-31 10:00", "Due", cell)
		_, problems := mapper.Apply(rec)
		value, _ := rec.Property("content")
		require.True(t, utf8.ValidString(value))
		for _, p := range problems {
			require.NotEmpty(t, p.Code+p.Message)
		}
	})
}

// A draft of any table is a mapping that can be read and fits it.
func FuzzDraft(f *testing.F) {
	for _, seed := range []string{
		"Ticket ID\tSubject\tStatus\n1\tA\tNew\n2\tB\tZu\nTotal\t\t3", "#\tTitre\tStatut\n1\tx\tEn cours\n", "a\ta\t\n1\t2\t3", "件名\t状態\n=1+1\t対応中\n合計\t",
		"Created\tHours\tTags\n13 lis 2024\t1,5\ta|b\n01/02/2024\t1.5\tc;d", "Priority\n\"\\\n'# ?", "Assignee\tE-mail\nNo Agent\ta@example.com\nbob2@example.com\tb@example.org",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data string) {
		if !utf8.ValidString(data) {
			return // no source gives such a text
		}
		in := transform.DraftInput{File: "f.csv", Schema: account(), Whole: true}
		for i, line := range strings.Split(data, "\n") {
			cells := strings.Split(line, "\t")
			if i == 0 {
				in.Header = etl.NewHeader(cells)
				continue
			}
			in.Samples = append(in.Samples, append(cells, make([]string, in.Header.Len())...)[:in.Header.Len()])
		}
		var out bytes.Buffer
		require.NoError(t, transform.Draft(&out, in))
		m, err := transform.Parse("draft.yaml", out.Bytes())
		require.NoError(t, err, out.String())
		if _, err := transform.Compile(m, in.Schema, in.Header, transform.CompileOptions{}); err != nil {
			require.Contains(t, err.Error(), "needs", "only what no column is for is missing: %s", out.String())
		}
	})
}

func ExampleFaults() {
	_, err := transform.Parse("desk.yaml", []byte("operation: create\nproperties:\n  subject: {colum: Subject}\n"))
	fmt.Println(err)
	// Output:
	// desk.yaml:3:3: property "subject" needs exactly one of column, value, expr
	// desk.yaml:3:13: unknown key "colum"; nearest is "column"
}
