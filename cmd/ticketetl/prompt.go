package main

import (
	"context"
	"errors"
	"strconv"

	"charm.land/huh/v2"

	"github.com/ticketetl/ticketetl/etl/transform"
)

// choose puts a question on the terminal: a list to move in and to filter or,
// with ACCESSIBLE=1 in the environment, numbered lines for screen readers.
func (a *app) choose(ctx context.Context, q transform.Question) (int, error) {
	answer := q.Default
	options := make([]huh.Option[int], len(q.Choices))
	for i, text := range q.Choices {
		options[i] = huh.NewOption(text, i)
	}
	field := huh.NewSelect[int]().Title(q.Text).Description(q.Note).Options(options...).Value(&answer).Height(listHeight(len(options)))
	setting, _ := a.env("ACCESSIBLE")
	plain, _ := strconv.ParseBool(setting) // anything else is no
	form := huh.NewForm(huh.NewGroup(field)).WithInput(a.in).WithOutput(a.err).WithAccessible(plain).WithKeyMap(keys())
	err := form.RunWithContext(ctx)
	if errors.Is(err, huh.ErrUserAborted) {
		return 0, &exitError{code: exitInterrupted, err: errors.New("stopped; nothing was written")}
	}
	return answer, err
}

// listHeight is how many lines a list takes with its title and its note.
func listHeight(choices int) int { return min(choices, 12) + 2 }

// keys are huh's without control-J and its like for moving in a list: an Enter
// that is pressed between two questions arrives as control-J, and must not move
// the next answer.
func keys() *huh.KeyMap {
	m := huh.NewDefaultKeyMap()
	m.Select.Up.SetKeys("up", "k")
	m.Select.Down.SetKeys("down", "j")
	return m
}
