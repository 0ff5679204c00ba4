package transform

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
)

// Bounds of a table of values in a file of its own.
const (
	maxTableFile = 16 << 20 // bytes
	maxTableRows = 200_000
)

// values reads a table of translations: an object, or the name of a CSV file.
func (r *reader) values(m *Mapping, p *Property, n ast.Node, path []string) {
	if isObject(n) {
		p.Values = r.table(n, path)
		return
	}
	name, ok := r.text(n, path)
	if !ok {
		return
	}
	if !filepath.IsAbs(name) {
		name = filepath.Join(filepath.Dir(r.file), name)
	}
	p.table = name
	pairs, err := readTable(name)
	if err != nil {
		r.fault(placeOf(n), "it is a CSV file with the columns from and to, beside the mapping", "%s", err)
		return
	}
	p.Values = pairs
	m.files = append(m.files, name)
}

func (r *reader) table(n ast.Node, path []string) []ValuePair {
	var pairs []ValuePair
	r.entries(n, path, func(from string, _ place, value ast.Node, path []string) {
		if to, ok := r.textOrNull(value, path); ok {
			pairs = append(pairs, ValuePair{From: from, To: to})
		}
	})
	if len(n.(*ast.MappingNode).Values) == 0 {
		r.fault(placeOf(n), "", "the table of values is empty")
	}
	return pairs
}

// readTable reads the pairs of the CSV file at path. Its header names the
// columns from and to; others are notes for people.
func readTable(path string) ([]ValuePair, error) {
	data, err := tableBytes(path)
	if err != nil {
		return nil, err
	}
	rows := csv.NewReader(bytes.NewReader(data))
	rows.Comma = tableDelimiter(data)
	rows.FieldsPerRecord = -1
	header, err := rows.Read()
	from, to := columnOf(header, "from"), columnOf(header, "to")
	if err != nil || from < 0 || to < 0 {
		return nil, fmt.Errorf("table %s: the first line does not name the columns from and to", path)
	}
	var pairs []ValuePair
	for {
		cells, err := rows.Read()
		switch {
		case err == io.EOF && len(pairs) == 0:
			return nil, fmt.Errorf("table %s: it has no rows", path)
		case err == io.EOF:
			return pairs, nil
		case err != nil:
			return nil, fmt.Errorf("table %s: %s", path, plainCSV(err))
		}
		line, _ := rows.FieldPos(0)
		if len(cells) <= max(from, to) || isBlank(cells[from]) {
			return nil, fmt.Errorf("table %s: line %d has no text to translate, or nothing to translate it to", path, line)
		}
		if pairs = append(pairs, ValuePair{From: cells[from], To: cells[to]}); len(pairs) > maxTableRows {
			return nil, fmt.Errorf("table %s: it has more than %d rows", path, maxTableRows)
		}
	}
}

func tableBytes(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("table %s: there is no such file", path)
	case err == nil && !info.Mode().IsRegular():
		return nil, fmt.Errorf("table %s: it is not a plain file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("table %s: it cannot be opened", path)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxTableFile+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("table %s: it cannot be read", path)
	case len(data) > maxTableFile:
		return nil, fmt.Errorf("table %s: it has more than %d bytes", path, maxTableFile)
	case !utf8.Valid(data):
		return nil, fmt.Errorf("table %s: it is not UTF-8", path)
	}
	return bytes.TrimPrefix(data, []byte("\ufeff")), nil
}

// tableDelimiter is the sign that parts the columns of the header line.
func tableDelimiter(data []byte) rune {
	line, _, _ := bytes.Cut(data, []byte("\n"))
	for _, sign := range ";\t" {
		if bytes.ContainsRune(line, sign) {
			return sign
		}
	}
	return ','
}

func columnOf(header []string, name string) int {
	for i, cell := range header {
		if strings.EqualFold(strings.TrimSpace(cell), name) {
			return i
		}
	}
	return -1
}

func plainCSV(err error) string {
	var at *csv.ParseError
	if errors.As(err, &at) {
		return fmt.Sprintf("line %d: %s", at.Line, at.Err)
	}
	return "it cannot be read"
}
