package extract

import (
	"io"
	"os"
)

// HasForm is for tests.
var HasForm = hasForm

// ScanAll does with the scanner what a loop over csv.Reader with ReuseRecord
// does: it makes the text of each row, in one slice.
func ScanAll(path string) (rows int, err error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	s := newScanner(file, ownDialect, Limits{}.withDefaults())
	var fields []string
	for {
		if err := s.scan(); err != nil {
			if err == io.EOF {
				err = nil
			}
			return rows, err
		}
		fields = s.appendText(fields[:0])
		rows++
	}
}
