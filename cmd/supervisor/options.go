package main

import (
	"errors"
	"flag"
	"io"
	"time"

	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/podcgroup"
)

// options are what the command line says.
type options struct {
	pids, ipc   bool
	logs        bool
	pull        bool
	volumes     bool
	stopTimeout time.Duration
	stopTold    bool // the command line says it
	// engineTimeout is how long the engine may be away. Zero: for ever.
	engineTimeout time.Duration
	pauseImage    string
	debug         bool

	// group is whether the pod gets a control group of its own, groupAuto or groupOff, and
	// reserve how many bytes of its memory the supervisor keeps for itself.
	group   string
	reserve byteSize

	// onStop is what a clean stop does with the components: onStopDown or onStopKeep.
	onStop string

	dryRun bool   // of run: print the plan and do nothing
	file   string // of inspect, plan and validate: look at this file and ask no engine
	ref    string // of validate: the container to look at
}

// The commands that have flags. None at all is run.
const (
	cmdRun      = "run"
	cmdInspect  = "inspect"
	cmdPlan     = "plan"
	cmdValidate = "validate"
)

// What -on-stop may be.
const (
	onStopDown = "down"
	onStopKeep = "keep"
)

// What -pod-cgroup may be.
const (
	groupAuto = "auto"
	groupOff  = "off"
)

// stopTimeoutFlag is how long stopping the whole pod may take.
const stopTimeoutFlag = "stop-timeout"

// defaultEngineTimeout is longer than any engine takes to restart.
const defaultEngineTimeout = 2 * time.Minute

// parseOptions reads the flags of a command. Asked for help it prints it and returns
// flag.ErrHelp.
func parseOptions(command string, args []string, help io.Writer) (options, error) {
	o := options{pids: true, ipc: true, stopTimeout: pod.DefaultGrace, reserve: podcgroup.DefaultReserve}
	flags := flag.NewFlagSet("supervisor", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // errors are told once, by main
	switch command {
	case cmdRun:
		flags.BoolVar(&o.dryRun, "dry-run", false, "print what would be done, and do nothing")
	case cmdPlan:
		flags.StringVar(&o.file, "f", "", "plan the pod of this stack or Compose `file`, - for standard input, in place of the labels'")
	default:
		flags.StringVar(&o.file, "f", "", "look at this stack or Compose `file`, - for standard input, and ask no engine")
	}
	if command != cmdValidate {
		o.ofPod(flags)
	}
	err := flags.Parse(args)
	flags.Visit(func(f *flag.Flag) { o.stopTold = o.stopTold || f.Name == stopTimeoutFlag })
	switch {
	case errors.Is(err, flag.ErrHelp):
		flags.SetOutput(help)
		flags.PrintDefaults()
		return o, err
	case err != nil:
		return o, usage(err.Error() + "; -help lists the flags")
	}
	return o, o.check(command, flags.Args())
}

// ofPod are the flags that say how the pod is run.
func (o *options) ofPod(flags *flag.FlagSet) {
	flags.BoolVar(&o.pids, "pids", true, "share the PID namespace")
	flags.BoolVar(&o.ipc, "ipc", true, "share the IPC namespace")
	flags.BoolVar(&o.logs, "logs", false, "stream the components' output")
	flags.BoolVar(&o.pull, "pull", false, "pull every component's image, also those that are there")
	flags.BoolVar(&o.volumes, "volumes", false, "mount the supervisor's volumes into every component")
	flags.DurationVar(&o.stopTimeout, stopTimeoutFlag, pod.DefaultGrace, "`time` for stopping the whole pod: the service's stop_grace_period")
	flags.DurationVar(&o.engineTimeout, "engine-timeout", defaultEngineTimeout, "how long the engine may not answer before the pod is given up; 0: for ever")
	flags.StringVar(&o.onStop, "on-stop", onStopDown,
		"`what` a clean stop does with the components of a pair: down takes them down, keep leaves them running for the next supervisor")
	flags.StringVar(&o.group, "pod-cgroup", groupAuto, "`whether` the supervisor's limits bind all components together: auto, in the best way that there is; "+
		"off, and they bind each by itself")
	flags.Var(&o.reserve, "reserve-memory",
		"`bytes` of its limit of memory that the supervisor keeps for itself where the pod's are counted apart, half of it at most")
	flags.StringVar(&o.pauseImage, "pause-image", "", "`image` that holds the namespaces (default: beside the supervisor's own)")
	flags.BoolVar(&o.debug, "debug", false, "log every step")
}

// check checks the flags, and what comes after them.
func (o *options) check(command string, rest []string) error {
	switch {
	case command == cmdValidate:
		return o.checkValidate(rest)
	case len(rest) > 0:
		return usage("unexpected argument " + rest[0] + "; components are described in labels")
	case o.onStop != onStopDown && o.onStop != onStopKeep:
		return usage("-on-stop " + o.onStop + ": must be down or keep")
	case command != cmdValidate && o.group != groupAuto && o.group != groupOff:
		return usage("-pod-cgroup " + o.group + ": must be auto or off")
	case o.engineTimeout < 0:
		return usage("-engine-timeout " + o.engineTimeout.String() + ": must not be negative; 0 is for ever")
	case o.stopTimeout < time.Second:
		return usage("-stop-timeout " + o.stopTimeout.String() + ": must be a second at least")
	}
	return nil
}

// checkValidate checks that there is one thing to validate.
func (o *options) checkValidate(rest []string) error {
	if given := len(rest) + min(len(o.file), 1); given != 1 {
		return usage("validate needs one of -f FILE, a stack or Compose file, and CONTAINER, the name or ID of a supervisor's")
	}
	if o.file == "" {
		o.ref = rest[0]
	}
	return nil
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

// A byteSize is a number of bytes as users write it, such as 32m.
type byteSize int64

// String implements flag.Value.
func (s *byteSize) String() string { return pod.Size(int64(*s)) }

// Set implements flag.Value.
func (s *byteSize) Set(text string) error {
	n, err := pod.ParseSize(text)
	*s = byteSize(n)
	return err
}
