package sandbox_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/internal/sandbox"
)

func TestFaultStatuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		rule   string
		status int
		kind   string // content type
		text   string // a part of the body
		after  string // Retry-After
		stored int
	}{
		{rule: "423", status: 423, kind: "application/json", text: "locked"},
		{rule: "429", status: 429, kind: "application/json", text: `"policyName":"TEN_SECONDLY_ROLLING"`},
		{rule: "429::policy=SECONDLY:after=5s", status: 429, kind: "application/json", text: `"policyName":"SECONDLY"`, after: "5"},
		{rule: "daily-limit", status: 429, kind: "application/json", text: `"policyName":"DAILY"`},
		{rule: "477", status: 477, kind: "application/json", text: "migrated", after: "1"},
		{rule: "500", status: 500, kind: "application/json", text: "internal error"},
		{rule: "502", status: 502, kind: "text/html", text: "<html>"},
		{rule: "503", status: 503, kind: "text/html"},
		{rule: "504", status: 504, kind: "text/html", text: "<html>"},
		{rule: "524-after-commit", status: 524, kind: "text/html", text: "<html>", stored: 1},
		{rule: "token-expired", status: 401, kind: "application/json", text: "EXPIRED_AUTHENTICATION"},
		{rule: "empty-results", status: 201, kind: "application/json", text: `{"status":"COMPLETE","results":[]}`, stored: 1},
		{rule: "delay:batch/create:delay=1ns", status: 201, kind: "application/json", text: `"results":[{`, stored: 1},
		{rule: "500:GET batch/create", status: 201, kind: "application/json", text: `"results":[{`, stored: 1},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			faults, err := sandbox.ParseFaults(strings.Replace(tt.rule, "::", ":batch/create:", 1))
			require.NoError(t, err)
			a := open(t, func(o *sandbox.Options) { o.Faults = faults })
			res := a.want(tt.status, "POST", objects+"/batch/create", inputs(trace("a", good)))
			require.True(t, strings.HasPrefix(res.header.Get("Content-Type"), tt.kind), res.header)
			require.Contains(t, res.raw, tt.text)
			require.Equal(t, tt.after, res.header.Get("Retry-After"))
			require.Len(t, a.Tickets(false), tt.stored)
		})
	}
}

func TestWhenFaultsStrike(t *testing.T) {
	t.Parallel()
	tests := []struct{ rules, want string }{
		{"500:tickets:n=3", "..x..."},
		{"500:tickets:every=2", ".x.x.x"},
		{"500:tickets:times=2", "xx...."},
		{"500:tickets:every=2:times=1", ".x...."},
		{"500:owners", "......"},
		{"500:tickets:n=1,500:tickets:n=4", "x..x.."},
		{"500:tickets:p=0.5", ".x...."},
	}
	for _, tt := range tests {
		t.Run(tt.rules, func(t *testing.T) {
			t.Parallel()
			faults, err := sandbox.ParseFaults(tt.rules)
			require.NoError(t, err)
			a := open(t, func(o *sandbox.Options) { o.Faults = faults })
			got := ""
			for range 6 {
				if a.do("GET", objects, "").status == 500 {
					got += "x"
				} else {
					got += "."
				}
			}
			require.Equal(t, tt.want, got)
		})
	}
}

func TestParseFaultsErrors(t *testing.T) {
	t.Parallel()
	for rule, want := range map[string]string{
		"explode":             `kind "explode" is not one of`,
		"500:x:p=2":           "p=2 is not above 0 and at most 1",
		"500:x:n=0":           `"0" is not a whole number from 1`,
		"500:x:when=3":        `setting "when" is not one of n, every, p, times, delay, policy, after`,
		"500:x:y":             `"y" is not of the form name=value`,
		"429:x:policy=SLOW":   `policy "SLOW" is not TEN_SECONDLY_ROLLING, SECONDLY or DAILY`,
		"delay:x:delay=2-1s":  "time: missing unit",
		"delay:x:delay=2s-1s": `delay "2s-1s" runs backwards`,
	} {
		_, err := sandbox.ParseFaults(rule)
		require.ErrorContains(t, err, want)
	}
}

