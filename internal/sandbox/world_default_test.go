package sandbox_test

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/internal/sandbox"
	"github.com/ticketetl/ticketetl/internal/schema"
)

func TestDefaultWorldIsTheSameAtEveryCallAndNeverShared(t *testing.T) {
	t.Parallel()
	first, second := sandbox.DefaultWorld(), sandbox.DefaultWorld()
	require.Equal(t, asJSON(t, first), asJSON(t, second))

	first.Schema.Properties[0].Label = "changed"
	first.Schema.Pipelines[0].Stages[0].Metadata["ticketState"] = "changed"
	first.Schema.Labels["contacts"][0].Label = "changed"
	first.Schema.Owners[0].Teams[0].Name = "changed"
	first.Schema.Property("produto").Options[0].Label = "changed"
	first.Schema.Property("plano_sla").Modification.ReadOnlyValue = true
	first.Contacts[0].Properties["email"] = "changed"
	require.Equal(t, asJSON(t, second), asJSON(t, sandbox.DefaultWorld()))
}

func TestDefaultWorldSize(t *testing.T) {
	t.Parallel()
	w := sandbox.DefaultWorld()
	require.GreaterOrEqual(t, len(w.Schema.Properties), 60)
	require.GreaterOrEqual(t, len(w.Schema.Pipelines), 3)
	require.Len(t, w.Schema.Owners, 50)
	require.Len(t, w.Contacts, 400)
	require.Len(t, w.Companies, 120)
	require.NotEmpty(t, w.Deals)
}

// The pairs are those of HubSpot's table of property types and field types.
func TestEveryTypeAndFieldTypeOccurs(t *testing.T) {
	t.Parallel()
	pairs := map[string][]string{
		"bool":               {"booleancheckbox", "calculation_equation"},
		"enumeration":        {"booleancheckbox", "checkbox", "radio", "select", "calculation_equation"},
		"date":               {"date"},
		"datetime":           {"date"},
		"string":             {"text", "textarea", "html", "file", "phonenumber", "calculation_equation"},
		"phone_number":       {"phonenumber"},
		"number":             {"number", "calculation_equation", "calculation_rollup", "calculation_read_time", "calculation_score"},
		"object_coordinates": {"text"},
		"json":               {"text"},
	}
	s := sandbox.DefaultWorld().Schema
	for kind, fieldTypes := range pairs {
		for _, fieldType := range fieldTypes {
			require.True(t, slices.ContainsFunc(s.Properties, func(p schema.Property) bool {
				return p.Type == kind && p.FieldType == fieldType
			}), "%s / %s", kind, fieldType)
		}
	}
}

func TestDefaultPropertiesAreWellFormed(t *testing.T) {
	t.Parallel()
	name := regexp.MustCompile(`^[a-z][a-z0-9_]{0,99}$`)
	seen := map[string]bool{}
	for _, p := range sandbox.DefaultWorld().Schema.Properties {
		require.Regexp(t, name, p.Name)
		require.False(t, seen[p.Name], "%s is there twice", p.Name)
		seen[p.Name] = true
		require.NotEmpty(t, p.Label, p.Name)
		require.NotNil(t, p.Modification, p.Name)
		require.Equal(t, p.Archived, p.ArchivedAt != nil, p.Name)

		offers := p.Type == "enumeration" || p.Type == "bool"
		require.Equal(t, offers && !p.ExternalOptions, len(p.Options) > 0, "%s: options", p.Name)
		values := map[string]bool{}
		for _, o := range p.Options {
			require.False(t, values[o.Value], "%s: option %s is there twice", p.Name, o.Value)
			values[o.Value] = true
		}
	}
}

func TestDefaultPropertiesSayWhetherTheyMayBeWritten(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, why string }{
		{"subject", ""},
		{"createdate", ""},
		{"closed_date", ""},
		{"hs_last_closed_date", ""},
		{"external_id", ""},
		{"interno_fila", ""},
		{"hs_createdate", "it is read only"},
		{"hs_object_id", "it is read only"},
		{"hs_lastmodifieddate", "it is read only"},
		{"sincronizado_em", "it is read only"},
		{"campo_antigo", "it is archived"},
		{"valor_hora", "HubSpot calculates it"},
		{"hs_customer_agent_ticket_status", "HubSpot calculates it"},
	}
	s := sandbox.DefaultWorld().Schema
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := s.Property(tt.name)
			require.NotNil(t, p)
			_, why := p.Writable()
			require.Equal(t, tt.why, why)
		})
	}
}

