package report

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ticketetl/ticketetl/etl"
)

// TextOptions shape WriteText.
type TextOptions struct {
	Color  bool
	Width  int    // of the terminal, in characters; 0 means that lines are not wrapped
	Folder string // the run folder as the reader can open it; empty leaves the files out
	Groups int    // how many groups are shown; 0 means 20
}

// maxValueShown is how many characters of a value the screen shows.
const maxValueShown = 60

// WriteText writes s for people: what became of the rows, what was wrong and
// where, which files tell more, and in the last line what to do next. Without
// opts.Color there is no escape sequence in it, whatever the values hold.
func WriteText(w io.Writer, s *Summary, groups []ProblemGroup, opts TextOptions) error {
	t := &screen{w: bufio.NewWriter(w), opts: opts}
	t.headline(s)
	t.origin(s)
	t.counts(s)
	t.problems(groups)
	t.files(s)
	if s.Next != "" {
		t.line("")
		t.line("Next: ", printable(s.Next)) // not wrapped: a command in it is there to be copied
	}
	return t.w.Flush()
}

// A screen collects the lines of WriteText. A write error comes out of Flush.
type screen struct {
	w    *bufio.Writer
	opts TextOptions
}

// The colours, as the parameters of their escape sequences.
const (
	bold   = "1"
	red    = "31"
	green  = "32"
	yellow = "33"
	dim    = "2"
)

func (t *screen) paint(color, s string) string {
	if !t.opts.Color || color == "" || s == "" {
		return s
	}
	return "\x1b[" + color + "m" + s + "\x1b[0m"
}

func (t *screen) line(parts ...string) {
	for _, p := range parts {
		_, _ = t.w.WriteString(p)
	}
	_ = t.w.WriteByte('\n')
}

// wrapped writes text after label, broken between words so that lines fit the
// width, and indented below the label's end.
func (t *screen) wrapped(label, text string) {
	indent := strings.Repeat(" ", utf8.RuneCountInString(label))
	for i, l := range wrap(printable(text), t.opts.Width-len(indent)) {
		if i > 0 {
			label = indent
		}
		t.line(label, l)
	}
}

func (t *screen) headline(s *Summary) {
	what := title(s.Command)
	details := present(s.Operation)
	if s.DryRun {
		details = append(details, "dry run, nothing is sent")
	}
	if len(details) > 0 {
		what += " (" + strings.Join(details, ", ") + ")"
	}
	color, state := stateText(s)
	t.line(t.paint(bold, printable(what)), ": ", t.paint(color, state))
	if s.Error != "" {
		t.wrapped("  ", s.Error)
	}
}

