package main

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
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

// isRed says whether a cell has the colour of an error, or a shade of it.
func isRed(t *testing.T, f *excelize.File, sheet, ref string) bool {
	t.Helper()
	return strings.HasPrefix(fillOf(t, f, sheet, ref), "FFC7C")
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
			require.Equal(t, isBad, isRed(t, f, "Chamados", ref), ref)
		}
	}
	notes, err := f.GetComments("Chamados")
	require.NoError(t, err)
	require.Len(t, notes, len(want)+1, "one for each bad cell, and the one that was there")

	again := d.samples(t, "validate", marked)
	require.Equal(t, codesIn(t, folder), codesIn(t, again))
	require.Equal(t, []string{"Leia-me", "Chamados", "Resumo", "Problems"},
		openBook(t, filepath.Join(again, "erros.marked.xlsx")).GetSheetList())
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
		require.True(t, isRed(t, f, "erros", ref), ref)
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
	require.True(t, isRed(t, openBook(t, marked), "Chamados", "D4"))
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

// TestMarkedLargeFile: above --marked-rows only the rows with problems are written,
// and that is said.
func TestMarkedLargeFile(t *testing.T) {
	t.Parallel()
	d := newRun(t)
	var file strings.Builder
	file.WriteString("Subject\n")
	for row := range 101 {
		if row == 7 || row == 100 {
			file.WriteString(`"` + strings.Repeat("x", 65_537) + "\"\n")
			continue
		}
		file.WriteString("s\n")
	}
	require.NoError(t, os.WriteFile(d.path("large.csv"), []byte(file.String()), 0o600))
	require.Equal(t, exitRows, d.run(t.Context(), "x", "validate", "-m", d.path("desk.yaml"), "--runs", d.path("runs"), "--progress", "none", "--marked-rows", "100", d.path("large.csv")))
	require.Contains(t, d.out.String(), "only rows with problems, since the file has more than 100 rows")
	f := openBook(t, filepath.Join(runFolderOf(t, d), "large.marked.xlsx"))
	rows, err := f.GetRows("large")
	require.NoError(t, err)
	require.Len(t, rows, 3)
	require.Equal(t, []string{"9", "102"}, []string{rows[1][1], rows[2][1]})
	list, err := f.GetRows("Problems")
	require.NoError(t, err)
	require.Equal(t, []string{"large!A3", "102"}, list[2][:2])
}

// sheetsBook writes a workbook whose sheets have a column Subject and so many rows;
// bad are cells such as "May!A3" that hold what no mapping of the tests takes.
func (d *desk) sheetsBook(t *testing.T, name string, rows int, sheets []string, bad ...string) string {
	t.Helper()
	f := excelize.NewFile()
	for i, sheet := range sheets {
		if i == 0 {
			require.NoError(t, f.SetSheetName("Sheet1", sheet))
		} else {
			_, err := f.NewSheet(sheet)
			require.NoError(t, err)
		}
		w, err := f.NewStreamWriter(sheet)
		require.NoError(t, err)
		require.NoError(t, w.SetRow("A1", []any{"Subject"}))
		for row := 2; row <= rows+1; row++ {
			cell := excelize.Cell{Value: "s"}
			if slices.Contains(bad, fmt.Sprintf("%s!A%d", sheet, row)) {
				cell = excelize.Cell{Value: 1234567890123456789} // a number that has lost digits
			}
			require.NoError(t, w.SetRow(fmt.Sprint("A", row), []any{cell}))
		}
		require.NoError(t, w.Flush())
	}
	require.NoError(t, f.SaveAs(d.path(name)))
	return d.path(name)
}

// markedBy validates files and returns what was marked.
func (d *desk) markedBy(t *testing.T, more ...string) (folder string, marked []report.Marked) {
	t.Helper()
	args := append([]string{"validate", "-m", d.path("desk.yaml"), "--runs", d.path("runs"), "--progress", "none"}, more...)
	require.Equal(t, exitRows, d.run(t.Context(), "x", args...), d.err.String())
	require.Empty(t, d.err.String())
	folder = runFolderOf(t, d)
	s, err := report.LoadSummary(folder)
	require.NoError(t, err)
	return folder, s.MarkedUp
}

