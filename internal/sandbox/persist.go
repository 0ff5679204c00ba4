package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/ticketetl/ticketetl/internal/newfile"
	"github.com/ticketetl/ticketetl/internal/schema"
)

// maxData bounds a state file that is read, in bytes.
const maxData = 4 << 30

// dataVersion is the version of the state file.
const dataVersion = 1

// A savedState is what a Data file holds beside what the world gives.
type savedState struct {
	Version int                                  `json:"version"`
	Portal  int64                                `json:"portalId"`
	Next    [numObjects][2]uint64                `json:"next"`
	Records [numObjects][]savedRecord            `json:"records"`
	Added   [numObjects][]schema.Property        `json:"properties"`
	Rules   [numObjects]map[string][]schema.Rule `json:"rules"`
	Groups  [numObjects][]propertyGroup          `json:"groups"`
	Types   []savedType                          `json:"associationTypes"`
	Lines   []schema.Pipeline                    `json:"pipelines,omitempty"` // once one was changed
	Born    map[string]lifetime                  `json:"lifetimes,omitempty"` // of pipelines and stages
	Defined [numObjects]map[string]lifetime      `json:"defined"`             // of properties
	Links   []savedLink                          `json:"links"`
}

type savedRecord struct {
	ID       uint64               `json:"id"`
	Values   map[string]savedCell `json:"values"`
	Old      []savedChange        `json:"old,omitempty"`
	Created  int64                `json:"created"`
	Updated  int64                `json:"updated"`
	Entered  int64                `json:"entered"`
	Archived int64                `json:"archived,omitempty"`
	Merged   []string             `json:"merged,omitempty"`
	MergedTo uint64               `json:"mergedTo,omitempty"`
}

type savedCell struct {
	Text string `json:"v"`
	At   int64  `json:"t"`
}

type savedChange struct {
	Name string `json:"name"`
	savedCell
}

type savedType struct {
	Other, Category, Label string
	Inverse                string `json:",omitempty"`
	Forward, Backward      int
	Unlabeled, Primary     bool
	Most                   [2]int
}

type savedLink struct {
	Ticket uint64 `json:"ticket"`
	Object int    `json:"object"`
	Other  uint64 `json:"other"`
	Types  []int  `json:"types"` // positions in associationTypes
}

