package newfile_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/internal/newfile"
)

// names are those of the files in dir.
func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func requireContent(t *testing.T, want, path string) {
	t.Helper()
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, want, string(got))
}

func TestReplace(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "a.csv")
	for _, text := range []string{"first", "second"} {
		f, err := newfile.Create(path, "", 0o600)
		require.NoError(t, err)
		_, err = f.WriteString(text)
		require.NoError(t, err)
		if text == "second" {
			requireContent(t, "first", path)
		}
		require.NoError(t, f.Replace())
		require.NoError(t, f.Cleanup(), "nothing is left to clean")
		requireContent(t, text, path)
		require.Equal(t, []string{"a.csv"}, names(t, dir))
	}
}

func TestCleanup(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "a.csv")
	require.NoError(t, newfile.Write(path, []byte("there"), 0o600))
	f, err := newfile.Create(path, "", 0o600)
	require.NoError(t, err)
	_, err = f.WriteString("half")
	require.NoError(t, err)
	require.NoError(t, f.Cleanup())
	require.NoError(t, f.Cleanup())
	requireContent(t, "there", path)
	require.Equal(t, []string{"a.csv"}, names(t, dir))
}

func TestInAnotherFolder(t *testing.T) {
	t.Parallel()
	dir, other := t.TempDir(), t.TempDir()
	f, err := newfile.Create(filepath.Join(dir, "a.csv"), other, 0o600)
	require.NoError(t, err)
	require.Empty(t, names(t, dir))
	require.Len(t, names(t, other), 1)
	require.NoError(t, f.Replace())
	require.Equal(t, []string{"a.csv"}, names(t, dir))
	require.Empty(t, names(t, other))
}

func TestWrite(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "a.json")
	require.NoError(t, newfile.Write(path, []byte("{}"), 0o600))
	requireContent(t, "{}", path)
	if runtime.GOOS != "windows" {
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.Equal(t, fs.FileMode(0o600), info.Mode())
	}
	require.ErrorIs(t, newfile.Write(filepath.Join(dir, "none", "a.json"), nil, 0o600), fs.ErrNotExist)
	folder := filepath.Join(dir, "folder")
	require.NoError(t, os.Mkdir(folder, 0o700))
	require.Error(t, newfile.Write(folder, []byte("x"), 0o600), "a folder is there")
	require.ElementsMatch(t, []string{"a.json", "folder"}, names(t, dir), "nothing is left behind")
}
