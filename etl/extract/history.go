package extract

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/internal/hubspot"
	"github.com/ticketetl/ticketetl/internal/pages"
)

// HistoryColumns name what a History says of each value that a property had.
var HistoryColumns = []string{IDColumn, "property", "value", HistoryMoment, "source_type", "source_id", "source_label", "updated_by_user_id"}

// HistoryMoment is the column that says when a value was set, in ISO 8601.
const HistoryMoment = "timestamp"

// readHistory reads the earlier values of tickets, and their present ones with them,
// so that the two are of one moment. A ticket that has just gone has none.
func (t *Tickets) readHistory(ctx context.Context, tickets []hubspot.Object) error {
	if len(t.opts.History) == 0 {
		return nil
	}
	for part := range slices.Chunk(tickets, hubspot.MaxHistoryBatch) {
		for _, archived := range []bool{false, true} {
			if err := t.readHistoryOf(ctx, part, archived); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *Tickets) readHistoryOf(ctx context.Context, tickets []hubspot.Object, archived bool) error {
	at := map[string]*hubspot.Object{}
	var ids []string
	for i := range tickets {
		if o := &tickets[i]; o.Archived == archived {
			at[o.ID] = o
			ids = append(ids, o.ID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	found, _, err := t.client.ReadBatch(ctx, "tickets", hubspot.BatchRead{
		IDs: ids, Properties: t.opts.Properties, PropertiesWithHistory: t.opts.History, Archived: archived,
	})
	if err != nil {
		return err
	}
	for i := range found {
		if o := at[found[i].ID]; o != nil {
			o.Properties, o.PropertiesWithHistory = found[i].Properties, found[i].PropertiesWithHistory
		}
	}
	return nil
}

// packHistory makes one text of the values that a ticket's properties had, in the
// order of the options, each in HubSpot's order.
func (t *Tickets) packHistory(o *hubspot.Object) string {
	var texts []string
	for _, name := range t.opts.History {
		for _, v := range o.PropertiesWithHistory[name] {
			texts = append(texts, name, v.Value, momentText(v.Timestamp), v.SourceType, v.SourceID, v.SourceLabel, v.UpdatedByUserID)
		}
	}
	return strconv.Itoa(len(texts)) + " " + string(packTexts(asStored, texts)[1:])
}

// momentText is a moment as HubSpot writes it: milliseconds have three digits, and
// are left out where there are none.
func momentText(at time.Time) string {
	if at.UnixMilli()%1000 == 0 {
		return at.UTC().Format("2006-01-02T15:04:05Z")
	}
	return at.UTC().Format("2006-01-02T15:04:05.000Z")
}

func unpackHistory(packed string) ([]string, error) {
	count, data, found := strings.Cut(packed, " ")
	n, err := strconv.Atoi(count)
	if err != nil || !found || n < 0 || n > len(data) {
		return nil, errPacked
	}
	return unpackTexts([]byte(data), n, 0)
}

// A History is a Source of the values that the properties of an account's tickets
// had: a Record for each, by ticket and property.
type History struct {
	tickets *Tickets
	reader  *pages.Reader
	header  *etl.Header
	id      string
	left    []string // of the ticket
	row     int
}

// History returns the Source; Gather has been called before.
func (t *Tickets) History() *History {
	return &History{tickets: t, reader: t.store.Read(), header: etl.NewHeader(HistoryColumns), row: 1}
}

// Header names the columns: HistoryColumns.
func (h *History) Header() *etl.Header { return h.header }

// Close does nothing; the store is the caller's.
func (h *History) Close() error { return nil }

// Next returns the next value.
func (h *History) Next(context.Context) (*etl.Record, error) {
	for len(h.left) == 0 {
		if err := h.ticket(); err != nil {
			return nil, err
		}
	}
	n := len(HistoryColumns) - 1
	if len(h.left) < n {
		return nil, errPacked
	}
	fields := append([]string{h.id}, h.left[:n]...)
	h.left = h.left[n:]
	h.row++
	return &etl.Record{Pos: etl.Position{File: "account", Row: h.row}, Header: h.header, Key: h.id, Fields: fields}, nil
}

// ticket reads the next ticket of the store.
func (h *History) ticket() error {
	stored, err := h.reader.Next()
	if errors.Is(err, io.EOF) {
		return io.EOF
	}
	if err != nil {
		return fmt.Errorf("read back what was listed: %w", err)
	}
	texts, shown, err := h.tickets.texts(stored)
	if err != nil || shown {
		return errors.Join(err, errPacked)
	}
	h.id = strconv.FormatUint(stored.ID, 10)
	h.left, err = unpackHistory(texts[len(texts)-1])
	return err
}
