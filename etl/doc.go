// Package etl holds the words of ticketetl and its only loop, Run.
//
// A Source reads Records from a file (or from the account, for export). A
// Mapper turns the fields of one Record into ticket properties and references.
// A Resolver turns references into ids. A Sink delivers batches of Records and
// judges each of them. A Journal makes the intent to send a batch, and what
// became of it, durable. A Report is told how each Record ended.
//
// The invariant that everything relies on: every Record that a Source returns
// ends in exactly one Outcome.
package etl
