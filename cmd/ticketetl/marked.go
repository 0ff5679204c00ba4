package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/etl/extract"
	"github.com/ticketetl/ticketetl/internal/markup"
	"github.com/ticketetl/ticketetl/internal/newfile"
	"github.com/ticketetl/ticketetl/internal/report"
)

// markedRows is how many rows an input has at most of which all go into its
// marked-up workbook, unless --marked-rows says otherwise. docs/reports.md says
// how the number was found.
const markedRows = 50_000

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
	for _, m := range j.markings(bad) {
		if err := m.write(ctx); err != nil {
			fmt.Fprintf(j.app.err, "ticketetl: no marked-up workbook of %s: %s\n", m.name, err)
		}
	}
}

// markings are the files with problems, each with its sheets that have some.
func (j *job) markings(bad map[etl.Position]bool) []*marking {
	var all []*marking
	for i, in := range j.files {
		if !bad[etl.Position{File: in.name, Sheet: j.summary.Inputs[i].Sheet}] {
			continue
		}
		if len(all) == 0 || all[len(all)-1].name != in.name { // the sheets of a file follow each other
			all = append(all, &marking{job: j, name: in.name})
		}
		m := all[len(all)-1]
		m.inputs = append(m.inputs, in)
		m.rows += j.summary.Inputs[i].Rows
	}
	return all
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

// badInputs are the files, and of workbooks the sheets, that have problems.
func (j *job) badInputs() (map[etl.Position]bool, error) {
	bad := map[etl.Position]bool{}
	err := report.ReadErrors(filepath.Join(j.dir, report.ErrorsFile), func(r report.ErrorRow) error {
		bad[etl.Position{File: r.File, Sheet: r.Sheet}] = true
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

// A marking is what is made of one file.
type marking struct {
	job    *job
	name   string      // of the file
	inputs []inputFile // the file or, of a workbook, its sheets with problems
	rows   int64       // that were read of them
}

// large says whether the file has too many rows for a copy of all of it.
func (m *marking) large() bool { return m.rows > m.job.app.flags.markedRows }

// errEnough stops the reading of a file that is not needed to its end.
var errEnough = errors.New("enough")

// write makes a copy of the user's own workbook or, where that cannot be, a new
// one for each sheet.
func (m *marking) write(ctx context.Context) error {
	var notes []string
	for i, in := range m.inputs {
		source, err := extract.Open(in.path, in.opts)
		if err != nil {
			return err
		}
		info := source.Info()
		if i == 0 && !m.large() && info.Format == "xlsx" {
			if err = m.copy(ctx, info); err == nil || ctx.Err() != nil {
				return errors.Join(err, source.Close())
			}
			notes = append(notes, "a new workbook, since a copy of yours cannot be edited: "+err.Error())
		}
		err = nil
		if info.Format == "xlsx" || m.job.summary.Command == "validate" {
			err = m.table(ctx, source, notes)
		}
		if err = errors.Join(err, source.Close()); err != nil {
			return err
		}
	}
	return nil
}

// add tells of a workbook that was written.
func (m *marking) add(done report.Marked, result markup.Result) {
	done.Input, done.Sheet = m.name, result.Sheet
	done.Notes = append(done.Notes, resultNotes(result)...)
	m.job.summary.MarkedUp = append(m.job.summary.MarkedUp, done)
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

// copy writes a copy of the user's own workbook, with all its sheets marked.
func (m *marking) copy(ctx context.Context, info extract.Info) (err error) {
	var result markup.Result
	done := report.Marked{File: m.fileName(info.Format), Copy: true, Rows: report.AllRows}
	err = m.create(done.File, func(out *newfile.File) error {
		result, err = markup.Copy(ctx, m.inputs[0].path, out, m.problems(""))
		return err
	})
	if err == nil {
		m.add(done, result)
	}
	return err
}

// table writes a new workbook with one sheet.
func (m *marking) table(ctx context.Context, source *extract.File, notes []string) (err error) {
	var result markup.Result
	info := source.Info()
	done := report.Marked{File: m.fileName(info.Format), Rows: report.AllRows, Notes: slices.Clone(notes)}
	opts := markup.TableOptions{Name: cmp.Or(info.Sheet, m.stem()), HeaderRow: info.HeaderRow, OnlyBad: m.large(), Folder: m.job.dir}
	what := "file has"
	if len(m.inputs) > 1 {
		what = "sheets with problems have"
		done.Notes = append(done.Notes, fmt.Sprintf("only the sheet %q; each sheet with problems has a workbook of its own", info.Sheet))
	}
	if opts.OnlyBad {
		done.Rows = report.FailingRows
		done.Notes = append(done.Notes, fmt.Sprintf("only rows with problems, since the %s more than %s rows", what, thousands(m.job.app.flags.markedRows)))
	}
	err = m.create(done.File, func(out *newfile.File) error {
		result, err = markup.Table(ctx, source, out, m.problems(info.Sheet), opts)
		return err
	})
	if err == nil {
		m.add(done, result)
	}
	return err
}

// create makes the file appear whole, or not at all.
func (m *marking) create(name string, write func(*newfile.File) error) error {
	path := filepath.Join(m.job.dir, name)
	out, err := newfile.Create(path, "", 0o600)
	if err != nil {
		return err
	}
	defer out.Cleanup() // of what was not finished
	if err := write(out); err != nil {
		return err
	}
	return out.Replace()
}

// problems reads those of the file from errors.csv, or only those of one sheet.
func (m *marking) problems(sheet string) markup.Problems {
	path := filepath.Join(m.job.dir, report.ErrorsFile)
	return func(yield func(markup.Problem, error) bool) {
		err := report.ReadErrors(path, func(r report.ErrorRow) error {
			if r.File == m.name && (sheet == "" || r.Sheet == sheet) && !yield(problemOf(r), nil) {
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
	name := filepath.Base(m.name)
	if m.name == "-" {
		name = "stdin"
	}
	if ext := filepath.Ext(name); strings.EqualFold(ext, ".gz") {
		name = strings.TrimSuffix(name, ext)
	}
	name = strings.TrimSuffix(name, filepath.Ext(name))
	if before, marked := strings.CutSuffix(name, ".marked"); marked && before != "" {
		return before // a marked-up workbook that was mended
	}
	return name
}

// fileName is what the workbook is called; one with macros keeps its ending.
func (m *marking) fileName(format string) string {
	ext := strings.ToLower(filepath.Ext(m.name))
	if format != "xlsx" || !slices.Contains([]string{".xlsm", ".xltx", ".xltm"}, ext) {
		ext = ".xlsx"
	}
	name := m.stem() + ".marked" + ext
	for n := 2; slices.ContainsFunc(m.job.summary.MarkedUp, func(d report.Marked) bool { return strings.EqualFold(d.File, name) }); n++ {
		name = fmt.Sprintf("%s.marked-%d%s", m.stem(), n, ext)
	}
	return name
}
