package etl

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// AppendCell appends a cell of a CSV with this delimiter, in quotes where encoding/csv puts
// it in quotes, which takes three times as long.
func AppendCell(b []byte, text string, delimiter rune) []byte {
	if !needsQuotes(text, delimiter) {
		return append(b, text...)
	}
	b = append(b, '"')
	for {
		i := strings.IndexByte(text, '"')
		if i < 0 {
			return append(append(b, text...), '"')
		}
		b = append(append(b, text[:i]...), `""`...)
		text = text[i+1:]
	}
}

func needsQuotes(text string, delimiter rune) bool {
	if text == "" {
		return false
	}
	for i := range len(text) {
		if c := text[i]; rune(c) == delimiter && c < utf8.RuneSelf || c == '"' || c == '\r' || c == '\n' {
			return true
		}
	}
	if delimiter >= utf8.RuneSelf && strings.ContainsRune(text, delimiter) {
		return true
	}
	first, _ := utf8.DecodeRuneInString(text)
	return text == `\.` || unicode.IsSpace(first)
}
