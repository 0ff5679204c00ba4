package sandbox

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// OAuth is what the token endpoint accepts; an empty field accepts anything.
type OAuth struct{ ClientID, ClientSecret, RefreshToken string }

// tokenLife is how long an OAuth access token lives.
const tokenLife = 1800 * time.Second

// tokenStore holds the access tokens that the token endpoint gave out.
type tokenStore struct {
	mu     sync.Mutex
	until  map[string]time.Time
	issued int
}

func (t *tokenStore) issue(now time.Time) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.until == nil {
		t.until = map[string]time.Time{}
	}
	t.issued++
	token := fmt.Sprintf("sandbox-access-%06d", t.issued)
	t.until[token] = now.Add(tokenLife)
	return token
}

// state says whether the token was given out here, and whether it still holds.
func (t *tokenStore) state(token string, now time.Time) (known, alive bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	until, known := t.until[token]
	return known, now.Before(until)
}

func (t *tokenStore) left(token string, now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.until[token].Sub(now)
}

func (t *tokenStore) revoke(token string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.until, token)
}

// authenticate checks the token and its scopes.
func (c *call) authenticate() *failure {
	scheme, token, _ := strings.Cut(c.r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		c.wrong("no bearer token")
		return badToken("Authentication credentials not found. This API supports OAuth 2.0 authentication and you can find more details at https://developers.hubspot.com/docs/methods/auth/oauth-overview")
	}
	known, alive := c.s.tokens.state(token, c.s.now())
	switch {
	case known && !alive:
		return expiredToken()
	case known || c.s.opts.Token == "" && !strings.HasPrefix(token, "sandbox-access-") || c.s.opts.Token == token && token != "":
		return c.checkScope()
	}
	return badToken("Authentication credentials not found. The access token is not valid.")
}

func badToken(message string) *failure {
	return &failure{code: http.StatusUnauthorized, Category: "INVALID_AUTHENTICATION", Message: message}
}

func expiredToken() *failure {
	return &failure{code: http.StatusUnauthorized, Category: "EXPIRED_AUTHENTICATION",
		Message: "The OAuth token used to make this call expired. Refresh it and try again."}
}

// checkScope wants one of the scopes of each group that the path needs.
func (c *call) checkScope() *failure {
	if c.s.opts.Scopes == nil {
		return nil
	}
	granted := func(s string) bool { return slices.Contains(c.s.opts.Scopes, s) }
	for _, anyOf := range scopesFor(c.r) {
		if !slices.ContainsFunc(anyOf, granted) {
			return missingScopes(anyOf)
		}
	}
	return nil
}

func missingScopes(anyOf []string) *failure {
	message := "This app hasn't been granted all required scopes to make this call. Read more about required scopes here: https://developers.hubspot.com/scopes."
	return &failure{code: http.StatusForbidden, Category: "MISSING_SCOPES", Message: message,
		Links: map[string]string{"scopes": "https://developers.hubspot.com/scopes"},
		Errors: []detail{{
			Message: "One or more of the following scopes are required.",
			Context: map[string][]string{"requiredGranularScopes": anyOf},
		}}}
}

// scopesFor are groups of scopes: one of each is needed. None where all may call.
func scopesFor(r *http.Request) [][]string {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if len(parts) < 3 || parts[0] != "crm" {
		return nil
	}
	access := "read"
	if r.Method != http.MethodGet && !strings.HasSuffix(r.URL.Path, "/search") && !strings.HasSuffix(r.URL.Path, "/batch/read") {
		access = "write"
	}
	switch parts[2] {
	case "owners":
		return [][]string{{"crm.objects.owners.read"}}
	case "limits":
		return [][]string{anyObject()}
	case "objects", "associations":
		return bothObjects(parts[2:], access)
	case "properties", "pipelines", "property-validations":
		groups := oneObject("schemas", parts[3:], access)
		if sensitivity := r.URL.Query().Get("dataSensitivity"); sensitivity != "" && sensitivity != "non_sensitive" && len(parts) > 3 {
			groups = append(groups, sensitiveScopes(canonicalName(parts[3]), sensitivity))
		}
		return groups
	}
	return nil
}

// anyObject: the limits API is open to whoever may read any object.
func anyObject() []string {
	all := []string{"tickets"}
	for _, o := range objectKinds() {
		all = append(all, "crm.objects."+o.name+".read", "crm.objects."+o.name+".write")
	}
	return all
}

// bothObjects are the scopes of a path below objects or associations; one that
// is about associations needs those of either object.
func bothObjects(parts []string, access string) [][]string {
	groups := oneObject("objects", parts[1:], access)
	other := 2 // associations/{from}/{to}
	if parts[0] == "objects" {
		other = slices.Index(parts, "associations") + 1
		if other > 0 && other < len(parts) && parts[other] == "default" {
			other++
		}
	}
	if other < 2 || other >= len(parts) || knownByName(canonicalName(parts[other])) == nil {
		return groups
	}
	return append(groups, oneObject("objects", parts[other:], access)...)
}

