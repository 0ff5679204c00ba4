package transform

import "github.com/ticketetl/ticketetl/etl"

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
