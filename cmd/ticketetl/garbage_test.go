package main

import (
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAllowGarbage(t *testing.T) { // not beside others, as the setting is the process's
	was := debug.SetGCPercent(usualGarbage)
	defer debug.SetGCPercent(was)
	now := func() int {
		percent := debug.SetGCPercent(usualGarbage)
		debug.SetGCPercent(percent)
		return percent
	}
	usual := allowGarbage()
	require.Equal(t, moreGarbage, now())
	again := allowGarbage() // of another run in the same process
	require.Equal(t, moreGarbage, now())
	again()
	require.Equal(t, moreGarbage, now())
	usual()
	require.Equal(t, usualGarbage, now())

	debug.SetGCPercent(50) // GOGC
	usual = allowGarbage()
	require.Equal(t, 50, now())
	usual()
	require.Equal(t, 50, now())
}
