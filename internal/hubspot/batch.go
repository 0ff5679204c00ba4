package hubspot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// A CreateInput is a record to create.
type CreateInput struct {
	TraceID      string // names the input in the answer; filled in when empty
	Properties   []Property
	Associations []AssociationInput
}

// An UpdateInput is a record to change.
type UpdateInput struct {
	TraceID    string
	ID         string // record id, or the value of IDProperty
	IDProperty string // a unique property; "" = record id
	Properties []Property
}

// An UpsertInput is a record to change, or to create if there is none yet.
type UpsertInput struct {
	TraceID    string
	ID         string // value of IDProperty
	IDProperty string // a unique property
	Properties []Property
}

// A Result says what became of one input of a batch.
type Result struct {
	ID  string // record id; "" if refused
	New bool   // created, not updated
	Err error  // *Error: refused; errors.Is ErrInDoubt: the answer does not mention it
}

// CreateBatch creates up to MaxBatch records in one call. It returns one Result
// per input, in input order: ID set for a stored record, Err for a refused one.
//
// HubSpot may answer out of order and names a refused input only by the trace id
// sent with it, so results are paired by trace id, then by a value that only one
// input has, never by index. An input that the answer does not account for gets
// an Err for which errors.Is(Err, ErrInDoubt) holds.
//
// The error is non-nil only when no input can be judged: *Error when the whole
// call was refused and nothing is stored, ErrInDoubt when it was sent and no
// usable answer came. Only what proves that nothing was stored is tried again.
//
// Source: POST /crm/v3/objects/{objectType}/batch/create (201 all stored, 207
// some refused) and "Multi-status errors" in HubSpot's error handling guide.
func (c *Client) CreateBatch(ctx context.Context, object string, in []CreateInput) ([]Result, error) {
	if err := checkBatch(object, len(in), MaxBatch); err != nil {
		return nil, fmt.Errorf("create %s: %w", object, err)
	}
	in = slices.Clone(in) // trace ids are filled in
	targets, size := make([]target, len(in)), 64
	traces := newTraces()
	for i := range in {
		in[i].TraceID = traces.fill(in[i].TraceID, i)
		targets[i] = target{trace: in[i].TraceID, properties: in[i].Properties}
		size += bodySize(128+120*len(in[i].Associations), in[i].Properties)
	}
	if err := traces.check(targets); err != nil {
		return nil, fmt.Errorf("create %s: %w", object, err)
	}
	body := appendCreateInputs(make([]byte, 0, size), in)
	results, err := c.writeBatch(ctx, c.paths.object(object, "batch", "create"), body, true, targets)
	if err != nil {
		return nil, fmt.Errorf("create %d %s: %w", len(in), object, err)
	}
	for i := range results {
		results[i].New = results[i].ID != ""
	}
	c.witnesses.created(object, in, results)
	return results, nil
}

// UpdateBatch changes up to MaxBatch records in one call; Results and error are
// those of CreateBatch. It can be repeated, and was repeated if need be.
// Source: POST /crm/v3/objects/{objectType}/batch/update.
func (c *Client) UpdateBatch(ctx context.Context, object string, in []UpdateInput) ([]Result, error) {
	list := make([]UpsertInput, len(in))
	for i := range in {
		list[i] = UpsertInput(in[i])
		if list[i].IDProperty == recordID {
			list[i].IDProperty = ""
		}
	}
	return c.changeBatch(ctx, object, "update", list)
}

// UpsertBatch changes or creates up to MaxBatch records in one call; Results and
// error are those of CreateBatch. It can be repeated, and was repeated if need
// be. Whether HubSpot stores the key of a new record by itself is not
// documented, so Properties should hold it too.
// Source: POST /crm/v3/objects/{objectType}/batch/upsert.
func (c *Client) UpsertBatch(ctx context.Context, object string, in []UpsertInput) ([]Result, error) {
	for i := range in {
		if p := in[i].IDProperty; p == "" || p == recordID {
			return nil, fmt.Errorf("upsert %s: input %d: needs a property with unique values as key, not %q; update by record id instead", object, i, p)
		}
	}
	return c.changeBatch(ctx, object, "upsert", slices.Clone(in))
}

