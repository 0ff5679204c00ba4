package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/ticketetl/ticketetl/etl/extract"
)

// sinceMargin is how much further back than the watermark the next export looks:
// HubSpot's searches see a write tens of seconds late, and not all at the same time.
const sinceMargin = 5 * time.Minute

// The modes of an export.
const (
	modeFull    = "full"    // all tickets
	modeChanges = "changes" // those that were changed since
	modeMerge   = "merge"   // all tickets: an earlier export, and what was changed since
)

// lastExport is the value of --since that stands for the earlier export.
const lastExport = "last"

// checkSince refuses combinations of flags that mean nothing.
func (opts *exportOptions) checkSince() error {
	if opts.merge && opts.since == "" {
		opts.since = lastExport
	}
	switch {
	case opts.merge && opts.output == "-":
		return errors.New("--merge brings a file up to date; name it with -o, standard output is none")
	case opts.merge && opts.since != lastExport:
		return errors.New("--merge goes on from the file's own manifest; leave --since out")
	case opts.merge && (opts.archived != "" || opts.editable || opts.state != ""):
		return errors.New("--merge makes a file of all live tickets, beside its manifest; leave --archived, --editable and --state out")
	case opts.relink && !opts.merge:
		return errors.New("--full-associations compares with an earlier file; give --merge as well, or export everything")
	case opts.since == lastExport && opts.output == "-" && opts.state == "":
		return errors.New("--since last: standard output has no manifest to go on from; name a file with --state")
	}
	return nil
}

// An increment says how much an export reads.
type increment struct {
	mode    string
	since   time.Time // zero: everything
	earlier *manifest // of the file to bring up to date
}

// plan decides how much is read, and tells if it is more than was asked for. rendering
// is that of this export.
func (a *app) plan(opts exportOptions, account int64, zone, rendering string) (increment, error) {
	full := increment{mode: modeFull}
	switch opts.since {
	case "":
		return full, nil
	case lastExport:
	default:
		at, err := parseSince(opts.since, opts.timezone, zone)
		return increment{mode: modeChanges, since: at}, err
	}
	path := opts.state
	if path == "" {
		path = opts.output + manifestSuffix
	}
	m, err := loadManifest(path)
	if err != nil {
		return full, err
	}
	if m != nil && m.Account.ID != account {
		return full, fmt.Errorf("%s is of account %d, and the token belongs to account %d; name another file", path, m.Account.ID, account)
	}
	if opts.merge {
		return a.planMerge(opts, m, rendering)
	}
	at, why := m.goOnFrom()
	if only := string(extract.ArchivedOnly); why == "" && (m.Filters.Archived == only) != (opts.archived == only) {
		why = "%s is of an export of other tickets: the one had those of the recycle bin only, and the other not"
	}
	if why != "" {
		fmt.Fprintf(a.err, "All tickets are read: %s.\n", fmt.Sprintf(why, path))
		return full, nil
	}
	return increment{mode: modeChanges, since: at}, nil
}

// goOnFrom is the time from which on changes are to be read; or why there is none, for
// a file's name.
func (m *manifest) goOnFrom() (at time.Time, why string) {
	switch {
	case m == nil:
		return at, "there is no %s of an earlier export"
	case !m.Complete && m.Filters.Since != nil:
		return *m.Filters.Since, ""
	case !m.Complete:
		return at, "%s says that the earlier export was not shown to be complete"
	case m.Watermark == nil:
		return at, "%s does not say when the newest change was made"
	}
	return m.Watermark.Add(-sinceMargin), ""
}

