package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/etl/extract"
	"github.com/ticketetl/ticketetl/internal/journal"
	"github.com/ticketetl/ticketetl/internal/report"
)

// A recipe is what a run needs to be carried on from anywhere. The journal
// keeps it.
type recipe struct {
	Mapping string       `json:"mapping"` // absolute
	Files   []recipeFile `json:"files"`
	RowKey  bool         `json:"row_key"` // rows are stamped with a key of the run

	Duplicates string `json:"duplicates"`            // which of several rows with one key counts
	OnConflict string `json:"on_conflict,omitempty"` // what becomes of values that were changed in the account meanwhile
}

type recipeFile struct {
	Name string          `json:"name"` // as given
	Path string          `json:"path"` // absolute; of standard input, its copy
	Read extract.Options `json:"read"`
}

const recipeFact = "recipe"

// summaryFact is the summary as it was when the run began to send, for the case
// that summary.json gets damaged.
const summaryFact = "summary"

func (a *app) resumeCommand() *cobra.Command {
	var opts importOptions
	cmd := &cobra.Command{
		Use: "resume [RUN]", Short: "Carry on with an import or export that stopped (default: the newest import unfinished or in doubt)",
		Long: `Carries on with an import where it stopped: rows that are done are not sent again,
rows in doubt are settled, the rest is sent. The files and the mapping must be as
they were. The same import command does the same.

An export is named by its output, from any folder: the command that wrote it is given
again, with the files that it named, and carries on with what was read.

` + exitHelp,
		Example: "  ticketetl resume\n  ticketetl resume 20261123-140102-import-1f2e3d --in-doubt resend\n  ticketetl resume tickets.csv",
		Args:    wordsBetween(0, 1, "one run or the output of an export, or none for the newest import"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				if output := stoppedExport(args[0]); output != "" {
					return a.resumeExport(cmd.Context(), output, cmd.Flags())
				}
			}
			return a.runAgain(cmd.Context(), args, opts, "resume", func(etl.Status) bool { return false })
		},
	}
	opts.runFlags(a, cmd.Flags())
	return cmd
}

func (a *app) retryCommand() *cobra.Command {
	var opts importOptions
	cmd := &cobra.Command{
		Use: "retry RUN", Short: "Send the failed and unsent rows of an import again",
		Long: `Sends those rows of an import again that HubSpot refused or that were not sent. Use
it when the cause was in the account; rows with mistakes are better mended in
failed.csv and imported from there.

` + exitHelp,
		Example: "  ticketetl retry 20261123-140102-import-1f2e3d",
		Args:    wordsBetween(1, 1, "one run, as 'ticketetl runs' lists them"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runAgain(cmd.Context(), args, opts, "retry", func(s etl.Status) bool { return s == etl.Failed || s == etl.Rejected })
		},
	}
	opts.runFlags(a, cmd.Flags())
	return cmd
}

// runAgain carries on with a run that is named, or with the newest that is
// unfinished or has rows in doubt. again says which outcomes are tried once more.
func (a *app) runAgain(ctx context.Context, args []string, opts importOptions, verb string, again func(etl.Status) bool) error {
	j, err := a.jobToResume(ctx, args, again)
	if err != nil {
		return err
	}
	conn, err := a.connect(ctx, j.p, wantOf(j.mapping))
	if err != nil {
		return errors.Join(err, j.close())
	}
	j.verb = verb
	was := j.summary.Account.ID
	j.use(conn)
	if was != j.summary.Account.ID {
		return errors.Join(fmt.Errorf("run %s is of account %s, and the token belongs to account %s; nothing was sent", j.summary.RunID, was, j.summary.Account.ID), j.close())
	}
	if j.hashed, err = j.understand(ctx); err != nil {
		return errors.Join(err, j.close())
	}
	return j.importAll(ctx, opts)
}

