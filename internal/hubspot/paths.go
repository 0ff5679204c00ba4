package hubspot

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// paths builds every path of the API. Without a version these are the v3 and v4
// paths, which HubSpot stops to support in 2027; with one, the date-versioned
// paths that take their place. Every part that comes from outside is escaped;
// checkParts has refused those that would name another path.
type paths struct{ version string }

// object is the path of an object type, or of something below it.
func (p paths) object(object string, rest ...string) string {
	if p.version == "" {
		return join("/crm/v3/objects", append([]string{object}, rest...)...)
	}
	return join("/crm/objects/"+p.version, append([]string{object}, rest...)...)
}

// association is the path of one association of a ticket, by its type. No
// date-versioned path is documented for it, so that v3 serves.
func (p paths) association(ticketID, toType, toID string, typeID int) string {
	return paths{}.object("tickets", ticketID, "associations", toType, toID, strconv.Itoa(typeID))
}

// associations is a path below a pair of object types: batch/... or labels.
func (p paths) associations(from, to, rest string) string {
	if p.version == "" {
		return join("/crm/v4/associations", from, to) + "/" + rest
	}
	return join("/crm/associations/"+p.version, from, to) + "/" + rest
}

func (p paths) properties(object string) string {
	return join(p.definition("properties"), object)
}

func (p paths) rules(objectTypeID string) string {
	return join(p.definition("property-validations"), objectTypeID)
}

func (p paths) pipelines(object string) string {
	return join(p.definition("pipelines"), object)
}

func (p paths) owners() string { return p.definition("owners") }

func (p paths) account(rest string) string {
	if p.version == "" {
		return "/account-info/v3/" + rest
	}
	return "/account-info/" + p.version + "/" + rest
}

// definition is the path of what is defined for a whole account.
func (p paths) definition(name string) string {
	if p.version == "" {
		return "/crm/v3/" + name
	}
	return "/crm/" + name + "/" + p.version
}

// tokenPath is where OAuth tokens come from.
const tokenPath = "/oauth/v3/token"

func join(prefix string, parts ...string) string {
	var b strings.Builder
	b.WriteString(prefix)
	for _, part := range parts {
		b.WriteByte('/')
		b.WriteString(url.PathEscape(part))
	}
	return b.String()
}

// maxPart bounds an object type, an id or a unique value, in bytes.
const maxPart = 1000

// checkParts refuses what would lead to another path than the one meant: an
// empty id would list, a dot would climb.
func checkParts(what string, parts ...string) error {
	for _, part := range parts {
		switch {
		case part == "":
			return errors.New(what + " is empty")
		case part == "." || part == "..":
			return fmt.Errorf("%s %q cannot stand in a path", what, part)
		case len(part) > maxPart:
			return fmt.Errorf("%s is %d bytes long, more than %d", what, len(part), maxPart)
		}
	}
	return nil
}
