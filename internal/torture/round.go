package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
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
	rows := newRows(r.plan)
	acc, err := newAccount(r.plan, stored(rows, r.plan.variant), r.dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, acc.close()) }()
	next := 0
	for i := range rows {
		if rows[i].before != absent {
			rows[i].own(acc.ids[next], r.plan.variant)
			next++
		}
	}
	d, err := newDesk(bin, r.dir, r.plan, rows, acc.url)
	if err != nil {
		return err
	}
	last, err := r.attemptAll(ctx, d, acc)
	if err != nil {
		return err
	}
	e, err := gather(ctx, r.plan, d, acc, rows, last)
	if err != nil {
		return err
	}
	r.faults = append(r.faults, e.faults()...)
	return nil
}

// own gives the row the id of its ticket, where the file is to name it.
func (r *row) own(id string, v variant) {
	if v.key == recordID {
		r.ticket = id
	}
}

// attemptAll gives the same command until it has come to its end.
func (r *round) attemptAll(ctx context.Context, d *desk, acc *account) (*attempt, error) {
	for len(r.attempts) < maxAttempts {
		var m *moment
		if n := len(r.attempts); n < len(r.plan.moments) {
			m = &r.plan.moments[n]
		}
		a, err := d.attempt(ctx, acc, m)
		if err != nil {
			return nil, err
		}
		r.attempts = append(r.attempts, a)
		if a.final() {
			return a, nil
		}
		if err := r.mayGoOn(a); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("%d attempts did not come to an end", maxAttempts)
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
	case a.code == 6 && r.plan.oauth: // a call whose token expired twice
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
