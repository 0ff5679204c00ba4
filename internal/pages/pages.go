// Package pages keeps pages of records in a file, in the order in which they
// come, and gives the records back in the order of their ids.
//
// A page says which range of ids it covers, so that a store that was left behind
// by a process that died tells what is still to be read. A record may come again,
// later, with another value or as gone: the version that came last counts. The
// file only grows, and a page that was not written to its end is cut off when it
// is opened the next time. In memory is an entry for each page.
package pages

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"slices"
	"sync"
)

// End is the end of the range that is open above.
const End = ^uint64(0)

// A Record is one version of a record.
type Record struct {
	ID   uint64
	Gone bool   // it is not there any more
	Data []byte // opaque
}

// A Page is what one request brought.
type Page struct {
	From, To uint64 // of the ids from From up to, without it, To, all that there are; equal: it covers none
	Cursor   string // opaque: how to go on after it
	Records  []Record
}

// A Span is a range of ids, without To.
type Span struct{ From, To uint64 }

// A Store is a file of pages. Add may be called by several goroutines, also while a
// Reader is read, which gives what was there when it began.
type Store struct {
	mu     sync.Mutex
	f      *os.File
	title  []byte
	size   int64
	runs   []run
	spans  []Span // covered; not in order
	cursor string
}

// A run is the place of one page's records.
type run struct {
	first, last uint64
	ids         int64 // offset of the block of ids
	idsLen      int
	data        int64 // offset of the block of data
}

// Bounds of what is read from a file.
const (
	maxBlock   = 1 << 30
	maxRecords = 1 << 20 // of one page
)

var (
	errDamaged = errors.New("the file of pages is damaged")
	checksum   = crc32.MakeTable(crc32.Castagnoli)
)

// Open opens the store at path, or makes it, for its owner only. The title says
// what its pages are of, and is not empty: a store with another title is emptied. What was there
// can be asked of Spans and Cursor.
func Open(path string, title []byte) (*Store, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	s := &Store{f: f, title: title}
	if err := s.load(); err != nil {
		_ = f.Close()
		return nil, err
	}
	return s, nil
}

// load reads the heads of all whole frames and cuts off what follows.
func (s *Store) load() error {
	title, next, err := s.frame(0)
	if err != nil {
		return err
	}
	if title == nil || string(title) != string(s.title) {
		return s.Reset()
	}
	for s.size = next; ; {
		payload, next, err := s.frame(s.size)
		if err != nil {
			return err
		}
		if payload == nil {
			return s.f.Truncate(s.size)
		}
		if err := s.index(payload, s.size+frameHead); err != nil {
			return err
		}
		s.size = next
	}
}

const frameHead = 8 // bytes: length and checksum

// frame reads the frame at offset; nil if there is no whole one. None is empty: a
// file may end in zeros after the machine has died.
func (s *Store) frame(offset int64) (payload []byte, next int64, err error) {
	var head [frameHead]byte
	if _, err := s.f.ReadAt(head[:], offset); err != nil {
		return nil, 0, unlessEOF(err)
	}
	n := binary.LittleEndian.Uint32(head[:])
	info, err := s.f.Stat()
	if err != nil {
		return nil, 0, err
	}
	if n == 0 || n > maxBlock || offset+frameHead+int64(n) > info.Size() {
		return nil, 0, nil
	}
	payload = make([]byte, n)
	if _, err := s.f.ReadAt(payload, offset+frameHead); err != nil {
		return nil, 0, unlessEOF(err)
	}
	if crc32.Checksum(payload, checksum) != binary.LittleEndian.Uint32(head[4:]) {
		return nil, 0, nil
	}
	return payload, offset + frameHead + int64(n), nil
}

func unlessEOF(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}

// Reset empties the store.
func (s *Store) Reset() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.size, s.runs, s.spans, s.cursor = 0, nil, nil, ""
	if err := s.f.Truncate(0); err != nil {
		return err
	}
	return s.append(append(make([]byte, frameHead), s.title...))
}

// append writes a frame, whose head is filled in.
func (s *Store) append(frame []byte) error {
	payload := frame[frameHead:]
	if len(payload) > maxBlock {
		return fmt.Errorf("a page of %d bytes is too large", len(payload))
	}
	binary.LittleEndian.PutUint32(frame, uint32(len(payload)))
	binary.LittleEndian.PutUint32(frame[4:], crc32.Checksum(payload, checksum))
	if _, err := s.f.WriteAt(frame, s.size); err != nil {
		_ = s.f.Truncate(s.size) // what is half there is also found by its checksum
		return err
	}
	s.size += int64(len(frame))
	return nil
}