// coloured are the cells of a workbook that are marked, but those of its list.
func coloured(t *testing.T, path string) (refs []string) {
	t.Helper()
	f := openBook(t, path)
	for _, sheet := range f.GetSheetList() {
		rows, err := f.GetRows(sheet)
		require.NoError(t, err)
		for row := range rows {
			if ref := fmt.Sprint("A", row+1); isRed(t, f, sheet, ref) {
				refs = append(refs, sheet+"!"+ref)
			}
		}
	}
	return refs
}

// TestMarkedSheets: a copy has the problems of all sheets that were read, in
// whichever order, and each file has a copy of its own.
func TestMarkedSheets(t *testing.T) {
	t.Parallel()
	d := newRun(t)
	bad := []string{"May!A3", "July!A2", "July!A4"}
	one := d.sheetsBook(t, "one.xlsx", 4, []string{"May", "June", "July"}, bad...)
	require.NoError(t, os.Mkdir(d.path("other"), 0o700))
	two := d.sheetsBook(t, "other/one.xlsx", 4, []string{"May", "June", "July"}, "June!A5")
	for _, sheets := range []string{"all", "July,May,June"} {
		require.NoError(t, os.RemoveAll(d.path("runs")))
		folder, marked := d.markedBy(t, "--sheet", sheets, one, two)
		require.Equal(t, []report.Marked{
			{File: "one.marked.xlsx", Input: one, Copy: true, Rows: report.AllRows, Sheet: "Problems"},
			{File: "one.marked-2.xlsx", Input: two, Copy: true, Rows: report.AllRows, Sheet: "Problems"},
		}, marked)
		require.Equal(t, bad, coloured(t, filepath.Join(folder, "one.marked.xlsx")))
		require.Equal(t, []string{"June!A5"}, coloured(t, filepath.Join(folder, "one.marked-2.xlsx")))
	}
}

// TestMarkedSheetsAnew: where no copy can be made, each sheet with problems gets a
// new workbook.
func TestMarkedSheetsAnew(t *testing.T) {
	t.Parallel()
	d := newRun(t)
	book := d.sheetsBook(t, "one.xlsx", 4, []string{"May", "June", "July"}, "May!A3", "July!A2", "July!A4")
	latin1Styles(t, book)
	folder, marked := d.markedBy(t, "--sheet", "all", book)
	require.Len(t, marked, 2)
	for i, want := range [][]string{{"May!A3"}, {"July!A2", "July!A4"}} {
		require.False(t, marked[i].Copy)
		require.Contains(t, marked[i].Notes[0], "a copy of yours cannot be edited")
		require.Contains(t, marked[i].Notes[1], "only the sheet "+fmt.Sprintf("%q", want[0][:strings.Index(want[0], "!")]))
		require.Equal(t, want, coloured(t, filepath.Join(folder, marked[i].File)))
	}
}

// latin1Styles rewrites a workbook with its styles in another encoding.
func latin1Styles(t *testing.T, path string) {
	t.Helper()
	in, err := zip.OpenReader(path)
	require.NoError(t, err)
	var b bytes.Buffer
	out := zip.NewWriter(&b)
	for _, f := range in.File {
		r, err := f.Open()
		require.NoError(t, err)
		content, err := io.ReadAll(r)
		require.NoError(t, err)
		if f.Name == "xl/styles.xml" {
			content = bytes.Replace(content, []byte(`encoding="UTF-8"`), []byte(`encoding="ISO-8859-1"`), 1)
		}
		w, err := out.Create(f.Name)
		require.NoError(t, err)
		_, err = w.Write(content)
		require.NoError(t, err)
	}
	require.NoError(t, in.Close())
	require.NoError(t, out.Close())
	require.NoError(t, os.WriteFile(path, b.Bytes(), 0o600))
}

