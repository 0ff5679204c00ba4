package sandbox_test

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/internal/sandbox"
)

func TestTenSecondLimit(t *testing.T) {
	t.Parallel()
	a := open(t, func(o *sandbox.Options) { o.Limits = sandbox.Limits{PerTenSeconds: 3, SearchPerSecond: -1, Daily: -1} })
	for n, left := range []string{"2", "1", "0"} {
		res := a.want(200, "GET", objects, "")
		require.Equal(t, left, res.header.Get("X-HubSpot-RateLimit-Remaining"))
		require.Equal(t, "3", res.header.Get("X-HubSpot-RateLimit-Max"))
		require.Equal(t, "10000", res.header.Get("X-HubSpot-RateLimit-Interval-Milliseconds"))
		require.Empty(t, res.header.Get("X-HubSpot-RateLimit-Daily"), "request %d", n)
		a.now = a.now.Add(time.Second)
	}
	res := a.want(429, "GET", objects, "")
	require.Equal(t, "TEN_SECONDLY_ROLLING", res.at("policyName"))
	require.Equal(t, "RATE_LIMIT", res.at("errorType"))
	require.Equal(t, "RATE_LIMITS", res.at("category"))
	require.Equal(t, "You have reached your ten_secondly_rolling limit.", res.at("message"))
	require.Equal(t, "0", res.header.Get("X-HubSpot-RateLimit-Remaining"))
	require.Empty(t, res.header.Get("Retry-After"))

	a.want(200, "POST", objects+"/search", `{}`)
	a.want(200, "POST", v4+"tickets/contacts/batch/read", `{"inputs":[]}`)
	a.now = a.now.Add(7 * time.Second) // ten after the first
	a.want(200, "GET", objects, "")
	a.want(429, "GET", objects, "")
}

// TestFixedWindows: what was spent counts until the clock's next ten seconds begin.
func TestFixedWindows(t *testing.T) {
	t.Parallel()
	a := open(t, func(o *sandbox.Options) {
		o.Limits, o.Switches.RetryAfter = sandbox.Limits{PerTenSeconds: 2, Daily: -1, Fixed: true}, true
	})
	a.now = time.Date(2026, time.November, 3, 12, 0, 6, 0, time.UTC)
	require.Equal(t, "1", a.want(200, "GET", objects, "").header.Get("X-HubSpot-RateLimit-Remaining"))
	require.Equal(t, "0", a.want(200, "GET", objects, "").header.Get("X-HubSpot-RateLimit-Remaining"))
	require.Equal(t, "4", a.want(429, "GET", objects, "").header.Get("Retry-After"))
	a.now = a.now.Add(4 * time.Second)
	require.Equal(t, "1", a.want(200, "GET", objects, "").header.Get("X-HubSpot-RateLimit-Remaining"))
}

// TestOthersSpend: other apps take as much of the window as is said, by chance, and
// of a window long ago nothing is left.
func TestOthersSpend(t *testing.T) {
	t.Parallel()
	for _, fixed := range []bool{false, true} {
		a := open(t, func(o *sandbox.Options) {
			o.Limits = sandbox.Limits{PerTenSeconds: 10_000, Daily: -1, Fixed: fixed, Others: 100}
		})
		a.now = time.Date(2026, time.November, 3, 12, 0, 0, 0, time.UTC)
		left := func() int {
			n, err := strconv.Atoi(a.want(200, "GET", objects, "").header.Get("X-HubSpot-RateLimit-Remaining"))
			require.NoError(t, err)
			return n
		}
		left()
		a.now = a.now.Add(9999 * time.Millisecond)
		require.InDelta(t, 10_000-100*10, left(), 150)
		a.now = a.now.Add(24 * time.Hour)
		require.Less(t, left(), 10_000)
		require.GreaterOrEqual(t, left(), 10_000-100*10-150)
	}
}

// TestCountAt: a request that comes in at the end of a window, and is answered in the
// next one, counts in either, so that there is room for a second one or not.
func TestCountAt(t *testing.T) {
	t.Parallel()
	tests := []struct {
		moment sandbox.Moment
		room   func(times int) bool // of 40
	}{
		{sandbox.AtArrival, func(n int) bool { return n == 40 }},
		{sandbox.AtAnswer, func(n int) bool { return n == 0 }},
		{"", func(n int) bool { return n == 0 }},
		{sandbox.AtRandom, func(n int) bool { return n > 5 && n < 35 }},
	}
	for _, tt := range tests {
		t.Run(string(tt.moment), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s, err := sandbox.New(sandbox.Options{
					Limits: sandbox.Limits{PerTenSeconds: 1, Daily: -1, Fixed: true}, CountAt: tt.moment,
					Latency: sandbox.Range{Min: time.Second, Max: time.Second},
				})
				require.NoError(t, err)
				get := func() int {
					r := httptest.NewRequestWithContext(t.Context(), "GET", objects, nil)
					r.Header.Set("Authorization", "Bearer x")
					w := httptest.NewRecorder()
					s.ServeHTTP(w, r)
					return w.Code
				}
				room := 0
				for range 40 {
					next := time.Now().Truncate(10 * time.Second).Add(20 * time.Second)
					time.Sleep(time.Until(next.Add(-500 * time.Millisecond)))
					require.Equal(t, 200, get())
					time.Sleep(time.Until(next.Add(2 * time.Second)))
					if get() == 200 {
						room++
					}
				}
				require.True(t, tt.room(room), room)
			})
		})
	}
}

