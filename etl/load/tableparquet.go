package load

import (
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/ticketetl/ticketetl/etl"
)

// Bounds of what is held in memory before it is written.
const (
	rowGroup    = 20_000 // rows
	parquetRows = 256    // handed over at once
)

// parquetFile writes Parquet: texts, doubles, days, instants in milliseconds and
// truth values, each of which may be null; columns of few different values with
// a dictionary; compressed with Zstandard.
type parquetFile struct {
	w       *parquet.GenericWriter[any]
	columns []Column
	rows    []parquet.Row
}

func newParquet(w io.Writer, opts TableOptions) (format, error) {
	root := ordered{Group: parquet.Group{}}
	for _, c := range opts.Columns {
		if _, twice := root.Group[c.Name]; twice {
			return nil, fmt.Errorf("two columns are called %q, which a Parquet file cannot have; write names instead of labels as headers", c.Name)
		}
		root.Group[c.Name] = parquetNode(c)
		root.names = append(root.names, c.Name)
	}
	writer := parquet.NewGenericWriter[any](w, parquet.NewSchema("tickets", root),
		parquet.MaxRowsPerRowGroup(rowGroup), parquet.CreatedBy("ticketetl", "", ""))
	return &parquetFile{w: writer, columns: opts.Columns}, nil
}

// ordered is a Group that keeps its fields in the order of the columns; a Group
// has them in that of their names.
type ordered struct {
	parquet.Group
	names []string
}

// Fields are the columns in their order.
func (o ordered) Fields() []parquet.Field {
	byName := map[string]parquet.Field{}
	for _, f := range o.Group.Fields() {
		byName[f.Name()] = f
	}
	fields := make([]parquet.Field, len(o.names))
	for i, name := range o.names {
		fields[i] = byName[name]
	}
	return fields
}

func parquetNode(c Column) parquet.Node {
	var node parquet.Node
	switch c.Kind {
	case etl.Number:
		node = parquet.Leaf(parquet.DoubleType)
	case etl.Date:
		node = parquet.Date()
	case etl.DateTime:
		node = parquet.Timestamp(parquet.Millisecond)
	case etl.Bool:
		node = parquet.Leaf(parquet.BooleanType)
	default:
		node = parquet.String()
		if c.Few {
			node = parquet.Encoded(node, &parquet.RLEDictionary)
		}
	}
	return parquet.Compressed(parquet.Optional(node), &parquet.Zstd)
}

func (f *parquetFile) row(rec *etl.Record) error {
	values := rec.Properties
	row := make(parquet.Row, len(f.columns))
	for i := range f.columns {
		v, err := parquetValue(f.columns[i].Kind, values[i].Value)
		if err != nil {
			return fmt.Errorf("column %s: %w", f.columns[i].Name, err)
		}
		defined := 1
		if v.IsNull() {
			defined = 0
		}
		row[i] = v.Level(0, defined, i)
	}
	f.rows = append(f.rows, row)
	if len(f.rows) < parquetRows {
		return nil
	}
	return f.hand()
}

// hand gives the rows over to the writer.
func (f *parquetFile) hand() error {
	_, err := f.w.WriteRows(f.rows)
	f.rows = f.rows[:0]
	return err
}

// parquetValue is a text as its column holds it. A text that its type cannot hold
// is an error, since a column has one type.
func parquetValue(kind etl.Kind, text string) (parquet.Value, error) {
	if text == "" {
		return parquet.NullValue(), nil
	}
	switch kind {
	case etl.Number:
		n, err := strconv.ParseFloat(text, 64)
		if _, exact := exactNumber(text); !exact || err != nil {
			return parquet.Value{}, fmt.Errorf("a double does not hold %q exactly; export with --types text", text)
		}
		return parquet.DoubleValue(n), nil
	case etl.Date:
		t, err := time.Parse(time.DateOnly, text)
		if err != nil {
			return parquet.Value{}, fmt.Errorf("%q is not a date; export with --types text", text)
		}
		return parquet.Int32Value(int32(t.Unix() / (24 * 60 * 60))), nil
	case etl.DateTime:
		t, err := time.Parse("2006-01-02T15:04:05.999", text)
		if err != nil {
			return parquet.Value{}, fmt.Errorf("%q is not a date and time; export with --types text", text)
		}
		return parquet.Int64Value(t.UnixMilli()), nil
	case etl.Bool:
		v, err := strconv.ParseBool(text)
		if err != nil {
			return parquet.Value{}, fmt.Errorf("%q is neither true nor false; export with --types text", text)
		}
		return parquet.BooleanValue(v), nil
	}
	return parquet.ByteArrayValue([]byte(text)), nil
}

func (f *parquetFile) finish() error {
	if err := f.hand(); err != nil {
		return err
	}
	return f.w.Close()
}
