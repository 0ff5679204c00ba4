package hubspot_test

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/internal/hubspot"
)

// TestRequests pins what each method sends: method, path under v3 and under a
// date version, query, body.
func TestRequests(t *testing.T) {
	t.Parallel()
	types := []hubspot.TypeSpec{{Category: "HUBSPOT_DEFINED", TypeID: 26}}
	pairs := []hubspot.AssociationWrite{{FromID: "1", ToID: "8", Types: types}, {FromID: "2", ToID: "8", Types: types}, {FromID: "1", ToID: "9", Types: types}}
	props := []hubspot.Property{{Name: "subject", Value: "a\"b"}, {Name: "content", Value: ""}}
	broken := []hubspot.Property{{Name: "subject", Value: "caf\xe9, ação\xe2\x82"}, {Name: "content", Value: "\xac"}}
	tests := []struct {
		name    string
		do      func(context.Context, *hubspot.Client) error
		v3, new string // method and address
		body    string // "" = none
	}{
		{"create", func(ctx context.Context, c *hubspot.Client) error {
			_, err := c.Create(ctx, "tickets", hubspot.CreateInput{Properties: props, Associations: []hubspot.AssociationInput{{ToID: "8", Types: types}}})
			return err
		}, "POST /crm/v3/objects/tickets", "POST /crm/objects/2026-03/tickets",
			`{"properties":{"subject":"a\"b","content":""},"associations":[{"to":{"id":"8"},"types":[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":26}]}]}`},
		{"create with bytes that are no text", func(ctx context.Context, c *hubspot.Client) error {
			_, err := c.Create(ctx, "tickets", hubspot.CreateInput{Properties: broken})
			return err
		}, "POST /crm/v3/objects/tickets", "POST /crm/objects/2026-03/tickets",
			"{\"properties\":{\"subject\":\"caf\ufffd, ação\ufffd\ufffd\",\"content\":\"\ufffd\"},\"associations\":[]}"},
		{"get", func(ctx context.Context, c *hubspot.Client) error {
			_, err := c.Get(ctx, "tickets", "7", hubspot.GetQuery{Properties: []string{"subject", "content"}, PropertiesWithHistory: []string{"hs_pipeline"}, Associations: []string{"contacts", "companies"}, Archived: true})
			return err
		}, "GET /crm/v3/objects/tickets/7?archived=true&associations=contacts%2Ccompanies&properties=subject%2Ccontent&propertiesWithHistory=hs_pipeline",
			"GET /crm/objects/2026-03/tickets/7?archived=true&associations=contacts%2Ccompanies&properties=subject%2Ccontent&propertiesWithHistory=hs_pipeline", ""},
		{"get by a unique property, escaped", func(ctx context.Context, c *hubspot.Client) error {
			_, err := c.Get(ctx, "tickets", "A/B ?#%", hubspot.GetQuery{IDProperty: "external_id"})
			return err
		}, "GET /crm/v3/objects/tickets/A%2FB%20%3F%23%25?idProperty=external_id", "GET /crm/objects/2026-03/tickets/A%2FB%20%3F%23%25?idProperty=external_id", ""},
		{"the record id is no idProperty", func(ctx context.Context, c *hubspot.Client) error {
			_, err := c.Update(ctx, "tickets", "7", "hs_object_id", props[:1])
			return err
		}, "PATCH /crm/v3/objects/tickets/7", "PATCH /crm/objects/2026-03/tickets/7", `{"properties":{"subject":"a\"b"}}`},
		{"list", func(ctx context.Context, c *hubspot.Client) error {
			_, err := c.List(ctx, "0-5", hubspot.ListQuery{After: "99", Properties: []string{"subject"}})
			return err
		}, "GET /crm/v3/objects/0-5?after=99&limit=100&properties=subject", "GET /crm/objects/2026-03/0-5?after=99&limit=100&properties=subject", ""},
		{"list with history", func(ctx context.Context, c *hubspot.Client) error {
			_, err := c.List(ctx, "tickets", hubspot.ListQuery{PropertiesWithHistory: []string{"subject"}})
			return err
		}, "GET /crm/v3/objects/tickets?limit=50&propertiesWithHistory=subject", "GET /crm/objects/2026-03/tickets?limit=50&propertiesWithHistory=subject", ""},
		{"archive", func(ctx context.Context, c *hubspot.Client) error { return c.Archive(ctx, "tickets", "7") },
			"DELETE /crm/v3/objects/tickets/7", "DELETE /crm/objects/2026-03/tickets/7", ""},
		{"merge", func(ctx context.Context, c *hubspot.Client) error {
			_, err := c.Merge(ctx, "tickets", "7", "8")
			return err
		}, "POST /crm/v3/objects/tickets/merge", "POST /crm/objects/2026-03/tickets/merge", `{"primaryObjectId":"7","objectIdToMerge":"8"}`},
		{"create batch", func(ctx context.Context, c *hubspot.Client) error {
			_, err := c.CreateBatch(ctx, "tickets", []hubspot.CreateInput{{TraceID: "a", Properties: props[:1]}})
			return err
		}, "POST /crm/v3/objects/tickets/batch/create", "POST /crm/objects/2026-03/tickets/batch/create",
			`{"inputs":[{"objectWriteTraceId":"a","properties":{"subject":"a\"b"},"associations":[]}]}`},
		{"update batch", func(ctx context.Context, c *hubspot.Client) error {
			_, err := c.UpdateBatch(ctx, "tickets", []hubspot.UpdateInput{{TraceID: "a", ID: "7", IDProperty: "hs_object_id", Properties: props[1:]}, {TraceID: "b", ID: "K", IDProperty: "key"}})
			return err
		}, "POST /crm/v3/objects/tickets/batch/update", "POST /crm/objects/2026-03/tickets/batch/update",
			`{"inputs":[{"objectWriteTraceId":"a","id":"7","properties":{"content":""}},{"objectWriteTraceId":"b","id":"K","idProperty":"key","properties":{}}]}`},
		{"upsert batch", func(ctx context.Context, c *hubspot.Client) error {
			_, err := c.UpsertBatch(ctx, "tickets", []hubspot.UpsertInput{{TraceID: "a", ID: "K", IDProperty: "key", Properties: props[:1]}})
			return err
		}, "POST /crm/v3/objects/tickets/batch/upsert", "POST /crm/objects/2026-03/tickets/batch/upsert",
			`{"inputs":[{"objectWriteTraceId":"a","id":"K","idProperty":"key","properties":{"subject":"a\"b"}}]}`},
		{"archive batch", func(ctx context.Context, c *hubspot.Client) error {
			return c.ArchiveBatch(ctx, "tickets", []string{"7", "8"})
		}, "POST /crm/v3/objects/tickets/batch/archive", "POST /crm/objects/2026-03/tickets/batch/archive", `{"inputs":[{"id":"7"},{"id":"8"}]}`},
		{"read batch", func(ctx context.Context, c *hubspot.Client) error {
			_, _, err := c.ReadBatch(ctx, "contacts", hubspot.BatchRead{IDProperty: "email", IDs: []string{"a@x.org", "a@x.org", "b@x.org"}, Properties: []string{"firstname"}, Archived: true})
			return err
		}, "POST /crm/v3/objects/contacts/batch/read?archived=true", "POST /crm/objects/2026-03/contacts/batch/read?archived=true",
			`{"inputs":[{"id":"a@x.org"},{"id":"b@x.org"}],"properties":["firstname","email"],"propertiesWithHistory":[],"idProperty":"email"}`},
		{"search", func(ctx context.Context, c *hubspot.Client) error {
			_, err := c.Search(ctx, "companies", hubspot.SearchRequest{
				FilterGroups: []hubspot.FilterGroup{{Filters: []hubspot.Filter{{Property: "domain", Operator: "IN", Values: []string{"x.org"}}}}},
				Sorts:        []hubspot.Sort{{Property: "hs_object_id"}}, Properties: []string{"domain"}, After: "9900"})
			return err
		}, "POST /crm/v3/objects/companies/search", "POST /crm/objects/2026-03/companies/search",
			`{"filterGroups":[{"filters":[{"propertyName":"domain","operator":"IN","values":["x.org"]}]}],"sorts":[{"propertyName":"hs_object_id","direction":"ASCENDING"}],"properties":["domain"],"limit":100,"after":"9900"}`},
		{"search for everything", func(ctx context.Context, c *hubspot.Client) error {
			_, err := c.Search(ctx, "tickets", hubspot.SearchRequest{})
			return err
		}, "POST /crm/v3/objects/tickets/search", "POST /crm/objects/2026-03/tickets/search", `{"filterGroups":[],"sorts":[],"properties":[],"limit":200}`},
		{"associate", func(ctx context.Context, c *hubspot.Client) error {
			_, err := c.AssociateBatch(ctx, "tickets", "companies", pairs[:1])
			return err
		}, "POST /crm/v4/associations/tickets/companies/batch/create", "POST /crm/associations/2026-03/tickets/companies/batch/create",
			`{"inputs":[{"from":{"id":"1"},"to":{"id":"8"},"types":[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":26}]}]}`},
		{"associate without label", func(ctx context.Context, c *hubspot.Client) error {
			_, err := c.AssociateDefaultBatch(ctx, "tickets", "companies", pairs[:1])
			return err
		}, "POST /crm/v4/associations/tickets/companies/batch/associate/default", "POST /crm/associations/2026-03/tickets/companies/batch/associate/default",
			`{"inputs":[{"from":{"id":"1"},"to":{"id":"8"}}]}`},
		{"dissociate", func(ctx context.Context, c *hubspot.Client) error {
			return c.DissociateBatch(ctx, "tickets", "contacts", pairs)
		}, "POST /crm/v4/associations/tickets/contacts/batch/archive", "POST /crm/associations/2026-03/tickets/contacts/batch/archive",
			`{"inputs":[{"from":{"id":"1"},"to":[{"id":"8"},{"id":"9"}]},{"from":{"id":"2"},"to":[{"id":"8"}]}]}`},
		{"remove labels", func(ctx context.Context, c *hubspot.Client) error {
			return c.RemoveLabelsBatch(ctx, "tickets", "contacts", pairs[:1])
		}, "POST /crm/v4/associations/tickets/contacts/batch/labels/archive", "POST /crm/associations/2026-03/tickets/contacts/batch/labels/archive",
			`{"inputs":[{"from":{"id":"1"},"to":{"id":"8"},"types":[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":26}]}]}`},
		{"read associations", func(ctx context.Context, c *hubspot.Client) error {
			_, err := c.ReadAssociations(ctx, "tickets", "contacts", []string{"1", "2", "1"})
			return err
		}, "POST /crm/v4/associations/tickets/contacts/batch/read", "POST /crm/associations/2026-03/tickets/contacts/batch/read", `{"inputs":[{"id":"1"},{"id":"2"}]}`},
		{"remove association", func(ctx context.Context, c *hubspot.Client) error {
			return c.RemoveAssociation(ctx, "7", "contacts", "8", 16)
		}, "DELETE /crm/v3/objects/tickets/7/associations/contacts/8/16", "DELETE /crm/v3/objects/tickets/7/associations/contacts/8/16", ""},
		{"rules", func(ctx context.Context, c *hubspot.Client) error {
			_, err := c.PropertyRules(ctx, "0-5")
			return err
		}, "GET /crm/v3/property-validations/0-5", "GET /crm/property-validations/2026-03/0-5", ""},
		{"pipelines", func(ctx context.Context, c *hubspot.Client) error {
			_, err := c.Pipelines(ctx, "tickets")
			return err
		}, "GET /crm/v3/pipelines/tickets", "GET /crm/pipelines/2026-03/tickets", ""},
		{"owners", func(ctx context.Context, c *hubspot.Client) error {
			_, err := c.Owners(ctx, true)
			return err
		}, "GET /crm/v3/owners?archived=true&limit=100", "GET /crm/owners/2026-03?archived=true&limit=100", ""},
		{"labels", func(ctx context.Context, c *hubspot.Client) error {
			_, err := c.AssociationLabels(ctx, "tickets", "contacts")
			return err
		}, "GET /crm/v4/associations/tickets/contacts/labels", "GET /crm/associations/2026-03/tickets/contacts/labels", ""},
		{"account", func(ctx context.Context, c *hubspot.Client) error {
			_, err := c.Account(ctx)
			return err
		}, "GET /account-info/v3/details", "GET /account-info/2026-03/details", ""},
		{"daily usage", func(ctx context.Context, c *hubspot.Client) error {
			_, err := c.DailyUsage(ctx)
			return err
		}, "GET /account-info/v3/api-usage/daily/private-apps", "GET /account-info/2026-03/api-usage/daily/private-apps", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for version, want := range map[string]string{"": tt.v3, "2026-03": tt.new} {
				s := scripted(says(400, "{}"))
				err := tt.do(t.Context(), newClient(t, s, func(o *hubspot.Options) { o.APIVersion = version }))
				var refusal *hubspot.Error
				require.ErrorAs(t, err, &refusal)
				require.Len(t, s.seen, 1)
				r := s.seen[0]
				require.Equal(t, want, r.Method+" "+r.URL.RequestURI())
				require.Equal(t, tt.body, s.bodies[0])
				require.Equal(t, "Bearer secret-token", r.Header.Get("Authorization"))
				require.Equal(t, "ticketetl/test", r.Header.Get("User-Agent"))
				require.Equal(t, r.Method, refusal.Method)
				require.NotContains(t, refusal.Path, "?")
				if tt.body != "" {
					require.Equal(t, "application/json", r.Header.Get("Content-Type"))
				}
			}
		})
	}
}

