package markup

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// The colours of marked cells: those of the styles Bad and Neutral in Excel.
const (
	errorColor   = "FFC7CE"
	warningColor = "FFEB9C"
	headColor    = "D9E1F2"
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
	data     []byte // of the part
}

// entries are the entries as they stand in the part.
func (s *section) entries() []string {
	if s.node == nil {
		return nil
	}
	all := make([]string, len(s.node.children))
	for i, n := range s.node.children {
		all[i] = string(s.data[n.from:n.to])
	}
	return all
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

	inUse  string              // the fills of the workbook without earlier marks, in upper case
	shades int                 // of marks that have been tried
	made   map[markedStyle]int // fills of marks, by the fill before
	legend []legendEntry

	head, link, text, rows int // formats of the sheet Problems
}

// A legendEntry shows a mark, and what was there before: both are formats.
type legendEntry struct{ mark, before int }

type markedStyle struct {
	of      int
	warning bool
}

// stylesOrder are the first children of a styles part, in their order.
var stylesOrder = []string{"numFmts", "fonts", "fills", "borders", "cellStyleXfs", "cellXfs", "cellStyles", "dxfs", "tableStyles", "colors", "extLst"}

// readStyles reads the styles part; data may be that of an empty one.
func readStyles(p *patch, root *node) *styles {
	s := &styles{patch: p, root: root, marked: map[markedStyle]int{}, made: map[markedStyle]int{}}
	s.fonts = s.section("fonts", s.tags(`<font><sz val="11"/><name val="Calibri"/></font>`), 1)
	s.fills = s.section("fills", s.tags(`<fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill>`), 2)
	s.formats = s.section("cellXfs", s.tags(`<xf numFmtId="0" fontId="0" fillId="0"/>`), 1)
	if s.formats.node != nil {
		s.xfs = s.formats.node.all("xf")
		s.formats.count = len(s.xfs)
	}
	s.inUse = strings.ToUpper(strings.Join(s.fills.entries(), ""))
	s.ownFormats()
	return s
}

func (s *styles) section(name, defaults string, count int) section {
	n := s.root.child(name)
	if n != nil {
		count = len(n.children)
	}
	return section{name: name, node: n, count: count, defaults: defaults, data: s.patch.data}
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
	return s.fills.add(s.tags(fmt.Sprintf(`<fill><patternFill patternType="solid"><fgColor rgb="FF%s"/><bgColor indexed="64"/></patternFill></fill>`, color)))
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
	fill, first := s.markFill(s.fillOf(of), warning)
	i := s.formats.add(s.filled(of, fill))
	s.marked[key] = i
	if first {
		s.legend = append(s.legend, legendEntry{mark: i, before: of})
	}
	return i
}

// markFill is the fill that marks a cell which had the fill of, and whether this
// is the first mark that uses it.
func (s *styles) markFill(of int, warning bool) (fill int, first bool) {
	key := markedStyle{of, warning}
	if fill, ok := s.made[key]; ok {
		return fill, false
	}
	color := errorColor
	if warning {
		color = warningColor
	}
	for n := s.shades + 1; n < variants; n++ {
		s.shades = n
		if shade := variant(color, n); !strings.Contains(s.inUse, shade) {
			s.made[key] = s.fill(shade)
			return s.made[key], true
		}
	}
	s.made[key] = s.fill(variant(color, variants-1)) // two share it: one cannot be given back
	return s.made[key], false
}

// filled is format of, as it stands in the part, with another fill.
func (s *styles) filled(of, fill int) string {
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
