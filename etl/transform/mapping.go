package transform

import (
	"cmp"
	"slices"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/internal/schema"
)

// A Mapping is a mapping file as it was read: checked for form, not yet against
// an account. docs/mapping.md describes the language.
type Mapping struct {
	Path         string        `yaml:"-"` // as given to Load or Parse
	Version      int           `yaml:"version"`
	Operation    etl.Operation `yaml:"operation"`
	Source       Source        `yaml:"source"`
	Where        string        `yaml:"where"` // rows to take; empty takes all
	Key          *Key          `yaml:"key"`   // nil when there is none
	Properties   []Property    `yaml:"properties"`
	Associations []Association `yaml:"associations"`

	places map[string]place // where things stand in the file, by their path
	lines  []string         // of the file, to be shown with faults
	files  []string         // tables of values that it reads, as they can be opened
}

// Files are the further files that the mapping is made of: its tables of
// values, in the order of their mention.
func (m *Mapping) Files() []string { return slices.Clone(m.files) }

// Overwrite says which properties are not simply written over in tickets that
// exist: "if-empty" or "never", by property.
func (m *Mapping) Overwrite() map[string]string {
	policies := map[string]string{}
	for i := range m.Properties {
		if p := m.overwrite(&m.Properties[i]); p == overwriteIfEmpty || p == overwriteNever {
			policies[m.Properties[i].Name] = p
		}
	}
	delete(policies, pipelineProperty)
	if stage := policies[stageProperty]; stage != "" {
		policies[pipelineProperty] = stage // the two are written as a pair
	}
	return policies
}

func (m *Mapping) overwrite(p *Property) string { return cmp.Or(p.Overwrite, m.Source.Overwrite) }

// What becomes of the value that a ticket has already.
const (
	overwriteAlways  = "always"
	overwriteIfEmpty = "if-empty"
	overwriteNever   = "never"
)

// A Source says how the file is to be read. What is empty is to be detected.
type Source struct {
	Sheet     string   `yaml:"sheet"`     // name, or number counted from 1
	Header    int      `yaml:"header"`    // row of the header, counted from 1; 0: not said
	Encoding  string   `yaml:"encoding"`  // e.g. windows-1252
	Delimiter string   `yaml:"delimiter"` // one character
	Timezone  string   `yaml:"timezone"`  // IANA name, of date-times without an offset
	Dates     []string `yaml:"dates"`     // how dates are written: iso, dmy, mdy, epoch, epoch-ms or patterns
	Decimal   string   `yaml:"decimal"`   // "," or "."
	Signs     []string `yaml:"signs"`     // what may stand beside a number: currency signs, or %
	Blank     string   `yaml:"blank"`     // ignore or clear; empty: ignore
	Overwrite string   `yaml:"overwrite"` // always, if-empty or never; empty: always
}

// A Key says what makes a row the same ticket again.
type Key struct {
	Property string `yaml:"property"` // one with unique values, or hs_object_id
	Column   string `yaml:"column"`
}

// A Property says where the value of one ticket property comes from: exactly
// one of Column, Value and Expr is set.
type Property struct {
	Name      string      `yaml:"-"`
	Column    string      `yaml:"column"`
	Value     string      `yaml:"value"` // the same for all rows
	Expr      string      `yaml:"expr"`
	Default   string      `yaml:"default"`   // where the cell is blank
	Values    []ValuePair `yaml:"values"`    // table of translations, in the order of the file
	Otherwise string      `yaml:"otherwise"` // reject, skip, keep or "use TEXT"; empty: reject
	Split     string      `yaml:"split"`     // what parts the options of one cell
	Append    bool        `yaml:"append"`    // add the options to those that a ticket has
	Dates     []string    `yaml:"dates"`     // as in Source
	Timezone  string      `yaml:"timezone"`  // as in Source
	Decimal   string      `yaml:"decimal"`   // as in Source
	Signs     []string    `yaml:"signs"`     // as in Source
	Blank     string      `yaml:"blank"`     // as in Source
	Overwrite string      `yaml:"overwrite"` // as in Source

	hasValue bool   // a value was given, maybe an empty one
	table    string // file that Values come from; empty where they stand in the mapping
}

// A ValuePair translates one cell text.
type ValuePair struct{ From, To string }

// An Association says which records of another object type a ticket belongs to:
// exactly one of Column and Value is set.
type Association struct {
	To      string `yaml:"to"`
	Column  string `yaml:"column"`
	Value   string `yaml:"value"`
	Match   string `yaml:"match"`   // id, email, domain or a unique property of To
	Label   string `yaml:"label"`   // label or type id
	Type    string `yaml:"type"`    // primary or a type id
	Missing string `yaml:"missing"` // reject or skip; empty: reject
	Several string `yaml:"several"` // reject, skip, first or list; empty: reject
	Split   string `yaml:"split"`   // what parts the references of one cell
}

// Uses names the definitions of an account that m depends on.
func (m *Mapping) Uses() schema.Uses {
	var uses schema.Uses
	for _, p := range m.Properties {
		uses.Properties = append(uses.Properties, p.Name)
	}
	if m.Key != nil && !slices.Contains(uses.Properties, m.Key.Property) {
		uses.Properties = append(uses.Properties, m.Key.Property)
	}
	for _, a := range m.Associations {
		if !slices.Contains(uses.Links, a.To) {
			uses.Links = append(uses.Links, a.To)
		}
	}
	return uses
}

// A place is a position in the mapping file.
type place struct{ line, column int }

// at is the place of what stands under path; failing that, of what holds it.
func (m *Mapping) at(path ...string) place {
	for n := len(path); n > 0; n-- {
		if p, ok := m.places[pathOf(path[:n]...)]; ok {
			return p
		}
	}
	return place{}
}
