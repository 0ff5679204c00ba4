package report_test

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/internal/report"
)

var desk = etl.NewHeader([]string{"Ticket ID", "Subject", "Priority"})

func url(id string) string { return "https://app.example.com/tickets/" + id }

// record is a row of desk.csv.
func record(row int, fields ...string) *etl.Record {
	return &etl.Record{
		Seq: int64(row - 1), Pos: etl.Position{File: "desk.csv", Row: row, Line: row + 1},
		Header: desk, Fields: fields, Key: fields[0],
		Properties: []etl.Property{{Name: "subject", Value: fields[1]}, {Name: "hs_pipeline_stage", Value: "1"}},
	}
}

func badPriority(value string) etl.Problem {
	return etl.Problem{
		Column: 2, Property: "hs_ticket_priority", Value: value, Code: "INVALID_OPTION",
		Message: fmt.Sprintf("%q is not one of LOW, HIGH", value), Hint: "write LOW or HIGH",
	}
}

var conflict = etl.Problem{Column: -1, Code: "CONFLICT", Message: "a ticket with this key exists already"}

func create(t testing.TB, opts report.Options) (*report.Writer, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "runs", "1")
	w, err := report.Create(dir, opts)
	require.NoError(t, err)
	t.Cleanup(func() { _ = w.Close() })
	return w, dir
}

// someRows adds one row of each kind that goes to a file of its own.
func someRows(t testing.TB, w *report.Writer) {
	t.Helper()
	late := badPriority("")
	late.Column, late.Property, late.Code, late.Message, late.Warning = 1, "subject", "TRIMMED", "blanks were cut", true
	for _, row := range []struct {
		rec *etl.Record
		out etl.Outcome
	}{
		{record(2, "T-1", "Printer", "LOW"), etl.Outcome{Status: etl.Created, ID: "501"}},
		{record(3, "=T+2", "-1+1", "p9"), etl.Outcome{Status: etl.Rejected, Problems: []etl.Problem{late, badPriority("p9"), conflict}}},
		{record(4, "T-3", "two\r\nlines", "LOW"), etl.Outcome{Status: etl.Failed, Problems: []etl.Problem{conflict}}},
		{record(5, "T-4", "Lost", "LOW"), etl.Outcome{Status: etl.InDoubt}},
	} {
		require.NoError(t, w.Add(row.rec, row.out))
	}
}

func collect[T any](t testing.TB, read func(string, func(T) error) error, path string) []T {
	t.Helper()
	var all []T
	require.NoError(t, read(path, func(one T) error { all = append(all, one); return nil }))
	return all
}

func TestFilesOfARun(t *testing.T) {
	t.Parallel()
	w, dir := create(t, report.Options{Columns: report.Columns(desk), RecordURL: url})
	someRows(t, w)
	require.Equal(t, report.Files{Results: "results.csv", Errors: "errors.csv", Failed: "failed.csv", InDoubt: "in-doubt.csv"}, w.Files())
	require.NoError(t, w.Close())
	require.NoError(t, w.Close(), "a second time does nothing")

	want := map[string]string{
		"results.csv": `file,sheet,row,line,key,outcome,ticket_id,url,message
desk.csv,,2,3,T-1,created,501,https://app.example.com/tickets/501,
desk.csv,,3,4,'=T+2,rejected,,,"column ""Priority"": ""p9"" is not one of LOW, HIGH"
desk.csv,,4,5,T-3,failed,,,a ticket with this key exists already
desk.csv,,5,6,T-4,in-doubt,,,
`,
		"errors.csv": `file,sheet,row,line,column,header,property,value,code,message,hint,severity,outcome
desk.csv,,3,4,B,Subject,subject,,TRIMMED,blanks were cut,write LOW or HIGH,warning,rejected
desk.csv,,3,4,C,Priority,hs_ticket_priority,p9,INVALID_OPTION,"""p9"" is not one of LOW, HIGH",write LOW or HIGH,error,rejected
desk.csv,,3,4,,,,,CONFLICT,a ticket with this key exists already,,error,rejected
desk.csv,,4,5,,,,,CONFLICT,a ticket with this key exists already,,error,failed
`,
		"failed.csv": `Ticket ID,Subject,Priority,ticketetl_outcome,ticketetl_errors,ticketetl_file,ticketetl_row,ticketetl_kinds,ticketetl_sheet
'=T+2,'-1+1,p9,rejected,"column ""Priority"": ""p9"" is not one of LOW, HIGH | a ticket with this key exists already | column ""Subject"": blanks were cut",desk.csv,3,sss,
T-3,"two` + "\r\n" + `lines",LOW,failed,a ticket with this key exists already,desk.csv,4,sss,
`,
		"in-doubt.csv": `file,sheet,row,line,key,outcome,ticket_id,url,message,subject,pipeline,stage,create_date
desk.csv,,5,6,T-4,in-doubt,,,,Lost,,1,
`,
	}
	for name, text := range want {
		data, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		require.Equal(t, text, string(data), name)
		info, err := os.Stat(filepath.Join(dir, name))
		require.NoError(t, err)
		require.Equal(t, fs.FileMode(0o600), info.Mode().Perm(), name)
	}
	info, err := os.Stat(dir)
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o700), info.Mode().Perm())
}

