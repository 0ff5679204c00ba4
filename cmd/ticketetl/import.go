package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/etl/load"
	"github.com/ticketetl/ticketetl/internal/journal"
)

type importOptions struct {
	mapping string
	files   []string
	source  sourceFlags
	lock    string
	dryRun  bool
	again   bool
	doubles string

	onConflict string

	allOrNothing bool
	confirmOver  int64
	inDoubt      string
	settleWait   time.Duration
	canary       int
	maxErrors    int64
	maxErrorRate float64
	maxCreates   int64
	maxDeletes   int64
}

func (a *app) importCommand() *cobra.Command {
	var opts importOptions
	cmd := &cobra.Command{
		Use: "import -m MAPPING FILE...", Short: "Check a spreadsheet, then create, update, upsert, delete or associate tickets",
		Long: `Checks every row of the files first. Then the good rows are sent, at most 100 in a
request, and each row's end is written into the run folder: results.csv has every
row, errors.csv one line for each problem, failed.csv the rows that were left out,
to be mended and imported as it is. What is done with a row is the mapping's
operation. Rows whose ticket already is as the row says are not sent.

A workbook of 'ticketetl export --editable' needs no mapping: only the cells are
sent that were changed since (docs/roundtrip.md).

` + exitHelp,
		Example: `  ticketetl import -m mapping.yaml tickets.xlsx
  ticketetl import -m mapping.yaml --dry-run tickets.csv
  ticketetl import edited.xlsx
  ticketetl import -m mapping.yaml --sandbox tickets.csv
  zcat tickets.csv.gz | ticketetl import -m mapping.yaml -`,
		Args: filesNeeded,
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.files = args
			var err error
			if opts.mapping, err = mappingFor(cmd, opts.mapping, args); err != nil {
				return err
			}
			return a.runImport(cmd.Context(), opts)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&opts.mapping, "mapping", "m", "", "the mapping `file` (required)")
	f.BoolVar(&opts.dryRun, "dry-run", false, "compare the rows with the account and say what would be done; send nothing")
	f.StringVar(&opts.doubles, "duplicates", "reject", "`which` of several rows with the same key to take: reject (the first, the others are errors), first or last")
	f.StringVar(&opts.onConflict, "on-conflict", load.ConflictReport, "of an editable workbook, `what` becomes of a changed cell whose value was changed in the account too: report (it is not written), theirs or mine")
	f.BoolVar(&opts.again, "again", false, "start a new run, though an earlier one of the same file is unfinished, or has created its tickets")
	lockFlag(f, &opts.lock)
	opts.source.add(f)
	opts.runFlags(a, f)
	return cmd
}

// runFlags are those of every command that sends.
func (opts *importOptions) runFlags(a *app, f *pflag.FlagSet) {
	f.BoolVar(&opts.allOrNothing, "all-or-nothing", false, "send nothing unless every row is good")
	f.BoolVar(&a.flags.yes, "yes", false, "do not ask before a destructive run; needed where nobody can answer")
	f.Int64Var(&opts.confirmOver, "confirm-over", 100_000, "ask before more than this `number` of existing tickets may change")
	f.StringVar(&opts.inDoubt, "in-doubt", "settle", "what to do with creates whose answer was lost: `settle` them, leave them, or resend what is not found")
	f.DurationVar(&opts.settleWait, "settle-wait", 30*time.Second, "a search may miss what was written this `long` ago; settling waits for it")
	f.IntVar(&opts.canary, "canary", 0, "send this `number` of rows first, read them back and compare, then go on")
	f.Int64Var(&opts.maxErrors, "max-errors", 0, "stop when more than this `number` of rows are rejected or failed")
	f.Float64Var(&opts.maxErrorRate, "max-error-rate", 0, "stop when more than this `percentage` of at least 100 rows is rejected or failed")
	f.Int64Var(&opts.maxCreates, "max-creates", 0, "create at most this `number` of tickets, then stop")
	f.Int64Var(&opts.maxDeletes, "max-deletes", 0, "delete at most this `number` of tickets, then stop")
	f.StringVar(&a.flags.schema, "schema", "", "with --sandbox: give the sandbox account the definitions in this `file`")
	a.accountFlags(f)
	a.runFlags(f)
	a.metricsFlag(f)
}

