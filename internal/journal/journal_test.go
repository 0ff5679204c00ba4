package journal_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/internal/journal"
)

func facts() journal.Facts {
	return journal.Facts{
		RunID: "20260102-030405-ab12", Operation: etl.Create, Version: "1.2.3",
		Started:     time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		Inputs:      []journal.Input{{Path: "desk.csv", Size: 123, SHA256: "aa"}, {Path: "-", Size: 4, SHA256: "bb"}},
		MappingPath: "desk.yaml", MappingSHA256: "cc", AccountID: "123", SchemaFingerprint: "dd",
	}
}

func record(seq int64) *etl.Record {
	return &etl.Record{
		Seq:        seq,
		Pos:        etl.Position{File: "desk.csv", Row: int(seq) + 1, Line: int(seq)*2 + 1},
		Key:        fmt.Sprintf("T-%d", seq),
		Properties: []etl.Property{{Name: "subject", Value: "Não liga"}},
	}
}

func records(from, to int64) []*etl.Record {
	var recs []*etl.Record
	for seq := from; seq <= to; seq++ {
		recs = append(recs, record(seq))
	}
	return recs
}

// outcomes are created, each with an id made of its Seq.
func outcomes(recs []*etl.Record) []etl.Outcome {
	out := make([]etl.Outcome, len(recs))
	for i, rec := range recs {
		out[i] = etl.Outcome{Status: etl.Created, ID: fmt.Sprint(90000 + rec.Seq)}
	}
	return out
}

func create(t testing.TB, f journal.Facts) (*journal.Journal, string) {
	t.Helper()
	dir := t.TempDir()
	j, err := journal.Create(dir, f)
	require.NoError(t, err)
	t.Cleanup(func() { _ = j.Close() })
	return j, dir
}

func reopen(t testing.TB, j *journal.Journal, dir string) *journal.Journal {
	t.Helper()
	require.NoError(t, j.Close())
	again, err := journal.Open(dir)
	require.NoError(t, err)
	t.Cleanup(func() { _ = again.Close() })
	return again
}

func collect(t testing.TB, j *journal.Journal, undone bool) []journal.Batch {
	t.Helper()
	all := j.Batches(t.Context())
	if undone {
		all = j.Undone(t.Context())
	}
	var got []journal.Batch
	for b, err := range all {
		require.NoError(t, err)
		got = append(got, *b)
	}
	return got
}

func TestFactsComeBack(t *testing.T) {
	t.Parallel()
	j, dir := create(t, facts())
	require.NoError(t, j.Note(t.Context(), "finished", map[string]int{"exit": 3}))
	j = reopen(t, j, dir)

	want := facts()
	want.Format = journal.Format
	require.Equal(t, want, j.Facts())

	var note map[string]int
	known, err := j.Noted(t.Context(), "finished", &note)
	require.NoError(t, err)
	require.True(t, known)
	require.Equal(t, map[string]int{"exit": 3}, note)
	known, err = j.Noted(t.Context(), "never", &note)
	require.NoError(t, err)
	require.False(t, known)
}

func TestFileIsForItsOwnerAlone(t *testing.T) {
	t.Parallel()
	j, dir := create(t, facts())
	_, err := j.Begin(t.Context(), records(1, 1))
	require.NoError(t, err)

	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, f := range files {
		info, err := f.Info()
		require.NoError(t, err)
		require.Equal(t, fs.FileMode(0o600), info.Mode().Perm(), f.Name())
	}
}

