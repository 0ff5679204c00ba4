package seen

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// TestSetIsAMap compares a Set with a map, over few texts that come again and
// again and over so many that every segment grows.
func TestSetIsAMap(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		var s Set
		defer s.Free()
		want := map[string]uint64{}
		put := func(text string, place uint64, replace bool) {
			known, taken := s.Put(text, place, replace)
			was, is := want[text]
			require.Equal(rt, is, taken, "%q", text)
			require.Equal(rt, was, known, "%q", text)
			if !is || replace {
				want[text] = place
			}
		}
		texts := rapid.SliceOfN(rapid.StringN(0, 3, -1), 1, 200).Draw(rt, "texts")
		for _, text := range texts {
			put(text, rapid.Uint64Range(1, MaxPlace).Draw(rt, "place"), rapid.Bool().Draw(rt, "replace"))
		}
		n := rapid.IntRange(0, 1000).Draw(rt, "many")
		for i := range n {
			put(fmt.Sprint("T-", i), uint64(i)+1, false)
		}
		for text, place := range want {
			known, taken := s.Put(text, 1, false)
			require.True(rt, taken, "%q", text)
			require.Equal(rt, place, known, "%q", text)
		}
	})
}

// TestSegmentsGrow: many texts are found again after every segment has grown
// many times, and an entry takes no more than 24 bytes.
func TestSegmentsGrow(t *testing.T) {
	t.Parallel()
	const n = 300_000
	var s Set
	defer s.Free()
	for i := range uint64(n) {
		if _, taken := s.Put(fmt.Sprint("T-", i), i+1, false); taken {
			require.Fail(t, "taken", "%d", i)
		}
		if i%50_000 == 49_999 && i > 150_000 {
			require.LessOrEqual(t, s.bytes(), int(i+1)*24, "%d texts", i+1)
		}
	}
	for i := range uint64(n) {
		if known, taken := s.Put(fmt.Sprint("T-", i), MaxPlace, true); !taken || known != i+1 {
			require.Fail(t, "not known", "%d is at %d", i, known)
		}
	}
	known, _ := s.Put("T-0", 1, false)
	require.EqualValues(t, MaxPlace, known, "replaced")
	s.Free()
	_, taken := s.Put("T-0", 1, false)
	require.False(t, taken, "forgotten")
}

func (s *Set) bytes() int { return len(s.blocks) * blockSize }

// TestHashesDiffer: texts whose 64 bits are the same are told apart by the rest.
func TestHashesDiffer(t *testing.T) {
	t.Parallel()
	var s Set
	defer s.Free()
	for i := range uint64(10_000) {
		h := Hash{high: 7, low: (i % 5000) << placeBits}
		s.Touch(h)
		_, taken := s.PutHash(h, i+1, false)
		require.Equal(t, i >= 5000, taken, "%d", i)
	}
}

// BenchmarkPutMany puts a million texts into a set of their own, as a check does:
// some hundred at a time, touched first.
func BenchmarkPutMany(b *testing.B) {
	const n, batch = 1_000_000, 200
	hasher := (&Set{}).Hasher()
	hashes := make([]Hash, n)
	for i := range hashes {
		hashes[i] = hasher.Hash("key\x00", strconv.Itoa(i))
	}
	for b.Loop() {
		var s Set
		for at := 0; at < n; at += batch {
			for _, h := range hashes[at : at+batch] {
				s.Touch(h)
			}
			for i, h := range hashes[at : at+batch] {
				s.PutHash(h, uint64(at+i)+1, false)
			}
		}
		s.Free()
	}
}

func BenchmarkPut(b *testing.B) {
	var s Set
	defer s.Free()
	i := uint64(0)
	for b.Loop() {
		i++
		s.Put("external-id-of-a-ticket", i, false)
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	var s Set
	defer s.Free()
	_, found := s.Find("a")
	require.False(t, found, "of an empty set")
	for i := range uint64(5000) {
		s.Put(fmt.Sprint(i), i+1, false)
	}
	for i := range uint64(6000) {
		place, found := s.Find(fmt.Sprint(i))
		require.Equal(t, i < 5000, found)
		if found {
			require.Equal(t, i+1, place)
		}
	}
}
