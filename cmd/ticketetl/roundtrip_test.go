package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/xuri/excelize/v2"
	"pgregory.net/rapid"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/etl/load"
	"github.com/ticketetl/ticketetl/internal/hubspot"
	"github.com/ticketetl/ticketetl/internal/raced"
	"github.com/ticketetl/ticketetl/internal/sandbox"
)

// A trip is an account, and the updates that it was sent.
type trip struct {
	*desk
	client *hubspot.Client
	ids    []string

	mu    sync.Mutex
	sent  []string // "id property=value" of all updates
	calls int      // updates
}

func newTrip(t testing.TB, tickets int, faults ...sandbox.Fault) *trip {
	t.Helper()
	return newTripIn(t, nil, tickets, ticketOf, faults...)
}

// newTripIn is an account of a world, with tickets.
func newTripIn(t testing.TB, world *sandbox.World, tickets int, of func(int) []hubspot.Property, faults ...sandbox.Fault) *trip {
	t.Helper()
	server, err := sandbox.New(sandbox.Options{World: world, Limits: sandbox.Unlimited, Faults: faults})
	require.NoError(t, err)
	tr := &trip{desk: &desk{dir: t.TempDir(), server: server, stop: make(chan struct{})}}
	front := httptest.NewServer(http.HandlerFunc(tr.serve))
	tr.url = front.URL
	t.Cleanup(func() { front.Close(); require.NoError(t, server.Close()) })
	tr.client, err = hubspot.New(hubspot.Options{BaseURL: tr.url, Tokens: hubspot.StaticToken("x")})
	require.NoError(t, err)
	for from := 0; from < tickets; from += 100 {
		var in []hubspot.CreateInput
		for i := from; i < min(from+100, tickets); i++ {
			in = append(in, hubspot.CreateInput{Properties: of(i)})
		}
		results, err := tr.client.CreateBatch(t.Context(), "tickets", in)
		require.NoError(t, err)
		for _, r := range results {
			require.NoError(t, r.Err)
		}
	}
	for _, ticket := range server.Tickets(false) {
		tr.ids = append(tr.ids, ticket.ID)
	}
	return tr
}

// ticketOf is a ticket with something of every type; some are empty in some.
func ticketOf(i int) []hubspot.Property {
	all := map[string]string{
		"subject": fmt.Sprintf("Ticket %d", i), "hs_pipeline": "0", "hs_pipeline_stage": strconv.Itoa(i%3 + 1), "external_id": fmt.Sprintf("E-%06d", i),
		"content": "line\nother line; \"quoted\" 😀 _x0041_ =1+1", "observacoes": "windows\r\nbreaks  ", "cep": "=SUM(A1)", "protocolo": "900719925474099267",
		"hs_ticket_priority": "LOW", "hs_ticket_category": "PRODUCT_ISSUE;BILLING_ISSUE", "hubspot_owner_id": "712000100", "plano_sla": []string{"sla_padrao", "sla_padrao_2", "sla_ouro"}[i%3],
		"urgente": "true", "cliente_vip": "false", "data_vencimento": "2026-03-04", "visita_agendada": "2026-02-17T23:30:15.250Z",
		"horas_trabalhadas": "1.50", "conta_erp_id": "123456789012345678", "telefone_retorno": "+5511999990000", "createdate": "2024-11-03T04:30:00Z",
	}
	if i%5 == 0 {
		for _, name := range []string{"content", "hs_ticket_priority", "hubspot_owner_id", "urgente", "data_vencimento", "horas_trabalhadas"} {
			delete(all, name)
		}
	}
	var properties []hubspot.Property
	for _, name := range slices.Sorted(maps.Keys(all)) {
		properties = append(properties, hubspot.Property{Name: name, Value: all[name]})
	}
	return properties
}

// serve hands everything to the account and keeps what updates ask for.
func (tr *trip) serve(w http.ResponseWriter, r *http.Request) {
	if strings.HasSuffix(r.URL.Path, "/batch/update") {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		var in struct {
			Inputs []struct {
				ID         string
				Properties map[string]string
			}
		}
		_ = json.Unmarshal(body, &in)
		tr.mu.Lock()
		tr.calls++
		for _, input := range in.Inputs {
			for name, value := range input.Properties {
				tr.sent = append(tr.sent, input.ID+" "+name+"="+value)
			}
		}
		tr.mu.Unlock()
	}
	tr.server.ServeHTTP(w, r)
}

