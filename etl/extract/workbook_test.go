package extract_test

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/xuri/excelize/v2"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/etl/extract"
)

// sheetXML is a worksheet with the given rows.
func sheetXML(rows string) string {
	return `<?xml version="1.0" encoding="UTF-8"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><dimension ref="A1"/>` +
		`<cols><col min="2" max="2" hidden="1"/></cols><sheetData>` + rows + `</sheetData></worksheet>`
}

// handMade writes a workbook of the given parts over those that a plain one has.
func handMade(t testing.TB, changes map[string]string) string {
	t.Helper()
	files := map[string]string{
		"_rels/.rels":                `<Relationships><Relationship Id="r1" Type="http://x/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
		"xl/workbook.xml":            `<workbook xmlns:r="x"><workbookPr/><sheets><sheet name="Tickets" sheetId="1" r:id="r1"/></sheets></workbook>`,
		"xl/_rels/workbook.xml.rels": `<Relationships><Relationship Id="r1" Type="http://x/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="r2" Type="http://x/styles" Target="/xl/styles.xml"/><Relationship Id="r3" Type="http://x/sharedStrings" Target="sharedStrings.xml"/></Relationships>`,
	}
	for name, content := range changes {
		files[name] = content
	}
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestSpeed) })
	for _, name := range slices.Sorted(maps.Keys(files)) { // in order, for the fuzzer's sake
		w, err := z.Create(name)
		require.NoError(t, err)
		_, err = w.Write([]byte(files[name]))
		require.NoError(t, err)
	}
	require.NoError(t, z.Close())
	return write(t, "in.xlsx", b.String())
}

func sheetOf(t testing.TB, rows string) string {
	return handMade(t, map[string]string{"xl/worksheets/sheet1.xml": sheetXML(rows)})
}

