package schema

import (
	"math/big"
	"slices"
	"strings"
	"time"
)

// Same says whether writing value over stored would change nothing: numbers are
// compared by value, date-times by instant, multiple options as sets, texts
// whatever their line breaks are, which HubSpot gives back as bare LF. Both are texts as HubSpot stores them; empty means no value.
func (p *Property) Same(stored, value string) bool {
	if stored == value {
		return true
	}
	if p == nil || stored == "" || value == "" {
		return false
	}
	switch p.Type {
	case "number":
		return sameNumber(stored, value)
	case "datetime", "date":
		return sameInstant(stored, value)
	case "enumeration":
		return p.Multiple() && sameOptions(stored, value)
	case "string":
		return bareBreaks(stored) == bareBreaks(value)
	}
	return false
}

func bareBreaks(s string) string { return strings.ReplaceAll(s, "\r\n", "\n") }

func sameNumber(a, b string) bool {
	x, ok := new(big.Rat).SetString(a)
	if !ok || strings.ContainsAny(a+b, "eE/") {
		return false
	}
	y, ok := new(big.Rat).SetString(b)
	return ok && x.Cmp(y) == 0
}

func sameInstant(a, b string) bool {
	x, ok := instant(a)
	if !ok {
		return false
	}
	y, ok := instant(b)
	return ok && x.Equal(y)
}

func instant(s string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// sameOptions compares "a;b" as a set. A value that begins with ';' appends, so
// it changes nothing when all its options are stored.
func sameOptions(stored, value string) bool {
	have := strings.Split(stored, ";")
	if more, appends := strings.CutPrefix(value, ";"); appends {
		return !slices.ContainsFunc(strings.Split(more, ";"), func(o string) bool {
			return !slices.Contains(have, o)
		})
	}
	want := strings.Split(value, ";")
	slices.Sort(have)
	slices.Sort(want)
	return slices.Equal(slices.Compact(have), slices.Compact(want))
}
