package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"

	"github.com/ticketetl/ticketetl/internal/sandbox"
)

// A row is one row of the generated file, and what the account holds for it
// before the first attempt.
type row struct {
	number   int // as a spreadsheet program counts: the header is row 1
	key      string
	ticket   string // id of its ticket beforehand
	subject  string
	content  string
	priority string // text of the cell
	email    string
	contact  string // id of the contact with that address

	bad    bool   // its own cells are wrong
	double bool   // an earlier row has its key
	before before // its ticket beforehand
}

// before is what the account holds for a row beforehand.
type before int

const (
	absent    before = iota
	same             // a ticket that is as the row says already
	different        // a ticket with its key and other values
)

var columns = []string{"Ticket", "Number", "Subject", "Description", "Priority", "E-mail"}

func (r *row) cells() []string {
	return []string{r.ticket, r.key, r.subject, r.content, r.priority, r.email}
}

// payload is what the row's ticket holds in the end.
func (r *row) payload() map[string]string {
	return map[string]string{"subject": r.subject, "content": r.content, "hs_ticket_priority": priorities[r.priority]}
}

// priorities are the texts of cells and the values that they mean.
var priorities = map[string]string{"Low": "LOW", "Medium": "MEDIUM", "High": "HIGH", "Urgent": "URGENT"}

var priorityTexts = []string{"Low", "Medium", "High", "Urgent"}

// newRows draws the rows of a round. Some have the same content as an earlier
// one, some cannot be imported, and where the key is a number of another system
// some have the key of an earlier row.
func newRows(p plan) []row {
	rng := rand.New(rand.NewPCG(p.seed, 0x726f7773))
	contacts := addresses()
	taken := p.variant.operation == "create" && p.variant.key != "" && rng.IntN(3) == 0
	rows := make([]row, p.rows)
	for i := range rows {
		r := &rows[i]
		*r = row{
			number: i + 2, key: fmt.Sprintf("T-%d-%d", p.seed, i),
			subject: fmt.Sprintf("Ticket %d, ação", i), content: fmt.Sprintf("line one of %d\nsaid \"%d\", twice", i, rng.IntN(1000)),
			priority: priorityTexts[rng.IntN(len(priorityTexts))],
		}
		if rng.IntN(2) == 0 {
			who := contacts[rng.IntN(len(contacts))]
			r.email, r.contact = who.Properties["email"], who.ID
		}
		if i > 0 && rng.IntN(6) == 0 {
			r.copyContent(&rows[rng.IntN(i)])
		}
		r.spoil(rng, p.variant, rows[:i])
		r.before = drawBefore(rng, p.variant, r)
		if taken && !r.double && rng.IntN(50) == 0 {
			r.before = before(1 + rng.IntN(2)) // same or different
		}
	}
	return rows
}

func (r *row) copyContent(of *row) {
	r.subject, r.content, r.priority, r.email, r.contact = of.subject, of.content, of.priority, of.email, of.contact
	if of.bad {
		r.priority = "Low"
	}
}

// spoil makes a few rows ones that cannot be imported.
func (r *row) spoil(rng *rand.Rand, v variant, earlier []row) {
	switch rng.IntN(40) {
	case 0:
		if r.bad = v.operation != "delete" && !v.linksOnly(); r.bad {
			r.priority = "p9"
		}
	case 1:
		if v.key != externalID || len(earlier) == 0 || v.linksOnly() { // several rows may link one ticket
			return
		}
		if first := earlier[rng.IntN(len(earlier))]; !first.bad && !first.double {
			r.key, r.double = first.key, true
		}
	}
}

func drawBefore(rng *rand.Rand, v variant, r *row) before {
	draw := rng.IntN(20)
	switch {
	case r.double || v.operation == "create":
		return absent
	case v.operation == "upsert" && draw < 10:
		return absent
	case v.key == externalID && draw < 2: // an update or delete of what is not there
		return absent
	case draw < 13:
		return same
	}
	return different
}

func writeRows(w io.Writer, rows []row) error {
	out := csv.NewWriter(w)
	if err := out.Write(columns); err != nil {
		return err
	}
	for i := range rows {
		if err := out.Write(rows[i].cells()); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// addresses are the contacts that one address leads to.
func addresses() []sandbox.Seed {
	var out []sandbox.Seed
	seen := map[string]bool{}
	for _, c := range sandbox.DefaultWorld().Contacts {
		email := c.Properties["email"]
		if email == "" || seen[email] {
			continue
		}
		seen[email] = true
		out = append(out, c)
	}
	return out
}

// A seed is a ticket that the account holds beforehand.
type seed struct {
	properties map[string]string
	contacts   []string // ids of those that it is associated with
}

// stored are the tickets that the account holds beforehand: one for each row
// that has one, in order, and some that no row speaks of, of which a few look
// just like the ticket of a row.
func stored(rows []row, v variant) []seed {
	var out []seed
	contacts := addresses()
	for i := range rows {
		if rows[i].before != absent {
			out = append(out, seed{rows[i].stored(v), rows[i].linked(v, contacts[i%len(contacts)].ID)})
		}
	}
	for i := range 5 {
		out = append(out, seed{properties: map[string]string{"subject": "bystander " + strconv.Itoa(i), "content": "of others"}})
		out = append(out, seed{properties: rows[i*len(rows)/5].payload()})
	}
	for _, t := range out {
		t.properties["hs_pipeline"], t.properties["hs_pipeline_stage"] = "0", "1"
	}
	return out
}

// stored are the values of the row's ticket beforehand.
func (r *row) stored(v variant) map[string]string {
	p := r.payload()
	if r.before == different || r.bad {
		p["subject"], p["hs_ticket_priority"] = "before "+r.subject, ""
	}
	if v.key == externalID {
		p[externalID] = r.key
	}
	return p
}

// linked are the contacts of the row's ticket beforehand, where rows are about
// nothing else: often another one than the row's, and its own where the row is to
// change nothing of an associate, or something of a dissociate.
func (r *row) linked(v variant, another string) []string {
	if !v.linksOnly() {
		return nil
	}
	var out []string
	if r.contact != "" && (r.before == same) == (v.operation == "associate") {
		out = append(out, r.contact)
	}
	if another != r.contact && r.number%2 == 0 {
		out = append(out, another)
	}
	return out
}
