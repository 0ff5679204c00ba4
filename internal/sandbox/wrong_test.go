package sandbox_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/internal/sandbox"
)

// times repeats one input with %d for its number.
func times(n int, input string) string {
	list := make([]string, n)
	for i := range list {
		list[i] = strings.ReplaceAll(input, "%d", fmt.Sprint(i+1))
	}
	return inputs(list...)
}

// filtered is a search with so many groups of so many filters.
func filtered(groups, filters int) string {
	one := `{"propertyName":"subject","operator":"EQ","value":"x"}`
	group := `{"filters":[` + strings.TrimSuffix(strings.Repeat(one+",", filters), ",") + `]}`
	return `{"filterGroups":[` + strings.TrimSuffix(strings.Repeat(group+",", groups), ",") + `]}`
}

func where(filter string) string { return `{"filterGroups":[{"filters":[{` + filter + `}]}]}` }

// A wrong request is one that HubSpot refuses (status 400 and up), or takes for
// something that its sender did not mean; then the account notes it.
type wrong struct {
	name, method, path, body string
	status                   int
	says                     string // in the answer
	noted                    string // among the violations; "" if none need be
}

// {ticket} in a path or body is the id of a ticket that is there.
var wrongRequests = []wrong{
	// paths and methods
	{"an unknown path", "GET", "/crm/v3/object/tickets", "", 404, "resource not found", "unknown path"},
	{"an unknown area", "GET", "/crm/v3/objects/tickets/1/2/3/4/5", "", 404, "", "unknown path"},
	{"a version that never was", "GET", "/crm/objects/2026-04/tickets", "", 404, "", "unknown path"},
	{"the version before the area", "GET", "/crm/2026-03/objects/tickets", "", 404, "", "unknown path"},
	{"a method the path does not take", "PUT", objects, "{}", 405, "Method Not Allowed", "does not take this method"},
	{"a GET of a batch", "GET", objects + "/batch/create", "", 405, "", "does not take this method"},
	{"a POST on one record", "POST", objects + "/{ticket}", "{}", 405, "", ""},
	{"an unknown object type", "GET", "/crm/v3/objects/spaceships", "", 400, "Unable to infer object type from: spaceships", "unknown object type"},
	{"a URL of 8,001 characters", "GET", objects + "?properties=" + strings.Repeat("a", 8001-len(objects)-12), "", 414, "", "characters of URL"},

	// single records
	{"an id that is not there", "GET", objects + "/123", "", 404, "resource not found", ""},
	{"an id that is no number", "GET", objects + "/abc", "", 404, "objectId are usually numeric", "not a number"},
	{"an archived read of a live record", "GET", objects + "/{ticket}?archived=true", "", 404, "", ""},
	{"hs_object_id as idProperty", "GET", objects + "/{ticket}?idProperty=hs_object_id", "", 400, "non-unique 0-5 property hs_object_id", "not unique"},
	{"associations to an unknown object", "GET", objects + "/{ticket}?associations=spaceships", "", 400, "Unable to infer object type from: spaceships", ""},
	{"an update of an id that is not there", "PATCH", objects + "/123", `{"properties":{"subject":"x"}}`, 404, "", ""},
	{"associations in an update", "PATCH", objects + "/{ticket}", `{"properties":{},"associations":[]}`, 200, "", ""},
	{"associations that an update ignores", "PATCH", objects + "/{ticket}", `{"properties":{},"associations":[{"to":{"id":"101"},"types":[]}]}`, 200, "", "associations in an update"},

	// bodies
	{"no body", "POST", objects, "", 400, "Invalid input JSON on line 1, column 1", ""},
	{"not JSON", "POST", objects, "subject=x", 400, "Invalid input JSON", ""},
	{"JSON that breaks off", "POST", objects, `{"properties":{"subject":"x"`, 400, "Invalid input JSON", ""},
	{"text after the JSON", "POST", objects, `{"properties":{` + good + `}} x`, 400, "after the end", ""},
	{"an unknown field", "POST", objects, `{"property":{"x":"y"},"properties":{` + good + `}}`, 201, "", `unknown field "property"`},
	{"properties as a list", "POST", objects, `{"properties":["subject"]}`, 400, "Cannot deserialize value of type", ""},
	{"a property that is an object", "POST", objects, `{"properties":{"subject":{"value":"x"}}}`, 400, "from Object value", ""},
	{"a property that is a list", "PATCH", objects + "/{ticket}", `{"properties":{"hs_ticket_category":["A","B"]}}`, 400, "from Array value", ""},
	{"a number that is not written as text", "PATCH", objects + "/{ticket}", `{"properties":{"effort":3}}`, 200, "", "not written as a string"},
	{"a null", "PATCH", objects + "/{ticket}", `{"properties":{"content":null}}`, 200, "", "is null"},
	{"a type id that is no number", "POST", objects, `{"properties":{` + good + `},"associations":[{"to":{"id":"101"},"types":[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":"x"}]}]}`, 400, "not a valid `int` value", ""},

	// values
	{"a create without stage", "POST", objects, `{"properties":{"subject":"x"}}`, 400, "MISSING_REQUIRED_PROPERTY", ""},
	{"a create without subject", "POST", objects, `{"properties":{"hs_pipeline_stage":"1"}}`, 201, "", "without subject"},
	{"an unknown property", "POST", objects, `{"properties":{` + good + `,"nope":"x"}}`, 400, "PROPERTY_DOESNT_EXIST", ""},
	{"an archived property", "POST", objects, `{"properties":{` + good + `,"gone":"x"}}`, 400, "PROPERTY_DOESNT_EXIST", ""},
	{"a read-only property", "POST", objects, `{"properties":{` + good + `,"hs_object_id":"5"}}`, 400, "READ_ONLY_VALUE", ""},
	{"the modification date", "POST", objects, `{"properties":{` + good + `,"hs_lastmodifieddate":"2024-01-01T00:00:00Z"}}`, 400, "READ_ONLY_VALUE", ""},
	{"the immutable create date", "POST", objects, `{"properties":{` + good + `,"hs_createdate":"2024-01-01T00:00:00Z"}}`, 400, "READ_ONLY_VALUE", ""},
	{"a date of a stage", "POST", objects, `{"properties":{` + good + `,"hs_v2_date_entered_1":"2024-01-01T00:00:00Z"}}`, 400, "is a calculated property", ""},
	{"a calculated property", "POST", objects, `{"properties":{` + good + `,"hs_ticket_id":"5"}}`, 400, "is a calculated property", ""},
	{"an unknown option", "POST", objects, `{"properties":{` + good + `,"hs_ticket_priority":"MEDIUM"}}`, 400, "INVALID_OPTION", ""},
	{"a label in place of a value", "POST", objects, `{"properties":{` + good + `,"hs_ticket_priority":"Label HIGH"}}`, 400, "INVALID_OPTION", ""},
	{"two options of a single select", "POST", objects, `{"properties":{` + good + `,"hs_ticket_priority":"LOW;HIGH"}}`, 400, "INVALID_OPTION", ""},
	{"an option twice", "POST", objects, `{"properties":{` + good + `,"hs_ticket_category":"A;A"}}`, 201, "", "repeated option"},
	{"options parted by commas", "POST", objects, `{"properties":{` + good + `,"hs_ticket_category":"A,B"}}`, 400, "INVALID_OPTION", ""},
	{"an appended option that is unknown", "PATCH", objects + "/{ticket}", `{"properties":{"hs_ticket_category":";X"}}`, 400, "INVALID_OPTION", ""},
	{"a number with a thousands separator", "POST", objects, `{"properties":{` + good + `,"effort":"1,000"}}`, 400, "was not a valid number", ""},
	{"a number with a currency sign", "POST", objects, `{"properties":{` + good + `,"effort":"$5"}}`, 400, "was not a valid number", ""},
	{"a number with blanks", "POST", objects, `{"properties":{` + good + `,"effort":" 5"}}`, 400, "was not a valid number", "blanks around"},
	{"no number", "POST", objects, `{"properties":{` + good + `,"effort":"NaN"}}`, 400, "was not a valid number", ""},
	{"a boolean in words", "POST", objects, `{"properties":{` + good + `,"vip":"TRUE"}}`, 400, "INVALID_OPTION", ""},
	{"a date in another form", "POST", objects, `{"properties":{` + good + `,"due":"01/02/2024"}}`, 400, "INVALID_LONG", ""},
	{"a date-time for a date", "POST", objects, `{"properties":{` + good + `,"due":"2024-02-29T00:00:00Z"}}`, 400, "INVALID_LONG", ""},
	{"a date not at midnight", "POST", objects, `{"properties":{` + good + `,"due":"1709164800001"}}`, 400, "INVALID_DATE", ""},
	{"a date-time without zone", "POST", objects, `{"properties":{` + good + `,"seen_at":"2024-02-29 10:00"}}`, 400, "INVALID_LONG", ""},
	{"seconds for milliseconds", "POST", objects, `{"properties":{` + good + `,"seen_at":"1709164800"}}`, 201, "", "looks like seconds"},
	{"an e-mail address for an owner", "POST", objects, `{"properties":{` + good + `,"hubspot_owner_id":"a@example.com"}}`, 400, "INVALID_OPTION", ""},
	{"a user for an owner", "POST", objects, `{"properties":{` + good + `,"hubspot_owner_id":"9001"}}`, 400, "INVALID_OPTION", ""},
	{"an archived owner", "POST", objects, `{"properties":{` + good + `,"hubspot_owner_id":"503"}}`, 201, "", "owner 503 is archived"},
	{"a text that is too long", "POST", objects, `{"properties":{` + good + `,"content":"` + strings.Repeat("x", 65_537) + `"}}`, 400, "65537 characters", ""},
	{"a value against a rule", "POST", objects, `{"properties":{` + good + `,"code":"abc"}}`, 400, "two capitals", ""},
	{"an engagement that is not associated", "PATCH", objects + "/{ticket}", `{"properties":{"hs_pinned_engagement_id":"77"}}`, 400, "not associated", ""},
	{"a contact's address that is none", "POST", "/crm/v3/objects/contacts", `{"properties":{"email":"ana at example"}}`, 400, "INVALID_EMAIL", ""},
	{"a contact's address that is taken", "POST", "/crm/v3/objects/contacts", `{"properties":{"email":"ANA@example.com"}}`, 409, "Contact already exists. Existing ID: 101", ""},

	// pipelines and stages
	{"a stage that is not there", "POST", objects, `{"properties":{"subject":"x","hs_pipeline_stage":"99"}}`, 400, "INVALID_OPTION", ""},
	{"a stage's label", "POST", objects, `{"properties":{"subject":"x","hs_pipeline_stage":"Stage 1"}}`, 400, "INVALID_OPTION", ""},
	{"a stage of another pipeline", "POST", objects, `{"properties":{"subject":"x","hs_pipeline":"77","hs_pipeline_stage":"1"}}`, 400, "INVALID_OPTION", ""},
	{"a pipeline's label", "POST", objects, `{"properties":{"subject":"x","hs_pipeline":"Other","hs_pipeline_stage":"771"}}`, 400, "INVALID_OPTION", ""},
	{"a move to a stage of another pipeline", "PATCH", objects + "/{ticket}", `{"properties":{"hs_pipeline_stage":"771"}}`, 400, "INVALID_OPTION", ""},
	{"a move to a pipeline without a stage", "PATCH", objects + "/{ticket}", `{"properties":{"hs_pipeline":"77"}}`, 400, "INVALID_OPTION", ""},
	{"a stage that is cleared", "PATCH", objects + "/{ticket}", `{"properties":{"hs_pipeline_stage":""}}`, 400, "INVALID_OPTION", ""},
	{"a pipeline that is cleared", "PATCH", objects + "/{ticket}", `{"properties":{"hs_pipeline":"","hs_pipeline_stage":"1"}}`, 400, "INVALID_OPTION", ""},

	// inline associations
	{"an association against its direction", "POST", objects, `{"properties":{` + good + `},"associations":[{"to":{"id":"101"},"types":[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":15}]}]}`, 400, "expected: 0-1", ""},
	{"an association of an unknown type", "POST", objects, `{"properties":{` + good + `},"associations":[{"to":{"id":"101"},"types":[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":9999}]}]}`, 400, "does not exist", ""},
	{"an association of another category", "POST", objects, `{"properties":{` + good + `},"associations":[{"to":{"id":"101"},"types":[{"associationCategory":"USER_DEFINED","associationTypeId":16}]}]}`, 400, "does not exist", ""},
	{"an association without types", "POST", objects, `{"properties":{` + good + `},"associations":[{"to":{"id":"101"},"types":[]}]}`, 400, "types must not be empty", ""},
	{"an association with nobody", "POST", objects, `{"properties":{` + good + `},"associations":[{"to":{"id":"999"},"types":[` + ofHubspot(16) + `]}]}`, 400, "INVALID_OBJECT_IDS", ""},
	{"a contact's type to a company", "POST", objects, `{"properties":{` + good + `},"associations":[{"to":{"id":"201"},"types":[` + ofHubspot(16) + `]}]}`, 400, "INVALID_OBJECT_IDS", ""},
	{"types to two objects at once", "POST", objects, `{"properties":{` + good + `},"associations":[{"to":{"id":"101"},"types":[` + ofHubspot(16) + `,` + ofHubspot(339) + `]}]}`, 400, "", ""},

	// batches of records
	{"101 creates", "POST", objects + "/batch/create", times(101, trace("t%d", good)), 400, "maximum number of inputs", "101 inputs"},
	{"101 reads", "POST", objects + "/batch/read", times(101, `{"id":"%d"}`), 400, "maximum number of inputs", ""},
	{"101 updates", "POST", objects + "/batch/update", times(101, `{"id":"%d","properties":{}}`), 400, "maximum number of inputs", ""},
	{"101 upserts", "POST", objects + "/batch/upsert", times(101, `{"id":"%d","idProperty":"external_id","properties":{`+good+`}}`), 400, "maximum number of inputs", ""},
	{"101 archived", "POST", objects + "/batch/archive", times(101, `{"id":"%d"}`), 400, "maximum number of inputs", ""},
	{"a bare list", "POST", objects + "/batch/create", `[` + trace("t", good) + `]`, 201, `"results":[]`, "the body is an array"},
	{"another key than inputs", "POST", objects + "/batch/create", `{"records":[` + trace("t", good) + `]}`, 201, `"results":[]`, "without inputs"},
	{"no inputs", "POST", objects + "/batch/update", `{"inputs":[]}`, 200, `"results":[]`, "without inputs"},
	{"inputs that are an object", "POST", objects + "/batch/create", `{"inputs":{}}`, 400, "Cannot deserialize value of type", ""},
	{"inputs that are texts", "POST", objects + "/batch/read", `{"inputs":["1"]}`, 400, "Cannot deserialize value of type", ""},
	{"no trace ids", "POST", objects + "/batch/create", inputs(`{"properties":{` + good + `}}`), 201, "", "no objectWriteTraceId"},
	{"a trace id twice", "POST", objects + "/batch/create", inputs(trace("t", good), trace("t", good)), 201, "", "is there twice"},
	{"an id in a create", "POST", objects + "/batch/create", inputs(`{"id":"5","objectWriteTraceId":"t","properties":{` + good + `}}`), 201, "", "of a create has an id"},
	{"an update without id", "POST", objects + "/batch/update", inputs(`{"objectWriteTraceId":"t","properties":{}}`), 400, "inputs[0] has no id", ""},
	{"a read without id", "POST", objects + "/batch/read", inputs(`{}`), 400, "inputs[0] has no id", ""},
	{"an archive without id", "POST", objects + "/batch/archive", inputs(`{"id":""}`), 400, "inputs[0] has no id", ""},
	{"an id twice in an update", "POST", objects + "/batch/update", inputs(`{"id":"{ticket}","properties":{}}`, `{"id":"{ticket}","properties":{}}`), 400, "Duplicate IDs found in batch input", ""},
	{"an id twice in a read", "POST", objects + "/batch/read", inputs(`{"id":"{ticket}"}`, `{"id":"{ticket}"}`), 400, "Duplicate IDs found in batch input", ""},
	{"an id twice in an archive", "POST", objects + "/batch/archive", inputs(`{"id":"{ticket}"}`, `{"id":"{ticket}"}`), 204, "", "ids twice"},
	{"a key twice in an upsert", "POST", objects + "/batch/upsert", inputs(`{"id":"k","idProperty":"external_id","properties":{}}`, `{"id":"k","idProperty":"external_id","properties":{}}`), 400, "Duplicate IDs found in batch input", ""},
	{"an upsert without idProperty", "POST", objects + "/batch/upsert", inputs(`{"id":"k","objectWriteTraceId":"t","properties":{` + good + `}}`), 400, "idProperty is required", ""},
	{"an upsert by a property that is not unique", "POST", objects + "/batch/upsert", inputs(`{"id":"k","idProperty":"subject","properties":{}}`), 400, "non-unique 0-5 property subject", ""},
	{"an upsert that does not repeat its key", "POST", objects + "/batch/upsert", inputs(`{"id":"k","idProperty":"external_id","objectWriteTraceId":"t","properties":{` + good + `}}`), 200, "", "does not repeat its key"},
	{"a read by a property that is not unique", "POST", objects + "/batch/read", `{"idProperty":"subject","inputs":[{"id":"S"}]}`, 400, "non-unique", ""},
	{"companies by domain", "POST", "/crm/v3/objects/companies/batch/read", `{"idProperty":"domain","inputs":[{"id":"one.example"}]}`, 400, "non-unique 0-2 property domain", ""},
	{"51 records with history", "POST", objects + "/batch/read", strings.TrimSuffix(times(51, `{"id":"%d"}`), "}") + `,"propertiesWithHistory":["subject"]}`, 400, "maximum number of records that can be requested with propertiesWithHistory is 50", ""},

	// lists
	{"101 records a page", "GET", objects + "?limit=101", "", 400, "from 1 to 100", ""},
	{"no records a page", "GET", objects + "?limit=0", "", 400, "from 1 to 100", ""},
	{"a page size that is no number", "GET", objects + "?limit=all", "", 400, "", ""},
	{"51 records a page with history", "GET", objects + "?limit=51&propertiesWithHistory=subject", "", 400, "is 50", ""},
	{"a cursor that is no id", "GET", objects + "?after=MjAw", "", 400, "Cannot deserialize value of type", ""},

	// searches
	{"201 results a page", "POST", objects + "/search", `{"limit":201}`, 400, "at most 200", ""},
	{"a negative page", "POST", objects + "/search", `{"limit":-1}`, 400, "", ""},
	{"beyond 10,000 results", "POST", objects + "/search", `{"limit":100,"after":"9950"}`, 400, "up to 10000", ""},
	{"a cursor of a list", "POST", objects + "/search", `{"after":"MjAw"}`, 400, "Cannot deserialize value of type `int`", ""},
	{"six groups", "POST", objects + "/search", filtered(6, 1), 400, "at most 5", ""},
	{"seven filters in a group", "POST", objects + "/search", filtered(1, 7), 400, "at most 6", ""},
	{"twenty filters", "POST", objects + "/search", filtered(4, 5), 400, "at most 18", ""},
	{"two sorts", "POST", objects + "/search", `{"sorts":["subject","createdate"]}`, 400, "at most one", ""},
	{"a sort by an unknown property", "POST", objects + "/search", `{"sorts":["nope"]}`, 400, "does not exist", ""},
	{"a sort in no direction", "POST", objects + "/search", `{"sorts":[{"propertyName":"subject","direction":"UP"}]}`, 400, "ASCENDING or DESCENDING", ""},
	{"an unknown operator", "POST", objects + "/search", where(`"propertyName":"subject","operator":"LIKE","value":"x"`), 400, "Invalid operator", ""},
	{"an operator without value", "POST", objects + "/search", where(`"propertyName":"subject","operator":"EQ"`), 400, "requires value", ""},
	{"IN without values", "POST", objects + "/search", where(`"propertyName":"subject","operator":"IN","value":"x"`), 400, "requires values", ""},
	{"BETWEEN without highValue", "POST", objects + "/search", where(`"propertyName":"effort","operator":"BETWEEN","value":"1"`), 400, "highValue", ""},
	{"capitals among the values of IN", "POST", objects + "/search", where(`"propertyName":"subject","operator":"IN","values":["X"]`), 200, "", "not in lower case"},
	{"a filter on an unknown property", "POST", objects + "/search", where(`"propertyName":"nope","operator":"EQ","value":"x"`), 400, "does not exist", ""},
	{"a filter by a number that is none", "POST", objects + "/search", where(`"propertyName":"effort","operator":"GT","value":"x"`), 400, "Invalid value", ""},
	{"a filter by a date that is none", "POST", objects + "/search", where(`"propertyName":"createdate","operator":"GT","value":"yesterday"`), 400, "Invalid value", ""},
	{"a date filter of exactly 0", "POST", objects + "/search", where(`"propertyName":"createdate","operator":"GT","value":"0"`), 500, "", ""},
	{"a filter on links to an unknown object", "POST", objects + "/search", where(`"propertyName":"associations.spaceship","operator":"EQ","value":"1"`), 400, "Unable to infer object type", ""},
	{"a search of 3,001 characters", "POST", objects + "/search", `{"query":"` + strings.Repeat("x", 3001-12) + `"}`, 400, "3001 characters", ""},

	// associations
	{"2,001 links", "POST", v4 + "tickets/contacts/batch/create", times(2001, linked("%d", "101", ofHubspot(16))), 400, "is 2000", ""},
	{"1,001 reads of links", "POST", v4 + "tickets/contacts/batch/read", times(1001, `{"id":"%d"}`), 400, "is 1000", ""},
	{"a link against its direction", "POST", v4 + "tickets/contacts/batch/create", inputs(linked("{ticket}", "101", ofHubspot(15))), 400, "invalid from object type 0-5", ""},
	{"a link of no type", "POST", v4 + "tickets/contacts/batch/create", inputs(linked("{ticket}", "101")), 400, "types must not be empty", ""},
	{"a link to nobody", "POST", v4 + "tickets/contacts/batch/create", inputs(linked("{ticket}", "999", ofHubspot(16))), 400, "INVALID_OBJECT_IDS", ""},
	{"a pair twice", "POST", v4 + "tickets/contacts/batch/create", inputs(linked("{ticket}", "101", ofHubspot(16)), linked("{ticket}", "101", reporter)), 201, "", "is in the batch twice"},
	{"a label of no such type", "POST", v4 + "tickets/contacts/batch/labels/archive", inputs(linked("{ticket}", "101", ofHubspot(26))), 400, "does not exist", ""},
	{"links to an unknown object", "POST", v4 + "tickets/spaceships/batch/read", inputs(`{"id":"1"}`), 400, "Unable to infer object type", ""},
	{"an empty set of labels", "PUT", "/crm/v4/objects/tickets/{ticket}/associations/contacts/101", `[]`, 400, "types must not be empty", ""},
	{"labels that are an object", "PUT", "/crm/v4/objects/tickets/{ticket}/associations/contacts/101", `{}`, 400, "Cannot deserialize value of type", ""},
	{"links of a record that is not there", "GET", "/crm/v4/objects/tickets/123/associations/contacts", "", 404, "", ""},
	{"501 links a page", "GET", "/crm/v4/objects/tickets/{ticket}/associations/contacts?limit=501", "", 400, "from 1 to 500", ""},
	{"a cursor of links that is none", "GET", "/crm/v4/objects/tickets/{ticket}/associations/contacts?after=xyz", "", 400, "Invalid paging cursor", ""},
	{"a type named against its direction", "POST", v3 + "tickets/contacts/batch/create", inputs(namedLink("{ticket}", "101", "contact_to_ticket")), 400, "does not exist", ""},

	// definitions
	{"a property with a capital", "POST", properties, `{"name":"Color","label":"C","type":"string","fieldType":"text","groupName":"ticketinformation"}`, 400, "is invalid", ""},
	{"a property of a wrong field type", "POST", properties, `{"name":"color","label":"C","type":"number","fieldType":"text","groupName":"ticketinformation"}`, 400, "is not valid for type", ""},
	{"a property in no group", "POST", properties, `{"name":"color","label":"C","type":"string","fieldType":"text","groupName":"nope"}`, 400, "does not exist", ""},
	{"a property that is there", "POST", properties, `{"name":"note","label":"C","type":"string","fieldType":"text","groupName":"ticketinformation"}`, 409, "OBJECT_ALREADY_EXISTS", ""},
	{"a unique enumeration", "POST", properties, `{"name":"color","label":"C","type":"enumeration","fieldType":"select","groupName":"ticketinformation","hasUniqueValue":true}`, 400, "unique values", ""},
	{"two options of one value", "PATCH", properties + "/hs_ticket_priority", `{"options":[{"label":"A","value":"a"},{"label":"B","value":"a"}]}`, 400, "two options", ""},
	{"a property that becomes unique", "PATCH", properties + "/note", `{"hasUniqueValue":true}`, 400, "cannot be changed", ""},
	{"a property that changes its type", "PATCH", properties + "/note", `{"type":"number"}`, 400, "cannot be changed", ""},
	{"a sensitivity that is none", "GET", properties + "?dataSensitivity=secret", "", 400, "must be one of", ""},
	{"a rule for another type", "PUT", "/crm/v3/property-validations/0-5/effort/rule-type/REGEX", `{"ruleArguments":["^a$","a"]}`, 400, "is not for properties of type number", ""},
	{"a rule with a capture group", "PUT", "/crm/v3/property-validations/0-5/note/rule-type/REGEX", `{"ruleArguments":["^(a)$","a"]}`, 400, "capture groups", ""},
	{"a rule of too great a length", "PUT", "/crm/v3/property-validations/0-5/note/rule-type/MAX_LENGTH", `{"ruleArguments":["10001"]}`, 400, "from 1 to 10000", ""},
	{"a rule with a day that is none", "PUT", "/crm/v3/property-validations/0-5/due/rule-type/DAYS_OF_WEEK", `{"ruleArguments":["FUNDAY"]}`, 400, "MONDAY to SUNDAY", ""},
	{"a rule for a property of HubSpot's", "PUT", "/crm/v3/property-validations/0-5/hs_pinned_engagement_id/rule-type/DECIMAL", `{"ruleArguments":["1"]}`, 400, "can have no rules", ""},
	{"501 owners a page", "GET", "/crm/v3/owners?limit=501", "", 400, "", ""},
	{"an owner by e-mail in the path", "GET", "/crm/v3/owners/a@example.com", "", 404, "", ""},
	{"an owner by another property", "GET", "/crm/v3/owners/501?idProperty=email", "", 400, "neither id nor userId", ""},
	{"a merge with itself", "POST", objects + "/merge", `{"primaryObjectId":"{ticket}","objectIdToMerge":"{ticket}"}`, 400, "Could not merge", ""},
}

