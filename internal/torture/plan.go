package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/ticketetl/ticketetl/internal/sandbox"
)

// A variant is one kind of import.
type variant struct {
	name      string
	operation string
	key       string // key property; empty for none
	rowKey    bool   // the account has the property for row keys
	links     bool   // rows name contacts
}

const (
	externalID = "external_id"
	recordID   = "hs_object_id"
	rowKeyName = "ticketetl_row_key"
)

var variants = []variant{
	{name: "upsert", operation: "upsert", key: externalID, links: true},
	{name: "update", operation: "update", key: externalID},
	{name: "update-by-id", operation: "update", key: recordID},
	{name: "create-key", operation: "create", key: externalID},
	{name: "create-row-key", operation: "create", rowKey: true, links: true},
	{name: "create-keyless", operation: "create", links: true},
	{name: "delete", operation: "delete", key: externalID},
	{name: "delete-by-id", operation: "delete", key: recordID},
	{name: "associate", operation: "associate", key: externalID, links: true},
	{name: "dissociate", operation: "dissociate", key: recordID, links: true},
}

// chosen are the variants whose names stand in a list parted by commas; all of
// them if it is empty.
func chosen(list string) ([]variant, error) {
	if list == "" {
		return variants, nil
	}
	var out []variant
	for name := range strings.SplitSeq(list, ",") {
		i := slices.IndexFunc(variants, func(v variant) bool { return v.name == name })
		if i < 0 {
			return nil, fmt.Errorf("there is no variant %q", name)
		}
		out = append(out, variants[i])
	}
	return out, nil
}

// keyless says that nothing but its content tells a row's ticket.
func (v variant) keyless() bool { return v.operation == "create" && v.key == "" && !v.rowKey }

// linksOnly says that a ticket's own values are none of its business.
func (v variant) linksOnly() bool { return v.operation == "associate" || v.operation == "dissociate" }

const linksMapping = "associations:\n  - {to: contacts, column: E-mail, match: email, missing: skip}\n"

func (v variant) mapping() string {
	var b strings.Builder
	fmt.Fprintf(&b, "version: 1\noperation: %s\n", v.operation)
	switch v.key {
	case externalID:
		b.WriteString("key: {property: external_id, column: Number}\n")
	case recordID:
		b.WriteString("key: {property: hs_object_id, column: Ticket}\n")
	}
	switch {
	case v.operation == "delete":
		return b.String()
	case v.linksOnly():
		return b.String() + linksMapping
	}
	b.WriteString(`properties:
  subject: Subject
  content: Description
  hs_ticket_priority: Priority
`)
	if v.operation != "update" {
		b.WriteString("  hs_pipeline: {value: \"0\"}\n  hs_pipeline_stage: {value: New}\n")
	}
	if v.links {
		b.WriteString(linksMapping)
	}
	return b.String()
}

// A moment is when an attempt is ended from outside.
type moment struct {
	kind  string        // one of the kinds below
	n     int           // which request, which change of the journal, how many blocks
	delay time.Duration // how long after it
	where string        // which boundary
}

// The kinds of moments. "Request" counts those that write, "call" counts all.
const (
	requestDropped  = "request-dropped"  // it has left, and is lost with the process
	requestBefore   = "request-before"   // the process dies first, then the account does the work
	requestDone     = "request-done"     // the work is done, the answer not on its way
	requestAnswered = "request-answered" // the answer is on its way
	callAnswered    = "call-answered"
	interruptedAt   = "interrupted-at"  // no kill: it is told to stop while it waits for the answer
	journalWritten  = "journal-written" // the journal's file has changed
	timePassed      = "time-passed"     // since the process was started
	fileTooLarge    = "file-too-large"  // no kill: files may not grow above n blocks of 512 bytes
	atBoundary      = "at-boundary"     // at the nth passing of a boundary of the journal
)

// boundaries are the places at which a run passes from one durable state to the
// next; see cmd/ticketetl/boundary_torture.go.
var boundaries = []string{
	"check-after",                 // known which keys are taken, nothing journaled
	"begin-before", "begin-after", // the intent is not on disk, and is
	"end-before",                    // sent and answered, which is not on disk
	"end-after",                     // it is, and is not reported
	"judged-before", "judged-after", // the same of rows that were rejected
	"report-during",                  // some rows are reported
	"finish-reports",                 // all rows are; the reports are not closed
	"finish-summary", "finish-shown", // the summary is not on disk, and is
}

