package markup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/ticketetl/ticketetl/etl"
)

// A Result says what a marked-up workbook came to hold.
type Result struct {
	Sheet       string // name of the sheet with the problems
	Colored     int64  // cells
	Uncommented int64  // of these: cells without a comment of ours
	Unlisted    int64  // problems that are not on the sheet
	Cut         int64  // texts of a new workbook that were longer than a cell holds
	LeftOut     int64  // rows with problems that are not in a new workbook
}

// Copy writes to out a copy of the workbook at path with the cells of problems
// marked. Whatever is not a marked cell stays as it is.
//
// The error is about a workbook of a kind that cannot be edited so, or one that
// is not the one that the problems are of; what was written is then of no use.
func Copy(ctx context.Context, path string, out io.Writer, problems Problems) (Result, error) {
	file, err := os.Open(path)
	if err != nil {
		return Result{}, err
	}
	defer file.Close() // only read
	stat, err := file.Stat()
	if err != nil {
		return Result{}, err
	}
	c := &copier{ctx: ctx, problems: problems}
	if c.archive, err = openArchive(file, stat.Size(), out); err != nil {
		return Result{}, err
	}
	err = c.run()
	return c.result, err
}

// A copier makes one copy.
type copier struct {
	ctx      context.Context
	problems Problems
	archive  *archive
	types    *types
	rels     *relations // of the workbook
	book     *patch
	bookRoot *node
	bookPart string
	styles   *styles
	look     string // part of the styles
	before   *earlier
	sheets   map[string]*sheetCopy // by name
	result   Result
}

// A sheetCopy is one marked sheet.
type sheetCopy struct {
	part     string
	rels     *relations
	comments *comments
	silent   bool  // no comments can be added
	noted    int64 // marks that note has seen
}

func (c *copier) run() error {
	if err := c.open(); err != nil {
		return err
	}
	names, err := c.problems.sheets()
	if err != nil {
		return err
	}
	if old := c.before.list; old != nil && slices.Contains(names, old.attr("name")) {
		c.before.list = nil // it was itself checked: it is the user's now
	}
	for _, name := range names {
		if err := c.sheet(name); err != nil {
			return fmt.Errorf("sheet %q: %w", name, err)
		}
	}
	if err := c.clean(); err != nil {
		return err
	}
	if err := c.list(); err != nil {
		return err
	}
	return c.close()
}

// open reads the parts that all sheets share.
func (c *copier) open() (err error) {
	if c.types, err = c.archive.types(); err != nil {
		return err
	}
	root, err := c.archive.relations("")
	if err != nil {
		return err
	}
	if c.bookPart = root.find("officeDocument"); c.bookPart == "" {
		c.bookPart = "xl/workbook.xml"
	}
	if c.book, c.bookRoot, err = c.archive.read(c.bookPart); err != nil {
		return err
	}
	if c.bookRoot.child("sheets") == nil {
		return errors.New("it has no list of sheets")
	}
	if c.rels, err = c.archive.relations(c.bookPart); err != nil {
		return err
	}
	c.sheets = map[string]*sheetCopy{}
	if err := c.openStyles(); err != nil {
		return err
	}
	if c.before, err = c.earlier(); err != nil {
		return err
	}
	c.styles.takeOff(c.before.fills)
	return nil
}

const strictMain = "http://purl.oclc.org/ooxml/spreadsheetml/main"

// namespace is that of the parts' elements: there are two forms of the format.
func (c *copier) namespace() string {
	if c.strict() {
		return strictMain
	}
	return "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
}

func (c *copier) strict() bool { return c.bookRoot.namespace(c.bookRoot.name.Space) == strictMain }

// relation is the type of a relation of a kind.
func (c *copier) relation(kind string) string {
	if c.strict() {
		return "http://purl.oclc.org/ooxml/officeDocument/relationships" + kind
	}
	return "http://schemas.openxmlformats.org/officeDocument/2006/relationships" + kind
}

const spreadsheetType = "application/vnd.openxmlformats-officedocument.spreadsheetml."