// TestMarkedManyRowsOfSheets: the limit counts the rows of all sheets with problems.
func TestMarkedManyRowsOfSheets(t *testing.T) {
	t.Parallel()
	d := newRun(t)
	const half = 51
	book := d.sheetsBook(t, "large.xlsx", half, []string{"May", "June", "July"}, "May!A3", fmt.Sprint("July!A", half))
	folder, marked := d.markedBy(t, "--marked-rows", "100", "--sheet", "all", book)
	require.Len(t, marked, 2)
	for i, want := range []struct{ sheet, row string }{{"May", "3"}, {"July", fmt.Sprint(half)}} {
		require.Equal(t, report.FailingRows, marked[i].Rows)
		require.Contains(t, marked[i].Notes, "only rows with problems, since the sheets with problems have more than 100 rows")
		rows, err := openBook(t, filepath.Join(folder, marked[i].File)).GetRows(want.sheet)
		require.NoError(t, err)
		require.Len(t, rows, 2)
		require.Equal(t, want.row, rows[1][1])
	}
	require.NoError(t, os.RemoveAll(d.path("runs")))
	book = d.sheetsBook(t, "large.xlsx", half, []string{"May", "June", "July"}, "May!A3")
	_, marked = d.markedBy(t, "--marked-rows", "100", "--sheet", "all", book)
	require.Len(t, marked, 1)
	require.True(t, marked[0].Copy, "the sheets without problems do not count")
}

// TestNamedTwice: the rows would be imported twice.
func TestNamedTwice(t *testing.T) {
	t.Parallel()
	d := newRun(t)
	book := d.sheetsBook(t, "one.xlsx", 1, []string{"May", "June"})
	for _, args := range [][]string{{book, book}, {"--sheet", "May,1", book}} {
		args = append([]string{"validate", "-m", d.path("desk.yaml"), "--runs", d.path("runs")}, args...)
		require.NotEqual(t, exitDone, d.run(t.Context(), "x", args...))
		require.Contains(t, d.err.String(), "named twice; name it once")
		d.err.Reset()
	}
}

// priorities makes a workbook with a bad priority in rows 3, 5 and 8.
func priorities(t *testing.T, d *desk) string {
	t.Helper()
	require.NoError(t, os.WriteFile(d.path("desk.yaml"), []byte("version: 1\noperation: create\nproperties: {subject: Subject, hs_ticket_priority: Priority, hs_pipeline: {value: \"0\"}, hs_pipeline_stage: {value: \"1\"}}\n"), 0o600))
	f := excelize.NewFile()
	defer f.Close()
	require.NoError(t, f.SetSheetRow("Sheet1", "A1", &[]any{"Subject", "Priority"}))
	for row := 2; row <= 10; row++ {
		priority := "High"
		if row == 3 || row == 5 || row == 8 {
			priority = "hihg"
		}
		require.NoError(t, f.SetSheetRow("Sheet1", fmt.Sprint("A", row), &[]any{fmt.Sprint("Ticket ", row), priority}))
	}
	path := d.path("desk.xlsx")
	require.NoError(t, f.SaveAs(path))
	return path
}

// validate checks a workbook and returns the run folder.
func (d *desk) validate(t *testing.T, code int, args ...string) string {
	t.Helper()
	runs, err := os.MkdirTemp(d.path("."), "runs-*")
	require.NoError(t, err)
	args = append([]string{"validate", "-m", d.path("desk.yaml"), "--runs", runs, "--progress", "none"}, args...)
	require.Equal(t, code, d.run(t.Context(), "x", args...), d.out.String()+d.err.String())
	folders, err := filepath.Glob(filepath.Join(runs, "*"))
	require.NoError(t, err)
	require.Len(t, folders, 1)
	return folders[0]
}

