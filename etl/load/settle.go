package load

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/internal/hubspot"
)

// Floor is the highest ticket id that the account is known to have now; "0" if
// it has none. Tickets that a run creates have higher ones.
func (imp *Importer) Floor(ctx context.Context) (string, error) {
	newest, err := imp.newest(ctx)
	if err == nil && isID(newest) && !usual(newest) {
		var highest string
		highest, err = imp.newest(ctx, hubspot.Filter{Property: RecordID, Operator: "LT", Value: "1" + strings.Repeat("0", 15)})
		if isID(highest) {
			newest = highest
		}
	}
	if err != nil {
		return "", fmt.Errorf("find the newest ticket: %w", err)
	}
	if !isID(newest) {
		return imp.floorOfFew(ctx)
	}
	// A search lags; the list shows what has come since.
	k := known{floor: newest, given: map[string]bool{}}
	t, err := imp.list(ctx, newest)
	for _, id := range t.ids {
		k.raise(id)
	}
	return k.floor, err
}

// floorOfFew is the floor where a search shows no ticket: of an account that has
// none, or few that searches do not see yet, or whose answer has lost its content.
// So the list is asked, and neither is believed at once that there is nothing.
func (imp *Importer) floorOfFew(ctx context.Context) (string, error) {
	k := known{given: map[string]bool{}}
	for range 3 {
		t, err := imp.list(ctx, "")
		if err != nil {
			return "", fmt.Errorf("find the newest ticket: %w", err)
		}
		if len(t.ids) > 0 && !t.whole {
			return "", errors.New("HubSpot's search shows no ticket, but its list very many, so that the newest is not known; nothing was sent, try again later")
		}
		for _, id := range t.ids {
			k.raise(id)
		}
		newest, err := imp.newest(ctx)
		if err != nil {
			return "", fmt.Errorf("find the newest ticket: %w", err)
		}
		if k.raise(newest); isID(k.floor) {
			return k.floor, nil
		}
	}
	return "0", nil
}

func (imp *Importer) newest(ctx context.Context, filters ...hubspot.Filter) (string, error) {
	q := hubspot.SearchRequest{Sorts: []hubspot.Sort{{Property: RecordID, Descending: true}}, Limit: 1, Properties: []string{RecordID}}
	if len(filters) > 0 {
		q.FilterGroups = []hubspot.FilterGroup{{Filters: filters}}
	}
	page, err := imp.client.Search(ctx, tickets, q)
	if err != nil || len(page.Results) == 0 {
		return "", err
	}
	return page.Results[0].ID, nil
}

// judgeDoubts marks the records that an earlier process sent without getting an
// answer, and returns their items.
func judgeDoubts(items []*item) []*item {
	var lost []*item
	for _, it := range items {
		if d := it.rec.Doubt; d != nil {
			it.doubt = d
			it.judge(etl.InDoubt, doubtProblem(fmt.Errorf("it was sent at %s, and the program ended before the answer came", d.Begun.UTC().Format(time.RFC3339))))
			lost = append(lost, it)
		}
	}
	return lost
}

// settle finds out what became of items whose answer was lost, which are
// InDoubt. Those of which it does not find out stay so.
func (imp *Importer) settle(ctx context.Context, items []*item) error {
	if len(items) == 0 || imp.opts.InDoubt == DoubtLeave {
		return nil
	}
	if p := imp.properties[imp.opts.KeyProperty]; p != nil && p.HasUniqueValue && p.Name != RecordID {
		return imp.settleByKey(ctx, items)
	}
	return imp.settleByValues(ctx, items)
}

// found judges an item by the ticket that it became.
func (imp *Importer) found(it *item, o *hubspot.Object, by string) {
	text := "the answer to it was lost; it was found by " + by
	if differ := imp.unlike(it, o.Properties); len(differ) > 0 {
		text += ", and something has changed since: " + strings.Join(differ, ", ")
	}
	it.id = o.ID
	imp.known.remember([]string{o.ID})
	it.judge(etl.Created, settledProblem(text))
	imp.creates.count(it)
}

// unlike are the properties of which the item sent another value.
func (imp *Importer) unlike(it *item, values map[string]string) []string {
	var names []string
	for _, p := range it.rec.Properties {
		if !imp.properties[p.Name].Same(values[p.Name], p.Value) {
			names = append(names, p.Name)
		}
	}
	return names
}

