package hubspot_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/internal/hubspot"
)

func TestGetReadsEverything(t *testing.T) {
	t.Parallel()
	s := scripted(says(200, `{
		"id": "12345678901234567",
		"properties": {"subject": "Olá", "content": null, "hs_object_id": "12345678901234567"},
		"propertiesWithHistory": {"hs_pipeline_stage": [
			{"value": "4", "timestamp": "2024-01-02T03:04:05.678Z", "sourceType": "CRM_UI", "sourceId": "u", "sourceLabel": "l", "updatedByUserId": 99},
			{"value": "1", "timestamp": "soon", "updatedByUserId": null}]},
		"createdAt": "2024-01-01T00:00:00Z", "updatedAt": "2024-01-02T03:04:05.678Z",
		"archived": true, "archivedAt": "2024-02-01T00:00:00Z",
		"associations": {
			"companies": {"results": [
				{"id": "1", "type": "ticket_to_company_unlabeled"}, {"id": "1", "type": "ticket_to_company"},
				{"id": 987654321098765432, "type": "ticket_to_company"}, {"id": "2", "type": "ticket_to_company_unlabeled"}, {"id": "2", "type": "other_unlabeled"}],
				"paging": {"next": {"after": "500", "link": "https://x"}}},
			"contacts": {"results": []}},
		"url": "https://app.hubspot.com/contacts/1/record/0-5/12345678901234567", "somethingNew": {"a": [1]}}`))
	got, err := newClient(t, s).Get(t.Context(), "tickets", "1", hubspot.GetQuery{})
	require.NoError(t, err)
	require.Equal(t, &hubspot.Object{
		ID:         "12345678901234567",
		Properties: map[string]string{"subject": "Olá", "content": "", "hs_object_id": "12345678901234567"},
		PropertiesWithHistory: map[string][]hubspot.HistoryValue{"hs_pipeline_stage": {
			{Value: "4", Timestamp: time.Date(2024, 1, 2, 3, 4, 5, 678e6, time.UTC), SourceType: "CRM_UI", SourceID: "u", SourceLabel: "l", UpdatedByUserID: "99"},
			{Value: "1"},
		}},
		CreatedAt: time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC), UpdatedAt: time.Date(2024, 1, 2, 3, 4, 5, 678e6, time.UTC),
		Archived: true, ArchivedAt: time.Date(2024, 2, 1, 0, 0, 0, 0, time.UTC),
		Associations: map[string][]hubspot.AssociatedID{
			"companies": {{ID: "1", Type: "ticket_to_company"}, {ID: "987654321098765432", Type: "ticket_to_company"}, {ID: "2", Type: "other_unlabeled"}},
			"contacts":  {},
		},
		AssociationsTruncated: map[string]string{"companies": "500"},
		URL:                   "https://app.hubspot.com/contacts/1/record/0-5/12345678901234567",
	}, got)
}

// TestPages: the cursor of the next page, none on the last one, whether paging
// is missing or null.
func TestPages(t *testing.T) {
	t.Parallel()
	for body, after := range map[string]string{
		`{"results":[{"id":"1"}],"paging":{"next":{"after":"2","link":"x"}}}`: "2",
		`{"results":[{"id":"1"}],"paging":{"next":{"after":2}}}`:              "2",
		`{"results":[{"id":"1"}],"paging":null}`:                              "",
		`{"results":[{"id":"1"}],"paging":{"next":null}}`:                     "",
		`{"results":[{"id":"1"}],"total":1}`:                                  "",
	} {
		c := newClient(t, scripted(says(200, body)))
		page, err := c.List(t.Context(), "tickets", hubspot.ListQuery{})
		require.NoError(t, err)
		require.Equal(t, after, page.After)
		require.Equal(t, "1", page.Results[0].ID)
		found, err := c.Search(t.Context(), "tickets", hubspot.SearchRequest{})
		require.NoError(t, err)
		require.Equal(t, after, found.After)
	}
}

// TestIDsAreNoFloats: an id that went through a float is refused, not rounded.
func TestIDsAreNoFloats(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, err := newClient(t, scripted(says(200, `{"id":1.2345678901234567e+16}`))).Get(t.Context(), "tickets", "1", hubspot.GetQuery{})
		require.ErrorContains(t, err, "1.2345678901234567e+16 is not an id")
	})
}

// TestSearchEndsAtItsDepth: the last page asks for no more than may be seen.
func TestSearchEndsAtItsDepth(t *testing.T) {
	t.Parallel()
	s := scripted(says(200, `{"total":20000,"results":[]}`))
	page, err := newClient(t, s).Search(t.Context(), "tickets", hubspot.SearchRequest{After: "9950", Limit: 200})
	require.NoError(t, err)
	require.Equal(t, 20000, page.Total)
	require.Contains(t, s.bodies[0], `"limit":50`)
}