func (m moment) String() string {
	if m.kind == atBoundary {
		return fmt.Sprintf("at %s n=%d", m.where, m.n)
	}
	return fmt.Sprintf("%s n=%d delay=%s", m.kind, m.n, m.delay)
}

// A plan is all that a round draws from its seed.
type plan struct {
	seed    uint64
	variant variant
	storm   bool
	rows    int
	writers int
	moments []moment // how the first attempts are ended; the others run undisturbed
	faults  sandbox.Faults
	latency sandbox.Range
	oauth   bool
	outage  outage
	others  []other
	revoked int  // the how manieth request for a token is refused; 0 for none
	resend  bool // creates whose answer was lost and that are not found are sent once more
	again   bool // give the command once more when all is done
}

// An outage is a time in which no request gets through.
type outage struct {
	at   int // request that writes with which it begins, counted over all attempts; 0: none
	span time.Duration
}

func newPlan(seed uint64, v variant, storm bool) plan {
	rng := rand.New(rand.NewPCG(seed, 0x746f7274))
	p := plan{
		seed: seed, variant: v, storm: storm,
		rows: 150 + rng.IntN(451), writers: 1 + rng.IntN(6),
		latency: sandbox.Range{Max: time.Duration(rng.IntN(6)) * time.Millisecond},
	}
	p.others = drawOthers(rng, p)
	if storm {
		p.faults, p.oauth = drawStorm(rng)
		if p.oauth && rng.IntN(3) == 0 {
			p.revoked = 1 + rng.IntN(4)
		}
		p.outage = drawOutage(rng)
		if rng.IntN(3) > 0 {
			return p
		}
	} else if rng.IntN(4) == 0 {
		p.faults = sandbox.Faults{drawFault(rng, 0.08)}
	} else {
		p.again = rng.IntN(3) == 0
	}
	p.resend = v.keyless() && rng.IntN(3) == 0
	for range 1 + rng.IntN(3) {
		p.moments = append(p.moments, drawMoment(rng, p.rows))
	}
	return p
}

func drawMoment(rng *rand.Rand, rows int) moment {
	batches := (rows + 99) / 100
	short := time.Duration(rng.IntN(3000)) * time.Microsecond
	if rng.IntN(3) == 0 {
		where := boundaries[rng.IntN(len(boundaries))]
		m := moment{kind: atBoundary, where: where, n: 1 + rng.IntN(batches)}
		switch {
		case strings.HasPrefix(where, "finish"):
			m.n = 1
		case strings.HasPrefix(where, "report"):
			m.n = 1 + rng.IntN(rows)
		}
		return m
	}
	switch draw := rng.IntN(20); {
	case draw < 2:
		return moment{kind: requestDropped, n: 1 + rng.IntN(batches)}
	case draw < 5:
		return moment{kind: requestBefore, n: 1 + rng.IntN(batches)}
	case draw < 8:
		return moment{kind: requestDone, n: 1 + rng.IntN(batches)}
	case draw < 12:
		return moment{kind: requestAnswered, n: 1 + rng.IntN(batches), delay: short}
	case draw < 13:
		return moment{kind: callAnswered, n: 1 + rng.IntN(25), delay: short}
	case draw < 17:
		return moment{kind: journalWritten, n: 1 + rng.IntN(2*batches+4), delay: short / 6}
	case draw < 18:
		return moment{kind: fileTooLarge, n: 8 + rng.IntN(400)}
	}
	return moment{kind: timePassed, delay: time.Duration(rng.IntN(200)) * time.Millisecond}
}

// An other is a ticket that somebody else stores while the run goes on, with the
// key of a row.
type other struct {
	at   int  // request that writes before which it comes, counted over all attempts
	row  int  // index
	same bool // with the row's values, too
}

func drawOthers(rng *rand.Rand, p plan) []other {
	if p.variant.key != externalID || p.variant.operation != "create" && p.variant.operation != "upsert" || rng.IntN(2) == 0 {
		return nil
	}
	var out []other
	for range 1 + rng.IntN(20) {
		out = append(out, other{at: 1 + rng.IntN((p.rows+99)/100+1), row: rng.IntN(p.rows), same: rng.IntN(3) == 0})
	}
	return out
}

