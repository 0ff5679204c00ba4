package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/etl/extract"
	"github.com/ticketetl/ticketetl/etl/load"
	"github.com/ticketetl/ticketetl/etl/transform"
	"github.com/ticketetl/ticketetl/internal/hubspot"
)

// An exporting is an export on its way: it gathers the tickets in a part beside
// the output, and writes the output from there.
type exporting struct {
	app  *app
	p    *progress
	conn *connection
	opts exportOptions

	inc      increment
	part     *part
	source   *extract.Tickets
	mapper   *transform.Export
	check    extract.Check
	manifest manifest
	began    time.Time

	historyOf []string // properties
}

func (e *exporting) run(ctx context.Context, opts extract.TicketOptions) error {
	defer allowGarbage()()
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
	if err := e.record(); err != nil {
		return errors.Join(err, e.part.leave())
	}
	return errors.Join(e.part.discard(), e.conclude())
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
	if err == nil {
		err = e.plan(columns)
	}
	if err != nil {
		return err
	}
	opts.Since, opts.Earlier = e.inc.since, e.earlierOutput()
	e.describe(opts)
	e.historyOf = opts.History
	e.part, err = e.app.openPart(e.opts, e.request(opts), func() (extract.Start, error) {
		return extract.NewTickets(e.conn.client, nil, opts).Begin(ctx)
	})
	if err == nil {
		e.source = extract.NewTickets(e.conn.client, e.part.store, opts)
	}
	return err
}

func (e *exporting) request(opts extract.TicketOptions) request {
	endpoint := e.app.endpoint()
	if path, err := filepath.Abs(e.app.flags.sandboxData); err == nil && e.app.flags.sandboxData != "" {
		endpoint = "sandbox:" + path // from whatever folder
	}
	r := request{
		Version: 2, Account: e.conn.schema.Account.ID, Endpoint: endpoint, APIVersion: e.app.flags.apiVersion,
		Archived: string(opts.Archived), Properties: opts.Properties, Associations: opts.Associations,
		Since: opts.Since, Relink: opts.Relink, Linked: opts.Linked, History: opts.History,
	}
	if e.inc.earlier != nil {
		r.Earlier, r.Rendering = e.inc.earlier.SHA256, e.manifest.Rendering
	}
	return r
}

// plan decides how much is read.
func (e *exporting) plan(columns *etl.Header) (err error) {
	zone, err := e.opts.zone(e.conn.schema)
	if err != nil {
		return err
	}
	form := append([]string{e.opts.form.Ending + e.opts.form.Packing, fmt.Sprint(e.opts.guarded())}, e.opts.dialect()...)
	e.manifest.Rendering = e.mapper.Rendering(e.conn.schema, columns, e.opts.rendering(zone), form...)
	e.inc, err = e.app.plan(e.opts, e.conn.schema.Account.ID, e.conn.schema.Account.TimeZone, e.manifest.Rendering)
	return err
}

func (e *exporting) table(tempDir string, stdout io.Writer) (*load.Table, error) {
	edit, err := e.opts.editOf(e.conn.schema, e.mapper)
	if err != nil {
		return nil, err
	}
	opts := load.TableOptions{
		Columns: tableColumns(e.mapper), Guard: e.opts.guarded(), Format: e.opts.format, Stdout: stdout,
		Mode: e.opts.perm, TempDir: tempDir, Edit: edit, Delimiter: rune(e.opts.delimiter[0]), BOM: e.opts.bom,
	}
	if e.opts.back != nil {
		opts.Sheet, opts.Delimiter = e.opts.back.Sheet(), e.opts.back.Delimiter()
	}
	return load.CreateTable(e.opts.output, opts)
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
	n, err := e.fill(ctx, table, etl.Input{Source: e.source, Mapper: asTheyAre{e.mapper}})
	if err == nil && n != e.check.Counted {
		err = fmt.Errorf("%d tickets were gathered and %d written: what was gathered is damaged; start anew with --again", e.check.Counted, n)
	}
	if err != nil {
		_ = table.Abort()
		return err
	}
	return e.put(ctx, table)
}

// fill writes all that a source has, and says how much that was.
func (e *exporting) fill(ctx context.Context, table *load.Table, in etl.Input) (int64, error) {
	defer e.p.end()
	totals, err := etl.Run(ctx, etl.Steps{Inputs: []etl.Input{in}, Sink: table, Report: e.p.watch(discard{})}, etl.Options{})
	return totals[etl.Exported], err
}

// put puts the output in its place, after the history. Its manifest is kept in the
// part before, so that after a death the one is not without the other.
func (e *exporting) put(ctx context.Context, table *load.Table) error {
	if err := table.Finish(); err != nil {
		return err
	}
	history, err := e.writeHistory(ctx)
	if err != nil {
		return errors.Join(err, table.Abort())
	}
	m := &e.manifest
	m.SHA256, m.Bytes = table.Sum()
	m.Ended = time.Now().UTC()
	m.describe(e.check, e.part.start)
	m.NotReadBack = unlikeTexts(e.mapper.Unlike())
	if e.check.Whole {
		m.Mode, m.Filters.Since = modeFull, nil
	}
	if err := m.write(filepath.Join(e.part.dir, nextFile), 0o600); err != nil {
		return errors.Join(err, table.Abort(), history.Abort())
	}
	if err := history.Commit(); err != nil {
		return errors.Join(err, table.Abort())
	}
	return table.Commit()
}

