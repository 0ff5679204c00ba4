package extract

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/wlynxg/chardet"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
)

// A legacy charset is one from before Unicode. Any bytes can be read as almost
// any of them, so whether one is right shows only in the text that comes out.
type legacy struct {
	name      string
	dec       encoding.Encoding
	alphabets []string              // of Latin scripts: the letters beyond ASCII of each language
	scripts   []*unicode.RangeTable // of others
	usual     func(r rune) bool     // of those with thousands of letters: those in everyday use
}

// western are the letters beyond ASCII of Portuguese, Spanish, Catalan, French,
// German, Italian, Swedish and Finnish, Dutch (twice), Danish and Norwegian.
var western = []string{
	"áâãàçéêíóôõúü", "áéíóúüñ", "àçèéíïòóúü", "àâæçéèêëîïôœùûü", "äöüß", "àèéìíîòóùú", "åäö", "ëïöü", "áéíóúèê", "æøåéóôêè",
}

// central are those of Polish, Czech, Slovak, Hungarian, Romanian, and Croatian
// and Slovene.
var central = []string{"ąćęłńóśźż", "áčďéěíňóřšťúůýž", "áäčďéíĺľňóôŕšťúýž", "áéíóöőúüű", "ăâîșțşţ", "čćđšž"}

var (
	turkish = []string{"çğıöşüâîûi̇"}
	baltic  = []string{"ąčęėįšųūž", "āčēģīķļņšūž", "äõöüšž"}
)

var windows1252 = legacy{name: "windows-1252", dec: charmap.Windows1252, alphabets: western}

// candidates are what a file may have in place of windows-1252, the likelier
// ones of a kind first.
var candidates = []legacy{
	{name: "windows-1250", dec: charmap.Windows1250, alphabets: central},
	{name: "iso-8859-2", dec: charmap.ISO8859_2, alphabets: central},
	{name: "windows-1251", dec: charmap.Windows1251, scripts: []*unicode.RangeTable{unicode.Cyrillic}},
	{name: "koi8-r", dec: charmap.KOI8R, scripts: []*unicode.RangeTable{unicode.Cyrillic}},
	{name: "ibm866", dec: charmap.CodePage866, scripts: []*unicode.RangeTable{unicode.Cyrillic}},
	{name: "windows-1253", dec: charmap.Windows1253, scripts: []*unicode.RangeTable{unicode.Greek}},
	{name: "windows-1254", dec: charmap.Windows1254, alphabets: turkish},
	{name: "windows-1255", dec: charmap.Windows1255, scripts: []*unicode.RangeTable{unicode.Hebrew}},
	{name: "windows-1256", dec: charmap.Windows1256, scripts: []*unicode.RangeTable{unicode.Arabic}},
	{name: "windows-1257", dec: charmap.Windows1257, alphabets: baltic},
	{name: "iso-8859-15", dec: charmap.ISO8859_15, alphabets: western},
	{name: "macintosh", dec: charmap.Macintosh, alphabets: western},
	{name: "ibm850", dec: charmap.CodePage850, alphabets: western},
	{name: "shift_jis", dec: japanese.ShiftJIS, usual: usualJapanese},
	{name: "euc-jp", dec: japanese.EUCJP, usual: usualJapanese},
	{name: "euc-kr", dec: korean.EUCKR, usual: func(r rune) bool { return unicode.Is(unicode.Hangul, r) }},
	{name: "gb18030", dec: simplifiedchinese.GB18030, usual: usualSimplified},
	{name: "big5", dec: traditionalchinese.Big5, usual: usualTraditional},
	{name: "iso-8859-5", dec: charmap.ISO8859_5, scripts: []*unicode.RangeTable{unicode.Cyrillic}},
	{name: "iso-8859-7", dec: charmap.ISO8859_7, scripts: []*unicode.RangeTable{unicode.Greek}},
	{name: "windows-874", dec: charmap.Windows874, scripts: []*unicode.RangeTable{unicode.Thai}},
}

// usualJapanese: Japanese is told from Chinese and Korean by its kana.
func usualJapanese(r rune) bool { return unicode.In(r, unicode.Hiragana, unicode.Katakana) }

// usualSimplified and usualTraditional: these charsets sort their letters by how
// usual they are.
func usualSimplified(r rune) bool  { return leadByte(simplifiedchinese.GBK, r, 0xB0, 0xD7) }
func usualTraditional(r rune) bool { return leadByte(traditionalchinese.Big5, r, 0xA4, 0xC6) }

