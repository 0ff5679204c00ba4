package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	codeInSource = regexp.MustCompile(`(?:Code: +|Code[A-Za-z]+ += +|rowProblem\(|report\(|faultAt\([^"]*|OtherProblems = )"([A-Z]+(?:_[A-Z]+)*)"`)
	codeInDocs   = regexp.MustCompile("`([A-Z]+(?:_[A-Z]+)+|REFUSED|SETTLED|CONFLICT)`")
)

// TestEveryCodeIsDocumented holds docs/errors.md to the codes that the program
// can write.
func TestEveryCodeIsDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/errors.md")
	require.NoError(t, err)
	documented := map[string]bool{}
	for _, m := range codeInDocs.FindAllStringSubmatch(string(text), -1) {
		documented[m[1]] = true
	}
	found := 0
	for _, root := range []string{"../../etl", "../../internal/report"} {
		require.NoError(t, filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			source, err := os.ReadFile(path)
			for _, m := range codeInSource.FindAllStringSubmatch(string(source), -1) {
				found++
				require.True(t, documented[m[1]], "docs/errors.md does not list %s, of %s", m[1], path)
			}
			return err
		}))
	}
	require.Greater(t, found, 40, "the codes are found where they are written")
}
