package hubspot

// A CreateInput is a record to create.
type CreateInput struct {
	TraceID      string // names the input in the answer; filled in when empty
	Properties   []Property
	Associations []AssociationInput
}

// An UpdateInput is a record to change.
type UpdateInput struct {
	TraceID    string
	ID         string // record id, or the value of IDProperty
	IDProperty string // a unique property; "" = record id
	Properties []Property
}

// An UpsertInput is a record to change, or to create if there is none yet.
type UpsertInput struct {
	TraceID    string
	ID         string // value of IDProperty
	IDProperty string // a unique property
	Properties []Property
}

// A Result says what became of one input of a batch.
type Result struct {
	ID  string // record id; "" if refused
	New bool   // created, not updated
	Err error  // *Error: refused; errors.Is ErrInDoubt: the answer does not mention it
}

// A BatchRead asks for records by id or by a unique property.
type BatchRead struct {
	IDProperty            string // "" = record id
	IDs                   []string
	Properties            []string
	PropertiesWithHistory []string
	Archived              bool
}
