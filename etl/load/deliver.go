package load

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync/atomic"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/internal/hubspot"
)

// deliver sends items in one call and judges each by its result; a good one
// gets status, or Created where HubSpot says that it is new.
//
// A call that was refused as a whole stored nothing. It is narrowed down: the
// items that the error speaks of are sent one by one and the others together;
// where the error names none, the batch is halved. The same body is never sent
// again, and a record is written once.
func (imp *Importer) deliver(ctx context.Context, items []*item, status etl.Status, send func([]*item) ([]hubspot.Result, error)) error {
	if len(items) == 0 {
		return nil
	}
	results, err := send(items)
	switch {
	case err == nil:
		for i, it := range items {
			it.settle(results[i], status)
		}
		return nil
	case errors.Is(err, hubspot.ErrInDoubt):
		for _, it := range items {
			it.settle(hubspot.Result{Err: err}, status)
		}
		return nil
	case !refused(err):
		return err
	case len(items) == 1:
		items[0].settle(hubspot.Result{Err: err}, status)
		return nil
	}
	for _, part := range imp.narrow(items, err) {
		if err := imp.deliver(ctx, part, status, send); err != nil {
			return err
		}
	}
	return nil
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
	default:
		it.judge(status)
	}
}

// refused says that HubSpot refused the whole call because of its content.
func refused(err error) bool {
	var e *hubspot.Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Status {
	case http.StatusBadRequest, http.StatusConflict, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		return true
	}
	return false
}

// narrow parts a refused batch into smaller ones.
func (imp *Importer) narrow(items []*item, err error) [][]*item {
	var parts [][]*item
	var rest []*item
	for _, it := range items {
		if imp.suspected(it, err) {
			parts = append(parts, []*item{it})
		} else {
			rest = append(rest, it)
		}
	}
	if len(parts) == 0 || len(rest) == 0 {
		half := len(items) / 2
		return [][]*item{items[:half], items[half:]}
	}
	return append(parts, rest)
}

// suspected says that the error speaks of this item: by trace id, by id or key,
// or by a property together with its value.
func (imp *Importer) suspected(it *item, err error) bool {
	var e *hubspot.Error
	if !errors.As(err, &e) {
		return false
	}
	if slices.Contains(e.Context["objectWriteTraceId"], imp.trace(it)) || named(e.Context["ids"], it) {
		return true
	}
	for _, d := range e.Details {
		if named(d.Context["ids"], it) {
			return true
		}
		if v, ok := it.rec.Property(d.Property); ok && d.Value != "" && v == d.Value {
			return true
		}
	}
	return false
}

func named(ids []string, it *item) bool {
	return it.id != "" && slices.Contains(ids, it.id) || it.rec.Key != "" && slices.Contains(ids, it.rec.Key)
}

// maxDoubts is the number of batches in a row whose answers were lost after
// which the run stops: something is wrong with the connection, and every
// further batch would only add rows to look after.
const maxDoubts = 5

type doubtBrake struct{ inARow atomic.Int32 }

func (b *doubtBrake) note(outcomes []etl.Outcome) error {
	doubt := slices.ContainsFunc(outcomes, func(o etl.Outcome) bool { return o.Status == etl.InDoubt })
	if !doubt {
		b.inARow.Store(0)
		return nil
	}
	if b.inARow.Add(1) < maxDoubts {
		return nil
	}
	return ErrTooManyDoubts
}

// ErrTooManyDoubts stops a run in which answers get lost one after another.
var ErrTooManyDoubts = errors.New("the answers to several batches in a row were lost; stopped before more rows are in doubt")
