package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ticketetl/ticketetl/internal/sandbox"
)

type sandboxOptions struct {
	listen    string
	data      string
	token     string
	faults    []string
	seed      int64
	lag       time.Duration
	latency   string
	perWindow int
	daily     int
	unlimited bool
	fixed     bool
	others    float64
	countAt   string
	switches  string
	scopes    []string
}

func (a *app) sandboxCommand() *cobra.Command {
	var opts sandboxOptions
	cmd := &cobra.Command{
		Use: "sandbox", Short: "Serve a local stand-in for a HubSpot account",
		Long: `Serves an account on this machine that answers as HubSpot's API does, as strictly,
with the same limits and errors. Its address is the first line on standard output.
Point any client at it, this program with --base-url. With --faults it misbehaves.
It keeps its state in memory, or in a file with --data.

A fault is KIND:PATH:WHEN, e.g. reset-after-commit:batch/create:p=0.1. PATH is a part
of the request's method and path; WHEN is n=3, every=10 or p=0.1, and times=2 bounds
it. The kinds are delay, 429, 423, 477, 500, 502, 503, 504, 524-after-commit,
reset-before, reset-after-commit, truncate, slow-body, empty-results, never-answer,
never-answer-before, token-expired and daily-limit.

A switch chooses the other answer where nobody has confirmed which one HubSpot gives:
` + wrapped(sandbox.SwitchNames()) + `.`,
		Example: `  ticketetl sandbox --listen 127.0.0.1:8085
  ticketetl sandbox --data account.json --faults 'reset-after-commit:batch/create:p=0.1'`,
		Args: wordsBetween(0, 0, "only flags"),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.runSandbox(cmd.Context(), opts) },
	}
	f := cmd.Flags()
	f.StringVar(&opts.listen, "listen", "127.0.0.1:0", "serve on this `address`; port 0 takes a free one")
	f.StringVar(&opts.data, "data", "", "keep the account's state in this `file`")
	f.StringVar(&opts.token, "token", "", "accept only this access `token` (default: any)")
	f.StringVar(&a.flags.schema, "schema", "", "have the definitions in this `file`, of a real account")
	f.StringSliceVar(&opts.faults, "faults", nil, "misbehave so: `rules` parted by commas")
	f.StringVar(&opts.switches, "switches", "", "turn on these `switches`, parted by commas")
	f.StringSliceVar(&opts.scopes, "scopes", nil, "let the token do only what these `scopes` allow (default: everything)")
	f.Int64Var(&opts.seed, "seed", 1, "`seed` of what is random in faults and orders")
	f.DurationVar(&opts.lag, "index-lag", 2*time.Second, "searches see a write this `long` after it; 0 for at once")
	f.StringVar(&opts.latency, "latency", "", "take this `long` for each answer, e.g. 200ms, or between two times, e.g. 50ms-400ms")
	f.IntVar(&opts.perWindow, "limit", 100, "allow this `number` of requests in ten seconds")
	f.IntVar(&opts.daily, "daily-limit", 250_000, "allow this `number` of requests a day")
	f.BoolVar(&opts.fixed, "fixed-windows", false, "let each ten seconds of the clock be a window, instead of the last ten")
	f.StringVar(&opts.countAt, "count-at", "answer", "`when` within --latency a request counts against the limits: arrival, random or answer")
	f.Float64Var(&opts.others, "others", 0, "let other apps spend this `number` of requests a second, at random")
	f.BoolVar(&opts.unlimited, "no-limits", false, "have no rate limits")
	return cmd
}

func (a *app) runSandbox(ctx context.Context, opts sandboxOptions) error {
	faults, err := sandbox.ParseFaults(strings.Join(opts.faults, ","))
	if err != nil {
		return fmt.Errorf("--faults: %w", err)
	}
	latency, err := durations(opts.latency)
	if err != nil {
		return err
	}
	if err := checkChoice("--count-at", opts.countAt, string(sandbox.AtArrival), string(sandbox.AtRandom), string(sandbox.AtAnswer)); err != nil {
		return err
	}
	if opts.others < 0 {
		return fmt.Errorf("--others %g: others cannot send fewer than no requests", opts.others)
	}
	switches, err := sandbox.ParseSwitches(opts.switches)
	if err != nil {
		return fmt.Errorf("--switches: %w", err)
	}
	server, err := a.openSandbox(opts.server(faults, latency, switches))
	if err != nil {
		return err
	}
	url, stop, err := server.Listen(opts.listen)
	if err != nil {
		return err
	}
	fmt.Fprintln(a.out, url)
	fmt.Fprintf(a.err, "A HubSpot account to rehearse with. Any token is good, for example:\n  HUBSPOT_BASE_URL=%s HUBSPOT_ACCESS_TOKEN=x ticketetl export -o tickets.xlsx\nCtrl-C ends it.\n", url)
	select {
	case <-a.stop:
	case <-ctx.Done():
	}
	return errors.Join(stop(), server.Close())
}

// wrapped is a list in lines of a help text.
func wrapped(words []string) string {
	var b strings.Builder
	width := 0
	for i, word := range words {
		if i > 0 {
			word = ", " + word
		}
		if width+len(word) > 88 {
			b.WriteString(",\n")
			word, width = strings.TrimPrefix(word, ", "), 0
		}
		b.WriteString(word)
		width += len(word)
	}
	return b.String()
}

// durations reads "200ms" or "50ms-400ms".
func durations(text string) (sandbox.Range, error) {
	if text == "" {
		return sandbox.Range{}, nil
	}
	from, to, isRange := strings.Cut(text, "-")
	if !isRange {
		to = from
	}
	least, err1 := time.ParseDuration(from)
	most, err2 := time.ParseDuration(to)
	if err1 != nil || err2 != nil || least < 0 || most < least {
		return sandbox.Range{}, fmt.Errorf("--latency: %q is neither a time such as 200ms nor two such as 50ms-400ms", text)
	}
	return sandbox.Range{Min: least, Max: most}, nil
}

func (o sandboxOptions) server(faults sandbox.Faults, latency sandbox.Range, switches sandbox.Switches) sandbox.Options {
	lag := o.lag
	if lag == 0 {
		lag = -1 // the option's own zero means its default
	}
	limits := sandbox.Limits{PerTenSeconds: o.perWindow, Daily: o.daily, Fixed: o.fixed, Others: o.others}
	if o.unlimited {
		limits = sandbox.Unlimited
	}
	return sandbox.Options{
		Token: o.token, Data: o.data, Faults: faults, Seed: o.seed, IndexLag: lag,
		Latency: latency, CountAt: sandbox.Moment(o.countAt), Limits: limits, Switches: switches, Scopes: o.scopes,
	}
}
