package schema

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Fold brings a label or value to the form in which they are compared: without
// case, outer blanks and repeated blanks, and with accents joined to their
// letters.
func Fold(s string) string {
	if folded, ok := foldASCII(s); ok {
		return folded
	}
	s = norm.NFC.String(strings.Join(strings.FieldsFunc(s, unicode.IsSpace), " "))
	return norm.NFC.String(strings.Map(foldRune, s))
}

// Bare is Fold without the accents of Latin letters, for texts that nothing
// equals when folded: "nao" is found where only "Não" is. Other scripts keep
// their marks, which make other letters and words there.
func Bare(s string) string {
	s = Fold(s)
	if _, ok := foldASCII(s); ok {
		return s
	}
	latin := false
	return norm.NFC.String(strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) && latin {
			return -1
		}
		latin = unicode.Is(unicode.Latin, r) || unicode.Is(unicode.Mn, r) && latin
		return r
	}, norm.NFD.String(s)))
}

// foldRune is one rune for all that differ from r only in case: the lower-case
// one, if there is any.
func foldRune(r rune) rune {
	least := r
	for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
		if unicode.IsLower(next) != unicode.IsLower(least) {
			if unicode.IsLower(next) {
				least = next
			}
		} else if next < least {
			least = next
		}
	}
	return least
}

// foldASCII does the common case without building a caser.
func foldASCII(s string) (string, bool) {
	plain := true
	for i := range len(s) {
		c := s[i]
		if c >= 0x80 {
			return "", false
		}
		if c >= 'A' && c <= 'Z' || c < ' ' || c == ' ' && (i == 0 || i == len(s)-1 || s[i-1] == ' ') {
			plain = false
		}
	}
	if plain {
		return s, true
	}
	return strings.ToLower(strings.Join(strings.Fields(s), " ")), true
}

// Property returns the definition of the named property, or nil.
func (s *Schema) Property(name string) *Property {
	for i := range s.Properties {
		if s.Properties[i].Name == name {
			return &s.Properties[i]
		}
	}
	return nil
}

// PropertyNames are the internal names of all properties.
func (s *Schema) PropertyNames() []string {
	names := make([]string, len(s.Properties))
	for i := range s.Properties {
		names[i] = s.Properties[i].Name
	}
	return names
}

// Pipeline returns the pipeline with this id, or nil.
func (s *Schema) Pipeline(id string) *Pipeline {
	for i := range s.Pipelines {
		if s.Pipelines[i].ID == id {
			return &s.Pipelines[i]
		}
	}
	return nil
}

// Stage returns the stage with this id, or nil.
func (p *Pipeline) Stage(id string) *Stage {
	for i := range p.Stages {
		if p.Stages[i].ID == id {
			return &p.Stages[i]
		}
	}
	return nil
}

// MatchPipelines returns the pipelines that text names, by id or by label.
func (s *Schema) MatchPipelines(text string) []*Pipeline {
	return match(s.Pipelines, text,
		func(p *Pipeline) string { return p.ID }, func(p *Pipeline) string { return p.Label })
}

// MatchStages returns the stages of p that text names, by id or by label.
func (p *Pipeline) MatchStages(text string) []*Stage {
	return match(p.Stages, text,
		func(st *Stage) string { return st.ID }, func(st *Stage) string { return st.Label })
}

// MatchOptions returns the options of p that text names, by value or by label.
func (p *Property) MatchOptions(text string) []*Option {
	return match(p.Options, text,
		func(o *Option) string { return o.Value }, func(o *Option) string { return o.Label })
}

// MatchOwners returns the owners that text names, by id, e-mail or full name.
// Active owners win over archived ones.
func (s *Schema) MatchOwners(text string) []*Owner {
	found := match(s.Owners, text,
		func(o *Owner) string { return o.ID },
		func(o *Owner) string { return o.Email },
		func(o *Owner) string { return o.Name() })
	var active []*Owner
	for _, o := range found {
		if !o.Archived {
			active = append(active, o)
		}
	}
	if len(active) > 0 {
		return active
	}
	return found
}

// MatchLabels returns the association types to object type "to" that text
// names, by label or type id.
func (s *Schema) MatchLabels(to, text string) []*Label {
	return match(s.Labels[to], text,
		func(l *Label) string { return itoa(l.TypeID) }, func(l *Label) string { return l.Label })
}

// match returns the items whose first name (the internal one) is exactly text;
// failing that, those of which any name equals text without case and blanks, or
// without accents as well.
func match[T any](items []T, text string, names ...func(*T) string) []*T {
	for i := range items {
		if names[0](&items[i]) == text {
			return []*T{&items[i]}
		}
	}
	if found := matchBy(Fold, items, text, names); len(found) > 0 {
		return found
	}
	return matchBy(Bare, items, text, names)
}

func matchBy[T any](form func(string) string, items []T, text string, names []func(*T) string) []*T {
	want := form(text)
	if want == "" {
		return nil
	}
	var found []*T
	for i := range items {
		for _, name := range names {
			if form(name(&items[i])) == want {
				found = append(found, &items[i])
				break
			}
		}
	}
	return found
}
