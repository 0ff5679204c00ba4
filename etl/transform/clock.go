package transform

import (
	"fmt"
	"sort"
	"sync"
	"time"
	_ "time/tzdata" // the same answer on machines without a time zone database
)

// A civil is a date and time as somebody wrote it down, not yet a moment.
type civil struct {
	year, month, day int
	hour, min, sec   int
	nano             int
	hasTime          bool
	hasZone          bool // offset was written too
	offset           int  // seconds east of UTC
}

// local is the seconds since 1970 as if c stood in UTC.
func (c civil) local() int64 {
	return time.Date(c.year, time.Month(c.month), c.day, c.hour, c.min, c.sec, 0, time.UTC).Unix()
}

func (c civil) midnight() bool { return c.hour == 0 && c.min == 0 && c.sec == 0 && c.nano == 0 }

// date is the form in which HubSpot stores a date.
func (c civil) date() string {
	var b [len("2006-01-02")]byte
	if c.year > 9999 {
		return fmt.Sprintf("%04d-%02d-%02d", c.year, c.month, c.day)
	}
	putDate(b[:], c.year, c.month, c.day)
	return string(b[:])
}

// putDate writes 2006-01-02 into b. The layouts of package time took a tenth of the
// time of a mapping with dates.
func putDate(b []byte, year, month, day int) {
	putTwo(b, year/100)
	putTwo(b[2:], year%100)
	b[4], b[7] = '-', '-'
	putTwo(b[5:], month)
	putTwo(b[8:], day)
}

func putTwo(b []byte, n int) { b[0], b[1] = byte('0'+n/10), byte('0'+n%10) }

func (c civil) weekday() time.Weekday { return time.Unix(c.local(), 0).UTC().Weekday() }

// impossible says why there is no such date or time; empty when there is one.
func (c civil) impossible() string {
	switch {
	case c.year < 1:
		return "there is no year 0"
	case c.month < 1 || c.month > 12:
		return fmt.Sprintf("there is no month %d", c.month)
	case c.day < 1 || c.day > daysIn(c.year, c.month):
		return fmt.Sprintf("%s %d has no day %d", time.Month(c.month), c.year, c.day)
	case c.hour > 23 || c.min > 59 || c.sec > 59:
		return fmt.Sprintf("there is no time %02d:%02d:%02d", c.hour, c.min, c.sec)
	case c.offset < -14*3600 || c.offset > 14*3600:
		return "there is no such offset from UTC"
	}
	return ""
}

// daysIn counts the days of a month. It does without package time, as every date of
// a file comes here.
func daysIn(year, month int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// A zone is a time zone with a table of the windows between its clock changes,
// so that a local time is one binary search away from its moment.
type zone struct {
	name    string
	loc     *time.Location
	windows []window
}

// A window is a time in which a zone keeps one offset, in seconds.
type window struct{ start, end, offset int64 }

// The table covers these years; other times are looked up one by one.
var tableStart, tableEnd = unixYear(1970), unixYear(2100)

func unixYear(y int) int64 { return time.Date(y, 1, 1, 0, 0, 0, 0, time.UTC).Unix() }

var zones sync.Map // *zone by name

// loadZone finds a time zone by its IANA name.
func loadZone(name string) (*zone, error) {
	if z, ok := zones.Load(name); ok {
		return z.(*zone), nil
	}
	if name == "" || name == "Local" {
		return nil, fmt.Errorf("%q is not the name of a time zone", name)
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, err
	}
	z := &zone{name: name, loc: loc, windows: windowsOf(loc, tableStart, tableEnd)}
	zones.Store(name, z)
	return z, nil
}

// windowsOf lists the windows of loc between start and end, both in seconds
// since 1970. time.Time.ZoneBounds ends a window at the turn of the year too,
// and in a leap year a day before it, so windows of one offset are put together.
func windowsOf(loc *time.Location, start, end int64) []window {
	var all []window
	for at := start; at < end; {
		t := time.Unix(at, 0).In(loc)
		_, offset := t.Zone()
		next := end
		if _, bound := t.ZoneBounds(); !bound.IsZero() {
			next = bound.Unix()
		}
		if next <= at {
			next = at + 3600
		}
		if n := len(all); n > 0 && all[n-1].offset == int64(offset) {
			all[n-1].end = next
		} else {
			all = append(all, window{start: at, end: next, offset: int64(offset)})
		}
		at = next
	}
	return all
}

// moments lists the moments (seconds since 1970) at which clocks in the zone
// show the local time: none in a gap, two in an overlap.
func (z *zone) moments(local int64) (first int64, n int) {
	const day = 26 * 3600
	near := z.windows
	if local < tableStart+2*day || local > tableEnd-2*day {
		near = windowsOf(z.loc, local-2*day, local+2*day)
	} else {
		i := sort.Search(len(near), func(i int) bool { return near[i].end > local-day })
		near = near[i:]
	}
	for _, w := range near {
		if w.start > local+day {
			break
		}
		if at := local - w.offset; (at >= w.start || w.start <= local-2*day) && (at < w.end || w.end >= local+2*day) {
			if n == 0 {
				first = at
			}
			n++
		}
	}
	return first, n
}

// moment is when c was: in its own offset, or else in the zone.
func (z *zone) moment(c civil) (int64, *flaw) {
	if c.hasZone {
		return c.local() - int64(c.offset), nil
	}
	at, n := z.moments(c.local())
	switch n {
	case 0:
		return 0, flawOf(CodeTimeGap, "clocks went forward then; correct the time, or give it an offset such as -03:00",
			"%s %02d:%02d:%02d does not exist in %s", c.date(), c.hour, c.min, c.sec, z.name)
	case 1:
		return at, nil
	}
	return 0, flawOf(CodeTimeOverlap, "clocks went back then; give it an offset such as -03:00",
		"%s %02d:%02d:%02d occurs twice in %s", c.date(), c.hour, c.min, c.sec, z.name)
}

// stamp is the form in which HubSpot stores a moment: RFC 3339 in UTC,
// milliseconds only where there are any.
func stamp(seconds int64, nano int) (string, bool) {
	t := time.Unix(seconds, 0).UTC()
	year, month, day := t.Date()
	if year < 1 || year > 9999 {
		return "", false
	}
	hour, minute, second := t.Clock()
	return civil{year: year, month: int(month), day: day, hour: hour, min: minute, sec: second, nano: nano}.stamp(), true
}

// stamp is the form in which HubSpot stores c, a moment in UTC of the years 1 to 9999.
func (c civil) stamp() string {
	var buf [len("2006-01-02T15:04:05.000Z")]byte
	b := buf[:len("2006-01-02T15:04:05")]
	putDate(b, c.year, c.month, c.day)
	b[10], b[13], b[16] = 'T', ':', ':'
	putTwo(b[11:], c.hour)
	putTwo(b[14:], c.min)
	putTwo(b[17:], c.sec)
	if ms := c.nano / 1e6; ms > 0 {
		b = append(b, '.', byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10))
	}
	return string(append(b, 'Z'))
}
