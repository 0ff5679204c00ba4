package sandbox

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strconv"
)

// How many inputs the batches of associations take.
const (
	maxLinks     = 2_000
	maxLinkReads = 1_000
)

// A pair is the two object types of an association path.
type pair struct {
	from, to string // plural
	fromType *object
	other    string // the one of the two that a type is listed under
	ticket   bool   // from is the ticket side
}

// pair reads the object types of the path; one must be tickets.
func (c *call) pair() (pair, *failure) {
	p := pair{from: canonicalName(c.r.PathValue("from")), to: canonicalName(c.r.PathValue("to"))}
	for _, name := range []string{p.from, p.to} {
		if knownByName(name) == nil {
			return p, c.unknownType(name)
		}
	}
	for _, o := range c.s.objects {
		if o.name == p.from {
			p.fromType = o
		}
	}
	p.ticket = p.from == "tickets"
	p.other = p.to
	if !p.ticket {
		p.other = p.from
	}
	if !p.ticket && p.to != "tickets" {
		return p, invalid("the sandbox keeps associations of tickets only, not from %s to %s", p.from, p.to)
	}
	return p, nil
}

func typeIDOf(plural string) string { return knownByName(plural).id }

// readLinks reads the inputs of a batch.
func (c *call) readLinks(most int) (inputs []linkInput, f *failure) {
	f = c.parse(&parser{}, func(p *parser) error {
		return p.object(func(key []byte) (err error) {
			if string(key) != "inputs" {
				return p.skip(key)
			}
			inputs, err = p.linkInputs()
			return err
		})
	})
	if f != nil {
		return nil, f
	}
	c.noteTwins(inputs)
	return inputs, c.checkSize(len(inputs), most)
}

// noteTwins tells of pairs that are in the batch twice.
func (c *call) noteTwins(inputs []linkInput) {
	seen := make(map[[3]string]bool, len(inputs))
	for i := range inputs {
		for _, to := range inputs[i].targets() {
			key := [3]string{inputs[i].from, to, inputs[i].typeName}
			if seen[key] {
				c.wrong("the pair %s and %s is in the batch twice", key[0], key[1])
			}
			seen[key] = true
		}
	}
}

// A linkAnswer is one result of a batch create.
type linkAnswer struct {
	FromObjectTypeID string   `json:"fromObjectTypeId"`
	FromObjectID     any      `json:"fromObjectId"`
	ToObjectTypeID   string   `json:"toObjectTypeId"`
	ToObjectID       any      `json:"toObjectId"`
	Labels           []string `json:"labels"`
}

// associate sets the labels of many pairs.
func (c *call) associate(pr pair, inputs []linkInput) (*reply, *failure) {
	results := []linkAnswer{}
	var errs []*failure
	for _, in := range inputs {
		l, f := c.setLink(pr, in.from, in.to, in.types)
		if f != nil {
			errs = append(errs, asItem(f, in))
			continue
		}
		results = append(results, c.linkAnswer(pr, l))
	}
	if len(results) == 0 && len(errs) == 1 {
		return nil, errs[0]
	}
	return c.listEnvelope(http.StatusCreated, results, errs), nil
}

// asItem makes a failure an element of a 207, which names the two ids.
func asItem(f *failure, in linkInput) *failure {
	f.Status = "error"
	if f.Context == nil {
		f.Context = map[string][]string{}
	}
	f.Context["fromObjectId"], f.Context["toObjectId"] = []string{in.from}, []string{in.to}
	return f
}

// listEnvelope is the envelope of a batch of anything but records.
func (c *call) listEnvelope(status int, results any, errs []*failure) *reply {
	body := encode(results)
	b := append([]byte(`{"status":"COMPLETE","results":`), body[:len(body)-2]...)
	return c.envelope(b, status, errs)
}

// wireID is the id of a record as the association endpoints write it: a number,
// though HubSpot documents a string.
func (c *call) wireID(r *record) any {
	if c.s.opts.Switches.StringIDs {
		return r.id
	}
	return int64(r.num)
}

func (c *call) linkAnswer(p pair, l *link) linkAnswer {
	near, far := l.ticket, l.other
	if !p.ticket {
		near, far = far, near
	}
	a := linkAnswer{FromObjectTypeID: typeIDOf(p.from), ToObjectTypeID: typeIDOf(p.to),
		FromObjectID: c.wireID(near), ToObjectID: c.wireID(far), Labels: []string{}}
	for _, t := range l.types {
		if label := t.labelFrom(p.ticket); label != nil {
			a.Labels = append(a.Labels, *label)
		}
	}
	return a
}

// setLink sets the types between two records, which must exist.
func (c *call) setLink(pr pair, fromID, toID string, specs []typeSpec) (*link, *failure) {
	types, f := c.typesOf(pr, specs)
	if f != nil {
		return nil, f
	}
	near, far := c.s.recordOf(pr.from, fromID), c.s.recordOf(pr.to, toID)
	if near == nil {
		return nil, invalidTargets(fromID)
	}
	if far == nil {
		return nil, invalidTargets(toID)
	}
	if between(near, far) == nil {
		for _, side := range []struct {
			r *record
			o *object
		}{{near, far.kind}, {far, near.kind}} {
			if f := c.s.checkLinkLimit(side.r, side.o.index); f != nil {
				return nil, f
			}
		}
	}
	planned := plannedLink{far: far, types: types}
	for _, f := range []*failure{c.s.checkConfigured(near, planned), c.s.checkConfigured(far, plannedLink{far: near, types: types})} {
		if f != nil {
			return nil, f
		}
	}
	return c.s.link(near, planned), nil
}

