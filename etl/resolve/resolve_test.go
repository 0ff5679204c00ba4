package resolve_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/etl/resolve"
	"github.com/ticketetl/ticketetl/internal/hubspot"
	"github.com/ticketetl/ticketetl/internal/sandbox"
)

func newResolver(t *testing.T) (*resolve.Resolver, *sandbox.Server) {
	t.Helper()
	server, err := sandbox.New(sandbox.Options{Limits: sandbox.Unlimited})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	client, err := hubspot.New(hubspot.Options{
		BaseURL: "http://127.0.0.1", Transport: server.Transport(), Tokens: hubspot.StaticToken("x"),
	})
	require.NoError(t, err)
	return resolve.New(client), server
}

func record(refs ...etl.Reference) *etl.Record { return &etl.Record{References: refs} }

// seeds of the account: a contact with a second address, one company whose
// domain is its own, and a domain that two companies share.
func seeds(t *testing.T) (further sandbox.Seed, own sandbox.Seed, shared string) {
	t.Helper()
	w := sandbox.DefaultWorld()
	for _, c := range w.Contacts {
		if c.Properties["hs_additional_emails"] != "" && further.ID == "" {
			further = c
		}
	}
	count := map[string]int{}
	for _, c := range w.Companies {
		count[c.Properties["domain"]]++
	}
	for _, c := range w.Companies {
		switch count[c.Properties["domain"]] {
		case 1:
			own = c
		case 2:
			shared = c.Properties["domain"]
		}
	}
	return further, own, shared
}

func TestResolve(t *testing.T) {
	t.Parallel()
	further, own, shared := seeds(t)
	second, _, _ := strings.Cut(further.Properties["hs_additional_emails"], ";")
	tests := []struct {
		name    string
		ref     etl.Reference
		wantID  string
		code    string
		warning bool
	}{
		{name: "contact by e-mail", ref: etl.Reference{To: "contacts", Match: "email", Value: further.Properties["email"]}, wantID: further.ID},
		{name: "contact by e-mail in capitals", ref: etl.Reference{To: "contacts", Match: "email", Value: strings.ToUpper(further.Properties["email"])}, wantID: further.ID},
		{name: "contact by a further address", ref: etl.Reference{To: "contacts", Match: "email", Value: second}, wantID: further.ID},
		{name: "contact by unique property", ref: etl.Reference{To: "contacts", Match: "codigo_cliente", Value: further.Properties["codigo_cliente"]}, wantID: further.ID},
		{name: "contact by id", ref: etl.Reference{To: "contacts", Match: "id", Value: further.ID}, wantID: further.ID},
		{name: "company by domain", ref: etl.Reference{To: "companies", Match: "domain", Value: own.Properties["domain"]}, wantID: own.ID},
		{name: "nobody has the address", ref: etl.Reference{To: "contacts", Match: "email", Value: "nobody@example.com", Missing: "reject"}, code: "REFERENCE_NOT_FOUND"},
		{name: "nobody has the address, left out", ref: etl.Reference{To: "contacts", Match: "email", Value: "nobody@example.com", Missing: "skip"}, code: "REFERENCE_NOT_FOUND", warning: true},
		{name: "no such id", ref: etl.Reference{To: "companies", Match: "id", Value: "1"}, code: "REFERENCE_NOT_FOUND"},
		{name: "two companies have the domain", ref: etl.Reference{To: "companies", Match: "domain", Value: shared, Missing: "skip", Several: "reject"}, code: "REFERENCE_AMBIGUOUS"},
		{name: "two companies have the domain, left out", ref: etl.Reference{To: "companies", Match: "domain", Value: shared, Several: "skip"}, code: "REFERENCE_AMBIGUOUS", warning: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r, server := newResolver(t)
			rec := record(tt.ref)
			problems, err := r.Resolve(t.Context(), []*etl.Record{rec})
			require.NoError(t, err)
			require.Empty(t, server.Violations())
			if tt.code == "" {
				require.Empty(t, problems[0])
				require.Equal(t, tt.wantID, rec.References[0].ID)
				return
			}
			require.Empty(t, rec.References, "what is not found is not sent")
			require.Len(t, problems[0], 1)
			require.Equal(t, tt.code, problems[0][0].Code)
			require.Equal(t, tt.warning, problems[0][0].Warning)
			require.NotEmpty(t, problems[0][0].Hint)
		})
	}
}

// TestResolveSeveral: of several companies with one domain, the oldest or all
// are taken where the mapping says so, and the report names them.
func TestResolveSeveral(t *testing.T) {
	t.Parallel()
	_, _, shared := seeds(t)
	var both []string
	for _, c := range sandbox.DefaultWorld().Companies {
		if c.Properties["domain"] == shared {
			both = append(both, c.ID)
		}
	}
	require.Len(t, both, 2)
	if len(both[0]) > len(both[1]) || len(both[0]) == len(both[1]) && both[0] > both[1] {
		both[0], both[1] = both[1], both[0]
	}
	for policy, want := range map[string][]string{"first": both[:1], "list": both} {
		r, _ := newResolver(t)
		rec := record(etl.Reference{To: "companies", Match: "domain", Value: shared, Several: policy, Column: 3, TypeID: 7})
		problems, err := r.Resolve(t.Context(), []*etl.Record{rec})
		require.NoError(t, err)
		var got []string
		for _, ref := range rec.References {
			got = append(got, ref.ID)
			require.Equal(t, 7, ref.TypeID)
		}
		require.Equal(t, want, got, policy)
		require.Len(t, problems[0], 1)
		require.True(t, problems[0][0].Warning)
		require.Equal(t, 3, problems[0][0].Column)
		require.Contains(t, problems[0][0].Message, strings.Join(both, ", "))
		require.Contains(t, problems[0][0].Hint, "several: "+policy)
	}
}

