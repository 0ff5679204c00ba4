package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/xuri/excelize/v2"

	"github.com/ticketetl/ticketetl/internal/report"
	"github.com/ticketetl/ticketetl/internal/sandbox"
)

// newRun is a desk for runs over the samples.
func newRun(t *testing.T) *desk {
	t.Helper()
	return newDesk(t, 0, createMapping, sandbox.Options{Limits: sandbox.Unlimited})
}

func (d *desk) samples(t *testing.T, command string, more ...string) string {
	t.Helper()
	runs := d.path(fmt.Sprint("runs", len(d.out.String())))
	args := append([]string{command, "-m", "../../mappings/chamados.yaml", "--runs", runs, "--progress", "none"}, more...)
	require.Equal(t, exitRows, d.run(t.Context(), "x", args...), d.err.String())
	require.Empty(t, d.err.String())
	folders, err := filepath.Glob(filepath.Join(runs, "*"))
	require.NoError(t, err)
	require.Len(t, folders, 1)
	return folders[0]
}

func openBook(t *testing.T, path string) *excelize.File {
	t.Helper()
	f, err := excelize.OpenFile(path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.Close()) })
	return f
}

// fillOf is the colour of a cell, "" for none.
func fillOf(t *testing.T, f *excelize.File, sheet, ref string) string {
	t.Helper()
	id, err := f.GetCellStyle(sheet, ref)
	require.NoError(t, err)
	style, err := f.GetStyle(id)
	require.NoError(t, err)
	return strings.Join(style.Fill.Color, "")
}

// codesIn are the problems of errors.csv as "D4 INVALID_STAGE".
func codesIn(t *testing.T, folder string) []string {
	t.Helper()
	var all []string
	require.NoError(t, report.ReadErrors(filepath.Join(folder, report.ErrorsFile), func(r report.ErrorRow) error {
		all = append(all, fmt.Sprintf("%s%d %s", r.Column, r.Row, r.Code))
		return nil
	}))
	return all
}

// TestMarkedWorkbook: the copy of a workbook has exactly the bad cells coloured,
// and checking it finds the same as checking the workbook.
func TestMarkedWorkbook(t *testing.T) {
	t.Parallel()
	d := newRun(t)
	folder := d.samples(t, "validate", "../../samples/erros.xlsx")
	marked := filepath.Join(folder, "erros.marked.xlsx")
	require.Contains(t, d.out.String(), "erros.marked.xlsx  your workbook, with the bad cells coloured and commented")
	info, err := os.Stat(marked)
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), info.Mode().Perm())

	var want []string
	for _, m := range expectedMistakes(t) {
		if m["code"] != "TOO_LONG" && m["code"] != "TOO_FEW_CELLS" {
			want = append(want, m["column"]+m["row"]+" "+m["code"])
		}
	}
	require.Equal(t, want, codesIn(t, folder))
	f := openBook(t, marked)
	require.Equal(t, []string{"Leia-me", "Chamados", "Resumo", "Problems"}, f.GetSheetList())
	for row := 2; row <= 34; row++ {
		for column := 1; column <= 25; column++ {
			ref, err := excelize.CoordinatesToCellName(column, row)
			require.NoError(t, err)
			isBad := slices.ContainsFunc(want, func(w string) bool { return strings.HasPrefix(w, ref+" ") })
			require.Equal(t, isBad, fillOf(t, f, "Chamados", ref) == "FFC7CE", ref)
		}
	}
	notes, err := f.GetComments("Chamados")
	require.NoError(t, err)
	require.Len(t, notes, len(want)+1, "one for each bad cell, and the one that was there")

	again := d.samples(t, "validate", marked)
	require.Equal(t, codesIn(t, folder), codesIn(t, again))
	require.Equal(t, []string{"Leia-me", "Chamados", "Resumo", "Problems", "Problems (2)"},
		openBook(t, filepath.Join(again, "erros.marked.marked.xlsx")).GetSheetList())
}

