package transform

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/internal/schema"
)

// CompileOptions are the choices of a run that stand above the mapping file.
type CompileOptions struct {
	// Timezone, an IANA name, takes the place of source.timezone.
	Timezone string

	// Dates are the orders of day and month that Evidence found, by column.
	Dates map[int]DateOrder

	// Now is the time of the run, for validation rules relative to it; where it
	// is zero they are left to HubSpot.
	Now time.Time
}

// Compile checks m against the definitions of an account and the header of one
// source. The error is Faults, all of them.
func Compile(m *Mapping, s *schema.Schema, h *etl.Header, opts CompileOptions) (*Mapper, error) {
	c := &compiler{m: m, s: s, h: h, orders: opts.Dates, days: newCalendar(accountZone(s), opts.Now), used: map[int]bool{}, out: &Mapper{
		mapping: m, operation: m.Operation, header: h, pipeline: -1, stage: -1, columns: map[string]int{},
	}}
	c.setZone(opts)
	c.operation()
	c.key()
	c.properties()
	c.needed()
	c.associations()
	c.where()
	if err := c.faults.err(); err != nil {
		return nil, err
	}
	c.unused()
	return c.out, nil
}

// A compiler makes a Mapper and gathers faults.
type compiler struct {
	m      *Mapping
	s      *schema.Schema
	h      *etl.Header
	out    *Mapper
	faults Faults
	used   map[int]bool // columns
	zone   *zone        // nil when no time zone is known
	days   calendar
	orders map[int]DateOrder // of dates, by column, where columns show them

	pipelineID string  // of a constant hs_pipeline
	allStages  *stages // made on first use
}

// fault notes what is wrong with the thing under path.
func (c *compiler) fault(path []string, hint, format string, args ...any) {
	at := c.m.at(path...)
	c.faults = append(c.faults, Fault{
		File: c.m.Path, Line: at.line, Column: at.column, Message: fmt.Sprintf(format, args...), Hint: hint,
		Text: lineAt(c.m.lines, at),
	})
}

// accountZone is the account's time zone; UTC where it is not known.
func accountZone(s *schema.Schema) *zone {
	if zone, err := loadZone(s.Account.TimeZone); err == nil {
		return zone
	}
	return utc
}

func (c *compiler) setZone(opts CompileOptions) {
	name := opts.Timezone
	if name == "" {
		name = c.m.Source.Timezone
	}
	if name == "" {
		name = c.s.Account.TimeZone
	}
	if name == "" {
		return
	}
	zone, err := loadZone(name)
	if err != nil {
		c.fault([]string{"source", "timezone"}, "write a name such as America/Sao_Paulo, Europe/Berlin or UTC", "unknown time zone %q", name)
		return
	}
	c.zone = zone
}

// operation checks that the mapping has what its operation needs, and no more.
func (c *compiler) operation() {
	m, op := c.m, c.m.Operation
	if op != etl.Create && m.Key == nil {
		c.fault([]string{"operation"}, "e.g. key: {property: hs_object_id, column: Ticket ID}", "operation %s needs a key", op)
	}
	switch op {
	case etl.Delete:
		if len(m.Associations) > 0 {
			c.fault([]string{"associations"}, "leave them out", "operation delete changes no associations")
		}
		fallthrough
	case etl.Associate, etl.Dissociate:
		if len(m.Properties) > 0 {
			c.fault([]string{"properties"}, "leave them out", "operation %s writes no properties", op)
		}
		if op != etl.Delete && len(m.Associations) == 0 {
			c.fault([]string{"operation"}, "", "operation %s needs associations", op)
		}
	default:
		if len(m.Properties) == 0 && len(m.Associations) == 0 {
			c.fault([]string{"operation"}, "", "operation %s needs properties or associations", op)
		}
	}
}

func (c *compiler) writes() bool {
	return c.m.Operation == etl.Create || c.m.Operation == etl.Update || c.m.Operation == etl.Upsert
}

// creates says whether rows may become new tickets.
func (c *compiler) creates() bool {
	return c.m.Operation == etl.Create || c.m.Operation == etl.Upsert
}

// column finds a column of the source.
func (c *compiler) column(path []string, name string) (int, bool) {
	i, ok := c.h.Column(name)
	if !ok {
		c.fault(path, nearest(name, c.h.Names(), columnList(c.h)), "there is no column %q", name)
		return -1, false
	}
	c.used[i] = true
	return i, true
}

