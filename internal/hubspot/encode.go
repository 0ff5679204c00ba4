package hubspot

import (
	"strconv"

	quick "github.com/segmentio/asm/utf8"
)

// The bodies of batch writes are the bulk of what an import sends, so they are
// appended by hand instead of through reflection.

func appendCreateInputs(b []byte, inputs []CreateInput) []byte {
	b = append(b, `{"inputs":[`...)
	for i := range inputs {
		if i > 0 {
			b = append(b, ',')
		}
		in := &inputs[i]
		b = append(b, `{"objectWriteTraceId":`...)
		b = appendString(b, in.TraceID)
		b = append(b, ',')
		b = appendCreateFields(b, in)
		b = append(b, '}')
	}
	return append(b, `]}`...)
}

// appendCreateFields appends what single and batch creates have in common.
func appendCreateFields(b []byte, in *CreateInput) []byte {
	b = append(b, `"properties":`...)
	b = appendProperties(b, in.Properties)
	b = append(b, `,"associations":[`...)
	for i, a := range in.Associations {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"to":{"id":`...)
		b = appendString(b, a.ToID)
		b = append(b, `},"types":`...)
		b = appendTypes(b, a.Types)
		b = append(b, '}')
	}
	return append(b, ']')
}

// appendUpsertInputs also serves updates, whose inputs have the same form.
func appendUpsertInputs(b []byte, inputs []UpsertInput) []byte {
	b = append(b, `{"inputs":[`...)
	for i := range inputs {
		if i > 0 {
			b = append(b, ',')
		}
		in := &inputs[i]
		b = append(b, `{"objectWriteTraceId":`...)
		b = appendString(b, in.TraceID)
		b = append(b, `,"id":`...)
		b = appendString(b, in.ID)
		if in.IDProperty != "" {
			b = append(b, `,"idProperty":`...)
			b = appendString(b, in.IDProperty)
		}
		b = append(b, `,"properties":`...)
		b = appendProperties(b, in.Properties)
		b = append(b, '}')
	}
	return append(b, `]}`...)
}

func appendProperties(b []byte, properties []Property) []byte {
	b = append(b, '{')
	for i := range properties {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, properties[i].Name)
		b = append(b, ':')
		b = appendString(b, properties[i].Value)
	}
	return append(b, '}')
}

func appendTypes(b []byte, types []TypeSpec) []byte {
	b = append(b, '[')
	for i, t := range types {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"associationCategory":`...)
		b = appendString(b, t.Category)
		b = append(b, `,"associationTypeId":`...)
		b = strconv.AppendInt(b, int64(t.TypeID), 10)
		b = append(b, '}')
	}
	return append(b, ']')
}

// appendPairs appends association writes, with or without their types.
func appendPairs(b []byte, pairs []AssociationWrite, types bool) []byte {
	b = append(b, `{"inputs":[`...)
	for i := range pairs {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"from":{"id":`...)
		b = appendString(b, pairs[i].FromID)
		b = append(b, `},"to":{"id":`...)
		b = appendString(b, pairs[i].ToID)
		b = append(b, '}')
		if types {
			b = append(b, `,"types":`...)
			b = appendTypes(b, pairs[i].Types)
		}
		b = append(b, '}')
	}
	return append(b, `]}`...)
}

func appendStrings(b []byte, list []string) []byte {
	b = append(b, '[')
	for i, s := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, s)
	}
	return append(b, ']')
}

const hexDigits = "0123456789abcdef"

// appendString appends s as a JSON string. Bytes that are no UTF-8 stay as they are,
// until repaired sees the whole body.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	for {
		n := verbatim(s)
		b = append(b, s[:n]...)
		if n == len(s) {
			return append(b, '"')
		}
		b = appendEscape(b, s[n])
		s = s[n+1:]
	}
}

// repaired is a body in which bytes that are no UTF-8 have become U+FFFD, as
// encoding/json has it. To judge each of its texts took ten times as long.
func repaired(body []byte) []byte {
	if quick.Valid(body) {
		return body
	}
	return []byte(string([]rune(string(body)))) // one for each such byte
}

func appendEscape(b []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(b, '\\', c)
	case '\n':
		return append(b, '\\', 'n')
	case '\r':
		return append(b, '\\', 'r')
	case '\t':
		return append(b, '\\', 't')
	}
	return append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
}

// bodySize estimates a batch body, so that it is allocated once.
func bodySize(fixed int, properties []Property) int {
	n := fixed
	for i := range properties {
		n += len(properties[i].Name) + len(properties[i].Value) + 8
	}
	return n
}