// TestMendedTwice: somebody opens the marked copy, mends a cell, checks it, and
// mends the rest in the copy that this gives. Each check finds what is left, the
// last one nothing, and so makes no copy.
func TestMendedTwice(t *testing.T) {
	t.Parallel()
	d := newRun(t)
	folder := d.validate(t, exitRows, priorities(t, d))
	require.Equal(t, []string{"B3 INVALID_OPTION", "B5 INVALID_OPTION", "B8 INVALID_OPTION"}, codesIn(t, folder))
	mended := func(refs ...string) string {
		f := openBook(t, filepath.Join(folder, "desk.marked.xlsx"))
		for _, ref := range refs {
			require.NoError(t, f.SetCellStr("Sheet1", ref, "Low"))
		}
		require.NoError(t, f.SaveAs(d.path("desk.marked.xlsx")))
		return d.path("desk.marked.xlsx")
	}

	folder = d.validate(t, exitRows, mended("B3"))
	require.Equal(t, []string{"B5 INVALID_OPTION", "B8 INVALID_OPTION"}, codesIn(t, folder))
	f := openBook(t, filepath.Join(folder, "desk.marked.xlsx"))
	require.Equal(t, []string{"Sheet1", "Problems"}, f.GetSheetList())
	require.Empty(t, fillOf(t, f, "Sheet1", "B3"))
	require.True(t, isRed(t, f, "Sheet1", "B5"))
	require.True(t, isRed(t, f, "Sheet1", "B8"))
	notes, err := f.GetComments("Sheet1")
	require.NoError(t, err)
	require.Len(t, notes, 2)
	list, err := f.GetRows("Problems")
	require.NoError(t, err)
	require.Len(t, list, 3)

	folder = d.validate(t, exitDone, mended("B5", "B8"))
	require.NoFileExists(t, filepath.Join(folder, "desk.marked.xlsx"))
}

// TestMarkedIsReadAsTheOriginal: the sheet of problems is nobody's data, whichever
// sheets are asked for and wherever it stands.
func TestMarkedIsReadAsTheOriginal(t *testing.T) {
	t.Parallel()
	d := newRun(t)
	path := priorities(t, d)
	folder := d.validate(t, exitRows, path)
	f := openBook(t, filepath.Join(folder, "desk.marked.xlsx"))
	require.NoError(t, f.MoveSheet("Problems", "Sheet1"))
	require.NoError(t, f.SaveAs(d.path("moved.xlsx")))
	rows := func(folder string) []string {
		var all []string
		require.NoError(t, report.ReadResults(filepath.Join(folder, report.ResultsFile), func(r report.ResultRow) error {
			all = append(all, fmt.Sprint(r.Sheet, r.Row, r.Key, r.Outcome, r.Message))
			return nil
		}))
		return all
	}
	want := rows(folder)
	require.Len(t, want, 9)
	for _, book := range []string{filepath.Join(folder, "desk.marked.xlsx"), d.path("moved.xlsx")} {
		for _, sheet := range []string{"", "all", "*", "Sheet1"} {
			d.out.Reset()
			require.Equal(t, want, rows(d.validate(t, exitRows, "--sheet", sheet, book)), sheet)
			require.NotContains(t, d.out.String(), `sheet "Problems" is not read`)
			require.NotContains(t, d.out.String(), "the first that is not hidden")
		}
	}
	require.Equal(t, exitRows, d.run(t.Context(), "x", "import", "-m", d.path("desk.yaml"), "--runs", d.path("imports"), "--progress", "none", d.path("moved.xlsx")), d.err.String())
	require.Len(t, d.server.Tickets(false), 6)
}

