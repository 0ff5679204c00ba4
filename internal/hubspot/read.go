package hubspot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/segmentio/asm/utf8"
)

// A BatchRead asks for records by id or by a unique property.
type BatchRead struct {
	IDProperty            string // "" = record id
	IDs                   []string
	Properties            []string
	PropertiesWithHistory []string
	Archived              bool
}

// ReadBatch reads up to MaxBatch records by id or by a unique property, fewer
// (MaxHistoryBatch) with history. Keys may occur twice; they are asked once.
// It returns the records found, each once and in no certain order, and the keys for which
// there are none, as they were asked. The property that was asked by is among
// the properties of what is found; HubSpot compares e-mail addresses without
// case and also finds contacts by their additional ones.
//
// A record is missing only if HubSpot says so. HubSpot names what is missing, as
// a rule; but 2xx answers have been seen that say nothing of what was asked, with
// nothing wrong. So keys of which an answer says nothing are asked for again,
// together with one that is known to be there: an answer that has this one and
// not the others is whole. Where that does not help, or no such key is known,
// it is asked for each whether it is there. That takes at most 8 further calls, and
// one for each such key. If HubSpot still says nothing about what is there, the
// error is ErrGaveUp.
//
// Source: POST /crm/v3/objects/{objectType}/batch/read (200 all found, 207 some
// missing).
func (c *Client) ReadBatch(ctx context.Context, object string, q BatchRead) (found []Object, missing []string, err error) {
	q.IDs = unique(q.IDs)
	if q.IDProperty == recordID {
		q.IDProperty = ""
	}
	if q.IDProperty != "" && !slices.Contains(q.Properties, q.IDProperty) {
		q.Properties = append(slices.Clip(q.Properties), q.IDProperty)
	}
	r := reading{client: c, object: object, q: q}
	if err := checkIDs(object, q.IDs, r.most()); err != nil {
		return nil, nil, fmt.Errorf("read %s: %w", object, err)
	}
	if err := r.read(ctx); err != nil {
		return nil, nil, fmt.Errorf("read %d %s: %w", len(q.IDs), object, err)
	}
	return eachOnce(r.found), r.missing, nil
}

// eachOnce leaves out what has come before: a record that others were merged into
// answers for their ids too.
func eachOnce(found []Object) []Object {
	seen := make(map[string]bool, len(found))
	return slices.DeleteFunc(found, func(o Object) bool {
		before := seen[o.ID]
		seen[o.ID] = true
		return before
	})
}

// A reading is a BatchRead on its way.
type reading struct {
	client  *Client
	object  string
	q       BatchRead
	open    []string // keys of which no answer has said anything yet
	found   []Object
	missing []string
}

// maxRounds is how often the keys of which nothing is said are asked for
// together once more.
const maxRounds = 2

func (r *reading) read(ctx context.Context) error {
	if err := r.ask(ctx, r.q.IDs, nil); err != nil {
		return err
	}
	if err := r.askAgain(ctx); err != nil || len(r.open) == 0 {
		return err
	}
	if err := r.sift(ctx); err != nil {
		return err
	}
	if err := r.askAgain(ctx); err != nil || len(r.open) == 0 {
		return err
	}
	return mark(errSilent, ErrGaveUp)
}

var errSilent = errors.New("HubSpot's answers say nothing about records that are there; this can be resumed later")

// askAgain asks once more for the keys of which nothing is said, a few times.
func (r *reading) askAgain(ctx context.Context) error {
	for range maxRounds {
		w := r.client.witnesses.of(r.kind())
		for part := range slices.Chunk(r.take(), r.most()-1) {
			if err := r.ask(ctx, part, w); err != nil {
				return err
			}
		}
	}
	return nil
}

// sift finds out by a call for each which of the open keys have no record. Such a
// call names its key in its path and has no empty answer: the record is there, or
// it is 404.
func (r *reading) sift(ctx context.Context) error {
	q := GetQuery{Archived: r.q.Archived, IDProperty: r.q.IDProperty}
	if q.IDProperty != "" {
		q.Properties = []string{q.IDProperty}
	}
	for _, id := range r.take() {
		o, err := r.client.Get(ctx, r.object, id, q)
		var refusal *Error
		switch {
		case err == nil:
			r.open = append(r.open, id)
			r.client.witnesses.note(r.kind(), o)
		case errors.As(err, &refusal) && refusal.Status == http.StatusNotFound:
			r.missing = append(r.missing, id)
		default:
			return err
		}
	}
	return nil
}