func (tr *trip) must(t testing.TB, code int, args ...string) {
	t.Helper()
	tr.out.Reset()
	tr.err.Reset()
	got := tr.run(context.Background(), "x", append(args, "--progress", "none")...)
	require.Equal(t, code, got, "%v\n%s%s", args, tr.err.String(), tr.out.String())
}

func (tr *trip) export(t testing.TB, name string, more ...string) {
	tr.must(t, exitDone, append([]string{"export", "--editable", "-o", tr.path(name)}, more...)...)
}

// imports imports a workbook and returns what was sent, sorted.
func (tr *trip) imports(t testing.TB, code int, name string, more ...string) []string {
	t.Helper()
	tr.sent, tr.calls = nil, 0
	tr.must(t, code, append([]string{"import", "--runs", tr.path("runs"), tr.path(name)}, more...)...)
	slices.Sort(tr.sent)
	return tr.sent
}

// theirs changes a ticket in the account, as somebody else does.
func (tr *trip) theirs(t testing.TB, id, property, value string) {
	t.Helper()
	results, err := tr.client.UpdateBatch(t.Context(), "tickets", []hubspot.UpdateInput{{ID: id, Properties: []hubspot.Property{{Name: property, Value: value}}}})
	require.NoError(t, err)
	require.NoError(t, results[0].Err)
}

// problems are the rows of the newest errors.csv as "row header code severity outcome".
func (tr *trip) problems(t testing.TB) (all []string) {
	t.Helper()
	folders, err := filepath.Glob(tr.path("runs/*"))
	require.NoError(t, err)
	slices.SortFunc(folders, func(a, b string) int { return modified(t, a).Compare(modified(t, b)) })
	f, err := os.Open(filepath.Join(folders[len(folders)-1], "errors.csv"))
	require.NoError(t, err)
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	require.NoError(t, err)
	for _, r := range rows[1:] {
		all = append(all, strings.Join([]string{r[2], r[5], r[8], r[11], r[12]}, " "))
	}
	return all
}

func modified(t testing.TB, path string) time.Time {
	info, err := os.Stat(path)
	require.NoError(t, err)
	return info.ModTime()
}

// An editor is a program in which a person edits a workbook.
type editor struct {
	t    testing.TB
	path string
	book *excelize.File
	head []string
}

func (tr *trip) open(t testing.TB, name string) *editor {
	t.Helper()
	book, err := excelize.OpenFile(tr.path(name))
	require.NoError(t, err)
	rows, err := book.Rows(load.TicketsSheet)
	require.NoError(t, err)
	require.True(t, rows.Next())
	head, err := rows.Columns()
	require.NoError(t, errors.Join(err, rows.Close()))
	return &editor{t: t, path: tr.path(name), book: book, head: head}
}

func (e *editor) save() {
	require.NoError(e.t, e.book.Save())
	require.NoError(e.t, e.book.Close())
}

// cell is the name of a column's cell in a row.
func (e *editor) cell(row int, header string) string {
	i := slices.Index(e.head, header)
	require.GreaterOrEqual(e.t, i, 0, header)
	return etl.ColumnLetter(i) + strconv.Itoa(row)
}

func (e *editor) set(row int, header string, value any) {
	require.NoError(e.t, e.book.SetCellValue(load.TicketsSheet, e.cell(row, header), value))
}

func account(tr *trip) map[string]map[string]string {
	all := map[string]map[string]string{}
	for _, ticket := range tr.server.Tickets(false) {
		all[ticket.ID] = ticket.Properties
	}
	return all
}

// differences are "id property=value" of what is not as before, of what people write.
func differences(before, now map[string]map[string]string) []string {
	var all []string
	for id, properties := range now {
		names := slices.Concat(slices.Collect(maps.Keys(properties)), slices.Collect(maps.Keys(before[id])))
		slices.Sort(names)
		for _, name := range slices.Compact(names) {
			if properties[name] != before[id][name] && written(name) {
				all = append(all, id+" "+name+"="+properties[name])
			}
		}
	}
	slices.Sort(all)
	return all
}

