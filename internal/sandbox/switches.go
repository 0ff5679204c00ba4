package sandbox

import (
	"fmt"
	"strings"
)

// Switches choose between two answers where nobody has confirmed which one
// HubSpot gives, or where it depends on the account. All off is what is
// believed, of an account with HubSpot's own settings.
type Switches struct {
	Version2026_09      bool // the rules of 2026-09 under every path: required properties, normalized dates with warnings
	UpdateWholeBatch400 bool // batch/update answers 400 for all rows even with trace ids
	NoTraceEcho         bool // results do not repeat objectWriteTraceId
	RetryAfter          bool // 429 carries Retry-After, which HubSpot does not promise
	ArchiveUnknown404   bool // archiving a record that is not there is an error
	ArchivedFreesUnique bool // the unique value of an archived record may be used again
	UniqueFolded        bool // unique values are compared without case and outer blanks
	NoUpsertKey         bool // an upsert does not itself store the key of what it creates
	CollapseReads       bool // batch/read answers an id that is there twice once, instead of refusing it
	RefuseArchivedOwner bool // an archived owner cannot be set
	ClosedNow           bool // entering a closed stage sets closed_date to now, whatever is sent with it
	ReopenClearsClosed  bool // leaving a closed stage clears closed_date
	ClearedIsNull       bool // a cleared value reads as null, not as ""
	StringIDs           bool // toObjectId is a string
	AutoCompany         bool // associating a contact associates its primary company as well
	TokenCursor         bool // the cursor of a listing is an opaque text, not a record's id
	LastCursor          bool // the cursor of a listing is the last id of its page, not the next one's
	NoEditAssociations  bool // the token's user may not edit associations: 2026-09 refuses them in creates
}

// switchNames are the names in ParseSwitches.
var switchNames = []struct {
	name string
	of   func(*Switches) *bool
}{
	{"2026-09", func(s *Switches) *bool { return &s.Version2026_09 }},
	{"update-whole-batch", func(s *Switches) *bool { return &s.UpdateWholeBatch400 }},
	{"no-trace-echo", func(s *Switches) *bool { return &s.NoTraceEcho }},
	{"retry-after", func(s *Switches) *bool { return &s.RetryAfter }},
	{"archive-unknown-404", func(s *Switches) *bool { return &s.ArchiveUnknown404 }},
	{"archived-frees-unique", func(s *Switches) *bool { return &s.ArchivedFreesUnique }},
	{"unique-folded", func(s *Switches) *bool { return &s.UniqueFolded }},
	{"no-upsert-key", func(s *Switches) *bool { return &s.NoUpsertKey }},
	{"collapse-reads", func(s *Switches) *bool { return &s.CollapseReads }},
	{"refuse-archived-owner", func(s *Switches) *bool { return &s.RefuseArchivedOwner }},
	{"closed-now", func(s *Switches) *bool { return &s.ClosedNow }},
	{"reopen-clears-closed", func(s *Switches) *bool { return &s.ReopenClearsClosed }},
	{"cleared-is-null", func(s *Switches) *bool { return &s.ClearedIsNull }},
	{"string-ids", func(s *Switches) *bool { return &s.StringIDs }},
	{"auto-company", func(s *Switches) *bool { return &s.AutoCompany }},
	{"token-cursor", func(s *Switches) *bool { return &s.TokenCursor }},
	{"last-cursor", func(s *Switches) *bool { return &s.LastCursor }},
	{"no-edit-associations", func(s *Switches) *bool { return &s.NoEditAssociations }},
}

// SwitchNames are the names that ParseSwitches takes.
func SwitchNames() []string {
	names := make([]string, len(switchNames))
	for i := range switchNames {
		names[i] = switchNames[i].name
	}
	return names
}

// ParseSwitches turns on the switches of these names, parted by commas.
func ParseSwitches(text string) (Switches, error) {
	var s Switches
	for name := range strings.SplitSeq(text, ",") {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		at := s.named(name)
		if at == nil {
			return s, fmt.Errorf("switch %q is not one of %s", name, strings.Join(SwitchNames(), ", "))
		}
		*at = true
	}
	return s, nil
}

func (s *Switches) named(name string) *bool {
	for i := range switchNames {
		if switchNames[i].name == name {
			return switchNames[i].of(s)
		}
	}
	return nil
}
