package extract

import (
	"cmp"
	"context"
	"encoding/binary"
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

// TicketOptions say what to read of an account's tickets.
type TicketOptions struct {
	Properties   []string            // internal names
	Associations []string            // object types whose ids to read, e.g. "contacts"
	Linked       []Linked            // properties of associated records; each once
	History      []string            // properties whose earlier values to read, too; see Tickets.History
	Archived     Archived            // whether to read the recycle bin
	Since        time.Time           // only what was changed or archived since then, by HubSpot's clock; zero: everything
	Earlier      *Earlier            // an export of all live tickets, to which what has changed since Since is applied; nil: none
	Relink       bool                // with Earlier: read the associations of all tickets, whose change is not one of the ticket
	Workers      int                 // ranges of ids that are read side by side; 0 = 1
	Watch        func(records int64) // told what was read; may be nil; called from several goroutines
	Settle       time.Duration       // how long a disagreement with the account's count is given to go away; 0 = a minute
}

// Archived says whether an export has the tickets of the recycle bin.
type Archived string

// With archived tickets comes a column that says when they were archived.
const (
	ArchivedNone Archived = ""
	ArchivedToo  Archived = "include" // beside the live ones
	ArchivedOnly Archived = "only"
)

// ArchivedColumn is the last column of an export with archived tickets: when the
// ticket was archived, in ISO 8601; empty for a live one.
const ArchivedColumn = "archived.at"

// Tickets is a Source of an account's tickets, in the order of their ids. The
// columns are the ticket's id, the properties by internal name and
// "associations.contacts" and the like, which hold ids parted by ';'. Fields
// are the texts that HubSpot stores.
//
// Begin and Gather read the account into a store of pages; after that, Next gives
// the tickets one by one.
type Tickets struct {
	client *hubspot.Client
	opts   TicketOptions
	header *etl.Header
	store  *pages.Store
	reader *pages.Reader
	linked *linked
	to     []string // object types whose ids are read
	ranges bool     // the cursor of a listing is proven to be an id
	whole  bool     // everything is read after all
	row    int

	oneCursor bool // ranges have shown too little
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

// NewTickets returns the Source; nothing is asked of HubSpot yet. What is read
// goes into the store, which the caller closes.
func NewTickets(client *hubspot.Client, store *pages.Store, opts TicketOptions) *Tickets {
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
	to := slices.Clone(opts.Associations)
	for _, l := range opts.Linked {
		cells = append(cells, l.Column())
		if !slices.Contains(to, l.To) {
			to = append(to, l.To)
		}
	}
	if opts.Archived != ArchivedNone {
		cells = append(cells, ArchivedColumn)
	}
	if opts.Watch == nil {
		opts.Watch = func(int64) {}
	}
	if opts.Settle == 0 {
		opts.Settle = settle
	}
	return &Tickets{client: client, store: store, opts: opts, header: etl.NewHeader(cells), linked: newLinked(opts.Linked), to: to, row: 1}
}

// Header names the columns.
func (t *Tickets) Header() *etl.Header { return t.header }

// Close does nothing; the store is the caller's.
func (t *Tickets) Close() error { return nil }

// Next returns the next ticket of those that Gather has read. One that stands as it
// did in TicketOptions.Earlier has Properties, one for each of that one's columns,
// and no Fields but its id.
func (t *Tickets) Next(context.Context) (*etl.Record, error) {
	if t.reader == nil {
		t.reader = t.store.Read()
	}
	stored, err := t.reader.Next()
	if errors.Is(err, io.EOF) {
		return nil, io.EOF
	}
	if err != nil {
		return nil, fmt.Errorf("read back what was listed: %w", err)
	}
	t.row++
	rec := &etl.Record{Pos: etl.Position{File: "account", Row: t.row}, Header: t.header, Key: strconv.FormatUint(stored.ID, 10)}
	if texts, shown, err := t.texts(stored); err != nil {
		return nil, err
	} else if !shown {
		rec.Fields = texts[:t.header.Len()]
	} else {
		rec.Fields = make([]string, t.header.Len())
		rec.Properties = make([]etl.Property, len(texts))
		for i, text := range texts {
			rec.Properties[i].Value = text
		}
	}
	rec.Fields[0] = rec.Key
	return rec, nil
}

// texts are what is stored of a ticket: its fields, the first one empty, or what
// the columns of an earlier export have shown.
func (t *Tickets) texts(r pages.Record) (texts []string, shown bool, err error) {
	if len(r.Data) == 0 {
		return nil, false, errPacked
	}
	switch r.Data[0] {
	case asStored:
		n := t.header.Len()
		if len(t.opts.History) > 0 {
			n++
		}
		texts, err = unpackTexts(r.Data[1:], n, 1)
		return texts, false, err
	case asShown:
		texts, err = unpackTexts(r.Data[1:], len(t.opts.Earlier.Columns), 0)
		return texts, true, err
	}
	return nil, false, errPacked
}

// long says that the names of the properties are too many for an address.
func (t *Tickets) long() bool { return len(strings.Join(t.opts.Properties, ",")) > maxNames }

// complete adds what a listing leaves out. A ticket that is archived meanwhile
// falls away.
func (t *Tickets) complete(ctx context.Context, objects []hubspot.Object, archived bool) ([]hubspot.Object, error) {
	if t.long() && len(objects) > 0 {
		var err error
		if objects, err = t.readProperties(ctx, objects, archived); err != nil {
			return nil, err
		}
	}
	return objects, t.readLongAssociations(ctx, objects)
}

func (t *Tickets) readProperties(ctx context.Context, objects []hubspot.Object, archived bool) ([]hubspot.Object, error) {
	ids := make([]string, len(objects))
	for i := range objects {
		ids[i] = objects[i].ID
	}
	found, _, err := t.client.ReadBatch(ctx, "tickets", hubspot.BatchRead{
		IDs: ids, Properties: t.opts.Properties, Archived: archived,
	})
	if err != nil {
		return nil, err
	}
	byID := make(map[string]map[string]string, len(found))
	for i := range found {
		byID[found[i].ID] = found[i].Properties
	}
	left := objects[:0]
	for _, o := range objects {
		if o.Properties = byID[o.ID]; o.Properties != nil {
			left = append(left, o)
		}
	}
	return left, nil
}

// readLongAssociations replaces the lists that the listing cut off.
func (t *Tickets) readLongAssociations(ctx context.Context, objects []hubspot.Object) error {
	for _, to := range t.to {
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
		if err := t.readAssociations(ctx, to, ids, cut); err != nil {
			return err
		}
	}
	return nil
}

// readAssociations reads the whole lists of ids of one object type.
func (t *Tickets) readAssociations(ctx context.Context, to string, ids []string, objects map[string]*hubspot.Object) error {
	whole, err := t.client.ReadAssociations(ctx, "tickets", to, ids)
	if err != nil {
		return err
	}
	for id, o := range objects {
		if o.Associations == nil {
			o.Associations = map[string][]hubspot.AssociatedID{}
		}
		o.Associations[to] = nil
		for _, a := range whole[id] {
			o.Associations[to] = append(o.Associations[to], hubspot.AssociatedID{ID: a.ToID})
		}
	}
	return nil
}

// appendFields appends the texts of the columns.
func (t *Tickets) appendFields(fields []string, o *hubspot.Object, found *linkedValues) []string {
	fields = append(append(fields, o.ID), o.Values...)
	if o.Values == nil {
		for _, p := range t.opts.Properties {
			fields = append(fields, o.Properties[p])
		}
	}
	for _, to := range t.opts.Associations {
		fields = append(fields, strings.Join(idsInOrder(o.Associations[to]), ";"))
	}
	for _, l := range t.opts.Linked {
		fields = append(fields, t.linkedText(o, l, found))
	}
	if t.opts.Archived != ArchivedNone {
		at := ""
		if o.Archived && !o.ArchivedAt.IsZero() {
			at = o.ArchivedAt.UTC().Format("2006-01-02T15:04:05.999Z")
		}
		fields = append(fields, at)
	}
	return fields
}

// idsInOrder are associated ids in ascending order, whatever order HubSpot has them in.
func idsInOrder(all []hubspot.AssociatedID) []string {
	ids := make([]string, len(all))
	for i, a := range all {
		ids[i] = a.ID
	}
	sortIDs(ids)
	return ids
}

func sortIDs(ids []string) {
	slices.SortFunc(ids, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b)) })
}

// How the texts in a page of the store are to be understood.
const (
	asStored = 0 // fields, as HubSpot stores them, without the id
	asShown  = 1 // the cells of a row of an earlier export
)

// packTexts makes one text of several, with how they are to be understood.
func packTexts(how byte, texts []string) []byte {
	size := 1
	for _, f := range texts {
		size += len(f) + 2
	}
	b := append(make([]byte, 0, size), how)
	for _, f := range texts {
		b = append(binary.AppendUvarint(b, uint64(len(f))), f...)
	}
	return b
}

var errPacked = errors.New("what was listed cannot be read back: it is damaged")

// unpackTexts gives the texts that data holds, as the last of n; the first ones are
// left empty.
func unpackTexts(data []byte, n, first int) ([]string, error) {
	texts := make([]string, n)
	all := string(data) // of which they are parts
	for i := first; i < n; i++ {
		size, k := binary.Uvarint(data)
		if k <= 0 || size > uint64(len(data)-k) {
			return nil, errPacked
		}
		end := k + int(size)
		texts[i] = all[k:end]
		data, all = data[end:], all[end:]
	}
	return texts, nil
}
