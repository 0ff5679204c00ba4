package hubspot

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A target is an input of a batch write, as its answer may name it.
type target struct {
	trace      string
	id         string     // record id or unique value; "" of a create
	property   string     // that id is a value of; "" = record id
	properties []Property // of a create, which has no id
}

// A written is what a batch answer says of a stored record. The properties that
// come with it are left unread: they are most of the answer's bytes.
type written struct {
	ID    flexID `json:"id"`
	Trace string `json:"objectWriteTraceId"`
	New   bool   `json:"new"`
}

var errMentionsNothing = errors.New("it mentions no input")

// pair tells from a batch answer what became of each target. It fails when the
// answer is of no use for any of them; that some may be in doubt is no failure.
//
// Results and errors are read whatever the status. A result belongs to the
// target with its trace id; failing that, to the one with its id; failing that,
// to the one whose unique value it holds. An error belongs to the targets that
// its context names.
func pair(targets []target, data []byte) ([]Result, error) {
	stored, refusals, err := decodeWritten(targets, data)
	if err != nil {
		return nil, err
	}
	p := newPairing(targets)
	var rest []int // results that name no target by trace id or id
	for i, r := range stored {
		if r.ID == "" || p.store(p.inOrder(i, r), r) {
			continue
		}
		p.index()
		if !p.store(p.byTrace[r.Trace], r) && !p.store(p.byID[string(r.ID)], r) {
			rest = append(rest, i)
		}
	}
	if len(rest) > 0 {
		if err := p.pairByValue(rest, stored, data); err != nil {
			return nil, err
		}
	}
	if mentions := p.refuse(refusals); mentions == 0 && p.judged == 0 {
		return nil, errMentionsNothing
	}
	return p.results, nil
}

// pairing is the state of pair. The maps hold positions from 1, so that what is
// missing is 0; index makes them.
type pairing struct {
	targets []target
	results []Result
	open    []bool // nothing is known of the target yet
	judged  int    // number of targets whose fate is known

	properties []string // that the targets' ids are values of
	byTrace    map[string]int
	byID       map[string]int // record ids
	byKey      keys           // unique values
}

func newPairing(targets []target) *pairing {
	p := &pairing{targets: targets, results: make([]Result, len(targets)), open: make([]bool, len(targets))}
	for i := range p.open {
		p.open[i] = true
	}
	return p
}

// inOrder is the target of a result that has its place and its trace id, as most
// have; 0 for another.
func (p *pairing) inOrder(i int, r written) int {
	if r.Trace == "" || i >= len(p.targets) || p.targets[i].trace != r.Trace {
		return 0
	}
	return i + 1
}

// index makes the maps, which most answers do not need.
func (p *pairing) index() {
	if p.byTrace != nil {
		return
	}
	p.byTrace, p.byID = make(map[string]int, len(p.targets)), map[string]int{}
	for i, t := range p.targets {
		p.byTrace[t.trace] = i + 1
		switch {
		case t.id == "":
		case t.property == "":
			p.byID[t.id] = i + 1
		default:
			p.byKey.add(t.property, t.id, i+1)
			if !slices.Contains(p.properties, t.property) {
				p.properties = append(p.properties, t.property)
			}
		}
	}
}

// keys find a target by property and unique value. HubSpot keeps e-mail
// addresses in lower case, whatever was sent, so case and outer blanks do not
// count, unless two targets differ in nothing else.
type keys struct{ exact, folded map[[2]string]int }

const ambiguous = -1

func (k *keys) add(property, value string, at int) {
	if k.exact == nil {
		k.exact, k.folded = map[[2]string]int{}, map[[2]string]int{}
	}
	k.exact[[2]string{property, value}] = at
	folded := [2]string{property, foldKey(value)}
	if other := k.folded[folded]; other != 0 && other != at {
		at = ambiguous
	}
	k.folded[folded] = at
}

// find returns 0 for what it does not know for certain.
func (k *keys) find(property, value string) int {
	if at := k.exact[[2]string{property, value}]; at > 0 {
		return at
	}
	return max(0, k.folded[[2]string{property, foldKey(value)}])
}

