package samplegen_test

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/xuri/excelize/v2"

	"github.com/ticketetl/ticketetl/internal/samplegen"
	"github.com/ticketetl/ticketetl/internal/sandbox"
)

const samples = "../../samples"

// A failure here means: run go run ./internal/samplegen/cmd -o samples.
func TestCommittedSamplesAreThoseOfTheGenerator(t *testing.T) {
	t.Parallel()
	fresh := t.TempDir()
	require.NoError(t, samplegen.Write(fresh))
	names, err := os.ReadDir(fresh)
	require.NoError(t, err)
	require.Len(t, names, 12)

	for _, entry := range names {
		t.Run(entry.Name(), func(t *testing.T) {
			t.Parallel()
			want, got := filepath.Join(fresh, entry.Name()), filepath.Join(samples, entry.Name())
			if filepath.Ext(entry.Name()) == ".xlsx" {
				require.Equal(t, sheetRows(t, want, "Leia-me"), sheetRows(t, got, "Leia-me"))
				require.Equal(t, sheetRows(t, want, "Chamados"), sheetRows(t, got, "Chamados"))
				return
			}
			require.Equal(t, read(t, want), read(t, got))
		})
	}
}

func TestWriteNamesTheFolderThatIsNotThere(t *testing.T) {
	t.Parallel()
	require.ErrorIs(t, samplegen.Write(filepath.Join(t.TempDir(), "missing")), os.ErrNotExist)
}

func TestTicketsAreConsistent(t *testing.T) {
	t.Parallel()
	w := sandbox.DefaultWorld()
	numbers, protocols := map[string]bool{}, map[string]bool{}
	for _, ticket := range samplegen.Tickets(w, 1000) {
		require.False(t, numbers[ticket.Number], ticket.Number)
		require.False(t, protocols[ticket.Protocol], ticket.Protocol)
		numbers[ticket.Number], protocols[ticket.Protocol] = true, true

		require.Len(t, ticket.Protocol, 18)
		require.Len(t, ticket.PostalCode, 8)
		require.NotEmpty(t, ticket.Subject)
		require.True(t, ticket.Closed.IsZero() || ticket.Closed.After(ticket.Opened), ticket.Number)
		require.False(t, ticket.Agent.Archived, ticket.Number)
		if ticket.Agent.ID != "" {
			require.Len(t, w.Schema.MatchOwners(ticket.Agent.Name()), 1, ticket.Number)
		}
	}
}

func TestChamadosAreAsBrazilianExcelSavesThem(t *testing.T) {
	t.Parallel()
	text := read(t, filepath.Join(samples, "chamados.csv"))
	require.True(t, strings.HasPrefix(text, "\ufeffNº do chamado;Assunto;"), "byte order mark")
	require.True(t, strings.HasSuffix(text, "\r\n"))
	rows := semicolons(t, text)
	require.Len(t, rows, 1001)
	require.Equal(t, 1001, strings.Count(text, "\r\n"), "CRLF ends rows only")

	for _, hidden := range []string{`"`, ";", "\t", "\n", "🙂", "ção", "=SOMA", "\n- "} {
		found := false
		for _, row := range rows[1:] {
			found = found || strings.Contains(row[1]+"\x00"+row[2], hidden)
		}
		require.True(t, found, "no text holds %q", hidden)
	}
	zeros := 0
	for _, row := range rows[1:] {
		require.NotEmpty(t, row[0])
		if strings.HasPrefix(row[20], "0") {
			zeros++
		}
	}
	require.Positive(t, zeros, "postal codes with leading zeros")
}

func TestWorkbookHasDatesNumbersAndTextAsPeopleLeaveThem(t *testing.T) {
	t.Parallel()
	f, err := excelize.OpenFile(filepath.Join(samples, "chamados.xlsx"))
	require.NoError(t, err)
	defer f.Close()
	require.Equal(t, []string{"Leia-me", "Chamados"}, f.GetSheetList())

	kinds := map[string]map[excelize.CellType]int{}
	for _, column := range []string{"N", "Q", "U", "V"} {
		kinds[column] = map[excelize.CellType]int{}
		for row := 2; row <= 1001; row++ {
			cell, err := excelize.JoinCellName(column, row)
			require.NoError(t, err)
			value, err := f.GetCellValue("Chamados", cell)
			require.NoError(t, err)
			if value == "" {
				continue
			}
			kind, err := f.GetCellType("Chamados", cell)
			require.NoError(t, err)
			kinds[column][kind]++
		}
	}
	require.Len(t, kinds["N"], 1, "each opening time is a date")
	require.NotContains(t, kinds["N"], excelize.CellTypeInlineString)
	require.Len(t, kinds["Q"], 2, "hours are numbers here and text there")
	require.Equal(t, map[excelize.CellType]int{excelize.CellTypeInlineString: 1000}, kinds["U"], "postal codes are text")
	require.Equal(t, map[excelize.CellType]int{excelize.CellTypeInlineString: 1000}, kinds["V"], "protocols are text")
}

func TestMistakesAreOfTwentyKinds(t *testing.T) {
	t.Parallel()
	rows := commas(t, filepath.Join(samples, "erros.expected.csv"))
	require.Equal(t, []string{"row", "line", "column", "header", "value", "code", "mistake"}, rows[0])
	require.Len(t, rows, 21)
	kinds, places := map[string]bool{}, map[string]bool{}
	for _, row := range rows[1:] {
		kinds[row[6]], places[row[0]] = true, true
	}
	require.Len(t, kinds, 20, "each mistake is of a kind of its own")
	require.Len(t, places, 20, "each stands in a row of its own")
}

func sheetRows(t *testing.T, path, sheet string) [][]string {
	t.Helper()
	f, err := excelize.OpenFile(path)
	require.NoError(t, err)
	defer f.Close()
	rows, err := f.GetRows(sheet)
	require.NoError(t, err)
	require.NotEmpty(t, rows)
	return rows
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(data)
}

func semicolons(t *testing.T, text string) [][]string {
	t.Helper()
	r := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, "\ufeff")))
	r.Comma = ';'
	rows, err := r.ReadAll()
	require.NoError(t, err)
	return rows
}

func commas(t *testing.T, path string) [][]string {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(read(t, path))).ReadAll()
	require.NoError(t, err)
	return rows
}
