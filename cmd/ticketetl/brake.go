package main

import (
	"fmt"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/etl/load"
)

// rowsForRate is how many rows an error rate is made of at least.
const rowsForRate = 100

// brake returns a Report that stops the run when too many rows are bad.
func (opts *importOptions) brake(next etl.Report) etl.Report {
	return &errorBrake{next: next, most: opts.maxErrors, rate: opts.maxErrorRate}
}

// checkBrake is the same for the check, in which rows may be in doubt that the
// load is to settle.
func (opts *importOptions) checkBrake(next etl.Report) etl.Report {
	return &errorBrake{next: next, most: opts.maxErrors, rate: opts.maxErrorRate, settled: true}
}

type errorBrake struct {
	next      etl.Report
	most      int64   // bad rows; 0 for no bound
	rate      float64 // percentage of bad rows; 0 for no bound
	settled   bool    // rows in doubt are not bad
	rows, bad int64
}

func (b *errorBrake) Add(rec *etl.Record, out etl.Outcome) error {
	if err := b.next.Add(rec, out); err != nil {
		return err
	}
	b.rows++
	switch {
	case out.Status == etl.Rejected, out.Status == etl.Failed, out.Status == etl.InDoubt && !b.settled:
		b.bad++
	}
	switch rate := 100 * float64(b.bad) / float64(b.rows); {
	case b.most > 0 && b.bad > b.most:
		return &load.BrakeError{Text: fmt.Sprintf("more than %s rejected, failed or in doubt (--max-errors)", plural(b.most, "row is", "rows are"))}
	case b.rate > 0 && b.rows >= rowsForRate && rate > b.rate:
		return &load.BrakeError{Text: fmt.Sprintf("%.1f %% of %s rows are rejected, failed or in doubt, more than --max-error-rate %g", rate, thousands(b.rows), b.rate)}
	}
	return nil
}
