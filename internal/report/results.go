package report

import (
	"bytes"
	"encoding/csv"
	"strconv"

	"github.com/gocarina/gocsv"

	"github.com/ticketetl/ticketetl/etl"
)

// resultsFile is results.csv. Every row of a run has a line in it, which gocsv's
// reflection made a sixth of the work of a check; so lines are put together here,
// as gocsv writes them (a test compares the two).
type resultsFile struct {
	file linesFile
	buf  []byte
	rows int // in buf

	inFile, inSheet string // of the row that was added last
	place           []byte // with which its line begins
}

// writeHeader makes the file exist, with its header alone.
func (f *resultsFile) writeHeader() error {
	var head bytes.Buffer
	if err := gocsv.MarshalCSV([]ResultRow{}, csv.NewWriter(&head)); err != nil {
		return folderError(f.file.path, err)
	}
	return f.file.write(head.Bytes())
}

func (f *resultsFile) add(r *ResultRow) error {
	f.buf = f.appendLine(f.buf, r)
	if f.rows++; f.rows >= maxRowsHeld || len(f.buf) >= maxBytesHeld {
		return f.flush()
	}
	return nil
}

func (f *resultsFile) flush() error {
	if len(f.buf) == 0 {
		return nil
	}
	if err := f.file.write(f.buf); err != nil {
		return err
	}
	f.buf, f.rows = f.buf[:0], 0
	return nil
}

func (f *resultsFile) close() error {
	err := f.flush()
	if cerr := f.file.close(); err == nil {
		err = cerr
	}
	return err
}

// appendLine appends the line of r, with its texts guarded.
func (f *resultsFile) appendLine(b []byte, r *ResultRow) []byte {
	if f.place == nil || r.File != f.inFile || r.Sheet != f.inSheet {
		f.inFile, f.inSheet = r.File, r.Sheet
		f.place = append(etl.AppendCell(f.place[:0], etl.GuardCell(r.File), ','), ',')
		f.place = append(etl.AppendCell(f.place, etl.GuardCell(r.Sheet), ','), ',')
	}
	b = append(b, f.place...)
	b = append(strconv.AppendInt(b, int64(r.Row), 10), ',')
	b = append(strconv.AppendInt(b, int64(r.Line), 10), ',')
	b = append(etl.AppendCell(b, etl.GuardCell(r.Key), ','), ',')
	b = append(etl.AppendCell(b, r.Outcome, ','), ',')
	if r.TicketID == "" && r.URL == "" && r.Message == "" {
		return append(b, ",,\n"...)
	}
	b = append(etl.AppendCell(b, r.TicketID, ','), ',')
	b = append(etl.AppendCell(b, r.URL, ','), ',')
	return append(etl.AppendCell(b, etl.GuardCell(r.Message), ','), '\n')
}
