package extract

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"unicode"
	"unicode/utf8"

	quick "github.com/segmentio/asm/utf8"
)

// xmlKind is what an xmlScanner stands at.
type xmlKind uint8

const (
	xmlText    xmlKind = iota // text or CDATA; one text may come in several pieces
	xmlStart                  // <name ...>, and the first half of <name/>
	xmlEnd                    // </name>, and the other half of <name/>
	xmlNothing                // a comment or processing instruction, which callers never see
)

const (
	scanBuffer = 64 << 10 // bytes that are looked at together
	tokenSize  = 4 << 20  // most bytes of one tag or text
	maxDepth   = 1000     // most elements that stand in each other
)

// An xmlAttr is an attribute; its name is without a prefix.
type xmlAttr struct{ name, value []byte }

// An xmlScanner pulls tags and texts out of XML in UTF-8, from a buffer that it
// uses again. It finds the faults that encoding/xml finds, and refuses in
// addition a DTD, which no workbook may have, half of a character (&#xD800;), and
// more than maxDepth elements in each other.
//
// encoding/xml took two thirds of the time that it takes to read a workbook, most
// of it to make strings of names that are thrown away.
type xmlScanner struct {
	from   io.Reader
	buf    []byte // buf[pos:] is read and not yet scanned
	pos    int
	before int64 // bytes that stood before buf
	ended  error // what from ended with

	// What the scanner stands at, valid until the next call.
	name  []byte // of a tag, without a prefix
	attrs []xmlAttr
	text  []byte

	empty   bool   // the tag is <name/>: its end comes next
	open    []byte // the whole names of the elements that are open
	marks   []int  // where each begins in open
	decoded []byte // texts that do not stand in buf as they are meant
}

func newXMLScanner(from io.Reader, size int) *xmlScanner {
	return &xmlScanner{from: from, buf: make([]byte, 0, size)}
}

// errShort: buf ends within what is being scanned.
var errShort = errors.New("short")

// next goes to the next tag or text; io.EOF is the end.
func (x *xmlScanner) next() (xmlKind, error) {
	if x.empty {
		x.empty = false
		x.leave()
		return xmlEnd, nil
	}
	for {
		kind, size, err := x.scan(x.buf[x.pos:])
		if err == nil {
			x.pos += size
			if kind != xmlNothing {
				return kind, nil
			}
			continue
		}
		if !errors.Is(err, errShort) {
			return 0, fmt.Errorf("at byte %d: %w", x.before+int64(x.pos), err)
		}
		if err := x.more(); err != nil {
			return 0, err
		}
	}
}

// more reads on, at least as much as there is.
func (x *xmlScanner) more() error {
	left := len(x.buf) - x.pos
	switch {
	case errors.Is(x.ended, io.EOF) && (left > 0 || len(x.marks) > 0):
		return io.ErrUnexpectedEOF
	case x.ended != nil:
		return x.ended
	case left > tokenSize:
		return fmt.Errorf("a cell or tag has more than %d bytes", tokenSize)
	}
	into := x.buf[:cap(x.buf)]
	if left > len(into)/2 {
		into = make([]byte, min(2*len(into), tokenSize+scanBuffer))
	}
	copy(into, x.buf[x.pos:])
	x.before, x.pos = x.before+int64(x.pos), 0
	n, err := fill(x.from, into[left:])
	x.buf, x.ended = into[:left+n], err
	return nil
}

// fill reads until b is full or there is an error, io.EOF at the end.
func fill(r io.Reader, b []byte) (n int, err error) {
	for n < len(b) && err == nil {
		var more int
		more, err = r.Read(b[n:])
		n += more
	}
	return n, err
}

// scan takes the tag or text with which b begins, of size bytes.
func (x *xmlScanner) scan(b []byte) (kind xmlKind, size int, err error) {
	x.decoded = x.decoded[:0]
	switch {
	case len(b) == 0:
		return 0, 0, errShort
	case b[0] != '<':
		size = bytes.IndexByte(b, '<')
		if size < 0 && x.ended == nil {
			return 0, 0, errShort
		}
		if size < 0 {
			size = len(b)
		}
		x.text, err = x.content(b[:size], inText)
		return xmlText, size, err
	case len(b) == 1:
		return 0, 0, errShort
	case b[1] == '/':
		size, err = x.endTag(b)
		return xmlEnd, size, err
	case b[1] == '?':
		size, err = instruction(b)
		return xmlNothing, size, err
	case b[1] == '!':
		return x.markup(b)
	}
	size, err = x.startTag(b)
	return xmlStart, size, err
}

