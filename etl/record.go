package etl

import (
	"fmt"
	"strconv"
	"time"
)

// A Kind says what the source knows about a field beyond its text. CSV files
// know nothing: all their fields are Text. Workbooks have typed cells.
type Kind uint8

// The kinds of a field, with the form of the text that comes with each.
const (
	Text      Kind = iota // as typed, nothing trimmed
	Number                // decimal digits, optional '-' and '.', never an exponent or grouping
	Date                  // 2006-01-02
	DateTime              // 2006-01-02T15:04:05, milliseconds only if not zero, without a zone
	Duration              // 15:04:05, hours may exceed 23; a cell that holds only a time of day
	Bool                  // true or false
	CellError             // #N/A, #REF! ... as the workbook shows it
)

// kindLetters are the one-letter names of the kinds, in their order, as the
// failed-rows file keeps them.
const kindLetters = "sndtrbe"

// Letter is the kind's one-letter name.
func (k Kind) Letter() byte { return kindLetters[k] }

// KindOf returns the kind that a letter of Kind.Letter names; Text for others.
func KindOf(letter byte) Kind {
	for i := range len(kindLetters) {
		if kindLetters[i] == letter {
			return Kind(i)
		}
	}
	return Text
}

// NotStored ends the text of a CellError of a cell that has nothing to show: its
// formula was written by a program that did not compute it.
const NotStored = " has no stored value"

// PartialKinds stands in the failed-rows file in place of the kinds of a row
// that could be read only in part. Such a row is refused until somebody has
// looked at its cells and emptied that one.
const PartialKinds = "!"

// A Position says where a Record stands in its source.
type Position struct {
	File  string // as named on the command line; "-" is standard input
	Sheet string // worksheet; empty for CSV
	Row   int    // as a spreadsheet program counts: 1-based, the header and blank rows counted
	Line  int    // CSV only: the 1-based line of the file in which the row begins
}

// String is the position as messages begin with it: "desk.xlsx [Export] row 14".
func (p Position) String() string {
	s := p.File
	if p.Sheet != "" {
		s += " [" + p.Sheet + "]"
	}
	s += " row " + strconv.Itoa(p.Row)
	if p.Line > 0 && p.Line != p.Row {
		s += fmt.Sprintf(" (line %d)", p.Line)
	}
	return s
}

// A Property is one ticket property on its way to or from the account: the
// internal name and the text that HubSpot stores. An empty Value clears it.
type Property struct {
	Name  string
	Value string
}

// A Reference is one association that a Record asks for.
type Reference struct {
	To     string // object type: "contacts", "companies" ...
	Match  string // "id", "email", "domain" or the name of a unique property of To
	Value  string // what to look for, as Match wants it
	Column int    // index of the column it comes from, -1 for a constant

	Category string // association category, e.g. HUBSPOT_DEFINED
	TypeID   int    // association type id, ticket -> To; 0 for the default, unlabeled one
	Missing  string // what to do when nothing is found: "reject" or "skip"
	Several  string // what to do when several are found: "reject", "skip", "first" or "list"

	ID string // record id, set by the Resolver; empty means "leave it out"
}

// A Record is one ticket on its way through a run. Its Fields stay as they were
// read, so that a report can show the original row beside the reason.
type Record struct {
	Seq    int64 // unique within the run, in reading order, from 1
	Pos    Position
	Header *Header
	Fields []string // one for each column of Header
	Kinds  []Kind   // nil when every field is Text

	// Valid means that the Source has made sure that Fields are UTF-8 and hold no
	// NUL characters.
	Valid bool

	// Partial means that the row could be read only in part (see RowError):
	// Fields are not the whole of it.
	Partial bool

	// Doubt is set when an earlier attempt at the run sent the record and no
	// answer is known.
	Doubt *Doubt

	Key        string     // value of the key property; empty when the mapping has no key
	KeyColumn  int        // index of the column it comes from
	Properties []Property // in the order of the mapping; only what is to be written
	References []Reference

	// Of a row that was edited since it was exported:
	Was       []Property // what the ticket had then, of each of Properties
	Untouched string     // id of the ticket, where the Mapper knows that no cell was changed
}

// A Doubt says what is known of a record whose answer was lost.
type Doubt struct {
	Begun time.Time // when it was about to be sent
	Floor string    // the id of a ticket that was there before it was sent; "0" when none is known
}

// Reset empties r, to be filled again. Its lists keep their room.
func (r *Record) Reset() {
	*r = Record{Fields: r.Fields[:0], Properties: r.Properties[:0], References: r.References[:0]}
}

// forget drops the texts of r: that of one row would keep a whole block in memory.
func (r *Record) forget() {
	clear(r.Fields)
	clear(r.Properties)
	clear(r.References)
}

// Kind is the kind of the i-th field.
func (r *Record) Kind(i int) Kind {
	if i < len(r.Kinds) {
		return r.Kinds[i]
	}
	return Text
}

// Property returns the value of the named property and whether it is there.
func (r *Record) Property(name string) (string, bool) {
	for _, p := range r.Properties {
		if p.Name == name {
			return p.Value, true
		}
	}
	return "", false
}
