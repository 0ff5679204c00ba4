package hubspot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/ticketetl/ticketetl/internal/schema"
)

// sensitivities are the kinds of data that properties are listed by, apart. The
// first is open to every token that may read the object type.
var sensitivities = []string{"non_sensitive", "sensitive", "highly_sensitive"}

// Properties reads the definitions of an object type: the archived ones or the
// others. Those of sensitive data are among them if the token may see them.
// Source: GET /crm/v3/properties/{objectType}.
func (c *Client) Properties(ctx context.Context, object string, archived bool) ([]schema.Property, error) {
	var all []schema.Property
	for i, sensitivity := range sensitivities {
		list, err := c.properties(ctx, object, archived, sensitivity)
		if i > 0 && isOutOfReach(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		all = appendMissing(all, list)
	}
	return all, nil
}

// appendMissing adds the properties that are not there yet.
func appendMissing(all, more []schema.Property) []schema.Property {
	has := make(map[string]bool, len(all))
	for i := range all {
		has[all[i].Name] = true
	}
	for _, p := range more {
		if !has[p.Name] {
			all = append(all, p)
		}
	}
	return all
}

func (c *Client) properties(ctx context.Context, object string, archived bool, sensitivity string) ([]schema.Property, error) {
	if err := checkParts("the object type", object); err != nil {
		return nil, err
	}
	query := url.Values{}
	if archived {
		query.Set("archived", "true")
	}
	if sensitivity != sensitivities[0] {
		query.Set("dataSensitivity", sensitivity)
	}
	list, err := list[schema.Property](ctx, c, c.paths.properties(object), query)
	if err != nil {
		return nil, fmt.Errorf("read the properties of %s: %w", object, err)
	}
	for i := range list {
		list[i].Archived = list[i].Archived || archived
	}
	return list, nil
}

// isOutOfReach says that the account or the token has no part in what was asked
// for, so that it can be left out.
func isOutOfReach(err error) bool {
	var e *Error
	return errors.As(err, &e) &&
		(e.Status == http.StatusForbidden || e.Status == http.StatusNotFound || e.Status == http.StatusBadRequest)
}

// PropertyRules reads the validation rules of an object type's properties, by
// property name. Tickets are "0-5".
// Source: GET /crm/v3/property-validations/{objectTypeId}.
func (c *Client) PropertyRules(ctx context.Context, objectTypeID string) (map[string][]schema.Rule, error) {
	type propertyRules struct {
		Name  string        `json:"propertyName"`
		Rules []schema.Rule `json:"propertyValidationRules"`
	}
	if err := checkParts("the object type", objectTypeID); err != nil {
		return nil, err
	}
	list, err := list[propertyRules](ctx, c, c.paths.rules(objectTypeID), nil)
	if err != nil {
		return nil, fmt.Errorf("read the validation rules of %s: %w", objectTypeID, err)
	}
	rules := make(map[string][]schema.Rule, len(list))
	for _, p := range list {
		rules[p.Name] = append(rules[p.Name], p.Rules...)
	}
	return rules, nil
}

// Pipelines reads the pipelines of an object type with their stages.
// Source: GET /crm/v3/pipelines/{objectType}.
func (c *Client) Pipelines(ctx context.Context, object string) ([]schema.Pipeline, error) {
	if err := checkParts("the object type", object); err != nil {
		return nil, err
	}
	wire, err := list[wirePipeline](ctx, c, c.paths.pipelines(object), nil)
	if err != nil {
		return nil, fmt.Errorf("read the pipelines of %s: %w", object, err)
	}
	pipelines := make([]schema.Pipeline, len(wire))
	for i := range wire {
		pipelines[i] = wire[i].pipeline()
	}
	return pipelines, nil
}

type wirePipeline struct {
	ID           flexID      `json:"id"`
	Label        string      `json:"label"`
	DisplayOrder int         `json:"displayOrder"`
	Archived     bool        `json:"archived"`
	Stages       []wireStage `json:"stages"`
}

type wireStage struct {
	ID           flexID         `json:"id"`
	Label        string         `json:"label"`
	DisplayOrder int            `json:"displayOrder"`
	Archived     bool           `json:"archived"`
	Metadata     map[string]any `json:"metadata"`
}

func (w *wirePipeline) pipeline() schema.Pipeline {
	p := schema.Pipeline{ID: string(w.ID), Label: w.Label, DisplayOrder: w.DisplayOrder, Archived: w.Archived,
		Stages: make([]schema.Stage, len(w.Stages))}
	for i, s := range w.Stages {
		p.Stages[i] = schema.Stage{ID: string(s.ID), Label: s.Label, DisplayOrder: s.DisplayOrder, Archived: s.Archived}
		for name, value := range s.Metadata {
			if value == nil {
				continue
			}
			if p.Stages[i].Metadata == nil {
				p.Stages[i].Metadata = make(map[string]string, len(s.Metadata))
			}
			p.Stages[i].Metadata[name] = fmt.Sprint(value)
		}
	}
	return p
}

// Bounds on the paging of owners.
const (
	ownersPage    = 100
	maxOwnerPages = 10_000
)

// Owners reads all owners: the archived ones or the others.
// Source: GET /crm/v3/owners.
func (c *Client) Owners(ctx context.Context, archived bool) ([]schema.Owner, error) {
	var all []schema.Owner
	after := ""
	for range maxOwnerPages {
		owners, next, err := c.ownersPage(ctx, archived, after)
		if err != nil {
			return nil, fmt.Errorf("read the owners: %w", err)
		}
		all = append(all, owners...)
		switch next {
		case "":
			return all, nil
		case after:
			return nil, errors.New("read the owners: the cursor does not move")
		}
		after = next
	}
	return nil, fmt.Errorf("read the owners: no end after %d pages", maxOwnerPages)
}

func (c *Client) ownersPage(ctx context.Context, archived bool, after string) ([]schema.Owner, string, error) {
	query := url.Values{"limit": {strconv.Itoa(ownersPage)}, "archived": {strconv.FormatBool(archived)}}
	if after != "" {
		query.Set("after", after)
	}
	var page listing[schema.Owner]
	err := c.do(ctx, &call{method: http.MethodGet, path: c.paths.owners(), query: query, reads: true, decode: page.decode})
	if err != nil {
		return nil, "", err
	}
	for i := range page.Results {
		page.Results[i].Archived = page.Results[i].Archived || archived
	}
	return page.Results, string(page.Paging.Next.After), nil
}

// AssociationLabels reads the association types from one object type to another.
// Source: GET /crm/v4/associations/{from}/{to}/labels.
func (c *Client) AssociationLabels(ctx context.Context, from, to string) ([]schema.Label, error) {
	if err := checkPair(from, to); err != nil {
		return nil, err
	}
	labels, err := list[schema.Label](ctx, c, c.paths.associations(from, to, "labels"), nil)
	if err != nil {
		return nil, fmt.Errorf("read the association labels from %s to %s: %w", from, to, err)
	}
	return labels, nil
}

// Account reads which account the token belongs to.
// Source: GET /account-info/v3/details.
func (c *Client) Account(ctx context.Context) (schema.Account, error) {
	var account schema.Account
	err := c.do(ctx, &call{
		method: http.MethodGet, path: c.paths.account("details"), reads: true,
		decode: func(data []byte) error {
			account = schema.Account{}
			return json.Unmarshal(data, &account)
		},
	})
	if err != nil {
		return schema.Account{}, fmt.Errorf("read the account: %w", err)
	}
	c.daily.learnZone(account.TimeZone)
	return account, nil
}

// A DailyUsage is how much of the daily limit one of the account's private apps
// has spent; HubSpot may be some minutes behind.
type DailyUsage struct {
	Name        string
	Limit       int64
	Used        int64
	CollectedAt time.Time
	ResetsAt    time.Time
	FetchStatus string // SUCCESS CACHED FAILURE NOTFOUND TIMEOUT
}

// DailyUsage reads what the account's private apps have spent today.
// Source: GET /account-info/v3/api-usage/daily/private-apps.
func (c *Client) DailyUsage(ctx context.Context) ([]DailyUsage, error) {
	return c.dailyUsage(ctx, false)
}

func (c *Client) dailyUsage(ctx context.Context, hurried bool) ([]DailyUsage, error) {
	type wireUsage struct {
		Name        string `json:"name"`
		Limit       int64  `json:"usageLimit"`
		Used        int64  `json:"currentUsage"`
		CollectedAt stamp  `json:"collectedAt"`
		ResetsAt    stamp  `json:"resetsAt"`
		FetchStatus string `json:"fetchStatus"`
	}
	var page listing[wireUsage]
	err := c.do(ctx, &call{
		method: http.MethodGet, path: c.paths.account("api-usage/daily/private-apps"),
		reads: true, hurried: hurried, decode: page.decode,
	})
	if err != nil {
		return nil, fmt.Errorf("read the daily usage: %w", err)
	}
	usage := make([]DailyUsage, len(page.Results))
	for i, w := range page.Results {
		usage[i] = DailyUsage{w.Name, w.Limit, w.Used, w.CollectedAt.Time, w.ResetsAt.Time, w.FetchStatus}
	}
	return usage, nil
}

// A listing is HubSpot's usual envelope.
type listing[T any] struct {
	Results []T    `json:"results"`
	Paging  paging `json:"paging"`
}

func (l *listing[T]) decode(data []byte) error {
	*l = listing[T]{}
	if err := json.Unmarshal(data, l); err != nil {
		return err
	}
	if l.Results == nil {
		return errNoResults
	}
	return nil
}

// list reads all there is at a path that has no pages.
func list[T any](ctx context.Context, c *Client, path string, query url.Values) ([]T, error) {
	var page listing[T]
	err := c.do(ctx, &call{method: http.MethodGet, path: path, query: query, reads: true, decode: page.decode})
	if err != nil {
		return nil, err
	}
	return slices.Clip(page.Results), nil
}
