package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestDocuments runs the examples of the documents. In a block marked
// "console", each line "$ ticketetl …" is run, in a folder of its own for each
// document that has the samples and mappings. The lines after it must stand in
// what it prints, in this order; "…" stands for anything. A comment "# exit 3"
// behind a command says how it ends.
func TestDocuments(t *testing.T) {
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	documents, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	require.NoError(t, err)
	for _, path := range append(documents, filepath.Join(root, "README.md")) {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		examples := consoleExamples(string(text))
		if len(examples) == 0 {
			continue
		}
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Chdir(t.TempDir())
			for _, folder := range []string{"samples", "mappings"} {
				require.NoError(t, os.Symlink(filepath.Join(root, folder), folder))
			}
			for _, e := range examples {
				e.run(t)
			}
		})
	}
}

type example struct {
	command string
	exit    int
	output  []string
}

var (
	consoleBlock = regexp.MustCompile("(?s)```console\n(.*?)```")
	exitComment  = regexp.MustCompile(`\s+# exit ([0-9]+)$`)
)

func consoleExamples(text string) []example {
	var all []example
	for _, block := range consoleBlock.FindAllStringSubmatch(text, -1) {
		for _, line := range strings.Split(strings.TrimRight(block[1], "\n"), "\n") {
			command, isCommand := strings.CutPrefix(line, "$ ticketetl ")
			switch {
			case isCommand:
				e := example{command: command}
				if m := exitComment.FindStringSubmatch(command); m != nil {
					e.command = strings.TrimSuffix(command, m[0])
					e.exit = int(m[1][0] - '0')
				}
				all = append(all, e)
			case len(all) > 0 && strings.TrimSpace(line) != "":
				all[len(all)-1].output = append(all[len(all)-1].output, line)
			}
		}
	}
	return all
}

func (e example) run(t *testing.T) {
	t.Helper()
	var out, said bytes.Buffer
	code := run(context.Background(), strings.Fields(e.command), streams{
		in: strings.NewReader(""), out: &out, err: &said,
		env: func(string) (string, bool) { return "", false }, interrupts: func() bool { return false },
	})
	require.Equal(t, e.exit, code, "$ ticketetl %s\n%s%s", e.command, said.String(), out.String())
	rest := out.String()
	for _, line := range e.output {
		parts := strings.Split(strings.TrimSpace(line), "…")
		for i, p := range parts {
			parts[i] = regexp.QuoteMeta(p)
		}
		found := regexp.MustCompile(strings.Join(parts, ".*")).FindStringIndex(rest)
		require.NotNil(t, found, "$ ticketetl %s\ndoes not print, or not at this place:\n%s\nbut\n%s", e.command, line, out.String())
		rest = rest[found[1]:]
	}
}
