package usage_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/engine/fake"
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/usage"
)

var update = flag.Bool("update", false, "write the golden files anew")

// A scene is the pod `shop` on an engine in memory: `app` with limits, `fetch`, which is initial, `log`, a
// sidecar, a pause, and somebody who looks at it.
type scene struct {
	*testing.T
	*fake.Engine
	pod usage.Pod
}

// The names of what is in a scene.
const (
	shop, pause, debug = "shop", "shop.podlike-pause", "shop.podlike.debug-abcdef"
	app, fetch, log    = "shop.podlike.app", "shop.podlike.fetch", "shop.podlike.log"
)

// play runs a test in a scene.
func play(t *testing.T, test func(s *scene)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &scene{T: t, Engine: fake.New()}
		defer s.Close()
		s.AddImage("any", fake.Running(fake.UntilAsked))
		me := pod.Owner{Name: shop}
		me.ID = string(s.begin(engine.Container{Name: shop, Resources: engine.Resources{Memory: 512 << 20, CPUs: 15e8, Pids: 100}}))
		s.pod = usage.Pod{ID: engine.ID(me.ID), Name: shop}
		s.begin(engine.Container{Name: pause, Labels: me.Labels(pod.RolePause)})
		s.begin(engine.Container{Name: debug, Labels: me.Labels(pod.RoleDebug)})
		s.begin(engine.Container{Name: "podlike-helper", Labels: me.Labels(pod.RoleHelper)})
		s.begin(engine.Container{Name: "foreign", Labels: me.Labels(pod.RolePause)}) // made of an image of a pause's
		for _, of := range []struct {
			component string
			role      string
			may       engine.Resources
		}{
			{"app", "component", engine.Resources{Memory: 64 << 20, CPUs: 5e8, Pids: 10}},
			{"fetch", "init", engine.Resources{Pids: -1}}, {"log", "sidecar", engine.Resources{CPUSet: "0-2"}},
		} {
			labels := me.Labels(pod.RoleComponent)
			labels[pod.LabelComponent] = of.component
			id := s.begin(engine.Container{Name: me.ContainerName(of.component), Labels: labels, Resources: of.may})
			s.pod.Parts = append(s.pod.Parts, usage.Part{Name: of.component, Role: of.role, ID: id})
		}
		s.Use(app, engine.Usage{Memory: 20 << 20, CPU: 12340 * time.Millisecond, Pids: 3, Read: 5 << 20, Written: 100})
		s.Use(log, engine.Usage{Memory: 5 << 20, CPU: time.Hour, Pids: 2, Written: 3 << 30})
		test(s)
	})
}

// begin runs a container of the only image.
func (s *scene) begin(c engine.Container) engine.ID {
	s.Helper()
	c.Image = "any"
	id, _, err := s.Create(s.Context(), c)
	if err := errors.Join(err, s.Start(s.Context(), id)); err != nil {
		s.Fatal(err)
	}
	return id
}

// measure takes a sample without anybody who knows the whole.
func (s *scene) measure() usage.Sample {
	s.Helper()
	return usage.Meter{Engine: s.Engine}.Measure(s.Context(), s.pod)
}

// row is that of a name, of the pod if that is empty.
func row(t *testing.T, s usage.Sample, name string) usage.Row {
	t.Helper()
	if name == "" {
		return s.Pod
	}
	for _, r := range s.Containers {
		if r.Name == name {
			return r
		}
	}
	t.Fatalf("there is no %s in %+v", name, s.Containers)
	return usage.Row{}
}

