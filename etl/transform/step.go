package transform

import (
	"slices"
	"strings"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/internal/schema"
)

// A step makes the value of one property.
type step struct {
	name      string
	column    int         // -1: constant or expression
	expr      *expression // nil mostly
	constant  string      // converted; where column is -1 and expr nil
	table     *table      // nil when there is none
	fallback  string      // converted default
	has       bool        // there is a default
	clear     bool        // a blank cell clears the property
	append    bool        // options are added to those that a ticket has
	needed    bool        // HubSpot refuses a new ticket without it
	split     string      // what parts several options in one cell; empty where there is one
	converter converter
	tests     []test
	recall    *recall // nil where texts hardly repeat
	usual     bool    // it converts a cell, and nothing else
}

// value is what the step makes of rec. ok is false where the property is to be
// left alone; a flaw that is no warning goes with ok false. Options to be added
// to those of a ticket begin with ';', as HubSpot takes them.
func (s *step) value(rec *etl.Record) (value string, ok bool, f *flaw) {
	if s.usual && rec.Kinds == nil {
		if text := fieldOf(rec, s.column); !isBlank(text) {
			return s.convertOften(cell{text: text, valid: rec.Valid}) // as plain does in the end
		}
	}
	value, ok, f = s.plain(rec)
	if s.append && ok && value != "" {
		value = ";" + value
	}
	return value, ok, f
}

func (s *step) plain(rec *etl.Record) (value string, ok bool, f *flaw) {
	if s.column < 0 && s.expr == nil {
		return s.constant, true, nil
	}
	c, f := s.input(rec)
	if f != nil {
		return "", false, f
	}
	if isBlank(c.text) {
		return s.unseen(c.text)
	}
	if s.table == nil {
		return s.convertOften(c)
	}
	if s.split != "" && !s.table.has(c.text) {
		return s.parts(c)
	}
	value, ok, f = s.translate(c)
	if ok && value == "" {
		return s.blank()
	}
	return value, ok, f
}

// translate looks c up in the table, and converts it where that leaves it.
func (s *step) translate(c cell) (value string, ok bool, f *flaw) {
	value, settled, ok, f := s.table.translate(c.text)
	if !settled {
		return s.convert(c)
	}
	return value, ok, f
}

// parts translates each of the options in one cell.
func (s *step) parts(c cell) (string, bool, *flaw) {
	var ids []string
	var bad []*flaw
	var warn *flaw
	if strings.Trim(c.text, s.split+" \t\r\n") == "" {
		return s.convert(c) // which says that it names none
	}
	for _, part := range strings.Split(c.text, s.split) {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		value, ok, f := s.translate(cell{part, c.kind, c.valid})
		switch {
		case f != nil && !f.warning:
			bad = append(bad, f)
		case ok && value != "":
			ids = addEach(ids, value)
		}
		if f != nil && f.warning {
			warn = f
		}
	}
	switch {
	case len(bad) > 0:
		return "", false, joinFlaws(bad)
	case len(ids) > 0:
		return strings.Join(ids, ";"), true, warn
	case warn != nil:
		return "", false, warn
	}
	return s.blank()
}

