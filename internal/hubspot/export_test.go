package hubspot

// For tests of what is not exported.
var (
	AppendString       = appendString
	AppendCreateInputs = appendCreateInputs
	AppendUpsertInputs = appendUpsertInputs
	ParseError         = parseError
)

// PairUpserts judges data as the answer to a batch of upserts, or of updates
// where IDProperty is empty.
func PairUpserts(in []UpsertInput, data []byte) ([]Result, error) {
	targets := make([]target, len(in))
	for i := range in {
		targets[i] = target{trace: in[i].TraceID, id: in[i].ID, property: in[i].IDProperty}
	}
	return pair(targets, data)
}

// PairCreates judges data as the answer to a batch of creates.
func PairCreates(in []CreateInput, data []byte) ([]Result, error) {
	targets := make([]target, len(in))
	for i := range in {
		targets[i] = target{trace: in[i].TraceID, properties: in[i].Properties}
	}
	return pair(targets, data)
}
