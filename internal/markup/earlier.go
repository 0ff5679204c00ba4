package markup

import (
	"encoding/xml"
	"errors"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/ticketetl/ticketetl/etl"
)

// Marks of an earlier check are taken off before new ones are made. Spreadsheet
// programs write a workbook anew when they save it, with other numbers for all
// formats and sometimes without the authors of comments. What they keep is what
// a mark is known by: its colour, which no other cell of the workbook had; the
// two cells in the hidden columns of the sheet of problems that show this colour
// and what was there before it; the first line of a comment; the defined name
// that leads to the sheet.

// legendColumn is the first of the hidden columns of the sheet of problems.
const legendColumn = 10

// An earlier is what a check before this one has left in the workbook.
type earlier struct {
	list     *node          // the entry of its sheet of problems, nil if there is none
	fills    map[int]int    // index of each fill that is a mark: that of the fill before it, or -1
	comments map[string]int // parts with comments of ours, and how many
}

// earlier looks for marks. Nothing is changed yet.
func (c *copier) earlier() (*earlier, error) {
	e := &earlier{fills: map[int]int{}, comments: map[string]int{}}
	e.list = c.listSheet()
	for _, s := range c.bookRoot.child("sheets").all("sheet") {
		if s == e.list {
			continue
		}
		part, n := c.earlierComments(c.rels.target(prefixedAttr(s, "id")))
		if n > 0 {
			e.comments[part] = n
		}
	}
	if e.list != nil {
		return e, c.legend(e)
	}
	if len(e.comments) > 0 { // somebody has deleted the sheet
		for i, fill := range c.styles.fills.entries() {
			if c.styles.isMark(fill) {
				e.fills[i] = -1
			}
		}
	}
	return e, nil
}

// listName is the defined name that leads to the sheet of problems, or nil.
func (c *copier) listName() *node {
	if names := c.bookRoot.child("definedNames"); names != nil {
		for _, n := range names.all("definedName") {
			if n.attr("name") == etl.ProblemsName {
				return n
			}
		}
	}
	return nil
}

// listSheet is the entry of an earlier sheet of problems, or nil.
func (c *copier) listSheet() *node {
	name := c.listName()
	if name == nil {
		return nil
	}
	want := etl.SheetOf(name.text(c.book.data))
	for _, s := range c.bookRoot.child("sheets").all("sheet") {
		if want != "" && s.attr("name") == want && c.archive.in[c.rels.target(prefixedAttr(s, "id"))] != nil {
			return s
		}
	}
	return nil
}

// earlierComments is the part with a worksheet's comments, and how many of
// those are of ours. A part that cannot be read has none.
func (c *copier) earlierComments(sheet string) (string, int) {
	if sheet == "" || !c.archive.has(sheet) {
		return "", 0
	}
	rels, err := c.archive.relations(sheet)
	if err != nil {
		return "", 0
	}
	part := rels.find("comments")
	all, err := c.archive.comments(part)
	if err != nil {
		return "", 0
	}
	return part, len(all.ours)
}

// legend reads which colours are marks, and what was there before each.
func (c *copier) legend(e *earlier) error {
	cells, err := c.firstRow(c.rels.target(prefixedAttr(e.list, "id")))
	if err != nil {
		return err
	}
	fills := c.styles.fills.entries()
	for column := legendColumn; column+1 < maxColumns; column += 2 {
		style, there := cells[column]
		if !there {
			return nil
		}
		mark := c.styles.fillOf(style)
		if mark >= 0 && mark < len(fills) && c.styles.isMark(fills[mark]) {
			e.fills[mark] = c.styles.fillOf(cells[column+1])
		}
	}
	return nil
}

