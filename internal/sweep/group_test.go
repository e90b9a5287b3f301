package sweep_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/engine/fake"
	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/sweep"
)

// groups are those of owners, of which one cannot be dropped.
type groups struct {
	owners  []engine.ID
	stays   engine.ID
	dropped []engine.ID
}

func (g *groups) Owners(context.Context) ([]engine.ID, error) { return g.owners, nil }

func (g *groups) Drop(_ context.Context, owner engine.ID) error {
	if owner == g.stays {
		return errors.New("something still runs in it")
	}
	g.dropped = append(g.dropped, owner)
	return nil
}

func (g *groups) Name(owner engine.ID) string { return "/podlike/" + string(owner) }

func TestGroupsOfTheDeadAreDroppedAndThoseOfTheLivingAreNot(t *testing.T) {
	for name, test := range map[string]struct {
		why   string
		dry   bool
		stays engine.ID
		drops []engine.ID
		told  []string
		err   string
	}{
		"Dead":   {"nobody needs it", false, "", []engine.ID{"dead", "gone"}, []string{"/podlike/dead", "/podlike/gone"}, ""},
		"DryRun": {"nothing is changed", true, "", nil, []string{"/podlike/dead", "/podlike/gone"}, ""},
		"Busy":   {"one that cannot be dropped keeps no other", false, "dead", []engine.ID{"gone"}, []string{"/podlike/gone"}, "something still runs in it"},
	} {
		t.Run(name, func(t *testing.T) {
			e := fake.New()
			t.Cleanup(e.Close)
			e.AddImage("app", fake.Running(fake.UntilAsked))
			lives, _, err := e.Create(t.Context(), engine.Container{Name: "lives", Image: "app"})
			if err == nil {
				err = e.Start(t.Context(), lives)
			}
			if err != nil {
				t.Fatal(err)
			}
			g := &groups{owners: []engine.ID{"dead", lives, "mine", "gone"}, stays: test.stays}
			var told []string
			s := sweep.Sweeper{Engine: e, Owner: pod.Owner{ID: "mine"}, DryRun: test.dry, Emit: func(e event.Event) { told = append(told, e.Container) }}
			n, err := s.DropGroups(t.Context(), g)
			if diff := cmp.Diff(test.drops, g.dropped); diff != "" || n != len(test.told) {
				t.Errorf("%s: dropped %d\n%s", test.why, n, diff)
			}
			if diff := cmp.Diff(test.told, told); diff != "" {
				t.Errorf("%s:\n%s", test.why, diff)
			}
			if (err == nil) != (test.err == "") || err != nil && err.Error() != test.err {
				t.Errorf("%s: %v", test.why, err)
			}
		})
	}
}
