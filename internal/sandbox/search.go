package sandbox

import (
	"cmp"
	"fmt"
	"math/big"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Limits of a search.
const (
	maxSearchPage   = 200
	maxSearchDepth  = 10_000
	maxGroups       = 5
	maxGroupFilters = 6
	maxFilters      = 18
	maxSearchBody   = 3_000 // characters
)

// A searchRequest is the body of a search.
type searchRequest struct {
	groups     [][]filter
	sorts      []sortRule
	query      string
	properties []string
	limit      int
	after      string
}

// A filter is one condition.
type filter struct {
	name, operator  string
	value, high     string
	values          []string
	prop            *property
	linked          string // of associations.contact: plural name
	valueSet, bound bool
}

type sortRule struct {
	name       string
	descending bool
	direction  string // as sent; "" in the short form
}

func (p *parser) searchRequest() (searchRequest, error) {
	req := searchRequest{limit: defaultPage}
	err := p.object(func(key []byte) (err error) {
		switch string(key) {
		case "filterGroups":
			err = p.array(func() error {
				group, err := p.filterGroup()
				req.groups = append(req.groups, group)
				return err
			})
		case "filters":
			var group []filter
			group, err = p.filters()
			req.groups = append(req.groups, group)
		case "sorts":
			req.sorts, err = p.sorts()
		case "query":
			req.query, err = p.text()
		case "properties":
			req.properties, err = p.texts()
		case "limit":
			req.limit, err = p.integer()
		case "after":
			var v scalar
			v, err = p.scalar()
			req.after = v.text
		default:
			err = p.skip(key)
		}
		return err
	})
	return req, err
}

func (p *parser) filterGroup() (group []filter, err error) {
	err = p.object(func(key []byte) (err error) {
		if string(key) != "filters" {
			return p.skip(key)
		}
		group, err = p.filters()
		return err
	})
	return group, err
}

func (p *parser) filters() ([]filter, error) {
	var out []filter
	err := p.array(func() error {
		f, err := p.filter()
		out = append(out, f)
		return err
	})
	return out, err
}

func (p *parser) filter() (filter, error) {
	var f filter
	err := p.object(func(key []byte) (err error) {
		switch string(key) {
		case "propertyName":
			f.name, err = p.text()
		case "operator":
			f.operator, err = p.text()
		case "value":
			f.value, err = p.text()
			f.valueSet = true
		case "highValue":
			f.high, err = p.text()
			f.bound = true
		case "values":
			f.values, err = p.texts()
		default:
			err = p.skip(key)
		}
		return err
	})
	return f, err
}

// sorts are strings ("-createdate" for descending) or objects.
func (p *parser) sorts() ([]sortRule, error) {
	var out []sortRule
	err := p.array(func() error {
		var rule sortRule
		if p.peek() == '"' {
			text, err := p.text()
			name, down := strings.CutPrefix(text, "-")
			out = append(out, sortRule{name: name, descending: down})
			return err
		}
		err := p.object(func(key []byte) (err error) {
			switch string(key) {
			case "propertyName":
				rule.name, err = p.text()
			case "direction":
				rule.direction, err = p.text()
				rule.descending = rule.direction == "DESCENDING"
			default:
				err = p.skip(key)
			}
			return err
		})
		out = append(out, rule)
		return err
	})
	return out, err
}

// searchObjects answers from what the index knows, which trails the store.
func (c *call) searchObjects(o *object) (*reply, *failure) {
	req, f := c.readSearch()
	if f != nil {
		return nil, f
	}
	c.s.mu.RLock()
	defer c.s.mu.RUnlock()
	if f := c.bind(o, &req); f != nil {
		return nil, f
	}
	offset, f := c.searchStart(&req)
	if f != nil {
		return nil, f
	}
	hits := c.collect(o, &req)
	sortHits(o, hits, req.sorts)
	return c.searchPage(o, &req, hits, offset), nil
}

func (c *call) readSearch() (searchRequest, *failure) {
	if n := utf8.RuneCount(c.body); n > maxSearchBody {
		c.wrong("a search body of %d characters", n)
		return searchRequest{}, invalid("The search request is too long: %d characters, at most %d are allowed", n, maxSearchBody)
	}
	var req searchRequest
	if f := c.parse(&parser{}, func(p *parser) (err error) {
		req, err = p.searchRequest()
		return err
	}); f != nil {
		return req, f
	}
	return req, c.checkSearch(&req)
}

func (c *call) checkSearch(req *searchRequest) *failure {
	total, most := 0, 0
	for _, group := range req.groups {
		total += len(group)
		most = max(most, len(group))
	}
	var f *failure
	switch {
	case req.limit < 0 || req.limit > maxSearchPage:
		f = invalid("Invalid input: limit %d must be at most %d", req.limit, maxSearchPage)
	case len(req.groups) > maxGroups:
		f = invalid("%d filter groups were given, at most %d are allowed", len(req.groups), maxGroups)
	case most > maxGroupFilters:
		f = invalid("%d filters were given in a group, at most %d are allowed", most, maxGroupFilters)
	case total > maxFilters:
		f = invalid("%d filters were given, at most %d are allowed", total, maxFilters)
	case len(req.sorts) > 1:
		f = invalid("%d sorts were given, at most one is allowed", len(req.sorts))
	}
	if f != nil {
		c.wrong("%s", f.Message)
	}
	return f
}

// searchStart reads the cursor, an offset.
func (c *call) searchStart(req *searchRequest) (int, *failure) {
	offset := 0
	if req.after != "" {
		var err error
		if offset, err = strconv.Atoi(req.after); err != nil || offset < 0 {
			c.wrong("cursor %q is not one of a search", req.after)
			return 0, &failure{code: http.StatusBadRequest, Message: fmt.Sprintf("Cannot deserialize value of type `int` from String %q: not a valid `int` value", req.after)}
		}
	}
	if offset+req.limit > maxSearchDepth {
		c.wrong("a search beyond %d results", maxSearchDepth)
		return 0, invalid("Search results can only be paged up to %d; after %d with limit %d goes beyond", maxSearchDepth, offset, req.limit)
	}
	return offset, nil
}

var searchOperators = []string{"EQ", "NEQ", "LT", "LTE", "GT", "GTE", "BETWEEN", "IN", "NOT_IN",
	"HAS_PROPERTY", "NOT_HAS_PROPERTY", "CONTAINS_TOKEN", "NOT_CONTAINS_TOKEN"}

// bind finds the properties of the filters and sorts, and checks the filters.
func (c *call) bind(o *object, req *searchRequest) *failure {
	for _, group := range req.groups {
		for i := range group {
			if f := c.bindFilter(o, &group[i]); f != nil {
				return f
			}
		}
	}
	for _, rule := range req.sorts {
		if rule.direction != "" && rule.direction != "ASCENDING" && !rule.descending {
			c.wrong("sort direction %q", rule.direction)
			return invalid("Invalid sort direction %q: must be ASCENDING or DESCENDING", rule.direction)
		}
		if o.active(rule.name) == nil {
			c.wrong("sort by unknown property %q", rule.name)
			return invalid("There was a problem with the request: property %q does not exist", rule.name)
		}
	}
	return nil
}

func (c *call) bindFilter(o *object, f *filter) *failure {
	if !slices.Contains(searchOperators, f.operator) {
		c.wrong("unknown operator %q", f.operator)
		return invalid("Invalid operator %q: must be one of %s", f.operator, list(searchOperators))
	}
	if other, ok := strings.CutPrefix(f.name, "associations."); ok {
		if f.linked = canonicalName(other); knownByName(f.linked) == nil {
			return c.unknownType(other)
		}
		if f.operator != "EQ" && f.operator != "IN" {
			return invalid("operator %s is not supported for %s", f.operator, f.name)
		}
		return nil
	}
	if f.prop = o.active(f.name); f.prop == nil {
		c.wrong("filter on unknown property %q", f.name)
		return invalid("There was a problem with the request: property %q does not exist", f.name)
	}
	return c.checkOperands(f)
}

func (c *call) checkOperands(f *filter) *failure {
	var bad string
	switch f.operator {
	case "HAS_PROPERTY", "NOT_HAS_PROPERTY":
	case "IN", "NOT_IN":
		if len(f.values) == 0 {
			bad = "values"
		}
		if f.prop.Type == "string" && slices.ContainsFunc(f.values, func(v string) bool { return v != strings.ToLower(v) }) {
			c.wrong("values of %s on %q are not in lower case", f.operator, f.name)
		}
	case "BETWEEN":
		if !f.valueSet || !f.bound {
			bad = "value and highValue"
		}
	default:
		if !f.valueSet {
			bad = "value"
		}
	}
	if bad != "" {
		c.wrong("operator %s without %s", f.operator, bad)
		return invalid("operator %s on %q requires %s", f.operator, f.name, bad)
	}
	if operand := f.unreadable(); operand != "" {
		c.wrong("operand %q of %s on %q", operand, f.operator, f.name)
		return invalid("Invalid value %q for the %s property %q", operand, f.prop.Type, f.name)
	}
	if f.prop.Type == "datetime" && f.value == "0" {
		return &failure{code: http.StatusInternalServerError, Message: "internal error"}
	}
	return nil
}

// unreadable is an operand that is none of the property's type; "" if all are.
func (f *filter) unreadable() string {
	var bad func(string) bool
	switch f.prop.Type {
	case "number":
		bad = func(v string) bool { return !isDecimal(v) }
	case "date", "datetime":
		bad = func(v string) bool { _, ok := anyInstant(v); return !ok }
	default:
		return ""
	}
	for _, v := range append(slices.Clone(f.values), f.value, f.high) {
		if v != "" && bad(v) {
			return v
		}
	}
	return ""
}

// A hit is a record as the index sees it.
type hit struct {
	rec *record
	st  *state
}

func (c *call) collect(o *object, req *searchRequest) []hit {
	seenAt := c.now - c.s.lag.Milliseconds()
	query := strings.Fields(strings.ToLower(req.query))
	var hits []hit
	o.from(req.lowestID(), func(r *record) bool {
		st := r.at(seenAt)
		if st == nil || st.archivedAt > 0 || r.mergedTo != nil {
			return true
		}
		h := hit{r, st}
		if h.matchesAny(req.groups) && h.hasWords(o, query) {
			hits = append(hits, h)
		}
		return true
	})
	return hits
}

// lowestID spares walking over the ids that a lone group excludes.
func (req *searchRequest) lowestID() uint64 {
	if len(req.groups) != 1 {
		return 0
	}
	for _, f := range req.groups[0] {
		if f.name == "hs_object_id" && (f.operator == "GT" || f.operator == "GTE") {
			n, _ := strconv.ParseUint(f.value, 10, 64)
			return n
		}
	}
	return 0
}

func (h *hit) matchesAny(groups [][]filter) bool {
	if len(groups) == 0 {
		return true
	}
	for _, group := range groups {
		if !slices.ContainsFunc(group, func(f filter) bool { return !h.matches(&f) }) {
			return true
		}
	}
	return false
}

func (h *hit) matches(f *filter) bool {
	if f.linked != "" {
		return h.isLinked(f)
	}
	text, _ := h.st.value(h.rec, f.prop)
	switch f.operator {
	case "HAS_PROPERTY":
		return text != ""
	case "NOT_HAS_PROPERTY":
		return text == ""
	case "EQ":
		return f.same(text, f.value)
	case "NEQ":
		return text != "" && !f.same(text, f.value)
	case "IN":
		return slices.ContainsFunc(f.values, func(v string) bool { return f.same(text, v) })
	case "NOT_IN":
		return text != "" && !slices.ContainsFunc(f.values, func(v string) bool { return f.same(text, v) })
	case "CONTAINS_TOKEN":
		return hasToken(text, f.value)
	case "NOT_CONTAINS_TOKEN":
		return !hasToken(text, f.value)
	}
	return h.inRange(f, text)
}

func (h *hit) isLinked(f *filter) bool {
	ids := append(slices.Clone(f.values), f.value)
	return slices.ContainsFunc(h.rec.linksTo(f.linked), func(l *link) bool {
		return slices.Contains(ids, l.far(h.rec).id)
	})
}

// same compares as the index does: text without case, options with it,
// multiple options one by one.
func (f *filter) same(text, want string) bool {
	switch f.prop.Type {
	case "string":
		return strings.EqualFold(text, want)
	case "enumeration":
		if f.prop.Multiple() {
			return slices.Contains(strings.Split(text, ";"), want)
		}
		return text == want
	case "number", "date", "datetime":
		return text != "" && compareValues(f.prop, text, want) == 0
	}
	return text == want
}

func (h *hit) inRange(f *filter, text string) bool {
	if text == "" {
		return false
	}
	order := compareValues(f.prop, text, f.value)
	switch f.operator {
	case "LT":
		return order < 0
	case "LTE":
		return order <= 0
	case "GT":
		return order > 0
	case "GTE":
		return order >= 0
	}
	return order >= 0 && compareValues(f.prop, text, f.high) <= 0 // BETWEEN
}

// hasToken looks for a word; '*' at either end stands for anything.
func hasToken(text, token string) bool {
	token = strings.ToLower(token)
	bare := strings.Trim(token, "*")
	for word := range strings.FieldsSeq(strings.ToLower(text)) {
		switch {
		case strings.HasPrefix(token, "*") && strings.HasSuffix(word, bare),
			strings.HasSuffix(token, "*") && strings.HasPrefix(word, bare),
			strings.HasPrefix(token, "*") && strings.HasSuffix(token, "*") && strings.Contains(word, bare),
			strings.Trim(word, ".,;:!?()\"'") == bare:
			return true
		}
	}
	return false
}

// compareValues orders two values of a property by its type.
func compareValues(p *property, a, b string) int {
	switch p.Type {
	case "number":
		if isDigits(a) && isDigits(b) && len(a) < 19 && len(b) < 19 {
			x, _ := strconv.ParseUint(a, 10, 64)
			y, _ := strconv.ParseUint(b, 10, 64)
			return cmp.Compare(x, y)
		}
		x, okX := new(big.Rat).SetString(a)
		y, okY := new(big.Rat).SetString(b)
		if okX && okY {
			return x.Cmp(y)
		}
	case "date", "datetime":
		x, okX := anyInstant(a)
		y, okY := anyInstant(b)
		if okX && okY {
			return cmp.Compare(x, y)
		}
	}
	return strings.Compare(strings.ToLower(a), strings.ToLower(b))
}

// anyInstant reads a date, a date-time or epoch milliseconds.
func anyInstant(text string) (int64, bool) {
	if ms, ok := parseInstant(text); ok {
		return ms, true
	}
	if len(text) == len("2006-01-02") && text[4] == '-' {
		return parseInstant(text + "T00:00:00Z")
	}
	ms, err := strconv.ParseInt(text, 10, 64)
	return ms, err == nil
}

// searchedBy are the properties that a query looks into.
var searchedBy = [numObjects][]string{
	{"subject", "content", "hs_pipeline_stage", "hs_ticket_category", "hs_ticket_id"},
	{"email", "firstname", "lastname", "phone"},
	{"name", "domain", "phone"},
	{"dealname"},
}

func (h *hit) hasWords(o *object, words []string) bool {
	if len(words) == 0 {
		return true
	}
	var all strings.Builder
	for _, name := range searchedBy[o.index] {
		if p := o.active(name); p != nil {
			text, _ := h.st.value(h.rec, p)
			all.WriteString(strings.ToLower(text) + "\n")
		}
	}
	return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(all.String(), w) })
}

