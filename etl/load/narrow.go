package load

import (
	"cmp"
	"errors"
	"net/http"
	"slices"

	"github.com/ticketetl/ticketetl/internal/hubspot"
)

// A narrowing finds out which inputs of a batch make HubSpot refuse it whole.
// Such a call stored nothing. The inputs that the refusal speaks of are sent
// apart from the others; where it names none, or has misled before, the batch is
// cut in two. The same inputs are never sent together again, and each is stored once.
// For k bad inputs among 100 that takes at most 2·k·log2(100) further calls.
type narrowing[T any] struct {
	send    func([]T) (clean bool, err error) // judges what was answered; clean: nothing was refused or lost
	refuse  func(T, error)                    // the refusal is about this one
	suspect func(T, error) bool               // the refusal speaks of this one
	misled  bool
}

// try sends all and says whether none of them was refused or lost. An error
// that is no refusal ends it; what was not judged was not stored.
func (n *narrowing[T]) try(all []T) (clean bool, err error) {
	if len(all) == 0 {
		return true, nil
	}
	clean, err = n.send(all)
	switch {
	case err == nil || !refused(err):
		return clean, err
	case len(all) == 1:
		n.refuse(all[0], err)
		return false, nil
	}
	return false, n.part(all, err)
}

// part sends, in parts, what cannot be sent together. Where the first part goes
// through, the fault is in the second, which need not be tried whole.
func (n *narrowing[T]) part(all []T, refusal error) error {
	first, second, hinted := n.split(all, refusal)
	clean, err := n.try(first)
	if err != nil {
		return err
	}
	if !clean || len(second) == 1 {
		_, err := n.try(second)
		return err
	}
	n.misled = n.misled || hinted
	return n.part(second, refusal)
}

// split parts all, which are two or more. Few suspects stand alone; many of them
// come first, and the list is cut in two.
func (n *narrowing[T]) split(all []T, refusal error) (first, second []T, hinted bool) {
	if n.misled {
		return all[:cut(len(all))], all[cut(len(all)):], false
	}
	suspected := make([]bool, len(all))
	count := 0
	order := make([]int, len(all))
	for i := range all {
		order[i] = i
		if suspected[i] = n.suspect(all[i], refusal); suspected[i] {
			count++
		}
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(rank(suspected[i]), rank(suspected[j])) })
	sorted := make([]T, len(all))
	for k, i := range order {
		sorted[k] = all[i]
	}
	if count > 0 && count <= max(1, len(all)/4) {
		return sorted[:count], sorted[count:], true
	}
	return sorted[:cut(len(all))], sorted[cut(len(all)):], false
}

// cut is the size of the first of two parts. A fault in the first part costs two
// calls, since the second one is sent as well; a fault in the second part costs
// one, since it need not be tried whole. So the first part is the smaller one, by
// the golden ratio.
func cut(n int) int { return max(1, (n*382+500)/1000) }

func rank(suspected bool) int {
	if suspected {
		return 0
	}
	return 1
}

// refused says that HubSpot refused the whole call because of its content.
func refused(err error) bool {
	var e *hubspot.Error
	if !errors.As(err, &e) || errors.Is(err, hubspot.ErrInDoubt) {
		return false
	}
	switch e.Status {
	case http.StatusBadRequest, http.StatusConflict, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		return true
	case http.StatusNotFound:
		return e.Category == "OBJECT_NOT_FOUND" // anything else is a wrong address
	}
	return false
}
