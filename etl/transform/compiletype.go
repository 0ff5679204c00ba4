package transform

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/internal/schema"
)

// converter makes the converter of a property; nil after a fault.
func (c *compiler) converter(p *Property, def *schema.Property, path []string) converter {
	if p.Split != "" && !def.Multiple() {
		c.fault(append(path[:2:2], "split"), "leave it out", "property %q holds one value, its cells cannot be split", p.Name)
	}
	switch {
	case p.Name == pipelineProperty:
		return newChoice(newLookup(pipelineItems(c.s)), "pipeline", CodeInvalidPipeline, CodeAmbiguousPipeline)
	case p.Name == stageProperty:
		return stageText{}
	case def.Type == "enumeration":
		return c.options(p, def)
	}
	switch def.Type {
	case "bool":
		return boolConverter{labels: boolLabels(def)}
	case "number":
		return c.number(p, def)
	case "date", "datetime":
		return c.dates(p, def, path)
	case "phone_number":
		return phoneConverter{}
	case "string":
		return textConverter{}
	}
	c.fault([]string{"properties", p.Name, ""}, "leave it out", "property %q has the type %s, which cannot be imported", p.Name, def.Type)
	return nil
}

func (c *compiler) options(p *Property, def *schema.Property) converter {
	external := def.ExternalOptions && len(def.Options) == 0
	var one *choice
	switch {
	case def.ReferencedObjectType == "OWNER":
		one = newChoice(newLookup(ownerItems(c.s)), "owner", CodeInvalidOwner, CodeAmbiguousOwner)
	case external && strings.Contains(def.Name, "team") && len(teamItems(c.s)) > 0:
		one = newChoice(newLookup(teamItems(c.s)), "team", CodeInvalidTeam, CodeAmbiguousTeam)
	case external && def.Multiple():
		return opaque{split: splitOr(p.Split)}
	case external:
		return opaque{}
	default:
		one = newChoice(newLookup(optionItems(def)), "option", CodeInvalidOption, CodeAmbiguousOption)
	}
	if def.Multiple() {
		return &multiChoice{choice: one, split: splitOr(p.Split)}
	}
	return one
}

// splitOr is what parts options: HubSpot's own ';' when nothing is declared.
func splitOr(split string) string {
	if split == "" {
		return ";"
	}
	return split
}

// boolLabels are the account's own words for true and false.
func boolLabels(def *schema.Property) map[string]string {
	labels := map[string]string{}
	for _, o := range def.Options {
		if o.Value == "true" || o.Value == "false" {
			labels[schema.Fold(o.Label)] = o.Value
		}
	}
	return labels
}

func (c *compiler) numbers(p *Property) numberConverter {
	n := numberConverter{signs: p.Signs}
	if n.signs == nil {
		n.signs = c.m.Source.Signs
	}
	if decimal := cmp.Or(p.Decimal, c.m.Source.Decimal); decimal != "" {
		n.decimal = decimal[0]
	}
	return n
}

func (c *compiler) number(p *Property, def *schema.Property) converter {
	n := c.numbers(p)
	n.id = def.ReferencedObjectType != "" || strings.HasSuffix(def.Name, "_id") || strings.HasSuffix(def.Name, "_key")
	return n
}

// anyZone is the run's time zone, or UTC where it makes no difference.
func (c *compiler) anyZone() *zone {
	if c.zone != nil {
		return c.zone
	}
	return utc
}

var utc = mustZone("UTC")

func mustZone(name string) *zone {
	z, err := loadZone(name)
	if err != nil {
		panic(err)
	}
	return z
}

func (c *compiler) dates(p *Property, def *schema.Property, path []string) converter {
	if p.Timezone == "" && c.zone == nil && def.Type == "datetime" && c.s.Account.TimeZone == "" && c.m.Source.Timezone == "" {
		c.fault([]string{"properties", p.Name, ""}, "say it: source.timezone", "the account's time zone is not known, and %q holds date-times", p.Name)
		return nil
	}
	d := c.dateSettings(p)
	d.day = def.Type == "date"
	if p.Expr != "" {
		return c.expressionDatesOf(d)
	}
	c.shown(d, p)
	return d
}

// shown adds the order of day and month that the column itself shows.
func (c *compiler) shown(d *dateConverter, p *Property) {
	column, ok := c.h.Column(p.Column)
	order, known := c.orders[column]
	if !ok || !known || d.declared {
		return
	}
	rule, _, _ := parseDateRule(order.Form)
	d.rules, d.declared, d.found = append(d.rules, rule), true, order.found()
}

// dateSettings are the date rules and the zone of p.
func (c *compiler) dateSettings(p *Property) *dateConverter {
	d := &dateConverter{zone: c.anyZone()}
	if p.Timezone != "" {
		if z, err := loadZone(p.Timezone); err == nil {
			d.zone = z
		}
	}
	texts := p.Dates
	if len(texts) == 0 {
		texts = c.m.Source.Dates
	}
	d.declared = len(texts) > 0
	for _, text := range texts {
		if rule, message, _ := parseDateRule(text); message == "" {
			d.rules = append(d.rules, rule)
		}
	}
	if len(d.rules) == 0 {
		d.rules = []dateRule{isoRule}
	}
	return d
}

func (c *compiler) expressionDates(p *Property) *dateConverter {
	return c.expressionDatesOf(c.dateSettings(p))
}

// expressionDatesOf lets an expression read ISO dates too, the form of typed
// cells, beside the declared one.
func (c *compiler) expressionDatesOf(d *dateConverter) *dateConverter {
	for _, rule := range d.rules {
		if rule.words == isoRule.words {
			return d
		}
	}
	d.rules = append([]dateRule{isoRule}, d.rules...)
	return d
}

