package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/ticketetl/ticketetl/internal/benchdata"
	"github.com/ticketetl/ticketetl/internal/devrun"
	"github.com/ticketetl/ticketetl/internal/sandbox"
)

// start measures the start-up, and the size of the program.
func (b *bench) start(int) error {
	info, err := os.Stat(b.bin)
	if err != nil {
		return err
	}
	quick := *b
	quick.rounds = max(b.rounds, 21)
	err = quick.alone(work{what: "version", name: b.bin, args: []string{"version"}})
	fmt.Printf("The program has %.1f MB.\n", float64(info.Size())/1e6)
	return err
}

// csv checks a CSV beside encoding/csv, and Miller casting the same columns.
func (b *bench) csv(rows int) error {
	file, err := b.file(rows, "csv", benchdata.Write)
	if err != nil {
		return err
	}
	works := []work{
		b.yard("encoding/csv, only reading", rows, "csv", file),
		b.checked("validate CSV, keyed, offline schema", rows, "tickets.yaml", file),
		b.checked("validate CSV, keyless, offline schema", rows, "keyless.yaml", file),
	}
	if err := b.sideBySide(works...); err != nil {
		return err
	}
	return b.miller(rows, file, works[0])
}

// maxMiller is the most rows that Miller is given: it takes some forty times as long.
const maxMiller = 100_000

func (b *bench) miller(rows int, file string, yard work) error {
	mlr, err := exec.LookPath("mlr")
	switch {
	case err != nil:
		fmt.Println("Miller (mlr) is not installed: skipped.")
		return nil
	case rows > maxMiller:
		return nil
	}
	cast := `created = strptime($Created, "%Y-%m-%d %H:%M:%S"); due = strptime(${Due Date}, "%d/%m/%Y"); amount = float($Amount); tags = splitax($Category, ";")`
	return b.sideBySide(yard, work{what: "Miller, casting the same columns", rows: rows, name: mlr, args: []string{"--icsv", "--ojson", "put", "-q", cast, file}})
}

// large is csv without what would take too long: it is for the peak of memory.
func (b *bench) large(rows int) error {
	file, err := b.file(rows, "csv", benchdata.Write)
	if err != nil {
		return err
	}
	once := *b
	once.rounds = 1
	return once.sideBySide(
		b.yard("encoding/csv, only reading", rows, "csv", file),
		b.checked("validate CSV, keyed, offline schema", rows, "tickets.yaml", file),
		b.checked("validate CSV, keyless, offline schema", rows, "keyless.yaml", file))
}

func (b *bench) xlsx(rows int) error {
	file, err := b.file(rows, "xlsx", b.workbook)
	if err != nil {
		return err
	}
	return b.sideBySide(
		b.yard("excelize, only iterating the rows", rows, "xlsx", file),
		b.yard("archive/zip, only unpacking", rows, "unzip", file),
		b.yard("read XLSX into records", rows, "records", file),
		b.checked("validate XLSX, offline schema", rows, "tickets.yaml", file))
}

// workbook writes a workbook in a process of its own: the system counts the most
// memory that this one has had for that of each process which it starts.
func (b *bench) workbook(path string, rows int) error {
	return exec.Command(b.self, "-workbook", path, "-rows", fmt.Sprint(rows)).Run()
}

// imports loads a file into an account that keeps nothing and answers at once, so
// that the figure is ours, and then into the sandbox, which stores and compares.
func (b *bench) imports(rows int) error {
	file, err := b.file(rows, "csv", benchdata.Write)
	if err != nil {
		return err
	}
	url, stop, err := devrun.Hollow(0)
	if err != nil {
		return err
	}
	err = b.alone(
		b.imported("import CSV, upsert, all new, hollow account", rows, "tickets.yaml", url, file),
		b.imported("import CSV, create, keyless, hollow account", rows, "keyless.yaml", url, file))
	stop()
	if err != nil {
		return err
	}
	return b.withSandbox(func(url string) error {
		once := *b
		once.rounds = 1 // of new tickets; then they are there
		if err := once.alone(b.imported("import CSV, upsert, all new, sandbox", rows, "tickets.yaml", url, file)); err != nil {
			return err
		}
		return b.alone(b.imported("import CSV, upsert, all unchanged, sandbox", rows, "tickets.yaml", url, file))
	}, "--no-limits", "--index-lag", "0s")
}

