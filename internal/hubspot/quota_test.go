package hubspot_test

import (
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/internal/hubspot"
)

const usageBody = `{"results":[
	{"name":"sync","usageLimit":250000,"currentUsage":1200,"fetchStatus":"SUCCESS","resetsAt":"2000-01-02T03:00:00Z"},
	{"name":"forms","usageLimit":250000,"currentUsage":300,"fetchStatus":"CACHED","resetsAt":"2000-01-02T03:00:00Z"},
	{"name":"gone","usageLimit":0,"currentUsage":9,"fetchStatus":"NOTFOUND"}]}`

func TestQuota(t *testing.T) {
	t.Parallel()
	fortaleza, err := time.LoadLocation("America/Fortaleza")
	require.NoError(t, err)
	reset := time.Date(2000, 1, 2, 3, 0, 0, 0, time.UTC)
	midnight := time.Date(2000, 1, 1, 2, 0, 0, 0, time.UTC) // summer time; 00:00 UTC is the evening before
	headers := []string{"X-HubSpot-RateLimit-Daily: 650000", "X-HubSpot-RateLimit-Daily-Remaining: 649000"}
	tests := []struct {
		name    string
		before  func() (*http.Response, error) // answer to a call before, if any
		later   time.Duration
		usage   func() (*http.Response, error)
		zone    *time.Location
		want    hubspot.Quota
		wantErr string
	}{
		{name: "by the usage of the apps", usage: says(200, usageBody),
			want: hubspot.Quota{Limit: 250000, Used: 1500, Remaining: 248500, ResetsAt: reset, Source: "usage"}},
		{name: "headers are newer", usage: says(200, usageBody, headers...),
			want: hubspot.Quota{Limit: 650000, Used: 1000, Remaining: 649000, ResetsAt: reset, Source: "headers"}},
		{name: "headers of a call before, usage out of reach", before: says(200, ticket, headers...), usage: says(403, "{}"), zone: fortaleza,
			want: hubspot.Quota{Limit: 650000, Used: 1000, Remaining: 649000, ResetsAt: midnight, Source: "headers"}},
		{name: "old headers are worse than the usage", before: says(200, ticket, headers...), later: time.Hour, usage: says(200, usageBody),
			want: hubspot.Quota{Limit: 250000, Used: 1500, Remaining: 248500, ResetsAt: reset, Source: "usage"}},
		{name: "no such page, and nothing known", usage: says(404, "{}"), want: hubspot.Quota{Limit: -1, Used: -1, Remaining: -1}},
		{name: "no apps", usage: says(200, `{"results":[]}`), want: hubspot.Quota{Limit: -1, Used: -1, Remaining: -1}},
		{name: "the limit is reached", usage: says(429, daily), zone: fortaleza,
			want: hubspot.Quota{Limit: -1, Used: -1, Remaining: 0, ResetsAt: midnight, Source: "refusal"}},
		{name: "wrong token", usage: says(401, `{"message":"no"}`), want: hubspot.Quota{Limit: -1, Used: -1, Remaining: -1},
			wantErr: "read the daily usage: HubSpot answered 401: no"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := newClient(t, carrier(func(r *http.Request) (*http.Response, error) {
					if strings.HasSuffix(r.URL.Path, "/api-usage/daily/private-apps") {
						return tt.usage()
					}
					return tt.before()
				}), func(o *hubspot.Options) { o.Zone, o.WaitForQuota = tt.zone, true })
				if tt.before != nil {
					require.NoError(t, operations["read"](t.Context(), c))
				}
				time.Sleep(tt.later)
				began := time.Now()
				got, err := c.Quota(t.Context())
				if tt.wantErr != "" {
					require.EqualError(t, err, tt.wantErr)
				} else {
					require.NoError(t, err)
				}
				require.True(t, tt.want.ResetsAt.Equal(got.ResetsAt), "resets at %s", got.ResetsAt)
				got.ResetsAt = tt.want.ResetsAt
				require.Equal(t, tt.want, got)
				require.Zero(t, time.Since(began), "it does not wait")
			})
		})
	}
}

// A day is a server with a daily limit that is lifted at a moment.
type day struct {
	mu      sync.Mutex
	left    int
	lifted  time.Time
	refused []time.Time
}

