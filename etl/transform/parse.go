package transform

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"

	"github.com/ticketetl/ticketetl/etl"
)

// maxFile bounds a mapping file, in bytes.
const maxFile = 256 << 10

// maxRow is the last row of a worksheet.
const maxRow = 1 << 20

// Load reads the mapping file at path. The error is Faults when the file can be
// read but is no mapping.
func Load(path string) (*Mapping, error) {
	f, err := os.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("mapping %s: there is no such file; 'ticketetl init FILE -o %s' drafts one", path, path)
	case err != nil:
		return nil, fmt.Errorf("mapping: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, err
	}
	return Parse(path, data)
}

// Parse reads a mapping; name is what its faults begin with. The error is
// Faults, all that can be found without an account.
func Parse(name string, data []byte) (*Mapping, error) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	m := &Mapping{Path: name, Version: 1, places: map[string]place{}, lines: linesOf(data)}
	r := &reader{file: name, places: m.places, lines: m.lines}
	switch {
	case len(data) > maxFile:
		r.fault(place{}, "", "a mapping may have %d bytes", maxFile)
	case !utf8.Valid(data):
		r.fault(place{}, "save it as UTF-8", "the mapping is not UTF-8")
	default:
		if root := r.tree(data); root != nil {
			r.mapping(m, root)
		}
	}
	if err := r.faults.err(); err != nil {
		return nil, err
	}
	return m, nil
}

func pathOf(parts ...string) string { return strings.Join(parts, "\x00") }

func (r *reader) mapping(m *Mapping, root ast.Node) {
	var version string
	r.object(root, nil, fields{
		"version": oneOf(r, &version, "1"),
		"operation": oneOf(r, &m.Operation,
			etl.Create, etl.Update, etl.Upsert, etl.Delete, etl.Associate, etl.Dissociate),
		"source":       func(n ast.Node, path []string) { r.source(&m.Source, n, path) },
		"where":        r.into(&m.Where),
		"key":          func(n ast.Node, path []string) { m.Key = r.key(n, path) },
		"properties":   func(n ast.Node, path []string) { r.properties(m, n, path) },
		"associations": func(n ast.Node, path []string) { r.associations(m, n, path) },
	})
	if _, ok := r.places["operation"]; !ok && isObject(root) {
		r.fault(place{1, 1}, "it is one of create, update, upsert, delete, associate, dissociate", "operation is missing")
	}
}

func isObject(n ast.Node) bool {
	_, ok := n.(*ast.MappingNode)
	return ok
}

func (r *reader) source(s *Source, n ast.Node, path []string) {
	r.object(n, path, fields{
		"sheet":     r.into(&s.Sheet),
		"header":    func(n ast.Node, path []string) { s.Header = r.row(n, path) },
		"encoding":  r.checked(&s.Encoding, checkEncoding),
		"delimiter": r.checked(&s.Delimiter, checkDelimiter),
		"quote":     oneOf(r, &s.Quote, "double", "single", "none"),
		"escape":    oneOf(r, &s.Escape, "double", "backslash"),
		"hidden":    oneOf(r, &s.Hidden, "read", "skip"),
		"timezone":  r.checked(&s.Timezone, checkZone),
		"dates":     r.dates(&s.Dates),
		"decimal":   oneOf(r, &s.Decimal, ",", "."),
		"signs":     r.signs(&s.Signs),
		"blank":     oneOf(r, &s.Blank, "ignore", "clear"),
		"overwrite": oneOf(r, &s.Overwrite, overwriteAlways, overwriteIfEmpty, overwriteNever),
	})
	if s.Delimiter == "tab" {
		s.Delimiter = "\t"
	}
}

// checked reads a text that check finds nothing wrong with.
func (r *reader) checked(to *string, check func(string) (message, hint string)) func(ast.Node, []string) {
	return func(n ast.Node, path []string) {
		text, ok := r.text(n, path)
		if !ok {
			return
		}
		if message, hint := check(text); message != "" {
			r.fault(placeOf(n), hint, "%s", message)
			return
		}
		*to = text
	}
}

