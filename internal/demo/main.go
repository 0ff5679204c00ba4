// Command demo shows the main job on real input: it serves a sandbox account,
// imports the samples, shows the report, exports the tickets to a workbook, and
// compares that workbook with the sample file cell by cell. The comparison
// reads both files by itself and shares no code with the import.
//
//	go run ./internal/demo -bin bin/ticketetl
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/ticketetl/ticketetl/internal/devrun"
)

const (
	mapping  = "mappings/chamados.yaml"
	asCSV    = "samples/chamados.csv"
	asXLSX   = "samples/chamados.xlsx"
	mistakes = "samples/erros.csv"
)

func main() {
	bin := flag.String("bin", "bin/ticketetl", "the program to show")
	dir := flag.String("dir", "demo", "where the demo's files go; the folder is made anew")
	flag.Parse()
	if err := demo(*bin, *dir); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func demo(bin, dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	url, stop, err := devrun.Sandbox(bin, "--limit", "190") // with HubSpot's limits
	if err != nil {
		return err
	}
	defer stop()
	d := &stage{bin: bin, dir: dir, env: append(os.Environ(), "HUBSPOT_BASE_URL="+url, "HUBSPOT_ACCESS_TOKEN=demo")}

	d.say("A CSV of 1,000 tickets is checked, shown and imported into a sandbox account.")
	d.run(0, "import", "-m", mapping, asCSV)
	d.say("The same tickets as a workbook: each one is there already, so nothing is sent.")
	d.run(0, "import", "-m", mapping, asXLSX)
	d.say("A file with twenty mistakes: each is named with its cell and the way out (exit code 3).")
	d.run(3, "validate", "-m", mapping, mistakes)
	d.say("What the runs did.")
	d.run(0, "runs")
	d.say("The tickets are exported to a workbook.")
	exported := filepath.Join(dir, "exported.xlsx")
	d.run(0, "export", "-o", exported, "--associations", "contacts,companies")
	if d.err != nil {
		return d.err
	}
	d.say("The workbook is compared with the file that was imported, cell by cell.")
	return compare(asCSV, exported)
}

// stage runs commands one after another until one ends as it should not.
type stage struct {
	bin, dir string
	env      []string
	err      error
}

func (d *stage) say(text string) {
	if d.err == nil {
		fmt.Printf("\n=== %s\n", text)
	}
}

func (d *stage) run(want int, args ...string) {
	if d.err != nil {
		return
	}
	fmt.Printf("\n$ ticketetl %s\n", strings.Join(args, " "))
	if args[0] != "export" {
		args = append(args, "--runs", filepath.Join(d.dir, "runs"))
	}
	cmd := exec.Command(d.bin, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = d.env, os.Stdout, os.Stderr
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case err != nil && !errors.As(err, &exit):
		d.err = err
	case cmd.ProcessState.ExitCode() != want:
		d.err = fmt.Errorf("ticketetl %s ended with exit code %d, want %d", args[0], cmd.ProcessState.ExitCode(), want)
	}
}
