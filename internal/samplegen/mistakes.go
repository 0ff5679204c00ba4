package samplegen

import (
	"bytes"
	"encoding/csv"
	"slices"
	"strconv"
	"strings"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/internal/sandbox"
)

// A mistake is one thing that people do wrong in a spreadsheet.
type mistake struct {
	name   string // in words
	code   string // of the problem that is to be reported
	column string // where; empty when it is the row as a whole
	value  string // what stands there
}

// extraCell is what stands beyond the last column in the row that has one
// cell too many.
const extraCell = "ligar de novo"

// mistakes are twenty of different kinds, each alone in its row.
func mistakes(w *sandbox.World) []mistake {
	return []mistake{
		{"stage that no pipeline has", "INVALID_STAGE", "Situação", "Arquivado"},
		{"stage of another pipeline", "INVALID_STAGE", "Situação", "Kick-off"},
		{"option that the property does not have", "INVALID_OPTION", "Produto", "Gestão Contábil"},
		{"value that the mapping's table does not list", "NOT_IN_TABLE", "Prioridade", "P1"},
		{"text in place of a date", "INVALID_DATE", "Aberto em", "13 de março, de manhã"},
		{"day that the calendar does not have", "IMPOSSIBLE_DATE", "Fechado em", "31/02/2026 10:00"},
		{"year of two digits", "TWO_DIGIT_YEAR", "Vencimento", "15/06/26"},
		{"number with letters", "INVALID_NUMBER", "Valor cobrado", "120 reais"},
		{"owner that the account does not have", "INVALID_OWNER", "Responsável (e-mail)", "plantao@desk.test"},
		{"name of two owners", "AMBIGUOUS_OWNER", "Responsável (e-mail)", w.Schema.Owners[10].Name()},
		{"text that is no e-mail address", "INVALID_EMAIL", "E-mail do solicitante", "maria.silva(arroba)padaria.example"},
		{"contact that the account does not have", "REFERENCE_NOT_FOUND", "E-mail do solicitante", "ninguem@empresa-sem-cadastro.example"},
		{"domain of two companies", "REFERENCE_AMBIGUOUS", "Domínio da empresa", w.Companies[0].Properties["domain"]},
		{"missing subject", "MISSING_VALUE", "Assunto", ""},
		{"missing key", "MISSING_KEY", "Nº do chamado", ""},
		{"key of an earlier row", "DUPLICATE_KEY", "Nº do chamado", ""},
		{"more text than HubSpot stores", "TOO_LONG", "Descrição", longLog()},
		{"one cell too many", "TOO_MANY_CELLS", "", extraCell},
		{"cells missing at the end", "TOO_FEW_CELLS", "", ""},
		{"neither yes nor no", "INVALID_BOOL", "Urgente", "talvez"},
	}
}

// longLog is a log that somebody has pasted: 66,000 characters, where HubSpot
// stores 65,536.
func longLog() string { return strings.Repeat("12:00:01 ERRO conexão recusada | ", 2000) }

// A sheetRow is one row of the file of mistakes; mistake is nil in a good one.
type sheetRow struct {
	cells   []string
	mistake *mistake
}

// mistakesFiles are the file with a mistake in twenty of its rows, and the list
// of what is to be found in it.
func mistakesFiles(w *sandbox.World, tickets []Ticket) (file, expected []byte) {
	rows := mistakenRows(w, tickets)
	all := [][]string{table(chamados, nil)[0]}
	for _, r := range rows {
		all = append(all, r.cells)
	}
	return brazilian(all), plainCSV(expectations(all, rows))
}

// mistakenRows has two rows with a mistake, then one without, and so on; one of
// the good ones is junk that the mapping leaves out.
func mistakenRows(w *sandbox.World, tickets []Ticket) []sheetRow {
	good := table(chamados, complete(tickets))[1:]
	next := func() []string {
		cells := good[0]
		good = good[1:]
		cells[0] = "ERR" + cells[0][len("CH"):]
		return cells
	}
	rows := []sheetRow{{cells: next()}}
	for i, m := range mistakes(w) {
		if i%2 == 0 {
			rows = append(rows, sheetRow{cells: next()})
		}
		cells := next()
		spoil(&cells, m, rows)
		rows = append(rows, sheetRow{cells, &m})
	}
	junk := next()
	junk[columnOf("Situação")] = "Spam"
	return append(rows, sheetRow{cells: junk})
}

// complete are the tickets that have all of what mistakes are made in, so that
// a row with one mistake has no other.
func complete(tickets []Ticket) []Ticket {
	return slices.DeleteFunc(slices.Clone(tickets), func(t Ticket) bool {
		return t.Closed.IsZero() || t.Domain == "" || t.Agent.ID == "" || t.Description == "" || t.Priority == "" ||
			t.Domain == "empresa-sem-cadastro.example"
	})
}

func spoil(cells *[]string, m mistake, before []sheetRow) {
	switch m.code {
	case "TOO_MANY_CELLS":
		*cells = append(*cells, m.value)
	case "TOO_FEW_CELLS":
		*cells = (*cells)[:len(*cells)-4]
	case "DUPLICATE_KEY":
		(*cells)[0] = before[0].cells[0]
	default:
		(*cells)[columnOf(m.column)] = m.value
	}
}

func columnOf(name string) int {
	return slices.IndexFunc(chamados, func(c column) bool { return c.name == name })
}

// expectations lists the mistakes: where each stands, and which code a report
// is to give it. Long values are cut after 60 characters.
func expectations(all [][]string, rows []sheetRow) [][]string {
	list := [][]string{{"row", "line", "column", "header", "value", "code", "mistake"}}
	line := 2
	for i, r := range rows {
		if m := r.mistake; m != nil {
			list = append(list, expectation(*m, r.cells, i+2, line))
		}
		line += 1 + strings.Count(strings.Join(all[i+1], ""), "\n")
	}
	return list
}

func expectation(m mistake, cells []string, row, line int) []string {
	letter, value := "", m.value
	switch {
	case m.column != "":
		letter, value = etl.ColumnLetter(columnOf(m.column)), cells[columnOf(m.column)]
	case m.code == "TOO_MANY_CELLS": // told of the first cell beyond the header
		letter = etl.ColumnLetter(len(chamados))
	case m.code == "TOO_FEW_CELLS": // told of the first one missing
		letter, m.column = etl.ColumnLetter(len(cells)), chamados[len(cells)].name
	}
	if runes := []rune(value); len(runes) > 60 {
		value = string(runes[:60])
	}
	return []string{strconv.Itoa(row), strconv.Itoa(line), letter, m.column, value, m.code, m.name}
}

// plainCSV writes rows as most programs do: commas, LF, no byte order mark.
func plainCSV(rows [][]string) []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	if err := w.WriteAll(rows); err != nil {
		panic(err) // a buffer takes everything
	}
	return b.Bytes()
}
