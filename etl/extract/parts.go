package extract

import (
	"archive/zip"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"golang.org/x/text/encoding/htmlindex"
)

const (
	smallPart = 64 << 20 // most bytes of a part that is read whole: workbook, styles
	maxParts  = 20_000   // most files in a workbook
	tokenSize = 4 << 20  // most bytes of one tag or text
)

// parts are the files in a workbook, which is a zip archive.
type parts map[string]*zip.File

// openParts reads the archive's directory.
func openParts(r io.ReaderAt, size int64, limits Limits) (parts, error) {
	archive, err := zip.NewReader(r, size)
	if err != nil {
		return nil, fmt.Errorf("the workbook is damaged or was not copied whole (%w); open it in a spreadsheet program and save it again", err)
	}
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
	d := xml.NewDecoder(r)
	d.CharsetReader = xmlCharset
	if err := d.Decode(into); err != nil {
		return damagedPart(name, err)
	}
	return nil
}

func xmlCharset(name string, r io.Reader) (io.Reader, error) {
	enc, err := htmlindex.Get(name)
	if err != nil {
		return nil, err
	}
	return enc.NewDecoder().Reader(r), nil
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

// An xmlStream reads a large part token by token. No token may be large, since
// encoding/xml holds each in memory.
type xmlStream struct {
	part string
	dec  *xml.Decoder
	gate *tokenGate
	from io.Closer
}

// A tokenGate fails once one token takes too much.
type tokenGate struct {
	r    io.Reader
	used int
}

func (g *tokenGate) Read(p []byte) (int, error) {
	if g.used > tokenSize {
		return 0, fmt.Errorf("a cell or tag has more than %d bytes", tokenSize)
	}
	n, err := g.r.Read(p)
	g.used += n
	return n, err
}

func (p parts) stream(name string, limit int64) (*xmlStream, error) {
	r, err := p.open(name, limit)
	if err != nil {
		return nil, err
	}
	gate := &tokenGate{r: r}
	x := &xmlStream{part: name, dec: xml.NewDecoder(gate), gate: gate, from: r}
	x.dec.CharsetReader = xmlCharset
	return x, nil
}

// token is valid until the next call. The error is io.EOF at the end.
func (x *xmlStream) token() (xml.Token, error) {
	x.gate.used = 0
	t, err := x.dec.RawToken()
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, damagedPart(x.part, err)
	}
	return t, err
}

// must is token where the part cannot end.
func (x *xmlStream) must() (xml.Token, error) {
	t, err := x.token()
	if errors.Is(err, io.EOF) {
		return nil, damagedPart(x.part, io.ErrUnexpectedEOF)
	}
	return t, err
}

// drain reads what is left, so that the archive's checksum is verified.
func (x *xmlStream) drain() error {
	x.gate.used = -1 << 62
	if _, err := io.Copy(io.Discard, x.gate.r); err != nil {
		return damagedPart(x.part, err)
	}
	return nil
}

func (x *xmlStream) close() error { return x.from.Close() }

// text collects the text up to the end of element name.
func (x *xmlStream) text(name string) (string, error) {
	var text strings.Builder
	for text.Len() <= tokenSize {
		t, err := x.must()
		if err != nil {
			return "", err
		}
		switch t := t.(type) {
		case xml.CharData:
			text.Write(t)
		case xml.EndElement:
			if t.Name.Local == name {
				return text.String(), nil
			}
		}
	}
	return "", damagedPart(x.part, fmt.Errorf("a text has more than %d bytes", tokenSize))
}

// richText collects the text of a string item, up to the end of element name:
// its t elements, but not those of rPh, which say how to pronounce it.
func (x *xmlStream) richText(name string, most int) (string, error) {
	var text strings.Builder
	spoken := false
	for {
		t, err := x.must()
		if err != nil {
			return "", err
		}
		switch t := t.(type) {
		case xml.StartElement:
			switch {
			case t.Name.Local == "rPh":
				spoken = true
			case t.Name.Local == "t":
				part, err := x.text("t")
				if err != nil {
					return "", err
				}
				if !spoken {
					text.WriteString(unescape(part)) // an escape stands within one t
				}
			}
		case xml.EndElement:
			switch t.Name.Local {
			case "rPh":
				spoken = false
			case name:
				return text.String(), nil
			}
		}
		if text.Len() > most {
			return "", fmt.Errorf("a text of the workbook has more than %d bytes", most)
		}
	}
}

func attr(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// skip reads up to the end of element name, which does not nest.
func (x *xmlStream) skip(name string) error {
	for {
		t, err := x.must()
		if err != nil {
			return err
		}
		if end, ok := t.(xml.EndElement); ok && end.Name.Local == name {
			return nil
		}
	}
}
