package main

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/internal/report"
	"github.com/ticketetl/ticketetl/internal/sandbox"
)

// TestMistakes: the file with twenty mistakes gives exactly one error for each,
// which names row, line, column, value and remedy, and nothing of them is sent.
func TestMistakes(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 0, createMapping, sandbox.Options{Limits: sandbox.Unlimited})
	code := d.run(t.Context(), "x", "import", "-m", "../../mappings/chamados.yaml", "--runs", d.path("runs"), "--progress", "none", "../../samples/erros.csv")
	require.Equal(t, exitRows, code, d.err.String())
	folder := runFolderOf(t, d)

	want := expectedMistakes(t)
	var got []report.ErrorRow
	require.NoError(t, report.ReadErrors(filepath.Join(folder, report.ErrorsFile), func(r report.ErrorRow) error {
		if r.Severity == report.SeverityError {
			got = append(got, r)
		}
		return nil
	}))
	require.Len(t, got, 20)
	for i, r := range got {
		w := want[i]
		require.Equal(t, w["row"], strconv.Itoa(r.Row), w["mistake"])
		require.Equal(t, w["line"], strconv.Itoa(r.Line), w["mistake"])
		require.Equal(t, w["column"], r.Column, w["mistake"])
		require.Equal(t, w["header"], r.Header, w["mistake"])
		require.True(t, strings.HasPrefix(r.Value, w["value"]), "%s: %q", w["mistake"], r.Value)
		require.Equal(t, w["code"], r.Code, w["mistake"])
		require.NotEmpty(t, r.Message, w["mistake"])
		require.NotEmpty(t, r.Hint, w["mistake"])
	}
	require.Len(t, d.server.Tickets(false), 11, "the good rows, and no others")
	require.Empty(t, d.server.Violations())
}

func runFolderOf(t *testing.T, d *desk) string {
	t.Helper()
	folders, err := filepath.Glob(d.path("runs/*"))
	require.NoError(t, err)
	require.Len(t, folders, 1)
	return folders[0]
}

func expectedMistakes(t *testing.T) []map[string]string {
	t.Helper()
	f, err := os.Open("../../samples/erros.expected.csv")
	require.NoError(t, err)
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	require.NoError(t, err)
	var all []map[string]string
	for _, cells := range rows[1:] {
		m := map[string]string{}
		for i, name := range rows[0] {
			m[name] = cells[i]
		}
		all = append(all, m)
	}
	return all
}
