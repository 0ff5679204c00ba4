package load

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// TestExactNumber: what becomes a number is shown with the digits it had, and a
// number of at most 15 digits becomes one.
func TestExactNumber(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "-", "x", "1e5", "0x10", "1_000", "inf", "NaN", "1,5", " 1", "1234567890123456", "1.2.3", "--1", "٣"} {
		_, ok := exactNumber(text)
		require.False(t, ok, text)
	}
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.StringMatching(`-?[0-9]{1,17}(\.[0-9]{1,5})?`).Draw(rt, "text")
		n, ok := exactNumber(text)
		digits := strings.TrimLeft(strings.NewReplacer("-", "", ".", "").Replace(text), "0")
		require.Equal(rt, len(digits) <= 15, ok)
		if ok {
			want, err := strconv.ParseFloat(text, 64)
			require.NoError(rt, err)
			require.Equal(rt, want, n)
		}
	})
}

// TestMaySuffer: no text is left as it is that a look at each character would escape.
func TestMaySuffer(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.StringOf(rapid.OneOf(rapid.Rune(), rapid.SampledFrom([]rune("a_x0\t\n\r\x00\x1f\uFFFD\uFFFE\uFFFF\U0010FFFD\U0010FFFEé😀")))).Draw(rt, "text")
		if strings.Contains(text, escapes) || strings.ContainsFunc(text, unwritable) {
			require.True(rt, maySuffer(text), "%q", text)
		}
	})
}
