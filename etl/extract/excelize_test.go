package extract_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/xuri/excelize/v2"
	"pgregory.net/rapid"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/etl/extract"
)

// TestEqualToExcelize makes workbooks of every kind of cell with excelize, with
// and without its stream, and reads them with it and with us: the same cells
// stand in the same places and mean the same.
func TestEqualToExcelize(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		path := filepath.Join(dir, fmt.Sprintf("%d.xlsx", n))
		book := excelize.NewFile()
		in1904 := rapid.Bool().Draw(t, "1904")
		require.NoError(t, book.SetWorkbookProps(&excelize.WorkbookPropsOptions{Date1904: &in1904}))
		table := rapid.SliceOfN(rapid.SliceOfN(cellValues, 1, 6), 1, 8).Draw(t, "table")
		fillBook(t, book, table)
		require.NoError(t, book.SaveAs(path))
		theirs, err := excelizeCells(path)
		require.NoError(t, err)
		ours, _, err := extract.Cells(path)
		if len(theirs) == 0 {
			require.ErrorContains(t, err, "no cell of the sheet is filled")
			return
		}
		require.NoError(t, err)
		require.Len(t, ours, len(theirs))
		for _, our := range ours {
			raw, ok := theirs[place{our.Row, our.Column}]
			require.True(t, ok, "%s%d", etl.ColumnLetter(our.Column-1), our.Row)
			require.NotEqual(t, etl.CellError, our.Kind)
			require.True(t, sameRaw(our, raw), "%c %q, excelize %q", our.Kind.Letter(), our.Text, raw)
			if text, ok := table[our.Row-1][our.Column-1].(string); ok {
				require.Equal(t, text, our.Text)
				require.Equal(t, etl.Text, our.Kind)
			}
		}
	})
}

// cellValues are what a cell may hold; nil is an empty one.
var cellValues = rapid.OneOf(
	rapid.Just[any](nil),
	rapid.Map(rapid.StringMatching(`[ -~]{1,12}|[0-9]{1,20}|0[0-9]{3}|[à-ÿ€ -]{1,8}|a\n b`), anyOf),
	rapid.Map(rapid.IntRange(-1e9, 1e15), anyOf),
	rapid.Map(rapid.Float64Range(-1e9, 1e9), anyOf),
	rapid.Map(rapid.Bool(), anyOf),
	rapid.Custom(func(t *rapid.T) any {
		return time.Date(rapid.IntRange(1905, 2199).Draw(t, "year"), 1, rapid.IntRange(1, 365).Draw(t, "day"), 0, 0, rapid.IntRange(0, 86399).Draw(t, "second"), 0, time.UTC)
	}),
	rapid.Custom(func(t *rapid.T) any { return time.Duration(rapid.IntRange(1, 400000).Draw(t, "seconds")) * time.Second }),
)

func anyOf[T any](v T) any { return v }

func fillBook(t *rapid.T, book *excelize.File, table [][]any) {
	if !rapid.Bool().Draw(t, "streamed") {
		for i, row := range table {
			require.NoError(t, book.SetSheetRow("Sheet1", fmt.Sprintf("A%d", i+1), &row))
		}
		return
	}
	w, err := book.NewStreamWriter("Sheet1")
	require.NoError(t, err)
	for i, row := range table {
		require.NoError(t, w.SetRow(fmt.Sprintf("A%d", i+1), row))
	}
	require.NoError(t, w.Flush())
}
