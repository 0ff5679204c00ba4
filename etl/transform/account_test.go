package transform_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/etl/transform"
	"github.com/ticketetl/ticketetl/internal/schema"
)

// account is a small account with a property of each kind.
func account() *schema.Schema {
	text := func(name, label string) schema.Property {
		return schema.Property{Name: name, Label: label, Type: "string", FieldType: "text"}
	}
	typed := func(name, label, kind, field string) schema.Property {
		return schema.Property{Name: name, Label: label, Type: kind, FieldType: field}
	}
	options := func(p schema.Property, pairs ...string) schema.Property {
		for i := 0; i < len(pairs); i += 2 {
			p.Options = append(p.Options, schema.Option{Value: pairs[i], Label: pairs[i+1]})
		}
		return p
	}
	unique := text("external_id", "External ID")
	unique.HasUniqueValue = true
	number := typed("case_number", "Case number", "number", "number")
	number.HasUniqueValue = true
	readOnly := typed("hs_createdate", "Object create date", "datetime", "date")
	readOnly.Modification = &schema.Modification{ReadOnlyValue: true}
	calculated := typed("time_to_close", "Time to close", "number", "calculation_equation")
	archived := text("old_code", "Old code")
	archived.Archived = true
	owner := typed("hubspot_owner_id", "Ticket owner", "enumeration", "select")
	owner.ExternalOptions, owner.ReferencedObjectType = true, "OWNER"
	pipeline := typed("hs_pipeline", "Pipeline", "enumeration", "select")
	pipeline.ExternalOptions = true
	stage := typed("hs_pipeline_stage", "Ticket status", "enumeration", "select")
	stage.ExternalOptions = true
	teams := typed("hs_shared_team_ids", "Shared teams", "enumeration", "checkbox")
	teams.ExternalOptions = true
	brands := typed("hs_all_assigned_business_unit_ids", "Brands", "enumeration", "checkbox")
	brands.ExternalOptions = true
	product := options(typed("product", "Product", "enumeration", "select"), "p1", "Alpha", "p2", "alpha", "p3", "Gamma")
	product.Options[2].Hidden = true
	crossed := options(typed("crossed", "Crossed", "enumeration", "select"), "1", "2", "2", "1", "3", "Three")
	accents := options(typed("accents", "Accents", "enumeration", "select"), "1", "Média", "2", "Já", "3", "Ja", "4", "Às", "5", "Ás")
	joined := options(typed("joined", "Joined", "enumeration", "checkbox"), "a", "A", "b", "B", "a_b", "A;B", "c", "C;D", "e;f", "E and F")
	return &schema.Schema{
		Account: schema.Account{ID: 1, TimeZone: "America/Sao_Paulo"},
		Properties: []schema.Property{
			text("subject", "Ticket name"), text("content", "Ticket description"), pipeline, stage, owner, teams, brands,
			options(typed("hs_ticket_priority", "Priority", "enumeration", "select"),
				"LOW", "Low", "MEDIUM", "Medium", "HIGH", "High", "URGENT", "Urgent"),
			options(typed("hs_ticket_category", "Category", "enumeration", "checkbox"),
				"PRODUCT_ISSUE", "Product issue", "BILLING_ISSUE", "Billing issue", "FEATURE_REQUEST", "Feature request"),
			product, crossed, accents, joined, unique, number, readOnly, calculated, archived,
			typed("createdate", "Create date", "datetime", "date"), typed("closed_date", "Close date", "datetime", "date"),
			typed("due", "Due date", "date", "date"), typed("effort", "Effort", "number", "number"),
			typed("price", "Price", "number", "number"), typed("contract_id", "Contract", "number", "number"),
			typed("phone", "Phone", "phone_number", "phonenumber"), typed("geo", "Place", "json", "text"),
			options(typed("escalated", "Escalated", "bool", "booleancheckbox"), "true", "Eskaliert", "false", "Normal"),
			text("code", "Code"),
		},
		Pipelines: []schema.Pipeline{
			{ID: "0", Label: "Support Pipeline", Stages: []schema.Stage{{ID: "1", Label: "New"}, {ID: "2", Label: "Waiting on us"}, {ID: "4", Label: "Closed"}}},
			{ID: "77", Label: "Suporte", Stages: []schema.Stage{{ID: "701", Label: "Novo"}, {ID: "702", Label: "Aguardando contato"}, {ID: "703", Label: "Closed"}}},
			{ID: "88", Label: "Old", Archived: true, Stages: []schema.Stage{{ID: "801", Label: "Gone"}}},
		},
		Owners: []schema.Owner{
			{ID: "101", Email: "ana@example.com", FirstName: "Ana", LastName: "Souza", Teams: []schema.Team{{ID: "9", Name: "Blue"}}},
			{ID: "102", Email: "bob@example.com", FirstName: "Bob", LastName: "Stone"},
			{ID: "103", Email: "bob2@example.com", FirstName: "Bob", LastName: "Stone"},
			{ID: "104", Email: "ex@example.com", FirstName: "Eva", LastName: "Gone", Archived: true},
		},
		Labels: map[string][]schema.Label{
			"contacts":  {{Category: "HUBSPOT_DEFINED", TypeID: 16}, {Category: "USER_DEFINED", TypeID: 61, Label: "Reporter"}},
			"companies": {{Category: "HUBSPOT_DEFINED", TypeID: 339}, {Category: "HUBSPOT_DEFINED", TypeID: 26, Label: "Primary"}},
			"tickets":   {{Category: "HUBSPOT_DEFINED", TypeID: 452}},
		},
		Unique: map[string][]string{"contacts": {"email", "member_no"}},
		Rules: map[string][]schema.Rule{
			"code": {{Type: "REGEX", Arguments: []string{"^[A-Z]{3}$", "three letters"}}},
		},
	}
}

