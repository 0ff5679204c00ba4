package hubspot_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/internal/hubspot"
	"github.com/ticketetl/ticketetl/internal/sandbox"
)

// TestEitherAnswer goes through every method once for each answer of HubSpot's
// that nobody has confirmed, with the account that gives the other one.
func TestEitherAnswer(t *testing.T) {
	t.Parallel()
	for _, name := range sandbox.SwitchNames() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			switches, err := sandbox.ParseSwitches(name)
			require.NoError(t, err)
			server, c := account(t, sandbox.Options{Limits: sandbox.Unlimited, IndexLag: -1, Switches: switches})
			world := sandbox.DefaultWorld()
			checkDefinitions(t, c, world)
			ids := checkWrites(t, c, world)
			checkReads(t, c, world, ids)
			checkAssociations(t, c, world, ids)
			checkEnds(t, c, ids)
			require.NoError(t, c.ArchiveBatch(t.Context(), "tickets", []string{ids[2], "123"}), "what is not there is no error")
			require.Empty(t, server.Violations())
		})
	}
}

// TestRequiredProperties: an error names the code and the property, of a whole
// call and of one row of a batch.
func TestRequiredProperties(t *testing.T) {
	t.Parallel()
	_, c := account(t, sandbox.Options{Limits: sandbox.Unlimited}, func(o *hubspot.Options) { o.APIVersion = "2026-09" })
	refund := append(newTicket("K0"), hubspot.Property{Name: "hs_resolution", Value: "REFUND_APPLIED"})
	tests := []struct {
		name, code, property string
		properties           []hubspot.Property
	}{
		{"a create without its subject", "MISSING_REQUIRED_PROPERTY", "subject", newTicket("K0")[1:]},
		{"a value that requires another", "MISSING_CONDITIONAL_REQUIRED_PROPERTY", "valor_cobrado", refund},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var refusal *hubspot.Error
			_, err := c.Create(t.Context(), "tickets", hubspot.CreateInput{Properties: tt.properties})
			require.ErrorAs(t, err, &refusal)
			checkMissing(t, refusal, tt.code, tt.property)
			require.NotEmpty(t, refusal.CorrelationID)

			in := []hubspot.CreateInput{{Properties: newTicket(tt.property)}, {Properties: tt.properties}}
			results, err := c.CreateBatch(t.Context(), "tickets", in)
			require.NoError(t, err)
			require.NoError(t, results[0].Err)
			require.ErrorAs(t, results[1].Err, &refusal)
			checkMissing(t, refusal, tt.code, tt.property)

			updated, err := c.UpdateBatch(t.Context(), "tickets", []hubspot.UpdateInput{{ID: results[0].ID, Properties: refund[len(refund)-1:]}})
			require.NoError(t, err)
			require.ErrorAs(t, updated[0].Err, &refusal)
			checkMissing(t, refusal, "MISSING_CONDITIONAL_REQUIRED_PROPERTY", "valor_cobrado")
		})
	}
}

func checkMissing(t *testing.T, e *hubspot.Error, code, property string) {
	t.Helper()
	require.Equal(t, "VALIDATION_ERROR", e.Category)
	require.Len(t, e.Details, 1)
	require.Equal(t, code, e.Details[0].Code)
	require.Equal(t, property, e.Details[0].Property)
	require.False(t, hubspot.Retryable(e))
}

// further are the operations beside those that only the transport's tests use.
var further = map[string]func(context.Context, *hubspot.Client) error{
	"list": func(ctx context.Context, c *hubspot.Client) error {
		_, err := c.List(ctx, "tickets", hubspot.ListQuery{})
		return err
	},
	"schema": func(ctx context.Context, c *hubspot.Client) error { _, err := c.Schema(ctx, time.Now()); return err },
	"properties": func(ctx context.Context, c *hubspot.Client) error {
		_, err := c.Properties(ctx, "tickets", false)
		return err
	},
	"rules":     func(ctx context.Context, c *hubspot.Client) error { _, err := c.PropertyRules(ctx, "0-5"); return err },
	"pipelines": func(ctx context.Context, c *hubspot.Client) error { _, err := c.Pipelines(ctx, "tickets"); return err },
	"owners":    func(ctx context.Context, c *hubspot.Client) error { _, err := c.Owners(ctx, true); return err },
	"labels": func(ctx context.Context, c *hubspot.Client) error {
		_, err := c.AssociationLabels(ctx, "tickets", "contacts")
		return err
	},
	"account":     func(ctx context.Context, c *hubspot.Client) error { _, err := c.Account(ctx); return err },
	"daily usage": func(ctx context.Context, c *hubspot.Client) error { _, err := c.DailyUsage(ctx); return err },
	"read associations": func(ctx context.Context, c *hubspot.Client) error {
		_, err := c.ReadAssociations(ctx, "tickets", "contacts", []string{"7"})
		return err
	},
	"dissociate": func(ctx context.Context, c *hubspot.Client) error {
		return c.DissociateBatch(ctx, "tickets", "contacts", []hubspot.AssociationWrite{{FromID: "7", ToID: "8"}})
	},
	"remove association": func(ctx context.Context, c *hubspot.Client) error {
		return c.RemoveAssociation(ctx, "7", "contacts", "8", 16)
	},
}

// TestTokenIsInNoMessage lets every operation fail in several ways, and looks
// for the token in what it says and in what it tells of its waiting.
func TestTokenIsInNoMessage(t *testing.T) {
	t.Parallel()
	refusals := map[string]sandbox.Options{
		"another token": {Token: "other"},
		"no scope":      {Token: "secret-token", Scopes: []string{"nothing"}},
		"expired":       {Token: "secret-token", Faults: sandbox.Faults{{Kind: sandbox.TokenExpired}}},
		"daily limit":   {Token: "secret-token", Faults: sandbox.Faults{{Kind: sandbox.DailyLimit}}},
	}
	for name, opts := range refusals {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opts.Limits = sandbox.Unlimited
			for _, set := range []map[string]func(context.Context, *hubspot.Client) error{operations, further} {
				for what, run := range set {
					_, c := account(t, opts, func(o *hubspot.Options) {
						o.Notify = func(e hubspot.Event) { require.NotContains(t, fmt.Sprintf("%+v", e), "secret-token") }
					})
					err := run(t.Context(), c)
					if err == nil {
						require.Contains(t, []string{"account", "daily usage"}, what, "these need no scope")
						continue
					}
					for _, form := range []string{"%v", "%+v", "%#v"} {
						require.NotContains(t, fmt.Sprintf(form, err), "secret-token", what)
					}
				}
			}
		})
	}
}