// TestNextNamesTheMarkedCopy: the last line leads to the file that is best mended.
// After an import that is failed.csv, since the good rows must not be sent again.
func TestNextNamesTheMarkedCopy(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, want string
		args       []string
	}{
		{"validate a workbook", "Next: Open FOLDER/desk.marked.xlsx, mend the coloured cells and save it, then: ticketetl validate -m MAPPING --runs RUNS FOLDER/desk.marked.xlsx", []string{"validate"}},
		{"rehearse its import", "Next: Open FOLDER/desk.marked.xlsx, mend the coloured cells and save it, then: ticketetl import -m MAPPING --dry-run --runs RUNS FOLDER/desk.marked.xlsx", []string{"import", "--dry-run"}},
		{"import it", "Next: Correct FOLDER/failed.csv (the bad cells are marked in FOLDER/desk.marked.xlsx), then: ticketetl import -m MAPPING --runs RUNS FOLDER/failed.csv", []string{"import"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := newRun(t)
			path := priorities(t, d)
			args := append(tt.args, "-m", d.path("desk.yaml"), "--runs", d.path("runs"), "--progress", "none", path)
			require.Equal(t, exitRows, d.run(t.Context(), "x", args...), d.err.String())
			want := strings.NewReplacer("FOLDER", runFolderOf(t, d), "MAPPING", d.path("desk.yaml"), "RUNS", d.path("runs")).Replace(tt.want)
			lines := strings.Split(strings.TrimSpace(d.out.String()), "\n")
			require.Equal(t, strings.ReplaceAll(want, " --dry-run", ""), strings.NewReplacer(" --dry-run", "", " --base-url "+d.url, "", " --progress none", "").Replace(lines[len(lines)-1]))
		})
	}
}

// TestFingerprintOfASavedSchema: the same definitions have the same fingerprint,
// whether all were read and saved or only those that a mapping uses.
func TestFingerprintOfASavedSchema(t *testing.T) {
	t.Parallel()
	d := newRun(t)
	require.Equal(t, exitDone, d.run(t.Context(), "x", "schema", "-o", d.path("schema.json")), d.err.String())
	fingerprint := func(mapping string, more ...string) string {
		args := append([]string{"validate", "-m", mapping, "--runs", d.path(fmt.Sprint(len(d.out.String()))), "--progress", "none"}, more...)
		d.run(t.Context(), "x", append(args, "../../samples/erros.csv")...)
		folders, err := filepath.Glob(filepath.Join(args[4], "*"))
		require.NoError(t, err)
		require.Len(t, folders, 1, d.err.String())
		s, err := report.LoadSummary(folders[0])
		require.NoError(t, err)
		return s.SchemaFingerprint
	}
	require.NoError(t, os.WriteFile(d.path("plain.yaml"), []byte("version: 1\noperation: create\nproperties: {subject: Assunto, hs_pipeline: {value: \"0\"}, hs_pipeline_stage: {value: \"1\"}}\n"), 0o600))
	seen := map[string]bool{}
	for _, mapping := range []string{"../../mappings/chamados.yaml", d.path("plain.yaml")} {
		online := fingerprint(mapping)
		require.Len(t, online, 16)
		require.Equal(t, online, fingerprint(mapping, "--schema", d.path("schema.json")), mapping)
		seen[online] = true
	}
	require.Len(t, seen, 2, "each mapping uses something else")
}

// repacked writes a workbook anew with some of its parts changed, or added.
func repacked(t *testing.T, from, to string, change map[string]func(string) string) {
	t.Helper()
	in, err := zip.OpenReader(from)
	require.NoError(t, err)
	defer in.Close()
	file, err := os.Create(to)
	require.NoError(t, err)
	out := zip.NewWriter(file)
	put := func(name, text string) {
		w, err := out.Create(name)
		require.NoError(t, err)
		_, err = w.Write([]byte(text))
		require.NoError(t, err)
	}
	for _, f := range in.File {
		text := partOf(t, from, f.Name)
		if edit := change[f.Name]; edit != nil {
			text = edit(text)
			delete(change, f.Name)
		}
		put(f.Name, text)
	}
	for name, make := range change {
		put(name, make(""))
	}
	require.NoError(t, out.Close())
	require.NoError(t, file.Close())
}

func partOf(t *testing.T, path, name string) string {
	t.Helper()
	in, err := zip.OpenReader(path)
	require.NoError(t, err)
	defer in.Close()
	f, err := in.Open(name)
	require.NoError(t, err)
	defer f.Close()
	data, err := io.ReadAll(f)
	require.NoError(t, err)
	return string(data)
}

