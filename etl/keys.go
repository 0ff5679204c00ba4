package etl

import (
	"fmt"
	"hash/maphash"
	"strings"
)

// A keySet remembers which row has which unique value: sixteen bytes for each and
// what the map adds, whatever the length of the values. It belongs to the
// reader.
type keySet struct {
	seed   maphash.Seed
	unique map[string]bool // properties whose values no two tickets share, besides the key
	first  map[uint64]place
	files  []string // names of files and sheets, by place.file
	policy *Doubles // nil: reject
}

// Doubles says what to do with rows that have the same Key. One value serves
// all readings of the same inputs: which rows are followed by a later one is
// learned in the first reading and used in the next.
type Doubles struct {
	Keep  DoublePolicy
	later map[place]place // rows that a later one takes the place of
}

// A DoublePolicy says which of several rows with one Key counts.
type DoublePolicy string

// The policies.
const (
	RejectDoubles DoublePolicy = "reject" // the first; the others are Rejected
	KeepFirst     DoublePolicy = "first"  // the first; the others are Skipped
	KeepLast      DoublePolicy = "last"   // the last; those before are Skipped, from the second reading on
)

type place struct {
	file uint32
	row  uint32
}

func newKeySet(unique []string, policy *Doubles) *keySet {
	k := &keySet{seed: maphash.MakeSeed(), unique: map[string]bool{}, first: map[uint64]place{}, policy: policy}
	for _, name := range unique {
		k.unique[name] = true
	}
	return k
}

// claim notes the key of rec and its other unique values. It answers with a
// Problem for each that an earlier row has.
func (k *keySet) claim(rec *Record) []Problem {
	if k == nil {
		return nil
	}
	var problems []Problem
	if at, taken := k.take("", rec.Key, rec.Pos); taken && !k.replaces(at, rec.Pos) {
		p := k.double("key", rec.Key, at)
		p.Column = rec.KeyColumn
		problems = append(problems, p)
	}
	if len(k.unique) == 0 {
		return problems
	}
	for _, p := range rec.Properties {
		if !k.unique[p.Name] || p.Value == rec.Key {
			continue
		}
		if at, taken := k.take(p.Name, p.Value, rec.Pos); taken {
			double := k.double(p.Name, p.Value, at)
			double.Column, double.Property = -1, p.Name
			problems = append(problems, double)
		}
	}
	return problems
}

// replaces notes that the row at pos takes the place of an earlier one, where the
// last one counts.
func (k *keySet) replaces(at place, pos Position) bool {
	if k.policy == nil || k.policy.Keep != KeepLast {
		return false
	}
	if k.policy.later == nil {
		k.policy.later = map[place]place{}
	}
	k.policy.later[at] = place{file: k.file(pos), row: uint32(pos.Row)}
	return true
}

// passed says whether rec is left out because another row with its key counts.
func (k *keySet) passed(rec *Record, problems []Problem) (Problem, bool) {
	if k == nil || k.policy == nil || rec.Key == "" {
		return Problem{}, false
	}
	if at, replaced := k.policy.later[place{file: k.file(rec.Pos), row: uint32(rec.Pos.Row)}]; replaced {
		p := k.double("key", rec.Key, at)
		p.Message = fmt.Sprintf("key %q stands again in row %d of %s, and the last row counts", rec.Key, at.row, k.files[at.file])
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

// take notes a value. HubSpot does not say whether it tells values apart that
// differ only in case or outer blanks, so they count as the same.
func (k *keySet) take(property, value string, pos Position) (place, bool) {
	folded := strings.ToLower(strings.TrimSpace(value))
	if folded == "" {
		return place{}, false
	}
	hash := maphash.String(k.seed, property+"\x00"+folded)
	at, taken := k.first[hash]
	if !taken || property == "" && k.policy != nil && k.policy.Keep == KeepLast {
		k.first[hash] = place{file: k.file(pos), row: uint32(pos.Row)}
	}
	return at, taken
}

func (k *keySet) file(p Position) uint32 {
	name := Position{File: p.File, Sheet: p.Sheet}.source()
	if n := len(k.files); n == 0 || k.files[n-1] != name {
		k.files = append(k.files, name)
	}
	return uint32(len(k.files) - 1)
}

func (p Position) source() string {
	if p.Sheet == "" {
		return p.File
	}
	return p.File + " [" + p.Sheet + "]"
}

func (k *keySet) double(what, value string, at place) Problem {
	return Problem{
		Value:   value,
		Code:    "DUPLICATE_KEY",
		Message: fmt.Sprintf("%s %q stands in row %d of %s already", what, value, at.row, k.files[at.file]),
		Hint:    "keep one of the two rows; keys are compared without case and outer blanks",
	}
}
