package transform

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/internal/schema"
)

// match gives columns to properties and associations: the surest reasons first.
func (d *draft) match() {
	d.matchNames()
	d.matchKey()
	d.matchParts()
	d.matchSynonyms()
	d.matchReferences()
	d.matchContent()
	d.choosePipeline()
}

func (d *draft) take(property string, column int, why string) {
	d.columns[property], d.why[property] = column, why
	d.used[column] = true
}

// free says whether a property can still be given to a column. Hidden ones are
// HubSpot's own plumbing.
func (d *draft) free(p *schema.Property) bool {
	_, taken := d.columns[p.Name]
	ok, _ := p.Writable()
	return ok && !taken && !p.Hidden && p.Type != "json" && p.Type != "object_coordinates"
}

// matchNames takes columns that are named like a property, or like its label.
func (d *draft) matchNames() {
	type way struct {
		why  string
		name func(*schema.Property) string
	}
	ways := []way{
		{"same name", func(p *schema.Property) string { return p.Name }},
		{"same label", func(p *schema.Property) string { return p.Label }},
	}
	for _, form := range []func(string) string{schema.Fold, plainWords} {
		for _, w := range ways {
			for i, header := range d.Header.Names() {
				for j := range d.Schema.Properties {
					p := &d.Schema.Properties[j]
					if name := form(header); name != "" && !d.used[i] && d.free(p) && name == form(w.name(p)) {
						d.take(p.Name, i, w.why)
					}
				}
			}
		}
	}
}

// matchKey takes the column that numbers the tickets, if a property with unique
// values can hold it.
func (d *draft) matchKey() {
	unique := d.uniqueNames()
	for _, name := range unique {
		if column, ok := d.columns[name]; ok {
			d.key, d.keyAt = name, column
			return
		}
	}
	if column, ok := d.named(keySynonyms, d.numbersTickets); ok && len(unique) > 0 {
		d.key, d.keyAt = unique[0], column
		why := "? it looks like the number of the ticket"
		if fraction, _ := patternOf(`^\d+\.0$`); all(d.texts(column), fraction.MatchString) {
			why += ", but a program has put .0 behind it; export it again as text"
		}
		d.take(d.key, column, why)
	}
}

// uniqueNames are the properties that can be a key.
func (d *draft) uniqueNames() (unique []string) {
	for i := range d.Schema.Properties {
		p := &d.Schema.Properties[i]
		if ok, _ := p.Writable(); ok && p.HasUniqueValue && !strings.HasPrefix(p.Name, "hs_") {
			unique = append(unique, p.Name)
		}
	}
	return unique
}

// numbersTickets says whether a column can be a key: no cell is blank, and none
// stands there twice. Rows of totals have none.
func (d *draft) numbersTickets(column int) bool {
	texts := d.texts(column)
	return len(texts) > 0 && len(texts)+d.totalsWithout(column) == len(d.Samples) && len(slices.Compact(slices.Sorted(slices.Values(texts)))) == len(texts)
}

// totalsWithout counts the rows of totals that are blank in a column.
func (d *draft) totalsWithout(column int) (n int) {
	for _, row := range d.Samples {
		if _, ok := totalsCell(row); ok && (column >= len(row) || isBlank(row[column])) {
			n++
		}
	}
	return n
}

// named is the first free column that has one of the names of a list, in the
// order of the list, and is good.
func (d *draft) named(list string, good func(column int) bool) (column int, ok bool) {
	for name := range strings.SplitSeq(list, ",") {
		name = plainWords(name)
		for i, header := range d.Header.Names() {
			if name != "" && !d.used[i] && (plainWords(header) == name || plainWords(withoutBrackets(header)) == name) && good(i) {
				return i, true
			}
		}
	}
	return 0, false
}

// matchParts takes columns whose name is part of the label of one property of the
// account's own, if their cells fit its type: "Hours" for "Hours worked".
func (d *draft) matchParts() {
	for i, header := range d.Header.Names() {
		var found []*schema.Property
		for j := range d.Schema.Properties {
			p := &d.Schema.Properties[j]
			if !d.used[i] && d.free(p) && !p.HubspotDefined && namesPart(header, p.Label) && d.suits(i, p) {
				found = append(found, p)
			}
		}
		if len(found) == 1 {
			d.take(found[0].Name, i, "? part of its label, and the cells fit")
		}
	}
}

// namesPart says whether all words of name are words of label.
func namesPart(name, label string) bool {
	words, whole := strings.Fields(plainWords(name)), strings.Fields(plainWords(label))
	return len(words) > 0 && all(words, func(w string) bool { return len(w) > 2 && slices.Contains(whole, w) })
}