// written says whether HubSpot does not itself set a property when others change.
func written(name string) bool {
	switch name {
	case "hs_pipeline", "hs_pipeline_stage", "hs_ticket_priority", "hs_ticket_category":
		return true
	case "closed_date", "time_to_close", "valor_hora", "atrasado", "faixa_valor", "rotulo_completo":
		return false
	}
	return !strings.HasPrefix(name, "hs_") && !strings.HasPrefix(name, "hubspot_owner_a")
}

// TestRoundTrip: of 210 exported tickets 17 cells are changed, of all types;
// just these are sent, in one batch. The next export changes nothing when it is
// imported.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	tr := newTrip(t, 210)
	tr.export(t, "tickets.xlsx")
	before := account(tr)
	require.Empty(t, tr.imports(t, exitDone, "tickets.xlsx"))
	require.Contains(t, tr.out.String(), "no cell was changed since the export")

	id := func(row int) string { return tr.ids[row-2] }
	e := tr.open(t, "tickets.xlsx")
	day := func(text string) time.Time {
		at, err := time.Parse(time.DateTime, text)
		require.NoError(t, err)
		return at
	}
	var want []string
	change := func(row int, property string, cell any, stored string) {
		e.set(row, property, cell)
		want = append(want, id(row)+" "+property+"="+stored)
	}
	change(3, "subject", "Another subject", "Another subject")
	change(4, "content", "two\nlines", "two\nlines")
	change(104, "hs_pipeline_stage", "Closed", "4")
	change(204, "hs_ticket_priority", "High", "HIGH")
	change(44, "hs_ticket_category", "Billing issue;Feature request", "BILLING_ISSUE;FEATURE_REQUEST")
	change(54, "hubspot_owner_id", "karina.assuncao@desk.example", "712000113")
	change(64, "urgente", false, "false")
	change(134, "cliente_vip", "Sim", "true")
	change(154, "data_vencimento", day("2027-01-31 00:00:00"), "2027-01-31")
	change(156, "visita_agendada", day("2026-07-01 09:00:00"), "2026-07-01T12:00:00Z")
	change(164, "horas_trabalhadas", 2.25, "2.25")
	change(172, "conta_erp_id", "876543210987654321", "876543210987654321")
	change(179, "telefone_retorno", "+551133334444", "+551133334444")
	change(211, "protocolo", "900719925474099266", "900719925474099266")
	change(14, "plano_sla", "padrão", "sla_padrao_2")
	change(14, "hubspot_owner_id", nil, "")
	change(14, "cep", "", "")
	e.save()
	require.Len(t, want, 17)
	slices.Sort(want)

	require.Equal(t, want, tr.imports(t, exitDone, "tickets.xlsx"))
	require.Equal(t, 1, tr.calls, "17 cells of 15 tickets go in one batch")
	require.Equal(t, want, differences(before, account(tr)))
	require.Contains(t, tr.out.String(), "17 cells in 15 rows changed since the export")
	require.Empty(t, tr.imports(t, exitDone, "tickets.xlsx"), "what is done is not sent again")

	tr.export(t, "again.xlsx")
	require.Empty(t, tr.imports(t, exitDone, "again.xlsx"))
	require.Contains(t, tr.out.String(), "no cell was changed since the export")
	require.Empty(t, tr.server.Violations())
}

