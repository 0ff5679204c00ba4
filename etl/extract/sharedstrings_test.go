package extract_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ticketetl/ticketetl/etl/extract"
	"github.com/ticketetl/ticketetl/internal/raced"
)

// sharedTexts are n texts, of many sizes; together more than stay in memory if n is
// large.
func sharedTexts(n int) []string {
	texts := make([]string, n)
	for i := range texts {
		texts[i] = fmt.Sprintf("%d ", i) + strings.Repeat("é", []int{0, 3, 60, 700, 20_000}[i%5])
		if i%7 == 0 {
			texts[i] = ""
		}
	}
	return texts
}

func sharedPart(texts []string) string {
	return "<sst><si><t>" + strings.Join(texts, "</t></si><si><t>") + "</t></si></sst>"
}

// TestSharedTextsInAnyOrder asks for texts in an order that has nothing to do with
// the one in which they stand.
func TestSharedTextsInAnyOrder(t *testing.T) {
	dir := t.TempDir()
	texts := sharedTexts(200) // 1.4 MB
	path := handMade(t, map[string]string{"xl/sharedStrings.xml": sharedPart(texts)})
	t.Setenv("TMPDIR", dir)
	rapid.Check(t, func(t *rapid.T) {
		text, closeAll, err := extract.SharedTexts(path, 256<<10)
		require.NoError(t, err)
		defer func() { require.NoError(t, closeAll()) }()
		at := 0
		for range rapid.IntRange(1, 300).Draw(t, "cells") {
			switch rapid.IntRange(0, 3).Draw(t, "where") {
			case 0:
				at = min(at+1, len(texts)-1)
			case 1:
				at = rapid.IntRange(0, len(texts)-1).Draw(t, "any")
			case 2:
				at = rapid.IntRange(0, 20).Draw(t, "early")
			}
			got, err := text(at)
			require.NoError(t, err)
			require.Equal(t, len(texts[at]), len(got))
			require.True(t, texts[at] == got, at)
		}
		for _, none := range []int{-1, len(texts)} {
			_, err := text(none)
			require.Error(t, err)
		}
		requireEmpty(t, dir)
	})
}

// TestSharedTextsHoweverWritten: items that are written as programs write them are taken
// at once. A blank more in a tag means the same, and they are read tag by tag.
func TestSharedTextsHoweverWritten(t *testing.T) {
	t.Parallel()
	pieces := rapid.SampledFrom([]string{
		"a", "é", " ", "\n", "\r\n", "&amp;", "&lt;", "&#10;", "&#xD;", "_x000D_", "_x", "]]", strings.Repeat("long ", 20_000),
		"<!-- none -->", "<![CDATA[&]]>", "</t><t>", "</t><rPh><t>spoken</t></rPh><t>",
		"]]>", "&none;", "&#0;", "\xff", "\x01", "</si>",
	})
	items := rapid.SliceOfN(rapid.Map(rapid.SliceOfN(pieces, 0, 4), func(all []string) string { return strings.Join(all, "") }), 1, 8)
	rapid.Check(t, func(rt *rapid.T) {
		raw := items.Draw(rt, "items")
		attribute := rapid.SampledFrom([]string{"", ` xml:space="preserve"`}).Draw(rt, "attribute")
		read := func(begin string) (texts []string, fault string) {
			part := "<sst>" + begin + strings.Join(raw, "</t></si>"+begin) + "</t></si></sst>"
			path := handMade(t, map[string]string{"xl/sharedStrings.xml": part})
			defer os.Remove(path)
			text, closeAll, err := extract.SharedTexts(path, 256<<10)
			require.NoError(rt, err)
			defer func() { require.NoError(rt, closeAll()) }()
			for i := range raw {
				got, err := text(i)
				if err != nil {
					return texts, byteNumber.ReplaceAllString(err.Error(), "")
				}
				texts = append(texts, got)
			}
			return texts, ""
		}
		quick, quickFault := read("<si><t" + attribute + ">")
		slow, slowFault := read("<si><t" + attribute + " >")
		require.Equal(rt, slow, quick)
		require.Equal(rt, slowFault, quickFault)
	})
}

var byteNumber = regexp.MustCompile(`at byte \d+`)

// requireEmpty: where files can be removed while they are open, nobody sees them, and
// nothing is left if the program is killed.
func requireEmpty(t require.TestingT, dir string) {
	if runtime.GOOS == "windows" {
		return
	}
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)
}