func TestDefaultDefinitionsHoldTheDifficultCases(t *testing.T) {
	t.Parallel()
	s := sandbox.DefaultWorld().Schema

	var unique []string
	for _, p := range s.Properties {
		if ok, _ := p.Writable(); ok && p.HasUniqueValue && !p.Hidden {
			unique = append(unique, p.Name)
		}
	}
	require.Equal(t, []string{"external_id"}, unique, "the one key for an upsert")

	require.Len(t, s.Property("plano_sla").MatchOptions("PADRÃO"), 2, "labels that differ only in case")
	require.Len(t, s.Property("produto").MatchOptions("Folha de pagamento"), 1, "a label that is not the value")
	require.True(t, s.Property("produto").MatchOptions("prod_99")[0].Hidden)
	require.True(t, s.Property("hs_pipeline_stage").ExternalOptions)
	require.Equal(t, "OWNER", s.Property("hubspot_owner_id").ReferencedObjectType)

	inPipelines := map[string]int{}
	for _, p := range s.Pipelines {
		for _, st := range p.Stages {
			inPipelines[st.Label]++
			require.NotNil(t, s.Property("hs_v2_date_entered_"+st.ID), st.ID)
		}
	}
	require.Equal(t, 2, inPipelines["New"], "a stage label in two pipelines")
	require.Equal(t, 2, inPipelines["Escalado"], "a stage label in two pipelines")
}

func TestDefaultStages(t *testing.T) {
	t.Parallel()
	s := sandbox.DefaultWorld().Schema
	ids := map[string]bool{}
	for _, p := range s.Pipelines {
		closed := 0
		for _, st := range p.Stages {
			require.False(t, ids[st.ID], "stage %s is there twice", st.ID)
			ids[st.ID] = true
			require.Equal(t, st.Closed(), st.Metadata["isClosed"] == "true")
			require.Equal(t, st.Closed(), st.Metadata["ticketState"] == "CLOSED")
			if st.Closed() {
				closed++
			}
		}
		require.Positive(t, closed, "pipeline %s has no way to close a ticket", p.Label)
	}
	require.Equal(t, []string{"1", "2", "3", "4"}, stageIDs(s.Pipeline("0")))
	require.Equal(t, "Support Pipeline", s.Pipeline("0").Label)
}

func TestDefaultOwners(t *testing.T) {
	t.Parallel()
	s := sandbox.DefaultWorld().Schema
	ids, emails, archived, queues := map[string]bool{}, map[string]bool{}, 0, 0
	for _, o := range s.Owners {
		require.False(t, ids[o.ID], o.ID)
		ids[o.ID] = true
		if o.Type == "QUEUE" {
			queues++
			continue
		}
		require.False(t, emails[o.Email], o.Email)
		emails[o.Email] = true
		require.Equal(t, o.Archived, o.UserID == 0, o.ID)
		if o.Archived {
			archived++
		}
	}
	require.Equal(t, 3, archived)
	require.Equal(t, 1, queues)
	require.Len(t, s.MatchOwners(s.Owners[10].Name()), 2, "two owners of one name")
	require.Len(t, s.MatchOwners(s.Owners[46].Name()), 1, "the active owner wins over the one who left")
}

func TestDefaultLabels(t *testing.T) {
	t.Parallel()
	s := sandbox.DefaultWorld().Schema
	unlabeled := map[string]int{"contacts": 16, "companies": 339, "deals": 28, "tickets": 452}
	for to, id := range unlabeled {
		found := slices.IndexFunc(s.Labels[to], func(l schema.Label) bool { return l.Label == "" })
		require.Equal(t, schema.Label{Category: "HUBSPOT_DEFINED", TypeID: id}, s.Labels[to][found])
	}
	require.Equal(t, 26, s.MatchLabels("companies", "primary")[0].TypeID)
	require.Equal(t, "USER_DEFINED", s.MatchLabels("contacts", "reporter")[0].Category)
}

func TestDefaultRulesAreAboutProperties(t *testing.T) {
	t.Parallel()
	s := sandbox.DefaultWorld().Schema
	for name, rules := range s.Rules {
		p := s.Property(name)
		require.NotNil(t, p, name)
		for _, r := range rules {
			switch r.Type {
			case "MIN_NUMBER", "MAX_NUMBER", "DECIMAL":
				require.Equal(t, "number", p.Type, name)
			case "START_DATE":
				require.Equal(t, "date", p.Type, name)
				ms, err := strconv.ParseInt(r.Arguments[0], 10, 64)
				require.NoError(t, err)
				require.Zero(t, ms%86_400_000, "%s: not midnight", name)
			case "REGEX":
				_, err := regexp.Compile(r.Arguments[0])
				require.NoError(t, err)
				require.Len(t, r.Arguments, 2)
			}
		}
	}
}

