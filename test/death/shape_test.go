package death

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/podlike/podlike/internal/dockertest"
	"github.com/podlike/podlike/internal/pod"
)

// A shape is a pod as the dice have made it.
type shape struct {
	parts []part // init components first, in their order
	flags []string
	pids  bool // its components share their process IDs
}

// A part is one component of it.
type part struct {
	name    string
	init    bool
	command string
	restart string   // empty: none
	private bool     // it has a PID namespace of its own
	ends    bool     // by itself
	volume  bool     // it has one without a name
	more    []string // keys of its Compose service
}

// grace is how long a pod may take to stop.
const grace = 4 * time.Second

// draw makes a pod. One on an engine that is killed has no health checks: one that begins in
// that moment may keep its containerd from ever telling of that container's end, which no
// pod can help.
func draw(dice *rand.Rand, mortal bool) shape {
	s := shape{pids: dice.IntN(5) > 0, flags: []string{"-stop-timeout", grace.String()}}
	if !s.pids {
		s.flags = append(s.flags, "-pids=false")
	}
	if dice.IntN(2) == 0 {
		s.flags = append(s.flags, "-logs")
	}
	for i := range max(dice.IntN(5)-2, 0) {
		s.parts = append(s.parts, part{name: fmt.Sprint("init-", i+1), init: true, ends: true, command: "exit 0 after 300ms"})
	}
	for i := range 1 + dice.IntN(4) {
		p := drawPart(dice, string(rune('a'+i)))
		if i > 0 && dice.IntN(3) == 0 {
			p.more = append(p.more, s.waitsFor(dice, i, mortal))
		}
		s.parts = append(s.parts, p)
	}
	return s
}

// drawPart makes a component.
func drawPart(dice *rand.Rand, name string) part {
	p := part{name: name}
	p.command = []string{
		"sleep", "sleep", "ignore", "signals linger 1500ms", "lines 100000 both every 50ms",
	}[dice.IntN(5)]
	p.restart = []string{"", "", "always", "on-failure", "on-failure:2", "unless-stopped"}[dice.IntN(6)]
	switch dice.IntN(12) {
	case 0:
		p.command, p.ends = "exit 3 after 1s", true
	case 1:
		p.command, p.ends = "exit 0 after 2s", true
	}
	p.private = dice.IntN(8) == 0
	p.volume = dice.IntN(3) == 0
	if dice.IntN(4) == 0 {
		p.more = append(p.more, "secrets: [key]")
	}
	if dice.IntN(6) == 0 {
		p.more = append(p.more, "stop_signal: SIGINT")
	}
	return p
}

// waitsFor has the next component wait for an earlier one of the first i, which is to have
// a health check for that where there may be one.
func (s shape) waitsFor(dice *rand.Rand, i int, mortal bool) string {
	on := &s.parts[len(s.parts)-i+dice.IntN(i)]
	if mortal || on.command != "sleep" {
		return fmt.Sprintf("depends_on: [%s]", on.name)
	}
	on.command = "sleep health /ready after 200ms"
	on.more = append(on.more, "healthcheck: {test: [CMD, /testkit, exists, /ready], interval: 300ms, retries: 1000}")
	return fmt.Sprintf("depends_on: {%s: {condition: service_healthy}}", on.name)
}

// labels are what a supervisor reads the pod from.
func (s shape) labels() map[string]string {
	all := map[string]string{pod.RestartBackoff: "{initial: 1s, cap: 2s}"}
	for _, p := range s.parts {
		if p.init {
			all[pod.InitComponents] += "- " + p.service() + "\n"
		} else {
			all[pod.ComponentPrefix+p.name] = p.service()
		}
	}
	return all
}

// service is a component as a Compose service in YAML.
func (p part) service() string {
	keys := []string{"image: " + dockertest.Testkit, fmt.Sprintf("command: %q", p.command)}
	if p.restart != "" {
		keys = append(keys, "restart: "+p.restart)
	}
	if p.volume {
		keys = append(keys, "volumes: [/data]")
	}
	if p.private {
		keys = append(keys, "x-pod: {pid: private}")
	}
	return "{" + strings.Join(append(keys, p.more...), ", ") + "}"
}

// part is the component of that name.
func (s shape) part(name string) (p part, there bool) {
	for _, p := range s.parts {
		if p.name == name {
			return p, true
		}
	}
	return part{}, false
}

// survives says whether a component may outlive pause, which does not see its processes.
func (s shape) survives(p part) bool { return !s.pids || p.private }

// hardy says whether something of the pod may stay when its supervisor was killed, until
// another one sweeps: a process that pause does not see, or a volume that restarts keep.
func (s shape) hardy() bool {
	for _, p := range s.parts {
		if s.survives(p) || p.volume && p.restart != "" {
			return true
		}
	}
	return false
}

// restless says whether the pod may end by itself, for one of its components does.
func (s shape) restless() bool {
	return slices.ContainsFunc(s.parts, func(p part) bool { return p.ends && !p.init && !p.restarts(0, 0) })
}

// restarts says whether a component is run again that has ended with a code for the nth
// time, counted from 0.
func (p part) restarts(code, n int) bool {
	switch p.restart {
	case "always", "unless-stopped":
		return true
	case "on-failure":
		return code != 0
	case "on-failure:2":
		return code != 0 && n < 2
	}
	return false
}

// rests says whether the pod goes on without a component that has ended with a code.
func (p part) rests(code int) bool {
	return code == 0 && (p.init || strings.HasPrefix(p.restart, "on-failure"))
}

func (s shape) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "supervisor %s\n", strings.Join(s.flags, " "))
	for _, p := range s.parts {
		fmt.Fprintf(&b, "  %s: %s\n", p.name, p.service())
	}
	return b.String()
}