func foldKey(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

// store notes the record that a target became, if at is one that is still open.
func (p *pairing) store(at int, r written) bool {
	if at == 0 || !p.open[at-1] {
		return false
	}
	p.open[at-1] = false
	p.judged++
	p.results[at-1] = Result{ID: string(r.ID), New: r.New}
	return true
}

// pairByValue reads the answer once more, now with the properties of the
// results that are left, for accounts that echo no trace ids.
func (p *pairing) pairByValue(rest []int, results []written, data []byte) error {
	var w struct {
		Results []struct {
			Properties map[string]any `json:"properties"`
		} `json:"results"`
	}
	if err := json.Unmarshal(data, &w); err != nil {
		return err
	}
	for _, property := range p.keyProperties() {
		rest = slices.DeleteFunc(rest, func(i int) bool {
			value, ok := w.Results[i].Properties[property].(string)
			return ok && value != "" && p.store(p.byKey.find(property, value), results[i])
		})
	}
	// Where both sides have one left, there is nothing to choose.
	if open := p.openTargets(); len(p.targets) == 1 && len(results) == 1 && len(open) == 1 && len(rest) == 1 &&
		results[rest[0]].Trace == "" {
		p.store(open[0]+1, results[rest[0]])
	}
	return nil
}

// keyProperties are those that may tell the open targets apart. Creates have no
// key, so those of their properties serve that each has with a value of its own.
func (p *pairing) keyProperties() []string {
	open := p.openTargets()
	if len(p.properties) > 0 || len(open) == 0 {
		return p.properties
	}
	for _, property := range p.targets[open[0]].properties {
		if p.distinct(open, property.Name) {
			p.useKey(open, property.Name)
			return []string{property.Name}
		}
	}
	return nil
}

func (p *pairing) distinct(open []int, name string) bool {
	seen := make(map[string]bool, len(open))
	for _, i := range open {
		key := foldKey(value(p.targets[i].properties, name))
		if key == "" || seen[key] {
			return false
		}
		seen[key] = true
	}
	return true
}

func (p *pairing) useKey(open []int, name string) {
	for _, i := range open {
		p.byKey.add(name, value(p.targets[i].properties, name), i+1)
	}
}

func value(properties []Property, name string) string {
	for _, p := range properties {
		if p.Name == name {
			return p.Value
		}
	}
	return ""
}

func (p *pairing) openTargets() []int {
	var open []int
	for i, is := range p.open {
		if is {
			open = append(open, i)
		}
	}
	return open
}

// refuse gives each error of the answer to the targets it names, and settles
// those of which nothing is known then. It returns the number of errors.
func (p *pairing) refuse(raw json.RawMessage) int {
	var items []map[string]json.RawMessage
	if len(raw) > 0 && json.Unmarshal(raw, &items) != nil {
		items = nil // errors of another form name nobody
	}
	var nameless []*Error
	if len(items) > 0 {
		p.index()
	}
	for _, item := range items {
		e := itemError(item)
		if named := p.named(e, item); len(named) > 0 {
			for _, at := range named {
				p.fail(at, e)
			}
		} else {
			nameless = append(nameless, e)
		}
	}
	p.settle(nameless)
	return len(items)
}

// fail notes a refusal. A target that the answer calls stored stays stored.
func (p *pairing) fail(at int, err *Error) {
	if p.open[at-1] {
		p.open[at-1] = false
		p.judged++
		p.results[at-1].Err = err
	}
}

// named finds the targets that an error names in its context.
func (p *pairing) named(e *Error, item map[string]json.RawMessage) []int {
	var at []int
	traces := e.Context["objectWriteTraceId"]
	if trace := text(item["objectWriteTraceId"]); trace != "" {
		traces = append(slices.Clip(traces), trace)
	}
	for _, trace := range traces {
		if i := p.byTrace[trace]; i > 0 {
			at = append(at, i)
		}
	}
	if len(at) > 0 {
		return at
	}
	for _, id := range e.Context["ids"] {
		if i := p.byID[id]; i > 0 {
			at = append(at, i)
			continue
		}
		for _, property := range p.properties {
			if i := p.byKey.find(property, id); i > 0 {
				at = append(at, i)
				break
			}
		}
	}
	return at
}

// settle judges the targets that the answer does not name. If there are as many
// errors without a name as there are such targets, each was refused, though it
// is not known by which; if there are fewer, some may be stored.
func (p *pairing) settle(nameless []*Error) {
	open := p.openTargets()
	for n, i := range open {
		switch {
		case len(nameless) == 0:
			p.results[i].Err = fmt.Errorf("%w: HubSpot's answer does not mention it", ErrInDoubt)
		case len(open) <= len(nameless):
			p.fail(i+1, nameless[n])
		default:
			p.results[i].Err = fmt.Errorf("%w: HubSpot's answer does not mention it, but holds an error that names no input: %w", ErrInDoubt, nameless[0])
		}
	}
}
