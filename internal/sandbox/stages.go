package sandbox

import (
	"fmt"
	"slices"

	"github.com/ticketetl/ticketetl/internal/schema"
)

func (s *Server) pipelineByID(id string) *schema.Pipeline {
	for i := range s.pipelines {
		if s.pipelines[i].ID == id && !s.pipelines[i].Archived {
			return &s.pipelines[i]
		}
	}
	return nil
}

// firstPipeline is where a ticket goes that names none.
func (s *Server) firstPipeline() *schema.Pipeline {
	if p := s.pipelineByID("0"); p != nil {
		return p
	}
	var first *schema.Pipeline
	for i := range s.pipelines {
		p := &s.pipelines[i]
		if !p.Archived && (first == nil || p.DisplayOrder < first.DisplayOrder) {
			first = p
		}
	}
	return first
}

// place checks pipeline and stage of a ticket against each other and adds what
// HubSpot computes from a change of stage.
func (w *write) place(it *item) {
	if w.object.index != tickets || len(it.draft.bad) > 0 {
		return
	}
	w.checkRequired(it)
	pipelineID, hasPipeline := it.draft.sent("hs_pipeline")
	stageID, hasStage := it.draft.sent("hs_pipeline_stage")
	if !hasPipeline && !hasStage || len(it.draft.missing) > 0 {
		return
	}
	if hasPipeline && pipelineID == "" && !it.fresh {
		it.draft.bad = append(it.draft.bad, badValue{code: "INVALID_OPTION", name: "hs_pipeline", withValue: true,
			message: " was not one of the allowed options: a ticket cannot be without a pipeline"})
		return
	}
	pipeline := w.targetPipeline(it, pipelineID)
	if pipeline == nil {
		return
	}
	if !hasStage {
		stageID, _ = it.rec.get(w.object.props["hs_pipeline_stage"])
	}
	stage := pipeline.Stage(stageID)
	if stage == nil || stage.Archived {
		it.draft.bad = append(it.draft.bad, noStage(pipeline, stageID))
		return
	}
	if pipelineID == "" && it.fresh {
		it.draft.set(w.object.props["hs_pipeline"], pipeline.ID, w.now)
	}
	w.enter(it, stage)
}

// targetPipeline is where the ticket will be: as sent, as stored, or the default.
func (w *write) targetPipeline(it *item, sent string) *schema.Pipeline {
	id := sent
	if id == "" && it.rec != nil {
		id, _ = it.rec.get(w.object.props["hs_pipeline"])
	}
	if id == "" {
		return w.s.firstPipeline()
	}
	return w.s.pipelineByID(id)
}

func noStage(p *schema.Pipeline, stage string) badValue {
	options := make([]schema.Option, 0, len(p.Stages))
	for _, st := range p.Stages {
		options = append(options, schema.Option{Label: st.Label, Value: st.ID, DisplayOrder: st.DisplayOrder})
	}
	return badValue{code: "INVALID_OPTION", name: "hs_pipeline_stage", value: stage, withValue: true,
		message: fmt.Sprintf("%s was not one of the allowed options: %s", stage, listOptions(options))}
}

// enter adds the dates of a ticket that leaves its stage for another one.
func (w *write) enter(it *item, stage *schema.Stage) {
	before := ""
	if it.rec != nil {
		before, _ = it.rec.get(w.object.props["hs_pipeline_stage"])
	}
	if before == stage.ID {
		return
	}
	w.compute(it, enteredName(stage.ID))
	if before != "" {
		w.compute(it, exitedName(before))
	}
	switch old := w.s.stageByID(before); {
	case stage.Closed():
		for _, name := range []string{"closed_date", "hs_last_closed_date"} {
			if _, sent := it.draft.sent(name); !sent || w.s.opts.Switches.ClosedNow {
				w.compute(it, name)
			}
		}
	case old != nil && old.Closed():
		w.reopen(it)
	}
}

func (w *write) reopen(it *item) {
	w.compute(it, "hs_ticket_reopened_at")
	if p := w.object.props["closed_date"]; p != nil && w.s.opts.Switches.ReopenClearsClosed {
		it.draft.set(p, "", w.now)
	}
}

// compute sets a property, if there is one of this name, to the moment of the call.
func (w *write) compute(it *item, name string) {
	if p := w.object.props[name]; p != nil {
		it.draft.set(p, w.stampNow(), w.now)
	}
}

func (s *Server) stageByID(id string) *schema.Stage {
	for i := range s.pipelines {
		if stage := s.pipelines[i].Stage(id); stage != nil {
			return stage
		}
	}
	return nil
}

// stampNow is the moment of the call, written once.
func (w *write) stampNow() string {
	if w.nowText == "" {
		w.nowText = stamp(w.now)
	}
	return w.nowText
}

// sent is the value that an input gives a property.
func (d *draft) sent(name string) (string, bool) {
	i := slices.IndexFunc(d.values, func(v cell) bool { return v.prop.Name == name })
	if i < 0 {
		return "", false
	}
	return d.values[i].text, true
}

// set gives a property a value that nobody sent, in place of one that was.
func (d *draft) set(p *property, text string, at int64) {
	d.values = slices.DeleteFunc(d.values, func(v cell) bool { return v.prop == p })
	d.values = append(d.values, cell{prop: p, text: text, at: at})
}
