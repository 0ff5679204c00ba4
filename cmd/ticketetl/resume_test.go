package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/internal/journal"
	"github.com/ticketetl/ticketetl/internal/report"
	"github.com/ticketetl/ticketetl/internal/sandbox"
)

const keyedMapping = `version: 1
operation: create
key: {property: external_id, column: Number}
properties: {subject: Subject, hs_pipeline: {value: "0"}, hs_pipeline_stage: {value: New}}
`

// results reads results.csv of the only run: outcome and ticket id by row.
func (d *desk) results(t *testing.T) map[int]report.ResultRow {
	t.Helper()
	rows := map[int]report.ResultRow{}
	require.NoError(t, report.ReadResults(filepath.Join(runFolderOf(t, d), report.ResultsFile), func(r report.ResultRow) error {
		require.NotContains(t, rows, r.Row, "each row stands there once")
		rows[r.Row] = r
		return nil
	}))
	return rows
}

// inAccount counts the live tickets by subject and checks that the ids of
// results.csv are theirs.
func (d *desk) inAccount(t *testing.T, rows int) {
	t.Helper()
	bySubject := map[string][]string{}
	for _, ticket := range d.server.Tickets(false) {
		bySubject[ticket.Properties["subject"]] = append(bySubject[ticket.Properties["subject"]], ticket.ID)
	}
	results := d.results(t)
	require.Len(t, results, rows)
	for i := range rows {
		ids := bySubject[fmt.Sprintf("Ticket %d", i)]
		require.Len(t, ids, 1, "Ticket %d is there once", i)
		require.Equal(t, ids[0], results[i+2].TicketID)
		require.Equal(t, "created", results[i+2].Outcome)
	}
}

func (d *desk) restart() {
	d.stop = make(chan struct{})
	d.out.Reset()
	d.err.Reset()
}

// TestResume: an import that stopped is carried on by the same command, or by
// resume, and sends each row once.
func TestResume(t *testing.T) {
	t.Parallel()
	for name, mapping := range map[string]string{"with a key": keyedMapping, "without": createMapping} {
		for _, same := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, same command %t", name, same), func(t *testing.T) {
				t.Parallel()
				d := newDesk(t, 950, mapping, sandbox.Options{
					Limits: sandbox.Unlimited, IndexLag: -1,
					Faults: sandbox.Faults{{Match: "POST batch/create", Kind: sandbox.DailyLimit, Nth: 4}},
				})
				require.Equal(t, exitStopped, d.importAll(t.Context(), "x", "--concurrency", "1"), d.err.String())
				s := d.summary(t)
				require.Equal(t, report.Stopped, s.State)
				require.EqualValues(t, 300, s.Counts["created"])
				require.Contains(t, d.out.String(), "ticketetl resume "+s.RunID)

				d.restart()
				if same {
					require.Equal(t, exitDone, d.importAll(t.Context(), "x"), d.err.String())
					require.Contains(t, d.err.String(), "Carrying on with run "+s.RunID)
				} else {
					require.Equal(t, exitDone, d.run(t.Context(), "x", "resume", "--runs", d.path("runs"), "--progress", "none"), d.err.String())
				}
				s = d.summary(t)
				require.Equal(t, report.Finished, s.State)
				require.True(t, s.ChecksOut)
				require.EqualValues(t, 950, s.Counts["created"])
				d.inAccount(t, 950)
				require.Empty(t, d.server.Violations())
			})
		}
	}
}

func TestFinishedCreateIsNotRepeated(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 3, createMapping, sandbox.Options{Limits: sandbox.Unlimited, IndexLag: -1})
	require.Equal(t, exitDone, d.importAll(t.Context(), "x"))
	first := d.summary(t).RunID
	d.restart()
	require.Equal(t, exitCannotRun, d.importAll(t.Context(), "x"))
	require.Contains(t, d.err.String(), "run "+first+" has imported this file into account 48120077 already (3 created)")
	require.Len(t, d.server.Tickets(false), 3)
	require.Equal(t, first, d.summary(t).RunID, "no folder is left of what did not run")
	require.Equal(t, exitDone, d.importAll(t.Context(), "x", "--again"))
	require.Len(t, d.server.Tickets(false), 6)
}

// TestInDoubtIsResumed: after exit status 4 the same command names the way out, and
// resume takes it, with or without the run's name.
func TestInDoubtIsResumed(t *testing.T) {
	t.Parallel()
	for _, named := range []bool{true, false} {
		t.Run(fmt.Sprintf("named %t", named), func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, 250, createMapping, sandbox.Options{
				Limits: sandbox.Unlimited, IndexLag: -1,
				Faults: sandbox.Faults{{Match: "batch/create", Kind: sandbox.ResetAfterCommit, Nth: 1}},
			})
			require.Equal(t, exitInDoubt, d.importAll(t.Context(), "x", "--concurrency", "1", "--in-doubt", "leave"))
			first := d.summary(t).RunID
			d.restart()
			require.Equal(t, exitCannotRun, d.importAll(t.Context(), "x"))
			require.Contains(t, d.err.String(), "100 in-doubt); to settle what is in doubt: ticketetl resume "+first+" ")
			require.Len(t, d.server.Tickets(false), 250)
			d.restart()
			args := []string{"resume", "--runs", d.path("runs"), "--progress", "none"}
			if named {
				args = append(args, first)
			}
			require.Equal(t, exitDone, d.run(t.Context(), "x", args...), d.err.String())
			require.Equal(t, first, d.summary(t).RunID)
			d.inAccount(t, 250)
		})
	}
}

