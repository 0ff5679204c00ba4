package markup_test

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/xuri/excelize/v2"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/internal/markup"
)

// listed are problems that stand in memory.
func listed(all ...markup.Problem) markup.Problems {
	return func(yield func(markup.Problem, error) bool) {
		for _, p := range all {
			if !yield(p, nil) {
				return
			}
		}
	}
}

func bad(row, column int) markup.Problem {
	return markup.Problem{Sheet: "Desk", Row: row, Column: column, Header: "Priority", Value: "p9", Code: "INVALID_OPTION",
		Message: `"p9" is not one of LOW, HIGH`, Hint: "write LOW or HIGH"}
}

// rich makes a workbook with much of what people put into theirs.
func rich(t *testing.T) string {
	t.Helper()
	f := excelize.NewFile()
	defer f.Close()
	try := func(err error) { t.Helper(); require.NoError(t, err) }
	style := func(s *excelize.Style) int { id, err := f.NewStyle(s); try(err); return id }
	money := `"R$" #,##0.00`
	currency := style(&excelize.Style{CustomNumFmt: &money, Border: []excelize.Border{{Type: "left", Color: "FF0000", Style: 2}}})
	date := style(&excelize.Style{NumFmt: 22, Font: &excelize.Font{Italic: true, Color: "00AA00"}})
	try(f.SetSheetName("Sheet1", "Desk"))
	for _, other := range []string{"Notes & more", "Problems"} {
		_, err := f.NewSheet(other)
		try(err)
	}
	try(f.SetSheetRow("Desk", "A1", &[]any{"ID", "Priority", "Opened", "Cost", "Total", "Link"}))
	for row := 2; row <= 40; row++ {
		if row == 7 || row == 8 {
			continue // rows that are not there
		}
		at := func(letter string) string { return fmt.Sprintf("%s%d", letter, row) }
		try(f.SetCellValue("Desk", at("A"), fmt.Sprintf("T-%04d", row)))
		if row != 5 { // a cell that is not there
			try(f.SetCellValue("Desk", at("B"), []string{"p9", "LOW", "HIGH"}[row%3]))
		}
		try(f.SetCellValue("Desk", at("C"), 45000.5+float64(row)))
		try(f.SetCellStyle("Desk", at("C"), at("C"), date))
		try(f.SetCellValue("Desk", at("D"), float64(row)*1.25))
		try(f.SetCellStyle("Desk", at("D"), at("D"), currency))
		try(f.SetCellFormula("Desk", at("E"), fmt.Sprintf("D%d*2", row)))
	}
	kind, span := excelize.STCellFormulaTypeShared, "E20:E25"
	try(f.SetCellFormula("Desk", "E20", "D20*3", excelize.FormulaOpts{Ref: &span, Type: &kind}))
	try(f.SetCellRichText("Desk", "A3", []excelize.RichTextRun{{Text: "T-"}, {Text: "0003", Font: &excelize.Font{Bold: true}}}))
	try(f.SetCellHyperLink("Desk", "F2", "https://example.com/?a=1&b=2", "External"))
	try(f.SetColStyle("Desk", "B", style(&excelize.Style{Font: &excelize.Font{Bold: true}})))
	try(f.SetColWidth("Desk", "B", "B", 33))
	try(f.SetRowHeight("Desk", 4, 44))
	try(f.MergeCell("Desk", "F10", "G11"))
	try(f.SetDefinedName(&excelize.DefinedName{Name: "Costs", RefersTo: "Desk!$D$2:$D$40", Scope: "Desk"}))
	red, err := f.NewConditionalStyle(&excelize.Style{Font: &excelize.Font{Color: "9A0511"}})
	try(err)
	try(f.SetConditionalFormat("Desk", "D2:D40", []excelize.ConditionalFormatOptions{{Type: "cell", Criteria: ">", Value: "30", Format: &red}}))
	try(f.SetConditionalFormat("Desk", "C2:C40", []excelize.ConditionalFormatOptions{{Type: "data_bar", Criteria: "=", MinType: "min", MaxType: "max", BarColor: "#638EC6", BarSolid: true}}))
	rule := excelize.NewDataValidation(true)
	rule.SetSqref("B2:B40")
	try(rule.SetDropList([]string{"LOW", "HIGH"}))
	try(f.AddDataValidation("Desk", rule))
	try(f.AddComment("Desk", excelize.Comment{Cell: "D6", Author: "Ana", Paragraph: []excelize.RichTextRun{{Text: "mine, <keep> it"}}}))
	try(f.AddComment("Notes & more", excelize.Comment{Cell: "A1", Author: "Rui", Text: "also mine"}))
	var picture bytes.Buffer
	try(png.Encode(&picture, image.NewRGBA(image.Rect(0, 0, 8, 8))))
	try(f.AddPictureFromBytes("Desk", "H2", &excelize.Picture{Extension: ".png", File: picture.Bytes(), Format: &excelize.GraphicOptions{}}))
	try(f.AddChart("Desk", "H8", &excelize.Chart{Type: excelize.Col, Series: []excelize.ChartSeries{{Name: "Desk!$D$1", Categories: "Desk!$A$2:$A$6", Values: "Desk!$D$2:$D$6"}}}))
	try(f.AddTable("Notes & more", &excelize.Table{Range: "C1:D4", Name: "Inventory"}))
	try(f.SetCellValue("Problems", "A1", "a sheet of the user's"))
	path := filepath.Join(t.TempDir(), "desk.xlsx")
	try(f.SaveAs(path))
	return path
}

