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
	load(b, s.Transport(), "http://sandbox")
}

// load sends the same hundred tickets again and again.
func load(b *testing.B, client http.RoundTripper, url string) {
	body := hundred()
	for b.Loop() {
		req, err := http.NewRequestWithContext(b.Context(), http.MethodPost, url+"/crm/v3/objects/tickets/batch/create", bytes.NewReader(body))
		require.NoError(b, err)
		req.Header.Set("Authorization", "Bearer x")
		req.Header.Set("Content-Type", "application/json")
		res, err := client.RoundTrip(req)
		if err != nil {
			b.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		res.Body.Close()
		if res.StatusCode != http.StatusCreated {
			b.Fatal(res.Status)
		}
	}
	b.ReportMetric(float64(b.N)*100/b.Elapsed().Seconds(), "tickets/s")
}

// hundred is the body of a batch of a hundred tickets.
func hundred() []byte {
	var body bytes.Buffer
	body.WriteString(`{"inputs":[`)
	for n := range 100 {
		if n > 0 {
			body.WriteByte(',')
		}
		fmt.Fprintf(&body, `{"objectWriteTraceId":"t%d","properties":{"subject":"Ticket %d of the benchmark","content":"A description that is about as long as one usually is, with a line\nbreak in it and some words more to fill it up.","hs_pipeline":"0","hs_pipeline_stage":"1","hs_ticket_priority":"HIGH","createdate":"2024-03-01T10:00:00Z"}}`, n, n)
	}
	body.WriteString(`]}`)
	return body.Bytes()
}

// BenchmarkBatchCreateOverTCP is the same over a socket, client included.
func BenchmarkBatchCreateOverTCP(b *testing.B) {
	s, err := sandbox.New(sandbox.Options{Limits: sandbox.Unlimited})
	require.NoError(b, err)
	url, stop, err := s.Listen("")
	require.NoError(b, err)
	defer func() { require.NoError(b, stop()) }()
	load(b, http.DefaultTransport, url)
}
