package extract_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/xuri/excelize/v2"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/etl/extract"
)

// TestSecondReaders reads the files of other projects in the folder that READERS
// names, and compares each cell with what other readers made of it.
// conformance/readers/run.sh prepares the folder and runs this.
//
// A file passes if its cells are equal or if it is refused with an error that
// tells what to do. A cell that is shown to the user as an error, since it means
// no date or number, counts as refused.
func TestSecondReaders(t *testing.T) {
	folder := os.Getenv("READERS")
	if folder == "" {
		t.Skip("READERS names no folder; make conformance does")
	}
	paths, err := filepath.Glob(filepath.Join(folder, "files", "*"))
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	s := secondReaders{T: t, folder: folder, count: map[string]int{}, known: knownDifferences(t)}
	for _, path := range paths {
		s.file(path)
	}
	for name, k := range s.known {
		if _, err := os.Stat(filepath.Join(folder, k.reader, strings.Fields(name)[0]+".json")); err == nil {
			s.Errorf("%s: the difference that is known is gone, or its file was not compared", name)
		}
	}
	for _, name := range slices.Sorted(keysOf(s.count)) {
		fmt.Printf("%6d  %s\n", s.count[name], name)
	}
}

func keysOf(m map[string]int) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

type secondReaders struct {
	*testing.T
	folder string
	count  map[string]int
	known  map[string]difference // that were not met yet, by file and reader
}

const fileTime = 60 * time.Second

// file reads one file as a run does, and then cell by cell beside the others.
func (s *secondReaders) file(path string) {
	ctx, cancel := context.WithTimeout(context.Background(), fileTime)
	defer cancel()
	begun := time.Now()
	rows, faulty, err := readWhole(ctx, path)
	if time.Since(begun) > fileTime {
		s.Errorf("%s: took more than %s", filepath.Base(path), fileTime)
	}
	kind := strings.TrimPrefix(filepath.Ext(path), ".")
	if err != nil {
		s.count["files ."+kind+" refused with an error"]++
		fmt.Printf("refused %v\n", strings.TrimPrefix(err.Error(), filepath.Dir(path)+"/"))
	} else {
		s.count["files ."+kind+" read"]++
		s.count["rows read as records"] += rows
		s.count["rows refused with an error"] += faulty
	}
	ours, where, err := extract.Cells(path)
	if err != nil {
		return
	}
	for _, reader := range []string{"openpyxl", "flat", "pycsv", "miller"} {
		if theirs, ok := s.dumped(reader, path, where); ok && !(reader == "miller" && oldMac(path)) {
			s.compare(reader, path, ours, theirs)
		}
	}
	if kind == "xlsx" || kind == "xlsm" {
		s.excelize(path, ours)
	}
}

func readWhole(ctx context.Context, path string) (rows, faulty int, err error) {
	f, err := extract.Open(path, extract.Options{})
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	for {
		_, err := f.Next(ctx)
		var fault *etl.RowError
		switch {
		case errors.As(err, &fault):
			faulty++
		case err != nil && err.Error() == "EOF":
			return rows, faulty, nil
		case err != nil:
			return rows, faulty, err
		default:
			rows++
		}
	}
}

type place struct{ row, column int }

// A dump is what another reader made of a file.
type dump struct {
	Cells [][4]any            // row, column, kind, text
	By    map[string][][4]any // the same, for each sheet or delimiter
	Error string
}

func (s *secondReaders) dumped(reader, path, where string) (map[place]extract.Cell, bool) {
	content, err := os.ReadFile(filepath.Join(s.folder, reader, filepath.Base(path)+".json"))
	if err != nil {
		return nil, false
	}
	var d dump
	require.NoError(s, json.Unmarshal(content, &d), path)
	if d.Error != "" {
		s.count["files that "+reader+" does not read and we do"]++
		return nil, false
	}
	if d.By != nil {
		d.Cells = d.By[where]
	}
	if d.Cells == nil {
		return nil, false
	}
	cells := map[place]extract.Cell{}
	for _, c := range d.Cells {
		kind := dumpedKind(c[2].(string))
		cells[place{int(c[0].(float64)), int(c[1].(float64))}] = extract.Cell{Text: c[3].(string), Kind: kind}
	}
	return cells, true
}

