package sandbox

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ticketetl/ticketetl/internal/schema"
)

// An ownerAnswer is an owner with what else HubSpot answers.
type ownerAnswer struct {
	schema.Owner
	UserID    *int64 `json:"userId"`
	EvenIfOff int64  `json:"userIdIncludingInactive,omitempty"`
	CreatedAt string `json:"createdAt"`
	UpdatedAt string `json:"updatedAt"`
}

func answerOwner(o schema.Owner) ownerAnswer {
	a := ownerAnswer{Owner: o, EvenIfOff: o.UserID, CreatedAt: epoch, UpdatedAt: epoch}
	if o.UserID != 0 && !o.Archived {
		a.UserID = &o.UserID
	}
	return a
}

// sortedOwners are the owners by id, active or archived.
func (s *Server) sortedOwners(archived bool) []schema.Owner {
	var out []schema.Owner
	for _, o := range s.owners {
		if o.Archived == archived {
			out = append(out, o)
		}
	}
	slices.SortFunc(out, func(a, b schema.Owner) int {
		if len(a.ID) != len(b.ID) {
			return cmp.Compare(len(a.ID), len(b.ID))
		}
		return strings.Compare(a.ID, b.ID)
	})
	return out
}

// Sizes of pages of owners.
const (
	ownerPage    = 100
	maxOwnerPage = 500
)

func (c *call) listOwners() (*reply, *failure) {
	q := c.r.URL.Query()
	limit, f := c.limit(q.Get("limit"), ownerPage, maxOwnerPage)
	if f != nil {
		return nil, f
	}
	owners := c.s.sortedOwners(q.Get("archived") == "true")
	if email := q.Get("email"); email != "" {
		owners = slices.DeleteFunc(owners, func(o schema.Owner) bool { return !strings.EqualFold(o.Email, email) })
	}
	if after := q.Get("after"); after != "" {
		i := slices.IndexFunc(owners, func(o schema.Owner) bool { return o.ID == after })
		if i < 0 {
			c.wrong("cursor %q is not one of owners", after)
			return nil, invalid("Invalid paging cursor %q", after)
		}
		owners = owners[i:]
	}
	results := []ownerAnswer{}
	for _, o := range owners[:min(limit, len(owners))] {
		results = append(results, answerOwner(o))
	}
	answer := map[string]any{"results": results}
	if len(owners) > limit {
		after := owners[limit].ID
		answer["paging"] = paging{Next: pagingNext{After: after, Link: "https://api.hubapi.com/crm/v3/owners?after=" + after}}
	}
	return ok(http.StatusOK, answer), nil
}

func (c *call) getOwner() (*reply, *failure) {
	q, id := c.r.URL.Query(), c.r.PathValue("id")
	if by := q.Get("idProperty"); by != "" && by != "id" && by != "userId" {
		c.wrong("idProperty %q of an owner", by)
		return nil, invalid("Invalid input: idProperty %q is neither id nor userId", by)
	}
	for _, o := range c.s.sortedOwners(q.Get("archived") == "true") {
		if q.Get("idProperty") == "userId" && strconv.FormatInt(o.UserID, 10) == id || q.Get("idProperty") != "userId" && o.ID == id {
			return ok(http.StatusOK, answerOwner(o)), nil
		}
	}
	return nil, notFound()
}

func (c *call) accountDetails() (*reply, *failure) {
	a := c.s.account
	_, offset := c.s.now().In(c.s.zone).Zone()
	answer := map[string]any{
		"portalId": a.ID, "accountType": a.Type, "timeZone": a.TimeZone, "companyCurrency": a.Currency,
		"additionalCurrencies": []string{}, "utcOffset": c.s.now().In(c.s.zone).Format("-07:00"),
		"utcOffsetMilliseconds": offset * 1000, "uiDomain": a.UIDomain, "dataHostingLocation": "na1",
	}
	if c.newRules() {
		answer["portalName"], answer["createdAt"] = "Sandbox", epoch
	}
	return ok(http.StatusOK, answer), nil
}

