package main

import (
	"fmt"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/etl/load"
)

// wantsRowKey says whether the rows of a new run are to be stamped: they have
// no key of their own, and the account has the property for it.
func (j *job) wantsRowKey() bool {
	p := j.conn.schema.Property(load.RowKeyProperty)
	if j.mapping.Operation != etl.Create || j.mapping.Key != nil || p == nil || !p.HasUniqueValue {
		return false
	}
	writable, _ := p.Writable()
	return writable
}

// rowKeys says whether rows are stamped. A run that is carried on does as it did
// before, whatever the account has by now.
func (j *job) rowKeys() bool {
	if len(j.recipe.Files) > 0 {
		return j.recipe.RowKey
	}
	return j.wantsRowKey()
}

// stamped gives each row of inputs a key of this run, where that is wanted.
func (j *job) stamped(inputs []etl.Input) []etl.Input {
	if !j.rowKeys() {
		return inputs
	}
	for i := range inputs {
		inputs[i].Mapper = &stamp{inputs[i].Mapper, j.summary.RunID}
	}
	return inputs
}

// A stamp adds a key to what a Mapper makes of a row: the run and the number of
// the row in it, which is the same whenever the run is carried on.
type stamp struct {
	etl.Mapper
	run string
}

// Stamp implements etl.Stamper.
func (s *stamp) Stamp(rec *etl.Record) {
	rec.Key, rec.KeyColumn = fmt.Sprintf("%s-%d", s.run, rec.Seq), -1
	rec.Properties = append(rec.Properties, etl.Property{Name: load.RowKeyProperty, Value: rec.Key})
}

// ColumnOf implements etl.Locator for the Mapper below.
func (s *stamp) ColumnOf(property string) (int, bool) {
	if l, ok := s.Mapper.(etl.Locator); ok {
		return l.ColumnOf(property)
	}
	return 0, false
}
