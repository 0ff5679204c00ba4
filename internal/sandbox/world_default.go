package sandbox

import (
	"time"

	"github.com/ticketetl/ticketetl/internal/schema"
)

// DefaultWorld is the account that a sandbox starts with: a Brazilian help
// desk with a small English-speaking onboarding team. It is the same at every
// call, and each call returns a copy of its own. Nobody in it is real: all
// addresses are in domains that RFC 2606 reserves.
//
// It is made to hold every case that a mapping can meet: labels that differ
// from values, a stage label in two pipelines, two owners of one name, two
// companies of one domain, options that differ only in case, ids that no
// float64 can hold.
func DefaultWorld() *World {
	contacts, companies := seedContacts(), seedCompanies()
	return &World{
		Schema:    defaultSchema(),
		Contacts:  contacts,
		Companies: companies,
		Deals:     seedDeals(),
		Conditions: []Condition{
			{Property: "hs_resolution", Value: "REFUND_APPLIED", Require: []string{"valor_cobrado"}},
		},
	}
}

func defaultSchema() *schema.Schema {
	pipelines := defaultPipelines()
	return &schema.Schema{
		Version: schema.FormatVersion,
		TakenAt: time.Date(2026, time.November, 2, 12, 0, 0, 0, time.UTC),
		Account: schema.Account{
			ID:       48120077,
			Type:     "STANDARD",
			TimeZone: "America/Sao_Paulo",
			Currency: "BRL",
			UIDomain: "app.hubspot.com",
		},
		Properties: defaultProperties(pipelines),
		Pipelines:  pipelines,
		Owners:     defaultOwners(),
		Labels:     defaultLabels(),
		Unique: map[string][]string{
			"contacts":  {"email", "codigo_cliente"},
			"companies": {"codigo_empresa"},
			"deals":     {"numero_contrato"},
		},
		Rules: defaultRules(),
	}
}

// defaultPipelines are the pipeline that every account has, one in Portuguese
// with numeric ids, and one with ids of its own that shares the stage labels
// "New" and "Escalado" with the others.
func defaultPipelines() []schema.Pipeline {
	return []schema.Pipeline{
		pipeline(0, "0", "Support Pipeline",
			openStage("1", "New"),
			openStage("2", "Waiting on contact"),
			openStage("3", "Waiting on us"),
			closedStage("4", "Closed")),
		pipeline(1, "210455301", "Suporte",
			openStage("421830001", "Novo"),
			openStage("421830002", "Aguardando contato"),
			openStage("421830003", "Aguardando nós"),
			openStage("421830004", "Em andamento"),
			openStage("421830005", "Escalado"),
			closedStage("421830006", "Fechado")),
		pipeline(2, "onboarding", "Onboarding",
			openStage("onb_new", "New"),
			openStage("onb_kickoff", "Kick-off"),
			openStage("onb_escalado", "Escalado"),
			closedStage("onb_done", "Done"),
			closedStage("onb_cancelled", "Cancelled")),
	}
}

func pipeline(order int, id, label string, stages ...schema.Stage) schema.Pipeline {
	for i := range stages {
		stages[i].DisplayOrder = i
	}
	return schema.Pipeline{ID: id, Label: label, DisplayOrder: order, Stages: stages}
}

func openStage(id, label string) schema.Stage {
	return schema.Stage{ID: id, Label: label, Metadata: map[string]string{"ticketState": "OPEN", "isClosed": "false"}}
}

func closedStage(id, label string) schema.Stage {
	return schema.Stage{ID: id, Label: label, Metadata: map[string]string{"ticketState": "CLOSED", "isClosed": "true"}}
}

// defaultLabels are the association types from tickets. The HubSpot-defined
// ids are the same in every account; those of users start at 1 in each, odd from
// the ticket and the next even one back to it.
func defaultLabels() map[string][]schema.Label {
	own := func(id int, label string) schema.Label {
		return schema.Label{Category: "USER_DEFINED", TypeID: id, Label: label}
	}
	hubspot := func(id int, label string) schema.Label {
		return schema.Label{Category: "HUBSPOT_DEFINED", TypeID: id, Label: label}
	}
	return map[string][]schema.Label{
		"contacts":  {hubspot(16, ""), own(1, "Reporter"), own(3, "Approver")},
		"companies": {hubspot(339, ""), hubspot(26, "Primary"), own(5, "Reseller")},
		"deals":     {hubspot(28, "")},
		"tickets":   {hubspot(452, ""), own(7, "Duplicate")},
	}
}

func defaultRules() map[string][]schema.Rule {
	rule := func(kind string, arguments ...string) schema.Rule {
		return schema.Rule{Type: kind, Arguments: arguments}
	}
	return map[string][]schema.Rule{
		"codigo_ativo":      {rule("REGEX", "^[A-Z]{3}-[0-9]{4}$", "Use o formato ABC-1234")},
		"resumo_curto":      {rule("MIN_LENGTH", "3"), rule("MAX_LENGTH", "80")},
		"centro_custo":      {rule("ALPHANUMERIC", "ALPHANUMERIC"), rule("FORMAT", "UPPER")},
		"email_alternativo": {rule("EMAIL"), rule("EMAIL_BLOCKED_DOMAINS", "mail.test")},
		"url_referencia":    {rule("URL")},
		"telefone_texto":    {rule("MAX_LENGTH", "20")},
		"nota_satisfacao":   {rule("MIN_NUMBER", "0"), rule("MAX_NUMBER", "10"), rule("DECIMAL", "1")},
		"data_vencimento":   {rule("START_DATE", "1262304000000")}, // 2010-01-01
		"visita_agendada":   {rule("DAYS_OF_WEEK", "MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY")},
	}
}