// Broken connections, over a socket and in process alike.
func TestBrokenConnections(t *testing.T) {
	t.Parallel()
	tests := []struct {
		kind   sandbox.Kind
		stored int
		reset  bool
		whole  bool
	}{
		{kind: sandbox.ResetBefore, stored: 0, reset: true},
		{kind: sandbox.ResetAfterCommit, stored: 1, reset: true},
		{kind: sandbox.Truncate, stored: 1},
		{kind: sandbox.SlowBody, stored: 1, whole: true},
	}
	for _, tt := range tests {
		for _, socket := range []bool{false, true} {
			t.Run(string(tt.kind), func(t *testing.T) {
				t.Parallel()
				a := open(t, func(o *sandbox.Options) { o.Faults = sandbox.Faults{{Kind: tt.kind}} })
				url, transport := "http://sandbox", a.Transport()
				if socket {
					var stop func() error
					var err error
					url, stop, err = a.Listen("")
					require.NoError(t, err)
					defer func() { require.NoError(t, stop()) }()
					own := &http.Transport{}
					defer own.CloseIdleConnections()
					transport = own
				}
				err := post(t.Context(), transport, url)
				switch {
				case tt.whole:
					require.NoError(t, err)
				case tt.reset:
					require.ErrorIs(t, err, syscall.ECONNRESET)
				default:
					require.ErrorIs(t, err, io.ErrUnexpectedEOF)
				}
				require.Len(t, a.Tickets(false), tt.stored)
			})
		}
	}
}

// post creates one ticket and reads the answer to its end.
func post(ctx context.Context, transport http.RoundTripper, url string) error {
	req, err := http.NewRequestWithContext(ctx, "POST", url+objects+"/batch/create", strings.NewReader(inputs(trace("a", good))))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer x")
	req.Header.Set("Content-Type", "application/json")
	res, err := transport.RoundTrip(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	return err
}

func TestNeverAnswer(t *testing.T) {
	t.Parallel()
	for kind, stored := range map[sandbox.Kind]int{sandbox.NeverAnswer: 1, sandbox.NeverAnswerBefore: 0} {
		synctest.Test(t, func(t *testing.T) {
			a := open(t, func(o *sandbox.Options) { o.Faults = sandbox.Faults{{Kind: kind}} })
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			require.ErrorIs(t, post(ctx, a.Transport(), "http://sandbox"), context.DeadlineExceeded)
			require.Len(t, a.Tickets(false), stored)
		})
	}
}

func TestCloseEndsAnswersThatNeverCome(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := open(t, func(o *sandbox.Options) { o.Faults = sandbox.Faults{{Kind: sandbox.NeverAnswer}} })
		done := make(chan error)
		go func() { done <- post(context.Background(), a.Transport(), "http://sandbox") }()
		synctest.Wait()
		require.NoError(t, a.Close())
		var broken *net.OpError
		require.ErrorAs(t, <-done, &broken)
	})
}

func TestLatency(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := open(t, func(o *sandbox.Options) {
			o.Latency = sandbox.Range{Min: time.Second, Max: 3 * time.Second}
			o.Faults = sandbox.Faults{{Kind: sandbox.Delay, Delay: sandbox.Range{Min: time.Minute, Max: time.Minute}, Nth: 2}}
		})
		start := time.Now()
		require.NoError(t, post(t.Context(), a.Transport(), "http://sandbox"))
		first := time.Since(start)
		require.True(t, first >= time.Second && first < 3*time.Second, first)
		require.NoError(t, post(t.Context(), a.Transport(), "http://sandbox"))
		require.GreaterOrEqual(t, time.Since(start)-first, 61*time.Second)

		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		require.ErrorIs(t, post(ctx, a.Transport(), "http://sandbox"), context.DeadlineExceeded)
		require.Len(t, a.Tickets(false), 2, "who hangs up before the answer began has not written")
	})
}

func TestSlowBody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rule := sandbox.Fault{Kind: sandbox.SlowBody, Delay: sandbox.Range{Min: time.Minute, Max: time.Minute}}
		a := open(t, func(o *sandbox.Options) { o.Faults = sandbox.Faults{rule} })
		start := time.Now()
		require.Equal(t, 1, a.want(201, "POST", objects+"/batch/create", inputs(trace("a", good))).len("results"))
		require.Equal(t, time.Minute, time.Since(start))

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, post(ctx, a.Transport(), "http://sandbox"), context.DeadlineExceeded)
		require.Len(t, a.Tickets(false), 2)
	})
}

func FuzzParseFaults(f *testing.F) {
	for _, seed := range []string{"", "500", "reset-after-commit:batch/create:p=0.1", "429:POST search:every=7:policy=DAILY,delay::delay=1ms-2s", "500:x:n=", ":::"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		faults, err := sandbox.ParseFaults(text)
		if err == nil && strings.Trim(text, ", \t\n\v\f\r\u0085\u00a0") != "" {
			require.NotEmpty(t, faults)
		}
		for _, rule := range faults {
			require.True(t, rule.Probability >= 0 && rule.Probability <= 1)
			require.True(t, rule.Nth >= 0 && rule.Every >= 0 && rule.Delay.Min <= rule.Delay.Max)
		}
	})
}