func (c *copier) openStyles() error {
	if c.look = c.rels.find("styles"); c.look != "" && c.archive.has(c.look) {
		p, root, err := c.archive.read(c.look)
		if err != nil {
			return err
		}
		c.styles = readStyles(p, root)
		return nil
	}
	p := &patch{data: []byte(xmlHead + `<styleSheet xmlns="` + c.namespace() + `"></styleSheet>`)}
	root, err := parse(p.data)
	if err != nil {
		return err
	}
	c.styles = readStyles(p, root)
	c.look = c.archive.newName("xl/styles", ".xml")
	c.rels.add(c.rels.newID(), c.relation("/styles"), c.look)
	c.types.part(c.look, spreadsheetType+"styles+xml")
	return nil
}

// sheetPart is the part of a worksheet.
func (c *copier) sheetPart(name string) string {
	for _, s := range c.bookRoot.child("sheets").all("sheet") {
		if s.attr("name") == name {
			return c.rels.target(prefixedAttr(s, "id"))
		}
	}
	return ""
}

// prefixedAttr is an attribute that has a prefix, such as r:id.
func prefixedAttr(n *node, name string) string {
	for _, a := range n.attrs {
		if a.Name.Local == name && a.Name.Space != "" {
			return a.Value
		}
	}
	return ""
}

// sheet copies a worksheet with its bad cells coloured, and adds the comments.
func (c *copier) sheet(name string) error {
	s := &sheetCopy{part: c.sheetPart(name)}
	if s.part == "" || !c.archive.has(s.part) {
		return errors.New("it is not there any more")
	}
	var err error
	if s.rels, err = c.archive.relations(s.part); err != nil {
		return err
	}
	if s.comments, err = c.archive.comments(s.rels.find("comments")); err != nil {
		s.silent, s.comments = true, &comments{}
	}
	marker := &sheetMarker{styles: c.styles, relBase: c.relation("")}
	if !s.silent {
		marker.newVML = s.rels.newID()
	}
	if err := c.mark(s, marker, name); err != nil {
		return err
	}
	c.result.Colored += marker.colored
	c.sheets[name] = s
	if s.silent {
		return nil
	}
	return c.comment(s, marker, name)
}

func (c *copier) mark(s *sheetCopy, marker *sheetMarker, name string) error {
	r, err := c.archive.open(s.part)
	if err != nil {
		return err
	}
	defer r.Close() // only read
	w, err := c.archive.create(s.part)
	if err != nil {
		return err
	}
	return marker.run(c.ctx, r, w, c.problems.marks(name))
}

// comment adds the comments and their boxes.
func (c *copier) comment(s *sheetCopy, marker *sheetMarker, name string) error {
	part := ""
	if marker.vml != marker.newVML {
		part = s.rels.target(marker.vml)
	}
	boxes, err := c.archive.drawing(part, s.comments.ours)
	if err != nil {
		s.silent = true // the sheet has shapes that are drawn in another way: they stay
		return nil
	}
	if part == "" {
		part = c.archive.newName("xl/drawings/vmlDrawingMarks", ".vml")
		s.rels.add(marker.vml, c.relation("/vmlDrawing"), part)
		c.types.extension("vml", "application/vnd.openxmlformats-officedocument.vmlDrawing")
	}
	marks := s.comments.commented(c.problems.marks(name))
	if err := c.part(part, func(w io.Writer) error { return boxes.write(w, marks) }); err != nil {
		return err
	}
	texts := s.comments.part
	if texts == "" {
		texts = c.archive.newName("xl/commentsMarks", ".xml")
		s.rels.add(s.rels.newID(), c.relation("/comments"), texts)
		c.types.part(texts, spreadsheetType+"comments+xml")
	}
	if err := c.part(texts, func(w io.Writer) error { return s.comments.write(w, c.namespace(), marks) }); err != nil {
		return err
	}
	return s.rels.save(c.archive)
}

func (c *copier) part(name string, write func(io.Writer) error) error {
	w, err := c.archive.create(name)
	if err != nil {
		return err
	}
	return write(w)
}

// list adds the sheet with the problems, or writes that of an earlier check anew.
func (c *copier) list() error {
	part, err := c.listPart()
	if err != nil {
		return err
	}
	l := &list{styles: c.styles}
	if err := c.part(part, func(w io.Writer) error { return l.write(w, c.namespace(), c.problems, c.note) }); err != nil {
		return err
	}
	c.result.Unlisted = l.more
	c.refilter(l.row)
	return nil
}

