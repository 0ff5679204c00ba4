package transform_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/etl/transform"
)

const openDates = updateHead + "properties:\n  due: Due\n  createdate: {column: Created, dates: mdy}\n"

func evidence(t *testing.T, cells ...string) (map[int]transform.DateOrder, error) {
	t.Helper()
	e := compile(t, openDates).Evidence()
	require.NotNil(t, e)
	for i, cell := range cells {
		rec := row("Due", cell, "Created", "13/01/2024")
		rec.Pos.Row = i + 2
		e.Add(rec)
	}
	return e.Decide("in.csv")
}

func TestOrderOfDayAndMonth(t *testing.T) {
	t.Parallel()
	const due = 7
	tests := []struct {
		name  string
		cells []string
		want  map[int]transform.DateOrder
		fault string
	}{
		{"day first, as one row shows", []string{"01/02/2024", "", "31.1.2024", "soon"}, map[int]transform.DateOrder{due: {Form: "dmy", Row: 4}}, ""},
		{"month first", []string{"01/02/2024 10:00", "1/31/2024 10:00"}, map[int]transform.DateOrder{due: {Form: "mdy", Row: 3}}, ""},
		{"ISO only", []string{"2024-01-02", "2024-02-01"}, map[int]transform.DateOrder{}, ""},
		{"blank", []string{"", " "}, map[int]transform.DateOrder{}, ""},
		{"day and month are the same", []string{"05/05/2024"}, map[int]transform.DateOrder{due: {Form: "dmy"}}, ""},
		{"nothing shows it", []string{"01/02/2024", "03/04/2024", "05/05/2024"}, nil,
			`m.yaml:4:8: column "Due" of in.csv: nothing in it tells whether "01/02/2024" (row 2 and 1 more) is day/month/year or month/day/year; say it: dates: dmy or dates: mdy, for this property or in source`},
		{"both are shown", []string{"31/01/2024", "01/02/2024", "30/01/2024", "01/31/2024"}, nil,
			`m.yaml:4:8: column "Due" of in.csv: "31/01/2024" (row 2 and 1 more) can only be day/month/year, and "01/31/2024" (row 5) only month/day/year; say it: dates: dmy or dates: mdy, for this property or in source`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			orders, err := evidence(t, tt.cells...)
			if tt.fault != "" {
				require.EqualError(t, err, tt.fault)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tt.want, orders)
		})
	}
}

// What the column shows is used, and said.
func TestShownOrderIsUsed(t *testing.T) {
	t.Parallel()
	orders, err := evidence(t, "01/02/2024", "31/01/2024")
	require.NoError(t, err)
	m, err := transform.Parse("m.yaml", []byte(openDates))
	require.NoError(t, err)
	mapper, err := transform.Compile(m, account(), etl.NewHeader(deskHeader), transform.CompileOptions{Dates: orders})
	require.NoError(t, err)
	require.Nil(t, mapper.Evidence(), "nothing is left open")
	for cell, want := range map[string]string{"01/02/2024": "due=2024-02-01", "2024-02-01": "due=2024-02-01"} {
		rec := row("Ticket ID", "1", "Due", cell)
		_, problems := mapper.Apply(rec)
		require.Empty(t, problems)
		require.Equal(t, []string{want}, written(rec))
	}
	require.Equal(t, "date, year-month-day or day/month/year (as row 3 shows)", mapper.Columns()[1].Conversion)
	_, problems := mapper.Apply(row("Ticket ID", "1", "Due", "01/31/2024"))
	require.Len(t, problems, 1)
	require.Equal(t, transform.CodeImpossibleDate, problems[0].Code)

	require.Nil(t, compile(t, updateHead+"properties: {due: {column: Due, dates: iso}, content: Due}\n").Evidence())
}
