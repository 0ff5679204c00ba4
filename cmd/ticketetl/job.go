package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/etl/extract"
	"github.com/ticketetl/ticketetl/etl/load"
	"github.com/ticketetl/ticketetl/etl/resolve"
	"github.com/ticketetl/ticketetl/etl/transform"
	"github.com/ticketetl/ticketetl/internal/hubspot"
	"github.com/ticketetl/ticketetl/internal/journal"
	"github.com/ticketetl/ticketetl/internal/report"
)

// A job is one validate or import: its mapping, account, files and run folder.
type job struct {
	app     *app
	p       *progress
	conn    *connection
	mapping *transform.Mapping
	files   []inputFile
	dir     string // the run folder
	summary report.Summary
	groups  []report.ProblemGroup
	infos   []extract.Info    // how each file is read
	sample  *samples          // an example of each conversion
	unused  []string          // columns of the first file that the mapping does not use
	resolve *resolve.Resolver // nil offline
	survey  *resolve.Survey   // offline: of the references
	taken   *resolve.Taken    // nil unless unique values are looked up

	edit *edit // nil but for an editable workbook

	doubles *etl.Doubles // which of several rows with one key counts

	sumWhileRead bool // text files are hashed while they are checked

	// Of an import:
	hashed func() error // waits until the files are hashed, and notes the hashes in summary

	// And of one that has begun to send, or is carried on:
	earlier []string     // folders of imports that this one has been compared with
	release func() error // of the run's lock
	log     *journal.Journal
	recipe  recipe
	again   func(etl.Status) bool // which outcomes of earlier attempts are tried once more
	seeking *floorSearch          // nil: none is under way
	verb    string                // the command that carries on, if not resume
	began   time.Time             // this attempt
}

// runTime is how the name of a run folder tells when it began.
const runTime = "20060102-150405"

// newRunFolder makes the folder of a run, for its owner only.
func (a *app) newRunFolder(command string) (id, dir string, err error) {
	var tail [3]byte
	if _, err := rand.Read(tail[:]); err != nil {
		return "", "", err
	}
	id = time.Now().UTC().Format(runTime) + "-" + command + "-" + hex.EncodeToString(tail[:])
	dir = filepath.Join(a.flags.runs, id)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", "", fmt.Errorf("run folder: %w; name another place with --runs", err)
	}
	return id, dir, nil
}

// tryFiles opens each file once, so that one that cannot be read is told before
// anything is asked of HubSpot.
func tryFiles(names []string, opts extract.Options) error {
	for _, name := range names {
		if name == "-" {
			continue
		}
		each, err := extract.Expand(name, opts)
		if err != nil {
			return err
		}
		for _, o := range each {
			f, err := extract.Open(name, o)
			if err != nil {
				return err
			}
			if err := f.Close(); err != nil {
				return err
			}
		}
	}
	return nil
}

// newJob reads the mapping, makes the run folder and fixes the inputs.
func (a *app) newJob(command, mappingPath string, names []string, source sourceFlags) (*job, error) {
	j := &job{app: a, p: a.newProgress()}
	if err := j.loadMapping(mappingPath); err != nil {
		return nil, err
	}
	if err := j.aloneIn(mappingPath, names); err != nil {
		return nil, err
	}
	sum, err := hashMapping(mappingPath, j.mapping)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(source.check(), tryFiles(names, source.options(j.mapping.Source))); err != nil {
		return nil, err
	}
	var id string
	if id, j.dir, err = a.newRunFolder(command); err != nil {
		return nil, err
	}
	j.summary = report.Summary{
		RunID: id, Command: command, Operation: string(j.mapping.Operation), State: report.Running,
		Version: programVersion(), Started: time.Now().UTC(), Redacted: a.flags.redact,
		Mapping: report.Mapping{Path: mappingPath, SHA256: sum},
	}
	if j.release, err = lockRun(j.dir); err != nil {
		return nil, j.discard(err)
	}
	if j.files, err = a.inputFiles(names, j.dir, source.options(j.mapping.Source)); err != nil {
		return nil, j.discard(err)
	}
	return j, nil
}

