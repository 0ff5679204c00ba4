// Command pace imports or exports tickets by the whole program, with accounts that
// allow 190 requests in ten seconds and take 50 to 400 ms for an answer, once for each
// way in which a server may count requests. It prints how much of what the limit allows
// was used, and how many requests were sent and refused, and fails where that is not
// enough or too many; docs/limits.md has the definitions.
//
//	go run ./internal/bench/pace -bin bin/ticketetl
//	go run ./internal/bench/pace -bin bin/ticketetl -export
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/ticketetl/ticketetl/internal/devrun"
	"github.com/ticketetl/ticketetl/internal/sandbox"
)

// A pacing is a run under a limit, by the whole program. Bounds are those of
// docs/limits.md, which says what the limit allows.
type pacing struct {
	bin, dir    string
	rows        int
	concurrency int
	others      float64 // requests a second
	reserve     int     // per cent
	only        string  // what the name of a way to count must contain
}

// A work is what the program is made to do.
type work struct {
	name      string
	leastUsed float64                                        // of what the limit allows
	mostCalls float64                                        // of the fewest calls in which it can be done
	account   func(sandbox.Options) (*sandbox.Server, error) // a new one
	args      []string
	check     func(account *sandbox.Server) error // of what was done
}

const (
	paceLimit = 190
	mostSpurn = 0.001 // answered 429, of all
	batch     = 100   // tickets of a call
)

func main() {
	var p pacing
	flag.StringVar(&p.bin, "bin", "bin/ticketetl", "the program to measure")
	flag.StringVar(&p.dir, "dir", "bench-data", "where the files are made")
	export := flag.Bool("export", false, "export tickets instead of importing them")
	flag.IntVar(&p.rows, "rows", 0, "tickets; a hundred are a request; 0: 100,000 to import, 133,000 to export")
	flag.IntVar(&p.concurrency, "concurrency", 10, "requests under way at once")
	flag.Float64Var(&p.others, "others", 0, "requests a second that other apps send")
	flag.IntVar(&p.reserve, "reserve", 0, "per cent of the limit that is left to them")
	flag.StringVar(&p.only, "only", "", `the ways to count whose name contains this, e.g. "fixed, at arrival"`)
	flag.Parse()
	prepare := p.imports
	if *export {
		prepare = p.exports
	}
	if err := p.run(prepare); err != nil {
		fmt.Fprintln(os.Stderr, "pace:", err)
		os.Exit(1)
	}
}

// run does the work once for each way in which a server may count.
func (p *pacing) run(prepare func() (work, error)) (err error) {
	if p.bin, err = filepath.Abs(p.bin); err != nil {
		return err
	}
	if err := os.MkdirAll(p.dir, 0o755); err != nil {
		return err
	}
	w, err := prepare()
	if err != nil {
		return err
	}
	fmt.Printf("%s, %d requests in 10 s, answers in 50 to 400 ms, --concurrency %d, --reserve %d%%, others send %g a second\n%-26s %6s %8s %8s %8s %12s %10s %9s\n",
		w.name, paceLimit, p.concurrency, p.reserve, p.others, "counted", "calls", "fewest", "wall s", "used", "least time", "refused", "of a core")
	var missed []string
	for _, fixed := range []bool{false, true} {
		for _, at := range []sandbox.Moment{sandbox.AtArrival, sandbox.AtRandom, sandbox.AtAnswer} {
			name := map[bool]string{false: "rolling", true: "fixed"}[fixed] + ", at " + string(at)
			if !strings.Contains(name, p.only) {
				continue
			}
			r, err := p.measure(w, name, sandbox.Limits{PerTenSeconds: paceLimit, Fixed: fixed, Others: p.others}, at)
			if err != nil {
				return err
			}
			if r.Use < w.leastUsed || r.Refused > mostSpurn || float64(r.Calls) > w.mostCalls*float64(p.fewest()) {
				missed = append(missed, name)
				fmt.Println("  calls in each second:", r.Seconds)
			}
		}
	}
	if len(missed) > 0 {
		return fmt.Errorf("less than %g %% used, more than %g %% refused, or more than %g times the fewest calls: %s", 100*w.leastUsed, 100*mostSpurn, w.mostCalls, strings.Join(missed, "; "))
	}
	return nil
}

// fewest is the number of calls in which the tickets can be sent or read.
func (p *pacing) fewest() int { return (p.rows + batch - 1) / batch }

func (p *pacing) path(name string) string { return filepath.Join(p.dir, name) }

// measure does the work with a new account and prints a line.
func (p *pacing) measure(w work, name string, limits sandbox.Limits, at sandbox.Moment) (r devrun.Paced, err error) {
	account, err := w.account(sandbox.Options{
		Limits: limits, CountAt: at, IndexLag: -1, Latency: sandbox.Range{Min: 50 * time.Millisecond, Max: 400 * time.Millisecond},
	})
	if err != nil {
		return r, err
	}
	record, url, stop, err := devrun.Recorded(account)
	if err != nil {
		return r, err
	}
	cmd := exec.Command(p.bin, append(w.args, "--progress", "none", "--concurrency", strconv.Itoa(p.concurrency), "--reserve", strconv.Itoa(p.reserve)+"%")...)
	cmd.Env = append(os.Environ(), "HUBSPOT_BASE_URL="+url, "HUBSPOT_ACCESS_TOKEN=bench")
	said, err := cmd.CombinedOutput()
	if err == nil {
		err = w.check(account)
	}
	stop()
	if err = errors.Join(err, account.Close()); err != nil {
		return r, fmt.Errorf("%w\n%s", err, said)
	}
	r = record.Sum(p.allowed())
	fmt.Printf("%-26s %6d %8d %8.1f %7.1f %% %10.1f %% %8.2f %% %7.1f %%\n", name, r.Calls, p.fewest(), r.Took.Seconds(), 100*r.Use, 100*r.Least, 100*r.Refused,
		100*(cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime()).Seconds()/r.Took.Seconds())
	return r, nil
}

// allowed is how many of our requests the limit leaves room for in its span.
func (p *pacing) allowed() float64 {
	return min(paceLimit*float64(100-p.reserve)/100, paceLimit-p.others*devrun.Span.Seconds())
}
