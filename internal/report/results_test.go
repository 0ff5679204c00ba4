package report

import (
	"bytes"
	"encoding/csv"
	"testing"

	"github.com/gocarina/gocsv"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ticketetl/ticketetl/etl"
)

// TestResultLines: a line of results.csv is the one that gocsv writes.
func TestResultLines(t *testing.T) {
	t.Parallel()
	text := rapid.OneOf(rapid.String(), rapid.StringOf(rapid.RuneFrom([]rune("a,\"\r\n\\. =-'+@\t\u00a0\u3000"))), rapid.Just(`\.`))
	var f resultsFile
	place := rapid.SampledFrom([]string{"", "a.csv", "=a,b.csv"}) // often that of the row before
	rapid.Check(t, func(rt *rapid.T) {
		row := ResultRow{
			File: rapid.OneOf(place, text).Draw(rt, "file"), Sheet: rapid.OneOf(place, text).Draw(rt, "sheet"), Row: rapid.Int().Draw(rt, "row"), Line: rapid.IntRange(0, 2).Draw(rt, "line"),
			Key: text.Draw(rt, "key"), Outcome: text.Draw(rt, "outcome"), TicketID: text.Draw(rt, "id"), URL: text.Draw(rt, "url"), Message: text.Draw(rt, "message"),
		}
		got := string(f.appendLine(nil, &row))
		for _, cell := range row.texts() {
			*cell = etl.GuardCell(*cell)
		}
		var want bytes.Buffer
		require.NoError(rt, gocsv.MarshalCSVWithoutHeaders([]ResultRow{row}, csv.NewWriter(&want)))
		require.Equal(rt, want.String(), got)
	})
}
