package main

import (
	"maps"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/internal/report"
	"github.com/ticketetl/ticketetl/internal/sandbox"
)

// sound is the evidence of an import in which all went well: a create of four
// rows, of which the second and third are alike and the fourth cannot be
// imported, into an account that held one ticket.
func sound() *evidence {
	e := &evidence{
		variant: variant{operation: "create"}, exit: 3,
		rows: []row{
			{number: 2, subject: "one", priority: "Low"}, {number: 3, subject: "twin", priority: "High"},
			{number: 4, subject: "twin", priority: "High"}, {number: 5, subject: "bad", priority: "p9", bad: true},
		},
		before: map[string]sandbox.Ticket{}, failed: []int{5}, journal: map[int]journalLine{},
		summary: &report.Summary{
			State: report.Finished, RowsRead: 4, ChecksOut: true, ExitCode: 3,
			Counts: map[string]int64{"created": 3, "rejected": 1},
		},
	}
	e.live = append(e.live, sandbox.Ticket{ID: "7", Properties: map[string]string{"subject": "of others"}})
	e.before["7"] = e.live[0]
	for i, r := range e.rows {
		if r.bad {
			e.results = append(e.results, resultLine{row: r.number, outcome: "rejected"})
			continue
		}
		id := strconv.Itoa(10 + i)
		e.live = append(e.live, sandbox.Ticket{ID: id, Properties: r.payload()})
		e.results = append(e.results, resultLine{row: r.number, outcome: "created", ticket: id})
		e.journal[r.number] = journalLine{"created", id}
	}
	return e
}

// doubt turns the row of results[i] into one in doubt, as an import tells it.
func (e *evidence) doubt(i int) {
	e.doubtful = true
	e.results[i].outcome, e.results[i].ticket = "in-doubt", ""
	e.doubts = append(e.doubts, e.results[i])
	e.journal[e.results[i].row] = journalLine{"in-doubt", ""}
	e.summary.Counts["created"]--
	e.summary.Counts["in-doubt"]++
	e.summary.ExitCode, e.exit = 4, 4
}

// ticket is a further one like that of rows[i].
func (e *evidence) ticket(i int, id string) sandbox.Ticket {
	return sandbox.Ticket{ID: id, Properties: e.rows[i].payload()}
}

func (e *evidence) drop(id string) {
	e.live = slices.DeleteFunc(e.live, func(t sandbox.Ticket) bool { return t.ID == id })
}

