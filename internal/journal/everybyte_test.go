//go:build !race

package journal_test

// everyByte is how far apart the places are at which a journal is cut.
const everyByte = 1

// everyPage is how far apart the pages are that are torn.
const everyPage = 1
