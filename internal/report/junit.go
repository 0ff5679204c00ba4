package report

import (
	"encoding/xml"
	"io"
	"strconv"
	"strings"

	"github.com/ticketetl/ticketetl/etl"
)

// The shape of a JUnit report: a suite for each input, and in it a case for
// each row that has a problem and one for all the others.
type (
	junitReport struct {
		XMLName  xml.Name      `xml:"testsuites"`
		Name     string        `xml:"name,attr"`
		Tests    int           `xml:"tests,attr"`
		Failures int           `xml:"failures,attr"`
		Errors   int           `xml:"errors,attr"`
		Time     string        `xml:"time,attr"`
		Suites   []*junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string       `xml:"name,attr"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Errors   int          `xml:"errors,attr"`
		Skipped  int          `xml:"skipped,attr"`
		Time     string       `xml:"time,attr"`
		Cases    []*junitCase `xml:"testcase"`
	}
	junitCase struct {
		Class   string        `xml:"classname,attr"`
		Name    string        `xml:"name,attr"`
		Failure *junitFailure `xml:"failure,omitempty"`
		Error   *junitFailure `xml:"error,omitempty"`
		Out     string        `xml:"system-out,omitempty"`
	}
	junitFailure struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr"`
		Text    string `xml:",chardata"`
	}
)

// WriteJUnit writes the problems of a run, those in the errors.csv at path, as a
// JUnit report. Warnings do not fail a row's case; they stand in its output.
func WriteJUnit(w io.Writer, s *Summary, path string) error {
	j := junit{summary: s, suites: map[string]*junitSuite{}, bad: map[string]int64{}}
	for _, in := range s.Inputs {
		j.suite(in.Path)
	}
	if err := eachError(path, j.add); err != nil {
		return err
	}
	report := j.report()
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(report); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// junit gathers a report.
type junit struct {
	summary *Summary
	suites  map[string]*junitSuite
	order   []*junitSuite
	bad     map[string]int64 // rows with a problem, by their file
	last    ErrorRow
	row     *junitCase // of last; nil beyond the limit
	listed  int
	left    int64
}

func (j *junit) suite(file string) *junitSuite {
	if j.suites[file] == nil {
		j.suites[file] = &junitSuite{Name: file, Time: seconds(0)}
		j.order = append(j.order, j.suites[file])
	}
	return j.suites[file]
}

func (j *junit) add(r ErrorRow) {
	suite := j.suite(r.File)
	if r.File != j.last.File || r.Sheet != j.last.Sheet || r.Row != j.last.Row {
		j.last, j.row = r, nil
		j.bad[r.File]++
	}
	if j.listed >= MaxListed {
		j.left++
		return
	}
	j.listed++
	if j.row == nil {
		j.row = &junitCase{Class: strings.TrimSpace(r.File + " " + r.Sheet), Name: "row " + strconv.Itoa(r.Row)}
		suite.Cases = append(suite.Cases, j.row)
	}
	j.row.tell(&r)
}

// tell adds a problem to the case of its row.
func (c *junitCase) tell(r *ErrorRow) {
	text := r.where() + ": " + r.sentence() + "\n"
	switch {
	case r.Severity == SeverityWarning:
		c.Out += text
	case c.Failure == nil:
		c.Failure = &junitFailure{Message: r.sentence(), Type: r.Code, Text: text}
	default:
		c.Failure.Text += text
	}
}

func (j *junit) report() *junitReport {
	s := j.summary
	all := &junitReport{Name: "ticketetl " + s.Command, Time: seconds(s.DurationSeconds)}
	for _, in := range s.Inputs {
		if good := in.Rows - j.bad[in.Path]; good > 0 {
			suite := j.suite(in.Path)
			suite.Cases = append(suite.Cases, &junitCase{Class: in.Path, Name: plural(good, "row without a problem", "rows without a problem")})
		}
	}
	j.whole()
	for _, suite := range j.order {
		for _, c := range suite.Cases {
			suite.Tests++
			suite.Failures += boolCount(c.Failure != nil)
			suite.Errors += boolCount(c.Error != nil)
		}
		all.Tests, all.Failures, all.Errors = all.Tests+suite.Tests, all.Failures+suite.Failures, all.Errors+suite.Errors
	}
	all.Suites = j.order
	return all
}

// whole adds a suite for what concerns the run as a whole.
func (j *junit) whole() {
	s := j.summary
	name := "ticketetl " + s.Command
	fail := func(test, code, text string) {
		suite := j.suite(name)
		suite.Cases = append(suite.Cases, &junitCase{Class: name, Name: test, Error: &junitFailure{Message: text, Type: code, Text: text}})
	}
	if j.left > 0 {
		fail("further problems", OtherProblems, leftOutText(j.left))
	}
	if s.Error != "" {
		fail("the run", string(s.State), s.Error)
	}
	for _, status := range []etl.Status{etl.InDoubt, etl.Unsent} {
		if n := s.Counts[status.String()]; n > 0 && !s.DryRun {
			fail(status.String()+" rows", status.String(), rowsText(n)+" "+status.String())
		}
	}
}

func boolCount(b bool) int {
	if b {
		return 1
	}
	return 0
}

func seconds(s float64) string { return strconv.FormatFloat(s, 'f', 3, 64) }
