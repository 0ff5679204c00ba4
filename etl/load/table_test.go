package load_test

import (
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/xuri/excelize/v2"

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
	require.EqualError(t, err, `out.pdf: an export is written to .csv or .xlsx, and ".pdf" is neither`)

	table, err := load.CreateTable(filepath.Join(t.TempDir(), "out.xlsx"), load.TableOptions{Columns: tableColumns})
	require.NoError(t, err)
	defer func() { _ = table.Abort() }()
	out, err := table.Write(t.Context(), []*etl.Record{tableRows[0], values(strings.Repeat("x", 32_768), "", "", "", "")})
	require.EqualError(t, err, "write row 3: column id: a text of 32768 characters does not fit a workbook's cell, which holds 32767; export to .csv instead")
	require.Equal(t, "exported unsent", fmt.Sprint(out[0].Status, " ", out[1].Status))
}
