package etl_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ticketetl/ticketetl/etl"
)

func TestHeader(t *testing.T) {
	t.Parallel()
	h := etl.NewHeader([]string{" Subject ", "", "Status", "Status", "status (2)", "Due  Date", "Tags", "Tags", "Tags (2)", ""})
	require.Equal(t, []string{"Subject", "", "Status", "Status (2)", "status (2)", "Due  Date", "Tags", "Tags (3)", "Tags (2)", ""}, h.Names())
	tests := []struct {
		name string
		want int
		ok   bool
	}{
		{"Subject", 0, true},
		{" subject", 0, true},
		{"Status", 2, true},
		{"Status (2)", 3, true},
		{"status (2)", 4, true},
		{"STATUS (2)", 0, false}, // two columns are named so
		{"STATUS", 2, true},
		{"Tags (2)", 8, true},
		{"Tags (3)", 7, true},
		{"due date", 5, true},
		{"B", 1, true},
		{"C", 0, false},
		{"ZZ", 0, false},
		{"", 0, false},
	}
	for _, tt := range tests {
		i, ok := h.Column(tt.name)
		require.Equal(t, tt.ok, ok, tt.name)
		require.Equal(t, tt.want, i, tt.name)
	}
	require.Equal(t, "", h.Name(99))
}

func TestColumnLetters(t *testing.T) {
	t.Parallel()
	for i, letter := range map[int]string{0: "A", 25: "Z", 26: "AA", 701: "ZZ", 702: "AAA", 16383: "XFD", -1: ""} {
		require.Equal(t, letter, etl.ColumnLetter(i))
	}
	rapid.Check(t, func(t *rapid.T) {
		i := rapid.IntRange(0, 16383).Draw(t, "column")
		back, ok := etl.LetterColumn(etl.ColumnLetter(i))
		require.True(t, ok)
		require.Equal(t, i, back)
	})
}

func TestGuardCell(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, in, want string }{
		{"formula", "=1+1", "'=1+1"},
		{"plus", "+55 11 1234", "'+55 11 1234"},
		{"at", "@SUM(A1)", "'@SUM(A1)"},
		{"tab", "\t=1", "'\t=1"},
		{"minus and text", "-cmd", "'-cmd"},
		{"negative number", "-12.5", "-12.5"},
		{"plain text", "hello = world", "hello = world"},
		{"an apostrophe of its own", "'=1", "''=1"},
		{"an apostrophe before a number", "'-1", "''-1"},
		{"empty", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.want, etl.GuardCell(tt.in))
		})
	}
}

func FuzzGuardCell(f *testing.F) {
	for _, seed := range []string{"", "=1", "'=1", "''", "-1", "'-1", "''-1", "-", "--1", "\r\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		require.Equal(t, s, etl.UnguardCell(etl.GuardCell(s)))
	})
}

func TestPositionString(t *testing.T) {
	t.Parallel()
	tests := []struct {
		pos  etl.Position
		want string
	}{
		{etl.Position{File: "desk.xlsx", Sheet: "Export", Row: 14}, "desk.xlsx [Export] row 14"},
		{etl.Position{File: "desk.csv", Row: 14, Line: 14}, "desk.csv row 14"},
		{etl.Position{File: "desk.csv", Row: 14, Line: 31}, "desk.csv row 14 (line 31)"},
	}
	for _, tt := range tests {
		require.Equal(t, tt.want, tt.pos.String())
	}
}

func TestStatusNames(t *testing.T) {
	t.Parallel()
	for _, s := range etl.Statuses() {
		back, err := etl.ParseStatus(s.String())
		require.NoError(t, err)
		require.Equal(t, s, back)
	}
	_, err := etl.ParseStatus("done")
	require.EqualError(t, err, `"done" is not a status`)
}

func TestKindLetters(t *testing.T) {
	t.Parallel()
	for k := etl.Text; k <= etl.CellError; k++ {
		require.Equal(t, k, etl.KindOf(k.Letter()))
	}
	require.Equal(t, etl.Text, etl.KindOf('?'))
}

// Marks of direction around a name, as Arabic and Hebrew exports have them, are no
// part of it, and accents may be encoded in either way.
func TestHeaderWithoutMarks(t *testing.T) {
	t.Parallel()
	h := etl.NewHeader([]string{"\u200fرقم", "\ufeffId", "a\u200db", "Nu\u0301mero"})
	require.Equal(t, []string{"رقم", "Id", "a\u200db", "Nu\u0301mero"}, h.Names())
	for i, name := range []string{"رقم", "\u200eid", "a\u200db", "N\u00famero"} {
		at, ok := h.Column(name)
		require.True(t, ok)
		require.Equal(t, i, at)
	}
}
