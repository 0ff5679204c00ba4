package extract

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/internal/hubspot"
)

// TicketOptions say what to read of an account's tickets.
type TicketOptions struct {
	Properties   []string // internal names
	Associations []string // object types whose ids to read, e.g. "contacts"
	Archived     bool     // the recycle bin instead of the live tickets
}

// Tickets is a Source of an account's tickets, in the order of their ids. The
// columns are the ticket's id, the properties by internal name and
// "associations.contacts" and the like, which hold ids parted by ';'. Fields
// are the texts that HubSpot stores.
type Tickets struct {
	client *hubspot.Client
	opts   TicketOptions
	header *etl.Header
	page   []hubspot.Object
	after  string
	last   bool
	row    int
}

// IDColumn is the first column of every export: the ticket's id.
const IDColumn = "hs_object_id"

// AssociationPrefix begins the names of columns that hold associated ids.
const AssociationPrefix = "associations."

// pageSize is HubSpot's largest page of a listing.
// Source: GET /crm/v3/objects/tickets, limit.
const pageSize = 100

// maxNames bounds the property names in the address of a listing, in bytes.
// HubSpot answers 414 above an unpublished length; 5,116 characters have been
// seen to pass. More names go through batch read.
const maxNames = 4000

// NewTickets returns the Source; nothing is asked of HubSpot yet.
func NewTickets(client *hubspot.Client, opts TicketOptions) *Tickets {
	cells := []string{IDColumn}
	for _, p := range opts.Properties {
		if p != IDColumn {
			cells = append(cells, p)
		}
	}
	opts.Properties = cells[1:]
	for _, to := range opts.Associations {
		cells = append(cells, AssociationPrefix+to)
	}
	return &Tickets{client: client, opts: opts, header: etl.NewHeader(cells), row: 1}
}

// Header names the columns.
func (t *Tickets) Header() *etl.Header { return t.header }

// Close does nothing; a listing holds nothing open.
func (t *Tickets) Close() error { return nil }

// Next returns the next ticket.
func (t *Tickets) Next(ctx context.Context) (*etl.Record, error) {
	for len(t.page) == 0 {
		if t.last {
			return nil, io.EOF
		}
		if err := t.turn(ctx); err != nil {
			return nil, fmt.Errorf("list tickets: %w", err)
		}
	}
	o := &t.page[0]
	t.page = t.page[1:]
	t.row++
	return &etl.Record{
		Pos:    etl.Position{File: "account", Row: t.row},
		Header: t.header,
		Fields: t.fields(o),
		Key:    o.ID,
	}, nil
}

// turn reads the next page and completes what the listing leaves out.
func (t *Tickets) turn(ctx context.Context) error {
	q := hubspot.ListQuery{Limit: pageSize, After: t.after}
	q.Archived, q.Associations = t.opts.Archived, t.opts.Associations
	long := len(strings.Join(t.opts.Properties, ",")) > maxNames
	if !long {
		q.Properties = t.opts.Properties
	}
	page, err := t.client.List(ctx, "tickets", q)
	if err != nil {
		return err
	}
	if long {
		if err := t.readProperties(ctx, page.Results); err != nil {
			return err
		}
	}
	if err := t.readLongAssociations(ctx, page.Results); err != nil {
		return err
	}
	t.page, t.after, t.last = page.Results, page.After, page.After == ""
	return nil
}

func (t *Tickets) readProperties(ctx context.Context, objects []hubspot.Object) error {
	if len(objects) == 0 {
		return nil
	}
	ids := make([]string, len(objects))
	for i := range objects {
		ids[i] = objects[i].ID
	}
	found, _, err := t.client.ReadBatch(ctx, "tickets", hubspot.BatchRead{
		IDs: ids, Properties: t.opts.Properties, Archived: t.opts.Archived,
	})
	if err != nil {
		return err
	}
	byID := make(map[string]map[string]string, len(found))
	for i := range found {
		byID[found[i].ID] = found[i].Properties
	}
	for i := range objects {
		if p, ok := byID[objects[i].ID]; ok {
			objects[i].Properties = p
		}
	}
	return nil
}

// readLongAssociations replaces the lists that the listing cut off.
func (t *Tickets) readLongAssociations(ctx context.Context, objects []hubspot.Object) error {
	for _, to := range t.opts.Associations {
		cut := map[string]*hubspot.Object{}
		var ids []string
		for i := range objects {
			if _, ok := objects[i].AssociationsTruncated[to]; ok {
				cut[objects[i].ID] = &objects[i]
				ids = append(ids, objects[i].ID)
			}
		}
		if len(ids) == 0 {
			continue
		}
		whole, err := t.client.ReadAssociations(ctx, "tickets", to, ids)
		if err != nil {
			return err
		}
		for id, o := range cut {
			o.Associations[to] = nil
			for _, a := range whole[id] {
				o.Associations[to] = append(o.Associations[to], hubspot.AssociatedID{ID: a.ToID})
			}
		}
	}
	return nil
}

func (t *Tickets) fields(o *hubspot.Object) []string {
	fields := make([]string, 0, t.header.Len())
	fields = append(fields, o.ID)
	for _, p := range t.opts.Properties {
		fields = append(fields, o.Properties[p])
	}
	for _, to := range t.opts.Associations {
		ids := make([]string, len(o.Associations[to]))
		for i, a := range o.Associations[to] {
			ids[i] = a.ID
		}
		fields = append(fields, strings.Join(ids, ";"))
	}
	return fields
}
