package sandbox

import (
	"time"

	"github.com/ticketetl/ticketetl/internal/schema"
)

// defaultProperties are the ticket properties of the default account. Names,
// types and options of HubSpot's own are those of a live account.
func defaultProperties(pipelines []schema.Pipeline) []schema.Property {
	all := systemProperties()
	all = append(all, readOnlyProperties()...)
	all = append(all, stageProperties(pipelines)...)
	all = append(all, customProperties()...)
	for i := range all {
		all[i].DisplayOrder = i
	}
	return all
}

// A trait is one way in which a definition differs from the plain one.
type trait func(*schema.Property)

func define(name, label, kind, fieldType string, traits ...trait) schema.Property {
	p := schema.Property{
		Name: name, Label: label, Type: kind, FieldType: fieldType,
		GroupName: "ticketinformation",
		Options:   []schema.Option{},
		Modification: &schema.Modification{
			Archivable: true,
		},
	}
	for _, t := range traits {
		t(&p)
	}
	return p
}

// system is define for a property that HubSpot brought.
func system(name, label, kind, fieldType string, traits ...trait) schema.Property {
	own := func(p *schema.Property) {
		p.HubspotDefined = true
		p.Modification.Archivable = false
		p.Modification.ReadOnlyDefinition = true
	}
	return define(name, label, kind, fieldType, append([]trait{own}, traits...)...)
}

// readOnly is system for a property whose value only HubSpot sets.
func readOnly(name, label, kind, fieldType string, traits ...trait) schema.Property {
	return system(name, label, kind, fieldType, append([]trait{fixed, group("ticket_activity")}, traits...)...)
}

func fixed(p *schema.Property)        { p.Modification.ReadOnlyValue = true }
func fixedOptions(p *schema.Property) { p.Modification.ReadOnlyOptions = true }
func hidden(p *schema.Property)       { p.Hidden = true }
func unique(p *schema.Property)       { p.HasUniqueValue = true }
func external(p *schema.Property)     { p.ExternalOptions = true }
func inForms(p *schema.Property)      { p.FormField = true }

func archived(p *schema.Property) {
	at := time.Date(2026, time.September, 14, 18, 30, 0, 0, time.UTC)
	p.Archived, p.ArchivedAt = true, &at
}

func calculated(formula string) trait {
	return func(p *schema.Property) {
		p.Calculated, p.CalculationFormula = true, formula
		p.Modification.ReadOnlyValue = true
	}
}

func group(name string) trait { return func(p *schema.Property) { p.GroupName = name } }

func about(text string) trait { return func(p *schema.Property) { p.Description = text } }

func refersTo(object string) trait {
	return func(p *schema.Property) { p.ReferencedObjectType = object }
}

func shownAs(hint string) trait {
	return func(p *schema.Property) {
		switch p.Type {
		case "number":
			p.NumberDisplayHint = hint
			p.ShowCurrencySymbol = hint == "currency"
		case "string":
			p.TextDisplayHint = hint
		default:
			p.DateDisplayHint = hint
		}
	}
}

// options takes value, label, value, label ...
func options(pairs ...string) trait {
	return func(p *schema.Property) {
		for i := 0; i < len(pairs); i += 2 {
			p.Options = append(p.Options, schema.Option{Value: pairs[i], Label: pairs[i+1], DisplayOrder: i / 2})
		}
	}
}

func hiddenOption(value, label string) trait {
	return func(p *schema.Property) {
		p.Options = append(p.Options, schema.Option{Value: value, Label: label, DisplayOrder: len(p.Options), Hidden: true})
	}
}

var (
	yesNo  = options("true", "Yes", "false", "No")
	simNao = options("true", "Sim", "false", "Não")
)

