package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/etl/resolve"
)

// resolver looks references up in the account; offline it only counts them. It
// is nil where nothing is to be looked up.
func (j *job) resolver() etl.Resolver {
	var references etl.Resolver
	switch {
	case len(j.mapping.Associations) == 0:
	case j.resolve != nil:
		references = j.resolve
	default:
		j.survey = resolve.NewSurvey()
		references = j.survey
	}
	if j.taken == nil {
		return references
	}
	j.taken.Next = references
	return j.taken
}

// checkTaken lets the check look up whether other tickets have unique values. An
// import does not need it: HubSpot refuses them row by row, and a run that is
// carried on would meet its own tickets.
func (j *job) checkTaken() {
	if j.conn.client == nil {
		return
	}
	t := &resolve.Taken{Client: j.conn.client, Creates: j.mapping.Operation == etl.Create}
	if j.mapping.Key != nil {
		t.Key = j.mapping.Key.Property
	}
	for _, p := range j.mapping.Properties {
		if def := j.conn.schema.Property(p.Name); def != nil && def.HasUniqueValue && p.Name != t.Key {
			t.Properties = append(t.Properties, p.Name)
		}
	}
	if len(t.Properties) > 0 || t.Creates && t.Key != "" {
		j.taken = t
	}
}

// printReferences shows what the references of the rows have come to, before
// anything is sent.
func (j *job) printReferences(w io.Writer) {
	lines := j.referenceLines()
	for _, line := range lines {
		fmt.Fprintf(w, "  → %s\n", line)
	}
	if len(lines) > 0 {
		fmt.Fprintln(w)
	}
}

func (j *job) referenceLines() (lines []string) {
	if j.survey != nil {
		tallies, more := j.survey.Tallies()
		for _, t := range tallies {
			lines = append(lines, fmt.Sprintf("%s: %s%s; looking them up would take %s", lookedUp(t), atLeast(more), differentValues(t), requests(t)))
		}
		return lines
	}
	if j.resolve != nil {
		for _, t := range j.resolve.Tallies() {
			lines = append(lines, fmt.Sprintf("%s: %s (%s)", lookedUp(t), tallyText(t), requests(t)))
		}
	}
	return lines
}

func lookedUp(t resolve.Tally) string { return t.To + " by " + t.Match }

func differentValues(t resolve.Tally) string {
	return plural(int64(t.Values), "different value", "different values")
}

func tallyText(t resolve.Tally) string {
	parts := []string{differentValues(t), thousands(int64(t.Found)) + " found"}
	if t.Missing > 0 {
		parts = append(parts, thousands(int64(t.Missing))+" not found")
	}
	if t.Several > 0 {
		parts = append(parts, thousands(int64(t.Several))+" found several times")
	}
	return strings.Join(parts, ", ")
}

func requests(t resolve.Tally) string { return plural(int64(t.Calls), "request", "requests") }

func atLeast(more bool) string {
	if more {
		return "at least "
	}
	return ""
}
