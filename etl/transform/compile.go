package transform

import (
	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/internal/schema"
)

// CompileOptions are the choices of a run that stand above the mapping file.
type CompileOptions struct {
	// Timezone, an IANA name, takes the place of source.timezone.
	Timezone string
}

// Compile checks m against the definitions of an account and the header of one
// source. The error is Faults, all of them.
func Compile(m *Mapping, s *schema.Schema, h *etl.Header, opts CompileOptions) (*Mapper, error) {
	return nil, nil
}
