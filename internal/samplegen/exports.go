package samplegen

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// An export is a small file as another product writes it, under the header
// names of that product.
type export struct {
	name    string
	rows    int
	columns []column
	render  func(rows [][]string) []byte
}

var exports = []export{
	{"zendesk.csv", 20, zendesk, plainCSV},
	{"jira.csv", 20, jira, plainCSV},
	{"freshdesk.csv", 20, freshdesk, plainCSV},
	{"servicenow.csv", 20, serviceNow, westernCSV},
	{"github-issues.csv", 15, githubIssues, plainCSV},
	{"workbook.csv", 12, workbookColumns, plainCSV},
	{"hubspot-export.csv", 15, hubspotExport, plainCSV},
}

// blank is a column that the product exports and that is empty here.
func blank(name string) column {
	return column{name: name, text: func(Ticket) string { return "" }}
}

func same(name, text string) column {
	return column{name: name, text: func(Ticket) string { return text }}
}

// number is the ticket's number, counted on from base.
func number(t Ticket, base int) string {
	n, err := strconv.Atoi(strings.TrimPrefix(t.Number, "CH-"))
	if err != nil {
		panic(err) // Tickets numbers them so
	}
	return strconv.Itoa(base + n)
}

// in writes a wall clock's time in the given layout; empty for none.
func in(layout string, t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(layout)
}

// words translates what the desk writes; what is not listed stays empty.
func words(field func(Ticket) string, pairs ...string) func(Ticket) string {
	translated := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		translated[pairs[i]] = pairs[i+1]
	}
	return func(t Ticket) string { return translated[field(t)] }
}

func status(t Ticket) string    { return t.Status }
func priority(t Ticket) string  { return t.Priority }
func channel(t Ticket) string   { return t.Channel }
func subject(t Ticket) string   { return t.Subject }
func body(t Ticket) string      { return t.Description }
func agentName(t Ticket) string { return t.Agent.Name() }

// zendesk are the columns of Zendesk Support's CSV export of tickets, in its
// order, without the account's own fields. It has no description.
var zendesk = []column{
	same("Summation column", "1"),
	{name: "Id", text: func(t Ticket) string { return number(t, 80_000) }},
	{name: "Requester", text: fullName},
	{name: "Requester id", text: func(t Ticket) string { return number(t, 360_000_000_000) }},
	blank("Requester external id"),
	{name: "Requester email", text: email},
	{name: "Requester domain", text: func(t Ticket) string { return t.Domain }},
	{name: "Submitter", text: fullName},
	{name: "Assignee", text: agentName},
	same("Group", "Support"),
	{name: "Subject", text: subject},
	{name: "Tags", text: func(t Ticket) string { return strings.ReplaceAll(strings.Join(t.Tags, ","), " ", "_") }},
	{name: "Status", text: words(status, "Aberto", "New", "Aguardando cliente", "Pending", "Aguardando interno", "Hold",
		"Em atendimento", "Open", "Escalado N2", "Open", "Resolvido", "Solved", "Encerrado", "Closed")},
	{name: "Priority", text: words(priority, "Baixa", "Low", "Média", "Normal", "Alta", "High", "Crítica", "Urgent")},
	{name: "Via", text: words(channel, "Telefone", "Phone call (incoming)", "E-mail", "Mail", "Portal do cliente", "Web form", "WhatsApp", "WhatsApp", "Balcão", "Closed ticket")},
	{name: "Ticket type", text: func(t Ticket) string { return map[bool]string{true: "Incident", false: "Question"}[t.Urgent] }},
	{name: "Created at", text: func(t Ticket) string { return in("2006-01-02 15:04", t.Opened) }},
	{name: "Updated at", text: func(t Ticket) string { return in("2006-01-02 15:04", t.Opened.Add(40*time.Minute)) }},
	{name: "Assigned at", text: func(t Ticket) string { return in("2006-01-02 15:04", t.Opened.Add(5*time.Minute)) }},
	blank("Organization"),
	{name: "Due date", text: func(t Ticket) string { return in("2006-01-02", t.Due) }},
	{name: "Initially assigned at", text: func(t Ticket) string { return in("2006-01-02 15:04", t.Opened.Add(5*time.Minute)) }},
	{name: "Solved at", text: func(t Ticket) string { return in("2006-01-02 15:04", t.Closed) }},
	{name: "Resolution time", text: func(t Ticket) string { return minutes(t, 60) }},
	same("Satisfaction Score", "Not Offered"),
	same("Group stations", "1"),
	same("Assignee stations", "1"),
	same("Reopens", "0"),
	same("Replies", "2"),
	same("First reply time in minutes", "12"),
	{name: "Full resolution time in minutes", text: func(t Ticket) string { return minutes(t, 1) }},
}

