package sandbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/ticketetl/ticketetl/internal/schema"
)

// maxUnique is how many unique properties one kind of object may have.
const maxUnique = 10

// A propertyAnswer is a definition with the dates that HubSpot answers.
type propertyAnswer struct {
	schema.Property
	CreatedAt string `json:"createdAt"`
	UpdatedAt string `json:"updatedAt"`
}

func (p *property) answer() propertyAnswer {
	return propertyAnswer{p.Property, stamp(p.born.Created), stamp(p.born.Updated)}
}

// decode reads a small body; fields that HubSpot does not define are noted.
func (c *call) decode(into any) *failure {
	strict := json.NewDecoder(bytes.NewReader(c.body))
	strict.DisallowUnknownFields()
	if strict.Decode(into) == nil {
		return nil
	}
	if err := json.Unmarshal(c.body, into); err != nil {
		c.wrong("%v", err)
		p := &parser{data: c.body}
		return asFailure(p.fail("Cannot deserialize value of type: " + err.Error()))
	}
	c.wrong("the body has a field that HubSpot does not define")
	return nil
}

func (c *call) listProperties(o *object) (*reply, *failure) {
	q := c.r.URL.Query()
	wanted := orText(q.Get("dataSensitivity"), "non_sensitive")
	if !slices.Contains(sensitivities, wanted) {
		c.wrong("dataSensitivity %q", wanted)
		return nil, invalid("Invalid input: dataSensitivity %q must be one of %s", wanted, list(sensitivities))
	}
	results, names := []propertyAnswer{}, splitList(q["properties"])
	for _, p := range o.ordered {
		if p.Archived == (q.Get("archived") == "true") && sensitivity(p) == wanted && (len(names) == 0 || slices.Contains(names, p.Name)) {
			results = append(results, p.answer())
		}
	}
	return ok(http.StatusOK, map[string]any{"results": results}), nil
}

var sensitivities = []string{"non_sensitive", "sensitive", "highly_sensitive"}

func sensitivity(p *property) string { return orText(p.DataSensitivity, "non_sensitive") }

func orText(text, usual string) string {
	if text == "" {
		return usual
	}
	return text
}

// ofProperty gives do the property of the path.
func ofProperty(do func(*call, *property) (*reply, *failure)) handler {
	return ofObject(func(c *call, o *object) (*reply, *failure) {
		p := o.props[c.r.PathValue("name")]
		if p == nil || p.Archived != (c.r.URL.Query().Get("archived") == "true") {
			return nil, &failure{code: http.StatusNotFound, Category: "OBJECT_NOT_FOUND",
				Message: fmt.Sprintf("Property %q does not exist", c.r.PathValue("name"))}
		}
		return do(c, p)
	})
}

func (c *call) getProperty(p *property) (*reply, *failure) {
	return ok(http.StatusOK, p.answer()), nil
}

