package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/internal/report"
)

func (a *app) runsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "runs", Short: "List the runs, newest first",
		Example: "  ticketetl runs",
		Args:    cobra.NoArgs,
		RunE:    func(*cobra.Command, []string) error { return a.runRuns() },
	}
	cmd.Flags().StringVar(&a.flags.runs, "runs", defaultRuns, "look for the runs' folders below this `folder`")
	return cmd
}

func (a *app) reportCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "report [RUN]", Short: "Show how a run ended (default: the newest one)",
		Example: "  ticketetl report\n  ticketetl report 20261123-140102-import-1f2e3d --format json",
		Args:    cobra.MaximumNArgs(1),
		RunE:    func(_ *cobra.Command, args []string) error { return a.runReport(args) },
	}
	cmd.Flags().StringVar(&a.flags.runs, "runs", defaultRuns, "look for the run's folder below this `folder`")
	return cmd
}

func (a *app) runRuns() error {
	ids, err := a.runIDs()
	if err != nil {
		return err
	}
	all := make([]*report.Summary, 0, len(ids))
	for _, id := range ids {
		s, err := report.LoadSummary(filepath.Join(a.flags.runs, id))
		if errors.Is(err, fs.ErrNotExist) {
			continue // a run that was killed before it began to send
		}
		if err != nil {
			return err
		}
		all = append(all, s)
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
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", s.RunID, s.State, thousands(s.RowsRead), countsText(s.Counts))
	}
	return w.Flush()
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

func (a *app) runReport(args []string) error {
	dir, err := a.runFolder(args)
	if err != nil {
		return err
	}
	s, err := report.LoadSummary(dir)
	if err != nil {
		return err
	}
	groups, err := report.GroupErrors(filepath.Join(dir, report.ErrorsFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return a.showSummary(s, groups, dir)
}

// runFolder is the folder of the run that args name: by its id, by its path, or
// the newest one.
func (a *app) runFolder(args []string) (string, error) {
	if len(args) == 1 {
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
	if a.flags.format == "json" {
		return report.WriteJSON(a.out, s, groups)
	}
	return report.WriteText(a.out, s, groups, report.TextOptions{Color: a.outTerm && a.wantsColor(), Width: a.width, Folder: dir})
}

// wantsColor follows the NO_COLOR convention.
func (a *app) wantsColor() bool {
	v, ok := a.env("NO_COLOR")
	return !ok || v == ""
}

func (a *app) writeJSON(v any) error {
	enc := json.NewEncoder(a.out)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}
