package hubspot_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/internal/hubspot"
)

func TestStaticToken(t *testing.T) {
	t.Parallel()
	token, err := hubspot.StaticToken(" pat-na1-x\n").Token(t.Context())
	require.NoError(t, err)
	require.Equal(t, "pat-na1-x", token)
	for _, bad := range []string{"", "two words", "line\nbreak", "naïve"} {
		_, err := hubspot.StaticToken(bad).Token(t.Context())
		require.True(t, hubspot.IsAuth(err), bad)
		if bad != "" {
			require.NotContains(t, err.Error(), bad)
		}
	}
	_, err = hubspot.StaticToken("x").Refresh(t.Context(), "x")
	require.True(t, hubspot.IsAuth(err))
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		require.NotContains(t, fmt.Sprintf(verb, hubspot.StaticToken("pat-na1-x")), "pat")
		require.NotContains(t, fmt.Sprintf(verb, hubspot.OAuthTokens(hubspot.OAuthConfig{ClientSecret: "pat", RefreshToken: "pat"})), "pat")
	}
}

// issuer is a token endpoint that numbers its tokens.
type issuer struct {
	mu    sync.Mutex
	forms []url.Values
	fails []*http.Response
}

func (i *issuer) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path != "/oauth/v3/token" || r.Method != http.MethodPost {
		return answer(404, "{}"), nil
	}
	if err := r.ParseForm(); err != nil {
		return nil, err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.forms = append(i.forms, r.PostForm)
	if len(i.fails) > 0 {
		next := i.fails[0]
		i.fails = i.fails[1:]
		if next == nil {
			return nil, errors.New("connection reset")
		}
		return next, nil
	}
	n := strconv.Itoa(len(i.forms))
	return answer(200, `{"access_token":"access`+n+`","refresh_token":"refresh`+n+`","expires_in":1800,"token_type":"bearer"}`), nil
}

func oauth(transport http.RoundTripper) hubspot.TokenSource {
	return hubspot.OAuthTokens(hubspot.OAuthConfig{
		ClientID: "client", ClientSecret: "secret-value", RefreshToken: "refresh0",
		BaseURL: "http://127.0.0.1:9", Transport: transport,
	})
}

// TestOAuth: one token serves until five minutes before it expires; the refresh
// token that came with it is the one sent next.
func TestOAuth(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{}
		tokens := oauth(i)
		token := func() string {
			s, err := tokens.Token(t.Context())
			require.NoError(t, err)
			return s
		}
		require.Equal(t, "access1", token())
		time.Sleep(25*time.Minute - time.Second)
		require.Equal(t, "access1", token())
		time.Sleep(time.Second)
		require.Equal(t, "access2", token())
		require.Equal(t, url.Values{"grant_type": {"refresh_token"}, "client_id": {"client"}, "client_secret": {"secret-value"}, "refresh_token": {"refresh0"}}, i.forms[0])
		require.Equal(t, "refresh1", i.forms[1].Get("refresh_token"))

		refreshed, err := tokens.Refresh(t.Context(), "access1")
		require.NoError(t, err)
		require.Equal(t, "access2", refreshed, "somebody has renewed it already")
		refreshed, err = tokens.Refresh(t.Context(), "access2")
		require.NoError(t, err)
		require.Equal(t, "access3", refreshed)
	})
}

func TestOAuthRenewsOnceForAll(t *testing.T) {
	t.Parallel()
	i := &issuer{}
	tokens := oauth(i)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if s, err := tokens.Token(t.Context()); err != nil || s != "access1" {
				t.Error(s, err)
			}
		})
	}
	wg.Wait()
	require.Len(t, i.forms, 1)
}

func TestOAuthFailures(t *testing.T) {
	t.Parallel()
	refused := func() *http.Response {
		return answer(400, `{"status":"BAD_REFRESH_TOKEN","message":"missing or invalid refresh token refresh0","error":"invalid_grant","error_description":"refresh0 is unknown to secret-value"}`)
	}
	tests := []struct {
		name  string
		fails []*http.Response
		asked int
		want  string // error; "" = the token comes
		auth  bool
	}{
		{name: "outage that ends", fails: []*http.Response{answer(502, "<html>"), nil}, asked: 3},
		{name: "outage that does not", fails: []*http.Response{nil, nil, nil, nil, nil}, asked: 4, want: "no answer from 127.0.0.1:9: connection reset"},
		{name: "answer without a token", fails: []*http.Response{answer(200, "{}"), answer(200, ""), answer(200, "<html>"), answer(200, "{}")}, asked: 4, want: "the answer about the token holds none"},
		{name: "refused", fails: []*http.Response{refused()}, asked: 1, auth: true,
			want: "no usable access token: the refresh token, client id or client secret is refused: HubSpot answered 400 BAD_REFRESH_TOKEN: *** is unknown to ***"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				i := &issuer{fails: tt.fails}
				_, err := oauth(i).Token(t.Context())
				if tt.want == "" {
					require.NoError(t, err)
				} else {
					require.EqualError(t, err, tt.want)
				}
				require.Equal(t, tt.auth, hubspot.IsAuth(err))
				require.Len(t, i.forms, tt.asked)
			})
		})
	}
	_, err := hubspot.OAuthTokens(hubspot.OAuthConfig{BaseURL: "http://hubspot.example"}).Token(t.Context())
	require.ErrorContains(t, err, "must be https")
}

// TestOAuthOutageBeforeExpiry: a token that is to be renewed, but is still good,
// serves on while the endpoint is down.
func TestOAuthOutageBeforeExpiry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{}
		tokens := oauth(i)
		_, err := tokens.Token(t.Context())
		require.NoError(t, err)
		time.Sleep(26 * time.Minute)
		i.fails = []*http.Response{nil, nil, nil, nil}
		token, err := tokens.Token(t.Context())
		require.NoError(t, err)
		require.Equal(t, "access1", token)
	})
}

// TestOAuthWaitHonoursContext: who waits for somebody else's renewal can leave.
func TestOAuthWaitHonoursContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tokens := oauth(carrier(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}))
		first, stop := context.WithCancel(t.Context())
		go func() { _, _ = tokens.Token(first) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := tokens.Token(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		stop()
		synctest.Wait()
	})
}

// TestTokenInAnOutage: a token that runs out while its endpoint is down is waited
// for, as long as a call may wait.
func TestTokenInAnOutage(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		lasts time.Duration
		ok    bool
	}{{"two minutes", 2 * time.Minute, true}, {"an hour", time.Hour, false}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				endpoint := carrier(func(*http.Request) (*http.Response, error) {
					if since := time.Since(began); since > time.Second && since < tt.lasts {
						return answer(503, ""), nil
					}
					return answer(200, `{"access_token":"abc","refresh_token":"r","expires_in":60}`), nil
				})
				c := newClient(t, carrier(good), func(o *hubspot.Options) {
					o.Tokens = hubspot.OAuthTokens(hubspot.OAuthConfig{ClientID: "i", ClientSecret: "s", RefreshToken: "r", Transport: endpoint})
				})
				require.NoError(t, operations["read"](t.Context(), c))
				time.Sleep(65 * time.Second)
				err := operations["create batch"](t.Context(), c)
				if tt.ok {
					require.NoError(t, err)
					require.GreaterOrEqual(t, time.Since(began), tt.lasts)
					return
				}
				require.ErrorIs(t, err, hubspot.ErrGaveUp)
				require.ErrorIs(t, err, hubspot.ErrNotSent)
				require.True(t, hubspot.Retryable(err))
			})
		})
	}
}
