package trust_test

import (
	"archive/zip"
	"context"
	"encoding/csv"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/xuri/excelize/v2"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/etl/extract"
	"github.com/ticketetl/ticketetl/etl/transform"
	"github.com/ticketetl/ticketetl/internal/raced"
	"github.com/ticketetl/ticketetl/internal/sandbox"
	"github.com/ticketetl/ticketetl/internal/schema"
)

var fileRows = flag.Int("rows", 400, "rows of the good file that gets one wrong cell")

// goodMapping reads columns of every type.
const goodMapping = `
operation: upsert
source: {decimal: ",", signs: ["R$", "%"], dates: dmy, timezone: America/Sao_Paulo}
where: 'Skip != "yes"'
key: {property: external_id, column: Key}
properties:
  subject: Subject
  content: Text
  hs_pipeline: Pipeline
  hs_pipeline_stage: Stage
  hubspot_owner_id: Owner
  hs_owning_teams: Team
  t_number: Number
  t_ref_id: Ref
  t_bool: Yes
  t_date: Date
  t_both: {column: Both, dates: [iso, dmy, mdy]}
  t_moment: {column: Moment, timezone: Europe/Berlin}
  t_phone: Phone
  t_option: Option
  t_several: {column: Several, split: "|"}
  t_table: {column: Table, values: {P1: Low, P2: High}}
  t_ruled: Ruled
  t_unique: Unique
  t_effort: {expr: 'number(Hours) * number(Rate)'}
associations:
  - {to: contacts, column: Mail, match: email}
  - {to: companies, column: Domain, match: domain, type: primary}
  - {to: companies, column: Second, match: id, type: primary}
  - {to: contacts, column: Customer, match: codigo_cliente}
`

// goodCells are the columns with a cell of each; %d is the number of the row.
// In workbooks some are typed.
var goodCells = []struct {
	name, text string
	typed      any // nil: the text
}{
	{"Skip", "no", nil}, {"Key", "K-%d", nil}, {"Subject", "Subject %d", nil}, {"Text", "A text, with \"quotes\"\nand lines", nil},
	{"Pipeline", "", nil}, {"Stage", "Kick-off", nil}, {"Owner", "", nil}, {"Team", "", nil},
	{"Number", "R$ 1.234,50", nil}, {"Ref", "%d", nil}, {"Yes", "sim", true}, {"Date", "31/01/2024", time.Date(2024, 1, 31, 0, 0, 0, 0, time.UTC)},
	{"Both", "31/01/2024", nil}, {"Moment", "31/01/2024 10:05", nil}, {"Phone", "+55 11 4002-8922", nil}, {"Option", "Gamma", nil},
	{"Several", "one | two", nil}, {"Table", "p1", nil}, {"Ruled", "ABC", nil}, {"Unique", "U-%d", nil}, {"Hours", "1,5", 1.5}, {"Rate", "2", 2},
	{"Mail", "ana%d@example.com", nil}, {"Domain", "example.com", nil}, {"Second", "", nil}, {"Customer", "C-%d", nil}, {"Unused", "#N/A", nil},
}

