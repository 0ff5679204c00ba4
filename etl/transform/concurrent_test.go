package transform_test

import (
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
)

// Several goroutines may use one Mapper, with right rows and wrong ones.
func TestApplyConcurrently(t *testing.T) {
	t.Parallel()
	m := compile(t, design)
	var group sync.WaitGroup
	for g := range 4 {
		group.Go(func() {
			for i := range 200 {
				id := strconv.Itoa(g*1000 + i)
				good := row("Ticket ID", id, "Subject", "s", "Status", "Open", "Created", "2024-01-31 10:00:00", "Hours", "1,5")
				_, problems := m.Apply(good)
				assert.Empty(t, problems)
				assert.Equal(t, id, good.Key)
				bad := row("Ticket ID", id, "Subject", "s", "Status", "Opn", "Priority", "p"+id, "Assignee", "nobody")
				_, problems = m.Apply(bad)
				assert.Len(t, problems, 3)
			}
		})
	}
	group.Wait()
}
