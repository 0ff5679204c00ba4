package hubspot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// A Property is one value to write. An empty Value clears the property.
type Property struct{ Name, Value string }

// An Object is one record as HubSpot returns it.
type Object struct {
	ID                    string
	Properties            map[string]string // unset ones are "" or missing
	Values                []string          // with ListQuery.InOrder, instead of Properties: those that it names, in its order
	PropertiesWithHistory map[string][]HistoryValue
	CreatedAt, UpdatedAt  time.Time
	Archived              bool
	ArchivedAt            time.Time                 // zero unless archived
	Associations          map[string][]AssociatedID // by object type name; each id once
	AssociationsTruncated map[string]string         // object type name -> cursor, where HubSpot gave only the first page
	URL                   string                    // in the app; often absent
}

// A HistoryValue is one value that a property had.
type HistoryValue struct {
	Value           string
	Timestamp       time.Time
	SourceType      string
	SourceID        string
	SourceLabel     string
	UpdatedByUserID string
}

// An AssociatedID is one record that another is associated with.
type AssociatedID struct {
	ID   string
	Type string // e.g. "ticket_to_contact"
}

// A TypeSpec names one association type, in the direction of the call.
type TypeSpec struct {
	Category string `json:"associationCategory"` // HUBSPOT_DEFINED, USER_DEFINED, INTEGRATOR_DEFINED
	TypeID   int    `json:"associationTypeId"`
}

// An AssociationInput links a record that is being created to another one.
type AssociationInput struct {
	ToID  string
	Types []TypeSpec
}

// A GetQuery says what to return of a record.
type GetQuery struct {
	Properties            []string
	PropertiesWithHistory []string
	Associations          []string // object types
	Archived              bool     // look among the archived records only
	IDProperty            string   // unique property that the id is a value of; "" = record id
}

// A ListQuery asks for one page of records, in ascending order of id.
type ListQuery struct {
	Limit                 int    // 0 = as many as HubSpot allows
	After                 string // cursor of the page before
	Properties            []string
	PropertiesWithHistory []string
	Associations          []string
	Archived              bool

	// InOrder gives the Values of the Properties: for who reads very many records, a
	// map for each would be a fifth of the work.
	InOrder bool
}

// A Page is one answer of a listing.
type Page struct {
	Results []Object
	After   string // cursor of the next page; "" on the last one
}

// Create creates one record and returns it. It is never repeated once it may
// have been stored: errors.Is(err, ErrInDoubt) then. TraceID plays no part.
// Source: POST /crm/v3/objects/{objectType}.
func (c *Client) Create(ctx context.Context, object string, in CreateInput) (*Object, error) {
	if err := checkParts("the object type", object); err != nil {
		return nil, err
	}
	body := append(appendCreateFields([]byte{'{'}, &in), '}')
	var o Object
	err := c.do(ctx, &call{
		method: http.MethodPost, path: c.paths.object(object), body: body, once: true, decode: o.decode,
	})
	if err != nil {
		return nil, fmt.Errorf("create one of %s: %w", object, err)
	}
	return &o, nil
}

// Get reads one record. A record that is not there, or is archived and not
// asked for as such, is an *Error of status 404.
// Source: GET /crm/v3/objects/{objectType}/{objectId}.
func (c *Client) Get(ctx context.Context, object, id string, q GetQuery) (*Object, error) {
	if err := checkRecord(object, id); err != nil {
		return nil, err
	}
	query := readQuery(q.Properties, q.PropertiesWithHistory, q.Associations, q.Archived)
	setIDProperty(query, q.IDProperty)
	var o Object
	err := c.do(ctx, &call{
		method: http.MethodGet, path: c.paths.object(object, id), query: query, reads: true, decode: o.decode,
	})
	if err != nil {
		return nil, fmt.Errorf("read one of %s: %w", object, err)
	}
	return &o, nil
}

// List reads one page of records in ascending order of id: either the archived
// ones or the others.
// Source: GET /crm/v3/objects/{objectType}.
func (c *Client) List(ctx context.Context, object string, q ListQuery) (*Page, error) {
	if err := checkParts("the object type", object); err != nil {
		return nil, err
	}
	most := MaxPage
	if len(q.PropertiesWithHistory) > 0 {
		most = MaxHistoryBatch
	}
	if q.Limit == 0 {
		q.Limit = most
	}
	if q.Limit < 0 || q.Limit > most {
		return nil, fmt.Errorf("list %s: a page of %d records, HubSpot gives at most %d", object, q.Limit, most)
	}
	query := readQuery(q.Properties, q.PropertiesWithHistory, q.Associations, q.Archived)
	query.Set("limit", strconv.Itoa(q.Limit))
	if q.After != "" {
		query.Set("after", q.After)
	}
	var page Page
	var order []string
	if q.InOrder {
		order = append([]string{}, q.Properties...)
	}
	err := c.do(ctx, &call{
		method: http.MethodGet, path: c.paths.object(object), query: query, reads: true,
		decode: func(data []byte) error { return page.decode(data, order) },
	})
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", object, err)
	}
	return &page, nil
}