func TestFilesAreReadBack(t *testing.T) {
	t.Parallel()
	w, dir := create(t, report.Options{Columns: report.Columns(desk), RecordURL: url})
	someRows(t, w)
	require.NoError(t, w.Close())

	results := collect(t, report.ReadResults, filepath.Join(dir, report.ResultsFile))
	require.Len(t, results, 4)
	require.Equal(t, report.ResultRow{
		File: "desk.csv", Row: 3, Line: 4, Key: "=T+2", Outcome: "rejected",
		Message: `column "Priority": "p9" is not one of LOW, HIGH`,
	}, results[1])
	errs := collect(t, report.ReadErrors, filepath.Join(dir, report.ErrorsFile))
	require.Len(t, errs, 4)
	require.Equal(t, report.SeverityWarning, errs[0].Severity)
	doubts := collect(t, report.ReadInDoubt, filepath.Join(dir, report.InDoubtFile))
	require.Equal(t, "Lost", doubts[0].Subject)

	groups, err := report.GroupErrors(filepath.Join(dir, report.ErrorsFile))
	require.NoError(t, err)
	require.Equal(t, w.Problems(), groups)
}

func TestGoodRunHasNoFilesToMend(t *testing.T) {
	t.Parallel()
	w, dir := create(t, report.Options{Columns: report.Columns(desk)})
	require.NoError(t, w.Add(record(2, "T-1", "Printer", "LOW"), etl.Outcome{Status: etl.Created, ID: "1"}))
	require.NoError(t, w.Close())
	require.Equal(t, report.Files{Results: "results.csv", Errors: "errors.csv"}, w.Files())
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	require.Equal(t, []string{filepath.Join(dir, "errors.csv"), filepath.Join(dir, "results.csv")}, files)
}

func TestReportsOfAnotherRunStay(t *testing.T) {
	t.Parallel()
	w, dir := create(t, report.Options{})
	require.NoError(t, w.Close())
	_, err := report.Create(dir, report.Options{})
	require.ErrorIs(t, err, fs.ErrExist)
	require.ErrorContains(t, err, "run folder "+dir+": ")
}

func TestFailedKeepsColumnsOfAllInputs(t *testing.T) {
	t.Parallel()
	first := etl.NewHeader([]string{"ID", "", "Name"})
	second := etl.NewHeader([]string{"Name", "Due", "", "ID", "ticketetl_kinds"})
	columns := report.Columns(first, second)
	require.Equal(t, []string{"ID", "", "Name", "Due", "C"}, columns)

	w, dir := create(t, report.Options{Columns: columns})
	out := etl.Outcome{Status: etl.Rejected}
	require.NoError(t, w.Add(&etl.Record{Header: first, Fields: []string{"1", "x", "Ana"},
		Kinds: []etl.Kind{etl.Number, etl.Text, etl.CellError}}, out))
	require.NoError(t, w.Add(&etl.Record{Header: second, Fields: []string{"Rui", "2026-01-02", "y", "2", "old"},
		Kinds: []etl.Kind{etl.Text, etl.Date}}, out))
	require.NoError(t, w.Add(&etl.Record{Header: second, Fields: []string{"short"}}, out))
	require.NoError(t, w.Close())

	lines := readCSV(t, filepath.Join(dir, report.FailedFile))
	require.Equal(t, []string{"1", "x", "Ana", "", ""}, lines[1][:5])
	require.Equal(t, "nsess", lines[1][9])
	require.Equal(t, []string{"2", "", "Rui", "2026-01-02", "y"}, lines[2][:5])
	require.Equal(t, "sssds", lines[2][9])
	require.Equal(t, []string{"", "", "short", "", ""}, lines[3][:5])

	err := w.Add(&etl.Record{Header: etl.NewHeader([]string{"Other"}), Fields: []string{"1"}}, out)
	require.EqualError(t, err, `failed.csv: column A "Other" is not among the columns of the inputs`)
}

