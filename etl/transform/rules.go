package transform

import (
	"fmt"
	"math/big"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/ticketetl/ticketetl/internal/schema"
)

// A test says what is wrong with a value, in the form in which it is to be
// stored; empty when nothing is.
type test func(value string) string

// A calendar is what rules about days need: the account's time zone, and the
// day of the run there, as its midnight in UTC; zero when it is not known.
type calendar struct {
	zone  *zone
	today time.Time
}

func newCalendar(zone *zone, now time.Time) calendar {
	c := calendar{zone: zone}
	if !now.IsZero() {
		y, m, d := now.In(zone.loc).Date()
		c.today = time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	}
	return c
}

// day is the day of a stored value in the zone, as its midnight in UTC.
func (c calendar) day(value string) (time.Time, bool) {
	t, ok := momentOf(value)
	if ok && len(value) > len(time.DateOnly) {
		y, m, d := t.In(c.zone.loc).Date()
		t = time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	}
	return t, ok
}

// testsOf makes tests of the validation rules of a property. Rules whose
// arguments cannot be read are left to HubSpot.
// Source: property validations API, table in its guide.
func testsOf(rules []schema.Rule, days calendar) []test {
	var tests []test
	for _, rule := range rules {
		if t := testOf(rule, days); t != nil {
			tests = append(tests, t)
		}
	}
	return tests
}

// leftOpen names what of the rules of a property only HubSpot checks, for people;
// empty when nothing is.
func leftOpen(rules []schema.Rule, days calendar) string {
	var open []string
	for _, rule := range rules {
		switch {
		case rule.Type == phoneRule && len(rule.Arguments) > 0:
			open = append(open, "that the telephone number is one of "+strings.ToUpper(rule.Arguments[0]))
		case testOf(rule, days) == nil:
			open = append(open, "the rule "+rule.Type)
		}
	}
	if len(open) == 0 {
		return ""
	}
	return ", only HubSpot checks " + strings.Join(open, " and ")
}

const phoneRule = "PHONE_NUMBER_WITH_EXPLICIT_COUNTRY_CODE"

func testOf(rule schema.Rule, days calendar) test {
	arg := ""
	if len(rule.Arguments) > 0 {
		arg = rule.Arguments[0]
	}
	switch rule.Type {
	case "REGEX":
		return regexTest(rule.Arguments)
	case "MIN_LENGTH", "MAX_LENGTH":
		return lengthTest(rule.Type, arg)
	case "MIN_NUMBER", "MAX_NUMBER":
		return rangeTest(rule.Type, arg)
	case "DECIMAL":
		return decimalTest(arg)
	case "START_DATE", "END_DATE", "START_DATETIME", "END_DATETIME":
		return momentTest(rule.Type, arg)
	case "DAYS_OF_WEEK":
		return weekdayTest(rule.Arguments, days)
	case "AFTER_DURATION", "AFTER_DATETIME_DURATION", "BEFORE_DURATION", "BEFORE_DATETIME_DURATION":
		return durationTest(rule.Type, arg, days)
	case "EMAIL_ALLOWED_DOMAINS", "EMAIL_BLOCKED_DOMAINS":
		return emailDomainTest(rule.Arguments, rule.Type == "EMAIL_ALLOWED_DOMAINS")
	case "URL_ALLOWED_DOMAINS", "URL_BLOCKED_DOMAINS":
		return urlDomainTest(rule.Arguments, rule.Type == "URL_ALLOWED_DOMAINS")
	}
	return textTest(rule.Type, arg)
}

// textTest makes the tests that need no computing.
func textTest(kind, arg string) test {
	switch kind {
	case "ALPHANUMERIC":
		return alphanumericTest(arg)
	case "SPECIAL_CHARACTERS":
		return only("must not have special characters", func(r rune) bool {
			return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsSpace(r)
		})
	case "FORMAT":
		return formatTest(arg)
	case "WHITESPACE":
		return whitespaceTest(arg)
	case "EMAIL":
		return must("must be an e-mail address", func(v string) bool { return emailFlaw(v) == nil })
	case "DOMAIN":
		return must("must be a domain", isPlainDomain)
	case "URL":
		return must("must be a URL", func(v string) bool { return hostOf(v) != "" })
	case phoneRule:
		return must("must be a telephone number that begins with + and a country code", hasCountryCode)
	}
	return nil
}

