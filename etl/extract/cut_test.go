package extract_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/etl/extract"
	"github.com/ticketetl/ticketetl/internal/raced"
)

func init() { raced.FewerChecks() }

// A readRow is all that is known of one row.
type readRow struct {
	Pos     etl.Position
	Fields  []string
	Partial bool
	Problem etl.Problem
}

// readOn reads from next up to io.EOF, or to an error that ends the reading.
func readOn(next func(context.Context) (*etl.Record, error)) (rows []readRow, end string) {
	for {
		rec, err := next(context.Background())
		var fault *etl.RowError
		switch {
		case errors.Is(err, io.EOF):
			return rows, ""
		case errors.As(err, &fault):
			rows = append(rows, readRow{rec.Pos, rec.Fields, true, fault.Problem})
		case err != nil:
			return rows, err.Error()
		default:
			rows = append(rows, readRow{Pos: rec.Pos, Fields: rec.Fields})
		}
	}
}

// inOneGo reads a file row by row.
func inOneGo(t require.TestingT, path string, opts extract.Options) (rows []readRow, end string) {
	src, err := extract.Open(path, opts)
	if err != nil {
		return nil, err.Error()
	}
	defer src.Close()
	return readOn(src.Next)
}

// inParts reads a file cut into parts, each of them once all are cut, the last
// one first.
func inParts(t require.TestingT, path string, opts extract.Options) (rows []readRow, end string, parts int) {
	src, err := extract.Open(path, opts)
	if err != nil {
		return nil, err.Error(), 0
	}
	defer src.Close()
	var all []etl.Stretch
	for err == nil {
		var part etl.Stretch
		if part, err = src.Chunk(context.Background()); err == nil {
			all = append(all, part)
		}
		if len(all) > 1<<16 {
			break
		}
	}
	if !errors.Is(err, io.EOF) {
		end = fmt.Sprint(err)
	}
	ends := make([]string, len(all))
	read := make([][]readRow, len(all))
	for i, part := range slices.Backward(all) {
		read[i], ends[i] = readOn(part.Next)
	}
	for i := range all {
		rows = append(rows, read[i]...)
		if ends[i] != "" {
			return rows, ends[i], len(all)
		}
	}
	return rows, end, len(all)
}

