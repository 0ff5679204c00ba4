package hubspot

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/segmentio/asm/utf8"
)

// A pageScanner reads a page of a listing or of a search. The usual page is scanned
// into Objects whose texts are parts of one copy of it; encoding/json, which takes
// about five times as long and would take half of an export's time, reads, or refuses, any other.
type pageScanner struct {
	scanner
	src     string   // the data: texts are parts of it
	scratch []byte   // a text while it is decoded
	names   []string // of the properties of the last record
	order   []string // of the values; nil: each record has a map
	places  []int    // of names in order; -1 for none
	values  []string // of the records to come
	results []Object
	after   string
	total   *int
}

// scanPage reads a page; nil if it is not as usual. Its records have Values in
// order, if that is not nil.
func scanPage(data []byte, order []string) *pageScanner {
	if !utf8.Valid(data) {
		return nil
	}
	p := newPageScanner(data, order)
	seen := 0
	ok := p.object(func(key []byte) bool {
		switch string(key) {
		case "results":
			seen++
			return p.list(p.record)
		case "paging":
			return p.paging(&p.after)
		case "total":
			n, err := strconv.Atoi(string(p.value()))
			p.total = &n
			return err == nil
		}
		return p.pass(key, "results", "paging", "total")
	})
	if !ok || seen != 1 || !p.ended() {
		return nil
	}
	return &p
}

// newPageScanner is a scanner of data, which is UTF-8.
func newPageScanner(data []byte, order []string) pageScanner {
	return pageScanner{scanner: scanner{data: data, valid: true}, src: string(data), order: order}
}

// value is the text of a value that is no string.
func (p *pageScanner) value() []byte {
	start := p.at
	if p.next(); p.at >= len(p.data) || p.data[p.at] == '"' || !p.skip() {
		return nil
	}
	return p.data[start:p.at]
}

func (p *pageScanner) record() bool {
	var o Object
	if p.order != nil {
		o.Values = p.noValues()
	}
	ok := p.object(func(key []byte) bool {
		switch string(key) {
		case "id":
			return p.id(&o.ID)
		case "properties":
			return p.properties(&o)
		case "createdAt":
			return p.moment(&o.CreatedAt)
		case "updatedAt":
			return p.moment(&o.UpdatedAt)
		case "archivedAt":
			return p.moment(&o.ArchivedAt)
		case "archived":
			value := p.value()
			o.Archived = string(value) == "true"
			return o.Archived || string(value) == "false"
		case "associations":
			return p.object(func(name []byte) bool { return p.associations(&o, string(name)) })
		case "url":
			return p.nullable(&o.URL)
		}
		return p.pass(key, "id", "properties", "propertiesWithHistory", "createdAt", "updatedAt", "archivedAt", "archived", "associations", "url")
	})
	p.results = append(p.results, o)
	return ok
}

// string reads a string.
func (p *pageScanner) string(to *string) bool {
	start := p.at + 1
	raw, plain, ok := p.quoted()
	if !ok {
		return false
	}
	if plain {
		*to = p.src[start : p.at-1]
		return true
	}
	p.scratch, ok = appendUnquoted(p.scratch[:0], raw)
	*to = string(p.scratch)
	return ok
}

// id reads an id, a string or a number.
func (p *pageScanner) id(to *string) bool {
	if p.at < len(p.data) && p.data[p.at] == '"' {
		return p.string(to)
	}
	start := p.at
	digits := p.value()
	*to = p.src[start:p.at]
	return len(digits) > 0 && strings.Trim(*to, "0123456789") == ""
}

func (p *pageScanner) moment(to *time.Time) bool {
	var text string
	if !p.nullable(&text) {
		return false
	}
	*to, _ = time.Parse(time.RFC3339, text) // zero for what is none
	return true
}

// properties reads names and values; null is "". Most records of a page have the
// same names in the same order.
func (p *pageScanner) properties(o *Object) bool {
	n := 0
	if p.order == nil {
		o.Properties = make(map[string]string, len(p.names))
	}
	return p.object(func(key []byte) bool {
		if n >= len(p.names) || p.names[n] != string(key) {
			p.names = append(p.names[:n], string(key))
			p.places = append(p.places[:n], slices.Index(p.order, p.names[n]))
		}
		to := n
		n++
		var text string
		ok := p.nullable(&text)
		if p.order == nil {
			o.Properties[p.names[to]] = text
		} else if place := p.places[to]; place >= 0 {
			o.Values[place] = text
		}
		return ok
	})
}

// noValues are those of a record of which nothing is read yet. They are cut from
// a list for a whole page.
func (p *pageScanner) noValues() []string {
	n := len(p.order)
	if len(p.values) < n {
		p.values = make([]string, n*MaxPage)
	}
	var values []string
	values, p.values = p.values[:n:n], p.values[n:]
	return values
}

// nullable reads a string, or null as an empty one.
func (p *pageScanner) nullable(to *string) bool {
	if p.at < len(p.data) && p.data[p.at] == '"' {
		return p.string(to)
	}
	return string(p.value()) == "null"
}

func (p *pageScanner) associations(o *Object, name string) bool {
	var all wireAssociations
	ok := p.object(func(key []byte) bool {
		switch string(key) {
		case "results":
			return p.list(func() bool {
				all.Results = append(all.Results, wireListed{})
				return p.associated(&all.Results[len(all.Results)-1])
			})
		case "paging":
			var after string
			ok := p.paging(&after)
			all.Paging.Next.After = flexID(after)
			return ok
		}
		return p.pass(key, "results", "paging")
	})
	o.addAssociations(name, all)
	return ok
}

func (p *pageScanner) associated(to *wireListed) bool {
	return p.object(func(key []byte) bool {
		switch string(key) {
		case "id":
			return p.id((*string)(&to.ID))
		case "type":
			return p.string(&to.Type)
		}
		return p.pass(key, "id", "type")
	})
}

func (p *pageScanner) paging(after *string) bool {
	return p.object(func(key []byte) bool {
		if string(key) != "next" {
			return p.pass(key, "next")
		}
		return p.object(func(key []byte) bool {
			if string(key) != "after" {
				return p.pass(key, "after")
			}
			return p.id(after)
		})
	})
}
