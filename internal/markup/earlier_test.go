package markup_test

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/xuri/excelize/v2"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/internal/markup"
)

// saved is what a spreadsheet program makes of a workbook when somebody has
// changed it: a file that is written anew.
func saved(t *testing.T, path string, change func(f *excelize.File)) string {
	t.Helper()
	f, err := excelize.OpenFile(path)
	require.NoError(t, err)
	defer f.Close()
	change(f)
	out := filepath.Join(t.TempDir(), "saved.xlsx")
	require.NoError(t, f.SaveAs(out))
	return out
}

// striped is rich with cells in colours of the user's, two of them like ours.
func striped(t *testing.T) string {
	return saved(t, rich(t), func(f *excelize.File) {
		for ref, color := range map[string]string{"B3": "DDEBF7", "D6": "FFFF00", "B9": "FFC7CE", "A12": "FFC7CD"} {
			style := styleOf(t, f, "Desk", ref)
			style.Fill = excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{color}}
			id, err := f.NewStyle(style)
			require.NoError(t, err)
			require.NoError(t, f.SetCellStyle("Desk", ref, ref, id))
		}
	})
}

func fillsOf(t *testing.T, path, sheet string) map[string]string {
	t.Helper()
	f, err := excelize.OpenFile(path)
	require.NoError(t, err)
	defer f.Close()
	fills := map[string]string{}
	for row := 1; row <= 42; row++ {
		for column := 1; column <= 14; column++ {
			ref, err := excelize.CoordinatesToCellName(column, row)
			require.NoError(t, err)
			if color := styleOf(t, f, sheet, ref).Fill.Color; len(color) > 0 {
				fills[ref] = color[0]
			}
		}
	}
	return fills
}

func notesOf(t *testing.T, path, sheet string) []string {
	t.Helper()
	f, err := excelize.OpenFile(path)
	require.NoError(t, err)
	defer f.Close()
	notes, err := f.GetComments(sheet)
	require.NoError(t, err)
	var at []string
	for _, n := range notes {
		at = append(at, n.Cell)
	}
	slices.Sort(at)
	return at
}

// TestMarksComeOff: of a marked workbook that somebody has mended and saved,
// the next copy shows what is left, and the user's own colours and comments.
func TestMarksComeOff(t *testing.T) {
	t.Parallel()
	path := striped(t)
	own := fillsOf(t, path, "Desk")
	tests := []struct {
		name   string
		mend   func(f *excelize.File)
		sheets []string
	}{
		{name: "saved", mend: func(*excelize.File) {}},
		{name: "with the list renamed and a sheet behind it", mend: func(f *excelize.File) {
			require.NoError(t, f.SetSheetName("Problems (2)", "My 'own' list"))
			list := excelize.DefinedName{Name: etl.ProblemsName, Scope: "Workbook", RefersTo: "'My ''own'' list'!$A$1"}
			require.NoError(t, f.DeleteDefinedName(&list)) // excelize leaves the sheet's old name in it
			require.NoError(t, f.SetDefinedName(&list))
			_, err := f.NewSheet("Later")
			require.NoError(t, err)
			require.NoError(t, f.SetDefinedName(&excelize.DefinedName{Name: "Own", RefersTo: "Later!$A$1", Scope: "Later"}))
		}, sheets: []string{"Desk", "Notes & more", "Problems", "My 'own' list", "Later"}},
		{name: "with comments whose author is lost", mend: func(f *excelize.File) {
			notes, err := f.GetComments("Desk")
			require.NoError(t, err)
			for _, n := range notes {
				require.NoError(t, f.DeleteComment("Desk", n.Cell))
				n.Author = " "
				require.NoError(t, f.AddComment("Desk", n))
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			marked, _ := copyOf(t, path, listed(richProblems...))
			require.Len(t, notesOf(t, marked, "Desk"), 8)
			again, result := copyOf(t, saved(t, marked, tt.mend), listed(bad(22, 4)))
			want := map[string]string{"E22": fillsOf(t, again, "Desk")["E22"]}
			for ref, color := range own {
				want[ref] = color
			}
			require.Equal(t, want, fillsOf(t, again, "Desk"))
			require.Equal(t, []string{"D6", "E22"}, notesOf(t, again, "Desk"), "the user's, and what is left")
			f, err := excelize.OpenFile(again)
			require.NoError(t, err)
			defer f.Close()
			if tt.sheets == nil {
				tt.sheets = []string{"Desk", "Notes & more", "Problems", "Problems (2)"}
			}
			require.Equal(t, tt.sheets, f.GetSheetList())
			rows, err := f.GetRows(result.Sheet)
			require.NoError(t, err)
			require.Len(t, rows, 2)
			require.Equal(t, "Desk!E22", rows[1][0])
			was, err := excelize.OpenFile(path)
			require.NoError(t, err)
			defer was.Close()
			require.Equal(t, styleOf(t, was, "Desk", "B3"), styleOf(t, f, "Desk", "B3"))

			thrice, _ := copyOf(t, again, listed(bad(3, 1)))
			require.Equal(t, []string{"B3", "D6"}, notesOf(t, thrice, "Desk"))
			require.Len(t, fillsOf(t, thrice, "Desk"), len(own))
		})
	}
}

// TestMarksOfOtherSheets: a sheet without problems that are left loses its marks, too.
func TestMarksOfOtherSheets(t *testing.T) {
	t.Parallel()
	other := markup.Problem{Sheet: "Notes & more", Row: 1, Column: 2, Message: "m", Code: "X"}
	marked, _ := copyOf(t, rich(t), listed(bad(3, 1), other))
	require.Equal(t, []string{"A1", "C1"}, notesOf(t, marked, "Notes & more"))
	again, _ := copyOf(t, marked, listed(bad(4, 1)))
	require.Equal(t, []string{"A1"}, notesOf(t, again, "Notes & more"))
	require.Empty(t, fillsOf(t, again, "Notes & more"))
	require.Equal(t, []string{"B4", "D6"}, notesOf(t, again, "Desk"))
}

// TestMarksWithoutTheirList: when somebody has deleted the sheet of problems, the
// comments tell that the colours are ours.
func TestMarksWithoutTheirList(t *testing.T) {
	t.Parallel()
	marked, _ := copyOf(t, striped(t), listed(richProblems...))
	mended := saved(t, marked, func(f *excelize.File) {
		require.NoError(t, f.DeleteSheet("Problems (2)"))
		require.NoError(t, f.SetCellValue("Problems", "A2", "still a sheet of the user's"))
	})
	again, result := copyOf(t, mended, listed(bad(22, 4)))
	require.Equal(t, "Problems (2)", result.Sheet)
	require.Equal(t, []string{"D6", "E22"}, notesOf(t, again, "Desk"))
	fills := fillsOf(t, again, "Desk")
	require.NotContains(t, fills, "C4")
	require.Contains(t, fills, "E22")
	thrice, result := copyOf(t, again, listed(bad(3, 1)))
	require.Equal(t, "Problems (2)", result.Sheet)
	require.Equal(t, []string{"B3", "D6"}, notesOf(t, thrice, "Desk"))
}

// TestColoursOfTheUser: what only looks like a mark stays.
func TestColoursOfTheUser(t *testing.T) {
	t.Parallel()
	path := striped(t)
	own := fillsOf(t, path, "Desk")
	once, _ := copyOf(t, path, listed(bad(22, 4)))
	fills := fillsOf(t, once, "Desk")
	require.NotEqual(t, "FFC7CD", fills["E22"], "a colour that somebody uses is no mark")
	delete(fills, "E22")
	require.Equal(t, own, fills)
}
