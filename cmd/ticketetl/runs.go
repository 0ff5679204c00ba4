package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/internal/journal"
	"github.com/ticketetl/ticketetl/internal/report"
	"github.com/ticketetl/ticketetl/internal/schema"
)

func (a *app) runsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "runs", Short: "List the runs, newest first",
		Example: "  ticketetl runs",
		Args:    cobra.NoArgs,
		RunE:    func(*cobra.Command, []string) error { return a.runRuns() },
	}
	cmd.Flags().StringVar(&a.flags.runs, "runs", defaultRuns, "look for the runs' folders below this `folder`")
	cmd.AddCommand(a.pruneCommand())
	return cmd
}

func (a *app) pruneCommand() *cobra.Command {
	var older time.Duration
	var keep int
	cmd := &cobra.Command{
		Use: "prune", Short: "Remove the folders of finished runs",
		Long: `Removes the folders of runs that are finished, and of those that ended before they
sent anything. Other unfinished runs, those with rows in doubt, and the newest ones stay. What is removed can't be brought back: neither the
reports nor what keeps a finished create from being imported a second time.`,
		Example: "  ticketetl runs prune --older-than 720h --keep 10 --yes",
		Args:    wordsBetween(0, 0, "only flags"),
		RunE:    func(*cobra.Command, []string) error { return a.runPrune(older, keep) },
	}
	f := cmd.Flags()
	f.StringVar(&a.flags.runs, "runs", defaultRuns, "look for the runs' folders below this `folder`")
	f.DurationVar(&older, "older-than", 30*24*time.Hour, "remove runs that began this `long` ago")
	f.IntVar(&keep, "keep", 10, "keep this `number` of runs, the newest ones, in any case")
	f.BoolVar(&a.flags.yes, "yes", false, "do not ask")
	return cmd
}

func (a *app) runPrune(older time.Duration, keep int) error {
	old, err := a.prunable(older, keep)
	if err != nil {
		return err
	}
	if len(old) == 0 {
		_, err := fmt.Fprintln(a.out, "There is nothing to remove.")
		return err
	}
	question := fmt.Sprintf("Remove %s, the newest of them %s?", plural(int64(len(old)), "run", "runs"), filepath.Base(old[0]))
	switch {
	case a.flags.yes:
	case !a.inTerm:
		return errors.New(question + " Nobody can answer here: give --yes")
	case !a.ask(question):
		return errors.New("not confirmed; nothing was removed")
	}
	for _, dir := range old {
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(a.out, "%s removed.\n", plural(int64(len(old)), "run", "runs"))
	return err
}

// prunable are the folders of runs that nobody needs to carry on, without the
// newest ones.
func (a *app) prunable(older time.Duration, keep int) ([]string, error) {
	ids, err := a.runIDs()
	if err != nil {
		return nil, err
	}
	ids = slices.DeleteFunc(ids, func(id string) bool { _, ok := begunAt(id); return !ok })
	var old []string
	for _, id := range ids[min(max(keep, 0), len(ids)):] {
		dir := filepath.Join(a.flags.runs, id)
		if at, _ := begunAt(id); time.Since(at) <= older || isLocked(dir) {
			continue
		}
		s, err := a.summaryOf(dir)
		if err != nil {
			return nil, err
		}
		if s != nil && s.State == report.Finished && s.Counts[etl.InDoubt.String()] == 0 || sentNothing(dir) {
			old = append(old, dir)
		}
	}
	return old, nil
}

// runName is how newRunFolder names folders.
var runName = regexp.MustCompile(`^(\d{8}-\d{6})-[a-z]+-[0-9a-f]{6}$`)

// begunAt is when the run with a folder of this name began; ok is false where it
// is not one of a run.
func begunAt(name string) (at time.Time, ok bool) {
	parts := runName.FindStringSubmatch(name)
	if parts == nil {
		return time.Time{}, false
	}
	at, err := time.Parse(runTime, parts[1])
	return at, err == nil
}

// sentNothing says that a run which has ended cannot have sent anything.
func sentNothing(dir string) bool {
	for _, name := range []string{journal.File, journal.MarkFile, journal.File + "-wal"} {
		if _, err := os.Stat(filepath.Join(dir, name)); !errors.Is(err, fs.ErrNotExist) {
			return !pastRun{dir: dir}.began()
		}
	}
	return true
}

// summaries are those of all runs, newest first.
func (a *app) summaries() ([]*report.Summary, error) {
	ids, err := a.runIDs()
	if err != nil {
		return nil, err
	}
	var all []*report.Summary
	for _, id := range ids {
		s, err := a.summaryOf(filepath.Join(a.flags.runs, id))
		if err != nil {
			return nil, err
		}
		if s != nil {
			all = append(all, s)
		}
	}
	return all, nil
}

func (a *app) reportCommand() *cobra.Command {
	var rebuild bool
	cmd := &cobra.Command{
		Use: "report [RUN]", Short: "Show how a run ended (default: the newest one)",
		Long: `Shows the summary of a run. With --rebuild, and for a run that was killed, the
report files are written anew from its journal and its input files; nothing is
asked of HubSpot.`,
		Example: "  ticketetl report\n  ticketetl report 20261123-140102-import-1f2e3d --format json",
		Args:    wordsBetween(0, 1, "one run, or none for the newest"),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.runReport(cmd.Context(), args, rebuild) },
	}
	cmd.Flags().BoolVar(&rebuild, "rebuild", false, "write the report files of an import anew from its journal")
	cmd.Flags().StringVar(&a.flags.runs, "runs", defaultRuns, "look for the run's folder below this `folder`")
	return cmd
}

