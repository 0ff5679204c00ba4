package hubspot

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ticketetl/ticketetl/internal/schema"
)

// ticketTypeID is the type id of tickets.
const ticketTypeID = "0-5"

// linkedTypes are the object types that tickets are associated with here.
var linkedTypes = []string{"contacts", "companies", "deals", "tickets"}

// Schema reads everything that a check of tickets needs. What a token need not
// see is left out if it cannot: sensitive properties, validation rules,
// association labels, unique properties of other object types. Without the
// scopes for tickets or owners it fails, and the error names the scope.
func (c *Client) Schema(ctx context.Context, now time.Time) (*schema.Schema, error) {
	s := &schema.Schema{Version: schema.FormatVersion, TakenAt: now.UTC()}
	account, err := c.Account(ctx)
	if err != nil {
		return nil, err
	}
	s.Account = account
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(4)
	g.Go(func() (err error) {
		s.Properties, err = c.ticketProperties(ctx)
		return needs(err, "tickets")
	})
	g.Go(func() (err error) {
		s.Pipelines, err = c.Pipelines(ctx, "tickets")
		return needs(err, "tickets")
	})
	g.Go(func() (err error) {
		s.Owners, err = c.allOwners(ctx)
		return needs(err, "crm.objects.owners.read")
	})
	g.Go(func() (err error) {
		s.Rules, err = optional(c.PropertyRules(ctx, ticketTypeID))
		return err
	})
	labels := make([][]schema.Label, len(linkedTypes))
	uniques := make([][]string, len(linkedTypes))
	for i, object := range linkedTypes {
		g.Go(func() (err error) {
			labels[i], err = optional(c.AssociationLabels(ctx, "tickets", object))
			return err
		})
		if object == "tickets" {
			continue // its properties are there already
		}
		g.Go(func() (err error) {
			uniques[i], err = optional(c.uniqueProperties(ctx, object))
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	s.Labels, s.Unique = byType(labels), byType(uniques)
	return s, nil
}

// ticketProperties are the current properties, then, marked, the archived ones
// whose names no current one has.
func (c *Client) ticketProperties(ctx context.Context) ([]schema.Property, error) {
	current, err := c.Properties(ctx, "tickets", false)
	if err != nil {
		return nil, err
	}
	archived, err := c.Properties(ctx, "tickets", true)
	if err != nil {
		return nil, err
	}
	return appendMissing(current, archived), nil
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

func byType[T any](lists [][]T) map[string][]T {
	m := map[string][]T{}
	for i, list := range lists {
		if len(list) > 0 {
			m[linkedTypes[i]] = list
		}
	}
	return m
}
