package schema

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
)

func itoa(n int) string { return strconv.Itoa(n) }

// Nearest returns the candidate that is most like name, and whether it is near
// enough to be worth suggesting: at most a third of the letters differ, or each
// word of name is like a word of the candidate.
func Nearest(name string, candidates []string) (string, bool) {
	if best, ok := nearest(Fold(name), candidates, Fold); ok {
		return best, true
	}
	var alike []string
	for _, c := range candidates {
		if wordsAlike(words(name), words(c)) {
			alike = append(alike, c)
		}
	}
	slices.SortStableFunc(alike, func(a, b string) int { return len(a) - len(b) })
	if len(alike) == 0 {
		return "", false
	}
	return alike[0], true
}

func nearest(name string, candidates []string, fold func(string) string) (string, bool) {
	want := []rune(name)
	best, bestDistance := "", len(want)/3+1
	for _, c := range candidates {
		if d := distance(want, []rune(fold(c)), bestDistance); d < bestDistance {
			best, bestDistance = c, d
		}
	}
	return best, best != ""
}

func words(name string) []string {
	return strings.FieldsFunc(Fold(name), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

func wordsAlike(name, candidate []string) bool {
	for _, w := range name {
		if _, ok := nearest(w, candidate, func(s string) string { return s }); !ok {
			return false
		}
	}
	return len(name) > 0
}

// distance is the optimal string alignment distance of a and b: insertions,
// deletions, replacements and swaps of neighbours. It stops at limit.
func distance(a, b []rune, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
