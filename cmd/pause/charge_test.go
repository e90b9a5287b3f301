package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/podlike/podlike/internal/dockertest"
)

// A pair is a pause that was started by hand, and supervisors that come and go.
type pair struct {
	*dockertest.Engine
	kit   string // the image of testkit as it is now
	pause *dockertest.Container
}

// paired makes a pair without a supervisor.
func paired(t *testing.T, args ...string) *pair {
	t.Helper()
	d := dockertest.New(t)
	return &pair{d, d.ScratchImage(t, "./test/testkit"), d.Run(t, sandbox(t, d, args...))}
}

// spec is a supervisor that does no more than be in charge.
func (p *pair) spec(name string, args ...string) dockertest.Spec {
	return dockertest.Spec{Image: p.kit, Cmd: append([]string{"charge", name}, args...), Network: dockertest.Join(p.pause)}
}

// supervisor runs one that gets the charge as the one after so many.
func (p *pair) supervisor(t *testing.T, name string, before int) *dockertest.Container {
	t.Helper()
	c := p.Run(t, p.spec(name))
	tells(t, c, fmt.Sprint("granted ", before))
	return c
}

// component joins a component to the pod, as the function of that name does.
func (p *pair) component(t *testing.T, linger time.Duration) *dockertest.Container {
	t.Helper()
	return component(t, p.Engine, p.kit, p.pause, linger)
}

// refuses runs one that does not get the charge, and compares what it says of it.
func (p *pair) refuses(t *testing.T, s dockertest.Spec, why string) {
	t.Helper()
	if out, code := p.Result(t, s); code != 1 || out != "testkit: cannot take charge of the pod: "+why+"\n" {
		t.Errorf("one who should not get the charge exits with %d and says %q, want 1 and %q", code, out, why)
	}
}

func TestSupervisorsAreInChargeOneAfterTheOther(t *testing.T) {
	t.Parallel()
	p := paired(t)
	web := p.component(t, 0)
	first := p.supervisor(t, "web-supervisor", 0)
	p.refuses(t, p.spec("other"), "web-supervisor is in charge")

	if err := p.Client().ContainerPause(t.Context(), first.ID); err != nil {
		t.Fatal(err)
	}
	p.refuses(t, p.spec("other"), "web-supervisor is in charge") // it stands still, and has not ended
	if err := p.Client().ContainerUnpause(t.Context(), first.ID); err != nil {
		t.Fatal(err)
	}
	first.Kill(t, "KILL")
	exits(t, "the first supervisor", first, killed)

	second := p.supervisor(t, "second", 1)
	second.Stop(t, patience) // it says that it stops the components, and is gone
	exits(t, "the second supervisor", second, 0)
	third := p.supervisor(t, "third", 2)
	got(t, "the component", web, "")

	p.pause.Kill(t, "KILL")
	tells(t, third, "lost")
	exits(t, "the component", web, killed)
	if out := p.pause.Output(t); out != "" {
		t.Errorf("pause says %q, and all was well", out)
	}
}

// Each of them dies at once and the next one claims at once, so that pause has to find out
// itself that the former is dead. What is in the memory goes from one to the next.
func TestTheMemoryOutlivesAHundredSupervisors(t *testing.T) {
	t.Parallel()
	const times, limit, growth = 100, 2_100_000, 100_000
	p := paired(t)
	witness := p.component(t, 0)
	p.supervisor(t, "first", 0).Kill(t, "KILL")
	before := resident(t, witness)

	var want strings.Builder
	for i := range times {
		fmt.Fprintln(&want, "granted", i+1)
	}
	if out, code := p.Result(t, p.spec("mortal", "deaths", fmt.Sprint(times))); code != 0 || out != want.String() {
		t.Errorf("exit code %d, and the memory went from one to the next as\n%s", code, out)
	}
	p.supervisor(t, "last", times+1)
	after := resident(t, witness)
	t.Logf("%d bytes resident at first, %d after %d supervisors", before, after, times)
	if after > limit || after-before > growth {
		t.Errorf("pause used %d bytes at first and %d after %d supervisors; want at most %d, and %d more than at first",
			before, after, times, limit, growth)
	}
}

