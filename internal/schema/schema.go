// Package schema holds an account's definitions as data: ticket properties and
// their options, pipelines and stages, owners, association labels. They can be
// saved, loaded, compared and looked up; nothing here talks to HubSpot.
//
// The JSON form of each type is HubSpot's own, so that a saved schema reads
// like the answers it was made of.
package schema

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/ticketetl/ticketetl/internal/newfile"
)

// FormatVersion is the version of the saved form.
const FormatVersion = 1

// A Schema is what one account defines for tickets.
type Schema struct {
	Version    int        `json:"version"`
	Saved      string     `json:"fingerprint,omitempty"` // of a saved schema: its Fingerprint when it was saved
	TakenAt    time.Time  `json:"takenAt"`
	Account    Account    `json:"account"`
	Properties []Property `json:"properties"`
	Pipelines  []Pipeline `json:"pipelines"`
	Owners     []Owner    `json:"owners"` // active ones and, marked, archived ones

	// Labels are the association types from tickets to another object type,
	// by that type's name ("contacts").
	Labels map[string][]Label `json:"labels"`

	// Unique names the properties of other object types that have unique
	// values, by object type: what an association may match on besides id.
	Unique map[string][]string `json:"unique,omitempty"`

	// Rules are the property validation rules, by property name.
	Rules map[string][]Rule `json:"rules,omitempty"`
}

// An Account names one HubSpot account.
// Source: GET /account-info/v3/details.
type Account struct {
	ID       int64  `json:"portalId"`
	Type     string `json:"accountType,omitempty"` // STANDARD, DEVELOPER_TEST, SANDBOX, APP_DEVELOPER
	TimeZone string `json:"timeZone,omitempty"`    // IANA name
	Currency string `json:"companyCurrency,omitempty"`
	UIDomain string `json:"uiDomain,omitempty"` // host of the app, for links
}

// RecordURL is the address of a ticket in the app; empty when the account's
// app host is not known.
func (a Account) RecordURL(ticketID string) string {
	if a.UIDomain == "" || a.ID == 0 || ticketID == "" {
		return ""
	}
	return "https://" + a.UIDomain + "/contacts/" + strconv.FormatInt(a.ID, 10) + "/record/0-5/" + ticketID
}

// A Property is the definition of one ticket property.
// Source: GET /crm/v3/properties/tickets.
type Property struct {
	Name                 string        `json:"name"`
	Label                string        `json:"label"`
	Type                 string        `json:"type"`      // bool date datetime enumeration number phone_number string json object_coordinates
	FieldType            string        `json:"fieldType"` // text textarea select checkbox ...
	Description          string        `json:"description,omitempty"`
	GroupName            string        `json:"groupName,omitempty"`
	Options              []Option      `json:"options"`
	DisplayOrder         int           `json:"displayOrder,omitempty"`
	ExternalOptions      bool          `json:"externalOptions,omitempty"`
	ReferencedObjectType string        `json:"referencedObjectType,omitempty"`
	HasUniqueValue       bool          `json:"hasUniqueValue"`
	Hidden               bool          `json:"hidden"`
	Calculated           bool          `json:"calculated,omitempty"`
	CalculationFormula   string        `json:"calculationFormula,omitempty"`
	HubspotDefined       bool          `json:"hubspotDefined,omitempty"`
	FormField            bool          `json:"formField"`
	Archived             bool          `json:"archived,omitempty"`
	ArchivedAt           *time.Time    `json:"archivedAt,omitempty"`
	ShowCurrencySymbol   bool          `json:"showCurrencySymbol,omitempty"`
	CurrencyPropertyName string        `json:"currencyPropertyName,omitempty"`
	NumberDisplayHint    string        `json:"numberDisplayHint,omitempty"`
	TextDisplayHint      string        `json:"textDisplayHint,omitempty"`
	DateDisplayHint      string        `json:"dateDisplayHint,omitempty"`
	DataSensitivity      string        `json:"dataSensitivity,omitempty"`
	Modification         *Modification `json:"modificationMetadata,omitempty"`
}

// Modification says what may be changed about a property.
type Modification struct {
	Archivable         bool `json:"archivable"`
	ReadOnlyDefinition bool `json:"readOnlyDefinition"`
	ReadOnlyOptions    bool `json:"readOnlyOptions,omitempty"`
	ReadOnlyValue      bool `json:"readOnlyValue"`
}

// An Option is one allowed value of an enumeration.
type Option struct {
	Label        string `json:"label"`
	Value        string `json:"value"`
	Description  string `json:"description,omitempty"`
	DisplayOrder int    `json:"displayOrder"`
	Hidden       bool   `json:"hidden"`
}

// A Pipeline is one ticket pipeline with its stages.
// Source: GET /crm/v3/pipelines/tickets.
type Pipeline struct {
	ID           string  `json:"id"`
	Label        string  `json:"label"`
	DisplayOrder int     `json:"displayOrder"`
	Archived     bool    `json:"archived"`
	Stages       []Stage `json:"stages"`
}

// A Stage is one stage of a pipeline.
type Stage struct {
	ID           string            `json:"id"`
	Label        string            `json:"label"`
	DisplayOrder int               `json:"displayOrder"`
	Archived     bool              `json:"archived"`
	Metadata     map[string]string `json:"metadata,omitempty"` // ticketState: OPEN or CLOSED; isClosed: "true" or "false"
}

