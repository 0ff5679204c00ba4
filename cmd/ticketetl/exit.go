package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/etl/load"
	"github.com/ticketetl/ticketetl/etl/transform"
	"github.com/ticketetl/ticketetl/internal/hubspot"
	"github.com/ticketetl/ticketetl/internal/journal"
)

// Exit codes; 2 is left to Go's panic.
const (
	exitDone        = 0
	exitCannotRun   = 1   // usage, mapping, file
	exitRows        = 3   // finished; some rows were rejected or failed
	exitInDoubt     = 4   // finished; some rows are in doubt
	exitStopped     = 5   // stopped early, the rest is unsent
	exitAuth        = 6   // authentication or scope
	exitInterrupted = 130 // by the user
)

const exitHelp = `Exit status: 0 all done; 1 could not run (usage, mapping, file); 3 finished, some
rows rejected or failed; 4 some rows in doubt; 5 stopped early; 6 authentication
or scope; 130 interrupted.`

// An exitError ends the program with a code. Its text may be empty when all has
// been said.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// exit prints err once, with what to do next, and returns the exit code.
func (a *app) exit(err error) int {
	if err == nil {
		return exitDone
	}
	code := codeOf(err)
	text, next := err.Error(), ""
	if text != "" {
		next = nextStep(err)
	}
	var faults transform.Faults
	if errors.As(err, &faults) {
		text = faults.Explain()
	} else if text != "" && !a.log.json {
		text = "ticketetl: " + text
	}
	switch {
	case a.log.json:
		a.log.failure(text, next, code)
	case text != "":
		fmt.Fprintln(a.err, strings.TrimSuffix(text+"\n"+next, "\n"))
	}
	return code
}

func codeOf(err error) int {
	var e *exitError
	var brake *load.BrakeError
	switch {
	case errors.As(err, &e):
		return e.code
	case errors.As(err, &brake):
		return exitStopped
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	case hubspot.IsAuth(err):
		return exitAuth
	case hubspot.IsDailyLimit(err), errors.Is(err, hubspot.ErrGaveUp):
		return exitStopped
	}
	return exitCannotRun
}

// isFull says whether err is about a disk, a quota or a file that can't grow.
func isFull(err error) bool {
	return errors.Is(err, journal.ErrFull) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG)
}

// nextStep says what to do about an error that does not say it itself.
func nextStep(err error) string {
	var faults transform.Faults
	switch {
	case errors.As(err, &faults):
		return "Nothing was sent. Correct the mapping; docs/mapping.md describes every key."
	case hubspot.IsAuth(err):
		return "Check the token (HUBSPOT_ACCESS_TOKEN or --token-file) and its scopes: tickets, crm.objects.owners.read, and crm.objects.contacts.read / companies.read for associations."
	case isFull(err):
		return "Make room on the disk that holds the run folders, or name another place with --runs (an unfinished run stays where it is); then give the same command again."
	case errors.Is(err, hubspot.ErrGaveUp):
		return "Check the network and --base-url, then run the same command again; --max-wait bounds how long it is tried."
	case hubspot.IsDailyLimit(err):
		return "The account's daily limit is reached; it resets at midnight in the account's time zone. Run the same command again after that."
	}
	return ""
}

// outcomeCode is the exit code of a run that came to its end.
func outcomeCode(t etl.Totals) int {
	switch {
	case t[etl.InDoubt] > 0:
		return exitInDoubt
	case t[etl.Rejected]+t[etl.Failed] > 0:
		return exitRows
	}
	return exitDone
}
