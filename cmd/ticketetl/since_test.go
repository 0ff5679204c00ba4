package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/xuri/excelize/v2"

	"github.com/ticketetl/ticketetl/internal/hubspot"
	"github.com/ticketetl/ticketetl/internal/raced"
	"github.com/ticketetl/ticketetl/internal/sandbox"
)

// An office is an account whose clock the test sets and whose tickets change.
type office struct {
	desk
	ahead  atomic.Int64 // nanoseconds that its clock is ahead of the real one
	client *hubspot.Client
	rng    *rand.Rand
}

func newOffice(t *testing.T, seed uint64, opts sandbox.Options) *office {
	t.Helper()
	o := &office{rng: rand.New(rand.NewPCG(seed, 2))}
	opts.Limits, opts.Now = sandbox.Unlimited, func() time.Time { return time.Now().Add(time.Duration(o.ahead.Load())) }
	server, err := sandbox.New(opts)
	require.NoError(t, err)
	url, stop, err := server.Listen("127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, errors.Join(stop(), server.Close())) })
	o.desk = desk{dir: t.TempDir(), url: url, server: server, stop: make(chan struct{})}
	o.client, err = hubspot.New(hubspot.Options{BaseURL: "http://127.0.0.1", Transport: calm{server.Transport()}, Tokens: hubspot.StaticToken("x")})
	require.NoError(t, err)
	return o
}

// calm carries requests that no fault strikes.
type calm struct{ next http.RoundTripper }

func (c calm) RoundTrip(r *http.Request) (*http.Response, error) {
	return c.next.RoundTrip(sandbox.Undisturbed(r))
}

// later lets time pass, more than the margin of --since.
func (o *office) later() { o.ahead.Add(int64(10 * time.Minute)) }

var trickyTexts = []string{
	"plain", "=1+1", "'=1+1", "-5", "a;b", "two\r\nlines\n", `"quoted", 😀`, "123456789012345678", "_x000B_", " outer blanks ", "\u000bvertical", "'", "",
}

func (o *office) text() string { return trickyTexts[o.rng.IntN(len(trickyTexts))] }

func (o *office) properties(n int) []hubspot.Property {
	return []hubspot.Property{
		{Name: "subject", Value: fmt.Sprint("Ticket ", n, " ", o.text())}, {Name: "content", Value: o.text()},
		{Name: "hs_pipeline", Value: "0"}, {Name: "hs_pipeline_stage", Value: []string{"1", "2", "3", "4"}[o.rng.IntN(4)]},
		{Name: "hs_ticket_priority", Value: []string{"LOW", "HIGH", ""}[o.rng.IntN(3)]},
		{Name: "createdate", Value: time.UnixMilli(1_700_000_000_000 + int64(o.rng.IntN(1_000_000_000))).UTC().Format("2006-01-02T15:04:05.000Z")},
	}
}

func (o *office) create(t *testing.T, n int) (ids []string) {
	t.Helper()
	in := make([]hubspot.CreateInput, n)
	for i := range in {
		in[i].Properties = o.properties(i)
	}
	for part := range slices.Chunk(in, 100) {
		results, err := o.client.CreateBatch(t.Context(), "tickets", part)
		require.NoError(t, err)
		for _, r := range results {
			require.NoError(t, r.Err)
			ids = append(ids, r.ID)
		}
	}
	return ids
}

// change does n things that people do. It returns the ids that were touched.
func (o *office) change(t *testing.T, n int) (touched []string) {
	t.Helper()
	for range n {
		live, bin := o.server.Tickets(false), o.server.Tickets(true)
		id := live[o.rng.IntN(len(live))].ID
		switch o.rng.IntN(6) {
		case 0:
			id = o.create(t, 1)[0]
		case 1, 2:
			_, err := o.client.Update(t.Context(), "tickets", id, "", o.properties(0)[:5])
			require.NoError(t, err)
		case 3:
			require.NoError(t, o.client.Archive(t.Context(), "tickets", id))
		case 4:
			if len(bin) > 0 {
				id = bin[o.rng.IntN(len(bin))].ID
				require.True(t, o.server.Restore(id))
			}
		case 5:
			if other := live[o.rng.IntN(len(live))].ID; other != id && o.rng.IntN(3) == 0 {
				merged, err := o.client.Merge(t.Context(), "tickets", id, other)
				require.NoError(t, err)
				touched = append(touched, other, merged.ID)
			}
		}
		touched = append(touched, id)
	}
	return touched
}

var officeProperties = "subject,content,hs_pipeline_stage,hs_ticket_priority,createdate,hs_lastmodifieddate"

func (o *office) export(t *testing.T, output string, more ...string) string {
	t.Helper()
	o.out.Reset()
	o.err.Reset()
	args := append([]string{"export", "-o", o.path(output), "--progress", "none", "--settle", "1s", "--properties", officeProperties}, more...)
	require.Equal(t, exitDone, o.run(t.Context(), "x", args...), o.err.String())
	return o.out.String()
}

func (o *office) manifest(t *testing.T, output string) *manifest {
	t.Helper()
	m, err := loadManifest(o.path(output + manifestSuffix))
	require.NoError(t, err)
	require.NotNil(t, m)
	return m
}

// requireSame compares two outputs: cell by cell if they are workbooks, else byte by byte.
func (o *office) requireSame(t *testing.T, want, got string) {
	t.Helper()
	if strings.HasSuffix(want, ".xlsx") {
		require.Equal(t, cellsOf(t, o.path(want)), cellsOf(t, o.path(got)))
		return
	}
	a, err := os.ReadFile(o.path(want))
	require.NoError(t, err)
	b, err := os.ReadFile(o.path(got))
	require.NoError(t, err)
	require.True(t, bytes.Equal(a, b), "%s:\n%.4000s\n%s:\n%.4000s", want, a, got, b)
}

// cellsOf are the raw values of a workbook's cells, with their types.
func cellsOf(t *testing.T, path string) (all []string) {
	t.Helper()
	book, err := excelize.OpenFile(path, excelize.Options{RawCellValue: true})
	require.NoError(t, err)
	defer book.Close()
	for _, sheet := range book.GetSheetList() {
		rows, err := book.GetRows(sheet)
		require.NoError(t, err)
		for r, row := range rows {
			for c, text := range row {
				name, err := excelize.CoordinatesToCellName(c+1, r+1)
				require.NoError(t, err)
				kind, err := book.GetCellType(sheet, name)
				require.NoError(t, err)
				all = append(all, fmt.Sprintf("%s!%s %d %q", sheet, name, kind, text))
			}
		}
	}
	return all
}

// Whatever happens between exports, a file that is brought up to date is the one
// that a full export writes.
func TestMergeIsAFullExport(t *testing.T) {
	t.Parallel()
	for i, tt := range []struct {
		name  string
		flags []string
	}{
		{"raw.csv", []string{"--values", "raw"}},
		{"guarded.csv", []string{"--values", "both", "--timezone", "America/Sao_Paulo"}},
		{"semicolons.csv", []string{"--delimiter", ";", "--bom", "--headers", "labels"}},
		{"labels.xlsx", []string{"--headers", "labels"}},
		{"lines.jsonl.gz", nil},
		{"typed.parquet", nil},
		{"packed.parquet.zst", []string{"--values", "labels"}},
	} {
		for seed := range uint64(3 / raced.OneIn(3)) {
			t.Run(fmt.Sprint(tt.name, " seed ", seed), func(t *testing.T) {
				t.Parallel()
				o := newOffice(t, seed*100+uint64(i), sandbox.Options{IndexLag: -1})
				o.create(t, 150)
				o.later()
				_, err := o.client.Update(t.Context(), "tickets", o.server.Tickets(false)[3].ID, "", o.properties(3)[:2])
				require.NoError(t, err)
				merges := 0
				for round := range 5 {
					o.export(t, tt.name, append([]string{"--merge", "--since", "last"}, tt.flags...)...)
					m := o.manifest(t, tt.name)
					if round == 0 {
						require.Equal(t, modeFull, m.Mode)
						require.Contains(t, o.err.String(), "All tickets are read: there is no ")
					} else if m.Mode == modeMerge {
						merges++
						require.Less(t, m.ReadAgain, int64(60), "what has not changed is not read")
					}
					o.export(t, "full-"+tt.name, tt.flags...)
					o.requireSame(t, "full-"+tt.name, tt.name)
					o.later()
					o.change(t, o.rng.IntN(25))
				}
				require.NotZero(t, merges)
				require.Empty(t, o.server.Violations())
			})
		}
	}
}

// A consumer that keeps what it got, and takes over each file of changes, has what
// a full export has.
func TestChangesAreAllThatChanged(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4 / raced.OneIn(2)) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			o := newOffice(t, seed, sandbox.Options{IndexLag: -1})
			o.create(t, 250)
			flags := []string{"--since", "last", "--state", o.path("state.json"), "--archived", "include", "--associations", "none"}
			o.export(t, "0.jsonl", flags...)
			kept := map[string]string{}
			o.takeOver(t, "0.jsonl", kept)
			var touched, before []string
			for round := 1; round < 5; round++ {
				o.later()
				before, touched = touched, o.change(t, 20)
				name := fmt.Sprint(round, ".jsonl")
				o.export(t, name, flags...)
				require.Equal(t, modeChanges, o.manifest(t, name).Mode)
				for _, id := range o.takeOver(t, name, kept) {
					if round > 1 { // what was changed shortly before the last export may come again
						require.Contains(t, slices.Concat(before, touched), id, "what has not changed is not in the file")
					}
				}
				o.export(t, "full.jsonl", "--associations", "none", "--archived", "include")
				full := map[string]string{}
				o.takeOver(t, "full.jsonl", full)
				for id := range kept { // a file of changes does not say of a ticket that it was merged into another
					if _, there := full[id]; !there && slices.Contains(touched, id) {
						delete(kept, id)
					}
				}
				require.Equal(t, full, kept)
			}
		})
	}
}

