package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ticketetl/ticketetl/etl/extract"
)

// linkable are the object types whose properties can be columns.
var linkable = []string{"contacts", "companies", "deals"}

// splitLinked parts the chosen properties into those of tickets and those of
// associated records, "contacts.email", which it looks up in the account. It tells
// what these cost.
func (a *app) splitLinked(ctx context.Context, conn *connection, chosen []string) (own []string, linked []extract.Linked, err error) {
	known := map[string][]string{}
	for _, name := range chosen {
		name = strings.TrimSpace(name)
		to, property, found := strings.Cut(name, ".")
		if !found {
			own = append(own, name)
			continue
		}
		if !slices.Contains(linkable, to) {
			return nil, nil, fmt.Errorf("--properties: %q: %q is not one of %s%s", name, to, strings.Join(linkable, ", "), nearestText(to, linkable))
		}
		if known[to] == nil {
			if known[to], err = conn.propertiesOf(ctx, to); err != nil {
				return nil, nil, err
			}
		}
		if !slices.Contains(known[to], property) {
			return nil, nil, fmt.Errorf("--properties: %s have no property %q in this account%s", to, property, nearestText(property, known[to]))
		}
		if l := (extract.Linked{To: to, Property: property}); !slices.Contains(linked, l) {
			linked = append(linked, l)
		}
	}
	if len(linked) > 0 {
		fmt.Fprintf(a.err, "The properties of associated records take a further request for up to 100 %s.\n", strings.Join(typesOf(linked), ", and for up to 100 "))
	}
	return own, linked, nil
}

func typesOf(linked []extract.Linked) (types []string) {
	for _, l := range linked {
		if !slices.Contains(types, l.To) {
			types = append(types, l.To)
		}
	}
	return types
}

func (c *connection) propertiesOf(ctx context.Context, object string) (names []string, err error) {
	properties, err := c.client.Properties(ctx, object, false)
	if err != nil {
		return nil, fmt.Errorf("read the properties of %s: %w", object, err)
	}
	for i := range properties {
		names = append(names, properties[i].Name)
	}
	return names, nil
}

// checkLinked refuses what would not be kept up to date.
func (opts *exportOptions) checkLinked() error {
	if !slices.ContainsFunc(opts.properties, func(name string) bool { return strings.Contains(name, ".") }) {
		return nil
	}
	switch {
	case opts.merge:
		return errors.New("--merge does not see when an associated record has changed; leave its properties out, or export everything")
	case opts.editable:
		return errors.New("--editable: properties of associated records cannot be imported; leave them out")
	}
	return nil
}
