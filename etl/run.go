package etl

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// Run reads every Input to its end and brings each Record to one Outcome: the
// reader maps records, on all processors, and gathers batches in reading order,
// writers resolve, journal and send them, and one collector hands the outcomes to
// the Report, in reading order again.
// Channels are unbuffered and at most a few batches per writer are under way,
// so a slow destination slows the reader down and memory stays level.
//
// When a step fails, or Options.Stop is closed, batches under way are finished,
// and what else the inputs hold becomes Unsent. Cancelling ctx ends the run at
// once; rows not read by then have no outcome. The error is the first one that
// made the run stop, or nil.
func Run(ctx context.Context, steps Steps, opts Options) (Totals, error) {
	r := newRun(steps, opts)
	defer r.keys.free()
	var group, writers errgroup.Group
	group.Go(func() error { defer close(r.batches); r.read(ctx); return nil })
	for range r.opts.Writers {
		writers.Go(func() error { r.write(ctx); return nil })
	}
	group.Go(func() error { defer close(r.done); return writers.Wait() })
	group.Go(func() error { r.collect(); return nil })
	_ = group.Wait() // the steps report through r.fail, so that none cancels another
	if r.err == nil {
		r.err = ctx.Err()
	}
	return r.totals, r.err
}

// batchesPerWriter bounds how far the order of outcomes may run apart: a batch
// that waits for HubSpot holds back the report of at most so many later ones.
const batchesPerWriter = 8

// wholeBatches bounds how many batches wait for the Report where parts are batches, of
// some hundred rows each.
const wholeBatches = 2

// An entry is one Record with its Outcome, once it is judged.
type entry struct {
	rec     *Record
	mapper  Mapper
	stamper Stamper // nil mostly
	key     keyHash // of rec.Key, unless there is a stamper
	others  []uniqueValue
	out     Outcome
	judged  bool
	kept    bool // the journal has it
}

func (e *entry) judge(out Outcome) { e.out, e.judged = out, true }

// reject judges a record that is not to be sent, because of problems. If an
// earlier attempt sent it, what became of it is as open as before.
func (e *entry) reject(problems []Problem) {
	out := Outcome{Status: Rejected, Problems: problems}
	if d := e.rec.Doubt; d != nil {
		out.Status = InDoubt
		out.Problems = append([]Problem{{
			Column: -1, Code: "NO_ANSWER",
			Message: "it was sent at " + d.Begun.UTC().Format(time.RFC3339) + ", and no answer came, so HubSpot may have stored it or not; by now it would be rejected",
			Hint:    "look in HubSpot whether the ticket is there before you send the row again",
		}}, problems...)
	}
	e.judge(out)
}

// A batch is a stretch of records in reading order, those to be sent and those
// that were judged on the way.
type batch struct {
	seq int
	*room
	open  int // entries not judged yet
	light int // entries of rows that nobody has touched
}

type run struct {
	steps   Steps
	opts    Options
	keys    *keySet
	window  chan struct{} // one token per batch between reader and collector
	batches chan *batch
	done    chan *batch
	totals  Totals
	spare   spareRooms

	// Where nothing is sent or looked up, a part as it was read is a batch, and its
	// records are used again when they are reported.
	whole bool

	halt     chan struct{} // closed when nothing more is to be sent
	haltOnce sync.Once
	err      error // why; written before halt is closed
}

func newRun(steps Steps, opts Options) *run {
	if opts.Batch <= 0 {
		opts.Batch = 100
	}
	if opts.Writers <= 0 || steps.Sink == nil && steps.Resolver == nil {
		opts.Writers = 1 // which waits for nobody
	}
	r := &run{
		steps: steps, opts: opts,
		window:  make(chan struct{}, opts.Writers*batchesPerWriter),
		batches: make(chan *batch),
		done:    make(chan *batch),
		halt:    make(chan struct{}),
		spare:   make(spareRooms, 16), // more are hardly ever under way
		whole:   steps.Sink == nil && steps.Resolver == nil,
	}
	if r.whole {
		r.window = make(chan struct{}, wholeBatches)
	}
	if opts.Unique {
		r.keys = newKeySet(opts.UniqueProperties, opts.Doubles)
	}
	return r
}

// fail stops the sending; the first cause is kept.
func (r *run) fail(err error) {
	if err == nil {
		return
	}
	r.haltOnce.Do(func() { r.err = err; close(r.halt) })
}