// minutes is how long a closed ticket was open, in units of so many minutes.
func minutes(t Ticket, unit int) string {
	if t.Closed.IsZero() {
		return ""
	}
	return strconv.Itoa(int(t.Closed.Sub(t.Opened).Minutes()) / unit)
}

// jiraMoment is Jira's "complete date/time format" with a year of four digits,
// as an administrator sets it under System, Look and feel.
const jiraMoment = "02/Jan/2006 3:04 PM"

// jira are columns of Jira's "Export CSV (all fields)"; a field with several
// values has a column for each, all of one name.
var jira = []column{
	{name: "Summary", text: subject},
	{name: "Issue key", text: func(t Ticket) string { return "SUP-" + number(t, 0) }},
	{name: "Issue id", text: func(t Ticket) string { return number(t, 10_000) }},
	{name: "Issue Type", text: func(t Ticket) string { return map[bool]string{true: "Bug", false: "Service Request"}[t.Urgent] }},
	{name: "Status", text: words(status, "Aberto", "To Do", "Aguardando cliente", "Waiting for customer", "Aguardando interno", "Waiting for support",
		"Em atendimento", "In Progress", "Escalado N2", "Escalated", "Resolvido", "Done", "Encerrado", "Closed")},
	same("Project key", "SUP"),
	same("Project name", "Support"),
	same("Project type", "service_desk"),
	{name: "Priority", text: words(priority, "Baixa", "Low", "Média", "Medium", "Alta", "High", "Crítica", "Highest")},
	{name: "Resolution", text: func(t Ticket) string { return map[bool]string{true: "", false: "Done"}[t.Closed.IsZero()] }},
	{name: "Assignee", text: agentName},
	{name: "Reporter", text: fullName},
	{name: "Creator", text: fullName},
	{name: "Created", text: func(t Ticket) string { return in(jiraMoment, t.Opened) }},
	{name: "Updated", text: func(t Ticket) string { return in(jiraMoment, t.Opened.Add(40*time.Minute)) }},
	blank("Last Viewed"),
	{name: "Resolved", text: func(t Ticket) string { return in(jiraMoment, t.Closed) }},
	{name: "Due date", text: func(t Ticket) string { return in(jiraMoment, t.Due) }},
	same("Votes", "0"),
	{name: "Labels", text: func(t Ticket) string { return nth(t.Tags, 0) }},
	{name: "Labels", text: func(t Ticket) string { return nth(t.Tags, 1) }},
	{name: "Description", text: body},
	blank("Environment"),
	{name: "Time Spent", text: func(t Ticket) string { return seconds(t) }},
	blank("Custom field (Story Points)"),
}

func nth(list []string, i int) string {
	if i >= len(list) {
		return ""
	}
	return strings.ReplaceAll(list[i], " ", "-")
}

// seconds is the time worked, as Jira exports it.
func seconds(t Ticket) string {
	if t.Quarters == 0 {
		return ""
	}
	return strconv.Itoa(t.Quarters * 900)
}