// TestTallies: what look-ups came to, and what they would take.
func TestTallies(t *testing.T) {
	t.Parallel()
	_, own, shared := seeds(t)
	r, server := newResolver(t)
	survey := resolve.NewSurvey()
	for range 2 {
		var recs []*etl.Record
		for i := range 150 {
			recs = append(recs, record(etl.Reference{To: "contacts", Match: "email", Value: fmt.Sprintf("nobody%d@example.com", i), Missing: "skip"}))
		}
		recs = append(recs, record(etl.Reference{To: "companies", Match: "domain", Value: shared}, etl.Reference{To: "companies", Match: "domain", Value: own.Properties["domain"]}))
		problems, err := survey.Resolve(t.Context(), recs)
		require.NoError(t, err)
		require.Equal(t, make([][]etl.Problem, 151), problems)
		_, err = r.Resolve(t.Context(), recs)
		require.NoError(t, err)
	}
	counted, more := survey.Tallies()
	require.False(t, more)
	require.Equal(t, []resolve.Tally{
		{To: "companies", Match: "domain", Values: 2, Calls: 1},
		{To: "contacts", Match: "email", Values: 150, Calls: 2},
	}, counted)
	require.Equal(t, []resolve.Tally{
		{To: "companies", Match: "domain", Values: 2, Found: 1, Several: 1, Calls: 1},
		{To: "contacts", Match: "email", Values: 150, Missing: 150, Calls: 2},
	}, r.Tallies())
	require.Equal(t, 2, server.Requests()["POST /crm/v3/objects/{type}/batch/read"])
}

func TestResolveAsksInBulkAndOnce(t *testing.T) {
	t.Parallel()
	r, server := newResolver(t)
	world := sandbox.DefaultWorld()
	var recs []*etl.Record
	for i := range 300 {
		email := world.Contacts[i%250].Properties["email"]
		if i%5 == 0 {
			email = fmt.Sprintf("nobody%d@example.com", i%3)
		}
		recs = append(recs, record(etl.Reference{To: "contacts", Match: "email", Value: email}))
	}
	const read = "POST /crm/v3/objects/{type}/batch/read"
	_, err := r.Resolve(t.Context(), recs)
	require.NoError(t, err)
	asked := server.Requests()[read]
	require.LessOrEqual(t, asked, 3, "a hundred a call")

	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			again := record(etl.Reference{To: "contacts", Match: "email", Value: world.Contacts[1].Properties["email"]},
				etl.Reference{To: "contacts", Match: "email", Value: "nobody0@example.com"})
			problems, err := r.Resolve(t.Context(), []*etl.Record{again})
			require.NoError(t, err)
			require.Len(t, problems[0], 1)
		})
	}
	group.Wait()
	require.Equal(t, asked, server.Requests()[read], "what is known, missing ones too, is not asked again")
	require.Empty(t, server.Violations())
}

func TestResolveNothing(t *testing.T) {
	t.Parallel()
	r, _ := newResolver(t)
	problems, err := r.Resolve(t.Context(), []*etl.Record{record(), record()})
	require.NoError(t, err)
	require.Equal(t, [][]etl.Problem{nil, nil}, problems)
}

// TestResolveSharesQuestions: goroutines that need the same records at the same
// time ask once.
func TestResolveSharesQuestions(t *testing.T) {
	t.Parallel()
	r, server := newResolver(t)
	world := sandbox.DefaultWorld()
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			var recs []*etl.Record
			for i := range 60 {
				recs = append(recs, record(etl.Reference{To: "contacts", Match: "email", Value: world.Contacts[i].Properties["email"]}))
			}
			problems, err := r.Resolve(t.Context(), recs)
			require.NoError(t, err)
			for i := range problems {
				require.Empty(t, problems[i])
				require.Equal(t, world.Contacts[i].ID, recs[i].References[0].ID)
			}
		})
	}
	group.Wait()
	require.Equal(t, 1, server.Requests()["POST /crm/v3/objects/{type}/batch/read"])
}

// TestResolveLongDomains: a search has a body of 3,000 characters at most.
func TestResolveLongDomains(t *testing.T) {
	t.Parallel()
	r, server := newResolver(t)
	var recs []*etl.Record
	for i := range 100 {
		recs = append(recs, record(etl.Reference{To: "companies", Match: "domain", Value: fmt.Sprintf("%s%d.example", strings.Repeat("long", 13), i), Missing: "skip"}))
	}
	_, err := r.Resolve(t.Context(), recs)
	require.NoError(t, err)
	require.Equal(t, 3, server.Requests()["POST /crm/v3/objects/{type}/search"])
	require.Empty(t, server.Violations())
}

func TestResolveFailsForAllWhoWait(t *testing.T) {
	t.Parallel()
	server, err := sandbox.New(sandbox.Options{Limits: sandbox.Unlimited, Faults: sandbox.Faults{{Match: "batch/read", Kind: sandbox.DailyLimit}}})
	require.NoError(t, err)
	client, err := hubspot.New(hubspot.Options{BaseURL: "http://127.0.0.1", Transport: server.Transport(), Tokens: hubspot.StaticToken("x")})
	require.NoError(t, err)
	r := resolve.New(client)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			_, err := r.Resolve(t.Context(), []*etl.Record{record(
				etl.Reference{To: "contacts", Match: "email", Value: "a@example.com"},
				etl.Reference{To: "contacts", Match: "id", Value: "1"})})
			require.True(t, hubspot.IsDailyLimit(err), "%v", err)
		})
	}
	group.Wait()
}