// check finds flags that make no sense.
func (opts *importOptions) check() error {
	if opts.canary < 0 || opts.maxErrors < 0 || opts.maxCreates < 0 || opts.maxDeletes < 0 {
		return errors.New("--canary, --max-errors, --max-creates and --max-deletes take a number that is not negative")
	}
	if opts.maxErrorRate < 0 || opts.maxErrorRate > 100 {
		return errors.New("--max-error-rate takes a percentage from 0 to 100")
	}
	return checkChoice("--in-doubt", opts.inDoubt, "settle", "resend", "leave")
}

func (a *app) runImport(ctx context.Context, opts importOptions) error {
	if err := checkChoice("--duplicates", opts.doubles, "reject", "first", "last"); err != nil {
		return err
	}
	if a.flags.schema != "" && !a.flags.sandbox && a.flags.sandboxData == "" {
		return errors.New("--schema goes with --sandbox: an import into an account reads that account's own definitions")
	}
	j, err := a.newJob("import", opts.mapping, opts.files, opts.source)
	if err != nil {
		return err
	}
	j.summary.DryRun = opts.dryRun
	j.recipe.Duplicates, j.recipe.OnConflict = opts.doubles, opts.onConflict
	if err := opts.checkConflict(j); err != nil {
		return j.discard(err)
	}
	conn, err := a.connect(ctx, j.p, wantOf(j.mapping))
	if err != nil {
		return j.discard(err)
	}
	j.use(conn)
	if err := j.checkLock(opts.lock); err != nil {
		return j.discard(err)
	}
	if j.hashed, err = j.understand(ctx); err != nil {
		return j.discard(err)
	}
	if err := j.carryOn(ctx, opts); err != nil {
		return j.discard(err)
	}
	return j.importAll(ctx, opts)
}

// importAll checks all rows, asks if it has to, and sends what is to be sent.
func (j *job) importAll(ctx context.Context, opts importOptions) error {
	if err := opts.check(); err != nil {
		return errors.Join(err, j.close())
	}
	j.began = time.Now()
	j.doubles = &etl.Doubles{Keep: etl.DoublePolicy(j.recipe.Duplicates)}
	if err := j.dropReports(); err != nil {
		return errors.Join(err, j.close())
	}
	j.seekFloor(ctx, opts)
	checked, err := j.check(ctx, etl.Unsent, opts.checkBrake)
	err = errors.Join(err, j.hashed())
	if err != nil || j.app.interrupts() {
		return j.finish(checked, err)
	}
	if good := checked[etl.Unsent]; good > 0 && !opts.dryRun {
		j.showNeed(j.need(ctx, good))
	}
	if err := j.mayLoad(checked, opts); err != nil {
		return j.finish(checked, err)
	}
	debug.FreeOSMemory() // what the check knew of keys; the load gathers its own
	totals, err := j.load(ctx, checked, opts)
	return j.finish(totals, err)
}

// load reads the files once more and delivers the good rows.
func (j *job) load(ctx context.Context, checked etl.Totals, opts importOptions) (etl.Totals, error) {
	if err := j.dropReports(); err != nil {
		return checked, err
	}
	p := pass{phase: "load", total: checked.Sum(), first: opts.canary, brake: opts.brake}
	if opts.dryRun {
		p.phase = "compare"
		p.sink = load.NewImporter(j.conn.client, j.loadOptions(opts))
		return j.run(ctx, p)
	}
	if err := j.openJournal(ctx, opts); err != nil {
		return checked, err
	}
	past, err := j.log.History(ctx, j.again)
	if err != nil {
		return checked, err
	}
	settings := j.loadOptions(opts)
	if settings.Floor, err = j.floor(ctx, settings); err != nil {
		return checked, err
	}
	p.sink, p.journal, p.past = load.NewImporter(j.conn.client, settings), j.log, past
	return j.run(ctx, p)
}