func TestBatchesComeBack(t *testing.T) {
	t.Parallel()
	j, dir := create(t, facts())
	ctx := t.Context()
	recs := []*etl.Record{
		{Seq: 1, Pos: etl.Position{File: "a.xlsx", Sheet: "Folha 1", Row: 2}, Key: `quo"te \ ünï` + "\x00\n"},
		{Seq: 2, Pos: etl.Position{File: "-", Row: 9, Line: 12}, Properties: []etl.Property{{Name: "a", Value: "b"}}},
	}
	out := []etl.Outcome{
		{Status: etl.Updated, ID: "123456789012345678"},
		{Status: etl.Failed, Problems: []etl.Problem{
			{Column: -1, Code: "CONFLICT", Message: "já existe <b>"},
			{Column: 3, Property: "due", Value: "x", Code: "WARN", Message: "m", Hint: "h", Warning: true},
		}},
	}
	id, err := j.Begin(ctx, recs)
	require.NoError(t, err)
	require.Len(t, collect(t, j, true), 1, "under way until it ends")
	require.NoError(t, j.End(ctx, id, recs, out))
	lost, err := j.Begin(ctx, records(3, 4))
	require.NoError(t, err)

	j = reopen(t, j, dir)
	got := collect(t, j, false)
	require.Len(t, got, 2)
	require.Equal(t, id, got[0].ID)
	require.True(t, got[0].Sent)
	require.WithinDuration(t, time.Now(), got[0].Ended, time.Hour)
	require.False(t, got[0].Ended.Before(got[0].Begun))
	require.Equal(t, out, got[0].Outcomes)
	require.Equal(t, []journal.Intent{
		{Seq: 1, Pos: recs[0].Pos, Key: recs[0].Key, Hash: journal.PayloadHash(recs[0])},
		{Seq: 2, Pos: recs[1].Pos, Key: "", Hash: journal.PayloadHash(recs[1])},
	}, got[0].Intents)

	undone := collect(t, j, true)
	require.Equal(t, got[1:], undone)
	require.Equal(t, lost, undone[0].ID)
	require.Zero(t, undone[0].Ended)
	require.Nil(t, undone[0].Outcomes)

	next, err := j.Begin(ctx, records(3, 4))
	require.NoError(t, err)
	require.Greater(t, next, lost, "numbers go on where they stood")
}

func TestProgress(t *testing.T) {
	t.Parallel()
	j, dir := create(t, facts())
	ctx := t.Context()
	begin := func(from, to int64) (etl.BatchID, []*etl.Record) {
		recs := records(from, to)
		id, err := j.Begin(ctx, recs)
		require.NoError(t, err)
		return id, recs
	}
	id, recs := begin(1, 3)
	require.NoError(t, j.End(ctx, id, recs, outcomes(recs)))
	begin(4, 5)
	begin(6, 7)
	require.NoError(t, j.Judged(ctx, records(9, 10), []etl.Outcome{{Status: etl.Skipped}, {Status: etl.Unsent}}))
	j = reopen(t, j, dir)
	id, recs = begin(6, 7) // sent again by the resumed run
	require.NoError(t, j.End(ctx, id, recs, outcomes(recs)))
	id, recs = begin(10, 10)
	require.NoError(t, j.End(ctx, id, recs, outcomes(recs)))

	p, err := j.Progress(ctx)
	require.NoError(t, err)
	want := map[int64]etl.Status{
		1: etl.Created, 2: etl.Created, 3: etl.Created, 4: etl.InDoubt, 5: etl.InDoubt,
		6: etl.Created, 7: etl.Created, 9: etl.Skipped, 10: etl.Created,
	}
	for seq := int64(-1); seq < 3000; seq++ {
		status, known := p.Status(seq)
		wantStatus, wantKnown := want[seq]
		require.Equal(t, wantKnown, known, "seq %d", seq)
		require.Equal(t, wantStatus, status, "seq %d", seq)
	}
}

func TestLaterAnswerCounts(t *testing.T) {
	t.Parallel()
	j, dir := create(t, facts())
	recs := records(1, 2)
	id, err := j.Begin(t.Context(), recs)
	require.NoError(t, err)
	require.NoError(t, j.End(t.Context(), id, recs, []etl.Outcome{{Status: etl.Created, ID: "1"}, {Status: etl.InDoubt}}))
	j = reopen(t, j, dir)
	settled := []etl.Outcome{{Status: etl.Created, ID: "1"}, {Status: etl.Created, ID: "2"}}
	require.NoError(t, j.End(t.Context(), id, recs, settled))
	got := collect(t, j, false)
	require.Len(t, got, 1)
	require.Equal(t, settled, got[0].Outcomes)
}

