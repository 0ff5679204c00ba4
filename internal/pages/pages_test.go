package pages_test

import (
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ticketetl/ticketetl/internal/pages"
)

func read(t require.TestingT, s *pages.Store) (ids []uint64, values map[uint64]string) {
	values = map[uint64]string{}
	r := s.Read()
	for {
		rec, err := r.Next()
		if err == io.EOF {
			n, err := s.Count()
			require.NoError(t, err)
			require.Equal(t, int64(len(ids)), n)
			return ids, values
		}
		require.NoError(t, err)
		ids = append(ids, rec.ID)
		values[rec.ID] = string(rec.Data)
	}
}

// Whatever pages come in whatever order: each record is given once, by id, as
// the last page had it, also after the store was closed and opened again.
func TestStoreGivesTheLastVersionOfEachRecord(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		path := filepath.Join(dir, "pages")
		_ = os.Remove(path)
		s, err := pages.Open(path, []byte("a"))
		require.NoError(t, err)
		want := map[uint64]string{}
		for n := range rapid.IntRange(0, 20).Draw(t, "pages") {
			var p pages.Page
			for _, id := range rapid.SliceOfNDistinct(rapid.Uint64Range(0, 60), 0, 10, rapid.ID[uint64]).Draw(t, "ids") {
				rec := pages.Record{ID: id << 40, Gone: rapid.Bool().Draw(t, "gone"), Data: fmt.Appendf(nil, "%d of %d", id, n)}
				p.Records = append(p.Records, rec)
				if want[rec.ID] = string(rec.Data); rec.Gone {
					delete(want, rec.ID)
				}
			}
			require.NoError(t, s.Add(p))
			if rapid.Bool().Draw(t, "again") {
				require.NoError(t, s.Close())
				s, err = pages.Open(path, []byte("a"))
				require.NoError(t, err)
			}
		}
		ids, values := read(t, s)
		require.Equal(t, slices.Sorted(maps.Keys(want)), ids)
		require.Equal(t, want, values)
		require.NoError(t, s.Close())
	})
}

func TestStoreAfterADeath(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "pages")
	s, err := pages.Open(path, []byte("a"))
	require.NoError(t, err)
	require.True(t, s.Empty())
	one := pages.Page{From: 10, To: 20, Cursor: "20", Records: []pages.Record{{ID: 12, Data: []byte("twelve")}}}
	require.NoError(t, s.Add(one))
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	whole := info.Size()
	require.NoError(t, s.Add(pages.Page{From: 30, To: pages.End, Cursor: "40", Records: []pages.Record{{ID: 30, Data: []byte("thirty")}}}))
	require.Equal(t, []pages.Span{{0, 10}, {20, 30}}, s.Missing())
	require.NoError(t, s.Close())
	data, err := os.ReadFile(path)
	require.NoError(t, err)

	for size := whole; size < int64(2*len(data)); size++ { // the second page is written in part, and zeros may follow
		part := data[:min(size, int64(len(data)-1))]
		require.NoError(t, os.WriteFile(path, append(slices.Clone(part), make([]byte, size-int64(len(part)))...), 0o600))
		s, err = pages.Open(path, []byte("a"))
		require.NoError(t, err)
		require.Equal(t, []pages.Span{{0, 10}, {20, pages.End}}, s.Missing(), "%d bytes", size)
		require.Equal(t, "20", s.Cursor())
		ids, values := read(t, s)
		require.Equal(t, []uint64{12}, ids)
		require.Equal(t, "twelve", values[12])
		require.NoError(t, s.Close())
	}

	s, err = pages.Open(path, []byte("another title"))
	require.NoError(t, err)
	require.True(t, s.Empty(), "pages of something else are not used")
	require.EqualError(t, s.Add(pages.Page{Records: []pages.Record{{ID: 1}, {ID: 1}}}), "id 1 is in one page twice")
	require.NoError(t, s.Close())
}

// Any bytes are either a store or an empty one; nothing panics.
func FuzzOpen(f *testing.F) {
	path := filepath.Join(f.TempDir(), "seed")
	s, err := pages.Open(path, []byte("a"))
	require.NoError(f, err)
	require.NoError(f, s.Add(pages.Page{From: 1, To: 5, Records: []pages.Record{{ID: 2, Data: []byte("x")}}}))
	require.NoError(f, s.Close())
	seed, err := os.ReadFile(path)
	require.NoError(f, err)
	f.Add(seed)
	f.Add([]byte("no store"))
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "pages")
		require.NoError(t, os.WriteFile(path, data, 0o600))
		s, err := pages.Open(path, []byte("a"))
		if err != nil {
			return
		}
		s.Missing()
		_, _ = s.Count()
		require.NoError(t, s.Close())
	})
}