func oneObject(area string, parts []string, access string) [][]string {
	if len(parts) == 0 {
		return nil
	}
	name := canonicalName(parts[0])
	scopes := []string{"crm." + area + "." + name + "." + access}
	if access == "read" {
		scopes = append(scopes, "crm."+area+"."+name+".write")
	}
	if area == "schemas" {
		scopes = append(scopes, "crm.objects."+name+"."+access)
	}
	if name == "tickets" {
		scopes = append([]string{"tickets"}, scopes...)
	}
	return [][]string{scopes}
}

func sensitiveScopes(object, sensitivity string) []string {
	scopes := []string{"crm.objects." + object + "." + sensitivity + ".read", "crm.objects." + object + "." + sensitivity + ".write"}
	if object == "tickets" {
		scopes = append(scopes, "tickets."+sensitivity+".v2")
	}
	return scopes
}

// issueToken is the OAuth token endpoint.
func (c *call) issueToken() (*reply, *failure) {
	form, err := url.ParseQuery(string(c.body))
	if err != nil {
		return oauthError("invalid_request", "BAD_REQUEST", "the form cannot be read"), nil
	}
	if rep := c.checkGrant(form); rep != nil {
		return rep, nil
	}
	refresh := form.Get("refresh_token")
	if refresh == "" {
		refresh = orText(c.s.opts.OAuth.RefreshToken, "sandbox-refresh")
	}
	scopes := c.s.opts.Scopes
	if scopes == nil {
		scopes = []string{"oauth", "tickets", "crm.objects.owners.read", "crm.objects.contacts.read", "crm.objects.companies.read"}
	}
	return ok(http.StatusOK, map[string]any{
		"access_token": c.s.tokens.issue(c.s.now()), "refresh_token": refresh, "token_type": "bearer",
		"expires_in": int(tokenLife.Seconds()), "hub_id": c.s.account.ID, "user_id": 9586504,
		"scopes": scopes, "token_use": "access_token",
	}), nil
}

func (c *call) checkGrant(form url.Values) *reply {
	want := c.s.opts.OAuth
	differs := func(want, got string) bool { return got == "" || want != "" && want != got }
	switch grant := form.Get("grant_type"); {
	case grant != "refresh_token" && grant != "authorization_code":
		return oauthError("unsupported_grant_type", "BAD_GRANT_TYPE", "missing or invalid grant_type")
	case differs(want.ClientID, form.Get("client_id")):
		return oauthError("invalid_client", "BAD_CLIENT_ID", "missing or unknown client id")
	case differs(want.ClientSecret, form.Get("client_secret")):
		return oauthError("invalid_client", "BAD_CLIENT_SECRET", "missing or invalid client secret")
	case grant == "refresh_token" && differs(want.RefreshToken, form.Get("refresh_token")):
		return oauthError("invalid_grant", "BAD_REFRESH_TOKEN", "missing or invalid refresh token")
	case grant == "authorization_code" && form.Get("code") == "":
		return oauthError("invalid_grant", "BAD_AUTH_CODE", "missing or unknown auth code")
	case grant == "authorization_code" && form.Get("redirect_uri") == "":
		return oauthError("invalid_grant", "MISSING_REDIRECT_URI", "missing redirect_uri")
	}
	return nil
}

func oauthError(code, status, message string) *reply {
	return ok(http.StatusBadRequest, map[string]string{
		"error": code, "error_description": message, "status": status, "message": message,
	})
}

func (c *call) introspectToken() (*reply, *failure) {
	form, err := url.ParseQuery(string(c.body))
	if err != nil {
		return oauthError("invalid_request", "BAD_REQUEST", "the form cannot be read"), nil
	}
	_, alive := c.s.tokens.state(form.Get("token"), c.s.now())
	return ok(http.StatusOK, map[string]any{"active": alive, "hub_id": c.s.account.ID, "token_use": "access_token"}), nil
}

// tokenInfo is how v1 tells of an access token; its path names the token.
func (c *call) tokenInfo() (*reply, *failure) {
	token := c.r.PathValue("token")
	if _, alive := c.s.tokens.state(token, c.s.now()); !alive {
		return nil, notFound()
	}
	return ok(http.StatusOK, map[string]any{"token": token, "hub_id": c.s.account.ID, "user_id": 9586504, "token_type": "access",
		"expires_in": int(c.s.tokens.left(token, c.s.now()).Seconds())}), nil
}

func (c *call) revokeToken() (*reply, *failure) {
	form, err := url.ParseQuery(string(c.body))
	if err != nil {
		return oauthError("invalid_request", "BAD_REQUEST", "the form cannot be read"), nil
	}
	c.s.tokens.revoke(form.Get("token"))
	return noContent(), nil
}