// wantOf is what a mapping needs of the account's definitions.
func wantOf(m *transform.Mapping) hubspot.Want {
	uses := m.Uses()
	return hubspot.Want{Properties: append([]string{}, uses.Properties...), Labels: uses.Links, Unique: uses.Unique}
}

// discard removes the run folder of a job that could not begin.
func (j *job) discard(err error) error {
	err = errors.Join(err, j.close())
	_ = os.RemoveAll(j.dir) // made by this job, and nothing has run
	return err
}

// close lets go of what the job holds. It may be called again.
func (j *job) close() error {
	j.seeking.end()
	errs := []error{j.closeEdit()}
	if j.conn != nil {
		errs = append(errs, j.conn.close())
		j.conn = nil
	}
	if j.log != nil {
		errs = append(errs, j.log.Close())
		j.log = nil
	}
	if j.release != nil {
		errs = append(errs, j.release())
		j.release = nil
	}
	return errors.Join(errs...)
}

// use sets the account that the job works on.
func (j *job) use(conn *connection) {
	j.conn = conn
	account := conn.schema.Account
	j.summary.Account = report.Account{Type: account.Type, TimeZone: account.TimeZone}
	if account.ID != 0 {
		j.summary.Account.ID = fmt.Sprint(account.ID)
	}
	j.summary.SchemaFingerprint = conn.schema.Used(j.mapping.Uses()).Fingerprint()
	j.summary.Endpoint = j.app.endpoint()
	if conn.client != nil {
		j.resolve = resolve.New(conn.client)
	}
}

// A pass is one reading of all files.
type pass struct {
	phase   string
	total   int64 // rows, if known; -1
	checked etl.Status
	sink    etl.Sink
	journal etl.Journal
	past    etl.Past
	brake   func(etl.Report) etl.Report // may be nil
	first   int                         // records in the first batch; 0 for as many as in others
	sample  *samples                    // examples of conversions to collect; may be nil
}

// run reads the files once and brings every row to its outcome in the report.
func (j *job) run(ctx context.Context, p pass) (etl.Totals, error) {
	inputs := slices.Clone(j.files)
	for i := range inputs {
		inputs[i].opts.Sum = j.sumWhileRead
	}
	files, err := open(inputs, j.mapping, j.conn.schema)
	if err != nil {
		return etl.Totals{}, err
	}
	defer files.close()
	w, err := report.Create(j.dir, report.Options{
		Columns: report.Columns(files.headers()...), RecordURL: j.conn.schema.Account.RecordURL, Redact: j.app.flags.redact,
	})
	if err != nil {
		return etl.Totals{}, err
	}
	size := files.size
	if p.total >= 0 {
		size = nil
	}
	j.p.begin(p.phase, p.total, size)
	rows := &rowCounter{next: p.sample.watch(w), byFile: map[etl.Position]*int64{}}
	sources := j.inputsOf(files)
	steps := etl.Steps{Inputs: j.stamped(sources), Past: p.past, Sink: p.sink, Journal: p.journal, Report: j.p.watch(rows)}
	if p.brake != nil {
		steps.Report = p.brake(steps.Report)
	}
	steps.Resolver = j.resolver()
	totals, err := etl.Run(ctx, boundaries(steps), etl.Options{
		Writers: j.writers(), First: p.first, Checked: p.checked, Unique: j.uniqueKeys(), Doubles: j.doubles, UniqueProperties: j.uniqueProperties(), Stop: j.app.stop,
	})
	j.p.end()
	j.noteEdits(sources)
	for i := range j.infos {
		j.infos[i].Notes = files.files[i].Notes() // some is known only after the last row
	}
	boundary("finish-reports")
	err = errors.Join(err, w.Close(), files.sums(j.summary.Inputs))
	j.groups = w.Problems()
	j.summary.Count(w.Totals(), totals.Sum())
	for i := range j.summary.Inputs {
		j.summary.Inputs[i].Rows = rows.of(j.summary.Inputs[i].Path, j.summary.Inputs[i].Sheet)
	}
	j.summary.Files = w.Files()
	return totals, err
}