func leadByte(enc encoding.Encoding, r rune, least, most byte) bool {
	if !unicode.Is(unicode.Han, r) {
		return false
	}
	b, err := enc.NewEncoder().Bytes(utf8.AppendRune(nil, r))
	return err == nil && len(b) == 2 && b[0] >= least && b[0] <= most
}

// A reading is how bytes look when they are read in a legacy charset.
type reading struct {
	good, bad int    // words and signs, those with letters beyond ASCII
	example   string // the first that is bad, with what stands beside it
	word      string // the first that is good, likewise
}

// plausible: one oddity may stand among twenty words that are as they should be.
func (r reading) plausible() bool { return r.bad*20 <= r.good }

// read judges text, the bytes of which are in an unknown charset.
func (l legacy) read(text []byte) reading {
	decoded, err := l.dec.NewDecoder().Bytes(text)
	if err != nil {
		return reading{bad: 1}
	}
	var result reading
	runes := []rune(string(decoded))
	for at := 0; at < len(runes); {
		if runes[at] < utf8.RuneSelf && !isWordRune(runes[at]) {
			at++
			continue
		}
		end, verdict := l.piece(runes, at)
		switch {
		case verdict > 0:
			result.good += verdict
			if result.word == "" {
				result.word = around(runes, at, end)
			}
		case verdict < 0:
			result.bad -= verdict
			if result.example == "" {
				result.example = around(runes, at, end)
			}
		}
		at = end
	}
	return result
}

// piece judges the word or sign at at: more than 0 is good, 0 says nothing.
func (l legacy) piece(runes []rune, at int) (end, verdict int) {
	if !isWordRune(runes[at]) {
		if oddSign(runes, at) {
			return at + 1, -1
		}
		return at + 1, 0
	}
	for end = at; end < len(runes) && isWordRune(runes[end]); end++ {
	}
	word := runes[at:end]
	if !slices.ContainsFunc(word, beyondASCII) {
		return end, 0
	}
	switch {
	case l.usual != nil:
		return end, l.letters(word)
	case l.scripts != nil:
		return end, verdictOf(l.oneScript(word) && evenCase(word), len(word) > 1)
	}
	return end, verdictOf(l.spelled(word) && evenCase(word), len(word) > 1)
}

func verdictOf(good, telling bool) int {
	switch {
	case !good:
		return -1
	case telling:
		return 1
	}
	return 0
}

func beyondASCII(r rune) bool { return r >= utf8.RuneSelf }

// isWordRune: letters and what is put on them, but not the signs that Unicode
// counts among the letters.
func isWordRune(r rune) bool {
	return r < utf8.RuneSelf && unicode.IsLetter(r) ||
		r >= utf8.RuneSelf && (unicode.IsLetter(r) || unicode.Is(unicode.Mn, r)) && !strings.ContainsRune("ªºµƒˆˇ", r)
}

// letters counts the letters in everyday use, less the others. Kanji say
// nothing beside kana, and half-width kana do not stand beside them.
func (l legacy) letters(word []rune) (n int) {
	half := 0
	for _, r := range word {
		switch {
		case r < utf8.RuneSelf:
		case l.usual(r):
			n++
		case !strings.Contains(l.name, "jp") && !strings.Contains(l.name, "jis"), !unicode.Is(unicode.Han, r):
			n--
		}
		if r >= 0xFF61 && r <= 0xFF9F {
			half++
		}
	}
	if half > 0 && half < len(word) {
		return -half
	}
	return n
}

func (l legacy) oneScript(word []rune) bool {
	return !unicode.Is(unicode.Mn, word[0]) && !slices.ContainsFunc(word, func(r rune) bool {
		return r < utf8.RuneSelf || !unicode.In(r, l.scripts...) && !unicode.Is(unicode.Inherited, r)
	})
}

// evenCase: no capital stands among small letters, nor a small letter with an
// accent among capitals (STRAßE is written so).
func evenCase(word []rune) bool {
	for i, r := range word {
		if r < utf8.RuneSelf {
			continue
		}
		before, after := i > 0 && unicode.IsUpper(word[i-1]), i+1 < len(word) && unicode.IsUpper(word[i+1])
		switch {
		case unicode.IsUpper(r) && i > 0 && !before:
			return false
		case unicode.IsUpper(r) && before && i+1 < len(word) && !after && word[i+1] != 'ß':
			return false
		case unicode.IsLower(r) && after && r != 'ß':
			return false
		}
	}
	return true
}

