package transform_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/etl/transform"
	"github.com/ticketetl/ticketetl/internal/schema"
)

// TestDigitsThatAWorkbookLost: a typed number of more than 15 digits is refused
// where it is used, and only there; the same text typed as text is fine.
func TestDigitsThatAWorkbookLost(t *testing.T) {
	t.Parallel()
	m, err := transform.Parse("desk.yaml", []byte(`version: 1
operation: create
properties:
  subject: Subject
  hs_pipeline: {value: "0"}
  hs_pipeline_stage: {value: "1"}
`))
	require.NoError(t, err)
	account := &schema.Schema{
		Properties: []schema.Property{
			{Name: "subject", Type: "string", FieldType: "text"},
			{Name: "hs_pipeline", Type: "enumeration", FieldType: "select", ExternalOptions: true},
			{Name: "hs_pipeline_stage", Type: "enumeration", FieldType: "select", ExternalOptions: true},
		},
		Pipelines: []schema.Pipeline{{ID: "0", Label: "Support", Stages: []schema.Stage{{ID: "1", Label: "New"}}}},
	}
	header := etl.NewHeader([]string{"Subject", "Unused"})
	mapper, err := transform.Compile(m, account, header, transform.CompileOptions{})
	require.NoError(t, err)

	tests := []struct {
		name   string
		fields []string
		kinds  []etl.Kind
		code   string
	}{
		{"lost digits", []string{"123456789012346000", ""}, []etl.Kind{etl.Number, etl.Text}, transform.CodeDigitsLost},
		{"fifteen digits", []string{"-123456789012345.5", ""}, []etl.Kind{etl.Number, etl.Text}, ""},
		{"typed as text", []string{"123456789012346789", ""}, nil, ""},
		{"in a column that is not used", []string{"x", "123456789012346000"}, []etl.Kind{etl.Text, etl.Number}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, problems := mapper.Apply(&etl.Record{Header: header, Fields: tt.fields, Kinds: tt.kinds})
			if tt.code == "" {
				require.Empty(t, problems)
				return
			}
			require.Len(t, problems, 1)
			require.Equal(t, tt.code, problems[0].Code)
			require.Equal(t, 0, problems[0].Column)
		})
	}
}
