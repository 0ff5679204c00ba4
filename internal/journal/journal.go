// Package journal makes durable what a run is about to send and what became of
// it, in one SQLite file per run, so that nothing is lost or sent twice
// whatever dies.
//
// A batch is stored in two steps. Its intent, the records about to be sent, is
// on disk before Begin returns, and its answer, one outcome for each record,
// before End returns. A batch with an intent and no answer was under way when
// the run died: its records are in doubt. Records that were judged without
// being sent are stored as batches with sent = 0, some hundreds at a time.
//
// The file is readable by hand: the view rows has one line for each record, with
// what became of it last, and the view attempts one for each time it was tried.
//
//	sqlite3 run.db 'select * from rows'
package journal

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/ticketetl/ticketetl/etl"
)

// File is the name of the journal in a run folder.
const File = "run.db"

// Format is the version of the journal that this program writes.
const Format = 2

// Facts say which run a journal belongs to. A resumed run compares them with
// what it finds.
type Facts struct {
	Format            int           `json:"format"` // set by Create
	RunID             string        `json:"run_id"`
	Operation         etl.Operation `json:"operation"`
	Version           string        `json:"program_version"`
	Started           time.Time     `json:"started"`
	Inputs            []Input       `json:"inputs"`
	MappingPath       string        `json:"mapping_path"`
	MappingSHA256     string        `json:"mapping_sha256"`
	AccountID         string        `json:"account_id"`
	SchemaFingerprint string        `json:"schema_fingerprint"`

	// Redact keeps customers' values out of the journal: keys, and the values,
	// messages and hints of problems.
	Redact bool `json:"redact"`
}

// An Input is one input file of the run.
type Input struct {
	Path   string `json:"path"`
	Size   int64  `json:"size"` // bytes
	SHA256 string `json:"sha256"`
}

// A Journal is the journal of one run. It is an etl.Journal; all its methods may
// be called from several goroutines.
type Journal struct {
	path  string
	facts Facts
	db    *sql.DB
	file  os.FileInfo // of path, to see that it is still there

	lastID   atomic.Int64
	stored   int64 // batches that an earlier process has stored
	writer   *writer
	requests chan *request
	closing  chan struct{} // closed: no request is taken any more
	closed   chan struct{} // closed: the last transaction is over
	once     sync.Once
	closeErr error

	sources sources
	judged  judged
}

var _ etl.Journal = (*Journal)(nil)

// ErrClosed is the error of a call that comes after Close.
var ErrClosed = errors.New("the journal is closed")

// Create makes the journal of a new run in the existing run folder dir, readable
// by its owner alone. It is an error if there is one already.
func Create(dir string, facts Facts) (*Journal, error) {
	facts.Format = Format
	path := filepath.Join(dir, File)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, explain(path, err)
	}
	if err := f.Close(); err != nil {
		return nil, explain(path, err)
	}
	j, err := open(path)
	if err != nil {
		return nil, err
	}
	j.facts = facts
	if err := j.setUp(); err != nil {
		_ = j.db.Close()
		return nil, explain(path, err)
	}
	return j.started()
}

// Open opens the journal in the run folder dir, of a run that ended in whatever
// way, to read it and to go on.
func Open(dir string) (*Journal, error) {
	path := filepath.Join(dir, File)
	if _, err := os.Stat(path); err != nil {
		return nil, explain(path, err)
	}
	log, _ := os.Stat(path + "-wal") // what is not in the file yet; opening may drop it
	j, err := open(path)
	if err != nil {
		return nil, err
	}
	err = j.load()
	begun, known := marked(path)
	switch {
	case (err == nil || errors.Is(err, ErrEmpty)) && begun > j.stored:
		err = fmt.Errorf("%s: %d of %d batches are missing", damaged, begun-j.stored, begun)
	case errors.Is(err, ErrEmpty) && !known && log != nil && log.Size() > 0:
		err = errors.New(damaged)
	}
	if err != nil {
		_ = j.db.Close()
		return nil, explain(path, err)
	}
	return j.started()
}

func open(path string) (*Journal, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, explain(path, err)
	}
	name := url.URL{Scheme: "file", OmitHost: true, Path: abs, RawQuery: url.Values{"_pragma": {
		"busy_timeout(10000)", // somebody may be looking at the file
		"journal_mode(WAL)",
		"synchronous(FULL)", // one fsync at each commit
		"wal_autocheckpoint(2000)",
	}}.Encode()}
	db, err := sql.Open("sqlite", name.String())
	if err != nil {
		return nil, explain(path, err)
	}
	return &Journal{
		path: path, db: db,
		requests: make(chan *request),
		closing:  make(chan struct{}),
		closed:   make(chan struct{}),
	}, nil
}

// ErrGone is the error of a run folder that was taken away while it was in use.
var ErrGone = errors.New("it was removed or moved while the run was at work; nothing more is sent, since it could not be resumed")

