package trust_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/xuri/excelize/v2"
	"pgregory.net/rapid"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/etl/extract"
	"github.com/ticketetl/ticketetl/etl/load"
	"github.com/ticketetl/ticketetl/etl/transform"
	"github.com/ticketetl/ticketetl/internal/hubspot"
	"github.com/ticketetl/ticketetl/internal/raced"
	"github.com/ticketetl/ticketetl/internal/sandbox"
	"github.com/ticketetl/ticketetl/internal/schema"
)

func init() { raced.FewerChecks() }

// A judged row is a record with how it ended.
type judged struct {
	rec *etl.Record
	out etl.Outcome
}

// A list is a Report that keeps everything, in copies.
type list []judged

func (l *list) Add(rec *etl.Record, out etl.Outcome) error {
	kept := *rec
	kept.Fields, kept.Properties, kept.References = slices.Clone(rec.Fields), slices.Clone(rec.Properties), slices.Clone(rec.References)
	*l = append(*l, judged{&kept, out})
	return nil
}

// A trial is a random account with a random file for it.
type trial struct {
	world   *sandbox.World
	mapping *transform.Mapping
	path    string
	server  *sandbox.Server
	client  *hubspot.Client
	now     time.Time
	settled map[string]bool // properties whose mapping declares how cells are written
}

// In 100 random accounts and files (`make agree`: 1,000) what validation accepts
// is stored by the sandbox, exactly as validation said; what it rejects the
// sandbox refuses, or would have stored otherwise than it stands in the cell.
func TestValidationAndAccountAgree(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	statuses := map[etl.Status]int{}
	rapid.Check(t, func(rt *rapid.T) {
		tr := newTrial(rt, dir)
		defer func() { require.NoError(rt, tr.server.Close()) }()
		checked := tr.run(rt, nil)
		loaded := tr.run(rt, load.NewImporter(tr.client, load.ImportOptions{
			Operation: etl.Create, KeyProperty: "external_id", Schema: tr.world.Schema, Run: "run",
		}))
		require.Len(rt, loaded, len(checked))
		for i := range checked {
			statuses[checked[i].out.Status]++
			tr.compare(rt, checked[i], loaded[i])
		}
		violations := slices.DeleteFunc(tr.server.Violations(), func(v string) bool { return strings.Contains(v, "is archived") })
		require.Empty(rt, violations)
		for _, j := range checked {
			for _, p := range j.out.Problems {
				tr.refused(rt, j.rec, p)
			}
		}
	})
	few := 30 / raced.OneIn(5)
	require.Greater(t, statuses[etl.Valid], few, "the files hold good rows")
	require.Greater(t, statuses[etl.Rejected], few, "the files hold bad rows")
	t.Logf("%d rows valid, %d rejected", statuses[etl.Valid], statuses[etl.Rejected])
}

func newTrial(rt *rapid.T, dir string) *trial {
	tr := &trial{settled: map[string]bool{}, now: time.Date(2024, 6, 3, 1, 0, 0, 0, time.UTC)}
	all := columns(rt)
	tr.world = world(rt, all)
	text := "operation: create\nkey: {property: external_id, column: Key}\nproperties:\n  subject: Subject\n  hs_pipeline_stage: Stage\n" +
		"  hubspot_owner_id: Owner\n"
	if rapid.Bool().Draw(rt, "with pipeline") {
		text += "  hs_pipeline: Pipeline\n"
	}
	header := []string{"Key", "Subject", "Stage", "Owner", "Pipeline"}
	for i, c := range all {
		name := fmt.Sprintf("C%d", i)
		header = append(header, name)
		text += yaml(c.property.Name, name, c.settings)
		tr.settled[c.property.Name] = c.settings != ""
	}
	rows := [][]string{header}
	owners := pick("", tr.world.Schema.Owners[0].Email, tr.world.Schema.Owners[1].ID)
	for range rapid.IntRange(1, 8).Draw(rt, "rows") {
		row := []string{rapid.StringMatching(`[a-z][0-9]{3}`).Draw(rt, "key"), "One", goodStages.Draw(rt, "stage"), owners.Draw(rt, "owner"), ""}
		tame := rapid.IntRange(0, 3).Draw(rt, "tame") > 0
		if !tame {
			row = []string{pick("T-1", "t-1", "T-2", "").Draw(rt, "key"), pick("Two", "").Draw(rt, "subject"),
				stageCells.Draw(rt, "stage"), ownerCells.Draw(rt, "owner"), pipelineCells.Draw(rt, "pipeline")}
		}
		for _, c := range all {
			row = append(row, c.cell(rt, tame))
		}
		rows = append(rows, row)
	}
	var err error
	tr.mapping, err = transform.Parse("m.yaml", []byte(text))
	require.NoError(rt, err)
	tr.path = writeFile(rt, dir, rows, rapid.IntRange(0, 4).Draw(rt, "workbook") == 0)
	tr.server, err = sandbox.New(sandbox.Options{World: tr.world, Limits: sandbox.Unlimited, Now: func() time.Time { return tr.now }, IndexLag: -1})
	require.NoError(rt, err)
	tr.client, err = hubspot.New(hubspot.Options{
		BaseURL: "http://127.0.0.1", Transport: tr.server.Transport(), Tokens: hubspot.StaticToken("x"), Timeout: 5 * time.Second,
	})
	require.NoError(rt, err)
	return tr
}

