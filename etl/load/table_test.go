package load_test

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"
	"github.com/stretchr/testify/require"
	"github.com/xuri/excelize/v2"
	"pgregory.net/rapid"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/etl/load"
)

var tableColumns = []load.Column{
	{Name: "id", Kind: etl.Text}, {Name: "amount", Kind: etl.Number}, {Name: "due", Kind: etl.Date},
	{Name: "opened", Kind: etl.DateTime}, {Name: "vip", Kind: etl.Bool},
}

func values(v ...string) *etl.Record {
	rec := &etl.Record{Key: v[0]}
	for i, c := range tableColumns {
		rec.Properties = append(rec.Properties, etl.Property{Name: c.Name, Value: v[i]})
	}
	return rec
}

var tableRows = []*etl.Record{
	values("900719925474099267", "12.50", "2024-02-29", "2024-02-29T23:59:58", "true"),
	values("=1+1", "-3", "", "1900-01-01T00:00:00", "false"),
	values("two\nlines; \"quoted\", 😀", "123456789012345678", "1899-12-31", "", ""),
	values("", "", "", "", ""),
}

func writeTable(t *testing.T, name string, guard bool, rows []*etl.Record) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	table, err := load.CreateTable(path, load.TableOptions{Columns: tableColumns, Guard: guard})
	require.NoError(t, err)
	out, err := table.Write(t.Context(), rows)
	require.NoError(t, err)
	require.Len(t, out, len(rows))
	require.Equal(t, etl.Exported, out[0].Status)
	_, err = os.Stat(path)
	require.ErrorIs(t, err, os.ErrNotExist, "the file appears when it is complete")
	require.NoError(t, table.Finish())
	require.NoError(t, table.Commit())
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	return path
}

func TestTableCSV(t *testing.T) {
	t.Parallel()
	for _, guard := range []bool{false, true} {
		f, err := os.Open(writeTable(t, "out.csv", guard, tableRows))
		require.NoError(t, err)
		defer f.Close()
		rows, err := csv.NewReader(f).ReadAll()
		require.NoError(t, err)
		require.Equal(t, []string{"id", "amount", "due", "opened", "vip"}, rows[0])
		for i, rec := range tableRows {
			for c, p := range rec.Properties {
				want := p.Value
				if guard && want == "=1+1" {
					want = "'=1+1"
				}
				require.Equal(t, want, rows[i+1][c])
			}
		}
	}
}

func TestTableXLSX(t *testing.T) {
	t.Parallel()
	f, err := excelize.OpenFile(writeTable(t, "out.xlsx", true, tableRows))
	require.NoError(t, err)
	defer f.Close()
	cell := func(name string) string {
		v, err := f.GetCellValue("Tickets", name)
		require.NoError(t, err)
		return v
	}
	kind := func(name string) excelize.CellType {
		v, err := f.GetCellType("Tickets", name)
		require.NoError(t, err)
		return v
	}
	require.Equal(t, "900719925474099267", cell("A2"), "an id is text")
	require.Equal(t, "12.5", cell("B2"))
	require.Equal(t, "2024-02-29", cell("C2"))
	require.Equal(t, "2024-02-29 23:59:58", cell("D2"))
	require.Equal(t, "TRUE", cell("E2"))
	require.Equal(t, "=1+1", cell("A3"), "a text, not a formula")
	formula, err := f.GetCellFormula("Tickets", "A3")
	require.NoError(t, err)
	require.Empty(t, formula)
	require.Equal(t, "two\nlines; \"quoted\", 😀", cell("A4"))
	require.Equal(t, "123456789012345678", cell("B4"), "digits that a number would lose are kept as text")
	require.Equal(t, "1899-12-31", cell("C4"), "a day before the calendar of workbooks is text")
	require.NotEqual(t, excelize.CellTypeInlineString, kind("B2"))
}

func TestTableAbortLeavesWhatWasThere(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "out.csv")
	require.NoError(t, os.WriteFile(path, []byte("old"), 0o600))
	table, err := load.CreateTable(path, load.TableOptions{Columns: tableColumns})
	require.NoError(t, err)
	_, err = table.Write(t.Context(), tableRows)
	require.NoError(t, err)
	require.NoError(t, table.Abort())
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "old", string(data))
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, entries, 1, "nothing is left beside it")
}

