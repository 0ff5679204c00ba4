package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/sync/errgroup"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/etl/extract"
	"github.com/ticketetl/ticketetl/etl/transform"
	"github.com/ticketetl/ticketetl/internal/report"
	"github.com/ticketetl/ticketetl/internal/schema"
)

// sourceFlags say how to read files where the mapping should not decide.
type sourceFlags struct {
	sheet, encoding, delimiter, quote, escape, hidden string
	header                                            int
	limits                                            extract.Limits
}

func (s *sourceFlags) add(f *pflag.FlagSet) {
	f.StringVar(&s.sheet, "sheet", "", "read this work`sheet`, by name or number, several with commas between them, or all (default: the mapping's, or the first visible one)")
	f.IntVar(&s.header, "header", 0, "`row` number of the header (default: the mapping's, or detected)")
	f.StringVar(&s.encoding, "encoding", "", "`encoding` of CSV files, e.g. windows-1252 (default: the mapping's, or detected)")
	f.StringVar(&s.delimiter, "delimiter", "", "`character` between the cells of CSV files (default: the mapping's, or detected)")
	f.StringVar(&s.quote, "quote", "", "what stands `around` the cells of CSV files: double, single or none (default: the mapping's, or detected)")
	f.StringVar(&s.escape, "escape", "", "how a quote inside a cell of CSV files is `written`: double for \"\" or backslash for \\\" (default: the mapping's, or detected)")
	f.StringVar(&s.hidden, "hidden", "", "what becomes of hidden rows and columns of workbooks: `read or skip` (default: the mapping's, or read)")
	f.IntVar(&s.limits.MaxField, "max-cell", 0, "most `bytes` of one cell (default 1048576)")
	f.IntVar(&s.limits.MaxRow, "max-row", 0, "most `bytes` of one row (default 16777216)")
	f.IntVar(&s.limits.MaxColumns, "max-columns", 0, "most `cells` of one row (default 16384)")
	f.Int64Var(&s.limits.MaxUnzipped, "max-unpacked", 0, "most `bytes` that a workbook or a gzipped file may unpack to (default 4294967296)")
}

// options are what the flags say, or else the mapping.
func (s *sourceFlags) options(m transform.Source) extract.Options {
	opts := extract.Options{Sheet: m.Sheet, Header: m.Header, Encoding: m.Encoding, Delimiter: m.Delimiter, Quote: m.Quote, Escape: m.Escape, Hidden: m.Hidden, Limits: s.limits}
	if s.quote != "" {
		opts.Quote = s.quote
	}
	if s.escape != "" {
		opts.Escape = s.escape
	}
	if s.hidden != "" {
		opts.Hidden = s.hidden
	}
	if s.sheet != "" {
		opts.Sheet = s.sheet
	}
	if s.header != 0 {
		opts.Header = s.header
	}
	if s.encoding != "" {
		opts.Encoding = s.encoding
	}
	if s.delimiter != "" {
		opts.Delimiter = s.delimiter
	}
	return opts
}

// inputFile is one file of a run: where its bytes are, and what messages call it.
type inputFile struct {
	path  string
	name  string // "-" for standard input
	opts  extract.Options
	dates map[int]transform.DateOrder // orders of day and month that its columns show
}

// check refuses what the flags cannot be.
func (s *sourceFlags) check() error {
	switch {
	case s.hidden != "" && s.hidden != "read" && s.hidden != "skip":
		return fmt.Errorf(`--hidden %q: it is "read" or "skip"`, s.hidden)
	case s.header < 0:
		return fmt.Errorf("--header %d: rows are counted from 1", s.header)
	case min(int64(s.limits.MaxField), int64(s.limits.MaxRow), int64(s.limits.MaxColumns), s.limits.MaxUnzipped) < 0:
		return errors.New("--max-cell, --max-row, --max-columns and --max-unpacked are numbers above 0")
	}
	return nil
}

// inputFiles takes each worksheet that is named as a file of its own, and puts
// standard input into the folder dir, since files are read twice.
func (a *app) inputFiles(names []string, dir string, opts extract.Options) ([]inputFile, error) {
	var files []inputFile
	for _, name := range names {
		path, err := name, error(nil)
		if name == "-" {
			if path, err = extract.Spool(a.in, dir, maxSpool); err != nil {
				return nil, fmt.Errorf("standard input: %w", err)
			}
		}
		opts.Name = name
		each, err := extract.Expand(path, opts)
		if err != nil {
			return nil, err
		}
		for _, o := range each {
			if slices.ContainsFunc(files, func(f inputFile) bool { return f.path == path && f.opts.Sheet == o.Sheet }) {
				return nil, namedTwice(name, o.Sheet)
			}
			files = append(files, inputFile{path: path, name: name, opts: o})
		}
	}
	return files, nil
}

