package transform

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ticketetl/ticketetl/etl"
)

// numberConverter reads decimal numbers and writes them as HubSpot takes them:
// digits, one '-' in front, one '.'. All digits are kept, so that 1.50 stays
// 1.50 and an id of 18 digits keeps them.
type numberConverter struct {
	decimal byte     // the declared decimal sign; 0: none is declared, nor grouping allowed
	id      bool     // holds ids, so that leading zeros mean something
	signs   []string // that may stand beside a number: currency signs, or %
}

func (n numberConverter) words() string {
	words := "number"
	switch n.decimal {
	case ',':
		words += ", decimal comma"
	case '.':
		words += ", decimal point"
	}
	if len(n.signs) > 0 {
		words += ", without " + strings.Join(n.signs, " ")
	}
	return words
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
	if (n.decimal == 0 || n.decimal == '.') && tidyNumber(text) {
		return text, nil
	}
	return n.readAny(text)
}

func (n numberConverter) readAny(text string) (string, *flaw) {
	s := strings.TrimSpace(seenOnly(text))
	if (n.decimal == 0 || n.decimal == '.') && plainNumber(s) {
		return n.tidy(s, text)
	}
	s, minus, percent := n.bare(s)
	whole, fraction, ok := n.parts(s)
	if !ok {
		return "", flawOf(CodeInvalidNumber, n.hint(s), "%s is not a number", quote(text))
	}
	if percent {
		whole, fraction = hundredth(whole, fraction)
	}
	if fraction != "" {
		whole += "." + fraction
	}
	if minus {
		whole = "-" + whole
	}
	return n.tidy(whole, text)
}

// bare takes the minus and a declared sign off s, in either order: -R$ 5, R$ -5.
func (n numberConverter) bare(s string) (bare string, minus, percent bool) {
	s, minus, signed := takeMinus(s)
	for _, sign := range n.signs {
		rest, found := takeSign(s, sign)
		if !found {
			continue
		}
		if !signed {
			rest, minus, _ = takeMinus(rest)
		}
		return rest, minus, sign == "%"
	}
	return s, minus, false
}

func takeMinus(s string) (rest string, minus, signed bool) {
	switch {
	case strings.HasPrefix(s, "-"):
		return s[1:], true, true
	case strings.HasPrefix(s, "\u2212"): // the minus sign of typesetters
		return s[len("\u2212"):], true, true
	case strings.HasPrefix(s, "+"):
		return s[1:], false, true
	}
	return s, false, false
}

// takeSign takes sign off the front or the end of s, with the blanks between.
func takeSign(s, sign string) (rest string, found bool) {
	if rest, found = strings.CutPrefix(s, sign); found && sign != "%" {
		return strings.TrimSpace(rest), true
	}
	if rest, found = strings.CutSuffix(s, sign); found {
		return strings.TrimSpace(rest), true
	}
	return s, false
}

// hundredth moves the decimal point two places, so that no digit changes.
func hundredth(whole, fraction string) (string, string) {
	digits := "00" + whole
	cut := len(digits) - 2
	fraction = strings.TrimRight(digits[cut:]+fraction, "0")
	return digits[:cut], fraction
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

// tidyNumber says whether s is a number that readAny returns as it is: digits, none
// of them 0 in front, maybe a point and more digits.
func tidyNumber(s string) bool {
	if s == "" || s[0] < '1' || s[0] > '9' {
		return false
	}
	point := -1
	for i := 1; i < len(s); i++ {
		if c := s[i]; c == '.' && point < 0 {
			point = i
		} else if c < '0' || c > '9' {
			return false
		}
	}
	return point < len(s)-1
}

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// currencySign is what stands around a currency sign: R$ in "R$ 5", € in "5 €".
func currencySign(s string) string {
	sign := strings.TrimFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.Is(unicode.Sc, r) })
	if end := strings.IndexFunc(sign, func(r rune) bool { return unicode.IsDigit(r) || unicode.IsSpace(r) }); end >= 0 {
		sign = sign[:end]
	}
	return sign
}

// hint says what about s keeps it from being a number.
func (n numberConverter) hint(s string) string {
	has := func(set string) bool { return strings.ContainsAny(s, set) }
	switch {
	case s == "":
		return ""
	case has("%"):
		return `declare it in the mapping, signs: "%", which makes a fraction of it as HubSpot stores percentages; or remove the percent sign`
	case has("$€£¥₹"):
		return fmt.Sprintf("declare it in the mapping, signs: %q, or remove the currency sign", currencySign(s))
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