// A rowCounter counts the rows of each file on their way to next.
type rowCounter struct {
	next    etl.Report
	byFile  map[etl.Position]*int64 // by file and sheet
	here    etl.Position            // of the file that the last row was of
	counted *int64                  // its rows
}

func (c *rowCounter) Add(rec *etl.Record, out etl.Outcome) error {
	if c.counted == nil || c.here.File != rec.Pos.File || c.here.Sheet != rec.Pos.Sheet {
		c.here = etl.Position{File: rec.Pos.File, Sheet: rec.Pos.Sheet}
		if c.counted = c.byFile[c.here]; c.counted == nil {
			c.counted = new(int64)
			c.byFile[c.here] = c.counted
		}
	}
	*c.counted++
	return c.next.Add(rec, out)
}

// of is how many rows a file or sheet had.
func (c *rowCounter) of(file, sheet string) int64 {
	if n := c.byFile[etl.Position{File: file, Sheet: sheet}]; n != nil {
		return *n
	}
	return 0
}

// writers is how many batches are under way at once. Labels are read and written
// back: two batches must not do so for one ticket.
func (j *job) writers() int {
	if !j.uniqueKeys() {
		return 1
	}
	return max(j.app.flags.concurrency, 1)
}

// uniqueProperties are those that the mapping writes, besides the key, of which no two
// tickets have the same value.
func (j *job) uniqueProperties() []string {
	var names []string
	written := j.mapping.Uses().Properties
	for i := range j.conn.schema.Properties {
		if p := &j.conn.schema.Properties[i]; p.HasUniqueValue && p.Name != j.keyProperty() && slices.Contains(written, p.Name) {
			names = append(names, p.Name)
		}
	}
	return names
}

// uniqueKeys says whether two rows may not mean the same ticket. Associations
// of one ticket may well stand in several rows.
func (j *job) uniqueKeys() bool {
	return j.mapping.Operation != etl.Associate && j.mapping.Operation != etl.Dissociate
}

