package main

import (
	"archive/zip"
	"bufio"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/internal/benchdata"
)

// writeWorkbook writes the tickets of benchdata.Write as a workbook the way Excel
// does: texts stand once in a part of their own, which is written in a second
// pass over the same tickets.
func writeWorkbook(path string, n int) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	z := zip.NewWriter(f)
	defer func() { err = errors.Join(err, z.Close(), f.Close()) }()
	for _, part := range [][2]string{
		{"_rels/.rels", `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>`},
		{"xl/workbook.xml", `<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="Tickets" sheetId="1" r:id="r1"/></sheets></workbook>`},
		{"xl/_rels/workbook.xml.rels", `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="r2" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings" Target="sharedStrings.xml"/></Relationships>`},
	} {
		if err := zipPart(z, part[0], func(w *bufio.Writer) { _, _ = w.WriteString(part[1]) }); err != nil {
			return err
		}
	}
	texts := &sharedTexts{known: map[string]int{}}
	if err := zipPart(z, "xl/worksheets/sheet1.xml", func(w *bufio.Writer) { texts.sheet(w, n) }); err != nil {
		return err
	}
	return zipPart(z, "xl/sharedStrings.xml", func(w *bufio.Writer) { (&sharedTexts{known: map[string]int{}}).strings(w, n) })
}

// zipPart writes one part; a bufio.Writer keeps its error until Flush.
func zipPart(z *zip.Writer, name string, write func(*bufio.Writer)) error {
	part, err := z.Create(name)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(part, 1<<20)
	_, _ = w.WriteString(xml.Header)
	write(w)
	return w.Flush()
}

// sharedTexts numbers texts; those of the columns Ticket ID, Subject and Description
// are taken for different ones, so that they need not be kept.
type sharedTexts struct {
	known map[string]int
	next  int
}

func (s *sharedTexts) number(column int, text string) (n int, added bool) {
	if n, ok := s.known[text]; ok && column > 2 {
		return n, false
	}
	if column > 2 {
		s.known[text] = s.next
	}
	s.next++
	return s.next - 1, true
}

func eachRow(n int, take func(row int, cells []string)) {
	take(1, benchdata.Columns)
	t := benchdata.New()
	for i := range n {
		take(i+2, t.Row(i))
	}
}

func (s *sharedTexts) sheet(w io.Writer, n int) {
	fmt.Fprint(w, `<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>`)
	eachRow(n, func(row int, cells []string) {
		fmt.Fprintf(w, `<row r="%d">`, row)
		for i, text := range cells {
			if text != "" {
				number, _ := s.number(i, text)
				fmt.Fprintf(w, `<c r="%s%d" t="s"><v>%d</v></c>`, etl.ColumnLetter(i), row, number)
			}
		}
		fmt.Fprint(w, `</row>`)
	})
	fmt.Fprint(w, `</sheetData></worksheet>`)
}

func (s *sharedTexts) strings(w io.Writer, n int) {
	fmt.Fprint(w, `<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">`)
	eachRow(n, func(_ int, cells []string) {
		for i, text := range cells {
			if text == "" {
				continue
			}
			if _, added := s.number(i, text); added {
				fmt.Fprint(w, `<si><t xml:space="preserve">`)
				_ = xml.EscapeText(w, []byte(text)) // Flush tells
				fmt.Fprint(w, `</t></si>`)
			}
		}
	})
	fmt.Fprint(w, `</sst>`)
}
