// Command torture proves that an import loses nothing and doubles nothing. It
// kills the real program at seeded moments, lets the account fail in seeded
// ways, gives the same command again until it has come to its end, and then
// compares the account with the file.
//
//	go run ./internal/torture -rounds 2000 -seed 1
//
// A round draws everything from its seed: the file, the kind of import, what the
// account holds beforehand, the moments and the faults. How processes take turns
// is not in its hand, so a round that went wrong may need several tries to go
// wrong again.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

type options struct {
	bin      string
	rounds   int
	seed     uint64
	variants []variant
	storm    bool // every round is a storm
	calm     int  // else one in so many is
	parallel int
	keep     bool
	tell     bool // a line for each round
}

func main() {
	opts := options{calm: 5}
	flag.StringVar(&opts.bin, "bin", "", "the program, built with -tags torture; built anew if empty")
	flag.IntVar(&opts.rounds, "rounds", 200, "how many rounds")
	flag.Uint64Var(&opts.seed, "seed", 1, "seed of the first round; the others count up from it")
	flag.BoolVar(&opts.storm, "storm", false, "only storms of faults (default: one round in five)")
	flag.IntVar(&opts.parallel, "parallel", 4, "rounds at once")
	flag.BoolVar(&opts.keep, "keep", false, "keep the folders of rounds that went wrong")
	flag.BoolVar(&opts.tell, "v", false, "say how long each round took")
	names := flag.String("variants", "", "only these kinds of import, parted by commas")
	large := flag.Int64("large", 0, "instead of rounds: import a file of so many rows and measure")
	key := flag.Bool("key", false, "with -large: with a key")
	flag.Parse()
	var err error
	if opts.variants, err = chosen(*names); err == nil {
		err = start(context.Background(), opts, *large, *key)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "torture:", err)
		os.Exit(1)
	}
}

func start(ctx context.Context, opts options, large int64, key bool) error {
	if opts.bin == "" {
		dir, err := os.MkdirTemp("", "torture-bin")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		if opts.bin, err = build(ctx, dir); err != nil {
			return err
		}
	}
	var err error
	if opts.bin, err = filepath.Abs(opts.bin); err != nil { // rounds run in folders of their own
		return err
	}
	if large > 0 {
		return measure(ctx, opts.bin, large, key, os.Stdout)
	}
	return playAll(ctx, opts, os.Stdout)
}

// build makes the program in dir.
func build(ctx context.Context, dir string) (string, error) {
	bin := filepath.Join(dir, "ticketetl")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-tags", "torture", "-o", bin, "github.com/ticketetl/ticketetl/cmd/ticketetl")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0") // as the program is built
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return bin, nil
}

// A tally sums up rounds.
type tally struct {
	mu                              sync.Mutex
	rounds, wrong, attempts, killed int
}

func (t *tally) add(r *round, tell bool, w io.Writer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rounds++
	t.attempts += len(r.attempts)
	t.killed += r.kills()
	if tell {
		fmt.Fprintf(w, "%6.2fs %d attempts: %s\n", r.took.Seconds(), len(r.attempts), r.plan.command())
	}
	if len(r.faults) > 0 {
		t.wrong++
		fmt.Fprint(w, r)
	}
}

// playAll plays the rounds and says how they went.
func playAll(ctx context.Context, opts options, w io.Writer) error {
	var t tally
	var both errgroup.Group
	began := time.Now()
	both.Go(func() error { opts.play(ctx, false, opts.parallel, &t, w); return nil })
	both.Go(func() error { opts.play(ctx, true, 4*opts.parallel, &t, w); return nil }) // storms mostly wait
	_ = both.Wait()                                                                    // rounds report to the tally
	fmt.Fprintf(w, "%d rounds from seed %d in %s: %d attempts, %d killed, %d rounds wrong\n",
		t.rounds, opts.seed, time.Since(began).Round(time.Second), t.attempts, t.killed, t.wrong)
	if t.wrong > 0 {
		return errors.New("something was lost, doubled or told wrongly")
	}
	return nil
}

// play plays the rounds that are storms, or those that are not.
func (o options) play(ctx context.Context, storm bool, parallel int, t *tally, w io.Writer) {
	var group errgroup.Group
	group.SetLimit(parallel)
	for i := range o.rounds {
		if p := o.plan(i); p.storm == storm {
			group.Go(func() error { t.add(inFolder(ctx, o.bin, p, o.keep), o.tell, w); return nil })
		}
	}
	_ = group.Wait() // rounds report to the tally
}

// plan is the plan of the ith round.
func (o options) plan(i int) plan {
	seed := o.seed + uint64(i)
	return newPlan(seed, o.variants[seed%uint64(len(o.variants))], o.storm || i%o.calm == o.calm-1)
}
