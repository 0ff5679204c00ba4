package main

import (
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"

	"github.com/ticketetl/ticketetl/internal/report"
	"github.com/ticketetl/ticketetl/internal/sandbox"
)

// Evidence is all that is known when a round is over.
type evidence struct {
	variant  variant
	doubtful bool // answers were lost for good, so rows may stay in doubt
	rows     []row
	before   map[string]sandbox.Ticket // by id
	others   map[string]int            // the row, by index, whose key a ticket has that somebody else stored, by id
	live     []sandbox.Ticket
	archived []sandbox.Ticket

	exit     int
	summary  *report.Summary
	results  []resultLine
	doubts   []resultLine        // in-doubt.csv
	failed   []int               // rows of failed.csv
	journal  map[int]journalLine // by row; what it says last of rows that were sent
	mistakes []string            // requests that no careful client sends
}

// A resultLine is a line of results.csv or in-doubt.csv.
type resultLine struct {
	row                  int
	key, outcome, ticket string
}

// A journalLine is what the journal says of a row.
type journalLine struct{ status, ticket string }

// A judge gathers what is wrong.
type judge struct {
	*evidence
	found   []string
	byRow   map[int]resultLine
	tickets map[string]sandbox.Ticket // all of them, by id
	owner   map[string]int            // row that claims a ticket, by id
}

// faults are all the ways in which the account, the file and the reports do not
// agree; none if nothing was lost and nothing doubled.
func (e *evidence) faults() []string {
	j := &judge{evidence: e, byRow: map[int]resultLine{}, tickets: map[string]sandbox.Ticket{}, owner: map[string]int{}}
	for _, t := range append(slices.Clone(e.live), e.archived...) {
		j.tickets[t.ID] = t
	}
	j.judgeResults()
	for i := range e.rows {
		j.judgeRow(&e.rows[i])
	}
	j.judgeOthers()
	j.judgeDoubts()
	j.judgeSummary()
	j.judgeJournal()
	j.judgeRowKeys()
	for _, text := range e.mistakes {
		j.wrong("careless request: %s", text)
	}
	return j.found
}

func (j *judge) wrong(format string, args ...any) {
	const most = 12
	switch {
	case len(j.found) < most:
		j.found = append(j.found, fmt.Sprintf(format, args...))
	case len(j.found) == most:
		j.found = append(j.found, "and more")
	}
}

// judgeResults: results.csv has every row exactly once, in order.
func (j *judge) judgeResults() {
	for i, line := range j.results {
		if _, twice := j.byRow[line.row]; twice {
			j.wrong("results.csv has row %d twice", line.row)
		}
		if i > 0 && j.results[i-1].row >= line.row {
			j.wrong("results.csv has row %d after row %d", line.row, j.results[i-1].row)
		}
		j.byRow[line.row] = line
	}
	for i := range j.rows {
		if _, ok := j.byRow[j.rows[i].number]; !ok {
			j.wrong("results.csv lacks row %d", j.rows[i].number)
		}
	}
	if len(j.byRow) > len(j.rows) {
		j.wrong("results.csv has %d rows, the file %d", len(j.byRow), len(j.rows))
	}
}

// judgeRow: the row ended in a way that fits, and its ticket is as it says.
func (j *judge) judgeRow(r *row) {
	line, ok := j.byRow[r.number]
	if !ok {
		return
	}
	if allowed := j.allowed(r); !slices.Contains(allowed, line.outcome) {
		j.wrong("row %d (bad %t, double %t, before %d) is %s, not %s", r.number, r.bad, r.double, r.before, line.outcome, strings.Join(allowed, " or "))
		return
	}
	switch line.outcome {
	case "rejected", "failed":
		return
	case "in-doubt":
		if line.ticket != "" {
			j.owner[line.ticket] = r.number
		}
		return
	}
	t, there := j.tickets[line.ticket]
	if !there {
		j.wrong("row %d is %s as ticket %q, which the account does not have: lost", r.number, line.outcome, line.ticket)
		return
	}
	if other, taken := j.owner[t.ID]; taken {
		j.wrong("rows %d and %d are both said to be ticket %s", other, r.number, t.ID)
	}
	j.owner[t.ID] = r.number
	j.judgeTicket(r, &t)
}

