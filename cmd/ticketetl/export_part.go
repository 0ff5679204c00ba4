package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/ticketetl/ticketetl/etl/extract"
	"github.com/ticketetl/ticketetl/internal/newfile"
	"github.com/ticketetl/ticketetl/internal/pages"
)

// A part is what an export has read so far: a folder beside its output, which is
// gone when the output is complete. The same command finds it and carries on.
type part struct {
	dir     string
	store   *pages.Store
	start   extract.Start
	resumed bool
	kept    bool // it is of use to the same command, later
	release func() error
}

// The files of a part.
const (
	partSuffix = ".partial"
	pagesFile  = "pages"
	startFile  = "start.json"
	nextFile   = "manifest.json" // of the output that is about to be put in its place
)

// A request is what an export asks of an account: pages of another request are
// of no use to it.
type request struct {
	Version      int      `json:"version"` // of the form of the pages
	Account      int64    `json:"account"`
	Endpoint     string   `json:"endpoint"`
	APIVersion   string   `json:"api_version"`
	Archived     string   `json:"archived"`
	Properties   []string `json:"properties"`
	Associations []string `json:"associations"`

	Linked    []extract.Linked `json:"linked"`
	History   []string         `json:"history"`
	Since     time.Time        `json:"since"`
	Earlier   string           `json:"earlier"` // SHA-256 of the file that is brought up to date
	Rendering string           `json:"rendering"`
	Relink    bool             `json:"relink"`
}

// openPart takes up the part that an earlier export to the same file has left,
// if it asked for the same, or begins one. begin tells what the account is like.
func (a *app) openPart(opts exportOptions, r request, begin func() (extract.Start, error)) (*part, error) {
	pt := &part{kept: opts.output != "-" && !a.volatile()}
	if err := pt.take(opts.output); err != nil {
		return nil, err
	}
	if err := pt.open(r, opts.again || !pt.kept); err != nil {
		return nil, errors.Join(err, pt.discard())
	}
	if err := pt.saveLine(opts.line); err != nil {
		return nil, errors.Join(err, pt.leave())
	}
	if pt.resumed {
		return pt, nil
	}
	var err error
	if pt.start, err = begin(); err == nil {
		err = pt.saveStart()
	}
	if err != nil {
		return nil, errors.Join(err, pt.discard())
	}
	return pt, nil
}

// take makes the folder and locks it.
func (pt *part) take(output string) (err error) {
	if output == "-" {
		pt.dir, err = os.MkdirTemp("", "ticketetl-export-")
	} else {
		pt.dir = output + partSuffix
		err = makePart(pt.dir)
	}
	if err != nil {
		return err
	}
	pt.release, err = lockFolder(pt.dir, "an export to "+output)
	return err
}

// makePart refuses a folder that is somebody else's.
func makePart(dir string) error {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return os.Mkdir(dir, 0o700)
	case err != nil:
		return fmt.Errorf("%s, where the export keeps what it has read: %w", dir, plainCause(err))
	}
	for _, e := range entries {
		if e.Name() == lockFile || e.Name() == pagesFile {
			return nil
		}
	}
	if len(entries) > 0 {
		return fmt.Errorf("%s is where the export would keep what it has read, and there are other files in it; move them away", dir)
	}
	return nil
}

// isPart says whether dir is what a stopped export has left.
func isPart(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, pagesFile))
	return err == nil
}

// open opens the pages. Those of another request are dropped, and so are those
// of which it is not known when they were begun.
func (pt *part) open(r request, anew bool) error {
	title, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if pt.store, err = pages.Open(filepath.Join(pt.dir, pagesFile), title); err != nil {
		return err
	}
	if !pt.store.Empty() && !anew && pt.loadStart() == nil {
		pt.resumed = true
		return nil
	}
	return pt.store.Reset()
}

func (pt *part) loadStart() error {
	data, err := os.ReadFile(filepath.Join(pt.dir, startFile))
	if err != nil {
		return err
	}
	return json.Unmarshal(data, &pt.start)
}

func (pt *part) saveStart() error {
	data, err := json.Marshal(pt.start)
	if err != nil {
		return err
	}
	return newfile.Write(filepath.Join(pt.dir, startFile), data, 0o600)
}

// leave ends the work on a part that the same command can carry on with.
func (pt *part) leave() error {
	if !pt.kept || pt.store.Empty() {
		return pt.discard()
	}
	return errors.Join(pt.store.Close(), pt.release())
}

// discard removes the part.
func (pt *part) discard() error {
	var err error
	if pt.store != nil {
		err = pt.store.Close()
	}
	return errors.Join(err, os.RemoveAll(pt.dir), pt.release())
}
