package transform

import (
	"fmt"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/ticketetl/ticketetl/etl"
)

// totals are the words that begin a row of totals, in plain form (see plainWords).
// They are made when they are first asked for, so that other commands start sooner.
var totals = sync.OnceValue(func() map[string]bool { return plainSet(totalsWords...) })

var totalsWords = []string{
	"total, totals, grand total, total general, sum, sums, subtotal, sub-total, subtotals, count, total count, average, avg",
	"gesamt, gesamtsumme, gesamtergebnis, summe, insgesamt, zwischensumme, teilergebnis, anzahl, endsumme, mittelwert, durchschnitt",
	"somme, total général, sous-total, nombre total, moyenne",
	"total general, totales, suma, suma total, subtotales, recuento, promedio",
	"total geral, totais, soma, subtotais, contagem, média",
	"totale, totale generale, totale complessivo, totali, somma, subtotale, totale parziale, conteggio",
	"totaal, eindtotaal, subtotaal, som, aantal, gemiddelde",
	"totalt, summa, totalsumma, delsumma, slutsumma, antal, i alt, ialt, sluttotal, totalsum, delsum, sum totalt, antall",
	"yhteensä, summa, kokonaissumma, välisumma, loppusumma",
	"suma, razem, łącznie, ogółem, suma końcowa, suma częściowa, suma całkowita",
	"celkem, součet, celkový součet, mezisoučet, spolu, súčet, medzisúčet, celkový súčet",
	"összesen, végösszeg, összeg, részösszeg, mindösszesen, total general, ukupno, sveukupno, skupaj, vsota",
	"toplam, genel toplam, ara toplam, jumlah, total keseluruhan, tổng, tổng cộng",
	"итого, всего, общий итог, сумма, промежуточный итог, разом, всього, общо, σύνολο, γενικό σύνολο",
	"合計, 総計, 小計, 合计, 总计, 小计, 共计, 總計, 小計, 合計數, 합계, 총계, 소계, 총합계, รวม, ผลรวม, รวมทั้งหมด",
	`المجموع, الإجمالي, المجموع الكلي, סה"כ, סך הכל`,
}

func plainSet(lists ...string) map[string]bool {
	set := map[string]bool{}
	for _, list := range lists {
		for word := range strings.SplitSeq(list, ",") {
			set[plainWords(word)] = true
		}
	}
	return set
}

const longestTotals = 60 // bytes; the word stands alone

// isTotalsWord says whether text is a word for totals, maybe with the number
// beside it: "Total: 57".
func isTotalsWord(text string) bool {
	return len(text) <= longestTotals && totals()[strings.Trim(plainWords(text), "0123456789 ")]
}

// totalsRow finds the word in a row that has nothing else but figures and blanks,
// as it stands below a table. Formulas without a value count as figures. A row of one
// cell is too little to tell.
func totalsRow(fields []string, kinds []etl.Kind) (column int, ok bool) {
	if hasLongText(fields, kinds) {
		return -1, false
	}
	return totalsAlone(fields, kinds)
}

func totalsAlone(fields []string, kinds []etl.Kind) (column int, ok bool) {
	column = -1
	for i, text := range fields {
		if isBlank(text) || isFigure(text) || i < len(kinds) && kinds[i] == etl.CellError {
			continue
		}
		if column >= 0 {
			return -1, false
		}
		column = i
	}
	return column, column >= 0 && len(fields) > 1 && isTotalsWord(fields[column])
}

// hasLongText says whether there is a cell with more than figures and words for totals
// have, as most rows of tickets have one.
func hasLongText(fields []string, kinds []etl.Kind) bool {
	for i, text := range fields {
		if len(text) > longestTotals && !isBlank(text) && (i >= len(kinds) || kinds[i] != etl.CellError) {
			return true
		}
	}
	return false
}

// isFigure says whether text is a number, written in whichever way, or a length of
// time: "1.234,50", "R$ 5", "12 h", "(3)", "10:30".
func isFigure(text string) bool {
	const longest = 32 // bytes
	if len(text) > longest {
		return false
	}
	if allDigits(text) {
		return true
	}
	notDigit := func(r rune) bool { return r < '0' || r > '9' }
	front, inner := cutFunc(text, notDigit)
	inner = strings.TrimRightFunc(inner, notDigit)
	if inner == "" || !isSign(front, true) || !isSign(text[len(front)+len(inner):], false) {
		return false
	}
	if allDigits(strings.ReplaceAll(inner, ":", "")) {
		return true
	}
	for _, decimal := range []byte{',', '.'} {
		if _, _, ok := (numberConverter{decimal: decimal}).parts(inner); ok {
			return true
		}
	}
	return false
}