func checkEncoding(name string) (message, hint string) {
	if _, err := htmlindex.Get(name); err == nil {
		return "", ""
	}
	if enc, err := ianaindex.IANA.Encoding(name); err == nil && enc != nil {
		return "", ""
	}
	return fmt.Sprintf("unknown encoding %q", name),
		"usual ones are utf-8, utf-16, windows-1252, iso-8859-1, iso-8859-15, windows-1250, shift_jis"
}

func checkDelimiter(text string) (message, hint string) {
	if text == "tab" {
		return "", ""
	}
	if utf8.RuneCountInString(text) != 1 || strings.ContainsAny(text, "\"\r\n\x00") {
		return fmt.Sprintf("delimiter %q is not one character", text), `write ";", ",", "|" or tab`
	}
	return "", ""
}

func checkZone(name string) (message, hint string) {
	if _, err := loadZone(name); err != nil {
		return fmt.Sprintf("unknown time zone %q", name), "write a name such as America/Sao_Paulo, Europe/Berlin or UTC"
	}
	return "", ""
}

// yes reads true or false.
func (r *reader) yes(to *bool) func(ast.Node, []string) {
	var word string
	read := oneOf(r, &word, "true", "false")
	return func(n ast.Node, path []string) {
		read(n, path)
		*to = word == "true"
	}
}

// signs reads one sign that may stand beside a number, or a list of them.
func (r *reader) signs(to *[]string) func(ast.Node, []string) {
	return r.list(to, func(text string, at place, _ []string) bool {
		bad := isBlank(text) || strings.TrimSpace(text) != text || strings.ContainsAny(text, "0123456789+-,")
		if bad {
			r.fault(at, `write a currency sign or code such as "R$" or "EUR", or "%"`, "%q is no sign that can stand beside a number", text)
		}
		return !bad
	})
}

// dates reads one date rule or a list of them.
func (r *reader) dates(to *[]string) func(ast.Node, []string) {
	return r.list(to, func(text string, at place, _ []string) bool {
		_, message, hint := parseDateRule(text)
		if message != "" {
			r.fault(at, hint, "%s", message)
		}
		return message == ""
	})
}

func (r *reader) row(n ast.Node, path []string) int {
	text, ok := r.text(n, path)
	if !ok {
		return 0
	}
	row, err := strconv.Atoi(text)
	if err != nil || row < 1 || row > maxRow {
		r.fault(placeOf(n), fmt.Sprintf("a number from 1 to %d, counted as a spreadsheet program does", maxRow),
			"%q is not the number of a row", text)
		return 0
	}
	return row
}

func (r *reader) key(n ast.Node, path []string) *Key {
	var k Key
	r.object(n, path, fields{"property": r.into(&k.Property), "column": r.into(&k.Column)})
	if isObject(n) {
		r.need(path, "property")
		r.need(path, "column")
	}
	return &k
}

// need says that a key is missing from the object under path.
func (r *reader) need(path []string, key string) {
	if _, ok := r.places[pathOf(append(path[:len(path):len(path)], key)...)]; !ok {
		r.fault(r.places[pathOf(path...)], "", "%s needs %q", what(path), key)
	}
}

func (r *reader) properties(m *Mapping, n ast.Node, path []string) {
	r.entries(n, path, func(name string, at place, value ast.Node, path []string) {
		p := Property{Name: name}
		r.places[pathOf(append(path, "")...)] = at // where the name stands
		if isObject(value) {
			r.property(m, &p, value, path)
		} else {
			p.Column, _ = r.text(value, path)
		}
		m.Properties = append(m.Properties, p)
	})
}

