package schema

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/ticketetl/ticketetl/internal/newfile"
)

// LockVersion is the version of the saved form of a Lock.
const LockVersion = 1

// Uses names the definitions that a mapping depends on.
type Uses struct {
	Properties []string // ticket properties, internal names
	Links      []string // object types that tickets are associated with
	Unique     []string // of these: the ones that are found by a unique property of their own
}

// A Lock holds the definitions that a mapping was written for, and no others,
// so that a later run can tell what has changed since. It names no people:
// owners come and go, and each run looks them up.
type Lock struct {
	Version    int                `json:"version"`
	Account    int64              `json:"account"`
	TakenAt    time.Time          `json:"takenAt"`
	Properties []LockedProperty   `json:"properties"`
	Pipelines  []LockedPipeline   `json:"pipelines,omitempty"` // where a pipeline or stage is used
	Links      map[string][]Label `json:"associationLabels,omitempty"`
}

// A LockedProperty is what an import depends on of one property.
type LockedProperty struct {
	Name      string      `json:"name"`
	Type      string      `json:"type"`
	FieldType string      `json:"fieldType"`
	ReadOnly  string      `json:"readOnly,omitempty"` // why it cannot be written; empty: it can
	Unique    bool        `json:"unique,omitempty"`
	Options   []LockedKey `json:"options,omitempty"`
	Rules     []Rule      `json:"rules,omitempty"`
}

// A LockedKey is an internal value with its label.
type LockedKey struct {
	Value string `json:"value"`
	Label string `json:"label"`
}

// A LockedPipeline is a pipeline with its stages; archived ones are left out.
type LockedPipeline struct {
	ID     string        `json:"id"`
	Label  string        `json:"label"`
	Stages []LockedStage `json:"stages"`
}

// A LockedStage is a stage; one that closes tickets also sets their close date.
type LockedStage struct {
	ID     string `json:"id"`
	Label  string `json:"label"`
	Closes bool   `json:"closes,omitempty"`
}

// Lock takes the definitions that uses names. What the account does not define
// is left out.
func (s *Schema) Lock(uses Uses) *Lock {
	l := &Lock{Version: LockVersion, Account: s.Account.ID, TakenAt: s.TakenAt, Properties: []LockedProperty{}}
	names := slices.Sorted(slices.Values(uses.Properties))
	for _, name := range slices.Compact(names) {
		if p := s.Property(name); p != nil && !p.Archived {
			l.Properties = append(l.Properties, s.lockProperty(p))
		}
		if (name == "hs_pipeline" || name == "hs_pipeline_stage") && l.Pipelines == nil {
			l.Pipelines = s.lockPipelines()
		}
	}
	for _, object := range uses.Links {
		if l.Links == nil {
			l.Links = map[string][]Label{}
		}
		l.Links[object] = slices.SortedFunc(slices.Values(s.Labels[object]), func(a, b Label) int { return a.TypeID - b.TypeID })
	}
	return l
}

func (s *Schema) lockProperty(p *Property) LockedProperty {
	locked := LockedProperty{Name: p.Name, Type: p.Type, FieldType: p.FieldType, Unique: p.HasUniqueValue, Rules: s.Rules[p.Name]}
	_, locked.ReadOnly = p.Writable()
	for _, o := range p.Options {
		locked.Options = append(locked.Options, LockedKey{Value: o.Value, Label: o.Label})
	}
	return locked
}

func (s *Schema) lockPipelines() []LockedPipeline {
	var all []LockedPipeline
	for i := range s.Pipelines {
		p := &s.Pipelines[i]
		if p.Archived {
			continue
		}
		locked := LockedPipeline{ID: p.ID, Label: p.Label}
		for j := range p.Stages {
			if st := &p.Stages[j]; !st.Archived {
				locked.Stages = append(locked.Stages, LockedStage{ID: st.ID, Label: st.Label, Closes: st.Closed()})
			}
		}
		all = append(all, locked)
	}
	return all
}

// Changes says, a sentence each, in what now differs from l so that a mapping
// written for l may do something else: what was changed or removed. What was
// added is no change. It is empty when there is none.
func (l *Lock) Changes(now *Lock) []string {
	if l.Account != now.Account {
		return []string{fmt.Sprintf("it was made for account %d, and this is account %d", l.Account, now.Account)}
	}
	var c changes
	for i := range now.Properties {
		if p := &now.Properties[i]; find(l.Properties, p.Name, (*LockedProperty).key) == nil {
			c.addf("property %s: the mapping uses it now, and it is not in the lock", p.Name)
		}
	}
	for i := range l.Properties {
		c.property(&l.Properties[i], find(now.Properties, l.Properties[i].Name, (*LockedProperty).key))
	}
	for i := range l.Pipelines {
		c.pipeline(&l.Pipelines[i], find(now.Pipelines, l.Pipelines[i].ID, (*LockedPipeline).key))
	}
	for _, object := range slices.Sorted(maps.Keys(l.Links)) {
		c.labels(object, l.Links[object], now.Links[object])
	}
	for _, object := range slices.Sorted(maps.Keys(now.Links)) {
		if _, known := l.Links[object]; !known {
			c.addf("associations with %s: the mapping uses them now, and they are not in the lock", object)
		}
	}
	return c
}

