package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/etl/extract"
	"github.com/ticketetl/ticketetl/etl/transform"
	"github.com/ticketetl/ticketetl/internal/report"
)

// samples collects, while a file is checked, one example of each conversion:
// a cell as it stands in the file and as HubSpot will get it, changed if it can be.
type samples struct {
	redact      bool
	changedOnly bool // columns without an example say nothing
	columns     []transform.ColumnPlan
	from        []string
	to          []string
	missing     int // columns without an example
	seen        int // good rows
}

func newSamples(m *transform.Mapper, redact bool) *samples {
	plans := m.Columns()
	return &samples{redact: redact, columns: plans, from: make([]string, len(plans)), to: make([]string, len(plans)), missing: len(plans)}
}

// watch returns a Report that takes examples from good records on their way to
// next. A nil samples only passes on.
func (s *samples) watch(next etl.Report) etl.Report {
	if s == nil {
		return next
	}
	return &sampler{s, next}
}

type sampler struct {
	s    *samples
	next etl.Report
}

func (w *sampler) Add(rec *etl.Record, out etl.Outcome) error {
	if (w.s.missing > 0 || w.s.seen < rowsForExamples) && out.Status != etl.Rejected && out.Status != etl.Skipped {
		w.s.take(rec)
	}
	return w.next.Add(rec, out)
}

// rowsForExamples is in how many good rows an example is looked for that shows a
// change, where there is one already that shows none.
const rowsForExamples = 1000

func (s *samples) take(rec *etl.Record) {
	s.seen++
	for i, c := range s.columns {
		if s.to[i] != "" && (s.to[i] != s.from[i] || s.seen > rowsForExamples) {
			continue
		}
		from := ""
		if c.Column >= 0 && c.Column < len(rec.Fields) {
			from = rec.Fields[c.Column]
		}
		from, to := strings.Clone(from), strings.Clone(valueOf(rec, c)) // kept for long, and parts of the text of many rows
		switch {
		case to == "":
		case s.to[i] == "":
			s.from[i], s.to[i] = from, to
			s.missing--
		case to != from:
			s.from[i], s.to[i] = from, to
		}
	}
}

// valueOf is what became of a column in rec.
func valueOf(rec *etl.Record, c transform.ColumnPlan) string {
	if c.Property != "" {
		v, _ := rec.Property(c.Property)
		return v
	}
	for _, ref := range rec.References {
		if ref.Column == c.Column && ref.To == c.Label {
			if ref.ID != "" {
				return "id " + ref.ID
			}
			return ref.Value
		}
	}
	return ""
}

// print shows the files, how they were read, and each conversion with its
// example, so that a wrong guess is seen before anything is sent.
func (s *samples) print(w io.Writer, infos []extract.Info, unused []string) {
	for _, info := range infos {
		fmt.Fprintf(w, "%s: %s\n", info.Path, describeFile(info))
		for _, note := range info.Notes {
			fmt.Fprintf(w, "  %s\n", note)
		}
	}
	width := 0
	names := make([]string, len(s.columns))
	for i, c := range s.columns {
		names[i] = columnName(c)
		width = max(width, len([]rune(names[i])))
	}
	for i, c := range s.columns {
		if s.changedOnly && s.to[i] == "" {
			continue
		}
		target := c.Property
		if target == "" {
			target = "→ " + c.Label
		}
		fmt.Fprintf(w, "  %s%s  %-28s %s\n", names[i], strings.Repeat(" ", width-len([]rune(names[i]))), target, s.example(i))
	}
	if len(unused) > 0 {
		fmt.Fprintf(w, "  not used: %s\n", unusedText(unused))
	}
	fmt.Fprintln(w)
}

// unusedText names columns that are not used, a line of them at most.
func unusedText(columns []string) string {
	const most = 12
	names := make([]string, 0, most)
	for _, name := range columns[:min(len(columns), most)] {
		names = append(names, short(name, 30))
	}
	text := strings.Join(names, ", ")
	if more := len(columns) - len(names); more > 0 {
		text += fmt.Sprintf(" and %s more (unused_columns in %s has all)", thousands(int64(more)), report.SummaryFile)
	}
	return text
}

func columnName(c transform.ColumnPlan) string {
	if c.Column < 0 {
		return "– " + short(c.Header, 30)
	}
	return etl.ColumnLetter(c.Column) + " " + short(c.Header, 30)
}

const exampleWidth = 34

func (s *samples) example(i int) string {
	conversion := s.columns[i].Conversion
	switch {
	case s.redact || s.to[i] == "":
		return conversion
	case s.columns[i].Column < 0 || s.from[i] == s.to[i]:
		return join(short(s.to[i], 2*exampleWidth), conversion)
	}
	return join(short(s.from[i], exampleWidth)+" → "+short(s.to[i], exampleWidth), conversion)
}

func join(example, conversion string) string {
	if conversion == "" {
		return example
	}
	return example + "  (" + conversion + ")"
}

func describeFile(info extract.Info) string {
	if info.Format == "xlsx" {
		rows := fmt.Sprintf("row %d", info.HeaderRow)
		if info.HeaderTop < info.HeaderRow {
			rows = fmt.Sprintf("rows %d to %d", info.HeaderTop, info.HeaderRow)
		}
		return fmt.Sprintf("workbook, sheet %q, header in %s", info.Sheet, rows)
	}
	return fmt.Sprintf("CSV, %s, cells parted by %s, header in row %d", info.Encoding, delimiterName(info.Delimiter), info.HeaderRow)
}

func delimiterName(d string) string {
	switch d {
	case "\t":
		return "tabs"
	case ",":
		return "commas"
	case ";":
		return "semicolons"
	}
	return fmt.Sprintf("%q", d)
}
