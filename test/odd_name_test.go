package test

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/dockertest"
	"github.com/podlike/podlike/internal/pod"
)

// oddNames are those of components that look like something else: a flag, a path, a file of ours, a
// number, another one in another case, and one that is longer than the name of a file may be.
var oddNames = []string{
	"-", "--help", "-f", ".", "..", ".web", "0", "12.5", "A", "Pause", "_", "a", "debug-abcdef", "podlike-pause", "w--e__b..1", "web", "web-", "web.0",
	"web.message", "web.podlike.web", "long" + strings.Repeat("-Name_.1", 40),
}

// oddLabels are labels that an engine takes, and whose values are to arrive as they are.
var oddLabels = map[string]string{
	"two words": " a  b ", "ü.ñ": "日本語 🐳", `"quotes'`: "`\"'", "new\nline": "two\nlines\n", "eq=uals": "a=b=c", "com,ma": "a,b", "tab\t": "\t",
	"{{.Task.ID}}": "{{.Node.Hostname}} ${HOME} $$ %s", "back\\slash": `C:\x`, "empty": "", "- list": "# no: comment", "~": "null", "long": strings.Repeat("0123456789", 1000),
}

// oddly is a component of that name: it says it, and has a volume of its own and one that is kept, and
// a file in memory.
func oddly(t *testing.T, name string) string {
	t.Helper()
	text, err := json.Marshal(map[string]any{
		"image": dockertest.Testkit, "command": []string{"lines", "1", "prefix", "I am " + name + " ", "stay", "/there"},
		"labels": oddLabels, "restart": "always", "volumes": []string{"/own", "Kept.by_all-1:/kept"}, "x-pod": map[string]string{"terminationMessagePath": "/dev/message"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// oddPod are components of odd names.
func oddPod(t *testing.T, names ...string) components {
	t.Helper()
	cs := components{}
	for _, name := range names {
		cs[name] = oddly(t, name)
	}
	return cs
}

// Whatever a component is called, and its supervisor: it is found, shown and swept under that name, and its
// labels are as they were written.
func TestOddNamesWorkFromTheLabelToTheSweep(t *testing.T) {
	t.Parallel()
	f := newField(t)
	spec := f.Supervisor(t, oddPod(t, oddNames...).labels(), "-logs", "-pids=false")
	spec.Name = "S.x_Y-0.podlike.web"
	f.plans(t, spec)
	odd := run(t, f.Engine, spec)
	spec.Name, spec.Labels = "L"+strings.Repeat(".o_N-g", 50), oddPod(t, "web", oddNames[len(oddNames)-1]).labels()
	long := run(t, f.Engine, spec)
	for _, s := range []supervisor{odd, long} {
		s.waitRunning(t)
		s.waitHealthy(t)
	}
	for _, name := range oddNames {
		odd.isOddly(t, name)
	}
	odd.showsOddly(t)
	for _, s := range []supervisor{odd, long} {
		s.restartsOddly(t, oddNames[len(oddNames)-1])
	}
	var want []string
	for _, s := range []supervisor{odd, long} {
		s.Kill(t, "KILL")
		s.Wait(t)
		dockertest.Eventually(t, soon, func() (bool, string) {
			_, there := f.PauseOf(t, s.ID)
			return !there, "pause is still there"
		})
		want = append(want, f.toSweep(t, s)...)
	}
	slices.Sort(want)
	if wanted := 2 * (len(oddNames) + 2); len(want) != wanted { // a container and a volume each
		t.Errorf("left are %d things, want %d", len(want), wanted)
	}
	f.sweeps(t, want)
	f.sweptOf(t, odd)
	f.sweptOf(t, long)
}

// plans checks that a dry run tells what is made of each component, once.
func (f field) plans(t *testing.T, spec dockertest.Spec) {
	t.Helper()
	spec.Name, spec.Cmd = "", append([]string{"run", "-dry-run"}, spec.Cmd...)
	var created []string
	for line := range strings.Lines(f.Output(t, spec)) {
		if words := strings.Fields(line); words[0] == "create" && words[1] != "pause" {
			created = append(created, words[1])
		}
	}
	slices.Sort(created)
	if diff := cmp.Diff(slices.Sorted(slices.Values(oddNames)), created); diff != "" {
		t.Errorf("the plan creates, - wanted, + got:\n%s", diff)
	}
}

// isOddly checks a component's container.
func (s supervisor) isOddly(t *testing.T, name string) {
	t.Helper()
	c := s.component(t, name)
	if want := s.Name + ".podlike." + name; c.Name != want {
		t.Errorf("the container of %s is called %s, want %s", name, c.Name, want)
	}
	labels := c.Inspect(t).Config.Labels
	for key, want := range oddLabels {
		if got, there := labels[key]; got != want || !there {
			t.Errorf("%s has %q in its label %q, want %q", name, got, key, want)
		}
	}
	if labels[pod.LabelOwner] != s.ID || labels[pod.LabelName] != s.Name || labels[pod.LabelComponent] != name {
		t.Errorf("%s has our labels %v", name, labels)
	}
}

// showsOddly checks that each component is shown under its name, and no other is.
func (s supervisor) showsOddly(t *testing.T) {
	t.Helper()
	var shown []string
	rows := strings.Split(s.asks(t, "status"), "\n")
	for _, row := range rows[4:] {
		words := strings.Fields(row)
		if len(words) == 0 { // what they use comes behind that
			break
		}
		shown = append(shown, words[0])
	}
	if diff := cmp.Diff(slices.Sorted(slices.Values(oddNames)), slices.Sorted(slices.Values(shown))); diff != "" {
		t.Errorf("the table shows, - wanted, + got:\n%s", diff)
	}
	stdout, _ := s.Logs(t)
	all, _ := s.Exec(t, "/supervisor", "logs")
	for _, name := range oddNames {
		said := "I am " + name + " 1"
		if got, code := s.Exec(t, "/supervisor", "logs", "--", name); got != said+"\n" || code != 0 {
			t.Errorf("logs of %s exits with %d and prints %q", name, code, got)
		}
		if !strings.Contains(stdout, "[out] "+name+": "+said+"\n") {
			t.Errorf("%s is not in the supervisor's output", said)
		}
		if !slices.ContainsFunc(strings.Split(all, "\n"), func(line string) bool {
			from, text, _ := strings.Cut(line, " | ")
			return strings.TrimRight(from, " ") == name && text == said
		}) {
			t.Errorf("%s is not among the lines of all", said)
		}
	}
}

// restartsOddly checks that a component is restarted under its name, with the volume that is its own.
func (s supervisor) restartsOddly(t *testing.T, name string) {
	t.Helper()
	before := s.component(t, name)
	before.Kill(t, "KILL")
	s.told(t, "component started", name, "", 2)
	after := s.component(t, name)
	if after.Name != before.Name {
		t.Errorf("it was called %s, and is %s", before.Name, after.Name)
	}
}

// What cannot be called so is refused with one error that says where, before anything is made.
func TestNamesThatNoEngineTakesAreRefusedWithTheirPlace(t *testing.T) {
	t.Parallel()
	d := dockertest.New(t)
	component := func(name string) map[string]string {
		return map[string]string{pod.ComponentPrefix + name: kit("sleep")}
	}
	volume := func(name string) map[string]string {
		return components{"web": kit("sleep", "volumes: ['"+name+":/v']")}.labels()
	}
	for name, test := range map[string]struct {
		labels map[string]string
		want   string
	}{
		"NoName":      {component(""), `pod.component.: has no name; write pod.component.<name>`},
		"Pause":       {component("pause"), `pod.component.pause: pause is what holds the pod's namespaces; give the component another name`},
		"Blank":       {component("a b"), `pod.component.a b: "a b" is no name for a component; use letters, digits, _ . and -`},
		"Letter":      {component("ü"), `pod.component.ü: "ü" is no name for a component; use letters, digits, _ . and -`},
		"Slash":       {component("a/b"), `pod.component.a/b: "a/b" is no name for a component; use letters, digits, _ . and -`},
		"Equals":      {component("a=b"), `pod.component.a=b: "a=b" is no name for a component; use letters, digits, _ . and -`},
		"Line":        {component("a\nb"), `pod.component.a b: "a\nb" is no name for a component; use letters, digits, _ . and -`},
		"VolumeShort": {volume("v"), `pod.component.web: volumes: the volume v cannot be made: the engine takes names of 2 to 255 characters; give it such a one`},
		"VolumeLong": {volume(strings.Repeat("v", 256)),
			`pod.component.web: volumes: the volume ` + strings.Repeat("v", 256) + ` cannot be made: the engine takes names of 2 to 255 characters; give it such a one`},
		"VolumeBlank": {volume("a b"), `pod.component.web: volumes: "a b" is no name of a volume, nor a host path, which begins with /`},
		"VolumeDash":  {volume("-a"), `pod.component.web: volumes: "-a" is no name of a volume, nor a host path, which begins with /`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			s := run(t, d, d.Supervisor(t, test.labels))
			code := s.Wait(t)
			_, stderr := s.Logs(t)
			told := strings.TrimPrefix(strings.TrimSuffix(stderr, "\n"), "supervisor: ")
			if all := s.records(t); len(all) > 0 {
				told = all[len(all)-1].Why
			}
			if code != 2 || told != test.want {
				t.Errorf("it exits with %d and tells\n%s\nwant\n%s", code, told, test.want)
			}
			if made := madeBy(t, s, began); len(made) > 0 {
				t.Errorf("these were created: %q", made)
			}
		})
	}
}

// Two pods may want one name for a container. The second one is told, and the first keeps it.
func TestAContainerNameOfAnotherPodIsLeftToIt(t *testing.T) {
	t.Parallel()
	d := dockertest.New(t)
	spec := d.Supervisor(t, components{"web": kit("sleep")}.labels())
	short := volumeName()
	spec.Name = short + ".podlike.x"
	first := run(t, d, spec)
	first.waitRunning(t)
	web := first.component(t, "web")
	spec.Name, spec.Labels = short, components{"x.podlike.web": kit("sleep")}.labels()
	second := run(t, d, spec)
	if code := second.Wait(t); code != 125 {
		t.Errorf("it exits with %d", code)
	}
	why := second.lastRecord(t).Why
	if !strings.Contains(why, "cannot create container "+web.Name+": the name is in use") || !strings.Contains(why, "which is not of this pod") {
		t.Errorf("it ends for %s", why)
	}
	second.gone(t, 0)
	if !web.Running(t) {
		t.Error("it has taken the name")
	}
	first.terminated(t)
}

// oddStack is a stack of a service whose names are as long and as odd as Swarm takes them, and a
// volume with the name of which Docker makes the longest there may be.
const oddStack = `
version: "3.8"
services:
  SERVICE:
    image: podlike/supervisor:dev
    command: -pids=false
    labels: LABELS
    volumes:
      - /var/run/docker.sock:/var/run/docker.sock
      - VOLUME:/here
    healthcheck: {test: [CMD, /healthcheck], interval: 1s}
    deploy: {endpoint_mode: dnsrr}
volumes:
  VOLUME: {}
`

// odder are the names of a stack, its service and its volume.
func odder() (stack, service, data string) {
	stack = "St-4_" + strings.Repeat("x-Y_9", 5)
	service = "0-" + strings.Repeat("Z_z", 10)
	data = "D.a-T_a" + strings.Repeat("._-a", 60)
	return stack, service[:63-len(stack)-1], data[:255-len(stack)-1]
}

// What holds with docker run holds for a stack: its task's names are those of the service, and its own
// volumes are known without the stack's name.
func TestOddNamesWorkOnASwarm(t *testing.T) {
	t.Parallel()
	f := newField(t, "--host", "unix:///var/run/docker.sock")
	f.manages(t)
	stack, service, data := odder()
	names := []string{"-f", "A", "a", "web.podlike.web", oddNames[len(oddNames)-1]}
	cs := components{}
	for _, name := range names {
		cs[name] = strings.ReplaceAll(oddly(t, name), "Kept.by_all-1", data)
	}
	labels, err := json.Marshal(cs.labels())
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer("SERVICE", service, "VOLUME", data, "LABELS", strings.ReplaceAll(string(labels), "$", "$$")).Replace(oddStack)
	f.StackAs(t, stack, filepath.Join(dirWith(t, "stack.yml", text), "stack.yml"))
	s := supervisorIn(f.Engine, f.task(t, stack))
	s.waitRunning(t)
	if want := stack + "_" + service + ".1."; !strings.HasPrefix(s.Name, want) {
		t.Errorf("the task's container is called %s, want %s...", s.Name, want)
	}
	for _, name := range names {
		s.isOddly(t, name)
		mounts := s.component(t, name).Inspect(t).Mounts
		if !slices.ContainsFunc(mounts, func(m container.MountPoint) bool { return m.Destination == "/kept" && m.Name == stack+"_"+data }) {
			t.Errorf("%s mounts %+v", name, mounts)
		}
	}
	s.Kill(t, "KILL") // the next task, or else the sweep, removes what it leaves
	f.sweptOf(t, s)
	next := supervisorIn(f.Engine, f.task(t, stack))
	f.RemoveStack(t, stack)
	f.sweptOf(t, next)
	f.sweeps(t, nil)
}
