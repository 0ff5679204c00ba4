//go:build !race || lint

package main

import (
	"encoding/json"
	"math"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/internal/devrun"
	"github.com/ticketetl/ticketetl/internal/journal"
	"github.com/ticketetl/ticketetl/internal/report"
)

// The tests here count work, which is the same on every machine and however busy it
// is, and fail when it grows by about a quarter. They run without the race detector,
// under which pools drop what they hold. What a row takes is the difference between
// a large file and a small one.

const (
	smallFile = 2_000
	largeFile = 12_000
)

// perRow is what each of the rows takes by which the files differ.
func perRow(small, large float64) float64 { return (large - small) / (largeFile - smallFile) }

// TestCountedWorkOfAnImport: calls, bytes and allocations per row of an import.
func TestCountedWorkOfAnImport(t *testing.T) {
	small, large := countImport(t, smallFile), countImport(t, largeFile)
	bounded(t, "calls per 1,000 rows, a look-up and an upsert for each hundred", 20, 1000*perRow(small.calls, large.calls))
	bounded(t, "bytes of requests per row", 1_100, perRow(small.sent, large.sent))
	bounded(t, "bytes of the journal per row", 115, perRow(small.journal, large.journal))
	bounded(t, "allocations per row, those of the account among them", 17, perRow(small.allocations, large.allocations))
}

// TestCountedWorkOfAnExport: calls, and the allocations for a ticket on its way from
// a page of a listing to a row of a file.
func TestCountedWorkOfAnExport(t *testing.T) {
	small, large := countExport(t, smallFile), countExport(t, largeFile)
	bounded(t, "calls per 1,000 tickets, a page for each hundred", 13, 1000*perRow(small.calls, large.calls))
	bounded(t, "allocations per ticket, those of the account among them", 16, perRow(small.allocations, large.allocations))
	bounded(t, "bytes allocated per ticket, of about sixty columns", 19_000, perRow(small.allocated, large.allocated))
}

// TestCountedWorkOfACheck: a row of a CSV takes hardly an allocation of its own, and
// little more memory than its text.
func TestCountedWorkOfACheck(t *testing.T) {
	const blocks = 4 // times the rows, since memory is taken in blocks of many of them
	small, large := countCheck(t, blocks*smallFile), countCheck(t, blocks*largeFile)
	bounded(t, "allocations per row", 1.5, perRow(small.allocations, large.allocations)/blocks)
	bounded(t, "bytes allocated per row", 55, perRow(small.allocated, large.allocated)/blocks)
	bounded(t, "bytes of results.csv per row, without the name of the file", 40, perRow(small.results, large.results)/blocks-float64(len(small.file)))
}

// bounded fails if got is above most; or below half of it, which would be a fault of
// the counting, or a reason to lower the bound.
func bounded(t *testing.T, what string, most, got float64) {
	t.Helper()
	t.Logf("%s: %.2f, at most %.1f", what, got, most)
	require.LessOrEqual(t, got, most, what)
	require.Greater(t, got, most/2, what)
}

// A count is the work of one run.
type count struct {
	calls, sent, journal, results float64
	allocations, allocated        float64
	file                          string
}

func countCheck(t *testing.T, rows int) count {
	d := benchTickets(t, rows)
	d.validateTickets(t) // with what is allocated once only
	c := count{file: d.path("tickets.csv"), allocations: math.Inf(1), allocated: math.Inf(1)}
	for range 3 { // how many blocks are filled before the first is empty again goes by the clock
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		d.validateTickets(t)
		runtime.ReadMemStats(&after)
		c.allocations = min(c.allocations, float64(after.Mallocs-before.Mallocs))
		c.allocated = min(c.allocated, float64(after.TotalAlloc-before.TotalAlloc))
	}
	folders, err := filepath.Glob(d.path("runs/*"))
	require.NoError(t, err)
	c.results = size(t, folders[0], report.ResultsFile)
	return c
}

func size(t *testing.T, folder, name string) float64 {
	info, err := os.Stat(filepath.Join(folder, name))
	require.NoError(t, err)
	return float64(info.Size())
}

func countImport(t *testing.T, rows int) (c count) {
	d := benchTickets(t, rows)
	account, stop, err := devrun.Hollow(0)
	require.NoError(t, err)
	defer stop()
	var sent atomic.Int64
	target, err := url.Parse(account)
	require.NoError(t, err)
	proxy := httputil.NewSingleHostReverseProxy(target)
	door := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent.Add(r.ContentLength)
		proxy.ServeHTTP(w, r)
	}))
	defer door.Close()
	d.url = door.URL
	d.importTickets(t)
	folders, err := filepath.Glob(d.path("runs/*"))
	require.NoError(t, err)
	require.Len(t, folders, 1)
	summary, err := report.LoadSummary(folders[0])
	require.NoError(t, err)
	require.EqualValues(t, rows, summary.Counts["created"])
	c = count{calls: float64(summary.Calls.Total), sent: float64(sent.Load()), journal: size(t, folders[0], journal.File)}
	d.url = account // what the door allocates is not the import's
	c.allocations = testing.AllocsPerRun(1, func() { d.importTickets(t) })
	return c
}

func countExport(t *testing.T, tickets int) count {
	d := benchTickets(t, tickets)
	account, stop, err := devrun.Still()
	require.NoError(t, err)
	defer stop()
	d.url = account
	d.importTickets(t)
	export := func() {
		d.out.Reset()
		require.Equal(t, exitDone, d.run(t.Context(), "x", "export", "-o", d.path("out.csv"), "--progress", "none", "--format", "json", "--concurrency", "1"), d.err.String())
	}
	export() // the account renders its tickets
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	export()
	runtime.ReadMemStats(&after)
	var told struct{ Calls struct{ Total float64 } }
	require.NoError(t, json.Unmarshal(d.out.Bytes(), &told), d.out.String())
	return count{
		calls: told.Calls.Total, allocations: float64(after.Mallocs - before.Mallocs), allocated: float64(after.TotalAlloc - before.TotalAlloc),
	}
}
