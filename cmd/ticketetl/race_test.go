//go:build race

package main

// chances is how many of n random cases are tried. The race detector makes each of
// them ten times as slow and finds in the first what it would find in the others;
// `make test` tries all of them without it.
func chances(n uint64) uint64 { return (n + 2) / 3 }
