package load

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"strings"

	"github.com/ticketetl/ticketetl/etl"
)

// lines writes JSON Lines: an object for each record, its columns nested by
// group, in their order. Values are the texts as they are; null for none; lists
// of ids are arrays.
type lines struct {
	w      *bufio.Writer
	groups []lineGroup
	line   bytes.Buffer
}

// A lineGroup is one nested object; the one without a name is the outer one.
type lineGroup struct {
	name    string
	columns []int
	keys    []string // quoted
	list    bool
}

func newLines(w io.Writer, opts TableOptions) (format, error) {
	f := &lines{w: bufio.NewWriterSize(w, 64<<10)}
	at := map[string]int{}
	for i, c := range opts.Columns {
		k, known := at[c.Group]
		if !known {
			k = len(f.groups)
			at[c.Group] = k
			f.groups = append(f.groups, lineGroup{name: c.Group, list: c.Group == associationGroup})
		}
		key := c.Key
		if key == "" {
			key = c.Name
		}
		quoted, err := json.Marshal(key)
		if err != nil {
			return nil, err
		}
		f.groups[k].columns, f.groups[k].keys = append(f.groups[k].columns, i), append(f.groups[k].keys, string(quoted))
	}
	return f, nil
}

// associationGroup is the group whose values are lists of ids.
const associationGroup = "associations"

func (f *lines) row(rec *etl.Record) error {
	values := rec.Properties
	f.line.Reset()
	f.line.WriteByte('{')
	for i, g := range f.groups {
		if i > 0 {
			f.line.WriteByte(',')
		}
		if g.name != "" {
			f.line.WriteString(`"` + g.name + `":{`)
		}
		for k, column := range g.columns {
			if k > 0 {
				f.line.WriteByte(',')
			}
			f.line.WriteString(g.keys[k])
			f.line.WriteByte(':')
			if err := f.value(values[column].Value, g.list); err != nil {
				return err
			}
		}
		if g.name != "" {
			f.line.WriteByte('}')
		}
	}
	f.line.WriteString("}\n")
	_, err := f.w.Write(f.line.Bytes())
	return err
}

func (f *lines) value(text string, list bool) error {
	var v any
	switch {
	case list:
		ids := []string{}
		if text != "" {
			ids = strings.Split(text, ";")
		}
		v = ids
	case text != "":
		v = text
	}
	e := json.NewEncoder(&f.line)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	f.line.Truncate(f.line.Len() - 1) // the line break that Encode adds
	return nil
}

func (f *lines) finish() error { return f.w.Flush() }
