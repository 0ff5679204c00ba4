package main

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/internal/benchdata"
	"github.com/ticketetl/ticketetl/internal/devrun"
	"github.com/ticketetl/ticketetl/internal/sandbox"
)

// benchRows is how many tickets one whole-command benchmark moves. The sandbox
// account runs in the same process; make bench times it apart.
const benchRows = 20_000

const upsertMapping = `version: 1
operation: upsert
key: {property: external_id, column: Number}
properties: {subject: Subject, hs_pipeline: {value: "0"}, hs_pipeline_stage: {value: New}}
`

// benchDesk is an account into which tickets were imported an hour ago: an export need not
// wait until all that was written lately is listed.
func benchDesk(b *testing.B) *desk {
	b.Helper()
	clock := time.Now().Add(-time.Hour)
	server, err := sandbox.New(sandbox.Options{Limits: sandbox.Unlimited, IndexLag: -1, Now: func() time.Time { return clock }})
	require.NoError(b, err)
	url, stop, err := server.Listen("127.0.0.1:0")
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, stop()) })
	d := &desk{dir: b.TempDir(), url: url, server: server, stop: make(chan struct{})}
	d.fill(b, benchRows, upsertMapping)
	require.Equal(b, exitDone, d.importAll(b.Context(), "x"), d.err.String())
	clock = time.Now()
	return d
}

// BenchmarkImport loads new tickets as make bench does, into an account that keeps
// nothing, for a profile.
func BenchmarkImport(b *testing.B) {
	d := benchTickets(b, benchRows)
	url, stop, err := devrun.Hollow(0)
	require.NoError(b, err)
	defer stop()
	d.url = url
	b.ReportAllocs()
	for b.Loop() {
		d.importTickets(b)
	}
	b.ReportMetric(float64(benchRows*b.N)/b.Elapsed().Seconds(), "rows/s")
}

func (d *desk) importTickets(tb testing.TB) {
	tb.Helper()
	code := d.run(tb.Context(), "x", "import", "-m", d.path("tickets.yaml"), "--runs", d.path("runs"), "--progress", "none", "--again", "--yes", d.path("tickets.csv"))
	require.Equal(tb, exitDone, code, d.err.String())
}

func BenchmarkExport(b *testing.B) {
	for _, name := range []string{"out.csv", "out.xlsx"} {
		b.Run(name, func(b *testing.B) {
			d := benchDesk(b)
			for b.Loop() {
				require.Equal(b, exitDone, d.run(b.Context(), "x", "export", "-o", d.path(name), "--progress", "none"), d.err.String())
			}
			b.ReportMetric(float64(benchRows*b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

// benchTickets is a file of n tickets as make bench measures with, its mapping, and
// the definitions of the account that it is for.
func benchTickets(tb testing.TB, n int) *desk {
	tb.Helper()
	d := &desk{dir: tb.TempDir(), stop: make(chan struct{})}
	require.NoError(tb, benchdata.Write(d.path("tickets.csv"), n))
	require.NoError(tb, os.WriteFile(d.path("tickets.yaml"), benchdata.Mapping, 0o600))
	require.NoError(tb, sandbox.DefaultWorld().Schema.Save(d.path("schema.json")))
	return d
}

func (d *desk) validateTickets(tb testing.TB) {
	tb.Helper()
	code := d.run(tb.Context(), "x", "validate", "-m", d.path("tickets.yaml"), "--schema", d.path("schema.json"), "--runs", d.path("runs"), "--progress", "none", d.path("tickets.csv"))
	require.Equal(tb, exitDone, code, d.err.String())
}

// BenchmarkValidate checks a file as make bench does, for a profile:
//
//	go test -run '^$' -bench Validate -cpuprofile cpu.out ./cmd/ticketetl
func BenchmarkValidate(b *testing.B) {
	const rows = 100_000
	d := benchTickets(b, rows)
	b.ReportAllocs()
	for b.Loop() {
		d.validateTickets(b)
	}
	b.ReportMetric(float64(rows*b.N)/b.Elapsed().Seconds(), "rows/s")
}