// addEach adds the ids of value, which ';' parts, that are not there yet.
func addEach(ids []string, value string) []string {
	for _, id := range strings.Split(value, ";") {
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// input is the cell, or what the expression makes in its place.
func (s *step) input(rec *etl.Record) (cell, *flaw) {
	if s.expr != nil {
		return s.expr.cell(rec)
	}
	c := cell{fieldOf(rec, s.column), rec.Kind(s.column), rec.Valid}
	if c.kind == etl.Text { // nothing is wrong with that
		return c, nil
	}
	return c, cellFlaw(c.text, c.kind)
}

// unseen is blank for a cell that may have characters that cannot be seen, which is
// told.
func (s *step) unseen(text string) (value string, ok bool, f *flaw) {
	told := unseen(text)
	if value, ok, f = s.blank(); f == nil {
		return value, ok, told
	}
	if told != nil {
		f.message += "; " + told.message
	}
	return value, ok, f
}

func (s *step) blank() (string, bool, *flaw) {
	switch {
	case s.has:
		return s.fallback, true, nil
	case s.needed:
		return "", false, flawOf(CodeMissingValue, "fill the cell in, or give the property a default in the mapping",
			"%s is blank, and HubSpot needs it in a new ticket", s.name)
	}
	return "", s.clear, nil
}

func (s *step) convert(c cell) (string, bool, *flaw) {
	value, f := s.converter.convert(c)
	if f != nil && !f.warning {
		return "", false, f
	}
	for _, test := range s.tests {
		if wrong := test(value); wrong != "" {
			return "", false, flawOf(CodeRuleBroken, "the account has this rule for "+s.name, "%s %s", quote(value), wrong)
		}
	}
	return value, true, f
}

// A table translates texts of cells, without regard to case and blanks, into
// values as they are stored.
type table struct {
	exact     map[string]string
	folded    map[string]string
	from      []string // the texts, in the order of the mapping
	otherwise string   // reject, skip, keep or use
	use       string   // converted, for use
	flaws     memo
}

func (t *table) has(text string) bool { _, found := t.find(text); return found }

func (t *table) find(text string) (value string, found bool) {
	if value, found = t.exact[text]; !found {
		value, found = t.folded[schema.Fold(text)]
	}
	return value, found
}

// translate looks text up. settled is false where the table leaves the text to
// the conversion.
func (t *table) translate(text string) (value string, settled, ok bool, f *flaw) {
	value, found := t.find(text)
	switch {
	case found:
		return value, true, true, nil
	case t.otherwise == "keep":
		return "", false, false, nil
	case t.otherwise == "use":
		return t.use, true, true, nil
	}
	return "", true, false, t.flaws.of(text, t.refuse)
}

func (t *table) refuse(text string) *flaw {
	if t.otherwise == "skip" {
		f := flawOf(CodeLeftOut, "as the mapping says (otherwise: skip)", "%s is not in the mapping's table of values, it is left out", quote(text))
		f.warning = true
		return f
	}
	return flawOf(CodeNotInTable, nearest(text, t.from, "add it to values in the mapping, or say what to do otherwise"),
		"%s is not in the mapping's table of values; that has %s", quote(text), listed(t.from))
}

// A keyStep makes the key of a record.
type keyStep struct {
	property string
	column   int
	id       bool // the property is hs_object_id
	number   bool // the property holds numbers
	write    bool // the key is also a property to be written
	tests    []test
}

func (k *keyStep) value(rec *etl.Record) (string, *flaw) {
	text, kind := fieldOf(rec, k.column), rec.Kind(k.column)
	if f := cellFlaw(text, kind); f != nil {
		return "", f
	}
	switch {
	case isBlank(text):
		f := flawOf(CodeMissingKey, "fill the cell in; "+k.property+" tells which ticket the row is", "the key is blank")
		if told := unseen(text); told != nil {
			f.message += "; " + told.message
		}
		return "", f
	case outerInvisible(text) != "":
		return "", flawOf(CodeInvalidKey, "remove it; keys are compared as they are", "key %s begins or ends with a character that cannot be seen (%s)", quote(text), outerInvisible(text))
	case text != strings.TrimSpace(text):
		return "", flawOf(CodeInvalidKey, "remove the blanks around it; keys are compared as they are", "key %s has outer blanks", quote(text))
	case k.id && !allDigits(text):
		return "", flawOf(CodeInvalidKey, "ticket ids are digits", "%s is not the id of a ticket", quote(text))
	case kind == etl.Date || kind == etl.DateTime || kind == etl.Duration || kind == etl.Bool:
		return "", flawOf(CodeInvalidKey, "format the cell as text", "key %s is a %s", quote(text), kindWord(kind))
	case cutShort(text):
		return "", flawOf(CodeInvalidKey, "export again, and keep the file from being saved by a spreadsheet program, or format the column as text",
			"key %s is a number that a spreadsheet program has cut short", quote(text))
	case asFormula(text):
		return "", flawOf(CodeInvalidKey, "write only what stands between the quotes", "key %s is written as a formula", quote(text))
	}
	return k.check(cell{text, kind, rec.Valid})
}

func (k *keyStep) check(c cell) (string, *flaw) {
	text := c.text
	if !c.valid || len(text) > maxText {
		if f := textFlaw(text); f != nil {
			return "", f
		}
	}
	if k.number {
		plain, f := numberConverter{id: true}.read(text)
		if f == nil && plain != text {
			f = flawOf(CodeInvalidKey, "write it as "+plain, "key %s is not written as HubSpot stores numbers", quote(text))
		}
		if f != nil {
			return "", f
		}
	}
	for _, test := range k.tests {
		if wrong := test(text); wrong != "" {
			return "", flawOf(CodeRuleBroken, "the account has this rule for "+k.property, "%s %s", quote(text), wrong)
		}
	}
	return text, nil
}

// A link makes the references of one association.
type link struct {
	ref    etl.Reference // all but Value, and Column where it depends on the row
	column int           // -1: constant
	split  string
}

// values are the references of rec, in the order of the cell.
func (l *link) values(rec *etl.Record, add func(value string)) *flaw {
	if l.column < 0 {
		add(l.ref.Value)
		return nil
	}
	text := fieldOf(rec, l.column)
	if f := cellFlaw(text, rec.Kind(l.column)); f != nil {
		return f
	}
	if isBlank(text) {
		return unseen(text)
	}
	if l.split == "" {
		return l.one(text, add)
	}
	var bad []*flaw
	for _, part := range strings.Split(text, l.split) {
		if isBlank(part) {
			continue
		}
		if f := l.one(part, add); f != nil {
			bad = append(bad, f)
		}
	}
	if len(bad) > 0 {
		return joinFlaws(bad)
	}
	return nil
}

func (l *link) one(text string, add func(value string)) *flaw {
	value, f := referenceValue(l.ref.Match, strings.TrimSpace(text))
	if f == nil {
		add(value)
	}
	return f
}

// referenceValue checks text, and brings it to the form in which HubSpot keeps
// what it is compared with.
func referenceValue(match, text string) (string, *flaw) {
	switch match {
	case "id":
		if !allDigits(text) || len(text) > 20 {
			return "", flawOf(CodeInvalidID, "record ids are digits", "%s is not a record id", quote(text))
		}
		return text, nil
	case "email":
		address := bareAddress(text)
		if emailFlaw(address) != nil {
			return "", emailFlaw(text)
		}
		return strings.ToLower(address), nil
	case "domain":
		return strings.ToLower(text), domainFlaw(text)
	}
	if f := textFlaw(text); f != nil {
		return "", f
	}
	return text, nil
}
