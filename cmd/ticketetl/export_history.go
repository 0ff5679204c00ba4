package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/etl/extract"
	"github.com/ticketetl/ticketetl/etl/load"
	"github.com/ticketetl/ticketetl/etl/transform"
	"github.com/ticketetl/ticketetl/internal/schema"
)

// A historyFile is what a manifest says of the file with the values that properties
// had.
type historyFile struct {
	Output     string   `json:"output"` // base name
	SHA256     string   `json:"sha256"`
	Bytes      int64    `json:"bytes"`
	Values     int64    `json:"values"`
	Properties []string `json:"properties"`
}

// checkHistory refuses what the file of a history cannot be.
func (opts *exportOptions) checkHistory() error {
	switch {
	case opts.history == "" && len(opts.historyOf) > 0:
		return errors.New("--history-of chooses what --history FILE has; name a file with --history")
	case opts.history == "":
		return nil
	case opts.history == "-":
		return errors.New("--history writes a file of its own; name one, standard output is for the tickets")
	case opts.merge:
		return errors.New("--merge keeps what an earlier export has shown, and that has no history; leave --history or --merge out")
	}
	return load.CheckTable(opts.history, "")
}

// historyProperties are those whose history is wanted; none if no history is.
func (opts *exportOptions) historyProperties(s *schema.Schema, exported []string) ([]string, error) {
	switch {
	case opts.history == "":
		return nil, nil
	case len(opts.historyOf) > 0:
		return exportProperties(s, "--history-of", opts.historyOf)
	case len(exported) == 0:
		return nil, errors.New("--history: no properties are exported; name some with --history-of")
	}
	return exported, nil
}

// writeHistory writes the history, which is finished then and not in its place yet.
func (e *exporting) writeHistory(ctx context.Context) (*load.Table, error) {
	if e.opts.history == "" {
		return nil, nil
	}
	form, err := load.FormOf(e.opts.history, "")
	if err != nil {
		return nil, err
	}
	source := e.source.History()
	mapper, err := e.historyMapper(source.Header(), form)
	if err != nil {
		return nil, err
	}
	opts := load.TableOptions{Columns: historyColumns(mapper), Guard: e.opts.guarded(), Mode: e.opts.perm, Delimiter: rune(e.opts.delimiter[0]), BOM: e.opts.bom}
	if filepath.Dir(e.opts.history) == filepath.Dir(e.opts.output) && e.opts.output != "-" {
		opts.TempDir = e.part.dir
	}
	table, err := load.CreateTable(e.opts.history, opts)
	if err != nil {
		return nil, err
	}
	e.p.begin("write history", -1, nil)
	n, err := e.fill(ctx, table, etl.Input{Source: source, Mapper: mapper})
	if err == nil {
		err = table.Finish()
	}
	if err != nil {
		_ = table.Abort()
		return nil, fmt.Errorf("%s: %w", e.opts.history, err)
	}
	h := &historyFile{Output: filepath.Base(e.opts.history), Values: n, Properties: e.historyOf}
	h.SHA256, h.Bytes = table.Sum()
	e.manifest.History = h
	return table, nil
}

// historyMapper shows values as HubSpot stores them, and moments as the output does.
func (e *exporting) historyMapper(h *etl.Header, form load.Form) (*transform.Export, error) {
	opts := e.opts
	opts.form = form
	zone, err := opts.zone(e.conn.schema)
	if err != nil {
		return nil, err
	}
	return transform.NewExport(&schema.Schema{}, h, transform.ExportOptions{Values: "raw", Typed: form.Typed && opts.types == "auto", Zone: zone, Moments: []string{extract.HistoryMoment}}), nil
}

func historyColumns(m *transform.Export) []load.Column {
	var columns []load.Column
	for _, c := range m.Columns() {
		few := c.Name == "property" || c.Name == "source_type"
		columns = append(columns, load.Column{Name: c.Name, Kind: c.Kind, Key: c.Name, Few: few})
	}
	return columns
}
