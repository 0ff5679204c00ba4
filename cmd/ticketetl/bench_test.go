package main

import (
	"testing"

	"github.com/stretchr/testify/require"

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

func benchDesk(b *testing.B) *desk {
	b.Helper()
	server, err := sandbox.New(sandbox.Options{Limits: sandbox.Unlimited})
	require.NoError(b, err)
	url, stop, err := server.Listen("127.0.0.1:0")
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, stop()) })
	d := &desk{dir: b.TempDir(), url: url, server: server, stop: make(chan struct{})}
	d.fill(b, benchRows, upsertMapping)
	return d
}

func BenchmarkImportUpsert(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		d := benchDesk(b)
		b.StartTimer()
		require.Equal(b, exitDone, d.importAll(b.Context(), "x"), d.err.String())
	}
	b.ReportMetric(float64(benchRows*b.N)/b.Elapsed().Seconds(), "rows/s")
}

func BenchmarkExport(b *testing.B) {
	for _, name := range []string{"out.csv", "out.xlsx"} {
		b.Run(name, func(b *testing.B) {
			d := benchDesk(b)
			require.Equal(b, exitDone, d.importAll(b.Context(), "x"), d.err.String())
			for b.Loop() {
				require.Equal(b, exitDone, d.run(b.Context(), "x", "export", "-o", d.path(name), "--progress", "none"), d.err.String())
			}
			b.ReportMetric(float64(benchRows*b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