// formula is the kind of a cell that the other reader computed anew.
const formula etl.Kind = 255

// dumpedKind knows dates and moments by one letter.
func dumpedKind(letter string) etl.Kind {
	switch letter {
	case "f":
		return formula
	case "d":
		return etl.DateTime
	}
	return etl.KindOf(letter[0])
}

// A difference is one that is known, in which the other reader is wrong or does more
// than read. It must be met exactly: the same cells, each read as it was by both.
type difference struct {
	reader string
	why    string
	cells  string // ranges, "B3:B7 D2"
	sum    string // of what both read in them, see sumOf
}

// knownDifferences reads testdata/known.tsv: file, reader, cells, sum and why.
func knownDifferences(t *testing.T) map[string]difference {
	content, err := os.ReadFile(filepath.Join("testdata", "known.tsv"))
	require.NoError(t, err)
	known := map[string]difference{}
	for line := range strings.Lines(string(content)) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		require.Len(t, fields, 5, line)
		known[fields[0]+" "+fields[1]] = difference{reader: fields[1], cells: fields[2], sum: fields[3], why: fields[4]}
	}
	return known
}

// A differing cell is one that two readers read otherwise.
type differing struct {
	at           place
	ours, theirs string
}

// sumOf is a sum over what both readers read in cells, which are in order.
func sumOf(cells []differing) string {
	h := sha256.New()
	for _, c := range cells {
		fmt.Fprintf(h, "%s%d\t%s\t%s\n", etl.ColumnLetter(c.at.column-1), c.at.row, c.ours, c.theirs)
	}
	return hex.EncodeToString(h.Sum(nil))[:16]
}

// rangesOf names cells, which are in order of columns, in ranges of one column.
func rangesOf(cells []differing) string {
	var ranges []string
	for i := 0; i < len(cells); {
		j := i
		for j+1 < len(cells) && cells[j+1].at == (place{cells[j].at.row + 1, cells[j].at.column}) {
			j++
		}
		name := fmt.Sprintf("%s%d", etl.ColumnLetter(cells[i].at.column-1), cells[i].at.row)
		if j > i {
			name += fmt.Sprintf(":%s%d", etl.ColumnLetter(cells[j].at.column-1), cells[j].at.row)
		}
		ranges = append(ranges, name)
		i = j + 1
	}
	return strings.Join(ranges, " ")
}

// judge fails for cells that are read otherwise, unless they are exactly those that
// are known.
func (s *secondReaders) judge(reader, file string, cells []differing) {
	slices.SortFunc(cells, func(a, b differing) int {
		return cmp.Or(cmp.Compare(a.at.column, b.at.column), cmp.Compare(a.at.row, b.at.row))
	})
	known, isKnown := s.known[file+" "+reader]
	delete(s.known, file+" "+reader)
	switch {
	case len(cells) == 0 && !isKnown:
	case isKnown && known.cells == rangesOf(cells) && known.sum == sumOf(cells):
		s.count["cells that differ from "+reader+", which is known"] += len(cells)
		s.count["files with known differences from "+reader]++
		fmt.Printf("known: %s differs from %s in %d cells: %s\n", file, reader, len(cells), known.why)
	default:
		s.count["cells that differ from "+reader] += len(cells)
		for _, c := range cells[:min(len(cells), 4)] {
			s.Errorf("%s: %s%d: we read %s, %s %s", file, etl.ColumnLetter(c.at.column-1), c.at.row, c.ours, reader, c.theirs)
		}
		s.Errorf("%s: %d cells differ from %s; once judged, they are known by this line of testdata/known.tsv:\n%s\t%s\t%s\t%s\t", file, len(cells), reader, file, reader, rangesOf(cells), sumOf(cells))
	}
}

