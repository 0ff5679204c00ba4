package sandbox

import (
	"encoding/json"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// maxDepth bounds the nesting of a request body.
const maxDepth = 64

// A parser reads one JSON body in a single pass. It is written by hand because
// bodies of a hundred tickets are what the server spends its time on, and
// because a stand-in wants to know about fields that nobody defined.
type parser struct {
	data    []byte
	pos     int
	depth   int
	names   map[string]string // known property names, so that they are not copied
	unknown []string          // fields that the body has and HubSpot does not define
}

// A syntaxError is a body that is not the JSON that was wanted.
type syntaxError struct {
	line, column int
	what         string
}

func (e *syntaxError) Error() string {
	return fmt.Sprintf("Invalid input JSON on line %d, column %d: %s", e.line, e.column, e.what)
}

func (p *parser) fail(what string) error {
	line, column := 1, 1
	for _, c := range p.data[:min(p.pos, len(p.data))] {
		column++
		if c == '\n' {
			line, column = line+1, 1
		}
	}
	return &syntaxError{line: line, column: column, what: what}
}

func (p *parser) wrongType(want string) error {
	return p.fail("Cannot deserialize value of type `" + want + "` from " + p.token() + " value")
}

// token names the kind of value at the current position.
func (p *parser) token() string {
	switch p.peek() {
	case '{':
		return "Object"
	case '[':
		return "Array"
	case '"':
		return "String"
	case 't', 'f':
		return "Boolean"
	case 0:
		return "end of input"
	}
	return "Number"
}

// peek skips white space and returns the next byte, 0 at the end.
func (p *parser) peek() byte {
	for p.pos < len(p.data) {
		switch c := p.data[p.pos]; c {
		case ' ', '\t', '\r', '\n':
			p.pos++
		default:
			return c
		}
	}
	return 0
}

func (p *parser) take(c byte) bool {
	if p.peek() != c {
		return false
	}
	p.pos++
	return true
}

// null consumes a null if there is one.
func (p *parser) null() bool {
	if p.peek() == 'n' && p.literal("null") {
		return true
	}
	return false
}

func (p *parser) literal(word string) bool {
	if len(p.data)-p.pos < len(word) || string(p.data[p.pos:p.pos+len(word)]) != word {
		return false
	}
	p.pos += len(word)
	return true
}

// object calls each with every key; each must consume the value. A null is an
// object without keys.
func (p *parser) object(each func(key []byte) error) error {
	if p.null() {
		return nil
	}
	if !p.take('{') {
		return p.wrongType("object")
	}
	if p.depth++; p.depth > maxDepth {
		return p.fail("nesting is too deep")
	}
	defer func() { p.depth-- }()
	if p.take('}') {
		return nil
	}
	for {
		key, err := p.key()
		if err != nil {
			return err
		}
		if err := each(key); err != nil {
			return err
		}
		if p.take(',') {
			continue
		}
		if p.take('}') {
			return nil
		}
		return p.fail("Unexpected character, expecting comma or '}'")
	}
}

func (p *parser) key() ([]byte, error) {
	if p.peek() != '"' {
		return nil, p.fail("Unexpected character, expecting a field name")
	}
	raw, plain, err := p.quoted()
	if err != nil {
		return nil, err
	}
	if !plain {
		s, err := p.unquote(raw)
		if err != nil {
			return nil, err
		}
		raw = []byte(s)
	} else {
		raw = raw[1 : len(raw)-1]
	}
	if !p.take(':') {
		return nil, p.fail("Unexpected character, expecting ':'")
	}
	return raw, nil
}

// array calls each before every element; each must consume it.
func (p *parser) array(each func() error) error {
	if p.null() {
		return nil
	}
	if !p.take('[') {
		return p.wrongType("java.util.ArrayList")
	}
	if p.depth++; p.depth > maxDepth {
		return p.fail("nesting is too deep")
	}
	defer func() { p.depth-- }()
	if p.take(']') {
		return nil
	}
	for {
		if err := each(); err != nil {
			return err
		}
		if p.take(',') {
			continue
		}
		if p.take(']') {
			return nil
		}
		return p.fail("Unexpected character, expecting comma or ']'")
	}
}

// quoted returns the string at the current position with its quotes, and
// whether it can be taken as it stands.
func (p *parser) quoted() (raw []byte, plain bool, err error) {
	start := p.pos
	plain = true
	for i := start + 1; i < len(p.data); i++ {
		switch c := p.data[i]; {
		case c == '"':
			p.pos = i + 1
			raw = p.data[start:p.pos]
			return raw, plain, nil
		case c == '\\':
			plain = false
			i++
		case c < ' ':
			p.pos = i
			return nil, false, p.fail("Illegal unquoted character in string value")
		}
	}
	p.pos = len(p.data)
	return nil, false, p.fail("Unexpected end-of-input in string value")
}

func (p *parser) unquote(raw []byte) (string, error) {
	inner := raw[1 : len(raw)-1]
	out := make([]byte, 0, len(inner))
	for i := 0; i < len(inner); i++ {
		if inner[i] != '\\' {
			out = append(out, inner[i])
			continue
		}
		i++
		c, simple := escapes[inner[i]]
		if !simple {
			return p.unquoteSlowly(raw)
		}
		out = append(out, c)
	}
	if !utf8.Valid(out) {
		return p.unquoteSlowly(raw)
	}
	return string(out), nil
}

// escapes are those of one character; \u is left to encoding/json.
var escapes = map[byte]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// unquoteSlowly also reads \u and mends text that is not UTF-8.
func (p *parser) unquoteSlowly(raw []byte) (string, error) {
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return "", p.fail("Unrecognized character escape")
	}
	return s, nil
}

