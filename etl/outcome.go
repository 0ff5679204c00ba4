package etl

import "fmt"

// A Status says how one Record ended.
type Status uint8

// The statuses. Valid occurs only where nothing is to be sent (validate) and
// Exported only in an export; an import ends each Record in one of the others.
const (
	Created    Status = iota // stored as a new ticket
	Updated                  // an existing ticket was changed
	Unchanged                // the ticket already was as the row says; nothing was sent
	Deleted                  // moved to the recycle bin
	Associated               // associations were added or removed
	Skipped                  // left out because the mapping says so
	Rejected                 // refused by us, before sending
	Failed                   // refused by HubSpot
	InDoubt                  // sent, and no answer came
	Unsent                   // the run stopped before it was sent
	Valid                    // checked and found good
	Exported                 // written to the output file
	numStatuses
)

var statusNames = [numStatuses]string{
	"created", "updated", "unchanged", "deleted", "associated", "skipped",
	"rejected", "failed", "in-doubt", "unsent", "valid", "exported",
}

// String is the status as reports spell it.
func (s Status) String() string { return statusNames[s] }

// ParseStatus is the inverse of Status.String.
func ParseStatus(name string) (Status, error) {
	for i, n := range statusNames {
		if n == name {
			return Status(i), nil
		}
	}
	return 0, fmt.Errorf("%q is not a status", name)
}

// Statuses are all statuses, in the order in which reports list them.
func Statuses() []Status {
	all := make([]Status, numStatuses)
	for i := range all {
		all[i] = Status(i)
	}
	return all
}

// A Problem is one thing wrong with one cell, or with a row as a whole.
type Problem struct {
	Column   int    // index of the column; -1 when it is about the row
	Property string // ticket property it was meant for; may be empty
	Value    string // the offending text, as it stands in the cell
	Code     string // stable, e.g. INVALID_OPTION; listed in docs/errors.md
	Message  string // what is wrong, lower case, no full stop
	Hint     string // what to do about it
	Warning  bool   // told, but the row goes on
}

// An Outcome says how one Record ended, and why.
type Outcome struct {
	Status   Status
	ID       string    // ticket id, where there is one
	Problems []Problem // reasons of rejected and failed; warnings of others
}

// A RowError is a row that a Source could read only in part, e.g. because it
// has more cells than the header. The run goes on after it.
type RowError struct {
	Pos     Position
	Problem Problem
}

func (e *RowError) Error() string { return e.Pos.String() + ": " + e.Problem.Message }

// Totals counts Records by Status.
type Totals [numStatuses]int64

// Sum is the number of Records counted.
func (t Totals) Sum() int64 {
	var n int64
	for _, c := range t {
		n += c
	}
	return n
}

// Map has the counts by the statuses' names; those that are zero are left out.
func (t Totals) Map() map[string]int64 {
	m := map[string]int64{}
	for s, n := range t {
		if n > 0 {
			m[Status(s).String()] = n
		}
	}
	return m
}
