package hubspot

// An AssociationWrite is a pair of records and the types between them.
type AssociationWrite struct {
	FromID, ToID string
	Types        []TypeSpec
}

// An Associated is a record that another one is associated with.
type Associated struct {
	ToID  string
	Types []AssociationType
}

// An AssociationType is one kind of association between two records.
type AssociationType struct {
	Category string `json:"category"`
	TypeID   int    `json:"typeId"`
	Label    string `json:"label"` // "" = the unlabeled type
}
