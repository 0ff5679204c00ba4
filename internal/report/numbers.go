package report

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// countText is n with commas between the thousands: 1,234,567.
func countText(n int64) string {
	digits := strconv.FormatInt(n, 10)
	sign := ""
	if strings.HasPrefix(digits, "-") {
		sign, digits = "-", digits[1:]
	}
	var b strings.Builder
	for i := range len(digits) {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteByte(digits[i])
	}
	return sign + b.String()
}

// plural is n with its noun: 1 row, 2 rows.
func plural(n int64, one, many string) string {
	if n == 1 {
		return countText(n) + " " + one
	}
	return countText(n) + " " + many
}

func rowsText(n int64) string { return plural(n, "row", "rows") }

// durationText is d for people: 0.42 s, 3.2 s, 4 min 05 s, 2 h 03 min.
func durationText(d time.Duration) string {
	seconds := int64(d.Round(time.Second) / time.Second)
	switch {
	case d < time.Second:
		return fmt.Sprintf("%.2f s", d.Seconds())
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case seconds < 60:
		return fmt.Sprintf("%d s", seconds)
	case seconds < 60*60:
		return fmt.Sprintf("%d min %02d s", seconds/60, seconds%60)
	default:
		return fmt.Sprintf("%s h %02d min", countText(seconds/3600), seconds%3600/60)
	}
}

// bytesText is a size for people: 812 bytes, 1.4 MB.
func bytesText(n int64) string {
	switch {
	case n < 1000:
		return plural(n, "byte", "bytes")
	case n < 1000_000:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	case n < 1000_000_000:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	default:
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	}
}

// rateText is rows per second, with a decimal where it says something.
func rateText(rows int64, seconds float64) string {
	rate := float64(rows) / seconds
	if rate < 10 {
		return fmt.Sprintf("%.1f rows/s", rate)
	}
	return countText(int64(rate+0.5)) + " rows/s"
}
