package load_test

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/xuri/excelize/v2"

	"github.com/ticketetl/ticketetl/etl"
)

// Moments are the numbers that excelize makes of them, texts what was written.
func TestTableSheetsAreWhatExcelizeWrites(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	texts := []string{"&<>\"'", "a\r\nb\rc\n", " x", "x\t", "_x000D_", "_x_", "\u000b", "😀", "=1+1", "'", "007", "]]>", "\u0085\u2028"}
	var rows []*etl.Record
	moments := []time.Time{
		time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(1900, 2, 28, 23, 59, 59, 999e6, time.UTC), time.Date(1900, 3, 1, 0, 0, 0, 0, time.UTC),
		time.Date(9999, 12, 31, 23, 59, 59, 999e6, time.UTC),
	}
	for range 300 {
		moments = append(moments, time.Date(1900+rng.IntN(400), 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(rng.Int64N(365*24*60*60*1000))*time.Millisecond))
	}
	for i, at := range moments {
		text := texts[i%len(texts)] + strings.Repeat("x", rng.IntN(3)) + texts[rng.IntN(len(texts))]
		rows = append(rows, values(text, "-0.5", at.Format(time.DateOnly), at.Format("2006-01-02T15:04:05.999"), "true"))
	}
	got, err := excelize.OpenFile(writeTable(t, "out.xlsx", false, rows), excelize.Options{RawCellValue: true})
	require.NoError(t, err)
	defer got.Close()
	own := excelize.NewFile()
	defer own.Close()
	cells, err := got.GetRows("Tickets")
	require.NoError(t, err)
	require.Len(t, cells, len(rows)+1)
	for i, at := range moments {
		require.NoError(t, own.SetCellValue("Sheet1", "A1", at))
		want, err := own.GetCellValue("Sheet1", "A1", excelize.Options{RawCellValue: true})
		require.NoError(t, err)
		requireNear(t, want, cells[i+1][3])
		require.NoError(t, own.SetCellValue("Sheet1", "A1", at.Truncate(24*time.Hour)))
		want, err = own.GetCellValue("Sheet1", "A1", excelize.Options{RawCellValue: true})
		require.NoError(t, err)
		requireNear(t, want, cells[i+1][2])
		require.Equal(t, []string{"-0.5", "1"}, []string{cells[i+1][1], cells[i+1][4]})
		require.Equal(t, rows[i].Properties[0].Value, cells[i+1][0])
	}
}

// requireNear: far less than the tenth of a millisecond apart. From 2192 on, excelize
// adds up in another order.
func requireNear(t *testing.T, want, got string) {
	t.Helper()
	a, err := strconv.ParseFloat(want, 64)
	require.NoError(t, err)
	b, err := strconv.ParseFloat(got, 64)
	require.NoError(t, err)
	require.InDelta(t, a, b, 1e-9)
}

// The header is frozen, and the columns are wide enough for most values.
func TestTableSheetsLayout(t *testing.T) {
	t.Parallel()
	path := writeTable(t, "out.xlsx", false, tableRows[:1])
	book, err := excelize.OpenFile(path)
	require.NoError(t, err)
	defer book.Close()
	panes, err := book.GetPanes("Tickets")
	require.NoError(t, err)
	require.True(t, panes.Freeze)
	require.Equal(t, 1, panes.YSplit)
	width, err := book.GetColWidth("Tickets", "A")
	require.NoError(t, err)
	require.Equal(t, 20.0, width)
}