// cutFunc parts s where drop is no longer true.
func cutFunc(s string, drop func(rune) bool) (front, rest string) {
	rest = strings.TrimLeftFunc(s, drop)
	return s[:len(s)-len(rest)], rest
}

// isSign says whether s may stand beside a number: a currency, a unit, brackets. What
// ends in a letter right before the digits is a name: P1.
func isSign(s string, before bool) bool {
	const most = 3 // letters
	letters := 0
	for _, r := range s {
		switch {
		case unicode.IsLetter(r):
			letters++
		case unicode.IsSpace(r), unicode.Is(unicode.Sc, r), isInvisible(r), strings.ContainsRune("+-−.,()%", r):
		default:
			return false
		}
	}
	last, _ := utf8.DecodeLastRuneInString(s)
	return letters <= most && !(before && (unicode.IsLetter(last) || letters > 0 && last == '-'))
}

// repeatsHeader says whether a row has the names of the columns again, as files have it
// that were put together of several; column is the first of them.
func repeatsHeader(h *etl.Header, fields []string) (column int, ok bool) {
	filled := 0
	for i, text := range fields {
		if text == "" {
			continue
		}
		name := h.Name(i)
		if name == "" || text != name && !namesColumn(strings.TrimSpace(text), name) {
			return 0, false
		}
		if filled++; filled == 1 {
			column = i
		}
	}
	return column, filled > 1
}

// namesColumn says whether text is name, or name without the number that tells it from
// another one: "Name (2)".
func namesColumn(text, name string) bool {
	rest, ok := strings.CutPrefix(name, text)
	return ok && (rest == "" || strings.HasPrefix(rest, " ("))
}

// noTicket says of a row that is none in which column that shows, why, and how to leave
// such rows out.
func (m *Mapper) noTicket(rec *etl.Record) (column int, f *flaw) {
	if column, ok := repeatsHeader(rec.Header, rec.Fields); ok {
		return column, flawOf(CodeHeaderAgain, "remove the row, or "+m.leaveOut(rec, column), "the row repeats the header of the table")
	}
	return m.totalsFlaw(rec)
}

// leaveOut is how the mapping leaves rows out that have the text of rec in a column.
func (m *Mapper) leaveOut(rec *etl.Record, column int) string {
	not := isNot(rec.Header, column, rec.Fields[column])
	if m.where != nil {
		return "leave such rows out: add this to where in the mapping: && " + not
	}
	return "leave such rows out in the mapping with where: " + yamlQuoted(not)
}

// totalsFlaw says that rec is a row of totals and no ticket, in which column, and how
// to leave such rows out. A row with a key of its own is a ticket.
func (m *Mapper) totalsFlaw(rec *etl.Record) (column int, f *flaw) {
	column, ok := totalsRow(rec.Fields, rec.Kinds)
	if !ok || m.key != nil && m.key.column != column && !isBlank(fieldOf(rec, m.key.column)) {
		return 0, nil
	}
	return column, flawOf(CodeTotalsRow, m.leaveOut(rec, column)+"; if it is a ticket, write more into the cell",
		"the row looks like a row of totals and not like a ticket: %s, and beside it only numbers and blank cells", quote(rec.Fields[column]))
}

// isNot is the expression that is true of rows with another text in a column.
func isNot(h *etl.Header, column int, text string) string {
	return fmt.Sprintf("row[%q] != %q", nameOrLetter(h, column), text)
}

// nameOrLetter is how an expression reaches a column.
func nameOrLetter(h *etl.Header, column int) string {
	if name := h.Name(column); name != "" {
		return name
	}
	return etl.ColumnLetter(column)
}

// yamlQuoted is s as a text of the mapping, in single quotes.
func yamlQuoted(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// tellTotals says how to leave a row of totals out, where the row lacks its key or
// what HubSpot needs, and a cell has a word for totals.
func (j *judge) tellTotals() {
	for i := range j.problems {
		p := &j.problems[i]
		if p.Code != CodeMissingKey && p.Code != CodeMissingValue || p.Column < 0 {
			continue
		}
		if column, ok := totalsCell(j.rec.Fields); ok {
			filledIn := fmt.Sprintf("row[%q] != \"\"", nameOrLetter(j.rec.Header, p.Column))
			p.Hint = fmt.Sprintf("%s; if it is a row of totals, as %s in column %s looks, leave such rows out in the mapping with where: %s",
				p.Hint, quote(fieldOf(j.rec, column)), etl.ColumnLetter(column), yamlQuoted(filledIn))
			return // once is enough
		}
	}
}

// totalsCell finds the cell that has a word for totals.
func totalsCell(fields []string) (column int, ok bool) {
	for i, text := range fields {
		if !isBlank(text) && isTotalsWord(text) {
			return i, true
		}
	}
	return 0, false
}
