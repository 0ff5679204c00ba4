package load

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/internal/hubspot"
)

// lookUp reads the tickets that items name by key, with the properties that
// are about to be written. Batch read, unlike search, sees a ticket at once.
func (imp *Importer) lookUp(ctx context.Context, items []*item) error {
	if imp.opts.KeyProperty == "" {
		return fmt.Errorf("operation %s needs a key, and the mapping has none", imp.opts.Operation)
	}
	return imp.readKeys(ctx, items, hubspot.BatchRead{IDs: keys(items), Properties: imp.names(items)})
}

// readKeys finds the tickets of items by their keys as q says.
func (imp *Importer) readKeys(ctx context.Context, items []*item, q hubspot.BatchRead) error {
	if imp.opts.KeyProperty != RecordID {
		q.IDProperty = imp.opts.KeyProperty
	}
	found, _, err := imp.client.ReadBatch(ctx, tickets, q)
	if err != nil {
		return fmt.Errorf("look up tickets by %s: %w", imp.opts.KeyProperty, err)
	}
	byKey := make(map[string]*hubspot.Object, len(found))
	for i := range found {
		byKey[imp.keyOf(&found[i])] = &found[i]
	}
	for _, it := range items {
		if o := byKey[foldKey(it.rec.Key)]; o != nil {
			it.id, it.stored = o.ID, o.Properties
		}
	}
	return nil
}

// foldKey is the form in which keys are compared here. Rows of one run never
// differ in less (see etl.Options.Unique), and whether HubSpot tells such keys
// apart is not documented: taking them for one never makes a second ticket.
func foldKey(key string) string { return strings.ToLower(strings.TrimSpace(key)) }

func (imp *Importer) keyOf(o *hubspot.Object) string {
	if imp.opts.KeyProperty == RecordID {
		return o.ID
	}
	return foldKey(o.Properties[imp.opts.KeyProperty])
}

// keys are the distinct keys of items, in order: HubSpot refuses a batch that
// names one twice.
func keys(items []*item) []string {
	seen := make(map[string]bool, len(items))
	out := make([]string, 0, len(items))
	for _, it := range items {
		if k := foldKey(it.rec.Key); !seen[k] {
			seen[k] = true
			out = append(out, it.rec.Key)
		}
	}
	return out
}

// names are the properties to read: the key, if any, all that any item writes,
// and the pipeline where only a stage is written.
func (imp *Importer) names(items []*item) []string {
	seen := map[string]bool{"": true, imp.opts.KeyProperty: true}
	var out []string
	if imp.opts.KeyProperty != "" {
		out = append(out, imp.opts.KeyProperty)
	}
	var last []etl.Property
	for _, it := range items {
		if sameNames(it.rec.Properties, last) { // as most records of one mapping have
			continue
		}
		last = it.rec.Properties
		for _, p := range last {
			if !seen[p.Name] {
				seen[p.Name] = true
				out = append(out, p.Name)
			}
		}
	}
	if seen["hs_pipeline_stage"] && !seen["hs_pipeline"] {
		out = append(out, "hs_pipeline")
	}
	return out
}

func sameNames(a, b []etl.Property) bool {
	return slices.EqualFunc(a, b, func(p, q etl.Property) bool { return p.Name == q.Name })
}

// changed returns the items of which something is to be written: new tickets,
// and those that hold another value than the record.
func (imp *Importer) changed(items []*item) []*item {
	var out []*item
	for _, it := range items {
		if it.stored == nil || len(imp.differing(it)) > 0 {
			out = append(out, it)
		}
	}
	return out
}

// differing are the properties of the record that the ticket has not yet; all
// of them for a new ticket. A stage is sent together with its pipeline, since
// HubSpot judges the two as a pair.
func (imp *Importer) differing(it *item) []hubspot.Property {
	wanted := imp.writable(it)
	if it.stored == nil {
		return wanted
	}
	same := func(p hubspot.Property) bool { return imp.properties[p.Name].Same(it.stored[p.Name], p.Value) }
	moved := slices.ContainsFunc(wanted, func(p hubspot.Property) bool { return isPlace(p.Name) && !same(p) })
	return slices.DeleteFunc(wanted, func(p hubspot.Property) bool {
		if isPlace(p.Name) {
			return !moved
		}
		return same(p)
	})
}

// isPlace says of a property that it is half of where a ticket stands.
func isPlace(name string) bool { return name == "hs_pipeline" || name == "hs_pipeline_stage" }

// writable are the properties of the record that may be written: into an
// existing ticket those that its values do not stand against, or somebody's
// change since they were exported; into a new one all, options without the ';' that adds them to others.
func (imp *Importer) writable(it *item) []hubspot.Property {
	out := make([]hubspot.Property, 0, len(it.rec.Properties))
	for _, p := range it.rec.Properties {
		policy := imp.opts.Overwrite[p.Name]
		switch {
		case it.withheld[p.Name]:
			continue
		case it.stored == nil && strings.HasPrefix(p.Value, ";") && imp.properties[p.Name].Multiple():
			p.Value = p.Value[1:]
		case it.stored != nil && (policy == KeepAll || policy == KeepFilled && it.stored[p.Name] != ""):
			continue
		}
		out = append(out, hubspot.Property(p))
	}
	return out
}

// rejectMissing rejects the items whose ticket is not there and returns the rest.
func (imp *Importer) rejectMissing(items []*item) []*item {
	there := make([]*item, 0, len(items))
	for _, it := range items {
		if it.stored != nil {
			there = append(there, it)
			continue
		}
		it.judge(etl.Rejected, etl.Problem{
			Column:  it.rec.KeyColumn,
			Value:   it.rec.Key,
			Code:    "TICKET_NOT_FOUND",
			Message: fmt.Sprintf("no ticket in this account has %s %q", imp.opts.KeyProperty, it.rec.Key),
			Hint:    "correct the key, or use operation: upsert to create what is missing",
		})
	}
	return there
}

// rejectStray rejects the items that would give a ticket a stage of another
// pipeline than its own, which HubSpot refuses, and returns the rest.
func (imp *Importer) rejectStray(items []*item) []*item {
	var rest []*item
	for _, it := range items {
		if it.stored == nil {
			rest = append(rest, it)
			continue
		}
		stage := strayStage(imp.differing(it))
		pipeline := imp.opts.Schema.Pipeline(it.stored["hs_pipeline"])
		if stage == "" || pipeline == nil || pipeline.Stage(stage) != nil {
			rest = append(rest, it)
			continue
		}
		it.judge(etl.Rejected, etl.Problem{
			Column: -1, Property: "hs_pipeline_stage", Value: imp.stageLabel(stage), Code: "INVALID_STAGE",
			Message: fmt.Sprintf("%q is not a stage of %q, the pipeline in which the ticket is", imp.stageLabel(stage), pipeline.Label),
			Hint:    "map hs_pipeline too, if the ticket is to move to another pipeline",
		})
	}
	return rest
}

// strayStage is the stage that properties write without its pipeline.
func strayStage(properties []hubspot.Property) string {
	stage := ""
	for _, p := range properties {
		switch p.Name {
		case "hs_pipeline":
			return ""
		case "hs_pipeline_stage":
			stage = p.Value
		}
	}
	return stage
}

// stageLabel is how people know a stage; its id where the account has it no more.
func (imp *Importer) stageLabel(id string) string {
	for i := range imp.opts.Schema.Pipelines {
		if stage := imp.opts.Schema.Pipelines[i].Stage(id); stage != nil {
			return stage.Label
		}
	}
	return id
}
