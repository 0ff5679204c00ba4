package trust_test

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"pgregory.net/rapid"

	"github.com/ticketetl/ticketetl/internal/sandbox"
	"github.com/ticketetl/ticketetl/internal/schema"
)

// A column is one property of a random account with the texts that its cells
// are drawn from.
type column struct {
	property schema.Property
	settings string // of the mapping
	cells    *rapid.Generator[string]
	good     []string // cells that are good, mostly
}

// cell draws a cell; in tame rows most are good.
func (c column) cell(t *rapid.T, tame bool) string {
	if tame && len(c.good) > 0 && rapid.IntRange(0, 9).Draw(t, "wild") > 0 {
		return rapid.SampledFrom(c.good).Draw(t, c.property.Type)
	}
	return c.cells.Draw(t, c.property.Type)
}

func pick(texts ...string) *rapid.Generator[string] { return rapid.SampledFrom(texts) }

// printable are characters of texts; a file with others is none to the program.
var printable = rapid.Rune().Filter(func(r rune) bool { return !unicode.IsControl(r) || r == '\n' || r == '\t' })

// kinds are the types of properties with cells that are likely to be near the
// border between good and bad.
var kinds = []struct {
	kind, field string
	settings    []string
	cells       *rapid.Generator[string]
}{
	{"string", "text", []string{""}, rapid.OneOf(rapid.StringOfN(printable, 0, 12, -1), pick("007", " a ", "A b", "=1+1", "ana@example.com", "a@b", "ÁÉ", "https://example.com/a", "example.com", "+55 11 4002-8922", "a\r\nb"))},
	{"string", "textarea", []string{"", `default: "none"`}, rapid.OneOf(rapid.StringOf(printable), pick("", "line\nline", "\u00a0", "\u2028"))},
	{"string", "html", []string{""}, pick("<b>a</b>", "", "a & b")},
	{"number", "number", []string{"", `decimal: ","`, `decimal: "."`, `{decimal: ",", signs: ["R$", "%"]}`},
		rapid.OneOf(rapid.StringMatching(`-?[0-9]{1,4}([.,][0-9]{1,4})?%?`), pick("", "1e5", "1.234.567,89", "1,234.5", "-0", "0.0", "+5", "--1", ".5", "5.", "R$ 10", "10%", "-007", "0,500", "123456789012345678901", "NaN", "0x10", "१२", "1_000", "Infinity"))},
	{"bool", "booleancheckbox", []string{""}, pick("", "true", "TRUE", "yes", "Sim", "não", "x", "1", "0", "2", "maybe", " true ")},
	{"date", "date", []string{"", "dates: dmy", "dates: mdy", "dates: [iso, dmy, mdy]", "dates: epoch-ms", `dates: "d MMM yyyy"`},
		rapid.OneOf(rapid.StringMatching(`(0?[1-9]|[12][0-9]|3[01])/(0?[1-9]|1[0-2])/20[0-9][0-9]`), pick("", "2024-02-29", "2023-02-29", "2024-01-31 10:00", "2024-01-31T00:00:00Z", "31/12/24", "1704067200000", "1704067200", "5 mar 2024", "0001-01-01", "9999-12-31", "2024-1-5"))},
	{"datetime", "date", []string{"", "dates: dmy", "dates: mdy", "dates: epoch", "{dates: iso, timezone: Europe/Berlin}"},
		rapid.OneOf(rapid.StringMatching(`20[0-9][0-9]-0[1-9]-[0-2][1-8]( [0-2][0-9]:[0-5][0-9](:[0-5][0-9])?)?`), pick("", "2024-03-31 02:30", "2024-10-27 02:30", "2018-11-04 00:00", "2018-02-17 23:30", "2024-01-31T10:00:00.123456Z", "2024-01-31T10:00:00+25:00", "31/01/2024 10:00", "1/31/2024 5:00 PM", "1700000000", "9999-12-31T23:59:59-05:00", "0001-01-01T00:00:00+05:00"))},
	{"phone_number", "phonenumber", []string{""}, pick("", "+55 11 4002-8922", "12", "call me", "(11) 4002 8922 ext 5", "++1 234")},
}

