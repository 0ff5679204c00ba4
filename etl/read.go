package etl

import (
	"cmp"
	"context"
	"errors"
	"io"
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"
)

// A part is a stretch of an Input on its way through the reading: cut off, read and
// mapped by one of several goroutines, and taken up again in the order of the Input.
type part struct {
	in      Input
	stretch Stretch
	room    *room
	err     error         // ended the stretch, and with it the run
	mapped  chan struct{} // closed when room has the entries, and err is set
}

// read turns the inputs into batches. Reading and mapping, which take most of the
// time of a check, are spread over all processors; what goes by the order of the
// rows (numbers, keys, earlier attempts) is done by gather.
func (r *run) read(ctx context.Context) {
	workers := cmp.Or(r.opts.Readers, runtime.GOMAXPROCS(0))
	c := &cutter{inputs: r.steps.Inputs, ordered: make(chan *part, workers), enough: make(chan struct{})}
	var group errgroup.Group
	for range workers {
		group.Go(func() error {
			for p := c.next(ctx); p != nil; p = c.next(ctx) {
				r.readPart(ctx, p)
			}
			return nil
		})
	}
	r.gather(ctx, c.ordered)
	close(c.enough)
	_ = group.Wait() // the inputs are not touched any more
}

// A cutter cuts the inputs into parts. Whoever has one cut off reads it too, as its
// text is near to that processor then.
type cutter struct {
	mu      sync.Mutex
	inputs  []Input       // what is left
	ordered chan *part    // all parts; closed when there are no more
	enough  chan struct{} // closed when nobody wants more
	ended   bool
}

// next is the next part, which has its place in the order already; nil if there are no
// more, or there were enough.
func (c *cutter) next(ctx context.Context) *part {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.inputs) > 0 {
		in := c.inputs[0]
		stretch, err := nextStretch(ctx, in.Source)
		switch {
		case errors.Is(err, io.EOF):
			c.inputs = c.inputs[1:]
			continue
		case err != nil:
			c.inputs = nil
		}
		p := &part{in: in, stretch: stretch, err: err, mapped: make(chan struct{})}
		select {
		case c.ordered <- p:
			return p
		case <-c.enough:
			return nil
		}
	}
	if !c.ended {
		c.ended = true
		close(c.ordered)
	}
	return nil
}

// readPart reads and maps the records of p.
func (r *run) readPart(ctx context.Context, p *part) {
	defer close(p.mapped)
	p.room = r.spare.take()
	if p.err != nil {
		return
	}
	defer p.refill()()
	stamper, stamped := p.in.Mapper.(Stamper)
	for {
		rec, err := p.stretch.Next(ctx)
		if errors.Is(err, io.EOF) {
			return
		}
		rowErr := faultOf(err)
		if err != nil && rowErr == nil {
			p.err = err
			return
		}
		e := mapped(p.in.Mapper, rec, rowErr)
		if stamped && !rec.Partial {
			e.stamper = stamper // and the key comes later
		} else if !e.judged {
			r.hashKeys(&e)
		}
		p.room.entries = append(p.room.entries, e)
	}
}

// refill hands the spare records of the room to the stretch, if it takes any. Those
// that it has not used by the end stay spare.
func (p *part) refill() (end func()) {
	f, ok := p.stretch.(Refiller)
	if !ok {
		p.room.records = nil
		return func() {}
	}
	f.Refill(p.room.records)
	return func() {
		used := min(len(p.room.entries), len(p.room.records))
		p.room.records = p.room.records[:len(p.room.records)-used]
		p.room.refiller = f
	}
}

// faultOf is the RowError that err is; nil for any other, and for none.
func faultOf(err error) *RowError {
	if err == nil {
		return nil
	}
	var fault *RowError
	errors.As(err, &fault)
	return fault
}

// mapped maps one record, and judges it where its place among others does not
// matter for that.
func mapped(m Mapper, rec *Record, rowErr *RowError) entry {
	e := entry{rec: rec, mapper: m}
	if rowErr != nil {
		rec.Partial = true
		e.judge(Outcome{Status: Rejected, Problems: []Problem{rowErr.Problem}})
		return e
	}
	skip, problems := m.Apply(rec)
	if skip {
		e.judge(Outcome{Status: Skipped, Problems: problems})
		return e
	}
	if len(problems) > 0 {
		locate(&e, problems)
		e.out.Problems = problems
	}
	return e
}

// A room holds the entries of a part, or of a batch, and is used again. Making them
// anew, entry by entry, was a sixth of what a check allocated.
type room struct {
	entries  []entry
	records  []*Record // of which nobody knows any more
	refiller Refiller  // that gave the records of the entries; nil if it takes none back
}

// spareRooms are rooms that nobody needs any more. In a sync.Pool the collector would
// throw them away now and then, with all that they hold.
type spareRooms chan *room

func (s spareRooms) take() *room {
	select {
	case r := <-s:
		return r
	default:
		return &room{}
	}
}

// give takes r back.
func (s spareRooms) give(r *room) {
	clear(r.entries)
	r.entries, r.refiller = r.entries[:0], nil
	select {
	case s <- r:
	default:
	}
}

// giveReported takes r back when nobody knows the records of its entries any more.
func (s spareRooms) giveReported(r *room, good Status) {
	if r.refiller != nil {
		r.takeBack(r.all(good))
	}
	s.give(r)
}

// takeBack gives the block of the entries back if it may be, and keeps their records.
// These are emptied when they are filled again, by a processor that needs them near.
func (r *room) takeBack(block bool) {
	if block {
		r.refiller.Release()
	}
	for i := range r.entries {
		rec := r.entries[i].rec
		if !block {
			rec.forget()
		}
		r.records = append(r.records, rec)
	}
}

// all says whether all rows are good and nothing is to be said of them. Of others,
// texts wait to be written to the report's files.
func (r *room) all(good Status) bool {
	for i := range r.entries {
		if out := &r.entries[i].out; out.Status != good || len(out.Problems) > 0 {
			return false
		}
	}
	return true
}

// nextStretch is the next stretch of src; of one that is not a Chunker, some
// records that were read already.
func nextStretch(ctx context.Context, src Source) (Stretch, error) {
	if c, ok := src.(Chunker); ok {
		return c.Chunk(ctx)
	}
	return ReadAhead(ctx, src, readAhead)
}

// readAhead is how many records make a stretch where they are read one by one.
const readAhead = 32

// ReadAhead reads up to n records, for a Stretch that gives them back. The error
// is io.EOF if there are none.
func ReadAhead(ctx context.Context, src Stretch, n int) (Stretch, error) {
	var s readRecords
	for len(s) < n {
		rec, err := src.Next(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		s = append(s, recordRead{rec, err})
		if rec == nil {
			break
		}
	}
	if len(s) == 0 {
		return nil, io.EOF
	}
	return &s, nil
}

// readRecords is a Stretch of records that were read, each with the error that came with it.
type readRecords []recordRead

type recordRead struct {
	rec *Record
	err error
}

func (s *readRecords) Next(context.Context) (*Record, error) {
	if len(*s) == 0 {
		return nil, io.EOF
	}
	next := (*s)[0]
	*s = (*s)[1:]
	return next.rec, next.err
}
