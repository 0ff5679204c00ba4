package transform

import (
	"slices"
	"strings"

	"github.com/ticketetl/ticketetl/internal/schema"
)

// stages finds ticket stages, within a pipeline or over all of them.
type stages struct {
	byPipeline map[string]*lookup // by pipeline id
	labels     map[string]string  // of pipelines, by id
	all        *lookup            // every stage, labelled "pipeline / stage"
	pipelineOf []string           // pipeline ids, by index in all
	flaws      memo
}

func newStages(s *schema.Schema) *stages {
	st := &stages{byPipeline: map[string]*lookup{}, labels: map[string]string{}}
	var all []item
	for i := range s.Pipelines {
		p := &s.Pipelines[i]
		if p.Archived {
			continue
		}
		var own []item
		for j := range p.Stages {
			if stage := &p.Stages[j]; !stage.Archived {
				full := p.Label + " / " + stage.Label
				exported := stage.Label + " (" + p.Label + ")" // as HubSpot's own exports write it
				own = append(own, item{id: stage.ID, label: stage.Label, others: []string{full, exported}})
				all = append(all, item{id: stage.ID, label: full, others: []string{stage.Label, own[len(own)-1].exactName(), exported}})
				st.pipelineOf = append(st.pipelineOf, p.ID)
			}
		}
		st.byPipeline[p.ID] = newLookup(own)
		st.labels[p.ID] = p.Label
	}
	st.all = newLookup(all)
	return st
}

// in finds the stage that text names within a pipeline.
func (st *stages) in(pipeline, text string) (stage string, f *flaw) {
	own := st.byPipeline[pipeline]
	if own == nil {
		return "", flawOf(CodeInvalidPipeline, "", "there is no pipeline %s", quote(pipeline))
	}
	if it, _ := own.one(text); it != nil {
		return it.id, nil
	}
	return "", st.flaws.of(pipeline+"\x00"+text, func(string) *flaw { return st.refuse(pipeline, own, text) })
}

func (st *stages) refuse(pipeline string, own *lookup, text string) *flaw {
	if found := own.find(text); len(found) > 1 {
		return flawOf(CodeAmbiguousStage, writeAsListed, "%s names several stages: %s", quote(text), own.candidates(found))
	}
	return flawOf(CodeInvalidStage, nearest(text, own.names(), "correct the cell, or translate it with a table of values in the mapping"),
		"%s is not a stage of pipeline %q; those are %s", quote(text), st.labels[pipeline], own.list(own.all()))
}

// anywhere finds the only stage of all pipelines that text names.
func (st *stages) anywhere(text string) (pipeline, stage string, f *flaw) {
	found := st.find(text)
	if len(found) == 1 {
		return st.pipelineOf[found[0]], st.all.items[found[0]].id, nil
	}
	return "", "", st.flaws.of("\x00"+text, func(string) *flaw { return st.refuseAnywhere(text, found) })
}

// find looks for text in all pipelines. Ids can be chosen freely, so that one
// may be that of stages in two pipelines, or the label of another stage.
func (st *stages) find(text string) []int {
	found := st.all.exact[text]
	if len(found) == 0 {
		return st.all.loosely(text)
	}
	for i := range st.all.items {
		if st.all.items[i].others[0] == text && !slices.Contains(found, i) {
			found = append(slices.Clip(found), i)
		}
	}
	return found
}

func (st *stages) refuseAnywhere(text string, found []int) *flaw {
	if len(found) == 0 {
		return flawOf(CodeInvalidStage, nearest(text, st.all.names(), "correct the cell, or translate it with a table of values in the mapping"),
			"%s is not a stage of any pipeline; those are %s", quote(text), st.all.list(st.all.all()))
	}
	return flawOf(CodeAmbiguousStage, "map hs_pipeline too, or write the stage as pipeline / stage",
		"%s is a stage of several pipelines: %s", quote(text), st.all.list(found))
}

// stageText leaves a stage as it is written, to be found once the pipeline of
// the row is known.
type stageText struct{}

func (stageText) words() string { return "stage, by label or id" }

func (stageText) convert(in cell) (string, *flaw) { return strings.TrimSpace(in.text), nil }

// constant says what is wrong with a stage that stands in the mapping itself.
// An empty pipeline means that it depends on the row.
func (st *stages) constant(pipeline string, dependsOnRow bool, text string) *flaw {
	text = strings.TrimSpace(text)
	switch {
	case pipeline != "":
		_, f := st.in(pipeline, text)
		return f
	case dependsOnRow && len(st.find(text)) > 0:
		return nil
	}
	_, _, f := st.anywhere(text)
	return f
}
