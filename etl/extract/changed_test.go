package extract_test

import (
	"bytes"
	"io"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/etl/extract"
	"github.com/ticketetl/ticketetl/internal/hubspot"
	"github.com/ticketetl/ticketetl/internal/sandbox"
)

// A watched account is asked by searches, which are counted, and whose totals
// are too high by one as long as wrong is above 0.
type watched struct {
	next http.RoundTripper

	mu                  sync.Mutex
	search, other       time.Duration // that a search for more than a count takes, and any other request
	wrong               int
	walks               int // searches for more than a count
	flying, most, reads int // searches now and at most; batch reads
}

func (w *watched) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, "/objects/tickets/batch/read") {
		w.mu.Lock()
		w.reads++
		w.mu.Unlock()
	}
	if !strings.HasSuffix(r.URL.Path, "/search") {
		time.Sleep(w.other)
		return w.next.RoundTrip(r)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	counts := bytes.Contains(body, []byte(`"limit":1,`)) || bytes.Contains(body, []byte(`"limit":1}`))
	if w.begin(counts); !counts {
		time.Sleep(w.search)
	}
	resp, err := w.next.RoundTrip(r)
	if w.end(counts) && err == nil {
		err = oneMore(resp)
	}
	return resp, err
}

func (w *watched) begin(counts bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.flying++
	w.most = max(w.most, w.flying)
	if !counts {
		w.walks++
	}
}

func (w *watched) end(counts bool) (wrong bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.flying--
	wrong = counts && w.wrong > 0
	if wrong {
		w.wrong--
	}
	return wrong
}

// oneMore counts one ticket more.
func oneMore(resp *http.Response) error {
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	before, rest, _ := strings.Cut(string(body), `"total":`)
	digits, after, _ := strings.Cut(rest, ",")
	n, err := strconv.Atoi(digits)
	text := before + `"total":` + strconv.Itoa(n+1) + "," + after
	resp.Body, resp.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
	return err
}

func newWatched(t *testing.T, e *estate) (*watched, *hubspot.Client) {
	w := &watched{next: e.server.Transport()}
	client, err := hubspot.New(hubspot.Options{BaseURL: "http://127.0.0.1", Transport: w, Tokens: hubspot.StaticToken("x"), Concurrency: 10})
	require.NoError(t, err)
	return w, client
}

// A second look at what has changed reads nothing again that is as it was read,
// and goes on behind it, also where that fills whole pages.
func TestChangesAreReadOnce(t *testing.T) {
	t.Parallel()
	e := newEstate(t, t.Context(), 1000, sandbox.Options{IndexLag: -1})
	w, client := newWatched(t, e)
	w.wrong = 8 // until the second look has walked
	opts := plainOptions
	opts.Since, opts.Settle = time.Now().Add(-time.Hour), 2*time.Second
	check, rows := gathered(t, t.Context(), client, filepath.Join(t.TempDir(), "pages"), opts)
	require.True(t, check.Complete, check.Reason)
	require.Equal(t, e.dump(false), rows)
	require.Equal(t, int64(len(e.ids)), check.Changed)
}

// Changes are found by several searches at once, so that their number a second
// depends on HubSpot's limit and not on how long one takes; by few more than
// one after the other would take.
func TestChangesAreFoundSideBySide(t *testing.T) {
	t.Parallel()
	synctest.Test(t, changesSideBySide)
}

func changesSideBySide(t *testing.T) {
	e := newEstate(t, t.Context(), 8000, sandbox.Options{IndexLag: -1})
	w, client := newWatched(t, e)
	w.search, w.other = time.Second, 225*time.Millisecond
	began := time.Now()
	opts := extract.TicketOptions{Properties: plainOptions.Properties, Associations: plainOptions.Associations, Workers: 12, Since: time.Now().Add(-time.Hour)}
	check, rows := gathered(t, t.Context(), client, filepath.Join(t.TempDir(), "pages"), opts)
	require.True(t, check.Complete, check.Reason)
	require.Equal(t, e.dump(false), rows)
	took := time.Since(began) // by the clock of the bubble
	require.LessOrEqual(t, took, time.Duration(w.walks)*time.Second/4+6*time.Second, "four searches a second")
	fewest := len(e.ids)/hubspot.MaxSearchPage + 1
	require.GreaterOrEqual(t, w.most, 3)
	require.LessOrEqual(t, w.walks, fewest*3/2+4, "%d tickets", len(e.ids))
	require.LessOrEqual(t, w.reads, len(e.ids)/hubspot.MaxBatch+1, "batches are full")
	require.Empty(t, e.server.Violations())
}
