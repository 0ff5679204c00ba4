package report_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/internal/report"
)

// documented are the names in the first column of the first table below a
// heading of docs/reports.md, and the text of that section.
func documented(t *testing.T, heading string) (names []string, section string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "docs", "reports.md"))
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(data), "\n## "+heading+"\n")
	require.True(t, found, "docs/reports.md has no section %s", heading)
	section, _, _ = strings.Cut(rest, "\n## ")
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(section, -1) {
		names = append(names, m[1])
	}
	return names, section
}

func TestColumnsAreDocumented(t *testing.T) {
	t.Parallel()
	w, dir := create(t, report.Options{})
	twoBareRows(t, w)
	require.NoError(t, w.Close())
	for _, file := range []string{report.ResultsFile, report.ErrorsFile, report.FailedFile, report.InDoubtFile} {
		names, _ := documented(t, file)
		require.Equal(t, readCSV(t, filepath.Join(dir, file))[0], names, file)
	}
}

// twoBareRows makes every file appear without original columns.
func twoBareRows(t *testing.T, w *report.Writer) {
	t.Helper()
	rec := &etl.Record{Header: etl.NewHeader(nil)}
	require.NoError(t, w.Add(rec, etl.Outcome{Status: etl.Failed}))
	require.NoError(t, w.Add(rec, etl.Outcome{Status: etl.InDoubt}))
}

func TestOutcomesAreDocumented(t *testing.T) {
	t.Parallel()
	names, _ := documented(t, "The outcomes")
	var want []string
	for _, s := range etl.Statuses() {
		want = append(want, s.String())
	}
	require.Equal(t, want, names)
}

func TestSummaryIsDocumented(t *testing.T) {
	t.Parallel()
	names, section := documented(t, report.SummaryFile)
	data, err := json.Marshal(full())
	require.NoError(t, err)
	require.Equal(t, keysInOrder(t, data), names)

	var fields map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(data, &fields))
	for _, object := range []string{"account", "mapping", "calls", "files"} {
		for _, key := range keysInOrder(t, fields[object]) {
			require.Contains(t, section, "`"+key+"`", object)
		}
	}
	group, err := json.Marshal(groups()[0])
	require.NoError(t, err)
	input, err := json.Marshal(full().Inputs[0])
	require.NoError(t, err)
	marked, err := json.Marshal(full().MarkedUp[0])
	require.NoError(t, err)
	for _, key := range slices.Concat(keysInOrder(t, group), keysInOrder(t, input), keysInOrder(t, marked)) {
		require.Contains(t, section, "`"+key+"`")
	}

	// What the document calls always there must be there in an empty summary.
	data, err = json.Marshal(report.Summary{})
	require.NoError(t, err)
	_, always, _ := strings.Cut(section, "except ")
	always, _, _ = strings.Cut(always, "\n\n")
	for _, key := range keysInOrder(t, data) {
		require.Contains(t, always, "`"+key+"`")
	}
}

// keysInOrder are the keys of a JSON object as they stand.
func keysInOrder(t *testing.T, object []byte) []string {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(string(object)))
	_, err := dec.Token()
	require.NoError(t, err)
	var keys []string
	for dec.More() {
		key, err := dec.Token()
		require.NoError(t, err)
		keys = append(keys, key.(string))
		var value json.RawMessage
		require.NoError(t, dec.Decode(&value))
	}
	return keys
}
