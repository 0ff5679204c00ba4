package hubspot

import (
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

const ones, tops = 0x0101010101010101, 0x8080808080808080

// verbatim is how many bytes of a text stand in a JSON string as they are: those
// before the first quote, backslash or control character. It looks at eight bytes
// at a time, which takes a fifth of the time.
func verbatim[T string | []byte](text T) int {
	i := 0
	for ; i+8 <= len(text); i += 8 {
		b := text[i : i+8]
		word := uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
			uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
		// The lowest bit that is set belongs to the first such byte; what borrows
		// from above it may be wrong.
		control := (word - ones*' ') &^ word
		quote, backslash := word^ones*'"', word^ones*'\\'
		if found := (control | (quote-ones)&^quote | (backslash-ones)&^backslash) & tops; found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for ; i < len(text); i++ {
		if c := text[i]; c < ' ' || c == '"' || c == '\\' {
			break
		}
	}
	return i
}

// appendUnquoted appends the text of a JSON string, of which raw stands between
// the quotes and is UTF-8, as encoding/json reads it. It is false if it is none.
func appendUnquoted(b, raw []byte) ([]byte, bool) {
	for {
		n := verbatim(raw)
		b, raw = append(b, raw[:n]...), raw[n:]
		if len(raw) == 0 {
			return b, true
		}
		if raw[0] != '\\' || len(raw) < 2 {
			return b, false
		}
		c := raw[1]
		raw = raw[2:]
		switch c {
		case '"', '\\', '/':
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'u':
			r, size := escapedRune(raw)
			if size == 0 {
				return b, false
			}
			b, raw = utf8.AppendRune(b, r), raw[size:]
			continue
		default:
			return b, false
		}
		b = append(b, c)
	}
}

// escapedRune reads the digits after \u, and the second half of a pair, if one
// follows. It is U+FFFD for half a pair, and of size 0 without four digits.
func escapedRune(raw []byte) (r rune, size int) {
	r, ok := hex4(raw)
	if !ok {
		return 0, 0
	}
	if !utf16.IsSurrogate(r) {
		return r, 4
	}
	if len(raw) >= 6 && raw[4] == '\\' && raw[5] == 'u' {
		if low, ok := hex4(raw[6:]); ok {
			if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
				return pair, 10
			}
		}
	}
	return utf8.RuneError, 4
}

func hex4(raw []byte) (r rune, ok bool) {
	if len(raw) < 4 {
		return 0, false
	}
	for _, c := range raw[:4] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}
