package etl_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ticketetl/ticketetl/etl"
)

// rows is a Source of one-column rows. A row "short" is a RowError; a row
// "break" ends the reading with an error.
type rows struct {
	file  string // "t.csv" if empty
	cells []string
	next  int
}

var header = etl.NewHeader([]string{"Text"})

func (r *rows) Header() *etl.Header { return header }
func (r *rows) Close() error        { return nil }

func (r *rows) Next(context.Context) (*etl.Record, error) {
	if r.next == len(r.cells) {
		return nil, io.EOF
	}
	cell := r.cells[r.next]
	r.next++
	rec := &etl.Record{Pos: etl.Position{File: cmp.Or(r.file, "t.csv"), Row: r.next + 1}, Header: header, Fields: []string{cell}}
	switch cell {
	case "break":
		return nil, errors.New("t.csv: read error")
	case "short":
		return rec, &etl.RowError{Pos: rec.Pos, Problem: etl.Problem{Column: -1, Code: "TOO_FEW_CELLS", Message: "too few cells"}}
	}
	return rec, nil
}

// mapper rejects "bad", skips "skip", and takes what follows "key:" as key.
type mapper struct{}

func (mapper) Apply(rec *etl.Record) (bool, []etl.Problem) {
	text := rec.Fields[0]
	rec.Properties = []etl.Property{{Name: "subject", Value: text}}
	rec.Key, _ = strings.CutPrefix(text, "key:")
	if rec.Key == text {
		rec.Key = ""
	}
	switch text {
	case "bad", "bad done", "bad lost":
		return false, []etl.Problem{{Code: "BAD", Message: "bad"}}
	case "warn":
		return false, []etl.Problem{{Code: "ODD", Message: "odd", Warning: true}}
	}
	return text == "skip", nil
}

func (mapper) ColumnOf(property string) (int, bool) { return 0, property == "subject" }

// sink creates everything but "refuse"; at "die" the run must stop.
type sink struct {
	mu      sync.Mutex
	batches [][]string
	before  func(batch []*etl.Record)
}

func (s *sink) Write(_ context.Context, batch []*etl.Record) ([]etl.Outcome, error) {
	if s.before != nil {
		s.before(batch)
	}
	var texts []string
	out := make([]etl.Outcome, len(batch))
	var err error
	for i, rec := range batch {
		texts = append(texts, rec.Fields[0])
		switch rec.Fields[0] {
		case "refuse":
			out[i] = etl.Outcome{Status: etl.Failed, Problems: []etl.Problem{{Column: -1, Property: "subject", Code: "NO"}}}
		case "die":
			out[i] = etl.Outcome{Status: etl.InDoubt}
			err = errors.New("the disk is full")
		default:
			out[i] = etl.Outcome{Status: etl.Created, ID: fmt.Sprint(rec.Seq)}
		}
	}
	s.mu.Lock()
	s.batches = append(s.batches, texts)
	s.mu.Unlock()
	return out, err
}

// told keeps what the run reports.
type told struct {
	seqs  []int64
	texts []string
	outs  []etl.Outcome
}

func (r *told) Add(rec *etl.Record, out etl.Outcome) error {
	r.seqs = append(r.seqs, rec.Seq)
	r.texts = append(r.texts, rec.Fields[0]+" "+out.Status.String())
	r.outs = append(r.outs, out)
	return nil
}

func runRows(t *testing.T, opts etl.Options, s etl.Sink, cells ...string) (*told, etl.Totals, error) {
	t.Helper()
	report := &told{}
	totals, err := etl.Run(t.Context(), etl.Steps{
		Inputs: []etl.Input{{Source: &rows{cells: cells}, Mapper: mapper{}}}, Sink: s, Report: report,
	}, opts)
	require.Equal(t, int64(len(report.texts)), totals.Sum(), "the report is told of each counted record")
	return report, totals, err
}

