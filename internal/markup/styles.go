package markup

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// The colours of marked cells: those of the styles Bad and Neutral in Excel.
const (
	errorColor   = "FFFFC7CE"
	warningColor = "FFFFEB9C"
	headColor    = "FFD9E1F2"
)

// maxStyles is how many cell formats Excel reads.
const maxStyles = 64_000

// A section is one list of the styles part that entries are added to.
type section struct {
	name     string
	node     *node // nil if the part has none
	count    int   // entries, with those added
	added    strings.Builder
	defaults string // entries that stand in a list that is new
}

// add returns the index of the new entry.
func (s *section) add(text string) int {
	s.added.WriteString(text)
	s.count++
	return s.count - 1
}

// styles are the workbook's cell formats. Marked cells get a copy of their own
// one with another fill.
type styles struct {
	patch  *patch
	root   *node
	xfs    []*node // of the original part
	marked map[markedStyle]int

	fonts, fills, formats section

	errorFill, warningFill int
	head, link, text, rows int // formats of the sheet Problems
}

type markedStyle struct {
	of      int
	warning bool
}

// stylesOrder are the first children of a styles part, in their order.
var stylesOrder = []string{"numFmts", "fonts", "fills", "borders", "cellStyleXfs", "cellXfs", "cellStyles", "dxfs", "tableStyles", "colors", "extLst"}

// readStyles reads the styles part; data may be that of an empty one.
func readStyles(p *patch, root *node) *styles {
	s := &styles{patch: p, root: root, marked: map[markedStyle]int{}}
	s.fonts = s.section("fonts", s.tags(`<font><sz val="11"/><name val="Calibri"/></font>`), 1)
	s.fills = s.section("fills", s.tags(`<fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill>`), 2)
	s.formats = s.section("cellXfs", s.tags(`<xf numFmtId="0" fontId="0" fillId="0"/>`), 1)
	if s.formats.node != nil {
		s.xfs = s.formats.node.all("xf")
		s.formats.count = len(s.xfs)
	}
	s.errorFill, s.warningFill = s.fill(errorColor), s.fill(warningColor)
	s.ownFormats()
	return s
}

func (s *styles) section(name, defaults string, count int) section {
	n := s.root.child(name)
	if n != nil {
		count = len(n.children)
	}
	return section{name: name, node: n, count: count, defaults: defaults}
}

// tags gives the tags of text the prefix that the part uses.
func (s *styles) tags(text string) string { return prefixTags(s.root.name.Space, text) }

func prefixTags(prefix, text string) string {
	if prefix == "" {
		return text
	}
	text = strings.ReplaceAll(text, "</", "\x00")
	text = strings.ReplaceAll(text, "<", "<"+prefix+":")
	return strings.ReplaceAll(text, "\x00", "</"+prefix+":")
}

func (s *styles) fill(color string) int {
	return s.fills.add(s.tags(fmt.Sprintf(`<fill><patternFill patternType="solid"><fgColor rgb="%s"/><bgColor indexed="64"/></patternFill></fill>`, color)))
}

// ownFormats adds the formats of the sheet Problems. Texts are of the format
// "Text" and have Excel's own apostrophe, so that none becomes a formula when
// somebody edits it.
func (s *styles) ownFormats() {
	bold := s.fonts.add(s.tags(`<font><b/><sz val="11"/><name val="Calibri"/><family val="2"/></font>`))
	blue := s.fonts.add(s.tags(`<font><u/><sz val="11"/><color rgb="FF0563C1"/><name val="Calibri"/><family val="2"/></font>`))
	plain := s.fonts.add(s.tags(`<font><sz val="11"/><name val="Calibri"/><family val="2"/></font>`))
	format := func(numFmt, font, fill int, more, align string) int {
		return s.formats.add(s.tags(fmt.Sprintf(
			`<xf numFmtId="%d" fontId="%d" fillId="%d" applyNumberFormat="1" applyFont="1" applyFill="1" applyAlignment="1"%s><alignment%s vertical="top" wrapText="1"/></xf>`,
			numFmt, font, fill, more, align)))
	}
	s.head = format(49, bold, s.fill(headColor), "", "")
	s.link = format(49, blue, 0, "", "")
	s.text = format(49, plain, 0, ` quotePrefix="1"`, "")
	s.rows = format(0, plain, 0, "", ` horizontal="left"`)
}

// mark is the format of a marked cell that had the format of; -1 when there are
// too many already.
func (s *styles) mark(of int, warning bool) int {
	if of < 0 || of >= len(s.xfs) {
		of = 0
	}
	key := markedStyle{of, warning}
	if i, ok := s.marked[key]; ok {
		return i
	}
	if s.formats.count >= maxStyles {
		return -1
	}
	i := s.formats.add(s.filled(of, warning))
	s.marked[key] = i
	return i
}

// filled is format of, as it stands in the part, with the fill of a marked cell.
func (s *styles) filled(of int, warning bool) string {
	fill := s.errorFill
	if warning {
		fill = s.warningFill
	}
	if len(s.xfs) == 0 {
		return s.tags(fmt.Sprintf(`<xf numFmtId="0" fontId="0" fillId="%d" applyFill="1"/>`, fill))
	}
	xf := s.xfs[of]
	attrs := withAttr(withAttr(xf.attrs, "fillId", strconv.Itoa(fill)), "applyFill", "1")
	return startTag(xf.name, attrs, xf.to == xf.open) + string(s.patch.data[xf.open:xf.to])
}

// bytes is the styles part with what was added.
func (s *styles) bytes() []byte {
	missing := map[int]string{} // new sections, by where they belong
	for _, sec := range []*section{&s.fonts, &s.fills, &s.formats} {
		count := strconv.Itoa(sec.count)
		if sec.node != nil {
			s.patch.add(sec.node, sec.added.String(), "count", count)
			continue
		}
		tag := s.root.prefixed(sec.name)
		missing[s.place(sec.name)] += "<" + tag + ` count="` + count + `">` + sec.defaults + sec.added.String() + "</" + tag + ">"
	}
	for at, text := range missing {
		if at < 0 {
			s.patch.add(s.root, text)
		} else {
			s.patch.put(at, at, text)
		}
	}
	return s.patch.bytes()
}

// place is where a section belongs: before the first one that comes after it,
// or -1 for the end of the part.
func (s *styles) place(name string) int {
	later := stylesOrder[slices.Index(stylesOrder, name)+1:]
	for _, c := range s.root.children {
		if slices.Contains(later, c.name.Local) {
			return c.from
		}
	}
	return -1
}
