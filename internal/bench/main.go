// Command bench times whole runs of ticketetl over generated files against a
// sandbox account without limits, and prints for each the rows per second, CPU
// seconds and peak memory, beside a yardstick measured in the same run.
//
//	go run ./internal/bench -bin bin/ticketetl -rows 100000
//	go run ./internal/bench -rows 1048575 -workbook large.xlsx
package main

import (
	"encoding/csv"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/ticketetl/ticketetl/internal/benchdata"
	"github.com/ticketetl/ticketetl/internal/devrun"
)

func main() {
	bin := flag.String("bin", "bin/ticketetl", "the program to measure")
	rows := flag.Int("rows", 100_000, "rows of the generated file")
	dir := flag.String("dir", "bench-data", "where generated files are kept")
	workbook := flag.String("workbook", "", "only write a workbook of so many rows, to this file")
	flag.Parse()
	if *workbook != "" {
		if err := writeWorkbook(*workbook, *rows); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	}
	if err := bench(*bin, *dir, *rows); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func bench(bin, dir string, rows int) error {
	bin, err := filepath.Abs(bin)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	file, err := inputs(dir, rows)
	if err != nil {
		return err
	}
	url, stop, err := devrun.Sandbox(bin, "--no-limits", "--index-lag", "0s")
	if err != nil {
		return err
	}
	defer stop()
	fmt.Printf("%d rows, %s\n%-34s %10s %9s %9s %11s\n", rows, file, "what", "rows/s", "wall s", "CPU s", "peak MiB")
	if err := yardstick(file, rows); err != nil {
		return err
	}
	return runs(bin, dir, url, file, rows)
}

// inputs makes the CSV and the mapping, unless they are there.
func inputs(dir string, rows int) (string, error) {
	if err := os.WriteFile(filepath.Join(dir, "tickets.yaml"), benchdata.Mapping, 0o644); err != nil {
		return "", err
	}
	file := filepath.Join(dir, fmt.Sprintf("tickets-%d.csv", rows))
	if _, err := os.Stat(file); err == nil {
		return file, nil
	}
	return file, benchdata.Write(file, rows)
}

// yardstick reads the file with encoding/csv alone.
func yardstick(file string, rows int) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	began := time.Now()
	r := csv.NewReader(f)
	r.ReuseRecord = true
	for {
		if _, err := r.Read(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return err
		}
	}
	wall := time.Since(began).Seconds()
	fmt.Printf("%-34s %10.0f %9.2f %9s %11s\n", "encoding/csv, only reading", float64(rows)/wall, wall, "–", "–")
	return nil
}

func runs(bin, dir, url, file string, rows int) error {
	schema := filepath.Join(dir, "schema.json")
	mapping := filepath.Join(dir, "tickets.yaml")
	folder := filepath.Join(dir, "runs")
	commands := []struct {
		what string
		args []string
	}{
		{"", []string{"schema", "-o", schema}},
		{"validate, offline schema", []string{"validate", "-m", mapping, "--schema", schema, "--runs", folder, file}},
		{"import (upsert, all new)", []string{"import", "-m", mapping, "--runs", folder, "--yes", file}},
		{"import (upsert, all unchanged)", []string{"import", "-m", mapping, "--runs", folder, "--yes", file}},
		{"export to CSV", []string{"export", "-o", filepath.Join(dir, "out.csv")}},
		{"export to XLSX", []string{"export", "-o", filepath.Join(dir, "out.xlsx")}},
	}
	for _, c := range commands {
		if err := measure(bin, url, c.what, rows, c.args...); err != nil {
			return err
		}
	}
	return os.RemoveAll(folder)
}

func measure(bin, url, what string, rows int, args ...string) error {
	cmd := exec.Command(bin, append(args, "--progress", "none")...)
	cmd.Env = append(os.Environ(), "HUBSPOT_BASE_URL="+url, "HUBSPOT_ACCESS_TOKEN=bench")
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	began := time.Now()
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("ticketetl %s: %w\n%s", strings.Join(args, " "), err, said.String())
	}
	if what == "" {
		return nil
	}
	wall := time.Since(began).Seconds()
	state := cmd.ProcessState
	peak := state.SysUsage().(*syscall.Rusage).Maxrss // KiB on Linux
	fmt.Printf("%-34s %10.0f %9.2f %9.2f %11.0f\n", what, float64(rows)/wall, wall,
		(state.UserTime() + state.SystemTime()).Seconds(), float64(peak)/1024)
	return nil
}