// An Owner is somebody a ticket can be assigned to.
// Source: GET /crm/v3/owners.
type Owner struct {
	ID        string `json:"id"`
	Email     string `json:"email,omitempty"`
	Type      string `json:"type,omitempty"` // PERSON or QUEUE
	FirstName string `json:"firstName,omitempty"`
	LastName  string `json:"lastName,omitempty"`
	UserID    int64  `json:"userId,omitempty"` // 0 once deactivated
	Teams     []Team `json:"teams,omitempty"`
	Archived  bool   `json:"archived"`
}

// Name is the owner's first and last name.
func (o Owner) Name() string {
	switch {
	case o.FirstName == "":
		return o.LastName
	case o.LastName == "":
		return o.FirstName
	}
	return o.FirstName + " " + o.LastName
}

// A Team is one team of an owner.
type Team struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Primary bool   `json:"primary,omitempty"`
}

// A Label is one association type between two object types, in one direction.
// Source: GET /crm/v4/associations/{from}/{to}/labels.
type Label struct {
	Category string `json:"category"` // HUBSPOT_DEFINED USER_DEFINED INTEGRATOR_DEFINED WORK
	TypeID   int    `json:"typeId"`
	Label    string `json:"label"` // empty: the unlabeled type
}

// A Rule is one validation rule of a property.
// Source: GET /crm/v3/property-validations/0-5.
type Rule struct {
	Type      string   `json:"ruleType"`
	Arguments []string `json:"ruleArguments"`
	Normalize bool     `json:"shouldApplyNormalization,omitempty"`
}

// Writable says whether an import may set the property, and why not.
func (p *Property) Writable() (bool, string) {
	switch {
	case p.Archived:
		return false, "it is archived"
	case p.Calculated || len(p.FieldType) > 12 && p.FieldType[:12] == "calculation_":
		return false, "HubSpot calculates it"
	case p.Modification != nil && p.Modification.ReadOnlyValue:
		return false, "it is read only"
	}
	return true, ""
}

// Multiple says whether a value may hold several options, parted by ';'. That
// of an unknown property (nil) may not.
func (p *Property) Multiple() bool {
	return p != nil && p.Type == "enumeration" && p.FieldType == "checkbox"
}

// Closed says whether a ticket in this stage counts as closed.
func (s *Stage) Closed() bool {
	return s.Metadata["ticketState"] == "CLOSED" || s.Metadata["isClosed"] == "true"
}

// OfPeople says whether the property takes its options from the owners or their
// teams. Pipelines and stages, whose options are not its own either, have
// endpoints of their own.
func (p *Property) OfPeople() bool {
	return p.ExternalOptions && p.Name != "hs_pipeline" && p.Name != "hs_pipeline_stage"
}

// Used is the part of the definitions that uses names. It is the same whether
// they were all read or only those.
func (s *Schema) Used(uses Uses) *Schema {
	used := &Schema{Version: s.Version, TakenAt: s.TakenAt, Account: s.Account, Labels: map[string][]Label{}, Unique: map[string][]string{}, Rules: map[string][]Rule{}}
	for i := range s.Properties {
		p := &s.Properties[i]
		if !slices.Contains(uses.Properties, p.Name) {
			continue
		}
		used.Properties = append(used.Properties, *p)
		if rules := s.Rules[p.Name]; len(rules) > 0 {
			used.Rules[p.Name] = rules
		}
		if p.OfPeople() {
			used.Owners = s.Owners
		}
		if p.Name == "hs_pipeline" || p.Name == "hs_pipeline_stage" {
			used.Pipelines = s.Pipelines
		}
	}
	for _, object := range uses.Links {
		if labels := s.Labels[object]; len(labels) > 0 {
			used.Labels[object] = labels
		}
	}
	for _, object := range uses.Unique {
		if names := s.Unique[object]; len(names) > 0 {
			used.Unique[object] = names
		}
	}
	return used
}

// Fingerprint is a hash over the definitions, equal for equal definitions
// whenever they were taken.
func (s *Schema) Fingerprint() string {
	fixed := *s
	fixed.TakenAt, fixed.Saved, fixed.Version = time.Time{}, "", FormatVersion
	data, err := json.Marshal(fixed)
	if err != nil {
		panic(err) // plain data always marshals
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:8])
}

// Edited says whether a loaded schema is not what was saved.
func (s *Schema) Edited() bool { return s.Saved != "" && s.Saved != s.Fingerprint() }

// Save writes the schema as JSON, readable by its owner only, since it holds
// names and addresses of owners. The file is replaced whole or not at all.
func (s *Schema) Save(path string) error {
	s.Version, s.Saved = FormatVersion, s.Fingerprint()
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	return newfile.Write(path, append(data, '\n'), 0o600)
}

// maxFile bounds what Load reads, in bytes.
const maxFile = 256 << 20

// Load reads a schema that Save wrote.
func Load(path string) (*Schema, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("%s: %d bytes are too many for a schema file", path, info.Size())
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var s Schema
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, fmt.Errorf("%s: not a schema file: %w", path, err)
	}
	if s.Version != FormatVersion {
		return nil, fmt.Errorf("%s: schema file of version %d, this program reads version %d; write it anew with 'ticketetl schema -o %s'",
			path, s.Version, FormatVersion, path)
	}
	return &s, nil
}
