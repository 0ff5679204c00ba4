package report_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/internal/report"
)

// full is a summary with every field set.
func full() *report.Summary {
	s := &report.Summary{
		Format: report.SummaryFormat,
		RunID:  "20260102-030405-ab12", Command: "import", Operation: "create", State: report.Finished, Version: "1.2.3",
		Started:         time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		Finished:        time.Date(2026, 1, 2, 3, 5, 35, 0, time.UTC),
		DurationSeconds: 90, DryRun: true, Redacted: true,
		Account:  report.Account{ID: "12345678", Type: "STANDARD", TimeZone: "America/Sao_Paulo"},
		Endpoint: "https://api.hubapi.com", SchemaFingerprint: "f00",
		Mapping: report.Mapping{Path: "desk.yaml", SHA256: "cc"},
		Inputs: []report.Input{
			{Path: "desk.csv", Size: 1_234_567, SHA256: "aa", Format: "csv", Encoding: "windows-1252", Rows: 12_000},
			{Path: "desk.xlsx", Size: 999, SHA256: "bb", Format: "xlsx", Sheet: "Export", Rows: 1},
		},
		Calls:    report.Calls{Total: 121, Retries: 2, RateLimited: 1},
		Files:    report.Files{Results: "results.csv", Errors: "errors.csv", Failed: "failed.csv", InDoubt: "in-doubt.csv", Output: "out.csv"},
		ExitCode: 3, Error: "stopped", Next: "mend failed.csv and import it: ticketetl import -m desk.yaml runs/1/failed.csv",
		MarkedUp: []report.Marked{{File: "desk.marked.xlsx", Input: "desk.xlsx", Copy: true, Rows: report.AllRows, Sheet: "Problems (2)", Notes: []string{"2 cells are coloured without a comment"}}},
	}
	var totals etl.Totals
	totals[etl.Created], totals[etl.Rejected], totals[etl.InDoubt] = 11_989, 11, 1
	s.Count(totals, 12_001)
	return s
}

func TestSummaryComesBack(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := full()
	require.NoError(t, s.Save(dir))
	s.State = report.Interrupted
	require.NoError(t, s.Save(dir), "it is replaced")
	got, err := report.LoadSummary(dir)
	require.NoError(t, err)
	require.Equal(t, s, got)
	info, err := os.Stat(filepath.Join(dir, report.SummaryFile))
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), info.Mode().Perm())
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, files, 1, "nothing is left of the writing")
}

func TestCountChecksTheSum(t *testing.T) {
	t.Parallel()
	var s report.Summary
	var totals etl.Totals
	totals[etl.Created], totals[etl.Unsent] = 2, 3
	s.Count(totals, 5)
	require.True(t, s.ChecksOut)
	require.Equal(t, map[string]int64{"created": 2, "unsent": 3}, s.Counts)
	s.Count(totals, 6)
	require.False(t, s.ChecksOut)
}

func TestLoadSummaryErrors(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, text, want string }{
		{"cut off", `{"format": 1, "run_`, "summary.json is damaged: unexpected end of JSON input"},
		{"something else", `{"name": "x"}`, "summary.json is damaged: it is not a summary of ticketetl"},
		{"a later format", `{"format": 7, "run_id": "x"}`, "summary.json has format 7, this program knows 1; use the ticketetl that wrote it, or a newer one"},
		{"too long", strings.Repeat(" ", 16<<20+1), "summary.json is damaged: it is longer than 16.8 MB"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(dir, report.SummaryFile), []byte(tt.text), 0o600))
			_, err := report.LoadSummary(dir)
			require.EqualError(t, err, "run folder "+dir+": "+tt.want)
		})
	}
	_, err := report.LoadSummary(t.TempDir())
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func TestFullDisk(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("this system has no /dev/full")
	}
	w, dir := create(t, report.Options{Columns: report.Columns(desk)})
	require.NoError(t, w.FillDisk())
	var err error
	for row := 2; err == nil && row < 2000; row++ {
		err = w.Add(record(row, "k", "s", "LOW"), etl.Outcome{Status: etl.Created})
	}
	require.ErrorContains(t, err, "run folder "+dir+": ")
	require.ErrorContains(t, err, "no space left on device")
}