// mistakes are all kinds of wrong values. What is nil stands for the text in a
// workbook too; in a CSV file "-" means that it cannot be there.
var mistakes = []struct {
	code, column, text string
	typed              any
}{
	{transform.CodeCellError, "Text", "-", formula("1/0")},
	{transform.CodeCellError, "Number", "-", formula("A1")},
	{transform.CodeCellError, "Hours", "-", formula("A1")},
	{transform.CodeDigitsLost, "Ref", "-", 1234567890123456789},
	{transform.CodeDigitsLost, "Text", "-", 1234567890123456789},
	{"NUL_BYTE", "Text", "a\x00b", skipped{}},
	{transform.CodeTooLong, "Text", strings.Repeat("é", 65_537), skipped{}}, // a workbook's cell has 32,767 characters
	{transform.CodeMissingValue, "Subject", " ", nil},
	{transform.CodeMissingValue, "Stage", "", nil},
	{transform.CodeMissingKey, "Key", "\t", nil},
	{transform.CodeInvalidKey, "Key", " K-0", nil},
	{transform.CodeInvalidKey, "Key", "-", true},
	{transform.CodeInvalidNumber, "Number", "1.5", nil},
	{transform.CodeInvalidNumber, "Number", "1e5", nil},
	{transform.CodeInvalidNumber, "Number", "US$ 5", nil},
	{transform.CodeInvalidNumber, "Number", "twelve", time.Date(2024, 1, 31, 0, 0, 0, 0, time.UTC)},
	{transform.CodeInvalidNumber, "Ref", "007", nil},
	{transform.CodeInvalidBool, "Yes", "maybe", 2},
	{transform.CodeInvalidDate, "Date", "2024-01-31", 45000},
	{transform.CodeInvalidDate, "Moment", "soon", nil},
	{transform.CodeImpossibleDate, "Date", "31/02/2024", nil},
	{transform.CodeImpossibleDate, "Moment", "31/01/2024 25:00", nil},
	{transform.CodeAmbiguousDate, "Both", "01/02/2024", nil},
	{transform.CodeTwoDigitYear, "Date", "31/01/24", nil},
	{transform.CodeDateWithTime, "Date", "31/01/2024 10:00", time.Date(2024, 1, 31, 10, 0, 0, 0, time.UTC)},
	{transform.CodeTimeGap, "Moment", "31/03/2024 02:30", time.Date(2024, 3, 31, 2, 30, 0, 0, time.UTC)},
	{transform.CodeTimeOverlap, "Moment", "27/10/2024 02:30", nil},
	{transform.CodeInvalidOption, "Option", "Gama ray", nil},
	{transform.CodeInvalidOption, "Several", "one | three", nil},
	{transform.CodeInvalidOption, "Several", "|", nil},
	{transform.CodeAmbiguousOption, "Option", "ALPHA", nil},
	{transform.CodeNotInTable, "Table", "P3", 3},
	{transform.CodeInvalidOwner, "Owner", "nobody@example.com", nil},
	{transform.CodeAmbiguousOwner, "Owner", "Twin Owner", nil},
	{transform.CodeInvalidTeam, "Team", "No team", nil},
	{transform.CodeAmbiguousTeam, "Team", "Twins", nil},
	{transform.CodeInvalidPipeline, "Pipeline", "Nowhere", nil},
	{transform.CodeAmbiguousPipeline, "Pipeline", "TWIN", nil},
	{transform.CodeInvalidStage, "Stage", "Kick-on", nil},
	{transform.CodeAmbiguousStage, "Stage", "Escalado", nil},
	{transform.CodeInvalidPhone, "Phone", "call me", nil},
	{transform.CodeInvalidEmail, "Mail", "ana at example.com", nil},
	{transform.CodeInvalidDomain, "Domain", "https://example.com", nil},
	{transform.CodeInvalidID, "Second", "12a", nil},
	{transform.CodeInvalidReference, "Second", "77", nil},
	{transform.CodeTooLong, "Customer", strings.Repeat("x", 65_537), skipped{}},
	{transform.CodeRuleBroken, "Ruled", "abc", nil},
	{transform.CodeExpressionFailed, "Hours", "two", nil},
	{transform.CodeExpressionFailed, "Rate", "two", nil},
	{"DUPLICATE_KEY", "Key", "k-%d", nil},
	{"DUPLICATE_KEY", "Unique", "u-%d", nil},
}

type (
	formula string   // a cell of a workbook whose formula has no stored value
	skipped struct{} // cannot stand in a workbook
)

func TestOneWrongCell(t *testing.T) {
	t.Parallel()
	s := goodSchema()
	m, err := transform.Parse("good.yaml", []byte(goodMapping))
	require.NoError(t, err)
	dir := t.TempDir()
	for _, format := range []string{"csv", "xlsx"} {
		good := filepath.Join(dir, "good."+format)
		writeGood(t, good, -1, "", nil)
		require.Empty(t, problemsOf(t, good, m, s), "the good file")
		random := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
		for i, mistake := range mistakes {
			if random.IntN(raced.OneIn(3)) != 0 {
				continue
			}
			row := random.IntN(*fileRows)
			name := fmt.Sprintf("%s %s %s row %d", format, mistake.code, mistake.column, row+2)
			text := mistake.text
			if strings.Contains(text, "%d") {
				row = max(row, 1)
				text = fmt.Sprintf(text, random.IntN(row))
			}
			var value any = text
			if format == "xlsx" && mistake.typed != nil {
				value = mistake.typed
			}
			if _, not := value.(skipped); not || format == "csv" && text == "-" {
				continue
			}
			path := filepath.Join(dir, fmt.Sprintf("bad%d.%s", i, format))
			if format == "xlsx" {
				withRow(t, good, path, row, mistake.column, value)
			} else {
				writeGood(t, path, row, mistake.column, value)
			}
			problems := problemsOf(t, path, m, s)
			require.Len(t, problems, 1, name)
			p := problems[0]
			require.Equal(t, mistake.code, p.Code, "%s: %s", name, p.Message)
			require.Equal(t, etl.ColumnLetter(columnOf(mistake.column)), etl.ColumnLetter(p.Column), "%s: %s", name, p.Message)
			require.Equal(t, row+2, p.row, name)
			if mistake.code != "NUL_BYTE" && value == any(text) {
				require.Equal(t, text, p.Value, name)
			}
			require.NotEmpty(t, p.Hint+p.Message, name)
			require.NoError(t, os.Remove(path))
		}
	}
}

