package journal

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"unicode/utf8"

	"github.com/ticketetl/ticketetl/etl"
)

// PayloadHash tells apart what is sent for a record: its key, properties and
// references as the mapping made them, not the ids that were looked up. It is
// the first 64 bits of a SHA-256, so it is the same in every run.
func PayloadHash(rec *etl.Record) uint64 {
	buf := make([]byte, 0, 1024)
	buf = appendHashed(buf, rec.Key)
	buf = binary.AppendUvarint(buf, uint64(len(rec.Properties)))
	for _, p := range rec.Properties {
		buf = appendHashed(appendHashed(buf, p.Name), p.Value)
	}
	for _, r := range rec.References {
		for _, part := range []string{r.To, r.Match, r.Value, r.Category} {
			buf = appendHashed(buf, part)
		}
		buf = binary.AppendUvarint(buf, uint64(r.TypeID))
	}
	sum := sha256.Sum256(buf)
	return binary.BigEndian.Uint64(sum[:8])
}

// appendHashed puts the length first, so that "ab","c" is not "a","bc".
func appendHashed(buf []byte, s string) []byte {
	return append(binary.AppendUvarint(buf, uint64(len(s))), s...)
}

// An encoder makes the JSON of the columns records and outcomes; see tables.
type encoder struct {
	buf []byte
}

func (e *encoder) done() []byte {
	if e.buf == nil {
		return []byte("[]")
	}
	return append(e.buf, ']')
}

// next begins an element of the outer list.
func (e *encoder) next() {
	if e.buf == nil {
		e.buf = append(make([]byte, 0, 8<<10), '[', '[')
		return
	}
	e.buf = append(e.buf, ',', '[')
}

func (e *encoder) record(rec *etl.Record, source int64, redact bool) {
	key := rec.Key
	if redact {
		key = ""
	}
	e.next()
	e.buf = append(strconv.AppendInt(e.buf, rec.Seq, 10), ',')
	e.buf = append(strconv.AppendInt(e.buf, source, 10), ',')
	e.buf = append(strconv.AppendInt(e.buf, int64(rec.Pos.Row), 10), ',')
	e.buf = append(strconv.AppendInt(e.buf, int64(rec.Pos.Line), 10), ',')
	e.buf = append(appendString(e.buf, key), ',', '"')
	e.buf = appendHash(e.buf, PayloadHash(rec))
	e.buf = append(e.buf, '"', ']')
}

func (e *encoder) outcome(out *etl.Outcome, redact bool) {
	e.next()
	e.buf = append(appendString(e.buf, out.Status.String()), ',')
	e.buf = appendString(e.buf, out.ID)
	if len(out.Problems) > 0 {
		e.buf = append(e.buf, ',', '[')
		for i := range out.Problems {
			if i > 0 {
				e.buf = append(e.buf, ',')
			}
			e.problem(&out.Problems[i], redact)
		}
		e.buf = append(e.buf, ']')
	}
	e.buf = append(e.buf, ']')
}

func (e *encoder) problem(p *etl.Problem, redact bool) {
	value, message, hint := p.Value, p.Message, p.Hint
	if redact {
		value, message, hint = "", "", ""
	}
	e.buf = append(strconv.AppendInt(append(e.buf, '['), int64(p.Column), 10), ',')
	for _, s := range []string{p.Property, value, p.Code, message, hint} {
		e.buf = append(appendString(e.buf, s), ',')
	}
	e.buf = append(strconv.AppendBool(e.buf, p.Warning), ']')
}

func appendHash(buf []byte, hash uint64) []byte {
	return hex.AppendEncode(buf, binary.BigEndian.AppendUint64(nil, hash))
}

// appendString appends s as a JSON string. Most need no escape.
func appendString(buf []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			quoted, _ := json.Marshal(s) // a string never fails
			return append(buf, quoted...)
		}
	}
	buf = append(append(buf, '"'), s...)
	return append(buf, '"')
}
