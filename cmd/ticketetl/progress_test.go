package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/etl"
)

// TestProgressLine: how many of how many, where that is known and right.
func TestProgressLine(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		total int64
		want  string
	}{
		{-1, "read: 3 rows, "}, // unknown
		{0, "read: 3 rows, "},  // a count that lags behind
		{2, "read: 3 rows, "},
		{3, "read: 3 of 3 rows, "},
		{2000, "read: 3 of 2,000 rows, "},
	} {
		var out bytes.Buffer
		p := &progress{out: &out, mode: "log"}
		p.begin("read", tt.total, nil)
		for range 3 {
			p.add(etl.Created)
		}
		p.end()
		require.Contains(t, out.String(), tt.want)
	}
}