// Every code of an error that a cell can have is among the mistakes.
func TestEveryKindOfMistake(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("../../etl/transform/codes.go")
	require.NoError(t, err)
	var tried []string
	for _, m := range mistakes {
		tried = append(tried, m.code)
	}
	codes := 0
	for line := range strings.Lines(string(source)) {
		_, rest, isCode := strings.Cut(line, ` = "`)
		code, comment, _ := strings.Cut(rest, `"`)
		if !isCode || strings.Contains(comment, "warning:") || code == transform.CodeInvalidText || code == transform.CodeTotalsRow || code == transform.CodeHeaderAgain {
			continue // no file that can be read has a text that is not UTF-8, or NUL in it; what is no ticket is a whole row
		}
		codes++
		require.Contains(t, tried, code)
	}
	require.Greater(t, codes, 30)
}

func columnOf(name string) int {
	for i, c := range goodCells {
		if c.name == name {
			return i
		}
	}
	return -1
}

// goodSchema is the account of the sandbox with a property of each type.
func goodSchema() *schema.Schema {
	s := sandbox.DefaultWorld().Schema
	add := func(name, kind, field string, options ...schema.Option) {
		s.Properties = append(s.Properties, schema.Property{Name: name, Label: name, Type: kind, FieldType: field, Options: options, HasUniqueValue: name == "t_unique"})
	}
	add("t_number", "number", "number")
	add("t_ref_id", "number", "number")
	add("t_bool", "bool", "booleancheckbox")
	add("t_date", "date", "date")
	add("t_both", "date", "date")
	add("t_moment", "datetime", "date")
	add("t_phone", "phone_number", "phonenumber")
	add("t_option", "enumeration", "select", schema.Option{Value: "a", Label: "Alpha"}, schema.Option{Value: "b", Label: "alpha"}, schema.Option{Value: "c", Label: "Gamma"})
	add("t_several", "enumeration", "checkbox", schema.Option{Value: "1", Label: "One"}, schema.Option{Value: "2", Label: "Two"})
	add("t_table", "enumeration", "select", schema.Option{Value: "l", Label: "Low"}, schema.Option{Value: "h", Label: "High"})
	add("t_ruled", "string", "text")
	add("t_unique", "string", "text")
	add("t_effort", "number", "number")
	s.Rules["t_ruled"] = []schema.Rule{{Type: "FORMAT", Arguments: []string{"UPPER"}}}
	for i, id := range []string{"8001", "8002"} {
		s.Owners = append(s.Owners, schema.Owner{ID: id, FirstName: "Twin", LastName: "Owner", Email: "twin" + id + "@example.com",
			Teams: []schema.Team{{ID: fmt.Sprint(90 + i), Name: "Twins"}}})
		s.Pipelines = append(s.Pipelines, schema.Pipeline{ID: id, Label: []string{"Twin", "twin"}[i], Stages: []schema.Stage{{ID: "s" + id, Label: "S" + id}}})
	}
	return s
}

// writeGood writes the good file with one cell changed, or none if row is -1.
func writeGood(t *testing.T, path string, row int, column string, value any) {
	t.Helper()
	out := newTable(t, path)
	header := make([]any, len(goodCells))
	for i, c := range goodCells {
		header[i] = c.name
	}
	out.add(header)
	for n := range *fileRows {
		if n == row {
			out.add(out.row(n, column, value))
		} else {
			out.add(out.row(n, "", nil))
		}
	}
	out.close()
}

// row are the cells of a row, the one of a column changed.
func (w *table) row(n int, column string, value any) []any {
	cells := make([]any, len(goodCells))
	for i, c := range goodCells {
		text := c.text
		if strings.Contains(text, "%d") {
			text = fmt.Sprintf(text, n)
		}
		cells[i] = text
		if c.typed != nil && w.typed() {
			cells[i] = c.typed
		}
	}
	if column != "" {
		cells[columnOf(column)] = value
	}
	return cells
}

const sheetPart = "xl/worksheets/sheet1.xml"

