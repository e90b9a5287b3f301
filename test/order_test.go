package test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/volume"
	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/dockertest"
	"github.com/podlike/podlike/internal/pod"
)

const (
	// times is how often in a row each history has to come out as it should.
	times = 10
	// abreast is how many of these pods are there at the same time.
	abreast = 2
	// ample is a time for going down that nothing of this is to be cut short by.
	ample = time.Minute
)

// A diary is a volume that the components of one pod share, and what they write into
// it of their lives.
type diary struct {
	volume, dir string
}

// newDiary makes the volume. It is a directory of the test's, which so can read along.
func newDiary(t *testing.T, d *dockertest.Engine, dir string) diary {
	t.Helper()
	ctx, cancel := cleaning()
	defer cancel()
	made, err := d.Client().VolumeCreate(ctx, volume.CreateOptions{
		Labels:     d.Labels(nil),
		DriverOpts: map[string]string{"type": "none", "o": "bind", "device": dir},
	})
	if err != nil {
		t.Fatalf("cannot create a volume of %s: %v", dir, err)
	}
	return diary{volume: made.Name, dir: dir}
}

// command is one that writes of its life: testkit's live with more words.
func (y diary) command(name, words string) string {
	return strings.TrimSpace("live /diary/lines " + name + " " + words)
}

// kit is a component that does that, with more keys in YAML.
func (y diary) kit(name, words string, more ...string) string {
	return kit(y.command(name, words), append(more, "volumes: ["+y.volume+":/diary]")...)
}

// hook is one of post_start or pre_stop that does that.
func (y diary) hook(name, words string) string {
	return fmt.Sprintf("{command: %q}", "/testkit "+y.command(name, words))
}

// touch makes a file that components see under /diary.
func (y diary) touch(t *testing.T, name string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(y.dir, name), nil, 0o644); err != nil {
		t.Fatal(err)
	}
}

// A moment is one line of a diary.
type moment struct {
	at   time.Time
	what string // "NAME starting" and so on
}

// moments are all lines so far.
func (y diary) moments(t *testing.T) (all []moment) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(y.dir, "lines"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(content)) {
		var at int64
		var name, what string
		if _, err := fmt.Sscanf(line, "%d %s %s\n", &at, &name, &what); err != nil {
			t.Fatalf("line %q: %v", line, err)
		}
		all = append(all, moment{time.Unix(0, at), name + " " + what})
	}
	return all
}

// at is when something was written the first time.
func (y diary) at(t *testing.T, what string) time.Time {
	t.Helper()
	for _, m := range y.moments(t) {
		if m.what == what {
			return m.at
		}
	}
	t.Fatalf("nobody has written %q, but\n%s", what, y.text(t))
	return time.Time{}
}

// text is the diary without its times.
func (y diary) text(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, m := range y.moments(t) {
		fmt.Fprintln(&all, m.what)
	}
	return all.String()
}

// A tale is a diary to be, a line for each thing that has to have happened before the
// next one does. What may happen in any order stands in one line, with commas.
type tale []string

// taleOf is the tale of a text.
func taleOf(text string) tale { return strings.Split(strings.Trim(text, "\n"), "\n") }

// whole is the tale with what is in one line in the order of the alphabet.
func (w tale) whole() string {
	var all strings.Builder
	for _, line := range w {
		fmt.Fprintln(&all, strings.Join(slices.Sorted(slices.Values(strings.Split(line, ", "))), ", "))
	}
	return all.String()
}

// told is a diary in the lines of the tale; what is more than that has lines of its own.
func (w tale) told(text string) string {
	events := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	var all tale
	for _, line := range w {
		n := min(strings.Count(line, ", ")+1, len(events))
		all, events = append(all, strings.Join(events[:n], ", ")), events[n:]
	}
	return append(all, events...).whole()
}

// tells waits until a diary is as long as the tale, and compares them.
func (y diary) tells(t *testing.T, s supervisor, text string) {
	t.Helper()
	want := taleOf(text)
	events := strings.Count(strings.Join(want, ", "), ", ") + 1
	dockertest.Eventually(t, soon, func() (bool, string) {
		return len(y.moments(t)) >= events, y.text(t) + s.Container.Output(t)
	})
	y.told(t, text)
}

// told compares a diary with a tale.
func (y diary) told(t *testing.T, text string) {
	t.Helper()
	want := taleOf(text)
	if diff := cmp.Diff(want.whole(), want.told(y.text(t))); diff != "" {
		t.Errorf("the order, - wanted, + told:\n%s", diff)
	}
}

// An ordered pod has lives that come in one order.
type ordered struct {
	why    string
	labels func(y diary) map[string]string
	// up is the tale until it has come up. It is asked to stop then, unless it ends by
	// itself or during says how.
	up string
	// during is what happens to it before that, nil: nothing.
	during func(t *testing.T, s supervisor, y diary)
	// down is the tale from then on.
	down string
	// code is that of a pod that ends by itself; asked: it does not.
	code int
}

