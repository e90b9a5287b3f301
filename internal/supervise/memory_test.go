package supervise_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"strings"
	"testing"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/engine/fake"
	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/pod"
)

// secret is a file of the supervisor's.
func secret(t *testing.T, content string) string {
	t.Helper()
	name := path.Join(t.TempDir(), "secret")
	if err := os.WriteFile(name, []byte(content), 0o400); err != nil {
		t.Fatal(err)
	}
	return name
}

// show is a program that prints a file's mode and content, and waits.
func show(name string) fake.Program {
	return func(ctx context.Context, p fake.Process) int {
		fmt.Fprintf(p.Stdout, "%v %s\n", p.Files[name].Mode, p.Files[name].Content)
		return fake.UntilAsked(ctx, p)
	}
}

func TestWhatIsInMemoryIsThereWhenItsComponentIsCreated(t *testing.T) {
	db, mode := of("db", "shows"), uint32(0o440)
	db.Copies = []pod.Copy{{Source: secret(t, "for db"), Target: "/run/secrets/s", Memory: true, Mode: &mode}}
	db.TerminationMessage = "/dev/termination-log"
	web := app("web", started("db"))
	web.Copies = []pod.Copy{{Source: secret(t, "for all to see"), Target: "/etc/web"}}
	play(t, []pod.Component{db, web}, func(s *scene) {
		s.AddImage("shows", fake.Running(show("/run/secrets/s")))
		var put []string
		s.Intercept(func(ctx context.Context, c fake.Call, do func() error) error {
			if c.Op == "put" {
				put = append(put, c.Name)
			}
			return usual(ctx, c, do)
		})
		code, _ := s.runFor(1e9)
		s.exits(code, 0)
		s.happened(`
container created: pause
container created: web
component started: pause
container created: db
component started: db
component started: web
`, event.Created, event.Started)
		if got := s.stdout.String(); got != "[out] db: -r--r----- for db\n" {
			t.Errorf("it has %q", got)
		}
		if got, want := fmt.Sprint(put), fmt.Sprint([]string{s.name("web"), s.owner.PauseName()}); got != want {
			t.Errorf("files were put into %s, want %s: a secret in a component's own root is on a disk", got, want)
		}
	})
}

func TestWhatCannotBeHandedOnInMemoryEndsThePod(t *testing.T) {
	for name, test := range map[string]struct{ why, source, op, want string }{
		"Source": {"it was there when the pod was read", "/none", "", "cannot copy /none: no such file or directory"},
		"Engine": {"the engine is at fault", "", "put", "cannot hand on in memory: cannot put shop.1.podlike-pause: broken"},
		"Where":  {"nothing could be mounted", "", "inspect", "cannot inspect shop.1.podlike-pause: broken"},
	} {
		t.Run(name, func(t *testing.T) {
			db := app("db")
			db.Copies = []pod.Copy{{Source: test.source, Target: "/s", Memory: true}}
			if test.source == "" {
				db.Copies[0].Source = secret(t, "x")
			}
			play(t, []pod.Component{db}, func(s *scene) {
				s.Intercept(func(ctx context.Context, c fake.Call, do func() error) error {
					if c.Op == test.op && strings.HasSuffix(c.Name, "pause") {
						return errors.New("broken")
					}
					return usual(ctx, c, do)
				})
				s.exits(s.run(s.Context()), 125)
				if got := s.last(); got.Component != "pause" || got.Why != test.want {
					t.Errorf("%s: %s: %s", test.why, got.Component, got.Why)
				}
				s.happened("container created: pause\n", event.Created)
			})
		})
	}
}

// An engine that goes away in between gets all of it once more when it is back.
func TestWhatIsHandedOnInMemoryIsHandedOnAgainAfterAnOutage(t *testing.T) {
	db := of("db", "shows")
	db.Copies = []pod.Copy{{Source: secret(t, "for db"), Target: "/run/secrets/s", Memory: true}}
	play(t, []pod.Component{db}, func(s *scene) {
		s.AddImage("shows", fake.Running(show("/run/secrets/s")))
		for range 3 {
			s.FailNext("Put", fmt.Errorf("%w: connection refused", engine.ErrUnreachable))
		}
		code, _ := s.runFor(10e9)
		s.exits(code, 0)
		if got := s.stdout.String(); !strings.HasSuffix(got, " for db\n") {
			t.Errorf("it printed %q", got)
		}
	})
}

// The engine names its own path of what it could not mount, which says nothing to a user.
func TestWhatCannotBeMountedIsToldByItsCopy(t *testing.T) {
	db, file := app("db"), secret(t, "x")
	for range 11 {
		db.Copies = append(db.Copies, pod.Copy{Source: file, Target: "/etc" + strings.Repeat("/x", len(db.Copies)), Memory: true})
	}
	for copied, target := range map[int]string{0: "/etc", 1: "/etc/x", 10: "/etc" + strings.Repeat("/x", 10)} {
		play(t, []pod.Component{db}, func(s *scene) {
			s.Intercept(func(ctx context.Context, c fake.Call, do func() error) error {
				if c != (fake.Call{Op: "start", Name: s.name("db")}) {
					return usual(ctx, c, do)
				}
				pause, err := s.Inspect(ctx, s.owner.PauseName())
				return errors.Join(err, fmt.Errorf("error mounting %q: not a directory", fmt.Sprintf("%s/db.%d", pause.Mounts[0].Source, copied)))
			})
			s.exits(s.run(s.Context()), 125)
			want := "cannot copy " + file + " to " + target + " in db (if that is a directory, end it with a slash): "
			if got := s.last(); got.Component != "db" || !strings.HasPrefix(got.Why, want) {
				t.Errorf("got %s, want %s", got.Why, want)
			}
		})
	}
}