// present makes sure that a later process will find what this one writes.
func (j *Journal) present() error {
	if now, err := os.Stat(j.path); err != nil || !os.SameFile(now, j.file) {
		return ErrGone
	}
	return nil
}

// setUp makes the tables and stores the facts, all in one transaction.
func (j *Journal) setUp() error {
	tx, err := j.db.Begin()
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.Exec(tables); err != nil {
		return err
	}
	data, err := json.Marshal(j.facts)
	if err != nil {
		return err
	}
	var facts map[string]json.RawMessage
	if err := json.Unmarshal(data, &facts); err != nil {
		return err
	}
	for key, value := range facts {
		if _, err := tx.Exec(insertFact, key, string(value)); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// ErrEmpty is the error of opening the journal of a run that ended before it sent
// anything.
var ErrEmpty = errors.New("the journal is empty: that run ended before it sent anything; start it anew")

// load reads the facts and where the numbering of batches and sources stands.
func (j *Journal) load() error {
	var tables int
	if err := j.db.QueryRow(`SELECT count(*) FROM sqlite_schema WHERE name IN ('run', 'batches', 'answers', 'sources')`).Scan(&tables); err != nil {
		return err
	}
	switch tables {
	case 0:
		return ErrEmpty
	case 4:
	default:
		return errors.New("this is not a journal of ticketetl")
	}
	if err := j.loadFacts(); err != nil {
		return err
	}
	if f := j.facts.Format; f != Format {
		return fmt.Errorf("the journal has format %d, this program knows %d; use the ticketetl that wrote it, or a newer one", f, Format)
	}
	var last int64
	if err := j.db.QueryRow(`SELECT coalesce(max(batch), 0), count(*) FROM batches`).Scan(&last, &j.stored); err != nil {
		return err
	}
	j.lastID.Store(last)
	return j.sources.load(j.db)
}

func (j *Journal) loadFacts() error {
	var data string
	if err := j.db.QueryRow(`SELECT json_group_object(key, json(value)) FROM run`).Scan(&data); err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(data), &j.facts); err != nil {
		return fmt.Errorf("the facts of the run are damaged: %w", err)
	}
	return nil
}

// Began says whether any batch was ever begun.
func (j *Journal) Began() bool { return j.lastID.Load() > 0 }

// Facts are those that Create was given.
func (j *Journal) Facts() Facts { return j.facts }

// Note stores a further fact of the run under key, durably. value is kept as
// JSON; an earlier one is replaced.
func (j *Journal) Note(ctx context.Context, key string, value any) error {
	data, err := json.Marshal(value)
	if err != nil {
		return explain(j.path, err)
	}
	return j.commitOne(ctx, &request{fact: key, value: string(data)})
}

// Noted reads what Note stored under key into value, and whether there is any.
func (j *Journal) Noted(ctx context.Context, key string, value any) (bool, error) {
	var data string
	err := j.db.QueryRowContext(ctx, `SELECT value FROM run WHERE key = ?`, key).Scan(&data)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err == nil {
		err = json.Unmarshal([]byte(data), value)
	}
	return err == nil, explain(j.path, err)
}

// Begin stores the intent to send batch. When it returns without an error, the
// intent is on disk. With one, nothing of it was stored.
func (j *Journal) Begin(ctx context.Context, batch []*etl.Record) (etl.BatchID, error) {
	id := j.lastID.Add(1)
	var e encoder
	var seqs span
	for _, rec := range batch {
		e.record(rec, j.sources.id(rec.Pos), j.facts.Redact)
		seqs.add(rec.Seq)
	}
	err := j.commitOne(ctx, &request{
		id: id, sent: true, at: time.Now(), records: e.done(), span: seqs, sources: j.sources.unsaved(),
	})
	return etl.BatchID(id), err
}

// End stores the outcomes of the batch that Begin named id, in batch order. When
// it returns without an error, they are on disk. The batch may be one that an
// earlier process began. Outcomes that were stored before are replaced, as when
// a record in doubt is settled.
func (j *Journal) End(ctx context.Context, id etl.BatchID, batch []*etl.Record, outcomes []etl.Outcome) error {
	if len(batch) != len(outcomes) {
		return explain(j.path, fmt.Errorf("batch %d has %d records and %d outcomes", id, len(batch), len(outcomes)))
	}
	var e encoder
	for i := range outcomes {
		e.outcome(&outcomes[i], j.facts.Redact)
	}
	return j.commitOne(ctx, &request{id: int64(id), at: time.Now(), outcomes: e.done()})
}

// Close stores what Judged still holds and closes the file. Later calls do
// nothing and return the same.
func (j *Journal) Close() error {
	j.once.Do(func() {
		err := j.flushJudged()
		close(j.closing)
		<-j.closed
		j.closeErr = errors.Join(err, explain(j.path, j.db.Close()))
	})
	return j.closeErr
}
