package transform

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/internal/schema"
)

// A DraftInput is what a first mapping is drafted from.
type DraftInput struct {
	File    string // as the user named it
	Header  *etl.Header
	Samples [][]string   // fields of the first rows
	Kinds   [][]etl.Kind // of the samples; nil when all are text
	Schema  *schema.Schema
	Source  Source // what is known of how the file is read; written down where it is set
}

// Draft writes a commented mapping that Parse reads. Columns are matched to
// properties by name, by label and by what other help-desks call them; what is
// not certain is marked "# ?".
func Draft(w io.Writer, in DraftInput) error {
	d := &draft{DraftInput: in, columns: map[string]int{}, why: map[string]string{}, used: map[int]bool{}}
	d.matchNames()
	d.matchKey()
	d.matchSynonyms()
	d.matchReferences()
	d.choosePipeline()
	d.head()
	d.properties()
	d.associations()
	_, err := io.WriteString(w, d.out.String())
	return err
}

// A draft gathers what is matched, and the text.
type draft struct {
	DraftInput
	out      strings.Builder
	columns  map[string]int    // by property
	why      map[string]string // why a column was matched, by property
	used     map[int]bool
	pipeline *schema.Pipeline // whose stages the cells name; nil when it is not to be drafted
	key      string           // the key property, "" for none
	keyAt    int
	contacts int // column of e-mail addresses + 1
	domains  int // column of domains + 1
}

func (d *draft) linef(format string, args ...any) {
	fmt.Fprintf(&d.out, format+"\n", args...)
}

func (d *draft) take(property string, column int, why string) {
	d.columns[property], d.why[property] = column, why
	d.used[column] = true
}

// free says whether a property can still be given to a column.
func (d *draft) free(p *schema.Property) bool {
	_, taken := d.columns[p.Name]
	ok, _ := p.Writable()
	return ok && !taken && p.Type != "json" && p.Type != "object_coordinates"
}

// matchNames takes columns that are named like a property, or like its label.
func (d *draft) matchNames() {
	for i, header := range d.Header.Names() {
		for j := range d.Schema.Properties {
			p := &d.Schema.Properties[j]
			if header == "" || d.used[i] || !d.free(p) {
				continue
			}
			switch schema.Fold(header) {
			case schema.Fold(p.Name):
				d.take(p.Name, i, "same name")
			case schema.Fold(p.Label):
				d.take(p.Name, i, "same label")
			}
		}
	}
}

// matchKey takes the column that numbers the tickets, if a property with unique
// values can hold it.
func (d *draft) matchKey() {
	var unique []string
	for i := range d.Schema.Properties {
		p := &d.Schema.Properties[i]
		if ok, _ := p.Writable(); ok && p.HasUniqueValue && !strings.HasPrefix(p.Name, "hs_") {
			unique = append(unique, p.Name)
		}
	}
	for _, name := range unique {
		if column, ok := d.columns[name]; ok {
			d.key, d.keyAt = name, column
			return
		}
	}
	for i, header := range d.Header.Names() {
		if len(unique) > 0 && !d.used[i] && isOneOf(plainWords(header), keySynonyms) {
			d.key, d.keyAt = unique[0], i
			d.take(d.key, i, "? it looks like the number of the ticket")
			return
		}
	}
}

func (d *draft) matchSynonyms() {
	for i, header := range d.Header.Names() {
		if d.used[i] {
			continue
		}
		for j := range d.Schema.Properties {
			p := &d.Schema.Properties[j]
			if d.free(p) && isOneOf(plainWords(header), synonyms[p.Name]) {
				d.take(p.Name, i, "another word for it")
				break
			}
		}
	}
}

// matchReferences takes a column of e-mail addresses and one of domains, judged
// by name and content.
func (d *draft) matchReferences() {
	for i, header := range d.Header.Names() {
		name, cells := plainWords(header), d.cells(i)
		switch {
		case d.used[i]:
		case d.contacts == 0 && isOneOf(name, contactSynonyms) && all(cells, func(s string) bool { return emailFlaw(s) == nil }):
			d.contacts, d.used[i] = i+1, true
		case d.domains == 0 && isOneOf(name, companySynonyms) && all(cells, isDomain):
			d.domains, d.used[i] = i+1, true
		}
	}
}

