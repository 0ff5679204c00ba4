package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/etl/transform"
)

func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(transform.JSONSchema))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	require.NoError(t, c.AddResource("mapping.json", doc))
	s, err := c.Compile("mapping.json")
	require.NoError(t, err)
	return s
}

func check(t *testing.T, s *jsonschema.Schema, text string) error {
	t.Helper()
	var doc any
	require.NoError(t, yaml.Unmarshal([]byte(text), &doc), text)
	return s.Validate(doc)
}

func TestTheSchemaIsThatOfTheTypes(t *testing.T) {
	t.Chdir("../..")
	data, err := build()
	require.NoError(t, err)
	require.Equal(t, string(data), string(transform.JSONSchema), "run go generate ./etl/transform")
}

func TestReadyMappingsAndExamplesAreValid(t *testing.T) {
	s := compiled(t)
	files, err := filepath.Glob("../../mappings/*.yaml")
	require.NoError(t, err)
	require.Greater(t, len(files), 6)
	for _, path := range files {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		require.NoError(t, check(t, s, string(text)), path)
	}
	doc, err := os.ReadFile("../../docs/mapping.md")
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(doc), -1)
	require.Greater(t, len(blocks), 25)
	for _, block := range blocks {
		text := block[1]
		if !strings.Contains(text, "operation:") {
			text += "operation: update\n"
		}
		require.NoError(t, check(t, s, text), text)
	}
}

// A mapping whose form is wrong is refused by the schema and by the program.
func TestWrongForms(t *testing.T) {
	s := compiled(t)
	head := "operation: create\n"
	for _, text := range []string{
		"version: 1\n",
		"operation: upsrt\n",
		"- operation: create\n",
		head + "version: 2\n",
		head + "sheet: Export\n",
		head + "source: {colour: red}\n",
		head + "source: Export\n",
		head + "source: {decimal: x}\n",
		head + "source: {blank: maybe}\n",
		head + "source: {overwrite: yes}\n",
		head + "source: {header: first}\n",
		head + "source: {header: 0}\n",
		head + "source: {dates: []}\n",
		head + "source: {dates: [iso, [dmy]]}\n",
		head + "key: {property: a}\n",
		head + "key: a\n",
		head + "key: {property: a, column: b, match: c}\n",
		head + "properties: [subject]\n",
		head + "properties: {subject: {colum: a}}\n",
		head + "properties: {subject: {column: a, value: b}}\n",
		head + "properties: {subject: {default: b}}\n",
		head + "properties: {subject: [a]}\n",
		head + "properties: {subject: }\n",
		head + "properties: {subject: {column: a, values: {}}}\n",
		head + "properties: {subject: {column: a, values: [a]}}\n",
		head + "properties: {subject: {column: a, values: {b: {c: d}}}}\n",
		head + "properties: {subject: {column: a, values: {b: c}, otherwise: usse d}}\n",
		head + "properties: {subject: {column: a, append: perhaps}}\n",
		head + "associations: {to: contacts}\n",
		head + "associations: [contacts]\n",
		head + "associations: [{to: contacts, match: id}]\n",
		head + "associations: [{to: contacts, column: a}]\n",
		head + "associations: [{match: id, column: a}]\n",
		head + "associations: [{to: contacts, match: id, column: a, value: b}]\n",
		head + "associations: [{to: contacts, match: id, column: a, missing: b}]\n",
		head + "associations: [{to: contacts, match: id, column: a, type: sometimes}]\n",
		head + "associations: [{to: contacts, match: id, column: a, type: 0}]\n",
		head + "associations: [{to: contacts, match: id, column: a, labels: b}]\n",
	} {
		_, err := transform.Parse("m.yaml", []byte(text))
		require.Error(t, err, text)
		require.Error(t, check(t, s, text), text)
	}
	for _, text := range []string{
		head + "version: \"1\"\nsource: {sheet: 2, header: \"3\", dates: epoch, decimal: \".\", signs: [EUR, \"%\"], delimiter: tab}\n",
		head + "properties: {a: 1, b: {value: true}, c: {column: x, values: {1: 2, d: null}, otherwise: use 5, append: \"true\"}}\n",
		head + "associations: [{to: contacts, match: id, column: a, type: 16}, {to: companies, match: domain, value: b, type: primary, several: list}]\n",
	} {
		_, err := transform.Parse("m.yaml", []byte(text))
		require.NoError(t, err, text)
		require.NoError(t, check(t, s, text), text)
	}
}
