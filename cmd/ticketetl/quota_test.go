package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/internal/sandbox"
)

// TestNeedIsToldBeforehand: how many requests a run takes and whether they fit
// into what is left of the day is said before anything is sent, to people on the
// screen and to programs with the progress; at the limit the run stops, resumable.
func TestNeedIsToldBeforehand(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		daily    int
		args     []string
		code     int
		out, err string
	}{
		{name: "fits", daily: 1000, code: exitDone, out: `Sending 1,000 rows takes about 10 requests; [0-9]+ left today\.`},
		{name: "does not fit", daily: 17, code: exitStopped,
			out: `Sending 1,000 rows takes about 10 requests, and only [0-9] are left today\. The run will stop there and can be resumed`},
		{name: "does not fit, told to a program", daily: 17, code: exitStopped, args: []string{"--format", "json", "--progress", "json"},
			err: `\{"event":"plan","fits":false,"requests":10,"requests_left_today":[0-9],"rows":1000\}`},
		{name: "told with the progress, where the result is JSON", daily: 17, code: exitStopped, args: []string{"--format", "json", "--progress", "log"},
			err: `Sending 1,000 rows takes about 10 requests, and only [0-9] are left today`},
		{name: "not known", daily: -1, code: exitDone, out: `Sending 1,000 rows takes about 10 requests\.`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			limits := sandbox.Unlimited
			limits.Daily = tt.daily
			d := newDesk(t, 1000, createMapping, sandbox.Options{Limits: limits})
			code := d.importAll(t.Context(), "x", tt.args...)
			require.Equal(t, tt.code, code, d.err.String())
			require.Regexp(t, tt.out, d.out.String())
			require.Regexp(t, tt.err, d.err.String())
			s := d.summary(t)
			require.True(t, s.ChecksOut)
			require.EqualValues(t, len(d.server.Tickets(false)), s.Counts["created"], "nothing is in doubt at the daily limit")
			if tt.code == exitStopped {
				require.Positive(t, s.Counts["unsent"])
			}
		})
	}
}
