package main

import (
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/internal/journal"
	"github.com/ticketetl/ticketetl/internal/raced"
)

// TestJournalTruncated: a journal that has lost its tail, after a run of any kind
// that was told to stop or was killed, is carried on from, or is refused with a
// word that says what to do, and then nothing is sent. Where it is refused, the
// run ends well once the files are put back.
func TestJournalTruncated(t *testing.T) {
	t.Parallel()
	var refused, resumed atomic.Int64
	t.Run("all", func(t *testing.T) {
		for i, v := range variants {
			for k, tt := range cutting {
				if (i+k)%raced.OneIn(9) != 0 {
					continue
				}
				t.Run(v.name+", "+tt.name, func(t *testing.T) {
					t.Parallel()
					rng := rand.New(rand.NewPCG(uint64(i), uint64(k)))
					for _, stop := range tt.stops {
						s := stopped(t, v.name, rng.Uint64(), moment{kind: stop, n: 1 + rng.IntN(2)})
						if tt.checkpoint {
							s.checkpoint(t)
						}
						if s.cutAndCarryOn(t, tt.file, func(size int64) int64 { return tt.keep(rng, size) }) {
							refused.Add(1)
						} else {
							resumed.Add(1)
						}
					}
				})
			}
		}
	})
	t.Logf("%d refused, %d resumed", refused.Load(), resumed.Load())
	require.Greater(t, refused.Load(), int64(15/raced.OneIn(9)))
	require.Greater(t, resumed.Load(), int64(10/raced.OneIn(9)))
}

// cutting are the files of a journal that may lose their tails.
var cutting = []struct {
	name, file string
	stops      []string                      // how the first attempt ended, one for each cut
	checkpoint bool                          // the log has been brought into the file
	keep       func(*rand.Rand, int64) int64 // how many bytes stay of so many
}{
	{"the file, told to stop", journal.File, []string{interruptedAt, interruptedAt}, false, less(pageSize)},
	{"the mark, told to stop", journal.MarkFile, []string{interruptedAt}, false, less(20)},
	{"the file, killed", journal.File, []string{requestDone}, false, less(pageSize)},
	{"the file, killed and closed", journal.File, []string{requestBefore}, true, less(pageSize)},
	{"the log, killed", journal.File + "-wal", []string{requestDone, requestBefore}, false, lessFrames},
}

// pageSize is that of a journal's pages, in bytes.
const pageSize = 4096

// less leaves all but up to most bytes.
func less(most int64) func(*rand.Rand, int64) int64 {
	return func(rng *rand.Rand, size int64) int64 { return max(0, size-1-rng.Int64N(most)) }
}

// lessFrames cuts within one of the last frames of the write-ahead log, or where
// one begins.
func lessFrames(rng *rand.Rand, size int64) int64 {
	const header, frame = 32, 24 + pageSize
	frames := (size - header) / frame
	at := header + max(0, frames-1-rng.Int64N(6))*frame
	if rng.IntN(3) > 0 {
		at += rng.Int64N(frame)
	}
	return min(at, size-1)
}

// stopped is a scene whose first attempt was stopped half way.
func stopped(t *testing.T, variant string, seed uint64, stop moment) *scene {
	t.Helper()
	p := quiet(t, variant, seed, 320)
	p.writers = 1
	s := open(t, p, t.TempDir())
	a := s.must(t, &stop)
	require.False(t, a.final(), "%s", a)
	require.Equal(t, stop.kind != interruptedAt, a.killed, "%s", a)
	return s
}

func (s *scene) journal(t *testing.T) string {
	t.Helper()
	paths, err := filepath.Glob(s.desk.runs() + "/*/" + journal.File)
	require.NoError(t, err)
	require.Len(t, paths, 1)
	return paths[0]
}

// checkpoint brings what is in the journal's log into its main file.
func (s *scene) checkpoint(t *testing.T) {
	t.Helper()
	db, err := sql.Open("sqlite", s.journal(t))
	require.NoError(t, err)
	_, err = db.Exec("PRAGMA wal_checkpoint(TRUNCATE)")
	require.NoError(t, errors.Join(err, db.Close()))
}

// cutAndCarryOn truncates a file of the journal and gives the command until it
// has come to its end, or is refused.
func (s *scene) cutAndCarryOn(t *testing.T, file string, keep func(size int64) int64) (refused bool) {
	t.Helper()
	dir := filepath.Dir(s.journal(t))
	whole := os.DirFS(dir)
	saved := t.TempDir()
	require.NoError(t, os.CopyFS(saved, whole))
	info, err := os.Stat(filepath.Join(dir, file))
	require.NoError(t, err)
	left := keep(info.Size())
	require.NoError(t, os.Truncate(filepath.Join(dir, file), left))
	what := fmt.Sprintf("seed %d, %d of %d bytes of %s", s.plan.seed, left, info.Size(), file)
	if !s.finishOrRefuse(t, what) {
		return false
	}
	require.NoError(t, os.RemoveAll(dir))
	require.NoError(t, os.CopyFS(dir, os.DirFS(saved)))
	s.finish(t)
	return true
}

// finishOrRefuse carries on, or sees that the program refuses to and touches
// nothing.
func (s *scene) finishOrRefuse(t *testing.T, what string) (refused bool) {
	t.Helper()
	before := s.fingerprint()
	a := s.must(t, nil)
	if a.final() {
		require.Empty(t, s.faults(t.Context(), a), what)
		return false
	}
	require.Equal(t, 1, a.code, "%s: %s", what, a)
	require.Equal(t, before, s.fingerprint(), "%s: %s", what, a)
	require.Regexp(t, `run folder .*: the journal run\.db is damaged, .*; restore it from a copy, or compare with results\.csv before sending anything again`, a.err, what)
	require.Equal(t, 1, strings.Count(a.err, "\n"), "one sentence: %s", a.err)
	return true
}

// TestPageSize: the cuts fall where they are meant to.
func TestPageSize(t *testing.T) {
	t.Parallel()
	s := stopped(t, "upsert", 1, moment{kind: interruptedAt, n: 2})
	data, err := os.ReadFile(s.journal(t))
	require.NoError(t, err)
	require.EqualValues(t, pageSize, binary.BigEndian.Uint16(data[16:]))
}
