package sandbox

import (
	"fmt"
	"net/mail"
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

// A checkedRule is a validation rule made ready for use. broken says what a
// value does wrong; empty means nothing.
type checkedRule struct {
	schema.Rule
	broken func(c *call, text string) string
}

// loadRules attaches the validation rules of the world.
func (s *Server) loadRules(rules map[string][]schema.Rule) error {
	for name, list := range rules {
		p := s.objects[tickets].props[name]
		if p == nil {
			return fmt.Errorf("world: validation rules for unknown property %q", name)
		}
		if err := p.setRules(list); err != nil {
			return fmt.Errorf("world: %w", err)
		}
	}
	return nil
}

func (p *property) setRules(rules []schema.Rule) error {
	p.rules = nil
	for _, r := range rules {
		checked, err := checkRule(r)
		if err != nil {
			return fmt.Errorf("validation rule of %q: %w", p.Name, err)
		}
		p.rules = append(p.rules, checked)
	}
	return nil
}

// ruledTypes are the types, and the field types, that each ruleType is for.
// Source: section 4.7 of the fact sheet, from the property validations guide.
var ruledTypes = func() map[string][]string {
	m := map[string][]string{}
	for kinds, rules := range map[string]string{
		"string/text string/textarea":                    "ALPHANUMERIC SPECIAL_CHARACTERS FORMAT REGEX",
		"string/text string/textarea string/phonenumber": "MIN_LENGTH MAX_LENGTH",
		"string/text":             "WHITESPACE DOMAIN EMAIL URL EMAIL_ALLOWED_DOMAINS EMAIL_BLOCKED_DOMAINS URL_ALLOWED_DOMAINS URL_BLOCKED_DOMAINS",
		"string/phonenumber":      "PHONE_NUMBER_WITH_EXPLICIT_COUNTRY_CODE",
		"number/number":           "MIN_NUMBER MAX_NUMBER DECIMAL",
		"date/date":               "START_DATE END_DATE AFTER_DURATION BEFORE_DURATION",
		"datetime/date":           "START_DATETIME END_DATETIME AFTER_DATETIME_DURATION BEFORE_DATETIME_DURATION",
		"date/date datetime/date": "DAYS_OF_WEEK",
	} {
		for _, rule := range strings.Fields(rules) {
			m[rule] = strings.Fields(kinds)
		}
	}
	return m
}()

// mayRule says why a property cannot have a rule of this type; "" if it can.
// Of HubSpot's own properties only the subject can have any.
func (p *property) mayRule(ruleType string) string {
	kinds, known := ruledTypes[ruleType]
	switch {
	case !known:
		return fmt.Sprintf("ruleType %q is unknown", ruleType)
	case p.HubspotDefined && p.Name != "subject":
		return fmt.Sprintf("property %q is defined by HubSpot and can have no rules", p.Name)
	case !slices.Contains(kinds, p.Type+"/"+p.FieldType):
		return fmt.Sprintf("a rule %s is not for properties of type %s and field type %s", ruleType, p.Type, p.FieldType)
	}
	return ""
}

// checkRule makes a rule ready, or says why it cannot be one.
func checkRule(r schema.Rule) (checkedRule, error) {
	maker, known := ruleMakers[r.Type]
	if !known {
		return checkedRule{}, fmt.Errorf("ruleType %q is unknown", r.Type)
	}
	broken, err := maker(r.Arguments)
	if err != nil {
		return checkedRule{}, fmt.Errorf("%s %v: %w", r.Type, r.Arguments, err)
	}
	return checkedRule{Rule: r, broken: broken}, nil
}

// followsRules checks a value in stored form; clearing breaks no rule.
func (c *call) followsRules(p *property, text string) *badValue {
	if text == "" {
		return nil
	}
	for i := range p.rules {
		if message := p.rules[i].broken(c, text); message != "" {
			return &badValue{code: "INVALID_CUSTOM_PROPERTY_VALIDATION", message: message, withValue: true}
		}
	}
	return nil
}

type ruleCheck = func(c *call, text string) string

// ruleMakers turn the arguments of each ruleType into a check.
// Source: section 4.7 of the fact sheet, from the property validations guide.
var ruleMakers = map[string]func(args []string) (ruleCheck, error){
	"ALPHANUMERIC":          alphanumericRule,
	"SPECIAL_CHARACTERS":    simply("NOT_ALLOWED", "must not contain special characters", noSpecial),
	"FORMAT":                formatRule,
	"REGEX":                 regexRule,
	"MIN_LENGTH":            lengthRule("at least", func(n, limit int) bool { return n >= limit }),
	"MAX_LENGTH":            lengthRule("at most", func(n, limit int) bool { return n <= limit }),
	"WHITESPACE":            whitespaceRule,
	"DOMAIN":                simply("", "must be a domain", isDomain),
	"EMAIL":                 simply("", "must be an e-mail address", isEmail),
	"URL":                   simply("", "must be a URL", isURL),
	"EMAIL_ALLOWED_DOMAINS": domainRule(emailDomain, true),
	"EMAIL_BLOCKED_DOMAINS": domainRule(emailDomain, false),
	"URL_ALLOWED_DOMAINS":   domainRule(urlDomain, true),
	"URL_BLOCKED_DOMAINS":   domainRule(urlDomain, false),
	"PHONE_NUMBER_WITH_EXPLICIT_COUNTRY_CODE": phoneRule,
	"MIN_NUMBER":               numberRule("at least", func(order int) bool { return order >= 0 }),
	"MAX_NUMBER":               numberRule("at most", func(order int) bool { return order <= 0 }),
	"DECIMAL":                  decimalRule,
	"START_DATE":               momentRule("not before", func(ms, limit int64) bool { return ms >= limit }),
	"START_DATETIME":           momentRule("not before", func(ms, limit int64) bool { return ms >= limit }),
	"END_DATE":                 momentRule("not after", func(ms, limit int64) bool { return ms <= limit }),
	"END_DATETIME":             momentRule("not after", func(ms, limit int64) bool { return ms <= limit }),
	"AFTER_DURATION":           durationRule(true),
	"AFTER_DATETIME_DURATION":  durationRule(true),
	"BEFORE_DURATION":          durationRule(false),
	"BEFORE_DATETIME_DURATION": durationRule(false),
	"DAYS_OF_WEEK":             weekdayRule,
}

// simply is a rule without arguments, or with one that must be as given.
func simply(only, must string, good func(string) bool) func([]string) (ruleCheck, error) {
	return func(args []string) (ruleCheck, error) {
		if len(args) > 1 || len(args) == 1 && args[0] != only {
			return nil, fmt.Errorf("the arguments are not %q", only)
		}
		return func(_ *call, text string) string { return unless(good(text), must) }, nil
	}
}

func unless(good bool, message string) string {
	if good {
		return ""
	}
	return message
}

func argument(args []string, usual string) string {
	if len(args) == 0 {
		return usual
	}
	return args[0]
}

func alphanumericRule(args []string) (ruleCheck, error) {
	kind := argument(args, "ALPHANUMERIC")
	allowed, known := map[string]func(rune) bool{
		"ALPHANUMERIC": func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) },
		"ALPHA_ONLY":   unicode.IsLetter,
		"NUMERIC_ONLY": unicode.IsDigit,
	}[kind]
	if !known {
		return nil, fmt.Errorf("%q is not an argument", kind)
	}
	return func(_ *call, text string) string {
		bad := strings.ContainsFunc(text, func(r rune) bool { return !allowed(r) && !unicode.IsSpace(r) })
		return unless(!bad, "must be "+kind)
	}, nil
}