func TestRunOutcomes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		cells   []string
		opts    etl.Options
		noSink  bool
		want    []string
		wantErr string
	}{
		{name: "nothing", want: nil},
		{name: "each record ends once", cells: []string{"a", "bad", "skip", "short", "refuse", "warn"},
			want: []string{"a created", "bad rejected", "skip skipped", "short rejected", "refuse failed", "warn created"}},
		{name: "several batches keep their order", opts: etl.Options{Batch: 2, Writers: 3},
			cells: []string{"a", "b", "bad", "c", "d", "e", "f"},
			want:  []string{"a created", "b created", "bad rejected", "c created", "d created", "e created", "f created"}},
		{name: "nothing but bad rows is told too", opts: etl.Options{Batch: 1}, cells: slices.Repeat([]string{"bad"}, 25),
			want: slices.Repeat([]string{"bad rejected"}, 25)},
		{name: "without a sink a good row ends as asked", noSink: true, opts: etl.Options{Checked: etl.Valid},
			cells: []string{"a", "bad"}, want: []string{"a valid", "bad rejected"}},
		{name: "the same key twice", opts: etl.Options{Unique: true}, cells: []string{"key:1", "key:2", "key: 1 "},
			want: []string{"key:1 created", "key:2 created", "key: 1  rejected"}},
		{name: "a sink that must stop leaves the rest unsent", opts: etl.Options{Batch: 1, Writers: 1}, cells: []string{"a", "die", "b", "bad", "c"},
			want: []string{"a created", "die in-doubt", "b unsent", "bad rejected", "c unsent"}, wantErr: "the disk is full"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var s etl.Sink = &sink{}
			if tt.noSink {
				s = nil
			}
			report, totals, err := runRows(t, tt.opts, s, tt.cells...)
			require.Equal(t, tt.want, report.texts)
			if tt.wantErr != "" {
				require.EqualError(t, err, tt.wantErr)
				return
			}
			require.NoError(t, err)
			require.Equal(t, int64(len(tt.cells)), totals.Sum())
		})
	}
}

// What was read before a source breaks is told, sent or not: it may be under way
// already.
func TestRunEndsWhereASourceBreaks(t *testing.T) {
	t.Parallel()
	report, totals, err := runRows(t, etl.Options{Batch: 1}, &sink{}, "a", "break", "b")
	require.EqualError(t, err, "t.csv: read error")
	require.EqualValues(t, 1, totals[etl.Created]+totals[etl.Unsent])
	require.Len(t, report.texts, 1)
}

func TestRunNamesTheCellOfARefusal(t *testing.T) {
	t.Parallel()
	report, _, err := runRows(t, etl.Options{}, &sink{}, "refuse")
	require.NoError(t, err)
	require.Equal(t, []etl.Problem{{Column: 0, Property: "subject", Value: "refuse", Code: "NO"}}, report.outs[0].Problems)
}

func TestRunUniqueProperties(t *testing.T) {
	t.Parallel()
	report, _, err := runRows(t, etl.Options{Unique: true, UniqueProperties: []string{"subject"}}, &sink{}, "one", "two", "One", "bad", "BAD")
	require.NoError(t, err)
	require.Equal(t, []string{"one created", "two created", "One rejected", "bad rejected", "BAD rejected"}, report.texts)
	require.Equal(t, etl.Problem{
		Column: 0, Property: "subject", Value: "One", Code: "DUPLICATE_KEY",
		Message: `subject "One" stands in row 2 of t.csv already, there maybe in other case`,
		Hint:    "keep one of the two rows; keys are compared without case and outer blanks, since HubSpot does not say whether it tells them apart",
	}, report.outs[2].Problems[0])
}

func TestRunSaysWhereTheKeyStood(t *testing.T) {
	t.Parallel()
	report, _, err := runRows(t, etl.Options{Unique: true}, &sink{}, "key:A", "key:a")
	require.NoError(t, err)
	require.Equal(t, `key "a" stands in row 2 of t.csv already, there maybe in other case`, report.outs[1].Problems[0].Message)
}

