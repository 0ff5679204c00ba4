package transform_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/etl/transform"
)

// The tests here compare what is done quickly for the usual cell with what is done for
// any.

// pieces draws a text of a few of these.
func pieces(of ...string) *rapid.Generator[string] {
	return rapid.Map(rapid.SliceOfN(rapid.SampledFrom(of), 0, 8), func(s []string) string { return strings.Join(s, "") })
}

func TestNumbersQuickly(t *testing.T) {
	t.Parallel()
	texts := rapid.OneOf(pieces("0", "1", "12", "905", ".", ",", "-", "+", " ", "%", "R$", "\u200e", "é"), rapid.StringMatching(`-?[0-9]{1,6}([.,][0-9]{0,4})?`))
	rapid.Check(t, func(rt *rapid.T) {
		text := texts.Draw(rt, "text")
		decimal := rapid.SampledFrom([]byte{0, '.', ','}).Draw(rt, "decimal")
		quick, general, same := transform.NumberBothWays(text, decimal, "%", "R$")
		require.True(rt, same, "%q: %q and %q", text, quick, general)
	})
}

var layoutForms = []string{"iso", "yyyy-MM-dd HH:mm:ss", "dd/MM/yyyy", "dd.MM.yyyy HH:mm", "yyyyMMdd", "yyyyMMddHHmmss", "MM-dd-yyyy", "yyyy-MM-dd'T'HH:mm:ss'Z'"}

// TestDatesQuickly: dates in the form that is declared, and what is nearly so.
func TestDatesQuickly(t *testing.T) {
	t.Parallel()
	for _, form := range layoutForms {
		require.True(t, transform.HasLayout(form), form)
	}
	for _, form := range []string{"dmy", "epoch", "d/M/yyyy", "d MMM yyyy", "dd/MM/yy", "dd/MM/yyyy hh:mm a", "yyyy-MM-dd HH:mm:ss.SSS"} {
		require.False(t, transform.HasLayout(form), form)
	}
	read := 0
	rapid.Check(t, func(rt *rapid.T) {
		form := rapid.SampledFrom(layoutForms).Draw(rt, "form")
		text := []byte(nearDate(rt, form))
		for range rapid.IntRange(0, 2).Draw(rt, "changes") {
			if len(text) > 0 {
				text[rapid.IntRange(0, len(text)-1).Draw(rt, "at")] = rapid.SampledFrom([]byte("0123456789 -/:.TZ+a\x00\xff")).Draw(rt, "byte")
			}
		}
		text = append(text, rapid.SampledFrom([]string{"", "", "", " ", "0", "Z", " 10:00"}).Draw(rt, "tail")...)
		quick, general, byPlaces := transform.DateBothWays(string(text), form)
		require.Equal(rt, general, quick, "%q as %s", text, form)
		if byPlaces {
			read++
		}
	})
	require.Positive(t, read, "dates that are read by their places")
}

// nearDate is a date as form says, with parts that there may not be.
func nearDate(rt *rapid.T, form string) string {
	if form == "iso" {
		form = rapid.SampledFrom([]string{"yyyy-MM-dd", "yyyy-MM-dd HH:mm:ss", "yyyy-MM-dd'T'HH:mm:ss"}).Draw(rt, "iso")
	}
	two := func(name string, most int) string { return fmt.Sprintf("%02d", rapid.IntRange(0, most).Draw(rt, name)) }
	return strings.NewReplacer(
		"yyyy", fmt.Sprintf("%04d", rapid.IntRange(0, 2600).Draw(rt, "year")), "MM", two("month", 13), "dd", two("day", 32),
		"HH", two("hour", 25), "mm", two("minute", 61), "ss", two("second", 61), "'", "",
	).Replace(form)
}

