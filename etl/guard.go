package etl

import "strings"

// GuardCell makes text safe to open in a spreadsheet program, which would run
// a cell that begins with = + - @ as a formula: such text gets an apostrophe
// in front. Plain numbers, negative ones too, stay as they are. UnguardCell
// undoes it exactly.
func GuardCell(s string) string {
	if needsGuard(s) {
		return "'" + s
	}
	return s
}

// UnguardCell returns what GuardCell was given.
func UnguardCell(s string) string {
	if strings.HasPrefix(s, "'") && needsGuard(s[1:]) {
		return s[1:]
	}
	return s
}

func needsGuard(s string) bool {
	if s == "" || strings.IndexByte("'=+-@\t\r\n", s[0]) < 0 {
		return false // nearly always
	}
	rest := strings.TrimLeft(s, "'")
	if rest == "" || !strings.ContainsRune("=+-@\t\r\n", rune(rest[0])) {
		return false
	}
	return len(rest) < len(s) || !isPlainNumber(rest)
}

func isPlainNumber(s string) bool {
	digits := strings.TrimPrefix(s, "-")
	dot := false
	for i := range len(digits) {
		switch c := digits[i]; {
		case c >= '0' && c <= '9':
		case c == '.' && !dot && i > 0 && i < len(digits)-1:
			dot = true
		default:
			return false
		}
	}
	return digits != ""
}
