package transform

import (
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/ticketetl/ticketetl/internal/schema"
)

// A reader walks the syntax tree of a mapping file, notes where things stand
// and gathers what is wrong.
type reader struct {
	file   string
	places map[string]place
	lines  []string
	faults Faults
}

// fields says how the value of each key of an object is read.
type fields map[string]func(n ast.Node, path []string)

func (r *reader) fault(at place, hint, format string, args ...any) {
	r.faults = append(r.faults, Fault{
		File: r.file, Line: at.line, Column: at.column,
		Message: fmt.Sprintf(format, args...), Hint: hint, Text: lineAt(r.lines, at),
	})
}

func placeOf(n ast.Node) place {
	if n == nil || n.GetToken() == nil || n.GetToken().Position == nil {
		return place{1, 1}
	}
	p := n.GetToken().Position
	return place{p.Line, p.Column}
}

// tree parses data. goccy/go-yaml is known to panic on some malformed files;
// those are syntax faults like others.
func (r *reader) tree(data []byte) (root ast.Node) {
	defer func() {
		if p := recover(); p != nil {
			r.fault(place{}, "", "this is not YAML that can be read")
			root = nil
		}
	}()
	file, err := parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		r.syntax(err)
		return nil
	}
	if len(file.Docs) > 1 {
		r.fault(placeOf(file.Docs[1].Body), "keep one mapping in a file", "a second document begins here")
		return nil
	}
	if len(file.Docs) == 0 || file.Docs[0].Body == nil {
		r.fault(place{}, "", "the mapping is empty")
		return nil
	}
	return file.Docs[0].Body
}

func (r *reader) syntax(err error) {
	var at place
	message, hint := err.Error(), ""
	if syntax, ok := err.(*yaml.SyntaxError); ok {
		message = syntax.Message
		if syntax.Token != nil && syntax.Token.Position != nil {
			at = place{syntax.Token.Position.Line, syntax.Token.Position.Column}
		}
	}
	switch {
	case strings.Contains(message, "mapping value is not allowed"):
		hint = "put quotes around a text that holds a colon and a blank"
	case strings.Contains(message, "cannot start any token"):
		hint = "indent with blanks, not with tabs; put quotes around a text that begins with @, ` or %"
	}
	r.fault(at, hint, "not YAML: %s", firstLine(message))
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// object reads the keys of n. Unknown and repeated ones are faults.
func (r *reader) object(n ast.Node, path []string, known fields) {
	names := make([]string, 0, len(known))
	for name := range known {
		names = append(names, name)
	}
	slices.Sort(names)
	r.entries(n, path, func(key string, at place, value ast.Node, path []string) {
		read, ok := known[key]
		if !ok {
			r.fault(at, nearest(key, names, "known here are "+strings.Join(names, ", ")), "unknown key %q", key)
			return
		}
		read(value, path)
	})
}

// entries calls read for each key of the object n.
func (r *reader) entries(n ast.Node, path []string, read func(key string, at place, value ast.Node, path []string)) {
	object, ok := n.(*ast.MappingNode)
	if !ok {
		r.fault(placeOf(n), "", "%s must be an object of keys and values, not %s", what(path), kindOf(n))
		return
	}
	seen := map[string]place{}
	for _, entry := range object.Values {
		at := placeOf(entry.Key)
		key, ok := keyText(entry.Key)
		if !ok {
			r.fault(at, "", "a key must be a plain text")
			continue
		}
		if before, double := seen[key]; double {
			r.fault(at, fmt.Sprintf("it stands in line %d already", before.line), "repeated key %q", key)
			continue
		}
		seen[key] = at
		under := append(slices.Clip(path), key)
		r.places[pathOf(under...)] = placeOf(entry.Value)
		if _, null := entry.Value.(*ast.NullNode); null {
			r.places[pathOf(under...)] = at
		}
		read(key, at, entry.Value, under)
	}
}

func keyText(n ast.Node) (string, bool) {
	switch n.(type) {
	case *ast.StringNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.NullNode:
		return n.GetToken().Value, true
	}
	return "", false
}

// text reads a scalar as it is written: 007 and 1.50 keep their digits. An
// absent value is a fault.
func (r *reader) text(n ast.Node, path []string) (string, bool) {
	if _, null := n.(*ast.NullNode); null {
		r.fault(r.places[pathOf(path...)], "", "%s has no value", what(path))
		return "", false
	}
	return r.textOrNull(n, path)
}

// textOrNull is text, but an absent value is the empty text.
func (r *reader) textOrNull(n ast.Node, path []string) (string, bool) {
	switch n := n.(type) {
	case *ast.NullNode:
		return "", true
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.StringNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value, true
	}
	r.fault(placeOf(n), "", "%s must be a text, not %s", what(path), kindOf(n))
	return "", false
}

// into returns a function that reads a text into to.
func (r *reader) into(to *string) func(ast.Node, []string) {
	return func(n ast.Node, path []string) { *to, _ = r.text(n, path) }
}

// oneOf returns a function that reads one of a few words into to.
func oneOf[T ~string](r *reader, to *T, words ...T) func(ast.Node, []string) {
	return func(n ast.Node, path []string) {
		text, ok := r.text(n, path)
		if !ok {
			return
		}
		if !slices.Contains(words, T(text)) {
			r.fault(placeOf(n), nearest(text, texts(words), "it is one of "+strings.Join(texts(words), ", ")),
				"%s cannot be %q", what(path), text)
			return
		}
		*to = T(text)
	}
}

// list reads a text or a list of texts; check is called for each.
func (r *reader) list(to *[]string, check func(text string, at place, path []string) bool) func(ast.Node, []string) {
	return func(n ast.Node, path []string) {
		items := []ast.Node{n}
		if seq, ok := n.(*ast.SequenceNode); ok {
			items = seq.Values
			if len(items) == 0 {
				r.fault(placeOf(n), "", "%s has no value", what(path))
			}
		}
		for _, item := range items {
			if text, ok := r.text(item, path); ok && check(text, placeOf(item), path) {
				*to = append(*to, text)
			}
		}
	}
}

func texts[T ~string](words []T) []string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = string(w)
	}
	return out
}

// what names the thing under path, for messages: the last key, in quotes.
func what(path []string) string {
	if len(path) == 0 {
		return "the mapping"
	}
	return fmt.Sprintf("%q", path[len(path)-1])
}

func kindOf(n ast.Node) string {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return "an object"
	case *ast.SequenceNode:
		return "a list"
	case nil, *ast.NullNode:
		return "nothing"
	case *ast.AnchorNode, *ast.AliasNode, *ast.MergeKeyNode:
		return "an anchor or alias"
	case *ast.TagNode:
		return "a tag"
	}
	return "a text"
}

// nearest suggests the candidate nearest to name, or says otherwise.
func nearest(name string, candidates []string, otherwise string) string {
	if best, ok := schema.Nearest(name, candidates); ok {
		return fmt.Sprintf("nearest is %q", best)
	}
	return otherwise
}
