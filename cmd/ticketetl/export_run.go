package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"
	"time"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/etl/extract"
	"github.com/ticketetl/ticketetl/etl/load"
	"github.com/ticketetl/ticketetl/etl/transform"
	"github.com/ticketetl/ticketetl/internal/hubspot"
	"github.com/ticketetl/ticketetl/internal/report"
)

// An exporting is an export on its way: it gathers the tickets in a part beside
// the output, and writes the output from there.
type exporting struct {
	app  *app
	p    *progress
	conn *connection
	opts exportOptions

	part     *part
	source   *extract.Tickets
	mapper   *transform.Export
	check    extract.Check
	manifest manifest
	began    time.Time
}

func (e *exporting) run(ctx context.Context, opts extract.TicketOptions) error {
	e.began = time.Now()
	opts.Watch = func(n int64) {
		for range n {
			e.p.add(etl.Exported)
		}
	}
	if err := e.prepare(ctx, opts); err != nil {
		return e.unwritten(err)
	}
	if err := e.gather(ctx); err != nil {
		return errors.Join(e.unwritten(err), e.part.leave())
	}
	if err := e.write(ctx); err != nil {
		return errors.Join(e.unwritten(err), e.part.leave())
	}
	if err := e.finish(opts); err != nil {
		return errors.Join(err, e.part.discard())
	}
	return e.part.discard()
}

// prepare finds out whether the output can be written as it is wanted, before
// anything is read, and opens the part.
func (e *exporting) prepare(ctx context.Context, opts extract.TicketOptions) (err error) {
	columns := extract.NewTickets(nil, nil, opts).Header()
	if e.mapper, err = e.app.exportMapper(e.conn.schema, columns, e.opts); err != nil {
		return err
	}
	probe, err := e.table("", io.Discard)
	if err == nil {
		err = probe.Abort()
	}
	if err != nil {
		return err
	}
	e.part, err = e.app.openPart(e.opts, e.request(opts), func() (extract.Start, error) {
		return extract.NewTickets(e.conn.client, nil, opts).Begin(ctx)
	})
	if err == nil {
		e.source = extract.NewTickets(e.conn.client, e.part.store, opts)
	}
	return err
}

func (e *exporting) request(opts extract.TicketOptions) request {
	return request{
		Version: 1, Account: e.conn.schema.Account.ID, Endpoint: e.app.endpoint(), APIVersion: e.app.flags.apiVersion,
		Archived: opts.Archived, Properties: opts.Properties, Associations: opts.Associations,
	}
}

func (e *exporting) table(tempDir string, stdout io.Writer) (*load.Table, error) {
	edit, err := e.opts.editOf(e.conn.schema, e.mapper)
	if err != nil {
		return nil, err
	}
	return load.CreateTable(e.opts.output, load.TableOptions{
		Columns: tableColumns(e.mapper), Guard: e.opts.guarded(), Format: e.opts.format, Stdout: stdout,
		Mode: e.opts.perm, TempDir: tempDir, Edit: edit,
	})
}

// gather reads the account.
func (e *exporting) gather(ctx context.Context) (err error) {
	if e.part.resumed {
		fmt.Fprintf(e.app.err, "Carrying on with the export to %s that was begun on %s. To start anew instead, give --again.\n",
			e.opts.output, e.part.start.At.Local().Format("2 January 2006 at 15:04 MST"))
	}
	e.p.begin("read", e.part.start.Total, nil)
	defer e.p.end()
	e.check, err = e.source.Gather(ctx, e.part.start)
	return err
}

// write copies what was gathered and puts the file in its place only when all of
// it is there.
func (e *exporting) write(ctx context.Context) error {
	table, err := e.table(e.part.dir, e.app.out)
	if err != nil {
		return err
	}
	e.p.begin("write", e.check.Counted, nil)
	in := etl.Input{Source: e.source, Mapper: e.mapper}
	totals, err := etl.Run(ctx, etl.Steps{Inputs: []etl.Input{in}, Sink: table, Report: e.p.watch(discard{})}, etl.Options{})
	e.p.end()
	if n := totals[etl.Exported]; err == nil && n != e.check.Counted {
		err = fmt.Errorf("%d tickets were gathered and %d written: what was gathered is damaged; start anew with --again", e.check.Counted, n)
	}
	if err != nil {
		_ = table.Abort()
		return err
	}
	if err := table.Commit(); err != nil {
		return err
	}
	e.manifest.SHA256, e.manifest.Bytes = table.Sum()
	return nil
}

type discard struct{}

func (discard) Add(*etl.Record, etl.Outcome) error { return nil }

// unwritten says of an error what became of the output, and what to do.
func (e *exporting) unwritten(err error) error {
	output, again := e.opts.output, "Run the same command again"
	if e.part != nil && e.part.kept && !e.part.store.Empty() {
		again += "; it carries on where this one stopped"
	}
	switch {
	case e.app.interrupts():
		return &exitError{code: exitInterrupted, err: fmt.Errorf("interrupted; %s was not written. %s", output, again)}
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("the disk is full (%w); %s was not written. Make room. %s", err, output, again)
	case hubspot.IsDailyLimit(err), errors.Is(err, hubspot.ErrGaveUp):
		return fmt.Errorf("%w; %s was not written. %s", err, output, again)
	}
	return fmt.Errorf("%w; %s was not written", err, output)
}

// finish writes the manifest and tells what was done.
func (e *exporting) finish(opts extract.TicketOptions) error {
	m := &e.manifest
	m.Version, m.Program, m.Ended = 1, "ticketetl "+programVersion(), time.Now().UTC()
	m.Account, m.SchemaFingerprint = e.conn.schema.Account, e.conn.schema.Fingerprint()
	m.Properties, m.Associations, m.Archived = opts.Properties, append([]string{}, opts.Associations...), opts.Archived
	m.Values, m.Timezone = e.opts.values, e.opts.timezone
	for _, c := range e.mapper.Columns() {
		m.Columns = append(m.Columns, c.Name)
	}
	m.describe(e.check, e.part.start)
	if e.opts.output != "-" {
		if err := m.save(e.opts.output, e.opts.perm); err != nil {
			return fmt.Errorf("%s is written, but not its manifest: %w", e.opts.output, err)
		}
	}
	if err := e.show(); err != nil {
		return err
	}
	if !e.check.Complete {
		return &exitError{code: exitRows, err: fmt.Errorf("%s was written, but it is not shown to be complete: %s", e.opts.output, e.check.Reason)}
	}
	return nil
}

func (e *exporting) show() error {
	stats, to, output := e.conn.client.Stats(), e.app.out, e.opts.output
	if output == "-" {
		to, output = e.app.err, "standard output"
	}
	took := time.Since(e.began)
	if e.app.flags.format == "json" {
		return writeJSON(to, map[string]any{
			"command": "export", "output": output, "tickets": e.check.Counted, "account": e.conn.schema.Account.ID,
			"calls":            report.Calls{Total: stats.Calls, Retries: stats.Retries, RateLimited: stats.RateLimited},
			"duration_seconds": took.Seconds(),
			"complete":         e.check.Complete, "reason": e.check.Reason, "sha256": e.manifest.SHA256,
		})
	}
	_, err := fmt.Fprintf(to, "%s of %s written to %s in %s (%s).\n", plural(e.check.Counted, "ticket", "tickets"),
		accountText(e.conn.schema.Account), output, took.Round(10*time.Millisecond), plural(stats.Calls, "request", "requests"))
	if err == nil && e.check.Complete {
		_, err = fmt.Fprintf(to, "Complete: %s.\n", e.check.Reason)
	}
	return err
}