func (r *reader) property(m *Mapping, p *Property, n ast.Node, path []string) {
	r.object(n, path, fields{
		"column":    r.into(&p.Column),
		"value":     func(n ast.Node, path []string) { p.Value, p.hasValue = r.text(n, path) },
		"expr":      r.into(&p.Expr),
		"default":   r.into(&p.Default),
		"values":    func(n ast.Node, path []string) { r.values(m, p, n, path) },
		"otherwise": r.checked(&p.Otherwise, checkOtherwise),
		"split":     r.into(&p.Split),
		"append":    r.yes(&p.Append),
		"dates":     r.dates(&p.Dates),
		"timezone":  r.checked(&p.Timezone, checkZone),
		"decimal":   oneOf(r, &p.Decimal, ",", "."),
		"signs":     r.signs(&p.Signs),
		"blank":     oneOf(r, &p.Blank, "ignore", "clear"),
		"overwrite": oneOf(r, &p.Overwrite, overwriteAlways, overwriteIfEmpty, overwriteNever),
	})
	given := r.given(path, "column", "value", "expr")
	if len(given) != 1 {
		r.fault(r.places[pathOf(append(path, "")...)], "", "property %q needs exactly one of column, value, expr", p.Name)
	} else if given[0] == "value" {
		for _, key := range r.given(path, "default", "values", "otherwise", "split", "dates", "timezone", "decimal", "signs", "blank") {
			r.fault(r.places[pathOf(append(path, key)...)], "leave it out", "%q means nothing beside \"value\"", key)
		}
	}
	if p.Otherwise != "" && len(r.given(path, "values")) == 0 {
		r.fault(r.places[pathOf(append(path, "otherwise")...)], "add the table, or leave it out", "\"otherwise\" means nothing without \"values\"")
	}
}

// given lists those of keys that stand in the object under path.
func (r *reader) given(path []string, keys ...string) []string {
	var found []string
	for _, key := range keys {
		if _, ok := r.places[pathOf(append(path[:len(path):len(path)], key)...)]; ok {
			found = append(found, key)
		}
	}
	return found
}

func checkOtherwise(text string) (message, hint string) {
	switch {
	case text == "reject", text == "skip", text == "keep", strings.HasPrefix(text, "use ") && strings.TrimSpace(text[4:]) != "":
		return "", ""
	}
	return fmt.Sprintf("\"otherwise\" cannot be %q", text), `it is reject, skip, keep, or "use" and a text`
}

func (r *reader) associations(m *Mapping, n ast.Node, path []string) {
	list, ok := n.(*ast.SequenceNode)
	if !ok {
		r.fault(placeOf(n), `begin each with "- "`, "%s must be a list, not %s", what(path), kindOf(n))
		return
	}
	for i, item := range list.Values {
		under := append(path[:len(path):len(path)], strconv.Itoa(i))
		r.places[pathOf(under...)] = placeOf(item)
		if object, ok := item.(*ast.MappingNode); ok && len(object.Values) > 0 && !object.IsFlowStyle {
			r.places[pathOf(under...)] = placeOf(object.Values[0].Key)
		}
		m.Associations = append(m.Associations, r.association(item, under))
	}
}

func (r *reader) association(n ast.Node, path []string) Association {
	var a Association
	at := r.places[pathOf(path...)]
	if !isObject(n) {
		r.fault(at, "", "an association must be an object of keys and values, not %s", kindOf(n))
		return a
	}
	r.object(n, path, fields{
		"to":      r.into(&a.To),
		"column":  r.into(&a.Column),
		"value":   r.into(&a.Value),
		"match":   r.into(&a.Match),
		"label":   r.into(&a.Label),
		"type":    r.checked(&a.Type, checkAssociationType),
		"missing": oneOf(r, &a.Missing, "reject", "skip"),
		"several": oneOf(r, &a.Several, "reject", "skip", "first", "list"),
		"split":   r.into(&a.Split),
	})
	if len(r.given(path, "to")) == 0 {
		r.fault(at, `e.g. to: contacts`, "an association needs \"to\"")
	}
	if len(r.given(path, "match")) == 0 {
		r.fault(at, "it is id, email, domain or a unique property", "an association needs \"match\"")
	}
	if len(r.given(path, "column", "value")) != 1 {
		r.fault(at, "", "an association needs exactly one of column, value")
	}
	if len(r.given(path, "label", "type")) == 2 {
		r.fault(at, "", "an association has a label or a type, not both")
	}
	return a
}

func checkAssociationType(text string) (message, hint string) {
	if n, err := strconv.Atoi(text); text == "primary" || err == nil && n > 0 {
		return "", ""
	}
	return fmt.Sprintf("association type %q is neither primary nor the number of a type", text), "a label is written as label: NAME"
}
