package load

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/internal/hubspot"
)

// unlabeled are the association types ticket -> X that carry no label.
// Source: association type ids, hubspot.com "Associations v4", HUBSPOT_DEFINED.
var unlabeled = map[string]int{"contacts": 16, "companies": 339, "deals": 28, "tickets": 452}

const hubspotDefined = "HUBSPOT_DEFINED"

// typeOf is the association type that a reference asks for.
func typeOf(ref *etl.Reference) (hubspot.TypeSpec, bool) {
	if ref.TypeID != 0 {
		return hubspot.TypeSpec{Category: ref.Category, TypeID: ref.TypeID}, true
	}
	id, ok := unlabeled[ref.To]
	return hubspot.TypeSpec{Category: hubspotDefined, TypeID: id}, ok
}

// inline is the associations part of a create: one entry a target, with all
// labels that the record asks for.
func inline(refs []etl.Reference) []hubspot.AssociationInput {
	var out []hubspot.AssociationInput
	at := map[string]int{}
	for i := range refs {
		spec, ok := typeOf(&refs[i])
		if !ok || refs[i].ID == "" {
			continue
		}
		target := refs[i].To + "/" + refs[i].ID
		k, known := at[target]
		if !known {
			k = len(out)
			at[target] = k
			out = append(out, hubspot.AssociationInput{ToID: refs[i].ID})
		}
		if !slices.Contains(out[k].Types, spec) {
			out[k].Types = append(out[k].Types, spec)
		}
	}
	return out
}

// A link is one pair of ticket and record, with what is wanted between them.
type link struct {
	it    *item
	toID  string
	types []hubspot.TypeSpec // empty: the default, unlabeled one
}

// associate adds the associations that items ask for and their tickets have
// not yet. Items are judged already; one whose association fails becomes
// Failed, one that gains some becomes Updated or, where nothing else was to be
// done, Associated.
func (imp *Importer) associate(ctx context.Context, items []*item) error {
	for to, links := range wanted(items) {
		have, err := imp.existing(ctx, to, links)
		if err != nil {
			return err
		}
		var plain, labelled []link
		for _, l := range links {
			switch l, need := missing(l, have[l.it.id]); {
			case !need:
			case len(l.types) == 0:
				plain = append(plain, l)
			default:
				labelled = append(labelled, l)
			}
		}
		if err := imp.link(ctx, to, plain, imp.client.AssociateDefaultBatch); err != nil {
			return err
		}
		if err := imp.link(ctx, to, labelled, imp.client.AssociateBatch); err != nil {
			return err
		}
	}
	return nil
}

// wanted gathers the links of items by object type, one for each pair of ticket
// and target, also where several rows name the same pair.
func wanted(items []*item) map[string][]link {
	type pair struct{ ticket, to, target string }
	out := map[string][]link{}
	at := map[pair]int{}
	for _, it := range items {
		for i := range it.rec.References {
			ref := &it.rec.References[i]
			if ref.ID == "" {
				continue
			}
			p := pair{it.id, ref.To, ref.ID}
			k, known := at[p]
			if !known {
				k = len(out[ref.To])
				at[p] = k
				out[ref.To] = append(out[ref.To], link{it: it, toID: ref.ID})
			}
			if ref.TypeID != 0 {
				l := &out[ref.To][k]
				l.types = append(l.types, hubspot.TypeSpec{Category: ref.Category, TypeID: ref.TypeID})
			}
		}
	}
	return out
}

// maxReadAssociations bounds one batch read of associations; HubSpot allows
// 1,000. A batch of tickets has a hundred.
const maxReadAssociations = hubspot.MaxBatch

// existing reads what the tickets of links are associated with. Tickets that
// this run has just created have nothing yet and are not asked for.
func (imp *Importer) existing(ctx context.Context, to string, links []link) (map[string][]hubspot.Associated, error) {
	var old []*item
	for _, l := range links {
		if l.it.stored != nil {
			old = append(old, l.it)
		}
	}
	have := map[string][]hubspot.Associated{}
	for part := range slices.Chunk(ticketIDs(old), maxReadAssociations) {
		found, err := imp.client.ReadAssociations(ctx, tickets, to, part)
		if err != nil {
			return nil, fmt.Errorf("read associations of tickets with %s: %w", to, err)
		}
		for id, a := range found {
			have[id] = a
		}
	}
	return have, nil
}

// missing says whether l is to be written. Writing labels replaces those
// between the two records, so the ones that are there are sent along.
func missing(l link, have []hubspot.Associated) (link, bool) {
	i := slices.IndexFunc(have, func(a hubspot.Associated) bool { return a.ToID == l.toID })
	if i < 0 {
		return l, true
	}
	need := false
	for _, want := range l.types {
		if !slices.ContainsFunc(have[i].Types, func(t hubspot.AssociationType) bool { return t.TypeID == want.TypeID && t.Category == want.Category }) {
			need = true
		}
	}
	if !need {
		return l, false
	}
	for _, t := range have[i].Types {
		spec := hubspot.TypeSpec{Category: t.Category, TypeID: t.TypeID}
		if t.Label != "" && !slices.Contains(l.types, spec) {
			l.types = append(l.types, spec)
		}
	}
	return l, true
}

// maxLinks bounds one batch call that writes associations; HubSpot allows 2,000.
// Few inputs keep narrowing a refusal down short.
const maxLinks = hubspot.MaxBatch

