package sandbox

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// maxInputs is how many inputs an object batch takes.
const maxInputs = 100

// An input is one element of a batch, or the whole body of a single write.
type input struct {
	id, idProperty, trace string
	properties            []assignment
	links                 []linkInput
}

// A batch is the body of an object batch.
type batch struct {
	inputs              []input
	properties, history []string
	idProperty          string
}

func (p *parser) input() (input, error) {
	var in input
	err := p.object(func(key []byte) (err error) {
		switch string(key) {
		case "id":
			in.id, err = p.text()
		case "idProperty":
			in.idProperty, err = p.text()
		case "objectWriteTraceId":
			in.trace, err = p.text()
		case "properties":
			in.properties, err = p.assignments()
		case "associations":
			in.links, err = p.linkInputs()
		default:
			err = p.skip(key)
		}
		return err
	})
	return in, err
}

func (p *parser) assignments() ([]assignment, error) {
	out := make([]assignment, 0, 16)
	err := p.object(func(key []byte) error {
		name := p.name(key)
		v, err := p.scalar()
		out = append(out, assignment{name, v})
		return err
	})
	return out, err
}

func (p *parser) batch() (batch, error) {
	var out batch
	err := p.object(func(key []byte) (err error) {
		switch string(key) {
		case "inputs":
			err = p.array(func() error {
				in, err := p.input()
				out.inputs = append(out.inputs, in)
				return err
			})
		case "properties":
			out.properties, err = p.texts()
		case "propertiesWithHistory":
			out.history, err = p.texts()
		case "idProperty":
			out.idProperty, err = p.text()
		default:
			err = p.skip(key)
		}
		return err
	})
	return out, err
}

// readBatch reads the body of a batch and checks its size.
func (c *call) readBatch(o *object) (batch, *failure) {
	if bytes.HasPrefix(bytes.TrimSpace(c.body), []byte("[")) {
		c.wrong("the body is an array, which HubSpot takes for an empty batch")
		return batch{}, nil
	}
	var b batch
	if f := c.parse(&parser{names: o.names}, func(p *parser) (err error) {
		b, err = p.batch()
		return err
	}); f != nil {
		return b, f
	}
	return b, c.checkSize(len(b.inputs), maxInputs)
}

func (c *call) checkSize(n, most int) *failure {
	if n == 0 {
		c.wrong("a batch without inputs")
	}
	if n > most {
		c.wrong("%d inputs, at most %d are allowed", n, most)
		return invalid("The maximum number of inputs supported in a batch request is %d, but %d were given.", most, n)
	}
	return nil
}

// An item is one input of a write on its way to the store.
type item struct {
	in    input
	draft draft
	rec   *record
	fresh bool // rec is to be stored
	links []plannedLink
	fail  *failure
}

// A write is a batch of creates, updates or upserts.
type write struct {
	*call
	object  *object
	items   []item
	traced  bool
	nowText string           // now as text, once it is needed
	taken   map[takenKey]int // unique values that earlier items of the batch claim
}

type takenKey struct {
	prop *property
	text string
}

// add judges what can be judged of an input without its record.
func (w *write) add(in input) {
	w.s.mu.RLock()
	defer w.s.mu.RUnlock()
	w.items = append(w.items, item{in: in, draft: w.judge(w.object, in.properties)})
}

func (w *write) addAll(inputs []input) {
	w.s.mu.RLock()
	defer w.s.mu.RUnlock()
	w.items = make([]item, len(inputs))
	for i, in := range inputs {
		w.items[i] = item{in: in, draft: w.judge(w.object, in.properties)}
	}
	w.traced = w.checkTraces()
}

// checkTraces says whether every input has a trace id of its own.
func (w *write) checkTraces() bool {
	seen := make(map[string]bool, len(w.items))
	for i := range w.items {
		trace := w.items[i].in.trace
		switch {
		case trace == "":
			w.wrong("input %d has no objectWriteTraceId", i)
			return false
		case seen[trace]:
			w.wrong("objectWriteTraceId %q is there twice", trace)
			return false
		}
		seen[trace] = true
	}
	return len(w.items) > 0
}

