package etl

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/ticketetl/ticketetl/internal/seen"
)

// A keySet remembers which row has which unique value, in about twenty bytes for
// each, whatever the length of the values. It belongs to the reader.
type keySet struct {
	unique    []string // properties whose values no two tickets share, besides the key
	first     seen.Set
	hasher    *seen.Hasher
	here      place  // of the record that was claimed last
	file      string // in which that stands
	sheet     string
	stretches []stretch // in reading order
	policy    *Doubles  // nil: reject
}

// A place is a row of one of the inputs: its number within a stretch, which is a
// file or a sheet that is read on, after the rows of all stretches before. The
// same inputs give the same places in each reading.
type place uint64

type stretch struct {
	name   string
	before place // the greatest place of the stretches before
}

// Doubles says what to do with rows that have the same Key. One value serves
// all readings of the same inputs: which rows are followed by a later one is
// learned in the first reading and used in the next.
type Doubles struct {
	Keep  DoublePolicy
	later map[place]Position // where the row stands that takes the place of one
}

// A DoublePolicy says which of several rows with one Key counts.
type DoublePolicy string

// The policies.
const (
	RejectDoubles DoublePolicy = "reject" // the first; the others are Rejected
	KeepFirst     DoublePolicy = "first"  // the first; the others are Skipped
	KeepLast      DoublePolicy = "last"   // the last; those before are Skipped, from the second reading on
)

func newKeySet(unique []string, policy *Doubles) *keySet {
	k := &keySet{unique: unique, policy: policy}
	k.hasher = k.first.Hasher()
	return k
}

// A keyHash is what is kept of a unique value.
type keyHash struct {
	hash seen.Hash
	some bool // the value is not blank
}

// hash is that of a value of a property; the key's name is empty here. Any goroutine
// may call it. HubSpot does not say whether it tells values apart that differ only in
// case or outer blanks, so they count as the same.
func (k *keySet) hash(property, value string) keyHash {
	if k == nil {
		return keyHash{}
	}
	folded := strings.ToLower(strings.TrimSpace(value))
	if folded == "" {
		return keyHash{}
	}
	return keyHash{k.hasher.Hash(property, "\x00", folded), true}
}

// A uniqueValue is one of a property that no two tickets share.
type uniqueValue struct {
	Property
	hash keyHash
}

// values are the unique values of rec beside its key. Any goroutine may call it.
func (k *keySet) values(rec *Record) (found []uniqueValue) {
	if k == nil || len(k.unique) == 0 {
		return nil
	}
	for _, p := range rec.Properties {
		if slices.Contains(k.unique, p.Name) {
			found = append(found, uniqueValue{p, k.hash(p.Name, p.Value)})
		}
	}
	return found
}

// touch prepares for claims of all that was read (see seen.Set.Touch).
func (k *keySet) touch(read []entry) {
	if k == nil {
		return
	}
	for i := range read {
		if key := &read[i].key; key.some {
			k.first.Touch(key.hash)
		}
	}
}

// claim notes the key of rec, whose hash is given, and its other unique values. It
// answers with a Problem for each that an earlier row has.
func (k *keySet) claim(rec *Record, key keyHash, others []uniqueValue) []Problem {
	if k == nil {
		return nil
	}
	k.enter(rec.Pos)
	var problems []Problem
	if at, taken := k.take(key, k.keepsLast()); taken && !k.replaces(at, rec.Pos) {
		p := k.double("key", rec.Key, at)
		p.Column = rec.KeyColumn
		problems = append(problems, p)
	}
	for _, p := range others {
		if at, taken := k.take(p.hash, false); taken {
			double := k.double(p.Name, p.Value, at)
			double.Column, double.Property = -1, p.Name
			problems = append(problems, double)
		}
	}
	return problems
}