// TestVerdict: the judge sees every way in which an import can go wrong, and
// none where all is well.
func TestVerdict(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		spoil  func(e *evidence)
		faults []string // all of them
	}{
		{name: "all is well", spoil: func(*evidence) {}},
		{name: "a ticket is doubled", spoil: func(e *evidence) { e.live = append(e.live, e.ticket(0, "20")) },
			faults: []string{`ticket 20 ("one") belongs to no row: doubled`}},
		{name: "a twin is doubled", spoil: func(e *evidence) { e.live = append(e.live, e.ticket(1, "20")) },
			faults: []string{`ticket 20 ("twin") belongs to no row: doubled`}},
		{name: "a ticket is lost", spoil: func(e *evidence) { e.drop("10") },
			faults: []string{`row 2 is created as ticket "10", which the account does not have: lost`}},
		{name: "a twin is lost, and both rows name the other", spoil: func(e *evidence) {
			e.drop("12")
			e.results[2].ticket, e.journal[4] = "11", journalLine{"created", "11"}
		}, faults: []string{"rows 3 and 4 are both said to be ticket 11"}},
		{name: "a row has no ticket", spoil: func(e *evidence) { e.results[0].ticket = ""; e.journal[2] = journalLine{"created", ""} },
			faults: []string{`row 2 is created as ticket "", which the account does not have: lost`, `ticket 10 ("one") belongs to no row: doubled`}},
		{name: "a row has the ticket of another", spoil: func(e *evidence) {
			e.live[1].Properties["subject"] = "twin"
		}, faults: []string{`row 2: ticket 10 has subject "twin", not "one"`}},
		{name: "a row claims what was there before", spoil: func(e *evidence) {
			e.before["10"] = e.live[1]
		}, faults: []string{"row 2 is said to be ticket 10, which was there before and is not its own"}},
		{name: "a ticket of others is changed", spoil: func(e *evidence) {
			e.live[0].Properties = map[string]string{"subject": "changed"}
		}, faults: []string{"ticket 7 belongs to no row and was changed"}},
		{name: "a ticket of others is deleted", spoil: func(e *evidence) {
			e.archived, e.live = []sandbox.Ticket{{ID: "7", Archived: true, Properties: e.live[0].Properties}}, e.live[1:]
		}, faults: []string{"ticket 7 belongs to no row and was changed"}},
		{name: "a ticket of others is gone", spoil: func(e *evidence) { e.drop("7") },
			faults: []string{"ticket 7 was there before and is gone"}},
		{name: "a new ticket lies in the recycle bin", spoil: func(e *evidence) { e.live[1].Archived = true },
			faults: []string{"row 2: ticket 10 is in the recycle bin"}},
		{name: "a row stands in the results twice", spoil: func(e *evidence) {
			e.results = slices.Insert(e.results, 1, e.results[0])
			e.summary.Counts["created"]++
		}, faults: []string{"results.csv has row 2 twice", "results.csv has row 2 after row 2"}},
		{name: "a row is missing in the results", spoil: func(e *evidence) {
			e.results = e.results[:3]
			e.failed, e.summary.ExitCode, e.exit = nil, 0, 0
			delete(e.summary.Counts, "rejected")
		}, faults: []string{"results.csv lacks row 5"}},
		{name: "the results have a row that the file has not", spoil: func(e *evidence) {
			e.results = append(e.results, resultLine{row: 6, outcome: "rejected"})
			e.failed, e.summary.Counts["rejected"] = append(e.failed, 6), 2
		}, faults: []string{"results.csv has 5 rows, the file 4"}},
		{name: "a bad row is sent", spoil: func(e *evidence) {
			e.live = append(e.live, e.ticket(3, "13"))
			e.results[3], e.journal[5] = resultLine{row: 5, outcome: "created", ticket: "13"}, journalLine{"created", "13"}
			e.failed, e.summary.ExitCode, e.exit, e.summary.Counts = nil, 0, 0, map[string]int64{"created": 4}
		}, faults: []string{"row 5 (bad true, double false, before 0) is created, not rejected", `ticket 13 ("bad") belongs to no row: doubled`}},
		{name: "a row ends unsent", spoil: func(e *evidence) {
			e.drop("10")
			e.results[0] = resultLine{row: 2, outcome: "unsent"}
			delete(e.journal, 2)
			e.summary.Counts = map[string]int64{"created": 2, "unsent": 1, "rejected": 1}
		}, faults: []string{"row 2 (bad false, double false, before 0) is unsent, not created"}},
		{name: "in doubt, and the ticket is there", spoil: func(e *evidence) { e.doubt(0) }},
		{name: "in doubt, and the ticket is not there", spoil: func(e *evidence) { e.doubt(0); e.drop("10") }},
		{name: "in doubt, and the ticket is there twice", spoil: func(e *evidence) { e.doubt(0); e.live = append(e.live, e.ticket(0, "20")) },
			faults: []string{`ticket 20 ("one") belongs to no row: doubled`}},
		{name: "in doubt where nothing may be", spoil: func(e *evidence) { e.doubt(0); e.doubtful = false },
			faults: []string{"row 2 (bad false, double false, before 0) is in-doubt, not created"}},
		{name: "in doubt, and in-doubt.csv does not say so", spoil: func(e *evidence) { e.doubt(0); e.doubts = nil },
			faults: []string{"in-doubt.csv has the rows [], results.csv says [2]"}},
		{name: "failed.csv lacks a row", spoil: func(e *evidence) { e.failed = nil },
			faults: []string{"failed.csv has the rows [], results.csv says [5]"}},
		{name: "the sum is wrong", spoil: func(e *evidence) { e.summary.ChecksOut = false },
			faults: []string{"the summary does not check out"}},
		{name: "the counts are others", spoil: func(e *evidence) { e.summary.Counts["created"] = 4 },
			faults: []string{"the summary counts map[created:4 rejected:1], results.csv map[created:3 rejected:1]"}},
		{name: "fewer rows were read", spoil: func(e *evidence) { e.summary.RowsRead = 3 },
			faults: []string{"the summary tells of 3 rows read, the file has 4"}},
		{name: "the exit code hides a bad row", spoil: func(e *evidence) { e.exit, e.summary.ExitCode = 0, 0 },
			faults: []string{"the exit code is 0, in the summary 0; the outcomes call for 3"}},
		{name: "the run does not say that it is over", spoil: func(e *evidence) { e.summary.State = report.Running },
			faults: []string{`the summary's state is "running"`}},
		{name: "there is no summary", spoil: func(e *evidence) { e.summary = nil },
			faults: []string{"there is no summary"}},
		{name: "the journal leaves a row open", spoil: func(e *evidence) { e.journal[2] = journalLine{status: "begun"} },
			faults: []string{"row 2: the journal says begun , results.csv created 10"}},
		{name: "the journal does not know a row", spoil: func(e *evidence) { delete(e.journal, 2) },
			faults: []string{"row 2 is created, and the journal does not have it"}},
		{name: "a careless request", spoil: func(e *evidence) { e.mistakes = []string{"GET /nowhere"} },
			faults: []string{"careless request: GET /nowhere"}},
		{name: "row keys are there, each once", spoil: func(e *evidence) {
			e.variant.rowKey = true
			for i := range e.live[1:] {
				e.live[i+1].Properties[rowKeyName] = strconv.Itoa(i)
			}
		}},
		{name: "row keys are missing", spoil: func(e *evidence) {
			e.variant.rowKey = true
			e.live[1].Properties[rowKeyName], e.live[2].Properties[rowKeyName] = "a", "b"
		}, faults: []string{`ticket 12 has the row key ""; so has ""`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e := sound()
			tt.spoil(e)
			require.Equal(t, tt.faults, e.faults())
		})
	}
}