func (c *compiler) key() {
	k := c.m.Key
	if k == nil {
		return
	}
	column, _ := c.column([]string{"key", "column"}, k.Column)
	def := c.keyDefinition(k.Property)
	if def == nil {
		return
	}
	c.out.key = &keyStep{
		property: k.Property, column: column, id: k.Property == idProperty,
		number: def.Type == "number" && k.Property != idProperty,
		write:  c.creates() && k.Property != idProperty,
		tests:  testsOf(c.s.Rules[k.Property], c.days),
	}
	c.plan(ColumnPlan{
		Column: column, Header: columnName(c.h, column), Property: def.Name, Label: def.Label, Type: def.Type,
		Conversion: "key, as it is" + leftOpen(c.s.Rules[k.Property], c.days),
	})
}

func (c *compiler) keyDefinition(name string) *schema.Property {
	path := []string{"key", "property"}
	if name == idProperty {
		if c.creates() {
			c.fault(path, "use a property with unique values, or operation: update",
				"%s cannot be the key of operation %s: HubSpot gives ids itself", idProperty, c.m.Operation)
			return nil
		}
		if def := c.s.Property(name); def != nil {
			return def
		}
		return &schema.Property{Name: idProperty, Label: "Record ID", Type: "number"}
	}
	def := c.s.Property(name)
	if def == nil {
		c.fault(path, c.suggestUnique(name), "property %q does not exist in this account", name)
		return nil
	}
	if !def.HasUniqueValue {
		c.fault(path, c.suggestUnique(name), "property %q cannot be a key: its values are not unique", name)
		return nil
	}
	if ok, why := def.Writable(); c.creates() && !ok {
		c.fault(path, "", "property %q cannot be written: %s", name, why)
		return nil
	}
	return def
}

// suggestUnique says which properties can be keys.
func (c *compiler) suggestUnique(name string) string {
	unique := []string{}
	for i := range c.s.Properties {
		if p := &c.s.Properties[i]; p.HasUniqueValue && !p.Archived {
			if ok, _ := p.Writable(); ok {
				unique = append(unique, p.Name)
			}
		}
	}
	if len(unique) == 0 {
		return "no ticket property has unique values; create one in HubSpot (a text property with unique values)"
	}
	return nearest(name, unique, "properties with unique values are "+listed(unique))
}

func (c *compiler) properties() {
	if !c.writes() {
		return
	}
	c.out.steps = make([]step, 0, len(c.m.Properties))
	c.constantPipeline()
	for i := range c.m.Properties {
		if p := &c.m.Properties[i]; !c.isKey(p) {
			c.property(p)
		}
	}
	if c.out.pipeline >= 0 && !c.maps(stageProperty) {
		c.fault([]string{"properties", pipelineProperty, ""}, "map hs_pipeline_stage too",
			"a pipeline cannot be written without a stage of it")
	}
}

// isKey says whether p only repeats the key.
func (c *compiler) isKey(p *Property) bool {
	k := c.m.Key
	if k == nil || k.Property != p.Name || !c.creates() {
		return false
	}
	a, okA := c.h.Column(k.Column)
	b, okB := c.h.Column(p.Column)
	if !okA || !okB || a != b {
		c.fault([]string{"properties", p.Name, ""}, "leave it out", "property %q is the key already", p.Name)
	}
	return true
}

func (c *compiler) property(p *Property) {
	path := []string{"properties", p.Name}
	def := c.definition(p.Name)
	column, found := -1, true
	if p.Column != "" {
		place := path
		if _, long := c.m.places[pathOf("properties", p.Name, "column")]; long {
			place = append(path[:2:2], "column")
		}
		column, found = c.column(place, p.Column)
	}
	if def == nil || !found {
		c.expression(p, path) // its faults are told too
		return
	}
	s := step{name: p.Name, column: column, expr: c.expression(p, path)}
	s.converter = c.converter(p, def, path)
	if s.converter == nil {
		return
	}
	if repeats(s.converter) && s.expr == nil {
		s.recall = &recall{}
	}
	s.tests = testsOf(c.s.Rules[p.Name], c.days)
	if def.Multiple() {
		s.split = splitOr(p.Split)
	}
	c.settings(&s, p, path)
	s.usual = s.column >= 0 && s.expr == nil && s.table == nil && !s.append
	c.note(&s, p, def)
	c.out.steps = append(c.out.steps, s)
}

// definition finds a property that can be written.
func (c *compiler) definition(name string) *schema.Property {
	path := []string{"properties", name, ""}
	def := c.s.Property(name)
	if def == nil {
		c.fault(path, c.suggest(name), "property %q does not exist in this account", name)
		return nil
	}
	if ok, why := def.Writable(); !ok {
		c.fault(path, "leave it out", "property %q cannot be written: %s", name, why)
		return nil
	}
	return def
}

func (c *compiler) suggest(name string) string {
	var names []string
	for i := range c.s.Properties {
		p := &c.s.Properties[i]
		if ok, _ := p.Writable(); !ok {
			continue
		}
		if schema.Fold(p.Label) == schema.Fold(name) {
			return fmt.Sprintf("%q is the label of %q", name, p.Name)
		}
		names = append(names, p.Name)
	}
	return nearest(name, names, "see 'ticketetl schema' for those that do")
}

