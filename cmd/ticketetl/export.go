package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/etl/extract"
	"github.com/ticketetl/ticketetl/etl/load"
	"github.com/ticketetl/ticketetl/etl/transform"
	"github.com/ticketetl/ticketetl/internal/schema"
)

type exportOptions struct {
	output       string
	properties   []string
	associations []string
	values       string
	headers      string
	types        string
	timezone     string
	format       string
	archived     string // extract.Archived
	since        string
	merge        bool
	relink       bool
	state        string
	guard        string
	delimiter    string
	bom          bool
	mode         string
	again        bool
	settle       time.Duration
	editable     bool
	mapping      string
	ambiguous    string
	history      string
	historyOf    []string

	line commandLine
	back *transform.Backwards // of the mapping; nil: none
	form load.Form            // of the output
	perm os.FileMode          // of the output
}

func (a *app) exportCommand() *cobra.Command {
	var opts exportOptions
	cmd := &cobra.Command{
		Use: "export -o FILE", Short: "Write the account's tickets to a .csv, .xlsx, .jsonl or .parquet file",
		Long: `Reads all tickets of the account, in the order of their ids, and writes them to
FILE: .csv, .xlsx, .jsonl (JSON Lines) or .parquet, each also with .gz or .zst.
The file appears when it is complete; until then, and if the export fails, what
stood there before stays, and the same command carries on from FILE.partial.
Only its owner can read it. '-' is standard output.

With --since, only what was changed is read, and written, or merged into the earlier
file. Deletions are in such a file with --archived include; a change of associations
alone is not, since HubSpot does not count it as a change of the ticket.

What was created, changed or archived meanwhile is read again, and the tickets
are counted against the account's own total. FILE.manifest.json says what the file
holds. An export that is not shown to be complete is written, and ends with 3.

In .csv and .xlsx, labels are written for options, pipelines and stages, and e-mail
addresses for owners; in .jsonl and .parquet, what HubSpot stores. --values chooses.
In a workbook dates are real dates, in the account's time zone; in other formats
they are as HubSpot stores them, in UTC. --timezone chooses.

With --mapping, the columns are those that the mapping reads, under its headers and in
its words, so that the same mapping imports the file. Each row is read back and compared
with its ticket; what does not come back as it is, is counted and told.

--history writes a second file: each value that the properties had, when and by what.

` + exitHelp,
		Example: `  ticketetl export -o tickets.xlsx
  ticketetl export -o tickets.csv --properties subject,content,createdate --associations contacts --values raw
  ticketetl export --editable -o tickets.xlsx
  ticketetl export -m mapping.yaml -o tickets.csv
  ticketetl export --since last --merge -o tickets.csv
  ticketetl export --since last --state last.json --archived include -o changes-2026-11-25.jsonl
  ticketetl export -o - --output-format jsonl.zst > tickets.jsonl.zst`,
		Args: opts.archivedArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			err := opts.checkMapping(cmd.Flags().Changed)
			if err != nil {
				return err
			}
			if opts.line, err = lineOf(cmd.Flags()); err != nil {
				return err
			}
			return a.runExport(cmd.Context(), opts)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&opts.output, "output", "o", "", "write to this `file`; its ending names the format, '-' is standard output (required)")
	f.StringVarP(&opts.mapping, "mapping", "m", "", "write the columns that this mapping `file` reads, as it reads them, so that the same mapping imports the output (docs/export.md)")
	f.StringVar(&opts.ambiguous, "ambiguous", "reject", "with --mapping: `what` to do where several texts of a table of values stand for one value: reject the mapping, or write the first")
	f.StringVar(&opts.history, "history", "", "also write all values that the properties had, with the time and source of each, to this `file`, of any format")
	f.StringSliceVar(&opts.historyOf, "history-of", nil, "with --history: `names` of these properties, parted by commas (default: those that are exported)")
	f.StringVar(&opts.format, "output-format", "", "the `format`, where the name of the file does not say it: csv, xlsx, jsonl or parquet, also with .gz or .zst")
	f.StringSliceVar(&opts.properties, "properties", nil, "`names` of the properties to write, parted by commas; 'all' for all of them (default: the useful ones); contacts.email and the like for properties of associated records")
	f.StringSliceVar(&opts.associations, "associations", []string{"contacts", "companies"}, "object `types` whose associated ids to write, parted by commas; 'none' for none")
	f.StringVar(&opts.values, "values", "", "`what` to write for options, stages and owners: labels, raw or both (default: labels in .csv and .xlsx, raw in .jsonl and .parquet)")
	f.StringVar(&opts.headers, "headers", "names", "`what` columns are called: names or labels of the properties")
	f.StringVar(&opts.types, "types", "auto", "`types` of the columns: auto (numbers and dates, where the format has them) or text")
	f.StringVar(&opts.timezone, "timezone", "", "`zone` of date-times, e.g. Europe/Berlin (default: the account's in .xlsx, and else UTC)")
	f.BoolVar(&opts.editable, "editable", false, "make a workbook that can be edited and imported again: only changed cells are sent then (docs/roundtrip.md)")
	f.StringVar(&opts.archived, "archived", "", "`which`: include the tickets in the recycle bin, with a column that says since when, or only those (default: none)")
	f.Lookup("archived").NoOptDefVal = string(extract.ArchivedOnly)
	f.StringVar(&opts.since, "since", "", "only what was changed since this `time`: a date, a date and time, or 'last': since the export that the manifest beside the output, or --state, is of")
	f.BoolVar(&opts.merge, "merge", false, "bring the output, an earlier export of all tickets, up to date: what has changed since is read, and the file written anew")
	f.BoolVar(&opts.relink, "full-associations", false, "with --merge: compare the associations of all tickets. Without it, a ticket whose associations alone have changed keeps the old ones, since that does not count as a change of the ticket")
	f.StringVar(&opts.state, "state", "", "keep what --since last goes on from in this `file`, for outputs that are called otherwise each time (default: the manifest beside the output)")
	f.StringVar(&opts.guard, "guard", "auto", "CSV: `when` to put an apostrophe before text that a spreadsheet program would run as a formula: always, never, or auto (with labels, which people read, and not with raw values)")
	f.StringVar(&opts.delimiter, "delimiter", ",", "CSV: the `sign` between cells: ',', ';', '|' or tab; ';' for Excel where a comma is the decimal sign")
	f.BoolVar(&opts.bom, "bom", false, "CSV: begin with a byte order mark, by which Excel knows that the file is UTF-8")
	f.StringVar(&opts.mode, "mode", "0600", "`permissions` of the file, as chmod takes them")
	f.DurationVar(&opts.settle, "settle", time.Minute, "give the account's count this `long` to agree with what was read")
	f.BoolVar(&opts.again, "again", false, "start anew, also if an export to this file has stopped half way")
	a.metricsFlag(f)
	a.accountFlags(f)
	f.StringVar(&a.flags.schema, "schema", "", "with --sandbox: give the sandbox account the definitions in this `file`")
	return cmd
}

