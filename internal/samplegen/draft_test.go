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
func draftOf(t *testing.T, sample string) (*transform.Mapping, *etl.Header) {
	t.Helper()
	file, err := extract.Open(filepath.Join(samples, sample), extract.Options{})
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
	_, err = transform.Compile(m, in.Schema, in.Header, transform.CompileOptions{})
	require.NoError(t, err, out.String())
	return m, in.Header
}

// TestDraftsNeedLittleEditing: of the columns of each sample, at least nine of
// ten are drafted as the ready mapping of that product has them, those that it
// leaves out included.
func TestDraftsNeedLittleEditing(t *testing.T) {
	t.Parallel()
	for mapping, sample := range map[string]string{
		"chamados.yaml": "chamados.csv", "zendesk.yaml": "zendesk.csv", "jira.yaml": "jira.csv", "freshdesk.yaml": "freshdesk.csv",
		"servicenow.yaml": "servicenow.csv", "github-issues.yaml": "github-issues.csv", "workbook.yaml": "workbook.csv",
		"hubspot-export.yaml": "hubspot-export.csv",
	} {
		t.Run(sample, func(t *testing.T) {
			t.Parallel()
			ready, err := transform.Load(filepath.Join(mappings, mapping))
			require.NoError(t, err)
			drafted, header := draftOf(t, sample)
			want, got := goals(ready), goals(drafted)
			right := 0
			for _, column := range header.Names() {
				name := strings.ToLower(column)
				if slices.Equal(want[name], got[name]) {
					right++
				} else {
					t.Logf("%s: drafted %v, want %v", column, got[name], want[name])
				}
			}
			t.Logf("%s: %d of %d columns right", sample, right, header.Len())
			require.GreaterOrEqual(t, float64(right), 0.9*float64(header.Len()))
		})
	}
}