// TestCells reads one cell under a number format.
func TestCells(t *testing.T) {
	t.Parallel()
	const (
		text, number, date, moment = etl.Text, etl.Number, etl.Date, etl.DateTime
		length, yes, broken        = etl.Duration, etl.Bool, etl.CellError
	)
	tests := []struct {
		name   string
		cell   string // what stands in <c ...>, after the reference and style
		format string // number format code, or a built-in id
		want   string
		kind   etl.Kind
		in1904 bool
	}{
		{name: "shared text, nothing trimmed", cell: ` t="s"><v>0</v>`, want: " 007 ", kind: text},
		{name: "rich text without its pronunciation", cell: ` t="s"><v>1</v>`, want: "東京 office", kind: text},
		{name: "inline rich text", cell: ` t="inlineStr"><is><r><t>a</t></r><r><t xml:space="preserve"> b</t></r></is>`, want: "a b", kind: text},
		{name: "escaped characters", cell: ` t="inlineStr"><is><t>a_x000D_&amp;_x005F_x0041_</t></is>`, want: "a\r&_x0041_", kind: text},
		{name: "an escaped character of two units", cell: ` t="inlineStr"><is><t>a_xD83D__xDE00_b</t></is>`, want: "a😀b", kind: text},
		{name: "what looks escaped over two runs", cell: ` t="inlineStr"><is><r><t>_x0041</t></r><r><t>_</t></r></is>`, want: "_x0041_", kind: text},
		{name: "half of an escaped character", cell: ` t="inlineStr"><is><t>_xD83D_x_xDE00_</t></is>`, want: "_xD83D_x_xDE00_", kind: text},
		{name: "text that a formula gave", cell: ` t="str"><f>A1</f><v>x</v>`, want: "x", kind: text},
		{name: "a long id as text", cell: ` t="inlineStr"><is><t>123456789012345678</t></is>`, want: "123456789012345678", kind: text},
		{name: "whole number", cell: `><v>42</v>`, want: "42", kind: number},
		{name: "exponent", cell: `><v>1.5E-3</v>`, want: "0.0015", kind: number},
		{name: "binary remainder", cell: `><v>0.30000000000000004</v>`, want: "0.3", kind: number},
		{name: "binary remainder of a price", cell: `><v>23.550519999999999</v>`, want: "23.55052", kind: number},
		{name: "digits that are no remainder stay", cell: `><v>0.12345678901234568</v>`, want: "0.12345678901234568", kind: number},
		{name: "digits that are no remainder stay, of a whole part too", cell: `><v>1234567890123.4567</v>`, want: "1234567890123.4567", kind: number},
		{name: "digits with an exponent stay", cell: `><v>1.2345678901234568E-2</v>`, want: "0.012345678901234568", kind: number},
		{name: "minus zero", cell: `><v>-0</v>`, want: "0", kind: number},
		{name: "percent by value", cell: `><v>0.15</v>`, format: "9", want: "0.15", kind: number},
		{name: "currency by value", cell: `><v>1234.5</v>`, format: `[$R$-416] #,##0.00;[Red]-[$R$-416] #,##0.00`, want: "1234.5", kind: number},
		{name: "a unit in quotes is not a date", cell: `><v>3</v>`, format: `0 "days"`, want: "3", kind: number},
		{name: "scientific format", cell: `><v>3</v>`, format: "0.00E+00", want: "3", kind: number},
		{name: "zeros pad", cell: `><v>42</v>`, format: "00000", want: "00042", kind: text},
		{name: "zeros around a dash pad", cell: `><v>1310100</v>`, format: `00000\-000`, want: "01310-100", kind: text},
		{name: "a prefix and zeros pad", cell: `><v>42</v>`, format: `"INC0"0000`, want: "INC00042", kind: text},
		{name: "more digits than zeros", cell: `><v>1234</v>`, format: `00\-0`, want: "123-4", kind: text},
		{name: "two zeros and a unit", cell: `><v>4</v>`, format: `00" h"`, want: "4", kind: number},
		{name: "zeros do not hide a fraction", cell: `><v>4.5</v>`, format: "00000", want: "4.5", kind: number},
		{name: "zeros behind a place for more digits", cell: `><v>42</v>`, format: "#00000", want: "00042", kind: text},
		{name: "more digits under a place for more", cell: `><v>1234567</v>`, format: "##00000", want: "1234567", kind: text},
		{name: "a literal before places for more", cell: `><v>42</v>`, format: `"#"#000`, want: "#042", kind: text},
		{name: "a grouped number does not pad", cell: `><v>42</v>`, format: "#,##0", want: "42", kind: number},
		{name: "places between zeros are not filled in", cell: `><v>42</v>`, format: "000-###", want: "42", kind: number},
		{name: "a condition that holds", cell: `><v>1234</v>`, format: `[<=99999]00000;00000\-0000`, want: "01234", kind: text},
		{name: "a condition that does not", cell: `><v>12345678</v>`, format: `[<=99999]00000;00000\-0000`, want: "01234-5678", kind: text},
		{name: "conditions of other forms", cell: `><v>1234</v>`, format: `[<100]0;[<=99999]00000;General`, want: "1234", kind: number},
		{name: "a colour is no condition", cell: `><v>42</v>`, format: `[Red]00000`, want: "00042", kind: text},
		{name: "not a number", cell: `><v>abc</v>`, want: "abc is not a number", kind: broken},
		{name: "true", cell: ` t="b"><v>1</v>`, want: "true", kind: yes},
		{name: "false", cell: ` t="b"><v>0</v>`, want: "false", kind: yes},
		{name: "true as a word", cell: ` t="b"><v>true</v>`, want: "true", kind: yes},
		{name: "neither true nor false", cell: ` t="b"><v>2</v>`, want: "2 is neither true nor false", kind: broken},
		{name: "true in capitals is no value of a workbook", cell: ` t="b"><v>TRUE</v>`, want: "TRUE is neither true nor false", kind: broken},
		{name: "an error without a value", cell: ` t="e"><v></v>`, want: "an error has no stored value", kind: broken},
		{name: "error", cell: ` t="e"><v>#N/A</v>`, want: "#N/A", kind: broken},
		{name: "formula by its stored value", cell: `><f>1+1</f><v>2</v>`, want: "2", kind: number},
		{name: "formula that gave empty text", cell: ` t="str"><f>""</f><v></v>`, want: "", kind: text},
		{name: "formula without a stored value", cell: `><f>A1+1</f>`, want: "=A1+1 has no stored value", kind: broken},
		{name: "formula with an empty value", cell: `><f>A1+1</f><v/>`, want: "=A1+1 has no stored value", kind: broken},
		{name: "shared formula without either", cell: `><f t="shared" si="0"/>`, want: "a formula has no stored value", kind: broken},
		{name: "date", cell: `><v>45351</v>`, format: "14", want: "2024-02-29", kind: date},
		{name: "date in Portuguese", cell: `><v>45351</v>`, format: `[$-416]d \d\e mmmm \d\e yyyy;@`, want: "2024-02-29", kind: date},
		{name: "date with a time", cell: `><v>45351.6041666667</v>`, format: "dd/mm/yyyy hh:mm", want: "2024-02-29T14:30:00", kind: moment},
		{name: "date that hides its time", cell: `><v>45351.6041666667</v>`, format: "14", want: "2024-02-29T14:30:00", kind: moment},
		{name: "midnight under a format with a time", cell: `><v>45351</v>`, format: "22", want: "2024-02-29T00:00:00", kind: moment},
		{name: "milliseconds", cell: `><v>45351.604172106483</v>`, format: "yyyy-mm-dd hh:mm:ss.000", want: "2024-02-29T14:30:00.47", kind: moment},
		{name: "a few milliseconds off a second", cell: `><v>45351.604166608796</v>`, format: "22", want: "2024-02-29T14:30:00", kind: moment},
		{name: "a few milliseconds under a format that shows them", cell: `><v>45351.604166608796</v>`, format: "hh:mm:ss.000 dd/mm/yyyy", want: "2024-02-29T14:29:59.995", kind: moment},
		{name: "more than a few milliseconds", cell: `><v>45351.604168981481</v>`, format: "22", want: "2024-02-29T14:30:00.2", kind: moment},
		{name: "few decimals are not milliseconds", cell: `><v>45351.60417</v>`, format: "22", want: "2024-02-29T14:30:00", kind: moment},
		{name: "the last moment rounds into the next day", cell: `><v>45351.9999999999</v>`, format: "22", want: "2024-03-01T00:00:00", kind: moment},
		{name: "time of day", cell: `><v>0.604166666666667</v>`, format: "20", want: "14:30:00", kind: length},
		{name: "elapsed hours", cell: `><v>1.5</v>`, format: "[h]:mm", want: "36:00:00", kind: length},
		{name: "elapsed minutes", cell: `><v>0.0625</v>`, format: "[mm]:ss", want: "01:30:00", kind: length},
		{name: "month and minute", cell: `><v>0.5</v>`, format: "mm:ss", want: "12:00:00", kind: length},
		{name: "first day of 1900", cell: `><v>1</v>`, format: "14", want: "1900-01-01", kind: date},
		{name: "before the day that never was", cell: `><v>59</v>`, format: "14", want: "1900-02-28", kind: date},
		{name: "the day that never was", cell: `><v>60</v>`, format: "14", want: "1900-02-29 is not a date", kind: broken},
		{name: "after the day that never was", cell: `><v>61</v>`, format: "14", want: "1900-03-01", kind: date},
		{name: "day zero", cell: `><v>0</v>`, format: "14", want: "0 is not a date", kind: broken},
		{name: "negative date", cell: `><v>-1</v>`, format: "14", want: "-1 is not a date", kind: broken},
		{name: "beyond the calendar", cell: `><v>2958466</v>`, format: "14", want: "2958466 is not a date", kind: broken},
		{name: "last moment of the calendar", cell: `><v>2958465.5</v>`, format: "22", want: "9999-12-31T12:00:00", kind: moment},
		{name: "date system of 1904", cell: `><v>43889</v>`, format: "14", want: "2024-02-29", kind: date, in1904: true},
		{name: "first day of 1904", cell: `><v>0</v>`, format: "14", want: "1904-01-01", kind: date, in1904: true},
		{name: "date in Chinese", cell: `><v>45351</v>`, format: `yyyy"年"m"月"d"日"`, want: "2024-02-29", kind: date},
		{name: "built-in format of an Asian Excel", cell: `><v>45351</v>`, format: "31", want: "2024-02-29", kind: date},
		{name: "ISO date", cell: ` t="d"><v>2024-02-29</v>`, format: "14", want: "2024-02-29", kind: date},
		{name: "ISO date and time", cell: ` t="d"><v>2024-02-29T14:30:00.5Z</v>`, format: "22", want: "2024-02-29T14:30:00.5", kind: moment},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := open(t, oneCell(t, tt.cell, tt.format, tt.in1904), extract.Options{})
			rows := readAll(t, f)
			require.Len(t, rows, 1)
			require.Nil(t, rows[0].Problem)
			require.Equal(t, []string{"1", tt.want}, rows[0].Fields)
			require.Equal(t, []etl.Kind{etl.Number, tt.kind}, rows[0].Kinds)
		})
	}
}

