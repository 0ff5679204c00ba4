package extract

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/internal/schema"
)

// A workbook is what all sheets share.
//
// Its cells are read by us and not by excelize, whose stream of rows gives each
// cell's text without its type and number format, keeps neither apart from a
// text that looks the same, and takes a damaged sheet for a short one.
type workbook struct {
	parts    parts
	strings  *sharedStrings
	formats  []format // by the style of a cell
	date1904 bool
	sheets   []sheetPart
	limits   Limits
	exact    bool // moments are not rounded to seconds
}

// A sheetPart is a worksheet and where it is kept.
type sheetPart struct {
	SheetInfo
	part string
	ours bool // it lists the problems of an earlier check, and holds no tickets
}

// workbookPart is what we need of the workbook's part.
type workbookPart struct {
	WorkbookPr struct {
		Date1904 string `xml:"date1904,attr"`
	} `xml:"workbookPr"`
	Sheets []struct {
		Name  string `xml:"name,attr"`
		ID    string `xml:"id,attr"`
		State string `xml:"state,attr"`
	} `xml:"sheets>sheet"`
	Names []struct {
		Name string `xml:"name,attr"`
		Text string `xml:",chardata"`
	} `xml:"definedNames>definedName"`
}

// problems is the sheet that an earlier check added to a marked-up workbook, or "".
func (p *workbookPart) problems() string {
	for _, n := range p.Names {
		if n.Name == etl.ProblemsName {
			return etl.SheetOf(n.Text)
		}
	}
	return ""
}

// stylesPart is what we need of the styles' part.
type stylesPart struct {
	NumFmts []struct {
		ID   int    `xml:"numFmtId,attr"`
		Code string `xml:"formatCode,attr"`
	} `xml:"numFmts>numFmt"`
	CellXfs []struct {
		NumFmtID int `xml:"numFmtId,attr"`
	} `xml:"cellXfs>xf"`
}

func openWorkbook(file *os.File, read *meter, opts Options, info *Info) (rowReader, error) {
	s := &sheetRows{file: file, name: opts.Name, read: read, book: &workbook{limits: opts.Limits, exact: opts.exact}}
	if err := s.open(opts, info); err != nil {
		s.release()
		return nil, err
	}
	return s, nil
}

// open reads everything but the cells.
func (b *workbook) open(r io.ReaderAt, size int64) (rels relations, name string, err error) {
	if b.parts, err = openParts(r, size, b.limits); err != nil {
		return rels, "", err
	}
	root, err := b.parts.relations("")
	if err != nil {
		return rels, "", err
	}
	if name = root.find("", "officeDocument"); name == "" {
		name = "xl/workbook.xml"
	}
	if b.parts[name] == nil || strings.HasSuffix(name, ".bin") || strings.HasPrefix(name, "word/") {
		return rels, "", b.parts.notAWorkbook()
	}
	if rels, err = b.parts.relations(name); err != nil {
		return rels, "", err
	}
	return rels, name, b.openParts(rels, name)
}

func (b *workbook) openParts(rels relations, name string) error {
	var part workbookPart
	if err := b.parts.decode(name, &part); err != nil {
		return err
	}
	b.date1904 = isTrue(part.WorkbookPr.Date1904)
	problems := part.problems()
	for _, sheet := range part.Sheets {
		for _, rel := range rels.Relationship {
			if rel.ID == sheet.ID && strings.HasSuffix(rel.Type, "/worksheet") {
				hidden := sheet.State == "hidden" || sheet.State == "veryHidden"
				b.sheets = append(b.sheets, sheetPart{SheetInfo{sheet.Name, hidden}, partName(path.Dir(name), rel.Target), sheet.Name == problems})
			}
		}
	}
	return b.readStyles(rels.find(name, "styles"))
}

// readStyles learns the number format of each style.
func (b *workbook) readStyles(name string) error {
	if name == "" || b.parts[name] == nil {
		return nil
	}
	var part stylesPart
	if err := b.parts.decode(name, &part); err != nil {
		return err
	}
	codes := map[int]format{}
	for _, f := range part.NumFmts {
		codes[f.ID] = classify(f.Code)
	}
	for _, xf := range part.CellXfs {
		f, ok := codes[xf.NumFmtID]
		if !ok {
			f = builtIn(xf.NumFmtID)
		}
		f.millis = f.millis || b.exact
		b.formats = append(b.formats, f)
	}
	return nil
}

