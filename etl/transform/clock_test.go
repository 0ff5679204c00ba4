package transform_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/etl/transform"
)

func TestDaysIn(t *testing.T) {
	t.Parallel()
	for year := 1; year <= 2400; year++ {
		for month := 1; month <= 12; month++ {
			want := time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
			require.Equal(t, want, transform.DaysIn(year, month), "%d-%d", year, month)
		}
	}
}
