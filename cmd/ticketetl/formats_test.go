package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/internal/report"
)

// TestFormats: each format is one whole document, and nothing else stands on
// standard output; it says the same as errors.csv.
func TestFormats(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"validate", "import"} {
		for _, format := range []string{"json", "sarif", "junit"} {
			t.Run(command+" "+format, func(t *testing.T) {
				t.Parallel()
				d := newRun(t)
				folder := d.samples(t, command, "--format", format, "../../samples/erros.csv")
				want := codesIn(t, folder)
				require.Len(t, want, 20)
				require.Equal(t, want, codesOf(t, format, d.out.Bytes()))

				d.out.Reset()
				require.Equal(t, exitDone, d.run(t.Context(), "x", "report", "--format", format, folder))
				require.Equal(t, want, codesOf(t, format, d.out.Bytes()))
			})
		}
	}
}

// codesOf are the problems of a document as "D4 INVALID_STAGE".
func codesOf(t *testing.T, format string, document []byte) []string {
	t.Helper()
	switch format {
	case "json":
		var doc report.Document
		whole(t, json.NewDecoder(bytes.NewReader(document)), &doc)
		var codes []string
		for _, p := range doc.Details {
			codes = append(codes, p.Column+strconv.Itoa(p.Row)+" "+p.Code)
		}
		return codes
	case "sarif":
		return sarifCodes(t, document)
	}
	return junitCodes(t, document)
}

// whole decodes one document, behind which there is nothing.
func whole(t *testing.T, dec interface{ Decode(any) error }, into any) {
	t.Helper()
	require.NoError(t, dec.Decode(into))
	require.ErrorIs(t, dec.Decode(new(json.RawMessage)), io.EOF)
}

func sarifCodes(t *testing.T, document []byte) (codes []string) {
	t.Helper()
	var log struct {
		Runs []struct {
			Results []struct {
				RuleID    string
				Locations []struct {
					LogicalLocations []struct{ FullyQualifiedName string }
				}
			}
		}
	}
	whole(t, json.NewDecoder(bytes.NewReader(document)), &log)
	for _, r := range log.Runs[0].Results {
		codes = append(codes, r.Locations[0].LogicalLocations[0].FullyQualifiedName+" "+r.RuleID)
	}
	return codes
}

func junitCodes(t *testing.T, document []byte) (codes []string) {
	t.Helper()
	var all struct {
		Suites []struct {
			Cases []struct {
				Failure *struct {
					Type string `xml:"type,attr"`
					Text string `xml:",chardata"`
				} `xml:"failure"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	whole(t, xml.NewDecoder(bytes.NewReader(bytes.TrimSpace(document))), &all)
	for _, c := range all.Suites[0].Cases {
		if c.Failure != nil {
			cell, _, _ := strings.Cut(c.Failure.Text, ":")
			codes = append(codes, cell+" "+c.Failure.Type)
		}
	}
	return codes
}

// TestFormatsOfOtherCommands: there is no SARIF log of what is no run.
func TestFormatsOfOtherCommands(t *testing.T) {
	t.Parallel()
	d := newRun(t)
	require.Equal(t, exitCannotRun, d.run(t.Context(), "x", "runs", "--format", "sarif"))
	require.Contains(t, d.err.String(), `--format: "sarif" is not one of text, json`)
}

// TestOfflineSaysTheSame: with the saved definitions of the account, a check
// without a connection finds what one with it does, but for records that only
// the account can look up.
func TestOfflineSaysTheSame(t *testing.T) {
	t.Parallel()
	d := newRun(t)
	online := d.samples(t, "validate", "../../samples/erros.csv")
	require.Equal(t, exitDone, d.run(t.Context(), "x", "schema", "-o", d.path("schema.json")), d.err.String())
	offline := d.samples(t, "validate", "--schema", d.path("schema.json"), "../../samples/erros.csv")

	problems := func(folder string) (all []report.ErrorRow) {
		require.NoError(t, report.ReadErrors(filepath.Join(folder, report.ErrorsFile), func(r report.ErrorRow) error {
			all = append(all, r)
			return nil
		}))
		return all
	}
	known := slices.DeleteFunc(problems(online), func(r report.ErrorRow) bool { return strings.HasPrefix(r.Code, "REFERENCE_") })
	require.Len(t, known, 18)
	require.Equal(t, known, problems(offline))
}
