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

// epoch is when the things were made that come with every account.
const epoch = "1970-01-01T00:00:00Z"

// A pipelineAnswer is a pipeline with the dates that HubSpot answers.
type pipelineAnswer struct {
	schema.Pipeline
	Stages    []stageAnswer `json:"stages"`
	CreatedAt string        `json:"createdAt"`
	UpdatedAt string        `json:"updatedAt"`
}

type stageAnswer struct {
	schema.Stage
	CreatedAt        string `json:"createdAt"`
	UpdatedAt        string `json:"updatedAt"`
	WritePermissions string `json:"writePermissions"`
}

func answerPipeline(p schema.Pipeline) pipelineAnswer {
	a := pipelineAnswer{Pipeline: p, CreatedAt: epoch, UpdatedAt: epoch, Stages: []stageAnswer{}}
	for _, stage := range p.Stages {
		a.Stages = append(a.Stages, stageAnswer{stage, epoch, epoch, "CRM_PERMISSIONS_ENFORCEMENT"})
	}
	return a
}

// ticketPipelines refuses other objects, of which the sandbox has no pipelines.
func (c *call) ticketPipelines() ([]schema.Pipeline, *failure) {
	o, f := c.object("type")
	if f != nil || o.index != tickets {
		return nil, f
	}
	return c.s.pipelines, nil
}

func (c *call) listPipelines() (*reply, *failure) {
	pipelines, f := c.ticketPipelines()
	if f != nil {
		return nil, f
	}
	results := []pipelineAnswer{}
	for _, p := range pipelines {
		if !p.Archived {
			results = append(results, answerPipeline(p))
		}
	}
	return ok(http.StatusOK, map[string]any{"results": results}), nil
}

func (c *call) pipelineOfPath() (pipelineAnswer, *failure) {
	pipelines, f := c.ticketPipelines()
	if f != nil {
		return pipelineAnswer{}, f
	}
	for _, p := range pipelines {
		if p.ID == c.r.PathValue("id") && !p.Archived {
			return answerPipeline(p), nil
		}
	}
	return pipelineAnswer{}, notFound()
}

func (c *call) getPipeline() (*reply, *failure) {
	p, f := c.pipelineOfPath()
	if f != nil {
		return nil, f
	}
	return ok(http.StatusOK, p), nil
}

func (c *call) listStages() (*reply, *failure) {
	p, f := c.pipelineOfPath()
	if f != nil {
		return nil, f
	}
	return ok(http.StatusOK, map[string]any{"results": p.Stages}), nil
}

func (c *call) getStage() (*reply, *failure) {
	p, f := c.pipelineOfPath()
	if f != nil {
		return nil, f
	}
	for _, stage := range p.Stages {
		if stage.ID == c.r.PathValue("stage") {
			return ok(http.StatusOK, stage), nil
		}
	}
	return nil, notFound()
}

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
		list = append(list, newUsage(o.typeID, 15_000_000, len(o.records)))
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
	return usages([]usage{newUsage("0-5", 100, len(c.s.pipelines))})
}

func (c *call) labelLimits() (*reply, *failure) {
	var list []usage
	for _, o := range c.s.objects {
		list = append(list, newUsage(o.typeID, maxLabels, c.s.types.customCount(o.name)))
	}
	return usages(list)
}

func (c *call) associationLimits(pr pair) (*reply, *failure) {
	limit := knownByName(pr.other).perTicket
	if !pr.ticket {
		limit = knownByName(pr.other).perOther
	}
	return ok(http.StatusOK, map[string]any{"limit": limit, "totalRecordsAtLimit": 0, "totalRecordsNearLimit": 0, "samples": []string{}}), nil
}
