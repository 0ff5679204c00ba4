package markup

import (
	"bufio"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"

	"github.com/ticketetl/ticketetl/etl"
)

// A recorder keeps the bytes that an xml.Decoder has taken since the last token:
// those of the next one, and as a rule the "<" behind it.
type recorder struct {
	r    *bufio.Reader
	raw  []byte
	from int64 // offset of raw
}

// token returns the bytes up to the offset to, and forget drops them.
func (r *recorder) token(to int64) []byte { return r.raw[:to-r.from] }

func (r *recorder) forget(to int64) {
	r.raw = append(r.raw[:0], r.raw[to-r.from:]...)
	r.from = to
}

// ReadByte lets the decoder take no byte more than it needs.
func (r *recorder) ReadByte() (byte, error) {
	b, err := r.r.ReadByte()
	if err == nil {
		r.raw = append(r.raw, b)
	}
	return b, err
}

func (r *recorder) Read([]byte) (int, error) { return 0, errors.New("read by bytes only") }

// A sheetMarker copies the part of a worksheet and colours cells on the way.
// All bytes that are not part of a marked cell's tag are copied as they are.
type sheetMarker struct {
	from   *recorder
	dec    *xml.Decoder
	to     *bufio.Writer
	styles *styles
	next   func() (mark, error, bool)

	depth   int
	prefix  string // of the part's elements
	columns []columnStyle
	row     int // number of the current one
	style   int // of the row, -1 if it has none
	column  int // of the last cell
	inData  bool
	behind  bool   // the cells are over
	pending mark   // the next one; its row is 0 when there are no more
	here    []mark // of the current row, still to come

	newVML  string // relation to a drawing, in case the sheet has none
	relBase string // how the types of relations begin
	vml     string // relation to the drawing with the comments' boxes
	colored int64
}

type columnStyle struct{ from, to, style int }

// run copies the part r to w.
func (m *sheetMarker) run(ctx context.Context, r io.Reader, w io.Writer, marks iter.Seq2[mark, error]) error {
	m.from = &recorder{r: bufio.NewReaderSize(r, 64<<10)}
	m.dec = xml.NewDecoder(m.from)
	m.to = bufio.NewWriterSize(w, 64<<10)
	next, stop := iter.Pull2(marks)
	defer stop()
	m.next = next
	if err := m.advance(); err != nil {
		return err
	}
	for n := 0; ; n++ {
		if n%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		t, err := m.dec.RawToken()
		if errors.Is(err, io.EOF) {
			return m.end()
		}
		to := m.dec.InputOffset()
		if err == nil {
			err = m.token(t, m.from.token(to))
		}
		if err != nil {
			return err
		}
		m.from.forget(to)
	}
}

// end makes sure that every marked cell was found.
func (m *sheetMarker) end() error {
	if m.pending.row > 0 {
		return fmt.Errorf("row %d is not there any more", m.pending.row)
	}
	return m.to.Flush()
}

// advance fetches the next mark.
func (m *sheetMarker) advance() error {
	last := m.pending
	next, err, ok := m.next()
	if err != nil {
		return err
	}
	if !ok {
		m.pending = mark{}
		return nil
	}
	if next.row < last.row || next.row == last.row && next.column <= last.column {
		return fmt.Errorf("the problems are not in the order of the rows: %s after %s", next.ref(), last.ref())
	}
	m.pending = next
	return nil
}

func (m *sheetMarker) token(t xml.Token, raw []byte) error {
	switch t := t.(type) {
	case xml.ProcInst:
		if strings.Contains(strings.ToLower(string(t.Inst)), "utf-16") {
			return errors.New("it is not UTF-8")
		}
	case xml.StartElement:
		m.depth++
		if m.depth <= 4 {
			return m.start(t, raw)
		}
	case xml.EndElement:
		m.depth--
		return m.endTag(t, raw)
	}
	_, err := m.to.Write(raw)
	return err
}

func (m *sheetMarker) start(t xml.StartElement, raw []byte) error {
	closed := strings.HasSuffix(string(raw), "/>")
	switch name := t.Name.Local; {
	case m.depth == 1:
		m.prefix = t.Name.Space
	case m.depth == 2 && name == "sheetData":
		m.inData = true
	case m.depth == 2 && m.behind && name == "legacyDrawing":
		m.vml = attrOf(t.Attr, "id")
	case m.depth == 2 && m.behind && afterDrawing[name]:
		m.drawing()
	case m.depth == 3 && name == "col":
		m.col(t)
	case m.depth == 3 && name == "row" && m.inData:
		return m.startRow(t, raw, closed)
	case m.depth == 4 && name == "c" && m.inData:
		return m.cell(t, raw, closed)
	}
	_, err := m.to.Write(raw)
	return err
}

