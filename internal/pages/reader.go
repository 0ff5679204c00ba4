package pages

import (
	"container/heap"
	"io"
	"slices"
)

// A Reader gives the records of a Store in the order of their ids, each once, as
// it was added last, and not those that are gone.
type Reader struct {
	store *Store
	runs  []run // by first id; those not opened yet
	order []int // of runs: when they were added
	open  openRuns

	ahead   []byte // what stands in the file at aheadAt
	aheadAt int64
	last    int64 // where the data ends that was read last
}

// readAhead is how much is read at once where records stand one after the other.
const readAhead = 64 << 10

// Read begins a Reader. It holds the ids of those pages in memory whose ranges
// it is in.
func (s *Store) Read() *Reader {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := &Reader{store: s, runs: s.runs, order: make([]int, len(s.runs))}
	for i := range r.order {
		r.order[i] = i
	}
	slices.SortStableFunc(r.order, func(a, b int) int {
		if s.runs[a].first < s.runs[b].first {
			return -1
		}
		if s.runs[a].first > s.runs[b].first {
			return 1
		}
		return a - b
	})
	return r
}

// Next returns the next record, or io.EOF.
func (r *Reader) Next() (Record, error) {
	h, err := r.next()
	if err != nil {
		return Record{}, err
	}
	data, err := r.data(h.at, h.n)
	return Record{ID: h.id, Data: data}, err
}

// data reads n bytes; and what follows, if these follow what was read last. What
// it returned before stays as it is.
func (r *Reader) data(at int64, n int) ([]byte, error) {
	if at < r.aheadAt || at+int64(n) > r.aheadAt+int64(len(r.ahead)) {
		size := n
		if at == r.last {
			size = max(n, readAhead)
		}
		buf := make([]byte, size)
		got, err := r.store.f.ReadAt(buf, at)
		if got < n {
			return nil, err
		}
		r.ahead, r.aheadAt = buf[:got], at
	}
	r.last = at + int64(n)
	from := int(at - r.aheadAt)
	return r.ahead[from : from+n : from+n], nil
}

// NextID is Next without the data.
func (r *Reader) NextID() (uint64, error) {
	h, err := r.next()
	return h.id, err
}

// Count is the number of records that a Reader would give.
func (s *Store) Count() (int64, error) {
	r := s.Read()
	for n := int64(0); ; n++ {
		if _, err := r.next(); err == io.EOF {
			return n, nil
		} else if err != nil {
			return 0, err
		}
	}
}

// next finds the newest version of the next record that is not gone.
func (r *Reader) next() (head, error) {
	for {
		if err := r.openUpTo(); err != nil {
			return head{}, err
		}
		if len(r.open) == 0 {
			return head{}, io.EOF
		}
		newest := r.open[0].heads[0]
		for len(r.open) > 0 && r.open[0].heads[0].id == newest.id {
			r.pass()
		}
		if !newest.gone {
			return newest, nil
		}
	}
}

// openUpTo opens the runs that may hold the next record.
func (r *Reader) openUpTo() error {
	for len(r.order) > 0 && (len(r.open) == 0 || r.runs[r.order[0]].first <= r.open[0].heads[0].id) {
		at := r.order[0]
		ids := make([]byte, r.runs[at].idsLen)
		if _, err := r.store.f.ReadAt(ids, r.runs[at].ids); err != nil {
			return err
		}
		heads, err := readHeads(ids, r.runs[at].data)
		if err != nil {
			return err
		}
		r.order = r.order[1:]
		heap.Push(&r.open, openRun{heads, at})
	}
	return nil
}

// pass leaves the record behind that is the first of all.
func (r *Reader) pass() {
	top := &r.open[0]
	if top.heads = top.heads[1:]; len(top.heads) == 0 {
		heap.Pop(&r.open)
		return
	}
	heap.Fix(&r.open, 0)
}

type openRun struct {
	heads []head
	added int
}

// openRuns is a heap: the lowest id first, and of equal ones what was added last.
type openRuns []openRun

// Len is the number of open runs.
func (o openRuns) Len() int { return len(o) }

// Less puts the lower id first, and the newer version of one id.
func (o openRuns) Less(i, j int) bool {
	a, b := o[i].heads[0].id, o[j].heads[0].id
	return a < b || a == b && o[i].added > o[j].added
}

// Swap exchanges two of them.
func (o openRuns) Swap(i, j int) { o[i], o[j] = o[j], o[i] }

// Push adds one at the end.
func (o *openRuns) Push(x any) { *o = append(*o, x.(openRun)) }

// Pop takes the last one off.
func (o *openRuns) Pop() any {
	old := *o
	last := old[len(old)-1]
	*o = old[:len(old)-1]
	return last
}