// most is the number of keys of one call.
func (r *reading) most() int {
	if len(r.q.PropertiesWithHistory) > 0 {
		return MaxHistoryBatch
	}
	return MaxBatch
}

// take empties the list of open keys and returns what was on it.
func (r *reading) take() []string {
	open := r.open
	r.open = nil
	return open
}

func (r *reading) kind() readKind { return readKind{r.object, r.q.IDProperty, r.q.Archived} }

// ask reads the records of ids in one call, along with the witness, if there is
// one, and takes in what the answer says.
func (r *reading) ask(ctx context.Context, ids []string, w *witness) error {
	if w != nil && slices.ContainsFunc(ids, func(id string) bool { return foldKey(id) == foldKey(w.key) }) {
		w = nil // one of those asked for cannot vouch for the others
	}
	q := r.q
	if q.IDs = ids; w != nil {
		q.IDs = append(slices.Clip(ids), w.key)
	}
	var found []Object
	var named map[string]bool
	k := &call{
		method: http.MethodPost, path: r.client.paths.object(r.object, "batch", "read"), body: q.body(), reads: true,
		decode: func(data []byte) (err error) {
			found, named, err = decodeRead(data)
			return err
		},
	}
	if q.Archived {
		k.query = url.Values{"archived": {"true"}}
	}
	if err := r.client.do(ctx, k); err != nil {
		return err
	}
	if n := len(found); n > 0 {
		r.client.witnesses.note(r.kind(), &found[n-1])
	}
	whole := w.confirms(found)
	if w != nil && !whole {
		r.client.witnesses.forget(r.kind(), w)
	}
	r.judge(ids, w.without(found), named, whole)
	return nil
}

// judge sorts ids by what an answer says of them. If it is whole, what it does
// not mention is missing. It is, too, if it accounts for as many as were asked: a
// contact may be found by an address that is not among its properties.
func (r *reading) judge(ids []string, found []Object, named map[string]bool, whole bool) {
	has := map[string]bool{}
	for i := range found {
		has[found[i].ID], has[foldKey(found[i].Properties[r.q.IDProperty])] = true, true
	}
	r.found = append(r.found, found...)
	counted := len(found)+len(named) >= len(ids)
	for _, id := range ids {
		key := foldKey(id)
		switch {
		case named[key]:
			r.missing = append(r.missing, id)
		case has[key], counted:
		case whole:
			r.missing = append(r.missing, id)
		default:
			r.open = append(r.open, id)
		}
	}
}

// A readKind is those batch reads that share their witness.
type readKind struct {
	object, idProperty string
	archived           bool
}

// A witness is a record that was there. An answer that was to hold it, and does,
// has not lost its content.
type witness struct{ id, key string }

func (w *witness) confirms(found []Object) bool {
	return w != nil && slices.ContainsFunc(found, func(o Object) bool { return o.ID == w.id })
}

// without leaves out the record that was only asked for as a witness.
func (w *witness) without(found []Object) []Object {
	if w == nil {
		return found
	}
	return slices.DeleteFunc(found, func(o Object) bool { return o.ID == w.id })
}

// witnesses are the last record that was there, of each kind of batch reads.
type witnesses struct {
	mu     sync.Mutex
	read   map[readKind]*witness
	stored map[string]*stored // by object type
}

// stored is a record that was created, with the properties it was given.
type stored struct {
	id         string
	properties []Property
}