// asked is no exit code.
const asked = -1

// sidecar is a component's x-pod with more in it.
func sidecar(more ...string) string {
	return "x-pod: {" + strings.Join(append([]string{"sidecar: true"}, more...), ", ") + "}"
}

// whenSeen is a startup probe that passes when a file is there.
func whenSeen(file string) string {
	return "startupProbe: {exec: {command: [/testkit, exists, " + file + "]}, periodSeconds: 1, failureThreshold: 60}"
}

// initial are a pod's init components, and its other ones.
func initial(others components, list ...string) map[string]string {
	all := others.labels()
	all[pod.InitComponents] = "[" + strings.Join(list, ", ") + "]"
	return all
}

// quickly is with restarts that come soon.
func quickly(labels map[string]string) map[string]string {
	all := maps.Clone(labels)
	all[pod.RestartBackoff] = "{initial: 1s, cap: 1s}"
	return all
}

// Who starts after whom, and who ends before whom.
func TestComponentsLiveInOrder(t *testing.T) {
	for name, test := range map[string]ordered{
		"Start": {
			why: "init components one after the other, then sidecars one by one, then all others",
			labels: func(y diary) map[string]string {
				return initial(components{
					"api": y.kit("api", ""), "web": y.kit("web", ""),
					"mesh": y.kit("mesh", "", sidecar(), "post_start: ["+y.hook("hook", "for 100ms")+"]"),
				},
					y.kit("fetch", "for 50ms"), y.kit("check", "for 50ms"),
					y.kit("proxy", "health /there after 200ms", "restart: always", "x-pod: {"+whenSeen("/there")+"}"),
				)
			},
			up: `
fetch starting
fetch started
fetch exiting
fetch exited
check starting
check started
check exiting
check exited
proxy starting
proxy started
mesh starting, mesh started, hook starting, hook started
hook exiting
hook exited
api starting, api started, web starting, web started
`,
			down: `
api exiting, api exited, web exiting, web exited
mesh exiting
mesh exited
proxy exiting
proxy exited
`,
			code: asked,
		},
		"Stop": {
			why: "what depends on others before these, and sidecars last, those first that were started last",
			labels: func(y diary) map[string]string {
				return components{
					"one": y.kit("one", "linger 50ms", sidecar(whenSeen("/proc/1/stat"))),
					"two": y.kit("two", "linger 50ms", sidecar(whenSeen("/proc/1/stat")), "depends_on: [one]"),
					"db":  y.kit("db", "health /there linger 100ms", whenThere("/there")),
					"api": y.kit("api", "health /there linger 100ms", whenThere("/there"), "depends_on: {db: {condition: service_healthy}}"),
					"web": y.kit("web", "linger 100ms", "depends_on: {api: {condition: service_healthy}}"),
				}.labels()
			},
			up: `
one starting, one started, two starting, two started
db starting
db started
api starting
api started
web starting
web started
`,
			down: `
web exiting
web exited
api exiting
api exited
db exiting
db exited
two exiting
two exited
one exiting
one exited
`,
			code: asked,
		},
		"StartupProbe": {
			why: "who depends on a sidecar is started when its startup probe has passed, and not when it runs",
			labels: func(y diary) map[string]string {
				return components{
					"proxy": y.kit("proxy", "health /there after 700ms", sidecar(whenSeen("/there"))),
					"web":   y.kit("web", "", "depends_on: [proxy]"),
				}.labels()
			},
			up: `
proxy starting
proxy started
web starting
web started
`,
			down: `
web exiting
web exited
proxy exiting
proxy exited
`,
			code: asked,
		},
		"PostStart": {
			why: "who depends on a component is started when what it wants done after its start is",
			labels: func(y diary) map[string]string {
				return components{
					"db":  y.kit("db", "", "post_start: ["+y.hook("hook", "for 500ms")+"]"),
					"web": y.kit("web", "", "depends_on: [db]"),
				}.labels()
			},
			up: `
db starting, db started, hook starting, hook started
hook exiting
hook exited
web starting
web started
`,
			down: `
web exiting
web exited
db exiting
db exited
`,
			code: asked,
		},
		"SidecarDiesInTheStop": {
			why: "a sidecar is needed until all others have ended, and is stopped in its turn",
			labels: func(y diary) map[string]string {
				return components{
					"one": y.kit("one", "", sidecar(whenSeen("/proc/1/stat"))),
					"two": y.kit("two", "", sidecar(), "depends_on: [one]"),
					"web": y.kit("web", "until /diary/may"),
				}.labels()
			},
			up: `
one starting, one started, two starting, two started, web starting, web started
`,
			during: func(t *testing.T, s supervisor, y diary) {
				s.Kill(t, "TERM")
				y.waitFor(t, s, "web exiting", 1)
				s.component(t, "one").Kill(t, "KILL")
				y.waitFor(t, s, "one started", 2)
				y.touch(t, "may")
			},
			down: `
web exiting
one starting
one started
web exited
two exiting
two exited
one exiting
one exited
`,
			code: 0,
		},
		"InitFails": {
			why: "an init component that fails ends the pod, and no other is started",
			labels: func(y diary) map[string]string {
				return initial(components{"web": y.kit("web", "")},
					y.kit("fetch", "for 0s"), y.kit("check", "for 0s code 3"), y.kit("never", "for 0s"))
			},
			down: `
fetch starting
fetch started
fetch exiting
fetch exited
check starting
check started
check exiting
check exited
`,
			code: 3,
		},
		"InitFailsAtFirst": {
			why: "one that is restarted on failure is tried until it succeeds",
			labels: func(y diary) map[string]string {
				return quickly(initial(components{"web": y.kit("web", "for 0s")},
					y.kit("fetch", "for 0s code 3 times 2", "restart: on-failure")))
			},
			down: `
fetch starting
fetch started
fetch exiting
fetch exited
fetch starting
fetch started
fetch exiting
fetch exited
fetch starting
fetch started
fetch exiting
fetch exited
web starting
web started
web exiting
web exited
`,
			code: 0,
		},
		"InitFailsTooOften": {
			why: "and not more often than it may",
			labels: func(y diary) map[string]string {
				return quickly(initial(components{"web": y.kit("web", "")},
					y.kit("fetch", "for 0s code 3", "restart: on-failure:1")))
			},
			down: `
fetch starting
fetch started
fetch exiting
fetch exited
fetch starting
fetch started
fetch exiting
fetch exited
`,
			code: 3,
		},
		"AllRestart": {
			why: "a pod that restarts as a whole begins with its init components",
			labels: func(y diary) map[string]string {
				return quickly(initial(components{
					"proxy":  y.kit("proxy", "health /there after 100ms", sidecar(whenSeen("/there"))),
					"web":    y.kit("web", "health /there", whenThere("/there")),
					"worker": y.kit("worker", "for 100ms code 42 times 1", "depends_on: {web: {condition: service_healthy}}", "x-pod: {restartPolicyRules: [{action: RestartAllContainers, exitCodes: {operator: In, values: [42]}}]}"),
				}, y.kit("fetch", "for 0s")))
			},
			down: `
fetch starting
fetch started
fetch exiting
fetch exited
proxy starting
proxy started
web starting
web started
worker starting
worker started
worker exiting
worker exited
proxy exiting, proxy exited, web exiting, web exited
fetch starting
fetch started
fetch exiting
fetch exited
proxy starting
proxy started
web starting
web started
worker starting
worker started
worker exiting
worker exited
web exiting
web exited
proxy exiting
proxy exited
`,
			code: 0,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for range times / abreast {
				test.lives(t)
			}
		})
	}
}

