package sandbox

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Sizes of pages, as HubSpot documents them.
const (
	defaultPage = 10
	maxPage     = 100
	historyPage = 50 // with propertiesWithHistory
)

// canonicalName is the plural name of an object type, given in any form.
func canonicalName(name string) string {
	for _, o := range knownTypes {
		if name == o.plural || name == o.singular || name == o.id || strings.EqualFold(name, o.singular) {
			return o.plural
		}
	}
	return name
}

// object finds the object type of the path.
func (c *call) object(name string) (*object, *failure) {
	plural := canonicalName(c.r.PathValue(name))
	for _, o := range c.s.objects {
		if o.name == plural {
			return o, nil
		}
	}
	return nil, c.unknownType(c.r.PathValue(name))
}

// A view says what of a record an answer holds.
type view struct {
	fields   []*property
	history  []*property
	links    []string // object types, plural
	nulls    bool     // answer unset fields as null
	archived bool
}

// queryView reads the query parameters that lists and reads share.
func (c *call) queryView(o *object) (view, *failure) {
	q := c.r.URL.Query()
	v := view{
		fields:   o.fields(splitList(q["properties"]), o.defaults),
		history:  o.fields(splitList(q["propertiesWithHistory"]), nil),
		nulls:    true,
		archived: q.Get("archived") == "true",
	}
	for _, name := range splitList(q["associations"]) {
		plural := canonicalName(name)
		if knownByName(plural) == nil {
			return v, c.unknownType(name)
		}
		v.links = append(v.links, plural)
	}
	return v, nil
}

func (c *call) unknownType(name string) *failure {
	c.wrong("unknown object type %q", name)
	return &failure{code: http.StatusBadRequest, Message: "Unable to infer object type from: " + name}
}

// splitList reads comma separated and repeated parameters alike.
func splitList(values []string) []string {
	var out []string
	for _, v := range values {
		for part := range strings.SplitSeq(v, ",") {
			if part = strings.TrimSpace(part); part != "" {
				out = append(out, part)
			}
		}
	}
	return out
}

