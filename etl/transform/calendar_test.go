package transform_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/etl/transform"
)

// Months and days have names in many languages; what is another month in another
// language is never guessed.
func TestNamesOfMonths(t *testing.T) {
	t.Parallel()
	tests := []struct{ pattern, text, want, fault string }{
		{"d MMM yyyy", "13 marca 2024", "2024-03-13", ""},                             // Polish
		{"d MMM yyyy", "13 paź 2024", "2024-10-13", ""},                               // Polish
		{"d MMM yyyy", "13 pa\u017a 2024", "2024-10-13", ""},                          // the same
		{"d MMM yyyy", "13 paz\u0301 2024", "2024-10-13", ""},                         // and with the accent apart
		{"d MMM yyyy", "13 МАРТА 2024", "2024-03-13", ""},                             // Russian
		{"d. MMMM yyyy", "5. května 2024", "2024-05-05", ""},                          // Czech
		{"d. MMMM yyyy", "5. maaliskuuta 2024", "2024-03-05", ""},                     // Finnish
		{"d MMMM yyyy", "5 maart 2024", "2024-03-05", ""},                             // Dutch
		{"d MMM yyyy", "5 gen 2024", "2024-01-05", ""},                                // Italian
		{"yyyy. MMMM d.", "2024. augusztus 5.", "2024-08-05", ""},                     // Hungarian
		{"d MMMM yyyy", "5 Ağustos 2024", "2024-08-05", ""},                           // Turkish
		{"d MMM yyyy", "5 ส.ค. 2024", "2024-08-05", ""},                               // Thai
		{"d MMM yyyy", "5 אוג׳ 2024", "2024-08-05", ""},                               // Hebrew
		{"d MMM yyyy", "5 تموز 2024", "2024-07-05", ""},                               // Arabic, as in Lebanon
		{"d MMM. yyyy", "5 févr. 2024", "2024-02-05", ""},                             // French
		{"EEE d MMM yyyy", "śr. 13 mar 2024", "2024-03-13", ""},                       // Polish
		{"yyyy年M月d日(EEE)", "2024年3月13日(水)", "2024-03-13", ""},                         // Japanese
		{"dmy", "\u200e05\u200e/\u200e03\u200e/\u200e2024 12:00 ص", "2024-03-05", ""}, // Arabic, as Windows writes it
		{"d/M/yyyy h:mm a", "5/3/2024 12:00 a. m.", "2024-03-05", ""},                 // Spanish
		{"EEE d MMM yyyy", "mar 5 mar 2024", "2024-03-05", ""},                        // a Tuesday, in French, Spanish and others
		{"EEE d MMM yyyy", "pon 5 mar 2024", "", "2024-03-05 is a Tuesday"},           // Monday in Polish
		{"pl: d MMM yyyy", "13 lis 2024", "2024-11-13", ""},                           // said
		{"hr: d MMM yyyy", "13 lis 2024", "2024-10-13", ""},                           // said
		{"pl: d MMM yyyy", "13 Oct 2024", "", `not a date of the form pl: d MMM`},     // English where Polish is said
		{"d MMM yyyy", "13 listopada 2024", "", `the month of "13 listopada 2024" is not clear: "listopada" is month 10 (hr) or 11 (pl); begin the pattern with the language in the mapping`},
		{"d MMM yyyy", "13 lis 2024 noon", "", `not a date of the form`},
	}
	for _, tt := range tests {
		t.Run(tt.pattern+" "+tt.text, func(t *testing.T) {
			t.Parallel()
			rec := row("Due", tt.text)
			_, problems := compile(t, "operation: update\nkey: {property: external_id, column: Ticket ID}\nproperties: {due: {column: Due, dates: '"+tt.pattern+"'}}\n").Apply(rec)
			got, _ := rec.Property("due")
			require.Equal(t, tt.want, got)
			if tt.fault == "" {
				require.Equal(t, []string{"A MISSING_KEY"}, codes(problems))
			} else {
				require.Contains(t, told(problems)[1], tt.fault)
			}
		})
	}
	_, err := transform.Parse("m.yaml", []byte("operation: create\nproperties: {due: {column: Due, dates: 'xx: d MMM yyyy'}}\n"))
	require.ErrorContains(t, err, `there are no names of months in the language "xx"`)
}

// A year of another calendar is told, and written as it stands.
func TestOtherCalendars(t *testing.T) {
	t.Parallel()
	m := compile(t, "operation: create\nproperties: {subject: Subject, hs_pipeline_stage: {value: Novo}, due: {column: Due, dates: dmy}, createdate: {column: Created, dates: yyyy/MM/dd}}\n")
	rec := row("Subject", "x", "Due", "25/01/2567", "Created", "1402/10/11")
	_, problems := m.Apply(rec)
	require.Equal(t, []string{"H OTHER_CALENDAR", "G OTHER_CALENDAR"}, codes(problems))
	require.Contains(t, problems[0].Message, `the year of "25/01/2567" may be one of the Buddhist calendar, whose 2567 is 2024; it is written as it stands`)
	require.Contains(t, written(rec), "due=2567-01-25")
	_, problems = m.Apply(row("Subject", "x", "Due:d", "2567-01-25", "Created", "2024/10/11"))
	require.Empty(t, problems, "a real date of a workbook is of the common era")
	_, problems = m.Apply(row("Subject", "x", "Due", "31/12/9999", "Created", "1970/01/01"))
	require.Empty(t, problems)
}
