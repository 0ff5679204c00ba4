package markup

import (
	"bufio"
	"fmt"
	"io"
	"iter"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/ticketetl/ticketetl/etl"
)

// author is who the comments are by.
const author = "ticketetl"

// signature is how they begin, as Excel begins the comments that people write:
// LibreOffice keeps no authors.
const signature = author + ":\n"

// A comments is what is known of a worksheet's comments before any is added.
type comments struct {
	part  string // "" if there are none
	patch *patch
	root  *node
	own   map[string]bool // cells that have a comment already, which stays as it is
	ours  map[string]bool // cells with one of an earlier check, which is taken off
}

func (a *archive) comments(part string) (*comments, error) {
	c := &comments{part: part, own: map[string]bool{}, ours: map[string]bool{}}
	if part == "" || !a.has(part) {
		c.part = ""
		return c, nil
	}
	var err error
	if c.patch, c.root, err = a.read(part); err != nil {
		return nil, err
	}
	list := c.root.child("commentList")
	if list == nil || c.root.child("authors") == nil {
		return nil, fmt.Errorf("part %s holds no list of comments", part)
	}
	for _, n := range list.all("comment") {
		if c.isOurs(n) {
			c.ours[n.attr("ref")] = true
			c.patch.put(n.from, n.to, "")
			continue
		}
		c.own[n.attr("ref")] = true
	}
	return c, nil
}

// isOurs says whether a comment was made by an earlier check.
func (c *comments) isOurs(n *node) bool {
	if i, err := strconv.Atoi(n.attr("authorId")); err == nil && i == c.author() {
		return true
	}
	text := n.child("text")
	return text != nil && strings.HasPrefix(text.texts(c.patch.data), signature)
}

// author is the index of ours among the authors, or -1.
func (c *comments) author() int {
	return slices.IndexFunc(c.root.child("authors").all("author"), func(n *node) bool { return n.text(c.patch.data) == author })
}

// takes says whether the n-th marked cell of the sheet gets a comment.
func (c *comments) takes(m *mark, n int64) bool { return n < MaxComments && !c.own[m.ref()] }

// commented are the marks that get a comment.
func (c *comments) commented(marks iter.Seq2[mark, error]) iter.Seq2[mark, error] {
	return func(yield func(mark, error) bool) {
		n := int64(0)
		for m, err := range marks {
			if n >= MaxComments {
				return
			}
			if (err != nil || c.takes(&m, n)) && !yield(m, err) {
				return
			}
			n++
		}
	}
}

// write writes the part with one comment for each mark.
func (c *comments) write(w io.Writer, namespace string, marks iter.Seq2[mark, error]) error {
	b := bufio.NewWriterSize(w, 64<<10)
	head, tail, prefix, id := xmlHead+`<comments xmlns="`+namespace+`"><authors><author>`+author+`</author></authors><commentList>`, `</commentList></comments>`, "", 0
	if c.part != "" {
		prefix = c.root.name.Space
		head, tail, id = c.around()
	}
	b.WriteString(head)
	for m, err := range marks {
		if err != nil {
			return err
		}
		b.WriteString(prefixTags(prefix, fmt.Sprintf(`<comment ref="%s" authorId="%d"><text><t xml:space="preserve">`, m.ref(), id)))
		b.WriteString(escape(signature + m.comment()))
		b.WriteString(prefixTags(prefix, `</t></text></comment>`))
	}
	b.WriteString(tail)
	return b.Flush()
}

// around is the part without earlier comments of ours, cut where new ones are
// added, and the index of their author.
func (c *comments) around() (head, tail string, id int) {
	const cut = "\x00" // no XML holds it
	if id = c.author(); id < 0 {
		authors, tag := c.root.child("authors"), c.root.prefixed("author")
		id = len(authors.all("author"))
		c.patch.add(authors, "<"+tag+">"+author+"</"+tag+">")
	}
	c.patch.add(c.root.child("commentList"), cut)
	head, tail, _ = strings.Cut(string(c.patch.bytes()), cut)
	return head, tail, id
}