// TestVerdictOfChanges: what holds for tickets that were there before.
func TestVerdictOfChanges(t *testing.T) {
	t.Parallel()
	contact := func(ids ...string) map[string][]sandbox.Association {
		out := map[string][]sandbox.Association{}
		for _, id := range ids {
			out["contacts"] = append(out["contacts"], sandbox.Association{ID: id})
		}
		return out
	}
	tests := []struct {
		name      string
		operation string
		spoil     func(e *evidence, after *sandbox.Ticket)
		faults    []string
	}{
		{name: "an update that came through", operation: "update", spoil: func(*evidence, *sandbox.Ticket) {}},
		{name: "an update that did not", operation: "update", spoil: func(_ *evidence, after *sandbox.Ticket) { after.Properties["subject"] = "old" },
			faults: []string{`row 2: ticket 5 has subject "old", not "new"`}},
		{name: "an update of another ticket", operation: "update", spoil: func(e *evidence, _ *sandbox.Ticket) { e.rows[0].ticket = "6" },
			faults: []string{"row 2 is said to be ticket 5, and is 6"}},
		{name: "a key that is lost", operation: "update", spoil: func(_ *evidence, after *sandbox.Ticket) { after.Properties[externalID] = "" },
			faults: []string{`row 2: ticket 5 has the key "", not "K"`}},
		{name: "a contact that is not linked", operation: "upsert", spoil: func(e *evidence, _ *sandbox.Ticket) { e.rows[0].contact = "9" },
			faults: []string{"row 2: ticket 5 has the contacts [], not [9]"}},
		{name: "a contact that was linked before", operation: "upsert", spoil: func(e *evidence, after *sandbox.Ticket) {
			old := e.before["5"]
			old.Associations = contact("8")
			e.before["5"], e.rows[0].contact, after.Associations = old, "9", contact("8", "9")
		}},
		{name: "a contact too many", operation: "upsert", spoil: func(_ *evidence, after *sandbox.Ticket) { after.Associations = contact("8") },
			faults: []string{"row 2: ticket 5 has the contacts [8], not []"}},
		{name: "a ticket that is not deleted", operation: "delete", spoil: func(*evidence, *sandbox.Ticket) {},
			faults: []string{"row 2: ticket 5 is not deleted"}},
		{name: "a ticket that is deleted", operation: "delete", spoil: func(_ *evidence, after *sandbox.Ticket) { after.Archived = true }},
		{name: "a contact that is linked, and nothing else", operation: "associate", spoil: func(e *evidence, after *sandbox.Ticket) {
			e.rows[0].contact, after.Associations, after.Properties["subject"] = "9", contact("9"), "old"
		}},
		{name: "a link that changes values", operation: "associate", spoil: func(e *evidence, after *sandbox.Ticket) {
			e.rows[0].contact, after.Associations = "9", contact("9")
		}, faults: []string{`row 2: ticket 5 has subject "new", not "old"`}},
		{name: "a contact that is still linked", operation: "dissociate", spoil: func(e *evidence, after *sandbox.Ticket) {
			old := e.before["5"]
			old.Associations = contact("8", "9")
			e.before["5"], e.rows[0].contact, after.Associations, after.Properties["subject"] = old, "9", contact("8", "9"), "old"
		}, faults: []string{"row 2: ticket 5 has the contacts [8 9], not [8]"}},
		{name: "another contact that is gone", operation: "dissociate", spoil: func(e *evidence, after *sandbox.Ticket) {
			old := e.before["5"]
			old.Associations = contact("8", "9")
			e.before["5"], e.rows[0].contact, after.Properties["subject"] = old, "9", "old"
		}, faults: []string{"row 2: ticket 5 has the contacts [], not [8]"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			outcome := map[string]string{"update": "updated", "upsert": "updated", "delete": "deleted", "associate": "associated", "dissociate": "associated"}[tt.operation]
			v := variant{operation: tt.operation, key: externalID}
			v.links = tt.operation == "upsert" || v.linksOnly()
			e := &evidence{
				variant: v,
				rows:    []row{{number: 2, key: "K", subject: "new", priority: "Low", before: different}},
				before:  map[string]sandbox.Ticket{"5": {ID: "5", Properties: map[string]string{"subject": "old", externalID: "K"}}},
				results: []resultLine{{row: 2, key: "K", outcome: outcome, ticket: "5"}},
				journal: map[int]journalLine{2: {outcome, "5"}},
				summary: &report.Summary{State: report.Finished, RowsRead: 1, ChecksOut: true, Counts: map[string]int64{outcome: 1}},
			}
			after := sandbox.Ticket{ID: "5", Properties: maps.Clone(e.rows[0].payload())}
			after.Properties[externalID] = "K"
			tt.spoil(e, &after)
			e.live = []sandbox.Ticket{after}
			require.Equal(t, tt.faults, e.faults())
		})
	}
}