// TestMarkedMacros: a workbook with macros keeps them, byte for byte, and its ending.
func TestMarkedMacros(t *testing.T) {
	t.Parallel()
	d := newRun(t)
	macros := "\xd0\xcf\x11\xe0" + strings.Repeat("\x00\xff<macro>\r\n", 500)
	repacked(t, priorities(t, d), d.path("desk.xlsm"), map[string]func(string) string{
		"xl/vbaProject.bin": func(string) string { return macros },
		"[Content_Types].xml": func(s string) string {
			s = strings.Replace(s, "spreadsheetml.sheet.main+xml", "XX", 1)
			s = strings.Replace(s, "application/vnd.openxmlformats-officedocument.XX", "application/vnd.ms-excel.sheet.macroEnabled.main+xml", 1)
			return strings.Replace(s, "<Default", `<Default Extension="bin" ContentType="application/vnd.ms-office.vbaProject"/><Default`, 1)
		},
		"xl/_rels/workbook.xml.rels": func(s string) string {
			return strings.Replace(s, "</Relationships>", `<Relationship Id="rId99" Type="http://schemas.microsoft.com/office/2006/relationships/vbaProject" Target="vbaProject.bin"/></Relationships>`, 1)
		},
	})
	folder := d.validate(t, exitRows, d.path("desk.xlsm"))
	marked := filepath.Join(folder, "desk.marked.xlsm")
	require.Equal(t, macros, partOf(t, marked, "xl/vbaProject.bin"))
	require.Contains(t, partOf(t, marked, "[Content_Types].xml"), "macroEnabled.main+xml")
	require.Contains(t, partOf(t, marked, "xl/_rels/workbook.xml.rels"), "vbaProject.bin")
	require.True(t, isRed(t, openBook(t, marked), "Sheet1", "B3"))
}

// TestMarkedWithoutACopy: a workbook that can be read and not be edited gets a new
// one, and that is said.
func TestMarkedWithoutACopy(t *testing.T) {
	t.Parallel()
	d := newRun(t)
	repacked(t, priorities(t, d), d.path("latin.xlsx"), map[string]func(string) string{
		"xl/styles.xml": func(s string) string { return strings.Replace(s, `encoding="UTF-8"`, `encoding="ISO-8859-1"`, 1) },
	})
	folder := d.validate(t, exitRows, d.path("latin.xlsx"))
	require.Contains(t, d.out.String(), "a new workbook, since a copy of yours cannot be edited: part xl/styles.xml")
	require.Contains(t, d.out.String(), "Next: Correct "+filepath.Join(folder, report.FailedFile)+" (the bad cells are marked in")
	f := openBook(t, filepath.Join(folder, "latin.marked.xlsx"))
	require.Equal(t, []string{"Sheet1", "Problems"}, f.GetSheetList())
	require.True(t, isRed(t, f, "Sheet1", "B3"))
	require.Empty(t, fillOf(t, f, "Sheet1", "B4"))
	s, err := report.LoadSummary(folder)
	require.NoError(t, err)
	require.Len(t, s.MarkedUp, 1)
	require.False(t, s.MarkedUp[0].Copy)
}

// TestMarkedAgain: what carries a run on replaces the marked copy of the attempt before.
func TestMarkedAgain(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"retry", "resume"} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			d := newRun(t)
			if command == "resume" {
				d = newDesk(t, 0, createMapping, stopAfter(1))
			}
			path := priorities(t, d)
			d.run(t.Context(), "x", "import", "-m", d.path("desk.yaml"), "--runs", d.path("runs"), "--progress", "none", path)
			folder := runFolderOf(t, d)
			marked := filepath.Join(folder, "desk.marked.xlsx")
			require.FileExists(t, marked)
			require.NoError(t, os.WriteFile(marked, []byte("of the attempt before"), 0o600))
			require.Equal(t, exitRows, d.run(t.Context(), "x", command, filepath.Base(folder), "--runs", d.path("runs"), "--progress", "none"), d.err.String()+d.out.String())
			require.True(t, isRed(t, openBook(t, marked), "Sheet1", "B3"))
			found, err := filepath.Glob(filepath.Join(folder, "*.xlsx"))
			require.NoError(t, err)
			require.Equal(t, []string{marked}, found)
			require.Len(t, d.server.Tickets(false), 6)
		})
	}
}