// spelled says whether one language has all letters of word, as they stand.
func (l legacy) spelled(word []rune) bool {
	small := []rune(strings.ToLower(string(word)))
	return slices.ContainsFunc(l.alphabets, func(alphabet string) bool {
		return !slices.ContainsFunc(small, func(r rune) bool { return r >= utf8.RuneSelf && !strings.ContainsRune(alphabet, r) })
	}) && (&l.alphabets[0] != &western[0] || westernWord(small))
}

// westernPairs are the letters beyond ASCII that stand side by side.
var westernPairs = []string{
	"çã", "çõ", "çá", "çà", "çâ", "çê", "çé", "çó", "çô", "çú", "çû", "éé", "éâ", "éô", "éà", "ää", "öö", "äö", "öä", "üü", "üß", "öß", "äß",
	"óó", "ñó", "ñá", "ñé", "ñí", "ñú", "øø", "øå", "åø", "ïè", "ïé", "åå", "üí", "üè", "üé",
}

// westernWord finds what stands in no word of a western language: other
// charsets have those letters too, but in other places.
func westernWord(small []rune) bool {
	run := 0
	for i, r := range small {
		last := i+1 == len(small)
		if r < utf8.RuneSelf {
			run = 0
			continue
		}
		run++
		switch {
		case run > 2, run == 2 && !slices.Contains(westernPairs, string(small[i-1:i+1])), run == len(small) && last && run > 1:
			return run == len(small) && run == 2 && slices.Contains(westernPairs, string(small))
		case !westernLetter(small, i):
			return false
		}
	}
	return true
}

// westernLetter says whether the letter at i stands where western languages
// have it. Others have in its code a letter of their own: è is č, ã is ă, õ is ő.
func westernLetter(small []rune, i int) bool {
	before, after := neighbour(small, i-1), neighbour(small, i+1)
	follows := func(letters string) bool { return strings.ContainsRune(letters, after) }
	switch small[i] {
	case 'ì', 'ù':
		return after == ' '
	case 'õ':
		return after == 'e'
	case 'ã':
		return follows(" oeiz") || after == 's' && i+2 == len(small)
	case 'ñ':
		return follows("aeiouáéíóú")
	case 'è':
		return !follows("aeiouyàáéíóú")
	case 'æ':
		return !follows("aiouá")
	case 'ü':
		alone := !slices.ContainsFunc(small, func(r rune) bool { return strings.ContainsRune("áàâãéèêíìîóòôõúùû", r) })
		return alone || before == 'g' || before == 'q'
	}
	return true
}

// oddSign says whether the sign at at stands where people do not put it.
func oddSign(runes []rune, at int) bool {
	r, before, after := runes[at], neighbour(runes, at-1), neighbour(runes, at+1)
	word, next := unicode.IsLetter(before), unicode.IsLetter(after)
	inside := word && next
	switch {
	case r == '—' && unicode.IsLower(before) && after == 'n' && !unicode.IsLetter(neighbour(runes, at+2)):
		return true // the ó of a Mac: conexi—n
	case r == utf8.RuneError, r >= 0x80 && r < 0xA0, r == '¤':
		return true
	case strings.ContainsRune("'’‘—…´\u00a0\u00ad\u200b", r):
		return false
	case beyondASCII(before) && word, beyondASCII(after) && next:
		if strings.ContainsRune("¦¨ª¬¯±²³µ¶·¸¹º¼½¾×÷¢£¥§", r) {
			return true
		}
	}
	switch {
	case strings.ContainsRune("¦¨¬¯¶¸ˆˇ˘˙˛˝˜†‡ƒ‰¹", r):
		return word || next
	case r == '²':
		return next
	case r == '³': // the ł of Polish
		return next || word && !strings.ContainsRune("mM", before)
	case strings.ContainsRune("¿¡‚„§µ", r):
		return word
	case strings.ContainsRune("¼½¾", r):
		return word || next && !unicode.IsDigit(before)
	case strings.ContainsRune("‹›«»–", r):
		return unicode.IsLower(before) && unicode.IsLower(after)
	case r == '·':
		return inside && before != 'l' && before != 'L'
	case r == '×', r == '°' && strings.ContainsRune("nNrR", before):
		return false
	case r >= 0x2190: // arrows, mathematics, frames
		return word || next
	}
	return inside
}