// jobToResume is the job of the run that args name, or of the newest import that
// is not finished or has rows in doubt. One that ended before it sent anything is passed over.
func (a *app) jobToResume(ctx context.Context, args []string, again func(etl.Status) bool) (*job, error) {
	if len(args) == 1 {
		dir, err := a.runFolder(args)
		if err != nil {
			return nil, err
		}
		return a.jobOf(ctx, dir, again)
	}
	all, err := a.imports()
	if err != nil {
		return nil, err
	}
	for _, r := range all {
		if !r.unfinished() && !r.inDoubt() {
			continue
		}
		if j, err := a.jobOf(ctx, r.dir, again); !errors.Is(err, journal.ErrEmpty) {
			return j, err
		}
	}
	return nil, fmt.Errorf("there is no import in %s that is unfinished or has rows in doubt; 'ticketetl runs' lists what there is", a.flags.runs)
}

// A pastRun is an import that has a journal.
type pastRun struct {
	dir     string
	summary *report.Summary
}

func (r pastRun) unfinished() bool { return r.summary.State != report.Finished }

// inDoubt says that of some rows it is not known whether HubSpot has them.
func (r pastRun) inDoubt() bool { return r.summary.Counts[etl.InDoubt.String()] > 0 }

// began says whether the run may have sent anything. Where that can't be told, it
// may.
func (r pastRun) began() bool {
	if isLocked(r.dir) {
		return true
	}
	log, err := journal.Open(r.dir)
	if err != nil {
		return !errors.Is(err, journal.ErrEmpty)
	}
	defer func() { _ = log.Close() }() // only read
	return log.Began()
}

// imports lists the imports that sent, or were about to send, newest first.
func (a *app) imports() ([]pastRun, error) {
	ids, err := a.runIDs()
	if err != nil {
		return nil, err
	}
	var all []pastRun
	for _, id := range ids {
		dir := filepath.Join(a.flags.runs, id)
		s, err := a.summaryOf(dir)
		if err != nil {
			return nil, err
		}
		if s == nil {
			continue
		}
		if _, err := os.Stat(filepath.Join(dir, journal.File)); err == nil && s.Command == "import" {
			all = append(all, pastRun{dir, s})
		}
	}
	return all, nil
}

// loadSummary reads the summary of a run with the journal log. Where there is
// none any more, or it is damaged, it is made from what the journal has.
func loadSummary(ctx context.Context, dir string, log *journal.Journal) (*report.Summary, error) {
	s, err := report.LoadSummary(dir)
	if err == nil || !errors.Is(err, report.ErrDamaged) && !errors.Is(err, fs.ErrNotExist) {
		return s, err
	}
	s = &report.Summary{}
	if known, noted := log.Noted(ctx, summaryFact, s); !known || noted != nil {
		return nil, err
	}
	progress, err := log.Progress(ctx)
	if err == nil {
		totals := progress.Totals()
		s.Count(totals, totals.Sum())
	}
	return s, err
}

// summaryOf is the summary of the run in a folder that is one of many; nil where
// there is none. One that is damaged must not be in the way of other runs.
func (a *app) summaryOf(dir string) (*report.Summary, error) {
	s, err := report.LoadSummary(dir)
	if err == nil || !errors.Is(err, report.ErrDamaged) && !errors.Is(err, fs.ErrNotExist) {
		return s, err
	}
	if log, opened := journal.Open(dir); opened == nil {
		s, err = loadSummary(context.Background(), dir, log)
		err = errors.Join(err, log.Close())
	}
	switch {
	case errors.Is(err, fs.ErrNotExist): // it was killed before it began to send
		return nil, nil
	case err != nil:
		fmt.Fprintf(a.err, "%s; the run is passed over, and what it sent is not known. Restore the folder from a copy, or remove it.\n", err)
		return nil, nil
	}
	return s, nil
}

// withoutJournal says why a run folder has none, and what to do.
func withoutJournal(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, journal.MarkFile)); err == nil {
		return fmt.Errorf("run folder %s: the journal %s is gone, and only that tells what was sent; restore it from a copy", dir, journal.File)
	}
	return fmt.Errorf("run folder %s: this run ended before it sent anything, so there is nothing to carry on; run its command again", dir)
}

