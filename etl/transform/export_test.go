package transform_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/etl/transform"
	"github.com/ticketetl/ticketetl/internal/schema"
)

// TestExportColumns: one ticket in every form of columns that can be chosen.
func TestExportColumns(t *testing.T) {
	t.Parallel()
	acc := account()
	acc.Properties = append(acc.Properties, schema.Property{Name: "due_2", Label: "Due date", Type: "date", FieldType: "date"})
	header := etl.NewHeader([]string{"hs_object_id", "hs_pipeline", "hs_pipeline_stage", "hs_ticket_priority", "hubspot_owner_id", "createdate", "due", "due_2", "effort", "associations.contacts"})
	ticket := []string{"900719925474099267", "77", "703", "HIGH", "101", "2026-01-31T23:30:00.5Z", "2026-02-01", "", "1.50", "7;8"}
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	tests := []struct {
		name   string
		opts   transform.ExportOptions
		header []string
		want   []string
	}{
		{name: "labels", opts: transform.ExportOptions{Values: "labels"}, header: header.Names(),
			want: []string{"900719925474099267", "Suporte", "Closed", "High", "ana@example.com", "2026-01-31T23:30:00.5Z", "2026-02-01", "", "1.50", "7;8"}},
		{name: "raw, in a zone", opts: transform.ExportOptions{Values: "raw", Zone: berlin}, header: header.Names(),
			want: []string{"900719925474099267", "77", "703", "HIGH", "101", "2026-02-01T00:30:00.5+01:00", "2026-02-01", "", "1.50", "7;8"}},
		{name: "typed, in a zone", opts: transform.ExportOptions{Values: "raw", Zone: berlin, Typed: true}, header: header.Names(),
			want: []string{"900719925474099267", "77", "703", "HIGH", "101", "2026-02-01T00:30:00.5", "2026-02-01", "", "1.50", "7;8"}},
		{name: "both", opts: transform.ExportOptions{Values: "both"},
			header: []string{"hs_object_id", "hs_pipeline", "hs_pipeline.label", "hs_pipeline_stage", "hs_pipeline_stage.label", "hs_ticket_priority", "hs_ticket_priority.label",
				"hubspot_owner_id", "hubspot_owner_id.label", "createdate", "due", "due_2", "effort", "associations.contacts"},
			want: []string{"900719925474099267", "77", "Suporte", "703", "Closed", "HIGH", "High", "101", "ana@example.com", "2026-01-31T23:30:00.5Z", "2026-02-01", "", "1.50", "7;8"}},
		{name: "labels as headers, told apart", opts: transform.ExportOptions{Values: "both", Labels: true},
			header: []string{"hs_object_id", "Pipeline (value)", "Pipeline", "Ticket status (value)", "Ticket status", "Priority (value)", "Priority",
				"Ticket owner (value)", "Ticket owner", "Create date", "Due date (due)", "Due date (due_2)", "Effort", "associations.contacts"},
			want: []string{"900719925474099267", "77", "Suporte", "703", "Closed", "HIGH", "High", "101", "ana@example.com", "2026-01-31T23:30:00.5Z", "2026-02-01", "", "1.50", "7;8"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e := transform.NewExport(acc, header, tt.opts)
			rec := &etl.Record{Header: header, Fields: ticket}
			skip, problems := e.Apply(rec)
			require.False(t, skip)
			require.Empty(t, problems)
			var names, got []string
			for i, c := range e.Columns() {
				names, got = append(names, c.Name), append(got, rec.Properties[i].Value)
				require.Equal(t, c.Name, rec.Properties[i].Name)
			}
			require.Equal(t, tt.header, names)
			require.Equal(t, tt.want, got)
		})
	}
}

// TestExportKinds: the types of columns, where the output has types.
func TestExportKinds(t *testing.T) {
	t.Parallel()
	header := etl.NewHeader([]string{"hs_object_id", "subject", "hs_ticket_priority", "createdate", "due", "effort"})
	kinds := func(typed bool) (kinds []etl.Kind, choices []bool) {
		for _, c := range transform.NewExport(account(), header, transform.ExportOptions{Values: "raw", Typed: typed}).Columns() {
			kinds, choices = append(kinds, c.Kind), append(choices, c.Choice)
		}
		return kinds, choices
	}
	got, choices := kinds(true)
	require.Equal(t, []etl.Kind{etl.Text, etl.Text, etl.Text, etl.DateTime, etl.Date, etl.Number}, got)
	require.Equal(t, []bool{false, false, true, false, false, false}, choices)
	got, _ = kinds(false)
	require.Equal(t, make([]etl.Kind, 6), got)
}
