package etl

import (
	"context"
	"errors"
	"io"
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"
)

// A part is a stretch of an Input on its way through the reading: cut off by one
// goroutine, read and mapped by any, and taken up again in the order of the Input.
type part struct {
	in      Input
	stretch Stretch
	entries []entry
	err     error         // ended the stretch, and with it the run
	mapped  chan struct{} // closed when entries and err are set
}

// read turns the inputs into batches. Reading and mapping, which take most of the
// time of a check, are spread over all processors; what goes by the order of the
// rows (numbers, keys, earlier attempts) is done by gather.
func (r *run) read(ctx context.Context) {
	workers := runtime.GOMAXPROCS(0)
	parts, ordered, enough := make(chan *part), make(chan *part, 2*workers), make(chan struct{})
	var group errgroup.Group
	group.Go(func() error { defer close(parts); defer close(ordered); r.cut(ctx, parts, ordered, enough); return nil })
	for range workers {
		group.Go(func() error {
			for p := range parts {
				p.read(ctx, &r.spare)
			}
			return nil
		})
	}
	r.gather(ctx, ordered)
	close(enough)
	_ = group.Wait() // the inputs are not touched any more
}

// cut hands stretches of the inputs on, each to the workers and into the order,
// until the inputs end or there were enough.
func (r *run) cut(ctx context.Context, parts, ordered chan<- *part, enough <-chan struct{}) {
	for _, in := range r.steps.Inputs {
		for {
			stretch, err := nextStretch(ctx, in.Source)
			if errors.Is(err, io.EOF) {
				break
			}
			p := &part{in: in, stretch: stretch, err: err, mapped: make(chan struct{})}
			select {
			case ordered <- p:
			case <-enough:
				return
			}
			if err != nil {
				close(p.mapped)
				return
			}
			parts <- p // workers take parts until the channel is closed
		}
	}
}

// read reads and maps the records of p.
func (p *part) read(ctx context.Context, spare *spareEntries) {
	defer close(p.mapped)
	p.entries = spare.take()
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
		p.entries = append(p.entries, mapped(p.in.Mapper, rec, rowErr))
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
	locate(&e, problems)
	e.out.Problems = problems
	return e
}

// spareEntries are lists that nobody needs any more. Making them anew, entry by
// entry, was a sixth of what a check allocated.
type spareEntries struct{ pool sync.Pool }

func (s *spareEntries) take() []entry {
	if list, ok := s.pool.Get().(*[]entry); ok {
		return (*list)[:0]
	}
	return nil
}

func (s *spareEntries) give(list []entry) {
	clear(list)
	s.pool.Put(&list)
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
