package etl

import (
	"fmt"
	"hash/maphash"
	"strings"
)

// A keySet remembers which row has which key: sixteen bytes a row and what the
// map adds, whatever the length of the keys. It belongs to the reader.
type keySet struct {
	seed  maphash.Seed
	first map[uint64]place
	files []string // names of files and sheets, by place.file
}

type place struct {
	file uint32
	row  uint32
}

func newKeySet() *keySet {
	return &keySet{seed: maphash.MakeSeed(), first: map[uint64]place{}}
}

// claim notes the key of rec. It answers with a Problem when an earlier row has
// the same key. HubSpot does not say whether it tells keys apart that differ
// only in case or outer blanks, so they count as the same.
func (k *keySet) claim(rec *Record) (Problem, bool) {
	if k == nil || rec.Key == "" {
		return Problem{}, false
	}
	hash := maphash.String(k.seed, strings.ToLower(strings.TrimSpace(rec.Key)))
	if at, taken := k.first[hash]; taken {
		return k.double(rec, at), true
	}
	k.first[hash] = place{file: k.file(rec.Pos), row: uint32(rec.Pos.Row)}
	return Problem{}, false
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

func (k *keySet) double(rec *Record, at place) Problem {
	return Problem{
		Column:  rec.KeyColumn,
		Value:   rec.Key,
		Code:    "DUPLICATE_KEY",
		Message: fmt.Sprintf("key %q stands in row %d of %s already", rec.Key, at.row, k.files[at.file]),
		Hint:    "keep one of the two rows; keys are compared without case and outer blanks",
	}
}