// TestWrongRequests sends what a client must not send. Each is refused, or taken
// as HubSpot takes it and noted, and a refused one changes nothing.
func TestWrongRequests(t *testing.T) {
	t.Parallel()
	require.GreaterOrEqual(t, len(wrongRequests), 100)
	seen := map[string]bool{}
	for _, tt := range wrongRequests {
		require.False(t, seen[tt.name], tt.name)
		seen[tt.name] = true
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := open(t, nil)
			ticket := a.create(`"content":"c"`)
			before := a.Tickets(false)
			fill := func(text string) string { return strings.ReplaceAll(text, "{ticket}", ticket) }
			res := a.want(tt.status, tt.method, fill(tt.path), fill(tt.body))
			require.Contains(t, res.raw, tt.says)
			if tt.noted != "" {
				require.Contains(t, strings.Join(a.Violations(), "\n"), tt.noted)
			}
			if tt.status >= 400 {
				require.Equal(t, before, a.Tickets(false))
				checkErrorBody(t, res)
			}
		})
	}
}

// checkErrorBody requires what every error of the API has. The gateway's have
// no JSON.
func checkErrorBody(t *testing.T, res answer) {
	t.Helper()
	if res.status == http.StatusRequestURITooLong {
		return
	}
	require.Equal(t, "error", res.at("status"), res.raw)
	require.NotEmpty(t, res.at("message"))
	require.Equal(t, res.header.Get("X-Hubspot-Correlation-Id"), res.at("correlationId"))
}