func (j *job) loadOptions(opts importOptions) load.ImportOptions {
	settings := load.ImportOptions{
		Operation: j.mapping.Operation, KeyProperty: j.keyProperty(), Schema: j.conn.schema,
		Overwrite: j.mapping.Overwrite(), OnConflict: j.recipe.OnConflict,
		Run: j.summary.RunID, DryRun: opts.dryRun, Ledger: j.log, SettleWait: max(opts.settleWait, 1),
		MaxCreates: opts.maxCreates, MaxDeletes: opts.maxDeletes, Canary: opts.canary,
	}
	switch opts.inDoubt {
	case "resend":
		settings.InDoubt = load.DoubtResend
	case "leave":
		settings.InDoubt = load.DoubtLeave
	}
	return settings
}

// schemaFile keeps the definitions that a run was checked against.
const schemaFile = "schema.json"

// openJournal begins the journal of a new run, with all that is needed to carry
// the run on; that of a run that is carried on is open already.
func (j *job) openJournal(ctx context.Context, opts importOptions) error {
	if j.log != nil {
		return nil
	}
	j.again = func(etl.Status) bool { return false }
	j.summary.Counts, j.summary.RowsRead = nil, 0 // those of the check; what is sent is in the journal
	if err := errors.Join(j.writeRecipe(), j.conn.schema.Save(filepath.Join(j.dir, schemaFile))); err != nil {
		return err
	}
	release, err := lockStart(j.app.flags.runs)
	if err != nil {
		return err
	}
	defer func() { _ = release() }() // it would go with the process
	if err := j.aloneStill(opts); err != nil {
		return err
	}
	if j.log, err = journal.Create(j.dir, j.facts()); err != nil {
		return err
	}
	if err := j.log.Note(ctx, summaryFact, j.summary); err != nil {
		return err
	}
	if err := j.log.Note(ctx, recipeFact, j.recipe); err != nil {
		return err
	}
	return j.summary.Save(j.dir)
}

// aloneStill makes sure that no other process has begun the same work since this
// one looked.
func (j *job) aloneStill(opts importOptions) error {
	if opts.again || j.app.volatile() {
		return nil
	}
	all, err := j.app.imports()
	if err != nil {
		return err
	}
	for _, r := range all {
		if r.dir != j.dir && !slices.Contains(j.earlier, r.dir) && sameWork(r.summary, &j.summary) && r.began() {
			return fmt.Errorf("run %s has begun the same work meanwhile; when it has ended, give the command again", r.summary.RunID)
		}
	}
	return nil
}

// writeRecipe makes what the journal keeps to carry the run on.
func (j *job) writeRecipe() (err error) {
	j.recipe.RowKey = j.wantsRowKey()
	if j.recipe.Mapping, err = filepath.Abs(j.summary.Mapping.Path); err != nil {
		return err
	}
	for _, f := range j.files {
		path, err := filepath.Abs(f.path)
		if err != nil {
			return err
		}
		j.recipe.Files = append(j.recipe.Files, recipeFile{Name: f.name, Path: path, Read: f.opts})
	}
	return nil
}

// A floorSearch looks for the floor of a run.
type floorSearch struct {
	began time.Time
	stop  context.CancelFunc
	done  chan struct{} // closed when the following are set
	floor string
	err   error
}

// floorAge is how old a floor may be when the first row is sent. Meanwhile others may
// create tickets that could then be taken for those of the run.
const floorAge = time.Minute

// seekFloor begins to look for the floor of a new run that may need one. In an account
// that seems to have no tickets it takes several searches, of which there may be few
// a second, so it goes on while the rows are checked.
func (j *job) seekFloor(ctx context.Context, opts importOptions) {
	settings := j.loadOptions(opts)
	if opts.dryRun || j.log != nil || !needsFloor(settings) {
		return
	}
	ctx, stop := context.WithCancel(ctx)
	s := &floorSearch{began: time.Now(), stop: stop, done: make(chan struct{})}
	importer := load.NewImporter(j.conn.client, settings)
	go func() {
		defer close(s.done)
		s.floor, s.err = importer.Floor(ctx)
	}()
	j.seeking = s
}

