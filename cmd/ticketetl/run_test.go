package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/internal/report"
	"github.com/ticketetl/ticketetl/internal/sandbox"
)

const createMapping = `version: 1
operation: create
properties: {subject: Subject, hs_pipeline: {value: "0"}, hs_pipeline_stage: {value: New}}
`

// desk is a folder with a mapping and a file of n rows, and an account to
// import them into.
type desk struct {
	dir    string
	url    string
	server *sandbox.Server
	out    bytes.Buffer
	err    bytes.Buffer
	stop   chan struct{}
}

func newDesk(t *testing.T, rows int, mapping string, opts sandbox.Options) *desk {
	t.Helper()
	server, err := sandbox.New(opts)
	require.NoError(t, err)
	url, stop, err := server.Listen("127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, errors.Join(stop(), server.Close())) })
	d := &desk{dir: t.TempDir(), url: url, server: server, stop: make(chan struct{})}
	d.fill(t, rows, mapping)
	return d
}

func (d *desk) fill(t testing.TB, rows int, mapping string) {
	t.Helper()
	var file strings.Builder
	file.WriteString("Number,Subject\n")
	for i := range rows {
		fmt.Fprintf(&file, "T-%d,Ticket %d\n", i, i)
	}
	require.NoError(t, os.WriteFile(d.path("desk.csv"), []byte(file.String()), 0o600))
	require.NoError(t, os.WriteFile(d.path("desk.yaml"), []byte(mapping), 0o600))
}

func (d *desk) path(name string) string { return filepath.Join(d.dir, name) }

// run executes a command line with a token and returns its exit code.
func (d *desk) run(ctx context.Context, token string, args ...string) int {
	env := map[string]string{"HUBSPOT_ACCESS_TOKEN": token, "HUBSPOT_BASE_URL": d.url}
	return run(ctx, args, streams{
		in: strings.NewReader(""), out: &d.out, err: &d.err, stop: d.stop,
		env: func(name string) (string, bool) { v, ok := env[name]; return v, ok },
		interrupts: func() bool {
			select {
			case <-d.stop:
				return true
			default:
				return false
			}
		},
	})
}

func (d *desk) importAll(ctx context.Context, token string, more ...string) int {
	args := []string{"import", "-m", d.path("desk.yaml"), "--runs", d.path("runs"), "--progress", "none", d.path("desk.csv")}
	return d.run(ctx, token, append(args, more...)...)
}

func (d *desk) summary(t *testing.T) *report.Summary {
	t.Helper()
	folders, err := filepath.Glob(d.path("runs/*"))
	require.NoError(t, err)
	require.Len(t, folders, 1)
	s, err := report.LoadSummary(folders[0])
	require.NoError(t, err)
	return s
}

// TestInterrupt: the first interrupt finishes what is under way; what was sent
// is told, the rest is unsent, and the sum is right.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 5000, createMapping, sandbox.Options{
		Limits: sandbox.Unlimited, Latency: sandbox.Range{Min: 20 * time.Millisecond, Max: 20 * time.Millisecond},
	})
	go func() {
		for d.server.Requests()["POST /crm/v3/objects/{type}/batch/create"] < 2 {
			time.Sleep(time.Millisecond)
		}
		close(d.stop)
	}()
	code := d.importAll(t.Context(), "x", "--concurrency", "2")
	require.Equal(t, exitInterrupted, code, d.err.String())
	s := d.summary(t)
	require.Equal(t, report.Interrupted, s.State)
	require.True(t, s.ChecksOut)
	require.EqualValues(t, 5000, s.RowsRead)
	require.EqualValues(t, len(d.server.Tickets(false)), s.Counts["created"])
	require.EqualValues(t, 5000-s.Counts["created"], s.Counts["unsent"])
	require.Contains(t, d.out.String(), "Next: Carry on, which sends only what is left: ticketetl resume "+s.RunID)
}

// TestInterruptWithoutAnswers: one interrupt ends a run whose answers do not come,
// in bounded time. What was sent is in doubt, and the run can be carried on; where
// nothing was sent yet, it says so.
func TestInterruptWithoutAnswers(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, path string
		stores     bool
		doubtful   int64 // of 950 rows
	}{
		{"creates that are stored", "/batch/create", true, 200},
		{"creates that are not stored", "/batch/create", false, 200},
		{"before anything is sent", "/batch/read", false, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, 950, keyedMapping, sandbox.Options{Limits: sandbox.Unlimited, IndexLag: -1})
			silent := d.silence(t, tt.path, tt.stores)
			code := d.importAll(t.Context(), "x", "--concurrency", "2", "--timeout", "1h", "--max-wait", "2h", "--stop-within", "100ms")
			require.Equal(t, exitInterrupted, code, d.err.String())
			s := d.summary(t)
			require.Equal(t, report.Interrupted, s.State)
			require.True(t, s.ChecksOut)
			require.EqualValues(t, 950, s.RowsRead)
			require.Equal(t, tt.doubtful, s.Counts["in-doubt"])
			require.Equal(t, 950-tt.doubtful, s.Counts["unsent"])
			require.Contains(t, d.out.String(), "ticketetl resume "+s.RunID)

			silent.Store(false)
			d.restart()
			require.Equal(t, exitDone, d.run(t.Context(), "x", "resume", "--runs", d.path("runs"), "--progress", "none"), d.err.String()+d.out.String())
			d.inAccount(t, 950)
		})
	}
}

