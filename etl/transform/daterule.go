package transform

import (
	"fmt"
	"math/bits"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// A dateRule is one way to read dates.
type dateRule struct {
	words string // for people: "day/month/year"
	epoch bool   // reads numbers
	read  func(text string) (civil, misfit)
	write func(c civil) []string // the texts that mean c, the plainest first; none if it has no such text
	quick []*layout              // that read reads too
}

var isoLayouts = mustLayouts("yyyy-MM-dd", "yyyy-MM-dd HH:mm:ss", "yyyy-MM-dd'T'HH:mm:ss")

// parseDateRule reads what a mapping says of dates: iso, dmy, mdy, epoch,
// epoch-ms or a pattern. The message says what is wrong with it.
func parseDateRule(text string) (rule dateRule, message, hint string) {
	switch text {
	case "iso":
		return dateRule{words: "year-month-day", read: readISO, quick: isoLayouts, write: writeISO}, "", ""
	case "dmy":
		return dateRule{words: "day/month/year", read: readDayMonth, write: writeDayMonth}, "", ""
	case "mdy":
		return dateRule{words: "month/day/year", read: readMonthDay, write: writeMonthDay}, "", ""
	case "epoch":
		return dateRule{words: "seconds since 1970", epoch: true, read: readSeconds, write: writeSeconds}, "", ""
	case "epoch-ms":
		return dateRule{words: "milliseconds since 1970", epoch: true, read: readMillis, write: writeMillis}, "", ""
	}
	words, pattern, message, hint := languageOf(text)
	if message != "" {
		return dateRule{}, message, hint
	}
	elements, message, hint := parsePattern(pattern)
	if message != "" {
		return dateRule{}, message, hint
	}
	for i := range elements {
		elements[i].words = words
	}
	rule = dateRule{
		words: text, read: func(s string) (civil, misfit) { return readPattern(s, elements) },
		write: func(c civil) []string { return writePattern(c, elements) },
	}
	if l := layoutOf(elements); l != nil {
		rule.quick = []*layout{l}
	}
	return rule, "", ""
}

// check turns what was read into a verdict.
func check(c civil, fits bool) (civil, misfit) {
	if !fits {
		return civil{}, misfit{kind: otherForm}
	}
	if why := c.impossible(); why != "" {
		return civil{}, misfit{impossible, why}
	}
	return c, misfit{}
}

func readISO(text string) (civil, misfit) {
	s := scan{rest: text}
	var c civil
	ok := s.number(&c.year, 4, 4) && s.char('-') && s.number(&c.month, 2, 2) && s.char('-') && s.number(&c.day, 2, 2) &&
		s.clockOrEnd(&c)
	return check(c, ok)
}

func readDayMonth(text string) (civil, misfit) { return readNumeric(text, false) }
func readMonthDay(text string) (civil, misfit) { return readNumeric(text, true) }

// readNumeric reads 31/01/2024 with any of / . - between, and maybe a time.
func readNumeric(text string, monthFirst bool) (civil, misfit) {
	s := scan{rest: text}
	var c civil
	if !s.number(&c.day, 1, 2) || s.rest == "" || !strings.ContainsRune("/.-", rune(s.rest[0])) {
		return check(c, false)
	}
	sep := s.rest[0]
	if !(s.char(sep) && s.number(&c.month, 1, 2) && s.char(sep)) {
		return check(c, false)
	}
	if monthFirst {
		c.day, c.month = c.month, c.day
	}
	if !s.number(&c.year, 4, 4) {
		year := 0
		if s.number(&year, 2, 2) && s.clockOrEnd(&c) {
			return civil{}, misfit{kind: twoDigitYear}
		}
		return check(c, false)
	}
	return check(c, s.clockOrEnd(&c))
}

func readSeconds(text string) (civil, misfit) { return readEpoch(text, 9, 10, 1) }
func readMillis(text string) (civil, misfit)  { return readEpoch(text, 12, 13, 1000) }

// readEpoch reads a count since 1970. The number of digits keeps seconds and
// milliseconds apart: a wrong unit would be off by centuries, not refused.
func readEpoch(text string, least, most int, perSecond int64) (civil, misfit) {
	if len(text) < least || len(text) > most || !allDigits(text) {
		return check(civil{}, false)
	}
	var n int64
	for i := range len(text) {
		n = n*10 + int64(text[i]-'0')
	}
	t := time.Unix(n/perSecond, 0).UTC()
	return civil{
		year: t.Year(), month: int(t.Month()), day: t.Day(), hour: t.Hour(), min: t.Minute(), sec: t.Second(),
		nano: int(n%perSecond) * int(1e9/perSecond), hasTime: true, hasZone: true,
	}, misfit{}
}

// A scan reads a text from left to right.
type scan struct{ rest string }

// number reads from least to most digits.
func (s *scan) number(to *int, least, most int) bool {
	n, i := 0, 0
	for i < len(s.rest) && i < most && s.rest[i] >= '0' && s.rest[i] <= '9' {
		n = n*10 + int(s.rest[i]-'0')
		i++
	}
	if i < least || i < len(s.rest) && i == most && s.rest[i] >= '0' && s.rest[i] <= '9' {
		return false
	}
	*to, s.rest = n, s.rest[i:]
	return true
}

func (s *scan) char(c byte) bool {
	if s.rest == "" || s.rest[0] != c {
		return false
	}
	s.rest = s.rest[1:]
	return true
}

func (s *scan) blanks() bool {
	if len(s.rest) > 1 && s.rest[0] == ' ' && s.rest[1] > ' ' && s.rest[1] < utf8.RuneSelf { // nearly always
		s.rest = s.rest[1:]
		return true
	}
	before := len(s.rest)
	s.rest = strings.TrimLeftFunc(s.rest, unicode.IsSpace)
	return len(s.rest) < before
}

// clockOrEnd reads what may follow a date: nothing, or a time parted by blanks,
// a comma or a T.
func (s *scan) clockOrEnd(c *civil) bool {
	if s.rest == "" {
		return true
	}
	switch {
	case s.char('T'):
	case s.char(','):
		s.blanks()
	case !s.blanks():
		return false
	}
	return s.clock(c) && s.rest == ""
}

// clock reads 9:05, 09:05:01.250, 9:05 PM, and an offset.
func (s *scan) clock(c *civil) bool {
	c.hasTime = true
	if !(s.number(&c.hour, 1, 2) && s.char(':') && s.number(&c.min, 2, 2)) {
		return false
	}
	if s.char(':') {
		if !s.number(&c.sec, 2, 2) {
			return false
		}
		if (s.char('.') || s.char(',')) && !s.fraction(c, 1, 9) {
			return false
		}
	}
	if s.rest == "" {
		return true
	}
	kept := *s
	s.blanks()
	if s.half(c) {
		kept = *s
		s.blanks()
	}
	if s.rest != "" && !s.offset(c) {
		*s = kept
	}
	return true
}

func (s *scan) fraction(c *civil, least, most int) bool {
	n, i := 0, 0
	for i < len(s.rest) && i < most && s.rest[i] >= '0' && s.rest[i] <= '9' {
		n = n*10 + int(s.rest[i]-'0')
		i++
	}
	if i < least {
		return false
	}
	s.rest = s.rest[i:]
	for ; i < 9; i++ {
		n *= 10
	}
	c.nano = n
	return true
}

// cutHalf cuts AM or PM off s: PM, p.m., "p. m." as in Spanish, and the Arabic letters.
func cutHalf(s string) (rest string, afternoon, ok bool) {
	for i, sign := range []string{"ص", "م"} {
		if rest, ok = strings.CutPrefix(s, sign); ok {
			return rest, i == 1, true
		}
	}
	if s == "" || !strings.ContainsRune("aApP", rune(s[0])) {
		return s, false, false
	}
	afternoon = s[0] == 'p' || s[0] == 'P'
	rest = s[1:]
	if dotted, found := strings.CutPrefix(rest, "."); found {
		rest = strings.TrimLeftFunc(dotted, unicode.IsSpace)
	}
	if rest == "" || rest[0] != 'm' && rest[0] != 'M' {
		return s, false, false
	}
	return strings.TrimPrefix(rest[1:], "."), afternoon, true
}

// half reads AM or PM. An hour that no clock of twelve hours shows becomes one
// that does not exist, to be refused by civil.impossible.
func (s *scan) half(c *civil) bool {
	rest, afternoon, ok := cutHalf(s.rest)
	if !ok {
		return false
	}
	s.rest = rest
	switch {
	case c.hour < 1 || c.hour > 12:
		c.hour = 99
	case !afternoon:
		c.hour %= 12
	default:
		c.hour = c.hour%12 + 12
	}
	return true
}

// offset reads Z, +02, +0200 or +02:00; also UTC and GMT.
func (s *scan) offset(c *civil) bool {
	c.hasZone = true
	for _, name := range [...]string{"Z", "z", "UTC", "GMT"} {
		if strings.HasPrefix(s.rest, name) {
			s.rest = s.rest[len(name):]
			return true
		}
	}
	sign := 1
	switch {
	case s.char('+'):
	case s.char('-'):
		sign = -1
	default:
		c.hasZone = false
		return false
	}
	hours, minutes := 0, 0
	if !s.two(&hours) {
		c.hasZone = false
		return false
	}
	if s.char(':') && !s.two(&minutes) || s.rest != "" && s.rest[0] >= '0' && s.rest[0] <= '9' && !s.two(&minutes) {
		c.hasZone = false
		return false
	}
	if minutes > 59 {
		hours = 99
	}
	c.offset = sign * (hours*3600 + minutes*60)
	return true
}

// two reads exactly two digits, whatever follows.
func (s *scan) two(to *int) bool {
	if len(s.rest) < 2 || !allDigits(s.rest[:2]) {
		return false
	}
	*to = int(s.rest[0]-'0')*10 + int(s.rest[1]-'0')
	s.rest = s.rest[2:]
	return true
}

// month reads the name of a month. One that means several leaves c without a month
// and is returned.
func (s *scan) month(words wordSet, c *civil) (unclear string, ok bool) {
	word, rest := nameAt(s.rest)
	found := words[word]
	if found == 0 {
		return "", false
	}
	s.rest = rest
	if bits.OnesCount16(found) > 1 {
		return word, true
	}
	c.month = bits.TrailingZeros16(found)
	return "", true
}

// weekday reads the name of a day of the week: Tue, Di., terça-feira. What it may mean
// is a set of bits, 0 for Sunday.
func (s *scan) weekday(words wordSet, to *uint16) bool {
	word, rest := nameAt(s.rest)
	if *to = words[word]; *to == 0 {
		return false
	}
	s.rest = rest
	if rest, ok := strings.CutPrefix(s.rest, "-feira"); ok {
		s.rest = rest
	} else {
		s.char('.')
	}
	return true
}

// An element is one piece of a pattern: a letter with its count, or a literal.
type element struct {
	letter  byte // y M d E H h m s S a X; 0: literal
	count   int
	literal string
	words   *calendarWords // for names
}

// patternLetters are the letters of patterns and how often each may be repeated.
var patternLetters = map[byte][]int{
	'y': {2, 4}, 'M': {1, 2, 3, 4}, 'd': {1, 2}, 'E': {3, 4}, 'H': {1, 2}, 'h': {1, 2}, 'm': {1, 2}, 's': {1, 2},
	'S': {1, 2, 3, 4, 5, 6, 7, 8, 9}, 'a': {1}, 'X': {1, 2, 3}, 'Z': {1},
}

// parsePattern reads a pattern such as "dd/MM/yyyy HH:mm".
func parsePattern(text string) (elements []element, message, hint string) {
	const usual = `write iso, dmy, mdy, epoch, epoch-ms or a pattern such as "dd/MM/yyyy HH:mm"`
	seen := map[byte]bool{}
	for rest := text; rest != ""; {
		e, size, message, hint := nextElement(rest)
		if message != "" {
			return nil, fmt.Sprintf("date pattern %q: %s", text, message), hint
		}
		rest = rest[size:]
		if e.letter == 'a' && !seen['h'] {
			return nil, fmt.Sprintf("date pattern %q: a stands after h", text), "HH is the hour of a day of 24"
		}
		if e.letter != 0 && seen[e.letter] {
			return nil, fmt.Sprintf("date pattern %q has %c twice", text, e.letter), ""
		}
		seen[e.letter] = true
		elements = append(elements, e)
	}
	switch {
	case !seen['y'] || !seen['M'] || !seen['d']:
		return nil, fmt.Sprintf("%q is not a way to write dates", text), usual
	case seen['h'] != seen['a'] || seen['h'] && seen['H']:
		return nil, fmt.Sprintf("date pattern %q: h and a go together, in place of H", text), ""
	}
	return elements, "", ""
}

func nextElement(rest string) (e element, size int, message, hint string) {
	c := rest[0]
	if c == '\'' {
		end := strings.IndexByte(rest[1:], '\'')
		if end < 0 {
			return e, 0, "a quote is not closed", ""
		}
		if end == 0 {
			return element{literal: "'"}, 2, "", ""
		}
		return element{literal: rest[1 : 1+end]}, end + 2, "", ""
	}
	if c < 'A' || c > 'z' || c > 'Z' && c < 'a' {
		_, size := utf8.DecodeRuneInString(rest)
		return element{literal: rest[:size]}, size, "", ""
	}
	count := len(rest) - len(strings.TrimLeft(rest, string(rune(c))))
	counts, known := patternLetters[c]
	switch {
	case c == 'T' && count == 1:
		return element{literal: "T"}, 1, "", ""
	case c == 'Y':
		return e, 0, "Y is the year of a week", "write yyyy or yy"
	case !known:
		return e, 0, fmt.Sprintf("unknown letter %q", rest[:count]), "known are yyyy yy M MM MMM MMMM d dd EEE EEEE H HH h hh m mm s ss S SSS a X XXX Z; other letters stand in 'quotes'"
	}
	for _, n := range counts {
		if n == count {
			return element{letter: c, count: count}, count, "", ""
		}
	}
	return e, 0, fmt.Sprintf("%q has the wrong number of letters", rest[:count]), ""
}

// readPattern reads text as the elements of a pattern say.
func readPattern(text string, elements []element) (civil, misfit) {
	s := scan{rest: text}
	var c civil
	var weekday uint16
	unclear := ""
	for i, e := range elements {
		read := false
		switch {
		case e.letter == 'E':
			read = s.weekday(e.words.weekdays, &weekday)
		case e.letter == 'M' && e.count > 2:
			unclear, read = s.month(e.words.months, &c)
		default:
			read = s.element(e, &c)
		}
		switch {
		case !read && e.letter == 'y' && shortYear(s.rest):
			return civil{}, misfit{twoDigitYear, e.shortYear()}
		case !read:
			return check(c, false)
		}
		if e.letter == 'M' && e.count > 2 && !(i+1 < len(elements) && elements[i+1].literal == ".") {
			s.char('.') // of a name cut short: 1 feb. 2024
		}
	}
	if unclear != "" && s.rest == "" {
		return civil{}, misfit{unclearMonth, fmt.Sprintf("%q is month %s", unclear, meanings(unclear))}
	}
	at, miss := check(c, s.rest == "")
	if miss.kind == fitting && weekday != 0 && weekday>>at.weekday()&1 == 0 {
		return civil{}, misfit{impossible, fmt.Sprintf("%s is a %s", at.date(), at.weekday())}
	}
	return at, miss
}

// shortYear says what is wrong with a year of two digits in the place of e.
func (e element) shortYear() string {
	if e.count == 2 {
		return ", and from 70 on it does not say its century"
	}
	return ""
}

func shortYear(rest string) bool {
	year := 0
	s := scan{rest: rest}
	return s.number(&year, 2, 2)
}

func (s *scan) element(e element, c *civil) bool {
	least, most := min(e.count, 2), 2
	switch e.letter {
	case 0:
		return s.word(e.literal)
	case 'y':
		if e.count == 2 {
			return s.yearOfCentury(c)
		}
		return s.digits(&c.year, 4, 4)
	case 'M':
		return s.digits(&c.month, least, most)
	case 'd':
		return s.digits(&c.day, least, most)
	case 'X', 'Z':
		return s.offset(c)
	}
	c.hasTime = true
	switch e.letter {
	case 'H', 'h':
		return s.digits(&c.hour, least, most)
	case 'm':
		return s.digits(&c.min, least, most)
	case 's':
		return s.digits(&c.sec, least, most)
	case 'S':
		return s.fraction(c, e.count, e.count)
	}
	return s.half(c)
}

// yearOfCentury reads a year of two digits, where the mapping says that there is
// one. From 70 on it does not say its century by itself.
func (s *scan) yearOfCentury(c *civil) bool {
	if len(s.rest) < 2 || s.rest[0] > '6' || !s.two(&c.year) {
		return false
	}
	c.year += 2000
	return true
}

// digits reads at most "most" digits and leaves others for what follows, as
// patterns without signs between (yyyyMMdd) need it.
func (s *scan) digits(to *int, least, most int) bool {
	n, i := 0, 0
	for i < len(s.rest) && i < most && s.rest[i] >= '0' && s.rest[i] <= '9' {
		n = n*10 + int(s.rest[i]-'0')
		i++
	}
	if i < least {
		return false
	}
	*to, s.rest = n, s.rest[i:]
	return true
}

// word reads a literal of a pattern; a blank stands for any number of blanks.
func (s *scan) word(literal string) bool {
	if literal == " " || strings.TrimSpace(literal) == "" {
		return s.blanks()
	}
	rest, ok := strings.CutPrefix(s.rest, literal)
	s.rest = rest
	return ok
}
