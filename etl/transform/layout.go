package transform

// A layout is a date pattern in which everything has its place, as most have:
// yyyy-MM-dd HH:mm:ss. Reading a text by its places takes a quarter of the time of
// reading it piece by piece, and what a layout does not fit is read that way.
type layout struct {
	size    int
	numbers []layoutNumber
	signs   []layoutSign
	timed   bool // it has a time of day
}

type layoutNumber struct {
	at, size int
	letter   byte
}

type layoutSign struct {
	at   int
	sign byte
}

// layoutOf is the layout of a pattern; nil if it has none.
func layoutOf(elements []element) *layout {
	l := &layout{}
	for _, e := range elements {
		size := e.count
		switch {
		case e.letter == 0 && len(e.literal) == 1 && e.literal[0] < 0x80:
			l.signs = append(l.signs, layoutSign{l.size, e.literal[0]})
			size = 1
		case e.letter == 'y' && size == 4, oneOfLetters(e.letter, "MdHms") && size == 2:
			l.numbers = append(l.numbers, layoutNumber{l.size, size, e.letter})
			l.timed = l.timed || oneOfLetters(e.letter, "Hms")
		default:
			return nil
		}
		l.size += size
	}
	return l
}

func oneOfLetters(c byte, letters string) bool {
	for i := range len(letters) {
		if letters[i] == c {
			return true
		}
	}
	return false
}

// mustLayouts are those of patterns that have one.
func mustLayouts(patterns ...string) []*layout {
	all := make([]*layout, len(patterns))
	for i, pattern := range patterns {
		elements, _, _ := parsePattern(pattern)
		if all[i] = layoutOf(elements); all[i] == nil {
			panic(pattern + " has no layout")
		}
	}
	return all
}

// read reads text if it has exactly this form. There may be no such date.
func (l *layout) read(text string) (c civil, ok bool) {
	if len(text) != l.size {
		return c, false
	}
	for _, s := range l.signs {
		if text[s.at] != s.sign {
			return c, false
		}
	}
	for _, n := range l.numbers {
		value := 0
		for i := range n.size {
			digit := text[n.at+i] - '0'
			if digit > 9 {
				return c, false
			}
			value = value*10 + int(digit)
		}
		c.set(n.letter, value)
	}
	c.hasTime = l.timed
	return c, true
}

// set sets the part that a letter of a pattern stands for.
func (c *civil) set(letter byte, value int) {
	switch letter {
	case 'y':
		c.year = value
	case 'M':
		c.month = value
	case 'd':
		c.day = value
	case 'H':
		c.hour = value
	case 'm':
		c.min = value
	case 's':
		c.sec = value
	}
}

// byLayout reads text by the one of layouts that it fits, and else by slowly.
func byLayout(text string, layouts []*layout, slowly func(string) (civil, misfit)) (civil, misfit) {
	for _, l := range layouts {
		if c, ok := l.read(text); ok {
			return check(c, true)
		}
	}
	return slowly(text)
}