// jobOf makes the job of a run that is to be carried on. The run is locked.
func (a *app) jobOf(ctx context.Context, dir string, again func(etl.Status) bool) (*job, error) {
	release, err := lockRun(dir)
	if err != nil {
		return nil, err
	}
	log, err := journal.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		err = withoutJournal(dir)
	}
	if err != nil {
		return nil, errors.Join(err, release())
	}
	s, err := loadSummary(ctx, dir, log) // now that nobody else writes it
	if err != nil {
		return nil, errors.Join(err, log.Close(), release())
	}
	a.flags.redact = a.flags.redact || s.Redacted // what was hidden stays so
	j := &job{app: a, p: a.newProgress(), dir: dir, summary: *s, release: release, log: log, again: again}
	// The whole journal is read before a file of the run is touched: if it is
	// damaged, they are all that tells what was sent.
	if err = log.Verify(ctx); err == nil {
		err = j.readRecipe(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, j.close())
	}
	return j, nil
}

// readRecipe finds the mapping and the files of the run and makes sure that
// they are as they were.
func (j *job) readRecipe(ctx context.Context) error {
	var r recipe
	known, err := j.log.Noted(ctx, recipeFact, &r)
	if err != nil {
		return err
	}
	switch {
	case !known && j.log.Began():
		return fmt.Errorf("run %s: %w", j.summary.RunID, journal.ErrDamaged)
	case !known:
		return fmt.Errorf("run %s: %w", j.summary.RunID, journal.ErrEmpty)
	}
	j.recipe = r
	j.files = nil
	for _, f := range r.Files {
		j.files = append(j.files, inputFile{path: f.Path, name: f.Name, opts: f.Read})
	}
	if err := j.loadSameMapping(r.Mapping); err != nil {
		return err
	}
	for i, f := range r.Files {
		err := sameFile(f.Path, f.Name, j.summary.Inputs[i].SHA256)
		if f.Name == "-" && errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("run %s read standard input, whose copy was removed when it had finished; "+
				"its reports are in %s, and rows to send again are to be piped into a new import", j.summary.RunID, j.dir)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// loadSameMapping loads the mapping of a run, which must be as it was.
func (j *job) loadSameMapping(path string) error {
	if err := j.loadMapping(path); err != nil {
		return err
	}
	now, err := hashMapping(path, j.mapping)
	return unchanged(now, err, j.summary.Mapping.Path, j.summary.Mapping.SHA256)
}

func sameFile(path, name, sum string) error {
	now, _, err := hashFile(path)
	return unchanged(now, err, name, sum)
}

func unchanged(now string, err error, name, sum string) error {
	if err != nil {
		return fmt.Errorf("%s, which the run needs: %w", name, err)
	}
	if now != sum {
		return fmt.Errorf("%s has changed since the run began; put it back as it was, or import what is left as a new run (--again)", name)
	}
	return nil
}

// carryOn looks for an earlier run of the same work. An unfinished one is
// carried on; a create that is finished is refused, since it would make every
// ticket a second time, and so is anything whose files have changed half way.
func (j *job) carryOn(ctx context.Context, opts importOptions) error {
	if opts.dryRun || opts.again || j.app.volatile() {
		return nil
	}
	all, err := j.app.imports()
	if err != nil {
		return err
	}
	for _, r := range all {
		if r.dir == j.dir {
			continue
		}
		if err := j.hashed(); err != nil {
			return err
		}
		j.earlier = append(j.earlier, r.dir)
		if r.unfinished() && sameWork(r.summary, &j.summary) && r.summary.Mapping.SHA256 == j.summary.Mapping.SHA256 {
			if err := j.adopt(ctx, r); !errors.Is(err, journal.ErrEmpty) {
				return err
			}
			continue // that run sent nothing
		}
		if err := j.mayStart(r); err != nil {
			return err
		}
	}
	return nil
}

// mayStart says why, beside an earlier run, the job must not be begun.
func (j *job) mayStart(r pastRun) error {
	was := r.summary
	switch same := sameWork(was, &j.summary); {
	case r.unfinished() && (same || sameNames(was, &j.summary)) && r.began():
		return fmt.Errorf("run %s is unfinished (%s), and %s since it began; put back what it began with and give the command again, "+
			"which carries it on, or start a new run with --again, which sends all rows of the files as they are now",
			was.RunID, cmp.Or(countsText(was.Counts), "it was killed"), changedText(was, &j.summary))
	case same && j.mapping.Operation == etl.Create && !r.unfinished() && r.inDoubt():
		return fmt.Errorf("run %s has imported this file into account %s already (%s); to settle what is in doubt: ticketetl resume %s%s. "+
			"To create every ticket again, give --again",
			was.RunID, was.Account.ID, countsText(was.Counts), was.RunID, j.whereFlags())
	case same && j.mapping.Operation == etl.Create && !r.unfinished():
		return fmt.Errorf("run %s has imported this file into account %s already (%s); "+
			"a second time would create every ticket again. To do that, give --again; to look at it: ticketetl report %s%s",
			was.RunID, was.Account.ID, countsText(was.Counts), was.RunID, j.whereFlags())
	}
	return nil
}

// sameNames says that two imports have the same operation, account and names of
// files. Standard input has no name.
func sameNames(a, b *report.Summary) bool {
	if a.Account.ID != b.Account.ID || a.Endpoint != b.Endpoint || a.Operation != b.Operation || len(a.Inputs) != len(b.Inputs) || a.DryRun {
		return false
	}
	for i := range a.Inputs {
		if a.Inputs[i].Path != b.Inputs[i].Path || a.Inputs[i].Sheet != b.Inputs[i].Sheet || a.Inputs[i].Path == "-" {
			return false
		}
	}
	return a.Mapping.Path == b.Mapping.Path
}

// changedText names what is not as it was.
func changedText(was, now *report.Summary) string {
	for i := range now.Inputs {
		if was.Inputs[i].SHA256 != now.Inputs[i].SHA256 {
			return now.Inputs[i].Path + " has changed"
		}
	}
	return "the mapping " + now.Mapping.Path + " has changed"
}

// sameWork says that two imports bring the same files into the same account by
// the same operation.
func sameWork(a, b *report.Summary) bool {
	if a.Account.ID != b.Account.ID || a.Endpoint != b.Endpoint || a.Operation != b.Operation || len(a.Inputs) != len(b.Inputs) || a.DryRun {
		return false
	}
	for i := range a.Inputs {
		if a.Inputs[i].SHA256 != b.Inputs[i].SHA256 || a.Inputs[i].Sheet != b.Inputs[i].Sheet {
			return false
		}
	}
	return true
}

// adopt goes on with run r in place of the new one.
func (j *job) adopt(ctx context.Context, r pastRun) error {
	old, err := j.app.jobOf(ctx, r.dir, func(etl.Status) bool { return false })
	if err != nil {
		return err
	}
	_ = os.RemoveAll(j.dir) // made by this job, and nothing has run
	if err := j.release(); err != nil {
		return errors.Join(err, old.close())
	}
	j.dir, j.release, j.log, j.again, j.recipe, j.files = old.dir, old.release, old.log, old.again, old.recipe, old.files
	inputs := j.summary.Inputs
	account, endpoint, fingerprint := j.summary.Account, j.summary.Endpoint, j.summary.SchemaFingerprint
	j.summary = old.summary
	j.summary.Inputs, j.summary.Account, j.summary.Endpoint, j.summary.SchemaFingerprint = inputs, account, endpoint, fingerprint
	fmt.Fprintf(j.app.err, "Carrying on with run %s, which was begun on %s. To start anew instead, give --again.\n",
		j.summary.RunID, j.summary.Started.Format("2 January 2006 at 15:04 MST"))
	return nil
}