// TestRefusedBeforeSending covers requests that HubSpot would answer with an
// error, or worse, with something else than was meant.
func TestRefusedBeforeSending(t *testing.T) {
	t.Parallel()
	creates := func(n int) []hubspot.CreateInput { return make([]hubspot.CreateInput, n) }
	ids := func(n int) []string {
		list := make([]string, n)
		for i := range list {
			list[i] = strconv.Itoa(i + 1)
		}
		return list
	}
	pairs := func(n int) []hubspot.AssociationWrite {
		list := make([]hubspot.AssociationWrite, n)
		for i := range list {
			list[i] = hubspot.AssociationWrite{FromID: strconv.Itoa(i + 1), ToID: "8"}
		}
		return list
	}
	type run = func(context.Context, *hubspot.Client) error
	create := func(object string, in []hubspot.CreateInput) run {
		return func(ctx context.Context, c *hubspot.Client) error {
			_, err := c.CreateBatch(ctx, object, in)
			return err
		}
	}
	update := func(in ...hubspot.UpdateInput) run {
		return func(ctx context.Context, c *hubspot.Client) error {
			_, err := c.UpdateBatch(ctx, "tickets", in)
			return err
		}
	}
	upsert := func(in ...hubspot.UpsertInput) run {
		return func(ctx context.Context, c *hubspot.Client) error {
			_, err := c.UpsertBatch(ctx, "tickets", in)
			return err
		}
	}
	read := func(q hubspot.BatchRead) run {
		return func(ctx context.Context, c *hubspot.Client) error {
			_, _, err := c.ReadBatch(ctx, "tickets", q)
			return err
		}
	}
	get := func(id string, q hubspot.GetQuery) run {
		return func(ctx context.Context, c *hubspot.Client) error {
			_, err := c.Get(ctx, "tickets", id, q)
			return err
		}
	}
	find := func(q hubspot.SearchRequest) run {
		return func(ctx context.Context, c *hubspot.Client) error {
			_, err := c.Search(ctx, "tickets", q)
			return err
		}
	}
	associate := func(in []hubspot.AssociationWrite) run {
		return func(ctx context.Context, c *hubspot.Client) error {
			_, err := c.AssociateDefaultBatch(ctx, "tickets", "contacts", in)
			return err
		}
	}
	filters := make([]hubspot.Filter, 7)
	tests := []struct {
		name string
		do   run
		want string
	}{
		{"empty batch", create("tickets", nil), "create tickets: a batch of no inputs"},
		{"101 inputs", create("tickets", creates(101)), "create tickets: a batch of 101 inputs, HubSpot takes at most 100"},
		{"no object type", create("", creates(1)), "create : the object type is empty"},
		{"climbing object type", create("..", creates(1)), `create ..: the object type ".." cannot stand in a path`},
		{"trace id twice", create("tickets", []hubspot.CreateInput{{TraceID: "a"}, {}, {TraceID: "a"}}), "create tickets: inputs 0 and 2 have the same trace id"},
		{"id twice", update(hubspot.UpdateInput{ID: "7"}, hubspot.UpdateInput{ID: "7", IDProperty: "hs_object_id"}), "update tickets: inputs 0 and 1 have the same id; a batch may hold each once"},
		{"update without id", update(hubspot.UpdateInput{}), "update tickets: the id of input 0 is empty"},
		{"key twice", upsert(hubspot.UpsertInput{ID: "K", IDProperty: "key"}, hubspot.UpsertInput{ID: "K", IDProperty: "key"}), "upsert tickets: inputs 0 and 1 have the same id; a batch may hold each once"},
		{"upsert by record id", upsert(hubspot.UpsertInput{ID: "7", IDProperty: "hs_object_id"}), `upsert tickets: input 0: needs a property with unique values as key, not "hs_object_id"; update by record id instead`},
		{"upsert by nothing", upsert(hubspot.UpsertInput{ID: "7"}), `upsert tickets: input 0: needs a property with unique values as key, not ""; update by record id instead`},
		{"archive twice", func(ctx context.Context, c *hubspot.Client) error {
			return c.ArchiveBatch(ctx, "tickets", []string{"7", "8", "7"})
		}, "archive tickets: the id of input 2 occurs twice in the batch"},
		{"archive 101", func(ctx context.Context, c *hubspot.Client) error { return c.ArchiveBatch(ctx, "tickets", ids(101)) },
			"archive tickets: a batch of 101 inputs, HubSpot takes at most 100"},
		{"archive nobody", func(ctx context.Context, c *hubspot.Client) error { return c.Archive(ctx, "tickets", "") }, "the id is empty"},
		{"read 101", read(hubspot.BatchRead{IDs: ids(101)}), "read tickets: a batch of 101 inputs, HubSpot takes at most 100"},
		{"read 51 with history", read(hubspot.BatchRead{IDs: ids(51), PropertiesWithHistory: []string{"a"}}), "read tickets: a batch of 51 inputs, HubSpot takes at most 50"},
		{"read an empty id", read(hubspot.BatchRead{IDs: []string{"1", ""}}), "read tickets: the id of input 1 is empty"},
		{"an empty id would list", get("", hubspot.GetQuery{}), "the id is empty"},
		{"dots would climb", get("..", hubspot.GetQuery{}), `the id ".." cannot stand in a path`},
		{"a very long id", get(strings.Repeat("9", 2000), hubspot.GetQuery{}), "the id is 2000 bytes long, more than 1000"},
		{"too many properties for an address", get("7", hubspot.GetQuery{Properties: ids(3000)}), "read one of tickets: the address would be 19927 characters long, HubSpot takes about 8000: ask for fewer properties, or read in batches"},
		{"long page", func(ctx context.Context, c *hubspot.Client) error {
			_, err := c.List(ctx, "tickets", hubspot.ListQuery{Limit: 101})
			return err
		}, "list tickets: a page of 101 records, HubSpot gives at most 100"},
		{"merge with itself", func(ctx context.Context, c *hubspot.Client) error {
			_, err := c.Merge(ctx, "tickets", "7", "7")
			return err
		}, "merge: 7 with itself"},
		{"deep search", find(hubspot.SearchRequest{After: "10000"}), "search tickets: HubSpot shows the first 10000 results only; go on with a filter on hs_object_id"},
		{"cursor of a listing", find(hubspot.SearchRequest{After: "abc"}), `search tickets: "abc" is no cursor of a search, which is a number`},
		{"long search page", find(hubspot.SearchRequest{Limit: 201}), "search tickets: a page of 201 records, HubSpot gives at most 200"},
		{"many groups", find(hubspot.SearchRequest{FilterGroups: make([]hubspot.FilterGroup, 6)}), "search tickets: 6 groups of filters, HubSpot takes at most 5"},
		{"many filters of a group", find(hubspot.SearchRequest{FilterGroups: []hubspot.FilterGroup{{Filters: filters}}}), "search tickets: a group of 7 filters, HubSpot takes at most 6"},
		{"many filters", find(hubspot.SearchRequest{FilterGroups: []hubspot.FilterGroup{{Filters: filters[:6]}, {Filters: filters[:6]}, {Filters: filters[:6]}, {Filters: filters[:1]}}}), "search tickets: 19 filters, HubSpot takes at most 18"},
		{"two sorts", find(hubspot.SearchRequest{Sorts: make([]hubspot.Sort, 2)}), "search tickets: HubSpot sorts by one property only"},
		{"long query", find(hubspot.SearchRequest{Query: strings.Repeat("é", 3001)}), "search tickets: a query of more than 3000 characters"},
		{"2001 associations", associate(pairs(2001)), "associate tickets with contacts: a batch of 2001 inputs, HubSpot takes at most 2000"},
		{"a pair twice", associate(append(pairs(2), pairs(1)...)), "associate tickets with contacts: inputs 0 and 2 name the same pair; give all its types in one"},
		{"an association without id", associate([]hubspot.AssociationWrite{{FromID: "1"}}), "associate tickets with contacts: an id of input 0 is empty"},
		{"an association without types", func(ctx context.Context, c *hubspot.Client) error {
			_, err := c.AssociateBatch(ctx, "tickets", "contacts", pairs(1))
			return err
		}, "associate tickets with contacts: input 0 names no association type"},
		{"associations of 1001", func(ctx context.Context, c *hubspot.Client) error {
			_, err := c.ReadAssociations(ctx, "tickets", "contacts", ids(1001))
			return err
		}, "read associations of tickets: a batch of 1001 inputs, HubSpot takes at most 1000"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := scripted(says(200, "{}"))
			err := tt.do(t.Context(), newClient(t, s))
			require.EqualError(t, err, tt.want)
			require.NotErrorIs(t, err, hubspot.ErrInDoubt)
			require.False(t, hubspot.Retryable(err))
			require.Zero(t, s.calls())
		})
	}
}

