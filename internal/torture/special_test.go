package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/internal/raced"
	"github.com/ticketetl/ticketetl/internal/sandbox"
)

// quiet is a plan without any disturbance.
func quiet(t *testing.T, name string, seed uint64, rows int) plan {
	t.Helper()
	list, err := chosen(name)
	require.NoError(t, err)
	return plan{seed: seed, variant: list[0], rows: rows, writers: 2}
}

func open(t *testing.T, p plan, dir string) *scene {
	t.Helper()
	s, err := newScene(program, dir, p)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.acc.close()) })
	return s
}

// must makes one attempt.
func (s *scene) must(t *testing.T, m *moment) *attempt {
	t.Helper()
	a, err := s.attempt(t.Context(), m)
	require.NoError(t, err)
	return a
}

// finish gives the command until it has come to its end, and judges.
func (s *scene) finish(t *testing.T) {
	t.Helper()
	for range maxAttempts {
		a := s.must(t, nil)
		if a.final() {
			require.Empty(t, s.faults(t.Context(), a))
			return
		}
		require.Contains(t, []int{5}, a.code, "%s", a)
	}
	require.Fail(t, "it does not come to an end")
}

// TestDiskFull: wherever the disk gives out, the program says so and where, and
// carries on once there is room.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	var stopped atomic.Int64
	t.Run("sizes", func(t *testing.T) {
		for i, blocks := range []int{1, 16, 33, 64, 80, 128, 200, 256} { // of 512 bytes
			t.Run(strconv.Itoa(blocks), func(t *testing.T) {
				t.Parallel()
				s := open(t, quiet(t, "upsert", uint64(i), 300), t.TempDir())
				a := s.must(t, &moment{kind: fileTooLarge, n: blocks})
				if a.final() {
					require.Empty(t, s.faults(t.Context(), a))
					return
				}
				stopped.Add(1)
				require.True(t, s.fillsUp(t, a))
				s.finish(t)
			})
		}
	})
	require.GreaterOrEqual(t, stopped.Load(), int64(4))
}

// fillsUp judges an attempt that may have met a full disk, and says whether it has.
func (s *scene) fillsUp(t *testing.T, a *attempt) bool {
	t.Helper()
	if a.final() {
		return false
	}
	require.Contains(t, []int{1, 5}, a.code, "%s", a)
	if a.code == 1 { // it could not begin
		require.Zero(t, len(sentTickets(s)), "%s", a)
	}
	said := a.err
	if a.summary != nil {
		require.Equal(t, a.code, a.summary.ExitCode)
		said += a.summary.Error + "\n" + a.summary.Next
	}
	require.Regexp(t, `(?i)no space left|disk is full|file too large`, said, "what")
	require.Regexp(t, `runs\b`, said, "where")
	require.Contains(t, said, "Make room", "what to do")
	require.NotRegexp(t, `panic|goroutine|\(13\)`, said)
	require.LessOrEqual(t, strings.Count(a.err, "\n"), 3, "one message: %s", a.err)
	return true
}

// sentTickets are the tickets that were not there beforehand.
func sentTickets(s *scene) []sandbox.Ticket {
	var sent []sandbox.Ticket
	for _, ticket := range s.acc.Tickets(false) {
		if _, known := s.acc.before[ticket.ID]; !known {
			sent = append(sent, ticket)
		}
	}
	return sent
}

// nobody is a user without any rights, for tests that run as root.
const nobody = 65534

// openUnprivileged opens a scene whose program may not write everywhere.
func openUnprivileged(t *testing.T, p plan) *scene {
	t.Helper()
	dir, err := os.MkdirTemp("", "torture")
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, filepath.Walk(dir, func(path string, info fs.FileInfo, _ error) error {
			if info != nil && info.IsDir() {
				return os.Chmod(path, 0o700)
			}
			return nil
		}))
		require.NoError(t, os.RemoveAll(dir))
	})
	s := open(t, p, dir)
	if os.Getuid() == 0 {
		s.desk.user = &syscall.Credential{Uid: nobody, Gid: nobody}
		require.NoError(t, filepath.Walk(dir, func(path string, _ fs.FileInfo, err error) error {
			require.NoError(t, err)
			return os.Chown(path, nobody, nobody)
		}))
	}
	return s
}