// systemProperties are those that HubSpot brings and an import may write.
func systemProperties() []schema.Property {
	return []schema.Property{
		system("subject", "Ticket name", "string", "text", inForms, about("Short summary of ticket")),
		system("content", "Ticket description", "string", "textarea", inForms, about("Description of the ticket")),
		system("hs_pipeline", "Pipeline", "enumeration", "select", external),
		system("hs_pipeline_stage", "Ticket status", "enumeration", "select", external),
		system("hs_ticket_priority", "Priority", "enumeration", "select", inForms, fixedOptions,
			options("LOW", "Low", "MEDIUM", "Medium", "HIGH", "High", "URGENT", "Urgent")),
		system("hs_ticket_category", "Category", "enumeration", "checkbox", inForms,
			options("PRODUCT_ISSUE", "Product issue", "BILLING_ISSUE", "Billing issue", "FEATURE_REQUEST", "Feature request",
				"GENERAL_INQUIRY", "General inquiry", "INTEGRATION", "Integração", "TRAINING", "Treinamento")),
		system("hubspot_owner_id", "Ticket owner", "enumeration", "select", external, refersTo("OWNER")),
		system("source_type", "Source", "enumeration", "select",
			options("CHAT", "Chat", "EMAIL", "Email", "FORM", "Form", "PHONE", "Phone", "WHATSAPP", "WhatsApp")),
		system("hs_resolution", "Resolution", "enumeration", "radio",
			options("ISSUE_FIXED", "Issue fixed", "FEATURE_REQUEST_TRACKED", "Feature request tracked", "REFUND_APPLIED", "Refund applied",
				"SENT_KNOWLEDGE_DOCUMENT_LINK", "Sent knowledge document link")),
		system("createdate", "Create date", "datetime", "date"),
		system("closed_date", "Close date", "datetime", "date"),
		system("hs_last_closed_date", "Last closed date", "datetime", "date"),
		system("hs_file_upload", "File upload", "string", "file", inForms),
		system("created_by", "Created by", "number", "number", hidden),
		system("hs_all_assigned_business_unit_ids", "Brands", "enumeration", "checkbox", external),
		system("hs_owning_teams", "Owning teams", "enumeration", "checkbox", external),
		system("hs_shared_user_ids", "Shared users", "enumeration", "checkbox", external),
		system("hs_external_object_ids", "External object ids", "enumeration", "checkbox", external, unique, hidden),
		system("hs_ticket_language_ai_tag", "Ticket language", "enumeration", "select", group("ticket_ai_enrichment"),
			options("en", "English", "es", "Spanish", "pt", "Portuguese", "pt-br", "Portuguese - Brazil")),
		system("hs_pinned_engagement_id", "Pinned engagement", "number", "number", hidden),
		system("hs_time_to_close_in_operating_hours", "Time to close in operating hours", "number", "number", shownAs("duration")),
		system("tags", "Tags", "string", "text", hidden),
		// A live account says that its value may be set; the field type says that it may not.
		system("hs_customer_agent_ticket_status", "Customer agent status", "enumeration", "calculation_rollup", group("ticket_activity"),
			options("ACTIVE", "Active", "HANDED_OFF", "Handed off")),
	}
}

