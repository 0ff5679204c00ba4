package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/internal/journal"
	"github.com/ticketetl/ticketetl/internal/report"
	"github.com/ticketetl/ticketetl/internal/sandbox"
)

// TestDamagedSummary: a summary.json that is damaged or gone is made anew from the
// journal, and nothing is sent twice for it.
func TestDamagedSummary(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		spoil func(t *testing.T, path string)
	}{
		{"cut", func(t *testing.T, path string) { require.NoError(t, os.Truncate(path, 100)) }},
		{"empty", func(t *testing.T, path string) { require.NoError(t, os.Truncate(path, 0)) }},
		{"something else", func(t *testing.T, path string) { require.NoError(t, os.WriteFile(path, []byte("{}"), 0o600)) }},
		{"gone", func(t *testing.T, path string) { require.NoError(t, os.Remove(path)) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, 250, createMapping, stopAfter(3))
			require.Equal(t, exitStopped, d.importAll(t.Context(), "x", "--concurrency", "1"))
			dir := runFolderOf(t, d)
			path := filepath.Join(dir, report.SummaryFile)
			tt.spoil(t, path)
			d.restart()
			require.Equal(t, exitDone, d.run(t.Context(), "", "runs", "--runs", d.path("runs")), d.err.String())
			require.Regexp(t, filepath.Base(dir)+" +killed +250 +200 created", d.out.String())
			d.restart()
			require.Equal(t, exitDone, d.run(t.Context(), "x", "resume", "--runs", d.path("runs"), "--progress", "none"), d.err.String())
			d.inAccount(t, 250)

			want := d.results(t)
			tt.spoil(t, path)
			d.restart()
			require.Equal(t, exitDone, d.importAll(t.Context(), "x"), d.err.String())
			require.Contains(t, d.err.String(), "Carrying on with run "+filepath.Base(dir))
			require.Len(t, d.server.Tickets(false), 250, "all had been sent")
			require.Equal(t, want, d.results(t))
			d.restart()
			require.Equal(t, exitCannotRun, d.importAll(t.Context(), "x"))
			require.Contains(t, d.err.String(), "has imported this file")
		})
	}
}

// TestNothingLeftOfARun: a run folder that tells nothing any more is not in the
// way of others.
func TestNothingLeftOfARun(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 250, createMapping, stopAfter(3))
	lost := d.path("runs/20200102-030405-import-abcdef")
	require.NoError(t, os.MkdirAll(lost, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(lost, report.SummaryFile), []byte("{"), 0o600))
	passedOver := "run folder " + lost + ": summary.json is damaged"
	require.Equal(t, exitStopped, d.importAll(t.Context(), "x", "--concurrency", "1"), d.err.String())
	require.Contains(t, d.err.String(), passedOver)
	for _, args := range [][]string{{"runs"}, {"resume", "--progress", "none"}} {
		d.restart()
		require.Equal(t, exitDone, d.run(t.Context(), "x", append(args, "--runs", d.path("runs"))...), d.err.String())
		require.Contains(t, d.err.String(), passedOver)
		require.Contains(t, d.err.String(), "Restore the folder from a copy, or remove it.")
	}
	require.Len(t, d.server.Tickets(false), 250)
	require.Equal(t, exitDone, d.run(t.Context(), "x", "runs", "prune", "--runs", d.path("runs"), "--keep", "1", "--yes"), d.err.String())
	require.NoDirExists(t, lost)
}

// TestPruneWhatSentNothing: runs that were killed before they sent anything go, and
// those that may have sent something stay.
func TestPruneWhatSentNothing(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 250, createMapping, stopAfter(3))
	require.Equal(t, exitStopped, d.importAll(t.Context(), "x", "--concurrency", "1"))
	stopped := filepath.Base(runFolderOf(t, d))
	write := func(name string, files ...string) {
		require.NoError(t, os.MkdirAll(filepath.Join(d.path("runs"), name), 0o700))
		for _, f := range files {
			require.NoError(t, os.WriteFile(filepath.Join(d.path("runs"), name, f), nil, 0o600))
		}
	}
	write("20200102-030405-import-000001")
	write("20200102-030405-import-000002", lockFile, "stdin")
	write("20200102-030405-import-000003", lockFile, journal.File)
	write("20200102-030405-validate-000004", report.ErrorsFile)
	write("20200102-030405-import-000005", journal.MarkFile) // its journal was taken away
	write("notes")
	write("20200102-030405-import-00000g")
	d.restart()
	require.Equal(t, exitDone, d.run(t.Context(), "x", "runs", "prune", "--runs", d.path("runs"), "--older-than", "0s", "--keep", "0", "--yes"), d.err.String())
	require.Contains(t, d.out.String(), "4 runs removed")
	var left []string
	entries, err := os.ReadDir(d.path("runs"))
	require.NoError(t, err)
	for _, e := range entries {
		left = append(left, e.Name())
	}
	require.Equal(t, []string{"20200102-030405-import-000005", "20200102-030405-import-00000g", stopped, "notes"}, left)
}

