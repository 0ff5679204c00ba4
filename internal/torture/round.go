package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/ticketetl/ticketetl/internal/report"
)

// A round is one file imported into one account by as many attempts as it takes.
type round struct {
	plan     plan
	dir      string
	attempts []*attempt
	faults   []string // what is wrong; none is success
	took     time.Duration
}

// maxAttempts is how often the same command is given before a round counts as
// one that does not end.
const maxAttempts = 20

// torture plays one round in dir with the program bin.
func torture(ctx context.Context, bin, dir string, p plan) *round {
	r := &round{plan: p, dir: dir}
	began := time.Now()
	if err := r.play(ctx, bin); err != nil {
		r.faults = append(r.faults, err.Error())
	}
	r.took = time.Since(began)
	return r
}

func (r *round) play(ctx context.Context, bin string) (err error) {
	s, err := newScene(bin, r.dir, r.plan)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.acc.close()) }()
	last, err := r.attemptAll(ctx, s)
	if err != nil {
		return err
	}
	r.faults = append(r.faults, s.faults(ctx, last)...)
	if r.plan.again && len(r.faults) == 0 {
		r.faults = s.again(ctx, last)
	}
	return nil
}

// A scene is where attempts take place: the file, the account, the run folders.
type scene struct {
	plan plan
	rows []row
	acc  *account
	desk *desk
}

func newScene(bin, dir string, p plan) (*scene, error) {
	s := &scene{plan: p, rows: newRows(p)}
	var err error
	if s.acc, err = newAccount(p, stored(s.rows, p.variant), dir); err != nil {
		return nil, err
	}
	s.acc.rows = s.rows
	next := 0
	for i := range s.rows {
		if s.rows[i].before != absent {
			s.rows[i].own(s.acc.ids[next], p.variant)
			next++
		}
	}
	s.desk, err = newDesk(bin, dir, p, s.rows, s.acc.url)
	return s, err
}

func (s *scene) attempt(ctx context.Context, m *moment) (*attempt, error) {
	return s.desk.attempt(ctx, s.acc, m)
}

// faults are what is wrong after the last attempt.
func (s *scene) faults(ctx context.Context, last *attempt) []string {
	e, err := gather(ctx, s, last)
	if err != nil {
		return []string{err.Error()}
	}
	return e.faults()
}

// again gives the command once more, when all is done: nothing may change, and
// a create is refused.
func (s *scene) again(ctx context.Context, last *attempt) []string {
	before := s.fingerprint()
	a, err := s.attempt(ctx, nil)
	switch {
	case err != nil:
		return []string{err.Error()}
	case s.fingerprint() != before:
		return []string{fmt.Sprintf("the same command, given once more, changed the account: %s", a)}
	case s.plan.variant.operation == "create" && last.code != 4 && (a.code != 1 || !strings.Contains(a.err, last.summary.RunID)):
		return []string{fmt.Sprintf("a second create of the file is not refused in the name of run %s: %s", last.summary.RunID, a)}
	}
	return nil
}

// fingerprint tells one state of the account's tickets from another.
func (s *scene) fingerprint() string {
	h := sha256.New()
	for _, archived := range []bool{false, true} {
		for _, t := range s.acc.Tickets(archived) {
			fmt.Fprintln(h, t.ID, archived, content(t.Properties), t.Properties[externalID], linked(&t))
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// own gives the row the id of its ticket, where the file is to name it.
func (r *row) own(id string, v variant) {
	if v.key == recordID {
		r.ticket = id
	}
}

// attemptAll gives the same command until it has come to its end.
func (r *round) attemptAll(ctx context.Context, s *scene) (*attempt, error) {
	for len(r.attempts) < maxAttempts {
		var m *moment
		if n := len(r.attempts); n < len(r.plan.moments) {
			m = &r.plan.moments[n]
		}
		a, err := s.attempt(ctx, m)
		if err != nil {
			return nil, err
		}
		r.attempts = append(r.attempts, a)
		if a.final() || r.doneBefore(s, a) {
			return a, nil
		}
		if err := r.mayGoOn(a); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("%d attempts did not come to an end", maxAttempts)
}

// doneBefore says that the run had come to its end when a was killed, or could
// not write on, before it could say so; a then tells of that end.
func (r *round) doneBefore(s *scene, a *attempt) bool {
	if a.code == 5 {
		return false
	}
	folders, _ := filepath.Glob(filepath.Join(s.desk.runs(), "*")) // the pattern is good
	for _, dir := range folders {
		if done, err := report.LoadSummary(dir); err == nil && done.State == report.Finished {
			a.summary, a.code = done, done.ExitCode
			return true
		}
	}
	return false
}

// mayGoOn says of an attempt without a final end whether it is one that another
// attempt may mend.
func (r *round) mayGoOn(a *attempt) error {
	if a.summary != nil && !a.summary.ChecksOut {
		return fmt.Errorf("the summary does not check out: %s", a)
	}
	switch {
	case a.killed && a.moment != nil, a.code == 5:
		return nil
	case a.code == 6 && a.revoked:
		return nil
	case a.code == 1 && r.plan.storm, a.code == 1 && a.moment != nil && a.moment.kind == fileTooLarge:
		if a.err == "" && (a.summary == nil || a.summary.Error == "") {
			return fmt.Errorf("exit 1 without a word: %s", a)
		}
		return nil
	}
	return fmt.Errorf("attempt %d: %s", len(r.attempts), a)
}

// kills is the number of attempts that were killed.
func (r *round) kills() int {
	n := 0
	for _, a := range r.attempts {
		if a.killed {
			n++
		}
	}
	return n
}

// String is the report on a round that went wrong.
func (r *round) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n  %s\n", r.plan.command(), r.plan)
	for i, a := range r.attempts {
		fmt.Fprintf(&b, "  attempt %d: %s\n", i+1, a)
	}
	for _, f := range r.faults {
		fmt.Fprintf(&b, "  WRONG %s\n", f)
	}
	return b.String()
}

// inFolder plays a round in a folder of its own, which stays if keep is set and
// something was wrong.
func inFolder(ctx context.Context, bin string, p plan, keep bool) *round {
	dir, err := os.MkdirTemp("", "torture")
	if err != nil {
		return &round{plan: p, faults: []string{err.Error()}}
	}
	r := torture(ctx, bin, dir, p)
	if keep && len(r.faults) > 0 {
		r.faults = append(r.faults, "see "+dir)
		return r
	}
	if err := os.RemoveAll(dir); err != nil {
		r.faults = append(r.faults, err.Error())
	}
	return r
}
