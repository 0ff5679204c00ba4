package main

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// thousands is n with its digits in groups: 1234567 is "1,234,567".
func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// plural is "1 row", "2 rows".
func plural(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%s %s", thousands(n), many)
}

// oneLine shows the line breaks and tabs of a text.
var oneLine = strings.NewReplacer("\r\n", "⏎", "\n", "⏎", "\r", "⏎", "\t", "⇥")

// short is text on one line of the screen, cut to n characters.
func short(text string, n int) string {
	runes := []rune(strings.ToValidUTF8(oneLine.Replace(text), "�"))
	for i, r := range runes {
		if !unicode.IsPrint(r) {
			runes[i] = '�'
		}
	}
	if len(runes) > n {
		return string(runes[:n-1]) + "…"
	}
	return string(runes)
}
