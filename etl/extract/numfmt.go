package extract

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// A format is what a number format tells about the values that it shows.
type format struct {
	date    bool   // year, month or day
	clock   bool   // hour, minute or second
	elapsed bool   // [h], [m] or [s]: a length of time
	millis  bool   // parts of a second
	mask    string // of a format of zeros and literal text, such as 00000 or 000\-00: what it shows
	other   string // the mask where the condition of the first does not hold
	holds   condition
	either  bool // a date, a time or both, as the value has it
}

// dated says whether a number so formatted is a point or a length of time.
func (f *format) dated() bool { return f.date || f.clock || f.elapsed || f.either }

// builtIn classifies the number formats that a workbook does not spell out.
//
// Source: ECMA-376 part 1, 18.8.30 (numFmt); 27 to 36, 50 to 58 and 71 to 81
// depend on the language and are dates or times in all that have them.
func builtIn(id int) format {
	switch {
	case id >= 14 && id <= 17:
		return format{date: true}
	case id == 18 || id == 19 || id == 20 || id == 21 || id == 45:
		return format{clock: true}
	case id == 22:
		return format{date: true, clock: true}
	case id == 46:
		return format{elapsed: true}
	case id == 47:
		return format{clock: true, millis: true}
	case id >= 27 && id <= 36, id >= 50 && id <= 58, id >= 71 && id <= 81:
		return format{either: true}
	}
	return format{}
}

// classify reads the code of a number format, such as "[$-416]dd/mm/yyyy hh:mm".
// Its first section is what counts; the others are for negative numbers, zero
// and text.
func classify(code string) format {
	tokens, others := section(code)
	if f, ok := maskFormat(tokens, others); ok {
		return f
	}
	var f format
	var rest strings.Builder // without literal text
	for _, t := range tokens {
		switch t.kind {
		case bracketToken:
			f.elapsed = f.elapsed || isElapsed(t.text)
		case placeToken:
			rest.WriteString(strings.ToLower(t.text))
		}
	}
	plain := strings.ReplaceAll(rest.String(), "general", "")
	if !f.elapsed && isNumeric(plain) {
		return format{}
	}
	f.clock = strings.ContainsAny(plain, "hs") || strings.Contains(plain, "am/pm") || strings.Contains(plain, "a/p")
	f.date = strings.ContainsAny(plain, "ydebg") || strings.Contains(plain, "aaa") || strings.Contains(plain, "mmm") ||
		strings.Contains(plain, "m") && !f.clock && !f.elapsed
	f.millis = strings.Contains(plain, "s.0") || strings.Contains(plain, "s,0") || f.elapsed && strings.Contains(plain, ".0")
	f.elapsed = f.elapsed && !f.date
	return f
}

// maskFormat reads a format that pads with zeros; one with a condition, such as
// [<=99999]00000;00000\-0000, if it has two sections and both pad.
func maskFormat(tokens []formatToken, others string) (format, bool) {
	mask, holds, ok := maskOf(tokens)
	if !ok || holds.sign == "" {
		return format{mask: mask}, ok
	}
	tokens, rest := section(others)
	other, second, ok := maskOf(tokens)
	return format{mask: mask, holds: holds, other: other}, ok && rest == "" && second.sign == ""
}

// anyDigit stands in a mask for '#', which shows a digit only where there is one.
const anyDigit = "\x01"

// maskOf is the mask of a section, and its condition.
func maskOf(tokens []formatToken) (mask string, holds condition, ok bool) {
	var rest, shown strings.Builder // without and with literal text
	for _, t := range tokens {
		switch t.kind {
		case bracketToken:
			if isElapsed(t.text) {
				return "", holds, false
			}
			if strings.ContainsAny(t.text, "<>=") && !holds.parse(t.text) {
				return "", holds, false
			}
		case literalToken:
			shown.WriteString(strings.ReplaceAll(t.text, "0", "\x00"))
		default:
			rest.WriteString(strings.ToLower(t.text))
			shown.WriteString(strings.ReplaceAll(t.text, "#", anyDigit))
		}
	}
	mask = shown.String()
	if first := strings.IndexByte(mask, '0'); first >= 0 { // there the digits stand that a mask has no place for
		mask = strings.TrimRight(mask[:first], anyDigit) + mask[first:]
	}
	plain := strings.TrimLeft(strings.ReplaceAll(rest.String(), "general", ""), "#")
	return mask, holds, isMask(plain, mask) && !strings.Contains(mask, anyDigit)
}

