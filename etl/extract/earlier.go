package extract

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"

	"github.com/ticketetl/ticketetl/etl"
)

// An Earlier is the output of an earlier export of this program, as its manifest
// describes it.
type Earlier struct {
	Path    string
	Format  string // ending of its format, e.g. ".csv"
	Packing string // ".gz", ".zst" or ""
	Guarded bool   // CSV: its cells went through etl.GuardCell
	Comma   byte   // CSV: what parts its cells
	Columns []EarlierColumn
	TempDir string // a folder of the caller's, where it is unpacked, if it is packed
}

// An EarlierColumn is one column of an Earlier.
type EarlierColumn struct {
	Group, Key string // nested formats: where its values are
	Kind       etl.Kind
}

// An earlierReader gives the texts of one row after the other, then io.EOF. The
// caller may keep them.
type earlierReader interface {
	next(ctx context.Context) ([]string, error)
	close() error
}

// open begins to read the file.
func (e *Earlier) open() (earlierReader, error) {
	path, err := e.unpacked()
	if err != nil {
		return nil, err
	}
	switch e.Format {
	case ".jsonl":
		return newEarlierLines(path, e.Columns)
	case ".parquet":
		return newEarlierParquet(path, e.Columns)
	case ".xlsx":
		return newEarlierSheets(path, e)
	}
	return newEarlierCSV(path, e)
}

// unpacked is the path of the file without its compression: itself, or a copy.
func (e *Earlier) unpacked() (path string, err error) {
	if e.Packing == "" {
		return e.Path, nil
	}
	in, err := os.Open(e.Path)
	if err != nil {
		return "", cause(err)
	}
	defer in.Close()
	plain, err := e.plain(in)
	if err != nil {
		return "", err
	}
	defer plain.Close()
	out, err := os.Create(filepath.Join(e.TempDir, "earlier"))
	if err != nil {
		return "", err
	}
	_, err = io.Copy(out, plain)
	return out.Name(), errors.Join(err, out.Close())
}

func (e *Earlier) plain(in io.Reader) (io.ReadCloser, error) {
	if e.Packing == ".gz" {
		return gzip.NewReader(in)
	}
	z, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	return z.IOReadCloser(), nil
}

// earlierSheets reads the sheets of a workbook.
type earlierSheets struct {
	file   *File
	path   string
	opts   Options
	sheets []string // that follow
	width  int
}

// earlierLimits are above what an export writes: a ticket may have very many
// associated ids.
var earlierLimits = Limits{MaxField: 256 << 20, MaxRow: 1 << 30, MaxUnzipped: math.MaxInt64}

func newEarlierSheets(path string, e *Earlier) (earlierReader, error) {
	r := &earlierSheets{path: path, width: len(e.Columns), opts: Options{Name: e.Path, Header: 1, Limits: earlierLimits, exact: true}}
	var err error
	if err = r.open(); err != nil {
		return nil, err
	}
	for i, s := range r.file.Info().Sheets {
		if i > 0 && !s.Hidden {
			r.sheets = append(r.sheets, s.Name)
		}
	}
	return r, nil
}

// open opens the sheet that the options name.
func (r *earlierSheets) open() (err error) {
	if r.file, err = Open(r.path, r.opts); err != nil {
		return err
	}
	return checkWidth(r.file.Header().Len(), r.width)
}

func checkWidth(n, want int) error {
	if n != want {
		return fmt.Errorf("it has %d columns, and its manifest says %d", n, want)
	}
	return nil
}

func (r *earlierSheets) next(ctx context.Context) ([]string, error) {
	for {
		rec, err := r.file.Next(ctx)
		if err == nil {
			texts := make([]string, r.width)
			copy(texts, rec.Fields)
			return texts, nil
		}
		if !isEOF(err) || len(r.sheets) == 0 {
			return nil, err
		}
		if err := r.nextSheet(); err != nil {
			return nil, err
		}
	}
}

func (r *earlierSheets) nextSheet() (err error) {
	if err := r.file.Close(); err != nil {
		return err
	}
	r.opts.Sheet, r.sheets = r.sheets[0], r.sheets[1:]
	return r.open()
}

func (r *earlierSheets) close() error { return r.file.Close() }

// earlierCSV reads CSV as encoding/csv writes it, byte by byte as it is: that
// package's own reader changes line breaks, and the one for people's files refuses
// characters that HubSpot may hold.
type earlierCSV struct {
	file    *os.File
	in      *bufio.Reader
	width   int
	guarded bool
	comma   byte
}

// utf8BOM is a byte order mark.
const utf8BOM = "\ufeff"

func newEarlierCSV(path string, e *Earlier) (earlierReader, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, cause(err)
	}
	r := &earlierCSV{file: f, in: bufio.NewReaderSize(f, 256<<10), width: len(e.Columns), guarded: e.Guarded, comma: e.Comma}
	if bom, err := r.in.Peek(len(utf8BOM)); err == nil && string(bom) == utf8BOM {
		_, _ = r.in.Discard(len(utf8BOM)) // they were peeked at
	}
	if _, err := r.row(); err != nil { // the header
		return nil, errors.Join(err, f.Close())
	}
	return r, nil
}

func (r *earlierCSV) next(context.Context) ([]string, error) {
	texts, err := r.row()
	if err == nil && r.guarded {
		for i := range texts {
			texts[i] = etl.UnguardCell(texts[i])
		}
	}
	return texts, err
}

