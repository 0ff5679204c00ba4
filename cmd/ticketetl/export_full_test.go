//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/internal/raced"
	"github.com/ticketetl/ticketetl/internal/sandbox"
)

// Where files cannot grow, as on a full disk, an export says so once and leaves what
// was there; once there is room, the same command carries on.
func TestExportToAFullDisk(t *testing.T) {
	t.Parallel()
	o := newOffice(t, 31, sandbox.Options{IndexLag: -1})
	o.create(t, 1500)
	for i, name := range []string{"out.csv", "out.xlsx", "out.parquet"} {
		if i%raced.OneIn(3) != 0 {
			continue
		}
		o.export(t, "full-"+name)
		require.NoError(t, os.WriteFile(o.path(name), []byte("what was there"), 0o600))
		stopped := 0
		for blocks := 1; blocks < 800; blocks = blocks*2 + 7 { // of 512 bytes
			code, said := o.limited(t, blocks, name)
			if code == exitDone {
				break
			}
			require.Equal(t, exitStopped, code, said)
			require.Contains(t, said, "the disk is full (")
			require.Contains(t, said, name+" was not written. Make room. Run the same command again")
			data, err := os.ReadFile(o.path(name))
			require.NoError(t, err)
			require.Equal(t, "what was there", string(data))
			stopped++
		}
		require.GreaterOrEqual(t, stopped, 3)
		o.export(t, name)
		o.requireSame(t, "full-"+name, name)
		require.NoDirExists(t, o.path(name+partSuffix))
	}
}

// A disk that gets full when the output is in its place already, and the state is not, is
// told as one, with the exit code of runs that the same command carries on.
func TestDiskFullAfterTheOutput(t *testing.T) {
	t.Parallel()
	err := recorded(fmt.Errorf("out.csv is written, but not its manifest: %w", &os.PathError{Op: "write", Path: "out.csv.manifest.json", Err: syscall.ENOSPC}))
	require.EqualError(t, err, "the disk is full: out.csv is written, but not its manifest: write out.csv.manifest.json: no space left on device. Make room. Run the same command again")
	var exit *exitError
	require.ErrorAs(t, err, &exit)
	require.Equal(t, exitStopped, exit.code)
	other := errors.New("out.csv is written, but not its manifest: permission denied")
	require.Equal(t, other, recorded(other))
}

// limited exports with a bound on how large a file may grow.
func (o *office) limited(t *testing.T, blocks int, name string) (code int, said string) {
	t.Helper()
	script := fmt.Sprintf(`trap '' XFSZ; ulimit -f %d; exec ticketetl export -o %q --progress none --properties %s`, blocks, o.path(name), officeProperties)
	cmd := exec.CommandContext(t.Context(), "sh", "-c", script)
	cmd.Env = append(os.Environ(), "HUBSPOT_ACCESS_TOKEN=x", "HUBSPOT_BASE_URL="+o.url)
	var shown bytes.Buffer
	cmd.Stdout, cmd.Stderr = &shown, &shown
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode(), shown.String()
	}
	require.NoError(t, err)
	return exitDone, shown.String()
}
