package sandbox

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// routes are the paths of v3 and v4; canonical leads the date versions to them.
func (s *Server) routes() {
	s.mux = http.NewServeMux()
	s.objectRoutes()
	s.associationRoutes()
	s.definitionRoutes()
	s.accountRoutes()
	s.handle("/", (*call).unknownPath)
}

// A handler answers one request, or says why it refuses to.
type handler = func(*call) (*reply, *failure)

// reading holds the account as it is while do runs.
func reading(do handler) handler {
	return func(c *call) (*reply, *failure) {
		c.s.mu.RLock()
		defer c.s.mu.RUnlock()
		return do(c)
	}
}

// writing keeps everybody else out while do runs.
func writing(do handler) handler {
	return func(c *call) (*reply, *failure) {
		c.s.mu.Lock()
		defer c.s.mu.Unlock()
		return do(c)
	}
}

// ofObject gives do the object type of the path.
func ofObject(do func(*call, *object) (*reply, *failure)) handler {
	return func(c *call) (*reply, *failure) {
		o, f := c.object("type")
		if f != nil {
			return nil, f
		}
		return do(c, o)
	}
}

// ofPair gives do the two object types of the path.
func ofPair(do func(*call, pair) (*reply, *failure)) handler {
	return func(c *call) (*reply, *failure) {
		pr, f := c.pair()
		if f != nil {
			return nil, f
		}
		return do(c, pr)
	}
}

// ofLinks gives do the inputs of a batch of associations as well, at most so many.
func ofLinks(most int, do func(*call, pair, []linkInput) (*reply, *failure)) handler {
	return ofPair(func(c *call, pr pair) (*reply, *failure) {
		inputs, f := c.readLinks(most)
		if f != nil {
			return nil, f
		}
		return do(c, pr, inputs)
	})
}

func (s *Server) objectRoutes() {
	const base = "/crm/v3/objects/{type}"
	s.handle("GET "+base, reading(ofObject((*call).listObjects)))
	s.handle("POST "+base, ofObject((*call).createObject))
	s.handle("GET "+base+"/{id}", reading(ofObject((*call).getObject)))
	s.handle("PATCH "+base+"/{id}", ofObject((*call).updateObject))
	s.handle("DELETE "+base+"/{id}", writing(ofObject((*call).archiveObject)))
	s.handle("POST "+base+"/batch/create", ofObject((*call).batchCreate))
	s.handle("POST "+base+"/batch/read", reading(ofObject((*call).batchRead)))
	s.handle("POST "+base+"/batch/update", ofObject((*call).batchUpdate))
	s.handle("POST "+base+"/batch/upsert", ofObject((*call).batchUpsert))
	s.handle("POST "+base+"/batch/archive", writing(ofObject((*call).batchArchive)))
	s.handle("POST "+base+"/merge", writing(ofObject((*call).merge)))
	s.handle("POST "+base+"/search", ofObject((*call).searchObjects))
	s.handle("DELETE "+base+"/{id}/associations/{to}/{toID}/{associationType}", writing((*call).removeAssociation))
	s.handle("PUT "+base+"/{id}/associations/{to}/{toID}/{associationType}", writing((*call).putAssociation))
}

