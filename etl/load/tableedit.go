package load

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"

	"github.com/ticketetl/ticketetl/etl"
)

// An Edit makes a workbook one that can be edited and imported again: with
// drop-downs, locked cells, and hidden sheets that hold what it was. Each record
// must have one field, the stored text, for each column.
type Edit struct {
	Facts [][2]string // names and values of the sheet etl.EditedSheet
}

// A Choice is what a drop-down offers in the rows whose cell in another column is Of.
type Choice struct {
	Of      string
	Choices []string
}

// TicketsSheet is the name of the sheet with the tickets.
const TicketsSheet = "Tickets"

// shownOfCut is how much is shown of a text that does not fit, in characters.
const shownOfCut = 1000

// An editable is a workbook that can be edited and imported again.
type editable struct {
	*workbook
	base   *excelize.StreamWriter
	was    []any       // cells of the baseline's row
	open   map[int]int // the style of a cell that can be edited, by that of one that cannot
	locked int         // style of cells that cannot be edited
}

func newEditable(b *workbook) (format, error) {
	e := &editable{workbook: b, was: make([]any, len(b.opts.Columns)), open: map[int]int{}}
	if err := e.addStyles(); err != nil {
		return nil, err
	}
	for _, name := range []string{etl.EditedSheet, etl.ChoicesSheet, etl.BaselineSheet} {
		if _, err := b.file.NewSheet(name); err != nil {
			return nil, err
		}
		if err := b.file.SetSheetVisible(name, false, true); err != nil {
			return nil, err
		}
	}
	var err error
	if e.base, err = b.file.NewStreamWriter(etl.BaselineSheet); err != nil {
		return nil, err
	}
	for i, c := range b.opts.Columns {
		e.was[i] = c.Name
	}
	return e, e.base.SetRow("A1", e.was)
}

// addStyles makes the styles of cells that can be edited, beside those of the
// workbook: in Excel a cell is locked unless its style says otherwise.
func (e *editable) addStyles() (err error) {
	add := func(style *excelize.Style) (id int) {
		if err == nil {
			id, err = e.file.NewStyle(style)
		}
		return id
	}
	for kind, code := range numberFormats {
		code := code
		e.open[e.styles[kind]] = add(&excelize.Style{CustomNumFmt: &code, Protection: &excelize.Protection{Locked: false}})
	}
	e.open[0] = add(&excelize.Style{Protection: &excelize.Protection{Locked: false}})
	text := numberFormats[etl.Text]
	e.locked = add(&excelize.Style{
		CustomNumFmt: &text, Protection: &excelize.Protection{Locked: true},
		Fill: excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{"EEEEEE"}},
	})
	return err
}

func (e *editable) row(rec *etl.Record) error {
	if e.next > maxSheetRows {
		return fmt.Errorf("an editable workbook holds %d tickets, and there are more; export them without --editable", maxSheetRows-1)
	}
	for i, c := range e.opts.Columns {
		was := etl.WasCell{Stored: rec.Fields[i], Shown: rec.Properties[i].Value}
		if !holds(was) {
			was = cutCell(was)
		}
		cell, err := e.cell(c.Kind, was.Shown)
		if err != nil {
			return fmt.Errorf("column %s: %w", c.Name, err)
		}
		e.cells[i] = e.protect(c, cell, was.Cut)
		e.was[i] = was.Encode()
	}
	e.was[0] = rec.Fields[0]
	err := e.stream.SetRow("A"+strconv.Itoa(e.next), e.cells)
	if err == nil {
		err = e.base.SetRow("A"+strconv.Itoa(e.next), e.was)
	}
	e.next++
	return err
}

// protect gives a cell the style of one that can be edited, or cannot.
func (e *editable) protect(c Column, value any, cut bool) excelize.Cell {
	cell, styled := value.(excelize.Cell)
	switch {
	case styled:
	case value == nil && c.Kind != etl.Number && c.Kind != etl.Bool:
		cell.StyleID = e.styles[c.Kind]
	default:
		cell.Value = value
	}
	switch {
	case !c.Locked && !cut:
		cell.StyleID = e.open[cell.StyleID]
	case cell.StyleID == e.styles[etl.Text]:
		cell.StyleID = e.locked
	}
	return cell
}

// holds says whether a workbook holds the value, here and in the baseline, so that
// it can be edited.
func holds(w etl.WasCell) bool {
	if tooLong(w.Shown) || !utf8.ValidString(w.Shown) || tooLong(w.Encode()) {
		return false
	}
	return !strings.ContainsFunc(w.Shown, func(r rune) bool {
		return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF
	})
}

// cutCell is what stands for a value that a workbook does not hold.
func cutCell(w etl.WasCell) etl.WasCell {
	plain := []rune(strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' || r == 0xFFFE || r == 0xFFFF || r == utf8.RuneError {
			return '·'
		}
		return r
	}, w.Shown))
	shown := string(plain[:min(len(plain), shownOfCut)])
	return etl.WasCell{Cut: true, Shown: fmt.Sprintf("%s… [locked: a text of %d characters that a cell does not hold; edit it in HubSpot]", shown, len(plain))}
}