// asTheyAre leaves the rows of an earlier export as they are.
type asTheyAre struct{ etl.Mapper }

func (m asTheyAre) Apply(rec *etl.Record) (skip bool, problems []etl.Problem) {
	if rec.Properties != nil {
		return false, nil
	}
	return m.Mapper.Apply(rec)
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
	case isFull(err):
		return &exitError{code: exitStopped, err: fmt.Errorf("the disk is full (%v); %s was not written. Make room. %s", err, output, again)}
	case hubspot.IsDailyLimit(err), errors.Is(err, hubspot.ErrGaveUp):
		return fmt.Errorf("%w; %s was not written. %s", err, output, again)
	}
	return fmt.Errorf("%w; %s was not written", err, output)
}

// describe notes in the manifest what is asked for.
func (e *exporting) describe(opts extract.TicketOptions) {
	m := &e.manifest
	m.Version, m.Program, m.Output = manifestVersion, "ticketetl "+programVersion(), filepath.Base(e.opts.output)
	m.Account, m.SchemaFingerprint = e.conn.schema.Account, e.conn.schema.Fingerprint()
	m.Properties, m.Associations = opts.Properties, append([]string{}, opts.Associations...)
	m.Linked = []string{}
	for _, l := range opts.Linked {
		m.Linked = append(m.Linked, l.Column())
	}
	m.Archived = opts.Archived == extract.ArchivedOnly
	m.Values, m.Timezone = e.opts.values, e.opts.timezone
	m.Mode, m.Filters.Archived = e.inc.mode, string(opts.Archived)
	if !e.inc.since.IsZero() {
		m.Filters.Since = &e.inc.since
	}
	m.Mapping = e.opts.mapping
	for _, c := range e.mapper.Columns() {
		m.Columns = append(m.Columns, c.Name)
	}
}

// record writes the manifest and then the state. The state does not move on past an
// export that is not shown to be complete.
func (e *exporting) record() error {
	e.app.measured.complete = &e.check.Complete
	e.app.measured.tickets = map[string]int64{etl.Exported.String(): e.check.Counted}
	if e.opts.output != "-" {
		if err := e.manifest.save(e.opts.output, e.opts.perm); err != nil {
			return recorded(fmt.Errorf("%s is written, but not its manifest: %w", e.opts.output, err))
		}
	}
	if e.opts.state != "" && e.check.Complete {
		if err := e.manifest.write(e.opts.state, 0o600); err != nil {
			return recorded(fmt.Errorf("%s is written, but not %s, so that the next --since last writes the same changes again: %w", e.opts.output, e.opts.state, err))
		}
	}
	return nil
}

// recorded says of an error, after which the output is in its place, what to do.
func recorded(err error) error {
	if isFull(err) {
		return &exitError{code: exitStopped, err: fmt.Errorf("the disk is full: %v. Make room. Run the same command again", err)}
	}
	return err
}

// conclude tells what was done.
func (e *exporting) conclude() error {
	if err := e.show(); err != nil {
		return err
	}
	if !e.check.Complete {
		return &exitError{code: exitRows, err: fmt.Errorf("%s was written, but it is not shown to be complete: %s", e.opts.output, e.check.Reason)}
	}
	return nil
}

func (e *exporting) show() error {
	calls, to, output := callsOf(e.conn.client), e.app.out, e.opts.output
	if output == "-" {
		to, output = e.app.err, "standard output"
	}
	took := time.Since(e.began)
	if e.app.flags.format == "json" {
		return writeJSON(to, map[string]any{
			"command": "export", "output": output, "tickets": e.check.Counted, "account": e.conn.schema.Account.ID,
			"calls":            calls,
			"duration_seconds": took.Seconds(),
			"complete":         e.check.Complete, "reason": e.check.Reason, "sha256": e.manifest.SHA256, "mode": e.manifest.Mode, "since": e.manifest.Filters.Since,
			"not_read_back": e.manifest.NotReadBack, "history": e.manifest.History,
		})
	}
	_, err := fmt.Fprintf(to, "%s%s of %s written to %s in %s (%s).\n", plural(e.check.Counted, "ticket", "tickets"), e.ofWhat(),
		accountText(e.conn.schema.Account), output, took.Round(10*time.Millisecond), plural(calls.Total, "request", "requests"))
	if err == nil && e.check.Complete {
		_, err = fmt.Fprintf(to, "Complete: %s.\n", e.check.Reason)
	}
	if h := e.manifest.History; err == nil && h != nil {
		_, err = fmt.Fprintf(to, "%s of %s written to %s.\n", plural(h.Values, "value", "values"), plural(int64(len(h.Properties)), "property", "properties"), e.opts.history)
	}
	if err == nil && e.opts.back != nil {
		_, err = fmt.Fprint(to, readBackText(e.opts.mapping, e.manifest.NotReadBack))
	}
	return err
}

// ofWhat says which tickets were written, if not all, or how all of them were found.
func (e *exporting) ofWhat() string {
	since := e.inc.since.UTC().Format("2006-01-02T15:04:05Z")
	switch e.manifest.Mode {
	case modeChanges:
		return " changed since " + since
	case modeMerge:
		return fmt.Sprintf(", with %d that were changed since %s read again,", e.check.Changed, since)
	}
	return ""
}