func TestSearchLimit(t *testing.T) {
	t.Parallel()
	a := open(t, func(o *sandbox.Options) { o.Limits, o.Switches.RetryAfter = sandbox.Limits{}, true })
	for range 5 {
		a.want(200, "POST", objects+"/search", `{}`)
	}
	res := a.want(429, "POST", objects+"/search", `{}`)
	require.Equal(t, "SECONDLY", res.at("policyName"))
	require.Equal(t, "1", res.header.Get("Retry-After"))
	require.Empty(t, res.header.Get("X-HubSpot-RateLimit-Max"))
	a.now = a.now.Add(time.Second)
	a.want(200, "POST", objects+"/search", `{}`)
}

func TestDailyLimitEndsAtMidnightOfTheAccount(t *testing.T) {
	t.Parallel()
	a := open(t, func(o *sandbox.Options) { o.Limits = sandbox.Limits{PerTenSeconds: -1, Daily: 2} })
	a.now = time.Date(2026, time.November, 3, 2, 59, 0, 0, time.UTC) // 23:59 in São Paulo
	require.Equal(t, "1", a.want(200, "GET", objects, "").header.Get("X-HubSpot-RateLimit-Daily-Remaining"))
	usage := a.want(200, "GET", "/account-info/v3/api-usage/daily/private-apps", "")
	require.Equal(t, float64(2), usage.at("results", 0, "currentUsage"))
	require.Equal(t, "2026-11-03T03:00:00Z", usage.at("results", 0, "resetsAt"))
	res := a.want(429, "POST", objects+"/search", `{}`)
	require.Equal(t, "DAILY", res.at("policyName"))
	require.Equal(t, "You have reached your daily limit.", res.at("message"))
	a.now = a.now.Add(time.Minute)
	a.want(200, "GET", objects, "")
}

func TestTokens(t *testing.T) {
	t.Parallel()
	a := open(t, func(o *sandbox.Options) {
		o.Token = "pat-right"
		o.OAuth = sandbox.OAuth{ClientID: "app", ClientSecret: "s3", RefreshToken: "r1"}
	})
	get := func(token string) answer {
		req, err := http.NewRequestWithContext(t.Context(), "GET", "http://sandbox"+objects, nil)
		require.NoError(t, err)
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		return a.send(req)
	}
	refresh := func(form string) answer {
		req, err := http.NewRequestWithContext(t.Context(), "POST", "http://sandbox/oauth/2026-03/token", strings.NewReader(form))
		require.NoError(t, err)
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		return a.send(req)
	}
	require.Equal(t, 200, get("pat-right").status)
	for _, wrong := range []string{"", "pat-wrong"} {
		res := get(wrong)
		require.Equal(t, 401, res.status)
		require.Equal(t, "INVALID_AUTHENTICATION", res.at("category"))
	}
	const form = "grant_type=refresh_token&client_id=app&client_secret=s3&refresh_token="
	res := refresh(form + "r2")
	require.Equal(t, 400, res.status)
	require.Equal(t, "BAD_REFRESH_TOKEN", res.at("status"))
	require.Equal(t, "invalid_grant", res.at("error"))

	res = refresh(form + "r1")
	require.Equal(t, 200, res.status, res.raw)
	require.Equal(t, float64(1800), res.at("expires_in"))
	require.Equal(t, "r1", res.at("refresh_token"))
	token := res.at("access_token").(string)
	require.Equal(t, 200, get(token).status)
	a.now = a.now.Add(1800 * time.Second)
	res = get(token)
	require.Equal(t, 401, res.status)
	require.Equal(t, "EXPIRED_AUTHENTICATION", res.at("category"))
}

func TestScopes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name         string
		scopes       []string
		method, path string
		status       int
	}{
		{"tickets may all of tickets", []string{"tickets"}, "POST", objects + "/batch/create", 201},
		{"reading is not writing", []string{"crm.objects.tickets.read"}, "POST", objects + "/batch/create", 403},
		{"a search is reading", []string{"crm.objects.tickets.read"}, "POST", objects + "/search", 200},
		{"owners have their own", []string{"tickets"}, "GET", "/crm/v3/owners", 403},
		{"definitions by the schema scope", []string{"crm.schemas.tickets.read"}, "GET", "/crm/v3/properties/tickets", 200},
		{"contacts have their own", []string{"tickets"}, "GET", "/crm/v3/objects/contacts", 403},
		{"account details are free", []string{}, "GET", "/account-info/v3/details", 200},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := open(t, func(o *sandbox.Options) { o.Scopes = tt.scopes })
			body := ""
			if tt.method == "POST" {
				body = "{}"
			}
			res := a.want(tt.status, tt.method, tt.path, body)
			if tt.status == 403 {
				require.Equal(t, "MISSING_SCOPES", res.at("category"))
				require.NotEmpty(t, res.at("errors", 0, "context", "requiredGranularScopes"))
			}
		})
	}
}
