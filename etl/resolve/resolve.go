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

	mu      sync.Mutex
	cache   map[question]answer
	pending map[question]*pending
	tallies map[lookup]*Tally
}

// New returns a Resolver that asks client.
func New(client *hubspot.Client) *Resolver {
	return &Resolver{client: client, cache: map[question]answer{}, pending: map[question]*pending{}, tallies: map[lookup]*Tally{}}
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
// several found is a Problem that lists them. What another goroutine is asking
// at the moment is not asked a second time.
func (r *Resolver) Resolve(ctx context.Context, batch []*etl.Record) ([][]etl.Problem, error) {
	w := r.share(batch)
	var failed error
	for look, values := range w.mine {
		var found map[string][]string
		err := failed // others wait for every question, also after one has failed
		if err == nil {
			found, err = r.ask(ctx, look, values)
		}
		r.keep(look, values, found, err)
		if err != nil && failed == nil {
			failed = fmt.Errorf("look up %s by %s: %w", look.to, look.match, err)
		}
		for _, v := range values {
			w.answers[question{look, v}] = answer{ids: found[v]}
		}
	}
	if failed != nil {
		return nil, failed
	}
	for q, asking := range w.others {
		select {
		case <-asking.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if asking.err != nil {
			return nil, fmt.Errorf("look up %s by %s: %w", q.to, q.match, asking.err)
		}
		w.answers[q] = asking.answer
	}
	problems := make([][]etl.Problem, len(batch))
	for i, rec := range batch {
		problems[i] = settle(rec, w.answers)
	}
	return problems, nil
}

// A pending question is being asked by one goroutine; others wait for done.
type pending struct {
	done   chan struct{}
	answer answer
	err    error
}

// work parts the questions of a batch: those that the cache answers, those to
// ask, and those that others are asking.
type work struct {
	answers map[question]answer
	mine    map[lookup][]string
	others  map[question]*pending
}

func (r *Resolver) share(batch []*etl.Record) work {
	w := work{map[question]answer{}, map[lookup][]string{}, map[question]*pending{}}
	mine := map[question]bool{}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, rec := range batch {
		for i := range rec.References {
			q := questionOf(&rec.References[i])
			if a, ok := r.cache[q]; ok {
				w.answers[q] = a
			} else if p, ok := r.pending[q]; ok && !mine[q] {
				w.others[q] = p
			} else if !mine[q] {
				mine[q] = true
				r.pending[q] = &pending{done: make(chan struct{})}
				w.mine[q.lookup] = append(w.mine[q.lookup], q.value)
			}
		}
	}
	return w
}

func questionOf(ref *etl.Reference) question {
	return question{lookup{ref.To, ref.Match}, ref.Value}
}

// keep stores answers, or passes on why there are none. A full cache drops some
// that it holds, whichever come first: they are asked again when they are needed.
func (r *Resolver) keep(look lookup, values []string, found map[string][]string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for q := range r.cache {
		if len(r.cache)+len(values) <= maxCached {
			break
		}
		delete(r.cache, q)
	}
	for _, v := range values {
		q := question{look, strings.Clone(v)} // not with the text of many rows that v is a part of
		p := r.pending[q]
		delete(r.pending, q)
		p.answer, p.err = answer{ids: found[v]}, err
		if err == nil {
			r.cache[q] = p.answer
			r.tally(look).add(p.answer.ids)
		}
		close(p.done)
	}
}

// settle sets the ids of rec's references and says which have none. References
// that are to be left out lose their place; one that is to be linked to all that
// were found takes several.
func settle(rec *etl.Record, answers map[question]answer) []etl.Problem {
	var problems []etl.Problem
	kept := make([]etl.Reference, 0, len(rec.References))
	for _, ref := range rec.References {
		ids := answers[questionOf(&ref)].ids
		taken, problem := chosen(ref, ids)
		if problem != nil {
			problems = append(problems, *problem)
		}
		for _, id := range taken {
			ref.ID = id
			kept = append(kept, ref)
		}
	}
	rec.References = kept
	return problems
}

// chosen are the ids to link to, by the policies of ref.
func chosen(ref etl.Reference, ids []string) (taken []string, problem *etl.Problem) {
	switch {
	case len(ids) == 1:
		return ids, nil
	case len(ids) == 0:
		return nil, notFound(ref)
	case len(ids) > maxListed && ref.Several == "list":
		ref.Several = "reject" // not all of them are known here
	case ref.Several == "list":
		taken = ids
	case ref.Several == "first":
		taken = ids[:1]
	}
	return taken, ambiguous(ref, ids)
}

func ambiguous(ref etl.Reference, ids []string) *etl.Problem {
	p := &etl.Problem{
		Column: ref.Column, Value: ref.Value, Code: "REFERENCE_AMBIGUOUS", Warning: ref.Several != "reject",
		Message: fmt.Sprintf("%s of %s have the %s %q: %s", count(len(ids)), ref.To, ref.Match, ref.Value, strings.Join(ids, ", ")),
	}
	switch ref.Several {
	case "skip":
		p.Hint = "the association is left out, as the mapping says (several: skip)"
	case "first":
		p.Hint = fmt.Sprintf("the oldest, %s, is taken, as the mapping says (several: first)", ids[0])
	case "list":
		p.Hint = "the ticket is associated with each of them, as the mapping says (several: list)"
	default:
		p.Hint = fmt.Sprintf("merge them in HubSpot, or name one by id with match: id (a column of %s ids); several: skip, first or list in the mapping goes on without", singular(ref.To))
	}
	return p
}

func notFound(ref etl.Reference) *etl.Problem {
	one := singular(ref.To)
	p := &etl.Problem{
		Column: ref.Column, Value: ref.Value, Code: "REFERENCE_NOT_FOUND", Warning: ref.Missing == "skip",
		Message: fmt.Sprintf("no %s with %s %q in this account", one, ref.Match, ref.Value),
		Hint:    fmt.Sprintf("create the %s first or correct the cell; missing: skip in the mapping leaves the association out", one),
	}
	if p.Warning {
		p.Hint = "the association is left out, as the mapping says (missing: skip)"
	}
	return p
}

func count(n int) string {
	if n > maxListed { // ids beyond are not kept
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