// readOnlyProperties are those that only HubSpot sets, apart from the ones of
// each stage.
func readOnlyProperties() []schema.Property {
	return []schema.Property{
		readOnly("hs_object_id", "Record ID", "number", "number"),
		readOnly("hs_ticket_id", "Ticket ID", "number", "calculation_equation", calculated("hs_object_id")),
		readOnly("hs_unique_creation_key", "Unique creation key", "string", "text", unique, hidden),
		readOnly("hs_merged_object_ids", "Merged record ids", "enumeration", "checkbox", external),
		readOnly("hs_createdate", "Object create date/time", "datetime", "date"),
		readOnly("hs_lastmodifieddate", "Last modified date", "datetime", "date"),
		readOnly("hs_created_by_user_id", "Created by user ID", "number", "number"),
		readOnly("hs_updated_by_user_id", "Updated by user ID", "number", "number"),
		readOnly("hs_object_source", "Record source", "string", "text"),
		readOnly("hs_object_source_label", "Record source", "enumeration", "select",
			options("API", "API", "CRM_UI", "CRM UI", "IMPORT", "Import", "INTEGRATION", "Integration")),
		readOnly("hs_was_imported", "Was imported", "bool", "booleancheckbox", yesNo),
		readOnly("hs_read_only", "Read only", "bool", "booleancheckbox", yesNo),
		readOnly("hs_is_visible_in_help_desk", "Visible in help desk", "bool", "booleancheckbox", yesNo),
		readOnly("hs_last_message_from_visitor", "Last message from visitor", "bool", "booleancheckbox", yesNo),
		readOnly("hs_helpdesk_sort_timestamp", "Help desk sort timestamp", "datetime", "date", hidden),
		readOnly("hubspot_team_id", "HubSpot team", "enumeration", "select", external),
		readOnly("hubspot_owner_assigneddate", "Owner assigned date", "datetime", "date"),
		readOnly("hs_all_owner_ids", "All owner ids", "enumeration", "checkbox", external, refersTo("OWNER")),
		readOnly("hs_lastactivitydate", "Last activity date", "datetime", "date", shownAs("time_since")),
		readOnly("notes_last_contacted", "Last contacted", "datetime", "date"),
		readOnly("num_notes", "Number of sales activities", "number", "number"),
		readOnly("hs_ticket_reopened_at", "Ticket reopened at", "datetime", "date"),
		readOnly("time_to_close", "Time to close", "number", "number", shownAs("duration")),
		readOnly("time_to_first_agent_reply", "Time to first response", "number", "number", shownAs("duration")),
		readOnly("hs_time_to_close_sla_at", "SLA close due", "datetime", "date"),
		readOnly("hs_time_to_close_sla_status", "SLA close status", "enumeration", "select",
			options("0", "Active", "1", "Overdue", "2", "Due soon", "3", "Completed on time", "4", "Completed late")),
		readOnly("hs_num_associated_companies", "Number of associated companies", "number", "calculation_rollup"),
		readOnly("hs_num_associated_conversations", "Number of associated conversations", "number", "calculation_rollup"),
		readOnly("hs_primary_company_name", "Primary company name", "string", "calculation_equation", calculated("primary_company.name")),
		readOnly("hs_primary_company_id", "Primary company", "number", "number", refersTo("COMPANY")),
		readOnly("hs_reading_time", "Reading time", "number", "calculation_read_time", hidden),
		readOnly("hs_predictive_score", "Predictive score", "number", "calculation_score", hidden),
	}
}

// stageProperties are what HubSpot keeps of the time spent in each stage.
func stageProperties(pipelines []schema.Pipeline) []schema.Property {
	var all []schema.Property
	for _, p := range pipelines {
		for _, st := range p.Stages {
			where := ` "` + st.Label + " (" + p.Label + `)"`
			all = append(all,
				readOnly("hs_v2_date_entered_"+st.ID, "Date entered"+where, "datetime", "date", group("ticketstages")),
				readOnly("hs_v2_date_exited_"+st.ID, "Date exited"+where, "datetime", "date", group("ticketstages")))
		}
	}
	return all
}

// customProperties are those that this account has defined itself.
func customProperties() []schema.Property {
	return append(customValues(), customOddities()...)
}

