package main

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/etl/extract"
	"github.com/ticketetl/ticketetl/etl/load"
	"github.com/ticketetl/ticketetl/etl/transform"
	"github.com/ticketetl/ticketetl/internal/report"
)

// An edit is what a job knows of an editable workbook that it imports.
type edit struct {
	was   *extract.Editable
	base  *extract.Baseline // from understand on
	cells int64             // changed ones; known after the check
	rows  int64             // in which they stand
}

// mappingFor is the mapping of a command: the one that was given, or else the one
// in the only file, if that is an editable workbook.
func mappingFor(cmd *cobra.Command, mapping string, files []string) (string, error) {
	if mapping == "" && len(files) == 1 && files[0] != "-" && extract.IsEditable(files[0]) {
		return files[0], nil
	}
	return mapping, mappingNeeded(cmd, mapping)
}

// loadMapping reads the mapping at path, or in the editable workbook at path.
func (j *job) loadMapping(path string) (err error) {
	if !extract.IsEditable(path) {
		j.mapping, err = transform.Load(path)
		return err
	}
	j.edit = &edit{}
	if j.edit.was, err = extract.ReadEditable(path); err != nil {
		return err
	}
	j.mapping, err = transform.Parse(path, j.edit.was.Mapping)
	return err
}

// aloneIn makes sure that the mapping of an editable workbook is used for its own
// tickets only.
func (j *job) aloneIn(path string, names []string) error {
	if j.edit == nil || len(names) == 1 && names[0] == path {
		return nil
	}
	return fmt.Errorf("-m %s names an editable workbook, whose mapping is for its own tickets only; import it by itself: ticketetl import %s", path, shellWord(path))
}

// openBaseline reads how the editable workbook was when it was exported.
func (j *job) openBaseline() (err error) {
	if j.edit == nil || j.edit.base != nil {
		return nil
	}
	if id := strconv.FormatInt(j.conn.schema.Account.ID, 10); j.edit.was.Account != id {
		return fmt.Errorf("%s was exported from account %s, and this is account %s; nothing was sent", j.files[0].name, j.edit.was.Account, id)
	}
	j.edit.base, err = extract.OpenBaseline(j.files[0].path, j.dir, j.files[0].opts)
	return err
}

// closeEdit lets go of the baseline.
func (j *job) closeEdit() error {
	if j.edit == nil || j.edit.base == nil {
		return nil
	}
	base := j.edit.base
	j.edit.base = nil
	return base.Close()
}

// inputsOf are the files of a pass. Of an editable workbook only the cells are
// taken that were changed.
func (j *job) inputsOf(files *opened) []etl.Input {
	inputs := files.inputs()
	if j.edit != nil {
		inputs[0].Mapper = transform.NewEdited(files.mappers[0], j.conn.schema, files.files[0].Header(), j.edit.base)
	}
	return inputs
}

// noteEdits keeps how many cells were changed.
func (j *job) noteEdits(inputs []etl.Input) {
	if j.edit == nil {
		return
	}
	for _, in := range inputs {
		if e, ok := in.Mapper.(*transform.Edited); ok {
			j.edit.cells, j.edit.rows = e.Changed()
		}
	}
}

// editText says what was changed since the export.
func (e *edit) text() string {
	when := e.was.Exported.UTC().Format("2 January 2006 at 15:04 UTC")
	if e.cells == 0 {
		return fmt.Sprintf("No cell that can be sent was changed since the export of %s.", when)
	}
	return fmt.Sprintf("%s in %s changed since the export of %s.", plural(e.cells, "cell", "cells"), plural(e.rows, "row", "rows"), when)
}

// unusedColumns leaves out of the columns that a mapping does not use those that
// were exported only to be read.
func (j *job) unusedColumns(unused []string) []string {
	if j.edit == nil {
		return unused
	}
	exported := etl.NewHeader(j.edit.base.Columns())
	var rest []string
	for _, name := range unused {
		if _, ok := exported.Column(name); !ok {
			rest = append(rest, name)
		}
	}
	return rest
}

// hasConflicts says that values were left as they are in the account, which
// somebody has to decide.
func (j *job) hasConflicts() bool {
	if j.edit == nil || j.recipe.OnConflict != load.ConflictReport {
		return false
	}
	for i := range j.groups {
		if j.groups[i].Code == "CONFLICT" {
			return true
		}
	}
	return false
}

// nextEdit is what to do after an import of an editable workbook that has come to
// its end.
func (j *job) nextEdit(code int, again string) string {
	switch {
	case code == exitRows:
		text := fmt.Sprintf("Correct the cells that %s names, in %s, and import it again; what is done is not sent twice: %s",
			shellWord(report.ErrorsFile), j.files[0].name, again)
		if j.hasConflicts() {
			text += "\nOf the conflicts, write yours with --on-conflict mine, or keep theirs with --on-conflict theirs."
		}
		return text
	case j.edit.cells == 0:
		return "Nothing was sent: no cell was changed since the export."
	}
	return ""
}

// checkConflict checks --on-conflict.
func (opts *importOptions) checkConflict(j *job) error {
	if err := checkChoice("--on-conflict", opts.onConflict, load.ConflictReport, load.ConflictTheirs, load.ConflictMine); err != nil {
		return err
	}
	if j.edit == nil && opts.onConflict != load.ConflictReport {
		return errors.New("--on-conflict goes with a workbook of 'ticketetl export --editable': only of that it is known what was exported")
	}
	return nil
}

// mappingFlag names the mapping in a command line; an editable workbook has its own.
func (j *job) mappingFlag() []string {
	if j.edit != nil {
		return nil
	}
	return []string{"-m", shellWord(j.summary.Mapping.Path)}
}