func copyOf(t testing.TB, path string, problems markup.Problems) (string, markup.Result) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "marked.xlsx")
	f, err := os.Create(out)
	require.NoError(t, err)
	result, err := markup.Copy(context.Background(), path, f, problems)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	return out, result
}

func parts(t testing.TB, path string) map[string]string {
	t.Helper()
	z, err := zip.OpenReader(path)
	require.NoError(t, err)
	defer z.Close()
	all := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		require.NoError(t, err)
		data, err := io.ReadAll(r)
		require.NoError(t, err)
		require.NotContains(t, all, f.Name, "a part stands there twice")
		all[f.Name] = string(data)
	}
	return all
}

var richProblems = []markup.Problem{
	bad(3, 1),
	{Sheet: "Desk", Row: 4, Column: 2, Header: "Opened", Code: "INVALID_DATE", Message: "is no date"},
	{Sheet: "Desk", Row: 4, Column: 2, Header: "Opened", Code: "LATE", Message: "is late", Warning: true},
	{Sheet: "Desk", Row: 4, Column: -1, Code: "CONFLICT", Message: "a ticket with this key exists"},
	{Sheet: "Desk", Row: 5, Column: 1, Header: "Priority", Code: "MISSING_VALUE", Message: "is blank", Hint: "fill it in"},
	{Sheet: "Desk", Row: 5, Column: 12, Code: "TOO_MANY_CELLS", Message: "beyond"},
	{Sheet: "Desk", Row: 6, Column: 3, Header: "Cost", Code: "INVALID_NUMBER", Value: "=1+1", Message: "is no number"},
	{Sheet: "Desk", Row: 9, Column: 1, Header: "Priority", Code: "HIDDEN_OPTION", Message: "is hidden", Warning: true},
	bad(22, 4),
}

// TestCopyKeepsTheRest: the parts of the workbook that are not edited are equal
// byte for byte, and of the sheet only the tags of the marked cells differ.
func TestCopyKeepsTheRest(t *testing.T) {
	t.Parallel()
	path := rich(t)
	out, result := copyOf(t, path, listed(richProblems...))
	require.Equal(t, markup.Result{Sheet: "Problems (2)", Colored: 8, Uncommented: 1}, result)
	before, after := parts(t, path), parts(t, out)
	edited := []string{"[Content_Types].xml", "xl/workbook.xml", "xl/_rels/workbook.xml.rels", "xl/styles.xml",
		"xl/worksheets/sheet1.xml", "xl/comments1.xml", "xl/drawings/vmlDrawing1.vml"}
	for name, text := range before {
		if !contains(edited, name) {
			require.Equal(t, text, after[name], name)
		}
		require.Contains(t, after, name)
	}
	for _, name := range edited {
		require.NotEqual(t, before[name], after[name], name)
	}
	unmarked := after["xl/worksheets/sheet1.xml"]
	for _, ref := range []string{"A4", "B3", "B5", "B9", "C4", "D6", "E22", "M5"} {
		cell := regexp.MustCompile(`<c r="` + ref + `"[^>]*>(</c>)?`)
		require.Regexp(t, cell, unmarked)
		unmarked = cell.ReplaceAllString(unmarked, "")
		before["xl/worksheets/sheet1.xml"] = cell.ReplaceAllString(before["xl/worksheets/sheet1.xml"], "")
	}
	spans := regexp.MustCompile(` spans="[^"]*"`)
	require.Equal(t, spans.ReplaceAllString(before["xl/worksheets/sheet1.xml"], ""), spans.ReplaceAllString(unmarked, ""))
}

