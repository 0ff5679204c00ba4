package transform_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/etl/transform"
	"github.com/ticketetl/ticketetl/internal/schema"
)

func TestValidationRules(t *testing.T) {
	t.Parallel()
	type args = []string
	tests := []struct {
		property, rule string
		args           args
		good, bad      []string
		message        string // of the first bad one
	}{
		{"content", "REGEX", args{"^a+$", ""}, args{"aa"}, args{"ab"}, `"ab" must match "^a+$"`},
		{"content", "MIN_LENGTH", args{"2"}, args{"éé"}, args{"é"}, `"é" must have at least 2 characters`},
		{"content", "MAX_LENGTH", args{"2"}, args{"éé"}, args{"ééé"}, `"ééé" must have at most 2 characters`},
		{"content", "ALPHANUMERIC", args{"ALPHANUMERIC"}, args{"aÉ1", "a b"}, args{"a-1"}, `"a-1" must have only letters and digits`},
		{"content", "ALPHANUMERIC", args{"ALPHA_ONLY"}, args{"aÉ"}, args{"a1"}, `"a1" must have only letters`},
		{"content", "ALPHANUMERIC", args{"NUMERIC_ONLY"}, args{"01"}, args{"a1"}, `"a1" must have only digits`},
		{"content", "SPECIAL_CHARACTERS", args{"NOT_ALLOWED"}, args{"a b 1"}, args{"a-1", "a@"}, `"a-1" must not have special characters`},
		{"content", "FORMAT", args{"UPPER"}, args{"AÉ 1"}, args{"Aé"}, `"Aé" must be in upper case`},
		{"content", "FORMAT", args{"LOWER"}, args{"aé 1"}, args{"aÉ"}, `"aÉ" must be in lower case`},
		{"content", "FORMAT", args{"CAPITALIZATION"}, args{"Éa", "1a", "Ana Maria"}, args{"éa", "Ana maria"}, `"éa" must have words that begin with capital letters`},
		{"content", "WHITESPACE", nil, args{"ab"}, args{"a b"}, `"a b" must not have blanks`},
		{"content", "WHITESPACE", args{"TRIM"}, args{"a b"}, args{" ab"}, `" ab" must not begin or end with blanks`},
		{"content", "EMAIL", nil, args{"a.b+c@example.com"}, args{"a@b", "a..b@example.com", "@example.com"}, `"a@b" must be an e-mail address`},
		{"content", "DOMAIN", nil, args{"example.com"}, args{"münchen.example", "https://example.com", "example", "1.2.3.4", "-a.example"}, `"münchen.example" must be a domain`},
		{"content", "URL", nil, args{"https://example.com/a?b"}, args{"ftp://example.com", "a b", "example.com"}, `"ftp://example.com" must be a URL`},
		{"content", "EMAIL_ALLOWED_DOMAINS", args{"example.com"}, args{"a@Example.com"}, args{"a@example.org"}, `"a@example.org" must be an address of example.com`},
		{"content", "EMAIL_BLOCKED_DOMAINS", args{"example.com"}, args{"a@example.org"}, args{"a@example.com"}, `"a@example.com" must not be an address of example.com`},
		{"content", "URL_ALLOWED_DOMAINS", args{"example.com"}, args{"https://EXAMPLE.com/a"}, args{"https://badexample.com"}, `"https://badexample.com" must be a URL of example.com`},
		{"content", "URL_BLOCKED_DOMAINS", args{"example.com"}, args{"https://example.org"}, args{"https://example.com"}, `"https://example.com" must not be a URL of example.com`},
		{"content", "PHONE_NUMBER_WITH_EXPLICIT_COUNTRY_CODE", nil, args{"+55 11 4002-8922"}, args{"11 4002-8922"}, `"11 4002-8922" must be a telephone number that begins with + and a country code`},
		{"content", "PHONE_NUMBER_WITH_EXPLICIT_COUNTRY_CODE", args{"br"}, args{"+55 11 4002-8922", "+1 202 555 0100"}, args{"11 4002-8922"}, `"11 4002-8922" must be a telephone number that begins with + and a country code`},
		{"effort", "MIN_NUMBER", args{"0.1"}, args{"0.10", "5"}, args{"0.09999999999999999999"}, `"0.09999999999999999999" must be at least 0.1`},
		{"effort", "MAX_NUMBER", args{"10"}, args{"10.0"}, args{"10.00000000000000000001"}, `"10.00000000000000000001" must be at most 10`},
		{"effort", "DECIMAL", args{"2"}, args{"1.25", "1"}, args{"1.250"}, `"1.250" must have at most 2 decimal places`},
		{"due", "START_DATE", args{"1704067200000"}, args{"2024-01-01"}, args{"2023-12-31"}, `"2023-12-31" must not be before 2024-01-01`},
		{"due", "END_DATE", args{"1704067200000"}, args{"2024-01-01"}, args{"2024-01-02"}, `"2024-01-02" must not be after 2024-01-01`},
		{"createdate", "START_DATETIME", args{"1704067200000"}, args{"2024-01-01T00:00:00Z"}, args{"2023-12-31T23:59:59Z"}, `"2023-12-31T23:59:59Z" must not be before 2024-01-01T00:00:00Z`},
		{"due", "DAYS_OF_WEEK", args{"MONDAY", "TUESDAY"}, args{"2024-01-01"}, args{"2024-01-03"}, `"2024-01-03" must be a monday, tuesday`},
		{"createdate", "DAYS_OF_WEEK", args{"SUNDAY"}, args{"2024-01-01T02:00:00Z"}, args{"2024-01-01T03:00:00Z"}, `"2024-01-01T03:00:00Z" must be a sunday`},
		{"due", "AFTER_DURATION", args{"P7D"}, args{"2024-01-08"}, args{"2024-01-07"}, `"2024-01-07" must not be before 2024-01-08 (today and P7D)`},
		{"due", "AFTER_DURATION", args{"-P1M"}, args{"2023-12-01"}, args{"2023-11-30"}, `"2023-11-30" must not be before 2023-12-01 (today and -P1M)`},
		{"due", "BEFORE_DURATION", args{"P1Y1W"}, args{"2025-01-08"}, args{"2025-01-09"}, `"2025-01-09" must not be after 2025-01-08 (today and P1Y1W)`},
		{"createdate", "AFTER_DATETIME_DURATION", args{"P0D"}, args{"2024-01-01T03:00:00Z"}, args{"2024-01-01T02:59:59Z"}, `"2024-01-01T02:59:59Z" must not be before 2024-01-01 (today and P0D)`},
		{"createdate", "BEFORE_DATETIME_DURATION", args{"P1D"}, args{"2024-01-03T02:59:59Z"}, args{"2024-01-03T03:00:00Z"}, `"2024-01-03T03:00:00Z" must not be after 2024-01-02 (today and P1D)`},
		{"due", "AFTER_DURATION", args{"PT7H"}, args{"1999-01-01"}, nil, ""},
		{"effort", "MIN_NUMBER", args{"many"}, args{"1"}, nil, ""},
		{"content", "REGEX", args{"(?!a)"}, args{"a"}, nil, ""},
	}
	open := map[string]string{
		"AFTER_DURATION PT7H": ", only HubSpot checks the rule AFTER_DURATION", "MIN_NUMBER many": ", only HubSpot checks the rule MIN_NUMBER",
		"REGEX (?!a)": ", only HubSpot checks the rule REGEX", "PHONE_NUMBER_WITH_EXPLICIT_COUNTRY_CODE br": ", only HubSpot checks that the telephone number is one of BR",
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			s := account()
			s.Rules = map[string][]schema.Rule{tt.property: {{Type: tt.rule, Arguments: tt.args}}}
			m, err := transform.Parse("m.yaml", []byte("operation: update\nkey: {property: external_id, column: Ticket ID}\nproperties: {"+tt.property+": X}\n"))
			require.NoError(t, err)
			mapper, err := transform.Compile(m, s, etl.NewHeader(deskHeader), transform.CompileOptions{
				Now: time.Date(2024, 1, 2, 2, 0, 0, 0, time.UTC), // the first of January in the account's zone
			})
			require.NoError(t, err)
			plan := mapper.Columns()[1]
			require.Equal(t, tt.property, plan.Property)
			_, left, _ := strings.Cut(plan.Conversion, ", only")
			_, want, _ := strings.Cut(open[tt.rule+" "+strings.Join(tt.args, " ")], ", only")
			require.Equal(t, want, left, "what is left to HubSpot is said")
			for _, text := range tt.good {
				_, problems := mapper.Apply(row("Ticket ID", "1", "X", text))
				require.Empty(t, told(problems), text)
			}
			for i, text := range tt.bad {
				_, problems := mapper.Apply(row("Ticket ID", "1", "X", text))
				require.Len(t, problems, 1, text)
				require.Equal(t, transform.CodeRuleBroken, problems[0].Code)
				if i == 0 {
					require.Equal(t, tt.message, problems[0].Message)
				}
			}
		})
	}
}
