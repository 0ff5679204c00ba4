package journal_test

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
	"pgregory.net/rapid"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/internal/journal"
	"github.com/ticketetl/ticketetl/internal/raced"
)

func init() { raced.FewerChecks() }

// model is what a journal must hold: each batch by its number, and the records
// that were judged without being sent, of which a crash may take the last.
type model struct {
	t        *testing.T
	dir      string
	j        *journal.Journal
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
	ids := m.begun()
	return slices.DeleteFunc(ids, func(id etl.BatchID) bool { _, ended := m.ended[id]; return ended })
}

func (m *model) begun() []etl.BatchID {
	var ids []etl.BatchID
	for id := range m.records {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// draw takes records: new ones, and some that were there before, as in a later
// attempt.
func (m *model) draw(rt *rapid.T, least int64) []*etl.Record {
	var recs []*etl.Record
	for seq := int64(1); seq <= m.seq && len(recs) < 3; seq++ {
		if rapid.IntRange(0, 7).Draw(rt, "again") == 0 {
			recs = append(recs, record(seq))
		}
	}
	n := rapid.Int64Range(least, 4).Draw(rt, "new records")
	recs = append(recs, records(m.seq+1, m.seq+n)...)
	m.seq += n
	return recs
}

func drawOutcomes(rt *rapid.T, n int) []etl.Outcome {
	text := rapid.SampledFrom([]string{"", "a", "Não liga", "\"\n\x00\u2028"})
	problem := rapid.Custom(func(rt *rapid.T) etl.Problem {
		return etl.Problem{
			Column: rapid.IntRange(-1, 3).Draw(rt, "column"), Property: text.Draw(rt, "property"), Value: text.Draw(rt, "value"), Code: text.Draw(rt, "code"),
			Message: text.Draw(rt, "message"), Hint: text.Draw(rt, "hint"), Warning: rapid.Bool().Draw(rt, "warning"),
		}
	})
	out := make([]etl.Outcome, n)
	for i := range out {
		out[i].Status = rapid.SampledFrom(etl.Statuses()).Draw(rt, "status")
		out[i].ID = rapid.StringMatching(`[0-9]{0,12}`).Draw(rt, "id")
		for range rapid.IntRange(0, 3).Draw(rt, "problems") {
			out[i].Problems = append(out[i].Problems, problem.Draw(rt, "problem"))
		}
	}
	return out
}

// TestModel begins, ends and crashes in any order, and compares what a process
// finds that comes after the crash.
func TestModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		m := &model{t: t, dir: tempDir(rt), records: map[etl.BatchID][]*etl.Record{}, ended: map[etl.BatchID][]etl.Outcome{}}
		var err error
		m.j, err = journal.Create(m.dir, facts())
		require.NoError(rt, err)
		defer func() { _ = m.j.Close() }()
		rt.Repeat(map[string]func(*rapid.T){
			"begin":    m.begin,
			"end":      m.end,
			"together": m.together,
			"judged":   m.judge,
			"close":    rarely(m.reopen),
			"crash":    rarely(m.crash),
		})
		m.check(rt)
		m.damage(rt)
	})
}

// rarely does what takes longer than all the rest.
func rarely(do func(*rapid.T)) func(*rapid.T) {
	return func(rt *rapid.T) {
		if rapid.IntRange(0, 5).Draw(rt, "luck") > 0 {
			rt.Skip()
		}
		do(rt)
	}
}

func (m *model) begin(rt *rapid.T) {
	recs := m.draw(rt, 0)
	id, err := m.j.Begin(m.t.Context(), recs)
	require.NoError(rt, err)
	require.NotContains(rt, m.records, id)
	m.records[id] = recs
}

// end answers a batch that is open, or one that was answered before: then the
// later answer counts.
func (m *model) end(rt *rapid.T) {
	if len(m.records) == 0 {
		rt.Skip()
	}
	id := rapid.SampledFrom(m.begun()).Draw(rt, "batch")
	out := drawOutcomes(rt, len(m.records[id]))
	require.NoError(rt, m.j.End(m.t.Context(), id, m.records[id], out))
	m.ended[id] = out
}

// together begins and ends batches at the same time, so that several share one
// transaction.
func (m *model) together(rt *rapid.T) {
	var group errgroup.Group
	begun := make([][]*etl.Record, rapid.IntRange(1, 4).Draw(rt, "begun"))
	ids := make([]etl.BatchID, len(begun))
	for i := range begun {
		begun[i] = m.draw(rt, 1)
		group.Go(func() (err error) { ids[i], err = m.j.Begin(m.t.Context(), begun[i]); return err })
	}
	for _, id := range m.open() {
		out := drawOutcomes(rt, len(m.records[id]))
		recs := m.records[id]
		m.ended[id] = out
		group.Go(func() error { return m.j.End(m.t.Context(), id, recs, out) })
	}
	require.NoError(rt, group.Wait())
	for i, id := range ids {
		require.NotContains(rt, m.records, id)
		m.records[id] = begun[i]
	}
}

