package hubspot

import "time"

// A Property is one value to write. An empty Value clears the property.
type Property struct{ Name, Value string }

// An Object is one record as HubSpot returns it.
type Object struct {
	ID                    string
	Properties            map[string]string // unset ones are "" or missing
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
	Value           string    `json:"value"`
	Timestamp       time.Time `json:"-"`
	SourceType      string    `json:"sourceType"`
	SourceID        string    `json:"sourceId"`
	SourceLabel     string    `json:"sourceLabel"`
	UpdatedByUserID int64     `json:"updatedByUserId"`
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
}

// A Page is one answer of a listing.
type Page struct {
	Results []Object
	After   string // cursor of the next page; "" on the last one
}