// TestRoundTripConflict: one cell was changed here and there, another only here.
func TestRoundTripConflict(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		policy   string
		code     int
		priority string // of the ticket, in the end
		stage    string
		problems []string
	}{
		{"report", exitRows, "MEDIUM", "2", []string{"3 hs_ticket_priority CONFLICT warning updated", "4 hs_pipeline_stage CONFLICT error rejected"}},
		{"theirs", exitDone, "MEDIUM", "2", []string{"3 hs_ticket_priority CONFLICT warning updated", "4 hs_pipeline_stage CONFLICT warning unchanged"}},
		{"mine", exitDone, "HIGH", "4", []string{"3 hs_ticket_priority CONFLICT warning updated", "4 hs_pipeline_stage CONFLICT warning updated"}},
	} {
		t.Run(c.policy, func(t *testing.T) {
			t.Parallel()
			tr := newTrip(t, 5)
			tr.export(t, "tickets.xlsx")
			e := tr.open(t, "tickets.xlsx")
			e.set(3, "hs_ticket_priority", "High")
			e.set(3, "subject", "Mine")
			e.set(4, "hs_pipeline_stage", "Closed")
			e.set(5, "subject", "The same")
			e.save()
			tr.theirs(t, tr.ids[1], "hs_ticket_priority", "MEDIUM")
			tr.theirs(t, tr.ids[1], "content", "theirs, and nobody else's")
			tr.theirs(t, tr.ids[2], "hs_pipeline_stage", "2")
			tr.theirs(t, tr.ids[3], "subject", "The same")
			before := account(tr)

			tr.imports(t, c.code, "tickets.xlsx", "--on-conflict", c.policy, "--dry-run")
			require.Empty(t, tr.sent)
			require.Equal(t, c.problems, tr.problems(t), "a dry run tells the same")
			tr.imports(t, c.code, "tickets.xlsx", "--on-conflict", c.policy)
			require.Equal(t, c.problems, tr.problems(t))
			now := account(tr)
			require.Equal(t, "Mine", now[tr.ids[1]]["subject"], "what does not conflict is written")
			require.Equal(t, c.priority, now[tr.ids[1]]["hs_ticket_priority"])
			require.Equal(t, c.stage, now[tr.ids[2]]["hs_pipeline_stage"])
			require.Equal(t, "theirs, and nobody else's", now[tr.ids[1]]["content"])
			require.Equal(t, before[tr.ids[3]], now[tr.ids[3]])
			require.Empty(t, tr.server.Violations())
		})
	}
}

// TestRoundTripRefuses: rows that the workbook cannot mean are refused, and the others go on.
func TestRoundTripRefuses(t *testing.T) {
	t.Parallel()
	tr := newTrip(t, 9)
	tr.export(t, "tickets.xlsx")
	before := account(tr)
	e := tr.open(t, "tickets.xlsx")
	for row := 2; row <= 10; row++ {
		e.set(row, "subject", fmt.Sprint("New subject of row ", row))
	}
	e.set(2, "hs_object_id", "99999999999")
	e.set(3, "hs_object_id", tr.ids[3])
	e.set(6, "hs_lastmodifieddate", "2020-01-01")
	e.set(7, "hs_pipeline_stage", "")
	e.set(8, "hs_ticket_priority", "Enormous")
	e.set(9, "hs_pipeline", nil)
	e.set(12, "subject", "A new ticket")
	e.save()
	require.Equal(t, []string{tr.ids[2] + " subject=New subject of row 4", tr.ids[8] + " subject=New subject of row 10"}, tr.imports(t, exitRows, "tickets.xlsx"))
	require.Equal(t, []string{
		"2 hs_object_id NOT_EXPORTED error rejected",
		"3 hs_object_id DOUBLE_ROW error rejected",
		"5 hs_object_id DOUBLE_ROW error rejected",
		"6 hs_lastmodifieddate READ_ONLY_CELL error rejected",
		"7 hs_pipeline_stage MISSING_VALUE error rejected",
		"8 hs_ticket_priority INVALID_OPTION error rejected",
		"9 hs_pipeline MISSING_VALUE error rejected",
		"12 hs_object_id NEW_ROW error rejected",
	}, tr.problems(t))
	require.Contains(t, tr.out.String(), "stands in the rows 3 and 5")
	require.Contains(t, tr.out.String(), "ticketetl init")
	require.Len(t, differences(before, account(tr)), 2)
}

