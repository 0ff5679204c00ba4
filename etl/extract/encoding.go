package extract

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
)

// A charset is how the bytes of a text file become UTF-8.
type charset struct {
	name string
	dec  encoding.Encoding // nil for UTF-8, which passes as it is
	bom  int               // bytes of the byte order mark
}

// undecodable finds the first text in row (UTF-8 by now) that the charset could
// not decode, or -1.
func (c charset) undecodable(row []byte) int {
	if c.dec == nil {
		return invalidUTF8(row)
	}
	if i := bytes.Index(row, []byte("\uFFFD")); i >= 0 {
		return i
	}
	if _, single := c.dec.(*charmap.Charmap); single {
		return control(row)
	}
	return -1
}

func invalidUTF8(b []byte) int {
	if utf8.Valid(b) {
		return -1
	}
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return -1
}

// control finds a C1 control character: the tables of x/text map the bytes that
// a code page leaves undefined to these, as web browsers do.
func control(b []byte) int {
	for i := 0; ; i++ {
		n := bytes.IndexByte(b[i:], 0xC2)
		if n < 0 || i+n+1 >= len(b) {
			return -1
		}
		i += n
		if b[i+1] >= 0x80 && b[i+1] <= 0x9F {
			return i
		}
	}
}

var (
	utf16LE = unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)
	utf16BE = unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
	utf32LE = utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM)
	utf32BE = utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM)
)

// marks are the byte order marks; UTF-32 stands before UTF-16, whose mark its
// own begins with.
var marks = []struct {
	mark string
	charset
}{
	{"\xef\xbb\xbf", charset{name: "utf-8"}},
	{"\xff\xfe\x00\x00", charset{name: "utf-32le", dec: utf32LE}},
	{"\x00\x00\xfe\xff", charset{name: "utf-32be", dec: utf32BE}},
	{"\xff\xfe", charset{name: "utf-16le", dec: utf16LE}},
	{"\xfe\xff", charset{name: "utf-16be", dec: utf16BE}},
}

func markedCharset(head []byte) (charset, bool) {
	for _, m := range marks {
		if bytes.HasPrefix(head, []byte(m.mark)) {
			m.bom = len(m.mark)
			return m.charset, true
		}
	}
	return charset{}, false
}

// statedCharset finds the charset that the user named.
func statedCharset(name string, head []byte) (charset, error) {
	marked, hasMark := markedCharset(head)
	c, err := charsetNamed(name, head)
	if err != nil {
		return c, err
	}
	if !hasMark {
		return c, nil
	}
	if c.name != marked.name {
		return c, fmt.Errorf("the encoding %s is stated, but the file begins with the byte order mark of %s; leave the encoding out", name, marked.name)
	}
	return marked, nil
}

func charsetNamed(name string, head []byte) (charset, error) {
	switch strings.ToLower(strings.TrimSpace(name)) {
	case "utf-8", "utf8", "utf-8-sig":
		return charset{name: "utf-8"}, nil
	case "utf-16be":
		return charset{name: "utf-16be", dec: utf16BE}, nil
	case "utf-16", "utf16", "unicode", "utf-16le":
		marked, ok := markedCharset(head)
		if ok && marked.name == "utf-16be" && !strings.HasSuffix(strings.ToLower(name), "le") {
			return marked, nil
		}
		return charset{name: "utf-16le", dec: utf16LE}, nil
	case "utf-32be":
		return charset{name: "utf-32be", dec: utf32BE}, nil
	case "utf-32", "utf32", "utf-32le":
		marked, ok := markedCharset(head)
		if ok && marked.name == "utf-32be" && !strings.HasSuffix(strings.ToLower(name), "le") {
			return marked, nil
		}
		return charset{name: "utf-32le", dec: utf32LE}, nil
	}
	enc, err := htmlindex.Get(name)
	if err != nil {
		enc, err = ianaindex.IANA.Encoding(strings.TrimSpace(name))
	}
	if err != nil || enc == nil || enc == encoding.Replacement {
		return charset{}, fmt.Errorf("%q is not an encoding that is known here; usual ones are utf-8, utf-16, windows-1252, iso-8859-1, iso-8859-15, windows-1251, shift_jis, gb18030", name)
	}
	canonical, err := htmlindex.Name(enc)
	if err != nil {
		canonical = strings.ToLower(strings.TrimSpace(name))
	}
	if canonical == "utf-8" {
		return charset{name: "utf-8"}, nil
	}
	return charset{name: canonical, dec: enc}, nil
}

