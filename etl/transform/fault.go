package transform

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// A Fault is one thing wrong with a mapping file.
type Fault struct {
	File    string
	Line    int // 1-based; 0 when the fault is about the file as a whole
	Column  int // 1-based, in characters
	Message string
	Hint    string // what to do about it; may be empty
	Text    string // the line, as it stands in the file; empty when Line is 0
}

// linesOf parts a file into its lines.
func linesOf(data []byte) []string {
	return strings.Split(strings.ReplaceAll(string(data), "\r\n", "\n"), "\n")
}

func lineAt(lines []string, at place) string {
	if at.line < 1 || at.line > len(lines) {
		return ""
	}
	return lines[at.line-1]
}

// maxShown bounds how much of a line is shown, in characters.
const maxShown = 100

// Excerpt is the line that the fault is in, with a caret under the place:
//
//	3 |   subject: {colum: Subject}
//	  |             ^
//
// It is empty where the fault has no place.
func (f *Fault) Excerpt() string {
	runes := []rune(strings.ReplaceAll(f.Text, "\t", " "))
	if f.Line == 0 || f.Column < 1 || f.Column > len(runes)+1 {
		return ""
	}
	from := max(0, f.Column-1-maxShown/2)
	shown := printable(runes[from:min(len(runes), from+maxShown)])
	number := strconv.Itoa(f.Line)
	gap := strings.Repeat(" ", len(number))
	return fmt.Sprintf("  %s | %s\n  %s | %s^", number, strings.TrimRight(shown, " "), gap, strings.Repeat(" ", f.Column-1-from))
}

// printable puts a sign of the same width in the place of what would steer a
// terminal.
func printable(runes []rune) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '·'
		}
		return r
	}, string(runes))
}

// Error is the fault on one line: "desk.yaml:7:3: message; hint".
func (f *Fault) Error() string {
	var b strings.Builder
	b.WriteString(f.File)
	if f.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", f.Line, f.Column)
	}
	b.WriteString(": ")
	b.WriteString(f.Message)
	if f.Hint != "" {
		b.WriteString("; ")
		b.WriteString(f.Hint)
	}
	return b.String()
}

// Faults are all faults of a mapping file, in the order of the file.
type Faults []Fault

// Error has one line for each fault.
func (fs Faults) Error() string {
	lines := make([]string, len(fs))
	for i := range fs {
		lines[i] = fs[i].Error()
	}
	return strings.Join(lines, "\n")
}

// Explain is Error with the line of each fault and a caret below it.
func (fs Faults) Explain() string {
	var b strings.Builder
	for i := range fs {
		b.WriteString(fs[i].Error())
		b.WriteByte('\n')
		if excerpt := fs[i].Excerpt(); excerpt != "" {
			b.WriteString(excerpt)
			b.WriteByte('\n')
		}
	}
	return strings.TrimRight(b.String(), "\n")
}

// err is fs in the order of the file, or nil when there is none.
func (fs Faults) err() error {
	if len(fs) == 0 {
		return nil
	}
	slices.SortStableFunc(fs, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return slices.Compact(fs)
}