func must(wrong string, good func(string) bool) test {
	return func(v string) string {
		if good(v) {
			return ""
		}
		return wrong
	}
}

func only(wrong string, good func(rune) bool) test {
	return must(wrong, func(v string) bool {
		return strings.IndexFunc(v, func(r rune) bool { return !good(r) }) < 0
	})
}

func regexTest(args []string) test {
	if len(args) == 0 {
		return nil
	}
	pattern, err := regexp.Compile(args[0])
	if err != nil {
		return nil
	}
	wrong := "must match " + quote(args[0])
	if len(args) > 1 && args[1] != "" {
		wrong += ": " + args[1]
	}
	return must(wrong, func(v string) bool { return utf8.RuneCountInString(v) <= 1000 && pattern.MatchString(v) })
}

func lengthTest(kind, arg string) test {
	limit, err := strconv.Atoi(arg)
	if err != nil {
		return nil
	}
	if kind == "MIN_LENGTH" {
		return must(fmt.Sprintf("must have at least %d characters", limit),
			func(v string) bool { return utf8.RuneCountInString(v) >= limit })
	}
	return must(fmt.Sprintf("must have at most %d characters", limit),
		func(v string) bool { return len(v) <= limit || utf8.RuneCountInString(v) <= limit })
}

func rangeTest(kind, arg string) test {
	limit, ok := new(big.Rat).SetString(arg)
	if !ok {
		return nil
	}
	wrong, bad := "must be at least "+arg, -1
	if kind == "MAX_NUMBER" {
		wrong, bad = "must be at most "+arg, 1
	}
	return must(wrong, func(v string) bool {
		n, ok := new(big.Rat).SetString(v)
		return ok && n.Cmp(limit) != bad
	})
}

func decimalTest(arg string) test {
	places, err := strconv.Atoi(arg)
	if err != nil {
		return nil
	}
	return must(fmt.Sprintf("must have at most %d decimal places", places), func(v string) bool {
		_, fraction, _ := strings.Cut(v, ".")
		return len(fraction) <= places
	})
}

// momentOf reads a stored date or date-time; a date is its midnight in UTC.
func momentOf(value string) (time.Time, bool) {
	if t, err := time.Parse(time.DateOnly, value); err == nil {
		return t, true
	}
	t, err := time.Parse(time.RFC3339, value)
	return t, err == nil
}

func momentTest(kind, arg string) test {
	ms, err := strconv.ParseInt(arg, 10, 64)
	if err != nil {
		return nil
	}
	limit := time.UnixMilli(ms).UTC()
	shown := limit.Format(time.RFC3339)
	if !strings.HasSuffix(kind, "TIME") {
		shown = limit.Format(time.DateOnly)
	}
	if strings.HasPrefix(kind, "START") {
		return must("must not be before "+shown, func(v string) bool { t, ok := momentOf(v); return ok && !t.Before(limit) })
	}
	return must("must not be after "+shown, func(v string) bool { t, ok := momentOf(v); return ok && !t.After(limit) })
}

// weekdayTest judges a date-time by the day it is in the account's zone.
func weekdayTest(weekdays []string, days calendar) test {
	if len(weekdays) == 0 {
		return nil
	}
	return must("must be a "+strings.ToLower(strings.Join(weekdays, ", ")), func(v string) bool {
		day, ok := days.day(v)
		return ok && slices.Contains(weekdays, strings.ToUpper(day.Weekday().String()))
	})
}

var periodPattern = regexp.MustCompile(`^(-?)P(?:(\d{1,5})Y)?(?:(\d{1,5})M)?(?:(\d{1,5})W)?(?:(\d{1,5})D)?$`)

