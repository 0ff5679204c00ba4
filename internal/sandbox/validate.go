package sandbox

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// maxValue is the most characters that a value may have.
const maxValue = 65_536

// A draft is a write that has been read and judged, but not stored.
type draft struct {
	values   []cell
	appends  []cell // options to add to those that are stored
	bad      []badValue
	missing  []missingValue
	warnings []warning
}

// A warning is HubSpot's note on a value that it changed (2026-09 and later).
type warning struct {
	Category string            `json:"category"`
	Message  string            `json:"message"`
	Context  map[string]string `json:"context"`
}

// An assignment is one property of a request body.
type assignment struct {
	name string
	scalar
}

// judge brings the assignments of one input into stored form.
func (c *call) judge(o *object, in []assignment) draft {
	d := draft{values: make([]cell, 0, len(in)+4)}
	for _, a := range in {
		if a.kind == isNull {
			c.wrong("property %q is null, which HubSpot ignores", a.name)
			continue
		}
		if a.kind != isText {
			c.wrong("property %q is not written as a string", a.name)
		}
		c.judgeOne(o, &d, a)
	}
	return d
}

func (c *call) judgeOne(o *object, d *draft, a assignment) {
	p := o.active(a.name)
	if p == nil {
		d.bad = append(d.bad, badValue{
			code: "PROPERTY_DOESNT_EXIST", name: a.name,
			message: fmt.Sprintf("Property %q does not exist", a.name),
		})
		return
	}
	if message := p.refusal(); message != "" {
		d.bad = append(d.bad, badValue{code: "READ_ONLY_VALUE", name: a.name, message: message})
		return
	}
	if p.Multiple() && strings.HasPrefix(a.text, ";") {
		c.judgeAppend(d, p, a.text)
		return
	}
	text, bad := c.convert(d, p, a.text)
	if bad == nil && p.Name == "hs_pinned_engagement_id" && text != "" {
		bad = &badValue{code: "INVALID_VALUE", withValue: true, message: fmt.Sprintf("Engagement %s is not associated with this record", text)}
	}
	if bad == nil {
		bad = c.followsRules(p, text)
	}
	if bad != nil {
		bad.name, bad.value = a.name, a.text
		d.bad = append(d.bad, *bad)
		return
	}
	d.values = append(d.values, cell{prop: p, text: text, at: c.now})
}

func (c *call) judgeAppend(d *draft, p *property, text string) {
	text, bad := c.convert(d, p, strings.TrimPrefix(text, ";"))
	if bad != nil {
		bad.name, bad.value = p.Name, text
		d.bad = append(d.bad, *bad)
		return
	}
	d.appends = append(d.appends, cell{prop: p, text: text, at: c.now})
}

// refusal says why nobody may write the property; empty when one may.
func (p *property) refusal() string {
	switch {
	case p.Calculated || strings.HasPrefix(p.FieldType, "calculation_"):
		return fmt.Sprintf("%q is a calculated property; its value cannot be set.", p.Name)
	case p.Modification != nil && p.Modification.ReadOnlyValue:
		return fmt.Sprintf("%q is a read only property; its value cannot be set.", p.Name)
	}
	return ""
}

// convert brings a value into stored form, or says what is wrong with it.
func (c *call) convert(d *draft, p *property, text string) (string, *badValue) {
	if text == "" {
		return "", nil
	}
	if p.Type != "string" && strings.TrimSpace(text) != text {
		c.wrong("property %q: blanks around %s", p.Name, p.Type)
	}
	switch p.Type {
	case "number":
		return convertNumber(text)
	case "bool":
		return convertBool(p, text)
	case "date":
		return c.convertDate(d, p, text)
	case "datetime":
		return c.convertDatetime(d, p, text)
	case "enumeration":
		return c.convertOption(p, text)
	case "phone_number":
		return convertPhone(text)
	}
	if p.isEmail && !isEmail(text) {
		return "", &badValue{code: "INVALID_EMAIL", message: fmt.Sprintf("Email address %s is invalid", text), withValue: true}
	}
	if len(text) > maxValue && utf8.RuneCountInString(text) > maxValue {
		return "", &badValue{code: "INVALID_STRING_LENGTH", message: fmt.Sprintf(
			"The value is too long: %d characters, at most %d are allowed.", utf8.RuneCountInString(text), maxValue)}
	}
	if p.FieldType == "html" {
		text = sanitize(text)
	}
	return text, nil
}

