package hubspot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/ticketetl/ticketetl/internal/schema"
)

// CreateProperty defines a property of an object type and returns it as HubSpot
// has it. A name that is taken is an *Error of status 409; so is the second
// attempt after one whose answer was lost, so that errors.Is ErrInDoubt means:
// read the properties to see. Nobody can make a property unique later.
//
// Source: POST /crm/v3/properties/{objectType} (Properties v3).
func (c *Client) CreateProperty(ctx context.Context, object string, p schema.Property) (schema.Property, error) {
	if err := checkParts("the object type", object); err != nil {
		return schema.Property{}, err
	}
	body, err := json.Marshal(newProperty{
		Name: p.Name, Label: p.Label, Type: p.Type, FieldType: p.FieldType, GroupName: p.GroupName,
		Description: p.Description, Options: p.Options, HasUniqueValue: p.HasUniqueValue, Hidden: p.Hidden, FormField: p.FormField,
	})
	if err != nil {
		return schema.Property{}, err
	}
	var made schema.Property
	err = c.do(ctx, &call{
		method: http.MethodPost, path: c.paths.properties(object), body: body, once: true,
		decode: func(data []byte) error {
			made = schema.Property{}
			if err := json.Unmarshal(data, &made); err != nil {
				return err
			}
			if made.Name == "" {
				return errors.New("it names no property")
			}
			return nil
		},
	})
	if err != nil {
		return schema.Property{}, fmt.Errorf("create the property %s of %s: %w", p.Name, object, err)
	}
	return made, nil
}

// newProperty is what a definition may hold when it is created.
type newProperty struct {
	Name           string          `json:"name"`
	Label          string          `json:"label"`
	Type           string          `json:"type"`
	FieldType      string          `json:"fieldType"`
	GroupName      string          `json:"groupName"`
	Description    string          `json:"description,omitempty"`
	Options        []schema.Option `json:"options,omitempty"`
	HasUniqueValue bool            `json:"hasUniqueValue"`
	Hidden         bool            `json:"hidden"`
	FormField      bool            `json:"formField"`
}
