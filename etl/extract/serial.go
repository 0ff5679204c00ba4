package extract

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/ticketetl/ticketetl/etl"
)

const dayMillis = 24 * 60 * 60 * 1000

// nearSecond is how many milliseconds a moment may be off a whole second and
// still mean it, where its format shows no parts of seconds: programs that
// compute moments leave such a rest.
const nearSecond = 10

// dateCell turns the serial number of a date or time cell into text.
//
// A serial counts days from 1899-12-31 or, in the date system of 1904, from
// 1904-01-01. The former counts a 1900-02-29 that never was; from March 1900 on
// its days are therefore one more. A serial that shows no real date, as Excel
// shows ##### or 00/01/1900 for it, is a CellError.
func dateCell(raw string, serial float64, f format, date1904 bool) (string, etl.Kind) {
	if math.IsNaN(serial) || serial < 0 || serial >= 2958466 {
		return raw + notDate, etl.CellError
	}
	millis := int64(math.Round(serial * dayMillis))
	if whole := (millis + 500) / 1000 * 1000; !f.millis && (coarse(raw) || max(millis-whole, whole-millis) <= nearSecond) {
		millis = whole
	}
	switch {
	case f.elapsed, serial < 1 && f.clock && !f.date, serial < 1 && f.either && !date1904:
		return clockText(millis), etl.Duration
	case !date1904 && serial < 1 && serial > 0 && f.clock:
		return clockText(millis), etl.Duration
	case !date1904 && millis < dayMillis:
		return raw + notDate, etl.CellError
	case !date1904 && millis/dayMillis == 60:
		return "1900-02-29" + notDate, etl.CellError
	}
	days := millis / dayMillis
	at := epoch(days, date1904).AddDate(0, 0, int(days)).Add(time.Duration(millis%dayMillis) * time.Millisecond)
	if at.Year() > 9999 {
		return raw + notDate, etl.CellError
	}
	return dateText(at, f)
}

func epoch(days int64, date1904 bool) time.Time {
	switch {
	case date1904:
		return time.Date(1904, 1, 1, 0, 0, 0, 0, time.UTC)
	case days < 60:
		return time.Date(1899, 12, 31, 0, 0, 0, 0, time.UTC)
	}
	return time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)
}

// dateText: a cell without a time of day is a Date, unless its format shows one.
func dateText(at time.Time, f format) (string, etl.Kind) {
	midnight := at.Equal(at.Truncate(24 * time.Hour))
	if midnight && !f.clock {
		return at.Format(time.DateOnly), etl.Date
	}
	return at.Format("2006-01-02T15:04:05.999"), etl.DateTime
}

// coarse says whether raw has too few digits to mean milliseconds: six
// decimals of a day are a tenth of a second.
func coarse(raw string) bool {
	_, fraction, _ := strings.Cut(raw, ".")
	return len(fraction) <= 6 && !strings.ContainsAny(raw, "eE")
}

// clockText writes a length of time as hours, minutes, seconds.
func clockText(millis int64) string {
	seconds := millis / 1000
	text := fmt.Sprintf("%02d:%02d:%02d", seconds/3600, seconds/60%60, seconds%60)
	if part := millis % 1000; part > 0 {
		text += strings.TrimRight(fmt.Sprintf(".%03d", part), "0")
	}
	return text
}

// isoCell reads a cell of type d, which holds a date in the ISO 8601 form.
func isoCell(raw string, f format) (string, etl.Kind) {
	text := strings.TrimSuffix(strings.TrimSpace(raw), "Z")
	for _, layout := range []string{"2006-01-02T15:04:05", "2006-01-02T15:04", time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return dateText(at.Round(time.Millisecond), f)
		}
	}
	if at, err := time.Parse("15:04:05", strings.TrimPrefix(text, "T")); err == nil {
		midnight := at.Truncate(24 * time.Hour)
		return clockText(at.Sub(midnight).Milliseconds()), etl.Duration
	}
	return raw + notDate, etl.CellError
}

// mostRest is how many units in the last place a few computations leave behind.
const mostRest = 3

func unitInLastPlace(f float64) float64 {
	f = math.Abs(f)
	return math.Nextafter(f, math.Inf(1)) - f
}

// surest is the least number that a cell cannot hold surely: a spreadsheet
// keeps 15 digits and makes zeros of the others.
const surest = 1e15

// isPlainNumber says whether numberCell gives back raw as it is, for sure.
func isPlainNumber(raw []byte) bool {
	digits := bytes.TrimPrefix(raw, []byte("-"))
	whole, fraction, dotted := bytes.Cut(digits, []byte("."))
	for _, part := range [][]byte{whole, fraction} {
		for _, c := range part {
			if c < '0' || c > '9' {
				return false
			}
		}
	}
	switch {
	case len(whole) == 0 || len(whole)+len(fraction) > 15:
		return false
	case whole[0] == '0' && (len(whole) > 1 || !dotted && len(digits) < len(raw)):
		return false
	}
	return !dotted || len(fraction) > 0 && fraction[len(fraction)-1] != '0'
}

// numberCell turns the stored text of a number, 1.5E-3 too, into plain digits.
//
// A workbook stores the binary number, of which it never shows more than 15
// digits; 0.30000000000000004 is what a sum of 0.1 and 0.2 leaves behind and
// means 0.3. So 15 digits are kept where what is left off is such a rest; digits
// that mean something stay. A number with more digits than those before the
// point stays as it is stored; the mapping refuses it where it is used.
func numberCell(raw string) (text string, value float64, ok bool) {
	raw = strings.TrimSpace(raw)
	value, err := strconv.ParseFloat(raw, 64)
	if err != nil || math.IsInf(value, 0) || math.IsNaN(value) || strings.ContainsAny(raw, "xX_pPnN") {
		return raw, 0, false
	}
	short, _ := strconv.ParseFloat(strconv.FormatFloat(value, 'e', 14, 64), 64)
	if math.Abs(value) >= surest || math.Abs(short-value) > mostRest*unitInLastPlace(value) {
		if isDecimal(raw) {
			return raw, value, true
		}
		return strconv.FormatFloat(value, 'f', -1, 64), value, true
	}
	if short == 0 {
		return "0", value, true // minus zero as well
	}
	return strconv.FormatFloat(short, 'f', -1, 64), value, true
}