// suits says whether the cells of a column are plainly of p's type. Any text is
// a text, so that texts tell nothing.
func (d *draft) suits(column int, p *schema.Property) bool {
	texts := d.texts(column)
	switch {
	case len(texts) == 0:
		return false
	case p.Type == "date", p.Type == "datetime":
		forms := append([]string{"iso", "dmy", "mdy"}, draftPatterns...)
		untyped := d.untyped(column)
		return d.typed(column, etl.Date, etl.DateTime) &&
			(len(untyped) == 0 || slices.ContainsFunc(forms, func(form string) bool { return allDates(untyped, form) }))
	case p.Type == "number":
		untyped := d.untyped(column)
		return d.typed(column, etl.Number) && slices.ContainsFunc([]byte{0, ',', '.'}, func(decimal byte) bool { return allNumbers(untyped, decimal) })
	}
	return len(d.cells(column)) >= minTelling && d.tells(column, p)
}

func (d *draft) matchSynonyms() {
	for j := range d.Schema.Properties {
		p := &d.Schema.Properties[j]
		if !d.free(p) {
			continue
		}
		if column, ok := d.named(synonyms[p.Name], func(column int) bool { return d.meant(p, column) }); ok {
			d.take(p.Name, column, "another word for it")
		}
	}
}

// meant says whether a column with another word for p may hold it: a queue is a
// pipeline only where its cells name one.
func (d *draft) meant(p *schema.Property, column int) bool {
	if p.Name != pipelineProperty {
		return true
	}
	l := newLookup(pipelineItems(d.Schema))
	return slices.ContainsFunc(d.cells(column), func(s string) bool { return len(l.find(s)) > 0 })
}

// matchReferences takes a column of e-mail addresses and one of domains: by name
// and content, and an only column of addresses by its content.
func (d *draft) matchReferences() {
	email := func(s string) bool { return emailFlaw(s) == nil }
	emails := func(column int) bool { return d.holds(column, email) && !d.areOwners(column) }
	if column, ok := d.named(contactSynonyms, emails); ok {
		d.contacts, d.used[column] = column+1, true
	} else if found := d.freeColumns(emails); len(found) == 1 {
		d.contacts, d.used[found[0]] = found[0]+1, true
	}
	d.linksByID()
	domains := func(column int) bool { return d.holds(column, isDomainList) }
	if column, ok := d.named(companySynonyms, domains); ok {
		d.domains, d.used[column] = column+1, true
	}
}

// areOwners says that all cells of a column, more than one, are owners: agents of
// the help-desk, hardly its customers.
func (d *draft) areOwners(column int) bool {
	owners := newLookup(ownerItems(d.Schema))
	return len(d.cells(column)) >= minTelling && d.holds(column, func(s string) bool { return len(owners.find(s)) > 0 })
}

// linksByID takes columns of record ids, as HubSpot's own exports have them.
func (d *draft) linksByID() {
	ids := func(column int) bool {
		return d.holds(column, func(s string) bool { return all(splitCells([]string{s}, ";"), allDigits) })
	}
	for _, to := range []string{"contacts", "companies", "deals"} {
		one := map[string]string{"contacts": "contact", "companies": "company", "deals": "deal"}[to]
		if column, ok := d.named("associated "+one+" ids,associated "+one+" id", ids); ok {
			d.ids = append(d.ids, idColumn{to, column})
			d.used[column] = true
		}
	}
}

// isDomainList takes also several domains in one cell.
func isDomainList(s string) bool {
	return all(splitCells([]string{s}, ","), isDomain)
}

// freeColumns are the columns that are not used yet and good.
func (d *draft) freeColumns(good func(column int) bool) (found []int) {
	for i := range d.Header.Len() {
		if !d.used[i] && good(i) {
			found = append(found, i)
		}
	}
	return found
}

// holds says whether a column has cells, and all are good.
func (d *draft) holds(column int, good func(string) bool) bool {
	cells := d.cells(column)
	return len(cells) > 0 && all(cells, good)
}

// matchContent takes columns whose cells all name options of one property, or
// owners, and of no other.
func (d *draft) matchContent() {
	for i := range d.Header.Len() {
		if d.used[i] || len(d.cells(i)) < minTelling {
			continue
		}
		var found []*schema.Property
		for j := range d.Schema.Properties {
			if p := &d.Schema.Properties[j]; d.free(p) && d.tells(i, p) {
				found = append(found, p)
			}
		}
		if len(found) == 1 {
			d.take(found[0].Name, i, "? its cells are "+kindOfChoices(found[0]))
		}
	}
}

