package extract

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"

	"github.com/ticketetl/ticketetl/etl"
)

// Options say how to read a file. The zero value detects everything.
type Options struct {
	Name      string // what messages call the file; its path if empty, "-" for standard input
	Sheet     string // name or 1-based number of a worksheet; "" is the first visible one
	Header    int    // row number of the header; 0 detects it
	Encoding  string // e.g. "windows-1252", as HTML or IANA name it; "" detects it
	Delimiter string // one character, or "tab"; "" detects it
	Quote     string // "double", "single" or "none"; "" detects it
	Escape    string // how a quote inside a cell is written: "double" or "backslash"; "" detects it
	Hidden    string // "skip" leaves hidden rows and columns of a worksheet out; "" and "read" take them
	Limits    Limits
	Sum       bool // hash a text file while it is read; see File.Sum

	exact bool // worksheet: moments are as exact as they are stored, whatever parts of a second their format shows
}

// Limits bound what a file may ask of this process. Zero means the default.
type Limits struct {
	MaxField    int   // bytes of one cell; 1 MiB
	MaxRow      int   // bytes of one row; 16 MiB
	MaxColumns  int   // cells of one row; 16,384, as a worksheet has
	MaxUnzipped int64 // bytes of a compressed file once unpacked; 4 GiB

	block int // bytes of text that are cut off at a time; blockSize
}

func (l Limits) withDefaults() Limits {
	if l.MaxField <= 0 {
		l.MaxField = 1 << 20
	}
	if l.MaxRow <= 0 {
		l.MaxRow = 16 << 20
	}
	if l.MaxColumns <= 0 {
		l.MaxColumns = 16384
	}
	if l.MaxUnzipped <= 0 {
		l.MaxUnzipped = 4 << 30
	}
	if l.block <= 0 {
		l.block = blockSize
	}
	return l
}

// Info says what a file was found to be.
type Info struct {
	Path      string
	Format    string      // "csv" or "xlsx"
	Encoding  string      // CSV only, e.g. "utf-8"
	Delimiter string      // CSV only, one character
	Quote     string      // CSV only: the character around cells, "" for none
	Sheet     string      // XLSX only: the worksheet that is read
	Sheets    []SheetInfo // XLSX only, in the workbook's order
	HeaderTop int         // XLSX only: the first row of the header, HeaderRow as a rule
	HeaderRow int         // the last row of the header
	Notes     []string    // how each was detected, and what was passed over
	Size      int64       // bytes of the file
}

// A SheetInfo is one worksheet of a workbook.
type SheetInfo struct {
	Name   string
	Hidden bool
}

// rowReader is what a format has to offer.
type rowReader interface {
	Header() *etl.Header
	Next(ctx context.Context) (*etl.Record, error)
	Close() error
}

// A File is a Source that reads a file of tickets.
type File struct {
	rows rowReader
	info Info
	read *meter
	rest io.Reader // what was not read of a file that is hashed meanwhile
}

var _ etl.Source = (*File)(nil)

// Open opens the file at path and reads as far as its header.
//
// The error tells people what to do: about a missing file, a folder, an empty
// file, a format that is not read (.xls, .ods), an encrypted workbook, an
// unknown sheet (the others are listed), a header row that is not there.
func Open(path string, opts Options) (*File, error) {
	if opts.Name == "" {
		opts.Name = path
	}
	opts.Limits = opts.Limits.withDefaults()
	file, size, err := openRegular(path, opts.Name)
	if err != nil {
		return nil, err
	}
	f := &File{info: Info{Path: opts.Name, Size: size}, read: &meter{total: size}}
	if err := f.open(file, opts); err != nil {
		file.Close()
		return nil, err
	}
	return f, nil
}

func (f *File) open(file *os.File, opts Options) error {
	head, err := readHead(file)
	if err != nil {
		return fmt.Errorf("%s: %w", opts.Name, err)
	}
	if why := refuse(head); why != "" {
		return fmt.Errorf("%s: %s", opts.Name, why)
	}
	if bytes.HasPrefix(head, []byte("PK")) {
		f.info.Format = "xlsx"
		f.rows, err = openWorkbook(file, f.read, opts, &f.info)
		return err
	}
	f.info.Format = "csv"
	if opts.Sum {
		f.read.sum = sha256.New()
		f.rest = f.read.reader(file)
	}
	f.rows, err = openText(file, f.read, bytes.HasPrefix(head, gzipMagic), opts, &f.info)
	return err
}

// Header implements etl.Source.
func (f *File) Header() *etl.Header { return f.rows.Header() }

// Next implements etl.Source.
func (f *File) Next(ctx context.Context) (*etl.Record, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return f.rows.Next(ctx)
}

// Close implements etl.Source.
func (f *File) Close() error { return f.rows.Close() }

// Info says what the file was found to be. It does not change after Open.
func (f *File) Info() Info { return f.info }

// Notes are those of Info, and what showed while the rows were read, such as
// hidden rows. They are complete once Next has returned io.EOF; the goroutine
// that calls Next may call it.
func (f *File) Notes() []string {
	notes := slices.Clone(f.info.Notes)
	if rows, ok := f.rows.(interface{ notes() []string }); ok {
		notes = append(notes, rows.notes()...)
	}
	return notes
}

