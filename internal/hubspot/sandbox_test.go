package hubspot_test

import (
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/internal/hubspot"
	"github.com/ticketetl/ticketetl/internal/sandbox"
)

// account opens a stand-in account and a client of it, over a real connection.
func account(t *testing.T, opts sandbox.Options, change ...func(*hubspot.Options)) (*sandbox.Server, *hubspot.Client) {
	t.Helper()
	server, err := sandbox.New(opts)
	require.NoError(t, err)
	url, stop, err := server.Listen("127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, stop()) })
	return server, newClient(t, nil, append([]func(*hubspot.Options){func(o *hubspot.Options) { o.BaseURL = url }}, change...)...)
}

// newTicket is a ticket that the default world accepts.
func newTicket(key string) []hubspot.Property {
	return []hubspot.Property{
		{Name: "subject", Value: "Ticket " + key}, {Name: "hs_pipeline", Value: "0"}, {Name: "hs_pipeline_stage", Value: "1"},
		{Name: "external_id", Value: key},
	}
}

// TestAgainstSandbox goes through every method against the stand-in account,
// under both kinds of paths. The account counts requests that a careful client
// would not send: there are none.
func TestAgainstSandbox(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"", "2026-03", "2026-09"} {
		for _, silent := range []bool{false, true} {
			t.Run(fmt.Sprintf("version %q, trace ids left out: %t", version, silent), func(t *testing.T) {
				t.Parallel()
				server, c := account(t,
					sandbox.Options{Token: "secret-token", Limits: sandbox.Unlimited, IndexLag: -1, Seed: 7, Switches: sandbox.Switches{NoTraceEcho: silent}},
					func(o *hubspot.Options) { o.APIVersion = version })
				world := sandbox.DefaultWorld()
				checkDefinitions(t, c, world)
				ids := checkWrites(t, c, world)
				checkReads(t, c, world, ids)
				checkAssociations(t, c, world, ids)
				checkEnds(t, c, ids)
				require.Empty(t, server.Violations())
			})
		}
	}
}

func checkDefinitions(t *testing.T, c *hubspot.Client, world *sandbox.World) {
	ctx := t.Context()
	s, err := c.Schema(ctx, time.Now())
	require.NoError(t, err)
	require.Equal(t, world.Schema.Account, s.Account)
	require.Equal(t, world.Schema.Labels, s.Labels)
	require.Equal(t, world.Schema.Unique, s.Unique)
	require.Equal(t, world.Schema.Rules, s.Rules)
	require.ElementsMatch(t, world.Schema.PropertyNames(), s.PropertyNames())
	require.Len(t, s.Pipelines, len(world.Schema.Pipelines))
	require.Len(t, s.Owners, len(world.Schema.Owners))
	for _, p := range world.Schema.Properties {
		require.Equal(t, p.Archived, s.Property(p.Name).Archived, p.Name)
		require.Equal(t, p.Type, s.Property(p.Name).Type, p.Name)
	}
	_, err = c.DailyUsage(ctx)
	require.NoError(t, err)
}

