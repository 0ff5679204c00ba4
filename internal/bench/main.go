// Command bench times whole runs of ticketetl over generated files, and prints for
// each the rows per second, CPU seconds, peak memory, and how many times as long it
// took as a yardstick: a process that does the least that such a run must do. The
// two take turns, and of several runs the medians are printed.
//
//	go run ./internal/bench -bin bin/ticketetl -rows 100000,1000000
//	go run ./internal/bench -only large -rows 10000000
//	go run ./internal/bench -rows 1048575 -workbook large.xlsx
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/ticketetl/ticketetl/internal/benchdata"
	"github.com/ticketetl/ticketetl/internal/devrun"
)

// A bench is what is measured, and with what.
type bench struct {
	bin    string // the program
	self   string // this one, which has the yardsticks
	dir    string // where files are kept
	rounds int
}

func main() {
	if len(os.Args) == 4 && os.Args[1] == "yardstick" {
		fail(yardstick(os.Args[2], os.Args[3]))
		return
	}
	if len(os.Args) == 2 && os.Args[1] == "account" {
		fail(account())
		return
	}
	bin := flag.String("bin", "bin/ticketetl", "the program to measure")
	rows := flag.String("rows", "100000", "rows of the generated files, parted by commas")
	rounds := flag.Int("runs", 3, "runs of each, of which the medians are printed")
	only := flag.String("only", "start,csv,xlsx,import,export,limit", "what to measure: some of these, or large, parted by commas")
	dir := flag.String("dir", "bench-data", "where generated files are kept")
	workbook := flag.String("workbook", "", "only write a workbook of so many rows, to this file")
	flag.Parse()
	sizes, err := numbers(*rows)
	fail(err)
	if *workbook != "" {
		fail(writeWorkbook(*workbook, sizes[0]))
		return
	}
	b := &bench{dir: *dir, rounds: max(*rounds, 1)}
	if b.bin, err = filepath.Abs(*bin); err == nil {
		b.self, err = os.Executable()
	}
	fail(err)
	fail(b.all(strings.Split(*only, ","), sizes))
}

// account serves an account that renders its tickets once, until it is interrupted.
func account() error {
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, os.Interrupt) // also where a shell has it ignored
	url, stop, err := devrun.Still()
	if err != nil {
		return err
	}
	defer stop()
	fmt.Println(url)
	<-ended
	return nil
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func numbers(list string) (all []int, err error) {
	for _, text := range strings.Split(list, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("-rows %q: numbers of rows, parted by commas", list)
		}
		all = append(all, n)
	}
	return all, nil
}

// all measures the parts that are named, with files of each size.
func (b *bench) all(only []string, sizes []int) error {
	if err := b.prepare(); err != nil {
		return err
	}
	parts := []struct {
		name string
		once bool // not for each size
		do   func(rows int) error
	}{
		{"start", true, b.start},
		{"csv", false, b.csv},
		{"large", false, b.large},
		{"xlsx", true, b.xlsx},
		{"import", true, b.imports},
		{"export", true, b.exports},
		{"limit", true, b.limited},
	}
	head()
	for _, part := range parts {
		if !slices.Contains(only, part.name) {
			continue
		}
		for i, rows := range sizes {
			if i > 0 && part.once {
				break
			}
			if err := part.do(rows); err != nil {
				return err
			}
		}
	}
	return nil
}

// prepare writes the mappings and the definitions of the account.
func (b *bench) prepare() error {
	if err := os.MkdirAll(b.dir, 0o755); err != nil {
		return err
	}
	keyless := strings.Replace(string(benchdata.Mapping), "operation: upsert", "operation: create", 1)
	keyless = strings.Replace(keyless, "key: {property: external_id, column: Ticket ID}\n", "", 1)
	for name, text := range map[string]string{"tickets.yaml": string(benchdata.Mapping), "keyless.yaml": keyless} {
		if err := os.WriteFile(b.path(name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	out, err := exec.Command(b.bin, "schema", "--sandbox", "-o", b.path("schema.json")).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ticketetl schema: %w\n%s", err, out)
	}
	return nil
}

func (b *bench) path(name string) string { return filepath.Join(b.dir, name) }

// file makes the file of so many rows, unless it is there.
func (b *bench) file(rows int, kind string, write func(string, int) error) (string, error) {
	path := b.path(fmt.Sprintf("tickets-%d.%s", rows, kind))
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	part := path + ".part" // of a file that another run has not finished, nothing is taken
	if err := write(part, rows); err != nil {
		return "", err
	}
	return path, os.Rename(part, path)
}
