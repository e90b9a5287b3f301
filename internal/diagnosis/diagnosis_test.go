package diagnosis_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/diagnosis"
	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/lifecycle"
	"github.com/podlike/podlike/internal/live"
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/runner"
	"github.com/podlike/podlike/internal/state"
)

func TestACheckThatFailsIsPutIntoWords(t *testing.T) {
	const (
		noShell = `OCI runtime exec failed: exec failed: exec: "/bin/sh": stat /bin/sh: no such file or directory: unknown`
		noTool  = `OCI runtime exec failed: exec failed: exec: "curl": executable file not found in $PATH: unknown`
		locked  = `OCI runtime exec failed: exec failed: exec: "/etc": permission denied: unknown`
	)
	long := strings.Repeat("0123456789", 500)
	for name, row := range map[string]struct {
		why  string
		of   engine.FailedCheck
		want string
	}{
		"None":      {"none has failed, or there is no check", engine.FailedCheck{}, ""},
		"Silent":    {"the code is all there is", engine.FailedCheck{Code: 3}, "exit code 3"},
		"Says":      {"the output says why", engine.FailedCheck{Code: 3, Said: "db is locked\n"}, "exit code 3: db is locked"},
		"Lines":     {"the first of them is not always the one", engine.FailedCheck{Code: 1, Said: "trying\r\n\r\nno answer\r\n"}, "exit code 1: trying\n\nno answer"},
		"Binary":    {"nothing gets at a terminal", engine.FailedCheck{Code: 1, Said: "\xff\x00\x1b[2Jgone\a"}, "exit code 1: ��\ufffd[2Jgone�"},
		"Long":      {"a message is for people", engine.FailedCheck{Code: 1, Said: long}, "exit code 1: " + long[:512] + " …"},
		"Missing":   {"a shell does not find what its line wants", engine.FailedCheck{Code: 127, Said: "/bin/sh: curl: not found\n", Shell: true}, "exit code 127: /bin/sh: curl: not found"},
		"TimedOut":  {"the engine says why there is no code", engine.FailedCheck{Code: -1, Said: "Health check exceeded timeout (500ms)"}, "Health check exceeded timeout (500ms)"},
		"TimedOut2": {"later engines add what it has printed", engine.FailedCheck{Code: -1, Said: "Health check exceeded timeout (1s): waiting\n"}, "Health check exceeded timeout (1s): waiting"},
		"NoShell": {"an image of one program has none", engine.FailedCheck{Code: -1, Said: noShell, NoCommand: true, Shell: true},
			"its test is a line for a shell, and its image has none: write `test: [CMD, program, argument]`"},
		"NoTool":  {"the image has no such program", engine.FailedCheck{Code: -1, Said: noTool, NoCommand: true}, "the program of its test is not in its image: " + noTool},
		"NotRun":  {"it is there and cannot be run", engine.FailedCheck{Code: -1, Said: locked}, locked},
		"Nothing": {"nobody says why", engine.FailedCheck{Code: -1}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := diagnosis.Words(row.of); got != row.want {
				t.Errorf("got %q, want %q: %s", got, row.want, row.why)
			}
		})
	}
}

// scene is a pod of web, with what was told of it.
type scene struct {
	live *live.State
	run  *live.Container
	told []string
	// seen is what the engine says, or err.
	seen engine.Seen
	err  error
	asks []string
	// meanwhile happens before the engine answers.
	meanwhile func()
}

func newScene(is lifecycle.State) *scene {
	h := &scene{live: live.New(pod.Pod{Components: []pod.Component{{Name: "web"}}})}
	h.seen.FailedCheck = engine.FailedCheck{Code: 3, Said: "db is locked"}
	h.begin("one", is)
	return h
}

// begin begins a run.
func (h *scene) begin(id engine.ID, is lifecycle.State) {
	h.run = live.NewContainer(nil)
	h.run.Run = &runner.Run{ID: id}
	h.live.Update("web", func(c *state.Component) {
		c.NoteCreated(id, c.Run+1, true)
		c.State = is
	})
}

// Inspect implements diagnosis.Engine.
func (h *scene) Inspect(ctx context.Context, ref string) (engine.Seen, error) {
	if _, limited := ctx.Deadline(); !limited {
		return engine.Seen{}, errors.New("it may take for ever")
	}
	h.asks = append(h.asks, ref)
	if h.meanwhile != nil {
		h.meanwhile()
	}
	return h.seen, h.err
}

// says has the health check say something, and returns what is to be done for that.
func (h *scene) says(health lifecycle.Health) (examine func(context.Context)) {
	h.live.Change(func(v *live.View) { examine = h.examiner().Note(v.Component("web"), h.run, health) })
	return examine
}

// examiner is one of the pod.
func (h *scene) examiner() diagnosis.Examiner {
	return diagnosis.Examiner{Engine: h, Live: h.live, Emit: func(e event.Event) {
		h.told = append(h.told, strings.TrimSpace(fmt.Sprint(e.Component, ": ", e.Kind, " ", e.Why)))
	}}
}

