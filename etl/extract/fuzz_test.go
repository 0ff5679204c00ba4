package extract_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/etl/extract"
)

// The dialects that the fuzz targets state; "" is detected.
var (
	fuzzEncodings  = []string{"", "utf-8", "utf-16le", "utf-16be", "utf-32le", "utf-32be", "windows-1252", "shift_jis", "iso-2022-jp", "gb18030"}
	fuzzDelimiters = []string{"", ",", ";", "tab", "|", ":", " ", "'", "a"}
	fuzzQuotes     = []string{"", "double", "single", "none"}
)

func pick(from []string, n uint8) string { return from[int(n)%len(from)] }

// readPlaced reads a file to its end, and checks that each row says where it
// stands, in order, and that there are no more of them than the file can hold.
func readPlaced(t *testing.T, path string, opts extract.Options, most int) {
	src, err := extract.Open(path, opts)
	if err != nil {
		require.NotEmpty(t, err.Error())
		return
	}
	defer src.Close()
	workbook := src.Info().Format == "xlsx"
	last := src.Info().HeaderRow
	require.Positive(t, last)
	for n := 0; ; n++ {
		require.LessOrEqual(t, n, most)
		rec, err := src.Next(context.Background())
		var fault *etl.RowError
		if err != nil && !errors.As(err, &fault) {
			return
		}
		require.Greater(t, rec.Pos.Row, last)
		last = rec.Pos.Row
		require.Equal(t, path, rec.Pos.File)
		if workbook {
			require.Equal(t, src.Info().Sheet, rec.Pos.Sheet)
		} else {
			require.Positive(t, rec.Pos.Line)
		}
		require.Len(t, rec.Fields, src.Header().Len())
		if fault != nil {
			require.Equal(t, rec.Pos, fault.Pos)
			require.NotEmpty(t, fault.Problem.Code)
			require.NotEmpty(t, fault.Problem.Message)
		}
	}
}

// FuzzDialect reads anything in any stated dialect.
func FuzzDialect(f *testing.F) {
	f.Add([]byte("a,b\n1,\"2\n3\"\n"), uint8(1), uint8(1), uint8(1), uint8(1))
	f.Fuzz(func(t *testing.T, in []byte, enc, delimiter, quote, header uint8) {
		readPlaced(t, write(t, "in.csv", string(in)), extract.Options{
			Encoding: pick(fuzzEncodings, enc), Delimiter: pick(fuzzDelimiters, delimiter),
			Quote: pick(fuzzQuotes, quote), Header: int(header % 4),
		}, 4*len(in)+1) // a byte of a legacy charset may become a line end, never several rows
	})
}

// A writtenDialect is how FuzzRoundTrip writes its cells.
type writtenDialect struct {
	delimiter, quote, end string
	always                bool // quotes around every cell
	charset               string
	enc                   encoding.Encoding // nil for UTF-8
	mark                  string
}

var writtenCharsets = []struct {
	name, mark string
	enc        encoding.Encoding
}{
	{name: "utf-8"},
	{name: "utf-8", mark: "\xef\xbb\xbf"},
	{name: "utf-16le", mark: "\xff\xfe", enc: unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)},
	{name: "utf-16be", enc: unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)},
	{name: "utf-32le", enc: utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM)},
	{name: "utf-32be", mark: "\x00\x00\xfe\xff", enc: utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM)},
	{name: "windows-1252", enc: charmap.Windows1252},
	{name: "shift_jis", enc: japanese.ShiftJIS},
}

func dialectOf(n uint16) writtenDialect {
	choose := func(among int) int {
		i := int(n) % among
		n /= uint16(among)
		return i
	}
	c := writtenCharsets[choose(len(writtenCharsets))]
	return writtenDialect{
		charset: c.name, mark: c.mark, enc: c.enc,
		delimiter: []string{",", ";", "\t", "|"}[choose(4)],
		quote:     []string{`"`, "'", ""}[choose(3)],
		end:       []string{"\n", "\r\n", "\r"}[choose(3)],
		always:    choose(2) == 1,
	}
}

func (d writtenDialect) options() extract.Options {
	return extract.Options{
		Encoding: d.charset, Delimiter: d.delimiter, Header: 1,
		Quote: map[string]string{`"`: "double", "'": "single", "": "none"}[d.quote],
	}
}