// TestRunDoubleKeys: what is said of a key that stands twice depends on whether case
// can have a part in it.
func TestRunDoubleKeys(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, first, second, message, hint string }{
		{"digits have no case", "17", "17", `key "17" stands in row 2 of t.csv already`, "keep one of the two rows; keys are compared without case and outer blanks"},
		{"ids of 15 characters of Salesforce", "5003000000D8cuI", "5003000000D8cui", `key "5003000000D8cui" stands in row 2 of t.csv already, there maybe in other case`,
			"if the id in row 2 of t.csv differs in case, as Salesforce ids of 15 characters may, export the ids of 18 characters, " +
				"which differ without case too (in a report: a formula with CASESAFEID), and import those; else keep one of the two rows"},
		{"15 letters of one case are no such id", "ABCDEFGHIJKLMNO", "ABCDEFGHIJKLMNO", `key "ABCDEFGHIJKLMNO" stands in row 2 of t.csv already, there maybe in other case`,
			"keep one of the two rows; keys are compared without case and outer blanks, since HubSpot does not say whether it tells them apart"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			report, _, err := runRows(t, etl.Options{Unique: true}, &sink{}, "key:"+tt.first, "key:"+tt.second)
			require.NoError(t, err)
			require.Equal(t, tt.message, report.outs[1].Problems[0].Message)
			require.Equal(t, tt.hint, report.outs[1].Problems[0].Hint)
		})
	}
}

func TestRunBatches(t *testing.T) {
	t.Parallel()
	s := &sink{}
	_, _, err := runRows(t, etl.Options{Batch: 2, Writers: 1}, s, "a", "bad", "b", "skip", "c", "d", "e")
	require.NoError(t, err)
	require.Equal(t, [][]string{{"a", "b"}, {"c", "d"}, {"e"}}, s.batches, "full batches of what is to be sent")
}

func TestRunStopFinishesWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stop := make(chan struct{})
		s := &sink{before: func(batch []*etl.Record) {
			time.Sleep(time.Second)
			if batch[0].Fields[0] == "b" {
				close(stop)
				time.Sleep(time.Second)
			}
		}}
		report, totals, err := runRows(t, etl.Options{Batch: 1, Writers: 1, Stop: stop}, s, "a", "b", "c", "bad", "d")
		require.NoError(t, err)
		require.Equal(t, []string{"a created", "b created", "c unsent", "bad rejected", "d unsent"}, report.texts)
		require.EqualValues(t, 2, totals[etl.Unsent])
	})
}

func TestRunCancelEndsAtOnce(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	report := &told{}
	s := &sink{before: func([]*etl.Record) { cancel() }}
	_, err := etl.Run(ctx, etl.Steps{
		Inputs: []etl.Input{{Source: &rows{cells: slices.Repeat([]string{"a"}, 10_000)}, Mapper: mapper{}}},
		Sink:   s, Report: report,
	}, etl.Options{Batch: 1, Writers: 1})
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, "a created", report.texts[0])
	require.Less(t, len(report.texts), 100, "a cancelled run does not read on")
}

// journalLog notes the order of what a journal is told.
type journalLog struct {
	mu    sync.Mutex
	lines []string
	fail  string
}

func (j *journalLog) note(what string) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, what)
	if what == j.fail {
		return errors.New("run folder: no space left")
	}
	return nil
}

func (j *journalLog) Begin(_ context.Context, batch []*etl.Record) (etl.BatchID, error) {
	return etl.BatchID(batch[0].Seq), j.note("begin " + batch[0].Fields[0])
}

func (j *journalLog) End(_ context.Context, _ etl.BatchID, batch []*etl.Record, outs []etl.Outcome) error {
	return j.note("end " + batch[0].Fields[0] + " " + outs[0].Status.String())
}

