package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/internal/hubspot"
)

// calls is about how many requests it takes to send n good rows.
func (j *job) calls(n int64) int64 {
	batches := (n + hubspot.MaxBatch - 1) / hubspot.MaxBatch
	each := int64(1)
	if j.mapping.Operation != etl.Create || j.mapping.Key != nil {
		each++ // what is there is read first
	}
	if j.mapping.Operation != etl.Create && j.mapping.Operation != etl.Delete {
		objects := map[string]bool{}
		for _, a := range j.mapping.Associations {
			objects[a.To] = true
		}
		each += 2 * int64(len(objects)) // read, and written where they differ
	}
	return batches * each
}

// manyCalls is from where on the usage endpoint is asked, if no header has told
// what is left of the day.
const manyCalls = 10_000

// A need is what a run will ask of the account's daily limit.
type need struct {
	rows, requests int64
	left           int64     // requests left today; -1 while unknown
	resets         time.Time // zero while unknown
}

func (j *job) need(ctx context.Context, good int64) need {
	n := need{rows: good, requests: j.calls(good), left: j.conn.client.Stats().DailyRemaining}
	if n.left < 0 && n.requests > manyCalls {
		if q, err := j.conn.client.Quota(ctx); err == nil { // it only informs
			n.left, n.resets = q.Remaining, q.ResetsAt
		}
	}
	return n
}

// showNeed says it before anything is sent: on the screen, or with the progress
// where standard output is for programs.
func (j *job) showNeed(n need) {
	if j.app.flags.format == "text" {
		fmt.Fprintf(j.app.out, "%s\n\n", n)
		return
	}
	j.p.plan(n)
}

// String says how many requests the run will need and whether they fit into
// what is left of the day.
func (n need) String() string {
	text := fmt.Sprintf("Sending %s takes about %s", plural(n.rows, "row", "rows"), plural(n.requests, "request", "requests"))
	switch {
	case n.left < 0:
		return text + "."
	case n.requests <= n.left:
		return fmt.Sprintf("%s; %s left today.", text, thousands(n.left))
	}
	text = fmt.Sprintf("%s, and only %s left today. The run will stop there and can be resumed, or wait for the next day with --wait-for-quota", text, plural(n.left, "is", "are"))
	if !n.resets.IsZero() {
		text += ", which begins " + n.resets.Format("2006-01-02 15:04 MST")
	}
	return text + "."
}

// reserve reads the share of --reserve: "20%" or "0.2".
func reserve(text string) (float64, error) {
	number, percent := strings.CutSuffix(strings.TrimSpace(text), "%")
	share, err := strconv.ParseFloat(number, 64)
	if percent {
		share /= 100
	}
	if err != nil || share < 0 || share > 0.9 {
		return 0, fmt.Errorf("--reserve: %q is no share from 0%% to 90%%", text)
	}
	return share, nil
}