func TestAPodUsesWhatItsContainersUse(t *testing.T) {
	play(t, func(s *scene) {
		got := s.measure()
		var names []string
		for _, r := range got.Containers {
			names = append(names, r.Name+" "+r.Role)
			if r.Error != "" {
				s.Errorf("%s: %s", r.Name, r.Error)
			}
		}
		if diff := cmp.Diff([]string{"app component", "fetch init", "log sidecar", "pause pause", "debug-abcdef debug"}, names); diff != "" {
			s.Error(diff)
		}
		const idle = 1 << 20
		want := usage.Row{
			Name: shop, ID: s.pod.ID, Limits: &usage.Limits{MemoryBytes: 512 << 20, CPUs: 1.5, Pids: 100},
			Usage: &usage.Amounts{MemoryBytes: 25<<20 + 3*idle, CPUSeconds: 3612.343, Pids: 8, ReadBytes: 5 << 20, WrittenBytes: 3<<30 + 100},
		}
		if diff := cmp.Diff(want, got.Pod, cmpopts.IgnoreUnexported(usage.Row{}), cmpopts.EquateApprox(0, 1e-6)); diff != "" {
			s.Error(diff)
		}
		for name, want := range map[string]*usage.Limits{
			"app": {MemoryBytes: 64 << 20, CPUs: 0.5, Pids: 10}, "fetch": nil, "log": {CPUSet: "0-2"},
		} {
			if diff := cmp.Diff(want, row(t, got, name).Limits); diff != "" {
				s.Errorf("%s: %s", name, diff)
			}
		}
	})
}

// A supervisor is beside its pod, and is not counted as a part of it.
func TestASupervisorIsShownOnRequestAndNotCounted(t *testing.T) {
	play(t, func(s *scene) {
		before := s.measure()
		s.pod.Parts = append(s.pod.Parts, usage.Part{Name: shop, Role: usage.RoleSupervisor, ID: s.pod.ID})
		time.Sleep(time.Second)
		now := s.measure()
		if now.Pod.Usage.MemoryBytes != before.Pod.Usage.MemoryBytes || row(t, now, shop).Usage == nil {
			s.Errorf("before it is %+v, and then %+v", before, now)
		}
	})
}

func TestRatesAreOfTheTimeBetweenTwoSamples(t *testing.T) {
	play(t, func(s *scene) {
		first := s.measure()
		time.Sleep(2 * time.Second)
		s.Use(app, engine.Usage{Memory: 1, CPU: 13340 * time.Millisecond, Pids: 1, Read: 9 << 20, Written: 400})
		got := s.measure().Since(first)
		want := &usage.Rates{CPUCores: 0.5, ReadBytesPerSecond: 2 << 20, WrittenBytesPerSecond: 150}
		for _, of := range []string{"app", ""} {
			if diff := cmp.Diff(want, row(t, got, of).Usage.Rates); diff != "" {
				s.Errorf("%q: %s", of, diff)
			}
		}
		if r := row(t, first, "app").Usage.Rates; r != nil {
			s.Errorf("before there is a second sample the rates are %+v", r)
		}
		if r := row(t, first.Since(first), "app").Usage.Rates; r != nil {
			s.Errorf("in no time it is %+v", r)
		}
	})
}

// A restarted component is another container, which begins anew; so is what has come in between.
func TestAnotherContainerHasNoRatesAndTheOthersKeepTheirs(t *testing.T) {
	play(t, func(s *scene) {
		first := s.measure()
		time.Sleep(time.Second)
		s.pod.Parts[0].ID = s.begin(engine.Container{Name: "shop.podlike.app-again"})
		s.Use("shop.podlike.app-again", engine.Usage{Memory: 1, CPU: 24 * time.Hour, Pids: 1})
		s.Use(log, engine.Usage{Memory: 5 << 20, CPU: time.Hour + time.Second, Pids: 2, Written: 3 << 30})
		got := s.measure().Since(first)
		if r := row(t, got, "app").Usage.Rates; r != nil {
			s.Errorf("the new one has %+v", r)
		}
		for _, of := range []string{"log", ""} {
			if r := row(t, got, of).Usage.Rates; r == nil || r.CPUCores != 1 {
				s.Errorf("%q has %+v", of, r)
			}
		}
	})
}