// allowed are the outcomes that a row may have. An attempt may find done what
// an earlier one did, and call it unchanged.
func (j *judge) allowed(r *row) []string {
	if r.bad || r.double {
		return []string{"rejected"}
	}
	var out []string
	switch j.variant.operation {
	case "create":
		out = []string{"created"}
		switch t := j.stranger(r); {
		case r.before != absent:
			return []string{"failed", "rejected"}
		case t != nil && content(t.Properties) == content(r.payload()): // nobody can tell whose it is
			out = []string{"created", "failed", "rejected"}
		case t != nil:
			out = []string{"failed", "rejected"}
		}
	case "upsert":
		out = []string{"created", "updated", "unchanged"}
		if r.before != absent {
			out = out[1:]
		}
	case "update":
		if r.before == absent {
			return []string{"rejected"}
		}
		out = []string{"updated", "unchanged"}
	case "delete":
		if r.before == absent {
			return []string{"rejected"}
		}
		out = []string{"deleted"}
	case "associate", "dissociate":
		if r.before == absent {
			return []string{"rejected"}
		}
		out = []string{"associated", "unchanged"}
	}
	if j.doubtful {
		out = append(out, "in-doubt")
	}
	return out
}

// stranger is the ticket that somebody else stored with the row's key; nil if
// there is none.
func (j *judge) stranger(r *row) *sandbox.Ticket {
	for id, i := range j.others {
		if j.rows[i].number == r.number {
			t := j.before[id]
			return &t
		}
	}
	return nil
}

func (j *judge) judgeTicket(r *row, t *sandbox.Ticket) {
	old, known := j.before[t.ID]
	if i, stored := j.others[t.ID]; stored && j.rows[i].number == r.number {
		known = false // whether it may be the row's is for allowed to say
	}
	switch {
	case r.before == absent && known:
		j.wrong("row %d is said to be ticket %s, which was there before and is not its own", r.number, t.ID)
	case r.ticket != "" && r.ticket != t.ID:
		j.wrong("row %d is said to be ticket %s, and is %s", r.number, t.ID, r.ticket)
	case j.variant.operation == "delete":
		if !t.Archived {
			j.wrong("row %d: ticket %s is not deleted", r.number, t.ID)
		}
		return
	case t.Archived:
		j.wrong("row %d: ticket %s is in the recycle bin", r.number, t.ID)
	}
	payload := r.payload()
	if j.variant.linksOnly() {
		payload = old.Properties
	}
	for name, want := range payload {
		if got := t.Properties[name]; got != want {
			j.wrong("row %d: ticket %s has %s %q, not %q", r.number, t.ID, name, got, want)
		}
	}
	if got := t.Properties[externalID]; j.variant.key == externalID && got != r.key {
		j.wrong("row %d: ticket %s has the key %q, not %q", r.number, t.ID, got, r.key)
	}
	if j.variant.links {
		j.judgeLinks(r, t, &old)
	}
}

func (j *judge) judgeLinks(r *row, t, old *sandbox.Ticket) {
	want := slices.DeleteFunc(linked(old), func(id string) bool { return id == r.contact })
	if r.contact != "" && j.variant.operation != "dissociate" {
		want = append(want, r.contact)
	}
	got := linked(t)
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(want, got) {
		j.wrong("row %d: ticket %s has the contacts %v, not %v", r.number, t.ID, got, want)
	}
}

func linked(t *sandbox.Ticket) []string {
	var ids []string
	for _, a := range t.Associations["contacts"] {
		ids = append(ids, a.ID)
	}
	return ids
}

// judgeOthers: what belongs to no row is as it was, and nothing is there that no
// row accounts for. A row in doubt accounts for one ticket with its content.
func (j *judge) judgeOthers() {
	spare := map[string]int{} // rows in doubt without a ticket, by content
	for i := range j.rows {
		if line := j.byRow[j.rows[i].number]; line.outcome == "in-doubt" && line.ticket == "" {
			spare[content(j.rows[i].payload())]++
		}
	}
	for _, id := range slices.Sorted(maps.Keys(j.tickets)) {
		t := j.tickets[id]
		old, known := j.before[id]
		if _, claimed := j.owner[id]; claimed {
			continue
		}
		switch {
		case known:
			j.judgeBystander(&t, &old, spare)
		case spare[content(t.Properties)] > 0:
			spare[content(t.Properties)]--
		default:
			j.wrong("ticket %s (%q) belongs to no row: doubled", id, t.Properties["subject"])
		}
	}
	for id := range j.before {
		if _, there := j.tickets[id]; !there {
			j.wrong("ticket %s was there before and is gone", id)
		}
	}
}

