package main

import (
	"errors"
	"flag"
	"io"
	"time"

	"github.com/podlike/podlike/internal/pod"
)

// options are what the command line says.
type options struct {
	pids, ipc   bool
	logs        bool
	pull        bool
	volumes     bool
	stopTimeout time.Duration
	pauseImage  string
	debug       bool
}

// parseOptions reads the flags. Asked for help it prints it and returns flag.ErrHelp.
func parseOptions(args []string, help io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("supervisor", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // errors are told once, by main
	flags.BoolVar(&o.pids, "pids", true, "share the PID namespace")
	flags.BoolVar(&o.ipc, "ipc", true, "share the IPC namespace")
	flags.BoolVar(&o.logs, "logs", false, "stream the components' output")
	flags.BoolVar(&o.pull, "pull", false, "pull every component's image, also those that are there")
	flags.BoolVar(&o.volumes, "volumes", false, "mount the supervisor's volumes into every component")
	flags.DurationVar(&o.stopTimeout, "stop-timeout", pod.DefaultGrace, "`time` for stopping the whole pod: the service's stop_grace_period")
	flags.StringVar(&o.pauseImage, "pause-image", "", "`image` that holds the namespaces (default: beside the supervisor's own)")
	flags.BoolVar(&o.debug, "debug", false, "log every step")
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		flags.SetOutput(help)
		flags.PrintDefaults()
		return o, err
	case err != nil:
		return o, usage(err.Error() + "; -help lists the flags")
	case flags.NArg() > 0:
		return o, usage("unexpected argument " + flags.Arg(0) + "; components are described in labels")
	case o.stopTimeout < time.Second:
		return o, usage("-stop-timeout " + o.stopTimeout.String() + ": must be a second at least")
	}
	return o, nil
}

// apply puts what the command line says into a pod.
func (o options) apply(p pod.Pod) pod.Pod {
	p.SharePID, p.ShareIPC = o.pids, o.ipc
	p.Grace = o.stopTimeout
	p.PauseImage = o.pauseImage
	if o.pull {
		p.Pull = pod.Always
	}
	return p
}
