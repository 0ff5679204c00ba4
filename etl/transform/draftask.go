package transform

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ticketetl/ticketetl/etl"
)

// A Question is a doubt of a draft that a person can settle.
type Question struct {
	Text    string
	Note    string // what speaks for the answers
	Choices []string
	Default int // index of the one that the draft would take by itself
}

// ask puts a question, and takes the default when nobody is to be asked. After a
// failed question no other is put.
func (d *draft) ask(q Question) int {
	if d.Ask == nil || d.err != nil || len(q.Choices) < 2 {
		return q.Default
	}
	var answer int
	if answer, d.err = d.Ask(q); d.err != nil {
		return q.Default
	}
	return answer
}

// settle asks about columns and the pipeline; the doubts of single cells are
// asked about as they are drafted.
func (d *draft) settle() {
	if d.Ask == nil {
		return
	}
	d.settleKey()
	for i := range d.Header.Len() {
		if len(d.cells(i)) > 0 && !d.linked(i) && d.columnOf(d.key) != i {
			d.settleColumn(i)
		}
	}
	d.choosePipeline()
	d.settlePipeline()
}

// linked says whether a column holds references.
func (d *draft) linked(column int) bool {
	return d.contacts == column+1 || d.domains == column+1 ||
		slices.ContainsFunc(d.ids, func(c idColumn) bool { return c.column == column })
}

// columnOf is the column of a property; -1 for none.
func (d *draft) columnOf(property string) int {
	if column, ok := d.columns[property]; ok {
		return column
	}
	return -1
}

// settleKey asks which column tells the rows apart.
func (d *draft) settleKey() {
	unique := d.uniqueNames()
	if len(unique) == 0 || d.key != "" && !strings.HasPrefix(d.why[d.key], "?") {
		return
	}
	property := unique[0]
	q := Question{Text: "Which column numbers the tickets?", Choices: []string{"none of them"},
		Note: fmt.Sprintf("It is kept in %s, and makes the import repeatable: a second one changes the same tickets.", property)}
	var columns []int
	for i := range d.Header.Len() {
		if d.numbersTickets(i) && (!d.used[i] || d.columnOf(d.key) == i) {
			columns = append(columns, i)
			q.Choices = append(q.Choices, d.columnText(i))
			if d.columnOf(d.key) == i {
				q.Default = len(q.Choices) - 1
			}
		}
	}
	answer := d.ask(q)
	if answer == q.Default {
		d.sure(d.key)
		return
	}
	if d.key != "" {
		d.release(d.key)
	}
	d.key = ""
	if answer > 0 {
		d.key, d.keyAt = property, columns[answer-1]
		d.take(property, d.keyAt, "as you said")
	}
}

// sure takes the doubt from a property, if somebody has confirmed it.
func (d *draft) sure(property string) {
	if why, doubted := strings.CutPrefix(d.why[property], "? "); doubted && d.err == nil {
		d.why[property] = why
	}
}

func (d *draft) release(property string) {
	delete(d.used, d.columns[property])
	delete(d.columns, property)
	delete(d.why, property)
}

// settleColumn asks what becomes of a column whose property is not sure.
func (d *draft) settleColumn(column int) {
	now := ""
	for name, at := range d.columns {
		if at == column {
			now = name
		}
	}
	if now != "" && !strings.HasPrefix(d.why[now], "?") && d.why[now] != "another word for it" {
		return
	}
	q := Question{Text: "Column " + d.columnText(column) + " becomes …", Note: d.exampleText(column), Choices: []string{"nothing, leave it out"}}
	names := []string{""}
	for i := range d.Schema.Properties {
		p := &d.Schema.Properties[i]
		if p.Name != now && !d.free(p) {
			continue
		}
		names = append(names, p.Name)
		q.Choices = append(q.Choices, fmt.Sprintf("%s (%s)", p.Label, p.Name))
		if p.Name == now {
			q.Default = len(names) - 1
		}
	}
	answer := d.ask(q)
	if answer == q.Default {
		d.sure(now)
		return
	}
	if now != "" {
		d.release(now)
	}
	if answer > 0 {
		d.take(names[answer], column, "as you said")
	}
}

func (d *draft) columnText(i int) string {
	return fmt.Sprintf("%s %s", etl.ColumnLetter(i), d.columnName(i))
}

// exampleText shows some cells of a column.
func (d *draft) exampleText(column int) string {
	var some []string
	for _, cell := range d.cells(column)[:min(3, len(d.cells(column)))] {
		some = append(some, fmt.Sprintf("%q", firstRunes(cell, 40)))
	}
	return "Its cells are such as " + strings.Join(some, ", ")
}

func firstRunes(s string, n int) string {
	runes := []rune(s)
	return string(runes[:min(len(runes), n)])
}

// settlePipeline asks for the pipeline of new tickets where no column names it.
func (d *draft) settlePipeline() {
	if _, named := d.columns[pipelineProperty]; named || len(pipelineItems(d.Schema)) < 2 {
		return
	}
	q := Question{Text: "Which pipeline do the tickets go to?", Note: "Stages are looked up in it."}
	var at []int
	for i := range d.Schema.Pipelines {
		p := &d.Schema.Pipelines[i]
		if p.Archived {
			continue
		}
		at = append(at, i)
		q.Choices = append(q.Choices, p.Label)
		if p == d.pipeline {
			q.Default = len(at) - 1
		}
	}
	answer := d.ask(q)
	if d.err == nil {
		d.pipeline, d.pipelineSure = &d.Schema.Pipelines[at[answer]], true
	}
}

// settleCell asks which choice a cell means; guess is its index, or -1. The answer
// is -1 when it is left open.
func (d *draft) settleCell(cell string, l *lookup, guess int) (choice int, sure bool) {
	if d.Ask == nil || len(l.items) > maxChoices {
		return guess, false
	}
	q := Question{Text: fmt.Sprintf("A cell with %q means …", cell), Choices: []string{"I do not know: such rows are rejected until the mapping says it"}, Default: guess + 1}
	for i := range l.items {
		q.Choices = append(q.Choices, l.items[i].name())
	}
	answer := d.ask(q)
	return answer - 1, answer > 0 && d.err == nil
}

// maxChoices bounds the list that a person is asked to choose from.
const maxChoices = 200

// settleOrder asks for the order of day and month that no cell proves.
func (d *draft) settleOrder(column int) string {
	if d.Ask == nil {
		return ""
	}
	answer := d.ask(Question{
		Text: "Dates in column " + d.columnText(column) + " begin with …", Note: d.exampleText(column),
		Choices: []string{"the day", "the month", "I do not know: they are rejected until the mapping says it"}, Default: 2,
	})
	return []string{"dmy", "mdy", ""}[answer]
}

// settleMissing asks what to do with addresses of nobody.
func (d *draft) settleMissing() (policy string, sure bool) {
	if d.Ask == nil {
		return "reject", false
	}
	answer := d.ask(Question{
		Text: "When the account has no contact with an address …", Choices: []string{"reject the row", "import the ticket without the contact"},
	})
	return []string{"reject", "skip"}[answer], d.err == nil
}
