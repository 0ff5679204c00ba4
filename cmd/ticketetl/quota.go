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

// quotaText says how many requests the run will need and whether they fit into
// what is left of the day.
func (j *job) quotaText(ctx context.Context, good int64) string {
	need := j.calls(good)
	text := fmt.Sprintf("Sending %s takes about %s", plural(good, "row", "rows"), plural(need, "request", "requests"))
	left, resets := j.conn.client.Stats().DailyRemaining, time.Time{}
	if left < 0 && need > manyCalls {
		if q, err := j.conn.client.Quota(ctx); err == nil { // it only informs
			left, resets = q.Remaining, q.ResetsAt
		}
	}
	switch {
	case left < 0:
		return text + "."
	case need <= left:
		return fmt.Sprintf("%s; %s left today.", text, thousands(left))
	}
	text = fmt.Sprintf("%s, and only %s left today. The run will stop there and can be resumed, or wait for the next day with --wait-for-quota", text, plural(left, "is", "are"))
	if !resets.IsZero() {
		text += ", which begins " + resets.Format("2006-01-02 15:04 MST")
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