// What no sanitizer of rich text leaves in: elements that act, and the handlers
// of others.
var (
	activeElement = regexp.MustCompile(`(?is)<(script|style|iframe|object|embed)\b.*?(</(script|style|iframe|object|embed)\s*>|$)`)
	htmlTag       = regexp.MustCompile(`(?is)<[a-z][^>]*>`)
	htmlHandler   = regexp.MustCompile(`(?is)\son[a-z]+\s*=\s*("[^"]*"|'[^']*'|[^\s>]+)`)
)

func sanitize(text string) string {
	text = activeElement.ReplaceAllString(text, "")
	return htmlTag.ReplaceAllStringFunc(text, func(tag string) string { return htmlHandler.ReplaceAllString(tag, "") })
}

func convertNumber(text string) (string, *badValue) {
	if !isDecimal(text) {
		return "", &badValue{code: "INVALID_INTEGER", message: text + " was not a valid number", withValue: true}
	}
	return bareNumber(text), nil
}

// bareNumber takes zeros off the front: a number does not keep them.
func bareNumber(text string) string {
	digits, minus := strings.CutPrefix(text, "-")
	bare := strings.TrimLeft(digits, "0")
	if bare == "" || bare[0] == '.' {
		bare = "0" + bare
	}
	if minus {
		bare = "-" + bare
	}
	return bare
}

