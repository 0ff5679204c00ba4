package report

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/gocarina/gocsv"

	"github.com/ticketetl/ticketetl/etl"
)

// The names of the files in a run folder that this package writes.
const (
	ResultsFile = "results.csv"
	ErrorsFile  = "errors.csv"
	FailedFile  = "failed.csv"
	InDoubtFile = "in-doubt.csv"
	SummaryFile = "summary.json"
)

// A ResultRow is one line of results.csv: how one Record ended. Columns of the
// three row types are only ever added at the end.
type ResultRow struct {
	File     string `csv:"file"`
	Sheet    string `csv:"sheet"`
	Row      int    `csv:"row"`
	Line     int    `csv:"line,omitempty"`
	Key      string `csv:"key"`
	Outcome  string `csv:"outcome"`
	TicketID string `csv:"ticket_id"`
	URL      string `csv:"url"`
	Message  string `csv:"message"` // the first problem, errors before warnings
}

// An ErrorRow is one line of errors.csv: one thing wrong with one cell.
type ErrorRow struct {
	File     string `csv:"file" json:"file"`
	Sheet    string `csv:"sheet" json:"sheet,omitempty"`
	Row      int    `csv:"row" json:"row"`
	Line     int    `csv:"line,omitempty" json:"line,omitempty"`
	Column   string `csv:"column" json:"column,omitempty"` // its letter; empty when it is about the row
	Header   string `csv:"header" json:"header,omitempty"`
	Property string `csv:"property" json:"property,omitempty"`
	Value    string `csv:"value" json:"value"`
	Code     string `csv:"code" json:"code"`
	Message  string `csv:"message" json:"message"`
	Hint     string `csv:"hint" json:"hint,omitempty"`
	Severity string `csv:"severity" json:"severity"` // error or warning
	Outcome  string `csv:"outcome" json:"outcome"`
}

// An InDoubtRow is one line of in-doubt.csv: a Record that was sent and whose
// answer was lost, with what is needed to look its ticket up by hand.
type InDoubtRow struct {
	File       string `csv:"file"`
	Sheet      string `csv:"sheet"`
	Row        int    `csv:"row"`
	Line       int    `csv:"line,omitempty"`
	Key        string `csv:"key"`
	Outcome    string `csv:"outcome"`
	TicketID   string `csv:"ticket_id"`
	URL        string `csv:"url"`
	Message    string `csv:"message"`
	Subject    string `csv:"subject"`
	Pipeline   string `csv:"pipeline"`
	Stage      string `csv:"stage"`
	CreateDate string `csv:"create_date"`
}

// The severities of an ErrorRow.
const (
	SeverityError   = "error"
	SeverityWarning = "warning"
)

// texts are the fields of a row that may hold text from outside, which a
// spreadsheet program might take for a formula.
func (r *ResultRow) texts() []*string {
	return []*string{&r.File, &r.Sheet, &r.Key, &r.Message}
}

func (r *ErrorRow) texts() []*string {
	return []*string{&r.File, &r.Sheet, &r.Header, &r.Property, &r.Value, &r.Message, &r.Hint}
}

func (r *InDoubtRow) texts() []*string {
	return []*string{&r.File, &r.Sheet, &r.Key, &r.Message, &r.Subject, &r.Pipeline, &r.Stage, &r.CreateDate}
}

// A row is one of the three row types, by pointer.
type row[T any] interface {
	*T
	texts() []*string
}

// ReadResults reads a results.csv, one row at a time. It stops at the first
// error that yield returns. Texts come as they were before they were guarded
// against formulas; a line break \r\n inside a text comes as \n.
func ReadResults(path string, yield func(ResultRow) error) error {
	return readRows(path, yield)
}

// ReadErrors reads an errors.csv, as ReadResults does.
func ReadErrors(path string, yield func(ErrorRow) error) error {
	return readRows(path, yield)
}

// ReadInDoubt reads an in-doubt.csv, as ReadResults does.
func ReadInDoubt(path string, yield func(InDoubtRow) error) error {
	return readRows(path, yield)
}

func readRows[T any, P row[T]](path string, yield func(T) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	rows, err := gocsv.NewUnmarshaller(csv.NewReader(f), *new(T))
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	for {
		got, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		one := got.(T)
		for _, text := range P(&one).texts() {
			*text = etl.UnguardCell(*text)
		}
		if err := yield(one); err != nil {
			return err
		}
	}
}
