package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/renameio/v2"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/etl/extract"
	"github.com/ticketetl/ticketetl/internal/markup"
	"github.com/ticketetl/ticketetl/internal/report"
)

// maxRowsMarked is how many rows an input has at most of which all go into its
// marked-up workbook. docs/reports.md says how the number was found.
const maxRowsMarked = 50_000

// markUp writes a marked-up workbook for each input that has problems. That one
// cannot be written is told, and changes nothing of what the run has done.
func (j *job) markUp(totals etl.Totals) {
	j.summary.MarkedUp = nil
	switch {
	case j.app.flags.redact, j.app.interrupts(), len(j.groups) == 0:
		return
	case j.summary.Command != "validate" && totals[etl.Rejected]+totals[etl.Failed] == 0:
		return
	}
	ctx, cancel := j.untilStopped()
	defer cancel()
	bad, err := j.badInputs()
	if err != nil {
		fmt.Fprintf(j.app.err, "ticketetl: no marked-up workbook: %s\n", err)
		return
	}
	for i, in := range j.files {
		if bad[in.name] {
			delete(bad, in.name) // a file that is named twice is marked once
			m := marking{job: j, in: in, rows: j.summary.Inputs[i].Rows}
			if err := m.write(ctx); err != nil {
				fmt.Fprintf(j.app.err, "ticketetl: no marked-up workbook of %s: %s\n", in.name, err)
			}
		}
	}
}

// untilStopped is a context that ends with the first interrupt.
func (j *job) untilStopped() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	if j.app.stop != nil {
		go func() {
			select {
			case <-j.app.stop:
				cancel()
			case <-ctx.Done():
			}
		}()
	}
	return ctx, cancel
}

// badInputs are the names of the inputs that have problems.
func (j *job) badInputs() (map[string]bool, error) {
	bad := map[string]bool{}
	err := report.ReadErrors(filepath.Join(j.dir, report.ErrorsFile), func(r report.ErrorRow) error {
		bad[r.File] = true
		return nil
	})
	return bad, err
}

