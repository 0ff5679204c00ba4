package load

import (
	"math/big"
	"sync"
	"time"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/internal/hubspot"
)

// known is what an Importer knows of the tickets that its run has written.
type known struct {
	mu     sync.Mutex
	floor  string // the highest id so far; "" while none is known
	given  map[string]bool
	recent [][]string // the ids in given, by batch, oldest first
}

// maxRecent is how many batches are kept in given. It covers those that are
// answered and not in the journal yet, of which there is one for each writer.
const maxRecent = 1024

// remember notes tickets that now belong to records of the run.
func (k *known) remember(ids []string) {
	if len(ids) == 0 {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, id := range ids {
		k.given[id] = true
		k.raise(id)
	}
	k.recent = append(k.recent, ids)
	if len(k.recent) > maxRecent {
		for _, id := range k.recent[0] {
			delete(k.given, id)
		}
		k.recent = k.recent[1:]
	}
}

func (k *known) isGiven(id string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.given[id]
}

// raise lifts the floor. An id of unusual length does not replace a usual one.
func (k *known) raise(id string) {
	if !isID(id) {
		return
	}
	if !isID(k.floor) || usual(id) && !usual(k.floor) || usual(id) == usual(k.floor) && compareIDs(id, k.floor) > 0 {
		k.floor = id
	}
}

// now is what is known before something is sent.
func (k *known) doubt(now time.Time) *etl.Doubt {
	k.mu.Lock()
	defer k.mu.Unlock()
	return &etl.Doubt{Begun: now, Floor: k.floor}
}

// isID says that text is the id of a ticket; "0" and "" stand for none.
func isID(text string) bool {
	if text == "" || text[0] == '0' {
		return false
	}
	for _, c := range []byte(text) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// usual says that an id is not of the very long ones. HubSpot gives ids in
// ascending order, but nothing says that the two kinds come from one sequence,
// so that one of them does not tell when the other came.
func usual(id string) bool { return len(id) <= 15 }

// compareIDs compares ids as the decimal numbers that they are.
func compareIDs(a, b string) int {
	switch {
	case len(a) != len(b):
		return len(a) - len(b)
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// isBefore says that the ticket id was there when the ticket floor was, as far as
// the two can be compared.
func isBefore(id, floor string) bool {
	return isID(floor) && usual(floor) == usual(id) && compareIDs(id, floor) <= 0
}

// below is the number before id.
func below(id string) string {
	n, ok := new(big.Int).SetString(id, 10)
	if !ok {
		return id
	}
	return n.Sub(n, big.NewInt(1)).String()
}

// createdName is the time at which HubSpot stored a record. Unlike createdate,
// it cannot be written.
const createdName = "hs_createdate"

// clockSkew is how far this machine's clock may be from HubSpot's.
const clockSkew = 5 * time.Minute

// age says whether a ticket came after d was begun: by its id, where that can be
// compared, else by its time. sure is false when neither is known.
func age(o *hubspot.Object, d *etl.Doubt) (newer, sure bool) {
	if isID(d.Floor) && usual(d.Floor) == usual(o.ID) {
		return !isBefore(o.ID, d.Floor), true
	}
	created, err := time.Parse(time.RFC3339, o.Properties[createdName])
	if err != nil {
		return false, false
	}
	return !created.Before(d.Begun.Add(-clockSkew)), true
}