// freshdesk are columns of Freshdesk's export of the ticket list, with the
// requester's.
var freshdesk = []column{
	{name: "Ticket ID", text: func(t Ticket) string { return number(t, 0) }},
	{name: "Subject", text: subject},
	{name: "Status", text: words(status, "Aberto", "Open", "Aguardando cliente", "Waiting on Customer", "Aguardando interno", "Waiting on Third Party",
		"Em atendimento", "Open", "Escalado N2", "Pending", "Resolvido", "Resolved", "Encerrado", "Closed")},
	{name: "Priority", text: words(priority, "Baixa", "Low", "Média", "Medium", "Alta", "High", "Crítica", "Urgent")},
	{name: "Source", text: words(channel, "Telefone", "Phone", "E-mail", "Email", "Portal do cliente", "Portal", "WhatsApp", "Chat", "Balcão", "Feedback Widget")},
	{name: "Type", text: func(t Ticket) string { return map[bool]string{true: "Incident", false: "Question"}[t.Urgent] }},
	{name: "Agent", text: func(t Ticket) string {
		if t.Agent.ID == "" {
			return "No Agent"
		}
		return t.Agent.Name()
	}},
	same("Group", "Support"),
	{name: "Created time", text: func(t Ticket) string { return in(time.DateTime, t.Opened) }},
	{name: "Due by Time", text: func(t Ticket) string { return in(time.DateTime, t.Due.Add(18*time.Hour)) }},
	{name: "Resolved time", text: func(t Ticket) string { return in(time.DateTime, t.Closed) }},
	{name: "Closed time", text: func(t Ticket) string { return in(time.DateTime, t.Closed) }},
	{name: "Last update time", text: func(t Ticket) string { return in(time.DateTime, t.Opened.Add(40*time.Minute)) }},
	{name: "Time tracked", text: func(t Ticket) string { return clock(t.Quarters) }},
	same("Agent interactions", "2"),
	same("Customer interactions", "1"),
	same("Resolution status", "Within SLA"),
	{name: "Tags", text: func(t Ticket) string { return strings.Join(t.Tags, ",") }},
	same("Survey results", "No Response"),
	{name: "Product", text: func(t Ticket) string { return t.Product }},
	{name: "Full name", text: fullName},
	{name: "Email", text: email},
	blank("Work phone"),
	blank("Mobile phone"),
	{name: "Contact ID", text: func(t Ticket) string { return number(t, 70_000_000_000) }},
	blank("Company Name"),
	{name: "Company Domains", text: func(t Ticket) string { return t.Domain }},
}

// clock writes quarters of an hour as hours, minutes and seconds.
func clock(quarters int) string {
	return fmt.Sprintf("%02d:%02d:00", quarters/4, quarters%4*15)
}

// serviceNow are columns of ServiceNow's CSV export of a list of incidents. It
// names them by field, and shows references and choices by their text.
var serviceNow = []column{
	{name: "number", text: func(t Ticket) string { return "INC" + number(t, 1_000_000) }},
	{name: "short_description", text: subject},
	{name: "description", text: body},
	{name: "caller_id", text: fullName},
	{name: "caller_id.email", text: email},
	{name: "company", text: func(Ticket) string { return "" }},
	{name: "state", text: words(status, "Aberto", "New", "Aguardando cliente", "On Hold", "Aguardando interno", "In Progress",
		"Em atendimento", "In Progress", "Escalado N2", "In Progress", "Resolvido", "Resolved", "Encerrado", "Closed")},
	{name: "impact", text: words(priority, "Baixa", "3 - Low", "Média", "2 - Medium", "Alta", "2 - Medium", "Crítica", "1 - High")},
	{name: "urgency", text: words(priority, "Baixa", "3 - Low", "Média", "2 - Medium", "Alta", "1 - High", "Crítica", "1 - High")},
	{name: "priority", text: words(priority, "Baixa", "4 - Low", "Média", "3 - Moderate", "Alta", "2 - High", "Crítica", "1 - Critical")},
	{name: "category", text: func(t Ticket) string { return map[bool]string{true: "Software", false: "Inquiry / Help"}[t.Urgent] }},
	blank("subcategory"),
	{name: "contact_type", text: words(channel, "Telefone", "Phone", "E-mail", "Email", "Portal do cliente", "Self-service", "WhatsApp", "Chat", "Balcão", "Walk-in")},
	same("assignment_group", "Service Desk"),
	{name: "assigned_to", text: agentName},
	{name: "opened_at", text: func(t Ticket) string { return in(time.DateTime, t.Opened) }},
	{name: "resolved_at", text: func(t Ticket) string { return in(time.DateTime, t.Closed) }},
	{name: "closed_at", text: func(t Ticket) string { return in(time.DateTime, t.Closed) }},
	{name: "sys_updated_on", text: func(t Ticket) string { return in(time.DateTime, t.Opened.Add(40*time.Minute)) }},
	same("sys_updated_by", "system"),
	same("reopen_count", "0"),
	same("made_sla", "true"),
}

