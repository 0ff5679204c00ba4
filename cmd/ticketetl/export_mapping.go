package main

import (
	"fmt"
	"strings"

	"github.com/ticketetl/ticketetl/etl/extract"
	"github.com/ticketetl/ticketetl/etl/transform"
	"github.com/ticketetl/ticketetl/internal/hubspot"
)

// notWithMapping are the flags whose place a mapping takes, and why.
var notWithMapping = []struct{ flag, why string }{
	{"properties", "--mapping says what columns there are"},
	{"associations", "--mapping says what columns there are"},
	{"values", "--mapping says how values are written"},
	{"headers", "--mapping says what columns are called"},
	{"delimiter", "the mapping's source says what parts the cells (delimiter:)"},
	{"timezone", "date-times are written in the time zone of the mapping's source (timezone:), in which an import reads them"},
	{"editable", "an editable workbook has a mapping of its own inside"},
	{"merge", "each row is read back with the mapping and compared with its ticket, and of the rows that --merge keeps only the texts are known"},
	{"archived", "an import with the mapping would take the tickets of the recycle bin for new ones; export them without it"},
}

// checkMapping refuses flags that a mapping leaves no choice about.
func (opts *exportOptions) checkMapping(given func(string) bool) error {
	if opts.mapping == "" {
		if given("ambiguous") {
			return fmt.Errorf("--ambiguous is about the tables of values of a mapping; name one with --mapping")
		}
		return nil
	}
	for _, not := range notWithMapping {
		if given(not.flag) {
			return fmt.Errorf("--%s does not go with --mapping: %s; leave one of them out", not.flag, not.why)
		}
	}
	return nil
}

// loadMapping reads the mapping that drives the export; nil if there is none.
func (opts *exportOptions) loadMapping() (*transform.Mapping, error) {
	if opts.mapping == "" {
		return nil, nil
	}
	return transform.Load(opts.mapping)
}

// wantBack is what an export needs of the account's definitions.
func wantBack(m *transform.Mapping) hubspot.Want {
	if m == nil {
		return hubspot.Want{}
	}
	uses := m.Uses()
	return hubspot.Want{Labels: uses.Links, Unique: uses.Unique}
}

// backwards turns the mapping round, tells what of it the output cannot show, and
// returns what is to be read of each ticket.
func (a *app) backwards(conn *connection, m *transform.Mapping, opts *exportOptions) (what extract.TicketOptions, err error) {
	opts.back, err = transform.NewBackwards(m, conn.schema, transform.BackwardsOptions{Typed: opts.typed(), First: opts.ambiguous == "first"})
	if err != nil {
		return what, err
	}
	if notes := opts.back.Notes(); len(notes) > 0 {
		fmt.Fprintf(a.err, "What an export with this mapping does not show:\n  %s\n", strings.Join(notes, "\n  "))
	}
	what.Properties, what.Linked = opts.back.Properties(), linkedOf(opts.back)
	return what, nil
}

// linkedOf are the columns of the source that say something of associated records.
func linkedOf(b *transform.Backwards) (linked []extract.Linked) {
	for _, l := range b.Links() {
		linked = append(linked, extract.Linked{To: l.To, Property: l.Property, TypeID: l.TypeID, Sign: transform.LinkSign})
	}
	return linked
}

func linkColumns(b *transform.Backwards) (names []string) {
	for _, l := range linkedOf(b) {
		names = append(names, l.Column())
	}
	return names
}

// unlikeTexts say what the mapping would not read back as it is in the account.
func unlikeTexts(all []transform.Unlike) []string {
	texts := []string{}
	for _, u := range all {
		texts = append(texts, fmt.Sprintf("%s, first ticket %s: %s", plural(u.Tickets, "ticket", "tickets"), u.First, u.What))
	}
	return texts
}

// readBackText tells what an import of the output with the same mapping would do.
func readBackText(mapping string, unlike []string) string {
	if len(unlike) == 0 {
		return fmt.Sprintf("Read back with %s: each row says what its ticket has.\n", mapping)
	}
	return fmt.Sprintf("Read back with %s, these would not be as they are:\n  %s\n", mapping, strings.Join(unlike, "\n  "))
}