func (s *Server) associationRoutes() {
	const pair, one = "/crm/v4/associations/{from}/{to}", "/crm/v4/objects/{from}/{id}/associations"
	s.handle("POST "+pair+"/batch/create", writing(ofLinks(maxLinks, (*call).associate)))
	s.handle("POST "+pair+"/batch/associate/default", writing(ofLinks(maxLinks, (*call).associateDefault)))
	s.handle("POST "+pair+"/batch/archive", writing(ofLinks(maxLinks, (*call).dissociate)))
	s.handle("POST "+pair+"/batch/labels/archive", writing(ofLinks(maxLinks, (*call).removeLabels)))
	s.handle("POST "+pair+"/batch/read", reading(ofLinks(maxLinkReads, (*call).readAssociations)))
	s.handle("GET "+pair+"/labels", reading(ofPair((*call).getLabels)))
	s.handle("POST "+pair+"/labels", writing(ofPair((*call).createLabel)))
	s.handle("PUT "+pair+"/labels", writing(ofPair((*call).renameLabel)))
	s.handle("DELETE "+pair+"/labels/{typeID}", writing(ofPair((*call).deleteLabel)))
	const named = "/crm/v3/associations/{from}/{to}"
	s.handle("POST "+named+"/batch/create", writing(ofLinks(maxLinks, (*call).createNamedLinks)))
	s.handle("POST "+named+"/batch/read", reading(ofLinks(maxLinkReads, (*call).readNamedLinks)))
	s.handle("POST "+named+"/batch/archive", writing(ofLinks(maxLinks, (*call).archiveNamedLinks)))
	s.handle("GET "+named+"/types", reading(ofPair((*call).listTypes)))
	s.handle("GET "+one+"/{to}", reading((*call).getAssociations))
	s.handle("PUT "+one+"/{to}/{toID}", writing((*call).setAssociation))
	s.handle("DELETE "+one+"/{to}/{toID}", writing((*call).deleteAssociation))
	s.handle("PUT "+one+"/default/{to}/{toID}", writing((*call).setDefaultAssociation))
	const limits = "/crm/v4/associations/definitions/configurations"
	s.handle("GET "+limits+"/all", reading((*call).allConfigurations))
	s.handle("POST "+limits+"/{from}/{to}/batch/create", writing(ofPair((*call).createConfigurations)))
	s.handle("POST "+limits+"/{from}/{to}/batch/update", writing(ofPair((*call).updateConfigurations)))
	s.handle("POST "+limits+"/{from}/{to}/batch/purge", writing(ofPair((*call).purgeConfigurations)))
	s.handle("GET "+limits+"/{from}/{to}", reading(ofPair((*call).getConfigurations)))
	s.handle("POST "+pair+"/{userID}", (*call).highUsageReport) // from is "usage", to "high-usage-report"
}

func (s *Server) definitionRoutes() {
	const props, rules = "/crm/v3/properties/{type}", "/crm/v3/property-validations/{type}"
	s.handle("GET "+props, reading(ofObject((*call).listProperties)))
	s.handle("POST "+props, writing(ofObject((*call).createProperty)))
	s.handle("GET "+props+"/{name}", reading(ofProperty((*call).getProperty)))
	s.handle("PATCH "+props+"/{name}", writing(ofProperty((*call).updateProperty)))
	s.handle("DELETE "+props+"/{name}", writing(ofProperty((*call).archiveProperty)))
	s.handle("POST "+props+"/batch/create", writing(ofObject((*call).batchCreateProperties)))
	s.handle("POST "+props+"/batch/read", reading(ofObject((*call).batchReadProperties)))
	s.handle("POST "+props+"/batch/archive", writing(ofObject((*call).batchArchiveProperties)))
	s.handle("GET "+props+"/groups", reading(ofObject((*call).listGroups)))
	s.handle("POST "+props+"/groups", writing(ofObject((*call).createGroup)))
	s.handle("PATCH "+props+"/groups/{name}", writing(ofGroup((*call).updateGroup)))
	s.handle("DELETE "+props+"/groups/{name}", writing(ofGroup((*call).deleteGroup)))
	s.handle("GET "+props+"/groups/{name}", reading(ofGroup((*call).getGroup)))
	s.handle("GET "+rules, reading(ofObject((*call).listRules)))
	s.handle("GET "+rules+"/{name}", reading((*call).getRules))
	s.handle("GET "+rules+"/{name}/rule-type/{rule}", reading((*call).getRule))
	s.handle("PUT "+rules+"/{name}/rule-type/{rule}", writing((*call).putRule))
	s.pipelineRoutes()
	s.handle("GET /crm/v3/owners", (*call).listOwners)
	s.handle("GET /crm/v3/owners/{id}", (*call).getOwner)
}

func (s *Server) pipelineRoutes() {
	const all, one, stages = "/crm/v3/pipelines/{type}", "/crm/v3/pipelines/{type}/{id}", "/crm/v3/pipelines/{type}/{id}/stages"
	s.handle("GET "+all, reading(ofPipelines((*call).listPipelines)))
	s.handle("POST "+all, writing(ofPipelines((*call).createPipeline)))
	s.handle("GET "+one, reading(ofPipeline((*call).getPipeline)))
	s.handle("PATCH "+one, writing(ofPipeline((*call).updatePipeline)))
	s.handle("PUT "+one, writing(ofPipeline((*call).updatePipeline)))
	s.handle("DELETE "+one, writing(ofPipeline((*call).deletePipeline)))
	s.handle("GET "+stages, reading(ofPipeline((*call).listStages)))
	s.handle("POST "+stages, writing(ofPipeline((*call).createStage)))
	s.handle("GET "+stages+"/{stage}", reading(ofStage((*call).getStage)))
	s.handle("PATCH "+stages+"/{stage}", writing(ofStage((*call).updateStage)))
	s.handle("PUT "+stages+"/{stage}", writing(ofStage((*call).updateStage)))
	s.handle("DELETE "+stages+"/{stage}", writing(ofStage((*call).deleteStage)))
}