// lives runs some pods at the same time, each from its start to its end.
func (o ordered) lives(t *testing.T) {
	t.Helper()
	var diaries []diary
	var pods []supervisor
	dirs := [abreast]string{}
	for i := range dirs {
		dirs[i] = t.TempDir() // removed after what is in the scope that comes next
	}
	d := dockertest.New(t)
	for _, dir := range dirs {
		y := newDiary(t, d, dir)
		diaries = append(diaries, y)
		pods = append(pods, run(t, d, d.Supervisor(t, o.labels(y), "-stop-timeout", ample.String())))
	}
	for i, s := range pods {
		o.lead(t, s, diaries[i])
	}
	for i, s := range pods {
		if code := s.Wait(t); code != max(o.code, 0) {
			t.Errorf("exited with %d, want %d: %s", code, max(o.code, 0), o.why)
		}
		s.gone(t, 0)
		diaries[i].told(t, strings.TrimSpace(o.up)+"\n"+strings.TrimSpace(o.down))
	}
	if t.Failed() {
		t.Fatalf("not as it should be: %s", o.why)
	}
}

// lead takes a pod to where it ends.
func (o ordered) lead(t *testing.T, s supervisor, y diary) {
	t.Helper()
	if o.up != "" {
		y.tells(t, s, o.up)
	}
	if o.during != nil {
		o.during(t, s, y)
	}
	if o.code == asked {
		s.Kill(t, "TERM")
	}
}

// waitFor waits until something has been written n times.
func (y diary) waitFor(t *testing.T, s supervisor, what string, n int) {
	t.Helper()
	dockertest.Eventually(t, soon, func() (bool, string) {
		text := y.text(t)
		return strings.Count(text, what+"\n") >= n, text + s.Container.Output(t)
	})
}
