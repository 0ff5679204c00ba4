package transform_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// One property, one cell: what is written, or what is told.
func TestConversions(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 65_537)
	tests := []struct {
		name, property, settings string
		cell                     string // with a kind's letter after a colon in front: "d:2024-01-31"
		want                     string // "" means nothing written
		problem                  string // whole
	}{
		{name: "text arrives as it was", property: "content", cell: "  a\r\n b ", want: "  a\r\n b "},
		{name: "text keeps leading zeros", property: "content", cell: "007", want: "007"},
		{name: "a text of blanks is blank", property: "content", cell: " \t", want: ""},
		{name: "65,536 characters fit", property: "content", cell: long[:2*65_536], want: long[:2*65_536]},
		{name: "65,537 characters do not", property: "content", cell: long,
			problem: "M TOO_LONG: the text has 65537 characters, HubSpot stores at most 65536; shorten it, or split it over several properties"},
		{name: "NUL is refused", property: "content", cell: "a\x00b",
			problem: "M INVALID_TEXT: there is a NUL character in the text; remove it; it cannot be stored"},
		{name: "text must be UTF-8", property: "content", cell: "a\xffb",
			problem: `M INVALID_TEXT: "a\xffb" is not valid text; check source.encoding of the mapping`},
		{name: "a number cell is text as it is", property: "content", cell: "n:1234.50", want: "1234.50"},
		{name: "an error cell is refused anywhere", property: "content", cell: "e:#N/A",
			problem: `M CELL_ERROR: the cell has the error "#N/A"; correct the formula of the cell, or empty it`},

		{name: "a formula that was never computed is refused anywhere", property: "content", cell: "e:=A1+1 has no stored value",
			problem: `M CELL_ERROR: "=A1+1" has no stored value; open the workbook in a spreadsheet program and save it, which computes its formulas, or write the value into the cell`},

		{name: "number", property: "effort", cell: " 42 ", want: "42"},
		{name: "zeros behind stay", property: "effort", cell: "1.50", want: "1.50"},
		{name: "18 digits stay", property: "effort", cell: "123456789012345678", want: "123456789012345678"},
		{name: "minus zero", property: "effort", cell: "-0.0", want: "0.0"},
		{name: "plus goes", property: "effort", cell: "+5", want: "5"},
		{name: "no digit before the point", property: "effort", cell: ".5", want: "0.5"},
		{name: "zeros in front go", property: "effort", cell: "-007", want: "-7"},
		{name: "zeros in front of an id stay or are refused", property: "contract_id", cell: "007",
			problem: `M INVALID_NUMBER: the zeros in front of "007" would be lost; a number property does not keep them; map the column to a text property`},
		{name: "a comma must be declared", property: "effort", cell: "1,5",
			problem: `M INVALID_NUMBER: "1,5" is not a number; say which decimal sign is used: decimal: "," or decimal: "." in the mapping`},
		{name: "declared comma", property: "effort", settings: `decimal: ","`, cell: "1.234,50", want: "1234.50"},
		{name: "groups with blanks", property: "effort", settings: `decimal: ","`, cell: "-1 234 567", want: "-1234567"},
		{name: "groups with hard blanks", property: "effort", settings: `decimal: ","`, cell: "1\u00a0234,5", want: "1234.5"},
		{name: "Swiss groups", property: "effort", settings: `decimal: "."`, cell: "1’234’567.5", want: "1234567.5"},
		{name: "a point is not a group", property: "effort", settings: `decimal: ","`, cell: "1.5",
			problem: `M INVALID_NUMBER: "1.5" is not a number; the decimal sign is declared as ",", groups have three digits`},
		{name: "groups of one sign", property: "effort", settings: `decimal: ","`, cell: "1.234 567",
			problem: `M INVALID_NUMBER: "1.234 567" is not a number; the decimal sign is declared as ",", groups have three digits`},
		{name: "a group is not zero: a fraction with the other sign", property: "effort", settings: `decimal: ","`, cell: "0.500",
			problem: `M INVALID_NUMBER: "0.500" is not a number; the decimal sign is declared as ",", groups have three digits`},
		{name: "a fraction with a comma where a point is declared", property: "effort", settings: `decimal: "."`, cell: "-0,500",
			problem: `M INVALID_NUMBER: "-0,500" is not a number; the decimal sign is declared as ".", groups have three digits`},
		{name: "groups with a zero in front", property: "effort", settings: `decimal: ","`, cell: "012.345",
			problem: `M INVALID_NUMBER: "012.345" is not a number; the decimal sign is declared as ",", groups have three digits`},
		{name: "a zero before a blank", property: "effort", settings: `decimal: ","`, cell: "0 500",
			problem: `M INVALID_NUMBER: "0 500" is not a number; the decimal sign is declared as ",", groups have three digits`},
		{name: "a fraction with the declared sign", property: "effort", settings: `decimal: ","`, cell: "0,500", want: "0.500"},
		{name: "a number cell needs no declaration", property: "effort", settings: `decimal: ","`, cell: "n:1.234", want: "1.234"},
		{name: "exponent", property: "effort", cell: "1e5",
			problem: `M INVALID_NUMBER: "1e5" is not a number; write it without an exponent`},
		{name: "currency", property: "effort", cell: "R$ 10",
			problem: `M INVALID_NUMBER: "R$ 10" is not a number; declare it in the mapping, signs: "R$", or remove the currency sign`},
		{name: "a declared currency sign", property: "effort", settings: `{decimal: ",", signs: "R$"}`, cell: "R$ 1.234,50", want: "1234.50"},
		{name: "a declared currency behind", property: "effort", settings: `{signs: [USD, "€"]}`, cell: "-10.50 €", want: "-10.50"},
		{name: "a minus behind the sign", property: "effort", settings: `{signs: "$"}`, cell: "$-5", want: "-5"},
		{name: "a minus twice", property: "effort", settings: `{signs: "$"}`, cell: "-$-5",
			problem: `M INVALID_NUMBER: "-$-5" is not a number; only digits are numbers here`},
		{name: "a sign that is not declared", property: "effort", settings: `{signs: "€"}`, cell: "$ 5",
			problem: `M INVALID_NUMBER: "$ 5" is not a number; declare it in the mapping, signs: "$", or remove the currency sign`},
		{name: "a declared percent sign makes a fraction", property: "effort", settings: `{signs: "%"}`, cell: "12.5 %", want: "0.125"},
		{name: "percent keep their digits", property: "effort", settings: `{decimal: ",", signs: "%"}`, cell: "-1.234,56%", want: "-12.3456"},
		{name: "a percent cell of a workbook is a fraction already", property: "effort", settings: `{signs: "%"}`, cell: "n:0.125", want: "0.125"},
		{name: "percent of one digit", property: "effort", settings: `{signs: "%"}`, cell: "5%", want: "0.05"},
		{name: "no percent", property: "effort", settings: `{signs: "%"}`, cell: "0%", want: "0"},
		{name: "a percent sign in front", property: "effort", settings: `{signs: "%"}`, cell: "%5",
			problem: `M INVALID_NUMBER: "%5" is not a number; declare it in the mapping, signs: "%", which makes a fraction of it as HubSpot stores percentages; or remove the percent sign`},
		{name: "percent", property: "effort", cell: "10%",
			problem: `M INVALID_NUMBER: "10%" is not a number; declare it in the mapping, signs: "%", which makes a fraction of it as HubSpot stores percentages; or remove the percent sign`},
		{name: "a date is no number", property: "effort", cell: "d:2024-01-31",
			problem: `M INVALID_NUMBER: "2024-01-31" is a date, not a number; format the cell as a number`},

		{name: "date", property: "due", cell: "2024-02-29", want: "2024-02-29"},
		{name: "day first must be declared", property: "due", cell: "29/02/2024",
			problem: `M INVALID_DATE: "29/02/2024" is not a date of the form year-month-day; say how dates are written, e.g. dates: dmy in the mapping`},
		{name: "day first", property: "due", settings: "dates: dmy", cell: "1.2.2024", want: "2024-02-01"},
		{name: "month first", property: "due", settings: "dates: mdy", cell: "1/2/2024", want: "2024-01-02"},
		{name: "impossible day", property: "due", settings: "dates: dmy", cell: "31/02/2024",
			problem: `M IMPOSSIBLE_DATE: "31/02/2024" is no date: February 2024 has no day 31; dates are read as day/month/year`},
		{name: "impossible month", property: "due", settings: "dates: dmy", cell: "01/31/2024",
			problem: `M IMPOSSIBLE_DATE: "01/31/2024" is no date: there is no month 31; dates are read as day/month/year`},
		{name: "two digits", property: "due", settings: "dates: dmy", cell: "01/02/24",
			problem: `M TWO_DIGIT_YEAR: the year of "01/02/24" has two digits; write it with four digits, or declare its form in the mapping, e.g. dates: "dd/MM/yy"`},
		{name: "the sign of a cell is named", property: "effort", cell: "1,50 €",
			problem: `M INVALID_NUMBER: "1,50 €" is not a number; declare it in the mapping, signs: "€", or remove the currency sign`},
		{name: "two digits that are declared", property: "due", settings: `dates: dd/MM/yy`, cell: "01/02/24", want: "2024-02-01"},
		{name: "two digits that are declared, between others", property: "due", settings: `dates: yyMMdd`, cell: "240201", want: "2024-02-01"},
		{name: "two digits of another century", property: "due", settings: `dates: dd/MM/yy`, cell: "01/02/98",
			problem: `M TWO_DIGIT_YEAR: the year of "01/02/98" has two digits, and from 70 on it does not say its century; write it with four digits`},
		{name: "four digits where two are declared", property: "due", settings: `dates: dd/MM/yy`, cell: "01/02/2024",
			problem: `M INVALID_DATE: "01/02/2024" is not a date of the form dd/MM/yy; correct the cell, or declare its form in the mapping (dates)`},
		{name: "a day of the week", property: "due", settings: `dates: "EEE, d MMM yyyy"`, cell: "Thu, 29 Feb 2024", want: "2024-02-29"},
		{name: "a day of the week with its point", property: "due", settings: `dates: "EEE d MMM yyyy"`, cell: "do. 29 feb. 2024", want: "2024-02-29"},
		{name: "a day of the week in Portuguese", property: "due", settings: `dates: "EEEE, d 'de' MMMM 'de' yyyy"`, cell: "quinta-feira, 29 de fevereiro de 2024", want: "2024-02-29"},
		{name: "a day of the week that is another", property: "due", settings: `dates: "EEE, d MMM yyyy"`, cell: "Fri, 29 Feb 2024",
			problem: `M IMPOSSIBLE_DATE: "Fri, 29 Feb 2024" is no date: 2024-02-29 is a Thursday; dates are read as EEE, d MMM yyyy`},
		{name: "no day of the week", property: "due", settings: `dates: "EEE, d MMM yyyy"`, cell: "29 Feb 2024",
			problem: `M INVALID_DATE: "29 Feb 2024" is not a date of the form EEE, d MMM yyyy; correct the cell, or declare its form in the mapping (dates)`},
		{name: "two forms that differ", property: "due", settings: "dates: [dmy, mdy]", cell: "01/02/2024",
			problem: `M AMBIGUOUS_DATE: "01/02/2024" may be 2024-02-01 or 2024-01-02; declare only one of the two forms, for this column if need be`},
		{name: "two forms, one fits", property: "due", settings: "dates: [dmy, mdy]", cell: "31/01/2024", want: "2024-01-31"},
		{name: "a date of midnight", property: "due", cell: "2024-01-31T00:00:00Z", want: "2024-01-31"},
		{name: "a date with a time", property: "due", cell: "2024-01-31 10:00",
			problem: `M DATE_WITH_TIME: "2024-01-31 10:00" has a time of day, the property holds only a date; remove the time, or map the column to a property of type datetime`},
		{name: "a date cell whatever is declared", property: "due", settings: "dates: mdy", cell: "d:2024-12-31", want: "2024-12-31"},
		{name: "a number is no date", property: "due", cell: "n:45000",
			problem: `M INVALID_DATE: "45000" is a number, not a date; format the cells as dates, or declare dates: epoch or dates: epoch-ms`},
		{name: "a month by name", property: "due", settings: `dates: "d MMM yyyy"`, cell: "3 fev 2024", want: "2024-02-03"},
		{name: "a month by short name with its point", property: "due", settings: `dates: "d MMM yyyy"`, cell: "1 feb. 2024", want: "2024-02-01"},
		{name: "a point that the pattern has", property: "due", settings: `dates: "d. MMM. yyyy"`, cell: "1. feb. 2024", want: "2024-02-01"},
		{name: "a month by long name", property: "due", settings: `dates: "d 'de' MMMM 'de' yyyy"`, cell: "3 de março de 2024", want: "2024-03-03"},
		{name: "digits without signs", property: "due", settings: `dates: yyyyMMdd`, cell: "20240203", want: "2024-02-03"},

		{name: "moment with an offset", property: "createdate", cell: "2024-01-31T10:00:00+02:00", want: "2024-01-31T08:00:00Z"},
		{name: "moment in the account's zone", property: "createdate", cell: "2024-01-31 10:00", want: "2024-01-31T13:00:00Z"},
		{name: "moment in the property's zone", property: "createdate", settings: "timezone: Europe/Berlin", cell: "2024-07-31 10:00:01.25", want: "2024-07-31T08:00:01.250Z"},
		{name: "a day is its midnight", property: "createdate", cell: "2024-01-31", want: "2024-01-31T03:00:00Z"},
		{name: "twelve hours", property: "createdate", settings: "{dates: mdy, timezone: UTC}", cell: "1/31/2024 12:05 am", want: "2024-01-31T00:05:00Z"},
		{name: "a comma between", property: "createdate", settings: "{dates: dmy, timezone: UTC}", cell: "31.01.2024, 17:05", want: "2024-01-31T17:05:00Z"},
		{name: "pattern", property: "createdate", settings: `{dates: "dd/MM/yyyy HH:mm:ss.SSS XXX"}`, cell: "31/01/2024 17:05:06.007 -03:00", want: "2024-01-31T20:05:06.007Z"},
		{name: "pattern with PM", property: "createdate", settings: `{dates: "dd/MM/yyyy hh:mm a", timezone: UTC}`, cell: "31/01/2024 05:05 p.m.", want: "2024-01-31T17:05:00Z"},
		{name: "a gap of daylight saving", property: "createdate", settings: "timezone: Europe/Berlin", cell: "2024-03-31 02:30",
			problem: `M TIME_GAP: 2024-03-31 02:30:00 does not exist in Europe/Berlin; clocks went forward then; correct the time, or give it an offset such as -03:00`},
		{name: "an overlap of daylight saving", property: "createdate", settings: "timezone: Europe/Berlin", cell: "2024-10-27 02:30",
			problem: `M TIME_OVERLAP: 2024-10-27 02:30:00 occurs twice in Europe/Berlin; clocks went back then; give it an offset such as -03:00`},
		{name: "an offset settles an overlap", property: "createdate", settings: "timezone: Europe/Berlin", cell: "2024-10-27 02:30+01:00", want: "2024-10-27T01:30:00Z"},
		{name: "finer than a millisecond", property: "createdate", cell: "2024-01-31T10:00:00.123456Z", want: "2024-01-31T10:00:00.123Z",
			problem: `warning M PRECISION_CUT: "2024-01-31T10:00:00.123456Z" is finer than a millisecond; HubSpot keeps milliseconds; what is finer is cut off`},
		{name: "epoch seconds", property: "createdate", settings: "dates: epoch", cell: "n:1700000000", want: "2023-11-14T22:13:20Z"},
		{name: "epoch milliseconds", property: "createdate", settings: "dates: epoch-ms", cell: "1700000000123", want: "2023-11-14T22:13:20.123Z"},
		{name: "seconds are not milliseconds", property: "createdate", settings: "dates: epoch-ms", cell: "1700000000",
			problem: `M INVALID_DATE: "1700000000" is not a date of the form milliseconds since 1970; correct the cell, or declare its form in the mapping (dates)`},
		{name: "24 o'clock", property: "createdate", cell: "2024-01-31 24:00",
			problem: `M IMPOSSIBLE_DATE: "2024-01-31 24:00" is no date: there is no time 24:00:00; dates are read as year-month-day`},

		{name: "an option whose value cannot be one of several", property: "joined", cell: "E and F",
			problem: `M INVALID_OPTION: "E and F" cannot be written: the value "e;f" of the option holds the sign that parts options; give the option another value in HubSpot`},
		{name: "an option without its accents", property: "accents", cell: "MEDIA", want: "1"},
		{name: "accents tell options apart", property: "accents", cell: "ja", want: "3"},
		{name: "accents tell options apart, both ways", property: "accents", cell: "JÁ", want: "2"},
		{name: "accents that are needed", property: "accents", cell: "as",
			problem: `M AMBIGUOUS_OPTION: "as" names several options: Às (4), Ás (5); write it as it is listed, with the value in brackets`},
		{name: "true", property: "escalated", cell: "TRUE", want: "true"},
		{name: "sim", property: "escalated", cell: " Sim ", want: "true"},
		{name: "não", property: "escalated", cell: "NÃO", want: "false"},
		{name: "a tick", property: "escalated", cell: "x", want: "true"},
		{name: "one", property: "escalated", cell: "n:1", want: "true"},
		{name: "a bool cell", property: "escalated", cell: "b:false", want: "false"},
		{name: "the account's label", property: "escalated", cell: "eskaliert", want: "true"},
		{name: "maybe", property: "escalated", cell: "maybe",
			problem: `M INVALID_BOOL: "maybe" is neither yes nor no; write true or false, or translate it with a table of values in the mapping`},

		{name: "option by value", property: "hs_ticket_priority", cell: "HIGH", want: "HIGH"},
		{name: "option by label", property: "hs_ticket_priority", cell: "High", want: "HIGH"},
		{name: "option without case and blanks", property: "hs_ticket_priority", cell: "  uRgent ", want: "URGENT"},
		{name: "unknown option", property: "hs_ticket_priority", cell: "Hihg",
			problem: `M INVALID_OPTION: "Hihg" is not one of Low, Medium, High, Urgent; nearest is "High"`},
		{name: "exact label among alike ones", property: "product", cell: "alpha", want: "p2"},
		{name: "labels alike", property: "product", cell: "ALPHA",
			problem: `M AMBIGUOUS_OPTION: "ALPHA" names several options: Alpha (p1), alpha (p2); write it as it is listed, with the value in brackets`},
		{name: "the listed spelling is not ambiguous", property: "product", cell: "Alpha (p1)", want: "p1"},
		{name: "the value of one option and the label of another", property: "crossed", cell: "1",
			problem: `M AMBIGUOUS_OPTION: "1" names several options: 2 (1), 1 (2); write it as it is listed, with the value in brackets`},
		{name: "the listed spelling of crossed options", property: "crossed", cell: "2 (1)", want: "1"},
		{name: "a value that is no other's label", property: "crossed", cell: "3", want: "3"},
		{name: "one option and several", property: "joined", cell: "A;B",
			problem: `M AMBIGUOUS_OPTION: "A;B" is one option, A;B (a_b), and several parted by ";"; write the one that is meant with its value in brackets, or change what parts them (split)`},
		{name: "one option, as it is listed", property: "joined", cell: "A;B (a_b)", want: "a_b"},
		{name: "one option with the sign that parts", property: "joined", cell: "C;D", want: "c"},
		{name: "hidden option", property: "product", cell: "Gamma", want: "p3",
			problem: `warning M HIDDEN_OPTION: option "Gamma" is hidden in HubSpot; it is stored all the same; nobody can choose it in the app`},
		{name: "several options", property: "hs_ticket_category", settings: `split: "|"`, cell: "Billing issue | product issue|BILLING_ISSUE|", want: "BILLING_ISSUE;PRODUCT_ISSUE"},
		{name: "HubSpot's own parting", property: "hs_ticket_category", cell: "BILLING_ISSUE;PRODUCT_ISSUE", want: "BILLING_ISSUE;PRODUCT_ISSUE"},
		{name: "one problem for a cell with two wrong options", property: "hs_ticket_category", cell: "Biling issue;zzz;Product issue",
			problem: `M INVALID_OPTION: "Biling issue" is not one of Product issue, Billing issue, Feature request; "zzz" is not one of Product issue, Billing issue, Feature request; nearest is "Billing issue"`},
		{name: "no option at all", property: "hs_ticket_category", cell: ";", problem: `M INVALID_OPTION: ";" names no option`},

		{name: "owner by e-mail", property: "hubspot_owner_id", cell: "ANA@example.com", want: "101"},
		{name: "owner by name", property: "hubspot_owner_id", cell: "ana souza", want: "101"},
		{name: "owner by id", property: "hubspot_owner_id", cell: "n:102", want: "102"},
		{name: "two owners of one name", property: "hubspot_owner_id", cell: "Bob Stone",
			problem: `M AMBIGUOUS_OWNER: "Bob Stone" names several owners: Bob Stone (102), Bob Stone (103); write it as it is listed, with the value in brackets`},
		{name: "an owner as the message lists them", property: "hubspot_owner_id", cell: "Bob Stone (103)", want: "103"},
		{name: "a team as a message lists it", property: "hs_shared_team_ids", cell: "Blue (9)", want: "9"},
		{name: "owner who left", property: "hubspot_owner_id", cell: "Eva Gone", want: "104",
			problem: `warning M ARCHIVED_OWNER: owner "Eva Gone" is deactivated; HubSpot may refuse to assign the ticket`},
		{name: "team by name", property: "hs_shared_team_ids", cell: "blue", want: "9"},
		{name: "options that only HubSpot knows", property: "hs_all_assigned_business_unit_ids", cell: "12; 7;12", want: "12;7"},

		{name: "telephone number", property: "phone", cell: "+55 (11) 4002-8922 ext 1", want: "+55 (11) 4002-8922 ext 1"},
		{name: "no telephone number", property: "phone", cell: "call me",
			problem: `M INVALID_PHONE: "call me" is not a telephone number; write it like +55 11 4002-8922 ext 12`},
		{name: "three digits are a telephone number", property: "phone", cell: "190", want: "190"},
		{name: "two digits are none", property: "phone", cell: "19",
			problem: `M INVALID_PHONE: "19" is not a telephone number; write it like +55 11 4002-8922 ext 12`},
		{name: "a plus stands first", property: "phone", cell: "55 +11 4002",
			problem: `M INVALID_PHONE: "55 +11 4002" is not a telephone number; write it like +55 11 4002-8922 ext 12`},
		{name: "what the account would refuse of a telephone number", property: "phone", cell: "4002-8922 ramal 3",
			problem: `M INVALID_PHONE: "4002-8922 ramal 3" is not a telephone number; write it like +55 11 4002-8922 ext 12`},
		{name: "an apostrophe that guards against formulas", property: "content", cell: "'=1+1", want: "'=1+1",
			problem: `warning M GUARDED_TEXT: the text begins with an apostrophe before a sign of formulas, as an export for people puts it there; it is written as it stands; export with --values raw to import again, or remove the apostrophe`},
		{name: "an apostrophe before a minus", property: "content", cell: "'-5", want: "'-5",
			problem: `warning M GUARDED_TEXT: the text begins with an apostrophe before a sign of formulas, as an export for people puts it there; it is written as it stands; export with --values raw to import again, or remove the apostrophe`},
		{name: "a text as a formula", property: "content", cell: `="00123"`, want: `="00123"`,
			problem: `warning M GUARDED_TEXT: the text is written as a formula, as exports do it to keep zeros in front; it is written as it stands; if only what stands between the quotes is meant, take it out in the mapping with expr, e.g. extract(row["Code"], "^=\"(.*)\"$")`},
		{name: "letters that were encoded twice", property: "content", cell: "Drucker lÃ¤uft – fÃ¼r 3â‚¬", want: "Drucker lÃ¤uft – fÃ¼r 3â‚¬",
			problem: `warning M ENCODED_TWICE: letters look as if they had been encoded twice ("Ã©" for "é"); the text is written as it stands; export the file again, as UTF-8, or mend the encoding with the program that made it`},
		{name: "a quotation mark that was encoded twice, and a byte that no code page has", property: "content", cell: "itâ€™s Ã\u0081gua", want: "itâ€™s Ã\u0081gua",
			problem: `warning M ENCODED_TWICE: letters look as if they had been encoded twice ("Ã©" for "é"); the text is written as it stands; export the file again, as UTF-8, or mend the encoding with the program that made it`},
		{name: "capitals of Portuguese in quotation marks", property: "content", cell: "“AMANHÔ não, irmÃ e MANHÃ\u00a0À NOITE, 20 Â°", want: "“AMANHÔ não, irmÃ e MANHÃ\u00a0À NOITE, 20 Â°"},
		{name: "capitals of French before a guillemet", property: "content", cell: "« CAFÉ» «RÉSUMÉ\u00a0»", want: "« CAFÉ» «RÉSUMÉ\u00a0»"},
		{name: "letters of Turkish, Vietnamese and Romanian", property: "content", cell: "Ağaç Â â ấn ÂM â, Åland Ä", want: "Ağaç Â â ấn ÂM â, Åland Ä"},
		{name: "a formula of several texts is one text", property: "content", cell: `="a"&"b"`, want: `="a"&"b"`},
		{name: "an apostrophe of the text", property: "content", cell: "'t was late", want: "'t was late"},
		{name: "a rule of the account", property: "code", cell: "ABC", want: "ABC"},
		{name: "a rule of the account, broken", property: "code", cell: "abc",
			problem: `M RULE_BROKEN: "abc" must match "^[A-Z]{3}$": three letters; the account has this rule for code`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			settings := strings.Trim(tt.settings, "{}")
			if settings != "" {
				settings = ", " + settings
			}
			m := compile(t, "operation: update\nkey: {property: external_id, column: Ticket ID}\nproperties:\n  "+
				tt.property+": {column: X"+settings+"}\n")
			column, cell := "X", tt.cell
			if len(cell) > 2 && cell[1] == ':' {
				column, cell = "X:"+cell[:1], cell[2:]
			}
			rec := row("Ticket ID", "T1", column, cell)
			_, problems := m.Apply(rec)
			if tt.problem == "" {
				require.Empty(t, told(problems))
			} else {
				require.Equal(t, []string{tt.problem}, told(problems))
				require.Equal(t, cell, problems[0].Value)
				require.Equal(t, tt.property, problems[0].Property)
			}
			got, _ := rec.Property(tt.property)
			require.Equal(t, tt.want, got)
		})
	}
}

// Yes and no are read as spreadsheet programs of many languages save them, in any case.
func TestWordsForYesAndNo(t *testing.T) {
	t.Parallel()
	m := compile(t, "operation: update\nkey: {property: external_id, column: Ticket ID}\nproperties: {escalated: X}\n")
	for word, want := range map[string]string{
		"WAHR": "true", "FALSCH": "false", "VRAI": "true", "FAUX": "false", "Verdadero": "true", "ИСТИНА": "true", "ЛОЖЬ": "false", "PRAWDA": "true", "FAŁSZ": "false",
		"Tak": "true", "Nie": "false", "да": "true", "нет": "false", "はい": "true", "いいえ": "false", "是": "true", "否": "false", "Ja": "true", "Nej": "false", " sì ": "true", "YANLIŞ": "false",
	} {
		rec := row("Ticket ID", "1", "X", word)
		_, problems := m.Apply(rec)
		require.Empty(t, told(problems), word)
		got, _ := rec.Property("escalated")
		require.Equal(t, want, got, word)
	}
	_, problems := m.Apply(row("Ticket ID", "1", "X", "vielleicht"))
	require.Equal(t, []string{"M INVALID_BOOL"}, codes(problems))
}