func (p *LockedProperty) key() string { return p.Name }
func (k *LockedKey) key() string      { return k.Value }
func (p *LockedPipeline) key() string { return p.ID }
func (s *LockedStage) key() string    { return s.ID }

func find[T any](items []T, key string, keyOf func(*T) string) *T {
	for i := range items {
		if keyOf(&items[i]) == key {
			return &items[i]
		}
	}
	return nil
}

// changes are the sentences found so far.
type changes []string

func (c *changes) addf(format string, args ...any) { *c = append(*c, fmt.Sprintf(format, args...)) }

func (c *changes) property(was, is *LockedProperty) {
	if is == nil {
		c.addf("property %s was removed", was.Name)
		return
	}
	if was.Type != is.Type || was.FieldType != is.FieldType {
		c.addf("property %s was of type %s (%s), and is of type %s (%s) now", was.Name, was.Type, was.FieldType, is.Type, is.FieldType)
	}
	if was.ReadOnly == "" && is.ReadOnly != "" {
		c.addf("property %s can no longer be written: %s", was.Name, is.ReadOnly)
	}
	if was.Unique && !is.Unique {
		c.addf("property %s no longer has unique values", was.Name)
	}
	for i := range was.Options {
		c.key("option", " of property "+was.Name, &was.Options[i], find(is.Options, was.Options[i].Value, (*LockedKey).key))
	}
	if before, after := rulesText(was.Rules), rulesText(is.Rules); before != after {
		c.addf("property %s: its validation rules were %s, and are %s now", was.Name, before, after)
	}
}

// key compares an internal value and its label.
func (c *changes) key(what, of string, was, is *LockedKey) {
	switch {
	case is == nil:
		c.addf("%s %q (%s)%s was removed", what, was.Label, was.Value, of)
	case was.Label != is.Label:
		c.addf("%s %q (%s)%s is called %q now", what, was.Label, was.Value, of, is.Label)
	}
}

func (c *changes) pipeline(was, is *LockedPipeline) {
	c.key("pipeline", "", &LockedKey{was.ID, was.Label}, is.asKey())
	if is == nil {
		return
	}
	of := fmt.Sprintf(" of pipeline %q", was.Label)
	for i := range was.Stages {
		before := &was.Stages[i]
		after := find(is.Stages, before.ID, (*LockedStage).key)
		c.key("stage", of, &LockedKey{before.ID, before.Label}, after.asKey())
		if after != nil && before.Closes != after.Closes {
			c.addf("stage %q (%s)%s %s", before.Label, before.ID, of, map[bool]string{true: "closes tickets now", false: "no longer closes tickets"}[after.Closes])
		}
	}
}

func (p *LockedPipeline) asKey() *LockedKey {
	if p == nil {
		return nil
	}
	return &LockedKey{p.ID, p.Label}
}

func (s *LockedStage) asKey() *LockedKey {
	if s == nil {
		return nil
	}
	return &LockedKey{s.ID, s.Label}
}

func (c *changes) labels(object string, was, is []Label) {
	for _, l := range was {
		i := slices.IndexFunc(is, func(o Label) bool { return o.TypeID == l.TypeID && o.Category == l.Category })
		switch {
		case i < 0:
			c.addf("association label %q (%d) with %s was removed", l.Label, l.TypeID, object)
		case is[i].Label != l.Label:
			c.addf("association label %q (%d) with %s is called %q now", l.Label, l.TypeID, object, is[i].Label)
		}
	}
}

// rulesText is a form of rules that is equal for equal rules in any order.
func rulesText(rules []Rule) string {
	if len(rules) == 0 {
		return "none"
	}
	texts := make([]string, len(rules))
	for i, r := range rules {
		texts[i] = r.Type
		if len(r.Arguments) > 0 {
			texts[i] += "(" + strings.Join(r.Arguments, ", ") + ")"
		}
		if r.Normalize {
			texts[i] += " normalized"
		}
	}
	slices.Sort(texts)
	return strings.Join(texts, " and ")
}

// Save writes the lock as JSON, to be kept beside the mapping. It holds no
// person's data. The file is replaced whole or not at all.
func (l *Lock) Save(path string) error {
	data, err := json.MarshalIndent(l, "", "  ")
	if err != nil {
		return err
	}
	return newfile.Write(path, append(data, '\n'), 0o644)
}

// maxLock bounds what LoadLock reads, in bytes.
const maxLock = 64 << 20

// LoadLock reads a lock that Save wrote.
func LoadLock(path string) (*Lock, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxLock+1))
	if err != nil {
		return nil, err
	}
	var l Lock
	if len(data) > maxLock || json.Unmarshal(data, &l) != nil || l.Properties == nil {
		return nil, fmt.Errorf("%s: not a lock that 'ticketetl lock' has made", path)
	}
	if l.Version != LockVersion {
		return nil, fmt.Errorf("%s: lock of version %d, this program reads version %d; make it anew with 'ticketetl lock'", path, l.Version, LockVersion)
	}
	return &l, nil
}
