package report_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	generator "github.com/invopop/jsonschema"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/internal/report"
)

var update = flag.Bool("update", false, "write docs/result.schema.json anew")

// resultSchema is the JSON Schema of what --format json writes of a run.
var resultSchema = filepath.Join("..", "..", "docs", "result.schema.json")

// TestSchemaIsThatOfTheTypes: go test ./internal/report -run TestSchema -update writes it anew.
func TestSchemaIsThatOfTheTypes(t *testing.T) {
	r := generator.Reflector{AllowAdditionalProperties: true, ExpandedStruct: true}
	s := r.Reflect(&report.Document{})
	s.ID, s.Title = "", "What ticketetl --format json writes of a run"
	data, err := json.MarshalIndent(s, "", "  ")
	require.NoError(t, err)
	data = append(data, '\n')
	if *update {
		require.NoError(t, os.WriteFile(resultSchema, data, 0o644))
	}
	got, err := os.ReadFile(resultSchema)
	require.NoError(t, err)
	require.Equal(t, string(data), string(got))
}

func validator(t *testing.T, path string) *jsonschema.Schema {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	doc, err := jsonschema.UnmarshalJSON(f)
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	require.NoError(t, c.AddResource("schema.json", doc))
	s, err := c.Compile("schema.json")
	require.NoError(t, err)
	return s
}

func validate(t *testing.T, schema string, document []byte) {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(document))
	require.NoError(t, err)
	require.NoError(t, validator(t, schema).Validate(doc))
}

// runWith writes the reports of a run whose rows have n problems, and more.
func runWith(t *testing.T, n int) (*report.Summary, []report.ProblemGroup, string) {
	t.Helper()
	w, dir := create(t, report.Options{Columns: report.Columns(desk)})
	someRows(t, w)
	for row := range n {
		require.NoError(t, w.Add(record(row+10, "T", "s", "p9"), etl.Outcome{Status: etl.Rejected, Problems: []etl.Problem{badPriority("p9\x01")}}))
	}
	require.NoError(t, w.Close())
	s := full()
	s.Inputs = s.Inputs[:1]
	s.Inputs[0].Rows = int64(4 + n)
	s.Count(w.Totals(), w.Totals().Sum())
	return s, w.Problems(), filepath.Join(dir, report.ErrorsFile)
}

func TestJSONDocument(t *testing.T) {
	t.Parallel()
	s, groups, path := runWith(t, report.MaxListed)
	var b bytes.Buffer
	require.NoError(t, report.WriteJSON(&b, s, groups, path))
	validate(t, resultSchema, b.Bytes())
	var got report.Document
	require.NoError(t, json.Unmarshal(b.Bytes(), &got))
	require.Len(t, got.Details, report.MaxListed)
	require.EqualValues(t, 4, got.DetailsLeftOut)
	require.Equal(t, report.ErrorRow{
		File: "desk.csv", Row: 3, Line: 4, Column: "C", Header: "Priority", Property: "hs_ticket_priority", Value: "p9", Code: "INVALID_OPTION",
		Message: `"p9" is not one of LOW, HIGH`, Hint: "write LOW or HIGH", Severity: "error", Outcome: "rejected",
	}, got.Details[1])
	require.EqualValues(t, report.MaxListed+1, got.Problems[0].Count)
	require.Equal(t, []report.Place{{File: "desk.csv", Row: 3, Line: 4}, {File: "desk.csv", Row: 10, Line: 11}}, got.Problems[0].Positions[:2])
	require.Len(t, got.Problems[0].Positions, 5)
}

