package journal_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/internal/journal"
	"github.com/ticketetl/ticketetl/internal/raced"
)

const (
	logHeader  = 32 // bytes before the first frame of the write-ahead log
	logFile    = journal.File + "-wal"
	batchCount = 8
)

// memoryDir is a folder whose files need no disk, where there is one.
func memoryDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "journal")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	return dir
}

// files are the contents of a run folder.
type files map[string][]byte

// pageSize is what the journal's file says of itself, in bytes.
func (f files) pageSize() int { return int(binary.BigEndian.Uint16(f[journal.File][16:])) }

// frameSize is that of one frame in the write-ahead log.
func (f files) frameSize() int { return 24 + f.pageSize() }

func readFiles(t *testing.T, dir string) files {
	t.Helper()
	f := files{}
	for _, name := range []string{journal.File, logFile, journal.MarkFile} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if !os.IsNotExist(err) {
			require.NoError(t, err)
			f[name] = data
		}
	}
	return f
}

// with is f with another content of one file.
func (f files) with(name string, data []byte) files {
	g := maps.Clone(f)
	g[name] = data
	return g
}

// A damager makes journals that something has happened to, and judges what
// becomes of them.
type damager struct {
	dir  string
	want map[etl.BatchID]journal.Batch // what was stored
}

// judge opens the files as a journal. It must be refused, or else hold every
// batch that was begun, each as it was or, at worst, without its answer.
func (d *damager) judge(t *testing.T, what string, f files) (refused bool) {
	t.Helper()
	require.NoError(t, os.RemoveAll(d.dir))
	require.NoError(t, os.Mkdir(d.dir, 0o700))
	for name, data := range f {
		require.NoError(t, os.WriteFile(filepath.Join(d.dir, name), data, 0o600))
	}
	j, err := journal.Open(d.dir)
	if err == nil {
		defer func() { _ = j.Close() }()
		err = j.Verify(t.Context())
	}
	if err != nil {
		require.ErrorContains(t, err, "run folder "+d.dir+": ", what)
		require.ErrorContains(t, err, "journal", what)
		require.NotContains(t, err.Error(), "\n", what)
		return true
	}
	got := collect(t, j, false)
	require.Len(t, got, len(d.want), what)
	for _, b := range got {
		want := d.want[b.ID]
		require.Equal(t, want.Intents, b.Intents, what)
		if b.Outcomes != nil {
			require.Equal(t, want.Outcomes, b.Outcomes, what)
		}
	}
	return false
}

// A history of a journal: its files as they stood after each step.
type written struct {
	steps  []files // without Close, as after a kill
	closed files   // all in the one file
	want   map[etl.BatchID]journal.Batch
}

// writeAll stores batches of every status, some judged and one without an answer.
func writeAll(t *testing.T, dir string) written {
	t.Helper()
	j, err := journal.Create(dir, facts())
	require.NoError(t, err)
	w := written{want: map[etl.BatchID]journal.Batch{}}
	snap := func() { w.steps = append(w.steps, readFiles(t, dir)) }
	snap()
	for n := range int64(batchCount) {
		recs := records(n*60+1, n*60+60)
		id, err := j.Begin(t.Context(), recs)
		require.NoError(t, err)
		snap()
		if n == 5 {
			continue
		}
		out := outcomes(recs)
		for i := range out {
			out[i].Status = etl.Statuses()[(int(n)+i)%len(etl.Statuses())]
		}
		require.NoError(t, j.End(t.Context(), id, recs, out))
		snap()
	}
	for _, b := range collect(t, j, false) {
		w.want[b.ID] = b
	}
	require.NoError(t, j.Close())
	w.closed = readFiles(t, dir)
	require.NotContains(t, w.closed, logFile)
	return w
}

