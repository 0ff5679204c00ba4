//go:build race

package journal_test

// everyByte is coarse with the race detector, which slows SQLite down and has
// nothing to find here. It is odd, so that all kinds of places come.
const everyByte = 127
