package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/internal/report"
	"github.com/ticketetl/ticketetl/internal/sandbox"
)

// stopAfter is an account that stops an import at the nth request to create.
func stopAfter(n int) sandbox.Options {
	return sandbox.Options{
		Limits: sandbox.Unlimited, IndexLag: -1,
		Faults: sandbox.Faults{{Match: "POST batch/create", Kind: sandbox.DailyLimit, Nth: n}},
	}
}

// TestSameCommandRefusesChanges: the command of an unfinished run, given for a file
// or with a mapping that has changed, sends nothing: the rows that are done would
// be sent a second time.
func TestSameCommandRefusesChanges(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]string{"desk.csv": "Number,Subject\nT-1,Other\n", "desk.yaml": keyedMapping} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, 250, createMapping, stopAfter(2))
			require.Equal(t, exitStopped, d.importAll(t.Context(), "x", "--concurrency", "1"))
			first := d.summary(t).RunID
			was, err := os.ReadFile(d.path(name))
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(d.path(name), []byte(change), 0o600))
			d.restart()
			require.Equal(t, exitCannotRun, d.importAll(t.Context(), "x"))
			require.Contains(t, d.err.String(), "run "+first+" is unfinished (100 created, 150 unsent)")
			require.Contains(t, d.err.String(), d.path(name)+" has changed")
			require.Len(t, d.server.Tickets(false), 100)

			require.NoError(t, os.WriteFile(d.path(name), was, 0o600))
			d.restart()
			require.Equal(t, exitDone, d.importAll(t.Context(), "x"), d.err.String())
			d.inAccount(t, 250)
			require.NoError(t, os.WriteFile(d.path(name), []byte(change), 0o600))
			d.restart()
			if name == "desk.csv" { // the run is over: another file is other work
				require.Equal(t, exitDone, d.importAll(t.Context(), "x"), d.err.String())
			}
		})
	}
}

// TestStartedTogether: of several processes that are started at once with the same
// command, one does the work.
func TestStartedTogether(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 350, createMapping, sandbox.Options{Limits: sandbox.Unlimited, IndexLag: -1})
	var group sync.WaitGroup
	codes := make([]int, 5)
	desks := make([]*desk, len(codes))
	for i := range codes {
		desks[i] = &desk{dir: d.dir, url: d.url, server: d.server, stop: make(chan struct{})}
		group.Go(func() { codes[i] = desks[i].importAll(t.Context(), "x") })
	}
	group.Wait()
	done := 0
	for i, code := range codes {
		if code == exitDone {
			done++
			continue
		}
		require.Equal(t, exitCannotRun, code)
		require.Regexp(t, "at work already|same work meanwhile|has imported this file", desks[i].err.String()+desks[i].out.String())
	}
	require.Equal(t, 1, done)
	require.Len(t, d.server.Tickets(false), 350)
}

// TestRebuiltReportsAreEqual: from the journal and the inputs all report files are
// written anew as they were.
func TestRebuiltReportsAreEqual(t *testing.T) {
	t.Parallel()
	const mapping = `version: 1
operation: create
key: {property: external_id, column: Number}
where: 'Subject != "Ticket 5"'
properties: {subject: Subject, content: {column: Subject, split: "|"}, hs_pipeline: {value: "0"}, hs_pipeline_stage: {value: New}}
associations:
  - {to: contacts, column: Mail, match: email, missing: reject}
`
	for _, doubles := range []string{"reject", "first", "last"} {
		t.Run(doubles, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, 0, strings.Replace(mapping, `, content: {column: Subject, split: "|"}`, "", 1), sandbox.Options{
				Limits: sandbox.Unlimited, IndexLag: -1,
				Faults: sandbox.Faults{{Match: "POST batch/create", Kind: sandbox.DailyLimit, Nth: 3}},
			})
			var file strings.Builder
			file.WriteString("Number,Subject,Mail\n")
			for i := range 350 {
				number, mail := i, ""
				if i%50 == 7 {
					number = i - 3
				}
				if i%40 == 9 {
					mail = "nobody@nowhere.example"
				}
				fmt.Fprintf(&file, "T-%d,Ticket %d,%s\n", number, i, mail)
			}
			require.NoError(t, os.WriteFile(d.path("desk.csv"), []byte(file.String()), 0o600))
			require.Equal(t, exitStopped, d.importAll(t.Context(), "x", "--concurrency", "1", "--duplicates", doubles), d.err.String()+d.out.String())
			d.rebuiltIsEqual(t)
			d.restart()
			require.Equal(t, exitRows, d.run(t.Context(), "x", "resume", "--runs", d.path("runs"), "--progress", "none"), d.err.String())
			d.rebuiltIsEqual(t)
		})
	}
}

func (d *desk) rebuiltIsEqual(t *testing.T) {
	t.Helper()
	read := func() map[string]string {
		files := map[string]string{}
		for _, name := range []string{report.ResultsFile, report.ErrorsFile, report.FailedFile, report.InDoubtFile} {
			data, err := os.ReadFile(filepath.Join(runFolderOf(t, d), name))
			if !os.IsNotExist(err) {
				require.NoError(t, err)
				files[name] = string(data)
			}
		}
		return files
	}
	want, counts := read(), d.summary(t).Counts
	require.Len(t, want, 3)
	d.restart()
	require.Equal(t, exitDone, d.run(t.Context(), "", "report", "--rebuild", "--runs", d.path("runs"), "--progress", "none"), d.err.String())
	require.Equal(t, want, read())
	require.Equal(t, counts, d.summary(t).Counts)
}