// TestRoundTripRewritten: the rows are sorted, some deleted, columns moved and
// added, every text is inline or every date a text, the protection is gone: only
// what was changed is sent.
func TestRoundTripRewritten(t *testing.T) {
	t.Parallel()
	tr := newTrip(t, 30)
	tr.export(t, "tickets.xlsx")
	from := tr.open(t, "tickets.xlsx")
	e := &editor{t: t, path: tr.path("other.xlsx"), book: excelize.NewFile()}
	require.NoError(t, e.book.SetSheetName("Sheet1", load.TicketsSheet))
	for _, sheet := range []string{etl.EditedSheet, etl.BaselineSheet, load.TicketsSheet} {
		if sheet != load.TicketsSheet {
			_, err := e.book.NewSheet(sheet)
			require.NoError(t, err)
		}
		rows, err := from.book.GetRows(sheet) // as it shows them
		require.NoError(t, err)
		if sheet == load.TicketsSheet {
			slices.Reverse(rows[1:])
			rows = slices.Delete(rows, 5, 8)
			for i := range rows {
				rows[i] = append([]string{"note", "of a person"}, rows[i]...)
			}
			rows[4][slices.Index(rows[0], "subject")] = "changed"
		}
		w, err := e.book.NewStreamWriter(sheet)
		require.NoError(t, err)
		for i, row := range rows {
			cells := make([]any, len(row))
			for k := range row {
				cells[k] = row[k]
			}
			require.NoError(t, w.SetRow("A"+strconv.Itoa(i+1), cells))
		}
		require.NoError(t, w.Flush())
	}
	require.NoError(t, e.book.SaveAs(e.path))
	require.Equal(t, []string{tr.ids[26] + " subject=changed"}, tr.imports(t, exitDone, "other.xlsx"), tr.out.String())
}

// TestRoundTripOfHugeText: a text that does not fit a cell is marked, and never sent.
func TestRoundTripOfHugeText(t *testing.T) {
	t.Parallel()
	tr := newTrip(t, 2)
	long := strings.Repeat("long 😀 ", 5000)
	tr.theirs(t, tr.ids[0], "content", long)
	tr.theirs(t, tr.ids[1], "content", "a bell: \a")
	tr.export(t, "tickets.xlsx")
	e := tr.open(t, "tickets.xlsx")
	text, err := e.book.GetCellValue(load.TicketsSheet, e.cell(2, "content"))
	require.NoError(t, err)
	require.Contains(t, text, "[locked: a text of 35000 characters")
	e.set(2, "subject", "short")
	e.save()
	require.Equal(t, []string{tr.ids[0] + " subject=short"}, tr.imports(t, exitDone, "tickets.xlsx"))
	e = tr.open(t, "tickets.xlsx")
	e.set(2, "content", "short too")
	e.save()
	require.Empty(t, tr.imports(t, exitRows, "tickets.xlsx"))
	require.Equal(t, []string{"2 content READ_ONLY_CELL error rejected"}, tr.problems(t))
	require.Equal(t, long, account(tr)[tr.ids[0]]["content"])
}

// TestRoundTripResumed: an import that stopped is carried on, from the workbook
// alone and as its conflicts were to be treated.
func TestRoundTripResumed(t *testing.T) {
	t.Parallel()
	tr := newTrip(t, 250, sandbox.Fault{Match: "batch/update", Kind: sandbox.DailyLimit, Nth: 3})
	tr.export(t, "tickets.xlsx")
	before := account(tr)
	e := tr.open(t, "tickets.xlsx")
	var want []string
	for row := 2; row <= 251; row++ {
		e.set(row, "subject", fmt.Sprint("Mine ", row))
		want = append(want, tr.ids[row-2]+" subject="+fmt.Sprint("Mine ", row))
	}
	e.save()
	slices.Sort(want)
	tr.theirs(t, tr.ids[240], "subject", "theirs")
	tr.imports(t, exitStopped, "tickets.xlsx", "--on-conflict", "mine", "--concurrency", "1")
	require.Less(t, len(differences(before, account(tr))), 250)
	tr.sent, tr.calls = nil, 0
	tr.must(t, exitDone, "resume", "--runs", tr.path("runs"))
	require.Equal(t, 2, tr.calls, "what was done is not sent again")
	require.Equal(t, want, differences(before, account(tr)))
}

