//go:build !race

package raced

// On says that the race detector is compiled in.
const On = false
