package extract_test

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"pgregory.net/rapid"

	"github.com/ticketetl/ticketetl/etl/extract"
)

// decodeXML does with encoding/xml what extract.ScanXML does.
func decodeXML(in string) (tokens []string, declared bool, err error) {
	d := xml.NewDecoder(strings.NewReader(in))
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	text := ""
	for {
		t, err := d.Token()
		if t, ok := t.(xml.CharData); ok && err == nil {
			text += string(t)
			continue
		}
		_, comment := t.(xml.Comment)
		_, instruction := t.(xml.ProcInst)
		if comment || instruction {
			continue
		}
		if text != "" {
			tokens, text = append(tokens, fmt.Sprintf("%q", text)), ""
		}
		switch t := t.(type) {
		case xml.StartElement:
			tag := t.Name.Local
			for _, a := range t.Attr {
				tag += fmt.Sprintf(" %s=%q", a.Name.Local, a.Value)
			}
			tokens = append(tokens, tag)
		case xml.EndElement:
			tokens = append(tokens, "/"+t.Name.Local)
		case xml.Directive:
			return tokens, true, nil
		case nil:
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return tokens, false, err
		}
	}
}

// sameXML checks that the scanner finds what encoding/xml finds. On purpose it
// differs in this: it refuses declarations (a DTD), halves of characters
// (&#xD800;), a thousand elements in each other, and a version of XML that is
// declared with blanks around the sign; and it takes any letter beyond ASCII in a
// name.
func sameXML(t require.TestingT, in string, size int) {
	want, declared, wantErr := decodeXML(in)
	got, err := extract.ScanXML(strings.NewReader(in), size)
	switch {
	case declared:
		require.Error(t, err)
		return
	case wantErr != nil:
		if !strings.Contains(wantErr.Error(), "invalid XML name") {
			require.Error(t, err, "encoding/xml: %v", wantErr)
		}
		return
	case err != nil && (strings.Contains(err.Error(), "U+D") || strings.Contains(err.Error(), "stand in each other") || strings.Contains(err.Error(), "it is XML")):
		return
	default:
		require.NoError(t, err)
	}
	require.Equal(t, want, got)
}

// xmlPieces are what XML is made of, faulty XML too.
var xmlPieces = []string{
	"<a>", "</a>", "<x:b ", "</x:b>", ">", "/>", "<c/>", `<c r="A1" t='s'>`, "</c>", `r="a&amp;b"`, " x:s='1'", "=", `"`, "'", "<", "text", " ", "\r\n", "\r", "\t",
	"&lt;", "&#65;", "&#x1F600;", "&#xD800;", "&#0;", "&bad;", "&", "é😀", "\xff", "\ufffe", "\uffff", "\ufeff", "\x01", "]]>", "]]", "<![CDATA[", "<![CDATA[x<&]]>",
	"<!--", "-->", "--", "<!-- c -->", "<?xml version=\"1.0\"?>", "<?xml version='1.1'?>", "<?p a?>", "<?", "?>", "<!DOCTYPE a>", "<a:b:c>", "<:a>", "</:a>", "<a:>", "é", "</", "<!", "<v>", "</v>", "<1>",
}

func TestScannerIsEqualToEncodingXML(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := strings.Join(rapid.SliceOf(rapid.SampledFrom(xmlPieces)).Draw(t, "pieces"), "")
		sameXML(t, in, rapid.IntRange(1, 64).Draw(t, "size"))
	})
}

// wellFormed draws an element, with others in it.
func wellFormed(t *rapid.T, depth int) string {
	name := rapid.SampledFrom([]string{"a", "x:row", "c", "é", "_-.9"}).Draw(t, "name")
	var b strings.Builder
	b.WriteString("<" + name)
	for i := range rapid.IntRange(0, 3).Draw(t, "attributes") {
		value := rapid.SampledFrom([]string{"", "A1", "&quot;&#10;'", "a\r\nb>", "é "}).Draw(t, "value")
		fmt.Fprintf(&b, "\n y%d = \"%s\"", i, value)
	}
	if rapid.Bool().Draw(t, "empty") {
		return b.String() + " />"
	}
	b.WriteString(">")
	for range rapid.IntRange(0, 4).Draw(t, "children") {
		if depth < 4 && rapid.Bool().Draw(t, "element") {
			b.WriteString(wellFormed(t, depth+1))
			continue
		}
		b.WriteString(rapid.SampledFrom([]string{"text", "&amp;&#xe9;", "\r\n]] >", "<![CDATA[<>&\r]]]>", "<!-- - > -->", "<?p ?x?>", " \u0085東 京\ufeff", "\ufffd"}).Draw(t, "text"))
	}
	return b.String() + "</" + name + " >"
}

