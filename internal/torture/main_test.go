package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// program is the real one, built once for all tests.
var program string

func TestMain(m *testing.M) {
	if prepareInside() {
		os.Exit(m.Run())
	}
	dir, err := os.MkdirTemp("", "torture-bin")
	if err == nil {
		err = os.Chmod(dir, 0o755) // for TestReadOnly's user
	}
	if err == nil {
		program, err = build(context.Background(), dir)
	}
	code := 1
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	} else {
		code = m.Run()
	}
	_ = os.RemoveAll(dir) // what stays is in the system's temporary folder
	os.Exit(code)
}

// TestTorture is a round of each kind; `make torture` plays these, and many more.
func TestTorture(t *testing.T) {
	t.Parallel()
	var said strings.Builder
	opts := options{bin: program, rounds: len(variants), seed: 1, calm: 5, variants: variants, parallel: 5}
	require.NoError(t, playAll(t.Context(), opts, &said), "%s", &said)
	t.Log(said.String())
}

// TestSeed: a seed is a round.
func TestSeed(t *testing.T) {
	t.Parallel()
	for _, v := range variants {
		p := newPlan(7, v, true)
		require.Equal(t, p, newPlan(7, v, true))
		require.Equal(t, newRows(p), newRows(p))
		require.NotEqual(t, newRows(p), newRows(newPlan(8, v, true)))
	}
	_, err := chosen("upsert,nonsense")
	require.EqualError(t, err, `there is no variant "nonsense"`)
}

// TestLarge: the measuring of large files measures.
func TestLarge(t *testing.T) {
	t.Parallel()
	var said strings.Builder
	require.NoError(t, measure(t.Context(), program, 3000, true, &said))
	require.Regexp(t, `(?m)^3000 rows \(0 MiB\), exit 5 with (1[5-9]|2\d)00 created: .*\n3000 rows \(0 MiB\), exit 0 with 3000 created: .* peak memory [1-9]\d* MiB,`, said.String())
}
