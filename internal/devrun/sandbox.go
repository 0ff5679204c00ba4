// Package devrun starts the built program for the developers' own programs.
package devrun

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"strings"
)

// Sandbox serves a sandbox account in a process of its own: bin with the given
// flags of "sandbox". stop ends it.
func Sandbox(bin string, flags ...string) (url string, stop func(), err error) {
	return Started(bin, append([]string{"sandbox", "--listen", "127.0.0.1:0"}, flags...)...)
}

// Started is an account in a process of its own, whose first line of output is its
// address. stop ends it.
func Started(bin string, args ...string) (url string, stop func(), err error) {
	cmd := exec.Command(bin, args...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	stop = func() {
		_ = cmd.Process.Signal(os.Interrupt) // it may have ended
		_ = cmd.Wait()
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		stop()
		return "", nil, errors.New("the account did not start")
	}
	return strings.TrimSpace(line), stop, nil
}
