package schema_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/internal/schema"
)

// lockable is an account with one of each thing that a lock holds.
func lockable() *schema.Schema {
	return &schema.Schema{
		Account: schema.Account{ID: 7}, TakenAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		Properties: []schema.Property{
			{Name: "hs_pipeline_stage", Type: "enumeration", FieldType: "select", ExternalOptions: true},
			{Name: "external_id", Type: "string", FieldType: "text", HasUniqueValue: true},
			{Name: "kind", Type: "enumeration", FieldType: "select", Options: []schema.Option{{Label: "Bug", Value: "b"}, {Label: "Wish", Value: "w"}}},
			{Name: "unused", Type: "string", FieldType: "text"},
		},
		Pipelines: []schema.Pipeline{{ID: "0", Label: "Support", Stages: []schema.Stage{
			{ID: "1", Label: "New"}, {ID: "4", Label: "Closed", Metadata: map[string]string{"ticketState": "CLOSED"}},
		}}},
		Labels: map[string][]schema.Label{"contacts": {{Category: "USER_DEFINED", TypeID: 5, Label: "Reporter"}, {Category: "HUBSPOT_DEFINED", TypeID: 16}}},
		Rules:  map[string][]schema.Rule{"external_id": {{Type: "MAX_LENGTH", Arguments: []string{"20"}}}},
		Owners: []schema.Owner{{ID: "1", Email: "somebody@example.com"}},
	}
}

var lockUses = schema.Uses{Properties: []string{"kind", "external_id", "hs_pipeline_stage"}, Links: []string{"contacts"}}

func TestLockChanges(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(*schema.Schema)
		uses   *schema.Uses
		want   []string
	}{
		{name: "nothing changed", change: func(*schema.Schema) {}},
		{name: "what is added, or not used, or a person, is no change", change: func(s *schema.Schema) {
			s.Properties[2].Options = append(s.Properties[2].Options, schema.Option{Label: "New", Value: "n"})
			s.Properties[3].Type = "number"
			s.Pipelines[0].Stages = append(s.Pipelines[0].Stages, schema.Stage{ID: "9", Label: "Nine"})
			s.Labels["contacts"] = append(s.Labels["contacts"], schema.Label{TypeID: 99, Label: "More"})
			s.Owners = nil
			s.TakenAt = time.Now()
		}},
		{name: "a removed property", change: func(s *schema.Schema) { s.Properties[1].Name = "other" }, want: []string{"property external_id was removed"}},
		{name: "an archived property", change: func(s *schema.Schema) { s.Properties[1].Archived = true }, want: []string{"property external_id was removed"}},
		{name: "another type", change: func(s *schema.Schema) { s.Properties[1].Type, s.Properties[1].FieldType = "number", "number" },
			want: []string{"property external_id was of type string (text), and is of type number (number) now"}},
		{name: "read only, and not unique", change: func(s *schema.Schema) { s.Properties[1].Calculated, s.Properties[1].HasUniqueValue = true, false },
			want: []string{"property external_id can no longer be written: HubSpot calculates it", "property external_id no longer has unique values"}},
		{name: "a removed and a renamed option", change: func(s *schema.Schema) {
			s.Properties[2].Options = []schema.Option{{Label: "Dream", Value: "w"}}
		}, want: []string{`option "Bug" (b) of property kind was removed`, `option "Wish" (w) of property kind is called "Dream" now`}},
		{name: "other rules", change: func(s *schema.Schema) { s.Rules["external_id"][0].Arguments[0] = "10" },
			want: []string{"property external_id: its validation rules were MAX_LENGTH(20), and are MAX_LENGTH(10) now"}},
		{name: "no more rules", change: func(s *schema.Schema) { s.Rules = nil },
			want: []string{"property external_id: its validation rules were MAX_LENGTH(20), and are none now"}},
		{name: "a removed pipeline", change: func(s *schema.Schema) { s.Pipelines[0].Archived = true }, want: []string{`pipeline "Support" (0) was removed`}},
		{name: "a renamed pipeline", change: func(s *schema.Schema) { s.Pipelines[0].Label = "Help" }, want: []string{`pipeline "Support" (0) is called "Help" now`}},
		{name: "stages", change: func(s *schema.Schema) {
			s.Pipelines[0].Stages = []schema.Stage{{ID: "4", Label: "Done"}}
		}, want: []string{
			`stage "New" (1) of pipeline "Support" was removed`,
			`stage "Closed" (4) of pipeline "Support" is called "Done" now`,
			`stage "Closed" (4) of pipeline "Support" no longer closes tickets`,
		}},
		{name: "labels", change: func(s *schema.Schema) {
			s.Labels["contacts"] = []schema.Label{{Category: "USER_DEFINED", TypeID: 5, Label: "Caller"}}
		},
			want: []string{`association label "Reporter" (5) with contacts is called "Caller" now`, `association label "" (16) with contacts was removed`}},
		{name: "another account", change: func(s *schema.Schema) { s.Account.ID = 8 }, want: []string{"it was made for account 7, and this is account 8"}},
		{name: "a mapping that uses more", change: func(*schema.Schema) {},
			uses: &schema.Uses{Properties: append([]string{"unused"}, lockUses.Properties...), Links: []string{"contacts", "companies"}},
			want: []string{"property unused: the mapping uses it now, and it is not in the lock", "associations with companies: the mapping uses them now, and they are not in the lock"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			before := lockable().Lock(lockUses)
			now := lockable()
			tt.change(now)
			uses := lockUses
			if tt.uses != nil {
				uses = *tt.uses
			}
			require.Equal(t, tt.want, before.Changes(now.Lock(uses)))
		})
	}
}

func TestLockFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ticketetl.lock")
	lock := lockable().Lock(lockUses)
	require.NoError(t, lock.Save(path))
	read, err := schema.LoadLock(path)
	require.NoError(t, err)
	require.Equal(t, lock, read)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NotContains(t, string(text), "example.com")

	for text, want := range map[string]string{
		"nonsense":                         "not a lock that 'ticketetl lock' has made",
		`{"version": 1}`:                   "not a lock that 'ticketetl lock' has made",
		`{"version": 9, "properties": []}`: "lock of version 9, this program reads version 1; make it anew with 'ticketetl lock'",
	} {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		_, err := schema.LoadLock(path)
		require.EqualError(t, err, path+": "+want)
	}
}
