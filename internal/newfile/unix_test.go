//go:build unix

package newfile_test

import (
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/internal/newfile"
)

// Through a link, the file that it leads to is written, from whatever folder.
func TestThroughALink(t *testing.T) {
	t.Parallel()
	dir, other := t.TempDir(), t.TempDir()
	link, path := filepath.Join(dir, "link.csv"), filepath.Join(other, "a.csv")
	require.NoError(t, os.WriteFile(path, []byte("before"), 0o600))
	require.NoError(t, os.Symlink(path, link))
	f, err := newfile.Create(link, dir, 0o600)
	require.NoError(t, err)
	_, err = f.WriteString("after")
	require.NoError(t, err)
	require.NoError(t, f.Replace())
	requireContent(t, "after", path)
	info, err := os.Lstat(link)
	require.NoError(t, err)
	require.Equal(t, fs.ModeSymlink, info.Mode().Type())
	require.Equal(t, []string{"a.csv"}, names(t, other))
	require.Equal(t, []string{"link.csv"}, names(t, dir))
}

// What is no file stays: a file in the place of /dev/null would be in everybody's way.
func TestNotInThePlaceOfADevice(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "socket")
	socket, err := net.Listen("unix", path)
	require.NoError(t, err)
	defer socket.Close()
	require.ErrorIs(t, newfile.Write(path, []byte("x"), 0o600), newfile.ErrSpecial)
	require.Equal(t, []string{"socket"}, names(t, dir))
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, fs.ModeSocket, info.Mode().Type())
}
