package hubspot

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/ticketetl/ticketetl/internal/schema"
)

type paths struct{ version string }
type pace struct{ c http.Client }

func newPace(local bool) *pace { return &pace{} }

var errLater = errors.ErrUnsupported

func StaticToken(token string) TokenSource       { return nil }
func OAuthTokens(config OAuthConfig) TokenSource { return nil }
func Retryable(err error) bool                   { return false }
func IsAuth(err error) bool                      { return false }
func IsDailyLimit(err error) bool                { return false }
func (e *Error) Error() string                   { return e.Message }

func (c *Client) Create(ctx context.Context, object string, in CreateInput) (*Object, error) {
	return nil, errLater
}
func (c *Client) Get(ctx context.Context, object, id string, q GetQuery) (*Object, error) {
	return nil, errLater
}
func (c *Client) List(ctx context.Context, object string, q ListQuery) (*Page, error) {
	return nil, errLater
}
func (c *Client) Update(ctx context.Context, object, id, idProperty string, properties []Property) (*Object, error) {
	return nil, errLater
}
func (c *Client) Archive(ctx context.Context, object, id string) error { return errLater }
func (c *Client) Merge(ctx context.Context, object, primaryID, mergedID string) (*Object, error) {
	return nil, errLater
}
func (c *Client) CreateBatch(ctx context.Context, object string, in []CreateInput) ([]Result, error) {
	return nil, errLater
}
func (c *Client) UpdateBatch(ctx context.Context, object string, in []UpdateInput) ([]Result, error) {
	return nil, errLater
}
func (c *Client) UpsertBatch(ctx context.Context, object string, in []UpsertInput) ([]Result, error) {
	return nil, errLater
}
func (c *Client) ArchiveBatch(ctx context.Context, object string, ids []string) error {
	return errLater
}
func (c *Client) ReadBatch(ctx context.Context, object string, q BatchRead) (found []Object, missing []string, err error) {
	return nil, nil, errLater
}
func (c *Client) Search(ctx context.Context, object string, q SearchRequest) (*SearchPage, error) {
	return nil, errLater
}
func (c *Client) AssociateBatch(ctx context.Context, from, to string, in []AssociationWrite) ([]Result, error) {
	return nil, errLater
}
func (c *Client) AssociateDefaultBatch(ctx context.Context, from, to string, in []AssociationWrite) ([]Result, error) {
	return nil, errLater
}
func (c *Client) DissociateBatch(ctx context.Context, from, to string, in []AssociationWrite) error {
	return errLater
}
func (c *Client) RemoveLabelsBatch(ctx context.Context, from, to string, in []AssociationWrite) error {
	return errLater
}
func (c *Client) ReadAssociations(ctx context.Context, from, to string, ids []string) (map[string][]Associated, error) {
	return nil, errLater
}
func (c *Client) RemoveAssociation(ctx context.Context, ticketID, toType, toID string, typeID int) error {
	return errLater
}
func (c *Client) Properties(ctx context.Context, object string, archived bool) ([]schema.Property, error) {
	return nil, errLater
}
func (c *Client) PropertyRules(ctx context.Context, objectTypeID string) (map[string][]schema.Rule, error) {
	return nil, errLater
}
func (c *Client) Pipelines(ctx context.Context, object string) ([]schema.Pipeline, error) {
	return nil, errLater
}
func (c *Client) Owners(ctx context.Context, archived bool) ([]schema.Owner, error) {
	return nil, errLater
}
func (c *Client) AssociationLabels(ctx context.Context, from, to string) ([]schema.Label, error) {
	return nil, errLater
}
func (c *Client) Account(ctx context.Context) (schema.Account, error) {
	return schema.Account{}, errLater
}
func (c *Client) DailyUsage(ctx context.Context) ([]DailyUsage, error) { return nil, errLater }
func (c *Client) Schema(ctx context.Context, now time.Time) (*schema.Schema, error) {
	return nil, errLater
}