// Update changes properties of one record and returns it. idProperty names the
// unique property that id is a value of; "" means the record id.
// Source: PATCH /crm/v3/objects/{objectType}/{objectId}.
func (c *Client) Update(ctx context.Context, object, id, idProperty string, properties []Property) (*Object, error) {
	if err := checkRecord(object, id); err != nil {
		return nil, err
	}
	query := url.Values{}
	setIDProperty(query, idProperty)
	body := append(appendProperties([]byte(`{"properties":`), properties), '}')
	var o Object
	err := c.do(ctx, &call{
		method: http.MethodPatch, path: c.paths.object(object, id), query: query, body: body, decode: o.decode,
	})
	if err != nil {
		return nil, fmt.Errorf("update one of %s: %w", object, err)
	}
	return &o, nil
}

// Archive moves one record to the recycle bin, from where only people can take
// it back, in the app, within 90 days. One that is not there is believed to be no
// error; should HubSpot say otherwise, it is an *Error of status 404.
// Source: DELETE /crm/v3/objects/{objectType}/{objectId}.
func (c *Client) Archive(ctx context.Context, object, id string) error {
	if err := checkRecord(object, id); err != nil {
		return err
	}
	err := c.do(ctx, &call{method: http.MethodDelete, path: c.paths.object(object, id)})
	if err != nil {
		return fmt.Errorf("archive one of %s: %w", object, err)
	}
	return nil
}

// Merge merges one record into another and returns the record that remains,
// which may have a new id. It is never repeated once it may have been done:
// errors.Is(err, ErrInDoubt) then.
// Source: POST /crm/v3/objects/{objectType}/merge.
func (c *Client) Merge(ctx context.Context, object, primaryID, mergedID string) (*Object, error) {
	if err := checkParts("the object type", object); err != nil {
		return nil, err
	}
	if err := checkParts("the id", primaryID, mergedID); err != nil {
		return nil, err
	}
	if primaryID == mergedID {
		return nil, fmt.Errorf("merge: %s with itself", primaryID)
	}
	body := appendString([]byte(`{"primaryObjectId":`), primaryID)
	body = append(appendString(append(body, `,"objectIdToMerge":`...), mergedID), '}')
	var o Object
	err := c.do(ctx, &call{
		method: http.MethodPost, path: c.paths.object(object, "merge"), body: body, once: true, decode: o.decode,
	})
	if err != nil {
		return nil, fmt.Errorf("merge two of %s: %w", object, err)
	}
	return &o, nil
}

func checkRecord(object, id string) error {
	if err := checkParts("the object type", object); err != nil {
		return err
	}
	return checkParts("the id", id)
}

func readQuery(properties, history, associations []string, archived bool) url.Values {
	query := url.Values{}
	for name, list := range map[string][]string{
		"properties": properties, "propertiesWithHistory": history, "associations": associations,
	} {
		if len(list) > 0 {
			query.Set(name, strings.Join(list, ","))
		}
	}
	if archived {
		query.Set("archived", "true")
	}
	return query
}

// recordID is what HubSpot refuses as idProperty: it is left out instead.
const recordID = "hs_object_id"

func setIDProperty(query url.Values, name string) {
	if name != "" && name != recordID {
		query.Set("idProperty", name)
	}
}

// wireObject is an Object as it travels.
type wireObject struct {
	ID                    flexID                      `json:"id"`
	Properties            map[string]string           `json:"properties"` // null becomes ""
	PropertiesWithHistory map[string][]wireHistory    `json:"propertiesWithHistory"`
	CreatedAt             stamp                       `json:"createdAt"`
	UpdatedAt             stamp                       `json:"updatedAt"`
	Archived              bool                        `json:"archived"`
	ArchivedAt            stamp                       `json:"archivedAt"`
	Associations          map[string]wireAssociations `json:"associations"`
	URL                   string                      `json:"url"`
}

type wireHistory struct {
	Value           string `json:"value"`
	Timestamp       stamp  `json:"timestamp"`
	SourceType      string `json:"sourceType"`
	SourceID        string `json:"sourceId"`
	SourceLabel     string `json:"sourceLabel"`
	UpdatedByUserID flexID `json:"updatedByUserId"`
}

