package samplegen

import (
	"strconv"
	"strings"
	"time"
)

// A column is one column of the Brazilian desk's export.
type column struct {
	name string
	text func(Ticket) string // as the CSV has it
	cell func(Ticket) any    // as the workbook has it; nil: the same text
	look look                // of the workbook's cells
}

// How many tickets the desk exports.
const numChamados = 1000

// chamados are the columns of the desk's export. Text columns that hold digits
// (postal code, protocol) are text in the workbook too, as people set them to
// keep zeros and digits.
var chamados = []column{
	{name: "Nº do chamado", text: func(t Ticket) string { return t.Number }},
	{name: "Assunto", text: func(t Ticket) string { return t.Subject }},
	{name: "Descrição", text: func(t Ticket) string { return t.Description }},
	{name: "Situação", text: func(t Ticket) string { return t.Status }},
	{name: "Prioridade", text: func(t Ticket) string { return t.Priority }},
	{name: "Categoria", text: func(t Ticket) string { return strings.Join(t.Categories, "|") }},
	{name: "Produto", text: func(t Ticket) string { return t.Product }},
	{name: "Região", text: func(t Ticket) string { return t.Region }},
	{name: "Canal", text: func(t Ticket) string { return t.Channel }},
	{name: "Responsável (e-mail)", text: func(t Ticket) string { return t.Agent.Email }},
	{name: "Solicitante", text: func(t Ticket) string { return fullName(t) }},
	{name: "E-mail do solicitante", text: email},
	{name: "Domínio da empresa", text: func(t Ticket) string { return t.Domain }},
	{name: "Aberto em", text: func(t Ticket) string { return moment(t.Opened) }, cell: func(t Ticket) any { return when(t.Opened) }, look: asMoment},
	{name: "Fechado em", text: func(t Ticket) string { return moment(t.Closed) }, cell: func(t Ticket) any { return when(t.Closed) }, look: asMoment},
	{name: "Vencimento", text: func(t Ticket) string { return t.Due.Format("02/01/2006") }, cell: func(t Ticket) any { return when(t.Due) }, look: asDay},
	{name: "Horas", text: hours, cell: hoursCell},
	{name: "Valor cobrado", text: charge, cell: chargeCell, look: asMoney},
	{name: "Urgente", text: func(t Ticket) string { return simNao(t.Urgent) }},
	{name: "Nota", text: score, cell: scoreCell},
	{name: "CEP", text: func(t Ticket) string { return t.PostalCode }},
	{name: "Protocolo", text: func(t Ticket) string { return t.Protocol }},
	{name: "Etiquetas", text: func(t Ticket) string { return strings.Join(t.Tags, "; ") }},
}

func fullName(t Ticket) string {
	return strings.TrimSpace(t.Requester.Properties["firstname"] + " " + t.Requester.Properties["lastname"])
}

// email is the requester's address; some people write it with capitals.
func email(t Ticket) string {
	address := t.Requester.Properties["email"]
	if strings.HasSuffix(t.Number, "77") {
		return strings.ToUpper(address)
	}
	return address
}

func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format("02/01/2006 15:04")
}

func when(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t
}

func simNao(yes bool) string {
	if yes {
		return "Sim"
	}
	return "Não"
}

// decimal writes n units of 1/scale with a comma: decimal(175, 100) is "1,75".
func decimal(n, scale int) string {
	text := strconv.FormatFloat(float64(n)/float64(scale), 'f', -1, 64)
	return strings.Replace(text, ".", ",", 1)
}

func hours(t Ticket) string {
	if t.Quarters == 0 {
		return ""
	}
	return decimal(t.Quarters*25, 100)
}

// hoursCell is a number, save where somebody typed it into a text cell.
func hoursCell(t Ticket) any {
	if t.Quarters == 0 || t.Quarters%7 == 0 {
		return hours(t)
	}
	return float64(t.Quarters) / 4
}

func charge(t Ticket) string {
	if t.Cents == 0 {
		return ""
	}
	return strconv.Itoa(t.Cents/100) + "," + strconv.Itoa(100 + t.Cents%100)[1:]
}

func chargeCell(t Ticket) any {
	if t.Cents == 0 || t.Cents%10 == 3 {
		return charge(t)
	}
	return float64(t.Cents) / 100
}

func score(t Ticket) string {
	if t.Score < 0 {
		return ""
	}
	return decimal(t.Score, 10)
}

func scoreCell(t Ticket) any {
	if t.Score < 0 || t.Score%15 == 0 {
		return score(t)
	}
	return float64(t.Score) / 10
}

// table is the header and the rows of a file of text.
func table(columns []column, tickets []Ticket) [][]string {
	rows := [][]string{make([]string, len(columns))}
	for i, c := range columns {
		rows[0][i] = c.name
	}
	for _, t := range tickets {
		row := make([]string, len(columns))
		for i, c := range columns {
			row[i] = c.text(t)
		}
		rows = append(rows, row)
	}
	return rows
}
