package sandbox

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A Kind is a way to misbehave.
type Kind string

// The kinds. "Before" and "after" are as seen from the write: a status kind
// answers without doing anything, an after-commit kind does the work first.
const (
	Delay             Kind = "delay"               // slower than usual, otherwise right
	Status429         Kind = "429"                 // with the policy of Fault.Policy
	Status423         Kind = "423"                 // locked
	Status477         Kind = "477"                 // account is being moved; Retry-After
	Status500         Kind = "500"                 // JSON body
	HTML502           Kind = "502"                 // a gateway's HTML page
	Status503         Kind = "503"                 // empty body
	Status504         Kind = "504"                 // a gateway's HTML page
	Status524         Kind = "524-after-commit"    // done, but the gateway did not wait
	ResetBefore       Kind = "reset-before"        // connection reset, nothing done
	ResetAfterCommit  Kind = "reset-after-commit"  // connection reset, all done
	Truncate          Kind = "truncate"            // all done, the body stops half way
	SlowBody          Kind = "slow-body"           // all done, the second half of the body comes after Delay
	EmptyResults      Kind = "empty-results"       // all done, 2xx without results
	NeverAnswer       Kind = "never-answer"        // all done, the answer never comes
	NeverAnswerBefore Kind = "never-answer-before" // nothing done, the answer never comes
	TokenExpired      Kind = "token-expired"       // 401 EXPIRED_AUTHENTICATION
	DailyLimit        Kind = "daily-limit"         // 429 DAILY
)

var kinds = []Kind{Delay, Status429, Status423, Status477, Status500, HTML502, Status503, Status504, Status524,
	ResetBefore, ResetAfterCommit, Truncate, SlowBody, EmptyResults, NeverAnswer, NeverAnswerBefore, TokenExpired, DailyLimit}

// A Fault is a rule about when and how to misbehave. Which of its requests it
// strikes follows from Nth, Every and Probability; with none of them, all.
type Fault struct {
	Match       string // "POST batch/create": a method, a part of the path, both, or "" for any
	Kind        Kind
	Nth         int     // only the nth request that matches, from 1
	Every       int     // each nth request that matches
	Probability float64 // of each request that matches, 0 to 1, from the server's seed
	Times       int     // strikes at most so often; 0: no bound

	Delay      Range         // before the answer; of SlowBody, within it
	Policy     string        // of Status429: TEN_SECONDLY_ROLLING (if empty), SECONDLY or DAILY
	RetryAfter time.Duration // header of 423, 429, 477 and 503; 0: none, save 1 s for 477
}

// Faults are rules of which the first that strikes is taken.
type Faults []Fault

// ParseFaults reads the text form of rules, parted by commas:
//
//	kind[:match][:setting]...
//
// where match is a part of the path, with a method before it if wanted
// ("POST batch/create"), and a setting is one of
//
//	n=3          only the third request that matches
//	every=10     each tenth one
//	p=0.1        one in ten, by the seed
//	times=2      at most twice
//	delay=50ms   or delay=50ms-2s: wait before the answer
//	policy=DAILY of 429: TEN_SECONDLY_ROLLING, SECONDLY or DAILY
//	after=5s     the Retry-After header
//
// The kinds are delay, 429, 423, 477, 500, 502, 503, 504, 524-after-commit,
// reset-before, reset-after-commit, truncate, slow-body, empty-results,
// never-answer, never-answer-before, token-expired and daily-limit. For example
// "reset-after-commit:batch/create:p=0.1,429:search:every=7".
func ParseFaults(text string) (Faults, error) {
	var out Faults
	for rule := range strings.SplitSeq(text, ",") {
		if strings.TrimSpace(rule) == "" {
			continue
		}
		f, err := parseFault(strings.TrimSpace(rule))
		if err != nil {
			return nil, fmt.Errorf("fault %q: %w", rule, err)
		}
		out = append(out, f)
	}
	return out, nil
}

func parseFault(rule string) (Fault, error) {
	parts := strings.Split(rule, ":")
	f := Fault{Kind: Kind(parts[0])}
	if !slices.Contains(kinds, f.Kind) {
		return f, fmt.Errorf("kind %q is not one of %v", parts[0], kinds)
	}
	for i, part := range parts[1:] {
		name, value, isSetting := strings.Cut(part, "=")
		if !isSetting && i == 0 {
			f.Match = part
			continue
		}
		if !isSetting {
			return f, fmt.Errorf("%q is not of the form name=value", part)
		}
		if err := f.set(name, value); err != nil {
			return f, err
		}
	}
	return f, nil
}

func (f *Fault) set(name, value string) (err error) {
	switch name {
	case "n":
		f.Nth, err = positive(value)
	case "every":
		f.Every, err = positive(value)
	case "times":
		f.Times, err = positive(value)
	case "p":
		f.Probability, err = strconv.ParseFloat(value, 64)
		if err == nil && !(f.Probability > 0 && f.Probability <= 1) {
			err = fmt.Errorf("p=%s is not above 0 and at most 1", value)
		}
	case "delay":
		f.Delay, err = parseRange(value)
	case "after":
		f.RetryAfter, err = time.ParseDuration(value)
	case "policy":
		if f.Policy = value; limitMessages[value] == "" {
			err = fmt.Errorf("policy %q is not TEN_SECONDLY_ROLLING, SECONDLY or DAILY", value)
		}
	default:
		err = fmt.Errorf("setting %q is not one of n, every, p, times, delay, policy, after", name)
	}
	return err
}

