package sandbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// A reply is an answer before it goes on the wire.
type reply struct {
	status int
	header http.Header // beyond the usual ones; may be nil
	body   []byte      // nil for 204
	html   bool        // body is a gateway's page
}

// A failure is HubSpot's error body. Source: section 2.1 of the error guide.
type failure struct {
	code int // HTTP status

	Status        string              `json:"status"`
	ID            string              `json:"id,omitempty"`
	Category      string              `json:"category,omitempty"`
	SubCategory   any                 `json:"subCategory,omitempty"`
	Message       string              `json:"message"`
	CorrelationID string              `json:"correlationId,omitempty"`
	Errors        []detail            `json:"errors,omitempty"`
	Context       map[string][]string `json:"context,omitempty"`
	Links         map[string]string   `json:"links,omitempty"`
	ErrorType     string              `json:"errorType,omitempty"`
	PolicyName    string              `json:"policyName,omitempty"`
	GroupName     string              `json:"groupName,omitempty"`
	RequestID     string              `json:"requestId,omitempty"`
}

// A detail is one item of errors[].
type detail struct {
	Message     string              `json:"message"`
	Code        string              `json:"code,omitempty"`
	In          string              `json:"in,omitempty"`
	SubCategory string              `json:"subCategory,omitempty"`
	Context     map[string][]string `json:"context,omitempty"`
}

// fault in the input: 400 VALIDATION_ERROR.
func invalid(format string, args ...any) *failure {
	return &failure{code: http.StatusBadRequest, Category: "VALIDATION_ERROR", Message: fmt.Sprintf(format, args...)}
}

func notFound() *failure {
	return &failure{code: http.StatusNotFound, Message: "resource not found"}
}

func conflict(format string, args ...any) *failure {
	return &failure{code: http.StatusConflict, Category: "CONFLICT", Message: fmt.Sprintf(format, args...)}
}

func (f *failure) with(key string, values ...string) *failure {
	if f.Context == nil {
		f.Context = map[string][]string{}
	}
	f.Context[key] = values
	return f
}

// A badValue is one property value that was refused.
type badValue struct {
	code, message string
	name, value   string
	withValue     bool // the value is repeated in the embedded JSON
}

// refusedValues is the answer to values that were refused: a text with JSON in
// it, without any hint of the row.
func refusedValues(portal int64, bad []badValue) *failure {
	type embedded struct {
		IsValid   bool   `json:"isValid"`
		Message   string `json:"message"`
		Error     string `json:"error"`
		Name      string `json:"name"`
		Localized string `json:"localizedErrorMessage"`
		Value     string `json:"propertyValue,omitempty"`
		PortalID  int64  `json:"portalId"`
	}
	list := make([]embedded, len(bad))
	details := make([]detail, len(bad))
	for i, v := range bad {
		list[i] = embedded{Message: v.message, Error: v.code, Name: v.name, Localized: v.message, PortalID: portal}
		if v.withValue {
			list[i].Value = v.value
		}
		details[i] = detail{Message: v.message, Code: v.code, Context: map[string][]string{"propertyName": {v.name}}}
	}
	f := invalid("Property values were not valid: %s", bytes.TrimSpace(encode(list)))
	f.Errors = details
	return f
}

// encode is JSON without HTML escapes; v is plain data, which always encodes.
func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func (f *failure) reply(correlationID string) *reply {
	f.Status, f.CorrelationID = "error", correlationID
	return &reply{status: f.code, body: encode(f)}
}

// asFailure turns a body that cannot be read into HubSpot's answer to it.
func asFailure(err error) *failure {
	return &failure{code: http.StatusBadRequest, Message: err.Error()}
}

func ok(status int, v any) *reply { return &reply{status: status, body: encode(v)} }

func noContent() *reply { return &reply{status: http.StatusNoContent} }

func list(items []string) string { return "[" + strings.Join(items, ", ") + "]" }
