package extract_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/etl/extract"
)

// keyed takes the first cell as the key, all cells as properties, skips rows that have
// "skip" and rejects those that have "bad".
type keyed struct{}

func (keyed) Apply(rec *etl.Record) (skip bool, problems []etl.Problem) {
	rec.Key, rec.KeyColumn = rec.Fields[0], 0
	for i, text := range rec.Fields {
		rec.Properties = append(rec.Properties, etl.Property{Name: fmt.Sprint(i), Value: text})
		switch text {
		case "skip":
			return true, nil
		case "bad":
			problems = append(problems, etl.Problem{Column: i, Value: text, Code: "BAD"})
		}
	}
	return false, problems
}

// account takes all records, and keeps their keys as a journal would.
type account struct {
	mu   sync.Mutex
	keys map[string]bool
}

func (a *account) Write(_ context.Context, batch []*etl.Record) ([]etl.Outcome, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	out := make([]etl.Outcome, len(batch))
	for i, rec := range batch {
		a.keys[rec.Key] = true
		out[i] = etl.Outcome{Status: etl.Created, ID: rec.Key}
	}
	return out, nil
}

// listed is all that a run tells, as text: nothing of a record is kept.
type listed struct{ rows []string }

func (l *listed) Add(rec *etl.Record, out etl.Outcome) error {
	if out.Status == etl.Created || out.Status == etl.Valid {
		out = etl.Outcome{Status: etl.Unsent, Problems: out.Problems} // how many of these a fault of the file leaves is told by the clock
	}
	l.rows = append(l.rows, fmt.Sprintf("%d %s %q %v %v %q %q %s %s %+v", rec.Seq, rec.Pos, rec.Fields, rec.Valid, rec.Partial, rec.Key, rec.Properties, out.Status, out.ID, out.Problems))
	return nil
}

// runFile runs over a file with that many readers, and checks it or sends it.
func runFile(t require.TestingT, path string, opts extract.Options, readers int, send bool) (rows []string, totals etl.Totals, end string) {
	src, err := extract.Open(path, opts)
	if err != nil {
		return nil, totals, err.Error()
	}
	defer src.Close()
	report := &listed{}
	steps := etl.Steps{Inputs: []etl.Input{{Source: src, Mapper: keyed{}}}, Report: report}
	options := etl.Options{Readers: readers, Unique: true, Checked: etl.Valid, Batch: 3, Writers: 1}
	if send {
		steps.Sink, options.Writers = &account{keys: map[string]bool{}}, readers
	}
	totals, err = etl.Run(context.Background(), steps, options)
	if err != nil {
		end = err.Error()
	}
	return report.rows, totals, end
}

// joined draws a text of up to so many pieces.
func joined(rt *rapid.T, piece *rapid.Generator[string], most int) string {
	n := rapid.IntRange(0, most).Draw(rt, "n") // SliceOf alone would draw few
	return strings.Join(rapid.SliceOfN(piece, n, n).Draw(rt, "pieces"), "")
}

// TestAnyNumberOfReaders: whatever stands in a file, a run with several readers tells of
// the same rows in the same order, with the same outcomes, counts and end as a run with
// one, and of the rows that are read in one go.
func TestAnyNumberOfReaders(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "in.csv")
	tidy := []string{
		"a,b,c\n", "k4,\"x\ny, \"\"z\"\"\",w\n", "\"k5\",\"\n\n\n\",\"\"\r\n", "K4,bad,\n", "k6,,skip\n", " k6 ,\xff,1\n", "é,ã,ç\n",
		"short\n", "l,o,n,g\n", ",,\n", "\n\n", "\"faulty\"x,\"\n\",\n", "bare \"\" quotes,\"\",\n",
	}
	wild := append([]string{"k1", "bad", "skip", "\"", "\"\"", ",", ",", "\n", "\n", "\r\n", "\x00", "\r"}, tidy...)
	many := 0
	rapid.Check(t, func(rt *rapid.T) {
		text := "h,i,j\n"
		if pieces := rapid.SampledFrom([][]string{nil, tidy, wild}).Draw(rt, "of"); pieces != nil {
			text += joined(rt, rapid.SampledFrom(pieces), 150)
		} else { // all good, so that blocks are filled again
			for i := range rapid.IntRange(0, 400).Draw(rt, "good") {
				text += fmt.Sprintf("key %d,\"text \"\"%d\"\"\",é%s\r\n", i, i*i, strings.Repeat("x", i%7))
			}
		}
		require.NoError(rt, os.WriteFile(path, []byte(text), 0o600))
		opts := extract.InBlocks(extract.Options{
			Header: 1, Encoding: rapid.SampledFrom([]string{"utf-8", "windows-1252"}).Draw(rt, "encoding"), Delimiter: ",", Quote: "double", Escape: "double",
			Limits: extract.Limits{MaxColumns: rapid.SampledFrom([]int{0, 0, 5}).Draw(rt, "columns")},
		}, rapid.IntRange(1, 200).Draw(rt, "block"))
		send := rapid.Bool().Draw(rt, "send")
		rows, totals, end := runFile(rt, path, opts, 1, send)
		again, totals2, end2 := runFile(rt, path, opts, rapid.IntRange(2, 5).Draw(rt, "readers"), send)
		require.Equal(rt, end, end2)
		require.Equal(rt, rows, again)
		if end == "" {
			require.Equal(rt, totals, totals2)
			require.Zero(rt, totals[etl.Unsent])
		}
		require.EqualValues(rt, len(rows), totals.Sum())
		read, readEnd := inOneGo(rt, path, opts)
		require.Equal(rt, readEnd, end)
		require.Len(rt, rows, len(read))
		for i, row := range read {
			require.Contains(rt, rows[i], fmt.Sprintf("%d %s %q ", i+1, row.Pos, row.Fields))
		}
		if len(rows) > 50 {
			many++
		}
	})
	require.Positive(t, many, "files of many rows")
}

// TestRunOfAFileCancelled: a run that is cancelled before a part of its file could be
// cut off says so.
func TestRunOfAFileCancelled(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "in.csv")
	require.NoError(t, os.WriteFile(path, []byte("h,i\n1,a\n"), 0o600))
	src, err := extract.Open(path, extract.Options{})
	require.NoError(t, err)
	defer src.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = etl.Run(ctx, etl.Steps{Inputs: []etl.Input{{Source: src, Mapper: keyed{}}}}, etl.Options{})
	require.ErrorIs(t, err, context.Canceled)
}