func (j *journalLog) Judged(_ context.Context, recs []*etl.Record, outs []etl.Outcome) error {
	for i, rec := range recs {
		if err := j.note(rec.Fields[0] + " " + outs[i].Status.String()); err != nil {
			return err
		}
	}
	return nil
}

// only are those of the lines that are in want.
func (j *journalLog) only(want []string) []string {
	return slices.DeleteFunc(slices.Clone(j.lines), func(line string) bool { return !slices.Contains(want, line) })
}

func TestRunJournalsIntentThenOutcome(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, fail string
		orders     [][]string // of what the journal and the sink are told
		never      []string
		want       []string
	}{
		{name: "intent, request, outcome",
			orders: [][]string{{"begin a", "send a", "end a created", "send b", "end b created"}, {"begin b", "send b"}},
			want:   []string{"a created", "b created"}},
		{name: "an intent that cannot be kept is not sent", fail: "begin a",
			orders: [][]string{{"begin a", "a unsent", "b unsent"}}, never: []string{"send a", "begin b", "send b"},
			want: []string{"a unsent", "b unsent"}},
		{name: "an outcome that cannot be kept is told, and the run stops", fail: "end a created",
			orders: [][]string{{"begin a", "send a", "end a created"}}, never: []string{"send b", "end b created"},
			want: []string{"a created", "b unsent"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			log := &journalLog{fail: tt.fail}
			s := &sink{before: func(batch []*etl.Record) { _ = log.note("send " + batch[0].Fields[0]) }}
			report := &told{}
			_, err := etl.Run(t.Context(), etl.Steps{
				Inputs: []etl.Input{{Source: &rows{cells: []string{"a", "b"}}, Mapper: mapper{}}},
				Sink:   s, Journal: log, Report: report,
			}, etl.Options{Batch: 1, Writers: 1})
			require.Equal(t, tt.fail != "", err != nil)
			for _, order := range tt.orders {
				require.Equal(t, order, log.only(order), "%q", log.lines)
			}
			require.Empty(t, log.only(tt.never), "%q", log.lines)
			require.Equal(t, tt.want, report.texts)
		})
	}
}

// slowJournal keeps the outcomes of "a" only once the intent of "b" has come.
type slowJournal struct {
	journalLog
	begun chan struct{} // closed by the intent of "b"
}

func (j *slowJournal) Begin(ctx context.Context, batch []*etl.Record) (etl.BatchID, error) {
	if batch[0].Fields[0] == "b" {
		defer close(j.begun)
	}
	return j.journalLog.Begin(ctx, batch)
}

func (j *slowJournal) End(ctx context.Context, id etl.BatchID, batch []*etl.Record, outs []etl.Outcome) error {
	<-j.begun
	return j.journalLog.End(ctx, id, batch, outs)
}

// TestRunBeginsTheNextBatchMeanwhile: the intent of a batch and the outcomes of the one
// before may get on disk together. It is not sent before both are there.
func TestRunBeginsTheNextBatchMeanwhile(t *testing.T) {
	t.Parallel()
	log := &slowJournal{begun: make(chan struct{})}
	s := &sink{before: func(batch []*etl.Record) { _ = log.note("send " + batch[0].Fields[0]) }}
	_, err := etl.Run(t.Context(), etl.Steps{
		Inputs: []etl.Input{{Source: &rows{cells: []string{"a", "b"}}, Mapper: mapper{}}},
		Sink:   s, Journal: log, Report: &told{},
	}, etl.Options{Batch: 1, Writers: 1})
	require.NoError(t, err)
	require.Equal(t, []string{"begin a", "send a", "begin b", "end a created", "send b", "end b created"}, log.lines)
}

// resolver finds nothing for "lost" and breaks at "broken".
type resolver struct{}

