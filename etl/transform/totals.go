package transform

import (
	"fmt"

	"github.com/ticketetl/ticketetl/etl"
)

// totals are the words that begin a row of totals, in plain form (see plainWords).
const totals = "total,totals,totales,totais,total general,total geral,grand total,sum,sums,summe,gesamt,gesamtsumme,insgesamt,somme,suma,soma,somma,totale,subtotal,sous total,zwischensumme," +
	"合計,総計,小計,count,anzahl,nombre"

// tellTotals says how to leave a row of totals out, where the row lacks its key or
// what HubSpot needs, and a cell has a word for totals.
func (j *judge) tellTotals() {
	for i := range j.problems {
		p := &j.problems[i]
		if p.Code != CodeMissingKey && p.Code != CodeMissingValue || p.Column < 0 {
			continue
		}
		if column, ok := totalsCell(j.rec.Fields); ok {
			p.Hint = fmt.Sprintf("%s; if it is a row of totals, as %s in column %s looks, leave such rows out in the mapping with where: '%s'",
				p.Hint, quote(fieldOf(j.rec, column)), etl.ColumnLetter(column), filledIn(j.rec.Header, p.Column))
			return // once is enough
		}
	}
}

// totalsCell finds the cell that has a word for totals.
func totalsCell(fields []string) (column int, ok bool) {
	for i, text := range fields {
		if isBlank(text) {
			continue
		}
		if words := plainWords(text); isOneOf(words, totals) {
			return i, true
		}
	}
	return 0, false
}

// filledIn is the expression that is true of rows whose cell is not blank.
func filledIn(h *etl.Header, column int) string {
	name := h.Name(column)
	if name == "" {
		name = etl.ColumnLetter(column)
	}
	return fmt.Sprintf("row[%q] != \"\"", name)
}