func TestReadBatch(t *testing.T) {
	t.Parallel()
	notFound := `{"status":"error","category":"OBJECT_NOT_FOUND","message":"Could not get some TICKET objects","context":{"ids":[%s]}}`
	tests := []struct {
		name    string
		q       hubspot.BatchRead
		body    string
		found   []string
		missing []string
		wantErr string
	}{
		{name: "all found", q: hubspot.BatchRead{IDs: []string{"1", "2"}},
			body: `{"results":[{"id":"2"},{"id":"1"}]}`, found: []string{"2", "1"}},
		{name: "some missing, named", q: hubspot.BatchRead{IDs: []string{"1", "2"}},
			body: `{"results":[{"id":"1"}],"numErrors":1,"errors":[` + fmt.Sprintf(notFound, `"2"`) + `]}`, found: []string{"1"}, missing: []string{"2"}},
		{name: "all missing", q: hubspot.BatchRead{IDs: []string{"1", "2"}},
			body: `{"results":[],"errors":[` + fmt.Sprintf(notFound, `"1","2"`) + `]}`, missing: []string{"1", "2"}},
		{name: "missing, not named", q: hubspot.BatchRead{IDs: []string{"1", "2"}},
			body: `{"results":[{"id":"1"}]}`, found: []string{"1"}, missing: []string{"2"}},
		{name: "by key, compared without case", q: hubspot.BatchRead{IDs: []string{"Ana@X.org", "b@x.org"}, IDProperty: "email"},
			body: `{"results":[{"id":"1","properties":{"email":"ana@x.org"}}]}`, found: []string{"1"}, missing: []string{"b@x.org"}},
		{name: "missing key named in lower case", q: hubspot.BatchRead{IDs: []string{"Ana@X.org"}, IDProperty: "email"},
			body: `{"results":[],"errors":[` + fmt.Sprintf(notFound, `"ana@x.org"`) + `]}`, missing: []string{"Ana@X.org"}},
		{name: "found by an additional address", q: hubspot.BatchRead{IDs: []string{"old@x.org"}, IDProperty: "email"},
			body: `{"results":[{"id":"1","properties":{"email":"new@x.org"}}]}`, found: []string{"1"}},
		{name: "another error is not a missing record", q: hubspot.BatchRead{IDs: []string{"1", "2"}},
			body:    `{"results":[{"id":"1"}],"errors":[{"category":"VALIDATION_ERROR","message":"bad","context":{"ids":["2"]}}]}`,
			wantErr: "read 2 tickets: HubSpot refused it VALIDATION_ERROR: bad"},
		{name: "an answer without results proves no absence", q: hubspot.BatchRead{IDs: []string{"1"}},
			body: `{"status":"COMPLETE"}`, wantErr: "read 1 tickets: the answer of status 207 cannot be used: it holds no results"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				found, missing, err := newClient(t, scripted(says(207, tt.body))).ReadBatch(t.Context(), "tickets", tt.q)
				if tt.wantErr != "" {
					require.EqualError(t, err, tt.wantErr)
					return
				}
				require.NoError(t, err)
				var ids []string
				for _, o := range found {
					ids = append(ids, o.ID)
				}
				require.Equal(t, tt.found, ids)
				require.Equal(t, tt.missing, missing)
			})
		})
	}
}

func TestAssociationResults(t *testing.T) {
	t.Parallel()
	types := []hubspot.TypeSpec{{Category: "HUBSPOT_DEFINED", TypeID: 16}}
	in := []hubspot.AssociationWrite{{FromID: "1", ToID: "8", Types: types}, {FromID: "2", ToID: "9", Types: types}}
	tests := []struct {
		name, body string
		want       []string
	}{
		{"numbers, another order", `{"results":[{"fromObjectId":2,"toObjectId":9,"labels":[]},{"fromObjectId":1,"toObjectId":8,"labels":["x"]}]}`, []string{"8", "9"}},
		{"strings", `{"results":[{"fromObjectId":"1","toObjectId":"8"},{"fromObjectId":"2","toObjectId":"9"}]}`, []string{"8", "9"}},
		{"the unlabeled call's form, both directions", `{"results":[{"from":{"id":"8"},"to":{"id":"1"}},{"from":{"id":"1"},"to":{"id":"8"}},{"from":{"id":"2"},"to":{"id":"9"}}]}`, []string{"8", "9"}},
		{"one refused by its target", `{"results":[{"fromObjectId":1,"toObjectId":8}],"errors":[{"message":"bad","context":{"INVALID_OBJECT_IDS":["9"]}}]}`, []string{"8", "refused: bad"}},
		{"one refused by its pair", `{"results":[{"fromObjectId":1,"toObjectId":8}],"errors":[{"message":"bad","context":{"fromObjectId":["2"],"toObjectId":["9"]}}]}`, []string{"8", "refused: bad"}},
		{"one refused without a name", `{"results":[{"fromObjectId":1,"toObjectId":8}],"errors":[{"message":"bad"}]}`, []string{"8", "refused: bad"}},
		{"one not mentioned", `{"results":[{"fromObjectId":1,"toObjectId":8}]}`, []string{"8", "doubt"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newClient(t, scripted(says(207, tt.body)))
			got, err := c.AssociateBatch(t.Context(), "tickets", "contacts", in)
			require.NoError(t, err)
			require.Equal(t, tt.want, verdicts(got))
			got, err = c.AssociateDefaultBatch(t.Context(), "tickets", "contacts", in)
			require.NoError(t, err)
			require.Equal(t, tt.want, verdicts(got))
		})
	}
}