// link writes links in as few calls as possible. A call that is refused as a
// whole is narrowed down, like a batch of tickets.
func (imp *Importer) link(ctx context.Context, to string, links []link, write func(context.Context, string, string, []hubspot.AssociationWrite) ([]hubspot.Result, error)) error {
	if imp.opts.DryRun {
		for _, l := range links {
			l.it.gained()
		}
		return nil
	}
	n := narrowing[link]{
		send: func(part []link) (bool, error) {
			results, err := write(ctx, tickets, to, writes(part))
			return judgeLinks(to, part, results, err)
		},
		refuse:  func(l link, err error) { l.settle(to, err) },
		suspect: link.suspected,
	}
	for part := range slices.Chunk(links, maxLinks) {
		n.misled = false
		if _, err := n.try(part); err != nil {
			return err
		}
	}
	return nil
}

// judgeLinks notes how the links of one call ended; see judgeResults.
func judgeLinks(to string, links []link, results []hubspot.Result, err error) (clean bool, _ error) {
	lost := errors.Is(err, hubspot.ErrInDoubt)
	if err != nil && !lost {
		return false, err
	}
	clean = !lost
	for i, l := range links {
		one := err
		if !lost {
			one = results[i].Err
		}
		l.settle(to, one)
		clean = clean && one == nil
	}
	return clean, nil
}

// suspected says that an error speaks of the link, by an id of either side.
func (l link) suspected(err error) bool {
	var e *hubspot.Error
	if !errors.As(err, &e) {
		return false
	}
	for _, ids := range e.Context {
		if slices.Contains(ids, l.toID) || slices.Contains(ids, l.it.id) {
			return true
		}
	}
	return false
}

func writes(links []link) []hubspot.AssociationWrite {
	out := make([]hubspot.AssociationWrite, len(links))
	for i, l := range links {
		out[i] = hubspot.AssociationWrite{FromID: l.it.id, ToID: l.toID, Types: l.types}
	}
	return out
}

// settle notes how one link ended on the item that asked for it.
func (l link) settle(to string, err error) {
	if err == nil {
		l.it.gained()
		return
	}
	status := etl.Failed
	problems := problemsOf(err)
	if errors.Is(err, hubspot.ErrInDoubt) {
		status, problems = etl.InDoubt, []etl.Problem{doubtProblem(err)}
	}
	for i := range problems {
		problems[i].Message = fmt.Sprintf("the ticket is stored as %s, but its association with %s %s is not: %s", l.it.id, to, l.toID, problems[i].Message)
		problems[i].Column, problems[i].Value = l.column(to), l.value(to)
	}
	l.it.judge(status, append(l.it.out.Problems, problems...)...)
}

// column and value name the cell from which the link comes.
func (l link) column(to string) int {
	if ref := l.reference(to); ref != nil {
		return ref.Column
	}
	return -1
}

func (l link) value(to string) string {
	if ref := l.reference(to); ref != nil {
		return ref.Value
	}
	return ""
}

func (l link) reference(to string) *etl.Reference {
	for i := range l.it.rec.References {
		if ref := &l.it.rec.References[i]; ref.To == to && ref.ID == l.toID {
			return ref
		}
	}
	return nil
}

// gained notes that the ticket's associations have changed.
func (it *item) gained() {
	if it.out.Status != etl.Unchanged {
		return
	}
	status := etl.Updated
	if len(it.rec.Properties) == 0 {
		status = etl.Associated
	}
	it.judge(status)
}

// dissociate removes the associations that items name: the label where one is
// named, every type between the two records otherwise.
func (imp *Importer) dissociate(ctx context.Context, items []*item) error {
	for to, links := range wanted(items) {
		have, err := imp.existing(ctx, to, links)
		if err != nil {
			return err
		}
		var whole, labels []link
		for _, l := range links {
			switch l, there := present(l, have[l.it.id]); {
			case !there:
			case len(l.types) == 0:
				whole = append(whole, l)
			default:
				labels = append(labels, l)
			}
		}
		if err := imp.link(ctx, to, whole, judging(imp.client.DissociateBatch)); err != nil {
			return err
		}
		if err := imp.link(ctx, to, labels, judging(imp.client.RemoveLabelsBatch)); err != nil {
			return err
		}
	}
	return nil
}

// present says whether there is anything of l to remove, and narrows its types
// to those that are there.
func present(l link, have []hubspot.Associated) (link, bool) {
	i := slices.IndexFunc(have, func(a hubspot.Associated) bool { return a.ToID == l.toID })
	if i < 0 {
		return l, false
	}
	if len(l.types) == 0 {
		return l, true
	}
	l.types = slices.DeleteFunc(slices.Clone(l.types), func(s hubspot.TypeSpec) bool {
		return !slices.ContainsFunc(have[i].Types, func(t hubspot.AssociationType) bool { return t.TypeID == s.TypeID && t.Category == s.Category })
	})
	return l, len(l.types) > 0
}

// judging gives a call that answers for all its inputs at once the shape of one
// that answers for each.
func judging(call func(context.Context, string, string, []hubspot.AssociationWrite) error) func(context.Context, string, string, []hubspot.AssociationWrite) ([]hubspot.Result, error) {
	return func(ctx context.Context, from, to string, in []hubspot.AssociationWrite) ([]hubspot.Result, error) {
		return make([]hubspot.Result, len(in)), call(ctx, from, to, in)
	}
}
