package sandbox

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/ticketetl/ticketetl/internal/schema"
)

// A property is a definition made ready for use.
type property struct {
	schema.Property
	options map[string]string // the allowed values
	listed  string            // the options as an error message lists them
	outside optionSource
	rules   []checkedRule
	unique  map[string]*record // by value; nil unless values are unique
	folded  bool               // unique without regard to case and outer blanks
	isEmail bool               // a contact's address
	born    lifetime

	// virtual computes the value on reading; nil for stored ones.
	virtual func(*record, *state) (string, bool)
}

// An optionSource is where the options of an external enumeration live.
type optionSource int

const (
	ownOptions optionSource = iota
	pipelineOptions
	stageOptions
	ownerOptions
	foreignOptions // teams, brands and others that the sandbox does not keep
)

// A propertyGroup is a heading in the app under which properties stand.
type propertyGroup struct {
	Name         string `json:"name"`
	Label        string `json:"label"`
	DisplayOrder int    `json:"displayOrder"`
	Archived     bool   `json:"archived"`
}

func (p *property) uniqueKey(text string) string {
	if p.folded {
		return strings.ToLower(strings.TrimSpace(text))
	}
	return text
}

// compile makes a definition ready for use.
func compile(def schema.Property) *property {
	p := &property{Property: def}
	if p.Options == nil {
		p.Options = []schema.Option{}
	}
	p.options = make(map[string]string, len(def.Options))
	for _, o := range def.Options {
		p.options[o.Value] = o.Value
	}
	p.listed = listOptions(p.Options)
	if def.HasUniqueValue {
		p.unique = map[string]*record{}
	}
	p.outside = sourceOf(&p.Property)
	return p
}

func sourceOf(p *schema.Property) optionSource {
	switch {
	case p.Name == "hs_pipeline" || p.Name == "pipeline" && p.ExternalOptions:
		return pipelineOptions
	case p.Name == "hs_pipeline_stage":
		return stageOptions
	case p.ReferencedObjectType == "OWNER" && p.Type == "enumeration":
		return ownerOptions
	case p.ExternalOptions:
		return foreignOptions
	}
	return ownOptions
}

// listOptions is the list in the message of INVALID_OPTION.
func listOptions(options []schema.Option) string {
	items := make([]string, len(options))
	for i, o := range options {
		items[i] = fmt.Sprintf("label: %q\nvalue: %q\ndisplay_order: %d\nhidden: %t\nread_only: false\n",
			o.Label, o.Value, o.DisplayOrder, o.Hidden)
	}
	return list(items)
}

// objectKinds are the four objects with records.
func objectKinds() [numObjects]*object {
	made := [numObjects]*object{
		{name: "tickets", singular: "ticket", typeID: "0-5", touched: "hs_lastmodifieddate"},
		{name: "contacts", singular: "contact", typeID: "0-1", touched: "lastmodifieddate"},
		{name: "companies", singular: "company", typeID: "0-2", touched: "hs_lastmodifieddate"},
		{name: "deals", singular: "deal", typeID: "0-3", touched: "hs_lastmodifieddate"},
	}
	for i, o := range made {
		o.index = i
		o.props, o.names = map[string]*property{}, map[string]string{}
		o.records, o.further = map[uint64]*record{}, map[string]*record{}
		o.next = [2]uint64{21_000_000_001 + uint64(i)*10_000_000_000, 90_071_992_547_409_931 + uint64(i)*1_000_000_000_000}
		o.groups = []propertyGroup{{Name: o.singular + "information", Label: o.singular + " information"}}
	}
	return made
}

// defaultNames are what a read without "properties" answers.
var defaultNames = [numObjects][]string{
	{"subject", "content", "hs_pipeline", "hs_pipeline_stage", "hs_ticket_category", "hs_ticket_priority"},
	{"email", "firstname", "lastname"},
	{"name", "domain"},
	{"dealname", "amount", "dealstage", "pipeline", "closedate"},
}

// define adds a definition, or replaces the archived one of the same name.
func (o *object) define(def schema.Property) *property {
	p := compile(def)
	p.folded = o.folded
	if old := o.props[def.Name]; old != nil {
		o.ordered = slices.DeleteFunc(o.ordered, func(q *property) bool { return q == old })
		if old.unique != nil && p.unique != nil {
			p.unique = old.unique
		}
	}
	o.props[def.Name] = p
	o.names[def.Name] = def.Name
	o.ordered = append(o.ordered, p)
	o.setVirtual(p)
	o.addGroup(def.GroupName)
	return p
}

func (o *object) addGroup(name string) {
	if name != "" && !slices.ContainsFunc(o.groups, func(g propertyGroup) bool { return g.Name == name }) {
		o.groups = append(o.groups, propertyGroup{Name: name, Label: name, DisplayOrder: len(o.groups)})
	}
}

// ensure adds a definition unless there is one.
func (o *object) ensure(def schema.Property) {
	if o.props[def.Name] == nil {
		o.define(def)
	}
}

// active returns the definition of a property that is not archived, or nil.
func (o *object) active(name string) *property {
	if p := o.props[name]; p != nil && !p.Archived {
		return p
	}
	return nil
}

