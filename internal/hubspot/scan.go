package hubspot

import (
	"bytes"
	"encoding/json"
	"slices"
	"unicode/utf8"
)

// decodeWritten reads what pair needs of a batch answer. The usual answer is
// scanned without reading the properties that HubSpot sends along, which are
// most of its bytes; encoding/json reads, or refuses, any other.
func decodeWritten(targets []target, data []byte) (results []written, errs json.RawMessage, err error) {
	a := answerScanner{scanner: scanner{data: data}, targets: targets, results: make([]written, 0, len(targets))}
	if a.answer() {
		return a.results, a.errs, nil
	}
	var w struct {
		Results []written       `json:"results"`
		Errors  json.RawMessage `json:"errors"`
	}
	err = json.Unmarshal(data, &w)
	return w.Results, w.Errors, err
}

// A scanner walks over an answer. Its methods say whether all was as usual; what
// is skipped is only followed to its end, not checked, so that an answer that is
// cut off or not balanced is never usual.
type scanner struct {
	data  []byte
	valid bool // data is known to be UTF-8
	at    int
}

// An answerScanner reads a batch answer.
type answerScanner struct {
	scanner
	targets []target
	results []written
	errs    json.RawMessage
}

func (a *answerScanner) answer() bool {
	seen := 0
	ok := a.object(func(key []byte) bool {
		switch string(key) {
		case "results":
			seen++
			return a.list(a.record)
		case "errors":
			start := a.at
			if !a.skip() {
				return false
			}
			a.errs = a.data[start:a.at]
			return json.Valid(a.errs)
		}
		return a.pass(key, "results", "errors")
	})
	return ok && seen == 1 && a.ended()
}

func (a *answerScanner) record() bool {
	a.results = append(a.results, written{})
	return a.object(a.field)
}

func (a *answerScanner) field(key []byte) bool {
	w := &a.results[len(a.results)-1]
	switch string(key) {
	case "id":
		text, ok := a.text()
		w.ID = flexID(text)
		return ok
	case "objectWriteTraceId":
		text, ok := a.text()
		w.Trace = a.trace(text)
		return ok
	case "new":
		start := a.at
		ok := a.skip()
		w.New = string(a.data[start:a.at]) == "true"
		return ok && (w.New || string(a.data[start:a.at]) == "false")
	}
	return a.pass(key, "id", "objectWriteTraceId", "new")
}

// trace is text, without a copy where the answer is in the order of the inputs.
func (a *answerScanner) trace(text []byte) string {
	if i := len(a.results) - 1; i < len(a.targets) && a.targets[i].trace == string(text) {
		return a.targets[i].trace
	}
	return string(text)
}

// list reads an array, with item at each of its values.
func (s *scanner) list(item func() bool) bool {
	if !s.take('[') {
		return false
	}
	if s.take(']') {
		return true
	}
	for {
		s.next()
		if !item() {
			return false
		}
		if s.take(']') {
			return true
		}
		if !s.take(',') {
			return false
		}
	}
}

// object calls field for each key, with the scanner at its value.
func (s *scanner) object(field func(key []byte) bool) bool {
	if !s.take('{') {
		return false
	}
	if s.take('}') {
		return true
	}
	for {
		s.next()
		key, ok := s.text()
		if !ok || !s.take(':') {
			return false
		}
		s.next()
		if !field(key) {
			return false
		}
		if s.take('}') {
			return true
		}
		if !s.take(',') {
			return false
		}
	}
}

// pass skips the value of a key that means nothing here. One that encoding/json
// would take for a known one is not usual.
func (s *scanner) pass(key []byte, known ...string) bool {
	return !slices.ContainsFunc(known, func(name string) bool { return bytes.EqualFold([]byte(name), key) }) && s.skip()
}

// ended says that nothing but blanks follows.
func (s *scanner) ended() bool {
	s.next()
	return s.at == len(s.data)
}

// next passes blanks and returns the byte after them, 0 at the end.
func (s *scanner) next() byte {
	for ; s.at < len(s.data); s.at++ {
		switch c := s.data[s.at]; c {
		case ' ', '\t', '\r', '\n':
		default:
			return c
		}
	}
	return 0
}

func (s *scanner) take(c byte) bool {
	if s.next() != c {
		return false
	}
	s.at++
	return true
}

// text reads a string that needs no decoding.
func (s *scanner) text() ([]byte, bool) {
	raw, plain, ok := s.quoted()
	return raw, ok && plain && (s.valid || utf8.Valid(raw))
}

// quoted passes a string and gives what stands between its quotes; plain says that
// it holds no escapes and no control characters, and so is its text.
func (s *scanner) quoted() (raw []byte, plain, ok bool) {
	if s.at >= len(s.data) || s.data[s.at] != '"' {
		return nil, false, false
	}
	start := s.at + 1
	plain = true
	for at := start; ; plain = false {
		at += verbatim(s.data[at:])
		switch {
		case at >= len(s.data):
			return nil, false, false
		case s.data[at] == '"':
			s.at = at + 1
			return s.data[start:at], plain, true
		case s.data[at] == '\\':
			at++
		}
		at++ // a control character, too, is for those to judge that want the text
		if at > len(s.data) {
			return nil, false, false
		}
	}
}

func (s *scanner) skipString() bool {
	if s.at >= len(s.data) || s.data[s.at] != '"' {
		return false
	}
	for from := s.at + 1; ; {
		n := bytes.IndexByte(s.data[from:], '"')
		if n < 0 {
			return false
		}
		end := from + n
		slashes := 0
		for i := end - 1; i > s.at && s.data[i] == '\\'; i-- {
			slashes++
		}
		from = end + 1
		if slashes%2 == 0 {
			s.at = from
			return true
		}
	}
}

// skip passes one value, with the scanner at its first byte.
func (s *scanner) skip() bool {
	switch s.next() {
	case 0:
		return false
	case '"':
		return s.skipString()
	case '{', '[':
		return s.skipNested()
	}
	start := s.at
	for s.at < len(s.data) && !endsLiteral(s.data[s.at]) {
		s.at++
	}
	switch literal := s.data[start:s.at]; string(literal) {
	case "null", "true", "false":
		return true
	default:
		return json.Valid(literal)
	}
}

func endsLiteral(c byte) bool {
	switch c {
	case ',', ']', '}', ' ', '\t', '\r', '\n':
		return true
	}
	return false
}

func (s *scanner) skipNested() bool {
	depth := 0
	for s.at < len(s.data) {
		switch s.data[s.at] {
		case '"':
			if !s.skipString() {
				return false
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		s.at++
		if depth == 0 {
			return true
		}
	}
	return false
}