// dropReports removes the report files of the check, which the load writes anew.
func (j *job) dropReports() error {
	errs := []error{j.dropMarked()}
	for _, name := range []string{report.ResultsFile, report.ErrorsFile, report.FailedFile, report.InDoubtFile} {
		if err := os.Remove(filepath.Join(j.dir, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// finish writes the summary down and shows it. cause is what made the run stop,
// or nil; the returned error carries the exit code.
func (j *job) finish(totals etl.Totals, cause error) error {
	if j.log != nil {
		cause = errors.Join(cause, j.log.Close()) // what it held must be on disk before the run counts as over
	}
	code := j.end(totals, cause)
	j.markUp(totals)
	j.summary.Next = j.next(totals, code, cause)
	err := j.keep(totals)
	shown := j.app.showSummary(&j.summary, j.groups, j.dir)
	switch {
	case err != nil:
		return &exitError{code: j.summary.ExitCode, err: err}
	case shown != nil:
		return &exitError{code: code, err: fmt.Errorf("the run has ended, and its report could not be shown: %w; see it with: ticketetl report %s%s", shown, j.summary.RunID, j.whereFlags())}
	case code == exitDone:
		return nil
	}
	return &exitError{code: code}
}

// end fills the summary in and returns the exit code.
func (j *job) end(totals etl.Totals, cause error) int {
	code := outcomeCode(totals)
	if code == exitDone && j.hasConflicts() {
		code = exitRows
	}
	j.summary.State = report.Finished
	switch {
	case j.app.interrupts():
		code, j.summary.State = exitInterrupted, report.Interrupted
	case cause != nil:
		code, j.summary.State, j.summary.Error = codeOf(cause), report.Aborted, j.causeText(cause)
		if code == exitStopped || isFull(cause) && j.log != nil {
			code, j.summary.State = exitStopped, report.Stopped
		}
	}
	j.summary.ExitCode = code
	j.summary.Finished = time.Now().UTC()
	j.summary.DurationSeconds = j.summary.Finished.Sub(j.began).Seconds()
	if j.conn.client != nil {
		j.summary.Calls = callsOf(j.conn.client)
	}
	j.app.measured.calls, j.app.measured.tickets = j.summary.Calls, j.summary.Counts
	return code
}

func callsOf(client *hubspot.Client) report.Calls {
	stats := client.Stats()
	return report.Calls{Total: stats.Calls, Retries: stats.Retries, RateLimited: stats.RateLimited}
}

// keep writes the summary down. Where it can't, the run counts as unfinished, in
// what is shown as on disk, and the same command will end it.
func (j *job) keep(totals etl.Totals) error {
	boundary("finish-summary")
	err := j.summary.Save(j.dir)
	boundary("finish-shown")
	if err == nil {
		return errors.Join(j.dropSpool(), j.close())
	}
	j.summary.State, j.summary.ExitCode = report.Aborted, exitCannotRun
	if j.log != nil && !errors.Is(err, fs.ErrNotExist) {
		j.summary.State, j.summary.ExitCode = report.Stopped, exitStopped
	}
	if j.summary.Error == "" {
		j.summary.Error = err.Error()
	}
	j.summary.Next = j.next(totals, j.summary.ExitCode, err)
	return errors.Join(err, j.close())
}

// causeText is why the run stopped, without values of cells where those are hidden.
func (j *job) causeText(cause error) string {
	var brake *load.BrakeError
	if j.app.flags.redact && errors.As(cause, &brake) && brake.Hidden != "" {
		return brake.Hidden
	}
	return cause.Error()
}

// dropSpool removes the copy of standard input, unless it is needed to carry on.
func (j *job) dropSpool() error {
	if j.log != nil && j.summary.State != report.Finished {
		return nil
	}
	for _, f := range j.files {
		if f.name == "-" {
			return os.Remove(f.path)
		}
	}
	return nil
}

// next is the last line of the report: what to do now.
func (j *job) next(totals etl.Totals, code int, cause error) string {
	again := j.commandLine(j.summary.Command, j.names()...)
	if j.edit != nil && cause == nil && (code == exitDone || code == exitRows) {
		if text := j.nextEdit(code, again); text != "" {
			return text
		}
	}
	failed := filepath.Join(j.dir, report.FailedFile)
	var unconfirmed *notConfirmed
	var brake *load.BrakeError
	switch {
	case errors.As(cause, &unconfirmed):
		return "To go on: " + j.resumeOr(again) + " --yes"
	case errors.Is(cause, journal.ErrGone) || errors.Is(cause, fs.ErrNotExist) && j.log != nil:
		return "The run can't be carried on without its folder. Put it back, or look up in HubSpot what has been sent before you send anything again."
	case isFull(cause):
		return j.spaceText(totals) + " Then: " + j.resumeOr(again)
	case errors.As(cause, &brake) && j.log == nil:
		return fmt.Sprintf("Nothing was sent. Correct the rows that %s names, or allow more of them, then: %s", filepath.Join(j.dir, report.ErrorsFile), again)
	case code == exitAuth:
		return "Check the token and its scopes, then run the same command again."
	case code == exitCannotRun && totals[etl.Unsent] == totals.Sum():
		return "Correct that, then: " + again
	case code == exitInterrupted || totals[etl.Unsent] > 0 && code != exitRows:
		return j.nextUnsent(again)
	case totals[etl.InDoubt] > 0:
		return fmt.Sprintf("Look the rows of %s up in HubSpot. Then: ticketetl resume %s%s, which looks for them once more; with --in-doubt resend it sends those again that it does not find.",
			filepath.Join(j.dir, report.InDoubtFile), j.summary.RunID, j.whereFlags())
	case j.summary.Command == "validate" && code == exitDone:
		return "Import it: " + j.commandLine("import", j.names()...)
	case code == exitRows && j.summary.Files.Failed != "":
		return j.nextMend(failed)
	case code == exitRows:
		return fmt.Sprintf("Correct the rows that %s names, then: %s", filepath.Join(j.dir, report.ErrorsFile), again)
	case j.summary.DryRun:
		return "Nothing was sent. Import it: " + j.commandLine("import", j.names()...)
	case cause != nil:
		return j.nextUnsent(again)
	case totals.Sum() == 0:
		return "There are no rows below the header; is it the right file, and the right sheet?"
	}
	return "Nothing left to do."
}

// nextMend tells which file to mend. What was sent must not be sent again, so
// after an import only failed.csv will do.
func (j *job) nextMend(failed string) string {
	again := j.commandLine(j.summary.Command, failed)
	var marked []string
	for _, m := range j.summary.MarkedUp {
		marked = append(marked, filepath.Join(j.dir, m.File))
	}
	switch {
	case len(marked) == 0:
		return fmt.Sprintf("Correct %s, then: %s", failed, again)
	case len(j.names()) == 1 && j.summary.MarkedUp[0].Copy && (j.summary.Command == "validate" || j.summary.DryRun):
		return fmt.Sprintf("Open %s, mend the coloured cells and save it, then: %s", marked[0], j.commandLine(j.summary.Command, marked[0]))
	}
	return fmt.Sprintf("Correct %s (the bad cells are marked in %s), then: %s", failed, strings.Join(marked, ", "), again)
}

// bytesPerRow is about what one row takes in the run folder: in the journal and
// in results.csv (docs/performance.md).
const bytesPerRow = 300

// spaceText says how much room the run needs on its disk.
func (j *job) spaceText(totals etl.Totals) string {
	need := max(totals.Sum()*bytesPerRow>>20, 1) + 1
	return fmt.Sprintf("Make room on the disk that holds %s: the run needs about %s MiB in all.", j.dir, thousands(need))
}

// resumeOr is the command that carries on, or the one to begin with again.
func (j *job) resumeOr(again string) string {
	if j.log == nil {
		return again
	}
	return "ticketetl " + cmp.Or(j.verb, "resume") + " " + j.summary.RunID + j.whereFlags()
}

// nextUnsent tells how to send what is left.
func (j *job) nextUnsent(again string) string {
	if j.log == nil {
		return "Nothing was sent. Run it again: " + again
	}
	return "Carry on, which sends only what is left: " + j.resumeOr(again)
}

// whereFlags are the flags that lead a later command to the same account and run.
func (j *job) whereFlags() string {
	text := ""
	for _, flag := range j.app.given {
		name, _, _ := strings.Cut(flag, " ")
		switch name {
		case "--base-url", "--api-version", "--token-file", "--account", "--sandbox-data", "--config", "--runs", "--schema":
			text += " " + flag
		}
	}
	return text
}

func (j *job) names() []string {
	names := make([]string, 0, len(j.files))
	for _, f := range j.files {
		if !slices.Contains(names, f.name) { // several sheets of one file
			names = append(names, f.name)
		}
	}
	return names
}

// commandLine is a command with the flags of this one, for other files.
func (j *job) commandLine(command string, files ...string) string {
	words := append([]string{"ticketetl", command}, j.mappingFlag()...)
	for _, flag := range j.app.given {
		if command == j.summary.Command || !strings.HasPrefix(flag, "--schema ") { // an import reads the account's own definitions
			words = append(words, flag)
		}
	}
	for _, f := range files {
		words = append(words, shellWord(f))
	}
	return strings.Join(words, " ")
}

// facts are what the journal keeps of the run, for one that carries on.
func (j *job) facts() journal.Facts {
	s := &j.summary
	f := journal.Facts{
		RunID: s.RunID, Operation: j.mapping.Operation, Version: s.Version, Started: s.Started,
		MappingPath: s.Mapping.Path, MappingSHA256: s.Mapping.SHA256,
		AccountID: s.Account.ID, SchemaFingerprint: s.SchemaFingerprint, Redact: s.Redacted,
	}
	for _, in := range s.Inputs {
		f.Inputs = append(f.Inputs, journal.Input{Path: in.Path, Size: in.Size, SHA256: in.SHA256})
	}
	return f
}
