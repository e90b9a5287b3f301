package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/engine/fake"
	"github.com/podlike/podlike/internal/plan"
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/status"
)

// A typist is a console where a test types.
type typist struct {
	io.Reader
	keys io.WriteCloser
	size [2]uint
	left sync.Once
}

func newTypist() *typist {
	r, w := io.Pipe()
	return &typist{Reader: r, keys: w}
}

func (y *typist) leave() { y.left.Do(func() { _ = y.Reader.(io.Closer).Close() }) }

func (y *typist) sizes(ctx context.Context, tell func(rows, columns uint)) {
	if y.size[0] > 0 {
		tell(y.size[0], y.size[1])
	}
	<-ctx.Done()
}

// A scene is a pod on an engine in memory, and somebody who looks at it.
type scene struct {
	*testing.T
	*fake.Engine
	look
	stdout, stderr bytes.Buffer
	typist         *typist
}

// play runs a test beside a pod `shop` whose component `web` runs and whose component
// `db` does not.
func play(t *testing.T, test func(s *scene)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &scene{T: t, Engine: fake.New(), typist: newTypist()}
		defer s.Engine.Close()
		s.look = look{Engine: s.Engine, stdout: &s.stdout, stderr: &s.stderr}
		s.AddImage("supervisor", fake.Running(fake.UntilAsked))
		s.AddImage("web:1", fake.Image{Entrypoint: []string{"/main"}, Programs: map[string]fake.Program{
			"/main": fake.UntilAsked, "/cat": cat, "/stubborn": fake.Stubborn, "/size": size,
		}})
		s.AddRemote("tools", fake.Running(fake.Exit(0, 0)))
		me := pod.Owner{ID: string(s.begin(engine.Container{Name: "shop", Image: "supervisor"})), Name: "shop", Version: version}
		pause := s.begin(engine.Container{Name: me.PauseName(), Image: "supervisor", Labels: me.Labels(pod.RolePause), ShareIPC: true})
		web := me.Labels(pod.RoleComponent)
		web[pod.LabelComponent] = "web"
		s.begin(engine.Container{Name: me.ContainerName("web"), Image: "web:1", Labels: web, PID: pause})
		test(s)
	})
}

func (s *scene) begin(c engine.Container) engine.ID {
	s.Helper()
	id, _, err := s.Create(s.Context(), c)
	if err := errors.Join(err, s.Start(s.Context(), id)); err != nil {
		s.Fatal(err)
	}
	return id
}

// id is that of a container.
func (s *scene) id(name string) engine.ID {
	s.Helper()
	c, err := s.Inspect(s.Context(), name)
	if err != nil {
		s.Fatal(err)
	}
	return c.ID
}

// pod is what the supervisor tells.
func (s *scene) pod() status.Pod {
	return status.Pod{ID: string(s.id("shop")), Components: []status.Component{{Name: "db", Image: "db:1"}, {Name: "web", Image: "web:1"}}}
}

// cat says what is typed and ends with its end, and with 3.
func cat(_ context.Context, p fake.Process) int {
	_, _ = io.Copy(p.Stdout, p.Stdin)
	fmt.Fprint(p.Stderr, "bye")
	return 3
}

// size says the size of its terminal.
func size(_ context.Context, p fake.Process) int {
	fmt.Fprint(p.Stdout, <-p.Size)
	return 0
}

// runs has a command run and reports how it ends. Nothing of it is left then.
func (s *scene) runs(ctx context.Context, tty bool, command ...string) (int, error) {
	s.Helper()
	made, err := s.describe(ctx, debugging{target: "web", command: command}, s.pod(), tty)
	if err != nil {
		s.Fatal(err)
	}
	code, err := s.look.run(ctx, made, s.typist)
	left, lost := s.List(s.Context(), map[string]string{pod.LabelRole: pod.RoleDebug})
	if lost != nil || len(left) > 0 {
		s.Errorf("left: %v, %v", left, lost)
	}
	return code, err
}

