package transform

import (
	"fmt"
	"strings"
	"sync"

	"github.com/ticketetl/ticketetl/etl"
)

// A Mapper fills records in as its mapping says. It is an etl.Mapper and an
// etl.Locator, safe for several goroutines.
type Mapper struct {
	mapping   *Mapping
	operation etl.Operation
	header    *etl.Header
	where     *expression // nil takes all rows
	key       *keyStep    // nil when there is none
	steps     []step
	links     []link

	onePrimary bool // a ticket has one primary company, and is to get it

	stages   *stages // nil when hs_pipeline_stage is not mapped
	pipeline int     // index of hs_pipeline in steps, or -1
	stage    int     // index of hs_pipeline_stage in steps, or -1

	plans   []ColumnPlan
	unused  []string
	columns map[string]int // by property
	room    sync.Pool      // of *[]etl.Property, for records to come
}

const (
	pipelineProperty = "hs_pipeline"
	stageProperty    = "hs_pipeline_stage"
	idProperty       = "hs_object_id"
)

// Apply implements etl.Mapper. All problems of a row are reported, at most one
// error for each cell.
func (m *Mapper) Apply(rec *etl.Record) (skip bool, problems []etl.Problem) {
	j := judge{rec: rec}
	if m.where != nil {
		take, f := m.where.test(rec)
		if f = m.where.blame(f, rec); f != nil {
			j.add(onlyColumn(m.where), "", f)
			return false, j.problems
		}
		if !take {
			return true, nil
		}
	}
	if column, f := m.noTicket(rec); f != nil {
		j.add(column, "", f)
		return false, j.problems
	}
	m.makeRoom(rec)
	m.applyKey(&j)
	m.applySteps(&j)
	m.applyLinks(&j)
	j.tellTotals()
	return false, j.problems
}

// makeRoom gives rec room for its properties, unless it has some from a row before. It
// is taken for many records at a time, as batches hold on to about as many.
func (m *Mapper) makeRoom(rec *etl.Record) {
	const records = 32
	n := len(m.steps) + 2 // with the key, and the pipeline that a stage implies
	if cap(rec.Properties) >= n {
		return
	}
	room, _ := m.room.Get().(*[]etl.Property)
	if room == nil {
		room = new([]etl.Property)
	}
	if len(*room) < n {
		*room = make([]etl.Property, n*records)
	}
	rec.Properties = (*room)[:0:n]
	*room = (*room)[n:]
	m.room.Put(room)
}

func (m *Mapper) applyKey(j *judge) {
	j.rec.KeyColumn = -1
	if m.key == nil {
		return
	}
	j.rec.KeyColumn = m.key.column
	value, f := m.key.value(j.rec)
	if f != nil {
		j.add(m.key.column, m.key.property, f)
		return
	}
	j.rec.Key = value
	if m.key.write {
		j.put(m.key.property, value)
	}
}

func (m *Mapper) applySteps(j *judge) {
	pipeline, pipelineGood := "", true
	if m.stage >= 0 && m.pipeline >= 0 {
		pipeline, _, pipelineGood = m.try(j, m.pipeline)
	}
	for i := range m.steps {
		if i == m.stage {
			m.applyStage(j, pipeline, pipelineGood)
			continue
		}
		if i == m.pipeline && m.stage >= 0 {
			continue // goes with the stage
		}
		if value, ok, _ := m.try(j, i); ok {
			j.put(m.steps[i].name, value)
		}
	}
}

// try runs step i and notes its flaw. good is false when there was an error.
func (m *Mapper) try(j *judge, i int) (value string, ok, good bool) {
	s := &m.steps[i]
	value, ok, f := s.value(j.rec)
	if s.expr != nil {
		f = s.expr.blame(f, j.rec)
	}
	if f != nil {
		j.add(s.where(), s.name, f)
	}
	return value, ok, f == nil || f.warning
}

// applyStage puts pipeline and stage. A stage implies its pipeline where the
// row names none; an update then leaves the ticket's pipeline alone.
func (m *Mapper) applyStage(j *judge, pipeline string, pipelineGood bool) {
	text, ok, _ := m.try(j, m.stage)
	if !pipelineGood {
		return
	}
	s := &m.steps[m.stage]
	if !ok {
		if pipeline != "" && !s.needed && m.steps[m.pipeline].column >= 0 {
			j.add(s.where(), stageProperty, flawOf(CodeMissingValue, "fill the stage in, or leave the pipeline blank",
				"there is a pipeline without a stage"))
		}
		return
	}
	var stage string
	var f *flaw
	implied := pipeline == ""
	if implied {
		pipeline, stage, f = m.stages.anywhere(text)
	} else {
		stage, f = m.stages.in(pipeline, text)
	}
	if f != nil {
		j.add(s.where(), stageProperty, f)
		return
	}
	if !implied || m.operation != etl.Update {
		j.put(pipelineProperty, pipeline)
	}
	j.put(stageProperty, stage)
}

