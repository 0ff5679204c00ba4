package markup

import (
	"cmp"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/ticketetl/ticketetl/etl"
)

// A Problem is one thing wrong with one cell.
type Problem struct {
	Sheet   string // worksheet of the cell
	Row     int    // as a spreadsheet program counts, in the workbook that is written
	Column  int    // index of the column; -1 when it is about the row
	Source  int    // the row in the input, where it is another one
	Header  string
	Value   string
	Code    string
	Message string
	Hint    string
	Warning bool
}

// Problems reads the problems of one input, in the order of its rows. It may be
// read several times, and gives the same each time.
type Problems iter.Seq2[Problem, error]

// cell is the index of the column that is marked: a problem with a row as a
// whole is shown at its first cell.
func (p *Problem) cell() int { return max(p.Column, 0) }

// A mark is a cell with all that is wrong with it.
type mark struct {
	sheet    string
	row      int
	column   int
	problems []Problem // not empty
}

func (m *mark) ref() string { return etl.ColumnLetter(m.column) + strconv.Itoa(m.row) }

// warning says that nothing is wrong enough to leave the row out.
func (m *mark) warning() bool {
	return !slices.ContainsFunc(m.problems, func(p Problem) bool { return !p.Warning })
}

// marks are the problems cell by cell, from left to right in each row. sheet
// chooses those of one worksheet; "" takes all.
func (all Problems) marks(sheet string) iter.Seq2[mark, error] {
	return func(yield func(mark, error) bool) {
		var row []Problem
		for p, err := range all {
			switch {
			case err != nil:
				yield(mark{}, err)
				return
			case sheet != "" && p.Sheet != sheet:
				continue
			case len(row) > 0 && (row[0].Row != p.Row || row[0].Sheet != p.Sheet):
				if !yieldRow(row, yield) {
					return
				}
				row = nil // marks keep theirs
			}
			row = append(row, p)
		}
		yieldRow(row, yield)
	}
}

func yieldRow(row []Problem, yield func(mark, error) bool) bool {
	slices.SortStableFunc(row, func(a, b Problem) int { return cmp.Compare(a.cell(), b.cell()) })
	for len(row) > 0 {
		n := 1
		for n < len(row) && row[n].cell() == row[0].cell() {
			n++
		}
		if !yield(mark{row[0].Sheet, row[0].Row, row[0].cell(), row[:n:n]}, nil) {
			return false
		}
		row = row[n:]
	}
	return true
}

// sheets are the names of the worksheets that have problems, in the order in
// which they appear.
func (all Problems) sheets() ([]string, error) {
	var names []string
	last := ""
	for p, err := range all {
		if err != nil {
			return nil, err
		}
		if p.Sheet != last && !slices.Contains(names, p.Sheet) {
			names = append(names, p.Sheet)
		}
		last = p.Sheet
	}
	return names, nil
}

// maxCell is how many UTF-16 units a cell of a workbook holds.
const maxCell = 32_767

// cutText shortens text to what a cell or comment may hold, and says so.
func cutText(text string, units int) string {
	const cut = " … (cut)"
	n := 0
	for i, r := range text {
		n += 1 + boolInt(r > 0xffff)
		if n > units {
			return text[:lastFit(text[:i], units-len(cut))] + cut
		}
	}
	return text
}

// lastFit is where text has to end for at most units UTF-16 units.
func lastFit(text string, units int) int {
	n := 0
	for i, r := range text {
		if n += 1 + boolInt(r > 0xffff); n > units {
			return i
		}
	}
	return len(text)
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// comment is what the note on the cell says.
func (m *mark) comment() string {
	var lines []string
	for i := range m.problems {
		p := &m.problems[i]
		text := p.Message
		if p.Column < 0 {
			text = "The row: " + text
		}
		if p.Warning {
			text = "Warning: " + text
		}
		if p.Hint != "" {
			text += "\n→ " + p.Hint
		}
		lines = append(lines, text)
	}
	return cutText(strings.Join(lines, "\n\n"), maxComment)
}

// maxComment is how many characters a comment has at most: more do not fit any screen.
const maxComment = 2000
