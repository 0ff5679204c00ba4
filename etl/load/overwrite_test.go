package load_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/etl/load"
	"github.com/ticketetl/ticketetl/internal/sandbox"
)

// guarded is a sink with policies for values that tickets have already.
func (a *account) guarded(op etl.Operation, canary int) *load.Importer {
	a.seq++
	return load.NewImporter(a.client, load.ImportOptions{
		Operation: op, KeyProperty: "external_id", Schema: a.schema, Run: fmt.Sprintf("run%d", a.seq), Canary: canary,
		Overwrite: map[string]string{"content": load.KeepFilled, "hs_ticket_priority": load.KeepAll, "hs_pipeline": load.KeepAll, "hs_pipeline_stage": load.KeepAll},
	})
}

func TestOverwrite(t *testing.T) {
	t.Parallel()
	a := newAccount(t, sandbox.Options{})
	a.write(t, etl.Create, a.ticket("T-1", "hs_ticket_priority=LOW", "content=mine"), a.ticket("T-2"))

	out, err := a.guarded(etl.Upsert, 3).Write(t.Context(), []*etl.Record{
		a.ticket("T-1", "subject=new", "content=theirs", "hs_ticket_priority=HIGH", "hs_pipeline_stage=2"),
		a.ticket("T-2", "content=theirs", "hs_ticket_priority=HIGH"),
		a.ticket("T-3", "content=theirs", "hs_ticket_priority=HIGH", "hs_pipeline_stage=2"),
	})
	require.NoError(t, err, "the canary compares only what was to be written")
	require.Equal(t, "updated updated created", statuses(out))
	get := func(key string) [4]string {
		p := a.stored(t, key).Properties
		return [4]string{p["subject"], p["content"], p["hs_ticket_priority"], p["hs_pipeline_stage"]}
	}
	require.Equal(t, [4]string{"new", "mine", "LOW", "1"}, get("T-1"))
	require.Equal(t, [4]string{"Ticket T-2", "theirs", "", "1"}, get("T-2"))
	require.Equal(t, [4]string{"Ticket T-3", "theirs", "HIGH", "2"}, get("T-3"))

	out, err = a.guarded(etl.Update, 0).Write(t.Context(), []*etl.Record{a.ticket("T-1", "subject=new", "content=other", "hs_ticket_priority=HIGH")})
	require.NoError(t, err)
	require.Equal(t, "unchanged", statuses(out), "nothing is left to be sent")
}

// Options to be added keep those that a ticket has; a new ticket gets them alone.
func TestAppend(t *testing.T) {
	t.Parallel()
	a := newAccount(t, sandbox.Options{})
	a.write(t, etl.Create, a.ticket("T-1", "hs_ticket_category=BILLING_ISSUE"))
	out := a.write(t, etl.Upsert,
		a.ticket("T-1", "hs_ticket_category=;PRODUCT_ISSUE;BILLING_ISSUE"), a.ticket("T-2", "hs_ticket_category=;PRODUCT_ISSUE"))
	require.Equal(t, "updated created", statuses(out))
	require.ElementsMatch(t, []string{"BILLING_ISSUE", "PRODUCT_ISSUE"}, options(a.stored(t, "T-1")))
	require.Equal(t, []string{"PRODUCT_ISSUE"}, options(a.stored(t, "T-2")))

	out = a.write(t, etl.Update, a.ticket("T-1", "hs_ticket_category=;PRODUCT_ISSUE"))
	require.Equal(t, "unchanged", statuses(out))
	require.Empty(t, a.server.Violations())
}

func options(ticket sandbox.Ticket) []string {
	return strings.Split(ticket.Properties["hs_ticket_category"], ";")
}