func (x *xmlScanner) startTag(b []byte) (size int, err error) {
	whole, local, err := nameAt(b, 1)
	if err != nil {
		return 0, err
	}
	x.attrs = x.attrs[:0]
	at := 1 + len(whole)
	for {
		at = blanks(b, at)
		switch {
		case at >= len(b):
			return 0, errShort
		case b[at] == '>':
			x.name = local
			return at + 1, x.enter(whole)
		case b[at] == '/' && at+1 >= len(b):
			return 0, errShort
		case b[at] == '/' && b[at+1] == '>':
			x.name, x.empty = local, true
			return at + 2, x.enter(whole)
		}
		if at, err = x.attribute(b, at); err != nil {
			return 0, err
		}
	}
}

// attribute takes the attribute that begins at b[at], and says where it ends.
func (x *xmlScanner) attribute(b []byte, at int) (end int, err error) {
	whole, local, err := nameAt(b, at)
	if err != nil {
		return 0, err
	}
	at += len(whole)
	if at+1 < len(b) && b[at] == '=' && b[at+1] == '"' { // as programs write it, or else it is read again
		end = at + 2
		for end < len(b) && inValue[b[end]] {
			end++
		}
		if end < len(b) && b[end] == '"' {
			x.attrs = append(x.attrs, xmlAttr{local, b[at+2 : end]})
			return end + 1, nil
		}
	}
	at = blanks(b, at)
	if at < len(b) && b[at] != '=' {
		return 0, fmt.Errorf("attribute %s has no value", clip(whole))
	}
	at = blanks(b, at+1)
	if at >= len(b) {
		return 0, errShort
	}
	quote := b[at]
	if quote != '"' && quote != '\'' {
		return 0, fmt.Errorf("attribute %s has no quotes around its value", clip(whole))
	}
	size := bytes.IndexByte(b[at+1:], quote)
	if size < 0 {
		return 0, errShort
	}
	value, err := x.content(b[at+1:at+1+size], inTag)
	x.attrs = append(x.attrs, xmlAttr{local, value})
	return at + 1 + size + 1, err
}

func (x *xmlScanner) endTag(b []byte) (size int, err error) {
	whole, local, err := nameAt(b, 2)
	if err != nil {
		return 0, err
	}
	at := blanks(b, 2+len(whole))
	switch {
	case at >= len(b):
		return 0, errShort
	case b[at] != '>':
		return 0, fmt.Errorf("the end tag of %s does not end", clip(whole))
	case len(x.marks) == 0:
		return 0, fmt.Errorf("%s ends and was not begun", clip(whole))
	case !bytes.Equal(whole, x.last()):
		return 0, fmt.Errorf("%s ends where %s should", clip(whole), clip(x.last()))
	}
	x.name = local
	x.leave()
	return at + 1, nil
}

func (x *xmlScanner) enter(name []byte) error {
	if len(x.marks) >= maxDepth {
		return fmt.Errorf("more than %d elements stand in each other", maxDepth)
	}
	x.marks = append(x.marks, len(x.open))
	x.open = append(x.open, name...)
	return nil
}

// last is the whole name of the innermost element that is open.
func (x *xmlScanner) last() []byte {
	if len(x.marks) == 0 {
		return nil
	}
	return x.open[x.marks[len(x.marks)-1]:]
}

func (x *xmlScanner) leave() {
	last := len(x.marks) - 1
	x.open, x.marks = x.open[:x.marks[last]], x.marks[:last]
}

// attr is the value of an attribute of the tag, nil if it has none.
func (x *xmlScanner) attr(name string) []byte {
	for _, a := range x.attrs {
		if string(a.name) == name {
			return a.value
		}
	}
	return nil
}

// instruction takes <?name ... ?>.
func instruction(b []byte) (size int, err error) {
	name, _, err := nameAt(b, 2)
	if err != nil {
		return 0, err
	}
	end := bytes.Index(b[2+len(name):], []byte("?>"))
	if end < 0 {
		return 0, errShort
	}
	if version := declaredVersion.FindSubmatch(b[2+len(name):][:end]); string(name) == "xml" && version != nil && string(version[1]) != "1.0" {
		return 0, fmt.Errorf("it is XML %s and not 1.0", clip(version[1]))
	}
	return 2 + len(name) + end + 2, nil
}

var declaredVersion = regexp.MustCompile(`\sversion\s*=\s*["']([^"']*)["']`)

