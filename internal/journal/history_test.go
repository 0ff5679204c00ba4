package journal_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/internal/journal"
)

// attempt is one batch of a run: what each record ended in; a batch without an
// answer has no statuses.
type attempt struct {
	seqs     []int64
	statuses []etl.Status
	unsent   bool // judged without being sent
}

func write(t require.TestingT, j *journal.Journal, a attempt) {
	recs := make([]*etl.Record, len(a.seqs))
	outs := make([]etl.Outcome, len(a.statuses))
	for i, seq := range a.seqs {
		recs[i] = &etl.Record{Seq: seq, Pos: etl.Position{File: "t.csv", Row: int(seq) + 1}}
	}
	for i, status := range a.statuses {
		outs[i] = etl.Outcome{Status: status}
		if status == etl.Created {
			outs[i].ID = fmt.Sprint(1000 + a.seqs[i])
		}
	}
	ctx := contextOf(t)
	if a.unsent {
		require.NoError(t, j.Judged(ctx, recs, outs))
		return
	}
	id, err := j.Begin(ctx, recs)
	require.NoError(t, err)
	if len(outs) > 0 {
		require.NoError(t, j.End(ctx, id, recs, outs))
	}
}

func never(etl.Status) bool { return false }

func TestHistory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j, err := journal.Create(dir, journal.Facts{RunID: "r"})
	require.NoError(t, err)
	require.NoError(t, j.Note(t.Context(), journal.FloorFact, "900"))
	write(t, j, attempt{seqs: []int64{1, 2, 3}, statuses: []etl.Status{etl.Created, etl.Failed, etl.Unsent}})
	write(t, j, attempt{seqs: []int64{4, 5}})                                                  // died before the answer
	write(t, j, attempt{seqs: []int64{6}, statuses: []etl.Status{etl.InDoubt}})                // no answer came
	write(t, j, attempt{seqs: []int64{7}, statuses: []etl.Status{etl.Rejected}, unsent: true}) // judged by us
	j = reopen(t, j, dir)
	write(t, j, attempt{seqs: []int64{4}, statuses: []etl.Status{etl.Created}}) // settled by the second attempt
	write(t, j, attempt{seqs: []int64{5}, statuses: []etl.Status{etl.Unsent}})  // which did not come to this one
	j = reopen(t, j, dir)

	tests := []struct {
		seq   int64
		ended string // status; empty: to be sent
		doubt bool
	}{
		{1, "created", false}, {2, "failed", false}, {3, "", false}, {4, "created", false},
		{5, "", true}, {6, "", true}, {7, "", false}, {8, "", false}, {5000, "", false},
	}
	h, err := j.History(t.Context(), never)
	require.NoError(t, err)
	for _, tt := range tests {
		rec := &etl.Record{Seq: tt.seq}
		out, ended, err := h.Ended(t.Context(), rec)
		require.NoError(t, err)
		require.Equal(t, tt.ended != "", ended, tt.seq)
		require.Equal(t, tt.doubt, rec.Doubt != nil, tt.seq)
		if ended {
			require.Equal(t, tt.ended, out.Status.String(), tt.seq)
		}
		if rec.Doubt != nil {
			require.False(t, rec.Doubt.Begun.IsZero())
			require.Contains(t, []string{"900", "1001"}, rec.Doubt.Floor, "a ticket that was there before")
		}
	}

	retry, err := j.History(t.Context(), func(s etl.Status) bool { return s == etl.Failed })
	require.NoError(t, err)
	_, ended, err := retry.Ended(t.Context(), &etl.Record{Seq: 2})
	require.NoError(t, err)
	require.False(t, ended, "a retry tries what failed once more")

	all, err := j.History(t.Context(), nil)
	require.NoError(t, err)
	for i, want := range []string{"created", "failed", "unsent", "created", "in-doubt", "in-doubt", "rejected"} {
		seq := int64(i) + 1
		rec := &etl.Record{Seq: seq}
		out, ended, err := all.Ended(t.Context(), rec)
		require.NoError(t, err)
		require.True(t, ended)
		require.Equal(t, want, out.Status.String(), "what was reported of %d", seq)
		require.Nil(t, rec.Doubt)
	}
	_, ended, err = all.Ended(t.Context(), &etl.Record{Seq: 8})
	require.NoError(t, err)
	require.False(t, ended)

	claimed, err := j.Claimed(t.Context(), []string{"1001", "1004", "1002", "7"})
	require.NoError(t, err)
	require.Equal(t, map[string]bool{"1001": true, "1004": true}, claimed)
}

