// Supervisor runs a pod: it is the Swarm task, or one of two containers started by
// hand, and makes and manages all the others.
//
//	supervisor [run] [flags]       runs the pod that its container's labels describe;
//	                               with -dry-run it prints the plan for that
//	supervisor validate -f FILE    says what is wrong with a stack or Compose file, and where
//	supervisor validate CONTAINER  says what is wrong with a container's labels, and where
//	supervisor plan [flags]        prints what is to be done from what is there of this container's
//	                               pod to what its labels, or -f FILE, say
//	supervisor handover            has the next stop of a pair's supervisor leave its components
//	                               running, for another supervisor
//	supervisor inspect [flags]     prints the pod of this container as YAML
//	supervisor inspect -f FILE     prints the pods of a stack or Compose file as YAML
//	supervisor template FILE...    prints a stack for docker stack deploy of one with x-podlike in it
//	supervisor healthcheck         says how the pod is; exits 0 only when it is healthy
//	supervisor status              shows how the pod and each of its components are, and what they use
//	supervisor top                 shows what they use, again and again
//	supervisor events              prints what has happened to it
//	supervisor logs                prints the components' output
//	supervisor debug               runs one more container beside the components
//	supervisor sweep [flags]       removes what dead supervisors have left on the engine's machine
//	supervisor version             says which version this is
//	supervisor names NAME...       writes names into its hosts file; for supervisors only (see names.go)
//	supervisor kill MARK           kills what has that mark; for supervisors only (see package execkill)
//	supervisor cgroup ORDER        makes, reads or removes a control group; for supervisors only (see package podcgroup)
//	supervisor is PLACE            tells whether it runs there; for supervisors only (see self.go)
//
// With -help each says what flags it has. Those about a pod that runs are for docker
// exec SUPERVISOR /supervisor status.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/podcgroup"
)

// version is set when a release is built.
var version = "dev"

// The exit codes that are our own. Others are a component's, or those that
// supervise gives for one that could not be run.
const (
	exitFault = 1
	exitUsage = pod.ProblemsCode
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run does what the arguments say and returns the exit code.
func run(args []string, stdout, stderr io.Writer) int {
	command := ""
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		command, args = args[0], args[1:]
	}
	code, err := do(command, args, stdout, stderr)
	if errors.Is(err, flag.ErrHelp) { // it was asked for
		return 0
	}
	return exitCode(code, err, stderr)
}

// do does one command.
func do(command string, args []string, stdout, stderr io.Writer) (int, error) {
	switch command {
	case "", cmdRun:
		return runPod(args, stdout, stderr)
	case cmdValidate:
		return validate(args, stdout)
	case cmdInspect:
		return inspect(args, stdout, stderr)
	case cmdPlan:
		return showPlan(args, stdout, stderr)
	case cmdTemplate:
		return renderStack(args, os.Stdin, stdout, stderr)
	}
	return ask(command, args, stdout, stderr)
}

// ask does one command that is about a pod that runs, or about none.
func ask(command string, args []string, stdout, stderr io.Writer) (int, error) {
	ctx, stop := untilAsked(context.Background())
	defer stop()
	switch command {
	case "healthcheck":
		return healthcheck(ctx, stdout)
	case "status":
		return stopped(ctx, showStatus(ctx, args, stdout, stderr))
	case "top":
		return stopped(ctx, top(ctx, args, os.Stdin, stdout))
	case "events":
		return stopped(ctx, events(ctx, args, stdout, stderr))
	case "logs":
		return stopped(ctx, logs(ctx, args, stdout, stderr))
	case "handover":
		return 0, handover(ctx, args, stdout)
	case "debug":
		code, err := debug(ctx, args, os.Stdin, stdout, stderr)
		if err != nil {
			return stopped(ctx, err)
		}
		return code, nil
	case "sweep":
		return stopped(ctx, sweepNode(ctx, args, stdout, stderr))
	case "names":
		return 0, writeNames(args)
	case "kill":
		return 0, kill(ctx, args)
	case "is":
		return 0, is(args)
	case podcgroup.Command:
		return 0, keepGroup(ctx, args, stdout)
	case "version":
		_, err := fmt.Fprintln(stdout, version)
		return 0, err
	}
	return 0, usage(command + ": no such command; there are run, validate, inspect, template, plan, handover, healthcheck, status, top, events, " +
		"logs, debug, sweep and version, and none is run")
}

// usage is something wrong with the command line.
type usage string

func (u usage) Error() string { return string(u) }

// An exitError is one with an exit code of its own.
type exitError struct {
	code int
	error
}

func (e exitError) Unwrap() error { return e.error }

// exitCode tells of an error, a line for each thing that is wrong, and returns the
// code to exit with.
func exitCode(code int, err error, stderr io.Writer) int {
	if err == nil || errors.Is(err, flag.ErrHelp) { // which has been given
		return code
	}
	for line := range strings.Lines(err.Error()) {
		fmt.Fprintln(stderr, "supervisor: "+strings.TrimRight(line, "\n"))
	}
	if own := (exitError{}); errors.As(err, &own) {
		return own.code
	}
	if errors.As(err, new(pod.Problems)) || errors.As(err, new(usage)) {
		return exitUsage
	}
	return exitFault
}
