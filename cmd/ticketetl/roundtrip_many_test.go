package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/xuri/excelize/v2"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/etl/load"
	"github.com/ticketetl/ticketetl/internal/hubspot"
	"github.com/ticketetl/ticketetl/internal/sandbox"
	"github.com/ticketetl/ticketetl/internal/schema"
)

const (
	manyOptions = 5000
	manyStages  = 150
	manyOwners  = 2000
	perTicket   = 7 // options: the i-th ticket has the one of this times i
	manyTickets = manyOptions / perTicket
)

// trickyLabel is a label that a list in a formula, or a careless program, would spoil.
func trickyLabel(i int) string {
	label := []string{
		"Option %d, with a comma", `Option %d "quoted"`, "=SUM(A%d)", "Ação nº %d; 😀", "-%d", "+55 %d", "'%d'", "@option%d", "%08d", "1e%d",
		"Option %d " + strings.Repeat("of a long name ", 15) + "end", "<b>&amp;%d</b>", "Option %d|with|bars", "2026-01-%d", "TRUE %d", "#N/A %d",
	}[i%16]
	return fmt.Sprintf(label, i)
}

// manyChoices is an account with thousands of options and owners, and a pipeline with
// very many stages.
func manyChoices() *sandbox.World {
	w := sandbox.DefaultWorld()
	p := *w.Schema.Property("produto")
	p.Name, p.Label, p.Options = "muitos", "Muitos", nil
	for i := range manyOptions {
		p.Options = append(p.Options, schema.Option{Label: trickyLabel(i), Value: fmt.Sprint("opt_", i), DisplayOrder: i})
	}
	w.Schema.Properties = append(w.Schema.Properties, p)
	line := schema.Pipeline{ID: "900", Label: `Obras, "grandes"`}
	for i := range manyStages {
		line.Stages = append(line.Stages, schema.Stage{ID: strconv.Itoa(9000 + i), Label: trickyLabel(i), DisplayOrder: i, Metadata: map[string]string{"ticketState": "OPEN", "isClosed": "false"}})
	}
	w.Schema.Pipelines = append(w.Schema.Pipelines, line)
	for i := range manyOwners {
		owner := schema.Owner{ID: strconv.Itoa(713_000_000 + i), FirstName: "Person", LastName: fmt.Sprint("Number ", i%1990), Type: "PERSON"}
		if i%3 > 0 {
			owner.Email = fmt.Sprintf("person.%d@desk.example", i)
		}
		w.Schema.Owners = append(w.Schema.Owners, owner)
	}
	return w
}

// choices are the texts from which the drop-down of a column lets people choose, which
// stand on the hidden sheet.
func (e *editor) choices(header string) []string {
	validations, err := e.book.GetDataValidations(load.TicketsSheet)
	require.NoError(e.t, err)
	letter := strings.TrimRight(e.cell(2, header), "0123456789")
	at := slices.IndexFunc(validations, func(v *excelize.DataValidation) bool { return strings.HasPrefix(v.Sqref, letter+"2:") })
	require.GreaterOrEqual(e.t, at, 0, header)
	cells, found := strings.CutPrefix(validations[at].Formula1, etl.ChoicesSheet+"!")
	require.True(e.t, found, validations[at].Formula1)
	from, to, _ := strings.Cut(strings.ReplaceAll(cells, "$", ""), ":")
	column, top, err := excelize.CellNameToCoordinates(from)
	require.NoError(e.t, err)
	_, bottom, err := excelize.CellNameToCoordinates(to)
	require.NoError(e.t, err)
	rows, err := e.book.GetRows(etl.ChoicesSheet)
	require.NoError(e.t, err)
	var texts []string
	for _, row := range rows[top-1 : bottom] {
		texts = append(texts, row[column-1])
	}
	return texts
}

// TestRoundTripOfThousandsOfChoices: each choice of the drop-downs, whatever it is
// called, leads to its value; what is not touched is not sent.
func TestRoundTripOfThousandsOfChoices(t *testing.T) {
	t.Parallel()
	tr := newTripIn(t, manyChoices(), manyTickets, func(i int) []hubspot.Property {
		return []hubspot.Property{
			{Name: "subject", Value: fmt.Sprint("Ticket ", i)}, {Name: "hs_pipeline", Value: "900"}, {Name: "hs_pipeline_stage", Value: strconv.Itoa(9000 + i%manyStages)},
			{Name: "muitos", Value: fmt.Sprint("opt_", i*perTicket)}, {Name: "hubspot_owner_id", Value: strconv.Itoa(713_000_000 + i%manyOwners)},
		}
	})
	tr.export(t, "tickets.xlsx", "--properties", "subject,hs_pipeline_stage,hubspot_owner_id,muitos", "--associations", "none")
	require.Empty(t, tr.imports(t, exitDone, "tickets.xlsx"))
	require.Contains(t, tr.out.String(), "no cell was changed since the export")

	e := tr.open(t, "tickets.xlsx")
	visible, err := e.book.GetSheetVisible(etl.ChoicesSheet)
	require.NoError(t, err)
	require.False(t, visible)
	options, owners := e.choices("muitos"), e.choices("hubspot_owner_id")
	require.Len(t, options, manyOptions)
	require.GreaterOrEqual(t, len(owners), manyOwners)
	for i := range manyOptions {
		require.Equal(t, trickyLabel(i), options[i])
	}
	var want []string
	for i := range manyTickets {
		if i%10 > 0 {
			e.set(i+2, "muitos", options[i*perTicket+1])
			want = append(want, tr.ids[i]+" muitos=opt_"+strconv.Itoa(i*perTicket+1))
		}
	}
	stage := trickyLabel(manyStages - 1)
	e.set(2, "hs_pipeline_stage", stage)
	e.set(2, "hubspot_owner_id", owners[len(owners)-1])
	want = append(want, tr.ids[0]+" hs_pipeline_stage="+strconv.Itoa(9000+manyStages-1), tr.ids[0]+" hubspot_owner_id="+strconv.Itoa(713_000_000+manyOwners-1))
	e.save()
	slices.Sort(want)
	require.Equal(t, want, tr.imports(t, exitDone, "tickets.xlsx", "--yes"))
	require.Equal(t, (manyTickets*9/10+99)/100, tr.calls, "in the fewest batches")
	require.Empty(t, tr.server.Violations())
}