func (r *run) stopping() bool {
	select {
	case <-r.halt:
		return true
	case <-r.opts.Stop:
		return true
	default:
		return false
	}
}

// gather numbers the records that were read and puts them into batches.
func (r *run) gather(ctx context.Context, parts <-chan *part) {
	var seq int64
	next := &batch{room: &room{}}
	for p := range parts {
		<-p.mapped
		read := p.room.entries
		r.keys.touch(read)
		if r.whole {
			next.room = p.room
		}
		for i := range read {
			seq++
			read[i].rec.Seq = seq
			r.place(&read[i])
			err := r.recall(ctx, &read[i])
			if r.whole {
				next.entries = read[:i+1]
				next.count(&read[i])
			} else {
				next.add(&read[i])
			}
			if err != nil {
				r.fail(err)
				r.pass(ctx, next)
				return
			}
			if !r.whole && next.full(r.size(next.seq)) {
				if !r.pass(ctx, next) {
					return
				}
				next = &batch{seq: next.seq + 1, room: r.spare.take()}
			}
		}
		switch {
		case !r.whole:
			r.spare.give(p.room)
		case len(read) > 0:
			if !r.pass(ctx, next) {
				return
			}
			next = &batch{seq: next.seq + 1, room: &room{}}
		}
		if p.err != nil {
			r.fail(p.err)
			break
		}
	}
	r.pass(ctx, next)
}

// hashKeys prepares the unique values of a record to be compared with others.
func (r *run) hashKeys(e *entry) {
	e.key, e.others = r.keys.hash("", e.rec.Key), r.keys.values(e.rec)
}

// place judges a record by its place among the others, and where no request is
// needed for that.
func (r *run) place(e *entry) {
	if e.stamper != nil {
		e.stamper.Stamp(e.rec)
		r.hashKeys(e)
	}
	if e.judged {
		return
	}
	// A rejected row keeps its key: mended, it would meet the one that follows.
	doubles := r.keys.claim(e.rec, e.key, e.others)
	if p, passed := r.keys.passed(e.rec, doubles); passed {
		e.judge(Outcome{Status: Skipped, Problems: []Problem{p}})
		return
	}
	problems := e.out.Problems
	if len(doubles) > 0 {
		locate(e, doubles)
		problems = append(problems, doubles...)
		e.out.Problems = problems
	}
	switch {
	case fatal(problems):
		e.judge(Outcome{Status: Rejected, Problems: problems})
	case e.rec.Untouched != "":
		e.rec.Fields, e.rec.Kinds = nil, nil // nobody needs them, and a batch may have very many of these
		e.judge(Outcome{Status: Unchanged, ID: e.rec.Untouched, Problems: problems})
	}
}

// recall gives a record the outcome that it has from an earlier attempt, also if
// it would be rejected by now: the account's definitions may have changed.
func (r *run) recall(ctx context.Context, e *entry) error {
	if r.steps.Past == nil {
		return nil
	}
	out, ended, err := r.steps.Past.Ended(ctx, e.rec)
	switch {
	case err != nil:
		return err
	case ended && e.judged && e.out.Status == out.Status: // it is known at first hand
		e.kept = true
	case ended:
		e.judge(out)
		e.kept = true
	case e.judged && e.out.Status == Rejected:
		e.reject(e.out.Problems)
	}
	return nil
}

// size is the number of records in the batch of that number.
func (r *run) size(seq int) int {
	if seq == 0 && r.opts.First > 0 {
		return min(r.opts.First, r.opts.Batch)
	}
	return r.opts.Batch
}

func fatal(problems []Problem) bool {
	for i := range problems {
		if !problems[i].Warning {
			return true
		}
	}
	return false
}

func (b *batch) add(e *entry) {
	b.count(e)
	b.entries = append(b.entries, *e)
}

// count counts an entry of b.
func (b *batch) count(e *entry) {
	if !e.judged {
		b.open++
	}
	if e.rec.Untouched != "" {
		b.light++
	}
}

// full also bounds stretches in which most records were judged already. Untouched
// ones, which take little memory, count a twentieth: a few changed rows among many
// are to go in one batch.
func (b *batch) full(size int) bool {
	return b.open >= size || len(b.entries)-b.light+b.light/20 >= 10*size
}