// minTelling is how many different cells tell what a column holds.
const minTelling = 2

// tells says whether every cell of a column is a choice of p. Yes and no, and
// bare numbers, are choices of too many to tell anything.
func (d *draft) tells(column int, p *schema.Property) bool {
	var l *lookup
	switch {
	case p.Name == stageProperty:
		l = newStages(d.Schema).all
	case p.ReferencedObjectType == "OWNER":
		l = newLookup(ownerItems(d.Schema))
	case p.Type == "enumeration" && !p.ExternalOptions:
		l = newLookup(optionItems(p))
	default:
		return false
	}
	cells := d.cells(column)
	if p.Multiple() {
		cells = splitCells(cells, d.splitOf(cells))
	}
	return all(cells, func(s string) bool {
		return len(l.find(s)) > 0 && !allDigits(s) && !isOneOf(plainWords(s), plainAnswers)
	})
}

const plainAnswers = "yes,no,y,n,x,true,false,sim,nao,s,si,ja,nein,oui,non,on,off"

func kindOfChoices(p *schema.Property) string {
	switch {
	case p.Name == stageProperty:
		return "stages"
	case p.ReferencedObjectType == "OWNER":
		return "owners"
	}
	return "options of it"
}

// splitOf is what parts several options in the cells of a column; empty for none.
func (d *draft) splitOf(cells []string) string {
	for _, split := range []string{"|", ";", ","} {
		if slices.ContainsFunc(cells, func(s string) bool { return strings.Contains(s, split) }) {
			return split
		}
	}
	return ""
}

// splitCells are the different parts of cells, trimmed, blank ones left out. An
// empty split leaves cells whole.
func splitCells(cells []string, split string) []string {
	if split == "" {
		return cells
	}
	var parts []string
	for _, cell := range cells {
		for part := range strings.SplitSeq(cell, split) {
			if part = strings.TrimSpace(part); part != "" && !slices.Contains(parts, part) {
				parts = append(parts, part)
			}
		}
	}
	return parts
}

// maxDistinct bounds how many different cells of a column are looked at for
// what they name.
const maxDistinct = 50

// cells are the first different texts of a column, trimmed, blank ones left out.
func (d *draft) cells(column int) []string {
	if d.distinct[column] == nil {
		found := []string{}
		seen := map[string]bool{}
		for _, text := range d.texts(column) {
			if !seen[text] && len(found) < maxDistinct {
				seen[text] = true
				found = append(found, text)
			}
		}
		d.distinct[column] = found
	}
	return d.distinct[column]
}

// texts are all cells of a column, trimmed, blank ones left out.
func (d *draft) texts(column int) []string {
	var texts []string
	for _, row := range d.Samples {
		if column < len(row) {
			if text := strings.TrimSpace(row[column]); text != "" {
				texts = append(texts, text)
			}
		}
	}
	return texts
}

// untyped are the cells of a column that are texts, trimmed, blank ones left out:
// a real date needs no form.
func (d *draft) untyped(column int) []string {
	var texts []string
	for i, row := range d.Samples {
		if column >= len(row) || i < len(d.Kinds) && column < len(d.Kinds[i]) && d.Kinds[i][column] != etl.Text {
			continue
		}
		if text := strings.TrimSpace(seenOnly(row[column])); text != "" {
			texts = append(texts, text)
		}
	}
	return texts
}

// typed says whether those cells of a column that are no texts are all of some kinds.
func (d *draft) typed(column int, of ...etl.Kind) bool {
	for _, kinds := range d.Kinds {
		if column < len(kinds) && kinds[column] != etl.Text && !slices.Contains(of, kinds[column]) {
			return false
		}
	}
	return true
}

func all(cells []string, good func(string) bool) bool {
	return !slices.ContainsFunc(cells, func(s string) bool { return !good(s) })
}

// choosePipeline finds the pipeline whose stages the cells of the stage column
// name best, where the account has several and no column names them. Names of
// one stage or two are in many pipelines ("Done"): what names few of the cells
// is weak, and the account's first pipeline is taken if it serves as many.
func (d *draft) choosePipeline() {
	column, mapped := d.columns[stageProperty]
	if _, named := d.columns[pipelineProperty]; !mapped || named || len(pipelineItems(d.Schema)) < 2 {
		return
	}
	d.pipeline = nil
	var best stageScore
	usual := d.usualPipeline()
	for i := range d.Schema.Pipelines {
		p := &d.Schema.Pipelines[i]
		if p.Archived {
			continue
		}
		if score := d.score(p, column); score.better(best, p == usual) {
			best, d.pipeline = score, p
		}
	}
}