type wireAssociations struct {
	Results []wireListed `json:"results"`
	Paging  paging       `json:"paging"`
}

type wireListed struct {
	ID   flexID `json:"id"`
	Type string `json:"type"`
}

type paging struct {
	Next struct {
		After flexID `json:"after"`
	} `json:"next"`
}

type wirePage struct {
	Total   *int         `json:"total"` // of a search
	Results []wireObject `json:"results"`
	Paging  paging       `json:"paging"`
}

var errNoID = errors.New("it holds no record id")

func (o *Object) decode(data []byte) error {
	var w wireObject
	if err := json.Unmarshal(data, &w); err != nil {
		return err
	}
	if w.ID == "" {
		return errNoID
	}
	*o = w.object()
	return nil
}

var errNoResults = errors.New("it holds no results")

// decode reads a page; its records have Values in order, if that is not nil.
func (p *Page) decode(data []byte, order []string) error {
	if s := scanPage(data, order); s != nil {
		*p = Page{Results: s.results, After: s.after}
		return nil
	}
	var w wirePage
	if err := json.Unmarshal(data, &w); err != nil {
		return err
	}
	if w.Results == nil {
		return errNoResults
	}
	*p = Page{Results: objects(w.Results), After: string(w.Paging.Next.After)}
	if order != nil {
		putInOrder(p.Results, order)
	}
	return nil
}

func putInOrder(list []Object, order []string) {
	for i := range list {
		o := &list[i]
		o.Values = make([]string, len(order))
		for k, name := range order {
			o.Values[k] = o.Properties[name]
		}
		o.Properties = nil
	}
}

func objects(list []wireObject) []Object {
	all := make([]Object, len(list))
	for i := range list {
		all[i] = list[i].object()
	}
	return all
}

func (w *wireObject) object() Object {
	o := Object{
		ID: string(w.ID), Properties: w.Properties, URL: w.URL,
		CreatedAt: w.CreatedAt.Time, UpdatedAt: w.UpdatedAt.Time,
		Archived: w.Archived, ArchivedAt: w.ArchivedAt.Time,
	}
	if len(w.PropertiesWithHistory) > 0 {
		o.PropertiesWithHistory = make(map[string][]HistoryValue, len(w.PropertiesWithHistory))
	}
	for name, values := range w.PropertiesWithHistory {
		for _, v := range values {
			o.PropertiesWithHistory[name] = append(o.PropertiesWithHistory[name], HistoryValue{
				Value: v.Value, Timestamp: v.Timestamp.Time, SourceType: v.SourceType,
				SourceID: v.SourceID, SourceLabel: v.SourceLabel, UpdatedByUserID: string(v.UpdatedByUserID),
			})
		}
	}
	for name, list := range w.Associations {
		o.addAssociations(name, list)
	}
	return o
}

// addAssociations keeps each id once. HubSpot lists a labelled association a
// second time with an unlabeled type; the labelled one says more.
func (o *Object) addAssociations(name string, list wireAssociations) {
	if o.Associations == nil {
		o.Associations = map[string][]AssociatedID{}
	}
	at := make(map[string]int, len(list.Results))
	ids := make([]AssociatedID, 0, len(list.Results))
	for _, r := range list.Results {
		id := AssociatedID{ID: string(r.ID), Type: r.Type}
		if i, ok := at[id.ID]; !ok {
			at[id.ID] = len(ids)
			ids = append(ids, id)
		} else if strings.HasSuffix(ids[i].Type, "_unlabeled") {
			ids[i] = id
		}
	}
	o.Associations[name] = ids
	if after := string(list.Paging.Next.After); after != "" {
		if o.AssociationsTruncated == nil {
			o.AssociationsTruncated = map[string]string{}
		}
		o.AssociationsTruncated[name] = after
	}
}

// flexID is an id that travels as a string or as a number. A number's digits
// are kept as they stand, since a float would spoil those of long ids.
type flexID string

func (id *flexID) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		return json.Unmarshal(data, (*string)(id))
	}
	if string(data) == "null" {
		return nil
	}
	for _, c := range data {
		if c < '0' || c > '9' {
			return fmt.Errorf("%.40s is not an id", data)
		}
	}
	*id = flexID(data)
	return nil
}

// stamp is a time in ISO 8601; what is none stays zero.
type stamp struct{ time.Time }

func (s *stamp) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) == nil {
		if t, err := time.Parse(time.RFC3339, text); err == nil {
			s.Time = t
		}
	}
	return nil
}
