// Package sandbox is a stand-in for a HubSpot account: an HTTP server that
// keeps tickets in memory or in a file, answers as the CRM API does, as
// strictly, and misbehaves on request.
//
// A World is what the account holds at the start; a Server is the account at
// work; a Fault is a way to misbehave. Tests, rehearsals and demos use it. It
// shares no code with the client in internal/hubspot, so that the two cannot
// share a mistake about the wire.
package sandbox
