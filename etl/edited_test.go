package etl_test

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ticketetl/ticketetl/etl"
)

// TestWasCell: what a cell was is known again, and its text is plain.
func TestWasCell(t *testing.T) {
	t.Parallel()
	text := rapid.StringOf(rapid.OneOf(rapid.Rune(), rapid.RuneFrom([]rune("\"\\ !_x00\x00\r\n"))))
	rapid.Check(t, func(t *rapid.T) {
		w := etl.WasCell{Shown: text.Draw(t, "shown"), Cut: rapid.Bool().Draw(t, "cut")}
		if !w.Cut {
			w.Stored = rapid.OneOf(text, rapid.Just(w.Shown)).Draw(t, "stored")
		}
		code := w.Encode()
		require.False(t, strings.ContainsFunc(code, func(r rune) bool { return r < ' ' }))
		require.NotContains(t, code, "_x")
		got, err := etl.DecodeWasCell(code)
		require.NoError(t, err)
		require.Equal(t, w, got)
	})
	for _, bad := range []string{"x", `"x`, `"x" `, `"x" "y" "z"`, `!`, `"x"y`} {
		_, err := etl.DecodeWasCell(bad)
		require.Error(t, err, bad)
	}
}

// touched is a Mapper that takes the rows that say so.
type touched struct{}

func (touched) Apply(rec *etl.Record) (bool, []etl.Problem) {
	if rec.Key = rec.Fields[0]; rec.Fields[0] != "edited" {
		rec.Untouched = "7"
	}
	return false, nil
}

// TestUntouched: a few changed rows among very many that nobody touched go in one batch.
func TestUntouched(t *testing.T) {
	t.Parallel()
	const rows = 15_000
	src := &manyRows{n: rows}
	var sizes []int
	sink := sinkFunc(func(batch []*etl.Record) { sizes = append(sizes, len(batch)) })
	totals, err := etl.Run(t.Context(), etl.Steps{Inputs: []etl.Input{{Source: src, Mapper: touched{}}}, Sink: sink}, etl.Options{})
	require.NoError(t, err)
	require.Equal(t, []int{15}, sizes)
	require.EqualValues(t, rows-15, totals[etl.Unchanged])
	require.EqualValues(t, 15, totals[etl.Updated])
}

// manyRows is a Source of n rows, every thousandth of which is edited.
type manyRows struct {
	n, row int
}

func (s *manyRows) Header() *etl.Header { return etl.NewHeader([]string{"a"}) }
func (s *manyRows) Close() error        { return nil }
func (s *manyRows) Next(context.Context) (*etl.Record, error) {
	if s.row++; s.row > s.n {
		return nil, io.EOF
	}
	text := "same"
	if s.row%1000 == 0 {
		text = "edited"
	}
	return &etl.Record{Pos: etl.Position{File: "a", Row: s.row}, Header: s.Header(), Fields: []string{text}}, nil
}

type sinkFunc func(batch []*etl.Record)

func (f sinkFunc) Write(_ context.Context, batch []*etl.Record) ([]etl.Outcome, error) {
	f(batch)
	out := make([]etl.Outcome, len(batch))
	for i := range out {
		out[i].Status = etl.Updated
	}
	return out, nil
}