// oneCell writes a workbook whose cell B2 is given.
func oneCell(t testing.TB, cell, format string, in1904 bool) string {
	id, formats := "0", ""
	if len(format) <= 2 && format != "" {
		id = format
	} else if format != "" {
		id, formats = "170", `<numFmts><numFmt numFmtId="170" formatCode="`+strings.NewReplacer(`"`, "&quot;", "<", "&lt;").Replace(format)+`"/></numFmts>`
	}
	workbook := `<workbook xmlns:r="x"><workbookPr/><sheets><sheet name="Tickets" sheetId="1" r:id="r1"/></sheets></workbook>`
	if in1904 {
		workbook = strings.Replace(workbook, "<workbookPr/>", `<workbookPr date1904="1"/>`, 1)
	}
	return handMade(t, map[string]string{
		"xl/workbook.xml":          workbook,
		"xl/styles.xml":            `<styleSheet>` + formats + `<cellXfs><xf numFmtId="0"/><xf numFmtId="` + id + `"/></cellXfs></styleSheet>`,
		"xl/sharedStrings.xml":     `<sst><si><t xml:space="preserve"> 007 </t></si><si><r><t>東京</t></r><rPh><t>とうきょう</t></rPh><r><rPr/><t xml:space="preserve"> office</t></r></si></sst>`,
		"xl/worksheets/sheet1.xml": sheetXML(`<row r="1"><c r="A1" t="inlineStr"><is><t>id</t></is></c><c r="B1" t="inlineStr"><is><t>v</t></is></c></row><row r="2"><c r="A2"><v>1</v></c><c r="B2" s="1"` + cell + `</c></row>`),
	})
}

