package load

import (
	"errors"
	"slices"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/internal/hubspot"
)

// deliver sends items in one call and judges each by its result; a good one
// gets status, or Created where HubSpot says that it is new. A call that was
// refused as a whole is narrowed down.
func (imp *Importer) deliver(items []*item, status etl.Status, send func([]*item) ([]hubspot.Result, error)) error {
	n := narrowing[*item]{
		send: func(part []*item) (bool, error) {
			results, err := send(part)
			return judgeResults(part, results, err, status)
		},
		refuse:  func(it *item, err error) { it.settle(hubspot.Result{Err: err}, status) },
		suspect: imp.suspected,
	}
	_, err := n.try(items)
	return err
}

// judgeResults gives items the results of one call. A lost answer is an
// outcome; any other error of the call is the caller's.
func judgeResults(items []*item, results []hubspot.Result, err error, status etl.Status) (clean bool, _ error) {
	lost := errors.Is(err, hubspot.ErrInDoubt)
	if err != nil && !lost {
		return false, err
	}
	clean = !lost
	for i, it := range items {
		res := hubspot.Result{Err: err}
		if !lost {
			res = results[i]
		}
		it.settle(res, status)
		clean = clean && res.Err == nil
	}
	return clean, nil
}

// settle turns one result into the item's outcome.
func (it *item) settle(res hubspot.Result, status etl.Status) {
	if res.ID != "" {
		it.id = res.ID
	}
	switch {
	case errors.Is(res.Err, hubspot.ErrInDoubt):
		it.judge(etl.InDoubt, doubtProblem(res.Err))
	case res.Err != nil:
		it.judge(etl.Failed, problemsOf(res.Err)...)
	case res.New:
		it.judge(etl.Created)
	case status == etl.Updated:
		it.judge(presence(it)) // an upsert that was repeated finds its own ticket
	default:
		it.judge(status)
	}
}

// suspected says that the error speaks of this item: by trace id, by id or key,
// by the id of a record it is to be associated with, or by a property together
// with its value.
func (imp *Importer) suspected(it *item, err error) bool {
	var e *hubspot.Error
	if !errors.As(err, &e) {
		return false
	}
	if slices.Contains(e.Context["objectWriteTraceId"], imp.trace(it)) || it.named(e.Context) {
		return true
	}
	for _, d := range e.Details {
		if it.named(d.Context) {
			return true
		}
		if v, ok := it.rec.Property(d.Property); ok && d.Value != "" && v == d.Value {
			return true
		}
	}
	return false
}

// named says that the context of an error lists an id of the item.
func (it *item) named(context map[string][]string) bool {
	for key, ids := range context {
		if key != "ids" && key != "id" && key != "INVALID_OBJECT_IDS" {
			continue
		}
		if it.id != "" && slices.Contains(ids, it.id) || it.rec.Key != "" && slices.Contains(ids, it.rec.Key) {
			return true
		}
		if slices.ContainsFunc(it.rec.References, func(r etl.Reference) bool { return r.ID != "" && slices.Contains(ids, r.ID) }) {
			return true
		}
	}
	return false
}
