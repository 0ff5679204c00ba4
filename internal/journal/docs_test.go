package journal_test

import (
	"database/sql"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/internal/journal"
)

// TestViewsAreDocumented: what docs/reports.md says of run.db is what is in it.
func TestViewsAreDocumented(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(filepath.Join("..", "..", "docs", "reports.md"))
	require.NoError(t, err)
	_, section, found := strings.Cut(string(data), "\n## run.db\n")
	require.True(t, found)
	section, _, _ = strings.Cut(section, "\n## ")

	dir := t.TempDir()
	closed(t, dir)
	db, err := sql.Open("sqlite", filepath.Join(dir, journal.File))
	require.NoError(t, err)
	defer db.Close()
	for _, view := range []string{"rows", "attempts"} {
		rows, err := db.Query(`SELECT name FROM pragma_table_info(?)`, view)
		require.NoError(t, err)
		names := 0
		for rows.Next() {
			var name string
			require.NoError(t, rows.Scan(&name))
			require.Contains(t, section, "`"+name+"`", view)
			names++
		}
		require.NoError(t, rows.Err())
		require.Greater(t, names, 12, view)
	}
	facts, err := json.Marshal(journal.Facts{})
	require.NoError(t, err)
	var keys map[string]any
	require.NoError(t, json.Unmarshal(facts, &keys))
	for key := range keys {
		require.Contains(t, section, "`"+key+"`")
	}
}

// TestAnyTextComesBack: keys and problems hold whatever stands in files.
func TestAnyTextComesBack(t *testing.T) {
	t.Parallel()
	j, _ := create(t, facts())
	var last etl.BatchID
	rapid.Check(t, func(rt *rapid.T) {
		text := func(label string) string { return rapid.String().Draw(rt, label) }
		rec := &etl.Record{Seq: 1, Pos: etl.Position{File: text("file"), Sheet: text("sheet"), Row: 2}, Key: text("key")}
		out := etl.Outcome{Status: etl.Failed, ID: text("id"), Problems: []etl.Problem{{
			Column: rapid.IntRange(-1, 20_000).Draw(rt, "column"), Property: text("property"), Value: text("value"),
			Code: text("code"), Message: text("message"), Hint: text("hint"), Warning: rapid.Bool().Draw(rt, "warning"),
		}}}
		id, err := j.Begin(t.Context(), []*etl.Record{rec})
		require.NoError(rt, err)
		require.Greater(rt, id, last)
		last = id
		undone := collect(t, j, true)
		require.Len(rt, undone, 1)
		require.Equal(rt, rec.Key, undone[0].Intents[0].Key)
		require.Equal(rt, rec.Pos, undone[0].Intents[0].Pos)
		require.NoError(rt, j.End(t.Context(), id, []*etl.Record{rec}, []etl.Outcome{out}))
		all := collect(t, j, false)
		require.Equal(rt, out, all[len(all)-1].Outcomes[0])
	})
}