func TestJudgedIsStoredInLargePieces(t *testing.T) {
	t.Parallel()
	j, dir := create(t, facts())
	for seq := int64(1); seq <= 1234; seq++ {
		rec := record(seq)
		out := etl.Outcome{Status: etl.Rejected, Problems: []etl.Problem{{Column: 2, Code: "INVALID_OPTION", Message: "m"}}}
		require.NoError(t, j.Judged(t.Context(), []*etl.Record{rec}, []etl.Outcome{out}))
	}
	j = reopen(t, j, dir)
	got := collect(t, j, false)
	require.Len(t, got, 3)
	var seq int64
	for _, b := range got {
		require.False(t, b.Sent)
		for i, in := range b.Intents {
			seq++
			require.Equal(t, seq, in.Seq)
			require.Equal(t, etl.Rejected, b.Outcomes[i].Status)
		}
	}
	require.EqualValues(t, 1234, seq)
}

// TestRowsByHand reads the views as somebody with sqlite3 would.
func TestRowsByHand(t *testing.T) {
	t.Parallel()
	j, dir := create(t, facts())
	ctx := t.Context()
	recs := records(1, 2)
	_, err := j.Begin(ctx, recs) // its answer was lost
	require.NoError(t, err)
	id, err := j.Begin(ctx, recs[:1])
	require.NoError(t, err)
	out := []etl.Outcome{{Status: etl.Failed, Problems: []etl.Problem{{Code: "CONFLICT", Message: "taken"}}}}
	require.NoError(t, j.End(ctx, id, recs[:1], out))
	require.NoError(t, j.Judged(ctx, records(3, 3), []etl.Outcome{{Status: etl.Skipped}}))
	require.NoError(t, j.Close())

	db, err := sql.Open("sqlite", filepath.Join(dir, journal.File))
	require.NoError(t, err)
	defer db.Close()
	rows, err := db.Query(`SELECT seq, file, row, line, key, status, coalesce(code, ''), coalesce(message, ''),
		batch, attempts, begun LIKE '20%T%Z', ended IS NOT NULL, payload_hash FROM rows`)
	require.NoError(t, err)
	defer rows.Close()
	var got []string
	for rows.Next() {
		cells := make([]any, 13)
		for i := range cells {
			cells[i] = new(string)
		}
		require.NoError(t, rows.Scan(cells...))
		var line []string
		for _, c := range cells {
			line = append(line, *c.(*string))
		}
		got = append(got, strings.Join(line, " "))
	}
	require.NoError(t, rows.Err())
	hash := func(seq int64) string { return fmt.Sprintf("%016x", journal.PayloadHash(record(seq))) }
	require.Equal(t, []string{
		"1 desk.csv 2 3 T-1 failed CONFLICT taken 2 2 1 1 " + hash(1),
		"2 desk.csv 3 5 T-2 begun   1 1 1 0 " + hash(2),
		"3 desk.csv 4 7 T-3 skipped   3 0 1 1 " + hash(3),
	}, got)
}

func TestRedactKeepsValuesOut(t *testing.T) {
	t.Parallel()
	f := facts()
	f.Redact = true
	j, dir := create(t, f)
	ctx := t.Context()
	rec := record(1)
	rec.Key = "SECRET-key"
	rec.Properties = []etl.Property{{Name: "subject", Value: "SECRET-subject"}}
	id, err := j.Begin(ctx, []*etl.Record{rec})
	require.NoError(t, err)
	require.NoError(t, j.End(ctx, id, []*etl.Record{rec}, []etl.Outcome{{Status: etl.Failed, Problems: []etl.Problem{
		{Column: 1, Property: "subject", Value: "SECRET-v", Code: "BAD", Message: "SECRET-m", Hint: "SECRET-h"}}}}))

	got := collect(t, j, false)
	require.Equal(t, etl.Problem{Column: 1, Property: "subject", Code: "BAD"}, got[0].Outcomes[0].Problems[0])
	require.NoError(t, j.Close())
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, file := range files {
		data, err := os.ReadFile(filepath.Join(dir, file.Name()))
		require.NoError(t, err)
		require.NotContains(t, string(data), "SECRET")
	}
}

