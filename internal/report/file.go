package report

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gocarina/gocsv"
	"golang.org/x/sync/errgroup"

	"github.com/ticketetl/ticketetl/etl"
)

// A linesFile is a file that only ever holds complete lines: what cannot be
// written as a whole is taken back.
type linesFile struct {
	path    string
	f       *os.File
	size    int64
	synced  int64          // size when it was last begun to bring it to the disk
	syncing errgroup.Group // of one, that does so
}

// syncEvery is after how many bytes a file is brought to the disk while it grows. Left
// to the end, that made everybody wait: a sixteenth of the time of a check of a
// million rows.
const syncEvery = 8 << 20

// open creates the file. One that is there already is an error: it belongs to
// another run.
func (l *linesFile) open() error {
	f, err := os.OpenFile(l.path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return folderError(l.path, err)
	}
	l.f = f
	l.syncing.SetLimit(1)
	return nil
}

func (l *linesFile) write(p []byte) error {
	if l.f == nil {
		if err := l.open(); err != nil {
			return err
		}
	}
	n, err := l.f.Write(p)
	if err != nil {
		_ = l.f.Truncate(l.size) // at worst the last line is incomplete
		_, _ = l.f.Seek(l.size, 0)
		return folderError(l.path, err)
	}
	l.size += int64(n)
	if l.size-l.synced >= syncEvery && l.syncing.TryGo(l.f.Sync) {
		l.synced = l.size
	}
	return nil
}

func (l *linesFile) close() error {
	if l.f == nil {
		return nil
	}
	err := cmp.Or(l.syncing.Wait(), l.f.Sync(), l.f.Close()) // one is enough to be told
	l.f = nil
	if err != nil {
		return folderError(l.path, err)
	}
	return nil
}

func folderError(path string, err error) error {
	return fmt.Errorf("run folder %s: %w", filepath.Dir(path), err)
}

// Rows are gathered before they are written, at most so many and of about so
// many bytes of text.
const (
	maxRowsHeld  = 512
	maxBytesHeld = 256 << 10
)

// A table is a file of rows of one type. gocsv turns many rows into lines at a
// time, since most of its cost is per call.
type table[T any, P row[T]] struct {
	file   linesFile
	rows   []T
	held   int // bytes of text in rows
	buf    bytes.Buffer
	header bool // stands in the file
}

func (t *table[T, P]) add(r T) error {
	for _, text := range P(&r).texts() {
		*text = etl.GuardCell(*text)
		t.held += len(*text)
	}
	t.rows = append(t.rows, r)
	if len(t.rows) >= maxRowsHeld || t.held >= maxBytesHeld {
		return t.flush()
	}
	return nil
}

// writeHeader makes the file exist, with its header alone.
func (t *table[T, P]) writeHeader() error {
	return t.marshal(gocsv.MarshalCSV)
}

func (t *table[T, P]) flush() error {
	switch {
	case len(t.rows) == 0:
		return nil
	case !t.header:
		return t.marshal(gocsv.MarshalCSV)
	default:
		return t.marshal(gocsv.MarshalCSVWithoutHeaders)
	}
}

func (t *table[T, P]) marshal(to func(any, gocsv.CSVWriter) error) error {
	t.buf.Reset()
	// Records end in \n: with \r\n, encoding/csv would rewrite the line breaks
	// inside the cells as well.
	if err := to(t.rows, csv.NewWriter(&t.buf)); err != nil {
		return folderError(t.file.path, err)
	}
	if err := t.file.write(t.buf.Bytes()); err != nil {
		return err
	}
	clear(t.rows)
	t.rows, t.held, t.header = t.rows[:0], 0, true
	return nil
}

func (t *table[T, P]) close() error {
	err := t.flush()
	if cerr := t.file.close(); err == nil {
		err = cerr
	}
	return err
}