// batchCreate, batchUpdate and batchUpsert parse and judge a batch before they
// lock the account, since that is most of the work.

func (c *call) batchCreate(o *object) (*reply, *failure) {
	return c.writeBatch(o, http.StatusCreated, false, func(w *write) ([]string, *failure) {
		for i := range w.items {
			if w.items[i].in.id != "" || w.items[i].in.idProperty != "" {
				w.wrong("input %d of a create has an id", i)
			}
			w.items[i].fresh = true
		}
		return nil, nil
	})
}

func (c *call) batchUpdate(o *object) (*reply, *failure) {
	return c.writeBatch(o, http.StatusOK, c.s.opts.Switches.UpdateWholeBatch400, func(w *write) ([]string, *failure) {
		keys, f := w.keys()
		if f != nil {
			return nil, f
		}
		return w.findTargets(keys), nil
	})
}

func (c *call) batchUpsert(o *object) (*reply, *failure) {
	return c.writeBatch(o, http.StatusOK, false, func(w *write) ([]string, *failure) {
		keys, f := w.keys()
		if f == nil {
			f = w.findOrMake(keys)
		}
		return nil, f
	})
}

// writeBatch reads, judges, stores and answers a batch. find says which items
// are new, finds the records of the others, and returns the ids of those that
// are not there. whole refuses all items for the sake of one, trace ids or not.
func (c *call) writeBatch(o *object, status int, whole bool, find func(*write) (missing []string, f *failure)) (*reply, *failure) {
	b, f := c.readBatch(o)
	if f != nil {
		return nil, f
	}
	w := &write{call: c, object: o}
	w.addAll(b.inputs)
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	missing, f := find(w)
	if f != nil {
		return nil, f
	}
	w.planAll()
	if !w.traced || whole {
		if f := w.refuseAll(); f != nil {
			return nil, f
		}
	}
	w.commit()
	if strings.HasSuffix(c.r.URL.Path, "/upsert") {
		c.s.rngMu.Lock()
		shuffle(c.s.rng, w.items)
		c.s.rngMu.Unlock()
	}
	return w.reply(status, missing), nil
}

// keys finds the unique property of each input and refuses repeated ids.
func (w *write) keys() ([]*property, *failure) {
	keys := make([]*property, len(w.items))
	seen := make(map[takenKey]bool, len(w.items))
	var twice []string
	for i := range w.items {
		in := &w.items[i].in
		if in.id == "" {
			return nil, w.noID(i)
		}
		p, f := w.keyProperty(w.object, in.idProperty)
		if f != nil {
			return nil, f
		}
		keys[i] = p
		id := takenKey{p, in.id}
		if p != nil {
			id.text = p.uniqueKey(in.id)
		}
		if seen[id] {
			twice = append(twice, in.id)
		}
		seen[id] = true
	}
	return keys, w.duplicates(twice)
}

func (c *call) duplicates(ids []string) *failure {
	if len(ids) == 0 {
		return nil
	}
	c.wrong("the batch has ids twice: %s", strings.Join(ids, ", "))
	return invalid("Duplicate IDs found in batch input: %s. IDs must be unique", list(ids)).with("ids", ids...)
}

// findTargets looks up what an update writes to; those that are not there
// leave the batch and are returned.
func (w *write) findTargets(keys []*property) (missing []string) {
	kept := w.items[:0]
	for i, it := range w.items {
		it.rec = w.object.findBy(keys[i], it.in.id)
		if it.rec == nil || it.rec.archivedAt > 0 {
			missing = append(missing, it.in.id)
			continue
		}
		kept = append(kept, it)
	}
	w.items = kept
	return missing
}

