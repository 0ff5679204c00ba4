package transform

import (
	"errors"
	"math"
	"regexp"
	"strings"
	"sync"
)

// The functions of expressions that need no settings of the mapping.

var errTooLong = errors.New("the result is too long")

func replaceAll(s, old, with string) (string, error) {
	if old == "" {
		return "", errors.New("replace needs a text to look for")
	}
	if n := strings.Count(s, old); len(s)+n*len(with) > maxExpressionText {
		return "", errTooLong
	}
	return strings.ReplaceAll(s, old, with), nil
}

// patterns are the regular expressions of mappings, which stand in them as
// texts, so that there are few.
var patterns sync.Map

func patternOf(text string) (*regexp.Regexp, error) {
	if p, ok := patterns.Load(text); ok {
		return p.(*regexp.Regexp), nil
	}
	p, err := regexp.Compile(text)
	if err == nil {
		patterns.Store(text, p)
	}
	return p, err
}

// extractOf is the first match of pattern in s, or of its first group if it has
// one; empty when there is none.
func extractOf(s, pattern string) (string, error) {
	p, err := patternOf(pattern)
	if err != nil {
		return "", err
	}
	found := p.FindStringSubmatch(s)
	if found == nil {
		return "", nil
	}
	return found[min(1, len(found)-1)], nil
}

// replaceMatches replaces all matches of pattern; $1 in with is the first group.
func replaceMatches(s, pattern, with string) (string, error) {
	p, err := patternOf(pattern)
	if err != nil {
		return "", err
	}
	var out []byte
	end := 0
	for _, at := range p.FindAllStringSubmatchIndex(s, -1) {
		out = p.ExpandString(append(out, s[end:at[0]]...), with, s, at)
		if end = at[1]; len(out) > maxExpressionText {
			return "", errTooLong
		}
	}
	return string(append(out, s[end:]...)), nil
}

// nthPart is the n-th of the parts of s between separators, without outer
// blanks: from 1, or from -1 for the last; empty when there are fewer.
func nthPart(s, separator string, n int) (string, error) {
	if separator == "" || n == 0 {
		return "", errors.New("part needs a separator, and a number that is not 0")
	}
	parts := strings.Split(s, separator)
	if n < 0 {
		n += len(parts) + 1
	}
	if n < 1 || n > len(parts) {
		return "", nil
	}
	return strings.TrimSpace(parts[n-1]), nil
}

// coalesce is the first of texts that is not blank.
func coalesce(texts []any) string {
	for _, t := range texts {
		if s := t.(string); !isBlank(s) {
			return s
		}
	}
	return ""
}

// joinFilled joins those of texts that are not blank; the first one is what
// stands between them.
func joinFilled(texts []any) (string, error) {
	var filled []string
	size := 0
	for _, t := range texts[1:] {
		if s := t.(string); !isBlank(s) {
			filled = append(filled, s)
			size += len(s) + len(texts[0].(string))
		}
	}
	if size > maxExpressionText {
		return "", errTooLong
	}
	return strings.Join(filled, texts[0].(string)), nil
}

// roundTo rounds a number half away from zero, to a whole one or to so many
// decimal places.
func roundTo(p []any) (float64, error) {
	x, ok := p[0].(float64)
	if n, isInt := p[0].(int); isInt {
		x, ok = float64(n), true
	}
	if !ok {
		return 0, errors.New("round needs a number; number(x) makes one of a text")
	}
	if len(p) == 1 {
		return math.Round(x), nil
	}
	places, _ := p[1].(int)
	if places < 0 || places > 15 {
		return 0, errors.New("round takes 0 to 15 decimal places")
	}
	scale := math.Pow10(places)
	if rounded := math.Round(x * scale); !math.IsInf(rounded, 0) {
		return rounded / scale, nil
	}
	return x, nil
}