// Add stores a page. Its records may be in any order; each id once.
func (s *Store) Add(p Page) error {
	slices.SortFunc(p.Records, func(a, b Record) int {
		if a.ID < b.ID {
			return -1
		}
		return 1
	})
	for i := 1; i < len(p.Records); i++ {
		if p.Records[i].ID == p.Records[i-1].ID {
			return fmt.Errorf("id %d is in one page twice", p.Records[i].ID)
		}
	}
	frame := encode(p)
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.size + frameHead
	if err := s.append(frame); err != nil {
		return err
	}
	return s.index(frame[frameHead:], at)
}

// encode is a frame without its head: the range, the cursor, the number of records and the length of the
// block of ids; that block, of an id, a mark and a length for each; the data.
func encode(p Page) []byte {
	var ids []byte
	size := 0
	for _, r := range p.Records {
		ids = binary.AppendUvarint(ids, r.ID)
		gone := byte(0)
		if r.Gone {
			gone = 1
		}
		ids = binary.AppendUvarint(append(ids, gone), uint64(len(r.Data)))
		size += len(r.Data)
	}
	b := make([]byte, frameHead, frameHead+64+len(p.Cursor)+len(ids)+size)
	b = binary.AppendUvarint(b, p.From)
	b = binary.AppendUvarint(b, p.To)
	b = binary.AppendUvarint(b, uint64(len(p.Cursor)))
	b = append(b, p.Cursor...)
	b = binary.AppendUvarint(b, uint64(len(ids)))
	b = append(b, ids...)
	for _, r := range p.Records {
		b = append(b, r.Data...)
	}
	return b
}

// index notes the page with this payload, which begins at an offset.
func (s *Store) index(payload []byte, offset int64) error {
	d := decoder{b: payload}
	from, to := d.number(), d.number()
	cursor := string(d.bytes(d.number()))
	n := d.number()
	r := run{ids: offset + int64(d.at), idsLen: int(n)}
	ids := d.bytes(n)
	if d.failed {
		return errDamaged
	}
	r.data = offset + int64(d.at)
	s.cursor = cursor
	if from < to {
		s.spans = append(s.spans, Span{from, to})
	}
	heads, err := readHeads(ids, r.data)
	if err != nil || len(heads) == 0 {
		return err
	}
	r.first, r.last = heads[0].id, heads[len(heads)-1].id
	s.runs = append(s.runs, r)
	return nil
}

// A head is what a page's block of ids tells of one record.
type head struct {
	id   uint64
	gone bool
	at   int64
	n    int
}

func readHeads(ids []byte, data int64) ([]head, error) {
	d := decoder{b: ids}
	var heads []head
	for d.at < len(ids) {
		h := head{id: d.number()}
		h.gone = d.number() == 1
		h.at, h.n = data, int(d.number())
		if d.failed || h.n > maxBlock || len(heads) >= maxRecords {
			return nil, errDamaged
		}
		data += int64(h.n)
		heads = append(heads, h)
	}
	return heads, nil
}

type decoder struct {
	b      []byte
	at     int
	failed bool
}

func (d *decoder) number() uint64 {
	v, n := binary.Uvarint(d.b[d.at:])
	if n <= 0 {
		d.failed = true
		return 0
	}
	d.at += n
	return v
}

func (d *decoder) bytes(n uint64) []byte {
	if d.failed || n > uint64(len(d.b)-d.at) {
		d.failed = true
		return nil
	}
	d.at += int(n)
	return d.b[d.at-int(n) : d.at]
}

// Empty says that no page was added.
func (s *Store) Empty() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.runs) == 0 && len(s.spans) == 0 && s.cursor == ""
}

// Cursor is that of the page that was added last.
func (s *Store) Cursor() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cursor
}

// Missing are the ranges of ids that no page covers, ascending.
func (s *Store) Missing() []Span {
	s.mu.Lock()
	defer s.mu.Unlock()
	slices.SortFunc(s.spans, func(a, b Span) int {
		if a.From < b.From {
			return -1
		}
		return 1
	})
	var out []Span
	next := uint64(0)
	for _, sp := range s.spans {
		if sp.From > next {
			out = append(out, Span{next, sp.From})
		}
		next = max(next, sp.To)
	}
	if next < End {
		out = append(out, Span{next, End})
	}
	return out
}

// Close closes the file, which stays.
func (s *Store) Close() error { return s.f.Close() }