func (a *app) runRuns() error {
	all, err := a.summaries()
	if err != nil {
		return err
	}
	if a.flags.format == "json" {
		return a.writeJSON(all)
	}
	if len(all) == 0 {
		_, err := fmt.Fprintf(a.out, "No runs in %s.\n", a.flags.runs)
		return err
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "RUN\tSTATE\tROWS\tOUTCOMES")
	for _, s := range all {
		state, err := a.settledState(s)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", s.RunID, state, thousands(s.RowsRead), countsText(s.Counts))
	}
	return w.Flush()
}

// settledState is the state of a run for people. One that says that it runs, and
// whose process is gone, was killed; what it did is counted from its journal.
func (a *app) settledState(s *report.Summary) (string, error) {
	dir := filepath.Join(a.flags.runs, s.RunID)
	if s.State != report.Running || isLocked(dir) {
		return string(s.State), nil
	}
	totals, err := journalTotals(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return "killed", nil
	}
	s.Count(totals, totals.Sum())
	return "killed", err
}

// journalTotals counts what the journal of a run says of its rows.
func journalTotals(dir string) (etl.Totals, error) {
	log, err := journal.Open(dir)
	if err != nil {
		return etl.Totals{}, err
	}
	progress, err := log.Progress(context.Background())
	if err == nil {
		return progress.Totals(), log.Close()
	}
	return etl.Totals{}, errors.Join(err, log.Close())
}

// runIDs are the names of the run folders, newest first.
func (a *app) runIDs() ([]string, error) {
	entries, err := os.ReadDir(a.flags.runs)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, e := range entries {
		if e.IsDir() {
			ids = append(ids, e.Name())
		}
	}
	slices.Sort(ids)
	slices.Reverse(ids)
	return ids, nil
}

func countsText(counts map[string]int64) string {
	var parts []string
	for _, status := range etl.Statuses() {
		if n := counts[status.String()]; n > 0 {
			parts = append(parts, thousands(n)+" "+status.String())
		}
	}
	return strings.Join(parts, ", ")
}

func (a *app) runReport(ctx context.Context, args []string, rebuild bool) error {
	dir, err := a.runFolder(args)
	if err != nil {
		return err
	}
	s, err := report.LoadSummary(dir)
	damaged := errors.Is(err, report.ErrDamaged)
	if err != nil && !damaged {
		return err
	}
	if damaged || rebuild || s.State == report.Running && !isLocked(dir) {
		if s, err = a.rebuild(ctx, dir); err != nil {
			return err
		}
	}
	groups, err := report.GroupErrors(filepath.Join(dir, report.ErrorsFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return a.showSummary(s, groups, dir)
}

// rebuild writes the report files of a run anew from its journal and its files,
// and its summary if the run was killed.
func (a *app) rebuild(ctx context.Context, dir string) (*report.Summary, error) {
	j, err := a.jobOf(ctx, dir, nil)
	if err != nil {
		return nil, err
	}
	j.doubles = &etl.Doubles{Keep: etl.DoublePolicy(j.recipe.Duplicates)}
	definitions, err := schema.Load(filepath.Join(dir, schemaFile))
	if err != nil {
		return nil, errors.Join(err, j.close())
	}
	j.conn = &connection{schema: definitions, close: func() error { return nil }}
	past, err := j.log.History(ctx, j.again)
	if err == nil {
		err = j.dropReports()
	}
	if err != nil {
		return nil, errors.Join(err, j.close())
	}
	totals, err := j.run(ctx, pass{phase: "rebuild", total: -1, checked: etl.Unsent, past: past})
	if err == nil {
		j.markUp(totals)
	}
	if j.summary.State == report.Running {
		j.summary.State, j.summary.ExitCode = report.Interrupted, exitInterrupted
		j.summary.Error = "the process ended before the run was finished"
		j.summary.Next = "Carry on, which sends only what is left: ticketetl resume " + j.summary.RunID + j.whereFlags()
	}
	return &j.summary, errors.Join(err, j.summary.Save(dir), j.close())
}

// runFolder is the folder of the run that args name: by its id, by its path, or
// the newest one.
func (a *app) runFolder(args []string) (string, error) {
	if len(args) == 1 {
		if output := stoppedExport(args[0]); output != "" {
			return "", fmt.Errorf("%s is an export that has stopped, not a run; carry it on with: ticketetl resume %s", output, shellWord(output))
		}
		for _, dir := range []string{filepath.Join(a.flags.runs, args[0]), args[0]} {
			if info, err := os.Stat(dir); err == nil && info.IsDir() {
				return dir, nil
			}
		}
		return "", fmt.Errorf("there is no run %q in %s; 'ticketetl runs' lists them", args[0], a.flags.runs)
	}
	ids, err := a.runIDs()
	if err != nil {
		return "", err
	}
	for _, id := range ids {
		if _, err := os.Stat(filepath.Join(a.flags.runs, id, report.SummaryFile)); err == nil {
			return filepath.Join(a.flags.runs, id), nil
		}
	}
	return "", fmt.Errorf("there are no runs in %s", a.flags.runs)
}

func (a *app) showSummary(s *report.Summary, groups []report.ProblemGroup, dir string) error {
	problems := filepath.Join(dir, report.ErrorsFile)
	switch a.flags.format {
	case "json":
		return report.WriteJSON(a.out, s, groups, problems)
	case "sarif":
		return report.WriteSARIF(a.out, s, problems)
	case "junit":
		return report.WriteJUnit(a.out, s, problems)
	}
	return report.WriteText(a.out, s, groups, report.TextOptions{Color: a.outTerm && a.wantsColor(), Width: a.width, Folder: dir})
}

// wantsColor follows the NO_COLOR convention.
func (a *app) wantsColor() bool {
	v, ok := a.env("NO_COLOR")
	return !ok || v == ""
}

func (a *app) writeJSON(v any) error { return writeJSON(a.out, v) }

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}
