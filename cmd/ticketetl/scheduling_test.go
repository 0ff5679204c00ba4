package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/internal/sandbox"
)

// The examples of docs/scheduling.md: each block has the form that its reader
// takes, and each command line in it is one of this program.
func TestSchedulingExamples(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/scheduling.md")
	require.NoError(t, err)
	commands := 0
	blocks := map[string]int{}
	for _, block := range regexp.MustCompile("(?s)```([a-z]+)\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		kind, body := block[1], block[2]
		blocks[kind]++
		var lines [][]string
		switch kind {
		case "cron":
			lines = cronCommands(t, body)
		case "systemd":
			lines = unitCommands(t, body)
		case "yaml":
			lines = yamlCommands(t, body)
		default:
			continue
		}
		for _, words := range lines {
			requireCommand(t, words)
			commands++
		}
	}
	require.Equal(t, map[string]int{"cron": 1, "systemd": 2, "yaml": 2, "console": 1}, blocks)
	require.Equal(t, 5, commands)
}

// requireCommand parses a command line as the program does, up to where it would
// connect.
func requireCommand(t *testing.T, words []string) {
	t.Helper()
	require.Equal(t, "ticketetl", filepath.Base(words[0]))
	var log bytes.Buffer
	env := func(string) (string, bool) { return "", false }
	a := &app{streams: streams{err: &log, env: env}, log: &logWriter{out: &log}}
	root := a.rootCommand()
	cmd, rest, err := root.Find(words[1:])
	require.NoError(t, err)
	require.NotEqual(t, root, cmd, "%q", words)
	ran := false
	cmd.RunE = func(*cobra.Command, []string) error { ran = true; return nil }
	root.SetArgs(append([]string{cmd.Name()}, rest...))
	require.NoError(t, root.Execute(), "%q", words)
	require.True(t, ran)

	opts := exportOptions{guard: "auto", headers: "names", types: "auto", mode: "0600", ambiguous: "reject", delimiter: ","}
	opts.output = filepath.Base(cmd.Flag("output").Value.String())
	opts.since, opts.state, opts.archived = cmd.Flag("since").Value.String(), cmd.Flag("state").Value.String(), cmd.Flag("archived").Value.String()
	opts.merge = cmd.Flag("merge").Value.String() == "true"
	require.NoError(t, opts.check(), "%q", words)
}

var cronTimes = regexp.MustCompile(`^([0-9*,/-]+\s+){5}`)

// cronCommands are the programs that the lines of a crontab start.
func cronCommands(t *testing.T, text string) (all [][]string) {
	for line := range strings.Lines(text) {
		times := cronTimes.FindString(line)
		require.NotEmpty(t, times, line)
		require.NotContains(t, line, "%", "cron makes a line break of it")
		command := strings.TrimSpace(strings.TrimPrefix(line, times))
		_, command, found := strings.Cut(command, " && ")
		require.True(t, found)
		command, _, _ = strings.Cut(command, " 2>>")
		all = append(all, strings.Fields(command))
	}
	return all
}

// unitCommands are those of ExecStart; the lines of a unit file are sections and settings.
func unitCommands(t *testing.T, text string) (all [][]string) {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "[") && strings.HasSuffix(line, "]") {
			continue
		}
		name, value, found := strings.Cut(line, "=")
		require.True(t, found, line)
		require.Regexp(t, `^[A-Z][A-Za-z]+$`, name)
		if name == "ExecStart" {
			all = append(all, strings.Fields(value))
		}
	}
	return all
}

// A workflow is what the example of GitHub Actions has, and no more: what is
// misspelt is an error.
type workflow struct {
	Name string
	On   struct {
		Schedule         []struct{ Cron string }
		WorkflowDispatch struct{} `yaml:"workflow_dispatch"`
	}
	Concurrency struct {
		Group            string
		CancelInProgress bool `yaml:"cancel-in-progress"`
	}
	Permissions map[string]string
	Jobs        map[string]struct {
		RunsOn  string `yaml:"runs-on"`
		Timeout int    `yaml:"timeout-minutes"`
		Steps   []struct {
			Name, Uses, Run string
			With, Env       map[string]string
		}
	}
}

