package main

import (
	"encoding/csv"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/internal/hubspot"
)

// A history has each value that HubSpot tells of, also where the export was
// interrupted on the way, and neither file stands there before both are complete.
func TestHistoryCarriesOn(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 1500, createMapping, slowly)
	require.Equal(t, exitDone, d.importAll(t.Context(), "x", "--yes"), d.err.String())
	client, err := hubspot.New(hubspot.Options{BaseURL: d.url, Tokens: hubspot.StaticToken("x")})
	require.NoError(t, err)
	ids := d.ticketIDs()
	for _, subject := range []string{"=1+1", "two\nlines", "two\nlines", ""} {
		var inputs []hubspot.UpdateInput
		for _, id := range ids[:90] {
			inputs = append(inputs, hubspot.UpdateInput{TraceID: id, ID: id, Properties: []hubspot.Property{{Name: "subject", Value: subject}}})
		}
		_, err := client.UpdateBatch(t.Context(), "tickets", inputs)
		require.NoError(t, err)
	}
	flags := []string{"--history", d.path("history.csv"), "--guard", "never", "--concurrency", "1"}
	ended := make(chan int)
	go func() { ended <- d.export(t, "out.csv", flags...) }()
	pages := d.path("out.csv" + partSuffix + "/" + pagesFile)
	require.Eventually(t, func() bool { info, err := os.Stat(pages); return err == nil && info.Size() > 20_000 }, time.Minute, time.Millisecond)
	close(d.stop)
	require.Equal(t, exitInterrupted, <-ended)
	require.NoFileExists(t, d.path("history.csv"))
	require.NoFileExists(t, d.path("out.csv"))

	again := &desk{dir: d.dir, url: d.url, server: d.server, stop: make(chan struct{})}
	require.Equal(t, exitDone, again.export(t, "out.csv", flags...), again.err.String())
	require.Contains(t, again.err.String(), "Carrying on with the export to ")
	m := again.requireAll(t, "out.csv")

	want := [][]string{{"hs_object_id", "property", "value", "timestamp", "source_type", "source_id", "source_label", "updated_by_user_id"}}
	for part := range slices.Chunk(ids, hubspot.MaxHistoryBatch) {
		found, _, err := client.ReadBatch(t.Context(), "tickets", hubspot.BatchRead{IDs: part, PropertiesWithHistory: []string{"subject"}})
		require.NoError(t, err)
		slices.SortFunc(found, func(a, b hubspot.Object) int { return strings.Compare(a.ID, b.ID) }) // of one length
		for _, o := range found {
			for _, v := range o.PropertiesWithHistory["subject"] {
				want = append(want, []string{o.ID, "subject", v.Value, hubspotTime(v.Timestamp), v.SourceType, v.SourceID, v.SourceLabel, v.UpdatedByUserID})
			}
		}
	}
	require.Greater(t, len(want), 1+1500+2*90)
	data, err := os.ReadFile(d.path("history.csv"))
	require.NoError(t, err)
	rows, err := csv.NewReader(strings.NewReader(string(data))).ReadAll()
	require.NoError(t, err)
	require.Equal(t, want, rows)
	require.Equal(t, int64(len(rows)-1), m.History.Values)
	require.Equal(t, int64(len(data)), m.History.Bytes)
	info, err := os.Stat(d.path("history.csv"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}

func (d *desk) ticketIDs() (ids []string) {
	for _, ticket := range d.server.Tickets(false) {
		ids = append(ids, ticket.ID)
	}
	return ids
}

// hubspotTime is a moment as HubSpot writes it.
func hubspotTime(at time.Time) string {
	return strings.Replace(at.UTC().Format("2006-01-02T15:04:05.000Z"), ".000Z", "Z", 1)
}
