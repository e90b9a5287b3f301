package test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/dockertest"
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/status"
)

// asks runs one of the supervisor's commands in its container, which has to succeed.
func (s supervisor) asks(t testing.TB, command ...string) string {
	t.Helper()
	out, code := s.Exec(t, append([]string{"/supervisor"}, command...)...)
	if code != 0 {
		t.Fatalf("%q exits with %d and prints\n%s", command, code, out)
	}
	return out
}

// status is what `supervisor status` knows.
func (s supervisor) status(t testing.TB) (p status.Pod) {
	t.Helper()
	if err := json.Unmarshal([]byte(s.asks(t, "status", "-o", "json")), &p); err != nil {
		t.Fatal(err)
	}
	return p
}

// timeless takes away what differs from run to run, and checks that it is there.
func timeless(t *testing.T, p *status.Pod) {
	t.Helper()
	forget := func(at *time.Time, of string) {
		if at.IsZero() || time.Since(*at) < 0 || time.Since(*at) > soon {
			t.Errorf("%s: the time is %v", of, at)
		}
		*at = time.Time{}
	}
	forget(&p.Started, "the pod")
	for i := range p.Conditions {
		forget(&p.Conditions[i].Since, string(p.Conditions[i].Type))
	}
	for i := range p.Components {
		c := &p.Components[i]
		if len(c.Container) != 64 {
			t.Errorf("%s: the container is %q", c.Name, c.Container)
		}
		c.Container = ""
		for _, s := range []status.State{c.State, c.Last} {
			if s.Running != nil {
				forget(&s.Running.Since, c.Name)
			}
			if s.Terminated != nil {
				forget(&s.Terminated.Started, c.Name)
				forget(&s.Terminated.Finished, c.Name)
			}
		}
	}
}