func (m *model) judge(rt *rapid.T) {
	recs := m.draw(rt, 1)
	out := drawOutcomes(rt, len(recs))
	require.NoError(rt, m.j.Judged(m.t.Context(), recs, out))
	m.judged = append(m.judged, recs...)
	m.verdicts = append(m.verdicts, out...)
}

func (m *model) reopen(rt *rapid.T) {
	require.NoError(rt, m.j.Close())
	m.kept = len(m.judged)
	m.openIn(rt, m.dir)
}

// crash goes on with what a killed process leaves behind. What stood there before
// its last batch was begun must not pass for it.
func (m *model) crash(rt *rapid.T) {
	before := m.copied(rt)
	m.begin(rt)
	next := m.copied(rt)
	require.NoError(rt, m.j.Close())
	data, err := os.ReadFile(filepath.Join(next, journal.MarkFile))
	require.NoError(rt, err)
	require.NoError(rt, os.WriteFile(filepath.Join(before, journal.MarkFile), data, 0o600))
	_, err = journal.Open(before)
	require.ErrorContains(rt, err, "are missing")
	m.crashed()
	m.openIn(rt, next)
}

func (m *model) openIn(rt *rapid.T, dir string) {
	var err error
	m.dir = dir
	m.j, err = journal.Open(dir)
	require.NoError(rt, err)
	m.check(rt)
}

// check holds the journal against the model.
func (m *model) check(rt *rapid.T) {
	require.NoError(rt, m.j.Verify(m.t.Context()))
	lines := collect(m.t, m.j, false)
	var judged int
	sent := map[etl.BatchID]bool{}
	for _, b := range lines {
		recs, out := m.records[b.ID], m.ended[b.ID]
		if !b.Sent {
			require.LessOrEqual(rt, judged+len(b.Intents), len(m.judged))
			recs, out = m.judged[judged:judged+len(b.Intents)], m.verdicts[judged:judged+len(b.Intents)]
			judged += len(b.Intents)
		} else {
			sent[b.ID] = true
		}
		require.Len(rt, b.Intents, len(recs))
		for i, in := range b.Intents {
			require.Equal(rt, journal.Intent{Seq: recs[i].Seq, Pos: recs[i].Pos, Key: recs[i].Key, Hash: journal.PayloadHash(recs[i])}, in)
		}
		require.Equal(rt, out == nil, b.Ended.IsZero())
		require.Len(rt, b.Outcomes, len(out))
		for i := range out {
			require.Equal(rt, out[i], b.Outcomes[i])
		}
	}
	require.Len(rt, sent, len(m.records))
	require.GreaterOrEqual(rt, judged, m.kept)
	var undone []etl.BatchID
	for _, b := range collect(m.t, m.j, true) {
		undone = append(undone, b.ID)
	}
	require.True(rt, slices.Equal(m.open(), undone), "%v is open, not %v", m.open(), undone)
	m.checkMark(rt, len(lines))
	m.checkProgress(rt, lines)
	m.checkHistory(rt, lines)
}

// checkMark: what stands beside the journal counts its batches.
func (m *model) checkMark(rt *rapid.T, batches int) {
	data, err := os.ReadFile(filepath.Join(m.dir, journal.MarkFile))
	require.NoError(rt, err)
	n, err := strconv.Atoi(strings.TrimSpace(string(data)))
	require.NoError(rt, err)
	require.Equal(rt, batches, n)
}

// checkProgress: of each record the last attempt counts.
func (m *model) checkProgress(rt *rapid.T, lines []journal.Batch) {
	want := map[int64]etl.Status{}
	for _, b := range lines {
		for i, in := range b.Intents {
			want[in.Seq] = etl.InDoubt
			if b.Outcomes != nil {
				want[in.Seq] = b.Outcomes[i].Status
			}
		}
	}
	p, err := m.j.Progress(m.t.Context())
	require.NoError(rt, err)
	var totals etl.Totals
	for seq := int64(0); seq <= m.seq+1; seq++ {
		status, known := p.Status(seq)
		wanted, there := want[seq]
		require.Equal(rt, there, known, "record %d", seq)
		require.Equal(rt, wanted, status, "record %d", seq)
		if there {
			totals[wanted]++
		}
	}
	require.Equal(rt, totals, p.Totals())
}

// A fate is what a run that carries on must be told of a record.
type fate struct {
	answer *etl.Outcome // HubSpot's last word on it
	since  time.Time    // of the first attempt without an answer; zero where there is an answer
	told   *etl.Outcome // what was reported last
}

// fates are those of the records of some batches.
func fates(lines []journal.Batch) map[int64]*fate {
	all := map[int64]*fate{}
	for _, b := range lines {
		for i, in := range b.Intents {
			f := all[in.Seq]
			if f == nil {
				f = &fate{}
				all[in.Seq] = f
			}
			out := etl.Outcome{Status: etl.InDoubt}
			if b.Outcomes != nil {
				out = b.Outcomes[i]
			}
			f.meet(b.Sent, b.Begun, out)
		}
	}
	return all
}

