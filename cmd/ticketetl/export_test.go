package main

import (
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/internal/sandbox"
)

// slowly is an account that takes its time, so that a test can come between.
var slowly = sandbox.Options{Limits: sandbox.Unlimited, IndexLag: -1, Latency: sandbox.Range{Min: 100 * time.Millisecond, Max: 150 * time.Millisecond}}

func (d *desk) export(t *testing.T, output string, more ...string) int {
	args := []string{"export", "-o", d.path(output), "--progress", "none", "--properties", "subject", "--associations", "none"}
	return d.run(t.Context(), "x", append(args, more...)...)
}

// requireAll looks whether an output is what the account has, and whether its
// manifest says so.
func (d *desk) requireAll(t *testing.T, output string) manifest {
	t.Helper()
	want := [][]string{{"hs_object_id", "subject"}}
	for _, ticket := range d.server.Tickets(false) {
		want = append(want, []string{ticket.ID, ticket.Properties["subject"]})
	}
	data, err := os.ReadFile(d.path(output))
	require.NoError(t, err)
	rows, err := csv.NewReader(strings.NewReader(string(data))).ReadAll()
	require.NoError(t, err)
	require.Equal(t, want, rows)

	var m manifest
	text, err := os.ReadFile(d.path(output + manifestSuffix))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &m))
	sum := sha256.Sum256(data)
	require.Equal(t, hex.EncodeToString(sum[:]), m.SHA256)
	require.Equal(t, int64(len(data)), m.Bytes)
	require.Equal(t, output, m.Output)
	require.Equal(t, int64(len(want)-1), m.Tickets)
	require.NoDirExists(t, d.path(output+partSuffix))
	return m
}

func TestExportTellsThatItIsComplete(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 500, createMapping, sandbox.Options{Limits: sandbox.Unlimited, IndexLag: -1})
	require.Equal(t, exitDone, d.importAll(t.Context(), "x", "--yes"), d.err.String())
	require.Equal(t, exitDone, d.export(t, "out.csv", "--mode", "0640"), d.err.String())
	require.Contains(t, d.out.String(), "Complete: the account counts as many, and nothing has changed meanwhile.")
	m := d.requireAll(t, "out.csv")
	require.True(t, m.Complete)
	require.Equal(t, int64(500), *m.AccountTotal)
	require.Equal(t, "ranges", m.Listing)
	require.NotNil(t, m.Watermark)
	require.Equal(t, []string{"hs_object_id", "subject"}, m.Columns)
	require.Empty(t, m.Unread)
	for _, name := range []string{"out.csv", "out.csv" + manifestSuffix} {
		info, err := os.Stat(d.path(name))
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o640), info.Mode().Perm(), name)
	}
	require.Equal(t, exitCannotRun, d.export(t, "out.csv", "--mode", "0200"))
	require.Contains(t, d.err.String(), `--mode: "0200" is none; write three octal digits that let the owner read and write, e.g. 0640`)
}

func TestExportThatIsNotShownToBeComplete(t *testing.T) {
	t.Parallel()
	faults, err := sandbox.ParseFaults("empty-results:search")
	require.NoError(t, err)
	d := newDesk(t, 250, createMapping, sandbox.Options{Limits: sandbox.Unlimited, IndexLag: -1, Faults: faults})
	require.Equal(t, exitDone, d.importAll(t.Context(), "x", "--yes"), d.err.String())
	require.Equal(t, exitRows, d.export(t, "out.csv", "--settle", "1ms"))
	require.Contains(t, d.err.String(), "out.csv was written, but it is not shown to be complete: the account counts 0 tickets, and 250 were read")
	require.NotContains(t, d.out.String(), "Complete:")
	m := d.requireAll(t, "out.csv")
	require.False(t, m.Complete)
	require.Equal(t, []string{"the account counts 0 tickets, and 250 were read"}, m.Unread)
}