func TestTheStatusShowsEveryKindOfComponent(t *testing.T) {
	t.Parallel()
	d := dockertest.New(t)
	labels := components{
		"app":   kit("get http://127.0.0.1:9/", "restart: on-failure"), // where nobody listens
		"proxy": kit("sleep", "x-pod: {sidecar: true}"),
		"web":   kit("serve :3000", "x-pod: {readinessProbe: {httpGet: {port: 3000, path: /}, periodSeconds: 1}}"),
	}.labels()
	labels[pod.InitComponents] = "- " + kit("exit 0")
	labels[pod.RestartBackoff] = "{initial: 5m}"
	s := run(t, d, d.Supervisor(t, labels))
	s.waitFor(t, "component restarts", 2) // the second time it has to wait
	dockertest.Eventually(t, soon, func() (bool, string) {
		p := s.status(t)
		return p.Components[3].Ready, s.asks(t, "status")
	})

	got := s.status(t)
	timeless(t, &got)
	crash := got.Components[2]
	if w := crash.State.Waiting; w == nil || !regexp.MustCompile("^back-off 5m0s, [45]m").MatchString(w.Message) {
		t.Fatalf("it has failed twice and is %+v", crash.State)
	}
	crash.State.Waiting.Message = ""
	said := crash.Last.Terminated
	if !strings.HasPrefix(said.Message, "testkit: Get") || len(said.Last) != 1 || said.Last[0] != said.Message {
		t.Errorf("its last words are %q and its last lines %q", said.Message, said.Last)
	}
	said.Message, said.Last = "", nil
	const image = dockertest.Testkit
	runs := status.State{Running: &status.StateRunning{}}
	if got.Cgroup == nil || got.Cgroup.Way == "" {
		t.Errorf("its control group is %+v", got.Cgroup)
	}
	want := status.Pod{
		Name: s.Name, ID: s.ID, Phase: status.Running, Health: got.Health, Cgroup: got.Cgroup,
		Conditions: []status.Condition{
			{Type: status.PodReadyToStartContainers, Status: true}, {Type: status.Initialized, Status: true},
			{Type: status.ContainersReady, Reason: status.ContainersNotReady, Message: "app"}, {Type: status.Ready, Reason: status.ContainersNotReady, Message: "app"},
			{Type: status.EngineReachable, Status: true},
		},
		Components: []status.Component{
			{Name: "init-1", Role: status.Init, Image: image, Ready: true, State: status.State{Terminated: &status.StateTerminated{Reason: status.Completed}}},
			{Name: "proxy", Role: status.Sidecar, Image: image, Ready: true, Started: true, State: runs},
			{Name: "app", Role: status.Main, Image: image, Restarts: 1, State: status.State{Waiting: &status.StateWaiting{Reason: status.CrashLoopBackOff}},
				Last: status.State{Terminated: &status.StateTerminated{Code: 1, Reason: status.Error}}},
			{Name: "web", Role: status.Main, Image: image, Ready: true, Started: true, State: runs},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	asPeopleSeeIt(t, s)
	s.terminated(t)
}

// asPeopleSeeIt is part of TestTheStatusShowsEveryKindOfComponent.
func asPeopleSeeIt(t *testing.T, s supervisor) {
	yaml := s.asks(t, "status", "-o", "yaml")
	for _, line := range []string{"\nphase: Running\n", "  - name: proxy\n    role: sidecar\n", "        reason: CrashLoopBackOff\n"} {
		if !strings.Contains(yaml, line) {
			t.Errorf("there is no %q in\n%s", line, yaml)
		}
	}
	got := withoutUsage(t, s)
	for pattern, with := range map[string]string{
		s.Name: "NAME", `\b[0-9]+[sm]([0-9]+s)?\b`: "TIME", " +": " ", `localhost|testkit: .*`: "WORDS", "(un|)healthy|starting": "HEALTH",
	} {
		got = regexp.MustCompile(pattern).ReplaceAllString(got, with)
	}
	const want = `POD PHASE HEALTH AGE REASON
NAME Running HEALTH TIME ContainersNotReady: app

NAME READY STATUS RESTARTS AGE LAST STATE
init-1 (init) yes Completed 0 TIME -
proxy (sidecar) yes Running 0 TIME -
app no CrashLoopBackOff 1 (TIME ago) TIME Error (1) TIME ago
web yes Running 0 TIME -

app: back-off TIME, TIME left
app, last run: WORDS
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// usageTable is what a status shows of what a pod uses.
var usageTable = regexp.MustCompile(`\nNAME +MEMORY(.|\n)*?\n\n`)

// withoutUsage is a status for people without the table of what each container uses, which has one row for
// the pod and one for each that runs. An engine that has too much to do may not tell it in time.
func withoutUsage(t *testing.T, s supervisor) (text string) {
	t.Helper()
	var table string
	dockertest.Eventually(t, soon, func() (bool, string) {
		text = s.asks(t, "status")
		table = strings.TrimSpace(usageTable.FindString(text))
		return table != "", text
	})
	var rows []string
	for line := range strings.Lines(table) {
		rows = append(rows, regexp.MustCompile("  .*").ReplaceAllString(strings.TrimSpace(line), ""))
	}
	if diff := cmp.Diff([]string{"NAME", s.Name, "proxy (sidecar)", "web", "(pause)"}, rows); diff != "" {
		t.Errorf("%s\n%s", diff, table)
	}
	return strings.Replace(text, usageTable.FindString(text), "\n", 1)
}

// What a component says of its end is kept in memory, so its root may be read-only, and
// its user anyone.
func TestATerminationMessageIsInTheLastRecord(t *testing.T) {
	t.Parallel()
	const path = "/dev/termination-log"
	history := func(name string) string {
		listens := "/dev/shm/" + name
		return kit("history "+path+" "+name+" health "+listens, "read_only: true", "user: '65534'", "x-pod: {terminationMessagePath: "+path+"}", whenThere(listens))
	}
	s := podOf(t, dockertest.New(t), components{"web": history("web"), "log": history("log")})
	s.waitHealthy(t)
	s.terminated(t)
	for name, end := range s.ends(t) {
		words := regexp.MustCompile("[0-9]+ ").ReplaceAllString(end.Message, "")
		if want := name + " started\n" + name + " term\n"; words != want {
			t.Errorf("%s says %q, want %q", name, words, want)
		}
	}
}