// text reads a string; null reads as "".
func (p *parser) text() (string, error) {
	v, err := p.scalar()
	return v.text, err
}

// A valueKind is how a scalar was written in JSON.
type valueKind byte

const (
	isText valueKind = iota
	isNumber
	isBool
	isNull
)

type scalar struct {
	text string
	kind valueKind
}

// scalar reads a string, number, boolean or null.
func (p *parser) scalar() (scalar, error) {
	switch c := p.peek(); {
	case c == '"':
		raw, plain, err := p.quoted()
		if err != nil {
			return scalar{}, err
		}
		if plain && utf8.Valid(raw) {
			return scalar{text: string(raw[1 : len(raw)-1])}, nil
		}
		s, err := p.unquote(raw)
		return scalar{text: s}, err
	case c == 't' && p.literal("true"):
		return scalar{"true", isBool}, nil
	case c == 'f' && p.literal("false"):
		return scalar{"false", isBool}, nil
	case c == 'n' && p.literal("null"):
		return scalar{kind: isNull}, nil
	case c == '-' || c >= '0' && c <= '9':
		return p.number()
	}
	return scalar{}, p.wrongType("java.lang.String")
}

func (p *parser) number() (scalar, error) {
	start := p.pos
	for p.pos < len(p.data) && isNumberByte(p.data[p.pos]) {
		p.pos++
	}
	raw := p.data[start:p.pos]
	if !json.Valid(raw) {
		return scalar{}, p.fail("Unexpected character in numeric value")
	}
	return scalar{string(raw), isNumber}, nil
}

func isNumberByte(c byte) bool {
	return c >= '0' && c <= '9' || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E'
}

// integer reads a whole number, written as a number or as a string.
func (p *parser) integer() (int, error) {
	v, err := p.scalar()
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(v.text)
	if err != nil {
		return 0, p.fail("Cannot deserialize value of type `int` from String \"" + v.text + "\": not a valid `int` value")
	}
	return n, nil
}

// texts reads an array of strings.
func (p *parser) texts() ([]string, error) {
	var out []string
	err := p.array(func() error {
		s, err := p.text()
		out = append(out, s)
		return err
	})
	return out, err
}

// skip consumes a value of a field that HubSpot does not define.
func (p *parser) skip(key []byte) error {
	p.unknown = append(p.unknown, string(key))
	return p.discard()
}

func (p *parser) discard() error {
	switch p.peek() {
	case '{':
		return p.object(func([]byte) error { return p.discard() })
	case '[':
		return p.array(p.discard)
	}
	_, err := p.scalar()
	return err
}

// parse reads the whole body with read. Fields that HubSpot does not define are
// noted; a body that is not what was wanted is refused.
func (c *call) parse(p *parser, read func(*parser) error) *failure {
	p.data = c.body
	err := read(p)
	if err == nil {
		err = p.end()
	}
	for _, name := range p.unknown {
		c.wrong("unknown field %q", name)
	}
	if err != nil {
		c.wrong("%v", err)
		return asFailure(err)
	}
	return nil
}

// end requires that nothing follows.
func (p *parser) end() error {
	if p.peek() != 0 {
		return p.fail("Unexpected content after the end of the JSON value")
	}
	return nil
}

// name returns a property name without copying a known one.
func (p *parser) name(key []byte) string {
	if s, ok := p.names[string(key)]; ok {
		return s
	}
	return string(key)
}

// appendText appends s as a JSON string.
func appendText(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := range len(s) {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[start:i]...)
		b = appendEscape(b, c)
		start = i + 1
	}
	return append(append(b, s[start:]...), '"')
}

func appendEscape(b []byte, c byte) []byte {
	const hex = "0123456789abcdef"
	switch c {
	case '"', '\\':
		return append(b, '\\', c)
	case '\n':
		return append(b, '\\', 'n')
	case '\r':
		return append(b, '\\', 'r')
	case '\t':
		return append(b, '\\', 't')
	}
	return append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
}

// appendField appends "name":"value" with a comma where one is due.
func appendField(b []byte, name, value string) []byte {
	b = appendName(b, name)
	return appendText(b, value)
}

// appendName appends "name": with a comma where one is due.
func appendName(b []byte, name string) []byte {
	if last := b[len(b)-1]; last != '{' && last != '[' {
		b = append(b, ',')
	}
	b = append(b, '"')
	b = append(b, name...)
	return append(b, '"', ':')
}
