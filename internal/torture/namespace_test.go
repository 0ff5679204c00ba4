//go:build linux

package main

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// insideEnv names the test that a process with mounts of its own executes, and
// programEnv the program that was built for it.
const (
	insideEnv  = "TORTURE_INSIDE"
	programEnv = "TORTURE_PROGRAM"
)

// noMounts is the exit code of a process that may not mount.
const noMounts = 77

// inside executes the test once more in a process that has mounts of its own, and
// there returns true. allowed is false where the system does not let us.
func inside(t *testing.T) (here, allowed bool) {
	t.Helper()
	if os.Getenv(insideEnv) == t.Name() {
		return true, true
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=15m")
	cmd.Env = append(os.Environ(), insideEnv+"="+t.Name(), programEnv+"="+program)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if os.Getuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit) && exit.ExitCode() != noMounts:
		require.Fail(t, "inside", "%s", out)
	case err != nil:
		t.Logf("no mounts here: %v", err)
		return false, false
	}
	t.Logf("inside:\n%s", out)
	return false, true
}

// prepareInside says whether this is a process that inside has begun.
func prepareInside() bool {
	if os.Getenv(insideEnv) == "" {
		return false
	}
	if !mayMount() {
		os.Exit(noMounts)
	}
	program = os.Getenv(programEnv)
	return true
}

// mayMount makes the mounts of this process its own, if that is allowed.
func mayMount() bool {
	dir, err := os.MkdirTemp("", "torture-mount")
	if err != nil {
		return false
	}
	defer os.RemoveAll(dir)
	if syscall.Mount("none", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, "") != nil || syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64k") != nil {
		return false
	}
	return syscall.Unmount(dir, 0) == nil
}

// A smallDisk is a file system of its own at a folder.
type smallDisk struct{ dir string }

func mountSmall(t *testing.T, dir string, kib int) smallDisk {
	t.Helper()
	require.NoError(t, os.MkdirAll(dir, 0o700))
	require.NoError(t, syscall.Mount("tmpfs", dir, "tmpfs", 0, sizeOption(kib)))
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(dir, syscall.MNT_DETACH)) })
	return smallDisk{dir}
}

func sizeOption(kib int) string { return "mode=0700,size=" + strconv.Itoa(kib) + "k" }

// resize makes room, or takes it away.
func (d smallDisk) resize(t *testing.T, kib int) {
	t.Helper()
	require.NoError(t, syscall.Mount("tmpfs", d.dir, "tmpfs", syscall.MS_REMOUNT, sizeOption(kib)))
}

// used is what is stored, in KiB.
func (d smallDisk) used(t *testing.T) int {
	t.Helper()
	var s syscall.Statfs_t
	require.NoError(t, syscall.Statfs(d.dir, &s))
	return int(int64(s.Blocks-s.Bfree) * s.Bsize >> 10)
}

// readOnly lets nobody write below dir, root neither, until the end of the test
// or the call of what it returns.
func readOnly(t *testing.T, dir string) (writable func()) {
	t.Helper()
	require.NoError(t, syscall.Mount(dir, dir, "", syscall.MS_BIND, ""))
	require.NoError(t, syscall.Mount("", dir, "", syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
	return func() { require.NoError(t, syscall.Unmount(dir, syscall.MNT_DETACH)) }
}