// namedTwice: the rows would be imported twice.
func namedTwice(name, sheet string) error {
	if sheet != "" {
		return fmt.Errorf("%s: its sheet %q is named twice; name it once", name, sheet)
	}
	return fmt.Errorf("%s: it is named twice; name it once", name)
}

const maxSpool = 64 << 30 // bytes of standard input

// opened is a set of files open for one pass, each with the mapper for its header.
type opened struct {
	files   []*extract.File
	mappers []*transform.Mapper
}

// open opens all files and compiles the mapping for each header, so that every
// fault of the mapping is known before the first row is read.
func open(files []inputFile, m *transform.Mapping, s *schema.Schema) (*opened, error) {
	o := &opened{}
	for _, in := range files {
		f, err := extract.Open(in.path, in.opts)
		if err != nil {
			o.close()
			return nil, err
		}
		o.files = append(o.files, f)
		mapper, err := transform.Compile(m, s, f.Header(), transform.CompileOptions{Now: time.Now(), Dates: in.dates})
		if err != nil {
			o.close()
			return nil, err
		}
		o.mappers = append(o.mappers, mapper)
	}
	return o, nil
}

func (o *opened) close() {
	for _, f := range o.files {
		_ = f.Close() // only read
	}
}

func (o *opened) inputs() []etl.Input {
	inputs := make([]etl.Input, len(o.files))
	for i, f := range o.files {
		inputs[i] = etl.Input{Source: f, Mapper: o.mappers[i]}
	}
	return inputs
}

func (o *opened) headers() []*etl.Header {
	headers := make([]*etl.Header, len(o.files))
	for i, f := range o.files {
		headers[i] = f.Header()
	}
	return headers
}

// size sums the bytes read over all files.
func (o *opened) size() (done, total int64) {
	for _, f := range o.files {
		d, t := f.Progress()
		done, total = done+d, total+t
	}
	return done, total
}

// describe is how the files are named in summary.json, without their hashes.
func (o *opened) describe(files []inputFile) []report.Input {
	inputs := make([]report.Input, len(files))
	for i, in := range files {
		info := o.files[i].Info()
		inputs[i] = report.Input{Path: in.name, Size: info.Size, Format: info.Format, Encoding: info.Encoding, Sheet: info.Sheet}
	}
	return inputs
}

// sums sets size and hash of each input that was hashed while it was read.
func (o *opened) sums(inputs []report.Input) error {
	for i, f := range o.files {
		sum, size, err := f.Sum()
		if err != nil {
			return err
		}
		if sum != "" {
			inputs[i].SHA256, inputs[i].Size = sum, size
		}
	}
	return nil
}

// hashInputs begins to hash files, but those that are hashed while they are read. What
// it returns waits for that, and sets size and hash of each input.
func hashInputs(files []inputFile, inputs []report.Input, whileRead bool) (hashed func() error) {
	type hash struct {
		sum  string
		size int64
	}
	hashes := make([]hash, len(files))
	var group errgroup.Group
	group.Go(func() (err error) {
		for i, in := range files {
			if whileRead && inputs[i].Format == "csv" {
				continue
			}
			if hashes[i].sum, hashes[i].size, err = hashFile(in.path); err != nil {
				return err
			}
		}
		return nil
	})
	return func() error {
		err := group.Wait()
		for i, h := range hashes {
			if h.sum != "" {
				inputs[i].SHA256, inputs[i].Size = h.sum, h.size
			}
		}
		return err
	}
}

// hashMapping is the hash of a mapping file and of the tables that it reads.
func hashMapping(path string, m *transform.Mapping) (string, error) {
	sum, _, err := hashFile(path)
	if err != nil || len(m.Files()) == 0 {
		return sum, err
	}
	h := sha256.New()
	h.Write([]byte(sum))
	for _, table := range m.Files() {
		sum, _, err := hashFile(table)
		if err != nil {
			return "", err
		}
		h.Write([]byte(sum))
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func hashFile(path string) (sum string, size int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	h := sha256.New()
	size, err = io.CopyBuffer(h, struct{ io.Reader }{f}, make([]byte, 256<<10))
	return hex.EncodeToString(h.Sum(nil)), size, err
}
