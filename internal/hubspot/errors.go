package hubspot

import (
	"errors"
	"time"
)

// ErrInDoubt marks what was sent without a usable answer: it may be stored, or
// not. Look it up before sending it again, unless it can be repeated.
var ErrInDoubt = errors.New("sent, but no usable answer came: it may or may not be stored")

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
