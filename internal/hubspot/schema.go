package hubspot

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ticketetl/ticketetl/internal/schema"
)

// ticketTypeID is the type id of tickets.
const ticketTypeID = "0-5"

// linkedTypes are the object types that tickets are associated with here.
var linkedTypes = []string{"contacts", "companies", "deals", "tickets"}

// A Want says which definitions are needed. The zero value wants those of
// tickets themselves, and owners.
type Want struct {
	Properties []string // ticket properties that are of interest; nil for all
	Labels     []string // object types whose association types with tickets are wanted
	Unique     []string // object types whose unique properties are wanted
}

// Everything wants all that a saved schema can hold.
var Everything = Want{Labels: linkedTypes, Unique: []string{"contacts", "companies", "deals"}}

// Schema reads all definitions that a check of tickets can need; see SchemaFor.
func (c *Client) Schema(ctx context.Context, now time.Time) (*schema.Schema, error) {
	return c.SchemaFor(ctx, now, Everything)
}

// SchemaFor reads the definitions that are wanted, and nothing else. What a token
// need not see is left out if it cannot: sensitive properties, validation
// rules, association labels, unique properties of other object types. Without
// the scope for tickets it fails, and without the one for owners if a wanted
// property holds owners; the error names the scope.
func (c *Client) SchemaFor(ctx context.Context, now time.Time, want Want) (*schema.Schema, error) {
	s := &schema.Schema{Version: schema.FormatVersion, TakenAt: now.UTC()}
	account, err := c.Account(ctx)
	if err != nil {
		return nil, err
	}
	s.Account = account
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(4)
	g.Go(func() (err error) {
		if s.Properties, err = c.ticketProperties(ctx); err != nil {
			return needs(err, "tickets")
		}
		if want.owners(s) {
			s.Owners, err = c.allOwners(ctx)
		}
		return needs(err, "crm.objects.owners.read")
	})
	g.Go(func() (err error) {
		s.Pipelines, err = some("pipeline", func() ([]schema.Pipeline, error) { return c.Pipelines(ctx, "tickets") })
		return needs(err, "tickets")
	})
	g.Go(func() (err error) {
		s.Rules, err = optional(c.PropertyRules(ctx, ticketTypeID))
		return err
	})
	labels := make([][]schema.Label, len(want.Labels))
	for i, object := range want.Labels {
		g.Go(func() (err error) {
			labels[i], err = optional(c.AssociationLabels(ctx, "tickets", object))
			return err
		})
	}
	uniques := make([][]string, len(want.Unique))
	for i, object := range want.Unique {
		g.Go(func() (err error) {
			uniques[i], err = optional(c.uniqueProperties(ctx, object))
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	s.Labels, s.Unique = byType(want.Labels, labels), byType(want.Unique, uniques)
	return s, nil
}

// some asks again while the answer lists nothing of what every account has of
// tickets. An answer that has lost its content is not believed.
func some[T any](what string, ask func() ([]T, error)) ([]T, error) {
	for range maxUselessTries {
		list, err := ask()
		if err != nil || len(list) > 0 {
			return list, err
		}
	}
	return nil, mark(fmt.Errorf("HubSpot answered %d times that tickets have not one %s, which cannot be", maxUselessTries, what), ErrGaveUp)
}

// owners says whether a wanted property takes its options from the owners or
// their teams.
func (w Want) owners(s *schema.Schema) bool {
	if w.Properties == nil {
		return true
	}
	for i := range s.Properties {
		p := &s.Properties[i]
		if p.OfPeople() && slices.Contains(w.Properties, p.Name) {
			return true
		}
	}
	return false
}

// ticketProperties are the current properties, then, marked, the archived ones
// whose names no current one has. Archived ones of a sensitivity that is out of
// reach are not asked for.
func (c *Client) ticketProperties(ctx context.Context) ([]schema.Property, error) {
	var current, archived []schema.Property
	for i, sensitivity := range sensitivities {
		list, err := c.currentProperties(ctx, sensitivity)
		if i > 0 && isOutOfReach(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		old, err := c.properties(ctx, "tickets", true, sensitivity)
		if err != nil {
			return nil, err
		}
		current, archived = appendMissing(current, list), appendMissing(archived, old)
	}
	return appendMissing(current, archived), nil
}

// currentProperties are the ticket properties of a sensitivity. Of data that is not
// sensitive there are always some.
func (c *Client) currentProperties(ctx context.Context, sensitivity string) ([]schema.Property, error) {
	ask := func() ([]schema.Property, error) { return c.properties(ctx, "tickets", false, sensitivity) }
	if sensitivity != sensitivities[0] {
		return ask()
	}
	return some("property", ask)
}

func (c *Client) allOwners(ctx context.Context) ([]schema.Owner, error) {
	active, err := c.Owners(ctx, false)
	if err != nil {
		return nil, err
	}
	archived, err := c.Owners(ctx, true)
	if err != nil {
		return nil, err
	}
	return append(active, archived...), nil
}

// uniqueProperties are those by which records of an object type can be read.
// The e-mail address of contacts is one, though not marked so.
func (c *Client) uniqueProperties(ctx context.Context, object string) ([]string, error) {
	list, err := c.properties(ctx, object, false, sensitivities[0])
	if err != nil {
		return nil, err
	}
	var names []string
	if object == "contacts" {
		names = append(names, "email")
	}
	for _, p := range list {
		if p.HasUniqueValue && (object != "contacts" || p.Name != "email") {
			names = append(names, p.Name)
		}
	}
	return names, nil
}

// needs names the scope that a refusal is about, where HubSpot does not.
func needs(err error, scope string) error {
	var e *Error
	if errors.As(err, &e) && e.Status == http.StatusForbidden && len(e.Scopes()) == 0 {
		return fmt.Errorf("%w; the token needs the scope %s", err, scope)
	}
	return err
}

// optional leaves out what is out of reach.
func optional[T any](value T, err error) (T, error) {
	if isOutOfReach(err) {
		var none T
		return none, nil
	}
	return value, err
}

func byType[T any](types []string, lists [][]T) map[string][]T {
	m := map[string][]T{}
	for i, list := range lists {
		if len(list) > 0 {
			m[types[i]] = list
		}
	}
	return m
}