// sortHits orders by the one rule, records without a value last; without a
// rule by createdate.
func sortHits(o *object, hits []hit, rules []sortRule) {
	if len(rules) == 0 {
		slices.SortStableFunc(hits, func(a, b hit) int { return cmp.Compare(a.st.created, b.st.created) })
		return
	}
	rule := rules[0]
	if rule.name == "hs_object_id" {
		if rule.descending {
			slices.Reverse(hits)
		}
		return // they come by id
	}
	if rule.name == o.touched {
		slices.SortStableFunc(hits, func(a, b hit) int {
			if rule.descending {
				a, b = b, a
			}
			return cmp.Compare(a.st.updated, b.st.updated)
		})
		return
	}
	p := o.active(rule.name)
	slices.SortStableFunc(hits, func(a, b hit) int {
		x, _ := a.st.value(a.rec, p)
		y, _ := b.st.value(b.rec, p)
		switch {
		case x == "" || y == "":
			return cmp.Compare(len(y), len(x))
		case rule.descending:
			return compareValues(p, y, x)
		}
		return compareValues(p, x, y)
	})
}

func (c *call) searchPage(o *object, req *searchRequest, hits []hit, offset int) *reply {
	v := view{fields: o.fields(req.properties, o.defaults), nulls: true}
	b := strconv.AppendInt([]byte(`{"total":`), int64(len(hits)), 10)
	b = append(b, `,"results":[`...)
	end := min(offset+req.limit, len(hits))
	for i, h := range hits[min(offset, len(hits)):end] {
		if i > 0 {
			b = append(b, ',')
		}
		seen := *h.rec // as the index sees it
		seen.state = *h.st
		b = append(c.appendRecord(b, &seen, &v), '}')
	}
	b = append(b, ']')
	if end < len(hits) && req.limit > 0 {
		b = append(b, fmt.Sprintf(`,"paging":{"next":{"after":"%d"}}`, end)...)
	}
	return &reply{status: http.StatusOK, body: append(b, '}')}
}
