package load

import (
	"context"
	"fmt"

	"github.com/ticketetl/ticketetl/internal/hubspot"
)

// Floor is the highest ticket id that the account is known to have now; "0" if
// it has none. Tickets that a run creates have higher ones.
func (imp *Importer) Floor(ctx context.Context) (string, error) {
	page, err := imp.client.Search(ctx, tickets, hubspot.SearchRequest{
		Sorts: []hubspot.Sort{{Property: RecordID, Descending: true}}, Limit: 1,
	})
	if err != nil {
		return "", fmt.Errorf("find the newest ticket: %w", err)
	}
	if len(page.Results) == 0 {
		return "0", nil
	}
	return page.Results[0].ID, nil
}
