package samplegen

import (
	"strconv"

	"github.com/xuri/excelize/v2"

	"github.com/ticketetl/ticketetl/internal/sandbox"
)

// summarySheet counts what stands on the sheet of tickets.
const summarySheet = "Resumo"

// mistakesBook is the file of mistakes as a workbook that somebody looks after:
// with a cover, coloured and frozen header, widths, a filter, a list to choose
// from, a note, and a sheet that counts by formulas. All cells are texts. Two
// mistakes cannot be made in a workbook: a cell does not hold a text that is too
// long, and a row has all its cells.
func mistakesBook(w *sandbox.World, tickets []Ticket) ([]byte, error) {
	f := excelize.NewFile()
	defer f.Close()
	if err := fillCover(f); err != nil {
		return nil, err
	}
	for _, sheet := range []string{dataSheet, summarySheet} {
		if _, err := f.NewSheet(sheet); err != nil {
			return nil, err
		}
	}
	rows := mistakenRows(w, tickets)
	for _, fill := range []func() error{
		func() error { return fillMistakes(f, rows) },
		func() error { return adorn(f, len(rows)+1) },
		func() error { return fillSummary(f) },
	} {
		if err := fill(); err != nil {
			return nil, err
		}
	}
	return bytesOf(f)
}

func fillMistakes(f *excelize.File, rows []sheetRow) error {
	if err := f.SetSheetRow(dataSheet, "A1", &table(chamados, nil)[0]); err != nil {
		return err
	}
	for i, r := range rows {
		cells := make([]any, len(r.cells))
		for n, text := range r.cells {
			if runes := []rune(text); len(runes) > 30_000 {
				text = string(runes[:30_000])
			}
			if text != "" {
				cells[n] = text
			}
		}
		if err := f.SetSheetRow(dataSheet, "A"+strconv.Itoa(i+2), &cells); err != nil {
			return err
		}
	}
	return nil
}

// adorn makes the sheet look like one that people work with.
func adorn(f *excelize.File, last int) error {
	head, err := f.NewStyle(&excelize.Style{
		Font: &excelize.Font{Bold: true, Color: "FFFFFF"}, Fill: excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{"1F4E78"}},
		Alignment: &excelize.Alignment{Vertical: "center"},
	})
	if err != nil {
		return err
	}
	rule := excelize.NewDataValidation(true)
	rule.SetSqref("E2:E" + strconv.Itoa(last))
	for _, do := range []func() error{
		func() error { return f.SetCellStyle(dataSheet, "A1", "W1", head) },
		func() error { return f.SetRowHeight(dataSheet, 1, 24) },
		func() error { return f.SetColWidth(dataSheet, "A", "W", 18) },
		func() error { return f.SetColWidth(dataSheet, "B", "C", 40) },
		func() error { return f.AutoFilter(dataSheet, "A1:W"+strconv.Itoa(last), nil) },
		func() error { return rule.SetDropList([]string{"Baixa", "Média", "Alta", "Crítica"}) },
		func() error { return f.AddDataValidation(dataSheet, rule) },
		func() error {
			return f.SetPanes(dataSheet, &excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"})
		},
		func() error {
			return f.AddComment(dataSheet, excelize.Comment{Cell: "D1", Author: "Suporte", Paragraph: []excelize.RichTextRun{{Text: "como na central"}}})
		},
	} {
		if err := do(); err != nil {
			return err
		}
	}
	return nil
}

func fillSummary(f *excelize.File) error {
	for i, name := range []string{"Aberto", "Em atendimento", "Resolvido", "Encerrado"} {
		row := strconv.Itoa(i + 1)
		if err := f.SetCellStr(summarySheet, "A"+row, name); err != nil {
			return err
		}
		if err := f.SetCellFormula(summarySheet, "B"+row, "COUNTIF("+dataSheet+"!D:D,A"+row+")"); err != nil {
			return err
		}
	}
	return nil
}