func (d writtenDialect) cell(text string) string {
	if d.quote == "" || !d.always && !strings.ContainsAny(text, d.delimiter+d.quote+"\r\n") {
		return text
	}
	return d.quote + strings.ReplaceAll(text, d.quote, d.quote+d.quote) + d.quote
}

// holds says whether the dialect has a form for text.
func (d writtenDialect) holds(text string) bool {
	if d.quote == "" && strings.ContainsAny(text, d.delimiter+"\r\n") {
		return false
	}
	if d.enc == nil {
		return true
	}
	coded, err := d.enc.NewEncoder().String(text)
	if err != nil {
		return false
	}
	again, err := d.enc.NewDecoder().String(coded)
	return err == nil && again == text
}

func (d writtenDialect) file(rows [][]string) (string, error) {
	var b strings.Builder
	for _, row := range rows {
		for i, text := range row {
			if i > 0 {
				b.WriteString(d.delimiter)
			}
			b.WriteString(d.cell(text))
		}
		b.WriteString(d.end)
	}
	if d.enc == nil {
		return d.mark + b.String(), nil
	}
	coded, err := d.enc.NewEncoder().String(b.String())
	return d.mark + coded, err
}

// FuzzRoundTrip writes cells in a dialect, states it, and reads the same cells. A
// row is refused only if it holds a control character, a file only if it has zero
// bytes in many places.
func FuzzRoundTrip(f *testing.F) {
	f.Add(`a,b "c"`+"\x1e"+"'d'\r\n\x1e\x1e;é", uint8(2), uint16(0))
	f.Fuzz(func(t *testing.T, texts string, width uint8, dialect uint16) {
		d := dialectOf(dialect)
		rows := d.rows(texts, int(width%5)+1)
		file, err := d.file(rows)
		require.NoError(t, err)
		src, err := extract.Open(write(t, "in.csv", file), d.options())
		if err != nil && strings.Count(texts, "\x00") > 2 {
			require.ErrorContains(t, err, "the content is not text")
			return
		}
		require.NoError(t, err)
		defer src.Close()
		require.Equal(t, rows[0], src.Header().Names())
		for _, want := range rows[1:] {
			if strings.Join(want, "") == "" {
				continue // blank rows are passed over
			}
			rec, err := src.Next(context.Background())
			var fault *etl.RowError
			if errors.As(err, &fault) {
				require.True(t, strings.ContainsFunc(strings.Join(want, ""), isRefused), "%q: %s", want, fault.Problem.Message)
				continue
			}
			require.NoError(t, err)
			require.Equal(t, want, rec.Fields)
		}
		_, err = src.Next(context.Background())
		require.ErrorIs(t, err, io.EOF)
	})
}

// rows splits texts at their record separators; what the dialect has no form for
// is left out.
func (d writtenDialect) rows(texts string, width int) [][]string {
	rows := [][]string{strings.Split("one two three four five", " ")[:width]}
	var row []string
	for text := range strings.SplitSeq(texts, "\x1e") {
		if !utf8.ValidString(text) || !d.holds(text) {
			text = "x"
		}
		if row = append(row, text); len(row) == width {
			rows, row = append(rows, row), nil
		}
	}
	return rows
}

// isRefused: what no text has, and U+FFFD where it is how a charset's decoder tells of
// a fault.
func isRefused(r rune) bool {
	return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r >= 0x80 && r < 0xA0 || r == utf8.RuneError
}

// seedBooks are workbooks for the targets that change their bytes: not compressed,
// so that a changed byte is a changed letter.
func seedBook(t require.TestingT, parts map[string]string) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range []string{"_rels/.rels", "xl/workbook.xml", "xl/_rels/workbook.xml.rels", "xl/styles.xml", "xl/sharedStrings.xml", "xl/worksheets/sheet1.xml"} {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		require.NoError(t, err)
		_, err = w.Write([]byte(parts[name]))
		require.NoError(t, err)
	}
	require.NoError(t, z.Close())
	return b.Bytes()
}

