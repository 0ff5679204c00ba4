package transform

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/ticketetl/ticketetl/etl"
)

// maxText is how many characters HubSpot stores in a property.
// Source: "Property value limits": 65,536 characters.
const maxText = 65_536

// A cell is what is to be converted: a field of the record, or a text of the
// mapping in its place.
type cell struct {
	text  string
	kind  etl.Kind
	valid bool // text is known to be UTF-8 without NUL characters
}

// A flaw is what is wrong with one cell. Where it is a warning the conversion
// has a result all the same.
type flaw struct {
	code, message, hint string
	warning             bool
	column              int // number of the column that is to blame, from 1; 0: the one that was read
}

// A converter brings cells to the form in which HubSpot stores values of one
// property. It is called with cells that are not blank, and must be safe for
// several goroutines. A result converts to itself.
type converter interface {
	convert(c cell) (string, *flaw)

	// words says for people what happens: "date, day before month".
	words() string
}

func flawOf(code, hint, format string, args ...any) *flaw {
	return &flaw{code: code, message: fmt.Sprintf(format, args...), hint: hint}
}

// quote is s in quotes for a message, shortened where it is long.
func quote(s string) string {
	const most = 80
	if utf8.RuneCountInString(s) > most {
		runes := []rune(s)
		s = string(runes[:most]) + "…"
	}
	return fmt.Sprintf("%q", s)
}

// textConverter passes texts through as they are.
type textConverter struct{}

func (textConverter) words() string { return "text, as it is" }

func (textConverter) convert(c cell) (string, *flaw) {
	if !c.valid || len(c.text) > maxText {
		if f := textFlaw(c.text); f != nil {
			return "", f
		}
	}
	if encodedTwice(c.text) {
		return c.text, twiceText
	}
	if c.kind == etl.Text && guarded(c.text) {
		return c.text, guardedText
	}
	if c.kind == etl.Text && asFormula(c.text) {
		return c.text, formulaText
	}
	return c.text, nil
}

// asFormula says whether s is written ="00123", as exports do to keep zeros in
// front in spreadsheet programs.
func asFormula(s string) bool {
	return len(s) > 3 && strings.HasPrefix(s, `="`) && strings.IndexByte(s[2:], '"') == len(s)-3
}

// cutShort says whether s is what a spreadsheet program leaves of a long number:
// 4.50E+11.
func cutShort(s string) bool {
	digits, exponent, ok := strings.Cut(s, "E+")
	return ok && len(exponent) > 1 && allDigits(exponent) && len(digits) > 2 && (digits[1] == '.' || digits[1] == ',') &&
		allDigits(digits[:1]) && allDigits(digits[2:])
}

var formulaText = &flaw{
	code: CodeGuardedText, warning: true,
	message: "the text is written as a formula, as exports do it to keep zeros in front; it is written as it stands",
	hint:    `if only what stands between the quotes is meant, take it out in the mapping with expr, e.g. extract(row["Code"], "^=\"(.*)\"$")`,
}

// guarded says whether s begins with the apostrophe that keeps a spreadsheet
// program from running a cell as a formula. It may be a part of the text as
// well, so it is only told.
func guarded(s string) bool {
	return len(s) > 1 && s[0] == '\'' && (strings.IndexByte("=+-@\t\r", s[1]) >= 0 || etl.UnguardCell(s) != s)
}

var guardedText = &flaw{
	code: CodeGuardedText, warning: true,
	message: "the text begins with an apostrophe before a sign of formulas, as an export for people puts it there; it is written as it stands",
	hint:    "export with --values raw to import again, or remove the apostrophe",
}

// textFlaw says why HubSpot could not store s as it is.
func textFlaw(s string) *flaw {
	switch {
	case strings.IndexByte(s, 0) >= 0:
		return flawOf(CodeInvalidText, "remove it; it cannot be stored", "there is a NUL character in the text")
	case !utf8.ValidString(s):
		return flawOf(CodeInvalidText, "check source.encoding of the mapping", "%s is not valid text", quote(s))
	case len(s) > maxText:
		if n := utf8.RuneCountInString(s); n > maxText {
			return flawOf(CodeTooLong, "shorten it, or split it over several properties",
				"the text has %d characters, HubSpot stores at most %d", n, maxText)
		}
	}
	return nil
}

// boolConverter reads yes and no.
type boolConverter struct{ labels map[string]string } // by folded label of the account

// boolWords are the words for yes and no, folded.
var boolWords = map[string]string{
	"true": "true", "yes": "true", "y": "true", "1": "true", "x": "true",
	"sim": "true", "s": "true", "si": "true", "sí": "true", "ja": "true", "oui": "true", "verdadeiro": "true",
	"false": "false", "no": "false", "n": "false", "0": "false",
	"não": "false", "nao": "false", "nein": "false", "non": "false", "falso": "false",
	// As spreadsheet programs save truth values in other languages, and people write them.
	"wahr": "true", "vrai": "true", "verdadero": "true", "vero": "true", "waar": "true", "sant": "true", "sand": "true", "sann": "true", "tosi": "true", "prawda": "true", "pravda": "true", "igaz": "true", "doğru": "true", "истина": "true",
	"falsch": "false", "faux": "false", "onwaar": "false", "falskt": "false", "falsk": "false", "usann": "false", "epätosi": "false", "fałsz": "false", "nepravda": "false", "hamis": "false", "yanlış": "false", "yanliş": "false", "ложь": "false",
	"sì": "true", "tak": "true", "ano": "true", "áno": "true", "igen": "true", "evet": "true", "kyllä": "true", "да": "true", "так": "true", "はい": "true", "是": "true", "예": "true", "نعم": "true", "כן": "true",
	"nee": "false", "nej": "false", "nei": "false", "nie": "false", "ne": "false", "nem": "false", "hayır": "false", "ei": "false", "нет": "false", "ні": "false", "いいえ": "false", "否": "false", "아니요": "false", "아니오": "false", "لا": "false", "לא": "false",
}

func (boolConverter) words() string { return "yes/no → true/false" }

func (b boolConverter) convert(c cell) (string, *flaw) {
	text := strings.TrimSpace(c.text)
	if text == "true" || text == "false" {
		return text, nil
	}
	folded := strings.ToLower(text)
	if v, ok := b.labels[folded]; ok {
		return v, nil
	}
	if v, ok := boolWords[folded]; ok {
		return v, nil
	}
	return "", flawOf(CodeInvalidBool, "write true or false, or translate it with a table of values in the mapping",
		"%s is neither yes nor no", quote(c.text))
}

// phoneConverter checks that a text can be a telephone number. How HubSpot
// judges properties of type phone_number is not documented; the rule is that of
// the sandbox, so that what is found good is stored there.
type phoneConverter struct{}

func (phoneConverter) words() string { return "telephone number, as it is" }

func (phoneConverter) convert(c cell) (string, *flaw) {
	text := strings.TrimSpace(c.text)
	digits := 0
	for i, r := range text {
		switch {
		case r >= '0' && r <= '9':
			digits++
		case r == '+' && i == 0, strings.ContainsRune(" ().-/ext", r):
		default:
			return "", notPhone(c.text)
		}
	}
	if digits < 3 {
		return "", notPhone(c.text)
	}
	return text, nil
}

func notPhone(text string) *flaw {
	return flawOf(CodeInvalidPhone, "write it like +55 11 4002-8922 ext 12", "%s is not a telephone number", quote(text))
}
