//go:build !race

package journal_test

// everyByte is how far apart the places are at which a journal is cut.
const everyByte = 1
