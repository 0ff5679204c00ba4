package hubspot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// ErrInDoubt marks what was sent without a usable answer: it may be stored, or
// not. Look it up before sending it again, unless it can be repeated.
var ErrInDoubt = errors.New("in doubt whether it is stored")

// ErrNotSent marks a call of which HubSpot has for certain stored nothing, nor
// judged its content: no attempt left this machine (no connection, no TLS, cut
// off by the context, held back by an outage or by a limit), or each one was
// turned away (rate limit, lock, move of the account, token). It may be sent as
// it is, later. An error that is neither this nor ErrInDoubt is HubSpot's *Error
// about the content, or ends a read.
var ErrNotSent = errors.New("not sent")

// An Error is a refusal by HubSpot, of a whole call or of one input of a batch.
// Every field but Status may be empty.
// Source: "Error handling" in HubSpot's developer documentation.
type Error struct {
	Status        int    // of the HTTP answer; 2xx when one input of a batch was refused
	Category      string // e.g. VALIDATION_ERROR
	SubCategory   string
	Message       string // shortened for people
	CorrelationID string // names the request to HubSpot's support
	PolicyName    string // of the limit reached: DAILY, TEN_SECONDLY_ROLLING, SECONDLY
	Details       []Detail
	Context       map[string][]string
	Wait          time.Duration // from Retry-After; 0 if absent
	Method, Path  string        // of the request, without query
}

// A Detail is one fault that an Error names.
type Detail struct {
	Message, Code, In, SubCategory string
	Context                        map[string][]string
	Property, Value                string // what was refused; empty where HubSpot does not say
}

// Error says what HubSpot answered: status, category, text, missing scopes and
// correlation id, as far as there are any.
func (e *Error) Error() string {
	var b strings.Builder
	if e.Status >= 300 {
		fmt.Fprintf(&b, "HubSpot answered %d", e.Status)
	} else {
		b.WriteString("HubSpot refused it")
	}
	if e.Category != "" {
		b.WriteString(" " + e.Category)
	}
	if e.Message != "" {
		b.WriteString(": " + e.Message)
	}
	if scopes := e.Scopes(); len(scopes) > 0 {
		b.WriteString("; the token needs the scope " + strings.Join(scopes, ", "))
	}
	if e.CorrelationID != "" {
		b.WriteString(" (correlation id " + e.CorrelationID + ")")
	}
	return b.String()
}

// Scopes are the scopes that the token lacks, as far as HubSpot names them.
func (e *Error) Scopes() []string {
	scopes := slices.Clone(e.Context["requiredGranularScopes"])
	for _, d := range e.Details {
		scopes = append(scopes, d.Context["requiredGranularScopes"]...)
	}
	slices.Sort(scopes)
	return slices.Compact(scopes)
}

// statusMigrating is HubSpot's own: the account moves to another data centre.
const statusMigrating = 477

// Retryable says whether the same request may succeed if it is sent again
// later. The client has tried so already, for as long as Options allow. It is
// false for what is in doubt: that has to be looked up first.
// Source: section "HTTP errors" of HubSpot's error handling guide.
func Retryable(err error) bool {
	if errors.Is(err, ErrInDoubt) {
		return false
	}
	if errors.Is(err, ErrGaveUp) {
		return true
	}
	var lost *lostError
	if errors.As(err, &lost) {
		return !lost.final
	}
	var e *Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Status {
	case http.StatusTooManyRequests:
		return limitKind(e) != limitDaily
	case http.StatusLocked, statusMigrating,
		http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout,
		521, 522, 523, 524:
		return true
	}
	return e.Status < 300 && e.Category == "RATE_LIMITS" && limitKind(e) != limitDaily
}

// IsAuth says that the token is refused, or lacks a scope. One that expired and
// could not be renewed in time is no such thing: that passes.
func IsAuth(err error) bool {
	switch {
	case errors.Is(err, errNoToken):
		return true
	case errors.Is(err, ErrGaveUp):
		return false
	}
	var e *Error
	return errors.As(err, &e) && (e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden)
}

// IsDailyLimit says that the account's requests of the day are spent.
func IsDailyLimit(err error) bool {
	var e *Error
	return errors.As(err, &e) && isRateLimit(e) && limitKind(e) == limitDaily
}

func isRateLimit(err error) bool {
	var e *Error
	return errors.As(err, &e) && (e.Status == http.StatusTooManyRequests || e.Status < 300 && e.Category == "RATE_LIMITS")
}

