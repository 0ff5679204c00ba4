package samplegen

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/ticketetl/ticketetl/internal/sandbox"
	"github.com/ticketetl/ticketetl/internal/schema"
)

// A Ticket is one ticket as a help desk knows it. Words are the desk's own, in
// Portuguese; an empty text or a zero time is what the desk left open.
type Ticket struct {
	Number      string // CH-000001
	Subject     string
	Description string // several lines, parted by \n
	Status      string
	Priority    string
	Categories  []string
	Product     string
	Region      string
	Channel     string
	Agent       schema.Owner // without ID when nobody took it
	Requester   sandbox.Seed // without ID when the desk does not know who asked
	Domain      string       // of the requester's company
	Opened      time.Time    // wall clock of São Paulo, whole minutes, kept as UTC
	Closed      time.Time
	Due         time.Time // a day
	Quarters    int       // hours worked, in quarters; 0 when not noted
	Cents       int       // charged
	Urgent      bool
	Score       int // satisfaction in tenths, 0 to 100; -1 when not asked
	PostalCode  string
	Protocol    string // 18 digits
	Tags        []string
}

// statuses are the desk's words for the stages of pipeline "Suporte", with how
// many of a hundred tickets are in each.
var statuses = []struct {
	name   string
	share  int
	closed bool
}{
	{"Aberto", 12, false},
	{"Aguardando cliente", 10, false},
	{"Aguardando interno", 6, false},
	{"Em atendimento", 14, false},
	{"Escalado N2", 5, false},
	{"Resolvido", 38, true},
	{"Encerrado", 15, true},
}

var (
	priorities = []string{"Baixa", "Média", "Média", "Alta", "Alta", "Crítica", ""}
	categories = []string{"Problema no produto", "Cobrança", "Sugestão", "Dúvida geral", "Integração", "Treinamento"}
	regions    = []string{"Norte", "Nordeste", "Centro-Oeste", "Sudeste", "sudeste", "Sul", ""}
	channels   = []string{"Telefone", "E-mail", "Portal do cliente", "WhatsApp", "Balcão"}
	tags       = []string{"vip", "recorrente", "piloto", "contrato novo", "férias coletivas", "migração"}
)

// desk hands tickets out, one after the other.
type desk struct {
	world  *sandbox.World
	random *rand.Rand
	agents []schema.Owner
	people []sandbox.Seed
	sites  map[string]string // domains of companies, by id
}

// Tickets are the first n tickets of the desk whose customers and staff are
// those of w.
func Tickets(w *sandbox.World, n int) []Ticket {
	d := &desk{
		world:  w,
		random: rand.New(rand.NewPCG(2026, 11)),
		agents: agents(w.Schema),
		people: people(w),
		sites:  sites(w),
	}
	tickets := make([]Ticket, n)
	for i := range tickets {
		tickets[i] = d.next(i)
	}
	return tickets
}

// agents are the people who still work there and whose names are their own.
func agents(s *schema.Schema) []schema.Owner {
	var found []schema.Owner
	for _, o := range s.Owners {
		if !o.Archived && o.Type == "PERSON" && len(s.MatchOwners(o.Name())) == 1 {
			found = append(found, o)
		}
	}
	return found
}

func people(w *sandbox.World) []sandbox.Seed {
	var found []sandbox.Seed
	for _, c := range w.Contacts {
		if c.Properties["email"] != "" {
			found = append(found, c)
		}
	}
	return found
}

// sites are the domains that exactly one company has.
func sites(w *sandbox.World) map[string]string {
	count := map[string]int{}
	for _, c := range w.Companies {
		count[c.Properties["domain"]]++
	}
	found := map[string]string{}
	for _, c := range w.Companies {
		if domain := c.Properties["domain"]; count[domain] == 1 {
			found[c.ID] = domain
		}
	}
	return found
}

func (d *desk) next(i int) Ticket {
	status := d.status()
	t := Ticket{
		Number:     fmt.Sprintf("CH-%06d", 4200+i),
		Status:     status,
		Priority:   pick(d, priorities),
		Categories: d.some(categories, 1+d.random.IntN(2)),
		Region:     pick(d, regions),
		Channel:    pick(d, channels),
		Urgent:     d.oneIn(9),
		Score:      -1,
		PostalCode: fmt.Sprintf("%08d", 1_000_000+d.random.IntN(90_000_000)),
		Protocol:   fmt.Sprintf("2026%02d%012d", 1+i%12, 7_000_000_000+int64(i)*1_000_003),
	}
	d.story(&t, i)
	d.parties(&t, i)
	d.times(&t, i)
	d.figures(&t)
	return t
}

func (d *desk) oneIn(n int) bool { return d.random.IntN(n) == 0 }

func pick[T any](d *desk, from []T) T { return from[d.random.IntN(len(from))] }

// some takes n different ones, in a random order.
func (d *desk) some(from []string, n int) []string {
	var taken []string
	for _, i := range d.random.Perm(len(from))[:n] {
		taken = append(taken, from[i])
	}
	return taken
}

func (d *desk) status() string {
	at := d.random.IntN(100)
	for _, s := range statuses {
		if at -= s.share; at < 0 {
			return s.name
		}
	}
	return statuses[0].name
}

// story gives the ticket a product, a subject and a description.
func (d *desk) story(t *Ticket, i int) {
	s := stories[i%len(stories)]
	t.Product = s.product
	if d.oneIn(8) {
		t.Product = strings.ToLower(t.Product) // typed by hand
	}
	t.Subject = fmt.Sprintf(s.subject, pick(d, places))
	lines := []string{pick(d, greetings), "", s.detail}
	for range d.random.IntN(3) {
		lines = append(lines, pick(d, remarks))
	}
	t.Description = strings.Join(append(lines, "", pick(d, farewells)), "\n")
	if i%41 == 17 {
		t.Description = "" // closed on the telephone, nothing noted
	}
	if d.oneIn(4) {
		t.Tags = d.some(tags, 1+d.random.IntN(3))
	}
}

// parties says who asked and who answers. Some tickets lack either, and some
// come from a company that the account does not know.
func (d *desk) parties(t *Ticket, i int) {
	if i%23 != 11 {
		t.Agent = pick(d, d.agents)
	}
	if i%37 == 20 {
		return
	}
	t.Requester = pick(d, d.people)
	t.Domain = d.sites[t.Requester.Properties["associatedcompanyid"]]
	if i%71 == 30 {
		t.Domain = "empresa-sem-cadastro.example"
	}
}

func (d *desk) times(t *Ticket, i int) {
	start := time.Date(2025, time.August, 4, 7, 30, 0, 0, time.UTC)
	t.Opened = start.Add(time.Duration(i)*7*time.Hour + time.Duration(d.random.IntN(360))*time.Minute)
	t.Due = t.Opened.Truncate(24*time.Hour).AddDate(0, 0, 2+d.random.IntN(20))
	for _, s := range statuses {
		if s.name == t.Status && s.closed {
			t.Closed = t.Opened.Add(time.Duration(20+d.random.IntN(20_000)) * time.Minute)
		}
	}
}

func (d *desk) figures(t *Ticket) {
	if t.Closed.IsZero() && d.oneIn(2) {
		return
	}
	t.Quarters = 1 + d.random.IntN(60)
	if d.oneIn(3) {
		t.Cents = 5_000 + d.random.IntN(400_000)
	}
	if !t.Closed.IsZero() && d.oneIn(2) {
		t.Score = 5 * d.random.IntN(21)
	}
}