func TestResumeRefusesChangedFiles(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 250, createMapping, sandbox.Options{
		Limits: sandbox.Unlimited, IndexLag: -1,
		Faults: sandbox.Faults{{Match: "POST batch/create", Kind: sandbox.DailyLimit, Nth: 2}},
	})
	require.Equal(t, exitStopped, d.importAll(t.Context(), "x", "--concurrency", "1"))
	require.NoError(t, os.WriteFile(d.path("desk.csv"), []byte("Number,Subject\nT-1,Other\n"), 0o600))
	d.restart()
	require.Equal(t, exitCannotRun, d.run(t.Context(), "x", "resume", "--runs", d.path("runs")))
	require.Contains(t, d.err.String(), "desk.csv has changed since the run began")
	require.Len(t, d.server.Tickets(false), 100)
}

func TestRetrySendsWhatFailed(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 3, strings.Replace(keyedMapping, "properties: {", "properties: {etiquetas: Number, ", 1), sandbox.Options{Limits: sandbox.Unlimited, IndexLag: -1})
	taken := newDesk(t, 0, "", sandbox.Options{})
	require.NoError(t, os.WriteFile(taken.path("desk.csv"), []byte("Number,Subject\nT-1,In the way\n"), 0o600))
	require.NoError(t, os.WriteFile(taken.path("desk.yaml"), []byte(keyedMapping), 0o600))
	taken.url = d.url
	require.Equal(t, exitDone, taken.importAll(t.Context(), "x"), taken.err.String())

	require.Equal(t, exitRows, d.importAll(t.Context(), "x"), d.err.String())
	s := d.summary(t)
	require.EqualValues(t, 1, s.Counts["rejected"], "the key of one row is taken")
	d.archiveAll(t, "In the way")
	d.restart()
	require.Equal(t, exitDone, d.run(t.Context(), "x", "retry", s.RunID, "--runs", d.path("runs"), "--progress", "none"), d.err.String()+d.out.String())
	d.inAccount(t, 3)
}

// archiveAll deletes the tickets with a subject by an import of its own, and
// frees their keys.
func (d *desk) archiveAll(t *testing.T, subject string) {
	t.Helper()
	for _, ticket := range d.server.Tickets(false) {
		if ticket.Properties["subject"] != subject {
			continue
		}
		update := newDesk(t, 0, "", sandbox.Options{})
		update.url = d.url
		require.NoError(t, os.WriteFile(update.path("desk.yaml"), []byte("version: 1\noperation: update\nsource: {blank: clear}\nkey: {property: hs_object_id, column: Id}\nproperties: {external_id: Number, subject: Subject}\n"), 0o600))
		require.NoError(t, os.WriteFile(update.path("desk.csv"), []byte("Id,Number,Subject\n"+ticket.ID+",,Away\n"), 0o600))
		require.Equal(t, exitDone, update.importAll(t.Context(), "x"), update.err.String()+update.out.String())
	}
}

// TestUnconfirmedAgain: a deletion that is carried on without --yes names the command
// that carries it on.
func TestUnconfirmedAgain(t *testing.T) {
	t.Parallel()
	for _, verb := range []string{"resume", "retry"} {
		t.Run(verb, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, 350, keyedMapping, sandbox.Options{
				Limits: sandbox.Unlimited, IndexLag: -1, Faults: sandbox.Faults{{Match: "POST batch/archive", Kind: sandbox.DailyLimit, Nth: 2}},
			})
			require.Equal(t, exitDone, d.importAll(t.Context(), "x"), d.err.String())
			require.NoError(t, os.RemoveAll(d.path("runs")))
			require.NoError(t, os.WriteFile(d.path("desk.yaml"), []byte("version: 1\noperation: delete\nkey: {property: external_id, column: Number}\n"), 0o600))
			require.Equal(t, exitStopped, d.importAll(t.Context(), "x", "--yes", "--concurrency", "1"), d.err.String())
			id := d.summary(t).RunID
			d.restart()
			args := []string{verb, id, "--runs", d.path("runs"), "--progress", "none"}
			require.Equal(t, exitCannotRun, d.run(t.Context(), "x", args...), d.err.String())
			require.Contains(t, d.out.String(), "To go on: ticketetl "+verb+" "+id+" --runs "+d.path("runs")+" --yes\n")
			d.restart()
			require.Equal(t, exitDone, d.run(t.Context(), "x", append(args, "--yes")...), d.err.String())
			require.Empty(t, d.server.Tickets(false))
		})
	}
}

func TestTwoRunsOnOneFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	release, err := lockRun(dir)
	require.NoError(t, err)
	require.True(t, isLocked(dir))
	_, err = lockRun(dir)
	require.ErrorContains(t, err, "is at work already (process ")
	require.NoError(t, release())
	require.False(t, isLocked(dir))
	release, err = lockRun(dir)
	require.NoError(t, err, "a lock goes with its owner")
	require.NoError(t, release())
}

func TestBrakes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		flags   []string
		created int
		says    string
	}{
		{"number of errors", []string{"--max-errors", "3"}, 0, "more than 3 rows are rejected, failed or in doubt"},
		{"rate of errors", []string{"--max-error-rate", "1.5"}, 0, "more than --max-error-rate 1.5"},
		{"none strikes", []string{"--max-errors", "5", "--max-error-rate", "10"}, 195, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, 200, createMapping, sandbox.Options{Limits: sandbox.Unlimited, IndexLag: -1})
			text, err := os.ReadFile(d.path("desk.csv"))
			require.NoError(t, err)
			for i := range 5 {
				text = []byte(strings.Replace(string(text), fmt.Sprintf(",Ticket %d\n", i*7), ",\n", 1))
			}
			require.NoError(t, os.WriteFile(d.path("desk.csv"), text, 0o600))
			code := d.importAll(t.Context(), "x", append(tt.flags, "--concurrency", "1")...)
			require.Equal(t, tt.created, len(d.server.Tickets(false)))
			if tt.says == "" {
				require.Equal(t, exitRows, code)
				return
			}
			require.Equal(t, exitStopped, code, d.err.String()+d.out.String())
			require.Contains(t, d.out.String(), tt.says)
			require.Regexp(t, `Nothing was sent\. Correct the rows that .*errors\.csv names, or allow more of them, then: ticketetl import `, d.out.String())
			require.True(t, d.summary(t).ChecksOut)
		})
	}
}

// TestReportOfAKilledRun: what a process that was killed has left behind is told
// from its journal, and its report files are written anew.
func TestReportOfAKilledRun(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 350, keyedMapping, sandbox.Options{
		Limits: sandbox.Unlimited,
		Faults: sandbox.Faults{{Match: "POST batch/create", Kind: sandbox.DailyLimit, Nth: 3}},
	})
	require.Equal(t, exitStopped, d.importAll(t.Context(), "x", "--concurrency", "1"))
	want := d.results(t)
	s := d.summary(t)
	s.State, s.Counts, s.RowsRead, s.Next = report.Running, nil, 0, ""
	require.NoError(t, s.Save(runFolderOf(t, d)))
	require.NoError(t, os.Truncate(filepath.Join(runFolderOf(t, d), report.ResultsFile), 100))

	d.restart()
	require.Equal(t, exitDone, d.run(t.Context(), "", "runs", "--runs", d.path("runs")), d.err.String())
	require.Regexp(t, "killed +350 +200 created, 150 unsent", d.out.String())
	d.restart()
	require.Equal(t, exitDone, d.run(t.Context(), "", "report", "--runs", d.path("runs"), "--progress", "none"), d.err.String())
	require.Contains(t, d.out.String(), "ticketetl resume "+s.RunID)
	require.Equal(t, want, d.results(t))
	require.True(t, d.summary(t).ChecksOut)
}

// A run folder without a journal is of a run that sent nothing, or has lost it.
func TestResumeWithoutAJournal(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 150, createMapping, sandbox.Options{
		Limits: sandbox.Unlimited, IndexLag: -1,
		Faults: sandbox.Faults{{Match: "POST batch/create", Kind: sandbox.DailyLimit, Nth: 1}},
	})
	require.Equal(t, exitStopped, d.importAll(t.Context(), "x", "--concurrency", "1"))
	dir := runFolderOf(t, d)
	for _, tt := range []struct{ file, want string }{
		{journal.File, "the journal run.db is gone, and only that tells what was sent; restore it from a copy"},
		{journal.MarkFile, "this run ended before it sent anything, so there is nothing to carry on; run its command again"},
	} {
		require.NoError(t, os.Remove(filepath.Join(dir, tt.file)))
		d.restart()
		require.NotEqual(t, exitDone, d.run(t.Context(), "x", "resume", dir))
		require.Contains(t, d.err.String(), tt.want)
		require.NotContains(t, d.err.String(), "no such file")
	}
}

// TestRunThatSentNothing: a run that ended while its journal was made, on a full
// disk for example, is started anew by the same command.
func TestRunThatSentNothing(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 150, createMapping, sandbox.Options{
		Limits: sandbox.Unlimited, IndexLag: -1,
		Faults: sandbox.Faults{{Match: "POST batch/create", Kind: sandbox.DailyLimit, Nth: 1}},
	})
	require.Equal(t, exitStopped, d.importAll(t.Context(), "x", "--concurrency", "1"))
	require.NoError(t, os.Truncate(filepath.Join(runFolderOf(t, d), journal.File), 0))
	require.NoError(t, os.Remove(filepath.Join(runFolderOf(t, d), journal.MarkFile)))
	d.restart()
	require.Equal(t, exitDone, d.importAll(t.Context(), "x"), d.err.String())
	require.Len(t, d.server.Tickets(false), 150)
}