// takeOver puts the lines of an output over those that a consumer has, by id.
func (o *office) takeOver(t *testing.T, name string, kept map[string]string) (ids []string) {
	t.Helper()
	data, err := os.ReadFile(o.path(name))
	require.NoError(t, err)
	for line := range strings.Lines(string(data)) {
		var row struct {
			ID string `json:"id"`
		}
		require.NoError(t, json.Unmarshal([]byte(line), &row))
		kept[row.ID] = line
		ids = append(ids, row.ID)
	}
	return ids
}

// A change of associations is found with --full-associations, and not without.
func TestMergeOfAssociations(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"out.csv", "out.jsonl"} {
		o := newOffice(t, 9, sandbox.Options{IndexLag: -1})
		o.create(t, 20)
		o.later()
		_, err := o.client.Update(t.Context(), "tickets", o.server.Tickets(false)[3].ID, "", o.properties(3)[:2])
		require.NoError(t, err)
		o.export(t, name)
		o.later()
		o.link(t)
		o.export(t, name, "--merge")
		require.EqualValues(t, 1, o.manifest(t, name).ReadAgain)
		require.Zero(t, o.manifest(t, name).Relinked)
		o.export(t, "full-"+name)
		o.later()
		o.export(t, name, "--merge", "--full-associations")
		require.EqualValues(t, 1, o.manifest(t, name).Relinked)
		o.requireSame(t, "full-"+name, name)
	}
}

