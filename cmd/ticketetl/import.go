package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/etl/load"
	"github.com/ticketetl/ticketetl/internal/journal"
)

type importOptions struct {
	mapping      string
	files        []string
	source       sourceFlags
	dryRun       bool
	allOrNothing bool
	confirmOver  int64
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

` + exitHelp,
		Example: `  ticketetl import -m mapping.yaml tickets.xlsx
  ticketetl import -m mapping.yaml --dry-run tickets.csv
  ticketetl import -m mapping.yaml --sandbox tickets.csv
  zcat tickets.csv.gz | ticketetl import -m mapping.yaml -`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.files = args
			return a.runImport(cmd.Context(), opts)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&opts.mapping, "mapping", "m", "", "the mapping `file` (required)")
	f.BoolVar(&opts.dryRun, "dry-run", false, "compare the rows with the account and say what would be done; send nothing")
	f.BoolVar(&opts.allOrNothing, "all-or-nothing", false, "send nothing unless every row is good")
	f.BoolVar(&a.flags.yes, "yes", false, "do not ask before a destructive run; needed where nobody can answer")
	f.Int64Var(&opts.confirmOver, "confirm-over", 100_000, "ask before more than this `number` of existing tickets may change")
	f.StringVar(&a.flags.schema, "schema", "", "with --sandbox: give the sandbox account the definitions in this `file`")
	opts.source.add(f)
	a.accountFlags(f)
	a.runFlags(f)
	_ = cmd.MarkFlagRequired("mapping") // fails only for a flag that does not exist
	return cmd
}

func (a *app) runImport(ctx context.Context, opts importOptions) error {
	if a.flags.schema != "" && !a.flags.sandbox && a.flags.sandboxData == "" {
		return errors.New("--schema goes with --sandbox: an import into an account reads that account's own definitions")
	}
	j, err := a.newJob("import", opts.mapping, opts.files, opts.source)
	if err != nil {
		return err
	}
	j.summary.DryRun = opts.dryRun
	conn, err := a.connect(ctx, j.p)
	if err != nil {
		return j.discard(err)
	}
	j.use(conn)
	if err := j.prepare(); err != nil {
		return j.discard(err)
	}
	checked, err := j.check(ctx, etl.Unsent)
	if err != nil || a.interrupts() {
		return j.finish(checked, err)
	}
	if err := j.mayLoad(checked, opts); err != nil {
		return j.finish(checked, err)
	}
	totals, err := j.load(ctx, checked, opts.dryRun)
	return j.finish(totals, err)
}

// load reads the files once more and delivers the good rows.
func (j *job) load(ctx context.Context, checked etl.Totals, dryRun bool) (etl.Totals, error) {
	if err := j.dropReports(); err != nil {
		return checked, err
	}
	sink := load.NewImporter(j.conn.client, load.ImportOptions{
		Operation: j.mapping.Operation, KeyProperty: j.keyProperty(), Schema: j.conn.schema,
		Run: j.summary.RunID, DryRun: dryRun,
	})
	p := pass{phase: "load", total: checked.Sum(), sink: sink}
	if dryRun {
		p.phase = "compare"
		return j.run(ctx, p)
	}
	if err := j.summary.Save(j.dir); err != nil {
		return checked, err
	}
	log, err := journal.Create(j.dir, j.facts())
	if err != nil {
		return checked, err
	}
	p.journal = log
	if j.mapping.Operation == etl.Associate || j.mapping.Operation == etl.Dissociate {
		// Labels are read and written back: two batches must not do so for one ticket.
		j.writers = 1
	}
	totals, err := j.run(ctx, p)
	return totals, errors.Join(err, log.Close())
}

func (j *job) keyProperty() string {
	if j.mapping.Key == nil {
		return ""
	}
	return j.mapping.Key.Property
}

// mayLoad decides, after the check, whether anything is to be sent.
func (j *job) mayLoad(checked etl.Totals, opts importOptions) error {
	good := checked[etl.Unsent]
	switch {
	case checked[etl.Rejected] > 0 && opts.allOrNothing:
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