func (c *call) dailyUsage() (*reply, *failure) {
	g := c.s.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	now := c.s.now().In(c.s.zone)
	midnight := time.Date(now.Year(), now.Month(), now.Day()+1, 0, 0, 0, 0, c.s.zone)
	limit := g.limits.Daily
	if limit < 0 {
		limit = unlimitedMax
	}
	return ok(http.StatusOK, map[string]any{"results": []map[string]any{{
		"name": "private-apps-api-calls-daily", "usageLimit": limit, "currentUsage": g.used,
		"collectedAt": stamp(c.now), "fetchStatus": "SUCCESS", "resetsAt": stamp(millis(midnight)),
	}}}), nil
}

// A usage is one line of the limits API.
type usage struct {
	TypeID     string  `json:"objectTypeId"`
	Limit      int     `json:"limit"`
	Usage      int     `json:"usage"`
	Percentage float64 `json:"percentage"`
}

func newUsage(typeID string, limit, used int) usage {
	return usage{typeID, limit, used, 100 * float64(used) / float64(limit)}
}

func usages(list []usage) (*reply, *failure) {
	return ok(http.StatusOK, map[string]any{"results": list}), nil
}

func (c *call) recordLimits() (*reply, *failure) {
	var list []usage
	for _, o := range c.s.objects {
		list = append(list, newUsage(o.typeID, 15_000_000, len(o.live())))
	}
	return usages(list)
}

func (c *call) propertyLimits() (*reply, *failure) {
	return c.countProperties(1_000, func(p *property) bool { return !p.HubspotDefined })
}

func (c *call) calculatedLimits() (*reply, *failure) {
	return c.countProperties(200, func(p *property) bool { return !p.HubspotDefined && p.Calculated })
}

func (c *call) countProperties(limit int, counts func(*property) bool) (*reply, *failure) {
	c.s.mu.RLock()
	defer c.s.mu.RUnlock()
	var list []usage
	for _, o := range c.s.objects {
		n := 0
		for _, p := range o.ordered {
			if !p.Archived && counts(p) {
				n++
			}
		}
		list = append(list, newUsage(o.typeID, limit, n))
	}
	return usages(list)
}

// objectTypeLimits: the sandbox has no custom objects.
func (c *call) objectTypeLimits() (*reply, *failure) {
	return ok(http.StatusOK, map[string]any{"limit": 10, "usage": 0, "percentage": 0}), nil
}

func (c *call) pipelineLimits() (*reply, *failure) {
	n := 0
	for i := range c.s.pipelines {
		if !c.s.pipelines[i].Archived {
			n++
		}
	}
	return usages([]usage{newUsage("0-5", 100, n)})
}

func (c *call) labelLimits() (*reply, *failure) {
	var list []usage
	for _, o := range c.s.objects {
		list = append(list, newUsage(o.typeID, maxLabels, c.s.types.customCount(o.name)))
	}
	return usages(list)
}

// maxSamples is how many records a report on limits names.
const maxSamples = 10

// associationLimits counts the records that have, or nearly have, as many
// associations as are allowed.
func (c *call) associationLimits(pr pair) (*reply, *failure) {
	limit := knownByName(pr.other).perTicket
	if !pr.ticket {
		limit = knownByName(pr.other).perOther
	}
	at, near, samples := 0, 0, []string{}
	for _, r := range pr.records() {
		n := len(r.linksTo(pr.to))
		switch {
		case n >= limit:
			at++
		case n*10 >= limit*8:
			near++
		default:
			continue
		}
		if len(samples) < maxSamples {
			samples = append(samples, r.id)
		}
	}
	return ok(http.StatusOK, map[string]any{"limit": limit, "totalRecordsAtLimit": at, "totalRecordsNearLimit": near, "samples": samples}), nil
}

// records are those of the first of the two objects that are not archived.
func (p pair) records() []*record {
	if p.fromType == nil {
		return nil // none of this object are kept
	}
	return p.fromType.live()
}

// live are the records that are not archived, by id.
func (o *object) live() []*record {
	var out []*record
	o.from(0, func(r *record) bool {
		if r.archivedAt == 0 {
			out = append(out, r)
		}
		return true
	})
	return out
}
