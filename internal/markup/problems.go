package markup

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/ticketetl/ticketetl/etl"
)

// ProblemsSheet is the name of the sheet that lists the problems. Where there
// is one of that name, a number follows.
const ProblemsSheet = "Problems"

// The limits of what one workbook is made to hold. Every problem is in
// errors.csv, and every bad cell is coloured.
const (
	MaxComments = 5_000  // of one sheet
	MaxListed   = 50_000 // on the sheet Problems
)

// listColumns are those of the sheet Problems, with their widths in characters.
var listColumns = []struct {
	name  string
	width int
}{
	{"Cell", 18}, {"Row", 8}, {"Header", 22}, {"Value", 28}, {"Problem", 60}, {"What to do", 60}, {"Severity", 10}, {"Code", 24}, {"Note", 40},
}

var lastListColumn = etl.ColumnLetter(len(listColumns) - 1)

// A list is the part of the sheet Problems.
type list struct {
	b      *bufio.Writer
	styles *styles
	row    int
	links  []string // one for each row, from the second
	more   int64    // problems that are not listed
}

// write writes the part. note says what else there is to tell of a mark.
func (l *list) write(w io.Writer, namespace string, all Problems, note func(*mark) string) error {
	l.b = bufio.NewWriterSize(w, 64<<10)
	l.b.WriteString(xmlHead + `<worksheet xmlns="` + namespace + `"><sheetPr><pageSetUpPr fitToPage="1"/></sheetPr><sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews><cols>`)
	for i, c := range listColumns {
		fmt.Fprintf(l.b, `<col min="%d" max="%d" width="%d" customWidth="1"/>`, i+1, i+1, c.width)
	}
	if n := len(l.styles.legend); n > 0 {
		fmt.Fprintf(l.b, `<col min="%d" max="%d" width="3" hidden="1" customWidth="1"/>`, legendColumn+1, legendColumn+2*n)
	}
	l.b.WriteString(`</cols><sheetData>`)
	l.head()
	for m, err := range all.marks("") {
		if err != nil {
			return err
		}
		said := note(&m)
		for i := range m.problems {
			l.add(&m, &m.problems[i], said)
		}
	}
	l.rest()
	l.b.WriteString(`</sheetData>`)
	l.footer()
	l.b.WriteString(`</worksheet>`)
	return l.b.Flush()
}

func (l *list) head() {
	l.open(1)
	for i, c := range listColumns {
		l.text(i, l.styles.head, c.name)
	}
	for i, e := range l.styles.legend { // see earlier.go
		for j, style := range []int{e.mark, e.before} {
			fmt.Fprintf(l.b, `<c r="%s%d" s="%d"/>`, etl.ColumnLetter(legendColumn+2*i+j), l.row, style)
		}
	}
	l.b.WriteString(`</row>`)
}

// open begins a row that is so many lines high: not every program finds the
// height by itself.
func (l *list) open(lines int) {
	l.row++
	fmt.Fprintf(l.b, `<row r="%d" ht="%d" customHeight="1">`, l.row, 15*min(lines, 12))
}

// text writes a cell; an empty one is left out.
func (l *list) text(column, style int, text string) {
	if text == "" {
		return
	}
	fmt.Fprintf(l.b, `<c r="%s%d" s="%d" t="inlineStr"><is><t xml:space="preserve">%s</t></is></c>`,
		etl.ColumnLetter(column), l.row, style, escapeCell(cutText(text, maxCell)))
}

func (l *list) add(m *mark, p *Problem, note string) {
	if len(l.links) >= MaxListed {
		l.more++
		return
	}
	severity := "error"
	if p.Warning {
		severity = "warning"
	}
	header := p.Header
	if p.Column < 0 {
		header = "(the whole row)"
	}
	cell := m.sheet + "!" + m.ref()
	texts := []string{header, shorten(p.Value), p.Message, p.Hint, severity, p.Code, note}
	lines := linesOf(cell, listColumns[0].width)
	for i, text := range texts {
		lines = max(lines, linesOf(text, listColumns[i+2].width))
	}
	l.open(lines)
	l.links = append(l.links, location(m))
	l.text(0, l.styles.link, cell)
	fmt.Fprintf(l.b, `<c r="B%d" s="%d"><v>%d</v></c>`, l.row, l.styles.rows, cmp.Or(p.Source, p.Row))
	for i, text := range texts {
		l.text(i+2, l.styles.text, text)
	}
	l.b.WriteString(`</row>`)
}

// shorten cuts a value to what is looked at in a list.
func shorten(value string) string { return cutText(value, 200) }

// location is the place of a cell as a link names it.
func location(m *mark) string {
	return "'" + strings.ReplaceAll(m.sheet, "'", "''") + "'!" + m.ref()
}

// rest tells of problems that do not fit in the list.
func (l *list) rest() {
	if l.more == 0 {
		return
	}
	l.open(1)
	l.text(4, l.styles.text, fmt.Sprintf("and %d more problems; all are in errors.csv", l.more))
	l.b.WriteString(`</row>`)
}

// footer is what follows the cells: the filter and the links.
func (l *list) footer() {
	fmt.Fprintf(l.b, `<autoFilter ref="A1:%s%d"/>`, lastListColumn, max(l.row, 1))
	if len(l.links) > 0 {
		l.b.WriteString(`<hyperlinks>`)
		for i, to := range l.links {
			l.b.WriteString(`<hyperlink ref="A` + strconv.Itoa(i+2) + `" location="` + escape(to) + `"/>`)
		}
		l.b.WriteString(`</hyperlinks>`)
	}
	l.b.WriteString(`<pageMargins left="0.4" right="0.4" top="0.5" bottom="0.5" header="0.3" footer="0.3"/><pageSetup orientation="landscape" fitToHeight="0"/>`)
}

// escapeCell is escape for the text of a cell, in which a workbook takes
// _x0041_ for the letter of that number.
func escapeCell(text string) string {
	var b strings.Builder
	for rest := text; rest != ""; {
		i := strings.Index(rest, "_x")
		if i < 0 || len(rest) < i+7 || rest[i+6] != '_' {
			if i < 0 {
				b.WriteString(rest)
				break
			}
			b.WriteString(rest[:i+2])
			rest = rest[i+2:]
			continue
		}
		b.WriteString(rest[:i] + "_x005F_x")
		rest = rest[i+2:]
	}
	return escape(b.String())
}
