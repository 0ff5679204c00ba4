package load

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/internal/newfile"
)

// A Column is one column of an output file.
type Column struct {
	Name  string   // its header
	Kind  etl.Kind // what the values are, for formats with typed cells
	Few   bool     // few different values: worth a dictionary, where the format has them
	Group string   // nested formats: "properties", or "associations" for a list of ids parted by ';'
	Key   string   // nested formats: its name within the group

	// Of an editable workbook:
	Locked    bool     // its cells cannot be edited
	Choices   []string // what a drop-down offers; none if empty
	Groups    []Choice // the same, by the cell of the column whose Key is GroupedBy
	GroupedBy string
}

// TableOptions shape an output file.
type TableOptions struct {
	Columns []Column
	Guard   bool        // CSV: make formula-like text safe to open in a spreadsheet program
	Format  string      // ending that names the format, e.g. ".csv"; empty: that of the path
	Stdout  io.Writer   // where the path "-" is
	Mode    os.FileMode // of the file; 0: its owner only
	TempDir string      // on the file's disk: where it is written until it is complete; "": beside it
	Sheet   string      // .xlsx: name of the first sheet; empty: TicketsSheet

	Delimiter rune // CSV: between cells; 0: a comma
	BOM       bool // CSV: begin with a byte order mark, by which Excel knows UTF-8

	Edit *Edit // .xlsx: make it one that can be edited and imported again
}

// A Table writes records to a file of one of the formats. It is an etl.Sink for
// one writer. The file is written beside its target, is complete with
// Finish and takes the target's place in Commit, so that an export that dies leaves what was there before.
type Table struct {
	opts   TableOptions
	pend   *newfile.File // nil: standard output
	sum    hash.Hash
	size   counter
	packed io.WriteCloser // compresses into pend; nil for none
	format format
	rows   int64
}

// A format writes rows of values in one file format.
type format interface {
	row(rec *etl.Record) error // its Properties
	finish() error             // writes what is left; the file is complete after it
}

// A Form is what an output file is like, as its name says.
type Form struct {
	Typed bool // it has numbers, dates and truth values, not texts only
	UTC   bool // its date-times are instants; others are shown in a zone
	Raw   bool // for programs: values as they are stored, unless labels are asked for

	Editable bool   // it can be made one that is edited and imported again
	Ending   string // of its format, e.g. ".csv"
	Packing  string // of its compression: ".gz", ".zst" or ""

	begin  func(io.Writer, TableOptions) (format, error)
	packer func(io.Writer) (io.WriteCloser, error) // nil: not compressed
}

var forms = map[string]Form{
	".csv":     {begin: newCSV},
	".xlsx":    {Typed: true, Editable: true, begin: newWorkbook},
	".jsonl":   {Raw: true, UTC: true, begin: newLines},
	".parquet": {Typed: true, UTC: true, Raw: true, begin: newParquet},
}

// Formats are the endings of the formats, for messages.
func Formats() []string { return []string{".csv", ".xlsx", ".jsonl", ".parquet"} }

var packers = map[string]func(io.Writer) (io.WriteCloser, error){
	".gz":  func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil },
	".zst": func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w, zstd.WithEncoderConcurrency(1)) },
}

// FormOf is the form of an output file: of what the given ending names, or else
// the path's own, each maybe followed by .gz or .zst.
func FormOf(path, ending string) (Form, error) {
	name := strings.ToLower(path)
	if ending != "" {
		name = "." + strings.TrimPrefix(strings.ToLower(ending), ".")
	}
	last := filepath.Ext(name)
	packing := last
	packer := packers[packing]
	if packer != nil {
		name = strings.TrimSuffix(name, last)
		last = filepath.Ext(name)
	}
	form, known := forms[last]
	switch {
	case known:
		form.packer, form.Ending = packer, last
		if packer != nil {
			form.Packing = packing
		}
		form.Editable = form.Editable && packer == nil
		return form, nil
	case path == "-" && ending == "":
		return Form{}, errors.New("to write to standard output, say in which format, e.g. --output-format csv")
	case ending != "":
		return Form{}, fmt.Errorf("--output-format: %q is not one of %s, each also with .gz or .zst", ending, strings.Join(Formats(), ", "))
	}
	return Form{}, fmt.Errorf("%s: an export is written to %s, each also with .gz or .zst, and %q is none of them", path, strings.Join(Formats(), ", "), filepath.Ext(path))
}

