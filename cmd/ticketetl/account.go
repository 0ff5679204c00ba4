package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/ticketetl/ticketetl/internal/hubspot"
	"github.com/ticketetl/ticketetl/internal/sandbox"
	"github.com/ticketetl/ticketetl/internal/schema"
)

// A connection is an account that a command works on, and its definitions.
type connection struct {
	client *hubspot.Client // nil: offline, with a saved schema
	schema *schema.Schema
	close  func() error
}

// connect reaches the account that the flags name, checks that it is the one
// that was asked for, and reads the definitions that are wanted.
func (a *app) connect(ctx context.Context, p *progress, want hubspot.Want) (*connection, error) {
	client, closer, err := a.client(p)
	if err != nil {
		return nil, errors.Join(err, closer())
	}
	c := &connection{client: client, close: closer}
	if err := a.checkAccount(ctx, client); err != nil {
		return nil, errors.Join(err, c.close())
	}
	if c.schema, err = client.SchemaFor(ctx, time.Now().UTC(), want); err != nil {
		return nil, errors.Join(fmt.Errorf("read the account's definitions: %w", err), c.close())
	}
	return c, nil
}

// volatile says that the account is gone when the command ends.
func (a *app) volatile() bool { return a.flags.sandbox && a.flags.sandboxData == "" }

// endpoint names where the account is, so that a stand-in is not taken for the
// account that it stands for.
func (a *app) endpoint() string {
	switch {
	case a.flags.sandboxData != "":
		return "sandbox:" + a.flags.sandboxData
	case a.flags.sandbox:
		return "sandbox"
	case a.flags.baseURL != "":
		return a.flags.baseURL
	}
	if url, _ := a.env("HUBSPOT_BASE_URL"); url != "" {
		return url
	}
	return hubspot.DefaultBaseURL
}

// checkAccount is the guard of --account.
func (a *app) checkAccount(ctx context.Context, client *hubspot.Client) error {
	if a.flags.account == 0 {
		return nil
	}
	account, err := client.Account(ctx)
	if err != nil {
		return fmt.Errorf("read the account's details: %w", err)
	}
	if account.ID != a.flags.account {
		return fmt.Errorf("the token belongs to account %d, and --account asks for %d; nothing was sent", account.ID, a.flags.account)
	}
	return nil
}

// client makes the client for the sandbox or for HubSpot.
func (a *app) client(p *progress) (*hubspot.Client, func() error, error) {
	opts := hubspot.Options{
		BaseURL: a.flags.baseURL, APIVersion: a.flags.apiVersion, UserAgent: "ticketetl/" + programVersion(),
		Timeout: a.flags.timeout, MaxWait: a.flags.maxWait, Notify: p.waiting,
		Concurrency: a.flags.concurrency, WaitForQuota: a.flags.waitQuota,
	}
	opts.Reserve, _ = reserve(a.flags.reserve) // checked with the flags
	until, release := a.patience()
	opts.Until = until
	client, closer, err := a.clientFor(opts)
	return client, func() error { release(); return closer() }, err
}

// clientFor makes a client; closer ends what stands behind it.
func (a *app) clientFor(opts hubspot.Options) (_ *hubspot.Client, closer func() error, err error) {
	nothing := func() error { return nil }
	if a.flags.sandbox || a.flags.sandboxData != "" {
		return a.sandboxClient(opts)
	}
	if opts.BaseURL == "" {
		opts.BaseURL, _ = a.env("HUBSPOT_BASE_URL")
	}
	tokens, err := a.tokens(opts.BaseURL)
	if err != nil {
		return nil, nothing, err
	}
	opts.Tokens = tokens
	client, err := hubspot.New(opts)
	return client, nothing, err
}

// patience is a context that ends --stop-within after the first interrupt.
func (a *app) patience() (_ context.Context, release func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	go func() {
		select {
		case <-a.stop:
		case <-ctx.Done():
			return
		}
		timer := time.AfterFunc(a.flags.stopWithin, func() { cancel(interruptedError{a.flags.stopWithin}) })
		<-ctx.Done()
		timer.Stop()
	}()
	return ctx, func() { cancel(nil) }
}

// interruptedError says why requests that were under way were given up.
type interruptedError struct{ waited time.Duration }

func (e interruptedError) Error() string {
	return fmt.Sprintf("the program was interrupted, and no answer came within %s (--stop-within)", e.waited)
}

func (e interruptedError) Is(target error) bool { return target == context.Canceled }

// sandboxClient opens the embedded account, in this process and without a
// socket. With --schema it has that account's definitions.
func (a *app) sandboxClient(opts hubspot.Options) (*hubspot.Client, func() error, error) {
	server, err := a.openSandbox(sandbox.Options{Data: a.flags.sandboxData, Limits: sandbox.Unlimited})
	if err != nil {
		return nil, func() error { return nil }, err
	}
	opts.BaseURL, opts.Transport, opts.Tokens = "http://127.0.0.1", server.Transport(), hubspot.StaticToken("sandbox")
	client, err := hubspot.New(opts)
	return client, server.Close, err
}

func (a *app) openSandbox(opts sandbox.Options) (*sandbox.Server, error) {
	if a.flags.schema != "" {
		s, err := schema.Load(a.flags.schema)
		if err != nil {
			return nil, err
		}
		opts.World = sandbox.WorldFromSchema(s)
	}
	return sandbox.New(opts)
}

// tokens finds out how to authenticate. No message holds any part of a token.
func (a *app) tokens(baseURL string) (hubspot.TokenSource, error) {
	if a.flags.tokenFile != "" {
		token, err := readToken(a.flags.tokenFile)
		return hubspot.StaticToken(token), err
	}
	if token, _ := a.env("HUBSPOT_ACCESS_TOKEN"); strings.TrimSpace(token) != "" {
		return hubspot.StaticToken(strings.TrimSpace(token)), nil
	}
	id, _ := a.env("HUBSPOT_CLIENT_ID")
	secret, _ := a.env("HUBSPOT_CLIENT_SECRET")
	refresh, _ := a.env("HUBSPOT_REFRESH_TOKEN")
	if id != "" && secret != "" && refresh != "" {
		return hubspot.OAuthTokens(hubspot.OAuthConfig{ClientID: id, ClientSecret: secret, RefreshToken: refresh, BaseURL: baseURL}), nil
	}
	return nil, &exitError{code: exitAuth, err: errors.New(`no access token: set HUBSPOT_ACCESS_TOKEN, or name a file with --token-file, or set
HUBSPOT_CLIENT_ID, HUBSPOT_CLIENT_SECRET and HUBSPOT_REFRESH_TOKEN for an OAuth app;
to try the program without an account, use --sandbox`)}
}

const maxToken = 16 << 10 // bytes of a token file

func readToken(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", &exitError{code: exitAuth, err: fmt.Errorf("token file %s: %w", path, plainCause(err))}
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxToken))
	if err != nil {
		return "", fmt.Errorf("token file: %w", err)
	}
	token := strings.TrimSpace(string(data))
	if token == "" || strings.ContainsAny(token, " \t\r\n") {
		return "", fmt.Errorf("token file %s: want one token on one line", path)
	}
	return token, nil
}

// plainCause is the last part of a file's error, without the name of the call.
func plainCause(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// accountText names an account for people.
func accountText(acc schema.Account) string {
	text := fmt.Sprintf("account %d", acc.ID)
	var more []string
	for _, s := range []string{acc.Type, acc.TimeZone} {
		if s != "" {
			more = append(more, s)
		}
	}
	if len(more) > 0 {
		text += " (" + strings.Join(more, ", ") + ")"
	}
	return text
}