// changeBatch may change in.
func (c *Client) changeBatch(ctx context.Context, object, verb string, in []UpsertInput) ([]Result, error) {
	if err := checkBatch(object, len(in), MaxBatch); err != nil {
		return nil, fmt.Errorf("%s %s: %w", verb, object, err)
	}
	targets, size := make([]target, len(in)), 64
	traces := newTraces()
	for i := range in {
		if in[i].ID == "" {
			return nil, fmt.Errorf("%s %s: the id of input %d is empty", verb, object, i)
		}
		in[i].TraceID = traces.fill(in[i].TraceID, i)
		targets[i] = target{trace: in[i].TraceID, id: in[i].ID, property: in[i].IDProperty}
		size += bodySize(128+len(in[i].ID)+len(in[i].IDProperty), in[i].Properties)
	}
	if err := traces.check(targets); err != nil {
		return nil, fmt.Errorf("%s %s: %w", verb, object, err)
	}
	body := appendUpsertInputs(make([]byte, 0, size), in)
	results, err := c.writeBatch(ctx, c.paths.object(object, "batch", verb), body, false, targets)
	if err != nil {
		return nil, fmt.Errorf("%s %d %s: %w", verb, len(in), object, err)
	}
	return results, nil
}

func (c *Client) writeBatch(ctx context.Context, path string, body []byte, once bool, targets []target) ([]Result, error) {
	var results []Result
	err := c.do(ctx, &call{
		method: http.MethodPost, path: path, body: body, once: once,
		decode: func(data []byte) (err error) {
			results, err = pair(targets, data)
			return err
		},
	})
	return results, err
}

// ArchiveBatch moves up to MaxBatch records to the recycle bin. Ids that are
// unknown or archived already are no error.
// Source: POST /crm/v3/objects/{objectType}/batch/archive.
func (c *Client) ArchiveBatch(ctx context.Context, object string, ids []string) error {
	if err := checkIDs(object, ids, MaxBatch); err != nil {
		return fmt.Errorf("archive %s: %w", object, err)
	}
	body := append(appendIDs([]byte(`{"inputs":`), ids), '}')
	err := c.do(ctx, &call{
		method: http.MethodPost, path: c.paths.object(object, "batch", "archive"), body: body, decode: decodeNothing,
	})
	if err != nil {
		return fmt.Errorf("archive %d %s: %w", len(ids), object, err)
	}
	return nil
}

func checkBatch(object string, n, most int) error {
	if err := checkParts("the object type", object); err != nil {
		return err
	}
	switch {
	case n == 0:
		return errors.New("a batch of no inputs")
	case n > most:
		return fmt.Errorf("a batch of %d inputs, HubSpot takes at most %d", n, most)
	}
	return nil
}

func checkIDs(object string, ids []string, most int) error {
	if err := checkBatch(object, len(ids), most); err != nil {
		return err
	}
	seen := make(map[string]bool, len(ids))
	for i, id := range ids {
		switch {
		case id == "":
			return fmt.Errorf("the id of input %d is empty", i)
		case seen[id]:
			return fmt.Errorf("the id of input %d occurs twice in the batch", i)
		}
		seen[id] = true
	}
	return nil
}

func appendIDs(b []byte, ids []string) []byte {
	b = append(b, '[')
	for i, id := range ids {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"id":`...)
		b = append(appendString(b, id), '}')
	}
	return append(b, ']')
}

// traces makes the trace ids that a batch lacks.
type traces struct{ prefix string }

func newTraces() traces {
	return traces{strconv.FormatUint(rand.Uint64(), 36) + "-"}
}

func (t traces) fill(given string, i int) string {
	if given != "" {
		return given
	}
	return t.prefix + strconv.Itoa(i)
}

// check refuses a batch in which two inputs could not be told apart: HubSpot
// answers duplicates with an error for the whole batch.
func (traces) check(targets []target) error {
	byTrace := make(map[string]int, len(targets))
	byID := make(map[[2]string]int, len(targets))
	for i, t := range targets {
		if first, ok := byTrace[t.trace]; ok {
			return fmt.Errorf("inputs %d and %d have the same trace id", first, i)
		}
		byTrace[t.trace] = i
		if t.id == "" {
			continue
		}
		key := [2]string{t.property, t.id}
		if first, ok := byID[key]; ok {
			return fmt.Errorf("inputs %d and %d have the same id; a batch may hold each once", first, i)
		}
		byID[key] = i
	}
	return nil
}

// decodeNothing accepts the empty answer of a call that takes something away,
// and finds the refusals in one that is not empty. That something is not there
// is none.
func decodeNothing(data []byte) error {
	if len(strings.TrimSpace(string(data))) == 0 {
		return nil
	}
	var w struct {
		Errors []map[string]json.RawMessage `json:"errors"`
	}
	if err := json.Unmarshal(data, &w); err != nil {
		return err
	}
	for _, item := range w.Errors {
		if e := itemError(item); e.Category != notFound {
			return e
		}
	}
	return nil
}

// itemError is one item of a batch answer's errors.
func itemError(item map[string]json.RawMessage) *Error {
	e := &Error{Status: http.StatusMultiStatus}
	e.fill(item)
	return e
}