// enter makes pos the row that is claimed. A row that does not follow the one
// before it stands in another file, or in the same one, which is read again.
func (k *keySet) enter(pos Position) {
	n := len(k.stretches)
	if n == 0 || k.file != pos.File || k.sheet != pos.Sheet || k.stretches[n-1].before+place(pos.Row) <= k.here {
		k.file, k.sheet = pos.File, pos.Sheet
		k.stretches = append(k.stretches, stretch{name: pos.source(), before: k.here})
	}
	k.here = k.stretches[len(k.stretches)-1].before + place(pos.Row)
}

// rowOf is where a place is, in words.
func (k *keySet) rowOf(at place) string {
	i := sort.Search(len(k.stretches), func(i int) bool { return k.stretches[i].before >= at }) - 1
	return fmt.Sprintf("row %d of %s", at-k.stretches[i].before, k.stretches[i].name)
}

func (k *keySet) free() {
	if k != nil {
		k.first.Free()
	}
}

func (k *keySet) keepsLast() bool { return k.policy != nil && k.policy.Keep == KeepLast }

// replaces notes that the row at pos takes the place of an earlier one, where the
// last one counts.
func (k *keySet) replaces(at place, pos Position) bool {
	if !k.keepsLast() {
		return false
	}
	if k.policy.later == nil {
		k.policy.later = map[place]Position{}
	}
	k.policy.later[at] = Position{File: pos.File, Sheet: pos.Sheet, Row: pos.Row}
	return true
}

// passed says whether rec is left out because another row with its key counts.
func (k *keySet) passed(rec *Record, problems []Problem) (Problem, bool) {
	if k == nil || k.policy == nil || rec.Key == "" {
		return Problem{}, false
	}
	if pos, replaced := k.policy.later[k.here]; replaced {
		p := k.double("key", rec.Key, k.here)
		p.Message = fmt.Sprintf("key %q stands again in row %d of %s, and the last row counts", rec.Key, pos.Row, pos.source())
		return leftOut(p, rec), true
	}
	for _, p := range problems {
		if k.policy.Keep == KeepFirst && p.Code == "DUPLICATE_KEY" && p.Property == "" {
			return leftOut(p, rec), true
		}
	}
	return Problem{}, false
}

func leftOut(p Problem, rec *Record) Problem {
	p.Column, p.Warning, p.Hint = rec.KeyColumn, true, "the row is left out, as --duplicates says"
	return p
}

// take notes a value as that of the record that is claimed.
func (k *keySet) take(value keyHash, replace bool) (place, bool) {
	if !value.some {
		return 0, false
	}
	at, taken := k.first.PutHash(value.hash, uint64(k.here), replace)
	return place(at), taken
}

func (p Position) source() string {
	if p.Sheet == "" {
		return p.File
	}
	return p.File + " [" + p.Sheet + "]"
}

func (k *keySet) double(what, value string, at place) Problem {
	p := Problem{
		Value:   value,
		Code:    "DUPLICATE_KEY",
		Message: fmt.Sprintf("%s %q stands in %s already", what, value, k.rowOf(at)),
		Hint:    "keep one of the two rows; keys are compared without case and outer blanks",
	}
	if strings.ToUpper(value) != strings.ToLower(value) {
		p.Message += ", there maybe in other case"
		p.Hint += ", since HubSpot does not say whether it tells them apart"
	}
	if caseMatters(value) {
		p.Hint = fmt.Sprintf("if the id in %s differs in case, as Salesforce ids of 15 characters may, export the ids of 18 characters, "+
			"which differ without case too (in a report: a formula with CASESAFEID), and import those; else keep one of the two rows", k.rowOf(at))
	}
	return p
}

// caseMatters says whether value looks like an id of Salesforce's that is unique only
// by the case of its letters: 15 letters and digits, capitals and small ones.
func caseMatters(value string) bool {
	if len(value) != 15 || strings.ToLower(value) == value || strings.ToUpper(value) == value {
		return false
	}
	return strings.IndexFunc(value, func(r rune) bool {
		return !('0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z')
	}) < 0
}
