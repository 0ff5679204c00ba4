package transform

import (
	"fmt"
	"maps"
	"math/bits"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// calendarNames are the words of one language: months from January and days of the
// week from Sunday on, parted by commas, each with its forms parted by blanks.
type calendarNames struct{ language, months, weekdays string }

// moreNames are forms that CLDR does not have, and people write.
var moreNames = []calendarNames{
	{"en", "jan,feb,mar,apr,may,jun,jul,aug,sep sept,oct,nov,dec", "sun,mon,tue tues,wed,thu thur thurs,fri,sat"},
	{"pt", "jan,fev,marco mar,abr,mai,jun,jul,ago,set,out,nov,dez", "dom,seg,terca ter,qua,qui,sex,sab"},
	{"es", "ene,feb,mar,abr,may,jun,jul,ago,setiembre sept sep,oct,nov,dic", "dom,lun,mar,mie,jue,vie,sab"},
	{"de", "jan,feb,maerz mrz,apr,mai,jun,jul,aug,sept,okt,nov,dez", "so,mo,di,mi,do,fr,sonnabend sa"},
	{"fr", "janv jan,fevrier fevr fév fev,mars,avr,mai,juin,juil,aout,sept,oct,nov,decembre dec", "dim,lun,mar,mer,jeu,ven,sam"},
}

// A wordSet says what words mean: months by bits 1 to 12, days of the week by bits 0
// to 6. In several languages a word may mean several.
type wordSet map[string]uint16

func (w wordSet) add(list string, first int) {
	for i, words := range strings.Split(list, ",") {
		for _, word := range strings.Fields(words) {
			w[word] |= 1 << (first + i)
		}
	}
}

// A calendarWords are the words of one language, or of all.
type calendarWords struct{ months, weekdays wordSet }

func newCalendarWords() *calendarWords { return &calendarWords{wordSet{}, wordSet{}} }

func (w *calendarWords) add(n calendarNames) {
	w.months.add(n.months, 1)
	w.weekdays.add(n.weekdays, 0)
}

// everyWord has the words of all languages, languageWords those of each.
var everyWord, languageWords = allCalendarWords()

func allCalendarWords() (every *calendarWords, each map[string]*calendarWords) {
	every, each = newCalendarWords(), map[string]*calendarWords{}
	for _, n := range append(slices.Clone(cldrNames), moreNames...) {
		if each[n.language] == nil {
			each[n.language] = newCalendarWords()
		}
		every.add(n)
		each[n.language].add(n)
	}
	return every, each
}

// languageOf takes the language off the front of a pattern: "pl: d MMM yyyy". Without
// one, all languages count.
func languageOf(pattern string) (words *calendarWords, rest, message, hint string) {
	language, rest, found := strings.Cut(pattern, ": ")
	if !found || len(language) != 2 || strings.ToLower(language) != language {
		return everyWord, pattern, "", ""
	}
	if words = languageWords[language]; words == nil {
		known := slices.Sorted(maps.Keys(languageWords))
		return nil, "", fmt.Sprintf("date pattern %q: there are no names of months in the language %q", pattern, language), "known are " + strings.Join(known, ", ")
	}
	return words, rest, "", ""
}

// meanings says in which language a name of a month is which one: "10 (hr), 11 (cs, pl)".
func meanings(word string) string {
	in := map[int][]string{}
	for _, language := range slices.Sorted(maps.Keys(languageWords)) {
		if found := languageWords[language].months[word]; found != 0 {
			month := bits.TrailingZeros16(found)
			in[month] = append(in[month], language)
		}
	}
	var parts []string
	for _, month := range slices.Sorted(maps.Keys(in)) {
		parts = append(parts, fmt.Sprintf("%d (%s)", month, strings.Join(in[month], ", ")))
	}
	return strings.Join(parts, " or ")
}

// nameAt cuts the word off that s begins with, and returns it as the tables have it:
// in lower case, without dots inside and apostrophes.
func nameAt(s string) (word, rest string) {
	var b strings.Builder
	end := len(s)
	for i, r := range s {
		if unicode.IsLetter(r) || unicode.IsMark(r) {
			b.WriteRune(r)
			continue
		}
		within := r == '\'' || r == '’' || r == '\u05f3' || r == '.' && abbreviatedMore(s[i+1:])
		if !within || i == 0 {
			end = i
			break
		}
	}
	return strings.ToLower(norm.NFC.String(b.String())), s[end:]
}

// abbreviatedMore says whether a letter that belongs to the word follows a dot inside
// it, as in Thai.
func abbreviatedMore(rest string) bool {
	for _, r := range rest {
		return unicode.Is(unicode.Thai, r)
	}
	return false
}
