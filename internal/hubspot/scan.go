package hubspot

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// decodeWritten reads what pair needs of a batch answer. The usual answer is
// scanned without reading the properties that HubSpot sends along, which are
// most of its bytes; encoding/json reads, or refuses, any other.
func decodeWritten(data []byte) (results []written, errs json.RawMessage, err error) {
	s := scanner{data: data}
	if s.answer() {
		return s.results, s.errs, nil
	}
	var w struct {
		Results []written       `json:"results"`
		Errors  json.RawMessage `json:"errors"`
	}
	err = json.Unmarshal(data, &w)
	return w.Results, w.Errors, err
}

// A scanner walks over a batch answer. Its methods say whether all was as
// usual; what is skipped is only followed to its end, not checked, so that an
// answer that is cut off or not balanced is never usual.
type scanner struct {
	data    []byte
	src     string // data, if it is valid UTF-8: keys are parts of it, instead of copies
	at      int
	results []written
	errs    json.RawMessage
}

func (s *scanner) answer() bool {
	seen := 0
	ok := s.object(func(key string) bool {
		switch {
		case key == "results":
			seen++
			return s.list()
		case key == "errors":
			start := s.at
			if !s.skip() {
				return false
			}
			s.errs = s.data[start:s.at]
			return json.Valid(s.errs)
		case strings.EqualFold(key, "results"), strings.EqualFold(key, "errors"):
			return false
		}
		return s.skip()
	})
	s.next()
	return ok && seen == 1 && s.at == len(s.data)
}

func (s *scanner) list() bool {
	if !s.take('[') {
		return false
	}
	if s.take(']') {
		return true
	}
	for {
		var w written
		if !s.object(func(key string) bool { return s.field(&w, key) }) {
			return false
		}
		s.results = append(s.results, w)
		if s.take(']') {
			return true
		}
		if !s.take(',') {
			return false
		}
	}
}

func (s *scanner) field(w *written, key string) bool {
	switch key {
	case "id":
		text, ok := s.text()
		w.ID = flexID(text)
		return ok
	case "objectWriteTraceId":
		text, ok := s.text()
		w.Trace = text
		return ok
	case "new":
		start := s.at
		ok := s.skip()
		w.New = string(s.data[start:s.at]) == "true"
		return ok && (w.New || string(s.data[start:s.at]) == "false")
	}
	for _, name := range []string{"id", "objectWriteTraceId", "new"} {
		if strings.EqualFold(key, name) {
			return false
		}
	}
	return s.skip()
}

// object calls field for each key, with the scanner at its value.
func (s *scanner) object(field func(key string) bool) bool {
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
func (s *scanner) text() (string, bool) {
	start := s.at
	if !s.skipString() {
		return "", false
	}
	raw := s.data[start+1 : s.at-1]
	for _, c := range raw {
		if c < ' ' || c == '\\' {
			return "", false
		}
	}
	if s.src != "" {
		return s.src[start+1 : s.at-1], true
	}
	return string(raw), utf8.Valid(raw)
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
	for s.at < len(s.data) && !bytes.ContainsRune([]byte(",]} \t\r\n"), rune(s.data[s.at])) {
		s.at++
	}
	return s.at > start && json.Valid(s.data[start:s.at])
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
