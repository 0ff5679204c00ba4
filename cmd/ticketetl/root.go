package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// app is one execution of the program: its streams and the flags that several
// commands share.
type app struct {
	streams
	log   *logWriter // err
	flags commonFlags
	given []string // flags of the command line, ready to be shown

	unconfigured bool // the config file of this folder is not meant

	measured measured
}

// commonFlags are the flags of more than one command.
type commonFlags struct {
	config      string
	baseURL     string
	apiVersion  string
	tokenFile   string
	account     int64
	sandbox     bool
	sandboxData string
	schema      string
	runs        string
	concurrency int
	reserve     string
	waitQuota   bool
	yes         bool
	progress    string
	logFormat   string
	metrics     string
	format      string
	redact      bool
	markedRows  int64
	timeout     time.Duration
	maxWait     time.Duration
	stopWithin  time.Duration
}

// wordsFirst is what the program is, for help.
const about = `ticketetl moves HubSpot tickets in and out of spreadsheets.

It checks every cell before anything is sent, shows what it will do, does exactly
that, and says of each row how it ended.`

func (a *app) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "ticketetl",
		Short:         "Bulk import and export of HubSpot tickets",
		Long:          about + "\n\n" + exitHelp,
		Example:       "  ticketetl import --sandbox -m mappings/chamados.yaml samples/chamados.csv\n  ticketetl validate -m mapping.yaml tickets.xlsx",
		SilenceErrors: true, SilenceUsage: true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return a.defaults(cmd) },
	}
	f := root.PersistentFlags()
	f.StringVar(&a.flags.config, "config", "", "read flags' values from this YAML `file` (default ticketetl.yaml, if it is there)")
	f.StringVar(&a.flags.progress, "progress", "auto", "`how` to show progress: auto, bar, log, json or none")
	f.StringVar(&a.flags.logFormat, "log-format", "text", "`form` of what is said on standard error: text, or json for an object on each line; the result stays on standard output")
	f.StringVar(&a.flags.format, "format", "text", "`format` of the result on standard output: text or json; of a run also sarif or junit")
	root.AddCommand(a.initCommand(), a.validateCommand(), a.importCommand(), a.exportCommand(), a.schemaCommand(), a.mappingCommand(), a.lockCommand(),
		a.resumeCommand(), a.retryCommand(), a.setupCommand(), a.sandboxCommand(), a.runsCommand(), a.reportCommand(), a.versionCommand())
	root.SetFlagErrorFunc(flagError)
	return root
}

// flagError says what is wrong with a flag without the words of Go's parser, and which
// one may be meant.
func flagError(cmd *cobra.Command, err error) error {
	text := err.Error()
	if i := strings.Index(text, ": strconv."); i >= 0 {
		text = text[:i]
	}
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) {
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, "--"+f.Name) })
		text += nearestText("--"+unknown.GetSpecifiedName(), names)
	}
	return fmt.Errorf("%s; 'ticketetl %s --help' lists the flags", text, cmd.Name())
}

// filesNeeded refuses a command line without files.
func filesNeeded(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("name the file to read, e.g. ticketetl %s -m mapping.yaml tickets.csv ('-' is standard input)", cmd.Name())
	}
	return nil
}

// wordsBetween takes at least least and at most most words beside the flags; what
// says which those are.
func wordsBetween(least, most int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		help := fmt.Sprintf("%s takes %s; '%s --help' shows examples", cmd.CommandPath(), what, cmd.CommandPath())
		switch {
		case len(args) < least:
			return errors.New(help)
		case len(args) > most:
			return fmt.Errorf("%q is one word too many: %s", args[most], help)
		}
		return nil
	}
}

// mappingNeeded refuses a command line without a mapping.
func mappingNeeded(cmd *cobra.Command, mapping string) error {
	if mapping == "" {
		return fmt.Errorf("name the mapping, e.g. ticketetl %s -m mapping.yaml; 'ticketetl init FILE -o mapping.yaml' drafts one", cmd.Name())
	}
	return nil
}

// accountFlags are those of commands that talk to an account.
func (a *app) accountFlags(f *pflag.FlagSet) {
	f.StringVar(&a.flags.baseURL, "base-url", "", "`address` of the API (environment HUBSPOT_BASE_URL; default https://api.hubapi.com)")
	f.StringVar(&a.flags.apiVersion, "api-version", "", "date `version` of the API's paths, e.g. 2026-03 (default: v3 and v4)")
	f.StringVar(&a.flags.tokenFile, "token-file", "", "read the access token from this `file` instead of HUBSPOT_ACCESS_TOKEN")
	f.Int64Var(&a.flags.account, "account", 0, "refuse to run unless the token belongs to the account with this `id`")
	f.BoolVar(&a.flags.sandbox, "sandbox", false, "use the embedded sandbox account: no token, nothing leaves this machine")
	f.StringVar(&a.flags.sandboxData, "sandbox-data", "", "as --sandbox, keeping the sandbox account's state in this `file`")
	f.DurationVar(&a.flags.timeout, "timeout", 60*time.Second, "give one request this `long` to be answered")
	f.DurationVar(&a.flags.stopWithin, "stop-within", 15*time.Second, "after Ctrl-C, wait this `long` for answers that are under way")
	f.IntVar(&a.flags.concurrency, "concurrency", 10, "have at most this `number` of requests under way at once")
	f.StringVar(&a.flags.reserve, "reserve", "0%", "leave this `share` of the account's request limit to its other integrations")
	f.BoolVar(&a.flags.waitQuota, "wait-for-quota", false, "when the account's daily limit is reached, wait for the next day instead of stopping")
	f.DurationVar(&a.flags.maxWait, "max-wait", 10*time.Minute, "let one request wait and be repeated for at most this `long`")
}

