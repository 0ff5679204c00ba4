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
	if it.fresh && !hasPipeline {
		it.draft.set(w.object.props["hs_pipeline"], pipeline.ID, w.now)
	}
	w.enter(it, stage)
}

// checkRequired notes what a new ticket cannot do without.
func (w *write) checkRequired(it *item) {
	if !it.fresh {
		return
	}
	required := []string{"hs_pipeline_stage"}
	if w.newRules() {
		required = []string{"subject", "hs_pipeline", "hs_pipeline_stage"}
	}
	for _, name := range required {
		if text, ok := it.draft.sent(name); !ok || text == "" {
			it.draft.missing = append(it.draft.missing, name)
		}
	}
	if text, ok := it.draft.sent("subject"); !ok || text == "" {
		w.wrong("a ticket without subject")
	}
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

// enter adds the dates of a ticket that comes into a stage.
func (w *write) enter(it *item, stage *schema.Stage) {
	if it.rec != nil {
		if now, _ := it.rec.get(w.object.props["hs_pipeline_stage"]); now == stage.ID {
			return
		}
	}
	at := w.stampNow()
	if p := w.object.props[enteredName(stage.ID)]; p != nil {
		it.draft.set(p, at, w.now)
	}
	if !stage.Closed() {
		return
	}
	for _, name := range []string{"closed_date", "hs_last_closed_date"} {
		if p := w.object.props[name]; p != nil {
			if _, sent := it.draft.sent(name); !sent {
				it.draft.set(p, at, w.now)
			}
		}
	}
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

func (d *draft) set(p *property, text string, at int64) {
	d.values = append(d.values, cell{prop: p, text: text, at: at})
}