func TestSARIF(t *testing.T) {
	t.Parallel()
	const schema = "testdata/sarif-schema-2.1.0.json"
	s, _, path := runWith(t, 0)
	s.Error = ""
	var b bytes.Buffer
	require.NoError(t, report.WriteSARIF(&b, s, path))
	validate(t, schema, b.Bytes())
	var log struct {
		Runs []struct {
			Tool struct {
				Driver struct {
					Rules []struct{ ID string }
				}
			}
			Invocations []struct {
				ExecutionSuccessful bool
				ExitCode            int
				Notifications       []any `json:"toolExecutionNotifications"`
			}
			Results []struct {
				RuleID    string
				RuleIndex int
				Level     string
				Message   struct{ Text string }
				Locations []struct {
					PhysicalLocation struct {
						ArtifactLocation struct{ URI string }
						Region           struct{ StartLine int }
					}
					LogicalLocations []struct{ FullyQualifiedName string }
				}
				Properties map[string]string
			}
		}
	}
	require.NoError(t, json.Unmarshal(b.Bytes(), &log))
	run := log.Runs[0]
	require.Len(t, run.Results, 4)
	one := run.Results[1]
	require.Equal(t, "INVALID_OPTION", one.RuleID)
	require.Equal(t, "error", one.Level)
	require.Equal(t, "warning", run.Results[0].Level)
	require.Equal(t, `column "Priority": "p9" is not one of LOW, HIGH (fix: write LOW or HIGH)`, one.Message.Text)
	require.Equal(t, "desk.csv", one.Locations[0].PhysicalLocation.ArtifactLocation.URI)
	require.Equal(t, 4, one.Locations[0].PhysicalLocation.Region.StartLine, "the line of the file")
	require.Equal(t, "C3", one.Locations[0].LogicalLocations[0].FullyQualifiedName)
	require.Equal(t, "p9", one.Properties["value"])
	for _, r := range run.Results {
		require.Equal(t, r.RuleID, run.Tool.Driver.Rules[r.RuleIndex].ID)
	}
	require.True(t, run.Invocations[0].ExecutionSuccessful)
	require.Equal(t, 3, run.Invocations[0].ExitCode)
	require.Empty(t, run.Invocations[0].Notifications)

	many, _, path := runWith(t, report.MaxListed)
	b.Reset()
	require.NoError(t, report.WriteSARIF(&b, many, path))
	validate(t, schema, b.Bytes())
	require.Contains(t, b.String(), "4 problems are not listed here, only the first 5,000; errors.csv has all")
	require.Less(t, b.Len(), 10<<20)
}

// TestSARIFPaths: files are named by URIs, as they were given.
func TestSARIFPaths(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]string{
		"a b/ç%.csv": "a%20b/%C3%A7%25.csv", "-": "stdin", "/x/y z.csv": "file:///x/y%20z.csv", "../d.csv": "../d.csv", "a:b.csv": "./a:b.csv",
	} {
		w, dir := create(t, report.Options{Columns: report.Columns(desk)})
		rec := record(3, "T", "s", "p")
		rec.Pos.File = file
		require.NoError(t, w.Add(rec, etl.Outcome{Status: etl.Rejected, Problems: []etl.Problem{conflict}}))
		require.NoError(t, w.Close())
		var b bytes.Buffer
		require.NoError(t, report.WriteSARIF(&b, full(), filepath.Join(dir, report.ErrorsFile)))
		require.Contains(t, b.String(), fmt.Sprintf("%q", want), file)
		require.Contains(t, b.String(), `"row 3"`)
	}
}

func TestJUnit(t *testing.T) {
	t.Parallel()
	s, _, path := runWith(t, 2)
	s.Error = ""
	var b bytes.Buffer
	require.NoError(t, report.WriteJUnit(&b, s, path))
	require.Equal(t, `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="ticketetl import" tests="5" failures="4" errors="0" time="90.000">
  <testsuite name="desk.csv" tests="5" failures="4" errors="0" skipped="0" time="0.000">
    <testcase classname="desk.csv" name="row 3">
      <failure message="column &#34;Priority&#34;: &#34;p9&#34; is not one of LOW, HIGH (fix: write LOW or HIGH)" type="INVALID_OPTION">C3: column &#34;Priority&#34;: &#34;p9&#34; is not one of LOW, HIGH (fix: write LOW or HIGH)&#xA;row 3: a ticket with this key exists already&#xA;</failure>
      <system-out>B3: column &#34;Subject&#34;: blanks were cut (fix: write LOW or HIGH)&#xA;</system-out>
    </testcase>
    <testcase classname="desk.csv" name="row 4">
      <failure message="a ticket with this key exists already" type="CONFLICT">row 4: a ticket with this key exists already&#xA;</failure>
    </testcase>
`, strings.Join(strings.SplitAfter(b.String(), "\n")[:10], ""))
	require.Contains(t, b.String(), `name="2 rows without a problem"`)

	many, _, path := runWith(t, report.MaxListed)
	many.DryRun = false
	b.Reset()
	require.NoError(t, report.WriteJUnit(&b, many, path))
	var got struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Errors   int `xml:"errors,attr"`
		Suites   []struct {
			Tests int        `xml:"tests,attr"`
			Cases []struct{} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	require.NoError(t, xml.Unmarshal(b.Bytes(), &got))
	require.Equal(t, 4998, got.Failures, "four problems of two rows and 4,996 of as many")
	require.Equal(t, 3, got.Errors, "the rest, what stopped the run, and the row in doubt")
	for _, suite := range got.Suites {
		require.Len(t, suite.Cases, suite.Tests)
	}
	require.Contains(t, b.String(), "4 problems are not listed here, only the first 5,000; errors.csv has all")
}