func readCSV(t testing.TB, path string) [][]string {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	lines, err := csv.NewReader(f).ReadAll()
	require.NoError(t, err)
	return lines
}

// TestFailedRowsSurvive: whatever stands in the cells, unguarding what
// failed.csv holds gives it back. encoding/csv reads \r\n in a cell as \n.
func TestFailedRowsSurvive(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		cell := rapid.OneOf(rapid.String(), rapid.StringMatching(`['=+@\t\n",;-]{0,4}[0-9a]{0,3}`))
		fields := rapid.SliceOfN(cell, 3, 3).Draw(rt, "fields")
		dir, err := os.MkdirTemp("", "report-")
		require.NoError(rt, err)
		defer os.RemoveAll(dir)
		w, err := report.Create(dir, report.Options{Columns: report.Columns(desk)})
		require.NoError(rt, err)
		require.NoError(rt, w.Add(record(2, fields...), etl.Outcome{Status: etl.Rejected}))
		require.NoError(rt, w.Close())
		lines := readCSV(t, filepath.Join(dir, report.FailedFile))
		require.Len(rt, lines, 2)
		for i, want := range fields {
			require.Equal(rt, strings.ReplaceAll(want, "\r\n", "\n"), etl.UnguardCell(lines[1][i]))
		}
	})
}

// TestRowsAreOnDiskWithinSeconds looks at the files of a run that is killed.
func TestRowsAreOnDiskWithinSeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, dir := create(t, report.Options{Columns: report.Columns(desk)})
		count := func() int { return len(readCSV(t, filepath.Join(dir, report.ResultsFile))) - 1 }
		someRows(t, w)
		require.Zero(t, count(), "many rows are written together")
		time.Sleep(3 * time.Second)
		require.NoError(t, w.Add(record(6, "T-5", "Next", "LOW"), etl.Outcome{Status: etl.Created}))
		require.Equal(t, 5, count())
		require.Len(t, readCSV(t, filepath.Join(dir, report.FailedFile)), 3)
		require.Len(t, readCSV(t, filepath.Join(dir, report.ErrorsFile)), 5)
		require.Len(t, readCSV(t, filepath.Join(dir, report.InDoubtFile)), 2)
	})
}

func TestManyRowsAreWrittenOnTheWay(t *testing.T) {
	t.Parallel()
	w, dir := create(t, report.Options{Columns: report.Columns(desk)})
	const n = 5000
	for row := range n {
		require.NoError(t, w.Add(record(row+2, fmt.Sprint(row), "s", "p9"), etl.Outcome{Status: etl.Rejected, Problems: []etl.Problem{badPriority("p9")}}))
	}
	data, err := os.ReadFile(filepath.Join(dir, report.ResultsFile))
	require.NoError(t, err)
	require.Greater(t, bytes.Count(data, []byte("\n")), n-1000)
	require.True(t, bytes.HasSuffix(data, []byte("\n")), "complete lines only")
	require.NoError(t, w.Close())
	require.Len(t, readCSV(t, filepath.Join(dir, report.ResultsFile)), n+1)
	require.Len(t, readCSV(t, filepath.Join(dir, report.ErrorsFile)), n+1)
	require.Len(t, readCSV(t, filepath.Join(dir, report.FailedFile)), n+1)
	require.EqualValues(t, n, w.Totals()[etl.Rejected])
	require.EqualValues(t, n, w.Totals().Sum())
}