// TestEditableWorkbook looks at the workbook as a spreadsheet program does.
func TestEditableWorkbook(t *testing.T) {
	t.Parallel()
	tr := newTrip(t, 3)
	tr.export(t, "tickets.xlsx", "--properties", "subject,hs_pipeline_stage,hubspot_owner_id,plano_sla,urgente,hs_lastmodifieddate")
	e := tr.open(t, "tickets.xlsx")
	defer e.book.Close()
	require.Equal(t, []string{"hs_object_id", "subject", "hs_pipeline", "hs_pipeline_stage", "hubspot_owner_id", "plano_sla", "urgente", "hs_lastmodifieddate", "associations.contacts", "associations.companies"}, e.head, "a stage comes with its pipeline")
	for header, locked := range map[string]bool{"hs_object_id": true, "subject": false, "hs_pipeline_stage": false, "urgente": false, "hubspot_owner_id": false, "hs_lastmodifieddate": true, "associations.contacts": true} {
		id, err := e.book.GetCellStyle(load.TicketsSheet, e.cell(2, header))
		require.NoError(t, err)
		style, err := e.book.GetStyle(id)
		require.NoError(t, err)
		require.Equal(t, locked, style.Protection == nil || style.Protection.Locked, header)
	}
	protection, err := e.book.GetSheetProtection(load.TicketsSheet)
	require.NoError(t, err)
	require.Empty(t, protection.Password)
	for _, sheet := range []string{etl.EditedSheet, etl.ChoicesSheet, etl.BaselineSheet} {
		visible, err := e.book.GetSheetVisible(sheet)
		require.NoError(t, err)
		require.False(t, visible, sheet)
	}
	downs, err := e.book.GetDataValidations(load.TicketsSheet)
	require.NoError(t, err)
	lists := map[string]string{}
	for _, d := range downs {
		lists[d.Sqref] = d.Formula1
	}
	require.Equal(t, map[string]string{
		"C2:C4": "ticketetl_choices!$A$2:$A$4",
		"D2:D4": "OFFSET(ticketetl_choices!$B$2:$B$7,0,MATCH($C2,ticketetl_choices!$B$1:$D$1,0)-1,COUNTA(OFFSET(ticketetl_choices!$B$2:$B$7,0,MATCH($C2,ticketetl_choices!$B$1:$D$1,0)-1)),1)",
		"E2:E4": "ticketetl_choices!$E$2:$E$48", "F2:F4": "ticketetl_choices!$F$2:$F$4", "G2:G4": "ticketetl_choices!$G$2:$G$3",
	}, lists)
	choices, err := e.book.GetCols(etl.ChoicesSheet)
	require.NoError(t, err)
	for column, want := range map[int]string{
		0: "hs_pipeline,Support Pipeline,Suporte,Onboarding", 3: "Onboarding,New,Kick-off,Escalado,Done,Cancelled",
		5: "plano_sla,Padrão,padrão,Ouro",
	} {
		require.Equal(t, want, strings.TrimRight(strings.Join(choices[column], ","), ","))
	}
}

// TestEditableFlags: what cannot be is told before anything is sent.
func TestEditableFlags(t *testing.T) {
	t.Parallel()
	tr := newTrip(t, 2)
	for flags, say := range map[string]string{
		"-o t.csv": "ends in .xlsx", "-o t.xlsx.gz": "ends in .xlsx", "-o t.xlsx --values raw": "leave --values", "-o t.xlsx --archived": "leave --values",
	} {
		tr.must(t, exitCannotRun, append([]string{"export", "--editable"}, strings.Fields(flags)...)...)
		require.Contains(t, tr.err.String(), say, flags)
	}
	require.NoError(t, os.WriteFile(tr.path("a.csv"), []byte("x\n1\n"), 0o600))
	tr.imports(t, exitCannotRun, "a.csv")
	require.Contains(t, tr.err.String(), "name the mapping")
	tr.export(t, "tickets.xlsx")
	tr.must(t, exitCannotRun, "import", "--runs", tr.path("runs"), "-m", tr.path("tickets.xlsx"), tr.path("a.csv"))
	require.Contains(t, tr.err.String(), "import it by itself")
	e := tr.open(t, "tickets.xlsx")
	require.NoError(t, e.book.SetCellValue(etl.EditedSheet, "B3", "1"))
	e.save()
	require.Empty(t, tr.imports(t, exitCannotRun, "tickets.xlsx"))
	require.Contains(t, tr.err.String(), "was exported from account 1, and this is account 48120077")
}