func TestTableRefuses(t *testing.T) {
	t.Parallel()
	_, err := load.CreateTable("out.pdf", load.TableOptions{})
	require.EqualError(t, err, `out.pdf: an export is written to .csv, .xlsx, .jsonl, .parquet, each also with .gz or .zst, and ".pdf" is none of them`)
	_, err = load.CreateTable("-", load.TableOptions{})
	require.EqualError(t, err, "to write to standard output, say in which format, e.g. --output-format csv")
	_, err = load.CreateTable("-", load.TableOptions{Format: "pdf"})
	require.EqualError(t, err, `--output-format: "pdf" is not one of .csv, .xlsx, .jsonl, .parquet, each also with .gz or .zst`)

	table, err := load.CreateTable(filepath.Join(t.TempDir(), "out.xlsx"), load.TableOptions{Columns: tableColumns})
	require.NoError(t, err)
	defer func() { _ = table.Abort() }()
	long := values(strings.Repeat("x", 32_768), "", "", "", "")
	long.Key = "7"
	out, err := table.Write(t.Context(), []*etl.Record{tableRows[0], long})
	require.EqualError(t, err, "write ticket 7: column id: a text of 32768 characters does not fit a workbook's cell, which holds 32767; export to .csv instead")
	require.Equal(t, "exported unsent", fmt.Sprint(out[0].Status, " ", out[1].Status))
}

func TestTableLines(t *testing.T) {
	t.Parallel()
	columns := []load.Column{
		{Name: "hs_object_id", Key: "id"}, {Name: "Subject", Group: "properties", Key: "subject"}, {Name: "Amount", Group: "properties", Key: "amount"},
		{Name: "associations.contacts", Group: "associations", Key: "contacts"},
	}
	path := filepath.Join(t.TempDir(), "out.jsonl")
	table, err := load.CreateTable(path, load.TableOptions{Columns: columns, Guard: true})
	require.NoError(t, err)
	for _, cells := range [][]string{{"1", "=1+1 <b> 😀\n\"", "0012.50", "7;8"}, {"2", "", "", ""}} {
		rec := &etl.Record{}
		for _, cell := range cells {
			rec.Properties = append(rec.Properties, etl.Property{Value: cell})
		}
		_, err = table.Write(t.Context(), []*etl.Record{rec})
		require.NoError(t, err)
	}
	require.NoError(t, table.Finish())
	require.NoError(t, table.Commit())
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, `{"id":"1","properties":{"subject":"=1+1 <b> 😀\n\"","amount":"0012.50"},"associations":{"contacts":["7","8"]}}
{"id":"2","properties":{"subject":null,"amount":null},"associations":{"contacts":[]}}
`, string(data))
}

func TestTableParquet(t *testing.T) {
	t.Parallel()
	rows := []*etl.Record{
		values("900719925474099267", "12.50", "2024-02-29", "2024-02-29T23:59:58.125", "true"),
		values("=1+1", "-3", "1899-12-31", "1900-01-01T00:00:00", "false"),
		values("two\nlines 😀", "", "", "", ""),
	}
	f, err := os.Open(writeTable(t, "out.parquet", true, rows))
	require.NoError(t, err)
	defer f.Close()
	r := parquet.NewReader(f)
	defer r.Close()
	var types []string
	for _, field := range r.Schema().Fields() {
		types = append(types, field.Name()+" "+field.Type().String())
	}
	require.Equal(t, []string{"id STRING", "amount DOUBLE", "due DATE", "opened TIMESTAMP(isAdjustedToUTC=true,unit=MILLIS)", "vip BOOLEAN"}, types)

	got := make([]parquet.Row, 4)
	n, err := r.ReadRows(got)
	require.True(t, err == nil || err == io.EOF, "%v", err)
	require.Equal(t, 3, n)
	require.Equal(t, "900719925474099267", got[0][0].String())
	require.Equal(t, 12.5, got[0][1].Double())
	require.Equal(t, int32(19782), got[0][2].Int32())
	require.Equal(t, time.Date(2024, 2, 29, 23, 59, 58, 125e6, time.UTC).UnixMilli(), got[0][3].Int64())
	require.True(t, got[0][4].Boolean())
	require.Equal(t, "=1+1", got[1][0].String())
	require.Equal(t, int32(-25568), got[1][2].Int32())
	require.False(t, got[1][4].Boolean())
	require.Equal(t, "two\nlines 😀", got[2][0].String())
	for _, v := range got[2][1:] {
		require.True(t, v.IsNull())
	}
}

// A column of a Parquet file has one type: what that cannot hold stops the file.
func TestTableParquetRefuses(t *testing.T) {
	t.Parallel()
	for want, rec := range map[string]*etl.Record{
		`write ticket 1: column amount: a double does not hold "123456789012345678" exactly; export with --types text`: values("1", "123456789012345678", "", "", ""),
		`write ticket 1: column due: "soon" is not a date; export with --types text`:                                   values("1", "", "soon", "", ""),
		`write ticket 1: column opened: "soon" is not a date and time; export with --types text`:                       values("1", "", "", "soon", ""),
		`write ticket 1: column vip: "maybe" is neither true nor false; export with --types text`:                      values("1", "", "", "", "maybe"),
	} {
		table, err := load.CreateTable(filepath.Join(t.TempDir(), "out.parquet"), load.TableOptions{Columns: tableColumns})
		require.NoError(t, err)
		_, err = table.Write(t.Context(), []*etl.Record{rec})
		require.EqualError(t, err, want)
		require.NoError(t, table.Abort())
	}
	_, err := load.CreateTable(filepath.Join(t.TempDir(), "out.parquet"), load.TableOptions{Columns: []load.Column{{Name: "a"}, {Name: "a"}}})
	require.EqualError(t, err, `two columns are called "a", which a Parquet file cannot have; write names instead of labels as headers`)
}

