package markup_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/internal/markup"
)

var someCells = []string{`<c r="%s"/>`, `<c r="%s" s="0"><v>1.50</v></c>`, `<c r='%s' t="str"><v>a &lt;/row> b</v></c>`,
	`<c r="%s" t="inlineStr"><is><t xml:space="preserve"> <![CDATA[</row><c r="A1">]]> </t></is></c>`, `<c t="n" r="%s"><f t="shared" si="0">A1*2</f><v>3</v></c><!-- <c/> -->`}

// TestOnlyMarkedCellsChange: whatever stands in a sheet and whatever is marked,
// taking the marked cells out of sheet and copy leaves the same bytes, and each
// marked cell stands in its place, in order.
func TestOnlyMarkedCellsChange(t *testing.T) {
	t.Parallel()
	book := plainBook("")
	rapid.Check(t, func(rt *rapid.T) {
		var sheet strings.Builder
		var problems []markup.Problem
		var refs []string
		sheet.WriteString("<?xml version='1.0'?>\n<worksheet xmlns='http://schemas.openxmlformats.org/spreadsheetml/2006/main' ><sheetData >\n")
		for row := 1; row <= rapid.IntRange(0, 6).Draw(rt, "rows"); row++ {
			fmt.Fprintf(&sheet, "<row r='%d' ht=\"15\" x:dy='1' xmlns:x='u'>", row)
			for column := range 5 {
				ref := fmt.Sprintf("%s%d", etl.ColumnLetter(column), row)
				if rapid.Bool().Draw(rt, "there") {
					fmt.Fprintf(&sheet, rapid.SampledFrom(someCells).Draw(rt, "cell"), ref)
				}
				if rapid.IntRange(0, 3).Draw(rt, "bad") == 0 {
					problems, refs = append(problems, bad(row, column)), append(refs, ref)
				}
			}
			sheet.WriteString(" </row>\r\n")
		}
		sheet.WriteString("</sheetData><pageMargins left='1'/></worksheet>")
		book["xl/worksheets/sheet1.xml"] = sheet.String()
		got := copiedSheet(t, rt, book, problems)

		found := regexp.MustCompile(`<c [^>]*r="([A-Z]+[0-9]+)"[^>]* s="5"`).FindAllStringSubmatch(got, -1)
		var marked []string
		for _, m := range found {
			marked = append(marked, m[1])
		}
		require.Equal(rt, refs, marked)
		want := sheet.String()
		got = regexp.MustCompile(`<legacyDrawing [^>]*/>`).ReplaceAllString(got, "")
		for _, ref := range refs {
			tag := regexp.MustCompile(`<c [^>]*r=["']` + ref + `["'][^>]*>`)
			want, got = tag.ReplaceAllString(want, ""), tag.ReplaceAllString(got, "")
		}
		for row := range 7 { // the tag of a row with marks is written anew
			tag := regexp.MustCompile(fmt.Sprintf(`<row r=["']%d["'][^>]*>`, row))
			want, got = tag.ReplaceAllString(want, ""), tag.ReplaceAllString(got, "")
		}
		require.Equal(rt, want, got)
	})
}

// copiedSheet is the sheet of a marked copy.
func copiedSheet(t *testing.T, rt *rapid.T, book map[string]string, problems []markup.Problem) string {
	dir, err := os.MkdirTemp("", "markup-")
	require.NoError(rt, err)
	defer os.RemoveAll(dir)
	path, out := filepath.Join(dir, "a.xlsx"), filepath.Join(dir, "b.xlsx")
	data, err := os.ReadFile(zipped(t, book))
	require.NoError(rt, err)
	require.NoError(rt, os.WriteFile(path, data, 0o600))
	var b bytes.Buffer
	result, err := markup.Copy(context.Background(), path, &b, listed(problems...))
	require.NoError(rt, err)
	require.EqualValues(rt, len(problems), result.Colored)
	require.NoError(rt, os.WriteFile(out, b.Bytes(), 0o600))
	after := parts(t, out)
	require.True(rt, slices.Contains([]int{0, 1}, strings.Count(after["xl/worksheets/sheet1.xml"], "legacyDrawing")))
	return after["xl/worksheets/sheet1.xml"]
}