func positive(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%q is not a whole number from 1", text)
	}
	return n, nil
}

func parseRange(text string) (Range, error) {
	low, high, isRange := strings.Cut(text, "-")
	if !isRange {
		high = low
	}
	from, err := time.ParseDuration(low)
	if err != nil {
		return Range{}, err
	}
	to, err := time.ParseDuration(high)
	if err == nil && (from < 0 || to < from) {
		err = fmt.Errorf("delay %q runs backwards", text)
	}
	return Range{from, to}, err
}

// A fault is one that strikes.
type fault struct{ Fault }

// hangUp is what happens when the client, or the server, goes away in between.
var hangUp = &fault{Fault{Kind: ResetBefore}}

// before is how long the answer waits.
func (f *fault) before() Range {
	if f.Kind == SlowBody {
		return Range{}
	}
	return f.Delay
}

// cuts says whether the answer does not arrive whole, or not at once.
func (f *fault) cuts() bool {
	switch f.Kind {
	case ResetBefore, ResetAfterCommit, Truncate, SlowBody, NeverAnswer, NeverAnswerBefore:
		return true
	}
	return false
}

// A faultPlan counts requests against the rules.
type faultPlan struct {
	mu      sync.Mutex
	rules   Faults
	matched []int
	struck  []int
	rng     *rand.Rand
}

func newFaultPlan(rules Faults, seed int64) *faultPlan {
	return &faultPlan{rules: rules, matched: make([]int, len(rules)), struck: make([]int, len(rules)),
		rng: rand.New(rand.NewPCG(uint64(seed), 0x6661756c74))}
}

type undisturbed struct{}

// Undisturbed returns r as a request that no fault strikes and no fault counts,
// for what a test arranges by itself.
func Undisturbed(r *http.Request) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), undisturbed{}, true))
}

// pick returns the fault that strikes this request, or nil.
func (p *faultPlan) pick(r *http.Request) *fault {
	if len(p.rules) == 0 || r.Context().Value(undisturbed{}) != nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	var picked *fault
	for i := range p.rules {
		rule := &p.rules[i]
		if !rule.matches(r) {
			continue
		}
		p.matched[i]++
		if picked == nil && p.strikes(i) {
			p.struck[i]++
			picked = &fault{*rule}
		}
	}
	return picked
}

func (f *Fault) matches(r *http.Request) bool {
	method, path, both := strings.Cut(f.Match, " ")
	if !both {
		if f.Match == r.Method {
			return true
		}
		method, path = "", f.Match
	}
	return (method == "" || method == r.Method) && strings.Contains(r.URL.Path, path)
}

func (p *faultPlan) strikes(i int) bool {
	rule, n := &p.rules[i], p.matched[i]
	switch {
	case rule.Times > 0 && p.struck[i] >= rule.Times:
		return false
	case rule.Nth > 0:
		return n == rule.Nth
	case rule.Every > 0:
		return n%rule.Every == 0
	case rule.Probability > 0:
		return p.rng.Float64() < rule.Probability
	}
	return true
}

// early answers in place of the work; false means that the work is to be done.
func (c *call) early(f *fault) (*reply, bool) {
	switch f.Kind {
	case ResetBefore, NeverAnswerBefore:
		return nil, true
	case HTML502:
		return &reply{status: http.StatusBadGateway, html: true, body: gatewayPage("502 Bad Gateway")}, true
	case Status503:
		return f.after(&reply{status: http.StatusServiceUnavailable, html: true, body: []byte{}}), true
	case Status504:
		return &reply{status: http.StatusGatewayTimeout, html: true, body: gatewayPage("504 Gateway Time-out")}, true
	}
	if failure := c.faultFailure(f); failure != nil {
		return f.after(failure.reply(c.id)), true
	}
	return nil, false
}

// faultFailure is the JSON error of a fault that has one.
func (c *call) faultFailure(f *fault) *failure {
	switch f.Kind {
	case Status429:
		policy := f.Policy
		if policy == "" {
			policy = "TEN_SECONDLY_ROLLING"
		}
		return limitFailure(c, policy)
	case DailyLimit:
		return limitFailure(c, "DAILY")
	case Status423:
		return &failure{code: http.StatusLocked, Message: "The resource is locked by another operation. Try again in a few seconds."}
	case Status477:
		return &failure{code: 477, Category: "MIGRATION_IN_PROGRESS", Message: "This account is being migrated to another data centre."}
	case Status500:
		return &failure{code: http.StatusInternalServerError, Message: "internal error"}
	case TokenExpired:
		return expiredToken()
	}
	return nil
}

func (f *fault) after(rep *reply) *reply {
	wait := f.RetryAfter
	if wait == 0 && f.Kind == Status477 {
		wait = time.Second
	}
	if wait > 0 {
		rep.header = http.Header{"Retry-After": {strconv.Itoa(int((wait + time.Second - 1) / time.Second))}}
	}
	return rep
}

// late spoils an answer after the work was done.
func (c *call) late(f *fault, rep *reply) *reply {
	switch f.Kind {
	case Status524:
		return &reply{status: 524, html: true, body: gatewayPage("524: A timeout occurred")}
	case EmptyResults:
		if rep.status >= 300 || rep.body == nil {
			return rep
		}
		return &reply{status: rep.status, body: []byte(`{"status":"COMPLETE","results":[]}`)}
	}
	return rep
}
