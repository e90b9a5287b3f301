// Supervisor runs a pod: it is the Swarm task, or one of two containers started by
// hand, and makes and manages all the others.
//
//	supervisor [flags]       runs the pod that its container's labels describe
//	supervisor healthcheck   says how the pod is; exits 0 only when it is healthy
//	supervisor version       says which version this is
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/podlike/podlike/internal/pod"
)

// version is set when a release is built.
var version = "dev"

// The exit codes that are our own. Others are a component's, or those that
// supervise gives for one that could not be run.
const (
	exitFault = 1
	exitUsage = 2
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
	var code int
	var err error
	switch command {
	case "":
		code, err = runPod(args, stdout, stderr)
	case "healthcheck":
		code, err = healthcheck(context.Background(), stdout)
	case "version":
		_, err = fmt.Fprintln(stdout, version)
	default:
		err = usage(fmt.Sprintf("%s: no such command; there are healthcheck and version, and none runs the pod", command))
	}
	return exitCode(code, err, stderr)
}

// usage is something wrong with the command line.
type usage string

func (u usage) Error() string { return string(u) }

// exitCode tells of an error, a line for each thing that is wrong, and returns the
// code to exit with.
func exitCode(code int, err error, stderr io.Writer) int {
	if err == nil {
		return code
	}
	for line := range strings.Lines(err.Error()) {
		fmt.Fprintln(stderr, "supervisor: "+strings.TrimRight(line, "\n"))
	}
	if errors.As(err, new(pod.Problems)) || errors.As(err, new(usage)) {
		return exitUsage
	}
	return exitFault
}
