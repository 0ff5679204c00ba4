// Command mapschema writes the JSON Schema of mapping files, made of the Go
// types of etl/transform and their comments.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/invopop/jsonschema"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/etl/transform"
)

func main() {
	output := flag.String("o", "", "write to this `file`")
	flag.Parse()
	if err := write(*output, flag.Arg(0)); err != nil {
		fmt.Fprintln(os.Stderr, "mapschema:", err)
		os.Exit(1)
	}
}

func write(output, root string) error {
	path, err := filepath.Abs(output)
	if err != nil {
		return err
	}
	if err := os.Chdir(root); err != nil {
		return err
	}
	data, err := build()
	if err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o644)
}

// build makes the schema. It reads the comments below the working folder, which
// is that of the module.
func build() ([]byte, error) {
	r := jsonschema.Reflector{
		FieldNameTag: "yaml", RequiredFromJSONSchemaTags: true, ExpandedStruct: true,
		CommentMap: map[string]string{},
	}
	if err := r.AddGoComments("github.com/ticketetl/ticketetl", "./etl/transform"); err != nil {
		return nil, err
	}
	s := r.Reflect(&transform.Mapping{})
	s.Title, s.ID = "ticketetl mapping", ""
	s.Description = "Which column of a spreadsheet becomes which HubSpot ticket property, and how."
	shape(s)
	data, err := json.MarshalIndent(s, "", "  ")
	return append(data, '\n'), err
}

// shape changes what YAML writes otherwise than the Go types hold it: short
// forms, single texts in place of lists, scalars in place of texts.
func shape(s *jsonschema.Schema) {
	source, property := s.Definitions["Source"], s.Definitions["Property"]
	loosen(s)
	for _, d := range s.Definitions {
		loosen(d)
	}
	delete(s.Definitions, "ValuePair")
	s.Required = []string{"operation"}
	set(s, "version", &jsonschema.Schema{Enum: []any{1, "1"}})
	set(s, "operation", &jsonschema.Schema{Enum: []any{
		etl.Create, etl.Update, etl.Upsert, etl.Delete, etl.Associate, etl.Dissociate,
	}})
	set(s, "properties", &jsonschema.Schema{
		Description:          "what is written: internal names of properties, each with a column's name or more",
		Type:                 "object",
		AdditionalProperties: &jsonschema.Schema{AnyOf: []*jsonschema.Schema{text(), {Ref: "#/$defs/Property"}}},
	})
	set(source, "header", &jsonschema.Schema{AnyOf: []*jsonschema.Schema{
		{Type: "integer", Minimum: "1", Maximum: "1048576"}, {Type: "string", Pattern: "^[+]?[0-9]+$"},
	}})
	for _, of := range []*jsonschema.Schema{source, property} {
		set(of, "dates", oneOrMore())
		set(of, "signs", oneOrMore())
	}
	set(property, "append", &jsonschema.Schema{Enum: []any{true, false, "true", "false"}})
	one := uint64(1)
	set(property, "values", &jsonschema.Schema{AnyOf: []*jsonschema.Schema{text(), {
		Type: "object", MinProperties: &one,
		AdditionalProperties: &jsonschema.Schema{Extras: map[string]any{"type": []string{"string", "number", "boolean", "null"}}},
	}}})
	set(s.Definitions["Association"], "type", &jsonschema.Schema{AnyOf: []*jsonschema.Schema{
		{Type: "integer", Minimum: "1"}, {Type: "string", Pattern: "^(primary|[+]?0*[1-9][0-9]*)$"},
	}})
}

// set changes the schema of a key; its description stays unless there is a new one.
func set(of *jsonschema.Schema, key string, to *jsonschema.Schema) {
	if was, ok := of.Properties.Get(key); ok && to.Description == "" {
		to.Description = was.Description
	}
	of.Properties.Set(key, to)
}

// text is a scalar: numbers and truth values are texts as they are written.
func text() *jsonschema.Schema {
	return &jsonschema.Schema{Extras: map[string]any{"type": []string{"string", "number", "boolean"}}}
}

func oneOrMore() *jsonschema.Schema {
	one := uint64(1)
	return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{text(), {Type: "array", Items: text(), MinItems: &one}}}
}

// loosen lets the texts of an object be any scalar, where they are not fixed.
func loosen(s *jsonschema.Schema) {
	if s.Properties == nil {
		return
	}
	for p := s.Properties.Oldest(); p != nil; p = p.Next() {
		if v := p.Value; v.Type == "string" && v.Enum == nil && v.Pattern == "" {
			v.Type, v.Extras = "", text().Extras
		}
	}
}
