// Package newfile makes files appear whole or not at all, on every system that
// the program is built for.
package newfile

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// A File is written beside its place, and takes it with Replace. It is of one
// goroutine.
type File struct {
	*os.File
	path         string
	closed, gone bool
}

// ErrSpecial says that a file cannot take a place.
var ErrSpecial = errors.New("there is a device, a pipe or the like, whose place a file cannot take")

// Create begins a file for path, in the same folder, or in dir if that is not
// empty; dir must be on the same disk. Until Replace, what stands at path stays. Of a
// link, the file that it leads to is meant, and the file is begun beside that. ErrSpecial
// says that something other than a file or a folder is there.
func Create(path, dir string, mode fs.FileMode) (*File, error) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		return nil, fmt.Errorf("%s: %w", path, ErrSpecial)
	}
	if link, err := os.Lstat(path); err == nil && link.Mode()&fs.ModeSymlink != 0 {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			path, dir = real, ""
		}
	}
	if dir == "" {
		dir = filepath.Dir(path)
	}
	for try := 0; ; try++ {
		name := filepath.Join(dir, fmt.Sprintf(".%s%d", filepath.Base(path), rand.Int64()))
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, mode)
		switch {
		case err == nil:
			return &File{File: f, path: path}, nil
		case try < 100 && errors.Is(err, fs.ErrExist):
			continue
		}
		return nil, err
	}
}

// Replace brings the file to the disk and then to its place, where it takes over
// from a file that is there. After an error, Cleanup has to follow.
func (f *File) Replace() error {
	if err := f.Sync(); err != nil {
		return err
	}
	f.closed = true
	if err := f.File.Close(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), f.path); err != nil {
		return err
	}
	f.gone = true
	return nil
}

// Cleanup removes a file that did not come to its place; after Replace it does
// nothing.
func (f *File) Cleanup() error {
	if f.gone {
		return nil
	}
	f.gone = true
	var err error
	if !f.closed { // first, since an open file cannot be removed on Windows
		f.closed = true
		err = f.File.Close()
	}
	return errors.Join(err, os.Remove(f.Name()))
}

// Write puts data at path, for all to see at once.
func Write(path string, data []byte, mode fs.FileMode) error {
	f, err := Create(path, "", mode)
	if err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		return errors.Join(err, f.Cleanup())
	}
	if err := f.Replace(); err != nil {
		return errors.Join(err, f.Cleanup())
	}
	return nil
}
