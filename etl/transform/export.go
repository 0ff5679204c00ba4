package transform

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/internal/schema"
)

// ExportOptions shape the values of an export.
type ExportOptions struct {
	Values string         // of options, stages and owners: "labels", "raw" or "both"
	Labels bool           // headers are the labels of properties instead of their names
	Typed  bool           // the output has typed cells: date-times without a zone, in Zone
	Zone   *time.Location // of date-times; nil: UTC if they are typed, and else as HubSpot stores them

	Moments []string // columns that are no properties and hold date-times
}

// An ExportColumn is one column of an export.
type ExportColumn struct {
	Name     string   // its header
	Property string   // internal name of the property; of other columns, their name
	Kind     etl.Kind // what its texts are
	Choice   bool     // it holds one of few values: an option, a stage, an owner
	Editing           // of an editable export; see NewEditable
	show     func(row []string) string
}

// An Export is the Mapper of an export: it turns the stored texts of a ticket
// into the texts to write, one Property for each column, under its name.
type Export struct {
	columns []ExportColumn
	check   *readBack // of an export that a mapping drives; nil for others
}

// NewExport makes an Export for the columns of h, whose names are internal
// names of ticket properties; other columns go through unchanged.
func NewExport(s *schema.Schema, h *etl.Header, opts ExportOptions) *Export {
	e := &Export{}
	for i, name := range h.Names() {
		e.columns = append(e.columns, exportColumns(s, h, s.Property(name), i, opts)...)
	}
	if opts.Labels {
		e.tellApart()
	}
	return e
}

// tellApart adds the name to headers that several columns have: labels of
// properties are not unique.
func (e *Export) tellApart() {
	count := map[string]int{}
	for _, c := range e.columns {
		count[c.Name]++
	}
	for i := range e.columns {
		if c := &e.columns[i]; count[c.Name] > 1 {
			c.Name += " (" + c.Property + ")"
		}
	}
}

// Rendering is a fingerprint of all that decides how a stored value is shown: the
// columns, the options and what the account's definitions say of the properties. more
// is what else matters.
func (e *Export) Rendering(s *schema.Schema, h *etl.Header, opts ExportOptions, more ...string) string {
	var all struct {
		Columns   []any
		Options   any
		Labels    map[string]map[string]string
		Pipelines []schema.Pipeline
		More      []string
	}
	for _, c := range e.columns {
		all.Columns = append(all.Columns, []any{c.Name, c.Property, c.Kind, c.Choice})
	}
	zone := ""
	if opts.Zone != nil {
		zone = opts.Zone.String()
	}
	all.Options = []any{opts.Values, opts.Labels, opts.Typed, zone}
	all.More = more
	all.Labels = map[string]map[string]string{}
	for _, name := range h.Names() {
		switch p := s.Property(name); {
		case p == nil || opts.Values == "raw":
		case p.Name == pipelineProperty || p.Name == stageProperty:
			all.Pipelines = s.Pipelines
		case p.ReferencedObjectType == "OWNER":
			all.Labels[name] = ownerLabels(s)
		case p.Type == "enumeration":
			all.Labels[name] = optionLabels(p)
		}
	}
	data, err := json.Marshal(all)
	if err != nil {
		panic(err) // plain data always marshals
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// Columns are the columns of the output.
func (e *Export) Columns() []ExportColumn { return e.columns }

// Apply sets rec.Properties, one for each column. It never skips and finds no
// problems: what is in the account is written out, whatever it is.
func (e *Export) Apply(rec *etl.Record) (skip bool, problems []etl.Problem) {
	rec.Properties = make([]etl.Property, len(e.columns))
	for i := range e.columns {
		rec.Properties[i] = etl.Property{Name: e.columns[i].Name, Value: e.columns[i].show(rec.Fields)}
	}
	if e.check != nil {
		e.check.check(rec.Key, rec.Fields, rec.Properties)
	}
	return false, nil
}

// exportColumns are the columns that the i-th column of the source becomes: one,
// or two where both the stored value and its label are wanted.
func exportColumns(s *schema.Schema, h *etl.Header, p *schema.Property, i int, opts ExportOptions) []ExportColumn {
	c := ExportColumn{Name: h.Name(i), Property: h.Name(i), show: func(row []string) string { return row[i] }}
	if slices.Contains(opts.Moments, h.Name(i)) {
		p = &schema.Property{Name: h.Name(i), Type: "datetime"}
	}
	if p == nil || isID(p) {
		return []ExportColumn{c}
	}
	if opts.Labels && p.Label != "" {
		c.Name = p.Label
	}
	if label := labelled(s, h, p, i); label != nil {
		return choiceColumns(c, label, opts)
	}
	switch {
	case p.Type == "datetime" && opts.Typed:
		c.Kind, c.show = etl.DateTime, func(row []string) string { return localTime(row[i], opts.Zone) }
	case p.Type == "datetime" && opts.Zone != nil:
		c.show = func(row []string) string { return zonedTime(row[i], opts.Zone) }
	case p.Type == "number" && opts.Typed:
		c.Kind = etl.Number
	case p.Type == "date" && opts.Typed:
		c.Kind = etl.Date
	case p.Type == "bool" && opts.Typed:
		c.Kind = etl.Bool
	}
	return []ExportColumn{c}
}

// choiceColumns are those of a property whose values have labels.
func choiceColumns(value ExportColumn, label func([]string) string, opts ExportOptions) []ExportColumn {
	value.Choice = true
	shown := value
	shown.show = label
	switch opts.Values {
	case "raw":
		return []ExportColumn{value}
	case "both":
		shown.Property += ".label"
		if opts.Labels {
			value.Name += " (value)"
		} else {
			shown.Name += ".label"
		}
		return []ExportColumn{value, shown}
	}
	return []ExportColumn{shown}
}

// isID says that a property holds an identifier, which stays text: a number of
// a workbook has 15 digits.
func isID(p *schema.Property) bool {
	return p.ReferencedObjectType != "" && p.ReferencedObjectType != "OWNER" ||
		p.Type == "number" && (strings.HasSuffix(p.Name, "_id") || strings.HasSuffix(p.Name, "_key"))
}

// localTime is a stored moment as a clock in zone shows it; UTC if nil.
func localTime(text string, zone *time.Location) string {
	if zone == nil {
		zone = time.UTC
	}
	return formatTime(text, zone, "2006-01-02T15:04:05.999")
}

// zonedTime is a stored moment in zone, with its offset.
func zonedTime(text string, zone *time.Location) string {
	return formatTime(text, zone, "2006-01-02T15:04:05.999Z07:00")
}

// formatTime leaves a text as it is that is no moment.
func formatTime(text string, zone *time.Location, layout string) string {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return text
	}
	return t.In(zone).Format(layout)
}

// labelled shows the labels of stored values; nil for a property whose values have
// none. A value without a label, such as an option that was removed, is shown as
// it is stored.
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
	return nil
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
