package journal_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/internal/journal"
)

// model is what a journal must hold: each batch by its number, and the records
// that were judged without being sent, of which a crash may take the last.
type model struct {
	records  map[etl.BatchID][]*etl.Record
	ended    map[etl.BatchID][]etl.Outcome
	judged   []*etl.Record
	verdicts []etl.Outcome
	kept     int // so many of judged are on disk for certain
	seq      int64
}

// crashed forgets what only this process knew.
func (m *model) crashed() {
	m.judged, m.verdicts = m.judged[:m.kept], m.verdicts[:m.kept]
}

func (m *model) open() []etl.BatchID {
	var ids []etl.BatchID
	for id := etl.BatchID(0); len(ids) < len(m.records)-len(m.ended); id++ {
		_, begun := m.records[id]
		_, ended := m.ended[id]
		if begun && !ended {
			ids = append(ids, id)
		}
	}
	return ids
}

// TestModel begins, ends and crashes in any order, and compares what a process
// finds that comes after the crash.
func TestModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		dir := tempDir(rt)
		j, err := journal.Create(dir, facts())
		require.NoError(rt, err)
		m := &model{records: map[etl.BatchID][]*etl.Record{}, ended: map[etl.BatchID][]etl.Outcome{}}
		defer func() { _ = j.Close() }()
		rt.Repeat(map[string]func(*rapid.T){
			"begin": func(rt *rapid.T) {
				n := rapid.Int64Range(0, 5).Draw(rt, "records")
				recs := records(m.seq+1, m.seq+n)
				m.seq += n
				id, err := j.Begin(t.Context(), recs)
				require.NoError(rt, err)
				require.NotContains(rt, m.records, id)
				m.records[id] = recs
			},
			"end": func(rt *rapid.T) {
				if len(m.open()) == 0 {
					rt.Skip()
				}
				id := rapid.SampledFrom(m.open()).Draw(rt, "batch")
				out := make([]etl.Outcome, len(m.records[id]))
				for i := range out {
					out[i].Status = rapid.SampledFrom(etl.Statuses()).Draw(rt, "status")
					out[i].ID = rapid.StringMatching(`[0-9]{0,12}`).Draw(rt, "id")
				}
				require.NoError(rt, j.End(t.Context(), id, m.records[id], out))
				m.ended[id] = out
			},
			"judged": func(rt *rapid.T) {
				recs := records(m.seq+1, m.seq+rapid.Int64Range(1, 5).Draw(rt, "records"))
				m.seq += int64(len(recs))
				out := make([]etl.Outcome, len(recs))
				for i := range out {
					out[i].Status = rapid.SampledFrom(etl.Statuses()).Draw(rt, "status")
				}
				require.NoError(rt, j.Judged(t.Context(), recs, out))
				m.judged = append(m.judged, recs...)
				m.verdicts = append(m.verdicts, out...)
			},
			"close": func(rt *rapid.T) {
				if rapid.IntRange(0, 5).Draw(rt, "luck") > 0 {
					rt.Skip("opening a file takes longer than all the rest")
				}
				require.NoError(rt, j.Close())
				j, err = journal.Open(dir)
				require.NoError(rt, err)
				m.kept = len(m.judged)
				m.check(rt, t, j)
			},
			"crash": func(rt *rapid.T) {
				if rapid.IntRange(0, 5).Draw(rt, "luck") > 0 {
					rt.Skip("opening a file takes longer than all the rest")
				}
				next := tempDir(rt)
				copyFiles(rt, dir, next)
				require.NoError(rt, j.Close())
				dir = next
				j, err = journal.Open(dir)
				require.NoError(rt, err)
				m.crashed()
				m.check(rt, t, j)
			},
		})
		m.check(rt, t, j)
	})
}

func (m *model) check(rt *rapid.T, t *testing.T, j *journal.Journal) {
	require.NoError(rt, j.Verify(t.Context()))
	var judged int
	sent := map[etl.BatchID]bool{}
	for _, b := range collect(t, j, false) {
		if !b.Sent {
			for i, in := range b.Intents {
				require.Less(rt, judged, len(m.judged))
				require.Equal(rt, m.judged[judged].Seq, in.Seq)
				require.Equal(rt, m.verdicts[judged], b.Outcomes[i])
				judged++
			}
			continue
		}
		sent[b.ID] = true
		recs := m.records[b.ID]
		require.Len(rt, b.Intents, len(recs))
		for i, in := range b.Intents {
			require.Equal(rt, journal.Intent{Seq: recs[i].Seq, Pos: recs[i].Pos, Key: recs[i].Key, Hash: journal.PayloadHash(recs[i])}, in)
		}
		out, ended := m.ended[b.ID]
		require.Equal(rt, ended, !b.Ended.IsZero())
		require.Equal(rt, len(out), len(b.Outcomes))
		for i := range out {
			require.Equal(rt, out[i], b.Outcomes[i])
		}
	}
	require.Len(rt, sent, len(m.records))
	require.GreaterOrEqual(rt, judged, m.kept)
	var undone []etl.BatchID
	for _, b := range collect(t, j, true) {
		undone = append(undone, b.ID)
	}
	require.Equal(rt, m.open(), undone)
}

func tempDir(rt *rapid.T) string {
	dir, err := os.MkdirTemp("", "journal-model-")
	require.NoError(rt, err)
	rt.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// copyFiles takes what a killed process leaves behind. The shared-memory file is
// only an index of the log, and made anew.
func copyFiles(rt *rapid.T, from, to string) {
	for _, name := range []string{journal.File, journal.File + "-wal"} {
		data, err := os.ReadFile(filepath.Join(from, name))
		require.NoError(rt, err)
		require.NoError(rt, os.WriteFile(filepath.Join(to, name), data, 0o600))
	}
}