// Progress returns how many bytes of how many were read. Any goroutine may
// call it.
func (f *File) Progress() (done, total int64) { return f.read.progress() }

// Sum is the SHA-256 of the whole file, in hexadecimal digits, and its size, where
// Options.Sum asks for it; of a workbook, which is not read from end to end, it is
// empty. It reads what was not read yet, so that Next must not be called any more.
func (f *File) Sum() (sum string, size int64, err error) {
	if f.rest == nil {
		return "", 0, nil
	}
	if _, err := io.Copy(io.Discard, f.rest); err != nil {
		return "", 0, fmt.Errorf("%s: %w", f.info.Path, cause(err))
	}
	return hex.EncodeToString(f.read.sum.Sum(nil)), f.read.done.Load(), nil
}

// openRegular opens a file that can be read twice.
func openRegular(path, name string) (*os.File, int64, error) {
	stat, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, 0, fmt.Errorf("%s: there is no such file", name)
	case err != nil:
		return nil, 0, fmt.Errorf("%s: %w", name, cause(err))
	case stat.IsDir():
		return nil, 0, fmt.Errorf("%s: this is a folder; name the file in it", name)
	case !stat.Mode().IsRegular():
		return nil, 0, fmt.Errorf(`%s: this is not a regular file; give it on standard input, as "-"`, name)
	case stat.Size() == 0:
		return nil, 0, fmt.Errorf("%s: the file is empty; export or save it again with its header row and rows", name)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, 0, fmt.Errorf("%s: %w", name, cause(err))
	}
	return file, stat.Size(), nil
}

// cause leaves out the path that package os puts in front of its errors.
func cause(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// readHead returns the first bytes of file and goes back to its start.
func readHead(file *os.File) ([]byte, error) {
	head := make([]byte, 4096)
	n, err := io.ReadFull(file, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, cause(err)
	}
	_, err = file.Seek(0, io.SeekStart)
	return head[:n], err
}

var (
	gzipMagic = []byte{0x1f, 0x8b}
	oleMagic  = []byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
)

// refuse says why content that begins with head is not read, or "".
func refuse(head []byte) string {
	start := bytes.ToLower(bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n"))
	begins := func(s string) bool { return bytes.HasPrefix(start, []byte(s)) }
	switch {
	case bytes.HasPrefix(head, oleMagic) && bytes.Contains(head, utf16le("EncryptedPackage")):
		return encryptedWorkbook
	case bytes.HasPrefix(head, oleMagic):
		return "this is the old Excel 97 format (.xls), or a workbook with a password; open it and save it as .xlsx or .csv, without a password"
	case begins("%pdf-"):
		return "this is a PDF; export the tickets as .xlsx or .csv instead"
	case begins("<!doctype html"), begins("<html"), begins("<table"), begins("<head"), begins("<meta"):
		return "this is a web page, even if it is named like a spreadsheet; open it in a spreadsheet program and save it as .xlsx or .csv"
	case begins("<?xml"), begins("<workbook"):
		return "this is XML, not a spreadsheet that can be read; open it in a spreadsheet program and save it as .xlsx or .csv"
	case begins("mime-version:"):
		return "this is a web archive (.mht), even if it is named like a spreadsheet; open it in a spreadsheet program and save it as .xlsx or .csv"
	case begins("[{"), begins("{\""), begins("[\n"), begins("{\n"), begins("[\r\n"), begins("{\r\n"):
		return "this is JSON; convert it to .csv or .xlsx first, one row for each ticket"
	case oldExcel(head):
		return "this is a workbook of Excel 2 to 4 (.xls); open it in LibreOffice and save it as .xlsx or .csv"
	case packed(head):
		return "this is a compressed file or an archive other than .gz; unpack it first"
	case begins("{\\rtf"):
		return "this is a text document (RTF); save the table as .xlsx or .csv"
	}
	return ""
}

// oldExcel: the record BOF of BIFF 2, 3 and 4, which stands in no other file.
func oldExcel(head []byte) bool {
	return bytes.HasPrefix(head, []byte("\x09\x00\x04\x00")) || bytes.HasPrefix(head, []byte("\x09\x02\x06\x00")) || bytes.HasPrefix(head, []byte("\x09\x04\x06\x00"))
}

func packed(head []byte) bool {
	for _, magic := range []string{"BZh", "\xfd7zXZ\x00", "\x28\xb5\x2f\xfd", "7z\xbc\xaf\x27\x1c", "Rar!\x1a\x07"} {
		if bytes.HasPrefix(head, []byte(magic)) {
			return true
		}
	}
	return false
}

const encryptedWorkbook = "the workbook is protected with a password; open it, remove the password (File, Info, Protect Workbook) and save it again"

func utf16le(s string) []byte {
	b := make([]byte, 0, 2*len(s))
	for i := range len(s) {
		b = append(b, s[i], 0)
	}
	return b
}