// TestSharedTextsTakeLittleMemory reads a workbook of 30 MB of texts, each used once
// and in order, backwards, and all the first ones again.
func TestSharedTextsTakeLittleMemory(t *testing.T) {
	const n = 30_000
	texts := make([]string, n)
	for i := range texts {
		texts[i] = fmt.Sprintf("%d %s", i, strings.Repeat("x", 1000))
	}
	orders := map[string]func(i int) int{
		"in order":  func(i int) int { return i },
		"backwards": func(i int) int { return n - 1 - i },
		"again":     func(i int) int { return i / 2 * (i % 2) },
	}
	for name, order := range orders {
		var rows strings.Builder
		for i := range n {
			fmt.Fprintf(&rows, `<row><c t="s"><v>%d</v></c></row>`, order(i))
		}
		f := open(t, handMade(t, map[string]string{
			"xl/sharedStrings.xml": sharedPart(texts), "xl/worksheets/sheet1.xml": sheetXML(headerXML + rows.String()),
		}), extract.Options{})
		rows.Reset()
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		i := 0
		for ; ; i++ {
			rec, err := f.Next(context.Background())
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err)
			if texts[order(i)] != rec.Fields[0] {
				require.Equal(t, texts[order(i)], rec.Fields[0])
			}
		}
		require.Equal(t, n, i)
		runtime.GC()
		runtime.ReadMemStats(&after)
		require.Less(t, int64(after.HeapAlloc)-int64(before.HeapAlloc), int64(16<<20), name)
		if raced.On { // one of them, any
			break
		}
	}
}

// A workbook of few texts that very many cells show may be small and yet give more
// than its bounds allow.
func TestTextsOfAllCellsAreBounded(t *testing.T) {
	t.Parallel()
	row := "<row>" + strings.Repeat(`<c t="s"><v>0</v></c>`, 100) + "</row>"
	path := handMade(t, map[string]string{
		"xl/sharedStrings.xml":     sharedPart([]string{strings.Repeat("x", 1000)}),
		"xl/worksheets/sheet1.xml": sheetXML(strings.Repeat(row, 1000)),
	})
	f, err := extract.Open(path, extract.Options{Limits: extract.Limits{MaxUnzipped: 50 << 20}})
	require.NoError(t, err)
	defer f.Close()
	rows := 0
	for ; err == nil; rows++ {
		_, err = f.Next(context.Background())
	}
	require.EqualError(t, err, path+" [Tickets]: row 525: the texts of the cells have more than 52428800 bytes in all, which is not what tickets do; if you trust the workbook, raise --max-unpacked")
	require.Equal(t, 524, rows)
}

// A row of a workbook costs a Record, its fields, its kinds and one string.
func TestAllocationsOfARow(t *testing.T) {
	const rows = 5000
	texts := sharedTexts(100)
	var b strings.Builder
	for i := range rows {
		fmt.Fprintf(&b, `<row r="%d"><c r="A%[1]d" t="s"><v>%d</v></c><c r="B%[1]d"><v>%d.5</v></c></row>`, i+2, i%100, i)
	}
	path := handMade(t, map[string]string{"xl/sharedStrings.xml": sharedPart(texts), "xl/worksheets/sheet1.xml": sheetXML(headerXML + b.String())})
	allocations := testing.AllocsPerRun(3, func() {
		f, err := extract.Open(path, extract.Options{})
		require.NoError(t, err)
		for err == nil {
			_, err = f.Next(context.Background())
		}
		require.ErrorIs(t, err, io.EOF)
		require.NoError(t, f.Close())
	})
	require.Less(t, allocations/rows, 4.5)
}

// TestCellsAreReadAlike writes cells in the form that is read at once, and in one that is
// read tag by tag.
func TestCellsAreReadAlike(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		var quick strings.Builder
		for range rapid.IntRange(1, 6).Draw(t, "cells") {
			fmt.Fprintf(&quick, `<c r="%s"%s%s><v>%s</v></c>`,
				rapid.SampledFrom([]string{"A1", "B1", "C1", "XFD1", "b2", "1", "A", "AAAA1"}).Draw(t, "ref"),
				rapid.SampledFrom([]string{"", ` s="0"`, ` s="1"`, ` s="9"`, ` s="A"`, ` s=""`}).Draw(t, "style"),
				rapid.SampledFrom([]string{"", ` t="s"`, ` t="b"`, ` t="n"`}).Draw(t, "type"),
				rapid.SampledFrom([]string{"0", "1", "2", "", "45351.5", "-1E5", "1-2", "007", "0.30000000000000004", "x", "1&#48;", " 1 "}).Draw(t, "value"))
		}
		read := func(cells string) (string, string) {
			path := filepath.Join(dir, "in.xlsx")
			parts := maps.Clone(fuzzParts)
			parts["xl/worksheets/sheet1.xml"] = "<worksheet><sheetData><row>" + cells + "</row></sheetData></worksheet>"
			require.NoError(t, os.WriteFile(path, seedBook(t, parts), 0o600))
			got, _, err := extract.Cells(path)
			return fmt.Sprintf("%+v", got), fmt.Sprint(err)
		}
		want, wantErr := read(strings.ReplaceAll(quick.String(), `r="`, `r = "`))
		got, err := read(quick.String())
		require.Equal(t, want, got)
		require.Equal(t, wantErr, err)
	})
}