func (resolver) Resolve(_ context.Context, batch []*etl.Record) ([][]etl.Problem, error) {
	problems := make([][]etl.Problem, len(batch))
	for i, rec := range batch {
		switch rec.Fields[0] {
		case "lost":
			problems[i] = []etl.Problem{{Code: "REFERENCE_NOT_FOUND", Message: "no contact"}}
		case "broken":
			return nil, errors.New("look up contacts: no answer")
		}
	}
	return problems, nil
}

func TestRunResolvesBeforeItSends(t *testing.T) {
	t.Parallel()
	s := &sink{}
	report := &told{}
	_, err := etl.Run(t.Context(), etl.Steps{
		Inputs:   []etl.Input{{Source: &rows{cells: []string{"a", "lost", "b", "broken", "c"}}, Mapper: mapper{}}},
		Resolver: resolver{}, Sink: s, Report: report,
	}, etl.Options{Batch: 3, Writers: 1})
	require.EqualError(t, err, "look up contacts: no answer")
	require.Equal(t, []string{"a created", "lost rejected", "b created", "broken unsent", "c unsent"}, report.texts)
	require.Equal(t, [][]string{{"a", "b"}}, s.batches)
}

// TestRunEachRecordOnce is the invariant: whatever the rows and however they
// are batched, each record read is told once, in order.
func TestRunEachRecordOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		cells := rapid.SliceOf(rapid.SampledFrom([]string{"a", "b", "bad", "skip", "short", "refuse", "warn", "key:1", "key:2"})).Draw(rt, "cells")
		opts := etl.Options{
			Batch: rapid.IntRange(1, 5).Draw(rt, "batch"), Writers: rapid.IntRange(1, 4).Draw(rt, "writers"), Unique: rapid.Bool().Draw(rt, "unique"),
		}
		report := &told{}
		totals, err := etl.Run(t.Context(), etl.Steps{
			Inputs: []etl.Input{{Source: &rows{cells: cells}, Mapper: mapper{}}}, Sink: &sink{}, Report: report,
		}, opts)
		require.NoError(rt, err)
		require.EqualValues(rt, len(cells), totals.Sum())
		require.Len(rt, report.seqs, len(cells))
		for i, seq := range report.seqs {
			require.EqualValues(rt, i+1, seq)
		}
	})
}

// past ends "done" and doubts "lost".
type past struct{}

func (past) Ended(_ context.Context, rec *etl.Record) (etl.Outcome, bool, error) {
	switch rec.Fields[0] {
	case "done", "bad done":
		return etl.Outcome{Status: etl.Created, ID: "7"}, true, nil
	case "lost", "bad lost":
		rec.Doubt = &etl.Doubt{Floor: "6"}
	case "broken":
		return etl.Outcome{}, false, errors.New("run folder: the journal is damaged")
	}
	return etl.Outcome{}, false, nil
}

func TestRunCarriesOn(t *testing.T) {
	t.Parallel()
	var doubts []string
	s := &sink{before: func(batch []*etl.Record) {
		for _, rec := range batch {
			if rec.Doubt != nil {
				doubts = append(doubts, rec.Fields[0]+" after "+rec.Doubt.Floor)
			}
		}
	}}
	report := &told{}
	run := func(cells ...string) error {
		_, err := etl.Run(t.Context(), etl.Steps{
			Inputs: []etl.Input{{Source: &rows{cells: cells}, Mapper: mapper{}}}, Past: past{}, Sink: s, Report: report,
		}, etl.Options{Writers: 1})
		return err
	}
	require.NoError(t, run("done", "bad", "lost", "new"))
	require.Equal(t, []string{"done created", "bad rejected", "lost created", "new created"}, report.texts)
	require.Equal(t, "7", report.outs[0].ID, "what is done is told as it ended")
	require.Equal(t, [][]string{{"lost", "new"}}, s.batches, "and not sent again")
	require.Equal(t, []string{"lost after 6"}, doubts)
	require.EqualError(t, run("broken"), "run folder: the journal is damaged")
	require.Equal(t, "broken unsent", report.texts[4])
}

