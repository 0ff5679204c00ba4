package journal

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"time"

	"github.com/ticketetl/ticketetl/etl"
)

// An Intent is what the journal knows of a record from before it was sent.
type Intent struct {
	Seq  int64
	Pos  etl.Position
	Key  string // empty where the run has Facts.Redact
	Hash uint64 // PayloadHash
}

// A Batch is one batch as the journal has it.
type Batch struct {
	ID       etl.BatchID
	Sent     bool // false: its records were judged without being sent
	Begun    time.Time
	Ended    time.Time // zero: no answer was stored, so its records are in doubt
	Intents  []Intent
	Outcomes []etl.Outcome // one for each of Intents; nil while Ended is zero
}

// Batches goes through all batches in the order in which they were begun.
// Batches that are stored meanwhile may be missing. After an error it ends.
func (j *Journal) Batches(ctx context.Context) iter.Seq2[*Batch, error] {
	return j.batches(ctx, "")
}

// Undone goes through the batches that were begun and not ended: those that are
// under way and those that were when an earlier process died.
func (j *Journal) Undone(ctx context.Context) iter.Seq2[*Batch, error] {
	return j.batches(ctx, "WHERE a.batch IS NULL")
}

func (j *Journal) batches(ctx context.Context, where string) iter.Seq2[*Batch, error] {
	return func(yield func(*Batch, error) bool) {
		if err := j.eachBatch(ctx, where, yield); err != nil {
			yield(nil, explain(j.path, err))
		}
	}
}

// eachBatch stops without an error when yield has had enough.
func (j *Journal) eachBatch(ctx context.Context, where string, yield func(*Batch, error) bool, args ...any) error {
	places, err := j.places(ctx)
	if err != nil {
		return err
	}
	rows, err := j.db.QueryContext(ctx, `
		SELECT b.batch, b.sent, b.begun, b.first, b.last, b.records, b.sum, a.ended, a.outcomes, a.sum
		FROM batches b LEFT JOIN answers a ON a.batch = b.batch `+where+` ORDER BY b.batch`, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		b, err := scanBatch(rows, places)
		if err != nil {
			return err
		}
		if !yield(b, nil) {
			return nil
		}
	}
	return rows.Err()
}