func contains(all []string, one string) bool {
	for _, a := range all {
		if a == one {
			return true
		}
	}
	return false
}

// TestCopyIsReadBack opens the copy with excelize and compares what it sees.
func TestCopyIsReadBack(t *testing.T) {
	t.Parallel()
	path := rich(t)
	out, _ := copyOf(t, path, listed(richProblems...))
	was, err := excelize.OpenFile(path)
	require.NoError(t, err)
	defer was.Close()
	is, err := excelize.OpenFile(out)
	require.NoError(t, err)
	defer is.Close()

	require.Equal(t, append(was.GetSheetList(), "Problems (2)"), is.GetSheetList())
	marked := map[string]string{"A4": "FFC7C", "B3": "FFC7C", "B5": "FFC7C", "B9": "FFEB9", "C4": "FFC7C", "D6": "FFC7C", "E22": "FFC7C", "M5": "FFC7C"}
	for _, sheet := range was.GetSheetList() {
		for row := 1; row <= 42; row++ {
			for column := 1; column <= 14; column++ {
				ref, err := excelize.CoordinatesToCellName(column, row)
				require.NoError(t, err)
				color := ""
				if sheet == "Desk" {
					color = marked[ref]
				}
				sameCell(t, was, is, sheet, ref, color)
			}
		}
	}
	sameSheet(t, was, is, "Desk")
	require.Equal(t, append(was.GetDefinedName(), excelize.DefinedName{Name: etl.ProblemsName, RefersTo: "'Problems (2)'!$A$1", Scope: "Workbook"}), is.GetDefinedName())
	notes, err := is.GetComments("Desk")
	require.NoError(t, err)
	texts := map[string]string{}
	for _, n := range notes {
		texts[n.Cell] = n.Text
		for _, p := range n.Paragraph {
			texts[n.Cell] += p.Text
		}
	}
	require.Len(t, texts, 8)
	require.Contains(t, texts["D6"], "mine, <keep> it", "a comment of the user's stays as it is")
	require.NotContains(t, texts["D6"], "number")
	require.Equal(t, "ticketetl:\nis no date\n\nWarning: is late", texts["C4"])
	require.Equal(t, "ticketetl:\nis blank\n→ fill it in", texts["B5"])
	require.Equal(t, "ticketetl:\nThe row: a ticket with this key exists", texts["A4"])

	rows, err := is.GetRows("Problems (2)")
	require.NoError(t, err)
	require.Equal(t, []string{"Cell", "Row", "Header", "Value", "Problem", "What to do", "Severity", "Code", "Note"}, rows[0])
	require.Len(t, rows, 10)
	require.Equal(t, []string{"Desk!B3", "3", "Priority", "p9", `"p9" is not one of LOW, HIGH`, "write LOW or HIGH", "error", "INVALID_OPTION"}, rows[1])
	require.Equal(t, "coloured only: the cell has a comment of its own", rows[7][8])
	linked, target, err := is.GetCellHyperLink("Problems (2)", "A2")
	require.NoError(t, err)
	require.True(t, linked)
	require.Equal(t, "'Desk'!B3", target)
	formula, err := is.GetCellFormula("Problems (2)", "D8")
	require.NoError(t, err)
	require.Empty(t, formula)
	value, err := is.GetCellValue("Problems (2)", "D8")
	require.NoError(t, err)
	require.Equal(t, "=1+1", value)
}

