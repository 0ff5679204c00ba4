package journal

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"github.com/ticketetl/ticketetl/etl"
)

// A History tells a run that carries on what became of its records in earlier
// attempts. It is an etl.Past; one goroutine calls it, in the order of the
// records' numbers. It holds the answers of a stretch of records at a time.
type History struct {
	journal *Journal
	again   func(etl.Status) bool // nil: tell what was reported, of every record
	span    int64                 // the greatest distance between the records of one batch
	upTo    int64                 // the stretch that is held ends here
	held    map[int64]*past
}

// past is what the attempts so far say of one record.
type past struct {
	out     etl.Outcome // while doubted, what was said of the doubt last
	ended   bool        // out stands
	doubted bool        // sent, and no answer is known
	begun   time.Time
}

// stretch is how many records are looked up at a time.
const stretch = 2000

// History reads the journal for a run that carries on. again says which
// outcomes are to be tried once more; it is not asked about unsent records,
// which always are, nor about those in doubt, which are for the Sink to settle.
// With a nil again, what was reported last is told of every record, and nothing
// is to be tried once more.
func (j *Journal) History(ctx context.Context, again func(etl.Status) bool) (*History, error) {
	h := &History{journal: j, again: again}
	err := j.db.QueryRowContext(ctx, `SELECT coalesce(max(last - first), 0) FROM batches`).Scan(&h.span)
	return h, explain(j.path, err)
}

// Ended implements etl.Past.
func (h *History) Ended(ctx context.Context, rec *etl.Record) (etl.Outcome, bool, error) {
	if rec.Seq > h.upTo {
		if err := h.load(ctx, rec.Seq); err != nil {
			return etl.Outcome{}, false, explain(h.journal.path, err)
		}
	}
	p := h.held[rec.Seq]
	if p == nil {
		return etl.Outcome{}, false, nil
	}
	if h.again == nil {
		return p.out, true, nil
	}
	if p.doubted {
		floor, err := h.journal.floorBefore(ctx, p.begun)
		rec.Doubt = &etl.Doubt{Begun: p.begun, Floor: floor}
		return etl.Outcome{}, false, explain(h.journal.path, err)
	}
	return p.out, p.ended && !h.again(p.out.Status), nil
}

// load holds what the journal has of the records from seq on.
func (h *History) load(ctx context.Context, seq int64) error {
	h.held, h.upTo = map[int64]*past{}, seq+stretch-1
	where := `WHERE b.first BETWEEN ? AND ?`
	return h.journal.eachBatch(ctx, where, func(b *Batch, err error) bool {
		h.learn(b, seq)
		return true
	}, seq-h.span, h.upTo)
}

// learn adds what one batch says, which is newer than what is held. A doubt
// stays until an answer ends it: that a later attempt did not come to send the
// record says nothing about the first one.
func (h *History) learn(b *Batch, from int64) {
	for i, in := range b.Intents {
		if in.Seq < from || in.Seq > h.upTo {
			continue
		}
		p := h.held[in.Seq]
		if p == nil {
			p = &past{}
			h.held[in.Seq] = p
		}
		out := etl.Outcome{Status: etl.InDoubt}
		if b.Outcomes != nil {
			out = b.Outcomes[i]
		}
		switch {
		case b.Sent && out.Status == etl.InDoubt:
			p.doubt(b.Begun, out)
		case b.Sent && out.Status != etl.Unsent:
			*p = past{out: out, ended: true}
		case h.again == nil && !p.doubted:
			*p = past{out: out}
		}
	}
}

// doubt keeps the time of the first attempt without an answer.
func (p *past) doubt(begun time.Time, out etl.Outcome) {
	if !p.doubted {
		*p = past{doubted: true, begun: begun}
	}
	p.out = out
}

// FloorFact is the key under which a run notes the id of a ticket that was there
// before it sent anything.
const FloorFact = "floor"

// floorBefore is the greatest id of a ticket that is known to have been there at
// the given time: from the answers before it, or what the run noted at first.
func (j *Journal) floorBefore(ctx context.Context, at time.Time) (string, error) {
	floor := "0"
	if _, err := j.Noted(ctx, FloorFact, &floor); err != nil {
		return "", err
	}
	rows, err := j.db.QueryContext(ctx, `SELECT outcomes FROM answers WHERE ended < ? ORDER BY ended DESC LIMIT 20`, at.UnixMilli())
	if err != nil {
		return "", err
	}
	defer rows.Close()
	for rows.Next() {
		ids, err := scanIDs(rows)
		if err != nil {
			return "", err
		}
		for _, id := range ids {
			if laterID(id, floor) {
				floor = id
			}
		}
	}
	return floor, rows.Err()
}

// laterID compares ids as the decimal numbers that they are.
func laterID(a, b string) bool {
	if len(a) != len(b) {
		return len(a) > len(b)
	}
	return a > b
}

func scanIDs(rows *sql.Rows) ([]string, error) {
	var text []byte
	if err := rows.Scan(&text); err != nil {
		return nil, err
	}
	outcomes, err := parseOutcomes(text)
	if err != nil {
		return nil, err
	}
	var ids []string
	for i := range outcomes {
		if outcomes[i].ID != "" {
			ids = append(ids, outcomes[i].ID)
		}
	}
	return ids, nil
}

// Claimed says which of the ticket ids the journal gives to records of the run.
// It reads all answers, so ask for many at once.
func (j *Journal) Claimed(ctx context.Context, ids []string) (map[string]bool, error) {
	asked := make(map[string]bool, len(ids))
	for _, id := range ids {
		asked[id] = true
	}
	claimed := map[string]bool{}
	rows, err := j.db.QueryContext(ctx, `SELECT outcomes FROM answers`)
	if err != nil {
		return nil, explain(j.path, err)
	}
	defer rows.Close()
	for rows.Next() {
		found, err := scanIDs(rows)
		if err != nil {
			return nil, explain(j.path, errors.Join(errors.New("an answer is damaged"), err))
		}
		for _, id := range found {
			if asked[id] {
				claimed[strings.Clone(id)] = true
			}
		}
	}
	return claimed, explain(j.path, rows.Err())
}
