//go:build linux

package main

import (
	"bytes"
	"encoding/csv"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/ticketetl/ticketetl/internal/hubspot"
	"github.com/ticketetl/ticketetl/internal/sandbox"
)

var busyTickets = flag.Int("tickets", 3000, "tickets of the account that is exported while others write")

// A crowd changes, creates and archives tickets until it is told to stop, and
// remembers what it did.
type crowd struct {
	office *office
	stop   chan struct{}
	ended  sync.WaitGroup

	mu       sync.Mutex
	subjects map[string]map[string]bool // that each ticket had while the export ran
	touched  map[string]bool            // created or archived meanwhile
	live     []string
	writes   int
}

func newCrowd(o *office) *crowd {
	c := &crowd{office: o, stop: make(chan struct{}), subjects: map[string]map[string]bool{}, touched: map[string]bool{}}
	for _, ticket := range o.server.Tickets(false) {
		c.live = append(c.live, ticket.ID)
		c.subjects[ticket.ID] = map[string]bool{ticket.Properties["subject"]: true}
	}
	return c
}

func (c *crowd) start(t *testing.T) {
	c.ended.Go(func() {
		rng := rand.New(rand.NewPCG(7, 7))
		for n := 0; ; n++ {
			select {
			case <-c.stop:
				return
			case <-time.After(5 * time.Millisecond):
			}
			if err := c.write(t, rng, n); err != nil {
				t.Errorf("a writer: %v", err)
				return
			}
		}
	})
}

// write does one thing, and notes it before it can be seen.
func (c *crowd) write(t *testing.T, rng *rand.Rand, n int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writes++
	at := rng.IntN(len(c.live))
	id, subject := c.live[at], fmt.Sprint("change ", n)
	switch rng.IntN(10) {
	case 0:
		made, err := c.office.client.CreateBatch(t.Context(), "tickets", []hubspot.CreateInput{{Properties: []hubspot.Property{
			{Name: "subject", Value: subject}, {Name: "hs_pipeline", Value: "0"}, {Name: "hs_pipeline_stage", Value: "1"},
		}}})
		if err != nil {
			return err
		}
		c.live = append(c.live, made[0].ID)
		c.touched[made[0].ID], c.subjects[made[0].ID] = true, map[string]bool{subject: true}
		return made[0].Err
	case 1:
		c.touched[id] = true
		c.live[at] = c.live[len(c.live)-1]
		c.live = c.live[:len(c.live)-1]
		return c.office.client.Archive(t.Context(), "tickets", id)
	}
	c.subjects[id][subject] = true
	_, err := c.office.client.Update(t.Context(), "tickets", id, "", []hubspot.Property{{Name: "subject", Value: subject}})
	return err
}

// A process that exports a busy account is killed three times, and the next one
// carries on: each ticket stands in the file once, with a subject that it had while
// the export ran, and none is missing that was there all the while.
//
// -tickets sets how many there are; `go test ./cmd/ticketetl -run BusyAccount -v -tickets 200000`.
func TestExportOfABusyAccount(t *testing.T) {
	t.Parallel()
	o := newOffice(t, 9, sandbox.Options{IndexLag: 200 * time.Millisecond, Latency: sandbox.Range{Min: 10 * time.Millisecond, Max: 40 * time.Millisecond}})
	o.createPlain(t, *busyTickets)
	c := newCrowd(o)
	c.start(t)
	kills := 0
	for ; kills < 3; kills++ {
		o.killed(t, "busy.csv", int64(*busyTickets*6*(kills+1)))
	}
	code, said, peak := o.child(t, "resume", o.path("busy.csv"), "--progress", "none")
	close(c.stop)
	c.ended.Wait()
	require.Equal(t, exitDone, code, said)
	require.Contains(t, said, "Carrying on with the export to ")
	m := o.manifest(t, "busy.csv")
	require.True(t, m.Complete)

	rows := c.check(t, o.path("busy.csv"))
	require.Equal(t, int64(rows), m.Tickets)
	t.Logf("%d tickets, %d writes meanwhile, %d kills; %d rows: %s; %d read again; at most %d MiB of memory", *busyTickets, c.writes, kills, rows, m.Reason, m.ReadAgain, peak>>10)

	require.Equal(t, exitDone, o.desk.export(t, "quiet.csv"), o.err.String())
	o.requireAll(t, "quiet.csv")
	require.Empty(t, o.server.Violations())
}

