package extract

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/ticketetl/ticketetl/internal/hubspot"
	"github.com/ticketetl/ticketetl/internal/pages"
)

// apply brings an earlier export up to date: its rows, and over them what was
// created, changed or archived since.
func (t *Tickets) apply(ctx context.Context, start Start) (Check, error) {
	if err := t.seed(ctx); err != nil {
		return Check{}, fmt.Errorf("%s, the earlier export: %w", t.opts.Earlier.Path, err)
	}
	check, err := t.catchUp(ctx, start)
	if err == nil && check.Complete && t.opts.Relink {
		check.Relinked, err = t.relink(ctx)
	}
	return check, err
}

// seedPage is how many rows of an earlier export are stored at once.
const seedPage = 1000

// seed copies the earlier export into the store, unless that was done.
func (t *Tickets) seed(ctx context.Context) error {
	if len(t.store.Missing()) == 0 {
		return nil
	}
	if err := t.store.Reset(); err != nil {
		return storeError(err)
	}
	in, err := t.opts.Earlier.open()
	if err != nil {
		return err
	}
	defer in.close()
	for {
		records, err := t.earlierRecords(ctx, in)
		if err != nil {
			return err
		}
		page := pages.Page{Records: records}
		if len(records) == 0 {
			page.To = pages.End // with this, all of it is there
		}
		if err := t.store.Add(page); err != nil {
			return storeError(err)
		}
		if len(records) == 0 {
			return nil
		}
		t.opts.Watch(int64(len(records)))
	}
}

// earlierRecords reads the next rows; none at the end.
func (t *Tickets) earlierRecords(ctx context.Context, in earlierReader) ([]pages.Record, error) {
	var records []pages.Record
	for len(records) < seedPage {
		texts, err := in.next(ctx)
		if isEOF(err) {
			break
		}
		if err != nil {
			return nil, err
		}
		id, err := strconv.ParseUint(texts[0], 10, 63)
		if err != nil {
			return nil, fmt.Errorf("%.40q stands where a ticket's id should be", texts[0])
		}
		records = append(records, pages.Record{ID: id, Data: packTexts(asShown, texts)})
	}
	return records, nil
}

// relink reads the associations of the tickets that stand as they did, many at a
// time, and stores those that have others.
func (t *Tickets) relink(ctx context.Context) (int64, error) {
	group, inner := errgroup.WithContext(ctx)
	group.SetLimit(max(t.opts.Workers, 1))
	var changed atomic.Int64
	reader := t.store.Read()
	for ends := false; !ends; {
		var rows []pages.Record
		for len(rows) < hubspot.MaxAssociated && !ends {
			r, err := reader.Next()
			if ends = isEOF(err); ends {
				break
			}
			if err != nil {
				_ = group.Wait()
				return 0, storeError(err)
			}
			if r.Data[0] == asShown {
				rows = append(rows, r)
			}
		}
		group.Go(func() error {
			n, err := t.relinkSome(inner, rows)
			changed.Add(n)
			return err
		})
	}
	err := group.Wait()
	return changed.Load(), err
}

func (t *Tickets) relinkSome(ctx context.Context, rows []pages.Record) (changed int64, err error) {
	if len(rows) == 0 {
		return 0, nil
	}
	ids := make([]string, len(rows))
	cells := make([][]string, len(rows))
	for i := range rows {
		ids[i] = strconv.FormatUint(rows[i].ID, 10)
		if cells[i], _, err = t.texts(rows[i]); err != nil {
			return 0, err
		}
	}
	others := map[int]bool{}
	for _, to := range t.opts.Associations {
		if err := t.relinkTo(ctx, to, ids, cells, others); err != nil {
			return 0, err
		}
	}
	var page pages.Page
	for i := range others {
		page.Records = append(page.Records, pages.Record{ID: rows[i].ID, Data: packTexts(asShown, cells[i])})
	}
	if len(others) == 0 {
		return 0, nil
	}
	if err := t.store.Add(page); err != nil {
		return 0, storeError(err)
	}
	return int64(len(others)), nil
}

// relinkTo sets the cells of one object type, and notes the rows that had others.
func (t *Tickets) relinkTo(ctx context.Context, to string, ids []string, cells [][]string, others map[int]bool) error {
	column := slices.IndexFunc(t.opts.Earlier.Columns, func(c EarlierColumn) bool { return c.Group == "associations" && c.Key == to })
	found, err := t.client.ReadAssociations(ctx, "tickets", to, ids)
	if err != nil {
		return err
	}
	for i, id := range ids {
		var linked []string
		for _, a := range found[id] {
			if !slices.Contains(linked, a.ToID) {
				linked = append(linked, a.ToID)
			}
		}
		sortIDs(linked)
		if text := strings.Join(linked, ";"); text != cells[i][column] {
			cells[i][column], others[i] = text, true
		}
	}
	return nil
}