func (w *witnesses) note(k readKind, o *Object) {
	key := o.ID
	if k.idProperty != "" {
		key = o.Properties[k.idProperty]
	}
	if key == "" {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.read == nil {
		w.read = map[readKind]*witness{}
	}
	w.read[k] = &witness{strings.Clone(o.ID), strings.Clone(key)} // and not the answer that they are parts of
}

// created notes one of the records that a batch created.
func (w *witnesses) created(object string, in []CreateInput, results []Result) {
	i := slices.IndexFunc(results, func(r Result) bool { return r.ID != "" })
	if i < 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stored == nil {
		w.stored = map[string]*stored{}
	}
	w.stored[object] = &stored{results[i].ID, in[i].Properties}
}

// of is the witness for a kind of reads; nil if there is none.
func (w *witnesses) of(k readKind) *witness {
	w.mu.Lock()
	defer w.mu.Unlock()
	if known := w.read[k]; known != nil || k.archived || w.stored[k.object] == nil {
		return known
	}
	s := w.stored[k.object]
	if k.idProperty == "" {
		return &witness{s.id, s.id}
	}
	if key := value(s.properties, k.idProperty); key != "" {
		return &witness{s.id, key}
	}
	return nil
}

// forget drops a witness that was not there any more, or whose answer was lost.
func (w *witnesses) forget(k readKind, gone *witness) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if known := w.read[k]; known != nil && *known == *gone {
		delete(w.read, k)
	}
	if s := w.stored[k.object]; s != nil && s.id == gone.id {
		delete(w.stored, k.object)
	}
}

func unique(list []string) []string {
	seen := make(map[string]bool, len(list))
	out := make([]string, 0, len(list))
	for _, s := range list {
		if !seen[s] {
			seen[s] = true
			out = append(out, s)
		}
	}
	return out
}

func (q *BatchRead) body() []byte {
	b := appendIDs([]byte(`{"inputs":`), q.IDs)
	b = appendStrings(append(b, `,"properties":`...), q.Properties)
	b = appendStrings(append(b, `,"propertiesWithHistory":`...), q.PropertiesWithHistory)
	if q.IDProperty != "" {
		b = appendString(append(b, `,"idProperty":`...), q.IDProperty)
	}
	return append(b, '}')
}

// decodeRead returns the records of an answer, and the keys, folded, that it
// names as missing. The usual answer is scanned, as a page is.
func decodeRead(data []byte) (found []Object, named map[string]bool, err error) {
	if r := scanRead(data); r != nil {
		return r.results, r.missing, nil
	}
	return decodeReadPlainly(data)
}

func decodeReadPlainly(data []byte) (found []Object, named map[string]bool, err error) {
	var w struct {
		Results []wireObject                 `json:"results"`
		Errors  []map[string]json.RawMessage `json:"errors"`
	}
	if err := json.Unmarshal(data, &w); err != nil {
		return nil, nil, err
	}
	if w.Results == nil && len(w.Errors) == 0 {
		return nil, nil, errNoResults
	}
	named = map[string]bool{}
	for _, item := range w.Errors {
		e := itemError(item)
		if e.Category != notFound {
			return nil, nil, e
		}
		for _, id := range e.Context["ids"] {
			named[foldKey(id)] = true
		}
	}
	return objects(w.Results), named, nil
}

const notFound = "OBJECT_NOT_FOUND"

// A readScanner reads the answer to a batch read.
type readScanner struct {
	pageScanner
	missing map[string]bool // keys, folded
}

// scanRead reads an answer; nil if it is not as usual.
func scanRead(data []byte) *readScanner {
	if !utf8.Valid(data) {
		return nil
	}
	r := &readScanner{pageScanner: newPageScanner(data, nil), missing: map[string]bool{}}
	lists, errs := 0, 0
	ok := r.object(func(key []byte) bool {
		switch string(key) {
		case "results":
			lists++
			return r.list(r.record)
		case "errors":
			errs++
			return r.list(r.refusal)
		}
		return r.pass(key, "results", "errors")
	})
	if !ok || lists != 1 || errs > 1 || !r.ended() {
		return nil
	}
	return r
}

// refusal reads an error that names keys of which there is no record.
func (r *readScanner) refusal() bool {
	categories, contexts, lists := 0, 0, 0
	ok := r.object(func(key []byte) bool {
		switch string(key) {
		case "category":
			categories++
			text, ok := r.text()
			return ok && string(text) == notFound
		case "context":
			contexts++
			return r.object(func(key []byte) bool {
				if string(key) != "ids" {
					return r.skip()
				}
				lists++
				return r.list(r.missed)
			})
		}
		return r.skip()
	})
	return ok && categories == 1 && contexts == 1 && lists == 1
}

func (r *readScanner) missed() bool {
	var id string
	ok := r.string(&id)
	if id != "" {
		r.missing[foldKey(id)] = true
	}
	return ok
}
