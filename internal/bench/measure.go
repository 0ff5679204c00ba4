package main

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

// A work is one process to be measured.
type work struct {
	what string
	rows int // that it goes through; 0 where these do not count
	name string
	args []string
	env  []string

	before func() error // may be nil; not measured
}

// A sample is what one process took.
type sample struct {
	wall, cpu time.Duration
	peak      int64 // KiB
}

// own is a run of ticketetl.
func (b *bench) own(what string, rows int, args ...string) work {
	return work{what: what, rows: rows, name: b.bin, args: append(args, "--progress", "none")}
}

// yard is a run of one of the yardsticks here.
func (b *bench) yard(what string, rows int, kind, file string) work {
	return work{what: what, rows: rows, name: b.self, args: []string{"yardstick", kind, file}}
}

// checked runs validate over file, with the given mapping.
func (b *bench) checked(what string, rows int, mapping, file string) work {
	return b.own(what, rows, "validate", "-m", b.path(mapping), "--schema", b.path("schema.json"), "--runs", b.path("runs"), file)
}

func (b *bench) run(w work) (sample, error) {
	if w.before != nil {
		if err := w.before(); err != nil {
			return sample{}, err
		}
	}
	cmd := exec.Command(w.name, w.args...)
	cmd.Env = append(os.Environ(), w.env...)
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	began := time.Now()
	err := cmd.Run()
	s := sample{wall: time.Since(began)}
	if err != nil {
		return s, fmt.Errorf("%s %s: %w\n%s", w.name, strings.Join(w.args, " "), err, said.String())
	}
	s.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	s.peak = cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss // KiB on Linux
	return s, nil
}

// sideBySide runs works in turns, and prints the medians of each, with its wall time
// as a multiple of the first one's, which is the yardstick of the others.
func (b *bench) sideBySide(works ...work) error {
	samples := make([][]sample, len(works))
	for range b.rounds {
		for i, w := range works {
			s, err := b.run(w)
			if err != nil {
				return err
			}
			samples[i] = append(samples[i], s)
		}
		if err := os.RemoveAll(b.path("runs")); err != nil {
			return err
		}
	}
	yard := medians(samples[0])
	for i, w := range works {
		row(w, medians(samples[i]), yard)
	}
	return nil
}

// alone runs works one after the other, several times over, without a yardstick.
func (b *bench) alone(works ...work) error {
	for _, w := range works {
		if err := b.sideBySide(w); err != nil {
			return err
		}
	}
	return nil
}

// medians are those of each measure.
func medians(samples []sample) sample {
	return sample{
		wall: median(samples, func(s sample) time.Duration { return s.wall }),
		cpu:  median(samples, func(s sample) time.Duration { return s.cpu }),
		peak: median(samples, func(s sample) int64 { return s.peak }),
	}
}

func median[T int64 | time.Duration](samples []sample, of func(sample) T) T {
	values := make([]T, len(samples))
	for i, s := range samples {
		values[i] = of(s)
	}
	slices.Sort(values)
	return values[len(values)/2]
}

const columns = "| %-52s | %10s | %10s | %8s | %8s | %8s | %11s |\n"

func head() {
	fmt.Printf(columns, "what", "rows", "rows/s", "wall s", "CPU s", "peak MiB", "× yardstick")
	fmt.Println("|" + strings.Repeat("---|", 7))
}

func row(w work, s, yard sample) {
	rows, rate := "–", "–"
	if w.rows > 0 {
		rows, rate = fmt.Sprint(w.rows), fmt.Sprintf("%.0f", float64(w.rows)/s.wall.Seconds())
	}
	fmt.Printf(columns, w.what, rows, rate, fmt.Sprintf("%.3f", s.wall.Seconds()), fmt.Sprintf("%.2f", s.cpu.Seconds()),
		fmt.Sprint(s.peak>>10), fmt.Sprintf("%.3f", s.wall.Seconds()/yard.wall.Seconds()))
}
