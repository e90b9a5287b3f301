package plan

import (
	"fmt"
	"maps"
	"slices"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/pod"
)

// sweep removes what carries our labels and belongs to a supervisor that does not run any
// more, whatever service it was of. What runs gets its stop signal first. What cannot be
// removed keeps nobody from anything.
func sweep(w World) Plan {
	steps := removal(w, func(s engine.Seen) (string, bool) { return orphan(s, w.Alive) }, func(s engine.Seen) string { return s.Name })
	gone := steps.keys()
	for _, v := range w.Volumes {
		if why, ok := orphaned(v.Labels, w.Alive); ok && v.Labels[pod.LabelRole] == pod.RoleScratch {
			steps = append(steps, Step{Op: RemoveVolume, Name: v.Name, Why: why, After: gone})
		}
	}
	for i := range steps {
		steps[i].BestEffort = true
	}
	return steps
}

// orphan reports whether a container is ours and belongs to nobody any more, and why.
func orphan(s engine.Seen, alive map[engine.ID]bool) (why string, ok bool) {
	why, ok = orphaned(s.Labels, alive)
	return why, ok && pod.IsOurs(s.Name, s.Labels)
}

// orphaned reports whether something with these labels belongs to nobody any more, and why.
func orphaned(labels map[string]string, alive map[engine.ID]bool) (why string, ok bool) {
	of := labels[pod.LabelOwner]
	if of == "" || alive[engine.ID(of)] {
		return "", false
	}
	return fmt.Sprintf("its owner %.12s is gone", of), true
}

// removal stops and removes containers. Components get their stop signal; pause ends
// whatever still runs with it, so it is removed when all have had it.
func removal(w World, doomed func(engine.Seen) (why string, ok bool), name func(engine.Seen) string) Plan {
	var stops, removes Plan
	var pauses []int
	for _, c := range w.Containers {
		why, ok := doomed(c)
		if !ok {
			continue
		}
		remove := Step{Op: Remove, Name: name(c), Container: c.ID, Why: why, BestEffort: true}
		if c.Running && c.Labels[pod.LabelRole] == pod.RoleComponent {
			stop := Step{Op: Stop, Name: name(c), Container: c.ID, Why: why, BestEffort: true}
			stops = append(stops, stop)
			remove.After = []string{stop.Key()}
		}
		if c.Labels[pod.LabelRole] == pod.RolePause {
			pauses = append(pauses, len(removes))
		}
		removes = append(removes, remove)
	}
	for _, i := range pauses {
		removes[i].After = stops.keys()
	}
	return append(stops, removes...)
}

// Owners are those of all that is there, in order, each once. Of each a sweep has
// to know whether it runs.
func Owners(w World) []engine.ID {
	owners := map[engine.ID]bool{}
	for _, c := range w.Containers {
		owners[engine.ID(c.Labels[pod.LabelOwner])] = true
	}
	for _, v := range w.Volumes {
		owners[engine.ID(v.Labels[pod.LabelOwner])] = true
	}
	delete(owners, "")
	return slices.Sorted(maps.Keys(owners))
}
