package main

import (
	"bytes"
	"encoding/json"
	"os"
	"time"

	"github.com/ticketetl/ticketetl/etl/extract"
	"github.com/ticketetl/ticketetl/internal/newfile"
	"github.com/ticketetl/ticketetl/internal/schema"
)

// manifestSuffix makes the name of a manifest of that of its output.
const manifestSuffix = ".manifest.json"

const manifestVersion = 1

// A manifest says what an output file holds and how that is known. Its fields
// are documented in docs/export.md; more may be added.
type manifest struct {
	Version           int            `json:"version"`
	Program           string         `json:"program"`
	Output            string         `json:"output"` // base name
	SHA256            string         `json:"sha256"`
	Bytes             int64          `json:"bytes"`
	Tickets           int64          `json:"tickets"`
	Complete          bool           `json:"complete"`
	Reason            string         `json:"reason"`
	AccountTotal      *int64         `json:"account_total"` // null: the account does not say it
	ReadAgain         int64          `json:"read_again"`
	Gone              int64          `json:"gone"`
	Listing           string         `json:"listing"` // "ranges" or "one cursor"
	Begun             time.Time      `json:"begun"`
	Ended             time.Time      `json:"ended"`
	Watermark         *time.Time     `json:"watermark"` // null: unknown
	Account           schema.Account `json:"account"`
	SchemaFingerprint string         `json:"schema_fingerprint"`
	Properties        []string       `json:"properties"`
	Associations      []string       `json:"associations"`
	Archived          bool           `json:"archived"`
	Columns           []string       `json:"columns"`
	Values            string         `json:"values"`
	Timezone          string         `json:"timezone"`
	Unread            []string       `json:"unread"`
	Mode              string         `json:"mode"`
	Linked            []string       `json:"linked"` // properties of associated records
	Filters           filters        `json:"filters"`
	ArchivedTickets   int64          `json:"archived_tickets"`
	Relinked          int64          `json:"relinked"`
	Rendering         string         `json:"rendering"`     // fingerprint of all that decides how a stored value is shown
	History           *historyFile   `json:"history"`       // null: not asked for
	Mapping           string         `json:"mapping"`       // that drove the export; "": none
	NotReadBack       []string       `json:"not_read_back"` // what that mapping, importing the output, would change or refuse
}

// filters say which tickets of the account an output has.
type filters struct {
	Archived string     `json:"archived"` // "": live ones; "include"; "only"
	Since    *time.Time `json:"since"`    // null: whenever they were changed
}

// describe fills in what the check of an export has shown.
func (m *manifest) describe(c extract.Check, start extract.Start) {
	m.Tickets, m.Complete, m.Reason = c.Counted, c.Complete, c.Reason
	m.ReadAgain, m.Gone, m.ArchivedTickets, m.Relinked = c.Changed, c.Gone, c.Archived, c.Relinked
	if c.Total >= 0 {
		m.AccountTotal = &c.Total
	}
	m.Listing = "one cursor"
	if c.Ranges {
		m.Listing = "ranges"
	}
	m.Begun, m.Unread = start.At, []string{}
	if !start.Newest.IsZero() {
		m.Watermark = &start.Newest
	}
	if !c.Complete {
		m.Unread = append(m.Unread, c.Reason)
	}
}

// save writes the manifest beside the output.
func (m *manifest) save(output string, mode os.FileMode) error {
	return m.write(output+manifestSuffix, mode)
}

func (m *manifest) write(path string, mode os.FileMode) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(m); err != nil {
		return err
	}
	return newfile.Write(path, b.Bytes(), mode)
}