// CreateTable begins the file at path, or standard output for "-". A file is
// readable by its owner only, since it holds customers' data, unless the options
// say otherwise.
func CreateTable(path string, opts TableOptions) (*Table, error) {
	form, err := FormOf(path, opts.Format)
	if err != nil {
		return nil, err
	}
	t := &Table{opts: opts, sum: sha256.New()}
	out := opts.Stdout
	if path != "-" {
		if t.pend, err = pendingFile(path, opts); err != nil {
			return nil, err
		}
		out = t.pend
	}
	out = io.MultiWriter(out, t.sum, &t.size)
	if form.packer != nil {
		if t.packed, err = form.packer(out); err != nil {
			return nil, t.abandon(err)
		}
		out = t.packed
	}
	if t.format, err = form.begin(out, opts); err != nil {
		return nil, t.abandon(err)
	}
	return t, nil
}

func pendingFile(path string, opts TableOptions) (*newfile.File, error) {
	f, err := newfile.Create(path, opts.TempDir, 0o600)
	if err != nil || opts.Mode == 0 {
		return f, err
	}
	if err := f.Chmod(opts.Mode); err != nil { // whatever the umask is
		return nil, errors.Join(err, f.Cleanup())
	}
	return f, nil
}

// A counter counts what is written.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

// Sum is the SHA-256 of the output, in hexadecimal, and its size in bytes, once
// it is complete.
func (t *Table) Sum() (sum string, bytes int64) {
	return hex.EncodeToString(t.sum.Sum(nil)), int64(t.size)
}

// CheckTable says what is wrong with path as the place of an output file, before
// anything is written there.
func CheckTable(path, ending string) error {
	if _, err := FormOf(path, ending); err != nil || path == "-" {
		return err
	}
	dir := filepath.Dir(path)
	info, err := os.Stat(dir)
	switch {
	case err != nil:
		return fmt.Errorf("%s: there is no folder %s; make it first", path, dir)
	case !info.IsDir():
		return fmt.Errorf("%s: %s is not a folder", path, dir)
	}
	info, err = os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return fmt.Errorf("%s is a folder; name a file", path)
	case err == nil && !info.Mode().IsRegular():
		return fmt.Errorf("%s is a device, a pipe or the like, whose place a file cannot take; name a file, or '-' for standard output", path)
	}
	return nil
}

// Write adds batch, in order.
func (t *Table) Write(_ context.Context, batch []*etl.Record) ([]etl.Outcome, error) {
	outcomes := make([]etl.Outcome, len(batch))
	for i := range outcomes {
		outcomes[i].Status = etl.Unsent
	}
	for i, rec := range batch {
		if err := t.format.row(rec); err != nil {
			return outcomes, fmt.Errorf("write ticket %s: %w", rec.Key, err)
		}
		t.rows++
		outcomes[i] = etl.Outcome{Status: etl.Exported, ID: rec.Key}
	}
	return outcomes, nil
}

// Finish completes the file, which is not in its place yet.
func (t *Table) Finish() error {
	err := t.format.finish()
	if err == nil && t.packed != nil {
		err = t.packed.Close()
	}
	if err != nil {
		return t.abandon(err)
	}
	return nil
}

// Commit puts the finished file in its place, durably. That and Abort do nothing to
// a nil Table.
func (t *Table) Commit() error {
	if t == nil || t.pend == nil {
		return nil
	}
	return t.pend.Replace()
}

// Abort removes what was written; what stood at the target stays. What went to
// standard output is cut off.
func (t *Table) Abort() error {
	if t == nil {
		return nil
	}
	if begun, ok := t.format.(io.Closer); ok {
		_ = begun.Close() // what it says is of no interest any more
	}
	if t.pend == nil {
		return nil
	}
	return t.pend.Cleanup()
}

func (t *Table) abandon(err error) error {
	_ = t.Abort()
	return err
}
