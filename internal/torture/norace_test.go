//go:build !race

package main

// oneIn of the cases of the large tables is played.
const oneIn = 1