func (c *compiler) associations() {
	if c.m.Operation == etl.Delete {
		return
	}
	for i := range c.m.Associations {
		c.association(&c.m.Associations[i], []string{"associations", strconv.Itoa(i)})
	}
}

func (c *compiler) association(a *Association, path []string) {
	under := func(key string) []string { return append(path[:2:2], key) }
	l := link{column: -1, split: a.Split, ref: etl.Reference{To: a.To, Match: a.Match, Column: -1, Missing: cmp.Or(a.Missing, "reject"), Several: cmp.Or(a.Several, "reject")}}
	if !c.object(a.To, under("to")) {
		return
	}
	c.match(a, under("match"))
	if label := c.label(a, under); label != nil {
		l.ref.Category, l.ref.TypeID = label.Category, label.TypeID
	}
	c.several(a, l.ref.TypeID, under("several"))
	plan := ColumnPlan{Column: -1, Header: strconv.Quote(a.Value), Label: a.To, Type: "association", Conversion: conversionOf(a)}
	if a.Column != "" {
		i, ok := c.column(under("column"), a.Column)
		if !ok {
			return
		}
		l.column, l.ref.Column = i, i
		plan.Column, plan.Header = i, columnName(c.h, i)
	} else {
		value, f := referenceValue(a.Match, strings.TrimSpace(a.Value))
		if f != nil {
			c.fault(under("value"), f.hint, "%s", f.message)
		}
		l.ref.Value = value
	}
	c.plan(plan)
	c.out.onePrimary = c.out.onePrimary || a.To == "companies" && l.ref.TypeID == primaryCompany && c.m.Operation != etl.Dissociate
	c.out.links = append(c.out.links, l)
}

// several checks that the policy for several records can come to use.
func (c *compiler) several(a *Association, typeID int, path []string) {
	switch {
	case a.Several != "" && a.Match != "domain":
		c.fault(path, "leave it out; only a domain may be that of several companies", "matched by %s, %s are never found several times", a.Match, a.To)
	case a.Several == "list" && typeID == primaryCompany:
		c.fault(path, "write several: first, or leave type: primary out", "a ticket has one primary company, not a list of them")
	}
}

func conversionOf(a *Association) string {
	words := a.To + " by " + a.Match
	switch {
	case a.Label != "":
		words += ", label " + a.Label
	case a.Type != "":
		words += ", type " + a.Type
	}
	if a.Split != "" {
		words += ", parted by " + strconv.Quote(a.Split)
	}
	return words
}

func (c *compiler) object(to string, path []string) bool {
	known := slices.Sorted(maps.Keys(c.s.Labels))
	if len(known) == 0 { // no scope to read them: the unlabeled associations exist in every account
		known = []string{"companies", "contacts", "deals", "tickets"}
	}
	if slices.Contains(known, to) {
		return true
	}
	c.fault(path, nearest(to, known, "known are "+listed(known)), "tickets have no associations to %q", to)
	return false
}

// match checks that records of a.To can be found by a.Match.
func (c *compiler) match(a *Association, path []string) {
	unique := c.s.Unique[a.To]
	if a.To == "tickets" {
		unique = nil
		for i := range c.s.Properties {
			if p := &c.s.Properties[i]; p.HasUniqueValue && !p.Archived {
				unique = append(unique, p.Name)
			}
		}
	}
	ways := []string{"id"}
	switch a.To {
	case "contacts":
		ways = append(ways, "email")
	case "companies":
		ways = append(ways, "domain")
	}
	for _, name := range unique {
		if name != idProperty && !slices.Contains(ways, name) {
			ways = append(ways, name)
		}
	}
	if slices.Contains(ways, a.Match) {
		return
	}
	c.fault(path, nearest(a.Match, ways, "they can be found by "+listed(ways)), "%s cannot be found by %q", a.To, a.Match)
}

// primaryCompany is the association type of a ticket's primary company.
// Source: association type ids, ticket to company.
const primaryCompany = 26

// label finds the association type that a asks for; nil for the unlabeled one.
func (c *compiler) label(a *Association, under func(string) []string) *schema.Label {
	labels := c.s.Labels[a.To]
	switch {
	case a.Label != "":
		found := c.s.MatchLabels(a.To, a.Label)
		for i := range labels {
			if labelName(&labels[i]) == a.Label {
				return &labels[i]
			}
		}
		if len(found) == 1 {
			return found[0]
		}
		if len(found) > 1 {
			c.fault(under("label"), "write it as it is listed, or the number of the type", "%q names several association labels: %s", a.Label, labelList(found))
			return nil
		}
		c.fault(under("label"), nearest(a.Label, labelNames(labels), "labels are "+listed(labelNames(labels))),
			"tickets and %s have no association label %q", a.To, a.Label)
	case a.Type == "primary":
		for i := range labels {
			if labels[i].TypeID == primaryCompany && a.To == "companies" {
				return &labels[i]
			}
		}
		c.fault(under("type"), "", "%s have no primary association to tickets", a.To)
	case a.Type != "":
		for i := range labels {
			if strconv.Itoa(labels[i].TypeID) == a.Type {
				return &labels[i]
			}
		}
		c.fault(under("type"), "", "tickets and %s have no association type %s", a.To, a.Type)
	}
	return nil
}

func labelNames(labels []schema.Label) []string {
	var names []string
	for _, l := range labels {
		if l.Label != "" {
			names = append(names, l.Label)
		}
	}
	return names
}

func labelList(labels []*schema.Label) string {
	var names []string
	for _, l := range labels {
		names = append(names, labelName(l))
	}
	return strings.Join(names, ", ")
}

// labelName tells labels of the same text apart.
func labelName(l *schema.Label) string { return l.Label + " (" + strconv.Itoa(l.TypeID) + ")" }