// firstRow are the formats of the cells in the first row of a worksheet.
func (c *copier) firstRow(part string) (map[int]int, error) {
	r, err := c.archive.open(part)
	if err != nil {
		return nil, err
	}
	defer r.Close() // only read
	dec := xml.NewDecoder(io.LimitReader(r, maxSmall))
	cells := map[int]int{}
	for {
		t, err := dec.RawToken()
		if errors.Is(err, io.EOF) {
			return cells, nil
		}
		if err != nil {
			return nil, err
		}
		switch t := t.(type) {
		case xml.StartElement:
			if t.Name.Local == "c" {
				column, _ := etl.LetterColumn(strings.TrimRight(attrOf(t.Attr, "r"), "0123456789"))
				cells[column], _ = strconv.Atoi(attrOf(t.Attr, "s"))
			}
		case xml.EndElement:
			if t.Name.Local == "row" {
				return cells, nil
			}
		}
	}
}

// clean takes the comments of ours off the sheets that get no new ones.
func (c *copier) clean() error {
	for _, s := range c.bookRoot.child("sheets").all("sheet") {
		if s == c.before.list || c.sheets[s.attr("name")] != nil {
			continue
		}
		if err := c.cleanSheet(c.rels.target(prefixedAttr(s, "id"))); err != nil {
			return err
		}
	}
	return nil
}

func (c *copier) cleanSheet(sheet string) error {
	if sheet == "" || !c.archive.has(sheet) {
		return nil
	}
	rels, err := c.archive.relations(sheet)
	if err != nil || c.before.comments[rels.find("comments")] == 0 {
		return err
	}
	all, err := c.archive.comments(rels.find("comments"))
	if err != nil {
		return err
	}
	for _, rel := range rels.root.all("Relationship") {
		if !strings.HasSuffix(rel.attr("Type"), "/vmlDrawing") {
			continue
		}
		part := rels.target(rel.attr("Id"))
		boxes, err := c.archive.drawing(part, all.ours)
		if err != nil {
			return nil // drawn in a way that is not ours: all of it stays
		}
		if err := c.archive.write(part, []byte(boxes.head+boxes.tail)); err != nil {
			return err
		}
	}
	return c.archive.write(all.part, all.patch.bytes())
}

// The colours of marks are those of Excel's styles Bad and Neutral, give or take
// what no eye sees, so that each workbook has some that are nobody else's.
const variants = 512

// variant is the n-th shade of a colour, which is given as RRGGBB.
func variant(color string, n int) string {
	rgb, _ := strconv.ParseUint(color, 16, 32)
	rgb -= uint64(n&7) | uint64(n>>3&7)<<8 | uint64(n>>6&7)<<16
	return strings.ToUpper(strconv.FormatUint(rgb, 16))
}

// isShade says whether the fill is one of a shade of color.
func isShade(rgb, color string) bool {
	for n := 1; n < variants; n++ {
		if strings.EqualFold(rgb, variant(color, n)) {
			return true
		}
	}
	return false
}

var solidColor = regexp.MustCompile(`(?s)patternType\s*=\s*["']solid["'].*fgColor[^>]*rgb\s*=\s*["'][0-9A-Fa-f]{2}([0-9A-Fa-f]{6})["']`)

// isMark says whether a fill has a colour that marks have.
func (s *styles) isMark(fill string) bool {
	m := solidColor.FindStringSubmatch(fill)
	return m != nil && (isShade(m[1], errorColor) || isShade(m[1], warningColor))
}

// fillOf is the index of the fill of a format.
func (s *styles) fillOf(format int) int {
	if format < 0 || format >= len(s.xfs) {
		return 0
	}
	i, _ := strconv.Atoi(s.xfs[format].attr("fillId"))
	return i
}

// takeOff gives every format that has a mark for its fill what it had before.
func (s *styles) takeOff(marks map[int]int) {
	if s.fills.node == nil {
		return
	}
	fills := s.fills.entries()
	for _, mark := range slices.Sorted(maps.Keys(marks)) {
		before := s.tags(`<fill><patternFill patternType="none"/></fill>`)
		if i := marks[mark]; i >= 0 && i < len(fills) && !s.isMark(fills[i]) {
			before = fills[i]
		}
		n := s.fills.node.children[mark]
		s.patch.put(n.from, n.to, before)
		s.inUse = strings.Replace(s.inUse, strings.ToUpper(fills[mark]), "", 1)
	}
}
