package journal_test

import (
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/ticketetl/ticketetl/etl"
)

// BenchmarkBeginEnd journals batches of 100 records from 8 goroutines, as a run
// does, with the file on the disk of the temporary folder.
func BenchmarkBeginEnd(b *testing.B) {
	j, _ := create(b, facts())
	var next atomic.Int64
	var g errgroup.Group
	b.ReportAllocs()
	for range 8 {
		g.Go(func() error {
			recs := records(1, 100)
			out := outcomes(recs)
			for next.Add(1) <= int64(b.N) {
				id, err := j.Begin(b.Context(), recs)
				if err == nil {
					err = j.End(b.Context(), id, recs, out)
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	require.NoError(b, g.Wait())
	b.ReportMetric(float64(b.N)*100/b.Elapsed().Seconds(), "rows/s")
}

func BenchmarkJudged(b *testing.B) {
	j, _ := create(b, facts())
	recs := records(1, 1)
	out := []etl.Outcome{{Status: etl.Skipped}}
	b.ReportAllocs()
	for b.Loop() {
		if err := j.Judged(b.Context(), recs, out); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkProgress reads a journal of 100,000 records.
func BenchmarkProgress(b *testing.B) {
	j, _ := create(b, facts())
	for n := range int64(1000) {
		recs := records(n*100+1, n*100+100)
		require.NoError(b, j.Judged(b.Context(), recs, outcomes(recs)))
	}
	for b.Loop() {
		p, err := j.Progress(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		if _, known := p.Status(99_000); !known {
			b.Fatal("nothing read")
		}
	}
	b.ReportMetric(100_000*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
