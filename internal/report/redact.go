package report

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ticketetl/ticketetl/etl"
)

// Redacted stands in the place of a hidden value.
const Redacted = "[redacted]"

// redact returns copies of rec and out, for reports only, that hold no value of
// a cell. Messages and hints lose what stands in quotes, unless it names a
// column or property, and every value of the row that they repeat.
func redact(rec *etl.Record, out etl.Outcome) (*etl.Record, etl.Outcome) {
	hidden := *rec
	hidden.Key = hide(rec.Key)
	hidden.Properties = slices.Clone(rec.Properties)
	for i := range hidden.Properties {
		hidden.Properties[i].Value = hide(hidden.Properties[i].Value)
	}
	m := newMask(rec, out.Problems)
	out.Problems = slices.Clone(out.Problems)
	for i := range out.Problems {
		p := &out.Problems[i]
		p.Value = hide(p.Value)
		p.Message = m.hide(p.Message, p.Property)
		p.Hint = m.hide(p.Hint, p.Property)
	}
	return &hidden, out
}

func hide(value string) string {
	if value == "" {
		return ""
	}
	return Redacted
}

// A mask knows the values of one row.
type mask struct {
	values []string // lower case, longest first
	names  []string // that may be seen
}

func newMask(rec *etl.Record, problems []etl.Problem) *mask {
	m := &mask{}
	for _, field := range rec.Fields {
		m.add(field)
	}
	for _, p := range rec.Properties {
		m.add(p.Value)
		m.names = append(m.names, p.Name)
	}
	for _, ref := range rec.References {
		m.add(ref.Value)
	}
	for i := range problems {
		m.add(problems[i].Value)
	}
	m.add(rec.Key)
	if rec.Header != nil {
		m.names = append(m.names, rec.Header.Names()...)
	}
	slices.SortFunc(m.values, func(a, b string) int { return len(b) - len(a) })
	m.values = slices.Compact(m.values)
	return m
}

// add notes a value and the parts of one that holds several.
func (m *mask) add(value string) {
	value = strings.ToLower(strings.TrimSpace(value))
	parts := strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(";,|\n", r) })
	for _, part := range append(parts, value) {
		if part = strings.TrimSpace(part); part != "" {
			m.values = append(m.values, part)
		}
	}
}

// quoted is a stretch in double quotes, or from a quote to the end.
var quoted = regexp.MustCompile(`"(?:[^"\\]|\\.)*(?:"|$)`)

func (m *mask) hide(text, property string) string {
	var b strings.Builder
	last := 0
	for _, at := range quoted.FindAllStringIndex(text, -1) {
		b.WriteString(m.hideValues(text[last:at[0]]))
		b.WriteString(m.hideQuoted(text[at[0]:at[1]], property))
		last = at[1]
	}
	b.WriteString(m.hideValues(text[last:]))
	return b.String()
}

func (m *mask) hideQuoted(text, property string) string {
	name := strings.Trim(text, `"`)
	if name == property && name != "" || slices.Contains(m.names, name) {
		return text
	}
	return `"` + Redacted + `"`
}

// hideValues hides the values of the row where they stand as words.
func (m *mask) hideValues(text string) string {
	lower := strings.ToLower(text)
	if len(lower) != len(text) {
		return Redacted // letters that change their length; rare enough to give up
	}
	for _, value := range m.values {
		for from := 0; ; {
			i := strings.Index(lower[from:], value)
			if i < 0 {
				break
			}
			start, end := from+i, from+i+len(value)
			if !wordBounds(lower, start, end) {
				from = start + 1
				continue
			}
			text = text[:start] + Redacted + text[end:]
			// Zeros keep the place, so that no shorter value is found inside.
			lower = lower[:start] + strings.Repeat("\x00", len(Redacted)) + lower[end:]
			from = start + len(Redacted)
		}
	}
	return text
}

func wordBounds(s string, start, end int) bool {
	before, _ := utf8.DecodeLastRuneInString(s[:start])
	after, _ := utf8.DecodeRuneInString(s[end:])
	return !isWord(before) && !isWord(after)
}

func isWord(r rune) bool {
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r))
}
