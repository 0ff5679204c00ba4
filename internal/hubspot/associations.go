package hubspot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// An AssociationWrite is a pair of records and the types between them.
type AssociationWrite struct {
	FromID, ToID string
	Types        []TypeSpec
}

// An Associated is a record that another one is associated with.
type Associated struct {
	ToID  string
	Types []AssociationType
}

// An AssociationType is one kind of association between two records.
type AssociationType struct {
	Category string `json:"category"`
	TypeID   int    `json:"typeId"`
	Label    string `json:"label"` // "" = the unlabeled type
}

// AssociateBatch sets the types between up to MaxAssociations pairs of records:
// types that a pair has and that are not given again are taken away. It returns
// one Result per input, in input order, with ID the ToID.
// Source: POST /crm/v4/associations/{from}/{to}/batch/create.
func (c *Client) AssociateBatch(ctx context.Context, from, to string, in []AssociationWrite) ([]Result, error) {
	if err := checkTypes(in); err != nil {
		return nil, fmt.Errorf("associate %s with %s: %w", from, to, err)
	}
	return c.associate(ctx, from, to, "batch/create", in, true)
}

// AssociateDefaultBatch associates up to MaxAssociations pairs of records
// without a label; Types are not used. Results are those of AssociateBatch.
// Source: POST /crm/v4/associations/{from}/{to}/batch/associate/default.
func (c *Client) AssociateDefaultBatch(ctx context.Context, from, to string, in []AssociationWrite) ([]Result, error) {
	return c.associate(ctx, from, to, "batch/associate/default", in, false)
}

func (c *Client) associate(ctx context.Context, from, to, rest string, in []AssociationWrite, types bool) ([]Result, error) {
	if err := checkPairs(from, to, in); err != nil {
		return nil, fmt.Errorf("associate %s with %s: %w", from, to, err)
	}
	var results []Result
	err := c.do(ctx, &call{
		method: http.MethodPost, path: c.paths.associations(from, to, rest), body: appendPairs(nil, in, types), bucket: exempt,
		decode: func(data []byte) (err error) {
			results, err = pairAssociations(in, data)
			return err
		},
	})
	if err != nil {
		return nil, fmt.Errorf("associate %d %s with %s: %w", len(in), from, to, err)
	}
	return results, nil
}

// DissociateBatch takes away all associations between up to MaxAssociations
// pairs of records; Types are not used. Pairs without any are no error.
// Source: POST /crm/v4/associations/{from}/{to}/batch/archive.
func (c *Client) DissociateBatch(ctx context.Context, from, to string, in []AssociationWrite) error {
	if err := checkPairs(from, to, in); err != nil {
		return fmt.Errorf("dissociate %s from %s: %w", from, to, err)
	}
	return c.dissociate(ctx, from, to, "batch/archive", appendGroups(nil, in), len(in))
}

// RemoveLabelsBatch takes away the given types between up to MaxAssociations
// pairs of records. With the unlabeled type go all others.
// Source: POST /crm/v4/associations/{from}/{to}/batch/labels/archive.
func (c *Client) RemoveLabelsBatch(ctx context.Context, from, to string, in []AssociationWrite) error {
	if err := checkTypes(in); err != nil {
		return fmt.Errorf("remove labels between %s and %s: %w", from, to, err)
	}
	if err := checkPairs(from, to, in); err != nil {
		return fmt.Errorf("remove labels between %s and %s: %w", from, to, err)
	}
	return c.dissociate(ctx, from, to, "batch/labels/archive", appendPairs(nil, in, true), len(in))
}

func (c *Client) dissociate(ctx context.Context, from, to, rest string, body []byte, n int) error {
	err := c.do(ctx, &call{
		method: http.MethodPost, path: c.paths.associations(from, to, rest), body: body, bucket: exempt, decode: decodeNothing,
	})
	if err != nil {
		return fmt.Errorf("dissociate %d %s from %s: %w", n, from, to, err)
	}
	return nil
}

// RemoveAssociation takes away one association of one ticket.
// Source: DELETE /crm/v3/objects/tickets/{ticketId}/associations/{toObjectType}/{toObjectId}/{associationTypeId}.
func (c *Client) RemoveAssociation(ctx context.Context, ticketID, toType, toID string, typeID int) error {
	if err := checkParts("the object type", toType); err != nil {
		return err
	}
	if err := checkParts("the id", ticketID, toID); err != nil {
		return err
	}
	err := c.do(ctx, &call{method: http.MethodDelete, path: c.paths.association(ticketID, toType, toID, typeID)})
	if err != nil {
		return fmt.Errorf("dissociate one of tickets from %s: %w", toType, err)
	}
	return nil
}

// maxAssociatedPages bounds how often ReadAssociations asks on: HubSpot allows
// 10,000 associations from one record to another type, hundreds to the page.
const maxAssociatedPages = 1000