// A cronJob is what the example of Kubernetes has of batch/v1, and no more.
type cronJob struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string
	Metadata   struct{ Name string }
	Spec       struct {
		Schedule                string
		TimeZone                string `yaml:"timeZone"`
		ConcurrencyPolicy       string `yaml:"concurrencyPolicy"`
		StartingDeadlineSeconds int    `yaml:"startingDeadlineSeconds"`
		JobTemplate             struct {
			Spec struct {
				BackoffLimit     int `yaml:"backoffLimit"`
				PodFailurePolicy struct {
					Rules []struct {
						Action      string
						OnExitCodes struct {
							ContainerName string `yaml:"containerName"`
							Operator      string
							Values        []int
						} `yaml:"onExitCodes"`
					}
				} `yaml:"podFailurePolicy"`
				Template struct {
					Spec struct {
						RestartPolicy   string         `yaml:"restartPolicy"`
						SecurityContext map[string]any `yaml:"securityContext"`
						Containers      []struct {
							Name, Image     string
							Command         []string
							Resources       map[string]map[string]string
							SecurityContext map[string]bool `yaml:"securityContext"`
							VolumeMounts    []struct {
								Name      string
								MountPath string `yaml:"mountPath"`
								ReadOnly  bool   `yaml:"readOnly"`
							} `yaml:"volumeMounts"`
						}
						Volumes []struct {
							Name                  string
							PersistentVolumeClaim map[string]string `yaml:"persistentVolumeClaim"`
							Secret                map[string]any
							EmptyDir              map[string]any `yaml:"emptyDir"`
						}
					}
				}
			}
		} `yaml:"jobTemplate"`
	}
}

func yamlCommands(t *testing.T, text string) (all [][]string) {
	decode := func(to any) error {
		return yaml.NewDecoder(strings.NewReader(text), yaml.Strict(), yaml.DisallowUnknownField()).Decode(to)
	}
	if strings.HasPrefix(text, "apiVersion:") {
		var job cronJob
		require.NoError(t, decode(&job))
		require.Equal(t, "batch/v1 CronJob", job.APIVersion+" "+job.Kind)
		pod := job.Spec.JobTemplate.Spec.Template.Spec
		require.Equal(t, pod.Containers[0].Name, job.Spec.JobTemplate.Spec.PodFailurePolicy.Rules[0].OnExitCodes.ContainerName)
		require.Len(t, pod.Containers[0].VolumeMounts, len(pod.Volumes))
		for i, mount := range pod.Containers[0].VolumeMounts {
			require.Equal(t, pod.Volumes[i].Name, mount.Name)
		}
		return [][]string{pod.Containers[0].Command}
	}
	var flow workflow
	require.NoError(t, decode(&flow))
	for _, step := range flow.Jobs["export"].Steps {
		require.True(t, (step.Uses == "") != (step.Run == ""))
		for line := range strings.Lines(step.Run) {
			if words := strings.Fields(line); words[0] == "ticketetl" {
				all = append(all, words)
			}
		}
	}
	return all
}

// A sample is one line of the text format of Prometheus.
type sample struct {
	name   string
	labels map[string]string
	value  float64
}

var (
	sampleLine = regexp.MustCompile(`^([a-zA-Z_:][a-zA-Z0-9_:]*)\{([^}]*)\} (\S+)$`)
	labelPair  = regexp.MustCompile(`^([a-zA-Z_][a-zA-Z0-9_]*)="([^"\\\n]*)"$`)
)

// parseMetrics reads the text format strictly: each metric has one HELP and one TYPE
// before its samples, which stand together, each with other labels.
func parseMetrics(t *testing.T, text string) (all []sample) {
	t.Helper()
	require.True(t, strings.HasSuffix(text, "\n"))
	helped, typed, seen, last := map[string]bool{}, map[string]bool{}, map[string]bool{}, ""
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if rest, ok := strings.CutPrefix(line, "# HELP "); ok {
			name, help, _ := strings.Cut(rest, " ")
			require.False(t, helped[name], line)
			require.NotEmpty(t, help)
			helped[name], last = true, name
			continue
		}
		if rest, ok := strings.CutPrefix(line, "# TYPE "); ok {
			require.Equal(t, last+" gauge", rest)
			require.False(t, typed[last], line)
			typed[last] = true
			continue
		}
		parts := sampleLine.FindStringSubmatch(line)
		require.NotNil(t, parts, "%q", line)
		require.Equal(t, last, parts[1])
		require.True(t, helped[last] && typed[last], line)
		require.False(t, seen[parts[1]+parts[2]], line)
		seen[parts[1]+parts[2]] = true
		s := sample{name: parts[1], labels: map[string]string{}}
		for pair := range strings.SplitSeq(parts[2], ",") {
			found := labelPair.FindStringSubmatch(pair)
			require.NotNil(t, found, "%q", line)
			s.labels[found[1]] = found[2]
		}
		var err error
		s.value, err = strconv.ParseFloat(parts[3], 64)
		require.NoError(t, err)
		all = append(all, s)
	}
	return all
}