// guessCharset judges the beginning of a file by its byte order mark, by the
// zero bytes that UTF-32 has and UTF-16 in Western text, and by what is valid UTF-8; what
// is not is taken for windows-1252 if it reads like a text in that. note is the
// evidence.
func guessCharset(s *sample) (c charset, note string, err error) {
	if c, ok := markedCharset(s.head); ok {
		return c, "encoding " + c.name + ", by the byte order mark at its start", nil
	}
	if c, ok := fourBytes(s); ok {
		return c, "encoding " + c.name + ", by its zero bytes", nil
	}
	if c, ok := zeroPattern(s); ok {
		return c, "encoding " + c.name + ", by its zero bytes", nil
	}
	if notText(s.head) {
		return c, "", errNotText
	}
	t := s.tally
	switch {
	case t.invalid == 0 && t.multi == 0:
		if escapes(s.head) {
			return c, "", errors.New("the encoding cannot be told: the file has escape sequences, as iso-2022-jp has; state it (source.encoding or --encoding), or save the file as UTF-8")
		}
		return charset{name: "utf-8"}, "encoding utf-8: no letters but ASCII were seen", nil
	case t.invalid == 0:
		return charset{name: "utf-8"}, "encoding utf-8: its accented letters are valid as such", nil
	case t.multi > t.invalid:
		return charset{name: "utf-8"}, fmt.Sprintf("encoding utf-8, though damaged: byte 0x%02X in line %d is not valid", t.invalidByte, t.invalidLine), nil
	}
	return t.legacy()
}

// errNotText is about content with many zero bytes.
var errNotText = errors.New("the content is not text; save the table as .csv or .xlsx; if it is UTF-16 without a mark, state that (source.encoding: utf-16le)")

// notText: a text may have a stray zero byte or two, the row of which is refused.
func notText(head []byte) bool {
	zeros := bytes.Count(head, []byte{0})
	return zeros > 2 && zeros > len(head)/100
}

// escapes says whether text has the sequences that switch charsets in ISO 2022.
func escapes(text []byte) bool {
	return bytes.Contains(text, []byte("\x1b$")) || bytes.Contains(text, []byte("\x1b("))
}

// legacy finds the charset from before Unicode that what was seen is in:
// windows-1252 if it reads like the languages of that, or another if it is sure.
func (t *tally) legacy() (charset, string, error) {
	read := windows1252.read(t.seenText)
	found := likely(t.seenText)
	mixed := t.multi*10 > t.invalid
	switch {
	case mixed && (read.plausible() || len(found) == 0):
		return charset{}, "", fmt.Errorf("the encoding cannot be told: some letters are UTF-8 (%d) and some bytes are not (%d, the first is 0x%02X in line %d), as if two files had been joined; save it as UTF-8, or %s",
			t.multi, t.invalid, t.invalidByte, t.invalidLine, stateIt(found))
	case read.plausible():
		return charset{name: "windows-1252", dec: charmap.Windows1252}, t.evidence("windows-1252", read, ""), nil
	}
	c, confidence, ok := detectCharset(t.seenText, found)
	if !ok {
		return charset{}, "", notWestern(found, read.example)
	}
	sure := fmt.Sprintf(", and a detector is %.0f %% sure", math.Floor(100*confidence))
	return charset{name: c.name, dec: c.dec}, t.evidence(c.name, c.reading, sure), nil
}

// evidence tells people why a charset was taken.
func (t *tally) evidence(name string, read reading, more string) string {
	words := ""
	if read.word != "" {
		words = fmt.Sprintf(", in %s it gives words such as %q", name, read.word)
	}
	return fmt.Sprintf("encoding %s: byte 0x%02X in line %d is not UTF-8%s%s; if letters look wrong, state another (source.encoding or --encoding)",
		name, t.invalidByte, t.invalidLine, words, more)
}

// fourBytes tells UTF-32 without a mark: each four bytes are the number of a
// character, and some are a line end.
func fourBytes(s *sample) (charset, bool) {
	head := s.head[:min(len(s.head), 64<<10)/4*4]
	if s.whole && len(s.head)%4 != 0 || len(head) < 8 {
		return charset{}, false
	}
	switch {
	case allCharacters(head, binary.LittleEndian):
		return charset{name: "utf-32le", dec: utf32LE}, true
	case allCharacters(head, binary.BigEndian):
		return charset{name: "utf-32be", dec: utf32BE}, true
	}
	return charset{}, false
}

func allCharacters(text []byte, order binary.ByteOrder) (ended bool) {
	for ; len(text) > 0; text = text[4:] {
		c := order.Uint32(text)
		if c == 0 || c > utf8.MaxRune || !utf8.ValidRune(rune(c)) {
			return false
		}
		ended = ended || c == '\n' || c == '\r'
	}
	return ended
}

