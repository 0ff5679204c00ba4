// Package resolve turns references into record ids, many at a time: contacts by
// e-mail, companies by domain, any record by a unique property or by its id.
//
// A lookup is one object type with one way to match; an answer is what a lookup
// said of one value. Answers are cached for the length of a run.
package resolve

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/internal/hubspot"
)

// maxCached bounds the answers that are kept, over all lookups.
const maxCached = 500_000

// A Resolver resolves the references of batches of records. It is an
// etl.Resolver and safe for several goroutines.
type Resolver struct {
	client *hubspot.Client

	mu    sync.Mutex
	cache map[question]answer
}

// New returns a Resolver that asks client.
func New(client *hubspot.Client) *Resolver {
	return &Resolver{client: client, cache: map[question]answer{}}
}

// A lookup is an object type and a way to match its records.
type lookup struct {
	to    string // object type, e.g. "contacts"
	match string // "id", "email", "domain" or a unique property
}

type question struct {
	lookup
	value string
}

// An answer holds the ids found for one value, at most a few of them.
type answer struct{ ids []string }

// Resolve sets the ID of every reference of batch for which exactly one record
// is found. None found is a Problem, a warning where the mapping says skip;
// several found is a Problem that lists them.
func (r *Resolver) Resolve(ctx context.Context, batch []*etl.Record) ([][]etl.Problem, error) {
	answers, missing := r.known(batch)
	for look, values := range missing {
		found, err := r.ask(ctx, look, values)
		if err != nil {
			return nil, fmt.Errorf("look up %s by %s: %w", look.to, look.match, err)
		}
		r.keep(look, values, found)
		for _, v := range values {
			answers[question{look, v}] = answer{found[v]}
		}
	}
	problems := make([][]etl.Problem, len(batch))
	for i, rec := range batch {
		problems[i] = settle(rec, answers)
	}
	return problems, nil
}

// known collects what the cache answers, and what is still to be asked.
func (r *Resolver) known(batch []*etl.Record) (map[question]answer, map[lookup][]string) {
	answers := map[question]answer{}
	missing := map[lookup][]string{}
	asked := map[question]bool{}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, rec := range batch {
		for i := range rec.References {
			q := questionOf(&rec.References[i])
			if a, ok := r.cache[q]; ok {
				answers[q] = a
			} else if !asked[q] {
				asked[q] = true
				missing[q.lookup] = append(missing[q.lookup], q.value)
			}
		}
	}
	return answers, missing
}

func questionOf(ref *etl.Reference) question {
	return question{lookup{ref.To, ref.Match}, ref.Value}
}

// keep stores answers. A full cache drops some that it holds, whichever come
// first: they are asked again when they are needed.
func (r *Resolver) keep(look lookup, values []string, found map[string][]string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for q := range r.cache {
		if len(r.cache)+len(values) <= maxCached {
			break
		}
		delete(r.cache, q)
	}
	for _, v := range values {
		r.cache[question{look, v}] = answer{found[v]}
	}
}

// settle sets the ids of rec's references and says which have none. References
// that are to be left out lose their place.
func settle(rec *etl.Record, answers map[question]answer) []etl.Problem {
	var problems []etl.Problem
	kept := rec.References[:0]
	for _, ref := range rec.References {
		ids := answers[questionOf(&ref)].ids
		if len(ids) == 1 {
			ref.ID = ids[0]
			kept = append(kept, ref)
			continue
		}
		problems = append(problems, problemOf(ref, ids))
	}
	rec.References = kept
	return problems
}

func problemOf(ref etl.Reference, ids []string) etl.Problem {
	one := singular(ref.To)
	p := etl.Problem{Column: ref.Column, Value: ref.Value}
	if len(ids) > 1 {
		p.Code = "REFERENCE_AMBIGUOUS"
		p.Message = fmt.Sprintf("%s of %s have the %s %q: %s", count(len(ids)), ref.To, ref.Match, ref.Value, strings.Join(ids, ", "))
		p.Hint = fmt.Sprintf("merge them in HubSpot, or name one by id with match: id (a column of %s ids)", one)
		return p
	}
	p.Code = "REFERENCE_NOT_FOUND"
	p.Message = fmt.Sprintf("no %s with %s %q in this account", one, ref.Match, ref.Value)
	p.Hint = fmt.Sprintf("create the %s first or correct the cell; missing: skip in the mapping leaves the association out", one)
	if ref.Missing == "skip" {
		p.Warning = true
		p.Hint = "the association is left out, as the mapping says (missing: skip)"
	}
	return p
}

func count(n int) string {
	if n > maxListed {
		return fmt.Sprintf("more than %d", maxListed)
	}
	return fmt.Sprint(n)
}

func singular(object string) string {
	switch object {
	case "companies":
		return "company"
	default:
		return strings.TrimSuffix(object, "s")
	}
}
