package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
)

// docker runs the docker command.
type docker struct {
	// out gets the commands that change something.
	out io.Writer
}

// say runs a command that changes something, and shows it first.
func (d docker) say(ctx context.Context, args ...string) error {
	fmt.Fprintf(d.out, "$ docker %s\n", quoted(args))
	_, err := d.ask(ctx, args...)
	return err
}

// ask runs a command and returns what it printed, trimmed. Its error is the
// command's last line, as that is where docker says why.
func (d docker) ask(ctx context.Context, args ...string) (string, error) {
	var out, problem bytes.Buffer
	command := exec.CommandContext(ctx, "docker", args...)
	command.Stdout, command.Stderr = &out, &problem
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("cannot docker %s: %w", args[0], reason(err, problem.String()))
	}
	return strings.TrimSpace(out.String()), nil
}

// list runs a command and returns the lines it printed.
func (d docker) list(ctx context.Context, args ...string) ([]string, error) {
	out, err := d.ask(ctx, args...)
	if err != nil || out == "" {
		return nil, err
	}
	return strings.Split(out, "\n"), nil
}

// show prints what a command prints, to both of its outputs.
func (d docker) show(ctx context.Context, args ...string) error {
	command := exec.CommandContext(ctx, "docker", args...)
	command.Stdout, command.Stderr = d.out, d.out
	if err := command.Run(); err != nil {
		return fmt.Errorf("cannot docker %s: %w", args[0], err)
	}
	return nil
}

// reason is why a command failed: what it said, or err when it said nothing.
func reason(err error, said string) error {
	for line := range strings.Lines(said) {
		if _, why, found := strings.Cut(line, "Error response from daemon: "); found {
			return errors.New(strings.TrimSpace(why))
		}
	}
	if said = strings.TrimSpace(said); said != "" {
		return errors.New(said)
	}
	return err
}

// quoted are the arguments as a shell would take them.
func quoted(args []string) string {
	words := make([]string, len(args))
	for i, arg := range args {
		words[i] = arg
		if strings.ContainsAny(arg, " \t\n'\"$&|;<>(){}[]*?#~`\\") {
			words[i] = "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
		}
	}
	return strings.Join(words, " ")
}