// setVirtual makes the values computed that nobody stores.
func (o *object) setVirtual(p *property) {
	switch p.Name {
	case "hs_object_id", "hs_ticket_id":
		p.virtual = func(r *record, _ *state) (string, bool) { return r.id, true }
	case "hs_createdate":
		p.virtual = func(r *record, _ *state) (string, bool) { return stamp(r.entered), true }
	case o.touched:
		p.virtual = func(_ *record, st *state) (string, bool) { return stamp(st.updated), true }
	case "createdate":
		p.virtual = func(_ *record, st *state) (string, bool) { return stamp(st.created), true }
	case "hs_object_source", "hs_object_source_label":
		p.virtual = func(*record, *state) (string, bool) { return "INTEGRATION", true }
	case "hs_last_message_from_visitor":
		p.virtual = func(*record, *state) (string, bool) { return "false", true }
	case "hs_helpdesk_sort_timestamp":
		p.virtual = func(r *record, _ *state) (string, bool) { return stamp(r.entered), true }
	case "hs_num_associated_companies":
		p.virtual = func(r *record, _ *state) (string, bool) { return strconv.Itoa(len(r.linksTo("companies"))), true }
	case "hs_primary_company_id":
		p.virtual = func(r *record, _ *state) (string, bool) { return r.primaryCompany("hs_object_id") }
	case "hs_primary_company_name":
		p.virtual = func(r *record, _ *state) (string, bool) { return r.primaryCompany("name") }
	case "time_to_close":
		p.virtual = o.timeToClose
	case "hs_merged_object_ids":
		p.virtual = func(r *record, _ *state) (string, bool) { return strings.Join(r.merged, ";"), len(r.merged) > 0 }
	}
}

// timeToClose is the number of milliseconds from createdate to closed_date.
func (o *object) timeToClose(_ *record, st *state) (string, bool) {
	closed := o.props["closed_date"]
	if closed == nil {
		return "", false
	}
	text, _ := st.get(closed)
	ms, ok := parseInstant(text)
	if !ok {
		return "", false
	}
	return strconv.FormatInt(max(0, ms-st.created), 10), true
}

// locked is a definition that only HubSpot writes.
func locked(name, label, kind, fieldType string) schema.Property {
	return schema.Property{
		Name: name, Label: label, Type: kind, FieldType: fieldType, HubspotDefined: true,
		Modification: &schema.Modification{ReadOnlyDefinition: true, ReadOnlyValue: true},
	}
}

func plain(name, label, kind, fieldType string) schema.Property {
	return schema.Property{
		Name: name, Label: label, Type: kind, FieldType: fieldType,
		HubspotDefined: true, Modification: &schema.Modification{ReadOnlyDefinition: true},
	}
}

// loadDefinitions gives every object its properties: for tickets those of the
// world, for the others those that their seeds have values of.
func (s *Server) loadDefinitions(w *World) error {
	for _, def := range w.Schema.Properties {
		if s.objects[tickets].props[def.Name] != nil {
			return fmt.Errorf("world: property %q is defined twice", def.Name)
		}
		s.objects[tickets].define(def)
	}
	s.objects[tickets].addSystem(w.Schema.Pipelines)
	for index, seeds := range map[int][]Seed{contacts: w.Contacts, companies: w.Companies, deals: w.Deals} {
		s.objects[index].fromSeeds(seeds, w.Schema.Unique[s.objects[index].name])
	}
	for _, o := range s.objects {
		o.addShared()
	}
	return s.loadRules(w.Schema.Rules)
}

// addSystem defines what a ticket cannot be without.
func (o *object) addSystem(pipelines []schema.Pipeline) {
	o.ensure(plain("subject", "Ticket name", "string", "text"))
	o.ensure(plain("content", "Ticket description", "string", "textarea"))
	for _, def := range []schema.Property{
		plain("hs_pipeline", "Pipeline", "enumeration", "select"),
		plain("hs_pipeline_stage", "Ticket status", "enumeration", "select"),
	} {
		def.ExternalOptions = true
		o.ensure(def)
	}
	o.ensure(plain("closed_date", "Close date", "datetime", "date"))
	o.ensure(locked("hs_createdate", "Object create date/time", "datetime", "date"))
	o.ensure(locked("time_to_close", "Time to close", "number", "number"))
	for i := range pipelines {
		o.trackStages(&pipelines[i])
	}
}

func enteredName(stage string) string { return "hs_v2_date_entered_" + stage }

func exitedName(stage string) string { return "hs_v2_date_exited_" + stage }

// addShared defines what every record has.
func (o *object) addShared() {
	o.ensure(locked("hs_object_id", "Record ID", "number", "number"))
	o.ensure(plain("createdate", "Create date", "datetime", "date"))
	o.ensure(locked(o.touched, "Last modified date", "datetime", "date"))
	for _, name := range defaultNames[o.index] {
		if p := o.props[name]; p != nil {
			o.defaults = append(o.defaults, p)
		}
	}
	for _, name := range []string{"createdate", o.touched, "hs_object_id"} {
		o.always = append(o.always, o.props[name])
	}
	for _, name := range []string{"hs_helpdesk_sort_timestamp", "hs_last_message_from_visitor", "hs_object_source", "hs_object_source_label", "hs_ticket_id"} {
		if p := o.props[name]; p != nil {
			o.echoed = append(o.echoed, p)
		}
	}
}

// fromSeeds defines a text property for each name that the seeds use.
func (o *object) fromSeeds(seeds []Seed, unique []string) {
	names := map[string]bool{}
	for _, name := range slices.Concat(defaultNames[o.index], unique) {
		names[name] = true
	}
	for _, seed := range seeds {
		for name := range seed.Properties {
			names[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if isShared(name) {
			continue
		}
		def := plain(name, name, "string", "text")
		def.HasUniqueValue = slices.Contains(unique, name)
		if p := o.define(def); name == "email" {
			p.folded, p.isEmail = true, o.index == contacts
		}
	}
}

func isShared(name string) bool {
	return slices.Contains([]string{"hs_object_id", "createdate", "lastmodifieddate", "hs_lastmodifieddate"}, name)
}