func TestAnUnhealthyComponentIsExaminedOnceAndToldOnce(t *testing.T) {
	const healthy, bare, known = "web: component healthy", "web: component unhealthy", "web: component unhealthy exit code 3: db is locked"
	for name, row := range map[string]struct {
		why  string
		is   lifecycle.State
		play func(h *scene)
		told []string
		asks int
		says string
	}{
		"Healthy":   {"nothing is wrong", lifecycle.Running, func(h *scene) { h.examine(h.says(lifecycle.Healthy)) }, []string{healthy}, 0, ""},
		"Starting":  {"nothing is known", lifecycle.Running, func(h *scene) { h.examine(h.says(lifecycle.Unsure)) }, nil, 0, ""},
		"Unhealthy": {"it is told with why", lifecycle.Running, func(h *scene) { h.examine(h.says(lifecycle.Unhealthy)) }, []string{known}, 1, "exit code 3: db is locked"},
		"AtOnce":    {"its start has not returned yet", lifecycle.Starting, func(h *scene) { h.examine(h.says(lifecycle.Unhealthy)) }, []string{known}, 1, "exit code 3: db is locked"},
		"Stopping":  {"who is asked to end need not pass", lifecycle.Stopping, func(h *scene) { h.examine(h.says(lifecycle.Unhealthy)) }, []string{bare}, 0, ""},
		"Unanswered": {"that is but a missing explanation", lifecycle.Running, func(h *scene) {
			h.seen, h.err = engine.Seen{}, errors.New("gone")
			h.examine(h.says(lifecycle.Unhealthy))
		}, []string{bare}, 1, ""},
		"Recovers": {"what was known is of before", lifecycle.Running, func(h *scene) {
			h.examine(h.says(lifecycle.Unhealthy))
			h.examine(h.says(lifecycle.Healthy))
		}, []string{known, healthy}, 1, ""},
		"RecoversFirst": {"the order is that of what happened", lifecycle.Running, func(h *scene) {
			examine := h.says(lifecycle.Unhealthy)
			h.examine(h.says(lifecycle.Healthy))
			h.examine(examine)
		}, []string{bare, healthy}, 1, ""},
		"NextRun": {"the next run is not ill for that", lifecycle.Running, func(h *scene) {
			examine := h.says(lifecycle.Unhealthy)
			h.begin("two", lifecycle.Running)
			h.examine(examine)
		}, []string{known}, 1, ""},
		"NextRunIll": {"nor does it get the explanation of the one before", lifecycle.Running, func(h *scene) {
			examine := h.says(lifecycle.Unhealthy)
			h.begin("two", lifecycle.Running)
			h.says(lifecycle.Unhealthy)
			h.examine(examine)
		}, []string{known}, 1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			h := newScene(row.is)
			row.play(h)
			if diff := cmp.Diff(row.told, h.told); diff != "" {
				t.Errorf("told, %s:\n%s", row.why, diff)
			}
			for _, ref := range h.asks {
				if ref != "one" {
					t.Errorf("%q was examined", ref)
				}
			}
			now, _ := h.live.Component("web")
			if len(h.asks) != row.asks || now.WhyUnhealthy != row.says {
				t.Errorf("examined %d times, it is unhealthy because of %q: %s", len(h.asks), now.WhyUnhealthy, row.why)
			}
		})
	}
}

// Who asks how a pod is while it starts learns what its check has said so far.
func TestWhoAsksLearnsWhyACheckFailsThatDoesNotSayNoYet(t *testing.T) {
	const why = "exit code 3: db is locked"
	for name, row := range map[string]struct {
		why  string
		is   lifecycle.State
		play func(h *scene)
		asks int
		says string
	}{
		"Starting":   {"it has failed so far", lifecycle.Running, func(*scene) {}, 1, why},
		"Unsure":     {"the engine says that it starts", lifecycle.Running, func(h *scene) { h.says(lifecycle.Unsure) }, 1, why},
		"Succeeded":  {"nothing has failed", lifecycle.Running, func(h *scene) { h.seen.FailedCheck = engine.FailedCheck{} }, 1, ""},
		"Healthy":    {"what failed before it did is over", lifecycle.Running, func(h *scene) { h.says(lifecycle.Healthy) }, 0, ""},
		"Unhealthy":  {"that is examined when it becomes so", lifecycle.Running, func(h *scene) { h.examine(h.says(lifecycle.Unhealthy)) }, 1, why},
		"NotStarted": {"it cannot have been checked", lifecycle.Starting, func(*scene) {}, 0, ""},
		"Stopping":   {"it need not pass", lifecycle.Stopping, func(*scene) {}, 0, ""},
		"NoCheck": {"there is none", lifecycle.Running, func(h *scene) {
			h.live.Update("web", func(c *state.Component) { c.Checked = false })
		}, 0, ""},
		"Away": {"nobody waits for an engine that is", lifecycle.Running, func(h *scene) {
			h.live.Change(func(v *live.View) { v.NoteOutage(time.Now(), errors.New("refused"), false, time.Now()) })
		}, 0, ""},
		"Unanswered": {"it is not known", lifecycle.Running, func(h *scene) { h.err = errors.New("gone") }, 1, ""},
		"Recovers":   {"it has become healthy meanwhile", lifecycle.Running, func(h *scene) { h.meanwhile = func() { h.says(lifecycle.Healthy) } }, 1, ""},
		"NextRun":    {"the next run is not ill for that", lifecycle.Running, func(h *scene) { h.meanwhile = func() { h.begin("two", lifecycle.Running) } }, 1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			h := newScene(row.is)
			row.play(h)
			h.examiner().Look()
			now, _ := h.live.Component("web")
			if len(h.asks) != row.asks || now.WhyUnhealthy != row.says {
				t.Errorf("asked %d times, it is unhealthy because of %q: %s", len(h.asks), now.WhyUnhealthy, row.why)
			}
		})
	}
}

// examine does what is to be done.
func (h *scene) examine(do func(context.Context)) {
	if do != nil {
		do(context.Background())
	}
}
