package sandbox

import (
	"encoding/json"

	"github.com/ticketetl/ticketetl/internal/schema"
)

// WorldFromSchema is an account for rehearsals: definitions and owners are
// those of s, which is copied; contacts, companies and deals are those of
// DefaultWorld. A schema does not tell what an administrator has made required.
// An account id or time zone that s does not state is the
// default's too.
func WorldFromSchema(s *schema.Schema) *World {
	w := DefaultWorld()
	usual := w.Schema
	w.Schema, w.Required, w.Conditions = deepCopy(s), nil, nil
	if w.Schema.Account.ID == 0 {
		w.Schema.Account.ID = usual.Account.ID
	}
	if w.Schema.Account.TimeZone == "" {
		w.Schema.Account.TimeZone = usual.Account.TimeZone
	}
	if w.Schema.Labels == nil {
		w.Schema.Labels = usual.Labels
	}
	if w.Schema.Unique == nil {
		w.Schema.Unique = usual.Unique
	}
	return w
}

// deepCopy is v without anything that it shares with v.
func deepCopy[T any](v T) T {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err) // plain data always marshals
	}
	var twin T
	if err := json.Unmarshal(data, &twin); err != nil {
		panic(err)
	}
	return twin
}