func TestManyGoroutines(t *testing.T) {
	t.Parallel()
	j, dir := create(t, facts())
	const workers, batches, size = 8, 20, 10
	var g errgroup.Group
	for w := range int64(workers) {
		g.Go(func() error {
			for n := range int64(batches) {
				from := (w*batches+n)*size + 1
				recs := records(from, from+size-1)
				for _, rec := range recs {
					rec.Pos.File = fmt.Sprintf("file-%d.csv", w)
				}
				id, err := j.Begin(t.Context(), recs)
				if err == nil {
					err = j.End(t.Context(), id, recs, outcomes(recs))
				}
				if err == nil {
					err = j.Judged(t.Context(), records(10_000+from, 10_000+from), []etl.Outcome{{Status: etl.Skipped}})
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	require.NoError(t, g.Wait())
	j = reopen(t, j, dir)

	seen := map[int64]int{}
	for _, b := range collect(t, j, false) {
		for i, in := range b.Intents {
			seen[in.Seq]++
			if b.Sent {
				require.Equal(t, fmt.Sprintf("file-%d.csv", (in.Seq-1)/(batches*size)), in.Pos.File)
				require.Equal(t, fmt.Sprint(90000+in.Seq), b.Outcomes[i].ID)
			}
		}
	}
	require.Len(t, seen, workers*batches*(size+1))
	for seq, n := range seen {
		require.Equal(t, 1, n, "seq %d", seq)
	}
}

func TestBeginAfterCancelStoresNothing(t *testing.T) {
	t.Parallel()
	j, _ := create(t, facts())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 20 {
		_, err := j.Begin(ctx, records(1, 1))
		if err != nil {
			require.ErrorIs(t, err, context.Canceled)
		}
		stored := len(collect(t, j, false))
		if err == nil {
			require.Positive(t, stored, "no error means stored")
			return
		}
		require.Zero(t, stored, "an error means not stored")
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		do   func(t *testing.T, dir string) error
		want string // %s is the folder
	}{
		{"no folder", func(_ *testing.T, dir string) error {
			_, err := journal.Create(filepath.Join(dir, "none"), facts())
			return err
		}, "run folder %s/none: open %[1]s/none/run.db: no such file or directory"},
		{"no journal", func(_ *testing.T, dir string) error { _, err := journal.Open(dir); return err },
			"run folder %s: stat %[1]s/run.db: no such file or directory"},
		{"a journal is there already", func(t *testing.T, dir string) error {
			closed(t, dir)
			_, err := journal.Create(dir, facts())
			return err
		}, "run folder %s: open %[1]s/run.db: file exists"},
		{"closed", func(t *testing.T, dir string) error {
			_, err := closed(t, dir).Begin(t.Context(), records(1, 1))
			return err
		}, "run folder %s: the journal is closed"},
		{"outcomes are missing", func(t *testing.T, dir string) error {
			return closed(t, dir).End(t.Context(), 7, records(1, 2), make([]etl.Outcome, 1))
		}, "run folder %s: batch 7 has 2 records and 1 outcomes"},
		{"not a database", func(t *testing.T, dir string) error {
			require.NoError(t, os.WriteFile(filepath.Join(dir, journal.File), []byte(strings.Repeat("tickets,", 1000)), 0o600))
			_, err := journal.Open(dir)
			return err
		}, "run folder %s: the journal run.db is damaged, so what was sent is not known; restore it from a copy, or compare with results.csv before sending anything again: file is not a database (26)"},
		{"created and nothing written", func(t *testing.T, dir string) error {
			require.NoError(t, os.WriteFile(filepath.Join(dir, journal.File), nil, 0o600))
			_, err := journal.Open(dir)
			return err
		}, "run folder %s: the journal is empty: that run ended before it sent anything; start it anew"},
		{"another program's database", func(t *testing.T, dir string) error {
			execute(t, dir, `CREATE TABLE run (a)`)
			_, err := journal.Open(dir)
			return err
		}, "run folder %s: this is not a journal of ticketetl"},
		{"a later format", func(t *testing.T, dir string) error {
			closed(t, dir)
			execute(t, dir, `UPDATE run SET value = '9' WHERE key = 'format'`)
			_, err := journal.Open(dir)
			return err
		}, "run folder %s: the journal has format 9, this program knows 2; use the ticketetl that wrote it, or a newer one"},
		{"a batch was changed", func(t *testing.T, dir string) error {
			closed(t, dir)
			execute(t, dir, `INSERT INTO batches VALUES (5, 1, 0, 1, 1, '[[99999999999, 1, 1, 1, "", "00"]]', 0)`)
			j, err := journal.Open(dir)
			require.NoError(t, err)
			defer j.Close()
			_, err = j.Progress(t.Context())
			return err
		}, "run folder %s: batch 5: the journal run.db is damaged, so what was sent is not known; restore it from a copy, or compare with results.csv before sending anything again: its checksum is wrong"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			require.EqualError(t, tt.do(t, dir), fmt.Sprintf(tt.want, dir))
		})
	}
}

func closed(t *testing.T, dir string) *journal.Journal {
	t.Helper()
	j, err := journal.Create(dir, facts())
	require.NoError(t, err)
	require.NoError(t, j.Close())
	require.NoError(t, j.Close(), "a second time does nothing")
	return j
}

func execute(t *testing.T, dir, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, journal.File))
	require.NoError(t, err)
	defer db.Close()
	_, err = db.Exec(statement)
	require.NoError(t, err)
}

// TestThatCannotStart: where the mark cannot be made, as on a disk that has just
// become full, there is an error and no journal, which nobody could close.
func TestThatCannotStart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, journal.MarkFile), 0o700))
	j, err := journal.Create(dir, facts())
	require.Error(t, err)
	require.Nil(t, j)
	j, err = journal.Open(dir)
	require.Error(t, err)
	require.Nil(t, j)
}

