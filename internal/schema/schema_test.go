package schema_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ticketetl/ticketetl/internal/schema"
)

func TestPropertySame(t *testing.T) {
	t.Parallel()
	text := &schema.Property{Type: "string"}
	number := &schema.Property{Type: "number"}
	moment := &schema.Property{Type: "datetime"}
	several := &schema.Property{Type: "enumeration", FieldType: "checkbox"}
	one := &schema.Property{Type: "enumeration", FieldType: "select"}

	tests := []struct {
		name          string
		property      *schema.Property
		stored, value string
		want          bool
	}{
		{"equal text", text, "a", "a", true},
		{"line breaks of Windows", text, "a\nb", "a\r\nb", true},
		{"another text", text, "a\nb", "a\r\nc", false},
		{"text keeps its leading zeros", text, "007", "7", false},
		{"numbers by value", number, "1.50", "1.5", true},
		{"eighteen digits are not rounded", number, "900719925474099267", "900719925474099268", false},
		{"number beside no number", number, "x", "1", false},
		{"no value beside zero", number, "", "0", false},
		{"instants with and without fraction", moment, "2024-05-01T10:00:00Z", "2024-05-01T10:00:00.000Z", true},
		{"instants in two zones", moment, "2024-05-01T10:00:00Z", "2024-05-01T07:00:00-03:00", true},
		{"another instant", moment, "2024-05-01T10:00:00Z", "2024-05-01T10:00:01Z", false},
		{"options in another order", several, "a;b", "b;a", true},
		{"one option less", several, "a;b", "a", false},
		{"appending what is there", several, "a;b", ";b", true},
		{"appending something new", several, "a;b", ";c", false},
		{"single options are not sets", one, "a;b", "b;a", false},
		{"unknown property", nil, "1.0", "1", false},
		{"clearing", text, "a", "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.want, tt.property.Same(tt.stored, tt.value))
		})
	}
}

func TestMatchOptions(t *testing.T) {
	t.Parallel()
	p := schema.Property{Options: []schema.Option{
		{Label: "High", Value: "HIGH"}, {Label: "Não sei", Value: "unknown"},
		{Label: "vip", Value: "a"}, {Label: "VIP", Value: "b"}, {Label: "a", Value: "c"},
	}}
	tests := []struct {
		name, text string
		want       []string
	}{
		{"exact value", "HIGH", []string{"HIGH"}},
		{"label without case and blanks", "  high ", []string{"HIGH"}},
		{"accents and case", "NÃO  SEI", []string{"unknown"}},
		{"no accents, where nothing else fits", "nao SEI", []string{"unknown"}},
		{"two candidates", "Vip", []string{"a", "b"}},
		{"an exact value wins over another's label", "a", []string{"a"}},
		{"nothing", "low", nil},
		{"blank", "  ", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, o := range p.MatchOptions(tt.text) {
				got = append(got, o.Value)
			}
			require.Equal(t, tt.want, got)
		})
	}
}

func TestBare(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Não  SEI": "nao sei", "Größe": "große", "Ação é": "acao e", "ệ": "e", "plain": "plain",
		"Й": "й", "ガ": "ガ", "हिन्दी": "हिन्दी", "e\u0301": "e", "שָׁלוֹם": "שָׁלוֹם",
	} {
		require.Equal(t, schema.Fold(want), schema.Bare(text), text)
		require.Equal(t, schema.Bare(text), schema.Bare(schema.Bare(text)))
	}
}

func TestMatchOwnersPrefersActiveOnes(t *testing.T) {
	t.Parallel()
	s := schema.Schema{Owners: []schema.Owner{
		{ID: "1", Email: "ana@example.com", FirstName: "Ana", LastName: "Reis", Archived: true},
		{ID: "2", Email: "ana2@example.com", FirstName: "Ana", LastName: "Reis"},
		{ID: "3", Email: "old@example.com", Archived: true},
	}}
	ids := func(text string) (ids []string) {
		for _, o := range s.MatchOwners(text) {
			ids = append(ids, o.ID)
		}
		return ids
	}
	require.Equal(t, []string{"2"}, ids("ana reis"))
	require.Equal(t, []string{"1"}, ids("ANA@example.com"))
	require.Equal(t, []string{"3"}, ids("old@example.com"), "an archived owner is found when nobody else is meant")
	require.Empty(t, ids(""))
}