func TestADebugCommandHasOurStreamsAndItsExitCode(t *testing.T) {
	play(t, func(s *scene) {
		go func() {
			_, _ = io.WriteString(s.typist.keys, "typed")
			_ = s.typist.keys.Close()
		}()
		code, err := s.runs(s.Context(), false, "/cat")
		if code != 3 || err != nil || s.stdout.String() != "typed" || s.stderr.String() != "bye" {
			s.Errorf("got %d, %v, stdout %q, stderr %q", code, err, &s.stdout, &s.stderr)
		}
	})
}

func TestADebugTerminalHasOursSize(t *testing.T) {
	play(t, func(s *scene) {
		s.typist.size = [2]uint{12, 34}
		code, err := s.runs(s.Context(), true, "/size")
		if code != 0 || err != nil || s.stdout.String() != "[12 34]" {
			s.Errorf("got %d, %v, stdout %q", code, err, &s.stdout)
		}
	})
}

func TestADebugContainerGoesWithWhoLooks(t *testing.T) {
	for name, test := range map[string]struct {
		why   string
		tty   bool
		leave func(s *scene, cancel func())
	}{
		"Signal":   {"SIGTERM and SIGHUP", false, func(_ *scene, cancel func()) { cancel() }},
		"Terminal": {"docker exec -it has gone, and typed nothing", true, func(s *scene, _ func()) { _ = s.typist.keys.Close() }},
		"Pod":      {"the pod ends", false, func(s *scene, _ func()) { s.Kill("shop.podlike-pause") }},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, func(s *scene) {
				ctx, cancel := context.WithCancel(s.Context())
				defer cancel()
				time.AfterFunc(time.Minute, func() { test.leave(s, cancel) })
				began := time.Now()
				made, err := s.describe(ctx, debugging{image: "web:1", command: []string{"/stubborn"}}, s.pod(), test.tty)
				if err != nil {
					s.Fatal(err)
				}
				code, err := s.look.run(ctx, made, s.typist)
				if code != 137 || err != nil {
					s.Errorf("%s: got %d, %v", test.why, code, err)
				}
				if took := time.Since(began); took < time.Minute || took > 61*time.Second {
					s.Errorf("%s: it took %v", test.why, took)
				}
				if _, err := s.Inspect(s.Context(), made.Name); !errors.Is(err, engine.ErrNotFound) {
					s.Errorf("%s: it is left: %v", test.why, err)
				}
			})
		})
	}
}

// Input that has ended says nothing of who waits for the output.
func TestTheEndOfPipedInputEndsNoCommand(t *testing.T) {
	play(t, func(s *scene) {
		_ = s.typist.keys.Close()
		ctx, cancel := context.WithTimeout(s.Context(), time.Hour)
		defer cancel()
		if code, err := s.runs(ctx, false, "/stubborn"); code != 137 || err != nil || ctx.Err() == nil {
			s.Errorf("got %d, %v", code, err)
		}
	})
}

func TestADebugCommandThatCannotBeStartedHasDockersExitCode(t *testing.T) {
	for command, want := range map[string]int{"/none": 127, "/": 126} {
		play(t, func(s *scene) {
			_, err := s.runs(s.Context(), false, command)
			var own exitError
			if !errors.As(err, &own) || own.code != want {
				s.Errorf("%s: got %v, want %d", command, err, want)
			}
		})
	}
}

func TestADebugImageThatCannotBePulledHasDockersExitCode(t *testing.T) {
	play(t, func(s *scene) {
		_, err := s.haveImage(s.Context(), "nowhere:1")
		var own exitError
		if !errors.As(err, &own) || own.code != 125 {
			s.Errorf("got %v, want 125", err)
		}
	})
}

