package main

import (
	"bytes"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
)

// A logWriter is standard error. With --log-format json each line of text that is
// written to it becomes a JSON object on a line of its own; events that are JSON
// already pass unchanged.
type logWriter struct {
	mu   sync.Mutex
	out  io.Writer
	json bool
	open []byte // a line without its end
}

// A logLine is one such object. Its names are stable; more may be added.
type logLine struct {
	Time     string `json:"time"` // ISO 8601, UTC
	Level    string `json:"level"`
	Message  string `json:"message"`
	Next     string `json:"next,omitempty"` // what to do now
	ExitCode int    `json:"exit_code,omitempty"`
}

func (l *logWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.json {
		return l.out.Write(p)
	}
	l.open = append(l.open, p...)
	for {
		line, rest, whole := bytes.Cut(l.open, []byte{'\n'})
		if !whole {
			return len(p), nil
		}
		l.open = bytes.Clone(rest)
		if err := l.line(line); err != nil {
			return 0, err
		}
	}
}

func (l *logWriter) line(text []byte) error {
	text = bytes.TrimSpace(text)
	switch {
	case len(text) == 0:
		return nil
	case text[0] == '{' && json.Valid(text):
		_, err := l.out.Write(append(text, '\n'))
		return err
	}
	return l.put(logLine{Level: "info", Message: string(text)})
}

func (l *logWriter) put(line logLine) error {
	line.Time = time.Now().UTC().Format("2006-01-02T15:04:05.000Z")
	return writeLine(l.out, line)
}

// writeLine writes v as JSON on one line.
func writeLine(to io.Writer, v any) error {
	e := json.NewEncoder(to)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// failure is the last thing that is said of a command that did not end well.
func (l *logWriter) failure(text, next string, code int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_ = l.put(logLine{Level: "error", Message: text, Next: next, ExitCode: code}) // there is no other place to say it
}

// logOf is the standard error of one execution. The form is looked for in the
// arguments first, since what is wrong with them is said in it as well.
func logOf(to io.Writer, args []string, env func(string) (string, bool)) *logWriter {
	log, ok := to.(*logWriter)
	if !ok {
		log = &logWriter{out: to}
	}
	form, _ := env("TICKETETL_LOG_FORMAT")
	if i := slices.Index(args, "--log-format"); i >= 0 && i+1 < len(args) {
		form = args[i+1]
	}
	for _, arg := range args {
		if value, found := strings.CutPrefix(arg, "--log-format="); found {
			form = value
		}
	}
	log.setJSON(form == "json")
	return log
}

func (l *logWriter) setJSON(on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.json = on
}
