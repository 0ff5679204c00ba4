// Package samplegen makes the files of samples/: exports of help desks as
// people really have them, whose contacts, companies and owners are those of
// the sandbox's default account. The same files come out at every call.
//
// A Ticket is what a desk knows of one ticket, independent of any file. A
// column says how one file writes one thing about it.
package samplegen