// judgeBystander: a ticket that no row claims has not changed, unless a row in
// doubt may have changed it.
func (j *judge) judgeBystander(t, old *sandbox.Ticket, spare map[string]int) {
	same := t.Archived == old.Archived && content(t.Properties) == content(old.Properties) && slices.Equal(linked(t), linked(old))
	if same {
		return
	}
	if j.doubtful && (spare[content(t.Properties)] > 0 || t.Archived) {
		spare[content(t.Properties)]--
		return
	}
	j.wrong("ticket %s belongs to no row and was changed", t.ID)
}

// content is what two tickets have in common that come from equal rows.
func content(p map[string]string) string {
	return p["subject"] + "\x00" + p["content"] + "\x00" + p["hs_ticket_priority"]
}

// judgeDoubts: in-doubt.csv has the rows in doubt, failed.csv those to mend.
func (j *judge) judgeDoubts() {
	var want, wantFailed []int
	for _, line := range j.results {
		switch line.outcome {
		case "in-doubt":
			want = append(want, line.row)
		case "rejected", "failed":
			wantFailed = append(wantFailed, line.row)
		}
	}
	var got []int
	for _, line := range j.doubts {
		got = append(got, line.row)
	}
	if !slices.Equal(want, got) {
		j.wrong("in-doubt.csv has the rows %v, results.csv says %v", got, want)
	}
	if !slices.Equal(wantFailed, j.failed) {
		j.wrong("failed.csv has the rows %v, results.csv says %v", j.failed, wantFailed)
	}
}

// judgeSummary: the sums are right and the exit code is what they say.
func (j *judge) judgeSummary() {
	s := j.summary
	if s == nil {
		j.wrong("there is no summary")
		return
	}
	counts := map[string]int64{}
	for _, line := range j.results {
		counts[line.outcome]++
	}
	code := 0
	switch {
	case counts["in-doubt"] > 0:
		code = 4
	case counts["rejected"]+counts["failed"] > 0:
		code = 3
	}
	switch {
	case !s.ChecksOut:
		j.wrong("the summary does not check out")
	case s.RowsRead != int64(len(j.rows)):
		j.wrong("the summary tells of %d rows read, the file has %d", s.RowsRead, len(j.rows))
	case !maps.Equal(counts, s.Counts):
		j.wrong("the summary counts %v, results.csv %v", s.Counts, counts)
	case s.State != report.Finished:
		j.wrong("the summary's state is %q", s.State)
	case s.ExitCode != code || j.exit != code:
		j.wrong("the exit code is %d, in the summary %d; the outcomes call for %d", j.exit, s.ExitCode, code)
	}
}

// judgeJournal: the journal ends each row that was sent as results.csv does.
func (j *judge) judgeJournal() {
	rows := slices.Collect(maps.Keys(j.journal))
	sort.Ints(rows)
	for _, number := range rows {
		said, line := j.journal[number], j.byRow[number]
		if said.status != line.outcome || said.ticket != line.ticket {
			j.wrong("row %d: the journal says %s %s, results.csv %s %s", number, said.status, said.ticket, line.outcome, line.ticket)
		}
	}
	for i := range j.rows {
		if number := j.rows[i].number; mustBeSent(j.byRow[number].outcome) && j.journal[number].status == "" {
			j.wrong("row %d is %s, and the journal does not have it", number, j.byRow[number].outcome)
		}
	}
}

func mustBeSent(outcome string) bool {
	switch outcome {
	case "", "rejected", "skipped", "unsent":
		return false
	}
	return true
}

// judgeRowKeys: where there is a property for row keys, each ticket has its own.
func (j *judge) judgeRowKeys() {
	if !j.variant.rowKey {
		return
	}
	seen := map[string]string{}
	for _, t := range j.live {
		key := t.Properties[rowKeyName]
		if _, known := j.before[t.ID]; known {
			continue
		}
		if other, twice := seen[key]; twice || key == "" {
			j.wrong("ticket %s has the row key %q; so has %q", t.ID, key, other)
		}
		seen[key] = t.ID
	}
}
