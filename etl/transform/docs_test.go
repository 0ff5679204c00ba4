package transform_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/etl/transform"
)

var (
	yamlBlock = regexp.MustCompile("(?s)```yaml\n(.*?)```")
	csvBlock  = regexp.MustCompile("(?s)```csv\n(.*?)```")
)

// Every example of the language reference is a mapping that compiles, once what
// it leaves out is added.
func TestDocumentedExamples(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../../docs/mapping.md")
	require.NoError(t, err)
	blocks := yamlBlock.FindAllStringSubmatch(string(doc), -1)
	require.Greater(t, len(blocks), 25)
	dir := t.TempDir()
	table := csvBlock.FindSubmatch(doc)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "priorities.csv"), table[1], 0o600))
	for _, block := range blocks {
		text := completed(block[1])
		m, err := transform.Parse(filepath.Join(dir, "mapping.md"), []byte(text))
		require.NoError(t, err, text)
		_, err = transform.Compile(m, account(), etl.NewHeader(deskHeader), transform.CompileOptions{})
		require.NoError(t, err, text)
	}
}

// completed adds to an example what its operation needs.
func completed(text string) string {
	if !strings.Contains(text, "operation:") {
		text = "operation: update\n" + text
	}
	if !strings.Contains(text, "key:") {
		text += "key: {property: external_id, column: Ticket ID}\n"
	}
	if !strings.Contains(text, "properties:") && !strings.Contains(text, "associations:") && !strings.Contains(text, "delete") {
		text += "properties: {content: Description}\n"
	}
	return text
}

// Every key of the language has its example.
func TestEveryKeyIsDocumented(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../../docs/mapping.md")
	require.NoError(t, err)
	var examples strings.Builder
	for _, block := range yamlBlock.FindAllStringSubmatch(string(doc), -1) {
		examples.WriteString(block[1])
	}
	for _, key := range []string{
		"version", "operation", "source", "where", "key", "properties", "associations",
		"sheet", "header", "encoding", "delimiter", "quote", "escape", "hidden", "timezone", "dates", "decimal", "signs", "blank", "overwrite",
		"property", "column", "value", "expr", "default", "values", "otherwise", "split", "append",
		"to", "match", "label", "type", "missing",
	} {
		require.Regexp(t, `(?m)[{, ^-]*\b`+key+`:`, examples.String())
	}
}
