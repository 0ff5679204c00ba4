package extract

import (
	"archive/zip"
	"bufio"
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"strings"

	"github.com/klauspost/compress/flate"
	"golang.org/x/text/encoding/htmlindex"
)

const (
	smallPart = 64 << 20 // most bytes of a part that is read whole: workbook, styles
	maxParts  = 20_000   // most files in a workbook

	packedBuffer = 16 << 10 // bytes of a packed part that are read at once
)

// parts are the files in a workbook, which is a zip archive.
type parts map[string]*zip.File

// openParts reads the archive's directory.
func openParts(r io.ReaderAt, size int64, limits Limits) (parts, error) {
	archive, err := zip.NewReader(r, size)
	if err != nil {
		return nil, fmt.Errorf("the workbook is damaged or was not copied whole (%w); open it in a spreadsheet program and save it again", err)
	}
	archive.RegisterDecompressor(zip.Deflate, inflate)
	if len(archive.File) > maxParts {
		return nil, fmt.Errorf("the workbook has more than %d parts", maxParts)
	}
	p := parts{}
	var unpacked uint64
	for _, f := range archive.File {
		p[partName("", f.Name)] = f
		unpacked += f.UncompressedSize64
		if unpacked > uint64(limits.MaxUnzipped) || f.UncompressedSize64 > uint64(limits.MaxUnzipped) {
			return nil, fmt.Errorf("the workbook unpacks to more than %d bytes, which is not what tickets do; save only the sheet with the tickets or, if you trust it, raise --max-unpacked", limits.MaxUnzipped)
		}
	}
	return p, nil
}

// inflate unpacks a part. With compress/flate, reading a workbook takes a quarter more.
func inflate(r io.Reader) io.ReadCloser { return flate.NewReader(bufio.NewReaderSize(r, packedBuffer)) }