// TestDeadOwner: whatever a dead owner left in the lock, it is in nobody's way.
func TestDeadOwner(t *testing.T) {
	t.Parallel()
	host, err := os.Hostname()
	require.NoError(t, err)
	living := os.Getppid() // a process that has got the number since
	tests := []struct {
		name string
		left []byte
	}{
		{"its number is another process's now", ownerJSON(t, owner{Host: host, PID: living, Started: time.Now().Add(-time.Hour)})},
		{"it was on another machine", ownerJSON(t, owner{Host: "elsewhere", PID: living, Started: time.Now().Add(-time.Hour)})},
		{"it wrote nothing", nil},
		{"it wrote half", []byte(`{"host":"elsewh`)},
		{"garbage", []byte("\x00\xff\x00\xff")},
		{"very much of it", []byte(strings.Repeat("x", 1<<20))},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, 120, createMapping, stopAfter(2))
			require.Equal(t, exitStopped, d.importAll(t.Context(), "x", "--concurrency", "1"))
			require.NoError(t, os.WriteFile(filepath.Join(runFolderOf(t, d), lockFile), tt.left, 0o600))
			d.restart()
			require.Equal(t, exitDone, d.importAll(t.Context(), "x"), d.err.String())
			require.Contains(t, d.err.String(), "Carrying on with run")
			d.inAccount(t, 120)
		})
	}
}

func ownerJSON(t *testing.T, o owner) []byte {
	t.Helper()
	var text strings.Builder
	require.NoError(t, writeJSON(&text, o))
	return []byte(text.String())
}

// TestLivingOwner: a run that is at work is left alone, and the text says whose it
// is where that is known.
func TestLivingOwner(t *testing.T) {
	t.Parallel()
	host, err := os.Hostname()
	require.NoError(t, err)
	dir := filepath.Join(t.TempDir(), "20200102-030405-import-abcdef")
	require.NoError(t, os.Mkdir(dir, 0o700))
	release, err := lockRun(dir)
	require.NoError(t, err)
	_, err = lockRun(dir)
	require.Regexp(t, `^run 20200102-030405-import-abcdef is at work already \(process `+strconv.Itoa(os.Getpid())+` on `+host+
		`, since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\); wait for it to end, or stop it$`, err)
	for _, text := range []string{"", `{"host":"elsewh`, "\x00"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, lockFile), []byte(text), 0o600))
		_, err = lockRun(dir)
		require.EqualError(t, err, "run 20200102-030405-import-abcdef is at work already; wait for it to end, or stop it")
	}
	require.True(t, isLocked(dir))
	require.NoError(t, release())
	require.False(t, isLocked(dir))
}

// TestRedactedStaysSo: what a run has hidden is not shown by the commands that
// come after it.
func TestRedactedStaysSo(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 150, createMapping, stopAfter(2))
	secret := []byte("Number,Subject,Priority\nT-1,Hello,topsecret\nT-2,Hello,\n")
	require.NoError(t, os.WriteFile(d.path("desk.csv"), secret, 0o600))
	mapping := strings.Replace(createMapping, "{subject: Subject", "{hs_ticket_priority: Priority, subject: Subject", 1)
	require.NoError(t, os.WriteFile(d.path("desk.yaml"), []byte(mapping), 0o600))
	require.Equal(t, exitRows, d.importAll(t.Context(), "x", "--redact"), d.err.String())
	run := d.summary(t).RunID
	for _, args := range [][]string{{"report", run, "--rebuild"}, {"retry", run}, {"resume", run}} {
		d.restart()
		code := d.run(t.Context(), "x", append(args, "--runs", d.path("runs"), "--progress", "none")...)
		require.Contains(t, []int{exitDone, exitRows}, code, d.err.String())
		require.NotContains(t, d.out.String()+d.err.String(), "topsecret")
		require.NoFileExists(t, filepath.Join(runFolderOf(t, d), report.FailedFile))
		for _, name := range []string{report.ResultsFile, report.ErrorsFile, report.SummaryFile, journal.File} {
			text, err := os.ReadFile(filepath.Join(runFolderOf(t, d), name))
			require.NoError(t, err)
			require.NotContains(t, string(text), "topsecret", "%v: %s", args, name)
		}
	}
}

// TestStandardInputIsOver: a finished run from standard input can't be read again,
// and that is said so.
func TestStandardInputIsOver(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 0, createMapping, sandbox.Options{Limits: sandbox.Unlimited, IndexLag: -1})
	require.NoError(t, os.WriteFile(d.path("desk.csv"), nil, 0o600))
	require.Equal(t, exitDone, d.pipe(t, "Subject\nHello\n", "import", "-m", d.path("desk.yaml"), "-"), d.err.String())
	before := d.results(t)
	for _, args := range [][]string{{"report", "--rebuild"}, {"retry", d.summary(t).RunID}} {
		d.restart()
		require.Equal(t, exitCannotRun, d.pipe(t, "", args...))
		require.Regexp(t, `run \S+ read standard input, whose copy was removed when it had finished; its reports are in \S+, and rows to send again`, d.err.String())
		require.Equal(t, before, d.results(t))
	}
}

// pipe executes a command line with something on its standard input.
func (d *desk) pipe(t *testing.T, in string, args ...string) int {
	t.Helper()
	env := map[string]string{"HUBSPOT_ACCESS_TOKEN": "x", "HUBSPOT_BASE_URL": d.url}
	return run(t.Context(), append(args, "--runs", d.path("runs"), "--progress", "none"), streams{
		in: strings.NewReader(in), out: &d.out, err: &d.err, stop: d.stop, interrupts: func() bool { return false },
		env: func(name string) (string, bool) { v, ok := env[name]; return v, ok },
	})
}
