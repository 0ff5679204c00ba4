package transform

import (
	"io"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/internal/schema"
)

// A DraftInput is what a first mapping is drafted from.
type DraftInput struct {
	File    string // as the user named it
	Header  *etl.Header
	Samples [][]string   // fields of the first rows
	Kinds   [][]etl.Kind // of the samples; nil when all are text
	Schema  *schema.Schema
	Source  Source // what is known of how the file is read; written down where it is set
}

// Draft writes a commented mapping that Parse reads.
func Draft(w io.Writer, in DraftInput) error { return nil }
