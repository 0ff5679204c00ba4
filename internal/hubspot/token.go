package hubspot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// A TokenSource knows the access token. Its methods may be called from several
// goroutines.
type TokenSource interface {
	// Token returns the token to send.
	Token(ctx context.Context) (string, error)
	// Refresh is called after a 401 EXPIRED_AUTHENTICATION with the token that was
	// refused; it returns a new one, or an error when there is no way to get one.
	Refresh(ctx context.Context, refused string) (string, error)
}

// errNoToken marks that there is no token to be had.
var errNoToken = errors.New("no usable access token")

// StaticToken is the token of a private app or a service key, which lives until
// somebody revokes it.
func StaticToken(token string) TokenSource { return staticToken(strings.TrimSpace(token)) }

type staticToken string

func (t staticToken) Token(context.Context) (string, error) {
	if t == "" {
		return "", fmt.Errorf("%w: it is empty", errNoToken)
	}
	if strings.ContainsFunc(string(t), func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", fmt.Errorf("%w: it holds characters that no token has, such as a blank or a line break", errNoToken)
	}
	return string(t), nil
}

func (t staticToken) Refresh(context.Context, string) (string, error) {
	return "", fmt.Errorf("%w: this one cannot be renewed by the program; give a new one", errNoToken)
}

// String keeps the token out of whatever prints a TokenSource.
func (t staticToken) String() string   { return "***" }
func (t staticToken) GoString() string { return "***" }

// An OAuthConfig is what an app needs to get access tokens.
type OAuthConfig struct {
	ClientID, ClientSecret string
	RefreshToken           string
	BaseURL                string            // "" = DefaultBaseURL
	Transport              http.RoundTripper // nil: http.DefaultTransport
}

// OAuthTokens gets access tokens by a refresh token, and renews them five
// minutes before they expire. One renewal at a time serves all goroutines. A
// refresh token that HubSpot replaces is kept in memory only.
// Source: POST /oauth/v3/token.
func OAuthTokens(config OAuthConfig) TokenSource {
	if config.Transport == nil {
		config.Transport = http.DefaultTransport
	}
	return &oauthTokens{config: config, refresh: config.RefreshToken, turn: make(chan struct{}, 1)}
}

const (
	renewBefore    = 5 * time.Minute
	oauthTries     = 4
	oauthTimeout   = 30 * time.Second
	maxTokenAnswer = 1 << 20
)

type oauthTokens struct {
	config OAuthConfig
	turn   chan struct{} // held by whoever reads or renews what follows

	access  string
	refresh string
	renewAt time.Time
	expires time.Time
}

// String keeps the secrets out of whatever prints a TokenSource.
func (t *oauthTokens) String() string   { return "***" }
func (t *oauthTokens) GoString() string { return "***" }

func (t *oauthTokens) Token(ctx context.Context) (string, error) {
	if err := t.lock(ctx); err != nil {
		return "", err
	}
	defer t.unlock()
	now := time.Now()
	if t.access != "" && now.Before(t.renewAt) {
		return t.access, nil
	}
	if err := t.renew(ctx); err != nil {
		if t.access != "" && now.Before(t.expires) && Retryable(err) {
			return t.access, nil // it is still good for a while
		}
		return "", err
	}
	return t.access, nil
}

func (t *oauthTokens) Refresh(ctx context.Context, refused string) (string, error) {
	if err := t.lock(ctx); err != nil {
		return "", err
	}
	defer t.unlock()
	if t.access != "" && t.access != refused {
		return t.access, nil // somebody else has renewed it meanwhile
	}
	if err := t.renew(ctx); err != nil {
		return "", err
	}
	return t.access, nil
}

func (t *oauthTokens) lock(ctx context.Context) error {
	select {
	case t.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t *oauthTokens) unlock() { <-t.turn }

// renew asks for a new access token, a few times if need be.
func (t *oauthTokens) renew(ctx context.Context) error {
	for try := 0; ; try++ {
		err := t.ask(ctx)
		if err == nil || !Retryable(err) || try+1 >= oauthTries || ctx.Err() != nil {
			return err
		}
		if err := sleepContext(ctx, jitter(exponential(try))); err != nil {
			return err
		}
	}
}

func (t *oauthTokens) ask(ctx context.Context) error {
	base, err := checkBaseURL(t.config.BaseURL)
	if err != nil {
		return err
	}
	form := url.Values{
		"grant_type": {"refresh_token"}, "refresh_token": {t.refresh},
		"client_id": {t.config.ClientID}, "client_secret": {t.config.ClientSecret},
	}
	ctx, cancel := context.WithTimeout(ctx, oauthTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+tokenPath, strings.NewReader(form.Encode()))
	if err != nil {
		return errors.New("the base URL makes no valid address")
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	resp, err := t.config.Transport.RoundTrip(req)
	if err != nil {
		return &lostError{what: "no answer from " + host(base), cause: plain(err), final: isHopeless(err)}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxTokenAnswer))
	if err != nil {
		return &lostError{what: "the answer about the token broke off", cause: err}
	}
	if resp.StatusCode != http.StatusOK {
		return t.refusal(resp, body)
	}
	return t.take(body)
}

// refusal words an answer of the token endpoint, which has its own form.
func (t *oauthTokens) refusal(resp *http.Response, body []byte) error {
	e := parseError(resp.StatusCode, resp.Header, body)
	var w struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
		Status      string `json:"status"`
	}
	if json.Unmarshal(body, &w) == nil && e.Category == "" {
		e.Category = clip(w.Status)
		if e.Category == "" || e.Category == "error" {
			e.Category = clip(w.Error)
		}
		if w.Description != "" {
			e.Message = clip(w.Description)
		}
	}
	e.Method, e.Path = http.MethodPost, tokenPath
	e.Message = mask(e.Message, t.refresh, t.config.ClientSecret, t.config.ClientID)
	if e.Status >= 400 && e.Status <= 499 && !Retryable(e) {
		return fmt.Errorf("%w: the refresh token, client id or client secret is refused: %w", errNoToken, e)
	}
	return e
}

func (t *oauthTokens) take(body []byte) error {
	var w struct {
		Access  string  `json:"access_token"`
		Refresh string  `json:"refresh_token"`
		Expires float64 `json:"expires_in"` // seconds
	}
	if err := json.Unmarshal(body, &w); err != nil || w.Access == "" {
		return &lostError{what: "the answer about the token holds none"}
	}
	t.access = w.Access
	if w.Refresh != "" {
		t.refresh = w.Refresh
	}
	if w.Expires <= 0 || w.Expires > 30*24*3600 {
		w.Expires = 1800 // as documented
	}
	lifetime := time.Duration(w.Expires * float64(time.Second))
	t.expires = time.Now().Add(lifetime)
	t.renewAt = t.expires.Add(-min(renewBefore, lifetime/6))
	return nil
}