func (j *Journal) places(ctx context.Context) (map[int64]etl.Position, error) {
	rows, err := j.db.QueryContext(ctx, `SELECT id, file, sheet FROM sources`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	places := map[int64]etl.Position{}
	for rows.Next() {
		var id int64
		var p etl.Position
		if err := rows.Scan(&id, &p.File, &p.Sheet); err != nil {
			return nil, err
		}
		places[id] = p
	}
	return places, rows.Err()
}

func scanBatch(rows *sql.Rows, places map[int64]etl.Position) (*Batch, error) {
	var b Batch
	var begun, sum int64
	var seqs span
	var records []byte
	var outcomes sql.RawBytes
	var ended, answered sql.NullInt64
	if err := rows.Scan(&b.ID, &b.Sent, &begun, &seqs.first, &seqs.last, &records, &sum, &ended, &outcomes, &answered); err != nil {
		return nil, err
	}
	if sum != batchSum(int64(b.ID), b.Sent, begun, seqs, records) {
		return nil, b.damaged(errSum)
	}
	b.Begun = time.UnixMilli(begun).UTC()
	if err := b.setIntents(records, places); err != nil {
		return nil, b.damaged(err)
	}
	if ended.Valid {
		b.Ended = time.UnixMilli(ended.Int64).UTC()
		if answered.Int64 != answerSum(int64(b.ID), ended.Int64, outcomes) {
			return nil, b.damaged(errSum)
		}
		if err := b.setOutcomes(outcomes); err != nil {
			return nil, b.damaged(err)
		}
	}
	return &b, nil
}

func (b *Batch) damaged(err error) error {
	return fmt.Errorf("batch %d: %s: %w", b.ID, damaged, err)
}

func (b *Batch) setIntents(records []byte, places map[int64]etl.Position) error {
	var list []recordJSON
	if err := json.Unmarshal(records, &list); err != nil {
		return err
	}
	b.Intents = make([]Intent, len(list))
	for i, r := range list {
		hash, err := strconv.ParseUint(r.hash, 16, 64)
		if err != nil {
			return err
		}
		pos, known := places[r.source]
		if !known {
			return fmt.Errorf("the file that row %d stands in is not known", r.row)
		}
		pos.Row, pos.Line = r.row, r.line
		b.Intents[i] = Intent{Seq: r.seq, Pos: pos, Key: r.key, Hash: hash}
	}
	return nil
}

func (b *Batch) setOutcomes(outcomes []byte) error {
	list, err := parseOutcomes(outcomes)
	if err != nil {
		return err
	}
	if len(list) != len(b.Intents) {
		return fmt.Errorf("%d records, %d outcomes", len(b.Intents), len(list))
	}
	b.Outcomes = list
	return nil
}

func parseOutcomes(text []byte) ([]etl.Outcome, error) {
	var list []outcomeJSON
	if err := json.Unmarshal(text, &list); err != nil {
		return nil, err
	}
	outcomes := make([]etl.Outcome, len(list))
	for i, o := range list {
		outcomes[i] = etl.Outcome(o)
	}
	return outcomes, nil
}

type recordJSON struct {
	seq, source int64
	row, line   int
	key, hash   string
}

func (r *recordJSON) UnmarshalJSON(data []byte) error {
	return json.Unmarshal(data, &[...]any{&r.seq, &r.source, &r.row, &r.line, &r.key, &r.hash})
}

type outcomeJSON etl.Outcome

func (o *outcomeJSON) UnmarshalJSON(data []byte) error {
	var status string
	var problems []problemJSON
	if err := json.Unmarshal(data, &[...]any{&status, &o.ID, &problems}); err != nil {
		return err
	}
	for _, p := range problems {
		o.Problems = append(o.Problems, etl.Problem(p))
	}
	var err error
	o.Status, err = etl.ParseStatus(status)
	return err
}

type problemJSON etl.Problem

func (p *problemJSON) UnmarshalJSON(data []byte) error {
	return json.Unmarshal(data, &[...]any{
		&p.Column, &p.Property, &p.Value, &p.Code, &p.Message, &p.Hint, &p.Warning,
	})
}

// Progress is how far a run got, with one byte for each record.
type Progress struct {
	states []uint8 // by Seq-1: 0 for nothing, else 1 + Status
}

// maxSeq bounds the memory of Progress, whatever the file says.
const maxSeq = 1 << 31

// Progress reads what became of every record. Where one was tried several
// times, the last time counts.
func (j *Journal) Progress(ctx context.Context) (*Progress, error) {
	p := &Progress{}
	for b, err := range j.Batches(ctx) {
		if err != nil {
			return nil, err
		}
		for i := range b.Intents {
			status := etl.InDoubt
			if b.Outcomes != nil {
				status = b.Outcomes[i].Status
			}
			if err := p.set(b.Intents[i].Seq, status); err != nil {
				return nil, explain(j.path, b.damaged(err))
			}
		}
	}
	return p, nil
}

func (p *Progress) set(seq int64, status etl.Status) error {
	if seq < 1 || seq > maxSeq {
		return errors.New("no record has the number " + strconv.FormatInt(seq, 10))
	}
	for int64(len(p.states)) < seq {
		p.states = append(p.states, make([]uint8, max(seq-int64(len(p.states)), 1024))...)
	}
	p.states[seq-1] = 1 + uint8(status)
	return nil
}

// Status is the last known status of the record with that Seq: InDoubt when it
// was begun and not ended. known is false when the journal does not have it,
// which means that it was never sent.
func (p *Progress) Status(seq int64) (status etl.Status, known bool) {
	if seq < 1 || seq > int64(len(p.states)) || p.states[seq-1] == 0 {
		return 0, false
	}
	return etl.Status(p.states[seq-1] - 1), true
}

// Totals counts the records by their last known status.
func (p *Progress) Totals() etl.Totals {
	var totals etl.Totals
	for _, state := range p.states {
		if state > 0 {
			totals[state-1]++
		}
	}
	return totals
}
