// Package hubspot is a client of HubSpot's CRM API for tickets and for what
// they refer to: contacts, companies, definitions. It knows no files.
//
// A call is what a method of Client does; it makes one or more attempts. All
// attempts go through one transport that keeps the account's limits, learned
// from HubSpot's own headers, and that tries again where trying again is safe.
// Before each attempt a call passes, in this order, the daily quota (daily), the
// circuit that an outage opens for all calls, the places of the account's window
// (pace and window) and the bound on what is under way (limiter).
//
// What is safe is decided by two questions. Is the request repeatable? Reads,
// updates, upserts, archives and associations are; creates and merges are not,
// since HubSpot has no idempotency key. May the attempt have been stored? An
// answer of 3xx or 4xx proves that it was not, as does a connection that never
// came to be; anything else (5xx, a broken or unreadable answer, a time-out)
// proves nothing. Only a create or merge of which nothing is proven is not
// repeated: the call returns an error for which errors.Is(err, ErrInDoubt)
// holds, and the caller has to look up what became of it. An error that is
// ErrNotSent tells that for certain nothing was stored. ErrGaveUp tells that
// Options.MaxWait ended the call, and that HubSpot may do it later.
package hubspot
