package hubspot_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ticketetl/ticketetl/internal/hubspot"
)

// Insides of JSON strings, right and wrong.
var insides = []string{
	``, `plain`, `plain, and longer than eight`, `\"\\\/\b\f\n\r\t`, `aé😀`, `\u00e9\u00E9\u0000`, `\ud83d\ude00`, `\ud83d`, `\ude00`, `\ud83d\u0041`, `\ud83dx`, `\ud83d\ud83d\ude00`,
	`\u12`, `\uzzzz`, `\ud83d\u12`, `\x`, `\`, `ends with \`, `a"b`, "line\nend", "\x00", "12345678\x1f", `1234567\n`, "1234567\"", `\'`,
}

func requireUnquoted(t require.TestingT, inside string) {
	got, ok := hubspot.AppendUnquoted(nil, []byte(inside))
	var want string
	err := json.Unmarshal([]byte(`"`+inside+`"`), &want)
	require.Equal(t, err == nil, ok, "%q", inside)
	if ok {
		require.Equal(t, want, string(got))
	}
}

// FuzzAppendUnquoted holds the decoder of texts against encoding/json.
func FuzzAppendUnquoted(f *testing.F) {
	for _, inside := range insides {
		f.Add(inside)
	}
	f.Fuzz(func(t *testing.T, inside string) {
		if utf8.ValidString(inside) {
			requireUnquoted(t, inside)
		}
	})
}

// Every escape, quote and control character is seen at every place of a word.
func TestTextsAreReadAtEveryPlace(t *testing.T) {
	t.Parallel()
	for before := range 10 {
		for _, inside := range insides {
			requireUnquoted(t, strings.Repeat("x", before)+inside+"tail")
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		requireUnquoted(rt, rapid.StringOf(rapid.RuneFrom([]rune("ab\\\"u0dD8é😀\x01\x7f\n"))).Draw(rt, "inside"))
	})
}

// TestVerbatim: what is taken as it is is what a loop over the bytes takes.
func TestVerbatim(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.SliceOf(rapid.OneOf(rapid.Byte(), rapid.SampledFrom([]byte("\"\\ \x1f\x20\x21\x22\x23\x5b\x5d\x7f\x80\xff\x00")), rapid.Just(byte('a')))).Draw(rt, "text")
		want := 0
		for want < len(text) && text[want] >= ' ' && text[want] != '"' && text[want] != '\\' {
			want++
		}
		require.Equal(rt, want, hubspot.Verbatim(text))
		require.Equal(rt, want, hubspot.Verbatim(string(text)))
	})
}