// findOrMake looks up what an upsert writes to. What is not there will be
// stored, with the key as its value.
func (w *write) findOrMake(keys []*property) *failure {
	for i := range w.items {
		it, key := &w.items[i], keys[i]
		if key == nil {
			w.wrong("input %d of an upsert has no idProperty", i)
			return invalid("idProperty is required for upserts of %s objects", w.object.typeID)
		}
		it.rec = w.holder(key, key.uniqueKey(it.in.id))
		if it.rec != nil {
			if it.rec.archivedAt > 0 {
				it.fail = conflict("%s %s with %s %q is archived", w.object.upper(), it.rec.id, key.Name, it.in.id)
			}
			continue
		}
		it.fresh = true
		if !slices.ContainsFunc(it.draft.values, func(v cell) bool { return v.prop == key }) {
			w.wrong("input %d of an upsert does not repeat its key in properties", i)
			if w.s.opts.Switches.NoUpsertKey {
				continue
			}
			it.draft.values = append(it.draft.values, cell{prop: key, text: it.in.id, at: w.now})
		}
	}
	return nil
}

func (o *object) upper() string { return strings.ToUpper(o.singular) }

func (w *write) planAll() {
	for i := range w.items {
		w.plan(&w.items[i])
	}
}

// plan judges an item against the store. The order of the checks is that in
// which a person would want to hear of them: values, conflicts, associations.
func (w *write) plan(it *item) {
	if it.fail != nil {
		return
	}
	w.place(it)
	switch {
	case len(it.draft.bad) > 0:
		it.fail = refusedValues(w.s.account.ID, it.draft.bad)
	case len(it.draft.missing) > 0:
		it.fail = w.missingValues(it.draft.missing)
	default:
		it.fail = w.checkUnique(it)
	}
	if it.fail == nil && it.fresh {
		it.links, it.fail = w.planLinks(w.object, it.in.links)
	}
	if it.fail == nil {
		w.claim(it)
	}
}

// checkUnique refuses values that another record, or another input, has.
func (w *write) checkUnique(it *item) *failure {
	for _, v := range it.draft.values {
		if v.prop.unique == nil || v.text == "" {
			continue
		}
		key := v.prop.uniqueKey(v.text)
		if holder := w.holder(v.prop, key); holder != nil && holder != it.rec {
			if v.prop.isEmail {
				return conflict("Contact already exists. Existing ID: %s", holder.id)
			}
			return conflict("A %s with the value %q for the property %q already exists. Existing ID: %s",
				w.object.singular, v.text, v.prop.Name, holder.id)
		}
		if first, taken := w.taken[takenKey{v.prop, key}]; taken {
			return conflict("The value %q for the property %q already exists in input %d of this batch.", v.text, v.prop.Name, first)
		}
	}
	return nil
}

// holder is the record that has a unique value.
func (w *write) holder(p *property, key string) *record {
	r := p.unique[key]
	if r != nil && r.archivedAt > 0 && w.s.opts.Switches.ArchivedFreesUnique {
		return nil
	}
	return r
}

func (w *write) claim(it *item) {
	for _, v := range it.draft.values {
		if v.prop.unique == nil || v.text == "" {
			continue
		}
		if w.taken == nil {
			w.taken = map[takenKey]int{}
		}
		w.taken[takenKey{v.prop, v.prop.uniqueKey(v.text)}] = len(w.taken)
	}
}

// refuseAll is the answer to a whole batch of which an item is refused: bad
// values of all rows in one list, or else the first other failure. As with
// HubSpot, errors[] may be shorter than the list in the message.
func (w *write) refuseAll() *failure {
	var bad []badValue
	var first *failure
	for i := range w.items {
		bad = append(bad, w.items[i].draft.bad...)
		if first == nil {
			first = w.items[i].fail
		}
	}
	if len(bad) == 0 {
		return first
	}
	f := refusedValues(w.s.account.ID, bad)
	f.Errors = slices.CompactFunc(f.Errors, func(a, b detail) bool { return a.Message == b.Message && a.Code == b.Code })
	return f
}

// commit stores what was not refused.
func (w *write) commit() {
	for i := range w.items {
		it := &w.items[i]
		switch {
		case it.fail != nil:
		case it.fresh:
			w.store(it)
		default:
			w.s.remember(it.rec, w.now, false)
			w.save(it)
		}
	}
}

