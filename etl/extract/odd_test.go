package extract_test

import (
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/etl/extract"
	"github.com/ticketetl/ticketetl/internal/hubspot"
	"github.com/ticketetl/ticketetl/internal/raced"
	"github.com/ticketetl/ticketetl/internal/sandbox"
)

// An odd account lists its tickets in a way that nobody has promised it does not.
type odd struct {
	next http.RoundTripper

	mu   sync.Mutex
	rng  *rand.Rand
	hold bool                                // the last page was held back
	ask  func(o *odd, r *http.Request)       // changes a request for a page; may be nil
	page func(o *odd, after string, p *page) // changes a page; may be nil
}

// A page is the answer to a listing.
type page struct {
	Results []map[string]any `json:"results"`
	Paging  *paging          `json:"paging,omitempty"`
}

type paging struct {
	Next struct {
		After string `json:"after"`
	} `json:"next"`
}

func (o *odd) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodGet || !strings.HasSuffix(r.URL.Path, "/objects/tickets") {
		return o.next.RoundTrip(r)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ask != nil {
		o.ask(o, r)
	}
	resp, err := o.next.RoundTrip(r)
	if err != nil || o.page == nil {
		return resp, err
	}
	var p page
	if err := json.NewDecoder(resp.Body).Decode(&p); err != nil {
		return nil, err
	}
	o.page(o, r.URL.Query().Get("after"), &p)
	body, err := json.Marshal(p)
	resp.Body, resp.ContentLength = io.NopCloser(strings.NewReader(string(body))), int64(len(body))
	return resp, err
}

// However pages are cut, also with nothing in them or with a ticket twice, and even where
// cursors that HubSpot did not give lead nowhere far from those that were tried out, an
// export is what the account has.
func TestTicketsFromOddPages(t *testing.T) {
	t.Parallel()
	n := 0
	for name, tt := range map[string]struct {
		ask    func(*odd, *http.Request)
		page   func(*odd, string, *page)
		ranges bool
	}{
		"shorter than asked for": {ranges: true, ask: func(o *odd, r *http.Request) {
			query := r.URL.Query()
			query.Set("limit", strconv.Itoa(3+o.rng.IntN(98)))
			r.URL.RawQuery = query.Encode()
		}},
		"nothing in some of them, and a cursor": {page: func(o *odd, _ string, p *page) {
			if o.hold = !o.hold && o.rng.IntN(3) == 0 && p.Paging != nil; o.hold {
				first, _ := strconv.ParseUint(p.Results[0]["id"].(string), 10, 64)
				p.Paging.Next.After = strconv.FormatUint(first-1, 10)
				p.Results = p.Results[:0]
			}
		}},
		"a ticket twice": {page: func(_ *odd, _ string, p *page) {
			if n := len(p.Results); n > 40 {
				p.Results = slices.Insert(p.Results, n/2, p.Results[n/2])
			}
		}},
		"a ticket twice, far from the first page": {page: func(_ *odd, after string, p *page) {
			if n := len(p.Results); isFar(after) && n > 4 {
				p.Results = slices.Insert(p.Results, n/2, p.Results[n/2])
			}
		}},
		"not in order, far from the first page": {page: func(_ *odd, after string, p *page) {
			if isFar(after) {
				slices.Reverse(p.Results)
			}
		}},
		"other cursors lead nowhere, far from the first page": {page: newCursors().only},
	} {
		if n++; n%raced.OneIn(3) != 0 { // any two of them
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock := time.Now().Add(-time.Hour)
			e := newEstate(t, t.Context(), 6000, sandbox.Options{IndexLag: -1, Now: func() time.Time { return clock }})
			clock = time.Now() // so that nothing but one ticket has changed lately
			_, err := e.writes.Update(t.Context(), "tickets", e.ids[0], "", []hubspot.Property{{Name: "subject", Value: "new"}})
			require.NoError(t, err)
			o := &odd{next: e.server.Transport(), rng: rand.New(rand.NewPCG(3, 3)), ask: tt.ask, page: tt.page}
			client, err := hubspot.New(hubspot.Options{BaseURL: "http://127.0.0.1", Transport: o, Tokens: hubspot.StaticToken("x")})
			require.NoError(t, err)
			opts := plainOptions
			opts.Settle = 2 * time.Second
			check, rows := gathered(t, t.Context(), client, filepath.Join(t.TempDir(), "pages"), opts)
			require.Equal(t, e.dump(false), rows)
			require.True(t, check.Complete, check.Reason)
			require.Equal(t, tt.ranges, check.Ranges)
		})
	}
}

// isFar says whether a cursor is in the upper half of the tickets of 11 digits, or above.
func isFar(after string) bool {
	n, _ := strconv.ParseUint(after, 10, 64) // 0 for none
	return n > 21_000_009_000
}

// cursors are those that an account has given; any other one, from the middle of the
// tickets on, is taken for that of the end.
type cursors struct{ given map[string]bool }

func newCursors() *cursors { return &cursors{map[string]bool{"": true}} }

func (c *cursors) only(_ *odd, after string, p *page) {
	if isFar(after) && !c.given[after] {
		*p = page{Results: []map[string]any{}}
	}
	if p.Paging != nil {
		c.given[p.Paging.Next.After] = true
	}
}

// A recycle bin that never stands still is not taken for complete, and what was listed
// of it last is what counts.
func TestRecycleBinThatFills(t *testing.T) {
	t.Parallel()
	e := newEstate(t, t.Context(), 1200, sandbox.Options{IndexLag: -1})
	left := slices.Clone(e.ids)
	o := &odd{next: e.server.Transport(), page: func(*odd, string, *page) {
		if err := e.writes.Archive(t.Context(), "tickets", left[0]); err != nil {
			t.Error(err)
		}
		left = left[1:]
	}}
	client, err := hubspot.New(hubspot.Options{BaseURL: "http://127.0.0.1", Transport: o, Tokens: hubspot.StaticToken("x")})
	require.NoError(t, err)
	opts := plainOptions
	opts.Archived = extract.ArchivedOnly
	check, rows := gathered(t, t.Context(), client, filepath.Join(t.TempDir(), "pages"), opts)
	require.False(t, check.Complete)
	require.Len(t, rows, int(check.Counted))
}
