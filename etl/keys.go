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
}

type place struct {
	file uint32
	row  uint32
}

func newKeySet(unique []string) *keySet {
	k := &keySet{seed: maphash.MakeSeed(), unique: map[string]bool{}, first: map[uint64]place{}}
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
	if at, taken := k.take("", rec.Key, rec.Pos); taken {
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

// take notes a value. HubSpot does not say whether it tells values apart that
// differ only in case or outer blanks, so they count as the same.
func (k *keySet) take(property, value string, pos Position) (place, bool) {
	folded := strings.ToLower(strings.TrimSpace(value))
	if folded == "" {
		return place{}, false
	}
	hash := maphash.String(k.seed, property+"\x00"+folded)
	if at, taken := k.first[hash]; taken {
		return at, true
	}
	k.first[hash] = place{file: k.file(pos), row: uint32(pos.Row)}
	return place{}, false
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
