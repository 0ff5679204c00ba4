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

func (s *Server) objectRoutes() {
	const base = "/crm/v3/objects/{type}"
	s.handle("GET "+base, (*call).listObjects)
	s.handle("POST "+base, (*call).createObject)
	s.handle("GET "+base+"/{id}", (*call).getObject)
	s.handle("PATCH "+base+"/{id}", (*call).updateObject)
	s.handle("DELETE "+base+"/{id}", (*call).archiveObject)
	s.handle("POST "+base+"/batch/create", (*call).batchCreate)
	s.handle("POST "+base+"/batch/read", (*call).batchRead)
	s.handle("POST "+base+"/batch/update", (*call).batchUpdate)
	s.handle("POST "+base+"/batch/upsert", (*call).batchUpsert)
	s.handle("POST "+base+"/batch/archive", (*call).batchArchive)
	s.handle("POST "+base+"/merge", (*call).merge)
	s.handle("POST "+base+"/search", (*call).searchObjects)
	s.handle("DELETE "+base+"/{id}/associations/{to}/{toID}/{associationType}", (*call).removeAssociation)
	s.handle("PUT "+base+"/{id}/associations/{to}/{toID}/{associationType}", (*call).putAssociation)
}

func (s *Server) associationRoutes() {
	const pair, one = "/crm/v4/associations/{from}/{to}", "/crm/v4/objects/{from}/{id}/associations"
	s.handle("POST "+pair+"/batch/create", (*call).associate)
	s.handle("POST "+pair+"/batch/associate/default", (*call).associateDefault)
	s.handle("POST "+pair+"/batch/archive", (*call).dissociate)
	s.handle("POST "+pair+"/batch/labels/archive", (*call).removeLabels)
	s.handle("POST "+pair+"/batch/read", (*call).readAssociations)
	s.handle("GET "+pair+"/labels", (*call).getLabels)
	s.handle("POST "+pair+"/labels", (*call).createLabel)
	s.handle("PUT "+pair+"/labels", (*call).renameLabel)
	s.handle("DELETE "+pair+"/labels/{typeID}", (*call).deleteLabel)
	s.handle("GET "+one+"/{to}", (*call).getAssociations)
	s.handle("PUT "+one+"/{to}/{toID}", (*call).setAssociation)
	s.handle("DELETE "+one+"/{to}/{toID}", (*call).deleteAssociation)
	s.handle("PUT "+one+"/default/{to}/{toID}", (*call).setDefaultAssociation)
	s.handle("GET /crm/v4/associations/definitions/configurations/{from}/{to}", (*call).getConfigurations)
	s.handle("POST "+pair+"/{userID}", (*call).highUsageReport) // from is "usage", to "high-usage-report"
}

func (s *Server) definitionRoutes() {
	const props, rules = "/crm/v3/properties/{type}", "/crm/v3/property-validations/{type}"
	s.handle("GET "+props, (*call).listProperties)
	s.handle("POST "+props, (*call).createProperty)
	s.handle("GET "+props+"/{name}", (*call).getProperty)
	s.handle("PATCH "+props+"/{name}", (*call).updateProperty)
	s.handle("DELETE "+props+"/{name}", (*call).archiveProperty)
	s.handle("POST "+props+"/batch/create", (*call).batchCreateProperties)
	s.handle("POST "+props+"/batch/read", (*call).batchReadProperties)
	s.handle("POST "+props+"/batch/archive", (*call).batchArchiveProperties)
	s.handle("GET "+props+"/groups", (*call).listGroups)
	s.handle("POST "+props+"/groups", (*call).createGroup)
	s.handle("GET "+props+"/groups/{name}", (*call).getGroup)
	s.handle("GET "+rules, (*call).listRules)
	s.handle("GET "+rules+"/{name}", (*call).getRules)
	s.handle("GET "+rules+"/{name}/rule-type/{rule}", (*call).getRule)
	s.handle("PUT "+rules+"/{name}/rule-type/{rule}", (*call).putRule)
	s.handle("GET /crm/v3/pipelines/{type}", (*call).listPipelines)
	s.handle("GET /crm/v3/pipelines/{type}/{id}", (*call).getPipeline)
	s.handle("GET /crm/v3/pipelines/{type}/{id}/stages", (*call).listStages)
	s.handle("GET /crm/v3/pipelines/{type}/{id}/stages/{stage}", (*call).getStage)
	s.handle("GET /crm/v3/owners", (*call).listOwners)
	s.handle("GET /crm/v3/owners/{id}", (*call).getOwner)
}

func (s *Server) accountRoutes() {
	s.handle("GET /account-info/v3/details", (*call).accountDetails)
	s.handle("GET /account-info/v3/api-usage/daily/private-apps", (*call).dailyUsage)
	s.handle("GET /crm/v3/limits/records", (*call).recordLimits)
	s.handle("GET /crm/v3/limits/custom-properties", (*call).propertyLimits)
	s.handle("GET /crm/v3/limits/calculated-properties", (*call).calculatedLimits)
	s.handle("GET /crm/v3/limits/custom-object-types", (*call).objectTypeLimits)
	s.handle("GET /crm/v3/limits/pipelines", (*call).pipelineLimits)
	s.handle("GET /crm/v3/limits/associations/labels", (*call).labelLimits)
	s.handle("GET /crm/v3/limits/associations/records/{from}/{to}", (*call).associationLimits)
	s.handle("POST /oauth/v1/token", (*call).issueToken)
	s.handle("POST /oauth/v3/token", (*call).issueToken)
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

// dateVersion is one segment of a date-versioned path.
var dateVersion = regexp.MustCompile(`^20\d\d-\d\d(-beta)?$`)

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
