package extract

import (
	"context"
	"errors"
	"slices"
	"strconv"

	"github.com/ticketetl/ticketetl/internal/hubspot"
)

// proofs is how often the proof is tried: tickets may come and go meanwhile.
const proofs = 3

// prove finds out whether the cursor of this account's listing is an id, which
// is observed and nowhere promised: a page that begins in the middle of the first
// one, and one that begins at an id that no ticket has, must go on as the first
// one does. It asks for ids only.
func prove(ctx context.Context, ask func(context.Context, string) (*hubspot.Page, error)) (bool, error) {
	for range proofs {
		ok, err := tryProof(ctx, ask)
		var refusal *hubspot.Error
		if errors.As(err, &refusal) && refusal.Status == 400 {
			return false, nil // it takes its own cursors only
		}
		if ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

func tryProof(ctx context.Context, ask func(context.Context, string) (*hubspot.Page, error)) (bool, error) {
	first, err := askIDs(ctx, ask, "")
	if err != nil || len(first) < 3 || !slices.IsSortedFunc(first, ascending) {
		return false, err
	}
	for _, at := range []uint64{first[len(first)/2], unused(first)} {
		got, err := askIDs(ctx, ask, strconv.FormatUint(at, 10))
		if err != nil || !slices.IsSortedFunc(got, ascending) || !goesOn(first, got, at) {
			return false, err
		}
	}
	return true, nil
}

func askIDs(ctx context.Context, ask func(context.Context, string) (*hubspot.Page, error), after string) ([]uint64, error) {
	page, err := ask(ctx, after)
	if err != nil {
		return nil, err
	}
	return idsOf(page.Results)
}

// unused is an id that no ticket has, as near to the middle as there is one.
func unused(ids []uint64) uint64 {
	for i := len(ids) / 2; i+1 < len(ids); i++ {
		if ids[i]+1 < ids[i+1] {
			return ids[i] + 1
		}
	}
	return ids[0] - 1
}

// goesOn says that got is what first has from the id at, or after it.
func goesOn(first, got []uint64, at uint64) bool {
	end, _ := slices.BinarySearch(got, first[len(first)-1]+1)
	start, known := slices.BinarySearch(first, at)
	return slices.Equal(first[start:], got[:end]) || known && slices.Equal(first[start+1:], got[:end])
}