// settleByValues looks for items among the tickets that came since they were
// sent, by their values. The list shows a ticket at once; what is still open
// after it is looked for once more, with a search too, when searches have caught
// up.
func (imp *Importer) settleByValues(ctx context.Context, items []*item) error {
	groups := imp.groups(items)
	if _, err := imp.look(ctx, groups, imp.listed); err != nil {
		return err
	}
	open := unsettled(groups)
	if len(open) == 0 {
		return nil
	}
	if err := imp.awaitIndex(ctx, items); err != nil {
		return err
	}
	seen, err := imp.look(ctx, open, imp.listedAndSearched)
	if err != nil {
		return err
	}
	var again []*item
	for _, g := range unsettled(open) {
		if imp.opts.InDoubt == DoubtResend && seen.whole && len(g.tickets) == 0 && g.unlinked == "" {
			again = append(again, g.items...)
			continue
		}
		g.explain(seen)
	}
	return imp.send(ctx, again)
}

// awaitIndex waits until a search shows all that was written when the items'
// answers were lost. Those of an earlier process were lost before this one began.
func (imp *Importer) awaitIndex(ctx context.Context, items []*item) error {
	wait := imp.opts.SettleWait
	fresh := false
	for _, it := range items {
		fresh = fresh || it.rec.Doubt == nil
	}
	if !fresh {
		wait -= imp.opts.Now().Sub(imp.started)
	}
	if wait <= 0 {
		return nil
	}
	return imp.opts.Wait(ctx, wait)
}

// A group is the items of a batch that have the same values and associations.
// Which of them became which of the tickets with these makes no difference.
type group struct {
	items    []*item
	tickets  []*hubspot.Object // that have these values and associations and belong to nobody
	shared   bool              // one of the tickets fits another group as well
	unlinked string            // says of a ticket which association it lacks, having the values
	settled  bool
}

// groups gathers items by their values and associations.
func (imp *Importer) groups(items []*item) []*group {
	var all []*group
	byText := map[string]*group{}
	for _, it := range items {
		var text strings.Builder
		for _, p := range it.rec.Properties {
			fmt.Fprintf(&text, "%q=%q;", p.Name, p.Value)
		}
		text.WriteString(links(it))
		g := byText[text.String()]
		if g == nil {
			g = &group{}
			byText[text.String()] = g
			all = append(all, g)
		}
		g.items = append(g.items, it)
	}
	return all
}

// links is the text of all associations that an item asks for.
func links(it *item) string { return fmt.Sprint(inline(it.rec.References)) }

func unsettled(groups []*group) []*group {
	var open []*group
	for _, g := range groups {
		if !g.settled {
			open = append(open, g)
		}
	}
	return open
}

// look matches groups with the tickets that where finds, while no create is
// under way, and settles those that are unambiguous.
func (imp *Importer) look(ctx context.Context, groups []*group, where func(context.Context, *etl.Doubt) (tail, error)) (tail, error) {
	imp.sending.Lock()
	defer imp.sending.Unlock()
	seen, err := where(ctx, earliest(groups))
	if err != nil {
		return seen, fmt.Errorf("look for tickets whose answer was lost: %w", err)
	}
	objects, err := imp.free(ctx, &seen, groups)
	if err != nil {
		return seen, fmt.Errorf("look for tickets whose answer was lost: %w", err)
	}
	if err := imp.match(ctx, groups, objects); err != nil {
		return seen, fmt.Errorf("look for tickets whose answer was lost: %w", err)
	}
	for _, g := range groups {
		if g.shared || len(g.tickets) != len(g.items) {
			continue
		}
		g.settled = true
		for i, it := range g.items {
			imp.found(it, g.tickets[i], g.by())
		}
	}
	return seen, nil
}

// earliest is what was known before the first of all items was sent.
func earliest(groups []*group) *etl.Doubt {
	first := *groups[0].items[0].doubt
	for _, g := range groups {
		for _, it := range g.items {
			d := it.doubt
			if d.Begun.Before(first.Begun) {
				first.Begun = d.Begun
			}
			if isID(d.Floor) && (!isID(first.Floor) || compareIDs(d.Floor, first.Floor) < 0) {
				first.Floor = d.Floor
			}
		}
	}
	return &first
}