// save writes the state to Options.Data, whole or not at all.
func (s *Server) save() error {
	if s.opts.Data == "" {
		return nil
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	file, err := newfile.Create(s.opts.Data, "", 0o600)
	if err != nil {
		return fmt.Errorf("save sandbox account: %w", err)
	}
	defer file.Cleanup() //nolint:errcheck // after a success there is nothing to clean
	if err := json.NewEncoder(file).Encode(s.snapshot()); err != nil {
		return fmt.Errorf("save sandbox account: %w", err)
	}
	return file.Replace()
}

func (s *Server) snapshot() savedState {
	state := savedState{Version: dataVersion, Portal: s.account.ID, Born: s.born}
	if len(s.born) > 0 {
		state.Lines = s.pipelines
	}
	position := map[*associationType]int{}
	for i, t := range s.types {
		position[t] = i
		state.Types = append(state.Types, savedType{t.other, t.category, t.label, t.inverse, t.forward, t.backward, t.unlabeled, t.primary, t.most})
	}
	for i, o := range s.objects {
		state.Next[i], state.Groups[i], state.Rules[i] = o.next, o.groups, map[string][]schema.Rule{}
		state.Defined[i] = map[string]lifetime{}
		for _, p := range o.ordered {
			state.Added[i] = append(state.Added[i], p.Property)
			if p.born != (lifetime{}) {
				state.Defined[i][p.Name] = p.born
			}
			if len(p.rules) > 0 {
				state.Rules[i][p.Name] = p.plainRules()
			}
		}
		o.from(0, func(r *record) bool {
			state.Records[i] = append(state.Records[i], r.snapshot())
			return true
		})
	}
	for _, r := range s.objects[tickets].records {
		for _, l := range r.links {
			if l.ticket == r {
				state.Links = append(state.Links, l.snapshot(position))
			}
		}
	}
	return state
}

func (r *record) snapshot() savedRecord {
	saved := savedRecord{ID: r.num, Values: map[string]savedCell{}, Created: r.created, Updated: r.updated,
		Entered: r.entered, Archived: r.archivedAt, Merged: r.merged}
	for _, c := range r.cells {
		saved.Values[c.prop.Name] = savedCell{c.text, c.at}
	}
	for _, c := range r.old {
		saved.Old = append(saved.Old, savedChange{c.prop.Name, savedCell{c.text, c.at}})
	}
	if r.mergedTo != nil {
		saved.MergedTo = r.mergedTo.num
	}
	return saved
}

func (l *link) snapshot(position map[*associationType]int) savedLink {
	saved := savedLink{Ticket: l.ticket.num, Object: l.other.kind.index, Other: l.other.num}
	for _, t := range l.types {
		saved.Types = append(saved.Types, position[t])
	}
	return saved
}

// restore reads Options.Data, which need not exist yet.
func (s *Server) restore() error {
	if s.opts.Data == "" {
		return nil
	}
	file, err := os.Open(s.opts.Data)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if info.Size() > maxData {
		return fmt.Errorf("%s: %d bytes are too many for the state of a sandbox account", s.opts.Data, info.Size())
	}
	var state savedState
	if err := json.NewDecoder(file).Decode(&state); err != nil {
		return fmt.Errorf("%s: not the state of a sandbox account: %w", s.opts.Data, err)
	}
	if err := s.revive(&state); err != nil {
		return fmt.Errorf("%s: %w", s.opts.Data, err)
	}
	return nil
}

// revive puts the saved records in place of the world's.
func (s *Server) revive(state *savedState) error {
	if state.Version != dataVersion {
		return fmt.Errorf("version %d of the state is not %d", state.Version, dataVersion)
	}
	if state.Portal != s.account.ID {
		return fmt.Errorf("the state is that of account %d, not of %d; use another file", state.Portal, s.account.ID)
	}
	if len(state.Lines) > 0 {
		s.pipelines, s.born = state.Lines, state.Born
	}
	s.reviveTypes(state.Types)
	for i, o := range s.objects {
		if err := o.reviveProperties(state.Added[i], state.Rules[i]); err != nil {
			return err
		}
		for name, life := range state.Defined[i] {
			if p := o.props[name]; p != nil {
				p.born = life
			}
		}
		if len(state.Groups[i]) > 0 {
			o.groups = state.Groups[i]
		}
		o.records, o.order, o.next = map[uint64]*record{}, [2][]*record{}, state.Next[i]
		for _, saved := range state.Records[i] {
			if err := o.revive(saved); err != nil {
				return err
			}
		}
		for _, saved := range state.Records[i] {
			if saved.MergedTo != 0 {
				o.records[saved.ID].mergedTo = o.records[saved.MergedTo]
			}
		}
	}
	return s.reviveLinks(state.Links)
}

func (s *Server) reviveTypes(saved []savedType) {
	s.types = nil
	for _, t := range saved {
		s.types = append(s.types, &associationType{other: t.Other, category: t.Category, label: t.Label, inverse: t.Inverse,
			forward: t.Forward, backward: t.Backward, unlabeled: t.Unlabeled, primary: t.Primary, most: t.Most})
	}
}

// reviveProperties adds the definitions that were made since, and empties the
// indexes of unique values, which the records fill again.
func (o *object) reviveProperties(saved []schema.Property, rules map[string][]schema.Rule) error {
	for _, def := range saved {
		p := o.props[def.Name]
		if p == nil {
			p = o.define(def)
		} else {
			p.Property = def
			p.setOptions(def.Options)
		}
		if p.unique != nil {
			clear(p.unique)
		}
		if err := p.setRules(rules[p.Name]); err != nil {
			return err
		}
	}
	return nil
}

func (o *object) revive(saved savedRecord) error {
	if err := o.unused(saved.ID); err != nil {
		return err
	}
	r := &record{num: saved.ID, id: fmt.Sprint(saved.ID), kind: o, entered: saved.Entered, merged: saved.Merged}
	r.created, r.updated, r.archivedAt = saved.Created, saved.Updated, saved.Archived
	for _, old := range saved.Old {
		if p := o.props[old.Name]; p != nil {
			r.old = append(r.old, change{prop: p, text: old.Text, at: old.At})
		}
	}
	for _, p := range o.ordered {
		if v, has := saved.Values[p.Name]; has {
			r.cells = append(r.cells, cell{prop: p, text: v.Text, at: v.At})
			if saved.MergedTo == 0 { // what a merged record had is the new one's
				r.claim(r.cells[len(r.cells)-1])
			}
		}
	}
	o.add(r)
	return nil
}

func (s *Server) reviveLinks(saved []savedLink) error {
	for _, l := range saved {
		if l.Object < 0 || l.Object >= numObjects {
			return fmt.Errorf("a link to object %d", l.Object)
		}
		ticket, other := s.objects[tickets].records[l.Ticket], s.objects[l.Object].records[l.Other]
		if ticket == nil || other == nil {
			return fmt.Errorf("a link of ticket %d to a record %d that is not there", l.Ticket, l.Other)
		}
		made := s.link(ticket, plannedLink{far: other})
		made.types = made.types[:0]
		for _, i := range l.Types {
			if i < 0 || i >= len(s.types) {
				return fmt.Errorf("a link of type %d", i)
			}
			made.types = append(made.types, s.types[i])
		}
	}
	return nil
}
