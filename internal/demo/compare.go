package main

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/xuri/excelize/v2"
)

// A pair is a column of the sample and the column of the export in which its
// values must come back.
type pair struct {
	column, property string
	same             func(cell, exported string) bool
}

// pairs says how each cell of the sample must read after its journey through
// the account. What changes on the way is what the mapping says.
var pairs = []pair{
	{"Assunto", "subject", equal},
	{"Descrição", "content", equal},
	{"Situação", "hs_pipeline_stage", table(map[string]string{
		"Aberto": "Novo", "Aguardando cliente": "Aguardando contato", "Aguardando interno": "Aguardando nós",
		"Em atendimento": "Em andamento", "Escalado N2": "Escalado", "Resolvido": "Fechado", "Encerrado": "Fechado",
	})},
	{"Prioridade", "hs_ticket_priority", table(map[string]string{
		"Baixa": "Low", "Média": "Medium", "Alta": "High", "Crítica": "Urgent", "": "Medium",
	})},
	{"Produto", "produto", equalFold},
	{"Região", "regiao", equalFold},
	{"Canal", "canal_entrada", equalFold},
	{"Responsável (e-mail)", "hubspot_owner_id", equalFold},
	{"Solicitante", "solicitante", equal},
	{"Aberto em", "createdate", sameTime},
	{"Fechado em", "closed_date", sameTime},
	{"Vencimento", "data_vencimento", sameDate},
	{"Horas", "horas_trabalhadas", sameNumber},
	{"Valor cobrado", "valor_cobrado", sameNumber},
	{"Urgente", "urgente", table(map[string]string{"Sim": "TRUE", "Não": "FALSE"})},
	{"Nota", "nota_satisfacao", sameNumber},
	{"CEP", "cep", equal},
	{"Protocolo", "protocolo", equal},
	{"Etiquetas", "etiquetas", equal},
}

func equal(cell, exported string) bool { return cell == exported }
func equalFold(cell, exported string) bool {
	return strings.EqualFold(strings.TrimSpace(cell), exported)
}

func table(t map[string]string) func(cell, exported string) bool {
	return func(cell, exported string) bool {
		if want, ok := t[cell]; ok {
			return want == exported
		}
		return equalFold(cell, exported)
	}
}

func sameTime(cell, exported string) bool {
	return sameMoment(cell, "02/01/2006 15:04", exported, "2006-01-02 15:04:05")
}

func sameDate(cell, exported string) bool {
	return sameMoment(cell, "02/01/2006", exported, "2006-01-02")
}

func sameMoment(cell, layout, exported, exportedLayout string) bool {
	if cell == "" || exported == "" {
		return cell == exported
	}
	a, errA := time.Parse(layout, cell)
	b, errB := time.Parse(exportedLayout, exported)
	return errA == nil && errB == nil && a.Equal(b)
}

func sameNumber(cell, exported string) bool {
	if cell == "" || exported == "" {
		return cell == exported
	}
	a, errA := strconv.ParseFloat(strings.ReplaceAll(strings.ReplaceAll(cell, ".", ""), ",", "."), 64)
	b, errB := strconv.ParseFloat(exported, 64)
	return errA == nil && errB == nil && a == b
}

// maxDifferences is how many differences are shown.
const maxDifferences = 10

func compare(sample, exported string) error {
	want, err := readSample(sample)
	if err != nil {
		return err
	}
	got, err := readWorkbook(exported)
	if err != nil {
		return err
	}
	cells, differences, missing := 0, 0, 0
	for key, row := range want {
		back, ok := got[key]
		if !ok {
			missing++
			continue
		}
		for _, p := range pairs {
			cells++
			if !p.same(row[p.column], back[p.property]) {
				if differences++; differences <= maxDifferences {
					fmt.Printf("  %s, %s: %q in the file, %q in the export\n", key, p.column, row[p.column], back[p.property])
				}
			}
		}
	}
	fmt.Printf("\n%d tickets in the file, %d in the export, %d missing; %d cells compared, %d differ.\n", len(want), len(got), missing, cells, differences)
	if differences > 0 || missing > 0 || len(got) != len(want) {
		return errors.New("the export is not what was imported")
	}
	fmt.Println("Every ticket came back as it went in.")
	return nil
}

// readSample reads the tickets of the sample that the mapping takes, by key.
func readSample(path string) (map[string]map[string]string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(data, []byte("\ufeff"))))
	r.Comma = ';'
	rows, err := r.ReadAll()
	if err != nil {
		return nil, err
	}
	tickets := byKey(rows, "Nº do chamado")
	for key, row := range tickets {
		if row["Situação"] == "Spam" {
			delete(tickets, key) // as the mapping's "where" says
		}
	}
	return tickets, nil
}

func readWorkbook(path string) (map[string]map[string]string, error) {
	f, err := excelize.OpenFile(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	rows, err := f.GetRows(f.GetSheetName(0))
	if err != nil {
		return nil, err
	}
	return byKey(rows, "external_id"), nil
}

// byKey makes each row a map by the header's names, and finds it by its key.
func byKey(rows [][]string, key string) map[string]map[string]string {
	all := map[string]map[string]string{}
	at := slices.Index(rows[0], key)
	for _, cells := range rows[1:] {
		row := map[string]string{}
		for i, name := range rows[0] {
			if i < len(cells) {
				row[name] = cells[i]
			}
		}
		all[cells[at]] = row
	}
	return all
}