const headerXML = `<row r="1"><c t="inlineStr"><is><t>id</t></is></c><c t="inlineStr"><is><t>v</t></is></c></row>`

func TestSheetRows(t *testing.T) {
	t.Parallel()
	kinds := func(k ...etl.Kind) []etl.Kind { return k }
	tests := []struct {
		name, in string
		want     []row
	}{
		{
			name: "missing and blank rows count", in: headerXML + `<row r="5"><c r="A5"><v>1</v></c></row><row r="6"><c r="A6" s="3"/></row><row><c><v>2</v></c></row>`,
			want: []row{{Row: 5, Fields: []string{"1", ""}, Kinds: kinds(etl.Number, etl.Text)}, {Row: 7, Fields: []string{"2", ""}, Kinds: kinds(etl.Number, etl.Text)}},
		},
		{
			name: "cells without references follow each other", in: headerXML + `<row><c/><c t="str"><v>x</v></c></row>`,
			want: []row{{Row: 2, Fields: []string{"", "x"}}},
		},
		{
			name: "a cell beyond the header is faulty", in: headerXML + `<row r="2"><c r="A2" t="str"><v>1</v></c><c r="D2" t="str"><v>stray</v></c></row>`,
			want: []row{{Row: 2, Fields: []string{"1", ""}, Problem: &etl.Problem{
				Column: 3, Value: "stray", Code: "TOO_MANY_CELLS", Message: `cell D2 holds "stray", beyond the last column of the header (B)`,
				Hint: "give the column a header, or clear the cell",
			}}},
		},
		{
			name: "a number of more digits than a workbook keeps stays as it is stored", in: headerXML + `<row r="2"><c r="A2" t="str"><v>1</v></c><c r="B2"><v>1.23456789012346E+17</v></c></row>`,
			want: []row{{Row: 2, Fields: []string{"1", "123456789012346000"}, Kinds: kinds(etl.Text, etl.Number)}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := open(t, sheetOf(t, tt.in), extract.Options{})
			require.Equal(t, []string{"id", "v"}, f.Header().Names())
			require.Equal(t, tt.want, readAll(t, f))
			require.Contains(t, f.Info().Notes, "hidden columns are read as well; leave them out with --hidden skip: B")
		})
	}
}

func TestHiddenRowsAreTold(t *testing.T) {
	t.Parallel()
	f := open(t, sheetOf(t, headerXML+`<row r="2"><c t="str"><v>a</v></c></row><row r="3" hidden="1"><c t="str"><v>b</v></c></row><row r="4" hidden="1"/><row r="70" hidden="true"><c t="str"><v>c</v></c></row>`), extract.Options{})
	require.Len(t, readAll(t, f), 3)
	require.Contains(t, f.Notes(), "hidden columns are read as well; leave them out with --hidden skip: B")
	require.Contains(t, f.Notes(), "hidden rows are read as well; leave them out with --hidden skip: 2 of them, the first is row 3")
	require.NotContains(t, f.Info().Notes, "hidden rows are read as well; leave them out with --hidden skip: 2 of them, the first is row 3")
}

