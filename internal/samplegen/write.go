package samplegen

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/text/encoding/charmap"

	"github.com/ticketetl/ticketetl/internal/sandbox"
)

// Write writes all samples into the folder dir, which must exist.
func Write(dir string) error {
	w := sandbox.DefaultWorld()
	tickets := Tickets(w, numChamados)
	files := map[string][]byte{}
	xlsx, err := workbook(chamados, tickets)
	if err != nil {
		return err
	}
	files["chamados.xlsx"] = xlsx
	if files["erros.xlsx"], err = mistakesBook(w, tickets); err != nil {
		return err
	}
	files["chamados.csv"] = brazilian(table(chamados, tickets))
	files["erros.csv"], files["erros.expected.csv"] = mistakesFiles(w, tickets)
	for _, e := range exports {
		files[e.name] = e.render(table(e.columns, Tickets(w, e.rows)))
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

const byteOrderMark = "\ufeff"

// brazilian writes rows as Excel in Brazil does when it saves "CSV UTF-8":
// byte order mark, semicolons, CRLF between rows and LF within cells.
func brazilian(rows [][]string) []byte {
	var b bytes.Buffer
	b.WriteString(byteOrderMark)
	for _, row := range rows {
		for i, field := range row {
			if i > 0 {
				b.WriteByte(';')
			}
			b.WriteString(quoted(field))
		}
		b.WriteString("\r\n")
	}
	return b.Bytes()
}

// quoted is field with quotes around it where Excel sets them.
func quoted(field string) string {
	if !strings.ContainsAny(field, ";\"\n\t") {
		return field
	}
	return `"` + strings.ReplaceAll(field, `"`, `""`) + `"`
}

// westernCSV writes rows as web programs do for Excel in the West: windows-1252,
// CRLF, every field in quotes, a question mark for what the encoding lacks.
func westernCSV(rows [][]string) []byte {
	var b bytes.Buffer
	for _, row := range rows {
		for i, field := range row {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(`"` + strings.ReplaceAll(field, `"`, `""`) + `"`)
		}
		b.WriteString("\r\n")
	}
	western := make([]byte, 0, b.Len())
	for _, r := range b.String() {
		c, ok := charmap.Windows1252.EncodeRune(r)
		if !ok {
			c = '?'
		}
		western = append(western, c)
	}
	return western
}
