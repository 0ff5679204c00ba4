package sandbox

import "github.com/ticketetl/ticketetl/internal/schema"

// A World is what an account holds before anybody writes to it.
type World struct {
	Schema    *schema.Schema // account, ticket properties, pipelines, owners, labels, rules
	Contacts  []Seed
	Companies []Seed
	Deals     []Seed

	// What an administrator has made required of tickets. HubSpot enforces it
	// from 2026-09 on.
	Required   []string // by a create, beside subject, pipeline and stage
	Conditions []Condition
}

// A Condition makes properties required, by creates and updates, of tickets in
// which another property has a certain value.
type Condition struct {
	Property, Value string
	Require         []string
}

// A Seed is one record of a World.
type Seed struct {
	ID         string // decimal
	Properties map[string]string
}
