package sandbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"time"

	"github.com/ticketetl/ticketetl/internal/schema"
)

// maxUnique is how many unique properties one kind of object may have.
const maxUnique = 10

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
	results := []schema.Property{}
	for _, p := range o.ordered {
		if p.Archived == (q.Get("archived") == "true") && sensitivity(p) == orText(q.Get("dataSensitivity"), "non_sensitive") {
			results = append(results, p.Property)
		}
	}
	return ok(http.StatusOK, map[string]any{"results": results}), nil
}

func sensitivity(p *property) string { return orText(p.DataSensitivity, "non_sensitive") }

func orText(text, usual string) string {
	if text == "" {
		return usual
	}
	return text
}

// definition finds the property of the path.
func (c *call) definition() (*object, *property, *failure) {
	o, f := c.object("type")
	if f != nil {
		return nil, nil, f
	}
	p := o.props[c.r.PathValue("name")]
	if p == nil || p.Archived != (c.r.URL.Query().Get("archived") == "true") {
		return o, nil, &failure{code: http.StatusNotFound, Category: "OBJECT_NOT_FOUND",
			Message: fmt.Sprintf("Property %q does not exist", c.r.PathValue("name"))}
	}
	return o, p, nil
}

func (c *call) getProperty() (*reply, *failure) {
	_, p, f := c.definition()
	if f != nil {
		return nil, f
	}
	return ok(http.StatusOK, p.Property), nil
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
	p, f := o.newProperty(def)
	if f != nil {
		return nil, f
	}
	return ok(http.StatusCreated, p.Property), nil
}

// newProperty defines a property; the name of an archived one brings it back.
func (o *object) newProperty(def schema.Property) (*property, *failure) {
	if f := o.checkDefinition(def); f != nil {
		return nil, f
	}
	def.Archived, def.ArchivedAt, def.HubspotDefined, def.Calculated = false, nil, false, false
	def.Modification = &schema.Modification{Archivable: true}
	return o.define(def), nil
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
	case def.HasUniqueValue && o.uniqueCount() >= maxUnique:
		return invalid("An object type can have at most %d unique properties", maxUnique)
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

// updateProperty changes what may change; hasUniqueValue never does.
func (c *call) updateProperty() (*reply, *failure) {
	var patch struct {
		Label, GroupName, Description, Type, FieldType *string
		Options                                        *[]schema.Option
		HasUniqueValue                                 *bool
		Hidden                                         *bool
	}
	if f := c.decode(&patch); f != nil {
		return nil, f
	}
	_, p, f := c.definition()
	switch {
	case f != nil:
		return nil, f
	case p.Modification != nil && p.Modification.ReadOnlyDefinition && patch.Options == nil:
		return nil, invalid("Property %q is defined by HubSpot and cannot be changed", p.Name)
	case p.Modification != nil && p.Modification.ReadOnlyOptions && patch.Options != nil:
		return nil, invalid("The options of property %q cannot be changed", p.Name)
	case patch.HasUniqueValue != nil && *patch.HasUniqueValue != p.HasUniqueValue:
		return nil, invalid("hasUniqueValue of property %q cannot be changed", p.Name)
	case patch.Type != nil && *patch.Type != p.Type:
		return nil, invalid("The type of property %q cannot be changed", p.Name)
	}
	assign(&p.Label, patch.Label)
	assign(&p.GroupName, patch.GroupName)
	assign(&p.Description, patch.Description)
	assign(&p.FieldType, patch.FieldType)
	assign(&p.Hidden, patch.Hidden)
	if patch.Options != nil {
		p.setOptions(*patch.Options)
	}
	return ok(http.StatusOK, p.Property), nil
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

func (c *call) archiveProperty() (*reply, *failure) {
	_, p, f := c.definition()
	if f != nil {
		return nil, f
	}
	if f := p.archive(c.now); f != nil {
		return nil, f
	}
	return noContent(), nil
}

func (p *property) archive(now int64) *failure {
	if p.Modification != nil && !p.Modification.Archivable {
		return invalid("Property %q cannot be archived", p.Name)
	}
	at := time.UnixMilli(now).UTC()
	p.Archived, p.ArchivedAt = true, &at
	return nil
}

// A nameBatch is the body of a batch of properties to read or archive.
type nameBatch struct {
	Inputs []struct {
		Name string `json:"name"`
	} `json:"inputs"`
	Archived bool `json:"archived"`
}

func (c *call) names() (*object, nameBatch, *failure) {
	var in nameBatch
	o, f := c.object("type")
	if f == nil {
		f = c.decode(&in)
	}
	if f == nil {
		f = c.checkSize(len(in.Inputs), maxInputs)
	}
	return o, in, f
}

func (c *call) batchReadProperties() (*reply, *failure) {
	o, in, f := c.names()
	if f != nil {
		return nil, f
	}
	results := []schema.Property{}
	var missing []string
	for _, input := range in.Inputs {
		if p := o.props[input.Name]; p != nil && p.Archived == in.Archived {
			results = append(results, p.Property)
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

func (c *call) batchArchiveProperties() (*reply, *failure) {
	o, in, f := c.names()
	if f != nil {
		return nil, f
	}
	for _, input := range in.Inputs {
		if p := o.active(input.Name); p != nil {
			if f := p.archive(c.now); f != nil {
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
	results := []schema.Property{}
	var errs []*failure
	for _, def := range in.Inputs {
		p, f := o.newProperty(def)
		if f != nil {
			f.Status = "error"
			errs = append(errs, f.with("name", def.Name))
			continue
		}
		results = append(results, p.Property)
	}
	return c.listEnvelope(http.StatusCreated, results, errs), nil
}

func (c *call) listGroups(o *object) (*reply, *failure) {
	return ok(http.StatusOK, map[string]any{"results": o.groups}), nil
}

func (c *call) getGroup(o *object) (*reply, *failure) {
	for _, g := range o.groups {
		if g.Name == c.r.PathValue("name") {
			return ok(http.StatusOK, g), nil
		}
	}
	return nil, notFound()
}

func (c *call) createGroup(o *object) (*reply, *failure) {
	var g propertyGroup
	if f := c.decode(&g); f != nil {
		return nil, f
	}
	if g.Name == "" || g.Label == "" {
		return nil, invalid("a property group needs name and label")
	}
	if slices.ContainsFunc(o.groups, func(old propertyGroup) bool { return old.Name == g.Name }) {
		return nil, &failure{code: http.StatusConflict, Category: "OBJECT_ALREADY_EXISTS", Message: fmt.Sprintf("A property group named '%s' already exists.", g.Name)}
	}
	o.groups = append(o.groups, g)
	return ok(http.StatusCreated, g), nil
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
	checked, err := checkRule(rule)
	if err != nil {
		return nil, invalid("%v", err)
	}
	p, f := c.ruled()
	if f != nil {
		return nil, f
	}
	p.rules = slices.DeleteFunc(p.rules, func(old checkedRule) bool { return old.Type == rule.Type })
	p.rules = append(p.rules, checked)
	return noContent(), nil
}
