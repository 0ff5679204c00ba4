package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/internal/journal"
	"github.com/ticketetl/ticketetl/internal/report"
)

// gather collects the evidence of a round that ended with the attempt last. The
// error tells of reports that cannot be read, which is a fault as well.
func gather(ctx context.Context, s *scene, last *attempt) (*evidence, error) {
	e := &evidence{
		variant: s.plan.variant, doubtful: s.plan.mayDoubt(), rows: s.rows, before: s.acc.before, others: s.acc.stored,
		live: s.acc.Tickets(false), archived: s.acc.Tickets(true),
		exit: last.code, summary: last.summary, mistakes: s.acc.Violations(),
	}
	if last.summary == nil {
		return nil, fmt.Errorf("it ended and printed no summary: %s", last)
	}
	return e, e.readFolder(ctx, filepath.Join(s.desk.runs(), last.summary.RunID))
}

// mayDoubt says that a row may end in doubt: nothing but its content tells its
// ticket, or faults strike when it is looked up.
func (p plan) mayDoubt() bool { return p.variant.keyless() || len(p.faults) > 0 }

// readFolder reads the reports and the journal of a run.
func (e *evidence) readFolder(ctx context.Context, dir string) error {
	saved, err := report.LoadSummary(dir)
	if err != nil {
		return err
	}
	if saved.ExitCode != e.summary.ExitCode || saved.RowsRead != e.summary.RowsRead {
		return fmt.Errorf("summary.json differs from what was printed: exit %d, %d rows", saved.ExitCode, saved.RowsRead)
	}
	if e.results, err = readLines(filepath.Join(dir, report.ResultsFile)); err != nil {
		return err
	}
	if e.doubts, err = readLines(filepath.Join(dir, report.InDoubtFile)); err != nil {
		return err
	}
	if e.failed, err = readFailed(filepath.Join(dir, report.FailedFile)); err != nil {
		return err
	}
	e.journal, err = readJournal(ctx, dir)
	return err
}

// readTable reads a CSV into one map a line; nothing where there is no file.
func readTable(path string) ([]map[string]string, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lines, err := csv.NewReader(f).ReadAll()
	if err != nil || len(lines) == 0 {
		return nil, fmt.Errorf("%s has %d lines: %w", filepath.Base(path), len(lines), err)
	}
	out := make([]map[string]string, len(lines)-1)
	for i, line := range lines[1:] {
		out[i] = map[string]string{}
		for c, name := range lines[0] {
			out[i][name] = line[c]
		}
	}
	return out, nil
}

func readLines(path string) ([]resultLine, error) {
	table, err := readTable(path)
	if err != nil {
		return nil, err
	}
	out := make([]resultLine, len(table))
	for i, line := range table {
		number, err := strconv.Atoi(line["row"])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Base(path), err)
		}
		out[i] = resultLine{row: number, key: line["key"], outcome: line["outcome"], ticket: line["ticket_id"]}
	}
	return out, nil
}

func readFailed(path string) ([]int, error) {
	table, err := readTable(path)
	if err != nil {
		return nil, err
	}
	var out []int
	for _, line := range table {
		number, err := strconv.Atoi(line["ticketetl_row"])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Base(path), err)
		}
		out = append(out, number)
	}
	return out, nil
}

// readJournal is what the journal says last of each row that was sent.
func readJournal(ctx context.Context, dir string) (map[int]journalLine, error) {
	log, err := journal.Open(dir)
	if err != nil {
		return nil, err
	}
	out := map[int]journalLine{}
	for b, err := range log.Batches(ctx) {
		if err != nil {
			return nil, errors.Join(err, log.Close())
		}
		if b.Sent {
			learn(out, b)
		}
	}
	return out, log.Close()
}

// learn takes in one batch. That an attempt did not come to send a row does not
// change what an earlier one did.
func learn(out map[int]journalLine, b *journal.Batch) {
	for i, in := range b.Intents {
		line := journalLine{status: "begun"}
		if b.Outcomes != nil {
			line = journalLine{status: b.Outcomes[i].Status.String(), ticket: b.Outcomes[i].ID}
		}
		if _, known := out[in.Pos.Row]; known && line.status == etl.Unsent.String() {
			continue
		}
		out[in.Pos.Row] = line
	}
}