// checkWrites returns the ids of the tickets with the keys K0 to K4.
func checkWrites(t *testing.T, c *hubspot.Client, world *sandbox.World) []string {
	ctx := t.Context()
	one, err := c.Create(ctx, "tickets", hubspot.CreateInput{Properties: newTicket("K0"), Associations: []hubspot.AssociationInput{
		{ToID: world.Contacts[0].ID, Types: []hubspot.TypeSpec{{Category: "HUBSPOT_DEFINED", TypeID: 16}}},
	}})
	require.NoError(t, err)
	require.Equal(t, "Ticket K0", one.Properties["subject"])

	_, err = c.Create(ctx, "tickets", hubspot.CreateInput{Properties: newTicket("K0")})
	var refusal *hubspot.Error
	require.ErrorAs(t, err, &refusal)
	require.Contains(t, []int{400, 409}, refusal.Status)

	in := []hubspot.CreateInput{{TraceID: "row 2", Properties: newTicket("K1")}, {Properties: newTicket("K2")}, {Properties: newTicket("K3")}}
	in[1].Properties = append(in[1].Properties, hubspot.Property{Name: "hs_ticket_priority", Value: "p9"})
	results, err := c.CreateBatch(ctx, "tickets", in)
	require.NoError(t, err)
	require.NoError(t, results[0].Err)
	require.NoError(t, results[2].Err)
	require.ErrorAs(t, results[1].Err, &refusal)
	require.Equal(t, "VALIDATION_ERROR", refusal.Category)
	require.NotEmpty(t, refusal.Details)
	require.Equal(t, "hs_ticket_priority", refusal.Details[0].Property)

	upserts := []hubspot.UpsertInput{
		{ID: "K4", IDProperty: "external_id", Properties: newTicket("K4")},
		{ID: "K1", IDProperty: "external_id", Properties: append(newTicket("K1"), hubspot.Property{Name: "content", Value: "linha 1\nlinha 2 \"ç\""})},
		{ID: "K2", IDProperty: "external_id", Properties: newTicket("K2")},
	}
	upserted, err := c.UpsertBatch(ctx, "tickets", upserts)
	require.NoError(t, err)
	require.Equal(t, hubspot.Result{ID: results[0].ID}, upserted[1])
	require.True(t, upserted[0].New && upserted[2].New)

	updated, err := c.UpdateBatch(ctx, "tickets", []hubspot.UpdateInput{
		{ID: results[2].ID, Properties: []hubspot.Property{{Name: "content", Value: "new"}}},
		{ID: "1", Properties: []hubspot.Property{{Name: "content", Value: "nobody"}}},
	})
	require.NoError(t, err)
	require.Equal(t, hubspot.Result{ID: results[2].ID}, updated[0])
	require.ErrorAs(t, updated[1].Err, &refusal)
	require.Equal(t, "OBJECT_NOT_FOUND", refusal.Category)

	changed, err := c.Update(ctx, "tickets", "K0", "external_id", []hubspot.Property{{Name: "content", Value: ""}})
	require.NoError(t, err)
	require.Equal(t, one.ID, changed.ID)
	return []string{one.ID, results[0].ID, upserted[2].ID, results[2].ID, upserted[0].ID}
}

func checkReads(t *testing.T, c *hubspot.Client, world *sandbox.World, ids []string) {
	ctx := t.Context()
	got, err := c.Get(ctx, "tickets", "K1", hubspot.GetQuery{IDProperty: "external_id", Properties: []string{"content"}, PropertiesWithHistory: []string{"content"}, Associations: []string{"contacts"}})
	require.NoError(t, err)
	require.Equal(t, ids[1], got.ID)
	require.Equal(t, "linha 1\nlinha 2 \"ç\"", got.Properties["content"])
	require.NotEmpty(t, got.PropertiesWithHistory["content"])
	require.NotZero(t, got.CreatedAt)

	seen := map[string]bool{}
	for after, pages := "", 0; pages == 0 || after != ""; pages++ {
		page, err := c.List(ctx, "tickets", hubspot.ListQuery{Limit: 2, After: after, Properties: []string{"subject"}, Associations: []string{"contacts"}})
		require.NoError(t, err)
		for _, o := range page.Results {
			seen[o.ID] = true
		}
		after = page.After
	}
	for _, id := range ids {
		require.True(t, seen[id])
	}

	found, missing, err := c.ReadBatch(ctx, "tickets", hubspot.BatchRead{IDProperty: "external_id", IDs: []string{"K0", "nobody", "K4"}})
	require.NoError(t, err)
	require.Len(t, found, 2)
	require.Equal(t, []string{"nobody"}, missing)

	email := world.Contacts[3].Properties["email"]
	found, missing, err = c.ReadBatch(ctx, "contacts", hubspot.BatchRead{IDProperty: "email", IDs: []string{email, "nobody@example.org"}})
	require.NoError(t, err)
	require.Equal(t, []string{"nobody@example.org"}, missing)
	require.Equal(t, world.Contacts[3].ID, found[0].ID)

	domain := world.Companies[5].Properties["domain"]
	page, err := c.Search(ctx, "companies", hubspot.SearchRequest{
		FilterGroups: []hubspot.FilterGroup{{Filters: []hubspot.Filter{{Property: "domain", Operator: "IN", Values: []string{domain}}}}},
		Sorts:        []hubspot.Sort{{Property: "hs_object_id"}}, Properties: []string{"domain"},
	})
	require.NoError(t, err)
	require.Equal(t, page.Total, len(page.Results))
	require.Equal(t, domain, page.Results[0].Properties["domain"])
}