// settings fills in the constant, default, table and blank policy.
func (c *compiler) settings(s *step, p *Property, path []string) {
	s.needed = c.creates() && (p.Name == stageProperty || p.Name == "subject")
	s.clear = c.clears(p, path)
	s.append = c.appends(p, path)
	c.overwrites(p, path)
	if p.hasValue || p.Column == "" && p.Expr == "" {
		s.constant = c.constant(s, append(path[:2:2], "value"), p.Value)
	}
	if p.Default != "" {
		s.has = true
		s.fallback = c.constant(s, append(path[:2:2], "default"), p.Default)
	}
	if len(p.Values) > 0 {
		s.table = c.table(s, p, path)
	}
	switch p.Name {
	case pipelineProperty:
		c.out.pipeline = len(c.out.steps)
	case stageProperty:
		c.out.stage = len(c.out.steps)
		c.out.stages = c.stages()
	}
}

func (c *compiler) stages() *stages {
	if c.allStages == nil {
		c.allStages = newStages(c.s)
	}
	return c.allStages
}

func (c *compiler) clears(p *Property, path []string) bool {
	fixed := p.Name == pipelineProperty || p.Name == stageProperty
	if p.Blank == "clear" && (fixed || c.m.Operation == etl.Create) {
		why := "a new ticket has nothing to clear"
		if fixed {
			why = "every ticket has one"
		}
		c.fault(append(path[:2:2], "blank"), "leave it out", "%s cannot be cleared: %s", p.Name, why)
	}
	blank := p.Blank
	if blank == "" {
		blank = c.m.Source.Blank
	}
	return blank == "clear" && !fixed && c.m.Operation != etl.Create
}

// appends says whether the options of cells come to those that a ticket has.
func (c *compiler) appends(p *Property, path []string) bool {
	if !p.Append {
		return false
	}
	def := c.s.Property(p.Name)
	switch {
	case !def.Multiple():
		c.fault(append(path[:2:2], "append"), "leave it out", "property %q holds one value, nothing can be added to it", p.Name)
	case c.m.Operation == etl.Create:
		c.fault(append(path[:2:2], "append"), "leave it out", "a new ticket has nothing to add to")
	}
	return true
}

// overwrites checks the policy for values that a ticket has already.
func (c *compiler) overwrites(p *Property, path []string) {
	at := append(path[:2:2], "overwrite")
	policy := c.m.overwrite(p)
	guarded := policy == overwriteIfEmpty || policy == overwriteNever
	switch {
	case p.Overwrite != "" && c.m.Operation == etl.Create:
		c.fault(at, "leave it out", "a new ticket has nothing to overwrite")
	case p.Overwrite == overwriteNever && c.m.Operation == etl.Update:
		c.fault(at, "leave the property out", "an update that never overwrites %q never writes it", p.Name)
	case p.Overwrite != "" && p.Name == pipelineProperty:
		c.fault(at, "say it of hs_pipeline_stage; the two are written as a pair", "hs_pipeline follows its stage")
	case guarded && p.Overwrite != "" && p.Blank == "clear":
		c.fault(at, "leave one of them out", "\"blank: clear\" and \"overwrite: %s\" contradict each other", policy)
	case guarded && p.Append:
		c.fault(append(path[:2:2], "append"), "leave one of them out", "\"append\" and \"overwrite: %s\" contradict each other", policy)
	}
}

// constant converts a text of the mapping. It may be written as YAML writes
// numbers and dates, or like the cells of the column.
func (c *compiler) constant(s *step, path []string, text string) string {
	if s.name == stageProperty {
		_, depends := c.m.places[pathOf("properties", pipelineProperty)]
		if f := c.stages().constant(c.pipelineID, depends && c.pipelineID == "", text); f != nil {
			c.fault(path, f.hint, "%s", f.message)
		}
		return strings.TrimSpace(text)
	}
	if isBlank(text) {
		c.fault(path, "", "%s is blank", what(path))
		return ""
	}
	plain := *s
	plain.converter = yamlForm(s.converter)
	value, _, f := plain.convert(cell{text: text})
	if f != nil && !f.warning {
		value, _, f = s.convert(cell{text: text})
	}
	if f != nil && !f.warning {
		c.fault(path, f.hint, "%s", f.message)
	}
	return value
}

// yamlForm is conv for texts written as YAML writes numbers and dates, and
// HubSpot several options.
func yamlForm(conv converter) converter {
	switch conv := conv.(type) {
	case numberConverter:
		return numberConverter{id: conv.id}
	case *dateConverter:
		iso := *conv
		iso.rules, iso.declared = []dateRule{isoRule}, true
		return &iso
	case *multiChoice:
		return &multiChoice{choice: newChoice(conv.lookup, conv.kind, conv.unknown, conv.ambiguous), split: ";"}
	}
	return conv
}