func groups() []report.ProblemGroup {
	return []report.ProblemGroup{
		{Column: "C", Header: "Priority", Property: "hs_ticket_priority", Code: "INVALID_OPTION", Severity: "error", Count: 1_010,
			File: "desk.csv", Row: 14, Line: 20, Value: "p9", Message: `"p9" is not one of LOW, HIGH`, Hint: "write LOW or HIGH"},
		{Code: "CONFLICT", Severity: "error", Count: 1, File: "desk.xlsx", Sheet: "Export", Row: 2, Message: "exists already"},
		{Column: "D", Code: "TRIMMED", Severity: "warning", Count: 1, File: "desk.csv", Row: 3, Value: "\x1b[31m" + strings.Repeat("ã", 70), Message: "evil \x1b]0;x\a text"},
	}
}

func TestWriteText(t *testing.T) {
	t.Parallel()
	s := full()
	s.Error, s.DryRun, s.Redacted, s.Files.Output = "", false, false, ""
	tests := []struct {
		name   string
		change func(*report.Summary)
		groups []report.ProblemGroup
		opts   report.TextOptions
		want   string
	}{
		{name: "all there is", groups: groups(), opts: report.TextOptions{Folder: "runs/1"}, want: `Import (create): finished, with rows in doubt
  account  12345678, STANDARD, America/Sao_Paulo
  mapping  desk.yaml
  input    desk.csv, 12,000 rows, windows-1252, 1.2 MB
  input    desk.xlsx [Export], 1 row, 999 bytes
  run      20260102-030405-ab12

  11,989  created
      11  rejected
       1  in-doubt
  12,001  rows read in 1 min 30 s (133 rows/s), 121 calls to HubSpot, 2 repeated, 1 slowed by its limits

Problems
  1,010 errors in column C "Priority" INVALID_OPTION
    "p9" is not one of LOW, HIGH
    first in desk.csv row 14 (line 20), column C "Priority", value "p9"
    fix: write LOW or HIGH
  1 error in rows as a whole CONFLICT
    exists already
    in desk.xlsx [Export] row 2
  1 warning in column D TRIMMED
    evil ?]0;x? text
    in desk.csv row 3, column D, value "\x1b[31m` + strings.Repeat("ã", 55) + `"...

Files in runs/1
  results.csv   every row and what became of it
  errors.csv    every problem, down to its cell
  failed.csv    the rows to mend; import this file when they are
  in-doubt.csv  rows that were sent and got no answer
  desk.marked.xlsx  your workbook, with the bad cells coloured and commented, and listed on the sheet Problems (2)
    2 cells are coloured without a comment

Next: mend failed.csv and import it: ticketetl import -m desk.yaml runs/1/failed.csv
`},
		{name: "little", change: func(s *report.Summary) {
			*s = report.Summary{Command: "validate", State: report.Finished, RowsRead: 1, Counts: map[string]int64{"valid": 1}, ChecksOut: true, DurationSeconds: 0.5}
		}, want: `Validate: finished

  1  valid
  1  row read in 0.50 s (2.0 rows/s)
`},
		{name: "a narrow terminal", opts: report.TextOptions{Width: 44}, groups: groups()[:1], change: func(s *report.Summary) {
			*s = report.Summary{Command: "import", DryRun: true, State: report.Aborted, Error: "HubSpot answered 401: the token is not valid any more", Next: "get a new token and run the same command again"}
		}, want: `Import (dry run, nothing is sent): failed
  HubSpot answered 401: the token is not
  valid any more

  0  rows read

Problems
  1,010 errors in column C "Priority" INVALID_OPTION
    "p9" is not one of LOW, HIGH
    first in desk.csv row 14 (line 20),
             column C "Priority", value "p9"
    fix: write LOW or HIGH

Next: get a new token and run the same command again
`},
		{name: "many kinds of problems", opts: report.TextOptions{Groups: 1}, groups: groups(), change: func(s *report.Summary) {
			*s = report.Summary{State: report.Finished, RowsRead: 9, Counts: map[string]int64{"rejected": 2}}
		}, want: `Run: finished, 2 rows with errors

  2  rejected
  9  rows read
  the counts do not add up to the rows read; please report this as a fault of ticketetl

Problems
  1,010 errors in column C "Priority" INVALID_OPTION
    "p9" is not one of LOW, HIGH
    first in desk.csv row 14 (line 20), column C "Priority", value "p9"
    fix: write LOW or HIGH
  and 2 problems of other kinds, all in errors.csv
`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			one := *s
			if tt.change != nil {
				tt.change(&one)
			}
			var b bytes.Buffer
			require.NoError(t, report.WriteText(&b, &one, tt.groups, tt.opts))
			require.Equal(t, tt.want, b.String())
			require.NotContains(t, b.String(), "\x1b")

			var colored bytes.Buffer
			tt.opts.Color = true
			require.NoError(t, report.WriteText(&colored, &one, tt.groups, tt.opts))
			require.Contains(t, colored.String(), "\x1b[1m")
			require.Equal(t, tt.want, stripColors(colored.String()), "colours change nothing else")
		})
	}
}