// TestDissociateTellsRefusals: the answer is empty as a rule; one that is not
// may hold a refusal.
func TestDissociateTellsRefusals(t *testing.T) {
	t.Parallel()
	pairs := []hubspot.AssociationWrite{{FromID: "1", ToID: "8"}}
	require.NoError(t, newClient(t, scripted(says(204, ""))).DissociateBatch(t.Context(), "tickets", "contacts", pairs))
	require.NoError(t, newClient(t, scripted(says(200, `{"status":"COMPLETE","results":[]}`))).DissociateBatch(t.Context(), "tickets", "contacts", pairs))
	err := newClient(t, scripted(says(207, `{"errors":[{"category":"VALIDATION_ERROR","message":"bad"}]}`))).DissociateBatch(t.Context(), "tickets", "contacts", pairs)
	require.EqualError(t, err, "dissociate 1 tickets from contacts: HubSpot refused it VALIDATION_ERROR: bad")
}

// TestReadAssociations follows the pages of each record apart, and takes the
// answer that there are none for what it is.
func TestReadAssociations(t *testing.T) {
	t.Parallel()
	label := func(id int) string { return fmt.Sprintf(`{"category":"HUBSPOT_DEFINED","typeId":%d,"label":null}`, id) }
	s := scripted(
		says(207, `{"results":[
			{"from":{"id":"1"},"to":[{"toObjectId":987654321098765432,"associationTypes":[`+label(26)+`,`+label(339)+`]}],"paging":{"next":{"after":"x1"}}},
			{"from":{"id":"2"},"to":[{"toObjectId":"5","associationTypes":[`+label(339)+`]}]}],
			"numErrors":1,"errors":[{"status":"error","category":"OBJECT_NOT_FOUND","subCategory":"crm.associations.NO_ASSOCIATIONS_FOUND","message":"No company is associated with ticket 3.","context":{"fromObjectId":["3"]}}]}`),
		says(200, `{"results":[{"from":{"id":"1"},"to":[{"toObjectId":"6","associationTypes":[]}],"paging":{"next":{"after":"x2"}}}]}`),
		says(200, `{"results":[{"from":{"id":"1"},"to":[{"toObjectId":"7","associationTypes":[]}]}]}`),
	)
	got, err := newClient(t, s).ReadAssociations(t.Context(), "tickets", "companies", []string{"1", "2", "3"})
	require.NoError(t, err)
	unlabeled := func(id int) hubspot.AssociationType {
		return hubspot.AssociationType{Category: "HUBSPOT_DEFINED", TypeID: id}
	}
	require.Equal(t, map[string][]hubspot.Associated{
		"1": {{ToID: "987654321098765432", Types: []hubspot.AssociationType{unlabeled(26), unlabeled(339)}},
			{ToID: "6", Types: []hubspot.AssociationType{}}, {ToID: "7", Types: []hubspot.AssociationType{}}},
		"2": {{ToID: "5", Types: []hubspot.AssociationType{unlabeled(339)}}},
	}, got)
	require.Equal(t, []string{`{"inputs":[{"id":"1"},{"id":"2"},{"id":"3"}]}`, `{"inputs":[{"id":"1","after":"x1"}]}`, `{"inputs":[{"id":"1","after":"x2"}]}`}, s.bodies)

	stuck := scripted(says(200, `{"results":[{"from":{"id":"1"},"to":[],"paging":{"next":{"after":"x"}}}]}`))
	_, err = newClient(t, stuck).ReadAssociations(t.Context(), "tickets", "companies", []string{"1"})
	require.ErrorContains(t, err, "the cursor of one of the tickets does not move")

	refused := scripted(says(207, `{"results":[],"errors":[{"category":"VALIDATION_ERROR","message":"bad"}]}`))
	_, err = newClient(t, refused).ReadAssociations(t.Context(), "tickets", "companies", []string{"1"})
	require.ErrorContains(t, err, "VALIDATION_ERROR")
}

// TestCreateBatchSaysNew: what a create stored is new.
func TestCreateBatchSaysNew(t *testing.T) {
	t.Parallel()
	s := scripted(says(207, `{"results":[{"id":"1","objectWriteTraceId":"a"}],"errors":[{"message":"bad","context":{"objectWriteTraceId":["b"]}}]}`))
	got, err := newClient(t, s).CreateBatch(t.Context(), "tickets", []hubspot.CreateInput{{TraceID: "a"}, {TraceID: "b"}})
	require.NoError(t, err)
	require.Equal(t, "1 new, refused: bad", strings.Join(verdicts(got), ", "))
}
