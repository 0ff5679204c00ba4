package samplegen

import (
	"bytes"
	"strconv"
	"time"

	"github.com/xuri/excelize/v2"
)

// A look is how a workbook shows the numbers of a column.
type look int

const (
	plain look = iota
	asMoment
	asDay
	asMoney
)

var formats = map[look]string{
	asMoment: "dd/mm/yyyy hh:mm",
	asDay:    "dd/mm/yyyy",
	asMoney:  `"R$" #,##0.00`,
}

const (
	coverSheet = "Leia-me"
	dataSheet  = "Chamados"
)

// cover is what the first sheet says.
var cover = []string{
	"Exportação da central de chamados",
	"Período: agosto de 2025 a junho de 2026",
	"A folha \"Chamados\" traz uma linha por chamado.",
	"Horas, valores e notas vieram de várias mãos: algumas células são números, outras são texto.",
}

// workbook is a file with tickets on its second sheet, with real dates, and
// with ids and some of the numbers as text.
func workbook(columns []column, tickets []Ticket) ([]byte, error) {
	f := excelize.NewFile()
	defer f.Close()
	if err := fillCover(f); err != nil {
		return nil, err
	}
	if _, err := f.NewSheet(dataSheet); err != nil {
		return nil, err
	}
	if err := fill(f, columns, tickets); err != nil {
		return nil, err
	}
	return bytesOf(f)
}

// bytesOf is the workbook as a file, always made at the same moment.
func bytesOf(f *excelize.File) ([]byte, error) {
	const made = "2026-06-30T12:00:00Z"
	if err := f.SetDocProps(&excelize.DocProperties{Creator: "ticketetl", Title: dataSheet, Created: made, Modified: made}); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err := f.Write(&b)
	return b.Bytes(), err
}

func fillCover(f *excelize.File) error {
	if err := f.SetSheetName("Sheet1", coverSheet); err != nil {
		return err
	}
	for i, line := range cover {
		if err := f.SetCellStr(coverSheet, "A"+strconv.Itoa(i+1), line); err != nil {
			return err
		}
	}
	return nil
}

func fill(f *excelize.File, columns []column, tickets []Ticket) error {
	styles, err := stylesOf(f)
	if err != nil {
		return err
	}
	w, err := f.NewStreamWriter(dataSheet)
	if err != nil {
		return err
	}
	row := make([]any, len(columns))
	for i, c := range columns {
		row[i] = c.name
	}
	if err := w.SetRow("A1", row); err != nil {
		return err
	}
	for n, t := range tickets {
		for i, c := range columns {
			row[i] = cellOf(c, t, styles)
		}
		if err := w.SetRow("A"+strconv.Itoa(n+2), row); err != nil {
			return err
		}
	}
	return w.Flush()
}

func stylesOf(f *excelize.File) (map[look]int, error) {
	styles := map[look]int{}
	for _, l := range []look{asMoment, asDay, asMoney} {
		format := formats[l]
		id, err := f.NewStyle(&excelize.Style{CustomNumFmt: &format})
		if err != nil {
			return nil, err
		}
		styles[l] = id
	}
	return styles, nil
}

func cellOf(c column, t Ticket, styles map[look]int) any {
	var value any = c.text(t)
	if c.cell != nil {
		value = c.cell(t)
	}
	switch v := value.(type) {
	case string:
		if v == "" {
			return nil
		}
	case time.Time, float64:
		return excelize.Cell{StyleID: styles[c.look], Value: v}
	}
	return value
}