// TestTruncatedAtEveryByte cuts what is left of a journal at each byte of the
// last page of its file, and of the last frame of its log.
func TestTruncatedAtEveryByte(t *testing.T) {
	t.Parallel()
	dir := memoryDir(t)
	require.NoError(t, os.Mkdir(filepath.Join(dir, "a"), 0o700))
	w := writeAll(t, filepath.Join(dir, "a"))
	killed := w.steps[len(w.steps)-1]
	tests := []struct {
		name, file string
		files      files
		back       int  // so many bytes
		every      int  // so far apart; opening after a kill takes long
		refused    bool // every time
	}{
		{"the file, after a clean end", journal.File, w.closed, w.closed.pageSize(), 1, true},
		{"the file, after a kill", journal.File, killed, killed.pageSize(), 31, false},
		{"the log, after a kill", logFile, killed, killed.frameSize(), 5, false},
	}
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := damager{dir: filepath.Join(dir, fmt.Sprint(i)), want: w.want}
			whole := tt.files[tt.file]
			require.NotEmpty(t, whole)
			for cut := 1; cut <= min(tt.back, len(whole)); cut += tt.every * raced.OneIn(127) {
				what := fmt.Sprintf("%s less %d bytes", tt.file, cut)
				refused := d.judge(t, what, tt.files.with(tt.file, whole[:len(whole)-cut]))
				if tt.refused {
					require.True(t, refused, what)
				}
			}
		})
	}
}

// TestLostLog: a log that is gone altogether is noticed.
func TestLostLog(t *testing.T) {
	t.Parallel()
	w := writeAll(t, t.TempDir())
	d := damager{dir: filepath.Join(t.TempDir(), "b"), want: w.want}
	for i, f := range w.steps[1:] {
		g := maps.Clone(f)
		delete(g, logFile)
		require.True(t, d.judge(t, "without its log", g), "step %d", i)
	}
}

// TestTornPages puts what stood there earlier, or zeros, in the place of each
// page or of half of it: in the one file after a clean end, and in the log.
func TestTornPages(t *testing.T) {
	t.Parallel()
	dir := memoryDir(t)
	require.NoError(t, os.Mkdir(filepath.Join(dir, "a"), 0o700))
	w := writeAll(t, filepath.Join(dir, "a"))
	d := damager{dir: filepath.Join(dir, "b"), want: w.want}
	whole := w.closed[journal.File]
	var refused int
	tear := func(what, name string, f files, at, size int, olds ...[]byte) {
		for n, old := range append(olds, nil) { // nil: zeros
			for _, part := range [][2]int{{0, size / 2}, {size / 2, size}, {0, size}, {size - 512, size}} {
				torn := bytes.Clone(f[name])
				for i := at + part[0]; i < at+part[1]; i++ {
					torn[i] = 0
					if i < len(old) {
						torn[i] = old[i]
					}
				}
				if bytes.Equal(torn, f[name]) {
					continue
				}
				if d.judge(t, fmt.Sprintf("%s, page at %d, bytes %v as in %d", what, at, part, n), f.with(name, torn)) {
					refused++
				}
			}
		}
	}
	var olds [][]byte
	for _, step := range w.steps {
		olds = append(olds, checkpointed(t, filepath.Join(dir, "c"), step))
	}
	for at, size := 0, w.closed.pageSize(); at < len(whole); at += size * raced.OneIn(25) {
		tear("the file", journal.File, w.closed, at, size, olds...)
	}
	killed := w.steps[len(w.steps)-1]
	for at, size := logHeader, killed.frameSize(); at+size <= len(killed[logFile]); at += size * raced.OneIn(25) {
		tear("the log", logFile, killed, at, size, w.steps[len(w.steps)/2][logFile])
	}
	require.Positive(t, refused)
}

// checkpointed is the one file that a step's files become.
func checkpointed(t *testing.T, dir string, f files) []byte {
	t.Helper()
	require.NoError(t, os.RemoveAll(dir))
	require.NoError(t, os.Mkdir(dir, 0o700))
	for name, data := range f {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), data, 0o600))
	}
	j, err := journal.Open(dir)
	require.NoError(t, err)
	require.NoError(t, j.Close())
	return readFiles(t, dir)[journal.File]
}
