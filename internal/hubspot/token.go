package hubspot

import (
	"context"
	"net/http"
)

// A TokenSource knows the access token.
type TokenSource interface {
	// Token returns the token to send.
	Token(ctx context.Context) (string, error)
	// Refresh is called after a 401 EXPIRED_AUTHENTICATION with the token that was
	// refused; it returns a new one, or an error when there is no way to get one.
	Refresh(ctx context.Context, refused string) (string, error)
}

// An OAuthConfig is what an app needs to get access tokens.
type OAuthConfig struct {
	ClientID, ClientSecret string
	RefreshToken           string
	BaseURL                string            // "" = DefaultBaseURL
	Transport              http.RoundTripper // nil: http.DefaultTransport
}