// zeroPattern tells UTF-16 without a mark: a fifth of its bytes or more are
// zeros, always on the same side, and its line ends have two bytes.
func zeroPattern(s *sample) (charset, bool) {
	if s.whole && len(s.head)%2 != 0 {
		return charset{}, false
	}
	head := s.head[:min(len(s.head), 64<<10)/2*2]
	var zeros, ends [2]int
	for i, b := range head {
		switch {
		case b == 0:
			zeros[i%2]++
		case (b == '\n' || b == '\r') && head[i^1] == 0:
			ends[i%2]++
		}
	}
	all := zeros[0] + zeros[1]
	switch {
	case all < 4 || all*5 < len(head):
		return charset{}, false
	case zeros[0] <= zeros[1]/20 && ends[0] > 0:
		return charset{name: "utf-16le", dec: utf16LE}, true
	case zeros[1] <= zeros[0]/20 && ends[1] > 0:
		return charset{name: "utf-16be", dec: utf16BE}, true
	}
	return charset{}, false
}

// A sample is what was looked at before a text file is read.
type sample struct {
	head  []byte // the first MiB, unpacked
	whole bool   // head is all of it
	tally tally
}

const (
	headSize   = 1 << 20   // enough for the dialect
	tallySize  = 64 << 20  // looked at for letters beyond ASCII
	tallyMulti = 64 << 10  // so many of them are evidence enough
	tallyText  = 256 << 10 // most bytes of lines that have some
	tallyLine  = 400       // most bytes of such a line to either side
)

// takeSample reads on beyond the head while only ASCII was seen: the first
// accented letter may stand far down, and it tells the encoding.
func takeSample(r io.Reader) (*sample, error) {
	s := &sample{head: make([]byte, headSize)}
	n, err := io.ReadFull(r, s.head)
	s.head = s.head[:n]
	s.whole = errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
	if err != nil && !s.whole {
		return nil, err
	}
	rest := s.tally.add(s.head, s.whole)
	if s.whole {
		return s, nil
	}
	return s, s.tally.read(r, rest)
}

// A tally counts letters beyond ASCII, taken as UTF-8.
type tally struct {
	seen        int64
	multi       int    // valid ones
	invalid     int    // bytes that are not UTF-8
	invalidByte byte   // the first of them
	invalidLine int    // and its line
	lines       int    // line ends up to it
	returns     int    // carriage returns up to it, which end lines where there are no others
	seenText    []byte // lines with letters beyond ASCII
}

func (t *tally) read(r io.Reader, rest []byte) error {
	buf := make([]byte, 256<<10)
	for t.seen < tallySize && t.multi+t.invalid < tallyMulti {
		kept := copy(buf, rest)
		n, err := io.ReadFull(r, buf[kept:])
		last := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !last {
			return err
		}
		rest = t.add(buf[:kept+n], last)
		if last {
			return nil
		}
	}
	return nil
}

// add returns the beginning of a letter that p cuts, unless p is the last.
func (t *tally) add(p []byte, last bool) (rest []byte) {
	kept := 0 // up to where p is in seenText
	for i := 0; i < len(p); {
		if n := ascii(p[i:]); n > 0 {
			t.countLines(p[i : i+n])
			i += n
			t.seen += int64(n)
			continue
		}
		if !last && !utf8.FullRune(p[i:]) {
			return p[i:]
		}
		r, n := utf8.DecodeRune(p[i:])
		if r == utf8.RuneError && n == 1 {
			t.fault(p[i])
		} else {
			t.multi++
		}
		if i >= kept && len(t.seenText) < tallyText {
			kept = t.keepLine(p, i)
		}
		i += n
		t.seen += int64(n)
	}
	return nil
}

// ascii counts the bytes of ASCII with which p begins.
func ascii(p []byte) int {
	n := 0
	for len(p)-n >= 8 && binary.LittleEndian.Uint64(p[n:])&0x8080808080808080 == 0 {
		n += 8
	}
	for n < len(p) && p[n] < utf8.RuneSelf {
		n++
	}
	return n
}

func (t *tally) fault(b byte) {
	if t.invalid == 0 {
		t.invalidByte = b
		t.invalidLine = 1 + cmp.Or(t.lines, t.returns)
	}
	t.invalid++
}

// countLines counts until the first byte that is not UTF-8 was seen.
func (t *tally) countLines(text []byte) {
	if t.invalid == 0 {
		t.lines += bytes.Count(text, []byte{'\n'})
		t.returns += bytes.Count(text, []byte{'\r'})
	}
}

// keepLine keeps the line around p[i], and returns where it ends.
func (t *tally) keepLine(p []byte, i int) (end int) {
	from, end := max(0, i-tallyLine), min(len(p), i+tallyLine)
	if n := bytes.LastIndexByte(p[from:i], '\n'); n >= 0 {
		from += n + 1
	}
	if n := bytes.IndexByte(p[i:end], '\n'); n >= 0 {
		end = i + n
	}
	t.seenText = append(append(t.seenText, p[from:end]...), '\n')
	return end
}
