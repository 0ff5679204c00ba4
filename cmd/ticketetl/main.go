// Command ticketetl moves HubSpot tickets in and out of spreadsheets.
//
// Each command is three pieces: its flags, its options, and run…, which can be
// read from top to bottom. There is no record logic here; it wires the steps of
// etl.Run together, shows progress, and turns the end of a run into words and
// an exit code.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/term"
)

// streams are the process's standard streams and what they are connected to.
type streams struct {
	in         io.Reader
	out, err   io.Writer
	inTerm     bool // a person can answer on in
	errTerm    bool // progress may be drawn on err
	outTerm    bool // colour may be used on out
	width      int  // of err, in columns
	env        func(string) (string, bool)
	stop       <-chan struct{} // closed at the first interrupt: finish what is under way
	interrupts func() bool     // an interrupt has come
}

func main() {
	log := &logWriter{out: os.Stderr}
	ctx, stop, interrupted := watchSignals(log)
	s := streams{
		in: os.Stdin, out: os.Stdout, err: log,
		inTerm:  term.IsTerminal(int(os.Stdin.Fd())),
		outTerm: term.IsTerminal(int(os.Stdout.Fd())),
		errTerm: term.IsTerminal(int(os.Stderr.Fd())),
		env:     os.LookupEnv, stop: stop, interrupts: interrupted,
	}
	if w, _, err := term.GetSize(int(os.Stderr.Fd())); err == nil {
		s.width = w
	}
	os.Exit(run(ctx, os.Args[1:], s))
}

// watchSignals turns the first interrupt into a request to finish, and the
// second one into an order to stop.
func watchSignals(log io.Writer) (ctx context.Context, stop <-chan struct{}, interrupted func() bool) {
	ctx, cancel := context.WithCancel(context.Background())
	asked := make(chan struct{})
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		close(asked)
		fmt.Fprintln(log, "\nStopping after what is under way; press Ctrl-C again to stop at once.")
		<-signals
		cancel()
	}()
	return ctx, asked, func() bool {
		select {
		case <-asked:
			return true
		default:
			return false
		}
	}
}

// run executes one command line and returns the exit code.
func run(ctx context.Context, args []string, s streams) int {
	log := logOf(s.err, args, s.env)
	s.err = log
	app := &app{streams: s, log: log}
	app.measured.began = time.Now()
	cmd := app.rootCommand()
	cmd.SetArgs(args)
	cmd.SetIn(s.in)
	cmd.SetOut(s.out)
	cmd.SetErr(s.err)
	err := cmd.ExecuteContext(ctx)
	code := app.exit(err)
	if err := app.saveMetrics(code); err != nil {
		fmt.Fprintf(app.err, "ticketetl: %s\n", err)
	}
	return code
}
