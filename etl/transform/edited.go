package transform

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/internal/schema"
)

// Codes of rows of an editable workbook.
const (
	CodeNewRow         = "NEW_ROW"         // a row without an id
	CodeNotExported    = "NOT_EXPORTED"    // an id that the export did not have
	CodeDoubleRow      = "DOUBLE_ROW"      // an id that stands in several rows
	CodeReadOnlyCell   = "READ_ONLY_CELL"  // a locked cell was changed
	CodeBaselineBroken = "BASELINE_BROKEN" // what the row was cannot be read
)

// A Baseline knows an editable workbook as it was exported. One goroutine at a
// time uses it.
type Baseline interface {
	// Columns are the headers of the columns that were exported, the id first.
	Columns() []string

	// Was returns the cells of the ticket with that id, one for each column.
	Was(id string) (cells []etl.WasCell, known bool, err error)

	// Rows are the rows in which the id stands, if there are several.
	Rows(id string) []int
}

// Edited is the Mapper of an editable workbook: of each row it takes only the
// cells that are not as they were exported.
type Edited struct {
	mu      sync.Mutex // of all that follows: a Baseline is used by one goroutine at a time
	mapper  *Mapper
	base    Baseline
	columns []editedColumn
	id      int   // column of the id
	cells   int64 // that were changed, in all rows
	rows    int64 // with such cells
}

// An editedColumn is one column that was exported.
type editedColumn struct {
	header string
	column int              // in the sheet; -1 when it is not there any more
	def    *schema.Property // nil: it is not imported
}

// NewEdited makes the Mapper; m is the workbook's own mapping, compiled for the
// header h. A column that is imported must be there, or m would not be.
func NewEdited(m *Mapper, s *schema.Schema, h *etl.Header, base Baseline) *Edited {
	e := &Edited{mapper: m, base: base, id: m.key.column}
	for _, header := range base.Columns() {
		c := editedColumn{header: header, column: -1}
		if i, ok := h.Column(header); ok {
			c.column = i
		}
		for property, i := range m.columns {
			if i == c.column && property != idProperty {
				c.def = s.Property(property)
			}
		}
		e.columns = append(e.columns, c)
	}
	return e
}

// Changed is how many cells of how many rows were changed, so far.
func (e *Edited) Changed() (cells, rows int64) { return e.cells, e.rows }

// ColumnOf implements etl.Locator.
func (e *Edited) ColumnOf(property string) (column int, ok bool) { return e.mapper.ColumnOf(property) }

// Apply implements etl.Mapper. A row of which no cell was changed is Untouched.
func (e *Edited) Apply(rec *etl.Record) (skip bool, problems []etl.Problem) {
	e.mu.Lock()
	defer e.mu.Unlock()
	rec.KeyColumn, rec.Properties = e.id, nil
	j := judge{rec: rec}
	was, f := e.was(rec)
	if f != nil {
		j.add(e.id, idProperty, f)
		return false, j.problems
	}
	rec.Key = fieldOf(rec, e.id)
	edited := e.compare(&j, was)
	if len(j.problems) > 0 {
		return false, j.problems
	}
	if len(edited) > 0 {
		problems = e.convert(rec, was, edited)
	}
	if len(rec.Properties) == 0 && len(problems) == 0 {
		rec.Untouched = rec.Key
	}
	return false, problems
}

// was finds what the row was, by its id.
func (e *Edited) was(rec *etl.Record) ([]etl.WasCell, *flaw) {
	id := fieldOf(rec, e.id)
	if isBlank(id) {
		return nil, flawOf(CodeNewRow, "to create tickets, put such rows into a file of their own, draft a mapping with 'ticketetl init FILE', and import it with that",
			"the row has no id; only tickets that were exported can be changed here")
	}
	cells, known, err := e.base.Was(id)
	switch rows := e.base.Rows(id); {
	case err != nil:
		return nil, flawOf(CodeBaselineBroken, "export the tickets again, and edit that", "what the row was when it was exported can't be read: %v", err)
	case !known:
		return nil, flawOf(CodeNotExported, "put the row's own id back; ids are not to be changed", "%s is not the id of a ticket that was exported", quote(id))
	case len(rows) > 1:
		return nil, flawOf(CodeDoubleRow, "keep one of the rows, with the id that it had", "%s stands in the rows %s", quote(id), rowList(rows))
	}
	return cells, nil
}

func rowList(rows []int) string {
	var b strings.Builder
	for i, row := range rows[:min(len(rows), maxListed)] {
		switch {
		case i > 0 && i == len(rows)-1:
			b.WriteString(" and ")
		case i > 0:
			b.WriteString(", ")
		}
		fmt.Fprint(&b, row)
	}
	if more := len(rows) - maxListed; more > 0 {
		fmt.Fprintf(&b, " and %d more", more)
	}
	return b.String()
}

