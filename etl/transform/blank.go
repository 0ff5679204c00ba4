package transform

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// isBlank says whether s has nothing that can be seen: white space, and characters
// that have no shape of their own, such as the zero-width space.
func isBlank(s string) bool {
	return (s == "" || s[0]-'!' >= utf8.RuneSelf-'!') && hasNoShape(s) // a sign of ASCII is told here
}

func hasNoShape(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return !unicode.IsSpace(r) && !isInvisible(r) }) < 0
}

// isInvisible says whether r shows nothing and is no white space: what Unicode calls
// default ignorable, and the blank of Braille.
func isInvisible(r rune) bool {
	if r < 0xAD || r >= 'À' && r <= 'ʯ' || r >= 'Ѐ' && r <= 'џ' || r >= '一' && r <= '鿿' {
		return false // the letters of most languages
	}
	return inTables(r)
}

func inTables(r rune) bool {
	return r == '\u2800' || unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) &&
		!unicode.Is(unicode.Prepended_Concatenation_Mark, r)
}

// invisibleIn names the first invisible character of s; empty when there is none.
func invisibleIn(s string) string {
	if isASCII(s) {
		return ""
	}
	i := strings.IndexFunc(s, isInvisible)
	if i < 0 {
		return ""
	}
	r, _ := utf8.DecodeRuneInString(s[i:])
	return fmt.Sprintf("U+%04X", r)
}

// unseen is what is told of a cell that counts as blank though there are characters
// in it; nil of one that is really blank.
func unseen(text string) *flaw {
	r := invisibleIn(text)
	if r == "" {
		return nil
	}
	return &flaw{
		code: CodeInvisibleText, warning: true,
		message: "the cell has only characters that cannot be seen (" + r + "), and counts as blank",
		hint:    "empty it, or write what is meant",
	}
}

// seenOnly is s without characters that cannot be seen: marks of direction stand
// between the parts of dates and numbers in Arabic and Hebrew.
func seenOnly(s string) string {
	if invisibleIn(s) == "" {
		return s
	}
	return strings.Map(func(r rune) rune {
		if isInvisible(r) {
			return -1
		}
		return r
	}, s)
}

// outerInvisible names an invisible character at either end of s; empty when there
// is none.
func outerInvisible(s string) string {
	first, _ := utf8.DecodeRuneInString(s)
	last, _ := utf8.DecodeLastRuneInString(s)
	if isInvisible(first) {
		return invisibleIn(string(first))
	}
	return invisibleIn(string(last))
}

// isASCII says whether s has no letters beyond ASCII, eight bytes at a time.
func isASCII(s string) bool {
	for ; len(s) >= 8; s = s[8:] {
		if wordOf(s)&tops != 0 {
			return false
		}
	}
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

const ones, tops = 0x0101010101010101, 0x8080808080808080

// wordOf is the first eight bytes of s, the first the lowest.
func wordOf(s string) uint64 {
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}