// isDecimal accepts digits, one leading '-', one '.': no exponent, no separators.
func isDecimal(text string) bool {
	text = strings.TrimPrefix(text, "-")
	whole, fraction, dotted := strings.Cut(text, ".")
	return isDigits(whole) && (!dotted || isDigits(fraction))
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

func convertBool(p *property, text string) (string, *badValue) {
	if text == "true" || text == "false" {
		return text, nil
	}
	return "", p.noOption(text)
}

func (p *property) noOption(text string) *badValue {
	return &badValue{code: "INVALID_OPTION", message: text + " was not one of the allowed options: " + p.listed, withValue: true}
}

const dayMillis = 24 * 60 * 60 * 1000

func (c *call) convertDate(d *draft, p *property, text string) (string, *badValue) {
	if t, err := time.Parse(time.DateOnly, text); err == nil {
		return t.Format(time.DateOnly), nil
	}
	ms, err := strconv.ParseInt(text, 10, 64)
	sent := ms
	if err != nil {
		instant, isInstant := parseInstant(text)
		if !isInstant || !c.newRules() {
			return "", notLong(text)
		}
		ms = instant
	}
	if err == nil && c.newRules() && isSeconds(ms) {
		ms *= 1000
	}
	day := ms
	if ms%dayMillis != 0 {
		if !c.newRules() {
			return "", &badValue{code: "INVALID_DATE", withValue: true, message: fmt.Sprintf(
				"%s is at %s, not midnight!", text, time.UnixMilli(ms).UTC().Format("15:04:05.000"))}
		}
		day = ms - (ms%dayMillis+dayMillis)%dayMillis
	}
	out := time.UnixMilli(day).UTC().Format(time.DateOnly)
	if day != sent || err != nil {
		d.normalized(p, text, out)
	}
	return out, nil
}

// isSeconds says that a number is more likely seconds than milliseconds since
// 1970: as milliseconds it would be within some months of it.
func isSeconds(n int64) bool { return n > 100_000_000 && n < 10_000_000_000 }

func (c *call) convertDatetime(d *draft, p *property, text string) (string, *badValue) {
	ms, ok := parseInstant(text)
	if !ok {
		var err error
		if ms, err = strconv.ParseInt(text, 10, 64); err != nil {
			return "", notLong(text)
		}
		if isSeconds(ms) {
			c.wrong("property %q: %s looks like seconds, HubSpot takes milliseconds", p.Name, text)
			if c.newRules() {
				ms *= 1000
				d.normalized(p, text, stamp(ms))
			}
		}
	}
	if year := time.UnixMilli(ms).UTC().Year(); year < 1 || year > 9999 {
		return "", notLong(text)
	}
	return stamp(ms), nil
}

func notLong(text string) *badValue {
	return &badValue{code: "INVALID_LONG", message: text + " was not a valid long.", withValue: true}
}

func (d *draft) normalized(p *property, raw, value string) {
	d.warnings = append(d.warnings, warning{
		Category: "PROPERTY_VALUE_NORMALIZED",
		Message:  fmt.Sprintf("The value of property %q was normalized.", p.Name),
		Context:  map[string]string{"propertyName": p.Name, "rawValue": raw, "normalizedValue": value},
	})
}

// parseInstant reads ISO 8601 with an offset or Z.
func parseInstant(text string) (int64, bool) {
	if len(text) < len("2006-01-02T15:04:05Z") {
		return 0, false
	}
	t, err := time.Parse(time.RFC3339, text)
	return t.UnixMilli(), err == nil
}

func (c *call) convertOption(p *property, text string) (string, *badValue) {
	switch p.outside {
	case ownerOptions:
		return c.convertOwner(p, text)
	case pipelineOptions:
		if c.s.pipelineByID(text) == nil && c.isTicketProperty(p) {
			return "", p.noOption(text)
		}
		return text, nil
	case stageOptions, foreignOptions:
		return text, nil // a stage is judged together with its pipeline
	}
	if !p.Multiple() {
		if known, ok := p.options[text]; ok {
			return known, nil
		}
		return "", p.noOption(text)
	}
	return c.convertOptions(p, text)
}

func (c *call) isTicketProperty(p *property) bool { return c.s.objects[tickets].props[p.Name] == p }

// convertOptions reads "a;b;c"; empty and repeated parts fall away.
func (c *call) convertOptions(p *property, text string) (string, *badValue) {
	var kept []string
	seen := map[string]bool{}
	for part := range strings.SplitSeq(text, ";") {
		if part == "" || seen[part] {
			c.wrong("property %q: empty or repeated option in %q", p.Name, text)
			continue
		}
		if _, ok := p.options[part]; !ok {
			return "", p.noOption(part)
		}
		seen[part] = true
		kept = append(kept, part)
	}
	return strings.Join(kept, ";"), nil
}

func (c *call) convertOwner(p *property, text string) (string, *badValue) {
	owner, ok := c.s.owners[text]
	if !ok {
		return "", &badValue{code: "INVALID_OPTION", withValue: true,
			message: fmt.Sprintf("%s was not one of the allowed options: owner %q does not exist.", text, text)}
	}
	if owner.Archived {
		c.wrong("property %q: owner %s is archived", p.Name, text)
		if c.s.opts.Switches.RefuseArchivedOwner {
			return "", &badValue{code: "INVALID_OPTION", withValue: true,
				message: fmt.Sprintf("%s was not one of the allowed options: owner %q is archived.", text, text)}
		}
	}
	return owner.ID, nil
}

func convertPhone(text string) (string, *badValue) {
	digits := 0
	for i, r := range text {
		switch {
		case r >= '0' && r <= '9':
			digits++
		case r == '+' && i == 0, strings.ContainsRune(" ().-/x", r), strings.ContainsRune("ext", r):
		default:
			digits = -100
		}
	}
	if digits < 3 {
		return "", &badValue{code: "INVALID_PHONE_NUMBER", message: text + " was not a valid phone number.", withValue: true}
	}
	return text, nil
}
