package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"
	"github.com/xuri/excelize/v2"
	"golang.org/x/term"
)

func TestMain(m *testing.M) {
	_ = os.Setenv(raceDetector, shortSleep) // of the programs that tests start
	testscript.Main(m, map[string]func(){
		"ticketetl": func() {
			log := &logWriter{out: os.Stderr}
			s := streams{in: os.Stdin, out: os.Stdout, err: log, env: os.LookupEnv, inTerm: term.IsTerminal(int(os.Stdin.Fd()))}
			ctx, stop, interrupted := watchSignals(log)
			s.stop, s.interrupts = stop, interrupted
			os.Exit(run(ctx, os.Args[1:], s))
		},
	})
}

// With the race detector a program sleeps for a second before it ends, so that
// other goroutines may still come into a race. Hundreds of programs are started.
const (
	raceDetector = "GORACE"
	shortSleep   = "atexit_sleep_ms=20"
)

// TestScripts runs whole commands: each file of testdata/script is a case, with
// its input, its commands and what they must print. A case needs no Go.
func TestScripts(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("SAMPLES", filepath.Join(root, "samples"))
			env.Setenv("MAPPINGS", filepath.Join(root, "mappings"))
			env.Setenv(raceDetector, shortSleep)
			return nil
		},
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "workbook": makeWorkbook},
	})
}

// makeWorkbook makes a workbook whose sheets are CSV files:
//
//	workbook OUT.xlsx NAME=FILE.csv…
func makeWorkbook(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: workbook OUT.xlsx NAME=FILE.csv...")
	}
	book := excelize.NewFile()
	for _, arg := range args[1:] {
		name, file, _ := strings.Cut(arg, "=")
		_, err := book.NewSheet(name)
		ts.Check(err)
		rows, err := csv.NewReader(strings.NewReader(ts.ReadFile(file))).ReadAll()
		ts.Check(err)
		for i, row := range rows {
			ts.Check(book.SetSheetRow(name, fmt.Sprintf("A%d", i+1), &row))
		}
	}
	ts.Check(book.DeleteSheet("Sheet1"))
	ts.Check(book.SaveAs(ts.MkAbs(args[0])))
}

// exits runs a command that must end with a given exit code:
//
//	exits 3 ticketetl validate …
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND...")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := "0"
	if err != nil {
		var ok bool
		if code, ok = exitCode(err); !ok {
			ts.Fatalf("%s: %v", args[1], err)
		}
	}
	if code != args[0] {
		ts.Fatalf("%s: exit code %s, want %s", args[1], code, args[0])
	}
}

func TestRunWithoutArgumentsShowsHelp(t *testing.T) {
	t.Parallel()
	var out stringWriter
	code := run(context.Background(), nil, streams{out: &out, err: &out, env: func(string) (string, bool) { return "", false }})
	require.Equal(t, exitDone, code)
	require.Contains(t, string(out), "Exit status: 0 all done")
}

type stringWriter []byte

func (w *stringWriter) Write(p []byte) (int, error) { *w = append(*w, p...); return len(p), nil }

func exitCode(err error) (string, bool) {
	var exit interface{ ExitCode() int }
	if !errors.As(err, &exit) {
		return "", false
	}
	return strconv.Itoa(exit.ExitCode()), true
}