// maxDistinct bounds how many different cells of a column are looked at.
const maxDistinct = 50

// cells are the different texts of a column, trimmed, blank ones left out.
func (d *draft) cells(column int) []string {
	var found []string
	for _, row := range d.Samples {
		if column >= len(row) {
			continue
		}
		if text := strings.TrimSpace(row[column]); text != "" && !slices.Contains(found, text) && len(found) < maxDistinct {
			found = append(found, text)
		}
	}
	return found
}

// typed says whether a column has cells of a type, not only texts.
func (d *draft) typed(column int) bool {
	for _, kinds := range d.Kinds {
		if column < len(kinds) && kinds[column] != etl.Text {
			return true
		}
	}
	return false
}

func all(cells []string, good func(string) bool) bool {
	return !slices.ContainsFunc(cells, func(s string) bool { return !good(s) })
}

// choosePipeline finds the pipeline whose stages the cells of the stage column
// name best, where the account has several and no column names them.
func (d *draft) choosePipeline() {
	column, mapped := d.columns[stageProperty]
	if _, named := d.columns[pipelineProperty]; !mapped || named || len(pipelineItems(d.Schema)) < 2 {
		return
	}
	best := 0
	for i := range d.Schema.Pipelines {
		p := &d.Schema.Pipelines[i]
		if p.Archived {
			continue
		}
		score := 0
		for _, cell := range d.cells(column) {
			switch {
			case len(p.MatchStages(cell)) > 0:
				score += 3 // more than any guess
			case len(p.MatchStages(choices[plainWords(cell)])) > 0:
				score++
			}
		}
		if score > best {
			best, d.pipeline = score, p
		}
	}
}

func (d *draft) head() {
	d.linef("# Mapping of %s, drafted by 'ticketetl init'. Lines marked with \"# ?\" need a look.", strconv.Quote(d.File))
	d.linef("version: 1")
	if d.key == "" {
		d.linef("operation: create")
		d.linef("# With a property of unique values in the account, the import can be repeated safely:")
		d.linef("# operation: upsert")
		d.linef("# key: {property: PROPERTY, column: COLUMN}")
		d.linef("# If no column tells the rows apart, run 'ticketetl setup row-key' once: no row is created twice then, whatever dies.")
	} else {
		d.linef("operation: upsert")
	}
	d.source()
	if d.key != "" {
		doubt := ""
		if strings.HasPrefix(d.why[d.key], "?") {
			doubt = "  # " + d.why[d.key]
		}
		d.linef("key: {property: %s, column: %s}%s", d.key, d.columnName(d.keyAt), doubt)
	}
}

func (d *draft) source() {
	s := d.Source
	if s.Sheet == "" && s.Header == 0 && s.Encoding == "" && s.Delimiter == "" && s.Timezone == "" && len(s.Dates) == 0 && s.Decimal == "" && s.Blank == "" {
		return
	}
	d.linef("source:")
	for _, pair := range [][2]string{
		{"sheet", s.Sheet}, {"encoding", s.Encoding}, {"delimiter", s.Delimiter},
		{"timezone", s.Timezone}, {"decimal", s.Decimal}, {"blank", s.Blank},
	} {
		if pair[1] != "" {
			d.linef("  %s: %s", pair[0], strconv.Quote(pair[1]))
		}
	}
	if s.Header > 0 {
		d.linef("  header: %d", s.Header)
	}
	if len(s.Dates) > 0 {
		d.linef("  dates: [%s]", quotedList(s.Dates))
	}
}

func quotedList(texts []string) string {
	out := make([]string, len(texts))
	for i, s := range texts {
		out[i] = strconv.Quote(s)
	}
	return strings.Join(out, ", ")
}

// columnName is how the mapping names a column.
func (d *draft) columnName(i int) string {
	if name := d.Header.Name(i); name != "" {
		return strconv.Quote(name)
	}
	return etl.ColumnLetter(i)
}