// optionSets are options whose values and labels run into each other.
var optionSets = [][]schema.Option{
	{{Value: "LOW", Label: "Low"}, {Value: "HIGH", Label: "High"}, {Value: "old", Label: "Old", Hidden: true}},
	{{Value: "1", Label: "2"}, {Value: "2", Label: "1"}, {Value: "3", Label: "Três"}},
	{{Value: "a", Label: "vip"}, {Value: "b", Label: "VIP"}, {Value: "c", Label: "Não"}, {Value: "d", Label: "Nao"}},
	{{Value: "x", Label: "A;B"}, {Value: "A", Label: "A"}, {Value: "B", Label: "B"}, {Value: "p;q", Label: "P and Q"}},
	{{Value: "spaced out", Label: "Spaced  Out"}, {Value: "Ünï", Label: "ünï (ünï)"}},
}

// good are cells that most properties of a type and most rules take.
var good = map[string][]string{
	"string": {"", "Abc", "ABC", "abc", "ana@example.com", "https://example.com/a", "+55 11 4002-8922"}, "number": {"", "1", "25", "7"},
	"bool": {"", "true", "sim", "NO"}, "phone_number": {"", "+55 11 4002-8922"},
	"date": {"", "2024-06-03", "2024-06-04"}, "datetime": {"", "2024-06-01", "2024-06-01 10:00"},
}

var optionCells = pick("", "LOW", "low", "Low ", "High", "old", "1", "2", "3", "tres", "vip", "VIP", "Vip", "nao", "NÃO", "A;B", "A; B", "b", "p;q", "P and Q",
	"spaced   OUT", "uni", "Low;High", "Low,High", "a|b", ";", "A;;A", "none", "1;2", "c;d", "x;A", "Low (LOW)")

func ofOptions(t *rapid.T, p schema.Property) column {
	p.Type, p.FieldType = "enumeration", rapid.SampledFrom([]string{"select", "radio", "checkbox"}).Draw(t, "field")
	p.Options = rapid.SampledFrom(optionSets).Draw(t, "options")
	c := column{property: p, cells: optionCells, good: []string{""}}
	for _, o := range p.Options {
		c.good = append(c.good, o.Value, o.Label)
	}
	if p.FieldType == "checkbox" {
		c.settings = rapid.SampledFrom([]string{"", `split: ","`, `split: "|"`}).Draw(t, "split")
	}
	return c
}

// columns draws the further properties of an account.
func columns(t *rapid.T) []column {
	var all []column
	for i := range rapid.IntRange(1, 6).Draw(t, "properties") {
		p := schema.Property{
			Name: "p" + strconv.Itoa(i), Label: "Property " + strconv.Itoa(i), GroupName: "ticketinformation",
			Modification: &schema.Modification{Archivable: true}, Options: []schema.Option{},
		}
		if rapid.IntRange(0, 3).Draw(t, "enumeration") == 0 {
			all = append(all, ofOptions(t, p))
			continue
		}
		k := rapid.SampledFrom(kinds).Draw(t, "kind")
		p.Type, p.FieldType = k.kind, k.field
		if p.FieldType == "text" || p.Type == "number" {
			p.HasUniqueValue = rapid.IntRange(0, 3).Draw(t, "unique") == 0
		}
		if p.Type == "number" && rapid.Bool().Draw(t, "id") {
			p.Name += "_id"
		}
		if p.HasUniqueValue && p.Type == "string" {
			k.cells = pick("T-1", "T-2", "t-1", "one", "")
		}
		all = append(all, column{property: p, settings: rapid.SampledFrom(k.settings).Draw(t, "settings"), cells: k.cells, good: good[k.kind]})
	}
	return all
}