// withRow writes the good workbook with one cell changed: its row is written by itself,
// in its place of an empty sheet, and takes the place of the other one, since writing
// very many rows anew for each cell takes longer than reading them.
func withRow(t *testing.T, good, path string, row int, column string, value any) {
	t.Helper()
	one := newTable(t, path+".row.xlsx")
	one.rowsIn = row + 1
	one.add(one.row(row, column, value))
	one.close()
	place := row + 2
	_, changed, _ := cutRow(t, partOf(t, one.path), place)
	before, _, after := cutRow(t, partOf(t, good), place)
	from, err := zip.OpenReader(good)
	require.NoError(t, err)
	defer from.Close()
	file, err := os.Create(path)
	require.NoError(t, err)
	out := zip.NewWriter(file)
	for _, f := range from.File {
		if f.Name != sheetPart {
			require.NoError(t, out.Copy(f))
			continue
		}
		w, err := out.CreateHeader(&zip.FileHeader{Name: f.Name, Method: zip.Store})
		require.NoError(t, err)
		for _, text := range []string{before, changed, after} {
			_, err = io.WriteString(w, text)
			require.NoError(t, err)
		}
	}
	require.NoError(t, out.Close())
	require.NoError(t, file.Close())
	require.NoError(t, os.Remove(one.path))
}

// partOf is the worksheet of a workbook.
func partOf(t *testing.T, path string) string {
	t.Helper()
	book, err := zip.OpenReader(path)
	require.NoError(t, err)
	defer book.Close()
	f, err := book.Open(sheetPart)
	require.NoError(t, err)
	content, err := io.ReadAll(f)
	require.NoError(t, err)
	return string(content)
}

// cutRow parts a worksheet around one of its rows.
func cutRow(t *testing.T, sheet string, place int) (before, row, after string) {
	t.Helper()
	begin := strings.Index(sheet, fmt.Sprintf(`<row r="%d"`, place))
	require.GreaterOrEqual(t, begin, 0)
	size := strings.Index(sheet[begin:], "</row>")
	require.Positive(t, size)
	size += len("</row>")
	return sheet[:begin], sheet[begin : begin+size], sheet[begin+size:]
}

// A table is a file that rows are added to.
type table struct {
	t      *testing.T
	path   string
	text   *csv.Writer
	file   *os.File
	book   *excelize.File
	sheet  *excelize.StreamWriter
	date   int // style
	rowsIn int
}

func newTable(t *testing.T, path string) *table {
	w := &table{t: t, path: path}
	var err error
	if strings.HasSuffix(path, ".csv") {
		w.file, err = os.Create(path)
		require.NoError(t, err)
		w.text = csv.NewWriter(w.file)
		return w
	}
	w.book = excelize.NewFile()
	w.sheet, err = w.book.NewStreamWriter("Sheet1")
	require.NoError(t, err)
	w.date, err = w.book.NewStyle(&excelize.Style{NumFmt: 22})
	require.NoError(t, err)
	return w
}

func (w *table) typed() bool { return w.book != nil }

func (w *table) add(cells []any) {
	w.rowsIn++
	if w.text != nil {
		texts := make([]string, len(cells))
		for i, c := range cells {
			texts[i] = fmt.Sprint(c)
		}
		require.NoError(w.t, w.text.Write(texts))
		return
	}
	for i, c := range cells {
		switch c := c.(type) {
		case formula:
			cells[i] = excelize.Cell{Formula: string(c)}
		case time.Time:
			cells[i] = excelize.Cell{StyleID: w.date, Value: c}
		}
	}
	require.NoError(w.t, w.sheet.SetRow(fmt.Sprintf("A%d", w.rowsIn), cells))
}

func (w *table) close() {
	if w.text != nil {
		w.text.Flush()
		require.NoError(w.t, w.text.Error())
		require.NoError(w.t, w.file.Close())
		return
	}
	require.NoError(w.t, w.sheet.Flush())
	require.NoError(w.t, w.book.SaveAs(w.path))
	require.NoError(w.t, w.book.Close())
}

// A placed problem knows its row.
type placed struct {
	etl.Problem
	row int
}

// faults is a Report that keeps problems only.
type faults struct{ all []placed }

func (f *faults) Add(rec *etl.Record, out etl.Outcome) error {
	for _, p := range out.Problems {
		f.all = append(f.all, placed{p, rec.Pos.Row})
	}
	return nil
}

func problemsOf(t *testing.T, path string, m *transform.Mapping, s *schema.Schema) []placed {
	t.Helper()
	f, err := extract.Open(path, extract.Options{})
	require.NoError(t, err)
	defer f.Close()
	mapper, err := transform.Compile(m, s, f.Header(), transform.CompileOptions{})
	require.NoError(t, err)
	var found faults
	totals, err := etl.Run(context.Background(), etl.Steps{Inputs: []etl.Input{{Source: f, Mapper: mapper}}, Report: &found},
		etl.Options{Checked: etl.Valid, Unique: true, UniqueProperties: []string{"t_unique"}})
	require.NoError(t, err)
	require.Equal(t, int64(*fileRows), totals.Sum())
	return slices.Clip(found.all)
}