// A component shares the network and finds the socket there.
func TestAComponentCannotTakeCharge(t *testing.T) {
	t.Parallel()
	const refused = "pause grants no charge: it is ending, or this process is in its PID namespace"
	p := paired(t)
	component := p.spec("component")
	component.PID = dockertest.Join(p.pause)
	p.component(t, 0)

	p.refuses(t, component, refused)
	p.supervisor(t, "web-supervisor", 0)
	p.refuses(t, component, refused) // and is not told a name
}

func TestWhoIsInChargeStopsThePod(t *testing.T) {
	for name, c := range map[string]struct {
		why     string
		grace   string
		before  func(t *testing.T, p *pair, supervisor, web *dockertest.Container)
		want    string // the signals that the component gets
		code    int    // of the component
		silence bool   // pause says nothing: nobody was told
	}{
		"Ends": {"the supervisor stops all, and pause sees that nobody is left", "1h", func(t *testing.T, p *pair, supervisor, web *dockertest.Container) {
			p.pause.Kill(t, "TERM")
			tells(t, supervisor, "asked")
			p.pause.Kill(t, "INT") // it has been told
			got(t, "a component that the supervisor has not stopped yet", web, "")
			web.Kill(t, "TERM")
		}, "term\n", 0, false},
		"Kill1": {"a component wants the pod to end", "1h", func(t *testing.T, p *pair, supervisor, web *dockertest.Container) {
			sends(t, web, "TERM")
			tells(t, supervisor, "asked")
			web.Kill(t, "TERM")
		}, "term\n", 0, false},
		"Dies": {"who was told to stop the pod died, and had asked nobody", "1h", func(t *testing.T, p *pair, supervisor, web *dockertest.Container) {
			p.pause.Kill(t, "TERM")
			tells(t, supervisor, "asked")
			supervisor.Kill(t, "KILL")
		}, "term\n", 0, false},
		"DiesStopping": {"it had asked everybody, so it said", "1s", func(t *testing.T, p *pair, supervisor, web *dockertest.Container) {
			p.pause.Kill(t, "TERM")
			tells(t, supervisor, "asked")
			supervisor.Kill(t, "USR1")
			tells(t, supervisor, "stopping")
			supervisor.Kill(t, "KILL")
		}, "", killed, false},
		"StopsFirst": {"it is told although it stops them: pause will go too", "1s", func(t *testing.T, p *pair, supervisor, web *dockertest.Container) {
			supervisor.Kill(t, "USR1")
			tells(t, supervisor, "stopping")
			p.pause.Kill(t, "TERM")
			tells(t, supervisor, "asked")
			supervisor.Kill(t, "KILL")
		}, "", killed, false},
		"Left": {"what one who is gone has asked was for its own time", "1h", func(t *testing.T, p *pair, supervisor, web *dockertest.Container) {
			supervisor.Stop(t, patience)
			p.pause.Kill(t, "TERM")
		}, "term\n", 0, true},
		"Next": {"so does a successor's death", "1h", func(t *testing.T, p *pair, supervisor, web *dockertest.Container) {
			supervisor.Stop(t, patience)
			next := p.supervisor(t, "web-supervisor", 1)
			p.pause.Kill(t, "TERM")
			tells(t, next, "asked")
			next.Kill(t, "KILL")
		}, "term\n", 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := paired(t, "-grace", c.grace)
			web, supervisor := p.component(t, 0), p.supervisor(t, "web-supervisor", 0)
			c.before(t, p, supervisor, web)

			exits(t, "the component", web, c.code)
			exits(t, "pause", p.pause, 0)
			got(t, c.why+": the component", web, c.want)
			said := p.pause.Output(t)
			if told := strings.Count(said, " has come here and the supervisor web-supervisor is told to stop the pod\n"); c.silence != (said == "") ||
				!c.silence && (told != 1 || strings.Count(said, "\n") != 1) {
				t.Errorf("%s: pause says %q, and has told somebody: %v", c.why, said, !c.silence)
			}
		})
	}
}
