package transform_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/etl/transform"
)

func TestDraft(t *testing.T) {
	t.Parallel()
	in := transform.DraftInput{
		File: "chamados.csv",
		Header: etl.NewHeader([]string{"Número do chamado", "Assunto", "Descrição", "Situação", "Prioridade", "Responsável",
			"Criado em", "Fechado em", "Due date", "Price", "E-mail do solicitante", "Domínio", "Tags", "Código interno", ""}),
		Samples: [][]string{
			{"CH-1", "Impressora", "Não liga", "Novo", "Alta", "ana@example.com", "31/01/2024 10:00", "01/02/2024", "2024-01-31", "1.234,50", "eva@example.com", "example.com", "Billing issue, Product issue", "7", "x"},
			{"CH-2", "Rede", "Lenta", "Em andamento", "Normal", "Zoe", "01/02/2024 11:00", "02/03/2024", "2024-02-01", "10,00", "rui@example.com", "example.org", "", "8", ""},
		},
		Schema: account(),
		Source: transform.Source{Encoding: "windows-1252", Delimiter: ";"},
	}
	var out bytes.Buffer
	require.NoError(t, transform.Draft(&out, in))
	golden(t, "chamados.yaml", out.Bytes())

	m, err := transform.Parse("draft.yaml", out.Bytes())
	require.NoError(t, err)
	_, err = transform.Compile(m, in.Schema, in.Header, transform.CompileOptions{})
	require.NoError(t, err)
}

// Without anything that fits, the draft says what is needed.
func TestDraftOfStrangeColumns(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, transform.Draft(&out, transform.DraftInput{
		File: "a.xlsx", Header: etl.NewHeader([]string{"Foo", ""}), Samples: [][]string{{"1", "long text"}}, Schema: account(),
		Source: transform.Source{Sheet: "Export", Header: 3, Dates: []string{"iso", "dmy"}},
	}))
	golden(t, "strange.yaml", out.Bytes())
}

// golden compares got with a file of testdata/draft.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	want, err := os.ReadFile(filepath.Join("testdata", "draft", name))
	require.NoError(t, err)
	require.Equal(t, string(want), string(got))
}