// ReadAssociations reads what up to MaxAssociated records are associated with,
// all pages of it, by the id of the record. One without associations is not in
// the map, and neither is one that does not exist: HubSpot does not tell them
// apart. Order means nothing; the primary company is known by its type.
//
// HubSpot names the records that have none. Those of which an answer says nothing
// are asked for again, and then looked at one by one. If HubSpot still says nothing
// about associations that are there, the error is ErrGaveUp.
//
// Source: POST /crm/v4/associations/{from}/{to}/batch/read.
func (c *Client) ReadAssociations(ctx context.Context, from, to string, ids []string) (map[string][]Associated, error) {
	ids = unique(ids)
	if err := checkPair(from, to); err != nil {
		return nil, err
	}
	if err := checkIDs(from, ids, MaxAssociated); err != nil {
		return nil, fmt.Errorf("read associations of %s: %w", from, err)
	}
	r := associatedReading{client: c, from: from, to: to, asked: make([]cursor, len(ids)), found: make(map[string][]Associated, len(ids))}
	for i, id := range ids {
		r.asked[i].id = id
	}
	if err := r.read(ctx); err != nil {
		return nil, fmt.Errorf("read associations of %d %s with %s: %w", len(ids), from, to, err)
	}
	return r.found, nil
}

// An associatedReading is a ReadAssociations on its way.
type associatedReading struct {
	client   *Client
	from, to string
	asked    []cursor // what is left to ask
	found    map[string][]Associated
	quiet    int // answers in a row that said nothing
	sifted   bool
}

// A cursor is where to go on with one record.
type cursor struct{ id, after string }

func (r *associatedReading) read(ctx context.Context) error {
	for range maxAssociatedPages {
		if err := r.page(ctx); err != nil {
			return err
		}
		if r.quiet > maxRounds {
			if r.sifted {
				return mark(errSilent, ErrGaveUp)
			}
			if err := r.sift(ctx); err != nil {
				return err
			}
		}
		if len(r.asked) == 0 {
			return nil
		}
	}
	return fmt.Errorf("no end after %d pages", maxAssociatedPages)
}

// page reads one page of each record that is left to ask.
func (r *associatedReading) page(ctx context.Context) error {
	var page associatedPage
	err := r.client.do(ctx, &call{
		method: http.MethodPost, path: r.client.paths.associations(r.from, r.to, "batch/read"), body: appendCursors(nil, r.asked),
		bucket: exempt, reads: true, decode: page.decode,
	})
	if err != nil {
		return err
	}
	said, nameless := page.none()
	var next []cursor
	for _, p := range page.Results {
		id, after := string(p.From.ID), string(p.Paging.Next.After)
		i := slices.IndexFunc(r.asked, func(c cursor) bool { return c.id == id })
		if i < 0 {
			continue // not asked for
		}
		said[id] = true
		r.found[id] = addAssociated(r.found[id], p.To)
		if after == "" {
			continue
		}
		if after == r.asked[i].after {
			return fmt.Errorf("the cursor of one of the %s does not move", r.from)
		}
		next = append(next, cursor{id, after})
	}
	asked := len(r.asked)
	silent := slices.DeleteFunc(r.asked, func(c cursor) bool { return said[c.id] })
	if nameless >= len(silent) {
		silent = nil
	}
	if r.quiet++; len(silent) < asked {
		r.quiet = 0
	}
	r.asked = append(next, silent...)
	return nil
}

// sift leaves out the records that have no associations. An answer about one
// record names it, so that it cannot have lost its content.
func (r *associatedReading) sift(ctx context.Context) error {
	asked := r.asked
	r.asked, r.quiet, r.sifted = nil, 0, true
	for _, c := range asked {
		o, err := r.client.Get(ctx, r.from, c.id, GetQuery{Associations: []string{r.to}})
		var refusal *Error
		switch {
		case err == nil && len(o.Associations[r.to]) == 0, errors.As(err, &refusal) && refusal.Status == http.StatusNotFound:
		case err != nil:
			return err
		default:
			r.asked = append(r.asked, c)
		}
	}
	return nil
}

type associatedPage struct {
	Results []struct {
		From   wireID           `json:"from"`
		To     []wireAssociated `json:"to"`
		Paging paging           `json:"paging"`
	} `json:"results"`
	Errors []map[string]json.RawMessage `json:"errors"`
}

type wireID struct {
	ID flexID `json:"id"`
}

type wireAssociated struct {
	ToID  flexID            `json:"toObjectId"`
	Types []AssociationType `json:"associationTypes"`
}

func (p *associatedPage) decode(data []byte) error {
	*p = associatedPage{}
	if err := json.Unmarshal(data, p); err != nil {
		return err
	}
	if p.Results == nil && len(p.Errors) == 0 {
		return errNoResults
	}
	for _, item := range p.Errors {
		e := itemError(item)
		if e.Category != "OBJECT_NOT_FOUND" && !strings.Contains(e.SubCategory, "NO_ASSOCIATIONS_FOUND") {
			return e
		}
	}
	return nil
}