// A condition is what a section of a format asks of a number.
type condition struct {
	sign  string // "" is none
	limit float64
}

func (c *condition) parse(text string) bool {
	c.sign = text[:len(text)-len(strings.TrimLeft(text, "<>="))]
	limit, err := strconv.ParseFloat(text[len(c.sign):], 64)
	c.limit = limit
	return err == nil && slices.Contains([]string{"<", "<=", ">", ">=", "=", "<>"}, c.sign)
}

func (c condition) of(value float64) bool {
	switch c.sign {
	case "<":
		return value < c.limit
	case "<=":
		return value <= c.limit
	case ">":
		return value > c.limit
	case ">=":
		return value >= c.limit
	case "=":
		return value == c.limit
	case "<>":
		return value != c.limit
	}
	return true
}

// maskFor is the mask that shows value.
func (f format) maskFor(value float64) string {
	if f.holds.of(value) {
		return f.mask
	}
	return f.other
}

// isMask says whether a format pads to several digits, as those of ids, postal
// codes and the like do: 00000, 000\-00\-0000, "INC"0000000. A unit behind one
// or two digits is none.
func isMask(plain, mask string) bool {
	zeros := strings.Count(plain, "0")
	worded := strings.IndexFunc(mask, unicode.IsLetter) >= 0
	return zeros > 1 && strings.Trim(plain, "0-() ") == "" && (zeros > 2 || !worded)
}

// fillMask shows digits as mask does, from the right; those that it has no
// place for stand before its first.
func fillMask(mask, digits string) string {
	first := strings.IndexByte(mask, '0')
	shown := make([]byte, 0, len(mask)+len(digits))
	for i := len(mask) - 1; i >= 0; i-- {
		switch {
		case mask[i] == 0:
			shown = append(shown, '0')
		case mask[i] != '0':
			shown = append(shown, mask[i])
		case digits == "":
			shown = append(shown, '0')
		default:
			shown = append(shown, digits[len(digits)-1])
			digits = digits[:len(digits)-1]
		}
		for i == first && digits != "" {
			shown = append(shown, digits[len(digits)-1])
			digits = digits[:len(digits)-1]
		}
	}
	slices.Reverse(shown)
	return string(shown)
}

// isNumeric says whether the placeholders of plain are those of a number: a
// format of times has zeros only behind the seconds, as their parts.
func isNumeric(plain string) bool {
	if strings.ContainsAny(plain, "#?@") || strings.Contains(plain, "e+") || strings.Contains(plain, "e-") {
		return true
	}
	zero := strings.IndexByte(plain, '0')
	return zero >= 0 && !strings.ContainsAny(plain[:zero], "s")
}

// isElapsed: the letters in brackets are h, m or s, repeated.
func isElapsed(letters string) bool {
	letters = strings.ToLower(letters)
	return letters != "" && strings.Trim(letters, letters[:1]) == "" && strings.Contains("hms", letters[:1])
}

// A formatToken is a part of a number format.
type formatToken struct {
	kind tokenKind
	text string // without the brackets or quotes
}

type tokenKind uint8

const (
	placeToken   tokenKind = iota // a letter that stands for a part of the value
	literalToken                  // text that is shown as it is
	bracketToken                  // colour, condition, language, elapsed time
)

// section splits the first section of a format code; rest are the others.
func section(code string) (tokens []formatToken, rest string) {
	at := 0
	for at < len(code) && code[at] != ';' {
		rest := code[at:]
		t := formatToken{text: firstRune(rest)}
		size := len(t.text)
		switch rest[0] {
		case '\\': // the next letter is literal
			t = formatToken{literalToken, firstRune(rest[1:])}
			size += len(t.text)
		case '_', '*': // the next letter is a width or a filler
			size += len(firstRune(rest[1:]))
			t = formatToken{kind: literalToken}
		case '"':
			size += through(rest[1:], '"')
			t = formatToken{literalToken, strings.TrimSuffix(rest[1:size], `"`)}
		case '[':
			size += through(rest[1:], ']')
			t = formatToken{bracketToken, strings.TrimSuffix(rest[1:size], "]")}
		}
		tokens = append(tokens, t)
		at += size
	}
	return tokens, strings.TrimPrefix(code[at:], ";")
}

func firstRune(s string) string {
	for i := range s {
		if i > 0 {
			return s[:i]
		}
	}
	return s
}

// through is how many bytes of s there are up to and with end.
func through(s string, end byte) int {
	if i := strings.IndexByte(s, end); i >= 0 {
		return i + 1
	}
	return len(s)
}