func TestHiddenIsLeftOut(t *testing.T) {
	t.Parallel()
	f := open(t, sheetOf(t, headerXML+`<row r="2"><c t="str"><v>a</v></c><c t="str"><v>secret</v></c></row><row r="3" hidden="1"><c t="str"><v>b</v></c></row><row r="4"><c t="str"><v>c</v></c></row>`), extract.Options{Hidden: "skip"})
	require.Equal(t, []string{"id"}, f.Header().Names(), "column B is hidden")
	require.Equal(t, []row{{Row: 2, Fields: []string{"a"}}, {Row: 4, Fields: []string{"c"}}}, readAll(t, f))
	require.Contains(t, f.Notes(), "hidden columns are left out: B")
	require.Contains(t, f.Notes(), "hidden rows are left out: 1 of them, the first is row 3")
}

func TestExpand(t *testing.T) {
	t.Parallel()
	book := excelize.NewFile()
	for _, name := range []string{"May", "June", "Hidden", "A,B"} {
		_, err := book.NewSheet(name)
		require.NoError(t, err)
	}
	require.NoError(t, book.SetSheetVisible("Hidden", false))
	path := filepath.Join(t.TempDir(), "in.xlsx")
	require.NoError(t, book.SaveAs(path))
	text := write(t, "in.csv", "a,b\n")
	tests := []struct {
		path, sheet string
		want        []string
		wantErr     string
	}{
		{path: path, want: []string{""}},
		{path: path, sheet: "all", want: []string{"Sheet1", "May", "June", "A,B"}},
		{path: path, sheet: "June, may", want: []string{"June", "May"}},
		{path: path, sheet: "A,B", want: []string{"A,B"}},
		{path: path, sheet: "2,Hidden", want: []string{"May", "Hidden"}},
		{path: path, sheet: "May,Jun", wantErr: path + `: there is no sheet "Jun"; nearest is "June"; it has "Sheet1", "May", "June", "Hidden" (hidden), "A,B"`},
		{path: text, sheet: "all", want: []string{"all"}},
	}
	for _, tt := range tests {
		each, err := extract.Expand(tt.path, extract.Options{Sheet: tt.sheet})
		if tt.wantErr != "" {
			require.EqualError(t, err, tt.wantErr)
			continue
		}
		require.NoError(t, err)
		var got []string
		for _, o := range each {
			got = append(got, o.Sheet)
		}
		require.Equal(t, tt.want, got, tt.sheet)
	}
}

// A cell far to the right costs no more than any other.
func TestStrayCellsAreNotFilledUpTo(t *testing.T) {
	var rows strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&rows, `<row r="%d"><c r="A%d" t="str"><v>x</v></c><c r="XFD%d" t="str"><v>y</v></c><c r="XFC%d" t="str"><v>z</v></c></row>`, i+2, i+2, i+2, i+2)
	}
	f := open(t, sheetOf(t, headerXML+rows.String()), extract.Options{Header: 1})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	all := readAll(t, f)
	runtime.ReadMemStats(&after)
	require.Len(t, all, 3000)
	require.Equal(t, "cell XFC3001 holds \"z\", beyond the last column of the header (B)", all[2999].Problem.Message)
	require.Less(t, (after.TotalAlloc-before.TotalAlloc)/3000, uint64(16384), "bytes a row")
}

