package sandbox_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/internal/sandbox"
)

// BenchmarkBatchCreate stores tickets by the hundred; the rate is per ticket.
func BenchmarkBatchCreate(b *testing.B) {
	s, err := sandbox.New(sandbox.Options{Limits: sandbox.Unlimited})
	require.NoError(b, err)
	client := s.Transport()
	var body bytes.Buffer
	for i := 0; b.Loop(); i++ {
		body.Reset()
		body.WriteString(`{"inputs":[`)
		for n := range 100 {
			if n > 0 {
				body.WriteByte(',')
			}
			fmt.Fprintf(&body, `{"objectWriteTraceId":"t%d","properties":{"subject":"Ticket %d of the benchmark","content":"A description that is about as long as one usually is, with a line\nbreak in it and some words more to fill it up.","hs_pipeline":"0","hs_pipeline_stage":"1","hs_ticket_priority":"HIGH","createdate":"2024-03-01T10:00:00Z"}}`, n, i)
		}
		body.WriteString(`]}`)
		req, err := http.NewRequestWithContext(b.Context(), http.MethodPost, "http://sandbox/crm/v3/objects/tickets/batch/create", &body)
		require.NoError(b, err)
		req.Header.Set("Authorization", "Bearer x")
		req.Header.Set("Content-Type", "application/json")
		res, err := client.RoundTrip(req)
		if err != nil {
			b.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		if res.StatusCode != http.StatusCreated {
			b.Fatal(res.Status)
		}
	}
	b.ReportMetric(float64(b.N)*100/b.Elapsed().Seconds(), "tickets/s")
}
