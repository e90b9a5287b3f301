package main

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/engine/docker"
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/source"
	"github.com/podlike/podlike/internal/source/podyaml"
)

// inspect prints a pod as it would be run.
func inspect(args []string, stdout, stderr io.Writer) (int, error) {
	o, err := parseOptions(cmdInspect, args, stdout)
	if err != nil {
		return 0, err
	}
	if o.file != "" {
		return inspectFile(o.file, stdout, stderr)
	}
	ctx, stop := untilAsked(context.Background())
	defer stop()
	d, err := docker.Open(ctx)
	if err != nil {
		return stopped(ctx, err)
	}
	defer d.Close()
	self, o, err := beside(ctx, d, cmdInspect, args, stdout)
	if err != nil {
		return stopped(ctx, err)
	}
	r, err := prepare(ctx, d, o, self, labelsOf(self), newLog(stderr, isTerminal(stderr), o.debug), nil)
	if err != nil {
		return stopped(ctx, err)
	}
	return 0, show(r.pod, stdout)
}

// beside is the container that a command is run in, and the command's options there: it has the
// supervisor's flags, and its own after them.
func beside(ctx context.Context, e engine.Engine, command string, args []string, stdout io.Writer) (self engine.Seen, o options, err error) {
	if self, err = container(ctx, e); err == nil {
		o, err = parseOptions(command, slices.Concat(flagsOf(self.Argv[1:]), args), stdout)
	}
	return self, o, err
}

// flagsOf are the flags in a supervisor's arguments.
func flagsOf(args []string) []string {
	if len(args) > 0 && (args[0] == cmdRun || args[0] == cmdInspect || args[0] == cmdPlan) {
		return args[1:]
	}
	return args
}

// inspectFile prints the pods of a file, or all that is wrong with it.
func inspectFile(file string, stdout, stderr io.Writer) (int, error) {
	pods, findings := readFile(file)
	code, err := report(findings, stderr)
	if err != nil || slices.ContainsFunc(findings, source.Finding.IsProblem) {
		return code, err
	}
	for i, p := range pods {
		if i > 0 {
			fmt.Fprintln(stdout, "---")
		}
		if p.Name != "" {
			fmt.Fprintln(stdout, "# "+p.Name)
		}
		if err := show(p.Pod, stdout); err != nil {
			return 0, err
		}
	}
	return 0, nil
}

// show prints a pod.
func show(p pod.Pod, to io.Writer) error {
	text, err := podyaml.Write(p)
	if err != nil {
		return err
	}
	_, err = to.Write(text)
	return err
}