func (f *fate) meet(sent bool, begun time.Time, out etl.Outcome) {
	lost := !f.since.IsZero()
	switch {
	case sent && out.Status == etl.InDoubt && lost:
		f.told = &out
	case sent && out.Status == etl.InDoubt:
		*f = fate{since: begun, told: &out}
	case sent && out.Status != etl.Unsent:
		*f = fate{answer: &out, told: &out}
	case !lost: // it was not sent
		f.told = &out
	}
}

// checkHistory asks as a run that carries on does, one that tries failed rows
// again, and one that only reports.
func (m *model) checkHistory(rt *rapid.T, lines []journal.Batch) {
	want := fates(lines)
	again := map[string]func(etl.Status) bool{
		"resume": never, "retry": func(s etl.Status) bool { return s == etl.Failed || s == etl.Rejected }, "report": nil,
	}
	for name, again := range again {
		h, err := m.j.History(m.t.Context(), again)
		require.NoError(rt, err)
		for seq := rapid.Int64Range(1, m.seq+1).Draw(rt, "first asked for"); seq <= m.seq+1; seq++ {
			rec := &etl.Record{Seq: seq}
			out, ended, err := h.Ended(m.t.Context(), rec)
			require.NoError(rt, err)
			f := want[seq]
			switch {
			case f == nil:
				require.False(rt, ended, "%s, record %d", name, seq)
			case again == nil:
				require.True(rt, ended, "%s, record %d", name, seq)
				require.Equal(rt, *f.told, out, "%s, record %d", name, seq)
			case !f.since.IsZero():
				require.False(rt, ended, "%s, record %d", name, seq)
				require.NotNil(rt, rec.Doubt, "%s, record %d", name, seq)
				require.Equal(rt, f.since, rec.Doubt.Begun, "%s, record %d", name, seq)
			default:
				require.Nil(rt, rec.Doubt, "%s, record %d", name, seq)
				require.Equal(rt, f.answer != nil && !again(f.answer.Status), ended, "%s, record %d", name, seq)
				if ended {
					require.Equal(rt, *f.answer, out, "%s, record %d", name, seq)
				}
			}
		}
	}
}

// damage changes one cell of the tables in a way that SQLite does not mind, as a
// page does that holds what stood there earlier. It must be noticed.
func (m *model) damage(rt *rapid.T) {
	require.NoError(rt, m.j.Close())
	table := rapid.SampledFrom([]string{"batches", "answers"}).Draw(rt, "table")
	change := rapid.SampledFrom(map[string][]string{
		"batches": {"sent = 1 - sent", "begun = begun + 1", "first = first + 1", "last = last + 1", "records = '[]'", "records = replace(records, '1', '2')", "sum = sum + 1"},
		"answers": {"ended = ended + 1", "outcomes = '[]'", "outcomes = replace(outcomes, 'e', 'E')", "sum = sum - 1", "batch = batch + 1000"},
	}[table]).Draw(rt, "change")
	if !m.alter(rt, table, change) {
		return
	}
	j, err := journal.Open(m.dir)
	if err == nil {
		err = j.Verify(m.t.Context())
		require.NoError(rt, j.Close())
	}
	require.Error(rt, err, "%s: %s", table, change)
}

// alter changes the newest line of a table; false where there is none, or the
// change makes no difference to it.
func (m *model) alter(rt *rapid.T, table, change string) bool {
	db, err := sql.Open("sqlite", filepath.Join(m.dir, journal.File))
	require.NoError(rt, err)
	defer db.Close()
	column, value, _ := strings.Cut(change, " = ")
	result, err := db.ExecContext(m.t.Context(), fmt.Sprintf(
		`UPDATE %[1]s SET %[2]s WHERE batch = (SELECT max(batch) FROM %[1]s) AND %[3]s <> %[4]s`, table, change, column, value))
	require.NoError(rt, err)
	n, err := result.RowsAffected()
	require.NoError(rt, err)
	return n > 0
}

func tempDir(rt *rapid.T) string {
	dir, err := os.MkdirTemp("/dev/shm", "journal-model-") // in memory, where there is such a place
	if err != nil {
		dir, err = os.MkdirTemp("", "journal-model-")
	}
	require.NoError(rt, err)
	rt.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// copied is a folder with what a killed process leaves behind. The shared-memory
// file is only an index of the log, and made anew.
func (m *model) copied(rt *rapid.T) string {
	to := tempDir(rt)
	for _, name := range []string{journal.File, journal.File + "-wal", journal.MarkFile} {
		data, err := os.ReadFile(filepath.Join(m.dir, name))
		require.NoError(rt, err)
		require.NoError(rt, os.WriteFile(filepath.Join(to, name), data, 0o600))
	}
	return to
}