func noSpecial(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsSpace(r)
	})
}

func formatRule(args []string) (ruleCheck, error) {
	change, known := map[string]func(string) string{
		"UPPER": strings.ToUpper, "LOWER": strings.ToLower, "CAPITALIZATION": capitalize,
	}[argument(args, "")]
	if !known {
		return nil, fmt.Errorf("the argument is not CAPITALIZATION, UPPER or LOWER")
	}
	return func(_ *call, text string) string {
		return unless(change(text) == text, "must have the format "+args[0])
	}, nil
}

// capitalize makes the words of a text begin with capital letters, and leaves
// what is between them.
func capitalize(text string) string {
	inWord := false
	return strings.Map(func(r rune) rune {
		first := !inWord
		inWord = !unicode.IsSpace(r)
		if first && inWord {
			return unicode.ToUpper(r)
		}
		return r
	}, text)
}

// maxRegexValue is how long a value with a REGEX rule may be, in characters.
const maxRegexValue = 1_000

func regexRule(args []string) (ruleCheck, error) {
	pattern, err := regexp.Compile(argument(args, ""))
	if err != nil {
		return nil, err
	}
	if len(args) == 0 || len(args) > 2 {
		return nil, fmt.Errorf("a pattern and a message are wanted")
	}
	if pattern.NumSubexp() > 0 {
		return nil, fmt.Errorf("capture groups are not allowed")
	}
	message := "must match " + pattern.String()
	if len(args) > 1 {
		message = args[1]
	}
	return func(_ *call, text string) string {
		return unless(utf8.RuneCountInString(text) <= maxRegexValue && pattern.MatchString(text), message)
	}, nil
}

