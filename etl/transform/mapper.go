package transform

import "github.com/ticketetl/ticketetl/etl"

// A Mapper fills records in as its mapping says. It is an etl.Mapper and an
// etl.Locator, safe for several goroutines.
type Mapper struct{}

// Apply implements etl.Mapper. All problems of a row are reported, at most one
// error for each cell.
func (m *Mapper) Apply(rec *etl.Record) (skip bool, problems []etl.Problem) { return false, nil }

// ColumnOf implements etl.Locator.
func (m *Mapper) ColumnOf(property string) (column int, ok bool) { return 0, false }

// A ColumnPlan says what becomes of one column.
type ColumnPlan struct {
	Column     int    // index of the column; -1 for a constant or an expression over several
	Header     string // name of the column, the expression, or the constant in quotes
	Property   string // ticket property; empty for an association
	Label      string // label of the property; of an association, the object type
	Type       string // type of the property; "association" for one
	Conversion string // in words, e.g. "date, day before month"
}

// Columns lists what becomes of the columns, in the order of the mapping, the
// key first. The value that a record got is rec.Property(plan.Property).
func (m *Mapper) Columns() []ColumnPlan { return nil }

// Unused are the names of the columns that the mapping does not use.
func (m *Mapper) Unused() []string { return nil }