func checkAssociations(t *testing.T, c *hubspot.Client, world *sandbox.World, ids []string) {
	ctx := t.Context()
	long := world.Contacts[96].ID // 17 digits
	pairs := []hubspot.AssociationWrite{
		{FromID: ids[1], ToID: long, Types: []hubspot.TypeSpec{{Category: "USER_DEFINED", TypeID: 1}}},
		{FromID: ids[2], ToID: world.Contacts[1].ID, Types: []hubspot.TypeSpec{{Category: "USER_DEFINED", TypeID: 3}}},
	}
	results, err := c.AssociateBatch(ctx, "tickets", "contacts", pairs)
	require.NoError(t, err)
	require.Equal(t, []hubspot.Result{{ID: long}, {ID: world.Contacts[1].ID}}, results)
	results, err = c.AssociateDefaultBatch(ctx, "tickets", "companies", []hubspot.AssociationWrite{{FromID: ids[1], ToID: world.Companies[0].ID}})
	require.NoError(t, err)
	require.Equal(t, []hubspot.Result{{ID: world.Companies[0].ID}}, results)

	read := func() map[string][]hubspot.Associated {
		found, err := c.ReadAssociations(ctx, "tickets", "contacts", ids)
		require.NoError(t, err)
		return found
	}
	found := read()
	require.Len(t, found, 3)
	require.Equal(t, long, found[ids[1]][0].ToID)
	require.NoError(t, c.RemoveLabelsBatch(ctx, "tickets", "contacts", pairs[1:]))
	require.Len(t, read()[ids[2]][0].Types, 1, "the unlabeled type stays")
	require.NoError(t, c.DissociateBatch(ctx, "tickets", "contacts", pairs))
	require.NoError(t, c.RemoveAssociation(ctx, ids[0], "contacts", world.Contacts[0].ID, 16))
	require.Empty(t, read())
}

func checkEnds(t *testing.T, c *hubspot.Client, ids []string) {
	ctx := t.Context()
	merged, err := c.Merge(ctx, "tickets", ids[0], ids[1])
	require.NoError(t, err)
	require.NotEmpty(t, merged.ID)
	found, missing, err := c.ReadBatch(ctx, "tickets", hubspot.BatchRead{IDs: []string{ids[0], merged.ID, ids[1]}, Properties: []string{"subject"}})
	require.NoError(t, err)
	require.Empty(t, missing)
	require.Len(t, found, 1, "what both were merged into, which answers for all three ids, is one record")
	require.Equal(t, merged.ID, found[0].ID)
	require.NoError(t, c.ArchiveBatch(ctx, "tickets", ids[2:4]))
	require.NoError(t, c.Archive(ctx, "tickets", ids[4]))
	_, err = c.Get(ctx, "tickets", ids[4], hubspot.GetQuery{})
	var refusal *hubspot.Error
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, 404, refusal.Status)
	archived, err := c.Get(ctx, "tickets", ids[4], hubspot.GetQuery{Archived: true})
	require.NoError(t, err)
	require.True(t, archived.Archived)
	require.NotZero(t, archived.ArchivedAt)
}

