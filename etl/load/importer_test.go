package load_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/etl/load"
	"github.com/ticketetl/ticketetl/internal/hubspot"
	"github.com/ticketetl/ticketetl/internal/sandbox"
	"github.com/ticketetl/ticketetl/internal/schema"
)

// An account is a sandbox with a client for it. Unless a test says otherwise,
// every request must have been one that a careful client sends.
type account struct {
	server *sandbox.Server
	client *hubspot.Client
	schema *schema.Schema
	seq    int64
}

func newAccount(t *testing.T, opts sandbox.Options) *account {
	t.Helper()
	opts.Limits = sandbox.Unlimited
	if opts.World == nil {
		opts.World = sandbox.DefaultWorld()
	}
	world := opts.World
	server, err := sandbox.New(opts)
	require.NoError(t, err)
	client, err := hubspot.New(hubspot.Options{
		BaseURL: "http://127.0.0.1", Transport: server.Transport(), Tokens: hubspot.StaticToken("x"), Timeout: 5 * time.Second,
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	return &account{server: server, client: client, schema: world.Schema}
}

// write delivers recs by one operation and returns the outcomes.
func (a *account) write(t *testing.T, op etl.Operation, recs ...*etl.Record) []etl.Outcome {
	t.Helper()
	outcomes, err := a.sink(op, false).Write(t.Context(), recs)
	require.NoError(t, err)
	require.Len(t, outcomes, len(recs))
	return outcomes
}

func (a *account) sink(op etl.Operation, dry bool) *checked {
	a.seq++
	return &checked{load.NewImporter(a.client, load.ImportOptions{
		Operation: op, KeyProperty: "external_id", Schema: a.schema, Run: fmt.Sprintf("run%d", a.seq), DryRun: dry,
	})}
}

// A checked importer checks records before it writes them, as etl.Run does.
type checked struct{ *load.Importer }

func (c *checked) Write(ctx context.Context, batch []*etl.Record) ([]etl.Outcome, error) {
	rejected, err := c.Check(ctx, batch)
	out := make([]etl.Outcome, len(batch))
	var rest []*etl.Record
	for i, rec := range batch {
		out[i] = etl.Outcome{Status: etl.Unsent}
		if was, ok := rejected[i]; ok {
			out[i] = was
		} else {
			rest = append(rest, rec)
		}
	}
	if err != nil || len(rest) == 0 {
		return out, err
	}
	written, err := c.Importer.Write(ctx, rest)
	for i := range out {
		if _, ok := rejected[i]; !ok {
			out[i], written = written[0], written[1:]
		}
	}
	return out, err
}

// ticket is a good record with a key and further properties "name=value".
func (a *account) ticket(key string, more ...string) *etl.Record {
	a.seq++
	rec := &etl.Record{Seq: a.seq, Key: key, Properties: []etl.Property{
		{Name: "external_id", Value: key}, {Name: "subject", Value: "Ticket " + key},
		{Name: "hs_pipeline", Value: "0"}, {Name: "hs_pipeline_stage", Value: "1"},
	}}
	for _, m := range more {
		name, value, _ := strings.Cut(m, "=")
		for i := range rec.Properties {
			if rec.Properties[i].Name == name {
				rec.Properties[i].Value = value
				name = ""
			}
		}
		if name != "" {
			rec.Properties = append(rec.Properties, etl.Property{Name: name, Value: value})
		}
	}
	return rec
}

func statuses(outcomes []etl.Outcome) string {
	names := make([]string, len(outcomes))
	for i, o := range outcomes {
		names[i] = o.Status.String()
	}
	return strings.Join(names, " ")
}

// stored finds a live ticket by its key.
func (a *account) stored(t *testing.T, key string) sandbox.Ticket {
	t.Helper()
	var found []sandbox.Ticket
	for _, ticket := range a.server.Tickets(false) {
		if ticket.Properties["external_id"] == key {
			found = append(found, ticket)
		}
	}
	require.Len(t, found, 1, "tickets with key %s", key)
	return found[0]
}

func contact(a *account, t *testing.T, i int, labels ...int) etl.Reference {
	t.Helper()
	ref := etl.Reference{To: "contacts", ID: sandbox.DefaultWorld().Contacts[i].ID}
	if len(labels) > 0 {
		ref.Category, ref.TypeID = "USER_DEFINED", labels[0]
	}
	return ref
}

// label is the id of a label between tickets and contacts.
func (a *account) label(t *testing.T, name string) int {
	t.Helper()
	found := a.schema.MatchLabels("contacts", name)
	require.Len(t, found, 1)
	return found[0].TypeID
}

func TestCreate(t *testing.T) {
	t.Parallel()
	a := newAccount(t, sandbox.Options{})
	reporter := a.label(t, "Reporter")
	one := a.ticket("T-1")
	one.References = []etl.Reference{contact(a, t, 0, reporter), contact(a, t, 1)}
	bad := a.ticket("T-2", "hs_ticket_priority=NOPE")
	three := a.ticket("T-3")

	out := a.write(t, etl.Create, one, bad, three)
	require.Equal(t, "created failed created", statuses(out))
	require.Equal(t, "INVALID_OPTION", out[1].Problems[0].Code)
	require.Equal(t, "hs_ticket_priority", out[1].Problems[0].Property)
	require.Equal(t, out[0].ID, a.stored(t, "T-1").ID)
	require.Len(t, a.stored(t, "T-1").Associations["contacts"], 2)
	require.Contains(t, a.stored(t, "T-1").Associations["contacts"][0].TypeIDs, reporter)
	require.Len(t, a.server.Tickets(false), 2)

	again := a.write(t, etl.Create, a.ticket("T-1"))
	require.Equal(t, "rejected", statuses(again), "a key that is taken is known before anything is sent")
	require.Equal(t, "TICKET_EXISTS", again[0].Problems[0].Code)
	require.Equal(t, out[0].ID, again[0].ID)
}

func TestUpsertSendsOnlyWhatDiffers(t *testing.T) {
	t.Parallel()
	a := newAccount(t, sandbox.Options{})
	out := a.write(t, etl.Upsert, a.ticket("T-1", "horas_trabalhadas=1.50", "modulos=m_cad;m_rel"), a.ticket("T-2"))
	require.Equal(t, "created created", statuses(out))
	before := a.server.Requests()["POST /crm/v3/objects/{type}/batch/upsert"]

	out = a.write(t, etl.Upsert, a.ticket("T-1", "horas_trabalhadas=1.5", "modulos=m_rel;m_cad"), a.ticket("T-2"))
	require.Equal(t, "unchanged unchanged", statuses(out), "numbers by value, options as sets")
	require.Equal(t, before, a.server.Requests()["POST /crm/v3/objects/{type}/batch/upsert"], "nothing was sent")

	out = a.write(t, etl.Upsert, a.ticket("T-2", "subject=New"), a.ticket("T-3"), a.ticket("T-1", "horas_trabalhadas=1.5", "modulos=m_rel"))
	require.Equal(t, "updated created updated", statuses(out))
	require.Equal(t, "New", a.stored(t, "T-2").Properties["subject"])
	require.Equal(t, "m_rel", a.stored(t, "T-1").Properties["modulos"])
	require.Empty(t, a.server.Violations())
}

func TestUpdateAndDeleteNeedTheTicket(t *testing.T) {
	t.Parallel()
	for _, op := range []etl.Operation{etl.Update, etl.Delete} {
		t.Run(string(op), func(t *testing.T) {
			t.Parallel()
			a := newAccount(t, sandbox.Options{})
			a.write(t, etl.Create, a.ticket("T-1"))
			missing := a.ticket("T-9")
			missing.KeyColumn = 3
			out := a.write(t, op, a.ticket("T-1", "subject=New"), missing)
			require.Equal(t, map[etl.Operation]string{etl.Update: "updated rejected", etl.Delete: "deleted rejected"}[op], statuses(out))
			require.Equal(t, etl.Problem{
				Column: 3, Value: "T-9", Code: "TICKET_NOT_FOUND",
				Message: `no ticket in this account has external_id "T-9"`,
				Hint:    "correct the key, or use operation: upsert to create what is missing",
			}, out[1].Problems[0])
			require.Equal(t, op == etl.Delete, len(a.server.Tickets(false)) == 0)
			require.Empty(t, a.server.Violations())
		})
	}
}

// A stage without its pipeline can only be one of the ticket's own.
func TestUpdateOfAStageAlone(t *testing.T) {
	t.Parallel()
	a := newAccount(t, sandbox.Options{})
	own, other := a.schema.Pipelines[0], a.schema.Pipelines[1]
	a.write(t, etl.Create, a.ticket("T-1"), a.ticket("T-2"))
	stageOnly := func(key, stage string) *etl.Record {
		a.seq++
		return &etl.Record{Seq: a.seq, Key: key, Properties: []etl.Property{{Name: "hs_pipeline_stage", Value: stage}}}
	}

	out := a.write(t, etl.Update, stageOnly("T-1", other.Stages[0].ID), stageOnly("T-2", own.Stages[1].ID))
	require.Equal(t, "rejected updated", statuses(out))
	require.Equal(t, etl.Problem{
		Column: -1, Property: "hs_pipeline_stage", Value: other.Stages[0].Label, Code: "INVALID_STAGE",
		Message: fmt.Sprintf("%q is not a stage of %q, the pipeline in which the ticket is", other.Stages[0].Label, own.Label),
		Hint:    "map hs_pipeline too, if the ticket is to move to another pipeline",
	}, out[0].Problems[0])
	require.Equal(t, "unchanged", statuses(a.write(t, etl.Update, stageOnly("T-2", own.Stages[1].ID))))
	require.Equal(t, "rejected", statuses(a.write(t, etl.Upsert, stageOnly("T-2", other.Stages[0].ID))), "as with a pipeline that is not to be written over")
	require.Empty(t, a.server.Violations(), "what HubSpot would refuse is not sent")
}

func TestKeyIsTheRecordID(t *testing.T) {
	t.Parallel()
	a := newAccount(t, sandbox.Options{})
	id := a.write(t, etl.Create, a.ticket("T-1"))[0].ID
	imp := load.NewImporter(a.client, load.ImportOptions{Operation: etl.Update, KeyProperty: load.RecordID, Schema: a.schema, Run: "r"})
	out, err := imp.Write(t.Context(), []*etl.Record{
		{Seq: 1, Key: id, Properties: []etl.Property{{Name: "subject", Value: "By id"}}},
		{Seq: 2, Key: "999", Properties: []etl.Property{{Name: "subject", Value: "Nobody"}}},
	})
	require.NoError(t, err)
	require.Equal(t, "updated rejected", statuses(out))
	require.Equal(t, "By id", a.stored(t, "T-1").Properties["subject"])
	require.Empty(t, a.server.Violations())
}

func TestAssociationsKeepTheLabelsThatAreThere(t *testing.T) {
	t.Parallel()
	a := newAccount(t, sandbox.Options{})
	reporter, approver := a.label(t, "Reporter"), a.label(t, "Approver")
	rec := func(refs ...etl.Reference) *etl.Record {
		r := a.ticket("T-1")
		r.References = refs
		return r
	}
	a.write(t, etl.Upsert, rec(contact(a, t, 0, reporter)))
	require.Equal(t, "updated", statuses(a.write(t, etl.Upsert, rec(contact(a, t, 0, approver)))), "an association is a change")
	types := a.stored(t, "T-1").Associations["contacts"][0].TypeIDs
	require.Contains(t, types, reporter)
	require.Contains(t, types, approver)
	require.Equal(t, "unchanged", statuses(a.write(t, etl.Upsert, rec(contact(a, t, 0, reporter), contact(a, t, 0)))))

	only := func(refs ...etl.Reference) *etl.Record {
		return &etl.Record{Seq: 99, Key: "T-1", References: refs}
	}
	require.Equal(t, "associated", statuses(a.write(t, etl.Associate, only(contact(a, t, 1)))))
	require.Equal(t, "unchanged", statuses(a.write(t, etl.Associate, only(contact(a, t, 1)))))
	require.Equal(t, "associated", statuses(a.write(t, etl.Dissociate, only(contact(a, t, 0, reporter)))), "one label goes")
	require.NotContains(t, a.stored(t, "T-1").Associations["contacts"][0].TypeIDs, reporter)
	require.Contains(t, a.stored(t, "T-1").Associations["contacts"][0].TypeIDs, approver)
	require.Equal(t, "associated", statuses(a.write(t, etl.Dissociate, only(contact(a, t, 0)))), "all of it goes")
	require.Len(t, a.stored(t, "T-1").Associations["contacts"], 1)
	require.Equal(t, "unchanged", statuses(a.write(t, etl.Dissociate, only(contact(a, t, 0)))))
	require.Empty(t, a.server.Violations())
}

func TestOneTicketInSeveralRowsOfAssociate(t *testing.T) {
	t.Parallel()
	a := newAccount(t, sandbox.Options{})
	a.write(t, etl.Create, a.ticket("T-1"))
	row := func(seq int64, ref etl.Reference) *etl.Record {
		return &etl.Record{Seq: seq, Key: "T-1", References: []etl.Reference{ref}}
	}
	out := a.write(t, etl.Associate, row(1, contact(a, t, 0)), row(2, contact(a, t, 1)), row(3, contact(a, t, 0)))
	require.Equal(t, "associated associated unchanged", statuses(out))
	require.Len(t, a.stored(t, "T-1").Associations["contacts"], 2)
	require.Empty(t, a.server.Violations())
}

func TestAssociationThatFailsLeavesTheTicketNamed(t *testing.T) {
	t.Parallel()
	a := newAccount(t, sandbox.Options{})
	rec := a.ticket("T-1")
	rec.References = []etl.Reference{{To: "contacts", ID: "123", Value: "gone@example.com", Column: 4}}
	other := a.ticket("T-2")
	other.References = []etl.Reference{contact(a, t, 0)}
	out := a.write(t, etl.Upsert, rec, other)
	require.Equal(t, "failed created", statuses(out))
	require.Equal(t, a.stored(t, "T-1").ID, out[0].ID)
	require.Contains(t, out[0].Problems[0].Message, "the ticket is stored as "+out[0].ID+", but its association with contacts 123 is not")
	require.Equal(t, 4, out[0].Problems[0].Column)
	require.Equal(t, "gone@example.com", out[0].Problems[0].Value)
}

func TestDryRunWritesNothing(t *testing.T) {
	t.Parallel()
	a := newAccount(t, sandbox.Options{})
	a.write(t, etl.Create, a.ticket("T-1"), a.ticket("T-2"))
	withContact := a.ticket("T-2")
	withContact.References = []etl.Reference{contact(a, t, 0)}
	tests := []struct {
		op   etl.Operation
		want string
	}{
		{etl.Create, "rejected rejected created"},
		{etl.Update, "updated updated rejected"},
		{etl.Upsert, "updated updated created"},
		{etl.Delete, "deleted deleted rejected"},
		{etl.Associate, "unchanged updated rejected"},
	}
	for _, tt := range tests {
		out, err := a.sink(tt.op, true).Write(t.Context(), []*etl.Record{a.ticket("T-1", "subject=New"), withContact, a.ticket("T-3")})
		require.NoError(t, err)
		require.Equal(t, tt.want, statuses(out), tt.op)
	}
	for _, ticket := range a.server.Tickets(false) {
		require.Equal(t, "Ticket "+ticket.Properties["external_id"], ticket.Properties["subject"])
		require.Empty(t, ticket.Associations)
	}
	require.Len(t, a.server.Tickets(false), 2)
}

// TestPoisonRows has an account that refuses whole batches because of single
// rows: the bad rows are found, the others are written, each once.
func TestPoisonRows(t *testing.T) {
	t.Parallel()
	a := newAccount(t, sandbox.Options{Switches: sandbox.Switches{UpdateWholeBatch400: true}})
	var recs []*etl.Record
	for i := range 100 {
		recs = append(recs, a.ticket(fmt.Sprintf("T-%03d", i)))
	}
	a.write(t, etl.Create, recs...)
	var changed []*etl.Record
	for i := range 100 {
		more := "subject=New"
		if i%33 == 7 {
			more = fmt.Sprintf("hs_ticket_priority=BAD%d", i)
		}
		changed = append(changed, a.ticket(fmt.Sprintf("T-%03d", i), more))
	}
	before := a.server.Requests()["POST /crm/v3/objects/{type}/batch/update"]
	out := a.write(t, etl.Update, changed...)
	calls := a.server.Requests()["POST /crm/v3/objects/{type}/batch/update"] - before
	for i, o := range out {
		if i%33 == 7 {
			require.Equal(t, etl.Failed, o.Status, i)
			require.Equal(t, "INVALID_OPTION", o.Problems[0].Code)
			continue
		}
		require.Equal(t, etl.Updated, o.Status, i)
	}
	const bad, log2of100 = 3, 7
	require.LessOrEqual(t, calls-1, 2*bad*log2of100, "extra calls")
	require.Empty(t, a.server.Violations())
}

func TestTooManyDoubtsStopTheRun(t *testing.T) {
	t.Parallel()
	a := newAccount(t, sandbox.Options{Faults: sandbox.Faults{{Match: "POST batch/create", Kind: sandbox.ResetBefore}}})
	imp := a.sink(etl.Create, false)
	for i := range 10 {
		out, err := imp.Write(t.Context(), []*etl.Record{a.ticket(fmt.Sprintf("T-%d", i))})
		require.Equal(t, "in-doubt", statuses(out))
		if err != nil {
			require.ErrorIs(t, err, load.ErrTooManyDoubts)
			require.Equal(t, 4, i)
			return
		}
	}
	t.Fatal("the run was not stopped")
}

func TestStopsAtTheDailyLimitAndOnLostAccess(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		kind  sandbox.Kind
		check func(error) bool
	}{
		{"daily limit", sandbox.DailyLimit, hubspot.IsDailyLimit},
		{"token that expired", sandbox.TokenExpired, hubspot.IsAuth},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := newAccount(t, sandbox.Options{Faults: sandbox.Faults{{Match: "batch/", Kind: tt.kind}}})
			for _, op := range []etl.Operation{etl.Create, etl.Upsert} {
				out, err := a.sink(op, false).Write(t.Context(), []*etl.Record{a.ticket("T-1"), a.ticket("T-2")})
				require.True(t, tt.check(err), "%v", err)
				require.Equal(t, "unsent unsent", statuses(out))
			}
			require.Empty(t, a.server.Tickets(false))
		})
	}
}

// TestDeleteIsCarriedOn: a ticket that an earlier attempt deleted is told as
// deleted, with its id; one that never was there is not.
func TestDeleteIsCarriedOn(t *testing.T) {
	t.Parallel()
	for _, byID := range []bool{false, true} {
		a := newAccount(t, sandbox.Options{})
		id := a.write(t, etl.Create, a.ticket("T-1"))[0].ID
		require.Equal(t, "deleted", statuses(a.write(t, etl.Delete, a.ticket("T-1"))))
		gone, never := a.ticket("T-1"), a.ticket("T-9")
		property := "external_id"
		if byID {
			gone.Key, never.Key, property = id, "999", load.RecordID
		}
		gone.Doubt, never.Doubt = &etl.Doubt{Floor: "0"}, &etl.Doubt{Floor: "0"}
		imp := load.NewImporter(a.client, load.ImportOptions{Operation: etl.Delete, KeyProperty: property, Schema: a.schema, Run: "r"})
		out, err := imp.Write(t.Context(), []*etl.Record{gone, never})
		require.NoError(t, err)
		require.Equal(t, "deleted rejected", statuses(out))
		require.Equal(t, id, out[0].ID)
		require.Empty(t, a.server.Violations())
	}
}
