package transform

import (
	"fmt"
	"strings"

	"github.com/ticketetl/ticketetl/etl"
)

// A DateOrder is how a column writes dates of digits, where the mapping does not
// say it and the column itself does: dmy or mdy.
type DateOrder struct {
	Form string
	Row  int // one that shows it; 0 where day and month are the same in every row
}

// An Evidence looks through whole columns for the order of day and month. It is
// never guessed: a column without proof, or with proof of both, is a fault.
type Evidence struct {
	m       *Mapping
	columns []*columnEvidence
}

// A columnEvidence is what the cells of one column say.
type columnEvidence struct {
	column     int
	header     string
	property   string
	day, month sighting // dates that only day/month/year, or month/day/year, can be
	either     sighting // dates that are both, with different results
	same       bool     // there are dates that are both, with one result
}

// A sighting is the first cell of a kind, and how many there are.
type sighting struct {
	text string
	row  int
	n    int64
}

func (s *sighting) add(text string, row int) {
	if s.n == 0 {
		s.text, s.row = strings.Clone(text), row
	}
	s.n++
}

// Evidence is for the columns of dates whose order the mapping leaves open; nil
// when there are none. It is shown every record and then asked to decide.
func (m *Mapper) Evidence() *Evidence {
	e := &Evidence{m: m.mapping}
	for i := range m.steps {
		s := &m.steps[i]
		d, ok := s.converter.(*dateConverter)
		if !ok || d.declared || s.column < 0 || s.expr != nil {
			continue
		}
		e.columns = append(e.columns, &columnEvidence{column: s.column, header: columnName(m.header, s.column), property: s.name})
	}
	if len(e.columns) == 0 {
		return nil
	}
	return e
}

// Add looks at the cells of rec. Typed cells of workbooks prove nothing.
func (e *Evidence) Add(rec *etl.Record) {
	for _, c := range e.columns {
		if rec.Kind(c.column) == etl.Text {
			c.add(strings.TrimSpace(seenOnly(fieldOf(rec, c.column))), rec.Pos.Row)
		}
	}
}

func (c *columnEvidence) add(text string, row int) {
	day, notDay := readDayMonth(text)
	month, notMonth := readMonthDay(text)
	isDay, isMonth := notDay.kind == fitting, notMonth.kind == fitting
	switch {
	case isDay && isMonth && day == month:
		c.same = true
	case isDay && isMonth:
		c.either.add(text, row)
	case isDay:
		c.day.add(text, row)
	case isMonth:
		c.month.add(text, row)
	}
}

// Decide returns the order of each column that has dates of digits, by its
// index. file is what messages call the source. The error is Faults.
func (e *Evidence) Decide(file string) (map[int]DateOrder, error) {
	orders := map[int]DateOrder{}
	var faults Faults
	for _, c := range e.columns {
		order, message := c.decide()
		if message != "" {
			at := e.m.at("properties", c.property)
			faults = append(faults, Fault{
				File: e.m.Path, Line: at.line, Column: at.column, Text: lineAt(e.m.lines, at),
				Message: fmt.Sprintf("column %q of %s: %s", c.header, file, message),
				Hint:    "say it: dates: dmy or dates: mdy, for this property or in source",
			})
			continue
		}
		if order.Form != "" {
			orders[c.column] = order
		}
	}
	return orders, faults.err()
}

func (c *columnEvidence) decide() (order DateOrder, message string) {
	switch {
	case c.day.n > 0 && c.month.n > 0:
		return order, fmt.Sprintf("%s can only be day/month/year, and %s only month/day/year", c.day.where(), c.month.where())
	case c.day.n > 0:
		return DateOrder{Form: "dmy", Row: c.day.row}, ""
	case c.month.n > 0:
		return DateOrder{Form: "mdy", Row: c.month.row}, ""
	case c.either.n > 0:
		return order, fmt.Sprintf("nothing in it tells whether %s is day/month/year or month/day/year", c.either.where())
	case c.same:
		return DateOrder{Form: "dmy"}, ""
	}
	return order, ""
}

// where is the first cell, and how many others are like it.
func (s *sighting) where() string {
	text := fmt.Sprintf("%s (row %d)", quote(s.text), s.row)
	if s.n > 1 {
		text = fmt.Sprintf("%s (row %d and %d more)", quote(s.text), s.row, s.n-1)
	}
	return text
}

// found says how the order was found, for people.
func (o DateOrder) found() string {
	if o.Row == 0 {
		return "day and month are the same in all of them"
	}
	return fmt.Sprintf("as row %d shows", o.Row)
}