// listPart is the part of the sheet with the problems. An earlier one is used
// again, since its number among the sheets may stand in many places.
func (c *copier) listPart() (string, error) {
	if old := c.before.list; old != nil {
		c.result.Sheet = old.attr("name")
		part := c.rels.target(prefixedAttr(old, "id"))
		return part, c.archive.forgetRelations(part)
	}
	c.result.Sheet = c.freeName()
	part := c.archive.newName("xl/worksheets/sheetProblems", ".xml")
	id := c.rels.newID()
	c.rels.add(id, c.relation("/worksheet"), part)
	c.types.part(part, spreadsheetType+"worksheet+xml")
	sheets := c.bookRoot.child("sheets")
	c.book.add(sheets, fmt.Sprintf(`<%s name="%s" sheetId="%d" xmlns:r="%s" r:id="%s"/>`,
		c.bookRoot.prefixed("sheet"), c.result.Sheet, c.newSheetID(), c.relation(""), id))
	c.nameList()
	return part, nil
}

// nameList adds the defined name by which the sheet is known later.
func (c *copier) nameList() {
	reference := fmt.Sprintf("'%s'!$A$1", c.result.Sheet)
	if old := c.listName(); old != nil { // of a sheet that was deleted
		c.book.put(old.from, old.to, startTag(old.name, old.attrs, false)+reference+"</"+qualified(old.name)+">")
		return
	}
	tag := c.bookRoot.prefixed("definedName")
	text := fmt.Sprintf(`<%s name="%s" hidden="1">%s</%s>`, tag, etl.ProblemsName, reference, tag)
	if names := c.bookRoot.child("definedNames"); names != nil {
		c.book.add(names, text)
		return
	}
	place := c.bookRoot.child("sheets")
	for _, n := range c.bookRoot.children {
		if n.name.Local == "functionGroups" || n.name.Local == "externalReferences" {
			place = n
		}
	}
	list := c.bookRoot.prefixed("definedNames")
	c.book.put(place.to, place.to, "<"+list+">"+text+"</"+list+">")
}

// refilter sets the range of the filter on an earlier sheet of problems, which
// Excel keeps as a defined name, too.
func (c *copier) refilter(rows int) {
	names := c.bookRoot.child("definedNames")
	if names == nil || c.before.list == nil {
		return
	}
	index := strconv.Itoa(slices.Index(c.bookRoot.child("sheets").all("sheet"), c.before.list))
	for _, n := range names.all("definedName") {
		if n.attr("name") == "_xlnm._FilterDatabase" && n.attr("localSheetId") == index && n.to > n.open {
			c.book.put(n.open, n.end, escape(fmt.Sprintf("'%s'!$A$1:$%s$%d", strings.ReplaceAll(c.result.Sheet, "'", "''"), lastListColumn, max(rows, 1))))
		}
	}
}

// note says why a cell has no comment of ours.
func (c *copier) note(m *mark) string {
	s := c.sheets[m.sheet]
	n := s.noted
	s.noted++
	text := ""
	switch {
	case s.silent:
		text = "coloured only: the sheet's drawings leave no room for comments"
	case s.comments.own[m.ref()]:
		text = "coloured only: the cell has a comment of its own"
	case !s.comments.takes(m, n):
		text = fmt.Sprintf("coloured only: comments are made for the first %d cells", MaxComments)
	default:
		return ""
	}
	c.result.Uncommented++
	return text
}

// freeName is a name for the new sheet; names are compared without case.
func (c *copier) freeName() string {
	taken := func(name string) bool {
		for _, s := range c.bookRoot.child("sheets").all("sheet") {
			if strings.EqualFold(s.attr("name"), name) {
				return true
			}
		}
		return false
	}
	name := ProblemsSheet
	for n := 2; taken(name); n++ {
		name = fmt.Sprintf("%s (%d)", ProblemsSheet, n)
	}
	return name
}

func (c *copier) newSheetID() int {
	highest := 0
	for _, s := range c.bookRoot.child("sheets").all("sheet") {
		var id int
		_, _ = fmt.Sscan(s.attr("sheetId"), &id)
		highest = max(highest, id)
	}
	return highest + 1
}

// close writes the parts that all sheets share, and copies the rest.
func (c *copier) close() error {
	for _, save := range []func() error{
		func() error { return c.archive.write(c.look, c.styles.bytes()) },
		func() error { return c.archive.write(c.bookPart, c.book.bytes()) },
		func() error { return c.rels.save(c.archive) },
		func() error { return c.types.save(c.archive) },
		c.archive.close,
	} {
		if err := save(); err != nil {
			return err
		}
	}
	return nil
}
