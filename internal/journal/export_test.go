package journal

import (
	"context"
	"fmt"
)

// LimitPages makes the file full at n pages, as a full disk would, or gives it
// space again.
func (j *Journal) LimitPages(n int) error {
	_, err := j.writer.conn.ExecContext(context.Background(), fmt.Sprintf("PRAGMA max_page_count = %d", n))
	return err
}