func neighbour(runes []rune, i int) rune {
	if i < 0 || i >= len(runes) {
		return ' '
	}
	return runes[i]
}

// around shows a piece with the words beside it.
func around(runes []rune, at, end int) string {
	const most = 24
	isEdge := func(r rune) bool { return strings.ContainsRune("\n\r\t,;|\"", r) }
	from, to := at, end
	for from > 0 && at-from < most && !isEdge(runes[from-1]) {
		from--
	}
	for to < len(runes) && to-end < most && !isEdge(runes[to]) {
		to++
	}
	return strings.TrimSpace(string(runes[from:to]))
}

// A candidate is a charset and how a text reads in it.
type candidate struct {
	legacy
	reading
}

// likely are the charsets in which text reads well, the best first.
func likely(text []byte) []candidate {
	var found []candidate
	for _, l := range candidates {
		if r := l.read(text); r.good > 0 && r.bad*5 <= r.good {
			found = append(found, candidate{l, r})
		}
	}
	slices.SortStableFunc(found, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.bad*b.good, b.bad*a.good), cmp.Compare(b.good, a.good))
	})
	return found
}

const (
	fewestLetters = 20  // bytes beyond ASCII that a text must have for its charset to be told
	surely        = 0.9 // confidence of the detector below which it may err
)

// detectCharset tells the charset of text if two witnesses agree on it: a
// detector that knows how often letters follow each other, and the words that
// come out. Either alone takes one charset for another now and then
// (docs/reading.md has figures).
func detectCharset(text []byte, found []candidate) (c candidate, confidence float64, ok bool) {
	if len(found) == 0 || countLetters(text) < fewestLetters {
		return c, 0, false
	}
	told := chardet.Detect(text)
	for i, c := range found {
		if c.is(told.Charset) && (i == 0 || told.Confidence >= surely) {
			c, ok = usualOf(text, c, found)
			return c, told.Confidence, ok
		}
	}
	return c, 0, false
}

// usualOf is the first charset for the letters of c in which text is the same:
// ISO and Windows have some that differ in a few letters only. ok is false if it
// reads no worse in one of them and otherwise.
func usualOf(text []byte, c candidate, found []candidate) (usual candidate, ok bool) {
	own, _ := c.dec.NewDecoder().Bytes(text)
	usual = c
	for i := len(found) - 1; i >= 0; i-- {
		other := found[i]
		if !other.akin(c.legacy) || other.bad > c.bad {
			continue
		}
		theirs, _ := other.dec.NewDecoder().Bytes(text)
		if !bytes.Equal(own, theirs) {
			return c, false
		}
		usual = other
	}
	return usual, true
}

// is says whether the detector's charset is l, or a part of it.
func (l legacy) is(charset string) bool {
	switch strings.ToLower(charset) {
	case "gb2312", "gbk":
		return l.name == "gb18030"
	case "cp932":
		return l.name == "shift_jis"
	case "cp949":
		return l.name == "euc-kr"
	}
	enc, err := htmlindex.Get(charset)
	return err == nil && enc == l.dec
}

// akin says whether both are for the same letters.
func (l legacy) akin(other legacy) bool {
	if l.name == other.name {
		return true
	}
	if l.scripts != nil && other.scripts != nil {
		return l.scripts[0] == other.scripts[0]
	}
	return l.alphabets != nil && other.alphabets != nil
}

func countLetters(text []byte) (n int) {
	for _, b := range text {
		if b >= utf8.RuneSelf {
			n++
		}
	}
	return n
}

// stateIt is how people are told to state an encoding.
func stateIt(found []candidate) string {
	const how = "state the file's encoding (source.encoding or --encoding)"
	if len(found) == 0 {
		return how + ", e.g. windows-1250, windows-1251 or shift_jis"
	}
	var names []string
	for _, c := range found[:min(len(found), 4)] {
		names = append(names, c.name)
	}
	return how + ", likely " + strings.Join(names, " or ")
}

// notWestern refuses text that is no more windows-1252 than UTF-8.
func notWestern(found []candidate, example string) error {
	return fmt.Errorf("the encoding cannot be told: it is not UTF-8, and read as windows-1252 it has words such as %q; %s (windows-1252, if these words are right)", example, stateIt(found))
}