// oldMac says whether a file has lines that end with a carriage return alone,
// which Miller does not know.
func oldMac(path string) bool {
	content, err := os.ReadFile(path)
	return err == nil && bytes.Count(content, []byte("\r")) > bytes.Count(content, []byte("\r\n"))
}

func (s *secondReaders) compare(reader, path string, ours []extract.Cell, theirs map[place]extract.Cell) {
	equal, refused := 0, 0
	var differ []differing
	for _, c := range ours {
		at := place{c.Row, c.Column}
		their, ok := theirs[at]
		delete(theirs, at)
		switch same, clear := sameCell(c, their, ok); {
		case reader == "miller" && !ok:
			s.count["cells that miller leaves out of ragged rows"]++
		case their.Kind == formula:
			s.count["formulas that "+reader+" computes anew"]++
		case same:
			equal++
		case clear:
			refused++
		default:
			differ = append(differ, differing{at, shownCell(c), shownCell(their)})
		}
	}
	for at, their := range theirs {
		if strings.TrimSpace(their.Text) != "" && their.Kind != formula {
			differ = append(differ, differing{at, "nothing", shownCell(their)})
		}
	}
	s.judge(reader, filepath.Base(path), differ)
	s.count["cells equal to "+reader] += equal
	s.count["cells refused that "+reader+" reads"] += refused
	s.count["files compared with "+reader]++
}

func shownCell(c extract.Cell) string { return fmt.Sprintf("%c %q", c.Kind.Letter(), c.Text) }

// sameCell says whether two readers agree on a cell; clear means that we show it
// as an error.
func sameCell(our, their extract.Cell, there bool) (same, clear bool) {
	if our.Kind == etl.CellError {
		return there && their.Kind == etl.CellError, true
	}
	if !there {
		return strings.TrimSpace(our.Text) == "", false
	}
	switch {
	case our.Kind == etl.Number || our.Kind == etl.Text && their.Kind == etl.Number:
		return sameNumber(our.Text, their.Text), false
	case our.Kind == etl.Bool && their.Kind == etl.Number:
		return our.Text == "true" && their.Text == "1" || our.Text == "false" && their.Text == "0", false
	case our.Kind == etl.Date || our.Kind == etl.DateTime || our.Kind == etl.Duration:
		return sameSecond(our.Text, their.Text), false
	}
	return strings.ReplaceAll(our.Text, "\r\n", "\n") == strings.ReplaceAll(their.Text, "\r\n", "\n"), false
}

// sameSecond compares moments, or lengths of time. We round off what a
// computation leaves, up to ten milliseconds, where no parts of seconds show.
func sameSecond(our, their string) bool {
	for _, layout := range []string{"2006-01-02T15:04:05", time.DateOnly, "15:04:05"} {
		a, errA := time.Parse(layout, our)
		b, errB := time.Parse(layout, strings.TrimSuffix(their, map[bool]string{true: "T00:00:00"}[layout == time.DateOnly]))
		if errA == nil && errB == nil {
			return a.Sub(b).Abs() <= 10*time.Millisecond
		}
	}
	return our == their
}

// sameNumber compares the 15 digits that a workbook keeps; a text may have digits
// as its number format pads them.
func sameNumber(our, their string) bool {
	a, errA := strconv.ParseFloat(our, 64)
	b, errB := strconv.ParseFloat(their, 64)
	if errA != nil || errB != nil {
		return false
	}
	return a == b || math.Abs(a-b) <= max(1e-14*math.Abs(a), 1e-20) // LibreOffice writes 20 decimals
}