// TestNothingIsCreatedTwice writes through an account that breaks down in every
// way it can: afterwards each row that was called stored is there once, each
// row that was called refused is not there, and none is there twice.
func TestNothingIsCreatedTwice(t *testing.T) {
	t.Parallel()
	kinds := []sandbox.Kind{sandbox.Status423, sandbox.Status500, sandbox.HTML502, sandbox.Status503, sandbox.Status504, sandbox.Status524,
		sandbox.ResetBefore, sandbox.ResetAfterCommit, sandbox.Truncate, sandbox.EmptyResults, sandbox.NeverAnswer, sandbox.NeverAnswerBefore}
	for _, kind := range kinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				server, err := sandbox.New(sandbox.Options{Limits: sandbox.Unlimited, Faults: sandbox.Faults{{Kind: kind, Match: "POST batch/create", Every: 2}}})
				require.NoError(t, err)
				c := newClient(t, server.Transport(), func(o *hubspot.Options) { o.Timeout = 5 * time.Second })
				stored, refused, doubt := map[string]bool{}, map[string]bool{}, 0
				for b := range 6 {
					var in []hubspot.CreateInput
					for i := range 3 {
						in = append(in, hubspot.CreateInput{Properties: newTicket(strconv.Itoa(b*10 + i))[:3]})
						in[i].Properties[0].Value = fmt.Sprintf("row %d", b*10+i)
					}
					results, err := c.CreateBatch(t.Context(), "tickets", in)
					for i := range in {
						subject := in[i].Properties[0].Value
						switch {
						case errors.Is(err, hubspot.ErrInDoubt), err == nil && errors.Is(results[i].Err, hubspot.ErrInDoubt):
							doubt++
						case err != nil || results[i].Err != nil:
							refused[subject] = true
						default:
							stored[subject] = true
						}
					}
				}
				there := map[string]int{}
				for _, ticket := range server.Tickets(false) {
					there[ticket.Properties["subject"]]++
				}
				for subject, n := range there {
					require.Equal(t, 1, n, subject)
				}
				for subject := range stored {
					require.Equal(t, 1, there[subject], subject)
				}
				for subject := range refused {
					require.Zero(t, there[subject], subject)
				}
				require.Equal(t, 18, len(stored)+len(refused)+doubt)
				if kind == sandbox.Status423 {
					require.Zero(t, doubt, "a lock proves that nothing was stored")
					require.Len(t, stored, 18)
				} else {
					require.NotZero(t, doubt)
				}
				require.NoError(t, server.Close())
			})
		})
	}
}

// TestAccountIsNotFought reads from several goroutines an account with HubSpot's
// smallest limits: no request is refused, and the limit is used well.
func TestAccountIsNotFought(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server, err := sandbox.New(sandbox.Options{})
		require.NoError(t, err)
		c := newClient(t, server.Transport())
		began := time.Now()
		var wg sync.WaitGroup
		for worker := range 8 {
			wg.Go(func() {
				for range 50 {
					if _, err := c.List(t.Context(), "tickets", hubspot.ListQuery{Limit: 1}); err != nil {
						t.Error(err)
					}
				}
				for range 3 {
					if _, err := c.Search(t.Context(), "contacts", hubspot.SearchRequest{Limit: 1}); err != nil {
						t.Error(worker, err)
					}
				}
			})
		}
		wg.Wait()
		require.Zero(t, c.Stats().RateLimited)
		require.Less(t, time.Since(began), 60*time.Second)
		require.Equal(t, int64(250_000), c.Stats().DailyLimit)
		require.NoError(t, server.Close())
	})
}

// TestOAuthAgainstSandbox: a token that the account calls expired is renewed
// within the call.
func TestOAuthAgainstSandbox(t *testing.T) {
	t.Parallel()
	config := sandbox.OAuth{ClientID: "client", ClientSecret: "secret-value", RefreshToken: "refresh"}
	server, err := sandbox.New(sandbox.Options{OAuth: config, Limits: sandbox.Unlimited, Faults: sandbox.Faults{{Kind: sandbox.TokenExpired, Match: "GET", Nth: 1}}})
	require.NoError(t, err)
	tokens := hubspot.OAuthTokens(hubspot.OAuthConfig{ClientID: config.ClientID, ClientSecret: config.ClientSecret, RefreshToken: config.RefreshToken,
		BaseURL: "http://127.0.0.1:9", Transport: server.Transport()})
	c := newClient(t, server.Transport(), func(o *hubspot.Options) { o.Tokens = tokens })
	_, err = c.Account(t.Context())
	require.NoError(t, err)
	require.Equal(t, int64(2), c.Stats().Calls)
	require.NoError(t, server.Close())
}