func (b *bench) imported(what string, rows int, mapping, url, file string) work {
	w := b.own(what, rows, "import", "-m", b.path(mapping), "--runs", b.path("runs"), "--again", "--yes", file)
	w.env = accountAt(url)
	return w
}

func accountAt(url string) []string {
	return []string{"HUBSPOT_BASE_URL=" + url, "HUBSPOT_ACCESS_TOKEN=bench"}
}

func (b *bench) withSandbox(do func(url string) error, flags ...string) error {
	url, stop, err := devrun.Sandbox(b.bin, flags...)
	if err != nil {
		return err
	}
	defer stop()
	return do(url)
}

// exports writes the tickets of an account that renders them once, when they are
// first listed, so that the figure is ours; and then those of the sandbox.
func (b *bench) exports(rows int) error {
	file, err := b.file(rows, "csv", benchdata.Write)
	if err != nil {
		return err
	}
	url, stop, err := devrun.Started(b.self, "account") // of which the memory is not to count
	if err != nil {
		return err
	}
	err = b.exported(rows, file, url, "rendered once")
	stop()
	if err != nil {
		return err
	}
	return b.withSandbox(func(url string) error { return b.exported(rows, file, url, "sandbox") }, "--no-limits", "--index-lag", "0s")
}

// exported fills an account and exports it, once more than is measured: the first
// time is the account's.
func (b *bench) exported(rows int, file, url, account string) error {
	if _, err := b.run(b.imported("", rows, "tickets.yaml", url, file)); err != nil {
		return err
	}
	var works []work
	for _, kind := range []string{"csv", "xlsx"} {
		w := b.own("export to "+kind+", "+account, rows, "export", "-o", b.path("out."+kind))
		w.env = accountAt(url)
		works = append(works, w)
	}
	if _, err := b.run(works[0]); err != nil {
		return err
	}
	return b.alone(works...)
}

// The limit that an import is measured under.
const (
	perWindow   = 190 // of ten seconds
	limitedRows = 50_000
)

// limited loads new tickets under the limit of an account, with answers that take
// their time, and says how much of what the limit allows was used.
func (b *bench) limited(int) error {
	file, err := b.file(limitedRows, "csv", benchdata.Write)
	if err != nil {
		return err
	}
	account, err := sandbox.New(sandbox.Options{
		Limits: sandbox.Limits{PerTenSeconds: perWindow}, IndexLag: -1, Latency: sandbox.Range{Min: 50 * time.Millisecond, Max: 400 * time.Millisecond},
	})
	if err != nil {
		return err
	}
	record, url, stop, err := devrun.Recorded(account)
	if err != nil {
		return err
	}
	w := b.imported("import CSV, upsert, all new, 190 calls in 10 s", limitedRows, "tickets.yaml", url, file)
	s, err := b.run(w)
	stop()
	if err = errors.Join(err, account.Close(), os.RemoveAll(b.path("runs"))); err != nil {
		return err
	}
	row(w, s, s)
	r := record.Sum(perWindow)
	fmt.Printf("%d calls, %.2f in 1,000 answered 429; %.1f %% used of what the limit allows once the first window is over; %.1f %% of the time is the least in which so many calls are allowed; %.1f %% of one core.\n",
		r.Calls, 1000*r.Refused, 100*r.Use, 100*r.Least, 100*s.cpu.Seconds()/s.wall.Seconds())
	return nil
}
