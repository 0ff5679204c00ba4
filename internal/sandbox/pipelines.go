package sandbox

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/ticketetl/ticketetl/internal/schema"
)

// maxStages is how many stages a ticket pipeline may have.
const maxStages = 100

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

// A lifetime is when a pipeline or a stage was made and changed.
type lifetime struct {
	Created int64 `json:"created"` // ms
	Updated int64 `json:"updated"`
}

func (c *call) answerPipeline(p *schema.Pipeline) pipelineAnswer {
	life := c.s.born[p.ID]
	a := pipelineAnswer{Pipeline: *p, CreatedAt: stamp(life.Created), UpdatedAt: stamp(life.Updated), Stages: []stageAnswer{}}
	for i := range p.Stages {
		if !p.Stages[i].Archived {
			a.Stages = append(a.Stages, c.answerStage(&p.Stages[i]))
		}
	}
	return a
}

func (c *call) answerStage(st *schema.Stage) stageAnswer {
	life := c.s.born[st.ID]
	return stageAnswer{*st, stamp(life.Created), stamp(life.Updated), "CRM_PERMISSIONS_ENFORCEMENT"}
}

// touch notes that a pipeline or stage was made or changed.
func (c *call) touch(id string) {
	life, known := c.s.born[id]
	if !known {
		life.Created = c.now
	}
	life.Updated = c.now
	c.s.born[id] = life
}

// ofPipelines refuses other objects, of which the sandbox has no pipelines.
func ofPipelines(do handler) handler {
	return ofObject(func(c *call, o *object) (*reply, *failure) {
		if o.index != tickets {
			return nil, invalid("the sandbox keeps pipelines of tickets only, not of %s", o.name)
		}
		return do(c)
	})
}

// ofPipeline gives do the pipeline of the path.
func ofPipeline(do func(*call, *schema.Pipeline) (*reply, *failure)) handler {
	return ofPipelines(func(c *call) (*reply, *failure) {
		p := c.s.pipelineByID(c.r.PathValue("id"))
		if p == nil {
			return nil, notFound()
		}
		return do(c, p)
	})
}

// ofStage gives do the stage of the path as well.
func ofStage(do func(*call, *schema.Pipeline, *schema.Stage) (*reply, *failure)) handler {
	return ofPipeline(func(c *call, p *schema.Pipeline) (*reply, *failure) {
		st := p.Stage(c.r.PathValue("stage"))
		if st == nil || st.Archived {
			return nil, notFound()
		}
		return do(c, p, st)
	})
}

func (c *call) listPipelines() (*reply, *failure) {
	results := []pipelineAnswer{}
	for i := range c.s.pipelines {
		if p := &c.s.pipelines[i]; !p.Archived {
			results = append(results, c.answerPipeline(p))
		}
	}
	return ok(http.StatusOK, map[string]any{"results": results}), nil
}

func (c *call) getPipeline(p *schema.Pipeline) (*reply, *failure) {
	return ok(http.StatusOK, c.answerPipeline(p)), nil
}

func (c *call) listStages(p *schema.Pipeline) (*reply, *failure) {
	return ok(http.StatusOK, map[string]any{"results": c.answerPipeline(p).Stages}), nil
}

func (c *call) getStage(_ *schema.Pipeline, st *schema.Stage) (*reply, *failure) {
	return ok(http.StatusOK, c.answerStage(st)), nil
}

// A pipelineInput is the body of a write; fields that are absent stay as they are.
type pipelineInput struct {
	Label        *string       `json:"label"`
	DisplayOrder *int          `json:"displayOrder"`
	Archived     *bool         `json:"archived"`
	PipelineID   string        `json:"pipelineId"`
	Stages       *[]stageInput `json:"stages"`
}

type stageInput struct {
	Label        *string           `json:"label"`
	DisplayOrder *int              `json:"displayOrder"`
	Archived     *bool             `json:"archived"`
	StageID      string            `json:"stageId"`
	Metadata     map[string]string `json:"metadata"`
}

// createPipeline takes label, displayOrder and stages, all of them required.
func (c *call) createPipeline() (*reply, *failure) {
	var in pipelineInput
	if f := c.decode(&in); f != nil {
		return nil, f
	}
	if in.Label == nil || in.DisplayOrder == nil || in.Stages == nil {
		c.wrong("a pipeline without label, displayOrder or stages")
		return nil, invalid("Invalid input: label, displayOrder and stages are required")
	}
	p := schema.Pipeline{ID: c.s.definitionID(in.PipelineID)}
	if c.s.pipelineByID(p.ID) != nil {
		return nil, conflict("A pipeline with the id %q exists already", p.ID)
	}
	if f := c.changePipeline(&p, in); f != nil {
		return nil, f
	}
	c.s.pipelines = append(c.s.pipelines, p)
	c.s.objects[tickets].trackStages(&p)
	return ok(http.StatusCreated, c.answerPipeline(&p)), nil
}

func (c *call) updatePipeline(p *schema.Pipeline) (*reply, *failure) {
	var in pipelineInput
	if f := c.decode(&in); f != nil {
		return nil, f
	}
	changed := *p
	if f := c.changePipeline(&changed, in); f != nil {
		return nil, f
	}
	*p = changed
	c.s.objects[tickets].trackStages(p)
	return ok(http.StatusOK, c.answerPipeline(p)), nil
}

func (c *call) changePipeline(p *schema.Pipeline, in pipelineInput) *failure {
	assign(&p.Label, in.Label)
	assign(&p.DisplayOrder, in.DisplayOrder)
	assign(&p.Archived, in.Archived)
	if f := c.s.checkPipelineLabel(p); f != nil {
		return f
	}
	if in.Stages != nil {
		p.Stages = nil
		for _, st := range *in.Stages {
			if f := c.addStage(p, st); f != nil {
				return f
			}
		}
	}
	c.touch(p.ID)
	return nil
}