func TestRedactHidesValues(t *testing.T) {
	t.Parallel()
	w, dir := create(t, report.Options{Columns: report.Columns(desk), Redact: true, RecordURL: url})
	rec := record(3, "SECRET-KEY", "Secret subject", "secret1;secret2")
	rec.References = []etl.Reference{{Value: "secret@example.com"}}
	problem := func(message, hint string) etl.Problem {
		return etl.Problem{Column: 2, Property: "hs_ticket_priority", Value: "secret1;secret2", Code: "C", Message: message, Hint: hint}
	}
	out := etl.Outcome{Status: etl.Failed, ID: "9", Problems: []etl.Problem{
		problem(`"secret1" is not one of LOW, HIGH`, `give "Priority" another value than secret2, as "hs_ticket_priority" has`),
		problem(`no contact has the e-mail Secret@Example.com`, `secret-key: look it up`),
		problem(`Property values were not valid: "secret subje...`, ``),
		problem(`İ secret1`, ``),
	}}
	require.NoError(t, w.Add(rec, out))
	require.NoError(t, w.Add(rec, etl.Outcome{Status: etl.InDoubt}))
	require.NoError(t, w.Close())

	require.NoFileExists(t, filepath.Join(dir, report.FailedFile))
	require.Empty(t, w.Files().Failed)
	errs := collect(t, report.ReadErrors, filepath.Join(dir, report.ErrorsFile))
	require.Equal(t, `"[redacted]" is not one of LOW, HIGH`, errs[0].Message)
	require.Equal(t, `give "Priority" another value than [redacted], as "hs_ticket_priority" has`, errs[0].Hint)
	require.Equal(t, "[redacted]", errs[0].Value)
	require.Equal(t, "no contact has the e-mail [redacted]", errs[1].Message)
	require.Equal(t, "[redacted]: look it up", errs[1].Hint)
	require.Equal(t, `Property values were not valid: "[redacted]"`, errs[2].Message)

	require.Equal(t, "SECRET-KEY", rec.Key, "the record itself stays as it is")
	for _, name := range []string{report.ResultsFile, report.ErrorsFile, report.InDoubtFile} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		require.NotContains(t, strings.ToLower(string(data)), "secret", name)
	}
	for _, g := range w.Problems() {
		require.NotContains(t, strings.ToLower(fmt.Sprint(g)), "secret")
	}
}

func TestProblemsAreGrouped(t *testing.T) {
	t.Parallel()
	w, _ := create(t, report.Options{Columns: report.Columns(desk)})
	warning := badPriority("x")
	warning.Code, warning.Warning = "TRIMMED", true
	for row, problems := range [][]etl.Problem{
		{conflict}, {badPriority("p1"), warning}, {badPriority("p2"), warning}, {warning},
	} {
		require.NoError(t, w.Add(record(row+2, "k", "s", "p"), etl.Outcome{Status: etl.Rejected, Problems: problems}))
	}
	got := w.Problems()
	require.Len(t, got, 3)
	require.Equal(t, report.ProblemGroup{
		Column: "C", Header: "Priority", Property: "hs_ticket_priority", Code: "INVALID_OPTION", Severity: "error", Count: 2,
		File: "desk.csv", Row: 3, Line: 4, Value: "p1", Message: `"p1" is not one of LOW, HIGH`, Hint: "write LOW or HIGH",
		Positions: []report.Place{{File: "desk.csv", Row: 3, Line: 4}, {File: "desk.csv", Row: 4, Line: 5}},
	}, got[0], "the more frequent first, told by its first problem")
	require.Equal(t, "CONFLICT", got[1].Code)
	require.Equal(t, "TRIMMED", got[2].Code, "warnings last")
	require.EqualValues(t, 3, got[2].Count)
}

func TestGroupsAreBounded(t *testing.T) {
	t.Parallel()
	w, _ := create(t, report.Options{Columns: report.Columns(desk)})
	for i := range 1000 {
		p := conflict
		p.Code = fmt.Sprintf("CODE_%d", i)
		require.NoError(t, w.Add(record(2, "k", "s", "p"), etl.Outcome{Status: etl.Failed, Problems: []etl.Problem{p}}))
	}
	got := w.Problems()
	require.Len(t, got, 201)
	require.Equal(t, report.OtherProblems, got[0].Code)
	var n int64
	for _, g := range got {
		n += g.Count
	}
	require.EqualValues(t, 1000, n)
}

// BenchmarkAdd adds good rows, as most are.
func BenchmarkAdd(b *testing.B) {
	benchmarkAdd(b, etl.Outcome{Status: etl.Created, ID: "12345678901"})
}

func BenchmarkAddRejected(b *testing.B) {
	benchmarkAdd(b, etl.Outcome{Status: etl.Rejected, Problems: []etl.Problem{badPriority("p9")}})
}

func benchmarkAdd(b *testing.B, out etl.Outcome) {
	w, _ := create(b, report.Options{Columns: report.Columns(desk), RecordURL: url})
	rec := record(2, "T-1", "Printer", "LOW")
	b.ReportAllocs()
	for b.Loop() {
		if err := w.Add(rec, out); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
