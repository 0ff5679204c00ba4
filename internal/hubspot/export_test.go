package hubspot

import (
	"crypto/tls"
	"net/http"
)

// For tests of what is not exported.
var (
	AppendUnquoted     = appendUnquoted
	AppendCreateInputs = appendCreateInputs
	AppendUpsertInputs = appendUpsertInputs
	ParseError         = parseError
	Repaired           = repaired
)

// AppendString appends s as it is sent.
func AppendString(b []byte, s string) []byte { return repaired(appendString(b, s)) }

// DecodeWritten reads a batch answer: ids, trace ids and whether new, each list
// in the answer's order, and its errors.
func DecodeWritten(data []byte) (all []Result, traces []string, errs string, err error) {
	results, raw, err := decodeWritten(nil, data)
	for _, r := range results {
		all = append(all, Result{ID: string(r.ID), New: r.New})
		traces = append(traces, r.Trace)
	}
	return all, traces, string(raw), err
}

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

// Transports are the default transports: for what may be repeated, and for what
// must not be.
func Transports() (many, once *http.Transport) {
	a, b := transports(nil)
	many, once = a.(*http.Transport), b.(*http.Transport)
	many.TLSClientConfig, once.TLSClientConfig = new(tls.Config), new(tls.Config)
	return many, once
}

// DecodePage reads a page of a search as the client does; usual says that
// encoding/json was not needed.
func DecodePage(data []byte) (page SearchPage, usual bool, err error) {
	usual = scanPage(data, nil) != nil
	err = page.decode(data)
	return page, usual, err
}

// DecodeSearch reads a page of a search as the client does.
func DecodeSearch(data []byte) (page SearchPage, err error) {
	err = page.decode(data)
	return page, err
}

// DecodePagePlainly reads a page of a search with encoding/json.
func DecodePagePlainly(data []byte) (page SearchPage, err error) {
	err = page.decodePlainly(data)
	return page, err
}

// DecodeRead reads the answer to a batch read as the client does; usual says that
// encoding/json was not needed.
func DecodeRead(data []byte) (found []Object, missing map[string]bool, usual bool, err error) {
	usual = scanRead(data) != nil
	found, missing, err = decodeRead(data)
	return found, missing, usual, err
}

// DecodeReadPlainly is DecodeRead with encoding/json.
func DecodeReadPlainly(data []byte) (found []Object, missing map[string]bool, err error) {
	return decodeReadPlainly(data)
}

// DecodeList reads a page of a listing as the client does; usual says that
// encoding/json was not needed.
func DecodeList(data []byte, order []string) (page Page, usual bool, err error) {
	usual = scanPage(data, order) != nil
	err = page.decode(data, order)
	return page, usual, err
}

// Verbatim is how many bytes of a text stand in a JSON string as they are.
func Verbatim[T string | []byte](text T) int { return verbatim(text) }
