package transform

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/parser"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/internal/schema"
)

// BackwardsOptions are the choices of an export that a mapping drives.
type BackwardsOptions struct {
	Typed bool // the output has typed cells, which a mapping reads whatever its dates and decimal say
	First bool // of several texts in a table of values that stand for the same, write the first
}

// A Backwards is a mapping that drives an export: it writes the columns that the
// mapping reads, as it reads them.
type Backwards struct {
	m       *Mapping
	s       *schema.Schema
	opts    BackwardsOptions
	mapper  *Mapper // reads the output
	columns []backColumn
	needs   []string // properties that the columns are made of
	links   []BackLink
	notes   []string
	faults  Faults
}

// A BackLink is what a column says of associated records.
type BackLink struct {
	To       string // object type
	Property string // what it says of each; empty: its id
	TypeID   int    // of which association type they are; 0: any
}

// LinkSign parts what is said of several associated records in a column of the
// source of a Backwards; no value holds it.
const LinkSign = "\x1f"

// A backColumn is one column of the output.
type backColumn struct {
	name string
	kind etl.Kind
	few  bool

	// what it is made of: the id of the ticket, the step's property, a link's records,
	// or nothing
	id   bool
	step *step
	link int
	sign string // between the records of a link
	text func(stored string) string
	of   func(pipeline, stored string) string // of stages, in place of text
	from string                               // property
}

// NewBackwards checks whether m can drive an export of an account. The error is
// Faults, all of them. What an export cannot show is not a fault; see Notes.
func NewBackwards(m *Mapping, s *schema.Schema, opts BackwardsOptions) (*Backwards, error) {
	b := &Backwards{m: m, s: s, opts: opts}
	switch m.Operation {
	case etl.Create, etl.Update, etl.Upsert:
	default:
		b.fault([]string{"operation"}, "write operation: upsert in a copy of the mapping",
			"an export is driven by a mapping that creates or updates tickets: imported again, its rows would %s all of them", m.Operation)
		return nil, b.faults.err()
	}
	names := columnsOf(m)
	mapper, err := Compile(m, s, etl.NewHeader(names), CompileOptions{})
	if err != nil {
		return nil, err
	}
	b.mapper = mapper
	for i := range names {
		b.columns = append(b.columns, b.column(i))
	}
	b.tellLeftOut()
	b.tellSource()
	return b, b.faults.err()
}

func (b *Backwards) fault(path []string, hint, format string, args ...any) {
	at := b.m.at(path...)
	b.faults = append(b.faults, Fault{
		File: b.m.Path, Line: at.line, Column: at.column, Message: fmt.Sprintf(format, args...), Hint: hint, Text: lineAt(b.m.lines, at),
	})
}

// note tells what the export leaves out, and where in the mapping that comes from.
func (b *Backwards) note(path []string, format string, args ...any) {
	text := b.m.Path
	if at := b.m.at(path...); at.line > 0 {
		text += ":" + strconv.Itoa(at.line)
	}
	b.notes = append(b.notes, text+": "+fmt.Sprintf(format, args...))
}

// Notes say what of the mapping the export does not show, or not so that the same
// command line reads it.
func (b *Backwards) Notes() []string { return b.notes }

// Properties are those that the columns are made of, and Links what they say of
// associated records.
func (b *Backwards) Properties() []string { return b.needs }

// Links are what the columns say of associated records.
func (b *Backwards) Links() []BackLink { return b.links }

// columnsOf are the columns that a mapping reads, in its order.
func columnsOf(m *Mapping) []string {
	var names []string
	add := func(name string) {
		if name == "" {
			return
		}
		if _, known := etl.NewHeader(names).Column(name); !known {
			names = append(names, name)
		}
	}
	if m.Key != nil {
		add(m.Key.Column)
	}
	for _, p := range m.Properties {
		add(p.Column)
	}
	for _, a := range m.Associations {
		add(a.Column)
	}
	for _, text := range expressionsOf(m) {
		for _, name := range namesIn(text) {
			add(name)
		}
	}
	return names
}

func expressionsOf(m *Mapping) []string {
	texts := []string{m.Where}
	for _, p := range m.Properties {
		texts = append(texts, p.Expr)
	}
	return slices.DeleteFunc(texts, func(text string) bool { return text == "" })
}