func TestTableCompressed(t *testing.T) {
	t.Parallel()
	plain, err := os.ReadFile(writeTable(t, "out.csv", false, tableRows))
	require.NoError(t, err)
	for name, open := range map[string]func(io.Reader) (io.Reader, error){
		"out.csv.gz":  func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) },
		"out.csv.zst": func(r io.Reader) (io.Reader, error) { return zstd.NewReader(r) },
	} {
		f, err := os.Open(writeTable(t, name, false, tableRows))
		require.NoError(t, err)
		defer f.Close()
		r, err := open(f)
		require.NoError(t, err)
		got, err := io.ReadAll(r)
		require.NoError(t, err)
		require.Equal(t, string(plain), string(got), name)
	}
}

func TestTableToStandardOutput(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	table, err := load.CreateTable("-", load.TableOptions{Columns: tableColumns, Format: "csv", Stdout: &out})
	require.NoError(t, err)
	_, err = table.Write(t.Context(), tableRows[:1])
	require.NoError(t, err)
	require.NoError(t, table.Finish())
	require.NoError(t, table.Commit())
	require.Equal(t, "id,amount,due,opened,vip\n900719925474099267,12.50,2024-02-29,2024-02-29T23:59:58,true\n", out.String())
}

// TestWorkbookTexts: whatever text a ticket has, its cell in the workbook's XML means
// the same once the escapes of workbooks are read (as openpyxl.utils.escape and
// ECMA-376 have them, from left to right).
func TestWorkbookTexts(t *testing.T) {
	t.Parallel()
	piece := rapid.SampledFrom([]string{"_", "x", "_x", "x005F", "_x0041_", "x0041_", "_x000d_", "_xD83D_", "_xD83D__xDE00_", "_x00G0_",
		"\x01", "\v", "\r", "\n", "\t", " ", "&", "<", "\uFFFE", "\U0010FFFD", "\U0010FFFE", "\U0010FFFC", "\uFFFD", "😀", "é", "a"})
	rapid.Check(t, func(rt *rapid.T) {
		var texts []string
		for range rapid.IntRange(1, 20).Draw(rt, "rows") {
			texts = append(texts, strings.Join(rapid.SliceOfN(piece, 1, 12).Draw(rt, "text"), ""))
		}
		require.Equal(rt, texts, inlineTexts(t, writeTexts(t, texts)))
	})
	long := make([]string, 3000) // so that the stand-ins come to the edges of what is written at once
	for i := range long {
		long[i] = strings.Repeat("a", i%7) + "_x0041_\v"
	}
	require.Equal(t, long, inlineTexts(t, writeTexts(t, long)))
}

// writeTexts exports tickets whose id, a text, is each of texts.
func writeTexts(t *testing.T, texts []string) string {
	rows := make([]*etl.Record, len(texts))
	for i, text := range texts {
		rows[i] = values(text, "", "", "", "")
	}
	return writeTable(t, "out.xlsx", false, rows)
}

var escapedUnit = regexp.MustCompile(`(_x[0-9A-Fa-f]{4}_)+`)

// inlineTexts are the texts of column A of a workbook, but that of the header.
func inlineTexts(t *testing.T, path string) (texts []string) {
	z, err := zip.OpenReader(path)
	require.NoError(t, err)
	defer z.Close()
	part, err := z.Open("xl/worksheets/sheet1.xml")
	require.NoError(t, err)
	var sheet struct {
		Cells []struct {
			Ref  string `xml:"r,attr"`
			Text string `xml:"is>t"`
		} `xml:"sheetData>row>c"`
	}
	require.NoError(t, xml.NewDecoder(part).Decode(&sheet))
	for _, c := range sheet.Cells {
		if strings.HasPrefix(c.Ref, "A") && c.Ref != "A1" {
			texts = append(texts, escapedUnit.ReplaceAllStringFunc(c.Text, unitsOf))
		}
	}
	return texts
}

func unitsOf(escapes string) string {
	var units []uint16
	for ; escapes != ""; escapes = escapes[len("_x0000_"):] {
		unit, _ := strconv.ParseUint(escapes[2:6], 16, 16) // the expression has made sure
		units = append(units, uint16(unit))
	}
	return string(utf16.Decode(units))
}
