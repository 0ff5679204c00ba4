package journal

import (
	"errors"
	"fmt"
	"path/filepath"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// ErrDamaged is the error of a journal that has lost what its run needs.
var ErrDamaged = errors.New(damaged)

// damaged is what to do about a journal that cannot be trusted.
const damaged = "the journal " + File + " is damaged, so what was sent is not known; restore it from a copy, or compare with results.csv before sending anything again"

// ErrFull is an error of a journal that the disk has no room for.
var ErrFull = errors.New("the disk is full")

// explain says in which run folder err happened and what to do about it.
func explain(path string, err error) error {
	if err == nil {
		return nil
	}
	dir := filepath.Dir(path)
	var bad *sqlite.Error
	if !errors.As(err, &bad) {
		return fmt.Errorf("run folder %s: %w", dir, err)
	}
	advice := "the journal could not be used"
	switch code := bad.Code(); code & 0xff { // the rest is detail
	case sqlite3.SQLITE_FULL:
		return fmt.Errorf("run folder %s: %w: the journal %s does not fit", dir, ErrFull, File)
	case sqlite3.SQLITE_IOERR:
		switch code {
		case sqlite3.SQLITE_IOERR_SHMSIZE: // its index needs room, too
			return fmt.Errorf("run folder %s: %w: the journal %s does not fit", dir, ErrFull, File)
		case sqlite3.SQLITE_IOERR_WRITE: // a quota, or a limit of the size of files
			return fmt.Errorf("run folder %s: %w, at a limit, or failing: the journal %s cannot grow", dir, ErrFull, File)
		}
		advice = "the disk does not take or give the journal; check it and resume the run"
		if code == sqlite3.SQLITE_IOERR_SHORT_READ {
			advice = damaged
		}
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM:
		advice = "the journal " + File + " cannot be written; check the permissions of the folder"
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		advice = "another program holds the journal " + File + "; close it and resume the run"
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		advice = damaged
	}
	return fmt.Errorf("run folder %s: %s: %w", dir, advice, err)
}
