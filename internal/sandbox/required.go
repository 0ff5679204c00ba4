package sandbox

import (
	"fmt"
	"slices"
)

// A missingValue is a required property that a write leaves without a value.
type missingValue struct{ name, code string }

// loadRequired takes what the world says of required properties.
func (s *Server) loadRequired(w *World) error {
	names := slices.Clone(w.Required)
	for _, c := range w.Conditions {
		names = append(append(names, c.Property), c.Require...)
	}
	for _, name := range names {
		if s.objects[tickets].active(name) == nil {
			return fmt.Errorf("world: unknown property %q is required, or requires others", name)
		}
	}
	s.required, s.conditions = w.Required, w.Conditions
	return nil
}

// checkRequired notes what a ticket cannot do without: a stage always; from
// 2026-09 on also subject and pipeline, and what an administrator requires.
func (w *write) checkRequired(it *item) {
	if it.fresh {
		w.checkCreate(it)
	}
	if !w.newRules() {
		return
	}
	for _, c := range w.s.conditions {
		if w.finalValue(it, c.Property) == c.Value && it.touches(c) {
			w.need(it, "MISSING_CONDITIONAL_REQUIRED_PROPERTY", c.Require)
		}
	}
}

func (w *write) checkCreate(it *item) {
	required := []string{"hs_pipeline_stage"}
	if w.newRules() {
		required = slices.Concat([]string{"subject", "hs_pipeline", "hs_pipeline_stage"}, w.s.required)
	}
	w.need(it, "MISSING_REQUIRED_PROPERTY", required)
	if text, _ := it.draft.sent("subject"); text == "" {
		w.wrong("a ticket without subject")
	}
}

// need notes those of the named properties that will have no value.
func (w *write) need(it *item, code string, names []string) {
	for _, name := range names {
		m := missingValue{name, code}
		known := slices.ContainsFunc(it.draft.missing, func(old missingValue) bool { return old.name == name })
		if !known && w.finalValue(it, name) == "" {
			it.draft.missing = append(it.draft.missing, m)
		}
	}
}

// touches says whether the write has to do with a condition at all.
func (it *item) touches(c Condition) bool {
	return it.fresh || slices.ContainsFunc(it.draft.values, func(v cell) bool {
		return v.prop.Name == c.Property || slices.Contains(c.Require, v.prop.Name)
	})
}

// finalValue is what a property will have after the write.
func (w *write) finalValue(it *item, name string) string {
	if text, sent := it.draft.sent(name); sent {
		return text
	}
	p := w.object.props[name]
	if it.rec == nil || p == nil {
		return ""
	}
	text, _ := it.rec.value(it.rec, p)
	return text
}

// missingValues is the answer to a write without its required properties.
func (w *write) missingValues(missing []missingValue) *failure {
	message := fmt.Sprintf("Error creating %s. Some required properties were not set.", w.object.upper())
	if w.newRules() {
		message = "The provided property values are invalid"
	}
	f := invalid("%s", message)
	names := make([]string, len(missing))
	for i, m := range missing {
		names[i] = m.name
		f.Errors = append(f.Errors, detail{
			Message: fmt.Sprintf("A value for %q must be provided.", m.name),
			Code:    m.code,
			Context: map[string][]string{"propertyName": {m.name}},
		})
	}
	return f.with("properties", names...)
}