// none are the records that the answer calls ones without associations, and the
// number of its errors that name nobody.
func (p *associatedPage) none() (named map[string]bool, nameless int) {
	named = map[string]bool{}
	for _, item := range p.Errors {
		e := itemError(item)
		ids := append(slices.Clip(e.Context["fromObjectId"]), e.Context["ids"]...)
		if len(ids) == 0 {
			nameless++
		}
		for _, id := range ids {
			named[id] = true
		}
	}
	return named, nameless
}

func addAssociated(list []Associated, more []wireAssociated) []Associated {
	for _, a := range more {
		id := string(a.ToID)
		if i := slices.IndexFunc(list[:min(len(list), 100)], func(b Associated) bool { return b.ToID == id }); i >= 0 {
			list[i].Types = append(list[i].Types, a.Types...)
			continue
		}
		list = append(list, Associated{ToID: id, Types: a.Types})
	}
	return list
}

func checkPair(from, to string) error {
	return checkParts("the object type", from, to)
}

func checkPairs(from, to string, in []AssociationWrite) error {
	if err := checkPair(from, to); err != nil {
		return err
	}
	if err := checkBatch(from, len(in), MaxAssociations); err != nil {
		return err
	}
	seen := make(map[[2]string]int, len(in))
	for i, w := range in {
		if w.FromID == "" || w.ToID == "" {
			return fmt.Errorf("an id of input %d is empty", i)
		}
		key := [2]string{w.FromID, w.ToID}
		if first, ok := seen[key]; ok {
			return fmt.Errorf("inputs %d and %d name the same pair; give all its types in one", first, i)
		}
		seen[key] = i
	}
	return nil
}

func checkTypes(in []AssociationWrite) error {
	for i, w := range in {
		if len(w.Types) == 0 {
			return fmt.Errorf("input %d names no association type", i)
		}
	}
	return nil
}

// appendGroups appends pairs, the records of each from together.
func appendGroups(b []byte, in []AssociationWrite) []byte {
	var order []string
	groups := map[string][]string{}
	for _, w := range in {
		if groups[w.FromID] == nil {
			order = append(order, w.FromID)
		}
		groups[w.FromID] = append(groups[w.FromID], w.ToID)
	}
	b = append(b, `{"inputs":[`...)
	for i, from := range order {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(append(b, `{"from":{"id":`...), from)
		b = append(appendIDs(append(b, `},"to":`...), groups[from]), '}')
	}
	return append(b, `]}`...)
}

func appendCursors(b []byte, asked []cursor) []byte {
	b = append(b, `{"inputs":[`...)
	for i, a := range asked {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(append(b, `{"id":`...), a.id)
		if a.after != "" {
			b = appendString(append(b, `,"after":`...), a.after)
		}
		b = append(b, '}')
	}
	return append(b, `]}`...)
}

// pairAssociations tells from an answer what became of each pair. Associations
// have no trace ids; the two ids of a pair name it. An answer to the unlabeled
// call may list each association in both directions.
func pairAssociations(in []AssociationWrite, data []byte) ([]Result, error) {
	var w struct {
		Results []struct {
			FromID flexID `json:"fromObjectId"`
			ToID   flexID `json:"toObjectId"`
			From   wireID `json:"from"`
			To     wireID `json:"to"`
		} `json:"results"`
		Errors []map[string]json.RawMessage `json:"errors"`
	}
	if err := json.Unmarshal(data, &w); err != nil {
		return nil, err
	}
	if len(w.Results) == 0 && len(w.Errors) == 0 {
		return nil, errMentionsNothing
	}
	stored := make(map[[2]string]bool, len(w.Results))
	for _, r := range w.Results {
		stored[[2]string{string(r.FromID + r.From.ID), string(r.ToID + r.To.ID)}] = true
	}
	p := pairing{results: make([]Result, len(in)), open: make([]bool, len(in))}
	for i, a := range in {
		if p.open[i] = !stored[[2]string{a.FromID, a.ToID}]; !p.open[i] {
			p.results[i].ID = a.ToID
			p.judged++
		}
	}
	var nameless []*Error
	for _, item := range w.Errors {
		e := itemError(item)
		named := namedPairs(in, e)
		for _, i := range named {
			p.fail(i+1, e)
		}
		if len(named) == 0 {
			nameless = append(nameless, e)
		}
	}
	p.settle(nameless)
	return p.results, nil
}

// namedPairs finds the pairs that an error names. Its context may hold both
// ids, or only the one that is at fault.
func namedPairs(in []AssociationWrite, e *Error) []int {
	from, to := e.Context["fromObjectId"], e.Context["toObjectId"]
	var others []string
	for _, name := range []string{"ids", "INVALID_OBJECT_IDS", "objectIds"} {
		others = append(others, e.Context[name]...)
	}
	var at []int
	for i, a := range in {
		both := (len(from) == 0 || slices.Contains(from, a.FromID)) && (len(to) == 0 || slices.Contains(to, a.ToID))
		if len(from)+len(to) > 0 && both || slices.Contains(others, a.FromID) || slices.Contains(others, a.ToID) {
			at = append(at, i)
		}
	}
	return at
}
