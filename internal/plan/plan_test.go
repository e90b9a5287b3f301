package plan_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/plan"
	"github.com/podlike/podlike/internal/pod"
)

// A plan that waits for itself, or for a step that it does not have, would keep
// whoever carries it out waiting for ever.
func TestEveryPlanCanBeCarriedOut(t *testing.T) {
	for seed := range uint64(200) {
		p, w := anyPod(rand.New(rand.NewPCG(seed, 0)))
		for name, steps := range map[string]plan.Plan{
			"up":   plan.Reconcile(p, me, w, plan.Goal{Kind: plan.Up}),
			"down": plan.Reconcile(p, me, w, plan.Goal{Kind: plan.Down}),
		} {
			if stuck := carryOut(steps); len(stuck) > 0 {
				t.Fatalf("seed %d, %s: never done:\n%sof\n%s", seed, name, stuck, steps)
			}
		}
	}
}

// carryOut does what can be done until nothing more can, and returns the rest.
func carryOut(steps plan.Plan) plan.Plan {
	done := map[string]bool{}
	waits := func(s plan.Step) bool {
		return slices.ContainsFunc(s.After, func(key string) bool { return !done[key] })
	}
	for again := true; again; {
		again = false
		for _, s := range steps {
			if !done[s.Key()] && !waits(s) {
				done[s.Key()], again = true, true
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(steps), func(s plan.Step) bool { return done[s.Key()] })
}

// anyPod is a valid pod and a world in which some of it is there already.
func anyPod(random *rand.Rand) (pod.Pod, plan.World) {
	p := pod.Pod{PauseImage: "hold"}
	w := plan.World{Images: there("image 0", "image 2")}
	for i := range random.IntN(8) {
		c := pod.Component{Name: fmt.Sprint("c", i), Image: fmt.Sprint("image ", random.IntN(4))}
		for on := range i {
			switch random.IntN(4) {
			case 0:
				c.DependsOn = append(c.DependsOn, pod.Dependency{Name: fmt.Sprint("c", on), Condition: pod.Started})
			case 1:
				c.DependsOn = append(c.DependsOn, pod.Dependency{Name: fmt.Sprint("c", on), Condition: pod.Healthy})
			}
		}
		p.Components = append(p.Components, c)
		if random.IntN(2) == 0 {
			seen := ours(c.Name)
			seen.Running = random.IntN(2) == 0
			w.Containers = append(w.Containers, seen)
			w.Volumes = append(w.Volumes, engine.Volume{Name: c.Name, Labels: me.Labels(pod.RoleScratch)})
		}
	}
	if random.IntN(2) == 0 {
		w.Containers = append(w.Containers, ours(""))
	}
	return p, w
}