// defaultRuns is where run folders are kept.
const defaultRuns = "ticketetl-runs"

// runFlags are those of commands that make a run.
func (a *app) runFlags(f *pflag.FlagSet) {
	f.StringVar(&a.flags.runs, "runs", defaultRuns, "keep each run's files in a folder below this `folder`")
	f.BoolVar(&a.flags.redact, "redact", false, "hide the values of cells in reports and on the screen")
	f.Int64Var(&a.flags.markedRows, "marked-rows", markedRows, "mark the bad cells in a copy of the whole file up to this `number` of rows, and write only the rows with problems above it")
}

// defaults fills flags that the command line leaves out from the environment
// (TICKETETL_BASE_URL …) and then from the config file.
func (a *app) defaults(cmd *cobra.Command) error {
	file, err := a.configFile(cmd)
	if err != nil {
		return err
	}
	a.given = givenFlags(cmd)
	a.measured.command = cmd.Name()
	var faults []error
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Changed || f.Name == "config" || f.Name == "help" {
			return
		}
		value, from, ok := a.setting(f.Name, file)
		if !ok {
			return
		}
		if err := cmd.Flags().Set(f.Name, value); err != nil {
			faults = append(faults, fmt.Errorf("%s: %q is no value for --%s", from, value, f.Name))
		}
	})
	if cmd.Flags().Lookup("concurrency") != nil && a.flags.concurrency < 1 {
		faults = append(faults, fmt.Errorf("--concurrency %d: at least one request has to be under way", a.flags.concurrency))
	}
	if cmd.Flags().Lookup("reserve") != nil {
		_, err := reserve(a.flags.reserve)
		faults = append(faults, err)
	}
	a.log.setJSON(a.flags.logFormat == "json")
	faults = append(faults, checkChoice("--log-format", a.flags.logFormat, "text", "json"), checkChoice("--progress", a.flags.progress, "auto", "bar", "log", "json", "none"),
		checkChoice("--format", a.flags.format, formats(cmd)...))
	return errors.Join(faults...)
}

// formats are those that a command writes its result in.
func formats(cmd *cobra.Command) []string {
	switch cmd.Name() {
	case "validate", "import", "resume", "retry", "report":
		return []string{"text", "json", "sarif", "junit"}
	}
	return []string{"text", "json"}
}

func checkChoice(flag, value string, choices ...string) error {
	for _, c := range choices {
		if value == c {
			return nil
		}
	}
	return fmt.Errorf("%s: %q is not one of %s", flag, value, strings.Join(choices, ", "))
}

func (a *app) setting(flag string, file map[string]any) (value, from string, ok bool) {
	name := "TICKETETL_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
	if v, ok := a.env(name); ok && v != "" {
		return v, "environment " + name, true
	}
	if v, ok := file[flag]; ok {
		return fmt.Sprint(v), "config file, " + flag, true
	}
	return "", "", false
}

const defaultConfig = "ticketetl.yaml"

// configFile reads the config file: flags' names and values. A file that was
// named must be there. Names that no command knows are errors.
func (a *app) configFile(cmd *cobra.Command) (map[string]any, error) {
	path := a.flags.config
	if a.unconfigured {
		return nil, nil
	}
	if path == "" {
		path = defaultConfig
		if v, ok := a.env("TICKETETL_CONFIG"); ok && v != "" {
			path = v
		} else if _, err := os.Stat(path); err != nil {
			return nil, nil
		}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("config file: %w", err)
	}
	var values map[string]any
	if err := yaml.Unmarshal(data, &values); err != nil {
		return nil, fmt.Errorf("%s: not a config file: %s", path, yaml.FormatError(err, false, true))
	}
	for name := range values {
		if !knownFlag(cmd.Root(), name) {
			return nil, fmt.Errorf("%s: no command has a flag %q", path, name)
		}
	}
	return values, nil
}

func knownFlag(root *cobra.Command, name string) bool {
	if root.PersistentFlags().Lookup(name) != nil {
		return true
	}
	for _, c := range root.Commands() {
		if c.Flags().Lookup(name) != nil {
			return true
		}
	}
	return false
}

// givenFlags are the flags of the command line as a shell wants them, for "the
// same command again". A token never stands in a flag.
func givenFlags(cmd *cobra.Command) []string {
	var given []string
	cmd.Flags().Visit(func(f *pflag.Flag) {
		switch {
		case f.Name == "mapping" || f.Name == "again" || f.Name == "dry-run" || f.Name == "yes":
		case f.Value.Type() == "bool" && f.Value.String() == "true":
			given = append(given, "--"+f.Name)
		default:
			given = append(given, "--"+f.Name+" "+shellWord(f.Value.String()))
		}
	})
	return given
}

// shellWord is text as one word of a shell command.
func shellWord(text string) string {
	if text != "" && !strings.ContainsFunc(text, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:=@,%+", r)
	}) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
