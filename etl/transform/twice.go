package transform

import (
	"math/bits"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

var twiceText = &flaw{
	code: CodeEncodedTwice, warning: true,
	message: `letters look as if they had been encoded twice ("Ã©" for "é"); the text is written as it stands`,
	hint:    "export the file again, as UTF-8, or mend the encoding with the program that made it",
}

// encodedTwice says whether most of the letters of s beyond ASCII are UTF-8 that
// was read as windows-1252: "lÃ¤uft" for "läuft". The letters that begin such a
// sequence, before a sign that no word has there, hardly stand in real text.
func encodedTwice(s string) bool {
	if !hasSequence(s) {
		return false
	}
	twice, once := 0, 0
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		i += n
		if r < utf8.RuneSelf {
			continue
		}
		if size := sequence(r, s[i:]); size > 0 {
			twice++
			i += size
			continue
		}
		once++
	}
	return twice > once
}

// hasSequence says whether there is a sequence in s. All of them begin with one of
// a few letters, which are looked for eight bytes at a time.
func hasSequence(s string) bool {
	for ; len(s) > 16; s = s[16:] {
		one, two := mayBegin(wordOf(s), wordOf(s[1:])), mayBegin(wordOf(s[8:]), wordOf(s[9:]))
		if one|two != 0 && (sequenceAtAny(one, s) || sequenceAtAny(two, s[8:])) {
			return true
		}
	}
	for ; len(s) > 2; s = s[1:] {
		if s[0] == 0xC3 && sequenceIn(s) {
			return true
		}
	}
	return false
}

// mayBegin has the uppermost bit set of each byte at which a sequence may begin; next is
// each byte's next. The first byte, 0xC3, stands in every second word of many languages,
// mostly before others than these, so that there is no branch for it alone.
func mayBegin(word, next uint64) uint64 {
	return equal(word, 0xC3) & (equal(next&(0xF8*ones), 0x80) | equal(next, 0xA2))
}

// equal has the uppermost bit set of each byte of word that is b, and maybe of some above
// such a byte.
func equal(word uint64, b byte) uint64 {
	word ^= uint64(b) * ones
	return (word - ones) &^ word & tops
}

// sequenceAtAny says whether a sequence begins at one of the bytes of s whose uppermost
// bits are set in marks.
func sequenceAtAny(marks uint64, s string) bool {
	for ; marks != 0; marks &= marks - 1 {
		if sequenceIn(s[bits.TrailingZeros64(marks)/8:]) {
			return true
		}
	}
	return false
}

// sequenceIn says whether s begins with a sequence. Its first byte is 0xC3, as a rule,
// and not its last.
func sequenceIn(s string) bool {
	if !beginsSequence(s[1]) {
		return false
	}
	lead, _ := utf8.DecodeRuneInString(s)
	return sequence(lead, s[2:]) > 0
}

// beginsSequence says whether a letter that begins a sequence has this second byte of
// its UTF-8; the letters of most languages have others.
func beginsSequence(second byte) bool { return second >= 0x82 && second <= 0x85 || second == 0xA2 }

// sequence is how many bytes of rest belong to a letter whose UTF-8 begins with
// lead, all read as windows-1252; 0 if there is none, or none of those that are
// usual: Latin letters and signs, dashes, quotation marks, the euro.
func sequence(lead rune, rest string) int {
	var more int
	switch {
	case lead == 'Â', lead == 'Ã', lead == 'Ä', lead == 'Å':
		more = 1
	case lead == 'â' && (strings.HasPrefix(rest, "€") || strings.HasPrefix(rest, "‚")):
		more = 2
	default:
		return 0
	}
	size := 0
	for range more {
		r, n := utf8.DecodeRuneInString(rest[size:])
		if !continues(r) {
			return 0
		}
		size += n
	}
	return size
}

// continues says whether r is what windows-1252 makes of a byte from 0x80 to 0xBF.
func continues(r rune) bool {
	if r >= 0x80 && r <= 0x9F {
		return true // a byte that windows-1252 leaves undefined
	}
	b, ok := charmap.Windows1252.EncodeRune(r)
	return ok && b >= 0x80 && b <= 0xBF
}