// sameCell compares a cell of two workbooks; color is what it is marked with.
func sameCell(t *testing.T, was, is *excelize.File, sheet, ref, color string) {
	t.Helper()
	for _, raw := range []bool{true, false} {
		want, err := was.GetCellValue(sheet, ref, excelize.Options{RawCellValue: raw})
		require.NoError(t, err)
		got, err := is.GetCellValue(sheet, ref, excelize.Options{RawCellValue: raw})
		require.NoError(t, err)
		require.Equal(t, want, got, ref)
	}
	want, err := was.GetCellFormula(sheet, ref)
	require.NoError(t, err)
	got, err := is.GetCellFormula(sheet, ref)
	require.NoError(t, err)
	require.Equal(t, want, got, ref)
	wantStyle, gotStyle := styleOf(t, was, sheet, ref), styleOf(t, is, sheet, ref)
	if color != "" {
		require.Len(t, gotStyle.Fill.Color, 1, ref)
		require.True(t, strings.HasPrefix(gotStyle.Fill.Color[0], color), "%s: %s", ref, gotStyle.Fill.Color) // or a shade of it
		wantStyle.Fill = gotStyle.Fill
	}
	require.Equal(t, wantStyle, gotStyle, "%s %s", sheet, ref)
}

func styleOf(t *testing.T, f *excelize.File, sheet, ref string) *excelize.Style {
	t.Helper()
	id, err := f.GetCellStyle(sheet, ref)
	require.NoError(t, err)
	style, err := f.GetStyle(id)
	require.NoError(t, err)
	return style
}

// sameSheet compares what a sheet has beside its cells.
func sameSheet(t *testing.T, was, is *excelize.File, sheet string) {
	t.Helper()
	look := func(f *excelize.File) []any {
		var all []any
		add := func(v any, err error) { require.NoError(t, err); all = append(all, v) }
		width, err := f.GetColWidth(sheet, "B")
		add(width, err)
		height, err := f.GetRowHeight(sheet, 4)
		add(height, err)
		merged, err := f.GetMergeCells(sheet)
		add(merged, err)
		rules, err := f.GetDataValidations(sheet)
		add(rules, err)
		formats, err := f.GetConditionalFormats(sheet)
		add(formats, err)
		_, link, err := f.GetCellHyperLink(sheet, "F2")
		add(link, err)
		pictures, err := f.GetPictures(sheet, "H2")
		add(pictures, err)
		return all
	}
	require.Equal(t, look(was), look(is))
	require.NotEmpty(t, look(is)[2])
	require.NotEmpty(t, look(is)[6])
}

// TestCopyOfACopy: a marked workbook that was not mended is marked once more.
func TestCopyOfACopy(t *testing.T) {
	t.Parallel()
	once, _ := copyOf(t, rich(t), listed(richProblems...))
	twice, result := copyOf(t, once, listed(richProblems...))
	require.Equal(t, "Problems (2)", result.Sheet)
	f, err := excelize.OpenFile(twice)
	require.NoError(t, err)
	defer f.Close()
	require.Equal(t, []string{"FFC7CD"}, styleOf(t, f, "Desk", "B3").Fill.Color)
	notes, err := f.GetComments("Desk")
	require.NoError(t, err)
	require.Len(t, notes, 8)
}