// namesIn are the columns that an expression reads. One with a fault has none; it is
// told when the mapping is compiled.
func namesIn(text string) []string {
	tree, err := parser.Parse(text)
	if err != nil {
		return nil
	}
	var names nameCollector
	ast.Walk(&tree.Node, &names)
	return names
}

// A nameCollector collects names of columns; children come before their parents.
type nameCollector []string

func (n *nameCollector) Visit(node *ast.Node) {
	switch at := (*node).(type) {
	case *ast.IdentifierNode:
		if at.Value != "row" && !slices.Contains(own, at.Value) && !slices.Contains(builtins, at.Value) {
			*n = append(*n, at.Value)
		}
	case *ast.MemberNode:
		row, ok := at.Node.(*ast.IdentifierNode)
		if name, text := at.Property.(*ast.StringNode); ok && text && row.Value == "row" {
			*n = append(*n, name.Value)
		}
	}
}

// column finds what the i-th column is made of: the key, the first property that
// reads it, or the first association.
func (b *Backwards) column(i int) backColumn {
	c := backColumn{name: b.mapper.header.Name(i), link: -1}
	if k := b.mapper.key; k != nil && k.column == i {
		c.id, c.from = k.id, k.property
		if !c.id {
			b.need(k.property)
		}
		c.text = asItIs
		return c
	}
	for k := range b.mapper.steps {
		if s := &b.mapper.steps[k]; s.column == i {
			b.fill(&c, s)
			return c
		}
	}
	for k := range b.mapper.links {
		if l := &b.mapper.links[k]; l.column == i {
			c.link, c.sign = b.needLink(l), l.split
			return c
		}
	}
	b.notes = append(b.notes, fmt.Sprintf("%s: only an expression reads the column %q, which stands there empty", b.m.Path, c.name))
	return c
}

func asItIs(stored string) string { return stored }

func (b *Backwards) need(property string) {
	if !slices.Contains(b.needs, property) {
		b.needs = append(b.needs, property)
	}
}

func (b *Backwards) needLink(l *link) int {
	want := BackLink{To: l.ref.To, Property: l.ref.Match, TypeID: l.ref.TypeID}
	if want.Property == "id" {
		want.Property = ""
	}
	if i := slices.Index(b.links, want); i >= 0 {
		return i
	}
	b.links = append(b.links, want)
	return len(b.links) - 1
}

// fill makes a column of a property.
func (b *Backwards) fill(c *backColumn, s *step) {
	def := b.s.Property(s.name)
	b.need(s.name)
	c.step, c.from = s, s.name
	c.few = def.Type == "enumeration"
	if s.name == stageProperty {
		b.need(pipelineProperty)
		c.of = b.stage(s)
		return
	}
	c.text = b.throughTable(s, b.plain(s))
	if b.opts.Typed && s.table == nil {
		b.typed(c, s, def)
	}
}

// plain writes a stored value as the step's converter reads it.
func (b *Backwards) plain(s *step) func(string) string {
	switch conv := s.converter.(type) {
	case *choice:
		names, _ := namesBack(conv.items, "")
		return nameIn(names)
	case *multiChoice:
		names, _ := namesBack(conv.items, conv.split)
		return nameIn(names)
	case *dateConverter:
		return conv.back
	case numberConverter:
		return conv.back
	}
	return asItIs
}

func nameIn(names map[string]string) func(string) string {
	return func(stored string) string {
		if name, ok := names[stored]; ok {
			return name
		}
		return stored
	}
}

// typed gives a column cells of a type, which are read as they are.
func (b *Backwards) typed(c *backColumn, s *step, def *schema.Property) {
	switch conv := s.converter.(type) {
	case *dateConverter:
		c.kind = etl.DateTime
		c.text = func(stored string) string { return localTime(stored, conv.zone.loc) }
		if conv.day {
			c.kind, c.text = etl.Date, asItIs
		}
	case numberConverter:
		if !isID(def) {
			c.kind = etl.Number
			c.text = func(stored string) string {
				if exactly(stored) {
					return stored
				}
				return conv.back(stored)
			}
		}
	case boolConverter:
		c.kind = etl.Bool
	}
}

// exactly says whether a workbook's number keeps all digits.
func exactly(number string) bool {
	return len(strings.TrimLeft(strings.NewReplacer("-", "", ".", "").Replace(number), "0")) <= surestDigits
}

