package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/ticketetl/ticketetl/internal/newfile"
)

// A commandLine is how an export was called, with what the environment and the config
// file have set. A token never stands in it.
type commandLine struct {
	Folder string   `json:"folder"` // in which it was called
	Flags  []string `json:"flags"`
}

// lineFile is the file of a part that has the commandLine.
const lineFile = "command.json"

func lineOf(f *pflag.FlagSet) (line commandLine, err error) {
	line.Folder, err = os.Getwd()
	f.Visit(func(f *pflag.Flag) {
		if f.Name != "again" && f.Name != "config" {
			line.Flags = append(line.Flags, flagText(f))
		}
	})
	return line, err
}

// flagText is a flag as a command line has it.
func flagText(f *pflag.Flag) string {
	value := f.Value.String()
	if list, ok := f.Value.(pflag.SliceValue); ok {
		value = strings.Join(list.GetSlice(), ",")
	}
	return "--" + f.Name + "=" + value
}

// saveLine keeps in the part how the export was called.
func (pt *part) saveLine(line commandLine) error {
	data, err := json.Marshal(line)
	if err != nil {
		return err
	}
	return newfile.Write(filepath.Join(pt.dir, lineFile), data, 0o600)
}

// stoppedExport is the output of the stopped export that word names, by its output or
// by the folder beside it; "" if it names none.
func stoppedExport(word string) string {
	if output := strings.TrimSuffix(filepath.Clean(word), partSuffix); isPart(output + partSuffix) {
		return output
	}
	return ""
}

// resumeExport gives the command again that a stopped export was begun with, and the
// flags of this one after it.
func (a *app) resumeExport(ctx context.Context, output string, flags *pflag.FlagSet) error {
	line, err := loadLine(output)
	if err != nil {
		return err
	}
	here, err := os.Getwd()
	if err != nil {
		return err
	}
	again := &app{streams: a.streams, log: a.log}
	if here != line.Folder {
		again.unconfigured = true
		if err := line.move(output); err != nil {
			return err
		}
	}
	root := again.rootCommand()
	export, _, err := root.Find([]string{"export"})
	if err != nil {
		return err
	}
	for _, given := range a.given {
		name, _, _ := strings.Cut(strings.TrimPrefix(given, "--"), " ")
		if export.Flags().Lookup(name) == nil && root.PersistentFlags().Lookup(name) == nil {
			return fmt.Errorf("--%s is about imports, and %s is an export that has stopped; leave it out", name, output)
		}
		line.Flags = append(line.Flags, flagText(flags.Lookup(name)))
	}
	root.SetArgs(append([]string{"export"}, line.Flags...))
	root.SetOut(a.out)
	root.SetErr(a.err)
	err = root.ExecuteContext(ctx)
	a.measured, a.flags.metrics = again.measured, again.flags.metrics
	return err
}

// fileFlags are those whose values name files.
var fileFlags = []string{"mapping", "history", "state", "metrics", "schema", "sandbox-data", "token-file"}

// move lets the command be given in another folder than its own: output is how its
// output is named there. The other files are where they were, or, if the folder was
// moved with all that is in it, where they are now.
func (l *commandLine) move(output string) error {
	now, err := filepath.Abs(output)
	if err != nil {
		return err
	}
	base := l.Folder
	for _, flag := range l.Flags {
		if was, ok := strings.CutPrefix(flag, "--output="); ok && !filepath.IsAbs(was) {
			if folder, ok := strings.CutSuffix(now, string(filepath.Separator)+filepath.Clean(was)); ok {
				base = folder + string(filepath.Separator)
			}
		}
	}
	for i, flag := range l.Flags {
		name, value, _ := strings.Cut(strings.TrimPrefix(flag, "--"), "=")
		switch {
		case name == "output":
			l.Flags[i] = "--output=" + output
		case slices.Contains(fileFlags, name) && value != "" && !filepath.IsAbs(value):
			l.Flags[i] = "--" + name + "=" + filepath.Join(base, value)
		}
	}
	return nil
}

func loadLine(output string) (line commandLine, err error) {
	data, err := os.ReadFile(filepath.Join(output+partSuffix, lineFile))
	if err == nil {
		err = json.Unmarshal(data, &line)
	}
	var bad *json.SyntaxError
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.As(err, &bad), err == nil && len(line.Flags) == 0:
		return line, fmt.Errorf("%s is an export that has stopped, and it is not known how it was called; give the command again that wrote it: it carries on where it stopped", output)
	}
	return line, err
}