// rules are validation rules that properties of a type may have.
var rules = map[string][]schema.Rule{
	"string": {
		{Type: "REGEX", Arguments: []string{"^[A-Za-z0-9 ]*$", "letters"}}, {Type: "MIN_LENGTH", Arguments: []string{"3"}}, {Type: "MAX_LENGTH", Arguments: []string{"6"}},
		{Type: "ALPHANUMERIC", Arguments: []string{"ALPHANUMERIC"}}, {Type: "ALPHANUMERIC", Arguments: []string{"ALPHA_ONLY"}}, {Type: "ALPHANUMERIC", Arguments: []string{"NUMERIC_ONLY"}},
		{Type: "SPECIAL_CHARACTERS", Arguments: []string{"NOT_ALLOWED"}},
		{Type: "FORMAT", Arguments: []string{"UPPER"}}, {Type: "FORMAT", Arguments: []string{"LOWER"}}, {Type: "FORMAT", Arguments: []string{"CAPITALIZATION"}},
		{Type: "WHITESPACE"}, {Type: "WHITESPACE", Arguments: []string{"ALL"}}, {Type: "WHITESPACE", Arguments: []string{"TRIM"}},
		{Type: "EMAIL"}, {Type: "DOMAIN"}, {Type: "URL"},
		{Type: "EMAIL_ALLOWED_DOMAINS", Arguments: []string{"example.com"}}, {Type: "EMAIL_BLOCKED_DOMAINS", Arguments: []string{"example.com"}},
		{Type: "URL_ALLOWED_DOMAINS", Arguments: []string{"example.com"}}, {Type: "URL_BLOCKED_DOMAINS", Arguments: []string{"example.com"}},
		{Type: "PHONE_NUMBER_WITH_EXPLICIT_COUNTRY_CODE"},
	},
	"number": {{Type: "MIN_NUMBER", Arguments: []string{"0.5"}}, {Type: "MAX_NUMBER", Arguments: []string{"1000"}}, {Type: "DECIMAL", Arguments: []string{"2"}}},
	"date": {
		{Type: "START_DATE", Arguments: []string{"1704067200000"}}, {Type: "END_DATE", Arguments: []string{"1735603200000"}},
		{Type: "AFTER_DURATION", Arguments: []string{"-P1Y"}}, {Type: "BEFORE_DURATION", Arguments: []string{"P1M2D"}},
		{Type: "DAYS_OF_WEEK", Arguments: []string{"MONDAY", "TUESDAY", "FRIDAY"}},
	},
	"datetime": {
		{Type: "START_DATETIME", Arguments: []string{"1704067200000"}}, {Type: "END_DATETIME", Arguments: []string{"1735603200000"}},
		{Type: "AFTER_DATETIME_DURATION", Arguments: []string{"-P1Y"}}, {Type: "BEFORE_DATETIME_DURATION", Arguments: []string{"P6W"}},
		{Type: "DAYS_OF_WEEK", Arguments: []string{"SATURDAY", "SUNDAY"}},
	},
}

// world is an account with the system properties of the default one and those
// of columns.
func world(t *rapid.T, columns []column) *sandbox.World {
	w := sandbox.DefaultWorld()
	s := w.Schema
	s.Account.TimeZone = rapid.SampledFrom([]string{"America/Sao_Paulo", "Europe/Berlin", "UTC", "Asia/Kathmandu"}).Draw(t, "zone")
	s.Rules = map[string][]schema.Rule{}
	for _, c := range columns {
		s.Properties = append(s.Properties, c.property)
		if list := rules[c.property.Type]; list != nil && !strings.HasPrefix(c.settings, "default") && rapid.Bool().Draw(t, "ruled") {
			s.Rules[c.property.Name] = []schema.Rule{rapid.SampledFrom(list).Draw(t, "rule")}
		}
	}
	s.Pipelines = append(s.Pipelines, schema.Pipeline{ID: "900", Label: "support pipeline", DisplayOrder: 9, Stages: []schema.Stage{
		{ID: "901", Label: "Neu"}, {ID: "902", Label: "New"}, {ID: "4", Label: "Zu"},
	}})
	return w
}

var (
	pipelineCells = pick("", "0", "Support Pipeline", "support pipeline", "Suporte", "900", "Onboarding", "nowhere")
	goodStages    = pick("Neu", "Kick-off", "Waiting on us", "Done", "Novo")
	stageCells    = pick("New", "Closed", "4", "1", "Neu", "Escalado", "Suporte / Novo", "Aguardando nos", "Done", "", "never", "901")
	ownerCells    = pick("", "nobody@example.com", "1", "Ana Souza")
)

func yaml(name, header, settings string) string {
	if settings == "" {
		return fmt.Sprintf("  %s: {column: %s}\n", name, header)
	}
	if settings[0] == '{' {
		settings = settings[1 : len(settings)-1]
	}
	return fmt.Sprintf("  %s: {column: %s, %s}\n", name, header, settings)
}
