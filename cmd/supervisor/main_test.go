package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/podlike/podlike/internal/pod"
)

// asProgram is the variable that makes the test's binary the program itself.
const asProgram = "SUPERVISOR_TEST_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	os.Exit(m.Run())
}

// program runs the program as in a container: as the first process of a PID
// namespace, where no one else answers for it. There is no engine.
func program(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	return programWith(t, "", args...)
}

// programWith is program with a standard input.
func programWith(t *testing.T, input string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, said bytes.Buffer
	c := exec.Command("/proc/self/exe", args...)
	c.Stdin, c.Stdout, c.Stderr = strings.NewReader(input), &out, &said
	c.Env = append(os.Environ(), asProgram+"=yes", "DOCKER_HOST=unix:///nonexistent/docker.sock", "GORACE=atexit_sleep_ms=0")
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}
	if uid := os.Getuid(); uid != 0 { // who has to be root in a user namespace for that
		c.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		c.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: uid, Size: 1}}
		c.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	if err := c.Run(); c.ProcessState == nil {
		t.Fatal(err)
	}
	return c.ProcessState.ExitCode(), out.String(), said.String()
}

func TestTheProgramAnswersAndExits(t *testing.T) {
	for name, test := range map[string]struct {
		why            string
		args           []string
		code           int
		stdout, stderr string // their beginnings
	}{
		"Version":     {"the linker sets it", []string{"version"}, 0, "dev\n", ""},
		"Help":        {"help that was asked for is no error", []string{"-help"}, 0, "  -debug\n", ""},
		"Unknown":     {"there are few commands", []string{"start"}, 2, "", "supervisor: start: no such command; there are run, validate, inspect, template, plan, handover, healthcheck, status, top, events, logs, debug, sweep and version, and none is run\n"},
		"RunHelp":     {"run is what none is", []string{"run", "-help"}, 0, "  -debug\n", ""},
		"Run":         {"run is what none is", []string{"run"}, 1, "", "supervisor: cannot reach the engine at unix:///nonexistent/docker.sock"},
		"NoName":      {"there is nothing to write", []string{"names"}, 2, "", "supervisor: names: there has to be one at least"},
		"NoHostName":  {"it would be a line of its own in the hosts file", []string{"names", "-beside", "db", "x\n10.0.0.1 db"}, 2, "", `supervisor: names: "x\n10.0.0.1 db" is no host name`},
		"DryRun":      {"the plan depends on what the engine has", []string{"run", "-dry-run"}, 1, "", "supervisor: cannot reach the engine at unix:///nonexistent/docker.sock"},
		"Validate":    {"it is no guess", []string{"validate"}, 2, "", "supervisor: validate needs one of -f FILE, a stack or Compose file, and CONTAINER, "},
		"ValidateTwo": {"nor two", []string{"validate", "-f", "x.yml", "y"}, 2, "", "supervisor: validate needs one of -f FILE, a stack or Compose file, and CONTAINER, "},
		"ValidateRun": {"these are for running", []string{"validate", "-logs"}, 2, "", "supervisor: flag provided but not defined: -logs; -help lists the flags\n"},
		"Container":   {"its labels are the engine's to tell", []string{"validate", "shop"}, 1, "", "supervisor: cannot reach the engine at unix:///nonexistent/docker.sock"},
		"Inspect":     {"without a file it is our own", []string{"inspect"}, 1, "", "supervisor: cannot reach the engine at unix:///nonexistent/docker.sock"},
		"InspectFile": {"one that is there", []string{"inspect", "-f", "testdata/validate/good.yml"}, 0, "# services.shop\ncomponents:\n  - name: web\n    image: nginx:1.22\n    env:\n      A: \"1\"\n", ""},
		"InspectBad":  {"what is wrong has no pod", []string{"inspect", "-f", "testdata/validate/quote.yml"}, 2, "", "testdata/validate/quote.yml:6:26: "},
		"KillWhom":    {"all that is killed has one mark", []string{"kill"}, 2, "", "supervisor: kill: there has to be one mark\n"},
		"IsWhere":     {"there is one place to be", []string{"is"}, 2, "", "supervisor: is: there has to be one place\n"},
		"IsElsewhere": {"it is where it is", []string{"is", "mnt:[1]"}, 1, "", "supervisor: this is mnt:["},
		"BadFlag":     {"bad configuration is one line and 2", []string{"-x"}, 2, "", "supervisor: flag provided but not defined: -x; -help lists the flags\n"},
		"HealthCheck": {"where nobody runs a pod nothing is healthy", []string{"healthcheck"}, 1, "", "supervisor: cannot ask the supervisor: "},
		"NoPod":       {"where there is no pod nobody knows how it is", []string{"status"}, 1, "", "supervisor: cannot ask the supervisor: "},
		"StatusHelp":  {"every command has its help", []string{"status", "-h"}, 0, "supervisor status [-o json|yaml]\nprints how", ""},
		"TopHelp":     {"every command has its help", []string{"top", "-h"}, 0, "supervisor top [-o json] [-every time] [-n number] [-supervisor]\nshows what", ""},
		"TopForm":     {"there are few forms", []string{"top", "-o", "yaml"}, 2, "", "supervisor: -o yaml: no such form; supervisor top -help lists the flags\n"},
		"TopOften":    {"an engine has more to do", []string{"top", "-every", "499ms"}, 2, "", "supervisor: -every 499ms: must be 500ms at least\n"},
		"TopFew":      {"less than none is none", []string{"top", "-n", "-1"}, 2, "", "supervisor: -n -1: must not be negative; 0 is until the pod is over\n"},
		"TopWord":     {"it shows all", []string{"top", "web"}, 2, "", "supervisor: unexpected argument web; supervisor top -help lists the flags\n"},
		"TopNoPod":    {"where there is no pod nobody knows what it uses", []string{"top"}, 1, "", "supervisor: cannot ask the supervisor: "},
		"EventsHelp":  {"every command has its help", []string{"events", "--help"}, 0, "supervisor events [-f] [-o json]\nprints what", ""},
		"LogsHelp":    {"every command has its help", []string{"logs", "web", "-help"}, 0, "supervisor logs [-f] [-p] [-since when] [component]\nprints the", ""},
		"DebugHelp":   {"every command has its help", []string{"debug", "-help"}, 0, "supervisor debug [-image image] [-target component] [--] [command...]\nruns", ""},
		"SweepHelp":   {"every command has its help", []string{"sweep", "-help"}, 0, "supervisor sweep [-every time] [-dry-run]\nremoves what", ""},
		"SweepWord":   {"it is about all there is", []string{"sweep", "shop"}, 2, "", "supervisor: unexpected argument shop; supervisor sweep -help lists the flags\n"},
		"SweepOften":  {"nobody can sweep that often", []string{"sweep", "-every", "0s"}, 2, "", "supervisor: -every 0s: must be a second at least\n"},
		"SweepPast":   {"time does not run backwards", []string{"sweep", "-every=-5s", "-dry-run"}, 2, "", "supervisor: -every -5s: must be a second at least\n"},
		"SweepUnit":   {"thirty of what?", []string{"sweep", "-every", "30"}, 2, "", `supervisor: invalid value "30" for flag -every: `},
		"Sweep":       {"without an engine there is nothing to sweep", []string{"sweep"}, 1, "", "supervisor: cannot reach the engine at unix:///nonexistent/docker.sock"},
		"SweepDry":    {"nor to look at", []string{"sweep", "-dry-run"}, 1, "", "supervisor: cannot reach the engine at unix:///nonexistent/docker.sock"},
		"Sweeper":     {"a socket that is not there is a mistake", []string{"sweep", "-every", "30s"}, 1, "", "supervisor: cannot reach the engine at unix:///nonexistent/docker.sock"},
		"NoForm":      {"there are few forms", []string{"status", "-o", "xml"}, 2, "", "supervisor: -o xml: no such form; supervisor status -help lists the flags\n"},
		"NoTable":     {"and not the same everywhere", []string{"events", "-o", "yaml"}, 2, "", "supervisor: -o yaml: no such form; supervisor events -help lists the flags\n"},
		"TwoNames":    {"one or all", []string{"logs", "a", "-f", "b"}, 2, "", "supervisor: unexpected argument b; supervisor logs -help lists the flags\n"},
		"NoSuchFlag":  {"a spelling mistake must not be swallowed", []string{"events", "-x"}, 2, "", "supervisor: flag provided but not defined: -x; supervisor events -help lists the flags\n"},
		"When":        {"times are hard to write", []string{"logs", "-since", "yesterday"}, 2, "", "supervisor: -since yesterday: is neither a duration such as 10m nor a time such as 2006-01-02T15:04:05Z\n"},
		"NoEngine":    {"without an engine there is no pod", nil, 1, "", "supervisor: cannot reach the engine at unix:///nonexistent/docker.sock"},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := program(t, test.args...)
			if code != test.code || !begins(stdout, test.stdout) || !begins(stderr, test.stderr) || strings.Count(stderr, "\n") > 1 {
				t.Errorf("%s: exit code %d, stdout %q, stderr %q; want %d, %q, %q", test.why, code, stdout, stderr, test.code, test.stdout, test.stderr)
			}
		})
	}
}

