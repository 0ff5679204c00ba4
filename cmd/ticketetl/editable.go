package main

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/etl/load"
	"github.com/ticketetl/ticketetl/etl/transform"
	"github.com/ticketetl/ticketetl/internal/schema"
)

// checkEditable refuses what an editable workbook cannot be.
func (opts *exportOptions) checkEditable() error {
	switch {
	case !opts.editable:
		return nil
	case !opts.form.Editable:
		return errors.New("--editable makes a workbook; name a file that ends in .xlsx")
	case opts.values != "labels", opts.types != "auto", opts.archived != "":
		return errors.New("--editable decides itself how values are written; leave --values, --types and --archived out")
	}
	return nil
}

// withPipeline adds the pipeline where there is a stage, which is understood by it.
func withPipeline(properties []string) []string {
	stage := slices.Index(properties, "hs_pipeline_stage")
	if stage < 0 || slices.Contains(properties, "hs_pipeline") {
		return properties
	}
	return slices.Insert(slices.Clone(properties), stage, "hs_pipeline")
}

// editableMapper makes the columns of an editable workbook.
func (opts *exportOptions) editableMapper(s *schema.Schema, h *etl.Header, zone *time.Location) *transform.Export {
	return transform.NewEditable(s, h, transform.ExportOptions{Labels: opts.headers == "labels", Zone: zone})
}

// editOf is what an editable workbook keeps of itself.
func (opts *exportOptions) editOf(s *schema.Schema, mapper *transform.Export) (*load.Edit, error) {
	zone, err := opts.zone(s)
	if err != nil || !opts.editable {
		return nil, err
	}
	name := "UTC"
	if zone != nil {
		name = zone.String()
	}
	edit := &load.Edit{Facts: [][2]string{
		{etl.EditedAccount, strconv.FormatInt(s.Account.ID, 10)},
		{etl.EditedExported, time.Now().UTC().Format(time.RFC3339)},
	}}
	for _, line := range strings.Split(strings.TrimSpace(mapper.MappingBack(load.TicketsSheet, name)), "\n") {
		edit.Facts = append(edit.Facts, [2]string{etl.EditedMapping, "|" + line})
	}
	return edit, nil
}

// editing sets how a column may be edited.
func editing(to *load.Column, c transform.ExportColumn) {
	to.Locked, to.Choices, to.GroupedBy = c.Locked, c.Choices, "hs_pipeline"
	for _, g := range c.Groups {
		to.Groups = append(to.Groups, load.Choice(g))
	}
}
