package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/ticketetl/ticketetl/internal/journal"
	"github.com/ticketetl/ticketetl/internal/report"
)

// A desk is a folder with a mapping, a file and run folders.
type desk struct {
	bin   string
	dir   string
	args  []string // of the import
	env   []string
	stdin []byte              // what comes in through standard input
	user  *syscall.Credential // who executes it; nil: whoever executes this
}

func (d *desk) path(name string) string { return filepath.Join(d.dir, name) }

func (d *desk) runs() string { return d.path("runs") }

// newDesk writes the input of a round.
func newDesk(bin, dir string, p plan, rows []row, url string) (*desk, error) {
	d := &desk{bin: bin, dir: dir}
	d.args = []string{
		"import", "-m", d.path("desk.yaml"), "--base-url", url, "--runs", d.runs(), "--progress", "none", "--yes",
		"--format", "json", "--concurrency", strconv.Itoa(p.writers), "--timeout", p.timeout(), "--settle-wait", "100ms", "--max-wait", "20s", d.path("desk.csv"),
	}
	if p.resend {
		d.args = append(d.args, "--in-doubt", "resend")
	}
	d.env = append(os.Environ(), tokenEnv(p.oauth)...)
	var file bytes.Buffer
	if err := writeRows(&file, rows); err != nil {
		return nil, err
	}
	return d, errors.Join(
		os.WriteFile(d.path("desk.csv"), file.Bytes(), 0o600),
		os.WriteFile(d.path("desk.yaml"), []byte(p.variant.mapping()), 0o600))
}

// timeout is how long the program waits for an answer: not long where some never
// come, and else longer than a busy machine takes.
func (p plan) timeout() string {
	if len(p.faults) > 0 {
		return "300ms"
	}
	return "20s"
}

func tokenEnv(oauth bool) []string {
	if oauth {
		return []string{"HUBSPOT_ACCESS_TOKEN=", "HUBSPOT_CLIENT_ID=id", "HUBSPOT_CLIENT_SECRET=secret", "HUBSPOT_REFRESH_TOKEN=refresh"}
	}
	return []string{"HUBSPOT_ACCESS_TOKEN=x"}
}

// An attempt is one execution of the program.
type attempt struct {
	moment  *moment // nil: undisturbed
	killed  bool
	code    int
	out     []byte
	err     string
	summary *report.Summary // what it printed; nil if nothing
	revoked bool            // the token was really refused
}

func (a *attempt) String() string {
	text := fmt.Sprintf("exit %d", a.code)
	if a.killed {
		text = "killed"
	}
	if a.moment != nil {
		text += " (" + a.moment.String() + ")"
	}
	if a.err != "" {
		text += ": " + strings.TrimSpace(a.err)
	}
	return text
}

// final says that the program needs no further attempt.
func (a *attempt) final() bool { return !a.killed && (a.code == 0 || a.code == 3 || a.code == 4) }

// attemptTime is what no attempt of a few hundred rows needs, in any storm.
const attemptTime = 5 * time.Minute

// attempt executes the program once, and ends it at m.
func (d *desk) attempt(ctx context.Context, acc *account, m *moment) (*attempt, error) {
	ctx, cancel := context.WithTimeout(ctx, attemptTime)
	defer cancel()
	cmd := d.command(ctx, m)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	a := &attempt{moment: m}
	refused := acc.refused.Load()
	gone := make(chan struct{})
	kill := func() { _ = cmd.Process.Kill(); <-gone } // that it is gone already is as good
	if m != nil && m.kind == interruptedAt {
		kill = func() { _ = cmd.Process.Signal(syscall.SIGTERM) }
	}
	ended := make(chan struct{})
	go func() { defer close(ended); d.lieInWait(acc, m, kill, gone) }()
	err := cmd.Wait()
	close(gone)
	acc.trap.Store(nil)
	<-ended
	if err := acc.settle(); err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, fmt.Errorf("an attempt did not end within %s: %w", attemptTime, ctx.Err())
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return nil, err
	}
	a.code = cmd.ProcessState.ExitCode()
	a.killed = a.code == -1
	a.revoked = acc.refused.Load() > refused
	a.out, a.err = out.Bytes(), errs.String()
	return a, a.readSummary()
}

func (d *desk) command(ctx context.Context, m *moment) *exec.Cmd {
	cmd := exec.CommandContext(ctx, d.bin, d.args...)
	if m != nil && m.kind == fileTooLarge {
		script := fmt.Sprintf(`ulimit -f %d; exec "$0" "$@"`, m.n)
		cmd = exec.CommandContext(ctx, "/bin/sh", append([]string{"-c", script, d.bin}, d.args...)...)
	}
	cmd.Env, cmd.Dir = d.env, d.dir
	if m != nil && m.kind == atBoundary {
		cmd.Env = append(slices.Clip(d.env), fmt.Sprintf("TICKETETL_DIE_AT=%s:%d", m.where, m.n))
	}
	if d.stdin != nil {
		cmd.Stdin = bytes.NewReader(d.stdin)
	}
	if d.user != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: d.user}
	}
	return cmd
}

func (a *attempt) readSummary() error {
	if a.killed || len(bytes.TrimSpace(a.out)) == 0 {
		return nil
	}
	a.summary = &report.Summary{}
	if err := json.Unmarshal(a.out, a.summary); err != nil {
		return fmt.Errorf("what the program printed is no summary: %w", err)
	}
	return nil
}

// lieInWait kills the process at m, or returns when it is gone.
func (d *desk) lieInWait(acc *account, m *moment, kill func(), gone <-chan struct{}) {
	if m == nil {
		return
	}
	switch m.kind {
	case fileTooLarge, atBoundary:
	case timePassed:
		if !goneWithin(gone, m.delay) {
			kill()
		}
	case journalWritten:
		d.watchJournal(*m, kill, gone)
	default:
		acc.trap.Store(&trap{moment: *m, kill: kill})
	}
}

// watchJournal kills when the journal's file has changed for the nth time.
func (d *desk) watchJournal(m moment, kill func(), gone <-chan struct{}) {
	last, changes := d.journalState(), 0
	for !goneWithin(gone, 150*time.Microsecond) {
		state := d.journalState()
		if state == last {
			continue
		}
		last = state
		if changes++; changes == m.n {
			if !goneWithin(gone, m.delay) {
				kill()
			}
			return
		}
	}
}

func goneWithin(gone <-chan struct{}, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-gone:
		return true
	case <-timer.C:
		return false
	}
}

// journalState tells one state of the journals' files from another.
func (d *desk) journalState() string {
	folders, _ := os.ReadDir(d.runs()) // not there yet: no folders
	var b strings.Builder
	for _, f := range folders {
		for _, name := range []string{journal.File, journal.File + "-wal"} {
			if info, err := os.Stat(filepath.Join(d.runs(), f.Name(), name)); err == nil {
				fmt.Fprintf(&b, "%d %d ", info.Size(), info.ModTime().UnixNano())
			}
		}
	}
	return b.String()
}
