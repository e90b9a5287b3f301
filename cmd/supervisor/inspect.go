package main

import (
	"context"
	"fmt"
	"io"
	"slices"

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
	self, err := container(ctx, d)
	if err != nil {
		return stopped(ctx, err)
	}
	if o, err = parseOptions(cmdInspect, slices.Concat(flagsOf(self.Argv[1:]), args), stdout); err != nil {
		return 0, err
	}
	r, err := prepare(ctx, d, o, self, labelsOf(self), newLog(stderr, isTerminal(stderr), o.debug))
	if err != nil {
		return stopped(ctx, err)
	}
	return 0, show(r.pod, stdout)
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
