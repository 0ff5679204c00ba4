package report

import (
	"cmp"
	"slices"
	"strings"
)

// A ProblemGroup gathers the problems of one column, property and code. The
// value, message and hint are those of the first one.
type ProblemGroup struct {
	Column   string `json:"column,omitempty"` // its letter; empty when it is about rows
	Header   string `json:"header,omitempty"`
	Property string `json:"property,omitempty"`
	Code     string `json:"code"`
	Severity string `json:"severity"` // error or warning
	Count    int64  `json:"count"`    // problems
	File     string `json:"file"`     // position of the first one
	Sheet    string `json:"sheet,omitempty"`
	Row      int    `json:"row"`
	Line     int    `json:"line,omitempty"`
	Value    string `json:"value"`
	Message  string `json:"message"`
	Hint     string `json:"hint,omitempty"`

	Positions []Place `json:"positions"` // where the first ones stand
}

// A Place says where a problem stands.
type Place struct {
	File  string `json:"file"`
	Sheet string `json:"sheet,omitempty"`
	Row   int    `json:"row"`
	Line  int    `json:"line,omitempty"`
}

// maxPositions is how many positions a group names.
const maxPositions = 5

// OtherProblems is the code of the group that counts what does not fit in the
// first maxGroups groups.
const OtherProblems = "OTHER_PROBLEMS"

const maxGroups = 200

type groupKey struct {
	column, header, property, code, severity string
}

type groups struct {
	index map[groupKey]int
	list  []ProblemGroup
}

func (g *groups) add(r ErrorRow) {
	key := groupKey{header: r.Header, property: r.Property, code: r.Code, severity: r.Severity}
	if r.Header == "" {
		key.column = r.Column // files may hold a header at different places
	}
	if g.index == nil {
		g.index = map[groupKey]int{}
	}
	at, ok := g.index[key]
	if !ok && len(g.list) >= maxGroups {
		key = groupKey{code: OtherProblems, severity: r.Severity}
		at, ok = g.index[key]
		r = ErrorRow{
			File: r.File, Sheet: r.Sheet, Row: r.Row, Line: r.Line, Code: OtherProblems,
			Severity: r.Severity, Message: "problems of other kinds, all in " + ErrorsFile,
		}
	}
	if !ok {
		at = len(g.list)
		g.index[key] = at
		g.list = append(g.list, newGroup(r))
	}
	g.list[at].Count++
	if one := &g.list[at]; len(one.Positions) < maxPositions {
		one.Positions = append(one.Positions, Place{r.File, r.Sheet, r.Row, r.Line})
	}
}

func newGroup(r ErrorRow) ProblemGroup {
	return ProblemGroup{
		Column: r.Column, Header: r.Header, Property: r.Property, Code: r.Code, Severity: r.Severity,
		File: r.File, Sheet: r.Sheet, Row: r.Row, Line: r.Line,
		Value: strings.Clone(r.Value), Message: r.Message, Hint: r.Hint, // not with the text of many rows that Value is a part of
	}
}

func (g *groups) sorted() []ProblemGroup {
	list := slices.Clone(g.list)
	slices.SortStableFunc(list, func(a, b ProblemGroup) int {
		return cmp.Or(cmp.Compare(a.Severity, b.Severity), cmp.Compare(b.Count, a.Count))
	})
	return list
}

// GroupErrors groups the problems of an errors.csv as Writer.Problems does.
func GroupErrors(path string) ([]ProblemGroup, error) {
	var g groups
	err := ReadErrors(path, func(r ErrorRow) error { g.add(r); return nil })
	return g.sorted(), err
}