// deskHeader are the columns that most tests use.
var deskHeader = []string{"Ticket ID", "Subject", "Description", "Status", "Priority", "Assignee", "Created", "Due", "Hours", "Tags", "E-mail", "Domain", "X", "nil", "In"}

// compile compiles a mapping for the columns of deskHeader.
func compile(t testing.TB, text string) *transform.Mapper {
	t.Helper()
	m, err := transform.Parse("m.yaml", []byte(text))
	require.NoError(t, err)
	mapper, err := transform.Compile(m, account(), etl.NewHeader(deskHeader), transform.CompileOptions{})
	require.NoError(t, err)
	return mapper
}

// row makes a record of name=value pairs over deskHeader. A name may end in a
// kind's letter after a colon.
func row(pairs ...string) *etl.Record {
	h := etl.NewHeader(deskHeader)
	rec := &etl.Record{Header: h, Fields: make([]string, h.Len()), Kinds: make([]etl.Kind, h.Len())}
	for i := 0; i < len(pairs); i += 2 {
		name, kind, _ := strings.Cut(pairs[i], ":")
		c, ok := h.Column(name)
		if !ok {
			panic(name)
		}
		rec.Fields[c] = pairs[i+1]
		if kind != "" {
			rec.Kinds[c] = etl.KindOf(kind[0])
		}
	}
	return rec
}

// told is how tests write a problem: "G INVALID_DATE: message; hint".
func told(problems []etl.Problem) []string {
	var out []string
	for _, p := range problems {
		s := etl.ColumnLetter(p.Column) + " " + p.Code + ": " + p.Message
		if p.Hint != "" {
			s += "; " + p.Hint
		}
		if p.Warning {
			s = "warning " + s
		}
		out = append(out, s)
	}
	return out
}

// written is the properties of a record as name=value.
func written(rec *etl.Record) []string {
	out := []string{}
	for _, p := range rec.Properties {
		out = append(out, p.Name+"="+p.Value)
	}
	return out
}

// codes lists columns and codes of problems.
func codes(problems []etl.Problem) []string {
	var out []string
	for _, p := range problems {
		out = append(out, etl.ColumnLetter(p.Column)+" "+p.Code)
	}
	return out
}
