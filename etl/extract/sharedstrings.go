package extract

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

const (
	sharedInMemory = 32 << 20   // bytes of shared strings kept in memory; the rest goes to a file
	sharedMost     = 10_000_000 // strings; a sheet has room for more cells, but not with a text of its own each
)

// sharedStrings are the texts that a workbook's cells refer to by number.
type sharedStrings struct {
	memory  string
	offsets []int64 // where each text begins, and where the last one ends
	spill   *os.File
}

// readSharedStrings reads the named part; "" is a workbook without one.
func readSharedStrings(p parts, name string, limits Limits) (s *sharedStrings, err error) {
	s = &sharedStrings{offsets: []int64{0}}
	if name == "" {
		return s, nil
	}
	x, err := p.stream(name, limits.MaxUnzipped)
	if err != nil {
		return nil, err
	}
	defer x.close()
	if err := s.read(x, limits.MaxField); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *sharedStrings) read(x *xmlStream, most int) error {
	var memory strings.Builder
	for {
		t, err := x.token()
		if errors.Is(err, io.EOF) {
			s.memory = memory.String()
			return nil
		}
		if err != nil {
			return err
		}
		if e, ok := t.(xml.StartElement); !ok || e.Name.Local != "si" {
			continue
		}
		text, err := x.richText("si", most)
		if err != nil {
			return err
		}
		if err := s.add(&memory, text); err != nil {
			return err
		}
	}
}

// add keeps text in memory or, once that is full, in a file.
func (s *sharedStrings) add(memory *strings.Builder, text string) error {
	if len(s.offsets) > sharedMost {
		return fmt.Errorf("the workbook has more than %d different texts", sharedMost)
	}
	s.offsets = append(s.offsets, s.offsets[len(s.offsets)-1]+int64(len(text)))
	if s.spill == nil && memory.Len()+len(text) <= sharedInMemory {
		memory.WriteString(text)
		return nil
	}
	if s.spill == nil {
		file, err := os.CreateTemp("", "ticketetl-*")
		if err != nil {
			return fmt.Errorf("the workbook's texts are kept in a file: %w", err)
		}
		s.spill = file
	}
	if _, err := s.spill.WriteString(text); err != nil {
		return fmt.Errorf("the workbook's texts are kept in a file: %w", err)
	}
	return nil
}

// get returns the text that a cell's value refers to.
func (s *sharedStrings) get(value string) (string, error) {
	i, err := strconv.Atoi(strings.TrimSpace(value))
	if err != nil || i < 0 || i >= len(s.offsets)-1 {
		return "", fmt.Errorf("shared text %q is not there; the workbook is damaged: open it in a spreadsheet program and save it again", clip([]byte(value)))
	}
	from, to := s.offsets[i], s.offsets[i+1]
	inMemory := int64(len(s.memory))
	if to <= inMemory {
		return s.memory[from:to], nil
	}
	text := make([]byte, to-from)
	if _, err := s.spill.ReadAt(text, from-inMemory); err != nil {
		return "", fmt.Errorf("the workbook's texts are kept in a file: %w", err)
	}
	return string(text), nil
}

func (s *sharedStrings) close() error {
	s.memory, s.offsets = "", nil
	if s.spill == nil {
		return nil
	}
	err := s.spill.Close()
	return errors.Join(err, os.Remove(s.spill.Name()))
}

// unescape decodes _x000D_ and the like, with which workbooks write characters
// that XML cannot hold.
//
// Source: ECMA-376 part 1, 22.9.2.19 (ST_Xstring).
func unescape(s string) string {
	i := strings.Index(s, "_x")
	if i < 0 {
		return s
	}
	var b strings.Builder
	for ; i >= 0; i = strings.Index(s, "_x") {
		b.WriteString(s[:i])
		s = s[i:]
		r, size := escaped(s)
		if size == 0 {
			r, size = '_', 1
		}
		b.WriteRune(r)
		s = s[size:]
	}
	b.WriteString(s)
	return b.String()
}

// escaped reads the escape, or the two of one character beyond the first 65,536,
// with which s begins; size 0 means that there is none.
func escaped(s string) (r rune, size int) {
	first, ok := escapeUnit(s)
	switch {
	case !ok:
		return 0, 0
	case !utf16.IsSurrogate(first):
		return first, escapeSize
	}
	second, ok := escapeUnit(s[escapeSize:])
	if r = utf16.DecodeRune(first, second); !ok || r == utf8.RuneError {
		return 0, 0
	}
	return r, 2 * escapeSize
}

const escapeSize = len("_x0000_")

func escapeUnit(s string) (rune, bool) {
	if len(s) < escapeSize || s[:2] != "_x" || s[escapeSize-1] != '_' {
		return 0, false
	}
	code, err := strconv.ParseUint(s[2:escapeSize-1], 16, 16)
	return rune(code), err == nil
}