// throughTable writes what the table of values translates to a stored value, and
// others as plain does. Options are written one by one.
func (b *Backwards) throughTable(s *step, plain func(string) string) func(string) string {
	texts := map[string]string{}
	if s.table != nil {
		texts = b.invert(s, func(text string) string { return s.table.exact[text] })
	}
	one := func(stored string) string {
		if text, ok := texts[stored]; ok {
			return text
		}
		return plain(stored)
	}
	if s.split == "" {
		return one
	}
	return func(stored string) string {
		if _, whole := texts[stored]; whole || !strings.Contains(stored, ";") {
			return one(stored)
		}
		parts := strings.Split(stored, ";")
		for i, part := range parts {
			parts[i] = one(part)
		}
		return strings.Join(parts, s.split)
	}
}

// invert gives, for each value that a table of values leads to, the text to write.
// Several texts for one value are a fault, unless the first of them will do.
func (b *Backwards) invert(s *step, value func(text string) string) map[string]string {
	texts, several := map[string]string{}, map[string][]string{}
	for _, text := range s.table.from {
		to := value(text)
		first, taken := texts[to]
		switch {
		case to == "":
		case !taken:
			texts[to] = text
		case schema.Fold(first) != schema.Fold(text):
			several[to] = append(several[to], text)
		}
	}
	if !b.opts.First {
		b.refuseSeveral(s, texts, several)
	}
	return texts
}

func (b *Backwards) refuseSeveral(s *step, texts map[string]string, several map[string][]string) {
	for _, first := range s.table.from {
		for to, more := range several {
			if texts[to] != first {
				continue
			}
			b.fault([]string{"properties", s.name, "values", more[0]},
				"all of them are read alike, so --ambiguous first, which writes "+strconv.Quote(first)+", loses nothing that HubSpot holds; or keep one of them in a copy of the mapping",
				"%s stand for the same %s, so that it is not clear which one an export is to write", listed(append([]string{first}, more...)), s.name)
			delete(several, to)
		}
	}
}

// stage writes stages, whose names depend on the pipeline.
func (b *Backwards) stage(s *step) func(pipeline, stage string) string {
	names := map[string]map[string]string{} // by pipeline, by stage
	for _, p := range b.pipelines() {
		names[p] = b.stageNames(s, p)
	}
	stages := b.mapper.stages
	return func(pipeline, stage string) string {
		if name, ok := names[pipeline][stage]; ok {
			return name
		}
		if own := stages.byPipeline[pipeline]; own != nil {
			for i := range own.items {
				if own.items[i].id == stage {
					return own.items[i].others[0] // pipeline / stage
				}
			}
		}
		return stage
	}
}

// pipelines are those that a row of the output may be of.
func (b *Backwards) pipelines() (ids []string) {
	if constant := b.constantPipeline(); constant != "" {
		return []string{constant}
	}
	for _, it := range pipelineItems(b.s) {
		ids = append(ids, it.id)
	}
	return ids
}

func (b *Backwards) constantPipeline() string {
	if b.mapper.pipeline < 0 {
		return ""
	}
	if s := &b.mapper.steps[b.mapper.pipeline]; s.column < 0 && s.expr == nil {
		return s.constant
	}
	return ""
}

// stageNames are the texts to write for the stages of one pipeline.
func (b *Backwards) stageNames(s *step, pipeline string) map[string]string {
	names := map[string]string{}
	stages := b.mapper.stages
	own := stages.byPipeline[pipeline]
	if own == nil {
		return names
	}
	for i := range own.items {
		it := &own.items[i]
		for _, name := range []string{it.label, it.exactName(), it.others[0], it.others[1], it.id} {
			if b.readStage(pipeline, strings.TrimSpace(name)) == it.id {
				names[it.id] = name
				break
			}
		}
	}
	if s.table == nil {
		return names
	}
	for id, text := range b.invert(s, func(text string) string { return b.readStage(pipeline, s.table.exact[text]) }) {
		names[id] = text
	}
	return names
}

// readStage is the stage of a pipeline that a text stands for, as the mapping reads
// it; empty for none.
func (b *Backwards) readStage(pipeline, text string) string {
	if text == "" {
		return ""
	}
	if b.mapper.pipeline >= 0 {
		stage, _ := b.mapper.stages.in(pipeline, text)
		return stage
	}
	found, stage, _ := b.mapper.stages.anywhere(text)
	if found != pipeline {
		return ""
	}
	return stage
}

