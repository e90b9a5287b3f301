package supervise_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/engine/fake"
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/supervise"
)

// What binds the pod comes before each start of a component, and pause does not wait for it: it is
// made meanwhile.
func TestAComponentIsBoundBeforeEachOfItsStarts(t *testing.T) {
	for name, test := range map[string]struct {
		why  string
		err  error
		code int
		want string
	}{
		"Bound":  {"also when it is started again", nil, 0, "start pause, bind web, start web, bind web, start web"},
		"Cannot": {"what cannot be bound does not run", errors.New("broken"), 125, "start pause, bind web"},
	} {
		t.Run(name, func(t *testing.T) {
			web := app("web")
			if test.err == nil {
				web.Restart = pod.Restart{Policy: pod.RestartAlways}
			}
			play(t, []pod.Component{web}, func(s *scene) {
				var did []string
				s.with = func(c *supervise.Config) {
					c.Bind = func(_ context.Context, component string, id engine.ID) error {
						if seen, err := s.Inspect(s.Context(), string(id)); err != nil || seen.Name != s.name(component) {
							t.Errorf("bound is %+v, %v", seen, err)
						}
						did = append(did, "bind "+component)
						return test.err
					}
				}
				s.Intercept(func(ctx context.Context, c fake.Call, do func() error) error {
					if c.Op == "start" {
						did = append(did, "start "+c.Name[strings.LastIndexAny(c.Name, ".-")+1:])
					}
					return usual(ctx, c, do)
				})
				time.AfterFunc(time.Second, func() { s.Kill(s.name("web")) })
				code, _ := s.runFor(time.Minute)
				s.exits(code, test.code)
				if diff := cmp.Diff(test.want, strings.Join(did, ", ")); diff != "" {
					t.Errorf("%s:\n%s", test.why, diff)
				}
			})
		})
	}
}