// markup takes what begins with "<!": a comment or a CDATA section.
func (x *xmlScanner) markup(b []byte) (kind xmlKind, size int, err error) {
	const comment, cdata = "<!--", "<![CDATA["
	switch {
	case bytes.HasPrefix(b, []byte(comment)):
		end := bytes.Index(b[len(comment):], []byte("--"))
		if end < 0 || len(comment)+end+2 >= len(b) {
			return 0, 0, errShort
		}
		if b[len(comment)+end+2] != '>' {
			return 0, 0, errors.New(`a comment holds "--"`)
		}
		return xmlNothing, len(comment) + end + 3, nil
	case bytes.HasPrefix(b, []byte(cdata)):
		end := bytes.Index(b[len(cdata):], []byte("]]>"))
		if end < 0 {
			return 0, 0, errShort
		}
		x.text, err = x.content(b[len(cdata):len(cdata)+end], inCDATA)
		return xmlText, len(cdata) + end + 3, err
	case bytes.HasPrefix([]byte(comment), b) || bytes.HasPrefix([]byte(cdata), b):
		return 0, 0, errShort
	}
	return 0, 0, errors.New("it has a DTD or another declaration, which no workbook may have")
}

// nameAt takes the name that begins at b[at]; local is without a prefix.
func nameAt(b []byte, at int) (whole, local []byte, err error) {
	end := at
	for end < len(b) && inSimpleName[b[end]] {
		end++
	}
	if end > at && end < len(b) && !inName[b[end]] && isNameStart(b[at]) {
		return b[at:end], b[at:end], nil
	}
	for end < len(b) && inName[b[end]] {
		end++
	}
	if end == len(b) {
		return nil, nil, errShort
	}
	whole = b[at:end]
	prefix, local := splitName(whole)
	if end == at || !isNameStart(b[at]) || !utf8.Valid(whole) || prefix != nil && bytes.IndexByte(local, ':') >= 0 {
		return nil, nil, fmt.Errorf("%s stands where a name should", quote(b[at:min(end+1, len(b))]))
	}
	return whole, local, nil
}

// splitName cuts the prefix off a name; where either would be empty it stays whole.
func splitName(whole []byte) (prefix, local []byte) {
	colon := bytes.IndexByte(whole, ':')
	if colon <= 0 || colon == len(whole)-1 {
		return nil, whole
	}
	return whole[:colon], whole[colon+1:]
}

// inValue are the bytes of attributes that mean themselves.
var inValue = func() (is [256]bool) {
	for c := ' '; c < utf8.RuneSelf; c++ {
		is[c] = c != '"' && c != '&' && c != '<'
	}
	return is
}()

// inName are the bytes of names; of those beyond ASCII all are taken.
var inName = func() (is [256]bool) {
	for c := range is {
		is[c] = c >= utf8.RuneSelf || isNameStart(byte(c)) || c >= '0' && c <= '9' || c == '-' || c == '.'
	}
	return is
}()

// inSimpleName are those of names in ASCII without a prefix.
var inSimpleName = func() (is [256]bool) {
	for c := range utf8.RuneSelf {
		is[c] = inName[c] && c != ':'
	}
	return is
}()

func isNameStart(c byte) bool {
	return c >= utf8.RuneSelf || c == '_' || c == ':' || c|0x20 >= 'a' && c|0x20 <= 'z'
}

func blanks(b []byte, at int) int {
	for at < len(b) && (b[at] == ' ' || b[at] == '\n' || b[at] == '\t' || b[at] == '\r') {
		at++
	}
	return at
}

// within is where a text stands, which decides what it may hold.
type within uint8

const (
	inText within = iota
	inTag
	inCDATA
)

// content is what b means. It is b itself as a rule.
func (x *xmlScanner) content(b []byte, where within) ([]byte, error) {
	at := plain(b)
	if at == len(b) {
		return b, nil
	}
	if !quick.Valid(b[at:]) {
		return nil, errors.New("a text is not UTF-8")
	}
	for at < len(b) && !special[b[at]] {
		at++
	}
	if at == len(b) {
		return b, nil
	}
	return x.decode(b, at, where)
}

// special are the bytes that may not stand in a text as they are: what begins an
// entity, ends a line, or could be forbidden.
var special = func() (is [256]bool) {
	for c := range ' ' {
		is[c] = c != '\t' && c != '\n'
	}
	is['&'], is['<'], is[']'], is[0xEF] = true, true, true, true // U+FFFE and U+FFFF begin with 0xEF
	return is
}()

