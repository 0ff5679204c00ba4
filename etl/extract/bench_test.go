package extract_test

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/xuri/excelize/v2"

	"github.com/ticketetl/ticketetl/etl/extract"
)

const benchRows = 20_000

// benchTable is a help-desk export: twelve columns, a description in quotes.
func benchTable() [][]string {
	table := [][]string{{"ID", "Subject", "Description", "Status", "Priority", "Requester", "Assignee", "Created", "Updated", "Tags", "Group", "Hours"}}
	for i := range benchRows {
		table = append(table, []string{
			fmt.Sprint(100000 + i), "Printer on floor " + fmt.Sprint(i%9) + " does not answer",
			"Hello,\nsince this morning the printer \"P" + fmt.Sprint(i%40) + "\" is silent.\nCould you have a look? " + strings.Repeat("Thanks. ", i%12),
			"Open", "High", fmt.Sprintf("person%d@example.com", i%5000), "agent@example.com",
			"2024-02-29 14:30:00", "2024-03-01 09:12:44", "printer|floor", "IT", "1.5",
		})
	}
	return table
}

func benchCSV(b *testing.B) (string, int64) {
	var text strings.Builder
	w := csv.NewWriter(&text)
	require.NoError(b, w.WriteAll(benchTable()))
	return write(b, "in.csv", text.String()), int64(text.Len())
}

func BenchmarkCSV(b *testing.B) {
	path, size := benchCSV(b)
	b.SetBytes(size)
	benchFile(b, path)
}

// BenchmarkReadWorkbook reads a workbook whose texts stand in the cells, and one that
// has shared ones.
func BenchmarkReadWorkbook(b *testing.B) {
	inline, shared := streamedWorkbookOf(b, benchTable()), workbookOf(b, benchTable())
	b.Run("inline", func(b *testing.B) { benchFile(b, inline) })
	b.Run("shared", func(b *testing.B) { benchFile(b, shared) })
}

// BenchmarkExcelize is what BenchmarkReadWorkbook is measured against.
func BenchmarkExcelize(b *testing.B) {
	for name, path := range map[string]string{"inline": streamedWorkbookOf(b, benchTable()), "shared": workbookOf(b, benchTable())} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				book, err := excelize.OpenFile(path)
				require.NoError(b, err)
				rows, err := book.Rows("Sheet1")
				require.NoError(b, err)
				n := 0
				for ; rows.Next(); n++ {
					_, err := rows.Columns()
					require.NoError(b, err)
				}
				require.Equal(b, benchRows+1, n)
				require.NoError(b, errors.Join(rows.Close(), book.Close()))
			}
			b.ReportMetric(float64(benchRows*b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

func benchFile(b *testing.B, path string) {
	b.ReportAllocs()
	for b.Loop() {
		f, err := extract.Open(path, extract.Options{})
		require.NoError(b, err)
		n := 0
		for ; err == nil; n++ {
			_, err = f.Next(context.Background())
		}
		if !errors.Is(err, io.EOF) || n != benchRows+1 {
			b.Fatal(n, err)
		}
		require.NoError(b, f.Close())
	}
	b.ReportMetric(float64(benchRows*b.N)/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkEncodingCSV is what BenchmarkCSV is measured against.
func BenchmarkEncodingCSV(b *testing.B) {
	path, size := benchCSV(b)
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		file, err := os.Open(path)
		require.NoError(b, err)
		r := csv.NewReader(file)
		r.ReuseRecord = true
		for err == nil {
			_, err = r.Read()
		}
		if !errors.Is(err, io.EOF) {
			b.Fatal(err)
		}
		require.NoError(b, file.Close())
	}
	b.ReportMetric(float64(benchRows*b.N)/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkScanner does the same work as BenchmarkEncodingCSV.
func BenchmarkScanner(b *testing.B) {
	path, size := benchCSV(b)
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		n, err := extract.ScanAll(path)
		require.NoError(b, err)
		require.Equal(b, benchRows+1, n)
	}
	b.ReportMetric(float64(benchRows*b.N)/b.Elapsed().Seconds(), "rows/s")
}