// planMerge looks whether the output is what its manifest describes, and has the form
// of this export.
func (a *app) planMerge(opts exportOptions, m *manifest, rendering string) (increment, error) {
	full := increment{mode: modeFull}
	sum, err := sumFile(opts.output)
	switch {
	case err != nil:
		return full, err
	case sum == "":
		fmt.Fprintf(a.err, "All tickets are read: there is no %s yet.\n", opts.output)
		return full, nil
	}
	if m == nil || m.SHA256 != sum {
		if m = nextManifest(opts.output, sum); m == nil {
			return full, fmt.Errorf("%s is not what %s describes: it was changed since, or comes from elsewhere; move it away, or export without --merge", opts.output, opts.output+manifestSuffix)
		}
		if err := m.save(opts.output, opts.perm); err != nil {
			return full, err
		}
	}
	at, why := m.goOnFrom()
	switch {
	case m.Mode == modeChanges || m.Filters.Archived != "":
		return full, fmt.Errorf("%s does not have all live tickets: it is of an export with other flags; move it away, or export without --merge", opts.output)
	case why == "" && m.Rendering != rendering:
		why = "in %s, the columns, or the labels that they show, are others"
	}
	if why != "" {
		fmt.Fprintf(a.err, "All tickets are read: %s.\n", fmt.Sprintf(why, opts.output+manifestSuffix))
		return full, nil
	}
	return increment{mode: modeMerge, since: at, earlier: m}, nil
}

// loadManifest reads a manifest; nil if there is none.
func loadManifest(path string) (*manifest, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, plainCause(err))
	}
	var m manifest
	if err := json.Unmarshal(data, &m); err != nil || m.Version != manifestVersion {
		return nil, fmt.Errorf("%s is not the manifest of an export; move it away", path)
	}
	return &m, nil
}

// nextManifest is the manifest that an export which died has left for the output that
// it has put in its place; nil if it did not come so far.
func nextManifest(output, sum string) *manifest {
	m, err := loadManifest(filepath.Join(output+partSuffix, nextFile))
	if err != nil || m == nil || m.SHA256 != sum {
		return nil
	}
	return m
}

// sumFile is the SHA-256 of a file, in hexadecimal; "" if there is none.
func sumFile(path string) (string, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", path, plainCause(err))
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", fmt.Errorf("%s: %w", path, plainCause(err))
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// sinceForms are the forms of a time in --since.
var sinceForms = []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02 15:04", time.DateOnly}

// parseSince reads a date or a time; one without an offset is in the chosen zone, or
// the account's.
func parseSince(text, chosen, account string) (time.Time, error) {
	if chosen == "" {
		chosen = account
	}
	zone, err := time.LoadLocation(chosen)
	if err != nil {
		zone = time.UTC
	}
	for _, form := range sinceForms {
		if at, err := time.ParseInLocation(form, text, zone); err == nil && at.UnixMilli() > 0 {
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf("--since: %q is neither 'last' nor a time; write a date such as 2026-01-31, or a time such as 2026-01-31T18:00:00Z", text)
}

// earlierOutput is the file of the earlier export, for reading.
func (e *exporting) earlierOutput() *extract.Earlier {
	if e.inc.earlier == nil {
		return nil
	}
	form := e.opts.form
	earlier := &extract.Earlier{Path: e.opts.output, Format: form.Ending, Packing: form.Packing, Guarded: form.Ending == ".csv" && e.opts.guarded(), Comma: e.opts.delimiter[0], TempDir: e.opts.output + partSuffix}
	for _, c := range tableColumns(e.mapper) {
		earlier.Columns = append(earlier.Columns, extract.EarlierColumn{Group: c.Group, Key: c.Key, Kind: c.Kind})
	}
	return earlier
}

// archivedArgs takes the value of --archived from the next word: a flag whose value
// may be left out does not take it itself.
func (opts *exportOptions) archivedArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 1 && opts.archived == string(extract.ArchivedOnly) && slices.Contains(archivedChoices, args[0]) {
		opts.archived = args[0]
		return nil
	}
	return wordsBetween(0, 0, "only flags, and the file to write is named with -o")(cmd, args)
}

var archivedChoices = []string{string(extract.ArchivedToo), string(extract.ArchivedOnly)}