// What a gateway checks before anything else looks at the request.
func TestWrongHeaders(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, authorization, contentType, path string
		scopes                                 []string
		status                                 int
		category                               any
	}{
		{"no token", "", "application/json", objects, nil, 401, "INVALID_AUTHENTICATION"},
		{"an empty token", "Bearer ", "application/json", objects, nil, 401, "INVALID_AUTHENTICATION"},
		{"another scheme", "Basic cGF0LXRlc3Q6", "application/json", objects, nil, 401, "INVALID_AUTHENTICATION"},
		{"an API key in the URL", "", "application/json", objects + "?hapikey=x", nil, 401, "INVALID_AUTHENTICATION"},
		{"another token", "Bearer pat-other", "application/json", objects, nil, 401, "INVALID_AUTHENTICATION"},
		{"a form", "Bearer pat-test", "application/x-www-form-urlencoded", objects, nil, 415, nil},
		{"no content type", "Bearer pat-test", "", objects, nil, 415, nil},
		{"plain text", "Bearer pat-test", "text/plain", objects, nil, 415, nil},
		{"no scope for tickets", "Bearer pat-test", "application/json", objects, []string{"crm.objects.contacts.write"}, 403, "MISSING_SCOPES"},
		{"a scope for reading only", "Bearer pat-test", "application/json", objects, []string{"crm.objects.tickets.read"}, 403, "MISSING_SCOPES"},
		{"one scope of two", "Bearer pat-test", "application/json", v4 + "tickets/contacts/batch/create", []string{"tickets"}, 403, "MISSING_SCOPES"},
		{"reading scope of the other object", "Bearer pat-test", "application/json", v4 + "tickets/contacts/batch/create", []string{"tickets", "crm.objects.contacts.read"}, 403, "MISSING_SCOPES"},
		{"both scopes", "Bearer pat-test", "application/json", v4 + "tickets/contacts/batch/read", []string{"tickets", "crm.objects.contacts.read"}, 200, nil},
		{"no scope for definitions", "Bearer pat-test", "application/json", properties, []string{"crm.objects.contacts.read"}, 403, "MISSING_SCOPES"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := open(t, func(o *sandbox.Options) { o.Token, o.Scopes = "pat-test", tt.scopes })
			req, err := http.NewRequestWithContext(t.Context(), "POST", "http://sandbox"+tt.path, strings.NewReader(`{"inputs":[]}`))
			require.NoError(t, err)
			req.Header.Set("Authorization", tt.authorization)
			if tt.contentType != "" {
				req.Header.Set("Content-Type", tt.contentType)
			}
			res := a.send(req)
			require.Equal(t, tt.status, res.status, res.raw)
			require.Equal(t, tt.category, res.at("category"), res.raw)
			require.NotContains(t, res.raw, "pat-")
			require.Empty(t, a.Tickets(false))
			if tt.status == http.StatusForbidden {
				require.NotZero(t, res.len("errors", 0, "context", "requiredGranularScopes"))
				require.Equal(t, "https://developers.hubspot.com/scopes", res.at("links", "scopes"))
			}
		})
	}
}

func TestScopesForSensitiveData(t *testing.T) {
	t.Parallel()
	a := open(t, func(o *sandbox.Options) { o.Scopes = []string{"tickets"} })
	a.want(200, "GET", properties, "")
	a.want(403, "GET", properties+"?dataSensitivity=sensitive", "")
	a.want(200, "GET", "/crm/v3/limits/records", "")
	b := open(t, func(o *sandbox.Options) { o.Scopes = []string{"tickets", "tickets.sensitive.v2"} })
	require.Equal(t, []string{"secret"}, b.want(200, "GET", properties+"?dataSensitivity=sensitive", "").names("name"))
	b.want(403, "GET", properties+"?dataSensitivity=highly_sensitive", "")
}