// TestRunForgetsNothing: what an earlier attempt has sent is not rejected because
// the definitions, or what the record refers to, have changed since.
func TestRunForgetsNothing(t *testing.T) {
	t.Parallel()
	s, log, report := &sink{}, &journalLog{}, &told{}
	_, err := etl.Run(t.Context(), etl.Steps{
		Inputs: []etl.Input{{Source: &rows{cells: []string{"bad done", "bad lost", "lost", "bad"}}, Mapper: mapper{}}},
		Past:   past{}, Resolver: resolver{}, Journal: log, Sink: s, Report: report,
	}, etl.Options{Writers: 1})
	require.NoError(t, err)
	require.Equal(t, []string{"bad done created", "bad lost in-doubt", "lost in-doubt", "bad rejected"}, report.texts)
	require.Equal(t, "7", report.outs[0].ID)
	require.Equal(t, "NO_ANSWER", report.outs[1].Problems[0].Code)
	require.Equal(t, "BAD", report.outs[1].Problems[1].Code, "why it is not looked up")
	require.Empty(t, s.batches)
	require.Equal(t, []string{"bad lost in-doubt", "lost in-doubt", "bad rejected"}, log.lines)
}

// checking is a sink that checks first: it refuses "taken", and breaks at "broken".
type checking struct {
	sink
	log *journalLog
}

func (c *checking) Check(_ context.Context, batch []*etl.Record) (map[int]etl.Outcome, error) {
	rejected := map[int]etl.Outcome{}
	for i, rec := range batch {
		_ = c.log.note("check " + rec.Fields[0])
		switch rec.Fields[0] {
		case "taken":
			rejected[i] = etl.Outcome{Status: etl.Rejected, ID: "7", Problems: []etl.Problem{{Code: "TICKET_EXISTS"}}}
		case "broken":
			return nil, errors.New("no answer")
		}
	}
	return rejected, nil
}

// TestRunChecksFirst: what the Sink rejects by what is there already was never
// about to be sent.
func TestRunChecksFirst(t *testing.T) {
	t.Parallel()
	log, report := &journalLog{}, &told{}
	s := &checking{log: log}
	_, err := etl.Run(t.Context(), etl.Steps{
		Inputs:  []etl.Input{{Source: &rows{cells: []string{"a", "taken", "warn", "broken"}}, Mapper: mapper{}}},
		Journal: log, Sink: s, Report: report,
	}, etl.Options{Batch: 3, Writers: 1})
	require.EqualError(t, err, "no answer")
	require.Equal(t, []string{"a created", "taken rejected", "warn created", "broken unsent"}, report.texts)
	require.Equal(t, "7", report.outs[1].ID)
	require.Equal(t, [][]string{{"a", "warn"}}, s.batches)
	first, second := []string{"check a", "check taken", "check warn", "begin a", "end a created", "taken rejected"}, []string{"check broken", "broken unsent"}
	require.Equal(t, first, log.only(first))
	require.Equal(t, second, log.only(second))
	require.Len(t, log.lines, len(first)+len(second))
}

// TestRunKeepsADoubt: a record that an earlier attempt sent is not "unsent"
// because this attempt stopped before it.
func TestRunKeepsADoubt(t *testing.T) {
	t.Parallel()
	log := &journalLog{}
	report := &told{}
	_, err := etl.Run(t.Context(), etl.Steps{
		Inputs: []etl.Input{{Source: &rows{cells: []string{"done", "die", "lost", "bad", "skip", "new"}}, Mapper: mapper{}}},
		Past:   past{}, Journal: log, Sink: &sink{}, Report: report,
	}, etl.Options{Batch: 1, Writers: 1})
	require.EqualError(t, err, "the disk is full")
	require.Equal(t, []string{"done created", "die in-doubt", "lost in-doubt", "bad rejected", "skip skipped", "new unsent"}, report.texts)
	require.Equal(t, []string{"begin die", "end die in-doubt", "lost in-doubt", "bad rejected", "skip skipped", "new unsent"}, log.lines,
		"what the journal has already is not written again")
}

