package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/etl/extract"
	"github.com/ticketetl/ticketetl/etl/transform"
	"github.com/ticketetl/ticketetl/internal/hubspot"
	"github.com/ticketetl/ticketetl/internal/newfile"
	"github.com/ticketetl/ticketetl/internal/schema"
)

type initOptions struct {
	interactive bool
	file        string
	output      string
	source      sourceFlags
}

// A draft is made from so many rows at most, and so many bytes of them.
const (
	sampleRows  = 5_000
	sampleBytes = 32 << 20
)

func (a *app) initCommand() *cobra.Command {
	var opts initOptions
	cmd := &cobra.Command{
		Use: "init FILE [-o MAPPING]", Short: "Draft a mapping from a spreadsheet's headers and the account's properties",
		Long: `Reads the headers and the first rows of FILE and drafts a mapping: columns are
matched to ticket properties by name, label and what their cells hold. What is
doubtful is marked "# ?", or asked with --interactive, and what was not matched is
listed. Of a workbook with several sheets it takes the one that fits best. With
--schema it works without a token.`,
		Example: `  ticketetl init tickets.xlsx -o mapping.yaml
  ticketetl init --sandbox samples/chamados.csv`,
		Args: wordsBetween(1, 1, "one file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.file = args[0]
			return a.runInit(cmd.Context(), opts)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&opts.output, "output", "o", "", "write the mapping to this `file` (default: standard output)")
	f.StringVar(&a.flags.schema, "schema", "", "take the definitions from this `file` instead of asking the account")
	f.BoolVar(&a.flags.yes, "yes", false, "replace the mapping file if it is there")
	f.BoolVar(&opts.interactive, "interactive", false, "ask about what is not sure, one question after the other")
	opts.source.add(f)
	a.accountFlags(f)
	return cmd
}

func (a *app) runInit(ctx context.Context, opts initOptions) (err error) {
	if opts.output != "" && opts.output != "-" && !a.flags.yes {
		if _, err := os.Stat(opts.output); !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s is there already; give --yes to replace it", opts.output)
		}
	}
	if opts.interactive && !a.inTerm {
		return errors.New("--interactive needs a terminal to ask on; without it, doubts are marked \"# ?\" in the draft")
	}
	if opts.file == "-" {
		return errors.New("init reads a file by its name; write standard input to a file first")
	}
	conn, err := a.connectOrLoad(ctx, a.newProgress(), hubspot.Everything)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.close()) }()
	in, err := readSamples(ctx, opts, conn.schema)
	if err != nil {
		return err
	}
	if opts.interactive {
		in.Ask = func(q transform.Question) (int, error) { return a.choose(ctx, q) }
	}
	var draft bytes.Buffer
	if err := transform.Draft(&draft, in); err != nil {
		return err
	}
	if opts.output == "" || opts.output == "-" {
		_, err := a.out.Write(draft.Bytes())
		return err
	}
	if err := newfile.Write(opts.output, draft.Bytes(), 0o644); err != nil {
		return err
	}
	look := "Look it over, what is marked \"# ?\" above all"
	if bytes.Contains(draft.Bytes(), []byte(transform.NothingFits)) {
		look = "Fill in what is marked with \"" + transform.NothingFits + "\" (is it the right sheet, and the right row of the header?)"
	}
	_, err = fmt.Fprintf(a.out, "%s drafted. %s, then: ticketetl validate -m %s %s\n", opts.output, look, shellWord(opts.output), shellWord(opts.file))
	return err
}

// readSamples reads the header and the first good rows of a file; of a workbook whose
// sheet is not named, those of the sheet that fits the account best.
func readSamples(ctx context.Context, opts initOptions, s *schema.Schema) (transform.DraftInput, error) {
	if err := opts.source.check(); err != nil {
		return transform.DraftInput{}, err
	}
	sheets, err := sheetsToDraft(opts)
	if err != nil {
		return transform.DraftInput{}, err
	}
	best, firstErr := transform.DraftInput{}, error(nil)
	most := -1
	for i, sheet := range sheets {
		in, err := readSheet(ctx, opts, sheet)
		if err != nil {
			if firstErr == nil {
				firstErr = err
			}
			continue
		}
		in.Schema = s
		if fit := transform.Fit(in); fit > most {
			best, most = in, fit
			if i > 0 {
				best.Source.Sheet = sheet.Sheet
			}
		}
	}
	if most < 0 {
		return best, firstErr
	}
	for _, sheet := range sheets {
		if len(sheets) > 1 {
			best.Sheets = append(best.Sheets, sheet.Sheet)
		}
	}
	return best, nil
}

// maxSheets bounds how many sheets of a workbook are looked at.
const maxSheets = 20

// sheetsToDraft are the options for each sheet that the draft may be made from.
func sheetsToDraft(opts initOptions) ([]extract.Options, error) {
	source := opts.source.options(transform.Source{})
	if source.Sheet != "" {
		sheets, err := extract.Expand(opts.file, source)
		if err != nil {
			return nil, err
		}
		return sheets[:1], nil // of several sheets, the first
	}
	named := source
	named.Sheet = "all"
	sheets, err := extract.Expand(opts.file, named)
	if err != nil || len(sheets) < 2 {
		return []extract.Options{source}, nil // Open tells what is wrong
	}
	return sheets[:min(len(sheets), maxSheets)], nil
}

// readSheet reads the header and the first good rows of one sheet, or of a CSV.
func readSheet(ctx context.Context, opts initOptions, sheet extract.Options) (transform.DraftInput, error) {
	f, err := extract.Open(opts.file, sheet)
	if err != nil {
		return transform.DraftInput{}, err
	}
	defer f.Close()
	in := transform.DraftInput{File: opts.file, Header: f.Header(), Source: transform.Source{
		Sheet: opts.source.sheet, Header: opts.source.header, Encoding: opts.source.encoding, Delimiter: opts.source.delimiter, Quote: opts.source.quote, Escape: opts.source.escape, Hidden: opts.source.hidden,
	}}
	for size := 0; len(in.Samples) < sampleRows && size < sampleBytes; {
		rec, err := f.Next(ctx)
		var rowErr *etl.RowError
		switch {
		case errors.Is(err, io.EOF):
			in.Whole = true
			return in, nil
		case errors.As(err, &rowErr):
			continue
		case err != nil:
			return in, err
		}
		for _, field := range rec.Fields {
			size += len(field)
		}
		in.Samples = append(in.Samples, rec.Fields)
		in.Kinds = append(in.Kinds, rec.Kinds)
	}
	return in, nil
}