// tellLeftOut notes the properties that no column shows.
func (b *Backwards) tellLeftOut() {
	for k := range b.mapper.steps {
		s := &b.mapper.steps[k]
		path := []string{"properties", s.name}
		b.need(s.name)
		switch {
		case s.expr != nil:
			b.note(path, "%s is computed by an expression and is left out; to have it, give it a column of its own in a copy of the mapping", s.name)
		case s.column < 0:
			b.note(path, "%s is %s in all rows of an import, so that no column shows it; tickets that have another one are counted", s.name, quote(b.property(s.name).Value))
		default:
			if c := &b.columns[s.column]; c.step != s {
				b.note(path, "%s is read from the column %q, which shows %s; tickets in which the two differ are counted", s.name, c.name, c.from)
			}
		}
	}
	for i, a := range b.m.Associations {
		path := []string{"associations", strconv.Itoa(i)}
		if a.Column == "" {
			b.note(path, "the association with %s is the same in all rows of an import, and is left out", a.To)
		} else if at, ok := b.mapper.header.Column(a.Column); ok && b.columns[at].link < 0 {
			b.note(path, "the column %q shows %s, and not the associated %s", a.Column, b.columns[at].from, a.To)
		}
	}
}

func (b *Backwards) property(name string) *Property {
	for i := range b.m.Properties {
		if b.m.Properties[i].Name == name {
			return &b.m.Properties[i]
		}
	}
	return nil
}

// tellSource notes what the mapping says of a file that the output is not like.
func (b *Backwards) tellSource() {
	of := b.m.Source
	for _, s := range []struct{ key, declared, written string }{
		{"encoding", of.Encoding, "utf-8"}, {"quote", of.Quote, "double"}, {"escape", of.Escape, "double"}, {"header", headerText(of.Header), "1"},
	} {
		if s.declared != "" && !strings.EqualFold(s.declared, s.written) {
			b.note([]string{"source", s.key}, "%s is %s there, and an export has %s; import it with --%s %s", s.key, s.declared, s.written, s.key, s.written)
		}
	}
}

func headerText(row int) string {
	if row == 0 {
		return ""
	}
	return strconv.Itoa(row)
}

// Export makes the Mapper of the export. h names the columns of its source: the
// properties by their internal names, and links, in the order of Links.
func (b *Backwards) Export(h *etl.Header, links []string) *Export {
	e := &Export{check: newReadBack(b, h, links)}
	for i := range b.columns {
		c := &b.columns[i]
		e.columns = append(e.columns, ExportColumn{Name: c.name, Property: c.name, Kind: c.kind, Choice: c.few, show: b.show(c, h, links)})
	}
	return e
}

// show makes a cell of a row of the source.
func (b *Backwards) show(c *backColumn, h *etl.Header, links []string) func(row []string) string {
	switch {
	case c.link >= 0:
		at, _ := h.Column(links[c.link])
		return func(row []string) string { return linkText(row[at], c.sign) }
	case c.id:
		return func(row []string) string { return row[0] }
	case c.of != nil:
		stage, _ := h.Column(c.from)
		pipeline, _ := h.Column(pipelineProperty)
		return func(row []string) string { return c.of(row[pipeline], row[stage]) }
	case c.text != nil:
		at, _ := h.Column(c.from)
		return func(row []string) string {
			if row[at] == "" {
				return ""
			}
			return c.text(row[at])
		}
	}
	return func([]string) string { return "" }
}

// linkText names associated records, each once. Where the mapping reads one, it is
// the first.
func linkText(joined, sign string) string {
	names := linkNames(joined)
	if sign == "" && len(names) > 0 {
		return names[0]
	}
	return strings.Join(names, sign)
}

func linkNames(joined string) (names []string) {
	for _, name := range strings.Split(joined, LinkSign) {
		if name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// Delimiter is what parts the cells of a CSV file that the mapping reads; 0: a comma.
func (b *Backwards) Delimiter() rune {
	switch d := b.m.Source.Delimiter; {
	case strings.EqualFold(d, "tab"):
		return '\t'
	case d != "":
		return []rune(d)[0]
	}
	return 0
}

// Sheet is the name of the worksheet that the mapping reads; empty: any.
func (b *Backwards) Sheet() string {
	name := b.m.Source.Sheet
	if _, err := strconv.Atoi(name); err == nil || strings.EqualFold(name, "all") || strings.Contains(name, ",") {
		return ""
	}
	return name
}