const (
	vmlNames = ` xmlns:v="urn:schemas-microsoft-com:vml" xmlns:o="urn:schemas-microsoft-com:office:office" xmlns:x="urn:schemas-microsoft-com:office:excel"`
	vmlHead  = `<xml` + vmlNames + `><o:shapelayout v:ext="edit"><o:idmap v:ext="edit" data="1"/></o:shapelayout>`
	boxType  = `<v:shapetype` + vmlNames + ` id="_x0000_t202" coordsize="21600,21600" o:spt="202" path="m,l,21600r21600,l21600,xe"><v:stroke joinstyle="miter"/><v:path gradientshapeok="t" o:connecttype="rect"/></v:shapetype>`
)

// A drawing is the VML part with the boxes of a sheet's comments.
type drawing struct {
	head, tail string
	id         int    // of the last shape
	names      string // that each shape declares: a drawing of another program may have other prefixes
}

var shapeID = regexp.MustCompile(`_x0000_s([0-9]{1,8})\b`)

// drawing reads the part, which may hold shapes of the user's; "" begins one.
// The boxes of the cells in without are left out.
func (a *archive) drawing(part string, without map[string]bool) (*drawing, error) {
	d := &drawing{names: vmlNames, head: vmlHead + boxType, tail: "</xml>", id: 1024}
	if part == "" {
		d.names = ""
		return d, nil
	}
	p, root, err := a.read(part)
	if err != nil {
		return nil, err
	}
	if root.name.Local != "xml" || root.to == root.open {
		return nil, fmt.Errorf("part %s is no drawing", part)
	}
	for _, m := range shapeID.FindAllSubmatch(p.data, -1) {
		n, _ := strconv.Atoi(string(m[1]))
		d.id = max(d.id, n)
	}
	for _, shape := range root.all("shape") {
		if without[noteOf(p.data, shape)] {
			p.put(shape.from, shape.to, "")
		}
	}
	d.tail = string(p.data[root.end:])
	d.head = strings.TrimSuffix(string(p.bytes()), d.tail)
	if !strings.Contains(d.head, `id="_x0000_t202"`) {
		d.head += boxType
	}
	return d, nil
}

// noteOf is the cell of whose comment a shape is the box, or "".
func noteOf(data []byte, shape *node) string {
	client := shape.child("ClientData")
	if client == nil || client.attr("ObjectType") != "Note" || client.child("Row") == nil || client.child("Column") == nil {
		return ""
	}
	row, err := strconv.Atoi(strings.TrimSpace(client.child("Row").text(data)))
	column, err2 := strconv.Atoi(strings.TrimSpace(client.child("Column").text(data)))
	if err != nil || err2 != nil || row < 0 || column < 0 {
		return ""
	}
	return etl.ColumnLetter(column) + strconv.Itoa(row+1)
}

// write writes the part with one box for each mark.
func (d *drawing) write(w io.Writer, marks iter.Seq2[mark, error]) error {
	b := bufio.NewWriterSize(w, 64<<10)
	b.WriteString(d.head)
	for m, err := range marks {
		if err != nil {
			return err
		}
		d.id++
		lines := boxLines(signature + m.comment())
		top := max(m.row-2, 0)
		fmt.Fprintf(b, `<v:shape%s id="_x0000_s%d" type="#_x0000_t202" style="position:absolute;margin-left:60pt;margin-top:2pt;width:260pt;height:%dpt;z-index:%d;visibility:hidden" fillcolor="#ffffe1" o:insetmode="auto">`+
			`<v:fill color2="#ffffe1"/><v:shadow on="t" color="black" obscured="t"/><v:path o:connecttype="none"/>`+
			`<v:textbox style="mso-direction-alt:auto"><div style="text-align:left"></div></v:textbox>`+
			`<x:ClientData ObjectType="Note"><x:MoveWithCells/><x:SizeWithCells/><x:Anchor>%d, 15, %d, 2, %d, 15, %d, 4</x:Anchor><x:AutoFill>False</x:AutoFill><x:Row>%d</x:Row><x:Column>%d</x:Column></x:ClientData></v:shape>`,
			d.names, d.id, 13*lines+8, d.id-1024, m.column+1, top, m.column+5, top+lines+1, m.row-1, m.column)
	}
	b.WriteString(d.tail)
	return b.Flush()
}

// boxLines is how many lines the box of a text has.
func boxLines(text string) int { return min(linesOf(text, 45)+1, 30) }

// linesOf is about how many lines a text takes that wraps after width letters.
func linesOf(text string, width int) int {
	n := 0
	for line := range strings.SplitSeq(text, "\n") {
		n += 1 + utf8.RuneCountInString(line)/width
	}
	return n
}