// durationTest compares with the day of the run, in the account's zone, plus a
// period of ISO 8601 such as P7D.
func durationTest(kind, arg string, days calendar) test {
	found := periodPattern.FindStringSubmatch(arg)
	if found == nil || days.today.IsZero() {
		return nil
	}
	var n [4]int
	for i := range n {
		n[i], _ = strconv.Atoi("0" + found[i+2]) // digits, or absent
		if found[1] == "-" {
			n[i] = -n[i]
		}
	}
	limit := days.today.AddDate(n[0], n[1], 7*n[2]+n[3])
	shown := limit.Format(time.DateOnly) + " (today and " + arg + ")"
	if strings.HasPrefix(kind, "AFTER") {
		return must("must not be before "+shown, func(v string) bool { day, ok := days.day(v); return ok && !day.Before(limit) })
	}
	return must("must not be after "+shown, func(v string) bool { day, ok := days.day(v); return ok && !day.After(limit) })
}

// alphanumericTest lets blanks pass: whether there may be any is for the
// WHITESPACE rule to say.
func alphanumericTest(arg string) test {
	switch arg {
	case "ALPHA_ONLY":
		return only("must have only letters", func(r rune) bool { return unicode.IsLetter(r) || unicode.IsSpace(r) })
	case "NUMERIC_ONLY":
		return only("must have only digits", func(r rune) bool { return unicode.IsDigit(r) || unicode.IsSpace(r) })
	case "ALPHANUMERIC", "":
		return only("must have only letters and digits", func(r rune) bool {
			return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsSpace(r)
		})
	}
	return nil
}

func formatTest(arg string) test {
	switch arg {
	case "UPPER":
		return must("must be in upper case", func(v string) bool { return v == strings.ToUpper(v) })
	case "LOWER":
		return must("must be in lower case", func(v string) bool { return v == strings.ToLower(v) })
	case "CAPITALIZATION":
		return must("must have words that begin with capital letters", isCapitalized)
	}
	return nil
}

func isCapitalized(v string) bool {
	for _, word := range strings.Fields(v) {
		if r, _ := utf8.DecodeRuneInString(word); r != unicode.ToUpper(r) {
			return false
		}
	}
	return true
}

func whitespaceTest(arg string) test {
	if arg == "TRIM" {
		return must("must not begin or end with blanks", func(v string) bool { return v == strings.TrimSpace(v) })
	}
	return only("must not have blanks", func(r rune) bool { return !unicode.IsSpace(r) })
}

func emailDomainTest(domains []string, allowed bool) test {
	return must(domainsWrong("an address", domains, allowed), func(v string) bool {
		_, domain, _ := strings.Cut(v, "@")
		return within(domain, domains) == allowed
	})
}

func urlDomainTest(domains []string, allowed bool) test {
	return must(domainsWrong("a URL", domains, allowed), func(v string) bool {
		return within(hostOf(v), domains) == allowed
	})
}

func domainsWrong(what string, domains []string, allowed bool) string {
	if allowed {
		return fmt.Sprintf("must be %s of %s", what, strings.Join(domains, ", "))
	}
	return fmt.Sprintf("must not be %s of %s", what, strings.Join(domains, ", "))
}

// within says whether host is one of domains; whether HubSpot counts what is
// below them is not documented.
func within(host string, domains []string) bool {
	return slices.ContainsFunc(domains, func(d string) bool { return strings.EqualFold(host, strings.TrimSpace(d)) })
}

// hostOf is the host of an http URL; empty when v is no URL.
func hostOf(v string) string {
	u, err := url.Parse(v)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return ""
	}
	return u.Hostname()
}

// isPlainDomain says whether v is a domain of Latin letters, as a rule asks.
func isPlainDomain(v string) bool {
	last := v[strings.LastIndexByte(v, '.')+1:]
	return isDomain(v) && len(last) >= 2 && strings.IndexFunc(last, func(r rune) bool { return !unicode.IsLetter(r) }) < 0 &&
		strings.IndexFunc(v, func(r rune) bool { return r >= utf8.RuneSelf }) < 0
}

func hasCountryCode(v string) bool {
	bare := strings.NewReplacer(" ", "", "-", "", "(", "", ")", "", ".", "").Replace(v)
	digits, plus := strings.CutPrefix(bare, "+")
	return plus && allDigits(digits) && len(digits) >= 7 && len(digits) <= 15
}