func (a *app) runExport(ctx context.Context, opts exportOptions) (err error) {
	if err := opts.check(); err != nil {
		return err
	}
	if err := a.checkFiles(opts); err != nil {
		return err
	}
	ctx, cancel := a.untilInterrupt(ctx)
	defer cancel()
	m, err := opts.loadMapping()
	if err != nil {
		return err
	}
	p := a.newProgress()
	conn, err := a.connect(ctx, p, wantBack(m))
	if err != nil {
		return err
	}
	defer func() {
		a.measured.calls = callsOf(conn.client)
		err = errors.Join(err, conn.close())
	}()
	var what extract.TicketOptions
	if m != nil {
		what, err = a.backwards(conn, m, &opts)
	} else {
		what, err = a.chosen(ctx, conn, opts)
	}
	if err != nil {
		return err
	}
	if what.History, err = opts.historyProperties(conn.schema, what.Properties); err != nil {
		return err
	}
	what.Archived, what.Relink, what.Workers, what.Settle = extract.Archived(opts.archived), opts.relink, a.flags.concurrency+2, opts.settle
	e := &exporting{app: a, p: p, conn: conn, opts: opts}
	return e.run(ctx, what)
}

// chosen is what the flags choose of each ticket.
func (a *app) chosen(ctx context.Context, conn *connection, opts exportOptions) (what extract.TicketOptions, err error) {
	own, linked, err := a.splitLinked(ctx, conn, opts.properties)
	if err != nil {
		return what, err
	}
	what.Linked = linked
	if len(own) > 0 || len(linked) == 0 {
		if what.Properties, err = exportProperties(conn.schema, "--properties", own); err != nil {
			return what, err
		}
	}
	if opts.editable {
		what.Properties = withPipeline(what.Properties)
	}
	what.Associations, err = exportAssociations(opts.associations)
	return what, err
}