func TestRefusedWorkbooks(t *testing.T) {
	t.Parallel()
	const mend = "; the workbook is damaged: open it in a spreadsheet program and save it again"
	sheet := func(rows string) map[string]string {
		return map[string]string{"xl/worksheets/sheet1.xml": sheetXML(rows)}
	}
	tests := []struct {
		name  string
		parts map[string]string
		opts  extract.Options
		want  string // after the path
	}{
		{name: "an unknown sheet", parts: sheet(headerXML), opts: extract.Options{Sheet: "Tikets"}, want: `: there is no sheet "Tikets"; nearest is "Tickets"; it has "Tickets"`},
		{name: "an empty sheet", parts: sheet(""), want: ` [Tickets]: no cell of the sheet is filled; if the tickets are in another one, name it (source.sheet)`},
		{name: "a blank header", parts: sheet(headerXML + `<row r="9"><c><v>1</v></c></row>`), opts: extract.Options{Header: 3}, want: ` [Tickets]: row 3, which should be the header, is blank`},
		{name: "no worksheet", parts: nil, want: `: the workbook has no part "xl/worksheets/sheet1.xml"; it is damaged: open it in a spreadsheet program and save it again`},
		{name: "a sheet that is cut", parts: map[string]string{"xl/worksheets/sheet1.xml": `<worksheet><sheetData>` + headerXML}, want: ` [Tickets]: the workbook is damaged in its part xl/worksheets/sheet1.xml (unexpected EOF); open it in a spreadsheet program and save it again`},
		{name: "an absurd row number", parts: sheet(headerXML + `<row r="999999999"><c><v>1</v></c></row>`), want: ` [Tickets]: row 1: the row after it has the number "999999999", which no row can have` + mend},
		{name: "rows out of order", parts: sheet(headerXML + `<row r="3"><c><v>1</v></c></row><row r="2"><c><v>1</v></c></row>`), want: ` [Tickets]: row 3: row 2 stands after it` + mend},
		{name: "an absurd column", parts: sheet(`<row><c r="ZZZZ1"><v>1</v></c></row>`), want: ` [Tickets]: row 1: a cell has the reference "ZZZZ1"` + mend},
		{name: "a cell that is there twice", parts: sheet(`<row><c r="A1"><v>1</v></c><c r="A1"><v>1</v></c></row>`), want: ` [Tickets]: row 1: cell A1 is there twice` + mend},
		{name: "a shared text that is not there", parts: sheet(`<row><c t="s"><v>7</v></c></row>`), want: ` [Tickets]: row 1: cell A1: shared text "7" is not there` + mend},
		{name: "more than a workbook may unpack to", parts: sheet(headerXML + strings.Repeat("<row/>", 10000)), opts: extract.Options{Limits: extract.Limits{MaxUnzipped: 50000}}, want: ": the workbook unpacks to more than 50000 bytes, which is not what tickets do; save only the sheet with the tickets or, if you trust it, raise --max-unpacked"},
		{name: "a tag without end", parts: sheet(`<row><c r="` + strings.Repeat("A", 5<<20) + `"/></row>`), want: ` [Tickets]: row 1: the workbook is damaged in its part xl/worksheets/sheet1.xml (a cell or tag has more than 4194304 bytes); open it in a spreadsheet program and save it again`},
		{name: "OpenDocument", parts: map[string]string{"_rels/.rels": "<Relationships/>", "xl/workbook.xml": "", "mimetype": "x", "content.xml": "x"}, want: ": the workbook is damaged in its part xl/workbook.xml (EOF); open it in a spreadsheet program and save it again"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := handMade(t, tt.parts)
			f, err := extract.Open(path, tt.opts)
			if err == nil {
				defer f.Close()
				for err == nil {
					_, err = f.Next(context.Background())
				}
			}
			require.EqualError(t, err, path+tt.want)
		})
	}
}

func TestOtherArchives(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"content.xml":       "this is an OpenDocument file (.ods); open it in LibreOffice and save it as .xlsx or .csv",
		"xl/workbook.bin":   "this is a binary workbook (.xlsb); open it in Excel and save it as .xlsx",
		"word/document.xml": "this is a Word document; copy the table into a spreadsheet and save that as .xlsx",
		"tickets.csv":       "this is a zip archive, not a workbook; unpack it and name the file in it",
	}
	for name, want := range tests {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		for _, n := range []string{"mimetype", name} {
			_, err := z.Create(n)
			require.NoError(t, err)
		}
		require.NoError(t, z.Close())
		path := write(t, "in.zip", b.String())
		_, err := extract.Open(path, extract.Options{})
		require.EqualError(t, err, path+": "+want)
		_, err = extract.Open(write(t, "cut.zip", b.String()[:b.Len()-30]), extract.Options{})
		require.ErrorContains(t, err, "the workbook is damaged or was not copied whole")
	}
}

func TestEncryptedWorkbook(t *testing.T) {
	t.Parallel()
	book := excelize.NewFile()
	path := filepath.Join(t.TempDir(), "in.xlsx")
	require.NoError(t, book.SaveAs(path, excelize.Options{Password: "secret"}))
	_, err := extract.Open(path, extract.Options{})
	require.ErrorContains(t, err, "password")
}