func lengthRule(word string, good func(n, limit int) bool) func([]string) (ruleCheck, error) {
	return func(args []string) (ruleCheck, error) {
		limit, err := strconv.Atoi(argument(args, ""))
		if err != nil || limit < 1 || limit > 10_000 {
			return nil, fmt.Errorf("the argument is not a whole number from 1 to 10000")
		}
		message := fmt.Sprintf("must have %s %d characters", word, limit)
		return func(_ *call, text string) string { return unless(good(utf8.RuneCountInString(text), limit), message) }, nil
	}
}

func whitespaceRule(args []string) (ruleCheck, error) {
	kind := argument(args, "ALL")
	if kind != "ALL" && kind != "TRIM" {
		return nil, fmt.Errorf("the argument is neither ALL nor TRIM")
	}
	if kind == "TRIM" {
		return func(_ *call, text string) string {
			return unless(strings.TrimSpace(text) == text, "must not begin or end with white space")
		}, nil
	}
	return func(_ *call, text string) string {
		return unless(!strings.ContainsFunc(text, unicode.IsSpace), "must not contain white space")
	}, nil
}

var domainPattern = regexp.MustCompile(`^(?i)([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}$`)

func isDomain(text string) bool { return domainPattern.MatchString(text) }

func isEmail(text string) bool {
	parsed, err := mail.ParseAddress(text)
	return err == nil && parsed.Address == text && strings.Contains(emailDomain(text), ".")
}

func isURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

func emailDomain(text string) string {
	_, domain, _ := strings.Cut(text, "@")
	return strings.ToLower(domain)
}

func urlDomain(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Hostname())
}

func domainRule(domainOf func(string) string, allow bool) func([]string) (ruleCheck, error) {
	return func(args []string) (ruleCheck, error) {
		if len(args) < 1 || len(args) > 20 {
			return nil, fmt.Errorf("1 to 20 domains are wanted")
		}
		message := "domain must not be one of " + list(args)
		if allow {
			message = "domain must be one of " + list(args)
		}
		return func(_ *call, text string) string {
			return unless(slices.Contains(args, domainOf(text)) == allow, message)
		}, nil
	}
}

var countryCode = regexp.MustCompile(`^[a-z]{2}$`)

// phoneRule takes no argument or a country; whether the number is one of that
// country is not checked, only that it has a country code.
func phoneRule(args []string) (ruleCheck, error) {
	if len(args) > 1 || len(args) == 1 && !countryCode.MatchString(args[0]) {
		return nil, fmt.Errorf("the argument is not a country of two lower-case letters")
	}
	return func(_ *call, text string) string {
		return unless(isInternational(text), "must be a phone number with a country code")
	}, nil
}

