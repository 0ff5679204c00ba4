package report

import (
	"cmp"
	"fmt"
	"io"
	"net/url"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// The shape of a SARIF log, as far as it is used here.
//
// Source: Static Analysis Results Interchange Format (SARIF) Version 2.1.0, OASIS.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool        sarifTool         `json:"tool"`
		Invocations []sarifInvocation `json:"invocations"`
		Results     []sarifResult     `json:"results"`
		ColumnKind  string            `json:"columnKind"`
		Properties  map[string]any    `json:"properties,omitempty"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name    string      `json:"name"`
		Version string      `json:"version,omitempty"`
		Rules   []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID string `json:"id"`
	}
	sarifInvocation struct {
		Successful    bool                `json:"executionSuccessful"`
		ExitCode      int                 `json:"exitCode"`
		Start         string              `json:"startTimeUtc,omitempty"`
		End           string              `json:"endTimeUtc,omitempty"`
		Notifications []sarifNotification `json:"toolExecutionNotifications,omitempty"`
	}
	sarifNotification struct {
		Level   string       `json:"level"`
		Message sarifMessage `json:"message"`
	}
	sarifMessage struct {
		Text string `json:"text"`
	}
	sarifResult struct {
		RuleID     string            `json:"ruleId"`
		RuleIndex  int               `json:"ruleIndex"`
		Level      string            `json:"level"`
		Message    sarifMessage      `json:"message"`
		Locations  []sarifLocation   `json:"locations"`
		Properties map[string]string `json:"properties,omitempty"`
	}
	sarifLocation struct {
		Physical sarifPhysical  `json:"physicalLocation"`
		Logical  []sarifLogical `json:"logicalLocations"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   sarifRegion   `json:"region"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine int `json:"startLine"`
	}
	sarifLogical struct {
		Name string `json:"fullyQualifiedName"`
		Kind string `json:"kind"`
	}
)

const sarifSchema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

// WriteSARIF writes the problems of a run, those in the errors.csv at path, as a
// SARIF 2.1.0 log. Each is a result at the line of its file (of a workbook: the
// row), with its cell as a logical location.
func WriteSARIF(w io.Writer, s *Summary, path string) error {
	run := sarifRun{
		Tool:       sarifTool{sarifDriver{Name: "ticketetl", Version: s.Version, Rules: []sarifRule{}}},
		Results:    []sarifResult{},
		ColumnKind: "unicodeCodePoints",
		Properties: map[string]any{"rowsRead": s.RowsRead, "counts": s.Counts},
	}
	rules := map[string]int{}
	left := int64(0)
	err := eachError(path, func(r ErrorRow) {
		if len(run.Results) >= MaxListed {
			left++
			return
		}
		rule, known := rules[r.Code]
		if !known {
			rule = len(rules)
			rules[r.Code] = rule
			run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{r.Code})
		}
		run.Results = append(run.Results, sarifResultOf(&r, rule))
	})
	if err != nil {
		return err
	}
	run.Invocations = []sarifInvocation{invocationOf(s, left)}
	return writeIndented(w, sarifLog{Schema: sarifSchema, Version: "2.1.0", Runs: []sarifRun{run}})
}

func invocationOf(s *Summary, left int64) sarifInvocation {
	v := sarifInvocation{Successful: s.State == Finished, ExitCode: s.ExitCode, Start: utc(s.Started), End: utc(s.Finished)}
	if s.Error != "" {
		v.Notifications = append(v.Notifications, sarifNotification{"error", sarifMessage{s.Error}})
	}
	if left > 0 {
		v.Notifications = append(v.Notifications, sarifNotification{"warning", sarifMessage{leftOutText(left)}})
	}
	return v
}

// leftOutText says that a document lists only a part of the problems.
func leftOutText(left int64) string {
	return fmt.Sprintf("%s not listed here, only the first %s; %s has all",
		plural(left, "problem is", "problems are"), countText(MaxListed), ErrorsFile)
}

func utc(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func sarifResultOf(r *ErrorRow, rule int) sarifResult {
	properties := map[string]string{}
	for name, value := range map[string]string{
		"sheet": r.Sheet, "column": r.Column, "header": r.Header, "property": r.Property,
		"value": shortValue(r.Value), "outcome": r.Outcome, "row": strconv.Itoa(r.Row),
	} {
		if value != "" {
			properties[name] = value
		}
	}
	kind := "cell"
	if r.Column == "" {
		kind = "row"
	}
	return sarifResult{
		RuleID: r.Code, RuleIndex: rule, Level: r.Severity, Message: sarifMessage{r.sentence()},
		Locations: []sarifLocation{{
			Physical: sarifPhysical{sarifArtifact{fileURI(r.File)}, sarifRegion{max(cmp.Or(r.Line, r.Row), 1)}},
			Logical:  []sarifLogical{{r.where(), kind}},
		}},
		Properties: properties,
	}
}

// fileURI is a file's path as a URI, relative as it is.
func fileURI(file string) string {
	if file == "-" {
		return "stdin"
	}
	slashed := filepath.ToSlash(file)
	if !filepath.IsAbs(file) {
		return (&url.URL{Path: path.Clean(slashed)}).String()
	}
	if !strings.HasPrefix(slashed, "/") { // C:/...
		slashed = "/" + slashed
	}
	return (&url.URL{Scheme: "file", Path: slashed}).String()
}

// maxValueListed is how many characters of a value a document holds.
const maxValueListed = 1_000

func shortValue(value string) string {
	if runes := []rune(value); len(runes) > maxValueListed {
		return string(runes[:maxValueListed]) + " …"
	}
	return value
}
