package sandbox

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/ticketetl/ticketetl/internal/schema"
)

// How much of each kind of record the default account holds.
const (
	numOwners    = 50
	numContacts  = 400
	numCompanies = 120
	numDeals     = 12
)

// Names are common ones, joined by number, so that nobody in particular is meant.
var (
	firstNames = []string{
		"Ana", "Bruno", "Camila", "Diego", "Érica", "Fábio", "Gabriela", "Heitor", "Íris", "João",
		"Karina", "Luís", "Márcia", "Nélson", "Otávio", "Patrícia", "Quitéria", "Rafael", "Sônia", "Tomás",
		"Úrsula", "Vinícius", "Wagner", "Ximena", "Yasmin", "Zélia", "Antônio", "Beatriz", "César", "Débora",
	}
	lastNames = []string{
		"Almeida", "Barbosa", "Conceição", "Duarte", "Esteves", "Figueiredo", "Gonçalves", "Holanda", "Ibiapina", "Junqueira",
		"Leão", "Magalhães", "Nogueira", "Ourique", "Paixão", "Queirós", "Ribeiro", "Sant'Ana", "Távora", "Uchôa",
		"Valadão", "Xavier", "Zanella", "Assunção", "Brandão", "Carvalho", "Dornelas", "Espíndola", "Falcão",
	}
	trades     = []string{"Padaria", "Clínica", "Oficina", "Livraria", "Farmácia", "Gráfica", "Transportes", "Escola", "Cooperativa", "Ótica", "Marcenaria", "Hotel"}
	tradeNames = []string{"Aurora", "Boa Vista", "Cruzeiro", "Estação", "Horizonte", "Ipê", "Jatobá", "Maré", "São Bento", "Três Irmãos"}
)

var plainLetters = strings.NewReplacer(
	"á", "a", "â", "a", "ã", "a", "à", "a", "é", "e", "ê", "e", "í", "i", "ó", "o", "ô", "o", "õ", "o", "ú", "u", "ç", "c", "'", "", " ", "-")

// address is text as it may stand in an e-mail address or a domain.
func address(text string) string { return plainLetters.Replace(strings.ToLower(text)) }

func person(i int) (first, last string) {
	return firstNames[i%len(firstNames)], lastNames[(i*11+i/len(firstNames))%len(lastNames)]
}

// recordID is the i-th id of a kind of record: 11 digits, save a few of 17,
// which a float64 cannot hold.
func recordID(base int64, i int) string {
	if i%97 == 96 {
		return strconv.FormatInt(90_071_992_547_400_001+base+int64(i)*2, 10)
	}
	return strconv.FormatInt(base+int64(i)*37, 10)
}

// seedContacts are people of the companies, in turn. A few have a second
// address, and the last one has none.
func seedContacts() []Seed {
	contacts := make([]Seed, numContacts)
	for i := range contacts {
		first, last := person(i)
		domain, company := companyDomain(i%numCompanies), i%numCompanies
		properties := map[string]string{
			"email":               address(first) + "." + address(last) + "@" + domain,
			"firstname":           first,
			"lastname":            last,
			"phone":               fmt.Sprintf("+55 11 5550-%04d", i),
			"codigo_cliente":      fmt.Sprintf("CLI-%05d", 10_000+i),
			"associatedcompanyid": recordID(companyBase, company),
		}
		if i%50 == 7 {
			properties["hs_additional_emails"] = fmt.Sprintf("%s.%d@example.org;%s%d@example.net", address(first), i, address(last), i)
		}
		contacts[i] = Seed{ID: recordID(contactBase, i), Properties: properties}
	}
	delete(contacts[numContacts-1].Properties, "email")
	return contacts
}

const (
	contactBase = 30_150_000_001
	companyBase = 20_480_000_003
	dealBase    = 11_730_000_009
)

// seedCompanies are as many as there are trades and names. The one before the
// last has the domain of the first, and the last has no domain.
func seedCompanies() []Seed {
	companies := make([]Seed, numCompanies)
	for i := range companies {
		companies[i] = Seed{ID: recordID(companyBase, i), Properties: map[string]string{
			"name":           companyName(i),
			"domain":         companyDomain(i),
			"codigo_empresa": fmt.Sprintf("EMP-%04d", 1000+i),
			"city":           []string{"São Paulo", "Recife", "Belém", "Goiânia", "Florianópolis"}[i%5],
		}}
	}
	companies[numCompanies-2].Properties["domain"] = companyDomain(0)
	delete(companies[numCompanies-1].Properties, "domain")
	return companies
}

func companyName(i int) string {
	return trades[i%len(trades)] + " " + tradeNames[(i/len(trades))%len(tradeNames)]
}

func companyDomain(i int) string { return address(companyName(i)) + ".example" }

func seedDeals() []Seed {
	deals := make([]Seed, numDeals)
	for i := range deals {
		deals[i] = Seed{ID: recordID(dealBase, i), Properties: map[string]string{
			"dealname":        "Contrato " + companyName(i),
			"amount":          strconv.Itoa(1500 * (i + 1)),
			"numero_contrato": fmt.Sprintf("CT-%03d", 100+i),
		}}
	}
	return deals
}

// defaultOwners are the help desk's staff. Numbers 10 and 11 have one name; 46
// to 48 have left, the first of them with the name of number 0; the last one
// is a queue.
func defaultOwners() []schema.Owner {
	owners := make([]schema.Owner, numOwners)
	for i := range owners {
		first, last := person(i*7 + 3)
		owners[i] = schema.Owner{
			ID:        strconv.Itoa(712_000_100 + i*13),
			Email:     address(first) + "." + address(last) + "@desk.example",
			Type:      "PERSON",
			FirstName: first,
			LastName:  last,
			UserID:    int64(64_500_000 + i*17),
			Teams:     ownerTeams(i),
		}
	}
	rename(&owners[11], owners[10], "2")
	rename(&owners[46], owners[0], ".antigo")
	for i := 46; i <= 48; i++ {
		owners[i].Archived, owners[i].UserID, owners[i].Teams = true, 0, nil
	}
	owners[49] = schema.Owner{ID: owners[49].ID, Type: "QUEUE", FirstName: "Fila geral", Teams: ownerTeams(0)}
	return owners
}

// rename gives o the name of another, and an address that differs by suffix.
func rename(o *schema.Owner, other schema.Owner, suffix string) {
	o.FirstName, o.LastName = other.FirstName, other.LastName
	o.Email = address(o.FirstName) + "." + address(o.LastName) + suffix + "@desk.example"
}

func ownerTeams(i int) []schema.Team {
	teams := []schema.Team{
		{ID: "5310001", Name: "Suporte N1", Primary: true},
		{ID: "5310002", Name: "Suporte N2", Primary: true},
		{ID: "5310003", Name: "Financeiro", Primary: true},
		{ID: "5310004", Name: "Onboarding", Primary: true},
	}
	own := []schema.Team{teams[i%4]}
	if i%6 == 0 {
		second := teams[(i+1)%4]
		second.Primary = false
		own = append(own, second)
	}
	return own
}
