package main

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/ticketetl/ticketetl/internal/newfile"
	"github.com/ticketetl/ticketetl/internal/report"
)

// measured is what --metrics tells of a command. No value of a ticket is in it.
type measured struct {
	command  string
	began    time.Time
	tickets  map[string]int64 // by how they ended
	calls    report.Calls
	complete *bool // of an export
}

func (a *app) metricsFlag(f *pflag.FlagSet) {
	f.StringVar(&a.flags.metrics, "metrics", "", "at the end, write how it went to this `file`, for Prometheus (docs/scheduling.md)")
}

// saveMetrics writes the file of --metrics, if there is one. It is written beside
// its place and renamed, so that nobody reads half of it, and everybody may read it.
func (a *app) saveMetrics(code int) error {
	if a.flags.metrics == "" || a.measured.command == "" {
		return nil
	}
	now := time.Now()
	success, known := lastSuccess(a.flags.metrics)
	if code == exitDone {
		success, known = float64(now.UnixMilli())/1000, true
	}
	text := a.measured.text(now, code, success, known)
	err := newfile.Write(a.flags.metrics, text, 0o644)
	if err != nil {
		return fmt.Errorf("--metrics %s: %w", a.flags.metrics, plainCause(err))
	}
	return nil
}

// text is in the text format of Prometheus, version 0.0.4. Source:
// https://prometheus.io/docs/instrumenting/exposition_formats/
func (m *measured) text(now time.Time, code int, success float64, succeeded bool) []byte {
	var b bytes.Buffer
	gauge := func(name, help string, value float64, labels string) {
		if help != "" {
			fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name)
		}
		fmt.Fprintf(&b, "%s{command=%q%s} %s\n", name, m.command, labels, strconv.FormatFloat(value, 'f', -1, 64))
	}
	gauge("ticketetl_end_timestamp_seconds", "When the last run ended.", float64(now.UnixMilli())/1000, "")
	if succeeded {
		gauge(successMetric, "When the last run with exit code 0 ended.", success, "")
	}
	gauge("ticketetl_exit_code", "Exit code of the last run.", float64(code), "")
	gauge("ticketetl_duration_seconds", "How long the last run took.", now.Sub(m.began).Seconds(), "")
	gauge("ticketetl_requests", "Requests of the last run to HubSpot.", float64(m.calls.Total), "")
	gauge("ticketetl_requests_repeated", "Requests of the last run that were repeats.", float64(m.calls.Retries), "")
	gauge("ticketetl_requests_rate_limited", "Requests of the last run that were answered with 429.", float64(m.calls.RateLimited), "")
	help := "Tickets of the last run, by how they ended."
	for _, outcome := range slices.Sorted(maps.Keys(m.tickets)) {
		gauge("ticketetl_tickets", help, float64(m.tickets[outcome]), fmt.Sprintf(",outcome=%q", outcome))
		help = ""
	}
	if m.complete != nil {
		complete := 0.0
		if *m.complete {
			complete = 1
		}
		gauge("ticketetl_export_complete", "1 if the last export is shown to be complete.", complete, "")
	}
	return b.Bytes()
}

const successMetric = "ticketetl_last_success_timestamp_seconds"

var successLine = regexp.MustCompile(`^` + successMetric + `\{[^}]*\} ([0-9.]+)$`)

// maxMetrics bounds what is read of an earlier file, in bytes.
const maxMetrics = 1 << 20

// lastSuccess is what the file of an earlier run says of the last good one.
func lastSuccess(path string) (at float64, known bool) {
	info, err := os.Stat(path)
	if err != nil || info.Size() > maxMetrics {
		return 0, false
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(data)) {
		if found := successLine.FindStringSubmatch(strings.TrimSpace(line)); found != nil {
			at, err := strconv.ParseFloat(found[1], 64)
			return at, err == nil
		}
	}
	return 0, false
}
