package hubspot_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/internal/hubspot"
)

func TestErrorBody(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		status int
		header http.Header
		body   string
		want   hubspot.Error
		text   string // Error()
	}{
		{
			name: "validation error with the faults as JSON in the message", status: 400,
			body: `{"status":"error","message":"Property values were not valid: [{\"isValid\":false,\"message\":\"x was not a valid number\",\"error\":\"INVALID_INTEGER\",\"name\":\"effort\",\"localizedErrorMessage\":\"x\",\"propertyValue\":\"x\",\"portalId\":1},{\"isValid\":false,\"message\":\"Property \\\"nope\\\" does not exist\",\"error\":\"PROPERTY_DOESNT_EXIST\",\"name\":\"nope\"}]","correlationId":"aeb5f871","category":"VALIDATION_ERROR","errors":[{"message":"x was not a valid number","code":"INVALID_INTEGER","context":{"propertyName":["effort"]}}]}`,
			want: hubspot.Error{Category: "VALIDATION_ERROR", CorrelationID: "aeb5f871",
				Message: `Property values were not valid: effort: x was not a valid number; nope: Property "nope" does not exist`,
				Details: []hubspot.Detail{
					{Message: "x was not a valid number", Code: "INVALID_INTEGER", Property: "effort", Value: "x", Context: map[string][]string{"propertyName": {"effort"}}},
					{Message: `Property "nope" does not exist`, Code: "PROPERTY_DOESNT_EXIST", Property: "nope"},
				}},
			text: `HubSpot answered 400 VALIDATION_ERROR: Property values were not valid: effort: x was not a valid number; nope: Property "nope" does not exist (correlation id aeb5f871)`,
		},
		{
			name: "long list of options is shortened to its values", status: 400,
			body: `{"message":"m","errors":[{"message":"p9 was not one of the allowed options: [label: \"Low\"\nvalue: \"LOW\"\ndisplay_order: 0\nhidden: false\nread_only: false\n, label: \"High\"\nvalue: \"HIGH\"\ndisplay_order: 1\nhidden: false\nread_only: false\n]","code":"INVALID_OPTION"}]}`,
			want: hubspot.Error{Message: "m", Details: []hubspot.Detail{{Message: "p9 was not one of the allowed options: LOW, HIGH", Code: "INVALID_OPTION"}}},
			text: "HubSpot answered 400: m",
		},
		{
			name: "missing scope", status: 403,
			body: `{"status":"error","message":"This app hasn't been granted all required scopes","correlationId":"c","category":"MISSING_SCOPES","errors":[{"message":"One or more","context":{"requiredGranularScopes":["tickets"]}}],"links":{"scopes":"https://developers.hubspot.com/scopes"}}`,
			want: hubspot.Error{Category: "MISSING_SCOPES", CorrelationID: "c", Message: "This app hasn't been granted all required scopes",
				Details: []hubspot.Detail{{Message: "One or more", Context: map[string][]string{"requiredGranularScopes": {"tickets"}}}}},
			text: "HubSpot answered 403 MISSING_SCOPES: This app hasn't been granted all required scopes; the token needs the scope tickets (correlation id c)",
		},
		{
			name: "rate limit of the old form", status: 429, header: http.Header{"Retry-After": {"3"}},
			body: `{"status":"error","message":"You have reached your daily limit.","errorType":"RATE_LIMIT","correlationId":"c","policyName":"DAILY","requestId":"r"}`,
			want: hubspot.Error{Category: "RATE_LIMIT", CorrelationID: "c", PolicyName: "DAILY", Message: "You have reached your daily limit.", Wait: 3 * time.Second},
			text: "HubSpot answered 429 RATE_LIMIT: You have reached your daily limit. (correlation id c)",
		},
		{
			name: "no category", status: 404, body: `{"status":"error","message":"resource not found","correlationId":"c"}`,
			want: hubspot.Error{CorrelationID: "c", Message: "resource not found"},
			text: "HubSpot answered 404: resource not found (correlation id c)",
		},
		{
			name: "HTML of a gateway", status: 502, header: http.Header{"X-Hubspot-Correlation-Id": {"h"}}, body: "<html><body>Bad gateway</body></html>",
			want: hubspot.Error{Message: "bad gateway", CorrelationID: "h"}, text: "HubSpot answered 502: bad gateway (correlation id h)",
		},
		{name: "nothing", status: 524, want: hubspot.Error{Message: "time-out"}, text: "HubSpot answered 524: time-out"},
		{name: "plain text", status: 503, body: " try\nlater ", want: hubspot.Error{Message: "try later"}, text: "HubSpot answered 503: try later"},
		{name: "JSON that is no object", status: 500, body: "[1]", want: hubspot.Error{Message: "[1]"}, text: "HubSpot answered 500: [1]"},
		{
			name: "fields of other types", status: 400,
			body: `{"message":7,"category":{"a":1},"subCategory":{"name":"NO_ASSOCIATIONS_FOUND"},"context":{"ids":[12345678901234567,"b",null],"one":"x"},"errors":{"no":"list"}}`,
			want: hubspot.Error{Message: "7", SubCategory: "NO_ASSOCIATIONS_FOUND", Context: map[string][]string{"ids": {"12345678901234567", "b"}, "one": {"x"}}},
			text: "HubSpot answered 400: 7",
		},
		{
			name: "redirect", status: 302, header: http.Header{"Location": {"https://elsewhere.example/?token=x"}},
			want: hubspot.Error{Message: "it points to another address, which is not followed; check the base URL"},
			text: "HubSpot answered 302: it points to another address, which is not followed; check the base URL",
		},
		{
			name: "embedded JSON that is broken stays text", status: 400, body: `{"message":"Property values were not valid: [{"}`,
			want: hubspot.Error{Message: "Property values were not valid: [{"}, text: "HubSpot answered 400: Property values were not valid: [{",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.header == nil {
				tt.header = http.Header{}
			}
			got := hubspot.ParseError(tt.status, tt.header, []byte(tt.body))
			tt.want.Status = tt.status
			require.Equal(t, tt.want, *got)
			require.Equal(t, tt.text, got.Error())
		})
	}
}

