package markup

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// A node is an element of a small part, with its place in the part's bytes.
type node struct {
	name     xml.Name // Space is the prefix
	attrs    []xml.Attr
	from     int // where its start tag begins
	open     int // where its start tag ends
	end      int // where its end tag begins; open, if it has none
	to       int // behind its end tag
	children []*node
}

// parse reads a part that is held in memory. Nothing but UTF-8 is taken, since
// offsets would mean nothing.
func parse(data []byte) (*node, error) {
	dec := xml.NewDecoder(bytes.NewReader(data))
	top := &node{}
	path := []*node{top}
	for {
		from := int(dec.InputOffset())
		t, err := dec.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		to := int(dec.InputOffset())
		switch t := t.(type) {
		case xml.StartElement:
			n := &node{name: t.Name, attrs: slices.Clone(t.Attr), from: from, open: to}
			parent := path[len(path)-1]
			parent.children = append(parent.children, n)
			path = append(path, n)
		case xml.EndElement:
			if len(path) == 1 {
				return nil, errors.New("an end tag without its start tag")
			}
			n := path[len(path)-1]
			n.end, n.to = from, to
			path = path[:len(path)-1]
		}
	}
	if len(path) != 1 || len(top.children) != 1 {
		return nil, io.ErrUnexpectedEOF
	}
	return top.children[0], nil
}

// child is the first child of that local name, or nil.
func (n *node) child(name string) *node {
	for _, c := range n.children {
		if c.name.Local == name {
			return c
		}
	}
	return nil
}

// all are the children of that local name.
func (n *node) all(name string) []*node {
	var all []*node
	for _, c := range n.children {
		if c.name.Local == name {
			all = append(all, c)
		}
	}
	return all
}

// text is what stands between the tags of an element without children, of which
// data is the part.
func (n *node) text(data []byte) string {
	var text struct {
		Text string `xml:",chardata"`
	}
	if xml.Unmarshal([]byte("<t>"+string(data[n.open:max(n.end, n.open)])+"</t>"), &text) != nil {
		return ""
	}
	return text.Text
}

// texts are those of all elements t below n, one after the other.
func (n *node) texts(data []byte) string {
	if n.name.Local == "t" {
		return n.text(data)
	}
	all := ""
	for _, c := range n.children {
		all += c.texts(data)
	}
	return all
}

// attr is an attribute by its local name, preferring one without a prefix.
func (n *node) attr(name string) string { return attrOf(n.attrs, name) }

func attrOf(attrs []xml.Attr, name string) string {
	value := ""
	for _, a := range attrs {
		if a.Name.Local == name {
			if value = a.Value; a.Name.Space == "" {
				return value
			}
		}
	}
	return value
}

// namespace is what a root element's prefix stands for.
func (n *node) namespace(prefix string) string {
	for _, a := range n.attrs {
		if prefix == "" && a.Name.Space == "" && a.Name.Local == "xmlns" || prefix != "" && a.Name.Space == "xmlns" && a.Name.Local == prefix {
			return a.Value
		}
	}
	return ""
}

// prefixed is how a tag is written that has the same prefix as n.
func (n *node) prefixed(name string) string {
	return qualified(xml.Name{Space: n.name.Space, Local: name})
}

func qualified(name xml.Name) string {
	if name.Space == "" {
		return name.Local
	}
	return name.Space + ":" + name.Local
}

// startTag writes a start tag.
func startTag(name xml.Name, attrs []xml.Attr, closed bool) string {
	var b strings.Builder
	b.WriteString("<" + qualified(name))
	for _, a := range attrs {
		fmt.Fprintf(&b, ` %s="%s"`, qualified(a.Name), escape(a.Value))
	}
	if closed {
		b.WriteByte('/')
	}
	b.WriteByte('>')
	return b.String()
}

// escape makes text safe inside an element or an attribute. What XML cannot
// hold becomes U+FFFD.
func escape(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a Builder takes everything
	return b.String()
}

// withAttr sets an attribute.
func withAttr(attrs []xml.Attr, name, value string) []xml.Attr {
	attrs = slices.Clone(attrs)
	for i := range attrs {
		if attrs[i].Name.Space == "" && attrs[i].Name.Local == name {
			attrs[i].Value = value
			return attrs
		}
	}
	return append(attrs, xml.Attr{Name: xml.Name{Local: name}, Value: value})
}

func withoutAttr(attrs []xml.Attr, name string) []xml.Attr {
	return slices.DeleteFunc(slices.Clone(attrs), func(a xml.Attr) bool { return a.Name.Space == "" && a.Name.Local == name })
}

// A patch is a small part and what is to be changed in it.
type patch struct {
	data  []byte
	edits []edit
}

type edit struct {
	from, to int
	text     string
}

// put replaces the bytes from from to to.
func (p *patch) put(from, to int, text string) { p.edits = append(p.edits, edit{from, to, text}) }

// add puts text behind the last child of n. Other attributes of n, such as a
// count, are set at the same time.
func (p *patch) add(n *node, text string, attrs ...string) {
	set := n.attrs
	for i := 0; i+1 < len(attrs); i += 2 {
		set = withAttr(set, attrs[i], attrs[i+1])
	}
	if n.to == n.open { // <n/>
		p.put(n.from, n.to, startTag(n.name, set, false)+text+"</"+qualified(n.name)+">")
		return
	}
	if len(attrs) > 0 {
		p.put(n.from, n.open, startTag(n.name, set, false))
	}
	p.put(n.end, n.end, text)
}

// bytes is the part with all changes.
func (p *patch) bytes() []byte {
	slices.SortStableFunc(p.edits, func(a, b edit) int { return a.from - b.from })
	var out bytes.Buffer
	last := 0
	for _, e := range p.edits {
		out.Write(p.data[last:e.from])
		out.WriteString(e.text)
		last = e.to
	}
	out.Write(p.data[last:])
	return out.Bytes()
}