func (d *desk) metrics(t *testing.T) map[string]float64 {
	t.Helper()
	info, err := os.Stat(d.path("job.prom"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o644), info.Mode().Perm())
	data, err := os.ReadFile(d.path("job.prom"))
	require.NoError(t, err)
	values := map[string]float64{}
	for _, s := range parseMetrics(t, string(data)) {
		values[strings.TrimSuffix(s.name+" "+s.labels["command"]+" "+s.labels["outcome"], " ")] = s.value
	}
	return values
}

// Metrics tell how a run went; the time of the last success outlives a failure.
func TestMetrics(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 250, createMapping, sandbox.Options{Limits: sandbox.Unlimited, IndexLag: -1, Token: "x",
		Faults: sandbox.Faults{{Match: "batch/create", Kind: sandbox.Status429, Nth: 1}}})
	began := float64(time.Now().Unix())
	require.Equal(t, exitDone, d.importAll(t.Context(), "x", "--yes", "--metrics", d.path("job.prom")), d.err.String())
	m := d.metrics(t)
	require.EqualValues(t, 250, m["ticketetl_tickets import created"])
	require.EqualValues(t, 0, m["ticketetl_exit_code import"])
	require.EqualValues(t, 1, m["ticketetl_requests_rate_limited import"])
	require.EqualValues(t, 1, m["ticketetl_requests_repeated import"])
	require.Greater(t, m["ticketetl_requests import"], 3.0)

	require.Equal(t, exitDone, d.export(t, "out.csv", "--metrics", d.path("job.prom")), d.err.String())
	m = d.metrics(t)
	require.EqualValues(t, 250, m["ticketetl_tickets export exported"])
	require.EqualValues(t, 1, m["ticketetl_export_complete export"])
	require.GreaterOrEqual(t, m["ticketetl_last_success_timestamp_seconds export"], began)
	require.Positive(t, m["ticketetl_duration_seconds export"])

	success := m["ticketetl_last_success_timestamp_seconds export"]
	require.Equal(t, exitAuth, d.run(t.Context(), "wrong", "export", "-o", d.path("out.csv"), "--metrics", d.path("job.prom")))
	m = d.metrics(t)
	require.EqualValues(t, exitAuth, m["ticketetl_exit_code export"])
	require.Equal(t, success, m["ticketetl_last_success_timestamp_seconds export"])
	require.GreaterOrEqual(t, m["ticketetl_end_timestamp_seconds export"], success)
	require.NotContains(t, m, "ticketetl_export_complete export")
}

// With --log-format json all that stands on standard error is JSON, a line each.
func TestLogFormatJSON(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 120, createMapping, sandbox.Options{Limits: sandbox.Unlimited, IndexLag: -1, Token: "x"})
	lines := func(code int, token string, args ...string) (all []map[string]any) {
		t.Helper()
		d.err.Reset()
		require.Equal(t, code, d.run(t.Context(), token, append(args, "--log-format", "json")...), d.err.String())
		for line := range strings.Lines(d.err.String()) {
			var object map[string]any
			require.NoError(t, json.Unmarshal([]byte(line), &object), line)
			all = append(all, object)
		}
		require.NotEmpty(t, all)
		return all
	}
	said := lines(exitDone, "x", "import", "--yes", "-m", d.path("desk.yaml"), "--runs", d.path("runs"), d.path("desk.csv"))
	require.Equal(t, "phase-end", said[len(said)-1]["event"])

	said = lines(exitDone, "x", "export", "--merge", "-o", d.path("out.csv"))
	require.Equal(t, "info", said[0]["level"])
	require.Contains(t, said[0]["message"], "All tickets are read")

	said = lines(exitAuth, "wrong", "export", "-o", d.path("out.csv"))
	last := said[len(said)-1]
	require.Equal(t, "error", last["level"])
	require.EqualValues(t, exitAuth, last["exit_code"])
	require.Contains(t, last["next"], "Check the token")
	require.NotContains(t, last["message"], "ticketetl:")

	said = lines(exitCannotRun, "x", "export", "--no-such-flag")
	require.Contains(t, said[0]["message"], "unknown flag: --no-such-flag")
	said = lines(exitCannotRun, "x", "no-such-command")
	require.Contains(t, said[0]["message"], "no-such-command")
	said = lines(exitCannotRun, "x", "validate", "-m", d.path("desk.csv"), d.path("desk.csv"))
	require.Equal(t, "error", said[0]["level"])
}