func TestFullDisk(t *testing.T) {
	t.Parallel()
	j, dir := create(t, facts())
	ctx := t.Context()
	require.NoError(t, j.LimitPages(20))

	var confirmed []etl.BatchID
	var err error
	for len(confirmed) < 1000 && err == nil {
		var id etl.BatchID
		if id, err = j.Begin(ctx, records(1, 100)); err == nil {
			confirmed = append(confirmed, id)
		}
	}
	require.EqualError(t, err, "run folder "+dir+": the disk is full: the journal run.db does not fit")
	require.ErrorIs(t, err, journal.ErrFull)
	require.NotEmpty(t, confirmed)

	require.NoError(t, j.LimitPages(10_000)) // space again
	require.NoError(t, j.End(ctx, confirmed[0], records(1, 100), outcomes(records(1, 100))))
	j = reopen(t, j, dir)
	var got []etl.BatchID
	for _, b := range collect(t, j, false) {
		got = append(got, b.ID)
	}
	require.Equal(t, confirmed, got)
}

// TestTornLog cuts the write-ahead log at every kind of place. What was on disk
// before the cut must be there, whole batches only.
func TestTornLog(t *testing.T) {
	t.Parallel()
	j, dir := create(t, facts())
	ctx := t.Context()
	log := filepath.Join(dir, journal.File+"-wal")
	size := func() int64 {
		info, err := os.Stat(log)
		require.NoError(t, err)
		return info.Size()
	}
	type step struct {
		begun, ended int
		size         int64 // of the log after it
	}
	steps := []step{{size: size()}}
	for n := int64(0); n < 4; n++ {
		recs := records(n*50+1, n*50+50)
		id, err := j.Begin(ctx, recs)
		require.NoError(t, err)
		steps = append(steps, step{int(n) + 1, int(n), size()})
		require.NoError(t, j.End(ctx, id, recs, outcomes(recs)))
		steps = append(steps, step{int(n) + 1, int(n) + 1, size()})
	}
	main, err := os.ReadFile(filepath.Join(dir, journal.File))
	require.NoError(t, err)
	wal, err := os.ReadFile(log)
	require.NoError(t, err)

	var cuts []int64
	for _, s := range steps {
		cuts = append(cuts, s.size-1, s.size, s.size+1, s.size+1000, s.size+5000)
	}
	for _, cut := range cuts {
		if cut > int64(len(wal)) {
			continue
		}
		torn := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(torn, journal.File), main, 0o600))
		require.NoError(t, os.WriteFile(filepath.Join(torn, journal.File+"-wal"), wal[:cut], 0o600))
		again, err := journal.Open(torn)
		if cut < steps[0].size {
			require.ErrorContains(t, err, "run folder "+torn+": ")
			continue
		}
		require.NoError(t, err, "cut at %d", cut)
		var want step
		for _, s := range steps {
			if s.size <= cut {
				want = s
			}
		}
		got := collect(t, again, false)
		require.Len(t, got, want.begun, "cut at %d", cut)
		require.Len(t, collect(t, again, true), want.begun-want.ended, "cut at %d", cut)
		for _, b := range got {
			require.Len(t, b.Intents, 50)
		}
		require.NoError(t, again.Close())
	}
}