// format is the number format of a style, by its number; that of none is 0.
func (b *workbook) format(style []byte) *format {
	i, ok := 0, true
	if len(style) > 0 {
		i, ok = wholeNumber(style)
	}
	if !ok || i < 0 || i >= len(b.formats) {
		return &general
	}
	return &b.formats[i]
}

var general format

func isTrue(s string) bool { return s == "1" || s == "true" }

// chooseAll finds the worksheets that want names: all of the user's that are not
// hidden if it is "all" or "*", or several names with commas between them. A sheet that is itself
// named so comes first.
func (b *workbook) chooseAll(want string) ([]sheetPart, error) {
	if s, err := b.named(want); want == "" || err == nil {
		return []sheetPart{s}, nil
	}
	if want == "all" || want == "*" {
		return slices.DeleteFunc(slices.Clone(b.sheets), func(s sheetPart) bool { return s.Hidden || s.ours }), nil
	}
	var chosen []sheetPart
	for name := range strings.SplitSeq(want, ",") {
		s, err := b.named(strings.TrimSpace(name))
		if err != nil {
			return nil, err
		}
		chosen = append(chosen, s)
	}
	return chosen, nil
}

// choose finds the worksheet that want names, by name or number; "" is the
// user's first that is not hidden.
func (b *workbook) choose(want string, note func(string, ...any)) (sheetPart, error) {
	if len(b.sheets) == 0 {
		return sheetPart{}, errors.New("the workbook has no worksheets; it is damaged, or holds only charts: open it in a spreadsheet program and save the table again")
	}
	if want == "" {
		return b.firstVisible(note)
	}
	return b.named(want)
}

func (b *workbook) named(want string) (sheetPart, error) {
	for _, s := range b.sheets {
		if s.Name == want {
			return s, nil
		}
	}
	for _, s := range b.sheets {
		if strings.EqualFold(strings.TrimSpace(s.Name), strings.TrimSpace(want)) {
			return s, nil
		}
	}
	if n, err := strconv.Atoi(want); err == nil && n >= 1 && n <= len(b.sheets) {
		return b.sheets[n-1], nil
	}
	return sheetPart{}, b.unknownSheet(want)
}

func (b *workbook) firstVisible(note func(string, ...any)) (sheetPart, error) {
	skipped := false
	for _, s := range b.sheets {
		if s.Hidden || s.ours {
			skipped = skipped || s.Hidden
			continue
		}
		if skipped {
			note("sheet %q: the first that is not hidden", s.Name)
		}
		b.noteOthers(s.Name, note)
		return s, nil
	}
	return sheetPart{}, fmt.Errorf("all its worksheets are hidden; name the one to read (source.sheet): %s", b.sheetNames())
}

// noteOthers tells of the sheets that are not read.
func (b *workbook) noteOthers(chosen string, note func(string, ...any)) {
	for _, s := range b.sheets {
		switch {
		case s.Name == chosen, s.ours:
		case s.Hidden:
			note("sheet %q is hidden and is not read", s.Name)
		default:
			note("sheet %q is not read; name it (source.sheet) to read it", s.Name)
		}
	}
}

func (b *workbook) unknownSheet(want string) error {
	names := make([]string, len(b.sheets))
	for i, s := range b.sheets {
		names[i] = s.Name
	}
	nearest := ""
	if name, ok := schema.Nearest(want, names); ok {
		nearest = fmt.Sprintf("; nearest is %q", name)
	}
	return fmt.Errorf("there is no sheet %q%s; it has %s", want, nearest, b.sheetNames())
}

func (b *workbook) sheetNames() string {
	names := make([]string, len(b.sheets))
	for i, s := range b.sheets {
		names[i] = strconv.Quote(s.Name)
		if s.Hidden {
			names[i] += " (hidden)"
		}
	}
	return strings.Join(names, ", ")
}