var propertyName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,99}$`)

// fieldTypes are the field types of each type. Source: properties guide.
var fieldTypes = map[string][]string{
	"bool":         {"booleancheckbox", "calculation_equation"},
	"enumeration":  {"booleancheckbox", "checkbox", "radio", "select", "calculation_equation"},
	"date":         {"date"},
	"datetime":     {"date"},
	"string":       {"text", "textarea", "html", "file", "phonenumber", "calculation_equation"},
	"phone_number": {"phonenumber"},
	"number":       {"number", "calculation_equation"},
}

func (c *call) createProperty(o *object) (*reply, *failure) {
	var def schema.Property
	if f := c.decode(&def); f != nil {
		return nil, f
	}
	p, f := c.newProperty(o, def)
	if f != nil {
		return nil, f
	}
	return ok(http.StatusCreated, p.answer()), nil
}

// newProperty defines a property; the name of an archived one brings it back.
func (c *call) newProperty(o *object, def schema.Property) (*property, *failure) {
	if f := o.checkDefinition(def); f != nil {
		return nil, f
	}
	def.Archived, def.ArchivedAt, def.HubspotDefined, def.Calculated = false, nil, false, false
	def.Modification = &schema.Modification{Archivable: true}
	p := o.define(def)
	p.born = lifetime{c.now, c.now}
	return p, nil
}

func (o *object) checkDefinition(def schema.Property) *failure {
	switch {
	case !propertyName.MatchString(def.Name):
		return invalid("Property name %q is invalid: lower-case letters, digits and underscores, a letter first, at most 100", def.Name)
	case def.Label == "" || def.GroupName == "":
		return invalid("Property %q: label and groupName are required", def.Name)
	case !slices.Contains(fieldTypes[def.Type], def.FieldType):
		return invalid("Property %q: fieldType %q is not valid for type %q", def.Name, def.FieldType, def.Type)
	case !slices.ContainsFunc(o.groups, func(g propertyGroup) bool { return g.Name == def.GroupName }):
		return invalid("Property group %q does not exist", def.GroupName)
	case o.active(def.Name) != nil:
		return &failure{code: http.StatusConflict, Category: "OBJECT_ALREADY_EXISTS", SubCategory: "Properties.PROPERTY_WITH_NAME_EXISTS",
			Message: fmt.Sprintf("A property named '%s' already exists.", def.Name)}
	case def.HasUniqueValue && def.Type != "string" && def.Type != "number":
		return invalid("Property %q: only properties of type string or number can have unique values", def.Name)
	case def.HasUniqueValue && o.uniqueCount() >= maxUnique:
		return invalid("An object type can have at most %d unique properties", maxUnique)
	}
	return checkOptions(&def)
}

// checkOptions refuses options that no value could tell apart, and those of a
// boolean that are not true and false.
func checkOptions(def *schema.Property) *failure {
	seen := map[string]bool{}
	for _, o := range def.Options {
		switch {
		case o.Value == "" || o.Label == "":
			return invalid("Property %q: an option needs label and value", def.Name)
		case strings.Contains(o.Value, ";"):
			return invalid("Property %q: the value %q of an option has a semicolon", def.Name, o.Value)
		case seen[o.Value]:
			return invalid("Property %q: the value %q is that of two options", def.Name, o.Value)
		case def.FieldType == "booleancheckbox" && o.Value != "true" && o.Value != "false":
			return invalid("Property %q: the options of a booleancheckbox are true and false, not %q", def.Name, o.Value)
		}
		seen[o.Value] = true
	}
	return nil
}

func (o *object) uniqueCount() int {
	n := 0
	for _, p := range o.ordered {
		if p.HasUniqueValue && !p.Archived && !p.HubspotDefined {
			n++
		}
	}
	return n
}

// A propertyPatch is what may be sent to change a definition.
type propertyPatch struct {
	Label, GroupName, Description, Type, FieldType        *string
	CalculationFormula, CurrencyPropertyName              *string
	NumberDisplayHint, TextDisplayHint, DateDisplayHint   *string
	DisplayOrder                                          *int
	HasUniqueValue, Hidden, FormField, ShowCurrencySymbol *bool
	Options                                               *[]schema.Option
}

// updateProperty changes what may change; hasUniqueValue never does.
func (c *call) updateProperty(p *property) (*reply, *failure) {
	var patch propertyPatch
	if f := c.decode(&patch); f != nil {
		return nil, f
	}
	if f := p.checkPatch(&patch); f != nil {
		return nil, f
	}
	for to, from := range map[*string]*string{
		&p.Label: patch.Label, &p.GroupName: patch.GroupName, &p.Description: patch.Description, &p.FieldType: patch.FieldType,
		&p.CalculationFormula: patch.CalculationFormula, &p.CurrencyPropertyName: patch.CurrencyPropertyName,
		&p.NumberDisplayHint: patch.NumberDisplayHint, &p.TextDisplayHint: patch.TextDisplayHint, &p.DateDisplayHint: patch.DateDisplayHint,
	} {
		assign(to, from)
	}
	assign(&p.DisplayOrder, patch.DisplayOrder)
	assign(&p.Hidden, patch.Hidden)
	assign(&p.FormField, patch.FormField)
	assign(&p.ShowCurrencySymbol, patch.ShowCurrencySymbol)
	if patch.Options != nil {
		p.setOptions(*patch.Options)
	}
	p.born.Updated = c.now
	return ok(http.StatusOK, p.answer()), nil
}

func (p *property) checkPatch(patch *propertyPatch) *failure {
	fresh := p.Property
	assign(&fresh.FieldType, patch.FieldType)
	assign(&fresh.Options, patch.Options)
	switch {
	case p.Modification != nil && p.Modification.ReadOnlyDefinition && patch.Options == nil:
		return invalid("Property %q is defined by HubSpot and cannot be changed", p.Name)
	case p.Modification != nil && p.Modification.ReadOnlyOptions && patch.Options != nil:
		return invalid("The options of property %q cannot be changed", p.Name)
	case patch.HasUniqueValue != nil && *patch.HasUniqueValue != p.HasUniqueValue:
		return invalid("hasUniqueValue of property %q cannot be changed", p.Name)
	case patch.Type != nil && *patch.Type != p.Type:
		return invalid("The type of property %q cannot be changed", p.Name)
	case patch.FieldType != nil && !slices.Contains(fieldTypes[p.Type], *patch.FieldType):
		return invalid("Property %q: fieldType %q is not valid for type %q", p.Name, *patch.FieldType, p.Type)
	}
	return checkOptions(&fresh)
}

func assign[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

func (p *property) setOptions(options []schema.Option) {
	fresh := p.Property
	fresh.Options = options
	compiled := compile(fresh)
	p.Options, p.options, p.listed = compiled.Options, compiled.options, compiled.listed
}

func (c *call) archiveProperty(p *property) (*reply, *failure) {
	if f := c.archiveDefinition(p); f != nil {
		return nil, f
	}
	return noContent(), nil
}

func (c *call) archiveDefinition(p *property) *failure {
	if p.Modification != nil && !p.Modification.Archivable {
		return invalid("Property %q cannot be archived", p.Name)
	}
	if c.s.isRequired(p) {
		f := invalid("Property %q is in use and cannot be archived", p.Name)
		f.SubCategory = "PropertyValidationError.CANNOT_DELETE_PROPERTY_IN_USE"
		return f
	}
	at := time.UnixMilli(c.now).UTC()
	p.Archived, p.ArchivedAt, p.born.Updated = true, &at, c.now
	return nil
}

// isRequired says whether a rule of the account about required properties
// speaks of p.
func (s *Server) isRequired(p *property) bool {
	return s.objects[tickets].props[p.Name] == p && (slices.Contains(s.required, p.Name) ||
		slices.ContainsFunc(s.conditions, func(c Condition) bool { return c.Property == p.Name || slices.Contains(c.Require, p.Name) }))
}

// A nameBatch is the body of a batch of properties to read or archive.
type nameBatch struct {
	Inputs []struct {
		Name string `json:"name"`
	} `json:"inputs"`
	Archived    bool   `json:"archived"`
	Sensitivity string `json:"dataSensitivity"`
}

func (c *call) names() (in nameBatch, f *failure) {
	if f = c.decode(&in); f == nil {
		f = c.checkSize(len(in.Inputs), maxInputs)
	}
	return in, f
}

func (c *call) batchReadProperties(o *object) (*reply, *failure) {
	in, f := c.names()
	if f != nil {
		return nil, f
	}
	results := []propertyAnswer{}
	var missing []string
	for _, input := range in.Inputs {
		if p := o.props[input.Name]; p != nil && p.Archived == in.Archived && sensitivity(p) == orText(in.Sensitivity, "non_sensitive") {
			results = append(results, p.answer())
		} else {
			missing = append(missing, input.Name)
		}
	}
	var errs []*failure
	if len(missing) > 0 {
		f := &failure{Status: "error", Category: "OBJECT_NOT_FOUND", Message: "Some properties do not exist"}
		errs = append(errs, f.with("name", missing...))
	}
	return c.listEnvelope(http.StatusOK, results, errs), nil
}

func (c *call) batchArchiveProperties(o *object) (*reply, *failure) {
	in, f := c.names()
	if f != nil {
		return nil, f
	}
	for _, input := range in.Inputs {
		if p := o.active(input.Name); p != nil {
			if f := c.archiveDefinition(p); f != nil {
				return nil, f
			}
		}
	}
	return noContent(), nil
}

func (c *call) batchCreateProperties(o *object) (*reply, *failure) {
	var in struct {
		Inputs []schema.Property `json:"inputs"`
	}
	if f := c.decode(&in); f != nil {
		return nil, f
	}
	if f := c.checkSize(len(in.Inputs), maxInputs); f != nil {
		return nil, f
	}
	results := []propertyAnswer{}
	var errs []*failure
	for _, def := range in.Inputs {
		p, f := c.newProperty(o, def)
		if f != nil {
			f.Status = "error"
			errs = append(errs, f.with("name", def.Name))
			continue
		}
		results = append(results, p.answer())
	}
	return c.listEnvelope(http.StatusCreated, results, errs), nil
}

func (c *call) listGroups(o *object) (*reply, *failure) {
	return ok(http.StatusOK, map[string]any{"results": o.groups}), nil
}

// ofGroup gives do the property group of the path.
func ofGroup(do func(*call, *object, *propertyGroup) (*reply, *failure)) handler {
	return ofObject(func(c *call, o *object) (*reply, *failure) {
		g := o.group(c.r.PathValue("name"))
		if g == nil {
			return nil, notFound()
		}
		return do(c, o, g)
	})
}

func (o *object) group(name string) *propertyGroup {
	for i := range o.groups {
		if o.groups[i].Name == name {
			return &o.groups[i]
		}
	}
	return nil
}

func (c *call) getGroup(_ *object, g *propertyGroup) (*reply, *failure) {
	return ok(http.StatusOK, g), nil
}

func (c *call) createGroup(o *object) (*reply, *failure) {
	var g propertyGroup
	if f := c.decode(&g); f != nil {
		return nil, f
	}
	if !propertyName.MatchString(g.Name) || g.Label == "" {
		c.wrong("a property group without a good name or label")
		return nil, invalid("a property group needs a label, and a name of lower-case letters, digits and underscores")
	}
	if o.group(g.Name) != nil {
		return nil, &failure{code: http.StatusConflict, Category: "OBJECT_ALREADY_EXISTS", Message: fmt.Sprintf("A property group named '%s' already exists.", g.Name)}
	}
	g.Archived = false
	o.groups = append(o.groups, g)
	return ok(http.StatusCreated, g), nil
}

// updateGroup changes label and order, not the name.
func (c *call) updateGroup(_ *object, g *propertyGroup) (*reply, *failure) {
	var patch struct {
		Label        *string
		DisplayOrder *int
	}
	if f := c.decode(&patch); f != nil {
		return nil, f
	}
	if patch.Label != nil && *patch.Label == "" {
		return nil, invalid("the label of a property group must not be empty")
	}
	assign(&g.Label, patch.Label)
	assign(&g.DisplayOrder, patch.DisplayOrder)
	return ok(http.StatusOK, g), nil
}

// deleteGroup refuses while a property is in the group.
func (c *call) deleteGroup(o *object, g *propertyGroup) (*reply, *failure) {
	for _, p := range o.ordered {
		if p.GroupName == g.Name && !p.Archived {
			return nil, invalid("Property group %q holds property %q and cannot be deleted", g.Name, p.Name)
		}
	}
	o.groups = slices.DeleteFunc(o.groups, func(old propertyGroup) bool { return old.Name == g.Name })
	return noContent(), nil
}

// ruled finds the object of a validation path; only tickets have rules here.
func (c *call) ruled() (*property, *failure) {
	o, f := c.object("type")
	if f != nil {
		return nil, f
	}
	p := o.active(c.r.PathValue("name"))
	if p == nil {
		return nil, notFound()
	}
	return p, nil
}

func (c *call) listRules(o *object) (*reply, *failure) {
	type propertyRules struct {
		Name  string        `json:"propertyName"`
		Rules []schema.Rule `json:"propertyValidationRules"`
	}
	results := []propertyRules{}
	for _, p := range o.ordered {
		if len(p.rules) > 0 && !p.Archived {
			results = append(results, propertyRules{p.Name, p.plainRules()})
		}
	}
	return ok(http.StatusOK, map[string]any{"results": results}), nil
}

func (p *property) plainRules() []schema.Rule {
	out := make([]schema.Rule, len(p.rules))
	for i := range p.rules {
		out[i] = p.rules[i].Rule
	}
	return out
}

func (c *call) getRules() (*reply, *failure) {
	p, f := c.ruled()
	if f != nil {
		return nil, f
	}
	return ok(http.StatusOK, map[string]any{"results": p.plainRules()}), nil
}

func (c *call) getRule() (*reply, *failure) {
	p, f := c.ruled()
	if f != nil {
		return nil, f
	}
	for i := range p.rules {
		if p.rules[i].Type == c.r.PathValue("rule") {
			return ok(http.StatusOK, p.rules[i].Rule), nil
		}
	}
	return nil, notFound()
}

func (c *call) putRule() (*reply, *failure) {
	rule := schema.Rule{}
	if f := c.decode(&rule); f != nil {
		return nil, f
	}
	rule.Type = c.r.PathValue("rule")
	p, f := c.ruled()
	if f != nil {
		return nil, f
	}
	if why := p.mayRule(rule.Type); why != "" {
		return nil, invalid("%s", why)
	}
	checked, err := checkRule(rule)
	if err != nil {
		return nil, invalid("%v", err)
	}
	p.rules = slices.DeleteFunc(p.rules, func(old checkedRule) bool { return old.Type == rule.Type })
	p.rules = append(p.rules, checked)
	return noContent(), nil
}