// afterDrawing are the elements that follow legacyDrawing in a worksheet.
var afterDrawing = map[string]bool{
	"legacyDrawingHF": true, "drawingHF": true, "picture": true, "oleObjects": true, "controls": true,
	"webPublishItems": true, "tableParts": true, "extLst": true, "AlternateContent": true,
}

// drawing refers to the drawing of the comments, unless the sheet has one.
func (m *sheetMarker) drawing() {
	if m.vml != "" || m.newVML == "" {
		return
	}
	m.vml = m.newVML
	tag := qualified(xml.Name{Space: m.prefix, Local: "legacyDrawing"})
	fmt.Fprintf(m.to, `<%s xmlns:r="%s" r:id="%s"/>`, tag, m.relBase, m.vml)
}

func (m *sheetMarker) endTag(t xml.EndElement, raw []byte) error {
	switch {
	case m.depth == 1 && t.Name.Local == "sheetData":
		m.inData, m.behind = false, true
	case m.depth == 0:
		m.drawing()
	case m.depth == 2 && m.inData && t.Name.Local == "row" && len(raw) > 0:
		m.fill(maxColumn)
	}
	_, err := m.to.Write(raw)
	return err
}

const maxColumn = 1 << 20

func (m *sheetMarker) col(t xml.StartElement) {
	from, _ := strconv.Atoi(attrOf(t.Attr, "min"))
	to, _ := strconv.Atoi(attrOf(t.Attr, "max"))
	style, _ := strconv.Atoi(attrOf(t.Attr, "style"))
	if style > 0 {
		m.columns = append(m.columns, columnStyle{from - 1, to - 1, style})
	}
}

// startRow takes the marks of the row that begins.
func (m *sheetMarker) startRow(t xml.StartElement, raw []byte, closed bool) error {
	m.row++
	if n, err := strconv.Atoi(attrOf(t.Attr, "r")); err == nil {
		m.row = n
	}
	m.column, m.here = -1, m.here[:0]
	for m.pending.row > 0 && m.pending.row <= m.row {
		if m.pending.row < m.row {
			return fmt.Errorf("row %d is not there any more", m.pending.row)
		}
		m.here = append(m.here, m.pending)
		if err := m.advance(); err != nil {
			return err
		}
	}
	m.style = -1
	if len(m.here) == 0 {
		_, err := m.to.Write(raw)
		return err
	}
	if custom := attrOf(t.Attr, "customFormat"); custom == "1" || custom == "true" {
		m.style, _ = strconv.Atoi(attrOf(t.Attr, "s"))
	}
	_, err := m.to.WriteString(startTag(t.Name, withoutAttr(t.Attr, "spans"), false))
	if closed && err == nil {
		m.fill(maxColumn)
		_, err = m.to.WriteString("</" + qualified(t.Name) + ">")
	}
	return err
}

// fill makes the marked cells before column that are not there.
func (m *sheetMarker) fill(column int) {
	for len(m.here) > 0 && m.here[0].column < column {
		style := m.styles.mark(m.styleOf(m.here[0].column), m.here[0].warning())
		if style >= 0 {
			tag := qualified(xml.Name{Space: m.prefix, Local: "c"})
			fmt.Fprintf(m.to, `<%s r="%s" s="%d"/>`, tag, m.here[0].ref(), style)
			m.colored++
		}
		m.here = m.here[1:]
	}
}

// styleOf is the format that a cell has that is not there.
func (m *sheetMarker) styleOf(column int) int {
	if m.style >= 0 {
		return m.style
	}
	for _, c := range m.columns {
		if c.from <= column && column <= c.to {
			return c.style
		}
	}
	return 0
}

// cell copies the tag of a cell, with another format if it is a marked one.
func (m *sheetMarker) cell(t xml.StartElement, raw []byte, closed bool) error {
	m.column++
	if ref := strings.TrimRight(attrOf(t.Attr, "r"), "0123456789"); ref != "" {
		column, ok := etl.LetterColumn(ref)
		if !ok {
			return fmt.Errorf("a cell has the reference %q", attrOf(t.Attr, "r"))
		}
		m.column = column
	}
	m.fill(m.column)
	if len(m.here) == 0 || m.here[0].column != m.column {
		_, err := m.to.Write(raw)
		return err
	}
	of, _ := strconv.Atoi(attrOf(t.Attr, "s"))
	style := m.styles.mark(of, m.here[0].warning())
	m.here = m.here[1:]
	if style < 0 {
		_, err := m.to.Write(raw)
		return err
	}
	m.colored++
	_, err := m.to.WriteString(startTag(t.Name, withAttr(t.Attr, "s", strconv.Itoa(style)), closed))
	return err
}
