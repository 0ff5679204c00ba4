package load

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"
)

// A workbook writes a character that XML cannot hold as _x000B_, and the first
// character of a text that only looks so as _x005F_ (ECMA-376 part 1, 22.9.2.19).
// excelize writes U+FFFD for the one, and for the other escapes some texts and
// loses others (_x0041_x0042_, _xD83D_). So the escapes are made here, with a
// stand-in for their underscores that excelize passes on; heldParts writes the
// underscores.
const (
	stand  = "\U0010FFFD"
	escape = "_x0000_"

	standRune = '\U0010FFFD'
	escapes   = "_x"
)

// held is text with its escapes.
func held(text string) string {
	if !maySuffer(text) {
		return text
	}
	var b strings.Builder
	for i, r := range text {
		switch {
		case unwritable(r):
			holdEscape(&b, r)
		case r == '_' && looksEscaped(text[i:]):
			holdEscape(&b, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// maySuffer says that text may hold what needs an escape. It looks at bytes, of which
// few texts have one of these: a look at each character took a tenth of an export.
func maySuffer(text string) bool {
	for i := range len(text) {
		switch c := text[i]; {
		case c == escapes[0] && strings.HasPrefix(text[i:], escapes):
			return true
		case c < ' ' && c != '\t' && c != '\n' && c != '\r':
			return true
		case c == "\uFFFE"[0], c == stand[0]:
			return true
		}
	}
	return false
}

// unwritable are the characters that XML cannot hold, and the stand-in.
func unwritable(r rune) bool {
	return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF || r == standRune
}

// looksEscaped says whether text begins like an escape, or will once the
// character behind it is escaped.
func looksEscaped(text string) bool {
	const head = len(escape) - 1
	if len(text) <= head || !strings.HasPrefix(text, escapes) {
		return false
	}
	if r, _ := utf8.DecodeRuneInString(text[head:]); r != '_' && !unwritable(r) {
		return false
	}
	return strings.Trim(text[len(escapes):head], "0123456789abcdefABCDEF") == ""
}

func holdEscape(b *strings.Builder, r rune) {
	for _, unit := range utf16.Encode([]rune{r}) {
		fmt.Fprintf(b, "%sx%04X%s", stand, unit, stand)
	}
}

// heldParts is a zip.Writer whose parts have '_' for each stand-in.
type heldParts struct{ *zip.Writer }

func newHeldParts(w io.Writer) excelize.ZipWriter { return heldParts{zip.NewWriter(w)} }

func (h heldParts) Create(name string) (io.Writer, error) {
	w, err := h.Writer.Create(name)
	return &heldPart{w: w}, err
}

// A heldPart keeps back the beginning of a stand-in with which a piece ends. A
// part is XML, so it ends with none.
type heldPart struct {
	w    io.Writer
	kept []byte
}

func (h *heldPart) Write(p []byte) (int, error) {
	text := append(h.kept, p...)
	cut := len(text)
	for n := min(len(stand)-1, len(text)); n > 0; n-- {
		if strings.HasPrefix(stand, string(text[len(text)-n:])) {
			cut -= n
			break
		}
	}
	if _, err := h.w.Write(bytes.ReplaceAll(text[:cut], []byte(stand), []byte("_"))); err != nil {
		return 0, err
	}
	h.kept = bytes.Clone(text[cut:])
	return len(p), nil
}