// TestFewerDetailsThanFaults covers answers whose errors are shorter than the
// list in the message: all faults are kept, none twice.
func TestFewerDetailsThanFaults(t *testing.T) {
	t.Parallel()
	fault := func(value string) string {
		return fmt.Sprintf(`{"isValid":false,"message":"not valid","error":"INVALID_LONG","name":"due","propertyValue":%q}`, value)
	}
	message, err := json.Marshal("Property values were not valid: [" + strings.Join([]string{fault("a"), fault("b"), fault("c"), fault("d")}, ",") + "]")
	require.NoError(t, err)
	detail := `{"message":"not valid","code":"INVALID_LONG","context":{"propertyName":["due"]}}`
	body := fmt.Sprintf(`{"category":"VALIDATION_ERROR","message":%s,"errors":[%s,%s,%s]}`, message, detail, detail, detail)
	e := hubspot.ParseError(400, http.Header{}, []byte(body))
	var values []string
	for _, d := range e.Details {
		require.Equal(t, "due", d.Property)
		values = append(values, d.Value)
	}
	require.Equal(t, []string{"a", "b", "c", "d"}, values)
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, header string
		want         time.Duration
	}{
		{"seconds", "120", 2 * time.Minute},
		{"absent", "", 0},
		{"negative", "-5", 0},
		{"not a number", "NaN", 0},
		{"absurd is bounded", "1e300", 7 * 24 * time.Hour},
		{"a date gone by", "Wed, 21 Oct 2015 07:28:00 GMT", 0},
		{"words", "soon", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := http.Header{}
			h.Set("Retry-After", tt.header)
			require.Equal(t, tt.want, hubspot.ParseError(503, h, nil).Wait)
		})
	}
	h := http.Header{}
	h.Set("Retry-After", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat))
	wait := hubspot.ParseError(503, h, nil).Wait
	require.InDelta(t, time.Hour, wait, float64(10*time.Minute))
}