// silence keeps the account from answering requests to a path, and interrupts the
// program at the second one.
func (d *desk) silence(t *testing.T, path string, stores bool) *atomic.Bool {
	t.Helper()
	var silent atomic.Bool
	silent.Store(true)
	var came atomic.Int64
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !silent.Load() || !strings.HasSuffix(r.URL.Path, path) {
			d.server.ServeHTTP(w, r)
			return
		}
		if stores {
			d.server.ServeHTTP(httptest.NewRecorder(), r)
		}
		_, _ = io.Copy(io.Discard, r.Body) // else the end of the connection is not noticed
		if came.Add(1) == 2 {
			close(d.stop)
		}
		<-r.Context().Done()
	}))
	t.Cleanup(front.Close)
	d.url = front.URL
	return &silent
}

// TestInterruptWhileConnecting: the same before there is a run.
func TestInterruptWhileConnecting(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 1, createMapping, sandbox.Options{
		Limits: sandbox.Unlimited, Faults: sandbox.Faults{{Match: "GET properties", Kind: sandbox.NeverAnswer}},
	})
	close(d.stop)
	for _, args := range [][]string{{"import", "-m", d.path("desk.yaml"), "--runs", d.path("runs"), d.path("desk.csv")}, {"schema", "-o", d.path("schema.json")}} {
		args = append(args, "--timeout", "1h", "--max-wait", "2h", "--stop-within", "10ms")
		require.Equal(t, exitInterrupted, d.run(t.Context(), "x", args...), d.err.String())
		require.Contains(t, d.err.String(), "the program was interrupted, and no answer came within 10ms (--stop-within)")
	}
	require.NoFileExists(t, d.path("schema.json"))
}

func TestWrongToken(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 1, createMapping, sandbox.Options{Token: "right-one"})
	require.Equal(t, exitAuth, d.importAll(t.Context(), "pat-na1-wrong-one"))
	require.Contains(t, d.err.String(), "Check the token")
	require.NotContains(t, d.out.String()+d.err.String(), "pat-na1")
	require.NoDirExists(t, d.path("runs/x"))
	require.Empty(t, d.server.Tickets(false))
}

// TestTokenNowhere: whatever happens, no file of a run holds the token.
func TestTokenNowhere(t *testing.T) {
	t.Parallel()
	const token = "pat-na1-0123456789-secret"
	d := newDesk(t, 250, createMapping, sandbox.Options{
		Limits: sandbox.Unlimited,
		Faults: sandbox.Faults{{Match: "batch/create", Kind: sandbox.ResetAfterCommit, Nth: 1}},
	})
	require.Equal(t, exitInDoubt, d.importAll(t.Context(), token, "--concurrency", "1", "--in-doubt", "leave"))
	s := d.summary(t)
	require.EqualValues(t, 100, s.Counts["in-doubt"])
	require.EqualValues(t, 150, s.Counts["created"])
	require.Len(t, d.server.Tickets(false), 250, "nothing was sent twice")
	require.NoError(t, filepath.Walk(d.dir, func(path string, info os.FileInfo, err error) error {
		if err != nil || info.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		require.NotContains(t, string(data), token, path)
		if strings.HasPrefix(path, d.path("runs")) {
			require.Zero(t, info.Mode().Perm()&0o077, "%s is for its owner only", path)
		}
		return err
	}))
	require.NotContains(t, d.out.String()+d.err.String(), token)
}

// TestDailyLimit: the run stops cleanly, and the rest is unsent.
func TestDailyLimit(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 1000, createMapping, sandbox.Options{
		Limits: sandbox.Unlimited,
		Faults: sandbox.Faults{{Match: "batch/create", Kind: sandbox.DailyLimit, Every: 3}},
	})
	require.Equal(t, exitStopped, d.importAll(t.Context(), "x", "--concurrency", "1"))
	s := d.summary(t)
	require.Equal(t, report.Stopped, s.State)
	require.EqualValues(t, 200, s.Counts["created"])
	require.EqualValues(t, 800, s.Counts["unsent"])
	require.Len(t, d.server.Tickets(false), 200)
}

// TestNoWrongRequest: all commands together send nothing that a careful client
// would not.
func TestNoWrongRequest(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 350, strings.Replace(createMapping, "operation: create\n", "operation: upsert\nkey: {property: external_id, column: Number}\n", 1),
		sandbox.Options{Limits: sandbox.Unlimited})
	for _, args := range [][]string{{"--dry-run"}, nil, nil} {
		require.Equal(t, exitDone, d.importAll(t.Context(), "x", args...), d.err.String())
	}
	require.Equal(t, exitDone, d.run(t.Context(), "x", "export", "-o", d.path("out.xlsx")), d.err.String())
	require.Equal(t, exitDone, d.run(t.Context(), "x", "schema", "-o", d.path("schema.json")), d.err.String())
	require.Empty(t, d.server.Violations())
	require.Equal(t, 4, d.server.Requests()["POST /crm/v3/objects/{type}/batch/upsert"], "350 rows are four batches, sent once")
}
