//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/internal/raced"
	"github.com/ticketetl/ticketetl/internal/report"
	"github.com/ticketetl/ticketetl/internal/sandbox"
)

// plenty is room for any run of these tests, in KiB.
const plenty = 64 << 10

// TestSmallDisk lets the disk of the run folders run full at many places: in the
// journal and its log, in each report file, in summary.json, in the copy of
// standard input. Each time the program says so once and stops, sends nothing
// that it could not keep, and carries on once there is room.
func TestSmallDisk(t *testing.T) {
	t.Parallel()
	here, allowed := inside(t)
	if !allowed { // then files at least can't grow
		for blocks := 4; blocks < 300; blocks += 37 {
			s := open(t, quiet(t, "upsert", uint64(blocks), 300), t.TempDir())
			s.fillsUp(t, s.must(t, &moment{kind: fileTooLarge, n: blocks}))
			s.finish(t)
		}
	}
	if !here {
		return
	}
	for i, tt := range []struct {
		name  string
		stdin bool
	}{{"create-keyless", false}, {"create-keyless", true}, {"create-key", true}, {"upsert", false}, {"update", false}, {"delete", false}} {
		if i%raced.OneIn(9) != 0 {
			continue
		}
		t.Run(fmt.Sprintf("%s, standard input %t", tt.name, tt.stdin), func(t *testing.T) {
			t.Parallel()
			p := quiet(t, tt.name, uint64(i), 230)
			s := openSmall(t, p, plenty, tt.stdin)
			s.finish(t)
			need := s.disk.used(t)
			full := 0
			for n, kib := range sizes(need) {
				if n%3 != i%3 { // each kind of import has a third of them
					continue
				}
				s := openSmall(t, p, kib, tt.stdin)
				if s.fillsUp(t, s.must(t, nil)) {
					full++
				}
				s.disk.resize(t, plenty)
				s.finish(t)
			}
			t.Logf("needs %d KiB; too small %d times", need, full)
			require.GreaterOrEqual(t, full, 3)
		})
	}
}

// sizes are some that a run which needs so many KiB does not fit into, most of
// them close to the end.
func sizes(need int) []int {
	out := []int{4, 12, 24}
	for i := 1; i < 7; i++ {
		out = append(out, need*i/7)
	}
	for back := 24; back >= 0; back -= 4 {
		out = append(out, max(need-back, 4))
	}
	return out
}

// A smallScene has its run folders on a disk of their own.
type smallScene struct {
	*scene
	disk smallDisk
}

func openSmall(t *testing.T, p plan, kib int, stdin bool) *smallScene {
	t.Helper()
	s := &smallScene{scene: open(t, p, t.TempDir())}
	s.disk = mountSmall(t, s.desk.runs(), kib)
	if stdin {
		s.desk.readStdin(t)
	}
	return s
}

// readStdin gives the file of the desk through standard input.
func (d *desk) readStdin(t *testing.T) {
	t.Helper()
	last := len(d.args) - 1
	for i, arg := range d.args {
		if strings.HasSuffix(arg, "desk.csv") {
			last = i
		}
	}
	data, err := os.ReadFile(d.args[last])
	require.NoError(t, err)
	d.stdin, d.args[last] = data, "-"
}

// TestFullAtTheEnd: where only the last write fails, the run is not over, and the
// same command ends it. Both say so.
func TestFullAtTheEnd(t *testing.T) {
	t.Parallel()
	s := open(t, quiet(t, "create-keyless", 1, 120), t.TempDir())
	require.NoError(t, os.MkdirAll(s.desk.runs(), 0o700))
	s.acc.trap.Store(nil)
	blocked := make(chan string, 1)
	block := func() { // a folder where summary.json is to come
		folders, _ := filepath.Glob(s.desk.runs() + "/*")
		for _, dir := range folders {
			path := filepath.Join(dir, report.SummaryFile)
			if os.Rename(path, path+".aside") == nil && os.Mkdir(path, 0o700) == nil {
				blocked <- path
			}
		}
	}
	s.acc.onWrite.Store(&block)
	a := s.must(t, nil)
	s.acc.onWrite.Store(nil)
	path := <-blocked
	require.Equal(t, 5, a.code, "%s", a)
	require.NotNil(t, a.summary)
	require.Equal(t, report.Stopped, a.summary.State)
	require.Contains(t, a.summary.Next, "ticketetl resume "+a.summary.RunID)
	require.NotEmpty(t, sentTickets(s))

	require.NoError(t, os.Remove(path))
	require.NoError(t, os.Rename(path+".aside", path))
	before := s.fingerprint()
	s.finish(t)
	require.Equal(t, before, s.fingerprint(), "all had been sent")
}

// TestReadOnlyForAll: on a file system that nobody may write to, root neither,
// nothing is sent.
func TestReadOnlyForAll(t *testing.T) {
	t.Parallel()
	here, allowed := inside(t)
	if !allowed {
		t.Log("TestReadOnly shows it for a user without rights")
	}
	if !here {
		return
	}
	p := quiet(t, "create-keyless", 1, 250)
	p.faults = sandbox.Faults{{Kind: sandbox.DailyLimit, Match: "batch/create", Nth: 2}}
	p.writers = 1
	s := open(t, p, t.TempDir())
	refused := func(dir string) {
		before := s.fingerprint()
		writable := readOnly(t, dir)
		a := s.must(t, nil)
		writable()
		require.Equal(t, 1, a.code, "%s", a)
		require.Contains(t, a.err, "run folder")
		require.Regexp(t, "read-only file system|cannot be written", a.err)
		require.Equal(t, before, s.fingerprint(), "%s", a)
	}
	require.NoError(t, os.MkdirAll(s.desk.runs(), 0o700))
	refused(s.desk.runs())
	require.Equal(t, 5, s.must(t, nil).code)
	folders, err := filepath.Glob(s.desk.runs() + "/*")
	require.NoError(t, err)
	require.Len(t, folders, 1)
	refused(folders[0])
	refused(s.desk.runs())
	s.finish(t)
}

// TestRunsIsAFile: a file where the run folders are to be.
func TestRunsIsAFile(t *testing.T) {
	t.Parallel()
	s := open(t, quiet(t, "upsert", 1, 20), t.TempDir())
	require.NoError(t, os.WriteFile(s.desk.runs(), nil, 0o600))
	before := s.fingerprint()
	a := s.must(t, nil)
	require.Equal(t, 1, a.code, "%s", a)
	require.Regexp(t, `run folder.*not a directory.*--runs`, a.err)
	require.Equal(t, before, s.fingerprint())
}

// TestRunsVanish: where the run folder is taken away, the run stops and says what
// that means.
func TestRunsVanish(t *testing.T) {
	t.Parallel()
	p := quiet(t, "create-keyless", 1, 1500)
	p.writers = 1
	s := open(t, p, t.TempDir())
	var calls atomic.Int64
	takeAway := func() {
		if calls.Add(1) == 3 {
			require.NoError(t, os.Rename(s.desk.runs(), s.desk.runs()+".away"))
		}
	}
	s.acc.onWrite.Store(&takeAway)
	a := s.must(t, nil)
	require.Equal(t, 1, a.code, "%s", a)
	require.Contains(t, a.summary.Error, "was removed or moved while the run was at work")
	require.Contains(t, a.summary.Next, "Put it back")
	require.LessOrEqual(t, calls.Load(), int64(4), "it stops")
	s.acc.onWrite.Store(nil)
	require.NoError(t, os.RemoveAll(s.desk.runs()))
	require.NoError(t, os.Rename(s.desk.runs()+".away", s.desk.runs()))
	s.finish(t)
}
