package hubspot_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/internal/hubspot"
)

// Pages in the form that HubSpot sends, each of which is read without encoding/json.
var usualPages = []string{
	`{"results":[]}`,
	` { "total" : 3 , "results" : [ ] , "paging" : { "next" : { "after" : "200" , "link" : "x" } } } `,
	`{"results":[{"id":"123456789012345678","properties":{"subject":"a","content":null,"n":""},"createdAt":"2026-11-23T10:00:00.123Z","updatedAt":"2026-11-23T10:00:00Z","archived":false}]}`,
	`{"results":[{"id":7,"properties":{"subject":"line\nbreak \"quoted\" \\ \u00e9 😀 \ud83d\ude00 ;"},"archived":true,"archivedAt":"2026-11-23T10:00:00Z","url":"https://x/1"}],"paging":{"next":{"after":8}}}`,
	`{"results":[{"id":"1","properties":{"a":"1","b":"2"}},{"id":"2","properties":{"b":"3","a":"4","c":null}},{"id":"3","properties":{}}]}`,
	`{"results":[{"id":"1","associations":{"contacts":{"results":[{"id":"5","type":"ticket_to_contact_unlabeled"},{"id":"5","type":"ticket_to_contact"},{"id":"6","type":"x"}],"paging":{"next":{"after":"6"}}},"companies":{"results":[]}},"archivedAt":null,"new":{"deep":[1,{"x":"}"}]}}]}`,
}

// Pages that are left to encoding/json, which reads or refuses them.
var otherPages = []string{
	``, `null`, `[]`, `{}`, `{"results":null}`, `{"results":[{}]`, `{"results":[]}x`, `{"Results":[]}`, `{"results":[],"results":[{"id":"1"}]}`,
	`{"results":[{"id":null}]}`, `{"results":[{"id":"1","properties":{"a":1}}]}`, `{"results":[{"id":"1","properties":null}]}`,
	`{"results":[{"id":"1","propertiesWithHistory":{"a":[{"value":"x","timestamp":"2026-11-23T10:00:00Z"}]}}]}`,
	`{"results":[{"id":"1","ID":"2"}]}`, `{"results":[{"id":"1","archived":null}]}`, `{"results":[{"id":1.5}]}`, `{"results":[{"id":"a` + "\x01" + `"}]}`,
	`{"results":[{"id":"` + "\xff" + `"}]}`, `{"results":[{"id":"\`, `{"results":[{"id":"1\"`, `{"results":[{"id":"\ud83d"}],"total":"x"}`, `{"total":1.5,"results":[]}`, `<html>`,
}

// What is scanned is what encoding/json reads.
func TestPagesAreReadAlike(t *testing.T) {
	t.Parallel()
	for i, text := range append(usualPages, otherPages...) {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			got, usual, err := hubspot.DecodePage([]byte(text))
			require.Equal(t, i < len(usualPages), usual, text)
			want, wantErr := hubspot.DecodePagePlainly([]byte(text))
			require.Equal(t, wantErr, err)
			require.Equal(t, emptyMaps(want), emptyMaps(got))
		})
	}
}

// The values of a listing are those of the properties, in the order asked for.
func TestListingsInOrder(t *testing.T) {
	t.Parallel()
	for _, order := range [][]string{{"b", "missing", "subject", "a"}, {"n", "c", "content"}, {}} {
		for _, text := range append(usualPages, otherPages...) {
			requireInOrder(t, []byte(text), order)
		}
	}
	page, usual, err := hubspot.DecodeList([]byte(usualPages[4]), []string{"b", "c", "a"})
	require.NoError(t, err)
	require.True(t, usual)
	for i, want := range [][]string{{"2", "", "1"}, {"3", "", "4"}, {"", "", ""}} {
		require.Equal(t, want, page.Results[i].Values)
		require.Nil(t, page.Results[i].Properties)
	}
}

func requireInOrder(t require.TestingT, data []byte, order []string) {
	got, usual, err := hubspot.DecodeList(data, order)
	want, wantErr := hubspot.DecodePagePlainly(data)
	if usual && wantErr != nil { // what means nothing is not checked
		return
	}
	require.Equal(t, wantErr, err)
	require.Len(t, got.Results, len(want.Results))
	for i, o := range want.Results {
		require.Len(t, got.Results[i].Values, len(order))
		for k, name := range order {
			require.Equal(t, o.Properties[name], got.Results[i].Values[k])
		}
	}
}

// emptyMaps makes one of a map that is empty and one that is not there.
func emptyMaps(page hubspot.SearchPage) hubspot.SearchPage {
	for i := range page.Results {
		if len(page.Results[i].Properties) == 0 {
			page.Results[i].Properties = nil
		}
		if len(page.Results[i].Associations) == 0 {
			page.Results[i].Associations = nil
		}
	}
	if len(page.Results) == 0 {
		page.Results = nil
	}
	return page
}

// Of any bytes, what is scanned is what encoding/json reads.
func FuzzDecodePage(f *testing.F) {
	for _, text := range append(usualPages, otherPages...) {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, usual, err := hubspot.DecodePage(data)
		if !usual {
			return
		}
		require.NoError(t, err)
		want, err := hubspot.DecodePagePlainly(data)
		if err != nil { // what means nothing is not checked
			return
		}
		require.Equal(t, emptyMaps(want), emptyMaps(got))
		requireInOrder(t, data, []string{"a", "subject", "b"})
	})
}

// A page of 100 tickets with eighteen properties; one operation is a page.
func BenchmarkDecodePage(b *testing.B) {
	_, answer := batchOf()
	page := append(bytes.TrimSuffix(answer, []byte("}")), `,"paging":{"next":{"after":"20000000100"}}}`...)
	page = bytes.ReplaceAll(page, []byte(`"status":"COMPLETE",`), nil)
	for name, decode := range map[string]func([]byte) (hubspot.SearchPage, error){
		"plainly": hubspot.DecodePagePlainly,
		"scanned": hubspot.DecodeSearch,
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(page)))
			b.ReportAllocs()
			for b.Loop() {
				got, err := decode(page)
				require.NoError(b, err)
				require.Len(b, got.Results, 100)
			}
		})
	}
}

// A page is read with few allocations: a map and a few parts for each ticket.
func TestPagesAreReadCheaply(t *testing.T) {
	page := []byte(`{"results":[` + strings.TrimSuffix(strings.Repeat(`{"id":"20000000001","properties":{"a":"some text","b":"2","c":"3","d":null,"e":"5","f":"6"},"createdAt":"2026-11-23T10:00:00.123Z","updatedAt":"2026-11-23T10:00:00.123Z","archived":false},`, 100), ",") + `]}`)
	allocations := testing.AllocsPerRun(20, func() {
		_, err := hubspot.DecodeSearch(page)
		require.NoError(t, err)
	})
	require.Less(t, allocations, 1200.0, "of 100 tickets")
}
