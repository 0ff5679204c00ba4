package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/ticketetl/ticketetl/etl/transform"
	"github.com/ticketetl/ticketetl/internal/schema"
)

// defaultLock is where a lock is written.
const defaultLock = "ticketetl.lock"

type lockOptions struct{ mapping, output string }

func (a *app) lockCommand() *cobra.Command {
	var opts lockOptions
	cmd := &cobra.Command{
		Use: "lock -m MAPPING [-o FILE]", Short: "Pin the definitions that a mapping was written for",
		Long: `Writes the properties, options, pipelines, stages and association labels that the
mapping uses, as the account defines them now, to FILE (default ` + defaultLock + `). With
--lock FILE, validate and import compare before they read the first row, and stop
with a list of what was changed or removed since. What was added is no change. The
file holds no person's data and can be kept with the mapping; an existing one is
replaced.`,
		Example: `  ticketetl lock -m mapping.yaml
  ticketetl import -m mapping.yaml --lock ticketetl.lock tickets.csv`,
		Args: wordsBetween(0, 0, "only flags, and the mapping is named with -m"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := mappingNeeded(cmd, opts.mapping); err != nil {
				return err
			}
			return a.runLock(cmd.Context(), opts)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&opts.mapping, "mapping", "m", "", "the mapping `file` (required)")
	f.StringVarP(&opts.output, "output", "o", defaultLock, "write to this `file`")
	f.StringVar(&a.flags.schema, "schema", "", "take the definitions from this `file` instead of asking the account")
	a.accountFlags(f)
	return cmd
}

func (a *app) runLock(ctx context.Context, opts lockOptions) (err error) {
	m, err := transform.Load(opts.mapping)
	if err != nil {
		return err
	}
	conn, err := a.connectOrLoad(ctx, a.newProgress(), wantOf(m))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.close()) }()
	for _, name := range m.Uses().Properties {
		if conn.schema.Property(name) == nil {
			return fmt.Errorf("%s: property %q does not exist in %s; 'ticketetl validate' lists all faults of a mapping", opts.mapping, name, accountText(conn.schema.Account))
		}
	}
	lock := conn.schema.Lock(m.Uses())
	if err := lock.Save(opts.output); err != nil {
		return err
	}
	if a.flags.format == "json" {
		return a.writeJSON(map[string]any{"command": "lock", "output": opts.output, "account": lock.Account, "properties": len(lock.Properties)})
	}
	_, err = fmt.Fprintf(a.out, "What %s uses of %s is pinned in %s: %s. Give --lock %s to validate and import.\n", opts.mapping,
		accountText(conn.schema.Account), opts.output, plural(int64(len(lock.Properties)), "property", "properties"), shellWord(opts.output))
	return err
}

func lockFlag(f *pflag.FlagSet, path *string) {
	f.StringVar(path, "lock", "", "stop if definitions that the mapping uses have changed since 'ticketetl lock' wrote this `file`")
}

// checkLock compares the account's definitions with those that were pinned.
func (j *job) checkLock(path string) error {
	if path == "" {
		return nil
	}
	locked, err := schema.LoadLock(path)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no lock %s; 'ticketetl lock -m %s -o %s' makes it", path, shellWord(j.summary.Mapping.Path), shellWord(path))
	}
	if err != nil {
		return err
	}
	changes := locked.Changes(j.conn.schema.Lock(j.mapping.Uses()))
	if len(changes) == 0 {
		return nil
	}
	return fmt.Errorf("the account's definitions are not those of %s, taken on %s:\n  %s\nNothing was read or sent. Look whether the mapping still says what you mean, then pin them anew: ticketetl lock -m %s -o %s",
		path, locked.TakenAt.Format("2006-01-02 15:04 MST"), strings.Join(changes, "\n  "), shellWord(j.summary.Mapping.Path), shellWord(path))
}
