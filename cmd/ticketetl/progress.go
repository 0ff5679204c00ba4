package main

import (
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/internal/hubspot"
)

// A progress shows on standard error how far a run is: a bar on a terminal,
// plain lines or JSON lines elsewhere. The methods are safe for several
// goroutines.
type progress struct {
	mu     sync.Mutex
	out    io.Writer
	mode   string // bar, log, json or none
	every  time.Duration
	bar    *progressbar.ProgressBar
	phase  string
	total  int64 // rows; -1 while unknown
	done   int64
	counts etl.Totals
	began  time.Time
	shown  time.Time
	waited time.Time // when a wait was last told
	size   func() (done, total int64)
}

func (a *app) newProgress() *progress {
	p := &progress{out: a.err, mode: a.flags.progress, every: 5 * time.Second}
	if p.mode == "auto" {
		p.mode = "log"
		if a.errTerm {
			p.mode = "bar"
		}
	}
	if a.flags.logFormat == "json" && p.mode != "none" {
		p.mode = "json"
	}
	if p.mode == "bar" {
		p.every = 100 * time.Millisecond
	}
	return p
}

// begin starts a phase. size tells of bytes, where the number of rows is not
// known yet.
func (p *progress) begin(phase string, total int64, size func() (done, total int64)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.phase, p.total, p.done, p.counts, p.size = phase, total, 0, etl.Totals{}, size
	p.began = time.Now()
	p.shown = p.began
	if p.mode != "bar" {
		return
	}
	limit := total
	if size != nil {
		_, limit = size()
	}
	p.bar = progressbar.NewOptions64(max(limit, -1),
		progressbar.OptionSetWriter(p.out), progressbar.OptionSetDescription(phase),
		progressbar.OptionSetWidth(24), progressbar.OptionShowCount(), progressbar.OptionShowIts(),
		progressbar.OptionSetItsString("rows"), progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionShowBytes(size != nil), progressbar.OptionClearOnFinish(),
		progressbar.OptionSetPredictTime(true), progressbar.OptionSetTheme(progressbar.ThemeASCII))
}

// add counts one record.
func (p *progress) add(status etl.Status) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done++
	p.counts[status]++
	if p.mode == "none" || p.done%32 != 0 && p.mode == "bar" {
		return
	}
	if now := time.Now(); now.Sub(p.shown) >= p.every {
		p.shown = now
		p.show(now)
	}
}

func (p *progress) show(now time.Time) {
	switch p.mode {
	case "bar":
		p.bar.Describe(p.phase + p.failures())
		if p.size != nil {
			done, _ := p.size()
			_ = p.bar.Set64(done)
		} else {
			_ = p.bar.Set64(p.done)
		}
	case "log":
		fmt.Fprintf(p.out, "%s: %s\n", p.phase, p.line(now))
	case "json":
		p.event(now, "progress")
	}
}

// failures counts what needs a person, for the bar.
func (p *progress) failures() string {
	if bad := p.counts[etl.Rejected] + p.counts[etl.Failed] + p.counts[etl.InDoubt]; bad > 0 {
		return fmt.Sprintf(" (%s not loaded)", thousands(bad))
	}
	return ""
}

func (p *progress) line(now time.Time) string {
	text := thousands(p.done) + " rows"
	if p.total >= p.done { // HubSpot's count may lag behind
		text = thousands(p.done) + " of " + thousands(p.total) + " rows"
	}
	seconds := now.Sub(p.began).Seconds()
	if rate := float64(p.done) / seconds; seconds > 0 && rate > 0 {
		text += fmt.Sprintf(", %s rows/s", thousands(int64(rate)))
		if p.total > p.done {
			left := time.Duration(float64(p.total-p.done) / rate * float64(time.Second))
			text += ", " + left.Round(time.Second).String() + " left"
		}
	}
	return text + p.failures()
}

// event writes one JSON line. Its names are stable; more may be added.
func (p *progress) event(now time.Time, kind string) {
	line := map[string]any{
		"event": kind, "phase": p.phase, "time": now.UTC().Format(time.RFC3339),
		"done": p.done, "counts": p.counts.Map(), "elapsed_seconds": now.Sub(p.began).Seconds(),
	}
	if p.total >= 0 {
		line["total"] = p.total
	}
	data, err := json.Marshal(line)
	if err == nil {
		fmt.Fprintf(p.out, "%s\n", data)
	}
}

// end finishes the phase.
func (p *progress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch p.mode {
	case "bar":
		if p.bar != nil {
			_ = p.bar.Clear()
			p.bar = nil
		}
	case "log":
		if p.done > 0 {
			fmt.Fprintf(p.out, "%s: %s\n", p.phase, p.line(time.Now()))
		}
	case "json":
		p.event(time.Now(), "phase-end")
	}
}

// plan tells what is about to be sent.
func (p *progress) plan(n need) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch p.mode {
	case "none":
	case "json":
		event := map[string]any{"event": "plan", "rows": n.rows, "requests": n.requests}
		if n.left >= 0 {
			event["requests_left_today"], event["fits"] = n.left, n.requests <= n.left
		}
		if data, err := json.Marshal(event); err == nil {
			fmt.Fprintf(p.out, "%s\n", data)
		}
	default:
		fmt.Fprintln(p.out, n)
	}
}

// waiting tells that calls wait for HubSpot: long waits only, and not each one.
func (p *progress) waiting(e hubspot.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	brief := e.Wait < 2*time.Second || now.Sub(p.waited) < 5*time.Second
	if p.mode == "none" || brief && e.Kind != "daily-limit" && e.Kind != "outage-over" {
		return
	}
	p.waited = now
	switch p.mode {
	case "json":
		data, err := json.Marshal(map[string]any{"event": "wait", "kind": e.Kind, "seconds": e.Wait.Seconds(), "reason": e.Reason})
		if err == nil {
			fmt.Fprintf(p.out, "%s\n", data)
		}
	case "bar":
		if p.bar != nil {
			p.bar.Describe(p.phase + ", " + waitText(e))
		}
	default:
		fmt.Fprintf(p.out, "%s\n", waitText(e))
	}
}

// watch returns a Report that also counts for p.
func (p *progress) watch(next etl.Report) etl.Report { return &watched{next, p} }

type watched struct {
	next etl.Report
	p    *progress
}

func (w *watched) Add(rec *etl.Record, out etl.Outcome) error {
	err := w.next.Add(rec, out)
	w.p.add(out.Status)
	return err
}

// waitText says why nothing moves.
func waitText(e hubspot.Event) string {
	if e.Wait <= 0 {
		return e.Reason
	}
	return fmt.Sprintf("waiting %s: %s", e.Wait.Round(time.Second), e.Reason)
}
