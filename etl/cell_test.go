package etl_test

import (
	"bytes"
	"encoding/csv"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ticketetl/ticketetl/etl"
)

// TestCells: a line of cells is the one that encoding/csv writes.
func TestCells(t *testing.T) {
	t.Parallel()
	text := rapid.OneOf(rapid.String(), rapid.StringOf(rapid.RuneFrom([]rune("a,;|\"\r\n\\. =-'+@\t\u00a0\u3000é"))), rapid.Just(`\.`), rapid.Just("\xff \x00"))
	rapid.Check(t, func(rt *rapid.T) {
		cells := rapid.SliceOfN(text, 1, 5).Draw(rt, "cells")
		var want bytes.Buffer
		w := csv.NewWriter(&want)
		delimiter := rapid.SampledFrom([]rune(",;\t|é\u3000")).Draw(rt, "delimiter")
		w.Comma = delimiter
		require.NoError(rt, w.Write(cells))
		w.Flush()
		var got []byte
		for i, cell := range cells {
			if i > 0 {
				got = utf8.AppendRune(got, delimiter)
			}
			got = etl.AppendCell(got, cell, delimiter)
		}
		require.Equal(rt, want.String(), string(got)+"\n")
	})
}
