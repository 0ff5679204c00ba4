package journal

import (
	"context"
	"fmt"
)

// LimitPages makes the file full at n pages, as a full disk would, or gives it
// space again. Nothing may be under way.
func (j *Journal) LimitPages(n int) error {
	pragma := fmt.Sprintf("PRAGMA max_page_count = %d", n)
	return j.commitOne(context.Background(), &request{fact: "limit", value: "0", pragma: pragma})
}
