package samplegen_test

import (
	"bytes"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/etl/extract"
	"github.com/ticketetl/ticketetl/etl/transform"
	"github.com/ticketetl/ticketetl/internal/sandbox"
)

// goals are what a mapping makes of each column: property names and, for
// associations, object types. Expressions are not counted.
func goals(m *transform.Mapping) map[string][]string {
	out := map[string][]string{}
	add := func(column, goal string) {
		if column != "" && !slices.Contains(out[strings.ToLower(column)], goal) {
			out[strings.ToLower(column)] = append(out[strings.ToLower(column)], goal)
		}
	}
	if m.Key != nil {
		add(m.Key.Column, m.Key.Property)
	}
	for _, p := range m.Properties {
		add(p.Column, p.Name)
	}
	for _, a := range m.Associations {
		add(a.Column, "→ "+a.To)
	}
	return out
}

// draftOf drafts a mapping of a sample and reads it back.
func draftOf(t *testing.T, sample, sheet string) (*transform.Mapping, transform.DraftInput, *transform.Mapper) {
	t.Helper()
	if !strings.HasSuffix(sample, ".xlsx") {
		sheet = ""
	}
	file, err := extract.Open(filepath.Join(samples, sample), extract.Options{Sheet: sheet})
	require.NoError(t, err)
	defer file.Close()
	in := transform.DraftInput{File: sample, Header: file.Header(), Schema: sandbox.DefaultWorld().Schema, Whole: true}
	for {
		rec, err := file.Next(t.Context())
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
		in.Samples, in.Kinds = append(in.Samples, rec.Fields), append(in.Kinds, rec.Kinds)
	}
	var out bytes.Buffer
	require.NoError(t, transform.Draft(&out, in))
	m, err := transform.Parse(sample+".yaml", out.Bytes())
	require.NoError(t, err, out.String())
	mapper, err := transform.Compile(m, in.Schema, in.Header, transform.CompileOptions{})
	require.NoError(t, err, out.String())
	return m, in, mapper
}

// TestDraftsNeedLittleEditing: of the columns of each sample, at least nine of
// ten are drafted as the ready mapping of that product has them, those that it
// leaves out included; and most rows of the sample pass with the draft as it is.
func TestDraftsNeedLittleEditing(t *testing.T) {
	t.Parallel()
	tests := []struct {
		sample, mapping string
		right           int     // columns, at least
		good            float64 // rows without an error, at least, of all
	}{
		{"chamados.csv", "chamados.yaml", 23, 0.95}, {"chamados.xlsx", "chamados.yaml", 23, 0.95}, {"zendesk.csv", "zendesk.yaml", 31, 0.8},
		{"jira.csv", "jira.yaml", 25, 1}, {"freshdesk.csv", "freshdesk.yaml", 26, 1}, {"servicenow.csv", "servicenow.yaml", 22, 0.8},
		{"github-issues.csv", "github-issues.yaml", 13, 1}, {"workbook.csv", "workbook.yaml", 10, 1}, {"hubspot-export.csv", "hubspot-export.yaml", 16, 1},
	}
	for _, tt := range tests {
		t.Run(tt.sample, func(t *testing.T) {
			t.Parallel()
			ready, err := transform.Load(filepath.Join(mappings, tt.mapping))
			require.NoError(t, err)
			drafted, in, mapper := draftOf(t, tt.sample, ready.Source.Sheet)
			want, got := goals(ready), goals(drafted)
			right := 0
			for _, column := range in.Header.Names() {
				name := strings.ToLower(column)
				if slices.Equal(want[name], got[name]) {
					right++
				} else {
					t.Logf("%s: drafted %v, want %v", column, got[name], want[name])
				}
			}
			good := goodRows(mapper, in)
			t.Logf("%s: %d of %d columns right (%.0f %%), %d of %d rows good with the draft as it is", tt.sample,
				right, in.Header.Len(), 100*float64(right)/float64(in.Header.Len()), good, len(in.Samples))
			require.GreaterOrEqual(t, float64(right), 0.9*float64(in.Header.Len()))
			require.GreaterOrEqual(t, right, tt.right)
			require.GreaterOrEqual(t, float64(good), tt.good*float64(len(in.Samples)))
		})
	}
}

// goodRows counts the rows that a mapping finds no error in.
func goodRows(m *transform.Mapper, in transform.DraftInput) (good int) {
	for i, fields := range in.Samples {
		_, problems := m.Apply(&etl.Record{Header: in.Header, Fields: fields, Kinds: in.Kinds[i]})
		if !slices.ContainsFunc(problems, func(p etl.Problem) bool { return !p.Warning }) {
			good++
		}
	}
	return good
}
