package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/internal/newfile"
)

// SummaryFormat is the version of summary.json that this program writes. Fields
// are only added to it; another meaning of one is another version.
const SummaryFormat = 1

// A State says where a run stands.
type State string

// The states of a run.
const (
	Running     State = "running"     // or killed: nothing was written after this
	Finished    State = "finished"    // every row read has its outcome
	Stopped     State = "stopped"     // by a limit, before the end; resumable
	Interrupted State = "interrupted" // by a signal; resumable
	Aborted     State = "failed"      // by an error; Summary.Error says which
)

// A Summary is what a run did, as summary.json keeps it.
type Summary struct {
	Format            int              `json:"format"`
	RunID             string           `json:"run_id"`
	Command           string           `json:"command"`             // import, validate, export
	Operation         string           `json:"operation,omitempty"` // create, update ...
	DryRun            bool             `json:"dry_run,omitempty"`   // nothing was sent
	State             State            `json:"state"`
	Version           string           `json:"program_version"`
	Started           time.Time        `json:"started"`
	Finished          time.Time        `json:"finished,omitzero"`
	DurationSeconds   float64          `json:"duration_seconds"`
	Account           Account          `json:"account,omitzero"`
	Endpoint          string           `json:"endpoint,omitempty"` // address of the API
	SchemaFingerprint string           `json:"schema_fingerprint,omitempty"`
	Mapping           Mapping          `json:"mapping,omitzero"`
	Inputs            []Input          `json:"inputs"`
	RowsRead          int64            `json:"rows_read"`
	Counts            map[string]int64 `json:"counts"`     // rows by the name of their status; zeros left out
	ChecksOut         bool             `json:"checks_out"` // the counts add up to rows_read
	Calls             Calls            `json:"calls"`
	Files             Files            `json:"files"` // names inside the run folder
	Redacted          bool             `json:"redacted,omitempty"`
	ExitCode          int              `json:"exit_code"`
	Error             string           `json:"error,omitempty"`
	Next              string           `json:"next,omitempty"` // what to do now, for people
	MarkedUp          []Marked         `json:"marked_up,omitempty"`
}

// An Account is the HubSpot account that a run worked on.
type Account struct {
	ID       string `json:"id"`
	Type     string `json:"type,omitempty"`
	TimeZone string `json:"time_zone,omitempty"`
}

// A Mapping is the mapping file of a run.
type Mapping struct {
	Path   string `json:"path"`
	SHA256 string `json:"sha256"`
}

// An Input is one input file of a run.
type Input struct {
	Path     string   `json:"path"`
	Size     int64    `json:"size"` // bytes
	SHA256   string   `json:"sha256"`
	Format   string   `json:"format"`             // csv, xlsx ...
	Encoding string   `json:"encoding,omitempty"` // of a CSV
	Sheet    string   `json:"sheet,omitempty"`    // of a workbook
	Rows     int64    `json:"rows"`
	Unused   []string `json:"unused_columns,omitempty"` // names of those that the mapping does not use
}

// Calls counts requests to HubSpot.
type Calls struct {
	Total       int64 `json:"total"`
	Retries     int64 `json:"retries"`
	RateLimited int64 `json:"rate_limited"` // answered 429
}

// Files names the files of a run folder; those that are not there are empty.
type Files struct {
	Results string `json:"results,omitempty"`
	Errors  string `json:"errors,omitempty"`
	Failed  string `json:"failed,omitempty"`
	InDoubt string `json:"in_doubt,omitempty"`
	Output  string `json:"output,omitempty"` // of an export; a path, not in the run folder
}

// A Marked is a marked-up workbook in the run folder.
type Marked struct {
	File  string   `json:"file"`           // name inside the run folder
	Input string   `json:"input"`          // the input that it is of
	Copy  bool     `json:"copy,omitempty"` // of the user's own workbook; else it is a new one
	Rows  string   `json:"rows"`           // AllRows or FailingRows
	Sheet string   `json:"sheet"`          // that lists the problems
	Notes []string `json:"notes,omitempty"`
}

// Which rows a marked-up workbook has.
const (
	AllRows     = "all"
	FailingRows = "failing"
)

// Count sets the counts of s and checks them against the number of rows read.
func (s *Summary) Count(totals etl.Totals, rowsRead int64) {
	s.Counts = totals.Map()
	s.RowsRead = rowsRead
	s.ChecksOut = totals.Sum() == rowsRead
}

// Save writes s to summary.json in the run folder dir, all of it or nothing.
func (s *Summary) Save(dir string) error {
	s.Format = SummaryFormat
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("run folder %s: %s: %w", dir, SummaryFile, err)
	}
	path := filepath.Join(dir, SummaryFile)
	if err := newfile.Write(path, append(data, '\n'), 0o600); err != nil {
		return folderError(path, err)
	}
	return nil
}

const maxSummary = 16 << 20 // bytes

// ErrDamaged is the error of a summary.json that does not hold a summary.
var ErrDamaged = errors.New("is damaged")

// LoadSummary reads the summary.json of the run folder dir. The error wraps
// fs.ErrNotExist when there is none.
func LoadSummary(dir string) (*Summary, error) {
	path := filepath.Join(dir, SummaryFile)
	f, err := os.Open(path)
	if err != nil {
		return nil, folderError(path, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxSummary+1))
	if err != nil {
		return nil, folderError(path, err)
	}
	if len(data) > maxSummary {
		return nil, folderError(path, fmt.Errorf("%s %w: it is longer than %s", SummaryFile, ErrDamaged, bytesText(maxSummary)))
	}
	var s Summary
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, folderError(path, fmt.Errorf("%s %w: %w", SummaryFile, ErrDamaged, err))
	}
	return &s, s.check(path)
}

func (s *Summary) check(path string) error {
	switch {
	case s.Format > SummaryFormat:
		return folderError(path, fmt.Errorf("%s has format %d, this program knows %d; use the ticketetl that wrote it, or a newer one", SummaryFile, s.Format, SummaryFormat))
	case s.Format < 1 || s.RunID == "":
		return folderError(path, fmt.Errorf("%s %w: it is not a summary of ticketetl", SummaryFile, ErrDamaged))
	}
	return nil
}
