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
	Samples [][]string   // fields of the first good rows
	Whole   bool         // they are all there are
	Kinds   [][]etl.Kind // of the samples; nil when all are text
	Schema  *schema.Schema
	Source  Source   // what is known of how the file is read; written down where it is set
	Sheets  []string // all that a workbook has, where there are several

	// Ask settles doubts with a person: it returns the index of the choice. An
	// error ends the draft. Nil: doubts are marked instead.
	Ask func(Question) (int, error)
}

// NothingFits stands in a draft beside what new tickets need and no column is for.
const NothingFits = "HubSpot needs it, and no column fits"

// Draft writes a commented mapping that Parse reads. Columns are matched to
// properties by name, by label and by what other help-desks call them; what is
// not certain is marked "# ?".
func Draft(w io.Writer, in DraftInput) error {
	d := newDraft(in)
	d.settle()
	d.head()
	d.properties()
	d.associations()
	if d.err != nil {
		return d.err
	}
	_, err := io.WriteString(w, d.out.String())
	return err
}

// Fit is how many columns find a property or an association, which tells a sheet of
// tickets from others.
func Fit(in DraftInput) int { return len(newDraft(in).used) }

func newDraft(in DraftInput) *draft {
	d := &draft{DraftInput: in, columns: map[string]int{}, why: map[string]string{}, used: map[int]bool{}, distinct: map[int][]string{}}
	d.leaveTotals()
	d.match()
	return d
}

// A draft gathers what is matched, and the text.
type draft struct {
	DraftInput
	out      strings.Builder
	columns  map[string]int    // by property
	why      map[string]string // why a column was matched, by property
	used     map[int]bool
	distinct map[int][]string // see cells
	pipeline *schema.Pipeline // whose stages the cells name; nil when it is not to be drafted
	key      string           // the key property, "" for none
	keyAt    int
	contacts int // column of e-mail addresses + 1
	domains  int // column of domains + 1
	ids      []idColumn

	where        []string // what is true of rows that are no totals
	pipelineSure bool     // somebody has said so
	err          error    // of Ask
}

// leaveTotals takes rows of totals out of the samples, where the word comes first, and
// those that repeat the header, and notes how the mapping leaves them out too.
func (d *draft) leaveTotals() {
	var rows [][]string
	var kinds [][]etl.Kind
	for i, row := range d.Samples {
		var of []etl.Kind
		if i < len(d.Kinds) {
			of = d.Kinds[i]
		}
		column, ok := repeatsHeader(d.Header, row)
		if !ok {
			column, ok = totalsRow(row, of)
		}
		if ok && !slices.ContainsFunc(row[:column], func(s string) bool { return !isBlank(s) }) {
			if not := isNot(d.Header, column, row[column]); !slices.Contains(d.where, not) {
				d.where = append(d.where, not)
			}
			continue
		}
		rows = append(rows, row)
		if i < len(d.Kinds) {
			kinds = append(kinds, of)
		}
	}
	d.Samples, d.Kinds = rows, kinds
}

// An idColumn holds ids of records of another object type.
type idColumn struct {
	to     string
	column int
}

// lookedAt names the rows that the draft is made from.
func (d *draft) lookedAt() string {
	if d.Whole {
		return "its rows"
	}
	return fmt.Sprintf("the first %d rows", len(d.Samples))
}

func (d *draft) linef(format string, args ...any) {
	fmt.Fprintf(&d.out, format+"\n", args...)
}