func TestScannerReadsWhatIsWellFormed(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := wellFormed(t, 0)
		_, _, err := decodeXML(in)
		require.NoError(t, err)
		sameXML(t, in, rapid.IntRange(1, 64).Draw(t, "size"))
		cut := in[:rapid.IntRange(1, len(in)-1).Draw(t, "cut")]
		_, err = extract.ScanXML(strings.NewReader(cut), 16)
		require.Error(t, err, cut)
	})
}

// FuzzXML scans anything.
func FuzzXML(f *testing.F) {
	for _, name := range slices.Sorted(maps.Keys(fuzzParts)) {
		f.Add(fuzzParts[name], 16)
	}
	for _, piece := range xmlPieces {
		f.Add("<a>"+piece+"</a>", 1)
		f.Add("<a "+piece+"/>", 64)
	}
	f.Fuzz(func(t *testing.T, in string, size int) {
		if strings.HasPrefix(in, "\xff\xfe") || strings.HasPrefix(in, "\xfe\xff") || strings.HasPrefix(in, "<\x00") || strings.HasPrefix(in, "\x00<") || strings.Contains(in, "encoding") {
			return // encoding/xml does not read UTF-16
		}
		sameXML(t, in, 1+int(uint(size)%100))
	})
}

func TestScannerFaults(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"<a><b></a>":                       "at byte 6: a ends where b should",
		"</a>":                             "at byte 0: a ends and was not begun",
		"<a>&nbsp;</a>":                    "at byte 3: a text holds the entity &nbsp;, which is not one of XML",
		"<a>a & b</a>":                     "at byte 3: a text holds & without an entity",
		"<a>\x00</a>":                      "at byte 3: a text holds the character U+0000",
		"<a>&#xDC00;</a>":                  "at byte 3: a text holds the character U+DC00",
		"<a>caf\xe9</a>":                   "at byte 3: a text is not UTF-8",
		"<a b=1/>":                         "at byte 0: attribute b has no quotes around its value",
		"<a b/>":                           "at byte 0: attribute b has no value",
		"<!DOCTYPE a [<!ENTITY b 'c'>]>":   "at byte 0: it has a DTD or another declaration, which no workbook may have",
		"<a><!-- a -- b --></a>":           `at byte 3: a comment holds "--"`,
		"<?xml version='1.1'?><a/>":        "at byte 0: it is XML 1.1 and not 1.0",
		strings.Repeat("<a>", 1001):        "at byte 3000: more than 1000 elements stand in each other",
		"<a>" + strings.Repeat("x", 5<<20): "a cell or tag has more than 4194304 bytes",
	}
	for in, want := range tests {
		_, err := extract.ScanXML(strings.NewReader(in), 1<<16)
		require.EqualError(t, err, want)
	}
	_, err := extract.ScanXML(io.MultiReader(strings.NewReader("<a>"), iotest.ErrReader(errors.New("gone"))), 16)
	require.EqualError(t, err, "gone")
}

// XML of any encoding is read, by its first bytes or by what it declares.
func TestEncodingsOfXML(t *testing.T) {
	t.Parallel()
	const body = `<a b="é">ação 東京</a>`
	want := []string{`a b="é"`, `"ação 東京"`, "/a"}
	coded := func(declaration string, endian unicode.Endianness, mark unicode.BOMPolicy) string {
		s, err := unicode.UTF16(endian, mark).NewEncoder().String(declaration + body)
		require.NoError(t, err)
		return s
	}
	const utf16 = `<?xml version="1.0" encoding="UTF-16"?>`
	for _, in := range []string{
		body, "\ufeff" + body, `<?xml version="1.0" encoding='UTF-8' standalone="yes"?>` + body, utf16 + body,
		coded(utf16, unicode.LittleEndian, unicode.UseBOM), coded(utf16, unicode.BigEndian, unicode.UseBOM),
		coded("", unicode.LittleEndian, unicode.IgnoreBOM), coded("", unicode.BigEndian, unicode.IgnoreBOM),
	} {
		got, err := extract.ScanXML(iotest.OneByteReader(strings.NewReader(in)), 32)
		require.NoError(t, err)
		if got[0] == `"\ufeff"` {
			got = got[1:]
		}
		require.Equal(t, want, got)
	}
	latin, err := charmap.Windows1252.NewEncoder().String(`<?xml version="1.0" encoding="Windows-1252"?><a>ação</a>`)
	require.NoError(t, err)
	got, err := extract.ScanXML(strings.NewReader(latin), 32)
	require.NoError(t, err)
	require.Equal(t, []string{"a", `"ação"`, "/a"}, got)
	_, err = extract.ScanXML(strings.NewReader(`<?xml version="1.0" encoding="klingon"?><a/>`), 32)
	require.EqualError(t, err, `it declares the encoding "klingon", which is not known`)
}