func (d *day) RoundTrip(r *http.Request) (*http.Response, error) {
	time.Sleep(100 * time.Millisecond)
	if strings.HasSuffix(r.URL.Path, "/details") {
		return answer(200, `{"portalId":7,"timeZone":"America/Sao_Paulo"}`), nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if !time.Now().Before(d.lifted) {
		return good(r)
	}
	if d.left--; d.left < 0 {
		d.refused = append(d.refused, time.Now())
		return answer(429, daily), nil
	}
	res, err := good(r)
	res.Header = http.Header{"X-Hubspot-Ratelimit-Daily": {"50"}, "X-Hubspot-Ratelimit-Daily-Remaining": {strconv.Itoa(d.left)}}
	return res, err
}

// TestWaitForQuota: all workers wait for the account's midnight, which is told
// once, and go on.
func TestWaitForQuota(t *testing.T) {
	t.Parallel()
	tokyo, err := time.LoadLocation("Asia/Tokyo")
	require.NoError(t, err)
	tests := []struct {
		name    string
		zone    *time.Location
		asks    bool          // for the account's details first
		lifted  time.Duration // from 2000-01-01 00:00 UTC on
		done    time.Duration // at the latest
		refused int           // rounds of refusals
	}{
		{"zone given", tokyo, false, 15 * time.Hour, 15*time.Hour + 3*time.Minute, 1},
		{"zone learned", nil, true, 2 * time.Hour, 2*time.Hour + 3*time.Minute, 1}, // summer time in 2000
		{"the given one goes before", tokyo, true, 15 * time.Hour, 15*time.Hour + 3*time.Minute, 1},
		{"zone unknown: every hour", nil, false, 3 * time.Hour, 4*time.Hour + 3*time.Minute, 12},
		{"lifted later than expected", tokyo, false, 15*time.Hour + 40*time.Minute, 16 * time.Hour, 4},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				d := &day{left: 40, lifted: began.Add(tt.lifted)}
				var events notes
				c := newClient(t, d, func(o *hubspot.Options) { o.WaitForQuota, o.Zone, o.Notify = true, tt.zone, events.add })
				if tt.asks {
					_, err := c.Account(t.Context())
					require.NoError(t, err)
				}
				var wg sync.WaitGroup
				for range 8 {
					wg.Go(func() {
						for range 10 {
							require.NoError(t, operations["create batch"](t.Context(), c))
						}
					})
				}
				wg.Wait()
				require.GreaterOrEqual(t, time.Since(began), tt.lifted)
				require.LessOrEqual(t, time.Since(began), tt.done)
				told := events.of("daily-limit")
				require.NotEmpty(t, told)
				require.LessOrEqual(t, len(told), tt.refused)
				require.LessOrEqual(t, len(d.refused), 8*len(told))
				require.Greater(t, told[0].Wait, 40*time.Second)
				require.Contains(t, told[0].Reason, "daily limit of requests is reached; waiting until 2000-01-0")
			})
		})
	}
}

// TestNoWaitForQuota: it is bounded, ends with the context, and is only done
// when asked for; the call was not taken.
func TestNoWaitForQuota(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		wait bool
		ctx  time.Duration
		want time.Duration // it takes so long, and at most another try
		is   error
	}{
		{"not asked for", false, 100 * time.Hour, 0, hubspot.ErrNotSent},
		{"cancelled", true, time.Hour, time.Hour, context.DeadlineExceeded},
		{"never lifted", true, 100 * time.Hour, 26 * time.Hour, hubspot.ErrNotSent},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), tt.ctx)
				defer cancel()
				began := time.Now()
				c := newClient(t, scripted(says(429, daily)), func(o *hubspot.Options) { o.WaitForQuota, o.Zone = tt.wait, time.UTC })
				err := operations["create batch"](ctx, c)
				require.ErrorIs(t, err, tt.is)
				require.ErrorIs(t, err, hubspot.ErrNotSent)
				require.NotErrorIs(t, err, hubspot.ErrInDoubt)
				require.Equal(t, tt.is == hubspot.ErrNotSent, hubspot.IsDailyLimit(err))
				took := time.Since(began)
				require.GreaterOrEqual(t, took, tt.want)
				require.Less(t, took, tt.want+17*time.Minute)
			})
		})
	}
}

// TestNothingIsSentAfterTheDailyLimit: what other workers would still ask is
// refused here.
func TestNothingIsSentAfterTheDailyLimit(t *testing.T) {
	t.Parallel()
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		w.WriteHeader(http.StatusTooManyRequests)
		_, _ = io.WriteString(w, `{"status":"error","message":"You have reached your daily limit.","policyName":"DAILY"}`)
	}))
	t.Cleanup(server.Close)
	c, err := hubspot.New(hubspot.Options{BaseURL: server.URL, Tokens: hubspot.StaticToken("x")})
	require.NoError(t, err)
	for range 3 {
		_, err = c.CreateBatch(t.Context(), "tickets", []hubspot.CreateInput{{Properties: []hubspot.Property{{Name: "subject", Value: "x"}}}})
		require.True(t, hubspot.IsDailyLimit(err), "%v", err)
		require.ErrorIs(t, err, hubspot.ErrNotSent)
	}
	require.Equal(t, 1, asked)
}

// slowly makes answers overtake each other.
type slowly struct{ day *day }

func (s slowly) RoundTrip(r *http.Request) (*http.Response, error) {
	time.Sleep(rand.N(200 * time.Millisecond))
	res, err := s.day.RoundTrip(r)
	time.Sleep(rand.N(200 * time.Millisecond))
	return res, err
}

// TestLastRequestsOfTheDay: where the headers tell what is left, all of it is
// used, and of all workers one alone hears the refusal.
func TestLastRequestsOfTheDay(t *testing.T) {
	t.Parallel()
	for range 20 {
		synctest.Test(t, func(t *testing.T) {
			d := &day{left: 40, lifted: time.Now().Add(24 * time.Hour)}
			c := newClient(t, slowly{d})
			var wg sync.WaitGroup
			var stored atomic.Int32
			for range 12 {
				wg.Go(func() {
					for {
						if err := operations["create batch"](t.Context(), c); err != nil {
							require.True(t, hubspot.IsDailyLimit(err), "%v", err)
							require.ErrorIs(t, err, hubspot.ErrNotSent)
							return
						}
						stored.Add(1)
					}
				})
			}
			wg.Wait()
			require.EqualValues(t, 40, stored.Load())
			require.Len(t, d.refused, 1)
		})
	}
}
