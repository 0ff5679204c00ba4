package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/internal/raced"
	"github.com/ticketetl/ticketetl/internal/sandbox"
)

// Each ready mapping exports what it has imported, so that an import of the export
// changes nothing, from text as from a workbook, and the next export is the same.
func TestReadyMappingsExportWhatTheyImport(t *testing.T) {
	t.Parallel()
	mappings, err := filepath.Glob("../../mappings/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, mappings)
	for i, mapping := range mappings {
		if i%raced.OneIn(3) != 0 {
			continue
		}
		name := strings.TrimSuffix(filepath.Base(mapping), ".yaml")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, 0, createMapping, sandbox.Options{Limits: sandbox.Unlimited, IndexLag: -1})
			d.imports(t, mapping, "../../samples/"+name+".csv")
			before := d.server.Tickets(false)
			require.NotEmpty(t, before)
			for _, output := range []string{"out.csv", "out.xlsx", "again.csv"} {
				d.out.Reset()
				d.err.Reset()
				require.Equal(t, exitDone, d.exports(t, mapping, output, "--ambiguous", "first"), d.err.String())
				require.Contains(t, d.out.String(), ": each row says what its ticket has.\n")
				said := d.imports(t, mapping, d.path(output))
				require.Contains(t, said, fmt.Sprintf("  %s  unchanged\n", thousands(int64(len(before)))))
				require.Equal(t, before, d.server.Tickets(false))
			}
			first, err := os.ReadFile(d.path("out.csv"))
			require.NoError(t, err)
			again, err := os.ReadFile(d.path("again.csv"))
			require.NoError(t, err)
			require.Equal(t, string(first), string(again))
		})
	}
}

func (d *desk) imports(t *testing.T, mapping, file string) string {
	t.Helper()
	d.out.Reset()
	d.err.Reset()
	require.Equal(t, exitDone, d.run(t.Context(), "x", "import", "-m", mapping, "--runs", d.path("runs"), "--progress", "none", "--yes", file), d.err.String()+d.out.String())
	return d.out.String()
}

func (d *desk) exports(t *testing.T, mapping, output string, more ...string) int {
	return d.run(t.Context(), "x", append([]string{"export", "-m", mapping, "-o", d.path(output), "--progress", "none"}, more...)...)
}
