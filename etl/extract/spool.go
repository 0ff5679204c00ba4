package extract

import (
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"sync/atomic"
)

// Spool copies r, standard input as a rule, into a new file in dir that only
// this user can read, since a run reads its file twice. More than limit bytes
// are an error; 0 means no limit. The caller removes the file.
func Spool(r io.Reader, dir string, limit int64) (path string, err error) {
	file, err := os.CreateTemp(dir, "stdin-*") // CreateTemp makes it 0600
	if err != nil {
		return "", fmt.Errorf("standard input is kept in a file first: %w", err)
	}
	defer func() {
		if err = errors.Join(err, file.Close()); err != nil {
			os.Remove(file.Name())
			path = ""
		}
	}()
	from := r
	if limit > 0 {
		from = io.LimitReader(r, limit+1)
	}
	n, err := io.Copy(file, from)
	switch {
	case err != nil:
		return "", fmt.Errorf("standard input: %w", err)
	case limit > 0 && n > limit:
		return "", fmt.Errorf("standard input has more than %d bytes; save it as a file and name that", limit)
	case n == 0:
		return "", errors.New("standard input is empty")
	}
	return file.Name(), nil
}

// A meter counts the bytes that were read of a file.
type meter struct {
	done  atomic.Int64
	total int64
	sum   hash.Hash // of what the reader has read; nil if it is not wanted
}

func (m *meter) progress() (done, total int64) { return min(m.done.Load(), m.total), m.total }

// reader counts what is read of r.
func (m *meter) reader(r io.Reader) io.Reader { return &meteredReader{r, m} }

type meteredReader struct {
	r io.Reader
	m *meter
}

func (r *meteredReader) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	r.m.done.Add(int64(n))
	if r.m.sum != nil {
		r.m.sum.Write(p[:n])
	}
	return n, err
}

// readerAt counts what is read of r, wherever it stands.
func (m *meter) readerAt(r io.ReaderAt) io.ReaderAt { return &meteredReaderAt{r, m} }

type meteredReaderAt struct {
	r io.ReaderAt
	m *meter
}

func (r *meteredReaderAt) ReadAt(p []byte, off int64) (int, error) {
	n, err := r.r.ReadAt(p, off)
	r.m.done.Add(int64(n))
	return n, err
}
