package journal

import (
	"context"
	"database/sql"
	"os"
	"runtime"
	"time"
)

// A request is one thing to store: an intent (records), an answer (outcomes),
// both at once for records that were judged without being sent, or a fact.
type request struct {
	id       int64
	sent     bool
	at       time.Time
	records  []byte // nil for none
	span     span   // of the records' numbers
	outcomes []byte // nil for none
	sources  []source
	fact     string // key of a fact; empty for none
	value    string

	done chan error // gets the result of the transaction; holds one
}

// A span is the least and the greatest of some numbers.
type span struct{ first, last int64 }

func (s *span) add(n int64) {
	if s.first == 0 || n < s.first {
		s.first = n
	}
	s.last = max(s.last, n)
}

// maxGroup bounds the requests of one transaction.
const maxGroup = 256

// started is the journal, once it takes requests; none on an error, since nothing
// would ever end it.
func (j *Journal) started() (*Journal, error) {
	if err := j.start(); err != nil {
		return nil, err
	}
	return j, nil
}

// start begins to take requests. On an error the journal is closed.
func (j *Journal) start() error {
	w := &writer{journal: j, begun: j.stored}
	err := w.prepare()
	if err == nil {
		w.mark, err = openMark(j.path)
	}
	if err == nil {
		j.file, err = os.Stat(j.path)
	}
	if err != nil {
		_ = j.db.Close()
		return explain(j.path, err)
	}
	j.writer = w
	go w.run()
	return nil
}

// commitOne returns when r is on disk. Until r is taken ctx may end the wait;
// after that the result is awaited, so that it is never unknown.
func (j *Journal) commitOne(ctx context.Context, r *request) error {
	if err := j.hand(ctx, r); err != nil {
		return err
	}
	return explain(j.path, <-r.done)
}

// hand gives r to the writer.
func (j *Journal) hand(ctx context.Context, r *request) error {
	r.done = make(chan error, 1)
	select {
	case <-j.closing:
		return explain(j.path, ErrClosed)
	default:
	}
	select {
	case j.requests <- r:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-j.closing:
		return explain(j.path, ErrClosed)
	}
}

// A writer is the one goroutine that writes. All requests that wait when it
// becomes free go into one transaction, and so share one fsync.
type writer struct {
	journal *Journal
	conn    *sql.Conn
	fact    *sql.Stmt
	source  *sql.Stmt
	batch   *sql.Stmt
	answer  *sql.Stmt
	mark    mark
	begun   int64 // batches in the journal
	group   []*request
}

func (w *writer) prepare() error {
	ctx := context.Background()
	conn, err := w.journal.db.Conn(ctx)
	if err != nil {
		return err
	}
	w.conn = conn
	for stmt, text := range map[**sql.Stmt]string{
		&w.fact: insertFact, &w.source: insertSource, &w.batch: insertBatch, &w.answer: insertAnswer,
	} {
		if *stmt, err = conn.PrepareContext(ctx, text); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) run() {
	defer close(w.journal.closed)
	defer w.close()
	for {
		select {
		case r := <-w.journal.requests:
			w.gather(r)
			w.commit()
		case <-w.journal.closing:
			return
		}
	}
}

// close ends the connection. Statements that stay open would keep SQLite from
// putting all into the one file.
func (w *writer) close() {
	for _, stmt := range []*sql.Stmt{w.fact, w.source, w.batch, w.answer} {
		_ = stmt.Close()
	}
	_ = w.conn.Close()
	w.mark.close()
}

// gather takes the requests that wait together with first, and those of goroutines that
// are ready to run and about to make one. It does not wait for more.
func (w *writer) gather(first *request) {
	w.group = append(w.group[:0], first)
	for yielded := false; len(w.group) < maxGroup; {
		select {
		case r := <-w.journal.requests:
			w.group, yielded = append(w.group, r), false
		default:
			if yielded {
				return
			}
			yielded = true
			runtime.Gosched()
		}
	}
}

func (w *writer) commit() {
	err := w.journal.present()
	if err == nil {
		err = w.transact()
	}
	if err == nil {
		err = w.setMark()
	}
	for i, r := range w.group {
		if err == nil {
			w.journal.sources.saved(r.sources)
		}
		r.done <- err
		w.group[i] = nil
	}
}

// setMark counts the batches of the group.
func (w *writer) setMark() error {
	begun := int64(0)
	for _, r := range w.group {
		if r.records != nil {
			begun++
		}
	}
	if begun == 0 {
		return nil
	}
	w.begun += begun
	return w.mark.set(w.begun)
}

func (w *writer) transact() error {
	ctx := context.Background()
	if _, err := w.conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	err := w.storeAll(ctx)
	if err == nil {
		_, err = w.conn.ExecContext(ctx, "COMMIT")
	}
	if err != nil {
		// After some errors SQLite has rolled back already, which is as good.
		_, _ = w.conn.ExecContext(ctx, "ROLLBACK")
	}
	return err
}

func (w *writer) storeAll(ctx context.Context) error {
	for _, r := range w.group {
		if err := w.store(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) store(ctx context.Context, r *request) error {
	for _, s := range r.sources {
		if _, err := w.source.ExecContext(ctx, s.id, s.File, s.Sheet); err != nil {
			return err
		}
	}
	if r.records != nil {
		sum := batchSum(r.id, r.sent, r.at.UnixMilli(), r.span, r.records)
		if _, err := w.batch.ExecContext(ctx, r.id, r.sent, r.at.UnixMilli(), r.span.first, r.span.last, string(r.records), sum); err != nil {
			return err
		}
	}
	if r.outcomes != nil {
		sum := answerSum(r.id, r.at.UnixMilli(), r.outcomes)
		if _, err := w.answer.ExecContext(ctx, r.id, r.at.UnixMilli(), string(r.outcomes), sum); err != nil {
			return err
		}
	}
	if r.fact != "" {
		if _, err := w.fact.ExecContext(ctx, r.fact, r.value); err != nil {
			return err
		}
	}
	return nil
}