func TestClassifiers(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name                   string
		err                    error
		retryable, auth, daily bool
	}{
		{name: "nothing"},
		{name: "bad input", err: &hubspot.Error{Status: 400}},
		{name: "wrong token", err: &hubspot.Error{Status: 401}, auth: true},
		{name: "missing scope", err: fmt.Errorf("read: %w", &hubspot.Error{Status: 403}), auth: true},
		{name: "not found", err: &hubspot.Error{Status: 404}},
		{name: "conflict", err: &hubspot.Error{Status: 409}},
		{name: "too long", err: &hubspot.Error{Status: 414}},
		{name: "locked", err: &hubspot.Error{Status: 423}, retryable: true},
		{name: "ten seconds", err: &hubspot.Error{Status: 429, PolicyName: "TEN_SECONDLY_ROLLING"}, retryable: true},
		{name: "one second", err: &hubspot.Error{Status: 429, PolicyName: "SECONDLY"}, retryable: true},
		{name: "no policy", err: &hubspot.Error{Status: 429}, retryable: true},
		{name: "daily", err: &hubspot.Error{Status: 429, PolicyName: "DAILY"}, daily: true},
		{name: "daily by its words", err: &hubspot.Error{Status: 429, Message: "You have reached your daily limit."}, daily: true},
		{name: "moving", err: &hubspot.Error{Status: 477}, retryable: true},
		{name: "server error", err: &hubspot.Error{Status: 500}, retryable: true},
		{name: "bad gateway", err: &hubspot.Error{Status: 502}, retryable: true},
		{name: "unavailable", err: &hubspot.Error{Status: 503}, retryable: true},
		{name: "gateway time-out", err: &hubspot.Error{Status: 504}, retryable: true},
		{name: "edge", err: &hubspot.Error{Status: 522}, retryable: true},
		{name: "edge time-out", err: &hubspot.Error{Status: 524}, retryable: true},
		{name: "TLS problem", err: &hubspot.Error{Status: 525}},
		{name: "not implemented", err: &hubspot.Error{Status: 501}},
		{name: "row refused", err: &hubspot.Error{Status: 207, Category: "VALIDATION_ERROR"}},
		{name: "row limited", err: &hubspot.Error{Status: 207, Category: "RATE_LIMITS"}, retryable: true},
		{name: "in doubt", err: fmt.Errorf("%w: %w", hubspot.ErrInDoubt, &hubspot.Error{Status: 504})},
		{name: "cancelled", err: context.Canceled},
		{name: "something else", err: errors.New("disk full")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.retryable, hubspot.Retryable(tt.err), "Retryable")
			require.Equal(t, tt.auth, hubspot.IsAuth(tt.err), "IsAuth")
			require.Equal(t, tt.daily, hubspot.IsDailyLimit(tt.err), "IsDailyLimit")
		})
	}
}

// FuzzErrorBody feeds error bodies of any kind: the result is always an Error
// with a text that is valid, short and on one line.
func FuzzErrorBody(f *testing.F) {
	f.Add(400, []byte(`{"message":"Property values were not valid: [{\"message\":\"m\",\"error\":\"E\",\"name\":\"n\",\"propertyValue\":\"v\"}]","errors":[{"context":{"propertyName":["n"]}}]}`))
	f.Add(502, []byte("<html>"))
	f.Add(429, []byte(`{"policyName":"DAILY"}`))
	f.Add(500, []byte(`{"errors":[null,1,{"context":[]}],"context":{"a":[{}]}}`))
	f.Add(400, []byte("\xff\xfe"))
	f.Add(400, []byte(`null`))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		e := hubspot.ParseError(status, http.Header{}, body)
		require.Equal(t, status, e.Status)
		require.True(t, utf8.ValidString(e.Message))
		require.NotContains(t, e.Message, "\n")
		require.LessOrEqual(t, utf8.RuneCountInString(e.Message), 510)
		_ = e.Error()
	})
}