func (m *Mapper) applyLinks(j *judge) {
	for i := range m.links {
		l := &m.links[i]
		if f := l.values(j.rec, func(value string) { j.refer(l.ref, value) }); f != nil {
			j.add(l.column, "", f)
		}
	}
	if m.onePrimary {
		j.checkPrimary()
	}
}

// where is the column that a step's problems belong to.
func (s *step) where() int {
	if s.expr != nil {
		return onlyColumn(s.expr)
	}
	return s.column
}

// onlyColumn is the column that e reads, or -1 when it reads several.
func onlyColumn(e *expression) int {
	if len(e.columns) == 1 {
		return e.columns[0]
	}
	return -1
}

// A judge gathers what is made of one record, and its problems.
type judge struct {
	rec      *etl.Record
	problems []etl.Problem
}

func (j *judge) put(name, value string) {
	j.rec.Properties = append(j.rec.Properties, etl.Property{Name: name, Value: value})
}

// refer adds a reference unless the record has it.
func (j *judge) refer(ref etl.Reference, value string) {
	ref.Value = value
	for i := range j.rec.References {
		have := &j.rec.References[i]
		if have.To == ref.To && have.Match == ref.Match && have.Value == value && have.TypeID == ref.TypeID && have.Category == ref.Category {
			return
		}
	}
	j.rec.References = append(j.rec.References, ref)
}

// checkPrimary: HubSpot would keep the primary company that comes last.
func (j *judge) checkPrimary() {
	var first *etl.Reference
	for i := range j.rec.References {
		ref := &j.rec.References[i]
		switch {
		case ref.To != "companies" || ref.TypeID != primaryCompany:
		case first == nil:
			first = ref
		default:
			j.add(ref.Column, "", flawOf(CodeInvalidReference, "leave one of them, or give the others another label or type in the mapping",
				"%s and %s are both to be the primary company, and a ticket has one", j.cellName(first), j.cellName(ref)))
			return
		}
	}
}

// cellName is where a reference comes from, and what it is.
func (j *judge) cellName(ref *etl.Reference) string {
	if ref.Column < 0 {
		return quote(ref.Value) + " (in the mapping)"
	}
	return fmt.Sprintf("%s (column %s)", quote(ref.Value), etl.ColumnLetter(ref.Column))
}

// add notes a flaw, unless it is told of that cell already: one mistake is one
// problem, however many properties the cell is for.
func (j *judge) add(column int, property string, f *flaw) {
	if f.column > 0 {
		column = f.column - 1
	}
	for i := range j.problems {
		p := &j.problems[i]
		if column >= 0 && p.Column == column && p.Warning == f.warning && (!f.warning || p.Code == f.code) {
			return
		}
	}
	value, hint := "", f.hint
	if column >= 0 {
		value = fieldOf(j.rec, column)
	}
	if r := invisibleIn(value); r != "" && !f.warning && !strings.Contains(f.message, r) {
		hint = strings.TrimPrefix(hint+"; the cell has a character that cannot be seen ("+r+")", "; ")
	}
	j.problems = append(j.problems, etl.Problem{
		Column: column, Property: property, Value: value,
		Code: f.code, Message: f.message, Hint: hint, Warning: f.warning,
	})
}

// ColumnOf implements etl.Locator.
func (m *Mapper) ColumnOf(property string) (column int, ok bool) {
	column, ok = m.columns[property]
	return column, ok
}

// A ColumnPlan says what becomes of one column.
type ColumnPlan struct {
	Column     int    // index of the column; -1 for a constant or an expression over several
	Header     string // name of the column, the expression, or the constant in quotes
	Property   string // ticket property; empty for an association
	Label      string // label of the property; of an association, the object type
	Type       string // type of the property; "association" for one
	Conversion string // in words, e.g. "date, day/month/year"
}

// Columns lists what becomes of the columns, in the order of the mapping, the
// key first. The value that a record got is rec.Property(plan.Property).
func (m *Mapper) Columns() []ColumnPlan { return append([]ColumnPlan(nil), m.plans...) }

// Unused are the names of the columns that the mapping does not use.
func (m *Mapper) Unused() []string { return append([]string(nil), m.unused...) }

// columnName is how people find a column: by its name, or by its letter.
func columnName(h *etl.Header, i int) string {
	if name := h.Name(i); name != "" {
		return name
	}
	return "column " + etl.ColumnLetter(i)
}

// columnList lists the columns of a source for a hint.
func columnList(h *etl.Header) string {
	names := make([]string, h.Len())
	for i := range names {
		names[i] = columnName(h, i)
	}
	return "columns are " + listed(names)
}