// plain says how many bytes of b stand for themselves before one that does not, or is
// beyond ASCII.
func plain(b []byte) int {
	i := 0
	for i+8 <= len(b) {
		w := binary.LittleEndian.Uint64(b[i:])
		if (w|less(w, ' ')|equal(w, '&')|equal(w, ']')|equal(w, '<'))&tops == 0 {
			i += 8
			continue
		}
		for end := i + 8; i < end; i++ { // a line end, as a rule
			if b[i] >= utf8.RuneSelf || special[b[i]] {
				return i
			}
		}
	}
	for i < len(b) && b[i] < utf8.RuneSelf && !special[b[i]] {
		i++
	}
	return i
}

// Of eight bytes at once, the highest bit of each says yes.

func less(w uint64, c byte) uint64  { return (w - ones*uint64(c)) &^ w }
func equal(w uint64, c byte) uint64 { return less(w^ones*uint64(c), 1) }

// decode makes what b means; from is the first byte of b that is special.
func (x *xmlScanner) decode(b []byte, from int, where within) ([]byte, error) {
	start := len(x.decoded)
	done := 0
	for i := from; i < len(b); i++ {
		if !special[b[i]] {
			continue
		}
		x.decoded = append(x.decoded, b[done:i]...)
		size, err := x.decodeOne(b[i:], where)
		if err != nil {
			return nil, err
		}
		done = i + size
		i = done - 1
	}
	x.decoded = append(x.decoded, b[done:]...)
	return x.decoded[start:], nil
}

// decodeOne appends what b, which begins with a special byte, means first.
func (x *xmlScanner) decodeOne(b []byte, where within) (size int, err error) {
	switch c := b[0]; {
	case c == '&' && where != inCDATA:
		r, size, err := entity(b)
		x.decoded = utf8.AppendRune(x.decoded, r)
		return size, err
	case c == '\r':
		x.decoded = append(x.decoded, '\n')
		if bytes.HasPrefix(b, []byte("\r\n")) {
			return 2, nil
		}
		return 1, nil
	case c == '<' && where == inTag:
		return 0, errors.New("an attribute holds <")
	case c == ']' && where == inText && bytes.HasPrefix(b, []byte("]]>")):
		return 0, errors.New("a text holds ]]>")
	case c < ' ', bytes.HasPrefix(b, []byte("\uFFFE")), bytes.HasPrefix(b, []byte("\uFFFF")):
		return 0, notXML(firstOf(b))
	default:
		x.decoded = append(x.decoded, c)
		return 1, nil
	}
}

func firstOf(b []byte) rune {
	r, _ := utf8.DecodeRune(b)
	return r
}

func notXML(r rune) error { return fmt.Errorf("a text holds the character U+%04X", r) }

// entity reads the &name; or &#number; with which b begins.
func entity(b []byte) (r rune, size int, err error) {
	end := bytes.IndexByte(b[:min(len(b), 64)], ';')
	if end < 0 {
		return 0, 0, errors.New("a text holds & without an entity")
	}
	name := b[1:end]
	switch string(name) {
	case "lt":
		return '<', end + 1, nil
	case "gt":
		return '>', end + 1, nil
	case "amp":
		return '&', end + 1, nil
	case "apos":
		return '\'', end + 1, nil
	case "quot":
		return '"', end + 1, nil
	}
	r, err = numbered(name)
	return r, end + 1, err
}

// numbered reads #65 or #x41.
func numbered(name []byte) (rune, error) {
	if len(name) == 3 && name[0] == '#' && name[1] >= '3' && name[1] <= '9' && name[2] >= '0' && name[2] <= '9' {
		return rune(name[1]-'0')*10 + rune(name[2]-'0'), nil // &#34; and &#39;
	}
	digits, base := bytes.TrimPrefix(name, []byte("#")), 10
	if bytes.HasPrefix(digits, []byte("x")) {
		digits, base = digits[1:], 16
	}
	n, err := strconv.ParseUint(string(digits), base, 32)
	switch r := rune(n); {
	case err != nil || len(digits) == len(name) || n > unicode.MaxRune:
		return 0, fmt.Errorf("a text holds the entity &%s;, which is not one of XML", clip(name))
	case !utf8.ValidRune(r), r < ' ' && r != '\t' && r != '\n' && r != '\r', r == 0xFFFE, r == 0xFFFF:
		return 0, notXML(r)
	default:
		return r, nil
	}
}
