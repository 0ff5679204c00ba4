package transform

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ticketetl/ticketetl/etl"
)

// numberConverter reads decimal numbers and writes them as HubSpot takes them:
// digits, one '-' in front, one '.'. All digits are kept, so that 1.50 stays
// 1.50 and an id of 18 digits keeps them.
type numberConverter struct {
	decimal byte // the declared decimal sign; 0: none is declared, nor grouping allowed
	id      bool // holds ids, so that leading zeros mean something
}

func (n numberConverter) words() string {
	switch n.decimal {
	case ',':
		return "number, decimal comma"
	case '.':
		return "number, decimal point"
	}
	return "number"
}

func (n numberConverter) convert(c cell) (string, *flaw) {
	switch c.kind {
	case etl.Number:
		return numberConverter{id: n.id}.read(c.text)
	case etl.Date, etl.DateTime, etl.Duration:
		return "", flawOf(CodeInvalidNumber, "format the cell as a number", "%s is a %s, not a number", quote(c.text), kindWord(c.kind))
	case etl.Bool:
		return "", flawOf(CodeInvalidNumber, "", "%s is not a number", quote(c.text))
	}
	return n.read(c.text)
}

func kindWord(k etl.Kind) string {
	switch k {
	case etl.Date:
		return "date"
	case etl.DateTime:
		return "date and time"
	case etl.Duration:
		return "time of day"
	case etl.Number:
		return "number"
	case etl.Bool:
		return "true/false cell"
	}
	return "text"
}

// read reads text; its result reads to itself when no decimal sign is declared.
func (n numberConverter) read(text string) (string, *flaw) {
	s := strings.TrimSpace(text)
	if plainNumber(s) && n.decimal == 0 {
		return n.tidy(s, text)
	}
	minus := false
	switch {
	case strings.HasPrefix(s, "-"):
		minus, s = true, s[1:]
	case strings.HasPrefix(s, "\u2212"): // the minus sign of typesetters
		minus, s = true, s[len("\u2212"):]
	case strings.HasPrefix(s, "+"):
		s = s[1:]
	}
	whole, fraction, ok := n.parts(s)
	if !ok {
		return "", flawOf(CodeInvalidNumber, n.hint(s), "%s is not a number", quote(text))
	}
	if fraction != "" {
		whole += "." + fraction
	}
	if minus {
		whole = "-" + whole
	}
	return n.tidy(whole, text)
}

// parts takes the grouping and the decimal sign off s, which has no sign.
func (n numberConverter) parts(s string) (whole, fraction string, ok bool) {
	decimal := n.decimal
	if decimal == 0 {
		decimal = '.'
	}
	whole, fraction, cut := strings.Cut(s, string(decimal))
	if cut && !allDigits(fraction) {
		return "", "", false
	}
	if whole == "" && cut {
		whole = "0"
	}
	if n.decimal != 0 {
		whole, ok = ungroup(whole, decimal)
		return whole, fraction, ok
	}
	return whole, fraction, allDigits(whole)
}

// ungroup takes the signs between groups of three digits out of s. All must be
// the same sign, and none the decimal one. Nobody groups a number that begins
// with 0: in 0.500 the point is a decimal one, whatever is declared.
func ungroup(s string, decimal byte) (string, bool) {
	if allDigits(s) {
		return s, true
	}
	i := strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' })
	if i < 1 || i > 3 || s[0] == '0' {
		return "", false
	}
	sign, size := utf8.DecodeRuneInString(s[i:])
	if byte(sign) == decimal && sign < 0x80 || !strings.ContainsRune(".,' \u00a0\u202f\u2009’", sign) {
		return "", false
	}
	var b strings.Builder
	b.WriteString(s[:i])
	for rest := s[i:]; rest != ""; rest = rest[size+3:] {
		if r, _ := utf8.DecodeRuneInString(rest); r != sign || len(rest) < size+3 || !allDigits(rest[size:size+3]) {
			return "", false
		}
		b.WriteString(rest[size : size+3])
	}
	return b.String(), true
}

// tidy brings a plain number to its canonical form: no zeros in front, no minus
// before zero. The value stays exactly what it is.
func (n numberConverter) tidy(s, text string) (string, *flaw) {
	minus := s[0] == '-'
	digits := strings.TrimPrefix(s, "-")
	if digits[0] != '0' && !minus {
		return s, nil
	}
	bare := strings.TrimLeft(digits, "0")
	if bare == "" || bare[0] == '.' {
		bare = "0" + bare
	}
	if n.id && len(bare) < len(digits) {
		return "", flawOf(CodeInvalidNumber, "a number property does not keep them; map the column to a text property",
			"the zeros in front of %s would be lost", quote(text))
	}
	if minus && strings.Trim(bare, "0.") != "" {
		bare = "-" + bare
	}
	if len(bare) == len(s) {
		return s, nil
	}
	return bare, nil
}

func plainNumber(s string) bool {
	whole, fraction, cut := strings.Cut(strings.TrimPrefix(s, "-"), ".")
	return allDigits(whole) && (!cut || allDigits(fraction))
}

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// hint says what about s keeps it from being a number.
func (n numberConverter) hint(s string) string {
	has := func(set string) bool { return strings.ContainsAny(s, set) }
	switch {
	case s == "":
		return ""
	case has("%"):
		return "remove the percent sign; HubSpot stores a percentage as a fraction"
	case has("$€£¥₹") || strings.Contains(s, "R$"):
		return "remove the currency sign"
	case s[0] == '(' || s[len(s)-1] == '-':
		return "write a minus in front of negative numbers"
	case strings.ContainsAny(s, "eE") && strings.IndexFunc(s, isOtherLetter) < 0:
		return "write it without an exponent"
	case n.decimal == 0 && has(",.'\u00a0 "):
		return `say which decimal sign is used: decimal: "," or decimal: "." in the mapping`
	case n.decimal != 0 && has(",.'’ \u00a0\u202f\u2009"):
		return `the decimal sign is declared as "` + string(n.decimal) + `", groups have three digits`
	}
	return "only digits are numbers here"
}

func isOtherLetter(r rune) bool { return unicode.IsLetter(r) && r != 'e' && r != 'E' }