// TestUnusualSheets: forms of the format that other programs write.
func TestUnusualSheets(t *testing.T) {
	t.Parallel()
	const strict = "http://purl.oclc.org/ooxml/"
	tests := []struct {
		name, sheet, want string
		change            func(parts map[string]string)
	}{
		{
			name:  "tags with a prefix",
			sheet: `<x:worksheet xmlns:x="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><x:sheetData><x:row r="2"><x:c r="A2" t="str"><x:v>a&amp;b</x:v></x:c></x:row></x:sheetData></x:worksheet>`,
			want: `<x:worksheet xmlns:x="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><x:sheetData><x:row r="2"><x:c r="A2" t="str"><x:v>a&amp;b</x:v></x:c><x:c r="B2" s="5"/></x:row></x:sheetData>` +
				`<x:legacyDrawing xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships" r:id="rId1"/></x:worksheet>`,
		},
		{
			name:  "no references, a row that holds nothing, and what follows the drawing",
			sheet: `<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData><row/><row spans="1:1"/></sheetData><pageMargins left="1"/><extLst><ext/></extLst></worksheet>`,
			want: `<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData><row/><row><c r="B2" s="5"/></row></sheetData><pageMargins left="1"/>` +
				`<legacyDrawing xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships" r:id="rId1"/><extLst><ext/></extLst></worksheet>`,
		},
		{
			name:  "the format of the row, and of the cells around",
			sheet: `<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><cols><col min="2" max="2" style="0"/></cols><sheetData><row r="2" s="1" customFormat="1"><c r="A2"/><c r="C2"><v>1</v></c></row></sheetData></worksheet>`,
			want:  `<row r="2" s="1" customFormat="1"><c r="A2"/><c r="B2" s="5"/><c r="C2"><v>1</v></c></row>`,
		},
		{
			name:  "strict form",
			sheet: `<worksheet xmlns="` + strict + `spreadsheetml/main"><sheetData><row r="2"><c r="B2" s="0"><v>7</v></c></row></sheetData></worksheet>`,
			want: `<worksheet xmlns="` + strict + `spreadsheetml/main"><sheetData><row r="2"><c r="B2" s="5"><v>7</v></c></row></sheetData>` +
				`<legacyDrawing xmlns:r="` + strict + `officeDocument/relationships" r:id="rId1"/></worksheet>`,
			change: func(p map[string]string) {
				p["xl/workbook.xml"] = strings.Replace(p["xl/workbook.xml"], "http://schemas.openxmlformats.org/spreadsheetml/2006/main", strict+"spreadsheetml/main", 1)
			},
		},
		{
			name:  "no styles at all",
			sheet: `<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData><row r="2"><c r="B2"><v>7</v></c></row></sheetData></worksheet>`,
			want:  `<c r="B2" s="5"><v>7</v></c>`,
			change: func(p map[string]string) {
				p["xl/_rels/workbook.xml.rels"] = strings.Replace(p["xl/_rels/workbook.xml.rels"], "/styles", "/other", 1)
				delete(p, "xl/styles.xml")
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			all := plainBook(tt.sheet)
			if tt.change != nil {
				tt.change(all)
			}
			out, _ := copyOf(t, zipped(t, all), listed(bad(2, 1)))
			require.Contains(t, parts(t, out)["xl/worksheets/sheet1.xml"], tt.want)
			f, err := excelize.OpenFile(out)
			require.NoError(t, err)
			defer f.Close()
			require.Equal(t, 1, styleOf(t, f, "Desk", "B2").Fill.Pattern, "filled")
			notes, err := f.GetComments("Desk")
			require.NoError(t, err)
			require.Len(t, notes, 1)
			require.Equal(t, []string{"Desk", "Problems"}, f.GetSheetList())
		})
	}
}

