package plan

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/pod"
)

// pulls are the images to pull, each once, in the order of first use. Where users of one
// image disagree, one that asks for a pull is enough.
func (a ascent) pulls() Plan {
	var steps Plan
	add := func(step Step, policy pod.Pull) {
		step.Why = a.world.lacks(step.Name, step.Platform, policy)
		if step.Why != "" && !slices.Contains(steps.keys(), step.Key()) {
			steps = append(steps, step)
		}
	}
	if a.makesPause() {
		add(pull(a.pod.PauseImage, ""), pod.Missing)
	}
	for _, c := range a.missing() {
		add(pull(c.Image, c.Platform), cmp.Or(c.Pull, a.pod.Pull))
	}
	return steps
}

func pull(image, platform string) Step {
	return Step{Op: Pull, Name: image, Platform: platform}
}

// lacks says why an image has to be pulled, nothing if it has not.
func (w World) lacks(image, platform string, policy pod.Pull) string {
	there, known := w.Images[image]
	switch {
	case policy == pod.Never:
		return ""
	case policy == pod.Always:
		return "always"
	case !known:
		return "not there"
	case !fits(there.Platform, platform):
		return "that there is for " + there.Platform
	}
	return ""
}

// fits tells whether an image for one platform is what was asked for: the same, as
// far as both say.
func fits(there, asked string) bool {
	return there == "" || asked == "" || strings.HasPrefix(there+"/", asked+"/") || strings.HasPrefix(asked+"/", there+"/")
}

// Settled are those of the images that the plan does not pull: what is there is what will run.
func (p Plan) Settled(images map[string]engine.Image) map[string]engine.Image {
	settled := maps.Clone(images)
	for _, step := range p {
		if step.Op == Pull {
			delete(settled, step.Name)
		}
	}
	return settled
}