// fuzzParts are the parts of the small workbook that the targets begin with.
var fuzzParts = map[string]string{
	"_rels/.rels":                `<Relationships><Relationship Id="r1" Type="http://x/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
	"xl/workbook.xml":            `<workbook xmlns:r="x"><workbookPr date1904="1"/><sheets><sheet name="Hidden" state="hidden" r:id="r9"/><sheet name="Tickets" r:id="r1"/></sheets></workbook>`,
	"xl/_rels/workbook.xml.rels": `<Relationships><Relationship Id="r1" Type="http://x/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="r2" Type="http://x/styles" Target="/xl/styles.xml"/><Relationship Id="r3" Type="http://x/sharedStrings" Target="sharedStrings.xml"/></Relationships>`,
	"xl/styles.xml":              `<styleSheet><numFmts><numFmt numFmtId="164" formatCode="dd/mm/yyyy"/></numFmts><cellXfs><xf numFmtId="0"/><xf numFmtId="164"/><xf numFmtId="46"/></cellXfs></styleSheet>`,
	"xl/sharedStrings.xml":       `<sst><si><t>Subject</t></si><si><r><t>a_x000D_</t></r><r><t>b</t></r><rPh><t>c</t></rPh></si></sst>`,
	"xl/worksheets/sheet1.xml": `<worksheet><cols><col min="2" max="2" hidden="1"/></cols><sheetData><row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="inlineStr"><is><t>When</t></is></c></row>` +
		`<row r="3" hidden="1"><c r="A3" t="s"><v>1</v></c><c r="B3" s="1"><v>45351.5</v></c></row><row><c><f>1+1</f><v>2</v></c><c t="b"><v>1</v></c><c t="e"><v>#N/A</v></c></row></sheetData>` +
		`<mergeCells><mergeCell ref="A1:B1"/></mergeCells></worksheet>`,
}

// FuzzWorkbookBytes reads a workbook of which any bytes were changed.
func FuzzWorkbookBytes(f *testing.F) {
	f.Add(seedBook(f, fuzzParts), "", false)
	f.Add(seedBook(f, mergedParts()), "", true)
	path := filepath.Join(f.TempDir(), "in.xlsx") // the same for all: a folder for each takes longer than the reading
	f.Fuzz(func(t *testing.T, in []byte, sheet string, skip bool) {
		require.NoError(t, os.WriteFile(path, in, 0o600))
		opts := extract.Options{Sheet: sheet, Limits: extract.Limits{MaxUnzipped: 1 << 20}}
		if skip {
			opts.Hidden = "skip"
		}
		if _, err := extract.Expand(path, opts); err != nil {
			require.NotEmpty(t, err.Error())
		}
		readPlaced(t, path, opts, 1<<20)
	})
}

// FuzzWorkbookParts reads a workbook of any XML.
func FuzzWorkbookParts(f *testing.F) {
	for _, p := range []map[string]string{fuzzParts, mergedParts()} {
		f.Add(p["xl/workbook.xml"], p["xl/_rels/workbook.xml.rels"], p["xl/styles.xml"], p["xl/sharedStrings.xml"], p["xl/worksheets/sheet1.xml"], uint8(0))
	}
	path := filepath.Join(f.TempDir(), "in.xlsx")
	f.Fuzz(func(t *testing.T, book, rels, styles, texts, sheet string, header uint8) {
		in := seedBook(t, map[string]string{
			"_rels/.rels": fuzzParts["_rels/.rels"], "xl/workbook.xml": book, "xl/_rels/workbook.xml.rels": rels,
			"xl/styles.xml": styles, "xl/sharedStrings.xml": texts, "xl/worksheets/sheet1.xml": sheet,
		})
		require.NoError(t, os.WriteFile(path, in, 0o600))
		if _, err := extract.Expand(path, extract.Options{Sheet: "all"}); err != nil {
			require.NotEmpty(t, err.Error())
		}
		readPlaced(t, path, extract.Options{Header: int(header % 4)}, len(sheet)+len(texts)+len(rels))
	})
}

// mergedParts are those of a workbook whose header takes two rows.
func mergedParts() map[string]string {
	parts := maps.Clone(fuzzParts)
	parts["xl/worksheets/sheet1.xml"] = `<x:worksheet><x:sheetData><x:row r="1"><x:c t="str"><x:v>ID</x:v></x:c><x:c t="str"><x:v>From</x:v></x:c></x:row>` +
		`<x:row r="2"><x:c r="B2" t="str"><x:v>Name</x:v></x:c><x:c r="C2" t="str"><x:v>Mail &amp; so</x:v></x:c></x:row><x:row r="3"><x:c t="s"><x:v>1</x:v></x:c><x:c><x:v>-1.5</x:v></x:c></x:row></x:sheetData>` +
		`<x:mergeCells><x:mergeCell ref="A1:A2"/><x:mergeCell ref="B1:C1"/></x:mergeCells></x:worksheet>`
	return parts
}
