package hubspot

import "time"

// A DailyUsage is how much of the daily limit one of the account's private apps
// has spent; HubSpot may be some minutes behind.
type DailyUsage struct {
	Name        string
	Limit       int64
	Used        int64
	CollectedAt time.Time
	ResetsAt    time.Time
	FetchStatus string // SUCCESS CACHED FAILURE NOTFOUND TIMEOUT
}
