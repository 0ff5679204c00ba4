package resolve

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/ticketetl/ticketetl/internal/hubspot"
)

// maxListed bounds how many ids of an ambiguous value are kept.
const maxListed = 10

// ask looks values up and returns the ids found for each, by value as asked.
func (r *Resolver) ask(ctx context.Context, look lookup, values []string) (map[string][]string, error) {
	found := map[string][]string{}
	for len(values) > 0 {
		n := min(len(values), hubspot.MaxBatch)
		var err error
		if look.match == "domain" {
			n = fitting(values[:n])
			err = r.searchDomains(ctx, look.to, values[:n], found)
		} else {
			err = r.readKeys(ctx, look, values[:n], found)
		}
		if err != nil {
			return nil, err
		}
		values = values[n:]
	}
	return found, nil
}

// maxSearchBody bounds the values of one search, in bytes: a search may have a
// body of 3,000 characters, of which the rest takes some 150.
const maxSearchBody = 2800

// fitting is how many of values, at least one, fit into one search.
func fitting(values []string) int {
	size := 0
	for i, v := range values {
		if size += len(strconv.Quote(v)) + 1; size > maxSearchBody && i > 0 {
			return i
		}
	}
	return len(values)
}

func (r *Resolver) called(look lookup) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tally(look).Calls++
}

// readKeys reads records by id or by a unique property. Batch read sees a
// record at once after it was written, which search does not.
func (r *Resolver) readKeys(ctx context.Context, look lookup, values []string, found map[string][]string) error {
	q := hubspot.BatchRead{IDs: values, IDProperty: look.match, Properties: []string{look.match}}
	switch look.match {
	case "id":
		q.IDProperty, q.Properties = "", []string{"hs_object_id"}
	case "email":
		// A contact is also found by its further addresses.
		q.Properties = []string{"email", "hs_additional_emails"}
	}
	r.called(look)
	objects, _, err := r.client.ReadBatch(ctx, look.to, q)
	if err != nil {
		return err
	}
	byKey := map[string]string{}
	for i := range objects {
		for _, key := range keysOf(look, &objects[i]) {
			byKey[key] = objects[i].ID
		}
	}
	for _, v := range values {
		if id, ok := byKey[canonical(look, v)]; ok {
			found[v] = []string{id}
		}
	}
	return nil
}

// keysOf lists under which values a record may have been asked for.
func keysOf(look lookup, o *hubspot.Object) []string {
	switch look.match {
	case "id":
		return []string{o.ID}
	case "email":
		keys := []string{strings.ToLower(o.Properties["email"])}
		for _, more := range strings.Split(o.Properties["hs_additional_emails"], ";") {
			keys = append(keys, strings.ToLower(strings.TrimSpace(more)))
		}
		return keys
	}
	return []string{o.Properties[look.match]}
}

// canonical is the form in which HubSpot keeps a value of this kind: e-mail
// addresses in lower case, anything else as it is.
func canonical(look lookup, value string) string {
	if look.match == "email" {
		return strings.ToLower(value)
	}
	return value
}

// searchDomains finds companies by domain, which is no unique property, so
// that one value may have several.
// Source: POST /crm/v3/objects/companies/search, operator IN, lower-case values.
func (r *Resolver) searchDomains(ctx context.Context, object string, domains []string, found map[string][]string) error {
	q := hubspot.SearchRequest{
		FilterGroups: []hubspot.FilterGroup{{Filters: []hubspot.Filter{
			{Property: "domain", Operator: "IN", Values: lower(domains)},
		}}},
		Properties: []string{"domain"},
		Limit:      searchPage,
	}
	byDomain := map[string][]string{}
	for {
		r.called(lookup{object, "domain"})
		page, err := r.client.Search(ctx, object, q)
		if err != nil {
			return err
		}
		for _, o := range page.Results {
			domain := strings.ToLower(o.Properties["domain"])
			if len(byDomain[domain]) <= maxListed {
				byDomain[domain] = append(byDomain[domain], o.ID)
			}
		}
		if page.After == "" {
			break
		}
		q.After = page.After
	}
	for _, d := range domains {
		if ids := byDomain[strings.ToLower(d)]; len(ids) > 0 {
			found[d] = slices.SortedFunc(slices.Values(ids), older)
		}
	}
	return nil
}

// older orders ids by the time their records were made: HubSpot counts them up.
func older(a, b string) int {
	return cmp.Or(len(a)-len(b), strings.Compare(a, b))
}

const searchPage = 200 // HubSpot's largest page of a search

func lower(values []string) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = strings.ToLower(v)
	}
	return out
}