// dropMarked removes the marked-up workbooks of an earlier attempt.
func (j *job) dropMarked() error {
	var errs []error
	for _, m := range j.summary.MarkedUp {
		if err := os.Remove(filepath.Join(j.dir, filepath.Base(m.File))); err != nil && !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	j.summary.MarkedUp = nil
	return errors.Join(errs...)
}

// A marking is the marked-up workbook of one input.
type marking struct {
	job  *job
	in   inputFile
	rows int64  // that were read
	name string // of the file
}

// errEnough stops the reading of a file that is not needed to its end.
var errEnough = errors.New("enough")

func (m *marking) write(ctx context.Context) error {
	source, err := extract.Open(m.in.path, m.in.opts)
	if err != nil {
		return err
	}
	defer source.Close() // only read
	info := source.Info()
	if info.Format != "xlsx" && m.job.summary.Command != "validate" {
		return nil
	}
	m.name = m.fileName(info.Format)
	done := report.Marked{File: m.name, Input: m.in.name, Rows: report.AllRows}
	var result markup.Result
	if m.rows <= maxRowsMarked && info.Format == "xlsx" {
		done.Copy = true
		if result, err = m.copy(ctx); err != nil && ctx.Err() == nil {
			done.Copy = false
			done.Notes = append(done.Notes, "a new workbook, since a copy of yours cannot be edited: "+err.Error())
		}
	}
	if !done.Copy {
		if m.rows > maxRowsMarked {
			done.Rows = report.FailingRows
			done.Notes = append(done.Notes, fmt.Sprintf("only rows with problems, since the file has more than %s rows", thousands(maxRowsMarked)))
		}
		result, err = m.table(ctx, source, info.HeaderRow, done.Rows == report.FailingRows)
	}
	if err != nil {
		return err
	}
	done.Sheet = result.Sheet
	done.Notes = append(done.Notes, resultNotes(result)...)
	m.job.summary.MarkedUp = append(m.job.summary.MarkedUp, done)
	return nil
}

// resultNotes tell what the workbook does not hold.
func resultNotes(r markup.Result) []string {
	var notes []string
	if r.LeftOut > 0 {
		notes = append(notes, fmt.Sprintf("%s left out beyond the first %s", plural(r.LeftOut, "row with problems was", "rows with problems were"), thousands(markup.MaxBadRows)))
	}
	if r.Uncommented > 0 {
		notes = append(notes, plural(r.Uncommented, "cell is", "cells are")+" coloured without a comment; the sheet "+r.Sheet+" says why")
	}
	if r.Unlisted > 0 {
		notes = append(notes, fmt.Sprintf("the sheet %s lists the first %s problems; all are in %s", r.Sheet, thousands(markup.MaxListed), report.ErrorsFile))
	}
	if r.Cut > 0 {
		notes = append(notes, plural(r.Cut, "text was", "texts were")+" cut to what an Excel cell holds")
	}
	return notes
}

// copy writes a copy of the user's own workbook.
func (m *marking) copy(ctx context.Context) (result markup.Result, err error) {
	err = m.create(func(out *renameio.PendingFile) error {
		result, err = markup.Copy(ctx, m.in.path, out, m.problems())
		return err
	})
	return result, err
}

// table writes a new workbook.
func (m *marking) table(ctx context.Context, source etl.Source, header int, onlyBad bool) (result markup.Result, err error) {
	opts := markup.TableOptions{Name: m.stem(), HeaderRow: header, OnlyBad: onlyBad, Folder: m.job.dir}
	err = m.create(func(out *renameio.PendingFile) error {
		result, err = markup.Table(ctx, source, out, m.problems(), opts)
		return err
	})
	return result, err
}

// create makes the file appear whole, or not at all.
func (m *marking) create(write func(*renameio.PendingFile) error) error {
	path := filepath.Join(m.job.dir, m.name)
	out, err := renameio.NewPendingFile(path, renameio.WithPermissions(0o600), renameio.WithTempDir(m.job.dir))
	if err != nil {
		return err
	}
	defer out.Cleanup() // of what was not finished
	if err := write(out); err != nil {
		return err
	}
	return out.CloseAtomicallyReplace()
}

// problems reads those of the input from errors.csv.
func (m *marking) problems() markup.Problems {
	path := filepath.Join(m.job.dir, report.ErrorsFile)
	return func(yield func(markup.Problem, error) bool) {
		err := report.ReadErrors(path, func(r report.ErrorRow) error {
			if r.File == m.in.name && !yield(problemOf(r), nil) {
				return errEnough
			}
			return nil
		})
		if err != nil && !errors.Is(err, errEnough) {
			yield(markup.Problem{}, err)
		}
	}
}

func problemOf(r report.ErrorRow) markup.Problem {
	column, ok := etl.LetterColumn(r.Column)
	if !ok {
		column = -1
	}
	return markup.Problem{
		Sheet: r.Sheet, Row: r.Row, Column: column, Header: r.Header, Value: r.Value, Code: r.Code,
		Message: r.Message, Hint: r.Hint, Warning: r.Severity == report.SeverityWarning,
	}
}

// stem is the input's name without folder and ending.
func (m *marking) stem() string {
	name := filepath.Base(m.in.name)
	if m.in.name == "-" {
		name = "stdin"
	}
	if ext := filepath.Ext(name); strings.EqualFold(ext, ".gz") {
		name = strings.TrimSuffix(name, ext)
	}
	return strings.TrimSuffix(name, filepath.Ext(name))
}

// fileName is what the workbook is called; one with macros keeps its ending.
func (m *marking) fileName(format string) string {
	ext := strings.ToLower(filepath.Ext(m.in.name))
	if format != "xlsx" || !slices.Contains([]string{".xlsm", ".xltx", ".xltm"}, ext) {
		ext = ".xlsx"
	}
	name := m.stem() + ".marked" + ext
	for n := 2; slices.ContainsFunc(m.job.summary.MarkedUp, func(d report.Marked) bool { return strings.EqualFold(d.File, name) }); n++ {
		name = fmt.Sprintf("%s.marked-%d%s", m.stem(), n, ext)
	}
	return name
}