func (c *call) typesOf(pr pair, specs []typeSpec) ([]*associationType, *failure) {
	if len(specs) == 0 {
		c.wrong("an association without types")
		return nil, invalid("One or more associations are invalid: types must not be empty")
	}
	types := make([]*associationType, len(specs))
	for i, spec := range specs {
		types[i] = c.s.types.find(pr.other, pr.ticket, spec.Category, spec.ID)
		if types[i] == nil {
			return nil, c.wrongPairType(pr, spec)
		}
	}
	return types, nil
}

func (c *call) wrongPairType(pr pair, spec typeSpec) *failure {
	c.wrong("association type %s does not lead from %s to %s", spec, pr.from, pr.to)
	if t := c.s.types.find(pr.other, !pr.ticket, spec.Category, spec.ID); t != nil {
		return invalid("invalid from object type %s for associations to be created. expected: %s", typeIDOf(pr.from), typeIDOf(pr.to))
	}
	return invalid("One or more association types are invalid: %s does not exist from %s to %s", spec, typeIDOf(pr.from), typeIDOf(pr.to))
}

// associateDefault sets unlabeled links; those that exist stay as they are.
func (c *call) associateDefault(pr pair, inputs []linkInput) (*reply, *failure) {
	results := []any{}
	var errs []*failure
	for _, in := range inputs {
		answer, f := c.linkDefault(pr, in.from, in.to)
		if f != nil {
			errs = append(errs, asItem(f, in))
			continue
		}
		results = append(results, answer)
	}
	rep := c.listEnvelope(http.StatusOK, results, errs)
	rep.status = http.StatusOK // the errors are inside
	return rep, nil
}

func (c *call) linkDefault(pr pair, fromID, toID string) (any, *failure) {
	t := c.s.types.unlabeled(pr.other)
	spec := typeSpec{t.category, t.id(pr.ticket)}
	near, far := c.s.recordOf(pr.from, fromID), c.s.recordOf(pr.to, toID)
	if near == nil || far == nil || between(near, far) == nil {
		if _, f := c.setLink(pr, fromID, toID, []typeSpec{spec}); f != nil {
			return nil, f
		}
	}
	return map[string]any{
		"from": map[string]string{"id": fromID}, "to": map[string]string{"id": toID}, "associationSpec": spec,
	}, nil
}

// dissociate removes all types between pairs.
func (c *call) dissociate(pr pair, inputs []linkInput) (*reply, *failure) {
	for _, in := range inputs {
		for _, to := range in.targets() {
			near, far := c.s.recordOf(pr.from, in.from), c.s.recordOf(pr.to, to)
			if near != nil && far != nil {
				unlink(near, far)
			}
		}
	}
	return noContent(), nil
}

func (in *linkInput) targets() []string {
	if in.to != "" {
		return append(in.many, in.to)
	}
	return in.many
}

// removeLabels takes some types from pairs.
func (c *call) removeLabels(pr pair, inputs []linkInput) (*reply, *failure) {
	for _, in := range inputs {
		types, f := c.typesOf(pr, in.types)
		if f != nil {
			return nil, f
		}
		c.removeBetween(pr, in.from, in.to, types...)
	}
	return noContent(), nil
}

// removeBetween takes types from two records, if they are there and linked.
func (c *call) removeBetween(pr pair, fromID, toID string, types ...*associationType) {
	near, far := c.s.recordOf(pr.from, fromID), c.s.recordOf(pr.to, toID)
	if near == nil || far == nil {
		return
	}
	if l := between(near, far); l != nil {
		removeTypes(l, types)
	}
}

// A linkedRecord is one element of "to". Its id is a number on the wire.
type linkedRecord struct {
	ToObjectID any          `json:"toObjectId"`
	Types      []linkedType `json:"associationTypes"`
}

type linkedType struct {
	Category string  `json:"category"`
	TypeID   int     `json:"typeId"`
	Label    *string `json:"label"`
}

// linkedRecords is a page of the records linked to r; after is a cursor.
func (c *call) linkedRecords(r *record, plural string, skip, limit int) (page []linkedRecord, more bool) {
	links := r.linksTo(plural)
	links = links[min(skip, len(links)):]
	more = len(links) > limit
	page = []linkedRecord{}
	for _, l := range links[:min(limit, len(links))] {
		item := linkedRecord{ToObjectID: c.wireID(l.far(r))}
		for _, t := range l.types {
			item.Types = append(item.Types, linkedType{t.category, t.id(l.fromTicket(r)), t.labelFrom(l.fromTicket(r))})
		}
		page = append(page, item)
	}
	c.s.rngMu.Lock()
	defer c.s.rngMu.Unlock()
	shuffle(c.s.rng, page)
	return page, more
}