// end ends a search that nobody waits for any more.
func (s *floorSearch) end() {
	if s != nil {
		s.stop()
		<-s.done
	}
}

// needsFloor says whether settling lost answers may need a floor: in a create
// without any key.
func needsFloor(settings load.ImportOptions) bool {
	return settings.Operation == etl.Create && settings.KeyProperty == ""
}

// floor is the id of a ticket that was there before the run, where one may be needed.
func (j *job) floor(ctx context.Context, settings load.ImportOptions) (string, error) {
	if !needsFloor(settings) {
		return "", nil
	}
	var floor string
	known, err := j.log.Noted(ctx, journal.FloorFact, &floor)
	if known || err != nil {
		return floor, err
	}
	if s := j.seeking; s != nil && time.Since(s.began) < floorAge {
		<-s.done
		floor, err = s.floor, s.err
	} else {
		floor, err = load.NewImporter(j.conn.client, settings).Floor(ctx)
	}
	if err != nil {
		return "", fmt.Errorf("look up the newest ticket: %w", err)
	}
	return floor, j.log.Note(ctx, journal.FloorFact, floor)
}

func (j *job) keyProperty() string {
	switch {
	case j.mapping.Key != nil:
		return j.mapping.Key.Property
	case j.rowKeys():
		return load.RowKeyProperty
	}
	return ""
}

// mayLoad decides, after the check, whether anything is to be sent.
func (j *job) mayLoad(checked etl.Totals, opts importOptions) error {
	good := checked[etl.Unsent]
	switch {
	case checked[etl.Rejected] > 0 && opts.allOrNothing && j.log == nil: // else all were good when the run began
		return &exitError{code: exitRows, err: fmt.Errorf("%s rejected; with --all-or-nothing nothing was sent", plural(checked[etl.Rejected], "row was", "rows were"))}
	case opts.dryRun || good == 0 || j.app.flags.yes:
		return nil
	}
	question := j.question(good, checked[etl.Rejected], opts.confirmOver)
	if question == "" {
		return nil
	}
	if !j.app.inTerm {
		if !j.destructive(good, opts.confirmOver) {
			return nil
		}
		return &notConfirmed{question + " Nobody can answer here; nothing was sent"}
	}
	if !j.app.ask(question) {
		return &notConfirmed{"not confirmed; nothing was sent"}
	}
	return nil
}

// notConfirmed ends a run to which nobody has said yes.
type notConfirmed struct{ text string }

func (e *notConfirmed) Error() string { return e.text }

// destructive says whether the run takes tickets away, or changes very many.
func (j *job) destructive(good, over int64) bool {
	switch j.mapping.Operation {
	case etl.Delete:
		return true
	case etl.Create, etl.Associate:
		return false
	}
	return good > over
}

// question is what a person is asked before the run goes on; empty for nothing.
func (j *job) question(good, rejected, over int64) string {
	account := accountText(j.conn.schema.Account)
	switch {
	case j.mapping.Operation == etl.Delete:
		return fmt.Sprintf("Delete up to %s from %s? They can be restored in HubSpot's recycle bin for 90 days.", plural(good, "ticket", "tickets"), account)
	case j.destructive(good, over):
		return fmt.Sprintf("This %s may change up to %s in %s (more than --confirm-over %s). Go on?", j.mapping.Operation, plural(good, "ticket", "tickets"), account, thousands(over))
	case rejected > 0:
		return fmt.Sprintf("%s rejected. Import the other %s into %s?", plural(rejected, "row is", "rows are"), thousands(good), account)
	}
	return ""
}

// ask puts a question on the terminal. Only a clear yes is one.
func (a *app) ask(question string) bool {
	fmt.Fprintf(a.err, "%s [y/N] ", question)
	line, err := bufio.NewReader(a.in).ReadString('\n')
	if err != nil {
		return false
	}
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "y", "yes", "s", "sim":
		return true
	}
	return false
}