func TestSheetChoice(t *testing.T) {
	t.Parallel()
	book := excelize.NewFile()
	for _, name := range []string{"Notes", "Tickets", "More"} {
		_, err := book.NewSheet(name)
		require.NoError(t, err)
		require.NoError(t, book.SetSheetRow(name, "A1", &[]any{"in " + name}))
	}
	require.NoError(t, book.DeleteSheet("Sheet1"))
	book.SetActiveSheet(1)
	require.NoError(t, book.SetSheetVisible("Notes", false))
	path := filepath.Join(t.TempDir(), "in.xlsx")
	require.NoError(t, book.SaveAs(path))

	for sheet, want := range map[string]string{"": "Tickets", "1": "Notes", "3": "More", " more ": "More", "Notes": "Notes"} {
		f := open(t, path, extract.Options{Sheet: sheet})
		require.Equal(t, want, f.Info().Sheet)
		require.Equal(t, []string{"in " + want}, f.Header().Names())
		require.Equal(t, []extract.SheetInfo{{Name: "Notes", Hidden: true}, {Name: "Tickets"}, {Name: "More"}}, f.Info().Sheets)
	}
	notes := open(t, path, extract.Options{}).Info().Notes
	require.Contains(t, notes, `sheet "Notes" is hidden and is not read`)
	require.Contains(t, notes, `sheet "More" is not read; name it (source.sheet) to read it`)
}

// TestSourcesAgree reads the same tickets from every kind of file.
func TestSourcesAgree(t *testing.T) {
	t.Parallel()
	table := [][]string{
		{"ID", "Assunto", "Descrição", ""},
		{"007", "Não \"abre\"", "linha 1\nlinha 2; fim, ou | não", "x"},
		{"123456789012345678", " espaços ", "ação €", ""},
		{"", "=1+1", "\ttab", "y"},
	}
	files := map[string]string{}
	for name, dialect := range map[string]struct{ delim, end, mark string }{
		"comma": {",", "\n", ""}, "semicolon": {";", "\r\n", ""}, "tab": {"\t", "\n", "\ufeff"}, "pipe": {"|", "\r\n", "\ufeff"},
	} {
		files[name] = write(t, name+".csv", dialect.mark+delimited(table, dialect.delim, dialect.end))
		files[name+" in gzip"] = write(t, name+".csv.gz", zipped(dialect.mark+delimited(table, dialect.delim, dialect.end)))
	}
	files["workbook"] = workbookOf(t, table)
	files["streamed workbook"] = streamedWorkbookOf(t, table)
	for name, path := range files {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := open(t, path, extract.Options{Header: 1})
			require.Equal(t, []string{"ID", "Assunto", "Descrição", "X"}, f.Header().Names())
			var got [][]string
			for _, r := range readAll(t, f) {
				require.Nil(t, r.Problem)
				require.Nil(t, r.Kinds)
				require.Equal(t, len(got)+2, r.Row)
				got = append(got, r.Fields)
			}
			require.Equal(t, table[1:], got)
		})
	}
}

// delimited writes table as text; the empty header becomes X, since a workbook
// ends at its last filled cell.
func delimited(table [][]string, delim, end string) string {
	table[0][3] = "X"
	var b strings.Builder
	for _, cells := range table {
		for i, cell := range cells {
			if i > 0 {
				b.WriteString(delim)
			}
			b.WriteString(`"` + strings.ReplaceAll(cell, `"`, `""`) + `"`)
		}
		b.WriteString(end)
	}
	return b.String()
}

func workbookOf(t testing.TB, table [][]string) string {
	t.Helper()
	book := excelize.NewFile()
	for i, cells := range table {
		for j, cell := range cells {
			if cell != "" {
				require.NoError(t, book.SetCellStr("Sheet1", fmt.Sprintf("%s%d", etl.ColumnLetter(j), i+1), cell))
			}
		}
	}
	path := filepath.Join(t.TempDir(), "in.xlsx")
	require.NoError(t, book.SaveAs(path))
	return path
}

func streamedWorkbookOf(t testing.TB, table [][]string) string {
	t.Helper()
	book := excelize.NewFile()
	w, err := book.NewStreamWriter("Sheet1")
	require.NoError(t, err)
	for i, cells := range table {
		values := make([]any, len(cells))
		for j, cell := range cells {
			values[j] = cell
		}
		require.NoError(t, w.SetRow(fmt.Sprintf("A%d", i+1), values))
	}
	require.NoError(t, w.Flush())
	path := filepath.Join(t.TempDir(), "in.xlsx")
	require.NoError(t, book.SaveAs(path))
	return path
}