func (w *write) store(it *item) {
	num := w.object.newID()
	r := &record{num: num, id: strconv.FormatUint(num, 10), kind: w.object, entered: w.now}
	r.created, r.updated = w.now, w.now
	it.rec = r
	w.s.remember(r, w.now, true)
	w.save(it)
	w.object.add(r)
	for _, l := range it.links {
		w.s.link(r, l)
	}
}

// save writes the values of an item to its record.
func (w *write) save(it *item) {
	values := it.draft.values
	for _, more := range it.draft.appends {
		stored, _ := it.rec.get(more.prop)
		more.text = joinOptions(stored, more.text)
		values = append(values, more)
	}
	if p := w.object.props["createdate"]; p != nil {
		values = slices.DeleteFunc(values, func(v cell) bool {
			if v.prop != p {
				return false
			}
			if ms, ok := parseInstant(v.text); ok {
				it.rec.created = ms
			}
			return true
		})
	}
	w.s.assign(it.rec, values, w.now)
}

func joinOptions(stored, more string) string {
	all := strings.Split(stored, ";")
	for part := range strings.SplitSeq(more, ";") {
		if !slices.Contains(all, part) {
			all = append(all, part)
		}
	}
	return strings.Trim(strings.Join(all, ";"), ";")
}

// reply is the envelope of a batch: 207 once anything is missing from it.
func (w *write) reply(status int, missing []string) *reply {
	b := append(make([]byte, 0, 1200*len(w.items)+256), `{"status":"COMPLETE","results":[`...)
	var errs []*failure
	for i := range w.items {
		it := &w.items[i]
		if it.fail != nil {
			errs = append(errs, w.itemError(it))
			continue
		}
		if b[len(b)-1] == '}' {
			b = append(b, ',')
		}
		b = w.appendResult(b, it)
	}
	return w.envelope(b, status, append(errs, w.notThere(w.object, missing)...))
}

// envelope ends an answer that begins with status and results.
func (c *call) envelope(b []byte, status int, errs []*failure) *reply {
	b = append(append(b, `],"startedAt":"`...), stamp(c.now)...)
	b = append(append(b, `","completedAt":"`...), stamp(c.now)...)
	b = append(b, '"')
	if len(errs) > 0 {
		status = http.StatusMultiStatus
		b = strconv.AppendInt(append(b, `,"numErrors":`...), int64(len(errs)), 10)
		b = append(append(b, `,"errors":`...), encode(errs)...)
	}
	return &reply{status: c.batchStatus(status), body: append(b, '}')}
}

// batchStatus is what a version answers to a batch: some know no 207.
func (c *call) batchStatus(status int) int {
	switch {
	case c.version == "2025-09":
		return http.StatusOK
	case c.version >= "2026-09" && status == http.StatusMultiStatus:
		if strings.HasSuffix(c.r.URL.Path, "/create") {
			return http.StatusCreated
		}
		return http.StatusOK
	}
	return status
}

func (w *write) itemError(it *item) *failure {
	f := *it.fail
	f.Status = "error"
	f.Context = map[string][]string{"objectWriteTraceId": {it.in.trace}}
	for key, values := range it.fail.Context {
		f.Context[key] = values
	}
	return &f
}

// notThere is the one error for all records that are not there; none if all are.
func (c *call) notThere(o *object, ids []string) []*failure {
	if len(ids) == 0 {
		return nil
	}
	f := &failure{Status: "error", Category: "OBJECT_NOT_FOUND", Message: fmt.Sprintf(
		"Could not get some %s objects, they may be deleted or not exist. Check that ids are valid.", o.upper())}
	return []*failure{f.with("ids", ids...)}
}