func isInternational(text string) bool {
	bare := strings.NewReplacer(" ", "", "-", "", "(", "", ")", "", ".", "").Replace(text)
	return len(bare) >= 8 && bare[0] == '+' && isDigits(bare[1:])
}

func numberRule(word string, good func(order int) bool) func([]string) (ruleCheck, error) {
	return func(args []string) (ruleCheck, error) {
		limit := argument(args, "")
		if !isDecimal(limit) {
			return nil, fmt.Errorf("the argument is not a number")
		}
		number := &property{Property: schema.Property{Type: "number"}}
		return func(_ *call, text string) string {
			return unless(good(compareValues(number, text, limit)), fmt.Sprintf("must be %s %s", word, limit))
		}, nil
	}
}

func decimalRule(args []string) (ruleCheck, error) {
	places, err := strconv.Atoi(argument(args, ""))
	if err != nil || places < 0 || places > 20 {
		return nil, fmt.Errorf("the argument is not a whole number from 0 to 20")
	}
	return func(_ *call, text string) string {
		_, fraction, _ := strings.Cut(text, ".")
		return unless(len(fraction) <= places, fmt.Sprintf("must have at most %d decimal places", places))
	}, nil
}

func momentRule(word string, good func(ms, limit int64) bool) func([]string) (ruleCheck, error) {
	return func(args []string) (ruleCheck, error) {
		limit, err := strconv.ParseInt(argument(args, ""), 10, 64)
		if err != nil {
			return nil, err
		}
		return func(_ *call, text string) string {
			ms, ok := anyInstant(text)
			return unless(ok && good(ms, limit), fmt.Sprintf("must be %s %s", word, stamp(limit)))
		}, nil
	}
}

var periodPattern = regexp.MustCompile(`^(-?)P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?$`)

// durationRule compares with today, in the account's time zone, plus a period.
func durationRule(after bool) func([]string) (ruleCheck, error) {
	return func(args []string) (ruleCheck, error) {
		m := periodPattern.FindStringSubmatch(argument(args, ""))
		if m == nil {
			return nil, fmt.Errorf("the argument is not an ISO 8601 period such as P7D")
		}
		n := [4]int{}
		for i := range n {
			n[i], _ = strconv.Atoi("0" + m[i+2])
			if m[1] == "-" {
				n[i] = -n[i]
			}
		}
		message := "must be before today plus " + args[0]
		if after {
			message = "must be after today plus " + args[0]
		}
		return func(c *call, text string) string {
			now := time.UnixMilli(c.now).In(c.s.zone)
			today := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, time.UTC)
			limit := today.AddDate(n[0], n[1], 7*n[2]+n[3]).UnixMilli()
			ms, ok := c.localDay(text)
			return unless(ok && (after && ms >= limit || !after && ms <= limit), message)
		}, nil
	}
}

// localDay is the day of a stored date, or of a stored date-time in the
// account's time zone, as its midnight in UTC.
func (c *call) localDay(text string) (int64, bool) {
	ms, ok := anyInstant(text)
	if ok && len(text) > len(time.DateOnly) {
		y, m, d := time.UnixMilli(ms).In(c.s.zone).Date()
		ms = time.Date(y, m, d, 0, 0, 0, 0, time.UTC).UnixMilli()
	}
	return ms, ok
}

func weekdayRule(args []string) (ruleCheck, error) {
	week := []string{"MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"}
	if len(args) < 1 || slices.ContainsFunc(args, func(day string) bool { return !slices.Contains(week, day) }) {
		return nil, fmt.Errorf("the arguments are not days from MONDAY to SUNDAY")
	}
	return func(c *call, text string) string {
		ms, ok := c.localDay(text)
		day := strings.ToUpper(time.UnixMilli(ms).UTC().Weekday().String())
		return unless(ok && slices.Contains(args, day), "must be on one of "+list(args))
	}, nil
}
