package transform

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"
	"time"

	"github.com/ticketetl/ticketetl/internal/schema"
)

// back writes a stored date or moment as a cell from which convert reads the same.
// Where no rule can say all of it, the text is the first rule's, without what it
// has no room for.
func (d *dateConverter) back(stored string) string {
	c, ok := d.civilOf(stored)
	if !ok {
		return stored
	}
	def := schema.Property{Type: "datetime"}
	first := ""
	for i := range d.rules {
		for _, text := range d.rules[i].write(c) {
			value, f := d.convert(cell{text: text})
			if (f == nil || f.warning) && def.Same(stored, value) {
				return text
			}
			if first == "" {
				first = text
			}
		}
	}
	if first == "" {
		return stored
	}
	return first
}

// civilOf is a stored date, or a stored moment as a clock of the zone shows it.
func (d *dateConverter) civilOf(stored string) (civil, bool) {
	if t, err := time.Parse(time.DateOnly, stored); err == nil {
		return civil{year: t.Year(), month: int(t.Month()), day: t.Day()}, true
	}
	t, err := time.Parse(time.RFC3339Nano, stored)
	if err != nil {
		return civil{}, false
	}
	t = t.In(d.zone.loc)
	_, offset := t.Zone()
	return civil{
		year: t.Year(), month: int(t.Month()), day: t.Day(), hour: t.Hour(), min: t.Minute(), sec: t.Second(), nano: t.Nanosecond(),
		hasTime: true, offset: offset,
	}, true
}

func writeISO(c civil) []string { return withClock(c.date(), c) }

func writeDayMonth(c civil) []string {
	return withClock(fmt.Sprintf("%02d/%02d/%04d", c.day, c.month, c.year), c)
}

func writeMonthDay(c civil) []string {
	return withClock(fmt.Sprintf("%02d/%02d/%04d", c.month, c.day, c.year), c)
}

// withClock adds the time to a date, and in a second text the offset, which tells
// apart the hours that a clock shows twice.
func withClock(date string, c civil) []string {
	if !c.hasTime {
		return []string{date}
	}
	text := fmt.Sprintf("%s %02d:%02d:%02d", date, c.hour, c.min, c.sec)
	if c.nano != 0 {
		text += "." + strings.TrimRight(fmt.Sprintf("%09d", c.nano), "0")
	}
	return []string{text, text + offsetText(c.offset, ":")}
}

func offsetText(seconds int, between string) string {
	sign := '+'
	if seconds < 0 {
		sign, seconds = '-', -seconds
	}
	return fmt.Sprintf("%c%02d%s%02d", sign, seconds/3600, between, seconds/60%60)
}

func writeSeconds(c civil) []string {
	return []string{strconv.FormatInt(c.local()-int64(c.offset), 10)}
}

func writeMillis(c civil) []string {
	return []string{strconv.FormatInt((c.local()-int64(c.offset))*1000+int64(c.nano/1e6), 10)}
}

// writePattern writes c as the elements of a pattern say; with names of months of
// the other length in a second text, since short ones may be unclear.
func writePattern(c civil, elements []element) []string {
	texts := []string{"", ""}
	for i := range texts {
		var b strings.Builder
		for _, e := range elements {
			b.WriteString(e.write(c, i == 1))
		}
		texts[i] = b.String()
	}
	return texts
}

func (e element) write(c civil, other bool) string {
	digits := func(n int) string { return fmt.Sprintf("%0*d", e.count, n) }
	switch e.letter {
	case 'y':
		if e.count == 2 {
			return digits(c.year % 100)
		}
		return digits(c.year)
	case 'M':
		if e.count > 2 {
			return e.words.name(e.words.months, c.month, time.Month(c.month).String(), (e.count == 4) != other)
		}
		return digits(c.month)
	case 'E':
		day := c.weekday()
		return e.words.name(e.words.weekdays, int(day), day.String(), (e.count == 4) != other)
	case 'd':
		return digits(c.day)
	case 'X', 'Z':
		return e.writeOffset(c)
	}
	return e.writeClock(c, digits)
}

func (e element) writeClock(c civil, digits func(int) string) string {
	switch e.letter {
	case 'H':
		return digits(c.hour)
	case 'h':
		return digits((c.hour+11)%12 + 1)
	case 'm':
		return digits(c.min)
	case 's':
		return digits(c.sec)
	case 'S':
		return fmt.Sprintf("%09d", c.nano)[:e.count]
	case 'a':
		if c.hour < 12 {
			return "AM"
		}
		return "PM"
	}
	return e.literal
}

func (e element) writeOffset(c civil) string {
	if e.letter == 'X' && e.count == 3 {
		return offsetText(c.offset, ":")
	}
	return offsetText(c.offset, "")
}

// name is a month or a day of the week: in English where all languages are read, and
// else a word of the pattern's own language that means nothing else.
func (w *calendarWords) name(of wordSet, bit int, english string, long bool) string {
	if w == everyWord {
		if long {
			return english
		}
		return english[:3]
	}
	best := ""
	for word, found := range of {
		if bits.OnesCount16(found) != 1 || found>>bit&1 == 0 {
			continue
		}
		better := len(word) < len(best) || len(word) == len(best) && word < best
		if long {
			better = len(word) > len(best) || len(word) == len(best) && word < best
		}
		if best == "" || better {
			best = word
		}
	}
	return best
}

// back writes a stored number with the declared decimal sign.
func (n numberConverter) back(stored string) string {
	if n.decimal == ',' {
		return strings.Replace(stored, ".", ",", 1)
	}
	return stored
}
