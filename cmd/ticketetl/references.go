package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/etl/resolve"
)

// resolver looks references up in the account; offline it only counts them. It
// is nil where the mapping has none.
func (j *job) resolver() etl.Resolver {
	switch {
	case len(j.mapping.Associations) == 0:
		return nil
	case j.resolve != nil:
		return j.resolve
	}
	j.survey = resolve.NewSurvey()
	return j.survey
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