// pass hands b to a writer; false means that the run was cancelled.
func (r *run) pass(ctx context.Context, b *batch) bool {
	if len(b.entries) == 0 {
		return true
	}
	select {
	case r.window <- struct{}{}:
	case <-ctx.Done():
		return false
	}
	r.batches <- b // writers take batches until the channel is closed
	return true
}

// A writer sends one batch after the other. While the outcomes of one get on disk
// the next is made ready, so that its intent often goes there with the same sync;
// but it is not sent before.
type writer struct {
	*run
	ending sync.WaitGroup // of the batch before
}

func (r *run) write(ctx context.Context) {
	w := &writer{run: r}
	defer w.ending.Wait()
	for b := range r.batches {
		var end func() error
		if r.stopping() || ctx.Err() != nil {
			b.judgeRest(Unsent)
		} else {
			end = w.process(ctx, b)
		}
		w.ending.Wait()
		if end == nil {
			r.finish(ctx, b)
			continue
		}
		w.ending.Go(func() { r.fail(end()); r.finish(ctx, b) })
	}
}

// finish hands b on, in which all is judged, and what was sent is kept.
func (r *run) finish(ctx context.Context, b *batch) {
	r.fail(r.keep(ctx, b))
	r.done <- b
}

// keep journals the entries of b that were judged without being sent.
func (r *run) keep(ctx context.Context, b *batch) error {
	if r.steps.Journal == nil {
		return nil
	}
	var recs []*Record
	var outcomes []Outcome
	for i := range b.entries {
		if e := &b.entries[i]; !e.kept {
			recs, outcomes = append(recs, e.rec), append(outcomes, e.out)
		}
	}
	if len(recs) == 0 {
		return nil
	}
	return r.steps.Journal.Judged(context.WithoutCancel(ctx), recs, outcomes)
}

// process brings the open entries of b to their outcome. end has to be called then,
// if it is not nil: it keeps the outcomes of those that were sent.
func (w *writer) process(ctx context.Context, b *batch) (end func() error) {
	if w.whole { // there is nobody to reject any
		b.judgeRest(w.opts.Checked)
		return nil
	}
	if err := w.reject(ctx, b); err != nil {
		b.judgeRest(Unsent)
		w.fail(err)
		return nil
	}
	if w.steps.Sink == nil {
		b.judgeRest(w.opts.Checked)
		return nil
	}
	recs := b.records()
	if len(recs) == 0 {
		return nil
	}
	return w.send(ctx, b, recs)
}

// send journals and delivers recs, the open entries of b. Outcomes are complete in
// any case; end, if it is not nil, keeps them.
func (w *writer) send(ctx context.Context, b *batch, recs []*Record) (end func() error) {
	outcomes := same(Unsent, len(recs))
	if w.steps.Journal != nil {
		id, err := w.steps.Journal.Begin(ctx, recs)
		if err != nil {
			b.judgeRest(Unsent)
			w.fail(err)
			return nil
		}
		b.keptOpen()
		// The answer is known: it is kept even when the run is being cancelled.
		end = func() error { return w.steps.Journal.End(context.WithoutCancel(ctx), id, recs, outcomes) }
	}
	var err error
	if w.ending.Wait(); !w.stopping() { // the outcomes of the batch before are kept
		outcomes, err = w.steps.Sink.Write(ctx, recs)
	}
	b.complete(outcomes)
	b.judgeOpen(outcomes)
	if err != nil && end != nil { // the run stops, and nothing is made ready meanwhile
		err, end = errors.Join(err, end()), nil
	}
	w.fail(err)
	return end
}

// keptOpen notes that the journal has the open entries.
func (b *batch) keptOpen() {
	for i := range b.entries {
		if !b.entries[i].judged {
			b.entries[i].kept = true
		}
	}
}

// doubt corrects the outcome of a record that was not sent this time: if an
// earlier attempt sent it and its answer is not known, that is still so.
func (out *Outcome) doubt(rec *Record) {
	if out.Status == Unsent && rec.Doubt != nil {
		out.Status = InDoubt
	}
}

func same(status Status, n int) []Outcome {
	out := make([]Outcome, n)
	for i := range out {
		out[i].Status = status
	}
	return out
}