func TestDefaultRecords(t *testing.T) {
	t.Parallel()
	w := sandbox.DefaultWorld()
	for _, seeds := range [][]sandbox.Seed{w.Contacts, w.Companies, w.Deals} {
		ids := map[string]bool{}
		for _, s := range seeds {
			require.Regexp(t, `^[1-9][0-9]{10,16}$`, s.ID)
			require.False(t, ids[s.ID], s.ID)
			ids[s.ID] = true
		}
	}
	long := slices.ContainsFunc(w.Contacts, func(s sandbox.Seed) bool { return len(s.ID) == 17 })
	require.True(t, long, "an id that no float64 holds")

	for property, seeds := range map[string][]sandbox.Seed{
		"email": w.Contacts, "codigo_cliente": w.Contacts, "codigo_empresa": w.Companies, "numero_contrato": w.Deals,
	} {
		values := map[string]bool{}
		for _, s := range seeds {
			value, ok := s.Properties[property]
			require.False(t, ok && values[value], "%s %q is there twice", property, value)
			values[value] = true
		}
	}
	require.Equal(t, w.Companies[0].Properties["domain"], w.Companies[118].Properties["domain"], "an ambiguous domain")
}

// RFC 2606 keeps these names for examples, so nobody's mail is in the data.
func TestAddressesAreReservedOnes(t *testing.T) {
	t.Parallel()
	w := sandbox.DefaultWorld()
	reserved := regexp.MustCompile(`^([a-z0-9.-]+\.example|[a-z0-9.-]+\.test|example\.(com|net|org))$`)
	var hosts []string
	for _, c := range w.Contacts {
		addresses := strings.Split(c.Properties["hs_additional_emails"], ";")
		for _, a := range append(addresses, c.Properties["email"]) {
			if _, host, ok := strings.Cut(a, "@"); ok {
				hosts = append(hosts, host)
			}
		}
	}
	for _, o := range w.Schema.Owners {
		if _, host, ok := strings.Cut(o.Email, "@"); ok {
			hosts = append(hosts, host)
		}
	}
	for _, c := range w.Companies {
		if domain := c.Properties["domain"]; domain != "" {
			hosts = append(hosts, domain)
		}
	}
	require.Greater(t, len(hosts), 550)
	for _, host := range hosts {
		require.Regexp(t, reserved, host)
	}
}

func TestWorldFromSchema(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "schema.json")
	real := sandbox.DefaultWorld().Schema
	real.Account = schema.Account{ID: 991, TimeZone: "Europe/Lisbon"}
	real.Pipelines = real.Pipelines[:1]
	require.NoError(t, real.Save(path))
	loaded, err := schema.Load(path)
	require.NoError(t, err)

	w := sandbox.WorldFromSchema(loaded)
	require.Equal(t, loaded, w.Schema)
	require.Equal(t, sandbox.DefaultWorld().Contacts, w.Contacts)
	require.Equal(t, sandbox.DefaultWorld().Companies, w.Companies)

	w.Schema.Pipelines[0].Label = "changed"
	require.Equal(t, "Support Pipeline", loaded.Pipelines[0].Label, "the given schema is not touched")
}

func TestWorldFromSchemaFillsWhatIsMissing(t *testing.T) {
	t.Parallel()
	usual := sandbox.DefaultWorld().Schema
	w := sandbox.WorldFromSchema(&schema.Schema{Version: schema.FormatVersion})
	require.Equal(t, usual.Account.ID, w.Schema.Account.ID)
	require.Equal(t, usual.Account.TimeZone, w.Schema.Account.TimeZone)
	require.Equal(t, usual.Labels, w.Schema.Labels)
	require.Equal(t, usual.Unique, w.Schema.Unique)
	require.Empty(t, w.Schema.Properties)
}

func stageIDs(p *schema.Pipeline) []string {
	ids := make([]string, len(p.Stages))
	for i, st := range p.Stages {
		ids[i] = st.ID
	}
	return ids
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	require.NoError(t, err)
	return string(data)
}
