package transform

import (
	"fmt"
	"unicode/utf8"

	"github.com/ticketetl/ticketetl/etl"
)

// ReadNumber converts text as a number property does; decimal is 0, ',' or '.'.
func ReadNumber(text string, decimal byte) (string, bool) {
	value, f := numberConverter{decimal: decimal}.convert(cell{text: text})
	return value, f == nil
}

// ReadDate converts text as a date or datetime property does.
func ReadDate(text, form, zone string, day bool, kind etl.Kind) (value string, ok bool) {
	rule, message, _ := parseDateRule(form)
	if message != "" {
		return "", false
	}
	d := dateConverter{rules: []dateRule{rule}, declared: true, day: day, zone: mustZone(zone)}
	value, f := d.convert(cell{text: text, kind: kind})
	return value, f == nil || f.warning
}

// DaysIn is for tests.
var DaysIn = daysIn

// NumberBothWays reads a number quickly and by the general path.
func NumberBothWays(text string, decimal byte, signs ...string) (quick, general string, same bool) {
	n := numberConverter{decimal: decimal, signs: signs}
	quick, f := n.read(text)
	general, g := n.readAny(text)
	return quick, general, quick == general && (f == nil) == (g == nil)
}

// DateBothWays reads a date by its places, if it has them, and piece by piece.
func DateBothWays(text, form string) (quick, general any, byPlaces bool) {
	type result struct {
		civil
		misfit
	}
	rule, message, _ := parseDateRule(form)
	if message != "" {
		panic(message)
	}
	for _, l := range rule.quick {
		_, ok := l.read(text)
		byPlaces = byPlaces || ok
	}
	c, m := byLayout(text, rule.quick, rule.read)
	d, n := rule.read(text)
	return result{c, m}, result{d, n}, byPlaces
}

// HasLayout says whether dates of that form are read by their places.
func HasLayout(form string) bool {
	rule, message, _ := parseDateRule(form)
	return message == "" && len(rule.quick) > 0
}

// TotalsBothWays looks for a row of totals with a look at long texts first, and without.
func TotalsBothWays(fields []string, kinds []etl.Kind) (quick, general string) {
	c, ok := totalsRow(fields, kinds)
	d, ok2 := totalsAlone(fields, kinds)
	if !ok {
		c = 0
	}
	if !ok2 {
		d = 0
	}
	return fmt.Sprint(c, ok), fmt.Sprint(d, ok2)
}

// SequenceBothWays looks for letters that were encoded twice quickly, and at each letter.
func SequenceBothWays(s string) (quick, general bool) {
	for i, r := range s {
		rest := s[i+utf8.RuneLen(r):]
		general = general || r >= utf8.RuneSelf && sequence(r, rest) > 0
	}
	return hasSequence(s), general
}

// InvisibleBothWays looks at a character quickly, and in all tables.
func InvisibleBothWays(r rune) (quick, general bool) { return isInvisible(r), inTables(r) }

// Recalls returns a look into a new recall, which keeps each text that it is asked for
// and that is not known, with its double as what it was converted to.
func Recalls() (look func(text string) (value string, known bool)) {
	var r recall
	return func(text string) (string, bool) {
		if found := r.find(text); found != nil {
			return found.value, true
		}
		r.keep(text, text+text, nil)
		return "", false
	}
}

// MaxRecalled is how many texts a recall keeps.
const MaxRecalled = maxRecalled

// IsASCII and NamesColumn are for tests.
var (
	IsASCII     = isASCII
	NamesColumn = namesColumn
)
