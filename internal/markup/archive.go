package markup

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/flate"
)

// maxSmall is how many bytes a part has at most that is edited in memory.
const maxSmall = 64 << 20

// An archive is a workbook's parts, on their way from one file to another.
type archive struct {
	in    map[string]*zip.File // by name, in lower case and with plain slashes
	order []*zip.File
	out   *zip.Writer
	done  map[string]bool   // parts that are not copied any more
	spelt map[string]string // how the names of new parts are spelt
}

func openArchive(r io.ReaderAt, size int64, out io.Writer) (*archive, error) {
	in, err := zip.NewReader(r, size)
	if err != nil {
		return nil, err
	}
	in.RegisterDecompressor(zip.Deflate, flate.NewReader)
	a := &archive{in: map[string]*zip.File{}, order: in.File, out: packer(out, flate.DefaultCompression), done: map[string]bool{}, spelt: map[string]string{}}
	for _, f := range in.File {
		a.in[partName("", f.Name)] = f
	}
	return a, nil
}

// packer writes an archive whose parts are packed to a level of klauspost/compress.
func packer(out io.Writer, level int) *zip.Writer {
	w := zip.NewWriter(out)
	w.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, level) })
	return w
}

// partName is the key of the part that target names, as seen from folder.
func partName(folder, target string) string {
	target = strings.ReplaceAll(target, `\`, "/")
	if !strings.HasPrefix(target, "/") {
		target = path.Join("/", folder, target)
	}
	return strings.ToLower(strings.TrimPrefix(path.Clean(target), "/"))
}

func (a *archive) has(name string) bool {
	key := strings.ToLower(name)
	return a.in[key] != nil || a.done[key]
}

func (a *archive) open(name string) (io.ReadCloser, error) {
	f := a.in[name]
	if f == nil {
		return nil, fmt.Errorf("there is no part %q", name)
	}
	return f.Open()
}

// read returns a part, and its elements.
func (a *archive) read(name string) (*patch, *node, error) {
	r, err := a.open(name)
	if err != nil {
		return nil, nil, err
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, maxSmall+1))
	if err == nil && len(data) > maxSmall {
		err = errors.New("it is too large to be edited")
	}
	if err != nil {
		return nil, nil, fmt.Errorf("part %s: %w", name, err)
	}
	root, err := parse(data)
	if err != nil {
		return nil, nil, fmt.Errorf("part %s: %w", name, err)
	}
	return &patch{data: data}, root, nil
}

// create begins a part. It takes the place of the one of that name.
func (a *archive) create(name string) (io.Writer, error) {
	key := strings.ToLower(name)
	a.done[key] = true
	head := &zip.FileHeader{Name: a.spelling(name), Method: zip.Deflate, Modified: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)}
	if f := a.in[key]; f != nil {
		head.Modified = f.Modified
	}
	return a.out.CreateHeader(head)
}

// spelling is the name of a part as it stands in the archive.
func (a *archive) spelling(name string) string {
	if f := a.in[name]; f != nil {
		return strings.TrimPrefix(strings.ReplaceAll(f.Name, `\`, "/"), "/")
	}
	if s := a.spelt[name]; s != "" {
		return s
	}
	return name
}

func (a *archive) write(name string, data []byte) error {
	w, err := a.create(name)
	if err == nil {
		_, err = w.Write(data)
	}
	return err
}

// close copies what was not replaced, byte for byte, and ends the archive.
func (a *archive) close() error {
	for _, f := range a.order {
		if a.done[partName("", f.Name)] {
			continue
		}
		if err := a.out.Copy(f); err != nil {
			return err
		}
	}
	return a.out.Close()
}

// newName is a name for a new part, of which stem and ext are the outer ends.
func (a *archive) newName(stem, ext string) string {
	name := stem + ext
	for n := 2; a.has(name); n++ {
		name = fmt.Sprintf("%s%d%s", stem, n, ext)
	}
	return name
}

const noRelations = xmlHead + `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"></Relationships>`

// relations are what a part refers to.
type relations struct {
	owner string
	name  string // of the part that holds them
	patch *patch
	root  *node
	added bytes.Buffer
	ids   []string // in use
}

func (a *archive) relations(owner string) (*relations, error) {
	folder, base := path.Split(owner)
	r := &relations{owner: owner, name: partName(folder, "_rels/"+base+".rels")}
	if !a.has(r.name) {
		r.patch = &patch{data: []byte(noRelations)}
		folder, base := path.Split(a.spelling(owner))
		a.spelt[r.name] = folder + "_rels/" + base + ".rels"
		var err error
		r.root, err = parse(r.patch.data)
		return r, err
	}
	var err error
	if r.patch, r.root, err = a.read(r.name); err != nil {
		return nil, err
	}
	for _, rel := range r.root.all("Relationship") {
		r.ids = append(r.ids, rel.attr("Id"))
	}
	return r, nil
}

// forgetRelations lets a part refer to nothing.
func (a *archive) forgetRelations(owner string) error {
	folder, base := path.Split(owner)
	name := partName(folder, "_rels/"+base+".rels")
	if !a.has(name) {
		return nil
	}
	return a.write(name, []byte(noRelations))
}

// target is the part that the relation with this id leads to.
func (r *relations) target(id string) string {
	for _, rel := range r.root.all("Relationship") {
		if rel.attr("Id") == id && rel.attr("TargetMode") != "External" {
			return partName(path.Dir(r.owner), rel.attr("Target"))
		}
	}
	return ""
}

// find is the part of a kind, such as "comments", or "".
func (r *relations) find(kind string) string {
	for _, rel := range r.root.all("Relationship") {
		if strings.HasSuffix(rel.attr("Type"), "/"+kind) {
			return partName(path.Dir(r.owner), rel.attr("Target"))
		}
	}
	return ""
}

// newID is an id that no relation has.
func (r *relations) newID() string {
	for n := len(r.ids) + 1; ; n++ {
		if id := fmt.Sprintf("rId%d", n); !slices.Contains(r.ids, id) {
			r.ids = append(r.ids, id)
			return id
		}
	}
}

// add makes a relation to a part of the package.
func (r *relations) add(id, kind, target string) {
	fmt.Fprintf(&r.added, `<%s Id="%s" Type="%s" Target="/%s"/>`, r.root.prefixed("Relationship"), id, kind, target)
}

func (r *relations) save(a *archive) error {
	if r.added.Len() == 0 {
		return nil
	}
	r.patch.add(r.root, r.added.String())
	return a.write(r.name, r.patch.bytes())
}

const xmlHead = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` + "\n"

// types is the list of what each part is.
type types struct {
	patch *patch
	root  *node
	added bytes.Buffer
}

const typesPart = "[content_types].xml"

func (a *archive) types() (*types, error) {
	p, root, err := a.read(typesPart)
	return &types{patch: p, root: root}, err
}

// part tells what a new part is.
func (t *types) part(name, contentType string) {
	fmt.Fprintf(&t.added, `<%s PartName="/%s" ContentType="%s"/>`, t.root.prefixed("Override"), name, contentType)
}

// extension tells what the parts are whose names end so, unless that is told.
func (t *types) extension(ext, contentType string) {
	for _, d := range t.root.all("Default") {
		if strings.EqualFold(d.attr("Extension"), ext) {
			return
		}
	}
	fmt.Fprintf(&t.added, `<%s Extension="%s" ContentType="%s"/>`, t.root.prefixed("Default"), ext, contentType)
}

func (t *types) save(a *archive) error {
	if t.added.Len() > 0 {
		t.patch.add(t.root, t.added.String())
	}
	return a.write(typesPart, t.patch.bytes())
}