func (r *earlierCSV) row() ([]string, error) {
	if _, err := r.in.Peek(1); err != nil {
		return nil, err
	}
	texts := make([]string, 0, r.width)
	for {
		text, end, err := r.cell()
		if isEOF(err) {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return nil, err
		}
		if texts = append(texts, text); end == '\n' {
			return texts, checkWidth(len(texts), r.width)
		}
	}
}

// cell reads one cell and what ends it: the sign between cells or a line break.
func (r *earlierCSV) cell() (text string, end byte, err error) {
	var b []byte
	quoted, open := false, false
	for {
		c, err := r.in.ReadByte()
		switch {
		case err != nil:
			return "", 0, err
		case c == '"' && !quoted && len(b) == 0:
			quoted, open = true, true
		case c == '"' && open:
			open = false
		case c == '"' && quoted:
			b, open = append(b, c), true
		case !open && (c == r.comma || c == '\n'):
			return string(b), c, nil
		default:
			b = append(b, c)
		}
	}
}

func (r *earlierCSV) close() error { return r.file.Close() }

// earlierLines reads JSON Lines.
type earlierLines struct {
	file    *os.File
	in      *bufio.Reader
	columns []EarlierColumn
}

func newEarlierLines(path string, columns []EarlierColumn) (earlierReader, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, cause(err)
	}
	return &earlierLines{file: f, in: bufio.NewReaderSize(f, 256<<10), columns: columns}, nil
}

func (r *earlierLines) next(context.Context) ([]string, error) {
	line, err := r.in.ReadBytes('\n')
	if err != nil {
		if isEOF(err) && len(bytes.TrimSpace(line)) > 0 {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	var outer map[string]json.RawMessage
	if err := json.Unmarshal(line, &outer); err != nil {
		return nil, err
	}
	groups := map[string]map[string]json.RawMessage{"": outer}
	texts := make([]string, len(r.columns))
	for i, c := range r.columns {
		group, known := groups[c.Group]
		if !known {
			if err := json.Unmarshal(outer[c.Group], &group); err != nil {
				return nil, fmt.Errorf("%q of a line: %w", c.Group, err)
			}
			groups[c.Group] = group
		}
		if texts[i], err = jsonText(group[c.Key]); err != nil {
			return nil, fmt.Errorf("%q of a line: %w", c.Key, err)
		}
	}
	return texts, nil
}

// jsonText is a text, null or a list of texts as one text.
func jsonText(value json.RawMessage) (text string, err error) {
	if len(value) > 0 && value[0] == '[' {
		var list []string
		err = json.Unmarshal(value, &list)
		return strings.Join(list, ";"), err
	}
	if len(value) == 0 {
		return "", errors.New("it is not there")
	}
	return text, json.Unmarshal(value, &text)
}

func (r *earlierLines) close() error { return r.file.Close() }

// earlierParquet reads Parquet.
type earlierParquet struct {
	file    *os.File
	groups  []parquet.RowGroup // that follow
	rows    parquet.Rows       // of the one that is read; may be nil
	buffer  []parquet.Row
	ready   []parquet.Row
	columns []EarlierColumn
}

func newEarlierParquet(path string, columns []EarlierColumn) (earlierReader, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, cause(err)
	}
	r := &earlierParquet{file: f, columns: columns, buffer: make([]parquet.Row, 256)}
	err = r.open()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return r, nil
}

func (r *earlierParquet) open() error {
	info, err := r.file.Stat()
	if err != nil {
		return err
	}
	f, err := parquet.OpenFile(r.file, info.Size(), parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return err
	}
	if err := checkWidth(len(f.Schema().Columns()), len(r.columns)); err != nil {
		return err
	}
	r.groups = f.RowGroups()
	return nil
}

func (r *earlierParquet) next(context.Context) ([]string, error) {
	for len(r.ready) == 0 {
		if err := r.fill(); err != nil {
			return nil, err
		}
	}
	row := r.ready[0]
	r.ready = r.ready[1:]
	texts := make([]string, len(r.columns))
	for _, v := range row {
		if i := v.Column(); !v.IsNull() {
			texts[i] = parquetText(r.columns[i].Kind, v)
		}
	}
	return texts, nil
}

// fill reads the next rows.
func (r *earlierParquet) fill() error {
	if r.rows == nil {
		if len(r.groups) == 0 {
			return io.EOF
		}
		r.rows, r.groups = r.groups[0].Rows(), r.groups[1:]
	}
	n, err := r.rows.ReadRows(r.buffer)
	r.ready = r.buffer[:n]
	if isEOF(err) {
		err = r.rows.Close()
		r.rows = nil
	}
	return err
}

// parquetText is a value as the text from which an export has made it.
func parquetText(kind etl.Kind, v parquet.Value) string {
	switch kind {
	case etl.Number:
		return strconv.FormatFloat(v.Double(), 'f', -1, 64)
	case etl.Date:
		return time.Unix(int64(v.Int32())*24*60*60, 0).UTC().Format(time.DateOnly)
	case etl.DateTime:
		return time.UnixMilli(v.Int64()).UTC().Format("2006-01-02T15:04:05.999")
	case etl.Bool:
		return strconv.FormatBool(v.Boolean())
	}
	return strings.Clone(string(v.ByteArray()))
}

func (r *earlierParquet) close() error {
	var err error
	if r.rows != nil {
		err = r.rows.Close()
	}
	return errors.Join(err, r.file.Close())
}