// TestMomentsQuickly: in UTC a moment is written without counting seconds. Another name
// of that zone takes the long way.
func TestMomentsQuickly(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		tail := rapid.SampledFrom([]string{"", "", ".5", ".0001", "Z", "+02:00"}).Draw(rt, "tail")
		text := nearDate(rt, "yyyy-MM-dd HH:mm:ss") + tail
		quick, ok := transform.ReadDate(text, "iso", "UTC", false, etl.Text)
		general, ok2 := transform.ReadDate(text, "iso", "Etc/UTC", false, etl.Text)
		require.Equal(rt, ok2, ok, text)
		require.Equal(rt, general, quick, text)
		if at, err := time.Parse(time.DateTime, text); tail == "" && err == nil && at.Year() > 0 {
			require.Equal(rt, at.Format(time.RFC3339), quick)
		}
	})
}

func TestTotalsQuickly(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("long text ", 7)
	cell := rapid.SampledFrom([]string{"", " ", "Total", "Total: 57", "12", "R$ 5,00", "P1", long, strings.Repeat(" ", 70), strings.Repeat("1", 70), "Summe " + strings.Repeat("1", 60)})
	kind := rapid.SampledFrom([]etl.Kind{etl.Text, etl.Text, etl.CellError})
	rapid.Check(t, func(rt *rapid.T) {
		fields := rapid.SliceOfN(cell, 0, 5).Draw(rt, "fields")
		kinds := rapid.SliceOfN(kind, 0, len(fields)).Draw(rt, "kinds")
		quick, general := transform.TotalsBothWays(fields, kinds)
		require.Equal(rt, general, quick, "%q", fields)
	})
}

func TestEncodedTwiceQuickly(t *testing.T) {
	t.Parallel()
	texts := rapid.OneOf(pieces("a", "Ã", "©", "Â", "Ä", "Å", "â", "€", "‚", "ã", "é", "漢", "\u0080", "¤", "eight or more"), rapid.StringN(0, 6, -1))
	rapid.Check(t, func(rt *rapid.T) {
		text := texts.Draw(rt, "text")
		quick, general := transform.SequenceBothWays(text)
		require.Equal(rt, general, quick, "%q", text)
	})
	for r := rune(0x80); r < 0x3000; r++ { // every letter that may begin a sequence
		quick, general := transform.SequenceBothWays(string(r) + "€\u0080\u0080")
		require.Equal(t, general, quick, "%q", r)
	}
}

func TestASCIIQuickly(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		text := pieces("eight by", "a", "\x7f", "\x00", "é", "\x80").Draw(rt, "text")
		want := strings.IndexFunc(text, func(r rune) bool { return r >= utf8.RuneSelf }) < 0
		require.Equal(rt, want, transform.IsASCII(text), "%q", text)
	})
}

func TestNamesColumnQuickly(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		text, name := pieces("a", "b", " ", "(", " (2)").Draw(rt, "text"), pieces("a", "b", " ", "(", " (2)").Draw(rt, "name")
		require.Equal(rt, text == name || strings.HasPrefix(name, text+" ("), transform.NamesColumn(text, name), "%q, %q", text, name)
	})
}

func TestInvisibleQuickly(t *testing.T) {
	t.Parallel()
	for r := rune(0); r <= unicode.MaxRune; r++ {
		quick, general := transform.InvisibleBothWays(r)
		require.Equal(t, general, quick, "%U", r)
	}
}

// TestRecall: several goroutines look for more texts than are kept, and get what
// belongs to each.
func TestRecall(t *testing.T) {
	t.Parallel()
	look := transform.Recalls()
	var group sync.WaitGroup
	for g := range 4 {
		group.Go(func() {
			for i := range 3 * transform.MaxRecalled {
				text := fmt.Sprint("text ", (i*5+g*911)%(transform.MaxRecalled+500))
				if value, known := look(text); known {
					assert.Equal(t, text+text, value)
				}
			}
		})
	}
	group.Wait()
	kept := 0
	for i := range transform.MaxRecalled + 500 {
		if _, known := look(fmt.Sprint("text ", i)); known {
			kept++
		}
	}
	require.Equal(t, transform.MaxRecalled, kept)
}
