package hubspot_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/internal/hubspot"
)

// Answers to batch reads in the form that HubSpot sends.
var usualReads = []string{
	`{"status":"COMPLETE","results":[],"numErrors":1,"errors":[{"status":"error","category":"OBJECT_NOT_FOUND","message":"Could not get some TICKET objects","context":{"ids":["A-1"," a-2 ","","\u00e9"]}}],"startedAt":"2026-01-02T03:04:05Z"}`,
	`{"status":"COMPLETE","results":[{"id":"7","properties":{"subject":"a\nb","content":null},"createdAt":"2026-11-23T10:00:00.123Z","updatedAt":"2026-11-23T10:00:00Z","archived":false}]}`,
	`{"errors":[],"results":[{"id":7}]}`,
	`{"results":[],"errors":[{"category":"OBJECT_NOT_FOUND","context":{"ids":[],"other":["x"]}},{"context":{"ids":["b"]},"links":{},"category":"OBJECT_NOT_FOUND"}]}`,
}

// Answers that are left to encoding/json, which reads or refuses them.
var otherReads = []string{
	``, `{}`, `{"results":null}`, `{"results":[]`, `{"Results":[]}`, `{"results":[],"Errors":[]}`, `{"errors":[{"category":"OBJECT_NOT_FOUND","context":{"ids":["1"]}}]}`,
	`{"results":[],"errors":[{"category":"VALIDATION_ERROR","message":"no"}]}`, `{"results":[],"errors":[{"category":"OBJECT_NOT_FOUND"}]}`, `{"results":[],"errors":[{"category":"OBJECT_NOT_FOUND","context":{"ids":"1"}}]}`,
	`{"results":[],"errors":[{"category":"OBJECT_NOT_FOUND","category":"X","context":{"ids":["1"]}}]}`, `{"results":[],"errors":[{"category":"OBJECT_NOT_FOUND","context":{"ids":["1"],"ids":["2"]}}]}`,
	`{"results":[],"errors":[{"category":"OBJECT_NOT_FOUND","context":{"ids":[1]}}]}`, `{"results":[],"errors":null}`, `{"results":[],"errors":["x"]}`, `{"results":[{"id":"` + "\xff" + `"}]}`,
	`{"results":[],"errors":[{"errorType":"OBJECT_NOT_FOUND","context":{"ids":["1"]}}]}`, `{"results":[{"id":"1","propertiesWithHistory":{"a":[{"value":"x"}]}}]}`,
}

func requireReadAlike(t require.TestingT, data []byte) (usual bool) {
	found, missing, usual, err := hubspot.DecodeRead(data)
	if !usual {
		return false
	}
	require.NoError(t, err)
	want, wantMissing, err := hubspot.DecodeReadPlainly(data)
	if err != nil { // what means nothing is not checked
		return true
	}
	require.Equal(t, emptyMaps(hubspot.SearchPage{Results: want}), emptyMaps(hubspot.SearchPage{Results: found}))
	require.Equal(t, wantMissing, missing)
	return true
}

// What is scanned is what encoding/json reads.
func TestReadsAreReadAlike(t *testing.T) {
	t.Parallel()
	for i, text := range append(usualReads, otherReads...) {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			require.Equal(t, i < len(usualReads), requireReadAlike(t, []byte(text)), text)
		})
	}
	_, missing, _, err := hubspot.DecodeRead([]byte(usualReads[0]))
	require.NoError(t, err)
	require.Equal(t, map[string]bool{"a-1": true, "a-2": true, "é": true}, missing)
}

// Of any bytes, what is scanned is what encoding/json reads.
func FuzzDecodeRead(f *testing.F) {
	for _, text := range append(usualReads, otherReads...) {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) { requireReadAlike(t, data) })
}
