package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/etl/extract"
	"github.com/ticketetl/ticketetl/etl/transform"
	"github.com/ticketetl/ticketetl/internal/hubspot"
	"github.com/ticketetl/ticketetl/internal/schema"
)

type validateOptions struct {
	mapping string
	files   []string
	source  sourceFlags
	lock    string
}

func (a *app) validateCommand() *cobra.Command {
	var opts validateOptions
	cmd := &cobra.Command{
		Use: "validate -m MAPPING FILE...", Short: "Check every row of a spreadsheet; send nothing",
		Long: `Checks every cell of the files against the mapping and the account's definitions
and writes results.csv, errors.csv, failed.csv and a workbook with the bad cells
coloured and commented into a run folder: for a workbook a copy of it in which
nothing else is changed (above 50,000 rows, or --marked-rows, a new one with only the rows that have
problems), for a CSV a new one. Nothing is sent. With --schema it works without a token and without a network; references
to contacts and companies are then checked for their form only.

` + exitHelp,
		Example: `  ticketetl validate -m mapping.yaml tickets.xlsx
  ticketetl validate -m mapping.yaml --schema schema.json tickets.csv`,
		Args: filesNeeded,
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.files = args
			var err error
			if opts.mapping, err = mappingFor(cmd, opts.mapping, args); err != nil {
				return err
			}
			return a.runValidate(cmd.Context(), opts)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&opts.mapping, "mapping", "m", "", "the mapping `file` (required)")
	f.StringVar(&a.flags.schema, "schema", "", "check against the definitions in this `file` instead of asking the account")
	lockFlag(f, &opts.lock)
	opts.source.add(f)
	a.accountFlags(f)
	a.runFlags(f)
	return cmd
}

func (a *app) runValidate(ctx context.Context, opts validateOptions) error {
	j, err := a.newJob("validate", opts.mapping, opts.files, opts.source)
	if err != nil {
		return err
	}
	conn, err := a.connectOrLoad(ctx, j.p, wantOf(j.mapping))
	if err != nil {
		return j.discard(err)
	}
	j.use(conn)
	if err := j.checkLock(opts.lock); err != nil {
		return j.discard(err)
	}
	j.sumWhileRead = true // a file that is read once only need not be read again for that
	hashed, err := j.understand(ctx)
	if err != nil {
		return j.discard(err)
	}
	j.checkTaken()
	j.began = time.Now()
	totals, err := j.check(ctx, etl.Valid, nil)
	return j.finish(totals, errors.Join(err, hashed()))
}

// connectOrLoad takes the definitions from --schema where it is given, without
// any connection, unless the sandbox is to have them.
func (a *app) connectOrLoad(ctx context.Context, p *progress, want hubspot.Want) (*connection, error) {
	if a.flags.schema == "" || a.flags.sandbox || a.flags.sandboxData != "" {
		return a.connect(ctx, p, want)
	}
	s, err := schema.Load(a.flags.schema)
	if err != nil {
		return nil, err
	}
	if a.flags.account != 0 && a.flags.account != s.Account.ID {
		return nil, fmt.Errorf("%s is of account %d, and --account asks for %d", a.flags.schema, s.Account.ID, a.flags.account)
	}
	return &connection{schema: s, close: func() error { return nil }}, nil
}

// understand opens every file and compiles the mapping for each header, so that
// all faults of mapping and files are told before the first row is read. The files
// are hashed meanwhile, until hashed has returned, unless that is done while they are
// read.
func (j *job) understand(ctx context.Context) (hashed func() error, err error) {
	if err := j.decideDates(ctx); err != nil {
		return nil, err
	}
	files, err := open(j.files, j.mapping, j.conn.schema)
	if err != nil {
		return nil, err
	}
	defer files.close()
	for i, f := range files.files {
		info := f.Info()
		info.Path = j.files[i].name
		j.infos = append(j.infos, info)
	}
	if err := j.openBaseline(); err != nil {
		return nil, err
	}
	j.sample = newSamples(files.mappers[0], j.app.flags.redact)
	j.sample.changedOnly = j.edit != nil
	j.summary.Inputs = files.describe(j.files)
	for i, m := range files.mappers {
		j.summary.Inputs[i].Unused = j.unusedColumns(m.Unused())
	}
	j.unused = j.summary.Inputs[0].Unused
	return hashInputs(j.files, j.summary.Inputs, j.sumWhileRead), nil
}

// decideDates reads the files that have columns of dates whose order of day and
// month the mapping leaves open, to find it in the whole of each column.
func (j *job) decideDates(ctx context.Context) error {
	files, err := open(j.files, j.mapping, j.conn.schema)
	if err != nil {
		return err
	}
	defer files.close()
	for i, f := range files.files {
		e := files.mappers[i].Evidence()
		if e == nil {
			continue
		}
		j.p.begin("dates", -1, f.Progress)
		err := j.showAll(ctx, f, e)
		j.p.end()
		if err != nil {
			return err
		}
		if j.files[i].dates, err = e.Decide(j.files[i].name); err != nil {
			return err
		}
	}
	return nil
}

// showAll shows e every row of f that can be read.
func (j *job) showAll(ctx context.Context, f *extract.File, e *transform.Evidence) error {
	for {
		rec, err := f.Next(ctx)
		var bad *etl.RowError
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.As(err, &bad):
			continue
		case err != nil:
			return err
		}
		e.Add(rec)
		select {
		case <-j.app.stop:
			return context.Canceled
		default:
		}
	}
}

// check reads all rows without sending anything and shows how the files were
// understood. A good row ends in the status good; brake may stop it early.
func (j *job) check(ctx context.Context, good etl.Status, brake func(etl.Report) etl.Report) (etl.Totals, error) {
	p := pass{phase: "check", total: -1, checked: good, sample: j.sample, brake: brake}
	if j.log != nil { // what is done already is told as it ended, whatever comes of this attempt
		past, err := j.log.History(ctx, j.again)
		if err != nil {
			return etl.Totals{}, err
		}
		p.past = past
	}
	totals, err := j.run(ctx, p)
	if j.app.flags.format == "text" {
		fmt.Fprintln(j.app.out, j.target())
		j.sample.print(j.app.out, j.infos, j.unused)
		if j.edit != nil {
			fmt.Fprintf(j.app.out, "%s\n\n", j.edit.text())
		}
		j.printReferences(j.app.out)
	}
	return totals, err
}

// savedText says which definitions a schema file holds.
func savedText(s *schema.Schema) string {
	text := fmt.Sprintf("definitions taken %s, fingerprint %s", s.TakenAt.UTC().Format("2006-01-02 15:04 UTC"), s.Fingerprint())
	if s.Edited() {
		text += ", changed since they were saved"
	}
	return text
}

// target says what the command works on.
func (j *job) target() string {
	text := fmt.Sprintf("%s with %s, %s", j.summary.Command, j.summary.Mapping.Path, accountText(j.conn.schema.Account))
	if j.summary.Operation != "" {
		text = fmt.Sprintf("%s (%s) with %s, %s", j.summary.Command, j.summary.Operation, j.summary.Mapping.Path, accountText(j.conn.schema.Account))
	}
	if j.conn.client == nil {
		text += ", offline: references are checked for their form only\n" + savedText(j.conn.schema)
	}
	return text
}