func (d *draft) head() {
	d.linef("# Mapping of %s, drafted by 'ticketetl init'. Lines marked with \"# ?\" need a look.", strconv.Quote(d.File))
	if len(d.Sheets) > 1 {
		d.linef("# The sheets of the workbook: %s. This is for one; --sheet takes others.", oneLine(quotedList(d.Sheets)))
	}
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
	if len(d.where) > 0 {
		d.linef("where: %s  # ? leaves rows out that are no tickets", yamlQuoted(strings.Join(d.where, " && ")))
	}
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
	if s.Sheet == "" && s.Header == 0 && s.Encoding == "" && s.Delimiter == "" && s.Quote == "" && s.Escape == "" && s.Hidden == "" && s.Timezone == "" && len(s.Dates) == 0 && s.Decimal == "" && s.Blank == "" {
		return
	}
	d.linef("source:")
	for _, pair := range [][2]string{
		{"sheet", s.Sheet}, {"encoding", s.Encoding}, {"delimiter", s.Delimiter}, {"quote", s.Quote}, {"escape", s.Escape}, {"hidden", s.Hidden},
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
	if !slices.ContainsFunc(names, d.isDrafted) {
		d.linef("properties: {}")
	} else {
		d.linef("properties:")
	}
	for _, name := range names {
		if name == stageProperty && d.pipeline != nil {
			d.pipelineLine()
		}
		d.property(d.Schema.Property(name), d.columns[name])
	}
	d.missing()
	d.unmatched()
}

// isDrafted says whether a property stands in the draft, not only in a comment.
func (d *draft) isDrafted(name string) bool {
	p := d.Schema.Property(name)
	l, cells, _ := d.choicesOf(p, d.columns[name])
	return l == nil || d.fits(p, l, cells)
}

func (d *draft) property(p *schema.Property, column int) {
	l, cells, split := d.choicesOf(p, column)
	if l != nil && !d.fits(p, l, cells) {
		d.unfit(p, column, l, cells, split)
		return
	}
	d.linef("  %s:  # %s: %s", p.Name, strconv.Quote(p.Label), d.why[p.Name])
	d.linef("    column: %s", d.columnName(column))
	switch untyped := d.untyped(column); {
	case len(untyped) == 0:
	case p.Type == "date" || p.Type == "datetime":
		d.dates(column, untyped)
	case p.Type == "number":
		d.number(untyped)
	}
	if split != "" {
		d.linef("    split: %q", split)
	}
	if l != nil {
		d.values(p, cells, l)
	}
}

// choicesOf is what the cells of a column may name where it holds p: nil where any
// text will do. Cells with several options are parted.
func (d *draft) choicesOf(p *schema.Property, column int) (l *lookup, cells []string, split string) {
	cells = d.cells(column)
	switch {
	case p.Name == stageProperty:
		l = d.stageLookup()
	case p.Name == pipelineProperty:
		l = newLookup(pipelineItems(d.Schema))
	case p.ReferencedObjectType == "OWNER":
		l = newLookup(ownerItems(d.Schema))
	case p.Type == "enumeration" && !p.ExternalOptions:
		l = newLookup(optionItems(p))
		if p.Multiple() {
			split = d.splitOf(cells)
			cells = splitCells(cells, split)
		}
	}
	return l, cells, split
}

// fits says whether any cell names a choice of p, or half of them may be guessed to. Of
// what every ticket needs, and where there is somebody to ask, all do.
func (d *draft) fits(p *schema.Property, l *lookup, cells []string) bool {
	if d.Ask != nil || p.Name == stageProperty || p.Name == pipelineProperty {
		return true
	}
	guesses, filled := 0, 0
	for _, cell := range cells {
		switch {
		case len(l.find(cell)) > 0:
			return true
		case meansNothing(cell):
			continue
		case guessedIndex(l, cell) >= 0:
			guesses++
		}
		filled++
	}
	return guesses*2 >= filled
}

// unfit drafts a property as a comment: every row would be rejected for it.
func (d *draft) unfit(p *schema.Property, column int, l *lookup, cells []string, split string) {
	d.linef("  # ? Column %s may be %s (%s), but none of its cells is one of %s. Take it in with a table of values:",
		d.columnName(column), p.Name, strconv.Quote(p.Label), oneLine(l.list(l.all())))
	d.linef("  # %s:", p.Name)
	d.linef("  #   column: %s", d.columnName(column))
	if split != "" {
		d.linef("  #   split: %q", split)
	}
	d.linef("  #   values:")
	for _, cell := range cells[:min(len(cells), maxListed)] {
		d.linef("  #     %q: \"\"", cell)
	}
}

func (d *draft) stageLookup() *lookup {
	stages := newStages(d.Schema)
	pipelines := pipelineItems(d.Schema)
	switch {
	case d.pipeline != nil:
		return stages.byPipeline[d.pipeline.ID]
	case len(pipelines) == 1:
		return stages.byPipeline[pipelines[0].id]
	}
	return stages.all
}

// oneLine keeps a comment a comment.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// draftPatterns are tried on dates that are neither ISO nor all digits.
var draftPatterns = []string{
	"yyyy/M/d", "yyyy/M/d H:mm", "yyyy/M/d H:mm:ss", "d MMM yyyy", "d MMM yyyy HH:mm", "d MMM yyyy HH:mm:ss", "d MMM yyyy h:mm a", "d/MMM/yyyy h:mm a", "d/MMM/yy h:mm a",
	"d. MMM yyyy", "d. MMM yyyy HH:mm", "d MMM yyyy, HH:mm", "d. MMM yyyy, HH:mm", "d 'de' MMM 'de' yyyy", "d 'de' MMM 'de' yyyy HH:mm", "EEE d MMM yyyy", "EEE, d MMM yyyy", "EEE, d. MMM yyyy", "EEE d MMM yyyy HH:mm",
	"d-MMM-yyyy", "d-MMM-yyyy HH:mm", "d-MMM-yyyy HH:mm:ss", "d-MMM-yy", "d-MMM-yy HH:mm", "d MMM yy", "d/MMM/yyyy", "d/MMM/yy", "yyyy年M月d日", "yyyy年M月d日 H:mm", "yyyy年M月d日 H:mm:ss", "yyyy年M月d日(EEE)", "yyyy년 M월 d일", "yyyy년 M월 d일 H:mm",
	"yyyy.M.d", "yyyy.M.d H:mm", "yyyy.M.d H:mm:ss", "yyyy.M.d.", "yyyy.M.d. H:mm", "yyyy.M.d. H:mm:ss", "yyyy. M. d.", "yyyyMMdd", "yyyyMMddHHmmss",
	"MMM d, yyyy", "MMM d, yyyy h:mm a", "MMM d, yyyy, h:mm a", "MMM d, yyyy h:mm:ss a", "MMM d, yyyy, h:mm:ss a", "EEE, MMM d, yyyy", "MMM d, yyyy 'at' h:mm a", "d MMM yyyy 'at' h:mm a", "d MMM yyyy 'à' H:mm", "d. MMM yyyy 'um' H:mm", "d 'de' MMM 'de' yyyy 'às' H:mm", "d 'de' MMM 'de' yyyy, H:mm", "EEE MMM d HH:mm:ss X yyyy", "EEE MMM d HH:mm:ss yyyy", "EEE, d MMM yyyy HH:mm:ss X", "yyyy-MM-dd'T'HH:mm:ss.SSSZ", "epoch", "epoch-ms",
}

// dates declares a form that all cells have, if only one does. Where the cells
// can be read in both orders, another column of the file may have proven one.
func (d *draft) dates(column int, cells []string) {
	dmy, mdy := allDates(cells, "dmy"), allDates(cells, "mdy")
	switch {
	case len(cells) == 0 || len(d.Source.Dates) > 0 || allDates(cells, "iso"):
	case dmy && mdy:
		if order, like := d.provenOrder(); order != "" {
			d.linef("    dates: %s  # ? its cells can be read in both orders; column %s has this one", order, d.columnName(like))
			return
		}
		if order := d.settleOrder(column); order != "" {
			d.linef("    dates: %s", order)
			return
		}
		d.linef("    # dates: dmy  # ? or mdy: %s do not tell the day from the month", d.lookedAt())
	case dmy:
		d.linef("    dates: dmy")
	case mdy:
		d.linef("    dates: mdy")
	default:
		d.datePattern(cells)
	}
}

func (d *draft) datePattern(cells []string) {
	for _, pattern := range draftPatterns {
		if allDates(cells, pattern) {
			d.linef("    dates: %s", strconv.Quote(pattern))
			return
		}
	}
	if form, other := formOfDigits(cells); form != "" {
		if other != "" {
			d.linef("    # dates: %s  # ? or %s: %s do not tell the day from the month", strconv.Quote(form), strconv.Quote(other), d.lookedAt())
		} else {
			d.linef("    dates: %s", strconv.Quote(form))
		}
		return
	}
	if form, others := formOfLanguage(cells); form != "" {
		d.linef("    dates: %s%s", strconv.Quote(form), others)
		return
	}
	form, odd := mostDates(cells)
	if form == "" {
		d.linef("    # dates: \"dd/MM/yyyy HH:mm\"  # ? say how dates such as %s are written", strconv.Quote(cells[0]))
		return
	}
	d.linef("    dates: %s  # ? but %s is none of this form", strconv.Quote(form), strconv.Quote(oneLine(odd)))
}

// formOfDigits finds the pattern of dates of digits whose years have two, or whose times
// have points, and where the order of day and month is not proven, the one of the other
// order.
func formOfDigits(cells []string) (form, other string) {
	for _, end := range []string{"yy", "yy H:mm", "yy H:mm:ss", "yy, H:mm", "yy h:mm a", "yy, h:mm a", "yyyy H.mm", "yyyy H.mm.ss", "yyyy 'klo' H.mm", "yyyy 'kl.' H.mm",
		"yyyy H:mm 'Uhr'", "yyyy 'um' H:mm 'Uhr'", "yyyy, H:mm 'Uhr'", "yyyy 'à' H:mm", "yyyy 'às' H:mm", "yyyy 'a las' H:mm", "yyyy H'h'mm", "yyyy 'à' H'h'mm", "yyyy - H:mm", "yyyy 'at' h:mm a"} {
		for _, sign := range []string{".", "/", "-"} {
			dmy, mdy := "d"+sign+"M"+sign+end, "M"+sign+"d"+sign+end
			isDMY, isMDY := allDates(cells, dmy), allDates(cells, mdy)
			switch {
			case isDMY && isMDY && !readAlike(cells, dmy, mdy):
				return dmy, mdy
			case isDMY:
				return dmy, ""
			case isMDY:
				return mdy, ""
			}
		}
	}
	return "", ""
}

// formOfLanguage finds a pattern with names of months of one language, where the words
// of all languages together do not tell the month. Others that read the cells
// differently are a doubt.
func formOfLanguage(cells []string) (form, doubt string) {
	patterns := unclearPatterns(cells)
	for _, n := range cldrNames {
		for _, pattern := range patterns {
			named := n.language + ": " + pattern
			switch {
			case !allDates(cells, named):
			case form == "":
				form = named
			case !readAlike(cells, form, named):
				return form, "  # ? or " + strconv.Quote(named)
			}
		}
	}
	return form, ""
}

// unclearPatterns are those that all cells have, but for which month a name means.
func unclearPatterns(cells []string) (patterns []string) {
	for _, pattern := range draftPatterns {
		rule := mustRule(pattern)
		if strings.Contains(pattern, "MMM") && all(cells, func(s string) bool {
			_, miss := rule.read(s)
			return miss.kind == fitting || miss.kind == unclearMonth
		}) {
			patterns = append(patterns, pattern)
		}
	}
	return patterns
}

// mostDates returns the form that more than half of the cells have, and the first
// cell that has another. Where two forms do, and read the cells differently, none
// is returned.
func mostDates(cells []string) (form, odd string) {
	for _, name := range append([]string{"iso", "dmy", "mdy"}, draftPatterns...) {
		rule := mustRule(name)
		first, fits := "", 0
		for _, cell := range cells {
			if _, miss := rule.read(cell); miss.kind == fitting {
				fits++
			} else if first == "" {
				first = cell
			}
		}
		switch {
		case fits*2 <= len(cells):
		case form != "" && !readAlike(cells, form, name):
			return "", ""
		case form != "":
		default:
			form, odd = name, first
		}
	}
	return form, odd
}

// readAlike says whether two forms read each of the cells as the same date, or not
// at all.
func readAlike(cells []string, one, other string) bool {
	a, b := mustRule(one), mustRule(other)
	return all(cells, func(s string) bool {
		x, missX := a.read(s)
		y, missY := b.read(s)
		return (missX.kind == fitting) == (missY.kind == fitting) && (missX.kind != fitting || x == y)
	})
}

func allDates(cells []string, form string) bool {
	rule := mustRule(form)
	return len(cells) > 0 && all(cells, func(s string) bool { _, miss := rule.read(s); return miss.kind == fitting })
}

// provenOrder is the order of day and month that a column has beyond doubt, if no
// other column has the other one.
func (d *draft) provenOrder() (order string, column int) {
	for i := range d.Header.Len() {
		cells := d.untyped(i)
		dmy, mdy := allDates(cells, "dmy"), allDates(cells, "mdy")
		this := map[bool]string{true: "dmy", false: "mdy"}[dmy]
		switch {
		case dmy == mdy:
		case order == "":
			order, column = this, i
		case order != this:
			return "", 0
		}
	}
	return order, column
}

// number declares the decimal sign with which all cells are numbers, if only
// one does.
func (d *draft) number(cells []string) {
	if d.Source.Decimal != "" {
		return
	}
	if allNumbers(cells, 0) {
		d.thousands(cells)
		return
	}
	comma, point := allNumbers(cells, ','), allNumbers(cells, '.')
	switch {
	case comma && point:
		d.linef("    # decimal: \",\"  # ? or \".\": %s do not tell", d.lookedAt())
	case comma:
		d.linef("    decimal: \",\"")
	case point:
		d.linef("    decimal: \".\"")
	default:
		d.mostNumbers(cells)
	}
}

// thousands tells of a column in which every point has three digits behind it: it may
// part thousands, above all where another column has a decimal comma.
func (d *draft) thousands(cells []string) {
	const grouped = `^-?[1-9]\d{0,2}\.\d{3}$`
	points, example := 0, ""
	for _, s := range cells {
		if strings.Contains(s, ".") {
			points++
			if p, _ := patternOf(grouped); !p.MatchString(s) { // the pattern is good
				return
			}
			example = s
		}
	}
	if points == 0 {
		return
	}
	for i := range d.Header.Len() {
		if texts := d.untyped(i); allNumbers(texts, ',') && !allNumbers(texts, '.') {
			d.linef("    decimal: \",\"  # ? as column %s has it; %s is then more than a thousand", d.columnName(i), example)
			return
		}
	}
	d.linef("    # decimal: \",\"  # ? if %s is more than a thousand here, and not a little more than %s", example, example[:strings.IndexByte(example, '.')])
}

// mostNumbers declares the decimal sign with which most of the cells are numbers, if
// only one does, and names a cell that is none.
func (d *draft) mostNumbers(cells []string) {
	comma, odd := countNumbers(cells, ',')
	point, oddPoint := countNumbers(cells, '.')
	decimal := ","
	if point > comma {
		comma, odd, decimal = point, oddPoint, "."
	}
	switch {
	case countPlain(cells)*2 > len(cells):
		d.linef("    # ? not all cells are numbers, e.g. %s", strconv.Quote(firstOther(cells)))
	case comma*2 > len(cells) && (decimal == "." || comma > point):
		d.linef("    decimal: %q  # ? but %s is no such number", decimal, strconv.Quote(oneLine(odd)))
	default:
		d.linef("    # ? not all cells are numbers, e.g. %s", strconv.Quote(oneLine(odd)))
	}
}

func countPlain(cells []string) int { n, _ := countNumbers(cells, 0); return n }

func firstOther(cells []string) string { _, odd := countNumbers(cells, 0); return oneLine(odd) }

// countNumbers counts the cells that are numbers with a decimal sign, and returns the
// first that is none.
func countNumbers(cells []string, decimal byte) (n int, odd string) {
	for _, s := range cells {
		if _, f := (numberConverter{decimal: decimal}).read(s); f == nil {
			n++
		} else if odd == "" {
			odd = s
		}
	}
	return n, odd
}

func allNumbers(cells []string, decimal byte) bool {
	return all(cells, func(s string) bool { _, f := numberConverter{decimal: decimal}.read(s); return f == nil })
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
		d.linef("  # %s: {value: %s}  # ? %s", name, strconv.Quote(example), NothingFits)
	}
	_, mapped := d.columns[pipelineProperty]
	if _, staged := d.columns[stageProperty]; d.pipeline != nil && !staged {
		d.pipelineLine()
	}
	if items := pipelineItems(d.Schema); !mapped && d.pipeline == nil && len(items) > 1 {
		d.linef("  # hs_pipeline: {value: %s}  # ? or another of %s; without it the stage must be in one pipeline only",
			strconv.Quote(items[0].name()), pipelineNames(d.Schema))
	}
}

