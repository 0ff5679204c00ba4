// Package benchdata makes the tickets that are measured with: a file of any number of
// rows, the same each time, and the mapping for it.
package benchdata

import (
	"bufio"
	_ "embed"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/ticketetl/ticketetl/internal/sandbox"
)

// Mapping is the mapping for the file.
//
//go:embed tickets.yaml
var Mapping []byte

// Columns is the header of the file.
var Columns = []string{
	"Ticket ID", "Subject", "Description", "Status", "Priority", "Category", "Owner Email",
	"Contact Email", "Company Domain", "Created", "Due Date", "Amount", "Tags",
}

var (
	categories = []string{"Product issue", "Billing issue", "Feature request", "General inquiry"}
	priorities = []string{"Low", "Medium", "High", "Urgent", ""}
	words      = strings.Fields(`the customer reports that after update login fails with error code on page invoice
		shows wrong total please check and call back as soon possible tried restart twice but it did not help export
		hangs at percent attached screenshot from production account password reset mail never arrives Überprüfung
		façade señor não ação Привет ошибка 東京 不具合 報告 😀 — “quoted” …`)
)

// Write writes a CSV of n tickets that depends on n alone and imports
// cleanly into the sandbox account: 13 columns, descriptions of 220 to 600
// characters with line breaks and quotes.
func Write(path string, n int) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<20)
	if _, err := w.WriteString(strings.Join(Columns, ",") + "\r\n"); err != nil {
		return err
	}
	t := New()
	for i := range n {
		if err := writeRow(w, t.Row(i)); err != nil {
			return err
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Close()
}

func writeRow(w *bufio.Writer, cells []string) error {
	for i, c := range cells {
		if i > 0 {
			_ = w.WriteByte(',') // the error stays with w until Flush
		}
		if strings.ContainsAny(c, ",\"\r\n") {
			c = `"` + strings.ReplaceAll(c, `"`, `""`) + `"`
		}
		_, _ = w.WriteString(c)
	}
	_, err := w.WriteString("\r\n")
	return err
}

// Tickets makes one row after the other.
type Tickets struct {
	rng      *rand.Rand
	owners   []string
	contacts []string
	domains  []string
	stages   []string
}

// New begins anew.
func New() *Tickets {
	world := sandbox.DefaultWorld()
	t := &Tickets{rng: rand.New(rand.NewPCG(1, 2))}
	for _, o := range world.Schema.Owners {
		if !o.Archived && o.Email != "" {
			t.owners = append(t.owners, o.Email)
		}
	}
	for _, c := range world.Contacts {
		if email := c.Properties["email"]; email != "" {
			t.contacts = append(t.contacts, email)
		}
	}
	for _, c := range world.Companies {
		t.domains = append(t.domains, c.Properties["domain"])
	}
	for _, st := range world.Schema.Pipelines[0].Stages {
		t.stages = append(t.stages, st.Label)
	}
	return t
}

func (t *Tickets) pick(from []string) string { return from[t.rng.IntN(len(from))] }

func (t *Tickets) text(characters int) string {
	var b strings.Builder
	for b.Len() < characters {
		b.WriteString(t.pick(words))
		switch t.rng.IntN(16) {
		case 0:
			b.WriteString(", \"as seen\"")
		case 1:
			b.WriteByte('\n')
		default:
			b.WriteByte(' ')
		}
	}
	return strings.TrimSpace(b.String())
}

// Row is the next row; i makes its id.
func (t *Tickets) Row(i int) []string {
	created := time.Date(2023, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(t.rng.IntN(900*86400)) * time.Second)
	category := t.pick(categories)
	if second := t.pick(categories); t.rng.IntN(2) == 0 && second != category {
		category += ";" + second
	}
	amount := ""
	if cents := t.rng.IntN(2_000_000); cents > 200_000 {
		amount = fmt.Sprintf("%d.%02d", cents/100, cents%100)
	}
	return []string{
		strconv.Itoa(100_000_000 + i), t.text(30 + t.rng.IntN(60)), t.text(220 + t.rng.IntN(380)),
		t.pick(t.stages), t.pick(priorities), category, t.pick(t.owners), t.pick(t.contacts), t.pick(t.domains),
		created.Format(time.DateTime), created.AddDate(0, 0, 1+t.rng.IntN(30)).Format("02/01/2006"), amount, t.pick(words),
	}
}