// TestCutRows: whatever the text and its dialect, the rows of a file that is cut
// into parts are those of the whole one, with the same places, cells and faults.
func TestCutRows(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "in.csv")
	pieces := rapid.SampledFrom([]string{
		"a", "b c", "é", "\"", "\"\"", "'", "\\", "\\\"", ",", ";", "\n", "\r\n", "\r", "\"x\ny\"", "\"q\"\"q\"", "\"\"\"r\"\"\"\"s\nt\"\"\",", "\x00", "\x1b", "\xff", " ", "12", ",,,", "\n\n",
	})
	rapid.Check(t, func(rt *rapid.T) {
		text := "h,i,j\n" + joined(rt, pieces, 120)
		require.NoError(rt, os.WriteFile(path, []byte(text), 0o600))
		opts := extract.Options{
			Header: 1, Encoding: rapid.SampledFrom([]string{"utf-8", "windows-1252", "shift_jis"}).Draw(rt, "encoding"),
			Delimiter: rapid.SampledFrom([]string{",", ";", "'", `\`}).Draw(rt, "delimiter"),
			Quote:     rapid.SampledFrom([]string{"", "double", "single", "none"}).Draw(rt, "quote"),
			Escape:    rapid.SampledFrom([]string{"double", "backslash"}).Draw(rt, "escape"),
			// One at a time: which of two bounds is met first goes by how much was read.
			Limits: rapid.SampledFrom([]extract.Limits{{}, {}, {MaxField: 5}, {MaxRow: 40}, {MaxColumns: 4}}).Draw(rt, "limits"),
		}
		opts = extract.InBlocks(opts, rapid.IntRange(1, 100).Draw(rt, "block"))
		rows, end := inOneGo(rt, path, opts)
		cut, cutEnd, _ := inParts(rt, path, opts)
		require.Equal(rt, end, cutEnd)
		require.Equal(rt, rows, cut)
	})
}

// TestCutMany: a file of the usual kind falls into many parts.
func TestCutMany(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	text.WriteString("id,subject,text\r\n")
	for i := range 500 {
		fmt.Fprintf(&text, "%d,\"about \"\"x\"\"\",\"first line\r\nsecond, and last\"\r\n", i)
	}
	path := write(t, "in.csv", text.String())
	rows, end := inOneGo(t, path, extract.Options{})
	require.Empty(t, end)
	require.Len(t, rows, 500)
	cut, end, parts := inParts(t, path, extract.InBlocks(extract.Options{}, 1000))
	require.Empty(t, end)
	require.Equal(t, rows, cut)
	require.Greater(t, parts, 20)
}

// TestCutQuotes: of a file whose cells are written as they should be, each cell is what
// it was made of, however many quotes it has and wherever these stand.
func TestCutQuotes(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "in.csv")
	piece := rapid.SampledFrom([]string{"a", "b c", "é", "\"", "\"", "\"\"", ",", "\n", "\r\n", "'", " "})
	cell := rapid.Custom(func(rt *rapid.T) string { return joined(rt, piece, 8) })
	rapid.Check(t, func(rt *rapid.T) {
		want := rapid.SliceOfN(rapid.SliceOfN(cell, 3, 3), 1, 12).Draw(rt, "rows")
		lineEnd := rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(rt, "line end")
		text := "h,i,j" + lineEnd
		for _, row := range want {
			row[0] += "x" // no row is blank
			for i, cell := range row {
				if strings.ContainsAny(cell, "\",\r\n") || rapid.Bool().Draw(rt, "quotes") {
					row[i] = `"` + strings.ReplaceAll(cell, `"`, `""`) + `"`
				}
			}
			text += strings.Join(row, ",") + lineEnd
			for i, cell := range row {
				if strings.HasPrefix(cell, `"`) {
					row[i] = strings.ReplaceAll(cell[1:len(cell)-1], `""`, `"`)
				}
			}
		}
		require.NoError(rt, os.WriteFile(path, []byte(text), 0o600))
		opts := extract.Options{Header: 1, Encoding: "utf-8", Delimiter: ",", Quote: "double", Escape: "double"}
		rows, end, _ := inParts(rt, path, extract.InBlocks(opts, rapid.IntRange(1, 200).Draw(rt, "block")))
		require.Empty(rt, end)
		require.Len(rt, rows, len(want))
		for i, row := range rows {
			require.Empty(rt, row.Problem.Code)
			require.Equal(rt, want[i], row.Fields, "row %d of %q", i, text)
		}
	})
}

func TestCleanUTF8(t *testing.T) {
	t.Parallel()
	piece := rapid.OneOf(rapid.SampledFrom([]string{"eight by", "\n", "\r", "\t", " ", "é", "漢", "😀", "\x00", "\x0b", "\x1f", "\xc3", "\xff", "\xe6\xbc", "~", "\x7f",
		"\xed\xa0\x80", "\xed\x9f\xbf", "\xe0\x80\x80", "\xe0\xa0\x80", "\xc0\x80", "\xc2", "\xf4\x90\x80\x80", "\uFFFD", "\U0010FFFF", "\x80"}), rapid.StringN(0, 5, -1))
	rapid.Check(t, func(rt *rapid.T) {
		text := joined(rt, piece, 30)
		got, want := extract.CleanUTF8([]byte(text))
		require.Equal(rt, want, got, "%q", text)
		text = strings.Repeat("Texts of ünder 32 bytes – are rare.\r\n", rapid.IntRange(0, 4).Draw(rt, "before")) + text +
			strings.Repeat("~", rapid.IntRange(0, 70).Draw(rt, "after"))
		got, want = extract.CleanUTF8([]byte(text))
		require.Equal(rt, want, got, "%q", text)
	})
	for c := range 256 { // every byte, everywhere in a long text
		for at := range 100 {
			text := []byte(strings.Repeat("x", 100))
			text[at] = byte(c)
			got, want := extract.CleanUTF8(text)
			require.Equal(t, want, got, "%q", text)
		}
	}
	for c := range 256 * 256 { // every beginning of a letter
		text := append([]byte{byte(c >> 8), byte(c)}, "\x80\x80 and more"...)
		got, want := extract.CleanUTF8(text)
		require.Equal(t, want, got, "%q", text)
	}
}
