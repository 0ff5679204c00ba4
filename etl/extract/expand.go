package extract

import (
	"bytes"
	"fmt"
)

// Expand turns the options for a workbook that name several worksheets, or all
// that are not hidden, into one for each; those for any other file stay as they
// are. A source reads one sheet.
func Expand(path string, opts Options) ([]Options, error) {
	if opts.Name == "" {
		opts.Name = path
	}
	if opts.Sheet == "" {
		return []Options{opts}, nil
	}
	file, size, err := openRegular(path, opts.Name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	head, err := readHead(file)
	if err != nil || !bytes.HasPrefix(head, []byte("PK")) {
		return []Options{opts}, nil // Open tells what is wrong
	}
	book := &workbook{limits: opts.Limits.withDefaults()}
	if _, _, err := book.open(file, size); err != nil {
		return nil, fmt.Errorf("%s: %w", opts.Name, err)
	}
	sheets, err := book.chooseAll(opts.Sheet)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", opts.Name, err)
	}
	each := make([]Options, len(sheets))
	for i, s := range sheets {
		each[i] = opts
		each[i].Sheet = s.Name
	}
	return each, nil
}