func (d *draft) properties() {
	names := make([]string, 0, len(d.columns))
	for name := range d.columns {
		if name != d.key {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b string) int { return d.columns[a] - d.columns[b] })
	if len(names) == 0 {
		d.linef("properties: {}")
	} else {
		d.linef("properties:")
	}
	for _, name := range names {
		if name == stageProperty && d.pipeline != nil {
			d.linef("  hs_pipeline: {value: %s}  # ? or another of %s",
				strconv.Quote(d.pipeline.Label), pipelineNames(d.Schema))
		}
		d.property(d.Schema.Property(name), d.columns[name])
	}
	d.missing()
	d.unmatched()
}

func (d *draft) property(p *schema.Property, column int) {
	d.linef("  %s:  # %s: %s", p.Name, strconv.Quote(p.Label), d.why[p.Name])
	d.linef("    column: %s", d.columnName(column))
	cells := d.cells(column)
	switch {
	case d.typed(column):
	case p.Type == "date" || p.Type == "datetime":
		d.dates(cells)
	case p.Type == "number":
		d.number(cells)
	}
	switch {
	case p.Name == stageProperty:
		d.values(cells, d.stageLookup())
	case p.Name == pipelineProperty:
		d.values(cells, newLookup(pipelineItems(d.Schema)))
	case p.ReferencedObjectType == "OWNER":
		d.values(cells, newLookup(ownerItems(d.Schema)))
	case p.Type == "enumeration" && !p.ExternalOptions:
		d.options(p, cells)
	}
}

func (d *draft) stageLookup() *lookup {
	stages := newStages(d.Schema)
	if d.pipeline != nil {
		return stages.byPipeline[d.pipeline.ID]
	}
	return stages.all
}

// options drafts how cells with several options are split, and a table.
func (d *draft) options(p *schema.Property, cells []string) {
	if p.Multiple() {
		for _, split := range []string{"|", ";", ","} {
			if slices.ContainsFunc(cells, func(s string) bool { return strings.Contains(s, split) }) {
				d.linef("    split: %q", split)
				cells = splitCells(cells, split)
				break
			}
		}
	}
	d.values(cells, newLookup(optionItems(p)))
}

func splitCells(cells []string, split string) []string {
	var parts []string
	for _, cell := range cells {
		for _, part := range strings.Split(cell, split) {
			if part = strings.TrimSpace(part); part != "" && !slices.Contains(parts, part) {
				parts = append(parts, part)
			}
		}
	}
	return parts
}

// values drafts a table where cells do not name a choice as they are.
func (d *draft) values(cells []string, l *lookup) {
	var known, guessed, unknown []string
	for _, cell := range cells {
		found := l.find(cell)
		if len(found) == 1 {
			known = append(known, fmt.Sprintf("%s: %s", strconv.Quote(cell), strconv.Quote(l.items[found[0]].name())))
			continue
		}
		if it, _ := l.one(choices[plainWords(cell)]); it != nil {
			guessed = append(guessed, fmt.Sprintf("%s: %s  # ?", strconv.Quote(cell), strconv.Quote(it.name())))
			continue
		}
		unknown = append(unknown, strconv.Quote(cell))
	}
	if len(guessed) > 0 {
		d.linef("    values:")
		for _, line := range append(known, guessed...) {
			d.linef("      %s", line)
		}
		d.linef("    otherwise: keep")
	}
	for _, cell := range unknown {
		d.linef("    # ? %s is none of %s", cell, oneLine(l.list(l.all())))
	}
}

// oneLine keeps a comment a comment.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// draftPatterns are tried on dates that are neither ISO nor all digits.
var draftPatterns = []string{
	"yyyy/MM/dd", "yyyy/MM/dd HH:mm", "yyyy/MM/dd HH:mm:ss", "d MMM yyyy", "d MMM yyyy HH:mm", "d MMM yyyy HH:mm:ss", "d/MMM/yyyy h:mm a",
	"MMM d, yyyy", "MMM d, yyyy h:mm a", "MMMM d, yyyy", "MMMM d, yyyy h:mm a", "yyyy-MM-dd'T'HH:mm:ss.SSSZ", "epoch", "epoch-ms",
}