// TestRoundTripProperty: whatever cells are changed, the account differs in just
// these, and has in them what was written.
func TestRoundTripProperty(t *testing.T) {
	t.Parallel()
	texts := rapid.StringOfN(rapid.RuneFrom([]rune("ab 1=+-'\"\n;é😀_x0041_")), 1, 12, -1).Filter(func(s string) bool { return strings.TrimSpace(s) == s && s != "" })
	type kind struct {
		property string
		value    *rapid.Generator[[2]string] // cell and what is stored
	}
	choice := func(pairs ...[2]string) *rapid.Generator[[2]string] { return rapid.SampledFrom(pairs) }
	same := rapid.Map(texts, func(s string) [2]string { return [2]string{s, s} })
	kinds := []kind{
		{"subject", same}, {"content", rapid.OneOf(same, rapid.Just([2]string{}))}, {"cep", rapid.OneOf(same, rapid.Just([2]string{}))},
		{"hs_pipeline_stage", choice([2]string{"New", "1"}, [2]string{"Waiting on contact", "2"}, [2]string{"Waiting on us", "3"}, [2]string{"Closed", "4"})},
		{"hs_ticket_priority", choice([2]string{"Low", "LOW"}, [2]string{"high", "HIGH"}, [2]string{"URGENT", "URGENT"}, [2]string{})},
		{"hs_ticket_category", choice([2]string{"Billing issue;PRODUCT_ISSUE", "BILLING_ISSUE;PRODUCT_ISSUE"}, [2]string{"Feature request", "FEATURE_REQUEST"}, [2]string{})},
		{"hubspot_owner_id", choice([2]string{"karina.assuncao@desk.example", "712000113"}, [2]string{"diego.esteves@desk.example", "712000100"}, [2]string{})},
		{"urgente", choice([2]string{"true", "true"}, [2]string{"no", "false"}, [2]string{})},
		{"data_vencimento", choice([2]string{"2026-03-04", "2026-03-04"}, [2]string{"2026-12-31", "2026-12-31"}, [2]string{})},
		{"visita_agendada", choice([2]string{"2026-02-17 20:30:15", "2026-02-17T23:30:15Z"}, [2]string{"2026-06-01 08:00", "2026-06-01T11:00:00Z"}, [2]string{})},
		{"horas_trabalhadas", choice([2]string{"1.5", "1.5"}, [2]string{"0.125", "0.125"}, [2]string{})},
	}
	tr := newTrip(t, 40)
	for round := range uint64(6 / raced.OneIn(3)) {
		random := rand.New(rand.NewPCG(round, 1))
		tr.export(t, "tickets.xlsx")
		before := account(tr)
		e := tr.open(t, "tickets.xlsx")
		want := map[string]string{} // by "id property"
		for range random.IntN(60) {
			row, k := 2+random.IntN(40), kinds[random.IntN(len(kinds))]
			value := k.value.Example(random.Int())
			e.set(row, k.property, value[0])
			want[tr.ids[row-2]+" "+k.property] = value[1]
		}
		e.save()
		tr.imports(t, exitDone, "tickets.xlsx")
		after := account(tr)
		for _, d := range differences(before, after) {
			cell, value, _ := strings.Cut(d, "=")
			wanted, edited := want[cell]
			if !edited || wanted != value {
				t.Fatalf("%s was edited: %v, to %q; the account has %q", cell, edited, wanted, value)
			}
		}
		for cell, wanted := range want {
			id, property, _ := strings.Cut(cell, " ")
			p := before[id][property]
			if now := after[id][property]; now != wanted && now != p {
				t.Fatalf("%s: %q, and not %q", cell, now, wanted)
			}
			if after[id][property] == p && !sameStored(property, p, wanted) {
				t.Fatalf("%s was not written: %q stays, not %q", cell, p, wanted)
			}
		}
	}
	require.Empty(t, tr.server.Violations())
}

// sameStored says whether two texts mean the same: options in another order, a
// number with more zeros, a time to the second.
func sameStored(property, a, b string) bool {
	switch property {
	case "hs_ticket_category":
		x, y := strings.Split(a, ";"), strings.Split(b, ";")
		slices.Sort(x)
		slices.Sort(y)
		return slices.Equal(x, y)
	case "horas_trabalhadas":
		return strings.TrimRight(a, "0") == strings.TrimRight(b, "0")
	case "visita_agendada":
		return len(a) >= 19 && len(b) >= 19 && a[:19] == b[:19]
	case "content":
		return strings.TrimSpace(a) == strings.TrimSpace(b)
	}
	return a == b
}
