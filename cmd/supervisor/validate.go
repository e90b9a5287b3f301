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
	"github.com/podlike/podlike/internal/source/compose"
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
	var findings []stack.Finding
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
func report(findings []stack.Finding, to io.Writer) (int, error) {
	for _, f := range findings {
		if _, err := fmt.Fprintln(to, f); err != nil {
			return 0, err
		}
	}
	if slices.ContainsFunc(findings, stack.Finding.IsProblem) {
		return exitUsage, nil
	}
	return 0, nil
}

// validateContainer finds what is wrong with the labels of a container.
func validateContainer(ref string) ([]stack.Finding, error) {
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
	_, findings := stack.Labels(seen.Labels).Read()
	return findings, nil
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

// A filePod is a pod of a file, as it would be run.
type filePod struct {
	service string
	pod     pod.Pod
}

// readFile reads the pods of a file, and what is wrong with them, their flags included.
func readFile(file string) ([]filePod, []stack.Finding) {
	read, findings := stack.Read(file, compose.Own{Lookup: os.LookupEnv, ReadFile: filesAnd(os.Stdin)})
	var pods []filePod
	for _, p := range read {
		o, err := parseOptions(cmdRun, flagsOf(p.Command), io.Discard)
		if err != nil {
			wrong := pod.Problems{pod.Problemf(source.CommandPlace, "%v", err)}
			findings = append(findings, p.Locate(wrong, false)...)
		}
		pods = append(pods, filePod{p.Name, complete(p.Pod, o, p.Image)})
	}
	return pods, stack.Order(file, findings)
}
