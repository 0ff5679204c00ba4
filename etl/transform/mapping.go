package transform

import (
	"cmp"
	_ "embed"
	"slices"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/internal/schema"
)

// A Mapping is a mapping file as it was read: checked for form, not yet against
// an account. docs/mapping.md describes the language.
//
// The comments and tags of it and the types below also make the JSON Schema for
// editors; see JSONSchema.
type Mapping struct {
	Path         string        `yaml:"-"`         // as given to Load or Parse
	Version      int           `yaml:"version"`   // version of the language
	Operation    etl.Operation `yaml:"operation"` // what is done with each row
	Source       Source        `yaml:"source"`    // how the file is read; what is absent is detected
	Where        string        `yaml:"where"`     // rows to take: an expression over column names; absent: all
	Key          *Key          `yaml:"key"`       // what makes a row the same ticket again; needed by all operations but create
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
	Sheet     string   `yaml:"sheet"`                                                       // worksheet, by name or by number counted from 1; several with commas between them; or all; default: the first visible one
	Header    int      `yaml:"header" jsonschema:"minimum=1,maximum=1048576"`               // row of the header, counted from 1
	Encoding  string   `yaml:"encoding"`                                                    // of CSV files, e.g. windows-1252
	Delimiter string   `yaml:"delimiter"`                                                   // of CSV files: one character, or tab
	Quote     string   `yaml:"quote" jsonschema:"enum=double,enum=single,enum=none"`        // of CSV files: what stands around cells
	Escape    string   `yaml:"escape" jsonschema:"enum=double,enum=backslash"`              // of CSV files: how a quote inside a cell is written
	Hidden    string   `yaml:"hidden" jsonschema:"enum=read,enum=skip"`                     // what becomes of hidden rows and columns of a workbook; default: read
	Timezone  string   `yaml:"timezone"`                                                    // IANA name, of date-times without an offset; default: the account's
	Dates     []string `yaml:"dates"`                                                       // how dates are written: iso, dmy, mdy, epoch, epoch-ms, patterns such as dd/MM/yyyy HH:mm, or a list of these
	Decimal   string   `yaml:"decimal" jsonschema:"enum=\\,,enum=."`                        // decimal sign of numbers
	Signs     []string `yaml:"signs"`                                                       // what may stand beside a number: currency signs, or % for hundredths
	Blank     string   `yaml:"blank" jsonschema:"enum=ignore,enum=clear"`                   // what an empty cell does in an update; default: ignore
	Overwrite string   `yaml:"overwrite" jsonschema:"enum=always,enum=if-empty,enum=never"` // what becomes of a value that a ticket has already; default: always
}

// A Key says what makes a row the same ticket again.
type Key struct {
	Property string `yaml:"property" jsonschema:"required"` // a property with unique values, or hs_object_id
	Column   string `yaml:"column" jsonschema:"required"`   // the column that holds it
}

// A Property says where the value of one ticket property comes from: exactly
// one of Column, Value and Expr is set.
type Property struct {
	Name      string      `yaml:"-"`
	Column    string      `yaml:"column" jsonschema:"oneof_required=column"`                        // the column that holds the value
	Value     string      `yaml:"value" jsonschema:"oneof_required=value"`                          // the same value for all rows: a label, or an internal value
	Expr      string      `yaml:"expr" jsonschema:"oneof_required=expr"`                            // an expression over the row
	Default   string      `yaml:"default"`                                                          // in place of a blank cell
	Values    []ValuePair `yaml:"values"`                                                           // a table of translations, or the name of a CSV file that holds it
	Otherwise string      `yaml:"otherwise" jsonschema:"pattern=^(reject|skip|keep|use .*[^ ].*)$"` // what happens to a cell that the table does not list: reject, skip, keep, or "use" and a text; default: reject
	Split     string      `yaml:"split"`                                                            // what parts the options of one cell; default: a semicolon
	Append    bool        `yaml:"append"`                                                           // add the options to those that the ticket has
	Dates     []string    `yaml:"dates"`                                                            // how dates are written, as in source
	Timezone  string      `yaml:"timezone"`                                                         // of date-times without an offset, as in source
	Decimal   string      `yaml:"decimal" jsonschema:"enum=\\,,enum=."`                             // decimal sign, as in source
	Signs     []string    `yaml:"signs"`                                                            // what may stand beside a number, as in source
	Blank     string      `yaml:"blank" jsonschema:"enum=ignore,enum=clear"`                        // what an empty cell does, as in source
	Overwrite string      `yaml:"overwrite" jsonschema:"enum=always,enum=if-empty,enum=never"`      // what becomes of a value that a ticket has already, as in source

	hasValue bool   // a value was given, maybe an empty one
	table    string // file that Values come from; empty where they stand in the mapping
}

// A ValuePair translates one cell text.
type ValuePair struct{ From, To string }

// An Association says which records of another object type a ticket belongs to:
// exactly one of Column and Value is set.
type Association struct {
	To      string `yaml:"to" jsonschema:"required"`                                        // object type: contacts, companies, deals, tickets ...
	Column  string `yaml:"column" jsonschema:"oneof_required=column"`                       // the column that names the record
	Value   string `yaml:"value" jsonschema:"oneof_required=value"`                         // the same record for all rows
	Match   string `yaml:"match" jsonschema:"required"`                                     // what the cells hold: id, email, domain, or a property with unique values
	Label   string `yaml:"label"`                                                           // label of the association, by its text or number
	Type    string `yaml:"type"`                                                            // primary, or the number of an association type
	Missing string `yaml:"missing" jsonschema:"enum=reject,enum=skip"`                      // when there is no such record; default: reject
	Several string `yaml:"several" jsonschema:"enum=reject,enum=skip,enum=first,enum=list"` // when there are several such records; default: reject
	Split   string `yaml:"split"`                                                           // what parts several references in one cell
}

//go:generate go run ../../internal/mapschema -o mapping.schema.json ../..

// JSONSchema is the JSON Schema of mapping files, draft 2020-12, for editors.
// It describes their form; whether names exist is for Compile to say.
//
//go:embed mapping.schema.json
var JSONSchema []byte

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
		switch a.Match {
		case "", "id", "email", "domain":
		default:
			if a.To != "tickets" && !slices.Contains(uses.Unique, a.To) {
				uses.Unique = append(uses.Unique, a.To)
			}
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