// begins reports whether text begins like that; with nothing it has to be nothing.
func begins(text, like string) bool {
	return strings.HasPrefix(text, like) && (like != "" || text == "")
}

func TestExitCodesTellWhoseFaultItWas(t *testing.T) {
	problems := pod.Problems{{Place: "pod.component.web", What: "image: is missing"}, {Place: "pod.copy.x", What: "no such component"}}
	for name, test := range map[string]struct {
		why  string
		code int
		err  error
		want int
		said string
	}{
		"Component": {"a component's code is passed on", 137, nil, 137, ""},
		"Usage":     {"the one who typed it", 0, usage("no such flag"), 2, "supervisor: no such flag\n"},
		"Problems":  {"the one who wrote the labels, all at once", 0, problems, 2, "supervisor: pod.component.web: image: is missing\nsupervisor: pod.copy.x: no such component\n"},
		"Wrapped":   {"whoever has passed it on", 0, fmt.Errorf("cannot go on: %w", problems[:1]), 2, "supervisor: cannot go on: pod.component.web: image: is missing\n"},
		"Own":       {"docker run's code for what could not be started", 0, errors.Join(exitError{127, errors.New("no such command")}), 127, "supervisor: no such command\n"},
		"Fault":     {"something else", 0, errors.New("connection lost"), 1, "supervisor: connection lost\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var said bytes.Buffer
			if got := exitCode(test.code, test.err, &said); got != test.want || said.String() != test.said {
				t.Errorf("%s: %d, %q; want %d, %q", test.why, got, said.String(), test.want, test.said)
			}
		})
	}
}