// isOverload says that an attempt failed because HubSpot had too much to do.
func isOverload(err error) bool {
	var e *Error
	if errors.As(err, &e) {
		return e.Status == http.StatusServiceUnavailable || e.Status == http.StatusGatewayTimeout || e.Status == 524
	}
	var lost *lostError
	return errors.As(err, &lost) && errors.Is(err, context.DeadlineExceeded)
}

func isExpired(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Status == http.StatusUnauthorized &&
		(e.Category == "EXPIRED_AUTHENTICATION" || e.Category != "INVALID_AUTHENTICATION" && strings.Contains(e.Message, "expired"))
}

type limit uint8

const (
	limitUnknown limit = iota
	limitDaily
	limitTenSecondly
	limitSecondly
)

// limitKind names the limit that an answer of 429 is about: by the policy, else
// by words of the message.
func limitKind(e *Error) limit {
	for _, text := range []string{e.PolicyName, e.Message} {
		switch text = strings.ToUpper(text); {
		case strings.Contains(text, "DAILY"):
			return limitDaily
		case strings.Contains(text, "TEN_SECONDLY"):
			return limitTenSecondly
		case strings.Contains(text, "SECONDLY"):
			return limitSecondly
		}
	}
	return limitUnknown
}

// reason words err for an Event, without what a message may hold of values.
func reason(err error) string {
	var e *Error
	if !errors.As(err, &e) {
		return err.Error()
	}
	text := fmt.Sprintf("HubSpot answered %d %s", e.Status, statusText(e.Status))
	if e.PolicyName != "" {
		text += " (" + e.PolicyName + ")"
	}
	return text
}

// statusText also knows the statuses that HubSpot and its gateways made up.
func statusText(status int) string {
	switch status {
	case statusMigrating:
		return "account is being moved between data centres"
	case 521:
		return "web server is down"
	case 522:
		return "connection timed out"
	case 523:
		return "origin is unreachable"
	case 524:
		return "time-out"
	case 525, 526:
		return "TLS problem"
	}
	return strings.ToLower(http.StatusText(status))
}

// parseError makes an Error of an answer that is not 2xx. The body may be
// anything: JSON with any field missing or of another type, HTML, or nothing.
func parseError(status int, header http.Header, body []byte) *Error {
	e := &Error{Status: status, CorrelationID: header.Get("X-Hubspot-Correlation-Id"), Wait: retryAfter(header, time.Now())}
	var fields map[string]json.RawMessage
	if json.Unmarshal(body, &fields) == nil && fields != nil {
		e.fill(fields)
	} else if text := strings.TrimSpace(string(body)); text != "" && text[0] != '<' {
		e.Message = clip(text)
	}
	if e.Message == "" {
		e.Message = statusText(status)
		if location := header.Get("Location"); status/100 == 3 && location != "" {
			e.Message = "it points to another address, which is not followed; check the base URL"
		}
	}
	return e
}

// fill takes from a JSON error body, or from an item of a batch answer's
// errors, whatever is there.
func (e *Error) fill(fields map[string]json.RawMessage) {
	message := text(fields["message"])
	e.Category = text(fields["category"])
	if e.Category == "" {
		e.Category = text(fields["errorType"])
	}
	e.SubCategory = text(fields["subCategory"])
	e.PolicyName = clip(text(fields["policyName"]))
	if id := text(fields["correlationId"]); id != "" {
		e.CorrelationID = clip(id)
	}
	e.Context = lists(fields["context"])
	var items []map[string]json.RawMessage
	if raw := fields["errors"]; len(raw) > 0 {
		// A list of another form leaves the details out.
		_ = json.Unmarshal(raw, &items)
	}
	for _, item := range items[:min(len(items), maxDetails)] {
		e.Details = append(e.Details, parseDetail(item))
	}
	lead, faults := embedded(message)
	e.Details = merge(e.Details, faults)
	e.Message = clip(lead)
	if len(faults) > 0 {
		e.Message = clip(lead + listFaults(faults))
	}
}

// maxDetails bounds how many faults of one answer are kept.
const maxDetails = 5000

func parseDetail(item map[string]json.RawMessage) Detail {
	d := Detail{
		Message:     clip(shortOptions(text(item["message"]))),
		Code:        text(item["code"]),
		In:          text(item["in"]),
		SubCategory: text(item["subCategory"]),
		Context:     lists(item["context"]),
	}
	if names := d.Context["propertyName"]; len(names) > 0 {
		d.Property = names[0]
	} else {
		d.Property = text(item["name"])
	}
	return d
}