func writeFile(rt *rapid.T, dir string, rows [][]string, workbook bool) string {
	if !workbook {
		var b bytes.Buffer
		w := csv.NewWriter(&b)
		require.NoError(rt, w.WriteAll(rows))
		path := filepath.Join(dir, "in.csv")
		require.NoError(rt, os.WriteFile(path, b.Bytes(), 0o600))
		return path
	}
	f := excelize.NewFile()
	defer f.Close()
	for i, row := range rows {
		at, err := excelize.CoordinatesToCellName(1, i+1)
		require.NoError(rt, err)
		require.NoError(rt, f.SetSheetRow("Sheet1", at, &row))
	}
	path := filepath.Join(dir, "in.xlsx")
	require.NoError(rt, f.SaveAs(path))
	return path
}

// run reads the file once, without a sink or with one.
func (tr *trial) run(rt *rapid.T, sink etl.Sink) list {
	f, err := extract.Open(tr.path, extract.Options{Encoding: "utf-8", Delimiter: ",", Header: 1})
	require.NoError(rt, err)
	defer f.Close()
	mapper, err := transform.Compile(tr.mapping, tr.world.Schema, f.Header(), transform.CompileOptions{Now: tr.now})
	require.NoError(rt, err)
	var found list
	_, err = etl.Run(context.Background(), etl.Steps{Inputs: []etl.Input{{Source: f, Mapper: mapper}}, Sink: sink, Report: &found},
		etl.Options{Checked: etl.Valid, Unique: true, UniqueProperties: unique(tr.world.Schema)})
	require.NoError(rt, err)
	return found
}

func unique(s *schema.Schema) []string {
	var names []string
	for _, p := range s.Properties {
		if p.HasUniqueValue && p.Name != "external_id" {
			names = append(names, p.Name)
		}
	}
	return names
}

// compare holds what validation said of a row against what became of it.
func (tr *trial) compare(rt *rapid.T, checked, loaded judged) {
	if checked.out.Status != etl.Valid {
		require.Equal(rt, checked.out.Status, loaded.out.Status)
		return
	}
	require.Equal(rt, etl.Created, loaded.out.Status, "%q: %v", checked.rec.Fields, loaded.out.Problems)
	stored := tr.stored(loaded.out.ID)
	for _, p := range checked.rec.Properties {
		require.Equal(rt, p.Value, stored[p.Name], "%s of %q", p.Name, checked.rec.Fields)
	}
}

func (tr *trial) stored(id string) map[string]string {
	for _, ticket := range tr.server.Tickets(false) {
		if ticket.ID == id {
			return ticket.Properties
		}
	}
	return nil
}

// pipeline is the one that a row names; empty for none.
func (tr *trial) pipeline(rec *etl.Record) string {
	i, _ := rec.Header.Column("Pipeline")
	if !slices.ContainsFunc(tr.mapping.Properties, func(p transform.Property) bool { return p.Name == "hs_pipeline" }) || i >= len(rec.Fields) {
		return ""
	}
	cell := strings.TrimSpace(rec.Fields[i])
	found := tr.world.Schema.MatchPipelines(cell)
	for _, p := range found {
		if len(found) == 1 || p.Label == cell {
			return p.ID
		}
	}
	return ""
}

// theirs are problems that the account could not see in the cell's text alone:
// what it means is not clear, or what it was is lost already.
var theirs = []string{
	transform.CodeAmbiguousDate, transform.CodeAmbiguousOption, transform.CodeAmbiguousStage, transform.CodeAmbiguousPipeline, transform.CodeAmbiguousOwner,
	transform.CodeMissingValue, transform.CodeMissingKey, transform.CodeInvalidKey, transform.CodeCellError, transform.CodeDigitsLost, "DUPLICATE_KEY",
}

// declared are problems of a cell that is not written as its mapping declares,
// though the account may take it as it is.
var declared = []string{transform.CodeInvalidDate, transform.CodeInvalidNumber, transform.CodeInvalidOption, transform.CodeRuleBroken}

// refused sends the cell of a problem as it is. The account must refuse it, or
// store something else.
func (tr *trial) refused(rt *rapid.T, rec *etl.Record, p etl.Problem) {
	if p.Warning || p.Property == "" || p.Column < 0 || slices.Contains(theirs, p.Code) ||
		tr.settled[p.Property] && slices.Contains(declared, p.Code) {
		return
	}
	properties := map[string]string{"subject": "raw", "hs_pipeline": "0", "hs_pipeline_stage": "1", p.Property: p.Value}
	if p.Property == "hs_pipeline_stage" {
		properties["hs_pipeline"] = tr.pipeline(rec)
	}
	in := hubspot.CreateInput{TraceID: "raw"}
	for name, value := range properties {
		if value != "" {
			in.Properties = append(in.Properties, hubspot.Property{Name: name, Value: value})
		}
	}
	results, err := tr.client.CreateBatch(context.Background(), "tickets", []hubspot.CreateInput{in})
	if err != nil || results[0].Err != nil {
		return
	}
	require.NotEqual(rt, p.Value, tr.stored(results[0].ID)[p.Property], "%s: the account stores %q in %s as it is", p.Message, p.Value, p.Property)
}