// appendResult appends a record that was written: what was sent, what a read
// shows by default, and what HubSpot computed.
func (w *write) appendResult(b []byte, it *item) []byte {
	v := view{fields: make([]*property, 0, len(it.rec.cells)+len(w.object.defaults))}
	for i := range it.rec.cells {
		v.fields = append(v.fields, it.rec.cells[i].prop)
	}
	if it.fresh {
		v.fields = append(v.fields, w.object.echoed...)
	}
	b = w.appendRecord(b, it.rec, &v)
	if it.in.trace != "" && !w.s.opts.Switches.NoTraceEcho {
		b = appendField(b, "objectWriteTraceId", it.in.trace)
	}
	if it.in.idProperty != "" && strings.HasSuffix(w.r.URL.Path, "/upsert") {
		b = strconv.AppendBool(appendName(b, "new"), it.fresh)
	}
	if len(it.draft.warnings) > 0 {
		b = append(appendName(b, "warnings"), encode(it.draft.warnings)...)
	}
	return append(b, '}')
}

func (c *call) batchRead(o *object) (*reply, *failure) {
	in, f := c.readBatch(o)
	if f != nil {
		return nil, f
	}
	key, f := c.keyProperty(o, in.idProperty)
	if f != nil {
		return nil, f
	}
	v := view{nulls: true, archived: c.r.URL.Query().Get("archived") == "true"}
	v.fields, v.history = o.fields(in.properties, o.defaults), o.fields(in.history, nil)
	if key != nil && !slices.Contains(v.fields, key) {
		v.fields = append(v.fields, key)
	}
	if len(v.history) > 0 && len(in.inputs) > historyPage {
		c.wrong("%d records with history", len(in.inputs))
		return nil, invalid("The maximum number of records that can be requested with propertiesWithHistory is %d, but %d were requested.", historyPage, len(in.inputs))
	}
	return c.readAllOf(o, key, in.inputs, &v)
}

func (c *call) readAllOf(o *object, key *property, inputs []input, v *view) (*reply, *failure) {
	ids, f := c.distinct(inputs, !c.s.opts.Switches.CollapseReads)
	if f != nil {
		return nil, f
	}
	b := []byte(`{"status":"COMPLETE","results":[`)
	var missing []string
	for _, id := range ids {
		r := o.findBy(key, id)
		if r == nil || v.archived != (r.archivedAt > 0) {
			missing = append(missing, id)
			continue
		}
		if b[len(b)-1] == '}' {
			b = append(b, ',')
		}
		b = append(c.appendRecord(b, r, v), '}')
	}
	return c.envelope(b, http.StatusOK, c.notThere(o, missing)), nil
}

// distinct are the ids of the inputs, each once. One that is there twice is
// noted, and refused if that is wanted; one that is empty is refused.
func (c *call) distinct(inputs []input, refuse bool) ([]string, *failure) {
	seen := make(map[string]bool, len(inputs))
	var ids, twice []string
	for i, in := range inputs {
		if in.id == "" {
			return nil, c.noID(i)
		}
		if seen[in.id] {
			twice = append(twice, in.id)
			continue
		}
		seen[in.id] = true
		ids = append(ids, in.id)
	}
	if f := c.duplicates(twice); f != nil && refuse {
		return nil, f
	}
	return ids, nil
}

func (c *call) noID(i int) *failure {
	c.wrong("input %d has no id", i)
	return invalid("Invalid input: inputs[%d] has no id", i).with("missingFields", "id")
}

// batchArchive moves records to the recycle bin; those that are not there are
// no fault.
func (c *call) batchArchive(o *object) (*reply, *failure) {
	in, f := c.readBatch(o)
	if f != nil {
		return nil, f
	}
	ids, f := c.distinct(in.inputs, false)
	if f != nil {
		return nil, f
	}
	var missing []string
	for _, id := range ids {
		r := o.find(id)
		if r == nil || r.archivedAt > 0 {
			missing = append(missing, id)
		}
		c.s.archive(r, c.now)
	}
	if c.s.opts.Switches.ArchiveUnknown404 && len(missing) > 0 {
		return c.envelope([]byte(`{"status":"COMPLETE","results":[`), http.StatusOK, c.notThere(o, missing)), nil
	}
	return noContent(), nil
}