// check finds what is wrong with the flags before anything is asked of HubSpot.
func (opts *exportOptions) check() error {
	if opts.output == "" {
		return errors.New("name the file to write, e.g. ticketetl export -o tickets.xlsx")
	}
	if err := load.CheckTable(opts.output, opts.format); err != nil {
		return err
	}
	opts.form, _ = load.FormOf(opts.output, opts.format) // checked above
	if opts.values == "" {
		opts.values = "labels"
		if opts.form.Raw {
			opts.values = "raw"
		}
	}
	perm, err := strconv.ParseUint(opts.mode, 8, 32)
	if err != nil || perm&^0o777 != 0 || perm&0o600 != 0o600 {
		return fmt.Errorf("--mode: %q is none; write three octal digits that let the owner read and write, e.g. 0640", opts.mode)
	}
	opts.perm = os.FileMode(perm)
	return errors.Join(checkChoice("--values", opts.values, "labels", "raw", "both"), checkChoice("--guard", opts.guard, "auto", "always", "never"),
		checkChoice("--headers", opts.headers, "names", "labels"), checkChoice("--types", opts.types, "auto", "text"), opts.checkZone(), opts.checkEditable(), opts.checkSince(), opts.checkLinked(), opts.checkHistory(), opts.checkDialect(),
		checkChoice("--ambiguous", opts.ambiguous, "reject", "first"),
		checkChoice("--archived", opts.archived, append([]string{""}, archivedChoices...)...))
}

// checkFiles refuses to write a file over another one that the export writes or reads.
func (a *app) checkFiles(opts exportOptions) error {
	written := [][2]string{{"-o", opts.output}, {"--history", opts.history}, {"--metrics", a.flags.metrics}, {"--state", opts.state}}
	read := [][2]string{{"--mapping", opts.mapping}, {"--token-file", a.flags.tokenFile}, {"--schema", a.flags.schema}, {"--sandbox-data", a.flags.sandboxData}}
	if opts.output != "-" && opts.state == "" {
		read = append(read, [2]string{"the manifest beside the output", opts.output + manifestSuffix})
	}
	flags := map[string]string{}
	for i, file := range append(written, read...) {
		path, err := filepath.Abs(file[1])
		if err != nil || file[1] == "" || file[1] == "-" {
			continue
		}
		if other := flags[path]; other != "" {
			if other == "--metrics" || file[0] == "--metrics" {
				a.flags.metrics = "" // which is written also after an error
			}
			return fmt.Errorf("%s and %s are the same file, %s, and one would be written over the other; name another one", other, file[0], file[1])
		}
		if i < len(written) {
			flags[path] = file[0]
		}
	}
	return nil
}

// checkDialect refuses what a CSV file cannot be, and a dialect where there is none.
func (opts *exportOptions) checkDialect() error {
	if opts.delimiter == "tab" {
		opts.delimiter = "\t"
	}
	switch {
	case !slices.Contains([]string{",", ";", "|", "\t"}, opts.delimiter):
		return fmt.Errorf("--delimiter: %q cannot part the cells of a CSV file; write ',', ';', '|' or tab", opts.delimiter)
	case opts.delimiter == "," && !opts.bom || opts.form.Ending == ".csv":
		return nil
	}
	if form, err := load.FormOf(opts.history, ""); err == nil && form.Ending == ".csv" {
		return nil
	}
	return fmt.Errorf("--delimiter and --bom are about CSV files, and %s is none; leave them out", opts.output)
}

// dialect is that of a CSV file, if it is not the usual one.
func (opts *exportOptions) dialect() []string {
	if opts.delimiter == "," && !opts.bom {
		return nil
	}
	return []string{opts.delimiter, fmt.Sprint(opts.bom)}
}

func (opts *exportOptions) checkZone() error {
	if opts.timezone == "" {
		return nil
	}
	if opts.form.UTC && opts.types == "auto" && opts.form.Typed {
		return errors.New("--timezone: a .parquet file holds moments, which have no time zone; leave it out, or export with --types text")
	}
	_, err := zoneOf(opts.timezone)
	return err
}

// zoneOf finds a time zone by its name. "Local" is not one: it differs from
// machine to machine.
func zoneOf(name string) (*time.Location, error) {
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		return nil, fmt.Errorf("--timezone: %q is not a time zone; write a name such as America/Sao_Paulo, Europe/Berlin or UTC", name)
	}
	return zone, nil
}

func (opts *exportOptions) guarded() bool {
	return opts.guard == "always" || opts.guard == "auto" && opts.values != "raw" && opts.mapping == ""
}