// TestReadOnly: where the run folder cannot be written, nothing is sent.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	p := quiet(t, "upsert", 1, 250)
	p.faults = sandbox.Faults{{Kind: sandbox.DailyLimit, Match: "batch/upsert", Nth: 2}}
	p.writers = 1
	s := openUnprivileged(t, p)
	require.NoError(t, os.Chmod(s.desk.dir, 0o500))
	before := s.fingerprint()
	a := s.must(t, nil)
	require.Equal(t, 1, a.code, "%s", a)
	require.Contains(t, a.err, "run folder")
	require.Contains(t, a.err, "permission denied")
	require.Equal(t, before, s.fingerprint())

	require.NoError(t, os.Chmod(s.desk.dir, 0o700))
	require.Equal(t, 5, s.must(t, nil).code)
	before = s.fingerprint()
	folders, err := filepath.Glob(s.desk.runs() + "/*")
	require.NoError(t, err)
	require.Len(t, folders, 1)
	for _, path := range []string{folders[0], s.desk.runs()} {
		require.NoError(t, os.Chmod(path, 0o500))
		a = s.must(t, nil)
		require.Equal(t, 1, a.code, "%s", a)
		require.Regexp(t, "permission|cannot be written", a.err)
		require.Equal(t, before, s.fingerprint(), "%s", a)
		require.NoError(t, os.Chmod(path, 0o700))
	}
	s.finish(t)
}

// TestOutage: a few seconds without any connection are waited out.
func TestOutage(t *testing.T) {
	t.Parallel()
	p := quiet(t, "upsert", 3, 300)
	p.outage = outage{at: 2, span: time.Second}
	p.faults = sandbox.Faults{{Kind: sandbox.Delay, Match: "nowhere"}} // rows may stay in doubt
	s := open(t, p, t.TempDir())
	s.finish(t)
}

// boundariesOf are those that a variant comes to. With associations alone no row is
// judged without the account: all are sent.
func boundariesOf(t *testing.T, variant string) []string {
	if !quiet(t, variant, 0, 210).variant.linksOnly() {
		return boundaries
	}
	return slices.DeleteFunc(slices.Clone(boundaries), func(where string) bool { return strings.HasPrefix(where, "judged") })
}

// TestBoundaries: the program dies at each boundary of the journal, the first
// time it comes there and later, and the next attempt makes it good. That each
// is reached is seen by the death.
func TestBoundaries(t *testing.T) {
	t.Parallel()
	for i, name := range []string{"create-key", "create-row-key", "create-keyless", "upsert", "delete", "associate", "dissociate"} {
		for k, where := range boundariesOf(t, name) {
			if (i+k)%raced.OneIn(9) != 0 {
				continue
			}
			t.Run(name+" "+where, func(t *testing.T) {
				t.Parallel()
				p := quiet(t, name, uint64(100*i+k), 210)
				p.writers = 1 + k%2
				p.others = []other{{at: 1, row: 1}, {at: 1, row: 2, same: true}, {at: 2, row: 120}, {at: 3, row: 205, same: true}}
				if p.variant.key != externalID || p.variant.operation == "delete" || p.variant.linksOnly() {
					p.others = nil
				}
				for _, n := range []int{1, 2} {
					if strings.HasPrefix(where, "finish") {
						n = 1
					}
					p.moments = append(p.moments, moment{kind: atBoundary, where: where, n: n})
				}
				r := inFolder(t.Context(), program, p, false)
				require.Empty(t, r.faults, "%s", r)
				require.Positive(t, r.kills(), "it is never reached: %s", r)
			})
		}
	}
}

// failedBefore are rounds that went wrong once, with what was wrong.
var failedBefore = []struct {
	name, variant string
	seed          uint64
	storm         bool
}{
	{"a row settled on somebody else's ticket with its key", "create-key", 6051, false},
	{"two answers in a row that said nothing made tickets missing", "update-by-id", 30059, true},
}

// TestFailedBefore plays them again.
func TestFailedBefore(t *testing.T) {
	t.Parallel()
	for _, tt := range failedBefore {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			list, err := chosen(tt.variant)
			require.NoError(t, err)
			r := inFolder(t.Context(), program, newPlan(tt.seed, list[0], tt.storm), false)
			require.Empty(t, r.faults, "%s", r)
		})
	}
}