// TestExcelizeDates writes moments with excelize, in both date systems.
func TestExcelizeDates(t *testing.T) {
	t.Parallel()
	moments := []time.Time{
		time.Date(1999, 12, 31, 23, 59, 59, 0, time.UTC),
		time.Date(2024, 2, 29, 14, 30, 1, 0, time.UTC),
		time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC),
		time.Date(9999, 12, 31, 12, 0, 0, 0, time.UTC),
	}
	for _, in1904 := range []bool{false, true} {
		book := excelize.NewFile()
		require.NoError(t, book.SetWorkbookProps(&excelize.WorkbookPropsOptions{Date1904: &in1904}))
		require.NoError(t, book.SetSheetRow("Sheet1", "A1", &[]any{"at"}))
		for i, at := range moments {
			require.NoError(t, book.SetCellValue("Sheet1", fmt.Sprintf("A%d", i+2), at))
		}
		path := filepath.Join(t.TempDir(), "in.xlsx")
		require.NoError(t, book.SaveAs(path))
		for i, r := range readAll(t, open(t, path, extract.Options{})) {
			want, kind := moments[i].Format("2006-01-02T15:04:05"), etl.DateTime
			if i == 2 { // excelize gives a midnight the format of a date
				want, kind = moments[i].Format(time.DateOnly), etl.Date
			}
			require.Equal(t, want, r.Fields[0])
			require.Equal(t, []etl.Kind{kind}, r.Kinds)
		}
	}
}

// FuzzSheet reads anything as the rows of a worksheet.
func FuzzSheet(f *testing.F) {
	f.Add(headerXML + `<row r="5"><c r="A5" s="1"><v>45351.5</v></c><c t="s"><v>0</v></c></row>`)
	f.Add(`<row><c t="inlineStr"><is><r><t>a</t></r></is></c><c><f>A1</f></c></row><row r="3"/>`)
	f.Add(`<row><c r="XFD1" t="d"><v>2024-01-01</v></c></row></sheetData>`)
	f.Fuzz(func(t *testing.T, rows string) {
		src, err := extract.Open(sheetOf(t, rows), extract.Options{})
		if err == nil {
			drain(src)
		}
	})
}

// FuzzNumber checks what is read of a number, under any format.
func FuzzNumber(f *testing.F) {
	f.Add("45351.6041666667", "dd/mm/yyyy hh:mm")
	f.Add("1e-7", "General")
	f.Add("42", `00000\-000;"x"`)
	f.Add("0.5", "[h]:mm:ss.000")
	f.Fuzz(func(t *testing.T, number, format string) {
		path := oneCell(t, "><v>"+number+"</v>", "  "+format, false)
		src, err := extract.Open(path, extract.Options{})
		if err != nil {
			return
		}
		defer src.Close()
		rec, err := src.Next(context.Background())
		var fault *etl.RowError
		if err != nil && !errors.As(err, &fault) || rec.Kind(1) == etl.CellError {
			return
		}
		require.True(t, extract.HasForm(rec.Kind(1), rec.Fields[1]), "kind %d: %q", rec.Kind(1), rec.Fields[1])
	})
}

func TestNothingIsLeftBehind(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	long := strings.Repeat("x", 1<<20-8)
	var texts, rows strings.Builder
	for i := range 40 {
		fmt.Fprintf(&texts, "<si><t>%03d%s</t></si>", i, long)
		fmt.Fprintf(&rows, `<row r="%d"><c t="s"><v>%d</v></c></row>`, i+2, 39-i)
	}
	f, err := extract.Open(handMade(t, map[string]string{
		"xl/sharedStrings.xml":     "<sst>" + texts.String() + "</sst>",
		"xl/worksheets/sheet1.xml": sheetXML(headerXML + rows.String()),
	}), extract.Options{})
	require.NoError(t, err)
	for i, r := range readAll(t, f) {
		require.Equal(t, fmt.Sprintf("%03d", 39-i), r.Fields[0][:3])
		require.Len(t, r.Fields[0], len(long)+3)
	}
	require.NoError(t, f.Close())
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, entry := range left {
		require.True(t, entry.IsDir(), entry.Name())
	}
}