// untilInterrupt returns a context that the first interrupt ends: an export has
// nothing under way that would be lost.
func (a *app) untilInterrupt(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-a.stop:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

func (a *app) exportMapper(s *schema.Schema, h *etl.Header, opts exportOptions) (*transform.Export, error) {
	if opts.back != nil {
		return opts.back.Export(h, linkColumns(opts.back)), nil
	}
	zone, err := opts.zone(s)
	if err != nil {
		return nil, err
	}
	if opts.editable {
		return opts.editableMapper(s, h, zone), nil
	}
	return transform.NewExport(s, h, opts.rendering(zone)), nil
}

func (opts *exportOptions) rendering(zone *time.Location) transform.ExportOptions {
	return transform.ExportOptions{
		Values: opts.values, Labels: opts.headers == "labels", Typed: opts.typed(), Zone: zone, Moments: []string{extract.ArchivedColumn},
	}
}

// typed says whether columns have types.
func (opts *exportOptions) typed() bool {
	return opts.form.Typed && opts.types == "auto" && (opts.mapping == "" || opts.form.Ending == ".xlsx")
}

// zone is that of date-times: the chosen one, or the account's in a format that
// has dates without one. Nil leaves them as HubSpot stores them.
func (opts *exportOptions) zone(s *schema.Schema) (*time.Location, error) {
	switch {
	case opts.timezone != "":
		return zoneOf(opts.timezone)
	case !opts.typed() || opts.form.UTC || s.Account.TimeZone == "":
		return nil, nil
	}
	zone, err := time.LoadLocation(s.Account.TimeZone)
	if err != nil {
		return nil, fmt.Errorf("the account's time zone: %w", err)
	}
	return zone, nil
}

func tableColumns(m *transform.Export) []load.Column {
	columns := make([]load.Column, len(m.Columns()))
	for i, c := range m.Columns() {
		columns[i] = load.Column{Name: c.Name, Kind: c.Kind, Few: c.Choice, Group: "properties", Key: c.Property}
		editing(&columns[i], c)
		if to, found := strings.CutPrefix(c.Property, extract.AssociationPrefix); found {
			columns[i].Group, columns[i].Key = "associations", to
		} else if c.Property == extract.IDColumn {
			columns[i].Group, columns[i].Key = "", "id"
		} else if c.Property == extract.ArchivedColumn {
			columns[i].Group, columns[i].Key = "", "archived_at"
		}
	}
	return columns
}

// usefulProperties are written when nobody chooses: what HubSpot's own tickets
// have, and after them what the account has added.
var usefulProperties = []string{
	"subject", "content", "hs_pipeline", "hs_pipeline_stage", "hs_ticket_priority", "hs_ticket_category",
	"hubspot_owner_id", "source_type", "hs_resolution", "createdate", "closed_date", "hs_lastmodifieddate",
}

// exportProperties are the chosen properties, checked.
func exportProperties(s *schema.Schema, flag string, chosen []string) ([]string, error) {
	var names []string
	switch {
	case len(chosen) == 0:
		names = defaultProperties(s)
	case len(chosen) == 1 && chosen[0] == "all":
		for i := range s.Properties {
			if !s.Properties[i].Archived {
				names = append(names, s.Properties[i].Name)
			}
		}
	default:
		for _, name := range chosen {
			name = strings.TrimSpace(name)
			if s.Property(name) == nil {
				return nil, fmt.Errorf("%s: property %q does not exist in this account%s", flag, name, nearestText(name, s.PropertyNames()))
			}
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names, nil
}

func defaultProperties(s *schema.Schema) []string {
	var names []string
	for _, name := range usefulProperties {
		if s.Property(name) != nil {
			names = append(names, name)
		}
	}
	for i := range s.Properties {
		if p := &s.Properties[i]; !p.HubspotDefined && !p.Archived && !slices.Contains(names, p.Name) {
			names = append(names, p.Name)
		}
	}
	return names
}

func nearestText(name string, candidates []string) string {
	if near, ok := schema.Nearest(name, candidates); ok {
		return fmt.Sprintf("; nearest is %q", near)
	}
	return ""
}

// associated are the object types whose ids a listing of tickets can give.
var associated = []string{"contacts", "companies", "deals", "tickets", "calls", "emails", "meetings", "notes", "tasks"}

func exportAssociations(chosen []string) ([]string, error) {
	if len(chosen) == 1 && chosen[0] == "none" {
		return nil, nil
	}
	for _, to := range chosen {
		if !slices.Contains(associated, to) {
			return nil, fmt.Errorf("--associations: %q is not one of %s%s", to, strings.Join(associated, ", "), nearestText(to, associated))
		}
	}
	return chosen, nil
}