func title(s string) string {
	if s == "" {
		return "Run"
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

func stateText(s *Summary) (color, text string) {
	bad := s.Counts[etl.Rejected.String()] + s.Counts[etl.Failed.String()]
	switch {
	case s.State == Running:
		return yellow, "still running, or ended without a summary"
	case s.State == Stopped:
		return yellow, "stopped before the end"
	case s.State == Interrupted:
		return yellow, "interrupted"
	case s.State == Aborted:
		return red, "failed"
	case s.Counts[etl.InDoubt.String()] > 0:
		return yellow, "finished, with rows in doubt"
	case bad > 0:
		return yellow, "finished, " + rowsText(bad) + " with errors"
	default:
		return green, "finished"
	}
}

// origin says what was read, by which mapping, into which account.
func (t *screen) origin(s *Summary) {
	if s.Account.ID != "" {
		t.label("account", strings.Join(present(s.Account.ID, s.Account.Type, s.Account.TimeZone), ", "))
	}
	if s.Mapping.Path != "" {
		t.label("mapping", s.Mapping.Path)
	}
	for _, in := range s.Inputs {
		name := in.Path
		if in.Sheet != "" {
			name += " [" + in.Sheet + "]"
		}
		t.label("input", strings.Join(present(name, rowsText(in.Rows), in.Encoding, bytesText(in.Size)), ", "))
	}
	if s.Files.Output != "" {
		t.label("output", s.Files.Output)
	}
	if s.RunID != "" {
		t.label("run", s.RunID)
	}
}

func present(parts ...string) []string {
	kept := parts[:0]
	for _, p := range parts {
		if p != "" {
			kept = append(kept, p)
		}
	}
	return kept
}

func (t *screen) label(label, text string) {
	t.wrapped(fmt.Sprintf("  %-8s ", label), text)
}

var statusColors = map[etl.Status]string{
	etl.Rejected: red, etl.Failed: red, etl.InDoubt: yellow, etl.Unsent: yellow, etl.Skipped: dim,
}

// counts lists the rows by status, aligned, and their sum.
func (t *screen) counts(s *Summary) {
	t.line("")
	sum := countText(s.RowsRead)
	width := len(sum)
	for _, n := range s.Counts {
		width = max(width, len(countText(n)))
	}
	for _, status := range etl.Statuses() {
		if n := s.Counts[status.String()]; n > 0 {
			t.line("  ", t.paint(cmp.Or(statusColors[status], green), fmt.Sprintf("%*s  %s", width, countText(n), status)))
		}
	}
	t.wrapped(fmt.Sprintf("  %*s  ", width, sum), t.sumText(s))
	if !s.ChecksOut && s.State == Finished {
		t.line("  ", t.paint(red, "the counts do not add up to the rows read; please report this as a fault of ticketetl"))
	}
}

func (t *screen) sumText(s *Summary) string {
	text := plural(s.RowsRead, "row", "rows")
	text = text[strings.Index(text, " ")+1:] + " read"
	if s.DurationSeconds > 0 {
		text += " in " + durationText(time.Duration(s.DurationSeconds*float64(time.Second)))
		if s.RowsRead > 0 {
			text += " (" + rateText(s.RowsRead, s.DurationSeconds) + ")"
		}
	}
	if s.Calls.Total > 0 {
		text += ", " + plural(s.Calls.Total, "call to HubSpot", "calls to HubSpot")
	}
	if s.Calls.Retries > 0 {
		text += ", " + countText(s.Calls.Retries) + " repeated"
	}
	if s.Calls.RateLimited > 0 {
		text += ", " + countText(s.Calls.RateLimited) + " slowed by its limits"
	}
	return text
}

// problems lists the groups: what is wrong, where first, and what to do.
func (t *screen) problems(groups []ProblemGroup) {
	if len(groups) == 0 {
		return
	}
	shown := groups[:min(len(groups), cmp.Or(t.opts.Groups, 20))]
	t.line("")
	t.line(t.paint(bold, "Problems"))
	for i := range shown {
		t.group(&shown[i])
	}
	if rest := groups[len(shown):]; len(rest) > 0 {
		var n int64
		for i := range rest {
			n += rest[i].Count
		}
		t.line("  and ", plural(n, "problem of another kind", "problems of other kinds"), ", all in ", ErrorsFile)
	}
}

func (t *screen) group(g *ProblemGroup) {
	color, noun, nouns := red, "error", "errors"
	if g.Severity == SeverityWarning {
		color, noun, nouns = yellow, "warning", "warnings"
	}
	head := "in rows as a whole"
	if g.Column != "" {
		head = "in column " + columnTitle(g)
	}
	t.line("  ", t.paint(color, plural(g.Count, noun, nouns)), " ", printable(head), " ", t.paint(dim, printable(g.Code)))
	t.wrapped("    ", g.Message)
	first := etl.Position{File: g.File, Sheet: g.Sheet, Row: g.Row, Line: g.Line}.String()
	if g.Column != "" {
		first += ", column " + columnTitle(g)
	}
	if g.Value != "" {
		first += ", value " + valueText(g.Value)
	}
	label := "    in "
	if g.Count > 1 {
		label = "    first in "
	}
	t.wrapped(label, first+g.furtherRows())
	if g.Hint != "" {
		t.wrapped("    fix: ", g.Hint)
	}
}

// furtherRows names the next positions, as far as they are in the same place:
// "; also in rows 5, 9 ...".
func (g *ProblemGroup) furtherRows() string {
	var rows []string
	for i := 1; i < len(g.Positions) && g.Positions[i].File == g.File && g.Positions[i].Sheet == g.Sheet; i++ {
		rows = append(rows, strconv.Itoa(g.Positions[i].Row))
	}
	if len(rows) == 0 {
		return ""
	}
	text := "; then in row " + strings.Join(rows, ", ")
	if len(rows) > 1 {
		text = "; then in rows " + strings.Join(rows, ", ")
	}
	if g.Count > int64(len(rows))+1 {
		text += " ..."
	}
	return text
}

func columnTitle(g *ProblemGroup) string {
	if g.Header == "" {
		return g.Column
	}
	return g.Column + " " + strconv.Quote(g.Header)
}

// valueText is a value in quotes, shortened for the screen.
func valueText(value string) string {
	if value == Redacted {
		return value
	}
	if utf8.RuneCountInString(value) <= maxValueShown {
		return strconv.Quote(value)
	}
	return strconv.Quote(string([]rune(value)[:maxValueShown])) + "..."
}

func (t *screen) files(s *Summary) {
	if t.opts.Folder == "" {
		return
	}
	t.line("")
	t.line(t.paint(bold, "Files"), " in ", printable(t.opts.Folder))
	for _, f := range []struct{ name, text string }{
		{s.Files.Results, "every row and what became of it"},
		{s.Files.Errors, "every problem, down to its cell"},
		{s.Files.Failed, "the rows to mend; import this file when they are"},
		{s.Files.InDoubt, "rows that were sent and got no answer"},
	} {
		if f.name != "" {
			t.line(fmt.Sprintf("  %-12s  ", f.name), f.text)
		}
	}
	t.marked(s)
	if s.Redacted {
		t.line("  values are hidden, and there is no ", FailedFile, " and no marked-up workbook, because of --redact")
	}
}

// marked lists the marked-up workbooks and what there is to say of them.
func (t *screen) marked(s *Summary) {
	for i := range s.MarkedUp {
		m := &s.MarkedUp[i]
		text := "a workbook of it"
		if m.Copy {
			text = "your workbook"
		}
		t.line("  ", printable(m.File), "  ", text, ", with the bad cells coloured and commented, and listed on the sheet ", printable(m.Sheet))
		for _, note := range m.Notes {
			t.wrapped("    ", note)
		}
	}
}

// printable replaces what could move the cursor or colour the screen.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case r == utf8.RuneError || !strconv.IsPrint(r) && r != '\u00a0':
			return '?'
		}
		return r
	}, s)
}

// wrap breaks text between words into lines of at most width characters; a word
// that is longer stays whole. A width below 20 means one line.
func wrap(text string, width int) []string {
	if width < 20 {
		return []string{text}
	}
	var lines []string
	line, n := "", 0
	for _, word := range strings.Split(text, " ") {
		length := utf8.RuneCountInString(word)
		if n > 0 && n+1+length > width {
			lines = append(lines, line)
			line, n = "", 0
		}
		if n > 0 {
			line, n = line+" ", n+1
		}
		line, n = line+word, n+length
	}
	return append(lines, line)
}
