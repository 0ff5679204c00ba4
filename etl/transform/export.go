package transform

import (
	"strings"
	"time"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/internal/schema"
)

// ExportOptions shape the values of an export.
type ExportOptions struct {
	Raw   bool           // internal values instead of labels
	Typed bool           // the output has typed cells: date-times without a zone, in Zone
	Zone  *time.Location // of typed date-times; UTC if nil
}

// An Export is the Mapper of an export: it turns the stored texts of a ticket
// into the texts to write, one Property for each column, under its name.
type Export struct {
	names   []string
	kinds   []etl.Kind
	columns []func(row []string) string
}

// NewExport makes an Export for the columns of h, whose names are internal
// names of ticket properties; other columns go through unchanged.
func NewExport(s *schema.Schema, h *etl.Header, opts ExportOptions) *Export {
	if opts.Zone == nil {
		opts.Zone = time.UTC
	}
	e := &Export{names: h.Names()}
	for i, name := range e.names {
		kind, show := exportColumn(s, h, s.Property(name), i, opts)
		e.kinds = append(e.kinds, kind)
		e.columns = append(e.columns, show)
	}
	return e
}

// Names are the columns of the output.
func (e *Export) Names() []string { return e.names }

// Kinds say of each column what its texts are, where the output has types.
func (e *Export) Kinds() []etl.Kind { return e.kinds }

// Apply sets rec.Properties. It never skips and finds no problems: what is in
// the account is written out, whatever it is.
func (e *Export) Apply(rec *etl.Record) (skip bool, problems []etl.Problem) {
	rec.Properties = make([]etl.Property, len(e.columns))
	for i, show := range e.columns {
		rec.Properties[i] = etl.Property{Name: e.names[i], Value: show(rec.Fields)}
	}
	return false, nil
}

func exportColumn(s *schema.Schema, h *etl.Header, p *schema.Property, i int, opts ExportOptions) (etl.Kind, func([]string) string) {
	plain := func(row []string) string { return row[i] }
	if p == nil || isID(p) {
		return etl.Text, plain
	}
	switch {
	case p.Type == "number" && opts.Typed:
		return etl.Number, plain
	case p.Type == "date" && opts.Typed:
		return etl.Date, plain
	case p.Type == "datetime" && opts.Typed:
		return etl.DateTime, func(row []string) string { return localTime(row[i], opts.Zone) }
	case p.Type == "bool" && opts.Typed:
		return etl.Bool, plain
	case opts.Raw:
		return etl.Text, plain
	}
	return etl.Text, labelled(s, h, p, i)
}

// isID says that a property holds an identifier, which stays text: a number of
// a workbook has 15 digits.
func isID(p *schema.Property) bool {
	return p.ReferencedObjectType != "" && p.ReferencedObjectType != "OWNER" ||
		p.Type == "number" && (strings.HasSuffix(p.Name, "_id") || strings.HasSuffix(p.Name, "_key"))
}

func localTime(text string, zone *time.Location) string {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return text
	}
	return t.In(zone).Format("2006-01-02T15:04:05.999")
}

// labelled shows the labels of stored values. A value without a label, such as
// an option that was removed, is shown as it is stored.
func labelled(s *schema.Schema, h *etl.Header, p *schema.Property, i int) func([]string) string {
	switch {
	case p.Name == "hs_pipeline":
		return func(row []string) string {
			if found := s.Pipeline(row[i]); found != nil {
				return found.Label
			}
			return row[i]
		}
	case p.Name == "hs_pipeline_stage":
		return stageLabel(s, h, i)
	case p.ReferencedObjectType == "OWNER":
		return fromTable(ownerLabels(s), i)
	case p.Type == "enumeration" && p.Multiple():
		labels := optionLabels(p)
		return func(row []string) string { return eachLabel(labels, row[i]) }
	case p.Type == "enumeration":
		return fromTable(optionLabels(p), i)
	}
	return func(row []string) string { return row[i] }
}

func fromTable(labels map[string]string, i int) func([]string) string {
	return func(row []string) string {
		if label, ok := labels[row[i]]; ok {
			return label
		}
		return row[i]
	}
}

func eachLabel(labels map[string]string, value string) string {
	if !strings.Contains(value, ";") {
		if label, ok := labels[value]; ok {
			return label
		}
		return value
	}
	parts := strings.Split(value, ";")
	for k, v := range parts {
		if label, ok := labels[v]; ok {
			parts[k] = label
		}
	}
	return strings.Join(parts, ";")
}

func optionLabels(p *schema.Property) map[string]string {
	labels := make(map[string]string, len(p.Options))
	for _, o := range p.Options {
		labels[o.Value] = o.Label
	}
	return labels
}

// ownerLabels names owners by e-mail, which an import understands without
// doubt; those without one by name.
func ownerLabels(s *schema.Schema) map[string]string {
	labels := make(map[string]string, len(s.Owners))
	for _, o := range s.Owners {
		labels[o.ID] = o.Email
		if o.Email == "" {
			labels[o.ID] = o.Name()
		}
	}
	return labels
}

// stageLabel looks a stage up in the pipeline of its row, where the export has
// it; ids of stages are unique over the pipelines in practice.
func stageLabel(s *schema.Schema, h *etl.Header, i int) func([]string) string {
	pipelineColumn, known := h.Column("hs_pipeline")
	all := map[string]string{}
	for _, p := range s.Pipelines {
		for _, st := range p.Stages {
			all[st.ID] = st.Label
		}
	}
	anywhere := fromTable(all, i)
	return func(row []string) string {
		if known {
			if p := s.Pipeline(row[pipelineColumn]); p != nil && p.Stage(row[i]) != nil {
				return p.Stage(row[i]).Label
			}
		}
		return anywhere(row)
	}
}