// compare returns the indices of the columns whose cells look changed. Of a
// locked one it finds fault with that.
func (e *Edited) compare(j *judge, was []etl.WasCell) (edited []int) {
	for i, c := range e.columns {
		if c.column < 0 || c.column == e.id || c.asExported(j.rec, was[i].Shown) {
			continue
		}
		if c.def != nil && !was[i].Cut {
			edited = append(edited, i)
			continue
		}
		why := "it can't be changed by an import"
		if was[i].Cut {
			why = "the value is too long for a cell, or holds characters that a workbook can't, and can only be edited in HubSpot"
		}
		j.add(c.column, "", flawOf(CodeReadOnlyCell, "put the cell back to "+quote(was[i].Shown), "the locked cell was changed; %s", why))
	}
	return edited
}

// asExported says whether a cell is as it was written, in whatever form a program
// has saved it since.
func (c *editedColumn) asExported(rec *etl.Record, shown string) bool {
	text := fieldOf(rec, c.column)
	if oneBreak(shown) == oneBreak(text) || isBlank(shown) && isBlank(text) {
		return true
	}
	kind, number := rec.Kind(c.column), schema.Property{Type: "number"}
	anyForm := c.def == nil // what is not imported may be a text by now
	clock := kind == etl.DateTime || kind == etl.Date || anyForm || c.def.Type == "datetime"
	return clock && sameClock(shown, text) ||
		(kind == etl.Number || anyForm) && number.Same(shown, text) ||
		(kind == etl.Bool || anyForm) && strings.EqualFold(shown, text)
}

// sameClock compares clocks to the second, since that is what cells show.
func sameClock(a, b string) bool {
	x, ok := clockOf(a)
	y, ok2 := clockOf(b)
	return ok && ok2 && x.Sub(y).Abs() < time.Second
}

func clockOf(text string) (time.Time, bool) {
	for _, layout := range []string{"2006-01-02T15:04:05.999", "2006-01-02 15:04:05.999", time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// oneBreak makes all line breaks the one that workbooks have.
func oneBreak(text string) string {
	if !strings.Contains(text, "\r") {
		return text
	}
	return strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
}

// convert sets Properties and Was of rec: those of the edited columns that say
// another value than the ticket had.
func (e *Edited) convert(rec *etl.Record, was []etl.WasCell, edited []int) []etl.Problem {
	stored := map[string]string{}
	for i, c := range e.columns {
		if c.def != nil {
			stored[c.def.Name] = was[i].Stored
		}
	}
	wanted, problems := e.apply(rec, edited)
	for _, i := range edited {
		c := e.columns[i]
		if !isBlank(fieldOf(rec, c.column)) || stored[c.def.Name] == "" {
			continue
		}
		if c.def.Name == pipelineProperty || c.def.Name == stageProperty {
			if slices.ContainsFunc(problems, func(p etl.Problem) bool { return p.Column == c.column }) {
				continue
			}
			problems = append(problems, etl.Problem{
				Column: c.column, Property: c.def.Name, Code: CodeMissingValue,
				Message: "a ticket always has a pipeline and a stage; the cell was cleared", Hint: "fill it in",
			})
			continue
		}
		wanted = append(wanted, etl.Property{Name: c.def.Name})
	}
	for _, p := range wanted {
		if e.def(p.Name).Same(stored[p.Name], p.Value) {
			continue
		}
		rec.Properties = append(rec.Properties, p)
		rec.Was = append(rec.Was, etl.Property{Name: p.Name, Value: stored[p.Name]})
	}
	if n := len(rec.Properties); n > 0 {
		e.cells, e.rows = e.cells+int64(n), e.rows+1
	}
	return problems
}

func (e *Edited) def(property string) *schema.Property {
	for i := range e.columns {
		if d := e.columns[i].def; d != nil && d.Name == property {
			return d
		}
	}
	return nil
}

// apply converts the edited cells by the mapping, to which the others are blank,
// so that a blank one is left alone. A stage is understood by its pipeline, and the
// other way round.
func (e *Edited) apply(rec *etl.Record, edited []int) ([]etl.Property, []etl.Problem) {
	part := *rec
	part.Fields = make([]string, len(rec.Fields))
	take := func(column int) {
		if column >= 0 && column < len(rec.Fields) {
			part.Fields[column] = rec.Fields[column]
		}
	}
	take(e.id)
	for _, i := range edited {
		take(e.columns[i].column)
	}
	if slices.ContainsFunc(edited, func(i int) bool {
		name := e.columns[i].def.Name
		return name == pipelineProperty || name == stageProperty
	}) {
		for _, name := range []string{pipelineProperty, stageProperty} {
			if column, ok := e.mapper.columns[name]; ok {
				take(column)
			}
		}
	}
	_, problems := e.mapper.Apply(&part)
	return part.Properties, problems
}