// by says how a ticket of the group is recognised.
func (g *group) by() string {
	if len(g.items[0].rec.References) > 0 {
		return "its values and associations"
	}
	return "its values"
}

// A pair is a group and a ticket that has its values. The item stands for both.
type pair struct {
	g   *group
	o   *hubspot.Object
	ask *item
}

// match finds the tickets that have the values of each group, and the associations
// that were sent with them: a create stores both or neither.
func (imp *Importer) match(ctx context.Context, groups []*group, objects []*hubspot.Object) error {
	var pairs []pair
	var asks []*item
	for _, g := range groups {
		g.tickets, g.shared, g.unlinked = nil, false, ""
		for _, o := range objects {
			if newer, _ := age(o, earliest([]*group{g})); newer && len(imp.unlike(g.items[0], o.Properties)) == 0 {
				ask := &item{rec: g.items[0].rec, id: o.ID, stored: o.Properties}
				pairs, asks = append(pairs, pair{g, o, ask}), append(asks, ask)
			}
		}
	}
	lacking, err := imp.lacking(ctx, asks)
	if err != nil {
		return err
	}
	fits := map[string][]*group{}
	for _, p := range pairs {
		if l, ok := lacking[p.ask]; ok {
			p.g.unlinked = fmt.Sprintf("ticket %s has its values, but not the association with %s that was sent with it", p.o.ID, l)
			continue
		}
		p.g.tickets = append(p.g.tickets, p.o)
		fits[p.o.ID] = append(fits[p.o.ID], p.g)
	}
	for _, all := range fits {
		for _, g := range all {
			g.shared = len(all) > 1 || g.shared
		}
	}
	return nil
}

// maxNamed is how many tickets a message lists.
const maxNamed = 10

// explain tells of the items of a group why they stay in doubt.
func (g *group) explain(seen tail) {
	var text string
	ids := make([]string, 0, maxNamed)
	for _, o := range g.tickets[:min(len(g.tickets), maxNamed)] {
		ids = append(ids, o.ID)
	}
	switch n := len(g.tickets); {
	case n == 0 && g.unlinked != "":
		text = g.unlinked
	case n == 0 && seen.long:
		text = fmt.Sprintf("more than %d tickets have come since, and not all of them were looked at", maxTail)
	case n == 0 && !seen.whole:
		text = "it was not found among the tickets that have come since, but not all of them could be read"
	case n == 0:
		text = "no ticket that has come since has its values"
	default:
		text = fmt.Sprintf("%d rows with these values were sent, and %d tickets that have come since have them: %s", len(g.items), n, strings.Join(ids, ", "))
	}
	for _, it := range g.items {
		for i := range it.out.Problems {
			it.out.Problems[i].Message += "; " + text
		}
	}
}

// A tail is the tickets that came after a batch was begun.
type tail struct {
	ids   []string
	whole bool // none is missing
	long  bool // there are more than are looked at
}

// Bounds on the work for one batch.
const (
	maxTail = 20_000 // tickets whose ids are read
	maxHead = 1_000  // the same, where no ticket is known to have been there before
	maxFree = 2_000  // tickets whose values are read
)

func (imp *Importer) listed(ctx context.Context, d *etl.Doubt) (tail, error) {
	return imp.list(ctx, d.Floor)
}

func (imp *Importer) listedAndSearched(ctx context.Context, d *etl.Doubt) (tail, error) {
	l, err := imp.list(ctx, d.Floor)
	if err != nil {
		return l, err
	}
	s, err := imp.search(ctx, d)
	if err == nil && len(s.ids) == 0 && s.whole {
		s, err = imp.search(ctx, d) // an answer that lost its content looks the same
	}
	if err != nil {
		return s, err
	}
	return tail{ids: append(l.ids, s.ids...), whole: l.whole || s.whole, long: l.long || s.long}, nil
}

