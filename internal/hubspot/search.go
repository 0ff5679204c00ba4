package hubspot

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
}