// drawStorm makes about 30 % of the calls fail, in a few of the ways there are.
func drawStorm(rng *rand.Rand) (sandbox.Faults, bool) {
	const share = 0.3
	kinds := 2 + rng.IntN(4)
	var out sandbox.Faults
	oauth := rng.IntN(3) == 0
	if oauth {
		out = append(out, sandbox.Fault{Kind: sandbox.TokenExpired, Match: "/crm/", Probability: 0.05 + 0.3*rng.Float64()})
	}
	for _, rare := range rareFaults {
		if rng.IntN(4) == 0 {
			out = append(out, rare)
		}
	}
	if rng.IntN(4) == 0 {
		out = append(out, sandbox.Fault{Kind: sandbox.DailyLimit, Match: "/crm/", Every: 25 + rng.IntN(40), Times: 1 + rng.IntN(3)})
	}
	for range kinds {
		out = append(out, drawFault(rng, share/float64(kinds)))
	}
	return out, oauth
}

// drawOutage makes one storm in six have an outage of a second or two, and one in
// fifty one of ten seconds.
func drawOutage(rng *rand.Rand) outage {
	at := 1 + rng.IntN(4)
	switch draw := rng.IntN(50); {
	case draw == 0:
		return outage{at, 10 * time.Second}
	case draw < 9:
		return outage{at, time.Duration(500+rng.IntN(1500)) * time.Millisecond}
	}
	return outage{}
}

// rareFaults make the client wait for seconds, so they strike once or twice.
var rareFaults = []sandbox.Fault{
	{Kind: sandbox.Status423, Match: "batch/", Every: 3, Times: 2},
	{Kind: sandbox.Status429, Policy: "SECONDLY", Every: 7, Times: 2},
	{Kind: sandbox.Status429, Policy: "TEN_SECONDLY_ROLLING", Every: 11, Times: 2, RetryAfter: time.Second},
	{Kind: sandbox.Status477, Match: "batch/", Nth: 2, Times: 1},
}

// quickFaults are those after which a client can go on within a second.
var quickFaults = []sandbox.Kind{
	sandbox.Delay, sandbox.Status500, sandbox.HTML502, sandbox.Status503, sandbox.Status504, sandbox.Status524,
	sandbox.ResetBefore, sandbox.ResetAfterCommit, sandbox.Truncate, sandbox.SlowBody, sandbox.EmptyResults,
	sandbox.NeverAnswer, sandbox.NeverAnswerBefore,
}

func drawFault(rng *rand.Rand, probability float64) sandbox.Fault {
	f := sandbox.Fault{Kind: quickFaults[rng.IntN(len(quickFaults))], Probability: probability}
	if f.Kind == sandbox.Delay || f.Kind == sandbox.SlowBody {
		f.Delay = sandbox.Range{Min: time.Millisecond, Max: 80 * time.Millisecond}
	}
	switch {
	case f.Kind == sandbox.EmptyResults:
		// No client can tell an account without owners from one that hides them.
		f.Match = []string{"batch/", "/tickets"}[rng.IntN(2)]
	case rng.IntN(3) == 0:
		f.Match, f.Probability = "batch/", min(1, 2*probability)
	}
	return f
}

// command says how to do this round again.
func (p plan) command() string {
	text := fmt.Sprintf("go run ./internal/torture -seed %d -rounds 1 -variants %s", p.seed, p.variant.name)
	if p.storm {
		text += " -storm"
	}
	return text
}

func (p plan) String() string {
	return fmt.Sprintf("%s: %d rows, concurrency %d, latency up to %s, oauth %t, revoked %d, resend %t, outage %v, others %v, moments %v, faults %s",
		p.variant.name, p.rows, p.writers, p.latency.Max, p.oauth, p.revoked, p.resend, p.outage, p.others, p.moments, faultsText(p.faults))
}

func faultsText(faults sandbox.Faults) string {
	parts := make([]string, len(faults))
	for i, f := range faults {
		parts[i] = fmt.Sprintf("%s:%s p=%.2f every=%d n=%d times=%d", f.Kind, f.Match, f.Probability, f.Every, f.Nth, f.Times)
	}
	return "[" + strings.Join(parts, ", ") + "]"
}