// link associates a ticket with a contact, behind the ticket's back.
func (o *office) link(t *testing.T) {
	t.Helper()
	people, err := o.client.List(t.Context(), "contacts", hubspot.ListQuery{Limit: 2})
	require.NoError(t, err)
	from := o.server.Tickets(false)[7].ID
	var links []hubspot.AssociationWrite
	for _, p := range people.Results {
		links = append(links, hubspot.AssociationWrite{FromID: from, ToID: p.ID})
	}
	_, err = o.client.AssociateDefaultBatch(t.Context(), "tickets", "contacts", links)
	require.NoError(t, err)
}

// What cannot be brought up to date is refused, or read anew.
func TestMergeRefuses(t *testing.T) {
	t.Parallel()
	o := newOffice(t, 3, sandbox.Options{IndexLag: -1})
	o.create(t, 30)
	o.export(t, "out.csv")
	o.export(t, "out.csv", "--merge", "--values", "raw")
	require.Contains(t, o.err.String(), "All tickets are read: in "+o.path("out.csv")+".manifest.json, the columns, or the labels that they show, are others.")
	require.Equal(t, modeFull, o.manifest(t, "out.csv").Mode)

	fails := func(want string, args ...string) {
		t.Helper()
		o.err.Reset()
		require.Equal(t, exitCannotRun, o.run(t.Context(), "x", append([]string{"export", "--progress", "none", "-o", o.path("out.csv")}, args...)...))
		require.Contains(t, o.err.String(), want)
	}
	data, err := os.ReadFile(o.path("out.csv"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(o.path("out.csv"), append(data, "7,by hand\n"...), 0o600))
	fails("out.csv is not what "+o.path("out.csv")+".manifest.json describes: it was changed since", "--merge")
	kept, err := os.ReadFile(o.path("out.csv"))
	require.NoError(t, err)
	require.Contains(t, string(kept), "by hand", "what somebody has written stays")

	o.export(t, "out.csv", "--since", "2026-01-01")
	fails("does not have all live tickets", "--merge")
	o.export(t, "out.csv", "--archived", "only")
	fails("does not have all live tickets", "--merge")

	o.export(t, "bin.csv", "--archived", "only", "--state", o.path("bin.json"))
	o.export(t, "live.csv", "--since", "last", "--state", o.path("bin.json"))
	require.Contains(t, o.err.String(), "All tickets are read: "+o.path("bin.json")+" is of an export of other tickets")
	data, err = os.ReadFile(o.path("out.csv"))
	require.NoError(t, err)
	for _, flag := range []string{"--state", "--history", "--metrics"} {
		fails("-o and "+flag+" are the same file, "+o.path("out.csv")+", and one would be written over the other", flag, o.path("out.csv"))
	}
	kept, err = os.ReadFile(o.path("out.csv"))
	require.NoError(t, err)
	require.Equal(t, data, kept)
	fails("--metrics and --state are the same file", "--metrics", o.path("x"), "--state", o.path("x"))
	fails("--metrics and the manifest beside the output are the same file", "--metrics", o.path("out.csv.manifest.json"))

	fails("foreign.json is of account 7, and the token belongs to account 48120077", "--since", "last", "--state", o.foreign(t))
	fails(`--since: "yesterday" is neither 'last' nor a time`, "--since", "yesterday")
	fails("leave --since out", "--merge", "--since", "2026-01-01")
	fails("leave --archived, --editable and --state out", "--merge", "--archived=include")
	fails("give --merge as well", "--full-associations")
	fails(`--archived: "all" is not one of`, "--archived=all")
	fails("standard output has no manifest", "--since", "last", "-o", "-", "--output-format", "csv")
	fails("standard output is none", "--merge", "-o", "-", "--output-format", "csv")
}

// foreign is the state of an export of another account.
func (o *office) foreign(t *testing.T) string {
	t.Helper()
	m := o.manifest(t, "out.csv")
	m.Account.ID = 7
	require.NoError(t, m.write(o.path("foreign.json"), 0o600))
	return o.path("foreign.json")
}

// An export that dies after its output is in its place, and before its manifest and
// state are, loses nothing.
func TestDeathBetweenOutputAndState(t *testing.T) {
	t.Parallel()
	o := newOffice(t, 4, sandbox.Options{IndexLag: -1})
	o.create(t, 60)
	o.export(t, "out.csv")
	before, err := os.ReadFile(o.path("out.csv" + manifestSuffix))
	require.NoError(t, err)
	o.later()
	o.change(t, 20)
	o.export(t, "out.csv", "--merge")
	after, err := os.ReadFile(o.path("out.csv" + manifestSuffix))
	require.NoError(t, err)
	require.NoError(t, os.Mkdir(o.path("out.csv"+partSuffix), 0o700))
	for name, data := range map[string][]byte{
		"out.csv" + manifestSuffix: before, filepath.Join("out.csv"+partSuffix, nextFile): after, filepath.Join("out.csv"+partSuffix, lockFile): nil,
	} {
		require.NoError(t, os.WriteFile(o.path(name), data, 0o600))
	}
	o.later()
	o.change(t, 20)
	o.export(t, "out.csv", "--merge")
	require.Equal(t, modeMerge, o.manifest(t, "out.csv").Mode)
	o.export(t, "full.csv")
	o.requireSame(t, "full.csv", "out.csv")

	o.export(t, "1.jsonl", "--since", "last", "--state", o.path("state.json"))
	state, err := os.ReadFile(o.path("state.json"))
	require.NoError(t, err)
	o.later()
	changed := o.server.Tickets(false)[3].ID
	_, err = o.client.Update(t.Context(), "tickets", changed, "", []hubspot.Property{{Name: "subject", Value: "Changed"}})
	require.NoError(t, err)
	o.export(t, "2.jsonl", "--since", "last", "--state", o.path("state.json"))
	require.NoError(t, os.WriteFile(o.path("state.json"), state, 0o600)) // it died before this was written
	o.later()
	o.export(t, "3.jsonl", "--since", "last", "--state", o.path("state.json"))
	require.Contains(t, o.takeOver(t, "3.jsonl", map[string]string{}), changed, "it is written again")
}

// Killed at any moment, again and again, --merge ends with what a full export has.
func TestMergeKilledAnywhere(t *testing.T) {
	t.Parallel()
	o := newOffice(t, 5, sandbox.Options{IndexLag: -1, Latency: sandbox.Range{Min: 2 * time.Millisecond, Max: 8 * time.Millisecond}})
	o.create(t, 400)
	args := []string{"export", "-o", o.path("out.csv"), "--progress", "none", "--properties", officeProperties, "--merge"}
	killed := 0
	for range 4 / raced.OneIn(4) {
		for wait := 30 * time.Millisecond; ; wait = wait * 5 / 4 {
			ctx, cancel := context.WithTimeout(t.Context(), wait)
			cmd := exec.CommandContext(ctx, "ticketetl", args...)
			cmd.Env = append(os.Environ(), "HUBSPOT_ACCESS_TOKEN=x", "HUBSPOT_BASE_URL="+o.url)
			cmd.Stdout, cmd.Stderr = io.Discard, io.Discard
			err := cmd.Run()
			died := errors.Is(ctx.Err(), context.DeadlineExceeded)
			cancel()
			if err == nil {
				break
			}
			require.True(t, died, "%v", err)
			require.Less(t, wait, 30*time.Second)
			killed++
		}
		o.export(t, "full.csv")
		o.requireSame(t, "full.csv", "out.csv")
		o.later()
		o.change(t, 30)
	}
	require.Greater(t, killed, 8/raced.OneIn(4))
}

// Changes are found whatever their number: also past the 10,000 results of a search.
func TestChangesPastTheDepthOfASearch(t *testing.T) {
	t.Parallel()
	o := newOffice(t, 6, sandbox.Options{IndexLag: -1})
	o.create(t, 12_000)
	out := o.export(t, "out.csv", "--since", "2026-01-01", "--associations", "none")
	require.Contains(t, out, "12,000 tickets changed since 2026-01-01T03:00:00Z of account")
	m := o.manifest(t, "out.csv")
	require.True(t, m.Complete)
	require.EqualValues(t, 12_000, m.Tickets)
	require.Empty(t, o.server.Violations())
	require.Zero(t, o.server.Requests()["GET /crm/v3/objects/{type}"], "nothing is listed")
}
