//go:build torture

package main

import (
	"context"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/ticketetl/ticketetl/etl"
)

// dieAt names the boundary, and the how manieth time it is reached, at which the
// program kills itself as kill -9 would: "begin-after:2".
var (
	dieAt   = os.Getenv("TICKETETL_DIE_AT")
	reached atomic.Int64
)

func boundary(name string) {
	at, n, _ := strings.Cut(dieAt, ":")
	if name != at {
		return
	}
	if last, err := strconv.ParseInt(n, 10, 64); err != nil || reached.Add(1) != last {
		return
	}
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL) // of oneself, which is allowed
	select {}
}

// boundaries puts a boundary before and after each step of a run that is journaled.
func boundaries(steps etl.Steps) etl.Steps {
	if steps.Journal == nil || dieAt == "" {
		return steps
	}
	steps.Journal, steps.Sink, steps.Report = mortalJournal{steps.Journal}, mortalSink{steps.Sink}, mortalReport{steps.Report}
	return steps
}

type mortalJournal struct{ etl.Journal }

func (j mortalJournal) Begin(ctx context.Context, batch []*etl.Record) (etl.BatchID, error) {
	boundary("begin-before")
	defer boundary("begin-after")
	return j.Journal.Begin(ctx, batch)
}

func (j mortalJournal) End(ctx context.Context, id etl.BatchID, batch []*etl.Record, outcomes []etl.Outcome) error {
	boundary("end-before")
	defer boundary("end-after")
	return j.Journal.End(ctx, id, batch, outcomes)
}

func (j mortalJournal) Judged(ctx context.Context, recs []*etl.Record, outcomes []etl.Outcome) error {
	boundary("judged-before")
	defer boundary("judged-after")
	return j.Journal.Judged(ctx, recs, outcomes)
}

type mortalSink struct{ etl.Sink }

func (s mortalSink) Check(ctx context.Context, batch []*etl.Record) (map[int]etl.Outcome, error) {
	defer boundary("check-after")
	if c, ok := s.Sink.(etl.Checker); ok {
		return c.Check(ctx, batch)
	}
	return nil, nil
}

type mortalReport struct{ etl.Report }

func (r mortalReport) Add(rec *etl.Record, out etl.Outcome) error {
	defer boundary("report-during")
	return r.Report.Add(rec, out)
}