// pipelineLine sets the pipeline of all rows.
func (d *draft) pipelineLine() {
	doubt := ""
	if !d.pipelineSure {
		doubt = "  # ? or another of " + pipelineNames(d.Schema)
	}
	d.linef("  hs_pipeline: {value: %s}%s", strconv.Quote(d.pipeline.Label), doubt)
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
			example = ", e.g. " + strconv.Quote(firstRunes(cells[0], 40))
		}
		d.linef("  #   %s (column %s)%s", d.columnName(i), etl.ColumnLetter(i), example)
	}
}

func (d *draft) associations() {
	if d.contacts == 0 && d.domains == 0 && len(d.ids) == 0 {
		return
	}
	d.linef("associations:")
	for _, ids := range d.ids {
		d.linef("  - {to: %s, column: %s, match: id, split: \";\"}", ids.to, d.columnName(ids.column))
	}
	if d.contacts > 0 {
		policy, sure := d.settleMissing()
		doubt := "  # ? missing: skip leaves unknown addresses out"
		if sure {
			doubt = ""
		}
		d.linef("  - {to: contacts, column: %s, match: email, missing: %s}%s", d.columnName(d.contacts-1), policy, doubt)
	}
	if d.domains > 0 {
		split := ""
		if d.splitOf(d.cells(d.domains-1)) == "," {
			split = `, split: ","`
		}
		d.linef("  - {to: companies, column: %s, match: domain, missing: skip%s}", d.columnName(d.domains-1), split)
	}
}
