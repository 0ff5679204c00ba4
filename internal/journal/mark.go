package journal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// MarkFile holds how many batches were begun, apart from the journal. A journal
// that has lost its end looks like one that is whole; with the mark it is known
// that more was sent than it says.
const MarkFile = "run.mark"

// A mark is written after the intent is on disk and before Begin returns, so it
// is never ahead of a journal that is whole. It is not synced: what a power cut
// takes of it makes it fall behind.
type mark struct {
	f *os.File
}

// markText has the same length for each number, so that writing never needs more
// of the disk.
func markText(batches int64) []byte { return fmt.Appendf(nil, "%019d\n", batches) }

// openMark opens the mark of a journal, and makes one where there is none.
func openMark(path string) (mark, error) {
	f, err := os.OpenFile(filepath.Join(filepath.Dir(path), MarkFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return mark{}, err
	}
	info, err := f.Stat()
	if err == nil && info.Size() == 0 {
		if _, err = f.WriteAt(markText(0), 0); err == nil {
			err = f.Sync()
		}
	}
	if err != nil {
		return mark{}, errors.Join(err, f.Close())
	}
	return mark{f}, nil
}

// marked is the number in the mark; known is false where there is none.
func marked(path string) (batches int64, known bool) {
	text, err := os.ReadFile(filepath.Join(filepath.Dir(path), MarkFile))
	if err != nil {
		return 0, false
	}
	batches, err = strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return batches, err == nil
}

func (m mark) set(batches int64) error {
	_, err := m.f.WriteAt(markText(batches), 0)
	return err
}

func (m mark) close() { _ = m.f.Close() } // what was written is the system's already