// fields are the properties of these names, those that every answer has last;
// unknown names fall away.
func (o *object) fields(names []string, otherwise []*property) []*property {
	var out []*property
	for _, name := range names {
		if p := o.active(name); p != nil && !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	if len(names) == 0 {
		out = slices.Clone(otherwise)
	}
	return out
}

// appendRecord appends r as HubSpot writes it, without the closing brace.
func (c *call) appendRecord(b []byte, r *record, v *view) []byte {
	b = append(b, '{')
	b = appendField(b, "id", r.id)
	b = c.appendProperties(appendName(b, "properties"), r, v)
	if len(v.history) > 0 {
		b = c.appendHistory(b, r, v.history)
	}
	b = append(appendStamp(append(b, `,"createdAt":"`...), r.created), '"')
	b = append(appendStamp(append(b, `,"updatedAt":"`...), r.updated), '"')
	b = strconv.AppendBool(appendName(b, "archived"), r.archivedAt > 0)
	if r.archivedAt > 0 {
		b = append(appendStamp(append(b, `,"archivedAt":"`...), r.archivedAt), '"')
	}
	if len(v.links) > 0 {
		b = c.appendLinks(b, r, v.links)
	}
	return c.appendURL(b, r)
}

func (c *call) appendURL(b []byte, r *record) []byte {
	b = append(append(b, `,"url":"https://`...), c.s.account.UIDomain...)
	b = strconv.AppendInt(append(b, "/contacts/"...), c.s.account.ID, 10)
	b = append(append(append(append(b, "/record/"...), r.kind.typeID...), '/'), r.id...)
	return append(b, '"')
}

func (c *call) appendProperties(b []byte, r *record, v *view) []byte {
	b = append(b, '{')
	for _, p := range r.kind.always {
		if !slices.Contains(v.fields, p) {
			b = c.appendValue(b, r, p, false)
		}
	}
	for _, p := range v.fields {
		b = c.appendValue(b, r, p, v.nulls)
	}
	return append(b, '}')
}

func (c *call) appendValue(b []byte, r *record, p *property, nulls bool) []byte {
	text, ok := r.value(r, p)
	switch {
	case ok && (text != "" || !c.s.opts.Switches.ClearedIsNull):
		return appendField(b, p.Name, text)
	case nulls:
		return append(appendName(b, p.Name), "null"...)
	}
	return b
}

// appendHistory lists the values that properties had, newest first.
func (c *call) appendHistory(b []byte, r *record, props []*property) []byte {
	b = append(appendName(b, "propertiesWithHistory"), '{')
	for _, p := range props {
		b = append(appendName(b, p.Name), '[')
		for i, h := range r.history(p) {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendField(append(b, '{'), "value", h.text)
			b = appendField(b, "timestamp", stamp(h.at))
			b = append(appendField(b, "sourceType", "INTEGRATION"), `,"sourceId":"sandbox","sourceLabel":"Sandbox","updatedByUserId":null}`...)
		}
		b = append(b, ']')
	}
	return append(b, '}')
}

func (r *record) history(p *property) []cell {
	if p.virtual != nil {
		if text, ok := p.virtual(r, &r.state); ok {
			return []cell{{prop: p, text: text, at: r.updated}}
		}
		return nil
	}
	var out []cell
	for _, cl := range r.cells {
		if cl.prop == p {
			out = append(out, cl)
		}
	}
	for i := len(r.old) - 1; i >= 0; i-- {
		if r.old[i].prop == p {
			out = append(out, cell(r.old[i]))
		}
	}
	return out
}

// listObjects is one page of the records, by id.
func (c *call) listObjects(o *object) (*reply, *failure) {
	v, f := c.queryView(o)
	if f != nil {
		return nil, f
	}
	limit, after, f := c.page(&v)
	if f != nil {
		return nil, f
	}
	b := []byte(`{"results":[`)
	count, last, next := 0, "", ""
	o.from(after, func(r *record) bool {
		if r.mergedTo != nil || v.archived != (r.archivedAt > 0) {
			return true
		}
		if count == limit {
			next = c.listCursor(last, r.id)
			return false
		}
		last = r.id
		if count++; count > 1 {
			b = append(b, ',')
		}
		b = append(c.appendRecord(b, r, &v), '}')
		return true
	})
	return &reply{status: http.StatusOK, body: append(c.appendPaging(append(b, ']'), next), '}')}, nil
}

// page reads limit and cursor of a list.
func (c *call) page(v *view) (limit int, after uint64, f *failure) {
	q := c.r.URL.Query()
	limit, f = c.limit(q.Get("limit"), defaultPage, maxPage)
	if f != nil {
		return 0, 0, f
	}
	if len(v.history) > 0 && limit > historyPage {
		c.wrong("%d records with history", limit)
		return 0, 0, invalid("The maximum number of records that can be requested with propertiesWithHistory is %d, but %d were requested.", historyPage, limit)
	}
	if text := c.cursorID(q.Get("after")); text != "" {
		var err error
		if after, err = strconv.ParseUint(text, 10, 64); err != nil {
			c.wrong("cursor %q is not one of this list", text)
			return 0, 0, &failure{code: http.StatusBadRequest, Message: fmt.Sprintf("Cannot deserialize value of type `java.lang.Long` from String %q: not a valid `java.lang.Long` value", text)}
		}
		if c.s.opts.Switches.LastCursor {
			after++
		}
	}
	return limit, after, nil
}

// listCursor is the cursor of a page between these two ids.
func (c *call) listCursor(last, next string) string {
	switch {
	case c.s.opts.Switches.TokenCursor:
		return base64.RawURLEncoding.EncodeToString([]byte(next))
	case c.s.opts.Switches.LastCursor:
		return last
	}
	return next
}

// cursorID is the id that a cursor stands for.
func (c *call) cursorID(cursor string) string {
	if !c.s.opts.Switches.TokenCursor {
		return cursor
	}
	id, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || cursor != "" && !isDigits(string(id)) {
		return "not one of this list"
	}
	return string(id)
}

func (c *call) limit(text string, usual, most int) (int, *failure) {
	if text == "" {
		return usual, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		c.wrong("limit %q", text)
		return 0, invalid("Invalid input: limit %q must be a number from 1 to %d", text, most)
	}
	return n, nil
}

// appendPaging appends the link to the next page, where there is one.
func (c *call) appendPaging(b []byte, after string) []byte {
	if after == "" {
		return b
	}
	q := url.Values{}
	for key, values := range c.r.URL.Query() {
		q[key] = values
	}
	q.Set("after", after)
	b = append(appendName(b, "paging"), `{"next":{`...)
	b = appendField(b, "after", after)
	b = appendField(b, "link", "https://api.hubapi.com"+c.r.URL.Path+"?"+q.Encode())
	return append(b, "}}"...)
}

// target finds the record that the path names.
func (c *call) target(o *object, archived bool) (*record, *failure) {
	id := c.r.PathValue("id")
	p, f := c.keyProperty(o, c.r.URL.Query().Get("idProperty"))
	if f != nil {
		return nil, f
	}
	if p == nil && !isDigits(id) {
		c.wrong("record id %q is not a number", id)
		return nil, &failure{code: http.StatusNotFound, Category: "OBJECT_NOT_FOUND", Message: "Object not found.  objectId are usually numeric."}
	}
	r := o.findBy(p, id)
	if r == nil || archived != (r.archivedAt > 0) {
		return nil, notFound()
	}
	return r, nil
}

// keyProperty is the unique property of this name; nil stands for the id.
func (c *call) keyProperty(o *object, name string) (*property, *failure) {
	if name == "" {
		return nil, nil
	}
	if p := o.active(name); p != nil && p.unique != nil {
		return p, nil
	}
	c.wrong("idProperty %q is not unique", name)
	return nil, invalid("Unable to perform update/upsert by non-unique %s property %s in portal ID %d", o.typeID, name, c.s.account.ID)
}

func (c *call) getObject(o *object) (*reply, *failure) {
	v, f := c.queryView(o)
	if f != nil {
		return nil, f
	}
	r, f := c.target(o, v.archived)
	if f != nil {
		return nil, f
	}
	return c.one(http.StatusOK, r, &v), nil
}

func (c *call) one(status int, r *record, v *view) *reply {
	return &reply{status: status, body: append(c.appendRecord(nil, r, v), '}')}
}

// createObject stores one record.
func (c *call) createObject(o *object) (*reply, *failure) {
	rep, r, f := c.writeOne(o, http.StatusCreated, func(it *item) *failure {
		it.fresh = true
		return nil
	})
	if f == nil {
		rep.header = http.Header{"Location": {"https://api.hubapi.com" + c.r.URL.Path + "/" + r.id}}
	}
	return rep, f
}

func (c *call) updateObject(o *object) (*reply, *failure) {
	rep, _, f := c.writeOne(o, http.StatusOK, func(it *item) (f *failure) {
		if len(it.in.links) > 0 {
			c.wrong("associations in an update are ignored")
		}
		it.rec, f = c.target(o, false)
		return f
	})
	return rep, f
}

// writeOne reads, judges and stores one record, which find finds.
func (c *call) writeOne(o *object, status int, find func(*item) *failure) (*reply, *record, *failure) {
	in, f := c.readInput(o)
	if f != nil {
		return nil, nil, f
	}
	w := &write{call: c, object: o}
	w.add(in)
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if f := find(&w.items[0]); f != nil {
		return nil, nil, f
	}
	w.planAll()
	if f := w.refuseAll(); f != nil {
		return nil, nil, f
	}
	w.commit()
	return &reply{status: status, body: w.appendResult(nil, &w.items[0])}, w.items[0].rec, nil
}

// readInput reads the body of a single create or update.
func (c *call) readInput(o *object) (input, *failure) {
	var in input
	f := c.parse(&parser{names: o.names}, func(p *parser) (err error) {
		in, err = p.input()
		return err
	})
	return in, f
}

// archiveObject moves a record to the recycle bin; one that is not there is
// no fault.
func (c *call) archiveObject(o *object) (*reply, *failure) {
	r := o.find(c.r.PathValue("id"))
	if c.s.opts.Switches.ArchiveUnknown404 && (r == nil || r.archivedAt > 0) {
		return nil, notFound()
	}
	c.s.archive(r, c.now)
	return noContent(), nil
}

func (s *Server) archive(r *record, now int64) {
	if r == nil || r.archivedAt > 0 {
		return
	}
	s.remember(r, now, false)
	r.archivedAt, r.updated = now, now
}

// maxMerges is how many records can be merged into one.
const maxMerges = 250

// merge makes one record of two: the primary one with what only the other had.
func (c *call) merge(o *object) (*reply, *failure) {
	primary, other, f := c.mergeInput()
	if f != nil {
		return nil, f
	}
	a, b := o.find(primary), o.find(other)
	if a == nil || b == nil || a == b || a.archivedAt > 0 || b.archivedAt > 0 {
		c.wrong("merge of %q into %q", other, primary)
		return nil, invalid("Could not merge %s into %s: both must exist and differ", other, primary)
	}
	if len(a.merged) >= maxMerges {
		return nil, invalid("%s has been merged %d times, the most that is allowed", primary, maxMerges)
	}
	merged := c.s.mergeRecords(o, a, b, c.now)
	return c.one(http.StatusOK, merged, &view{fields: o.defaults}), nil
}

func (c *call) mergeInput() (primary, other string, f *failure) {
	f = c.parse(&parser{}, func(p *parser) error {
		return p.object(func(key []byte) (err error) {
			switch string(key) {
			case "primaryObjectId":
				primary, err = p.text()
			case "objectIdToMerge":
				other, err = p.text()
			default:
				err = p.skip(key)
			}
			return err
		})
	})
	return primary, other, f
}

// mergeRecords stores a new record that both ids lead to from now on.
func (s *Server) mergeRecords(o *object, a, b *record, now int64) *record {
	num := o.newID()
	m := &record{num: num, id: strconv.FormatUint(num, 10), kind: o, entered: now}
	m.created = min(a.created, b.created)
	m.merged = slices.Concat([]string{a.id, b.id}, a.merged, b.merged)
	s.remember(m, now, true)
	values := slices.Clone(a.cells)
	for _, cl := range b.cells {
		if _, has := a.get(cl.prop); !has {
			values = append(values, cl)
		}
	}
	s.assign(m, values, now)
	for _, old := range []*record{a, b} {
		s.archive(old, now)
		s.moveLinks(old, m)
		old.mergedTo = m
	}
	o.add(m)
	return m
}