func TestRunFirstBatch(t *testing.T) {
	t.Parallel()
	s := &sink{}
	_, _, err := runRows(t, etl.Options{Batch: 3, First: 1, Writers: 1}, s, "a", "b", "c", "d", "e")
	require.NoError(t, err)
	require.Equal(t, [][]string{{"a"}, {"b", "c", "d"}, {"e"}}, s.batches)
}

func TestRunDoubles(t *testing.T) {
	t.Parallel()
	cells := []string{"key:1", "key:2", "key:1", "a", "key:1"}
	tests := []struct {
		keep etl.DoublePolicy
		want []string
	}{
		{etl.RejectDoubles, []string{"key:1 created", "key:2 created", "key:1 rejected", "a created", "key:1 rejected"}},
		{etl.KeepFirst, []string{"key:1 created", "key:2 created", "key:1 skipped", "a created", "key:1 skipped"}},
		{etl.KeepLast, []string{"key:1 skipped", "key:2 created", "key:1 skipped", "a created", "key:1 created"}},
	}
	for _, tt := range tests {
		opts := etl.Options{Unique: true, Doubles: &etl.Doubles{Keep: tt.keep}, Checked: etl.Unsent}
		_, _, err := runRows(t, opts, nil, cells...)
		require.NoError(t, err)
		report, _, err := runRows(t, opts, &sink{}, cells...)
		require.NoError(t, err)
		require.Equal(t, tt.want, report.texts, tt.keep)
	}
}

// TestRunDoublesOverFiles: rows with one key are found wherever they stand, each
// time the inputs are read, and the words name the right row.
func TestRunDoublesOverFiles(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		keep := rapid.SampledFrom([]etl.DoublePolicy{etl.RejectDoubles, etl.KeepFirst, etl.KeepLast}).Draw(rt, "keep")
		names := rapid.SliceOfN(rapid.SampledFrom([]string{"a.csv", "b.csv"}), 1, 4).Draw(rt, "files")
		files := make([][]string, len(names))
		for i := range files {
			files[i] = rapid.SliceOfN(rapid.SampledFrom([]string{"key:1", "key:2", "KEY", "key: 1 ", "short", "key:3"}), 0, 5).Draw(rt, "cells")
		}
		opts := etl.Options{Unique: true, Doubles: &etl.Doubles{Keep: keep}, Checked: etl.Unsent}
		readAll := func(s etl.Sink) *told {
			report, steps := &told{}, etl.Steps{Sink: s}
			for i, cells := range files {
				steps.Inputs = append(steps.Inputs, etl.Input{Source: &rows{file: names[i], cells: cells}, Mapper: mapper{}})
			}
			steps.Report = report
			_, err := etl.Run(t.Context(), steps, opts)
			require.NoError(rt, err)
			return report
		}
		readAll(nil)
		got := readAll(&sink{})
		want := doubles(names, files, keep)
		require.Len(rt, got.outs, len(want))
		for i, out := range got.outs {
			text := out.Status.String()
			for _, p := range out.Problems {
				if p.Code == "DUPLICATE_KEY" {
					text += " " + p.Message
				}
			}
			require.Equal(rt, want[i], text, "record %d of %v %v", i, names, files)
		}
	})
}

