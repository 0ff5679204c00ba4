package transform_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// BenchmarkApply maps one row of the design document's example, without its
// expressions and with them.
func BenchmarkApply(b *testing.B) {
	for _, bb := range []struct{ name, mapping string }{
		{"plain", "operation: upsert\nsource: {dates: dmy, decimal: ','}\nkey: {property: external_id, column: Ticket ID}\n" +
			"properties: {subject: Subject, content: Description, hs_pipeline: {value: Suporte}, hs_pipeline_stage: Status, hs_ticket_priority: Priority, " +
			"hubspot_owner_id: Assignee, createdate: Created, due: Due, effort: Hours, hs_ticket_category: {column: Tags, split: '|'}}\n" +
			"associations: [{to: contacts, column: E-mail, match: email}]\n"},
		{"expressions", design},
	} {
		b.Run(bb.name, func(b *testing.B) {
			m := compile(b, bb.mapping)
			rec := row("Ticket ID", "T-1", "Subject", "Printer", "Description", "Does not print", "Status", "novo", "Priority", "High",
				"Assignee", "ana@example.com", "Created", "31/01/2024 10:00", "Due", "29/02/2024", "Hours", "1,5", "Tags", "Billing issue", "E-mail", "eva@example.com")
			if bb.name == "expressions" {
				c, _ := rec.Header.Column("Status")
				rec.Fields[c] = "Open"
				c, _ = rec.Header.Column("Created")
				rec.Fields[c] = "2024-01-31 10:00:00"
			}
			b.ReportAllocs()
			for b.Loop() {
				rec.References = rec.References[:0]
				if _, problems := m.Apply(rec); len(problems) > 0 {
					require.Empty(b, told(problems))
				}
			}
		})
	}
}