// reject resolves the references of the open entries, and rejects those that lack
// one that is required, or that the Sink cannot take.
func (r *run) reject(ctx context.Context, b *batch) error {
	if err := r.resolve(ctx, b); err != nil {
		return err
	}
	c, ok := r.steps.Sink.(Checker)
	recs := b.records()
	if !ok || len(recs) == 0 {
		return nil
	}
	rejected, err := c.Check(ctx, recs)
	if err != nil {
		return err
	}
	b.eachOpen(func(i int, e *entry) {
		if out, ok := rejected[i]; ok {
			out.Problems = append(e.out.Problems, out.Problems...)
			e.judge(out)
		}
	})
	return nil
}

// resolve looks the references of the open entries up.
func (r *run) resolve(ctx context.Context, b *batch) error {
	recs := b.records()
	if r.steps.Resolver == nil || len(recs) == 0 {
		return nil
	}
	problems, err := r.steps.Resolver.Resolve(ctx, recs)
	if err != nil {
		return err
	}
	b.eachOpen(func(i int, e *entry) {
		locate(e, problems[i])
		e.out.Problems = append(e.out.Problems, problems[i]...)
		if fatal(e.out.Problems) {
			e.reject(e.out.Problems)
		}
	})
	return nil
}

// eachOpen calls f for each entry that is open, with its place among them. Those
// that f judges are open no more.
func (b *batch) eachOpen(f func(i int, e *entry)) {
	next := 0
	for i := range b.entries {
		e := &b.entries[i]
		if e.judged {
			continue
		}
		f(next, e)
		next++
		if e.judged {
			b.open--
		}
	}
}

func (b *batch) records() []*Record {
	recs := make([]*Record, 0, b.open)
	for i := range b.entries {
		if !b.entries[i].judged {
			recs = append(recs, b.entries[i].rec)
		}
	}
	return recs
}

// complete adds to the outcomes of the open entries, in order, what else is known
// of them: warnings that were found on the way, and the cells.
func (b *batch) complete(outcomes []Outcome) {
	next := 0
	for i := range b.entries {
		e := &b.entries[i]
		if e.judged {
			continue
		}
		out := &outcomes[next]
		next++
		out.doubt(e.rec)
		locate(e, out.Problems)
		out.Problems = append(slices.Clip(e.out.Problems), out.Problems...)
	}
}

// judgeOpen gives the open entries their outcomes, in order.
func (b *batch) judgeOpen(outcomes []Outcome) {
	next := 0
	for i := range b.entries {
		if e := &b.entries[i]; !e.judged {
			e.judge(outcomes[next])
			next++
		}
	}
	b.open = 0
}

// judgeRest gives the open entries the same outcome, with the warnings of each.
func (b *batch) judgeRest(status Status) {
	for i := range b.entries {
		if e := &b.entries[i]; !e.judged {
			out := Outcome{Status: status, Problems: e.out.Problems}
			out.doubt(e.rec)
			e.judge(out)
		}
	}
	b.open = 0
}

// A Locator is a Mapper that knows from which column a property comes, so that
// what HubSpot says of a property can be told of a cell.
type Locator interface {
	ColumnOf(property string) (column int, ok bool)
}

func locate(e *entry, problems []Problem) {
	l, ok := e.mapper.(Locator)
	if !ok {
		return
	}
	for i := range problems {
		p := &problems[i]
		if p.Column >= 0 || p.Property == "" {
			continue
		}
		if c, ok := l.ColumnOf(p.Property); ok && c < len(e.rec.Fields) {
			p.Column, p.Value = c, e.rec.Fields[c]
		}
	}
}

// collect hands the outcomes on in reading order.
func (r *run) collect() {
	waiting := map[int]*batch{}
	next := 0
	for b := range r.done {
		waiting[b.seq] = b
		for ready := waiting[next]; ready != nil; ready = waiting[next] {
			r.tell(ready)
			delete(waiting, next)
			next++
			<-r.window
		}
	}
}

func (r *run) tell(b *batch) {
	for i := range b.entries {
		e := &b.entries[i]
		r.totals[e.out.Status]++
		if r.steps.Report != nil {
			r.fail(r.steps.Report.Add(e.rec, e.out))
		}
	}
	if r.whole {
		r.spare.giveReported(b.room, r.opts.Checked)
	} else {
		r.spare.give(b.room)
	}
}
