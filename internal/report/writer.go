package report

import (
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/ticketetl/ticketetl/etl"
)

// Options shape the report files of a run.
type Options struct {
	Columns   []string                     // of failed.csv; see Columns
	RecordURL func(ticketID string) string // link to a ticket; nil for none
	Redact    bool                         // hide the values of cells and keys, and write no failed.csv
}

// flushEvery bounds how long a row that was added stays in memory while others
// follow it.
const flushEvery = 2 * time.Second

// A Writer writes the report files of one run as it goes, and counts. It is an
// etl.Report: one goroutine calls it.
type Writer struct {
	opts    Options
	results resultsFile
	errors  table[ErrorRow, *ErrorRow]
	inDoubt table[InDoubtRow, *InDoubtRow]
	failed  *failedFile
	totals  etl.Totals
	groups  groups

	due   atomic.Bool // flushEvery has passed; looking at the clock for each row took a fifth of Add
	timer *time.Timer // sets it
}

// Create makes the folder dir, for its owner alone, if it is not there, and
// results.csv and errors.csv in it; failed.csv and in-doubt.csv come with their
// first row. A report file that is there already is an error.
func Create(dir string, opts Options) (*Writer, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, folderError(filepath.Join(dir, ResultsFile), err)
	}
	w := &Writer{opts: opts}
	w.timer = time.AfterFunc(flushEvery, func() { w.due.Store(true) })
	w.results.file.path = filepath.Join(dir, ResultsFile)
	w.errors.file.path = filepath.Join(dir, ErrorsFile)
	w.inDoubt.file.path = filepath.Join(dir, InDoubtFile)
	w.failed = newFailedFile(filepath.Join(dir, FailedFile), opts.Columns)
	if err := errors.Join(w.results.writeHeader(), w.errors.writeHeader()); err != nil {
		_ = w.Close()
		return nil, err
	}
	return w, nil
}

// Add counts and writes down how rec ended. What it writes is in the files
// within a few seconds if Adds go on, and after Close at the latest.
func (w *Writer) Add(rec *etl.Record, out etl.Outcome) error {
	w.totals[out.Status]++
	if w.opts.Redact && (len(out.Problems) > 0 || out.Status == etl.InDoubt || rec.Key != "") {
		rec, out = redact(rec, out)
	}
	result := w.resultRow(rec, &out)
	if err := w.results.add(&result); err != nil {
		return err
	}
	for i := range out.Problems {
		problem := errorRow(rec, out.Status, &out.Problems[i])
		w.groups.add(problem)
		if err := w.errors.add(problem); err != nil {
			return err
		}
	}
	if err := w.addMore(rec, out, &result); err != nil {
		return err
	}
	return w.flushSometimes()
}

// addMore adds rec to the file of its outcome, where there is one.
func (w *Writer) addMore(rec *etl.Record, out etl.Outcome, result *ResultRow) error {
	switch out.Status {
	case etl.Rejected, etl.Failed:
		if w.opts.Redact {
			return nil
		}
		return w.failed.add(rec, out)
	case etl.InDoubt:
		return w.inDoubt.add(inDoubtRow(rec, result))
	default:
		return nil
	}
}

func (w *Writer) resultRow(rec *etl.Record, out *etl.Outcome) ResultRow {
	r := ResultRow{
		File: rec.Pos.File, Sheet: rec.Pos.Sheet, Row: rec.Pos.Row, Line: rec.Pos.Line,
		Key: rec.Key, Outcome: out.Status.String(), TicketID: out.ID,
	}
	if out.ID != "" && w.opts.RecordURL != nil {
		r.URL = w.opts.RecordURL(out.ID)
	}
	if p := firstProblem(out.Problems); p != nil {
		r.Message = messageOf(rec, p)
	}
	return r
}

func firstProblem(problems []etl.Problem) *etl.Problem {
	for i := range problems {
		if !problems[i].Warning {
			return &problems[i]
		}
	}
	if len(problems) > 0 {
		return &problems[0]
	}
	return nil
}

func errorRow(rec *etl.Record, status etl.Status, p *etl.Problem) ErrorRow {
	severity := SeverityError
	if p.Warning {
		severity = SeverityWarning
	}
	return ErrorRow{
		File: rec.Pos.File, Sheet: rec.Pos.Sheet, Row: rec.Pos.Row, Line: rec.Pos.Line,
		Column: etl.ColumnLetter(p.Column), Header: headerName(rec, p.Column),
		Property: p.Property, Value: p.Value, Code: p.Code, Message: p.Message, Hint: p.Hint,
		Severity: severity, Outcome: status.String(),
	}
}

func inDoubtRow(rec *etl.Record, r *ResultRow) InDoubtRow {
	property := func(name string) string {
		value, _ := rec.Property(name)
		return value
	}
	return InDoubtRow{
		File: r.File, Sheet: r.Sheet, Row: r.Row, Line: r.Line, Key: r.Key,
		Outcome: r.Outcome, TicketID: r.TicketID, URL: r.URL, Message: r.Message,
		Subject: property("subject"), Pipeline: property("hs_pipeline"),
		Stage: property("hs_pipeline_stage"), CreateDate: property("createdate"),
	}
}

func (w *Writer) flushSometimes() error {
	if !w.due.Load() {
		return nil
	}
	w.due.Store(false)
	w.timer.Reset(flushEvery)
	return errors.Join(w.results.flush(), w.errors.flush(), w.inDoubt.flush(), w.failed.flush())
}

// Totals are the Records added so far, by status.
func (w *Writer) Totals() etl.Totals { return w.totals }

// Problems are the problems added so far, grouped by column and code: errors
// before warnings, the most frequent first.
func (w *Writer) Problems() []ProblemGroup { return w.groups.sorted() }

// Files are the names of the files that are in the run folder, for the Summary.
func (w *Writer) Files() Files {
	f := Files{Results: ResultsFile, Errors: ErrorsFile}
	if !w.opts.Redact && w.totals[etl.Rejected]+w.totals[etl.Failed] > 0 {
		f.Failed = FailedFile
	}
	if w.totals[etl.InDoubt] > 0 {
		f.InDoubt = InDoubtFile
	}
	return f
}

// Close writes what is still in memory and closes the files. It may be called
// again.
func (w *Writer) Close() error {
	w.timer.Stop()
	return errors.Join(w.results.close(), w.errors.close(), w.inDoubt.close(), w.failed.close())
}
