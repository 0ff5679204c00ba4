//go:build race

package journal_test

import "flag"

// everyByte is coarse with the race detector, which slows SQLite down and has
// nothing to find here. It is odd, so that all kinds of places come.
const everyByte = 127

// everyPage is coarse likewise.
const everyPage = 5

// A third of the random cases is tried with the race detector; `make test` tries
// all of them without it.
func init() {
	if err := flag.Set("rapid.checks", "34"); err != nil {
		panic(err)
	}
}