func (s *Server) accountRoutes() {
	s.handle("GET /account-info/v3/details", (*call).accountDetails)
	s.handle("GET /account-info/v3/api-usage/daily/private-apps", (*call).dailyUsage)
	s.handle("GET /crm/v3/limits/records", reading((*call).recordLimits))
	s.handle("GET /crm/v3/limits/custom-properties", (*call).propertyLimits)
	s.handle("GET /crm/v3/limits/calculated-properties", (*call).calculatedLimits)
	s.handle("GET /crm/v3/limits/custom-object-types", (*call).objectTypeLimits)
	s.handle("GET /crm/v3/limits/pipelines", reading((*call).pipelineLimits))
	s.handle("GET /crm/v3/limits/associations/labels", reading((*call).labelLimits))
	s.handle("GET /crm/v3/limits/associations/records/{from}/{to}", reading(ofPair((*call).associationLimits)))
	s.handle("POST /oauth/v1/token", (*call).issueToken)
	s.handle("POST /oauth/v3/token", (*call).issueToken)
	s.handle("GET /oauth/v1/access-tokens/{token}", (*call).tokenInfo)
	s.handle("POST /oauth/v3/token/introspect", (*call).introspectToken)
	s.handle("POST /oauth/v3/token/revoke", (*call).revokeToken)
}

// unknownPath answers a path, or a method, that HubSpot does not have.
func (c *call) unknownPath() (*reply, *failure) {
	for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
		probe := c.r.Clone(c.r.Context())
		probe.Method = method
		if _, pattern := c.s.mux.Handler(probe); pattern != "/" && method != c.r.Method {
			c.wrong("the path does not take this method")
			return nil, &failure{code: http.StatusMethodNotAllowed, Message: "HTTP 405 Method Not Allowed"}
		}
	}
	c.wrong("unknown path")
	return nil, notFound()
}

// dateVersion is one segment of a date-versioned path. Versions come each March
// and September; the first one with objects is 2025-09.
var dateVersion = regexp.MustCompile(`^(2025-09|20(2[6-9]|[3-9]\d)-0[39])(-beta)?$`)

// canonical turns a date-versioned path into that of v3 or v4, and returns the
// version: "" where the path had none.
func canonical(r *http.Request) (string, *http.Request) {
	given := r.URL.EscapedPath()
	version, parts := canonicalParts(strings.Split(strings.Trim(given, "/"), "/"))
	raw := "/" + strings.Join(parts, "/")
	if raw == given {
		return version, r
	}
	path, err := url.PathUnescape(raw)
	if err != nil {
		return version, r
	}
	twin := r.Clone(r.Context())
	twin.URL.Path, twin.URL.RawPath = path, raw
	return version, twin
}

func canonicalParts(parts []string) (string, []string) {
	if len(parts) < 2 {
		return "", parts
	}
	switch parts[0] {
	case "account-info", "oauth":
		if dateVersion.MatchString(parts[1]) {
			return parts[1], slices.Concat(parts[:1], []string{"v3"}, parts[2:])
		}
	case "crm":
		if len(parts) > 2 && parts[1] == "associations" && parts[2] == "v4" {
			return "", slices.Concat([]string{"crm", "v4", "associations"}, parts[3:])
		}
		if len(parts) > 2 && dateVersion.MatchString(parts[2]) {
			return parts[2], slices.Concat([]string{"crm", apiOf(parts), parts[1]}, parts[3:])
		}
	}
	return "", parts
}

// apiOf says which of the old interfaces a date-versioned path belongs to.
func apiOf(parts []string) string {
	if parts[1] == "associations" || parts[1] == "objects" && len(parts) > 5 && parts[5] == "associations" {
		return "v4"
	}
	return "v3"
}
