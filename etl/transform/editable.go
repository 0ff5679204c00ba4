package transform

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/internal/schema"
)

// An Editing says how a column of an editable export may be edited.
type Editing struct {
	Locked  bool          // not at all
	Choices []string      // what a drop-down offers; nil for none
	Groups  []ChoiceGroup // of stages: what it offers in each pipeline
}

// A ChoiceGroup are the choices in the rows in which the pipeline is Of.
type ChoiceGroup struct {
	Of      string
	Choices []string
}

// NewEditable makes an Export whose texts an import turns back into exactly what
// is stored, with one column for each of h.
func NewEditable(s *schema.Schema, h *etl.Header, opts ExportOptions) *Export {
	opts.Values, opts.Typed = "labels", true
	e := NewExport(s, h, opts)
	for i := range e.columns {
		c := &e.columns[i]
		p := s.Property(c.Property)
		c.Locked = !editable(p)
		switch {
		case p == nil:
		case p.Name == pipelineProperty:
			c.offer(pipelineItems(s), i, "")
		case p.Name == stageProperty:
			c.offerStages(s, h, i)
		case p.Type == "enumeration":
			c.offer(itemsOf(s, p), i, splitOf(p))
		}
	}
	return e
}

// editable says whether cells of a property can be imported.
func editable(p *schema.Property) bool {
	if p == nil || p.Name == idProperty {
		return false
	}
	if may, _ := p.Writable(); !may {
		return false
	}
	switch p.Type {
	case "enumeration", "bool", "number", "date", "datetime", "phone_number", "string":
		return true
	}
	return false
}

// itemsOf are what the cells of an enumeration may name; none of one whose
// options only HubSpot knows.
func itemsOf(s *schema.Schema, p *schema.Property) []item {
	external := p.ExternalOptions && len(p.Options) == 0
	switch {
	case p.ReferencedObjectType == "OWNER":
		return ownerItems(s)
	case external && strings.Contains(p.Name, "team"):
		return teamItems(s)
	case external:
		return nil
	}
	return optionItems(p)
}

// offer shows the i-th column by names that lead back, and makes them its choices.
// A cell with several options has no drop-down, which could give it only one.
func (c *ExportColumn) offer(items []item, i int, split string) {
	labels, choices := namesBack(items, split)
	if split != "" {
		c.show = func(row []string) string { return eachLabel(labels, row[i]) }
		return
	}
	c.show = fromTable(labels, i)
	c.Choices = choices
}

// offerStages does the same for stages, which are named within their pipeline.
func (c *ExportColumn) offerStages(s *schema.Schema, h *etl.Header, i int) {
	pipelines, _ := namesBack(pipelineItems(s), "")
	known := newStages(s)
	stages := map[string]map[string]string{} // by pipeline
	for _, p := range s.Pipelines {
		own := known.byPipeline[p.ID]
		if own == nil {
			continue
		}
		labels, choices := namesBack(own.items, "")
		stages[p.ID] = labels
		c.Groups = append(c.Groups, ChoiceGroup{Of: pipelines[p.ID], Choices: choices})
	}
	pipeline, _ := h.Column(pipelineProperty)
	c.show = func(row []string) string {
		if label, ok := stages[row[pipeline]][row[i]]; ok {
			return label
		}
		return row[i]
	}
}

// splitOf is what parts the options in a cell; empty where there is one.
func splitOf(p *schema.Property) string {
	if p.Multiple() {
		return ";"
	}
	return ""
}

// namesBack names each item, by its id, in words that name no other one, and without
// the sign that parts several in a cell. Those of items that nobody should choose are
// not among the choices.
func namesBack(items []item, split string) (names map[string]string, choices []string) {
	l := newLookup(items)
	names = make(map[string]string, len(items))
	for k := range items {
		it := &items[k]
		names[it.id] = l.nameBack(it, split)
		if it.warn == nil {
			choices = append(choices, names[it.id])
		}
	}
	return names, choices
}

// nameBack is the best name of it that leads back to it: of an owner the e-mail
// address, then the label, then the label with the id.
func (l *lookup) nameBack(it *item, split string) string {
	var names []string
	if len(it.others) == 1 && strings.Contains(it.others[0], "@") {
		names = append(names, it.others[0])
	}
	for _, name := range append(names, it.label, it.exactName()) {
		found, _ := l.one(strings.TrimSpace(name))
		if found != nil && found.id == it.id && name == strings.TrimSpace(name) && !(split != "" && strings.Contains(name, split)) {
			return name
		}
	}
	return it.id
}

// MappingBack is the mapping with which an editable export is imported again, as
// YAML. sheet is the name of its worksheet, zone that of its date-times.
func (e *Export) MappingBack(sheet, zone string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "version: 1\noperation: update\nsource: {sheet: %s, header: 1, timezone: %s, dates: iso, decimal: \".\"}\n",
		strconv.Quote(sheet), strconv.Quote(zone))
	fmt.Fprintf(&b, "key: {property: %s, column: %s}\nproperties:\n", idProperty, strconv.Quote(e.columns[0].Name))
	for _, c := range e.columns {
		if !c.Locked {
			fmt.Fprintf(&b, "  %s: {column: %s}\n", c.Property, strconv.Quote(c.Name))
		}
	}
	return b.String()
}
