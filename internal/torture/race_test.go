//go:build race

package main

// oneIn of the cases of the large tables is played with the race detector, which
// sees the driver and the account here, not the program; `make test` plays all of
// them without it.
const oneIn = 5