func TestWhatIsLookedAtAndWithWhichImage(t *testing.T) {
	for name, test := range map[string]struct {
		why         string
		asked       debugging
		change      func(s *scene, p *status.Pod)
		image, sees string
		said, wrong string
	}{
		"Default":    {"the pod, with what the first component has", debugging{}, func(s *scene, _ *status.Pod) { s.AddImage("db:1", fake.Running(cat)) }, "db:1", "shop.podlike-pause", "", ""},
		"Image":      {"an image with tools, which is pulled", debugging{image: "tools"}, nil, "tools", "shop.podlike-pause", "supervisor: pulling tools\n", ""},
		"Target":     {"one component, with its image", debugging{target: "web"}, nil, "web:1", "shop.podlike.web", "", ""},
		"Both":       {"one component, with an image", debugging{target: "web", image: "supervisor"}, nil, "supervisor", "shop.podlike.web", "", ""},
		"Crashed":    {"one that does not run is what one looks at most", debugging{target: "db", image: "web:1"}, nil, "web:1", "shop.podlike-pause", "supervisor: db does not run now; the processes are the pod's\n", ""},
		"Misspelt":   {"who else?", debugging{target: "wbe"}, nil, "", "", "", "-target wbe: no component is called that; there are: db, web"},
		"NoImage":    {"there is nowhere to get it", debugging{image: "none"}, nil, "", "", "supervisor: pulling none\n", "cannot pull none: not found"},
		"NoPod":      {"the supervisor has just begun", debugging{}, func(_ *scene, p *status.Pod) { *p = status.Pod{} }, "", "", "", "there is no pod yet"},
		"NoPause":    {"it has just ended", debugging{image: "web:1"}, func(s *scene, _ *status.Pod) { s.Kill("shop.podlike-pause"); synctest.Wait(); time.Sleep(time.Second) }, "", "", "", "the pod has no namespaces to join: its pause container does not run"},
		"NoneToTake": {"a pod that is not there yet has no images", debugging{}, func(_ *scene, p *status.Pod) { p.Components = nil }, "", "", "", "the pod has no component whose image to run; name one with -image"},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, func(s *scene) {
				p := s.pod()
				if test.change != nil {
					test.change(s, &p)
				}
				test.asked.command = []string{"sh"}
				got, err := s.describe(s.Context(), test.asked, p, true)
				if said := s.stderr.String(); said != test.said {
					s.Errorf("%s: it said %q, want %q", test.why, said, test.said)
				}
				if test.wrong != "" {
					if err == nil || err.Error() != test.wrong {
						s.Errorf("%s: got %v, want %s", test.why, err, test.wrong)
					}
					return
				}
				if err != nil {
					s.Fatal(err)
				}
				me, which := pod.Owner{ID: p.ID, Name: "shop", Version: version}, strings.TrimPrefix(got.Name, "shop.podlike.debug-")
				one := plan.Debug{Which: which, Image: test.image, Command: []string{"sh"}, Target: s.id(test.sees), TTY: true}
				want := plan.DebugContainer(me, one, s.id("shop.podlike-pause"), engine.Image{}, 1)
				if diff := cmp.Diff(want, got); diff != "" || len(which) != 6 {
					s.Errorf("%s:\n%s", test.why, diff)
				}
			})
		})
	}
}

func TestTheCommandOfDebugIsNobodysFlags(t *testing.T) {
	for name, test := range map[string]struct {
		why  string
		args []string
		want debugging
	}{
		"Nothing": {"a shell is what one wants", nil, debugging{command: []string{"sh"}}},
		"Command": {"its flags are its own", []string{"ps", "-target"}, debugging{command: []string{"ps", "-target"}}},
		"Dashes":  {"as kubectl has it", []string{"--image=a", "--target", "web", "--", "sh", "-c", "x"}, debugging{image: "a", target: "web", command: []string{"sh", "-c", "x"}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parseDebug(test.args, io.Discard)
			if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(debugging{})); diff != "" || err != nil {
				t.Errorf("%s: %v\n%s", test.why, err, diff)
			}
		})
	}
	if _, err := parseDebug([]string{"-h"}, io.Discard); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("asked for help it says %v", err)
	}
}
