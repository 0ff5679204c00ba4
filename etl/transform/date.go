package transform

import (
	"fmt"
	"strings"
	"time"

	"github.com/ticketetl/ticketetl/etl"
)

// dateConverter reads dates, or moments, and writes them as HubSpot stores
// them: a date as it is, a moment in UTC.
type dateConverter struct {
	rules    []dateRule
	declared bool   // the mapping says how dates are written
	found    string // how the form was found, where the column shows it
	day      bool   // the property holds a day, not a moment
	zone     *zone
}

var isoRule = mustRule("iso")

func mustRule(text string) dateRule {
	rule, message, _ := parseDateRule(text)
	if message != "" {
		panic(message)
	}
	return rule
}

func (d *dateConverter) words() string {
	names := make([]string, len(d.rules))
	for i, rule := range d.rules {
		names[i] = rule.words
	}
	w := strings.Join(names, " or ")
	if d.found != "" {
		w += " (" + d.found + ")"
	}
	if d.day {
		return "date, " + w
	}
	return "date and time, " + w + ", " + d.zone.name + " → UTC"
}

func (d *dateConverter) convert(c cell) (string, *flaw) {
	at, f := d.read(c)
	if f != nil {
		return "", f
	}
	var value string
	if d.day {
		value, f = d.dayOf(at, c.text)
	} else {
		value, f = d.momentOf(at, c.text)
	}
	if f == nil && c.kind == etl.Text {
		f = otherCalendar(at.year, c.text)
	}
	return value, f
}

// otherCalendar tells of a year that is hardly one of the common era, but of the
// Buddhist or an Islamic one in our days. It is written as it stands.
func otherCalendar(year int, text string) *flaw {
	name := ""
	switch {
	case year >= 1900+543 && year <= 2100+543:
		name = fmt.Sprintf("the Buddhist calendar, whose %d is %d", year, year-543)
	case year >= 1300 && year < 1500:
		name = "an Islamic calendar"
	default:
		return nil
	}
	return &flaw{
		code: CodeOtherCalendar, warning: true,
		message: fmt.Sprintf("the year of %s may be one of %s; it is written as it stands", quote(text), name),
		hint:    "if so, export the dates again with years of the common era",
	}
}

// momentOf writes a moment in UTC.
func (d *dateConverter) momentOf(at civil, text string) (string, *flaw) {
	if d.zone.loc == time.UTC && !at.hasZone && at.nano == 0 && at.year <= 9999 {
		return at.stamp(), nil // as below, without counting seconds
	}
	seconds, f := d.zone.moment(at)
	if f != nil {
		return "", f
	}
	value, ok := stamp(seconds, at.nano)
	if !ok {
		return "", flawOf(CodeImpossibleDate, "", "%s is beyond the years 1 to 9999", quote(text))
	}
	if at.nano%1e6 != 0 {
		return value, &flaw{code: CodePrecisionCut, warning: true,
			message: quote(text) + " is finer than a millisecond",
			hint:    "HubSpot keeps milliseconds; what is finer is cut off"}
	}
	return value, nil
}

func (d *dateConverter) dayOf(at civil, text string) (string, *flaw) {
	if !at.midnight() {
		return "", flawOf(CodeDateWithTime, "remove the time, or map the column to a property of type datetime",
			"%s has a time of day, the property holds only a date", quote(text))
	}
	if trimmed := strings.TrimSpace(text); !at.hasTime && len(trimmed) == len("2006-01-02") && trimmed[4] == '-' {
		return trimmed, nil
	}
	return at.date(), nil
}

// read finds out which date a cell means.
func (d *dateConverter) read(c cell) (civil, *flaw) {
	text := strings.TrimSpace(seenOnly(c.text))
	switch c.kind {
	case etl.Date, etl.DateTime:
		return readByRules(text, []dateRule{isoRule}, true)
	case etl.Duration, etl.Bool:
		return civil{}, flawOf(CodeInvalidDate, "the cell must hold a date", "%s is a %s, not a date", quote(c.text), kindWord(c.kind))
	case etl.Number:
		if !d.hasEpoch() {
			return civil{}, flawOf(CodeInvalidDate, "format the cells as dates, or declare dates: epoch or dates: epoch-ms",
				"%s is a number, not a date", quote(c.text))
		}
	}
	return readByRules(text, d.rules, d.declared)
}

func (d *dateConverter) hasEpoch() bool {
	for _, rule := range d.rules {
		if rule.epoch {
			return true
		}
	}
	return false
}

// readByRules reads text by the one rule that fits. Where several fit they must
// agree.
func readByRules(text string, rules []dateRule, declared bool) (civil, *flaw) {
	var found civil
	fits, nearest := 0, misfit{}
	for i := range rules {
		at, miss := byLayout(text, rules[i].quick, rules[i].read)
		switch {
		case miss.kind != fitting:
			if miss.kind > nearest.kind {
				nearest = miss
			}
		case fits == 0:
			found, fits = at, 1
		case at != found:
			return civil{}, flawOf(CodeAmbiguousDate, "declare only one of the two forms, for this column if need be",
				"%s may be %s or %s", quote(text), found.date(), at.date())
		}
	}
	if fits == 1 {
		return found, nil
	}
	return civil{}, nearest.flaw(text, rules, declared)
}

// A misfit says how near a text came to a rule, the nearest last.
type misfit struct {
	kind misfitKind
	why  string // for impossible and unclearMonth; for a year that the pattern writes with two digits
}

type misfitKind int

const (
	fitting misfitKind = iota
	otherForm
	twoDigitYear
	impossible
	unclearMonth // its name is of different months in different languages
)

func (m misfit) flaw(text string, rules []dateRule, declared bool) *flaw {
	words := make([]string, len(rules))
	for i, rule := range rules {
		words[i] = rule.words
	}
	form := strings.Join(words, " or ")
	switch {
	case m.kind == unclearMonth:
		return flawOf(CodeAmbiguousDate, `begin the pattern with the language in the mapping, e.g. dates: "pl: d MMM yyyy"`, "the month of %s is not clear: %s", quote(text), m.why)
	case m.kind == impossible:
		return flawOf(CodeImpossibleDate, "dates are read as "+form, "%s is no date: %s", quote(text), m.why)
	case m.kind == twoDigitYear:
		hint := "write it with four digits"
		if m.why == "" {
			hint += `, or declare its form in the mapping, e.g. dates: "dd/MM/yy"`
		}
		return flawOf(CodeTwoDigitYear, hint, "the year of %s has two digits%s", quote(text), m.why)
	case !declared:
		return flawOf(CodeInvalidDate, "say how dates are written, e.g. dates: dmy in the mapping",
			"%s is not a date of the form year-month-day", quote(text))
	}
	return flawOf(CodeInvalidDate, "correct the cell, or declare its form in the mapping (dates)",
		"%s is not a date of the form %s", quote(text), form)
}
