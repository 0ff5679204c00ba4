// Package raced says whether the race detector looks on, for tests that then try a
// part of what they try without it. It makes code ten times as slow, and finds in
// some cases what it would find in all; `make test` tries all of them without it.
package raced

import "flag"

// OneIn is n with the race detector, and 1 without: of a table's cases, one in so
// many is tried.
func OneIn(n int) int {
	if On {
		return n
	}
	return 1
}

// FewerChecks has rapid try a fifth of its usual hundred cases with the race
// detector, unless the command line says how many. Tests call it from init.
func FewerChecks() {
	if !On {
		return
	}
	if err := flag.Set("rapid.checks", "20"); err != nil {
		panic(err)
	}
}