// excelize compares with the raw values of excelize's stream of rows, which have
// no types: what is not a text has to mean the same number.
func (s *secondReaders) excelize(path string, ours []extract.Cell) {
	if s.count["cells of workbooks"] += len(ours); len(ours) > mostCells {
		return
	}
	theirs, err := excelizeCells(path)
	if err != nil {
		s.count["files that excelize does not read and we do"]++
		return
	}
	s.count["files compared with excelize"]++
	for _, our := range ours {
		raw, ok := theirs[place{our.Row, our.Column}]
		switch {
		case our.Kind == etl.CellError:
			s.count["cells refused that excelize may read"]++
		case !ok:
			s.count["cells that excelize does not give and we do"]++
		case sameRaw(our, raw):
			s.count["cells equal to excelize"]++
		default:
			s.count["cells that differ from excelize"]++
			s.Errorf("%s: %s%d: we read %c %q, excelize %q", filepath.Base(path), etl.ColumnLetter(our.Column-1), our.Row, our.Kind.Letter(), our.Text, raw)
		}
	}
}

const mostCells = 200_000 // excelize takes long

// excelizeCells reads the first visible sheet.
func excelizeCells(path string) (map[place]string, error) {
	book, err := excelize.OpenFile(path, excelize.Options{RawCellValue: true})
	if err != nil {
		return nil, err
	}
	defer book.Close()
	for _, name := range book.GetSheetList() {
		if visible, _ := book.GetSheetVisible(name); visible {
			return sheetOfExcelize(book, name)
		}
	}
	return nil, errors.New("no visible sheet")
}

func sheetOfExcelize(book *excelize.File, name string) (map[place]string, error) {
	rows, err := book.Rows(name)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	cells := map[place]string{}
	for n := 1; rows.Next(); n++ {
		columns, err := rows.Columns()
		if err != nil {
			return nil, err
		}
		for i, text := range columns {
			if text != "" {
				cells[place{n, i + 1}] = text
			}
		}
	}
	return cells, rows.Error()
}

// sameRaw says whether a cell means what the workbook stores.
func sameRaw(our extract.Cell, raw string) bool {
	switch our.Kind {
	case etl.Number:
		return sameNumber(our.Text, raw)
	case etl.Bool:
		return raw == our.Text || raw == map[string]string{"true": "1", "false": "0"}[our.Text] || strings.EqualFold(raw, our.Text)
	case etl.Date, etl.DateTime, etl.Duration:
		return sameMoment(our, raw)
	}
	return our.Text == raw || sameNumber(strings.TrimLeft(our.Text, "0"), raw) || onlyDigits(our.Text) == onlyDigits(raw)
}

func onlyDigits(text string) string {
	return strings.TrimLeft(strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, text), "0")
}

// sameMoment counts the days since the beginning of either date system, up to a
// hundredth of a second.
func sameMoment(our extract.Cell, raw string) bool {
	serial, err := strconv.ParseFloat(raw, 64)
	if err != nil {
		return strings.HasPrefix(raw, strings.TrimSuffix(our.Text, "T00:00:00")) // stored as text
	}
	if our.Kind == etl.Duration {
		hours, rest, _ := strings.Cut(our.Text, ":")
		h, _ := strconv.Atoi(hours)
		at, err := time.Parse("04:05", rest)
		days := (time.Duration(h)*time.Hour + at.Sub(at.Truncate(24*time.Hour))).Hours() / 24
		return err == nil && math.Abs(days-serial) < 1e-7
	}
	layout := map[etl.Kind]string{etl.Date: time.DateOnly, etl.DateTime: "2006-01-02T15:04:05"}[our.Kind]
	at, err := time.Parse(layout, our.Text)
	since := func(y int, m time.Month, d int) float64 {
		return float64(at.UnixMilli()-time.Date(y, m, d, 0, 0, 0, 0, time.UTC).UnixMilli()) / (24 * 60 * 60 * 1000)
	}
	near := func(days float64) bool { return math.Abs(days-serial) < 6e-6 } // half a second
	return err == nil && (near(since(1899, 12, 30)) || near(since(1899, 12, 31)) && serial < 60 || near(since(1904, 1, 1)))
}
