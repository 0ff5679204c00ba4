package sandbox

import "github.com/ticketetl/ticketetl/internal/schema"

// A World is what an account holds before anybody writes to it.
type World struct {
	Schema    *schema.Schema // account, ticket properties, pipelines, owners, labels, rules
	Contacts  []Seed
	Companies []Seed
	Deals     []Seed
}

// A Seed is one record of a World.
type Seed struct {
	ID         string // decimal
	Properties map[string]string
}
