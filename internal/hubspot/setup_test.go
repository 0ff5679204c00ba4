package hubspot_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/internal/hubspot"
	"github.com/ticketetl/ticketetl/internal/sandbox"
	"github.com/ticketetl/ticketetl/internal/schema"
)

func TestCreateProperty(t *testing.T) {
	t.Parallel()
	want := schema.Property{
		Name: "row_key", Label: "Row key", Type: "string", FieldType: "text", GroupName: "ticketinformation",
		Description: "which row", HasUniqueValue: true,
	}
	for _, version := range []string{"", "2026-03"} {
		server, c := account(t, sandbox.Options{Limits: sandbox.Unlimited}, func(o *hubspot.Options) { o.APIVersion = version })
		made, err := c.CreateProperty(t.Context(), "tickets", want)
		require.NoError(t, err)
		require.Equal(t, want.Name, made.Name)
		require.True(t, made.HasUniqueValue)

		all, err := c.Properties(t.Context(), "tickets", false)
		require.NoError(t, err)
		found := schema.Schema{Properties: all}
		p := found.Property("row_key")
		require.NotNil(t, p)
		require.Equal(t, want.Description, p.Description)
		require.True(t, p.HasUniqueValue)

		_, err = c.CreateProperty(t.Context(), "tickets", want)
		var refusal *hubspot.Error
		require.ErrorAs(t, err, &refusal)
		require.Equal(t, "OBJECT_ALREADY_EXISTS", refusal.Category)
		require.Empty(t, server.Violations())
	}
}

func TestCreatePropertyIsNotRepeated(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		answer string
	}{
		{"an answer without a property", `{}`},
		{"an answer that breaks off", `{"name":"row`},
	}
	for _, tt := range tests {
		s := scripted(says(201, tt.answer))
		_, err := newClient(t, s).CreateProperty(t.Context(), "tickets", schema.Property{Name: "row_key"})
		require.ErrorIs(t, err, hubspot.ErrInDoubt, tt.name)
		require.ErrorContains(t, err, "create the property row_key of tickets")
		require.Equal(t, 1, s.calls(), tt.name)
	}
	_, err := newClient(t, scripted(says(201, `{}`))).CreateProperty(t.Context(), "", schema.Property{Name: "row_key"})
	require.EqualError(t, err, "the object type is empty")
}
