package report

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ticketetl/ticketetl/etl"
)

// OwnColumn is how the names of the columns begin that failed.csv adds. An
// import leaves such columns out.
const OwnColumn = "ticketetl_"

// KindsColumn is the column of failed.csv that has one letter for each original
// column (etl.Kind.Letter): what the source knew about the cell beyond its
// text. A file with this column has guarded cells (etl.GuardCell).
const KindsColumn = OwnColumn + "kinds"

// failedColumns are the columns that follow the original ones.
var failedColumns = []string{
	OwnColumn + "outcome", OwnColumn + "errors", OwnColumn + "file", OwnColumn + "row", KindsColumn, OwnColumn + "sheet",
}

// Columns is the union of the names of headers, for Options.Columns: all of the
// first one, then what the others add. A column without a name keeps its place
// if it can, since a mapping reaches it by its letter; one whose place is taken
// gets its letter as its name. Columns of an earlier failed.csv are left out.
func Columns(headers ...*etl.Header) []string {
	var all []string
	for n, h := range headers {
		for i, name := range h.Names() {
			switch {
			case strings.HasPrefix(name, OwnColumn):
			case name == "" && n == 0:
				all = append(all, "")
			default:
				if placeOf(all, i, name) < 0 {
					all = append(all, columnName(i, name))
				}
			}
		}
	}
	return all
}

func columnName(i int, name string) string {
	if name == "" {
		return etl.ColumnLetter(i)
	}
	return name
}

// placeOf finds the output column for the i-th column of a header, or -1.
func placeOf(all []string, i int, name string) int {
	if name == "" && i < len(all) && all[i] == "" {
		return i
	}
	return slices.Index(all, columnName(i, name))
}

// failedFile is failed.csv: the rows to mend, as they were read.
type failedFile struct {
	file    linesFile
	columns []string
	places  map[*etl.Header][]int // output column of each column; -1 for our own
	buf     bytes.Buffer
	csv     *csv.Writer
	line    []string
	kinds   []byte
}

func newFailedFile(path string, columns []string) *failedFile {
	f := &failedFile{
		file:    linesFile{path: path},
		columns: columns,
		places:  map[*etl.Header][]int{},
		line:    make([]string, len(columns)+len(failedColumns)),
		kinds:   make([]byte, len(columns)),
	}
	f.csv = csv.NewWriter(&f.buf)
	return f
}

func (f *failedFile) add(rec *etl.Record, out etl.Outcome) error {
	places, err := f.placesOf(rec.Header)
	if err != nil {
		return err
	}
	if f.buf.Len() == 0 && f.file.size == 0 {
		f.write(slices.Concat(f.columns, failedColumns))
	}
	clear(f.line)
	for i := range f.kinds {
		f.kinds[i] = etl.Text.Letter()
	}
	for i, field := range rec.Fields {
		if i < len(places) && places[i] >= 0 {
			f.line[places[i]] = field
			f.kinds[places[i]] = rec.Kind(i).Letter()
		}
	}
	own := f.line[len(f.columns):]
	own[0] = out.Status.String()
	own[1] = allMessages(rec, out.Problems)
	own[2] = rec.Pos.File
	own[3] = strconv.Itoa(rec.Pos.Row)
	own[4] = string(f.kinds)
	if rec.Partial {
		own[4] = etl.PartialKinds
	}
	own[5] = rec.Pos.Sheet
	f.write(f.line)
	if f.buf.Len() >= maxBytesHeld {
		return f.flush()
	}
	return nil
}

// write guards cells and adds them as a line. It cannot fail: the line goes to
// memory.
func (f *failedFile) write(cells []string) {
	for i, cell := range cells {
		cells[i] = etl.GuardCell(cell)
	}
	_ = f.csv.Write(cells)
	f.csv.Flush()
}

func (f *failedFile) placesOf(h *etl.Header) ([]int, error) {
	if places, ok := f.places[h]; ok || h == nil {
		return places, nil
	}
	places := make([]int, h.Len())
	for i, name := range h.Names() {
		places[i] = placeOf(f.columns, i, name)
		if places[i] < 0 && !strings.HasPrefix(name, OwnColumn) {
			return nil, fmt.Errorf("%s: column %s is not among the columns of the inputs", FailedFile, columnText(i, name))
		}
	}
	f.places[h] = places
	return places, nil
}

func (f *failedFile) flush() error {
	if f.buf.Len() == 0 {
		return nil
	}
	if err := f.file.write(f.buf.Bytes()); err != nil {
		return err
	}
	f.buf.Reset()
	return nil
}

func (f *failedFile) close() error {
	err := f.flush()
	if cerr := f.file.close(); err == nil {
		err = cerr
	}
	return err
}

// allMessages has every problem of a row, errors before warnings.
func allMessages(rec *etl.Record, problems []etl.Problem) string {
	var all []string
	for _, warning := range []bool{false, true} {
		for i := range problems {
			if p := &problems[i]; p.Warning == warning {
				all = append(all, messageOf(rec, p))
			}
		}
	}
	return strings.Join(all, " | ")
}

// messageOf is a problem with its column: `column "Priority": "p9" is not ...`.
func messageOf(rec *etl.Record, p *etl.Problem) string {
	if name := headerName(rec, p.Column); name != "" {
		return fmt.Sprintf("column %q: %s", name, p.Message)
	}
	if p.Column >= 0 {
		return fmt.Sprintf("column %s: %s", etl.ColumnLetter(p.Column), p.Message)
	}
	return p.Message
}

func headerName(rec *etl.Record, column int) string {
	if rec.Header == nil {
		return ""
	}
	return rec.Header.Name(column)
}

// columnText names a column as a spreadsheet's reader finds it: C "Priority".
func columnText(i int, name string) string {
	if name == "" {
		return etl.ColumnLetter(i)
	}
	return fmt.Sprintf("%s %q", etl.ColumnLetter(i), name)
}