// A process that is killed leaves what it had read: here, a copy of that.
func TestExportCarriesOnAfterADeath(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 3000, createMapping, slowly)
	require.Equal(t, exitDone, d.importAll(t.Context(), "x", "--yes"), d.err.String())
	for _, name := range []string{"killed.csv", "interrupted.csv"} {
		require.NoError(t, os.WriteFile(d.path(name), []byte("what was there before"), 0o600))
	}
	ended := make(chan int)
	go func() { ended <- d.export(t, "interrupted.csv", "--concurrency", "1") }()
	pages := d.path("interrupted.csv" + partSuffix + "/" + pagesFile)
	require.Eventually(t, func() bool { info, err := os.Stat(pages); return err == nil && info.Size() > 40_000 }, time.Minute, time.Millisecond)

	require.NoError(t, os.CopyFS(d.path("killed.csv"+partSuffix), os.DirFS(d.path("interrupted.csv"+partSuffix))))
	other := &desk{dir: d.dir, url: d.url, server: d.server, stop: make(chan struct{})}
	require.Equal(t, exitCannotRun, other.export(t, "interrupted.csv"))
	require.Contains(t, other.err.String(), "interrupted.csv is at work already (process ")
	close(d.stop)
	require.Equal(t, exitInterrupted, <-ended)
	require.Contains(t, d.err.String(), "interrupted.csv was not written. Run the same command again; it carries on where this one stopped")

	for _, name := range []string{"killed.csv", "interrupted.csv"} {
		data, err := os.ReadFile(d.path(name))
		require.NoError(t, err)
		require.Equal(t, "what was there before", string(data))
		again := &desk{dir: d.dir, url: d.url, server: d.server, stop: make(chan struct{})}
		before := d.server.Requests()["GET /crm/v3/objects/{type}"]
		require.Equal(t, exitDone, again.export(t, name), again.err.String())
		require.Contains(t, again.err.String(), "Carrying on with the export to ")
		require.Less(t, d.server.Requests()["GET /crm/v3/objects/{type}"]-before, 34, "pages are not read again")
		d.requireAll(t, name)
	}
}

// What was read for another request is not used.
func TestExportOfSomethingElseStartsAnew(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 1000, createMapping, slowly)
	require.Equal(t, exitDone, d.importAll(t.Context(), "x", "--yes"), d.err.String())
	ended := make(chan int)
	go func() { ended <- d.export(t, "out.csv", "--concurrency", "1", "--properties", "content") }()
	pages := d.path("out.csv" + partSuffix + "/" + pagesFile)
	require.Eventually(t, func() bool { info, err := os.Stat(pages); return err == nil && info.Size() > 5_000 }, time.Minute, time.Millisecond)
	close(d.stop)
	require.Equal(t, exitInterrupted, <-ended)
	again := &desk{dir: d.dir, url: d.url, server: d.server, stop: make(chan struct{})}
	require.Equal(t, exitDone, again.export(t, "out.csv"), again.err.String())
	require.NotContains(t, again.err.String(), "Carrying on")
	d.requireAll(t, "out.csv")

	require.NoError(t, os.Mkdir(d.path("mine.csv"+partSuffix), 0o700))
	require.NoError(t, os.WriteFile(d.path("mine.csv"+partSuffix+"/letter"), nil, 0o600))
	require.Equal(t, exitCannotRun, again.export(t, "mine.csv"))
	require.Contains(t, again.err.String(), "there are other files in it; move them away")
	require.FileExists(t, d.path("mine.csv"+partSuffix+"/letter"))
}

// resume gives the command again with all its flags, but for --again.
func TestResumeOfAnExport(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 1500, createMapping, slowly)
	require.Equal(t, exitDone, d.importAll(t.Context(), "x", "--yes"), d.err.String())
	ended := make(chan int)
	go func() {
		ended <- d.export(t, "out.csv", "--concurrency", "1", "--again", "--mode", "0640", "--history", d.path("history.csv"), "--history-of", "subject,content")
	}()
	pages := d.path("out.csv" + partSuffix + "/" + pagesFile)
	require.Eventually(t, func() bool { info, err := os.Stat(pages); return err == nil && info.Size() > 20_000 }, time.Minute, time.Millisecond)
	close(d.stop)
	require.Equal(t, exitInterrupted, <-ended)
	line, err := os.ReadFile(d.path("out.csv" + partSuffix + "/" + lineFile))
	require.NoError(t, err)
	require.NotContains(t, string(line), "again")
	here, err := os.Getwd()
	require.NoError(t, err)
	moved := strings.NewReplacer(d.dir+"/", "", here, "/where/all/of/it/was").Replace(string(line)) // as if it was begun in its folder, which has another name by now
	require.Contains(t, moved, `"--history=history.csv"`)
	require.NoError(t, os.WriteFile(d.path("out.csv"+partSuffix+"/"+lineFile), []byte(moved), 0o600))

	again := &desk{dir: d.dir, url: d.url, server: d.server, stop: make(chan struct{})}
	require.Equal(t, exitCannotRun, again.run(t.Context(), "x", "resume", d.path("out.csv"), "--in-doubt", "resend"))
	require.Contains(t, again.err.String(), "--in-doubt is about imports, and ")
	require.Equal(t, exitDone, again.run(t.Context(), "x", "resume", d.path("out.csv"), "--concurrency", "8", "--metrics", d.path("metrics.prom")), again.err.String())
	require.Contains(t, again.err.String(), "Carrying on with the export to ")
	require.Equal(t, []string{"subject", "content"}, again.requireAll(t, "out.csv").History.Properties)
	require.FileExists(t, d.path("history.csv"))
	metrics, err := os.ReadFile(d.path("metrics.prom"))
	require.NoError(t, err)
	require.Contains(t, string(metrics), `command="export"`)
	info, err := os.Stat(d.path("out.csv"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o640), info.Mode().Perm())
}
