package journal

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/ticketetl/ticketetl/etl"
)

// judgedHeld is how many judged records are stored together.
const judgedHeld = 500

// judged holds records that need no request until there are enough to store.
type judged struct {
	mu       sync.Mutex
	n        int
	seqs     span
	records  encoder
	outcomes encoder
	last     *request // handed over, result not looked at yet
}

// Judged stores the outcomes of records that were not sent: skipped, rejected or
// unsent. They are stored some hundreds at a time, and with Close at the latest,
// without waiting for the disk: what a crash loses is judged anew by the next
// run. An error may belong to an earlier call.
func (j *Journal) Judged(ctx context.Context, recs []*etl.Record, outcomes []etl.Outcome) error {
	if len(recs) != len(outcomes) {
		return explain(j.path, fmt.Errorf("%d records were judged with %d outcomes", len(recs), len(outcomes)))
	}
	j.judged.mu.Lock()
	defer j.judged.mu.Unlock()
	for i, rec := range recs {
		j.judged.seqs.add(rec.Seq)
		j.judged.records.record(rec, j.sources.id(rec.Pos), j.facts.Redact)
		j.judged.outcomes.outcome(&outcomes[i], j.facts.Redact)
		if j.judged.n++; j.judged.n < judgedHeld {
			continue
		}
		if err := j.handJudged(ctx); err != nil {
			return err
		}
	}
	return nil
}

// handJudged gives what is held to the writer, once the one before is stored.
// On an error of ctx it is still held.
func (j *Journal) handJudged(ctx context.Context) error {
	if err := j.lastJudged(); err != nil {
		return err
	}
	r := &request{
		id: j.lastID.Add(1), at: time.Now(), span: j.judged.seqs, sources: j.sources.unsaved(),
		records: j.judged.records.done(), outcomes: j.judged.outcomes.done(),
	}
	if err := j.hand(ctx, r); err != nil {
		return err
	}
	j.judged.last = r
	j.judged.n, j.judged.seqs, j.judged.records, j.judged.outcomes = 0, span{}, encoder{}, encoder{}
	return nil
}

// lastJudged waits for what was handed over before.
func (j *Journal) lastJudged() error {
	if j.judged.last == nil {
		return nil
	}
	err := <-j.judged.last.done
	j.judged.last = nil
	return explain(j.path, err)
}

func (j *Journal) flushJudged() error {
	j.judged.mu.Lock()
	defer j.judged.mu.Unlock()
	var err error
	if j.judged.n > 0 {
		err = j.handJudged(context.Background())
	}
	return errors.Join(err, j.lastJudged())
}