func customValues() []schema.Property {
	return []schema.Property{
		define("external_id", "External ID", "string", "text", unique, about("Number of the ticket in the system it comes from")),
		define("sistema_origem", "Sistema de origem", "enumeration", "select",
			options("zendesk", "Zendesk", "jira", "Jira", "freshdesk", "Freshdesk", "github", "GitHub", "planilha", "Planilha", "chamados", "Central de chamados")),
		define("produto", "Produto", "enumeration", "select", inForms,
			options("prod_01", "Gestão Financeira", "prod_02", "Folha de Pagamento", "prod_03", "Emissão de Notas", "prod_04", "Loja Virtual", "prod_05", "Aplicativo Móvel"),
			hiddenOption("prod_99", "Terminal Legado")),
		define("regiao", "Região", "enumeration", "select",
			options("BR-N", "Norte", "BR-NE", "Nordeste", "BR-CO", "Centro-Oeste", "BR-SE", "Sudeste", "BR-S", "Sul")),
		define("canal_entrada", "Canal de entrada", "enumeration", "radio",
			options("tel", "Telefone", "mail", "E-mail", "portal", "Portal do cliente", "zap", "WhatsApp", "loja", "Balcão")),
		define("modulos", "Módulos afetados", "enumeration", "checkbox",
			options("m_cad", "Cadastros", "m_rel", "Relatórios", "m_fis", "Fiscal", "m_est", "Estoque", "m_api", "Integrações")),
		define("categoria", "Categoria do chamado", "enumeration", "checkbox", inForms,
			options("cat_prod", "Problema no produto", "cat_cob", "Cobrança", "cat_sug", "Sugestão", "cat_duv", "Dúvida geral",
				"cat_int", "Integração", "cat_trn", "Treinamento")),
		define("urgente", "Urgente", "bool", "booleancheckbox", yesNo),
		define("cliente_vip", "Cliente VIP", "enumeration", "booleancheckbox", simNao),
		define("data_vencimento", "Data de vencimento", "date", "date"),
		define("visita_agendada", "Visita agendada", "datetime", "date", shownAs("absolute_with_relative")),
		define("horas_trabalhadas", "Horas trabalhadas", "number", "number", shownAs("formatted")),
		define("effort", "Effort (minutes)", "number", "number", shownAs("unformatted")),
		define("valor_cobrado", "Valor cobrado", "number", "number", shownAs("currency")),
		define("desconto", "Desconto", "number", "number", shownAs("percentage")),
		define("tempo_resposta", "Tempo de resposta", "number", "number", shownAs("duration")),
		define("probabilidade_churn", "Probabilidade de cancelamento", "number", "number", shownAs("probability")),
		define("nota_satisfacao", "Nota de satisfação", "number", "number"),
		define("conta_erp_id", "Conta no ERP", "number", "number", refersTo("COMPANY"), about("Identifier, not a quantity")),
		define("telefone_retorno", "Telefone de retorno", "phone_number", "phonenumber"),
		define("telefone_texto", "Telefone (texto)", "string", "phonenumber", shownAs("phone_number")),
		define("cep", "CEP", "string", "text", shownAs("postal_code")),
		define("protocolo", "Protocolo", "string", "text", shownAs("unformatted_single_line")),
		define("etiquetas", "Etiquetas", "string", "text"),
		define("solicitante", "Nome do solicitante", "string", "text"),
		define("url_referencia", "Link de referência", "string", "text"),
		define("codigo_ativo", "Código do ativo", "string", "text"),
		define("resumo_curto", "Resumo curto", "string", "text"),
		define("centro_custo", "Centro de custo", "string", "text"),
		define("email_alternativo", "E-mail alternativo", "string", "text", shownAs("email")),
		define("observacoes", "Observações internas", "string", "textarea", shownAs("multi_line")),
		define("descricao_rica", "Descrição formatada", "string", "html"),
		define("anexo", "Anexo", "string", "file"),
	}
}

// customOddities are the ones that an import must not write, or not without
// thinking.
func customOddities() []schema.Property {
	return []schema.Property{
		define("plano_sla", "Plano de SLA", "enumeration", "select", about("Two labels differ only in case"),
			options("sla_padrao", "Padrão", "sla_padrao_2", "padrão", "sla_ouro", "Ouro")),
		define("interno_fila", "Fila interna", "string", "text", hidden),
		define("sincronizado_em", "Sincronizado em", "datetime", "date", fixed),
		define("campo_antigo", "Campo antigo", "string", "text", archived),
		define("valor_hora", "Valor por hora", "number", "calculation_equation", calculated("valor_cobrado / horas_trabalhadas")),
		define("atrasado", "Atrasado", "bool", "calculation_equation", calculated("is_known(data_vencimento)"), yesNo),
		define("faixa_valor", "Faixa de valor", "enumeration", "calculation_equation", calculated("if(valor_cobrado > 1000, \"alta\", \"baixa\")"),
			options("alta", "Alta", "baixa", "Baixa")),
		define("rotulo_completo", "Rótulo completo", "string", "calculation_equation", calculated("concatenate(external_id, \" \", subject)")),
		define("local_atendimento", "Local do atendimento", "object_coordinates", "text", fixed),
		define("dados_integracao", "Dados da integração", "json", "text", fixed),
	}
}