// usualPipeline is the one that HubSpot shows first.
func (d *draft) usualPipeline() (usual *schema.Pipeline) {
	for i := range d.Schema.Pipelines {
		if p := &d.Schema.Pipelines[i]; !p.Archived && (usual == nil || p.DisplayOrder < usual.DisplayOrder) {
			usual = p
		}
	}
	return usual
}

// A stageScore is how many of the different cells are stages of a pipeline, by
// name or by a guess.
type stageScore struct {
	named, guessed int
	strong         bool // half of the cells or more are named
}

func (d *draft) score(p *schema.Pipeline, column int) (s stageScore) {
	cells, stages := d.cells(column), newStages(d.Schema).byPipeline[p.ID]
	for _, cell := range cells {
		switch {
		case len(p.MatchStages(cell)) > 0:
			s.named++
		case guessedIndex(stages, cell) >= 0:
			s.guessed++
		}
	}
	s.strong = s.named > 0 && s.named*2 >= len(cells)
	return s
}

// better says whether s speaks for its pipeline more than t for another. usual:
// it is the account's first one.
func (s stageScore) better(t stageScore, usual bool) bool {
	switch {
	case s.named+s.guessed == 0:
		return false
	case s.strong || t.strong:
		return s.strong && (!t.strong || 3*s.named+s.guessed > 3*t.named+t.guessed)
	case s.named+s.guessed != t.named+t.guessed:
		return s.named+s.guessed > t.named+t.guessed
	}
	return usual || s.named > t.named
}

// guessed is what other help-desks mean by a cell; empty when it is not known.
// Numbers in front ("1 - Critical") or behind ("High (2)") only sort.
func guessed(cell string) string {
	for _, text := range []string{cell, strings.TrimLeft(cell, "0123456789 "), withoutBrackets(cell)} {
		if found := plainChoices()[plainWords(text)]; found != "" {
			return found
		}
	}
	return plainChoices()[strings.Trim(plainWords(cell), "0123456789 ")]
}

// withoutBrackets is a text without what is added to it in brackets: "En cours
// (Attribué)".
func withoutBrackets(s string) string {
	before, _, _ := strings.Cut(s, "(")
	return before
}

// guessedIndex is the index of the choice that a cell may mean; -1 for none. Choices in
// other languages than English are understood as cells are.
func guessedIndex(l *lookup, cell string) int {
	want := guessed(cell)
	if found := l.find(want); len(found) == 1 {
		return found[0]
	}
	index := -1
	for i := range l.items {
		switch {
		case want == "" || guessed(l.items[i].label) != want:
		case index >= 0:
			return -1
		default:
			index = i
		}
	}
	return index
}

// values drafts a table where cells do not name a choice as they are. What a cell
// may mean has a doubt; a cell that is not understood becomes a line to fill in.
func (d *draft) values(p *schema.Property, cells []string, l *lookup) {
	var sure, guesses, open []string
	for _, cell := range cells {
		if found := l.find(cell); len(found) == 1 {
			sure = append(sure, fmt.Sprintf("%q: %q", cell, l.clearName(found[0])))
		} else if choice, said := d.settleCell(cell, l, guessedIndex(l, cell)); said {
			guesses = append(guesses, fmt.Sprintf("%q: %q", cell, l.clearName(choice)))
		} else if choice >= 0 {
			guesses = append(guesses, fmt.Sprintf("%q: %q  # ?", cell, l.clearName(choice)))
		} else if p.Name != stageProperty && p.Name != pipelineProperty && meansNothing(cell) {
			guesses = append(guesses, fmt.Sprintf("%q: \"\"  # ? nothing", cell))
		} else {
			open = append(open, fmt.Sprintf("%q: \"?\"  # ? one of %s", cell, oneLine(l.list(l.all()))))
		}
	}
	indent := "    "
	switch {
	case len(guesses) > 0, len(open) > 0 && len(sure) > 0 && len(sure) <= maxListed:
		d.linef("    values:")
		d.lines("      ", append(sure, guesses...))
		d.lines("      # ", open)
	case len(open) > 0: // what is sure needs no table, and many would be a long one
		indent = "    # "
		d.linef("    # values:")
		d.lines("    #   ", open)
	default:
		return
	}
	d.linef("%sotherwise: keep", indent)
}

// meansNothing says whether a cell only says that nothing was chosen.
func meansNothing(cell string) bool { return isOneOf(strings.Trim(plainWords(cell), "()"), nobody) }

func (d *draft) lines(indent string, texts []string) {
	for _, text := range texts {
		d.linef("%s%s", indent, text)
	}
}
