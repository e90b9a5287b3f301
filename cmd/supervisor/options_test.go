package main

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/pod"
)

func TestTheCommandLineIsReadOrRefusedInOneLine(t *testing.T) {
	plain := options{pids: true, ipc: true, stopTimeout: 10 * time.Second, engineTimeout: 2 * time.Minute, onStop: "down", group: "auto", reserve: 32 << 20}
	with := func(change func(*options)) options {
		o := plain
		change(&o)
		return o
	}
	for name, test := range map[string]struct {
		why   string
		args  []string
		want  options
		wrong string // the beginning of what is said
	}{
		"Nothing":     {"everything is shared, nothing is said", nil, plain, ""},
		"Podlike":     {"old stacks have single dashes", []string{"-logs", "-pids=false", "-ipc=false", "-pull", "-volumes"}, with(func(o *options) { o.logs, o.pids, o.ipc, o.pull, o.volumes = true, false, false, true, true }), ""},
		"DoubleDash":  {"as others write it", []string{"--logs", "--pids=false"}, with(func(o *options) { o.logs, o.pids = true, false }), ""},
		"StopTimeout": {"Swarm's grace period, told again", []string{"-stop-timeout", "1m30s"}, with(func(o *options) { o.stopTimeout, o.stopTold = 90*time.Second, true }), ""},
		"PauseImage":  {"an image of one's own", []string{"-pause-image", "reg.example/pause:1"}, with(func(o *options) { o.pauseImage = "reg.example/pause:1" }), ""},
		"Debug":       {"every step", []string{"-debug"}, with(func(o *options) { o.debug = true }), ""},
		"Keep":        {"a pair outlives its supervisor", []string{"-on-stop=keep"}, with(func(o *options) { o.onStop = "keep" }), ""},
		"NoSuchStop":  {"it is one of two", []string{"-on-stop", "leave"}, options{}, "-on-stop leave: must be down or keep"},
		"Ungrouped":   {"each component is limited by itself", []string{"-pod-cgroup=off"}, with(func(o *options) { o.group = "off" }), ""},
		"NoSuchGroup": {"it is one of two", []string{"-pod-cgroup=on"}, options{}, "-pod-cgroup on: must be auto or off"},
		"Reserve":     {"a supervisor may need more", []string{"-reserve-memory", "64m"}, with(func(o *options) { o.reserve = 64 << 20 }), ""},
		"NoSize":      {"of what?", []string{"-reserve-memory", "much"}, options{}, `invalid value "much" for flag -reserve-memory: must be a number of bytes`},
		"ForEver":     {"an engine may be away as long as it likes", []string{"-engine-timeout", "0"}, with(func(o *options) { o.engineTimeout = 0 }), ""},
		"Past":        {"time does not run backwards", []string{"-engine-timeout", "-5s"}, options{}, "-engine-timeout -5s: must not be negative; 0 is for ever"},
		"Last":        {"what is said last counts", []string{"-logs", "-logs=false"}, plain, ""},
		"Unknown":     {"a spelling mistake must not be swallowed", []string{"-log"}, options{}, "flag provided but not defined: -log; -help lists the flags"},
		"NoBool":      {"yes is not true", []string{"-logs=yes"}, options{}, `invalid boolean value "yes" for -logs`},
		"NoUnit":      {"ten of what?", []string{"-stop-timeout", "10"}, options{}, `invalid value "10" for flag -stop-timeout`},
		"TooShort":    {"nobody can stop in no time", []string{"-stop-timeout", "0s"}, options{}, "-stop-timeout 0s: must be a second at least"},
		"Negative":    {"time does not run backwards", []string{"-stop-timeout", "-5s"}, options{}, "-stop-timeout -5s: must be a second at least"},
		"Word":        {"a bool takes no word, so one that follows means something else", []string{"-logs", "true"}, options{}, "unexpected argument true; components are described in labels"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parseOptions(cmdRun, test.args, io.Discard)
			if test.wrong != "" {
				if !errors.As(err, new(usage)) || !strings.HasPrefix(err.Error(), test.wrong) || strings.Contains(err.Error(), "\n") {
					t.Errorf("%s: got %v, want %s", test.why, err, test.wrong)
				}
				return
			}
			if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(options{})); diff != "" || err != nil {
				t.Errorf("%s: %v\n%s", test.why, err, diff)
			}
		})
	}
}

func TestHelpListsEveryFlag(t *testing.T) {
	var help bytes.Buffer
	if _, err := parseOptions(cmdRun, []string{"-help"}, &help); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("got %v", err)
	}
	for _, name := range []string{"-pids", "-ipc", "-logs", "-pull", "-stop-timeout time", "-pause-image image", "-debug"} {
		if !strings.Contains(help.String(), "  "+name+"\n") {
			t.Errorf("%s is not in\n%s", name, help.String())
		}
	}
}

func TestFlagsBecomeThePods(t *testing.T) {
	p := pod.Pod{Components: []pod.Component{{Name: "web"}}, Pull: pod.Missing}
	got := options{pids: true, stopTimeout: time.Minute, pauseImage: "hold", pull: true}.apply(p)
	want := pod.Pod{Components: p.Components, SharePID: true, Grace: time.Minute, Pull: pod.Always, PauseImage: "hold"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := (options{}).apply(p); got.Pull != pod.Missing {
		t.Errorf("without -pull images are pulled %s", got.Pull)
	}
}