// TestHistoryModel compares a History with a simple model over random attempts.
func TestHistoryModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		dir := t.TempDir()
		j, err := journal.Create(dir, journal.Facts{RunID: "r"})
		require.NoError(rt, err)
		type model struct {
			status etl.Status
			ended  bool
			doubt  bool
		}
		known := map[int64]model{}
		statuses := []etl.Status{etl.Created, etl.Updated, etl.Failed, etl.InDoubt, etl.Unsent, etl.Rejected}
		for range rapid.IntRange(0, 12).Draw(rt, "batches") {
			first := rapid.Int64Range(1, 4000).Draw(rt, "first")
			a := attempt{unsent: rapid.IntRange(0, 4).Draw(rt, "judged") == 0}
			answered := a.unsent || rapid.IntRange(0, 3).Draw(rt, "lost") > 0
			for k := range rapid.Int64Range(1, 6).Draw(rt, "records") {
				seq := first + k*rapid.Int64Range(1, 300).Draw(rt, "step")
				if len(a.seqs) > 0 && seq <= a.seqs[len(a.seqs)-1] {
					continue
				}
				a.seqs = append(a.seqs, seq)
				status := etl.InDoubt
				if answered {
					status = rapid.SampledFrom(statuses).Draw(rt, "status")
					a.statuses = append(a.statuses, status)
				}
				m := known[seq]
				switch {
				case a.unsent || status == etl.Unsent:
				case status == etl.InDoubt:
					m = model{doubt: true}
				default:
					m = model{status: status, ended: true}
				}
				known[seq] = m
			}
			write(rt, j, a)
		}
		require.NoError(rt, j.Close())
		j, err = journal.Open(dir)
		require.NoError(rt, err)
		defer j.Close()
		h, err := j.History(contextOf(rt), never)
		require.NoError(rt, err)
		for seq := int64(1); seq < 6000; seq++ {
			if _, ok := known[seq]; !ok && seq%500 != 0 {
				continue // nobody has heard of it, like of most
			}
			rec := &etl.Record{Seq: seq}
			out, ended, err := h.Ended(contextOf(rt), rec)
			require.NoError(rt, err)
			require.Equal(rt, known[seq].ended, ended, "record %d", seq)
			require.Equal(rt, known[seq].doubt, rec.Doubt != nil, "record %d", seq)
			if ended {
				require.Equal(rt, known[seq].status, out.Status, "record %d", seq)
			}
		}
	})
}

// contextOf is the context of a test, for helpers that serve rapid's too.
func contextOf(t any) context.Context {
	if t, ok := t.(interface{ Context() context.Context }); ok {
		return t.Context()
	}
	return context.Background()
}

// TestOneFileWhenClosed: after Close all is in run.db, so that the file alone can
// be copied. The mark only guards it.
func TestOneFileWhenClosed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j, err := journal.Create(dir, journal.Facts{RunID: "r"})
	require.NoError(t, err)
	write(t, j, attempt{seqs: []int64{1, 2}, statuses: []etl.Status{etl.Created, etl.Created}})
	require.NoError(t, j.Close())
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 2)
	require.Equal(t, journal.File, entries[0].Name())
	require.Equal(t, journal.MarkFile, entries[1].Name())
}