func TestNearest(t *testing.T) {
	t.Parallel()
	names := []string{"subject", "content", "hs_ticket_priority", "hs_pipeline"}
	tests := []struct{ name, want string }{
		{"hs_prioritty", "hs_ticket_priority"},
		{"Ticket priority", "hs_ticket_priority"},
		{"hs_ticket_prioritty", "hs_ticket_priority"},
		{"sujbect", "subject"},
		{"Contant", "content"},
		{"x", ""},
		{"entirely different", ""},
	}
	for _, tt := range tests {
		got, ok := schema.Nearest(tt.name, names)
		require.Equal(t, tt.want, got, tt.name)
		require.Equal(t, tt.want != "", ok, tt.name)
	}
}

func TestSaveAndLoad(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "schema.json")
	s := &schema.Schema{
		TakenAt:    time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC),
		Account:    schema.Account{ID: 1, TimeZone: "America/Sao_Paulo", UIDomain: "app.hubspot.com"},
		Properties: []schema.Property{{Name: "subject", Type: "string"}},
		Labels:     map[string][]schema.Label{"contacts": {{Category: "HUBSPOT_DEFINED", TypeID: 16}}},
	}
	require.NoError(t, s.Save(path))
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "it holds people's addresses")

	got, err := schema.Load(path)
	require.NoError(t, err)
	require.Equal(t, s, got)
	require.Equal(t, "https://app.hubspot.com/contacts/1/record/0-5/77", got.Account.RecordURL("77"))

	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Contains(t, string(data), `"fingerprint": "`+s.Fingerprint()+`"`)
	require.NoError(t, os.WriteFile(path, bytes.Replace(data, []byte("subject"), []byte("sujbect"), 1), 0o600))
	edited, err := schema.Load(path)
	require.NoError(t, err)
	require.True(t, edited.Edited())
	require.False(t, got.Edited())

	later := *got
	later.TakenAt = later.TakenAt.Add(time.Hour)
	require.Equal(t, s.Fingerprint(), later.Fingerprint(), "the time does not change what is defined")
	later.Properties = []schema.Property{{Name: "subject", Type: "number"}}
	require.NotEqual(t, s.Fingerprint(), later.Fingerprint())
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	_, err := schema.Load(write("a.json", "nonsense"))
	require.ErrorContains(t, err, "not a schema file")
	path := write("b.json", `{"version": 9}`)
	_, err = schema.Load(path)
	require.EqualError(t, err, path+": schema file of version 9, this program reads version 1; write it anew with 'ticketetl schema -o "+path+"'")
}

func TestWritable(t *testing.T) {
	t.Parallel()
	tests := []struct {
		property schema.Property
		reason   string
	}{
		{schema.Property{FieldType: "text"}, ""},
		{schema.Property{FieldType: "text", Archived: true}, "it is archived"},
		{schema.Property{FieldType: "number", Calculated: true}, "HubSpot calculates it"},
		{schema.Property{FieldType: "calculation_rollup"}, "HubSpot calculates it"},
		{schema.Property{FieldType: "text", Modification: &schema.Modification{ReadOnlyValue: true}}, "it is read only"},
	}
	for _, tt := range tests {
		ok, reason := tt.property.Writable()
		require.Equal(t, tt.reason, reason)
		require.Equal(t, tt.reason == "", ok)
	}
}

func TestFold(t *testing.T) {
	t.Parallel()
	tests := []struct{ a, b string }{
		{"  High ", "hIGH"},
		{"Waiting  on\tus", "waiting on us"},
		{"NÃO", "não"},
		{"Sa\u0303o", "são"},
		{"ΣΑΣ", "σας"},
		{"\u13a0", "\uab70"}, // Cherokee, whose capitals came first
		{"\u00a0x\u00a0", "X"},
	}
	for _, tt := range tests {
		require.Equal(t, schema.Fold(tt.a), schema.Fold(tt.b), "%q %q", tt.a, tt.b)
	}
	require.NotEqual(t, schema.Fold("a"), schema.Fold("á"))
}

func TestFoldIsIdempotent(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "text")
		require.Equal(t, schema.Fold(s), schema.Fold(schema.Fold(s)))
	})
}
