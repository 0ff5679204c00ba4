package load

import (
	"archive/zip"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/flate"
	"github.com/xuri/excelize/v2"

	"github.com/ticketetl/ticketetl/etl"
)

// sheets writes a workbook that is not editable. Its rows go into the archive as they
// come; everything else is excelize's. With excelize's stream, which keeps the
// rows in a file and the archive in memory until the end, an export took three
// times the time and the memory.
type sheets struct {
	*workbook
	zip   *zip.Writer
	part  *packing // of the sheet that is written
	line  []byte
	names []string // letters of the columns
}

// sheetPart is the name of a sheet's part of the archive, as excelize numbers them.
func sheetPart(n int) string { return fmt.Sprintf("xl/worksheets/sheet%d.xml", n) }

func newSheets(b *workbook) (format, error) {
	s := &sheets{workbook: b, zip: zip.NewWriter(b.out)}
	s.zip.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.DefaultCompression) })
	for i := range b.opts.Columns {
		s.names = append(s.names, etl.ColumnLetter(i))
	}
	return s, s.begin()
}

// begin starts the next sheet with its header.
func (s *sheets) begin() error {
	if _, err := s.addSheet(); err != nil {
		return err
	}
	part, err := s.zip.Create(sheetPart(s.sheet))
	if err != nil {
		return err
	}
	s.part = pack(part)
	s.line = append(s.line[:0], `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>`+"\n"+
		`<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetViews><sheetView workbookViewId="0">`+
		`<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews><sheetFormatPr defaultRowHeight="15"/><cols>`...)
	for i, c := range s.opts.Columns {
		s.line = fmt.Appendf(s.line, `<col min="%d" max="%d" width="%v" customWidth="1"/>`, i+1, i+1, columnWidth(c))
	}
	s.line = append(s.line, `</cols><sheetData>`...)
	for i, c := range s.opts.Columns {
		s.cells[i] = c.Name
	}
	s.write(1)
	return nil
}

func (s *sheets) row(rec *etl.Record) error {
	if s.next > maxSheetRows {
		if err := s.end(); err != nil {
			return err
		}
		if err := s.begin(); err != nil {
			return err
		}
	}
	if err := s.setCells(rec.Properties); err != nil {
		return err
	}
	s.line = s.line[:0]
	s.write(s.next)
	return nil
}

// write adds the row of cells with a number to what is in the line, and hands it over.
func (s *sheets) write(n int) {
	number := strconv.Itoa(n)
	s.line = append(append(append(s.line, `<row r="`...), number...), `">`...)
	for i, cell := range s.cells {
		s.line = appendCell(s.line, s.names[i], number, cell)
	}
	s.line = append(s.line, `</row>`...)
	s.next = n + 1
	s.part.add(s.line)
}

// appendCell writes a cell: nothing for an empty one.
func appendCell(b []byte, column, row string, value any) []byte {
	style := 0
	if cell, ok := value.(excelize.Cell); ok {
		style, value = cell.StyleID, cell.Value
	}
	if value == nil {
		return b
	}
	b = append(append(append(b, `<c r="`...), column...), row...)
	if style > 0 {
		b = strconv.AppendInt(append(b, `" s="`...), int64(style), 10)
	}
	switch v := value.(type) {
	case float64:
		b = append(strconv.AppendFloat(append(b, `"><v>`...), v, 'f', -1, 64), `</v></c>`...)
	case time.Time:
		b = append(strconv.AppendFloat(append(b, `"><v>`...), serial(v), 'f', -1, 64), `</v></c>`...)
	case bool:
		digit := byte('0')
		if v {
			digit = '1'
		}
		b = append(append(append(b, `" t="b"><v>`...), digit), `</v></c>`...)
	case string:
		b = append(b, `" t="inlineStr"><is><t`...)
		if strings.TrimSpace(v) != v {
			b = append(b, ` xml:space="preserve"`...)
		}
		b = append(appendText(append(b, '>'), v), `</t></is></c>`...)
	}
	return b
}

// appendText writes what XML needs of a text; a reader would make one line break of
// a carriage return that is not escaped.
func appendText(b []byte, text string) []byte {
	if strings.Contains(text, stand) {
		text = strings.ReplaceAll(text, stand, "_")
	}
	from := 0
	for i := range len(text) {
		var escaped string
		switch text[i] {
		case '&':
			escaped = "&amp;"
		case '<':
			escaped = "&lt;"
		case '>':
			escaped = "&gt;"
		case '\r':
			escaped = "&#xD;"
		default:
			continue
		}
		b = append(append(b, text[from:i]...), escaped...)
		from = i + 1
	}
	return append(b, text[from:]...)
}

// serial is a clock time as a workbook counts days: from 1899-12-31 on, with a
// 1900-02-29 that never was.
func serial(t time.Time) float64 {
	const day = 24 * 60 * 60
	seconds := t.Unix() - time.Date(1899, 12, 31, 0, 0, 0, 0, time.UTC).Unix() // a date before is written as text
	days := seconds / day
	rest := (seconds-days*day)*1e9 + int64(t.Nanosecond())
	if days >= 60 {
		days++
	}
	return float64(days) + float64(rest)/(day*1e9)
}

// end completes the sheet.
func (s *sheets) end() error {
	s.part.add([]byte(`</sheetData></worksheet>`))
	return s.part.close()
}

func (s *sheets) finish() error {
	defer s.file.Close()
	if err := s.end(); err != nil {
		return err
	}
	s.file.SetZipWriter(func(io.Writer) excelize.ZipWriter { return rest{s} })
	return s.file.Write(io.Discard)
}

// rest is the archive as excelize sees it: the sheets are in it already.
type rest struct{ *sheets }

func (r rest) Create(name string) (io.Writer, error) {
	for n := range r.sheet {
		if name == sheetPart(n+1) {
			return io.Discard, nil
		}
	}
	return r.zip.Create(name)
}

func (r rest) AddFS(fsys fs.FS) error { return r.zip.AddFS(fsys) }

func (r rest) Close() error { return r.zip.Close() }

// Close lets go of what an export that is given up has begun.
func (s *sheets) Close() error {
	_ = s.part.close()
	return s.file.Close()
}

// A packing compresses what is added to it in a goroutine of its own, which takes as
// long as to make it.
type packing struct {
	blocks chan<- []byte // nil once it is closed
	open   []byte
	ended  chan struct{}
	err    error // of the goroutine, once it has ended
}

const packBlock = 256 << 10 // bytes that are handed over at once

func pack(to io.Writer) *packing {
	blocks := make(chan []byte, 2)
	p := &packing{blocks: blocks, ended: make(chan struct{})}
	go func() {
		defer close(p.ended)
		for block := range blocks { // to the end, so that nobody waits for ever
			if p.err == nil {
				_, p.err = to.Write(block)
			}
		}
	}()
	return p
}

// add keeps no part of text. What goes wrong is said by close.
func (p *packing) add(text []byte) {
	if p.open = append(p.open, text...); len(p.open) >= packBlock {
		p.blocks <- p.open
		p.open = make([]byte, 0, packBlock+packBlock/8)
	}
}

// close waits until all is written. It may be called again.
func (p *packing) close() error {
	if p.blocks != nil {
		p.blocks <- p.open
		close(p.blocks)
		p.blocks = nil
	}
	<-p.ended
	return p.err
}