// TestCutFile cuts the database itself, which no crash does: the answer is an
// error or what was stored, never something else.
func TestCutFile(t *testing.T) {
	t.Parallel()
	j, dir := create(t, facts())
	for n := int64(0); n < 10; n++ {
		recs := records(n*100+1, n*100+100)
		id, err := j.Begin(t.Context(), recs)
		require.NoError(t, err)
		require.NoError(t, j.End(t.Context(), id, recs, outcomes(recs)))
	}
	require.NoError(t, j.Close())
	data, err := os.ReadFile(filepath.Join(dir, journal.File))
	require.NoError(t, err)
	for cut := len(data) - 1; cut > 0; cut -= len(data) / 23 {
		torn := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(torn, journal.File), data[:cut], 0o600))
		require.Error(t, readAll(torn, t.Context()), "cut at %d of %d", cut, len(data))
	}
}

func readAll(dir string, ctx context.Context) error {
	j, err := journal.Open(dir)
	if err != nil {
		return err
	}
	_, err = j.Progress(ctx)
	return errors.Join(err, j.Close())
}

func TestPayloadHash(t *testing.T) {
	t.Parallel()
	base := func() *etl.Record {
		return &etl.Record{Key: "k", Properties: []etl.Property{{Name: "a", Value: "b"}},
			References: []etl.Reference{{To: "contacts", Match: "email", Value: "a@example.com", TypeID: 16}}}
	}
	tests := []struct {
		name   string
		change func(*etl.Record)
		same   bool
	}{
		{"nothing", func(*etl.Record) {}, true},
		{"where it stands", func(r *etl.Record) { r.Seq, r.Pos.Row = 5, 6 }, true},
		{"an id that was looked up", func(r *etl.Record) { r.References[0].ID = "77" }, true},
		{"the key", func(r *etl.Record) { r.Key = "K" }, false},
		{"a value", func(r *etl.Record) { r.Properties[0].Value = "c" }, false},
		{"where a name ends", func(r *etl.Record) { r.Properties[0] = etl.Property{Name: "ab"} }, false},
		{"one property more", func(r *etl.Record) { r.Properties = append(r.Properties, etl.Property{}) }, false},
		{"a label", func(r *etl.Record) { r.References[0].TypeID = 17 }, false},
		{"no reference", func(r *etl.Record) { r.References = nil }, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			rec := base()
			tt.change(rec)
			require.Equal(t, tt.same, journal.PayloadHash(base()) == journal.PayloadHash(rec))
		})
	}
	// The same in every run, on every machine.
	require.Equal(t, "61cb", fmt.Sprintf("%016x", journal.PayloadHash(base()))[:4])
}