// constantPipeline finds the pipeline when all rows have the same one, for
// stages are looked up within it.
func (c *compiler) constantPipeline() {
	for i := range c.m.Properties {
		p := &c.m.Properties[i]
		if p.Name != pipelineProperty || p.Column != "" || p.Expr != "" {
			continue
		}
		if it, _ := newLookup(pipelineItems(c.s)).one(strings.TrimSpace(p.Value)); it != nil {
			c.pipelineID = it.id
		}
	}
}

func (c *compiler) table(s *step, p *Property, path []string) *table {
	t := &table{exact: map[string]string{}, folded: map[string]string{}, otherwise: p.Otherwise}
	under := append(path[:2:2], "values")
	for _, pair := range p.Values {
		value := ""
		if !isBlank(pair.To) {
			value = c.constant(s, append(under[:3:3], pair.From), pair.To)
		}
		folded := schema.Fold(pair.From)
		if before, taken := t.folded[folded]; taken && before != value {
			c.fault(append(under[:3:3], pair.From), "keep one of them", "%q stands in the table twice: case and blanks do not count", pair.From)
		}
		t.exact[pair.From], t.folded[folded] = value, value
		t.from = append(t.from, pair.From)
	}
	if use, ok := strings.CutPrefix(p.Otherwise, "use "); ok {
		t.otherwise, t.use = "use", c.constant(s, append(path[:2:2], "otherwise"), use)
	}
	return t
}

// note remembers what becomes of a column, for people.
func (c *compiler) note(s *step, p *Property, def *schema.Property) {
	plan := ColumnPlan{Column: s.where(), Property: def.Name, Label: def.Label, Type: def.Type, Conversion: s.converter.words()}
	switch {
	case s.expr != nil:
		plan.Header = p.Expr
	case s.column >= 0:
		plan.Header = columnName(c.h, s.column)
	default:
		plan.Header, plan.Conversion = fmt.Sprintf("%q", p.Value), "constant"
	}
	plan.Conversion += leftOpen(c.s.Rules[def.Name], c.days)
	if s.table != nil {
		plan.Conversion += ", through a table of " + strconv.Itoa(len(s.table.from))
	}
	if s.append {
		plan.Conversion += ", added to those that are there"
	}
	switch policy := c.m.overwrite(p); {
	case c.m.Operation == etl.Create || p.Name == pipelineProperty:
	case policy == overwriteIfEmpty:
		plan.Conversion += ", only where the ticket has none"
	case policy == overwriteNever:
		plan.Conversion += ", only in new tickets"
	}
	c.plan(plan)
}

func (c *compiler) plan(plan ColumnPlan) {
	c.out.plans = append(c.out.plans, plan)
	if plan.Property != "" {
		if _, taken := c.out.columns[plan.Property]; !taken && plan.Column >= 0 {
			c.out.columns[plan.Property] = plan.Column
		}
	}
}

// needed checks that new tickets get what HubSpot asks for.
func (c *compiler) needed() {
	if !c.creates() {
		return
	}
	for _, name := range []string{"subject", stageProperty} {
		if c.s.Property(name) == nil || c.maps(name) {
			continue
		}
		c.fault([]string{"properties"}, "add it to properties", "operation %s needs %q: HubSpot refuses a new ticket without it", c.m.Operation, name)
	}
}

func (c *compiler) maps(name string) bool {
	for i := range c.m.Properties {
		if c.m.Properties[i].Name == name {
			return true
		}
	}
	return c.m.Key != nil && c.m.Key.Property == name
}

func (c *compiler) where() {
	if c.m.Where == "" {
		return
	}
	e, faults := compileExpression(c.m.Where, true, c.h, c.numbers(&Property{}), c.expressionDates(&Property{}))
	for _, f := range faults {
		c.fault([]string{"where"}, f.hint, "%s", f.message)
	}
	c.out.where = c.uses(e)
}

func (c *compiler) expression(p *Property, path []string) *expression {
	if p.Expr == "" {
		return nil
	}
	e, faults := compileExpression(p.Expr, false, c.h, c.numbers(p), c.expressionDates(p))
	for _, f := range faults {
		c.fault(append(path[:2:2], "expr"), f.hint, "%s", f.message)
	}
	return c.uses(e)
}

func (c *compiler) uses(e *expression) *expression {
	if e != nil {
		for _, i := range e.columns {
			c.used[i] = true
		}
	}
	return e
}

func (c *compiler) unused() {
	for i := range c.h.Len() {
		if !c.used[i] {
			c.out.unused = append(c.out.unused, columnName(c.h, i))
		}
	}
}