// TestMarkedCSV: a CSV becomes a workbook of texts that says the same.
func TestMarkedCSV(t *testing.T) {
	t.Parallel()
	d := newRun(t)
	folder := d.samples(t, "validate", "../../samples/erros.csv")
	f := openBook(t, filepath.Join(folder, "erros.marked.xlsx"))
	require.Equal(t, []string{"erros", "Problems"}, f.GetSheetList())
	list, err := f.GetRows("Problems")
	require.NoError(t, err)
	require.Len(t, list, 21)
	for i, m := range expectedMistakes(t) {
		ref := m["column"] + m["row"]
		require.Equal(t, "FFC7CE", fillOf(t, f, "erros", ref), ref)
		require.Equal(t, "erros!"+ref, list[i+1][0])
		require.Equal(t, m["code"], list[i+1][7])
	}
	value, err := f.GetCellValue("erros", "B3")
	require.NoError(t, err)
	require.Contains(t, value, "=SOMA()", "as it was read")
	s, err := report.LoadSummary(folder)
	require.NoError(t, err)
	require.Equal(t, []report.Marked{{File: "erros.marked.xlsx", Input: "../../samples/erros.csv", Rows: report.AllRows, Sheet: "Problems",
		Notes: []string{"1 text was cut to what an Excel cell holds"}}}, s.MarkedUp)
}

// TestMarkedImport: an import gives a workbook back, and of a CSV the rows to mend only.
func TestMarkedImport(t *testing.T) {
	t.Parallel()
	d := newRun(t)
	folder := d.samples(t, "import", "../../samples/erros.xlsx")
	marked := filepath.Join(folder, "erros.marked.xlsx")
	require.Equal(t, "FFC7CE", fillOf(t, openBook(t, marked), "Chamados", "D4"))
	require.NoError(t, os.Remove(marked))
	require.Equal(t, exitDone, d.run(t.Context(), "x", "report", "--rebuild", "--progress", "none", folder), d.err.String())
	require.FileExists(t, marked)
	require.NoFileExists(t, filepath.Join(d.samples(t, "import", "../../samples/erros.csv"), "erros.marked.xlsx"))
}

// TestRedactMarksNothing: a marked-up workbook is nothing but values.
func TestRedactMarksNothing(t *testing.T) {
	t.Parallel()
	d := newRun(t)
	folder := d.samples(t, "validate", "--redact", "../../samples/erros.xlsx")
	found, err := filepath.Glob(filepath.Join(folder, "*.xlsx"))
	require.NoError(t, err)
	require.Empty(t, found)
	require.Contains(t, d.out.String(), "no marked-up workbook, because of --redact")
}

// TestMarkedLargeFile: above the limit only the rows with problems are written,
// and that is said.
func TestMarkedLargeFile(t *testing.T) {
	t.Parallel()
	d := newRun(t)
	var file strings.Builder
	file.WriteString("Subject\n")
	for row := range maxRowsMarked + 1 {
		if row == 7 || row == maxRowsMarked {
			file.WriteString(`"` + strings.Repeat("x", 65_537) + "\"\n")
			continue
		}
		file.WriteString("s\n")
	}
	require.NoError(t, os.WriteFile(d.path("large.csv"), []byte(file.String()), 0o600))
	require.Equal(t, exitRows, d.run(t.Context(), "x", "validate", "-m", d.path("desk.yaml"), "--runs", d.path("runs"), "--progress", "none", d.path("large.csv")))
	require.Contains(t, d.out.String(), "only rows with problems, since the file has more than 50,000 rows")
	f := openBook(t, filepath.Join(runFolderOf(t, d), "large.marked.xlsx"))
	rows, err := f.GetRows("large")
	require.NoError(t, err)
	require.Len(t, rows, 3)
	require.Equal(t, []string{"9", "50002"}, []string{rows[1][1], rows[2][1]})
	list, err := f.GetRows("Problems")
	require.NoError(t, err)
	require.Equal(t, []string{"large!A3", "50002"}, list[2][:2])
}
