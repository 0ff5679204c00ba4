package hubspot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"unicode/utf8"
)

// A SearchRequest asks for records by the values of their properties. Groups
// are alternatives; the filters of a group must all hold.
type SearchRequest struct {
	FilterGroups []FilterGroup
	Sorts        []Sort
	Query        string // full text
	Properties   []string
	Limit        int    // 0 = as many as HubSpot allows
	After        string // SearchPage.After of the page before
}

// A FilterGroup is a set of filters that must all hold.
type FilterGroup struct {
	Filters []Filter `json:"filters"`
}

// A Filter is one condition.
type Filter struct {
	Property  string   `json:"propertyName"`
	Operator  string   `json:"operator"` // EQ NEQ LT LTE GT GTE BETWEEN IN NOT_IN HAS_PROPERTY ...
	Value     string   `json:"value,omitempty"`
	Values    []string `json:"values,omitempty"`    // of IN and NOT_IN; lower case for string properties
	HighValue string   `json:"highValue,omitempty"` // of BETWEEN
}

// A Sort is the order of search results.
type Sort struct {
	Property   string
	Descending bool
}

// A SearchPage is one page of search results.
type SearchPage struct {
	Total   int
	Results []Object
	After   string // "" on the last page
	silent  bool   // it has no results, and does not say that there are none
}

// Limits of one search, as HubSpot documents them; of the number of groups it
// documents 5 and 6.
const (
	maxGroups       = 5
	maxGroupFilters = 6
	maxFilters      = 18
	maxQuery        = 3000 // characters
)

// Search finds records by their properties, not the archived ones. It lags
// behind writes by seconds, and reaches the first MaxSearchDepth results only:
// beyond, sort by hs_object_id and ask for what is greater than the last.
// All apps of an account share five searches a second. An answer that neither has
// results nor says that there are none is asked for again, twice.
// Source: POST /crm/v3/objects/{objectType}/search and the search guide.
func (c *Client) Search(ctx context.Context, object string, q SearchRequest) (*SearchPage, error) {
	if q.Limit == 0 {
		q.Limit = MaxSearchPage
	}
	if err := checkParts("the object type", object); err != nil {
		return nil, fmt.Errorf("search: %w", err)
	}
	if err := q.check(); err != nil {
		return nil, fmt.Errorf("search %s: %w", object, err)
	}
	body, err := json.Marshal(q.wire())
	if err != nil {
		return nil, err
	}
	var page SearchPage
	for round := 0; ; round++ {
		err = c.do(ctx, &call{
			method: http.MethodPost, path: c.paths.object(object, "search"), body: body, bucket: search, reads: true, decode: page.decode,
		})
		if err != nil {
			return nil, fmt.Errorf("search %s: %w", object, err)
		}
		if !page.silent || round >= maxRounds {
			return &page, nil
		}
	}
}

func (q *SearchRequest) check() error {
	filters := 0
	for _, g := range q.FilterGroups {
		if len(g.Filters) > maxGroupFilters {
			return fmt.Errorf("a group of %d filters, HubSpot takes at most %d", len(g.Filters), maxGroupFilters)
		}
		filters += len(g.Filters)
	}
	switch {
	case q.Limit < 0 || q.Limit > MaxSearchPage:
		return fmt.Errorf("a page of %d records, HubSpot gives at most %d", q.Limit, MaxSearchPage)
	case len(q.FilterGroups) > maxGroups:
		return fmt.Errorf("%d groups of filters, HubSpot takes at most %d", len(q.FilterGroups), maxGroups)
	case filters > maxFilters:
		return fmt.Errorf("%d filters, HubSpot takes at most %d", filters, maxFilters)
	case len(q.Sorts) > 1:
		return errors.New("HubSpot sorts by one property only")
	case utf8.RuneCountInString(q.Query) > maxQuery:
		return fmt.Errorf("a query of more than %d characters", maxQuery)
	}
	return q.checkDepth()
}

// checkDepth holds the last page within HubSpot's depth. The cursor of a search
// is the number of records passed.
func (q *SearchRequest) checkDepth() error {
	if q.After == "" {
		return nil
	}
	after, err := strconv.Atoi(q.After)
	if err != nil || after < 0 {
		return fmt.Errorf("%q is no cursor of a search, which is a number", q.After)
	}
	if after >= MaxSearchDepth {
		return fmt.Errorf("HubSpot shows the first %d results only; go on with a filter on hs_object_id", MaxSearchDepth)
	}
	q.Limit = min(q.Limit, MaxSearchDepth-after)
	return nil
}

type wireSort struct {
	Property  string `json:"propertyName"`
	Direction string `json:"direction"`
}

type wireSearch struct {
	FilterGroups []FilterGroup `json:"filterGroups"`
	Sorts        []wireSort    `json:"sorts"`
	Query        string        `json:"query,omitempty"`
	Properties   []string      `json:"properties"`
	Limit        int           `json:"limit"`
	After        string        `json:"after,omitempty"`
}

// wire has no list as null: HubSpot's schema calls them required.
func (q *SearchRequest) wire() wireSearch {
	w := wireSearch{
		FilterGroups: append([]FilterGroup{}, q.FilterGroups...),
		Sorts:        []wireSort{},
		Query:        q.Query,
		Properties:   append([]string{}, q.Properties...),
		Limit:        q.Limit,
		After:        q.After,
	}
	for _, s := range q.Sorts {
		direction := "ASCENDING"
		if s.Descending {
			direction = "DESCENDING"
		}
		w.Sorts = append(w.Sorts, wireSort{s.Property, direction})
	}
	return w
}

func (p *SearchPage) decode(data []byte) error {
	if s := scanPage(data, nil); s != nil {
		*p = SearchPage{Results: s.results, After: s.after, silent: len(s.results) == 0 && s.total == nil}
		if s.total != nil {
			p.Total = *s.total
		}
		return nil
	}
	return p.decodePlainly(data)
}

func (p *SearchPage) decodePlainly(data []byte) error {
	var w wirePage
	if err := json.Unmarshal(data, &w); err != nil {
		return err
	}
	if w.Results == nil {
		return errNoResults
	}
	*p = SearchPage{Results: objects(w.Results), After: string(w.Paging.Next.After)}
	if w.Total != nil {
		p.Total = *w.Total
	}
	p.silent = len(p.Results) == 0 && w.Total == nil
	return nil
}