// doubles are the outcomes and words for rows of the given files.
func doubles(names []string, files [][]string, keep etl.DoublePolicy) []string {
	type row struct{ text, key, place string }
	var all []row
	for f, cells := range files {
		for i, cell := range cells {
			key, keyed := strings.CutPrefix(cell, "key:")
			if !keyed {
				key = ""
			}
			all = append(all, row{cell, key, fmt.Sprintf("row %d of %s", i+2, names[f])})
		}
	}
	want := make([]string, len(all))
	first, last := map[string]int{}, map[string]int{}
	for i, r := range all {
		key := strings.TrimSpace(r.key)
		want[i] = "created"
		if r.text == "short" {
			want[i] = "rejected"
		}
		if key == "" {
			continue
		}
		if before, taken := last[key]; taken && keep == etl.KeepLast {
			want[before] = fmt.Sprintf("skipped key %q stands again in %s, and the last row counts", all[before].key, r.place)
		}
		if at, taken := first[key]; taken && keep != etl.KeepLast {
			status := map[etl.DoublePolicy]string{etl.RejectDoubles: "rejected", etl.KeepFirst: "skipped"}[keep]
			want[i] = fmt.Sprintf("%s key %q stands in %s already", status, r.key, all[at].place)
		} else if !taken {
			first[key] = i
		}
		last[key] = i
	}
	return want
}

// memory is a Past that says the same of every record.
type memory struct {
	out   etl.Outcome
	ended bool
	doubt bool
}

func (m memory) Ended(_ context.Context, rec *etl.Record) (etl.Outcome, bool, error) {
	if m.doubt {
		rec.Doubt = &etl.Doubt{}
	}
	return m.out, m.ended, nil
}

// TestRunBelievesThePast: what an earlier attempt has stored, or may have, is not
// rejected because the account's definitions, or what rows refer to, have changed
// since: it would be mended and sent a second time.
func TestRunBelievesThePast(t *testing.T) {
	t.Parallel()
	created := etl.Outcome{Status: etl.Created, ID: "7"}
	tests := []struct {
		name, cell string
		past       memory
		want       etl.Status
		problems   int
	}{
		{"stored, and bad now", "bad", memory{out: created, ended: true}, etl.Created, 0},
		{"stored, and skipped now", "skip", memory{out: created, ended: true}, etl.Created, 0},
		{"in doubt, and bad now", "bad", memory{doubt: true}, etl.InDoubt, 2},
		{"in doubt, and what it refers to is gone", "lost", memory{doubt: true}, etl.InDoubt, 2},
		{"rejected then and now", "bad", memory{out: etl.Outcome{Status: etl.Rejected}, ended: true}, etl.Rejected, 1},
		{"unknown", "bad", memory{}, etl.Rejected, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, report := &sink{}, &told{}
			_, err := etl.Run(t.Context(), etl.Steps{
				Inputs: []etl.Input{{Source: &rows{cells: []string{tt.cell}}, Mapper: mapper{}}},
				Past:   tt.past, Resolver: resolver{}, Sink: s, Report: report,
			}, etl.Options{})
			require.NoError(t, err)
			require.Empty(t, s.batches)
			require.Equal(t, tt.want, report.outs[0].Status)
			require.Len(t, report.outs[0].Problems, tt.problems)
		})
	}
}

// fullJournal keeps the outcomes that it is told.
type fullJournal struct {
	journalLog
	outs []etl.Outcome
}

func (j *fullJournal) End(_ context.Context, _ etl.BatchID, _ []*etl.Record, outs []etl.Outcome) error {
	j.outs = append(j.outs, outs...)
	return nil
}

// TestRunJournalsAllThatIsTold: from the journal alone a report can be written
// that is the same.
func TestRunJournalsAllThatIsTold(t *testing.T) {
	t.Parallel()
	log, report := &fullJournal{}, &told{}
	_, err := etl.Run(t.Context(), etl.Steps{
		Inputs:  []etl.Input{{Source: &rows{cells: []string{"a", "warn", "refuse"}}, Mapper: mapper{}}},
		Journal: log, Sink: &sink{}, Report: report,
	}, etl.Options{})
	require.NoError(t, err)
	require.Equal(t, report.outs, log.outs)
	require.Equal(t, "ODD", log.outs[1].Problems[0].Code, "a warning from before it was sent")
	require.Equal(t, "refuse", log.outs[2].Problems[0].Value, "the cell")
}