func TestWhoIsSlowOrGoneKeepsNoneFromBeingShown(t *testing.T) {
	for name, test := range map[string]struct {
		why     string
		change  func(s *scene)
		took    time.Duration
		of, err string // whose row says what
	}{
		"Gone":    {"it is about to be restarted", func(s *scene) { s.remove(app) }, 0, "app", ""},
		"Created": {"it has not begun yet", func(s *scene) { s.pod.Parts[0].ID = s.create("shop.podlike.app-next") }, 0, "app", ""},
		"Failing": {"the engine is at fault", func(s *scene) { s.failing("measure "+app, errNo) }, 0, "app", "no"},
		"Slow":    {"it may never answer", func(s *scene) { s.failing("measure "+app, nil) }, usage.MostTime, "app", "context deadline exceeded"},
		"NoLimit": {"what it uses is known", func(s *scene) { s.failing("inspect "+app, errNo) }, 0, "app", "no"},
		"NoOwner": {"only its limits are lacking", func(s *scene) { s.failing("inspect "+shop, errNo) }, 0, "", "no"},
		"NoList":  {"a proxy may refuse it", func(s *scene) { s.failing("list containers", errNo) }, 0, "pause", "no"},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, func(s *scene) {
				test.change(s)
				began := time.Now()
				got := s.measure()
				if took := time.Since(began); took != test.took {
					s.Errorf("%s: it took %v", test.why, took)
				}
				if r := row(t, got, "log"); r.Usage == nil || r.Usage.Pids != 2 || r.Error != "" || got.Pod.Usage == nil {
					s.Errorf("%s: the other is %+v, and the pod %+v", test.why, r, got.Pod)
				}
				r := row(t, got, test.of)
				if !strings.HasSuffix(r.Error, test.err) || (test.err == "") != (r.Error == "") {
					s.Errorf("%s: it is %+v, want %q", test.why, r, test.err)
				}
				if test.err == "" && r.Usage != nil {
					s.Errorf("%s: it uses %+v", test.why, r.Usage)
				}
				lacking := test.of != "" && r.Usage == nil && r.Error != ""
				if said := strings.Contains(got.Pod.Error, "not counted: "+test.of); said != lacking {
					s.Errorf("%s: the sum lacks some: %v, and says %q", test.why, lacking, got.Pod.Error)
				}
			})
		})
	}
}

// create makes a container that does not run.
func (s *scene) create(name string) engine.ID {
	s.Helper()
	id, _, err := s.Create(s.Context(), engine.Container{Name: name, Image: "any"})
	if err != nil {
		s.Fatal(err)
	}
	return id
}

// remove removes a container.
func (s *scene) remove(name string) {
	s.Helper()
	c, err := s.Inspect(s.Context(), name)
	if err := errors.Join(err, s.Remove(s.Context(), c.ID)); err != nil {
		s.Fatal(err)
	}
}

// errNo is what an engine says that is asked for too much.
var errNo = errors.New("no")

// failing has a call fail, or without an error never return before its time is over.
func (s *scene) failing(call string, err error) {
	s.Intercept(func(ctx context.Context, c fake.Call, do func() error) error {
		switch {
		case c.String() != call:
			return do()
		case err != nil:
			return err
		}
		<-ctx.Done()
		return ctx.Err()
	})
}

func TestInAPairPauseIsTheOwner(t *testing.T) {
	play(t, func(s *scene) {
		id := s.begin(engine.Container{Name: "alone", Labels: map[string]string{pod.LabelRole: pod.RolePause}})
		got := usage.Meter{Engine: s.Engine}.Measure(s.Context(), usage.Pod{ID: id, Name: "alone"})
		if r := row(t, got, "pause"); r.ID != id || r.Usage == nil || len(got.Containers) != 1 {
			s.Errorf("got %+v", got)
		}
	})
}