func TestNoToken(t *testing.T) {
	t.Parallel()
	s := scripted(says(200, "{}"))
	_, err := newClient(t, s, func(o *hubspot.Options) { o.Tokens = hubspot.StaticToken(" ") }).Account(t.Context())
	require.EqualError(t, err, "read the account: access token: no usable access token: it is empty")
	require.True(t, hubspot.IsAuth(err))
	require.Zero(t, s.calls())
}

func TestNew(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, base, version, want string }{
		{"default", "", "", ""},
		{"another host", "https://api-eu1.hubapi.com/", "", ""},
		{"loopback in clear text", "http://127.0.0.1:8080", "2026-03", ""},
		{"localhost in clear text", "http://localhost:8080/prefix", "2026-09-beta", ""},
		{"IPv6 loopback", "http://[::1]:8080", "", ""},
		{"clear text", "http://api.hubapi.com", "", "base URL http://api.hubapi.com: must be https, since the access token goes there"},
		{"loopback only by name", "http://127.0.0.1.evil.example", "", "base URL http://127.0.0.1.evil.example: must be https, since the access token goes there"},
		{"another scheme", "ftp://localhost", "", "base URL ftp://localhost: must be https, since the access token goes there"},
		{"a user", "https://me:secret@api.hubapi.com", "", "base URL of host api.hubapi.com: must not hold a user, a query or a fragment"},
		{"a query", "https://api.hubapi.com?token=secret", "", "base URL of host api.hubapi.com: must not hold a user, a query or a fragment"},
		{"no address", "api.hubapi.com", "", "base URL: not an address such as https://api.hubapi.com"},
		{"broken", "https://%zz", "", "base URL: not an address such as https://api.hubapi.com"},
		{"version that is none", "", "v3/../x", `API version "v3/../x": want a date version such as 2026-03, or nothing for v3`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := hubspot.New(hubspot.Options{BaseURL: tt.base, APIVersion: tt.version, Tokens: hubspot.StaticToken("t")})
			if tt.want == "" {
				require.NoError(t, err)
				return
			}
			require.EqualError(t, err, tt.want)
		})
	}
	_, err := hubspot.New(hubspot.Options{})
	require.EqualError(t, err, "no access token source given")
}

// TestTraceIDsAreFilledIn: inputs without a trace id get one each, and the
// caller's slice stays as it was.
func TestTraceIDsAreFilledIn(t *testing.T) {
	t.Parallel()
	in := []hubspot.CreateInput{{}, {TraceID: "mine"}, {}}
	s := scripted(says(400, "{}"))
	_, err := newClient(t, s).CreateBatch(t.Context(), "tickets", in)
	require.Error(t, err)
	require.Equal(t, []hubspot.CreateInput{{}, {TraceID: "mine"}, {}}, in)
	seen := map[string]bool{}
	for _, input := range decodeBody(t, s.bodies[0]).Inputs {
		require.NotEmpty(t, input.Trace)
		seen[input.Trace] = true
	}
	require.Len(t, seen, 3)
	require.True(t, seen["mine"])
	require.Equal(t, http.MethodPost, s.seen[0].Method)
}
