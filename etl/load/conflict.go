package load

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/internal/schema"
)

// What to do with a value that somebody changed in the account since it was
// exported, and that was edited since then too.
const (
	ConflictReport = "report" // leave it as it is in the account, and say so
	ConflictTheirs = "theirs" // the same, as a warning
	ConflictMine   = "mine"   // write it over
)

// codeConflict is also HubSpot's own, of a unique value that another ticket has.
const codeConflict = "CONFLICT"

// withhold finds, in items whose tickets are known, the values that were changed
// in the account since they were exported (Record.Was), and takes back those that
// are not to be written. An item of which nothing is left is rejected, unless that
// was wanted. It returns the others.
func (imp *Importer) withhold(items []*item) []*item {
	var rest []*item
	for _, it := range items {
		conflicts := imp.conflicts(it)
		if len(conflicts) == 0 {
			rest = append(rest, it)
			continue
		}
		if imp.opts.OnConflict != ConflictMine {
			it.withheld = map[string]bool{}
			for _, p := range conflicts {
				it.withheld[p.Property] = true
			}
			if it.withheld["hs_pipeline"] || it.withheld["hs_pipeline_stage"] { // the two are a pair
				it.withheld["hs_pipeline"], it.withheld["hs_pipeline_stage"] = true, true
			}
		}
		if imp.opts.OnConflict == ConflictReport && len(imp.differing(it)) == 0 {
			it.judge(etl.Rejected, asErrors(conflicts)...)
			continue
		}
		it.notes = conflicts
		rest = append(rest, it)
	}
	return rest
}

// conflicts are the values of it that differ from what the ticket had and from
// what it has by now, each as a Problem.
func (imp *Importer) conflicts(it *item) []etl.Problem {
	var problems []etl.Problem
	for _, was := range it.rec.Was {
		def, theirs := imp.properties[was.Name], it.stored[was.Name]
		yours, ok := it.rec.Property(was.Name)
		if !ok || def.Same(theirs, was.Value) || def.Same(theirs, yours) {
			continue
		}
		problems = append(problems, imp.conflict(was, yours, theirs))
	}
	return problems
}

func (imp *Importer) conflict(was etl.Property, yours, theirs string) etl.Problem {
	p := etl.Problem{Column: -1, Property: was.Name, Value: yours, Code: codeConflict, Warning: true}
	values := fmt.Sprintf("was %s, yours %s, theirs %s", imp.valueText(was.Name, was.Value), imp.valueText(was.Name, yours), imp.valueText(was.Name, theirs))
	switch imp.opts.OnConflict {
	case ConflictMine:
		p.Message = "somebody changed it in the account since the export, and it is written over: " + values
		p.Hint = "nothing to do; to keep theirs, use --on-conflict theirs"
	case ConflictTheirs:
		p.Message = "somebody changed it in the account since the export, and that is kept: " + values
		p.Hint = "nothing to do; to write yours, use --on-conflict mine"
	default:
		p.Message = "somebody changed it in the account since the export; it was not written: " + values
		p.Hint = "import the workbook again with --on-conflict mine to write yours, or with --on-conflict theirs to keep theirs"
	}
	return p
}

func asErrors(problems []etl.Problem) []etl.Problem {
	for i := range problems {
		problems[i].Warning = false
	}
	return problems
}

// maxShown is how much of a value a message shows, in characters.
const maxShown = 100

// valueText shows a stored value to people: by its label, where it has one.
func (imp *Importer) valueText(property, value string) string {
	switch p := imp.properties[property]; {
	case property == "hs_pipeline_stage":
		value = imp.stageLabel(value)
	case property == "hs_pipeline":
		if found := imp.opts.Schema.Pipeline(value); found != nil {
			value = found.Label
		}
	case p != nil && p.ReferencedObjectType == "OWNER":
		value = imp.ownerText(value)
	case p != nil:
		if i := slices.IndexFunc(p.Options, func(o schema.Option) bool { return o.Value == value }); i >= 0 {
			value = p.Options[i].Label
		}
	}
	if r := []rune(value); len(r) > maxShown {
		value = string(r[:maxShown]) + "…"
	}
	return fmt.Sprintf("%q", value)
}

// ownerText is how people know an owner; the id where the account has none.
func (imp *Importer) ownerText(id string) string {
	for _, o := range imp.opts.Schema.Owners {
		if o.ID == id {
			return cmp.Or(o.Email, o.Name())
		}
	}
	return id
}