// plainBook are the parts of a workbook with one sheet.
func plainBook(sheet string) map[string]string {
	const rel = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
	return map[string]string{
		"[Content_Types].xml": `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/>` +
			`<Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>`,
		"_rels/.rels": `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="` + rel + `/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
		"xl/_rels/workbook.xml.rels": `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="` + rel + `/worksheet" Target="worksheets/sheet1.xml"/>` +
			`<Relationship Id="rId2" Type="` + rel + `/styles" Target="styles.xml"/></Relationships>`,
		"xl/workbook.xml":          `<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="` + rel + `"><sheets><sheet name="Desk" sheetId="1" r:id="rId1"/></sheets></workbook>`,
		"xl/styles.xml":            `<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><borders count="1"><border/></borders><cellXfs count="1"><xf numFmtId="0"/></cellXfs></styleSheet>`,
		"xl/worksheets/sheet1.xml": sheet,
	}
}

func zipped(t *testing.T, all map[string]string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "book.xlsx")
	f, err := os.Create(path)
	require.NoError(t, err)
	z := zip.NewWriter(f)
	for name, text := range all {
		w, err := z.Create(name)
		require.NoError(t, err)
		_, err = io.WriteString(w, text)
		require.NoError(t, err)
	}
	require.NoError(t, z.Close())
	require.NoError(t, f.Close())
	return path
}

// source gives rows as a file of tickets would.
type source struct {
	header *etl.Header
	rows   []*etl.Record
}

func (s *source) Header() *etl.Header { return s.header }
func (s *source) Close() error        { return nil }

func (s *source) Next(context.Context) (*etl.Record, error) {
	if len(s.rows) == 0 {
		return nil, io.EOF
	}
	rec := s.rows[0]
	s.rows = s.rows[1:]
	if rec.Partial {
		return rec, &etl.RowError{Pos: rec.Pos}
	}
	return rec, nil
}

var tableRows = [][]string{
	{"0001", "=1+1", "LOW"},
	{"0002", "a\r\nb _x0041_ \x01", "p9"},
	{"0003", strings.Repeat("😀", 20_000), "HIGH"},
	{"0004", "", "p9"},
}

func newSource() *source {
	s := &source{header: etl.NewHeader([]string{"ID", "Subject", "Priority"})}
	for i, fields := range tableRows {
		s.rows = append(s.rows, &etl.Record{Pos: etl.Position{File: "x.csv", Row: i + 4}, Header: s.header, Fields: fields, Partial: i == 3})
	}
	return s
}

var tableProblems = listed(
	markup.Problem{Row: 5, Column: 2, Header: "Priority", Value: "p9", Code: "INVALID_OPTION", Message: "m5"},
	markup.Problem{Row: 7, Column: 1, Header: "Subject", Code: "MISSING_VALUE", Message: "m7"},
	markup.Problem{Row: 7, Column: 4, Value: "beyond", Code: "TOO_MANY_CELLS", Message: "n7"},
)

func tableOf(t *testing.T, problems markup.Problems, opts markup.TableOptions) (*excelize.File, markup.Result) {
	t.Helper()
	opts.Folder = t.TempDir()
	var out bytes.Buffer
	result, err := markup.Table(context.Background(), newSource(), &out, problems, opts)
	require.NoError(t, err)
	left, err := os.ReadDir(opts.Folder)
	require.NoError(t, err)
	require.Empty(t, left, "files that were needed meanwhile are gone")
	f, err := excelize.OpenReader(&out)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.Close()) })
	return f, result
}

// TestTable: every cell is a text, as it was read, where it stood.
func TestTable(t *testing.T) {
	t.Parallel()
	f, result := tableOf(t, tableProblems, markup.TableOptions{Name: "a/b: [tickets]?", HeaderRow: 3})
	const sheet = "a_b_ _tickets__"
	require.Equal(t, []string{sheet, "Problems"}, f.GetSheetList())
	require.Equal(t, markup.Result{Sheet: "Problems", Colored: 3, Cut: 1}, result)
	rows, err := f.GetRows(sheet)
	require.NoError(t, err)
	require.Equal(t, [][]string{nil, nil, {"ID", "Subject", "Priority"}}, rows[:3])
	require.Equal(t, tableRows[0], rows[3])
	require.Equal(t, []string{"0002", "a\r\nb _x0041_ \uFFFD", "p9"}, rows[4])
	require.True(t, strings.HasSuffix(rows[5][1], "😀 … (cut)"))
	require.Equal(t, []string{"0004", "", "p9", "", "beyond"}, rows[6])
	for _, ref := range []string{"A4", "B4"} {
		kind, err := f.GetCellType(sheet, ref)
		require.NoError(t, err)
		require.Equal(t, excelize.CellTypeInlineString, kind, ref)
		require.Equal(t, 49, styleOf(t, f, sheet, ref).NumFmt, "the format Text")
	}
	require.Equal(t, []string{"FFC7CD"}, styleOf(t, f, sheet, "C5").Fill.Color)
	require.Equal(t, 49, styleOf(t, f, sheet, "C5").NumFmt)
	panes, err := f.GetPanes(sheet)
	require.NoError(t, err)
	require.True(t, panes.Freeze)
	require.Equal(t, 3, panes.YSplit)
	notes, err := f.GetComments(sheet)
	require.NoError(t, err)
	require.Len(t, notes, 3)
}

// TestTableOfBadRows: the rows with problems stand one below the other; what
// tells of them names the row of the input.
func TestTableOfBadRows(t *testing.T) {
	t.Parallel()
	f, _ := tableOf(t, tableProblems, markup.TableOptions{Name: "x", HeaderRow: 3, OnlyBad: true})
	rows, err := f.GetRows("x")
	require.NoError(t, err)
	require.Len(t, rows, 3)
	require.Equal(t, []string{"ID", "Subject", "Priority", "(row in the file)"}, rows[0])
	require.Equal(t, "5", rows[1][3])
	require.Equal(t, []string{"0004", "", "p9", "", "beyond"}, rows[2])
	require.Equal(t, []string{"FFC7CD"}, styleOf(t, f, "x", "B3").Fill.Color)
	list, err := f.GetRows("Problems")
	require.NoError(t, err)
	require.Equal(t, []string{"x!B3", "7"}, list[2][:2])
}

// TestChangedInput: problems that the input cannot have are an error.
func TestChangedInput(t *testing.T) {
	t.Parallel()
	gone := listed(markup.Problem{Row: 99, Column: 1, Sheet: "Desk", Message: "m"})
	_, err := markup.Table(context.Background(), newSource(), io.Discard, gone, markup.TableOptions{Folder: t.TempDir()})
	require.EqualError(t, err, "row 99 is not there any more")
	_, err = markup.Copy(context.Background(), rich(t), io.Discard, gone)
	require.EqualError(t, err, `sheet "Desk": row 99 is not there any more`)
	_, err = markup.Copy(context.Background(), rich(t), io.Discard, listed(markup.Problem{Row: 2, Sheet: "Gone"}))
	require.EqualError(t, err, `sheet "Gone": it is not there any more`)
	disorder := listed(bad(9, 1), bad(3, 1))
	_, err = markup.Copy(context.Background(), rich(t), io.Discard, disorder)
	require.ErrorContains(t, err, "not in the order of the rows")
}

// TestLimits: what is beyond the limits is told, and every bad cell is coloured.
func TestLimits(t *testing.T) {
	t.Parallel()
	const n, each = markup.MaxComments + 10, markup.MaxListed / markup.MaxComments // cells, and problems in one
	var sheet strings.Builder
	sheet.WriteString(`<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>`)
	for row := 1; row <= n; row++ {
		fmt.Fprintf(&sheet, `<row r="%d"><c r="B%d"><v>1</v></c></row>`, row, row)
	}
	sheet.WriteString(`</sheetData></worksheet>`)
	many := func(yield func(markup.Problem, error) bool) {
		for i := 0; i < n*each && yield(bad(1+i/each, 1), nil); i++ {
		}
	}
	out, result := copyOf(t, zipped(t, plainBook(sheet.String())), many)
	require.Equal(t, markup.Result{Sheet: "Problems", Colored: n, Uncommented: 10, Unlisted: 10 * each}, result)
	all := parts(t, out)
	require.Equal(t, n, strings.Count(all["xl/worksheets/sheet1.xml"], `s="5"`))
	require.Equal(t, markup.MaxComments, strings.Count(all["xl/commentsMarks.xml"], "<comment "))
	require.Contains(t, all["xl/worksheets/sheetProblems.xml"], "and 100 more problems; all are in errors.csv")
}

// TestDrawingOfAnotherProgram: comments are added to a drawing whose names are
// written otherwise, as openpyxl does, and the shapes in it stay.
func TestDrawingOfAnotherProgram(t *testing.T) {
	t.Parallel()
	const rel = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
	const theirs = `<xml><ns0:shape xmlns:ns0="urn:schemas-microsoft-com:vml" id="_x0000_s1030"/>`
	all := plainBook(`<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData><row r="2"><c r="A2"><v>1</v></c><c r="B2"><v>7</v></c></row></sheetData><legacyDrawing xmlns:r="` + rel + `" r:id="anysvml"/></worksheet>`)
	all["xl/worksheets/_rels/sheet1.xml.rels"] = `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="anysvml" Type="` + rel + `/vmlDrawing" Target="/xl/drawings/theirs.vml"/>` +
		`<Relationship Id="c" Type="` + rel + `/comments" Target="../comments/comment1.xml"/></Relationships>`
	all["xl/drawings/theirs.vml"] = theirs + `</xml>`
	all["xl/comments/comment1.xml"] = `<comments xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><authors><author>Ana</author></authors><commentList><comment ref="A2" authorId="0"><text><t>hers</t></text></comment></commentList></comments>`
	out, result := copyOf(t, zipped(t, all), listed(bad(2, 0), bad(2, 1)))
	require.EqualValues(t, 1, result.Uncommented)
	after := parts(t, out)
	require.True(t, strings.HasPrefix(after["xl/drawings/theirs.vml"], theirs))
	require.Contains(t, after["xl/drawings/theirs.vml"], `<v:shape xmlns:v="urn:schemas-microsoft-com:vml"`)
	require.Contains(t, after["xl/drawings/theirs.vml"], `id="_x0000_s1031"`)
	require.Equal(t, 1, strings.Count(after["xl/worksheets/sheet1.xml"], "legacyDrawing"))
	require.Contains(t, after["xl/comments/comment1.xml"], `<author>Ana</author><author>ticketetl</author>`)
	require.Contains(t, after["xl/comments/comment1.xml"], `<t>hers</t></text></comment><comment ref="B2" authorId="1">`)
}
