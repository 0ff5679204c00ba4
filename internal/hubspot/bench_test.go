package hubspot_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/internal/hubspot"
)

// batchOf is a full batch of tickets with twelve properties, and the answer to
// it with the properties that HubSpot sends along.
func batchOf() ([]hubspot.CreateInput, []byte) {
	in := make([]hubspot.CreateInput, hubspot.MaxBatch)
	var b bytes.Buffer
	b.WriteString(`{"status":"COMPLETE","results":[`)
	for i := range in {
		in[i].TraceID = "row-" + strconv.Itoa(i)
		for p := range 12 {
			in[i].Properties = append(in[i].Properties, hubspot.Property{Name: "property_" + strconv.Itoa(p), Value: strings.Repeat("válue ", 8)})
		}
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":"%d","properties":{"hs_object_id":"%d"`, 20000000000+i, 20000000000+i)
		for p := range 18 {
			fmt.Fprintf(&b, `,"property_%d":"%s"`, p, strings.Repeat("válue ", 8))
		}
		fmt.Fprintf(&b, `},"createdAt":"2026-11-23T10:00:00.123Z","updatedAt":"2026-11-23T10:00:00.123Z","archived":false,"objectWriteTraceId":"row-%d"}`, i)
	}
	b.WriteString(`],"startedAt":"2026-11-23T10:00:00.123Z","completedAt":"2026-11-23T10:00:00.123Z"}`)
	return in, b.Bytes()
}

// BenchmarkEncodeBatch makes the body of a full batch; one operation is 100 rows.
func BenchmarkEncodeBatch(b *testing.B) {
	in, _ := batchOf()
	var body []byte
	b.ReportAllocs()
	for b.Loop() {
		body = hubspot.Repaired(hubspot.AppendCreateInputs(body[:0], in))
	}
	b.SetBytes(int64(len(body)))
}

// BenchmarkPair judges the answer to a full batch; one operation is 100 rows.
func BenchmarkPair(b *testing.B) {
	in, data := batchOf()
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		results, err := hubspot.PairCreates(in, data)
		require.NoError(b, err)
		require.NotEmpty(b, results[99].ID)
	}
}

// BenchmarkCreateBatch is the whole call against a server that only reads and
// answers; one operation is 100 rows.
func BenchmarkCreateBatch(b *testing.B) {
	in, data := batchOf()
	c := serve(b, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = w.Write(data)
	})
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := c.CreateBatch(b.Context(), "tickets", in); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