// list reads the ids from floor on; where no floor is known, those of an
// account that is as good as empty. HubSpot does not document that a list can
// begin at any id, so the answer counts only if it begins with the floor, which
// is there, and goes on in ascending order.
func (imp *Importer) list(ctx context.Context, floor string) (tail, error) {
	q, most := hubspot.ListQuery{Properties: []string{RecordID}}, maxHead
	if isID(floor) {
		q.After, most = below(floor), maxTail
	}
	var t tail
	last := ""
	for len(t.ids) < most {
		page, err := imp.client.List(ctx, tickets, q)
		if refused(err) {
			return tail{}, nil
		}
		if err != nil {
			return tail{}, err
		}
		for i := range page.Results {
			id := page.Results[i].ID
			if compareIDs(id, last) <= 0 || last == "" && isID(floor) && id != floor {
				return tail{}, nil
			}
			if id != floor {
				t.ids = append(t.ids, id)
			}
			last = id
		}
		if page.After == "" || page.After == q.After {
			t.whole = last != "" && page.After == ""
			return t, nil
		}
		q.After = page.After
	}
	t.long = isID(floor)
	return t, nil
}

// search finds the ids from the floor on, or, where there is no floor that says
// anything, those of tickets of that time. It counts as whole only if it shows
// the floor, too: an index that lags, or an answer that lost its content, does
// not.
func (imp *Importer) search(ctx context.Context, d *etl.Doubt) (tail, error) {
	byID := isID(d.Floor) && usual(d.Floor)
	from := hubspot.Filter{Property: createdName, Operator: "GTE", Value: fmt.Sprint(d.Begun.Add(-clockSkew).UnixMilli())}
	filters := []hubspot.Filter{from}
	if byID {
		filters = []hubspot.Filter{{Property: RecordID, Operator: "GTE", Value: d.Floor}}
	}
	t := tail{whole: !byID}
	last := ""
	for len(t.ids) < maxTail {
		page, err := imp.client.Search(ctx, tickets, hubspot.SearchRequest{
			FilterGroups: []hubspot.FilterGroup{{Filters: filters}},
			Sorts:        []hubspot.Sort{{Property: RecordID}}, Properties: []string{RecordID},
		})
		if refused(err) {
			return tail{}, nil
		}
		if err != nil {
			return tail{}, err
		}
		for i := range page.Results {
			id := page.Results[i].ID
			if compareIDs(id, last) <= 0 {
				return tail{ids: t.ids}, nil // out of order: it would not come to an end
			}
			last = id
			if byID && id == d.Floor {
				t.whole = true
				continue
			}
			t.ids = append(t.ids, id)
		}
		if page.After == "" || len(page.Results) == 0 {
			return t, nil
		}
		above := hubspot.Filter{Property: RecordID, Operator: "GT", Value: last}
		if filters = []hubspot.Filter{above}; !byID {
			filters = []hubspot.Filter{from, above}
		}
	}
	t.whole, t.long = false, true
	return t, nil
}

// free reads those tickets of the tail that no record of the run has.
func (imp *Importer) free(ctx context.Context, t *tail, groups []*group) ([]*hubspot.Object, error) {
	ids, err := imp.unclaimed(ctx, t.ids)
	if err != nil {
		return nil, err
	}
	if len(ids) > maxFree {
		ids, t.long, t.whole = ids[:0], true, false
	}
	var items []*item
	for _, g := range groups {
		items = append(items, g.items...)
	}
	found, err := imp.read(ctx, ids, append(imp.names(items), createdName))
	if err != nil {
		return nil, err
	}
	objects := make([]*hubspot.Object, 0, len(found))
	for _, id := range ids {
		if o := found[id]; o != nil {
			objects = append(objects, o)
		} else {
			t.whole = false // archived since, or an answer that lost its content
		}
	}
	return objects, nil
}

func (imp *Importer) unclaimed(ctx context.Context, ids []string) ([]string, error) {
	seen := make(map[string]bool, len(ids))
	var open []string
	for _, id := range ids {
		if !seen[id] && !imp.known.isGiven(id) {
			seen[id] = true
			open = append(open, id)
		}
	}
	if imp.opts.Ledger == nil || len(open) == 0 {
		return open, nil
	}
	claimed, err := imp.opts.Ledger.Claimed(ctx, open)
	if err != nil {
		return nil, errors.Join(errors.New("ask the journal which tickets are taken"), err)
	}
	free := open[:0]
	for _, id := range open {
		if !claimed[id] {
			free = append(free, id)
		}
	}
	return free, nil
}
