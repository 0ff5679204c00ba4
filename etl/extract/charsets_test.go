package extract_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/ianaindex"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/etl/extract"
	"github.com/ticketetl/ticketetl/internal/raced"
)

// TestCorpusOfCharsets reads the web pages that the detector's own project keeps
// for its tests, without their tags, as tables: what was read must be the page's
// text, or the file is refused. Every eighth page is read, and all of them where
// READERS is set (make conformance).
func TestCorpusOfCharsets(t *testing.T) {
	t.Parallel()
	pages := charsetPages(t)
	var read, refused, wrong int
	for i, p := range pages {
		if i%(8*raced.OneIn(6)) != 0 && os.Getenv("READERS") == "" {
			continue
		}
		switch got, err := firstColumn(t, p.table()); {
		case err != nil:
			require.Contains(t, err.Error(), "encoding", p.path)
			refused++
		case got == p.text:
			read++
		default:
			wrong++
			t.Errorf("%s: read otherwise than its encoding says", p.path)
		}
	}
	t.Logf("%d pages: %d read, %d refused, %d read wrong", read+refused+wrong, read, refused, wrong)
	require.Greater(t, read, refused)
}

// A charsetPage is the text of a page, in UTF-8 and as it was encoded.
type charsetPage struct {
	path, text string
	enc        encoding.Encoding
}

// table has the page's lines as cells of one column.
func (p charsetPage) table() string {
	text, _ := p.enc.NewEncoder().String("text\r\n" + p.text + "\r\n")
	return text
}

func charsetPages(t *testing.T) (pages []charsetPage) {
	root := filepath.Join(moduleFolder(t, "github.com/wlynxg/chardet"), "test", "testdata")
	paths, err := filepath.Glob(filepath.Join(root, "*", "*"))
	require.NoError(t, err)
	require.Greater(t, len(paths), 400)
	for _, path := range paths {
		enc := encodingOfFolder(filepath.Base(filepath.Dir(path)))
		if enc == nil {
			continue
		}
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		if text := pageText(content, enc); text != "" {
			pages = append(pages, charsetPage{path, text, enc})
		}
	}
	return pages
}

// encodingOfFolder reads names such as "iso-8859-2-polish"; nil is one that
// nothing here reads.
func encodingOfFolder(name string) encoding.Encoding {
	switch name {
	case "Ascii", "Johab", "EUC-TW", "UTF-16", "UTF-32":
		return nil // no letters to tell by; unknown to x/text; to be told by a mark
	case "CP932":
		name = "shift_jis"
	case "CP949":
		name = "euc-kr"
	case "GB2312":
		name = "gbk"
	case "TIS-620":
		return charmap.Windows874
	case "MacRoman":
		name = "macintosh"
	case "MacCyrillic":
		return charmap.MacintoshCyrillic
	}
	name = regexp.MustCompile(`^((?i:iso-8859|windows)-\d+)-.*`).ReplaceAllString(name, "$1")
	enc, err := ianaindex.IANA.Encoding(name)
	if err != nil {
		return nil
	}
	return enc
}

var tag = regexp.MustCompile(`<[^>]*>`)

// pageText is up to 20 lines of the page that have letters beyond ASCII, if they
// come out of the encoding and go back into it.
func pageText(content []byte, enc encoding.Encoding) string {
	var lines []string
	for _, line := range bytes.Split(tag.ReplaceAll(content, nil), []byte("\n")) {
		decoded, err := enc.NewDecoder().Bytes(bytes.TrimSpace(line))
		text := strings.Map(tame, string(decoded))
		back, backErr := enc.NewEncoder().String(text)
		if err != nil || backErr != nil || !strings.ContainsFunc(text, func(r rune) bool { return r > 0x9F }) || strings.ContainsRune(text, '\uFFFD') {
			continue
		}
		if again, _ := enc.NewDecoder().String(back); again == text && len(lines) < 20 {
			lines = append(lines, text)
		}
	}
	if len(lines) < 3 {
		return ""
	}
	return strings.Join(lines, "\n")
}

// tame leaves out what would end a cell.
func tame(r rune) rune {
	if r < ' ' || strings.ContainsRune("\",;|", r) || r >= 0x80 && r <= 0x9F {
		return ' '
	}
	return r
}

// firstColumn reads the cells of a table of one column.
func firstColumn(t *testing.T, table string) (string, error) {
	t.Helper()
	f, err := extract.Open(write(t, "in.csv", table), extract.Options{Header: 1, Delimiter: "tab"})
	if err != nil {
		return "", err
	}
	defer f.Close()
	var cells []string
	for {
		rec, err := f.Next(context.Background())
		var fault *etl.RowError
		switch {
		case errors.As(err, &fault):
			return "", errors.New(fault.Problem.Message + ": encoding")
		case err != nil:
			return strings.Join(cells, "\n"), nil
		}
		cells = append(cells, rec.Fields[0])
	}
}

// moduleFolder is where the sources of a module that go.mod names are.
func moduleFolder(t testing.TB, module string) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	require.NoError(t, err)
	return strings.TrimSpace(string(out))
}