type linksAnswer struct {
	From   map[string]string `json:"from"`
	To     []linkedRecord    `json:"to"`
	Paging *paging           `json:"paging,omitempty"`
}

type paging struct {
	Next pagingNext `json:"next"`
}

type pagingNext struct {
	After string `json:"after"`
	Link  string `json:"link,omitempty"`
}

// readAssociations reads the links of many records; one without links is an
// error in a 207.
func (c *call) readAssociations(pr pair, inputs []linkInput) (*reply, *failure) {
	results := []linksAnswer{}
	var errs []*failure
	for _, in := range inputs {
		skip, f := c.linkCursor(in.after)
		if f != nil {
			return nil, f
		}
		r := c.s.recordOf(pr.from, in.from)
		if r == nil || len(r.linksTo(pr.to)) == 0 {
			errs = append(errs, pr.noneFound(in.from))
			continue
		}
		page, more := c.linkedRecords(r, pr.to, skip, linkPage)
		answer := linksAnswer{From: map[string]string{"id": r.id}, To: page}
		if more {
			answer.Paging = &paging{Next: pagingNext{After: cursorText(skip + linkPage)}}
		}
		results = append(results, answer)
	}
	return c.listEnvelope(http.StatusOK, results, errs), nil
}

func (p pair) noneFound(id string) *failure {
	from, to := knownByName(p.from), knownByName(p.to)
	f := &failure{Status: "error", Category: "OBJECT_NOT_FOUND", SubCategory: "crm.associations.NO_ASSOCIATIONS_FOUND",
		Message: fmt.Sprintf("No %s is associated with %s %s.", to.singular, from.singular, id)}
	return f.with("fromObjectId", id).with("fromObjectType", from.singular).with("toObjectType", to.singular)
}

// A cursor of links is an offset that does not look like one.
func cursorText(offset int) string {
	return base64.StdEncoding.EncodeToString([]byte("offset:" + strconv.Itoa(offset)))
}

func (c *call) linkCursor(text string) (int, *failure) {
	if text == "" {
		return 0, nil
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	var offset int
	if err == nil {
		_, err = fmt.Sscanf(string(raw), "offset:%d", &offset)
	}
	if err != nil || offset < 0 {
		c.wrong("cursor %q is not one of associations", text)
		return 0, invalid("Invalid paging cursor %q", text)
	}
	return offset, nil
}

// endpoints are the two records that a path names.
func (c *call) endpoints() (pr pair, near, far *record, f *failure) {
	if pr, f = c.pair(); f != nil {
		return pr, nil, nil, f
	}
	near = c.s.recordOf(pr.from, c.r.PathValue("id"))
	if near == nil {
		return pr, nil, nil, notFound()
	}
	return pr, near, c.s.recordOf(pr.to, c.r.PathValue("toID")), nil
}

func (c *call) getAssociations() (*reply, *failure) {
	pr, near, _, f := c.endpoints()
	if f != nil {
		return nil, f
	}
	q := c.r.URL.Query()
	limit, f := c.limit(q.Get("limit"), linkPage, linkPage)
	if f != nil {
		return nil, f
	}
	skip, f := c.linkStart(near, pr.to, q.Get("after"))
	if f != nil {
		return nil, f
	}
	page, more := c.linkedRecords(near, pr.to, skip, limit)
	answer := map[string]any{"results": page}
	if more {
		answer["paging"] = paging{Next: pagingNext{After: cursorText(skip + limit)}}
	}
	return ok(http.StatusOK, answer), nil
}

// linkStart takes a cursor of this endpoint, or the record id that a list of
// records gave as the cursor of its associations.
func (c *call) linkStart(r *record, plural, after string) (int, *failure) {
	if !isDigits(after) {
		return c.linkCursor(after)
	}
	i := slices.IndexFunc(r.linksTo(plural), func(l *link) bool { return l.far(r).id == after })
	return max(i, 0), nil
}

func (c *call) setAssociation() (*reply, *failure) {
	var specs []typeSpec
	if f := c.parse(&parser{}, func(p *parser) (err error) {
		specs, err = p.typeSpecs()
		return err
	}); f != nil {
		return nil, f
	}
	pr, near, _, f := c.endpoints()
	if f != nil {
		return nil, f
	}
	l, f := c.setLink(pr, near.id, c.r.PathValue("toID"), specs)
	if f != nil {
		return nil, f
	}
	return ok(http.StatusCreated, c.linkAnswer(pr, l)), nil
}

func (c *call) setDefaultAssociation() (*reply, *failure) {
	pr, near, _, f := c.endpoints()
	if f != nil {
		return nil, f
	}
	answer, f := c.linkDefault(pr, near.id, c.r.PathValue("toID"))
	if f != nil {
		return nil, f
	}
	return c.listEnvelope(http.StatusOK, []any{answer}, nil), nil
}

func (c *call) deleteAssociation() (*reply, *failure) {
	_, near, far, f := c.endpoints()
	if f != nil {
		return nil, f
	}
	if far != nil {
		unlink(near, far)
	}
	return noContent(), nil
}
