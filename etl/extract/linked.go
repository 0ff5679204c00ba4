package extract

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/ticketetl/ticketetl/internal/hubspot"
)

// A Linked is a property of the records that a ticket is associated with, which
// becomes a column "contacts.email".
type Linked struct {
	To       string // object type
	Property string // internal name; empty: the id
	TypeID   int    // only records that are associated by this type; 0: all
	Sign     string // between the values of several records; empty: ';'
}

// Column is the name of its column.
func (l Linked) Column() string {
	name := l.To + "." + l.Property
	if l.TypeID != 0 {
		name += "#" + strconv.Itoa(l.TypeID)
	}
	return name
}

// maxLinked bounds how many records of each object type are remembered, so that a
// company that many tickets have is not read for each of their pages.
const maxLinked = 50_000

// linked are the properties of associated records.
type linked struct {
	wanted map[string][]string // names of properties, by object type

	mu    sync.Mutex
	known map[string]map[string][]string // object type -> id -> values, as wanted
}

func newLinked(all []Linked) *linked {
	l := &linked{wanted: map[string][]string{}, known: map[string]map[string][]string{}}
	for _, one := range all {
		if one.Property == "" || slices.Contains(l.wanted[one.To], one.Property) {
			continue
		}
		l.wanted[one.To] = append(l.wanted[one.To], one.Property)
		l.known[one.To] = map[string][]string{}
	}
	return l
}

// read reads what is not known of the records that tickets are associated with,
// 100 in a call, and returns all that is known, by object type and id.
func (l *linked) read(ctx context.Context, client *hubspot.Client, tickets []hubspot.Object) (map[string]map[string][]string, error) {
	found := map[string]map[string][]string{}
	for to, names := range l.wanted {
		values, missing := l.remembered(to, tickets)
		for part := range slices.Chunk(missing, hubspot.MaxBatch) {
			objects, _, err := client.ReadBatch(ctx, to, hubspot.BatchRead{IDs: part, Properties: names})
			if err != nil {
				return nil, err
			}
			for _, o := range objects {
				row := make([]string, len(names))
				for i, name := range names {
					row[i] = o.Properties[name]
				}
				values[o.ID] = row
			}
		}
		l.remember(to, missing, values)
		found[to] = values
	}
	return found, nil
}

// remembered are the values that are known, and the ids of which nothing is.
func (l *linked) remembered(to string, tickets []hubspot.Object) (values map[string][]string, missing []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	values = map[string][]string{}
	asked := map[string]bool{}
	for i := range tickets {
		for _, a := range tickets[i].Associations[to] {
			if row, ok := l.known[to][a.ID]; ok {
				values[a.ID] = row
			} else if !asked[a.ID] {
				asked[a.ID] = true
				missing = append(missing, a.ID)
			}
		}
	}
	return values, missing
}

func (l *linked) remember(to string, ids []string, values map[string][]string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.known[to])+len(ids) > maxLinked {
		l.known[to] = map[string][]string{}
	}
	for _, id := range ids {
		l.known[to][id] = values[id] // nil for one that is gone
	}
}

// linkedText is the column of one property: a value for each associated record, in
// the order of their ids, parted by ';'. One without a value has an empty place.
func (t *Tickets) linkedText(o *hubspot.Object, l Linked, found *linkedValues) string {
	at := slices.Index(t.linked.wanted[l.To], l.Property)
	var values []string
	for _, id := range idsInOrder(o.Associations[l.To]) {
		if l.TypeID != 0 && !slices.Contains(found.types[l.To][o.ID][id], l.TypeID) {
			continue
		}
		value := ""
		if l.Property == "" {
			value = id
		} else if row := found.values[l.To][id]; row != nil {
			value = row[at]
		}
		values = append(values, value)
	}
	return strings.Join(values, cmp.Or(l.Sign, ";"))
}

// linkedValues are what is known of the records that some tickets are associated with.
type linkedValues struct {
	values map[string]map[string][]string         // object type -> id -> properties as wanted
	types  map[string]map[string]map[string][]int // object type -> ticket -> id -> association types
}

// readLinked reads what the columns say of associated records.
func (t *Tickets) readLinked(ctx context.Context, tickets []hubspot.Object) (_ *linkedValues, err error) {
	found := &linkedValues{types: map[string]map[string]map[string][]int{}}
	if found.values, err = t.linked.read(ctx, t.client, tickets); err != nil {
		return nil, err
	}
	for _, l := range t.opts.Linked {
		if l.TypeID == 0 || found.types[l.To] != nil {
			continue
		}
		if found.types[l.To], err = t.readTypes(ctx, l.To, tickets); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// readTypes reads by which types tickets are associated, which a listing does not say.
func (t *Tickets) readTypes(ctx context.Context, to string, tickets []hubspot.Object) (map[string]map[string][]int, error) {
	types := map[string]map[string][]int{}
	var ids []string
	for i := range tickets {
		if len(tickets[i].Associations[to]) > 0 {
			ids = append(ids, tickets[i].ID)
		}
	}
	if len(ids) == 0 {
		return types, nil
	}
	all, err := t.client.ReadAssociations(ctx, "tickets", to, ids)
	if err != nil {
		return nil, err
	}
	for ticket, associated := range all {
		types[ticket] = map[string][]int{}
		for _, a := range associated {
			for _, typ := range a.Types {
				types[ticket][a.ToID] = append(types[ticket][a.ToID], typ.TypeID)
			}
		}
	}
	return types, nil
}