// check compares a file with what happened, and counts its rows.
func (c *crowd) check(t *testing.T, path string) int {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	rows, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
	require.NoError(t, err)
	there, last := map[string]bool{}, uint64(0)
	for _, row := range rows[1:] {
		id, err := strconv.ParseUint(row[0], 10, 64)
		require.NoError(t, err)
		require.Greater(t, id, last, "each ticket once, in the order of their ids")
		there[row[0]], last = true, id
		require.True(t, c.subjects[row[0]][row[1]], "ticket %s never had the subject %q", row[0], row[1])
	}
	for id := range c.subjects {
		require.True(t, there[id] || c.touched[id], "ticket %s was there all the while and is missing", id)
	}
	return len(there)
}

// createPlain creates tickets, and archives a tenth of them, in stretches, so that
// their ids have gaps.
func (o *office) createPlain(t *testing.T, n int) {
	t.Helper()
	var group errgroup.Group
	group.SetLimit(8)
	for from := 0; from < n; from += 100 {
		group.Go(func() error {
			in := make([]hubspot.CreateInput, min(100, n-from))
			for i := range in {
				in[i].Properties = []hubspot.Property{{Name: "subject", Value: fmt.Sprint("Ticket ", from+i)}, {Name: "hs_pipeline", Value: "0"}, {Name: "hs_pipeline_stage", Value: "1"}}
			}
			results, err := o.client.CreateBatch(t.Context(), "tickets", in)
			if err != nil || from/100%10 != 5 {
				return err
			}
			var ids []string
			for _, r := range results {
				ids = append(ids, r.ID)
			}
			return o.client.ArchiveBatch(t.Context(), "tickets", ids)
		})
	}
	require.NoError(t, group.Wait())
}

// killed begins an export, or carries on with it, and kills it once its pages are so large.
func (o *office) killed(t *testing.T, name string, size int64) {
	t.Helper()
	cmd := o.command(t, "export", "-o", o.path(name), "--properties", "subject", "--associations", "none", "--progress", "none", "--concurrency", "4")
	require.NoError(t, cmd.Start())
	pages := o.path(name + partSuffix + "/" + pagesFile)
	require.Eventually(t, func() bool { info, err := os.Stat(pages); return err == nil && info.Size() > size }, 5*time.Minute, time.Millisecond)
	require.NoError(t, cmd.Process.Kill())
	require.Error(t, cmd.Wait())
	require.Equal(t, syscall.SIGKILL, cmd.ProcessState.Sys().(syscall.WaitStatus).Signal())
	require.NoFileExists(t, o.path(name))
}

func (o *office) command(t *testing.T, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(t.Context(), "ticketetl", args...)
	cmd.Env = append(os.Environ(), "HUBSPOT_ACCESS_TOKEN=x", "HUBSPOT_BASE_URL="+o.url)
	return cmd
}

// watchPeak is the most memory that a process had until it ended, in KiB. What the system
// says after its end counts that of the process which started it as well.
func watchPeak(pid int, ended chan struct{}) (peak int64) {
	for {
		select {
		case <-ended:
			return peak
		case <-time.After(50 * time.Millisecond):
		}
		status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid)) // none when it has ended
		_, rest, _ := strings.Cut(string(status), "VmHWM:")
		if fields := strings.Fields(rest); len(fields) > 0 {
			n, _ := strconv.ParseInt(fields[0], 10, 64)
			peak = max(peak, n)
		}
	}
}

// child runs the program to its end, as a process of its own, whose memory was at most
// peak KiB.
func (o *office) child(t *testing.T, args ...string) (code int, said string, peak int64) {
	t.Helper()
	cmd := o.command(t, args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	require.NoError(t, cmd.Start())
	ended, watched := make(chan struct{}), make(chan int64)
	go func() { watched <- watchPeak(cmd.Process.Pid, ended) }()
	_ = cmd.Wait() // what it ends with is told
	close(ended)
	return cmd.ProcessState.ExitCode(), out.String(), <-watched
}