// embeddedMark is followed by a JSON array in HubSpot's messages about values.
const embeddedMark = "Property values were not valid: "

// embedded splits a message into its text and the faults that stand in it as
// JSON.
func embedded(message string) (lead string, faults []Detail) {
	before, after, found := strings.Cut(message, embeddedMark)
	if !found || !strings.HasPrefix(after, "[") {
		return message, nil
	}
	var items []map[string]json.RawMessage
	if json.NewDecoder(strings.NewReader(after)).Decode(&items) != nil {
		return message, nil
	}
	for _, item := range items[:min(len(items), maxDetails)] {
		faults = append(faults, Detail{
			Message:  clip(shortOptions(text(item["message"]))),
			Code:     text(item["error"]),
			Property: text(item["name"]),
			Value:    text(item["propertyValue"]),
		})
	}
	return before + embeddedMark, faults
}

// merge adds the faults of the message to those of the list: the list lacks the
// values and may be shorter.
func merge(details, faults []Detail) []Detail {
	used := make([]bool, len(details))
	for _, f := range faults {
		i := slices.IndexFunc(details, func(d Detail) bool {
			return d.Code == f.Code && d.Property == f.Property && d.Value == "" && d.Message == f.Message
		})
		if i >= 0 && i < len(used) && !used[i] {
			used[i] = true
			details[i].Value = f.Value
			continue
		}
		details = append(details, f)
	}
	return details
}

func listFaults(faults []Detail) string {
	var parts []string
	for _, f := range faults[:min(len(faults), 3)] {
		parts = append(parts, f.Property+": "+f.Message)
	}
	if more := len(faults) - len(parts); more > 0 {
		parts = append(parts, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(parts, "; ")
}

// shortOptions turns HubSpot's five lines for each allowed option into a list of
// values.
func shortOptions(message string) string {
	const mark = "was not one of the allowed options: ["
	before, after, found := strings.Cut(message, mark)
	if !found {
		return message
	}
	var values []string
	for part := range strings.SplitSeq(after, "\n") {
		if v, ok := strings.CutPrefix(strings.TrimSpace(part), "value: "); ok {
			values = append(values, strings.Trim(v, `"`))
		}
	}
	if len(values) == 0 {
		return message
	}
	end := ""
	if len(values) > 10 {
		values, end = values[:10], ", ..."
	}
	return before + "was not one of the allowed options: " + strings.Join(values, ", ") + end
}

// maxText bounds a text that a server made, in characters.
const maxText = 500

// clip makes one line of text and shortens it.
func clip(text string) string {
	if len(text) > 16*maxText {
		text = text[:16*maxText]
	}
	text = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(text, "\ufffd"), func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r)
	}), " ")
	if utf8.RuneCountInString(text) <= maxText {
		return text
	}
	return string([]rune(text)[:maxText]) + "..."
}

// text reads a JSON string; a number is taken as it stands; of an object (a
// subCategory may be one) the first name of its own that is found.
func text(raw json.RawMessage) string {
	var s string
	if len(raw) == 0 || json.Unmarshal(raw, &s) == nil {
		return s
	}
	var n json.Number
	if json.Unmarshal(raw, &n) == nil {
		return n.String()
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(raw, &object) == nil {
		for _, name := range []string{"name", "value", "category"} {
			if json.Unmarshal(object[name], &s) == nil {
				return s
			}
		}
	}
	return ""
}

// lists reads a map of lists of strings; what is a single value becomes a list
// of one.
func lists(raw json.RawMessage) map[string][]string {
	var fields map[string]json.RawMessage
	if len(raw) == 0 || json.Unmarshal(raw, &fields) != nil || len(fields) == 0 {
		return nil
	}
	m := make(map[string][]string, len(fields))
	for name, value := range fields {
		var items []json.RawMessage
		if json.Unmarshal(value, &items) != nil {
			items = []json.RawMessage{value}
		}
		for _, item := range items {
			if s := text(item); s != "" {
				m[name] = append(m[name], s)
			}
		}
	}
	return m
}

// retryAfter reads the header's two forms: seconds, or a date.
func retryAfter(h http.Header, now time.Time) time.Duration {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if v == "" {
		return 0
	}
	if seconds, err := strconv.ParseFloat(v, 64); err == nil && seconds >= 0 {
		return time.Duration(min(seconds, 7*24*3600) * float64(time.Second))
	}
	if at, err := http.ParseTime(v); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}