func stripColors(s string) string {
	for _, code := range []string{"0", "1", "2", "31", "32", "33"} {
		s = strings.ReplaceAll(s, "\x1b["+code+"m", "")
	}
	return s
}

func TestStatesAreTold(t *testing.T) {
	t.Parallel()
	for state, want := range map[report.State]string{
		report.Running: "still running, or ended without a summary", report.Stopped: "stopped before the end",
		report.Interrupted: "interrupted", report.Aborted: "failed", report.Finished: "finished",
	} {
		var b bytes.Buffer
		require.NoError(t, report.WriteText(&b, &report.Summary{Command: "export", State: state}, nil, report.TextOptions{}))
		require.True(t, strings.HasPrefix(b.String(), "Export: "+want+"\n"), b.String())
	}
}

func TestDurationsAndSizesAreForPeople(t *testing.T) {
	t.Parallel()
	for seconds, want := range map[float64]string{
		0.004: "0.00 s", 9.94: "9.9 s", 10.4: "10 s", 59.4: "59 s", 59.6: "1 min 00 s", 61: "1 min 01 s",
		3599.7: "1 h 00 min", 3600: "1 h 00 min", 3 * 3600: "3 h 00 min", 7265: "2 h 01 min",
	} {
		var b bytes.Buffer
		s := &report.Summary{State: report.Finished, DurationSeconds: seconds, ChecksOut: true}
		require.NoError(t, report.WriteText(&b, s, nil, report.TextOptions{}))
		require.Contains(t, b.String(), "rows read in "+want+"\n")
	}
	for size, want := range map[int64]string{1: "1 byte", 999: "999 bytes", 1500: "1.5 kB", 2_000_000: "2.0 MB", 3_100_000_000: "3.1 GB"} {
		var b bytes.Buffer
		s := &report.Summary{Inputs: []report.Input{{Path: "a", Size: size}}}
		require.NoError(t, report.WriteText(&b, s, nil, report.TextOptions{}))
		require.Contains(t, b.String(), ", "+want+"\n")
	}
}

func TestWriteJSON(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	require.NoError(t, report.WriteJSON(&b, full(), groups(), "no such file"))
	var got struct {
		report.Summary
		Problems []report.ProblemGroup `json:"problems"`
	}
	require.NoError(t, json.Unmarshal(b.Bytes(), &got))
	require.Equal(t, *full(), got.Summary)
	require.Equal(t, groups(), got.Problems)

	b.Reset()
	require.NoError(t, report.WriteJSON(&b, full(), nil, "no such file"))
	require.Contains(t, b.String(), `"problems": []`)
}
