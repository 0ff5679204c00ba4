package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/ticketetl/ticketetl/internal/devrun"
	"github.com/ticketetl/ticketetl/internal/journal"
	"github.com/ticketetl/ticketetl/internal/report"
)

// measure imports a file of so many rows in two attempts, of which the first is
// stopped half way by the daily limit, and says how much memory, disk and time
// each took.
func measure(ctx context.Context, bin string, rows int64, key bool, w io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "torture-large")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	v := variant{operation: "create"}
	if key {
		v.key = externalID
	}
	file := filepath.Join(dir, "large.csv")
	if err := errors.Join(writeLarge(file, rows), os.WriteFile(filepath.Join(dir, "large.yaml"), []byte(v.mapping()), 0o600)); err != nil {
		return err
	}
	url, stop, err := devrun.Hollow(rows / 2)
	if err != nil {
		return err
	}
	defer stop()
	for _, code := range []int{5, 0} {
		cmd := exec.CommandContext(ctx, bin, "import", "-m", filepath.Join(dir, "large.yaml"), "--base-url", url,
			"--runs", filepath.Join(dir, "runs"), "--progress", "none", "--yes", file)
		cmd.Env = append(os.Environ(), "HUBSPOT_ACCESS_TOKEN=x")
		began := time.Now()
		if out, err := cmd.CombinedOutput(); cmd.ProcessState.ExitCode() != code {
			return fmt.Errorf("exit %d, not %d: %w\n%s", cmd.ProcessState.ExitCode(), code, err, out)
		}
		if err := tellLarge(w, dir, time.Since(began), cmd.ProcessState); err != nil {
			return err
		}
	}
	return nil
}

// tellLarge prints what an attempt took.
func tellLarge(w io.Writer, dir string, wall time.Duration, state *os.ProcessState) error {
	folders, err := filepath.Glob(filepath.Join(dir, "runs", "*"))
	if err != nil || len(folders) != 1 {
		return fmt.Errorf("%d run folders: %w", len(folders), err)
	}
	s, err := report.LoadSummary(folders[0])
	if err != nil {
		return err
	}
	if created := s.Counts["created"]; !s.ChecksOut || state.ExitCode() == 0 && created != s.RowsRead {
		return fmt.Errorf("of %d rows %v", s.RowsRead, s.Counts)
	}
	const mib = 1 << 20
	peak := state.SysUsage().(*syscall.Rusage).Maxrss // KiB on Linux
	fmt.Fprintf(w, "%d rows (%d MiB), exit %d with %d created: %s, %.0f CPU s, peak memory %d MiB, journal %d MiB, results.csv %d MiB\n",
		s.RowsRead, fileSize(dir, "large.csv")/mib, state.ExitCode(), s.Counts["created"], wall.Round(time.Second),
		(state.UserTime() + state.SystemTime()).Seconds(), peak>>10,
		(fileSize(folders[0], journal.File)+fileSize(folders[0], journal.File+"-wal"))/mib, fileSize(folders[0], report.ResultsFile)/mib)
	return nil
}

// fileSize is in bytes; 0 where there is no such file.
func fileSize(dir, name string) int64 {
	info, err := os.Stat(filepath.Join(dir, name))
	if err != nil {
		return 0
	}
	return info.Size()
}

// writeLarge writes a CSV of so many rows.
func writeLarge(path string, rows int64) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	_, _ = w.WriteString(strings.Join(columns, ",") + "\n") // its error stays until Flush
	for i := range rows {
		_, _ = fmt.Fprintf(w, ",T-%d,Ticket %d,the printer on floor %d says no,High,\n", i, i, i%40)
	}
	return errors.Join(w.Flush(), f.Close())
}