// partName is the key of a part that target names, as seen from folder.
func partName(folder, target string) string {
	target = strings.ReplaceAll(target, `\`, "/")
	if !strings.HasPrefix(target, "/") {
		target = path.Join("/", folder, target)
	}
	return strings.ToLower(strings.TrimPrefix(path.Clean(target), "/"))
}

// notAWorkbook says what else the archive is.
func (p parts) notAWorkbook() error {
	has := func(name string) bool { return p[name] != nil }
	switch {
	case has("content.xml") && has("mimetype"):
		return errors.New("this is an OpenDocument file (.ods); open it in LibreOffice and save it as .xlsx or .csv")
	case has("xl/workbook.bin"):
		return errors.New("this is a binary workbook (.xlsb); open it in Excel and save it as .xlsx")
	case has("word/document.xml"):
		return errors.New("this is a Word document; copy the table into a spreadsheet and save that as .xlsx")
	case has("index/document.iwa"):
		return errors.New("this is a Numbers document; export it as .xlsx or .csv")
	}
	return errors.New("this is a zip archive, not a workbook; unpack it and name the file in it")
}

// open reads a part, of which there may be limit bytes.
func (p parts) open(name string, limit int64) (io.ReadCloser, error) {
	f := p[name]
	if f == nil {
		return nil, fmt.Errorf("the workbook has no part %q; it is damaged: open it in a spreadsheet program and save it again", name)
	}
	r, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("part %s of the workbook: %w", name, err)
	}
	return struct {
		io.Reader
		io.Closer
	}{&boundedReader{r: r, left: limit, limit: limit}, r}, nil
}

// decode reads a small part whole.
func (p parts) decode(name string, into any) error {
	r, err := p.open(name, smallPart)
	if err != nil {
		return err
	}
	defer r.Close()
	text, err := utf8XML(r)
	if err != nil {
		return damagedPart(name, err)
	}
	d := xml.NewDecoder(text)
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	if err := d.Decode(into); err != nil {
		return damagedPart(name, err)
	}
	return nil
}

var declaredEncoding = regexp.MustCompile(`^(?:\xEF\xBB\xBF)?<\?xml\s[^>]*?encoding\s*=\s*["']([^"']*)["']`)

// utf8XML reads XML of any encoding as UTF-8: by its first bytes or else by what it
// declares. Letters of one byte each show that it is not the UTF-16 it may declare.
func utf8XML(r io.Reader) (io.Reader, error) {
	b := bufio.NewReader(r)
	head, err := b.Peek(256)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	begins := func(s string) bool { return bytes.HasPrefix(head, []byte(s)) }
	switch {
	case begins("\xff\xfe"), begins("<\x00"):
		return utf16LE.NewDecoder().Reader(b), nil
	case begins("\xfe\xff"), begins("\x00<"):
		return utf16BE.NewDecoder().Reader(b), nil
	}
	stated := declaredEncoding.FindSubmatch(head)
	if stated == nil {
		return b, nil
	}
	name := strings.ToLower(string(stated[1]))
	if name == "utf-8" || strings.HasPrefix(name, "utf-16") {
		return b, nil
	}
	enc, err := htmlindex.Get(name)
	if err != nil {
		return nil, fmt.Errorf("it declares the encoding %q, which is not known", name)
	}
	return enc.NewDecoder().Reader(b), nil
}

func damagedPart(name string, err error) error {
	return fmt.Errorf("the workbook is damaged in its part %s (%w); open it in a spreadsheet program and save it again", name, err)
}

// relations are what a part refers to.
type relations struct {
	Relationship []struct {
		ID     string `xml:"Id,attr"`
		Type   string `xml:"Type,attr"`
		Target string `xml:"Target,attr"`
	}
}

// relations reads those of the named part; it may have none.
func (p parts) relations(name string) (relations, error) {
	var rels relations
	folder, base := path.Split(name) // both are "" for the package itself
	file := partName(folder, "_rels/"+base+".rels")
	if p[file] == nil {
		return rels, nil
	}
	return rels, p.decode(file, &rels)
}

// find returns the part of a kind, such as "styles", that part name refers to.
func (r relations) find(name, kind string) string {
	for _, rel := range r.Relationship {
		if strings.HasSuffix(rel.Type, "/"+kind) {
			return partName(path.Dir(name), rel.Target)
		}
	}
	return ""
}

// An xmlStream reads a large part tag by tag.
type xmlStream struct {
	*xmlScanner
	part     string
	unpacked io.ReadCloser
}

// stream reads a part, which is unpacked in a goroutine of its own.
func (p parts) stream(name string, limit int64) (*xmlStream, error) {
	r, err := p.open(name, limit)
	if err != nil {
		return nil, err
	}
	return newXMLStream(name, newReadAhead(r))
}

func newXMLStream(name string, r io.ReadCloser) (*xmlStream, error) {
	text, err := utf8XML(r)
	if err != nil {
		return nil, errors.Join(damagedPart(name, err), r.Close())
	}
	return &xmlStream{newXMLScanner(text, scanBuffer), name, r}, nil
}

// token goes to the next tag or text; io.EOF is the end.
func (x *xmlStream) token() (xmlKind, error) {
	kind, err := x.next()
	if err != nil && !errors.Is(err, io.EOF) {
		return kind, damagedPart(x.part, err)
	}
	return kind, err
}

// must is token where the part cannot end.
func (x *xmlStream) must() (xmlKind, error) {
	kind, err := x.token()
	if errors.Is(err, io.EOF) {
		return kind, damagedPart(x.part, io.ErrUnexpectedEOF)
	}
	return kind, err
}

// drain reads what is left, so that the archive's checksum is verified.
func (x *xmlStream) drain() error {
	if _, err := io.Copy(io.Discard, x.unpacked); err != nil {
		return damagedPart(x.part, err)
	}
	return nil
}

func (x *xmlStream) close() error { return x.unpacked.Close() }

// appendText appends the text up to the end of element name to text.
func (x *xmlStream) appendText(text []byte, name string) ([]byte, error) {
	for start := len(text); len(text)-start <= tokenSize; {
		kind, err := x.must()
		if err != nil {
			return text, err
		}
		switch {
		case kind == xmlText:
			text = append(text, x.text...)
		case kind == xmlEnd && string(x.name) == name:
			return text, nil
		}
	}
	return text, damagedPart(x.part, fmt.Errorf("a text has more than %d bytes", tokenSize))
}

// takeItem appends the string item that comes next to text, if it is written as nearly
// all are by all programs:
//
//	<si><t xml:space="preserve">text</t></si>
//
// with or without the attribute. Else it takes nothing, and the item is read tag by tag,
// which gives the same, and the faults. It takes most bytes.
func (x *xmlStream) takeItem(text []byte, most int) (_ []byte, taken bool) {
	const plain, spaced, end = "<si><t>", `<si><t xml:space="preserve">`, "</t></si>"
	b := x.buf[x.pos:]
	at := 0
	switch {
	case x.empty:
		return text, false
	case bytes.HasPrefix(b, []byte(plain)):
		at = len(plain)
	case bytes.HasPrefix(b, []byte(spaced)):
		at = len(spaced)
	default:
		return text, false
	}
	size := bytes.IndexByte(b[at:], '<')
	if size < 0 || size > most || !bytes.HasPrefix(b[at+size:], []byte(end)) {
		return text, false
	}
	x.decoded = x.decoded[:0]
	meant, err := x.content(b[at:at+size], inText)
	if err != nil {
		return text, false
	}
	x.pos += at + size + len(end)
	from := len(text)
	text = append(text, meant...)
	return text[:from+len(unescape(text[from:]))], true
}

// appendRichText appends the text of a string item, up to the end of element name:
// its t elements, but not those of rPh, which say how to pronounce it. It may take
// most bytes.
func (x *xmlStream) appendRichText(text []byte, name string, most int) ([]byte, error) {
	spoken, start := false, len(text)
	for {
		kind, err := x.must()
		if err != nil {
			return text, err
		}
		switch at := string(x.name); {
		case kind == xmlStart && at == "t":
			from := len(text)
			if text, err = x.appendText(text, "t"); err != nil {
				return text, err
			}
			text = text[:from+len(unescape(text[from:]))] // an escape stands within one t
			if spoken {
				text = text[:from]
			}
		case at == "rPh" && kind != xmlText:
			spoken = kind == xmlStart
		case kind == xmlEnd && at == name:
			return text, nil
		}
		if len(text)-start > most {
			return text, fmt.Errorf("a text of the workbook has more than %d bytes", most)
		}
	}
}

// skip reads up to the end of the element that begins.
func (x *xmlStream) skip() error {
	for depth := len(x.marks); len(x.marks) >= depth; {
		if _, err := x.must(); err != nil {
			return err
		}
	}
	return nil
}