func TestWhereThereIsNoPodYetNobodyIsAsked(t *testing.T) {
	play(t, func(s *scene) {
		s.Away()
		got := usage.Meter{Engine: s.Engine}.Measure(s.Context(), usage.Pod{})
		if got.Pod.Error != "" || len(got.Containers) > 0 {
			s.Errorf("got %+v", got)
		}
	})
}

// A group is a pod's as a whole, as the test has it.
type group struct {
	usage.Total
	err error
}

func (g *group) Measure(context.Context) (usage.Total, error) { return g.Total, g.err }

func TestWhoKnowsTheWholeIsBelievedMoreThanTheSum(t *testing.T) {
	play(t, func(s *scene) {
		g := &group{Total: usage.Total{
			Usage: engine.Usage{Memory: 7, CPU: time.Second, Pids: 9}, Limits: engine.Limits{Memory: 8},
			Pressure: &usage.Pressure{Memory: 1.5},
		}}
		m := usage.Meter{Engine: s.Engine, Whole: g}
		first := m.Measure(s.Context(), s.pod)
		want := usage.Row{
			Name: shop, ID: s.pod.ID, Usage: &usage.Amounts{MemoryBytes: 7, CPUSeconds: 1, Pids: 9},
			Limits: &usage.Limits{MemoryBytes: 8}, Pressure: &usage.Pressure{Memory: 1.5},
		}
		if diff := cmp.Diff(want, first.Pod, cmpopts.IgnoreUnexported(usage.Row{})); diff != "" {
			s.Error(diff)
		}
		g.Usage.CPU += time.Second
		time.Sleep(4 * time.Second)
		second := m.Measure(s.Context(), s.pod).Since(first)
		if r := second.Pod.Usage.Rates; r == nil || r.CPUCores != 0.25 {
			s.Errorf("its rates are %+v", r)
		}
		g.err = errors.New("cannot read it")
		third := m.Measure(s.Context(), s.pod).Since(second)
		if third.Pod.Usage.Pids != 8 || third.Pod.Error != "cannot read it; this is the sum of its containers" {
			s.Errorf("where it cannot be read the pod is %+v", third.Pod)
		}
		g.err, g.Usage.CPU = nil, 2*time.Hour
		time.Sleep(time.Second)
		if r := m.Measure(s.Context(), s.pod).Since(third).Pod.Usage.Rates; r != nil {
			s.Errorf("between a sum and the whole there is a rate: %+v", r)
		}
	})
}

// samples are a pod when one looks for the first time, a second later with pressure, when one of its
// containers does not answer, and before there is one.
func samples(s *scene) []usage.Sample {
	first := s.measure()
	time.Sleep(time.Second)
	s.Use(app, engine.Usage{Memory: 1<<30 - 1, CPU: 12834 * time.Millisecond, Pids: 10, Read: 6 << 20, Written: 1123})
	second := s.measure().Since(first)
	second.Pod.Pressure = &usage.Pressure{Memory: 0.5, CPU: 12.345}
	s.failing("measure "+app, errors.New("cannot measure it"))
	s.Kill(fetch)
	time.Sleep(time.Second)
	third := s.measure().Since(second)
	return []usage.Sample{first, second, third, {At: third.At}}
}

func TestASampleIsShownToPeople(t *testing.T) {
	play(t, func(s *scene) {
		var got strings.Builder
		for _, one := range samples(s) {
			fmt.Fprintf(&got, "# totals\n%s\n# live\n%s\n", usage.Totals(one), usage.Live(one))
		}
		compare(t, "testdata/table.golden", got.String())
	})
}

func TestASampleIsShownToPrograms(t *testing.T) {
	play(t, func(s *scene) {
		var got strings.Builder
		for _, one := range samples(s) {
			text, err := json.MarshalIndent(one, "", "  ")
			if err != nil {
				s.Fatal(err)
			}
			fmt.Fprintf(&got, "%s\n", text)
		}
		compare(t, "testdata/json.golden", got.String())
	})
}

// compare compares got with the file, or writes it under -update.
func compare(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}