func (s *Server) checkPipelineLabel(p *schema.Pipeline) *failure {
	if strings.TrimSpace(p.Label) == "" {
		return invalid("Invalid input: the label of a pipeline must not be blank")
	}
	for i := range s.pipelines {
		if old := &s.pipelines[i]; old.ID != p.ID && !old.Archived && old.Label == p.Label {
			return conflict("A pipeline with the label %q exists already", p.Label)
		}
	}
	return nil
}

// definitionID is a numeric id that nothing has, unless one is given.
func (s *Server) definitionID(given string) string {
	if given != "" {
		return given
	}
	for n := 930_000_001; ; n++ {
		id := strconv.Itoa(n)
		if _, used := s.born[id]; !used && s.pipelineByID(id) == nil && s.stageByID(id) == nil {
			return id
		}
	}
}

func (c *call) createStage(p *schema.Pipeline) (*reply, *failure) {
	var in stageInput
	if f := c.decode(&in); f != nil {
		return nil, f
	}
	if f := c.addStage(p, in); f != nil {
		return nil, f
	}
	c.s.objects[tickets].trackStages(p)
	return ok(http.StatusCreated, c.answerStage(&p.Stages[len(p.Stages)-1])), nil
}

// addStage takes label and displayOrder, both required.
func (c *call) addStage(p *schema.Pipeline, in stageInput) *failure {
	if in.Label == nil || in.DisplayOrder == nil {
		c.wrong("a stage without label or displayOrder")
		return invalid("Invalid input: label and displayOrder of a stage are required")
	}
	st := schema.Stage{ID: c.s.definitionID(in.StageID), Metadata: map[string]string{"ticketState": "OPEN", "isClosed": "false"}}
	switch {
	case p.Stage(st.ID) != nil:
		return conflict("A stage with the id %q exists already", st.ID)
	case len(p.Stages) >= maxStages:
		return invalid("A pipeline can have at most %d stages", maxStages)
	}
	if f := c.changeStage(p, &st, in); f != nil {
		return f
	}
	p.Stages = append(slices.Clip(p.Stages), st)
	return nil
}

func (c *call) updateStage(p *schema.Pipeline, st *schema.Stage) (*reply, *failure) {
	var in stageInput
	if f := c.decode(&in); f != nil {
		return nil, f
	}
	changed := *st
	if f := c.changeStage(p, &changed, in); f != nil {
		return nil, f
	}
	*st = changed
	return ok(http.StatusOK, c.answerStage(st)), nil
}

func (c *call) changeStage(p *schema.Pipeline, st *schema.Stage, in stageInput) *failure {
	assign(&st.Label, in.Label)
	assign(&st.DisplayOrder, in.DisplayOrder)
	assign(&st.Archived, in.Archived)
	if strings.TrimSpace(st.Label) == "" {
		return invalid("Invalid input: the label of a stage must not be blank")
	}
	for i := range p.Stages {
		if old := &p.Stages[i]; old.ID != st.ID && !old.Archived && old.Label == st.Label {
			return conflict("A stage with the label %q exists already in this pipeline", st.Label)
		}
	}
	if state, given := in.Metadata["ticketState"]; given {
		if state != "OPEN" && state != "CLOSED" {
			return invalid("Invalid input: ticketState %q is neither OPEN nor CLOSED", state)
		}
		st.Metadata = map[string]string{"ticketState": state, "isClosed": strconv.FormatBool(state == "CLOSED")}
	}
	c.touch(st.ID)
	return nil
}

func (c *call) deletePipeline(p *schema.Pipeline) (*reply, *failure) {
	ids := make([]string, len(p.Stages))
	for i := range p.Stages {
		ids[i] = p.Stages[i].ID
	}
	if f := c.checkUnusedStages(p, ids); f != nil {
		return nil, f
	}
	p.Archived = true
	return noContent(), nil
}

func (c *call) deleteStage(p *schema.Pipeline, st *schema.Stage) (*reply, *failure) {
	if f := c.checkUnusedStages(p, []string{st.ID}); f != nil {
		return nil, f
	}
	st.Archived = true
	return noContent(), nil
}

// checkUnusedStages refuses to delete stages that tickets are in, if that is
// asked for, and from 2026-09 on always.
func (c *call) checkUnusedStages(p *schema.Pipeline, stages []string) *failure {
	if c.r.URL.Query().Get("validateReferencesBeforeDelete") != "true" && !c.newRules() {
		return nil
	}
	o := c.s.objects[tickets]
	var users, used []string
	for _, r := range o.live() {
		pipeline, _ := r.get(o.props["hs_pipeline"])
		stage, _ := r.get(o.props["hs_pipeline_stage"])
		if pipeline != p.ID || !slices.Contains(stages, stage) {
			continue
		}
		users = append(users, r.id)
		if !slices.Contains(used, stage) {
			used = append(used, stage)
		}
	}
	if len(users) == 0 {
		return nil
	}
	f := invalid("%d tickets are in stages that would be deleted: %s", len(users), list(used))
	f.SubCategory = "PipelineError.STAGE_ID_IN_USE"
	return f.with("stageIds", used...).with("objectIds", users...)
}

// trackStages defines the properties that say when a ticket came into a stage.
func (o *object) trackStages(p *schema.Pipeline) {
	for i := range p.Stages {
		st := &p.Stages[i]
		o.ensure(locked(enteredName(st.ID), "Date entered "+st.Label, "datetime", "calculation_read_time"))
	}
}