// githubIssues are the fields of gh issue list --json, as its own --jq turns
// them into CSV: labels and assignees are joined, times are UTC.
var githubIssues = []column{
	{name: "number", text: func(t Ticket) string { return number(t, 0) }},
	{name: "title", text: subject},
	{name: "body", text: body},
	{name: "state", text: func(t Ticket) string { return map[bool]string{true: "OPEN", false: "CLOSED"}[t.Closed.IsZero()] }},
	{name: "stateReason", text: func(t Ticket) string { return map[bool]string{true: "", false: "COMPLETED"}[t.Closed.IsZero()] }},
	{name: "author", text: func(t Ticket) string { return address(t) }},
	{name: "assignees", text: func(t Ticket) string { return "" }},
	{name: "labels", text: labels},
	{name: "milestone", text: func(Ticket) string { return "" }},
	{name: "createdAt", text: func(t Ticket) string { return in("2006-01-02T15:04:05Z", t.Opened) }},
	{name: "updatedAt", text: func(t Ticket) string { return in("2006-01-02T15:04:05Z", t.Opened.Add(40*time.Minute)) }},
	{name: "closedAt", text: func(t Ticket) string { return in("2006-01-02T15:04:05Z", t.Closed) }},
	{name: "url", text: func(t Ticket) string { return "https://git.example/desk/app/issues/" + number(t, 0) }},
}

// address is what stands before the @ of the requester's address.
func address(t Ticket) string {
	name, _, _ := strings.Cut(t.Requester.Properties["email"], "@")
	return name
}

func labels(t Ticket) string {
	all := []string{map[bool]string{true: "bug", false: "question"}[t.Urgent]}
	for _, c := range t.Categories {
		if c == "Sugestão" {
			all = append(all, "enhancement")
		}
	}
	return strings.Join(all, ",")
}

// workbookColumns are those of a list that somebody keeps by hand.
var workbookColumns = []column{
	{name: "Ticket", text: func(t Ticket) string { return number(t, 0) }},
	{name: "Subject", text: subject},
	{name: "Description", text: body},
	{name: "Status", text: words(status, "Aberto", "New", "Aguardando cliente", "Waiting on contact", "Aguardando interno", "Waiting on us",
		"Em atendimento", "Waiting on us", "Escalado N2", "Waiting on us", "Resolvido", "Closed", "Encerrado", "Closed")},
	{name: "Priority", text: words(priority, "Baixa", "Low", "Média", "Medium", "Alta", "High", "Crítica", "Urgent")},
	{name: "Owner", text: func(t Ticket) string { return t.Agent.Email }},
	{name: "Contact e-mail", text: email},
	{name: "Company domain", text: func(t Ticket) string { return t.Domain }},
	{name: "Created", text: func(t Ticket) string { return in("2006-01-02 15:04", t.Opened) }},
	{name: "Closed", text: func(t Ticket) string { return in("2006-01-02 15:04", t.Closed) }},
}

// hubspotExport are the columns of a view of tickets exported from HubSpot
// under the labels of the properties.
var hubspotExport = []column{
	{name: "Record ID", text: func(t Ticket) string { return number(t, 19_000_000_000) }},
	{name: "Ticket name", text: subject},
	{name: "Ticket description", text: body},
	same("Pipeline", "Support Pipeline"),
	{name: "Ticket status", text: words(status, "Aberto", "New", "Aguardando cliente", "Waiting on contact", "Aguardando interno", "Waiting on us",
		"Em atendimento", "Waiting on us", "Escalado N2", "Waiting on us", "Resolvido", "Closed", "Encerrado", "Closed")},
	{name: "Priority", text: words(priority, "Baixa", "Low", "Média", "Medium", "Alta", "High", "Crítica", "Urgent")},
	{name: "Source", text: words(channel, "Telefone", "Phone", "E-mail", "Email", "Portal do cliente", "Form", "WhatsApp", "Chat")},
	{name: "Category", text: categoryLabels},
	{name: "Ticket owner", text: agentName},
	{name: "Create date", text: func(t Ticket) string { return in("2006-01-02 15:04", t.Opened) }},
	{name: "Close date", text: func(t Ticket) string { return in("2006-01-02 15:04", t.Closed) }},
	{name: "Last modified date", text: func(t Ticket) string { return in("2006-01-02 15:04", t.Opened.Add(40*time.Minute)) }},
	{name: "Associated Contact", text: fullName},
	{name: "Associated Contact IDs", text: func(t Ticket) string { return t.Requester.ID }},
	blank("Associated Company"),
	{name: "Associated Company IDs", text: func(t Ticket) string { return t.Requester.Properties["associatedcompanyid"] }},
}

func categoryLabels(t Ticket) string {
	label := map[string]string{
		"Problema no produto": "Product issue", "Cobrança": "Billing issue", "Sugestão": "Feature request",
		"Dúvida geral": "General inquiry", "Integração": "Integração", "Treinamento": "Treinamento",
	}
	var all []string
	for _, c := range t.Categories {
		all = append(all, label[c])
	}
	return strings.Join(all, ";")
}
