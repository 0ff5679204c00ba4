package extract

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"unicode/utf8"

	"github.com/ticketetl/ticketetl/etl"
)

// HasForm is for tests.
var HasForm = hasForm

// InBlocks reads text in blocks of n bytes.
func InBlocks(opts Options, n int) Options {
	opts.Limits.block = n
	return opts
}

// ScanAll does with the scanner what a loop over csv.Reader with ReuseRecord
// does: it makes the text of each row, in one slice.
func ScanAll(path string) (rows int, err error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	s := newScanner(file, ownDialect, Limits{}.withDefaults())
	var fields []string
	for {
		if err := s.scan(); err != nil {
			if err == io.EOF {
				err = nil
			}
			return rows, err
		}
		fields = s.appendText(fields[:0])
		rows++
	}
}

// ScanXML writes the tags and texts of XML one a line, as far as they are without a
// fault, scanned in pieces of size bytes. A text is in one piece.
func ScanXML(in io.Reader, size int) (tokens []string, err error) {
	from, err := utf8XML(in)
	if err != nil {
		return nil, err
	}
	x := newXMLScanner(from, size)
	text := ""
	take := func(token string) {
		if text != "" {
			tokens, text = append(tokens, fmt.Sprintf("%q", text)), ""
		}
		tokens = append(tokens, token)
	}
	for {
		kind, err := x.next()
		if kind == xmlText && err == nil {
			text += string(x.text)
			continue
		}
		if err != nil && text != "" {
			tokens = append(tokens, fmt.Sprintf("%q", text))
		}
		switch {
		case errors.Is(err, io.EOF):
			return tokens, nil
		case err != nil:
			return tokens, err
		case kind == xmlEnd:
			take("/" + string(x.name))
			continue
		}
		tag := string(x.name)
		for _, a := range x.attrs {
			tag += fmt.Sprintf(" %s=%q", a.name, a.value)
		}
		take(tag)
	}
}

// SharedTexts opens the texts that the cells of the workbook at path share, and keeps
// the first keep bytes of them in memory.
func SharedTexts(path string, keep int) (text func(n int) (string, error), close func() error, err error) {
	file, size, err := openRegular(path, path)
	if err != nil {
		return nil, nil, err
	}
	limits := Limits{}.withDefaults()
	p, err := openParts(file, size, limits)
	if err != nil {
		return nil, nil, err
	}
	s, err := openSharedStrings(p, "xl/sharedstrings.xml", limits)
	if err != nil {
		return nil, nil, err
	}
	s.keep = keep
	text = func(n int) (string, error) {
		b, err := s.append(nil, n)
		return string(b), err
	}
	return text, func() error { return errors.Join(s.close(), file.Close()) }, nil
}

// A Cell is one filled cell of a file.
type Cell struct {
	Row, Column int // from 1
	Text        string
	Kind        etl.Kind
}

// Cells reads every cell of the file at path, of its first visible sheet if it is
// a workbook, without a header.
// where is its delimiter, or the sheet.
func Cells(path string) (cells []Cell, where string, err error) {
	file, size, err := openRegular(path, path)
	if err != nil {
		return nil, "", err
	}
	defer file.Close()
	f := &File{info: Info{Path: path, Size: size}, read: &meter{total: size}}
	opts := Options{Name: path, Limits: Limits{}.withDefaults()}
	if err := f.open(file, opts); err != nil {
		return nil, "", err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, "", err
	}
	if rows, ok := f.rows.(*sheetRows); ok {
		defer rows.release()
		cells, err = rows.all()
		return cells, f.info.Sheet, err
	}
	cells, err = allText(file, opts)
	return cells, f.info.Delimiter, err
}

func (s *sheetRows) all() (cells []Cell, err error) {
	part := ""
	for _, sheet := range s.book.sheets {
		if sheet.Name == s.sheet {
			part = sheet.part
		}
	}
	x, err := s.book.parts.stream(part, s.book.limits.MaxUnzipped)
	if err != nil {
		return nil, err
	}
	defer x.close()
	stream := &cellStream{xmlStream: x, book: s.book}
	for {
		r, err := stream.nextRow()
		if errors.Is(err, io.EOF) {
			return cells, nil
		}
		if err != nil {
			return nil, err
		}
		for i, text := range r.fields {
			if text != "" {
				cells = append(cells, Cell{r.row, i + 1, text, r.kinds[i]})
			}
		}
	}
}

// allText takes the cells of a faulty row for errors.
func allText(file *os.File, opts Options) (cells []Cell, err error) {
	head, err := readHead(file)
	if err != nil {
		return nil, err
	}
	gz := bytes.HasPrefix(head, gzipMagic)
	seen, err := sampleOf(file, gz, opts.Limits)
	if err != nil {
		return nil, err
	}
	d, skip, err := detect(seen, &opts, func(string, ...any) {})
	if err != nil {
		return nil, err
	}
	r, err := unpack(file, gz, opts.Limits)
	if err != nil {
		return nil, err
	}
	s := newScanner(decoded(r, d.charset), d, opts.Limits)
	if _, err := s.has(skip); err != nil {
		return nil, err
	}
	s.pos += skip
	for s.scan() == nil {
		kind := etl.Text
		if s.fault != nil {
			kind = etl.CellError
		}
		for i, text := range s.appendText(nil) {
			cells = append(cells, Cell{s.row, i + 1, text, kind})
		}
	}
	return cells, nil
}

// CleanUTF8, and what it says by its parts.
func CleanUTF8(b []byte) (got, want bool) { return cleanUTF8(b), controlByte(b) < 0 && utf8.Valid(b) }
