package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/gofrs/flock"
)

// lockFile keeps two processes from working on one run. The lock itself is the
// operating system's and goes with its process, so that a dead owner never
// blocks; the file's text only says who it is.
const lockFile = "run.lock"

// An owner is the process that works on a run.
type owner struct {
	Host    string    `json:"host"`
	PID     int       `json:"pid"`
	Started time.Time `json:"started"`
}

// lockRun takes the lock of a run folder, or says who has it.
func lockRun(dir string) (release func() error, err error) {
	return lockFolder(dir, "run "+filepath.Base(dir))
}

// lockFolder takes the lock of the folder in which what is done.
func lockFolder(dir, what string) (release func() error, err error) {
	path := filepath.Join(dir, lockFile)
	lock := flock.New(path, flock.SetPermissions(0o600))
	// Somebody who only looks whether the run is at work holds the lock as well,
	// for a moment.
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	free, err := lock.TryLockContext(ctx, 20*time.Millisecond)
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return nil, fmt.Errorf("run folder: %w", err)
	}
	if !free {
		return nil, fmt.Errorf("%s is at work already%s; wait for it to end, or stop it", what, ownerText(path))
	}
	host, err := os.Hostname()
	if err != nil {
		host = "this machine"
	}
	text, err := json.Marshal(owner{Host: host, PID: os.Getpid(), Started: time.Now().UTC().Truncate(time.Second)})
	if err == nil {
		err = os.WriteFile(path, append(text, '\n'), 0o600)
	}
	if err != nil {
		_ = lock.Unlock()
		return nil, fmt.Errorf("run folder: %w", err)
	}
	return lock.Unlock, nil
}

// lockStart parts two processes that begin the journals of their runs, so that
// each sees the other's. It waits for the lock, which nobody holds for long. The
// folder of the runs is its own lock, where the system can lock folders.
func lockStart(runs string) (release func() error, err error) {
	lock := flock.New(runs, flock.SetFlag(os.O_RDONLY))
	if runtime.GOOS == "windows" {
		lock = flock.New(filepath.Join(runs, ".start.lock"))
	}
	if err := lock.Lock(); err != nil {
		return nil, fmt.Errorf("run folders: %w", err)
	}
	return lock.Unlock, nil
}

func ownerText(path string) string {
	text, err := os.ReadFile(path)
	var o owner
	if err != nil || json.Unmarshal(text, &o) != nil || o.PID == 0 {
		return ""
	}
	return fmt.Sprintf(" (process %d on %s, since %s)", o.PID, o.Host, o.Started.Format(time.DateTime+" MST"))
}

// isLocked says whether a process works on the run at this moment.
func isLocked(dir string) bool {
	lock := flock.New(filepath.Join(dir, lockFile), flock.SetPermissions(0o600))
	free, err := lock.TryLock()
	if err != nil || !free {
		return err == nil
	}
	_ = lock.Unlock()
	return false
}