// dates declares a form that all cells have, if only one does.
func (d *draft) dates(cells []string) {
	fits := func(text string) bool {
		rule := mustRule(text)
		return len(cells) > 0 && all(cells, func(s string) bool { _, miss := rule.read(s); return miss.kind == fitting })
	}
	dmy, mdy := fits("dmy"), fits("mdy")
	switch {
	case len(cells) == 0 || len(d.Source.Dates) > 0 || fits("iso"):
		return
	case dmy && mdy:
		d.linef("    # dates: dmy  # ? or mdy: the first rows do not tell the day from the month")
		return
	case dmy:
		d.linef("    dates: dmy")
		return
	case mdy:
		d.linef("    dates: mdy")
		return
	}
	for _, pattern := range draftPatterns {
		if fits(pattern) {
			d.linef("    dates: %s", strconv.Quote(pattern))
			return
		}
	}
	d.linef("    # dates: \"dd/MM/yyyy HH:mm\"  # ? say how dates such as %s are written", strconv.Quote(cells[0]))
}

// number declares the decimal sign with which all cells are numbers, if only
// one does.
func (d *draft) number(cells []string) {
	fits := func(decimal byte) bool {
		return all(cells, func(s string) bool { _, f := numberConverter{decimal: decimal}.read(s); return f == nil })
	}
	if d.Source.Decimal != "" || fits(0) {
		return
	}
	comma, point := fits(','), fits('.')
	switch {
	case comma && point:
		d.linef("    # decimal: \",\"  # ? or \".\": the first rows do not tell")
	case comma:
		d.linef("    decimal: \",\"")
	case point:
		d.linef("    decimal: \".\"")
	default:
		d.linef("    # ? not all cells are numbers, e.g. %s", strconv.Quote(cells[0]))
	}
}

// missing lists what new tickets need and no column fits.
func (d *draft) missing() {
	for _, name := range []string{"subject", stageProperty} {
		if _, ok := d.columns[name]; ok || d.Schema.Property(name) == nil {
			continue
		}
		example := "Ticket"
		if items := d.stageLookup().items; name == stageProperty && len(items) > 0 {
			example = items[0].label
		}
		d.linef("  # %s: {value: %s}  # ? HubSpot needs it, and no column fits", name, strconv.Quote(example))
	}
	_, mapped := d.columns[pipelineProperty]
	if items := pipelineItems(d.Schema); !mapped && d.pipeline == nil && len(items) > 1 {
		d.linef("  # hs_pipeline: {value: %s}  # ? or another of %s; without it the stage must be in one pipeline only",
			strconv.Quote(items[0].name()), pipelineNames(d.Schema))
	}
}

func pipelineNames(s *schema.Schema) string {
	l := newLookup(pipelineItems(s))
	return oneLine(l.list(l.all()))
}

func (d *draft) unmatched() {
	title := "  # Columns that no property fits:"
	for i := range d.Header.Len() {
		if d.used[i] {
			continue
		}
		if title != "" {
			d.linef("%s", title)
			title = ""
		}
		example := ""
		if cells := d.cells(i); len(cells) > 0 {
			runes := []rune(cells[0])
			example = ", e.g. " + strconv.Quote(string(runes[:min(len(runes), 40)]))
		}
		d.linef("  #   %s (column %s)%s", d.columnName(i), etl.ColumnLetter(i), example)
	}
}

func (d *draft) associations() {
	if d.contacts == 0 && d.domains == 0 {
		return
	}
	d.linef("associations:")
	if d.contacts > 0 {
		d.linef("  - {to: contacts, column: %s, match: email, missing: reject}  # ? missing: skip leaves unknown addresses out", d.columnName(d.contacts-1))
	}
	if d.domains > 0 {
		d.linef("  - {to: companies, column: %s, match: domain, missing: skip}", d.columnName(d.domains-1))
	}
}