func (e *editable) finish() error {
	if err := e.base.Flush(); err != nil {
		return err
	}
	if err := e.addFacts(); err != nil {
		return err
	}
	if err := e.addChoices(); err != nil {
		return err
	}
	if err := e.file.ProtectSheet(TicketsSheet, &excelize.SheetProtectionOptions{
		AutoFilter: true, FormatCells: true, FormatColumns: true, FormatRows: true, Sort: true,
		SelectLockedCells: true, SelectUnlockedCells: true,
	}); err != nil {
		return err
	}
	last, err := excelize.CoordinatesToCellName(len(e.opts.Columns), max(e.next-1, 2))
	if err != nil {
		return err
	}
	if err := e.file.AutoFilter(TicketsSheet, "A1:"+last, nil); err != nil {
		return err
	}
	return e.workbook.finish()
}

func (e *editable) addFacts() error {
	w, err := e.file.NewStreamWriter(etl.EditedSheet)
	if err != nil {
		return err
	}
	rows := append([][2]string{{"name", "value"}, {etl.EditedFormat, etl.EditedVersion}}, e.opts.Edit.Facts...)
	for i, fact := range rows {
		if err := w.SetRow("A"+strconv.Itoa(i+1), []any{fact[0], fact[1]}); err != nil {
			return err
		}
	}
	return w.Flush()
}

// A list is one column of the sheet of choices.
type list struct {
	head    string
	choices []any
}

func listOf(head string, texts []string) list {
	l := list{head: head}
	for _, text := range texts {
		l.choices = append(l.choices, text)
	}
	return l
}

// addChoices writes what the drop-downs offer into a hidden sheet, where thousands
// of choices have room, and makes the drop-downs.
func (e *editable) addChoices() error {
	var lists []list
	for i, c := range e.opts.Columns {
		switch {
		case c.Locked:
			continue
		case len(c.Groups) > 0:
			first := len(lists) + 1
			for _, g := range c.Groups {
				lists = append(lists, listOf(g.Of, g.Choices))
			}
			if err := e.dropDown(i, groupFormula(first, lists[first-1:], e.letterOf(c.GroupedBy))); err != nil {
				return err
			}
			continue
		case c.Kind == etl.Bool:
			lists = append(lists, list{head: c.Name, choices: []any{true, false}})
		case len(c.Choices) > 0:
			lists = append(lists, listOf(c.Name, c.Choices))
		default:
			continue
		}
		if err := e.dropDown(i, rangeOf(len(lists), len(lists), 2, len(lists[len(lists)-1].choices)+1)); err != nil {
			return err
		}
	}
	return e.writeLists(lists)
}

// letterOf is the letter of the column of that name.
func (e *editable) letterOf(name string) string {
	return etl.ColumnLetter(slices.IndexFunc(e.opts.Columns, func(c Column) bool { return c.Key == name }))
}

func (e *editable) writeLists(lists []list) error {
	w, err := e.file.NewStreamWriter(etl.ChoicesSheet)
	if err != nil {
		return err
	}
	row := make([]any, len(lists))
	for n, more := 0, len(lists) > 0; more; n++ {
		more = false
		for i, l := range lists {
			row[i] = nil
			switch {
			case n == 0:
				row[i] = l.head
			case n <= len(l.choices):
				row[i] = l.choices[n-1]
			}
			more = more || n < len(l.choices)
		}
		if err := w.SetRow("A"+strconv.Itoa(n+1), row); err != nil {
			return err
		}
	}
	return w.Flush()
}

// rangeOf is a range of the sheet of choices; columns and rows count from 1.
func rangeOf(from, to, top, bottom int) string {
	return fmt.Sprintf("%s!$%s$%d:$%s$%d", etl.ChoicesSheet, etl.ColumnLetter(from-1), top, etl.ColumnLetter(to-1), bottom)
}

// groupFormula is the range of those lists whose head stands in the row's cell of
// column letter. The lists begin at the column first.
func groupFormula(first int, lists []list, letter string) string {
	longest := 1
	for _, l := range lists {
		longest = max(longest, len(l.choices))
	}
	last := first + len(lists) - 1
	at := fmt.Sprintf("MATCH($%s2,%s,0)-1", letter, rangeOf(first, last, 1, 1))
	column := rangeOf(first, first, 2, longest+1)
	return fmt.Sprintf("OFFSET(%s,0,%s,COUNTA(OFFSET(%s,0,%s)),1)", column, at, column, at)
}

// dropDown lets the cells of the i-th column be chosen from what formula names.
func (e *editable) dropDown(i int, formula string) error {
	letter := etl.ColumnLetter(i)
	dv := excelize.NewDataValidation(true)
	dv.SetSqref(fmt.Sprintf("%s2:%s%d", letter, letter, max(e.next-1, 2)))
	dv.SetSqrefDropList(formula)
	dv.SetError(excelize.DataValidationErrorStyleStop, e.opts.Columns[i].Name, "Choose one of the list.")
	return e.file.AddDataValidation(TicketsSheet, dv)
}
