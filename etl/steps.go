package etl

import "context"

// A Source reads Records in the order of its file.
type Source interface {
	// Header is known from the start and does not change.
	Header() *Header

	// Next returns the next Record with Pos, Header, Fields and Kinds set; the
	// Record is the caller's. The error is io.EOF at the end. A *RowError comes
	// together with a Record that holds what could be read; the row is unusable
	// and Next may be called again. Any other error ends the run.
	Next(ctx context.Context) (*Record, error)

	Close() error
}

// A Chunker is a Source that can be cut into stretches which are read on their
// own, so that several goroutines read it at once.
type Chunker interface {
	// Chunk cuts off the next stretch. One goroutine calls it, and Next not
	// meanwhile. The error is io.EOF at the end; any other ends the run.
	Chunk(ctx context.Context) (Stretch, error)
}

// A Stretch is a part of a Source, read by whichever goroutine has it.
type Stretch interface {
	// Next is Source.Next up to the end of the stretch, where it is io.EOF.
	Next(ctx context.Context) (*Record, error)
}

// A Refiller is a Stretch that fills Records again which nobody needs any more.
type Refiller interface {
	// Refill hands spare over, before the first call of Next. They are as they were
	// left, to be Reset, and those at the end are filled first, each with what it has
	// room for.
	Refill(spare []*Record)

	// Release says that nobody knows the Records that it gave any more, nor a text
	// of theirs: what these stand in is written over.
	Release()
}

// A Mapper turns the Fields of one Record into Key, Properties and References.
// It depends on nothing but the Record, whose Seq is not set yet. Several
// goroutines call it.
type Mapper interface {
	// Apply fills rec in. skip means that the mapping leaves this row out. A
	// Problem that is not a Warning rejects the row.
	Apply(rec *Record) (skip bool, problems []Problem)
}

// A Stamper is a Mapper that adds to a Record what depends on its place in the
// run.
type Stamper interface {
	// Stamp is called after Apply, in reading order, once Seq is set.
	Stamp(rec *Record)
}

// A Resolver turns References into record ids, many at a time.
type Resolver interface {
	// Resolve sets the ID of each Reference in batch and returns the Problems
	// of each Record, in batch order. The error is non-nil only when the run
	// must stop. Several goroutines call it.
	Resolve(ctx context.Context, batch []*Record) ([][]Problem, error)
}

// A Journal makes intents and outcomes durable. Several goroutines call it.
type Journal interface {
	// Begin returns once it is on disk that batch is about to be sent.
	Begin(ctx context.Context, batch []*Record) (BatchID, error)

	// End returns once the outcomes of that batch, in batch order, are on disk.
	End(ctx context.Context, id BatchID, batch []*Record, outcomes []Outcome) error

	// Judged keeps the outcomes of records that were not sent. It need not wait
	// for the disk: what a crash loses is judged anew.
	Judged(ctx context.Context, recs []*Record, outcomes []Outcome) error
}

// An Operation says what an import does with each record.
type Operation string

// The operations of a mapping.
const (
	Create     Operation = "create"
	Update     Operation = "update"
	Upsert     Operation = "upsert"
	Delete     Operation = "delete"
	Associate  Operation = "associate"
	Dissociate Operation = "dissociate"
)

// A BatchID names a batch in a Journal.
type BatchID int64

// A Past knows what became of records in earlier attempts at the same run.
type Past interface {
	// Ended returns the outcome of rec that stands, and true; then it is not
	// sent again. Otherwise it may set rec.Doubt. The reader alone calls it, in
	// reading order.
	Ended(ctx context.Context, rec *Record) (Outcome, bool, error)
}

// A Sink delivers batches of Records. The run decides what goes into a batch
// and when; a Sink only judges the batch it is given.
type Sink interface {
	// Write delivers batch and returns exactly one Outcome per Record, in batch
	// order, whatever order the destination answered in.
	//
	// A refused Record is an Outcome, not an error. The error is non-nil only
	// when the run must stop: bad credentials, full disk, daily limit. Even
	// then the Outcomes are complete: Unsent for a Record that never left this
	// process, InDoubt for one that was sent and whose answer was lost.
	//
	// The run calls Write from several goroutines. Write must not keep batch.
	Write(ctx context.Context, batch []*Record) ([]Outcome, error)
}

// A Checker is a Sink that rejects some Records before they are journaled as
// about to be sent, by what the destination holds already.
type Checker interface {
	// Check returns the Outcomes of the Records that are rejected, by their place
	// in batch. A Record with a Doubt is for Write to judge. The error is non-nil
	// only when the run must stop.
	Check(ctx context.Context, batch []*Record) (map[int]Outcome, error)
}

// A Report is told how each Record ended, in the order of the source, from one
// goroutine. An error stops the run.
type Report interface {
	Add(rec *Record, out Outcome) error
}

// An Input is a Source with the Mapper that was compiled for its header.
type Input struct {
	Source Source
	Mapper Mapper
}

// Steps are what a run is made of. Past, Resolver and Journal may be nil. Without
// a Sink nothing is sent, and a good Record ends in Options.Checked.
type Steps struct {
	Inputs   []Input
	Past     Past
	Resolver Resolver
	Journal  Journal
	Sink     Sink
	Report   Report
}

// Options shape a run.
type Options struct {
	Batch            int             // Records in one batch; 100 if zero
	First            int             // Records in the very first batch; as many as in others if zero
	Readers          int             // goroutines that read and map; as many as there are processors if zero
	Writers          int             // batches under way at once; 1 if zero
	Checked          Status          // outcome of a good Record where there is no Sink
	Unique           bool            // reject a Record whose Key another one of the run has
	Doubles          *Doubles        // with Unique: which of several rows with one Key counts; nil: reject the later ones
	UniqueProperties []string        // with Unique: the same for the values of these, the key not among them
	Stop             <-chan struct{} // closed: finish what is under way, the rest is Unsent
}
