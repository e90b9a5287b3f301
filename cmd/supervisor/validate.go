package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"

	"github.com/podlike/podlike/internal/engine/docker"
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/source"
	"github.com/podlike/podlike/internal/source/stack"
)

// validate prints all that is wrong with a file, or with the labels of a container,
// and what of it is ignored. As with compilers and the like, what they find is their
// output; only what kept them from looking is an error.
func validate(args []string, stdout io.Writer) (int, error) {
	o, err := parseOptions(cmdValidate, args, stdout)
	if err != nil {
		return 0, err
	}
	var findings []source.Finding
	if o.file != "" {
		_, findings = readFile(o.file)
	} else {
		findings, err = validateContainer(o.ref)
	}
	if err != nil {
		return 0, err
	}
	return report(findings, stdout)
}

// report prints findings and returns the code to exit with.
func report(findings []source.Finding, to io.Writer) (int, error) {
	for _, f := range findings {
		if _, err := fmt.Fprintln(to, f); err != nil {
			return 0, err
		}
	}
	if slices.ContainsFunc(findings, source.Finding.IsProblem) {
		return exitUsage, nil
	}
	return 0, nil
}

// validateContainer finds what is wrong with the labels of a container.
func validateContainer(ref string) ([]source.Finding, error) {
	ctx, stop := untilAsked(context.Background())
	defer stop()
	d, err := docker.Open(ctx)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	seen, err := d.Inspect(ctx, ref)
	if err != nil {
		return nil, err
	}
	pods, findings := stack.Labels(seen.Labels).Read()
	o, err := parseOptions(cmdRun, flagsOf(seen.Argv[1:]), io.Discard)
	for _, p := range pods {
		if err == nil { // or else its program is another one
			p.Pod, p.StopGrace = complete(p.Pod, o, seen.Image), seen.StopTimeout
			findings = append(findings, cutsIn(p, o)...)
		}
	}
	return stack.Order("", findings), nil
}

// filesAnd reads files, and input as the one that is called -, as docker compose does.
func filesAnd(input io.Reader) func(file string) ([]byte, error) {
	text := sync.OnceValues(func() ([]byte, error) { return io.ReadAll(input) })
	return func(file string) ([]byte, error) {
		if file == "-" {
			return text()
		}
		return os.ReadFile(file)
	}
}

// readFile reads the pods of a file as they would be run, and what is wrong with them, their
// flags included.
func readFile(file string) ([]source.Pod, []source.Finding) {
	pods, findings := stackFile(file).Read()
	for i, p := range pods {
		as, more := asRun(p)
		pods[i], findings = as, append(findings, more...)
	}
	return pods, stack.Order(file, findings)
}

// asRun is a pod as its supervisor's flags have it run, and what is wrong with those and with
// the times to stop.
func asRun(p source.Pod) (source.Pod, []source.Finding) {
	o, err := parseOptions(cmdRun, flagsOf(p.Command), io.Discard)
	p.Pod = complete(p.Pod, o, p.Image)
	if err != nil {
		return p, p.Locate(pod.Problems{pod.Problemf(source.CommandPlace, "%v", err)}, false)
	}
	return p, cutsIn(p, o)
}
